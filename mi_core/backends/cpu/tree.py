"""The block tree: exact neighbours of few or many dimensions without looking at most points.

    joint tree -> each query: its own block, then those children of the boxes above it that its radius still reaches -> radius
    each side  -> one dimension: two binary searches in its sorted values
                  more: its own tree, walked from the root, boxes that the ball holds whole counted without a visit -> n_x, n_y

Exactness. Rounding is monotone, so distances that are computed by one subtraction keep the order of the true ones, and the
same subtraction from a box's side bounds those of all points in it. Lanes have the dtype of the data. float32 lanes decide all
but equalities (`mi_core.backends.cpu.brute` says why): a distance below float32(radius) is below the radius in float64 too, one
above it is not, and only one equal to it is computed again in float64.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mi_core._prepare import joined
from mi_core.backends.cpu.jit import inlined, jit
from mi_core.backends.cpu.least import SPARE, Gathered, insert, kth_least, kth_of_few, one_by_one, room_for, sort_few
from mi_core.backends.cpu.left_out import NOBODY
from mi_core.backends.cpu.line import Line, count_line
from mi_core.backends.cpu.simd import (
    LANES,
    any_between,
    at,
    at_most,
    below,
    bit_count,
    greater,
    larger_difference,
    larger_distance,
    lesser,
    load,
    lowest_bit,
    scaled_sum,
    splat,
    store,
)
from mi_core.backends.cpu.tree_build import TILE_BLOCKS, Tree, build_tree
from mi_core.backends.cpu.workers import WHOLE, Workers, for_blocks
from mi_core.backends.reached import in_order, to_count
from mi_core.types import FloatArray, IntArray, Progress, Samples, Share

SMALL = 40_000  # n * dimensions below which starting threads costs more than they save
MANY = 16  # neighbours from which gathering them takes less than inserting each in its place, whose cost grows with k squared
WIDER = np.float32(1.3)  # the bound of a second search
DEARER, CHEAPER = 1.1, 0.995  # what a second search, and a query, do to the share of a distance by which bounds are guessed
LOOK = 12  # dimensions between two looks at whether any of 32 points or boxes is still near enough


class Index(NamedTuple):
    """All that is prepared before the first query."""

    joint: Tree
    sides: tuple[Tree | Line, ...]


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
    steps = -(-len(parts[0]) // LANES) * (1 + len(sides))
    with Workers(few_threads(sum(part.size for part in parts), threads), progress, steps) as workers:
        index = prepare(parts, sides, ks, workers)
        return answer(index, ks, workers, left_out=left_out, reached=reached, tile_blocks=tile_blocks)


def prepare(parts: tuple[Samples, ...], sides: tuple[tuple[int, int], ...], ks: tuple[int, ...], workers: Workers) -> Index:
    """All that does not depend on who asks; the contract of `mi_core.backends`."""
    joint = build_tree(columns_by_spread(joined(parts)), workers)
    whole = 0, len(parts)
    return Index(
        joint,
        tuple(joint if side == whole else index_side(joined(parts[side[0] : side[1]]), joint.order, workers) for side in sides),
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
    n = len(index.joint.order)
    orders = np.array(ks)
    radius = np.zeros((len(ks), n))
    find = radius_tile if ks[-1] < MANY else radius_tile_of_many

    def work(first: int, last: int) -> None:
        find(index.joint, orders, left_out, radius, first, last)

    for_blocks(work, len(index.joint.blocks), tile_blocks, workers, share)
    within = to_count(radius, reached)
    counts = np.zeros((len(index.sides), len(within), n), np.int64)
    for side, out in zip(index.sides, counts, strict=True):
        count_side(side, within, out, tile_blocks, workers, share)
    return radius, in_order(counts, radius, reached)


def count_nearer(points: Samples, radius: FloatArray, *, threads: int, progress: Progress | None = None) -> IntArray:
    """Counts (m, n) of other points strictly nearer than radius (m, n); the contract of `mi_core.backends`."""
    counts = np.empty(radius.shape, np.int64)
    with Workers(few_threads(points.size, threads), progress, -(-len(points) // LANES)) as workers:
        side = index_side(points, np.argsort(points[:, 0]).astype(np.uint32), workers)
        count_side(side, radius, counts, TILE_BLOCKS, workers)
    return counts


def few_threads(size: int, threads: int) -> int:
    """One thread where there is little to do: `size` numbers."""
    return threads if size > SMALL else 1


def columns_by_spread(points: Samples) -> Samples:
    """(dim, n), the dimensions that spread most first: they tell soonest that a point is too far."""
    if points.shape[1] <= LOOK:  # all are looked at anyway
        return np.ascontiguousarray(points.T)
    sample = points[:: max(1, len(points) // 1000)].astype(np.float64)
    with np.errstate(over="ignore"):  # an order is all that is wanted
        spread = np.abs(sample - np.median(sample, axis=0)).mean(axis=0)
    return np.ascontiguousarray(points.T[np.argsort(-spread, kind="stable")])


# ------------------------------------------------------------------ one query; `query` is where it starts in tree.blocks


@inlined
def first_lanes(count):
    """The lowest min(count, LANES) bits."""
    return (np.uint64(2) << np.uint64(min(LANES, count) - 1)) - np.uint64(1)


@inlined
def exact_distance(blocks, a, b):
    """Distance, in float64, of the points that start at flat indices a and b."""
    far = 0.0
    for dim in range(blocks.shape[1]):
        far = max(far, abs(np.float64(at(blocks, a + dim * LANES)) - np.float64(at(blocks, b + dim * LANES))))
    return far


@inlined
def point_distances(blocks, query, block, limit):
    """Lane i: distance from the query to point i of `block`; once all are beyond limit, any values that are."""
    dims = blocks.shape[1]
    point = block * dims * LANES
    far = splat(blocks.dtype.type(0))
    looked = 0
    while looked + LOOK < dims:
        for dim in range(looked, looked + LOOK):
            far = larger_distance(far, load(blocks, point + dim * LANES), splat(at(blocks, query + dim * LANES)))
        looked += LOOK
        if at_most(far, splat(limit)) == 0:
            return far
    for dim in range(looked, dims):
        far = larger_distance(far, load(blocks, point + dim * LANES), splat(at(blocks, query + dim * LANES)))
    return far


@inlined
def near_walls(blocks, walls, query, box, limit):
    """Lane i: least distance that a point in child i of `box` can have; once all are beyond limit, any values that are."""
    dims = blocks.shape[1]
    low = box * 2 * dims * LANES
    high = low + dims * LANES
    near = splat(blocks.dtype.type(0))
    looked = 0
    while looked < dims:
        for dim in range(looked, min(looked + LOOK, dims)):
            here = splat(at(blocks, query + dim * LANES))
            near = larger_difference(near, load(walls, low + dim * LANES), here)
            near = larger_difference(near, here, load(walls, high + dim * LANES))
        looked += LOOK
        if at_most(near, splat(limit)) == 0:
            break
    return near


@inlined
def far_walls(blocks, walls, query, box, limit):
    """Lane i: largest distance that a point in child i of `box` can have; once none is below limit, any such values."""
    dims = blocks.shape[1]
    low = box * 2 * dims * LANES
    high = low + dims * LANES
    far = splat(blocks.dtype.type(0))
    looked = 0
    while looked < dims:
        for dim in range(looked, min(looked + LOOK, dims)):
            here = splat(at(blocks, query + dim * LANES))
            far = larger_difference(far, load(walls, high + dim * LANES), here)
            far = larger_difference(far, here, load(walls, low + dim * LANES))
        looked += LOOK
        if below(far, splat(limit)) == 0:
            break
    return far


# ------------------------------------------------------------------ the radius


@jit
def radius_tile(tree, ks, left_out, radius, first, last):
    """Radius (len(ks), n) of the queries of blocks first to last: distances to their ks-th neighbours.

    left_out: (n, 2) for each row the range of rows that are no neighbours of it, or (0, 2).
    """
    order, blocks = tree.order, tree.blocks
    n, k, height = len(order), ks[-1], len(tree.sizes)
    nearest = np.empty(k)
    least = np.empty((k + 1, LANES), tree.blocks.dtype)
    near = np.empty((height, LANES), tree.blocks.dtype)
    nodes = np.empty(height, np.int64)
    todo = np.empty(height, np.uint64)
    for block in range(first, last):
        start = block * LANES
        if k < LANES and len(left_out) == 0:
            warm_bounds(blocks, block, least)
        else:
            least[k] = np.inf
        for lane in range(min(LANES, n - start)):
            nearest[:] = np.inf
            no_first, no_last = np.int64(0), np.int64(0)
            if len(left_out) > 0:
                no_first, no_last = left_out[order[start + lane], 0], left_out[order[start + lane], 1]
            search(tree, block, lane, no_first, no_last, nearest, enter, least[k, lane], near, nodes, todo)
            for m in range(len(ks)):
                radius[m, order[start + lane]] = nearest[ks[m] - 1]


@jit
def radius_tile_of_many(tree, ks, left_out, radius, first, last):
    """Radius (len(ks), n) as `radius_tile` has it, for a last of ks that is large.

    Bounds are guesses from earlier queries. Where fewer than k points lie within, 1 query in 20, it searches further.
    """
    order, blocks = tree.order, tree.blocks
    n, k, height = len(order), ks[-1], len(tree.sizes)
    room = room_for(k)
    gathered = Gathered(
        k,
        lanes=np.empty(room * LANES, blocks.dtype),
        bits=np.empty(room, np.uint64),
        blocks=np.empty(room, np.uint32),
        distances=np.empty(room, blocks.dtype),
        places=np.empty(room, np.uint32),
        exact=np.empty(2 * room),
        counts=np.empty(3, np.int64),
        limit=np.empty(1),
    )
    ascending = np.empty(k, blocks.dtype)
    bounds = np.empty(LANES, blocks.dtype)
    near = np.empty((height, LANES), blocks.dtype)
    nodes = np.empty(height, np.int64)
    todo = np.empty(height, np.uint64)
    query, reached, share = np.int64(0), np.inf, 0.5
    for block in range(first, last):
        bounds[:] = np.inf
        guess_bounds(bounds, blocks, query, block, reached, share)
        for lane in range(min(LANES, n - block * LANES)):
            row = order[block * LANES + lane]
            no_first, no_last = np.int64(0), np.int64(0)
            if len(left_out) > 0:
                no_first, no_last = left_out[row, 0], left_out[row, 1]
            bound = bounds[lane]
            while True:
                gathered.counts[:] = 0
                gathered.limit[0] = np.inf
                search(tree, block, lane, no_first, no_last, gathered, gather, bound, near, nodes, todo)
                if gathered.counts[1] + gathered.counts[2] >= k or bound == np.inf:
                    break
                share = min(1.0, share * DEARER)
                bound = bound * WIDER if 0 < bound <= bounds[lane] else blocks.dtype.type(np.inf)
            share *= CHEAPER
            query = block * blocks.shape[1] * LANES + lane
            distance = find_kth(blocks, query, gathered)
            reached = radius[len(ks) - 1, row] = gathered.limit[0]
            if len(ks) > 1:
                keep(blocks, gathered, distance)
                radii_within(blocks, query, gathered, ks, ascending, radius, row)
            guess_bounds(bounds, blocks, query, block, reached, share)


@jit
def guess_bounds(bounds, blocks, query, block, reached, share):
    """Lower bounds (LANES,) for the queries of `block` by what another query reached: that, and a share of the distance to it.

    With the whole distance no bound would be too low, but many times as many points would lie within.
    """
    one = blocks.dtype.type
    distances = point_distances(blocks, query, block, one(np.inf))
    likely = scaled_sum(splat(one(reached)), distances, splat(one(share)))
    store(bounds, 0, lesser(load(bounds, 0), likely))


@jit
def warm_bounds(blocks, block, least):
    """Sort into least[j, i] the j-th smallest distance from query i of `block` to the points of that block.

    All 32 queries at once: the search then starts with 4 insertions a query instead of 10. The query itself is one of the
    points, so least (k + 1, LANES) ends with the distance to the k-th other one.
    """
    dims = blocks.shape[1]
    least[:] = np.inf
    for point in range(LANES):
        far = splat(blocks.dtype.type(0))
        for dim in range(dims):
            here = block * dims * LANES + dim * LANES
            far = larger_distance(far, load(blocks, here), splat(at(blocks, here + point)))
        for slot in range(len(least)):
            held = load(least, slot * LANES)
            store(least, slot * LANES, lesser(held, far))
            far = greater(held, far)


@inlined
def search(tree, block, lane, no_first, no_last, found, visit, bound, near, nodes, todo):
    """Have `visit`, `enter` or `gather`, put into `found` the points that may be among the nearest of query `lane` of `block`.

    None of these is further than bound, nor one of the rows no_first to no_last.

    From its own block upwards; at each level the other children of the box there, and what is under them. near (height,
    LANES), nodes (height,) and todo (height,) are scratch: at each level the box that is open, how far its children are, and
    the bits of those still to visit.
    """
    query = block * tree.blocks.shape[1] * LANES + lane
    own_lane, came_from, node = lane, block, block
    top, level, done = 0, 1, np.uint64(0)
    while True:
        bound = visit(tree.blocks, tree.order, query, own_lane, node, no_first, no_last, found, bound)
        own_lane = LANES
        while True:  # to the next block
            while level <= top and not todo[level]:
                level += 1
            if level > top:
                top += 1
                if top == len(tree.sizes):
                    return
                level, done = top, np.uint64(1) << np.uint64(came_from % LANES)
                node = came_from = came_from // LANES
            else:
                child = lowest_bit(todo[level])
                todo[level] &= todo[level] - np.uint64(1)
                if near[level, child] > bound:  # the bound has shrunk since the box was opened
                    continue
                node = nodes[level] * LANES + child
                if level == 1:
                    break
                level -= 1
            distances = near_walls(tree.blocks, tree.walls, query, tree.offsets[level] + node, bound)
            store(near, level * LANES, distances)
            present = first_lanes(tree.sizes[level - 1] - node * LANES)
            nodes[level], todo[level] = node, at_most(distances, splat(bound)) & present & ~done
            done = np.uint64(0)


@inlined
def enter(blocks, order, query, own_lane, block, no_first, no_last, nearest, bound):
    """Enter the points of `block` into nearest (k,), ascending; return the bound that is left for others."""
    bits = at_most(point_distances(blocks, query, block, bound), splat(bound)) & ~(np.uint64(1) << np.uint64(own_lane))
    while bits:
        lane = lowest_bit(bits)
        bits &= bits - np.uint64(1)
        distance = exact_distance(blocks, query, block * blocks.shape[1] * LANES + lane)
        if distance < nearest[-1]:
            if no_last > 0 and no_first <= order[block * LANES + lane] < no_last:
                continue
            insert(nearest, distance)
            if nearest[-1] == 0:  # as near as can be: nothing else needs a look
                return blocks.dtype.type(-1)
            if nearest[-1] < np.inf:
                bound = min(bound, blocks.dtype.type(nearest[-1]))
    return bound


@inlined
def gather(blocks, order, query, own_lane, block, no_first, no_last, gathered, bound):
    """Add the points of `block` that may be among the nearest k to those gathered; return the bound that is left for others."""
    distances = point_distances(blocks, query, block, bound)
    bits = below(distances, splat(bound))
    if any_between(distances, splat(bound), splat(bound)):
        bits |= just_within(blocks, query, block, distances, bound, gathered.limit[0])
    bits &= ~(np.uint64(1) << np.uint64(own_lane))
    if no_last > 0:
        bits = those_not_of(order, block, no_first, no_last, bits)
    here = gathered.counts[0]
    store(gathered.lanes, here * LANES, distances)
    gathered.bits[here], gathered.blocks[here] = bits, block
    gathered.counts[0] = here + (bits != 0)
    gathered.counts[1] += bit_count(bits)
    if gathered.counts[1] + gathered.counts[2] >= gathered.k + SPARE:
        bound = find_kth(blocks, query, gathered)
        keep(blocks, gathered, bound)
        bound = bound if bound > 0 else blocks.dtype.type(-1)  # as near as can be: nothing else needs a look
    return bound


@inlined
def just_within(blocks, query, block, distances, bound, limit):
    """The points of `block` just at the bound whose exact distance is less than limit."""
    equal = at_most(distances, splat(bound)) & ~below(distances, splat(bound))
    if limit == np.inf:  # also what fills the last block beside a bound of inf: it sorts last
        return equal
    bits = np.uint64(0)
    if blocks.itemsize == 8:
        return bits
    while equal:
        lane = lowest_bit(equal)
        equal &= equal - np.uint64(1)
        bits |= np.uint64(exact_distance(blocks, query, block * blocks.shape[1] * LANES + lane) < limit) << np.uint64(lane)
    return bits


@inlined
def those_not_of(order, block, no_first, no_last, bits):
    """The points of `block` among bits that are none of the rows no_first to no_last."""
    kept = bits
    while bits:
        lane = lowest_bit(bits)
        bits &= bits - np.uint64(1)
        if no_first <= order[block * LANES + lane] < no_last:
            kept &= ~(np.uint64(1) << np.uint64(lane))
    return kept


@jit
def find_kth(blocks, query, gathered):
    """Bring the exact distance of the k-th nearest of those gathered, inf if there is none, to gathered.limit.

    Return it as the lanes have it.
    """
    held, k = one_by_one(gathered), gathered.k
    if held < k:
        gathered.limit[0] = np.inf
        return blocks.dtype.type(np.inf)
    distance = kth_least(gathered.distances, held, k)
    nearer, number = exact_ties(blocks, query, gathered, held, distance)
    gathered.limit[0] = exact_kth(gathered, k, distance, nearer, number)
    return distance


@jit
def radii_within(blocks, query, gathered, ks, ascending, radius, row):
    """Radius (len(ks), n) of row `row`, for all but the last of ks, from what `keep` left."""
    held = gathered.counts[2]
    sort_few(gathered.distances, held, ascending)
    distance, nearer, number = blocks.dtype.type(-1), 0, 0
    for m in range(len(ks) - 1):
        radius[m, row] = np.inf
        if ks[m] <= held:
            if ascending[ks[m] - 1] != distance:
                distance = ascending[ks[m] - 1]
                nearer, number = exact_ties(blocks, query, gathered, held, distance)
            radius[m, row] = exact_kth(gathered, ks[m], distance, nearer, number)


@inlined
def exact_ties(blocks, query, gathered, held, distance):
    """Write the exact distances of those that are as far as `distance` in the lanes, mostly one, to gathered.exact.

    Return how many are nearer, and how many were written: 1 where all are the same, 0 where the lanes are exact.
    """
    nearer = number = 0
    if blocks.itemsize == 8 or distance == 0:
        return nearer, number
    least, most = np.inf, 0.0
    for i in range(0, held, LANES):
        lanes = load(gathered.distances, i)
        bits = below(lanes, splat(distance))
        nearer += bit_count(bits)
        equal = at_most(lanes, splat(distance)) & ~bits
        while equal:
            place = np.int64(gathered.places[i + lowest_bit(equal)])
            exact = exact_distance(blocks, query, place // LANES * (blocks.shape[1] * LANES) + place % LANES)
            least, most = min(least, exact), max(most, exact)
            gathered.exact[number] = exact
            number += 1
            equal &= equal - np.uint64(1)
    return nearer, number if least < most else 1


@inlined
def exact_kth(gathered, k, distance, nearer, number):
    """The k-th least exact distance of those gathered: the k-th least in the lanes, and what `exact_ties` says of it."""
    if number == 0:
        return np.float64(distance)
    return gathered.exact[0] if number == 1 else kth_of_few(gathered.exact, number, k - nearer)


@jit
def keep(blocks, gathered, distance):
    """Keep the nearest k of those gathered, once `find_kth` has returned `distance`."""
    held, k, distances, places = gathered.counts[2], gathered.k, gathered.distances, gathered.places
    if held <= k:
        return
    kept = 0
    for i in range(held):
        near = distances[i]
        distances[kept] = near
        places[kept] = places[i]
        kept += near <= distance
    if kept > k:  # more than one are as far as the k-th in the lanes
        held, kept, number, last = kept, np.int64(0), 0, places[0]
        for i in range(held):
            near, place = distances[i], places[i]
            wanted = near < distance
            if not wanted:  # exact distances have the order in which `exact_ties` met them
                exact = np.float64(distance) if blocks.itemsize == 8 or distance == 0 else gathered.exact[number]
                number += 1
                wanted = exact < gathered.limit[0]
                last = place if exact == gathered.limit[0] else last
            distances[kept] = near
            places[kept] = place
            kept += wanted
        distances[kept:k] = distance  # all as far as the k-th, so that one can stand for each
        places[kept:k] = last
    gathered.counts[2] = k


# ------------------------------------------------------------------ counts in a side


def index_side(points: Samples, order: NDArray[np.uint32], workers: Workers) -> Tree | Line:
    """What counts in one side (n, dim) need; `order` (n,) puts near points together."""
    if points.shape[1] > 1:
        return build_tree(columns_by_spread(points), workers)
    values = points[:, 0].copy()  # side by side
    return Line(order, values, np.sort(values))


def count_side(
    side: Tree | Line, radius: FloatArray, counts: IntArray, tile_blocks: int, workers: Workers, share: Share = WHOLE
) -> None:
    """Counts (m, n): other points strictly nearer than radius (m, n), which is 0 beside `share`."""
    if isinstance(side, Line):
        count_line(side, radius, counts, tile_blocks, workers, share)
    else:  # its order is not that of the shares, but a query of radius 0 is soon answered
        count_space(side, radius, counts, tile_blocks, workers)


# ------------------------------------------------------------------ counts in two or more dimensions


def count_space(tree: Tree, radius: FloatArray, counts: IntArray, tile_blocks: int, workers: Workers) -> None:
    """Counts (m, n): other points of `tree` strictly nearer than radius (m, n), ascending along m."""
    within, reach = count_bounds(radius, tree.blocks.dtype)

    def work(first: int, last: int) -> None:
        count_tile(tree, radius, within, reach, counts, first, last)

    for_blocks(work, len(tree.blocks), tile_blocks, workers)


def count_bounds(radius: FloatArray, dtype: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """(within, reach): lanes below `within` are strictly nearer than the radius, those above `reach` are not."""
    if dtype == np.float64:
        return radius, np.nextafter(radius, -np.inf)  # nothing lies between
    with np.errstate(over="ignore"):
        rounded = radius.astype(np.float32)
    return rounded, rounded


@jit
def count_tile(tree, radius, within, reach, counts, first, last):
    """Counts (m, n) of the queries of blocks first to last: others strictly nearer than radius (m, n), ascending along m."""
    order, dims = tree.order, tree.blocks.shape[1]
    n = len(order)
    nodes = np.empty(len(tree.sizes), np.int64)
    todo = np.empty(len(tree.sizes), np.uint64)
    for block in range(first, last):
        for lane in range(min(LANES, n - block * LANES)):
            row = order[block * LANES + lane]
            counts[:, row] = 0
            if radius[-1, row] > 0:
                count_query(tree, block * dims * LANES + lane, row, radius, within, reach, counts, nodes, todo)


@inlined
def count_query(tree, query, row, radius, within, reach, counts, nodes, todo):
    """Count other points that are strictly nearer to the query, which is row `row`, than its radii.

    One walk for all of these: a box within the least of them is counted whole, one beyond the largest passed over.
    """
    n, most = len(tree.order), len(radius) - 1
    far_reach, near_within = reach[most, row], within[0, row]
    count = 0  # for all radii
    level, node = len(tree.sizes) - 1, 0
    while True:
        box = tree.offsets[level] + node
        children = min(LANES, tree.sizes[level - 1] - node * LANES)
        near = near_walls(tree.blocks, tree.walls, query, box, far_reach)
        touched = at_most(near, splat(far_reach)) & first_lanes(children)
        far = far_walls(tree.blocks, tree.walls, query, box, near_within)
        held = below(far, splat(near_within)) & touched
        touched &= ~held
        count += bit_count(held) * LANES**level
        if held >> np.uint64(children - 1):  # the very last child of a level may be part empty
            count -= max(0, (node * LANES + children) * LANES**level - n)
        if level == 1:
            while touched:
                count_block(tree.blocks, query, node * LANES + lowest_bit(touched), row, radius, within, reach, counts)
                touched &= touched - np.uint64(1)
        nodes[level], todo[level] = node, touched
        while not todo[level]:  # go on with the next child of the lowest box that has one
            level += 1
            if level == len(tree.sizes):
                for m in range(len(radius)):
                    counts[m, row] += count - (radius[m, row] > 0)
                return
        node = nodes[level] * LANES + lowest_bit(todo[level])
        todo[level] &= todo[level] - np.uint64(1)
        level -= 1


@inlined
def count_block(blocks, query, block, row, radius, within, reach, counts):
    """Count the points of `block` that are strictly nearer to the query than its radii."""
    distances = point_distances(blocks, query, block, reach[-1, row])
    for m in range(len(radius)):
        limit = splat(within[m, row])
        sure = below(distances, limit)
        count = bit_count(sure)
        if blocks.itemsize < 8 and any_between(distances, limit, splat(reach[m, row])):
            unsure = at_most(distances, splat(reach[m, row])) & ~sure
            while unsure:
                count += exact_distance(blocks, query, block * blocks.shape[1] * LANES + lowest_bit(unsure)) < radius[m, row]
                unsure &= unsure - np.uint64(1)
        counts[m, row] += count
