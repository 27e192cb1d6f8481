"""Estimators of mutual information: each turns prepared samples into local terms in nats, for all k from one search.

A new estimator needs a function here, a formula in `_formula`, a word in `options.Estimator` and a line in the last table.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized

import numpy as np

from mi_core import _formula, _notes, _ties, backends
from mi_core._prepare import Prepared, centred, joined, kinds, varying
from mi_core.backends.cpu.nearest import nearest_neighbours
from mi_core.errors import InputError
from mi_core.options import Backend, ConditionalEstimator, Estimator
from mi_core.ranks import normal_scores
from mi_core.sampling import INDEPENDENT, Sampling, check_enough
from mi_core.types import FloatArray, IntArray, Progress, Samples

SMALLEST = np.nextafter(0.0, 1.0)  # only distance 0 is strictly below it
# Neighbours for each joint dimension that lnc needs. On independent 1+1 to 5+5 Gaussians, 500 to 5,000 samples, it adds 0.6 to
# 7.3 bits with 1, up to 0.8 with 2, up to 0.2 with 3, up to 0.04 with 5.
LEAST_NEIGHBOURS = 5
OWN_SHAPE = 0.1  # nats that lnc would add for one side by itself, from which a note says so; Gaussians have 0.00
TILE_BYTES = 32 * 2**20  # of differences between points and their neighbours at a time


@dataclasses.dataclass(frozen=True)
class Search:
    """Options of a neighbour search and its orders k; `alpha` is the threshold of "lnc", `scheduler` that of a cluster.

    `may_tie` is whether distances may be equal, if that is known, as of parts of samples that were looked at before.
    """

    ks: tuple[int, ...]
    backend: Backend
    threads: int
    progress: Progress | None = None
    alpha: float = 0.25
    scheduler: str | None = None
    sampling: Sampling = INDEPENDENT
    may_tie: bool | None = None

    def among(self, sampling: Sampling | None) -> Search:
        """Return this search among samples drawn in another way; None means independent samples."""
        return dataclasses.replace(self, sampling=sampling or INDEPENDENT)

    def countable(self, n_samples: int) -> int | IntArray:
        """N of the formulas: the number of samples that may be counted, one per sample if some are left out."""
        return self.sampling.countable(n_samples)

    def counts(
        self, parts: Sequence[Samples], sides: Sequence[tuple[int, int]], *, quiet: bool = False, reached: bool = False
    ) -> tuple[FloatArray, IntArray, str]:
        """Radius, counts and name from `backends.neighbour_counts`; `quiet` hides progress, for the smaller of two passes."""
        if self.sampling.left_out is not None:
            check_enough(self.sampling.left_out, self.ks)
        return backends.neighbour_counts(
            parts,
            sides,
            self.ks,
            backend=self.backend,
            threads=self.threads,
            scheduler=self.scheduler,
            progress=None if quiet else self.progress,
            left_out=self.sampling.left_out,
            reached=reached,
        )

    def nearer(self, points: Samples, radius: FloatArray, *, quiet: bool = False) -> tuple[IntArray, str]:
        """Counts (m, n) of other points strictly nearer than radius (m, n), in any order along m, and name of the backend."""
        order = np.argsort(radius, axis=0)
        ascending = np.take_along_axis(radius, order, axis=0)
        sorted_counts, backend = backends.count_nearer(
            points,
            ascending,
            backend=self.backend,
            threads=self.threads,
            progress=None if quiet else self.progress,
            left_out=self.sampling.left_out,
        )
        counts = np.empty_like(sorted_counts)
        np.put_along_axis(counts, order, sorted_counts, axis=0)
        return counts, backend


@dataclasses.dataclass(frozen=True)
class Local:
    """One estimate before its unit is chosen.

    Attributes:
        k: Neighbour order; None if no neighbours were searched.
        nats: (n_samples,) terms whose mean is the estimate; fewer if samples were left out, as `notes` then say.
        backend: Name of the backend that counted.
        ceiling: Largest possible estimate on data without ties, in nats; None if there is no such limit.
        tied: Number of samples with others exactly as far away as their k-th neighbour; such ties are averaged.
        notes: Notes on how the estimate was made, by kind.
        kept: Rows of the samples that were not left out; None means all.
        may_tie: Whether distances may be equal; None if that was not looked at.
    """

    k: int | None
    nats: FloatArray
    backend: str = "none"
    ceiling: float | None = None
    tied: int = 0
    notes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    kept: IntArray | None = None
    may_tie: bool | None = None

    @property
    def mean(self) -> float:
        """Estimate in nats, rounded once; it does not depend on the order of the samples."""
        return _formula.mean(self.nats)

    @property
    def error_of_mean(self) -> float:
        """Standard error in nats if the terms were independent: a little too small, since they share neighbours."""
        total, squares = (math.fsum(_formula.exact_sum(terms)) for terms in (self.nats, self.nats**2))
        return _formula.error_of_mean(len(self.nats), total, squares)


def ksg1(samples: Prepared, search: Search) -> list[Local]:
    """Mutual information by Kraskov, Stoegbauer, Grassberger 2004, eq. (8)."""
    return ksg1_of((samples.x, samples.y), search.among(samples.sampling))


def ksg1_of(sides: Sequence[Samples], search: Search) -> list[Local]:
    """Multi-information by Kraskov, Stoegbauer, Grassberger 2004, eq. (23), which for two sides is eq. (8)."""
    return from_counts(
        sides,
        [(i, i + 1) for i in range(len(sides))],
        (1,) * len(sides),
        search,
        lambda k, counts: _formula.multi_local(k, counts, search.countable(counts.shape[1])),
        lambda k, counts: (len(sides) - 1) * _formula.ksg1_ceiling(k, search.countable(counts.shape[1])),
    )


def from_counts(
    parts: Sequence[Samples],
    sides: Sequence[tuple[int, int]],
    signs: Sequence[int],
    search: Search,
    formula: Callable[[int, IntArray], FloatArray],
    ceiling: Callable[[int, IntArray], float],
) -> list[Local]:
    """Estimates from the counts (sides, n) of points strictly nearer than the k-th neighbour, corrected for ties.

    Args:
        parts: As for `backends.neighbour_counts`.
        sides: As for `backends.neighbour_counts`.
        signs: 1 for a side whose psi the formula subtracts, -1 for a side whose psi it adds.
        search: Options of the neighbour search.
        formula: Function (k, counts) -> local terms.
        ceiling: Function (k, counts) -> largest possible estimate. Of tied samples, the counts have all those tied.
    """
    and_all = [*sides, (0, len(parts))]
    may_tie = any(map(_ties.may_tie, parts)) if search.may_tie is None else search.may_tie
    radius, counts, backend = search.counts(parts, and_all if may_tie else sides, reached=may_tie)
    found = [
        Local(k, formula(k, of_k), backend, ceiling(k, of_k), may_tie=may_tie)
        for k, of_k in zip(search.ks, counts[: len(sides), : len(radius)].swapaxes(0, 1), strict=True)
    ]
    if not may_tie:
        if radius.all():
            return found
        _, counts, _ = search.counts(parts, and_all, quiet=True, reached=True)
    for m, ties in enumerate(_ties.counted(radius, counts)):
        if may_tie or ties.at_zero.any():
            correction, tied = _formula.correction_for_ties(search.ks[m], ties, sides, signs)
            found[m] = dataclasses.replace(
                found[m],
                nats=found[m].nats + correction,
                ceiling=ceiling(search.ks[m], ties.nearer + tied * ties.as_far),
                tied=int(np.count_nonzero(tied)),
            )
    return found


def ksg2(samples: Prepared, search: Search) -> list[Local]:
    """Mutual information by Kraskov, Stoegbauer, Grassberger 2004, eq. (9)."""
    return ksg2_of((samples.x, samples.y), search)


def ksg2_of(sides: Sequence[Samples], search: Search) -> list[Local]:
    """Multi-information by the second algorithm of Kraskov, Stoegbauer, Grassberger 2004, which for two sides is eq. (9).

    Raises:
        InputError: Values recur or lie on a grid.
    """
    if any(map(_ties.may_tie, sides)):
        raise InputError(
            "the samples have ties (values that recur, or that lie on a grid), and the order of neighbours at equal distance "
            "is arbitrary for ksg2: take ksg1, which averages over ties, or add a little noise (1e-6)."
        )
    found = nearest_neighbours(joined(sides), max(search.ks), threads=search.threads, progress=search.progress)
    counts, backend = [], ""
    for side in sides:
        of_side, backend = search.nearer(side, np.nextafter(extents(side, found, search.ks), np.inf))
        counts.append(of_side)
    more = len(sides) - 1
    return [
        Local(
            k,
            _formula.ksg2_local(k, [of_side[m] for of_side in counts]),
            backend,
            more * (_formula.ksg1_ceiling(k, len(sides[0])) - 1 / k),
        )
        for m, k in enumerate(search.ks)
    ]


def extents(side: Samples, found: IntArray, ks: Sequence[int]) -> FloatArray:
    """Largest distances (len(ks), n) in one side (n, dim) to the first k of the neighbours found (n, largest k)."""
    points = side.astype(np.float64, copy=False)
    distances = np.array([np.abs(points[neighbour] - points).max(axis=1) for neighbour in found.T])
    largest: FloatArray = np.maximum.accumulate(distances, axis=0)[np.array(ks) - 1]
    return largest


def lnc(samples: Prepared, search: Search) -> list[Local]:
    """Second KSG estimate plus the local non-uniformity correction of Gao, Ver Steeg, Galstyan 2015."""
    sides = {"x": varying(samples.x), "y": varying(samples.y)}
    points = joined(tuple(sides.values())).astype(np.float64, copy=False)
    dim = points.shape[1]
    if min(search.ks) < LEAST_NEIGHBOURS * dim:
        raise InputError(
            f"k={min(search.ks)} and {dim} joint dimensions: with fewer than {LEAST_NEIGHBOURS} neighbours per dimension lnc "
            f"finds dependence where there is none. Take k={LEAST_NEIGHBOURS * dim}, or more."
        )
    if not all(side.shape[1] for side in sides.values()):
        return nothing(samples, search)
    corrections = non_uniformities(points, search)
    own = {name: non_uniformities(side, search) for name, side in sides.items() if side.shape[1] > 1}
    corrected = []
    for m, local in enumerate(ksg2(samples, search)):
        if flat := int(np.isinf(corrections[m]).sum()):
            raise InputError(
                f"{flat:,} samples and their k={local.k} neighbours lie in a flat space, as where one side is a linear "
                "function of the other: lnc is infinite there. Take ksg1, or a little noise (1e-6)."
            )
        notes = {f"shape of {name}": _notes.on_shape(name) for name, side in own.items() if side[m].mean() > OWN_SHAPE}
        corrected.append(dataclasses.replace(local, nats=local.nats + corrections[m], ceiling=None, notes=notes))
    return corrected


def non_uniformities(points: Samples, search: Search) -> list[FloatArray]:
    """Corrections (n,) of Gao, Ver Steeg, Galstyan 2015 for each k, from the neighbours of points (n, dim)."""
    found = nearest_neighbours(points, max(search.ks), threads=search.threads)
    exact: FloatArray = points.astype(np.float64, copy=False)
    return [
        np.concatenate([_formula.non_uniformity(offsets, search.alpha) for offsets in offsets_to(exact, found[:, :k])])
        for k in search.ks
    ]


def offsets_to(points: FloatArray, found: IntArray) -> Iterator[FloatArray]:
    """Generate differences (rows, k, dim) between points (n, dim) and their neighbours found (n, k), some rows at a time."""
    n, dim = points.shape
    rows = max(1, TILE_BYTES // (points.itemsize * dim * max(dim, found.shape[1])))
    for first in range(0, n, rows):
        some = slice(first, first + rows)
        yield points[found[some]] - points[some, np.newaxis]


def mixture(samples: Prepared, search: Search) -> list[Local]:
    """Mutual information with ties and mixtures of discrete and continuous values: Gao, Kannan, Oh, Viswanath 2017."""
    sides, search = (samples.x, samples.y), search.among(samples.sampling)
    countable = search.countable(len(samples.x))
    radius, counts, backend = search.counts(sides, ((0, 1), (1, 2)))
    at_zero = radius == 0
    orders = np.broadcast_to(np.array(search.ks)[:, np.newaxis], radius.shape)
    if at_zero.any():
        everywhere = np.full((1, radius.shape[1]), SMALLEST)
        counts = np.where(at_zero, [search.nearer(side, everywhere)[0] for side in sides], counts)
        orders = np.where(at_zero, search.nearer(joined(sides), everywhere)[0] + 1, orders)
    return [
        Local(
            k,
            _formula.mixture_local(orders[m], counts[0, m], counts[1, m], countable),
            backend,
            _formula.mixture_ceiling(k, countable),
        )
        for m, k in enumerate(search.ks)
    ]


def ross(samples: Prepared, search: Search) -> list[Local]:
    """Mutual information with class labels y: Ross 2014. Ties are averaged over all orders, so they do not raise it.

    A class with at most k members is left out.
    """
    sizes = np.bincount(places(samples.y), minlength=len(samples.classes))
    suffices = {k: sizes > k for k in search.ks}
    if any((suffices[k] != suffices[search.ks[0]]).any() for k in search.ks):
        return [local for k in search.ks for local in ross(samples, dataclasses.replace(search, ks=(k,)))]
    is_left = suffices[search.ks[0]]
    too_few = [(samples.classes[place], int(sizes[place])) for place in np.flatnonzero((sizes > 0) & ~is_left)]
    if not too_few:
        return ross_of_all(samples, search)
    if (left := np.count_nonzero(is_left)) < 2:
        name, size = too_few[0]
        only = f", and only class {samples.classes[int(np.argmax(is_left))]} has" if left else ""
        raise InputError(
            f"class {name} has {size} member{'s' if size > 1 else ''} and k={max(search.ks)}: each class needs more than k"
            f"{only}. Take a smaller k, or join classes."
        )
    kept = np.flatnonzero(is_left[places(samples.y)])
    rest = samples.take(kept)
    note = {"left out": _notes.on_left_out(too_few, max(search.ks), len(rest.x))}
    return [dataclasses.replace(local, notes=note, kept=kept) for local in ross_of_all(rest, search)]


def ross_of_all(samples: Prepared, search: Search) -> list[Local]:
    """Estimate of Ross 2014 with two or more members in each class; a class with at most k members uses all as neighbours."""
    labels, in_all_classes = places(samples.y), search.among(samples.sampling)
    n_ks, n_class = len(search.ks), np.empty(len(labels), np.int64)
    radius = np.empty((2 * n_ks, len(labels)))  # up to the k-th of the class, and with what is exactly as far
    in_class = np.empty(radius.shape, np.int64)
    for label in np.unique(labels):
        (members,) = np.nonzero(labels == label)
        of_class, in_one_class = samples.x[members], search.among(samples.sampling and samples.sampling.take(members))
        n_class[members] = in_one_class.countable(len(members))
        ks = tuple(min(k, len(members) - 1) for k in search.ks)
        found, _, _ = dataclasses.replace(in_one_class, ks=ks).counts((of_class,), (), quiet=True)
        radius[:, members] = np.vstack([found, np.nextafter(found, np.inf)])
        in_class[:, members], _ = in_one_class.nearer(of_class, radius[:, members], quiet=True)
    in_all, backend = in_all_classes.nearer(samples.x, radius)
    countable = in_all_classes.countable(len(labels))
    ceiling = _formula.ross_ceiling(n_class, countable)
    sizes = np.bincount(labels)[labels]
    locals_nats = [
        _formula.ross_local(
            np.minimum(k, sizes - 1),
            n_class,
            countable,
            in_class[place],
            in_class[n_ks + place] - in_class[place],
            in_all[place],
            in_all[n_ks + place] - in_all[place],
        )
        for place, k in enumerate(search.ks)
    ]
    return [Local(k, nats, backend, ceiling) for k, nats in zip(search.ks, locals_nats, strict=True)]


def places(labels: Samples) -> IntArray:
    """Position (n_samples,) of each sample's class among the classes, from labels (n_samples, 1)."""
    return labels[:, 0].astype(np.int64)


