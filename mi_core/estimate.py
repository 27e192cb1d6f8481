"""Mutual information: samples -> neighbour counts -> formula -> result."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any, cast, overload

import numpy as np

from mi_core import _formula, _notes, _validate, backends, uncertainty
from mi_core import reduction as reducing
from mi_core._estimators import CAN_BE_SPLIT, CONDITIONAL, ESTIMATORS, WITHOUT_NEIGHBOURS, Local, Search
from mi_core._prepare import Prepared, prepare
from mi_core.errors import InputError
from mi_core.options import Backend, ConditionalEstimator, Estimator, Standardize, Units
from mi_core.progress_bar import with_progress
from mi_core.results import MIResult, NeighbourCounts
from mi_core.types import FloatArray, IntArray, Progress, ProgressOption, Samples


@overload
def mutual_information(
    x: Any,
    y: Any,
    *,
    k: int = 3,
    units: Units = "bits",
    estimator: Estimator = "ksg1",
    given: Any = None,
    alpha: float = 0.25,
    standardize: Standardize = "none",
    noise: float = 0.0,
    seed: int = 0,
    backend: Backend = "auto",
    threads: int | None = None,
    scheduler: str | None = None,
    return_local: bool = False,
    error_bar: bool = True,
    permutations: int | None = None,
    by_size: bool = False,
    diagnose: bool = False,
    reduce: str | None = None,
    progress: ProgressOption = None,
) -> MIResult: ...
@overload
def mutual_information(
    x: Any,
    y: Any,
    *,
    k: Sequence[int],
    units: Units = "bits",
    estimator: Estimator = "ksg1",
    given: Any = None,
    alpha: float = 0.25,
    standardize: Standardize = "none",
    noise: float = 0.0,
    seed: int = 0,
    backend: Backend = "auto",
    threads: int | None = None,
    scheduler: str | None = None,
    return_local: bool = False,
    error_bar: bool = True,
    permutations: int | None = None,
    by_size: bool = False,
    diagnose: bool = False,
    reduce: str | None = None,
    progress: ProgressOption = None,
) -> list[MIResult]: ...
@with_progress
def mutual_information(
    x: Any,
    y: Any,
    *,
    k: int | Sequence[int] = 3,
    units: Units = "bits",
    estimator: Estimator = "ksg1",
    given: Any = None,
    alpha: float = 0.25,
    standardize: Standardize = "none",
    noise: float = 0.0,
    seed: int = 0,
    backend: Backend = "auto",
    threads: int | None = None,
    scheduler: str | None = None,
    return_local: bool = False,
    error_bar: bool = True,
    permutations: int | None = None,
    by_size: bool = False,
    diagnose: bool = False,
    reduce: str | None = None,
    progress: Progress | None = None,
) -> MIResult | list[MIResult]:
    """Mutual information I(X;Y) of paired samples, or with `given=z` conditional mutual information I(X;Y|Z).

    Args:
        x: (n_samples,), (n_samples, dim_x) or of higher rank, flattened per sample. NumPy, memory-mapped, pandas, Torch,
            JAX, CuPy, TensorFlow or nested lists; rows are taken by position, a pandas index is not looked at.
        y: (n_samples,), (n_samples, dim_y) or of higher rank; row i belongs to row i of x. For "ross" (n_samples,) class
            labels: integers, bool or text.
        k: Neighbour order, 1 <= k < n_samples. Small k: less bias, more variance. Several at once cost one neighbour pass.
        units: "bits" or "nats", of the estimate, its ceiling and its local terms.
        estimator: By nearest neighbours:
            "ksg1": Kraskov, Stoegbauer, Grassberger 2004, eq. (8), doi:10.1103/PhysRevE.69.066138.
            "ksg2": the same, eq. (9), with a radius for each side; not defined on data with ties.
            "lnc": ksg1 corrected for strong dependence, Gao, Ver Steeg, Galstyan 2015, arXiv:1411.2003; k >= dim_x + dim_y.
            "mixture": ties, and mixtures of discrete and continuous values; Gao et al. 2017, arXiv:1709.06212.
            "ross": y are class labels; Ross 2014, doi:10.1371/journal.pone.0087357.
            Without neighbours, so that k plays no part:
            "gaussian": closed form from the covariances; "gaussian-copula": the same once each column is mapped to normal
            scores, Ince et al. 2017, doi:10.1002/hbm.23471; "discrete": plug-in from the frequencies of equal samples.
        given: z, (n_samples,), (n_samples, dim_z) or of higher rank: what is known already. For "ksg1" by Frenzel & Pompe 2007,
            doi:10.1103/PhysRevLett.99.204101, and for "discrete".
        alpha: Of "lnc": how small, beside the straight box, the box along the neighbours' own axes must be to count.
        standardize: "sides" divides each side by its spread (the root of its columns' mean variance), "columns" divides each
            column by its standard deviation, "none" takes the values as they are.
        noise: Standard deviation of Gaussian noise added to every value against ties, relative to the spread of its side.
        seed: Seed of all that is random: that noise, error bar, permutations, projections. The same seed gives the same result.
        backend: "auto" and "cpu" choose by size and dimensions; "cpu-tree", "cpu-filter" and "cpu-brute" are the ways
            themselves, "cuda" is an NVIDIA GPU, or all that there are where there is much to do, and "cuda:1" the one with this
            index. All give the same bits.
        threads: Most threads to use; None for as many as the process may use.
        scheduler: Address, tcp://HOST:PORT or tls://HOST:PORT, of the scheduler of a Dask cluster, whose workers split the
            counting, for "ksg1", also with `given`, and "mixture". It must be one to trust, because this process unpickles what
            the scheduler sends. This process prepares (`threads` are its own) and puts together, workers use the threads that
            they were started with, and the result is the same to the last bit. Split are all estimates
            that are asked for, those on parts of the samples too; not split are permutations of wide data. None for this
            machine alone.
        return_local: Whether to keep the (n_samples,) local terms, whose mean is the estimate.
        error_bar: Whether to estimate the standard error, from disjoint subsamples: Holmes & Nemenman 2019,
            doi:10.1103/PhysRevE.100.022404. Costs 0.4 of an estimate for wide data, up to two for the narrowest.
        permutations: How many times to shuffle the pairing, for a p-value and the estimator's bias at independence; None for no
            such test. Not with `given`, to which a shuffle would break the tie, too. Wide data cost far less than that many
            estimates: neighbours within each side are sought once.
        by_size: Whether to estimate halves, quarters and eighths of the samples too, which shows the drift with their number.
        diagnose: Whether to judge the estimate, of "ksg1", by measured signs: see `Reliability`. Takes an error bar, too,
            and in all some three more estimates.
        reduce: "pca:10" or "random:10" to estimate, beside the raw value, that of 10 principal components or random projections
            of each side: a lower bound of MI, in dimensions where an estimate is possible.
        progress: True for a bar on stderr, or a function called with (steps done, steps in all) now and then, once for
            neighbours and once for permutations.

    Returns:
        One result, or for several k a list of results in the order of `k`.

    Raises:
        InputError: The data or an argument cannot be used; the message says which, what came and what to do.
        BackendUnavailableError: The backend asked for cannot run here, or the cluster cannot be used or was lost.

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
    _validate.one_of(estimator, Estimator, "estimator")
    if given is not None:
        _validate.one_of(estimator, ConditionalEstimator, "the estimator where z is given")
    _validate.one_of(standardize, Standardize, "standardize")
    noise, seed, threads = _validate.common_options(units, noise, seed, backend, threads)
    alpha = _validate.threshold(alpha)
    _validate.check_scheduler(scheduler, estimator, CAN_BE_SPLIT)
    _check_extras(estimator, given, permutations, diagnose, reduce)
    needs_host = estimator != "ksg1" or standardize != "none" or bool(noise or permutations or diagnose or reduce or scheduler)
    samples, dims, notes = _prepared(x, y, given, estimator, standardize, noise, seed, "cpu" if needs_host else backend)
    n = len(samples.x)
    if estimator in WITHOUT_NEIGHBOURS:
        _validate.check_single(k, estimator)
    ks = () if estimator in WITHOUT_NEIGHBOURS else _validate.neighbour_orders(k, n)
    notes += _notes_on(samples, estimator, standardize, units)
    if not needs_host:
        samples = samples.sides_by(lambda side: backends.held(side, backend, sum(dims.values())))
    search = Search(ks, backend, threads, progress, alpha, scheduler)
    nats = _formula.NATS_PER_UNIT[units]
    found = _estimates(samples, estimator, search)

    def means(some: Prepared, ks: Sequence[int] = ks) -> FloatArray:
        """Estimates in `units` from other samples, or for other k."""
        quiet = dataclasses.replace(search, ks=tuple(ks), progress=None)
        return np.array([local.mean for local in _estimates(some, estimator, quiet)]) / nats

    def on_rows(rows: IntArray) -> FloatArray:
        return means(samples.take(rows))

    stderrs = uncertainty.error_bar(on_rows, n, ks, seed) if error_bar or diagnose else None
    sizes = uncertainty.over_sizes(on_rows, n, ks, seed) if by_size or diagnose else None
    shuffled = None
    if permutations is not None:
        shuffle = uncertainty.shuffled_ksg1 if estimator == "ksg1" else uncertainty.shuffled
        shuffled = shuffle(means, samples, ks, permutations, seed, nats=nats, threads=threads, progress=progress)
    is_random = noise > 0 or stderrs is not None or sizes is not None or shuffled is not None
    results = []
    for m, local in enumerate(found):
        terms = local.nats / nats
        mi = local.mean / nats
        ceiling = None if local.ceiling is None else local.ceiling / nats
        notes_on_this = _notes.on_estimate(
            mi,
            units,
            k=local.k,
            n_samples=n,
            ceiling=None if estimator == "ross" else ceiling,  # there it is the entropy of the labels, a true limit
            coincident=local.coincident,
        )
        results.append(
            MIResult(
                mi=mi,
                units=units,
                k=local.k,
                n_samples=n,
                dim_x=dims["x"],
                dim_y=dims["y"],
                dim_z=dims.get("z"),
                ceiling=ceiling,
                estimator=estimator,
                alpha=alpha if estimator == "lnc" else None,
                backend=local.backend,
                threads=threads,
                standardize=standardize,
                noise=noise,
                seed=seed if is_random else None,
                seconds=time.perf_counter() - started,
                notes=(*notes, *notes_on_this.values()),
                stderr=None if stderrs is None else float(stderrs[m]),
                null=None if shuffled is None else uncertainty.shuffled_null(mi, shuffled[:, m], seed),
                by_size=() if sizes is None else sizes[m],
                local_mi=terms if return_local else None,
            )
        )
    if reduce is not None:
        few_x, few_y, reduction = reducing.reduced(samples.x, samples.y, *reducing.parsed(reduce), seed)
        few = mutual_information(
            few_x,
            few_y,
            k=ks or (1,),
            units=units,
            estimator=estimator,
            alpha=alpha,
            seed=seed,
            backend=backend,
            threads=threads,
            scheduler=scheduler,
            error_bar=error_bar,
            permutations=permutations,
            by_size=by_size,
            diagnose=diagnose,
            progress=progress,
        )
        results = [dataclasses.replace(one, reduced=less, reduction=reduction) for one, less in zip(results, few, strict=True)]
    if diagnose:
        from mi_core import reliability  # here, because of the libraries that it loads

        def of_sides(x: Samples, y: Samples, ks: Sequence[int]) -> FloatArray:
            return means(Prepared(x, y), ks)

        verdicts = (reliability.judge(samples.x, samples.y, one, of_sides, seed) for one in results)
        results = [dataclasses.replace(one, reliability=verdict) for one, verdict in zip(results, verdicts, strict=True)]
    return results if _validate.is_several(k) else results[0]


@overload
def conditional_mutual_information(x: Any, y: Any, z: Any, *, k: int = 3, **options: Any) -> MIResult: ...
@overload
def conditional_mutual_information(x: Any, y: Any, z: Any, *, k: Sequence[int], **options: Any) -> list[MIResult]: ...
def conditional_mutual_information(
    x: Any, y: Any, z: Any, *, k: int | Sequence[int] = 3, **options: Any
) -> MIResult | list[MIResult]:
    """Conditional mutual information I(X;Y|Z): `mutual_information(x, y, given=z)`, whose other options it takes.

    Example:
        >>> import numpy as np
        >>> z = np.random.default_rng(0).standard_normal((3, 1000))
        >>> common = conditional_mutual_information(z[0] + z[1], z[0] + z[2], z[0], units="nats")
        >>> abs(common.mi) < 0.1  # what x and y share is z alone
        True
    """
    return mutual_information(x, y, given=z, k=k, **options)


def _check_extras(estimator: Estimator, given: Any, permutations: int | None, diagnose: bool, reduce: str | None) -> None:
    """Refuse what makes no sense for this estimator."""
    if permutations is not None:
        _validate.whole_number(permutations, "permutations", at_least=1)
        if given is not None:
            raise InputError(
                "permutations and given exclude each other: shuffling the pairs of x and y would break their tie to z as well."
            )
    if diagnose and (estimator != "ksg1" or given is not None):
        raise InputError("diagnose knows the estimator ksg1 without given alone: leave one of them out.")
    if reduce is not None:
        reducing.parsed(reduce)
        if given is not None or estimator in ("ross", "discrete"):
            raise InputError("reduce takes x and y as continuous, and no z: leave it, or the labels or z, out.")


def _estimates(samples: Prepared, estimator: Estimator, search: Search) -> list[Local]:
    """From prepared samples to local terms in nats, one for each k; z among the samples makes them conditional.

    `samples.take(rows)` estimates from some of the samples.
    """
    method = ESTIMATORS[estimator] if samples.z is None else CONDITIONAL[cast(ConditionalEstimator, estimator)]
    return method(samples, search)


def _prepared(
    x: Any, y: Any, z: Any, estimator: Estimator, standardize: Standardize, noise: float, seed: int, backend: Backend
) -> tuple[Prepared, dict[str, int], list[str]]:
    """The samples as the estimator wants them, the dimensions of each side, and notes on what was done."""
    values = {"x": x, "y": y} | ({} if z is None else {"z": z})
    sides, dims, classes, notes = _validate.paired(values, estimator, backend)
    if estimator == "discrete":
        _validate.check_left_as_they_are(standardize, noise)
        return Prepared(sides["x"], sides["y"], sides.get("z")), dims, notes
    measured = {name: points for name, points in sides.items() if name != "y" or estimator != "ross"}
    ready, notes_on_noise = prepare(measured, standardize, noise, seed)
    sides |= ready
    return Prepared(sides["x"], sides["y"], sides.get("z"), classes), dims, [*notes, *notes_on_noise]


def _notes_on(samples: Prepared, estimator: Estimator, standardize: Standardize, units: Units) -> list[str]:
    """Notes on the samples that matter for this estimator."""
    sides = {"x": samples.x, "y": samples.y} | ({} if samples.z is None else {"z": samples.z})
    if estimator == "discrete":
        return _notes.on_discrete(*sides.values())
    if estimator in ("gaussian", "gaussian-copula"):
        return _notes.on_gaussian(estimator, samples.x.shape[1], samples.y.shape[1], len(samples.x), units)
    if samples.classes:
        del sides["y"]
    return list(_notes.on_sides(sides, standardize, estimator).values())


@overload
def neighbour_counts(
    x: Any, y: Any, k: int = 3, *, backend: Backend = "auto", threads: int | None = None, progress: ProgressOption = None
) -> NeighbourCounts: ...
@overload
def neighbour_counts(
    x: Any, y: Any, k: Sequence[int], *, backend: Backend = "auto", threads: int | None = None, progress: ProgressOption = None
) -> list[NeighbourCounts]: ...
@with_progress
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
    the same bits. Arguments and errors as for `mutual_information`; constant sides are allowed here. Where a GPU is to count,
    float32 and float64 arrays of CuPy, Torch or JAX that lie on one are taken where they are, without a copy.

    Returns:
        One NeighbourCounts, or for several k a list in the order of `k`.

    Example:
        >>> counts = neighbour_counts([0.0, 1.0, 3.0], [0.0, 2.0, 1.0], k=1)
        >>> counts.radius, counts.n_x, counts.n_y
        (array([2., 2., 2.]), array([1, 1, 0]), array([1, 1, 2]))
    """
    _validate.one_of(backend, Backend, "backend")
    threads = _validate.thread_count(threads)
    x, y = (_validate.samples(values, name, backend)[0] for name, values in (("x", x), ("y", y)))
    _validate.check_same_length({"x": x, "y": y})
    ks = _validate.neighbour_orders(k, len(x))
    radius, counts, name = backends.neighbour_counts(
        (x, y), ((0, 1), (1, 2)), ks, backend=backend, threads=threads, progress=progress
    )
    all_counts = [NeighbourCounts(k, radius[m], counts[0, m], counts[1, m], name) for m, k in enumerate(ks)]
    return all_counts if _validate.is_several(k) else all_counts[0]
