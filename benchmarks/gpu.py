"""The CUDA backend beside GPU code written by hand and the CPU: `mi bench gpu`, in under eight minutes.

Every program starts with samples in the memory of its choice, and ends with counts on the host. The same run measures the
ceiling: the time for one |a - b| and max per pair and dimension, at the rate that the GPU reaches with data in registers.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import mi_core
from benchmarks import report, rows
from benchmarks.measure import equal_to_reference
from benchmarks.tasks import Task
from mi_core import InputError, NeighbourCounts
from mi_core.backends.cuda import presence
from mi_core.errors import first_line
from mi_core.whole_files import whole_file

RESULTS = rows.REPOSITORY / "benchmarks" / "results" / "gpu"
K = 3
CPU_THREADS = 2
REPEATS = 11
ENOUGH = 2.0  # seconds of repeats of one measurement
LIMIT = 15.0  # seconds that one by hand may take; foreseen from smaller tasks
CHUNK_BYTES = 2**30  # of each distance matrix by hand
CHECKED_ROWS = 8
WHOLE_MATRIX = 100_000  # samples up to which all pairs by hand, or their ceiling, are worth a number

TASKS = (
    Task("gaussian", 10_000, 200, 200),
    Task("activations", 10_000, 200, 200),
    Task("activations", 10_000, 784, 200),
    Task("relu", 10_000, 200, 200),
    Task("gaussian", 10_000, 50, 50),
    Task("gaussian", 60_000, 200, 200),
    Task("activations", 60_000, 200, 200),
    Task("correlated", 10_000, 1, 1),
    Task("correlated", 100_000, 1, 1),
    Task("correlated", 1_000_000, 1, 1),
    Task("correlated", 10_000_000, 1, 1),
    Task("correlated", 100_000, 3, 3),
    Task("correlated", 1_000_000, 3, 3),
    Task("correlated", 100_000, 5, 5),
    Task("correlated", 100_000, 10, 10),
)

Run = Callable[[], Any]


@dataclasses.dataclass(frozen=True)
class Program:
    """`prepare(x, y)` puts the samples where the program wants them; what it returns is timed."""

    name: str
    prepare: Callable[[Any, Any], Run]
    by_hand: bool = False  # all pairs, for as long as that is reasonable


# ------------------------------------------------------------------ ours


def on_the_gpu(x: Any, y: Any) -> Run:
    import cupy

    on_gpu = cupy.asarray(x), cupy.asarray(y)
    return lambda: mi_core.neighbour_counts(*on_gpu, K, backend="cuda")


def from_the_host(x: Any, y: Any) -> Run:
    return lambda: mi_core.neighbour_counts(x, y, K, backend="cuda")


def whole_estimate(x: Any, y: Any) -> Run:
    """With its notes and error bar, from samples on the host."""
    return lambda: mi_core.mutual_information(x, y, k=K, backend="cuda")


def on_the_cpu(x: Any, y: Any) -> Run:
    return lambda: mi_core.neighbour_counts(x, y, K, backend="cpu", threads=CPU_THREADS)


def one_pass(name: str) -> Callable[[Any, Any], Run]:
    """The passes that a count is made of, each alone: "arrange", "radius", "counts" of the joint space."""

    def prepare(x: Any, y: Any) -> Run:
        import cupy

        from mi_core.backends.cuda import counts
        from mi_core.backends.cuda import filter as filter_

        samples = cupy.asarray(np.hstack([x, y]))
        way: Any = counts.way_through(len(x), samples.shape[1], K)
        arguments: Any = ([samples], K) if way is filter_ else (samples,)
        side: Any = ((0, 1),) if way is filter_ else ()
        points = way.arrange(*arguments)
        queries = cupy.arange(len(x), dtype=np.int32)
        radius = way.find_radii(points, queries, (K,))
        passes = {
            "arrange": lambda: way.arrange(*arguments),
            "radius": lambda: way.find_radii(points, queries, (K,)),
            "counts": lambda: way.count_within(points, *side, queries, radius),
        }

        def run() -> None:
            passes[name]()
            cupy.cuda.get_current_stream().synchronize()

        return run

    return prepare


# ------------------------------------------------------------------ by hand


def torch_by_hand(x: Any, y: Any, device: str = "cuda") -> Run:
    """Chunks of rows with cdist, topk and comparisons."""
    import torch

    side_x, side_y = (torch.from_numpy(side).to(device) for side in (x, y))
    rows_of_a_chunk = chunk_rows(len(x))

    def run() -> Any:
        n_x, n_y = [], []
        for start in range(0, len(side_x), rows_of_a_chunk):
            some = slice(start, start + rows_of_a_chunk)
            distance_x = torch.cdist(side_x[some], side_x, p=float("inf"))
            distance_y = torch.cdist(side_y[some], side_y, p=float("inf"))
            nearest = torch.topk(torch.maximum(distance_x, distance_y), K + 1, dim=1, largest=False).values
            radius = nearest[:, -1:]
            n_x.append((distance_x < radius).sum(dim=1) - 1)
            n_y.append((distance_y < radius).sum(dim=1) - 1)
        return torch.cat(n_x).cpu().numpy(), torch.cat(n_y).cpu().numpy()

    return run


def jax_by_hand(x: Any, y: Any) -> Run:
    """Distances by JAX, compiled as a whole; the compiler fuses differences and maximum."""
    import jax
    from jax import numpy as jnp

    side_x, side_y = jnp.asarray(x), jnp.asarray(y)

    def distances(query: Any, points: Any) -> Any:
        return jnp.abs(points - query).max(axis=1)

    def counts(pair: Any) -> Any:
        distance_x, distance_y = distances(pair[0], side_x), distances(pair[1], side_y)
        radius = -jax.lax.top_k(-jnp.maximum(distance_x, distance_y), K + 1)[0][-1]
        return jnp.sum(distance_x < radius) - 1, jnp.sum(distance_y < radius) - 1

    whole = jax.jit(lambda sides: jax.lax.map(counts, sides, batch_size=min(256, len(x))))
    return lambda: tuple(np.asarray(part) for part in whole((side_x, side_y)))


def keops_by_hand(x: Any, y: Any, device: str = "cuda") -> Run:
    """Distances as formulas that KeOps compiles into kernels, which keep no matrix."""
    import torch
    from pykeops.torch import LazyTensor

    side_x, side_y = (torch.from_numpy(side).to(device) for side in (x, y))
    joint = torch.cat((side_x, side_y), dim=1)

    def distances(points: Any) -> Any:
        return (LazyTensor(points[:, None, :]) - LazyTensor(points[None, :, :])).abs().max(-1)

    def run() -> Any:
        radius = distances(joint).Kmin(K + 1, dim=1)[:, -1:].contiguous()
        within = LazyTensor(radius[:, None, :])
        not_nearer = ((distances(side) - within).step().sum(dim=1).view(-1) for side in (side_x, side_y))
        return tuple((len(radius) - 1 - counts).cpu().numpy() for counts in not_nearer)

    return run


def chunk_rows(n: int) -> int:
    return max(1, CHUNK_BYTES // (4 * n))


# ------------------------------------------------------------------ ceilings

CEILING = """
extern "C" __global__ void ceiling(float* out, float step, int loops) {
    float far[64], a[8], b[8];
    for (int i = 0; i < 64; i++) far[i] = 0;
    for (int i = 0; i < 8; i++) { a[i] = step * (threadIdx.x + i); b[i] = step * (blockIdx.x + 3 * i); }
    for (int loop = 0; loop < loops; loop++) {
        #pragma unroll
        for (int i = 0; i < 8; i++) a[i] += step;
        #pragma unroll
        for (int i = 0; i < 8; i++)
            #pragma unroll
            for (int j = 0; j < 8; j++) far[8 * i + j] = fmaxf(far[8 * i + j], fabsf(a[i] - b[j]));
    }
    float total = 0;
    for (int i = 0; i < 64; i++) total += far[i];
    out[blockIdx.x * blockDim.x + threadIdx.x] = total;
}
"""


def pairs_per_second() -> float:
    """How many |a - b| and max the GPU does in a second."""
    import cupy

    kernel = cupy.RawKernel(CEILING, "ceiling")
    blocks = 16 * cupy.cuda.Device().attributes["MultiProcessorCount"]
    out, loops = cupy.empty(blocks * 256, np.float32), 20_000

    def run() -> None:
        kernel((blocks,), (256,), (out, np.float32(1e-3), np.int32(loops)))
        cupy.cuda.get_current_stream().synchronize()

    return float(64 * loops * out.size / statistics.median(timed(run)))


def bytes_per_second() -> float:
    """How many bytes the GPU's memory reads and writes in a second."""
    import cupy

    source = cupy.ones(2**28, np.float32)
    target = cupy.empty_like(source)

    def run() -> None:
        cupy.copyto(target, source)
        cupy.cuda.get_current_stream().synchronize()

    return float(2 * source.nbytes / statistics.median(timed(run)))


