"""The estimators of mutual information: each goes from prepared samples to local terms in nats, for all k from one search.

A new one is a function here, a formula in `_formula`, a word in `options.Estimator` and a line in the table at the end.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from mi_core import _formula, backends
from mi_core._prepare import Prepared, centred, joined
from mi_core.backends.cpu.nearest import nearest_neighbours
from mi_core.errors import InputError
from mi_core.options import Backend, ConditionalEstimator, Estimator
from mi_core.sampling import check_enough
from mi_core.types import FloatArray, IntArray, Progress, Samples

SMALLEST = np.nextafter(0.0, 1.0)  # only distance 0 is strictly below it
TILE_BYTES = 32 * 2**20  # of differences between points and their neighbours at a time


@dataclasses.dataclass(frozen=True)
class Search:
    """How neighbours are sought, and for which orders k; `alpha` is the threshold of "lnc", `scheduler` that of a cluster."""

    ks: tuple[int, ...]
    backend: Backend
    threads: int
    progress: Progress | None = None
    alpha: float = 0.25
    scheduler: str | None = None

    def counts(
        self,
        parts: Sequence[Samples],
        sides: Sequence[tuple[int, int]],
        *,
        quiet: bool = False,
        left_out: IntArray | None = None,
    ) -> tuple[FloatArray, IntArray, str]:
        """Radius, counts and name of `backends.neighbour_counts`; `quiet` tells no progress, for the smaller of two passes."""
        progress = None if quiet else self.progress
        if left_out is not None:
            check_enough(left_out, self.ks)
        return backends.neighbour_counts(
            parts,
            sides,
            self.ks,
            backend=self.backend,
            threads=self.threads,
            scheduler=self.scheduler,
            progress=progress,
            left_out=left_out,
        )

    def nearer(
        self, points: Samples, radius: FloatArray, *, quiet: bool = False, left_out: IntArray | None = None
    ) -> tuple[IntArray, str]:
        """Counts (m, n) of other points strictly nearer than radius (m, n), in any order along m; the name of the backend."""
        progress = None if quiet else self.progress
        order = np.argsort(radius, axis=0)
        ascending = np.take_along_axis(radius, order, axis=0)
        sorted_counts, backend = backends.count_nearer(
            points, ascending, backend=self.backend, threads=self.threads, progress=progress, left_out=left_out
        )
        counts = np.empty_like(sorted_counts)
        np.put_along_axis(counts, order, sorted_counts, axis=0)
        return counts, backend


@dataclasses.dataclass(frozen=True)
class Local:
    """One estimate before its unit is chosen.

    Attributes:
        k: Neighbour order; None where no neighbours were sought.
        nats: (n_samples,) terms whose mean is the estimate.
        backend: Name of the backend that counted.
        ceiling: The most that the estimate can be on data without ties, in nats; None where there is no such limit.
        coincident: Number of samples whose k-th neighbour is at distance 0, where that spoils the term.
    """

    k: int | None
    nats: FloatArray
    backend: str = "none"
    ceiling: float | None = None
    coincident: int = 0

    @property
    def mean(self) -> float:
        """The estimate in nats, rounded once; it does not depend on the order of the samples."""
        return _formula.mean(self.nats)


def ksg1(samples: Prepared, search: Search) -> list[Local]:
    """Kraskov, Stoegbauer, Grassberger 2004, eq. (8)."""
    radius, (n_x, n_y), backend = search.counts((samples.x, samples.y), ((0, 1), (1, 2)), left_out=samples.left_out)
    return [
        Local(
            k,
            _formula.ksg1_local(k, n_x[m], n_y[m], samples.countable),
            backend,
            _formula.ksg1_ceiling(k, samples.countable),
            number_of_zeros(radius[m]),
        )
        for m, k in enumerate(search.ks)
    ]


def ksg2(samples: Prepared, search: Search) -> list[Local]:
    """Kraskov, Stoegbauer, Grassberger 2004, eq. (9)."""
    found = nearest_neighbours(joined((samples.x, samples.y)), max(search.ks), threads=search.threads, progress=search.progress)
    radius = [extents(side, found, search.ks) for side in (samples.x, samples.y)]
    (n_x, backend), (n_y, _) = (
        search.nearer(side, np.nextafter(extent, np.inf)) for side, extent in zip((samples.x, samples.y), radius, strict=True)
    )
    return [
        Local(
            k,
            _formula.ksg2_local(k, n_x[m], n_y[m]),
            backend,
            _formula.ksg1_ceiling(k, len(samples.x)) - 1 / k,
            number_of_zeros(np.maximum(radius[0][m], radius[1][m])),
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
    """The first KSG estimate plus the local non-uniformity correction of Gao, Ver Steeg, Galstyan 2015."""
    points = joined((samples.x, samples.y)).astype(np.float64, copy=False)
    dim = points.shape[1]
    if min(search.ks) < dim:
        raise InputError(
            f"k={min(search.ks)} and {dim} joint dimensions: lnc measures the volume that the neighbours span, so k must be "
            f"at least {dim}."
        )
    found = nearest_neighbours(points, max(search.ks), threads=search.threads)
    corrected = []
    for local in ksg1(samples, search):
        correction = np.concatenate(
            [_formula.non_uniformity(offsets, search.alpha) for offsets in offsets_to(points, found[:, : local.k])]
        )
        if flat := int(np.isinf(correction).sum()):
            raise InputError(
                f"{flat:,} samples and their k={local.k} neighbours lie in a flat space, as where one side is a linear "
                "function of the other: lnc is infinite there. Take ksg1, or a little noise (1e-6)."
            )
        corrected.append(dataclasses.replace(local, nats=local.nats + correction, ceiling=None))
    return corrected


def offsets_to(points: FloatArray, found: IntArray) -> Iterator[FloatArray]:
    """Differences (rows, k, dim) between points (n, dim) and their neighbours found (n, k), some rows at a time."""
    n, dim = points.shape
    rows = max(1, TILE_BYTES // (points.itemsize * dim * max(dim, found.shape[1])))
    for first in range(0, n, rows):
        some = slice(first, first + rows)
        yield points[found[some]] - points[some, np.newaxis]


def mixture(samples: Prepared, search: Search) -> list[Local]:
    """Gao, Kannan, Oh, Viswanath 2017: for ties and for mixtures of discrete and continuous values."""
    sides = samples.x, samples.y
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
            _formula.mixture_local(orders[m], counts[0, m], counts[1, m]),
            backend,
            _formula.mixture_ceiling(k, len(samples.x)),
        )
        for m, k in enumerate(search.ks)
    ]


def ross(samples: Prepared, search: Search) -> list[Local]:
    """Ross 2014: y are class labels. Values that tie stand in any order, so none lifts the estimate."""
    labels = places(samples.y)
    sizes = class_sizes(labels, samples.classes, search)
    n_ks = len(search.ks)
    radius = np.empty((2 * n_ks, len(labels)))  # up to the k-th of the class, and with what is exactly as far
    in_class = np.empty(radius.shape, np.int64)
    for label in np.unique(labels):
        members = labels == label
        of_class = samples.x[members]
        found, _, _ = search.counts((of_class,), (), quiet=True)
        radius[:, members] = np.vstack([found, np.nextafter(found, np.inf)])
        in_class[:, members], _ = search.nearer(of_class, radius[:, members], quiet=True)
    in_all, backend = search.nearer(samples.x, radius)
    ceiling = _formula.ross_ceiling(sizes[labels])
    locals_nats = [
        _formula.ross_local(
            k,
            sizes[labels],
            in_class[place],
            in_class[n_ks + place] - in_class[place],
            in_all[place],
            in_all[n_ks + place] - in_all[place],
        )
        for place, k in enumerate(search.ks)
    ]
    return [Local(k, nats, backend, ceiling) for k, nats in zip(search.ks, locals_nats, strict=True)]


def places(labels: Samples) -> IntArray:
    """Place (n_samples,) of each sample's class among the classes, from labels (n_samples, 1)."""
    return labels[:, 0].astype(np.int64)


