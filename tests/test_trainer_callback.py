"""The callback on models of many kinds. On the Keras backend of the process; on JAX and Torch too, in their own processes."""

import importlib.util
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import mi_core
from mi_core import InputError, similarity
from trainer import MutualInformationCallback
from trainer.activations import Probe
from trainer.measurement import Measurement
from trainer.table import Table

RNG = np.random.default_rng(0)
X = RNG.standard_normal((120, 6)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(np.int64)


def network(dropout=0.0):
    """Dense -> norm -> tanh twice, dropout between: seeded."""
    keras.utils.set_random_seed(3)
    inputs = output = keras.Input((6,), name="input")
    for name in ("first", "last"):
        output = keras.layers.Dense(5, name=f"{name}_dense")(output)
        output = keras.layers.BatchNormalization(name=f"{name}_norm")(output)
        output = keras.layers.Activation("tanh", name=name)(output)
        output = keras.layers.Dropout(dropout, name=f"{name}_drop")(output)
    return compiled(keras.Model(inputs, keras.layers.Dense(2, activation="softmax", name="output")(output)))


def compiled(model):
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", jit_compile=keras.backend.backend() == "jax")
    return model


def fit(model, *callbacks, epochs=2, **options):
    return model.fit(X, Y, epochs=epochs, batch_size=40, verbose=0, callbacks=list(callbacks), **options)


def values(variables):
    return [keras.ops.convert_to_numpy(variable).copy() for variable in variables]


def assert_same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


# Training goes on as if nothing were measured


def test_training_is_the_same_with_and_without(tmp_path):
    def state(*callbacks):
        model = network(dropout=0.4)
        history = fit(model, *callbacks, epochs=3).history["loss"]
        return [np.array(history), *values(model.variables), *values(model.optimizer.variables)]

    measuring = MutualInformationCallback((X, Y), null_every=1, samples=100, save_activations=tmp_path)
    assert_same(state(measuring), state())
    assert len(measuring.rows) == 4 * 2


def test_a_model_without_weights_gets_those_it_would_have_got():
    def state(*callbacks):
        keras.utils.set_random_seed(5)
        model = compiled(sequential())
        fit(model, *callbacks)
        return values(model.variables)

    assert_same(state(MutualInformationCallback(X)), state())


def test_a_stateful_model_trains_as_before():
    steps = X[:96].reshape(96, 2, 3)

    def state(*callbacks):
        keras.utils.set_random_seed(3)
        inputs = keras.Input(batch_shape=(32, 2, 3))
        hidden = keras.layers.SimpleRNN(4, stateful=True, name="first")(inputs)
        hidden = keras.layers.Dense(3, name="last")(hidden)
        model = compiled(keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(hidden)))
        model.fit(steps, Y[:96], batch_size=32, epochs=2, shuffle=False, verbose=0, callbacks=list(callbacks))
        return values(model.variables)

    measuring = MutualInformationCallback(steps, ("first", "last"))
    assert_same(state(measuring), state())
    assert all(row.mi > 0 for row in measuring.rows)
    with pytest.raises(InputError, match="batches of 32 samples, and 80 are to be measured: take a multiple of that"):
        state(MutualInformationCallback(steps[:80], ("first", "last")))


@pytest.mark.parametrize("bn", ["inference", "batch"])
def test_a_probe_leaves_the_model_as_it_was(bn):
    model = network(dropout=0.4)
    fit(model)
    before, calls = values(model.variables), [vars(layer).get("call") for layer in model.layers]
    Probe(model, ["first", "last"], 50)(X, bn)
    assert_same(values(model.variables), before)
    assert [vars(layer).get("call") for layer in model.layers] == calls


# What is read


def test_inference_reads_what_predict_would_give():
    model = network(dropout=0.4)
    fit(model)
    heard, output = Probe(model, ["first", "last", "last_dense"], 50)(X, "inference")
    for name in heard:
        part = keras.Model(model.inputs, model.get_layer(name).output)
        np.testing.assert_allclose(heard[name], part.predict(X, verbose=0), atol=1e-6)
    np.testing.assert_allclose(output, model.predict(X, verbose=0), atol=1e-6)


