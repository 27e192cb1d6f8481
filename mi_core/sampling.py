"""Sampling schemes: independent samples, groups that belong together, or rows of a series.

Rows that belong together are each other's nearest neighbours whatever the other side does. So two independent sets of such rows
seem to share MI, and random shuffles or parts of them are no valid test. Each scheme defines:

    left_out    rows excluded from the neighbours and counts of a row (the window of Theiler, Phys. Rev. A 34, 2427 (1986))
    parts       disjoint parts for error bars, made of whole groups or stretches
    surrogate   pairing of the rows as if the sides were independent: whole groups exchanged, or a series shifted
    order       default neighbour order: about as many as belong together, so that neighbours do not all come from one group
"""

from __future__ import annotations

import abc
import dataclasses
import functools
import inspect
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from mi_core.errors import InputError
from mi_core.types import FloatArray, IntArray, Samples

DEFAULT_ORDER = 3
LARGEST_ORDER = 25  # by default; reads -0.03 to 0 bits on independent AR(1) series and groups where 3 reads -0.1 to -0.3
LARGEST_ORDER_IN_MANY = 10  # beyond FEW_DIMENSIONS, where so large an order costs more bits than it saves: 0.6 of 2.2 at 3+3
FEW_DIMENSIONS = 4  # joint
LEAST_SHARE_OF_ORDER = 20  # samples for each neighbour of the default order
FEWEST_UNITS = 2  # in a part
FEWEST_PARTS = 4  # of an error bar
MOST_PARTS = 10  # which give 9 degrees of freedom
STRETCH = 4  # length of a stretch, in units of exclude
RESEMBLE = 3.0  # standard errors beyond which neighbouring rows resemble each other
LOOKED_AT = 2000  # neighbouring rows
COMPARED_TOGETHER = 2**15  # values, which stay in a cache


class Sampling(Protocol):
    """Sampling scheme."""

    @property
    def left_out(self) -> IntArray | None:
        """Range (n_samples, 2) of rows that belong together with each row, first and one past the last; or None."""

    @property
    def units(self) -> int | None:
        """Number of independent units; None if the units are the samples."""

    def countable(self, n_samples: int) -> int | IntArray:
        """N of the formulas: the number of samples that may be counted for each one, itself included."""

    def cuts(self, n_samples: int, least: int, ample: float) -> tuple[int, ...]:
        """Numbers of parts to cut the samples into for an error bar: each of at least so many samples, and of ample ones where
        it is cut into many; none for too few.
        """

    def order(self, n_samples: int, dim: int) -> int:
        """Default neighbour order k for this number of joint dimensions."""

    def take(self, rows: IntArray) -> Sampling:
        """Sampling scheme of some of the rows, ascending."""

    def parts(self, n_samples: int, count: int, rng: np.random.Generator) -> list[IntArray]:
        """Ascending rows of disjoint parts of about equal size; empty if there are too few units."""

    def surrogate(self, n_samples: int, rng: np.random.Generator) -> IntArray:
        """Row (n_samples,) of y to pair with each row of x."""

    def error_of_mean(self, terms: FloatArray, rows: IntArray) -> float:
        """Standard error of the mean of terms (m,), one for each of some rows (m,)."""


