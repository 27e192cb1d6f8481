"""The contract of `mi_core.backends` on GPUs: choice of algorithm, rows for each GPU, and batches that fit its memory."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import numpy as np

from mi_core.backends.cuda import distances, tiles, tree
from mi_core.backends.cuda import filter as filter_
from mi_core.backends.cuda.device import (
    SIMULATED,
    UNTRIED,
    Array,
    free_bytes,
    halves_in_pairs,
    number_of_gpus,
    on_gpu,
    release,
    settle,
    to_device,
    to_host,
    xp,
)
from mi_core.backends.cuda.samples import array_of, gpu_for, gpus_of
from mi_core.errors import BackendUnavailableError
from mi_core.types import FloatArray, IntArray, Progress, Samples

# Milliseconds on an H100 of tiles / tree for one space, Gaussians with a common part (benchmarks/results/gpu):
#     dimensions      N = 3,000       10,000       30,000      100,000
#              2      6.3 / 3.7    4.3 / 3.6    8.5 / 4.1     57 / 6.8
#              4      6.4 / 6.1    5.6 / 5.2    9.7 / 7.1     60 / 12
#              6      4.1 / 5.7    4.7 / 7.8     11 / 15      62 / 27
#              8      4.3 / 7.1    4.9 / 13      11 / 25      65 / 56
#             12      6.6 / 12     7.0 / 22      14 / 53      70 / 153
# Pairs grow with N squared, and what a tree looks at grows with the dimensions.
TREE_UP_TO = 20  # dimensions
TREE_FROM = 150  # samples for each cube of the dimensions
# Tiles / filter: Gaussians 200+200, N = 60,000 353 / 185 (on an H200), 6+6 at N = 40,000 25 / 46. Where a radius holds a large
# share of all samples, nothing can be left out.
FILTER_FROM = 50  # dimensions
FILTER_UP_TO = 100_000
FILTER_FROM_SAMPLES = 16 if SIMULATED else 1_000
CROWDED_FROM = 0.02  # share of the samples within a radius, from which on tiles count them faster
ASKED, AMONG = 16, 256  # samples that tell the share, and samples among which they do
COMPARED_TOGETHER = 2**24  # values of these
DISTANCES_FROM, DISTANCES_UP_TO = 10, 65_535  # dimensions; the first reasoned, as no GPU has run these, the last of a grid
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
        found, of_sides = counted([array_of(part) for part in parts], sides, ks, first_row, last_row, steps)
        radius[:, first_row:last_row] = to_host(found)
        for out, of_side in zip(counts, of_sides, strict=True):
            out[:, first_row:last_row] = to_host(of_side)

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


def counted(
    parts: Sequence[Array], sides: Sequence[tuple[int, int]], ks: tuple[int, ...], first_row: int, last_row: int, steps: Steps
) -> tuple[Array, Iterable[Array]]:
    """Radius (len(ks), rows) and counts (len(ks), rows) of each side."""
    way = way_through(len(parts[0]), sum(part.shape[1] for part in parts), ks[-1])
    if way is distances:
        points = distances.arrange(parts, sides)
        if points is not None:

            def done(rows: int) -> None:
                steps.take(rows * (1 + len(sides)))

            return distances.neighbour_counts(points, sides, ks, first_row, last_row, done)
    count = through_filter if way is filter_ else space_by_space
    return count(parts, sides, ks, first_row, last_row, steps)


def space_by_space(
    parts: Sequence[Array], sides: Sequence[tuple[int, int]], ks: tuple[int, ...], first_row: int, last_row: int, steps: Steps
) -> tuple[Array, Iterator[Array]]:
    """Radius (len(ks), rows) and counts (len(ks), rows) of each side, each space with an order of its own."""
    radius = find_radii(joined(parts), ks, first_row, last_row, steps)
    return radius, (count_side(joined(parts[first:last]), radius, first_row, last_row, steps) for first, last in sides)


def through_filter(
    parts: Sequence[Array], sides: Sequence[tuple[int, int]], ks: tuple[int, ...], first_row: int, last_row: int, steps: Steps
) -> tuple[Array, Iterator[Array]]:
    """Radius (len(ks), rows) and counts (len(ks), rows) of each side, all spaces in one order."""
    points = filter_.arrange(parts, ks[-1])

    def rows_of(work: Callable[[Array, Array], Array]) -> Array:
        return by_rows(points.order, first_row, last_row, steps, work)

    def counts_of(first: int, last: int) -> Array:
        samples = joined(parts[first:last])
        if share_within(samples, radius[-1], first_row) > CROWDED_FROM:
            return count_side(samples, radius, first_row, last_row, steps)
        return rows_of(lambda queries, rows: filter_.count_within(points, (first, last), queries, at(radius, rows)))

    radius = rows_of(lambda queries, _: filter_.find_radii(points, queries, ks))
    return radius, itertools.starmap(counts_of, sides)


def share_within(samples: Array, radius: Array, first_row: int) -> float:
    """Roughly the share of samples (n, dim) within radius (rows,) of those from first_row on."""
    rows = xp.arange(0, len(radius), max(1, len(radius) // ASKED))[:ASKED]
    among = max(1, min(AMONG, COMPARED_TOGETHER // (ASKED * samples.shape[1])))
    some = samples[:: max(1, len(samples) // among)][:among]
    apart = abs(samples[first_row + rows][:, np.newaxis] - some).max(axis=2)
    return float((apart < radius[rows][:, np.newaxis]).mean())


def find_radii(samples: Array, ks: tuple[int, ...], first_row: int, last_row: int, steps: Steps) -> Array:
    """Radius (len(ks), rows) of the samples first_row to last_row of samples (n, dim)."""
    way = way_through(*samples.shape)
    points = way.arrange(samples)
    return by_rows(points.order, first_row, last_row, steps, lambda queries, _: way.find_radii(points, queries, ks))


def count_side(samples: Array, radius: Array, first_row: int, last_row: int, steps: Steps) -> Array:
    """Counts (m, rows): other samples strictly nearer than radius (m, rows) to the samples first_row to last_row."""
    way = way_through(*samples.shape)
    points = way.arrange(samples)
    return by_rows(
        points.order,
        first_row,
        last_row,
        steps,
        lambda queries, rows: way.count_within(points, queries, at(radius, rows)),
    )


def way_through(n: int, dim: int, k: int | None = None) -> ModuleType:
    """Return `tree`, `tiles` or, for radii to the k-th neighbour, another way: whichever is faster for samples (n, dim)."""
    if UNTRIED and k is not None and DISTANCES_FROM <= dim <= DISTANCES_UP_TO and k <= distances.LIST and halves_in_pairs():
        return tree if dim <= TREE_UP_TO and n >= TREE_FROM * dim**3 else distances
    if k is not None and FILTER_FROM <= dim <= FILTER_UP_TO and k <= filter_.LIST and n >= FILTER_FROM_SAMPLES:
        return filter_
    return tree if dim <= TREE_UP_TO and n >= TREE_FROM * dim**3 else tiles


def by_rows(order: Array, first_row: int, last_row: int, steps: Steps, work: Callable[[Array, Array], Array]) -> Array:
    """Results (m, queries) of `work(queries, rows)` for the samples first_row to last_row, in their order.

    queries are positions in `order` (n,), near ones side by side, and rows are their samples, counted from first_row. All are
    processed together unless memory is short.
    """
    if (first_row, last_row) == (0, len(order)):
        places, rows = xp.arange(last_row, dtype=np.int32), order
    else:
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


def at(radius: Array, rows: Array) -> Array:
    """Radius (len(ks), rows) of some rows, as kernels take it."""
    return xp.ascontiguousarray(radius[:, rows])


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
    for held_on in gpus_of(parts):
        with on_gpu(held_on):
            settle()
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
