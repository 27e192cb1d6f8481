"""Brute force over tiles: every pair is looked at once, the n x n matrix never exists.

A tile of query rows keeps its distances to all points, one strip for each part of the dimensions, while it is worked on:

    1. distances     fills a strip for each part, in the precision of the input
    2. find_radii    k-th smallest of their maximum, the row itself left out
    3. count_rows    entries of a strip, or of the maximum of several, strictly below the radius

The contract asks for float64 arithmetic. float32 strips decide all but equalities: rounding is monotone, and the difference
of two float32 values can never sit so close to the midpoint of two neighbouring float32 values that rounding first to
float64 would matter, so d32 < r32 implies d64 < r64. Where d32 == r32 the pair is looked at again in float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mi_core._prepare import joined
from mi_core.backends.cpu.jit import jit
from mi_core.backends.cpu.left_out import NOBODY, leave_out
from mi_core.backends.cpu.workers import WHOLE, Workers
from mi_core.backends.reached import in_order, to_count
from mi_core.types import FloatArray, IntArray, Progress, Samples, Share

TILE_POINTS = 128  # points whose columns are read together,
TILE_DIMS = 256  # so many at a time, a multiple of four: 128 KiB in float32, within any L2
TILE_BYTES = 16 * 2**20  # all strips of one thread together
MANY = 64  # neighbours from which a heap beats inserting one by one, whose cost grows with k squared
MAX_TILE_ROWS = 64  # more rows a tile gain nothing and make progress coarse


class Index(NamedTuple):
    """All that is prepared before the first query."""

    points: Samples  # (n, dim): all parts side by side
    columns: tuple[Samples, ...]  # of each part, as `as_columns` gives them
    edges: tuple[int, ...]  # dimensions of points at which parts begin, and the last one ends
    sides: tuple[tuple[int, int], ...]


def neighbour_counts(
    parts: tuple[Samples, ...],
    sides: tuple[tuple[int, int], ...],
    ks: tuple[int, ...],
    *,
    threads: int,
    progress: Progress | None = None,
    left_out: IntArray = NOBODY,
    reached: bool = False,
    tile_rows: int | None = None,
    tile_points: int = TILE_POINTS,
) -> tuple[FloatArray, IntArray]:
    """Radius (len(ks), n) and counts (len(sides), len(ks), n) for ascending ks; the contract of `mi_core.backends`."""
    with Workers(threads, progress, len(parts[0])) as workers:
        index = prepare(parts, sides, ks, workers)
        return answer(index, ks, workers, left_out=left_out, reached=reached, tile_rows=tile_rows, tile_points=tile_points)


def prepare(parts: tuple[Samples, ...], sides: tuple[tuple[int, int], ...], ks: tuple[int, ...], workers: Workers) -> Index:
    """All that does not depend on who asks; the contract of `mi_core.backends`."""
    edges = np.cumsum([0, *(part.shape[1] for part in parts)])
    return Index(joined(parts), tuple(as_columns(part) for part in parts), tuple(edges.tolist()), sides)


def answer(
    index: Index,
    ks: tuple[int, ...],
    workers: Workers,
    share: Share = WHOLE,
    *,
    left_out: IntArray = NOBODY,
    reached: bool = False,
    tile_rows: int | None = None,
    tile_points: int = TILE_POINTS,
) -> tuple[FloatArray, IntArray]:
    """Radius and counts of a share of the queries, zeros beside them; the contract of `mi_core.backends`."""
    points, columns, edges, sides = index
    n = len(points)
    orders = np.array(ks)
    radius = np.zeros((len(ks), n))
    within = np.zeros(((1 + reached) * len(ks), n))
    counts = np.zeros((len(sides), len(within), n), np.int64)

    def work(first: int, last: int) -> None:
        strips = np.empty((len(columns), last - first, n), points.dtype)
        for strip, part in zip(strips, columns, strict=True):
            distances(part, first, tile_points, strip)
        joint = merged(strips, 0, len(columns))
        if len(left_out) > 0:
            joint = joint.copy()  # it may be the strip of a side
            leave_out(joint, left_out, first)
        find_radii(points, joint, orders, first, radius)
        within[:, first:last] = to_count(radius[:, first:last], reached)
        for (start, stop), out in zip(sides, counts, strict=True):
            count_rows(points, edges[start], edges[stop], merged(strips, start, stop), first, within, out)

    tile = tile_rows or rows_of_a_tile(n, len(columns) + 1, points.itemsize)
    workers.for_each_tile(work, n, tile, is_progress=True, share=share)
    return radius, in_order(counts, radius, reached)


def count_nearer(points: Samples, radius: FloatArray, *, threads: int, progress: Progress | None = None) -> IntArray:
    """Counts (m, n) of other points strictly nearer than radius (m, n); the contract of `mi_core.backends`."""
    n, dim = points.shape
    columns = as_columns(points)
    counts = np.empty((len(radius), n), np.int64)

    def work(first: int, last: int) -> None:
        strip = np.empty((last - first, n), points.dtype)
        distances(columns, first, TILE_POINTS, strip)
        count_rows(points, 0, dim, strip, first, radius, counts)

    with Workers(threads, progress, n) as workers:
        workers.for_each_tile(work, n, rows_of_a_tile(n, 1, points.itemsize), is_progress=True)
    return counts


def rows_of_a_tile(n: int, strips: int, itemsize: int) -> int:
    """How many query rows go together, so that the strips of one thread fit TILE_BYTES."""
    return int(np.clip(TILE_BYTES // (strips * n * itemsize), 1, MAX_TILE_ROWS))


def as_columns(points: Samples) -> Samples:
    """(dim, n), contiguous; dim is rounded up to a multiple of four with columns of zeros, which add no distance."""
    n, dim = points.shape
    columns = np.zeros((-(-dim // 4) * 4, n), dtype=points.dtype)
    columns[:dim] = points.T
    return columns


def merged(strips: Samples, first: int, last: int) -> Samples:
    """Distances (rows, n) in the parts first to last together: the largest of theirs."""
    some: Samples = strips[first:last]
    largest: Samples = some[0] if len(some) == 1 else some.max(axis=0)
    return largest


@jit
def distances(columns, start, tile_points, strip):
    """strip[q, j] = Chebyshev distance between points start + q and j; columns (dim, n), strip (rows, n).

    Four columns a pass keep the running maximum in a register: 10 G elements/s a core against 1.6 with one (Zen 3, float32).
    """
    dim, n = columns.shape
    rows = len(strip)
    queries = np.empty((rows, TILE_DIMS), dtype=columns.dtype)
    tile = np.empty((TILE_DIMS, tile_points), dtype=columns.dtype)
    distance = np.empty(tile_points, dtype=columns.dtype)
    strip[:] = 0
    for first_dim in range(0, dim, TILE_DIMS):
        depth = min(TILE_DIMS, dim - first_dim)
        for d in range(depth):
            for q in range(rows):
                queries[q, d] = columns[first_dim + d, start + q]
        for first in range(0, n, tile_points):
            width = min(tile_points, n - first)
            for d in range(depth):
                for j in range(width):  # copying slices would compile for two seconds more
                    tile[d, j] = columns[first_dim + d, first + j]
            for q in range(rows):
                for j in range(width):
                    distance[j] = strip[q, first + j]
                for d in range(0, depth, 4):
                    a, b, c, e = tile[d], tile[d + 1], tile[d + 2], tile[d + 3]
                    at_a, at_b, at_c, at_e = queries[q, d], queries[q, d + 1], queries[q, d + 2], queries[q, d + 3]
                    for j in range(tile_points):  # the whole tile, so that the loop has no remainder
                        largest = larger(distance[j], abs(a[j] - at_a))
                        largest = larger(largest, abs(b[j] - at_b))
                        largest = larger(largest, abs(c[j] - at_c))
                        distance[j] = larger(largest, abs(e[j] - at_e))
                for j in range(width):
                    strip[q, first + j] = distance[j]


@jit
def larger(a, b):
    """The larger of two numbers: one vector instruction, where the built-in max also orders signed zeros and NaN."""
    return a if a > b else b


@jit
def find_radii(points, joint, ks, first, radius):
    """Radii (m, n) of the queries from `first` on; joint (rows, n) their distances to points (n, dim), ks (m,) ascending."""
    nearest = np.empty(ks[-1], dtype=points.dtype)
    nearest_tied = np.empty(ks[-1], dtype=np.float64)
    for row in range(len(joint)):
        k_smallest(joint[row], first + row, nearest)
        for m in range(len(ks)):
            radius[m, first + row] = kth_radius(points, joint[row], first + row, ks[m], nearest, nearest_tied)


@jit
def k_smallest(row, i, nearest):
    """The len(nearest) smallest distances of point i, ascending; row (n,)."""
    nearest[:] = np.inf
    if len(nearest) <= MANY:
        for j in range(len(row)):
            if row[j] < nearest[-1] and j != i:
                insert(nearest, row[j])
        return
    for j in range(len(row)):
        if row[j] < nearest[0] and j != i:
            replace_largest(nearest, len(nearest), row[j])
    for last in range(len(nearest) - 1, 0, -1):
        largest = nearest[0]
        replace_largest(nearest, last, nearest[last])
        nearest[last] = largest


@jit
def replace_largest(heap, size, value):
    """Put a smaller value in place of the largest, heap[0]; each of heap (size,) is at least as large as the two below it."""
    place = 0
    while 2 * place + 1 < size:
        below = 2 * place + 1
        if below + 1 < size and heap[below + 1] > heap[below]:
            below += 1
        if heap[below] <= value:
            break
        heap[place] = heap[below]
        place = below
    heap[place] = value


@jit
def insert(ascending, value):
    """Put `value`, smaller than the last entry, into its place; the last entry falls out."""
    place = len(ascending) - 1
    while place > 0 and ascending[place - 1] > value:
        ascending[place] = ascending[place - 1]
        place -= 1
    ascending[place] = value


@jit
def kth_radius(points, row, i, k, nearest, nearest_tied):
    """Distance in float64 from point i to its k-th neighbour; row (n,) its distances, `nearest` from `k_smallest`."""
    rounded = nearest[k - 1]
    if points.itemsize == 8 or rounded == 0:  # a float32 difference is 0 only between equal values
        return np.float64(rounded)
    # All neighbours at this float32 distance, and none other, can be the k-th in float64: order them there.
    dim = points.shape[1]
    nearer = k - 1
    while nearer > 0 and nearest[nearer - 1] == rounded:
        nearer -= 1
    tied = nearest_tied[: k - nearer]
    tied[:] = np.inf
    for j in range(len(row)):
        if row[j] == rounded and j != i:
            distance = chebyshev_below(points, 0, dim, i, j, tied[0])
            if distance < tied[0]:
                replace_largest(tied, len(tied), distance)
    return tied[0]


@jit
def count_rows(points, first_dim, last_dim, strip, first, radius, counts):
    """Counts (m, n) for the queries from `first` on: other points strictly nearer than radius (m, n) in a range of dimensions.

    strip (rows, n) has their distances in that range.
    """
    for row in range(len(strip)):
        i = first + row
        for m in range(len(radius)):
            counts[m, i] = count_row(points, first_dim, last_dim, strip[row], i, radius[m, i])


@jit
def count_row(points, first_dim, last_dim, row, i, radius):
    """Points other than i strictly nearer than `radius`; row (n,) has the distances from i."""
    if radius == 0:
        return 0
    rounded = points.dtype.type(radius)
    nearer, equal = 0, 0
    for j in range(len(row)):
        nearer += row[j] < rounded
        equal += row[j] == rounded
    if points.itemsize == 4 and equal > 0:
        for j in range(len(row)):
            if row[j] == rounded and chebyshev_below(points, first_dim, last_dim, i, j, radius) < radius:
                nearer += 1
    return nearer - 1  # the point itself, at distance 0


@jit
def chebyshev_below(points, first_dim, last_dim, i, j, bound):
    """Chebyshev distance of points i and j in float64, in a range of dimensions, or any value >= bound once it is one."""
    distance = 0.0
    for d in range(first_dim, last_dim):
        distance = max(distance, abs(np.float64(points[i, d]) - np.float64(points[j, d])))
        if distance >= bound:
            break
    return distance
