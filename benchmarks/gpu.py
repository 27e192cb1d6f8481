"""The CUDA backend beside GPU code written by hand and the CPU: `mi bench gpu`, in some three minutes.

Every program starts with samples in the memory of its choice, and ends with counts on the host. What matters most is measured
first, and each row is kept as soon as it is there. The same run measures the ceiling: the time for one |a - b| and max per pair
and dimension, at the rate that the GPU reaches with data in registers.

KeOps compiles with g++ when it first runs. It needs Python's headers, those of CUDA (cuda.h, nvrtc.h, cuda_fp16.h, crt) in one
folder, the `include` of CUDA_PATH or /usr/local/cuda, and libcuda.so, libnvrtc.so and libcudart.so where linker and loader
look.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.metadata
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mi_core
from benchmarks import report, rows
from benchmarks.measure import OUR_WARMUP_SAMPLES, equal_to_reference
from benchmarks.tasks import Pair, Task
from mi_core import InputError, NeighbourCounts
from mi_core.backends.cuda import presence
from mi_core.errors import first_line
from mi_core.whole_files import whole_file

RESULTS = rows.REPOSITORY / "benchmarks" / "results" / "gpu"
K = 3
CPU_THREADS = 2
SECONDS = 180.0  # after which nothing more is begun
REPEATS = 50
ENOUGH = 0.5  # seconds of repeats of one measurement
LIMIT = 4.0  # seconds that one by hand may take, foreseen from other tasks; and repeats of ours, however few
APART = 20.0  # seconds that a program in a process of its own may take, compiling included
CHUNK_BYTES = 2**30  # of each distance matrix by hand
CHECKED_ROWS = 4
WHOLE_MATRIX = 100_000  # samples up to which all pairs by hand, or their ceiling, are worth a number

DECISIVE = (
    Task("gaussian", 10_000, 200, 200),
    Task("gaussian", 60_000, 200, 200),
    Task("correlated", 1_000_000, 1, 1),
    Task("activations", 10_000, 200, 200),
    Task("activations", 60_000, 200, 200),
    Task("relu", 10_000, 200, 200),
)
QUICK_ON_CPU = (
    Task("gaussian", 10_000, 50, 50),
    Task("activations", 10_000, 784, 200),
    Task("correlated", 10_000, 1, 1),
    Task("correlated", 100_000, 1, 1),
    Task("correlated", 100_000, 3, 3),
    Task("correlated", 100_000, 5, 5),
)
FURTHER = (
    *QUICK_ON_CPU,
    Task("correlated", 1_000_000, 3, 3),
    Task("correlated", 10_000_000, 1, 1),
    Task("correlated", 100_000, 10, 10),
)

Run = Callable[[], Any]


@dataclasses.dataclass(frozen=True)
class Program:
    """`prepare(x, y)` puts the samples where the program wants them; what it returns is timed.

    Attributes:
        repeats: At least so many, as far as they fit into the limit.
        warm: `prepare` has compiled all, so that the first run counts.
        by_hand: All pairs, for as long as that is reasonable; not tried again once it has failed.
        apart: In a process of its own, which may be stopped or crash.
        tasks: Only these, if any are named.
    """

    name: str
    prepare: Callable[[Any, Any], Run]
    repeats: int = 1
    warm: bool = False
    by_hand: bool = False
    apart: bool = False
    tasks: tuple[Task, ...] = ()


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
    def counts(n: int) -> NeighbourCounts:
        return mi_core.neighbour_counts(x[:n], y[:n], K, backend="cpu", threads=CPU_THREADS)

    counts(OUR_WARMUP_SAMPLES)
    return lambda: counts(len(x))


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

    run()
    return float(64 * loops * out.size / statistics.median(timed(run)[0]))


def bytes_per_second() -> float:
    """How many bytes the GPU's memory reads and writes in a second."""
    import cupy

    source = cupy.ones(2**28, np.float32)
    target = cupy.empty_like(source)

    def run() -> None:
        cupy.copyto(target, source)
        cupy.cuda.get_current_stream().synchronize()

    run()
    return float(2 * source.nbytes / statistics.median(timed(run)[0]))


