"""Backends: several ways to the same neighbour counts, and the one place where a way is chosen.

Each backend is one module with two functions, the contract:

    neighbour_counts(blocks, sides, ks, *, threads, progress=None) -> radius (len(ks), n), counts (len(sides), len(ks), n)
    count_nearer(points, radius, *, threads, progress=None)        -> counts (len(radius), n)

blocks are validated samples (n, dim) of one dtype, ks ascending neighbour orders below n. For every point, `radius` is the
Chebyshev distance to its k-th other point in the joint space, that of all blocks together, and `counts` the numbers of other
points strictly nearer than that in each side, which is the space of the blocks first to last, for sides = ((first, last), ...).
For mutual information the blocks are x, y, and so are the sides; for conditional mutual information the blocks are x, z, y, the
sides x z, z y and z. `count_nearer` does the same for radii (m, n) that come from elsewhere, ascending along m. All is as if
computed in float64 from the values given. So every backend returns the same bits, and tests compare with `assert_array_equal`.

A new device or algorithm is one new module and one line in `_MODULE_OF`.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from mi_core._errors import BackendUnavailableError
from mi_core._options import Backend
from mi_core._types import FloatArray, IntArray, Progress, Samples

_MODULE_OF = {
    "cpu-tree": "mi_core._backends.tree",
    "cpu-sweep": "mi_core._backends.sweep",
    "cpu-brute": "mi_core._backends.brute",
}

# The rule behind "auto". Median seconds of tree / sweep / brute force, two threads of a Zen 3 machine, k = 3:
#                                    N = 1,000                N = 10,000
#     Gaussians          3+3   0.002 / 0.011 / 0.006    0.02 / 0.38 / 0.40
#                      10+10   0.007 / 0.010 / 0.007    0.15 / 0.41 / 0.50
#                      25+25   0.014 / 0.016 / 0.016    0.55 / 0.45 / 0.56
#                      50+50   0.022 / 0.016 / 0.013    0.94 / 0.67 / 0.87
#                    200+200   0.102 / 0.033 / 0.032    5.12 / 1.73 / 2.30
#     activations      25+25   0.010 / 0.008 / 0.009    0.17 / 0.25 / 0.63
#                      50+50   0.017 / 0.011 / 0.014    0.30 / 0.31 / 0.96
#                    200+200   0.059 / 0.028 / 0.042    1.19 / 0.77 / 2.26
# A tree rules out whole boxes, which works while data have few dimensions; the sweep rules out points by their few most telling
# dimensions, which works when there are many to choose from; brute force has no preparation to pay for.
TREE_UP_TO = 60  # joint dimensions
BRUTE_BELOW = 1_000  # samples, in more dimensions


def names() -> tuple[str, ...]:
    """Names of the backends that can be asked for by name, each a way of its own."""
    return tuple(_MODULE_OF)


def choose(backend: Backend, n_samples: int, dim: int) -> str:
    """The name of the backend that will count: `backend` itself, or what "auto" and "cpu" stand for here.

    dim: Dimensions of the joint space.
    """
    if backend not in ("auto", "cpu"):
        return backend
    if dim <= TREE_UP_TO:
        return "cpu-tree"
    return "cpu-brute" if n_samples < BRUTE_BELOW else "cpu-sweep"


def unavailable(name: str) -> str | None:
    """Why the backend cannot run here and what to do about it, in one line; None where it can."""
    try:
        importlib.import_module(_MODULE_OF[name])
    except ImportError as error:
        return f"{error}; install what the CPU backends need with: python -m pip install numba scipy"
    return None


def neighbour_counts(
    blocks: Sequence[Samples],
    sides: Sequence[tuple[int, int]],
    ks: Sequence[int],
    *,
    backend: Backend,
    threads: int,
    progress: Progress | None = None,
) -> tuple[FloatArray, IntArray, str]:
    """Radius (len(ks), n) and counts (len(sides), len(ks), n) for ks in their order, and the name of the backend that counted.

    One pass over the neighbours for all of ks; the contract above says what blocks and sides are.
    """
    blocks = in_one_dtype(blocks)
    name, way = available(choose(backend, len(blocks[0]), sum(block.shape[1] for block in blocks)))
    ascending = tuple(sorted(set(ks)))
    radius, counts = way.neighbour_counts(blocks, tuple(sides), ascending, threads=threads, progress=progress)
    rows = [ascending.index(k) for k in ks]
    return radius[rows], counts[:, rows], name


def count_nearer(
    points: Samples, radius: FloatArray, *, backend: Backend, threads: int, progress: Progress | None = None
) -> IntArray:
    """Counts (m, n): other points (n, dim) strictly nearer than radius (m, n), ascending along m."""
    _, way = available(choose(backend, *points.shape))
    counts: IntArray = way.count_nearer(points, radius, threads=threads, progress=progress)
    return counts


def available(name: str) -> tuple[str, Any]:
    """The backend's name and module; an error where it cannot run here."""
    if reason := unavailable(name):
        raise BackendUnavailableError(f"backend {name} cannot run here: {reason}")
    return name, importlib.import_module(_MODULE_OF[name])


def in_one_dtype(blocks: Sequence[Samples]) -> tuple[Samples, ...]:
    """The blocks, all in the widest of their dtypes."""
    dtype = np.result_type(*blocks)
    return tuple(block.astype(dtype, copy=False) for block in blocks)
