"""How many threads this process may use."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

_setting = threading.Lock()  # held by whoever has changed how many threads matrix products take


def available_threads() -> int:
    """Number of CPUs that this process may use; no more than NUMBA_NUM_THREADS says, where that is set."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("NUMBA_NUM_THREADS", "")
    return min(cpus, int(limit)) if limit.isdecimal() and int(limit) else cpus


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Matrix products run in one thread each while the block lasts: several slow small ones down on a busy machine.

    The setting is that of the whole process. Where blocks overlap, the first one sets it and brings back what was when it ends;
    the others leave it alone, and may end with more threads than one.
    """
    if not _setting.acquire(blocking=False):
        yield
        return
    from threadpoolctl import threadpool_limits  # here, because it looks through all libraries that are loaded

    try:
        with threadpool_limits(1, "blas"):
            yield
    finally:
        _setting.release()
