"""The tables of docs/wide-layers.md: what KSG reads in wide layers, for Gaussian data whose MI is known.

Run it with `mi bench wide-layers`; it takes a minute.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.tasks import KINDS
from mi_core import MIResult, mutual_information
from mi_core.types import Samples

N = 2_000
SHUFFLES = 20
LATENT = 3


def main() -> None:
    """Measure and print all tables."""
    for heading, rows in (
        ("| columns a side | all columns | three directions | shuffled |", same_mi_in_wider_layers()),
        ("| truth | 10 + 10 | 50 + 50 | 200 + 200 |", more_mi_in_the_same_layers()),
        ("| samples | k=3 | k=10 | ceiling, k=3 |", more_samples()),
        ("| layers | truth | as they are | --pca 3 | --random-projections 3 |", fewer_columns()),
        ("| values | ties | ksg1 | with --noise 1e-6 | mixture | ranks |", squashed()),
    ):
        print(heading, "---".join("|" * heading.count("|")), sep="\n")
        for row in rows:
            print("|", " | ".join(row), "|", flush=True)
        print()


def same_mi_in_wider_layers() -> Iterator[tuple[str, ...]]:
    """Three bits, spread over all columns, or in three directions that all columns mix."""
    for width in (3, 10, 50, 200, 800):
        spread, mixed = gaussians(width, bits=3), [embedded(side, width) for side in gaussians(LATENT, bits=3)]
        result = mutual_information(*spread, permutations=SHUFFLES)
        assert result.null is not None  # noqa: S101  for the type checker: it was asked for
        yield f"{width}", shown(result), read(*mixed), f"{result.null.mean:.2f} +- {result.null.std:.2f}"


def more_mi_in_the_same_layers() -> Iterator[tuple[str, ...]]:
    for bits in (0, 2, 5, 10, 20, 50, 100):
        yield f"{bits}", *(read(*gaussians(width, bits)) for width in (10, 50, 200))


def more_samples() -> Iterator[tuple[str, ...]]:
    """Ten bits, spread over fifty columns a side."""
    for n in (500, 1_000, 2_000, 4_000, 8_000):
        of_3, of_10 = mutual_information(*gaussians(50, bits=10, n=n), k=[3, 10])
        yield f"{n:,}", shown(of_3), shown(of_10), f"{of_3.ceiling:.2f}"


def fewer_columns() -> Iterator[tuple[str, ...]]:
    """Three directions shared, in 200 columns that have noise of their own; and where the largest variance is not shared."""
    width, rng = 200, np.random.default_rng(1)
    latent = gaussians(LATENT, bits=3)
    gain = math.sqrt(width / LATENT)  # so that a column has as much signal as noise
    noisy = [gain * embedded(side, width) + rng.standard_normal((N, width)) for side in latent]
    rho = correlation(3 / LATENT) / (1 + 1 / gain**2)
    yield "noise in every column", f"{LATENT * bits_of(rho):.2f}", *with_fewer(*noisy)
    hidden = [embedded(np.hstack([side, 10 * rng.standard_normal((N, LATENT))]), width) for side in latent]
    yield "largest variance not shared", "3.00", *with_fewer(*hidden)


def squashed() -> Iterator[tuple[str, ...]]:
    """Three bits over five columns a side; tanh is one-to-one, so the truth stays until values coincide."""
    x, y = gaussians(5, bits=3)
    for name, f in (
        ("as they are", lambda side: side),
        ("tanh(x)", np.tanh),
        ("tanh(3 x)", lambda side: np.tanh(3 * side)),
        ("tanh(10 x)", lambda side: np.tanh(10 * side)),
        ("max(x, 0)", lambda side: np.maximum(side, 0)),
    ):
        one, other = (f(side).astype(np.float32) for side in (x, y))
        result = mutual_information(one, other, diagnose=True)
        signs = result.reliability
        assert signs is not None  # noqa: S101  for the type checker: it was asked for
        noisy, mixture = read(one, other, noise=1e-6), read(one, other, estimator="mixture")
        yield name, f"{signs.repeated_values:.0%}", shown(result), noisy, mixture, f"{signs.ranked_mi:.2f}"


def gaussians(dim: int, bits: float, n: int = N) -> tuple[Samples, Samples]:
    """Column i of x correlated with column i of y, all pairs equally, with so many bits in all."""
    return KINDS["correlated"](n, dim, dim, np.random.default_rng(0), rho=correlation(bits / dim))


def embedded(side: Samples, width: int) -> Samples:
    """Samples along random orthonormal directions of a space of so many columns, which leaves MI as it is."""
    directions, _ = np.linalg.qr(np.random.default_rng(2).standard_normal((width, side.shape[1])))
    mixed: Samples = side @ directions.T
    return mixed


def correlation(bits: float) -> float:
    return math.sqrt(1 - 2 ** (-2 * bits))


def bits_of(rho: float) -> float:
    return -0.5 * math.log2(1 - rho**2)


def with_fewer(x: Samples, y: Samples) -> tuple[str, ...]:
    ways = [mutual_information(x, y, reduce=f"{method}:{LATENT}") for method in ("pca", "random")]
    return shown(ways[0]), *(shown(way.reduced) for way in ways if way.reduced)


def read(x: Any, y: Any, **options: Any) -> str:
    return shown(mutual_information(x, y, **options))


def shown(result: MIResult) -> str:
    return f"{result.mi:.2f} +- {result.stderr:.2f}"
