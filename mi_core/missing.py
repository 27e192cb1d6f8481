"""Rows with missing values: refused, or left out of all sides of an estimate. They are never filled in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mi_core import arrays, tables
from mi_core.errors import InputError, MissingValues
from mi_core.explanations import noted
from mi_core.options import Missing

DROP = 'missing="drop" (--missing drop) leaves out such rows'


@contextlib.contextmanager
def offered() -> Iterator[None]:
    """Add the option that leaves out rows to errors on missing values raised in the block."""
    try:
        yield
    except MissingValues as error:
        raise MissingValues(error.what, DROP) from None


def complete(sides: Mapping[str, Any], how: Missing, *, series: bool = False) -> tuple[dict[str, Any], list[str]]:
    """Leave out the rows in which a side has a missing value, with notes on how many.

    Args:
        sides: Samples (n_samples, ...) by names, None for an absent side.
        how: "drop" leaves rows out; "refuse" returns all rows, and the validation of arrays then refuses missing values.
        series: Whether rows are a time series in order, so that none can be left out; gaps are then refused here.

    Raises:
        InputError: No row is left, or a series has gaps.
    """
    given = {name: side for name, side in sides.items() if side is not None}
    if how == "refuse" and not series:
        return dict(sides), []
    held = {name: with_missing(side, name) for name, side in given.items()}
    if not all(side.ndim for side in held.values()):  # which is refused at that door, too
        return dict(sides), []
    arrays.check_same_length(held)
    gone = np.any([rows_with_missing(side) for side in held.values()], axis=0)
    count, n_samples = int(np.count_nonzero(gone)), len(gone)
    if series:
        refuse_in_series(gone)
    if not count:
        return dict(sides), []
    if count == n_samples:
        raise InputError(f"all {n_samples:,} rows have a missing value in {' or '.join(held)}: no sample is left.")
    return {name: held[name][~gone] if name in held else None for name in sides}, [on_dropped(count, n_samples)]


def refuse_in_series(gone: NDArray[np.bool_], lead: str = "") -> None:
    """Raise InputError if rows (n_samples,) of a series have missing values, naming its longest stretch without any; `lead`
    begins the message.
    """
    count = int(np.count_nonzero(gone))
    if not count:
        return
    ends = np.flatnonzero(np.concatenate([[True], gone, [True]]))
    longest = int(np.diff(ends).argmax())
    first, last = int(ends[longest]), int(ends[longest + 1]) - 2
    stretch = f", or take a stretch without any: the longest is rows {first:,} to {last:,}, counted from 0" * (last >= first)
    raise InputError(
        f"{lead}{count:,} of {len(gone):,} rows have missing values, and rows of a series cannot be left out, because its "
        f"steps must stay equal. Fill the gaps in{stretch}."
    )


def on_dropped(count: int, n_samples: int) -> str:
    """Note on how many rows were left out."""
    return noted(
        "missing",
        f"{count:,} of {n_samples:,} rows had missing values and were left out; {n_samples - count:,} are left. If they are "
        "missing for a reason, the rest is another population.",
    )


def with_missing(values: Any, name: str) -> NDArray[Any]:
    """Convert values to an array with NaN or None for missing values."""
    if isinstance(values, np.ma.MaskedArray) and values.dtype.kind in "iu" and tables.beyond(values.data):
        whole: NDArray[Any] = values.data.astype(object)
        whole[np.ma.getmaskarray(values)] = None
        return whole
    if isinstance(values, np.ma.MaskedArray) and values.dtype.kind in "fiubc":
        filled: NDArray[Any] = values.astype(np.result_type(values.dtype, np.float32)).filled(np.nan)  # type: ignore[attr-defined]
        return filled
    if isinstance(values, np.ma.MaskedArray) and values.dtype.kind in "mM":
        return np.where(np.ma.getmaskarray(values), values.dtype.type("NaT"), values.data)
    if isinstance(values, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(values), np.array(None), values.data.astype(object))
    if tables.is_frame(values):
        return tables.of_frame(values, name).array(missing=True)
    return arrays.host_array(values, name)


def rows_with_missing(array: NDArray[Any]) -> NDArray[np.bool_]:
    """Mask (n_samples,) of the rows of an array that have a missing value."""
    gone = tables.absent(array)
    of_rows: NDArray[np.bool_] = np.any(gone.reshape(len(array), -1), axis=1) if array.ndim else gone.reshape(1)
    return of_rows
