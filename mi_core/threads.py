"""How many threads this process may use."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

_lock = threading.Lock()
_users = 0
_limits: Any = None


def available_threads() -> int:
    """Number of CPUs that this process may use; no more than NUMBA_NUM_THREADS says, where that is set."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("NUMBA_NUM_THREADS", "")
    return min(cpus, int(limit)) if limit.isdecimal() and int(limit) else cpus


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Matrix products run in one thread each while the block lasts: several slow small ones down on a busy machine.

    The setting is that of the whole process. Where blocks of several threads overlap, the last one to end brings back what was.
    """
    global _users, _limits
    from threadpoolctl import threadpool_limits  # here, because it loads what NumPy loads

    with _lock:
        if _users == 0:
            _limits = threadpool_limits(1, "blas")
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _limits.restore_original_limits()
