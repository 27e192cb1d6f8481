"""Mutual information between two series at several lags, and the parts that `transfer` shares."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Unpack

import numpy as np

from mi_core import _notes, arguments, clock, display, missing, results, uncertainty
from mi_core._estimation import Estimation, orders
from mi_core._estimators import ESTIMATORS, nothing
from mi_core._prepare import Prepared
from mi_core.arguments import Settings
from mi_core.errors import InputError
from mi_core.estimate import as_drawn, check_units, notes_on, on_constants, prepared, usual_order
from mi_core.options import Estimator, LaggedEstimator, LaggedOptions, Standardize, Units
from mi_core.progress_bar import with_progress
from mi_core.sampling import Series, as_fields
from mi_core.text import concerning
from mi_core.types import FloatArray, IntArray

SHIFTS = 3  # the series is at least so many times as long as the least shift


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ShiftedNull:
    """Null distribution of the estimates at all lags, from circular shifts of y against x beyond memory and lags together.

    Each shift gives one value for each lag. Several lags give chance several tries at a large value, so each lag has two
    p-values: its own, and one against the largest value over all lags of each shift: Westfall & Young 1993. Neighbouring lags
    use nearly the same rows; the maximum accounts for that, and a correction by the number of lags does not.

    Attributes:
        permutations: Number of shifts.
        p_value: (lags,) (1 + shifts with an estimate at least as large at this lag) / (1 + permutations), one-sided.
        p_corrected: (lags,) (1 + shifts with an estimate at least as large at any lag) / (1 + permutations).
        mean: (lags,) mean of the estimates over the shifts, in the unit of the result: the estimator's bias.
        std: (lags,) standard deviation of the estimates over the shifts.
        largest: (permutations,) largest estimate at any lag, for each shift.
        seed: Seed of the shifts.
    """

    permutations: int
    p_value: FloatArray
    p_corrected: FloatArray
    mean: FloatArray
    std: FloatArray
    largest: FloatArray
    seed: int

    def threshold(self, level: float = 0.05) -> float | None:
        """Return the value above which `p_corrected` is at most `level`; None if there are too few shifts for so small a p."""
        allowed = int(level * (1 + self.permutations) + 1e-9)
        return float(np.sort(self.largest)[-allowed]) if allowed else None


@dataclasses.dataclass(frozen=True, slots=True, eq=False, repr=False)
class LaggedMI:
    """Mutual information between x at one time and y some steps later, for several lags.

    Attributes:
        lags: (lags,) steps by which y is later than x; if negative, x is later than y.
        mi: (lags,) estimates in `units`. May be negative: see `notes`.
        stderr: (lags,) standard errors in `units`; None if they were switched off or there are too few rows.
        n_samples: (lags,) number of pairs of rows at each lag.
        null: Estimates with y shifted against x, and p-values; None unless requested.
        units: "bits" or "nats".
        k: Neighbour order, one for all lags; None if no neighbours were searched.
        dim_x: Dimensions of x.
        dim_y: Dimensions of y; 1 for class labels.
        exclude: Steps of time up to which rows are left out of each other's neighbour search and counts, one for all lags.
        independent_units: Number of independent units in the samples: stretches as long as the memory of the series.
        estimator: Name of the estimator.
        standardize: How the series were standardised first.
        noise: Standard deviation of the noise added to each column, in standard deviations of its side; 0 for none.
        seed: Seed of everything random; None if nothing was random.
        backend: Name of the backend that counted; "none" if no neighbours were searched.
        threads: Number of threads allowed.
        seconds: Wall time of the whole call.
        notes: What to know before using the numbers, each kind of note once, with the lags that it concerns.
    """

    lags: IntArray
    mi: FloatArray
    stderr: FloatArray | None
    n_samples: IntArray
    null: ShiftedNull | None
    units: Units
    k: int | None
    dim_x: int
    dim_y: int
    exclude: int
    independent_units: int
    estimator: Estimator
    standardize: Standardize
    noise: float
    seed: int | None
    backend: str
    threads: int
    seconds: float
    notes: tuple[str, ...]

    @property
    def peak(self) -> int:
        """Lag with the largest estimate."""
        return int(self.lags[self.mi.argmax()])

    def __repr__(self) -> str:
        return display.lags_in_one_line(self)

    def _repr_html_(self) -> str:
        return display.lags_as_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the peak, then all fields, as plain Python values ready for JSON."""
        return {"peak": self.peak, **results.as_plain(self)}