def class_sizes(labels: IntArray, classes: Sequence[str], search: Search) -> IntArray:
    """Number of members of each class; labels (n_samples,) are positions of classes.

    Raises:
        InputError: A class is too small for k neighbours within it.
    """
    sizes = np.bincount(labels, minlength=len(classes))
    for name, size in zip(classes, sizes, strict=True):
        if 0 < size <= max(search.ks, default=0):
            raise InputError(
                f"class {name} has {size} member{'s' if size > 1 else ''} and k={max(search.ks)}: each class needs more than "
                "k. Leave the class out, or take a smaller k."
            )
    return sizes


def gaussian(samples: Prepared, search: Search) -> list[Local]:
    """Closed form for Gaussians from the samples' covariances, without neighbours."""
    return closed_form(samples.x, samples.y)


def gaussian_copula(samples: Prepared, search: Search) -> list[Local]:
    """Closed form from normal scores, Gaussian quantiles of each column's ranks: Ince et al. 2017, doi:10.1002/hbm.23471."""
    return closed_form(normal_scores(samples.x), normal_scores(samples.y))


def closed_form(x: Samples, y: Samples) -> list[Local]:
    """Estimate for Gaussians, or an error if the samples do not fill their dimensions; constant columns do not count."""
    x, y = varying(x), varying(y)
    if not (x.size and y.size):  # as one may be constant on a part of the samples
        return [Local(None, np.zeros(len(x)))]
    dim_x = x.shape[1]
    white, triangle = np.linalg.qr(np.hstack([centred(x)[0], centred(y)[0]]))
    for what, columns, consequence in (
        ("x", triangle[:, :dim_x], "leave out the columns that follow from others"),
        ("y", triangle[:, dim_x:], "leave out the columns that follow from others"),
        ("x and y together", triangle, "the mutual information of such Gaussians is infinite, or the samples too few"),
    ):
        dim = columns.shape[1]
        rank = _formula.rank(columns)
        if rank < dim:
            raise InputError(
                f"{what}: {len(x):,} samples in {dim} dimensions span only {rank}, so the covariance is singular: "
                f"{consequence}."
            )
    return [Local(None, _formula.gaussian_local(white, triangle, dim_x))]


