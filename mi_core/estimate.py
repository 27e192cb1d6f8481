"""Mutual information and conditional mutual information: samples -> neighbour counts -> formula -> result."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, Unpack, cast, overload

import numpy as np

from mi_core import (
    _notes,
    arguments,
    arrays,
    backends,
    how_drawn,
    lower_bound,
    missing,
    reduction,
    tables,
    uncertainty,
)
from mi_core._estimation import Estimation, one_or_all, orders
from mi_core._estimators import (
    CAN_BE_SPLIT,
    CAN_LEAVE_OUT,
    CONDITIONAL,
    CONDITIONAL_CAN_BE_SPLIT,
    ESTIMATORS,
    Local,
    Method,
    nothing,
    within_classes,
)
from mi_core._prepare import Prepared, prepare
from mi_core.arguments import Settings
from mi_core.errors import InputError
from mi_core.explanations import explained
from mi_core.halves import as_one
from mi_core.options import Backend, ConditionalEstimator, MIOptions
from mi_core.progress_bar import with_progress
from mi_core.ranks import Ranks
from mi_core.results import MIResult, NeighbourCounts
from mi_core.sampling import (
    DEFAULT_ORDER,
    FEWEST_UNITS,
    INDEPENDENT,
    Groups,
    Sampling,
    Series,
    as_fields,
    resemblance,
)
from mi_core.seeds import generator
from mi_core.threads import blas_threads
from mi_core.types import FloatArray, IntArray, Progress, ProgressOption, Samples

FEWEST_TO_SHUFFLE = 6  # independent units
LEAST_SHARE_OF_CLASS = 4  # members of the smallest class for each neighbour of the default order


@overload
def mutual_information(
    x: Any, y: Any, *, k: int | None = None, given: Any = None, **options: Unpack[MIOptions]
) -> MIResult: ...
@overload
def mutual_information(
    x: Any, y: Any, *, k: Sequence[int], given: Any = None, **options: Unpack[MIOptions]
) -> list[MIResult]: ...
@with_progress
@missing.offered()
def mutual_information(
    x: Any, y: Any, *, k: int | Sequence[int] | None = None, given: Any = None, **options: Unpack[MIOptions]
) -> MIResult | list[MIResult]:
    """Mutual information I(X;Y) of paired samples, or with `given=z` conditional mutual information I(X;Y|Z).

    Args:
        x: (n_samples,), (n_samples, dim_x) or of higher rank, flattened per sample. NumPy, memory-mapped, pandas, polars,
            xarray, Torch, JAX, CuPy, TensorFlow or nested lists. Rows are paired by position; a note says so if pandas indexes
            differ.
        y: (n_samples,), (n_samples, dim_y) or of higher rank; row i belongs to row i of x. For "ross" (n_samples,) class
            labels: integers, bool or text.
        k: Neighbour order, 1 <= k < n_samples. Smaller k has less bias and more variance. Several values share one neighbour
            search. None (default) means 3; with `groups` or `series` it means about as many samples as belong together, at
            most 25, or at most 10 beyond 4 joint dimensions.
        units: "bits" (default) or "nats", of the estimate, its ceiling and its local terms.
        estimator: Name of the estimator. The last three search no neighbours and ignore k.

            - "ksg1" (default): Kraskov, Stoegbauer, Grassberger 2004, eq. (8), doi:10.1103/PhysRevE.69.066138. Ties in
              distance are averaged over all their orders, which for single columns equals the average over negligible noise.
            - "ksg2": eq. (9) of the same paper, with a radius for each side; not for data with ties.
            - "lnc": ksg2 corrected for strong dependence, Gao, Ver Steeg, Galstyan 2015, arXiv:1411.2003; needs k of at least
              5 (dim_x + dim_y) and data without ties.
            - "mixture": for samples with exact copies and mixtures of discrete and continuous values; Gao et al. 2017,
              arXiv:1709.06212.
            - "ross": for class labels y; Ross 2014, doi:10.1371/journal.pone.0087357. Classes with at most k members are
              left out; with `given` they are refused.
            - "gaussian": closed form from the covariances, corrected for bias.
            - "gaussian-copula": "gaussian" after each column is mapped to normal scores, Ince et al. 2017,
              doi:10.1002/hbm.23471.
            - "discrete": plug-in estimate from the frequencies of equal samples.
        given: The condition z, (n_samples,), (n_samples, dim_z) or of higher rank. "ksg1" follows Frenzel & Pompe 2007,
            doi:10.1103/PhysRevLett.99.204101. "ross" with labels y does too, with other classes farther away than any point of
            the same class. "mixture" follows Mesner & Shalizi 2019, arXiv:1912.03387. "discrete" takes z as well. Text, bool
            and pandas categories (n_samples,) are class labels: the estimate is then the mean of the estimates within the
            classes, weighted by class size, and does not depend on the names of the classes.
        given_labels: Whether whole numbers in z are class labels; False by default.
        alpha: For "lnc", the largest volume of the box along the neighbours' principal axes, relative to the axis-aligned box,
            at which the correction applies; 0.25 by default.
        standardize: "sides" divides each side by its spread (the root of its columns' mean variance), "columns" divides each
            column by its standard deviation, "none" (default) takes the values as they are. Equal distances stay equal.
        noise: Standard deviation of Gaussian noise added to every value to break ties, relative to the spread of its side;
            0 by default.
        seed: Seed of everything random: noise, error bar, permutations, projections. The same seed gives the same result;
            0 by default.
        backend: "auto" (default) and "cpu" choose by size and dimensions. "cpu-tree", "cpu-filter" and "cpu-brute" are one
            algorithm each. "cuda" is an NVIDIA GPU, or all GPUs for large jobs, and "cuda:1" is the GPU with that index. All
            give the same bits.
        threads: Maximum number of threads; None (default) means as many as the process may use.
        scheduler: Address, `tcp://HOST:PORT` or `tls://HOST:PORT`, of the scheduler of a Dask cluster whose workers split the
            counting. It works for "ksg1" with or without `given`, and for "mixture" without. Trust the scheduler: this process
            unpickles what it sends. This process prepares the data and combines the counts with `threads` threads; the workers
            use the threads that they were started with. The result is the same to the last bit. Every estimate is split,
            including those on parts of the samples, except permutations of wide data. None (default) means this machine alone.
        return_local: Whether to keep the (n_samples,) local terms, whose mean is the estimate; False by default.
        error_bar: Whether to estimate the standard error from disjoint subsamples; True by default. Holmes & Nemenman 2019,
            doi:10.1103/PhysRevE.100.022404. It costs a quarter to 0.9 of an estimate for wide data, one or two for narrow.
        permutations: How many times to shuffle the pairing, for a p-value and the estimator's bias at independence; None
            (default) means no test. With `given`, the part of x that z does not explain is shuffled among near neighbours in z,
            or within classes, so the p-value is against independence given z: see `ShuffledNull`. Wide data without `given`
            cost far less than that many estimates, because neighbours within each side are found once.
        by_size: Whether to estimate halves, quarters and eighths of the samples too, to show the drift with sample size.
        diagnose: Whether to judge the estimate of "ksg1" by measured signs: see `Reliability`. It works with `given` too, and
            includes an error bar. It costs 5 to 9 estimates in all for wide data. False by default.
        lower_bound: Whether to measure a lower bound of MI as well: see `LowerBound`. The bound comes from a critic that is
            fitted on some of the samples and measured on the others, van den Oord et al. 2018, arXiv:1807.03748, or from the
            samples' distances from the centre of each side, if these show clearly more. It is meant for wide data, where KSG
            underestimates badly. By default only with `diagnose`. Or your own critic, an object with fit(x, y, rng), which is
            fitted on each half of the samples and measured on the other, such as `trainer.LearnedCritic()`. If samples are not
            independent, a `fit` with an argument `groups` receives labels of the rows that must stay together.
        reduce: Dimension reduction, for a second estimate beside the raw one. "cca:8" takes at most 8 directions that the sides
            share, fitted on each half of the samples and used on the other. "pca:10" or "random:10" takes 10 principal
            components or random projections of each side. The MI that is left can only be less than the whole, but its
            dimension permits an estimate. Or your own reducer: a function (x, y, rng) -> fewer columns of x and of y, or an
            object with fit(x, y, rng) that returns such a function of x and y and is fitted on one half and used on the other.
            A function fitted to both sides of these same samples finds dependence where there is none: fit it on other
            samples, and say so in its attribute `fitted_on`, which the result records.
        progress: True for a bar on stderr, or a function called now and then with (steps done, steps in all), once for
            neighbours and once for permutations. None (default) writes one note to stderr in a process that compiles kernels
            for more than two seconds; False writes nothing.
        groups: (n_samples,) labels, integers, bool or text: rows with the same label belong together, such as trials of a
            subject or tokens of a sentence. They are left out of each other's neighbour search and counts, shuffles exchange
            whole groups, and error bar, sizes and verdict rest on parts of whole groups. None (default) means independent
            samples.
        series: Whether rows are a time series in order; False by default. Rows up to `exclude` steps apart are then left out of
            each other's neighbour search and counts (Theiler 1986, doi:10.1103/PhysRevA.34.2427), shuffles shift y against x,
            and error bar, sizes and verdict rest on parts of whole stretches.
        missing: "refuse" (default) raises an error if a value is missing (NaN, None, NaT, NA, masked). "drop" leaves out the
            rows in which a side or `groups` has a missing value; `n_samples` and a note then say how many are left.
        exclude: Steps of a series, at most a quarter of it. None (default) means its measured memory: the lag at which the
            autocorrelations of the values and of their distances from the centre fall below 1/e, in the side that forgets
            sooner. Of classes, it is the lag at which no function of them is correlated with itself by 1/e or more.

    Returns:
        One result, or for several k a list of results in the order of `k`. If x or y is constant, the estimate is exactly 0 and
        a note says so.

    Raises:
        InputError: The data or an argument cannot be used; the message says which, what came and what to do.
        BackendUnavailableError: The requested backend cannot run here, or the cluster cannot be used or was lost.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x = rng.standard_normal((1000, 2))
        >>> y = x + rng.standard_normal((1000, 2))
        >>> result = mutual_information(x, y)
        >>> print(f"{result.mi:.2f} {result.units}")  # the truth is 1
        1.00 bits
    """
    settings = arguments.settings(options, MIOptions, "mutual_information")
    check_together(settings, given is not None)
    of_indexes = _notes.on_indexes({"x": x, "y": y, "z": given, "groups": settings.groups})
    given = as_condition(given, settings)
    if given is not None and settings.estimator != "discrete" and arrays.are_labels(given):  # as rows without gaps may not tell
        settings = dataclasses.replace(settings, given_labels=True)
    sides_given = {"x": x, "y": y, "given": given, "groups": settings.groups}
    values, on_missing = missing.complete(sides_given, settings.missing, series=settings.series)
    settings = dataclasses.replace(settings, groups=values["groups"])
    sides, dims, notes = prepared(values["x"], values["y"], values["given"], settings)
    notes = [*of_indexes, *on_missing, *notes]
    measured = None
    if settings.noise > 0:  # which hides copies
        measured, _, _ = prepared(values["x"], values["y"], values["given"], dataclasses.replace(settings, noise=0.0))
    if settings.noise > 0 or settings.estimator not in ("ksg1", "discrete"):  # of which ksg1 looks where distances tie
        notes += _notes.on_copies((measured or sides).sides().values()).values()
    n_samples = len(sides.x)
    sides, rows, sampling = as_drawn(sides, settings)
    check_units(sampling, settings)
    dim = sum(dims.values())
    ks = orders(k, settings.estimator, n_samples, usual_order(sides, sampling, dim))
    of_constants = on_constants(sides)
    is_nothing = not of_constants.keys().isdisjoint({"x", "y"})
    if "z" in of_constants:  # and so nothing is conditioned on
        sides = dataclasses.replace(sides, z=None, given_classes=())
    check_classes(sides, settings)
    notes += of_constants.values()
    if not is_nothing:
        notes += [*notes_on(sides, settings), *_notes.on_sampling(ks, sampling, n_samples, dim)]
    if not (needs_host(settings) or sides.given_classes):
        sides = sides.sides_by(lambda side: backends.held(side, settings.backend, dim))
    method = nothing if is_nothing else method_for(sides, settings)
    also = orders_of_verdicts(sides, ks) if settings.diagnose and not is_nothing else ()
    run = Estimation(method, sides, Prepared.take, n_samples, ks, settings, sampling=sampling, rows=rows, also=also)
    results = estimated(run, dims, notes)
    if settings.lower_bound:
        lower_bound.check_enough(n_samples)
    if settings.reduce is not None and not is_nothing:
        results = with_fewer_columns(results, sides, settings)
    ranks = [Ranks(side) for side in sides.sides().values()]  # sorted when first needed
    if (settings.lower_bound or settings.diagnose) and sides.z is None and not is_nothing:
        results = with_lower_bound(results, sides, measured, ranks, settings)
    if settings.diagnose and not is_nothing:
        results = with_verdicts(results, ranks, run)
    return one_or_all(results, k)


@overload
def conditional_mutual_information(
    x: Any, y: Any, z: Any, *, k: int | None = None, **options: Unpack[MIOptions]
) -> MIResult: ...
@overload
def conditional_mutual_information(
    x: Any, y: Any, z: Any, *, k: Sequence[int], **options: Unpack[MIOptions]
) -> list[MIResult]: ...
def conditional_mutual_information(
    x: Any, y: Any, z: Any, *, k: int | Sequence[int] | None = None, **options: Unpack[MIOptions]
) -> MIResult | list[MIResult]:
    """Conditional mutual information I(X;Y|Z): a shorthand for `mutual_information(x, y, given=z)`.

    Estimators: "ksg1" (default) for continuous samples, "mixture" for ties and for mixtures of discrete and continuous values,
    "ross" for class labels y, "discrete" for few values that recur. With each of them z may be class labels: text, bool and
    pandas categories always are, whole numbers are with `given_labels=True`.

    Args:
        x: As for `mutual_information`.
        y: As for `mutual_information`.
        z: The condition, (n_samples,), (n_samples, dim_z) or of higher rank.
        k: Neighbour order, or several; None means the default of `mutual_information`.
        **options: All other options of `mutual_information`.

    Example:
        >>> import numpy as np
        >>> z = np.random.default_rng(0).standard_normal((3, 1000))
        >>> common = conditional_mutual_information(z[0] + z[1], z[0] + z[2], z[0], units="nats")
        >>> abs(common.mi) < 0.1  # what x and y share is z alone
        True
    """
    arguments.check_names(options, MIOptions, "conditional_mutual_information")
    return mutual_information(x, y, k=k, given=z, **options)


def as_condition(given: Any, settings: Settings) -> Any:
    """Return the condition; a data frame of several columns of classes becomes one label per sample.

    Raises:
        InputError: The columns mix classes and numbers.
    """
    if settings.estimator == "discrete" or not tables.is_frame(given):
        return given
    table = tables.of_frame(given, "given")
    has_classes = any(column.kind in ("text", "flags") for column in table.columns.values())
    return table.condition(missing=settings.missing == "drop") if has_classes and len(table.columns) > 1 else given


def check_together(settings: Settings, is_conditional: bool) -> None:
    """Refuse options that make no sense together, or for this estimator."""
    can_be_split = CONDITIONAL_CAN_BE_SPLIT if is_conditional else CAN_BE_SPLIT
    arguments.check_scheduler(settings.scheduler, settings.estimator, can_be_split)
    if settings.given_labels and not is_conditional:
        raise InputError("given_labels says that z are class labels, but there is no z: give z, or leave given_labels out.")
    if is_conditional:
        arguments.one_of(settings.estimator, ConditionalEstimator, "the estimator where z is given")
        if settings.permutations is not None and (settings.groups is not None or settings.series):
            raise InputError(
                "permutations with given treats every sample as independent: leave groups and series out, or permutations."
            )
    if settings.diagnose and settings.estimator != "ksg1":
        raise InputError(f"diagnose works with ksg1 alone, and the estimator is {settings.estimator}: leave one of them out.")
    if (settings.groups is not None or settings.series) and settings.estimator not in CAN_LEAVE_OUT:
        raise InputError(
            f"the estimator {settings.estimator} treats every sample as independent: leave groups and series out, or take ksg1."
        )
    for option, is_asked in (("reduce", settings.reduce is not None), ("lower_bound", settings.lower_bound)):
        if is_asked and (is_conditional or settings.estimator in ("ross", "discrete")):
            raise InputError(f"{option} needs continuous x and y, and no z: leave {option} out, or the labels or z.")
    if settings.reduce is not None:
        reduction.check(settings.reduce)


def check_classes(sides: Prepared, settings: Settings) -> None:
    """Raise InputError if z are class labels and a verdict is requested."""
    if sides.given_classes and settings.diagnose:
        raise InputError("diagnose does not work with class labels z: leave it out, or judge the samples of each class alone.")


def check_units(sampling: Sampling, settings: Settings) -> None:
    """Raise InputError if there are too few independent units to exchange."""
    if settings.permutations is not None and sampling.units is not None and sampling.units < FEWEST_TO_SHUFFLE:
        raise InputError(
            f"permutations needs at least {FEWEST_TO_SHUFFLE} independent units, and there are about {sampling.units}: leave "
            "it out, or measure more groups or a longer series."
        )


def needs_host(settings: Settings) -> bool:
    """Tell whether any requested quantity needs all values on the host."""
    changed = settings.standardize != "none" or settings.noise > 0
    beside = settings.permutations is not None or settings.diagnose or bool(settings.lower_bound) or settings.reduce is not None
    is_drawn_together = settings.groups is not None or settings.series
    return settings.estimator != "ksg1" or changed or beside or is_drawn_together or settings.scheduler is not None


def prepared(x: Any, y: Any, z: Any, settings: Settings) -> tuple[Prepared, dict[str, int], list[str]]:
    """Samples as the estimator takes them, the dimensions of each side, and notes on what was done."""
    values = {"x": x, "y": y} | ({} if z is None else {"z": z})
    on_gpu = None if needs_host(settings) else functools.partial(backends.from_gpu, backend=settings.backend)
    sides, dims, classes, notes = arrays.paired(values, settings.estimator, on_gpu, given_labels=settings.given_labels)
    notes += _notes.on_given(sides.get("z"), classes.get("z", ()), settings.estimator)
    if settings.estimator == "discrete":
        arguments.check_left_as_they_are(settings.standardize, settings.noise)
    else:
        continuous = {name: points for name, points in sides.items() if name not in classes}
        ready, notes_on_noise = prepare(continuous, settings.standardize, settings.noise, settings.seed)
        sides |= ready
        notes += notes_on_noise
    return Prepared(sides["x"], sides["y"], sides.get("z"), classes.get("y", ()), classes.get("z", ())), dims, notes


def as_drawn(sides: Prepared, settings: Settings) -> tuple[Prepared, IntArray | None, Sampling]:
    """Samples reordered so that rows of a group are adjacent, the caller's row of each, and how they were drawn."""
    are_classes = settings.estimator == "discrete", settings.estimator == "discrete" or bool(sides.classes)
    sampling, rows = how_drawn.drawn(settings, (sides.x, sides.y), are_classes)
    if sampling is INDEPENDENT:
        return sides, None, sampling
    in_order = sides if rows is None else sides.take(rows)
    return dataclasses.replace(in_order, sampling=sampling), rows, sampling


def usual_order(sides: Prepared, sampling: Sampling, dim: int) -> int:
    """Default neighbour order; with class labels at most a quarter of the smallest class, if that is 3."""
    usual = sampling.order(len(sides.x), dim)
    if not sides.classes:
        return usual
    smallest = int(np.unique(sides.y, return_counts=True)[1].min())
    return max(DEFAULT_ORDER, min(usual, smallest // LEAST_SHARE_OF_CLASS))


def on_constants(sides: Prepared) -> dict[str, str]:
    """Notes on constant sides, by their names."""
    named = {"x": sides.x, "y": sides.y} | ({} if sides.z is None else {"z": sides.z})
    return {
        name: _notes.on_constant(name, len(side), is_given=name == "z", is_class=name == "y" and bool(sides.classes))
        for name, side in named.items()
        if arrays.is_constant(side)
    }


def method_for(sides: Prepared, settings: Settings) -> Method:
    """The estimator as a function of sides and search; z among the sides makes it conditional."""
    if sides.z is None:
        return ESTIMATORS[settings.estimator]
    if sides.given_classes and settings.estimator != "discrete":  # whose conditional estimate is within equal z anyway
        return functools.partial(within_classes, method=ESTIMATORS[settings.estimator])
    return CONDITIONAL[cast(ConditionalEstimator, settings.estimator)]


def notes_on(sides: Prepared, settings: Settings) -> list[str]:
    """Notes on what in the samples matters to this estimator."""
    named = {"x": sides.x, "y": sides.y} | ({} if sides.z is None else {"z": sides.z})
    on_order = {} if sides.sampling else _notes.on_order(resemblance(side) for side in (sides.x, sides.y))
    if settings.estimator == "discrete":
        return [*_notes.on_discrete(*named.values()), *on_order.values()]
    if settings.estimator in ("gaussian", "gaussian-copula"):
        return [*_notes.on_gaussian(settings.estimator), *on_order.values()]
    if sides.classes:
        del named["y"]
    if sides.z is not None and (sides.given_classes or arrays.is_constant(sides.z)):
        del named["z"]
    return list((_notes.on_sides(named, settings.standardize, settings.estimator) | on_order).values())


def estimated(run: Estimation[Prepared], dims: dict[str, int], notes: list[str]) -> list[MIResult]:
    """Results with their error bars, sizes and shuffles."""
    settings, n = run.settings, run.n_samples
    _ = run.found, run.errors  # first, as their progress is told first
    sizes = None
    if settings.by_size:
        sizes = uncertainty.over_sizes(run.on_rows, n, run.ks, settings.seed, sampling=run.sampling)
    shuffled = None if settings.permutations is None else shuffles(run, settings.permutations)
    if shuffled is not None and run.sides.z is not None:
        notes = [*notes, *uncertainty.on_shuffled_given(run.sides, equal_z=only_equal_z(run))]

    def own(place: int, local: Local, mi: float) -> dict[str, Any]:
        ceiling = run.ceiling(local)
        on_this = _notes.on_estimate(
            mi,
            settings.units,
            k=local.k,
            n_samples=n,
            ceiling=None if settings.estimator == "ross" else ceiling,  # there it is the entropy of the labels, a true limit
            tied=local.tied,
            sides=run.sides.sides().values(),
        )
        are_copies = any(explained(note) == "copies" for note in (*notes, *on_this.values()))  # which rise with their number
        if settings.estimator == "ksg1" and local.k is not None and not settings.diagnose and not are_copies:
            on_this |= _notes.on_rise(mi, settings.units, local.k, n, sum(dims.values()), run.error_bar, place)
        return {
            "dim_x": dims["x"],
            "dim_y": dims["y"],
            "dim_z": dims.get("z"),
            "ceiling": ceiling,
            "estimator": settings.estimator,
            "given_labels": bool(run.sides.given_classes),
            "alpha": settings.alpha if settings.estimator == "lnc" else None,
            "standardize": settings.standardize,
            "notes": (*notes, *local.notes.values(), *on_this.values()),
            "null": None if shuffled is None else uncertainty.shuffled_null(mi, shuffled[:, place], settings.seed),
            "by_size": () if sizes is None else sizes[place],
            **as_fields(run.sampling),
        }

    return run.results(MIResult, own, is_random=sizes is not None or shuffled is not None)


def shuffles(run: Estimation[Prepared], permutations: int) -> FloatArray:
    """Estimates (permutations, number of k) from samples with a shuffled pairing, or with x drawn again given z."""
    settings = run.settings
    if run.sides.z is not None:
        return uncertainty.shuffled_given(
            run.means,
            run.sides,
            permutations,
            settings.seed,
            equal_z=only_equal_z(run),
            threads=settings.threads,
            progress=settings.progress,
        )
    of_plain_counts = run.method is ESTIMATORS["ksg1"] and not any(local.tied for local in run.found)
    shuffle = uncertainty.shuffled_ksg1 if of_plain_counts else uncertainty.shuffled
    return shuffle(
        run.means,
        run.sides,
        run.ks,
        permutations,
        settings.seed,
        nats=run.nats,
        threads=settings.threads,
        progress=settings.progress,
    )


def only_equal_z(run: Estimation[Prepared]) -> bool:
    """Tell whether z only divides the samples into kinds."""
    return bool(run.sides.given_classes) or run.settings.estimator == "discrete"


def with_fewer_columns(results: list[MIResult], sides: Prepared, settings: Settings) -> list[MIResult]:
    """Results, each with the estimate from fewer columns added."""
    ks = [one.k for one in results]
    if (way := reduction.cross_fitted(settings.reduce)) is not None:
        few, how = from_halves(way, ks, sides, settings), reduction.what_was_done(way, settings.seed)
    else:
        few_x, few_y, how = reduction.reduced(sides.x, sides.y, reduction.reducer_of(settings.reduce), settings.seed)
        few = again(few_x, few_y, ks, sides.sampling, settings)
    return [dataclasses.replace(one, reduced=fewer, reduction=how) for one, fewer in zip(results, few, strict=True)]


def from_halves(
    way: reduction.SharedColumns | reduction.Fitted, ks: list[int | None], sides: Prepared, settings: Settings
) -> list[MIResult]:
    """Average over the two halves of the estimate on one half, from fewer columns chosen on the other."""
    sampling = sides.sampling or INDEPENDENT
    n, rng = len(sides), generator(settings.seed, "halves")
    halves = sampling.parts(n, 2, rng)
    if not halves:
        raise InputError(
            f"reduce fits on one half of the samples, and needs at least {2 * FEWEST_UNITS} groups or stretches of the series: "
            "measure more, or leave it out."
        )
    few = way.halves(sides.x, sides.y, sampling, settings.seed)

    def estimates(pairing: IntArray | None, settings: Settings) -> list[list[MIResult]]:
        found = []
        for rest in halves:
            fitted = np.setdiff1d(np.arange(n), rest)
            some = None if sides.sampling is None else sides.sampling.take(rest)
            found.append(again(*few(fitted, rest, pairing), ks, some, settings))
        return found

    quiet = dataclasses.replace(settings, error_bar=False, diagnose=False, by_size=False, progress=None, permutations=None)
    shuffled = []
    for done in range(settings.permutations or 0):
        of_halves = estimates(sampling.surrogate(n, rng), quiet)
        shuffled.append([np.mean([one.mi for one in of_k]) for of_k in zip(*of_halves, strict=True)])
        if settings.progress is not None:
            settings.progress(done + 1, settings.permutations or 0)
    one_by_one = estimates(None, dataclasses.replace(settings, permutations=None))
    results = []
    for place, of_k in enumerate(zip(*one_by_one, strict=True)):
        mean = float(np.mean([one.mi for one in of_k]))
        null = uncertainty.shuffled_null(mean, np.array(shuffled)[:, place], settings.seed) if shuffled else None
        results.append(as_one(of_k, null, sampling.units))
    return results


def again(x: Samples, y: Samples, ks: list[int | None], sampling: Sampling | None, settings: Settings) -> list[MIResult]:
    """Results from other, already ordered samples with the same options."""
    options: MIOptions = {
        "units": settings.units,
        "estimator": settings.estimator,
        "alpha": settings.alpha,
        "seed": settings.seed,
        "backend": settings.backend,
        "threads": settings.threads,
        "scheduler": settings.scheduler,
        "error_bar": settings.error_bar,
        "permutations": settings.permutations,
        "by_size": settings.by_size,
        "diagnose": settings.diagnose,
        "progress": settings.progress,
    }
    options.update(named_again(sampling))
    if orders_sought := [k for k in ks if k is not None]:
        return mutual_information(x, y, k=orders_sought, **options)
    return [mutual_information(x, y, **options)]


def with_lower_bound(
    results: list[MIResult], sides: Prepared, measured: Prepared | None, ranks: Sequence[Ranks], settings: Settings
) -> list[MIResult]:
    """Results with a lower bound; unchanged if there are too few samples and only a verdict would use it.

    measured: The sides before noise was added; None if none was.
    """
    if not isinstance(settings.lower_bound, bool | np.bool_):
        together = lower_bound.copies_together(sides, measured)
        bound = lower_bound.by_fits(settings.lower_bound, together, settings.units, settings.seed)
        return [dataclasses.replace(one, lower_bound=bound) for one in results]
    rng = generator(settings.seed, "lower bound")
    try:
        lower_bound.check_enough(len(sides))
        together = lower_bound.copies_together(sides, measured)
        if together is not sides:  # in another order
            sides, ranks = together, [Ranks(together.x), Ranks(together.y)]
        with blas_threads(settings.threads):
            bound = lower_bound.by_directions(sides, ranks, settings.units, rng)
    except InputError:
        if settings.lower_bound:
            raise
        return results
    options: MIOptions = {"units": settings.units, "seed": settings.seed, "threads": settings.threads}
    apart = lower_bound.one_of_each_unit(sides, generator(settings.seed, "one of each unit"))
    if len(apart) <= DEFAULT_ORDER or any(map(arrays.is_constant, (apart.x, apart.y))):
        return [dataclasses.replace(one, lower_bound=bound) for one in results]
    radii = [lower_bound.log_radii(side, generator(settings.seed, "log radii")) for side in (apart.x, apart.y)]
    of_radii = mutual_information(*radii, k=lower_bound.orders_of_radii(radii), **options)
    if of_radii[0].stderr is not None:
        bound = lower_bound.larger(bound, lower_bound.by_radii(min(of_radii, key=lambda one: one.mi)))
    return [dataclasses.replace(one, lower_bound=bound) for one in results]


def named_again(sampling: Sampling | None) -> MIOptions:
    """Options that say how already ordered samples were drawn."""
    if isinstance(sampling, Series):
        return {"series": True, "exclude": sampling.exclude}
    return {"groups": sampling.group} if isinstance(sampling, Groups) else {}


def orders_of_verdicts(sides: Prepared, ks: Sequence[int]) -> tuple[int, ...]:
    """Larger neighbour order, for each k, whose estimate a verdict compares."""
    from mi_core import reliability  # here, because of the libraries that it loads

    return tuple(reliability.larger_order(k, int(np.min(sides.countable))) for k in ks)


def with_verdicts(results: list[MIResult], ranks: Sequence[Ranks], run: Estimation[Prepared]) -> list[MIResult]:
    """Results with a verdict on each."""
    from mi_core import reliability  # as above

    with blas_threads(run.settings.threads):
        verdicts = [
            reliability.judge(
                reliability.measure(run.sides, ranks, one, at_larger_k, of_parts, run.means, run.settings.seed), one
            )
            for one, at_larger_k, of_parts in zip(results, run.estimates_also, run.on_parts, strict=True)
        ]
    return [dataclasses.replace(one, reliability=verdict) for one, verdict in zip(results, verdicts, strict=True)]


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
    progress: ProgressOption = None,
) -> NeighbourCounts | list[NeighbourCounts]:
    """Distance to the k-th joint neighbour of every point, and how many points lie strictly nearer in x and in y.

    Distances are Chebyshev distances in float64 arithmetic on the values given, whatever their dtype; every backend returns
    the same bits. Constant sides are counted like any other. On a GPU backend, float32 and float64 arrays of CuPy, Torch or JAX
    in GPU memory are used in place, without a copy.

    Args:
        x: As for `mutual_information`.
        y: As for `mutual_information`; row i belongs to row i of x.
        k: Neighbour order, or several at the cost of one search.
        backend: Name of the backend, as for `mutual_information`.
        threads: Maximum number of threads; None (default) means as many as the process may use.
        progress: True for a bar on stderr, or a function called with (steps done, steps in all).

    Returns:
        One NeighbourCounts, or for several k a list in the order of `k`.

    Raises:
        InputError: The data or an argument cannot be used; the message says which, what came and what to do.
        BackendUnavailableError: The requested backend cannot run here.

    Example:
        >>> counts = neighbour_counts([0.0, 1.0, 3.0], [0.0, 2.0, 1.0], k=1)
        >>> counts.radius, counts.n_x, counts.n_y
        (array([2., 2., 2.]), array([1, 1, 0]), array([1, 1, 2]))
    """
    arguments.one_of(backend, Backend, "backend")
    threads = arguments.thread_count(threads)
    x, y = (
        arrays.samples(values, name, functools.partial(backends.from_gpu, backend=backend))[0]
        for name, values in (("x", x), ("y", y))
    )
    arrays.check_same_length({"x": x, "y": y})
    ks = arguments.neighbour_orders(k, len(x))
    radius, counts, name = backends.neighbour_counts(
        (x, y), ((0, 1), (1, 2)), ks, backend=backend, threads=threads, progress=cast("Progress | None", progress)
    )
    all_counts = [NeighbourCounts(k, radius[m], counts[0, m], counts[1, m], name) for m, k in enumerate(ks)]
    return all_counts if arguments.is_several(k) else all_counts[0]
