"""How results are printed: data on stdout, words on stderr. All that the commands print passes `say` or `print_json`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import typer

from mi_core.text import note_lines, printable, table_lines, wrapped


def say(line: str, *, err: bool = False, nl: bool = True) -> None:
    """Print one line, or a part of one. Whatever would move, colour or break it is escaped.

    On stderr, words that get lost are no reason to fail.
    """
    with contextlib.suppress(OSError) if err else contextlib.nullcontext():
        typer.echo(printable(line), err=err, nl=nl)


def say_sentence(sentence: str, lead: str) -> None:
    """Print a sentence after what leads it, in lines no wider than the terminal, the later ones indented as far."""
    for line in wrapped(sentence, lead):
        say(line)


def print_json(record: Mapping[str, Any]) -> None:
    """One object and nothing else, in ASCII. NaN and infinity are not JSON, and would be a bug here."""
    typer.echo(json.dumps(record, indent=2, allow_nan=False))


def print_facts(facts: Mapping[str, object]) -> None:
    """Name and value, one pair a line, aligned."""
    width = max(map(len, facts))
    for name, value in facts.items():
        say(f"  {name:<{width}}  {value}")


def print_table(rows: Sequence[Mapping[str, str]], left: Collection[str] = ()) -> None:
    """Columns under their names, right-aligned but for those that are named."""
    for line in table_lines(rows, left):
        say(line)


def print_notes(notes: Iterable[str]) -> None:
    """Each note once, on stderr."""
    for line in note_lines(notes):
        say(line, err=True)
