"""The mutual information between layers of any Keras model, measured while it trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import keras
import numpy as np
from numpy.typing import NDArray

from mi_core import InputError
from mi_core.arguments import check_names, whole_number
from trainer.activations import Probe, build_for, units_last
from trainer.config import Pair, Statistics
from trainer.measured_data import arrays_of
from trainer.measurement import Measurement, MeasurementOptions
from trainer.table import Row

DEFAULT_BATCH = 10_000


class MutualInformationCallback(keras.callbacks.Callback):
    """Measures MI between layers before training and after epochs, for `model.fit` of any Keras model.

    Training is not affected: the weights after it are the same bits with and without. What is measured goes into `rows`, and
    into `table` if one is named; one number a pair goes into `logs`, so that History and the progress bar show it:
    `mi_first_last`, with the first of several statistics, standardisations and k, beside `error` and `mi_seconds`. What should
    be known before the numbers are used is said on stderr when training ends.

    Args:
        data: The samples to measure on: an array, or a list or dict of arrays as the model takes them. Or a tuple of these
            and labels, with which the error is measured too: classes, (n_samples,) integers, bool or text, or one-hot; or
            numbers that a regression predicts. Or batches of these, all read once, into memory: a tf.data.Dataset, a
            PyDataset, a Torch DataLoader.
        layers: Names of layers, of which all pairs are measured, or pairs of names. "first" and "last", where no layer has
            that name, are the first and last hidden layers of a plain stack; "input" is the samples themselves, "labels" the
            classes or targets; "block/conv" a layer of an inner model, "conv:1" the second call of a layer, "lstm[0]" the first
            of the arrays that a layer gives.
        k: Neighbour order, or several at the cost of one search; None (default) for 3, and for more where samples belong
            together.
        every: Epochs to measure at: every so many, a collection of epochs, or a function of the epoch. 0 is before training;
            1 by default.
        null_every: Epochs, among those, at which to estimate the null too: MI with the pairing shuffled, whose truth is 0.
            0 (default) for never.
        bn: Batch normalisation when measuring, one or both: "inference", with its moving averages, as `predict` has it;
            "batch", with the statistics of the measured samples themselves. None (default) for both in a network that has
            batch normalisation, and "inference" in others.
        samples: Number of samples to measure on, drawn once without replacement; None (default) for all.
        seed: Seed of that draw, and of the shuffle; 0 by default.
        units: "bits" (default) or "nats".
        backend: How neighbours are counted, "auto" by default. `mi_core.mutual_information` explains this and the next options,
            down to `exclude`, at length.
        estimator: For all pairs; None (default) for "ross" between a layer and classes, and "ksg1" for all others.
        standardize: "sides" or "columns" for sides on one scale; "none" by default. Or several of these.
        noise: Noise against ties, such as 1e-6, in standard deviations of each side; 0 by default.
        reduce: Fewer columns, such as "cca:8", whose MI is estimated beside that of all; not with class labels.
        lower_bound: Whether to measure, too, what MI is at least, on samples that nothing was fitted on; not with class
            labels, and by default not.
        also: What else to measure of pairs of layers, any of "cka", linear centred kernel alignment; "knn-overlap", the share
            of nearest neighbours that both have; "dimension", intrinsic dimension and participation ratio of the second layer.
        also_every: Epochs, among those of `every`, at which `reduce`, `lower_bound` and `also` count; 1 by default.
        groups: (n_samples,) labels of samples that belong together.
        series: Whether samples are in order of time.
        exclude: Steps of a series that belong together.
        positions: For layers with positions, (samples, positions, units) or feature maps: "flatten" (default) for every unit at
            every position as a column, "mean" for units averaged over positions, "first" for the first position, "samples" for
            each position as a sample, those of an input being a group.
        name: A word ahead of all that is logged, for several callbacks in one training: "train" logs train_mi_first_last.
        batch_size: Most samples in one call of the model. Statistics "batch" are those of equal parts no larger than this.
        table: Path of a file of JSON lines; the rows of an epoch are on the disk before the next one starts.
        save_activations: Folder for the layers' activations at every measured epoch, as 0003-inference-last.npy, which
            `mi estimate` reads.
        quiet: Whether notes go into `rows` alone; by default not.

    Attributes:
        rows: The rows so far, one per epoch, pair, statistics, standardisation and k.
        indices: (n_samples,) which of the samples given are measured, ascending.

    Raises:
        InputError: An argument or the data cannot be used. What depends on the layers is found when training starts.

    Example::

        model.fit(x, y, epochs=20, callbacks=[MutualInformationCallback((x_test, y_test), layers=("first", "last"))])
    """

    def __init__(
        self,
        data: Any,
        layers: Sequence[str] | Sequence[Pair] = ("first", "last"),
        *,
        batch_size: int = DEFAULT_BATCH,
        **options: Unpack[MeasurementOptions],
    ) -> None:
        super().__init__()
        check_names(options, MeasurementOptions, "MutualInformationCallback")
        x, labels = arrays_of(data)
        self.measurement = Measurement(len(keras.tree.flatten(x)[0]), labels, layers, **options)
        self.x = keras.tree.map_structure(lambda array: array[self.indices], x)
        self.batch_size = whole_number(batch_size, "batch_size", at_least=1)
        self.probe: Probe | None = None
        self.begun = False

    @property
    def rows(self) -> list[Row]:
        """The rows so far, one per epoch, pair, statistics, standardisation and k."""
        return self.measurement.rows

    @property
    def indices(self) -> NDArray[np.int64]:
        """(n_samples,) which of the samples given are measured, ascending."""
        return self.measurement.indices

    def prepare(self, model: keras.Model) -> None:
        """Find the layers in a model. Training does this itself when it begins.

        Raises:
            InputError: A layer is not there, or what it gives is not one array.
        """
        build_for(model, self.x)
        self.probe = Probe(model, self.measurement.layers, self.batch_size)
        self.probe(keras.tree.map_structure(lambda array: array[:2], self.x), "inference")

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """The first epoch of this training is still to come; see to it that no two callbacks log under one name.

        Raises:
            InputError: They would.
        """
        self.begun = False
        others: list[MutualInformationCallback] = (self.params or {}).setdefault("mutual information", [])
        shared = sorted(key for other in others for key in self.measurement.log_keys & other.measurement.log_keys)
        if shared:
            raise InputError(f'two callbacks would log {shared[0]}: give one of them a name, such as name="train".')
        others.append(self)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Before the first epoch: find the layers, and measure the untrained network."""
        if self.begun:
            return
        self.begun = True
        self.prepare(self.model)
        assert self.probe is not None  # noqa: S101 - just made
        self.measurement.begin(epoch, normalises=self.probe.normalises)
        if epoch == 0:
            self.measurement.measure(0, self._read, {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure, and add to `logs` what was found, where nothing else is logged under that name."""
        logs = {} if logs is None else logs
        found = self.measurement.measure(epoch + 1, self._read, dict(logs))
        logs.update({key: value for key, value in found.items() if key not in logs})

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Say what should be known before the numbers are used."""
        self.measurement.end()

    def _read(self, statistics: Statistics) -> tuple[dict[str, NDArray[Any]], NDArray[Any] | None]:
        """Activations by name, the input among them, and the output of a model that has one."""
        assert self.probe is not None  # noqa: S101 - set when training begins
        _ = self.model  # on JAX, brings the weights of this moment into the model
        activations, output = self.probe(self.x, statistics)
        if self.measurement.positions != "flatten":
            activations = {name: units_last(self.probe.layer_of(name), array) for name, array in activations.items()}
        return activations | {"input": the_input(self.x)}, None if keras.tree.is_nested(output) else output


def the_input(x: Any) -> NDArray[Any]:
    """The input of the model; several side by side, one sample a row."""
    arrays = keras.tree.flatten(x)
    if len(arrays) == 1:
        return arrays[0]  # type: ignore[no-any-return]
    return np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)
