"""The k least of many distances as they come, in three ways.

Which distances are among the least cannot be foreseen, so that a branch for each costs more than comparing without one:

    insert              a sorted array, of which each new one moves a part
    entered, kth        the first three in registers, further ones in such an array: `a <= b <= c` are the three least,
                        whatever k; `beyond` (max(0, k - 3),) has those after them, ascending
    Gathered            for a larger k: all that may be among the least, in any order, from time to time cut down to k
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mi_core.backends.cpu.jit import inlined, jit
from mi_core.backends.cpu.simd import LANES, at, at_most, below, bit_count, larger_up_to, largest, load, lowest_bit, splat
from mi_core.types import FloatArray, IntArray, Samples

IN_REGISTERS = 3
SPARE = 2 * LANES  # points gathered beside the k least before these are sought
HALVINGS = 8  # of the range in which the k-th of them lies; some seven part it from the next, unless they tie


@inlined
def insert(ascending, value):
    """Put value in its place and drop the last; no branch."""
    for slot in range(len(ascending) - 1, 0, -1):
        below = ascending[slot - 1] if ascending[slot - 1] > value else value
        ascending[slot] = below if below < ascending[slot] else ascending[slot]
    ascending[0] = value if value < ascending[0] else ascending[0]


@inlined
def entered(distance, a, b, c, beyond):
    """a, b, c with one more distance among the least; what falls out of them may enter `beyond`."""
    not_a = a if a > distance else distance
    a = a if a < distance else distance
    not_b = b if b > not_a else not_a
    b = b if b < not_a else not_a
    not_c = c if c > not_b else not_b
    c = c if c < not_b else not_b
    if len(beyond) > 0 and not_c < beyond[-1]:
        insert(beyond, not_c)
    return a, b, c


@inlined
def kth(k, a, b, c, beyond):
    """The k-th least distance."""
    return beyond[-1] if k > IN_REGISTERS else c if k == 3 else b if k == 2 else a


class Gathered(NamedTuple):
    """Points among which the k nearest are: whole lanes with bits for those meant, and these one by one.

    How many bits of a block are set cannot be foreseen. One loop over those of all blocks, instead of one for each, makes the
    search 1.3 times as fast in 3+3 dimensions.
    """

    k: int
    lanes: Samples  # (room_for(k) * LANES,): distances from whole blocks
    bits: NDArray[np.uint64]  # (room_for(k),): which of these are meant
    blocks: NDArray[np.uint32]  # (room_for(k),)
    distances: Samples  # (room_for(k),): one by one, rounded as the lanes are
    places: NDArray[np.uint32]  # (room_for(k),): block * LANES + lane
    exact: FloatArray  # (2 * room_for(k),): scratch
    counts: IntArray  # (3,): of blocks, of points in these, of points one by one
    limit: FloatArray  # (1,): of points just at the bound, those are meant whose exact distance is less


@inlined
def room_for(k):
    """How many points to have room for, where they are cut down to k as soon as there are k + SPARE: whole lanes more."""
    return (k // LANES + 2) * LANES + SPARE


@inlined
def one_by_one(gathered):
    """Bring the points from whole blocks to those that are there one by one; return how many these are."""
    held, block = gathered.counts[2], 0
    bits = gathered.bits[0]
    for place in range(held, held + gathered.counts[1]):
        lane = lowest_bit(bits)
        gathered.distances[place] = at(gathered.lanes, block * LANES + lane)
        gathered.places[place] = gathered.blocks[block] * LANES + lane
        bits &= bits - np.uint64(1)
        block += bits == 0
        next_bits = gathered.bits[block]
        bits = next_bits if bits == 0 else bits
    held += gathered.counts[1]
    gathered.counts[0], gathered.counts[1], gathered.counts[2] = 0, 0, held
    return held


@jit
def kth_least(distances, held, k):
    """The k-th least of distances[:held], which are k or more; they need room for whole lanes."""
    one = distances.dtype.type
    fill_lanes(distances, held)
    low, high, halvings = one(0), one(np.inf), 0  # at most high are k or more, at most low are fewer, unless they are 0
    while True:
        limit = low + (high - low) * one(0.5)
        if halvings == 0:
            high = largest_at_most(distances, held, high)
            limit = np.nextafter(high, one(-1))
        within = number_at_most(distances, held, limit)
        if within >= k:
            high = limit
        elif halvings == 0:
            return high
        else:
            low = limit
        halvings = 0 if within == k or halvings == HALVINGS else halvings + 1


@inlined
def kth_of_few(values, number, k):
    """The k-th least of values[:number], which are left as they are; values[number:] is scratch."""
    first, last, wanted = number, 2 * number - 1, number + k - 1
    for i in range(number):
        values[number + i] = values[i]
    while first < last:  # C. A. R. Hoare, Algorithm 65: find (1961)
        pivot, i, j = values[wanted], first, last
        while i <= j:
            while values[i] < pivot:
                i += 1
            while pivot < values[j]:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if j < wanted:
            first = i
        if wanted < i:
            last = j
    return values[wanted]


@jit
def sort_few(distances, held, ascending):
    """Sort distances[:held] into `ascending` by counting, for each, the lesser ones."""
    fill_lanes(distances, held)
    ascending[:held] = -1
    for i in range(held):
        lesser = 0
        for j in range(0, held, LANES):
            lesser += bit_count(below(load(distances, j), splat(distances[i])))
        ascending[lesser] = distances[i]
    for i in range(1, held):  # equal ones have come to one place
        ascending[i] = ascending[i] if ascending[i] >= 0 else ascending[i - 1]


@inlined
def number_at_most(distances, held, limit):
    """How many of distances[:held], after which lanes are filled, are at most `limit`."""
    number = 0
    for i in range(0, held, LANES):
        number += bit_count(at_most(load(distances, i), splat(limit)))
    return number


@inlined
def largest_at_most(distances, held, limit):
    """The largest of distances[:held], after which lanes are filled, that is at most `limit`; 0 where there is none."""
    most = splat(distances.dtype.type(0))
    for i in range(0, held, LANES):
        most = larger_up_to(most, load(distances, i), splat(limit))
    return largest(most)


@inlined
def fill_lanes(distances, held):
    """Write NaN, which no comparison holds for, after distances[:held], up to the next whole lanes."""
    for i in range(held, -(-held // LANES) * LANES):
        distances[i] = np.nan
