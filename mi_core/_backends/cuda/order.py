"""Samples in an order that puts near ones side by side, along a Z-shaped curve through the ranks of their values.

Ranks instead of values, so that outliers and scales do not matter. Only an order comes of it, and no count depends on it.
"""

from __future__ import annotations

import numpy as np

from mi_core._backends.cuda.device import SIMULATED, Array, cuda, kernel, launch, xp

CURVE_DIMS = 8  # of most spread: each has 8 bits of the curve then
BITS = 64  # of a place on the curve
SAMPLED = 1024  # points that tell how far a dimension spreads
THREADS = 4 if SIMULATED else 256  # of a block


def by_spread(points: Array) -> Array:
    """Dimensions of points (n, dim), those that spread most first: they tell soonest that a point is too far."""
    some = points[:: max(1, len(points) // SAMPLED)].astype(xp.float64)
    some = xp.sort(some, axis=0)
    m = len(some)
    # Halved, since the difference of two values may overflow where their distances do not.
    spread = some[m - 1 - m // 8] / 2 - some[m // 8] / 2
    return xp.argsort(-spread)


def spatial_order(points: Array, dims: Array) -> Array:
    """(n,) the sample at each place of an order in which near points (n, dim) come near one another; dims from `by_spread`."""
    columns = points.T[dims[:CURVE_DIMS]]
    n = len(points)
    if len(columns) == 1:
        return xp.argsort(columns[0]).astype(xp.int32)
    ranks = xp.empty(columns.shape, xp.uint32)
    places = xp.arange(n, dtype=xp.uint32)
    for rank, column in zip(ranks, columns, strict=True):  # CuPy sorts many together by comparing, one alone by its digits
        rank[xp.argsort(column)] = places
    codes = xp.empty(n, xp.uint64)
    launch(interleave, -(-n // THREADS), THREADS, ranks, max(1, (n - 1).bit_length()), codes)
    return xp.argsort(codes).astype(xp.int32)


@kernel
def interleave(ranks, rank_bits, codes):
    """Fill codes (n,) with the highest bits of ranks (dims, n), all below 2**rank_bits, taken in turns."""
    i = cuda.grid(1)
    if i >= len(codes):
        return
    one = np.uint64(1)
    code = np.uint64(0)
    for bit in range(1, min(rank_bits, BITS // len(ranks)) + 1):
        for dim in range(len(ranks)):
            code = (code << one) | ((np.uint64(ranks[dim, i]) >> np.uint64(rank_bits - bit)) & one)
    codes[i] = code
