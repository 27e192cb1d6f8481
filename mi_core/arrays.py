"""Validation of arrays: whatever a caller passes becomes clean samples here, or one clear line of error.

All later code trusts its input: (n_samples, dim), C-contiguous, float32 or float64, finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mi_core import tables
from mi_core._prepare import centred
from mi_core.errors import InputError, MissingValues, as_sentence
from mi_core.explanations import noted
from mi_core.options import Estimator
from mi_core.types import IntArray, Samples

LARGEST = np.finfo(np.float64).max / 2  # the difference of two such values is still finite
ROWS_A_COLUMN = 8  # samples for each column that are looked at first
ROUNDINGS = 2.0  # of its own unit, by which a value may be off
NEARLY_NOTHING = 1e-3  # of a column's length: what is left of it without the columns before it, where it may follow from them
CHECK_BYTES = 32 * 2**20  # finite-ness is checked in slices, so that a memory-mapped file is never copied whole

OnGpu = Callable[[Any, str], "tuple[Samples, tuple[str, ...]] | None"]
"""Function (values, name) -> samples left in GPU memory, and notes; None for values that the host must handle."""


def samples(values: Any, name: str, on_gpu: OnGpu | None = None) -> tuple[Samples, tuple[str, ...]]:
    """Convert anything array-like to samples, with notes on the conversion.

    Args:
        values: (n_samples,), (n_samples, dim) or of higher rank (flattened per sample): NumPy, memory-mapped, pandas,
            Torch, JAX, CuPy, TensorFlow, or nested lists; real numbers of any width. C-contiguous float32 or float64 is not
            copied.
        name: Name of the values in messages.
        on_gpu: Function that takes samples to be left on their GPU; None to copy all samples to the host.

    Raises:
        InputError: Not an array of real, finite numbers with at least one sample and one column.
    """
    if tables.is_frame(values):
        table = tables.of_frame(values, name)
        array, notes = cleaned(table.array(text=False), name)
        return array, (*table.notes, *table.on_flags, *notes)
    return (on_gpu and on_gpu(values, name)) or cleaned(host_array(values, name), name)


def cleaned(array: NDArray[Any], name: str) -> tuple[Samples, tuple[str, ...]]:
    """Convert a NumPy array, or a CuPy array on its GPU, to samples, with notes on the conversion."""
    notes: list[str] = []
    if array.ndim == 0:
        raise InputError(f"{name} is a single number, not an array: give one row per sample, shape (n_samples, dim).")
    if len(array) == 0:
        raise InputError(f"{name} is empty, shape {array.shape}: give one row per sample, shape (n_samples, dim).")
    if array.size == 0:
        raise InputError(f"{name} has zero columns, shape {array.shape}: give at least one number per sample.")
    array = as_floating(array, name, notes)
    if array.ndim > 2:
        dim = math.prod(array.shape[1:])
        what = f"{name}: shape {array.shape} was flattened to {array.shape[0]} samples of {dim} numbers."
        notes.append(noted("flattened", what))
    array = array.reshape(len(array), -1)
    array = array if array.flags.c_contiguous else array.copy()
    check_finite(array, name)
    return array, tuple(notes)


def paired(
    values: Mapping[str, Any], estimator: Estimator, on_gpu: OnGpu | None = None, *, given_labels: bool = False
) -> tuple[dict[str, Samples], dict[str, int], dict[str, tuple[str, ...]], list[str]]:
    """Convert several sides that are paired row by row to samples as the estimator needs them.

    on_gpu: as for `samples`. given_labels: Whether z are class labels; text and bool always are.

    Returns:
        The samples and their original numbers of dimensions, by the names of the sides; names of the classes of sides that
        are labels; notes.
    """
    sides: dict[str, Samples] = {}
    dims: dict[str, int] = {}
    classes: dict[str, tuple[str, ...]] = {}
    notes: list[str] = []
    for name, side in values.items():
        some_notes: tuple[str, ...] = ()
        if name == "z" and (given_labels or (estimator != "discrete" and are_labels(side))):
            sides[name], classes[name] = labels(side, name)
            dims[name] = 1
        elif estimator == "discrete":
            sides[name], dims[name], some_notes = discrete(side, name)
        elif estimator == "ross" and name == "y":
            sides[name], classes[name] = labels(side, name)
            dims[name] = 1
        else:
            sides[name], some_notes = samples(side, name, on_gpu)
            dims[name] = sides[name].shape[1]
        notes += some_notes
    check_same_length(sides)
    return sides, dims, classes, notes


def are_labels(values: Any) -> bool:
    """Tell whether values can only be class labels: text, pandas categories, or a vector of bool, perhaps with gaps."""
    if tables.is_frame(values):
        columns = list(tables.of_frame(values, "z").columns.values())
        return len(columns) == 1 and columns[0].kind in ("text", "flags")
    if isinstance(values, np.ma.MaskedArray):  # whatever is masked
        values = values.data
    dtype = str(getattr(values, "dtype", "")).partition("(")[0]
    if "int" in dtype.lower() or "float" in dtype.lower():  # of any library, perhaps on a GPU or in a file: they stay there
        return False
    array = host_array(values, "z")
    if array.ndim == 0:
        return False
    if array.dtype == object:
        present = array[~tables.absent(array)]
        flags = array.size == len(array) and len(present) > 0 and all(isinstance(one, bool | np.bool_) for one in present)
        return flags or any(isinstance(one, str) for one in present)
    return array.dtype.kind in "SUT" or (array.dtype.kind == "b" and array.size == len(array))


def labels(values: Any, name: str) -> tuple[Samples, tuple[str, ...]]:
    """Position (n_samples, 1) of each sample's class among the classes in ascending order, and the names of the classes.

    Args:
        values: (n_samples,) or (n_samples, 1) integers, bool or text; floats that are whole numbers count as integers.
        name: Name of the values in messages.

    Raises:
        InputError: Not a vector of labels.
    """
    places, names = classes_of(values, name)
    return places.reshape(-1, 1).astype(np.float64), names


def classes_of(values: Any, name: str) -> tuple[IntArray, tuple[str, ...]]:
    """Position (n_samples,) of each label among the classes in ascending order, and the names of the classes."""
    array = text_as_text(host_array(values, name))
    if array.ndim == 0 or array.size == 0 or array.size != len(array):
        raise InputError(
            f"{name} has shape {array.shape}: labels are one integer, bool or text per sample, shape (n_samples,)."
            + " Where x has them, swap x and y." * (name == "y")
        )
    if array.dtype == object and not all(isinstance(one, Real | np.bool_) for one in array.flat):
        check_labels(array.reshape(-1), name)
    if array.dtype.kind not in "biuUS" and not holds_whole_numbers(array):
        array, _ = samples(array, name)
        if (fractions := array % 1 != 0).any():
            row = int(np.argmax(fractions))
            remedies = {"z": "leave given_labels out", "groups": "name the rows that belong together"}
            raise InputError(
                f"{name} has values that are not whole, first {array[row, 0]:g} in row {row}: labels must be integers, bool or "
                f"text. For values that vary continuously {remedies.get(name, 'take the estimator ksg1')}."
            )
    classes, places = np.unique(array, return_inverse=True)
    return places.reshape(-1), tuple(f"{one:.0f}" if array.dtype.kind == "f" else str(one) for one in classes)


def check_labels(objects: NDArray[Any], name: str) -> None:
    """Raise InputError if Python objects (n_samples,) are neither all text nor all whole numbers."""
    if len(gone := np.flatnonzero(tables.absent(objects))):
        raise MissingValues(f"{name} has {len(gone)} missing value{'s' if len(gone) > 1 else ''}, first in row {gone[0]}")
    kind, what = (str, "text") if any(isinstance(one, str) for one in objects) else (Integral | np.bool_, "whole numbers")
    others = [row for row, one in enumerate(objects) if not isinstance(one, kind)]
    raise InputError(
        f"{name} has {len(others)} value{'s' if len(others) > 1 else ''} beside {what}, first {objects[others[0]]} in row "
        f"{others[0]}: labels are integers, bool or text throughout; leave samples without a label out."
    )


def discrete(values: Any, name: str) -> tuple[Samples, int, tuple[str, ...]]:
    """Codes (n_samples, 1), equal if samples are equal; the number of dimensions; notes. Text is allowed too.

    Raises:
        InputError: Neither real, finite numbers nor text.
    """
    array = text_as_text(host_array(values, name))
    notes: tuple[str, ...] = ()
    if array.dtype.kind in "iu" or holds_whole_numbers(array):  # float64 would take some for equal that are not
        array = np.unique(array, return_inverse=True)[1].reshape(array.shape)
    if array.dtype.kind not in "US" or array.ndim == 0 or array.size == 0:
        array, notes = samples(array, name)
    table = array.reshape(len(array), -1)
    _, places = np.unique(table, axis=0, return_inverse=True)
    return places.reshape(-1, 1).astype(np.float64), table.shape[1], notes


def text_as_text(array: NDArray[Any]) -> NDArray[Any]:
    """Convert text of pandas and NumPy's StringDType to text of fixed width; return other arrays unchanged."""
    if array.dtype.kind == "T" or (array.dtype.kind == "O" and array.size and all(isinstance(one, str) for one in array.flat)):
        return array.astype(str)
    return array


