"""Preparation of the samples before the neighbour search: standardising, and noise to break ties."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mi_core.explanations import noted
from mi_core.options import Standardize
from mi_core.sampling import Sampling
from mi_core.seeds import generator
from mi_core.types import FloatArray, IntArray, Samples

MUCH_LOST = 0.5  # of the values that noise was to change


@dataclasses.dataclass(frozen=True)
class Prepared:
    """Validated samples, standardised and with noise added, as the estimators take them.

    Attributes:
        x: Samples (n_samples, dim_x).
        y: Samples (n_samples, dim_y); for class labels (n_samples, 1), the position of each sample's class in `classes`.
        z: Condition (n_samples, dim_z), class labels as in y; None for unconditional mutual information.
        classes: Names of the classes of y; empty unless y are labels.
        given_classes: Names of the classes of z; empty unless z are labels.
        sampling: How the samples were drawn; None for independent samples.
    """

    x: Samples
    y: Samples
    z: Samples | None = None
    classes: tuple[str, ...] = ()
    given_classes: tuple[str, ...] = ()
    sampling: Sampling | None = None

    def sides(self) -> dict[str, Samples]:
        """Sides x, y and, if there is one, z, by their names."""
        return {"x": self.x, "y": self.y} | ({} if self.z is None else {"z": self.z})

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: IntArray) -> Prepared:
        """Select some of the samples of every side."""
        some = self.sides_by(lambda side: side.take(rows, axis=0))
        return some if self.sampling is None else dataclasses.replace(some, sampling=self.sampling.take(rows))

    @property
    def countable(self) -> int | IntArray:
        """Number of samples that may be counted, itself included; one per sample if some are left out."""
        return len(self.x) if self.sampling is None else self.sampling.countable(len(self.x))

    def sides_by(self, change: Callable[[Samples], Samples]) -> Prepared:
        """Apply a function to each side."""
        return dataclasses.replace(self, x=change(self.x), y=change(self.y), z=None if self.z is None else change(self.z))


def prepare(sides: Mapping[str, Samples], how: Standardize, noise: float, seed: int) -> tuple[dict[str, Samples], list[str]]:
    """Standardise the sides, given by their names, and add noise; return them with notes on noise that was lost."""
    ready = {name: standardize(points, how) for name, points in sides.items()}
    notes: list[str] = []
    if noise > 0:
        rng = generator(seed, "noise")
        for name in ready:
            noisy = add_noise(ready[name], noise, rng)
            lost = float(np.mean(noisy == ready[name]))
            if lost >= MUCH_LOST and (ready[name] != ready[name][0]).any():
                what = f"for {lost:.0%} of the values of {name}: it is too small beside them."
                notes.append(noted("noise-lost", f"The noise was lost in rounding {what}"))
            ready[name] = noisy
    return ready, notes


def standardize(points: Samples, how: Standardize) -> Samples:
    """Scale samples to a spread of 1, in float64. Nothing is subtracted, because distances do not depend on an offset.

    "sides" scales all columns by one number, the root of their mean variance, so that they keep their relative scale.
    "columns" scales each column by its standard deviation, unless it is constant. "none", or a constant side, returns `points`
    unchanged.

    Values are multiplied by the inverse of the spread, rounded to 24 bits: products with values of up to 29 bits (uint8, whole
    numbers, halves, float32) are then exact, and equal distances stay equal. Rounded quotients would make them differ.
    """
    if how == "none":
        return points
    deviations = standard_deviations(points)
    if not deviations.any():
        return points
    scales = root_mean_square(deviations) if how == "sides" else np.where(deviations > 0, deviations, 1.0)
    fraction, exponent = np.frexp(scales)
    scaled: FloatArray = np.ldexp(points.astype(np.float64, copy=False), -exponent)
    return scaled * np.float32(1 / fraction)


def add_noise(points: Samples, relative: float, rng: np.random.Generator) -> FloatArray:
    """Add Gaussian noise of `relative` times the side's spread (the root of its columns' mean variance) to each value."""
    noise = rng.standard_normal(points.shape)
    noise *= relative * root_mean_square(standard_deviations(points))
    noise += points
    return noise


def centred(points: Samples) -> tuple[FloatArray, FloatArray]:
    """Centred columns in float64, each divided by its largest value so that no square overflows or vanishes, and these largest
    values (dim,), 0 for a constant column.

    The first sample is subtracted before the mean, so that even a large offset costs no digits.
    """
    columns = points - points[0].astype(np.float64)
    largest = np.abs(columns).max(axis=0)
    columns /= np.where(largest > 0, largest, 1.0)
    columns -= columns.mean(axis=0)
    return columns, largest


def standard_deviations(points: Samples) -> FloatArray:
    """Standard deviations (dim,) of the columns, computed one by one to save memory; scaled so that no square overflows."""
    deviations = np.zeros(points.shape[1])
    for d, column in enumerate(points.T):
        centred = column - np.float64(column[0])  # exactly 0 for a constant column
        largest = np.abs(centred).max()
        if largest > 0:
            deviations[d] = np.std(centred / largest) * largest
    return deviations


def root_mean_square(deviations: FloatArray) -> float:
    """Root of the mean variance."""
    largest = deviations.max()
    if largest == 0:
        return 0.0
    return float(np.sqrt(np.mean((deviations / largest) ** 2)) * largest)


def varying(points: Samples) -> Samples:
    """Select the columns that are not constant; return `points` unchanged if no column is constant."""
    varies = (points != points[0]).any(axis=0)
    return points if varies.all() else np.ascontiguousarray(points[:, varies])


def joined(parts: Sequence[Samples]) -> Samples:
    """Join the parts (n, dim) side by side."""
    together: Samples = np.hstack(parts)
    return together


def kinds(*sides: Samples) -> tuple[IntArray, IntArray]:
    """Kind (n,) of each sample, equal if samples (n, dim) are equal in all sides, and the number of samples of each kind."""
    kind = np.zeros(len(sides[0]), np.int64)
    counts = np.array([len(kind)])
    for column in joined(sides).T:  # one after the other is 20 times as fast as numpy.unique of whole rows
        values, place = np.unique(column, return_inverse=True)
        _, kind, counts = np.unique(kind * len(values) + place, return_inverse=True, return_counts=True)
        if len(counts) == len(kind):  # no two of a kind are left
            break
    return kind, counts


def middle(values: FloatArray) -> FloatArray:
    """Middle value along the last axis; unlike a median, it is never a mean of two values, which might overflow."""
    half = values.shape[-1] // 2
    found: FloatArray = np.partition(values, half, axis=-1)[..., half]
    return found
