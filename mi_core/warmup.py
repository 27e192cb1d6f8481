"""Kernels compiled ahead: for images of containers, for clusters, and for whoever does not want to wait at a first estimate.

A kernel is compiled when a call first needs it, once on a machine for each type of numbers, and kept on disk. Here each kind of
estimate is made once, of few samples.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from mi_core import (
    conditional_mutual_information,
    entropy,
    kl_divergence,
    lagged,
    multi_information,
    mutual_information,
    mutual_information_matrix,
    rank,
    similarity,
    transfer_entropy,
)
from mi_core.options import Backend
from mi_core.types import Progress, Samples

FEW, MANY = 200, 2_100  # samples: brute force or a tree, and beyond it the filter where there are many dimensions
DTYPES = (np.float32, np.float64)


def warm_up(progress: Progress | None = None) -> int:
    """Compile what the estimates on CPUs need, as far as it is not kept on disk already.

    Args:
        progress: Called with (kinds of estimates done, kinds in all).

    Returns:
        Number of kinds of estimates.
    """
    tasks = [task for dtype in DTYPES for task in tasks_for(np.dtype(dtype))]
    for done, task in enumerate(tasks, start=1):
        task()
        if progress is not None:
            progress(done, len(tasks))
    return len(tasks)


def tasks_for(dtype: np.dtype[np.floating]) -> list[Callable[[], object]]:
    """One call for each kind of estimate of samples of one type."""
    rng = np.random.default_rng(0)

    def sides(n: int, dim: int) -> tuple[Samples, Samples]:
        x = rng.standard_normal((n, dim)).astype(dtype)
        y = (x + rng.standard_normal((n, dim))).astype(dtype)
        return x, y

    line, few, wide, classes = sides(FEW, 1), sides(FEW, 3), sides(MANY, 30), np.arange(FEW) % 3
    groups = np.repeat(np.arange(FEW // 4), 4)
    ways: tuple[Backend, ...] = ("cpu-tree", "cpu-filter", "cpu-brute")
    return [
        lambda: mutual_information(*line, permutations=20),
        *(
            lambda way=way, ks=ks: mutual_information(*few, k=ks, backend=way)
            for way, ks in itertools.product(ways, ([3], [3, 20]))
        ),
        *(lambda way=way: mutual_information(*few, backend=way, error_bar=False, groups=groups) for way in ways),
        lambda: mutual_information(*few, series=True, exclude=2, permutations=2, error_bar=False),
        lambda: mutual_information(*wide, permutations=20, diagnose=True, lower_bound=True, reduce="cca:2"),
        lambda: mutual_information(few[0], classes, estimator="ross"),
        lambda: mutual_information(*few, estimator="ksg2", error_bar=False),
        lambda: mutual_information(*line, k=10, estimator="lnc", error_bar=False),
        lambda: mutual_information(*few, estimator="mixture", error_bar=False),
        *(lambda way=way: conditional_mutual_information(*few, line[0], backend=way, permutations=2) for way in ways),
        lambda: multi_information([few[0], few[1], line[0]], error_bar=False),
        lambda: entropy(few[0], error_bar=False),
        lambda: kl_divergence(few[0], few[1], error_bar=False),
        lambda: mutual_information_matrix({"a": wide[0][:FEW], "b": wide[1][:FEW], "c": few[0]}, also=("cka", "knn")),
        lambda: rank({"a": few[0][:, 0], "b": few[1][:, 0]}, few[1][:, 1], permutations=20),
        lambda: lagged(*line, lags=(0, 1), error_bar=False),
        lambda: transfer_entropy(*line, error_bar=False),
        lambda: similarity.intrinsic_dimension(few[0]),
        lambda: similarity.neighbour_overlap(*few, metric="chebyshev"),
    ]
