"""The neighbours themselves: which they are, and how far those of another set are.

Counts come from `mi_core.backends`, which never need to know who is counted; `ksg2` and `lnc` do. Distances are Chebyshev
distances in float64 of the values given, as there. Among neighbours at equal distance the choice is arbitrary, so what
depends on it (the extent of the neighbours in one side) is not defined on data with ties.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mi_core.backends.cpu import brute
from mi_core.backends.cpu.workers import Workers
from mi_core.types import FloatArray, IntArray, Progress, Samples

# CPU seconds of tree / all pairs, one thread of a Zen 3 machine, N = 10,000, k = 3, Gaussians: 4 dimensions 0.05 / 1.6,
# 10 dimensions 0.5 / 1.2, 14 dimensions 1.2 / 1.2, 20 dimensions 2.7 / 1.3.
TREE_UP_TO = 15  # dimensions
TILE_BYTES = 16 * 2**20  # of distances of one thread at a time
TREE_ROWS = 1024  # queries that go together

Nearest = tuple[FloatArray, IntArray]


def nearest_neighbours(points: Samples, k: int, *, threads: int, progress: Progress | None = None) -> IntArray:
    """Indices (n, k) of each point's k nearest other points, nearest first; points (n, dim)."""
    _, found = nearest(points, points, k + 1, threads, progress)
    is_self = found == np.arange(len(points))[:, np.newaxis]
    is_self[~is_self.any(axis=1), -1] = True  # among more than k + 1 coincident points, the point itself may not be found
    neighbours: IntArray = found[~is_self].reshape(len(points), k)
    return neighbours


def distances_to(others: Samples, points: Samples, ks: Sequence[int], *, threads: int) -> FloatArray:
    """Distances (len(ks), n) from points (n, dim) to their k-th nearest among others (m, dim), a set of its own."""
    distances, _ = nearest(others, points, max(ks), threads)
    return np.ascontiguousarray(distances[:, np.array(ks) - 1].T)


def nearest(others: Samples, points: Samples, k: int, threads: int, progress: Progress | None = None) -> Nearest:
    """Distances and indices (n, k) of the k nearest of others (m, dim) to each of points (n, dim), nearest first."""
    queries = points.astype(np.float64, copy=False)
    wide = queries if others is points else others.astype(np.float64, copy=False)
    n, dim = queries.shape
    if dim <= TREE_UP_TO:
        find, tile = in_tree(wide, queries, k), TREE_ROWS
    else:
        find, tile = among_all(wide, queries, k), max(1, TILE_BYTES // (8 * (n + len(wide))))
    distances, indices = np.empty((n, k)), np.empty((n, k), np.int64)

    def work(first: int, last: int) -> None:
        distances[first:last], indices[first:last] = find(first, last)

    with Workers(threads, progress, n) as workers:
        workers.for_each_tile(work, n, tile, is_progress=True)
    return distances, indices


def in_tree(others: FloatArray, points: FloatArray, k: int) -> Callable[[int, int], Nearest]:
    """A search for the rows first to last of points in a k-d tree."""
    from scipy.spatial import cKDTree  # here, because it takes a fifth of a second to load

    tree = cKDTree(others)

    def find(first: int, last: int) -> Nearest:
        distances, indices = tree.query(points[first:last], k=list(range(1, k + 1)), p=np.inf)
        return np.asarray(distances), np.asarray(indices, np.int64)

    return find


def among_all(others: FloatArray, points: FloatArray, k: int) -> Callable[[int, int], Nearest]:
    """A search for the rows first to last of points by their distances to all others."""
    # The kernel measures from some of its points to all of them, so two sets become one, of which the second part counts.
    columns = brute.as_columns(points if points is others else np.vstack([points, others]))
    start = columns.shape[1] - len(others)

    def find(first: int, last: int) -> Nearest:
        strip = np.empty((last - first, columns.shape[1]))
        brute.distances(columns, first, brute.TILE_POINTS, strip)
        distances = strip[:, start:]
        some = np.argpartition(distances, k - 1, axis=1)[:, :k]
        order = np.argsort(np.take_along_axis(distances, some, axis=1), axis=1)
        indices = np.take_along_axis(some, order, axis=1)
        return np.take_along_axis(distances, indices, axis=1), indices

    return find
