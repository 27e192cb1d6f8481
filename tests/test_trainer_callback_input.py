"""What the callback is given: labels and data of any kind, layers of any model, options; and what it says about them."""

import keras
import numpy as np
import pytest

import mi_core
from mi_core import InputError, estimate
from trainer import MutualInformationCallback
from trainer.labels import labels_of
from trainer.table import Row, Table, notes_of

RNG = np.random.default_rng(0)
X = RNG.standard_normal((120, 6)).astype(np.float32)
CLASSES = (X[:, 0] > 0.4).astype(int) + (X[:, 0] > -0.4)  # 0, 1, 2
INPUTS = keras.Input((6,))
RANDOM = np.random.rand


def dense(units, name, **options):
    return keras.layers.Dense(units, name=name, activation="tanh", **options)


def close(value):
    return pytest.approx(value, abs=1e-5)


def network(outputs=3, normalise=False):
    keras.utils.set_random_seed(3)
    hidden = dense(5, "first")(INPUTS)
    if normalise:
        hidden = keras.layers.BatchNormalization()(hidden)
    return compiled(keras.Model(INPUTS, keras.layers.Dense(outputs, name="output")(dense(4, "last")(hidden))))


def compiled(model, loss=None):
    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="rmsprop", loss=loss, run_eagerly=True)  # quicker for few steps
    return model


def rows_of(data, layers=("first", "last"), model=None, epochs=1, **options):
    """Rows of a short training with the callback."""
    measuring = MutualInformationCallback(data, layers, quiet=True, **options)
    fit(model or network(), measuring, epochs=epochs)
    return measuring.rows


def fit(model, *callbacks, x=X, epochs=1):
    return model.fit(x, CLASSES, epochs=epochs, batch_size=40, verbose=0, callbacks=list(callbacks)).history


# Labels


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["ant", "bee", "cat"])[CLASSES],
        np.array(["ant", "bee", "cat"], dtype=object)[CLASSES],
        CLASSES + 1,
        CLASSES * 5 - 7.0,
        CLASSES.reshape(-1, 1),
        CLASSES.tolist(),
        np.eye(3)[CLASSES],
        0.9 * np.eye(3)[CLASSES] + 0.1 / 3,
        [CLASSES],
    ],
)
def test_errors_are_those_of_the_classes_whatever_they_are_called(labels):
    expected = rows_of((X, CLASSES))
    assert [row.error for row in rows_of((X, labels))] == [row.error for row in expected]
    assert 0 < expected[0].error < 1


def test_signs_are_two_classes():
    signs = np.where(CLASSES > 0, 1, -1)
    model = network(outputs=2)
    output = model.predict(X, verbose=0)
    assert labels_of(signs).share_of_errors(output) == np.mean(output.argmax(axis=1) != (CLASSES > 0))


def test_classes_that_the_measured_samples_lack_keep_their_columns():
    some = np.isin(CLASSES, (0, 2))
    labels = labels_of(CLASSES[some])
    assert labels.share_of_errors(np.eye(3)[CLASSES[some]]) == 0
    assert labels_of(CLASSES).take(np.flatnonzero(some)).share_of_errors(np.eye(3)[CLASSES[some]]) == 0
    shares = np.eye(4)[CLASSES[some] + 1]  # of classes counted from 1, from as many features
    assert labels_of(CLASSES[some] + 1).share_of_errors(shares, n_inputs=4) == 0
    assert labels_of(np.array(["a", "b"])).share_of_errors(np.eye(3)[:2]) is None  # which column is whose, nobody knows


def test_an_autoencoder_makes_no_errors_of_classes():
    (row,) = rows_of((X, CLASSES), model=network(outputs=X.shape[1]), every=[0])
    assert row.error is None
    (row,) = rows_of((X, np.arange(120) % X.shape[1]), model=network(outputs=X.shape[1]), every=[0])
    assert 0 < row.error <= 1, "of as many classes as inputs"


