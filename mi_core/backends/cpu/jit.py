"""The one way in which CPU kernels are compiled."""

from __future__ import annotations

import contextlib
import hashlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba

# Kernels hold machine code of what they call in other files of this folder, too.
SOURCES = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()


def jit(kernel: Callable[..., Any], *, fastmath: bool = False) -> Any:
    """Compile `kernel` on first use, without the GIL, and keep the machine code on disk for the next process.

    Where no folder can be written to, the kernel is compiled anew in each process instead. Rounding is part of the contract:
    fastmath is for what only sets a scale or an order.
    """
    try:
        compiled = uninterrupted(numba.njit(kernel, nogil=True, fastmath=fastmath, cache=True))
    except RuntimeError:  # Numba found no folder for the cache
        return uninterrupted(numba.njit(kernel, nogil=True, fastmath=fastmath))
    # Numba takes a kernel from disk as long as the kernel's own file is unchanged. Its stamp is widened to all files here:
    # otherwise a correction in one file would leave wrong machine code in use for kernels of another.
    index = compiled._cache._cache_file
    index._source_stamp = (index._source_stamp, SOURCES)
    return compiled


def uninterrupted(dispatcher: Any) -> Any:
    """The same dispatcher, which compiles to the end before Ctrl-C or SIGTERM take effect.

    An exception in the midst of LLVM is lost at times, and leaves a lock taken, for which the process then waits for ever.
    """
    compile_kernel = dispatcher.compile

    def compile_to_the_end(*arguments: Any, **options: Any) -> Any:
        with signals_held_back():
            return compile_kernel(*arguments, **options)

    dispatcher.compile = compile_to_the_end
    return dispatcher


@contextlib.contextmanager
def signals_held_back() -> Iterator[None]:
    """Ctrl-C and SIGTERM take effect when the block has ended. They only ever reach the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    handlers = {number: handler for number, handler in handlers.items() if handler is not None}  # None: not Python's to restore
    for number in handlers:
        signal.signal(number, lambda number, _: arrived.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a small function into the kernels that call it; it allocates nothing.

    Inlined, vectors stay in registers: 1.4 times as fast. Without Numba's reference counts, which are atomic and which threads
    fight over, another 1.3 times in few dimensions and 2 times in many.
    """
    return numba.njit(function, nogil=True, forceinline=True, _nrt=False)  # type: ignore[call-overload]
