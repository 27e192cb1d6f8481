"""Directions that two sides share, fitted on some of the samples for use on the rest.

    columns --Ranks.scores--> normal scores --shared_directions--> canonical pairs, each confirmed by samples that did not
               by the ranks among the samples fitted on                |           choose it
                                                     SharedDirections.along: coordinates of the rest

Directions fitted and measured on the same samples find dependence in independent data: 0.3 to 0.9 bits in 2,000 samples of 50
columns. So everything here separates the samples for fitting from the samples for measuring.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.special import ndtri

from mi_core.ranks import Ranks
from mi_core.sampling import Sampling
from mi_core.threads import one_blas_thread
from mi_core.types import FloatArray, IntArray

FOLDS = 3  # of the samples fitted on, each of which confirms the directions that the others chose
SHRINKAGES = (0.003, 0.02, 0.08, 0.25, 0.6)  # of a covariance towards a multiple of the identity
BY_CHANCE = 0.01  # probability that any pair counts as confirmed where nothing is shared
LARGEST_CORRELATION = 1 - 1e-5  # 7.8 bits a pair
MOST_COLUMNS = 1024  # of a side; of more, that many principal components of their scores
LEAST_VARIANCE = 1e-5  # along a direction of shrunk variance 1; less is rounding, as where columns copy each other
MOST_PAIRS = 256  # that are looked at

Single = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Directions:
    """Canonical pairs that held-out samples confirm, the strongest first.

    Attributes:
        x: (dim_x, m) directions of x, along which held-out samples have variance 1; `y` (dim_y, m) likewise.
        correlation: (m,) correlation of each pair in held-out samples.
    """

    x: FloatArray
    y: FloatArray
    correlation: FloatArray

    def strongest(self, most: int) -> Directions:
        """Select the strongest pairs, up to a number."""
        return Directions(self.x[:, :most], self.y[:, :most], self.correlation[:most])


class SharedDirections:
    """Both sides of some samples, prepared for fitting directions on any of their rows.

    Args:
        x: Ranks of the columns of x, `y` of those of y.
        sampling: How the samples were drawn.
    """

    def __init__(self, x: Ranks, y: Ranks, sampling: Sampling) -> None:
        self.ranks_x, self.ranks_y, self.sampling = x, y, sampling

    def along(
        self,
        fitted: IntArray,
        rest: IntArray,
        rng: np.random.Generator,
        *,
        most: int | None = None,
        least: int = 0,
        pairing: IntArray | None = None,
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Coordinates of x and of y (len(rest), m) along directions fitted on other rows, and the pairs' correlations (m,).

        Args:
            fitted: Rows to fit on, ascending.
            rest: Rows to compute coordinates of.
            rng: Random number generator for the folds that confirm directions.
            most: Maximum number of pairs; None for all.
            least: Minimum number of pairs, confirmed or not.
            pairing: (n,) row of y paired with each row of x; None for the same row.
        """
        with one_blas_thread():  # small matrices gain little by threads, and lose much on a busy machine
            rows_y = (fitted, rest) if pairing is None else (pairing[fitted], pairing[rest])
            scores_x, scores_y = self.ranks_x.scores(fitted), self.ranks_y.scores(rows_y[0])
            fit_x, fit_y = scores_x[fitted], scores_y[rows_y[0]]
            found = shared_directions(fit_x, fit_y, self.sampling.take(fitted), rng, least=least)
            found = found if most is None else found.strongest(most)
            along_x, along_y = (
                ((scores[rows] - fit.mean(axis=0)) @ directions).astype(np.float64)
                for scores, rows, fit, directions in (
                    (scores_x, rest, fit_x, found.x.astype(np.float32)),
                    (scores_y, rows_y[1], fit_y, found.y.astype(np.float32)),
                )
            )
            return along_x, along_y, found.correlation


def shared_directions(x: Single, y: Single, sampling: Sampling, rng: np.random.Generator, *, least: int = 0) -> Directions:
    """Canonical pairs (Hotelling 1936, doi:10.1093/biomet/28.3-4.321) of covariances with shrinkage chosen on held-out folds.

    A pair is confirmed if its correlation in folds that did not choose it exceeds the largest chance value of any pair, up to
    probability `BY_CHANCE`. Each is worth -log(1 - correlation^2) / 2 nats. The shrinkage whose pairs are worth most in the
    first fold is used.

    Args:
        x: (n, dim_x) normal scores, `y` (n, dim_y) likewise.
        sampling: How the samples were drawn, which decides the possible folds.
        rng: Random number generator for the folds.
        least: Minimum number of pairs to return, confirmed or not.
    """
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    (x, basis_x), (y, basis_y) = fewer_columns(x, rng), fewer_columns(y, rng)
    folds = sampling.parts(len(x), FOLDS, rng)
    if not folds or not (x.any() and y.any()):
        return Directions(np.zeros((len(basis_x), 0)), np.zeros((len(basis_y), 0)), np.zeros(0))
    of_folds = [products(x[rows], y[rows]) for rows in folds]
    of_all = sum_of(of_folds)
    sizes, n = list(map(len, folds)), sum(map(len, folds))
    units_of = 1.0 if sampling.units is None else min(1.0, sampling.units / n)

    def by_others(fold: int, shrinkages: Sequence[float]) -> Iterator[FloatArray]:
        """Sums (3, pairs) of squares and products along the directions that the other folds choose, for each shrinkage."""
        others = [(every - own) / (n - sizes[fold]) for every, own in zip(of_all, of_folds[fold], strict=True)]
        for of_x, of_y in canonical(others, shrinkages):
            ways = zip(of_folds[fold], (of_x, of_y, of_x), (of_x, of_y, of_y), strict=True)
            yield np.array([np.einsum("ij,ij->j", product @ right, left) for product, left, right in ways])

    # The first fold decides on the shrinkage, and all on the correlations.
    of_first = list(by_others(0, SHRINKAGES))
    worths = [worth(correlations(sums, sizes[0]), units_of * sizes[0]) for sums in of_first]
    best = int(np.argmax(worths)) if any(worths) else len(SHRINKAGES) - 1
    chosen = SHRINKAGES[best : best + 1]
    sums = of_first[best] + np.sum([next(by_others(fold, chosen)) for fold in range(1, len(folds))], axis=0)
    correlation = correlations(sums, n)
    confirmed = int(is_confirmed(correlation, units_of * n).sum())
    strongest = np.argsort(-correlation, kind="stable")[: max(least, confirmed)]
    of_x, of_y = next(canonical([every / n for every in of_all], chosen))
    scale_x, scale_y = np.sqrt(np.where(sums[:2] > 0, sums[:2] / n, 1.0))[:, strongest]
    return Directions(
        basis_x @ (of_x[:, strongest] / scale_x), basis_y @ (of_y[:, strongest] / scale_y), correlation[strongest]
    )


