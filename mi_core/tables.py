"""Tables: named columns of numbers, flags, dates or text, from files, data frames, dictionaries and arrays.

    CSV, Parquet, Excel (`files`)   pandas, polars, xarray, dict, array        ->  Table  ->  array for an estimate
                                                                                          ->  columns for a ranking

Missing values (NaN, None, NaT, null, masked) are found here. They are refused by the name of their column, or kept for
`missing.complete` to drop.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime
import functools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mi_core.errors import InputError, MissingValues, as_sentence, did_you_mean
from mi_core.explanations import noted
from mi_core.text import NAMED

Kind = Literal["numbers", "flags", "dates", "text"]

MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "none")  # cells of files, in any case, that say that there is no value
DOUBTFUL = (*MISSING[1:], "?", "-", ".")  # text, in any case, that may say so, too
EXACT = 2**53  # up to here float64 holds every whole number
MOST_SHOWN = 20  # names of columns in a message
LOOKED_AT = 200  # cells of text whose way of writing is looked at
MOSTLY = 0.5  # share of numbers among the cells of a column of text, from which on it was meant to be one of numbers
PLAIN = r"[-+]?\d+(\.\d+)?"
WRITTEN = (  # ways of writing that are no numbers here; what each is called, and what to do
    (
        r"\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}([ T].*)?|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4}",
        "dates",
        "write them as 2024-01-31 in a file, or convert them to dates",
    ),
    (r"[-+]?[\d.,]+\s?%", "percentages", "write them without the sign"),
    (rf"[-+]?[1-9]\d{{0,2}}(,\d{{3}})+(\.\d+)?|{PLAIN}", "numbers with thousands separators", "write 1234.5 for 1,234.5"),
    (rf"[-+]?(\d+|\d{{1,3}}(\.\d{{3}})+),\d+|{PLAIN}", "numbers with decimal commas", "write points for commas"),
)
OF_PANDAS = r"Unnamed: \d+|__index_level_\d+__"
UNNAMED = rf"|unnamed \d+|{OF_PANDAS}"  # names of columns without a name; the second as of a file of text or Excel


@dataclasses.dataclass(frozen=True, eq=False)
class Column:
    """One column of a table.

    Attributes:
        name: Name of the column; its position counted from 0 if it has none.
        kind: Kind of its values. Categories of pandas and polars are text; dates are already numbers.
        values: (n_samples,) numbers, NaN if missing, or text (objects), None if missing. Integers too large for float64 stay
            integers, 0 if missing.
        missing: (n_samples,) whether a value is missing.
        stray: Rows of the cells that are not numbers in a column that should hold numbers; empty for other columns.
        note: How the values were converted; empty if they were not.
    """

    name: str
    kind: Kind
    values: NDArray[Any]
    missing: NDArray[np.bool_]
    stray: NDArray[np.int64] = dataclasses.field(default_factory=lambda: np.empty(0, np.int64))
    note: str = ""

    @functools.cached_property
    def doubtful(self) -> dict[str, int]:
        """Count text that may stand for a missing value; "-" beside "+" is a sign."""
        if self.kind != "text":
            return {}
        counts = collections.Counter(map(str, self.values[~self.missing]))
        return {
            word: count
            for word, count in counts.items()
            if word.strip().lower() in DOUBTFUL and not (word == "-" and "+" in counts)
        }


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length, in order.

    Attributes:
        name: Name of the table in messages: a file, or the name of an argument.
        columns: Columns by their names.
        first_line: Line of the file that holds the first row; None if there are no lines, or rows are not one line each.
        of_file: Notes on how the file was read.
        is_chosen: Whether each column was asked for by its name, even where the name is one of row numbers.
        rows: Number of rows; None for as many as the first column has.
    """

    name: str
    columns: Mapping[str, Column]
    first_line: int | None = None
    of_file: tuple[str, ...] = ()
    is_chosen: bool = False
    rows: int | None = None

    def __len__(self) -> int:
        if self.rows is not None:
            return self.rows
        return len(next(iter(self.columns.values())).values) if self.columns else 0

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on how the table and each of its columns were read."""
        return (
            *self.of_file,
            *(
                noted(
                    "dates" if column.kind == "dates" else "text-column" if column.values.dtype == object else "rounded",
                    f"{self.name}: {column.note}",
                )
                for column in self.columns.values()
                if column.note
            ),
            *(
                noted(
                    "missing-words",
                    f"{self.name}: {doubtful}, read as classes of their own: if they mean missing values, name them in "
                    "--na; in Python make them None.",
                )
                for doubtful in filter(None, [self.doubtful(list(self.columns))])
            ),
        )

    @property
    def on_flags(self) -> tuple[str, ...]:
        """Note on columns of true and false that are read as numbers because all other columns are numbers."""
        flags = [column.name for column in self.columns.values() if column.kind == "flags"]
        if not flags or any(column.kind == "text" for column in self.columns.values()):
            return ()
        return (
            noted(
                "flags",
                f"{self.name}: true and false in {', '.join(flags)} were read as numbers, 1 and 0. For classes, give it as y, "
                "with the estimator ross (--labels).",
            ),
        )

    def doubtful(self, names: Sequence[str]) -> str:
        """Text in these columns that may stand for missing values, such as "column city has '?' 12 times"; "" without."""
        found = [
            f"column {name} has {' and '.join(f'{word!r} {count:,} times' for word, count in words.items())}"
            for name in names
            if (words := self.columns[name].doubtful)
        ]
        more = [f"{len(found) - NAMED} more columns have the like"] if len(found) > NAMED else []
        return ", ".join([*found[:NAMED], *more])

    def chosen(self, key: str) -> Table:
        """Select the columns that `key` names, one or several separated by commas; a name may itself contain commas."""
        return self.chosen_of(chosen_names(key, list(self.columns), self.name))

    def chosen_of(self, names: Sequence[str]) -> Table:
        """Select the columns of these names."""
        return dataclasses.replace(self, columns={name: self.columns[name] for name in names}, is_chosen=True)

    def with_column(self, column: Column) -> Table:
        """Add a column at the end."""
        others = {name: functools.partial(self.columns.__getitem__, name) for name in self.columns}
        return dataclasses.replace(self, columns=Columns({**others, column.name: lambda: column}))

    def row(self, row: int) -> str:
        """Name a row for messages."""
        return f"row {row}" + ("" if self.first_line is None else f" (line {row + self.first_line})")

    def check_complete(self, column: Column) -> None:
        """Raise MissingValues if a value is missing."""
        if count := int(column.missing.sum()):
            raise MissingValues(
                f"{self.name}: column {column.name} has {count:,} missing value{'s' if count > 1 else ''} in {len(self):,} "
                f"rows, first in {self.row(int(column.missing.argmax()))}"
            )

    def check_numbers(self, column: Column) -> None:
        """Raise InputError for a column of text, naming the cell that is not a number."""
        if column.kind != "text":
            return
        if column.note:
            raise InputError(f"{self.name}: {column.note} Numbers are needed here.")
        if len(column.stray):
            row = int(column.stray[0])
            raise InputError(
                f"{self.name}: column {column.name} has {len(column.stray):,} value{'s' if len(column.stray) > 1 else ''} that "
                f"{'are no numbers' if len(column.stray) > 1 else 'is no number'}, first {column.values[row]!r} in "
                f"{self.row(row)}: correct it, or where it stands for a missing value, leave the cell empty or name it in --na."
            )
        row = int((~column.missing).argmax())
        raise InputError(
            f"{self.name}: column {column.name} is text, first {column.values[row]!r} in {self.row(row)}: give numbers here. "
            "Text is class labels: as y of the estimator ross (--labels; swap x and y if need be), on both sides of "
            "--estimator discrete, and for groups and given."
        )

    def check_named(self) -> None:
        """Raise InputError if a column has no name, or the names are numbers that were saved with the data."""
        names = list(self.columns)
        unnamed, named = ([name for name in names if is_unnamed(name) == without] for without in (True, False))
        if unnamed and len(names) > 1:
            found, example = on_unnamed(unnamed[0], names.index(unnamed[0]), len(names)), named[-1] if named else None
        elif len(names) > 1 and self.first_line == 2 and names == [str(place) for place in range(len(names))]:
            found, example = "a first line 0, 1, 2, ..., column numbers that were saved with the data", names[-1]
        else:
            return
        remedy = "name it" if example is None else f"name the columns to take, as in {self.name}:{example}"
        raise InputError(f"{self.name} has {found}: leave it out, or {remedy}.")

    def array(self, *, text: bool = True, missing: bool = False) -> NDArray[Any]:
        """Values (n_samples, columns): numbers, or text throughout if a column is text.

        Args:
            text: Whether text is allowed.
            missing: Whether missing values are allowed, as NaN or None.

        Raises:
            InputError: There are missing values or text that are not allowed; the message names the column.
        """
        if not self.is_chosen:
            self.check_named()
        for column in self.columns.values():
            if not text:
                self.check_numbers(column)
            if not missing:
                self.check_complete(column)
        values = [column.values for column in self.columns.values()]
        if not any(column.kind == "text" for column in self.columns.values()):
            dtype = np.result_type(*values)
            loses = dtype.kind == "f" and any(one.dtype.kind in "iu" and beyond(one) for one in values)
            gaps = any(column.missing.any() and kept_with_gaps(column) for column in self.columns.values())
            return np.column_stack([as_objects(column) for column in self.columns.values()] if loses or gaps else values)
        return np.column_stack([as_text(column) for column in self.columns.values()])

    def condition(self, *, missing: bool = False) -> NDArray[Any]:
        """Values of a condition: numbers (n_samples, columns), or a label (n_samples, 1) for each combination of classes.

        Args:
            missing: Whether missing values are allowed, as NaN or None.

        Raises:
            InputError: Some columns are text and others are numbers, or values are missing and must not be.
        """
        columns = list(self.columns.values())
        text = [column.name for column in columns if column.kind == "text"]
        numbers = [column.name for column in columns if column.kind in ("numbers", "dates")]
        if len(columns) == 1 or not (text or len(numbers) == 0):
            return self.array(missing=missing)
        if numbers:
            raise InputError(f"{self.name}: {on_mixed(numbers, text)}")
        words = self.array(missing=missing)
        labels = np.array([None if None in row else str(tuple(row)) for row in words.tolist()], dtype=object)
        return labels.reshape(-1, 1)


def is_unnamed(name: str) -> bool:
    """Tell whether a column has no name of its own, as row numbers that were saved with the data."""
    return re.fullmatch(UNNAMED, name) is not None


def on_unnamed(name: str, place: int, count: int) -> str:
    """Describe a column without a name of its own by its place among the columns."""
    if re.fullmatch(OF_PANDAS, name):
        return f"a column {name}, as pandas calls an index or a column without a name"
    if place == 0:
        return "an unnamed first column, row numbers that were saved with the data"
    if place == count - 1:
        return "an unnamed last column, as a separator at the end of each line makes"
    return f"an unnamed column at place {place}, counted from 0"


def on_mixed(numbers: Sequence[str], classes: Sequence[str]) -> str:
    """Message that a condition cannot mix numbers and classes, and what to do."""
    return (
        f"what is given mixes numbers ({', '.join(numbers)}) and classes ({', '.join(classes)}): give columns of one kind. "
        "Numbers cut into a few classes, a column of text, go with classes."
    )


def chosen_names(key: str, names: Sequence[str], table: str) -> list[str]:
    """Split a key like "age,income" into names of columns.

    Raises:
        InputError: There is no column of that name, or it is named twice.
    """
    chosen = [key] if key in names else [word.strip() for word in key.split(",")]
    for name in chosen:
        check_known(name, names, table)
    if twice := [name for name in chosen if chosen.count(name) > 1]:
        raise InputError(f"{table}: column {twice[0]} is named twice in {key}: name each once.")
    return chosen


def check_known(name: str, names: Sequence[str], table: str) -> None:
    """Raise InputError unless a table has a column of this name."""
    if name not in names:
        shown = ", ".join(names[:MOST_SHOWN]) + (f" and {len(names) - MOST_SHOWN:,} more" if len(names) > MOST_SHOWN else "")
        raise InputError(f"{table} has no column {name!r}: it has {shown}{did_you_mean(name, names)}")


def as_text(column: Column) -> NDArray[Any]:
    """Values of a column as text (objects), None if missing."""
    if column.kind == "text":
        return column.values
    values = column.values.astype(bool) if column.kind == "flags" else column.values
    words = np.array([str(value) for value in values.tolist()], dtype=object)
    words[column.missing] = None
    return words


def kept_with_gaps(column: Column) -> bool:
    """Tell whether values with gaps must be objects to stay what they are: whole numbers, and flags, which are classes."""
    return column.kind == "flags" or column.values.dtype.kind in "iuO"


def as_objects(column: Column) -> NDArray[Any]:
    """Numbers and flags of a column as Python objects, None if missing."""
    values = column.values.astype(bool) if column.kind == "flags" else column.values
    objects = values.astype(object)
    objects[column.missing] = None
    return objects


def whole_numbers(values: Sequence[int]) -> NDArray[Any]:
    """Integers without loss: int64, else uint64, else Python integers (objects)."""
    for dtype in (np.int64, np.uint64):
        with contextlib.suppress(OverflowError):
            return np.array(values, dtype=dtype)
    return np.array(values, dtype=object)


def beyond(whole: NDArray[Any]) -> bool:
    """Tell whether some of these integers are too large for float64 to hold exactly."""
    return bool(whole.size and (whole.max() > EXACT or whole.min() < -EXACT))


# From what is in memory


def is_frame(values: Any) -> bool:
    """Tell whether values are a data frame or a series of pandas or polars, whose columns have their own types."""
    kind = type(values)
    return kind.__module__.partition(".")[0] in ("pandas", "polars") and kind.__name__ in ("DataFrame", "Series")


def index_of(values: Any) -> Any:
    """Index of a pandas frame or series; None for everything else."""
    return values.index if is_frame(values) and type(values).__module__.startswith("pandas") else None


def of_frame(values: Any, name: str) -> Table:
    """Make a table from a data frame or a series of pandas or polars.

    Raises:
        InputError: A column holds something other than numbers, flags, dates and text, or two columns have one name.
    """
    if type(values).__name__ == "Series":
        columns = {"0" if values.name in (None, "") else str(values.name): values}
    else:
        names = [str(column) for column in values.columns]
        check_different(names, name)
        columns = {one: values.iloc[:, place] if hasattr(values, "iloc") else values[one] for place, one in enumerate(names)}
    if not columns:
        raise InputError(f"{name} has no columns: give at least one.")
    makers = {one: functools.partial(of_series, one, series, f"{name}: column {one}") for one, series in columns.items()}
    return Table(name, Columns(makers), rows=len(values))


class Columns(Mapping[str, Column]):
    """Columns by their names, each made when it is first asked for, so that one that cannot be used hinders no other."""

    def __init__(self, makers: Mapping[str, Callable[[], Column]]) -> None:
        self.makers = {name: functools.cache(make) for name, make in makers.items()}

    def __getitem__(self, name: str) -> Column:
        return self.makers[name]()

    def __contains__(self, name: object) -> bool:
        return name in self.makers

    def __iter__(self) -> Iterator[str]:
        return iter(self.makers)

    def __len__(self) -> int:
        return len(self.makers)


def of_series(name: str, series: Any, what: str) -> Column:
    """Make a column from a series of pandas or polars."""
    library = type(series).__module__.partition(".")[0]
    try:
        values, missing = from_polars(series, what) if library == "polars" else from_pandas(series, what)
        return typed(name, values, missing, what)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # whatever a library raises for a type that it alone knows
        raise InputError(f"{what} holds {series.dtype}, which cannot be read: {as_sentence(error)}") from error


def check_different(names: Sequence[str], table: str) -> None:
    """Raise InputError if two columns have one name."""
    seen: set[str] = set()
    for one in names:
        if one in seen:
            raise InputError(f"{table} has two columns named {one!r}: rename one of them.")
        seen.add(one)


def from_polars(series: Any, what: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Values of a polars series, and a mask of nulls."""
    import polars

    missing, dtype = series.is_null().to_numpy(), series.dtype
    if dtype.is_nested() or dtype in (polars.Binary, polars.Object):
        raise InputError(f"{what} holds {dtype}: a column is of numbers, flags, dates or text.")
    if dtype == polars.Time:
        return np.where(missing, np.nan, series.cast(polars.Int64).to_numpy() / 1e9), missing
    if dtype == polars.Decimal and not (series.cast(polars.Float64).abs() >= EXACT).any():
        series = series.cast(polars.Float64)
    elif dtype == polars.Decimal or str(dtype) in ("Int128", "UInt128"):  # which NumPy does not have
        return np.array(series.to_list(), dtype=object), missing
    if dtype == polars.Boolean:
        series = series.fill_null(value=False)
    if dtype.is_integer():  # NumPy has no missing integers
        series = series.fill_null(0)
    if dtype in (polars.String, polars.Categorical, polars.Enum):
        return np.array(series.cast(polars.String).to_list(), dtype=object), missing
    return series.to_numpy(), missing