def test_batch_reads_with_the_statistics_of_the_samples_and_without_dropout():
    model = network(dropout=0.4)
    fit(model)
    heard, _ = Probe(model, ["first_dense", "first_norm", "first_drop"], len(X))(X, "batch")
    dense, norm = heard["first_dense"], heard["first_norm"]
    np.testing.assert_allclose(norm.mean(axis=0), model.get_layer("first_norm").beta, atol=1e-5)
    gamma = keras.ops.convert_to_numpy(model.get_layer("first_norm").gamma)
    np.testing.assert_allclose(norm.std(axis=0), gamma * dense.std(axis=0) / np.sqrt(dense.var(axis=0) + 1e-3), atol=1e-5)
    np.testing.assert_allclose(heard["first_drop"], np.tanh(norm), atol=1e-5)


def test_frozen_normalisation_stays_frozen():
    model = network()
    model.get_layer("first_norm").trainable = False
    (inference, _), (batch, _) = (Probe(model, ["first"], 120)(X, bn) for bn in ("inference", "batch"))
    assert_same([inference["first"]], [batch["first"]])


@pytest.mark.parametrize("batch_size", [1, 7, 50, 1000])
def test_the_size_of_a_call_does_not_matter(batch_size):
    model = network()
    heard, output = Probe(model, ["last"], batch_size)(X, "inference")
    whole, whole_output = Probe(model, ["last"], 120)(X, "inference")
    np.testing.assert_allclose(heard["last"], whole["last"], atol=1e-6)
    np.testing.assert_allclose(output, whole_output, atol=1e-6)


def test_rows_hold_the_estimates_of_the_estimator():
    measuring = MutualInformationCallback((X, Y), [("first", "last"), ("input", "last")], k=4, units="nats", null_every=2)
    model = network()
    fit(model, measuring)
    assert [(row.epoch, row.bn, row.x) for row in measuring.rows] == [
        (epoch, bn, x) for epoch in range(3) for bn in ("inference", "batch") for x in ("first", "input")
    ]
    activations, output = Probe(model, ["first", "last"], 10_000)(X, "inference")
    sides = {"input": X, **activations}
    for row in measuring.rows[-4:-2]:
        expected = mi_core.mutual_information(sides[row.x], sides["last"], k=4, units="nats")
        assert (row.mi, row.ceiling, row.dim_x, row.n_samples) == (expected.mi, expected.ceiling, expected.dim_x, 120)
        assert row.error == np.mean(output.argmax(axis=1) != Y)
        assert abs(row.null) < 0.3 < row.mi
    assert all((row.null is None) == (row.epoch == 1) for row in measuring.rows)


def test_labels_are_measured_by_the_estimator_for_classes(tmp_path):
    model = network()
    measuring = MutualInformationCallback((X, Y), layers=[("labels", "last")], bn="inference", save_activations=tmp_path)
    fit(model, measuring)
    by_hand = mi_core.mutual_information(np.load(tmp_path / "0002-inference-last.npy"), Y, estimator="ross")
    assert (measuring.rows[-1].mi, measuring.rows[-1].stderr) == (by_hand.mi, by_hand.stderr)
    assert (measuring.rows[-1].x, measuring.rows[-1].y, measuring.rows[-1].estimator) == ("last", "labels", "ross")


def test_several_scales_and_what_else_layers_have_in_common(tmp_path):
    """Measured of the same network, at the epochs asked for; the log has the first of them."""
    measuring = MutualInformationCallback(
        (X, Y),
        layers=[("input", "last"), ("last", "labels")],
        bn="inference",
        k=(3, 5),
        standardize=("none", "columns"),
        reduce="pca:2",
        also=["cka", "dimension", "knn-overlap"],
        also_every=[2],
        save_activations=tmp_path,
    )
    history = fit(network(), measuring).history
    last = np.load(tmp_path / "0002-inference-last.npy")
    rows = [row for row in measuring.rows if (row.y, row.epoch) == ("last", 2)]
    ways = [(scale, k) for scale in ("none", "columns") for k in (3, 5)]
    assert [(row.standardize, row.k) for row in rows] == ways
    by_hand = [mi_core.mutual_information(X, last, standardize=scale, k=k, reduce="pca:2") for scale, k in ways]
    assert [(row.mi, row.reduced) for row in rows] == [pytest.approx((one.mi, one.reduced.mi), abs=1e-12) for one in by_hand]
    assert history["mi_input_last"][1] == rows[0].mi != rows[2].mi
    others = (
        similarity.cka(X, last),
        similarity.neighbour_overlap(X, last),
        similarity.intrinsic_dimension(last),
        similarity.participation_ratio(last),
    )
    fields = ("cka", "knn_overlap", "intrinsic_dim", "participation_ratio")
    assert {tuple(getattr(row, name) for name in fields) for row in rows} == {tuple(map(float, others))}
    for row in measuring.rows:
        if row.epoch != 2 or row.y == "labels":
            assert {getattr(row, name) for name in (*fields, "reduced")} == {None}


