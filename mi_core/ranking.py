"""Ranking of the columns of a table by their mutual information with a target column.

    table -> Column -> Side (numbers, standardised and sorted once; or classes)
                          |
    target ---------------+--> the estimator that is right for the two kinds -> estimate, error bar, p-value -> rows, ranked

Columns are processed in parallel, each in one thread.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from mi_core import _formula, _notes, _ties, arguments, arrays, clock, display, how_drawn, missing, results, uncertainty
from mi_core._estimation import Estimation
from mi_core._estimators import (
    CONDITIONAL,
    ESTIMATORS,
    WITHOUT_NEIGHBOURS,
    Local,
    Method,
    Search,
    ksg1_of,
    nothing,
    within_classes,
)
from mi_core._prepare import Prepared, standardize
from mi_core.arguments import Settings
from mi_core.backends.cpu import plane
from mi_core.backends.cpu.workers import Workers
from mi_core.errors import InputError, MissingValues
from mi_core.estimate import check_together, check_units, usual_order
from mi_core.explanations import noted
from mi_core.options import Estimator, RankOptions, Units
from mi_core.progress_bar import with_progress
from mi_core.sampling import DEFAULT_ORDER, INDEPENDENT, Groups, Sampling, as_fields, resemblance
from mi_core.tables import MOST_SHOWN, Column, Table, chosen_names, is_frame, is_unnamed, on_mixed, on_unnamed
from mi_core.text import concerning
from mi_core.types import IntArray, Samples

STOP_AT = 10  # shuffles that read at least as much as the data, after which a column is plainly independent
FAR = 4.0  # between classes that are given a place among numbers, in units of the largest of these
NEARLY_LINEAR = 0.99  # correlation with the target, of a column that may be the target itself
MISSING = "missing"  # kind of a note


@dataclasses.dataclass(frozen=True, slots=True)
class RankedColumn:
    """One column and its mutual information with the target.

    Attributes:
        column: Name of the column.
        mi: The estimate, in the units of the ranking. May be negative if the truth is near 0.
        stderr: Standard error; None if it was switched off or there are too few samples.
        p_value: P-value against independence from the target, by shuffles: Besag & Clifford 1991; None unless requested.
        q_value: False-discovery rate at which the column would be called dependent: Benjamini & Hochberg 1995; None without p.
        estimator: "ksg1" if column and target are numbers, "ross" if one of them is classes, "discrete" if both are.
        k: Neighbour order; None for an estimate without neighbours.
        n_samples: Number of rows used.
        independent_units: Number of groups, or of stretches as long as the memory of a series; None for independent rows.
        exclude: Steps of the series that belong together; None for other rows.
        shuffles: Number of shuffles that the p-value took; None without a p-value.
        alike: Whether neighbouring rows are alike in this column and in the target although rows were treated as independent.
            If they are not independent, p and q are too small.
        notes: What to know before using the number.
    """

    column: str
    mi: float
    stderr: float | None
    p_value: float | None
    q_value: float | None
    estimator: Estimator
    k: int | None
    n_samples: int
    independent_units: int | None
    exclude: int | None
    shuffles: int | None
    alike: bool
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Ranking:
    """Columns of a table, ranked by their mutual information with the target.

    Attributes:
        target: Name of the target.
        given: Names of the columns of the condition; empty without a condition.
        rows: One entry per column, in descending order of MI.
        units: "bits" or "nats".
        k: Neighbour order of ksg1 and ross; None if each row has its own.
        n_samples: Number of rows of the table; each entry records the number that it used.
        groups: Name of the column, or of the labels, that groups the rows; None without groups.
        series: Whether the rows were treated as a series.
        standardize: "sides": each column of numbers was divided by its standard deviation.
        permutations: Maximum number of shuffles for a p-value; None for no p-values.
        seed: Seed of shuffles and error bars.
        threads: Number of threads allowed.
        seconds: Wall time, without compilation of kernels.
        notes: Columns that were left out, and each kind of note of the rows once, with the columns that it concerns.
        frame: Library of the input data frame, "pandas" or "polars", which `to_frame` uses too; None for other input.
    """

    target: str
    given: tuple[str, ...]
    rows: tuple[RankedColumn, ...]
    units: Units
    k: int | None
    n_samples: int
    groups: str | None
    series: bool
    standardize: str
    permutations: int | None
    seed: int
    threads: int
    seconds: float
    notes: tuple[str, ...]
    frame: str | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[RankedColumn]:
        return iter(self.rows)

    def __repr__(self) -> str:
        return display.ranking_in_one_line(self)

    def __str__(self) -> str:
        return display.ranking_with_notes(self)

    def _repr_html_(self) -> str:
        return display.ranking_as_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the target and the rows, then all other fields, as plain Python values ready for JSON."""
        names = [field.name for field in dataclasses.fields(self) if field.name != "frame"]
        return {name: results.as_plain(getattr(self, name)) for name in ("target", "rows", *names)}

    def to_frame(self) -> Any:
        """Return the rows as a data frame of the library that the table came from, else of polars or pandas if installed.

        Raises:
            InputError: Neither polars nor pandas is installed.
        """
        import importlib

        values = {field.name: [getattr(row, field.name) for row in self.rows] for field in dataclasses.fields(RankedColumn)}
        values["notes"] = [" ".join(row.notes) for row in self.rows]
        for library in (self.frame,) if self.frame else ("polars", "pandas"):
            try:
                return importlib.import_module(library).DataFrame(values)
            except ImportError:
                continue
        raise InputError("a data frame needs polars or pandas: python -m pip install polars")


