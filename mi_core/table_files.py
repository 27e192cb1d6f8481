"""Tables from files: CSV and TSV, whose types are inferred here, and Parquet, Feather and Excel, which polars reads with types.

text -> only numbers: numpy.loadtxt, and nothing else is needed
     -> anything else: polars splits the cells, and each column is of numbers, flags, dates (ISO 8601) or text as a whole
"""

from __future__ import annotations

import csv
import dataclasses
import importlib
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mi_core.errors import InputError, did_you_mean
from mi_core.explanations import noted
from mi_core.tables import (
    EXACT,
    LOOKED_AT,
    MISSING,
    MOSTLY,
    Column,
    Table,
    check_different,
    chosen_names,
    of_dates,
    of_frame,
    of_numbers,
    of_series,
    of_text,
)

TIMES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M")
WHOLE = r"[-+]?\d{1,308}(\.0*)?"  # a whole number within the range of float64

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}


@dataclasses.dataclass(frozen=True)
class Cells:
    """Options for splitting and reading cells of text.

    Attributes:
        separator: Separator between columns; None to infer it from the first line.
        na: Additional words, in upper or lower case, that mean a missing value.
    """

    separator: str | None = None
    na: tuple[str, ...] = ()


AS_USUAL = Cells()


def needed(path: Path, *packages: str) -> list[Any]:
    """Import the packages that reading a file needs.

    Raises:
        InputError: A package is not installed; the message has the command that installs it.
    """
    try:
        return [importlib.import_module(package) for package in packages]
    except ImportError as error:
        raise InputError(f"{path}: reading it needs {error.name}: python -m pip install {' '.join(packages)}") from None


