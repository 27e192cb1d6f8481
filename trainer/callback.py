"""The mutual information between layers of any Keras model, measured while it trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import keras
import numpy as np
from numpy.typing import NDArray

from mi_core import InputError
from mi_core.arguments import check_names, whole_number
from mi_core.arrays import host_array
from trainer.activations import Probe, build_for
from trainer.config import Pair, Statistics
from trainer.measurement import Measurement, MeasurementOptions
from trainer.table import Row

DEFAULT_BATCH = 10_000


class MutualInformationCallback(keras.callbacks.Callback):
    """Measures MI between layers before training and after epochs, for `model.fit` of any Keras model.

    Training is not affected: the weights after it are the same bits with and without. What is measured goes into `logs`, so
    that History and the progress bar show it (`mi_first_last`, `error`, `mi_seconds`; `mi_first_last_batch`, `error_batch`
    with the samples' own statistics; `mi_first_last_k10` for k after the first), into `rows`, and into `table` if one is named.

    Args:
        data: The samples to measure on: an array, or a list or dict of arrays as the model takes them. Or a tuple of these
            and labels, (n_samples,) classes or one-hot, with which the error is measured too.
        layers: Names of layers, of which all pairs are measured, or pairs of names. "first" and "last", where no layer has
            that name, are the first and last hidden layers of a plain stack; "input" is the samples themselves, "labels" the
            classes, with which the estimator is that of Ross 2014.
        k: Neighbour order, or several at the cost of one search.
        every: Epochs to measure at: every so many, a collection of epochs, or a function of the epoch. 0 is before training.
        null_every: Epochs, among those, at which to estimate the null too: MI with the pairing shuffled, whose truth is 0.
        bn: Batch normalisation when measuring, one or both: "inference", with its moving averages, as `predict` has it;
            "batch", with the statistics of the measured samples themselves.
        samples: Number of samples to measure on, drawn once without replacement; None for all.
        seed: Seed of that draw, and of the shuffle.
        units: "bits" or "nats".
        backend: How neighbours are counted; see `mi_core.mutual_information`.
        batch_size: Most samples in one call of the model. Statistics "batch" are those of equal parts no larger than this.
        table: Path of a file of JSON lines; the rows of an epoch are on the disk before the next one starts.
        save_activations: Folder for the layers' activations at every measured epoch, as 0003-inference-last.npy.

    Attributes:
        rows: The rows so far, one per epoch, pair and statistics.
        indices: (n_samples,) which of the samples given are measured, ascending.

    Raises:
        InputError: An argument or the data cannot be used. A layer that does not exist is found when training starts.

    Example:
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
        x, labels = data if isinstance(data, tuple) else (data, None)
        self.measurement = Measurement(number_of_samples(x, labels), labels, layers, **options)
        self.x = keras.tree.map_structure(lambda array: host_array(array, "data")[self.indices], x)
        self.batch_size = whole_number(batch_size, "batch_size", at_least=1)
        self.probe: Probe | None = None
        self.begun = False

    @property
    def rows(self) -> list[Row]:
        """The rows so far, one per epoch, pair, statistics and k."""
        return self.measurement.rows

    @property
    def indices(self) -> NDArray[np.int64]:
        """(n_samples,) which of the samples given are measured, ascending."""
        return self.measurement.indices

    def prepare(self, model: keras.Model) -> None:
        """Find the layers in a model. Training does this itself when it begins.

        Raises:
            InputError: A layer is not there.
        """
        build_for(model, self.x)
        self.probe = Probe(model, self.measurement.layers, self.batch_size)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """The first epoch of this training is still to come."""
        self.begun = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Before the first epoch: find the layers, and measure the untrained network."""
        if self.begun:
            return
        self.begun = True
        self.prepare(self.model)
        self.measurement.begin(epoch)
        if epoch == 0:
            self.measurement.measure(0, self._read, {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure, and add to `logs` what was found."""
        logs = {} if logs is None else logs
        logs.update(self.measurement.measure(epoch + 1, self._read, dict(logs)))

    def _read(self, statistics: Statistics) -> tuple[dict[str, NDArray[Any]], NDArray[Any] | None]:
        """Activations by name, the input among them, and the output of a model that has one."""
        assert self.probe is not None  # noqa: S101 - set when training begins
        _ = self.model  # on JAX, brings the weights of this moment into the model
        activations, output = self.probe(self.x, statistics)
        return activations | {"input": flat(self.x)}, None if keras.tree.is_nested(output) else output


def number_of_samples(x: Any, labels: Any) -> int:
    """Number of samples, equal in every array."""
    sizes = {len(array) for array in keras.tree.flatten((x, labels)) if array is not None}
    if len(sizes) != 1:
        raise InputError(f"data has arrays of {', '.join(map(str, sorted(sizes)))} samples: they must be paired row by row.")
    return sizes.pop()


def flat(x: Any) -> NDArray[Any]:
    """All inputs of the model side by side, one sample a row."""
    return np.concatenate([array.reshape(len(array), -1) for array in keras.tree.flatten(x)], axis=1)
