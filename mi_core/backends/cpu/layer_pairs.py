"""Neighbour counts of many pairs of layers: the distances within a layer are computed once and shared by all its pairs.

A tile of query rows keeps one strip of distances for each layer; a pair then needs only the larger of two strips:

    1. fill_strip   distances within a layer
    2. pair_tile    for a pair: k-th smallest of the larger of both strips, then entries of each strip strictly below it

Precision and equalities are as in `brute`, so counts and radii are those of any backend, bit for bit. Strips are filled up to
whole lanes by NaN, which also stands for the distance of a point from itself: no comparison holds for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mi_core.backends.cpu.brute import chebyshev_below, replace_largest, rows_of_a_tile
from mi_core.backends.cpu.jit import jit
from mi_core.backends.cpu.simd import (
    LANES,
    at,
    at_most,
    below,
    bit_count,
    greater,
    larger_distance,
    load,
    lowest_bit,
    splat,
    store,
)
from mi_core.backends.cpu.workers import Workers
from mi_core.types import FloatArray, IntArray, Progress, Samples

PAIR_ROWS = 16  # queries of which all pairs are counted before the next: few enough for their strips to stay in the L2 cache


def pair_counts(
    layers: Sequence[Samples],
    pairs: Sequence[tuple[int, int]],
    k: int,
    rows: range,
    *,
    threads: int,
    progress: Progress | None = None,
) -> tuple[FloatArray, IntArray]:
    """Radius (pairs, len(rows)) and counts (pairs, 2, len(rows)) for the queries `rows`, in both layers of each pair.

    layers: (n, dim) each, all of one dtype; pairs: indices of two layers, which may be one and the same.
    """
    used = sorted({layer for pair in pairs for layer in pair})
    points = [np.ascontiguousarray(layers[layer]) for layer in used]
    blocks = [in_blocks(layer) for layer in points]
    places = [(used.index(a), used.index(b)) for a, b in pairs]
    lanes = -(-len(layers[0]) // LANES) * LANES
    radius = np.empty((len(pairs), len(rows)))
    counts = np.empty((len(pairs), 2, len(rows)), np.int64)

    def work(first: int, last: int) -> None:
        strips = np.empty((len(used), last - first, lanes), layers[0].dtype)
        for strip, layer, of_layer in zip(strips, points, blocks, strict=True):
            fill_strip(layer, of_layer, rows.start + first, strip)
        for start in range(first, last, PAIR_ROWS):
            here = slice(start, min(start + PAIR_ROWS, last))
            some = strips[:, here.start - first : here.stop - first]
            for pair, (a, b) in enumerate(places):
                x, y, out = points[a], points[b], (radius[pair, here], counts[pair, :, here])
                pair_tile(x, y, some[a], some[b], k, rows.start + start, *out)

    with Workers(threads, progress, len(rows)) as workers:
        tile = rows_of_a_tile(lanes, len(used), layers[0].itemsize)
        workers.for_each_tile(work, len(rows), tile, is_progress=True)
    return radius, counts


def in_blocks(points: Samples) -> Samples:
    """(n_blocks, dim, LANES): points (n, dim) side by side for each dimension, the last block filled up with zeros."""
    n, dim = points.shape
    blocks = np.zeros((-(-n // LANES), dim, LANES), points.dtype)
    for block, start in zip(blocks, range(0, n, LANES), strict=True):
        some = points[start : start + LANES]
        block[:, : len(some)] = some.T
    return blocks


@jit
def fill_strip(points, blocks, first, strip):
    """strip[row, j] = Chebyshev distance between points first + row and j; NaN from a point to itself, and beyond all.

    points (n, dim), blocks (n_blocks, dim, LANES) the same in blocks, strip (rows, lanes).
    """
    rows, lanes = strip.shape
    dims = points.shape[1]
    for block in range(len(blocks)):
        for row in range(rows):
            query = (first + row) * dims
            far = splat(points.dtype.type(0))
            for dim in range(dims):
                far = larger_distance(far, load(blocks, (block * dims + dim) * LANES), splat(at(points, query + dim)))
            store(strip, row * lanes + block * LANES, far)
    for row in range(rows):
        strip[row, len(points) :] = np.nan
        strip[row, first + row] = np.nan


@jit
def pair_tile(x, y, strip_x, strip_y, k, first, radius, counts):
    """Radius (rows,) and counts (2, rows) of the queries from `first` on; strips (rows, lanes) have their distances."""
    nearest, exact = np.empty(k, x.dtype), np.empty(k)
    for row in range(len(strip_x)):
        i = first + row
        kth_distance(strip_x, strip_y, row, nearest)
        radius[row], kth = pair_radius(x, y, strip_x, strip_y, row, i, nearest, exact)
        counts[0, row] = count_nearer(x, strip_x, row, i, nearest[0], radius[row], kth)
        counts[1, row] = count_nearer(y, strip_y, row, i, nearest[0], radius[row], kth)


@jit
def kth_distance(strip_x, strip_y, row, nearest):
    """Fill the heap `nearest` with the smallest joint distances of a query: the largest of them is the first."""
    lanes = strip_x.shape[1]
    start = row * lanes
    nearest[:] = np.inf
    for j in range(start, start + lanes, LANES):
        bits = below(greater(load(strip_x, j), load(strip_y, j)), splat(nearest[0]))
        while bits:
            other = j + lowest_bit(bits)
            bits &= bits - np.uint64(1)
            distance = max(at(strip_x, other), at(strip_y, other))
            if distance < nearest[0]:
                replace_largest(nearest, len(nearest), distance)


@jit
def pair_radius(x, y, strip_x, strip_y, row, i, nearest, exact):
    """Distance in float64 from point i to its k-th neighbour, and which point that is; see `brute.kth_radius`.

    nearest: heap of the k smallest distances in the precision of the input; exact (k,) is scratch. Where several points are as
    far in float32, or one in both sides, any may be strictly nearer than the radius in a side: no point is then named, which
    is -1.
    """
    rounded = nearest[0]
    if x.itemsize == 8 or rounded == 0:
        return np.float64(rounded), -1
    as_far = 0
    for distance in nearest:
        as_far += distance == rounded
    exact[:as_far] = np.inf
    lanes = strip_x.shape[1]
    start, bound = row * lanes, splat(rounded)
    found, kth = 0, -1
    for j in range(start, start + lanes, LANES):
        joint = greater(load(strip_x, j), load(strip_y, j))
        equal = at_most(joint, bound) & ~below(joint, bound)
        while equal:
            place = j + lowest_bit(equal)
            equal &= equal - np.uint64(1)
            kth = place - start
            distance = 0.0
            if at(strip_x, place) == rounded:
                distance = chebyshev_below(x, 0, x.shape[1], i, kth, np.inf)
                found += 1
            if at(strip_y, place) == rounded:
                distance = max(distance, chebyshev_below(y, 0, y.shape[1], i, kth, np.inf))
                found += 1
            if distance < exact[0]:
                replace_largest(exact, as_far, distance)
    return exact[0], kth if found == 1 else -1


@jit
def count_nearer(points, strip, row, i, rounded, radius, kth):
    """Other points (n, dim) than i strictly nearer than `radius`, which is `rounded` in the precision of the strip.

    strip (rows, lanes) has their distances; kth is one that is not nearer, or -1.
    """
    if radius == 0:
        return 0
    lanes = strip.shape[1]
    start, bound = row * lanes, splat(rounded)
    nearer = 0
    for j in range(start, start + lanes, LANES):
        distances = load(strip, j)
        bits = below(distances, bound)
        nearer += bit_count(bits)
        equal = at_most(distances, bound) & ~bits
        while equal and points.itemsize == 4:
            other = j + lowest_bit(equal) - start
            equal &= equal - np.uint64(1)
            if other != kth and chebyshev_below(points, 0, points.shape[1], i, other, radius) < radius:
                nearer += 1
    return nearer
