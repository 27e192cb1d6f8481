"""Extremes and small sorts that compile in a moment, where Numba's versions of NumPy's functions take seconds."""

from __future__ import annotations

import numpy as np

from mi_core.backends.cpu.jit import jit


@jit
def lowest_and_highest(values):
    """The smallest and the largest of values (n,), n at least 1."""
    lowest = highest = values[0]
    for value in values:
        lowest = value if value < lowest else lowest
        highest = value if value > highest else highest
    return lowest, highest


@jit
def places_in_order(values):
    """Where the values (n,) stand, the smallest first; equal ones come in any order. A shell sort, for hundreds of values."""
    places = np.arange(len(values))
    gap = len(values) // 2
    while gap > 0:
        for i in range(gap, len(values)):
            place = places[i]
            to = i
            while to >= gap and values[places[to - gap]] > values[place]:
                places[to] = places[to - gap]
                to -= gap
            places[to] = place
        gap = 1 if gap == 2 else gap * 5 // 11
    return places
