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

from mi_core.backends.cpu.jit import inlined, jit
from mi_core.backends.cpu.simd import LANES, at_most, below, bit_count, greater, largest, load, splat
from mi_core.types import FloatArray, IntArray

IN_REGISTERS = 3
SPARE = 2 * LANES  # distances gathered beside the k least before these are sought
HALVINGS = 16  # of the range in which the k-th of them lies; without ties some seven part it from the next


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
    """Distances among which the k least of all are."""

    k: int
    distances: FloatArray  # (room_for(k),)
    held: IntArray  # (1,): how many of them there are
    limit: FloatArray  # (1,): others must be nearer, since k of these are no further


@inlined
def room_for(k):
    """How many distances to have room for, where they are cut down to k as soon as there are k + SPARE: whole lanes more."""
    return (k // LANES + 2) * LANES + SPARE


@jit
def keep_least(distances, held, k):
    """Move the k least of distances[:held] to the front, in any order; return the largest of them: inf where there are fewer.

    distances need room for whole lanes.
    """
    while held < k:
        distances[held] = np.inf
        held += 1
    high = largest_of(distances, held)
    if held == k:
        return high
    fill_lanes(distances, held, np.inf)
    too_low = limit = -1.0  # at most which are fewer than k
    low, within = 0.0, 0
    for _ in range(HALVINGS):
        limit = low + (high - low) * 0.5
        within = number_at_most(distances, held, limit)
        if within == k:
            break
        too_low, low = (limit, limit) if within < k else (too_low, low)
        high = high if within < k else limit
    tied = np.inf
    while within != k:  # some nearly tie: from one to the next
        tied = np.inf
        for i in range(held):
            tied = distances[i] if too_low < distances[i] < tied else tied
        within = number_at_most(distances, held, tied)
        if within >= k:
            limit = tied if within == k else too_low
            break
        too_low = tied
    kept = 0
    for i in range(held):
        distance = distances[i]
        distances[kept] = distance
        kept += distance <= limit
    distances[kept:k] = tied
    return largest_of(distances, k)


@jit
def sort_few(distances, held, ascending):
    """Sort distances[:held] into `ascending` by counting, for each, the lesser ones."""
    fill_lanes(distances, held, np.inf)
    ascending[:held] = -1.0
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
def largest_of(distances, held):
    """The largest of distances[:held]."""
    fill_lanes(distances, held, 0.0)
    most = load(distances, 0)
    for i in range(LANES, held, LANES):
        most = greater(most, load(distances, i))
    return largest(most)


@inlined
def fill_lanes(distances, held, value):
    """Write value after distances[:held], up to the next whole lanes."""
    for i in range(held, -(-held // LANES) * LANES):
        distances[i] = value
