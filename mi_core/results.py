"""Frozen results: the estimate, how it was made, and what was found out about it."""

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


CLEARLY = 2.0  # standard errors

Verdict = Literal["trust", "caution", "not bits"]


@dataclasses.dataclass(frozen=True, slots=True)
class ShuffledNull:
    """What the estimator gives when the pairing of x and y is destroyed by shuffling, in the unit of its result.

    Where z is given, shuffled is what z does not tell of x (or of y, where y alone is continuous), among near neighbours in z,
    or among samples of equal z: x and y then share what z tells, and nothing else.

    Attributes:
        permutations: Number of shuffles.
        p_value: (1 + shuffles with an estimate at least as large) / (1 + permutations): one-sided, against independence,
            or where z is given against independence given z.
        mean: Mean of the estimates on shuffled pairs: the estimator's bias at such independence.
        std: Their standard deviation.
        seed: Seed of the shuffles.
    """

    permutations: int
    p_value: float
    mean: float
    std: float
    seed: int


@dataclasses.dataclass(frozen=True, slots=True)
class SizePoint:
    """The mean estimate over disjoint parts of the samples, in the unit of its result.

    Attributes:
        n_samples: Number of samples in each part.
        mi: Mean estimate over the parts.
        stderr: Its standard error.
    """

    n_samples: int
    mi: float
    stderr: float


