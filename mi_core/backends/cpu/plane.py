"""Two sides of one column each: neighbours in a grid of ranks, from values that were sorted once for many estimates.

    ranked(values)  -> values, ascending, order, ranks once for a column, however often it is shuffled or cut into parts
    two of these    -> cells of about one point each, as wide as so many ranks; each query visits its own cell and, unless that
                       has many points, those around it, then the row or column of cells whose nearest value is nearest, until
                       no value beyond is nearer than the k-th  -> radius
                    -> two binary searches a side for 32 values of neighbouring ranks together  -> n_x, n_y

Exactness. Distances are computed by one subtraction in float64, and rounding is monotone: a row of cells whose nearest value is
not nearer than the k-th neighbour holds no point that is. A row or column of cells has as many ranks as any other whatever the
values, so one cell never holds more than sqrt(n) points.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mi_core.backends.cpu.jit import inlined, jit
from mi_core.backends.cpu.least import IN_REGISTERS, entered, kth
from mi_core.backends.cpu.line import count_line_tile
from mi_core.backends.cpu.simd import LANES
from mi_core.types import FloatArray, IntArray, Samples

IN_A_CELL = 1.0  # points, where the sides are independent
FEW_IN_A_CELL = 8  # points in the query's own cell, up to which the eight around it are visited at once, in three runs


class Ranked(NamedTuple):
    """The values (n,) of one column in float64, the same in ascending order, the rows in that order, and the rank of each."""

    values: FloatArray
    ascending: FloatArray
    order: NDArray[np.uint32]
    rank: NDArray[np.int32]

    def take(self, rows: IntArray) -> Ranked:
        """Some of the values, each once, without sorting them again."""
        rank = self.rank[rows]
        is_taken = np.zeros(len(self.values), np.bool_)
        is_taken[rank] = True
        among = np.cumsum(is_taken, dtype=np.int32)
        rank = among[rank] - np.int32(1)
        return Ranked(self.values[rows], self.ascending[is_taken], inverse(rank, np.uint32), rank)

    def shuffled(self, rows: IntArray) -> Ranked:
        """All values in another order."""
        rank = self.rank[rows]
        return Ranked(self.values[rows], self.ascending, inverse(rank, np.uint32), rank)


def ranked(points: Samples) -> Ranked:
    """A column (n, 1), sorted."""
    values = points[:, 0].astype(np.float64)
    order = np.argsort(values).astype(np.uint32)
    return Ranked(values, values[order], order, inverse(order, np.int32))


def inverse(places: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """Where each of 0 to n - 1 stands among places (n,)."""
    found = np.empty(len(places), dtype)
    found[places] = np.arange(len(places), dtype=dtype)
    return found


def neighbour_counts(x: Ranked, y: Ranked, k: int) -> tuple[FloatArray, IntArray]:
    """Radius (n,) and counts (2, n) for one k, bit for bit as the contract of `mi_core.backends` has them; in one thread."""
    n = len(x.values)
    width = int(np.ceil(np.sqrt(IN_A_CELL * n)))
    radius, counts = np.empty((1, n)), np.empty((2, 1, n), np.int64)
    starts, rows = by_cell(x.rank, y.rank, width)
    walk_cells(x.values, y.values, x.ascending, y.ascending, starts, rows, width, k, radius[0])
    for side, of_side in zip((x, y), counts, strict=True):
        count_line_tile(side.order, side.values, side.ascending, radius, of_side, 0, -(-n // LANES))
    return radius[0], counts[:, 0]


@jit
def by_cell(rank_x, rank_y, width):
    """Where the points of each cell (side * side,) start among the rows (n,), and these rows."""
    n = len(rank_x)
    side = (n - 1) // width + 1
    band = np.empty(n, np.int32)  # row or column of cells of each rank: divisions by a width are slow
    for rank in range(n):
        band[rank] = rank // width
    starts = np.zeros(side * side + 1, np.int32)
    cells, rows = np.empty(n, np.int32), np.empty(n, np.int32)
    for row in range(n):
        cells[row] = band[rank_x[row]] * side + band[rank_y[row]]
        starts[cells[row] + 1] += 1
    for cell in range(side * side):
        starts[cell + 1] += starts[cell]
    at = starts[:-1].copy()
    for row in range(n):
        rows[at[cells[row]]] = row
        at[cells[row]] += 1
    return starts, rows


@jit
def walk_cells(x, y, ascending_x, ascending_y, starts, rows, width, k, radius):
    """Radius (n,) of all points, those of one cell after the other."""
    n = len(x)
    side = (n - 1) // width + 1
    by_cell_x, by_cell_y = x[rows], y[rows]
    beyond = np.empty(max(0, k - IN_REGISTERS))
    for cell in range(side * side):
        if starts[cell] == starts[cell + 1]:
            continue
        own, own_low = cell // side, cell % side
        reach = 1 if starts[cell + 1] - starts[cell] <= FEW_IN_A_CELL else 0
        for place in range(starts[cell], starts[cell + 1]):
            here_x, here_y = by_cell_x[place], by_cell_y[place]
            left, right = max(own - reach, 0), min(own + reach, side - 1)
            low, high = max(own_low - reach, 0), min(own_low + reach, side - 1)
            a = b = c = np.inf
            beyond[:] = np.inf
            for column in range(left, right + 1):
                first, last = starts[column * side + low], starts[column * side + high + 1]
                if column == own:
                    a, b, c = visit(by_cell_x, by_cell_y, here_x, here_y, first, place, a, b, c, beyond)
                    first = place + 1
                a, b, c = visit(by_cell_x, by_cell_y, here_x, here_y, first, last, a, b, c, beyond)
            to_left = here_x - ascending_x[left * width - 1] if left > 0 else np.inf
            to_right = ascending_x[(right + 1) * width] - here_x if (right + 1) * width < n else np.inf
            to_low = here_y - ascending_y[low * width - 1] if low > 0 else np.inf
            to_high = ascending_y[(high + 1) * width] - here_y if (high + 1) * width < n else np.inf
            while True:
                gap_x, gap_y = min(to_left, to_right), min(to_low, to_high)
                if min(gap_x, gap_y) >= kth(k, a, b, c, beyond) or min(gap_x, gap_y) == np.inf:
                    break
                if gap_x <= gap_y:
                    if to_left <= to_right:
                        left -= 1
                        at = left * side
                        to_left = here_x - ascending_x[left * width - 1] if left > 0 else np.inf
                    else:
                        right += 1
                        at = right * side
                        to_right = ascending_x[(right + 1) * width] - here_x if (right + 1) * width < n else np.inf
                    first, last = starts[at + low], starts[at + high + 1]
                    a, b, c = visit(by_cell_x, by_cell_y, here_x, here_y, first, last, a, b, c, beyond)
                else:
                    if to_low <= to_high:
                        low -= 1
                        at = low
                        to_low = here_y - ascending_y[low * width - 1] if low > 0 else np.inf
                    else:
                        high += 1
                        at = high
                        to_high = ascending_y[(high + 1) * width] - here_y if (high + 1) * width < n else np.inf
                    for column in range(left, right + 1):
                        of = column * side + at
                        a, b, c = visit(by_cell_x, by_cell_y, here_x, here_y, starts[of], starts[of + 1], a, b, c, beyond)
            radius[rows[place]] = kth(k, a, b, c, beyond)


@inlined
def visit(x, y, here_x, here_y, first, last, a, b, c, beyond):
    """Enter the distances to the points first to last among the least, as `least` has them."""
    for place in range(first, last):
        apart_x, apart_y = abs(x[place] - here_x), abs(y[place] - here_y)
        a, b, c = entered(apart_x if apart_x > apart_y else apart_y, a, b, c, beyond)
    return a, b, c