def correlations(sums: FloatArray, n: int) -> FloatArray:
    """Correlations (pairs,) from sums (3, pairs) over n samples of squares of x, of y, and of products. Negative correlations
    and directions without spread give 0.
    """
    variance_x, variance_y, covariance = sums / n
    spread = np.sqrt(np.abs(variance_x * variance_y))
    has_spread = np.minimum(variance_x, variance_y) > LEAST_VARIANCE
    correlation = np.divide(covariance, spread, out=np.zeros_like(spread), where=has_spread)
    positive: FloatArray = np.clip(correlation, 0.0, LARGEST_CORRELATION)
    return positive


def is_confirmed(correlation: FloatArray, independent: float) -> NDArray[np.bool_]:
    """Mask of the correlations that are clearly above 0 for this number of independent samples."""
    clearly: NDArray[np.bool_] = correlation > -ndtri(BY_CHANCE / len(correlation)) / np.sqrt(independent)
    return clearly


def worth(correlation: FloatArray, independent: float) -> float:
    """MI in nats of Gaussians with the confirmed correlations."""
    return float(-0.5 * np.log1p(-(correlation[is_confirmed(correlation, independent)] ** 2)).sum())


def products(x: Single, y: Single) -> list[FloatArray]:
    """Sums of squares of x (p, p), of y (q, q), and of products of both (p, q)."""
    return [(one.T @ other).astype(np.float64) for one, other in ((x, x), (y, y), (x, y))]


def sum_of(of_folds: list[list[FloatArray]]) -> list[FloatArray]:
    """Sums over folds."""
    return [np.sum(of_one, axis=0) for of_one in zip(*of_folds, strict=True)]


def canonical(covariances: list[FloatArray], shrinkages: Sequence[float]) -> Iterator[tuple[Single, Single]]:
    """Canonical directions of x (p, m) and of y (q, m) for each shrinkage, most correlated first, at most `MOST_PAIRS`.

    Covariances, of x (p, p), of y (q, q) and between them (p, q), are shrunk towards their mean variance times the identity.
    They are sums of products in single precision, so directions in single precision lose nothing.
    """
    of_x, of_y, between = (covariance.astype(np.float32) for covariance in covariances)
    (values_x, vectors_x), (values_y, vectors_y) = (eigh(covariance, driver="evd") for covariance in (of_x, of_y))
    common = vectors_x.T @ between @ vectors_y
    for shrinkage in shrinkages:
        white_x, white_y = (
            1 / np.sqrt((1 - shrinkage) * np.maximum(values, 0.0) + shrinkage * values.mean())
            for values in (values_x, values_y)
        )
        left, right = singular_vectors(white_x[:, np.newaxis] * common * white_y)
        yield vectors_x @ (white_x[:, np.newaxis] * left), vectors_y @ (white_y[:, np.newaxis] * right)


def singular_vectors(matrix: Single) -> tuple[Single, Single]:
    """Left (p, m) and right (q, m) singular vectors of a matrix (p, q) for its largest singular values, in descending order.

    They come from the smaller of the two squared matrices. This is several times faster than a singular value decomposition,
    and accurate enough for values that differ from chance.
    """
    p, q = matrix.shape
    if p > q:
        right, left = singular_vectors(matrix.T)
        return left, right
    _, vectors = eigh(matrix @ matrix.T, driver="evd")  # of all, which it finds sooner than others find some
    left = np.ascontiguousarray(vectors[:, ::-1][:, :MOST_PAIRS])
    right = matrix.T @ left
    lengths: Single = np.sqrt(np.einsum("ij,ij->j", right, right))
    lengths[lengths == 0] = 1
    return left, right / lengths


def fewer_columns(points: Single, rng: np.random.Generator) -> tuple[Single, FloatArray]:
    """Express points (n, dim) in an orthonormal basis (dim, few), and return both. The basis is the original one if there are
    few columns, else approximately the largest principal components, by subspace iteration (Halko, Martinsson & Tropp 2011,
    doi:10.1137/090771806).
    """
    dim = points.shape[1]
    if dim <= MOST_COLUMNS:
        return points, np.eye(dim)
    basis = rng.standard_normal((dim, min(MOST_COLUMNS, len(points))), dtype=np.float32)
    for _ in range(2):
        along, _ = np.linalg.qr(points @ basis)
        basis, _ = np.linalg.qr(points.T @ along)
    return points @ basis, basis.astype(np.float64)