def test_the_neighbours_in_a_layer_are_searched_once_for_all_its_pairs(tmp_path, monkeypatch):
    searched = []
    search = similarity.neighbours
    monkeypatch.setattr(similarity, "neighbours", lambda points, *rest: searched.append(points) or search(points, *rest))
    pairs = [("input", "first"), ("first", "last"), ("input", "last")]
    also = ("knn-overlap", "dimension")
    measuring = MutualInformationCallback(X, layers=pairs, every=[1], also=also, save_activations=tmp_path)
    fit(network(), measuring, epochs=1)
    assert len(searched) == 3 * 2  # layers, statistics of batch normalisation
    for row in measuring.rows:
        x, y = (X if name == "input" else np.load(tmp_path / f"0001-{row.bn}-{name}.npy") for name in (row.x, row.y))
        by_hand = similarity.neighbour_overlap(x, y), similarity.intrinsic_dimension(y)
        assert (row.knn_overlap, row.intrinsic_dim) == tuple(map(float, by_hand))


def test_ties_do_not_make_layers_look_alike():
    model = network()
    for name in ("first_dense", "last_dense"):
        model.get_layer(name).kernel.assign(np.zeros(model.get_layer(name).kernel.shape))
    measuring = MutualInformationCallback(X, bn="inference", every=[0], also=["knn-overlap"])
    fit(model, measuring, epochs=1)
    assert measuring.rows[0].knn_overlap < 0.3  # by chance 10 / 119


def test_what_else_layers_have_in_common_where_one_is_constant():
    """A layer that is the same for all samples has no dimension: the training goes on, and the rows have none."""
    model = network()
    model.get_layer("last_dense").kernel_initializer = "zeros"
    model.get_layer("last_dense").kernel.assign(np.zeros((5, 5)))
    measuring = MutualInformationCallback(X, bn="inference", every=[0], also=("cka", "knn-overlap", "dimension"))
    fit(model, measuring, epochs=1)
    (row,) = measuring.rows
    assert row.mi == 0
    assert (row.cka, row.intrinsic_dim, row.participation_ratio) == (0, None, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"also": ["cka", "svcca"]}, "also is 'svcca': it must be one of cka, knn-overlap, dimension"),
        ({"also": "cca"}, "also is 'cca': it must be one of cka, knn-overlap, dimension; did you mean cka"),
        ({"standardize": ()}, "standardize is empty: give one or several of none, sides, columns"),
        ({"standardize": ("none", "rows")}, "standardize is 'rows': it must be one of none, sides, columns"),
        ({"also_every": "often"}, "also_every is 'often': give a whole number of epochs"),
    ],
)
def test_words_that_are_none_of_these(options, message):
    with pytest.raises(InputError, match=message):
        MutualInformationCallback(X, **options)


def test_history_has_what_was_measured():
    measuring = MutualInformationCallback((X, Y))
    history = fit(network(), measuring).history
    assert history["mi_first_last"] == [row.mi for row in measuring.rows if row.epoch and row.bn == "inference"]
    assert history["error"] == [row.error for row in measuring.rows if row.epoch and row.bn == "inference"]
    assert set(history) == {"mi_first_last", "error", "mi_seconds", "loss"}  # one a pair; rows have the rest
    assert [row.logs["loss"] for row in measuring.rows if row.epoch and row.bn == "batch"] == history["loss"]


