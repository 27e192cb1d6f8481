"""Escaping of text from outside (file names, keys, names of layers) for terminals, tables and figures.

Imports nothing heavy: `mi --help` and every error message use it.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

WIDTH = 110  # of sentences where stdout is no terminal, whose width they have otherwise
NARROWEST = 40
EXPLAIN = " [mi explain "  # what stands between a note and its key
NAMED = 3  # places that a note names one by one
MOST_IN_A_FIGURE = 32  # characters of a name; longer ones leave a figure no room for its axes


def printable(text: str) -> str:
    r"""Escape all invisible characters as `repr` does, so that the text is one line.

    Control characters including line breaks, DEL, marks that change the writing direction, other invisible characters and lone
    surrogates are escaped, so that no name can colour, move or forge what a terminal shows.

    Example:
        >>> print(printable("red \x1b[31m name\nnote: forged"))
        red \x1b[31m name\nnote: forged
    """
    return text if text.isprintable() else "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def as_cell(name: str) -> str:
    """Escape text for a cell of a CSV file: printable, with a leading apostrophe if a spreadsheet would read it as a formula.

    See https://owasp.org/www-community/attacks/CSV_Injection. Do not use it for numbers.

    Example:
        >>> as_cell("=1+1"), as_cell("first")
        ("'=1+1", 'first')
    """
    shown = printable(name)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown


def in_figure(name: str) -> str:
    r"""Escape text for a figure: printable, shortened, with dollar signs that matplotlib does not read as mathematics.

    Example:
        >>> print(in_figure(r"$\frac$"))
        \$\frac\$
    """
    shown = printable(name)
    if len(shown) > MOST_IN_A_FIGURE:
        shown = f"{shown[: MOST_IN_A_FIGURE - 3]}..."
    return shown.replace("$", r"\$")


@contextlib.contextmanager
def boxes_for_glyphs() -> Iterator[None]:
    """Context in which matplotlib draws boxes for characters that its font lacks, such as Chinese, without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from")
        yield


def concerning(note: str, places: Sequence[str], what: str) -> str:
    """Add the places that a note concerns before its key; for many places, their number and the first ones."""
    named = ", ".join(places[:NAMED])
    where = f"{named}." if len(places) <= NAMED else f"{len(places):,} {what}: {named}, ..."
    says, bracket, key = note.partition(EXPLAIN)
    return f"{says} (In {where}){bracket}{key}"


def table_lines(rows: Sequence[Mapping[str, str]], left: Collection[str] = ()) -> list[str]:
    """Lines of a table: columns under their names, right-aligned except for the named ones."""
    names = list(rows[0])
    lines = [[printable(cell) for cell in line] for line in [names, *([*row.values()] for row in rows)]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [
        [
            cell.ljust(width) if name in left else cell.rjust(width)
            for cell, width, name in zip(line, widths, names, strict=True)
        ]
        for line in lines
    ]
    return [f"  {'  '.join(line)}".rstrip() for line in padded]


def note_lines(notes: Iterable[str]) -> Iterator[str]:
    """Lines with each note once, wrapped to the width of stderr's terminal; in a log, each note is one line."""
    for note in dict.fromkeys(notes):
        if sys.stderr is not None and sys.stderr.isatty():
            yield from wrapped(note, "note: ", terminal_width())
        else:
            yield printable(f"note: {note}")


def wrapped(sentence: str, lead: str, width: int | None = None) -> list[str]:
    """Wrap a sentence after its lead, with later lines indented as far; by default to the width of stdout's terminal."""
    if width is None:
        width = terminal_width() if sys.stdout is not None and sys.stdout.isatty() else WIDTH
    import textwrap  # here, because it is for those who read many lines

    options: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.wrap(printable(sentence), width, initial_indent=lead, subsequent_indent=" " * len(lead), **options)


def terminal_width() -> int:
    return max(NARROWEST, shutil.get_terminal_size().columns - 1)
