"""Rows that a point neither has for neighbours nor counts: those of its own group, or those near it in a series.

They are a range of rows for each point: left_out[i] = first, last; the point itself lies in it. Searches for the radius leave
them out themselves. Counts are made of all points, and less those that this module finds in the range.
"""

from __future__ import annotations

import numpy as np

from mi_core.backends.cpu.jit import jit
from mi_core.backends.cpu.workers import Workers
from mi_core.types import FloatArray, IntArray, Samples

NOBODY: IntArray = np.empty((0, 2), np.int64)
NOBODY.flags.writeable = True  # as kernels were compiled for
TILE_ROWS = 64
SMALL = 100_000  # pairs below which starting threads costs more than they save


def nearer_left_out(points: Samples, radius: FloatArray, left_out: IntArray, *, threads: int) -> IntArray:
    """Counts (m, n): other points (n, dim) strictly nearer than radius (m, n), ascending along m, that are left out."""
    points = np.ascontiguousarray(points)
    counts = np.empty(radius.shape, np.int64)
    pairs = int((left_out[:, 1] - left_out[:, 0]).sum())

    def work(first: int, last: int) -> None:
        count_rows(points, radius, left_out, counts, first, last)

    with Workers(threads if pairs > SMALL else 1) as workers:
        workers.for_each_tile(work, len(points), TILE_ROWS)
    return counts


@jit
def count_rows(points, radius, left_out, counts, first, last):
    """Counts (m, n) of the points first to last: the others among their rows left_out (n, 2) nearer than radius (m, n)."""
    n_radii, dim = len(radius), points.shape[1]
    for i in range(first, last):
        counts[:, i] = 0
        for j in range(left_out[i, 0], left_out[i, 1]):
            distance = 0.0
            for d in range(dim):
                distance = max(distance, abs(np.float64(points[i, d]) - np.float64(points[j, d])))
                if distance >= radius[n_radii - 1, i]:
                    break
            for m in range(n_radii):
                counts[m, i] += distance < radius[m, i]
        for m in range(n_radii):
            counts[m, i] -= radius[m, i] > 0  # the point itself


@jit
def leave_out(strip, left_out, first):
    """Make distances NaN, strip (rows, n) of the points from `first` on, to rows that are left out: others may be infinite."""
    for row in range(len(strip)):
        strip[row, left_out[first + row, 0] : left_out[first + row, 1]] = np.nan
