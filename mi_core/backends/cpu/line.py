"""A side of one dimension: two binary searches in its sorted values count the neighbours of a query.

The searches test the contract's own rounded difference, which is monotone along the sorted values. Comparing with
here +- radius instead rounds differently, and miscounts points that lie just at the radius.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mi_core.backends.cpu.jit import jit
from mi_core.backends.cpu.order import lowest_and_highest
from mi_core.backends.cpu.simd import LANES, add_where, at_most, below, difference, gather_float64, load, splat, store
from mi_core.backends.cpu.workers import Workers, for_blocks
from mi_core.types import FloatArray, IntArray, Samples, Share


class Line(NamedTuple):
    """A side of one dimension."""

    order: NDArray[np.uint32]  # (n,): puts near points together
    values: Samples  # (n,)
    ascending: Samples  # (n,): the same sorted


def count_line(line: Line, radius: FloatArray, counts: IntArray, tile_blocks: int, workers: Workers, share: Share) -> None:
    """Counts (m, n): other values strictly nearer than radius (m, n)."""

    def work(first: int, last: int) -> None:
        count_line_tile(line.order, line.values, line.ascending, radius, counts, first, last)

    for_blocks(work, -(-len(line.values) // LANES), tile_blocks, workers, share)


@jit
def count_line_tile(order, values, ascending, radius, counts, first, last):
    """Counts (m, n) for the points order[first * LANES : last * LANES]; ascending (n,) are the sorted values (n,)."""
    n = len(values)
    here = np.zeros(LANES)
    own_radius = np.zeros(LANES)
    near = np.empty(LANES, np.int64)
    far = np.empty(LANES, np.int64)
    for block in range(first, last):
        rows = order[block * LANES : min(n, (block + 1) * LANES)]
        low = high = np.float64(values[rows[0]])
        for lane in range(len(rows)):
            here[lane] = np.float64(values[rows[lane]])
            low, high = min(low, here[lane]), max(high, here[lane])
        for m in range(len(radius)):
            for lane in range(len(rows)):
                own_radius[lane] = radius[m, rows[lane]]
            # Every search of the block ends in one window, which fits the cache.
            _, widest = lowest_and_highest(own_radius)
            start = first_within(ascending, low, widest, 0, n)
            size = first_beyond(ascending, high, widest, start, n - start) - start
            search_together(ascending, here, own_radius, near, far, start, size)
            for lane in range(len(rows)):
                counts[m, rows[lane]] = far[lane] - near[lane] - 1 if own_radius[lane] > 0 else 0


@jit
def first_within(ascending, here, radius, start, size):
    """First i in [start, start + size] with here - ascending[i] < radius; the last is taken to be so."""
    while size > 0:
        half = size >> 1
        ahead = not (here - np.float64(ascending[start + half]) < radius)
        start = start + half + 1 if ahead else start
        size = size - half - 1 if ahead else half
    return start


@jit
def first_beyond(ascending, here, radius, start, size):
    """First i in [start, start + size] with ascending[i] - here >= radius; the last is taken to be so."""
    while size > 0:
        half = size >> 1
        ahead = np.float64(ascending[start + half]) - here < radius
        start = start + half + 1 if ahead else start
        size = size - half - 1 if ahead else half
    return start


@jit
def search_together(ascending, here, radius, near, far, start, size):
    """near[i], far[i]: first value within, and first beyond, radius[i] of here[i].

    All 32 searches take each step together, with vectors of values from as many places.
    """
    own, reach = load(here, 0), load(radius, 0)
    first_near = first_far = splat(np.int64(start))
    while size > 0:
        half = (size + 1) >> 1
        apart = difference(own, gather_float64(ascending, first_near, half - 1))
        first_near = add_where(first_near, splat(half), at_most(reach, apart))
        apart = difference(gather_float64(ascending, first_far, half - 1), own)
        first_far = add_where(first_far, splat(half), below(apart, reach))
        size -= half
    store(near, 0, first_near)
    store(far, 0, first_far)