def from_text(text: str, path: Path, usual: str, cells: Cells = AS_USUAL) -> Table:
    """Make a table from the text of a CSV or TSV file; a first line that is not all numbers is a header.

    usual: Separator between columns unless `cells` or the first line says otherwise.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not lines[0].strip():
        raise InputError(f"{path} is empty, or its first line is.")
    delimiter = cells.separator or separator_in(lines, usual, path)
    while is_blank(lines[-1], delimiter):
        lines.pop()
    notes = []
    if delimiter != usual and cells.separator is None:
        what = f"{SEPARATORS[delimiter]} separate its columns, by its first line; --separator names another."
        notes.append(noted("separator", f"{path}: {what}"))
    last_line, first = next(split(lines, delimiter, path))
    words = [word.strip().replace("\n", " ") for word in first]
    header = 0 if is_sample(words, path, cells.na) else last_line
    if not header and not all(map(is_number, words)):
        notes.append(on_header(path, "line", "it holds numbers and missing values alone"))
    names = names_of(words) if header else [str(place) for place in range(len(words))]
    if len(lines) == header:
        raise InputError(f"{path} has a header and no samples.")
    check_different(names, str(path))
    columns = None if cells.na else numbers_alone(lines[header:], delimiter, names)
    if columns is not None:
        table = Table(str(path), columns, header + 1, tuple(notes))
        is_gapless = len(table) == len(lines) - header  # else blank lines were passed over
        return table if is_gapless else dataclasses.replace(table, first_line=None)
    check_rectangular(lines, path, delimiter, len(names))
    table = of_cells(lines, header, names, path, delimiter, cells.na)
    return dataclasses.replace(table, of_file=(*notes, *table.of_file))


def is_blank(line: str, delimiter: str) -> bool:
    """Tell whether a line has no cells: delimiters, even of white space, are those of a row whose values are missing."""
    return delimiter not in line and not line.strip()


def is_sample(words: Sequence[str], path: Path, na: tuple[str, ...]) -> bool:
    """Tell whether a first line is a sample rather than a header: it holds numbers, and perhaps missing values.

    Raises:
        InputError: The line may be either.
    """
    numbers, missing = [is_number(word) for word in words], (*MISSING, *map(str.lower, na))
    named = words[1:] if words[0] == "" else words
    if len(words) > 1 and named == [str(place) for place in range(len(named))]:  # as pandas names columns
        return False
    if not any(numbers) or not all(one or word.lower() in missing for word, one in zip(words, numbers, strict=True)):
        return False
    if not words[0] and all(numbers[1:]):
        raise InputError(
            f"{path}: its first line has an empty cell and numbers, {words[1]!r} first, which may be names of columns or a "
            "sample: name the first column, or write NA for a missing value."
        )
    return True


def separator_in(lines: Sequence[str], usual: str, path: Path) -> str:
    """Infer the separator between columns from the first line: the usual one unless only another occurs.

    Raises:
        InputError: Several others occur, or commas may be decimal commas because another separator recurs in each line.
    """
    counts = [[re.sub(r'"[^"]*"', "", line).count(one) for one in SEPARATORS] for line in lines[:LOOKED_AT] if line.strip()]
    others = [one for one, count in zip(SEPARATORS, counts[0], strict=True) if count]
    if usual == "," and usual in others:
        others = [
            one for one, counted in zip(SEPARATORS, zip(*counts, strict=True), strict=True) if min(counted) == max(counted) > 0
        ]
        others = [usual, *(one for one in others if one != usual)]
    elif usual in others or not others:
        return usual
    if len(others) > 1:
        named = " and ".join(SEPARATORS[one] for one in others)
        raise InputError(f"{path} has {named} in its first line: name the one that separates its columns with --separator.")
    return others[0]


def on_header(path: Path, first: str, why: str) -> str:
    """Note that the first line or row of a table was read as a sample."""
    what = f"{path}: its first {first} was read as a sample, because {why}; columns are named by their positions, from 0."
    return noted("header", what)


def numbers_alone(rows: Sequence[str], delimiter: str, names: Sequence[str]) -> dict[str, Column] | None:
    """Columns of numbers by their names; None if a cell is not a number."""
    if len(names) == 1 and not all(map(str.strip, rows)):  # an empty cell, which would be passed over
        return None
    try:
        table = np.loadtxt(rows, delimiter=delimiter, ndmin=2, comments=None)
    except ValueError:
        return None
    if table.shape[1] != len(names):
        return None
    missing = np.isnan(table)
    columns = {name: Column(name, "numbers", table[:, place], missing[:, place]) for place, name in enumerate(names)}
    for place in np.flatnonzero((np.abs(table) >= EXACT).any(axis=0)):
        name = names[int(place)]
        words = np.loadtxt(rows, str, None, delimiter, usecols=int(place), ndmin=1)
        columns[name] = of_numbers(name, in_full(words.tolist(), missing[:, place]), missing[:, place])
    return columns


def in_full(words: Sequence[str], missing: NDArray[np.bool_]) -> list[int | float]:
    """Numbers of cells, 0 if missing; those that are written as whole numbers keep all their digits."""
    return [
        0 if gone else int(word.partition(".")[0]) if re.fullmatch(WHOLE, word.strip()) else float(word)
        for word, gone in zip(words, missing.tolist(), strict=True)
    ]


def split(lines: Sequence[str], delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Generate the number of the last line and the cells of each row.

    Raises:
        InputError: A cell is too long, or a quote is not closed or not followed by a delimiter.
    """
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        if "limit" not in str(error):
            raise InputError(on_quotes(path)) from None
        raise InputError(
            f"{path}: a cell in line {reader.line_num} has more than {csv.field_size_limit():,} characters: shorten it, or "
            "close a quote that is open."
        ) from None


def on_quotes(path: Path) -> str:
    """Message that quotes are not where CSV has them."""
    return (
        f"{path}: its cells cannot be told apart, perhaps because a quote is inside one or is not closed: put quotes around a "
        'whole cell, and write "" for one within.'
    )


def check_rectangular(lines: Sequence[str], path: Path, delimiter: str, width: int) -> None:
    """Raise InputError if a line has more or fewer values than the first."""
    if not any('"' in line for line in lines):
        filled = ((place, line) for place, line in enumerate(lines, start=1) if not is_blank(line, delimiter))
        counted = ((place, line.count(delimiter) + 1) for place, line in filled)
    else:
        counted = ((place, len(cells)) for place, cells in split(lines, delimiter, path) if cells)
    for place, count in counted:
        if count != width:
            raise InputError(
                f"{path}: line {place} has {count} value{'s' if count > 1 else ''} and the first line has {width}: a table has "
                "as many in each line, and quotes around a value with the delimiter in it."
            )


