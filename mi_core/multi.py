"""What more than two sides share: multi-information."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from mi_core import _formula, _notes, _validate, uncertainty
from mi_core._estimators import CAN_BE_SPLIT, Local, Search, copies, number_of_zeros
from mi_core._prepare import prepare
from mi_core.errors import InputError
from mi_core.options import Backend, ConditionalEstimator, Standardize, Units
from mi_core.progress_bar import with_progress
from mi_core.results import MultiInformationResult
from mi_core.types import FloatArray, IntArray, Progress, ProgressOption, Samples


@overload
def multi_information(
    sides: Sequence[Any],
    *,
    k: int = 3,
    units: Units = "bits",
    estimator: ConditionalEstimator = "ksg1",
    standardize: Standardize = "none",
    noise: float = 0.0,
    seed: int = 0,
    backend: Backend = "auto",
    threads: int | None = None,
    scheduler: str | None = None,
    return_local: bool = False,
    error_bar: bool = True,
    progress: ProgressOption = None,
) -> MultiInformationResult: ...
@overload
def multi_information(
    sides: Sequence[Any],
    *,
    k: Sequence[int],
    units: Units = "bits",
    estimator: ConditionalEstimator = "ksg1",
    standardize: Standardize = "none",
    noise: float = 0.0,
    seed: int = 0,
    backend: Backend = "auto",
    threads: int | None = None,
    scheduler: str | None = None,
    return_local: bool = False,
    error_bar: bool = True,
    progress: ProgressOption = None,
) -> list[MultiInformationResult]: ...
@with_progress
def multi_information(
    sides: Sequence[Any],
    *,
    k: int | Sequence[int] = 3,
    units: Units = "bits",
    estimator: ConditionalEstimator = "ksg1",
    standardize: Standardize = "none",
    noise: float = 0.0,
    seed: int = 0,
    backend: Backend = "auto",
    threads: int | None = None,
    scheduler: str | None = None,
    return_local: bool = False,
    error_bar: bool = True,
    progress: Progress | None = None,
) -> MultiInformationResult | list[MultiInformationResult]:
    """Multi-information (total correlation) of paired sides: the sum of their entropies minus that of all together.

    For two sides it is their mutual information.

    Args:
        sides: Two or more, each as x in `mutual_information`; rows belong together. Messages call them x1, x2, ...
        k: Neighbour order, 1 <= k < n_samples. Several at once cost one neighbour pass.
        units: "bits" or "nats".
        estimator: "ksg1": Kraskov, Stoegbauer, Grassberger 2004, eq. (23), doi:10.1103/PhysRevE.69.066138. "discrete": plug-in
            from the frequencies of equal samples, where k plays no part.
        standardize: As in `mutual_information`, and so the options below.
        noise: Standard deviation of Gaussian noise added to every value against ties, relative to the spread of its side.
        seed: Seed of that noise and of the error bar.
        backend: How neighbours are counted.
        threads: Most threads to use; None for as many as the process may use.
        scheduler: Address of the scheduler of a Dask cluster over which to split "ksg1", as in `mutual_information`.
        return_local: Whether to keep the (n_samples,) local terms, whose mean is the estimate.
        error_bar: Whether to estimate the standard error, from disjoint subsamples, as `mutual_information` does.
        progress: True for a bar on stderr, or a function called with (steps done, steps in all) now and then.

    Returns:
        One result, or for several k a list of results in the order of `k`.

    Raises:
        InputError: The data or an argument cannot be used; the message says which, what came and what to do.
        BackendUnavailableError: The backend asked for cannot run here, or the cluster cannot be used or was lost.

    Example:
        >>> import numpy as np
        >>> a, b, c = np.random.default_rng(0).standard_normal((3, 2000))
        >>> result = multi_information([a, b, a + b + c])
        >>> print(f"{result.mi:.1f} {result.units}")  # the truth is log2(3) / 2 = 0.79
        0.8 bits
    """
    started = time.perf_counter()
    _validate.one_of(estimator, ConditionalEstimator, "estimator")
    _validate.one_of(standardize, Standardize, "standardize")
    noise, seed, threads = _validate.common_options(units, noise, seed, backend, threads)
    _validate.check_scheduler(scheduler, estimator, CAN_BE_SPLIT)
    values = {f"x{number}": side for number, side in enumerate(sides, start=1)}
    if len(values) < 2:
        raise InputError(f"sides holds {len(values)} side{'' if values else 's'}: give two or more.")
    points, dims, _, notes = _validate.paired(values, estimator)
    n_samples = len(points["x1"])
    if estimator == "discrete":
        _validate.check_single(k, estimator)
        _validate.check_left_as_they_are(standardize, noise)
        notes += _notes.on_discrete(*points.values())
        ks: tuple[int, ...] = ()
    else:
        points, notes_on_noise = prepare(points, standardize, noise, seed)
        notes += [*notes_on_noise, *_notes.on_sides(points, standardize, estimator).values()]
        ks = _validate.neighbour_orders(k, n_samples)
    nats = _formula.NATS_PER_UNIT[units]
    method, search = METHODS[estimator], Search(ks, backend, threads, progress, scheduler=scheduler)
    found = method(list(points.values()), search)
    quiet = dataclasses.replace(search, progress=None)

    def on_rows(rows: IntArray) -> FloatArray:
        return np.array([local.mean for local in method([side[rows] for side in points.values()], quiet)]) / nats

    errors = uncertainty.error_bar(on_rows, n_samples, ks, seed) if error_bar else None
    results = []
    for m, local in enumerate(found):
        terms = local.nats / nats
        mi = local.mean / nats
        ceiling = None if local.ceiling is None else local.ceiling / nats
        notes_on_this = _notes.on_estimate(
            mi, units, k=local.k, n_samples=n_samples, ceiling=ceiling, coincident=local.coincident
        )
        results.append(
            MultiInformationResult(
                mi=mi,
                units=units,
                k=local.k,
                n_samples=n_samples,
                dims=tuple(dims.values()),
                ceiling=ceiling,
                estimator=estimator,
                backend=local.backend,
                threads=threads,
                standardize=standardize,
                noise=noise,
                seed=seed if noise > 0 or errors is not None else None,
                seconds=time.perf_counter() - started,
                stderr=None if errors is None else float(errors[m]),
                notes=(*notes, *notes_on_this.values()),
                local_mi=terms if return_local else None,
            )
        )
    return results if _validate.is_several(k) else results[0]


def ksg1(sides: list[Samples], search: Search) -> list[Local]:
    """Kraskov, Stoegbauer, Grassberger 2004, eq. (23)."""
    radius, counts, backend = search.counts(sides, [(i, i + 1) for i in range(len(sides))])
    return [
        Local(
            k,
            _formula.multi_local(k, list(counts[:, m])),
            backend,
            (len(sides) - 1) * _formula.ksg1_ceiling(k, len(sides[0])),
            number_of_zeros(radius[m]),
        )
        for m, k in enumerate(search.ks)
    ]


def discrete(sides: list[Samples], search: Search) -> list[Local]:
    """Plug-in estimate; k plays no part."""
    return [Local(None, _formula.discrete_local([copies(side) for side in sides], copies(*sides)))]


METHODS = {"ksg1": ksg1, "discrete": discrete}
