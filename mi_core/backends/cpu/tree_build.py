"""Points in the order of a k-d tree, in blocks that vector instructions like, with boxes above them.

    points, ordered along a k-d tree --> blocks of 32 points --> boxes of 32 blocks --> boxes of 32 boxes --> ... one root

Splits are binary, at the median of the widest dimension; what is kept of them is the order alone. A block holds its points
dimension by dimension, and a box the walls of its 32 children likewise: one query against 32 points, or against 32 children,
is the same few vector instructions a dimension.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mi_core.backends.cpu.jit import jit
from mi_core.backends.cpu.simd import LANES
from mi_core.backends.cpu.workers import Workers
from mi_core.types import Samples

TILE_BLOCKS = 64  # about 1 ms of work for one thread
SERIAL = 20_000  # points up to which one thread orders them sooner than two


class Tree(NamedTuple):
    """Where everything stands; dims is the number of dimensions, height the number of levels, the blocks' level 0 included."""

    order: NDArray[np.uint32]  # (n,): the row of each point
    blocks: Samples  # (n_blocks, dims, LANES): coordinates; inf beside the last point
    walls: Samples  # (n_boxes, 2, dims, LANES): low and high walls of the children of each box
    sizes: NDArray[np.int64]  # (height,): number of nodes at each level
    offsets: NDArray[np.int64]  # (height,): index in `walls` of the first box of each level


