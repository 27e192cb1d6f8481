"""Lower bounds of mutual information, measured on held-out samples.

    critic fitted on some samples --held_out--> how well it tells true partners of the others from strangers = bound in nats
    log radii of both sides       --ksg1------> MI of a function of each side with one column

A critic f(x, y) is any function that is large if x and y belong together. For every critic that was chosen on other samples,

    E[f(x, y)] - E[log mean_j exp f(x, y_j)]

over n samples, with the true partner among the y_j, is at most the MI of x and y, and at most log n (van den Oord, Li & Vinyals
2018, arXiv:1807.03748; Poole et al. 2019, arXiv:1905.06922, eq. 10). A poor critic gives a low bound, never a wrong one.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mi_core import _formula, _ties, arrays
from mi_core._prepare import Prepared, centred, kinds, middle
from mi_core.errors import InputError
from mi_core.options import Units
from mi_core.ranks import Ranks
from mi_core.results import LowerBound, MIResult
from mi_core.sampling import DEFAULT_ORDER, FEWEST_UNITS, INDEPENDENT, LEAST_SHARE_OF_ORDER, Groups, Sampling, Series, fit
from mi_core.seeds import generator
from mi_core.shared_directions import SharedDirections
from mi_core.types import CrossFittedCritic, FloatArray, IntArray, Samples

FEWEST_SAMPLES = 40
MOST_COPIES = 10  # of a row; one that recurs more often is a value of its own
AS_OFTEN = 3.0  # unless others do too: times as often as the middle one
FIFTHS, HALVES = 5, 2  # parts, on each of which the critic is measured that the others fitted
NEAR_LIMIT = 0.5  # share of a fifth's ceiling beyond which halves, with their higher ceiling, show more
ENOUGH = 4.0  # times its ceiling: directions that promise more than that raise a bound no further
CLEARLY = 4.0  # standard errors, themselves uncertain, by which radii must share more, so that chance does not choose them
SPREAD_OF_NOTHING = 0.7  # nats, over the root of N: of ksg1, k=3, on independent columns
LARGEST_SINGLE = 1e10  # bound of scores, most of which are far below: beyond, single precision rounds them too much
ORDERS_OF_RADII = DEFAULT_ORDER, 12, 30
FOR_SPREAD = 1_000  # samples that tell the middle and the spread of a column
SCORES_AT_ONCE = 2**20  # of a matrix of samples by partners; they stay in the cache

Critic = Callable[[IntArray, IntArray, np.random.Generator], tuple[FloatArray, FloatArray]]
"""Function (rows to fit on, rows to embed, rng) -> embeddings (rows, dim) of x and y; f(x_i, y_j) is their inner product."""


class DirectionsCritic:
    """Critic from the log-density ratio of Gaussians with the correlations of the shared directions, as far as these can raise
    the bound.

    Args:
        x: Ranks of the columns of x, `y` of those of y.
        sampling: How the samples were drawn.

    Attributes:
        used: Number of directions that each fit used.
    """

    def __init__(self, x: Ranks, y: Ranks, sampling: Sampling) -> None:
        self.directions = SharedDirections(x, y, sampling)
        self.used: list[int] = []

    def __call__(self, fitted: IntArray, rest: IntArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Embed the rows `rest` by directions fitted on the rows `fitted`."""
        along_x, along_y, correlation = self.directions.along(fitted, rest, rng)
        nats = -0.5 * np.log1p(-(correlation**2))
        used = int(np.searchsorted(nats.cumsum(), ENOUGH * np.log(len(rest)))) + 1  # the strongest come first
        self.used.append(len(correlation[:used]))
        return gaussian_embeddings(along_x[:, :used], along_y[:, :used], correlation[:used])


