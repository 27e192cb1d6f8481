"""The neighbours themselves: which they are, and how far those of another set are.

Counts come from `mi_core._backends`, which never need to know who is counted; `ksg2` and `lnc` do. Distances are Chebyshev
distances in float64 of the values given, as there. Among neighbours at equal distance the choice is arbitrary, so what
depends on it (the extent of the neighbours in one side) is not defined on data with ties.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from mi_core._types import FloatArray, IntArray, Progress, Samples

# CPU seconds of tree / all pairs, one thread of a Zen 3 machine, N = 10,000, k = 3, Gaussians: 4 dimensions 0.04 / 1.0,
# 10 dimensions 0.4 / 1.2, 14 dimensions 1.2 / 1.3, 20 dimensions 3.3 / 1.9.
TREE_UP_TO = 15  # dimensions
TILE_BYTES = 32 * 2**20  # of distances at a time
TREE_ROWS = 4096  # queries between two reports of progress

Nearest = Callable[[FloatArray], tuple[FloatArray, IntArray]]


def nearest_neighbours(points: Samples, k: int, *, threads: int = 1, progress: Progress | None = None) -> IntArray:
    """Indices (n, k) of each point's k nearest other points, nearest first; points (n, dim)."""
    _, found = nearest(points, points, k + 1, threads, progress)
    rows = np.arange(len(points))[:, np.newaxis]
    is_self = found == rows
    is_self[~is_self.any(axis=1), -1] = True  # among more than k + 1 coincident points, the point itself may not be found
    others: IntArray = found[~is_self].reshape(len(points), k)
    return others


def distances_to(others: Samples, points: Samples, ks: Sequence[int], *, threads: int = 1) -> FloatArray:
    """Distances (len(ks), n) from points (n, dim) to their k-th nearest among others (m, dim), a set of its own."""
    distances, _ = nearest(others, points, max(ks), threads, None)
    return np.ascontiguousarray(distances[:, np.array(ks) - 1].T)


def nearest(others: Samples, points: Samples, k: int, threads: int, progress: Progress | None) -> tuple[FloatArray, IntArray]:
    """Distances and indices (n, k) of the k nearest of others (m, dim) to each of points (n, dim), nearest first."""
    wide, queries = others.astype(np.float64, copy=False), points.astype(np.float64, copy=False)
    if points.shape[1] <= TREE_UP_TO:
        find, tile = in_tree(wide, k, threads), TREE_ROWS
    else:
        find, tile = among_all(wide, k), max(1, TILE_BYTES // (8 * len(others)))
    distances, indices = np.empty((len(points), k)), np.empty((len(points), k), np.int64)
    for first in range(0, len(points), tile):
        rows = slice(first, first + tile)
        distances[rows], indices[rows] = find(queries[rows])
        if progress is not None:
            progress(min(first + tile, len(points)), len(points))
    return distances, indices


def in_tree(others: FloatArray, k: int, threads: int) -> Nearest:
    tree = cKDTree(others)

    def find(points: FloatArray) -> tuple[FloatArray, IntArray]:
        distances, indices = tree.query(points, k=list(range(1, k + 1)), p=np.inf, workers=threads)
        return np.asarray(distances), np.asarray(indices, np.int64)

    return find


def among_all(others: FloatArray, k: int) -> Nearest:
    def find(points: FloatArray) -> tuple[FloatArray, IntArray]:
        distances = cdist(points, others, "chebyshev")
        nearest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        order = np.argsort(np.take_along_axis(distances, nearest, axis=1), axis=1, kind="stable")
        indices = np.take_along_axis(nearest, order, axis=1)
        return np.take_along_axis(distances, indices, axis=1), indices

    return find
