"""What goes in and what comes out: array types and frozen results."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mi_core._options import Estimator, Standardize, Units

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Samples = NDArray[np.floating[Any]]
"""Validated samples, (n_samples, dim), C-contiguous, float32 or float64, finite."""

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all) from the calling thread while neighbours are counted."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class NeighbourCounts:
    """For every point: how far its k-th joint neighbour is, how many points lie strictly nearer in each marginal.

    Attributes:
        k: Neighbour order.
        radius: (n_samples,) Chebyshev distance to the k-th nearest other point in the joint space.
        n_x: (n_samples,) other points whose distance in x is strictly less than `radius`.
        n_y: (n_samples,) the same in y.
        backend: Name of the backend that counted.
    """

    k: int
    radius: FloatArray
    n_x: IntArray
    n_y: IntArray
    backend: str


@dataclasses.dataclass(frozen=True, slots=True)
class MIResult:
    """One estimate of mutual information and all that is needed to repeat it. `float(result)` is the estimate.

    Attributes:
        mi: The estimate, in `units`. May be negative: see `notes`.
        units: "bits" or "nats".
        k: Neighbour order.
        n_samples: Number of samples.
        dim_x: Dimensions of x.
        dim_y: Dimensions of y.
        ceiling: psi(n_samples) - psi(k) in `units`: no estimate on data without ties can exceed it.
        estimator: Name of the estimator.
        backend: Name of the backend that counted the neighbours.
        threads: Number of threads it was allowed.
        standardize: How the data were standardised first.
        noise: Standard deviation of the noise added to each column, in standard deviations of its side; 0 for none.
        seed: Seed of that noise; None where nothing random was done.
        seconds: Wall time of the whole estimate, compilation of kernels included.
        notes: What a reader should know before using the number, one sentence or two each.
        local_mi: (n_samples,) terms whose mean is `mi`, in `units`; None unless asked for.
    """

    mi: float
    units: Units
    k: int
    n_samples: int
    dim_x: int
    dim_y: int
    ceiling: float
    estimator: Estimator
    backend: str
    threads: int
    standardize: Standardize
    noise: float
    seed: int | None
    seconds: float
    notes: tuple[str, ...]
    local_mi: FloatArray | None = dataclasses.field(default=None, compare=False, repr=False)

    def __float__(self) -> float:
        return self.mi

    def to_dict(self) -> dict[str, Any]:
        """All fields but `local_mi` as plain Python values, ready for JSON."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        del fields["local_mi"]
        return fields | {"notes": list(self.notes)}
