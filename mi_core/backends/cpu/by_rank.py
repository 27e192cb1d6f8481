"""Scores of samples by their ranks in each column, from columns that are sorted already."""

from __future__ import annotations

import numpy as np

from mi_core.backends.cpu.jit import jit

TOGETHER = 16  # columns, whose scores are then written row by row


@jit
def scores_by_rank(order, is_new, is_fitted, of_ranks, scores):
    """Fill scores (n, dim) with of_ranks (2 m + 1,) at twice the mean rank of each value among the m fitted rows, less one.

    order (dim, n) has the rows of each column in ascending order, is_new (dim, n) whether a value differs from the one before.
    A value ranks after the fitted ones below it; among equal ones, of which each takes the mean, fitted ones count.
    """
    dim, n = order.shape
    columns = np.empty((TOGETHER, n), scores.dtype)
    for start in range(0, dim, TOGETHER):
        some = min(TOGETHER, dim - start)
        for column in range(some):
            first, below = 0, 0
            while first < n:
                beyond, equal = first, 0
                while beyond == first or (beyond < n and not is_new[start + column, beyond]):
                    equal += is_fitted[order[start + column, beyond]]
                    beyond += 1
                for place in range(first, beyond):
                    columns[column, order[start + column, place]] = of_ranks[2 * below + equal]
                first, below = beyond, below + equal
        for row in range(n):
            for column in range(some):
                scores[row, start + column] = columns[column, row]
