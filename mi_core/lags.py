"""Mutual information between two series at several lags; and what `transfer` shares with it."""

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
    """What the estimates at all lags are when y is shifted against x, round its end, by more than memory and lags together.

    Each shift gives one value for each lag. Several lags are several chances of a large value, so beside each lag's own p-value
    stands one that takes the largest value over the lags of each shift: Westfall & Young 1993. Neighbouring lags look at nearly
    the same rows, which this maximum knows of and a correction by the number of lags does not.

    Attributes:
        permutations: Number of shifts.
        p_value: (lags,) (1 + shifts with an estimate at least as large at this lag) / (1 + permutations), one-sided.
        p_corrected: (lags,) the same of the largest estimate at any lag: how often chance finds so much somewhere.
        mean: (lags,) mean of the estimates over the shifts, in the unit of the result: the estimator's bias.
        std: (lags,) their standard deviation.
        largest: (permutations,) the largest estimate at any lag, for each shift.
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
        """The value above which `p_corrected` is at most `level`; None where there are too few shifts for so small a p."""
        allowed = int(level * (1 + self.permutations) + 1e-9)
        return float(np.sort(self.largest)[-allowed]) if allowed else None


@dataclasses.dataclass(frozen=True, slots=True, eq=False, repr=False)
class LaggedMI:
    """Mutual information between x at one time and y some steps later, for several lags.

    Attributes:
        lags: (lags,) steps by which y is later than x; where negative, x is later than y.
        mi: (lags,) estimates in `units`. May be negative: see `notes`.
        stderr: (lags,) standard errors in `units`; None where they were switched off or there are too few rows.
        n_samples: (lags,) pairs of rows at each lag.
        null: Estimates with y shifted against x, and p-values; None unless asked for.
        units: "bits" or "nats".
        k: Neighbour order, one for all lags; None where no neighbours were sought.
        dim_x: Dimensions of x.
        dim_y: Dimensions of y; 1 for class labels.
        exclude: Steps of time up to which rows are neither neighbours nor counted, one for all lags.
        independent_units: How many independent units the samples make: stretches in which the series forget themselves.
        estimator: Name of the estimator.
        standardize: How the series were standardised first.
        noise: Standard deviation of the noise added to each column, in standard deviations of its side; 0 for none.
        seed: Seed of all that was random; None where nothing was.
        backend: Name of the backend that counted; "none" where no neighbours were sought.
        threads: Number of threads it was allowed.
        seconds: Wall time of the whole.
        notes: What a reader should know before using the numbers, each kind once, with the lags that it concerns.
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
        """The lag with the largest estimate."""
        return int(self.lags[self.mi.argmax()])

    def __repr__(self) -> str:
        return display.lags_in_one_line(self)

    def _repr_html_(self) -> str:
        return display.lags_as_html(self)

    def to_dict(self) -> dict[str, Any]:
        """The peak, then all fields as plain Python values, ready for JSON."""
        return {"peak": self.peak, **results.as_plain(self)}