@pytest.mark.parametrize(
    ("every", "epochs"), [(1, [0, 1, 2, 3]), (2, [0, 2]), ((1, 3), [1, 3]), (lambda epoch: epoch == 2, [2]), (0, [])]
)
def test_schedules(every, epochs):
    measuring = MutualInformationCallback(X, every=every, bn="inference")
    fit(network(), measuring, epochs=3)
    assert [row.epoch for row in measuring.rows] == epochs
    assert all(row.error is None for row in measuring.rows)


def test_samples_are_drawn_once_by_seed():
    one, same, other = (MutualInformationCallback(X, samples=30, seed=seed) for seed in (1, 1, 2))
    assert_same([one.indices], [same.indices])
    assert set(one.indices) != set(other.indices)
    assert len(set(one.indices)) == 30
    np.testing.assert_array_equal(one.x, X[one.indices])


# Models of any kind


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.out = (keras.layers.Dense(n, name=f"d{n}") for n in (4, 3, 2))

    def call(self, x):
        return keras.ops.softmax(self.out(keras.ops.tanh(self.two(keras.ops.tanh(self.one(x))))))


def sequential():
    return keras.Sequential(
        [
            keras.layers.Dense(4, activation="tanh", name="one"),
            keras.layers.BatchNormalization(),
            keras.layers.Activation("tanh", name="first_of_all"),
            keras.layers.Dense(3, name="two"),
            keras.layers.Activation("tanh", name="last_of_all"),
            keras.layers.Dense(2, activation="softmax", name="out"),
        ]
    )


def nested():
    inner = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(4, name="deep"), keras.layers.Activation("tanh", name="deeper")]
    )
    return keras.Sequential([inner, keras.layers.Dense(2, activation="softmax", name="out")])


@pytest.mark.parametrize(
    ("make", "layers", "dims"),
    [
        (sequential, ("one", "two"), (4, 3)),
        (sequential, ("first", "last"), (4, 3)),
        (Subclassed, ("d4", "d3"), (4, 3)),
        (nested, ("deep", "deeper"), (4, 4)),
    ],
)
def test_other_kinds_of_models(make, layers, dims):
    measuring = MutualInformationCallback((X, Y), layers, bn="inference")
    fit(compiled(make()), measuring)
    row = measuring.rows[-1]
    assert (row.epoch, row.x, row.y, row.dim_x, row.dim_y) == (2, *layers, *dims)
    assert row.mi > 0


def test_first_and_last_include_what_follows_the_kernel():
    model = sequential()
    model(X)
    heard, _ = Probe(model, ["first", "first_of_all", "last", "last_of_all"], 200)(X, "inference")
    assert_same([heard["first"], heard["last"]], [heard["first_of_all"], heard["last_of_all"]])


def test_models_with_several_inputs():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    hidden = keras.layers.Dense(4, name="hidden")(keras.layers.Concatenate()([a, b]))
    model = compiled(keras.Model({"a": a, "b": b}, keras.layers.Dense(2, activation="softmax")(hidden)))
    data = {"a": X[:, :3], "b": X[:, 3:]}
    measuring = MutualInformationCallback((data, np.eye(2)[Y]), [("input", "hidden")])
    model.fit(data, Y, verbose=0, callbacks=[measuring])
    assert (measuring.rows[-1].dim_x, measuring.rows[-1].dim_y) == (6, 4)
    assert 0 <= measuring.rows[-1].error <= 1


# What goes wrong


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (X, {"layers": "first"}, "layers is 'first': give two or more names"),
        (X, {"layers": ("first",)}, "give two or more names"),
        (X, {"layers": [("a", "b", "c")]}, "give two or more names"),
        (X, {"bn": "training"}, "bn is 'training': it must be one of inference, batch"),
        (X, {"samples": 121}, "samples is 121: there are 120"),
        ((X, Y[:-1]), {}, "data has arrays of 119, 120 samples"),
    ],
)
def test_wrong_arguments(data, options, message):
    with pytest.raises(InputError, match=message):
        MutualInformationCallback(data, **options)


@pytest.mark.parametrize(
    ("make", "layers", "message"),
    [
        (network, ("first", "lats"), "the model has no layer 'lats': it has input, first_dense"),
        (nested, ("first", "last"), "the model has 2 layers with a kernel, so 'first' is undefined"),
    ],
)
def test_layers_that_are_not_there(make, layers, message):
    with pytest.raises(InputError, match=message):
        fit(compiled(make()), MutualInformationCallback(X, layers))


