"""Backends: several ways to the same neighbour counts, and the one place where a way is chosen.

Each backend is one module with two functions, the contract:

    neighbour_counts(blocks, sides, ks, *, threads, progress=None) -> radius (len(ks), n), counts (len(sides), len(ks), n)
    count_nearer(points, radius, *, threads, progress=None)        -> counts (len(radius), n)

and two more, where its work can be split over machines:

    prepare(blocks, sides, ks, workers)   -> an index: arrays in named tuples, which may be copied to another machine
    answer(index, ks, workers, part)      -> radius and counts of part (i, parts) of the queries, zeros beside them

blocks are validated samples (n, dim) of one dtype, ks ascending neighbour orders below n. For every point, `radius` is the
Chebyshev distance to its k-th other point in the joint space, that of all blocks together, and `counts` the numbers of other
points strictly nearer than that in each side, which is the space of the blocks first to last, for sides = ((first, last), ...).
For mutual information the blocks are x, y, and so are the sides; for conditional mutual information the blocks are x, z, y, the
sides x z, z y and z. `count_nearer` does the same for radii (m, n) that come from elsewhere, ascending along m. All is as if
computed in float64 from the values given. So every backend returns the same bits, and tests compare with `assert_array_equal`.
The answers to all parts of one index add up to the whole; `cluster` has them answered by the workers of a Dask cluster.

A new algorithm is one new module and one line in `_MODULE_OF`. The backend for GPUs, "cuda" or "cuda:1", is told the index of
its GPU, `gpu`, too, and its blocks may be samples that lie on one (`cuda.samples`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from mi_core._backends.cuda import presence
from mi_core._errors import BackendUnavailableError
from mi_core._options import Backend
from mi_core._prepare import joined
from mi_core._types import FloatArray, IntArray, Progress, Samples

Found = TypeVar("Found")

_MODULE_OF = {
    "cpu-tree": "mi_core._backends.tree",
    "cpu-sweep": "mi_core._backends.sweep",
    "cpu-brute": "mi_core._backends.brute",
    "cuda": "mi_core._backends.cuda.counts",
}
_SAMPLES_ON_GPU = "mi_core._backends.cuda.samples"

# The rule behind "auto". Seconds of tree / sweep / brute force, float32, two threads of a Zen 3 machine, k = 3:
#                                 N = 1,000                N = 3,000          N = 10,000
#     Gaussians    10+10   0.006 / 0.017 / 0.007   0.022 / 0.059 / 0.052    0.16 / 0.33
#                  25+25   0.013 / 0.014 / 0.008   0.065 / 0.052 / 0.052    0.55 / 0.30
#                  50+50   0.023 / 0.018 / 0.016   0.122 / 0.067 / 0.093    0.96 / 0.45
#                200+200   0.095 / 0.038 / 0.035   0.499 / 0.114 / 0.232    4.55 / 0.88
#     activations  10+10   0.003 / 0.013 / 0.013   0.021 / 0.046 / 0.050    0.07 / 0.30
#                  25+25   0.008 / 0.013 / 0.016   0.036 / 0.041 / 0.070    0.22 / 0.20
#                  50+50   0.017 / 0.018 / 0.023   0.052 / 0.056 / 0.111    0.29 / 0.19
#                200+200   0.056 / 0.029 / 0.033   0.185 / 0.086 / 0.274    1.08 / 0.36
# A tree rules out whole boxes, which works while data have few dimensions; the sweep rules out points by their few most telling
# dimensions, which works when there are many to choose from; brute force has no preparation to pay for. In middling dimensions
# a look at the data decides for or against the tree: at 20+20, N = 10,000 it takes 0.47 s on Gaussians, 0.12 s on activations.
TREE_UP_TO = 30  # joint dimensions, whatever the data
TREE_WITH_CONTRAST_UP_TO = 50  # joint dimensions
FEW_SAMPLES = 2_000
TREE_OF_FEW_WITH_CONTRAST_UP_TO = 100
BRUTE_BELOW = 1_000  # samples

# A GPU, where there is one, is worth its start-up from about a second of CPU time on. Reasoned from the seconds above, and
# still to be measured.
CUDA_FROM_NARROW = 2_000_000  # samples times joint dimensions, up to TREE_UP_TO of these
CUDA_FROM_WIDE = 4e10  # pairs times joint dimensions


def names() -> tuple[str, ...]:
    """Names of the backends that can be asked for by name, each a way of its own."""
    return tuple(_MODULE_OF)


def working() -> tuple[str, ...]:
    """Those of them that can run here."""
    return tuple(name for name in _MODULE_OF if unavailable(name) is None)


def choose(backend: Backend, blocks: Sequence[Samples]) -> str:
    """The name of the backend that will count: `backend` itself, or what "auto" and "cpu" stand for here."""
    if backend not in ("auto", "cpu"):
        return backend
    n, dim = len(blocks[0]), sum(block.shape[1] for block in blocks)
    if backend == "auto" and cuda_pays(n, dim):
        return "cuda"
    if dim <= TREE_UP_TO:
        return "cpu-tree"
    few = n < FEW_SAMPLES
    middling = dim <= (TREE_OF_FEW_WITH_CONTRAST_UP_TO if few else TREE_WITH_CONTRAST_UP_TO)
    if middling and has_contrast(joined(blocks)):
        return "cpu-tree"
    return "cpu-brute" if n < BRUTE_BELOW or (few and middling) else "cpu-sweep"


def cuda_pays(n: int, dim: int) -> bool:
    """Whether there is enough to do for a GPU, and one to do it; the simulator is none."""
    large = n * dim >= CUDA_FROM_NARROW if dim <= TREE_UP_TO else float(n) ** 2 * dim >= CUDA_FROM_WIDE
    return large and presence.number_of_gpus() > 0 and unavailable("cuda") is None


def has_contrast(points: Samples) -> bool:
    """Whether nearest points are nearer, beside typical ones, than among Gaussians of as many dimensions; from 256 points."""
    some = points[:: max(1, len(points) // 256)].astype(np.float64)
    distances = np.sort([np.abs(some - query).max(axis=1) for query in some[::32]], axis=1)
    nearest, typical = distances[:, 1], distances[:, distances.shape[1] // 2]
    return bool(np.median(nearest) < (0.55 + 0.0013 * points.shape[1]) * np.median(typical))


def unavailable(name: str) -> str | None:
    """Why the backend cannot run here and what to do about it, in one line; None where it can."""
    if is_cuda(name):
        if reason := presence.missing(gpu_named(name)):
            return reason
        error = not_importable(name)
        return error and f"{error}; install versions that go together with: {presence.install_command(presence.driver()[0])}"
    if error := not_importable(name):
        return f"{error}; install what the CPU backends need with: python -m pip install numba scipy"
    return None


def not_importable(name: str) -> str | None:
    """What went wrong when the backend's module was imported, in one line; None where nothing did."""
    try:
        module_of(name)
    except (ImportError, AttributeError) as error:  # numba-cuda asks NumPy for what later versions have dropped
        return (str(error).splitlines() or [type(error).__name__])[0]
    return None


