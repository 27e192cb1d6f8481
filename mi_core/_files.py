"""Arrays from files, without ever running code from them; and files written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mi_core._errors import InputError

Reader = Callable[[Path, str | None], NDArray[Any]]


def load_array(source: str) -> NDArray[Any]:
    """The array that `source` names: a path, or path:key for a format that holds several arrays.

    .npy is memory-mapped, so only the samples that are used are read.

    Raises:
        InputError: There is no such file or key, or it cannot be read as an array.
    """
    path, key = split_key(source)
    reader = READERS.get(path.suffix.lower())
    try:
        if not path.exists():
            raise InputError(f"{path}: there is no such file.")
        if path.is_dir():
            raise InputError(f"{path} is a folder: name a file in it.")
        if reader is None:
            raise InputError(f"{path}: cannot tell what kind of file this is; it must be one of {', '.join(READERS)}.")
        return reader(path, key)
    except InputError:
        raise
    except PermissionError:
        raise InputError(f"{path}: no permission to read it.") from None
    except (MemoryError, Exception) as error:  # damaged bytes make the readers raise nearly anything
        raise InputError(f"{path} is truncated, damaged or not a {path.suffix} file: {first_line(error)}") from error


def split_key(source: str) -> tuple[Path, str | None]:
    """acts.npz:layer1 -> (acts.npz, layer1); keys may have colons themselves."""
    keyed = re.fullmatch(r"(.*?\.(?:npz|safetensors)):(.+)", source, flags=re.IGNORECASE | re.DOTALL)
    return (Path(keyed[1]), keyed[2]) if keyed else (Path(source), None)


def read_npy(path: Path, key: str | None) -> NDArray[Any]:
    with path.open("rb") as file:
        start = file.read(6)
    if start != b"\x93NUMPY":  # without this check NumPy takes the file for a pickle, and says so
        raise InputError(f"{path} is not a .npy file{'' if start else ' but empty'}: save the array with numpy.save.")
    try:
        return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except ValueError as error:
        if "Python objects" in str(error):
            raise InputError(f"{path} has dtype object, Python objects that could run code: save plain numbers.") from error
        raise


def read_npz(path: Path, key: str | None) -> NDArray[Any]:
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} is truncated or not a .npz file: save the arrays with numpy.savez.")
    with np.load(path, allow_pickle=False) as archive:
        chosen = chosen_key(path, key, archive.files)
        try:
            return np.asarray(archive[chosen])
        except ValueError as error:
            if "allow_pickle" in str(error):
                raise InputError(
                    f"{path}:{chosen} has dtype object, Python objects that could run code: save plain numbers."
                ) from error
            raise


def read_safetensors(path: Path, key: str | None) -> NDArray[Any]:
    try:
        import safetensors
    except ImportError:
        raise InputError(f"{path}: reading it needs safetensors: python -m pip install safetensors ml_dtypes") from None
    try:
        with safetensors.safe_open(path, framework="numpy") as archive:
            return np.asarray(archive.get_tensor(chosen_key(path, key, list(archive.keys()))))
    except (safetensors.SafetensorError, TypeError, ImportError) as error:
        raise InputError(f"{path} cannot be read: {first_line(error)}") from error


def read_text(path: Path, key: str | None) -> NDArray[Any]:
    """Numbers in columns, one sample a line; a first line that is not numbers is a header."""
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open(encoding="utf-8-sig") as file:
        first = file.readline().strip()
        if not first:
            raise InputError(f"{path} is empty, or its first line is.")
        words = [word.strip().strip('"') for word in first.split(delimiter)]
        header = 0 if all(is_number(word) for word in words) else 1
        file.seek(0)
        rows = file.readlines()[header:]
    if words[0] == "" or (len(words) > 1 and words == [str(d) for d in range(len(words))]):
        saved = "an unnamed first column" if words[0] == "" else "a first line 0, 1, 2, ..."
        raise InputError(f"{path} has {saved}, row or column numbers that were saved with the data: leave them out.")
    if not any(row.strip() for row in rows):
        raise InputError(f"{path} has a header and no samples.")
    try:
        return np.loadtxt(rows, delimiter=delimiter, ndmin=2, comments=None)
    except ValueError as error:
        raise InputError(
            f"{path} cannot be read as numbers, rows counted from 0 after any header: {first_line(error)}"
        ) from error


READERS: dict[str, Reader] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".csv": read_text,
    ".tsv": read_text,
    ".safetensors": read_safetensors,
}


def chosen_key(path: Path, key: str | None, keys: Sequence[str]) -> str:
    """The array asked for, or the only one."""
    if not keys:
        raise InputError(f"{path} holds no arrays.")
    if key is None and len(keys) == 1:
        return keys[0]
    if key is None:
        raise InputError(f"{path} holds {len(keys)} arrays: name one as {path}:{keys[0]}, of {', '.join(keys)}.")
    if key not in keys:
        raise InputError(f"{path} has no array {key!r}: it holds {', '.join(keys)}.")
    return key


def is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def is_same_file(one: Path, other: Path) -> bool:
    """Whether both names lead to one file that exists."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that takes the name `path` only once the block has ended without an error.

    Opened before the work whose result it is for, so that a path that cannot be written to costs no result.

    Raises:
        InputError: Nothing can be written there.
    """
    try:
        path = path.resolve()  # a link stays, what it leads to is replaced
        if path.is_dir():
            raise InputError(f"{path} is a folder: name a file to write.")
        unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        file = unfinished.open("xb")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error
    try:
        with file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
