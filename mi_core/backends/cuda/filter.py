"""Many dimensions: each query looks first at the few dimensions that alone put most points out of its reach.

Points lie in blocks, near ones side by side, and values are rounded to steps: 7 bits, 8 points of a dimension in one word. A
warp has a query; one word of each lane tells for a whole block who is within reach in one dimension.

    1. look_near   points that lie beside each point bound its radius from above, and set the size of the steps
    2. encode      steps, once with points side by side and once with the dimensions of each point side by side
    3. rank        the dimensions in which most of a sample of points are out of reach of a query, for each query
    4. search      the k nearest: block by block through the ranked dimensions until few are left (`sift`), these one by one
                   through all dimensions (`check`), and in float64 those that are left then
       count       the points strictly nearer than a radius that is known, in the same way

Half of all pairs part in the first dimension looked at, and some 20 of 400 leave few in a block. Steps never drop a neighbour:
clipping brings values nearer to each other, rounding parts them by less than one step, and that is added to the radius. What
is left is compared exactly, so nothing here decides about a count but where it is looked for.

A word holds a byte for each point, its step and above it a bit that is always set. No byte borrows from the next when the
lowest step in reach is subtracted, or when it is subtracted from the highest one in reach with that bit: the bit stays where
the step is in reach, and is lost where it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mi_core.backends.cuda.device import (
    SIMULATED,
    Array,
    cuda,
    device_function,
    for_kernels,
    kernel,
    kernel_of_many_warps,
    launch,
    xp,
)
from mi_core.backends.cuda.order import Look, by_ranks, by_spread, look_at

# In the simulator a warp has two lanes and a block of the grid has one warp, so that a few points cross all edges.
LANES = 2 if SIMULATED else 32  # of a warp
WARPS = 1 if SIMULATED else 8  # of a block of threads
BYTES = 8  # of a word: points, or dimensions
BLOCK = LANES * BYTES  # points
RANKED = 8 if SIMULATED else 64  # dimensions, for each query
AHEAD = 4  # columns that each lane reads between two looks at whether a point is still near enough
LOOK = 2 if SIMULATED else 4  # dimensions between two looks at how many points are still in reach
FEW = 0 if SIMULATED else 12  # lanes with a point in reach: from there on, points are checked one by one
WORDS = 2 if SIMULATED else 128  # of a point that are checked; dimensions beyond are left to the exact comparison
LIST = 32  # neighbours, at most
NEAR = 8 if SIMULATED else 64  # points beside each that are looked at before all others
TOP = 127  # highest step
REACH = 60.0  # steps of a large radius (the 9th of 10)
SLACK = 1e-6  # of a radius in steps, far above what float64 rounds
TELLING = 0.75  # of a typical reach, since most are loose at first
ORDERED = 4  # dimensions, those that spread most, along which points are ordered
SAMPLED = 255  # points that tell which dimensions part most
LEVELS = 32  # of how many points a dimension parts: ranking is no finer
STARTS = LEVELS + 1  # kernels know no sums in the shape of an array
ALL_RANKED, ALL_WORDS = WARPS * RANKED, WARPS * WORDS
SIFTED, CHECKED = LANES + BLOCK, 2 * LANES  # points that wait, at most
SET = np.uint64(0x8080808080808080)  # the bit above each step
ONES = np.uint64(0x0101010101010101)
NOBODY = np.int32(-1)


class Points(NamedTuple):
    """Points of the joint space of all parts, near ones side by side; all arrays but the first are for kernels alone."""

    order: Array  # (n,): the sample that each point is
    rows: Array  # (n, dim): the values, part by part
    codes: Array  # (n_blocks * dims * LANES,) uint64: steps of 8 points; dims: those of each part filled up to whole words
    words: Array  # (n, dims / 8) uint64: steps of 8 dimensions
    telling: Array  # (dims, TOP + 1) uint8: of LEVELS, how many sampled points are out of reach of a step
    reach: Array  # (n,): at least the distance to the k-th nearest
    steps_per_unit: Array  # (1,)
    columns: tuple[int, ...]  # where the parts begin in rows, and where the last one ends
    dims: tuple[int, ...]  # the same in codes and, divided by 8, in words


def arrange(parts: Sequence[Array], k: int) -> Points:
    """Points of parts (n, dim) on the device, for radii to the k-th neighbour or a nearer one; k up to LIST and below n."""
    samples = parts[0] if len(parts) == 1 else xp.concatenate(parts, axis=1)
    n = len(samples)
    look = look_at(samples)
    order = by_ranks(samples.T[by_spread(look)[:ORDERED]])
    rows = for_kernels(samples[order])
    widths = [part.shape[1] for part in parts]
    columns = tuple(np.cumsum([0, *widths]).tolist())
    dims = tuple(np.cumsum([0, *(-(-width // BYTES) * BYTES for width in widths)]).tolist())

    reach = xp.empty(n)
    launch(look_near, -(-n // WARPS), (LANES, WARPS), rows, k, reach)
    ascending = xp.sort(reach)
    large, typical = ascending[9 * n // 10], ascending[n // 2 : n // 2 + 1]
    large = xp.where(large > 0, large, ascending[-1])  # where nearly all points have copies
    steps_per_unit = for_kernels(xp.minimum(REACH / xp.where(large > 0, large, 1.0), 1e300).reshape(1))
    column_of = xp.asarray(np.concatenate([padded(first, width) for first, width in zip(columns[:-1], widths, strict=True)]))
    codes = xp.empty(-(-n // BLOCK) * dims[-1] * LANES, np.uint64)
    words = for_kernels(xp.empty((n, dims[-1] // BYTES), np.uint64))
    grid = -(-n // BLOCK), dims[-1] // BYTES
    launch(encode, grid, BLOCK, rows, column_of, middle_of(look), steps_per_unit, codes.view(np.uint8), words)
    telling = for_kernels(xp.empty((dims[-1], TOP + 1), np.uint8))
    launch(tell, dims[-1], LANES * min(WARPS, 4), words, typical, steps_per_unit, telling)
    return Points(order, rows, for_kernels(codes), words, telling, for_kernels(reach), steps_per_unit, columns, dims)


def padded(first: int, width: int) -> NDArray[np.int32]:
    """Columns of a part, filled up to whole words with -1."""
    columns = np.full(-(-width // BYTES) * BYTES, -1, np.int32)
    columns[:width] = np.arange(first, first + width)
    return columns


def middle_of(look: Look) -> Array:
    """Value (dim,) by which each dimension is centred."""
    low, high = look.beyond(8)
    return low / 2 + high / 2


def find_radii(points: Points, queries: Array, ks: tuple[int, ...]) -> Array:
    """Radius (len(ks), m) in float64 of queries (m,), places in the order of points; ks ascending, up to that of `arrange`."""
    radius = xp.empty((len(ks), len(queries)))
    ranked = ranked_dims(points, queries, 0, points.dims[-1])
    launch(
        search,
        -(-len(queries) // WARPS),
        (LANES, WARPS),
        points.rows,
        points.columns[-1],
        points.codes,
        points.words,
        points.steps_per_unit,
        queries,
        ranked,
        points.reach,
        xp.asarray(ks),
        radius,
    )
    return radius


def count_within(points: Points, side: tuple[int, int], queries: Array, radius: Array) -> Array:
    """Counts (len(radius), m): other points strictly nearer than radius (len(radius), m), ascending, to queries (m,).

    side: In the space of the parts from the first number to before the last.
    """
    counts = xp.zeros(radius.shape, np.int64)
    first, last = (points.dims[part] for part in side)
    launch(
        count,
        -(-len(queries) // WARPS),
        (LANES, WARPS),
        points.rows,
        points.columns[side[0]],
        points.columns[side[1]],
        points.codes,
        points.words,
        first,
        last,
        points.steps_per_unit,
        queries,
        ranked_dims(points, queries, first, last),
        radius,
        counts,
    )
    return counts


def ranked_dims(points: Points, queries: Array, first: int, last: int) -> Array:
    """(m, RANKED) of the dimensions from first to last those that tell most about queries (m,), each with the query's step."""
    ranked = xp.empty((len(queries), RANKED), np.uint32)
    grid = -(-len(queries) // WARPS)
    launch(rank, grid, (LANES, WARPS), points.words, first, last, points.telling, queries, ranked)
    return ranked


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


# ------------------------------------------------------------------ distances


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
def enter_largest(far, best, fresh, k, warp, lane):
    """Enter a distance, the largest of the lanes' parts, into the list best[warp] of the k nearest."""
    fresh[warp, lane] = far
    together()
    if lane == 0:
        for other in range(1, LANES):
            far = max(far, fresh[warp, other])
        enter(far, best, k, warp)
    together()


@device_function
def enter_all(distance, best, fresh, k, warp, lane):
    """Enter the distances of all lanes into the list best[warp] of the k nearest."""
    fresh[warp, lane] = distance
    together()
    if lane == 0:
        for other in range(LANES):
            enter(fresh[warp, other], best, k, warp)
    together()


@device_function
def enter(distance, best, k, warp):
    """Enter a distance into the list best[warp] of the k nearest, if it is one of them."""
    if distance < best[warp, k - 1]:
        slot = k - 1
        while slot > 0 and best[warp, slot - 1] > distance:
            best[warp, slot] = best[warp, slot - 1]
            slot -= 1
        best[warp, slot] = distance


@kernel
def look_near(rows, k, reach):
    """Fill reach (n,) with the distance of each point to the k-th nearest of NEAR or more that lie beside it."""
    best = cuda.shared.array((WARPS, LIST), np.float64)
    fresh = cuda.shared.array((WARPS, LANES), np.float64)
    lane, warp = cuda.threadIdx.x, cuda.threadIdx.y
    own = cuda.blockIdx.x * WARPS + warp
    if own >= len(rows):
        return
    for slot in range(lane, LIST, LANES):
        best[warp, slot] = np.inf
    together()
    room = max(NEAR, 2 * k)
    start = max(0, min(own - room // 2, len(rows) - room - 1))
    for point in range(start, min(start + room + 1, len(rows))):
        if point != own:
            bound = best[warp, k - 1]
            far = part_of_distance(rows, own, point, 0, rows.shape[1], bound, lane)
            if lanes_where(far >= bound) == 0:
                enter_largest(far, best, fresh, k, warp, lane)
    if lane == 0:
        reach[own] = best[warp, k - 1]


# ------------------------------------------------------------------ steps


@kernel
def encode(rows, column_of, middle, steps_per_unit, codes, words):
    """Fill codes, as bytes, and words with the steps of rows (n, dim). Grid: (blocks of points, words of a point)."""
    block, word, item = cuda.blockIdx.x, cuda.blockIdx.y, cuda.threadIdx.x
    point = block * BLOCK + item
    found = np.uint64(0)
    for byte in range(BYTES):
        dim = word * BYTES + byte
        column = column_of[dim]
        step = 0
        if column >= 0 and point < len(rows):
            away = (np.float64(rows[point, column]) - middle[column]) * steps_per_unit[0]
            step = int(min(max(away + (TOP + 1) // 2, 0.0), np.float64(TOP)))  # truncated, and never below 0
        code = np.uint64(step) | np.uint64(128)
        codes[(block * len(column_of) + dim) * BLOCK + item] = code
        found |= code << np.uint64(8 * byte)
    if point < len(rows):
        words[point, word] = found


@device_function
def step_of(words, point, dim):
    """The step of a point in a dimension."""
    return (words[point, dim // BYTES] >> np.uint64(8 * (dim % BYTES))) & np.uint64(TOP)


@device_function
def steps_within(reach, steps_per_unit):
    """How many steps two values may be apart that are at most reach apart."""
    steps = reach * steps_per_unit * (1 + SLACK) + 1 + SLACK
    return np.uint64(TOP if not steps < TOP else steps)


@kernel
def tell(words, reach, steps_per_unit, telling):
    """Fill telling (dims, TOP + 1) from the points sampled, by a reach (1,). Grid: (dims,)."""
    dim = cuda.blockIdx.x
    stride = max(1, len(words) // SAMPLED)
    apart = TELLING * reach[0] * steps_per_unit[0]
    for step in range(cuda.threadIdx.x, TOP + 1, cuda.blockDim.x):
        sampled, out = 0, 0
        for point in range(0, len(words), stride):
            sampled += 1
            out += abs(np.int64(step_of(words, point, dim)) - step) > apart
        telling[dim, step] = (LEVELS - 1) * out // sampled


@kernel
def rank(words, first, last, telling, queries, ranked):
    """Fill ranked (m, RANKED) with dim * 128 + step, of the dims from first to last those that tell most about queries (m,)."""
    start = cuda.shared.array((WARPS, STARTS), np.int32)
    lane, warp = cuda.threadIdx.x, cuda.threadIdx.y
    place = cuda.blockIdx.x * WARPS + warp
    if place >= len(queries):
        return
    own = queries[place]
    for level in range(lane, LEVELS + 1, LANES):
        start[warp, level] = 0
    together()
    for dim in range(first + lane, last, LANES):
        cuda.atomic.add(start, (warp, LEVELS - 1 - telling[dim, step_of(words, own, dim)] + 1), 1)
    together()
    if lane == 0:
        for level in range(LEVELS):
            start[warp, level + 1] += start[warp, level]
    together()
    for dim in range(first + lane, last, LANES):
        step = step_of(words, own, dim)
        slot = cuda.atomic.add(start, (warp, LEVELS - 1 - telling[dim, step]), 1)
        if slot < RANKED:
            ranked[place, slot] = np.uint32(dim * (TOP + 1)) + np.uint32(step)


# ------------------------------------------------------------------ who is within reach


@device_function
def aim(steps, own, first, last, words, ranked, place, offset, low, high, low_word, high_word, warp, lane):
    """Set what is in reach of a query: low and high of its ranked dimensions, low_word and high_word of all."""
    together()
    here = warp * RANKED
    for item in range(lane, RANKED, LANES):
        if item < last - first:
            step = np.uint64(ranked[place, item]) & np.uint64(TOP)
            offset[here + item] = ranked[place, item] // np.uint32(TOP + 1) * np.uint32(LANES)
            low[here + item] = ONES * (step - min(step, steps))
            high[here + item] = ONES * min(step + steps, np.uint64(TOP)) + SET + SET
        else:  # all are in reach, so that dimensions can be looked at several at a time
            offset[here + item] = np.uint32(first * LANES)
            low[here + item] = np.uint64(0)
            high[here + item] = ONES * np.uint64(TOP) + SET + SET
    for word in range(lane, min(WORDS, (last - first) // BYTES), LANES):
        query = words[own, first // BYTES + word]
        below = query - ONES * steps
        kept = (below & SET) >> np.uint64(7)
        low_word[warp * WORDS + word] = below & ((kept << np.uint64(7)) - kept)
        beyond = (query & ~SET) + ONES * steps
        over = (beyond & SET) >> np.uint64(7)
        high_word[warp * WORDS + word] = ((beyond | ((over << np.uint64(7)) - over)) & ~SET) + SET + SET
    together()


@device_function
def sift(block, codes, all_dims, n_dims, offset, low, high, own, n, queue, waiting, warp, lane):
    """Append the points of a block that the ranked dimensions leave in reach to queue[warp]; return its length."""
    alive = SET
    base = np.uint64(block * all_dims * LANES + lane)
    item = np.uint64(warp * RANKED)
    end = item + np.uint64(min(RANKED, n_dims))
    lanes = LANES
    while item < end and lanes > FEW:
        for ahead in range(LOOK):
            entry = item + np.uint64(ahead)
            word = codes[base + np.uint64(offset[entry])]
            alive &= (word - low[entry]) & (high[entry] - word)
        item += np.uint64(LOOK)
        lanes = lanes_where(alive != np.uint64(0))
    if lanes > 0:
        if alive != np.uint64(0):
            for byte in range(BYTES):
                point = block * BLOCK + lane * BYTES + byte
                if (alive >> np.uint64(8 * byte)) & np.uint64(128) and point < n and point != own:
                    queue[warp, cuda.atomic.add(waiting, (warp, 0), 1)] = point
        together()
    return waiting[warp, 0]


@device_function
def take(queue, waiting, which, warp, lane):
    """Take for each lane a point from the end of queue[warp], NOBODY where it is empty; waiting[warp, which] is its length."""
    place = waiting[warp, which] - 1 - lane
    point = queue[warp, place] if place >= 0 else NOBODY
    together()
    if lane == 0:
        waiting[warp, which] = max(0, waiting[warp, which] - LANES)
    together()
    return point


@device_function
def check(point, first, last, words, low_word, high_word, queue, waiting, warp, lane):
    """Append the lanes' points that are in reach in all dimensions to queue[warp]; return its length."""
    alive = SET if point != NOBODY else np.uint64(0)
    row, begin = np.uint64(max(point, 0)), np.uint64(first // BYTES)
    end = np.uint64(min(WORDS, (last - first) // BYTES))
    here = np.uint64(warp * WORDS)
    word = np.uint64(0)
    while word < end and lanes_where(alive == SET) > 0:
        for ahead in range(LOOK):
            item = min(word + np.uint64(ahead), end - np.uint64(1))  # the last word again, where there is none
            steps = words[row, begin + item]
            alive &= (steps - low_word[here + item]) & (high_word[here + item] - steps)
        word += np.uint64(LOOK)
    if alive == SET:
        queue[warp, cuda.atomic.add(waiting, (warp, 1), 1)] = point
    together()
    return waiting[warp, 1]


@device_function
def distance_below(rows, a, b, first, last, bound):
    """Distance of two points in the columns from first to last, or any value >= bound once it is one."""
    far = 0.0
    column = first
    while column < last and far < bound:
        for at in range(column, min(column + 8, last)):
            far = max(far, abs(np.float64(rows[a, at]) - np.float64(rows[b, at])))
        column += 8
    return far


@kernel_of_many_warps
def search(rows, last_column, codes, words, steps_per_unit, queries, ranked, reach, ks, radius):
    """Fill radius (len(ks), m) with the distances from queries (m,) to their neighbours of the orders ks, ascending."""
    offset = cuda.shared.array(ALL_RANKED, np.uint32)
    low = cuda.shared.array(ALL_RANKED, np.uint64)
    high = cuda.shared.array(ALL_RANKED, np.uint64)
    low_word = cuda.shared.array(ALL_WORDS, np.uint64)
    high_word = cuda.shared.array(ALL_WORDS, np.uint64)
    sifted = cuda.shared.array((WARPS, SIFTED), np.int32)
    checked = cuda.shared.array((WARPS, CHECKED), np.int32)
    waiting = cuda.shared.array((WARPS, 2), np.int32)
    best = cuda.shared.array((WARPS, LIST), np.float64)
    fresh = cuda.shared.array((WARPS, LANES), np.float64)
    lane, warp = cuda.threadIdx.x, cuda.threadIdx.y
    place = cuda.blockIdx.x * WARPS + warp
    if place >= len(queries):
        return
    own, n, k, dims = queries[place], len(rows), ks[len(ks) - 1], words.shape[1] * BYTES
    n_blocks, home = (n + BLOCK - 1) // BLOCK, own // BLOCK
    for slot in range(lane, LIST, LANES):
        best[warp, slot] = np.inf
    if lane < 2:
        waiting[warp, lane] = 0
    bound, aimed = reach[own], np.uint64(TOP + 1)
    n_checked = 0
    for step in range(n_blocks):
        block = home if step == 0 else step - 1 if step <= home else step
        steps = steps_within(bound, steps_per_unit[0])
        if steps < aimed:
            aimed = steps
            aim(steps, own, 0, dims, words, ranked, place, offset, low, high, low_word, high_word, warp, lane)
        n_sifted = sift(block, codes, dims, dims, offset, low, high, own, n, sifted, waiting, warp, lane)
        least = 1 if step == 0 or step == n_blocks - 1 else LANES
        while n_sifted >= least or n_checked >= least:
            if n_sifted >= least and n_checked < LANES:
                point = take(sifted, waiting, 0, warp, lane)
                n_sifted = waiting[warp, 0]
                n_checked = check(point, 0, dims, words, low_word, high_word, checked, waiting, warp, lane)
            else:
                point = take(checked, waiting, 1, warp, lane)
                n_checked = waiting[warp, 1]
                distance = np.inf
                if point != NOBODY:
                    distance = distance_below(rows, own, point, 0, last_column, best[warp, k - 1])
                enter_all(distance, best, fresh, k, warp, lane)
                bound = min(bound, best[warp, k - 1])
    for m in range(lane, len(ks), LANES):
        radius[m, place] = best[warp, ks[m] - 1]


@kernel_of_many_warps
def count(rows, first_column, last_column, codes, words, first, last, steps_per_unit, queries, ranked, radius, counts):
    """Add to counts (radii, m) the other points strictly nearer than radius (radii, m), ascending, to queries (m,), in the
    columns from first_column to last_column, which are the dims from first to last.
    """
    offset = cuda.shared.array(ALL_RANKED, np.uint32)
    low = cuda.shared.array(ALL_RANKED, np.uint64)
    high = cuda.shared.array(ALL_RANKED, np.uint64)
    low_word = cuda.shared.array(ALL_WORDS, np.uint64)
    high_word = cuda.shared.array(ALL_WORDS, np.uint64)
    sifted = cuda.shared.array((WARPS, SIFTED), np.int32)
    checked = cuda.shared.array((WARPS, CHECKED), np.int32)
    waiting = cuda.shared.array((WARPS, 2), np.int32)
    lane, warp = cuda.threadIdx.x, cuda.threadIdx.y
    place = cuda.blockIdx.x * WARPS + warp
    if place >= len(queries):
        return
    own, n, dims = queries[place], len(rows), words.shape[1] * BYTES
    n_blocks, within = (n + BLOCK - 1) // BLOCK, radius[len(radius) - 1, place]
    if lane < 2:
        waiting[warp, lane] = 0
    steps = steps_within(within, steps_per_unit[0])
    aim(steps, own, first, last, words, ranked, place, offset, low, high, low_word, high_word, warp, lane)
    n_checked = 0
    for block in range(n_blocks):
        n_sifted = sift(block, codes, dims, last - first, offset, low, high, own, n, sifted, waiting, warp, lane)
        least = 1 if block == n_blocks - 1 else LANES
        while n_sifted >= least or n_checked >= least:
            if n_sifted >= least and n_checked < LANES:
                point = take(sifted, waiting, 0, warp, lane)
                n_sifted = waiting[warp, 0]
                n_checked = check(point, first, last, words, low_word, high_word, checked, waiting, warp, lane)
            else:
                point = take(checked, waiting, 1, warp, lane)
                n_checked = waiting[warp, 1]
                if point != NOBODY:
                    distance = distance_below(rows, own, point, first_column, last_column, within)
                    for m in range(len(radius)):
                        if distance < radius[m, place]:
                            cuda.atomic.add(counts, (m, place), 1)
