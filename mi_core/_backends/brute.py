"""Brute force over tiles: every pair is looked at once, the n x n matrix never exists.

A tile of query rows keeps its distances to all points, one strip for x and one for y, while it is worked on:

    1. marginal_distances   fills both strips, in the precision of the input
    2. kth_radius           k-th smallest of max(strip_x, strip_y), the row itself left out
    3. count_nearer         entries of a strip strictly below the radius

The contract asks for float64 arithmetic. float32 strips decide all but equalities: rounding is monotone, and the difference
of two float32 values can never sit so close to the midpoint of two neighbouring float32 values that rounding first to
float64 would matter, so d32 < r32 implies d64 < r64. Where d32 == r32 the pair is looked at again in float64.
"""

from __future__ import annotations

import numpy as np

from mi_core._backends._jit import jit
from mi_core._backends._tiles import Workers
from mi_core._types import FloatArray, IntArray, Progress, Samples

TILE_POINTS = 128  # points whose columns are read together: 200 float32 columns of them are 100 KiB, within any L2
TILE_BYTES = 16 * 2**20  # both strips of one thread together
MANY = 64  # neighbours from which selecting in one go beats inserting one by one, whose cost grows with k squared
MAX_TILE_ROWS = 64  # more rows a tile gain nothing and make progress coarse


