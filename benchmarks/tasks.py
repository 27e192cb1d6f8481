"""Samples to measure on, and their MI where it is known.

KINDS      of fixed parameters, for speed and accuracy: (n, dim_x, dim_y, rng) -> x, y in float32; TRUTHS has their MI
families   of random parameters, for error bars and verdicts: (n, rng) -> x, y, MI in nats
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

Pair = tuple[NDArray[np.float32], NDArray[np.float32]]
Array = NDArray[np.float64]
Draw = tuple[Array, Array, float]
"""Samples of both sides, and their MI in nats."""

CORRELATION = 0.7  # of each pair of columns in "correlated"


@dataclasses.dataclass(frozen=True)
class Task:
    """A kind of data at one size. `path` is used by kind "real" alone: PATH_first.npy and PATH_last.npy."""

    kind: str
    n: int
    dim_x: int
    dim_y: int
    path: str = ""

    @property
    def name(self) -> str:
        """As tables show it."""
        label = Path(self.path).name if self.path else self.kind
        return f"{label} {self.dim_x}+{self.dim_y}, N={self.n:,}"

    def samples(self, seed: int) -> Pair:
        """Both sides, float32; the same seed gives the same."""
        if self.kind == "real":
            x, y = (np.load(f"{self.path}_{layer}.npy", allow_pickle=False)[: self.n] for layer in ("first", "last"))
            return x, y
        x, y = KINDS[self.kind](self.n, self.dim_x, self.dim_y, np.random.default_rng(seed))
        return np.ascontiguousarray(x, dtype=np.float32), np.ascontiguousarray(y, dtype=np.float32)

    @property
    def truth(self) -> float | None:
        """Mutual information in nats, where it is known in closed form."""
        return TRUTHS[self.kind](self.dim_x) if self.kind in TRUTHS else None


def gaussian(n, dim_x, dim_y, rng):
    """Independent standard Gaussians: no structure for any search to use."""
    return rng.standard_normal((n, dim_x), dtype=np.float32), rng.standard_normal((n, dim_y), dtype=np.float32)


def correlated(n, dim_x, dim_y, rng, rho=CORRELATION):
    """Gaussians, column i of x correlated with column i of y."""
    x = rng.standard_normal((n, dim_x))
    return x, rho * x[:, :dim_y] + np.sqrt(1 - rho**2) * rng.standard_normal((n, dim_y))


def strongly_correlated(n, dim_x, dim_y, rng):
    return correlated(n, dim_x, dim_y, rng, rho=0.99)


def activations(n, dim_x, dim_y, rng, latent=15, classes=10):
    """Two successive layers of a random tanh network over images that have few latent dimensions and ten classes.

    50+50, 200+200 and 784+200 are the last two layers, the first two, and image and first layer of one
    784-200-200-50-50 network. Other sizes are the first two layers of a network of just these.
    """
    quoted = {(784, 200): 0, (200, 200): 1, (50, 50): 3}
    widths = (200, 200, 50, 50) if (dim_x, dim_y) in quoted else (dim_x, dim_y)
    centres = 1.2 * rng.standard_normal((classes, latent))
    z = centres[rng.integers(0, classes, n)] + 0.7 * rng.standard_normal((n, latent))
    to_hidden = rng.standard_normal((latent, 128)) / np.sqrt(latent)
    to_image = rng.standard_normal((128, 784)) / np.sqrt(128)
    image = np.clip(np.tanh(1.5 * z @ to_hidden) @ to_image * 1.2 + 0.6 * rng.standard_normal(784) - 0.3, 0, 1)
    layers, values = [image], image - image.mean(axis=0)
    for width in widths:
        gain = 2.25 if len(layers) == 1 else 1.5
        weights = gain * rng.standard_normal((values.shape[1], width)) / np.sqrt(values.shape[1])
        values = np.tanh(values @ weights + 0.1 * rng.standard_normal(width))
        layers.append(values)
    first = quoted.get((dim_x, dim_y), 1)
    return layers[first], layers[first + 1]


def relu(n, dim_x, dim_y, rng):
    """Activations with half of all values zero."""
    return tuple(np.maximum(side, 0) for side in activations(n, dim_x, dim_y, rng))


def one_outlier(n, dim_x, dim_y, rng):
    """Gaussians, one of which lies at 1e30."""
    x, y = gaussian(n, dim_x, dim_y, rng)
    x[0] = 1e30
    return x, y


def constant_columns(n, dim_x, dim_y, rng):
    """Gaussians, half of whose columns are constant."""
    x, y = gaussian(n, dim_x, dim_y, rng)
    x[:, ::2] = 7
    return x, y


def few_places(n, dim_x, dim_y, rng):
    """All points in five places, so that nearly all distances are 0 or tie."""
    return tuple(rng.standard_normal((5, dim))[rng.integers(0, 5, n)] for dim in (dim_x, dim_y))


def denormals(n, dim_x, dim_y, rng):
    """Gaussians of scale 1e-41, below the smallest normal float32."""
    return tuple(side.astype(np.float64) * 1e-41 for side in gaussian(n, dim_x, dim_y, rng))


def gamma_exponential_of(shape: float, n: int, rng: np.random.Generator) -> Draw:
    """Gamma variable and an exponential one whose rate it is: psi(s) - log s + 1/s nats (Darbellay & Vajda 2000)."""
    x = rng.gamma(shape, size=(n, 1))
    return x, rng.exponential(1 / x), float(digamma(shape) - np.log(shape) + 1 / shape)


def gamma_exponential_3(n, dim_x, dim_y, rng):
    return gamma_exponential_of(3.0, n, rng)[:2]


def disjoint_squares(n, dim_x, dim_y, rng):
    """Uniform on three squares along the diagonal."""
    piece = 2 * rng.integers(0, 3, (n, 1))
    return piece + rng.random((n, 1)), piece + rng.random((n, 1))


KINDS: dict[str, Callable[..., Pair]] = {
    "gaussian": gaussian,
    "correlated": correlated,
    "strongly correlated": strongly_correlated,
    "activations": activations,
    "relu": relu,
    "one outlier": one_outlier,
    "constant columns": constant_columns,
    "few places": few_places,
    "denormals": denormals,
    "gamma-exponential": gamma_exponential_3,
    "disjoint squares": disjoint_squares,
}

TRUTHS: dict[str, Callable[[int], float]] = {
    "gaussian": lambda dim: 0.0,
    "correlated": lambda dim: -0.5 * dim * np.log(1 - CORRELATION**2),
    "strongly correlated": lambda dim: -0.5 * dim * np.log(1 - 0.99**2),
    "gamma-exponential": lambda dim: gamma_exponential_of(3.0, 1, np.random.default_rng(0))[2],
    "disjoint squares": lambda dim: float(np.log(3)),
}


# ------------------------------------------------------------------ families: n, rng -> x, y, MI in nats


def gaussian_pairs(n: int, dim: int, pairs: int, rho: float, rng: np.random.Generator) -> Draw:
    """Dim + dim Gaussians of which `pairs` columns are correlated."""
    x, y = rng.standard_normal((2, n, dim))
    y[:, :pairs] = rho * x[:, :pairs] + np.sqrt(1 - rho**2) * y[:, :pairs]
    return x, y, -0.5 * pairs * np.log1p(-(rho**2))


def dense(n: int, rng: np.random.Generator) -> Draw:
    dim = int(rng.choice([1, 1, 2, 3, 4, 5, 8, 12, 20]))
    return gaussian_pairs(n, dim, dim, some_rho(rng), rng)


def sparse(n: int, rng: np.random.Generator) -> Draw:
    dim = int(rng.choice([2, 3, 5, 10, 25]))
    return gaussian_pairs(n, dim, int(rng.integers(1, 3)), some_rho(rng), rng)


def wide(n: int, rng: np.random.Generator) -> Draw:
    return gaussian_pairs(n, 50, int(rng.choice([1, 10, 50])), some_rho(rng), rng)


def embedded(n: int, rng: np.random.Generator) -> Draw:
    """A few correlated latents, each side spread over 40 columns by a linear map without noise, which keeps the MI."""
    dim = int(rng.choice([1, 2, 3, 5]))
    x, y, truth = gaussian_pairs(n, dim, dim, some_rho(rng), rng)
    return x @ rng.standard_normal((dim, 40)), y @ rng.standard_normal((dim, 40)), truth


def half_cube(n: int, rng: np.random.Generator) -> Draw:
    """Each value to the power 3/2, its sign kept: heavier tails, the same MI (Czyz et al. 2023)."""
    x, y, truth = narrow(n, rng)
    return np.sign(x) * np.abs(x) ** 1.5, np.sign(y) * np.abs(y) ** 1.5, truth


def asinh(n: int, rng: np.random.Generator) -> Draw:
    x, y, truth = narrow(n, rng)
    return np.arcsinh(3 * x), np.arcsinh(3 * y), truth


def uniform_noise(n: int, rng: np.random.Generator) -> Draw:
    """Y = x + noise, both uniform: width - log(2 width) nats for noise in +-width, width at most 1/2 (Czyz et al. 2023)."""
    width = rng.uniform(0.01, 0.5)
    x = rng.random((n, 1))
    return x, x + rng.uniform(-width, width, (n, 1)), width - np.log(2 * width)


def student(n: int, rng: np.random.Generator) -> Draw:
    """Multivariate Student-t (Arellano-Valle et al. 2013): shared tails carry information beside the correlations."""
    dim, freedom = int(rng.choice([1, 2, 3, 5])), int(rng.choice([2, 3, 5, 10]))
    x, y, truth = gaussian_pairs(n, dim, dim, some_rho(rng), rng)
    tails = np.sqrt(freedom / rng.chisquare(freedom, (n, 1)))
    return x * tails, y * tails, student_mi(truth, dim, freedom)


def student_mi(gaussian_mi: float, dim: int, freedom: int) -> float:
    """MI of dim + dim columns of a Student-t distribution whose Gaussian of the same shape has `gaussian_mi`."""

    def term(size: float) -> float:
        return float(gammaln(size / 2) - size / 2 * digamma(size / 2))

    return gaussian_mi + term(freedom) + term(freedom + 2 * dim) - 2 * term(freedom + dim)


def swiss_roll(n: int, rng: np.random.Generator) -> Draw:
    """A bivariate Gaussian, x made uniform and rolled up in two dimensions, which keeps the MI (Czyz et al. 2023)."""
    from scipy.stats import norm

    x, y, truth = gaussian_pairs(n, 1, 1, some_rho(rng), rng)
    angle = 1.5 * np.pi * (1 + 2 * norm.cdf(x))
    return np.hstack([angle * np.cos(angle), angle * np.sin(angle)]) / 21, y, truth


def spiral(n: int, rng: np.random.Generator) -> Draw:
    """Gaussians of 3+3 dimensions, each turned in its first plane by an angle that grows with its length."""
    x, y, truth = gaussian_pairs(n, 3, int(rng.integers(1, 4)), some_rho(rng), rng)
    return turned(x), turned(y), truth


def turned(points: Array, speed: float = 1.0) -> Array:
    angle = speed * np.linalg.norm(points, axis=1)
    cosine, sine = np.cos(angle), np.sin(angle)
    a, b = points[:, 0], points[:, 1]
    return np.column_stack([cosine * a - sine * b, sine * a + cosine * b, points[:, 2:]])


def gamma_exponential(n: int, rng: np.random.Generator) -> Draw:
    return gamma_exponential_of(rng.uniform(0.5, 4), n, rng)


def two_scales(n: int, rng: np.random.Generator) -> Draw:
    x, y, truth = narrow(n, rng)
    return x, y * 10 ** rng.uniform(0, 4), truth


def log_normal(n: int, rng: np.random.Generator) -> Draw:
    x, y, truth = narrow(n, rng)
    return np.exp(1.5 * x), np.exp(y), truth


def sheared(n: int, rng: np.random.Generator) -> Draw:
    """Gaussians of 2+2 dimensions, the second column of each side moved by a wave of the first."""
    x, y, truth = gaussian_pairs(n, 2, int(rng.integers(1, 3)), some_rho(rng), rng)
    for side in (x, y):
        side[:, 1] += np.sin(3 * side[:, 0])
    return x, y, truth


def narrow(n: int, rng: np.random.Generator) -> Draw:
    dim = int(rng.choice([1, 2, 3, 5]))
    return gaussian_pairs(n, dim, dim, some_rho(rng), rng)


def some_rho(rng: np.random.Generator) -> float:
    """From no correlation to 0.9999, spread evenly in the MI of a pair, up to 6 bits, and often weak."""
    bits = rng.choice([0.0, rng.uniform(0, 0.5), rng.uniform(0, 2), rng.uniform(0, 6)])
    return float(np.sqrt(-np.expm1(-2 * bits * np.log(2))))


Family = Callable[[int, np.random.Generator], Draw]
FIRST: tuple[Family, ...] = (dense, sparse, wide, embedded, half_cube, asinh, uniform_noise)
SECOND: tuple[Family, ...] = (*FIRST, student, swiss_roll, spiral, gamma_exponential, two_scales)
HELD_OUT: tuple[Family, ...] = (*SECOND, log_normal, sheared)
SIZES = (300, 1000, 3000)
