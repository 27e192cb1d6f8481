"""Notes: what a reader should know before using an estimate, each measured on the data at hand, one or two sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mi_core._options import Units
from mi_core._prepare import spread
from mi_core._types import NeighbourCounts, Samples

WIDE = 10  # joint dimensions; 5+5 Gaussians of known MI read 25 % low at N=2000, 10+10 read 56 % low
SCALE_RATIO = 30.0  # between the sides' spreads
NEAR_CEILING = 0.8  # as a share of the ceiling
REPEATED = 0.01  # share of rows


def on_sides(x: Samples, y: Samples) -> list[str]:
    """Notes that depend on the samples alone."""
    notes = []
    for name, points in (("x", x), ("y", y)):
        repeated = repeated_rows(points)
        if repeated > REPEATED * len(points):
            notes.append(
                f"{name} has ties: {repeated:,} of {len(points):,} samples ({repeated / len(points):.0%}) have an exact copy. "
                "KSG assumes continuous data, and ties bias it; a little noise (1e-6, with a seed) shows how much."
            )
    spread_x, spread_y = spread(x), spread(y)
    ratio = spread_x / spread_y
    if not 1 / SCALE_RATIO <= ratio <= SCALE_RATIO:
        small, large = ("x", "y") if ratio < 1 else ("y", "x")
        notes.append(
            f"The sides are on very different scales: {large} spreads {max(ratio, 1 / ratio):,.0f} times as far as {small}, so "
            f"distances in {small} count for little and the estimate is pulled towards 0. Standardising the sides mends it."
        )
    if x.shape[1] + y.shape[1] > WIDE:
        notes.append(
            f"{x.shape[1]} + {y.shape[1]} dimensions: with so many, KSG is an index of dependence and not the MI in bits, "
            "of which it mostly falls far short. Compare it only between settings of equal dimensions, k and number of samples."
        )
    return notes


def on_estimate(mi: float, ceiling: float, units: Units, counts: NeighbourCounts) -> list[str]:
    """Notes that depend on one estimate, `mi` and `ceiling` in `units`."""
    notes = []
    if coincident := int(np.count_nonzero(counts.radius == 0)):
        notes.append(
            f"{coincident:,} samples coincide with their {ordinal(counts.k)} neighbour in x and y at once (distance 0), where "
            "the formula does not hold: such terms are too large and may lift the estimate above its ceiling."
        )
    if mi > NEAR_CEILING * ceiling:
        notes.append(
            f"The estimate is near the ceiling of {ceiling:.2f} {units}, the most that k={counts.k} and {len(counts.n_x):,} "
            "samples can show: the true value may be far larger, or infinite. More samples raise the ceiling."
        )
    if mi < 0:
        notes.append(
            "The estimate is negative, which the true value cannot be: it is the estimator's error around a value near 0. "
            "It is left as it is, because clipping at 0 would bias averages."
        )
    return notes


def repeated_rows(points: Samples) -> int:
    """How many rows have at least one exact copy; 0.0 and -0.0 are the same."""
    keys: NDArray[Any] = points
    if points.shape[1] > 1:  # rows as raw bytes: one comparison each; adding 0.0 turns -0.0 into 0.0
        keys = (points + points.dtype.type(0)).view(np.dtype((np.void, points[0].nbytes)))
    _, copies = np.unique(keys, return_counts=True)
    return int(copies[copies > 1].sum())


def ordinal(k: int) -> str:
    """1st, 2nd, 3rd, 4th, ..., 11th, ..., 21st."""
    suffix = "th" if k % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(k % 10, "th")
    return f"{k}{suffix}"
