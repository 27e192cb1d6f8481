"""Neighbour counts of many shuffles of the same samples: distances within each side are found once, and walked many times.

Under a shuffle, row i of x stands beside row shuffle[i] of y. Distances within x and within y stay what they were, only who is
beside whom changes:

    1. walk_rows   for a tile of rows of x: their neighbours in x, nearest first; for every shuffle walk along them, look up
                   how far each is in y, keep the k best, stop where x alone is farther than these: about sqrt(k n) steps
    2. count_rows  for a tile of rows of y: their neighbours in y, nearest first; each radius finds its place among them

All in float64, so counts and radii are those that a backend finds on the shuffled samples, bit for bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mi_core.backends.cpu.brute import TILE_POINTS, as_columns, distances, insert, rows_of_a_tile
from mi_core.backends.cpu.jit import jit
from mi_core.backends.cpu.workers import Workers
from mi_core.types import FloatArray, Progress, Samples

Rows = NDArray[np.int32]

FIRST_LENGTH = 3.0  # of a list of neighbours, in units of sqrt(k n), which is how far the walk goes in independent sides
SAMPLE = 512  # distances of a row that tell how far a list of a given length reaches


def shuffled_counts(
    x: Samples, y: Samples, ks: tuple[int, ...], shuffles: Rows, *, threads: int, progress: Progress | None = None
) -> tuple[FloatArray, Rows, Rows]:
    """Radius, n_x and n_y, each (m, len(ks), n), of x beside y[shuffle] for shuffles (m, n) and ascending ks.

    Entry [s, :, i] is about row i of x and row shuffles[s, i] of y. The narrower side is best given as y.
    """
    n = len(x)
    x, y = x.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
    orders = np.array(ks)
    length = int(FIRST_LENGTH * np.sqrt(ks[-1] * n)) + 1
    radius = np.empty((len(shuffles), len(ks), n))
    n_x, n_y = np.empty(radius.shape, np.int32), np.empty(radius.shape, np.int32)
    columns_x, columns_y = as_columns(x), as_columns(y)
    inverse = np.argsort(shuffles, axis=1).astype(np.int32)

    def walk(first: int, last: int) -> None:
        strip = np.empty((last - first, n))
        distances(columns_x, first, TILE_POINTS, strip)
        walk_rows(strip, first, length, y, shuffles, orders, radius, n_x)

    def count(first: int, last: int) -> None:
        strip = np.empty((last - first, n))
        distances(columns_y, first, TILE_POINTS, strip)
        count_rows(strip, first, inverse, radius, n_y)

    with Workers(threads, progress, 2 * n) as workers:
        tile = rows_of_a_tile(n, 1, x.itemsize)
        workers.for_each_tile(walk, n, tile, is_progress=True)
        workers.for_each_tile(count, n, tile, is_progress=True)
    return radius, n_x, n_y


@jit
def walk_rows(strip, first, length, y, shuffles, ks, radius, n_x):
    """Radius and n_x (m, len(ks), n) of the rows of x from `first` on, for every shuffle; strip (rows, n) their distances."""
    nearest = np.empty(ks[-1])
    for q in range(len(strip)):
        i = first + q
        limit = reach(strip[q], length)
        neighbours, ascending = neighbours_within(strip[q], i, limit)
        for s in range(len(shuffles)):
            while not walk(neighbours, ascending, limit, y, shuffles[s], i, nearest):
                limit = reach(strip[q], 4 * len(neighbours) + 4)
                neighbours, ascending = neighbours_within(strip[q], i, limit)
            for m in range(len(ks)):
                radius[s, m, i] = nearest[ks[m] - 1]
                n_x[s, m, i] = np.searchsorted(ascending, nearest[ks[m] - 1])


@jit
def reach(row, length):
    """A distance within which about `length` or more of row (n,) lie; infinite where that is nearly all of them."""
    step = max(1, len(row) // SAMPLE)
    some = np.sort(row[::step])
    rank = int(1.2 * length / step) + 2
    return some[rank] if rank < len(some) else np.inf


@jit
def neighbours_within(row, i, limit):
    """Points other than i at distances of at most `limit`, nearest first, and these distances; row (n,) those of all points."""
    count = 0
    for j in range(len(row)):
        count += row[j] <= limit
    found = np.empty(count, np.int32)
    at = 0
    for j in range(len(row)):
        if row[j] <= limit and j != i:
            found[at] = j
            at += 1
    found = found[:at]
    values = row[found]
    order = np.argsort(values)
    return found[order], values[order]


@jit
def walk(neighbours, ascending, limit, y, shuffle, i, nearest):
    """Distances to the len(nearest) nearest joint neighbours of row i of x and row shuffle[i] of y; whether the list sufficed.

    neighbours: all other rows of x within `limit` of row i, nearest first, at distances `ascending`.
    """
    dim = y.shape[1]
    nearest[:] = np.inf
    bound = np.inf
    here = np.uint64(shuffle[i])
    for rank in range(np.uint64(len(neighbours))):  # unsigned: no test for negative indices in the innermost loop
        distance = ascending[rank]
        if distance >= bound:
            return True
        there = np.uint64(shuffle[np.uint64(neighbours[rank])])
        for d in range(dim):
            apart = abs(y[here, d] - y[there, d])
            if apart > distance:
                distance = apart
                if distance >= bound:
                    break
        if distance < bound:
            insert(nearest, distance)
            bound = nearest[-1]
    return bound <= limit


@jit
def count_rows(strip, first, inverse, radius, n_y):
    """n_y (m, len(ks), n): for each radius, how many others are strictly nearer in y; strip (rows, n) distances in y.

    Row j of y stands beside row inverse[s, j] of x in shuffle s.
    """
    for q in range(len(strip)):
        j = first + q
        farthest = 0.0
        for s in range(len(inverse)):
            farthest = max(farthest, radius[s, -1, inverse[s, j]])
        _, ascending = neighbours_within(strip[q], j, farthest)
        for s in range(len(inverse)):
            i = inverse[s, j]
            for m in range(radius.shape[1]):
                n_y[s, m, i] = np.searchsorted(ascending, radius[s, m, i])