def discrete(samples: Prepared, search: Search) -> list[Local]:
    """Plug-in estimate from the frequencies of equal samples, without neighbours."""
    return [Local(None, _formula.discrete_local([copies(samples.x), copies(samples.y)], copies(samples.x, samples.y)))]


def copies(*sides: Samples) -> IntArray:
    """Number of samples equal to each one in all sides at once, itself included."""
    kind, counts = kinds(*sides)
    equal: IntArray = counts[kind]
    return equal


def check_apart(radius: FloatArray, ks: Sequence[int], what: str) -> None:
    """Raise InputError if a distance (len(ks), n) is 0, whose logarithm is infinite."""
    for row, k in zip(radius, ks, strict=True):
        if zeros := number_of_zeros(row):
            raise InputError(
                f"{zeros:,} samples {what} for k={k}: remove repeated samples, take a larger k, or add a little noise (1e-6)."
            )


def number_of_zeros(radius: FloatArray) -> int:
    return int(np.count_nonzero(radius == 0))


def conditional(samples: Prepared, search: Search) -> list[Local]:
    """Conditional mutual information by the first KSG estimate: Frenzel & Pompe 2007."""
    return from_counts(
        (samples.x, given(samples), samples.y),
        ((0, 2), (1, 3), (1, 2)),
        (1, 1, -1),
        search.among(samples.sampling),
        lambda k, counts: _formula.conditional_local(k, *counts),
        lambda k, counts: _formula.conditional_ceiling(k, counts[2]),
    )


