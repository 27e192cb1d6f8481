"""Conditionally independent and dependent data, for tests of the p-value of `permutations` with `given`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import mi_core
from mi_core.types import FloatArray

RUNS = 200
N = 500
SHUFFLES = 39  # so that p <= 0.05 in exactly 5 % of draws under the null
LEVEL = 0.05
NOISE = 0.3  # beside what z tells: strong coupling

Sides = tuple[FloatArray, FloatArray, FloatArray]
Task = Callable[[np.random.Generator], Sides]


def through(
    of_x: Callable[[FloatArray], FloatArray], of_y: Callable[[FloatArray], FloatArray], dim: int, shared: float = 0.0
) -> Task:
    """Sides x and y that are functions of a Gaussian z plus noise, of which they may share some."""

    def task(rng: np.random.Generator) -> Sides:
        z = rng.standard_normal((N, dim))
        x, y = of_x(z), of_y(z)
        common = shared * rng.standard_normal(x.shape)
        return (
            x + NOISE * (rng.standard_normal(x.shape) + common),
            y + NOISE * (rng.standard_normal(y.shape) + common),
            z,
        )

    return task


def itself(z: FloatArray) -> FloatArray:
    return z


def sine(z: FloatArray) -> FloatArray:
    wave: FloatArray = np.sin(2 * z)
    return wave


def mean(z: FloatArray) -> FloatArray:
    total: FloatArray = z.sum(axis=1, keepdims=True) / np.sqrt(z.shape[1])
    return total


def product(z: FloatArray) -> FloatArray:
    return z[:, :1] * z[:, -1:]


def through_scale(rng: np.random.Generator) -> Sides:
    """Sides whose scale z sets, not their place."""
    z, x, y = rng.standard_normal((3, N, 3))
    return np.exp(z) * x, np.exp(z) * y, z


def through_classes(rng: np.random.Generator) -> Sides:
    """Sides whose places five class labels z set."""
    z = rng.choice(5, (N, 1), p=[0.4, 0.3, 0.15, 0.1, 0.05]).astype(float)
    return z + NOISE * rng.standard_normal((N, 1)), z % 2 + NOISE * rng.standard_normal((N, 1)), z


SHARED = 0.8  # of the noise of x and y: 0.12 bits for each column beside what z tells
TASKS: dict[str, tuple[Task, dict[str, Any]]] = {
    "x, y = z + noise, 1 column each": (through(itself, itself, 1), {}),
    "x, y = z + noise, 3 columns each": (through(itself, itself, 3), {}),
    "x = sin 2z + noise, y = z + noise, 1 column each": (through(sine, itself, 1), {}),
    "x = sin 2z + noise, y = z + noise, 3 columns each": (through(sine, itself, 3), {}),
    "x, y = sin 2z + noise, 3 columns each": (through(sine, sine, 3), {}),
    "x, y = product of two of 3 columns of z + noise": (through(product, product, 3), {}),
    "z scales x and y, 3 columns each": (through_scale, {}),
    "x, y = z + noise, z class labels": (through_classes, {"given_labels": True}),
    "dependent: 0.12 bits, 1 column of z": (through(itself, itself, 1, SHARED), {}),
    "dependent: 0.12 bits, 3 columns of z": (through(mean, mean, 3, SHARED), {}),
}


def nulls(runs: int = RUNS) -> Iterator[dict[str, Any]]:
    """For each task how often p is at most `LEVEL`, which is right that often where x and y are independent given z."""
    for number, (name, (task, options)) in enumerate(TASKS.items()):
        found = []
        for seed in range(runs):
            x, y, z = task(np.random.default_rng([11, number, seed]))
            result = mi_core.mutual_information(
                x, y, given=z, permutations=SHUFFLES, seed=seed, error_bar=False, threads=1, **options
            )
            assert result.null is not None  # noqa: S101  for the type checker: it was asked for
            found.append((result.null.p_value, result.mi, result.null.mean, result.null.std))
        p_value, mi, null_mean, null_std = np.array(found).T
        yield {
            "task": name,
            "runs": runs,
            "p <= 0.05": float(np.mean(p_value <= LEVEL)),
            "p <= 0.2": float(np.mean(p_value <= 4 * LEVEL)),
            "estimate": float(mi.mean()),
            "its spread": float(mi.std(ddof=1)),
            "mean of the null": float(null_mean.mean()),
            "spread of the null": float(null_std.mean()),
        }
