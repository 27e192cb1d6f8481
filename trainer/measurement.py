"""What is measured of a network while it trains, when, and how: from activations to rows. No framework is used here.

a framework's own callback: activations of the layers, output of the model, what was logged
|
Measurement: is it time? -> each pair of layers -> PairEstimator -> rows -> on the disk, and what is to be logged
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, cast, get_args

import numpy as np
from numpy.typing import NDArray

import mi_core
from mi_core import InputError, arguments, clock, how_drawn
from mi_core.arguments import one_of, whole_number
from mi_core.arrays import host_array
from mi_core.errors import MissingValues
from mi_core.estimate import check_together
from mi_core.explanations import noted
from mi_core.options import Backend, Estimator, MIOptions, Standardize, Units
from mi_core.text import note_lines
from mi_core.types import CrossFittedReducer, IntArray, Reducer
from mi_core.whole_files import whole_file
from trainer import other_measures
from trainer import positions as at
from trainer.config import Also, Pair, Positions, Statistics
from trainer.labels import Labels, labels_of
from trainer.layer_names import file_name
from trainer.table import Row, Table, notes_of, with_epoch

Schedule = int | Collection[int] | Callable[[int], bool]
"""Every so many epochs (0 for never), these epochs, or those for which it returns True. Epoch 0 is before training."""

Read = Callable[[Statistics], tuple[Mapping[str, Any], NDArray[Any] | None]]
"""Statistics of batch normalisation -> activations (n_samples, ..., units) by name, "input" among them, as arrays of NumPy, or
of Torch on any device; and the output (n_samples, ...) of a model with one output, None for one with several."""

BOTH: tuple[Statistics, ...] = ("inference", "batch")
OF_CONTINUOUS = ("reduce", "lower_bound")  # options that class labels as a side have no use for


class MeasurementOptions(TypedDict, total=False):
    """Options of `Measurement` that a framework's callback passes on."""

    k: int | Sequence[int] | None
    every: Schedule
    null_every: Schedule
    bn: Statistics | Sequence[Statistics] | None
    samples: int | None
    seed: int
    units: Units
    backend: Backend
    estimator: Estimator | None
    standardize: Standardize | Sequence[Standardize]
    noise: float
    reduce: str | Reducer | CrossFittedReducer | None
    lower_bound: bool
    also: Sequence[Also]
    also_every: Schedule
    groups: Any
    series: bool
    exclude: int | None
    positions: Positions
    name: str
    table: str | Path | Table | None
    save_activations: str | Path | None
    quiet: bool


