"""A clock that stands still while kernels are compiled, so that a first estimate is not said to take what later ones do not."""

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
    """Seconds from some moment on, less those spent compiling so far."""
    with _lock:
        moment = _began if _under_way else time.perf_counter()
        return moment - _compiled


@contextlib.contextmanager
def compiling() -> Iterator[None]:
    """The clock stands still while the block lasts, in whatever thread."""
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