@with_progress
@missing.offered()
def rank(
    table: Any,
    target: Any,
    *,
    columns: Sequence[str] | None = None,
    given: str | Sequence[str] | None = None,
    permutations: int | None = None,
    k: int | None = None,
    **options: Unpack[RankOptions],
) -> Ranking:
    """Rank the columns of a table by their mutual information with a target.

    Each estimate equals `mutual_information(column, target, standardize="sides", estimator=...)` with the right estimator for
    the pair: "ksg1" if both are numbers, "ross" if one is classes, "discrete" if both are. Text, bool and categories are
    classes, and so are numbers with at most 20 values and ten or more rows for each. Numbers are divided by their standard
    deviation, so units do not matter. A constant column has an MI of exactly 0. A column that cannot be estimated, such as
    names that hardly recur, is left out, and a note says so.

    Args:
        table: Data frame of pandas or polars, dict (or xarray.Dataset) of columns, or array (n_samples, columns), whose columns
            are named "0", "1", ...
        target: Name of a column, position of a column of an array, or (n_samples,) values.
        columns: Names of the columns to rank; None means all except the target and the condition.
        given: The condition: name of one or several columns, all numbers or all classes: I(column; target | given).
        permutations: Maximum number of shuffles for a p-value, for example 999; None means no p-values. A column stops after
            ten shuffles with an estimate at least as large as the data's (Besag & Clifford 1991, doi:10.1093/biomet/78.2.301),
            and its p-value is then 10 / shuffles. An independent column stops after about twenty shuffles; a dependent one
            takes all of them and gets 1 / (1 + permutations). With `given` the shuffles are those of
            `conditional_mutual_information`; with `groups` or `series` they are those of `mutual_information` and do not
            allow `given`.
        k: Neighbour order of ksg1 and ross. None (default) means 3; with `groups` or `series` it means the default of
            `mutual_information` for each column.
        units: "bits" (default) or "nats".
        missing: "refuse" (default) raises an error if a value is missing. "drop" leaves out, for each column separately, the
            rows in which the column, the target or the condition has a missing value.
        seed: Seed of shuffles and error bars; 0 by default.
        error_bar: Whether to estimate standard errors; True by default.
        threads: Maximum number of threads; None (default) means as many as the process may use.
        progress: True for a bar on stderr, or a function called with (columns done, columns in all).
        groups: Name of a column, or (n_samples,) labels: rows with the same label belong together, as in `mutual_information`.
            Shuffles exchange whole groups, and error bars rest on parts of whole groups. None (default) means independent rows.
        series: Whether rows are a time series in order, as in `mutual_information`; shuffles then shift the target. False by
            default.
        exclude: Steps of a series that belong together; None (default) means the measured memory of each column and the target.

    Returns:
        The ranking, with rows in descending order of MI.

    Raises:
        InputError: The table or an argument cannot be used; the message says which, what came and what to do.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> age = rng.uniform(20, 80, 500)
        >>> table = {"age": age, "shoe": rng.normal(40, 2, 500), "income": 100 * age + rng.normal(0, 500, 500)}
        >>> [row.column for row in rank(table, "income")]
        ['age', 'shoe']
    """
    settings = arguments.settings(options, RankOptions, "rank")
    if permutations is not None:
        arguments.whole_number(permutations, "permutations", at_least=1)
    settings = dataclasses.replace(settings, permutations=permutations)
    in_table = {f"column {name}": column for name, column in table.items()} if isinstance(table, Mapping) else {"table": table}
    of_indexes = _notes.on_indexes({**in_table, "target": target, "groups": settings.groups})
    own = arrays.table(table, "table")
    whole, target_name = with_column(own, target, "target")
    groups_name = None
    if settings.groups is not None:
        whole, groups_name = with_column(whole, settings.groups, "groups")
    given_as_values = [
        Table(argument, {name: whole.columns[name]})
        for argument, name in (("target", target_name), ("groups", groups_name))
        if name is not None and name not in own.columns
    ]
    names_given = () if given is None else tuple(chosen(given, whole, "given"))
    check_together(settings, bool(names_given))
    roles = {"the target": (target_name,), "groups": (groups_name,) if groups_name else (), "given": names_given}
    check_one_role(roles)
    beside = [name for some in roles.values() for name in some]
    wanted = whole.columns if columns is None else chosen(columns, whole, "columns")
    left_out = {} if columns is not None else unusable(whole, [name for name in wanted if name not in beside])
    names = [name for name in wanted if name not in (*beside, *left_out)]
    if not names and left_out:
        raise InputError(next(iter(left_out.values())).left_out)
    if not names:
        raise InputError(f"{whole.name} has no column to rank beside {', '.join(beside)}: name others.")
    used = [*names, *beside]
    if settings.missing == "refuse" and settings.series:
        missing.refuse_in_series(np.any([whole.columns[name].missing for name in used], axis=0))
    elif settings.missing == "refuse":
        check_complete(whole, used)
    if k is not None:
        (k,) = arguments.neighbour_orders((k,), len(whole))
    elif groups_name is None and not settings.series:
        (k,) = arguments.neighbour_orders((DEFAULT_ORDER,), len(whole))
    work = Ranker(whole, target_name, names_given, groups_name, k, settings)
    found = {**work.all_of(names), **left_out}
    taken = [name for name in used if name not in found or found[name].row]  # others say themselves why they are left out
    rows = sorted(with_q_values([one.row for one in found.values() if one.row]), key=lambda row: -row.mi)
    if not rows:
        raise InputError(next(iter(found.values())).left_out)
    return Ranking(
        target=target_name,
        given=names_given,
        rows=tuple(rows),
        units=settings.units,
        k=k,
        n_samples=len(whole),
        groups=groups_name,
        series=bool(settings.series),
        standardize="sides",
        permutations=permutations,
        seed=settings.seed,
        threads=settings.threads,
        seconds=clock.now() - settings.started,
        notes=(
            *of_indexes,
            *own.chosen_of([name for name in taken if name in own.columns]).notes,
            *(note for one in given_as_values for note in one.notes),
            *notes_of(found, len(whole)),
        ),
        frame=type(table).__module__.partition(".")[0] if is_frame(table) else None,
    )


