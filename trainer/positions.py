"""Treatment of layers with positions (feature maps, tokens, time steps) before MI is measured."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mi_core import InputError
from mi_core.explanations import noted
from trainer.config import Pair, Positions

MANY_COLUMNS = 50  # of flattened positions, which a note is made of


def side(array: Any, positions: Positions) -> Any:
    """Measured values of a layer: (n_samples, units), or for "samples" (n_samples, positions, units).

    Args:
        array: (n_samples, ..., units), a NumPy array or Torch tensor; (n_samples, units) and (n_samples,) have no positions.
        positions: "flatten": every unit at every position is a column; "mean": units are averaged over positions; "first": only
            the first position is taken, such as the token that stands for a sentence; "samples": each position is a sample.
    """
    if len(array.shape) < 3:
        return array
    if positions == "flatten":
        return array.reshape(array.shape[0], -1)
    by_position = array.reshape(array.shape[0], -1, array.shape[-1])
    if positions == "mean":
        return by_position.mean(axis=1)
    return by_position[:, 0] if positions == "first" else by_position


def paired(x: Any, y: Any, names: Pair) -> tuple[Any, Any, int]:
    """Both sides with one row per sample of the estimate, and the number of rows per input.

    A side without positions is repeated at each position of the other.

    Raises:
        InputError: The sides have different numbers of positions.
    """
    of_x, of_y = (array.shape[1] if len(array.shape) == 3 else 1 for array in (x, y))
    if 1 not in (of_x, of_y) and of_x != of_y:
        raise InputError(
            f"{names[0]} has {of_x:,} positions and {names[1]} has {of_y:,}, which cannot be paired one by one: take "
            'positions="mean" or "flatten".'
        )
    most = max(of_x, of_y)
    return by_row(x, of_x, most), by_row(y, of_y, most), most


def by_row(array: Any, positions: int, most: int) -> Any:
    """One row for each of `most` positions of each sample."""
    if len(array.shape) == 3:
        array = array.reshape(-1, array.shape[-1])
    return array if positions == most else array[np.repeat(np.arange(array.shape[0]), most)]


def on_flattened(name: str, array: Any, positions: Positions) -> tuple[str, ...]:
    """Note on a layer whose positions became many columns; empty for others."""
    columns = math.prod(array.shape[1:])
    if positions != "flatten" or len(array.shape) < 3 or columns <= MANY_COLUMNS:
        return ()
    return (
        noted(
            "flattened",
            f'{name} has {columns:,} columns, its units at all positions {tuple(array.shape[1:])}: positions="mean" or "first" '
            'makes fewer, "samples" takes each position as a sample.',
        ),
    )