def holds_whole_numbers(array: NDArray[Any]) -> bool:
    """Tell whether an array of Python objects holds only whole numbers, as NumPy stores numbers beyond 64 bits."""
    return array.dtype == object and array.size > 0 and all(isinstance(one, Integral | np.bool_) for one in array.flat)


def host_array(values: Any, name: str) -> NDArray[Any]:
    """Convert values to a NumPy array, which shares memory if the library that made `values` allows it."""
    if isinstance(values, np.ma.MaskedArray):
        if masked := int(np.sum(np.ma.getmaskarray(values))):
            raise InputError(f"{name} is a masked array with {masked} masked values: remove them first.")
        return np.asarray(values.data)
    if isinstance(values, np.ndarray):
        return np.asarray(values)  # no matrix, whose rows never become vectors, nor any other kind
    if tables.is_frame(values):
        return tables.of_frame(values, name).array()
    if hasattr(values, "toarray"):
        raise InputError(f"{name} is a sparse matrix ({type(values).__name__}): give {name}.toarray(), if memory has room.")
    if type(values).__name__ == "LazyFrame":
        raise InputError(f"{name} is a LazyFrame: give {name}.collect().")
    if type(values).__name__ == "Dataset" and hasattr(values, "data_vars"):
        raise InputError(f"{name} is a Dataset of several arrays: name one, as {name}[{next(iter(values), '')!r}].")
    if isinstance(values, str | bytes):
        raise InputError(f"{name} is text, not an array: load the file first, for example with numpy.load.")
    try:
        if hasattr(values, "detach"):  # Torch: leave the graph; NumPy has no bfloat16, float32 holds it without loss
            values = values.detach().cpu()
            return np.asarray(values.float() if str(values.dtype) == "torch.bfloat16" else values)
        if hasattr(values, "get") and hasattr(values, "__cuda_array_interface__"):  # CuPy copies only when told to
            return np.asarray(values.get())
        if hasattr(values, "__array__") or isinstance(values, Sequence):
            return np.asarray(values)
        if hasattr(values, "__cuda_array_interface__"):
            import cupy

            return np.asarray(cupy.asarray(values).get())
        if hasattr(values, "__dlpack__"):
            return np.from_dlpack(values)
    except MemoryError:
        raise
    except Exception as error:  # whatever another library raises here, the caller can only mend its argument
        raise InputError(f"{name} cannot be read as an array: {type(values).__name__} gave {as_sentence(error)}") from error
    raise InputError(
        f"{name} is not an array but {type(values).__name__}: give anything with __array__, __dlpack__ or "
        "__cuda_array_interface__, or nested lists."
    )


