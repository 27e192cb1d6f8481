"""Backends: several algorithms for the same neighbour counts, and one dispatcher.

Each backend is one module with two functions, the contract:

    neighbour_counts(parts, sides, ks, *, threads, progress=None) -> radius (len(ks), n), counts (len(sides), len(ks), n)
    count_nearer(points, radius, *, threads, progress=None)        -> counts (len(radius), n)

CPU backends also take left_out (n, 2): for each point a range of rows, its own included, that are not its neighbours. The
radius is then the distance to the k-th of the others; the dispatcher subtracts the rows left out from the counts. With
reached=True, counts are (len(sides), 2 * len(ks), n): for each k the points strictly nearer than the radius, then for each k
those at most as far. A side may also be all parts together.

A backend whose work can be split over machines has two more functions:

    prepare(parts, sides, ks, workers)   -> an index: arrays in named tuples, which may be copied to another machine
    answer(index, ks, workers, share)     -> radius and counts of share (i, shares) of the queries, zeros elsewhere

parts are validated samples (n, dim) of one dtype, ks are ascending neighbour orders below n. For every point, `radius` is the
Chebyshev distance to its k-th other point in the joint space of all parts, and `counts` are the numbers of other points
strictly nearer than that in each side. A side is the space of the parts first to last, for sides = ((first, last), ...).
For mutual information the parts are x, y, and so are the sides; for conditional mutual information the parts are x, z, y and
the sides x z, z y and z. `count_nearer` counts for given radii (m, n), ascending along m. All results are as if computed in
float64 from the values given. So every backend returns the same bits, and tests compare with `assert_array_equal`. The answers
to all shares of one index add up to the whole; `cluster` sends the shares to the workers of a Dask cluster.

A new algorithm needs one new module and one line in `registry.MODULE_OF`; `choice` has the rule of "auto". The GPU backend,
"cuda" or "cuda:1", also takes the index of its GPU, `gpu`, and its parts may be samples in GPU memory (`cuda.samples`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from mi_core._prepare import joined
from mi_core.backends import choice, registry
from mi_core.backends.cuda import presence
from mi_core.backends.reached import in_order, to_count
from mi_core.errors import BackendUnavailableError
from mi_core.options import Backend
from mi_core.types import FloatArray, IntArray, Progress, Samples

Found = TypeVar("Found")

_SAMPLES_ON_GPU = "mi_core.backends.cuda.samples"


def neighbour_counts(
    parts: Sequence[Samples],
    sides: Sequence[tuple[int, int]],
    ks: Sequence[int],
    *,
    backend: Backend,
    threads: int,
    scheduler: str | None = None,
    progress: Progress | None = None,
    left_out: IntArray | None = None,
    reached: bool = False,
) -> tuple[FloatArray, IntArray, str]:
    """Radius (len(ks), n) and counts (len(sides), len(ks), n) for ks in their order, and the name of the backend that counted.

    One neighbour search serves all of ks. The contract above defines parts, sides, left_out, and reached, with which counts are
    (len(sides), 2 * len(ks), n). `scheduler`: address of the scheduler of a Dask cluster whose workers split the counting.
    """
    parts = in_one_dtype(parts)
    ascending = tuple(sorted(set(ks)))
    ranges: dict[str, Any] = {} if left_out is None else {"left_out": left_out}
    if left_out is not None:
        backend = on_cpu(backend)
    if reached and (scheduler is not None or on_gpu(backend, parts)):
        return with_reached(parts, sides, ks, backend=backend, threads=threads, scheduler=scheduler, progress=progress)
    if reached:
        ranges["reached"] = True

    def count(module: Any, parts: tuple[Samples, ...], **options: Any) -> tuple[FloatArray, IntArray]:
        found: tuple[FloatArray, IntArray] = module.neighbour_counts(
            parts, tuple(sides), ascending, threads=threads, progress=progress, **ranges, **options
        )
        return found

    if scheduler is None:
        (radius, counts), name = counted(count, parts, backend)
    else:
        name = choice.choose("cpu" if backend == "auto" else backend, parts)
        radius, counts, name = on_cluster(
            name,
            registry.available(name),
            parts,
            tuple(sides),
            ascending,
            scheduler=scheduler,
            threads=threads,
            progress=progress,
        )
    if left_out is not None:
        for (first, last), of_side in zip(sides, counts, strict=True):
            points = joined(parts[first:last])
            of_side[: len(radius)] -= nearer_left_out(points, radius, left_out, threads)
            if reached:
                of_side[len(radius) :] -= nearer_left_out(points, np.nextafter(radius, np.inf), left_out, threads)
    rows = [ascending.index(k) for k in ks]
    return radius[rows], counts[:, rows + [len(radius) + row for row in rows] if reached else rows], name


def with_reached(
    parts: Sequence[Samples], sides: Sequence[tuple[int, int]], ks: Sequence[int], **options: Any
) -> tuple[FloatArray, IntArray, str]:
    """Radius, counts with those reached, and name: where a GPU or a cluster finds the radius, a second step counts."""
    radius, _, name = neighbour_counts(parts, (), ks, **options)
    within = to_count(radius, reached=True)
    hosted = [np.asarray(part) for part in in_one_dtype(parts)]
    counts = [
        count_nearer(joined(hosted[first:last]), within, backend=options["backend"], threads=options["threads"])[0]
        for first, last in sides
    ]
    return radius, in_order(np.array(counts), radius, reached=True), name


def on_gpu(backend: Backend, parts: Sequence[Samples]) -> bool:
    """Tell whether a GPU will count, before anything else of the choice is worked out."""
    n, dim = len(parts[0]), sum(part.shape[1] for part in parts)
    return registry.is_cuda(backend) or (backend == "auto" and choice.cuda_pays(n, dim))


def on_cpu(backend: Backend) -> Backend:
    """Name of a backend that can leave rows out: "cpu" for "auto".

    Raises:
        BackendUnavailableError: The backend runs on a GPU.
    """
    if registry.is_cuda(backend):
        raise BackendUnavailableError(
            f"backend {backend} cannot leave out rows of one group or of one time: leave backend out, or take cpu."
        )
    return "cpu" if backend == "auto" else backend


def nearer_left_out(points: Samples, radius: FloatArray, left_out: IntArray, threads: int) -> IntArray:
    """Counts (m, n) of left-out rows that are strictly nearer than radius (m, n), ascending along m."""
    from mi_core.backends.cpu import left_out as rows  # here, because it loads what kernels are compiled with

    return rows.nearer_left_out(points, radius, left_out, threads=threads)


def on_cluster(name: str, module: Any, *arguments: Any, **options: Any) -> tuple[FloatArray, IntArray, str]:
    """Radius, counts and name from the workers of a Dask cluster, whose number is part of the name."""
    from mi_core.backends import cluster  # here, because it loads what kernels are compiled with

    if not hasattr(module, "answer"):
        raise BackendUnavailableError(f"backend {name} cannot be split over a cluster: choose another, or leave scheduler out.")
    radius, counts, workers = cluster.neighbour_counts(module, *arguments, **options)
    return radius, counts, f"{name} on {workers} worker{'s' if workers > 1 else ''}"


def count_nearer(
    points: Samples,
    radius: FloatArray,
    *,
    backend: Backend,
    threads: int,
    progress: Progress | None = None,
    left_out: IntArray | None = None,
) -> tuple[IntArray, str]:
    """Counts (m, n) of other points (n, dim) strictly nearer than radius (m, n), ascending along m, and name of the backend.

    left_out: (n, 2) as in the contract, or None.
    """

    def count(module: Any, parts: tuple[Samples, ...], **options: Any) -> IntArray:
        found: IntArray = module.count_nearer(*parts, radius, threads=threads, progress=progress, **options)
        return found

    if left_out is None:
        return counted(count, (points,), backend)
    counts, name = counted(count, (points,), on_cpu(backend))
    return counts - nearer_left_out(points, radius, left_out, threads), name


def counted(count: Callable[..., Found], parts: tuple[Samples, ...], backend: Backend) -> tuple[Found, str]:
    """Result of `count(module, parts, **options)` with the module of a backend, and the name of that backend.

    If "auto" chooses a GPU whose memory does not suffice, perhaps because other processes hold it, the CPU counts.
    """
    name = choice.choose(backend, parts)
    if registry.is_cuda(name):
        try:
            return count(registry.available(name), parts, gpu=registry.gpu_named(name)), name
        except BackendUnavailableError:
            if backend != "auto":
                raise
        name = choice.choose("cpu", parts)
    return count(registry.available(name), tuple(map(np.asarray, parts))), name


def from_gpu(values: Any, name: str, backend: Backend) -> tuple[Samples, tuple[str, ...]] | None:
    """Samples (n, dim) left in GPU memory, and notes, as from `arrays.samples`; None if the values are not in GPU memory or
    `backend` does not count there.
    """
    if not (registry.is_cuda(backend) or backend == "auto") or not presence.lies_on_gpu(values):
        return None
    if (backend == "auto" and presence.number_of_gpus() == 0) or registry.unavailable("cuda") is not None:
        return None
    found: tuple[Samples, tuple[str, ...]] | None = importlib.import_module(_SAMPLES_ON_GPU).from_gpu(values, name)
    return found


def held(part: Samples, backend: Backend, dim: int) -> Samples:
    """Move a part to where the backend counts it, for many estimates: to a GPU, or nowhere. dim is that of all parts."""
    name = "cuda" if backend == "auto" and choice.cuda_pays(len(part), dim) else backend
    if not registry.is_cuda(name) or registry.unavailable(name):
        return part
    on_gpu: Samples = importlib.import_module(_SAMPLES_ON_GPU).held(part, registry.gpu_named(name))
    return on_gpu


def in_one_dtype(parts: Sequence[Samples]) -> tuple[Samples, ...]:
    """Convert all parts to the widest of their dtypes."""
    dtype = np.result_type(*(part.dtype for part in parts))
    return tuple(part.astype(dtype, copy=False) for part in parts)
