"""What may be done to the samples before neighbours are sought: standardising, and noise against ties. Float64 throughout."""

from __future__ import annotations

import numpy as np

from mi_core._options import Standardize
from mi_core._types import FloatArray, Samples


def standardize(points: Samples, how: Standardize) -> Samples:
    """Bring a side to the spread of one.

    "sides" divides all columns by one number, the root of their mean variance, so that columns keep their relative scale.
    "columns" brings each column to mean 0 and variance 1; a constant column becomes 0. "none" returns `points` themselves.
    """
    if how == "none":
        return points
    centred, _ = centred_and_scaled(points)
    if how == "sides":
        return centred / float(np.sqrt(np.mean(centred**2)))
    deviations: FloatArray = np.sqrt(np.mean(centred**2, axis=0))
    return centred / np.where(deviations > 0, deviations, 1.0)


def add_noise(points: Samples, relative: float, rng: np.random.Generator) -> FloatArray:
    """Add Gaussian noise of `relative` times the side's spread (the root of its columns' mean variance) to each value."""
    return points + rng.standard_normal(points.shape) * (relative * spread(points))


def spread(points: Samples) -> float:
    """Root of the mean variance of the columns."""
    centred, scale = centred_and_scaled(points)
    return float(np.sqrt(np.mean(centred**2)) * scale)


def centred_and_scaled(points: Samples) -> tuple[FloatArray, float]:
    """Columns minus their means, divided by the largest deviation, and that divisor: so squares cannot overflow."""
    doubles = points.astype(np.float64)
    largest = np.abs(doubles).max() or 1.0
    doubles /= largest
    centred = np.where(np.ptp(doubles, axis=0) > 0, doubles - doubles.mean(axis=0), 0.0)  # exact for constant columns
    deviation = np.abs(centred).max() or 1.0
    return centred / deviation, float(deviation * largest)
