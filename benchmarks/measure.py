"""Measurement of one task with one peer, in a process of its own, so that time limits hold and peak memory is that peer's.

`row(...)` starts the process and waits; the process is this file, run as a module.
"""

from __future__ import annotations

import dataclasses
import json
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import OURS, PEERS, Peer, add_to_path
from benchmarks.rows import REPOSITORY, Row
from benchmarks.tasks import Task
from mi_core import NeighbourCounts

WARMUP_SAMPLES = 300
OUR_WARMUP_SAMPLES = 2000  # enough for "auto" to choose, and so to compile, what it does at full size
REPEATS = 5
CHECKED_ROWS = 48  # points whose counts are compared with the reference


@dataclasses.dataclass(frozen=True)
class Job:
    """All that the process needs to know."""

    suite: str
    task: Task
    peer: str
    k: int
    threads: int
    dtype: str
    seeds: int  # data sets; speed needs one
    limit: float  # seconds for one estimate
    path: str  # folder of a peer that is not installed


def row(job: Job, circumstances: dict[str, Any]) -> Row:
    """Measure in a new process; whatever happens there becomes a row."""
    peer, task = PEERS[job.peer], job.task
    add_to_path(job.path)
    facts: dict[str, Any] = {"suite": job.suite, "task": task.name, "kind": task.kind, "n": task.n}
    facts |= {"dim_x": task.dim_x, "dim_y": task.dim_y, "k": job.k, "dtype": job.dtype, "threads": job.threads}
    facts |= {"peer": peer.name, "version": "", "truth": task.truth, **circumstances}
    if peer.one_dimension_only and (task.dim_x, task.dim_y) != (1, 1):
        return Row(**facts, status="1+1 only")
    if reason := peer.missing():
        return Row(**facts, status=f"missing: {reason}")
    facts["version"] = peer.version()
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.measure"],
        input=json.dumps(dataclasses.asdict(job)),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode == -signal.SIGALRM:
        return Row(**facts, status=f"over {job.limit:g} s")
    if finished.returncode != 0:
        complaint = finished.stderr.strip().splitlines() or [f"exit code {finished.returncode}"]
        return Row(**facts, status=f"failed: {complaint[-1]}")
    return Row(**facts, status="ok", **json.loads(finished.stdout.splitlines()[-1]))


def measure(job: Job) -> dict[str, Any]:
    """Runs in the process: warm up, time, check."""
    peer = PEERS[job.peer]
    x, y = samples(job, seed=0)
    few = OUR_WARMUP_SAMPLES if peer in OURS else WARMUP_SAMPLES
    warmup_seconds = timed(peer, x[:few], y[:few], job)[0]
    # The timer's signal is left to end the process: compiled code does not look at Python's handlers.
    signal.setitimer(signal.ITIMER_REAL, job.limit)
    seconds, mi = timed(peer, x, y, job)
    signal.setitimer(signal.ITIMER_REAL, 0)
    times, estimates = [seconds], [mi]
    peak = peak_mib()
    while len(times) < REPEATS and sum(times) + seconds < job.limit:
        times.append(timed(peer, x, y, job)[0])
    if not np.isfinite(mi):  # on ties some programs end at infinity
        raise SystemExit(f"its estimate is {mi}")
    estimates += [timed(peer, *samples(job, seed), job)[1] for seed in range(1, job.seeds)]
    found = {
        "seconds": statistics.median(times),
        "seconds_min": min(times),
        "seconds_max": max(times),
        "repeats": len(times),
        "warmup_seconds": warmup_seconds,
        "peak_mib": peak,
        "mi": statistics.fmean(estimates),
        "spread": statistics.stdev(estimates) if len(estimates) > 1 else None,
        "seeds": len(estimates),
    }
    return found | counts(peer, x, y, job)


def peak_mib() -> float | None:
    """Peak resident memory of this process; unlike `getrusage`, which keeps the peak of the parent that started it."""
    status = Path("/proc/self/status")
    if not status.exists():  # not Linux
        return None
    (peak,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return round(int(peak) / 1024, 1)


def samples(job: Job, seed: int) -> tuple[Any, Any]:
    x, y = job.task.samples(seed)
    return x.astype(job.dtype), y.astype(job.dtype)


def timed(peer: Peer, x: Any, y: Any, job: Job) -> tuple[float, float]:
    started = time.perf_counter()
    mi = peer.estimate(x, y, job.k, job.threads)
    return time.perf_counter() - started, mi


def counts(peer: Peer, x: Any, y: Any, job: Job) -> dict[str, Any]:
    """Whether sampled points have exactly the counts of a float64 reference; for our own backends only."""
    if peer not in OURS:
        return {}
    import mi_core

    backend: Any = peer.name.removeprefix("mi ")
    found = mi_core.neighbour_counts(x, y, job.k, backend=backend, threads=job.threads)
    return {"counts_equal": equal_to_reference(found, x, y, CHECKED_ROWS), "backend": found.backend}


def equal_to_reference(found: NeighbourCounts, x: Any, y: Any, rows: int) -> bool:
    """Whether some rows have exactly the radius and the counts that NumPy finds in float64."""
    equal = True
    wide_x, wide_y = x.astype(np.float64), y.astype(np.float64)
    for i in np.random.default_rng(1).choice(len(x), min(rows, len(x)), replace=False):
        distance_x, distance_y = (np.delete(np.abs(side - side[i]).max(axis=1), i) for side in (wide_x, wide_y))
        radius = np.partition(np.maximum(distance_x, distance_y), found.k - 1)[found.k - 1]
        mine = (found.radius[i], found.n_x[i], found.n_y[i])
        equal &= mine == (radius, np.sum(distance_x < radius), np.sum(distance_y < radius))
    return bool(equal)


if __name__ == "__main__":
    received = json.load(sys.stdin)
    order = Job(**{**received, "task": Task(**received["task"])})
    add_to_path(order.path)
    print(json.dumps(measure(order)))