class Independent:
    """Independent samples."""

    left_out = None
    units = None

    def countable(self, n_samples: int) -> int:
        """Number of all samples."""
        return n_samples

    def cuts(self, n_samples: int, least: int, ample: float) -> tuple[int, ...]:
        """One cut into many parts if these are ample: a second one would share its samples, and be worth little. Else two."""
        if n_samples // MOST_PARTS >= ample:
            return (MOST_PARTS,)
        return tuple(count for count in (FEWEST_PARTS, 2 * FEWEST_PARTS) if n_samples // count >= least)

    def order(self, n_samples: int, dim: int) -> int:
        """Usual neighbour order of the field."""
        return DEFAULT_ORDER

    def take(self, rows: IntArray) -> Independent:
        """Scheme of some of the rows, which are independent too."""
        return self

    def parts(self, n_samples: int, count: int, rng: np.random.Generator) -> list[IntArray]:
        """Rows of parts of equal size, drawn without replacement."""
        size = n_samples // count
        order = rng.permutation(n_samples)
        return [np.sort(order[part * size : (part + 1) * size]) for part in range(count)]

    def surrogate(self, n_samples: int, rng: np.random.Generator) -> IntArray:
        """All rows in random order."""
        return rng.permutation(n_samples)

    def error_of_mean(self, terms: FloatArray, rows: IntArray) -> float:
        """Standard deviation of the terms divided by the root of their number."""
        return float(terms.std(ddof=1) / np.sqrt(len(terms)))


class Together(abc.ABC):
    """Common base of groups and series: rows that belong together make units, and the units are independent."""

    @property
    @abc.abstractmethod
    def left_out(self) -> IntArray:
        """Range (n_samples, 2) of rows that belong together with each row, as in `Sampling`."""

    @property
    @abc.abstractmethod
    def part_of(self) -> IntArray:
        """Number (n_samples,), ascending, of the block that each row must stay in."""

    def cuts(self, n_samples: int, least: int, ample: float) -> tuple[int, ...]:
        """Two cuts into few parts: small ones hold so few units that their spread is too small where dependence is strong."""
        return (FEWEST_PARTS, FEWEST_PARTS) if n_samples // FEWEST_PARTS >= least else ()

    def countable(self, n_samples: int) -> IntArray:
        """Number of rows, for each row, that are not left out, itself included."""
        number: IntArray = n_samples - (self.left_out[:, 1] - self.left_out[:, 0]) + 1
        return number

    def parts(self, n_samples: int, count: int, rng: np.random.Generator) -> list[IntArray]:
        """Rows of disjoint parts made of whole units; empty if there are too few units."""
        numbers, place = np.unique(self.part_of, return_inverse=True)
        if len(numbers) < FEWEST_UNITS * count:
            return []
        part = np.empty(len(numbers), np.int64)
        part[rng.permutation(len(numbers))] = np.arange(len(numbers)) % count
        return [np.flatnonzero(part[place] == one) for one in range(count)]

    def error_of_mean(self, terms: FloatArray, rows: IntArray) -> float:
        """Standard error from the spread of the units' sums, because terms of one unit are dependent."""
        _, place = np.unique(self.part_of[rows], return_inverse=True)
        sums = np.bincount(place, weights=terms - terms.mean())
        return float(np.sqrt(np.sum(sums**2) * len(sums) / max(1, len(sums) - 1)) / len(terms))


@dataclasses.dataclass(frozen=True)
class Groups(Together):
    """Samples in groups of rows that belong together: trials of a subject, tokens of a sentence, positions of an image.

    Attributes:
        group: (n_samples,) number of each row's group, ascending.
    """

    group: IntArray

    @functools.cached_property
    def left_out(self) -> IntArray:
        """Range of each row's own group."""
        return np.column_stack([np.searchsorted(self.group, self.group, side) for side in ("left", "right")]).astype(np.int64)

    @property
    def part_of(self) -> IntArray:
        """Number of each row's group."""
        return self.group

    @functools.cached_property
    def sizes(self) -> IntArray:
        """Number of rows of each group."""
        sizes: IntArray = np.unique(self.group, return_counts=True)[1]
        return sizes

    @property
    def units(self) -> int:
        """Number of groups."""
        return len(self.sizes)

    def order(self, n_samples: int, dim: int) -> int:
        """Neighbour order of about the mean size of a group."""
        return default_order(float(self.sizes.mean()), n_samples, dim)

    def take(self, rows: IntArray) -> Groups:
        """Groups of some of the rows, ascending."""
        return Groups(self.group[rows])

    def surrogate(self, n_samples: int, rng: np.random.Generator) -> IntArray:
        """Pair the rows of each group with those of another group, in circular order from a random start: some of them if the
        other group is larger, all of them about equally often if it is smaller. Without the random start, both sides would
        still share any dependence on the position in a group.
        """
        starts = np.cumsum([0, *self.sizes[:-1]])
        rows = []
        for size, other in zip(self.sizes, rng.permutation(self.units), strict=True):
            there = rng.permutation(self.sizes[other])
            in_order = np.sort(np.resize(there, size))
            rows.append(starts[other] + np.roll(in_order, rng.integers(size)))
        return np.concatenate(rows)


@dataclasses.dataclass(frozen=True)
class Series(Together):
    """Rows of a time series in order.

    Attributes:
        time: (n_samples,) position of each row in the series, ascending.
        exclude: Number of steps of time up to which rows belong together.
        span: Steps from the first to the last lag at which the sides are compared, including lag 0.
    """

    time: IntArray
    exclude: int
    span: int = 0

    @functools.cached_property
    def left_out(self) -> IntArray:
        """Range of rows up to `exclude` steps before and after each row."""
        first = np.searchsorted(self.time, self.time - self.exclude, "left")
        return np.column_stack([first, np.searchsorted(self.time, self.time + self.exclude, "right")]).astype(np.int64)

    @property
    def part_of(self) -> IntArray:
        """Number of each row's stretch, several times as long as the memory."""
        return self.time // max(STRETCH * self.exclude, 1)

    @property
    def units(self) -> int:
        """Number of independent units: stretches of `exclude` rows before and after a row."""
        return max(1, len(self.time) // (2 * self.exclude + 1))

    def order(self, n_samples: int, dim: int) -> int:
        """Neighbour order of about the number of rows that belong together on one side of a row."""
        return default_order(self.exclude + 1, n_samples, dim)

    def take(self, rows: IntArray) -> Series:
        """Scheme of some of the rows, ascending, at their own times."""
        return dataclasses.replace(self, time=self.time[rows])

    @property
    def least_shift(self) -> int:
        """Steps that separate the sides: more than twice the memory plus the span, so that no compared lag is met."""
        return self.span + 2 * self.exclude + 1

    def surrogate(self, n_samples: int, rng: np.random.Generator) -> IntArray:
        """Shift all rows circularly by one random number of steps, at least `least_shift`."""
        least = min(self.least_shift, n_samples // 3)
        return np.roll(np.arange(n_samples), int(rng.integers(least, n_samples - least + 1)))


INDEPENDENT = Independent()


def fit(way: Any, x: Samples, y: Samples, rng: np.random.Generator, sampling: Sampling) -> Any:
    """Fit a cross-fitted critic or reducer to samples; if its `fit` takes `groups`, it gets the blocks that must stay whole."""
    if isinstance(sampling, Together) and "groups" in inspect.signature(way.fit).parameters:
        return way.fit(x, y, rng, groups=sampling.part_of)
    return way.fit(x, y, rng)


def as_fields(sampling: Sampling) -> dict[str, Any]:
    """Fields in which results record the sampling scheme."""
    return {"independent_units": sampling.units, "exclude": sampling.exclude if isinstance(sampling, Series) else None}


def default_order(together: float, n_samples: int, dim: int) -> int:
    """Default neighbour order, about the number of rows that belong together, so that neighbours come from several groups."""
    largest = LARGEST_ORDER if dim <= FEW_DIMENSIONS else LARGEST_ORDER_IN_MANY
    most = min(largest, n_samples // LEAST_SHARE_OF_ORDER)
    return max(DEFAULT_ORDER, min(most, round(together)))


def check_enough(left_out: IntArray, ks: Sequence[int]) -> None:
    """Raise InputError unless each sample has more than k others that are not left out."""
    fewest = int((len(left_out) - (left_out[:, 1] - left_out[:, 0])).min())
    if fewest < max(ks):
        raise InputError(
            f"k={max(ks)}, and some samples have only {fewest:,} others outside their own group or time to compare with: "
            "take a smaller k, or leave out the condition or labels that separate the groups."
        )


# Whether samples that were taken for independent are


def resemblance(points: Samples) -> float:
    """How much nearer, in standard errors, neighbouring rows (n, dim) are to each other than rows drawn at random.

    If rows are independent, row i + 1 is nearer to row i than a random row j is half of the time; ties count one half.
    """
    here, other = rows_to_compare(len(points))
    near, far = (distances_between(points, here, there) for there in (here + 1, other))
    nearer = np.count_nonzero(near < far) + 0.5 * np.count_nonzero(near == far)
    return float((2 * nearer - len(here)) / np.sqrt(max(1, len(here))))


@functools.lru_cache(maxsize=8)
def rows_to_compare(n: int) -> tuple[IntArray, IntArray]:
    """Rows of n samples that have a next row, and for each a random row that is neither of the two."""
    here = np.arange(0, n - 1, max(1, (n - 1) // LOOKED_AT))
    other = np.random.default_rng(0).integers(n, size=len(here))
    apart = (other != here) & (other != here + 1)
    return here[apart], other[apart]


def distances_between(points: Samples, one: IntArray, other: IntArray) -> FloatArray:
    """Chebyshev distances (m,) between the points of rows `one` (m,) and `other` (m,)."""
    distances = np.empty(len(one))
    together = max(1, COMPARED_TOGETHER // points.shape[1])
    for first in range(0, len(one), together):
        some = slice(first, first + together)
        distances[some] = np.abs(points[one[some]].astype(np.float64) - points[other[some]]).max(axis=1)
    return distances