@with_progress
def lagged(
    x: Any, y: Any, lags: Iterable[int] | int = range(-20, 21), *, k: int | None = None, **options: Unpack[LaggedOptions]
) -> LaggedMI:
    """Mutual information I(x_t; y_(t + lag)) between two series, at each of several lags.

    At a positive lag y is later than x: MI at lag 3 is the information in x about y three steps later. Dependence at a lag
    does not prove influence in that direction: if each series remembers its own past, MI spreads over many lags of both signs.
    `transfer_entropy` measures what x adds to the past of y.

    Args:
        x: (n_rows,), (n_rows, dim_x) or of higher rank, in order of time, at even steps; as for `mutual_information`.
        y: (n_rows,), (n_rows, dim_y) or of higher rank, row i at the time of row i of x. For "ross" class labels.
        lags: Steps by which y is later than x, each given once; a single lag is allowed. -20 to 20 by default. Each lag uses
            the rows that overlap: `n_rows - |lag|` pairs.
        k: Neighbour order, one for all lags; None means about as many rows as belong together, as in `mutual_information`.
        units: "bits" (default) or "nats".
        estimator: As in `mutual_information`, except "ksg2" and "lnc"; "ksg1" by default.
        standardize: "sides" (default; "none" for "discrete"), "columns" or "none", for the whole series, as in
            `mutual_information`. With "none" a series of small numbers is negligible beside one of large numbers.
        noise: Standard deviation of Gaussian noise added to every value to break ties, relative to the spread of its side.
        seed: Seed of everything random: noise, error bars, shifts.
        backend: Name of the backend: "auto", "cpu" or one of the CPU backends.
        threads: Maximum number of threads; None means as many as the process may use.
        error_bar: Whether to estimate standard errors from stretches of the series; they cost twice as much as the estimates.
        permutations: How many times to shift y against x, for p-values of each lag and over all lags, see `ShiftedNull`;
            None (default) means no test. Each shift costs an estimate at every lag.
        exclude: Steps of time up to which rows are left out of each other's neighbour search and counts (Theiler 1986); None
            (default) means the measured memory of the series, as in `mutual_information`.
        progress: True for a bar on stderr, or a function called with (steps done, steps in all).

    Returns:
        Estimates, standard errors and p-values by lag, with all that is needed to repeat them.

    Raises:
        InputError: The data or an argument cannot be used; the message says which, what came and what to do.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).standard_normal(1000)
        >>> y = np.roll(x, 3) + np.random.default_rng(1).standard_normal(1000)  # follows x by three steps
        >>> lagged(x, y, range(-5, 6)).peak
        3
    """
    steps = distinct_lags(lags)
    settings = of_series(options, LaggedOptions, "lagged")
    arguments.one_of(settings.estimator, LaggedEstimator, "the estimator of MI at lags")
    missing.complete({"x": x, "y": y}, "refuse", series=True)
    sides, dims, notes = prepared(x, y, None, settings)
    notes = [*_notes.on_indexes({"x": x, "y": y}), *notes]
    sides, sampling = drawn(sides, settings, span=max(0, *steps) - min(0, *steps))
    n_rows, dim = len(sides), sum(dims.values())
    ks = orders(k, settings.estimator, n_rows, usual_order(sides, sampling, dim))
    check_rows(steps, n_rows, sampling, ks)
    of_constants = on_constants(sides)
    if not of_constants:
        notes += [*notes_on(sides, settings), *_notes.on_sampling(ks, sampling, n_rows, dim)]
    quiet = dataclasses.replace(settings, progress=None)
    runs: list[Estimation[Prepared]] = []
    for lag in steps:
        pairs, some = at_lag(sides, lag)
        method = nothing if on_constants(pairs) else ESTIMATORS[settings.estimator]
        runs.append(Estimation(method, pairs, Prepared.take, len(pairs), ks, quiet, sampling=some))
        _ = runs[-1].found, runs[-1].errors
        if settings.progress is not None:
            settings.progress(len(runs), len(steps))
    mi = np.array([run.found[0].mean / run.nats for run in runs])
    errors = [run.errors[0] for run in runs if run.errors is not None]
    stderr = np.array(errors) if len(errors) == len(runs) else None

    def at_all_lags(again: Prepared) -> FloatArray:
        return np.concatenate([run.means(at_lag(again, lag)[0]) for run, lag in zip(runs, steps, strict=True)])

    return LaggedMI(
        lags=np.array(steps, np.int64),
        mi=mi,
        stderr=stderr,
        n_samples=np.array([run.n_samples for run in runs], np.int64),
        null=None if settings.permutations is None else shifted_null(mi, shifts(at_all_lags, sides, settings), settings.seed),
        units=settings.units,
        k=ks[0] if ks else None,
        dim_x=dims["x"],
        dim_y=dims["y"],
        estimator=settings.estimator,
        standardize=settings.standardize,
        noise=settings.noise,
        seed=settings.seed if settings.noise > 0 or stderr is not None or settings.permutations is not None else None,
        backend=runs[0].found[0].backend,
        threads=settings.threads,
        seconds=clock.now() - settings.started,
        notes=(
            *notes,
            *of_constants.values(),
            *dict.fromkeys(note for run in runs for note in run.without_error_bar),
            *each_kind_once(steps, runs),
        ),
        **as_fields(sampling),
    )


