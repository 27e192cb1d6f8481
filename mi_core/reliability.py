"""Verdict on whether an estimate may be read as MI, from signs that are measured on the same data.

    sign                                         what it catches
    twin: a Gaussian of known MI, same setting   too many dimensions, too few samples, too strong dependence
    drift with k, drift with N                   bias that the Gaussian does not have: curved or clustered data
    estimate on ranks, which have the same MI    heavy tails, columns on different scales
    a lower bound, measured on held-out samples  dependence that the estimate misses
    share of the ceiling                         dependence too strong to be seen in full
    ties, scales                                 data for which the method is not meant
    neighbouring rows alike, no groups named     samples that are not independent
    surrogates, of groups or a series            dependence between samples that the exclusion does not remove

Each sign has a limit, beyond which it counts against the number, and a gross limit, beyond which the number is not MI. The
limits were chosen on tasks with known MI and tested on others: `mi bench tuning`, `verdicts` and `bmi`, docs/trust.md. A sign
counts only as far as chance does not explain it. Chance alone does not count against a number, because its error bar states it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mi_core import _formula, _notes, twins
from mi_core._prepare import Prepared
from mi_core.display import how_bound
from mi_core.explanations import explained
from mi_core.ranks import Ranks
from mi_core.results import MIResult, Reliability, Verdict
from mi_core.sampling import RESEMBLE, resemblance
from mi_core.seeds import generator
from mi_core.text import EXPLAIN
from mi_core.types import FloatArray, Samples

Estimates = Callable[[Prepared, Sequence[int]], FloatArray]
"""(samples, ks) -> estimates (len(ks),), in the unit of the result."""

TOLERATED = 0.2  # error that counts as right, as a share of the truth
TOLERATED_BITS = 0.1  # and at least this

CHANCE = 2.0  # standard errors by which an estimate may be off, beside what is tolerated

# Limits. Errors and drifts are in units of what is tolerated, after so many standard errors as chance makes of them are taken
# off: almost one where other samples are compared, the twin or parts, and half as much where the same samples are.
OF_OTHER_SAMPLES, OF_SAME_SAMPLES = 0.85, 0.43
TWIN, TWIN_GROSS = 0.8, 2.5
DRIFT_N, DRIFT_N_GROSS = 0.45, 1.1
IMPLIED_BIAS, IMPLIED_BIAS_GROSS = 0.7, 3.5
RANKED, RANKED_GROSS = 0.75, 2.5
BOUND, BOUND_GROSS = 0.75, 1.0
CEILING, CEILING_GROSS = 0.7, 0.9
FEWEST_UNITS = 6  # independent ones, below which nothing can be said; up to `_notes.FEW_UNITS` little
SCALE_RATIO_GROSS = 300.0
SURROGATES, SURROGATES_GROSS = 0.75, 2.5

SURROGATES_DRAWN = 6

FEW = 1000  # points on which the intrinsic dimension is estimated
NEIGHBOURS = 10
ON_TIES = (
    "ties are taken in any order, and verdicts were not measured on such data; discrete, or a little noise (1e-6), shows more"
)
LARGEST_K = 4  # the drift with k is from k to this many k


@dataclasses.dataclass(frozen=True)
class Sign:
    """Measured sign against the number; `size` is a multiple of its limit."""

    size: float
    is_gross: bool
    reason: str


def judge(measured: Reliability, result: MIResult) -> Reliability:
    """Verdict on a result from the signs measured for it, gravest reason first."""
    against = sorted(signs(measured, result), key=lambda sign: (sign.is_gross, sign.size), reverse=True)
    if not against:
        return dataclasses.replace(measured, reasons=(reason_to_trust(measured, result),))
    verdict: Verdict = "not bits" if any(sign.is_gross for sign in against) else "caution"
    return dataclasses.replace(measured, verdict=verdict, reasons=tuple(sign.reason for sign in against))


def measure(
    samples: Prepared,
    ranks: Sequence[Ranks],
    result: MIResult,
    at_larger_k: tuple[int, float],
    on_parts: tuple[int, float] | None,
    estimates: Estimates,
    seed: int,
) -> Reliability:
    """Measure all signs for a result, with all estimates in its unit, without a verdict yet.

    Args:
        samples: The samples.
        ranks: Ranks of each of their sides.
        result: Their estimate, with its error bar.
        at_larger_k: `larger_order` and the estimate with it.
        on_parts: Size of parts of the samples, and the mean estimate on them; None where the samples are too few.
        estimates: Gives the values of the same estimator on other samples.
        seed: Of all that is random.
    """
    nats = _formula.NATS_PER_UNIT[result.units]
    n, k = result.n_samples, order(result)
    sides = list(samples.sides().values())
    intrinsic = intrinsic_dimension(sides, generator(seed, "intrinsic dimension"))
    twin, twin_nats = twins.gaussian_twin(samples, result.mi * nats, intrinsic, generator(seed, "twin"))
    typical = [_notes.typical_distance(side) for side in sides]
    larger, mi_at_larger = at_larger_k
    drift_k = mi_at_larger - result.mi
    scores: list[Any] = [of_side.scores() for of_side in ranks]
    ranked = dataclasses.replace(samples, **dict(zip("xyz", scores, strict=False)))
    repeated_values = max(_notes.share_of_repeated_values(side) for side in sides)
    return Reliability(
        verdict="trust",
        reasons=(),
        ceiling_share=result.mi / result.ceiling if result.ceiling is not None and result.ceiling > 0 else 1.0,
        drift_k=drift_k,
        implied_bias=implied_bias(drift_k, larger / k, intrinsic),
        drift_n=None if on_parts is None else result.mi - on_parts[1],
        part_size=None if on_parts is None else on_parts[0],
        ranked_mi=float(estimates(ranked, [k])[0]),
        repeated_samples=max(_notes.repeated_rows(side) / n for side in sides),
        repeated_values=repeated_values,
        resemblance=None if samples.sampling else min(map(resemblance, (samples.x, samples.y))),
        surrogates_mi=surrogates_mi(samples, result, estimates, seed),
        larger_k=larger,
        scale_ratio=max(typical) / min(typical) if min(typical) > 0 else 1.0,  # else most samples of a side are the same
        intrinsic_dim=intrinsic,
        twin_mi=float(estimates(twin, [k])[0]),
        twin_truth=twin_nats / nats,
    )


def order(result: MIResult) -> int:
    """Neighbour order of a result, which must have one."""
    assert result.k is not None  # noqa: S101  for the type checker: ksg1 has neighbours
    return result.k


def tolerated(mi: float, units: str) -> float:
    """Largest error at which an estimate of the truth `mi` still counts as right."""
    least = TOLERATED_BITS * (np.log(2) if units == "nats" else 1.0)
    return float(max(TOLERATED * abs(mi), least))


def is_right(mi: float, truth: float, stderr: float | None, units: str) -> bool:
    """Tell whether an estimate is as near to the truth as "trust" promises: within the tolerance or two standard errors."""
    return bool(abs(mi - truth) <= max(tolerated(truth, units), CHANCE * (stderr or 0.0)))


def signs(measured: Reliability, result: MIResult) -> Iterator[Sign]:
    """All signs against the number."""
    yield from on_copies(result)
    mi, units, n, k = result.mi, result.units, result.n_samples, order(result)
    most, chance = tolerated(mi, units), result.stderr or 0.0
    yield from beyond(
        (abs(measured.twin_mi - measured.twin_truth) - OF_OTHER_SAMPLES * chance) / tolerated(measured.twin_truth, units),
        TWIN,
        TWIN_GROSS,
        f"Gaussian data of the same size and shape, whose MI is known to be {measured.twin_truth:.2f} {units}, read "
        f"{measured.twin_mi:.2f}: this many samples do not suffice for this many dimensions and this much dependence.",
    )
    if measured.drift_n is None or result.stderr is None:
        reason = f"{n:,} samples are too few to see how far chance moves the estimate, and whether it still changes with more."
        yield Sign(1.0, False, reason)
    if measured.drift_n is not None and measured.part_size is not None:
        yield from beyond(
            (abs(measured.drift_n) - OF_OTHER_SAMPLES * chance) * share_from_halves(n / measured.part_size) / most,
            DRIFT_N,
            DRIFT_N_GROSS,
            f"Parts of {measured.part_size:,} samples give {mi - measured.drift_n:.2f} {units} on average, all {n:,} give "
            f"{mi:.2f}: the estimate still {grows(measured.drift_n)} with their number.",
        )
    by_chance = implied_bias(OF_SAME_SAMPLES * chance, measured.larger_k / k, measured.intrinsic_dim)
    yield from beyond(
        (abs(measured.implied_bias) - by_chance) / most,
        IMPLIED_BIAS,
        IMPLIED_BIAS_GROSS,
        f"The estimate {grows(measured.drift_k)} with k, from {mi:.2f} {units} at k={k} to {mi + measured.drift_k:.2f} at "
        f"k={measured.larger_k}: in {measured.intrinsic_dim:.1f} dimensions that suggests an error of "
        f"{abs(measured.implied_bias):.2f}.",
    )
    yield from beyond(
        (abs(measured.ranked_mi - mi) - OF_SAME_SAMPLES * chance) / most,
        RANKED,
        RANKED_GROSS,
        f"With each column replaced by its ranks, which leaves MI as it is, the estimate is {measured.ranked_mi:.2f} {units} "
        f"and not {mi:.2f}: scales or tails of the columns decide.",
    )
    if (bound := result.lower_bound) is not None and bound.is_clear:
        yield from beyond(
            (bound.mi - mi - OF_SAME_SAMPLES * chance) / most,
            BOUND,
            BOUND_GROSS,
            f"There are at least {bound.mi:.2f} {units}, measured {how_bound(bound)}: the estimate of {mi:.2f} misses part of "
            "the dependence.",
        )
    yield from beyond(
        measured.ceiling_share,
        CEILING,
        CEILING_GROSS,
        f"The estimate is at {measured.ceiling_share:.0%} of the ceiling of {result.ceiling:.2f} {units}, the most that k={k} "
        f"and {n:,} samples can show: the truth may be anything above.",
    )
    yield from beyond(
        measured.repeated_samples,
        _notes.REPEATED_ROWS,
        np.inf,
        f"{measured.repeated_samples:.0%} of the samples of a side have an exact copy: {ON_TIES}.",
    )
    yield from beyond(
        measured.repeated_values,
        _notes.REPEATED_VALUES,
        np.inf,
        f"{measured.repeated_values:.0%} of the values of a side recur in their column: {ON_TIES}.",
    )
    yield from beyond(
        measured.scale_ratio,
        _notes.SCALE_RATIO,
        SCALE_RATIO_GROSS,
        f"Distances in one side are typically {measured.scale_ratio:,.0f} times those in another, which therefore counts for "
        "little: standardise the sides.",
    )

    if measured.resemblance is not None and measured.resemblance > RESEMBLE:
        yield Sign(
            measured.resemblance / RESEMBLE,
            False,
            "Rows that stand next to each other are alike in both sides, so the samples may not be independent: see the note.",
        )
    if measured.surrogates_mi is not None:
        yield from beyond(
            (abs(measured.surrogates_mi) - chance / np.sqrt(SURROGATES_DRAWN)) / most,
            SURROGATES,
            SURROGATES_GROSS,
            f"With {'whole groups exchanged' if result.exclude is None else 'the series shifted'}, so that the truth is 0, the "
            f"estimate reads {measured.surrogates_mi:.2f} {units}.",
        )
    if result.independent_units is not None and result.independent_units < _notes.FEW_UNITS:
        yield Sign(
            _notes.FEW_UNITS / result.independent_units,
            result.independent_units < FEWEST_UNITS,
            f"There are only about {result.independent_units} independent units: more units are needed, and more samples of "
            "each do not help.",
        )


def on_copies(result: MIResult) -> Iterator[Sign]:
    """Sign of samples that are copies of others, of which a note tells: noise does not make them samples of their own."""
    for note in result.notes:
        if explained(note) == "copies":
            yield Sign(np.inf, True, note.partition(EXPLAIN)[0])


def beyond(size: float, limit: float, gross: float, reason: str) -> Iterator[Sign]:
    if size > limit:
        yield Sign(size / limit, size > gross, reason)


def share_from_halves(parts: float) -> float:
    """Share of the drift, from one of so many parts of the samples to all of them, that lies beyond half of the samples.

    It is that of a bias that falls as the root of N.
    """
    return float((np.sqrt(2) - 1) / (np.sqrt(parts) - 1))


def grows(difference: float) -> str:
    return "grows" if difference > 0 else "falls"


def implied_bias(drift_k: float, ratio: float, intrinsic_dim: float) -> float:
    """Bias at k that a drift from k to ratio * k suggests.

    The k nearest of N samples in d dimensions lie within a distance r that grows as (k / N)^(1/d). The bias from a density
    that varies within r grows as r^2.
    """
    growth = ratio ** (2 / max(intrinsic_dim, 1.0)) - 1
    return drift_k / growth if growth > 0 else 0.0


def larger_order(k: int, n_samples: int) -> int:
    return min(LARGEST_K * k, n_samples - 1)


def reason_to_trust(measured: Reliability, result: MIResult) -> str:
    assert result.stderr is not None  # noqa: S101  for the type checker: without one there is no trust
    return (
        f"Gaussian data of the same size and shape, whose MI is known to be {measured.twin_truth:.2f} {result.units}, read "
        f"{measured.twin_mi:.2f}, and the estimate changes little with k, with the number of samples, and on ranks. By chance "
        f"it may be off by {CHANCE * result.stderr:.2f} {result.units}, two standard errors."
    )


def surrogates_mi(samples: Prepared, result: MIResult, estimates: Estimates, seed: int) -> float | None:
    """Mean estimate on surrogates of groups or a series, where the truth is 0; None for independent samples and with z."""
    if samples.sampling is None or samples.z is not None:
        return None
    if result.null is not None:
        return result.null.mean
    rng = generator(seed, "surrogates")
    rows = [samples.sampling.surrogate(len(samples.y), rng) for _ in range(SURROGATES_DRAWN)]
    return float(np.mean([estimates(dataclasses.replace(samples, y=samples.y[some]), [order(result)])[0] for some in rows]))


def intrinsic_dimension(sides: Sequence[Samples], rng: np.random.Generator) -> float:
    """Intrinsic dimension of the joint samples, columns scaled to unit variance: Levina & Bickel 2004, with the averaging of
    inverses that MacKay & Ghahramani 2005 advise.

    It uses at most 1,000 samples, and underestimates above about 10 dimensions, as every estimate from so few samples does.
    """
    rows = np.sort(rng.permutation(len(sides[0]))[:FEW])
    points = np.hstack([twins.unit_variance(side[rows])[0] for side in sides])
    points = np.unique(points, axis=0)
    m = min(NEIGHBOURS, len(points) - 1)
    if m < 3:
        return 0.0
    near = nearest_distances(points, m)
    inverse = np.mean(np.log(near[:, -1:] / near[:, :-1]).sum(axis=1)) / (m - 1)
    return float(min(1 / inverse, points.shape[1])) if inverse > 0 else float(points.shape[1])


def nearest_distances(points: FloatArray, m: int) -> FloatArray:
    """Euclidean distances (n, m) of each point (n, dim) to its m nearest others, ascending; products find who they are."""
    squares = np.einsum("ij,ij->i", points, points)
    squared = squares[:, np.newaxis] + squares - 2 * points @ points.T  # rounded too much to be the distances themselves
    np.fill_diagonal(squared, np.inf)
    others = np.argpartition(squared, m - 1, axis=1)[:, :m]
    distances: FloatArray = np.sort([np.linalg.norm(points - points[some], axis=1) for some in others.T], axis=0).T
    return distances