def of_cells(
    lines: Sequence[str], header: int, names: list[str], path: Path, delimiter: str, na: tuple[str, ...] = ()
) -> Table:
    """Make a table from lines with cells that are not all numbers, split by polars."""
    (polars,) = needed(path, "polars")  # for text, dates and missing values
    if len(names) == 1:  # whose empty lines polars would pass over
        cells = polars.DataFrame({names[0]: [row[0] if row else "" for _, row in split(lines[header:], delimiter, path)]})
    else:
        content = "\n".join(line for line in lines[header:] if not is_blank(line, delimiter)).encode()
        options: dict[str, Any] = {"has_header": False, "infer_schema": False, "separator": delimiter}
        try:
            cells = polars.read_csv(io.BytesIO(content), **options)
        except polars.exceptions.PolarsError:
            raise InputError(on_quotes(path)) from None
    cells.columns = [str(place) for place in range(len(names))]
    first_line = header + 1 if len(cells) == len(lines) - header else None  # else cells go over several lines
    notes: list[str] = []
    if header and (again := [word for word, column in zip(names, cells, strict=True) if word and (column == word).any()]):
        notes.append(on_header(path, "line", f"{again[0]!r} recurs below it"))
        first = polars.DataFrame({str(place): [name] for place, name in enumerate(names)})
        cells = polars.concat([first, cells])
        names, first_line = list(cells.columns), 1 if first_line == 2 else None
    columns = {name: column_of_cells(name, column, na) for name, column in zip(names, cells, strict=True)}
    return Table(str(path), columns, first_line, tuple(notes))


def column_of_cells(name: str, cells: Any, na: tuple[str, ...] = ()) -> Column:
    """Make a column of the first kind that fits all cells (a series of text): numbers, flags, dates, text.

    na: Additional words, in upper or lower case, that mean a missing value.
    """
    import polars

    words = cells.str.strip_chars()
    numbers = words.cast(polars.Float64, strict=False)
    is_gone = words.str.to_lowercase().is_in([*MISSING, *map(str.lower, na)]) | is_named(numbers, na).fill_null(False)
    words = polars.select(polars.when(is_gone).then(None).otherwise(words)).to_series()
    missing = words.is_null().to_numpy()
    numbers = numbers.set(polars.Series(missing), None)
    stray = numbers.is_null().to_numpy() & ~missing
    if not stray.any():
        if (numbers.abs() >= EXACT).any():
            return of_numbers(name, in_full(words.to_list(), missing), missing)
        return Column(name, "numbers", numbers.to_numpy(), missing)
    lower = words.str.to_lowercase()
    if lower.drop_nulls().is_in(["true", "false"]).all():
        flags = lower == "true"
        return Column(name, "flags", (flags.cast(polars.Float64) if missing.any() else flags).to_numpy(), missing)
    for dates in dates_of(words):
        if dates.null_count() == missing.sum():
            return of_dates(name, dates.to_numpy(), name)
    (rows,) = np.nonzero(stray)
    meant_numbers = len(rows) <= MOSTLY * np.count_nonzero(~missing)
    return of_text(name, np.array(words.to_list(), dtype=object), missing, rows if meant_numbers else rows[:0])


def is_named(numbers: Any, na: tuple[str, ...]) -> Any:
    """Mask of the numbers in a series that are NaN or equal a numeric marker of missing values."""
    markers = [float(one) for one in na if is_number(one)]
    return numbers.is_nan() | numbers.is_in(markers)


def dates_of(words: Any) -> Iterator[Any]:
    """Parse ISO 8601 dates and times in a series of text, one format after the other; null if a cell fits none."""
    import polars

    words = words.set(~words.str.contains(r"^\d{4}-"), None)  # as two digits are no year, but would be read as one
    yield words.str.to_date("%Y-%m-%d", strict=False)
    is_fine = words.str.contains(r"\.\d{7}").any()
    for written in TIMES:
        times = words.str.to_datetime(written, strict=False, time_unit="us", time_zone=None).cast(polars.Datetime("us"))
        if is_fine and times.dt.year().is_between(1678, 2261).all():  # which nanoseconds reach
            times = words.str.to_datetime(written, strict=False, time_unit="ns", time_zone=None)
        yield times


def is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


# By polars, with types of their own


def read_parquet(path: Path, key: str | None, cells: Cells = AS_USUAL) -> Table:
    (polars,) = needed(path, "polars")
    return of_lazy(polars.scan_parquet(path, glob=False), path, key)


def read_feather(path: Path, key: str | None, cells: Cells = AS_USUAL) -> Table:
    (polars,) = needed(path, "polars")
    return of_lazy(polars.scan_ipc(path), path, key)