@pytest.mark.parametrize("shape", [(120,), (120, 1), (120, 3), (120, 2, 2)])
def test_targets_of_a_regression_are_measured_by_ksg1(shape):
    targets = RNG.standard_normal(shape) + X[:, 0].reshape(-1, *[1] * (len(shape) - 1))
    row = rows_of((X, targets), [("labels", "input")])[-1]
    assert row.mi == mi_core.mutual_information(X, targets).mi
    assert (row.estimator, row.error, row.dim_y) == ("ksg1", None, targets.size // 120)


def test_an_estimator_can_be_chosen_for_whole_numbers_too():
    ages = np.round(X[:, 0] * 30 + 40)
    row = rows_of((X, ages), [("input", "labels")], estimator="ksg1")[-1]
    assert row.mi == mi_core.mutual_information(X, ages).mi


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X, (CLASSES, CLASSES)), "data has 2 arrays of labels: give one of them"),
        ((X, {"a": CLASSES, "b": CLASSES}), "data has 2 arrays of labels"),
        ((X, CLASSES, CLASSES), r"data is a tuple of 3: give x or \(x, labels\)"),
        ((), "data is a tuple of 0"),
        ((X, CLASSES[0]), "labels has shape"),
        ((X, np.where(CLASSES, 0.5, np.nan)), "labels has [0-9]+ values that are NaN"),
        (X[:0], "data has no samples"),
        (np.float32(3), "data is made of single numbers"),
        ("text", "data is text"),
        (None, "data is not an array but NoneType"),
        ((row for row in X), "data is a generator, which can be read only once"),
    ],
)
def test_data_that_cannot_be_measured(data, message):
    with pytest.raises(InputError, match=message):
        MutualInformationCallback(data)


# Data sets


