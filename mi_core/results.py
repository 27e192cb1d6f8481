"""Frozen results: the estimate, how it was made, and what is known about its quality."""

from __future__ import annotations

import dataclasses
import math
from numbers import Real
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mi_core import display
from mi_core.errors import InputError
from mi_core.options import EntropyEstimator, Estimator, Measure, Metric, MultiEstimator, Standardize, TransferEstimator, Units
from mi_core.types import FloatArray, IntArray


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class NeighbourCounts:
    """Distance of every point to its k-th joint neighbour, and how many points lie strictly nearer in each marginal.

    Attributes:
        k: Neighbour order.
        radius: (n_samples,) Chebyshev distance to the k-th nearest other point in the joint space.
        n_x: (n_samples,) other points whose distance in x is strictly less than `radius`.
        n_y: (n_samples,) other points whose distance in y is strictly less than `radius`.
        backend: Name of the backend that counted.
    """

    k: int
    radius: FloatArray
    n_x: IntArray
    n_y: IntArray
    backend: str


CLEARLY = 2.0  # standard errors

Verdict = Literal["trust", "caution", "not bits"]


@dataclasses.dataclass(frozen=True, slots=True)
class ShuffledNull:
    """Null distribution of the estimate, from samples whose pairing is shuffled, in the unit of its result.

    With z given, the part of x that z does not explain (or of y, if only y is continuous) is shuffled among near neighbours in
    z, or among samples of equal z: x and y then share what z explains, and nothing else.

    Attributes:
        permutations: Number of shuffles.
        p_value: (1 + shuffles with an estimate at least as large) / (1 + permutations): one-sided, against independence,
            or with z against independence given z.
        mean: Mean of the estimates on shuffled pairs: the estimator's bias at that independence.
        std: Standard deviation of the estimates on shuffled pairs.
        seed: Seed of the shuffles.
    """

    permutations: int
    p_value: float
    mean: float
    std: float
    seed: int


@dataclasses.dataclass(frozen=True, slots=True)
class SizePoint:
    """Mean estimate over disjoint parts of the samples, in the unit of its result.

    Attributes:
        n_samples: Number of samples in each part.
        mi: Mean estimate over the parts.
        stderr: Standard error of that mean.
    """

    n_samples: int
    mi: float
    stderr: float


