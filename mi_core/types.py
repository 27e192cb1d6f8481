"""Small types that the whole package uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Samples = NDArray[np.floating[Any]]
"""Validated samples, (n_samples, dim), C-contiguous, float32 or float64, finite."""

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all) from the calling thread while neighbours are counted."""

ProgressOption = Progress | bool | None
"""Progress argument: a function, True for a bar on stderr, None or False for no progress."""

Reducer = Callable[[Samples, Samples, np.random.Generator], tuple[Any, Any]]
"""Function (x, y, rng) -> fewer columns of each, (n_samples, few). Its attribute `fitted_on`, if there is one, is recorded."""


class CrossFittedReducer(Protocol):
    """Reducer that is fitted on one half of the samples and used on the other.

    If samples are not independent, a `fit` with an argument `groups` receives (n,) ascending numbers of the groups, or of the
    stretches of a series, that must stay whole.
    """

    def fit(self, x: Samples, y: Samples, rng: np.random.Generator) -> Callable[[Samples, Samples], tuple[Any, Any]]:
        """Fit to some samples, and return a function that makes fewer columns of x and of y from other samples."""


class CrossFittedCritic(Protocol):
    """Critic for a lower bound that is fitted on one half of the samples and measured on the other. For groups, see
    `CrossFittedReducer`.
    """

    def fit(self, x: Samples, y: Samples, rng: np.random.Generator) -> Callable[[Samples, Samples], tuple[Any, Any]]:
        """Fit to some samples, and return a function that makes embeddings (n, m) of x and of y from other samples. Their inner
        products are large if x and y belong together.
        """


Share = tuple[int, int]
"""Pair (index, shares): one of several equal shares of the queries."""
