"""The contract of `mi_core.backends` on GPUs: choice of algorithm, rows for each GPU, and batches that fit its memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import numpy as np

from mi_core.backends.cuda import tiles, tree
from mi_core.backends.cuda.device import (
    SIMULATED,
    Array,
    free_bytes,
    number_of_gpus,
    on_gpu,
    release,
    to_device,
    to_host,
    xp,
)
from mi_core.backends.cuda.samples import array_of, gpu_for
from mi_core.errors import BackendUnavailableError
from mi_core.types import FloatArray, IntArray, Progress, Samples

# Reasoned from instruction counts, and still to be measured: all pairs of 30,000 points take some 1 ms, a tree's sorts as much.
TREE_UP_TO = 12  # dimensions
TREE_FROM = 30_000  # samples; one dimension, whose counts are two binary searches, from fewer
LINE_FROM = 4_000
SPLIT_FROM = 1e12  # pairs times dimensions, about a tenth of a second, from which further GPUs are worth their upload
SORTING = 64  # bytes for each sample: its order, and what sorts need besides
LEAST_BATCH = 64 if SIMULATED else 4096  # queries that go together where memory is short


def neighbour_counts(
    parts: tuple[Samples, ...],
    sides: tuple[tuple[int, int], ...],
    ks: tuple[int, ...],
    *,
    threads: int,
    progress: Progress | None = None,
    gpu: int | None = None,
) -> tuple[FloatArray, IntArray]:
    """Radius (len(ks), n) and counts (len(sides), len(ks), n) for ascending ks; the contract of `mi_core.backends`.

    Parts in GPU memory are used in place. `threads` is for the CPU. gpu: index of the GPU to count on; None to choose.
    """
    n = len(parts[0])
    radius = np.empty((len(ks), n))
    counts = np.empty((len(sides), len(ks), n), np.int64)
    steps = Steps(progress, n * (1 + len(sides)))

    def work(first_row: int, last_row: int) -> None:
        here = [array_of(part) for part in parts]
        found = find_radii(joined(here), ks, first_row, last_row, steps)
        radius[:, first_row:last_row] = to_host(found)
        for (first, last), out in zip(sides, counts, strict=True):
            out[:, first_row:last_row] = to_host(count_side(joined(here[first:last]), found, first_row, last_row, steps))

    over_gpus(work, parts, gpu)
    return radius, counts


def count_nearer(
    points: Samples, radius: FloatArray, *, threads: int, progress: Progress | None = None, gpu: int | None = None
) -> IntArray:
    """Counts (m, n) of other points strictly nearer than radius (m, n); the contract of `mi_core.backends`."""
    counts = np.empty(radius.shape, np.int64)
    steps = Steps(progress, len(points))

    def work(first_row: int, last_row: int) -> None:
        here = to_device(np.ascontiguousarray(radius[:, first_row:last_row]))
        counts[:, first_row:last_row] = to_host(count_side(array_of(points), here, first_row, last_row, steps))

    over_gpus(work, (points,), gpu)
    return counts


class Steps:
    """Number of rows done in all passes, on all GPUs, for reporting progress."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0
        self.lock = threading.Lock()

    def take(self, rows: int) -> None:
        """Add rows that are done, and report."""
        with self.lock:
            self.done += rows
            if self.progress is not None:
                self.progress(self.done, self.total)


def find_radii(samples: Array, ks: tuple[int, ...], first_row: int, last_row: int, steps: Steps) -> Array:
    """Radius (len(ks), rows) of the samples first_row to last_row of samples (n, dim)."""
    way = way_through(samples)
    points = way.arrange(samples)
    return by_rows(points.order, first_row, last_row, steps, lambda queries, _: way.find_radii(points, queries, ks))


def count_side(samples: Array, radius: Array, first_row: int, last_row: int, steps: Steps) -> Array:
    """Counts (m, rows): other samples strictly nearer than radius (m, rows) to the samples first_row to last_row."""
    way = way_through(samples)
    points = way.arrange(samples)
    return by_rows(
        points.order,
        first_row,
        last_row,
        steps,
        lambda queries, rows: way.count_within(points, queries, xp.ascontiguousarray(radius[:, rows])),
    )


def way_through(samples: Array) -> ModuleType:
    """Return `tree` or `tiles`, whichever is faster for samples (n, dim)."""
    n, dim = samples.shape
    return tree if dim <= TREE_UP_TO and n >= (LINE_FROM if dim == 1 else TREE_FROM) else tiles


def by_rows(order: Array, first_row: int, last_row: int, steps: Steps, work: Callable[[Array, Array], Array]) -> Array:
    """Results (m, queries) of `work(queries, rows)` for the samples first_row to last_row, in their order.

    queries are positions in `order` (n,), near ones side by side, and rows are their samples, counted from first_row. All are
    processed together unless memory is short.
    """
    places = xp.flatnonzero((order >= first_row) & (order < last_row)).astype(np.int32)
    rows = order[places] - first_row
    found = None
    start, batch = 0, len(places)
    while start < len(places):
        some = slice(start, start + batch)
        try:
            part = work(places[some], rows[some])
        except MemoryError:
            if batch <= LEAST_BATCH:
                raise
            batch //= 2
            release()
            continue
        if found is None:
            found = xp.empty((len(part), len(places)), part.dtype)
        found[:, rows[some]] = part
        start += batch
        steps.take(len(places[some]))
    return found


def joined(parts: Sequence[Array]) -> Array:
    """Join the parts (n, dim) side by side."""
    return parts[0] if len(parts) == 1 else xp.concatenate(parts, axis=1)


def over_gpus(work: Callable[[int, int], None], parts: Sequence[Samples], gpu: int | None) -> None:
    """Call `work(first_row, last_row)` for all rows of the parts, on the GPU with this index.

    With None, a large job runs on every GPU, each with its share of the rows; a small one runs on the GPU that holds the parts,
    or else on CuPy's current GPU.
    """
    n, dim, itemsize = len(parts[0]), sum(part.shape[1] for part in parts), parts[0].dtype.itemsize
    gpus = [gpu_for(parts) if gpu is None else gpu]
    if gpu is None and float(n) ** 2 * dim >= SPLIT_FROM:
        gpus = list(range(number_of_gpus()))
    edges = [n * part // len(gpus) for part in range(len(gpus) + 1)]

    def on_one(gpu: int, first_row: int, last_row: int) -> None:
        try:
            with on_gpu(gpu):
                try:
                    work(first_row, last_row)
                except MemoryError as error:
                    release()
                    raise BackendUnavailableError(too_large(gpu, n, dim, itemsize)) from error
        except MemoryError as error:
            raise BackendUnavailableError(
                f"backend cuda: GPU {gpu} has no memory left, perhaps since others hold it."
            ) from error

    if len(gpus) == 1:
        on_one(gpus[0], 0, n)
        return
    with ThreadPoolExecutor(len(gpus)) as pool:
        for _ in pool.map(on_one, gpus, edges[:-1], edges[1:]):
            pass


def too_large(gpu: int, n: int, dim: int, itemsize: int) -> str:
    """Message that memory does not suffice even for the smallest batch."""
    a_sample = 4 * dim * itemsize + SORTING  # the parts, joined, sorted, and in columns
    free = free_bytes()
    return (
        f"backend cuda: {n} samples of {dim} dimensions need some {n * a_sample / 2**30:.1f} GiB, and GPU {gpu} has "
        f"{free / 2**30:.1f} GiB free: take at most {free // a_sample} samples, or the backend cpu."
    )
