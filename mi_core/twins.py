"""Gaussian twins: Gaussian data of known mutual information that resemble the samples as closely as possible.

samples --unit_variance--> columns --canonical--> pairs of directions, and the nats that each carries
                                                      |
gaussian_twin  <-  random Gaussians with these pairs, raised to the MI that was estimated
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from mi_core._prepare import Prepared, centred
from mi_core.types import FloatArray, Samples


@dataclasses.dataclass(frozen=True)
class Canonical:
    """Canonical pairs of two sides.

    Attributes:
        root_x: (p, p) triangle R with R'R the slightly shrunk covariance of x; `root_y` (q, q) likewise.
        left: (p, m) directions of x in its white columns; `right` (m, q) those of y.
        nats: (m,) MI of each pair: -log(1 - rho^2) / 2, Kraskov et al. 2004, eq. (10).
    """

    root_x: FloatArray
    root_y: FloatArray
    left: FloatArray
    right: FloatArray
    nats: FloatArray


def canonical(x: FloatArray, y: FloatArray) -> Canonical:
    """Canonical pairs of centred columns.

    The covariance is shrunk towards its diagonal, only a little unless there are nearly as many columns as samples.
    """
    n = len(x)
    shrinkage = least_shrinkage(x.shape[1] + y.shape[1], n)
    root_x, root_y = (root_of_covariance(side, shrinkage) for side in (x, y))
    of_x = solved(root_x, (1 - shrinkage) / n * (x.T @ y))
    left, correlation, right = np.linalg.svd(solved(root_y, of_x.T).T, full_matrices=False)
    nats = -0.5 * np.log1p(-(np.minimum(correlation, 1 - 1e-12) ** 2))
    return Canonical(root_x, root_y, left, right, nats)


def gaussian_twin(samples: Prepared, nats: float, intrinsic_dim: float, rng: np.random.Generator) -> tuple[Prepared, float]:
    """Gaussian samples of the same size, with the same covariance up to one factor, and their (conditional) MI in nats.

    If the covariance explains less MI than the estimated `nats`, because dependence is not linear, the strongest canonical
    pairs, as many as half the intrinsic dimension, are raised evenly. So the twin always has at least the MI that it has to
    vouch for. With z, x and y are the sum of a linear function of the twin of z and a remainder made in this way.

    They are rounded to single precision, and depend only on the correlations and planes of the pairs, not on the signs and
    rotations of their directions, which may differ between machines.
    """
    n = len(samples.x)
    (x, of_x), (y, of_y) = unit_variance(samples.x), unit_variance(samples.y)
    if samples.z is None:
        twin_z, of_z, from_z_x, from_z_y = None, np.zeros(0), np.zeros(1), np.zeros(1)
    else:
        z, of_z = unit_variance(samples.z)
        shrinkage = least_shrinkage(z.shape[1], n)
        root = root_of_covariance(z, shrinkage)
        white = np.sqrt((1 - shrinkage) / n) * solved(root, z.T).T
        drawn = standard_normal(z, rng)
        twin_z = drawn @ root
        from_z_x, from_z_y = (drawn @ (white.T @ side / np.sqrt(n)) for side in (x, y))
        x, y = (side - white @ (white.T @ side) for side in (x, y))
    pairs = canonical(x, y)
    carried = pairs.nats.copy()
    missing = nats - carried.sum()
    if missing > 0:
        raised = int(np.clip(round(intrinsic_dim / 2), 1, len(carried)))
        carried[:raised] += missing / raised
    correlation = np.sqrt(-np.expm1(-2 * carried))
    full_x, own = (standard_normal(side, rng) for side in (x, y))
    # y follows from x through left rho right, and the rest of its variance, 1 - rho^2 along each of right, is its own.
    through = pairs.left * correlation @ pairs.right
    rest = np.eye(len(pairs.root_y)) + pairs.right.T * (np.exp(-carried) - 1) @ pairs.right
    twin_x = from_z_x + full_x @ pairs.root_x
    twin_y = from_z_y + full_x @ (through @ pairs.root_y) + own @ (rest @ pairs.root_y)
    largest = max(float(deviations.max()) for deviations in (of_x, of_y, of_z) if len(deviations))
    for side, deviations in ((twin_x, of_x), (twin_y, of_y), (twin_z, of_z)):  # scaled like the samples, up to one factor
        if side is not None:
            side *= deviations / largest
    in_single = Prepared(twin_x, twin_y, twin_z).sides_by(lambda side: side.astype(np.float32))
    return in_single, float(carried.sum())


def standard_normal(like: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Standard Gaussians of a shape, drawn in single precision, which is faster."""
    return rng.standard_normal(like.shape, np.float32).astype(np.float64)


def unit_variance(points: Samples) -> tuple[FloatArray, FloatArray]:
    """Centred columns with variance 1, in float64, without constant ones, and the standard deviations that they had."""
    varies = (points != points[0]).any(axis=0)
    columns, largest = centred(points if varies.all() else points[:, varies])
    deviations = np.sqrt(np.einsum("ij,ij->j", columns, columns) / len(columns))
    columns /= deviations
    return columns, deviations * largest


def least_shrinkage(dim: int, n_samples: int) -> float:
    """Shrinkage of a covariance towards its diagonal: much only if there are nearly as many columns as samples."""
    return min(1.0, (dim / n_samples) ** 2 + 1e-9)


def root_of_covariance(points: FloatArray, shrinkage: float) -> FloatArray:
    """Triangle R (p, p) with positive diagonal such that R'R is the shrunken covariance of centred columns (n, p)."""
    covariance = (1 - shrinkage) / len(points) * (points.T @ points)
    covariance[np.diag_indices_from(covariance)] += shrinkage
    root: FloatArray = cholesky(covariance, check_finite=False)
    return root


def solved(root: FloatArray, columns: FloatArray) -> FloatArray:
    """White columns (p, m): the inverse of R' times columns (p, m)."""
    white: FloatArray = solve_triangular(root, columns, trans="T", check_finite=False)
    return white
