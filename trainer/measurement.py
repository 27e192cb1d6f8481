"""Measurement of a network while it trains, from activations to rows. This module uses no framework.

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
"""When to measure: after every so many epochs (0 for never), at these epochs, or where a function of the epoch returns True.
Epoch 0 is before training.
"""

Read = Callable[[Statistics], tuple[Mapping[str, Any], NDArray[Any] | None]]
"""Function: statistics of batch normalisation -> activations (n_samples, ..., units) by name, including "input", as NumPy
arrays or as Torch tensors on any device; and the output (n_samples, ...) of the model, None for a model with several outputs.
"""

BOTH: tuple[Statistics, ...] = ("inference", "batch")
OF_CONTINUOUS = ("reduce", "lower_bound")  # options that class labels as a side have no use for
LOWER_BOUND = ("lower_bound", "lower_bound_stderr", "lower_bound_kind")  # fields of a row


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
        labels: (n_samples,) classes or one-hot, with which the error is measured too, or the target numbers of a regression;
            None without labels.
        layers: Names of layers, all pairs of which are measured, or pairs of names.
        k: Neighbour order, or several at the cost of one search. None means 3, or more where samples belong together.
        every: When to measure, see `Schedule`.
        null_every: When to estimate the null too, among these epochs: MI with the pairing shuffled, whose true value is 0.
        bn: Statistics of batch normalisation, one or both of "inference" and "batch". None means both in a network that has
            batch normalisation, and "inference" in others.
        samples: Number of samples to measure on, drawn once without replacement; None for all.
        seed: Seed of that draw and of the shuffle.
        units: "bits" or "nats".
        backend: Backend that counts neighbours; see `mi_core.mutual_information`, also for the next options, down to `exclude`.
        estimator: Estimator of all pairs; None means "ross" between a layer and classes, and "ksg1" for all others.
        standardize: Scaling of the sides, one or several of "none", "sides" and "columns".
        noise: Noise that breaks ties, in standard deviations of each side.
        reduce: Reduction to fewer columns, such as "cca:8", whose MI is estimated too.
        lower_bound: Whether to measure a lower bound of MI, too, on held-out samples: once for all ways to standardise, unless
            noise is added.
        also: Other measures of pairs of layers: "cka", "knn-overlap", "dimension".
        also_every: When to measure `reduce`, `lower_bound` and `also`, among the epochs of `every`.
        groups: (n_samples,) labels of samples that belong together; None for independent ones.
        series: Whether the samples are a time series.
        exclude: Number of steps of a series that belong together; None for its measured memory.
        positions: Treatment of the positions of feature maps and tokens: "flatten", "mean", "first" or "samples".
        name: Name that tells this measurement from others of the same training, in rows and logs.
        table: Path of a file of JSON lines; the rows of an epoch are on disk before the next epoch starts.
        save_activations: Folder for the layers' activations at every measured epoch, in files such as 0003-inference-last.npy,
            or 0003-train-inference-last.npy under the name train.
        quiet: Whether notes go only into `rows`, not to stderr when training ends.

    Attributes:
        rows: The rows so far, one per epoch, pair, statistics, standardisation and k.
        indices: (n_samples,) indices of the measured samples, ascending.

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
            raise InputError("samples draws from a series at random, which destroys its order: leave out samples or series.")
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

    def begin(self, epoch: int, *, normalises: bool, continues: bool = False) -> None:
        """Prepare for a training that continues after `epoch` epochs; 0 for a new one.

        Args:
            epoch: Epochs already trained.
            normalises: Whether the network has batch normalisation for which the two statistics differ.
            continues: Whether the training continues although it has not ended its first epoch.

        Raises:
            InputError: The table holds rows of another training, or its folder is not there. Rows of this training under
                another name may be there.
        """
        self.statistics = self.bn or (BOTH if normalises else BOTH[:1])
        continues = continues or epoch > 0
        if self.table is not None and not self.table.path.absolute().parent.is_dir():
            raise InputError(f"table is {self.table.path}, and there is no folder {self.table.path.parent}: make it first.")
        if self.table is not None and continues:
            self._check_goes_on(self.table)
            self.table.keep(epoch, self.name)
        elif self.table is not None and any(row.name == self.name or row.epoch > 1 for row in self.table.rows()):
            raise InputError(
                f"{self.table.path} holds the rows of another training: delete the file, or name a new one as table. To "
                "continue that training, start after its epochs: with initial_epoch of fit in Keras, a checkpoint in "
                "Lightning and Transformers, or measure(epoch + 1) as the first call in a loop of your own."
            )
        self.rows = [row for row in self.rows if continues and row.epoch <= epoch]
        self.latest = epoch if continues else -1

    def _check_goes_on(self, table: Table) -> None:
        """Raise InputError unless the table's rows under this name can be earlier rows of this measurement."""
        rows = [row for row in table.rows() if row.name == self.name]
        (first, *_), units = self.estimators, {one.options.get("units", "bits") for one in self.estimators}
        for what, found, own in (
            ("pairs", {f"{row.x} / {row.y}" for row in rows}, {f"{x} / {y}" for x, y in self.pairs}),
            ("units", {row.units for row in rows}, units),
            ("k", {row.k for row in rows if first.k and row.k}, set(first.k or ())),
        ):
            if others := found - own:
                raise InputError(
                    f"{table.path} holds the rows of another training, with {what} "
                    f"{', '.join(map(str, sorted(others)))}: name another file as table, or use the options that it was "
                    "begun with."
                )

    def measure(self, epoch: int, read: Read, logs: Mapping[str, Any]) -> dict[str, float]:
        """Measure if the epoch is due, store the rows, and return the values to log; `logs` is what the framework logged.

        Measuring an epoch again replaces its rows.
        """
        if not is_due(self.every, epoch):
            return {}
        started = clock.now()
        rows = [row for statistics in self.statistics for row in self._rows(epoch, statistics, read, numbers_of(logs))]
        if self.table is not None and epoch > self.latest:
            self.table.append(rows)
        elif self.table is not None:
            self.table.replace(epoch, self.name, rows)
        self.rows = with_epoch(self.rows, epoch, self.name, rows)
        self.latest = max(self.latest, epoch)
        return as_logs(rows, self.name) | {log_key("mi_seconds", self.name): clock.now() - started}

    def add_logs(self, epoch: int, logs: Mapping[str, Any]) -> None:
        """Add what the framework logs on an epoch after it was measured to its rows."""
        rows = [dataclasses.replace(row, logs={**row.logs, **numbers_of(logs)}) for row in self.rows if row.epoch == epoch]
        if rows and self.table is not None:
            self.table.replace(epoch, self.name, rows)
        self.rows = with_epoch(self.rows, epoch, self.name, rows)

    def end(self) -> None:
        """Print the notes of the rows to stderr, each once."""
        if not self.quiet and sys.stderr is not None:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
                sys.stderr.writelines(f"{line}\n" for line in note_lines(notes_of(self.rows)))

    @property
    def log_keys(self) -> set[str]:
        """Names under which values may be logged."""
        words = ["mi_seconds", "error", *(f"mi_{x}_{y}" for x, y in self.pairs)]
        return {log_key(word, self.name) for word in words}

    def _rows(self, epoch: int, statistics: Statistics, read: Read, logs: dict[str, float | None]) -> list[Row]:
        """One row for each pair, standardisation and k."""
        activations, output = read(statistics)
        if self.save_activations is not None:
            start = "-".join(filter(None, (f"{epoch:04d}", file_name(self.name), statistics)))
            save({name: activations[name] for name in self.layers}, self.save_activations, start)
        error = None
        if self.labels is not None:
            error = self.labels.share_of_errors(output, math.prod(activations["input"].shape[1:]))
        searched: dict[tuple[str, int], other_measures.Layer] = {}
        shared: dict[str, Any] = {
            "epoch": epoch,
            "bn": statistics,
            "name": self.name,
            "positions": self.positions,
            "error": error,
            "logs": logs,
        }
        return [
            Row(x=pair[0], y=pair[1], **shared, **fields)
            for pair in self.pairs
            for fields in self._estimates(pair, activations, epoch, searched)
        ]

    def _estimates(
        self, pair: Pair, activations: Mapping[str, Any], epoch: int, searched: dict[tuple[str, int], other_measures.Layer]
    ) -> list[dict[str, Any]]:
        """Fields of the rows of one pair, one row for each standardisation and k; `searched` has layers of earlier pairs.

        Raises:
            InputError: The first estimate of this pair fails although no layer has diverged: an argument does not fit the
                layers. Later failures do not end the training.
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
            found = self._of_scalings(x, y, how)
            if self.also and not (alone or is_class):
                first, last = (
                    searched.setdefault((name, len(side)), other_measures.Layer(name, side))  # a partner may ask for more rows
                    for name, side in zip(pair, (x, y), strict=True)
                )
                also = other_measures.of(first, last, self.also)
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

    def _of_scalings(self, x: Any, y: Any, how: dict[str, Any]) -> list[dict[str, Any]]:
        """Fields of the rows of one pair, without what they share. No scaling changes the MI that the lower bound bounds, so
        without noise it is measured once, on the sides of the first.
        """
        first, *others = self.estimators
        found = first(x, y, **how)
        bound = {} if first.options.get("noise") else {name: found[0][name] for name in LOWER_BOUND if name in found[0]}
        for estimator in others:
            found += [fields | bound for fields in estimator(x, y, **how, is_bounded=bool(bound))]
        return found

    def _labels(self) -> NDArray[Any]:
        assert self.labels is not None  # noqa: S101 - checked at the door
        values = self.labels.values
        return values.reshape(len(values), -1) if values.ndim > 2 else values


@dataclasses.dataclass(frozen=True)
class PairEstimator:
    """Estimator that measures every pair of a training.

    Attributes:
        k: Neighbour orders; None for the default.
        estimator: Name of the estimator; None means "ross" where y are classes, and "ksg1" elsewhere.
        options: Options of `mi_core.mutual_information`.
    """

    k: tuple[int, ...] | None
    estimator: Estimator | None
    options: MIOptions

    def check(self, pairs: Sequence[Pair], labels: Labels | None, *, grouped: bool) -> None:
        """Raise InputError for options that do not allow an estimate of these pairs."""
        for is_class in {labels is not None and bool(labels.classes) and "labels" in pair for pair in pairs}:
            how = self.options_for(is_class=is_class)
            if grouped:
                how["groups"] = ()
            check_together(arguments.settings(how, MIOptions, "mutual_information"), is_conditional=False)
            if how["estimator"] == "ross" and not is_class:
                raise InputError(
                    "the estimator ross is for pairs with class labels: leave estimator out, and ross is used for "
                    '"labels" only.'
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

    def __call__(
        self, x: Any, y: Any, *, is_class: bool, groups: Any, null: bool, alone: bool, is_bounded: bool = False
    ) -> list[dict[str, Any]]:
        """Estimate, error bar, null and details for each k, keyed by the fields of a row.

        Args:
            x: (n_samples, dim_x) activations.
            y: (n_samples, dim_y) activations or targets, or (n_samples,) classes.
            is_class: Whether y are classes.
            groups: (n_samples,) labels of samples that belong together; None for independent ones.
            null: Whether to estimate MI with the rows of `y` shuffled, too, whose true value is 0.
            alone: Whether to leave out the lower bound and the estimate from fewer columns, even if `options` ask for them.
            is_bounded: Whether to leave out the lower bound, even if `options` ask for it.

        Raises:
            mi_core.InputError: A side is not finite, as when training has failed, or does not suit the options.
        """
        how = self.options_for(is_class=is_class)
        if alone:
            how = without(how, OF_CONTINUOUS)
        if is_bounded:
            how = without(how, ("lower_bound",))
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
    """Options without those of the given names."""
    return {name: value for name, value in options.items() if name not in names}  # type: ignore[return-value]


def beside(result: mi_core.MIResult) -> dict[str, Any]:
    """The estimate from fewer columns and the lower bound, keyed by the fields of a row."""
    found: dict[str, Any] = {}
    if result.reduced is not None and result.reduction is not None:
        dim = result.reduction.dim
        found["reduction"] = result.reduction.method if dim is None else f"{result.reduction.method}:{dim}"
        found |= {"reduced": result.reduced.mi, "reduced_stderr": result.reduced.stderr}
    if (bound := result.lower_bound) is not None:
        found |= {"lower_bound": bound.mi, "lower_bound_stderr": bound.stderr, "lower_bound_kind": bound.kind}
    return found


def numbers_of(logs: Mapping[str, Any]) -> dict[str, float | None]:
    """The numbers among logged values, None for those not finite."""
    return {name: finite_or_none(value) for name, value in logs.items() if isinstance(value, int | float | np.number)}


def finite_or_none(value: Any) -> float | None:
    """A number as float; None if it is not finite or beyond the range of float."""
    try:
        number = float(value)
    except OverflowError:  # a whole number of Python's
        return None
    return number if math.isfinite(number) else None


def is_finite(values: Any) -> bool:
    """Whether all numbers are finite. Values that are not numbers, such as text, pass."""
    return not hasattr(values, "dtype") or "float" not in str(values.dtype) or bool((values - values == 0).all())


def save(activations: Mapping[str, Any], folder: Path, start: str) -> None:
    """Write the activations of each layer to a file of its own, whose name begins with `start`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in activations.items():
        with whole_file(folder / f"{start}-{file_name(name)}.npy") as file:
            np.save(file, host_array(values, name), allow_pickle=False)


