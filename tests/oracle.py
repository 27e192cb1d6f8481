"""Slow, obvious, independent: neighbour counts and estimates straight from their definitions. NumPy and SciPy only."""

import numpy as np
from scipy.special import digamma


def as_table(samples):
    samples = np.asarray(samples, dtype=np.float64)
    return samples.reshape(len(samples), -1)


def neighbour_counts(x, y, k, rows=None):
    """Radius, n_x, n_y of Kraskov et al. 2004, fig. 1a: distances in float64, strict inequality, the point left out.

    For all points, or for some rows of them.
    """
    x, y = as_table(x), as_table(y)
    rows = np.arange(len(x)) if rows is None else rows
    radius, n_x, n_y = np.empty(len(rows)), np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.int64)
    for m, i in enumerate(rows):
        distance_x = np.delete(np.abs(x - x[i]).max(axis=1), i)
        distance_y = np.delete(np.abs(y - y[i]).max(axis=1), i)
        radius[m] = np.sort(np.maximum(distance_x, distance_y))[k - 1]
        n_x[m] = np.sum(distance_x < radius[m])
        n_y[m] = np.sum(distance_y < radius[m])
    return radius, n_x, n_y


def ksg1(x, y, k):
    """The estimate of Kraskov et al. 2004, eq. (8), in nats."""
    _, n_x, n_y = neighbour_counts(x, y, k)
    return digamma(k) + digamma(len(n_x)) - np.mean(digamma(n_x + 1) + digamma(n_y + 1))


def count_nearer(points, radius):
    """For each point how many others are strictly nearer than its radius."""
    points = as_table(points)
    return [np.sum(np.abs(points - point).max(axis=1) < r) - (r > 0) for point, r in zip(points, radius, strict=True)]