def neighbour_counts(
    blocks: Sequence[Samples],
    sides: Sequence[tuple[int, int]],
    ks: Sequence[int],
    *,
    backend: Backend,
    threads: int,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> tuple[FloatArray, IntArray, str]:
    """Radius (len(ks), n) and counts (len(sides), len(ks), n) for ks in their order, and the name of the backend that counted.

    One pass over the neighbours for all of ks; the contract above says what blocks and sides are. `scheduler`: address of that
    of a Dask cluster, over whose workers to split it.
    """
    blocks = in_one_dtype(blocks)
    ascending = tuple(sorted(set(ks)))

    def count(way: Any, blocks: tuple[Samples, ...], **options: Any) -> tuple[FloatArray, IntArray]:
        found: tuple[FloatArray, IntArray] = way.neighbour_counts(
            blocks, tuple(sides), ascending, threads=threads, progress=progress, **options
        )
        return found

    if scheduler is None:
        (radius, counts), name = counted(count, blocks, backend)
    else:
        name = choose("cpu" if backend == "auto" else backend, blocks)
        radius, counts, name = on_cluster(
            name, available(name), blocks, tuple(sides), ascending, scheduler=scheduler, threads=threads, progress=progress
        )
    rows = [ascending.index(k) for k in ks]
    return radius[rows], counts[:, rows], name


def on_cluster(name: str, way: Any, *arguments: Any, **options: Any) -> tuple[FloatArray, IntArray, str]:
    """The same by the workers of a Dask cluster, whose number is part of the name."""
    from mi_core._backends import cluster  # here, because it loads what kernels are compiled with

    if not hasattr(way, "answer"):
        raise BackendUnavailableError(f"backend {name} cannot be split over a cluster: choose another, or leave scheduler out.")
    radius, counts, workers = cluster.neighbour_counts(way, *arguments, **options)
    return radius, counts, f"{name} on {workers} worker{'s' if workers > 1 else ''}"


def count_nearer(
    points: Samples, radius: FloatArray, *, backend: Backend, threads: int, progress: Progress | None = None
) -> tuple[IntArray, str]:
    """Counts (m, n): other points (n, dim) strictly nearer than radius (m, n), ascending along m; the name of the backend."""

    def count(way: Any, blocks: tuple[Samples, ...], **options: Any) -> IntArray:
        found: IntArray = way.count_nearer(*blocks, radius, threads=threads, progress=progress, **options)
        return found

    return counted(count, (points,), backend)


def counted(count: Callable[..., Found], blocks: tuple[Samples, ...], backend: Backend) -> tuple[Found, str]:
    """What `count(way, blocks, **options)` finds by the module of a backend, and the name of that backend.

    Where "auto" takes a GPU whose memory does not suffice, perhaps since others hold it, the CPU counts.
    """
    name = choose(backend, blocks)
    if is_cuda(name):
        try:
            return count(available(name), blocks, gpu=gpu_named(name)), name
        except BackendUnavailableError:
            if backend != "auto":
                raise
        name = choose("cpu", blocks)
    return count(available(name), tuple(map(np.asarray, blocks))), name


def from_gpu(values: Any, name: str, backend: Backend) -> tuple[Samples, tuple[str, ...]] | None:
    """Samples (n, dim), left where they lie on a GPU, and notes, as by `_validate.samples`; None for values that lie elsewhere,
    or that `backend` would not look for there.
    """
    if not (is_cuda(backend) or backend == "auto") or not presence.lies_on_gpu(values):
        return None
    if (backend == "auto" and presence.number_of_gpus() == 0) or unavailable("cuda") is not None:
        return None
    found: tuple[Samples, tuple[str, ...]] | None = importlib.import_module(_SAMPLES_ON_GPU).from_gpu(values, name)
    return found


def held(block: Samples, backend: Backend, dim: int) -> Samples:
    """A block where the backend counts it, for many estimates: on a GPU, or where it is. dim is that of all blocks."""
    name = "cuda" if backend == "auto" and cuda_pays(len(block), dim) else backend
    if not is_cuda(name) or unavailable(name):
        return block
    on_gpu: Samples = importlib.import_module(_SAMPLES_ON_GPU).held(block, gpu_named(name))
    return on_gpu


def available(name: str) -> Any:
    """The backend's module; an error where it cannot run here."""
    if reason := unavailable(name):
        raise BackendUnavailableError(f"backend {name} cannot run here: {reason}")
    return module_of(name)


def module_of(name: str) -> Any:
    """The backend's module."""
    return importlib.import_module(_MODULE_OF[name.partition(":")[0]])


def is_cuda(name: str) -> bool:
    """Whether it is the backend "cuda", or "cuda:1"."""
    return name.partition(":")[0] == "cuda"


def gpu_named(name: str) -> int | None:
    """The index in a name like "cuda:1"; None for one without."""
    _, _, index = name.partition(":")
    return int(index) if index else None


def in_one_dtype(blocks: Sequence[Samples]) -> tuple[Samples, ...]:
    """The blocks, all in the widest of their dtypes."""
    dtype = np.result_type(*(block.dtype for block in blocks))
    return tuple(block.astype(dtype, copy=False) for block in blocks)
