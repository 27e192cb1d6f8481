"""Samples to measure on, taken from arrays or from a framework's data set of batches or single samples.

No framework is imported: a data set is recognised by its methods.
"""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mi_core import InputError
from mi_core.arrays import host_array

LABELS = "labels"  # key of the labels in a dict of a model's inputs, as Hugging Face has them


def arrays_of(data: Any, *, labels_among_inputs: bool = False) -> tuple[Any, Any]:
    """Input of the model as NumPy arrays, one, or lists and dicts of several; and the labels, or None.

    Args:
        data: x, (x,), (x, labels), or a data set of these: a tf.data.Dataset, a Keras PyDataset, a Torch DataLoader or Dataset.
            It is read once, and random generators keep their states.
        labels_among_inputs: Whether an input that is a dict may hold the labels under "labels".

    Raises:
        InputError: `data` is none of these, or its arrays differ in length.
    """
    pieces = read(data)
    if pieces is None:
        x, labels = split(data, "data", labels_among_inputs=labels_among_inputs)
    else:
        if not pieces:
            raise InputError("data gives no samples: there is nothing to measure on.")
        halves = [split(piece, "data", labels_among_inputs=labels_among_inputs) for piece in pieces]
        x = joined([one for one, _ in halves])
        labels = None if halves[0][1] is None else joined([one for _, one in halves])
    x = mapped(lambda array: host_array(array, "data"), x)
    flat = leaves(x)
    if any(array.ndim == 0 for array in flat):
        raise InputError("data is made of single numbers: give one row for each sample; a data set must be in batches.")
    sizes = {len(array) for array in flat} | {len(one) for one in leaves(labels) if labels is not None and np.ndim(one)}
    if len(sizes) != 1:
        raise InputError(
            f"data has arrays of {', '.join(map(str, sorted(sizes)))} samples: each needs one row for each sample."
        )
    if sizes == {0}:
        raise InputError("data has no samples: there is nothing to measure on.")
    return x, labels


def split(data: Any, what: str, *, labels_among_inputs: bool) -> tuple[Any, Any]:
    """Input and labels from (x, labels), (x,) or x alone; labels are None if there are none."""
    x, labels = data, None
    if isinstance(data, tuple):
        if not 1 <= len(data) <= 2:
            raise InputError(
                f"{what} is a tuple of {len(data)}: give x or (x, labels), several inputs as a list or dict; sample "
                "weights are not used."
            )
        x, labels = data if len(data) == 2 else (data[0], None)
    if labels is None and labels_among_inputs and isinstance(x, Mapping) and LABELS in x:
        labels = x[LABELS]
        x = {name: values for name, values in x.items() if name != LABELS}
    return x, labels


def read(data: Any) -> list[Any] | None:
    """All batches of a data set; None for anything else.

    Raises:
        InputError: The data set has no end, or can be read only once.
    """
    if hasattr(data, "shape") or isinstance(data, tuple | list | Mapping | str | bytes):
        return None
    if hasattr(data, "__getitem__") or hasattr(data, "as_numpy_iterator") or hasattr(data, "collate_fn"):
        with random_state_kept(data):
            return list(batches_of(data))
    if hasattr(data, "__iter__"):
        raise InputError(f"data is a {type(data).__name__}, which can be read only once: give arrays, or a data set.")
    return None


def batches_of(data: Any) -> Iterator[Any]:
    """Batches of a TensorFlow, Keras or Torch data set, one by one; samples of a Torch Dataset are batches of one."""
    if hasattr(data, "as_numpy_iterator"):
        check_ends(int(data.cardinality()) != -1)
        yield from data
    elif hasattr(data, "num_batches"):  # a PyDataset
        check_ends(data.num_batches is not None)
        for place in range(data.num_batches):
            yield data[place]
    elif hasattr(data, "collate_fn"):  # a DataLoader, whose batches are lists
        for batch in data:
            yield tuple(batch) if isinstance(batch, list) else batch
    else:
        for place in range(len(data)):
            yield mapped(lambda value: host_array(value, "data")[None], data[place])


def check_ends(ends: bool) -> None:
    """Raise InputError for a data set that never ends."""
    if not ends:
        raise InputError("data is a data set without an end: give a part of it, such as dataset.take(20).")


@contextlib.contextmanager
def random_state_kept(data: Any = None) -> Iterator[None]:
    """Context that restores the random states of Python, NumPy, Torch and a DataLoader's generators at its end."""
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the generator of other people's code
    torch = sys.modules.get("torch")
    owners = (data, getattr(data, "sampler", None))
    generators = [
        one for owner in owners if (one := getattr(owner, "generator", None)) is not None and hasattr(one, "get_state")
    ]
    states = [generator.get_state() for generator in generators]
    try:
        with contextlib.nullcontext() if torch is None else torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def mapped(function: Callable[[Any], Any], structure: Any) -> Any:
    """Apply a function to each array in lists, tuples and dicts; a list of numbers or of lists is one array."""
    if isinstance(structure, Mapping):
        return {name: mapped(function, value) for name, value in structure.items()}
    if isinstance(structure, tuple | list) and is_several(structure):
        return (
            [mapped(function, value) for value in structure]
            if isinstance(structure, list)
            else tuple(mapped(function, value) for value in structure)
        )
    return function(structure)


def leaves(structure: Any) -> list[Any]:
    """All arrays in lists, tuples and dicts."""
    found: list[Any] = []
    mapped(found.append, structure)
    return found


def is_several(values: Any) -> bool:
    """Whether a list or tuple holds arrays, rather than being one array written as lists."""
    return any(isinstance(one, Mapping) or bool(getattr(one, "shape", ())) for one in values)


def joined(pieces: list[Any]) -> Any:
    """One structure from those of batches, with their arrays concatenated."""
    first = pieces[0]
    if isinstance(first, Mapping):
        return {name: joined([piece[name] for piece in pieces]) for name in first}
    if isinstance(first, tuple | list) and is_several(first):
        return [joined([piece[place] for piece in pieces]) for place in range(len(first))]
    arrays: list[NDArray[Any]] = [host_array(piece, "data") for piece in pieces]
    if any(array.ndim == 0 for array in arrays):
        raise InputError("data gives single numbers: a data set must be in batches, as by dataset.batch(100).")
    if len({array.shape[1:] for array in arrays}) > 1:
        raise InputError(
            f"data has batches of shape {' and '.join(str(shape) for shape in dict.fromkeys(a.shape for a in arrays))}: each "
            "sample needs the same shape, padded where it is text."
        )
    return np.concatenate(arrays)
