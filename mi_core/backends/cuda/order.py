"""Samples in an order that puts near ones side by side, along a Z-shaped curve. No count depends on it, only speed.

by_ranks       few dimensions: through the ranks of their values, so that outliers and scales do not matter
by_directions  many: through coordinates along the few directions of most variance, which in layers of networks say far more
               about who is near whom than as many dimensions
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mi_core.backends.cuda.device import SIMULATED, Array, cuda, kernel, launch, to_device, to_host, xp
from mi_core.types import FloatArray, IntArray

CURVE_DIMS = 8  # of most spread: each has 8 bits of the curve then
DIRECTIONS = 4  # of a curve through many dimensions: of 3 to 8 the best, or nearly, on layers of networks
DIRECTION_BITS = 16  # of the curve for each
ITERATIONS = 3  # that turn dimensions of most spread into directions of most variance
BITS = 64  # of a place on the curve
DIRECTED = 256  # points that directions are found among
SAMPLED = 1024  # points that are looked at
SLICE = 2**25  # values that are clipped together
THREADS = 4 if SIMULATED else 256  # of a block


class Look(NamedTuple):
    """Some points, in float64, from which the rest can be judged."""

    points: Array  # (m, dim)
    ascending: Array  # (m, dim): the same, each dimension by itself

    def beyond(self, part: int) -> tuple[Array, Array]:
        """Values (dim,) below and above which lie one part in so many of the points."""
        few = max(1, len(self.ascending) // part)
        return self.ascending[few], self.ascending[-1 - few]


def look_at(points: Array) -> Look:
    """Some of points (n, dim)."""
    some = points[:: max(1, len(points) // SAMPLED)].astype(xp.float64)
    return Look(some, xp.sort(some, axis=0))


def by_spread(look: Look) -> Array:
    """Dimensions, those that spread most first: they tell soonest that a point is too far."""
    low, high = look.beyond(8)
    return xp.argsort(low / 2 - high / 2)  # halved, since the difference may overflow where no distance does


def by_directions(points: Array, look: Look, dims: Array) -> Array:
    """(n,) the sample at each place of an order of points (n, dim); dims from `by_spread`.

    Values are clipped where outliers begin. CuPy's matrix products need a library that it does not bring along, so the few
    points that directions are found among go to the host, and the rest is sums.
    """
    low, high = look.beyond(64)
    scale = (high / 2 - low / 2).max().astype(points.dtype)
    if not scale > 0:
        return as_they_are(points)

    def clipped(values: Array) -> Array:
        least, most, middle = (bound.astype(values.dtype) for bound in (low, high, low / 4 + high / 4))
        return (xp.clip(values, least, most) / 2 - middle) / scale

    some = clipped(look.points[:: max(1, len(look.points) // DIRECTED)])
    directions = to_device(directions_of(to_host(some), to_host(dims[:DIRECTIONS])).astype(points.dtype))
    coordinates = xp.empty((len(directions), len(points)), points.dtype)
    rows = max(1, SLICE // points.shape[1])
    for start in range(0, len(points), rows):
        values = clipped(points[start : start + rows])
        for along, direction in zip(coordinates, directions, strict=True):
            along[start : start + rows] = (values * direction).sum(axis=1)
    coordinates -= coordinates.min(axis=1, keepdims=True)
    width = coordinates.max()
    if not width > 0:
        return as_they_are(points)
    cells = coordinates / width * (2**DIRECTION_BITS - 1)  # in one unit, so that wide directions are divided more finely
    return along_curve(cells.astype(xp.uint32), DIRECTION_BITS)


def directions_of(points: FloatArray, dims: IntArray) -> FloatArray:
    """Orthonormal directions (few, dim) of most variance of points (m, dim), by subspace iteration from the dimensions `dims`.

    Golub & Van Loan, Matrix Computations, 4th ed., section 8.2.4.
    """
    centred = points - points.mean(axis=0)
    coordinates = centred[:, dims]
    for _ in range(ITERATIONS):
        coordinates = centred @ (centred.T @ coordinates)
    directions, _ = np.linalg.qr(centred.T @ coordinates)
    return directions.T


def as_they_are(points: Array) -> Array:
    """The order of points that are nearly all the same."""
    return xp.arange(len(points), dtype=np.int32)


def by_ranks(columns: Array) -> Array:
    """(n,) the sample at each place of an order of points with these columns (few, n)."""
    n = columns.shape[1]
    if len(columns) == 1:
        return xp.argsort(columns[0]).astype(xp.int32)
    ranks = xp.empty(columns.shape, xp.uint32)
    places = xp.arange(n, dtype=xp.uint32)
    for rank, column in zip(ranks, columns, strict=True):  # CuPy sorts many together by comparing, one alone by its digits
        rank[xp.argsort(column)] = places
    return along_curve(ranks, max(1, (n - 1).bit_length()))


def along_curve(cells: Array, bits: int) -> Array:
    """(n,) the sample at each place along a Z-shaped curve through cells (few, n), all below 2**bits."""
    n = cells.shape[1]
    codes = xp.empty(n, xp.uint64)
    launch(interleave, -(-n // THREADS), THREADS, cells, bits, codes)
    return xp.argsort(codes).astype(xp.int32)


@kernel
def interleave(cells, bits, codes):
    """Fill codes (n,) with the highest bits of cells (dims, n), all below 2**bits, taken in turns."""
    i = cuda.grid(1)
    if i >= len(codes):
        return
    one = np.uint64(1)
    code = np.uint64(0)
    for bit in range(1, min(bits, BITS // len(cells)) + 1):
        for dim in range(len(cells)):
            code = (code << one) | ((np.uint64(cells[dim, i]) >> np.uint64(bits - bit)) & one)
    codes[i] = code