class Measurement:
    """Measures MI between layers of one network, from activations that a framework's callback reads.

    Args:
        n_samples: Number of samples given, of which `samples` are measured.
        labels: (n_samples,) classes or one-hot, with which the error is measured too, or numbers that a regression predicts;
            None without.
        layers: Names of layers, of which all pairs are measured, or pairs of names.
        k: Neighbour order, or several at the cost of one search; None for 3, and for more where samples belong together.
        every: Epochs to measure at.
        null_every: Epochs, among those, at which to estimate the null too: MI with the pairing shuffled, whose truth is 0.
        bn: Statistics of batch normalisation, one or both of "inference" and "batch"; None for both in a network that has
            batch normalisation, and "inference" in others.
        samples: Number of samples to measure on, drawn once without replacement; None for all.
        seed: Seed of that draw, and of the shuffle.
        units: "bits" or "nats".
        backend: How neighbours are counted; see `mi_core.mutual_information`, for the options down to `exclude` too.
        estimator: Name of the estimator of every pair; None for "ross" between a layer and classes, and "ksg1" for all others.
        standardize: "sides", "columns" or "none", or several of these.
        noise: Noise added against ties, in standard deviations of each side.
        reduce: Fewer columns, such as "cca:8", of which the MI is estimated beside that of all.
        lower_bound: Whether to measure, too, what MI is at least, on samples that nothing was fitted on.
        also: What else to measure of pairs of layers: "cka", "knn-overlap", "dimension".
        also_every: Epochs, among those, at which `reduce`, `lower_bound` and `also` count.
        groups: (n_samples,) labels of samples that belong together; None for independent ones.
        series: Whether samples are in order of time.
        exclude: Steps of a series that belong together; None for its measured memory.
        positions: What becomes of the positions of feature maps and tokens: "flatten", "mean", "first" or "samples".
        name: Word that tells this measurement from others of the same training, in rows and logs.
        table: Path of a file of JSON lines; the rows of an epoch are on the disk before the next one starts.
        save_activations: Folder for the layers' activations at every measured epoch, as 0003-inference-last.npy.
        quiet: Whether notes go into `rows` alone, and not to stderr when training ends.

    Attributes:
        rows: The rows so far, one per epoch, pair, statistics, standardisation and k.
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
        k: int | Sequence[int] | None = None,
        every: Schedule = 1,
        null_every: Schedule = 0,
        bn: Statistics | Sequence[Statistics] | None = None,
        samples: int | None = None,
        seed: int = 0,
        estimator: Estimator | None = None,
        standardize: Standardize | Sequence[Standardize] = "none",
        also: Sequence[Also] = (),
        also_every: Schedule = 1,
        groups: Any = None,
        positions: Positions = "flatten",
        name: str = "",
        table: str | Path | Table | None = None,
        save_activations: str | Path | None = None,
        quiet: bool = False,
        **options: Any,
    ) -> None:
        self.indices = drawn(n_samples, samples, seed)
        self.labels = None if labels is None else labels_of(labels).take(self.indices)
        self.pairs = as_pairs(layers)
        if self.labels is None and any("labels" in pair for pair in self.pairs):
            raise InputError("layers names labels, and data has none: give data as (x, labels).")
        self.bn = bn if bn is None else words_of(bn, Statistics, "bn")
        self.also = words_of(also, Also, "also") if also else ()
        self.every, self.null_every = schedule(every, "every"), schedule(null_every, "null_every")
        self.also_every = schedule(also_every, "also_every")
        one_of(positions, Positions, "positions")
        self.positions = positions
        if not isinstance(name, str):
            raise InputError(f"name is {name!r}: give a word, such as train.")
        self.name = name
        if options.get("series") and samples is not None:
            raise InputError("samples draws from a series at random, which ends its order: leave samples out, or series.")
        self.groups = None if groups is None else groups_of(groups, n_samples, self.indices)
        self.estimators = [
            PairEstimator(
                k=k if k is None else arguments.neighbour_orders(k, len(self.indices)),
                estimator=estimator,
                options=cast(MIOptions, {"seed": seed, "standardize": one, **options}),
            )
            for one in words_of(standardize, Standardize, "standardize")
        ]
        for one in self.estimators:
            one.check(self.pairs, self.labels, grouped=self.groups is not None or positions == "samples")
        self.table = Table(table) if isinstance(table, str | Path) else table
        self.save_activations = None if save_activations is None else Path(save_activations)
        if save_activations is not None and len(set(map(file_name, self.layers))) < len(self.layers):
            raise InputError(f"the activations of {', '.join(self.layers)} would go to the same files: name other layers.")
        self.quiet = quiet
        self.rows: list[Row] = []
        self.latest = -1  # epoch that rows are there of
        self.measured: set[Pair] = set()  # pairs of which an estimate was made

    @property
    def layers(self) -> list[str]:
        """Names of the layers to read, each once."""
        return sorted({name for pair in self.pairs for name in pair} - {"input", "labels"})

    def begin(self, epoch: int, *, normalises: bool) -> None:
        """Get ready for a training that goes on after `epoch` epochs; 0 for a new one.

        Args:
            epoch: Epochs trained before.
            normalises: Whether the network has batch normalisation that the two statistics tell apart.

        Raises:
            InputError: The table holds the rows of another training; those of one beside it, under another name, may be there.
        """
        self.statistics = self.bn or (BOTH if normalises else BOTH[:1])
        if self.table is not None and epoch > 0:
            self._check_goes_on(self.table)
            self.table.keep(epoch, self.name)
        elif self.table is not None and any(row.name == self.name or row.epoch > 1 for row in self.table.rows()):
            raise InputError(
                f"{self.table.path} holds the rows of another training: delete the file, or name a new one as table. To go on "
                "with that training, begin after its epochs: initial_epoch of fit in Keras, a checkpoint in Lightning and "
                "Transformers, measure(epoch + 1) first after so many epochs in a loop of your own."
            )
        self.rows = [row for row in self.rows if 0 < epoch >= row.epoch]
        self.latest = epoch or -1

    def _check_goes_on(self, table: Table) -> None:
        """Raise InputError unless the rows that a table has under this name may be those of this measurement, so far."""
        rows = [row for row in table.rows() if row.name == self.name]
        (first, *_), units = self.estimators, {one.options.get("units", "bits") for one in self.estimators}
        for what, found, own in (
            ("pairs", {f"{row.x} / {row.y}" for row in rows}, {f"{x} / {y}" for x, y in self.pairs}),
            ("units", {row.units for row in rows}, units),
            ("k", {row.k for row in rows if first.k and row.k}, set(first.k or ())),
        ):
            if others := found - own:
                raise InputError(
                    f"{table.path} holds the rows of another training, with {what} {', '.join(map(str, sorted(others)))}: name "
                    "another file as table, or go on with the options that it was begun with."
                )

    def measure(self, epoch: int, read: Read, logs: Mapping[str, Any]) -> dict[str, float]:
        """Measure if it is time, keep the rows, and give what is to be logged; `logs` is what the framework logged.

        An epoch that is measured again has its rows replaced.
        """
        if not is_due(self.every, epoch):
            return {}
        started = clock.now()
        finite = {name: finite_or_none(value) for name, value in logs.items() if isinstance(value, int | float | np.number)}
        rows = [row for statistics in self.statistics for row in self._rows(epoch, statistics, read, finite)]
        if self.table is not None and epoch > self.latest:
            self.table.append(rows)
        elif self.table is not None:
            self.table.replace(epoch, self.name, rows)
        self.rows = with_epoch(self.rows, epoch, self.name, rows)
        self.latest = max(self.latest, epoch)
        return as_logs(rows, self.name) | {log_key("mi_seconds", self.name): clock.now() - started}

    def end(self) -> None:
        """Say what a reader of the rows should know, each note once, on stderr."""
        if not self.quiet and sys.stderr is not None:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
                sys.stderr.writelines(f"{line}\n" for line in note_lines(notes_of(self.rows)))

    @property
    def log_keys(self) -> set[str]:
        """Names under which something may be logged."""
        words = ["mi_seconds", "error", *(f"mi_{x}_{y}" for x, y in self.pairs)]
        return {log_key(word, self.name) for word in words}

    def _rows(self, epoch: int, statistics: Statistics, read: Read, logs: dict[str, float | None]) -> list[Row]:
        """One row for each pair, standardisation and k."""
        activations, output = read(statistics)
        if self.save_activations is not None:
            save({name: activations[name] for name in self.layers}, self.save_activations, f"{epoch:04d}-{statistics}")
        shared: dict[str, Any] = {
            "epoch": epoch,
            "bn": statistics,
            "name": self.name,
            "positions": self.positions,
            "error": None if self.labels is None else self.labels.share_of_errors(output),
            "logs": logs,
        }
        return [
            Row(x=pair[0], y=pair[1], **shared, **fields)
            for pair in self.pairs
            for fields in self._estimates(pair, activations, epoch)
        ]

    def _estimates(self, pair: Pair, activations: Mapping[str, Any], epoch: int) -> list[dict[str, Any]]:
        """Fields of the rows of one pair, one row for each standardisation and k.

        Raises:
            InputError: The first estimate of this pair cannot be made, and no layer has diverged: an argument does not fit the
                layers. A later one is no reason to end the training.
        """
        started = clock.now()
        null, alone = is_due(self.null_every, epoch), not is_due(self.also_every, epoch)
        notes = [note for name in pair if name != "labels" for note in at.on_flattened(name, activations[name], self.positions)]
        x, y = (self._labels() if name == "labels" else at.side(activations[name], self.positions) for name in pair)
        try:
            if isinstance(x, np.ndarray) != isinstance(y, np.ndarray):  # one may lie on a GPU, and both must lie in one place
                x, y = host_array(x, pair[0]), host_array(y, pair[1])
            x, y, times = at.paired(x, y, pair)
            groups = self.groups
            if times > 1:
                groups = np.repeat(np.arange(len(self.indices)) if groups is None else groups, times)
            is_class = pair[1] == "labels" and self.labels is not None and bool(self.labels.classes)
            how: dict[str, Any] = {"is_class": is_class, "groups": groups, "null": null, "alone": alone}
            found = [fields for estimator in self.estimators for fields in estimator(x, y, **how)]
            if not (alone or is_class):
                also = other_measures.of(x, y, self.also)
                found = [fields | also for fields in found]
            self.measured.add(pair)
        except InputError as problem:
            if pair not in self.measured and all(map(is_finite, (x, y))):
                raise InputError(f"MI of {pair[0]} and {pair[1]} cannot be estimated: {problem}") from problem
            why = noted("not-measured", f"{problem.what}." if isinstance(problem, MissingValues) else str(problem))
            found = [
                {
                    "k": k,
                    "n_samples": len(x),
                    "notes": (why,),
                    "standardize": estimator.options["standardize"],
                }
                for estimator in self.estimators
                for k in estimator.k or (None,)
            ]
        seconds = clock.now() - started
        units = self.estimators[0].options.get("units", "bits")
        return [{**fields, "units": units, "seconds": seconds, "notes": (*notes, *fields["notes"])} for fields in found]

    def _labels(self) -> NDArray[Any]:
        assert self.labels is not None  # noqa: S101 - checked at the door
        values = self.labels.values
        return values.reshape(len(values), -1) if values.ndim > 2 else values


@dataclasses.dataclass(frozen=True)
class PairEstimator:
    """How every pair of a training is measured.

    Attributes:
        k: Neighbour orders; None for the usual one.
        estimator: Name of the estimator; None for "ross" where y are classes, and "ksg1" elsewhere.
        options: Options of `mi_core.mutual_information`.
    """

    k: tuple[int, ...] | None
    estimator: Estimator | None
    options: MIOptions

    def check(self, pairs: Sequence[Pair], labels: Labels | None, *, grouped: bool) -> None:
        """Raise InputError for options that no estimate of these pairs could be made with."""
        for is_class in {labels is not None and bool(labels.classes) and "labels" in pair for pair in pairs}:
            how = self.options_for(is_class=is_class)
            if grouped:
                how["groups"] = ()
            check_together(arguments.settings(how, MIOptions, "mutual_information"), is_conditional=False)
            if how["estimator"] == "ross" and not is_class:
                raise InputError(
                    'the estimator ross is for pairs with class labels: leave estimator out, which takes it for "labels" alone.'
                )
            if (
                is_class
                and labels is not None
                and labels.values.dtype.kind in "USO"
                and how["estimator"] not in ("ross", "discrete")
            ):
                raise InputError(
                    f"the estimator {how['estimator']} takes numbers, and labels are text: leave estimator out, or take ross."
                )

    def options_for(self, *, is_class: bool) -> MIOptions:
        """Options of an estimate."""
        how: MIOptions = {**self.options, "estimator": self.estimator or ("ross" if is_class else "ksg1")}
        if how["estimator"] in ("ross", "discrete"):
            return without(how, OF_CONTINUOUS)
        return how

    def __call__(self, x: Any, y: Any, *, is_class: bool, groups: Any, null: bool, alone: bool) -> list[dict[str, Any]]:
        """Estimate, error bar, null and circumstances for each k, under the names that a row has for them.

        Args:
            x: (n_samples, dim_x) activations.
            y: (n_samples, dim_y) activations or targets, or (n_samples,) classes.
            is_class: Whether y are classes.
            groups: (n_samples,) labels of samples that belong together; None for independent ones.
            null: Whether to estimate the MI with the rows of `y` shuffled too, whose truth is 0.
            alone: Whether to leave out what `options` ask for beside the estimate: that of fewer columns, the lower bound.

        Raises:
            mi_core.InputError: One of them is not finite, as when training has failed, or does not go with the options.
        """
        how = self.options_for(is_class=is_class)
        if alone:
            how = without(how, OF_CONTINUOUS)
        if groups is not None:
            how["groups"] = groups
        if null:
            how["permutations"] = 1
        if self.k is None:
            results = [mi_core.mutual_information(x, y, **how)]
        else:
            results = mi_core.mutual_information(x, y, k=self.k, **how)
        return [
            {
                "k": result.k,
                "mi": result.mi,
                "stderr": result.stderr,
                "null": None if result.null is None else result.null.mean,
                "ceiling": result.ceiling,
                "n_samples": result.n_samples,
                "dim_x": result.dim_x,
                "dim_y": result.dim_y,
                "estimator": result.estimator,
                "standardize": result.standardize,
                "noise": result.noise,
                **beside(result),
                "notes": result.notes,
            }
            for result in results
        ]


def without(options: MIOptions, names: Collection[str]) -> MIOptions:
    """Options less those of some names."""
    return {name: value for name, value in options.items() if name not in names}  # type: ignore[return-value]


def beside(result: mi_core.MIResult) -> dict[str, Any]:
    """The estimate from fewer columns and the lower bound, under the names that a row has for them."""
    found: dict[str, Any] = {}
    if result.reduced is not None and result.reduction is not None:
        dim = result.reduction.dim
        found["reduction"] = result.reduction.method if dim is None else f"{result.reduction.method}:{dim}"
        found |= {"reduced": result.reduced.mi, "reduced_stderr": result.reduced.stderr}
    if (bound := result.lower_bound) is not None:
        found |= {"lower_bound": bound.mi, "lower_bound_stderr": bound.stderr, "lower_bound_kind": bound.kind}
    return found


def finite_or_none(value: Any) -> float | None:
    """A number as float; None where it is not finite, or beyond the range of float."""
    try:
        number = float(value)
    except OverflowError:  # a whole number of Python's
        return None
    return number if math.isfinite(number) else None


def is_finite(values: Any) -> bool:
    """Whether all numbers are: what is no number, such as text, passes."""
    return not hasattr(values, "dtype") or "float" not in str(values.dtype) or bool((values - values == 0).all())


def save(activations: Mapping[str, Any], folder: Path, start: str) -> None:
    """Write activations by name, each to a file of its own whose name begins with `start`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in activations.items():
        with whole_file(folder / f"{start}-{file_name(name)}.npy") as file:
            np.save(file, host_array(values, name), allow_pickle=False)