# ------------------------------------------------------------------ measuring

PROGRAMS = (
    Program("mi cuda, samples on the GPU", on_the_gpu),
    Program("mi cuda, samples on the host", from_the_host),
    Program("mi cuda, estimate with error bar", whole_estimate),
    Program("its arrange, joint", one_pass("arrange")),
    Program("its radius, joint", one_pass("radius")),
    Program("its counts, joint", one_pass("counts")),
    Program("torch by hand", torch_by_hand, by_hand=True),
    Program("jax by hand", jax_by_hand, by_hand=True),
    Program("keops by hand", keops_by_hand, by_hand=True),
    Program("mi cpu", on_the_cpu),
)


def timed(run: Run) -> list[float]:
    """Seconds of some repeats, after a warm-up."""
    run()
    times: list[float] = []
    while len(times) < REPEATS and sum(times) < ENOUGH:
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return times


def measured(task: Task, pairs_a_second: float) -> Iterator[dict[str, Any]]:
    """What the rows of one task have of their own."""
    x, y = task.samples(0)
    work = float(task.n) ** 2 * (task.dim_x + task.dim_y)
    if task.n <= WHOLE_MATRIX:
        yield {"peer": "ceiling of all pairs, once", "status": "ok", "seconds": work / pairs_a_second}
    for program in PROGRAMS:
        if program.by_hand and (task.n > WHOLE_MATRIX or work * slowness.get(program.name, 0.0) > LIMIT):
            yield {"peer": program.name, "status": f"over {LIMIT:g} s"}
            continue
        try:
            run = program.prepare(x, y)
            started = time.perf_counter()
            found = run()
            warmup = time.perf_counter() - started
            times = timed(run)
        except ImportError as error:
            yield {"peer": program.name, "status": f"missing: {error}"}
            continue
        except Exception as error:  # noqa: BLE001  whatever a program by hand runs into is its result
            yield {"peer": program.name, "status": f"failed: {first_line(error)}"}
            continue
        slowness[program.name] = statistics.median(times) / work
        equal = equal_to_reference(found, x, y, CHECKED_ROWS) if isinstance(found, NeighbourCounts) else None
        yield {
            "peer": program.name,
            "status": "ok",
            "seconds": statistics.median(times),
            "seconds_min": min(times),
            "seconds_max": max(times),
            "repeats": len(times),
            "warmup_seconds": warmup,
            "counts_equal": equal,
        }


