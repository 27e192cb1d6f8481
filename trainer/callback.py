"""Mutual information between layers of any Keras model, measured while it trains."""

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

    Training is not affected: the final weights are bit-identical with and without the callback. Measurements go into `rows`,
    and into `table` if one is named. One number per pair, such as `mi_first_last`, goes into `logs`, for History and the
    progress bar, beside `error` and `mi_seconds`; of several statistics, standardisations and k, the first is logged. Notes on
    how far to trust the numbers go to stderr when training ends.

    Args:
        data: Samples to measure on: an array, or a list or dict of arrays as the model takes them. With a tuple (x, labels),
            the error is measured too; labels are classes, (n_samples,) integers, bool or text, or one-hot, or the target
            numbers of a regression. A data set that gives batches of these works too, a tf.data.Dataset, a PyDataset or a Torch
            DataLoader; all of it is read into memory once.
        layers: Names of layers, all pairs of which are measured, or pairs of names. "first" and "last" are the first and last
            hidden layers of a plain stack, unless layers have these names; "input" is the samples themselves, "labels" the
            classes or targets. "block/conv" is a layer of an inner model, "conv:1" the second call of a layer, "lstm[0]" the
            first of the arrays that a layer returns.
        k: Neighbour order, or several at the cost of one search. None (default) means 3, or more where samples belong together.
        every: When to measure: after every so many epochs (1 by default), at a collection of epochs, or where a function of the
            epoch is true. Epoch 0 is before training.
        null_every: When to estimate the null too, among these epochs: MI with the pairing shuffled, whose true value is 0. 0
            (default) for never.
        bn: Statistics of batch normalisation when measuring, one or both: "inference" for the moving averages, as in `predict`;
            "batch" for those of the measured samples. None (default) means both in a network that has batch normalisation, and
            "inference" in others.
        samples: Number of samples to measure on, drawn once without replacement; None (default) for all.
        seed: Seed of that draw and of the shuffle; 0 by default.
        units: "bits" (default) or "nats".
        backend: Backend that counts neighbours, "auto" by default. `mi_core.mutual_information` explains this and the next
            options, down to `exclude`, in detail.
        estimator: Estimator of all pairs; None (default) means "ross" between a layer and classes, and "ksg1" for all others.
        standardize: Scaling of the sides, one or several of "none" (default), "sides" and "columns".
        noise: Noise that breaks ties, such as 1e-6, in standard deviations of each side; 0 by default.
        reduce: Reduction to fewer columns, such as "cca:8", whose MI is estimated too; not with class labels.
        lower_bound: Whether to measure a lower bound of MI, too, on held-out samples; not with class labels. False by default.
        also: Other measures of pairs of layers: "cka", linear centred kernel alignment; "knn-overlap", the share of nearest
            neighbours in common; "dimension", intrinsic dimension and participation ratio of the second layer.
        also_every: When to measure `reduce`, `lower_bound` and `also`, among the epochs of `every`; 1 by default.
        groups: (n_samples,) labels of samples that belong together.
        series: Whether the samples are a time series.
        exclude: Number of steps of a series that belong together.
        positions: Treatment of layers with positions, (samples, positions, units) or feature maps. "flatten" (default) makes
            every unit at every position a column, "mean" averages units over positions, "first" takes the first position, and
            "samples" makes each position a sample, with those of one input as a group.
        name: Prefix of all logged names, for several callbacks in one training: "train" logs train_mi_first_last.
        batch_size: Maximum number of samples in one call of the model. "batch" statistics are those of equal parts no larger
            than this.
        table: Path of a file of JSON lines; the rows of an epoch are on disk before the next epoch starts.
        save_activations: Folder for the layers' activations at every measured epoch, in files such as 0003-inference-last.npy,
            or 0003-train-inference-last.npy under the name train, for `mi estimate`.
        quiet: Whether notes go only into `rows`, not to stderr; False by default.

    Attributes:
        rows: The rows so far, one per epoch, pair, statistics, standardisation and k.
        indices: (n_samples,) indices of the measured samples, ascending.

    Raises:
        InputError: An argument or the data cannot be used. Faults that depend on the layers are found when training starts.

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
        """(n_samples,) indices of the measured samples, ascending."""
        return self.measurement.indices

    def prepare(self, model: keras.Model) -> None:
        """Find the layers in a model. Training calls this when it begins.

        Raises:
            InputError: A layer is missing, or its output is not one array.
        """
        build_for(model, self.x)
        self.probe = Probe(model, self.measurement.layers, self.batch_size)
        few = self.probe.fixed or 2
        self.probe(keras.tree.map_structure(lambda array: array[:few], self.x), "inference")

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Prepare for a new training, and check that no two callbacks log under one name.

        Raises:
            InputError: Two callbacks would log under one name.
        """
        self.begun = False
        others: list[MutualInformationCallback] = (self.params or {}).setdefault("mutual information", [])
        shared = sorted(key for other in others for key in self.measurement.log_keys & other.measurement.log_keys)
        if shared:
            raise InputError(f'two callbacks would log {shared[0]}: give one of them a name, such as name="train".')
        others.append(self)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Find the layers and measure the untrained network, before the first epoch."""
        if self.begun:
            return
        self.begun = True
        self.prepare(self.model)
        assert self.probe is not None  # noqa: S101 - just made
        self.measurement.begin(epoch, normalises=self.probe.normalises)
        if epoch == 0:
            self.measurement.measure(0, self._read, {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure, and add the results to `logs` under names that are still free."""
        logs = {} if logs is None else logs
        found = self.measurement.measure(epoch + 1, self._read, dict(logs))
        logs.update({key: value for key, value in found.items() if key not in logs})

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Print the notes to stderr."""
        self.measurement.end()

    def _read(self, statistics: Statistics) -> tuple[dict[str, NDArray[Any]], NDArray[Any] | None]:
        """Activations by name, including the input, and the output of a model that has a single one."""
        assert self.probe is not None  # noqa: S101 - set when training begins
        _ = self.model  # on JAX, brings the weights of this moment into the model
        activations, output = self.probe(self.x, statistics)
        given = the_input(self.x)
        if self.measurement.positions != "flatten":
            activations = {name: units_last(self.probe.layer_of(name), array) for name, array in activations.items()}
            given = units_last(None, given)
        return activations | {"input": given}, None if keras.tree.is_nested(output) else output


def the_input(x: Any) -> NDArray[Any]:
    """Input of the model as one array, one sample per row; several inputs are side by side."""
    arrays = keras.tree.flatten(x)
    if len(arrays) == 1:
        return arrays[0]  # type: ignore[no-any-return]
    return np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)
