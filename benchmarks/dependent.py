"""Estimates, rejections and verdicts on samples that belong together, declared or not, of kinds not used to choose any limit.

Each draw has a random number of units, a random strength of the dependence within them, and in half of the draws no
dependence between the sides. All sides are Gaussian up to a monotonic map of each column, so that their MI is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import mi_core
from benchmarks.tasks import Array
from mi_core.reliability import is_right

DRAWS = 40
PERMUTATIONS = 39
Together = tuple[Array, Array, dict[str, Any], float]
"""Both sides, the options that name how they belong together, and their MI in bits."""


def moving_average(rng: np.random.Generator) -> Together:
    """A series of means over a window of 5 to 40 steps."""
    n, window = int(rng.integers(600, 2500)), int(rng.integers(5, 41))

    def one() -> Array:
        steps = np.cumsum(np.concatenate([[0.0], rng.standard_normal(n + window)]))
        rows: Array = (steps[window:] - steps[:-window])[:n, np.newaxis] / np.sqrt(window)
        return rows

    return coupled(one, {"series": True}, rng)


def oscillation(rng: np.random.Generator) -> Together:
    """A series that swings with a period of 20 to 60 steps and forgets its phase within a few periods."""
    n, period, damping = int(rng.integers(800, 2500)), rng.uniform(20, 60), rng.uniform(0.93, 0.98)
    turn = damping * np.exp(2j * np.pi / period)

    def one() -> Array:
        state = np.zeros(n + 500, np.complex128)
        noise = rng.standard_normal(n + 500) + 1j * rng.standard_normal(n + 500)
        for t in range(1, n + 500):
            state[t] = turn * state[t - 1] + np.sqrt((1 - damping**2) / 2) * noise[t]
        rows: Array = state.real[500:, np.newaxis] * np.sqrt(2)
        return rows

    return coupled(one, {"series": True}, rng)


def sentences(rng: np.random.Generator) -> Together:
    """Groups of very different sizes with a level of their own, one or two columns a side, tails of an exponential."""
    sizes = np.maximum(2, rng.lognormal(3, 0.6, int(rng.integers(30, 80))).astype(int))
    groups, share, dim = np.repeat(np.arange(len(sizes)), sizes), rng.uniform(0.3, 0.95), int(rng.integers(1, 3))

    def one() -> Array:
        levels, own = rng.standard_normal((len(sizes), dim)), rng.standard_normal((len(groups), dim))
        rows: Array = np.sqrt(share) * levels[groups] + np.sqrt(1 - share) * own
        return rows

    x, y, options, mi = coupled(one, {"groups": groups}, rng)
    return np.exp(x / 2), np.sinh(y), options, mi


def images(rng: np.random.Generator) -> Together:
    """Positions of 25 to 60 images of 8 by 8, smooth along rows more than along columns, with noise at each position."""
    count, smooth, share = int(rng.integers(25, 61)), rng.uniform(0.8, 3, 2), rng.uniform(0.6, 1)
    kernels = [np.exp(-0.5 * ((np.arange(8)[:, np.newaxis] - np.arange(8)) / width) ** 2) for width in smooth]
    kernels = [kernel / np.sqrt((kernel**2).sum(axis=1, keepdims=True)) for kernel in kernels]

    def one() -> Array:
        field = kernels[0] @ rng.standard_normal((count, 8, 8)) @ kernels[1].T
        rows: Array = np.sqrt(share) * field.reshape(-1, 1) + np.sqrt(1 - share) * rng.standard_normal((64 * count, 1))
        return rows

    return coupled(one, {"groups": np.repeat(np.arange(count), 64)}, rng)


def sessions(rng: np.random.Generator) -> Together:
    """Groups that are series themselves: each a short walk around the level of its subject."""
    count, length, pull = int(rng.integers(30, 60)), int(rng.integers(10, 50)), rng.uniform(0.5, 0.95)

    def one() -> Array:
        rows = np.empty((count, length))
        rows[:, 0] = rng.standard_normal(count)
        for t in range(1, length):
            rows[:, t] = pull * rows[:, t - 1] + np.sqrt(1 - pull**2) * rng.standard_normal(count)
        return rows.reshape(-1, 1)

    return coupled(one, {"groups": np.repeat(np.arange(count), length)}, rng)


def coupled(one: Callable[[], Array], options: dict[str, Any], rng: np.random.Generator) -> Together:
    """Two sides of unit variance, independent in half of the draws, else with a correlation of 0.2 to 0.9 in each column."""
    rho = 0.0 if rng.random() < 0.5 else rng.uniform(0.2, 0.9)
    x, other = one(), one()
    return x, rho * x + np.sqrt(1 - rho**2) * other, options, float(-0.5 * x.shape[1] * np.log2(1 - rho**2))


FAMILIES = (moving_average, oscillation, sentences, images, sessions)


def dependent() -> Iterator[dict[str, Any]]:
    """One row for each draw: what is read and said, unnamed and named."""
    for number, family in enumerate(FAMILIES):
        for draw in range(DRAWS):
            x, y, options, truth = family(np.random.default_rng([11, number, draw]))
            unnamed, named = (
                mi_core.mutual_information(x, y, diagnose=True, permutations=PERMUTATIONS, seed=draw, **some)
                for some in ({}, options)
            )
            assert unnamed.reliability is not None  # noqa: S101  for the type checker: it was asked for, and so the next
            assert unnamed.null is not None  # noqa: S101
            assert named.reliability is not None  # noqa: S101
            assert named.null is not None  # noqa: S101
            yield {
                "family": family.__name__,
                "n": named.n_samples,
                "units": named.independent_units,
                "k": named.k,
                "truth": truth,
                "unnamed": unnamed.mi,
                "unnamed p": unnamed.null.p_value,
                "unnamed verdict": unnamed.reliability.verdict,
                "mi": named.mi,
                "stderr": named.stderr,
                "surrogates": named.null.mean,
                "p": named.null.p_value,
                "verdict": named.reliability.verdict,
                "reasons": list(named.reliability.reasons),
                "is_right": is_right(named.mi, truth, named.stderr, "bits"),
            }


def dependent_table(rows: list[dict[str, Any]]) -> str:
    """By family: errors and rejections where the truth is 0, and the verdicts."""
    lines = [
        "| samples | draws | truth 0: read unnamed | rejected | named | less surrogates | rejected | truth above 0: found "
        "| mean error | named trust | of these wrong | right, but no trust | unnamed trust |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in ("all", *dict.fromkeys(row["family"] for row in rows)):
        some = [row for row in rows if name in ("all", row["family"])]
        null, real = ([row for row in some if (row["truth"] > 0) == is_real] for is_real in (False, True))
        trusted, right = ([row for row in some if keep(row)] for keep in (is_trusted, lambda row: row["is_right"]))
        cells = [
            name.replace("_", " "),
            len(some),
            mean(row["unnamed"] for row in null),
            share(row["unnamed p"] <= 0.05 for row in null),
            mean(row["mi"] for row in null),
            mean(row["mi"] - row["surrogates"] for row in null),
            share(row["p"] <= 0.05 for row in null),
            share(row["p"] <= 0.05 for row in real),
            mean(row["mi"] - row["truth"] for row in real),
            len(trusted),
            share(not row["is_right"] for row in trusted),
            share(not is_trusted(row) for row in right),
            share(row["unnamed verdict"] == "trust" for row in some),
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def is_trusted(row: dict[str, Any]) -> bool:
    return bool(row["verdict"] == "trust")


def mean(values: Iterator[float]) -> str:
    return f"{np.mean(list(values)):+.2f}"


def share(flags: Iterator[bool]) -> str:
    found = list(flags)
    return f"{np.mean(found):.0%}" if found else ""
