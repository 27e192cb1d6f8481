"""Files that are written whole or not at all, and removal of unfinished ones."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from mi_core.errors import InputError, as_sentence

try:
    import fcntl
except ImportError:  # Windows, where a file that a process has open cannot be removed: that is lock enough
    fcntl = None  # type: ignore[assignment]

UNFINISHED = ".ksg-mi-"  # how files begin that are not whole yet; short, so that no name of a result is too long for one
SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EIO}  # no fault of what was named


class NamedFile(io.FileIO):
    """New file whose errors name the file that it will become."""

    def __init__(self, path: Path, becomes: Path) -> None:
        super().__init__(path, "x+")
        self.becomes = becomes

    def write(self, content: Any) -> int:
        """Write; an error names the file that this one will become."""
        with errors_named(self.becomes):
            return super().write(content)


@contextlib.contextmanager
def errors_named(path: Path) -> Iterator[None]:
    """Add a file name to system errors without one, such as errors of writing."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


@contextlib.contextmanager
def whole_file(path: Path, ending: str = ".tmp") -> Iterator[BinaryIO]:
    """Open a file that takes the name `path` only after the block has ended without an error.

    Open it before the work whose result it will hold, so that an unwritable path costs no result. Until the end its name is
    unique and ends in `ending`, and it is locked, so that files of killed processes can be told from files in use.

    Raises:
        InputError: The path cannot be written.
        OSError: The system has run out of a resource, such as disk space.
    """
    try:
        path = path.resolve()  # a link stays, what it leads to is replaced
        if path.is_dir():
            raise InputError(f"{path} is a folder: name a file to write.")
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is a device, a pipe or a socket: name a file to write.")
        with contextlib.suppress(FileNotFoundError):
            path.lstat()  # refuses a name that is too long
        remove_unfinished(path.parent)
        file, unfinished = opened_and_locked(path, ending)
    except InputError:
        raise
    except (RuntimeError, ValueError) as error:  # links in a circle; a name with a zero byte
        raise InputError(f"{path} cannot be written: {as_sentence(error)}") from error
    except OSError as error:
        if error.errno in SHORTAGES:
            error.filename = str(path)
            raise
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error
    try:
        with file:
            yield file
        with contextlib.suppress(FileNotFoundError):
            unfinished.chmod(stat.S_IMODE(path.stat().st_mode))  # of what it replaces
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def opened_and_locked(path: Path, ending: str) -> tuple[io.BufferedRandom, Path]:
    """Open a new file beside `path` with a unique name, locked until it is closed or its process ends."""
    while True:
        unfinished = path.with_name(f"{UNFINISHED}{secrets.token_hex(8)}{ending}")
        # Not a BufferedWriter: NumPy writes past Python into those, and says of a full disk how many bytes were missing.
        file = io.BufferedRandom(NamedFile(unfinished, path))
        if is_free(file.fileno()) is not False and unfinished.exists():
            return file, unfinished
        file.close()  # removed before it was locked


def remove_unfinished(folder: Path) -> None:
    """Remove files that killed processes left unfinished in `folder`, but no file that a running process is writing.

    A lock distinguishes the two: it ends with its process in every case, and needs no clock and no process number, which may
    recur in a container. If the file system has no locks, nothing is removed.
    """
    for leftover in folder.glob(f"{UNFINISHED}*"):
        with contextlib.suppress(OSError):  # another's, or gone by now
            if fcntl is None:
                leftover.unlink()
                continue
            handle = os.open(leftover, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                if is_free(handle):
                    leftover.unlink()
            finally:
                os.close(handle)


def is_free(handle: int) -> bool | None:
    """Try to lock the file of a descriptor, and tell whether it was free; None if files cannot be locked."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
