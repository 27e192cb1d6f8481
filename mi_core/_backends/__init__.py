"""Backends: several ways to the same neighbour counts, and the one place where a way is chosen.

Each backend is one module with one function, the contract:

    neighbour_counts(x, y, ks, *, threads, progress=None) -> radius, n_x, n_y      each (len(ks), n)

x (n, dim_x) and y (n, dim_y) are validated samples, ks ascending neighbour orders below n. For every point, `radius` is the
Chebyshev distance to its k-th other point in the joint space, `n_x` and `n_y` the numbers of other points strictly nearer
than that in each marginal; all as if computed in float64 from the values given. So every backend returns the same bits,
and tests compare with `assert_array_equal`.

A new device or algorithm is one new module and one line in `_MODULE_OF`.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from mi_core._errors import BackendUnavailableError
from mi_core._options import Backend
from mi_core._types import NeighbourCounts, Progress, Samples

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


def choose(backend: Backend, n_samples: int, dim_x: int, dim_y: int) -> str:
    """The name of the backend that will count: `backend` itself, or what "auto" and "cpu" stand for here."""
    if backend not in ("auto", "cpu"):
        return backend
    if dim_x + dim_y <= TREE_UP_TO:
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
    x: Samples,
    y: Samples,
    ks: Sequence[int],
    *,
    backend: Backend,
    threads: int,
    progress: Progress | None = None,
) -> list[NeighbourCounts]:
    """Counts for each of ks, in their order, from one pass over the neighbours of validated samples."""
    name = choose(backend, len(x), x.shape[1], y.shape[1])
    if reason := unavailable(name):
        raise BackendUnavailableError(f"backend {name} cannot run here: {reason}")
    count = importlib.import_module(_MODULE_OF[name]).neighbour_counts
    ascending = tuple(sorted(set(ks)))
    radius, n_x, n_y = count(x, y, ascending, threads=threads, progress=progress)
    rows = [ascending.index(k) for k in ks]
    return [NeighbourCounts(ascending[m], radius[m], n_x[m], n_y[m], name) for m in rows]
