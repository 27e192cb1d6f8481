"""How pairs of layers are written on the command line."""

from __future__ import annotations

from mi_core import InputError


def parse_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Pairs of layers from text like first:last,input:last."""
    pairs = [tuple(pair.split(":")) for pair in text.split(",")]
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise InputError(f"--layers is {text!r}: give pairs such as first:last or first:last,input:last.")
    return tuple((x, y) for x, y in pairs)
