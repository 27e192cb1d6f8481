"""Few dimensions: boxes over points that a space-filling curve has sorted, and one thread for each query.

    boxes       of LEAF points side by side, of FANOUT boxes side by side, and so on up to one
    find_radii  from the query's own leaf upwards: at each level the other children, unless they lie out of reach
    count_near  from the root: boxes out of reach are left out, boxes wholly within are counted whole
    count_line  in one dimension: two binary searches among the sorted values

Near queries are neighbours in the launch, too, so the threads of a warp take much the same way. All is float64: narrow data are
small, and nothing is left to settle. Bounds from boxes are exact, since rounding is monotone: one subtraction from a box's side
bounds those from all points in it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mi_core.backends.cuda.device import SIMULATED, Array, converted, cuda, device_function, kernel, launch, xp
from mi_core.backends.cuda.order import CURVE_DIMS, by_ranks, by_spread, look_at

LEAF = 3 if SIMULATED else 16  # points; three, so that one may be part empty and still hold two
BITS = 1 if SIMULATED else 2
FANOUT = 2**BITS
THREADS = 4 if SIMULATED else 128  # of a block


class Tree(NamedTuple):
    """Points of one space, near ones side by side, and the boxes above them, level by level."""

    order: Array  # (n,): the sample that each point is
    points: Array  # (n, dims), float64
    low: Array  # (n_boxes, dims): corners of the boxes, those of the leaves first
    high: Array
    offsets: Array  # (levels,): where each level begins

    @property
    def n(self) -> int:
        """Number of points."""
        return len(self.order)


def arrange(samples: Array) -> Tree:
    """Tree of samples (n, dim) on the device."""
    samples = converted(samples, np.float64)
    order = by_ranks(samples.T[by_spread(look_at(samples))[:CURVE_DIMS]])
    points = xp.ascontiguousarray(samples[order])
    lows, highs = [hulls(points, LEAF, xp.min)], [hulls(points, LEAF, xp.max)]
    while len(lows[-1]) > 1:
        lows.append(hulls(lows[-1], FANOUT, xp.min))
        highs.append(hulls(highs[-1], FANOUT, xp.max))
    offsets = np.cumsum([0, *(len(level) for level in lows[:-1])])
    return Tree(order, points, xp.concatenate(lows), xp.concatenate(highs), xp.asarray(offsets))


def hulls(corners: Array, group: int, extreme: Any) -> Array:
    """Extremes of each group of corners (m, dims) that are side by side; the last group may be part empty."""
    whole = len(corners) // group
    parts = [extreme(corners[: whole * group].reshape(whole, group, -1), axis=1)] if whole else []
    if whole * group < len(corners):
        parts.append(extreme(corners[whole * group :], axis=0)[np.newaxis])
    return xp.concatenate(parts)


def find_radii(tree: Tree, queries: Array, ks: tuple[int, ...]) -> Array:
    """Radius (len(ks), m) of queries (m,), places in the order of the tree; ks ascending."""
    nearest = xp.full((ks[-1], len(queries)), np.inf)
    launch(search, -(-len(queries) // THREADS), THREADS, tree.points, tree.low, tree.high, tree.offsets, queries, nearest)
    return nearest[xp.asarray(ks) - 1]


def count_within(tree: Tree, queries: Array, radius: Array) -> Array:
    """Counts (len(radius), m): other points strictly nearer than radius (len(radius), m) to queries (m,)."""
    counts = xp.empty(radius.shape, np.int64)
    grid = -(-len(queries) // THREADS), len(radius)
    if tree.points.shape[1] == 1:
        launch(count_line, grid, THREADS, tree.points[:, 0], queries, radius, counts)
    else:
        launch(count_near, grid, THREADS, tree.points, tree.low, tree.high, tree.offsets, queries, radius, counts)
    return counts


# ------------------------------------------------------------------ boxes and points


@device_function
def near_side(point, low, high, box):
    """Least distance that a point in a box can have from point (dims,)."""
    near = 0.0
    for dim in range(len(point)):
        near = max(near, max(low[box, dim] - point[dim], point[dim] - high[box, dim]))
    return near


@device_function
def far_side(point, low, high, box):
    """Largest distance that a point in a box can have from point (dims,)."""
    far = 0.0
    for dim in range(len(point)):
        far = max(far, max(high[box, dim] - point[dim], point[dim] - low[box, dim]))
    return far


@device_function
def chebyshev_below(a, b, bound):
    """Distance of two points (dims,), or any value >= bound once it is one."""
    distance = 0.0
    for dim in range(len(a)):
        distance = max(distance, abs(a[dim] - b[dim]))
        if distance >= bound:
            break
    return distance


@device_function
def highest_level(leaf, top):
    """Highest level up to `top` of which a box begins with this leaf."""
    level = 0
    while level < top and leaf & ((1 << (BITS * (level + 1))) - 1) == 0:
        level += 1
    return level


# ------------------------------------------------------------------ the radius


@kernel
def search(points, low, high, offsets, queries, nearest):
    """Fill nearest (k, m), infinite so far, with the distances from queries (m,) to their k nearest others, ascending."""
    query = cuda.grid(1)
    if query >= len(queries):
        return
    n_leaves = (len(points) + LEAF - 1) // LEAF
    own = queries[query]
    leaf = own // LEAF
    visit_leaf(points, leaf, own, nearest, query)
    first, last = leaf, leaf + 1  # leaves seen so far
    level = 0
    while last - first < n_leaves:
        shift = BITS * (level + 1)
        begin = leaf >> shift << shift
        end = min(begin + (1 << shift), n_leaves)
        visit_leaves(points, low, high, offsets, begin, first, level, own, nearest, query)
        visit_leaves(points, low, high, offsets, last, end, level, own, nearest, query)
        first, last = begin, end
        level += 1


@device_function
def visit_leaves(points, low, high, offsets, at, end, top, own, nearest, query):
    """Enter into a query's list the points of the leaves from `at` to `end`, whole boxes of level `top`."""
    level = top
    while at < end:
        if near_side(points[own], low, high, offsets[level] + (at >> (BITS * level))) >= nearest[len(nearest) - 1, query]:
            at += 1 << (BITS * level)
            level = highest_level(at, top)
        elif level > 0:
            level -= 1
        else:
            visit_leaf(points, at, own, nearest, query)
            at += 1
            level = highest_level(at, top)


