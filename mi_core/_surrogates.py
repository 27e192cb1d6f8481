"""Surrogates of one side given z: they keep its dependence on z, and depend on the other side only through z.

    equal z:      whole samples exchanged among those of equal z (class labels, or few values that recur)
    continuous z: x = m(z) + s(z) e, where e, which depends little on z, is exchanged among near neighbours in z

Exchanging x itself among neighbours, a local permutation (Runge, AISTATS 2018, arXiv:1709.01447), assumes that the dependence
of x on z is constant within a neighbourhood. A few hundred samples in two or three dimensions of z have no neighbours so near:
x then loses some of its dependence on z, the surrogate estimate is lower than at conditional independence, and p is too small.
So the location m and the scale s of x given z are kept, fitted by ridge regression on smooth functions of z.

Where z is skewed or has heavy tails, its tail decides the standard deviation, and most samples lie closer together than the
narrowest of these functions is wide. So there are functions of z and its normal scores, too, and neighbours are near in both.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from mi_core._prepare import centred, standardize
from mi_core.backends.cpu.nearest import nearest_neighbours
from mi_core.ranks import normal_scores
from mi_core.types import FloatArray, IntArray, Samples

NEIGHBOURS = 5  # in z, itself among them, that a sample exchanges with; see docs/trust.md for other numbers
MEMBERS = 10  # samples for each value of z, from which on they exchange with those of equal z alone
FEWEST = 3  # samples of a value of z, below which they hardly move
FEW = 0.02  # share of the samples that may have so few
VERY_LITTLE = 1e-9  # standard deviations of z, by which points that coincide are moved
CENTRES = 200  # samples of z that the smooth functions stand on
LEVELS = 20  # quantiles of each column of z that the functions of single columns stand on
WIDTHS = (0.25, 0.5, 1.0, 2.0)  # of the smooth functions, in standard deviations of z
RIDGES = 10.0 ** np.arange(-4, 3.5, 0.5)
SAMPLES_A_SLOPE = 10  # for each column of z, below which no plane is fitted
SMALL = 1e-3  # of the middle residual, below which one says no more of the scale
ROUNDING = 1e-15  # residuals of columns whose largest value is 1, where z tells all of x
CONTINUOUS = 0.5  # share of different values in a column, above which it is smooth in z but for chance


def takes_equal_z(z: Samples) -> bool:
    """Tell whether samples can be exchanged among equal z alone: on average many share a value, and few are alone with it."""
    _, members = np.unique(z, axis=0, return_counts=True)
    alone = members[members < FEWEST].sum()
    return bool(MEMBERS * len(members) <= len(z) and alone <= FEW * len(z))


def redrawn(
    x: Samples, z: Samples, permutations: int, rng: np.random.Generator, *, equal_z: bool, threads: int
) -> Iterator[Samples]:
    """Generate surrogates (n_samples, dim_x) of x given z.

    equal_z: Whether z only divides the samples into kinds.
    """
    if equal_z or takes_equal_z(z):
        _, kinds = np.unique(z, axis=0, return_inverse=True)
        for _ in range(permutations):
            yield x[exchanged_within(kinds.reshape(-1), rng)]
        return
    others = min(NEIGHBOURS - 1, len(z) - 1)
    neighbours = nearest_neighbours(apart(with_scores(z), rng), others, threads=threads)
    neighbours = np.hstack([np.arange(len(z))[:, np.newaxis], neighbours])
    columns, unit = centred(x)
    smooth = continuous(columns)
    place, scale, rest = place_and_scale(columns[:, smooth], z)
    for _ in range(permutations):
        rows = exchanged_nearby(neighbours, rng)
        again = x[rows]  # which leaves equal values equal
        moved = unit[smooth] * (place + scale * rest[rows] - columns[:, smooth])
        again[:, smooth] = (x[:, smooth] + moved).astype(x.dtype)
        yield again


def with_scores(z: Samples) -> FloatArray:
    """Columns (n, 2 dim) of z and their normal scores, each centred and of unit spread."""
    return np.hstack([standardize(centred(columns)[0], "columns") for columns in (z, normal_scores(z))])


def apart(points: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Points (n, dim) of unit spread, of which those that coincide are moved a very little, each to another place.

    Of many that coincide, a search would otherwise name the same few as the neighbours of all.
    """
    if len(np.unique(points, axis=0)) == len(points):
        return points
    return points + VERY_LITTLE * rng.standard_normal(points.shape)


def continuous(points: Samples) -> NDArray[np.bool_]:
    """Mask of the columns of points (n, dim) in which few values recur."""
    return np.array([len(np.unique(column)) > CONTINUOUS * len(column) for column in points.T], dtype=bool)