def distinct_lags(lags: Iterable[int] | int) -> tuple[int, ...]:
    """Return lags as whole numbers in their given order; each may occur once."""
    if isinstance(lags, str | bytes):
        raise InputError(f"lags is {lags!r}: give whole numbers, for example range(-20, 21).")
    several = lags if isinstance(lags, Iterable) else (lags,)
    steps = tuple(arguments.whole_number(lag, "a lag") for lag in several)
    if not steps:
        raise InputError("lags is empty: give at least one lag, for example range(-20, 21).")
    if len(set(steps)) < len(steps):
        twice = next(lag for place, lag in enumerate(steps) if lag in steps[:place])
        raise InputError(f"lags has {twice} twice: give each lag once.")
    return steps


def at_lag(sides: Prepared, lag: int) -> tuple[Prepared, Series]:
    """Pair each row of x with the row of y that is `lag` steps later, and tell how they were drawn."""
    n_rows = len(sides) - abs(lag)
    first_x, first_y = max(0, -lag), max(0, lag)
    x, y = sides.x[first_x : first_x + n_rows], sides.y[first_y : first_y + n_rows]
    return first_rows(dataclasses.replace(sides, x=x, y=y), n_rows)


def check_rows(steps: Sequence[int], n_rows: int, sampling: Series, ks: Sequence[int]) -> None:
    """Raise InputError if a lag leaves too few rows."""
    farthest, needed = max(steps, key=abs), fewest_rows(sampling, ks)
    left = max(0, n_rows - abs(farthest))
    if left < needed:
        most = n_rows - needed
        remedy = f"give lags of at most {most:,} steps" if most >= 0 else "measure a longer series"
        raise InputError(
            f"lag {farthest} leaves {left:,} of {n_rows:,} rows, and {needed:,} are the fewest with exclude "
            f"{sampling.exclude}{f' and k={ks[0]}' if ks else ''}: {remedy}."
        )


