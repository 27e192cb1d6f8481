"""Notes on what to know before using an estimate, each measured on the same data, one or two sentences."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mi_core import _ties, tables
from mi_core._prepare import kinds, middle
from mi_core.explanations import noted
from mi_core.options import Estimator, Standardize, Units
from mi_core.sampling import FEWEST_PARTS, FEWEST_UNITS, RESEMBLE, STRETCH, Sampling, Series, Together, distances_between
from mi_core.text import NAMED
from mi_core.types import FloatArray, IntArray, Samples

if TYPE_CHECKING:
    from mi_core.uncertainty import ErrorBar

WIDE = 10  # joint dimensions; 5+5 Gaussians of known MI read 25 % low at N=2000, 10+10 read 56 % low
SCALE_RATIO = 30.0  # between the sides' typical distances; 1+1 Gaussians at N=1000 read 14 % low at 30, 25 % at 100
NEAR_CEILING = 0.8  # as a share of the ceiling
SELDOM = 0.05  # different values for each sample: a plug-in entropy reads about half of this too low, in nats
FEW_CLASSES = 20  # whole numbers of z, up to which they may be the numbers of classes
MEMBERS = 10  # samples for each of them
REPEATED_ROWS = 0.01  # share of samples with an exact copy
REPEATED_VALUES = 0.1  # share of values with an exact copy in their column
FEW_UNITS = 20  # independent ones
MANY_TIED = 0.01  # share of samples
SAMPLED = 1000  # pairs of rows that are looked at where all would cost as much as the estimate
FEW_COLUMNS = 8
MANY_COLUMNS = 10  # of one side, beyond which columns are not asked for their scales: units of a layer always have many
SLICE_BYTES = 32 * 2**20

# Share of an estimate that tenths of the samples lack, and (k + 1) of the samples of a tenth more: so, and by more than
# RISES_BEYOND standard errors, rise 69 % of the wrong and 13 % of the right estimates on which this was chosen.
RISES, RISES_BEYOND = 0.24, 3

TAKE_TIES = ("mixture", "ross")  # estimators that take ties as they are
TIES, CONSTANT, COLUMNS = "ties in ", "constant ", "columns of "  # kinds of notes that go on with the name of the side
OF_ONE_SIDE = TIES, CONSTANT, COLUMNS
AT_CEILING, ALIKE, TIED, COPIED = "ceiling", "alike", "tied", "copied"  # kinds of notes
FEW_TIED = 3  # joint columns, up to which ties that are taken in any order need no care


@dataclasses.dataclass(frozen=True)
class Measured:
    """Measurements of one side for its notes.

    Attributes:
        n_samples: Number of samples.
        dim: Dimensions.
        repeated: Number of samples with an exact copy.
        recurring: Share of values with an exact copy in their column; 0 if many whole samples repeat.
        typical: Typical distance between two samples.
        columns: Positions of the columns with the smallest and the largest typical distance above 0, and their ratio; None if
            there are many columns, or fewer than two that vary.
    """

    n_samples: int
    dim: int
    repeated: int
    recurring: float
    typical: float
    columns: tuple[int, int, float] | None


def measured(points: Samples, *, ties: bool = True) -> Measured:
    """Measure a side (n, dim) for its notes; without `ties` it counts as having none."""
    repeated = repeated_rows(points) if ties else 0
    look_closer = ties and repeated <= REPEATED_ROWS * len(points)
    recurring = share_of_repeated_values(points) if look_closer else 0.0
    return Measured(len(points), points.shape[1], repeated, recurring, typical_distance(points), columns_apart(points))


def on_sides(sides: Mapping[str, Samples], standardize: Standardize, estimator: Estimator) -> dict[str, str]:
    """Notes that depend on the samples alone, by kind; the samples by the names of their sides."""
    known = [(name, measured(points, ties=estimator not in TAKE_TIES)) for name, points in sides.items()]
    return on_measured(known, standardize, estimator, given="z" if "z" in sides else None)


def on_measured(
    sides: Sequence[tuple[str, Measured]], standardize: Standardize, estimator: Estimator, given: str | None = None
) -> dict[str, str]:
    """Notes on measured sides, by kind; `given` is the name of the side that is the condition."""
    notes = {}
    if estimator not in TAKE_TIES:
        notes = {f"{TIES}{name}": note for name, side in sides for note in on_ties(name, side)}
    if sides:
        notes |= on_scales(sides, standardize, given)
    dims = [side.dim for _, side in sides]
    if sum(dims) > WIDE:
        notes["dimensions"] = noted(
            "dimensions",
            f"{' + '.join(map(str, dims))} dimensions: with so many, KSG is an index of dependence and not the MI in bits, "
            "which it usually underestimates badly. Compare it only between settings of equal dimensions, k and number of "
            "samples.",
        )
    return notes


TO_NAME_ROWS = "pass series or groups, on the command line --series or --groups"


def on_order(resemblances: Iterable[float], remedy: str = TO_NAME_ROWS) -> dict[str, str]:
    """Note on neighbouring rows that are alike in two sides at once, by the `sampling.resemblance` of each side."""
    if sorted(resemblances)[-2] <= RESEMBLE:
        return {}
    return {
        ALIKE: noted(
            "order",
            "Rows that stand next to each other are alike, in two sides at once and more than chance allows. If they belong "
            "together (a series, trials of one subject, tokens of one sentence), the estimate is too high, its error bar too "
            f"short and its p-value, if there is one, too small: {remedy}. Shuffling the rows helps only if independent "
            "samples were sorted; for rows of one subject it only hides the problem.",
        )
    }


def on_sampling(ks: Iterable[int], sampling: Sampling, n_samples: int, dim: int) -> list[str]:
    """Notes of `on_units` without their kinds."""
    return list(on_units(ks, sampling, n_samples, dim).values())


def on_units(ks: Iterable[int], sampling: Sampling, n_samples: int, dim: int) -> dict[str, str]:
    """Notes on few independent units, or so few neighbours that all may come from one other unit, by kind."""
    if sampling.units is None:
        return {}
    notes = {}
    if sampling.units < FEW_UNITS:
        notes["few units"] = noted(
            "few-units",
            f"The samples have only about {sampling.units} independent units: the estimate may be far off by chance."
            + (" A trend gives a series a memory that seems endless: remove it first." if isinstance(sampling, Series) else ""),
        )
    usual, smallest = sampling.order(n_samples, dim), min(ks, default=n_samples)
    if smallest < usual:
        notes["small k"] = noted(
            "small-k",
            f"k={smallest} is small if about {usual} or more samples belong together: the neighbours of a sample then all come "
            "from one other group or time, and the estimate is too low. "
            f"Leave k out to get {usual}, or subtract the mean over permutations.",
        )
    return notes


def on_given(z: Samples | None, classes: Sequence[str], estimator: Estimator) -> list[str]:
    """Note on a condition z that looks like class labels read as numbers."""
    if z is None:
        return []
    if classes or estimator == "discrete" or z.shape[1] > 1:
        return []
    values = np.unique(np.asarray(z))
    if not 1 < len(values) <= min(FEW_CLASSES, len(z) / MEMBERS) or (values % 1 != 0).any():
        return []
    return [
        noted(
            "given-labels",
            f"z takes {len(values)} whole numbers, and their distances count. If they are class labels, given_labels=True "
            "(--given-labels) conditions on the class, whatever its number.",
        )
    ]


def on_scales(sides: Sequence[tuple[str, Measured]], standardize: Standardize, given: str | None) -> dict[str, str]:
    """Notes on columns of one side, or whole sides, with scales so different that the smaller ones count for little."""
    notes = {}
    apart = [(name, side.columns) for name, side in sides if side.columns is not None and side.columns[2] > SCALE_RATIO]
    mend = {"none": "columns" if apart else "sides", "sides": "columns" if apart else None, "columns": None}[standardize]
    advice = (
        f'standardize="{mend}", on the command line --standardize {mend}, brings them together'
        if mend
        else "outliers may have set its spread"
    )
    for name, (small, large, ratio) in apart:
        notes[f"{COLUMNS}{name}"] = noted(
            "scales",
            f"The columns of {name} are on very different scales: distances in column {large} are typically {ratio:,.0f} times "
            f"those in column {small} (counted from 0), which therefore counts for little. Unless they share a unit, {advice}.",
        )
    largest_name, largest = max(sides, key=lambda side: side[1].typical)
    smaller = [(name, side) for name, side in sides if 0 < SCALE_RATIO * side.typical < largest.typical]
    for is_given in (False, True):
        some = [(name, side) for name, side in smaller if (name == given) == is_given]
        if some:
            name, side = min(some, key=lambda one: one[1].typical)
            effect = (
                "therefore hardly counts and pulls the estimate up"
                if is_given
                else "therefore count for little and pull the estimate towards 0"
            )
            notes[f"scales of {given}" if is_given else "scales"] = noted(
                "scales",
                f"The sides are on very different scales: distances in {largest_name} are typically "
                f"{largest.typical / side.typical:,.0f} times those in {name}, which {effect}; {advice}.",
            )
    return notes


def on_densities(quantity: str, sides: Mapping[str, Samples]) -> list[str]:
    """Notes on ties or dimensions that spoil an estimate of differential entropy or divergence."""
    notes = [note for name, points in sides.items() for note in on_ties(name, measured(points))]
    if notes:
        notes.append(
            noted(
                "ties",
                f"The estimate of {quantity} is for continuous data, and ties bias it: a little noise (1e-6) shows how much.",
            )
        )
    dim = next(iter(sides.values())).shape[1]
    if dim > WIDE:
        notes.append(
            noted(
                "dimensions",
                f"{dim} dimensions: with so many, the estimate of {quantity} is far from the true value. Compare it only "
                "between settings of equal dimensions, k and number of samples.",
            )
        )
    return notes


def on_indexes(sides: Mapping[str, Any]) -> list[str]:
    """Note on pandas indexes of the sides that name different rows or another order."""
    indexes = {name: index for name, side in sides.items() if (index := tables.index_of(side)) is not None}
    first, *others = indexes or [""]
    differ = [name for name in others if len(indexes[name]) == len(indexes[first]) and not indexes[name].equals(indexes[first])]
    if not differ:
        return []
    return [
        noted(
            "index",
            f"The pandas indexes of {first} and {' and '.join(differ)} differ. Rows were paired by position, not by index: "
            "align them first, for example with x.align(y, join='inner', axis=0), if the index tells which belong together.",
        )
    ]


def on_constant(name: str, n_samples: int, *, is_given: bool = False, is_class: bool = False) -> str:
    """Note that a constant side has no mutual information with anything, or that a constant condition changes nothing."""
    what = "has one class only" if is_class else f"is constant: all {n_samples:,} samples are the same"
    if is_given:
        return noted("constant", f"{name} {what}, so knowing it changes nothing: I(X;Y|Z) is I(X;Y).")
    return noted("constant", f"{name} {what}, so by definition it shares no information with anything.")


def on_shape(name: str) -> str:
    """Note that the correction of lnc says little about dependence between the sides."""
    return noted(
        "near-plane",
        f"The columns of {name} lie near a curve or a plane of fewer dimensions: lnc then corrects the shape of that side, "
        "and not dependence between the sides. Use fewer columns, or ksg1.",
    )


def on_left_out(too_few: Sequence[tuple[str, int]], k: int, n_left: int) -> str:
    """Note on the classes that were left out, with their numbers of members."""
    named = [f"{name} with {size} member{'s' if size > 1 else ''}" for name, size in too_few[:NAMED]]
    more = f" and {len(too_few) - NAMED:,} more" if len(too_few) > NAMED else ""
    return noted(
        "small-classes",
        f"Classes with at most k={k} members were left out: {', '.join(named)}{more}. The estimate is that of the other "
        f"{n_left:,} samples.",
    )


def on_discrete(*sides: Samples) -> list[str]:
    """Note on values that recur too seldom for their frequencies to estimate probabilities."""
    n_samples, distinct = len(sides[0]), len(kinds(*sides)[1])
    if distinct <= SELDOM * n_samples:
        return []
    return [
        noted(
            "rare-values",
            f"{n_samples:,} samples take {distinct:,} different values: a plug-in estimate is good only if each value "
            "recurs often; with so few samples per value, an entropy is too low and mutual information is too high.",
        )
    ]


def on_gaussian(estimator: Estimator) -> list[str]:
    """Note on the assumptions of a closed form."""
    if estimator == "gaussian":
        what = (
            "gaussian assumes that x and y are jointly Gaussian: it sees only linear dependence, and is the true value only if "
            "they are."
        )
    else:
        what = (
            "gaussian-copula assumes that x and y are Gaussian once each column is mapped to normal scores: it sees only "
            "monotonic dependence. Between single columns it is a lower bound, up to chance."
        )
    return [noted("gaussian", what)]


def on_ties(name: str, side: Measured) -> list[str]:
    """Note on whole samples that repeat, or else on single values, such as zeros of ReLU units and saturated units."""
    n = side.n_samples
    if side.repeated > REPEATED_ROWS * n:
        what = f"{side.repeated:,} of {n:,} samples ({side.repeated / n:.0%}) have an exact copy."
        return [noted("ties", f"{name} has ties: {what}")]
    if side.recurring > REPEATED_VALUES:
        what = f"about {side.recurring:.0%} of its values recur in their column (zeros, saturated units or few levels)."
        return [noted("ties", f"{name} has ties: {what}")]
    return []


def share_of_repeated_values(points: Samples) -> float:
    """Share of the values of some samples that have an exact copy in their column."""
    return _ties.shares_that_recur(points)[0]


def on_estimate(
    mi: float,
    units: Units,
    *,
    k: int | None,
    n_samples: int,
    ceiling: float | None = None,
    tied: int = 0,
    sides: Iterable[Samples] = (),
) -> dict[str, str]:
    """Notes that depend on one estimate, by kind; `mi` and `ceiling` in `units`.

    `tied`: number of samples of these sides with other samples exactly as far away as their k-th neighbour.
    """
    notes: dict[str, str] = {}
    if tied > MANY_TIED * n_samples and k is not None:
        notes |= on_tied(tied, k, n_samples, list(sides))
    if ceiling is not None and mi > NEAR_CEILING * ceiling:
        notes[AT_CEILING] = noted(
            "ceiling",
            f"The estimate is near the ceiling of {ceiling:.2f} {units}, the most that k={k} and {n_samples:,} "
            "samples can show: the true value may be far larger, or infinite. More samples raise the ceiling.",
        )
    if mi < 0:
        of_k = "" if k is None else f" for k={k}"
        notes["negative"] = noted(
            "negative",
            f"The estimate{of_k} is negative, which the true value cannot be: it is the estimator's error around a "
            "value near 0. It is left as it is, because clipping at 0 would bias averages.",
        )
    return notes


def on_no_error_bar(ks: Sequence[int], n_samples: int, sampling: Sampling, needed: int) -> str:
    """Why there is no error bar; `needed` is how many samples these neighbour orders need for one."""
    units = FEWEST_UNITS * FEWEST_PARTS
    if isinstance(sampling, Together) and (there := len(np.unique(sampling.part_of))) < units:
        what = "groups"
        if isinstance(sampling, Series):
            what = f"stretches of {STRETCH} times exclude, {STRETCH * sampling.exclude:,} rows"
        return noted("no-error-bar", f"There is no error bar: it needs at least {units} {what}, and there are {there}.")
    if n_samples >= needed:
        return noted("no-error-bar", "There is no error bar: not every part of the samples gives an estimate by itself.")
    of_k = f" with k={max(ks)}" if ks else ""
    return noted(
        "no-error-bar", f"There is no error bar:{of_k} it needs at least {needed:,} samples, and there are {n_samples:,}."
    )


def on_rise(mi: float, units: Units, k: int, n_samples: int, dim: int, bar: ErrorBar | None, place: int = 0) -> dict[str, str]:
    """Note that an estimate of ksg1, the one at this place of an error bar, still rises with the number of samples, by kind.

    There is none in many joint dimensions, where every estimate rises, and none without an error bar.
    """
    if bar is None or dim > WIDE:
        return {}
    of_parts, stderr = float(bar.of_parts[place]), float(bar.stderr[place])
    share = (RISES + (k + 1) / bar.part_size) * np.log10(n_samples / bar.part_size)
    if mi - of_parts <= max(RISES_BEYOND * stderr, share * abs(mi)):
        return {}
    return {
        "rises": noted(
            "rising",
            f"Parts of {bar.part_size:,} samples give {of_parts:.2f} {units}, all samples {mi:.2f}: the estimate still rises "
            "with their number, and may well be too low.",
        )
    }


def on_tied(tied: int, k: int, n_samples: int, sides: Sequence[Samples]) -> dict[str, str]:
    """Notes on samples with others exactly as far away as their k-th neighbour, by kind: copied rows, or equal values."""
    if copies := on_copied(sides):
        return copies
    advice = (
        "nothing need be done"
        if sum(side.shape[1] for side in sides) <= FEW_TIED
        else "but if many columns tie at once, as binary ones do, the estimate is far too low: compare with noise (1e-6) or "
        "discrete"
    )
    return {
        TIED: noted(
            "equal-distances",
            f"{tied / n_samples:.0%} of the samples have others exactly as far as their {ordinal(k)} neighbour, as rounded, "
            "evenly spaced or recurring values have. Such ties are taken in any order, as noise too small to matter has it; "
            f"{advice}.",
        )
    }


def on_copies(sides: Iterable[Samples]) -> dict[str, str]:
    """Note on samples that recur as a whole, by its kind, for an estimator that does not look for ties."""
    looked_at = list(sides)
    return on_copied(looked_at) if all(map(_ties.may_tie, looked_at)) else {}


def on_copied(sides: Sequence[Samples]) -> dict[str, str]:
    """Note on samples that recur as a whole, of numbers or of numbers and classes, by its kind."""
    copied = _ties.copied_samples(sides)
    if not copied:
        return {}
    what = (
        f"{copied / len(sides[0]):.0%} of the samples have an exact copy, in all sides together. One measurement copied into "
        "several rows looks like dependence: keep one of its copies."
    )
    return {COPIED: noted("copies", what)}


def typical_distance(points: Samples) -> float:
    """Middle Chebyshev distance of some fixed random pairs; a few outliers do not move it."""
    one, other = pairs_of(len(points))
    distances = distances_between(points, one, other)
    return float(middle(distances[one != other])) if np.any(one != other) else 0.0


def columns_apart(points: Samples) -> tuple[int, int, float] | None:
    """Columns with the smallest and the largest typical distance above 0, and their ratio, as in `Measured`."""
    if points.shape[1] > MANY_COLUMNS:
        return None
    one, other = pairs_of(len(points))
    typical = middle(np.abs(points[one].astype(np.float64) - points[other])[one != other].T)
    varying = np.flatnonzero(typical > 0)
    if len(varying) < 2:
        return None
    small, large = varying[typical[varying].argmin()], varying[typical[varying].argmax()]
    return int(small), int(large), float(typical[large] / typical[small])


def repeated_rows(points: Samples) -> int:
    """Number of rows of points (n, dim) with at least one exact copy."""
    if points.shape[1] > FEW_COLUMNS:  # rows that differ in a few columns differ
        some = np.ascontiguousarray(points[:, :: -(-points.shape[1] // FEW_COLUMNS)])
        if _ties.count_repeated(np.sort(row_hashes(some))) == 0:
            return 0
    return _ties.count_repeated(np.sort(row_hashes(points)))


@functools.lru_cache(maxsize=8)
def pairs_of(n: int) -> tuple[IntArray, IntArray]:
    """Draw `SAMPLED` pairs of n points."""
    one, other = np.random.default_rng(0).integers(n, size=(2, SAMPLED))
    return one, other


def row_hashes(points: Samples) -> FloatArray | NDArray[np.uint64]:
    """Hash (n,) of each row: equal rows have equal hashes, different rows practically never; 0.0 and -0.0 are equal."""
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


def ordinal(k: int) -> str:
    """Ordinal of a number: 1st, 2nd, 3rd, 4th, ..., 11th, ..., 21st."""
    suffix = "th" if k % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(k % 10, "th")
    return f"{k}{suffix}"
