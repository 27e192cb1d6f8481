"""Arrays and tables from files, without ever running code in them. A new format needs a reader and a record in `FORMATS`.

Every command names its sources by one grammar: FILE, FILE:KEY for an array in a container, FILE:COLUMN[,COLUMN...] for
columns of a table, and - for standard input.
"""

from __future__ import annotations

import dataclasses
import io
import pickle
import re
import stat
import sys
import zipfile
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mi_core import arrays
from mi_core import missing as missing_values
from mi_core.errors import InputError, did_you_mean, first_line
from mi_core.table_files import AS_USUAL, Cells, chosen_of, from_text, needed, read_excel, read_feather, read_parquet
from mi_core.tables import Table
from mi_core.whole_files import SHORTAGES

Reader = Callable[[Path, str | None, Cells], "NDArray[Any] | Table"]

STDIN = "-"
NPY_MAGIC = b"\x93NUMPY"
NOT_A_FILE = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


@dataclasses.dataclass(frozen=True)
class Loaded:
    """Arrays by the names of their sources, and notes on how they were read."""

    arrays: dict[str, NDArray[Any]]
    notes: tuple[str, ...]


def load_arrays(
    sources: Mapping[str, str],
    *,
    text: Container[str] = (),
    conditions: Container[str] = (),
    missing: bool = False,
    cells: Cells = AS_USUAL,
) -> Loaded:
    """Read arrays by the names of their sources, one of which can be standard input.

    Args:
        sources: Sources to read, by names of your choice.
        text: Names of the sources that may be text.
        conditions: Names of the sources that are conditions: all numbers, or all classes, which become one label for each
            combination.
        missing: Whether values may be missing in a table; they are then NaN or None.
        cells: Options for splitting and reading cells of text.

    Raises:
        InputError: A source cannot be read or used, or two are standard input.
    """
    from_stdin = [name for name, source in sources.items() if source == STDIN]
    if len(from_stdin) > 1:
        raise InputError(f"{' and '.join(from_stdin)} are both -, standard input, which can be read once: name a file for one.")
    check_heeded(cells, sources.values())
    read = {name: load(source, cells) for name, source in sources.items()}

    def notes_on(name: str, table: Table) -> tuple[str, ...]:
        return table.notes if name in text or name in conditions else (*table.notes, *table.on_flags)

    def array_of(name: str, one: NDArray[Any] | Table) -> NDArray[Any]:
        if not isinstance(one, Table):
            return one
        with missing_values.offered():
            return one.condition(missing=missing) if name in conditions else one.array(text=name in text, missing=missing)

    return Loaded(
        {name: array_of(name, one) for name, one in read.items()},
        tuple(dict.fromkeys(note for name, one in read.items() if isinstance(one, Table) for note in notes_on(name, one))),
    )


def load_array(source: str) -> NDArray[Any]:
    """Read the array of a source, text or numbers without missing values; .npy is memory-mapped.

    Raises:
        InputError: There is no such file, key or column, or it cannot be read as an array.
        OSError: The system has run out of a resource, such as open files.
    """
    read = load(source)
    return read.array() if isinstance(read, Table) else read


def load_table(source: str, cells: Cells = AS_USUAL) -> Table:
    """Read the table of a source; the columns of an array are named by their positions, counted from 0.

    Raises:
        InputError: There is no such file, key or column, or it cannot be read as a table.
        OSError: The system has run out of a resource, such as open files.
    """
    check_heeded(cells, [source])
    read = load(source, cells)
    return read if isinstance(read, Table) else arrays.table(read, source)


