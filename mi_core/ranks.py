"""Normal scores: columns by the ranks of their values, which tails and scales leave alone."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mi_core import _ties
from mi_core.types import FloatArray, IntArray, Samples

COLUMNS_AT_ONCE = 16  # that are ranked together


class Ranks:
    """Columns (n, dim) of samples, sorted once, when first needed, which give normal scores relative to any of the rows."""

    def __init__(self, points: Samples) -> None:
        self.points = points

    @functools.cached_property
    def sorted(self) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """(dim, n) the row at each place of a column in ascending order, and whether its value differs from the one before."""
        columns = np.ascontiguousarray(self.points.T)
        order = np.argsort(columns, axis=1)
        return order.astype(np.int32), _ties.new_values(np.take_along_axis(columns, order, axis=1))

    def scores(self, fitted: IntArray | None = None, dtype: Any = np.float32) -> NDArray[Any]:
        """Gaussian quantiles (n, dim) of mean ranks over n + 1, equal values sharing theirs.

        fitted: Rows among which ranks are counted, and which alone define the scale; None for all.
        """
        from scipy.special import ndtri  # here, because it takes time to load

        from mi_core.backends.cpu.by_rank import scores_by_rank  # here, because it loads what compiles kernels

        order, is_new = self.sorted
        dim, n = order.shape
        is_fitted = np.zeros(n, np.bool_)
        is_fitted[... if fitted is None else fitted] = True
        number = int(np.count_nonzero(is_fitted))
        of_ranks = ndtri(np.arange(1, 2 * number + 2) / (2 * (number + 1))).astype(dtype)
        scores = np.empty((n, dim), dtype)
        scores_by_rank(order, is_new, is_fitted, of_ranks, scores)
        return scores


def normal_scores(points: Samples) -> FloatArray:
    """Gaussian quantiles (n, dim) of each column's ranks over n + 1, in float64; equal values share their mean rank."""
    parts = [points[:, start : start + COLUMNS_AT_ONCE] for start in range(0, points.shape[1], COLUMNS_AT_ONCE)]
    return np.hstack([Ranks(part).scores(dtype=np.float64) for part in parts])
