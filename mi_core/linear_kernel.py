"""Inner products of samples with one another, summed over all pairs of samples without the (n, n) matrix.

    few columns     sum_ij <x_i, x_j> <y_i, y_j> = |X^T Y|^2    tiles of the covariances
    many columns    the left side itself                        tiles of the two Gram matrices

Both give the same number, the inner product of two linear kernels, from which centred kernel alignment is computed.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from mi_core.backends.cpu.workers import Workers
from mi_core.threads import one_blas_thread
from mi_core.types import FloatArray, IntArray, Samples

TILE_COLUMNS = 128  # of a covariance; 2 x 200 columns make enough tiles for two threads
TILE_ROWS = 512  # of a Gram matrix
FEW = 64  # samples whose Gram matrices cost nothing
UNDEFINED_OF_FEW = 1e-12  # share of all inner products that is left of them without means, below which it is rounding
UNDEFINED = 1e-9  # share of the inner product of a kernel with itself that is left of it unbiased, below which it is rounding


@dataclasses.dataclass(frozen=True)
class Kernel:
    """Linear kernel of one side, from centred samples.

    Attributes:
        columns: (n_samples, dim) samples minus their mean, all divided by one number so that no square overflows.
    """

    columns: FloatArray

    @functools.cached_property
    def squares(self) -> FloatArray:
        """Diagonal (n_samples,): squared distance of each sample from the mean."""
        squares: FloatArray = np.einsum("ij,ij->i", self.columns, self.columns)
        return squares

    @functools.cached_property
    def total(self) -> float:
        """Trace: the sum of the diagonal."""
        return float(self.squares.sum())

    @functools.cached_property
    def without_means(self) -> FloatArray:
        """Inner products (n_samples, n_samples) without the diagonal and without the means of rows and columns.

        They do not depend on the origin: Szekely & Rizzo 2014, doi:10.1214/14-AOS1255, definition 2.
        """
        gram, n = self.off_diagonal.copy(), len(self.columns)
        sums = gram.sum(axis=0) / (n - 2)
        gram += sums.sum() / (n - 1) - sums - sums[:, np.newaxis]
        np.fill_diagonal(gram, 0.0)
        return gram

    @functools.cached_property
    def off_diagonal(self) -> FloatArray:
        """Inner products (n_samples, n_samples) around the median, which an outlier hardly moves; 0 on the diagonal."""
        columns = self.columns - np.median(self.columns, axis=0)
        with one_blas_thread():
            gram: FloatArray = columns @ columns.T
        np.fill_diagonal(gram, 0.0)
        return gram

    def take(self, rows: IntArray) -> Kernel:
        """Return the kernel of the same samples reordered by rows (n_samples,)."""
        return Kernel(self.columns[rows])


def kernel(points: Samples) -> Kernel:
    """Linear kernel of samples (n_samples, dim).

    The first sample is subtracted before the mean, so that even a large offset costs no digits.
    """
    columns = points - points[0].astype(np.float64)
    largest = max(float(columns.max()), -float(columns.min()))
    if largest > 0:
        columns /= largest
    columns -= columns.mean(axis=0)
    return Kernel(columns)


def inner_product(x: Kernel, y: Kernel, threads: int) -> float:
    """Sum over all pairs (i, j) of samples of <x_i, x_j> <y_i, y_j>, by the method with fewer multiplications."""
    n, dim_x = x.columns.shape
    dim_y = y.columns.shape[1]
    by_columns = 2 * dim_x * dim_y <= n * (dim_x + dim_y)
    return of_covariances(x, y, threads) if by_columns else of_gram_matrices(x, y, threads)


def of_covariances(x: Kernel, y: Kernel, threads: int) -> float:
    """Inner product as the sum of squares of X^T Y."""
    left, right = (range(0, side.columns.shape[1], TILE_COLUMNS) for side in (x, y))
    tiles = [(a, b) for a, b in itertools.product(left, right) if x is not y or a <= b]

    def of_tile(a: int, b: int) -> float:
        covariance = x.columns[:, a : a + TILE_COLUMNS].T @ y.columns[:, b : b + TILE_COLUMNS]
        return float(np.vdot(covariance, covariance)) * (2 if x is y and a != b else 1)

    return summed(of_tile, tiles, threads)


def of_gram_matrices(x: Kernel, y: Kernel, threads: int) -> float:
    """Inner product as the sum of products of the entries of X X^T and Y Y^T, which are symmetric."""
    starts = range(0, len(x.columns), TILE_ROWS)
    tiles = [(a, b) for a in starts for b in starts if a <= b]

    def entries(side: Kernel, a: int, b: int) -> FloatArray:
        return side.columns[a : a + TILE_ROWS] @ side.columns[b : b + TILE_ROWS].T

    def of_tile(a: int, b: int) -> float:
        of_x = entries(x, a, b)
        of_y = of_x if x is y else entries(y, a, b)
        return float(np.vdot(of_x, of_y)) * (2 if a != b else 1)

    return summed(of_tile, tiles, threads)


def summed(of_tile: Callable[[int, int], float], tiles: Sequence[tuple[int, int]], threads: int) -> float:
    """Sum over tiles, independent of the number of threads."""
    sums = np.empty(len(tiles))

    def work(first: int, last: int) -> None:
        for place in range(first, last):
            sums[place] = of_tile(*tiles[place])

    with one_blas_thread(), Workers(threads) as workers:  # the workers are the threads
        workers.for_each_tile(work, len(tiles), 1)
    return math.fsum(sums)


def unbiased(x: Kernel, y: Kernel, product: float) -> float:
    """N (n - 3) times the unbiased estimate of the Hilbert-Schmidt independence criterion, from the `inner_product`.

    Song, Smola, Gretton, Bedo & Borgwardt, J. Mach. Learn. Res. 13, 1393 (2012), eq. (5), for centred samples. It does not use
    the diagonals of the kernels, the inner product of each sample with itself.
    """
    n = len(x.columns)
    on_diagonal = n / (n - 2) * float(x.squares @ y.squares)
    return product - on_diagonal + x.total * y.total / ((n - 1) * (n - 2))


def unbiased_product(x: Kernel, y: Kernel, threads: int) -> float:
    """Compute `unbiased`, for few samples as a sum of products, which keeps more digits beside an outlier than a difference."""
    if len(x.columns) <= FEW:
        return float(np.vdot(x.without_means, y.without_means))
    return unbiased(x, y, inner_product(x, y, threads))


def spread(x: Kernel, threads: int) -> float:
    """Compute `unbiased` of a kernel with itself; 0 if all samples are identical or equally far from one another."""
    if len(x.columns) <= FEW:
        found = unbiased_product(x, x, threads)
        return found if found > (UNDEFINED_OF_FEW * np.linalg.norm(x.off_diagonal)) ** 2 else 0.0
    product = inner_product(x, x, threads)
    found = unbiased(x, x, product)
    return found if found > UNDEFINED * product else 0.0
