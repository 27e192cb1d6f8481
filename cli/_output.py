"""How results are printed: data on stdout, words on stderr."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer

WIDTH = 110  # of sentences where stdout is no terminal, whose width they have otherwise
NARROWEST = 40


def print_json(record: Mapping[str, Any]) -> None:
    """One object and nothing else. NaN and infinity are not JSON, and would be a bug here."""
    typer.echo(json.dumps(record, indent=2, allow_nan=False))


def print_facts(facts: Mapping[str, object]) -> None:
    """Name and value, one pair a line, aligned."""
    width = max(map(len, facts))
    for name, value in facts.items():
        typer.echo(f"  {name:<{width}}  {value}")


def print_table(rows: Sequence[Mapping[str, str]]) -> None:
    """Right-aligned columns under their names."""
    names = list(rows[0])
    widths = [max(len(name), *(len(row[name]) for row in rows)) for name in names]
    for line in [dict(zip(names, names, strict=True)), *rows]:
        typer.echo("  " + "  ".join(f"{line[name]:>{width}}" for name, width in zip(names, widths, strict=True)))


def print_notes(notes: Iterable[str]) -> None:
    """Each note once, on stderr."""
    for note in dict.fromkeys(notes):
        is_terminal = sys.stderr is not None and sys.stderr.isatty()  # a log keeps a note in one line
        with contextlib.suppress(OSError):  # words that get lost are no reason to fail
            typer.echo(wrapped(note, "note: ", terminal_width()) if is_terminal else f"note: {note}", err=True)


def wrapped(sentence: str, lead: str, width: int | None = None) -> str:
    """Lines of a sentence after what leads it, the later ones indented as far."""
    if width is None:
        width = terminal_width() if sys.stdout is not None and sys.stdout.isatty() else WIDTH
    options: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.fill(sentence, width, initial_indent=lead, subsequent_indent=" " * len(lead), **options)


def terminal_width() -> int:
    return max(NARROWEST, shutil.get_terminal_size().columns - 1)