def from_pandas(series: Any, what: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Values of a pandas series, and a mask of missing values."""
    missing = np.asarray(series.isna(), dtype=bool)
    dtype = str(series.dtype)
    if dtype == "category":  # which are classes, even where they are numbers
        return np.array([None if gone else str(one) for one, gone in zip(series, missing, strict=True)], dtype=object), missing
    if "datetime64" in dtype:  # in its own unit, as nanoseconds do not reach beyond 2262
        return (series if series.dt.tz is None else series.dt.tz_convert("UTC").dt.tz_localize(None)).to_numpy(), missing
    if not isinstance(series.dtype, np.dtype) and getattr(series.dtype, "kind", "O") in "iufb":
        if dtype.startswith("Sparse"):
            raise InputError(f"{what} is a sparse column of pandas ({dtype}): give its .sparse.to_dense(), if memory has room.")
        if missing.any() and series.dtype.kind in "iu":  # NumPy has no missing integers
            return series.to_numpy(dtype=series.dtype.numpy_dtype, na_value=0), missing
        if missing.any() and series.dtype.kind == "b":
            return series.to_numpy(dtype=bool, na_value=False), missing
        if missing.any():
            return series.to_numpy(dtype=np.float64, na_value=np.nan), missing
        return series.to_numpy(dtype=series.dtype.numpy_dtype), missing
    return np.asarray(series), missing


def typed(name: str, array: NDArray[Any], missing: NDArray[np.bool_] | None, what: str) -> Column:
    """Make a column of the kind that the dtype of a NumPy array (n_samples,) implies."""
    if array.dtype == object:
        return of_objects(name, array, absent(array) if missing is None else missing | absent(array), what)
    if array.dtype.names:
        raise InputError(f"{what} holds records of {', '.join(array.dtype.names)}: give a column for each of these fields.")
    if array.dtype.kind in "mM":
        return of_dates(name, array if missing is None else np.where(missing, array.dtype.type("NaT"), array), what)
    if array.dtype.kind in "UST":
        words = np.char.decode(array, "utf-8", "backslashreplace") if array.dtype.kind == "S" else array
        return typed(name, words.astype(object), missing, what)
    gone = absent(array) if missing is None else missing | absent(array)
    kind: Kind = "flags" if array.dtype.kind == "b" else "numbers"
    if gone.any() and array.dtype.kind in "iu" and beyond(array[~gone]):
        array = np.where(gone, 0, array)
    elif gone.any():
        array = array.astype(np.result_type(array.dtype, np.float32) if array.dtype.kind == "f" else np.float64)
        array[gone] = np.nan
    return Column(name, kind, array, gone)


def of_objects(name: str, array: NDArray[Any], missing: NDArray[np.bool_], what: str) -> Column:
    """Make a column from Python objects: text, numbers, flags, or dates."""
    present = array[~missing]
    if len(present) and all(isinstance(one, str) for one in present):
        words = array.copy()
        words[missing] = None
        return of_text(name, words, missing)
    if len(present) and all(isinstance(one, bool | np.bool_) for one in present):
        return typed(name, np.where(missing, False, array).astype(bool), missing, what)
    if all(isinstance(one, Real | np.bool_) or hasattr(one, "as_integer_ratio") for one in present):
        if len(present) and all(isinstance(one, int | np.integer) for one in present):
            whole = whole_numbers([0 if gone else int(one) for one, gone in zip(array, missing, strict=True)])
            return Column(name, "numbers", whole, missing) if whole.dtype == object else typed(name, whole, missing, what)
        try:
            numbers = [0 if gone else as_python(one) for one, gone in zip(array, missing, strict=True)]
            return of_numbers(name, numbers, missing)
        except OverflowError:
            raise InputError(f"{what} has values beyond the range of float64, 1.8e308: divide it by a large number.") from None
    if all(hasattr(one, "year") and hasattr(one, "month") for one in present):
        unit = "D" if not any(hasattr(one, "hour") for one in present) else "us"
        unit = "ns" if any(getattr(one, "nanosecond", 0) for one in present) else unit  # times of pandas
        dates = [None if gone else in_utc(one) for one, gone in zip(array, missing, strict=True)]
        return of_dates(name, np.array(dates, f"datetime64[{unit}]"), what)
    if all(isinstance(one, datetime.timedelta) for one in present):
        durations = [None if gone else one for one, gone in zip(array, missing, strict=True)]
        return of_dates(name, np.array(durations, "timedelta64[us]"), what)
    row, other = next((row, one) for row, one in enumerate(array) if not missing[row] and not isinstance(one, str))
    kinds = sorted({type(one).__name__ for one in present})
    mixes = "mixes kinds of values" if len(kinds) > 1 else f"holds values of type {kinds[0]}"
    raise InputError(
        f"{what} {mixes}, such as {other!r} in row {row}{' beside text' * ('str' in kinds)}: a column is of numbers, flags, "
        "dates or text throughout."
    )


def as_python(number: Any) -> int | float:
    """Convert a number to int without loss if it is one, or a whole Decimal or Fraction; else to float."""
    if isinstance(number, Integral | np.bool_):
        return int(number)
    value = float(number)
    is_whole = not isinstance(number, float | np.floating) and math.isfinite(value) and int(number) == number
    return int(number) if is_whole else value


def of_numbers(name: str, numbers: Sequence[int | float], missing: NDArray[np.bool_]) -> Column:
    """Make a column of numbers, 0 if missing: float64, or integers if all are whole and float64 would round some.

    A note says so if float64 rounds whole numbers because others are not whole.

    Raises:
        OverflowError: A whole number is beyond the range of float64.
    """
    values = np.where(missing, np.nan, np.array(numbers, dtype=np.float64))
    rounded = [
        one
        for one, value, gone in zip(numbers, values.tolist(), missing.tolist(), strict=True)
        if isinstance(one, int) and not gone and one != value
    ]
    broken = next((one for one in numbers if not isinstance(one, int) and not one.is_integer()), None)
    if not rounded:
        return Column(name, "numbers", values, missing)
    if broken is None:
        return Column(name, "numbers", whole_numbers([int(one) for one in numbers]), missing)
    note = (
        f"column {name} has whole numbers that float64, with its 53 bits, does not hold, such as {rounded[0]}, beside others "
        f"that are not whole, such as {broken}: all were rounded to float64."
    )
    return Column(name, "numbers", values, missing, note=note)


def in_utc(moment: Any) -> Any:
    """Convert a time with a time zone, or of pandas with nanoseconds, to UTC without one; return other values unchanged."""
    if hasattr(moment, "to_datetime64"):
        return moment.to_datetime64()
    return moment if getattr(moment, "tzinfo", None) is None else moment.astimezone(datetime.UTC).replace(tzinfo=None)


def of_text(name: str, words: NDArray[Any], missing: NDArray[np.bool_], stray: NDArray[np.int64] | None = None) -> Column:
    """Make a column of text, with a note if it looks like dates or numbers in a format that is not read."""
    present = [str(word).strip() for word in words[~missing][:LOOKED_AT]]
    note = ""
    for written, what, remedy in WRITTEN:
        if all(re.fullmatch(written, word) for word in present):
            example = next((word for word in present if not re.fullmatch(PLAIN, word)), "")
            if example:
                note = f"column {name} looks like {what}, such as {example!r}, and was read as text: {remedy}."
            break
    return Column(name, "text", words, missing, stray if stray is not None else np.empty(0, np.int64), note)


def of_dates(name: str, dates: NDArray[Any], what: str) -> Column:
    """Convert dates to days and times to seconds since the beginning of 1970, and durations to seconds."""
    missing, is_duration, (step, _) = np.isnat(dates), dates.dtype.kind == "m", np.datetime_data(dates.dtype)
    is_coarse = step in "YMWD"
    if step == "as" or (is_duration and step in "YM"):  # too short to be counted in a second, or of no fixed length
        raise InputError(f"{what} has dtype {dates.dtype}: convert it to {dates.dtype.kind}8[{'ns' if step == 'as' else 'D'}].")
    if is_coarse:
        dates = dates.astype(f"{dates.dtype.kind}8[D]")
    unit = np.timedelta64(1, "D" if is_coarse and not is_duration else "s")
    values = np.where(missing, np.nan, (dates if is_duration else dates - np.zeros((), dates.dtype)) / unit)
    words = "seconds" if is_duration else "days since 1970-01-01" if is_coarse else "seconds since 1970-01-01"
    before, after = len(np.unique(dates[~missing])), len(np.unique(values[~missing]))
    lost = f"; float64 holds {after:,} of its {before:,} distinct values: subtract the first time for more" * (after < before)
    return Column(name, "dates", values, missing, note=f"column {name} holds dates or times, read as {words}{lost}.")


def absent(array: NDArray[Any]) -> NDArray[np.bool_]:
    """Mask of the missing values in an array of any shape: NaN, None, NaT, and NA of pandas."""
    if array.dtype.kind in "fc":
        return np.asarray(np.isnan(array))
    if array.dtype.kind in "mM":
        return np.asarray(np.isnat(array))
    if array.dtype == object:
        gone = [one is None or type(one).__name__ in ("NAType", "NaTType") or is_nan(one) for one in array.flat]
        return np.array(gone, dtype=bool).reshape(array.shape)
    return np.zeros(array.shape, dtype=bool)


def is_nan(value: object) -> bool:
    return isinstance(value, float | np.floating) and bool(value != value)