class Batches(keras.utils.PyDataset):
    """Batches in order; each draws a random number, as one that augments its images would."""

    def __init__(self, *arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return 3

    def __getitem__(self, place):
        RANDOM()
        batch = tuple(array[place * 40 : place * 40 + 40] for array in self.arrays)
        return batch if len(batch) > 1 else batch[0]


def test_data_sets_of_keras_are_read_batch_by_batch():
    assert rows_of(Batches(X, CLASSES)) == approximately(rows_of((X, CLASSES)))
    assert rows_of(Batches(X)) == approximately(rows_of((X,)))


def test_reading_a_data_set_draws_no_random_numbers():
    keras.utils.set_random_seed(1)
    expected = RANDOM()
    keras.utils.set_random_seed(1)
    MutualInformationCallback(Batches(X, CLASSES))
    assert RANDOM() == expected


def approximately(rows):
    """Rows that differ from these in their seconds alone are equal to them."""
    return [Anything(row) for row in rows]


class Anything:
    def __init__(self, row):
        self.fields = {**vars(row), "seconds": 0}

    def __eq__(self, other):
        return self.fields == {**vars(other), "seconds": 0}


def test_data_sets_of_tensorflow_are_read_batch_by_batch():
    tf = pytest.importorskip("tensorflow")
    whole = tf.data.Dataset.from_tensor_slices((X, CLASSES))
    assert rows_of(whole.batch(50)) == approximately(rows_of((X, CLASSES)))
    for wrong, message in [
        (whole, "must be in batches"),
        (whole.batch(50).repeat(), "without an end"),
        (whole.take(0), "no samples"),
    ]:
        with pytest.raises(InputError, match=message):
            MutualInformationCallback(wrong)


# Layers


def shared_layer():
    layer = dense(6, "twice")
    return compiled(keras.Model(INPUTS, keras.layers.Dense(3)(layer(layer(INPUTS)))))


def test_calls_of_a_layer_are_told_apart():
    model = shared_layer()
    once, twice = (
        keras.ops.convert_to_numpy(model.get_layer("twice")(model.get_layer("twice")(X) if n else X)) for n in (0, 1)
    )
    row = rows_of(X, [("twice:0", "twice:1")], model, every=[0])[0]
    assert row.mi == close(mi_core.mutual_information(once, twice).mi)
    assert (row.x, row.y) == ("twice:0", "twice:1")
    for name, message in [
        ("twice", "layer 'twice' is called 2 times in one pass: say which call, twice:0 or twice:1"),
        ("twice:2", "'twice:2' is call number 3 of layer 'twice', which is called 2 times"),
    ]:
        with pytest.raises(InputError, match=message):
            rows_of(X, [("input", name)], model, every=[5])


def inner_layers():
    def block(name):
        return keras.Sequential([keras.Input((6,)), dense(6, "hidden")], name=name)

    return compiled(keras.Sequential([INPUTS, block("a"), block("b"), keras.layers.Dense(3)]))


def test_inner_layers_of_one_name_are_told_apart():
    model = inner_layers()
    deep = [keras.ops.convert_to_numpy(value) for value in (model.layers[0](X), model.layers[1](model.layers[0](X)))]
    row = rows_of(X, [("a/hidden", "b/hidden")], model, every=[0])[0]
    assert row.mi == close(mi_core.mutual_information(*deep).mi)
    with pytest.raises(InputError, match="the model has 2 layers 'hidden': say which, a/hidden or b/hidden"):
        rows_of(X, [("input", "hidden")], model)


def several_outputs():
    steps = keras.layers.Reshape((3, 2))(INPUTS)
    output, *_ = keras.layers.LSTM(4, return_state=True, name="lstm")(steps)
    return compiled(keras.Model(INPUTS, keras.layers.Dense(3)(output)))


def test_arrays_of_a_layer_are_told_apart():
    row = rows_of(X, [("lstm[0]", "lstm[2]")], several_outputs(), every=[0])[0]
    assert (row.dim_x, row.dim_y) == (4, 4)
    for name, message in [
        ("lstm", r"layer 'lstm' gives 3 arrays: say which, lstm\[0\], lstm\[1\] or lstm\[2\]"),
        ("lstm[3]", r"there is no 'lstm\[3\]': the layer gives only lstm\[0\]"),
    ]:
        with pytest.raises(InputError, match=message):
            rows_of(X, [("input", name)], several_outputs())


@pytest.mark.parametrize("layers", [None, 3, (0, 2), [("first", 2)], [3, ("first", "last")], "first", (), ("first", "first")])
def test_layers_that_are_no_names(layers):
    with pytest.raises(InputError, match="give two or more names, or pairs of names"):
        MutualInformationCallback(X, layers)


# Schedules and options


@pytest.mark.parametrize("every", [2.5, -1, "3", None, [1.5], [-1]])
def test_schedules_that_are_none(every):
    for name in ("every", "null_every"):
        with pytest.raises(InputError, match=f"{name} is .*: give a whole number of epochs"):
            MutualInformationCallback(X, **{name: every})


def test_numbers_of_numpy_are_schedules():
    assert [row.epoch for row in rows_of(X, every=np.int64(2), epochs=3)] == [0, 2]
    assert [row.epoch for row in rows_of(X, every=np.array([1, 3]), epochs=3)] == [1, 3]


def test_statistics_are_both_where_they_differ():
    assert [row.bn for row in rows_of(X)] == ["inference"] * 2
    assert [row.bn for row in rows_of(X, model=network(normalise=True))] == ["inference", "batch"] * 2
    frozen = network(normalise=True)
    next(layer for layer in frozen.layers if isinstance(layer, keras.layers.BatchNormalization)).trainable = False
    assert [row.bn for row in rows_of(X, model=frozen)] == ["inference"] * 2
    assert [row.bn for row in rows_of(X, bn="batch")] == ["batch"] * 2


@pytest.mark.parametrize(
    "options",
    [
        {"estimator": "gaussian-copula"},
        {"standardize": "columns"},
        {"noise": 0.1, "seed": 5},
        {"reduce": "pca:2"},
        {"reduce": "cca:2"},
        {"lower_bound": True},
        {"groups": np.arange(120) // 6},
        {"series": True, "exclude": 4},
    ],
)
def test_options_of_the_estimate_reach_it(options):
    model = network()
    last = model.get_layer("last")(model.get_layer("first")(X))
    row = rows_of(X, [("input", "last")], model, every=[0], **options)[0]
    result = mi_core.mutual_information(X, last, **options)
    assert (row.mi, row.stderr) == close((result.mi, result.stderr))
    assert (row.estimator, row.standardize, row.noise, row.k) == (result.estimator, result.standardize, result.noise, result.k)
    assert row.mi != close(mi_core.mutual_information(X, last).mi) or result.reduced or result.lower_bound
    if result.reduced is not None:
        assert (row.reduced, row.reduced_stderr) == close((result.reduced.mi, result.reduced.stderr))
        assert row.reduction == options["reduce"]
    assert (row.lower_bound is None) == (result.lower_bound is None)
    if result.lower_bound is not None:
        bound = result.lower_bound
        assert (row.lower_bound, row.lower_bound_stderr) == close((bound.mi, bound.stderr))
        assert row.lower_bound_kind == bound.kind


def test_fewer_columns_are_left_out_for_classes():
    rows = rows_of((X, CLASSES), ("input", "last", "labels"), reduce="pca:2", lower_bound=True)
    assert [row.reduced is None for row in rows if row.epoch == 0] == [False, True, True]
    assert [row.lower_bound is None for row in rows if row.epoch == 0] == [False, True, True]


def test_the_lower_bound_is_measured_once_for_all_scalings(monkeypatch):
    asked, with_lower_bound = [], estimate.with_lower_bound
    monkeypatch.setattr(estimate, "with_lower_bound", lambda *given: asked.append(0) or with_lower_bound(*given))
    scalings = ["none", "sides", "columns"]
    rows = rows_of(X, ("input", "last"), every=[0], standardize=scalings, lower_bound=True, reduce="pca:2", k=[3, 5])
    assert len(asked) == 1
    assert [(row.standardize, row.k) for row in rows] == [(scaling, k) for scaling in scalings for k in (3, 5)]
    assert len({(row.lower_bound, row.lower_bound_stderr, row.lower_bound_kind) for row in rows}) == 1
    assert rows[0].lower_bound > 0
    assert len({row.mi for row in rows}) == len({row.reduced for row in rows}) == 6


def test_with_noise_each_scaling_has_its_own_lower_bound():
    """Noise in proportion to a side drowns a small column, unless columns are standardised first."""
    x = X * np.where(np.arange(X.shape[1]) > 0, 1.0, 1e3)
    bounds = {}
    for scalings in (["columns", "none"], ["none", "columns"]):
        rows = rows_of(x, ("input", "last"), every=[0], standardize=scalings, lower_bound=True, noise=0.1)
        bounds[scalings[0]] = {row.standardize: row.lower_bound for row in rows}
    assert bounds["columns"] == bounds["none"]
    assert bounds["none"]["none"] != bounds["none"]["columns"]


def test_drawn_samples_keep_their_groups():
    groups = np.arange(120) // 6
    measuring = MutualInformationCallback(X, groups=groups, samples=60, quiet=True)
    fit(network(), measuring)
    np.testing.assert_array_equal(measuring.measurement.groups, groups[measuring.indices])
    pairs = np.arange(120) // 2  # of which few samples leave no two together
    assert MutualInformationCallback(X, groups=pairs, samples=2, k=1, seed=1).measurement.groups is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimator": "ksg"}, "estimator is 'ksg': it must be one of ksg1"),
        ({"estimator": "ross"}, "ross is for pairs with class labels"),
        ({"estimator": "ksg2", "series": True}, "the estimator ksg2 treats every sample as independent"),
        ({"estimator": "lnc", "positions": "samples"}, "the estimator lnc treats every sample as independent"),
        ({"standardize": "sides,columns"}, "standardize is"),
        ({"noise": -1}, "noise is -1"),
        ({"units": "bit"}, "units is 'bit'.*did you mean bits"),
        ({"reduce": 10}, "reduce is 10: give a method"),
        ({"groups": [0] * 120}, "groups has only one group"),
        ({"groups": [0, 1]}, "groups has 2 rows and x has 120 samples"),
        ({"series": True, "samples": 50}, "samples draws from a series at random"),
        ({"positions": "sample"}, "positions is 'sample'.*did you mean samples"),
        ({"name": 3}, "name is 3: give a word"),
        ({"bn": ()}, "bn is empty"),
        ({"bn": 3}, "bn is 3: it must be one of inference, batch"),
        ({"layers": [("a/b", "a_b")], "save_activations": "kept"}, "would go to the same files"),
    ],
)
def test_options_that_cannot_be_used_are_found_before_training(options, message):
    with pytest.raises(InputError, match=message):
        MutualInformationCallback(X, **options)


