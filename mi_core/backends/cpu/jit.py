"""The one way in which CPU kernels are compiled."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.serialize import dumps

from mi_core import clock, compiling
from mi_core.errors import InputError
from mi_core.text import EXPLAIN
from mi_core.whole_files import whole_file

# Kernels hold machine code of what they call in other files of this folder, too.
SOURCES = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()
DIGEST = hashlib.sha256().digest_size

logger = logging.getLogger("mi_core")
said: list[str] = []


def jit(kernel: Callable[..., Any], *, fastmath: bool = False) -> Any:
    """Compile `kernel` on first use, without the GIL, and keep the machine code on disk for the next process.

    Where no folder can be written to, the kernel is compiled anew in each process instead. Rounding is part of the contract:
    fastmath is for what only sets a scale or an order. No entry for C is compiled, which nobody calls.
    """
    compiled = numba.njit(kernel, nogil=True, fastmath=fastmath, no_cfunc_wrapper=True)  # type: ignore[call-overload]
    try:
        compiled._cache = Kept(kernel)
    except RuntimeError:  # Numba found no folder for the cache
        say_once("there is no folder to keep them in that can be written to")
    return uninterrupted(counted(compiled))


class Kept(FunctionCache):
    """A kernel's machine code on disk, which only ever saves time: what is wrong there costs compiling anew, and no result."""

    def __init__(self, kernel: Callable[..., Any]) -> None:
        super().__init__(kernel)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file: Any = CodeFiles(Path(self._cache_path), self._impl.filename_base, stamp)

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Write it, or say once why that is not possible."""
        try:
            super().save_overload(signature, compiled)
        except (OSError, InputError) as error:
            cause = error.__cause__ or error
            say_once(f"{self._cache_path} cannot be written to ({getattr(cause, 'strerror', None) or cause})")


class CodeFiles:
    """One file for each signature of a kernel on a processor, in place of Numba's index and the files that it names.

    Numba's key holds the processor's name and features: under one folder, each kind of machine finds its own files alone.

    A file starts with the SHA-256 of its contents and of all that they depend on. So what is torn, damaged, or of other
    sources is neither unpickled nor run, but replaced.
    """

    def __init__(self, folder: Path, name: str, stamp: Any) -> None:
        self.folder, self.name, self.stamp = folder, name, repr((stamp, SOURCES, numba.__version__)).encode()

    def load(self, key: Any) -> Any:
        """What was saved for a signature on a processor; None where that is not there, or not as it was."""
        try:
            content = self.path(key).read_bytes()
        except OSError:
            return None
        code = content[DIGEST:]
        return pickle.loads(code) if content[:DIGEST] == self.digest(code) else None  # noqa: S301 - what was saved here

    def save(self, key: Any, code: Any) -> None:
        """Write it, whole or not at all."""
        content = dumps(code)
        with whole_file(self.path(key)) as file:
            file.write(self.digest(content) + content)

    def path(self, key: Any) -> Path:
        """File of the machine code for one signature."""
        return self.folder / f"{self.name}.{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.nbc"

    def digest(self, code: bytes) -> bytes:
        """Checksum of machine code and of the sources that it was made from."""
        return hashlib.sha256(self.stamp + code).digest()


def say_once(reason: str) -> None:
    """Log that every process has to compile. Not a warning: where those are errors, it would cost the result."""
    if not said:
        said.append(reason)
        logger.warning(
            "note: compiled kernels cannot be kept: %s. Each process compiles them anew, for some seconds; "
            "the environment variable NUMBA_CACHE_DIR can name another folder.%scache]",
            reason,
            EXPLAIN,
        )


def counted(dispatcher: Any) -> Any:
    """A dispatcher that reports when it compiles. Machine code from disk, and what other packages compile, does not count."""
    compile_anew = dispatcher._compiler.compile

    def compile_and_say_so(*arguments: Any, **options: Any) -> Any:
        with compiling.one_kernel(is_kept=not said):
            return compile_anew(*arguments, **options)

    dispatcher._compiler.compile = compile_and_say_so
    return dispatcher


def uninterrupted(dispatcher: Any) -> Any:
    """A dispatcher that compiles to the end before Ctrl-C or SIGTERM take effect.

    An exception in the midst of LLVM is lost at times, and leaves a lock taken, for which the process then waits for ever.
    """
    compile_kernel = dispatcher.compile

    def compile_to_the_end(*arguments: Any, **options: Any) -> Any:
        with signals_held_back(), clock.compiling():
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
    """Compile a small function into the kernels that call it. It allocates nothing, and only kernels can call it.

    Inlined, vectors stay in registers: 1.4 times as fast. Without Numba's reference counts, which are atomic and which threads
    fight over, another 1.3 times in few dimensions and 2 times in many. Without entry points for Python and C, kernels compile
    in a tenth less time.
    """
    compiled = numba.njit(  # type: ignore[call-overload]
        function, nogil=True, forceinline=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True
    )

    def refuse(*_: Any, **__: Any) -> None:
        raise TypeError(f"{function.__name__} has no entry point for Python: call it from a kernel.")

    # Python would jump to an address that is not there.
    compiled._compile_for_args = refuse
    compiled.add_overload = lambda result: compiled.overloads.__setitem__(tuple(result.signature.args), result)
    return compiled
