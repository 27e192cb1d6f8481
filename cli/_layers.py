"""How pairs of layers are written on the command line."""

from __future__ import annotations

import re

from mi_core import InputError

NAME = r"([^:]+?(?::\d+)?(?:\[[^\[\]]+\])?)"  # of a layer, with the number of a call and the place of an array


def parse_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Pairs of layers from text like first:last,input:last, or act:0:act:1 for two calls of one layer."""
    pairs = [re.fullmatch(f"{NAME}:{NAME}", pair) for pair in text.split(",")]
    if None in pairs:
        raise InputError(f"--layers is {text!r}: give pairs such as first:last or first:last,input:last.")
    return tuple((pair[1], pair[2]) for pair in pairs if pair)