@device_function
def visit_leaf(points, leaf, own, nearest, query):
    """Enter into a query's list the points of a leaf."""
    bound = nearest[len(nearest) - 1, query]
    for point in range(leaf * LEAF, min((leaf + 1) * LEAF, len(points))):
        if point != own:
            distance = chebyshev_below(points[own], points[point], bound)
            if distance < bound:
                insert(nearest, query, distance)
                bound = nearest[len(nearest) - 1, query]


@device_function
def insert(nearest, query, distance):
    """Put a distance, smaller than the last of nearest[:, query], into its place; the last falls out."""
    slot = len(nearest) - 1
    while slot > 0 and nearest[slot - 1, query] > distance:
        nearest[slot, query] = nearest[slot - 1, query]
        slot -= 1
    nearest[slot, query] = distance


# ------------------------------------------------------------------ counts in two or more dimensions


@kernel
def count_near(points, low, high, offsets, queries, radius, counts):
    """Counts (radii, m) of other points strictly nearer than radius (radii, m) to queries (m,); grid: (queries, radii)."""
    query, m = cuda.grid(1), cuda.blockIdx.y
    if query >= len(queries):
        return
    own, within = points[queries[query]], radius[m, query]
    n_leaves = (len(points) + LEAF - 1) // LEAF
    top = len(offsets) - 1
    count, at, level = 0, 0, top
    while at < n_leaves:
        box = offsets[level] + (at >> (BITS * level))
        if near_side(own, low, high, box) < within:
            if level > 0 and not far_side(own, low, high, box) < within:
                level -= 1
                continue
            if far_side(own, low, high, box) < within:
                count += min((at + (1 << (BITS * level))) * LEAF, len(points)) - at * LEAF
            else:
                for point in range(at * LEAF, min((at + 1) * LEAF, len(points))):
                    count += chebyshev_below(own, points[point], within) < within
        at += 1 << (BITS * level)
        level = highest_level(at, top)
    counts[m, query] = count - 1 if within > 0 else 0  # without the query itself


# ------------------------------------------------------------------ counts in one dimension


@kernel
def count_line(ascending, queries, radius, counts):
    """Counts (radii, m) of other values strictly nearer than radius (radii, m) to queries (m,), places in ascending (n,)."""
    query, m = cuda.grid(1), cuda.blockIdx.y
    if query >= len(queries):
        return
    own, within = queries[query], radius[m, query]
    here = ascending[own]
    near = first_within(ascending, here, within, 0, own)
    far = first_beyond(ascending, here, within, own, len(ascending) - own)
    counts[m, query] = far - near - 1 if within > 0 else 0


# Both test the contract's own rounded difference, as their CPU twins in `mi_core.backends.cpu.tree` do, which say why.


@device_function
def first_within(ascending, here, radius, start, size):
    """First i in [start, start + size] with here - ascending[i] < radius; the last is taken to be so."""
    while size > 0:
        half = size >> 1
        ahead = not (here - ascending[start + half] < radius)
        start = start + half + 1 if ahead else start
        size = size - half - 1 if ahead else half
    return start


@device_function
def first_beyond(ascending, here, radius, start, size):
    """First i in [start, start + size] with ascending[i] - here >= radius; the last is taken to be so."""
    while size > 0:
        half = size >> 1
        ahead = ascending[start + half] - here < radius
        start = start + half + 1 if ahead else start
        size = size - half - 1 if ahead else half
    return start
