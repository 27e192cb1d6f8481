"""Number of threads that this process may use."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

_setting = threading.RLock()  # held by the thread that has changed how many threads matrix products take


def available_threads() -> int:
    """Number of CPUs that this process may use, at most NUMBA_NUM_THREADS if that is set."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("NUMBA_NUM_THREADS", "")
    return min(cpus, int(limit)) if limit.isdecimal() and int(limit) else cpus


def one_blas_thread() -> contextlib.AbstractContextManager[None]:
    """Run each matrix product in one thread while the block runs: more threads slow small products down on a busy machine."""
    return blas_threads(1)


@contextlib.contextmanager
def blas_threads(most: int) -> Iterator[None]:
    """Run each matrix product in so many threads at most while the block runs.

    The setting applies to the whole process. If blocks of several threads overlap, the first one makes the setting and restores
    the old one when it ends; the others leave it alone, and may end with more threads. A block within another has its own.
    """
    if not _setting.acquire(blocking=False):
        yield
        return
    from threadpoolctl import threadpool_limits  # here, because it looks through all libraries that are loaded

    try:
        with threadpool_limits(most, "blas"):
            yield
    finally:
        _setting.release()
