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
"""Progress as callers ask for it: a function, True for a bar on stderr, None or False for nothing."""

Reducer = Callable[[Samples, Samples, np.random.Generator], tuple[Any, Any]]
"""(x, y, rng) -> fewer columns of each, (n_samples, few). What its attribute `fitted_on` says, if it has one, is recorded."""


class CrossFittedReducer(Protocol):
    """A reducer that is fitted on one half of the samples and used on the other.

    Where samples are not independent, a `fit` with an argument `groups` is given (n,) ascending numbers of what may not be
    parted: groups, or stretches of a series.
    """

    def fit(self, x: Samples, y: Samples, rng: np.random.Generator) -> Callable[[Samples, Samples], tuple[Any, Any]]:
        """Fit to some samples, and return what makes fewer columns of x and of y of any others."""


class CrossFittedCritic(Protocol):
    """A critic for a lower bound that is fitted on one half of the samples and measured on the other; see `CrossFittedReducer`
    on groups.
    """

    def fit(self, x: Samples, y: Samples, rng: np.random.Generator) -> Callable[[Samples, Samples], tuple[Any, Any]]:
        """Fit to some samples, and return what makes embeddings (n, m) of x and of y of any others. Their inner products are
        large where x and y belong together.
        """


Share = tuple[int, int]
"""(index, shares): one of so many equal shares of the queries."""
