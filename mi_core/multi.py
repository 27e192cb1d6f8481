"""Multi-information of several sides."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack, overload

from mi_core import _formula, _notes, arguments, arrays, how_drawn, missing
from mi_core._estimation import Estimation, one_or_all, orders
from mi_core._estimators import CAN_BE_SPLIT, Local, Search, copies, ksg1_of, ksg2_of, nothing
from mi_core._prepare import prepare
from mi_core.arguments import Settings
from mi_core.errors import InputError
from mi_core.options import MultiEstimator, PairedOptions
from mi_core.progress_bar import with_progress
from mi_core.results import MultiInformationResult
from mi_core.sampling import INDEPENDENT, Sampling, as_fields, resemblance
from mi_core.types import IntArray, Samples


@overload
def multi_information(
    sides: Sequence[Any], *, k: int | None = None, estimator: MultiEstimator = "ksg1", **options: Unpack[PairedOptions]
) -> MultiInformationResult: ...
@overload
def multi_information(
    sides: Sequence[Any], *, k: Sequence[int], estimator: MultiEstimator = "ksg1", **options: Unpack[PairedOptions]
) -> list[MultiInformationResult]: ...
@with_progress
@missing.offered()
def multi_information(
    sides: Sequence[Any],
    *,
    k: int | Sequence[int] | None = None,
    estimator: MultiEstimator = "ksg1",
    **options: Unpack[PairedOptions],
) -> MultiInformationResult | list[MultiInformationResult]:
    """Multi-information (total correlation) of paired sides: the sum of their entropies minus their joint entropy.

    For two sides it is their mutual information.

    Args:
        sides: Two or more arrays, each like x in `mutual_information`, paired by row. Messages call them x1, x2, ...
        k: Neighbour order, 1 <= k < n_samples. Several values share one neighbour search. None means 3; with `groups` or
            `series` it means about as many samples as belong together, as in `mutual_information`.
        units: "bits" or "nats".
        estimator: "ksg1": Kraskov, Stoegbauer, Grassberger 2004, eq. (23), doi:10.1103/PhysRevE.69.066138. "ksg2": their second
            algorithm, with a radius for each side; not for data with ties. "discrete": plug-in estimate from the frequencies
            of equal samples; ignores k.
        standardize: How to standardise first, as in `mutual_information`.
        noise: Standard deviation of Gaussian noise added to every value to break ties, relative to the spread of its side.
        seed: Seed of the noise and of the error bar.
        backend: Name of the backend, as for `mutual_information`.
        threads: Maximum number of threads; None means as many as the process may use.
        scheduler: Address of the scheduler of a Dask cluster that splits "ksg1", as in `mutual_information`.
        return_local: Whether to keep the (n_samples,) local terms, whose mean is the estimate.
        error_bar: Whether to estimate the standard error from disjoint subsamples, as `mutual_information` does.
        progress: True for a bar on stderr, or a function called now and then with (steps done, steps in all).
        missing: "refuse" raises an error if a value is missing, "drop" leaves out such rows.
        groups: (n_samples,) labels: rows with the same label belong together, as in `mutual_information`.
        series: Whether rows are a time series in order, as in `mutual_information`.
        exclude: Steps of a series up to which rows are left out; None means its measured memory.

    Returns:
        One result, or for several k a list of results in the order of `k`.

    Raises:
        InputError: The data or an argument cannot be used; the message says which, what came and what to do.
        BackendUnavailableError: The requested backend cannot run here, or the cluster cannot be used or was lost.

    Example:
        >>> import numpy as np
        >>> a, b, c = np.random.default_rng(0).standard_normal((3, 2000))
        >>> result = multi_information([a, b, a + b + c])
        >>> print(f"{result.mi:.1f} {result.units}")  # the truth is log2(3) / 2 = 0.79
        0.8 bits
    """
    arguments.one_of(estimator, MultiEstimator, "estimator")
    settings = arguments.settings(options, PairedOptions, "multi_information")
    arguments.check_scheduler(settings.scheduler, estimator, CAN_BE_SPLIT)
    if estimator == "ksg2" and (settings.groups is not None or settings.series):
        raise InputError("the estimator ksg2 treats every sample as independent: leave groups and series out, or take ksg1.")
    values = {**named(sides), "groups": settings.groups}
    of_indexes = _notes.on_indexes(values)
    values, on_missing = missing.complete(values, settings.missing, series=settings.series)
    settings = dataclasses.replace(settings, groups=values.pop("groups"))
    points, dims, notes = prepared(values, estimator, settings)
    notes = [*of_indexes, *on_missing, *notes]
    n_samples = len(points[0])
    sampling, rows = how_drawn.drawn(settings, points, [estimator == "discrete"] * len(points))
    notes += [] if sampling.units else _notes.on_order(map(resemblance, points)).values()
    ks = orders(k, estimator, n_samples, sampling.order(n_samples, sum(dims)))
    notes += _notes.on_sampling(ks, sampling, n_samples, sum(dims))
    varying = [side for side in points if not arrays.is_constant(side)]  # a constant side adds nothing
    method = METHODS[estimator] if len(varying) > 1 else nothing
    in_order = Sides(varying or points, INDEPENDENT) if rows is None else Sides(varying or points, INDEPENDENT).take(rows)
    in_order = dataclasses.replace(in_order, sampling=sampling)
    run = Estimation(method, in_order, Sides.take, n_samples, ks, settings, sampling=sampling, rows=rows)

    def own(place: int, local: Local, mi: float) -> dict[str, Any]:
        ceiling = run.ceiling(local)
        on_this = _notes.on_estimate(
            mi,
            settings.units,
            k=local.k,
            n_samples=n_samples,
            ceiling=ceiling,
            tied=local.tied,
            sides=in_order.points,
        )
        return {
            "dims": dims,
            "ceiling": ceiling,
            "estimator": estimator,
            "standardize": settings.standardize,
            "notes": (*notes, *on_this.values()),
            **as_fields(sampling),
        }

    return one_or_all(run.results(MultiInformationResult, own), k)


@dataclasses.dataclass(frozen=True)
class Sides:
    """Samples of each side (n_samples, dim), and how they were drawn."""

    points: list[Samples]
    sampling: Sampling

    def __len__(self) -> int:
        return len(self.points[0])

    def take(self, rows: IntArray) -> Sides:
        """Return some of the samples of each side."""
        return Sides([side[rows] for side in self.points], self.sampling.take(rows))


def named(sides: Sequence[Any]) -> dict[str, Any]:
    """Sides by the names that messages use."""
    if not isinstance(sides, Iterable) or isinstance(sides, str | bytes):
        raise InputError(f"sides is {type(sides).__name__}: give a sequence of two or more arrays.")
    values = {f"x{number}": side for number, side in enumerate(sides, start=1)}
    if len(values) < 2:
        raise InputError(f"sides holds {len(values)} side{'' if values else 's'}: give two or more.")
    return values


def prepared(
    values: Mapping[str, Any], estimator: MultiEstimator, settings: Settings
) -> tuple[list[Samples], tuple[int, ...], list[str]]:
    """Samples of each side as the estimator takes them, the dimensions of each, and notes."""
    points, dims, _, notes = arrays.paired(values, estimator)
    notes += [_notes.on_constant(name, len(side)) for name, side in points.items() if arrays.is_constant(side)]
    if estimator == "discrete":
        arguments.check_left_as_they_are(settings.standardize, settings.noise)
        notes += _notes.on_discrete(*points.values())
    else:
        points, notes_on_noise = prepare(points, settings.standardize, settings.noise, settings.seed)
        varying = {name: side for name, side in points.items() if not arrays.is_constant(side)}
        notes += [*notes_on_noise, *_notes.on_sides(varying, settings.standardize, estimator).values()]
    return list(points.values()), tuple(dims.values()), notes


def ksg1(sides: Sides, search: Search) -> list[Local]:
    """Multi-information by Kraskov, Stoegbauer, Grassberger 2004, eq. (23)."""
    return ksg1_of(sides.points, search.among(sides.sampling))


def ksg2(sides: Sides, search: Search) -> list[Local]:
    """Multi-information by the second algorithm of Kraskov, Stoegbauer, Grassberger 2004."""
    return ksg2_of(sides.points, search)


def discrete(sides: Sides, search: Search) -> list[Local]:
    """Plug-in estimate, without neighbours."""
    points = sides.points
    return [Local(None, _formula.discrete_local([copies(side) for side in points], copies(*points)))]


METHODS = {"ksg1": ksg1, "ksg2": ksg2, "discrete": discrete}
