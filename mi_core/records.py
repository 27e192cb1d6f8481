"""Untrusted JSON, read back and validated against the types of its records."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

from mi_core.errors import InputError, first_line

Record = TypeVar("Record")
MOST_WORDS = 200  # characters of a complaint, which may quote what came


def read_record(path: Path, kind: type[Record]) -> Record:
    """Read the one record in a file.

    Raises:
        FileNotFoundError: There is no such file.
        InputError: The file cannot be read, or does not hold such a record; the message names file and field.
    """
    return record_from_json(read_content(path), kind, f"{path} is damaged")


def read_content(path: Path) -> bytes:
    """Read all bytes of a regular file.

    Raises:
        FileNotFoundError: There is no such file.
        InputError: The path is something else, such as a folder or a pipe, or cannot be read.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is {'a folder' if path.is_dir() else 'no regular file'}, and should be a file of JSON.")
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def record_from_json(content: bytes, kind: type[Record], complaint: str) -> Record:
    """Make a record, a dataclass or plain values, from JSON.

    Fields that the type does not have are ignored.

    Args:
        content: The JSON.
        kind: Type of the record, with the types and limits of its fields.
        complaint: First words of an error, such as "manifest.json is damaged".

    Raises:
        InputError: The content is not JSON, or a field is missing, of another type or out of its limits.
    """
    import msgspec

    try:
        return msgspec.json.decode(content, type=kind)
    except RecursionError:
        raise InputError(f"{complaint}: it is nested too deeply.") from None
    except ValueError as error:  # msgspec's own, UnicodeDecodeError, and InputError from a record's __post_init__
        raise InputError(f"{complaint}: {_words(error)}") from error


def record_from_plain(values: Any, kind: type[Record], complaint: str) -> Record:
    """Make a record from dicts, lists, numbers and text, by the rules of `record_from_json`."""
    import msgspec

    try:
        return msgspec.convert(values, kind)
    except RecursionError:
        raise InputError(f"{complaint}: it is nested too deeply.") from None
    except ValueError as error:
        raise InputError(f"{complaint}: {_words(error)}") from error


def _words(error: Exception) -> str:
    """Describe an error in one line that starts with the field: "settings.epochs: Expected `int`, got `str`."."""
    said = first_line(error)
    if located := re.fullmatch(r"(.*) - at `(?:key in )?\$\.?(.*)`", said):
        said = f"{located[2]}: {located[1]}"
    if len(said) > MOST_WORDS:
        said = f"{said[: MOST_WORDS - 3]}..."
    return said if said.endswith(".") else f"{said}."