def gaussian_embeddings(x: FloatArray, y: FloatArray, correlation: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Embeddings (n, m + 1) whose inner products are log p(x, y) / p(x) p(y) of Gaussian pairs, except for terms of x alone,
    which cancel in a bound that compares partners of the same x.
    """
    gain = correlation / (1 - correlation**2)
    of_y = -0.5 * (y**2) @ (correlation * gain)
    return np.column_stack([x * gain, np.ones(len(x))]), np.column_stack([y, of_y])


def info_nce(left: FloatArray, right: FloatArray) -> FloatArray:
    """Terms (n,) in nats whose mean is the bound, from embeddings `left` (n, dim) of x and `right` (n, dim) of y."""
    n = len(left)
    if np.abs(left).max() * np.abs(right).max() * left.shape[1] < LARGEST_SINGLE:
        left, right = left.astype(np.float32), right.astype(np.float32)
    terms = np.empty(n)
    rows_at_once = max(1, SCORES_AT_ONCE // n)
    for start in range(0, n, rows_at_once):
        scores = left[start : start + rows_at_once] @ right.T
        own = np.diagonal(scores, start).astype(np.float64)  # rounded as those of strangers are
        largest = scores.max(axis=1, keepdims=True)
        np.exp(np.subtract(scores, largest, out=scores), out=scores)
        terms[start : start + rows_at_once] = own - largest[:, 0] - np.log(scores.sum(axis=1, dtype=np.float64) / n)
    return terms


def held_out(
    critic: Critic, samples: Prepared, parts: int, rng: np.random.Generator, *, needed: int
) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
    """Disjoint parts of the samples, and on each part the embeddings of x and y by a critic fitted on the other parts.

    Raises:
        InputError: There are too few independent units for so many parts; the message says how many are needed in all.
    """
    sampling, n = samples.sampling or INDEPENDENT, len(samples)
    cut = sampling.parts(n, parts, rng)
    if not cut:
        raise InputError(
            f"a lower bound needs {needed} parts of at least {FEWEST_UNITS} groups or stretches of the series each, and there "
            "are fewer: measure more, or leave it out."
        )
    for part in cut:
        is_fitted = np.ones(n, dtype=np.bool_)
        is_fitted[part] = False
        yield part, *critic(np.flatnonzero(is_fitted), part, rng)


def copies_together(samples: Prepared, measured: Prepared | None = None) -> Prepared:
    """Group copies, rows that are equal in both sides, so that no row is measured whose copy was fitted on. Groups and series
    are returned unchanged.

    Rows count as copies if each value of one side comes with one of the other, or if hardly any stands alone. They do not if
    both sides take few values, nor do those that recur far more often than others, as a dead layer does.

    Args:
        samples: Both sides.
        measured: The same before noise was added, which hides copies; None if none was.

    Raises:
        InputError: Too few rows are different.
    """
    if samples.sampling is not None:
        return samples
    before = samples if measured is None else measured
    kind, counts = kinds(before.x, before.y)
    n, different = len(kind), len(counts)
    if different == n:
        return samples
    if different < n / MOST_COPIES:
        return samples
    of_sides = [len(kinds(side)[1]) for side in (before.x, before.y)]
    is_usual = counts <= max(MOST_COPIES, AS_OFTEN * float(np.median(counts)))
    if set(of_sides) != {different} and not _ties.none_alone(counts[is_usual]):
        return samples
    is_copied = is_usual[kind]
    group = np.unique(np.where(is_copied, kind, n + np.arange(n)), return_inverse=True)[1]
    if (units := int(group.max()) + 1) < FEWEST_SAMPLES:
        raise InputError(
            f"a lower bound needs at least {FEWEST_SAMPLES} samples, and of {n} here only {units} are different: leave it out."
        )
    order = np.argsort(group, kind="stable")
    return dataclasses.replace(samples.take(order), sampling=Groups(group[order]))


def one_of_each_unit(samples: Prepared, rng: np.random.Generator) -> Prepared:
    """Select a random sample of each group, or rows of a series that are farther apart than its memory: independent samples.

    Neighbours that come in groups or runs make an estimate too large, by 0.6 bits on independent columns where each sample
    recurs three times, and a bound must not be.
    """
    sampling = samples.sampling
    if isinstance(sampling, Groups):
        order = rng.permutation(len(samples))
        rows = order[np.unique(sampling.group[order], return_index=True)[1]]
    elif isinstance(sampling, Series):
        apart = 2 * sampling.exclude + 1
        rows = np.flatnonzero(sampling.time % apart == rng.integers(apart))
    else:
        return samples
    return dataclasses.replace(samples, sampling=None).take(rows)


def by_critic(
    critic: Critic,
    samples: Prepared,
    kind: str,
    units: Units,
    rng: np.random.Generator,
    *,
    parts: Sequence[int] = (FIFTHS, HALVES),
) -> LowerBound:
    """Held-out bound of a critic.

    Args:
        critic: Critic that is fitted on some rows and measured on others.
        samples: Both sides.
        kind: Kind of critic, as results name it.
        units: "bits" or "nats".
        rng: Random number generator that draws the parts and is passed to the critic.
        parts: One number of parts, or two. The second, of fewer and larger parts, is used if the bound on as many samples as
            one of the first holds is near its ceiling, log of their number.

    Raises:
        InputError: There are too few independent units for so many parts.
    """
    found = held_out(critic, samples, parts[-1], rng if len(parts) == 1 else rng.spawn(1)[0], needed=parts[0])
    if len(parts) > 1:
        first = next(found)
        if is_near_limit(first, len(samples) // parts[0]):
            found = itertools.chain([first], found)
        else:
            found = held_out(critic, samples, parts[0], rng, needed=parts[0])
    rows: list[IntArray] = []
    terms: list[FloatArray] = []
    for part, left, right in found:
        rows.append(part)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused
            terms.append(info_nce(left, right))
    nats, all_terms = _formula.NATS_PER_UNIT[units], np.concatenate(terms)
    if not np.isfinite(all_terms).all():
        raise InputError("the critic gave embeddings whose inner products are not finite: scale them down.")
    sizes = np.array(list(map(len, rows)))
    return LowerBound(
        mi=max(0.0, float(all_terms.mean())) / nats,
        stderr=(samples.sampling or INDEPENDENT).error_of_mean(all_terms, np.concatenate(rows)) / nats,
        ceiling=float(np.average(np.log(sizes), weights=sizes)) / nats,
        units=units,
        kind=kind,
    )


def is_near_limit(part: tuple[IntArray, FloatArray, FloatArray], few: int) -> bool:
    """Tell whether the bound on a few samples, evenly drawn from a part and its embeddings, is near its ceiling."""
    rows, left, right = part
    some = np.linspace(0, len(rows) - 1, min(few, len(rows))).astype(np.int64)
    return bool(info_nce(left[some], right[some]).mean() > NEAR_LIMIT * np.log(len(some)))


def by_directions(samples: Prepared, ranks: Sequence[Ranks], units: Units, rng: np.random.Generator) -> LowerBound:
    """Held-out bound of the critic along directions that both sides of some samples, of these ranks, share."""
    of_x, of_y = ranks
    critic = DirectionsCritic(of_x, of_y, samples.sampling or INDEPENDENT)
    bound = by_critic(critic, samples, "directions", units, rng)
    return dataclasses.replace(bound, directions=math.ceil(np.mean(critic.used[-FIFTHS:])))  # without the half before fifths


def by_fits(critic: CrossFittedCritic, samples: Prepared, units: Units, seed: int) -> LowerBound:
    """Held-out bound of a caller's own critic. It uses the same halves and random numbers as `reduce`, so that an object that
    serves both need be fitted only once.
    """

    def embeddings(fitted: IntArray, rest: IntArray, _: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        rng, drawn = generator(seed, "projections"), (samples.sampling or INDEPENDENT).take(fitted)
        use = fit(critic, samples.x[fitted], samples.y[fitted], rng, drawn)
        return checked(use, samples.x[rest], samples.y[rest])

    kind = str(getattr(critic, "kind", type(critic).__name__))
    return by_critic(embeddings, samples, kind, units, generator(seed, "halves"), parts=(HALVES,))


def orders_of_radii(radii: Sequence[Samples]) -> list[int]:
    """Neighbour orders of which the least estimate counts, as rows that nearly recur make one from few neighbours too large.

    Those that recur exactly, and are no copies, are values of their own.
    """
    if any(map(_ties.may_tie, radii)):
        return [DEFAULT_ORDER]
    return [k for k in ORDERS_OF_RADII if k == DEFAULT_ORDER or k * LEAST_SHARE_OF_ORDER <= len(radii[0])]


def by_radii(result: MIResult) -> LowerBound:
    """Lower bound from the estimate between the log radii of both sides.

    An error bar from a dozen parts of the samples is itself uncertain, so the standard error is at least that of independent
    columns.
    """
    assert result.stderr is not None  # noqa: S101  for the type checker: callers look first
    least = SPREAD_OF_NOTHING / np.sqrt(result.independent_units or result.n_samples) / _formula.NATS_PER_UNIT[result.units]
    ceiling = np.inf if result.ceiling is None else result.ceiling
    return LowerBound(result.mi, max(result.stderr, float(least)), ceiling, result.units, "radii")


def checked(use: object, x: Samples, y: Samples) -> tuple[FloatArray, FloatArray]:
    """Embeddings of samples by a caller's own fitted critic.

    Raises:
        InputError: The critic is not a function, or does not give two embeddings of these samples.
    """
    if not callable(use):
        raise InputError(f"fit of the critic gave {type(use).__name__}: it must give a function of x and y.")
    found = use(x, y)
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise InputError(f"the critic gave {type(found).__name__}: it must give two arrays, embeddings of x and of y.")
    left, right = (
        arrays.samples(side, f"the embedding of {name}")[0].astype(np.float64) for side, name in zip(found, "xy", strict=True)
    )
    if not len(left) == len(right) == len(x) or left.shape != right.shape:
        raise InputError(
            f"the critic gave embeddings of shape {left.shape} and {right.shape} for {len(x)} samples: both must be "
            "(samples, m)."
        )
    return left, right


def check_enough(n_samples: int) -> None:
    """Raise InputError if there are too few samples to fit on some of them and measure on others."""
    if n_samples < FEWEST_SAMPLES:
        raise InputError(f"a lower bound needs at least {FEWEST_SAMPLES} samples, and there are {n_samples}: leave it out.")


def larger(directions: LowerBound, radii: LowerBound) -> LowerBound:
    """Return the bound along directions, unless the radii share more than chance explains. The larger of two noisy numbers
    would claim dependence where there is none.
    """
    chance = CLEARLY * np.hypot(directions.stderr, radii.stderr)
    return radii if radii.mi > directions.mi + chance else directions


def log_radii(points: Samples, rng: np.random.Generator) -> FloatArray:
    """Logarithm (n, 1) of each sample's distance from the centre. Columns are centred by their median and divided by the median
    absolute deviation, both of at most 1,000 random samples, or by the standard deviation if that is 0. A sample at the centre
    gets the smallest of the other radii.
    """
    columns, _ = centred(points[:, (points != points[0]).any(axis=0)])
    some = rng.permutation(len(columns))[:FOR_SPREAD]
    columns -= middle(columns[some].T)
    spread = middle(np.abs(columns[some]).T)
    columns /= np.where(spread > 0, spread, columns.std(axis=0))
    largest = np.abs(columns).max(axis=1, keepdims=True)  # first, so that no square overflows
    largest = np.where(largest > 0, largest, largest[largest > 0].min())
    lengths = np.sqrt(np.sum((columns / largest) ** 2, axis=1, keepdims=True))
    radii: FloatArray = np.log(largest) + np.log(np.where(lengths > 0, lengths, 1.0))
    return radii
