"""Entropy, and relative entropy (Kullback-Leibler divergence)."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from mi_core import _formula, _notes, _validate, uncertainty
from mi_core._estimators import Local, Search, copies, number_of_zeros
from mi_core._prepare import prepare
from mi_core.backends.cpu.nearest import distances_to
from mi_core.errors import InputError
from mi_core.options import Backend, EntropyEstimator, Units
from mi_core.progress_bar import with_progress
from mi_core.results import DivergenceResult, EntropyResult
from mi_core.types import FloatArray, IntArray, Progress, ProgressOption, Samples


@overload
def entropy(
    x: Any,
    *,
    k: int = 3,
    units: Units = "bits",
    estimator: EntropyEstimator = "knn",
    noise: float = 0.0,
    seed: int = 0,
    backend: Backend = "auto",
    threads: int | None = None,
    return_local: bool = False,
    error_bar: bool = True,
    progress: ProgressOption = None,
) -> EntropyResult: ...
@overload
def entropy(
    x: Any,
    *,
    k: Sequence[int],
    units: Units = "bits",
    estimator: EntropyEstimator = "knn",
    noise: float = 0.0,
    seed: int = 0,
    backend: Backend = "auto",
    threads: int | None = None,
    return_local: bool = False,
    error_bar: bool = True,
    progress: ProgressOption = None,
) -> list[EntropyResult]: ...
@with_progress
def entropy(
    x: Any,
    *,
    k: int | Sequence[int] = 3,
    units: Units = "bits",
    estimator: EntropyEstimator = "knn",
    noise: float = 0.0,
    seed: int = 0,
    backend: Backend = "auto",
    threads: int | None = None,
    return_local: bool = False,
    error_bar: bool = True,
    progress: Progress | None = None,
) -> EntropyResult | list[EntropyResult]:
    """Entropy H(X), differential or discrete.

    Differential entropy may be negative, and changes with the scale of x: twice as wide, one bit more per dimension.

    Args:
        x: (n_samples,), (n_samples, dim) or of higher rank, flattened per sample; as in `mutual_information`.
        k: Neighbour order, 1 <= k < n_samples. Several at once cost one neighbour pass.
        units: "bits" or "nats".
        estimator: "knn": differential entropy, Kozachenko & Leonenko 1987 in the form of Kraskov, Stoegbauer, Grassberger 2004,
            eq. (20), doi:10.1103/PhysRevE.69.066138. "discrete": plug-in from the frequencies of equal samples, which may also
            be text; k plays no part.
        noise: Standard deviation of Gaussian noise added to every value against ties, relative to the spread of x.
        seed: Seed of that noise and of the error bar.
        backend: How neighbours are counted.
        threads: Most threads to use; None for as many as the process may use.
        return_local: Whether to keep the (n_samples,) local terms, whose mean is the estimate.
        error_bar: Whether to estimate the standard error, from disjoint subsamples, as `mutual_information` does.
        progress: True for a bar on stderr, or a function called with (steps done, steps in all) now and then.

    Returns:
        One result, or for several k a list of results in the order of `k`.

    Raises:
        InputError: The data or an argument cannot be used, or a sample coincides with its k-th neighbour, which makes the
            differential entropy minus infinity.
        BackendUnavailableError: The backend asked for cannot run here.

    Example:
        >>> import numpy as np
        >>> result = entropy(4 * np.random.default_rng(0).random(2000))
        >>> print(f"{result.entropy:.1f} {result.units}")  # the truth is log2(4)
        2.0 bits
    """
    started = time.perf_counter()
    _validate.one_of(estimator, EntropyEstimator, "estimator")
    noise, seed, threads = _validate.common_options(units, noise, seed, backend, threads)
    if estimator == "discrete":
        _validate.check_single(k, estimator)
        _validate.check_left_as_they_are("none", noise)
        points, dim, some_notes = _validate.discrete(x, "x")
        notes = [*some_notes, *_notes.on_discrete(points)]
        ks: tuple[int, ...] = ()
    else:
        points, some_notes = _validate.samples(x, "x")
        _validate.check_not_constant(points, "x")
        dim = points.shape[1]
        ks = _validate.neighbour_orders(k, len(points))
        ready, notes_on_noise = prepare({"x": points}, "none", noise, seed)
        notes = [*some_notes, *notes_on_noise, *_notes.on_densities("entropy", ready)]
        points = ready["x"]
    nats = _formula.NATS_PER_UNIT[units]
    method, search = METHODS[estimator], Search(ks, backend, threads, progress)
    found = method(points, search)
    quiet = dataclasses.replace(search, progress=None)

    def on_rows(rows: IntArray) -> FloatArray:
        return np.array([local.mean for local in method(points[rows], quiet)]) / nats

    errors = uncertainty.error_bar(on_rows, len(points), ks, seed) if error_bar else None
    results = []
    for m, local in enumerate(found):
        terms = local.nats / nats
        results.append(
            EntropyResult(
                entropy=local.mean / nats,
                units=units,
                k=local.k,
                n_samples=len(points),
                dim=dim,
                estimator=estimator,
                backend=local.backend,
                threads=threads,
                noise=noise,
                seed=seed if noise > 0 or errors is not None else None,
                seconds=time.perf_counter() - started,
                stderr=None if errors is None else float(errors[m]),
                notes=tuple(notes),
                local_entropy=terms if return_local else None,
            )
        )
    return results if _validate.is_several(k) else results[0]


def plug_in(points: Samples, search: Search) -> list[Local]:
    """From the frequencies of equal samples; k plays no part."""
    return [Local(None, _formula.discrete_entropy_local(copies(points)))]


def knn(points: Samples, search: Search) -> list[Local]:
    """Kozachenko & Leonenko 1987."""
    radius, _, backend = search.counts((points,), ())
    check_apart(radius, search.ks, "coincide with their neighbours in x, so the entropy is minus infinity")
    return [Local(k, _formula.entropy_local(k, radius[m], points.shape[1]), backend) for m, k in enumerate(search.ks)]


@overload
def kl_divergence(
    x: Any,
    x_prime: Any,
    *,
    k: int = 3,
    units: Units = "bits",
    noise: float = 0.0,
    seed: int = 0,
    backend: Backend = "auto",
    threads: int | None = None,
    return_local: bool = False,
    error_bar: bool = True,
    progress: ProgressOption = None,
) -> DivergenceResult: ...
@overload
def kl_divergence(
    x: Any,
    x_prime: Any,
    *,
    k: Sequence[int],
    units: Units = "bits",
    noise: float = 0.0,
    seed: int = 0,
    backend: Backend = "auto",
    threads: int | None = None,
    return_local: bool = False,
    error_bar: bool = True,
    progress: ProgressOption = None,
) -> list[DivergenceResult]: ...
@with_progress
def kl_divergence(
    x: Any,
    x_prime: Any,
    *,
    k: int | Sequence[int] = 3,
    units: Units = "bits",
    noise: float = 0.0,
    seed: int = 0,
    backend: Backend = "auto",
    threads: int | None = None,
    return_local: bool = False,
    error_bar: bool = True,
    progress: Progress | None = None,
) -> DivergenceResult | list[DivergenceResult]:
    """Kullback-Leibler divergence D(P||Q) of P, from which x is drawn, from Q, from which x_prime is drawn.

    Wang, Kulkarni, Verdu 2009, doi:10.1109/TIT.2009.2016060, with one k for both.

    Args:
        x: (n_samples,), (n_samples, dim) or of higher rank, drawn from P; as in `mutual_information`.
        x_prime: (n_samples_prime, dim) drawn from Q; its rows have nothing to do with those of x.
        k: Neighbour order, at least 1, below n_samples and at most n_samples_prime. Several at once cost one neighbour pass.
        units: "bits" or "nats".
        noise: Standard deviation of Gaussian noise added to every value against ties, relative to the spread of x, x_prime.
        seed: Seed of that noise and of the error bar.
        backend: How neighbours within x are counted.
        threads: Most threads to use; None for as many as the process may use.
        return_local: Whether to keep the (n_samples,) local terms, whose mean is the estimate.
        error_bar: Whether to estimate the standard error, from disjoint subsamples, as `mutual_information` does.
        progress: True for a bar on stderr, or a function called with (steps done, steps in all) now and then.

    Returns:
        One result, or for several k a list of results in the order of `k`.

    Raises:
        InputError: The data or an argument cannot be used, or a sample of x coincides with its k-th neighbour in x or x_prime,
            which makes the divergence infinite.
        BackendUnavailableError: The backend asked for cannot run here.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> result = kl_divergence(rng.random(2000), 2 * rng.random(3000))
        >>> print(f"{result.divergence:.1f} {result.units}")  # the truth is log2(2)
        1.0 bits
    """
    started = time.perf_counter()
    noise, seed, threads = _validate.common_options(units, noise, seed, backend, threads)
    (x, notes_x), (x_prime, notes_prime) = _validate.samples(x, "x"), _validate.samples(x_prime, "x_prime")
    dim = x.shape[1]
    if x_prime.shape[1] != dim:
        raise InputError(f"x has {dim} dimensions and x_prime has {x_prime.shape[1]}: they must have the same.")
    for name, points in (("x", x), ("x_prime", x_prime)):
        _validate.check_not_constant(points, name)
    ks = _validate.neighbour_orders(k, len(x))
    if max(ks) > len(x_prime):
        raise InputError(f"x_prime has {len(x_prime)} samples and k={max(ks)}: k must be at most that.")
    ready, notes_on_noise = prepare({"x": x, "x_prime": x_prime}, "none", noise, seed)
    notes = [*notes_x, *notes_prime, *notes_on_noise, *_notes.on_densities("divergence", ready)]
    x, x_prime = ready["x"], ready["x_prime"]
    nats = _formula.NATS_PER_UNIT[units]
    search = Search(ks, backend, threads, progress)
    found = wang_kulkarni_verdu(x, x_prime, search)
    quiet = dataclasses.replace(search, progress=None)

    def on_rows(rows: IntArray) -> FloatArray:
        """From some rows of x and x_prime one below the other."""
        some, some_prime = x[rows[rows < len(x)]], x_prime[rows[rows >= len(x)] - len(x)]
        if min(len(some) - 1, len(some_prime)) < max(ks):
            raise InputError("this part has too few samples of one of the two")
        return np.array([local.mean for local in wang_kulkarni_verdu(some, some_prime, quiet)]) / nats

    errors = (
        uncertainty.error_bar(on_rows, len(x) + len(x_prime), ks, seed, smaller_set=min(len(x), len(x_prime)))
        if error_bar
        else None
    )
    results = []
    for m, local in enumerate(found):
        terms = local.nats / nats
        divergence = local.mean / nats
        results.append(
            DivergenceResult(
                divergence=divergence,
                units=units,
                k=local.k,
                n_samples=len(x),
                n_samples_prime=len(x_prime),
                dim=dim,
                backend=local.backend,
                threads=threads,
                noise=noise,
                seed=seed if noise > 0 or errors is not None else None,
                seconds=time.perf_counter() - started,
                stderr=None if errors is None else float(errors[m]),
                notes=(*notes, *_notes.on_estimate(divergence, units, k=local.k, n_samples=len(x)).values()),
                local_divergence=terms if return_local else None,
            )
        )
    return results if _validate.is_several(k) else results[0]


def wang_kulkarni_verdu(x: Samples, x_prime: Samples, search: Search) -> list[Local]:
    """Wang, Kulkarni, Verdu 2009."""
    radius, _, backend = search.counts((x,), ())
    radius_prime = distances_to(x_prime, x, search.ks, threads=search.threads)
    check_apart(radius, search.ks, "coincide with their neighbours in x, so the divergence is infinite")
    check_apart(radius_prime, search.ks, "of x coincide with their neighbours in x_prime, so the divergence is minus infinity")
    return [
        Local(k, _formula.divergence_local(radius[m], radius_prime[m], x.shape[1], len(x_prime)), backend)
        for m, k in enumerate(search.ks)
    ]


def check_apart(radius: FloatArray, ks: Sequence[int], what: str) -> None:
    """Raise InputError where distances (len(ks), n) are 0, whose logarithm is no number."""
    for row, k in zip(radius, ks, strict=True):
        if zeros := number_of_zeros(row):
            raise InputError(
                f"{zeros:,} samples {what} for k={k}: take repeated samples out, take a larger k, or add a little noise (1e-6)."
            )


METHODS = {"knn": knn, "discrete": plug_in}
