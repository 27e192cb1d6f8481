"""Notes: what a reader should know before using an estimate, each measured on the data at hand, one or two sentences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mi_core._options import Standardize, Units
from mi_core._prepare import middle
from mi_core._types import FloatArray, NeighbourCounts, Samples

WIDE = 10  # joint dimensions; 5+5 Gaussians of known MI read 25 % low at N=2000, 10+10 read 56 % low
SCALE_RATIO = 30.0  # between the sides' typical distances; 1+1 Gaussians at N=1000 read 14 % low at 30, 25 % at 100
NEAR_CEILING = 0.8  # as a share of the ceiling
REPEATED_ROWS = 0.01  # share of samples with an exact copy
REPEATED_VALUES = 0.1  # share of values with an exact copy in their column
SAMPLED = 1000  # rows, or pairs of rows, that are looked at where all would cost as much as the estimate
SLICE_BYTES = 32 * 2**20


def on_sides(x: Samples, y: Samples, standardize: Standardize) -> list[str]:
    """Notes that depend on the samples alone."""
    notes = [note for name, points in (("x", x), ("y", y)) for note in on_ties(name, points)]
    typical = {"x": typical_distance(x), "y": typical_distance(y)}
    small, large = sorted(typical, key=lambda name: typical[name])
    if 0 < SCALE_RATIO * typical[small] < typical[large]:
        ratio = typical[large] / typical[small]
        advice = "standardising the sides brings them together" if standardize == "none" else "outliers may have set its spread"
        notes.append(
            f"The sides are on very different scales: distances in {large} are typically {ratio:,.0f} times those in {small}, "
            f"which so count for little and pull the estimate towards 0; {advice}."
        )
    if x.shape[1] + y.shape[1] > WIDE:
        notes.append(
            f"{x.shape[1]} + {y.shape[1]} dimensions: with so many, KSG is an index of dependence and not the MI in bits, "
            "of which it mostly falls far short. Compare it only between settings of equal dimensions, k and number of samples."
        )
    return notes


def on_ties(name: str, points: Samples) -> list[str]:
    """Whether whole samples repeat, or else single values, as zeros of ReLU units and saturated units do."""
    repeated = count_repeated(row_hashes(points))
    if repeated > REPEATED_ROWS * len(points):
        return [
            f"{name} has ties: {repeated:,} of {len(points):,} samples ({repeated / len(points):.0%}) have an exact copy. "
            "KSG assumes continuous data, and ties bias it; a little noise (1e-6, with a seed) shows how much."
        ]
    if (share := share_of_repeated_values(points)) > REPEATED_VALUES:
        return [
            f"{name} has ties: about {share:.0%} of its values recur in their column (zeros, saturated units or few levels). "
            "KSG assumes continuous data; a little noise (1e-6, with a seed) shows how much that matters here."
        ]
    return []


def share_of_repeated_values(points: Samples) -> float:
    """Share of the values of some samples that have an exact copy in their column."""
    some = points[:: max(1, len(points) // SAMPLED)]
    return sum(count_repeated(column) for column in some.T) / some.size


def on_noise(noisy: Samples, points: Samples, name: str) -> list[str]:
    """Whether the noise that was added has changed the values at all."""
    lost = float(np.mean(noisy == points))
    if lost < 0.5:
        return []
    return [f"The noise was lost in rounding for {lost:.0%} of the values of {name}: it is too small beside them."]


def on_estimate(mi: float, ceiling: float, units: Units, counts: NeighbourCounts) -> list[str]:
    """Notes that depend on one estimate, `mi` and `ceiling` in `units`."""
    notes = []
    if coincident := int(np.count_nonzero(counts.radius == 0)):
        notes.append(
            f"{coincident:,} samples coincide with their {ordinal(counts.k)} neighbour in x and y at once (distance 0), where "
            "the formula does not hold: such terms are too large and may lift the estimate above its ceiling."
        )
    elif mi > NEAR_CEILING * ceiling:
        notes.append(
            f"The estimate is near the ceiling of {ceiling:.2f} {units}, the most that k={counts.k} and {len(counts.n_x):,} "
            "samples can show: the true value may be far larger, or infinite. More samples raise the ceiling."
        )
    if mi < 0:
        notes.append(
            f"The estimate for k={counts.k} is negative, which the true value cannot be: it is the estimator's error around a "
            "value near 0. It is left as it is, because clipping at 0 would bias averages."
        )
    return notes


def typical_distance(points: Samples) -> float:
    """Middle Chebyshev distance of some pairs drawn at random, always the same ones; a few outliers do not move it."""
    one, other = np.random.default_rng(0).integers(len(points), size=(2, SAMPLED))
    distances = np.abs(points[one].astype(np.float64) - points[other]).max(axis=1)
    return float(middle(distances[one != other])) if np.any(one != other) else 0.0


def row_hashes(points: Samples) -> FloatArray | NDArray[np.uint64]:
    """One number per row (n,): equal rows have equal numbers, and others practically never; 0.0 and -0.0 are the same."""
    if points.shape[1] == 1:
        return points[:, 0].astype(np.float64)
    words = points[0].view(np.uint32).size
    weights = np.random.default_rng(0).integers(2**63, size=words, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    hashes = np.empty(len(points), dtype=np.uint64)
    rows_a_slice = max(1, SLICE_BYTES // (8 * words))
    for start in range(0, len(points), rows_a_slice):
        rows = points[start : start + rows_a_slice] + points.dtype.type(0)  # turns -0.0 into 0.0
        hashes[start : start + rows_a_slice] = rows.view(np.uint32).astype(np.uint64) @ weights
    return hashes


def count_repeated(values: NDArray[np.generic]) -> int:
    """How many of values (n,) have at least one exact copy."""
    _, copies = np.unique(values, return_counts=True)
    return int(copies[copies > 1].sum())


def ordinal(k: int) -> str:
    """1st, 2nd, 3rd, 4th, ..., 11th, ..., 21st."""
    suffix = "th" if k % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(k % 10, "th")
    return f"{k}{suffix}"