def mixture_conditional(samples: Prepared, search: Search) -> list[Local]:
    """Conditional mutual information of mixtures of discrete and continuous values: Mesner & Shalizi 2019."""
    x, y, z = samples.x, samples.y, given(samples)
    everywhere, joint = search.among(samples.sampling), joined((x, z, y))
    radius, _, _ = everywhere.counts((joint,), (), quiet=True)
    reach = np.nextafter(radius, np.inf)  # the least that is farther than the k-th neighbour
    k_or_tied, n_yz, n_z = (everywhere.nearer(side, reach, quiet=True)[0] for side in (joint, joined((y, z)), z))
    n_xz, backend = everywhere.nearer(joined((x, z)), reach)
    return within_reach(search.ks, k_or_tied, n_xz, n_yz, n_z, backend)


def ross_conditional(samples: Prepared, search: Search) -> list[Local]:
    """Conditional mutual information with class labels y: I(X,Z;Y) minus I(Z;Y), as in Ross 2014, within one radius.

    This equals Frenzel & Pompe 2007 with points of other classes farther away than any point of the same class. If others of
    any class are as far away as the k-th, or if it coincides with the point, all points up to there count, as in Mesner &
    Shalizi 2019.
    """
    x, z, labels = samples.x, given(samples), places(samples.y)
    xz, n_ks = joined((x, z)), len(search.ks)
    class_sizes(labels, samples.classes, search)
    reach = np.empty((2 * n_ks, len(x)))  # points nearer than these: without those at the radius, and with them
    in_class, in_class_z = np.empty((2, *reach.shape), np.int64)
    for label in np.unique(labels):
        (members,) = np.nonzero(labels == label)
        in_one_class = search.among(samples.sampling and samples.sampling.take(members))
        radius, _, _ = in_one_class.counts((xz[members],), (), quiet=True)
        reach[:, members] = np.vstack([radius, np.nextafter(radius, np.inf)])
        in_class[:, members], _ = in_one_class.nearer(xz[members], reach[:, members], quiet=True)
        in_class_z[:, members], _ = in_one_class.nearer(z[members], reach[:, members], quiet=True)
    in_all_classes = search.among(samples.sampling)
    in_z, _ = in_all_classes.nearer(z, reach, quiet=True)
    in_xz, backend = in_all_classes.nearer(xz, reach)
    is_alone = (in_xz[n_ks:] == in_xz[:n_ks] + 1) & (reach[:n_ks] > 0)
    n_xz, n_yz, n_z = (np.where(is_alone, of[:n_ks] + 1, of[n_ks:]) for of in (in_xz, in_class_z, in_z))
    entropy = _formula.ross_ceiling(np.bincount(labels)[labels], len(labels))
    found = within_reach(search.ks, in_class[n_ks:], n_xz, n_yz, n_z, backend)
    return [dataclasses.replace(local, ceiling=entropy) for local in found]


