"""Two sides of one column each: neighbours in a grid of ranks, from values that were sorted once for many estimates.

    ranked(values)  -> values, ascending, ranks       once for a column, however often it is shuffled or cut into parts
    two of these    -> cells of about two points each, as wide as so many ranks; each query visits its own cell, then the row or
                       column of cells whose nearest value is nearest, until no value beyond is nearer than the k-th  -> radius
                    -> two binary searches a side for 32 values of neighbouring ranks together  -> n_x, n_y

Exactness. Distances are computed by one subtraction in float64, and rounding is monotone: a row of cells whose nearest value is
not nearer than the k-th neighbour holds no point that is. A row or column of cells has as many ranks as any other whatever the
values, so one cell never holds more than sqrt(2 n) points.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mi_core.backends.cpu.jit import jit
from mi_core.backends.cpu.line import count_line_tile
from mi_core.backends.cpu.simd import LANES
from mi_core.backends.cpu.tree import insert
from mi_core.types import FloatArray, IntArray, Samples

IN_A_CELL = 2.0  # points, where the sides are independent; with 1 or 4 the walk takes about as long


class Ranked(NamedTuple):
    """The values (n,) of one column in float64, the same in ascending order, and the rank (n,) of each."""

    values: FloatArray
    ascending: FloatArray
    rank: NDArray[np.int32]

    def take(self, rows: IntArray) -> Ranked:
        """Some of the values, each once, without sorting them again."""
        rank = self.rank[rows]
        is_taken = np.zeros(len(self.values), np.bool_)
        is_taken[rank] = True
        among = np.cumsum(is_taken, dtype=np.int32)
        return Ranked(self.values[rows], self.ascending[is_taken], among[rank] - np.int32(1))

    def shuffled(self, rows: IntArray) -> Ranked:
        """All values in another order."""
        return Ranked(self.values[rows], self.ascending, self.rank[rows])


def ranked(points: Samples) -> Ranked:
    """A column (n, 1), sorted."""
    values = points[:, 0].astype(np.float64)
    order = np.argsort(values)
    rank = np.empty(len(values), np.int32)
    rank[order] = np.arange(len(values), dtype=np.int32)
    return Ranked(values, values[order], rank)


def neighbour_counts(x: Ranked, y: Ranked, k: int) -> tuple[FloatArray, IntArray]:
    """Radius (n,) and counts (2, n) for one k, bit for bit as the contract of `mi_core.backends` has them; in one thread."""
    n = len(x.values)
    width = int(np.ceil(np.sqrt(IN_A_CELL * n)))
    radius, counts = np.empty(n), np.empty((2, n), np.int64)
    starts, rows = by_cell(x.rank, y.rank, width)
    walk_cells(x.values, y.values, x.ascending, y.ascending, x.rank, y.rank, starts, rows, width, k, radius)
    for side, of_side in zip((x, y), counts, strict=True):
        order = np.empty(n, np.uint32)
        order[side.rank] = np.arange(n, dtype=np.uint32)
        count_line_tile(order, side.values, side.ascending, radius, of_side, 0, -(-n // LANES))
    return radius, counts


@jit
def by_cell(rank_x, rank_y, width):
    """Where the points of each cell (side * side,) start among the rows (n,), and these rows."""
    n = len(rank_x)
    side = (n - 1) // width + 1
    starts = np.zeros(side * side + 1, np.int32)
    rows = np.empty(n, np.int32)
    for row in range(n):
        starts[(rank_x[row] // width) * side + rank_y[row] // width + 1] += 1
    for cell in range(side * side):
        starts[cell + 1] += starts[cell]
    at = starts[:-1].copy()
    for row in range(n):
        cell = (rank_x[row] // width) * side + rank_y[row] // width
        rows[at[cell]] = row
        at[cell] += 1
    return starts, rows


@jit
def walk_cells(x, y, ascending_x, ascending_y, rank_x, rank_y, starts, rows, width, k, radius):
    """Radius (n,) of all points, those of one cell after the other."""
    n = len(x)
    side = (n - 1) // width + 1
    by_cell_x, by_cell_y = x[rows], y[rows]
    nearest = np.empty(k)
    for place in range(n):
        row = rows[place]
        here_x, here_y = by_cell_x[place], by_cell_y[place]
        left = right = rank_x[row] // width
        low = high = rank_y[row] // width
        nearest[:] = np.inf
        cell = left * side + low
        visit(by_cell_x, by_cell_y, here_x, here_y, starts[cell], place, nearest)
        visit(by_cell_x, by_cell_y, here_x, here_y, place + 1, starts[cell + 1], nearest)
        to_left = here_x - ascending_x[left * width - 1] if left > 0 else np.inf
        to_right = ascending_x[(right + 1) * width] - here_x if (right + 1) * width < n else np.inf
        to_low = here_y - ascending_y[low * width - 1] if low > 0 else np.inf
        to_high = ascending_y[(high + 1) * width] - here_y if (high + 1) * width < n else np.inf
        while True:
            gap_x, gap_y = min(to_left, to_right), min(to_low, to_high)
            if min(gap_x, gap_y) >= nearest[-1] or min(gap_x, gap_y) == np.inf:
                break
            if gap_x <= gap_y:
                if to_left <= to_right:
                    left -= 1
                    cell = left * side
                    to_left = here_x - ascending_x[left * width - 1] if left > 0 else np.inf
                else:
                    right += 1
                    cell = right * side
                    to_right = ascending_x[(right + 1) * width] - here_x if (right + 1) * width < n else np.inf
                visit(by_cell_x, by_cell_y, here_x, here_y, starts[cell + low], starts[cell + high + 1], nearest)
            else:
                if to_low <= to_high:
                    low -= 1
                    cell = low
                    to_low = here_y - ascending_y[low * width - 1] if low > 0 else np.inf
                else:
                    high += 1
                    cell = high
                    to_high = ascending_y[(high + 1) * width] - here_y if (high + 1) * width < n else np.inf
                for column in range(left, right + 1):
                    of = column * side + cell
                    visit(by_cell_x, by_cell_y, here_x, here_y, starts[of], starts[of + 1], nearest)
        radius[row] = nearest[-1]


@jit
def visit(x, y, here_x, here_y, first, last, nearest):
    """Enter the distances to the points first to last into nearest (k,), ascending."""
    for place in range(first, last):
        distance = max(abs(x[place] - here_x), abs(y[place] - here_y))
        if distance < nearest[-1]:
            insert(nearest, distance)