def build_tree(columns: Samples, workers: Workers) -> Tree:
    """Tree of the points of columns (dims, n)."""
    dims, n = columns.shape
    sizes = [-(-n // LANES)]
    while len(sizes) < 2 or sizes[-1] > 1:
        sizes.append(-(-sizes[-1] // LANES))
    tree = Tree(
        order=np.empty(n, np.uint32),
        blocks=np.empty((sizes[0], dims, LANES), columns.dtype),
        walls=np.empty((sum(sizes[1:]), 2, dims, LANES), columns.dtype),
        sizes=np.array(sizes),
        offsets=np.cumsum([0, 0, *sizes[1:-1]]),
    )
    # Half way down, nodes fit the L2 cache: gather their points once, then split them in place (3 times as fast at n = 1e6).
    # The first two splits are one thread's work, the rest is shared.
    top = (sizes[0] - 1).bit_length()
    serial, middle = (max(0, top - 2), max(0, top - 5)) if n > SERIAL else (top, top)
    rows = np.arange(n, dtype=np.uint64)
    order_node(columns, rows, top, 0, serial)
    order_nodes(columns, rows, serial, middle, sizes[0], workers)
    if middle < top:
        gathered = np.empty_like(columns)
        near = columns
        workers.for_each_tile(lambda first, last: take_tile(near, rows, gathered, first, last), n, TILE_BLOCKS * LANES)
        columns = gathered
    keys = np.arange(n, dtype=np.uint64)
    order_nodes(columns, keys, middle, 0, sizes[0], workers)
    workers.for_each_tile(lambda first, last: fill_tile(columns, keys, rows, tree, first, last), sizes[1], 4)
    merge_walls(tree)
    return tree


def order_nodes(columns: Samples, keys: NDArray[np.uint64], level: int, lowest: int, n_blocks: int, workers: Workers) -> None:
    """Split all binary nodes of `level` down to level `lowest`."""

    def work(first: int, last: int) -> None:
        for node in range(first, last):
            order_node(columns, keys, level, node, lowest)

    if level > lowest:
        workers.for_each_tile(work, ((n_blocks - 1) >> level) + 1, 1)


@jit
def order_node(columns, keys, level, node, lowest):
    """Split binary node `node` of `level`, LANES * 2**level points, and all under it down to level `lowest`."""
    n = keys.shape[0]
    sample = np.empty(31, np.int64)
    for below in range(level - lowest):
        size = LANES << (level - below)
        for start in range((node << level) * LANES, min(n, ((node + 1) << level) * LANES), size):
            stop = min(n, start + size)
            if start + size // 2 < stop:
                dim, low = widest(columns, keys, start, stop)
                set_keys(columns[dim], low, keys, start, stop)
                select(keys, start, stop, start + size // 2, sample)


@jit
def widest(columns, keys, start, stop):
    """Dimension in which (a sample of) the points of keys[start:stop] spread furthest, and their lowest value there."""
    step = max(1, (stop - start) // 128)
    best, best_low, best_spread = 0, 0.0, -1.0
    for dim in range(columns.shape[0]):
        low = high = columns[dim, np.uint32(keys[start])]
        for i in range(start, stop, step):
            value = columns[dim, np.uint32(keys[i])]
            low = min(low, value)
            high = max(high, value)
        spread = np.float64(high) - np.float64(low)
        if spread > best_spread:
            best, best_low, best_spread = dim, np.float64(low), spread
    return best, best_low


@jit
def set_keys(column, low, keys, start, stop):
    """Keys that sort by value, then by point: the bits of float32(value - low) above, the point's index below.

    Floats that are not negative sort as their bits do. All keys differ, so ties need no care. Rounding to float32 only moves
    points that nearly tie to the other side of a split: boxes are measured afterwards.
    """
    for i in range(start, stop):
        point = np.uint32(keys[i])
        above = np.float32(max(0.0, np.float64(column[point]) - low))
        keys[i] = (np.uint64(above.view(np.uint32)) << np.uint64(32)) | np.uint64(point)


@jit
def select(keys, start, stop, middle, sample):
    """Reorder keys[start:stop], all distinct, so that those before `middle` are smaller than those from it on."""
    while start < middle < stop:
        at = pivot_position(keys, start, stop, middle, sample)
        pivot = keys[at]
        stop -= 1
        keys[at] = keys[stop]
        split = start
        for i in range(start, stop):  # without a branch: 3 times as fast as Hoare's loops
            key = keys[i]
            keys[i] = keys[split]
            keys[split] = key
            split += key < pivot
        keys[stop] = keys[split]
        keys[split] = pivot
        if split < middle:
            start = split + 1
            stop += 1
        else:
            stop = split


@jit
def pivot_position(keys, start, stop, middle, sample):
    """Position of a key that lies a little beyond rank `middle`, seen from the nearer end of keys[start:stop]."""
    size = stop - start
    m = min(len(sample), max(3, size // 16))
    for i in range(m):
        position = start + (size * (2 * i + 1)) // (2 * m)
        key = keys[position]
        slot = i
        while slot > 0 and keys[sample[slot - 1]] > key:
            sample[slot] = sample[slot - 1]
            slot -= 1
        sample[slot] = position
    margin = m // 10
    rank = (middle - start) * m // size
    rank += margin if 2 * (middle - start) <= size else -margin
    return sample[min(m - 1, max(0, rank))]


@jit
def take_tile(columns, keys, out, first, last):
    """out[:, i] = the point that keys[i] names, for i from first to last."""
    for dim in range(columns.shape[0]):
        for i in range(first, last):
            out[dim, i] = columns[dim, np.uint32(keys[i])]


@jit
def fill_tile(columns, keys, rows, tree, first, last):
    """Copy points into the blocks under the boxes first to last of level 1; measure the blocks' boxes."""
    dims, n = columns.shape
    tree.walls[first:last, 0] = np.inf
    tree.walls[first:last, 1] = -np.inf
    for block in range(first * LANES, min(len(tree.blocks), last * LANES)):
        start = block * LANES
        stop = min(n, start + LANES)
        for dim in range(dims):
            low = high = columns[dim, np.uint32(keys[start])]
            for i in range(start, stop):
                value = columns[dim, np.uint32(keys[i])]
                tree.blocks[block, dim, i - start] = value
                low = min(low, value)
                high = max(high, value)
            tree.blocks[block, dim, stop - start :] = np.inf
            tree.walls[block // LANES, 0, dim, block % LANES] = low
            tree.walls[block // LANES, 1, dim, block % LANES] = high
        for i in range(start, stop):
            tree.order[i] = np.uint32(rows[np.uint32(keys[i])])


def merge_walls(tree: Tree) -> None:
    """Measure the boxes above level 1: each is the hull of its children."""
    for level in range(2, len(tree.sizes)):
        children, parents = (tree.walls[tree.offsets[at] : tree.offsets[at] + tree.sizes[at]] for at in (level - 1, level))
        hulls = np.empty((2, len(parents) * LANES, children.shape[2]), children.dtype)  # box by box
        hulls[0], hulls[1] = np.inf, -np.inf
        hulls[0, : len(children)], hulls[1, : len(children)] = children[:, 0].min(axis=2), children[:, 1].max(axis=2)
        parents[:] = hulls.reshape(2, len(parents), LANES, -1).transpose(1, 0, 3, 2)
