"""Tables of docs/wide-layers.md: estimates by KSG in wide layers, for Gaussian data whose MI is known.

Run it with `mi bench wide-layers`; it takes a minute.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
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
        ("| layers | samples | truth | ksg1 | at least | --cca 8 | verdict |", at_least()),
        (
            "| independent sides | draws | largest bound | bounds above two errors | --cca 4: mean | beyond two errors |",
            nothing(),
        ),
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


def at_least() -> Iterator[tuple[str, ...]]:
    """Lower bound and shared directions where the truth is known, of several kinds."""
    rng = np.random.default_rng(4)
    for name, n, bits, (x, y) in (
        ("3 shared of 50 columns", N, 3, among(3, 50, 3, N, rng)),
        ("3 shared of 200 columns", N, 3, among(3, 200, 3, N, rng)),
        ("3 shared of 200 columns", 4 * N, 3, among(3, 200, 3, 4 * N, rng)),
        ("spread over 10 columns", N, 3, gaussians(10, 3)),
        ("spread over 50 columns", N, 3, gaussians(50, 3)),
        ("spread over 50 columns", 4 * N, 3, gaussians(50, 3, 4 * N)),
        ("3 of 40, bent by sinh and exp", N, 3, bent(*among(3, 40, 3, N, rng))),
        ("largest variance not shared, 200", N, 3, hidden(3, 3, 200, 10.0, 0.0, N, rng)),
        ("5 large directions not shared, 120", N, 3, hidden(3, 5, 120, 10.0, 1.0, N, rng)),
        ("10 bits in 20 of 200 columns", N, 10, among(20, 200, 10, N, rng)),
        ("independent, 200 columns", N, 0, among(1, 200, 0, N, rng)),
    ):
        result = mutual_information(x, y, diagnose=True, reduce="cca:8")
        bound, few, verdict = result.lower_bound, result.reduced, result.reliability
        assert bound is not None and few is not None and verdict is not None  # noqa: S101, PT018  for the type checker
        yield name, f"{n:,}", f"{bits}", shown(result), f"{bound.mi:.2f} +- {bound.stderr:.2f}", shown(few), verdict.verdict


def nothing(draws: int = 40) -> Iterator[tuple[str, ...]]:
    """What bound and shared directions claim where nothing is shared: 300 to 3,000 samples of 4 to 200 columns."""
    for name, side in INDEPENDENT.items():
        bounds, errors, few = [], [], []
        for draw in range(draws):
            rng = np.random.default_rng([11, draw])
            n = int(rng.choice([300, 1_000, 3_000]))
            x, y = (side(n, int(rng.choice([4, 20, 60, 200])), rng) for _ in range(2))
            result = mutual_information(x, y, lower_bound=True, reduce="cca:4", seed=draw)
            assert result.lower_bound is not None and result.reduced is not None  # noqa: S101, PT018  for the type checker
            bounds.append(result.lower_bound.mi)
            errors.append(result.lower_bound.stderr)
            few.append(result.reduced.mi / result.reduced.stderr if result.reduced.stderr else 0.0)
        above, beyond = np.greater(bounds, 2 * np.array(errors)).sum(), np.greater(np.abs(few), 2).sum()
        yield name, f"{draws}", f"{max(bounds):.3f}", f"{above}", f"{np.mean(few):+.2f} errors", f"{beyond}"


def few_directions(n: int, dim: int, rng: np.random.Generator) -> Samples:
    """Three latent variables in all columns, with a little noise."""
    return rng.standard_normal((n, 3)) @ rng.standard_normal((3, dim)) + 0.1 * rng.standard_normal((n, dim))


INDEPENDENT: dict[str, Callable[[int, int, np.random.Generator], Samples]] = {
    "Gaussian": lambda n, dim, rng: rng.standard_normal((n, dim)),
    "Cauchy": lambda n, dim, rng: rng.standard_t(1, (n, dim)),
    "Student-t, one scale a side": lambda n, dim, rng: rng.standard_normal((n, dim)) / np.sqrt(rng.chisquare(2, (n, 1))),
    "ReLU": lambda n, dim, rng: np.maximum(rng.standard_normal((n, dim)) - 0.5, 0),
    "few directions": few_directions,
    "few directions, ReLU": lambda n, dim, rng: np.maximum(few_directions(n, dim, rng), 0),
}


def among(shared: int, width: int, bits: float, n: int, rng: np.random.Generator) -> tuple[Samples, Samples]:
    """So many bits in some columns, among others that are not shared."""
    rho = correlation(bits / shared)
    x, y = rng.standard_normal((2, n, width))
    y[:, :shared] = rho * x[:, :shared] + math.sqrt(1 - rho**2) * y[:, :shared]
    return x, y


def bent(x: Samples, y: Samples) -> tuple[Samples, Samples]:
    """Each column by a map that leaves MI as it is."""
    return np.sinh(2 * x), np.exp(y)


def hidden(
    shared: int, large: int, width: int, scale: float, noise: float, n: int, rng: np.random.Generator
) -> tuple[Samples, Samples]:
    """Some shared directions beside larger ones that are not, all turned into the columns of a layer."""
    sides = []
    for side in among(shared, shared, 3, n, rng):
        columns = [side, scale * rng.standard_normal((n, large)), noise * rng.standard_normal((n, width - shared - large))]
        turn, _ = np.linalg.qr(rng.standard_normal((width, width)))
        sides.append(np.hstack(columns) @ turn)
    return sides[0], sides[1]


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
