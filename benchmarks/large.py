"""Time and memory of estimates from many samples, on one machine and on the workers of a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import mi_core
from benchmarks.rows import REPOSITORY
from benchmarks.tasks import Task
from mi_core.types import Samples

LARGE = (
    Task("correlated", 100_000, 10, 10),
    Task("correlated", 300_000, 10, 10),
    Task("correlated", 1_000_000, 10, 10),
    Task("activations", 60_000, 200, 200),
    Task("activations", 200_000, 200, 200),
    Task("gaussian", 60_000, 200, 200),
    Task("gaussian", 200_000, 200, 200),
)
SPREAD = (Task("activations", 60_000, 200, 200), Task("gaussian", 60_000, 200, 200))
REPEATS = 5
FEW = 2_100  # samples that make "auto" choose, and so compile, what it does at full size
ESTIMATE = """
import json, sys, time
import numpy as np
from benchmarks.measure import peak_mib
from mi_core import mutual_information
x, y = np.load("x.npy"), np.load("y.npy")
mutual_information(x[:int(sys.argv[1])], y[:int(sys.argv[1])], error_bar=False)
started, processor = time.perf_counter(), time.process_time()
found = mutual_information(x, y, error_bar=False)
seconds = time.perf_counter() - started, time.process_time() - processor
print(json.dumps({"seconds": seconds[0], "processor": seconds[1], "peak MiB": peak_mib(), "backend": found.backend}))
"""


def large(tasks: tuple[Task, ...] = LARGE) -> Iterator[dict[str, Any]]:
    """One estimate of each size, without its error bar, in float32 with k=3, on all processors, after one from few samples.

    Memory is the peak of the whole process, samples and libraries included. The load is the number of processes that wanted a
    processor, averaged over the last minute.
    """
    for task in tasks:
        with tempfile.TemporaryDirectory() as folder:
            x, y = task.samples(seed=0)
            np.save(Path(folder) / "x.npy", x)
            np.save(Path(folder) / "y.npy", y)
            data = (x.nbytes + y.nbytes) / 2**20
            del x, y
            done = subprocess.run(
                [sys.executable, "-c", ESTIMATE, str(FEW)],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
                capture_output=True,
                text=True,
                check=True,
            )
        yield {"setting": task.name, "samples MiB": data, **json.loads(done.stdout), "load": os.getloadavg()[0]}


def workers(tasks: tuple[Task, ...] = SPREAD, repeats: int = REPEATS) -> Iterator[dict[str, Any]]:
    """One estimate, without its error bar, on one worker process of one thread and on two, in turns; the least of several runs.

    Wall time is given with processor time: that of this process, which prepares and sends, and that of all workers together. On
    an idle machine an estimate takes the former plus an equal share of the latter ("ratio if idle").
    """
    for task in tasks:
        x, y = task.samples(seed=0)
        with a_cluster(1) as one, a_cluster(2) as two:
            for cluster in (one, two):
                spread_over(cluster, x[:FEW], y[:FEW])  # loads or compiles what they need
            runs = [(spread_over(one, x, y), spread_over(two, x, y)) for _ in range(repeats)]
        first, second = ({name: min(run[name] for run in some) for name in some[0]} for some in zip(*runs, strict=True))
        alone = [each["here"] + each["workers"] / count for count, each in enumerate((first, second), start=1)]
        yield {
            "setting": task.name,
            "one worker": first["seconds"],
            "two": second["seconds"],
            "ratio": first["seconds"] / second["seconds"],
            "processor here, one": first["here"],
            "here, two": second["here"],
            "workers, one": first["workers"],
            "workers, two": second["workers"],
            "ratio if idle": alone[0] / alone[1],
            "load": os.getloadavg()[0],
        }


def a_cluster(count: int) -> Any:
    """Worker processes of one thread each, on this machine."""
    from distributed import LocalCluster

    settings: dict[str, Any] = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "silence_logs": "CRITICAL"}
    return LocalCluster(n_workers=count, threads_per_worker=1, processes=True, **settings)  # type: ignore[no-untyped-call]


def spread_over(cluster: Any, x: Samples, y: Samples) -> dict[str, float]:
    """Wall time of one estimate on a cluster, and processor time of this process and of all workers together."""
    from distributed import Client

    with Client(cluster.scheduler_address) as client:  # type: ignore[no-untyped-call]
        before, processor, started = client.run(time.process_time), time.process_time(), time.perf_counter()
        mi_core.mutual_information(x, y, error_bar=False, threads=1, scheduler=cluster.scheduler_address)
        seconds, here = time.perf_counter() - started, time.process_time() - processor
        answering = sum(after - before[worker] for worker, after in client.run(time.process_time).items())
    return {"seconds": seconds, "here": here, "workers": answering}