def as_logs(rows: Sequence[Row], name: str) -> dict[str, float]:
    """Values to log for the rows of one epoch: one estimate per pair, the first of several, and the error."""
    logs: dict[str, float] = {}
    for row in rows:
        if (row.bn, row.standardize) == (rows[0].bn, rows[0].standardize):  # k may differ from pair to pair
            for key, value in ((f"mi_{row.x}_{row.y}", row.mi), ("error", row.error)):
                if value is not None:
                    logs.setdefault(log_key(key, name), value)
    return logs


def log_key(key: str, name: str) -> str:
    """Name under which a value is logged: "mi_first_last", or "train_mi_first_last" for a measurement named train."""
    return f"{name}_{key}" if name else key


def as_pairs(layers: Sequence[str] | Sequence[Pair]) -> tuple[Pair, ...]:
    """Pairs to measure: all pairs of names, or the pairs given.

    Raises:
        InputError: `layers` is neither.
    """
    given: tuple[Any, ...] = tuple(layers) if isinstance(layers, Collection) and not isinstance(layers, str) else ()
    if all(isinstance(name, str) for name in given) and len(set(given)) > 1:
        return tuple(labels_last(*pair) for pair in itertools.combinations(dict.fromkeys(given), 2))
    if given and all(is_pair(pair) for pair in given):
        return tuple(dict.fromkeys(labels_last(x, y) for x, y in given))
    raise InputError(f'layers is {layers!r}: give two or more names, or pairs of names such as [("first", "last")].')


