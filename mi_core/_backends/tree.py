"""Few dimensions: scipy's k-d tree for the joint neighbours, sorted values (1-D) or a tree for the marginal counts.

Everything is float64 from the start, which holds float32 values without loss. `query_ball_point` counts distances <= r;
asked with the float just below the radius it counts the strictly nearer ones.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

from mi_core._backends._jit import jit
from mi_core._backends._tiles import for_each_tile
from mi_core._types import FloatArray, IntArray, Progress, Samples

TILE_ROWS = 1024

# (rows start..stop of the queries, their radii) -> points strictly nearer, the query itself left out
CountNearer = Callable[[int, int, FloatArray], IntArray]


def neighbour_counts(
    x: Samples,
    y: Samples,
    ks: tuple[int, ...],
    *,
    threads: int,
    progress: Progress | None = None,
    tile_rows: int = TILE_ROWS,
) -> tuple[FloatArray, IntArray, IntArray]:
    """Radius, n_x and n_y, each (len(ks), n), for ascending ks; the contract of `mi_core._backends`."""
    n = len(x)
    x, y = x.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
    joint = np.hstack([x, y])
    tree = build_tree(joint)
    count_x, count_y = marginal_counter(x), marginal_counter(y)
    with_itself = [k + 1 for k in ks]  # each point is its own nearest neighbour, at distance 0
    radius = np.empty((len(ks), n))
    n_x, n_y = np.empty((len(ks), n), dtype=np.int64), np.empty((len(ks), n), dtype=np.int64)

    def work(start: int, stop: int) -> None:
        rows = slice(start, stop)
        distances, _ = tree.query(joint[rows], k=with_itself, p=np.inf)
        radius[:, rows] = np.transpose(distances)
        for m in range(len(ks)):
            n_x[m, rows] = count_x(start, stop, radius[m, rows])
            n_y[m, rows] = count_y(start, stop, radius[m, rows])

    for_each_tile(work, n, tile_rows, threads, progress)
    return radius, n_x, n_y


def build_tree(points: FloatArray) -> cKDTree:
    """Sliding-midpoint splits: built in a third of the time of balanced ones, which repeated values would slow down."""
    return cKDTree(points, balanced_tree=False, compact_nodes=False)


def marginal_counter(points: FloatArray) -> CountNearer:
    """The fastest way to count strictly nearer points in this marginal, for queries among `points` (n, dim)."""
    if points.shape[1] == 1:
        values = points[:, 0]
        ascending = np.sort(values)
        return lambda start, stop, radius: count_nearer_sorted(ascending, values[start:stop], radius)

    tree = build_tree(points)

    def count(start: int, stop: int, radius: FloatArray) -> IntArray:
        below = np.nextafter(radius, 0)
        nearer = tree.query_ball_point(points[start:stop], below, p=np.inf, return_length=True) - 1
        return np.where(radius > 0, nearer, 0)

    return count


@jit
def count_nearer_sorted(ascending, values, radius):
    """For each of values (rows,): entries of ascending (n,) at distance < radius (rows,), one of them (itself) left out."""
    counts = np.zeros(len(values), dtype=np.int64)
    for i in range(len(values)):
        if radius[i] > 0:
            counts[i] = first_beyond(ascending, values[i], radius[i]) - first_within(ascending, values[i], radius[i]) - 1
    return counts


# Both searches test the rounded difference, which is monotone along the sorted values. Comparing with value +- radius
# instead rounds differently and miscounts points that lie just at the radius.
@jit
def first_within(ascending, value, radius):
    """Index of the first entry with value - entry < radius."""
    low, high = 0, len(ascending)
    while low < high:
        middle = (low + high) // 2
        if value - ascending[middle] < radius:
            high = middle
        else:
            low = middle + 1
    return low


@jit
def first_beyond(ascending, value, radius):
    """Index of the first entry with entry - value >= radius."""
    low, high = 0, len(ascending)
    while low < high:
        middle = (low + high) // 2
        if ascending[middle] - value < radius:
            low = middle + 1
        else:
            high = middle
    return low