def class_sizes(labels: IntArray, classes: Sequence[str], search: Search) -> IntArray:
    """Members of each class, of which labels (n_samples,) are the places.

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
    """Closed form for Gaussians from the samples' covariances; k plays no part."""
    return closed_form(samples.x, samples.y)


def gaussian_copula(samples: Prepared, search: Search) -> list[Local]:
    """Closed form from normal scores, Gaussian quantiles of each column's ranks: Ince et al. 2017, doi:10.1002/hbm.23471."""
    return closed_form(normal_scores(samples.x), normal_scores(samples.y))


def closed_form(x: Samples, y: Samples) -> list[Local]:
    """The estimate for Gaussians, or an error where the samples do not fill their dimensions."""
    dim_x = x.shape[1]
    white, triangle = np.linalg.qr(np.hstack([centred(x)[0], centred(y)[0]]))
    for what, columns, consequence in (
        ("x", triangle[:, :dim_x], "leave out the columns that follow from others or are constant"),
        ("y", triangle[:, dim_x:], "leave out the columns that follow from others or are constant"),
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


def normal_scores(points: Samples) -> FloatArray:
    """Gaussian quantiles (n, dim) of each column's ranks over n + 1; equal values have equal, mean ranks."""
    from scipy.special import ndtri  # here, because scipy.stats takes half a second to load
    from scipy.stats import rankdata

    scores: FloatArray = ndtri(rankdata(points, axis=0) / (len(points) + 1))
    return scores


def discrete(samples: Prepared, search: Search) -> list[Local]:
    """Plug-in estimate from the frequencies of equal samples; k plays no part."""
    return [Local(None, _formula.discrete_local([copies(samples.x), copies(samples.y)], copies(samples.x, samples.y)))]


def copies(*sides: Samples) -> IntArray:
    """How many samples equal each one in all sides at once, itself included."""
    _, places, counts = np.unique(np.hstack(sides), axis=0, return_inverse=True, return_counts=True)
    equal: IntArray = counts[places.reshape(-1)]
    return equal


def check_apart(radius: FloatArray, ks: Sequence[int], what: str) -> None:
    """Raise InputError where distances (len(ks), n) are 0, whose logarithm is no number."""
    for row, k in zip(radius, ks, strict=True):
        if zeros := number_of_zeros(row):
            raise InputError(
                f"{zeros:,} samples {what} for k={k}: take repeated samples out, take a larger k, or add a little noise (1e-6)."
            )


def number_of_zeros(radius: FloatArray) -> int:
    return int(np.count_nonzero(radius == 0))


def conditional(samples: Prepared, search: Search) -> list[Local]:
    """Conditional mutual information by the first KSG estimate: Frenzel & Pompe 2007."""
    x, y, z = samples.x, samples.y, given(samples)
    radius, (n_xz, n_yz, n_z), backend = search.counts((x, z, y), ((0, 2), (1, 3), (1, 2)), left_out=samples.left_out)
    return [
        Local(
            k,
            _formula.conditional_local(k, n_xz[m], n_yz[m], n_z[m]),
            backend,
            _formula.conditional_ceiling(k, n_z[m]),
            number_of_zeros(radius[m]),
        )
        for m, k in enumerate(search.ks)
    ]


def mixture_conditional(samples: Prepared, search: Search) -> list[Local]:
    """Conditional mutual information of mixtures of discrete and continuous values: Mesner & Shalizi 2019.

    Where y are class labels, other classes are farther than any point of the same class, whatever their code.
    """
    x, y, z = samples.x, samples.y, given(samples)
    xz, n = joined((x, z)), len(x)
    if samples.classes:
        labels, joint, yz = places(y), xz, z
        class_sizes(labels, samples.classes, search)
    else:
        labels, joint, yz = np.zeros(n, np.int64), joined((x, z, y)), joined((y, z))
    reach = np.empty((len(search.ks), n))  # the least that is farther than the k-th neighbour
    k_or_tied, n_yz = np.empty((2, *reach.shape), np.int64)
    for label in np.unique(labels):
        members = labels == label
        radius, _, _ = search.counts((joint[members],), (), quiet=True)
        reach[:, members] = np.nextafter(radius, np.inf)
        k_or_tied[:, members], _ = search.nearer(joint[members], reach[:, members], quiet=True)
        n_yz[:, members], _ = search.nearer(yz[members], reach[:, members], quiet=True)
    n_xz, _ = search.nearer(xz, reach)
    n_z, backend = search.nearer(z, reach, quiet=True)
    return [
        Local(
            k,
            _formula.mixture_conditional_local(k_or_tied[m], n_xz[m], n_yz[m], n_z[m]),
            backend,
            _formula.mixture_conditional_ceiling(k, n_z[m]),
        )
        for m, k in enumerate(search.ks)
    ]


def within_classes(samples: Prepared, search: Search, method: Method) -> list[Local]:
    """Conditional mutual information where z are class labels, by an estimator of mutual information within each class.

    I(X;Y|Z) is the mean of I(X;Y|Z=c) over the classes c, weighted by their members: Cover & Thomas 2006, section 2.5. So the
    terms of all members, in their places, are the local terms.
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
    """One estimate from those on disjoint rows of the samples; the backend is that of the largest part."""
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
        coincident=sum(local.coincident for _, local in parts),
    )


def discrete_conditional(samples: Prepared, search: Search) -> list[Local]:
    """Plug-in conditional mutual information; k plays no part."""
    x, y, z = samples.x, samples.y, given(samples)
    return [Local(None, _formula.discrete_conditional_local(copies(x, z), copies(y, z), copies(z), copies(x, y, z)))]


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
    "ross": mixture_conditional,
    "discrete": discrete_conditional,
}
WITHOUT_NEIGHBOURS = frozenset({"gaussian", "gaussian-copula", "discrete"})
CAN_LEAVE_OUT = frozenset({"ksg1", "gaussian", "gaussian-copula", "discrete"})  # rows of one group, or of one time
CAN_BE_SPLIT = frozenset({"ksg1", "mixture"})  # all but a little of their work is one pass of `Search.counts`
CONDITIONAL_CAN_BE_SPLIT = frozenset({"ksg1"})