def is_pair(value: Any) -> bool:
    """Whether a value is a pair of names."""
    return isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(name, str) for name in value)


def labels_last(x: str, y: str) -> Pair:
    """The pair, with "labels" in second place."""
    return (y, x) if x == "labels" else (x, y)


def drawn(n_samples: int, samples: int | None, seed: int) -> IntArray:
    """Indices of the samples to measure on, ascending; all if `samples` is None."""
    if samples is None:
        return np.arange(n_samples)
    if not 2 <= whole_number(samples, "samples", at_least=2) <= n_samples:
        raise InputError(f"samples is {samples}: there are {n_samples} to draw from.")
    return np.sort(np.random.default_rng(seed).choice(n_samples, samples, replace=False))


def words_of(value: Any, literal: Any, name: str) -> tuple[Any, ...]:
    """One or several words of a Literal type, each once."""
    given: tuple[Any, ...] = (value,) if isinstance(value, str) or not isinstance(value, Collection) else tuple(value)
    if not given:
        raise InputError(f"{name} is empty: give one or several of {', '.join(get_args(literal))}.")
    for one in given:
        one_of(one, literal, name)
    return tuple(dict.fromkeys(given))


def groups_of(groups: Any, n_samples: int, indices: IntArray) -> IntArray | None:
    """Group number of each measured sample; None if no two of these samples share a group.

    Raises:
        InputError: The groups cannot be used.
    """
    how_drawn.in_groups(groups, n_samples)
    places = mi_core.arrays.classes_of(groups, "groups")[0][indices]
    return None if len(np.unique(places)) == len(places) else places


def schedule(given: Any, name: str) -> Schedule:
    """A schedule: a function, a whole number, or a collection of whole numbers, which becomes a set.

    Raises:
        InputError: `given` is none of these.
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
    """Whether a schedule includes this epoch."""
    if isinstance(schedule, int):
        return schedule > 0 and epoch % schedule == 0
    return epoch in schedule if isinstance(schedule, Collection) else bool(schedule(epoch))