def within_reach(
    ks: Sequence[int], k_or_tied: IntArray, n_xz: IntArray, n_yz: IntArray, n_z: IntArray, backend: str
) -> list[Local]:
    """Terms of conditional mutual information from counts (ks, n_samples) up to the k-th joint neighbour."""
    return [
        Local(
            k,
            _formula.mixture_conditional_local(k_or_tied[m], n_xz[m], n_yz[m], n_z[m]),
            backend,
            _formula.mixture_conditional_ceiling(k, n_z[m]),
        )
        for m, k in enumerate(ks)
    ]


def within_classes(samples: Prepared, search: Search, method: Method) -> list[Local]:
    """Conditional mutual information with class labels z, by an estimator of mutual information within each class.

    I(X;Y|Z) is the mean of I(X;Y|Z=c) over the classes c, weighted by class size: Cover & Thomas 2006, section 2.5. So the
    local terms are those of the members of all classes, in their original positions.
    """
    labels, classes = places(given(samples)), [f"{name} of z" for name in samples.given_classes]
    class_sizes(labels, classes, search)
    if samples.classes:
        cells = [f"{y} of y within class {z}" for z in classes for y in samples.classes]
        class_sizes(labels * len(samples.classes) + places(samples.y), cells, search)
    by_class = []
    for label in np.unique(labels):
        (rows,) = np.nonzero(labels == label)
        members = dataclasses.replace(samples.take(rows), z=None, given_classes=())
        by_class.append((rows, method(members, dataclasses.replace(search, progress=None))))
    return [put_together([(rows, found[m]) for rows, found in by_class]) for m in range(len(by_class[0][1]))]