def table(values: Any, name: str) -> tables.Table:
    """Make a table from a data frame or series of pandas or polars, a mapping from names to columns, or an array.

    Raises:
        InputError: The input is none of these, or a column holds something other than numbers, flags, dates and text.
    """
    if isinstance(values, tables.Table):
        return values
    if tables.is_frame(values):
        return tables.of_frame(values, name)
    if not isinstance(values, Mapping):
        array = values if isinstance(values, np.ma.MaskedArray) else host_array(values, name)
        if array.ndim not in (1, 2) or not array.size:
            raise InputError(f"{name} has shape {array.shape}: a table has one row a sample and one column a variable.")
        values = {str(place): column for place, column in enumerate(array.reshape(len(array), -1).T)}
    tables.check_different([str(key) for key in values], name)
    columns = {str(key): column(str(key), one, f"{name}: column {key}") for key, one in values.items()}
    if not columns:
        raise InputError(f"{name} has no columns: give at least one.")
    (first, n_samples), *others = ((key, len(one.values)) for key, one in columns.items())
    for key, length in others:
        if length != n_samples:
            raise InputError(f"{name}: column {first} has {n_samples:,} rows and {key} has {length:,}: give as many of each.")
    return tables.Table(name, columns)


def column(name: str, values: Any, what: str) -> tables.Column:
    """Make one column of a table, from a series of pandas or polars, or anything that is an array (n_samples,)."""
    if tables.is_frame(values) and type(values).__name__ == "Series":
        return tables.of_series(name, values, what)
    missing = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    array = host_array(values if missing is None else values.data, what)
    if array.ndim == 0 or array.size != len(array):
        raise InputError(f"{what} has shape {array.shape}: a column holds one value a sample, shape (n_samples,).")
    return tables.typed(name, array.reshape(-1), None if missing is None else missing.reshape(-1), what)


