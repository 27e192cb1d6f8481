"""The kernels that this process compiles, counted and reported to the user who waits for them.

A progress bar asks for `words()` whenever it is drawn. Without a bar, the logger `mi_core` writes one note per process, which
Python prints on stderr, once compiling has taken two seconds. No total is shown: which kernels an estimate needs is known only
when it calls them.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator

PATIENCE_SECONDS = 2.0

logger = logging.getLogger("mi_core")
_lock = threading.Lock()
_begun = 0  # kernels
_under_way = 0  # of these, those that call each other
_silent = 0  # blocks under way that want no note
_seconds = 0.0  # spent compiling while a note was wanted
_is_once = True  # whether the machine code is kept for the next process
_is_noted = False


def begun() -> int:
    """Number of kernels that this process has compiled, including the one under way, but not those loaded from disk."""
    return _begun


def words() -> str | None:
    """A few words on what is being compiled; None when nothing is."""
    with _lock:
        return f"compiling kernel {_begun}{', once on this machine' if _is_once else ''}" if _under_way else None


@contextlib.contextmanager
def one_kernel(*, is_kept: bool = True) -> Iterator[None]:
    """Count a kernel that the block compiles, in any thread. `is_kept`: whether its machine code is stored on disk."""
    global _begun, _under_way, _seconds, _is_once
    timer: threading.Timer | None = None
    with _lock:
        _begun += 1
        _under_way += 1
        _is_once = is_kept
        if _under_way == 1 and not (_is_noted or _silent):
            timer = threading.Timer(PATIENCE_SECONDS - _seconds, note)
            timer.daemon = True
            timer.start()
    started = time.perf_counter()
    try:
        yield
    finally:
        with _lock:
            _under_way -= 1
            _seconds += time.perf_counter() - started if timer else 0
        if timer:
            timer.cancel()
            timer.join()


def note() -> None:
    """Log once that kernels are compiled, unless a progress bar shows it, or another note has said that they cannot be kept."""
    global _is_noted
    said = words()
    with _lock:
        if said is None or _is_noted or _silent or not _is_once:
            return
        _is_noted = True
    logger.warning("note: %s; mi warmup compiles ahead", said)


@contextlib.contextmanager
def no_note() -> Iterator[None]:
    """Suppress the note in the whole process while the block lasts, for a bar that shows it or a user who wants none."""
    global _silent
    with _lock:
        _silent += 1
    try:
        yield
    finally:
        with _lock:
            _silent -= 1
