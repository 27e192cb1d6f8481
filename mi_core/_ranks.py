"""Normal scores: columns by the ranks of their values, which tails and scales leave alone."""

from __future__ import annotations

import numpy as np

from mi_core import _ties
from mi_core.types import FloatArray, Samples

COLUMNS_AT_ONCE = 16  # that are ranked together


def normal_scores(points: Samples) -> FloatArray:
    """Gaussian quantiles (n, dim) of each column's ranks over n + 1; equal values share their mean rank."""
    from scipy.special import ndtri  # here, because it takes time to load

    n, dim = points.shape
    of_ranks = ndtri(np.arange(2, 2 * n + 1) / 2 / (n + 1))  # of 1, 1.5, and so on: a mean of ranks may end in one half
    scores = np.empty((dim, n))
    for start in range(0, dim, COLUMNS_AT_ONCE):
        columns = np.ascontiguousarray(points[:, start : start + COLUMNS_AT_ONCE].T)
        order = np.argsort(columns, axis=1)
        first, last = _ties.first_and_last(_ties.new_values(np.take_along_axis(columns, order, axis=1)))
        twice = first + last - 2 * n * np.arange(len(order))[:, np.newaxis]
        np.put_along_axis(scores[start : start + COLUMNS_AT_ONCE], order, of_ranks[twice], axis=1)
    return scores.T