def with_column(table: Table, given: Any, argument: str) -> tuple[Table, str]:
    """Return the table with the argument's column included, and its name; the argument is a name, a position, or values."""
    if isinstance(given, str | int | np.integer) and not isinstance(given, bool):
        return table, chosen_names(str(given), list(table.columns), table.name)[0]
    name = str(getattr(given, "name", None) or argument)
    name = name if name not in table.columns else f"{name} ({argument})"
    column = arrays.column(name, given, argument)
    if len(column.values) != len(table):
        raise InputError(
            f"{table.name} has {len(table):,} rows and {argument} has {len(column.values):,}: give one value for each row."
        )
    return table.with_column(column), name


def check_one_role(roles: Mapping[str, Sequence[str]]) -> None:
    """Raise InputError if a column has two of the roles target, groups and given."""
    role_of: dict[str, str] = {}
    for role, names in roles.items():
        for name in names:
            if name in role_of:
                raise InputError(f"{name} is {role_of[name]} and {role}: leave it out of one.")
            role_of[name] = role


def chosen(names: Any, table: Table, argument: str) -> list[str]:
    """Column names in an argument, one or several; a column of an array is named by its position."""
    if not isinstance(names, str | int | np.integer | Iterable):
        raise InputError(f"{argument} is {names!r}: give the name of a column, or several.")
    wanted = [str(name) for name in ([names] if isinstance(names, str | int | np.integer) else names)]
    if not wanted:
        raise InputError(f"{argument} is empty: name a column, or leave it out.")
    return [one for name in dict.fromkeys(wanted) for one in chosen_names(name, list(table.columns), table.name)]