def test_labels_that_are_not_given():
    with pytest.raises(InputError, match="names labels"):
        MutualInformationCallback(X, layers=("last", "labels"))


def test_a_dead_layer_does_not_end_the_training(tmp_path):
    model = network()
    model.get_layer("last_norm").gamma.assign(np.zeros(5))
    model.get_layer("last_norm").trainable = False
    table = tmp_path / "table.jsonl"
    measuring = MutualInformationCallback((X, Y), bn="inference", table=table)
    history = fit(compiled(model), measuring).history
    assert history["mi_first_last"] == [0, 0]
    assert [(row.mi, row.stderr) for row in measuring.rows] == [(0, 0)] * 3
    assert "constant" in measuring.rows[0].notes[0]
    assert Table(table).rows() == measuring.rows


def test_a_diverged_training_is_recorded(tmp_path):
    model = network()
    model.compile(optimizer=keras.optimizers.SGD(1e38), loss="sparse_categorical_crossentropy", jit_compile=False)
    table = tmp_path / "table.jsonl"
    measuring = MutualInformationCallback((X, Y), bn="inference", table=table)
    fit(model, measuring)
    assert Table(table).rows() == measuring.rows
    assert measuring.rows[-1].logs["loss"] is None
    assert measuring.rows[-1].mi is None


# The table and the activations on disk


def test_the_table_has_the_rows_and_belongs_to_one_training(tmp_path):
    table = tmp_path / "table.jsonl"
    measuring = MutualInformationCallback((X, Y), table=table)
    model = network()
    fit(model, measuring)
    assert Table(table).rows() == measuring.rows
    assert [json.loads(line)["mi"] for line in table.read_text().splitlines()] == [row.mi for row in measuring.rows]
    again = MutualInformationCallback((X, Y), table=table)
    with pytest.raises(InputError, match="holds the rows of another training: delete the file, or name a new one"):
        fit(model, again)
    fit(model, again, initial_epoch=1)
    assert [row.epoch for row in Table(table).rows()] == [0, 0, 1, 1, 2, 2]


def read(_):
    return {"input": X, "first": X[:, :2], "last": X[::-1, :2]}, None


@pytest.mark.parametrize(
    ("options", "what"),
    [({"units": "nats"}, "units bits"), ({"k": 4}, "k 3"), ({"layers": ["last", "input"]}, "pairs first / last")],
)
def test_a_training_that_goes_on_refuses_the_table_of_another(options, what, tmp_path):
    table = tmp_path / "table.jsonl"
    before = Measurement(len(X), None, ["first", "last"], table=table)
    before.begin(0, normalises=False)
    before.measure(0, read, {"seen": 10**400})
    assert before.rows[0].logs == {"seen": None}
    with pytest.raises(InputError, match=f"holds the rows of another training, with {what}: name another file as table"):
        Measurement(len(X), None, **{"layers": ["first", "last"], **options}, table=table).begin(1, normalises=False)


def test_measurements_of_one_training_under_two_names_share_a_table(tmp_path):
    table = tmp_path / "table.jsonl"
    for first, last in ((0, 2), (2, 3)):  # the second time it goes on
        train, test = (Measurement(len(X), None, ["first", "last"], name=name, table=table) for name in ("train", "test"))
        for epoch in range(first, last):
            for one in (train, test):
                if epoch == first:
                    one.begin(max(epoch - 1, 0), normalises=False)
                one.measure(epoch, read, {})
    assert [(row.epoch, row.name) for row in Table(table).rows()] == [
        (epoch, name) for epoch in range(3) for name in ("train", "test")
    ]
    with pytest.raises(InputError, match="holds the rows of another training"):
        train.begin(0, normalises=False)


