"""What is measured of a network while it trains, when, and how: from activations to rows. No framework is used here.

a framework's own callback: activations of the layers, output of the model, what was logged
|
Measurement: is it time? -> each pair of layers -> Estimator -> rows -> on the disk, and what is to be logged
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

import mi_core
from mi_core import InputError
from mi_core.arguments import neighbour_orders, one_of, whole_number
from mi_core.arrays import host_array
from mi_core.options import Backend, Units
from mi_core.types import IntArray
from mi_core.whole_files import whole_file
from trainer.config import Pair, Statistics
from trainer.table import Row, Table

Schedule = int | Collection[int] | Callable[[int], bool]
"""Every so many epochs (0 for never), these epochs, or those for which it returns True. Epoch 0 is before training."""

Read = Callable[[Statistics], tuple[Mapping[str, NDArray[Any]], NDArray[Any] | None]]
"""Statistics of batch normalisation -> activations (n_samples, ...) by name, "input" among them, and the output of a model with
one output (n_samples, ...); None for one with several."""


class MeasurementOptions(TypedDict, total=False):
    """Options of `Measurement` that a framework's callback passes on."""

    k: int | Sequence[int]
    every: Schedule
    null_every: Schedule
    bn: Statistics | Sequence[Statistics]
    samples: int | None
    seed: int
    units: Units
    backend: Backend
    table: str | Path | Table | None
    save_activations: str | Path | None


class Measurement:
    """Measures MI between layers of one network, from activations that a framework's callback reads.

    Args:
        n_samples: Number of samples given, of which `samples` are measured.
        labels: (n_samples,) classes or one-hot, with which the error is measured too; None without.
        layers: Names of layers, of which all pairs are measured, or pairs of names.
        k: Neighbour order, or several at the cost of one search.
        every: Epochs to measure at.
        null_every: Epochs, among those, at which to estimate the null too: MI with the pairing shuffled, whose truth is 0.
        bn: Statistics of batch normalisation, one or both of "inference" and "batch".
        samples: Number of samples to measure on, drawn once without replacement; None for all.
        seed: Seed of that draw, and of the shuffle.
        units: "bits" or "nats".
        backend: How neighbours are counted; see `mi_core.mutual_information`.
        table: Path of a file of JSON lines; the rows of an epoch are on the disk before the next one starts.
        save_activations: Folder for the layers' activations at every measured epoch, as 0003-inference-last.npy.

    Attributes:
        rows: The rows so far, one per epoch, pair, statistics and k.
        indices: (n_samples,) which of the samples given are measured, ascending.

    Raises:
        InputError: An argument or the labels cannot be used.
    """

    def __init__(
        self,
        n_samples: int,
        labels: Any,
        layers: Sequence[str] | Sequence[Pair],
        *,
        k: int | Sequence[int] = 3,
        every: Schedule = 1,
        null_every: Schedule = 0,
        bn: Statistics | Sequence[Statistics] = ("inference", "batch"),
        samples: int | None = None,
        seed: int = 0,
        units: Units = "bits",
        backend: Backend = "auto",
        table: str | Path | Table | None = None,
        save_activations: str | Path | None = None,
    ) -> None:
        self.indices = drawn(n_samples, samples, seed)
        self.labels = None if labels is None else classes(labels)[self.indices]
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
        self.table = Table(table) if isinstance(table, str | Path) else table
        self.save_activations = None if save_activations is None else Path(save_activations)
        self.rows: list[Row] = []

    @property
    def layers(self) -> list[str]:
        """Names of the layers to read, each once."""
        return sorted({name for pair in self.pairs for name in pair} - {"input", "labels"})

    def begin(self, epoch: int) -> None:
        """Get the table ready for a training that goes on after `epoch` epochs; 0 for a new one.

        Raises:
            InputError: The table holds the rows of another training.
        """
        if self.table is not None and epoch > 0:
            self.table.keep(epoch)
        elif self.table is not None and self.table.rows():
            raise InputError(f"{self.table.path} holds the rows of another training: name a new file.")

    def measure(self, epoch: int, read: Read, logs: Mapping[str, Any]) -> dict[str, float]:
        """Measure if it is time, keep the rows, and give what is to be logged; `logs` is what the framework logged."""
        if not is_due(self.every, epoch):
            return {}
        started = time.perf_counter()
        numbers = {name: float(value) for name, value in logs.items() if isinstance(value, int | float | np.number)}
        finite = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        rows = [row for statistics in self.bn for row in self._rows(epoch, statistics, read, finite)]
        if self.table is not None:
            self.table.append(rows)
        self.rows += rows
        return as_logs(rows) | {"mi_seconds": time.perf_counter() - started}

    def _rows(self, epoch: int, statistics: Statistics, read: Read, logs: dict[str, float | None]) -> list[Row]:
        """One row for each pair and k."""
        activations, output = read(statistics)
        if self.save_activations is not None:
            save({name: activations[name] for name in self.layers}, self.save_activations, f"{epoch:04d}-{statistics}")
        sides = {**activations, "labels": self.labels}
        error = share_of_errors(output, self.labels)
        rows = []
        for x, y in self.pairs:
            started = time.perf_counter()
            try:
                estimates = self.estimator(sides[x], sides[y], labels=y == "labels", null=is_due(self.null_every, epoch))
            except InputError as problem:  # a diverged layer is a finding, and no reason to end the training
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


