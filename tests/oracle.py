"""Slow, obvious, independent: neighbour counts and estimates straight from their definitions. NumPy and SciPy only."""

import numpy as np
from scipy.special import digamma


def as_table(samples):
    samples = np.asarray(samples, dtype=np.float64)
    return samples.reshape(len(samples), -1)


def neighbour_counts(x, y, k):
    """Radius, n_x, n_y of Kraskov et al. 2004, fig. 1a: distances in float64, strict inequality, the point left out."""
    x, y = as_table(x), as_table(y)
    n = len(x)
    radius, n_x, n_y = np.empty(n), np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    for i in range(n):
        distance_x = np.delete(np.abs(x - x[i]).max(axis=1), i)
        distance_y = np.delete(np.abs(y - y[i]).max(axis=1), i)
        radius[i] = np.sort(np.maximum(distance_x, distance_y))[k - 1]
        n_x[i] = np.sum(distance_x < radius[i])
        n_y[i] = np.sum(distance_y < radius[i])
    return radius, n_x, n_y


def ksg1(x, y, k):
    """The estimate of Kraskov et al. 2004, eq. (8), in nats."""
    _, n_x, n_y = neighbour_counts(x, y, k)
    return digamma(k) + digamma(len(n_x)) - np.mean(digamma(n_x + 1) + digamma(n_y + 1))
