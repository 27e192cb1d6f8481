"""Mutual information: samples -> neighbour counts -> formula -> result."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from mi_core import _backends, _formula, _notes, _prepare, _validate, reliability, uncertainty
from mi_core import reduce as reducing
from mi_core._backends._tiles import available_threads
from mi_core._options import Backend, Estimator, Standardize, Units
from mi_core._types import FloatArray, IntArray, MIResult, NeighbourCounts, Progress, Samples


@overload
def mutual_information(
    x: Any,
    y: Any,
    *,
    k: int = 3,
    units: Units = "bits",
    estimator: Estimator = "ksg1",
    standardize: Standardize = "none",
    noise: float = 0.0,
    seed: int = 0,
    backend: Backend = "auto",
    threads: int | None = None,
    return_local: bool = False,
    error_bar: bool = True,
    permutations: int | None = None,
    by_size: bool = False,
    diagnose: bool = False,
    reduce: str | None = None,
    progress: Progress | None = None,
) -> MIResult: ...
@overload
def mutual_information(
    x: Any,
    y: Any,
    *,
    k: Sequence[int],
    units: Units = "bits",
    estimator: Estimator = "ksg1",
    standardize: Standardize = "none",
    noise: float = 0.0,
    seed: int = 0,
    backend: Backend = "auto",
    threads: int | None = None,
    return_local: bool = False,
    error_bar: bool = True,
    permutations: int | None = None,
    by_size: bool = False,
    diagnose: bool = False,
    reduce: str | None = None,
    progress: Progress | None = None,
) -> list[MIResult]: ...
def mutual_information(
    x: Any,
    y: Any,
    *,
    k: int | Sequence[int] = 3,
    units: Units = "bits",
    estimator: Estimator = "ksg1",
    standardize: Standardize = "none",
    noise: float = 0.0,
    seed: int = 0,
    backend: Backend = "auto",
    threads: int | None = None,
    return_local: bool = False,
    error_bar: bool = True,
    permutations: int | None = None,
    by_size: bool = False,
    diagnose: bool = False,
    reduce: str | None = None,
    progress: Progress | None = None,
) -> MIResult | list[MIResult]:
    """Mutual information I(X;Y) of paired samples, by k-nearest neighbours.

    Args:
        x: (n_samples,), (n_samples, dim_x) or of higher rank, flattened per sample. NumPy, memory-mapped, pandas, Torch,
            JAX, CuPy, TensorFlow or nested lists; rows are taken by position, a pandas index is not looked at.
        y: (n_samples,), (n_samples, dim_y) or of higher rank; row i belongs to row i of x.
        k: Neighbour order, 1 <= k < n_samples. Small k: less bias, more variance. Several at once cost one neighbour pass.
        units: "bits" or "nats", of the estimate, its ceiling and its local terms.
        estimator: "ksg1": Kraskov, Stoegbauer, Grassberger 2004, eq. (8), doi:10.1103/PhysRevE.69.066138.
        standardize: "sides" divides each side by its spread (the root of its columns' mean variance), "columns" divides each
            column by its standard deviation, "none" takes the values as they are.
        noise: Standard deviation of Gaussian noise added to every value against ties, relative to the spread of its side.
        seed: Seed of all that is random: that noise, error bar, permutations, projections. The same seed gives the same result.
        backend: "auto" and "cpu" choose by size and dimensions; "cpu-tree", "cpu-sweep" and "cpu-brute" are the ways
            themselves. All give the same bits.
        threads: Most threads to use; None for as many as the process may use.
        return_local: Whether to keep the (n_samples,) local terms, whose mean is the estimate.
        error_bar: Whether to estimate the standard error, from disjoint subsamples: Holmes & Nemenman 2019,
            doi:10.1103/PhysRevE.100.022404. Costs 0.4 of an estimate for wide data, up to two for the narrowest.
        permutations: How many times to shuffle the pairing, for a p-value and the estimator's bias at independence; None for no
            such test. Wide data cost far less than that many estimates: neighbours within each side are sought once.
        by_size: Whether to estimate halves, quarters and eighths of the samples too, which shows the drift with their number.
        diagnose: Whether to judge the estimate by measured signs: see `Reliability`. Takes an error bar, too, and in
            all some three more estimates.
        reduce: "pca:10" or "random:10" to estimate, beside the raw value, that of 10 principal components or random projections
            of each side: a lower bound of MI, in dimensions where an estimate is possible.
        progress: Called with (steps done, steps in all) now and then, once for neighbours and once for permutations.

    Returns:
        One result, or for several k a list of results in the order of `k`.

    Raises:
        InputError: The data or an argument cannot be used; the message says which, what came and what to do.
        BackendUnavailableError: The backend asked for cannot run here.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x = rng.standard_normal((1000, 2))
        >>> y = x + rng.standard_normal((1000, 2))
        >>> result = mutual_information(x, y)
        >>> print(f"{result.mi:.2f} {result.units}")  # the truth is 1
        1.00 bits
    """
    started = time.perf_counter()
    _validate.one_of(units, Units, "units")
    _validate.one_of(estimator, Estimator, "estimator")
    _validate.one_of(standardize, Standardize, "standardize")
    noise = _validate.noise_scale(noise)
    seed = _validate.whole_number(seed, "seed", at_least=0)
    if reduce is not None:
        reducing.parsed(reduce)
    if permutations is not None:
        permutations = _validate.whole_number(permutations, "permutations", at_least=1)
    x, y, ks, threads, notes = _validated(x, y, k, backend, threads)
    _validate.check_not_constant(x, "x")
    _validate.check_not_constant(y, "y")
    x, y = _prepare.standardize(x, standardize), _prepare.standardize(y, standardize)
    if noise > 0:
        rng = np.random.default_rng(seed)
        noisy_x, noisy_y = _prepare.add_noise(x, noise, rng), _prepare.add_noise(y, noise, rng)
        notes += [*_notes.on_noise(noisy_x, x, "x"), *_notes.on_noise(noisy_y, y, "y")]
        x, y = noisy_x, noisy_y
    notes += _notes.on_sides(x, y, standardize)
    all_counts = _counted(x, y, ks, backend, threads, progress)
    nats = _formula.NATS_PER_UNIT[units]

    def estimates(x: Samples, y: Samples, ks: Sequence[int]) -> FloatArray:
        counted = _counted(x, y, tuple(ks), backend, threads, None)
        return np.array([np.mean(_formula.ksg1_local(one.k, one.n_x, one.n_y)) for one in counted]) / nats

    def on_rows(rows: IntArray) -> FloatArray:
        return estimates(x[rows], y[rows], ks)

    stderrs = uncertainty.error_bar(on_rows, len(x), ks, seed) if error_bar or diagnose else None
    sizes = uncertainty.over_sizes(on_rows, len(x), ks, seed) if by_size or diagnose else None
    if permutations is not None:

        def plain(x: Samples, y: Samples) -> FloatArray:
            return estimates(x, y, ks) * nats

        shuffled = uncertainty.shuffled_ksg1(plain, x, y, ks, permutations, seed, threads=threads, progress=progress) / nats
    is_random = noise > 0 or stderrs is not None or sizes is not None or permutations is not None
    results = []
    for m, counts in enumerate(all_counts):
        local_mi = _formula.ksg1_local(counts.k, counts.n_x, counts.n_y) / nats
        mi = float(np.mean(local_mi))
        ceiling = _formula.ksg1_ceiling(counts.k, len(x)) / nats
        results.append(
            MIResult(
                mi=mi,
                units=units,
                k=counts.k,
                n_samples=len(x),
                dim_x=x.shape[1],
                dim_y=y.shape[1],
                ceiling=ceiling,
                estimator=estimator,
                backend=counts.backend,
                threads=threads,
                standardize=standardize,
                noise=noise,
                seed=seed if is_random else None,
                seconds=time.perf_counter() - started,
                notes=(*notes, *_notes.on_estimate(mi, ceiling, units, counts)),
                local_mi=local_mi if return_local else None,
                stderr=float(stderrs[m]) if stderrs is not None else None,
                null=uncertainty.shuffled_null(mi, shuffled[:, m], seed) if permutations is not None else None,
                by_size=sizes[m] if sizes is not None else (),
            )
        )
    if reduce is not None:
        few_x, few_y, reduction = reducing.reduced(x, y, *reducing.parsed(reduce), seed)
        few = mutual_information(
            few_x,
            few_y,
            k=ks,
            units=units,
            estimator=estimator,
            seed=seed,
            backend=backend,
            threads=threads,
            error_bar=error_bar,
            permutations=permutations,
            by_size=by_size,
            diagnose=diagnose,
            progress=progress,
        )
        results = [dataclasses.replace(one, reduced=less, reduction=reduction) for one, less in zip(results, few, strict=True)]
    if diagnose:
        results = [dataclasses.replace(one, reliability=reliability.judge(x, y, one, estimates, seed)) for one in results]
    return results if _validate.is_several(k) else results[0]


@overload
def neighbour_counts(
    x: Any, y: Any, k: int = 3, *, backend: Backend = "auto", threads: int | None = None, progress: Progress | None = None
) -> NeighbourCounts: ...
@overload
def neighbour_counts(
    x: Any, y: Any, k: Sequence[int], *, backend: Backend = "auto", threads: int | None = None, progress: Progress | None = None
) -> list[NeighbourCounts]: ...
def neighbour_counts(
    x: Any,
    y: Any,
    k: int | Sequence[int] = 3,
    *,
    backend: Backend = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
) -> NeighbourCounts | list[NeighbourCounts]:
    """Distance to the k-th joint neighbour of every point, and how many points lie strictly nearer in x and in y.

    Distances are Chebyshev distances in float64 arithmetic on the values given, whatever their dtype; every backend returns
    the same bits. Arguments and errors as for `mutual_information`; constant sides are allowed here.

    Returns:
        One NeighbourCounts, or for several k a list in the order of `k`.

    Example:
        >>> counts = neighbour_counts([0.0, 1.0, 3.0], [0.0, 2.0, 1.0], k=1)
        >>> counts.radius, counts.n_x, counts.n_y
        (array([2., 2., 2.]), array([1, 1, 0]), array([1, 1, 2]))
    """
    x, y, ks, threads, _ = _validated(x, y, k, backend, threads)
    all_counts = _counted(x, y, ks, backend, threads, progress)
    return all_counts if _validate.is_several(k) else all_counts[0]


def _counted(
    x: Samples, y: Samples, ks: tuple[int, ...], backend: Backend, threads: int, progress: Progress | None
) -> list[NeighbourCounts]:
    radius, counts, name = _backends.neighbour_counts(
        (x, y), ((0, 1), (1, 2)), ks, backend=backend, threads=threads, progress=progress
    )
    return [NeighbourCounts(k, radius[m], counts[0, m], counts[1, m], name) for m, k in enumerate(ks)]


def _validated(
    x: Any, y: Any, k: int | Sequence[int], backend: Backend, threads: int | None
) -> tuple[Samples, Samples, tuple[int, ...], int, list[str]]:
    """Samples, neighbour orders, threads, and notes on what had to be done to the samples."""
    _validate.one_of(backend, Backend, "backend")
    threads = available_threads() if threads is None else _validate.whole_number(threads, "threads", at_least=1)
    x, notes_x = _validate.samples(x, "x")
    y, notes_y = _validate.samples(y, "y")
    _validate.check_same_length(x, y)
    return x, y, _validate.neighbour_orders(k, len(x)), threads, [*notes_x, *notes_y]