def is_continuous(points: Samples) -> bool:
    """Tell whether few values recur in each column of points (n, dim)."""
    return bool(continuous(points).all())


def exchanged_within(kinds: IntArray, rng: np.random.Generator) -> IntArray:
    """Permutation (n,) that exchanges samples of equal kind (n,)."""
    permutation = np.empty(len(kinds), np.int64)
    permutation[np.argsort(kinds, kind="stable")] = np.lexsort((rng.random(len(kinds)), kinds))
    return permutation


def exchanged_nearby(neighbours: IntArray, rng: np.random.Generator) -> IntArray:
    """Assign each sample one of its neighbours (n, k), each used once if possible: Runge 2018, algorithm 1, in rounds.

    In each round the unassigned samples, in random order, request their next neighbour, also in random order, and get it if it
    is free. A sample without a free neighbour gets its last one, a second time.
    """
    wishes = rng.permuted(neighbours, axis=1)
    chosen = wishes[:, -1].copy()
    is_free = np.ones(len(wishes), np.bool_)
    waiting = rng.permutation(len(wishes))
    for wish in wishes.T:
        (free,) = np.nonzero(is_free[wish[waiting]])
        _, first = np.unique(wish[waiting[free]], return_index=True)
        served = waiting[free[first]]
        chosen[served] = wish[served]
        is_free[wish[served]] = False
        waiting = np.delete(waiting, free[first])
    return chosen


def place_and_scale(columns: FloatArray, z: Samples) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Parts (n, dim) of columns = place + scale * rest, where location `place` and `scale` are smooth functions of z."""
    bases = [*smooth_functions(z), *smooth_functions(with_scores(z))]
    place, residuals = fitted(columns, bases)
    sizes = np.abs(residuals)
    log_scale, _ = fitted(np.log(np.maximum(sizes, np.maximum(SMALL * np.median(sizes, axis=0), ROUNDING))), bases)
    scale = np.exp(log_scale)
    return place, scale, residuals / scale


Basis = tuple[FloatArray, FloatArray, FloatArray]
"""Orthonormal columns (n, p) without a ridge; orthonormal columns (n, m) with a ridge; singular values (m,) of the latter."""


def smooth_functions(z: Samples) -> Iterator[Basis]:
    """Spaces of functions of z (n, dim): linear, and linear with bumps of several widths, in all columns or in each."""
    points = standardize(centred(z)[0], "columns")
    n, dim = points.shape
    ones = np.ones((n, 1))
    plane, _ = orthonormal(np.hstack([ones, points]) if SAMPLES_A_SLOPE * dim <= n else ones)
    yield plane, np.empty((n, 0)), np.empty(0)
    centres = points[np.linspace(0, n - 1, min(n, CENTRES)).astype(np.int64)]
    squares = [cdist(points, centres, "sqeuclidean") / dim]
    if 1 < dim <= CENTRES // LEVELS:
        levels = np.quantile(points, np.linspace(0, 1, LEVELS), axis=0)
        squares.append(np.hstack([(points[:, [d]] - levels[:, d]) ** 2 for d in range(dim)]))
    for apart in squares:
        for width in WIDTHS:
            bumps = np.exp(-apart / (2 * width**2))
            bumps -= plane @ (plane.T @ bumps)
            yield plane, *orthonormal(bumps)


def orthonormal(columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Orthonormal columns (n, m) that span those of columns (n, p), and their singular values (m,)."""
    left, values, _ = np.linalg.svd(columns, full_matrices=False)
    kept = values > 1e-6 * values[0]
    return left[:, kept], values[kept]


def fitted(columns: FloatArray, bases: list[Basis]) -> tuple[FloatArray, FloatArray]:
    """Best fit (n, dim) to columns, and its residuals, corrected for the shrinkage that fitting causes.

    Each column gets the space and the ridge with the least mean square leave-one-out error.
    """
    fit, residuals = np.empty(columns.shape), np.empty(columns.shape)
    least = np.full(columns.shape[1], np.inf)
    for plane, bumps, values in bases:
        on_plane, on_bumps = plane @ (plane.T @ columns), bumps.T @ columns
        for ridge in RIDGES if len(values) else RIDGES[:1]:
            shrunk = values**2 / (values**2 + ridge)
            some = on_plane + bumps @ (shrunk[:, np.newaxis] * on_bumps)
            leverage = (plane**2).sum(axis=1) + bumps**2 @ shrunk
            free = np.maximum(1 - leverage, 1e-6)[:, np.newaxis]
            errors = np.mean(((columns - some) / free) ** 2, axis=0)
            better = errors < least
            least[better] = errors[better]
            fit[:, better] = some[:, better]
            residuals[:, better] = ((columns - some) / np.sqrt(free))[:, better]
    return fit, residuals