def test_text_labels_need_an_estimator_for_them():
    words = np.array(["a", "b", "c"])[CLASSES]
    with pytest.raises(InputError, match="ksg1 takes numbers, and labels are text"):
        MutualInformationCallback((X, words), [("last", "labels")], estimator="ksg1")
    assert rows_of((X, words), [("last", "labels")])[0].estimator == "ross"


def test_an_option_that_does_not_fit_the_layers_ends_the_training_at_once():
    with pytest.raises(InputError, match="MI of first and last cannot be estimated: reduce asks for 9 columns"):
        rows_of(X, reduce="pca:9")


# Positions


def images():
    inputs = keras.Input((4, 4, 2))
    hidden = keras.layers.Conv2D(3, 1, name="conv", activation="tanh")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(hidden)
    wide = keras.layers.Conv2D(8, 1, name="wide")(hidden)
    narrow = keras.layers.Conv2D(3, 2, strides=2, name="narrow")(wide)
    return compiled(
        keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Concatenate()([pooled, keras.layers.Flatten()(narrow)])))
    )


IMAGES = RNG.standard_normal((120, 4, 4, 2)).astype(np.float32)


def of_images(positions, layers=(("input", "conv"), ("conv", "pooled")), **options):
    model = images()
    measuring = MutualInformationCallback(IMAGES, layers, positions=positions, every=[0], quiet=True, **options)
    conv = keras.ops.convert_to_numpy(model.get_layer("conv")(IMAGES))
    fit(model, measuring, x=IMAGES)
    return measuring.rows, conv


