"""The mutual information between layers of any Keras model, measured while it trains."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from mi_core import InputError
from mi_core._validate import host_array, neighbour_orders, one_of, whole_number
from mi_core.files import whole_file
from mi_core.options import Backend, Units
from trainer.activations import Probe, build_for
from trainer.config import Pair, Statistics
from trainer.measure import Estimator
from trainer.table import Row, Table

Schedule = int | Collection[int] | Callable[[int], bool]
"""Every so many epochs (0 for never), these epochs, or those for which it returns True. Epoch 0 is before training."""

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
        seed: Of that draw, and of the shuffle.
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
        k: int | Sequence[int] = 3,
        every: Schedule = 1,
        null_every: Schedule = 0,
        bn: Statistics | Sequence[Statistics] = ("inference", "batch"),
        samples: int | None = None,
        seed: int = 0,
        units: Units = "bits",
        backend: Backend = "auto",
        batch_size: int = DEFAULT_BATCH,
        table: str | Path | Table | None = None,
        save_activations: str | Path | None = None,
    ) -> None:
        super().__init__()
        x, labels = data if isinstance(data, tuple) else (data, None)
        self.indices = _drawn(_count(x, labels), samples, seed)
        self.x = keras.tree.map_structure(lambda array: host_array(array, "data")[self.indices], x)
        self.labels = None if labels is None else _classes(labels)[self.indices]
        self.pairs = as_pairs(layers)
        if self.labels is None and any("labels" in pair for pair in self.pairs):
            raise InputError("layers names labels, and data has none: give data as (x, labels).")
        self.bn: tuple[Statistics, ...] = (bn,) if isinstance(bn, str) else tuple(bn)
        for statistics in self.bn:
            one_of(statistics, Statistics, "bn")
        self.every, self.null_every = every, null_every
        one_of(units, Units, "units")
        one_of(backend, Backend, "backend")
        self.estimator = Estimator(k=neighbour_orders(k, len(self.indices)), units=units, backend=backend, seed=seed)
        self.batch_size = whole_number(batch_size, "batch_size", at_least=1)
        self.table = Table(table) if isinstance(table, str | Path) else table
        self.save_activations = None if save_activations is None else Path(save_activations)
        self.rows: list[Row] = []
        self.probe: Probe | None = None
        self.begun = False

    def prepare(self, model: keras.Model) -> None:
        """Find the layers in a model. Training does this itself when it begins.

        Raises:
            InputError: A layer is not there.
        """
        build_for(model, self.x)
        names = sorted({name for pair in self.pairs for name in pair} - {"input", "labels"})
        self.probe = Probe(model, names, self.batch_size)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """The first epoch of this training is still to come."""
        self.begun = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Before the first epoch: find the layers, and measure the untrained network."""
        if self.begun:
            return
        self.begun = True
        self.prepare(self.model)
        if self.table is not None and epoch > 0:
            self.table.keep(epoch)
        elif self.table is not None and self.table.rows():
            raise InputError(f"{self.table.path} holds the rows of another training: name a new file.")
        if epoch == 0:
            self._measure(0, {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure, and add to `logs` what was found."""
        logs = {} if logs is None else logs
        logs.update(self._measure(epoch + 1, dict(logs)))

    def _measure(self, epoch: int, logs: dict[str, Any]) -> dict[str, float]:
        """Measure if it is time, keep the rows, and give what is to be logged."""
        if not _is_due(self.every, epoch):
            return {}
        started = time.perf_counter()
        numbers = {name: float(value) for name, value in logs.items() if isinstance(value, int | float | np.number)}
        finite = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        rows = [row for statistics in self.bn for row in self._rows(epoch, statistics, finite)]
        if self.table is not None:
            self.table.append(rows)
        self.rows += rows
        return as_logs(rows) | {"mi_seconds": time.perf_counter() - started}

    def _rows(self, epoch: int, statistics: Statistics, logs: dict[str, float | None]) -> list[Row]:
        assert self.probe is not None  # noqa: S101 - set when training begins
        _ = self.model  # on JAX, brings the weights of this moment into the model
        activations, output = self.probe(self.x, statistics)
        if self.save_activations is not None:
            self._save(epoch, statistics, activations)
        activations["input"] = _flat(self.x)
        if self.labels is not None:
            activations["labels"] = self.labels
        error = _error(output, self.labels)
        rows = []
        for x, y in self.pairs:
            started = time.perf_counter()
            try:
                estimates = self.estimator(
                    activations[x], activations[y], labels=y == "labels", null=_is_due(self.null_every, epoch)
                )
            except InputError as problem:  # a dead or diverged layer is a finding, and no reason to end the training
                estimates = [{"k": k, "notes": (str(problem),)} for k in self.estimator.k]
            rows += [
                Row(
                    epoch=epoch,
                    x=x,
                    y=y,
                    bn=statistics,
                    units=self.estimator.units,
                    n_samples=len(self.indices),
                    error=error,
                    logs=logs,
                    seconds=time.perf_counter() - started,
                    **estimate,
                )
                for estimate in estimates
            ]
        return rows

    def _save(self, epoch: int, statistics: Statistics, activations: dict[str, NDArray[Any]]) -> None:
        assert self.save_activations is not None  # noqa: S101 - the caller has asked
        self.save_activations.mkdir(parents=True, exist_ok=True)
        for name, values in activations.items():
            with whole_file(self.save_activations / f"{epoch:04d}-{statistics}-{name.replace('/', '_')}.npy") as file:
                np.save(file, values, allow_pickle=False)


def as_logs(rows: Sequence[Row]) -> dict[str, float]:
    """What is logged of rows of one epoch: estimates, error bars and errors that were measured, by name."""
    logs = {}
    for row in rows:
        ending = "" if row.bn == "inference" else f"_{row.bn}"
        order = "" if row.k == rows[0].k else f"_k{row.k}"
        name = f"mi_{row.x}_{row.y}{ending}{order}"
        values = {name: row.mi, f"{name}_stderr": row.stderr, f"error{ending}": row.error}
        logs.update({key: value for key, value in values.items() if value is not None})
    return logs


def as_pairs(layers: Sequence[str] | Sequence[Pair]) -> tuple[Pair, ...]:
    """The pairs to measure: all pairs of names, or the pairs given.

    Raises:
        InputError: It is neither.
    """
    given: tuple[Any, ...] = () if isinstance(layers, str) else tuple(layers)
    if len(given) > 1 and all(isinstance(name, str) for name in given):
        return tuple(labels_last(*pair) for pair in itertools.combinations(given, 2))
    if given and all(not isinstance(pair, str) and len(pair) == 2 for pair in given):
        return tuple(labels_last(x, y) for x, y in given)
    raise InputError(f'layers is {layers!r}: give two or more names, or pairs of names such as [("first", "last")].')


def labels_last(x: str, y: str) -> Pair:
    """The pair, with "labels" as its second."""
    return (y, x) if x == "labels" else (x, y)


def _count(x: Any, labels: Any) -> int:
    """Number of samples, the same in every array."""
    sizes = {len(array) for array in keras.tree.flatten((x, labels)) if array is not None}
    if len(sizes) != 1:
        raise InputError(f"data has arrays of {', '.join(map(str, sorted(sizes)))} samples: they must be paired row by row.")
    return sizes.pop()


def _drawn(n_samples: int, samples: int | None, seed: int) -> NDArray[np.int64]:
    if samples is None:
        return np.arange(n_samples)
    if not 2 <= whole_number(samples, "samples", at_least=2) <= n_samples:
        raise InputError(f"samples is {samples}: there are {n_samples} to draw from.")
    return np.sort(np.random.default_rng(seed).choice(n_samples, samples, replace=False))


def _classes(labels: Any) -> NDArray[Any]:
    """(n_samples,) classes, from classes or from one column per class."""
    array = host_array(labels, "labels")
    return array.argmax(axis=1) if array.ndim == 2 and array.shape[1] > 1 else array.reshape(len(array))


def _error(output: Any, labels: NDArray[Any] | None) -> float | None:
    """Share of wrong labels, where the model has one output with a column per class."""
    if labels is None or keras.tree.is_nested(output) or output.ndim != 2 or output.shape[1] < 2:
        return None
    return float(np.mean(output.argmax(axis=1) != labels))


def _flat(x: Any) -> NDArray[Any]:
    """All inputs of the model side by side, one sample a row."""
    return np.concatenate([array.reshape(len(array), -1) for array in keras.tree.flatten(x)], axis=1)


def _is_due(schedule: Schedule, epoch: int) -> bool:
    if isinstance(schedule, int):
        return schedule > 0 and epoch % schedule == 0
    return epoch in schedule if isinstance(schedule, Collection) else bool(schedule(epoch))