def test_each_pair_is_logged_whatever_its_k(tmp_path):
    walk = np.cumsum(X, axis=0)  # k is above the usual 3 where samples belong together
    layers = {"input": X, "a": X + RNG.standard_normal(X.shape), "walk": walk, "later": walk + X, "failed": X * np.nan}
    pairs = [("input", "failed"), ("input", "a"), ("walk", "later")]
    measuring = Measurement(len(X), Y, pairs, series=True)
    measuring.begin(0, normalises=False)
    measuring.measured.update(pairs)  # an earlier epoch was finite
    logs = measuring.measure(0, lambda _: (layers, np.eye(2)[Y]), {})
    of_failed, of_input, of_walk = measuring.rows
    assert (of_failed.k, of_failed.mi) == (None, None)
    assert of_input.k != of_walk.k
    assert logs.pop("mi_seconds") > 0
    assert logs == {"error": 0, "mi_input_a": of_input.mi, "mi_walk_later": of_walk.mi}
    several = Measurement(len(X), None, pairs[1:], k=(4, 3))
    several.begin(0, normalises=False)
    logs = several.measure(0, lambda _: (layers, None), {})
    assert logs["mi_input_a"] == next(row.mi for row in several.rows if row.k == several.rows[0].k)


def test_a_table_in_a_folder_that_is_not_there_is_found_before_training(tmp_path):
    measuring = MutualInformationCallback(X, every=[2], table=tmp_path / "none" / "mi.jsonl")
    epochs = []
    seen = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    with pytest.raises(InputError, match=r"mi\.jsonl, and there is no folder .*none: make it first"):
        fit(network(), measuring, seen)
    assert not epochs


def test_an_epoch_that_is_measured_again_has_its_rows_replaced(tmp_path):
    table = tmp_path / "table.jsonl"
    measuring = MutualInformationCallback(X, bn="inference", table=table, name="test")
    model = network()
    fit(model, measuring)
    before = measuring.rows
    measuring.on_epoch_end(0)  # of the trained network, as epoch 1
    assert [row.epoch for row in measuring.rows] == [0, 1, 2]
    assert [row.mi for row in measuring.rows] == [before[0].mi, before[2].mi, before[2].mi]
    assert Table(table).rows() == measuring.rows
    fit(model, measuring, initial_epoch=1)
    assert [row.epoch for row in measuring.rows] == [0, 1, 2]
    assert Table(table).rows() == measuring.rows


def test_a_new_training_has_rows_of_its_own():
    measuring = MutualInformationCallback(X, bn="inference")
    model = network()
    fit(model, measuring)
    fit(model, measuring, epochs=1)
    assert [row.epoch for row in measuring.rows] == [0, 1]


def test_saved_activations_give_the_same_estimate(tmp_path):
    measuring = MutualInformationCallback(X, bn="batch", save_activations=tmp_path / "kept")
    fit(network(), measuring)
    files = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert files == [f"000{epoch}-batch-{name}.npy" for epoch in range(3) for name in ("first", "last")]
    sides = [np.load(tmp_path / "kept" / f"0002-batch-{name}.npy") for name in ("first", "last")]
    assert mi_core.mutual_information(*sides).mi == measuring.rows[-1].mi


def test_two_measurements_keep_their_activations_in_one_folder(tmp_path):
    for name, x in (("", X), ("train", X[:100])):
        measuring = Measurement(len(x), None, ["first", "last"], name=name, save_activations=tmp_path)
        measuring.begin(0, normalises=False)
        measuring.measure(0, lambda _, x=x: ({"first": x[:, :2], "last": x[:, 2:]}, None), {})
    sizes = {path.name: len(np.load(path)) for path in tmp_path.iterdir()}
    assert sizes == {
        f"0000-{way}-{layer}.npy": size
        for way, size in (("inference", 120), ("train-inference", 100))
        for layer in ("first", "last")
    }


@pytest.mark.parametrize("backend", [name for name in ("jax", "torch") if name != keras.backend.backend()])
def test_the_same_on_other_backends(backend):
    """The part that a backend could break; KERAS_BACKEND=jax, say, runs all tests of a file on it."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    chosen = "training_is_the_same or batch_reads or rows_hold"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", chosen]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "3 passed" in finished.stdout


def test_unknown_options_are_named():
    message = r"MutualInformationCallback\(\) got an unexpected keyword argument 'evry'; did you mean every"
    with pytest.raises(TypeError, match=message):
        MutualInformationCallback(X, evry=3)