def test_positions_flattened_pooled_or_first():
    (row, _), conv = of_images("flatten")
    assert row.mi == close(mi_core.mutual_information(IMAGES, conv).mi)
    assert (row.dim_x, row.dim_y) == (32, 48)
    (row, _), conv = of_images("mean")
    assert row.mi == close(mi_core.mutual_information(IMAGES.mean(axis=(1, 2)), conv.mean(axis=(1, 2))).mi)
    (row, _), conv = of_images("first")
    assert row.mi == close(mi_core.mutual_information(IMAGES[:, 0, 0], conv[:, 0, 0]).mi)
    assert row.positions == "first"


def test_positions_as_samples_are_groups():
    (row, beside), conv = of_images("samples")
    groups = np.repeat(np.arange(120), 16)
    by_position = conv.reshape(-1, 3)
    assert row.mi == close(mi_core.mutual_information(IMAGES.reshape(-1, 2), by_position, groups=groups).mi)
    assert row.n_samples == 120 * 16
    pooled = np.repeat(conv.mean(axis=(1, 2)), 16, axis=0)  # a layer without positions is the same at each
    assert beside.mi == close(mi_core.mutual_information(by_position, pooled, groups=groups).mi)
    with pytest.raises(InputError, match="conv has 16 positions and narrow has 4, which cannot be paired one by one"):
        of_images("samples", [("conv", "narrow")])


def test_many_columns_of_positions_are_noted():
    (row,), _ = of_images("flatten", [("conv", "wide")])
    [note] = [note for note in row.notes if "positions=" in note]
    assert note.startswith("wide has 128 columns, its units at all positions (4, 4, 8)")
    assert "positions=" not in "".join(of_images("mean", [("conv", "wide")])[0][0].notes)


def test_channels_first_are_units(monkeypatch):
    from trainer.activations import units_last

    layer = keras.layers.Conv2D(3, 1, data_format="channels_first")
    assert units_last(layer, np.zeros((7, 3, 4, 5))).shape == (7, 4, 5, 3)
    assert units_last(keras.layers.Conv2D(3, 1, data_format="channels_last"), np.zeros((7, 4, 5, 3))).shape == (7, 4, 5, 3)
    assert units_last(layer, np.zeros((7, 3))).shape == (7, 3)
    usual = keras.layers.Activation("relu")  # without a data format
    assert units_last(usual, np.zeros((7, 3, 4, 5))).shape == (7, 3, 4, 5)
    monkeypatch.setattr(keras.config, "image_data_format", lambda: "channels_first")
    assert units_last(usual, np.zeros((7, 3, 4, 5))).shape == (7, 4, 5, 3)
    assert units_last(usual, np.zeros((7, 4, 3))).shape == (7, 4, 3)


def test_the_input_has_its_channels_first_where_keras_does(monkeypatch):
    given = np.moveaxis(IMAGES, -1, 1)
    inputs = keras.Input((2, 4, 4))
    hidden = keras.layers.Dense(3, name="dense")(keras.layers.Flatten()(inputs))
    model = compiled(keras.Model(inputs, keras.layers.Dense(3)(hidden)))
    monkeypatch.setattr(keras.config, "image_data_format", lambda: "channels_first")
    measuring = MutualInformationCallback(given, ("input", "dense"), positions="mean", every=[0], quiet=True)
    dense = keras.Model(inputs, hidden)(given)
    fit(model, measuring, x=given)
    assert measuring.rows[0].mi == close(mi_core.mutual_information(IMAGES.mean(axis=(1, 2)), dense).mi)