# ------------------------------------------------------------------ measuring

OURS = (
    Program("mi cuda, samples on the GPU", on_the_gpu, repeats=11),
    Program("mi cuda, samples on the host", from_the_host, repeats=11),
    Program("mi cuda, estimate with error bar", whole_estimate, repeats=3),
)
BY_HAND = (
    Program("torch by hand", torch_by_hand, by_hand=True),
    Program("jax by hand", jax_by_hand, by_hand=True),
    Program("keops by hand", keops_by_hand, by_hand=True, apart=True),
)
ON_CPU = (Program("mi cpu", on_the_cpu, warm=True, tasks=(*DECISIVE, *QUICK_ON_CPU)),)


@functools.cache
def samples(task: Task) -> Pair:
    """Both sides of a task, drawn once for all programs."""
    return task.samples(0)


def plan() -> Iterator[tuple[Task, Sequence[Program]]]:
    """What matters most, first."""
    for tasks in (DECISIVE, FURTHER):
        for programs in (OURS, BY_HAND, ON_CPU):
            for task in tasks:
                yield task, programs


def timed(run: Run, repeats: int = 1) -> tuple[list[float], Any]:
    """Seconds of some runs, at least `repeats` if these are within the limit, and what the last one returned."""
    times: list[float] = []
    found = None
    while len(times) < REPEATS and sum(times) < (LIMIT if len(times) < repeats else ENOUGH):
        started = time.perf_counter()
        found = run()
        times.append(time.perf_counter() - started)
    return times, found


def tried(program: Program, x: Any, y: Any) -> dict[str, Any]:
    """What the row of a program has of its own; whatever happens is a result."""
    try:
        started = time.perf_counter()
        run = program.prepare(x, y)
        if not program.warm:
            run()
        warmup = time.perf_counter() - started
        times, found = timed(run, program.repeats)
    except ImportError as error:
        return {"status": f"missing: {error}"}
    except Exception as error:  # noqa: BLE001  whatever a program by hand runs into is its result
        return {"status": f"failed: {first_line(error)}"}
    return {
        "status": "ok",
        "seconds": statistics.median(times),
        "seconds_min": min(times),
        "seconds_max": max(times),
        "repeats": len(times),
        "warmup_seconds": warmup,
        "counts_equal": equal_to_reference(found, x, y, CHECKED_ROWS) if isinstance(found, NeighbourCounts) else None,
    }


def tried_apart(program: Program, task: Task) -> dict[str, Any]:
    """What one row has of its own, measured in another process, which may crash or hang."""
    command = [sys.executable, "-m", "benchmarks.gpu", program.name, json.dumps(dataclasses.asdict(task))]
    try:
        done = subprocess.run(command, cwd=rows.REPOSITORY, capture_output=True, text=True, check=False, timeout=APART)
    except subprocess.TimeoutExpired:
        return {"status": f"failed: still running after {APART:g} s"}
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return {"status": f"failed: {said[-1]}"}
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def apart(name: str, task: str) -> None:
    """Runs in the process."""
    (program,) = (one for one in (*OURS, *BY_HAND, *ON_CPU) if one.name == name)
    print("\n" + json.dumps(tried(program, *Task(**json.loads(task)).samples(0))))