def load(source: str, cells: Cells = AS_USUAL) -> NDArray[Any] | Table:
    """Read a source: a table from the formats of tables, else an array.

    .npy is memory-mapped, so only the samples that are used are read.

    Raises:
        InputError: There is no such file, key or column, or it cannot be read.
        OSError: The system has run out of a resource, such as open files.
    """
    path, key = split_key(source)
    kind = path.suffix
    try:
        if source == STDIN:
            path, kind = Path("standard input"), ".npy, .csv or .tsv"
            return read_stdin(path, cells)
        check_is_file(path)
        known = FORMAT_OF.get(path.suffix.lower())
        if known is None:
            raise InputError(f"{path}: cannot tell what kind of file this is; it must be one of {', '.join(FORMAT_OF)}.")
        return known.read(path, key, cells)
    except InputError:
        raise
    except PermissionError:
        raise InputError(f"{path}: no permission to read it.") from None
    except (MemoryError, Exception) as error:  # damaged bytes make the readers raise nearly anything
        if isinstance(error, OSError) and error.errno in SHORTAGES:
            error.filename = str(path)
            raise
        raise InputError(f"{path} is truncated, damaged or not a {kind} file: {first_line(error)}") from error


def check_heeded(cells: Cells, sources: Collection[str]) -> None:
    """Raise InputError if an option in `cells` applies to no source."""
    if STDIN in sources:
        return
    known = [FORMAT_OF.get(split_key(source)[0].suffix.lower()) for source in sources]
    for field, kinds in (("separator", "CSV and TSV"), ("na", "CSV, TSV and Excel")):
        if getattr(cells, field) and not any(one is None or field in one.reads for one in known):
            raise InputError(f"--{field} is for {kinds}, and no file here is one: leave it out.")


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
    """Split a source into path and key or columns: people.csv:age,income -> (people.csv, "age,income").

    A key may itself contain colons. If a file has the whole source as its name, that file is read.
    """
    keyed = re.fullmatch(rf"(.*?(?:{KEYED})):(.+)", source, flags=re.IGNORECASE | re.DOTALL)
    if keyed is None or is_a_file(source):
        return Path(source), None
    return Path(keyed[1]), keyed[2]


def is_a_file(source: str) -> bool:
    try:
        return Path(source).is_file()
    except (OSError, ValueError):
        return False


def read_npy(path: Path, key: str | None, cells: Cells = AS_USUAL) -> NDArray[Any]:
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


def read_npz(path: Path, key: str | None, cells: Cells = AS_USUAL) -> NDArray[Any]:
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


def read_safetensors(path: Path, key: str | None, cells: Cells = AS_USUAL) -> NDArray[Any]:
    try:
        import safetensors
    except ImportError:
        raise InputError(f"{path}: reading it needs safetensors: python -m pip install safetensors ml_dtypes") from None
    try:
        with safetensors.safe_open(path, framework="numpy") as archive:
            return np.asarray(archive.get_tensor(chosen_key(path, key, list(archive.keys()))))
    except (safetensors.SafetensorError, TypeError, ImportError) as error:
        raise InputError(f"{path} cannot be read: {first_line(error)}") from error


def read_hdf5(path: Path, key: str | None, cells: Cells = AS_USUAL) -> NDArray[Any]:
    (h5py,) = needed(path, "h5py")
    with h5py.File(path, "r") as file:
        return of_hdf5(file, path, key)


def of_hdf5(file: Any, path: Path, key: str | None) -> NDArray[Any]:
    """Read a data set of an open HDF5 file; its key may begin with a slash."""
    sets: list[str] = []
    file.visititems(lambda name, one: sets.append(f"/{name}") if hasattr(one, "dtype") and not name.startswith("#") else None)
    found = file[chosen_key(path, key and f"/{key.strip('/')}", sets)]
    is_text = found.dtype.kind == "O" and found.attrs.get("MATLAB_class") is None
    return np.asarray(found.asstr()[()] if is_text else found[()])


def read_mat(path: Path, key: str | None, cells: Cells = AS_USUAL) -> NDArray[Any]:
    """Read a MATLAB variable: up to version 7 by SciPy, from 7.3 on (HDF5 with reversed axes) by h5py."""
    from scipy.io import loadmat, whosmat  # here, because it takes a while to load

    with path.open("rb") as file:
        is_hdf5 = file.read(10) == b"MATLAB 7.3"
    if is_hdf5:
        return read_hdf5(path, key).T
    names = [name for name, _, _ in whosmat(path)]
    chosen = chosen_key(path, key, names)
    array = np.asarray(loadmat(path, variable_names=[chosen])[chosen])
    if array.dtype == object or array.dtype.names:
        raise InputError(f"{path}:{chosen} is a cell array or a struct: save a matrix of numbers.")
    return array