@with_progress
def lagged(
    x: Any, y: Any, lags: Iterable[int] | int = range(-20, 21), *, k: int | None = None, **options: Unpack[LaggedOptions]
) -> LaggedMI:
    """Mutual information I(x_t; y_(t + lag)) between two series, at each of several lags.

    A positive lag looks at y later than x: MI at lag 3 is what x tells of y three steps later. Dependence at a lag is no
    proof of an influence in that direction: where each series remembers its own past, MI spreads over many lags and both signs.
    `transfer_entropy` asks what x tells beyond the past of y.

    Args:
        x: (n_rows,), (n_rows, dim_x) or of higher rank, in order of time, at even steps; as for `mutual_information`.
        y: (n_rows,), (n_rows, dim_y) or of higher rank, row i at the time of row i of x. For "ross" class labels.
        lags: Steps by which y is later than x, each once, or one of them; -20 to 20 by default. Each lag has as many pairs of
            rows as overlap: `n_rows - |lag|`.
        k: Neighbour order, one for all lags; None for about as many rows as belong together, as in `mutual_information`.
        units: "bits" (default) or "nats".
        estimator: As in `mutual_information`, but "ksg2" and "lnc"; "ksg1" by default.
        standardize: "sides" (default; "none" for "discrete"), "columns" or "none", of the whole series: as in
            `mutual_information`. With "none" a series of small numbers beside one of large ones counts for nothing.
        noise: Standard deviation of Gaussian noise added to every value against ties, relative to the spread of its side.
        seed: Seed of all that is random: noise, error bars, shifts.
        backend: How neighbours are counted: "auto", "cpu" or one of the CPU's backends.
        threads: Most threads to use; None for as many as the process may use.
        error_bar: Whether to estimate standard errors, from stretches of the series; they cost twice what the estimates do.
        permutations: How many times to shift y against x, for p-values of each lag and for all lags together, see
            `ShiftedNull`; None (default) for none. Each costs an estimate of every lag.
        exclude: Steps of time up to which rows are neither neighbours nor counted (Theiler 1986); None (default) for the
            measured memory of the series, as in `mutual_information`.
        progress: True for a bar on stderr, or a function called with (steps done, steps in all).

    Returns:
        Estimates, standard errors and p-values by lags, with all that is needed to repeat them.

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
        notes=(*notes, *of_constants.values(), *each_kind_once(steps, runs)),
        **as_fields(sampling),
    )


def distinct_lags(lags: Iterable[int] | int) -> tuple[int, ...]:
    """Lags as whole numbers, each once, in the order in which they came."""
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
    """Rows of x, and beside each the row of y that is `lag` steps later; and how they were drawn."""
    n_rows = len(sides) - abs(lag)
    first_x, first_y = max(0, -lag), max(0, lag)
    x, y = sides.x[first_x : first_x + n_rows], sides.y[first_y : first_y + n_rows]
    return first_rows(dataclasses.replace(sides, x=x, y=y), n_rows)


def check_rows(steps: Sequence[int], n_rows: int, sampling: Series, ks: Sequence[int]) -> None:
    """Raise InputError where a lag leaves too few rows."""
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
    """What the estimates (permutations, lags) of shifted series say about `mi` (lags,), all in one unit."""
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
    """Each kind of note on the estimates as its first lag has it, and which lags it concerns."""
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
    """Settings of a call on series, which are standardised by sides unless they are only compared for equality."""
    usual = "none" if options.get("estimator") == "discrete" else "sides"
    return dataclasses.replace(arguments.settings({"standardize": usual, **options}, accepted, function), series=True)


def drawn(sides: Prepared, settings: Settings, span: int = 0) -> tuple[Prepared, Series]:
    """Samples as rows of a series whose sides are compared over a span of lags, and how they were drawn.

    Raises:
        InputError: There are too few rows to shift one side against the other, and that is asked for.
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
    """Samples of which only the first times are left, with how these were drawn."""
    assert isinstance(sides.sampling, Series)  # noqa: S101  for the type checker
    some = sides.sampling.take(np.arange(n_rows))
    return dataclasses.replace(sides, sampling=some), some


def fewest_rows(sampling: Series, ks: Sequence[int]) -> int:
    """Rows that leave each enough others to be compared with, as many as the smallest part of an error bar has."""
    return 2 * sampling.exclude + uncertainty.LEAST_SAMPLES * (max(ks, default=0) + 1)


def shifts(estimate: Callable[[Prepared], FloatArray], sides: Prepared, settings: Settings) -> FloatArray:
    """Estimates (permutations, values) with one series shifted against the other."""
    return uncertainty.shuffled(
        estimate, sides, (), settings.permutations or 0, settings.seed, nats=1.0, threads=1, progress=settings.progress
    )
