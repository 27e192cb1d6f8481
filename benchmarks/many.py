"""What many estimates at once cost beside one: shuffles, several k, all pairs of layers, all columns of a table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import mi_core
from benchmarks.tasks import Task, gaussian_pairs
from mi_core import InputError
from mi_core.types import Samples

SHUFFLES = 200
REPEATS = 4
ORDERS: dict[str, list[int]] = {"k=3": [3], "k=50": [50], "six k": [3, 5, 8, 12, 20, 50]}
IN_THE_TREE = tuple(Task("correlated", n, dim, dim) for n, dim in ((10_000, 1), (10_000, 3), (100_000, 3), (10_000, 10)))
TABLES = ((20_000, 30), (2_000, 30))  # rows, columns beside the target


def permutations() -> Iterator[dict[str, Any]]:
    """Processor seconds of one estimate and of 200 shuffles, in several settings."""
    for n, dim in ((1000, 1), (1000, 10), (1000, 50), (4000, 1), (4000, 10), (4000, 50), (4000, 200)):
        x, y, _ = gaussian_pairs(n, dim, dim, 0.5, np.random.default_rng(0))
        one, both = (
            least(REPEATS, mi_core.mutual_information, x, y, error_bar=False, permutations=times) for times in (None, SHUFFLES)
        )
        shuffles = both - one
        yield {"setting": f"{dim}+{dim}, N={n:,}", "one estimate": one, "200 shuffles": shuffles, "ratio": shuffles / one}


def orders(tasks: tuple[Task, ...] = IN_THE_TREE, repeats: int = REPEATS) -> Iterator[dict[str, Any]]:
    """Processor seconds of one thread at k=3, at k=50, and at six k up to 50 at once."""
    for task in tasks:
        x, y = task.samples(0)
        seconds = {
            name: least(repeats, mi_core.mutual_information, x, y, k=ks, threads=1, error_bar=False)
            for name, ks in ORDERS.items()
        }
        few, large, six = seconds.values()
        yield {"setting": task.name, **seconds, "k=50 in k=3": large / few, "six k in k=3": six / few}


def matrices() -> Iterator[dict[str, Any]]:
    """Processor seconds of all pairs at once, and of `mutual_information` pair by pair, each layer with itself included."""
    for n, dim, count in ((2000, 3, 6), (2000, 5, 6), (2000, 10, 6), (2000, 30, 6), (2000, 200, 4), (2000, 200, 12)):
        rng = np.random.default_rng(0)
        shared = rng.standard_normal((n, 3))
        layers = {f"{i}": np.tanh(shared @ rng.standard_normal((3, dim)) + rng.standard_normal((n, dim))) for i in range(count)}
        together, alone = (least(2, way, layers) for way in (all_at_once, one_by_one))
        setting = f"{count} layers of {dim}, N={n:,}"
        yield {"setting": setting, "all at once": together, "one by one": alone, "ratio": alone / together}


def all_at_once(layers: dict[str, Samples]) -> None:
    mi_core.mutual_information_matrix(layers, error_bar=False)


def one_by_one(layers: dict[str, Samples]) -> None:
    sides = list(layers.values())
    for place, x in enumerate(sides):
        for y in sides[place:]:
            mi_core.mutual_information(x, y, error_bar=False)


def rankings(tables: tuple[tuple[int, int], ...] = TABLES, repeats: int = REPEATS) -> Iterator[dict[str, Any]]:
    """Wall seconds of all columns of a table against one of them, here and by scikit-learn, without error bars.

    Both with one thread and with two. The scores are the same but for the noise that scikit-learn adds.

    Raises:
        InputError: scikit-learn is not installed.
    """
    try:
        from sklearn.feature_selection import mutual_info_regression
    except ImportError:
        raise InputError("rankings are compared with scikit-learn: python -m pip install scikit-learn") from None
    for n, count in tables:
        rng = np.random.default_rng(0)
        target = rng.standard_normal(n)
        columns = np.outer(target, rng.uniform(0, 1, count)) + rng.standard_normal((n, count))
        row: dict[str, Any] = {"setting": f"{n:,} x {count}"}
        for threads, name in ((1, "1 thread"), (2, "2 threads")):
            here = least(repeats, mi_core.rank, columns, target, error_bar=False, threads=threads, clock=time.perf_counter)
            there = least(repeats, mutual_info_regression, columns, target, n_jobs=threads, clock=time.perf_counter)
            row |= {f"mi, {name}": here, f"scikit-learn, {name}": there, f"ratio, {name}": there / here}
        yield row


def least(
    repeats: int, run: Callable[..., Any], *arguments: Any, clock: Callable[[], float] = time.process_time, **options: Any
) -> float:
    """Least seconds of several calls, after one that compiles."""
    seconds = []
    for _ in range(repeats + 1):
        started = clock()
        run(*arguments, **options)
        seconds.append(clock() - started)
    return min(seconds[1:])