class Measurements:
    """Measures within a time limit, and remembers what programs by hand took."""

    def __init__(self, seconds: float, pairs_a_second: float) -> None:
        self.end = time.perf_counter() + seconds
        self.pairs_a_second = pairs_a_second
        self.earlier: dict[str, list[tuple[Task, float]]] = {}
        self.failed: set[str] = set()

    def of(self, task: Task, programs: Sequence[Program]) -> Iterator[dict[str, Any]]:
        """What the rows of one task have of their own."""
        if programs is OURS and task.n <= WHOLE_MATRIX:
            yield {"peer": "ceiling of all pairs, once", "status": "ok", "seconds": work(task) / self.pairs_a_second}
        for program in programs:
            if program.name in self.failed or (program.tasks and task not in program.tasks):
                continue
            result = self.result(task, program)
            if result["status"] == "ok":
                self.earlier.setdefault(program.name, []).append((task, result["seconds"]))
            elif program.by_hand and result["status"].startswith(("failed", "missing")):
                self.failed.add(program.name)
            yield {"peer": program.name, **result}

    def result(self, task: Task, program: Program) -> dict[str, Any]:
        """The row of one program."""
        if program.by_hand and (task.n > WHOLE_MATRIX or self.foreseen(task, program) > LIMIT):
            return {"status": f"over {LIMIT:g} s"}
        if time.perf_counter() > self.end:
            return {"status": "no time left"}
        return tried_apart(program, task) if program.apart else tried(program, *samples(task))

    def foreseen(self, task: Task, program: Program) -> float:
        """Seconds, from the task measured with the most similar number of dimensions; 0 at first."""
        earlier = self.earlier.get(program.name, [])
        if not earlier:
            return 0.0
        nearest, seconds = min(earlier, key=lambda one: (abs(math.log(dimensions(one[0]) / dimensions(task))), -one[0].n))
        return seconds * work(task) / work(nearest)


def dimensions(task: Task) -> int:
    return task.dim_x + task.dim_y


def work(task: Task) -> float:
    """Pairs times dimensions."""
    return float(task.n) ** 2 * dimensions(task)


# ------------------------------------------------------------------ rows


def circumstances() -> dict[str, Any]:
    """Machine, versions and commit of a row, the driver and KeOps among them."""
    found = rows.circumstances()
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    with contextlib.suppress(OSError, IndexError):
        found["versions"]["driver"] = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()[0]
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        found["versions"]["pykeops"] = importlib.metadata.version("pykeops")
    return found


def write_table(path: Path) -> str:
    """The rows so far as a table beside them."""
    everything = rows.read(path, rows.Row)
    versions = ", ".join(f"{name} {version}" for name, version in everything[0].versions.items())
    about = f"{everything[0].gpu}; {report.circumstances(everything)}. Seconds. Versions: {versions}."
    text = f"{report.table(everything)}\n\n{about}\n"
    with whole_file(path.with_suffix(".md")) as file:
        file.write(text.encode())
    return text


def main(folder: Path = RESULTS, only: str = "", seconds: float = SECONDS) -> None:
    """Measure the tasks whose name contains `only`; rows and table go to the folder."""
    if presence.number_of_gpus() == 0:
        raise InputError(f"needs a GPU: {presence.missing() or 'leave out the simulator'}")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX would take most of the memory
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "gpu.jsonl"
    path.write_text("", encoding="utf-8")
    shared: dict[str, Any] = {"suite": "gpu", "k": K, "dtype": "float32", "threads": CPU_THREADS, **circumstances()}
    shared["version"] = mi_core.__version__
    measurements = Measurements(seconds, pairs_per_second())
    rates = f"{measurements.pairs_a_second / 1e12:.1f} T pairs/s, {bytes_per_second() / 1e12:.2f} TB/s"
    print(f"{shared['gpu']}: {rates}", flush=True)
    text = ""
    for task, programs in plan():
        if only not in task.name:
            continue
        sizes: dict[str, Any] = {"task": task.name, "kind": task.kind, "n": task.n, "dim_x": task.dim_x, "dim_y": task.dim_y}
        for found in measurements.of(task, programs):
            rows.append(path, rows.Row(**shared, **sizes, **found))
            print(f"{task.name}, {found['peer']}: {found.get('seconds', found['status'])}", flush=True)
        text = write_table(path)
    print(text)


if __name__ == "__main__":
    apart(*sys.argv[1:])
