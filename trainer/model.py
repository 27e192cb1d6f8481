"""The four architectures of Hodas & Stinis 2018, as Keras functional models with named layers."""

from __future__ import annotations

import keras
import numpy as np

from mi_core import InputError
from trainer.config import Settings, added_to

INITIALIZERS = {"glorot": keras.initializers.GlorotNormal, "he": keras.initializers.HeNormal}


def build(settings: Settings, n_features: int, n_classes: int) -> keras.Model:
    """Network that the settings describe, with its initial weights, not yet compiled.

    Each hidden layer is Dense -> BatchNormalization -> activation, named "dense_2", "norm_2" and "hidden_2"; sums are "sum_4"
    and so on. The output of the first hidden layer is named "first", and the input of the softmax "last". If that is a sum, the
    last hidden layer's own output is "last_before_sum". The weights are a function of `settings.seed` alone.

    Args:
        settings: Architecture, sizes, activation, initialisation, seed.
        n_features: Number of features per sample.
        n_classes: Units of the softmax.

    Raises:
        InputError: Keras does not know the activation.
    """
    try:
        keras.activations.get(settings.activation)
    except ValueError:
        raise InputError(
            f"activation is {settings.activation!r}, which Keras does not know: tanh or relu, for example."
        ) from None
    seeds = np.random.default_rng(settings.seed).integers(2**31, size=settings.hidden + 1).tolist()

    output = inputs = keras.Input((n_features,), name="input")
    outputs: dict[int, keras.KerasTensor] = {}
    for number in range(1, settings.hidden + 1):
        is_first, is_last = number == 1, number == settings.hidden
        earlier = added_to(settings, number)
        dense = keras.layers.Dense(
            settings.width * (2 if is_first or is_last else 1),
            kernel_initializer=INITIALIZERS[settings.init](seed=seeds[number - 1]),
            name=f"dense_{number}",
        )
        output = dense(output)
        output = keras.layers.BatchNormalization(momentum=settings.momentum, name=f"norm_{number}")(output)
        name = "first" if is_first else f"hidden_{number}"
        if is_last:
            name = "last_before_sum" if earlier else "last"
        output = keras.layers.Activation(settings.activation, name=name)(output)
        if earlier:
            terms = [output, *(outputs[other] for other in earlier)]
            output = keras.layers.Add(name="last" if is_last else f"sum_{number}")(terms)
        outputs[number] = output
    softmax = keras.layers.Dense(
        n_classes, activation="softmax", kernel_initializer=INITIALIZERS[settings.init](seed=seeds[-1]), name="output"
    )
    return keras.Model(inputs, softmax(output), name=settings.arch.replace("-", "_"))


def compile_model(model: keras.Model, settings: Settings) -> None:
    """Compile with cross-entropy and RMSprop, as in the paper."""
    model.compile(optimizer=keras.optimizers.RMSprop(settings.learning_rate), loss="sparse_categorical_crossentropy")
