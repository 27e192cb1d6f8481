"""How long the first `mi estimate` on a machine takes, with nothing compiled, and how long the next one takes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rows import REPOSITORY
from benchmarks.tasks import gaussian_pairs

SETTINGS = ((3000, 1), (3000, 10), (3000, 200))
REPEATS = 3
COMMAND = """
import json, sys, time
from mi_core import clock, compiling
from mi_core.command import main
began = time.perf_counter() - clock.now()
try:
    main()
finally:
    compiled = time.perf_counter() - clock.now() - began
    print(json.dumps([compiled, time.process_time(), compiling.begun()]), file=sys.stderr)
"""


def first_use(settings: tuple[tuple[int, int], ...] = SETTINGS, repeats: int = REPEATS) -> Iterator[dict[str, Any]]:
    """Medians of several first runs, each with an empty folder for compiled kernels, and of the runs that follow them.

    Seconds are wall time of the whole process. On a busy machine processor seconds are more reliable; nearly all of them are of
    one thread. The load is the number of processes that wanted a processor, averaged over the last minute.
    """
    for n, dim in settings:
        with tempfile.TemporaryDirectory() as folder:
            x, y, _ = gaussian_pairs(n, dim, dim, 0.5, np.random.default_rng(0))
            np.save(Path(folder) / "x.npy", x)
            np.save(Path(folder) / "y.npy", y)
            runs = [(run(Path(folder), f"kernels{number}"), run(Path(folder), f"kernels{number}")) for number in range(repeats)]
        first, again = (
            {name: statistics.median(one[name] for one in some) for name in some[0]} for some in zip(*runs, strict=True)
        )
        yield {
            "setting": f"{dim}+{dim}, N={n:,}",
            "first run": first["seconds"],
            "compiling": first["compiling"],
            "processor": first["processor"],
            "kernels": first["kernels"],
            "run again": again["seconds"],
            "loading": again["compiling"],
            "processor again": again["processor"],
            "load": os.getloadavg()[0],
        }


def run(folder: Path, kernels: str) -> dict[str, float]:
    """One `mi estimate` in a process of its own."""
    command = [sys.executable, "-c", COMMAND, "estimate", str(folder / "x.npy"), str(folder / "y.npy"), "--quiet"]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / kernels)}
    started = time.perf_counter()
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    compiled, processor, count = json.loads(done.stderr.splitlines()[-1])
    return {"seconds": seconds, "compiling": compiled, "processor": processor, "kernels": count}