def as_floating(array: NDArray[Any], name: str, notes: list[str]) -> Samples:
    """Convert values to float32 if that is lossless, else to float64."""
    if holds_whole_numbers(array):
        array = tables.whole_numbers([int(one) for one in array.flat]).reshape(array.shape)
    if array.dtype == object and all(isinstance(value, Real | np.bool_) for value in array.flat):
        if any(isinstance(value, bool | np.bool_) for value in array.flat):
            what = f"{name}: numbers of several types, as of a table with flags, were read as float64, which holds 53 bits."
            notes.append(noted("rounded", what))
        result = rounded(array, name, notes)
        pairs = zip(array.flat, result.reshape(-1).tolist(), strict=True)
        if not notes and any(isinstance(one, Integral) and int(one) != value for one, value in pairs):
            notes.append(noted("rounded", f"{name}: whole numbers were rounded to float64, which holds 53 bits."))
        return result
    dtype = array.dtype.newbyteorder("=")
    if dtype in (np.float32, np.float64):
        return array.astype(dtype, copy=False)
    if dtype == np.dtype("V2"):  # what numpy.save leaves of bfloat16: its name is lost, its two bytes are not
        notes.append(noted("rounded", f"{name}: two-byte values without a type were read as bfloat16."))
        return bfloat16_bits_to_float32(array.view(np.uint16))
    if dtype.name == "bfloat16" or dtype in (np.float16, np.bool_, np.int8, np.uint8, np.int16, np.uint16):
        return array.astype(np.float32)
    if dtype == np.longdouble or (dtype.itemsize == 8 and dtype.kind in "iu" and beyond_53_bits(array)):
        notes.append(noted("rounded", f"{name}: {dtype.name} values were rounded to float64, which holds 53 bits."))
        return rounded(array, name, notes)
    if dtype.kind in "iu":
        return array.astype(np.float64)
    if dtype.kind in "mM":
        raise InputError(
            f"{name} has dtype {dtype}: give numbers, such as (t - t.min()) / numpy.timedelta64(1, 's') for times t."
        )
    if dtype.kind == "c":
        raise InputError(
            f"{name} is complex ({dtype.name}): give real numbers, for example its real and imaginary parts as columns."
        )
    if dtype.kind in "USTO":
        raise InputError(
            f"{name} has dtype {dtype}, first {first_word(array)}: give real numbers (float, integer or bool). Class labels, "
            "as y, go with the estimator ross (--labels; swap x and y if need be), or on both sides with discrete."
        )
    raise InputError(f"{name} has dtype {dtype}: give real numbers (float, integer or bool).")


def first_word(array: NDArray[Any]) -> str:
    """First value that is not a number, as messages quote it."""
    other = next((one for one in array.flat if not isinstance(one, Real | np.bool_)), "")
    return repr(str(other)) if isinstance(other, str) else repr(other)


def beyond_53_bits(array: NDArray[Any]) -> bool:
    """Tell whether some of these integers are too large for float64 to hold exactly."""
    return bool((array > 2**53).any() or (array < -(2**53)).any())


def rounded(array: NDArray[Any], name: str, notes: list[str]) -> NDArray[np.float64]:
    """Round values to the nearest float64, with a note on how many distinct values are lost.

    Raises:
        InputError: Values are beyond the range of float64, or all different samples become equal in it.
    """
    try:
        with np.errstate(over="ignore"):
            result: NDArray[np.float64] = array.astype(np.float64)
        overflown = bool((np.isinf(result) & (abs(array) != np.inf)).any())
    except OverflowError:  # a whole number of Python's
        overflown = True
    if overflown:
        raise InputError(f"{name} has values beyond the range of float64, 1.8e308: divide it by a large number.")
    before, after = distinct(array), distinct(result)
    if after < before:
        remedy = "subtract the minimum before the conversion to float64"
        if (result == result[:1]).all():
            raise InputError(
                f"{name} is constant once rounded to float64, which holds 53 bits: its {before:,} distinct values differ "
                f"beyond them. To keep the difference, {remedy}."
            )
        what = f"{name}: rounding left {after:,} of {before:,} distinct values; to keep more, {remedy}."
        notes.append(noted("rounded", what))
    return result