def neighbour_counts(
    x: Samples,
    y: Samples,
    ks: tuple[int, ...],
    *,
    threads: int,
    progress: Progress | None = None,
    tile_rows: int | None = None,
    tile_points: int = TILE_POINTS,
) -> tuple[FloatArray, IntArray, IntArray]:
    """Radius, n_x and n_y, each (len(ks), n), for ascending ks; the contract of `mi_core._backends`."""
    n = len(x)
    dtype = np.result_type(x, y)
    if tile_rows is None:
        tile_rows = int(np.clip(TILE_BYTES // (2 * n * dtype.itemsize), 1, MAX_TILE_ROWS))
    x, y = x.astype(dtype, copy=False), y.astype(dtype, copy=False)
    columns_x, columns_y = as_columns(x), as_columns(y)
    orders = np.asarray(ks, dtype=np.int64)
    radius = np.empty((len(ks), n))
    n_x, n_y = np.empty((len(ks), n), dtype=np.int64), np.empty((len(ks), n), dtype=np.int64)

    def work(start: int, stop: int) -> None:
        count_rows(x, y, columns_x, columns_y, orders, start, stop, tile_points, radius, n_x, n_y)

    with Workers(threads, progress, n) as workers:
        workers.for_each_tile(work, n, tile_rows, is_progress=True)
    return radius, n_x, n_y


def as_columns(points: Samples) -> Samples:
    """(dim, n), contiguous; dim is rounded up to a multiple of four with columns of zeros, which add no distance."""
    n, dim = points.shape
    columns = np.zeros((-(-dim // 4) * 4, n), dtype=points.dtype)
    columns[:dim] = points.T
    return columns


@jit
def count_rows(
    x,  # (n, dim_x)
    y,  # (n, dim_y)
    columns_x,  # (dim_x or a little more, n), the same values from `as_columns`
    columns_y,  # (dim_y or a little more, n)
    ks,  # (m,) ascending
    start,
    stop,
    tile_points,
    radius,  # (m, n) out, float64
    n_x,  # (m, n) out
    n_y,  # (m, n) out
):
    strip_x = np.empty((stop - start, len(x)), dtype=x.dtype)
    strip_y = np.empty((stop - start, len(x)), dtype=x.dtype)
    marginal_distances(columns_x, start, tile_points, strip_x)
    marginal_distances(columns_y, start, tile_points, strip_y)
    nearest = np.empty(ks[-1], dtype=x.dtype)
    nearest_tied = np.empty(ks[-1], dtype=np.float64)
    for i in range(start, stop):
        k_smallest(strip_x[i - start], strip_y[i - start], i, nearest)
        for m in range(len(ks)):
            r = kth_radius(x, y, strip_x[i - start], strip_y[i - start], i, ks[m], nearest, nearest_tied)
            radius[m, i] = r
            n_x[m, i] = count_nearer(x, strip_x[i - start], i, r, nearest[ks[m] - 1])
            n_y[m, i] = count_nearer(y, strip_y[i - start], i, r, nearest[ks[m] - 1])


@jit
def marginal_distances(columns, start, tile_points, strip):
    """strip[q, j] = Chebyshev distance between points start + q and j; columns (dim, n), strip (rows, n).

    Four columns a pass keep the running maximum in a register: 10 G elements/s a core against 1.6 with one (Zen 3, float32).
    """
    dim, n = columns.shape
    tile = np.empty((dim, tile_points), dtype=columns.dtype)
    distance = np.empty(tile_points, dtype=columns.dtype)
    for first in range(0, n, tile_points):
        width = min(tile_points, n - first)
        tile[:, :width] = columns[:, first : first + width]
        for q in range(len(strip)):
            row = start + q
            distance[:] = 0
            for d in range(0, dim, 4):
                a, b, c, e = tile[d], tile[d + 1], tile[d + 2], tile[d + 3]
                at_a, at_b = columns[d, row], columns[d + 1, row]
                at_c, at_e = columns[d + 2, row], columns[d + 3, row]
                for j in range(tile_points):  # the whole tile, so that the loop has no remainder
                    largest = larger(distance[j], abs(a[j] - at_a))
                    largest = larger(largest, abs(b[j] - at_b))
                    largest = larger(largest, abs(c[j] - at_c))
                    distance[j] = larger(largest, abs(e[j] - at_e))
            strip[q, first : first + width] = distance[:width]


@jit
def larger(a, b):
    """The larger of two numbers: one vector instruction, where the built-in max also orders signed zeros and NaN."""
    return a if a > b else b


@jit
def k_smallest(row_x, row_y, i, nearest):
    """The len(nearest) smallest joint distances of point i, ascending; row_x, row_y (n,)."""
    if len(nearest) > MANY:
        joint = np.maximum(row_x, row_y)
        joint[i] = np.inf
        nearest[:] = np.sort(np.partition(joint, len(nearest) - 1)[: len(nearest)])
        return
    nearest[:] = np.inf
    for j in range(len(row_x)):
        distance = max(row_x[j], row_y[j])
        if distance < nearest[-1] and j != i:
            insert(nearest, distance)


@jit
def insert(ascending, value):
    """Put `value`, smaller than the last entry, into its place; the last entry falls out."""
    place = len(ascending) - 1
    while place > 0 and ascending[place - 1] > value:
        ascending[place] = ascending[place - 1]
        place -= 1
    ascending[place] = value


@jit
def kth_radius(x, y, row_x, row_y, i, k, nearest, nearest_tied):
    """Distance in float64 from point i to its k-th joint neighbour; `nearest` from `k_smallest`."""
    rounded = nearest[k - 1]
    if x.itemsize == 8 or rounded == 0:  # a float32 difference is 0 only between equal values
        return np.float64(rounded)
    # All neighbours at this float32 distance, and none other, can be the k-th in float64: order them there.
    strictly_nearer = np.searchsorted(nearest, rounded)
    tied = nearest_tied[: k - strictly_nearer]
    if len(tied) > MANY:
        at_rounded = np.flatnonzero(np.maximum(row_x, row_y) == rounded)
        exact = np.empty(len(at_rounded), dtype=np.float64)
        for m, j in enumerate(at_rounded):
            exact[m] = max(chebyshev_below(x, i, j, np.inf), chebyshev_below(y, i, j, np.inf))
        return np.partition(exact, len(tied) - 1)[len(tied) - 1]
    tied[:] = np.inf
    for j in range(len(row_x)):
        if max(row_x[j], row_y[j]) == rounded and j != i:
            distance = max(chebyshev_below(x, i, j, tied[-1]), chebyshev_below(y, i, j, tied[-1]))
            if distance < tied[-1]:
                insert(tied, distance)
    return tied[-1]


@jit
def count_nearer(points, row, i, radius, rounded):
    """Points other than i strictly nearer than `radius`; row (n,) has the distances from i, `rounded` as the radius is."""
    if radius == 0:
        return 0
    nearer, equal = 0, 0
    for j in range(len(row)):
        nearer += row[j] < rounded
        equal += row[j] == rounded
    if row.itemsize == 4 and equal > 0:
        for j in range(len(row)):
            if row[j] == rounded and chebyshev_below(points, i, j, radius) < radius:
                nearer += 1
    return nearer - 1  # the point itself, at distance 0


@jit
def chebyshev_below(points, i, j, bound):
    """Chebyshev distance of points i and j in float64, or any value >= bound as soon as it is known to be so."""
    distance = 0.0
    for d in range(points.shape[1]):
        distance = max(distance, abs(np.float64(points[i, d]) - np.float64(points[j, d])))
        if distance >= bound:
            break
    return distance
