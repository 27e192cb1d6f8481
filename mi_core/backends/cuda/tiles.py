"""Many dimensions: all pairs of points, in square tiles, each the work of one block of threads.

A thread keeps the distances of MICRO x MICRO pairs in registers. The block loads some dimensions of its queries and points
into shared memory, every thread raises its distances, then come the next dimensions. In between each thread asks whether any of
its pairs is still within the reach of its query; where none is, it only loads for the others, and where no thread has any, the
block leaves the tile. Near points lie side by side (`order`), and the dimensions that tell most come first, so on layers of
networks warps do a third to a half of the work.

    1. find_nearest   the k nearest of each query so far, in lists; tiles around the query's own first, which tighten its reach
    2. settle_radii   lists of several blocks into one; the radius in float64, by one thread for each query
       settle_crowded the same where a list may be too short, by one block for each query
    3. count_nearer   the pairs strictly nearer than a radius that is known

float32 distances decide all but equalities (`mi_core.backends.cpu.brute` says why). Lists are a little longer than k, so that
all equals of the k-th distance are usually among them, and only those are looked at in float64; where there may be more, as on
rounded data and on images, whose values end at 0 and 1, all points are looked at again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mi_core.backends.cuda.device import (
    SIMULATED,
    Array,
    converted,
    cuda,
    device_function,
    kernel,
    launch,
    multiprocessors,
    xp,
)
from mi_core.backends.cuda.order import by_directions, by_spread, look_at

# In the simulator blocks are tiny, so that a few points cross all edges.
THREADS = 2 if SIMULATED else 16  # on each side of a block
VECTOR = 1 if SIMULATED else 4  # neighbouring points of one thread, which one load can bring
MICRO = 2 * VECTOR  # pairs of a thread on each side: 64 distances and 16 values are some 100 registers
TILE = THREADS * MICRO  # queries, and points, of a block
STRIP = THREADS + 1  # one more than is used, so that threads that read side by side find different banks
DEPTH = 4 if SIMULATED else 16  # dimensions loaded together
LOADED = DEPTH * TILE  # values of them
SHARED = 2 * LOADED  # values of queries and of points
LOADERS = THREADS * THREADS // TILE  # dimensions that all threads load at a time
ROW_THREADS = 4 if SIMULATED else 128  # of a block where each thread has a query of its own
CROWDED = -1.0  # in place of a radius
SPARE = 1 if SIMULATED else 4  # places of a list beyond k, for equals
MOST_RADII = 2 if SIMULATED else 8  # that one pass counts for
BLOCKS_PER_MULTIPROCESSOR = 4 if SIMULATED else 8  # of a launch: two run at a time, and tiles differ in work


class Points(NamedTuple):
    """Points of one space, near ones side by side."""

    order: Array  # (n,): the sample that each point is
    columns: Array  # (dims, n), both filled up with zeros to whole loads and tiles

    @property
    def n(self) -> int:
        """Number of points."""
        return len(self.order)


def arrange(samples: Array) -> Points:
    """Points of samples (n, dim) on the device."""
    n, dim = samples.shape
    look = look_at(samples)
    dims = by_spread(look)
    order = by_directions(samples, look, dims)
    columns = xp.zeros((-(-dim // DEPTH) * DEPTH, -(-n // TILE) * TILE), samples.dtype)
    columns[:dim, :n] = samples[order].T[dims]
    return Points(order, columns)


def find_radii(points: Points, queries: Array, ks: tuple[int, ...]) -> Array:
    """Radius (len(ks), m) in float64 of queries (m,), places in the order of points; ks ascending."""
    m = len(queries)
    n_tiles, row_tiles = -(-points.n // TILE), -(-m // TILE)
    splits = splits_of(row_tiles, n_tiles)
    room = min(ks[-1] + SPARE, points.n - 1)
    nearest = xp.full((1 + splits, room, m), np.inf, points.columns.dtype)
    index = xp.full(nearest.shape, -1, np.int32)
    reach = xp.full(m, np.inf, points.columns.dtype)
    for first_list, lists, first_step, last_step in ((0, 1, 0, 1), (1, splits, 1, n_tiles)):
        if first_step < last_step:
            lists_here = (
                points.columns,
                points.n,
                queries,
                first_step,
                last_step,
                reach,
                nearest[first_list:],
                index[first_list:],
            )
            launch(find_nearest, (row_tiles, lists), (THREADS, THREADS), *lists_here)
    radius = xp.empty((len(ks), m), np.float64)
    orders = xp.asarray(ks)
    launch(settle_radii, -(-m // ROW_THREADS), ROW_THREADS, points.columns, queries, orders, nearest, index, radius)
    crowded = xp.flatnonzero(radius == CROWDED)
    if len(crowded) > 0:
        launch(settle_crowded, len(crowded), ROW_THREADS, points.columns, points.n, queries, orders, nearest, crowded, radius)
    return radius


def count_within(points: Points, queries: Array, radius: Array) -> Array:
    """Counts (len(radius), m): other points strictly nearer than radius (len(radius), m), ascending, to queries (m,)."""
    m = len(queries)
    n_tiles, row_tiles = -(-points.n // TILE), -(-m // TILE)
    counts = -(radius > 0).astype(np.int64)  # each point is nearer to itself than any radius but 0
    with np.errstate(over="ignore"):
        rounded = converted(xp.where(radius > 0, radius, -1.0), points.columns.dtype)
    for first in range(0, len(radius), MOST_RADII):
        some = slice(first, first + MOST_RADII)
        grid = row_tiles, splits_of(row_tiles, n_tiles)
        launch(
            count_nearer, grid, (THREADS, THREADS), points.columns, points.n, queries, radius[some], rounded[some], counts[some]
        )
    return counts


def splits_of(row_tiles: int, n_tiles: int) -> int:
    """Among how many blocks the points of a row of tiles are divided, so that all multiprocessors have work."""
    return max(1, min(n_tiles, -(-BLOCKS_PER_MULTIPROCESSOR * multiprocessors() // row_tiles)))


# ------------------------------------------------------------------ one tile


@device_function
def place(thread, item):
    """Place in a tile of one of the MICRO items of a thread."""
    return (item // VECTOR) * (THREADS * VECTOR) + thread * VECTOR + item % VECTOR


@device_function
def tile_at(step, centre, n_tiles):
    """The tile to look at in a step: first the one at the centre, then those beside it, ever farther, all round."""
    away = (step + 1) // 2
    return (centre + (away if step % 2 == 1 else n_tiles - away)) % n_tiles


@device_function
def larger(a, b):
    """The larger of two numbers."""
    return max(a, b)


@device_function
def tile_distances(columns, queries, first_query, first_point, shared, reach, far):
    """Fill far (MICRO, MICRO) with the distances of a thread's pairs; whether any of the block's is within reach (MICRO,).

    Where none of a thread's is, its distances may be too small, but none is within reach. shared (2 * LOADED,) is the block's.
    """
    # Unsigned: a signed index is tested for being negative, which would double the work of the innermost loop.
    column, row = np.uint64(cuda.threadIdx.x), np.uint64(cuda.threadIdx.y)
    thread = row * np.uint64(THREADS) + column
    item = thread % np.uint64(TILE)
    query = np.uint64(queries[min(first_query + np.int64(item), len(queries) - 1)])
    point = np.uint64(first_point) + item
    for i in range(MICRO):
        for j in range(MICRO):
            far[i, j] = 0
    within = 1  # whether any pair of this thread is
    dim = thread // np.uint64(TILE)
    for _ in range(0, len(columns), DEPTH):
        for load in range(0, DEPTH, LOADERS):
            at = np.uint64(load * TILE) + thread
            shared[at] = columns[dim, query]
            shared[np.uint64(LOADED) + at] = columns[dim, point]
            dim += np.uint64(LOADERS)
        cuda.syncthreads()
        if within:
            start = np.uint64(0)
            while start < np.uint64(LOADED):
                here, there = start + row * np.uint64(VECTOR), start + column * np.uint64(VECTOR)
                for j in range(MICRO):
                    at = shared[there + np.uint64(LOADED + place(0, j))]
                    for i in range(MICRO):
                        far[i, j] = larger(far[i, j], abs(shared[here + np.uint64(place(0, i))] - at))
                start += np.uint64(TILE)
            within = 0
            for i in range(MICRO):
                for j in range(MICRO):
                    within |= far[i, j] <= reach[i]
        if not cuda.syncthreads_or(within):
            return False
    return True


# ------------------------------------------------------------------ the radius


@kernel
def find_nearest(columns, n, queries, first_step, last_step, reach, nearest, index):
    """Enter points into the lists nearest, index (lists, room, m) of queries (m,); reach (m,) is where their k-th is at most.

    Grid: (tiles of queries, lists). A block looks at every lists-th tile from first_step to last_step.
    """
    shared = cuda.shared.array(SHARED, columns.dtype)  # values of queries and points; then a strip of distances
    limits = cuda.shared.array(TILE, columns.dtype)
    far = cuda.local.array((MICRO, MICRO), columns.dtype)
    own_reach = cuda.local.array(MICRO, columns.dtype)
    column, row = cuda.threadIdx.x, cuda.threadIdx.y
    thread = row * THREADS + column
    first_query, own_list = cuda.blockIdx.x * TILE, cuda.blockIdx.y
    query = first_query + thread
    owns = thread < TILE and query < len(queries)
    room, n_tiles = nearest.shape[1], (n + TILE - 1) // TILE
    centre = queries[first_query] // TILE
    for step in range(first_step + own_list, last_step, cuda.gridDim.y):
        first_point = tile_at(step, centre, n_tiles) * TILE
        if thread < TILE:
            limits[thread] = -1
        if owns:
            limits[thread] = min(reach[query], nearest[own_list, room - 1, query])
        cuda.syncthreads()
        for i in range(MICRO):
            own_reach[i] = limits[place(row, i)]
        if not tile_distances(columns, queries, first_query, first_point, shared, own_reach, far):
            continue
        for item in range(MICRO):
            # Compared rather than indexed by: what is indexed by a variable cannot stay in registers.
            for j in range(MICRO):
                if j == item:
                    for i in range(MICRO):
                        shared[place(row, i) * STRIP + column] = far[i, j]
            cuda.syncthreads()
            if owns:
                for other in range(THREADS):
                    distance = shared[thread * STRIP + other]
                    if distance < nearest[own_list, room - 1, query] and distance <= limits[thread]:
                        point = first_point + place(other, item)
                        if point < n and point != queries[query]:
                            insert(nearest, index, own_list, query, distance, point)
            cuda.syncthreads()
        if owns:
            cuda.atomic.min(reach, query, nearest[own_list, room - 1, query])


@device_function
def insert(nearest, index, own_list, query, distance, point):
    """Put a point, nearer than the last one of a list, into its place; the last one falls out."""
    slot = nearest.shape[1] - 1
    while slot > 0 and nearest[own_list, slot - 1, query] > distance:
        nearest[own_list, slot, query] = nearest[own_list, slot - 1, query]
        index[own_list, slot, query] = index[own_list, slot - 1, query]
        slot -= 1
    nearest[own_list, slot, query] = distance
    index[own_list, slot, query] = point


@kernel
def settle_radii(columns, queries, ks, nearest, index, radius):
    """Radius (len(ks), m) in float64 of queries (m,) from their lists nearest, index (lists, room, m), joined in the first.

    CROWDED where more points may be at the k-th distance than the list holds.
    """
    query = cuda.grid(1)
    if query >= len(queries):
        return
    room = nearest.shape[1]
    for other in range(1, len(nearest)):
        for slot in range(room):
            distance = nearest[other, slot, query]
            if not distance < nearest[0, room - 1, query]:
                break
            insert(nearest, index, 0, query, distance, index[other, slot, query])
    for m in range(len(ks)):
        radius[m, query] = kth_radius(columns, queries[query], ks[m], nearest, index, query)


@device_function
def kth_radius(columns, own, k, nearest, index, query):
    """Distance in float64 from point `own`, the query, to its k-th neighbour; or CROWDED."""
    room = nearest.shape[1]
    rounded = nearest[0, k - 1, query]
    if columns.itemsize == 8 or rounded == 0:  # a float32 difference is 0 only between equal values
        return np.float64(rounded)
    if nearest[0, room - 1, query] == rounded:
        return CROWDED
    wanted = among_equals(k, nearest, query)
    floor = -1.0
    for _ in range(k):  # each time takes one at least
        least, equal = np.inf, 0
        for slot in range(room):
            if nearest[0, slot, query] == rounded:
                distance = exact_distance(columns, own, index[0, slot, query])
                if floor < distance < least:
                    least, equal = distance, 0
                equal += distance == least
        wanted -= equal
        floor = least
        if wanted <= 0:
            break
    return floor


@device_function
def among_equals(k, nearest, query):
    """Which of the neighbours at the float32 distance of the k-th, by size in float64, is the k-th: no other can be."""
    wanted = k
    for slot in range(k):
        wanted -= nearest[0, slot, query] < nearest[0, k - 1, query]
    return wanted


@kernel
def settle_crowded(columns, n, queries, ks, nearest, crowded, radius):
    """Fill in radius (len(ks), m) at places crowded (c,), counted row by row, from all points. Grid: (c,)."""
    least_of = cuda.shared.array(ROW_THREADS, np.float64)
    equal_of = cuda.shared.array(ROW_THREADS, np.int64)
    thread = cuda.threadIdx.x
    m, query = crowded[cuda.blockIdx.x] // len(queries), crowded[cuda.blockIdx.x] % len(queries)
    own, rounded = queries[query], nearest[0, ks[m] - 1, query]
    wanted = among_equals(ks[m], nearest, query)
    floor = -1.0
    for _ in range(ks[m]):
        least, equal = np.inf, 0
        for point in range(thread, n, ROW_THREADS):
            if point != own and distance_is(columns, own, point, rounded):
                distance = exact_distance(columns, own, point)
                if floor < distance < least:
                    least, equal = distance, 0
                equal += distance == least
        least_of[thread], equal_of[thread] = least, equal
        cuda.syncthreads()
        least, equal = np.inf, 0  # of all threads, found by each
        for other in range(ROW_THREADS):
            if least_of[other] < least:
                least, equal = least_of[other], 0
            if least_of[other] == least:
                equal += equal_of[other]
        cuda.syncthreads()
        wanted -= equal
        floor = least
        if wanted <= 0:
            break
    if thread == 0:
        radius[m, query] = floor


@device_function
def distance_is(columns, a, b, wanted):
    """Whether the distance of two points, in the precision of columns, is the one wanted."""
    found = False
    for dim in range(len(columns)):
        apart = abs(columns[dim, a] - columns[dim, b])
        if apart > wanted:
            return False
        found |= apart == wanted
    return found


@device_function
def exact_distance(columns, a, b):
    """Distance of two points in float64."""
    far = 0.0
    for dim in range(len(columns)):
        far = max(far, abs(np.float64(columns[dim, a]) - np.float64(columns[dim, b])))
    return far


# ------------------------------------------------------------------ counts


@kernel
def count_nearer(columns, n, queries, radius, rounded, counts):
    """Add to counts (radii, m) the points strictly nearer than radius (radii, m) to queries (m,), these themselves among them.

    rounded (radii, m) has radius in the precision of columns, -1 for a radius of 0. Grid: (tiles of queries, splits).
    """
    shared = cuda.shared.array(SHARED, columns.dtype)
    totals = cuda.shared.array((MOST_RADII, TILE), np.int32)
    far = cuda.local.array((MICRO, MICRO), columns.dtype)
    own_reach = cuda.local.array(MICRO, columns.dtype)
    column, row = cuda.threadIdx.x, cuda.threadIdx.y
    thread = row * THREADS + column
    first_query = cuda.blockIdx.x * TILE
    n_tiles = (n + TILE - 1) // TILE
    centre = queries[first_query] // TILE
    for item in range(thread, MOST_RADII * TILE, THREADS * THREADS):
        totals[item // TILE, item % TILE] = 0
    for i in range(MICRO):
        query = first_query + place(row, i)
        own_reach[i] = -1
        if query < len(queries):
            own_reach[i] = rounded[len(rounded) - 1, query]
    for step in range(cuda.blockIdx.y, n_tiles, cuda.gridDim.y):
        first_point = tile_at(step, centre, n_tiles) * TILE
        if not tile_distances(columns, queries, first_query, first_point, shared, own_reach, far):
            continue
        for m in range(len(rounded)):
            for i in range(MICRO):
                query = first_query + place(row, i)
                if query < len(queries):
                    nearer = 0
                    for j in range(MICRO):
                        point = first_point + place(column, j)
                        if far[i, j] <= rounded[m, query] and point < n:
                            nearer += far[i, j] < rounded[m, query] or exactly_nearer(
                                columns, queries[query], point, radius[m, query]
                            )
                    if nearer > 0:
                        cuda.atomic.add(totals, (m, place(row, i)), nearer)
    cuda.syncthreads()
    for item in range(thread, len(rounded) * TILE, THREADS * THREADS):
        query = first_query + item % TILE
        if query < len(queries):
            cuda.atomic.add(counts, (item // TILE, query), totals[item // TILE, item % TILE])


@device_function
def exactly_nearer(columns, a, b, radius):
    """Whether two points are strictly nearer than radius in float64."""
    for dim in range(len(columns)):  # noqa: SIM110  kernels know no generators
        if abs(np.float64(columns[dim, a]) - np.float64(columns[dim, b])) >= radius:
            return False
    return True
