"""Notes: what a reader should know before using an estimate, each measured on the data at hand, one or two sentences."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mi_core._formula import NATS_PER_UNIT
from mi_core._prepare import middle
from mi_core.options import Estimator, Standardize, Units
from mi_core.sampling import RESEMBLE, Sampling, distances_between
from mi_core.types import FloatArray, IntArray, Samples

WIDE = 10  # joint dimensions; 5+5 Gaussians of known MI read 25 % low at N=2000, 10+10 read 56 % low
SCALE_RATIO = 30.0  # between the sides' typical distances; 1+1 Gaussians at N=1000 read 14 % low at 30, 25 % at 100
NEAR_CEILING = 0.8  # as a share of the ceiling
MUCH_EXCESS = 0.05  # bits or nats that a closed form reads too high: dim_x dim_y / (2 N) nats, the mean of a chi-squared
SELDOM = 0.05  # different values for each sample: a plug-in entropy reads about half of this too low, in nats
FEW_CLASSES = 20  # whole numbers of z, up to which they may be the numbers of classes
MEMBERS = 10  # samples for each of them
REPEATED_ROWS = 0.01  # share of samples with an exact copy
REPEATED_VALUES = 0.1  # share of values with an exact copy in their column
FEW_UNITS = 20  # independent ones
SAMPLED = 1000  # rows, or pairs of rows, that are looked at where all would cost as much as the estimate
FEW_COLUMNS = 8
SLICE_BYTES = 32 * 2**20
ROUNDING = 1e-9  # of a ceiling, beyond which an estimate is above it

TAKE_TIES = ("mixture", "ross")  # estimators that take ties as they are
TIES, AT_CEILING, ALIKE = "ties in ", "ceiling", "alike"  # kinds of notes: the first goes on with the name of the side


@dataclasses.dataclass(frozen=True)
class Measured:
    """What is measured on one side for its notes.

    Attributes:
        n_samples: Number of samples.
        dim: Dimensions.
        repeated: How many samples have an exact copy.
        recurring: Share of values with an exact copy in their column; 0 where many samples repeat, which says it already.
        typical: Typical distance between two samples.
    """

    n_samples: int
    dim: int
    repeated: int
    recurring: float
    typical: float


def measured(points: Samples, *, ties: bool = True) -> Measured:
    """What notes need to know of a side (n, dim); without `ties` it counts as having none."""
    repeated = repeated_rows(points) if ties else 0
    look_closer = ties and repeated <= REPEATED_ROWS * len(points)
    recurring = share_of_repeated_values(points) if look_closer else 0.0
    return Measured(len(points), points.shape[1], repeated, recurring, typical_distance(points))


def on_sides(sides: Mapping[str, Samples], standardize: Standardize, estimator: Estimator) -> dict[str, str]:
    """Notes that depend on the samples alone, by their kind; the samples by the names of their sides."""
    known = [(name, measured(points, ties=estimator not in TAKE_TIES)) for name, points in sides.items()]
    return on_measured(known, standardize, estimator, could_be_mixture=set(sides) <= {"x", "y", "z"})


def on_measured(
    sides: Sequence[tuple[str, Measured]], standardize: Standardize, estimator: Estimator, *, could_be_mixture: bool
) -> dict[str, str]:
    """Notes on sides that were measured before, by their kind.

    could_be_mixture: Whether the estimator mixture could take these sides.
    """
    notes = {}
    if estimator not in TAKE_TIES:
        notes = {f"{TIES}{name}": note for name, side in sides for note in on_ties(name, side)}
    if notes and estimator == "ksg2":
        notes["order"] = "Of neighbours at equal distance ksg2 takes any, so its value is arbitrary where there are ties."
    if notes and could_be_mixture:
        notes["mixture"] = "The estimator mixture takes ties as they are, without noise."
    (small_name, small), *_, (large_name, large) = sorted([*sides, sides[0]], key=lambda side: side[1].typical)
    if 0 < SCALE_RATIO * small.typical < large.typical:
        ratio = large.typical / small.typical
        advice = "standardising the sides brings them together" if standardize == "none" else "outliers may have set its spread"
        notes["scales"] = (
            f"The sides are on very different scales: distances in {large_name} are typically {ratio:,.0f} times those in "
            f"{small_name}, which so count for little and pull the estimate towards 0; {advice}."
        )
    dims = [side.dim for _, side in sides]
    if sum(dims) > WIDE:
        notes["dimensions"] = (
            f"{' + '.join(map(str, dims))} dimensions: with so many, KSG is an index of dependence and not the MI in bits, "
            "of which it mostly falls far short. Compare it only between settings of equal dimensions, k and number of samples."
        )
    return notes


def on_order(resemblances: Iterable[float]) -> dict[str, str]:
    """Whether neighbouring rows are alike in two sides at once, by the `sampling.resemblance` of each side."""
    if sorted(resemblances)[-2] <= RESEMBLE:
        return {}
    return {
        ALIKE: "Rows that stand next to each other are alike, in two sides at once and more than chance allows. Where they "
        "hang together (a series, trials of one subject, tokens of one sentence), the estimate is too high and its error bar "
        "too short: name series or groups, on the command line --series or --groups. Independent samples that were merely "
        "sorted lose this note once shuffled."
    }


def on_sampling(ks: Iterable[int], sampling: Sampling, n_samples: int, dim: int) -> list[str]:
    """Whether there are few independent units, or so few neighbours that they may all come from one other unit."""
    if sampling.units is None:
        return []
    notes = []
    if sampling.units < FEW_UNITS:
        notes.append(
            f"The samples make about {sampling.units} independent units, which is few: the estimate may be far off by chance, "
            "more than its error bar says. A trend in a series lets it seem to forget never: take it out first."
        )
    usual, smallest = sampling.order(n_samples, dim), min(ks, default=n_samples)
    if smallest < usual:
        notes.append(
            f"k={smallest} is small for samples of which about {usual} or more hang together: the neighbours of a sample then "
            "come from one other group or time, and the estimate reads low. "
            f"Leave k out, for {usual}; or subtract what permutations reads."
        )
    return notes


def on_given(z: Samples | None, classes: Sequence[str], estimator: Estimator) -> list[str]:
    """Whether z, what is given, looks like class labels that were taken for numbers; or are labels, all of one class."""
    if z is None:
        return []
    if len(classes) == 1:
        return [f"z has one class only, {classes[0]}: nothing is conditioned on, and the estimate is that of I(X;Y)."]
    if classes or estimator == "discrete" or z.shape[1] > 1:
        return []
    values = np.unique(np.asarray(z))
    if len(values) > min(FEW_CLASSES, len(z) / MEMBERS) or (values % 1 != 0).any():
        return []
    return [
        f"z takes {len(values)} whole numbers, and their distances count. Where they are class labels, given_labels=True "
        "(--given-labels) conditions on the class, whatever its number."
    ]


def on_densities(quantity: str, sides: Mapping[str, Samples]) -> list[str]:
    """Whether ties or dimensions spoil an estimate of differential entropy or divergence."""
    notes = [note for name, points in sides.items() for note in on_ties(name, measured(points))]
    dim = next(iter(sides.values())).shape[1]
    if dim > WIDE:
        notes.append(
            f"{dim} dimensions: with so many, the estimate of {quantity} is far from the true value. Compare it only between "
            "settings of equal dimensions, k and number of samples."
        )
    return notes


def on_discrete(*sides: Samples) -> list[str]:
    """Whether values recur too seldom for their frequencies to tell their probabilities."""
    n_samples, distinct = len(sides[0]), len(np.unique(np.hstack(sides), axis=0))
    if distinct <= SELDOM * n_samples:
        return []
    return [
        f"{n_samples:,} samples take {distinct:,} different values: a plug-in estimate is good only where each value recurs "
        "often; with so few samples for each, an entropy reads too low and mutual information too high."
    ]


def on_gaussian(estimator: Estimator, dim_x: int, dim_y: int, n_samples: int, units: Units) -> list[str]:
    """What a closed form takes for granted, and how much too high it reads for want of samples."""
    if estimator == "gaussian":
        notes = [
            "gaussian takes x and y together for Gaussian: it sees linear dependence alone, and is the true value only where "
            "that holds."
        ]
    else:
        notes = [
            "gaussian-copula takes x and y for Gaussian once each column is mapped to normal scores: it sees monotonic "
            "dependence alone. Between single columns it is a lower bound, but for chance."
        ]
    excess = dim_x * dim_y / (2 * n_samples) / NATS_PER_UNIT[units]
    if excess > MUCH_EXCESS:
        notes.append(
            f"{n_samples:,} samples for {dim_x} + {dim_y} dimensions: even independent sides would read about {excess:.2f} "
            f"{units}, which more samples lower."
        )
    return notes


def on_ties(name: str, side: Measured) -> list[str]:
    """Whether whole samples repeat, or else single values, as zeros of ReLU units and saturated units do."""
    n = side.n_samples
    if side.repeated > REPEATED_ROWS * n:
        return [
            f"{name} has ties: {side.repeated:,} of {n:,} samples ({side.repeated / n:.0%}) have an exact copy. "
            "KSG assumes continuous data, and ties bias it; a little noise (1e-6, with a seed) shows how much."
        ]
    if side.recurring > REPEATED_VALUES:
        return [
            f"{name} has ties: about {side.recurring:.0%} of its values recur in their column (zeros, saturated units or few "
            "levels). KSG assumes continuous data; a little noise (1e-6, with a seed) shows how much that matters here."
        ]
    return []


def share_of_repeated_values(points: Samples) -> float:
    """Share of the values of some samples that have an exact copy in their column."""
    some = points[:: max(1, len(points) // SAMPLED)]
    columns = max(1, SLICE_BYTES // some[:, 0].nbytes)
    groups = (some[:, start : start + columns].T for start in range(0, some.shape[1], columns))
    return sum(count_repeated(np.ascontiguousarray(group)) for group in groups) / some.size


def on_estimate(
    mi: float, units: Units, *, k: int | None, n_samples: int, ceiling: float | None = None, coincident: int = 0
) -> dict[str, str]:
    """Notes that depend on one estimate, by their kind; `mi` and `ceiling` in `units`.

    `coincident`: how many samples have their k-th neighbour at distance 0, where that spoils the estimate.
    """
    notes = {}
    if coincident and k is not None:
        notes["coincident"] = (
            f"{coincident:,} samples coincide with their {ordinal(k)} neighbour in all sides at once (distance 0), where "
            "the formula does not hold: such terms are too large and may lift the estimate above its ceiling."
        )
    elif ceiling is not None and mi > ceiling + ROUNDING * abs(ceiling):
        notes["above"] = (
            f"The estimate is above {ceiling:.2f} {units}, the most that k={k} and {n_samples:,} samples show without ties: "
            "many distances between samples are equal, as those of whole numbers are, and lift it."
        )
    elif ceiling is not None and mi > NEAR_CEILING * ceiling:
        notes[AT_CEILING] = (
            f"The estimate is near the ceiling of {ceiling:.2f} {units}, the most that k={k} and {n_samples:,} "
            "samples can show: the true value may be far larger, or infinite. More samples raise the ceiling."
        )
    if mi < 0:
        of_k = "" if k is None else f" for k={k}"
        notes["negative"] = (
            f"The estimate{of_k} is negative, which the true value cannot be: it is the estimator's error around a "
            "value near 0. It is left as it is, because clipping at 0 would bias averages."
        )
    return notes


def typical_distance(points: Samples) -> float:
    """Middle Chebyshev distance of some pairs drawn at random, always the same ones; a few outliers do not move it."""
    one, other = pairs_of(len(points))
    distances = distances_between(points, one, other)
    return float(middle(distances[one != other])) if np.any(one != other) else 0.0


def repeated_rows(points: Samples) -> int:
    """How many rows of points (n, dim) have at least one exact copy."""
    if points.shape[1] > FEW_COLUMNS:  # rows that differ in a few columns differ
        some = np.ascontiguousarray(points[:, :: -(-points.shape[1] // FEW_COLUMNS)])
        if count_repeated(row_hashes(some)) == 0:
            return 0
    return count_repeated(row_hashes(points))


@functools.lru_cache(maxsize=8)
def pairs_of(n: int) -> tuple[IntArray, IntArray]:
    """SAMPLED pairs of n points."""
    one, other = np.random.default_rng(0).integers(n, size=(2, SAMPLED))
    return one, other


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
    """How many of values (n,), or in each row of values (m, n), have at least one exact copy."""
    ascending = np.sort(values)
    same = ascending[..., 1:] == ascending[..., :-1]
    repeated = np.zeros(values.shape, np.bool_)
    repeated[..., 1:] = same
    repeated[..., :-1] |= same
    return int(np.count_nonzero(repeated))


def ordinal(k: int) -> str:
    """1st, 2nd, 3rd, 4th, ..., 11th, ..., 21st."""
    suffix = "th" if k % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(k % 10, "th")
    return f"{k}{suffix}"
