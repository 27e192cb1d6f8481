"""The filter: many dimensions, where a tree's boxes hardly tell points apart, but a few dimensions of each query do.

Points lie in blocks of 64, near ones side by side, in three precisions (`filter_codes`). 64 bytes are one vector, and two
instructions tell for 64 points whether they are within reach of a query in one dimension. The queries of a tile go together
over all blocks:

    1. rank        each query puts first those dimensions that alone put most points out of its reach
    2. look_near   the points of the query's own block that look nearest bound its radius from above
    3. near_box    64 queries at a time: who reaches into the box of a block at all
    4. within      64 points at a time, in the query's order of dimensions, until none or next to none is in reach
    5. the rest    one by one, in 16 bits; and exactly, where those leave a doubt

Of 400 dimensions of independent Gaussians, or of real layers, most points are out of reach after one, 64 points together after
some 40. Coarse steps never drop a neighbour: clipping brings values nearer to each other, rounding parts them by less than one
step, which is added to the radius, and a byte that wraps round can only let a point through.

Images are clipped at black and white, and a radius often is just that difference, or more: all points would come to step 5.
So a radius larger than any difference counts everybody unseen, and the reach of a black pixel ends before those whites that are
the radius away, that of a white one before such blacks (`slide`): exactly, since these values have bytes of their own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mi_core.backends.cpu.filter_codes import ENDS, NO_ENDS, REACH, SHORT_TOP, TOP, Ends, Points, Range, encode, typical_radii
from mi_core.backends.cpu.jit import inlined, jit
from mi_core.backends.cpu.least import insert
from mi_core.backends.cpu.left_out import NOBODY
from mi_core.backends.cpu.order import lowest_and_highest, places_in_order
from mi_core.backends.cpu.simd import (
    BYTES,
    LANES,
    above,
    at,
    at_most,
    bit_count,
    larger_distance,
    larger_excess,
    larger_offset,
    largest,
    load,
    load_float64,
    lowest_bit,
    prefetch,
    splat,
)
from mi_core.backends.cpu.workers import WHOLE, Workers
from mi_core.backends.reached import in_order, to_count
from mi_core.types import FloatArray, IntArray, Progress, Samples, Share

SLACK = 1e-6  # of a radius in steps, far above what float64 rounds
LOOK = 8  # dimensions between two looks at how many points are still in reach
CHECK = 64  # dimensions looked at in the time that checking a point one by one takes
SHORT_LOOK = 4 * LANES  # dimensions between two looks at whether a single point is still in reach
NEVER = 2**40  # dimensions: more than there are
BOX_LOOK = 16  # dimensions between two looks at how many queries still reach a box
TILE_BLOCKS = 2  # of queries: more share what they read, until their own tables leave the L2 cache
FARTHEST = 127  # reach in steps from which bytes are of no use
ALL = ~np.uint64(0)


class Targets(NamedTuple):
    """The queries of a tile: each with its dimensions in the order in which to look at them."""

    offsets: NDArray[np.int32]  # (queries, padded): where each dimension starts in a block
    codes: NDArray[np.uint8]  # (queries, padded): the query's own
    starts: NDArray[np.uint8]  # (queries, padded): the smallest code in reach, modulo 256
    reach: NDArray[np.int64]  # (queries,): in steps of codes
    limits: NDArray[np.uint8]  # (queries, up to whole blocks): the same as bytes, 255 for no limit
    found: NDArray[np.uint64]  # (BYTES,): the points of a block that each query has yet to look at


class Side(NamedTuple):
    """Some of the dimensions, in which to count."""

    dims: Range
    whole: NDArray[np.uint64]  # (n_blocks,): bits of the points none of whose codes was clipped there
    ends: Ends  # those of its part; none where it has several
    moved: int  # most steps by which codes may lie nearer to each other because of ends
    widest: float  # no two of its points are farther apart


class Index(NamedTuple):
    """All that is prepared before the first query."""

    points: Points
    joint: Range
    sides: tuple[Side, ...]


def neighbour_counts(
    parts: tuple[Samples, ...],
    sides: tuple[tuple[int, int], ...],
    ks: tuple[int, ...],
    *,
    threads: int,
    progress: Progress | None = None,
    left_out: IntArray = NOBODY,
    reached: bool = False,
    tile_blocks: int = TILE_BLOCKS,
) -> tuple[FloatArray, IntArray]:
    """Radius (len(ks), n) and counts (len(sides), len(ks), n) for ascending ks; the contract of `mi_core.backends`."""
    with Workers(threads, progress, -(-len(parts[0]) // BYTES) * (1 + len(sides))) as workers:
        index = prepare(parts, sides, ks, workers)
        return answer(index, ks, workers, left_out=left_out, reached=reached, tile_blocks=tile_blocks)


def prepare(parts: tuple[Samples, ...], sides: tuple[tuple[int, int], ...], ks: tuple[int, ...], workers: Workers) -> Index:
    """All that does not depend on who asks; the contract of `mi_core.backends`."""
    points, ranges, ends = encode(parts, typical_radii(parts, ks[-1], workers), workers)
    spread = spread_of(points)
    return Index(
        points, union(ranges), tuple(index_side(points, spread, ranges[start:stop], ends[start:stop]) for start, stop in sides)
    )


def answer(
    index: Index,
    ks: tuple[int, ...],
    workers: Workers,
    share: Share = WHOLE,
    *,
    left_out: IntArray = NOBODY,
    reached: bool = False,
    tile_blocks: int = TILE_BLOCKS,
) -> tuple[FloatArray, IntArray]:
    """Radius and counts of a share of the queries, zeros beside them; the contract of `mi_core.backends`."""
    n = len(index.points.order)
    orders = np.array(ks)
    radius = np.zeros((len(ks), n))

    def find_radii(first: int, last: int) -> None:
        radius_tile(index.points, index.joint, orders, left_out, radius, first, last)

    workers.for_each_tile(find_radii, len(index.points.codes), tile_blocks, is_progress=True, share=share)
    within = to_count(radius, reached)
    counts = np.zeros((len(index.sides), len(within), n), np.int64)
    for side, out in zip(index.sides, counts, strict=True):
        count_side(index.points, side, within, out, tile_blocks, workers, share)
    return radius, in_order(counts, radius, reached)


def count_nearer(points: Samples, radius: FloatArray, *, threads: int, progress: Progress | None = None) -> IntArray:
    """Counts (m, n) of other points strictly nearer than radius (m, n); the contract of `mi_core.backends`."""
    counts = np.empty(radius.shape, np.int64)
    with Workers(threads, progress, -(-len(points) // BYTES)) as workers:
        encoded, ranges, ends = encode((points,), radius[-1], workers)
        count_side(encoded, index_side(encoded, spread_of(encoded), ranges, ends), radius, counts, TILE_BLOCKS, workers)
    return counts


def union(ranges: list[Range]) -> Range:
    """All of some consecutive ranges."""
    return Range(ranges[0].first, ranges[-1].last, ranges[0].first_column, ranges[-1].last_column)


def spread_of(points: Points) -> FloatArray:
    """(width,): the largest difference of any two points in each dimension."""
    spread: FloatArray = points.rows.max(axis=0).astype(np.float64) - points.rows.min(axis=0).astype(np.float64)
    return spread


def index_side(points: Points, spread: FloatArray, ranges: list[Range], ends: list[Ends]) -> Side:
    """The side that some consecutive parts make up."""
    dims = union(ranges)
    widest = float(spread[dims.first_column : dims.last_column].max())
    moved = 2 * ENDS if any(len(own.lowest) > 0 for own in ends) else 0
    return Side(dims, unclipped(points, dims), ends[0] if len(ends) == 1 else NO_ENDS, moved, widest)


def count_side(
    points: Points,
    side: Side,
    radius: FloatArray,
    counts: IntArray,
    tile_blocks: int,
    workers: Workers,
    share: Share = WHOLE,
) -> None:
    """Counts (m, n): other points strictly nearer than radius (m, n) in one side."""

    def work(first: int, last: int) -> None:
        count_tile(points, side, radius, counts, first, last)

    workers.for_each_tile(work, len(points.codes), tile_blocks, is_progress=True, share=share)


# ------------------------------------------------------------------ bytes


@jit
def new_targets(queries, dims):
    """Room for the queries of a tile in a range of dimensions; the last dimension is repeated up to whole looks."""
    padded = -(-(dims.last - dims.first) // LOOK) * LOOK
    return Targets(
        np.empty((queries, padded), np.int32),
        np.empty((queries, padded), np.uint8),
        np.empty((queries, padded), np.uint8),
        np.full(queries, FARTHEST),
        np.full(-(-queries // BYTES) * BYTES, 255, np.uint8),
        np.zeros(BYTES, np.uint64),
    )


@jit
def rank(points, dims, block, lane, target, targets, begins, votes):
    """Put the dimensions of a query in order, those first that put most points out of reach; take how many off votes (dims,).

    A counting sort; begins (256,) is scratch, and so are the query's starts, which are set later.
    """
    begins[:] = 0
    last = dims.last - dims.first
    for place in range(last):
        dim = dims.first + place
        far = points.telling[dim, points.codes[block, dim, lane]]
        targets.starts[target, place] = far
        votes[place] -= far
        begins[far] += 1
    before = np.int32(0)
    for far in range(255, -1, -1):
        many = begins[far]
        begins[far] = before
        before += many
    for place in range(last):
        far = targets.starts[target, place]
        to = begins[far]
        begins[far] = to + 1
        dim = dims.first + place
        targets.offsets[target, to] = dim * BYTES
        targets.codes[target, to] = points.codes[block, dim, lane]
    targets.offsets[target, last:] = targets.offsets[target, last - 1]
    targets.codes[target, last:] = targets.codes[target, last - 1]


@inlined
def reach_of(radius, steps_per_unit):
    """How far apart, at most, the steps of two values are that differ by less than radius; at least 1."""
    return np.floor(radius * steps_per_unit * (1 + SLACK) + 1 + SLACK)


@inlined
def sure_of(radius, steps_per_unit):
    """How far apart, at most, the steps of two values may be that surely differ by less than radius; -1 at least."""
    return max(np.floor(radius * steps_per_unit * (1 - SLACK) - 1 - SLACK), -1.0)


@jit
def set_reach(targets, target, radius, steps_per_unit):
    """Tell a query how far to look from now on."""
    reach = np.int64(min(max(reach_of(radius, steps_per_unit), np.float64(ENDS)), np.float64(FARTHEST)))
    if reach < targets.reach[target]:
        targets.reach[target] = reach
        targets.limits[target] = reach
        for place in range(targets.codes.shape[1]):
            targets.starts[target, place] = targets.codes[target, place] - np.uint8(reach)


@jit
def slide(targets, target, radius, ends):
    """For a query at one end of a dimension, end its reach before the values at the other end that are radius away.

    The range keeps its width, so it begins farther out, but there are no points beyond the query's own end.
    """
    reach = targets.reach[target]
    for place in range(targets.codes.shape[1]):
        code = np.int64(targets.codes[target, place])
        start = code - reach
        away = 0
        if code - ends.bottom < len(ends.lowest):
            for value in ends.highest:
                away += value - ends.lowest[code - ends.bottom] >= radius
            if away > 0:
                start = min(start, ends.top - away - 2 * reach)
        elif ends.top - code < len(ends.highest):
            for value in ends.lowest:
                away += ends.highest[ends.top - code] - value >= radius
            if away > 0:
                start = max(start, ends.bottom + away)
        targets.starts[target, place] = start


@inlined
def within(codes, block, offsets, starts, target, reach, bits, check):
    """Bits of those points of a block, among `bits`, whose codes lie from starts[target] to 2 reach more in all dimensions.

    Stops when the points that are left are sooner checked otherwise, one costing as much as `check` dimensions.
    """
    window = splat(np.uint8(2 * reach))
    padded = offsets.shape[1]
    here, start = target * padded, block * codes.shape[1] * BYTES
    most = splat(np.uint8(0))
    for looked in range(0, padded, LOOK):
        for place in range(here + looked, here + looked + LOOK):
            points = load(codes, start + np.intp(at(offsets, place)))
            most = larger_offset(most, points, splat(at(starts, place)))
        bits &= at_most(most, window)
        if check * bit_count(bits) < padded - looked:
            break
    return bits


@inlined
def near_box(codes, low, high, order, own, other, limits):
    """Bit i: the i-th query of block `own`, limits (lanes) its reach, reaches into the box of block `other`."""
    flat = own * codes.shape[1] * BYTES
    gap = splat(np.uint8(0))
    reaching = ALL
    for looked in range(0, len(order), BOX_LOOK):
        for place in range(looked, min(looked + BOX_LOOK, len(order))):
            dim = at(order, place)
            here = load(codes, flat + dim * BYTES)
            corner = other * codes.shape[1] + dim
            gap = larger_excess(gap, here, splat(at(high, corner)))
            gap = larger_excess(gap, splat(at(low, corner)), here)
        reaching = at_most(gap, limits)
        if reaching == 0:
            break
    return reaching


@inlined
def look_near(points, dims, block, lane, k, bits):
    """Bits of the k or more points of a block, among `bits`, that look nearest to the point in a lane."""
    far = splat(np.uint8(0))
    start = block * points.codes.shape[1] * BYTES
    for dim in range(start + dims.first * BYTES, start + dims.last * BYTES, BYTES):
        others, own = load(points.codes, dim), splat(at(points.codes, dim + lane))
        far = larger_excess(larger_excess(far, others, own), own, others)
    too_few, enough = -1, 255
    while enough - too_few > 1:
        steps = (too_few + enough) // 2
        if bit_count(at_most(far, splat(np.uint8(steps))) & bits) >= k:
            enough = steps
        else:
            too_few = steps
    return at_most(far, splat(np.uint8(enough))) & bits


@inlined
def points_in(n, block):
    """Bits of the points of a block: the last may be part empty."""
    left = n - block * BYTES
    return ALL if left >= BYTES else (np.uint64(1) << np.uint64(left)) - np.uint64(1)


# ------------------------------------------------------------------ one pair of points


@inlined
def fetch(shorts, dims, block, bits):
    """Have the shorts of those points of a block on their way from memory before they are needed."""
    width = shorts.shape[1]
    while bits:
        row = (block * BYTES + lowest_bit(bits)) * width
        bits &= bits - np.uint64(1)
        for column in range(dims.first_column, dims.last_column, LANES):
            prefetch(shorts, row + column)


@inlined
def short_distance(shorts, a, b, dims, reach):
    """Lanes whose largest is the distance of two points in 16-bit steps; any above reach once one is."""
    a, b = a * shorts.shape[1], b * shorts.shape[1]
    far = splat(np.int16(0))
    for looked in range(dims.first_column, dims.last_column, SHORT_LOOK):
        for column in range(looked, min(looked + SHORT_LOOK, dims.last_column), LANES):
            far = larger_distance(far, load(shorts, a + column), load(shorts, b + column))
        if above(far, splat(reach)):
            break
    return far


@inlined
def exact_distance(rows, a, b, dims):
    """Distance of two points in float64."""
    a, b = a * rows.shape[1], b * rows.shape[1]
    far = splat(np.float64(0))
    for column in range(dims.first_column, dims.last_column, LANES):
        far = larger_distance(far, load_float64(rows, a + column), load_float64(rows, b + column))
    return largest(far)


@jit
def exactly_nearer(rows, shorts, a, b, dims, radius, sure):
    """Whether two points are strictly nearer than radius; where they differ by no more than `sure` 16-bit steps, they are."""
    width = rows.shape[1]
    for column in range(dims.first_column, dims.last_column, LANES):
        here, there = a * width + column, b * width + column
        far = larger_distance(splat(np.int16(0)), load(shorts, here), load(shorts, there))
        unsure = above(far, splat(sure))
        while unsure:
            lane = lowest_bit(unsure)
            unsure &= unsure - np.uint64(1)
            difference = np.float64(at(rows, here + lane)) - np.float64(at(rows, there + lane))
            if abs(difference) >= radius:
                return False
    return True


@inlined
def short_reach(radius, shorts_per_unit):
    """The 16-bit steps beyond which two points are at least radius apart."""
    return np.int16(min(reach_of(radius, shorts_per_unit), np.float64(2 * SHORT_TOP)))


@inlined
def short_sure(radius, shorts_per_unit):
    """The 16-bit steps up to which two points are strictly nearer than radius, -1 if there are none."""
    return np.int16(min(sure_of(radius, shorts_per_unit), np.float64(2 * SHORT_TOP - 2)))


# ------------------------------------------------------------------ the radius


@jit
def radius_tile(points, dims, ks, left_out, radius, first, last):
    """Radius (len(ks), n) of the queries of blocks first to last: distances to their ks-th neighbours.

    left_out: (n, 2) for each row the range of rows that are no neighbours of it, or (0, 2).
    """
    n, k = len(points.order), ks[-1]
    start, queries = first * BYTES, min(len(points.order), last * BYTES) - first * BYTES
    targets = new_targets(queries, dims)
    begins, votes = np.empty(256, np.int32), np.zeros(dims.last - dims.first, np.int64)
    nearest = np.full((queries, k), np.inf)
    bounds = np.full(queries, np.int16(2 * SHORT_TOP))
    seen = np.zeros(queries, np.uint64)
    no_first, no_last = np.zeros(queries, np.int64), np.zeros(queries, np.int64)
    if len(left_out) > 0:
        for query in range(queries):
            no_first[query], no_last[query] = left_out[points.order[start + query]]
    codes, low, high, rows, shorts = points.codes, points.low, points.high, points.rows, points.shorts
    offsets, starts, reach, limits, found = targets.offsets, targets.starts, targets.reach, targets.limits, targets.found
    shorts_per_unit = points.shorts_per_unit
    for query in range(queries):
        block, lane = first + query // BYTES, query % BYTES
        rank(points, dims, block, lane, query, targets, begins, votes)
        seen[query] = np.uint64(1) << np.uint64(lane)
        bits = look_near(points, dims, block, lane, k, points_in(n, block) & ~seen[query])
        seen[query] |= bits
        enter(
            points.order,
            rows,
            shorts,
            dims,
            start + query,
            block,
            bits,
            no_first,
            no_last,
            nearest,
            bounds,
            query,
            shorts_per_unit,
        )
        set_reach(targets, query, nearest[query, -1], points.steps_per_unit)
    order = places_in_order(votes) + dims.first
    for other in by_distance(points, dims, first, last):
        everyone = points_in(n, other)
        for own in range(first, last):
            base = (own - first) * BYTES
            reaching = points_in(n, own)
            if own != other:
                reaching &= near_box(codes, low, high, order, own, other, load(limits, base))
            alive = np.uint64(0)
            while reaching:
                lane = lowest_bit(reaching)
                reaching &= reaching - np.uint64(1)
                bits = everyone & ~seen[base + lane] if own == other else everyone
                if reach[base + lane] < FARTHEST:
                    bits = within(codes, other, offsets, starts, base + lane, reach[base + lane], bits, CHECK)
                if bits:
                    found[lane] = bits
                    alive |= np.uint64(1) << np.uint64(lane)
                    fetch(shorts, dims, other, bits)
            while alive:
                lane = lowest_bit(alive)
                alive &= alive - np.uint64(1)
                query = base + lane
                if nearest[query, k - 1] > 0 and enter(
                    points.order,
                    rows,
                    shorts,
                    dims,
                    start + query,
                    other,
                    found[lane],
                    no_first,
                    no_last,
                    nearest,
                    bounds,
                    query,
                    shorts_per_unit,
                ):
                    set_reach(targets, query, nearest[query, k - 1], points.steps_per_unit)
    for query in range(queries):
        for m in range(len(ks)):
            radius[m, points.order[start + query]] = nearest[query, ks[m] - 1]


@jit
def by_distance(points, dims, first, last):
    """All blocks, those first whose boxes are nearest to blocks first to last: good neighbours early spare many looks."""
    distances = np.empty(len(points.codes), np.int64)
    middle = np.empty(dims.last - dims.first, np.int16)
    for dim in range(len(middle)):
        low, _ = lowest_and_highest(points.low[first:last, dims.first + dim])
        _, high = lowest_and_highest(points.high[first:last, dims.first + dim])
        middle[dim] = np.int16(low) + np.int16(high)
    for block in range(len(distances)):
        total = 0
        for dim in range(len(middle)):
            low, high = points.low[block, dims.first + dim], points.high[block, dims.first + dim]
            total += abs(np.int32(middle[dim]) - np.int32(low) - np.int32(high))
        distances[block] = total
    distances[first:last] = -1
    return places_in_order(distances)


@inlined
def enter(order, rows, shorts, dims, query, block, bits, no_first, no_last, nearest, bounds, target, shorts_per_unit):
    """Enter those points of a block into nearest[target] (k,), ascending; bounds[target] is how far others may be.

    Rows no_first[target] to no_last[target] are left out; order (n,) has the row of each point.
    """
    entered = False
    while bits:
        point = block * BYTES + lowest_bit(bits)
        bits &= bits - np.uint64(1)
        bound = bounds[target]
        if above(short_distance(shorts, query, point, dims, bound), splat(bound)):
            continue
        distance = exact_distance(rows, query, point, dims)
        if distance < nearest[target, nearest.shape[1] - 1] and not no_first[target] <= order[point] < no_last[target]:
            insert(nearest[target], distance)
            bounds[target] = short_reach(nearest[target, nearest.shape[1] - 1], shorts_per_unit)
            entered = True
    return entered


# ------------------------------------------------------------------ the counts


@jit
def unclipped(points, dims):
    """(n_blocks,): bits of the points none of whose codes was clipped, in a range of dimensions."""
    codes = points.codes
    whole = np.empty(len(codes), np.uint64)
    for block in range(len(codes)):
        bits = ALL
        for dim in range(dims.first, dims.last):
            here = load(codes, (block * codes.shape[1] + dim) * BYTES)
            bits &= above(here, splat(np.uint8(0))) & above(splat(np.uint8(TOP)), here)
        whole[block] = bits
    return whole


@jit
def count_tile(points, side, radius, counts, first, last):
    """Counts (m, n) of the queries of blocks first to last: others strictly nearer than radius (m, n) in a side."""
    dims, whole = side.dims, side.whole
    n, m = len(points.order), len(radius)
    start, queries = first * BYTES, min(len(points.order), last * BYTES) - first * BYTES
    targets = new_targets(queries, dims)
    begins, votes = np.empty(256, np.int32), np.zeros(dims.last - dims.first, np.int64)
    own_radius = np.empty((queries, m))
    beyond, sure = np.empty((queries, m), np.int16), np.empty((queries, m), np.int16)
    codes, low, high, rows, shorts, clipped = points.codes, points.low, points.high, points.rows, points.shorts, points.clipped
    offsets, starts, reach, limits, found = targets.offsets, targets.starts, targets.reach, targets.limits, targets.found
    core, core_starts = np.empty(queries, np.int64), np.empty_like(starts)
    to_count = np.empty(queries, np.int64)  # radii; to the rest, larger than any difference, all points are nearer
    nearer = np.zeros((queries, m), np.int64)
    looking = np.zeros(last - first, np.uint64)
    for query in range(queries):
        block, lane = first + query // BYTES, query % BYTES
        rank(points, dims, block, lane, query, targets, begins, votes)
        to_count[query] = 0
        for s in range(m):
            own_radius[query, s] = radius[s, points.order[start + query]]
            to_count[query] += own_radius[query, s] <= side.widest
            beyond[query, s] = short_reach(own_radius[query, s], points.shorts_per_unit)
            sure[query, s] = short_sure(own_radius[query, s], points.shorts_per_unit)
        largest_radius = own_radius[query, to_count[query] - 1] if to_count[query] > 0 else 0.0
        if largest_radius > 0:
            looking[block - first] |= np.uint64(1) << np.uint64(lane)
        set_reach(targets, query, largest_radius, points.steps_per_unit)
        if len(side.ends.lowest) > 0:
            slide(targets, query, largest_radius, side.ends)
        core[query] = -1
        if whole[block] >> np.uint64(lane) & np.uint64(1):
            core[query] = np.int64(min(sure_of(own_radius[query, 0], points.steps_per_unit), np.float64(REACH))) - side.moved
        for place in range(core_starts.shape[1]):
            core_starts[query, place] = targets.codes[query, place] - np.uint8(core[query])
    order = places_in_order(votes) + dims.first
    for other in range(len(points.codes)):
        everyone = points_in(n, other)
        for own in range(first, last):
            base = (own - first) * BYTES
            reaching = looking[own - first] & near_box(codes, low, high, order, own, other, load(limits, base))
            alive = np.uint64(0)
            while reaching:
                lane = lowest_bit(reaching)
                reaching &= reaching - np.uint64(1)
                bits = everyone & ~(np.uint64(1) << np.uint64(lane)) if own == other else everyone
                query = base + lane
                if reach[query] < FARTHEST:
                    bits = within(codes, other, offsets, starts, query, reach[query], bits, CHECK)
                inner = bits & whole[other]
                if core[query] >= 0 and CHECK * bit_count(inner) > offsets.shape[1]:
                    inner = within(codes, other, offsets, core_starts, query, core[query], inner, NEVER)
                    nearer[query, 0] += bit_count(inner)
                    bits &= ~inner
                if bits:
                    found[lane] = bits
                    alive |= np.uint64(1) << np.uint64(lane)
                    fetch(shorts, dims, other, bits)
            while alive:
                lane = lowest_bit(alive)
                alive &= alive - np.uint64(1)
                query = base + lane
                bits = found[lane]
                while bits:
                    point = other * BYTES + lowest_bit(bits)
                    bits &= bits - np.uint64(1)
                    tally(rows, shorts, clipped, dims, start + query, point, query, own_radius, to_count, beyond, sure, nearer)
    for query in range(queries):
        total = 0
        for s in range(m):
            total = total + nearer[query, s] if s < to_count[query] else n - 1
            counts[s, points.order[start + query]] = total


@inlined
def tally(rows, shorts, clipped, dims, query, point, target, radius, to_count, beyond, sure, nearer):
    """Add 1 to nearer[target] (m,) at the first of the ascending radii[target] (m,) that a point is strictly nearer than.

    Only the first to_count[target] of them matter.
    """
    last = to_count[target] - 1
    far = short_distance(shorts, query, point, dims, beyond[target, last])
    if above(far, splat(beyond[target, last])):
        return
    doubtful = clipped[query] or clipped[point]
    for s in range(last + 1):
        if above(far, splat(beyond[target, s])):
            continue
        if (not doubtful and above(far, splat(sure[target, s])) == 0) or exactly_nearer(
            rows, shorts, query, point, dims, radius[target, s], np.int16(-1) if doubtful else sure[target, s]
        ):
            nearer[target, s] += 1
            return