def unusable(table: Table, names: Sequence[str]) -> dict[str, Found]:
    """Columns that are not ranked unless they are asked for: without a name, or of a type that is no data; and why."""
    places, found = list(table.columns), {}
    for name in names:
        if is_unnamed(name):
            what = on_unnamed(name, places.index(name), len(places))
            found[name] = Found(left_out=f"{table.name} has {what}: columns={name!r} (--columns) ranks it.")
            continue
        try:
            _ = table.columns[name]
        except InputError as error:
            found[name] = Found(left_out=str(error))
    return found


def check_complete(table: Table, names: Sequence[str]) -> None:
    """Raise MissingValues if columns have missing values, with the number in each."""
    gaps = {name: int(table.columns[name].missing.sum()) for name in names if table.columns[name].missing.any()}
    doubtful = table.doubtful(names)
    if len(gaps) == 1 and not doubtful:
        table.check_complete(table.columns[next(iter(gaps))])
    beside = f"; beside them {doubtful}, which --na takes for missing, too" if doubtful else ""
    if gaps:
        named = ", ".join(f"{name} {count:,}" for name, count in list(gaps.items())[:MOST_SHOWN])
        more = f" and {len(gaps) - MOST_SHOWN} more" if len(gaps) > MOST_SHOWN else ""
        several = f"{len(gaps)} columns have" if len(gaps) > 1 else "1 column has"
        raise MissingValues(f"{table.name}: {several} missing values in {len(table):,} rows ({named}{more}){beside}")


@dataclasses.dataclass(frozen=True, eq=False)
class Side:
    """One column prepared for many estimates.

    Attributes:
        name: Name of the column.
        points: (n_samples, columns) standardised numbers, or (n_samples, 1) positions of its classes.
        classes: Names of the classes; empty for numbers.
        notes: Notes on how numbers were converted.
    """

    name: str
    points: Samples
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @functools.cached_property
    def ranked(self) -> plane.Ranked:
        """Sorted values."""
        return plane.ranked(self.points)

    @functools.cached_property
    def may_tie(self) -> bool:
        """Whether distances may be equal."""
        return _ties.may_tie(self.points)

    @functools.cached_property
    def measured(self) -> _notes.Measured:
        """Measurements of numbers that notes need."""
        return _notes.measured(self.points, ties=False)  # which single columns take as they are

    @functools.cached_property
    def resemblance(self) -> float:
        """How much nearer neighbouring rows are than others."""
        return resemblance(self.points)

    @functools.cached_property
    def is_constant(self) -> bool:
        """Whether the column takes one value only."""
        return arrays.is_constant(self.points)


def side_of(table: Table, column: Column, rows: NDArray[np.bool_]) -> Side:
    """Prepare some rows of a column, which have no missing values.

    Raises:
        InputError: The column is text that hardly recurs, has infinite values, or has words among its numbers.
    """
    what = f"{table.name}: column {column.name}"
    if len(column.stray):
        table.check_numbers(column)
    values = column.values if rows.all() else column.values[rows]
    is_class = column.kind in ("text", "flags") or is_few_valued(column.values[~column.missing])  # whichever rows are taken
    if not is_class or values.dtype.kind == "f":
        points, notes = arrays.cleaned(values.reshape(-1, 1), what)
    if is_class:
        places, classes = classes_of(values, column)
        if column.kind == "text" and len(classes) * _notes.MEMBERS > len(values):
            if column.note:
                raise InputError(f"{table.name}: {column.note}")
            raise InputError(
                f"{what} takes {len(classes):,} different texts in {len(values):,} rows: too many to be classes, of which each "
                f"needs about {_notes.MEMBERS} rows. Leave identifiers out, and join rare classes."
            )
        return Side(column.name, places.reshape(-1, 1).astype(np.float64), classes)
    return Side(column.name, standardize(points, "sides"), notes=notes)


