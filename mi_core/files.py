"""Arrays from files, without ever running code from them. A new format is a reader and a record in `FORMATS`."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import stat
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mi_core.errors import InputError, did_you_mean, first_line
from mi_core.whole_files import SHORTAGES

Reader = Callable[[Path, str | None], NDArray[Any]]

STDIN = "-"
EXACT = 2**53  # up to here float64 holds every whole number
NPY_MAGIC = b"\x93NUMPY"
NOT_A_FILE = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def load_arrays(sources: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """Arrays by the names of their sources, each as `load_array` reads it; standard input can be one of them.

    Raises:
        InputError: One cannot be read, or two are standard input.
    """
    from_stdin = [name for name, source in sources.items() if source == STDIN]
    if len(from_stdin) > 1:
        raise InputError(f"{' and '.join(from_stdin)} are both -, standard input, which can be read once: name a file for one.")
    return {name: load_array(source) for name, source in sources.items()}


def load_array(source: str) -> NDArray[Any]:
    """The array that `source` names: a path, path:key for a format that holds several arrays, or - for standard input.

    .npy is memory-mapped, so only the samples that are used are read.

    Raises:
        InputError: There is no such file or key, or it cannot be read as an array.
        OSError: The system has run out of something, open files for example.
    """
    path, key = split_key(source)
    kind = path.suffix
    try:
        if source == STDIN:
            path, kind = Path("standard input"), ".npy, .csv or .tsv"
            return read_stdin(path)
        check_is_file(path)
        known = FORMAT_OF.get(path.suffix.lower())
        if known is None:
            raise InputError(f"{path}: cannot tell what kind of file this is; it must be one of {', '.join(FORMAT_OF)}.")
        return known.read(path, key)
    except InputError:
        raise
    except PermissionError:
        raise InputError(f"{path}: no permission to read it.") from None
    except (MemoryError, Exception) as error:  # damaged bytes make the readers raise nearly anything
        if isinstance(error, OSError) and error.errno in SHORTAGES:
            error.filename = str(path)
            raise
        raise InputError(f"{path} is truncated, damaged or not a {kind} file: {first_line(error)}") from error


def check_is_file(path: Path) -> None:
    """Raise InputError unless `path` is a file: opening a pipe would wait for a writer, and a device has no end."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: there is no such file.") from None
    except OSError as error:
        if error.errno in SHORTAGES or isinstance(error, PermissionError):
            raise
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    if stat.S_ISDIR(mode):
        raise InputError(f"{path} is a folder: name a file in it.")
    if not stat.S_ISREG(mode):
        kind = NOT_A_FILE.get(stat.S_IFMT(mode), "no file")
        raise InputError(f"{path} is {kind}: name a file, or pipe .npy, CSV or TSV into standard input and name it -.")


def split_key(source: str) -> tuple[Path, str | None]:
    """acts.npz:layer1 -> (acts.npz, layer1); keys may have colons themselves."""
    keyed = re.fullmatch(rf"(.*?(?:{KEYED})):(.+)", source, flags=re.IGNORECASE | re.DOTALL)
    return (Path(keyed[1]), keyed[2]) if keyed else (Path(source), None)


def read_npy(path: Path, key: str | None) -> NDArray[Any]:
    with path.open("rb") as file:
        start = file.read(6)
    if start != NPY_MAGIC:  # without this check NumPy takes the file for a pickle, and says so
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
    with path.open(encoding="utf-8-sig") as file:
        return columns(file, path, "\t" if path.suffix.lower() == ".tsv" else ",")


def read_stdin(path: Path) -> NDArray[Any]:
    """The array that is piped into standard input: .npy by its first bytes, else numbers in columns, tabs or commas between."""
    if sys.stdin is None or sys.stdin.closed:
        raise InputError(f"{path} is closed: pipe .npy, CSV or TSV into it, or name a file.")
    if sys.stdin.isatty():
        raise InputError(f"{path} is a terminal: pipe .npy, CSV or TSV into it, or name a file.")
    content = sys.stdin.buffer.read()
    if not content:
        raise InputError(f"{path} is empty: pipe .npy, CSV or TSV into it, or name a file.")
    if content.startswith(NPY_MAGIC):
        return np.asarray(np.lib.format.read_array(io.BytesIO(content), allow_pickle=False))
    text = content.decode("utf-8-sig")
    return columns(io.StringIO(text), path, "\t" if "\t" in text.partition("\n")[0] else ",")


def columns(file: io.TextIOBase, path: Path, delimiter: str) -> NDArray[Any]:
    """Numbers in columns; int64 where they are whole and beyond what float64 tells apart."""
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
        table = np.loadtxt(rows, delimiter=delimiter, ndmin=2, comments=None)
    except ValueError as error:
        raise InputError(
            f"{path} cannot be read as numbers, rows counted from 0 after any header: {first_line(error)} Text labels are read "
            "from .npy."
        ) from error
    if (np.abs(table) >= EXACT).any():
        with contextlib.suppress(ValueError, OverflowError):  # not all of them are whole
            return np.loadtxt(rows, dtype=np.int64, delimiter=delimiter, ndmin=2, comments=None)
    return table


@dataclasses.dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes:
        suffixes: Endings of such files, in lower case.
        read: (path, key) -> its array.
        is_keyed: Whether it holds several arrays, named as path:key.
    """

    suffixes: tuple[str, ...]
    read: Reader
    is_keyed: bool = False


FORMATS = (
    Format((".npy",), read_npy),
    Format((".npz",), read_npz, is_keyed=True),
    Format((".csv", ".tsv"), read_text),
    Format((".safetensors",), read_safetensors, is_keyed=True),
)
FORMAT_OF = {suffix: one for one in FORMATS for suffix in one.suffixes}
KEYED = "|".join(re.escape(suffix) for suffix, one in FORMAT_OF.items() if one.is_keyed)


def chosen_key(path: Path, key: str | None, keys: Sequence[str]) -> str:
    """The array asked for, or the only one."""
    if not keys:
        raise InputError(f"{path} holds no arrays.")
    if key is None and len(keys) == 1:
        return keys[0]
    if key is None:
        raise InputError(f"{path} holds {len(keys)} arrays: name one as {path}:{keys[0]}, of {', '.join(keys)}.")
    if key not in keys:
        raise InputError(f"{path} has no array {key!r}: it holds {', '.join(keys)}{did_you_mean(key, keys)}")
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
