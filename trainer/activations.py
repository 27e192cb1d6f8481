"""What the layers of a model give for a fixed set of samples, without leaving a trace in the model."""

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

Call = Callable[..., Any]


class Probe:
    """Reads layers of any built Keras model: functional, sequential, nested or subclassed.

    The model is called as it is, in Keras' stateless scope: whatever a layer would write, moving averages of batch
    normalisation or the state of a random generator, is dropped at the end of the call. The layers tell what they give while
    the call lasts. Nothing is traced or compiled, so memory stays flat however often it is asked.

    Args:
        model: A built model.
        names: Layers to read: names, or "first" and "last" as `find_layer` has them.
        batch_size: Most samples in one call.

    Raises:
        InputError: The model has no layer of that name.
    """

    def __init__(self, model: keras.Model, names: Sequence[str], batch_size: int) -> None:
        self.model = model
        self.layers = {name: find_layer(model, name) for name in names}
        self.batch_size = batch_size
        self.normalisations = [layer for layer in all_layers(model) if isinstance(layer, keras.layers.BatchNormalization)]

    def __call__(self, x: Any, bn: Statistics) -> tuple[dict[str, NDArray[Any]], Any]:
        """Activations of the layers by name, (n_samples, ...) each, and the model's output for the samples `x`.

        Args:
            x: What the model takes: an array, or a list or dict of arrays.
            bn: "inference": batch normalisation with its moving averages, as `predict` has it. "batch": with the statistics
                of each call's own samples, as in training, but for frozen layers; dropout and the like stay off.
        """
        n_samples = len(keras.tree.flatten(x)[0])
        parts = np.array_split(np.arange(n_samples), -(-n_samples // self.batch_size))
        pieces: list[tuple[dict[str, Any], Any]] = []
        for part in parts:
            rows = slice(part[0], part[-1] + 1)
            batch = keras.tree.map_structure(lambda array, rows=rows: array[rows], x)
            with keras.StatelessScope(), self._listening(bn) as heard:
                output = self.model(batch, training=False)
            for name, layer in self.layers.items():
                if name not in heard:
                    raise InputError(f"layer {layer.name!r} is not used when the model is called: name another layer.")
            pieces.append(keras.tree.map_structure(keras.ops.convert_to_numpy, (heard, output)))
        return keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *pieces)  # type: ignore[no-any-return]

    @contextlib.contextmanager
    def _listening(self, bn: Statistics) -> Iterator[dict[str, Any]]:
        """While this lasts, layers tell what they give, and batch normalisation uses the statistics asked for."""
        heard: dict[str, Any] = {}
        with contextlib.ExitStack() as stack:
            if bn == "batch":
                for layer in self.normalisations:
                    stack.enter_context(_replaced_call(layer, _training))
            for name, layer in self.layers.items():
                stack.enter_context(_replaced_call(layer, functools.partial(_telling, heard=heard, name=name)))
            yield heard


@contextlib.contextmanager
def _replaced_call(layer: keras.layers.Layer, change: Callable[[Call], Call]) -> Iterator[None]:
    """`layer.call` changed for a while. Past Keras' own attribute tracking, which has no part in this."""
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


def _telling(call: Call, heard: dict[str, Any], name: str) -> Call:
    def tell(*arguments: Any, **options: Any) -> Any:
        heard[name] = output = call(*arguments, **options)
        if keras.tree.is_nested(output):
            raise InputError(f"layer {name!r} gives several arrays: name a layer that gives one.")
        return output

    return tell


def build_for(model: keras.Model, x: Any) -> None:
    """Give a model that has not seen its input yet its weights, as the first step of training would.

    Symbolically: nothing is computed, and no state of the model or of a random generator changes.
    """
    if not model.built:
        model(keras.tree.map_structure(lambda array: keras.KerasTensor((None, *array.shape[1:]), array.dtype.name), x))


def all_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Every layer of a model once, those of nested models too, in the order of the model."""
    found: dict[int, keras.layers.Layer] = {}
    for layer in model.layers:
        found.setdefault(id(layer), layer)
        for inner in layer._flatten_layers(include_self=False):
            found.setdefault(id(inner), inner)
    return list(found.values())


def find_layer(model: keras.Model, name: str) -> keras.layers.Layer:
    """The layer of that name, or, where no layer has it, what "first" and "last" mean in a plain stack of layers.

    "first" is then the last layer before the second one with a kernel, so that normalisation and activation belong to the
    first; "last" the one before the output layer, the last one with a kernel.

    Raises:
        InputError: There is no such layer.
    """
    layers = all_layers(model)
    for layer in layers:
        if layer.name == name:
            return layer
    if name in ("first", "last"):
        kernels = [place for place, layer in enumerate(model.layers) if any(w.name == "kernel" for w in layer.weights)]
        if len(kernels) >= 3:
            return model.layers[kernels[1 if name == "first" else -1] - 1]
        raise InputError(
            f"the model has {len(kernels)} layers with a kernel, so {name!r} says nothing: name layers of it, "
            f"of {_names(layers)}."
        )
    raise InputError(
        f"the model has no layer {name!r}: it has {_names(layers)}{did_you_mean(name, [layer.name for layer in layers])}"
    )


def _names(layers: Sequence[keras.layers.Layer]) -> str:
    return ", ".join(layer.name for layer in layers)
