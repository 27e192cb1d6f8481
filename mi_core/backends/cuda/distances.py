"""Many dimensions: the distances of all pairs of points in each part, rounded to whole steps, are kept in memory.

    1. look     distances of a few points, and the spread of each dimension: they set the size of a step
    2. encode   values in steps, two dimensions of a point in one word
    3. fill     distances in steps, tile by tile: two differences and two maxima with each pair of instructions
    4. settle   the radius of each query, then its counts, from its row of distances

Steps are whole numbers in half precision, which is exact for them. Rounding brings a value down by less than one step, so a
distance in steps is less than one step off; where a value was clipped, it may be any number of steps too small. So a row tells
for nearly all points on which side of a radius they are. The others are compared exactly, in float64: nothing here decides
about a count but where it is looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from mi_core.backends.cuda.device import (
    SIMULATED,
    Array,
    cuda,
    device_function,
    free_bytes,
    in_assembly,
    kernel,
    kernel_of_many_warps,
    launch,
    release,
    to_host,
    xp,
)
from mi_core.types import FloatArray

# In the simulator a warp has two lanes and blocks are tiny, so that a few points cross all edges.
LANES = 2 if SIMULATED else 32  # of a warp
WARPS = 1 if SIMULATED else 8  # of a block
THREADS = LANES * WARPS  # of a block where each has a row of distances, a column or a pair
SIDE = 2 if SIMULATED else 16  # threads along each side of a tile
WIDE, HIGH = (2, 1) if SIMULATED else (8, 4)  # threads of a warp along each side of a tile
VECTOR = 4  # neighbouring points of one thread, which one store can write
MICRO = VECTOR if SIMULATED else 2 * VECTOR  # points of one thread along each side of a tile
TILE = SIDE * MICRO  # points
DEPTH = 2 if SIMULATED else 16  # words loaded together
LOADED = DEPTH * TILE  # words of the queries, and of the points
SHARED = 2 * LOADED  # kernels know no products in the shape of an array
HALF = np.uint64(0xFFFF)  # of a word: the distance of one pair

TOP = 1024  # steps from the middle, at most; differences of two then fit half precision
REACH = 800  # steps of a large radius: a finer step leaves less to compare exactly, and clips more
WIDTH = 2000  # steps of the widest dimension, at least
AWAY = 16000.0  # steps at which points lie that only fill up a tile
SLACK = 1e-6  # of steps, far above what float64 rounds
SAMPLED = 8 if SIMULATED else 128  # points that tell how far apart they lie
FEW = SAMPLED // 32  # of these lie beyond the ends of a dimension
LARGE = 9 * SAMPLED // 10  # of the distances to the nearest, the one that is taken for the radius
LIST = 64  # neighbours, at most
WORDS_AT_A_TIME = 2 if SIMULATED else 4  # of a row, by each thread, before the points in question are compared
QUEUE = THREADS * WORDS_AT_A_TIME * VECTOR  # points in question
AHEAD = 4  # columns that each lane reads between two looks at whether a point is still near enough
NONE = 1 << 16  # beyond all distances

CROWDED_FROM = 0.1  # share of the points in question from which on tiles, which compare all exactly, are faster
AT_ONCE = 2**30  # bytes of distances that are tried without a look at the memory
SHARE = 4  # of the free memory one part in so many is taken, at most


class Points(NamedTuple):
    """Points of all parts, in the order of the samples."""

    rows: Array  # (n, dim): the values, part by part
    columns: tuple[int, ...]  # where the parts begin in rows, and where the last one ends
    codes: Array  # (words, padded) uint32: the steps of two dimensions each; padded: n filled up to whole tiles
    words: Array  # (parts + 1,): where the parts begin in codes, and where the last one ends
    clipped: Array  # (parts, padded) uint8: whether a point has values beyond the steps
    steps_per_unit: Array  # (1,)


def arrange(parts: Sequence[Array], sides: Sequence[tuple[int, int]]) -> Points | None:
    """Points of parts (n, dim) on the device; None where steps would leave much to compare exactly, in any of the sides."""
    rows = parts[0] if len(parts) == 1 else xp.concatenate(parts, axis=1)
    n, dim = rows.shape
    widths = [part.shape[1] for part in parts]
    columns, words = np.cumsum([0, *widths]), np.cumsum([0, *(-(-width // 2) for width in widths)])
    layout = xp.asarray(np.stack([columns, words]))

    sampled = min(n, SAMPLED)
    seen = xp.empty(len(parts) * sampled**2 + 2 * dim)
    apart, ends = seen[: -2 * dim].reshape(len(parts), sampled, sampled), seen[-2 * dim :].reshape(2, dim)
    launch(look_apart, (-(-(sampled**2) // WARPS), len(parts)), THREADS, rows, layout[0], apart)
    launch(look_along, dim, SAMPLED, rows, ends)
    on_host = to_host(seen)
    step, share = step_for(on_host[: -2 * dim].reshape(apart.shape), on_host[-2 * dim :].reshape(2, dim), sides)
    if share > CROWDED_FROM:
        return None

    padded = -(-n // TILE) * TILE
    steps = xp.empty((int(words[-1]), padded, 2), np.int16)
    clipped = xp.zeros((len(parts), padded), np.uint8)
    steps_per_unit = xp.full(1, min(max(1 / step, 1e-300), 1e300) if step > 0 else 1.0)
    launch(encode, (-(-padded // THREADS), len(steps)), THREADS, rows, layout, ends, steps_per_unit, steps, clipped)
    codes = steps.astype(np.float16).view(np.uint32).reshape(len(steps), padded)
    return Points(rows, tuple(columns.tolist()), codes, layout[1], clipped, steps_per_unit)


def step_for(apart: FloatArray, ends: FloatArray, sides: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Size of a step, and the largest share of points that it leaves in question, over the joint space and the sides.

    apart: (parts, few, few) distances of a few points; ends: (2, dim) low and high values of each dimension.
    """
    few = apart.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):
        joint = apart.max(axis=0)
        joint[np.diag_indices(few)] = np.inf
        radius = np.sort(joint.min(axis=1))[min(LARGE, few - 1)]
        step = max(float(radius) / REACH, float((ends[1] / WIDTH - ends[0] / WIDTH).max()))
        spaces = [joint, *(apart[first:last].max(axis=0) for first, last in sides)]
        shares = [np.count_nonzero(abs(space - radius) <= 2 * step) / few**2 for space in spaces]
    return step, max(shares)