def distinct(array: NDArray[Any]) -> int:
    """Number of different values."""
    return len(set(array.flat)) if array.dtype == object else len(np.unique(array))


def bfloat16_bits_to_float32(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Convert bfloat16 bits, the upper half of a float32, to float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def check_finite(array: Samples, name: str) -> None:
    """Raise InputError if `array` (n_samples, dim) holds NaN or infinity; the message says how many, and where the first is.

    Values whose differences would be infinite are refused too, because a distance must be finite.
    """
    rows_a_slice = max(1, CHECK_BYTES // array[0].nbytes)
    bad, first_row, largest, is_missing = 0, -1, 0.0, False
    for start in range(0, len(array), rows_a_slice):
        values = array[start : start + rows_a_slice]
        finite = np.isfinite(values)
        largest = max(largest, float(np.abs(values).max()))
        if not finite.all():
            bad += finite.size - int(finite.sum())
            is_missing |= bool((values != values).any())
            if first_row < 0:
                first_row = start + int(finite.all(axis=1).argmin())
    if bad:
        what = "value that is" if bad == 1 else "values that are"
        found = f"{name} has {bad} {what} NaN or infinite, first in row {first_row}"
        raise MissingValues(found) if is_missing else InputError(f"{found}: remove or replace {'it' if bad == 1 else 'them'}.")
    if largest > LARGEST:
        raise InputError(
            f"{name} has values up to {largest:.1e}, whose differences exceed float64: divide it by a large number."
        )


def check_not_constant(array: Samples, name: str) -> None:
    """Raise InputError if all samples are the same, because an estimate from one side alone then has no value."""
    if is_constant(array):
        raise InputError(f"{name} is constant: all {len(array)} samples are the same, so it has no density to estimate.")


def redundant(array: Samples) -> dict[int, str]:
    """Columns that add no dimension to samples (n, dim), by place, and why: constant, copies, linear functions of others."""
    found: dict[int, str] = {}
    seen: dict[bytes, int] = {}
    for place, column in enumerate(array.T):
        if is_constant(column):
            found[place] = "constant"
        elif (first := seen.setdefault((column + 0.0).tobytes(), place)) != place:  # + 0.0 makes one zero of -0.0 and 0.0
            found[place] = f"equal to column {first}"
    others = [place for place in range(array.shape[1]) if place not in found]
    for place in following(array[:, others]):
        found[others[place]] = "a linear function of the columns before it"
    return dict(sorted(found.items()))


def following(columns: Samples) -> list[int]:
    """Columns (n, dim) that are linear functions of those before them, up to rounding, such as the last of a softmax.

    There must be more samples than columns; else there are none. Some samples are looked at first, which may rule it out.
    """
    n, dim = columns.shape
    if not 1 < dim < n:
        return []
    some = columns[:: max(1, n // (ROWS_A_COLUMN * dim))]
    if len(some) < n and not following(some):
        return []
    scaled, largest = centred(columns)
    _, triangle = np.linalg.qr(scaled)
    lengths, left = np.linalg.norm(triangle, axis=0), np.abs(np.diag(triangle))
    with np.errstate(over="ignore"):
        is_rounded = (columns == columns.astype(np.float32)).all() and (columns % 1 != 0).any()  # whole numbers are exact
    unit = ROUNDINGS * np.finfo(np.float32 if is_rounded else np.float64).eps * np.sqrt(n * dim)
    rounding = unit * np.abs(columns).max(axis=0) / np.where(largest > 0, largest, 1.0)
    found: list[int] = []
    for place in np.flatnonzero(left <= NEARLY_NOTHING * lengths):
        before = [other for other in range(place) if other not in found]
        weights = np.linalg.lstsq(triangle[:, before], triangle[:, place])[0]
        if left[place] <= np.hypot(rounding[place], np.linalg.norm(weights * rounding[before])):
            found.append(int(place))
    return found


def is_constant(array: Samples) -> bool:
    """Tell whether all samples are the same."""
    return bool((array[-1] == array[0]).all() and (np.asarray(array) == array[0]).all())


def check_same_length(sides: Mapping[str, NDArray[Any]]) -> None:
    """Raise InputError unless all sides have as many samples as the first."""
    (first, n_samples), *others = ((name, len(points)) for name, points in sides.items())
    for name, other in others:
        if other != n_samples:
            raise InputError(f"{first} has {n_samples} samples and {name} has {other}: they must be paired row by row.")
