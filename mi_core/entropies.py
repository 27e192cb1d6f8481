"""Entropy, differential or discrete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack, overload

from mi_core import _formula, _notes, arguments, arrays, missing
from mi_core._estimation import Estimation, one_or_all, orders
from mi_core._estimators import Local, Search, check_apart, copies
from mi_core._prepare import prepare
from mi_core.arguments import Settings
from mi_core.errors import InputError
from mi_core.options import DensityOptions, EntropyEstimator
from mi_core.progress_bar import with_progress
from mi_core.results import EntropyResult
from mi_core.types import IntArray, Samples


@overload
def entropy(x: Any, *, k: int = 3, estimator: EntropyEstimator = "knn", **options: Unpack[DensityOptions]) -> EntropyResult: ...
@overload
def entropy(
    x: Any, *, k: Sequence[int], estimator: EntropyEstimator = "knn", **options: Unpack[DensityOptions]
) -> list[EntropyResult]: ...
@with_progress
@missing.offered()
def entropy(
    x: Any, *, k: int | Sequence[int] = 3, estimator: EntropyEstimator = "knn", **options: Unpack[DensityOptions]
) -> EntropyResult | list[EntropyResult]:
    """Entropy H(X), differential or discrete.

    Differential entropy may be negative, and changes with the scale of x: doubling x adds one bit per dimension.

    Args:
        x: (n_samples,), (n_samples, dim) or of higher rank, flattened per sample; as in `mutual_information`.
        k: Neighbour order, 1 <= k < n_samples. Several values share one neighbour search.
        units: "bits" or "nats".
        estimator: "knn": differential entropy, Kozachenko & Leonenko 1987 in the form of Kraskov, Stoegbauer, Grassberger 2004,
            eq. (20), doi:10.1103/PhysRevE.69.066138. "discrete": plug-in estimate from the frequencies of equal samples, which
            may also be text; ignores k.
        noise: Standard deviation of Gaussian noise added to every value to break ties, relative to the spread of x.
        seed: Seed of the noise and of the error bar.
        backend: Name of the backend, as for `mutual_information`.
        threads: Maximum number of threads; None means as many as the process may use.
        return_local: Whether to keep the (n_samples,) local terms, whose mean is the estimate.
        error_bar: Whether to estimate the standard error from disjoint subsamples, as `mutual_information` does.
        missing: "refuse" (default) raises an error if a value is missing, "drop" leaves out such rows.
        progress: True for a bar on stderr, or a function called now and then with (steps done, steps in all).

    Returns:
        One result, or for several k a list of results in the order of `k`.

    Raises:
        InputError: The data or an argument cannot be used, or a sample coincides with its k-th neighbour, which makes the
            differential entropy minus infinity.
        BackendUnavailableError: The requested backend cannot run here.

    Example:
        >>> import numpy as np
        >>> result = entropy(4 * np.random.default_rng(0).random(2000))
        >>> print(f"{result.entropy:.1f} {result.units}")  # the truth is log2(4)
        2.0 bits
    """
    arguments.one_of(estimator, EntropyEstimator, "estimator")
    settings = arguments.settings(options, DensityOptions, "entropy")
    values, on_missing = missing.complete({"x": x}, settings.missing)
    points, dim, notes = prepared(values["x"], estimator, settings)
    ks = orders(k, estimator, len(points))
    run = Estimation(METHODS[estimator], points, take, len(points), ks, settings)
    own = {"dim": dim, "estimator": estimator, "notes": (*on_missing, *notes)}
    return one_or_all(run.results(EntropyResult, lambda *_: own), k)


def prepared(x: Any, estimator: EntropyEstimator, settings: Settings) -> tuple[Samples, int, list[str]]:
    """Samples as the estimator takes them, their dimensions, and notes."""
    if estimator == "discrete":
        arguments.check_left_as_they_are("none", settings.noise)
        points, dim, notes = arrays.discrete(x, "x")
        return points, dim, [*notes, *_notes.on_discrete(points)]
    points, notes = arrays.samples(x, "x")
    arrays.check_not_constant(points, "x")
    for place, why in arrays.redundant(points).items() if settings.noise == 0 else ():
        raise InputError(f"column {place} of x, counted from 0, is {why}, so x has no density to estimate: leave it out.")
    ready, notes_on_noise = prepare({"x": points}, "none", settings.noise, settings.seed)
    return ready["x"], points.shape[1], [*notes, *notes_on_noise, *_notes.on_densities("entropy", ready)]


def take(points: Samples, rows: IntArray) -> Samples:
    """Some of the samples."""
    return points[rows]


def plug_in(points: Samples, search: Search) -> list[Local]:
    """Entropy from the frequencies of equal samples, without neighbours."""
    return [Local(None, _formula.discrete_entropy_local(copies(points)))]


def knn(points: Samples, search: Search) -> list[Local]:
    """Entropy from distances to neighbours: Kozachenko & Leonenko 1987."""
    radius, _, backend = search.counts((points,), ())
    check_apart(radius, search.ks, "coincide with their neighbours in x, so the entropy is minus infinity")
    return [Local(k, _formula.entropy_local(k, radius[m], points.shape[1]), backend) for m, k in enumerate(search.ks)]


METHODS = {"knn": knn, "discrete": plug_in}