def neighbour_counts(
    points: Points,
    sides: Sequence[tuple[int, int]],
    ks: tuple[int, ...],
    first_row: int,
    last_row: int,
    done: Callable[[int], None],
) -> tuple[Array, Array]:
    """Radius (len(ks), rows) in float64 and counts (len(sides), len(ks), rows) of the rows; ks ascending, up to LIST.

    Calls `done(rows)` whenever so many more are done.
    """
    n, padded, parts = len(points.rows), points.codes.shape[1], len(points.columns) - 1
    radius = xp.empty((len(ks), last_row - first_row))
    counts = xp.empty((len(sides), *radius.shape), np.int64)
    orders = xp.asarray(ks)
    a_row = parts * padded * 2
    room = AT_ONCE if a_row * padded <= AT_ONCE else max(AT_ONCE, free_bytes() // SHARE)
    batch = max(TILE, room // a_row // TILE * TILE)
    row, planes = first_row, None
    while row < last_row:
        rows = min(batch, last_row - row)
        here = slice(row - first_row, row - first_row + rows)
        try:
            planes = xp.empty((parts, -(-rows // TILE) * TILE, padded // VECTOR), np.uint64)
            fill(points, row, rows == n, planes)
        except MemoryError:
            if batch <= TILE:
                raise
            batch, planes = max(TILE, batch // 2 // TILE * TILE), None
            release()
            continue
        some = xp.empty((len(ks), rows))
        launch(settle_radii, rows, THREADS, points.rows, planes, row, points.steps_per_unit, orders, some)
        radius[:, here] = some
        for of_side, (first, last) in zip(counts, sides, strict=True):
            nearer = xp.empty(some.shape, np.int64)
            launch(
                settle_counts,
                (rows, len(ks)),
                THREADS,
                points.rows,
                points.columns[first],
                points.columns[last],
                planes,
                first,
                last,
                points.clipped,
                row,
                points.steps_per_unit,
                some,
                nearer,
            )
            of_side[:, here] = nearer
        row += rows
        done(rows)
    if a_row * padded > AT_ONCE:  # others may want the memory
        planes = None
        release()
    return radius, counts


def fill(points: Points, first_row: int, whole: bool, planes: Array) -> None:
    """Fill planes (parts, rows, padded / VECTOR) with distances in steps of the points from first_row on; whole: of all.

    If they are of all, each pair is compared once.
    """
    tiles, row_tiles = points.codes.shape[1] // TILE, planes.shape[1] // TILE
    grid = (tiles, tiles // 2 + 1) if whole else (tiles, row_tiles)
    launch(fill_tiles, grid, SIDE * SIDE, points.codes, points.words, first_row, int(whole), planes)


# ------------------------------------------------------------------ a warp

if SIMULATED:

    @device_function
    def together():
        """Wait for all lanes of the warp."""
        cuda.syncthreads()

    @device_function
    def lanes_where(said):
        """In how many lanes of the warp something is so."""
        return cuda.syncthreads_count(said)

else:

    @device_function
    def together():
        """Wait for all lanes of the warp."""
        cuda.syncwarp()

    @device_function
    def lanes_where(said):
        """In how many lanes of the warp something is so."""
        return cuda.popc(cuda.ballot_sync(0xFFFFFFFF, said))


@device_function
def part_of_distance(rows, a, b, first, last, bound, lane):
    """Distance of two points in every LANES-th of the columns from first to last, the lane's own.

    If the distance is >= bound in all of them together, then the result is too in one of the lanes at least.
    """
    own, other = np.uint64(a), np.uint64(b)
    column, end = np.uint64(first + lane), np.uint64(last)
    far = 0.0
    out = 0
    while out == 0 and column < end + np.uint64(lane):
        for _ in range(AHEAD):
            at = min(column, end - np.uint64(1))  # the last column again, where there is none
            far = max(far, abs(np.float64(rows[own, at]) - np.float64(rows[other, at])))
            column += np.uint64(LANES)
        out = lanes_where(far >= bound)
    return far


@device_function
def largest(far, lanes, warp, lane):
    """The largest of the lanes' values, known to lane 0; lanes (THREADS,) is the block's."""
    lanes[warp * LANES + lane] = far
    together()
    if lane == 0:
        for other in range(1, LANES):
            far = max(far, lanes[warp * LANES + other])
    together()
    return far


# ------------------------------------------------------------------ steps


@kernel
def look_apart(rows, columns, apart):
    """Fill apart (parts, few, few) with distances of a few points; a warp has a pair. Grid: (blocks of pairs, parts)."""
    lanes = cuda.shared.array(THREADS, np.float64)
    warp, lane = cuda.threadIdx.x // LANES, cuda.threadIdx.x % LANES
    few, part = apart.shape[1], cuda.blockIdx.y
    pair = cuda.blockIdx.x * WARPS + warp
    if pair >= few * few:
        return
    stride = len(rows) // few
    a, b = pair // few, pair % few
    far = part_of_distance(rows, a * stride, b * stride, columns[part], columns[part + 1], np.inf, lane)
    far = largest(far, lanes, warp, lane)
    if lane == 0:
        apart[part, a, b] = far


@kernel
def look_along(rows, ends):
    """Fill ends (2, dim) with low and high values among a few points. Grid: (dim,), a thread for each point."""
    values = cuda.shared.array(SAMPLED, np.float64)
    column, thread = cuda.blockIdx.x, cuda.threadIdx.x
    few = min(len(rows), SAMPLED)
    stride = len(rows) // few
    if thread < few:
        values[thread] = rows[thread * stride, column]
    cuda.syncthreads()
    if thread < few:
        rank = rank_of(values, few, thread)
        if rank == few * FEW // SAMPLED:
            ends[0, column] = values[thread]
        if rank == few - 1 - few * FEW // SAMPLED:
            ends[1, column] = values[thread]


@device_function
def rank_of(values, n, item):
    """How many of the first n values come before the item, by size and then by place."""
    own, before = values[item], 0
    for other in range(n):
        before += values[other] < own or (values[other] == own and other < item)
    return before


@kernel
def encode(rows, layout, ends, steps_per_unit, steps, clipped):
    """Fill steps (words, padded, 2); mark points beyond them in clipped (parts, padded). Grid: (blocks of points, words)."""
    point, word = cuda.grid(1), cuda.blockIdx.y
    if point >= steps.shape[1]:
        return
    part = 0
    while word >= layout[1, part + 1]:
        part += 1
    for item in range(2):
        column = layout[0, part] + 2 * (word - layout[1, part]) + item
        step = 0.0
        if point >= len(rows):
            step = AWAY
        elif column < layout[0, part + 1]:
            middle = ends[0, column] / 2 + ends[1, column] / 2
            away = (np.float64(rows[point, column]) - middle) * steps_per_unit[0]
            step = min(max(away, -TOP), TOP - 0.5)
            if step != away:
                clipped[part, point] = 1
            step += TOP  # so that it is rounded down
        steps[word, point, item] = int(step) - TOP if step != AWAY else int(step)


@device_function
def bits_of(steps):
    """A whole number of steps, below 2048, in half precision; larger numbers have larger bits. -1 for none below 0."""
    if steps < 0:
        return -1
    exponent = 0
    while steps >> (exponent + 1) > 0:
        exponent += 1
    return ((exponent + 15) << 10) | ((steps << (10 - exponent)) & 1023) if steps > 0 else 0


@device_function
def steps_of(bits):
    """The whole number of steps, below 2048, that has these bits in half precision."""
    return ((bits & 1023) | 1024) >> (25 - (bits >> 10))


@device_function
def last_in_question(radius, steps_per_unit):
    """The most steps of a distance that may be less than radius."""
    return int(min(radius * steps_per_unit * (1 + SLACK) + 1 + SLACK, 2.0 * TOP - 1))


@device_function
def last_nearer(radius, steps_per_unit):
    """The most steps of a distance that is surely less than radius, -1 for none."""
    return int(max(min(radius * steps_per_unit * (1 - SLACK) - SLACK, 2.0 * TOP), 0.0)) - 1


# ------------------------------------------------------------------ all pairs


@device_function
def place(thread, item):
    """Place in a tile of one of the MICRO points of a thread."""
    return (item // VECTOR) * (SIDE * VECTOR) + thread * VECTOR + item % VECTOR


def farther_of_words(far, a, b):
    """The larger of far, which is not negative, and |a - b|, in each half of a word: numbers in half precision."""
    halves = np.array([far, a, b], np.uint32).view(np.float16).reshape(3, 2)
    return np.maximum(halves[0], abs(halves[1] - halves[2])).view(np.uint32)[0]


farther = in_assembly(
    "{ .reg .b32 apart; sub.rn.f16x2 apart, $2, $3; abs.f16x2 apart, apart; max.f16x2 $0, $1, apart; }", farther_of_words
)


@kernel
def fill_tiles(codes, words, first_row, whole, planes):
    """Fill planes (parts, rows, padded / VECTOR) with the distances in steps, in half precision. Grid: (tiles, tiles of rows).

    whole: The rows are all points. Then tiles go along diagonals, half of them, and each is written as its mirror image, too.
    """
    shared = cuda.shared.array(SHARED, np.uint32)
    far = cuda.local.array((MICRO, MICRO), np.uint32)
    # Unsigned: a signed index is tested for being negative, which would double the work of the innermost loop.
    thread = np.uint64(cuda.threadIdx.x)
    lane, warp = thread % np.uint64(WIDE * HIGH), thread // np.uint64(WIDE * HIGH)
    column = warp % np.uint64(SIDE // WIDE) * np.uint64(WIDE) + lane % np.uint64(WIDE)
    row = warp // np.uint64(SIDE // WIDE) * np.uint64(HIGH) + lane // np.uint64(WIDE)
    tiles = codes.shape[1] // TILE
    column_tile, row_tile = cuda.blockIdx.x, cuda.blockIdx.y
    if whole:
        row_tile, away = column_tile, row_tile
        if 2 * away == tiles and row_tile >= away:  # met from both sides
            return
        column_tile = (row_tile + away) % tiles
    first_query = np.uint64(row_tile * TILE)
    first_point = np.uint64(column_tile * TILE)
    end_point = np.uint64(codes.shape[1] - 1)
    for part in range(len(words) - 1):
        for i in range(MICRO):
            for j in range(MICRO):
                far[i, j] = np.uint32(0)
        last = np.uint64(words[part + 1])
        for first_word in range(words[part], words[part + 1], DEPTH):
            for load in range(0, LOADED, SIDE * SIDE):
                at = np.uint64(load) + thread
                word, item = np.uint64(first_word) + at // np.uint64(TILE), at % np.uint64(TILE)
                if word < last:
                    shared[at] = codes[word, min(np.uint64(first_row) + first_query + item, end_point)]
                    shared[np.uint64(LOADED) + at] = codes[word, first_point + item]
            cuda.syncthreads()
            start, end = np.uint64(0), min(np.uint64(DEPTH), last - np.uint64(first_word)) * np.uint64(TILE)
            while start < end:
                here, there = start + row * np.uint64(VECTOR), start + column * np.uint64(VECTOR)
                for j in range(MICRO):
                    value = shared[there + np.uint64(LOADED + place(0, j))]
                    for i in range(MICRO):
                        far[i, j] = farther(far[i, j], shared[here + np.uint64(place(0, i))], value)
                start += np.uint64(TILE)
            cuda.syncthreads()
        for i in range(MICRO):
            for j in range(0, MICRO, VECTOR):
                packed = np.uint64(0)
                for other in range(VECTOR):
                    packed |= of_both(far[i, j + other]) << np.uint64(16 * other)
                at = first_query + np.uint64(place(0, i)) + row * np.uint64(VECTOR)
                planes[part, at, (first_point + np.uint64(place(0, j))) // np.uint64(VECTOR) + column] = packed
        if whole:
            for j in range(MICRO):
                for i in range(0, MICRO, VECTOR):
                    packed = np.uint64(0)
                    for other in range(VECTOR):
                        packed |= of_both(far[i + other, j]) << np.uint64(16 * other)
                    at = first_point + np.uint64(place(0, j)) + column * np.uint64(VECTOR)
                    planes[part, at, (first_query + np.uint64(place(0, i))) // np.uint64(VECTOR) + row] = packed


@device_function
def of_both(word):
    """The larger half of a word: the distance in its even and its odd dimensions."""
    return np.uint64(max(word & np.uint32(0xFFFF), word >> np.uint32(16)))


# ------------------------------------------------------------------ rows of distances


@device_function
def steps_at(planes, first, last, row, word):
    """The distances of VECTOR points, in half precision, in the parts from first to last."""
    steps = planes[first, row, word]
    for part in range(first + 1, last):
        other = planes[part, row, word]
        larger = np.uint64(0)
        for item in range(VECTOR):
            shift = np.uint64(16 * item)
            larger |= max((steps >> shift) & HALF, (other >> shift) & HALF) << shift
        steps = larger
    return steps


@kernel_of_many_warps
def settle_radii(rows, planes, first_row, steps_per_unit, ks, radius):
    """Fill radius (len(ks), m), the distances to the neighbours of the orders ks, ascending. Grid: (m,).

    The k-th of the least distances in steps that each thread has seen bounds the k-th of all, and what is at most two steps
    farther is compared. Where one of these turns out to be farther than its steps say, since it was clipped, the bound was too
    small, and what is within the distance found is compared once more.
    """
    values = cuda.shared.array(THREADS, np.float64)
    best = cuda.shared.array((WARPS, LIST), np.float64)
    queue = cuda.shared.array(QUEUE, np.int32)
    waiting = cuda.shared.array(1, np.int32)
    found = cuda.shared.array(1, np.float64)
    thread, row = cuda.threadIdx.x, cuda.blockIdx.x
    warp, lane = thread // LANES, thread % LANES
    own, parts, n_words, k = first_row + row, len(planes), planes.shape[2], ks[len(ks) - 1]

    least = NONE
    for word in range(thread, n_words, THREADS):
        packed = steps_at(planes, 0, parts, row, word)
        for item in range(VECTOR):
            steps = np.int64((packed >> np.uint64(16 * item)) & HALF)
            if steps < least and word * VECTOR + item != own:
                least = steps
    values[thread] = least
    cuda.syncthreads()
    if rank_of(values, THREADS, thread) == min(k, THREADS) - 1:
        found[0] = values[thread]
    cuda.syncthreads()
    limit = 2 * TOP - 1
    if k <= THREADS and found[0] <= bits_of(2 * TOP - 1):
        limit = min(limit, steps_of(np.int64(found[0])) + 2)
    cuda.syncthreads()

    looking = True
    while looking:
        for slot in range(thread, WARPS * LIST, THREADS):
            best[slot // LIST, slot % LIST] = np.inf
        if thread == 0:
            waiting[0] = 0
        cuda.syncthreads()
        within = bits_of(limit)
        for start in range(0, n_words, THREADS * WORDS_AT_A_TIME):
            for word in range(start + thread, min(start + THREADS * WORDS_AT_A_TIME, n_words), THREADS):
                packed = steps_at(planes, 0, parts, row, word)
                for item in range(VECTOR):
                    point = word * VECTOR + item
                    if np.int64((packed >> np.uint64(16 * item)) & HALF) <= within and point != own:
                        queue[cuda.atomic.add(waiting, 0, 1)] = point
            cuda.syncthreads()
            for item in range(warp, waiting[0], WARPS):
                bound = best[warp, k - 1]
                far = part_of_distance(rows, own, queue[item], 0, rows.shape[1], bound, lane)
                if lanes_where(far >= bound) == 0:
                    far = largest(far, values, warp, lane)
                    if lane == 0:
                        enter(far, best, k, warp)
                    together()
            cuda.syncthreads()
            if thread == 0:
                waiting[0] = 0
            cuda.syncthreads()
        for slot in range(thread, WARPS * k, THREADS):
            here, before = best[slot // k, slot % k], 0
            for other in range(WARPS * k):
                there = best[other // k, other % k]
                before += there < here or (there == here and other < slot)
            for m in range(len(ks)):
                if before == ks[m] - 1:
                    radius[m, row] = here
            if before == k - 1:
                found[0] = here
        cuda.syncthreads()
        farthest = last_in_question(found[0], steps_per_unit[0])
        looking = farthest > limit
        limit = farthest
        cuda.syncthreads()


@device_function
def enter(distance, best, k, warp):
    """Enter a distance into the list best[warp] of the k nearest, if it is one of them."""
    if distance < best[warp, k - 1]:
        slot = k - 1
        while slot > 0 and best[warp, slot - 1] > distance:
            best[warp, slot] = best[warp, slot - 1]
            slot -= 1
        best[warp, slot] = distance


@kernel_of_many_warps
def settle_counts(rows, first_column, last_column, planes, first, last, clipped, first_row, steps_per_unit, radius, counts):
    """Fill counts (radii, m): other points strictly nearer than radius (radii, m) in the parts from first to last.

    These parts are the columns from first_column to last_column. Grid: (m, radii).
    """
    queue = cuda.shared.array(QUEUE, np.int32)
    waiting = cuda.shared.array(1, np.int32)
    total = cuda.shared.array(1, np.int32)
    thread, row, m = cuda.threadIdx.x, cuda.blockIdx.x, cuda.blockIdx.y
    warp, lane = thread // LANES, thread % LANES
    own, n_words, bound = first_row + row, planes.shape[2], radius[m, row]
    within = bits_of(last_in_question(bound, steps_per_unit[0])) if bound > 0 else -1
    surely = bits_of(last_nearer(bound, steps_per_unit[0]))
    if is_clipped(clipped, first, last, own):
        surely = -1
    nearer = 0
    if thread == 0:
        waiting[0] = 0
        total[0] = 0
    cuda.syncthreads()
    for start in range(0, n_words, THREADS * WORDS_AT_A_TIME):
        for word in range(start + thread, min(start + THREADS * WORDS_AT_A_TIME, n_words), THREADS):
            packed = steps_at(planes, first, last, row, word)
            for item in range(VECTOR):
                steps = np.int64((packed >> np.uint64(16 * item)) & HALF)
                point = word * VECTOR + item
                if steps <= within and point != own:
                    if steps <= surely and not is_clipped(clipped, first, last, point):
                        nearer += 1
                    else:
                        queue[cuda.atomic.add(waiting, 0, 1)] = point
        cuda.syncthreads()
        for item in range(warp, waiting[0], WARPS):
            far = part_of_distance(rows, own, queue[item], first_column, last_column, bound, lane)
            if lanes_where(far >= bound) == 0 and lane == 0:
                nearer += 1
        cuda.syncthreads()
        if thread == 0:
            waiting[0] = 0
        cuda.syncthreads()
    if nearer > 0:
        cuda.atomic.add(total, 0, nearer)
    cuda.syncthreads()
    if thread == 0:
        counts[m, row] = total[0]


@device_function
def is_clipped(clipped, first, last, point):
    """Whether a point has values beyond the steps in the parts from first to last."""
    found = False
    for part in range(first, last):
        found |= clipped[part, point] != 0
    return found