@dataclasses.dataclass(frozen=True, slots=True)
class Reliability:
    """Whether an estimate may be read as MI in bits or nats, and the measured signs behind the verdict.

    MI and differences of it are in the unit of the result.

    Attributes:
        verdict: "trust", "caution", or "not bits": an index of dependence at best.
        reasons: One sentence for each sign that speaks against the number, the gravest first; why it holds, for "trust".
        ceiling_share: The estimate as a share of its ceiling.
        drift_k: Estimate at 4 k minus estimate at k. A bias grows with k.
        implied_bias: The error at k that this drift suggests, if it grows as volumes do in the intrinsic dimension.
        drift_n: Estimate minus the mean estimate on halves of the samples; None with too few samples. A bias falls with N.
        ranked_mi: Estimate with each column replaced by the normal scores of its ranks, which leaves MI as it is.
        repeated_samples: Largest of the sides' shares of samples with an exact copy.
        repeated_values: Largest of the sides' shares of values with an exact copy in their column.
        scale_ratio: Largest of the sides' typical distances over the smallest.
        larger_k: Neighbour order of the drift with k: 4 k, or as many as there are.
        resemblance: How much nearer neighbouring rows are than others, in standard errors, in the side where that is less; None
            where samples were said to belong together.
        surrogates_mi: Mean estimate with whole groups exchanged, or the series shifted, where the truth is 0; None for other
            samples.
        intrinsic_dim: Dimension of the sheet that the joint samples fill, however many columns hold it.
        twin_mi: Estimate on the Gaussian twin, data of the same size, covariance and at least the same MI.
        twin_truth: MI of the twin, in closed form; where z is given, conditional MI.
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


@dataclasses.dataclass(frozen=True, slots=True)
class LowerBound:
    """What MI is at least, up to chance, measured on samples that nothing was fitted on.

    Attributes:
        mi: The bound, in `units`; 0 where there is nothing to claim.
        stderr: Its standard error in `units`, over data sets of this size.
        ceiling: In `units`, what no such bound can exceed: log of the samples in a part that is measured on.
        units: "bits" or "nats".
        kind: "directions": a Gaussian critic along directions fitted on other samples; "radii": "ksg1" between the logarithms
            of each side's distances from its middle; "learned": two small networks fitted on other samples; or the name
            of a critic of your own.
        directions: For "directions", how many were used, in the mean over fits, and 0 where none was; None for others.
    """

    mi: float
    stderr: float
    ceiling: float
    units: Units
    kind: str
    directions: int | None = None

    @property
    def is_clear(self) -> bool:
        """Whether it stands above 0 by more than two standard errors."""
        return self.mi > CLEARLY * self.stderr

    def __str__(self) -> str:
        return f"{display.with_error(self.mi, self.stderr)} {self.units}"


@dataclasses.dataclass(frozen=True, slots=True)
class Reduction:
    """Fewer columns made of many, by which MI can only be lost (the data-processing inequality).

    Attributes:
        method: "pca", "random", "cca", or the name of the reducer that was given.
        dim: Columns asked for, where a side that has no more keeps its own; None for a reducer that was given.
        kept_x: Share of the variance of x that lies in them; None for a reducer that was given.
        kept_y: Share of the variance of y that lies in them; None likewise.
        fitted_on: What the columns were chosen by, in words.
        seed: Seed of the random numbers that the reducer was handed; None for principal components, which take none.
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

    Arithmetic takes `float(result)`, because the error and the record of a result are not those of a sum.
    `==` asks whether two records are equal in every field but the local terms, so a result equals no number, not even its own.
    """

    __slots__ = ()

    quantity: ClassVar[str]
    """Name of the field that holds the number."""

    __array_priority__: ClassVar[float] = -1.0
    """Between NumPy's scalars, which leave a comparison to the result, and its arrays, which take the result as a number."""

    @property
    def scale(self) -> str:
        """What the number is in: only results on one scale compare."""
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
        """The number that `other` stands for in a comparison; None where it is no number."""
        if isinstance(other, Number) and other.scale != self.scale:
            what = (
                "estimate both with the same units"
                if isinstance(self, Estimate) and isinstance(other, Estimate)
                else "use one measure"
            )
            raise InputError(f"one result is in {self.scale}, the other in {other.scale}: {what} to compare them.")
        return float(other) if isinstance(other, Number | Real) else None

    def to_dict(self) -> dict[str, Any]:
        """The number, then all fields but the local terms, as plain Python values ready for JSON."""
        record: dict[str, Any] = {self.quantity: float(self)}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # each kind of result is a dataclass
            if field.name != f"local_{self.quantity}":
                record[field.name] = as_plain(getattr(self, field.name))
        return record


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Estimate(Number):
    """What every estimate in bits or nats records, so that it can be read and repeated. `Number` says how it compares.

    Attributes:
        units: "bits" or "nats".
        k: Neighbour order; None where no neighbours were sought.
        n_samples: Number of samples.
        backend: Name of the backend that counted the neighbours, and on a cluster by how many workers: "cpu-tree on 4 workers";
            "none" where none were sought.
        threads: Number of threads it was allowed, on this machine.
        noise: Standard deviation of the noise added to each column, in standard deviations of its side; 0 for none.
        seed: Seed of the noise, the error bar and all else that was random; None where nothing was.
        seconds: Wall time of the whole estimate, compilation of kernels left out.
        notes: What a reader should know before using the number, one sentence or two each.
        stderr: Standard error of the estimate in `units`: its spread over data sets of this size, not its bias. None where it
            was switched off, or parts of the samples are too small for the estimator.
    """

    quantity: ClassVar[str]
    """Name of the field that holds the estimate; `local_` and this name that of its local terms."""

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
        """The unit."""
        return self.units

    def __str__(self) -> str:
        return f"{display.with_error(float(self), self.stderr)} {self.units}"

    @property
    def local(self) -> FloatArray | None:
        """(n_samples,) terms whose mean is the estimate, in `units`; None unless asked for."""
        terms: FloatArray | None = getattr(self, f"local_{self.quantity}")
        return terms


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MIResult(Estimate):
    """One estimate of mutual information, also conditional, and all that is needed to repeat it.

    `Estimate` has the attributes that all estimates share.

    Attributes:
        mi: The estimate, in `units`. May be negative: see `notes`.
        dim_x: Dimensions of x.
        dim_y: Dimensions of y; 1 for class labels.
        dim_z: Dimensions of z, which is given; 1 for class labels; None without.
        ceiling: In `units`, what no estimate on data without ties can exceed: psi(n_samples) - psi(k) for "ksg1", about the
            entropy of the labels for "ross"; None where there is no such limit.
        estimator: Name of the estimator.
        given_labels: Whether z was taken for class labels.
        alpha: Threshold of "lnc"; None for others.
        standardize: How the data were standardised first.
        null: Shuffled pairs and the p-value; None unless asked for.
        by_size: Estimates on parts of the samples, for a verdict on halves alone; empty unless asked for.
        reliability: Verdict and measured signs; None unless asked for, and where a side is constant.
        lower_bound: What MI is at least; None unless asked for, itself or by a verdict, and where a side is constant.
        reduced: Estimate from fewer columns, as `reduction` says; None unless asked for, and where a side is constant.
        reduction: What those were, and what share of each side's variance they keep; None without `reduced`.
        independent_units: How many independent units the samples make: groups, or stretches in which a series forgets itself;
            None where each sample was taken for drawn by itself.
        exclude: Steps of a series up to which rows were left out; None without `series`.
        local_mi: (n_samples,) terms whose mean is `mi`, in `units`, for "ross" those of the classes that are not left out; None
            unless asked for.
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
        """Whether the lower bound stands above 0 and above the estimate, by more than two standard errors."""
        if self.lower_bound is None or not self.lower_bound.is_clear:
            return False
        chance = CLEARLY * math.hypot(self.stderr or 0.0, self.lower_bound.stderr)
        return self.lower_bound.mi > self.mi + chance

    @property
    def correlation(self) -> float:
        """The estimate as the correlation that Gaussians of this MI have, between 0 and 1: sqrt(1 - exp(-2 I)), I in nats.

        Linfoot 1957, doi:10.1016/S0019-9958(57)90116-X. It is 0 where the estimate is negative.
        """
        return linfoot(self.mi, self.units)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MultiInformationResult(Estimate):
    """One estimate of multi-information (total correlation).

    `Estimate` has the attributes that all estimates share.

    Attributes:
        mi: The estimate, in `units`. May be negative: see `notes`.
        dims: Dimensions of each side.
        ceiling: (number of sides - 1) (psi(n_samples) - psi(k)) in `units`, what no estimate on data without ties can exceed;
            None where there is none.
        estimator: Name of the estimator.
        standardize: How the data were standardised first.
        independent_units: How many independent units the samples make, as in `MIResult`; and so `exclude`.
        exclude: Steps of a series up to which rows were left out; None without `series`.
        local_mi: (n_samples,) terms whose mean is `mi`, in `units`; None unless asked for.
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
        lag: Steps by which y is later than the newest value of x that is looked at.
        history: How many past values of y are given, the newest one step before the present.
        source_history: How many past values of x are looked at.
        spacing: Steps between two values of a history.
        dim_x: Dimensions of the past of x.
        dim_y: Dimensions of the present of y.
        dim_z: Dimensions of the past of y, which is given.
        ceiling: In `units`, what no estimate on data without ties can exceed; None where there is no such limit.
        estimator: Name of the estimator.
        standardize: How the series were standardised first.
        null: Estimates with x shifted against y and its past, and the p-value; None unless asked for.
        independent_units: How many independent units the samples make: stretches in which the series forget themselves.
        exclude: Steps of time up to which samples are neither neighbours nor counted.
        local_transfer_entropy: (n_samples,) terms whose mean is `transfer_entropy`, in `units`, those of the last `n_samples`
            rows of y; None unless asked for.
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
        local_entropy: (n_samples,) terms whose mean is `entropy`, in `units`; None unless asked for.
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
        local_divergence: (n_samples,) terms whose mean is `divergence`, in `units`; None unless asked for.
    """

    quantity: ClassVar[str] = "divergence"

    divergence: float
    n_samples_prime: int
    dim: int
    local_divergence: FloatArray | None = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SimilarityResult(Number):
    """How alike two sides are by a measure other than mutual information. `Number` says how it compares.

    Attributes:
        value: The measure. "cka" lies between -1 and 1, "knn" between 0 and 1.
        measure: "cka" or "knn".
        expected: What independent sides give on average.
        n_samples: Number of samples.
        dim_x: Dimensions of x.
        dim_y: Dimensions of y.
        k: Number of neighbours of "knn"; None for others.
        metric: Distance of "knn", "euclidean" or "chebyshev"; None for others.
        null: Shuffled pairs and the p-value; None unless asked for.
        seed: Seed of the shuffles and of the order of ties; None where nothing was random.
        threads: Number of threads it was allowed.
        seconds: Wall time.
        notes: What a reader should know before using the number, one sentence or two each.
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
        """The measure."""
        return self.measure


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DimensionResult(Number):
    """How many dimensions samples fill, by one definition. `Number` says how it compares.

    Attributes:
        value: Number of dimensions.
        measure: "intrinsic dimension" or "participation ratio".
        n_samples: Number of samples that it was measured on, copies left out where the definition has no place for them.
        dim: Columns.
        k: Neighbour order of the intrinsic dimension; None for the participation ratio.
        threads: Number of threads it was allowed.
        seconds: Wall time.
        notes: What a reader should know before using the number, one sentence or two each.
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
        """The definition."""
        return self.measure


def linfoot(mi: float, units: Units) -> float:
    """Correlation of Gaussians whose mutual information is `mi`; 0 for a negative one."""
    nats = max(0.0, mi) * (math.log(2) if units == "bits" else 1.0)
    return math.sqrt(-math.expm1(-2 * nats))


def as_plain(value: Any) -> Any:
    """Records as dictionaries, tuples and arrays as lists, all the way down, without the local terms of results."""
    if isinstance(value, Number):
        return value.to_dict()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [as_plain(item) for item in value] if isinstance(value, tuple) else value