def read_excel(path: Path, key: str | None, cells: Cells = AS_USUAL) -> Table:
    """Read a sheet, the first one unless the key begins with the name of another and a colon; its first row is as in CSV."""
    polars, fastexcel = needed(path, "polars", "fastexcel")
    book = fastexcel.read_excel(path)
    sheets = book.sheet_names
    sheet, colon, rest = (key or "").partition(":")
    is_named = bool(colon) and sheet in sheets
    wanted = sheet if colon and not is_named else None
    sheet, key = (sheet, rest or None) if is_named else (sheets[0], key)
    notes = []
    if len(sheets) > 1 and not is_named:
        other = f"{path}:{sheets[1 % len(sheets)]}:"
        what = f"{path} has {len(sheets)} sheets: the first, {sheet}, was read. {other} names another."
        notes.append(noted("sheets", what))

    def read(has_header: bool, rows: int | None = None, **options: Any) -> Any:
        options |= {"drop_empty_rows": False, "drop_empty_cols": False, "read_options": {"n_rows": rows}}
        return polars.read_excel(path, sheet_name=sheet, has_header=has_header, raise_if_empty=False, **options)

    first = read(False, 1, infer_schema_length=0).rows()  # as text
    if not first:
        raise InputError(f"{path}: its sheet {sheet} is empty.")
    words = [(word or "").strip() for word in first[0]]
    header = 0 if is_sample(words, path, cells.na) else 1
    frame = read(bool(header), infer_schema_length=None)
    above = book.load_sheet(sheet, header_row=None, skip_rows=0, n_rows=1).total_height - header - len(frame)  # empty rows
    frame = without_empty_end(frame)
    if not len(frame):
        raise InputError(f"{path}: its sheet {sheet} has a header and no samples.")
    texts = [(word, column) for word, column in zip(words, frame, strict=True) if column.dtype == polars.String]
    if header and (again := [word for word, column in texts if word and (column == word).any()]):
        notes.append(on_header(path, "row", f"{again[0]!r} recurs below it"))
        header, frame = 0, without_empty_end(read(False, infer_schema_length=None))
    elif not header:
        notes.append(on_header(path, "row", "it holds no names"))
    names = names_of(words) if header else [str(place) for place in range(frame.width)]
    check_different(names, str(path))
    columns = {
        name: column_of_cells(name, column, cells.na)
        if column.dtype == polars.String
        else of_series(name, without_named(column, cells.na), f"{path}: column {name}")
        for name, column in zip(names, frame, strict=True)
    }
    if wanted is not None and key is not None and key not in names and not {*map(str.strip, key.split(","))} & {*names}:
        raise InputError(f"{path} has no sheet {wanted!r}: it has {', '.join(sheets)}{did_you_mean(wanted, sheets)}")
    if key in sheets and key not in names:
        raise InputError(f"{path}: {key} is a sheet: name its columns as {path}:{key}:COLUMN, or all of them as {path}:{key}:")
    return chosen_of(Table(str(path), columns, above + header + 1, tuple(notes)), key)


def without_empty_end(frame: Any) -> Any:
    """Return a sheet without the empty rows at its end, which formats leave; rows within it are missing values."""
    import polars

    filled = frame.select(polars.any_horizontal(polars.all().is_not_null())).to_series().arg_true()
    return frame.head(filled[-1] + 1 if len(filled) else 0)


def without_named(column: Any, na: tuple[str, ...]) -> Any:
    """Return a column of a sheet with null for numbers that are markers; other columns unchanged."""
    if not column.dtype.is_numeric():
        return column
    import polars

    named = is_named(column.cast(polars.Float64), na)
    return polars.select(polars.when(named).then(None).otherwise(column).alias(column.name)).to_series()


def of_lazy(lazy: Any, path: Path, key: str | None) -> Table:
    """Make a table from a file with types; only the chosen columns are read."""
    names = lazy.collect_schema().names()
    chosen = names if key is None else chosen_names(key, names, str(path))
    frame = lazy.select(chosen).collect()
    if not frame.width or not len(frame):
        raise InputError(f"{path} holds no samples.")
    return dataclasses.replace(of_frame(frame, str(path)), is_chosen=key is not None)


def names_of(words: Sequence[str]) -> list[str]:
    """Names of columns in a header; an unnamed column has its position, counted from 0."""
    return [word or f"unnamed {place}" for place, word in enumerate(words)]


def chosen_of(table: Table, key: str | None) -> Table:
    """Names of the columns in a key; all columns without a key."""
    return table if key is None else table.chosen(key)
