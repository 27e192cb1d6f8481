"""Whether an estimate may be read as MI: signs that are measured on the data at hand, and a verdict from them.

    sign                                         what it catches
    twin: a Gaussian of known MI, same setting   too many dimensions, too few samples, too strong dependence
    drift with k, drift with N                   bias that the Gaussian does not have: curved or clustered data
    the same on ranks, which have the same MI    heavy tails, columns on different scales
    share of the ceiling                         dependence too strong to be seen in full
    ties, scales                                 data for which the method is not meant
    standard error                               chance

Each sign has a limit, beyond which it speaks against the number, and a gross limit, beyond which the number is not MI. They
were chosen on tasks with known MI and tested on others: `mi bench verdicts`, docs/trust.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mi_core import _formula, _notes
from mi_core._estimators import normal_scores
from mi_core._prepare import centred, standard_deviations
from mi_core.results import MIResult, Reliability, Verdict
from mi_core.types import FloatArray, Samples
from mi_core.uncertainty import generator

Estimates = Callable[[Samples, Samples, Sequence[int]], FloatArray]
"""(x, y, ks) -> estimates (len(ks),), in the unit of the result."""

TOLERATED = 0.2  # error that counts as right, as a share of the truth
TOLERATED_BITS = 0.1  # and at least this

# Limits. Errors and drifts are in units of what is tolerated.
TWIN, TWIN_GROSS = 0.8, 2.5
DRIFT_N, DRIFT_N_GROSS = 0.35, 1.25  # beyond one standard error, so that chance is not taken for drift
IMPLIED_BIAS, IMPLIED_BIAS_GROSS = 0.75, 3.0
RANKED, RANKED_GROSS = 0.6, 2.5
STDERR = 0.45
CEILING, CEILING_GROSS = 0.7, 0.9
REPEATED_SAMPLES_GROSS, REPEATED_VALUES_GROSS = 0.5, np.inf  # the limits themselves are those of the notes
SCALE_RATIO_GROSS = 300.0

FEW = 1000  # points on which the intrinsic dimension is estimated
NEIGHBOURS = 10
LARGEST_K = 4  # the drift with k is from k to this many k


@dataclasses.dataclass(frozen=True)
class Sign:
    """Something measured that speaks against the number, `size` as a multiple of its limit."""

    size: float
    is_gross: bool
    reason: str


def judge(x: Samples, y: Samples, result: MIResult, estimates: Estimates, seed: int) -> Reliability:
    """Verdict on a result for x and y; `estimates` gives the same estimator's values on other data, in the result's unit."""
    per_nat = 1 / _formula.NATS_PER_UNIT[result.units]
    n, k = len(x), result.k
    assert k is not None  # noqa: S101  for the type checker: ksg1 has neighbours
    assert result.ceiling is not None  # noqa: S101  and a ceiling
    intrinsic = intrinsic_dimension(x, y, generator(seed, "intrinsic dimension"))
    twin_x, twin_y, twin_nats = gaussian_twin(x, y, result.mi / per_nat, intrinsic, generator(seed, "twin"))
    (twin_mi,) = estimates(twin_x, twin_y, [k])
    (at_larger_k,) = estimates(x, y, [larger_order(k, n)])
    (ranked_mi,) = estimates(normal_scores(x), normal_scores(y), [k])
    drift_k = float(at_larger_k - result.mi)
    typical = sorted((_notes.typical_distance(x), _notes.typical_distance(y)))
    measured = Reliability(
        verdict="trust",
        reasons=(),
        ceiling_share=result.mi / result.ceiling if result.ceiling > 0 else 1.0,
        drift_k=drift_k,
        implied_bias=implied_bias(drift_k, larger_order(k, n) / k, intrinsic),
        drift_n=result.mi - result.by_size[0].mi if result.by_size else None,
        ranked_mi=float(ranked_mi),
        repeated_samples=max(_notes.repeated_rows(side) / n for side in (x, y)),
        repeated_values=max(_notes.share_of_repeated_values(side) for side in (x, y)),
        scale_ratio=typical[1] / typical[0] if typical[0] > 0 else float(np.finfo(float).max),
        intrinsic_dim=intrinsic,
        twin_mi=float(twin_mi),
        twin_truth=twin_nats * per_nat,
    )
    against = sorted(signs(measured, result), key=lambda sign: (sign.is_gross, sign.size), reverse=True)
    if not against:
        return dataclasses.replace(measured, reasons=(reason_to_trust(measured, result),))
    verdict: Verdict = "not bits" if any(sign.is_gross for sign in against) else "caution"
    return dataclasses.replace(measured, verdict=verdict, reasons=tuple(sign.reason for sign in against))


def tolerated(mi: float, units: str) -> float:
    """How far an estimate may be from the truth `mi` and still count as right."""
    least = TOLERATED_BITS * (np.log(2) if units == "nats" else 1.0)
    return float(max(TOLERATED * abs(mi), least))


def signs(measured: Reliability, result: MIResult) -> Iterator[Sign]:
    """All that speaks against the number."""
    mi, units, n, k = result.mi, result.units, result.n_samples, result.k
    assert k is not None  # noqa: S101  as above
    most = tolerated(mi, units)
    yield from beyond(
        abs(measured.twin_mi - measured.twin_truth) / tolerated(measured.twin_truth, units),
        TWIN,
        TWIN_GROSS,
        f"Gaussian data of the same size and shape, whose MI is known to be {measured.twin_truth:.2f} {units}, read "
        f"{measured.twin_mi:.2f}: this many samples do not suffice for this many dimensions and this much dependence.",
    )
    if measured.drift_n is None:
        yield Sign(1.0, False, f"{n:,} samples are too few to see whether the estimate still changes with more.")
    else:
        yield from beyond(
            (abs(measured.drift_n) - (result.stderr or 0)) / most,
            DRIFT_N,
            DRIFT_N_GROSS,
            f"Half the samples give {mi - measured.drift_n:.2f} {units}, all of them {mi:.2f}: "
            f"the estimate still {grows(measured.drift_n)} with their number.",
        )
    yield from beyond(
        abs(measured.implied_bias) / most,
        IMPLIED_BIAS,
        IMPLIED_BIAS_GROSS,
        f"The estimate {grows(measured.drift_k)} with k, from {mi:.2f} {units} at k={k} to {mi + measured.drift_k:.2f} at "
        f"k={larger_order(k, n)}: in {measured.intrinsic_dim:.1f} dimensions that suggests an error of "
        f"{abs(measured.implied_bias):.2f}.",
    )
    yield from beyond(
        abs(measured.ranked_mi - mi) / most,
        RANKED,
        RANKED_GROSS,
        f"With each column replaced by its ranks, which leaves MI as it is, the estimate is {measured.ranked_mi:.2f} {units} "
        f"and not {mi:.2f}: scales or tails of the columns decide.",
    )
    yield from beyond(
        measured.ceiling_share,
        CEILING,
        CEILING_GROSS,
        f"It stands at {measured.ceiling_share:.0%} of the ceiling of {result.ceiling:.2f} {units}, the most that k={k} and "
        f"{n:,} samples can show: the truth may be anything above.",
    )
    yield from beyond(
        measured.repeated_samples,
        _notes.REPEATED_ROWS,
        REPEATED_SAMPLES_GROSS,
        f"{measured.repeated_samples:.0%} of the samples of a side have an exact copy: the method is for continuous data.",
    )
    yield from beyond(
        measured.repeated_values,
        _notes.REPEATED_VALUES,
        REPEATED_VALUES_GROSS,
        f"{measured.repeated_values:.0%} of the values of a side recur in their column: the method is for continuous data.",
    )
    yield from beyond(
        measured.scale_ratio,
        _notes.SCALE_RATIO,
        SCALE_RATIO_GROSS,
        f"Distances in one side are typically {measured.scale_ratio:,.0f} times those in the other, which so counts for "
        "little: standardise the sides.",
    )
    if result.stderr is not None:
        yield from beyond(
            result.stderr / most,
            STDERR,
            np.inf,
            f"Its standard error is {result.stderr:.2f} {units}: chance alone may be that far off.",
        )


def beyond(size: float, limit: float, gross: float, reason: str) -> Iterator[Sign]:
    if size > limit:
        yield Sign(size / limit, size > gross, reason)


def grows(difference: float) -> str:
    return "grows" if difference > 0 else "falls"


def implied_bias(drift_k: float, ratio: float, intrinsic_dim: float) -> float:
    """The bias at k that a drift from k to ratio * k suggests.

    The k nearest of N samples in d dimensions lie within a distance r that grows as (k / N)^(1/d), and the bias of a density
    that is not flat within r grows as r^2.
    """
    growth = ratio ** (2 / max(intrinsic_dim, 1.0)) - 1
    return drift_k / growth if growth > 0 else 0.0


def larger_order(k: int, n_samples: int) -> int:
    return min(LARGEST_K * k, n_samples - 1)


def reason_to_trust(measured: Reliability, result: MIResult) -> str:
    return (
        f"Gaussian data of the same size and shape, whose MI is known to be {measured.twin_truth:.2f} {result.units}, read "
        f"{measured.twin_mi:.2f}, and the estimate changes little with k, with the number of samples, and on ranks."
    )


def intrinsic_dimension(x: Samples, y: Samples, rng: np.random.Generator) -> float:
    """Dimension of the joint samples, columns at unit variance: Levina & Bickel 2004, with inverses averaged as MacKay &
    Ghahramani 2005 advise.

    From at most 1,000 samples; reads low above about 10 dimensions, as every estimate from so few does.
    """
    rows = np.sort(rng.permutation(len(x))[:FEW])
    points = np.hstack([unit_variance(side[rows]) for side in (x, y)])
    points = np.unique(points, axis=0)
    m = min(NEIGHBOURS, len(points) - 1)
    if m < 3:
        return 0.0
    near = np.asarray(cKDTree(points).query(points, k=m + 1)[0])[:, 1:]
    inverse = np.mean(np.log(near[:, -1:] / near[:, :-1]).sum(axis=1)) / (m - 2)
    return float(min(1 / inverse, points.shape[1])) if inverse > 0 else float(points.shape[1])


def unit_variance(points: Samples) -> FloatArray:
    """Columns around 0 with variance 1, in float64; constant ones are left out."""
    columns, _ = centred(points[:, varying(points)])
    white: FloatArray = columns / columns.std(axis=0)
    return white


def varying(points: Samples) -> NDArray[np.bool_]:
    """Which columns are not constant."""
    some: NDArray[np.bool_] = (points != points[0]).any(axis=0)
    return some


def gaussian_twin(
    x: Samples, y: Samples, nats: float, intrinsic_dim: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, float]:
    """Gaussian samples of the same size, with the same covariance up to one factor, and their MI in nats.

    The covariance is shrunk towards its diagonal, little unless there are nearly as many columns as samples. Where it explains
    less MI than the `nats` that were estimated, because dependence is not linear, as much of the strongest canonical pairs as
    half the intrinsic dimension are raised evenly: so the twin always has at least the MI that it is to vouch for.

    The samples depend on the pairs' correlations and planes alone, not on the signs and turns of their directions, which no
    two machines need choose alike.
    """
    n = len(x)
    side_x, side_y = unit_variance(x), unit_variance(y)
    p_x, p_y = side_x.shape[1], side_y.shape[1]
    shrinkage = min(1.0, ((p_x + p_y) / n) ** 2 + 1e-9)
    (white_x, root_x), (white_y, root_y) = (whitened(side, shrinkage) for side in (side_x, side_y))
    left, correlation, right = np.linalg.svd(white_x.T @ white_y, full_matrices=False)
    # Canonical correlations rho carry -log(1 - rho^2) / 2 nats each, Kraskov et al. 2004, eq. (10) for each pair.
    carried = -0.5 * np.log1p(-(np.minimum(correlation, 1 - 1e-12) ** 2))
    missing = nats - carried.sum()
    if missing > 0:
        pairs = int(np.clip(round(intrinsic_dim / 2), 1, len(carried)))
        carried[:pairs] += missing / pairs
    correlation = np.sqrt(-np.expm1(-2 * carried))
    full_x, own = rng.standard_normal((n, p_x)), rng.standard_normal((n, p_y))
    # y follows from x through left rho right, and the rest of its variance, 1 - rho^2 along each of right, is its own.
    full_y = own + (full_x @ left * correlation + own @ right.T * (np.exp(-carried) - 1)) @ right
    scales_x, scales_y = (standard_deviations(side)[varying(side)] for side in (x, y))
    largest = max(scales_x.max(), scales_y.max())
    return full_x @ root_x * (scales_x / largest), full_y @ root_y * (scales_y / largest), float(carried.sum())


def whitened(points: FloatArray, shrinkage: float) -> tuple[FloatArray, FloatArray]:
    """White rows (n, p), and a triangle R (p, p) with positive diagonal for which R'R is the shrunken covariance.

    Their product is points * sqrt((1 - shrinkage) / n). Shrinking adds rows, which the QR decomposition takes in; a Cholesky
    decomposition of the covariance itself would square the condition.
    """
    n, p = points.shape
    white, root = np.linalg.qr(np.vstack([np.sqrt((1 - shrinkage) / n) * points, np.sqrt(shrinkage) * np.eye(p)]))
    signs = np.copysign(1.0, np.diag(root))
    return white[:n] * signs, root * signs[:, np.newaxis]
