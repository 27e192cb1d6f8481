"""Neighbour counts of many shuffles of the same samples: distances within each side are found once, and walked many times.

Under a shuffle, row i of x stands beside row shuffle[i] of y. Distances within x and within y stay what they were, only who is
beside whom changes:

    1. list_rows    for each row of x: some of its neighbours in x, nearest first, kept for a block of rows
    2. walk_rows    for a tile of rows of y: their distances to all of y, and lists like those of x; for every shuffle walk
                    along the list of the row of x beside them, look up how far each is in y, keep the k best, stop where x
                    alone is farther than these: about sqrt(k n) steps; radii find their places among the listed distances
    3. finish_rows  the few radii that reach beyond a list of x are counted among all distances

Where a list of x ends before the walk may stop, since y is far from all others, the walk goes along the list of y instead, and
where that ends too, along all rows. All in float64, so counts and radii are those that a backend finds on the shuffled samples,
bit for bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mi_core.backends.cpu.brute import TILE_POINTS, as_columns, distances, insert, rows_of_a_tile
from mi_core.backends.cpu.jit import jit
from mi_core.backends.cpu.least import IN_REGISTERS, entered, kth
from mi_core.backends.cpu.workers import Workers
from mi_core.types import FloatArray, Progress, Samples

Rows = NDArray[np.int32]

LENGTH = 3.0  # of a list of neighbours, in units of sqrt(k n), which is how far the walk goes in independent sides
BLOCK_BYTES = 2**28  # of the lists that are kept at a time
SAMPLE = 256  # distances of a row that tell about how far a list of a given length reaches
UNKNOWN = -1  # a count that the list was too short for


def shuffled_counts(
    x: Samples, y: Samples, ks: tuple[int, ...], shuffles: Rows, *, threads: int, progress: Progress | None = None
) -> tuple[FloatArray, Rows, Rows]:
    """Radius, n_x and n_y, each (m, len(ks), n), of x beside y[shuffle] for shuffles (m, n) and ascending ks.

    Entry [s, :, i] is about row i of x and row shuffles[s, i] of y.
    """
    n = len(x)
    x, y = x.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
    orders = np.array(ks)
    length = min(int(LENGTH * np.sqrt(ks[-1] * n)) + 1, n - 1)
    radius = np.empty((len(shuffles), len(ks), n))
    n_x, n_y = np.empty(radius.shape, np.int32), np.empty(radius.shape, np.int32)
    columns_x, columns_y = as_columns(x), as_columns(y)
    inverse = np.argsort(shuffles, axis=1).astype(np.int32)
    block = min(n, max(1, BLOCK_BYTES // (12 * length)))
    blocks = range(0, n, block)
    tile = rows_of_a_tile(n, 1, x.itemsize)

    with Workers(threads, progress, n * (1 + len(blocks))) as workers:
        for start in blocks:
            stop = min(start + block, n)
            listed = np.empty((stop - start, length), np.int32)
            ascending = np.empty((stop - start, length))

            def list_neighbours(first: int, last: int, *, start: int = start, listed=listed, ascending=ascending) -> None:
                strip = np.empty((last - first, n))
                distances(columns_x, start + first, TILE_POINTS, strip)
                list_rows(strip, start + first, listed[first:last], ascending[first:last])

            def walk(first: int, last: int, *, start: int = start, listed=listed, ascending=ascending) -> None:
                strip = np.empty((last - first, n))
                distances(columns_y, first, TILE_POINTS, strip)
                walk_rows(strip, first, start, listed, ascending, x, shuffles, inverse, orders, radius, n_x, n_y)

            workers.for_each_tile(list_neighbours, stop - start, tile, is_progress=True)
            workers.for_each_tile(walk, n, tile, is_progress=True)

        def finish(first: int, last: int) -> None:
            if (n_x[:, :, first:last] == UNKNOWN).any():
                strip = np.empty((last - first, n))
                distances(columns_x, first, TILE_POINTS, strip)
                finish_rows(strip, first, radius, n_x)

        workers.for_each_tile(finish, n, tile)
    return radius, n_x, n_y


@jit
def list_rows(strip, first, listed, ascending):
    """The nearest others of the rows from `first` on, and how far they are; strip (rows, n) distances, lists (rows, length)."""
    length = listed.shape[1]
    for q in range(len(strip)):
        some = np.sort(strip[q, :: max(1, strip.shape[1] // SAMPLE)])
        share = length * len(some) / strip.shape[1]
        rank = int(share + 2 * np.sqrt(share)) + 2
        found, values = neighbours_within(strip[q], first + q, some[rank] if rank < len(some) else np.inf)
        while len(found) < length:
            rank *= 2
            found, values = neighbours_within(strip[q], first + q, some[rank] if rank < len(some) else np.inf)
        listed[q] = found[:length]
        ascending[q] = values[:length]


@jit
def neighbours_within(row, i, limit):
    """Points other than i at distances of at most `limit`, nearest first, and these distances; row (n,) those of all points."""
    count = 0
    for j in range(len(row)):
        count += row[j] <= limit
    found = np.empty(count + 1, np.int32)
    at = 0
    for j in range(len(row)):  # without a branch: what is not to be kept is written over
        found[at] = j
        at += (row[j] <= limit) & (j != i)
    found = found[:at]
    values = row[found]
    order = np.argsort(values)
    return found[order], values[order]


@jit
def walk_rows(strip, first, start, listed, ascending, x, shuffles, inverse, ks, radius, n_x, n_y):
    """Radius and counts (m, len(ks), n) of the rows of y from `first` on, where they stand beside rows of x that are listed.

    strip (rows, n): distances in y. listed, ascending (rows, length): neighbours of the rows of x from `start` on, and how far
    they are. Row j of y stands beside row inverse[s, j] of x in shuffle s.
    """
    nearest = np.empty(ks[-1])
    length = listed.shape[1]
    is_whole = length == strip.shape[1] - 1
    listed_y, ascending_y = np.empty((len(strip), length), np.int32), np.empty((len(strip), length))
    list_rows(strip, first, listed_y, ascending_y)
    for s in range(len(inverse)):  # outside, so that one shuffle is at hand for all rows
        for q in range(len(strip)):
            i = inverse[s, first + q]
            place = i - start
            if place < 0 or place >= len(listed):
                continue
            beyond = np.inf if is_whole else ascending[place, -1]  # no nearer are those that are not listed
            beyond_y = np.inf if is_whole else ascending_y[q, -1]
            if not walk(listed[place], ascending[place], beyond, strip[q], shuffles[s], nearest) and not walk_along_y(
                listed_y[q], ascending_y[q], beyond_y, x, inverse[s], i, nearest
            ):
                everyone, far = neighbours_within(strip[q], first + q, np.inf)
                walk_along_y(everyone, far, np.inf, x, inverse[s], i, nearest)
            for m in range(len(ks)):
                reached = nearest[ks[m] - 1]
                radius[s, m, i] = reached
                n_x[s, m, i] = below(ascending[place], reached) if reached <= beyond else UNKNOWN
                n_y[s, m, i] = below(ascending_y[q], reached) if reached <= beyond_y else nearer(strip[q], reached)


@jit
def walk(listed, ascending, beyond, far_in_y, shuffle, nearest):
    """Distances to the len(nearest) nearest joint neighbours of a row of x and one of y; whether the list sufficed for that.

    listed, ascending (length,): neighbours of the row of x, and how far they are; others are at `beyond` or farther.
    far_in_y (n,): how far all rows of y are.
    """
    k = len(nearest)
    beyond_three = nearest[IN_REGISTERS:]
    beyond_three[:] = np.inf
    a = b = c = np.inf
    for rank in range(np.uint64(len(listed))):  # unsigned: no test for negative indices in the innermost loop
        far_in_x = ascending[rank]
        if far_in_x >= kth(k, a, b, c, beyond_three):
            beyond = np.inf
            break
        apart = far_in_y[np.uint64(shuffle[np.uint64(listed[rank])])]
        a, b, c = entered(apart if apart > far_in_x else far_in_x, a, b, c, beyond_three)
    nearest[0] = a
    if k > 1:
        nearest[1] = b
    if k > 2:
        nearest[2] = c
    return kth(k, a, b, c, beyond_three) <= beyond


@jit
def walk_along_y(listed, ascending, beyond, x, inverse, i, nearest):
    """Distances to the len(nearest) nearest joint neighbours of a row of y and of row i of x, and whether the list sufficed.

    listed, ascending (length,): neighbours of the row of y, and how far they are; others are at `beyond` or farther. How far
    they are in x is found on the way.
    """
    dim = x.shape[1]
    nearest[:] = np.inf
    bound = np.inf
    for rank in range(len(listed)):
        distance = ascending[rank]
        if distance >= bound:
            return True
        there = inverse[listed[rank]]
        for d in range(dim):
            apart = abs(x[i, d] - x[there, d])
            if apart > distance:
                distance = apart
                if distance >= bound:
                    break
        if distance < bound:
            insert(nearest, distance)
            bound = nearest[-1]
    return bound <= beyond


@jit
def below(ascending, radius):
    """How many of some ascending distances are strictly nearer than a radius."""
    first, length = 0, len(ascending)
    while length > 0:  # without a branch that would be foreseen wrongly half of the time
        half = length >> 1
        is_nearer = ascending[first + half] < radius
        first += (half + 1) * is_nearer
        length = half - (1 - (length & 1)) * is_nearer
    return first


@jit
def nearer(row, radius):
    """How many others are strictly nearer than a radius above 0; row (n,) the distances to all points, one's own among them."""
    count = -1
    for j in range(len(row)):
        count += row[j] < radius
    return count


@jit
def finish_rows(strip, first, radius, n_x):
    """Counts of the rows of x from `first` on that lists were too short for; strip (rows, n) their distances to all of x."""
    for q in range(len(strip)):
        for s in range(len(n_x)):
            for m in range(n_x.shape[1]):
                if n_x[s, m, first + q] == UNKNOWN:
                    n_x[s, m, first + q] = nearer(strip[q], radius[s, m, first + q])
