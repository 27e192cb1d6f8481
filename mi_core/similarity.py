"""Measures of similarity other than mutual information, and of the dimension of a layer.

    cka                   similarity of the inner products between samples     linear: rotations and scale do not matter
    neighbour_overlap     share of a sample's neighbours common to both        local: only the nearest samples matter
    intrinsic_dimension   from the distances to the nearest neighbours         of the manifold, curved or not
    participation_ratio   from the variances along the principal axes          of the ellipsoid around all samples

None of these is mutual information, and none is in bits. docs/similarity.md says what each can and cannot show.

    >>> import numpy as np, mi_core
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((1000, 20))
    >>> rotation, _ = np.linalg.qr(rng.standard_normal((20, 20)))
    >>> print(mi_core.similarity.cka(x, 3 * x @ rotation))
    1.0000
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from mi_core import _notes, arguments, arrays, clock, linear_kernel
from mi_core.errors import InputError
from mi_core.explanations import noted
from mi_core.linear_kernel import Kernel
from mi_core.missing import complete
from mi_core.options import USUAL_NEIGHBOURS, Measure, Metric, Missing
from mi_core.progress_bar import with_progress
from mi_core.results import DimensionResult, ShuffledNull, SimilarityResult
from mi_core.sampling import INDEPENDENT, resemblance
from mi_core.seeds import generator
from mi_core.types import FloatArray, IntArray, Progress, Samples
from mi_core.uncertainty import part_of, shuffled_null, surrogate_rows

FEWEST_FOR_CKA = 4  # samples that the unbiased estimator takes
MOST = 0.9  # share of the variance in one column, from which on a note says so
MUCH = 0.25  # share of the squared distances from the mean in one sample
FEW_SAMPLES = 20  # of which one may hold so much
FEW_FOR_VARIANCES = 10  # samples for each dimension, below which the participation ratio reads low by more than a tenth
KEEP_ONE = "measure on one row of each group, or on rows of the series that are far apart"


@with_progress
def cka(
    x: Any,
    y: Any,
    *,
    permutations: int = 0,
    seed: int = 0,
    threads: int | None = None,
    missing: Missing = "refuse",
    progress: Progress | None = None,
) -> SimilarityResult:
    """Debiased linear centred kernel alignment: the similarity of the inner products between samples in x and in y.

    It is 1 if y is x rotated, reflected, translated, and scaled by one factor for all columns. For independent x and y its mean
    is 0, however many columns they have. Directions count in proportion to their variance.

    Args:
        x: (n_samples, dim_x), as in `mutual_information`; at least 4 samples.
        y: (n_samples, dim_y); row i belongs to row i of x.
        permutations: Number of shuffles of the pairing, for a p-value and the spread at independence; 0 for none.
        seed: Seed of the shuffles.
        threads: Maximum number of threads; None means as many as the process may use.
        missing: "refuse" raises an error if a value is missing, "drop" leaves out such rows.
        progress: True for a bar on stderr, or a function called with (shuffles done, shuffles in all).

    Returns:
        The value, between -1 and 1, and how it was measured. It is 0, with a note, if there is nothing to compare: a side is
        constant, or all its samples but one are equally far from one another within rounding.

    Raises:
        InputError: The data or an argument cannot be used; the message says which, what came and what to do.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x = rng.standard_normal((500, 5))
        >>> result = cka(x, x + rng.standard_normal((500, 5)), permutations=99)
        >>> print(f"{result:.1f}, p = {result.null.p_value}")  # the truth is 0.5
        0.5, p = 0.01

    Source: Kornblith, Norouzi, Lee & Hinton 2019, arXiv:1905.00414, with the estimator of Song et al. 2012 as in Nguyen, Raghu
    & Kornblith 2021, arXiv:2010.15327. Murphy, Zylberberg & Fyshe 2024, arXiv:2405.01012, show how the usual estimator fails
    for layers with more columns than samples.
    """
    call = opened({"x": x, "y": y}, permutations, seed, threads, missing)
    check_enough(call.sides)
    kernels = {name: linear_kernel.kernel(points) for name, points in call.sides.items()}
    spreads = {name: linear_kernel.spread(one, call.threads) for name, one in kernels.items()}
    of_x, of_y = kernels.values()
    norm = math.sqrt(math.prod(spreads.values()))

    def on_rows(rows: IntArray) -> float:
        return aligned(of_x, of_y.take(rows), norm, call.threads)

    notes = [note for name, one in kernels.items() for note in on_kernel(name, one, spreads[name])]
    value = aligned(of_x, of_y, norm, call.threads)
    null = call.null(value, on_rows, progress)
    return call.result(value, "cka", 0.0, null, notes, is_random=null is not None)


@with_progress
def neighbour_overlap(
    x: Any,
    y: Any,
    *,
    k: int = USUAL_NEIGHBOURS,
    metric: Metric = "euclidean",
    permutations: int = 0,
    seed: int = 0,
    threads: int | None = None,
    missing: Missing = "refuse",
    progress: Progress | None = None,
) -> SimilarityResult:
    """Mean share of a sample's k nearest neighbours in x that are also among its k nearest in y.

    It is 1 if all neighbours are the same. For independent x and y its mean is k / (n_samples - 1). The neighbour search is
    exact. Ties at the k-th neighbour are broken at random, separately in each side, so that ties do not make independent sides
    look alike.

    Args:
        x: (n_samples, dim_x), as in `mutual_information`.
        y: (n_samples, dim_y); row i belongs to row i of x.
        k: Number of neighbours, 1 <= k < n_samples.
        metric: "euclidean", or "chebyshev" for the max-norm of `mutual_information`.
        permutations: Number of shuffles of the pairing, for a p-value and the spread at independence; 0 for none. The
            neighbours are searched once.
        seed: Seed of the shuffles and of the order of ties.
        threads: Maximum number of threads; None means as many as the process may use.
        missing: "refuse" raises an error if a value is missing, "drop" leaves out such rows.
        progress: True for a bar on stderr, or a function called with (rows done, rows in all of both sides).

    Returns:
        The value, between 0 and 1, its mean for independent sides, and how it was measured.

    Raises:
        InputError: The data or an argument cannot be used; the message says which, what came and what to do.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x = rng.standard_normal((500, 5))
        >>> result = neighbour_overlap(x, x + 0.1 * rng.standard_normal((500, 5)))
        >>> print(f"{result:.1f}, by chance {result.expected:.2f}")
        0.8, by chance 0.02

    Source: Huh, Cheung, Wang & Isola 2024, arXiv:2405.07987, whose mutual k-nearest-neighbour metric uses inner products.
    """
    arguments.one_of(metric, Metric, "metric")
    call = opened({"x": x, "y": y}, permutations, seed, threads, missing)
    (k,) = arguments.neighbour_orders((k,), call.n_samples)
    found = {
        name: neighbours(points, k, metric, generator(seed, f"ties in {name}"), call.threads, side_of(progress, place))
        for place, (name, points) in enumerate(call.sides.items())
    }
    of_x, of_y = found.values()

    def on_rows(rows: IntArray) -> float:
        return overlap(of_x, of_y.take(rows))

    notes = [note for name, one in found.items() for note in on_tied(name, one, call.sides[name])]
    value = overlap(of_x, of_y)
    null = call.null(value, on_rows)
    is_random = null is not None or any(one.tied for one in found.values())
    expected = k / (call.n_samples - 1)
    return call.result(value, "knn", expected, null, notes, is_random=is_random, k=k, metric=metric)


@with_progress
def intrinsic_dimension(
    x: Any,
    *,
    k: int = 2,
    threads: int | None = None,
    missing: Missing = "refuse",
    progress: Progress | None = None,
) -> DimensionResult:
    """Intrinsic dimension of samples, from the distances to their k nearest neighbours.

    If the density hardly changes between a sample and its k-th neighbour, the mean logarithm of the ratios of these distances
    is one over the dimension. The estimate is the maximum-likelihood one, corrected for its bias in that case. In more than
    about ten dimensions it is too low.

    Args:
        x: (n_samples, dim), as in `mutual_information`.
        k: Neighbour order, at least 2. 2 is TwoNN, which measures the finest scale; a larger k has less variance and measures
            a coarser scale.
        threads: Maximum number of threads; None means as many as the process may use.
        missing: "refuse" raises an error if a value is missing, "drop" leaves out such rows.
        progress: True for a bar on stderr, or a function called with (rows done, rows in all).

    Returns:
        The dimension. Copies of a sample count once, and a note says so.

    Raises:
        InputError: The data or an argument cannot be used; the message says which, what came and what to do.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> angle = rng.uniform(0, 2 * np.pi, 2000)
        >>> circle = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(2000)])
        >>> print(f"{intrinsic_dimension(circle):.1f}")
        1.0

    Source: Facco, d'Errico, Rodriguez & Laio 2017, doi:10.1038/s41598-017-11873-y, for k = 2; Levina & Bickel 2004 with
    inverses averaged as by MacKay & Ghahramani 2005 for larger k. Both follow one formula.
    """
    call = opened({"x": x}, 0, 0, threads, missing)
    k = arguments.whole_number(k, "k", at_least=2)
    (points,) = call.sides.values()
    value, used, notes = dimension_of(points, distances(points, k, call.threads, progress), call.threads)
    return call.dimension(value, "intrinsic dimension", notes, n_samples=used, k=k)


def dimension_of(points: Samples, near: FloatArray, threads: int) -> tuple[float, int, list[str]]:
    """Intrinsic dimension of validated samples, the number of samples that it rests on, and notes.

    Args:
        points: (n_samples, dim).
        near: (n_samples, k) from `distances`.
        threads: Maximum number of threads.

    Raises:
        InputError: The distances show no dimension; the message says why and what to do.
    """
    k, notes = near.shape[1], []
    if len(near) == 0 or (near[:, 0] == 0).any():
        distinct = np.unique(points, axis=0)
        what = f"{len(points) - len(distinct):,} of {len(points):,} samples are copies of others and were left out."
        notes.append(noted("intrinsic-dimension", what))
        near = distances(distinct, k, threads)
    if len(near) == 0:
        raise InputError(f"x has {len(np.unique(points, axis=0)):,} different samples: more than k={k} are needed.")
    if (near[:, 0] == 0).any():
        raise InputError(
            f"x has samples that are so near to each other, relative to its largest value {np.abs(points).max():.1e}, that "
            "their distance is 0 in float64: leave the largest out, or round the smallest to 0."
        )
    logs = np.log(near[:, -1:]) - np.log(near[:, :-1])  # of which a ratio might overflow
    tied = int(np.count_nonzero(near[:, 0] == near[:, -1]))
    if not logs.any():
        raise InputError(
            f"the {k} nearest neighbours of each sample of x are equally far away, as on a grid: such distances show no "
            "dimension. Take a larger k."
        )
    value = (logs.size - 1) / float(logs.sum())  # the factor (m - 1) / m for m ratios leaves no bias
    if tied > _notes.MANY_TIED * len(near):
        notes.append(
            noted(
                "intrinsic-dimension",
                f"{tied:,} of {len(near):,} samples have {k} nearest neighbours at the same distance, as on a grid of rounded "
                "values: the dimension is too high. Take a larger k.",
            )
        )
    if value > points.shape[1]:
        what = f"The estimate is larger than the number of columns, {points.shape[1]}, which no true dimension exceeds."
        notes.append(noted("intrinsic-dimension", what))
    return value, len(near), notes


def participation_ratio(x: Any, *, threads: int | None = None, missing: Missing = "refuse") -> DimensionResult:
    """Number of principal axes that share the variance: the squared sum of covariance eigenvalues over their sum of squares.

    It is the number of columns if all directions have the same variance, and 1 if one direction has all of it. Curved manifolds
    fill more axes than they have dimensions.

    Args:
        x: (n_samples, dim), as in `mutual_information`.
        threads: Maximum number of threads; None means as many as the process may use.
        missing: "refuse" raises an error if a value is missing, "drop" leaves out such rows.

    Returns:
        The ratio of the sample covariance, computed without eigenvalues. It cannot exceed n_samples - 1.

    Raises:
        InputError: The data or an argument cannot be used, or x is constant.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> print(f"{participation_ratio(rng.standard_normal((10_000, 8))):.1f}")
        8.0
    """
    call = opened({"x": x}, 0, 0, threads, missing)
    (points,) = call.sides.values()
    if arrays.is_constant(points):
        raise InputError(f"x is constant: all {len(points):,} samples are the same, so it has no variance.")
    of_x = linear_kernel.kernel(points)
    value = of_x.total**2 / linear_kernel.inner_product(of_x, of_x, call.threads)
    notes = []
    if call.n_samples < FEW_FOR_VARIANCES * value:
        notes.append(
            noted(
                "participation-ratio",
                f"{call.n_samples:,} samples are few for {value:.1f} dimensions: chance makes the variances more unequal, and "
                "the ratio is too low. More samples will raise it.",
            )
        )
    return call.dimension(value, "participation ratio", notes, n_samples=call.n_samples, k=None)


# All pairs of layers


def between_layers(layers: Mapping[str, Samples], measure: Measure, seed: int, threads: int) -> tuple[FloatArray, list[str]]:
    """Symmetric matrix (layers, layers) of a measure between all pairs of layers, and notes; the diagonal is 1 by definition.

    Args:
        layers: Name -> validated samples (n_samples, dim).
        measure: "cka", or "knn" for `neighbour_overlap` with its default k, or as many neighbours as there are.
        seed: Seed of the order of ties.
        threads: Maximum number of threads.
    """
    found = np.eye(len(layers))
    values, notes = (aligned_pairs if measure == "cka" else overlapping_pairs)(layers, seed, threads)
    for (a, b), value in zip(itertools.combinations(range(len(layers)), 2), values, strict=True):
        found[a, b] = found[b, a] = value
    return found, notes


def aligned_pairs(layers: Mapping[str, Samples], seed: int, threads: int) -> tuple[list[float], list[str]]:
    """CKA of all pairs of different layers; the kernels of two layers are in memory at a time."""
    check_enough(layers)
    points, spreads, notes = list(layers.values()), [], []
    for name, side in layers.items():
        one = linear_kernel.kernel(side)
        spreads.append(linear_kernel.spread(one, threads))
        notes += on_kernel(name, one, spreads[-1])

    def each() -> Iterator[float]:
        for a in range(len(points)):
            first = linear_kernel.kernel(points[a])
            for b in range(a + 1, len(points)):
                norm = math.sqrt(spreads[a] * spreads[b])
                yield aligned(first, linear_kernel.kernel(points[b]), norm, threads)

    return list(each()), notes


def overlapping_pairs(layers: Mapping[str, Samples], seed: int, threads: int) -> tuple[list[float], list[str]]:
    """Neighbour overlap of all pairs of different layers; the neighbours in each layer are searched once."""
    k = min(USUAL_NEIGHBOURS, len(next(iter(layers.values()))) - 1)
    found, notes = [], []
    for name, side in layers.items():
        found.append(neighbours(side, k, "euclidean", generator(seed, f"ties in {name}"), threads))
        notes += on_tied(name, found[-1], side)
    return [overlap(a, b) for a, b in itertools.combinations(found, 2)], notes


# What all have in common


@dataclasses.dataclass(frozen=True)
class Call:
    """Checked arguments of one call.

    Attributes:
        sides: Validated samples (n_samples, dim) by name.
        notes: Notes on how the samples were converted.
        permutations: Number of shuffles.
        seed: Seed of everything random.
        threads: Maximum number of threads.
        started: Start of the call, in seconds of `clock.now`.
    """

    sides: dict[str, Samples]
    notes: list[str]
    permutations: int
    seed: int
    threads: int
    started: float

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(next(iter(self.sides.values())))

    def null(self, value: float, on_rows: Callable[[IntArray], float], progress: Progress | None = None) -> ShuffledNull | None:
        """Null distribution from shuffled pairs by `on_rows(rows of y)`; None if no shuffles were requested."""
        if not self.permutations:
            return None
        found = []
        for rows in surrogate_rows(self.n_samples, self.permutations, self.seed, INDEPENDENT):
            found.append(on_rows(rows))
            if progress is not None:
                progress(len(found), self.permutations)
        return shuffled_null(value, np.array(found), self.seed)

    def result(
        self,
        value: float,
        measure: Measure,
        expected: float,
        null: ShuffledNull | None,
        notes: list[str],
        *,
        is_random: bool,
        k: int | None = None,
        metric: Metric | None = None,
    ) -> SimilarityResult:
        """Make the record of a measure of two sides."""
        x, y = self.sides.values()
        alike = _notes.on_order([resemblance(x), resemblance(y)], KEEP_ONE)
        return SimilarityResult(
            value=value,
            measure=measure,
            expected=expected,
            n_samples=self.n_samples,
            dim_x=x.shape[1],
            dim_y=y.shape[1],
            k=k,
            metric=metric,
            null=null,
            seed=self.seed if is_random else None,
            threads=self.threads,
            seconds=clock.now() - self.started,
            notes=(*self.notes, *alike.values(), *_notes.on_copies((x, y)).values(), *notes),
        )

    def dimension(self, value: float, measure: Any, notes: list[str], *, n_samples: int, k: int | None) -> DimensionResult:
        """Make the record of a measure of one side."""
        return DimensionResult(
            value=value,
            measure=measure,
            n_samples=n_samples,
            dim=self.sides["x"].shape[1],
            k=k,
            threads=self.threads,
            seconds=clock.now() - self.started,
            notes=(*self.notes, *notes),
        )


def opened(values: Mapping[str, Any], permutations: int, seed: int, threads: int | None, missing: Missing) -> Call:
    """Check the arguments of a call; each side is validated as in `mutual_information`."""
    started = clock.now()
    arguments.one_of(missing, Missing, "missing")
    permutations = arguments.whole_number(permutations, "permutations", at_least=0)
    seed = arguments.whole_number(seed, "seed", at_least=0)
    threads = arguments.thread_count(threads)
    given, on_missing = complete(values, missing)
    notes = [*_notes.on_indexes(values), *on_missing]
    sides = {}
    for name, side in given.items():
        sides[name], of_side = arrays.samples(side, name)
        notes += of_side
    arrays.check_same_length(sides)
    return Call(sides, notes, permutations, seed, threads, started)


def check_enough(sides: Mapping[str, Samples]) -> None:
    """Raise InputError if there are too few samples for an unbiased estimate of CKA."""
    name, points = next(iter(sides.items()))
    if len(points) < FEWEST_FOR_CKA:
        raise InputError(f"{name} has {len(points)} samples: cka needs at least {FEWEST_FOR_CKA}.")


# CKA


def aligned(x: Kernel, y: Kernel, norm: float, threads: int) -> float:
    """CKA of two kernels, normalised by the geometric mean of their spreads; 0 if one of the spreads is 0."""
    if norm == 0:
        return 0.0
    return max(-1.0, min(1.0, linear_kernel.unbiased_product(x, y, threads) / norm))  # beyond it is rounding


def on_kernel(name: str, side: Kernel, spread: float) -> list[str]:
    """Notes on a side that has nothing to compare, or in which one column or sample has nearly all the variance."""
    n, dim = side.columns.shape
    if side.total == 0:
        what = f"{name} is constant: all {n:,} samples are the same, so there is nothing to compare, and cka is 0."
        return [noted("cka", what)]
    furthest, share = side.squares.argmax(), side.squares.max() / side.total
    if spread == 0 and n > FEW_SAMPLES and share > MUCH:
        return [
            noted(
                "cka",
                f"One sample of {name}, in row {furthest}, is so far from the others that they look identical beside it: there "
                "is nothing to compare, and cka is 0. Leave it out.",
            )
        ]
    if spread == 0:
        what = f"All samples of {name} are equally far from one another: there is nothing to compare, and cka is 0."
        return [noted("cka", what)]
    notes = []
    of_columns = np.einsum("ij,ij->j", side.columns, side.columns) / side.total
    if dim > 1 and of_columns.max() > MOST:
        notes.append(
            noted(
                "cka",
                f"One column of {name}, number {of_columns.argmax()}, has {of_columns.max():.0%} of the variance, and cka sees "
                "little else. To let all columns count alike, divide each by its standard deviation.",
            )
        )
    if n > FEW_SAMPLES and share > MUCH:
        notes.append(
            noted(
                "cka",
                f"One sample of {name}, in row {furthest}, has {share:.0%} of the squared distances from the mean: it alone "
                "may decide cka.",
            )
        )
    return notes


# Neighbours


@dataclasses.dataclass(frozen=True)
class Neighbours:
    """Nearest neighbours of each sample.

    Attributes:
        places: (n_samples, k) positions of the k nearest other samples of each sample.
        far: (n_samples, k) distances to them, nearest first.
        tied: Number of samples with other samples as far away as their k-th neighbour.
    """

    places: IntArray
    far: FloatArray
    tied: int

    def take(self, rows: IntArray) -> Neighbours:
        """Return the neighbours of the same samples reordered by rows (n_samples,)."""
        return dataclasses.replace(self, places=np.argsort(rows)[self.places[rows]], far=self.far[rows])

    def pairs(self) -> IntArray:
        """Codes (n_samples k,) with one number for each pair of a sample and a neighbour."""
        n = len(self.places)
        numbers: IntArray = (np.arange(n)[:, np.newaxis] * n + self.places).ravel()
        return numbers


def neighbours(
    points: Samples, k: int, metric: Metric, rng: np.random.Generator, threads: int, progress: Progress | None = None
) -> Neighbours:
    """Find the k nearest neighbours of each sample; rng breaks ties."""
    from mi_core.backends.cpu.ordered_nearest import ordered_nearest  # here, because it loads what kernels are compiled with

    n = len(points)
    further = min(k + 1, n - 1)  # one more tells whether the k-th has an equal
    far, places = ordered_nearest(points, further, metric, rng.permutation(n), threads=threads, progress=progress)
    tied = int(np.count_nonzero(far[:, -1] == far[:, k - 1])) if further > k else 0
    return Neighbours(places[:, :k], far[:, :k], tied)


def distances(points: Samples, k: int, threads: int, progress: Progress | None = None) -> FloatArray:
    """Euclidean distances (n, k) to the k nearest others, nearest first; empty if there are at most k samples."""
    from mi_core.backends.cpu.ordered_nearest import ordered_nearest

    n = len(points)
    if n <= k:
        return np.empty((0, k))
    order = generator(0, "any order").permutation(n)
    found, _ = ordered_nearest(points, k, "euclidean", order, threads=threads, progress=progress)
    return found


def overlap(x: Neighbours, y: Neighbours) -> float:
    """Mean share of the neighbours that both sides have in common."""
    return float(np.isin(x.pairs(), y.pairs(), assume_unique=True).mean())


def on_tied(name: str, found: Neighbours, points: Samples) -> list[str]:
    """Notes on ties that decide which samples are neighbours."""
    n, k = found.places.shape
    if arrays.is_constant(points):
        what = f"{name} is constant: all {n:,} samples are the same, and its neighbours are drawn at random."
        return [noted("neighbour-ties", what)]
    if found.tied <= _notes.MANY_TIED * n:
        return []
    return [
        noted(
            "neighbour-ties",
            f"In {name}, {found.tied:,} of {n:,} samples have several others exactly as far as their {_notes.ordinal(k)} "
            f"neighbour. Ties are broken at random, so the overlap even of {name} with itself is less than 1.",
        )
    ]


def side_of(progress: Progress | None, place: int) -> Progress | None:
    """Progress of one of two sides, reported as progress of both."""
    return None if progress is None else part_of(progress, place, 2)
