"""Radii to count within: each one, and the next larger number for those points that are exactly as far away."""

from __future__ import annotations

import numpy as np

from mi_core.types import FloatArray, IntArray


def to_count(radius: FloatArray, reached: bool) -> FloatArray:
    """Radii (m, n), ascending along m: radius (len(ks), n) or, with `reached`, twice as many."""
    return np.sort(both(radius), axis=0) if reached else radius


def in_order(counts: IntArray, radius: FloatArray, reached: bool) -> IntArray:
    """Counts (sides, m, n) within `to_count`: those strictly within radius (len(ks), n), then those with the points on it."""
    if not reached:
        return counts
    order = np.argsort(both(radius), axis=0)  # of equal radii, whose counts are equal, any is right
    sorted_back = np.empty_like(counts)
    for out, of_side in zip(sorted_back, counts, strict=True):
        np.put_along_axis(out, order, of_side, axis=0)
    return sorted_back


def both(radius: FloatArray) -> FloatArray:
    """Radius (len(ks), n), and below it the next larger numbers."""
    return np.vstack([radius, np.nextafter(radius, np.inf)])