@dataclasses.dataclass(frozen=True)
class Estimator:
    """How every pair of a run is measured.

    Attributes:
        k: Neighbour orders.
        units: "bits" or "nats".
        backend: How neighbours are counted.
        seed: Seed of the error bar, and of the shuffle that makes the null.
    """

    k: Sequence[int] = (3,)
    units: Units = "bits"
    backend: Backend = "auto"
    seed: int = 0

    def __call__(self, x: Any, y: Any, *, labels: bool, null: bool) -> list[dict[str, Any]]:
        """Estimate, error bar, null and circumstances for each k, under the names that a row has for them.

        Args:
            x: (n_samples, ...) activations.
            y: (n_samples, ...) activations, or (n_samples,) classes.
            labels: Whether y are classes.
            null: Whether to estimate the MI with the rows of `y` shuffled too, whose truth is 0.

        Raises:
            mi_core.InputError: One of them is not finite, as when training has failed.
        """
        results = mi_core.mutual_information(
            x,
            y,
            k=tuple(self.k),
            units=self.units,
            estimator="ross" if labels else "ksg1",
            seed=self.seed,
            backend=self.backend,
            permutations=1 if null else None,
        )
        return [
            {
                "k": result.k,
                "mi": result.mi,
                "stderr": result.stderr,
                "null": None if result.null is None else result.null.mean,
                "ceiling": result.ceiling,
                "dim_x": result.dim_x,
                "dim_y": result.dim_y,
                "estimator": result.estimator,
                "notes": result.notes,
            }
            for result in results
        ]


def save(activations: Mapping[str, NDArray[Any]], folder: Path, start: str) -> None:
    """Write activations by name, each to a file of its own whose name begins with `start`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in activations.items():
        with whole_file(folder / f"{start}-{name.replace('/', '_')}.npy") as file:
            np.save(file, values, allow_pickle=False)


def as_logs(rows: Sequence[Row]) -> dict[str, float]:
    """Values to log for the rows of one epoch: estimates, error bars and errors that were measured, by name."""
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


def drawn(n_samples: int, samples: int | None, seed: int) -> IntArray:
    """Which of the samples to measure on, ascending; all where `samples` is None."""
    if samples is None:
        return np.arange(n_samples)
    if not 2 <= whole_number(samples, "samples", at_least=2) <= n_samples:
        raise InputError(f"samples is {samples}: there are {n_samples} to draw from.")
    return np.sort(np.random.default_rng(seed).choice(n_samples, samples, replace=False))


def classes(labels: Any) -> NDArray[Any]:
    """(n_samples,) classes, from classes or from one column per class."""
    array = host_array(labels, "labels")
    return array.argmax(axis=1) if array.ndim == 2 and array.shape[1] > 1 else array.reshape(len(array))


def share_of_errors(output: NDArray[Any] | None, labels: NDArray[Any] | None) -> float | None:
    """Share of wrong labels, where the model has one output with a column per class."""
    if labels is None or output is None or output.ndim != 2 or output.shape[1] < 2:
        return None
    return float(np.mean(output.argmax(axis=1) != labels))


def is_due(schedule: Schedule, epoch: int) -> bool:
    """Whether a schedule names this epoch."""
    if isinstance(schedule, int):
        return schedule > 0 and epoch % schedule == 0
    return epoch in schedule if isinstance(schedule, Collection) else bool(schedule(epoch))
