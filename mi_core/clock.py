"""Clock that stops while kernels are compiled, so that the time of a first estimate does not include compilation."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

_lock = threading.Lock()
_under_way = 0  # compilations, also of what a kernel calls
_began = 0.0
_compiled = 0.0  # seconds in which at least one was under way


def now() -> float:
    """Seconds since some moment, minus the time spent compiling so far."""
    with _lock:
        moment = _began if _under_way else time.perf_counter()
        return moment - _compiled


@contextlib.contextmanager
def compiling() -> Iterator[None]:
    """Stop the clock while the block runs, in any thread."""
    global _under_way, _began, _compiled
    with _lock:
        if _under_way == 0:
            _began = time.perf_counter()
        _under_way += 1
    try:
        yield
    finally:
        with _lock:
            _under_way -= 1
            if _under_way == 0:
                _compiled += time.perf_counter() - _began