def is_few_valued(values: NDArray[Any]) -> bool:
    """Tell whether numbers (n,) take so few values, each so often, that they are classes; a subset is checked first."""
    few = min(_notes.FEW_CLASSES, len(values) / _notes.MEMBERS)
    return len(np.unique(values[: _ties.SAMPLED])) <= few and len(np.unique(values)) <= few


def classes_of(values: NDArray[Any], column: Column) -> tuple[IntArray, tuple[str, ...]]:
    """Position (n,) of each value among the classes, and the names of the classes."""
    values = values.astype(bool) if column.kind == "flags" else values
    if column.kind == "text":
        values = values.astype(str)
    names, places = np.unique(values, return_inverse=True)
    return places.reshape(-1), tuple(f"{one:g}" if isinstance(one, float) else str(one) for one in names.tolist())


@dataclasses.dataclass(frozen=True)
class Lines:
    """Two sorted columns of numbers."""

    x: plane.Ranked
    y: plane.Ranked

    def take(self, rows: IntArray) -> Lines:
        """Some of the samples of both."""
        return Lines(self.x.take(rows), self.y.take(rows))

    def shuffled(self, rows: IntArray) -> Lines:
        """Pair the values of x with those of y in another order."""
        return Lines(self.x, self.y.shuffled(rows))


def ksg1_of_lines(lines: Lines, search: Search) -> list[Local]:
    """Estimate by Kraskov, Stoegbauer, Grassberger 2004, eq. (8), between two columns without ties."""
    (k,) = search.ks
    radius, (n_x, n_y) = plane.neighbour_counts(lines.x, lines.y, k)
    if not radius.all():  # a few samples that coincide
        return ksg1_of((lines.x.values[:, np.newaxis], lines.y.values[:, np.newaxis]), search)
    return [Local(k, _formula.ksg1_local(k, n_x, n_y), "cpu-plane", _formula.ksg1_ceiling(k, len(n_x)))]


@dataclasses.dataclass(frozen=True)
class Found:
    """Outcome of one column: a row with its notes by kind and the share of ties, or the reason why it was left out."""

    row: RankedColumn | None = None
    tied: float = 0.0
    notes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    left_out: str = ""


@dataclasses.dataclass(frozen=True)
class Beside:
    """Target, condition and groups for the estimate of a column, all on the same rows.

    Attributes:
        target: The target.
        condition: The condition; None without one.
        groups: Grouping of the rows, and the order that puts rows of one group side by side; None without groups.
        on_given: Notes on a condition that tells nothing, by kind.
    """

    target: Side
    condition: Side | None
    groups: tuple[Groups, IntArray | None] | None
    on_given: Mapping[str, str] = dataclasses.field(default_factory=dict)


def on_constant_condition(names: Sequence[str], n_samples: int) -> dict[str, str]:
    """Note that a condition is constant, by its kind; none without a condition."""
    if not names:
        return {}
    return {"constant condition": _notes.on_constant(" and ".join(names), n_samples, is_given=True)}


