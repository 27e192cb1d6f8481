"""Kullback-Leibler divergence between the distributions of two sets of samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack, overload

import numpy as np

from mi_core import _formula, _notes, arguments, arrays, missing
from mi_core._estimation import Estimation, one_or_all
from mi_core._estimators import Local, Search, check_apart
from mi_core._prepare import prepare
from mi_core.arguments import Settings
from mi_core.backends.cpu.nearest import distances_to
from mi_core.errors import InputError
from mi_core.explanations import noted
from mi_core.options import DensityOptions
from mi_core.progress_bar import with_progress
from mi_core.results import DivergenceResult
from mi_core.types import IntArray, Samples

Sets = tuple[Samples, Samples]
"""Samples (n_samples, dim) of x and (n_samples_prime, dim) of x_prime."""


@overload
def kl_divergence(x: Any, x_prime: Any, *, k: int = 3, **options: Unpack[DensityOptions]) -> DivergenceResult: ...
@overload
def kl_divergence(x: Any, x_prime: Any, *, k: Sequence[int], **options: Unpack[DensityOptions]) -> list[DivergenceResult]: ...
@with_progress
@missing.offered()
def kl_divergence(
    x: Any, x_prime: Any, *, k: int | Sequence[int] = 3, **options: Unpack[DensityOptions]
) -> DivergenceResult | list[DivergenceResult]:
    """Kullback-Leibler divergence D(P||Q), from samples x of P and x_prime of Q.

    Estimator: Wang, Kulkarni, Verdu 2009, doi:10.1109/TIT.2009.2016060, with one k for both.

    Args:
        x: (n_samples,), (n_samples, dim) or of higher rank, drawn from P; as in `mutual_information`.
        x_prime: (n_samples_prime, dim) drawn from Q; its rows are not paired with those of x.
        k: Neighbour order, at least 1, below n_samples and at most n_samples_prime. Several values share one neighbour search.
        units: "bits" or "nats".
        noise: Standard deviation of Gaussian noise added to every value to break ties, relative to the spread of all samples.
        seed: Seed of the noise and of the error bar.
        backend: Name of the backend that counts neighbours within x, as for `mutual_information`.
        threads: Maximum number of threads; None means as many as the process may use.
        return_local: Whether to keep the (n_samples,) local terms, whose mean is the estimate.
        error_bar: Whether to estimate the standard error from disjoint subsamples, as `mutual_information` does.
        missing: "refuse" (default) raises an error if a value is missing, "drop" leaves out such rows.
        progress: True for a bar on stderr, or a function called now and then with (steps done, steps in all).

    Returns:
        One result, or for several k a list of results in the order of `k`.

    Raises:
        InputError: The data or an argument cannot be used, or a sample of x coincides with its k-th neighbour in x or x_prime,
            which makes the divergence infinite.
        BackendUnavailableError: The requested backend cannot run here.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> result = kl_divergence(rng.random(2000), 2 * rng.random(3000))
        >>> print(f"{result.divergence:.1f} {result.units}")  # the truth is log2(2)
        1.0 bits
    """
    settings = arguments.settings(options, DensityOptions, "kl_divergence")
    sets, notes = prepared(x, x_prime, settings)
    sizes = len(sets[0]), len(sets[1])
    ks = arguments.neighbour_orders(k, sizes[0])
    if max(ks) > sizes[1]:
        raise InputError(f"x_prime has {sizes[1]} samples and k={max(ks)}: k must be at most that.")

    def take(sets: Sets, rows: IntArray) -> Sets:
        """Select some rows of x and x_prime stacked one below the other."""
        some, some_prime = sets[0][rows[rows < sizes[0]]], sets[1][rows[rows >= sizes[0]] - sizes[0]]
        if min(len(some) - 1, len(some_prime)) < max(ks):
            raise InputError("this part has too few samples of one of the two")
        return some, some_prime

    def own(place: int, local: Local, divergence: float) -> dict[str, Any]:
        on_this = _notes.on_estimate(divergence, settings.units, k=local.k, n_samples=sizes[0])
        return {"n_samples_prime": sizes[1], "dim": sets[0].shape[1], "notes": (*notes, *on_this.values())}

    run = Estimation(wang_kulkarni_verdu, sets, take, sizes[0], ks, settings, smaller_set=min(sizes), n_rows=sum(sizes))
    return one_or_all(run.results(DivergenceResult, own), k)


def prepared(x: Any, x_prime: Any, settings: Settings) -> tuple[Sets, list[str]]:
    """Both sets of samples with noise added, and notes."""
    some, on_missing = missing.complete({"x": x}, settings.missing)
    some_prime, on_missing_prime = missing.complete({"x_prime": x_prime}, settings.missing)
    x, notes_x = arrays.samples(some["x"], "x")
    x_prime, notes_prime = arrays.samples(some_prime["x_prime"], "x_prime")
    if x_prime.shape[1] != x.shape[1]:
        raise InputError(f"x has {x.shape[1]} dimensions and x_prime has {x_prime.shape[1]}: they must have the same.")
    for name, points in (("x", x), ("x_prime", x_prime)):
        arrays.check_not_constant(points, name)
    x, x_prime, on_columns = without_redundant(x, x_prime, settings.noise)
    both = np.vstack([x, x_prime])  # so that the noise has one size in both
    ready, notes_on_noise = prepare({"x and x_prime": both}, "none", settings.noise, settings.seed)
    sets = dict(zip(("x", "x_prime"), np.split(ready["x and x_prime"], [len(x)]), strict=True))
    notes = [*on_missing, *on_missing_prime, *notes_x, *notes_prime, *on_columns, *notes_on_noise]
    notes += _notes.on_densities("divergence", sets)
    return (sets["x"], sets["x_prime"]), notes


def without_redundant(x: Samples, x_prime: Samples, noise: float) -> tuple[Samples, Samples, list[str]]:
    """Both sets without the columns that add no dimension to both together: constant, copies, linear functions; and notes.

    Raises:
        InputError: A column is redundant in one set alone, or in another way than in the other, and no noise is to be added.
    """
    coarser = min(x.dtype, x_prime.dtype, key=lambda dtype: dtype.itemsize)  # in which equal constants are equal
    sets = {"x": x.astype(coarser, copy=False), "x_prime": x_prime.astype(coarser, copy=False)}
    of_both = arrays.redundant(np.vstack(list(sets.values())))
    for name, side in sets.items():
        for place, why in arrays.redundant(side).items():
            if place not in of_both and noise == 0:
                raise InputError(
                    f"column {place} of {name}, counted from 0, is {why}, and not in the same way in the other set, so there "
                    "are no two densities to compare: leave the column out of both, or add noise."
                )
    if not of_both:
        return x, x_prime, []
    kept = [place for place in range(x.shape[1]) if place not in of_both]
    what = (
        f"{len(of_both)} of {x.shape[1]} columns had no share: constant, copies or linear functions of others, the same in "
        "both sets."
    )
    return np.ascontiguousarray(x[:, kept]), np.ascontiguousarray(x_prime[:, kept]), [noted("constant", what)]


def wang_kulkarni_verdu(sets: Sets, search: Search) -> list[Local]:
    """Divergence from neighbour distances: Wang, Kulkarni, Verdu 2009."""
    x, x_prime = sets
    radius, _, backend = search.counts((x,), ())
    radius_prime = distances_to(x_prime, x, search.ks, threads=search.threads)
    check_apart(radius, search.ks, "coincide with their neighbours in x, so the divergence is infinite")
    check_apart(radius_prime, search.ks, "of x coincide with their neighbours in x_prime, so the divergence is minus infinity")
    return [
        Local(k, _formula.divergence_local(radius[m], radius_prime[m], x.shape[1], len(x_prime)), backend)
        for m, k in enumerate(search.ks)
    ]
