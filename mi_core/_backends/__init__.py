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
    "cpu-brute": "mi_core._backends.brute",
}

# Joint dimensions -> number of samples from which the tree is faster than brute force. Measured with Gaussians of
# correlation 0.7 per pair of columns; CPU seconds of tree and brute force at N = 10,000: 2 dimensions 0.02 / 0.8,
# 4: 0.24 / 0.8, 6: 0.76 / 0.8, 8: 1.4 / 0.7, 10: 2.8 / 1.0; at N = 30,000: 8: 7.8 / 6.9, 10: 16 / 8, 12: 31 / 8.
# A tree cuts one dimension a level, so in many dimensions it looks at nearly every point, at more cost for each.
_TREE_PAYS_FROM = {2: 0, 3: 500, 4: 2_000, 5: 5_000, 6: 10_000, 7: 20_000, 8: 40_000, 9: 80_000, 10: 150_000}


def names() -> tuple[str, ...]:
    """Names of the backends that can be asked for by name, each a way of its own."""
    return tuple(_MODULE_OF)


def choose(backend: Backend, n_samples: int, dim_x: int, dim_y: int) -> str:
    """The name of the backend that will count: `backend` itself, or what "auto" and "cpu" stand for here."""
    if backend not in ("auto", "cpu"):
        return backend
    tree_pays_from = _TREE_PAYS_FROM.get(dim_x + dim_y)
    return "cpu-tree" if tree_pays_from is not None and n_samples >= tree_pays_from else "cpu-brute"


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
