"""The four architectures: their layers, how they are connected, their initial weights."""

import keras
import numpy as np
import pytest

from mi_core import InputError
from trainer import Settings, build
from trainer.activations import Probe
from trainer.config import added_to
from trainer.plot import draw_topologies

X = np.random.default_rng(0).standard_normal((50, 12)).astype(np.float32)


def network(**settings):
    return build(Settings(**{"width": 4, **settings}), 12, 3)


def sums(model):
    """Which layers each Add takes in."""
    return {
        layer.name: sorted(parent.operation.name for parent in layer._inbound_nodes[0].parent_nodes)
        for layer in model.layers
        if isinstance(layer, keras.layers.Add)
    }


@pytest.mark.parametrize(
    ("arch", "expected"),
    [
        ("mlp", {}),
        ("shortcut", {"last": ["first", "last_before_sum"]}),
        ("resnet", {"sum_4": ["hidden_2", "hidden_4"], "sum_5": ["hidden_3", "hidden_5"], "sum_6": ["hidden_6", "sum_4"]}),
        (
            "shortcut-resnet",
            {
                "sum_4": ["hidden_2", "hidden_4"],
                "sum_5": ["hidden_3", "hidden_5"],
                "sum_6": ["hidden_6", "sum_4"],
                "last": ["first", "last_before_sum"],
            },
        ),
    ],
)
def test_what_is_summed(arch, expected):
    assert sums(network(arch=arch, hidden=7)) == expected


def test_blocks_sum_every_second_layer_only():
    assert sums(network(arch="resnet", hidden=8, residual="blocks")) == {
        "sum_4": ["hidden_2", "hidden_4"],
        "sum_6": ["hidden_6", "sum_4"],
    }


def test_first_and_last_are_as_wide_as_each_other_and_so_summed_once():
    """With three hidden layers the residual sum and the shortcut are the same."""
    assert added_to(Settings(arch="shortcut-resnet", hidden=3), 3) == [1]
    assert sums(network(arch="resnet", hidden=3)) == sums(network(arch="shortcut", hidden=3))


def test_last_is_the_sum():
    heard, _ = Probe(network(arch="shortcut"), ["first", "last", "last_before_sum"], 50)(X, "inference")
    np.testing.assert_array_equal(heard["last"], heard["first"] + heard["last_before_sum"])


def test_layers_follow_each_other_as_in_the_paper():
    model = network(hidden=3, activation="relu")
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["InputLayer", *["Dense", "BatchNormalization", "Activation"] * 3, "Dense"]
    widths = [layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert widths == [8, 4, 8, 3]
    assert {layer.activation.__name__ for layer in model.layers if isinstance(layer, keras.layers.Activation)} == {"relu"}


def test_weights_are_a_function_of_the_seed():
    def weights(seed):
        return [keras.ops.convert_to_numpy(variable) for variable in network(seed=seed).trainable_variables]

    keras.utils.set_random_seed(1)
    one = weights(5)
    keras.utils.set_random_seed(2)
    for a, b in zip(one, weights(5), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one[0], weights(6)[0])


@pytest.mark.parametrize(("init", "variance"), [("glorot", 2 / (12 + 400)), ("he", 2 / 12)])
def test_initialisation(init, variance):
    kernel = keras.ops.convert_to_numpy(network(width=200, init=init).get_layer("dense_1").kernel)
    assert kernel.var() == pytest.approx(variance, rel=0.1)


def test_unknown_activations():
    with pytest.raises(InputError, match="activation is 'tahn', which Keras does not know"):
        network(activation="tahn")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"arch": "cnn"}, "arch is 'cnn': it must be one of mlp, shortcut, resnet, shortcut-resnet"),
        ({"hidden": 1}, "hidden is 1: it must be at least 2"),
        ({"width": 2.5}, "width is 2.5: it must be a whole number"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0: it must be above 0"),
        ({"momentum": 1.0}, "momentum is 1.0"),
        ({"also": ("svcca",)}, "also is 'svcca': it must be one of cka, knn-overlap, dimension"),
        ({"standardize": ("rows",)}, "standardize is 'rows'"),
        ({"standardize": ()}, "layers, bn, k, standardize or every is empty"),
        ({"reduce": "pca"}, "reduce is 'pca': give a method and a number of columns"),
        ({"also_every": 0}, "also_every is 0: it must be at least 1"),
        ({"null_every": (-1,)}, "null_every is -1: it must be at least 0"),
        ({"bn": ("train",)}, "bn is 'train'"),
        ({"bn": ()}, "nothing to measure"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_wrong_settings(wrong, message):
    with pytest.raises(InputError, match=message):
        Settings(**wrong)


def test_settings_survive_json():
    settings = Settings(arch="resnet", layers=(("first", "last"), ("input", "last")), bn=("batch", "inference"), batch_size=7)
    assert Settings.from_dict(settings.to_dict()) == settings
    with pytest.raises(InputError, match="'depth' is not a setting"):
        Settings.from_dict({**settings.to_dict(), "depth": 3})


def test_the_picture_of_a_network_has_its_layers():
    model = network(arch="shortcut", hidden=3)
    (axes,) = draw_topologies([model]).axes
    words = [text.get_text().split(":")[0] for text in axes.texts]
    assert [word for word in words if word] == [layer.name for layer in model.layers]
    assert len(axes.lines) == 1  # the way around, of the one sum