def as_logs(rows: Sequence[Row], name: str) -> dict[str, float]:
    """Values to log for the rows of one epoch: one estimate a pair, the first of several, and the error."""
    logs = {}
    for row in rows:
        if (row.bn, row.k, row.standardize) == (rows[0].bn, rows[0].k, rows[0].standardize):
            values = {f"mi_{row.x}_{row.y}": row.mi, "error": row.error}
            logs.update({log_key(key, name): value for key, value in values.items() if value is not None})
    return logs


def log_key(key: str, name: str) -> str:
    """What a value is logged as: "mi_first_last", or "train_mi_first_last" of a measurement that is named train."""
    return f"{name}_{key}" if name else key


def as_pairs(layers: Sequence[str] | Sequence[Pair]) -> tuple[Pair, ...]:
    """The pairs to measure: all pairs of names, or the pairs given.

    Raises:
        InputError: It is neither.
    """
    given: tuple[Any, ...] = tuple(layers) if isinstance(layers, Collection) and not isinstance(layers, str) else ()
    if len(given) > 1 and all(isinstance(name, str) for name in given):
        return tuple(labels_last(*pair) for pair in itertools.combinations(dict.fromkeys(given), 2))
    if given and all(is_pair(pair) for pair in given):
        return tuple(dict.fromkeys(labels_last(x, y) for x, y in given))
    raise InputError(f'layers is {layers!r}: give two or more names, or pairs of names such as [("first", "last")].')


