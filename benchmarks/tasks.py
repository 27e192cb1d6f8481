"""Samples to measure on. Each kind is a function (n, dim_x, dim_y, rng) -> x, y in float32, or a path to real activations."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

Pair = tuple[NDArray[np.float32], NDArray[np.float32]]

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
    """The same with half of all values zero."""
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


def gamma_exponential(n, dim_x, dim_y, rng, shape=3.0):
    x = rng.gamma(shape, size=(n, 1))
    return x, rng.exponential(1 / x)


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
    "gamma-exponential": gamma_exponential,
    "disjoint squares": disjoint_squares,
}

TRUTHS: dict[str, Callable[[int], float]] = {
    "gaussian": lambda dim: 0.0,
    "correlated": lambda dim: -0.5 * dim * np.log(1 - CORRELATION**2),
    "strongly correlated": lambda dim: -0.5 * dim * np.log(1 - 0.99**2),
    "gamma-exponential": lambda dim: float(digamma(3.0) - np.log(3.0) + 1 / 3.0),  # Darbellay & Vajda 2000
    "disjoint squares": lambda dim: float(np.log(3)),
}