slowness: dict[str, float] = {}  # seconds for one pair in one dimension, of the last task


def main(folder: Path = RESULTS, only: str = "") -> None:
    """Measure the tasks whose name contains `only`; rows and table go to the folder."""
    if presence.number_of_gpus() == 0:
        raise InputError(f"needs a GPU: {presence.missing() or 'leave out the simulator'}")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "gpu.jsonl"
    path.write_text("", encoding="utf-8")
    circumstances = rows.circumstances()
    pairs_a_second = pairs_per_second()
    print(f"{circumstances['gpu']}: {pairs_a_second / 1e12:.1f} T pairs/s, {bytes_per_second() / 1e12:.2f} TB/s")
    for task in TASKS:
        if only in task.name:
            sizes: dict[str, Any] = {
                "task": task.name,
                "kind": task.kind,
                "n": task.n,
                "dim_x": task.dim_x,
                "dim_y": task.dim_y,
            }
            shared: dict[str, Any] = {
                "suite": "gpu",
                "k": K,
                "dtype": "float32",
                "threads": CPU_THREADS,
                "version": mi_core.__version__,
            }
            for found in measured(task, pairs_a_second):
                rows.append(path, rows.Row(**shared, **sizes, **found, **circumstances))
                print(f"{task.name}, {found['peer']}: {found.get('seconds', found['status'])}", flush=True)
    everything = rows.read(path, rows.Row)
    text = f"{report.table(everything)}\n\n{circumstances['gpu']}; {report.circumstances(everything)}\n"
    with whole_file(path.with_suffix(".md")) as file:
        file.write(text.encode())
    print(text)