def is_pair(value: Any) -> bool:
    """Whether it is two names."""
    return isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(name, str) for name in value)


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


def words_of(value: Any, literal: Any, name: str) -> tuple[Any, ...]:
    """One or several of the words of a Literal type, each once."""
    given: tuple[Any, ...] = (value,) if isinstance(value, str) or not isinstance(value, Collection) else tuple(value)
    if not given:
        raise InputError(f"{name} is empty: give one or several of {', '.join(get_args(literal))}.")
    for one in given:
        one_of(one, literal, name)
    return tuple(dict.fromkeys(given))


def groups_of(groups: Any, n_samples: int, indices: IntArray) -> IntArray | None:
    """Number of the group of each measured sample; None where no two of them are left together.

    Raises:
        InputError: The groups cannot be used.
    """
    how_drawn.in_groups(groups, n_samples)
    places = mi_core.arrays.classes_of(groups, "groups")[0][indices]
    return None if len(np.unique(places)) == len(places) else places


def schedule(given: Any, name: str) -> Schedule:
    """A schedule: a function, a whole number, or a collection of whole numbers, which becomes a set.

    Raises:
        InputError: It is none of these.
    """
    if callable(given):
        return given  # type: ignore[no-any-return]
    try:
        if isinstance(given, Collection) and not isinstance(given, str | bytes):
            return frozenset(whole_number(epoch, name, at_least=0) for epoch in given)
        return whole_number(given, name, at_least=0)
    except InputError:
        raise InputError(
            f"{name} is {given!r}: give a whole number of epochs, 0 for never, some epochs, or a function of the epoch."
        ) from None


def is_due(schedule: Schedule, epoch: int) -> bool:
    """Whether a schedule names this epoch."""
    if isinstance(schedule, int):
        return schedule > 0 and epoch % schedule == 0
    return epoch in schedule if isinstance(schedule, Collection) else bool(schedule(epoch))
