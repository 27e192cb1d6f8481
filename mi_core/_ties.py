"""Ties: whether distances may be equal, and how many samples are exactly as far away as the k-th neighbour.

Distances tie if values recur in a column (zeros of ReLU units, whole numbers, saturated units) or if all values lie on a grid
(ranks, rounded values). `_formula.correction_for_ties` corrects estimates for them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mi_core._prepare import kinds
from mi_core.types import FloatArray, IntArray, Samples

SAMPLED = 1000  # rows that are looked at; all would cost as much as the estimate
SLICE_BYTES = 32 * 2**20
FEW_VALUES = 0.01  # share of values that recur in their column, up to which ties are too few to matter
FEW_COPIED = 0.005  # samples that recur for each sample, up to which copies are too few to matter
MANY_ALONE = 20  # kinds of one sample that chance must leave, so that their absence tells
FEW_ALONE = 0.25  # of these
FAR_MORE = 10.0  # times as often as the middle one, beyond which a sample that recurs is a value of its own
BY_CHANCE = 1.5  # times as many equal samples as independent sides have, up to which chance explains them
FIXED_POINT = 100  # steps to the rate of a Poisson distribution
FEW_COLUMNS = 8  # of a side, that are looked at for a grid
SAME_GAP = 9  # decimals of a gap, as a share of the column's range
FEW_GAPS = 0.25  # likewise of gaps between neighbouring values: float32 between 0.5 and 1 has 3 %, ranks have all


@dataclasses.dataclass(frozen=True)
class Ties:
    """Counts of other samples around each one, relative to the distance to its k-th joint neighbour.

    Attributes:
        at_zero: (n_samples,) whether that distance is 0.
        nearer: (sides, n_samples) samples strictly nearer in each side.
        as_far: (sides, n_samples) samples exactly as far away in each side.
        nearer_in_all: (n_samples,) samples strictly nearer in all parts together; below k.
        as_far_in_all: (n_samples,) samples exactly as far away in all parts together; at least 1.
    """

    at_zero: NDArray[np.bool_]
    nearer: IntArray
    as_far: IntArray
    nearer_in_all: IntArray
    as_far_in_all: IntArray


def counted(radius: FloatArray, counts: IntArray) -> list[Ties]:
    """Ties for each k, from radius (len(ks), n) and counts (len(sides) + 1, 2 * len(ks), n) with those reached, as
    `backends.neighbour_counts` gives them; the last side is that of all parts together.
    """
    nearer, reached = counts[:, : len(radius)], counts[:, len(radius) :]
    as_far = reached - nearer
    return [Ties(row == 0, nearer[:-1, m], as_far[:-1, m], nearer[-1, m], as_far[-1, m]) for m, row in enumerate(radius)]


def may_tie(points: Samples) -> bool:
    """Tell whether so many values recur, or lie on a grid, that distances tie; from some of the samples (n, dim)."""
    values, gaps = shares_that_recur(points)
    return values > FEW_VALUES or gaps > FEW_GAPS


def shares_that_recur(points: Samples) -> tuple[float, float]:
    """Shares of values, and of gaps between neighbouring values, that have an exact copy in their column; of some samples.

    Columns that never vary do not count, as no distance depends on them.
    """
    some = points[:: max(1, len(points) // SAMPLED)]
    columns = max(1, SLICE_BYTES // some[:, 0].nbytes)
    values = gaps = size = 0
    for start in range(0, some.shape[1], columns):
        ascending = np.sort(some[:, start : start + columns].T)
        varying = ascending[:, 0] < ascending[:, -1]
        ascending = ascending if varying.all() else ascending[varying]
        size += ascending.size
        values += count_repeated(ascending)
        gaps += count_repeated(np.sort(np.diff(ascending)))
    return values / max(size, 1), gaps / max(size, 1)


def on_grid(points: Samples) -> bool:
    """Tell whether the values of each of the first columns (n, dim) are rounded or evenly spaced; from some samples."""
    some = points[:: max(1, len(points) // SAMPLED), :FEW_COLUMNS].astype(np.float64)
    return all(len(values := np.unique(column)) <= 2 or share_of_equal_gaps(values) > FEW_GAPS for column in some.T)


def share_of_equal_gaps(ascending: FloatArray) -> float:
    """Share of the gaps between neighbouring values (n,) that recur, up to rounding."""
    gaps = np.diff(ascending) / (ascending[-1] - ascending[0])
    return count_repeated(np.sort(np.round(gaps, SAME_GAP))) / len(gaps)


def copied_samples(sides: Sequence[Samples]) -> int:
    """Number of samples that recur as a whole, in all sides (n, dim) together, as only copies do.

    Values of few levels recur together by chance, and so can zeros of ReLU units, few points that recur often: 0 for both. On
    grids only samples of which hardly any stands alone are copies.
    """
    arrays = [np.asarray(side) for side in sides]
    kind, counts = kinds(*arrays)
    of_sides = [kinds(side) for side in arrays]
    off_grid = [counts_of_side for side, (_, counts_of_side) in zip(arrays, of_sides, strict=True) if not on_grid(side)]
    if not (off_grid or none_alone(counts)):
        return 0
    others = len(kind) - 1
    by_chance = others * math.prod((of[kind_of_side] - 1.0) / others for kind_of_side, of in of_sides)
    is_usual = (counts <= FAR_MORE * np.median(counts))[kind]
    if (counts[kind] - 1.0)[is_usual].sum() <= BY_CHANCE * np.sum(by_chance * is_usual):
        return 0
    numbers = [np.count_nonzero(of > 1) for of in (counts, *off_grid)]
    return int(counts[counts > 1].sum()) if min(numbers) > FEW_COPIED * len(kind) else 0


def none_alone(counts: IntArray) -> bool:
    """Tell whether far fewer kinds have one sample than if samples fell into kinds by chance, from the samples of each kind.

    By chance their numbers are at least as uneven as those of a Poisson distribution without 0, with the same mean.
    """
    mean = rate = float(counts.mean())
    for _ in range(FIXED_POINT):
        rate = mean * -np.expm1(-rate)
    expected = len(counts) * mean * np.exp(-rate)
    return bool(expected > MANY_ALONE and np.count_nonzero(counts == 1) < FEW_ALONE * expected)


def count_repeated(ascending: NDArray[np.generic]) -> int:
    """Number of sorted values (n,), or of those in each row (m, n), with at least one exact copy."""
    same = ascending[..., 1:] == ascending[..., :-1]  # as the one before; the first of each run is to be added
    return (
        int(np.count_nonzero(same))
        + int(np.count_nonzero(same[..., :1]))
        + int(np.count_nonzero(same[..., 1:] > same[..., :-1]))
    )


def new_values(ascending: Samples) -> NDArray[np.bool_]:
    """Mask of the sorted values, in each row (m, n), that differ from the previous one; the first always does."""
    is_new = np.ones(ascending.shape, np.bool_)
    np.not_equal(ascending[:, 1:], ascending[:, :-1], out=is_new[:, 1:])
    return is_new