# Logs


def test_two_callbacks_log_under_names_of_their_own():
    test = MutualInformationCallback((X[:60], CLASSES[:60]), quiet=True)
    train = MutualInformationCallback((X, CLASSES), quiet=True, name="train")
    history = fit(network(), test, train)
    both = {"mi_first_last", "error", "mi_seconds"}
    assert set(history) == {*both, *(f"train_{key}" for key in both), "loss"}
    assert history["train_mi_first_last"] == [train.rows[-1].mi]
    assert {row.name for row in train.rows} == {"train"}
    with pytest.raises(InputError, match='two callbacks would log error: give one of them a name, such as name="train"'):
        fit(network(), test, MutualInformationCallback((X, CLASSES)))
    fit(network(), test)  # alone, it goes on as before


def test_what_others_log_stays():
    class Own(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["error"] = 7.0

    assert fit(network(), Own(), MutualInformationCallback((X, CLASSES), quiet=True))["error"] == [7.0]


def test_logs_stay_few():
    measuring = MutualInformationCallback((X, CLASSES), k=(3, 5), quiet=True, bn=("batch", "inference"))
    history = fit(network(normalise=True), measuring)
    assert set(history) == {"mi_first_last", "error", "mi_seconds", "loss"}
    last = [row for row in measuring.rows if row.epoch == 1]
    assert [(row.bn, row.k) for row in last] == [("batch", 3), ("batch", 5), ("inference", 3), ("inference", 5)]
    assert history["mi_first_last"] == [last[0].mi]


# Notes


def test_notes_are_said_once_when_training_ends(capfd):
    rows = [MutualInformationCallback(X, [("input", "first"), ("first", "last")], quiet=quiet) for quiet in (False, True)]
    fit(network(), rows[0], epochs=3)
    printed = capfd.readouterr()
    expected = list(notes_of(rows[0].rows))
    assert expected
    assert printed.err == "".join(f"note: {note}\n" for note in expected)
    assert printed.out == ""
    fit(network(), rows[1])
    assert capfd.readouterr().err == ""


def test_notes_name_layers_and_pairs():
    def row(x, y, *notes, epoch=2):
        return Row(epoch=epoch, x=x, y=y, bn="inference", notes=notes)

    rows = [
        row("first", "last", "x has ties.", epoch=1),
        row("first", "last", "y has ties.", "I(X;Y) is far.", "All say so."),
        row("input", "last", "y has ties.", "x is large beside y.", "All say so."),
    ]
    assert list(notes_of(rows)) == [
        "last has ties.",
        "I(X;Y) is far. (In first / last.)",
        "All say so.",
        "input is large beside last.",
    ]
    assert list(notes_of([])) == []


def test_what_notes_advise_can_be_done():
    rounded = np.round(X)
    small = dense(3, "small", kernel_initializer=keras.initializers.RandomNormal(stddev=1e-4, seed=1))
    model = compiled(keras.Model(INPUTS, keras.layers.Dense(3)(small(INPUTS))))

    def notes(**options):
        measuring = MutualInformationCallback(rounded, [("input", "small")], every=[0], quiet=True, **options)
        fit(model, measuring, x=rounded)
        return " ".join(measuring.rows[0].notes)

    assert "x has ties" in notes()
    assert "standardize" in notes()
    assert "ties" not in notes(noise=1e-3, standardize="sides")
    assert "standardize" not in notes(noise=1e-3, standardize="sides")


# Tables of earlier versions


def test_rows_of_earlier_versions_are_read(tmp_path):
    path = tmp_path / "table.jsonl"
    path.write_text(
        '{"epoch": 1, "x": "first", "y": "last", "bn": "batch", "mi": 1.5, "stderr": 0.1, "null": null, "ceiling": 9.0, '
        '"units": "bits", "k": 3, "n_samples": 100, "dim_x": 2, "dim_y": 2, "estimator": "ksg1", "error": 0.5, "logs": {}, '
        '"seconds": 0.1, "notes": []}\n'
    )
    [row] = Table(path).rows()
    assert (row.mi, row.positions, row.standardize, row.noise, row.name) == (1.5, "flatten", "none", 0, "")
    assert (row.reduced, row.lower_bound, row.lower_bound_kind) == (None, None, None)
