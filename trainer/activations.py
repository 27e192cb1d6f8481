"""Activations of a Keras model's layers for a fixed set of samples, read without side effects on the model."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from mi_core import InputError
from mi_core.errors import did_you_mean
from trainer.config import Statistics
from trainer.layer_names import heard_at, listed, place_of

Call = Callable[..., Any]


class Probe:
    """Reads layers of any built Keras model: functional, sequential, nested or subclassed.

    The model is called unchanged, in Keras' stateless scope: whatever a layer would write, such as moving averages of batch
    normalisation or the state of a random generator, is dropped at the end of the call. Outputs of layers are recorded during
    the call. Nothing is traced or compiled, so memory does not grow with the number of calls.

    Args:
        model: A built model.
        names: Names of the layers to read, as for `find_layer`; "name:1" for the second call of a layer, "name[0]" for one of
            the arrays that it returns.
        batch_size: Maximum number of samples in one call.

    Attributes:
        normalises: Whether the two statistics differ, as with batch normalisation that is not frozen.
        fixed: Number of samples in a call, where the model takes no other, as a stateful one; None elsewhere.

    Raises:
        InputError: The model has no layer of that name.
    """

    def __init__(self, model: keras.Model, names: Sequence[str], batch_size: int) -> None:
        self.model = model
        layers = paths_of(model)
        known = {*(layer.name for layer in layers), *layers.values()}
        self.places = {name: place_of(name, known) for name in names}
        self.layers = {place.layer: find_layer(model, place.layer) for place in self.places.values()}
        self.fixed = next((one.shape[0] for one in getattr(model, "inputs", None) or () if one.shape[0]), None)
        self.batch_size = self.fixed or batch_size
        self.normalisations = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
        self.normalises = any(layer.trainable for layer in self.normalisations)

    def __call__(self, x: Any, bn: Statistics) -> tuple[dict[str, NDArray[Any]], Any]:
        """Activations of the layers by name, (n_samples, ...) each, and the model's output for the samples `x`.

        Args:
            x: Input of the model: an array, or a list or dict of arrays.
            bn: Statistics of batch normalisation. "inference" takes the moving averages, as `predict` does; "batch" those of
                each call's own samples, as in training, except in frozen layers. Dropout and the like stay off.
        """
        n_samples = len(keras.tree.flatten(x)[0])
        if self.fixed and n_samples % self.fixed:
            raise InputError(
                f"the model takes batches of {self.fixed} samples, and {n_samples} are to be measured: take a multiple of that."
            )
        parts = np.array_split(np.arange(n_samples), -(-n_samples // self.batch_size))
        pieces: list[tuple[dict[str, Any], Any]] = []
        for part in parts:
            rows = slice(part[0], part[-1] + 1)
            batch = keras.tree.map_structure(lambda array, rows=rows: array[rows], x)
            with keras.StatelessScope(), self._listening(bn) as heard:
                output = self.model(batch, training=False)
            arrays = {name: heard_at(place, heard[place.layer], len(part)) for name, place in self.places.items()}
            pieces.append(keras.tree.map_structure(keras.ops.convert_to_numpy, (arrays, output)))
        return keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *pieces)  # type: ignore[no-any-return]

    def layer_of(self, name: str) -> keras.layers.Layer:
        """The layer that a name refers to."""
        return self.layers[self.places[name].layer]

    @contextlib.contextmanager
    def _listening(self, bn: Statistics) -> Iterator[dict[str, list[Any]]]:
        """Context that records the outputs of layers, call by call, with batch normalisation on the statistics asked for."""
        heard: dict[str, list[Any]] = {name: [] for name in self.layers}
        with contextlib.ExitStack() as stack:
            if bn == "batch":
                for layer in self.normalisations:
                    stack.enter_context(_replaced_call(layer, _training))
            for name, layer in self.layers.items():
                stack.enter_context(_replaced_call(layer, functools.partial(_telling, calls=heard[name])))
            yield heard


@contextlib.contextmanager
def _replaced_call(layer: keras.layers.Layer, change: Callable[[Call], Call]) -> Iterator[None]:
    """Context in which `layer.call` is changed, past Keras' own attribute tracking."""
    before = vars(layer).get("call")
    object.__setattr__(layer, "call", change(layer.call))
    try:
        yield
    finally:
        object.__delattr__(layer, "call")
        if before is not None:
            object.__setattr__(layer, "call", before)


def _training(call: Call) -> Call:
    return lambda *arguments, **options: call(*arguments, **{**options, "training": True})


def _telling(call: Call, calls: list[Any]) -> Call:
    def tell(*arguments: Any, **options: Any) -> Any:
        output = call(*arguments, **options)
        calls.append(output)
        return output

    return tell


def build_for(model: keras.Model, x: Any) -> None:
    """Create the weights of a model that has not seen its input yet, as the first step of training would.

    The call is symbolic: nothing is computed, and no state of the model or of a random generator changes.
    """
    if not model.built:
        model(keras.tree.map_structure(lambda array: keras.KerasTensor((None, *array.shape[1:]), array.dtype.name), x))


def paths_of(model: keras.Model) -> dict[keras.layers.Layer, str]:
    """Every layer of a model once, nested ones too, in the order of the model, with its path, such as "block/conv"."""
    found: dict[keras.layers.Layer, str] = {}

    def walk(layers: Sequence[keras.layers.Layer], above: str) -> None:
        for layer in layers:
            if layer not in found:
                found[layer] = path = f"{above}{layer.name}"
                walk(layer._flatten_layers(include_self=False, recursive=False), f"{path}/")

    walk(model.layers, "")
    return found


def find_layer(model: keras.Model, name: str) -> keras.layers.Layer:
    """The layer of that name or path; if there is none, the one that "first" or "last" means in a plain stack of layers.

    "first" is then the last layer before the second one with a kernel, so that normalisation and activation belong to the first
    layer. "last" is the layer before the output layer, which is the last one with a kernel.

    Raises:
        InputError: There is no such layer, or several have that name.
    """
    paths = paths_of(model)
    for found in ([layer for layer in paths if paths[layer] == name], [layer for layer in paths if layer.name == name]):
        if len(found) == 1:
            return found[0]
        if found and len({paths[layer] for layer in found}) == len(found):
            raise InputError(f"the model has {len(found)} layers {name!r}: say which, {listed([paths[one] for one in found])}.")
        if found:
            raise InputError(f"the model has {len(found)} layers {name!r} in one place: give the layers names of their own.")
    if name in ("first", "last"):
        kernels = [place for place, layer in enumerate(model.layers) if any(w.name == "kernel" for w in layer.weights)]
        if len(kernels) >= 3:
            return model.layers[kernels[1 if name == "first" else -1] - 1]
        raise InputError(
            f"the model has {len(kernels)} layers with a kernel, so {name!r} is undefined: name one of its layers, "
            f"{', '.join(layer.name for layer in paths)}."
        )
    names = list(dict.fromkeys(layer.name for layer in paths))
    raise InputError(f"the model has no layer {name!r}: it has {', '.join(names)}{did_you_mean(name, names)}")


def units_last(layer: keras.layers.Layer | None, array: NDArray[Any]) -> NDArray[Any]:
    """Output of a layer, or the model's input, with its units as the last axis, moved there from "channels_first".

    Where the layer has no data format, images and other arrays of more than three axes have the one that Keras is set to.
    """
    usual = keras.config.image_data_format() if array.ndim > 3 else "channels_last"
    is_first = array.ndim > 2 and getattr(layer, "data_format", usual) == "channels_first"
    return np.moveaxis(array, 1, -1) if is_first else array
