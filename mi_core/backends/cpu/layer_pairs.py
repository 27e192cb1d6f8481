"""Neighbour counts of many pairs of layers: the distances within a layer are computed once and shared by all its pairs.

A tile of query rows keeps one strip of distances for each layer; a pair then needs only the larger of two strips:

    1. distances   fills a strip for each layer (brute force's own kernel)
    2. pair_tile   for a pair: k-th smallest of the larger of both strips, then entries of each strip strictly below it

Precision and equalities are as in `brute`, so counts and radii are those of any backend, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mi_core.backends.cpu.brute import (
    MANY,
    TILE_POINTS,
    as_columns,
    chebyshev_below,
    count_row,
    distances,
    insert,
    k_smallest,
    larger,
    rows_of_a_tile,
)
from mi_core.backends.cpu.jit import jit
from mi_core.backends.cpu.workers import Workers
from mi_core.types import FloatArray, IntArray, Progress, Samples

CHUNK = 64  # distances whose smallest is looked at before any one of them


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
    columns = [as_columns(layers[layer]) for layer in used]
    places = [(used.index(a), used.index(b)) for a, b in pairs]
    n = len(layers[0])
    radius = np.empty((len(pairs), len(rows)))
    counts = np.empty((len(pairs), 2, len(rows)), np.int64)

    def work(first: int, last: int) -> None:
        strips = np.empty((len(used), last - first, n), layers[0].dtype)
        for strip, layer in zip(strips, columns, strict=True):
            distances(layer, rows.start + first, TILE_POINTS, strip)
        for pair, (a, b) in enumerate(places):
            here = slice(first, last)
            x, y = layers[used[a]], layers[used[b]]
            pair_tile(x, y, strips[a], strips[b], k, rows.start + first, radius[pair, here], counts[pair, :, here])

    with Workers(threads, progress, len(rows)) as workers:
        tile = rows_of_a_tile(n, len(used), layers[0].itemsize)
        workers.for_each_tile(work, len(rows), tile, is_progress=True)
    return radius, counts


@jit
def pair_tile(x, y, strip_x, strip_y, k, first, radius, counts):
    """Radius (rows,) and counts (2, rows) of the queries from `first` on; strips (rows, n) have their distances."""
    joint = np.empty(strip_x.shape[1], x.dtype)
    nearest = np.empty(k, x.dtype)
    for row in range(len(strip_x)):
        i = first + row
        k_nearest(strip_x[row], strip_y[row], i, joint, nearest)
        radius[row] = pair_radius(x, y, joint, i, nearest)
        counts[0, row] = count_row(x, 0, x.shape[1], strip_x[row], i, radius[row])
        counts[1, row] = count_row(y, 0, y.shape[1], strip_y[row], i, radius[row])


@jit
def k_nearest(row_x, row_y, i, joint, nearest):
    """The len(nearest) smallest joint distances of point i, ascending; all of them go to joint (n,)."""
    n = len(joint)
    if len(nearest) > MANY:
        for j in range(n):
            joint[j] = larger(row_x[j], row_y[j])
        k_smallest(joint, i, nearest)
        return
    nearest[:] = np.inf
    for start in range(0, n, CHUNK):
        stop = min(start + CHUNK, n)
        least = np.inf
        for j in range(start, stop):
            joint[j] = larger(row_x[j], row_y[j])
        for j in range(start, stop):
            least = joint[j] if joint[j] < least else least
        if least < nearest[-1]:
            for j in range(start, stop):
                if joint[j] < nearest[-1] and j != i:
                    insert(nearest, joint[j])


@jit
def pair_radius(x, y, joint, i, nearest):
    """Distance in float64 from point i to its len(nearest)-th neighbour; see `brute.kth_radius`."""
    rounded = nearest[-1]
    if x.itemsize == 8 or rounded == 0:
        return np.float64(rounded)
    at_rounded = np.flatnonzero(joint == rounded)
    exact = np.full(len(at_rounded), np.inf)
    for m, j in enumerate(at_rounded):
        if j != i:
            exact[m] = max(chebyshev_below(x, 0, x.shape[1], i, j, np.inf), chebyshev_below(y, 0, y.shape[1], i, j, np.inf))
    return np.sort(exact)[len(nearest) - 1 - np.searchsorted(nearest, rounded)]