class Ranker:
    """Estimates of all columns against one target, which is prepared once for all columns without gaps of their own."""

    def __init__(
        self, table: Table, target: str, given: tuple[str, ...], groups: str | None, k: int | None, settings: Settings
    ) -> None:
        self.table, self.target, self.given, self.groups, self.k = table, target, given, groups, k
        self.settings = dataclasses.replace(settings, threads=1, progress=None, backend="cpu", groups=None)
        self.threads, self.progress = settings.threads, settings.progress
        beside = [table.columns[name] for name in (target, *given, *([groups] if groups else []))]
        self.rows = ~np.any([column.missing for column in beside], axis=0)
        if not self.rows.any():
            raise InputError(f"{table.name}: no row has a value of {' and of '.join(column.name for column in beside)}.")
        if settings.series:
            missing.refuse_in_series(~self.rows)
        self.beside = self.prepared(self.rows)
        if self.beside.target.is_constant:
            raise InputError(f"{table.name}: the target {target} has only one value, so no column shares anything with it.")
        if groups:
            settings = dataclasses.replace(settings, groups=table.columns[groups].values[self.rows])
        sampling, _ = how_drawn.drawn(settings, (self.beside.target.points,) * 2)  # to refuse what no column can be taken with
        if groups:
            check_units(sampling, settings)

    def prepared(self, rows: NDArray[np.bool_]) -> Beside:
        """Prepare target, condition and groups on some rows."""
        target = side_of(self.table, self.table.columns[self.target], rows)
        groups = None
        if self.groups:
            groups = how_drawn.in_groups(self.table.columns[self.groups].values[rows], int(rows.sum()))
        given = [side_of(self.table, self.table.columns[name], rows) for name in self.given]
        given = [side for side in given if not side.is_constant]  # which tells nothing
        if not given:
            return Beside(target, None, groups, on_given=on_constant_condition(self.given, len(target.points)))
        numbers, classes = ([side.name for side in given if bool(side.classes) == is_class] for is_class in (False, True))
        if numbers and classes:
            raise InputError(f"{self.table.name}: {on_mixed(numbers, classes)}")
        points = np.hstack([side.points for side in given])
        if given[0].classes:
            kinds, places = np.unique(points, axis=0, return_inverse=True)
            points, combined = places.reshape(-1, 1).astype(np.float64), tuple(str(place) for place in range(len(kinds)))
            return Beside(target, Side(given[0].name, points, given[0].classes if len(given) == 1 else combined), groups)
        return Beside(target, Side(" and ".join(self.given), points), groups)

    def all_of(self, names: Sequence[str]) -> dict[str, Found]:
        """Outcome of each column, by its name."""
        target = self.beside.target
        _ = target.measured, target.resemblance, target.may_tie  # before threads ask for them
        if not target.classes:
            _ = target.ranked
        found: dict[str, Found] = {}

        def work(first: int, last: int) -> None:
            for name in names[first:last]:
                found[name] = self.one(name)

        with Workers(min(self.threads, len(names)), self.progress, len(names)) as workers:
            workers.for_each_tile(work, len(names), 1, is_progress=True)
        return {name: found[name] for name in names}

    def one(self, name: str) -> Found:
        """Row of one column, or the reason why it cannot be estimated and was left out."""
        column = self.table.columns[name]
        rows = self.rows & ~column.missing
        if len(column.stray):
            self.table.check_numbers(column)
        try:
            if not rows.any():
                raise InputError(f"{self.table.name}: column {name} has no value beside one of {self.target}.")
            if self.settings.series:
                missing.refuse_in_series(~rows, f"column {name}: ")
            beside = self.beside if (rows == self.rows).all() else self.prepared(rows)
            return self.estimated(side_of(self.table, column, rows), beside, len(rows) - int(rows.sum()))
        except InputError as error:
            return Found(left_out=str(error) if name in str(error) else f"column {name}: {error}")

    def estimated(self, x: Side, beside: Beside, dropped: int) -> Found:
        """Compute estimate, error bar, p-value and notes of one column x with the target."""
        y, z = beside.target, beside.condition
        nats = _formula.NATS_PER_UNIT[self.settings.units]
        estimator: Estimator = "discrete" if x.classes and y.classes else "ross" if x.classes or y.classes else "ksg1"
        run = self.run_of(x, beside, estimator)
        (local,) = run.found
        mi = local.mean / nats
        error = None if run.errors is None else float(run.errors[0])
        p_value, shuffles = (None, None) if self.settings.permutations is None else self.p_value(run, mi, z)
        notes: dict[str, str] = {}
        if dropped:
            notes[MISSING] = missing.on_dropped(dropped, len(self.table))
        notes |= {**beside.on_given, **self.notes_on(x, y, estimator, local, mi, run)}
        if z is not None and estimator == "discrete" and not z.classes:
            estimator = "ross"
        row = RankedColumn(
            column=x.name,
            mi=mi,
            stderr=error,
            p_value=p_value,
            q_value=None,
            estimator=estimator,
            k=local.k,
            n_samples=run.n_samples,
            **as_fields(run.sampling),
            shuffles=shuffles,
            alike=_notes.ALIKE in notes,
            notes=tuple(notes.values()),
        )
        return Found(row, local.tied / len(x.points), notes)

    def run_of(self, x: Side, beside: Beside, estimator: Estimator) -> Estimation[Any]:
        """Estimate of one column; if only one of the two is numbers, y are the classes, as in "ross"."""
        y, z, n, name = beside.target, beside.condition, len(x.points), x.name
        if x.is_constant or y.is_constant:
            ks = self.orders(name, estimator, n)
            return Estimation(nothing, Prepared(x.points, y.points), Prepared.take, n, ks, self.settings)
        may_tie = x.may_tie or y.may_tie
        if estimator == "ksg1" and z is None and not (may_tie or beside.groups or self.settings.series):
            ks = self.orders(name, estimator, n)
            return Estimation(ksg1_of_lines, Lines(x.ranked, y.ranked), Lines.take, n, ks, self.settings)
        if x.classes and not y.classes:
            x, y = y, x
        sides = Prepared(x.points, y.points, classes=y.classes)
        method: Method = ESTIMATORS[estimator]
        if z is not None:
            sides = dataclasses.replace(sides, z=z.points, given_classes=z.classes)
            if estimator == "discrete" and not z.classes:  # classes so far apart that numbers of z never are
                far = FAR * float(np.abs(z.points).max())
                sides = dataclasses.replace(sides, x=far * x.points)
                method, estimator = CONDITIONAL["ross"], "ross"
            elif z.classes and estimator != "discrete":
                method = functools.partial(within_classes, method=method)
            else:
                method = CONDITIONAL[estimator]  # type: ignore[index]  # of which each is one
        sides, sampling = self.drawn(sides, beside, (estimator == "discrete", bool(y.classes)))
        ks = self.orders(name, estimator, n, usual_order(sides, sampling, dim_of(sides)))
        return Estimation(method, sides, Prepared.take, n, ks, self.settings, sampling=sampling)

    def orders(self, name: str, estimator: Estimator, n_samples: int, usual: int = DEFAULT_ORDER) -> tuple[int, ...]:
        """Neighbour order for the rows of a column; empty for an estimator without neighbours.

        Raises:
            InputError: There are too few rows.
        """
        if estimator in WITHOUT_NEIGHBOURS:
            return ()
        return arguments.neighbour_orders((self.k or usual,), n_samples, f"{self.table.name}: column {name}")

    def drawn(self, sides: Prepared, beside: Beside, are_classes: tuple[bool, bool]) -> tuple[Prepared, Sampling]:
        """Samples reordered so that rows of a group are adjacent, and how they were drawn.

        are_classes: Whether x and y of the sides are classes.

        Raises:
            InputError: There are too few independent units to shuffle.
        """
        sampling, order = beside.groups or how_drawn.drawn(self.settings, (sides.x, sides.y), are_classes)
        check_units(sampling, self.settings)
        if sampling is INDEPENDENT:
            return sides, sampling
        return dataclasses.replace(sides if order is None else sides.take(order), sampling=sampling), sampling

    def p_value(self, run: Estimation[Any], mi: float, z: Side | None) -> tuple[float, int]:
        """P-value against independence, and the number of shuffles it took: Besag & Clifford 1991."""
        as_large = done = 0
        if run.method is nothing:
            return 1.0, 0
        for shuffled in self.shuffles(run, z):
            done += 1
            as_large += uncertainty.how_many_as_large(run.means(shuffled), mi)
            if as_large == STOP_AT:
                return STOP_AT / done, done
        return (1 + as_large) / (1 + done), done

    def shuffles(self, run: Estimation[Any], z: Side | None) -> Iterator[Any]:
        """Generate sides with a shuffled pairing."""
        permutations, seed = self.settings.permutations, self.settings.seed
        assert permutations is not None  # noqa: S101  as callers look first
        if z is not None:
            yield from uncertainty.drawn_again(run.sides, permutations, seed, equal_z=bool(z.classes), threads=1)
            return
        for rows in uncertainty.surrogate_rows(run.n_samples, permutations, seed, run.sampling):
            if isinstance(run.sides, Lines):
                yield run.sides.shuffled(rows)
            else:
                yield dataclasses.replace(run.sides, y=run.sides.y[rows])

    def notes_on(self, x: Side, y: Side, estimator: Estimator, local: Local, mi: float, run: Estimation[Any]) -> dict[str, str]:
        """Notes on one column's estimate, by kind."""
        for side in (x, y):
            if side.is_constant:
                return {f"constant {side.name}": _notes.on_constant(side.name, len(side.points), is_class=False)}
        numbers = [(side.name, side.measured) for side in (x, y) if not side.classes]
        notes = {note: note for side in (x, y) for note in side.notes}
        notes |= _notes.on_measured(numbers, "sides", estimator)
        if estimator == "ross":
            notes |= _notes.on_copies((x.points, y.points))
        if estimator == "discrete":
            notes |= zip(["few"], _notes.on_discrete(x.points, y.points), strict=False)
        if run.sampling is INDEPENDENT:
            notes |= _notes.on_order((x.resemblance, y.resemblance))
        else:
            notes |= _notes.on_units(run.ks, run.sampling, run.n_samples, dim_of(run.sides))
        notes |= zip(["no error bar"], run.without_error_bar, strict=False)
        notes |= local.notes
        ceiling = (
            None
            if local.ceiling is None or estimator == "ross"
            else local.ceiling / _formula.NATS_PER_UNIT[self.settings.units]
        )
        notes |= _notes.on_estimate(
            mi,
            self.settings.units,
            k=local.k,
            n_samples=len(x.points),
            ceiling=ceiling,
            tied=local.tied,
            sides=(x.points, y.points),
        )
        if estimator == "ksg1" and local.k is not None:
            dim = 2 if isinstance(run.sides, Lines) else dim_of(run.sides)
            notes |= _notes.on_rise(mi, self.settings.units, local.k, run.n_samples, dim, run.error_bar)
        if _notes.AT_CEILING in notes and is_nearly_linear(x.points, y.points):
            notes["again"] = f"It may be {self.target} itself, under another name: then leave it out."
        return notes