def put_together(parts: Sequence[tuple[IntArray, Local]]) -> Local:
    """Combine estimates on disjoint rows of the samples; the backend is that of the largest part."""
    n_samples = sum(len(rows) for rows, _ in parts)
    terms = np.empty(n_samples)
    for rows, local in parts:
        terms[rows] = local.nats
    largest = max(parts, key=lambda part: len(part[0]))[1]
    ceilings = [len(rows) / n_samples * local.ceiling for rows, local in parts if local.ceiling is not None]
    return dataclasses.replace(
        largest,
        nats=terms,
        ceiling=sum(ceilings) if len(ceilings) == len(parts) else None,
        tied=sum(local.tied for _, local in parts),
    )


def discrete_conditional(samples: Prepared, search: Search) -> list[Local]:
    """Plug-in conditional mutual information, without neighbours."""
    x, y, z = samples.x, samples.y, given(samples)
    return [Local(None, _formula.discrete_conditional_local(copies(x, z), copies(y, z), copies(z), copies(x, y, z)))]


def nothing(samples: Sized, search: Search) -> list[Local]:
    """Estimate of exactly 0, for a constant side."""
    return [Local(k, np.zeros(len(samples))) for k in search.ks or (None,)]


def given(samples: Prepared) -> Samples:
    assert samples.z is not None  # noqa: S101  conditional estimators are called only where z is given
    return samples.z


Method = Callable[[Prepared, Search], list[Local]]

ESTIMATORS: Mapping[Estimator, Method] = {
    "ksg1": ksg1,
    "ksg2": ksg2,
    "lnc": lnc,
    "mixture": mixture,
    "ross": ross,
    "gaussian": gaussian,
    "gaussian-copula": gaussian_copula,
    "discrete": discrete,
}
CONDITIONAL: Mapping[ConditionalEstimator, Method] = {
    "ksg1": conditional,
    "mixture": mixture_conditional,
    "ross": ross_conditional,
    "discrete": discrete_conditional,
}
WITHOUT_NEIGHBOURS = frozenset({"gaussian", "gaussian-copula", "discrete"})
CAN_LEAVE_OUT = frozenset(
    {"ksg1", "mixture", "ross", "gaussian", "gaussian-copula", "discrete"}
)  # rows of one group, or of one time
CAN_BE_SPLIT = frozenset({"ksg1", "mixture"})  # all but a little of their work is one pass of `Search.counts`
CONDITIONAL_CAN_BE_SPLIT = frozenset({"ksg1"})
