"""Gaussian twins: Gaussian data of known mutual information that resemble the samples as closely as possible.

samples --unit_variance--> columns --canonical--> pairs of directions, and the nats that each carries
                                                      |
gaussian_twin  <-  random Gaussians with these pairs, raised to the MI that was estimated
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from mi_core._prepare import Prepared, centred, standard_deviations
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
    shrinkage = min(1.0, ((x.shape[1] + y.shape[1]) / n) ** 2 + 1e-9)
    (white_x, root_x), (white_y, root_y) = (whitened(side, shrinkage) for side in (x, y))
    left, correlation, right = np.linalg.svd(white_x.T @ white_y, full_matrices=False)
    nats = -0.5 * np.log1p(-(np.minimum(correlation, 1 - 1e-12) ** 2))
    return Canonical(root_x, root_y, left, right, nats)


def gaussian_twin(samples: Prepared, nats: float, intrinsic_dim: float, rng: np.random.Generator) -> tuple[Prepared, float]:
    """Gaussian samples of the same size, with the same covariance up to one factor, and their (conditional) MI in nats.

    If the covariance explains less MI than the estimated `nats`, because dependence is not linear, the strongest canonical
    pairs, as many as half the intrinsic dimension, are raised evenly. So the twin always has at least the MI that it has to
    vouch for. With z, x and y are the sum of a linear function of the twin of z and a remainder made in this way.

    The samples depend only on the correlations and planes of the pairs, not on the signs and rotations of their directions,
    which may differ between machines.
    """
    n = len(samples.x)
    x, y = unit_variance(samples.x), unit_variance(samples.y)
    if samples.z is None:
        twin_z, (from_z_x, from_z_y) = None, (0.0, 0.0)
    else:
        z = unit_variance(samples.z)
        white, root = whitened(z, min(1.0, (z.shape[1] / n) ** 2 + 1e-9))
        drawn = rng.standard_normal(z.shape)
        twin_z = drawn @ root
        from_z_x, from_z_y = (drawn @ (white.T @ side) / np.sqrt(n) for side in (x, y))
        x, y = (side - white @ (white.T @ side) for side in (x, y))
    pairs = canonical(x, y)
    carried = pairs.nats.copy()
    missing = nats - carried.sum()
    if missing > 0:
        raised = int(np.clip(round(intrinsic_dim / 2), 1, len(carried)))
        carried[:raised] += missing / raised
    correlation = np.sqrt(-np.expm1(-2 * carried))
    full_x, own = rng.standard_normal(x.shape), rng.standard_normal(y.shape)
    # y follows from x through left rho right, and the rest of its variance, 1 - rho^2 along each of right, is its own.
    full_y = own + (full_x @ pairs.left * correlation + own @ pairs.right.T * (np.exp(-carried) - 1)) @ pairs.right
    twin = Prepared(from_z_x + full_x @ pairs.root_x, from_z_y + full_y @ pairs.root_y, twin_z)
    return scaled_as(samples, twin), float(carried.sum())


def scaled_as(samples: Prepared, twin: Prepared) -> Prepared:
    """Scale the columns of the twin like the samples' columns, up to one factor for all sides."""
    scales = [standard_deviations(side)[varying(side)] for side in samples.sides().values()]
    largest = max(float(of_side.max()) for of_side in scales)
    x, y, *others = (side * (of_side / largest) for side, of_side in zip(twin.sides().values(), scales, strict=True))
    return Prepared(x, y, others[0] if others else None)


def unit_variance(points: Samples) -> FloatArray:
    """Centred columns with variance 1, in float64, without constant ones."""
    columns, _ = centred(points[:, varying(points)])
    white: FloatArray = columns / columns.std(axis=0)
    return white


def varying(points: Samples) -> NDArray[np.bool_]:
    """Mask of the columns that are not constant."""
    some: NDArray[np.bool_] = (points != points[0]).any(axis=0)
    return some


def whitened(points: FloatArray, shrinkage: float) -> tuple[FloatArray, FloatArray]:
    """White rows (n, p), and a triangle R (p, p) with positive diagonal such that R'R is the shrunken covariance.

    Their product is points * sqrt((1 - shrinkage) / n). The QR decomposition includes rows that represent the shrinkage; a
    Cholesky decomposition of the covariance would square the condition number.
    """
    n, p = points.shape
    white, root = np.linalg.qr(np.vstack([np.sqrt((1 - shrinkage) / n) * points, np.sqrt(shrinkage) * np.eye(p)]))
    signs = np.copysign(1.0, np.diag(root))
    return white[:n] * signs, root * signs[:, np.newaxis]
