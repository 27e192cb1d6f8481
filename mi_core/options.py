"""Words that options accept, and options that estimates share. Loads no NumPy, so that `mi --help` stays quick."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from mi_core.types import CrossFittedCritic, CrossFittedReducer, ProgressOption, Reducer

Units = Literal["bits", "nats"]
Estimator = Literal["ksg1", "ksg2", "lnc", "mixture", "ross", "gaussian", "gaussian-copula", "discrete"]
ConditionalEstimator = Literal["ksg1", "mixture", "ross", "discrete"]
LaggedEstimator = Literal["ksg1", "mixture", "ross", "gaussian", "gaussian-copula", "discrete"]
TransferEstimator = Literal["ksg1", "mixture", "discrete"]
MultiEstimator = Literal["ksg1", "ksg2", "discrete"]
EntropyEstimator = Literal["knn", "discrete"]
Standardize = Literal["none", "sides", "columns"]
Missing = Literal["refuse", "drop"]
Measure = Literal["cka", "knn"]
Metric = Literal["euclidean", "chebyshev"]
Gpu = Literal["cuda", "cuda:0", "cuda:1", "cuda:2", "cuda:3", "cuda:4", "cuda:5", "cuda:6", "cuda:7"]
Backend = Literal["auto", "cpu", "cpu-tree", "cpu-filter", "cpu-brute", Gpu]

USUAL_NEIGHBOURS = 10  # that the overlap of neighbours looks at

RENAMED = {"cpu-sweep": "cpu-filter"}  # words of earlier versions


class Options(TypedDict, total=False):
    """Options of every estimate; `mi_core.arguments.Settings` has their defaults."""

    units: Units
    noise: float
    seed: int
    backend: Backend
    threads: int | None
    error_bar: bool
    progress: ProgressOption


class LocalOptions(Options, total=False):
    """Options of estimates with local terms."""

    return_local: bool


class DensityOptions(LocalOptions, total=False):
    """Options of `entropy` and `kl_divergence`."""

    missing: Missing


class SamplingOptions(TypedDict, total=False):
    """Options for samples that are not independent; `mi_core.how_drawn.drawn` explains them."""

    groups: Any
    series: bool
    exclude: int | None


class PairedOptions(LocalOptions, SamplingOptions, total=False):
    """Options of estimates from paired sides."""

    standardize: Standardize
    scheduler: str | None
    missing: Missing


class MIOptions(PairedOptions, total=False):
    """Options of `mutual_information` and `conditional_mutual_information`."""

    estimator: Estimator
    given_labels: bool
    alpha: float
    permutations: int | None
    by_size: bool
    diagnose: bool
    lower_bound: bool | CrossFittedCritic
    reduce: str | Reducer | CrossFittedReducer | None


class RankOptions(SamplingOptions, total=False):
    """Options of `rank`."""

    units: Units
    missing: Missing
    seed: int
    error_bar: bool
    threads: int | None
    progress: ProgressOption


class SeriesOptions(Options, total=False):
    """Options of estimates from two series, `lagged` and `transfer_entropy`."""

    standardize: Standardize
    exclude: int | None
    permutations: int | None


class LaggedOptions(SeriesOptions, total=False):
    """Options of `lagged`."""

    estimator: LaggedEstimator


class TransferOptions(SeriesOptions, LocalOptions, total=False):
    """Options of `transfer_entropy`."""

    estimator: TransferEstimator


class MatrixOptions(Options, SamplingOptions, total=False):
    """Options of `mutual_information_matrix`."""

    standardize: Standardize
    missing: Missing
