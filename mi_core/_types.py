"""What goes in and what comes out: array types and frozen results."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mi_core._options import ConditionalEstimator, EntropyEstimator, Estimator, Standardize, Units

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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What every result records, so that it can be read and repeated. `float(result)` is the estimate.

    Attributes:
        units: "bits" or "nats".
        k: Neighbour order; None where no neighbours were sought.
        n_samples: Number of samples.
        backend: Name of the backend that counted the neighbours; "none" where none were sought.
        threads: Number of threads it was allowed.
        noise: Standard deviation of the noise added to each column, in standard deviations of its side; 0 for none.
        seed: Seed of that noise; None where nothing random was done.
        seconds: Wall time of the whole estimate, compilation of kernels included.
        notes: What a reader should know before using the number, one sentence or two each.
    """

    quantity: ClassVar[str]
    """Name of the field that holds the estimate; "local_" and this name that of its local terms."""

    units: Units
    k: int | None
    n_samples: int
    backend: str
    threads: int
    noise: float
    seed: int | None
    seconds: float
    notes: tuple[str, ...]

    def __float__(self) -> float:
        return float(getattr(self, self.quantity))

    @property
    def local(self) -> FloatArray | None:
        """(n_samples,) terms whose mean is the estimate, in `units`; None unless asked for."""
        terms: FloatArray | None = getattr(self, f"local_{self.quantity}")
        return terms

    def to_dict(self) -> dict[str, Any]:
        """The estimate, then all fields but the local terms, as plain Python values ready for JSON."""
        record: dict[str, Any] = {self.quantity: float(self)}
        for field in dataclasses.fields(self):
            if field.name != f"local_{self.quantity}":
                value = getattr(self, field.name)
                record[field.name] = list(value) if isinstance(value, tuple) else value
        return record


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MIResult(Estimate):
    """One estimate of mutual information, also conditional, and all that is needed to repeat it.

    Attributes, beside those of `Estimate`:
        mi: The estimate, in `units`. May be negative: see `notes`.
        dim_x: Dimensions of x.
        dim_y: Dimensions of y; 1 for class labels.
        dim_z: Dimensions of z, which is given; None without.
        ceiling: In `units`, what no estimate on data without ties can exceed: psi(n_samples) - psi(k) for "ksg1", about the
            entropy of the labels for "ross"; None where there is no such limit.
        estimator: Name of the estimator.
        alpha: Threshold of "lnc"; None for others.
        standardize: How the data were standardised first.
        local_mi: (n_samples,) terms whose mean is `mi`, in `units`; None unless asked for.
    """

    quantity: ClassVar[str] = "mi"

    mi: float
    dim_x: int
    dim_y: int
    dim_z: int | None
    ceiling: float | None
    estimator: Estimator
    alpha: float | None
    standardize: Standardize
    local_mi: FloatArray | None = dataclasses.field(default=None, compare=False, repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MultiInformationResult(Estimate):
    """One estimate of multi-information (total correlation).

    Attributes, beside those of `Estimate`:
        mi: The estimate, in `units`. May be negative: see `notes`.
        dims: Dimensions of each side.
        ceiling: (number of sides - 1) (psi(n_samples) - psi(k)) in `units`, what no estimate on data without ties can exceed;
            None where there is none.
        estimator: Name of the estimator.
        standardize: How the data were standardised first.
        local_mi: (n_samples,) terms whose mean is `mi`, in `units`; None unless asked for.
    """

    quantity: ClassVar[str] = "mi"

    mi: float
    dims: tuple[int, ...]
    ceiling: float | None
    estimator: ConditionalEstimator
    standardize: Standardize
    local_mi: FloatArray | None = dataclasses.field(default=None, compare=False, repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EntropyResult(Estimate):
    """One estimate of entropy.

    Attributes, beside those of `Estimate`:
        entropy: The estimate, in `units`. A differential entropy may be negative.
        dim: Dimensions.
        estimator: Name of the estimator.
        local_entropy: (n_samples,) terms whose mean is `entropy`, in `units`; None unless asked for.
    """

    quantity: ClassVar[str] = "entropy"

    entropy: float
    dim: int
    estimator: EntropyEstimator
    local_entropy: FloatArray | None = dataclasses.field(default=None, compare=False, repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceResult(Estimate):
    """One estimate of the Kullback-Leibler divergence of x from x_prime.

    Attributes, beside those of `Estimate`:
        divergence: The estimate, in `units`. May be negative: see `notes`.
        n_samples_prime: Number of samples of x_prime.
        dim: Dimensions.
        local_divergence: (n_samples,) terms whose mean is `divergence`, in `units`; None unless asked for.
    """

    quantity: ClassVar[str] = "divergence"

    divergence: float
    n_samples_prime: int
    dim: int
    local_divergence: FloatArray | None = dataclasses.field(default=None, compare=False, repr=False)
