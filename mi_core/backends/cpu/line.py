"""A side of one dimension: two binary searches in its sorted values count the neighbours of a query.

The searches test the contract's own rounded difference, which is monotone along the sorted values. Comparing with
here +- radius instead rounds differently, and miscounts points that lie just at the radius.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mi_core.backends.cpu.jit import inlined, jit
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
    here, own_radius = np.zeros(LANES), np.zeros(LANES)
    within = np.empty(LANES, np.int64)
    for block in range(first, last):
        rows = order[block * LANES : min(n, (block + 1) * LANES)]
        for lane in range(len(rows)):
            here[lane] = np.float64(values[rows[lane]])
        for m in range(len(radius)):
            for lane in range(len(rows)):
                own_radius[lane] = radius[m, rows[lane]]
            count_lanes(ascending, here, own_radius, within)
            for lane in range(len(rows)):
                counts[m, rows[lane]] = within[lane] - 1 if own_radius[lane] > 0 else 0


@inlined
def count_lanes(ascending, here, radius, within):
    """How many of `ascending` (n,) are strictly nearer to each of here (LANES,) than its radius.

    All 32 pairs of binary searches take each step together, with vectors of values from as many places.
    """
    own, reach = load(here, 0), load(radius, 0)
    near = far = splat(np.int64(0))
    left = len(ascending)
    while left > 0:
        half = (left + 1) >> 1
        near_apart = difference(own, gather_float64(ascending, near, half - 1))
        far_apart = difference(gather_float64(ascending, far, half - 1), own)
        near = add_where(near, splat(half), at_most(reach, near_apart))
        far = add_where(far, splat(half), below(far_apart, reach))
        left -= half
    store(within, 0, difference(far, near))