def shifted_null(mi: FloatArray, shifted: FloatArray, seed: int) -> ShiftedNull:
    """Null distribution and p-values of `mi` (lags,), from the estimates (permutations, lags) of shifted series in one unit."""
    largest = shifted.max(axis=1)
    each = [uncertainty.shuffled_null(float(one), of_lag, seed) for one, of_lag in zip(mi, shifted.T, strict=True)]
    return ShiftedNull(
        permutations=len(shifted),
        p_value=np.array([null.p_value for null in each]),
        p_corrected=np.array([uncertainty.shuffled_null(float(one), largest, seed).p_value for one in mi]),
        mean=np.array([null.mean for null in each]),
        std=np.array([null.std for null in each]),
        largest=largest,
        seed=seed,
    )


def each_kind_once(steps: Sequence[int], runs: Sequence[Estimation[Prepared]]) -> list[str]:
    """Notes on the estimates, each kind once as its first lag has it, with the lags that it concerns."""
    first: dict[str, str] = {}
    where: dict[str, list[str]] = {}
    for lag, run in zip(steps, runs, strict=True):
        (local,) = run.found
        on_this = _notes.on_estimate(
            local.mean / run.nats,
            run.settings.units,
            k=local.k,
            n_samples=run.n_samples,
            ceiling=None if run.settings.estimator == "ross" else run.ceiling(local),
            tied=local.tied,
            sides=run.sides.sides().values(),
        )
        for kind, note in (dict(local.notes) | on_this).items():
            first.setdefault(kind, note)
            where.setdefault(kind, []).append(f"lag {lag}")
    return [concerning(note, where[kind], "lags") for kind, note in first.items()]


# What transfer entropy has in common with it


def of_series(options: Mapping[str, Any], accepted: Any, function: str) -> Settings:
    """Settings of a call on series; sides are standardised by default unless they are only compared for equality."""
    usual = "none" if options.get("estimator") == "discrete" else "sides"
    return dataclasses.replace(arguments.settings({"standardize": usual, **options}, accepted, function), series=True)


def drawn(sides: Prepared, settings: Settings, span: int = 0) -> tuple[Prepared, Series]:
    """Samples as rows of a series whose sides are compared over a span of lags, and how they were drawn.

    Raises:
        InputError: Permutations are requested, and there are too few rows to shift one side against the other.
    """
    _, _, sampling = as_drawn(sides, settings)
    assert isinstance(sampling, Series)  # noqa: S101  for the type checker
    check_units(sampling, settings)
    sampling = dataclasses.replace(sampling, span=span)
    fewest = SHIFTS * sampling.least_shift
    if settings.permutations is not None and len(sides) < fewest:
        raise InputError(
            f"permutations shifts one series by more than the lags and twice the memory, {sampling.least_shift:,} steps, and "
            f"needs {fewest:,} rows; there are {len(sides):,}: take fewer lags, or leave permutations out."
        )
    return dataclasses.replace(sides, sampling=sampling), sampling


def first_rows(sides: Prepared, n_rows: int) -> tuple[Prepared, Series]:
    """Samples cut to the first times, with a record of how they were drawn."""
    assert isinstance(sides.sampling, Series)  # noqa: S101  for the type checker
    some = sides.sampling.take(np.arange(n_rows))
    return dataclasses.replace(sides, sampling=some), some


def fewest_rows(sampling: Series, ks: Sequence[int]) -> int:
    """Fewest rows that leave each row enough others to compare with: as many as the smallest part of an error bar has."""
    return 2 * sampling.exclude + uncertainty.LEAST_SAMPLES * (max(ks, default=0) + 1)


def shifts(estimate: Callable[[Prepared], FloatArray], sides: Prepared, settings: Settings) -> FloatArray:
    """Estimates (permutations, values) with one series shifted against the other."""
    return uncertainty.shuffled(
        estimate, sides, (), settings.permutations or 0, settings.seed, nats=1.0, threads=1, progress=settings.progress
    )
