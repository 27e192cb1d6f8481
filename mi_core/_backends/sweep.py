"""The sweep: many dimensions, where a tree's boxes hardly tell points apart, but a few dimensions of each query do.

Points stand in the blocks of one block tree (`mi_core._backends._block_tree`), x and y being ranges of its dimensions, and
once more as bytes: each value in whole steps of a 48th of a typical radius. 32 bytes are one vector, and two instructions tell
for 32 points whether they are within reach of a query in one dimension. The 32 queries of a block go together over all others:

    1. first_radii   the nearest points of the queries' own block bound each radius from above
    2. aim           each query ranks its dimensions by how many points of a sample they alone put out of reach
    3. survivors     32 points at a time, in that order of dimensions, until next to none is in reach
    4. the rest      is checked exactly, a row at a time

Of 400 dimensions of independent Gaussians, or of real layers, most points are out of reach after one, 32 points together after
some 40. Bytes never drop a neighbour: clipping brings values nearer to each other, rounding down parts them by less than one
step, which is added to the radius, and an offset that wraps round can only let a point through. What bytes let through is
decided as in `mi_core._backends.tree`: in the precision of the data, and in float64 where that leaves a tie.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mi_core._backends._block_tree import SAMPLE, build_tree
from mi_core._backends._jit import jit
from mi_core._backends._lanes import (
    LANES,
    at,
    at_most,
    bit_count,
    larger_distance,
    larger_offset,
    largest,
    load,
    load_float64,
    lowest_bit,
    prefetch,
    splat,
)
from mi_core._backends._tiles import Workers
from mi_core._backends.tree import count_bounds, first_lanes, inlined, insert, warm_bounds
from mi_core._prepare import joined, middle
from mi_core._types import FloatArray, IntArray, Progress, Samples

STEPS = 48  # in a typical radius: more leave fewer points to check exactly, fewer let larger radii fit
REACH = 96  # steps of the largest radius for which bytes are of use
TOP = 255 - 2 * STEPS  # largest byte of a point: offsets wrap round into the window only where a radius spans more than STEPS
SLACK = 1e-6  # of a step and of a radius: float32 rounds the latter by 6e-8, float64 the scaled values by 1e-13
LOOK = 16  # dimensions between two looks at how many points are still in reach
PATIENCE = 48  # dimensions after which
FEW = 2  # points of a block that are left are sooner checked one by one
TILE_BLOCKS = 4
ALL = np.uint64(2**LANES - 1)


class Points(NamedTuple):
    """All points, in the order of the tree."""

    order: NDArray[np.uint32]  # (n,): the row of each point
    blocks: Samples  # (n_blocks, dims, LANES): coordinates, the dimensions of x before those of y
    codes: NDArray[np.uint8]  # (n_blocks, dims, LANES): the same in whole steps, 0 to TOP
    sample: NDArray[np.uint8]  # (dims, SAMPLE): codes of some points
    rows: Samples  # (n, width): coordinates, each side filled up with zeros to a multiple of LANES
    steps_per_unit: float


class Range(NamedTuple):
    """The dimensions of one side, or of both: where they are in blocks and codes, and in rows."""

    first: int
    last: int
    first_column: int
    last_column: int


class Targets(NamedTuple):
    """The 32 queries of a block, each with its dimensions in the order in which to look at them; filled by `aim`."""

    codes: NDArray[np.uint8]  # (LANES, dims): the query itself
    offsets: NDArray[np.int32]  # (LANES, dims): where each dimension starts in a block


def neighbour_counts(
    blocks: tuple[Samples, ...],
    sides: tuple[tuple[int, int], ...],
    ks: tuple[int, ...],
    *,
    threads: int,
    progress: Progress | None = None,
    tile_blocks: int = TILE_BLOCKS,
) -> tuple[FloatArray, IntArray]:
    """Radius (len(ks), n) and counts (len(sides), len(ks), n) for ascending ks; the contract of `mi_core._backends`."""
    n = len(blocks[0])
    orders = np.array(ks)
    radius = np.empty((len(ks), n))
    counts = np.empty((len(sides), len(ks), n), np.int64)
    n_blocks = -(-n // LANES)
    with Workers(threads, progress, n_blocks * (1 + len(sides) * len(ks))) as workers:
        points, ranges = encode(blocks, ks[-1], workers)
        both = Range(ranges[0].first, ranges[-1].last, ranges[0].first_column, ranges[-1].last_column)

        def find_radii(first: int, last: int) -> None:
            radius_tile(points, both, orders, radius, first, last)

        workers.for_each_tile(find_radii, n_blocks, tile_blocks, is_progress=True)
        for (start, stop), out in zip(sides, counts, strict=True):
            a, b = ranges[start], ranges[stop - 1]
            count_side(points, Range(a.first, b.last, a.first_column, b.last_column), radius, out, tile_blocks, workers)
    return radius, counts


def count_nearer(points: Samples, radius: FloatArray, *, threads: int, progress: Progress | None = None) -> IntArray:
    """Counts (m, n) of other points strictly nearer than radius (m, n); the contract of `mi_core._backends`."""
    counts = np.empty(radius.shape, np.int64)
    with Workers(threads, progress, -(-len(points) // LANES) * len(radius)) as workers:
        encoded, ranges = encode((points,), 1, workers)
        count_side(encoded, ranges[0], radius, counts, TILE_BLOCKS, workers)
    return counts


def count_side(points: Any, side: Any, radius: FloatArray, counts: IntArray, tile_blocks: int, workers: Workers) -> None:
    """Counts (m, n): other points strictly nearer than radius (m, n) in a range of dimensions."""
    for m in range(len(radius)):
        within, reach = count_bounds(radius[m], points.rows.dtype)

        def count(first: int, last: int, m: int = m, within: Any = within, reach: Any = reach) -> None:
            count_tile(points, side, radius[m], within, reach, counts[m], first, last)

        workers.for_each_tile(count, len(points.blocks), tile_blocks, is_progress=True)


# ------------------------------------------------------------------ bytes


def encode(all_blocks: tuple[Samples, ...], k: int, workers: Workers) -> tuple[Points, list[Range]]:
    """The points in the order of a tree, and where each block of dimensions is."""
    tree = build_tree(np.ascontiguousarray(joined(all_blocks).T), workers)
    widths = [-(-block.shape[1] // LANES) * LANES for block in all_blocks]
    rows = np.zeros((len(all_blocks[0]), sum(widths)), tree.blocks.dtype)
    ranges = []
    dim = column = 0
    for block, width in zip(all_blocks, widths, strict=True):
        ranges.append(Range(dim, dim + block.shape[1], column, column + width))
        rows[:, column : column + block.shape[1]] = block[tree.order]
        dim, column = dim + block.shape[1], column + width
    n_blocks = len(tree.blocks)
    some = np.arange(0, n_blocks, max(1, n_blocks // 32))
    typical = middle(first_radii(tree.blocks, some, len(rows), k))
    with np.errstate(over="ignore", divide="ignore"):
        steps_per_unit = float(np.clip(STEPS / typical, 1e-300, 1e300))
    codes = np.empty(tree.blocks.shape, np.uint8)
    centre = middle(tree.sample.astype(np.float64))
    workers.for_each_tile(lambda a, b: encode_tile(tree.blocks, centre, steps_per_unit, codes, a, b), n_blocks, TILE_BLOCKS)
    spaced = np.arange(SAMPLE) * len(rows) // SAMPLE
    sample = np.ascontiguousarray(codes[spaced // LANES, :, spaced % LANES].T)
    return Points(tree.order, tree.blocks, codes, sample, rows, steps_per_unit), ranges


@jit
def first_radii(blocks, some, n, k):
    """Distances to the k-th neighbour within their own block, or to the last one there, of all points of some blocks."""
    least = np.empty((min(k, LANES - 1) + 1, LANES), blocks.dtype)
    found = np.empty(len(some) * LANES)
    filled = 0
    for block in some:
        warm_bounds(blocks, block, least)
        for lane in range(min(LANES, n - block * LANES)):
            j = len(least) - 1
            while least[j, lane] == np.inf and j > 0:
                j -= 1
            found[filled] = least[j, lane]
            filled += 1
    return found[:filled]


@jit
def encode_tile(blocks, centre, steps_per_unit, codes, first, last):
    """Codes = blocks in whole steps from the centre (dims,) of each dimension, clipped to 0..TOP; monotone in each value."""
    for block in range(first, last):
        for dim in range(blocks.shape[1]):
            for lane in range(LANES):
                steps = (np.float64(blocks[block, dim, lane]) - centre[dim]) * steps_per_unit + 0.5 * TOP
                codes[block, dim, lane] = np.uint8(min(max(steps, 0.0), np.float64(TOP)))


@inlined
def reach_in_steps(radius, steps_per_unit):
    """How far apart, at most, the codes of two values are that differ by no more than radius, however it was rounded."""
    return np.float64(radius) * (1 + SLACK) * steps_per_unit + (1 + SLACK)


@jit
def aim(points, dims, block, lane, radius, targets, votes):
    """Set target `lane` to that query of `block`: the dimensions of the range, those first that tell most.

    A dimension tells as much as it puts points of a sample out of reach in it alone. votes (2, SAMPLE + 1 or dims) is scratch.
    """
    points.blocks.shape[1]
    reach = min(reach_in_steps(radius, points.steps_per_unit), np.float64(REACH))
    window = splat(np.uint8(2 * np.int64(reach)))
    begins = votes[1]
    begins[: SAMPLE + 1] = 0
    for dim in range(dims.first, dims.last):
        start = splat(np.uint8(np.int64(points.codes[block, dim, lane]) - np.int64(reach)))
        near = 0
        for part in range(0, SAMPLE, LANES):
            offsets = larger_offset(splat(np.uint8(0)), load(points.sample, dim * SAMPLE + part), start)
            near += bit_count(at_most(offsets, window))
        votes[0, dim - dims.first] = near
        begins[near] += 1
    first = 0
    for near in range(SAMPLE + 1):  # counting sort, fewest near points first
        first, begins[near] = first + begins[near], first
    for dim in range(dims.first, dims.last):
        near = votes[0, dim - dims.first]
        rank = begins[near]
        begins[near] += 1
        targets.offsets[lane, rank] = dim * LANES
        targets.codes[lane, rank] = points.codes[block, dim, lane]


@inlined
def survivors(points, targets, lane, block, radius):
    """Bit i: point i of `block` may be within radius of a target; few of those that are not are left."""
    n = len(points.order)
    bits = first_lanes(n - block * LANES)
    steps = reach_in_steps(radius, points.steps_per_unit)
    if not steps <= REACH:
        return bits
    reach = np.int64(steps)
    window = splat(np.uint8(2 * reach))
    dims = targets.codes.shape[1]
    here, start = lane * dims, block * points.codes.shape[1] * LANES
    most = splat(np.uint8(0))
    looked = 0
    while looked < dims:
        for rank in range(here + looked, here + min(looked + LOOK, dims)):
            codes = load(points.codes, start + np.intp(at(targets.offsets, rank)))
            most = larger_offset(most, codes, splat(np.uint8(np.int64(at(targets.codes, rank)) - reach)))
        looked += LOOK
        in_reach = at_most(most, window)
        if in_reach == 0 or (looked >= PATIENCE and bit_count(in_reach) <= FEW):
            return in_reach & bits
    return at_most(most, window) & bits


# ------------------------------------------------------------------ exact distances


@inlined
def fetch(rows, dims, block, bits):
    """Have the rows of those points of `block` on their way from memory before they are needed."""
    while bits:
        row = (block * LANES + lowest_bit(bits)) * rows.shape[1]
        bits &= bits - np.uint64(1)
        for column in range(dims.first_column, dims.last_column, LANES):
            prefetch(rows, row + column)


@inlined
def row_distance(rows, a, b, dims, limit):
    """Distance of points a and b of rows in a range, in the precision of the data; any value above limit once it is."""
    a, b = a * rows.shape[1], b * rows.shape[1]
    far = splat(rows.dtype.type(0))
    for column in range(dims.first_column, dims.last_column, LANES):
        far = larger_distance(far, load(rows, a + column), load(rows, b + column))
        if at_most(far, splat(limit)) != ALL:
            break
    return largest(far)


@inlined
def row_distance_float64(rows, a, b, dims):
    """The same in float64, and to the end."""
    a, b = a * rows.shape[1], b * rows.shape[1]
    far = splat(np.float64(0))
    for column in range(dims.first_column, dims.last_column, LANES):
        far = larger_distance(far, load_float64(rows, a + column), load_float64(rows, b + column))
    return largest(far)


# ------------------------------------------------------------------ the radius


@jit
def radius_tile(points, dims, ks, radius, first, last):
    """Radius (len(ks), n) of the queries of blocks first to last: distances to their ks-th neighbours."""
    n, k = len(points.order), ks[-1]
    n_blocks = len(points.blocks)
    targets = Targets(np.empty((LANES, dims.last), np.uint8), np.empty((LANES, dims.last), np.int32))
    votes = np.empty((2, max(dims.last, SAMPLE + 1)), np.int64)
    nearest = np.empty((LANES, k))
    least = np.empty((k + 1, LANES), points.blocks.dtype)
    bounds = np.empty(LANES, points.blocks.dtype)
    todo = np.empty(LANES, np.uint64)
    for block in range(first, last):
        start = block * LANES
        queries = min(LANES, n - start)
        nearest[:] = np.inf
        least[k] = np.inf
        if k < LANES:
            warm_bounds(points.blocks, block, least)
        for lane in range(queries):
            aim(points, dims, block, lane, least[k, lane], targets, votes)
            bits = survivors(points, targets, lane, block, least[k, lane])
            bounds[lane] = enter(points, dims, start + lane, block, bits, nearest[lane], least[k, lane])
        for step in range(1, n_blocks):  # outwards from the own block, around which the nearest points are
            for other in (block - step, block + step):
                if 0 <= other < n_blocks:
                    for lane in range(queries):
                        todo[lane] = 0
                        if bounds[lane] >= 0:
                            todo[lane] = survivors(points, targets, lane, other, bounds[lane])
                            fetch(points.rows, dims, other, todo[lane])
                    for lane in range(queries):
                        bounds[lane] = enter(points, dims, start + lane, other, todo[lane], nearest[lane], bounds[lane])
        for lane in range(queries):
            for m in range(len(ks)):
                radius[m, points.order[start + lane]] = nearest[lane, ks[m] - 1]


@inlined
def enter(points, dims, query, block, bits, nearest, bound):
    """Enter those points of `block` into nearest (k,), ascending, of a query; return the bound that is left for others."""
    while bits:
        point = block * LANES + lowest_bit(bits)
        bits &= bits - np.uint64(1)
        if point == query or row_distance(points.rows, query, point, dims, bound) > bound:
            continue
        distance = row_distance_float64(points.rows, query, point, dims)
        if distance < nearest[-1]:
            insert(nearest, distance)
            if nearest[-1] == 0:  # as near as can be: nothing else needs a look
                return points.rows.dtype.type(-1)
            if nearest[-1] < np.inf:
                bound = min(bound, points.rows.dtype.type(nearest[-1]))
    return bound


# ------------------------------------------------------------------ the counts


@jit
def count_tile(points, dims, radius, within, reach, counts, first, last):
    """Counts (n,) of the queries of blocks first to last: others strictly nearer than radius (n,) in a range of dimensions."""
    n, n_dims = len(points.order), dims.last - dims.first
    targets = Targets(np.empty((LANES, n_dims), np.uint8), np.empty((LANES, n_dims), np.int32))
    votes = np.empty((2, max(n_dims, SAMPLE + 1)), np.int64)
    todo = np.empty(LANES, np.uint64)
    for block in range(first, last):
        start = block * LANES
        queries = points.order[start : min(n, start + LANES)]
        for lane in range(len(queries)):
            aim(points, dims, block, lane, reach[queries[lane]], targets, votes)
            counts[queries[lane]] = -1 if radius[queries[lane]] > 0 else 0  # the query itself
        for other in range(len(points.blocks)):
            for lane in range(len(queries)):
                todo[lane] = 0
                if radius[queries[lane]] > 0:
                    todo[lane] = survivors(points, targets, lane, other, reach[queries[lane]])
                    fetch(points.rows, dims, other, todo[lane])
            for lane in range(len(queries)):
                if todo[lane]:
                    row = queries[lane]
                    counts[row] += count_query(
                        points, dims, start + lane, other, todo[lane], radius[row], within[row], reach[row]
                    )


@inlined
def count_query(points, dims, query, block, bits, radius, within, reach):
    """How many of those points of `block` are strictly nearer than radius to a query."""
    count = 0
    while bits:
        point = block * LANES + lowest_bit(bits)
        bits &= bits - np.uint64(1)
        distance = row_distance(points.rows, query, point, dims, reach)
        if distance < within:
            count += 1
        elif distance <= reach:
            count += row_distance_float64(points.rows, query, point, dims) < radius
    return count
