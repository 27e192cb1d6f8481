"""Names of single arrays among the outputs of a network's layers: layer, layer:1, layer[0], layer:1[0].

This module uses no framework.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mi_core import InputError

SHOWN = 6  # names that a message lists one by one


@dataclasses.dataclass(frozen=True)
class Place:
    """One array among the outputs of a layer.

    Attributes:
        name: Name as it was asked for.
        layer: Name of the layer.
        call: Index of the call, from 0, of a layer that is called several times; None for a layer that should be called once.
        part: Key, as in `parts_of`, of one array of several; None for a layer that should return one.
    """

    name: str
    layer: str
    call: int | None = None
    part: str | None = None


def place_of(name: str, layers: Collection[str]) -> Place:
    """The place that a name refers to: "lstm:1[0]" is the first array of the second call of "lstm".

    A layer whose own name looks like that takes precedence.
    """
    found = re.fullmatch(r"(.+?)(?::(\d+))?(?:\[([^\[\]]+)\])?", name, flags=re.DOTALL)
    if name in layers or found is None:
        return Place(name, name)
    layer, call, part = found.groups()
    return Place(name, layer, None if call is None else int(call), part)


def heard_at(place: Place, calls: Sequence[Any], n_samples: int) -> Any:
    """The array at a place, (n_samples, ...).

    Args:
        place: Place of the array.
        calls: Outputs of the layer, call by call: an array, or tuples, lists and dicts of arrays.
        n_samples: Number of samples that the model was called with.

    Raises:
        InputError: There is no array at this place, or there are several, or it does not have one row per sample.
    """
    layer = place.layer
    if not calls:
        raise InputError(f"layer {layer!r} is not used when the model is called: name another layer.")
    if place.call is None and len(calls) > 1:
        raise InputError(
            f"layer {layer!r} is called {len(calls)} times in one pass: say which call, "
            f"{listed([f'{layer}:{call}' for call in range(len(calls))])}."
        )
    call = place.call or 0
    if call >= len(calls):
        raise InputError(f"{place.name!r} is call number {call + 1} of layer {layer!r}, which is called {len(calls)} times.")
    parts = parts_of(calls[call])
    said = layer if place.call is None else f"{layer}:{place.call}"
    if place.part is None and len(parts) > 1:
        raise InputError(
            f"layer {said!r} gives {len(parts)} arrays: say which, {listed([f'{said}[{part}]' for part in parts])}."
        )
    if not parts or (place.part is not None and place.part not in parts):
        there = f"only {listed([f'{said}[{part}]' for part in parts])}" if parts else "no array at all"
        raise InputError(f"there is no {place.name!r}: the layer gives {there}.")
    array = parts[place.part] if place.part is not None else next(iter(parts.values()))
    if len(array.shape) == 0 or array.shape[0] != n_samples:
        raise InputError(
            f"{place.name!r} has shape {tuple(array.shape)} for {n_samples} samples: name a layer that gives one row for each."
        )
    return array


def parts_of(output: Any) -> dict[str, Any]:
    """Arrays in the output of a layer, by path: "0" or "1.0" in nested tuples, keys in dicts, "" for the output itself.

    Values that are not arrays, such as None, are left out.

    Example:
        >>> import numpy as np
        >>> list(parts_of((np.ones(2), {"states": [np.ones(2), None]})))
        ['0', '1.states.0']
    """
    if isinstance(output, Mapping):
        inner = list(output.items())
    elif isinstance(output, tuple | list):
        inner = list(enumerate(output))
    else:
        return {"": output} if hasattr(output, "shape") else {}
    found = {}
    for key, value in inner:
        for way, array in parts_of(value).items():
            found[f"{key}.{way}" if way else str(key)] = array
    return found


def listed(names: Sequence[str]) -> str:
    """Names joined by "or"; only the first and the last of many."""
    if len(names) > SHOWN:
        return f"{names[0]} to {names[-1]}"
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def file_name(layer: str) -> str:
    """A layer's name without characters that a file system may refuse."""
    return re.sub(r"[^\w.\-]", "_", layer)