def is_nearly_linear(x: Samples, y: Samples) -> bool:
    """Tell whether one column (n, 1) is nearly a linear function of the other."""
    return bool(abs(np.corrcoef(x[:, 0], y[:, 0])[0, 1]) > NEARLY_LINEAR)


def dim_of(sides: Prepared) -> int:
    """Number of joint dimensions; classes count as one."""
    return sum(side.shape[1] for side in sides.sides().values())


def with_q_values(rows: Sequence[RankedColumn]) -> list[RankedColumn]:
    """Add the false-discovery rate of their p-values to rows: Benjamini & Hochberg 1995."""
    p_values = [row.p_value for row in rows if row.p_value is not None]
    if not p_values:
        return list(rows)
    from scipy.stats import false_discovery_control  # here, because scipy.stats takes half a second to load

    q_values = false_discovery_control(p_values, method="bh")
    return [dataclasses.replace(row, q_value=float(q)) for row, q in zip(rows, q_values, strict=True)]


def notes_of(found: Mapping[str, Found], n_samples: int) -> list[str]:
    """Notes on columns that were left out, and each kind of note once with the columns that it concerns."""
    left_out = [noted("left-out-columns", f"Left out: {one.left_out}") for one in found.values() if one.left_out]
    first: dict[str, str] = {}
    where: dict[str, list[str]] = {}
    for name, one in sorted(found.items(), key=lambda item: -item[1].tied):  # so that the first one has the largest share
        for kind, note in one.notes.items():
            if kind == MISSING:
                continue
            kind = next((some for some in _notes.OF_ONE_SIDE if kind.startswith(some)), kind)
            first.setdefault(kind, note)
            where.setdefault(kind, []).append(name)
    for kind in (_notes.TIED, _notes.COPIED):
        if len(where.get(kind, [])) > 1:
            first[kind] = f"Up to {first[kind]}"
    sizes = {one.row.n_samples for one in found.values() if one.row}
    if any(MISSING in one.notes for one in found.values()):
        left_out.append(
            noted(
                "missing",
                f"Rows with missing values were left out column by column: {min(sizes):,} to {max(sizes):,} of {n_samples:,} "
                "are left. If they are missing for a reason, the rest is another population.",
            )
        )
    return [*left_out, *(concerning(note, where[kind], "columns") for kind, note in first.items())]
