"""How many threads this process may use."""

from __future__ import annotations

import os


def available_threads() -> int:
    """Number of CPUs that this process may use; no more than NUMBA_NUM_THREADS says, where that is set."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("NUMBA_NUM_THREADS", "")
    return min(cpus, int(limit)) if limit.isdecimal() and int(limit) else cpus
