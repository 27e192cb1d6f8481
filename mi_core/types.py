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
    """A reducer that is fitted on one half of the samples and used on the other."""

    def fit(self, x: Samples, y: Samples, rng: np.random.Generator) -> Callable[[Samples, Samples], tuple[Any, Any]]:
        """Fit to some samples, and return what makes fewer columns of x and of y of any others."""


Share = tuple[int, int]
"""(index, shares): one of so many equal shares of the queries."""
