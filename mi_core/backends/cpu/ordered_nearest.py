"""The k nearest in a defined order: by their distance, Euclidean or Chebyshev, and where distances tie around a ring given.

    euclidean   products of a tile of rows with all points (BLAS) -> bounds of the squared distances -> few candidates
                -> their squared distances in float64, summed column by column -> the k smallest, in order
    chebyshev   the strips of `brute`, which are exact -> the k smallest, in order

`nearest` leaves ties in any order. Here points are put in the order of the ring first, and of equals the first after the
point stays ahead.
"""

from __future__ import annotations

import numpy as np

from mi_core.backends.cpu import brute
from mi_core.backends.cpu.jit import jit
from mi_core.backends.cpu.workers import Workers
from mi_core.options import Metric
from mi_core.threads import one_blas_thread
from mi_core.types import FloatArray, IntArray, Progress, Samples

TILE_BYTES = 16 * 2**20  # of one thread's strip
TILE_ROWS = 32, 256  # fewest, for BLAS, and most, for progress
IN_SINGLE = 1024  # columns up to which products in float32 leave few candidates beside the k nearest
WIDEST_RANGE = 1e-30  # of squared norms that float32 holds beside the largest
SAFE = 1e100  # values whose squares neither overflow nor vanish
LARGEST_EXPONENT = 500
TINY = 1e-30  # beyond what vanishes in float32 products of norms around 1
FOR_CENTRE = 100  # rows


def ordered_nearest(
    points: Samples, k: int, metric: Metric, order: IntArray, *, threads: int, progress: Progress | None = None
) -> tuple[FloatArray, IntArray]:
    """Distances and indices (n, k) of each point's k nearest other points, nearest first.

    Args:
        points: (n, dim) samples.
        k: How many, below n.
        metric: "euclidean" or "chebyshev"; the distances are those of float64 arithmetic. Where Euclidean ones might overflow
            or vanish, all are divided by one power of two, which leaves their order and their ratios.
        order: (n,) permutation of the points, taken as a ring: of two at equal distance, the nearer is the one that comes first
            after the point itself. So many points that tie are not all given the same neighbours.
        threads: Most threads.
        progress: Told (rows done, n).
    """
    n = len(points)
    ordered = points[order]
    distances, places = np.empty((n, k)), np.empty((n, k), np.int64)
    find = by_euclid if metric == "euclidean" else by_chebyshev
    with Workers(threads, progress, n) as workers:
        find(ordered, distances, places, workers)
    rows = np.argsort(order)
    return distances[rows], order[places[rows]]


def by_chebyshev(points: Samples, distances: FloatArray, places: IntArray, workers: Workers) -> None:
    """Fill in distances and places (n, k)."""
    columns = brute.as_columns(points.astype(np.float64, copy=False))
    n = len(points)

    def work(first: int, last: int) -> None:
        strip = np.empty((last - first, n))
        brute.distances(columns, first, brute.TILE_POINTS, strip)
        select(strip, first, distances, places)

    workers.for_each_tile(work, n, brute.rows_of_a_tile(n, 1, 8), is_progress=True)


def by_euclid(points: Samples, distances: FloatArray, places: IntArray, workers: Workers) -> None:
    """Fill in distances and places (n, k).

    With a and b centred points rounded to the precision of products, u its unit and q their squared norms, squared distances by
    products differ from those summed in float64 by at most (dim / 2 + 9) u (|a| + |b|)^2, and by the rounding of the latter, at
    most dim u (|a| + |b|)^2. Both together stay below 2 c (q_a + q_b).
    """
    points = with_safe_squares(points)
    n, dim = points.shape
    rounded = around_middle(points, np.float32 if dim <= IN_SINGLE else np.float64)
    squares = np.einsum("ij,ij->i", rounded, rounded, dtype=np.float64)
    c = 2 * (dim + 8) * float(np.finfo(rounded.dtype).eps) / 2
    above, below = ((1 + sign * 2 * c) * squares.astype(rounded.dtype) for sign in (1, -1))
    slack = 4 * c * squares + TINY

    def work(first: int, last: int) -> None:
        products = rounded[first:last] @ rounded.T
        select_candidates(points, products, above, below, slack, first, distances, places)

    tile = int(np.clip(TILE_BYTES // (rounded.itemsize * n), *TILE_ROWS))
    with one_blas_thread():  # the workers are the threads
        workers.for_each_tile(work, n, tile, is_progress=True)
    np.sqrt(distances, out=distances)


def with_safe_squares(points: Samples) -> Samples:
    """Points whose squared distances neither overflow nor vanish down to 1e-312 of the largest value, by a power of two."""
    if points.dtype == np.float32:
        return points
    sizes = np.abs(points)
    largest = float(sizes.max())
    if largest == 0 or (largest < SAFE and sizes.min(where=sizes > 0, initial=np.inf) > 1 / SAFE):
        return points
    return np.ldexp(points, LARGEST_EXPONENT - int(np.frexp(largest)[1]))


def around_middle(points: Samples, dtype: type[np.floating]) -> Samples:
    """Points (n, dim) around their middle, at a typical norm of 1, or as near to it as the largest leaves room for."""
    middle = np.median(points[:FOR_CENTRE].astype(np.float64), axis=0)  # of any rows, as their order is random
    around = points - middle
    squares = np.einsum("ij,ij->i", around, around)
    scale = np.sqrt(max(float(np.median(squares)), WIDEST_RANGE * float(squares.max())))
    return (around / scale if scale > 0 else around).astype(dtype)


@jit
def select(strip, first, distances, places):
    """Fill in distances and places (n, k) of the queries from `first` on; strip (rows, n) has their distances to all."""
    distances[first : first + len(strip)] = np.inf
    for row in range(len(strip)):
        i = first + row
        for start, stop in ((i + 1, strip.shape[1]), (0, i)):
            for j in range(start, stop):
                if strip[row, j] < distances[i, -1]:
                    insert(distances[i], places[i], strip[row, j], j)


@jit
def select_candidates(points, products, above, below, slack, first, distances, places):
    """Fill in squared distances and places (n, k) of the queries from `first` on.

    products (rows, n) of these with all points; above - 2 products and below - 2 products - slack enclose the squared distances
    less what is the same for all points.
    """
    n = len(points)
    bounds = np.empty(n, dtype=products.dtype)
    nearest = np.empty(distances.shape[1], dtype=products.dtype)
    distances[first : first + len(products)] = np.inf
    for row in range(len(products)):
        i = first + row
        for j in range(n):
            bounds[j] = above[j] - 2 * products[row, j]
        brute.k_smallest(bounds, i, nearest)
        limit = nearest[-1] + slack[i]
        for start, stop in ((i + 1, n), (0, i)):
            for j in range(start, stop):
                if below[j] - 2 * products[row, j] <= limit:
                    squared = squared_distance(points, i, j)
                    if squared < distances[i, -1]:
                        insert(distances[i], places[i], squared, j)


@jit
def insert(ascending, places, distance, j):
    """Put a distance smaller than the last entry, and whose it is, into place: behind its equals, which came before."""
    place = len(ascending) - 1
    while place > 0 and ascending[place - 1] > distance:
        ascending[place] = ascending[place - 1]
        places[place] = places[place - 1]
        place -= 1
    ascending[place] = distance
    places[place] = j


@jit
def squared_distance(points, i, j):
    """Squared Euclidean distance of points i and j in float64, column by column."""
    total = 0.0
    for d in range(points.shape[1]):
        difference = np.float64(points[i, d]) - np.float64(points[j, d])
        total += difference * difference
    return total