@dataclasses.dataclass(frozen=True, slots=True)
class Reliability:
    """Verdict on whether an estimate may be read as MI in bits or nats, and the measured signs behind it.

    MI and its differences are in the unit of the result.

    Attributes:
        verdict: "trust", "caution", or "not bits": an index of dependence at best.
        reasons: One sentence for each sign against the number, the gravest first; for "trust", why the number holds.
        ceiling_share: The estimate as a share of its ceiling.
        drift_k: Estimate at 4 k minus estimate at k. A bias grows with k.
        implied_bias: Error at k that this drift suggests, if it grows as volumes do in the intrinsic dimension.
        drift_n: Estimate minus the mean estimate on parts of the samples; None with too few samples. A bias falls with N.
        ranked_mi: Estimate with each column replaced by the normal scores of its ranks, which does not change MI.
        repeated_samples: Share of samples with an exact copy, in the side where it is largest.
        repeated_values: Share of values with an exact copy in their column, in the side where it is largest.
        scale_ratio: Ratio of the largest to the smallest of the sides' typical distances.
        larger_k: Neighbour order of the drift with k: 4 k, or the largest possible.
        resemblance: How much nearer neighbouring rows are than others, in standard errors, in the side where that is less; None
            for grouped rows and series.
        surrogates_mi: Mean estimate with whole groups exchanged, or the series shifted, so that the truth is 0; None for
            independent samples.
        intrinsic_dim: Intrinsic dimension of the joint samples, however many columns they have.
        twin_mi: Estimate on the Gaussian twin, data of the same size, covariance and at least the same MI.
        twin_truth: MI of the twin in closed form; with z, its conditional MI.
        part_size: Number of samples in each of the parts that `drift_n` compares with; half of them where samples belong
            together. None as for `drift_n`.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    ceiling_share: float
    drift_k: float
    implied_bias: float
    drift_n: float | None
    ranked_mi: float
    repeated_samples: float
    repeated_values: float
    scale_ratio: float
    larger_k: int
    resemblance: float | None
    surrogates_mi: float | None
    intrinsic_dim: float
    twin_mi: float
    twin_truth: float
    part_size: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class LowerBound:
    """Lower bound of MI, up to chance, measured on held-out samples.

    Attributes:
        mi: The bound, in `units`; 0 if no dependence can be claimed.
        stderr: Standard error of the bound in `units`, over data sets of this size.
        ceiling: Largest possible value of such a bound in `units`: log of the number of samples in a held-out part.
        units: "bits" or "nats".
        kind: "directions": a Gaussian critic along directions fitted on other samples; "radii": "ksg1" between the logarithms
            of each side's distances from its centre; "learned": two small networks fitted on other samples; or the name
            of your own critic.
        directions: Mean number of directions used per fit, 0 if none was used; None for kinds other than "directions".
    """

    mi: float
    stderr: float
    ceiling: float
    units: Units
    kind: str
    directions: int | None = None

    @property
    def is_clear(self) -> bool:
        """Whether the bound is more than two standard errors above 0."""
        return self.mi > CLEARLY * self.stderr

    def __str__(self) -> str:
        return f"{display.with_error(self.mi, self.stderr)} {self.units}"


@dataclasses.dataclass(frozen=True, slots=True)
class Reduction:
    """Reduction of each side to fewer columns, which can only lose MI (the data-processing inequality).

    Attributes:
        method: "pca", "random", "cca", or the name of your own reducer.
        dim: Number of columns requested; a side that has no more keeps its own. None for your own reducer.
        kept_x: Share of the variance of x that the columns keep; None for your own reducer.
        kept_y: Share of the variance of y that the columns keep; None for your own reducer.
        fitted_on: What the columns were chosen by, in words.
        seed: Seed of the reducer's random numbers; None for principal components, which use none.
    """

    method: str
    dim: int | None
    kept_x: float | None
    kept_y: float | None
    fitted_on: str
    seed: int | None


class Number:
    """A result that compares, rounds and formats as its number: `result > 0.5`, `max(results)`, `round(result, 2)`,
    `f"{result:.3f}"`, `np.mean(results)`.

    Arithmetic needs `float(result)`, because a sum has neither the error bar nor the record of a result. `==` compares all
    fields of two results except the local terms, so a result equals no number, not even its own.
    """

    __slots__ = ()

    quantity: ClassVar[str]
    """Name of the field that holds the number."""

    __array_priority__: ClassVar[float] = -1.0
    """Priority above NumPy's scalars, which leave a comparison to the result, and below arrays, which take it as a number."""

    @property
    def scale(self) -> str:
        """Scale of the number; only results on the same scale can be compared."""
        raise NotImplementedError

    def __float__(self) -> float:
        return float(getattr(self, self.quantity))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(float(self), dtype=dtype)

    def __round__(self, ndigits: int | None = None) -> float:
        return round(float(self), ndigits)

    def __format__(self, spec: str) -> str:
        return format(float(self), spec) if spec else str(self)

    def __str__(self) -> str:
        return f"{float(self):.4f}"

    def __repr__(self) -> str:
        return display.in_one_line(self)

    def _repr_html_(self) -> str:
        return display.as_html(self)

    def __lt__(self, other: object) -> bool:
        number = self._comparable(other)
        return NotImplemented if number is None else float(self) < number

    def __le__(self, other: object) -> bool:
        number = self._comparable(other)
        return NotImplemented if number is None else float(self) <= number

    def __gt__(self, other: object) -> bool:
        number = self._comparable(other)
        return NotImplemented if number is None else float(self) > number

    def __ge__(self, other: object) -> bool:
        number = self._comparable(other)
        return NotImplemented if number is None else float(self) >= number

    def _comparable(self, other: object) -> float | None:
        """Return the number that `other` represents in a comparison; None if it is not a number."""
        if isinstance(other, Number) and other.scale != self.scale:
            what = (
                "estimate both with the same units"
                if isinstance(self, Estimate) and isinstance(other, Estimate)
                else "use one measure"
            )
            raise InputError(f"one result is in {self.scale}, the other in {other.scale}: {what} to compare them.")
        return float(other) if isinstance(other, Number | Real) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the number, then all fields but the local terms, as plain Python values ready for JSON."""
        record: dict[str, Any] = {self.quantity: float(self)}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # each kind of result is a dataclass
            if field.name != f"local_{self.quantity}":
                record[field.name] = as_plain(getattr(self, field.name))
        return record


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Estimate(Number):
    """Fields that every estimate in bits or nats records, so that it can be read and repeated. `Number` defines comparison.

    Attributes:
        units: "bits" or "nats".
        k: Neighbour order; None if no neighbours were searched.
        n_samples: Number of samples.
        backend: Name of the backend that counted the neighbours, on a cluster with the number of workers: "cpu-tree on 4
            workers"; "none" if no neighbours were searched.
        threads: Number of threads allowed on this machine.
        noise: Standard deviation of the noise added to each column, in standard deviations of its side; 0 for none.
        seed: Seed of the noise, the error bar and everything else random; None if nothing was random.
        seconds: Wall time of the whole estimate, without compilation of kernels.
        notes: What to know before using the number, one or two sentences each.
        stderr: Standard error of the estimate in `units`: its spread over data sets of this size, not its bias. None if it
            was switched off, or if parts of the samples are too small for the estimator.
    """

    quantity: ClassVar[str]
    """Name of the field that holds the estimate; `local_` before it names the field of the local terms."""

    units: Units
    k: int | None
    n_samples: int
    backend: str
    threads: int
    noise: float
    seed: int | None
    seconds: float
    notes: tuple[str, ...]
    stderr: float | None = None

    @property
    def scale(self) -> str:
        """Unit of the estimate."""
        return self.units

    def __str__(self) -> str:
        return f"{display.with_error(float(self), self.stderr)} {self.units}"

    @property
    def local(self) -> FloatArray | None:
        """Local terms (n_samples,) in `units`, whose mean is the estimate; None unless requested."""
        terms: FloatArray | None = getattr(self, f"local_{self.quantity}")
        return terms


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MIResult(Estimate):
    """One estimate of mutual information or conditional mutual information, and all that is needed to repeat it.

    `Estimate` has the attributes that all estimates share.

    Attributes:
        mi: The estimate, in `units`. May be negative: see `notes`.
        dim_x: Dimensions of x.
        dim_y: Dimensions of y; 1 for class labels.
        dim_z: Dimensions of the condition z; 1 for class labels; None without z.
        ceiling: Largest possible estimate on data without ties, in `units`: psi(n_samples) - psi(k) for "ksg1", about the
            entropy of the labels for "ross"; None if there is no such limit.
        estimator: Name of the estimator.
        given_labels: Whether z was treated as class labels.
        alpha: Threshold of "lnc"; None for other estimators.
        standardize: How the data were standardised first.
        null: Shuffled pairs and the p-value; None unless requested.
        by_size: Estimates on parts of the samples; empty unless requested.
        reliability: Verdict and measured signs; None unless requested, or if a side is constant.
        lower_bound: Lower bound of MI; None unless requested, directly or by a verdict, or if a side is constant.
        reduced: Estimate from fewer columns, described in `reduction`; None unless requested, or if a side is constant.
        reduction: How the columns were reduced, and what share of each side's variance they keep; None without `reduced`.
        independent_units: Number of independent units in the samples: groups, or stretches as long as the memory of a series;
            None for independent samples.
        exclude: Steps of a series up to which rows were left out; None without `series`.
        local_mi: (n_samples,) terms whose mean is `mi`, in `units`; for "ross" without the classes that were left out. None
            unless requested.
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
    given_labels: bool = False
    null: ShuffledNull | None = None
    by_size: tuple[SizePoint, ...] = ()
    reliability: Reliability | None = None
    lower_bound: LowerBound | None = None
    reduced: MIResult | None = None
    independent_units: int | None = None
    exclude: int | None = None
    reduction: Reduction | None = None
    local_mi: FloatArray | None = dataclasses.field(default=None, compare=False)

    @property
    def falls_short(self) -> bool:
        """Whether the lower bound is above both 0 and the estimate by more than two standard errors."""
        if self.lower_bound is None or not self.lower_bound.is_clear:
            return False
        chance = CLEARLY * math.hypot(self.stderr or 0.0, self.lower_bound.stderr)
        return self.lower_bound.mi > self.mi + chance

    @property
    def correlation(self) -> float:
        """Correlation of Gaussian variables with this MI, between 0 and 1: sqrt(1 - exp(-2 I)), I in nats.

        Linfoot 1957, doi:10.1016/S0019-9958(57)90116-X. It is 0 if the estimate is negative.
        """
        return linfoot(self.mi, self.units)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MultiInformationResult(Estimate):
    """One estimate of multi-information (total correlation).

    `Estimate` has the attributes that all estimates share.

    Attributes:
        mi: The estimate, in `units`. May be negative: see `notes`.
        dims: Dimensions of each side.
        ceiling: Largest possible estimate on data without ties, in `units`: (number of sides - 1) (psi(n_samples) - psi(k));
            None if there is no such limit.
        estimator: Name of the estimator.
        standardize: How the data were standardised first.
        independent_units: Number of independent units in the samples, as in `MIResult`.
        exclude: Steps of a series up to which rows were left out; None without `series`.
        local_mi: (n_samples,) terms whose mean is `mi`, in `units`; None unless requested.
    """

    quantity: ClassVar[str] = "mi"

    mi: float
    dims: tuple[int, ...]
    ceiling: float | None
    estimator: MultiEstimator
    standardize: Standardize
    independent_units: int | None = None
    exclude: int | None = None
    local_mi: FloatArray | None = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TransferEntropyResult(Estimate):
    """One estimate of the transfer entropy from x, the source, to y, the target.

    `Estimate` has the attributes that all estimates share.

    Attributes:
        transfer_entropy: The estimate, in `units`. May be negative: see `notes`.
        lag: Steps by which y is later than the newest value of x used.
        history: Number of past values of y in the condition, the newest one step before the present.
        source_history: Number of past values of x used.
        spacing: Steps between two values of a history.
        dim_x: Dimensions of the past of x.
        dim_y: Dimensions of the present of y.
        dim_z: Dimensions of the past of y, the condition.
        ceiling: Largest possible estimate on data without ties, in `units`; None if there is no such limit.
        estimator: Name of the estimator.
        standardize: How the series were standardised first.
        null: Estimates with x shifted against y and its past, and the p-value; None unless requested.
        independent_units: Number of independent units in the samples: stretches as long as the memory of the series.
        exclude: Steps of time up to which samples are left out of each other's neighbour search and counts.
        local_transfer_entropy: (n_samples,) terms whose mean is `transfer_entropy`, in `units`, for the last `n_samples` rows
            of y; None unless requested.
    """

    quantity: ClassVar[str] = "transfer_entropy"

    transfer_entropy: float
    lag: int
    history: int
    source_history: int
    spacing: int
    dim_x: int
    dim_y: int
    dim_z: int
    ceiling: float | None
    estimator: TransferEstimator
    standardize: Standardize
    null: ShuffledNull | None = None
    independent_units: int | None = None
    exclude: int | None = None
    local_transfer_entropy: FloatArray | None = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class EntropyResult(Estimate):
    """One estimate of entropy.

    `Estimate` has the attributes that all estimates share.

    Attributes:
        entropy: The estimate, in `units`. A differential entropy may be negative.
        dim: Dimensions.
        estimator: Name of the estimator.
        local_entropy: (n_samples,) terms whose mean is `entropy`, in `units`; None unless requested.
    """

    quantity: ClassVar[str] = "entropy"

    entropy: float
    dim: int
    estimator: EntropyEstimator
    local_entropy: FloatArray | None = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DivergenceResult(Estimate):
    """One estimate of the Kullback-Leibler divergence of x from x_prime.

    `Estimate` has the attributes that all estimates share.

    Attributes:
        divergence: The estimate, in `units`. May be negative: see `notes`.
        n_samples_prime: Number of samples of x_prime.
        dim: Dimensions.
        local_divergence: (n_samples,) terms whose mean is `divergence`, in `units`; None unless requested.
    """

    quantity: ClassVar[str] = "divergence"

    divergence: float
    n_samples_prime: int
    dim: int
    local_divergence: FloatArray | None = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SimilarityResult(Number):
    """Similarity of two sides by a measure other than mutual information. `Number` defines comparison.

    Attributes:
        value: Value of the measure: between -1 and 1 for "cka", between 0 and 1 for "knn".
        measure: "cka" or "knn".
        expected: Mean value for independent sides.
        n_samples: Number of samples.
        dim_x: Dimensions of x.
        dim_y: Dimensions of y.
        k: Number of neighbours for "knn"; None for "cka".
        metric: Distance for "knn", "euclidean" or "chebyshev"; None for "cka".
        null: Shuffled pairs and the p-value; None unless requested.
        seed: Seed of the shuffles and of the order of ties; None if nothing was random.
        threads: Number of threads allowed.
        seconds: Wall time.
        notes: What to know before using the number, one or two sentences each.
    """

    quantity: ClassVar[str] = "value"

    value: float
    measure: Measure
    expected: float
    n_samples: int
    dim_x: int
    dim_y: int
    k: int | None
    metric: Metric | None
    null: ShuffledNull | None
    seed: int | None
    threads: int
    seconds: float
    notes: tuple[str, ...]

    @property
    def scale(self) -> str:
        """Name of the measure."""
        return self.measure


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DimensionResult(Number):
    """Dimension of a set of samples, by one definition. `Number` defines comparison.

    Attributes:
        value: Number of dimensions.
        measure: "intrinsic dimension" or "participation ratio".
        n_samples: Number of samples measured, without copies if the definition does not allow them.
        dim: Number of columns.
        k: Neighbour order of the intrinsic dimension; None for the participation ratio.
        threads: Number of threads allowed.
        seconds: Wall time.
        notes: What to know before using the number, one or two sentences each.
    """

    quantity: ClassVar[str] = "value"

    value: float
    measure: Literal["intrinsic dimension", "participation ratio"]
    n_samples: int
    dim: int
    k: int | None
    threads: int
    seconds: float
    notes: tuple[str, ...]

    @property
    def scale(self) -> str:
        """Name of the definition."""
        return self.measure


def linfoot(mi: float, units: Units) -> float:
    """Correlation of Gaussians with mutual information `mi`; 0 if `mi` is negative."""
    nats = max(0.0, mi) * (math.log(2) if units == "bits" else 1.0)
    return math.sqrt(-math.expm1(-2 * nats))


def as_plain(value: Any) -> Any:
    """Convert records to dictionaries, and tuples and arrays to lists, recursively, without the local terms of results."""
    if isinstance(value, Number):
        return value.to_dict()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [as_plain(item) for item in value] if isinstance(value, tuple) else value