def read_torch(path: Path, key: str | None, cells: Cells = AS_USUAL) -> NDArray[Any]:
    """Read a tensor that torch.save wrote, alone or in dictionaries, whose keys are joined by dots. No code in it is run."""
    (torch,) = needed(path, "torch")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:  # whose words say how to load it all the same
        raise InputError(f"{path} holds Python objects that could run code: save tensors, or a dictionary of them.") from None
    if not isinstance(content, Mapping):
        content = {"tensor": content}
    tensors = {name: one for name, one in flattened(content) if hasattr(one, "detach")}
    return arrays.host_array(tensors[chosen_key(path, key, list(tensors))], str(path))


def flattened(tree: Mapping[Any, Any], lead: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested dictionaries, by their keys joined by dots."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{lead}{key}.")
        else:
            yield f"{lead}{key}", value


def read_text(path: Path, key: str | None, cells: Cells = AS_USUAL) -> Table:
    """Read columns, one sample per line; a first line that is not all numbers is a header."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path} is truncated, damaged or not a {path.suffix} file in UTF-8, by a byte 0x{content[error.start]:02x} in "
            f"line {line}: save its text as UTF-8."
        ) from None
    return chosen_of(from_text(text, path, "\t" if path.suffix.lower() == ".tsv" else ",", cells), key)


def read_stdin(path: Path, cells: Cells) -> NDArray[Any] | Table:
    """Read standard input: .npy if the first bytes say so, else columns separated by tabs or commas."""
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
    return from_text(text, path, "\t" if "\t" in text.partition("\n")[0] else ",", cells)


@dataclasses.dataclass(frozen=True)
class Format:
    """File format.

    Attributes:
        suffixes: Suffixes of such files, in lower case.
        read: Reader (path, key, options for cells of text) -> array or table.
        is_keyed: Whether a file holds several arrays or columns, named as path:key.
        reads: Fields of `Cells` that the reader uses.
    """

    suffixes: tuple[str, ...]
    read: Reader
    is_keyed: bool = False
    reads: tuple[str, ...] = ()


FORMATS = (
    Format((".npy",), read_npy),
    Format((".npz",), read_npz, is_keyed=True),
    Format((".csv", ".tsv"), read_text, is_keyed=True, reads=("separator", "na")),
    Format((".parquet",), read_parquet, is_keyed=True),
    Format((".feather", ".arrow"), read_feather, is_keyed=True),
    Format((".xlsx",), read_excel, is_keyed=True, reads=("na",)),
    Format((".h5", ".hdf5"), read_hdf5, is_keyed=True),
    Format((".mat",), read_mat, is_keyed=True),
    Format((".pt", ".pth"), read_torch, is_keyed=True),
    Format((".safetensors",), read_safetensors, is_keyed=True),
)
FORMAT_OF = {suffix: one for one in FORMATS for suffix in one.suffixes}
KEYED = "|".join(re.escape(suffix) for suffix, one in FORMAT_OF.items() if one.is_keyed)


def chosen_key(path: Path, key: str | None, keys: Sequence[str]) -> str:
    """Key of the requested array, or of the only one."""
    if not keys:
        raise InputError(f"{path} holds no arrays.")
    if key is None and len(keys) == 1:
        return keys[0]
    if key is None:
        raise InputError(f"{path} holds {len(keys)} arrays: name one as {path}:{keys[0]}, of {', '.join(keys)}.")
    if key not in keys:
        raise InputError(f"{path} has no array {key!r}: it holds {', '.join(keys)}{did_you_mean(key, keys)}")
    return key


def is_same_file(one: Path, other: Path) -> bool:
    """Tell whether both names lead to the same existing file."""
    try:
        return one.samefile(other)
    except OSError:
        return False
