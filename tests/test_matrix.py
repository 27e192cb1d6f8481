"""All pairs of layers at once: the same counts and estimates as one by one."""

import dataclasses
import itertools
import json

import numpy as np
import pytest

import awkward
import oracle
from mi_core import InputError, matrix, mutual_information, mutual_information_matrix, neighbour_counts, similarity
from mi_core.backends.cpu.layer_pairs import pair_counts
from mi_core.explanations import explained
from mi_core.text import EXPLAIN

XY = [(0, 0), (0, 1), (1, 1)]


def some_layers(n=200, dims=(1, 3, 20, 8), seed=0):
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n, 1))
    return {f"layer{i}": shared + rng.standard_normal((n, dim)) for i, dim in enumerate(dims)}


@pytest.mark.parametrize("k", [1, 3, 70])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", awkward.CASES)
def test_counts_equal_those_of_each_pair(name, dtype, k):
    if dtype == np.float32 and name not in awkward.IN_FLOAT32:
        pytest.skip("beyond float32")
    layers = [side.astype(dtype) for side in awkward.CASES[name]]
    n = len(layers[0])
    if k >= n:
        pytest.skip("too few samples")
    middle = n // 3
    parts = [pair_counts(layers, XY, k, rows, threads=2) for rows in (range(middle), range(middle, n))]
    radius, counts = (np.concatenate(some, axis=-1) for some in zip(*parts, strict=True))
    for pair, (a, b) in enumerate(XY):
        expected = neighbour_counts(layers[a], layers[b], k)
        np.testing.assert_array_equal(radius[pair], expected.radius)
        np.testing.assert_array_equal(counts[pair], [expected.n_x, expected.n_y])


@pytest.mark.parametrize("places", [(2.0**24,), (2.0**24, -(2.0**24)), (3e38, -3e38)])
def test_distances_equal_in_single_precision_alone(places):
    """Differences of some 2^24 all round to the same, or overflow; one point may be as far so in both layers."""
    rng = np.random.default_rng(3)
    layers = [
        np.where(rng.random((90, 3)) < 0.5, rng.choice(places, (90, 3)), rng.random((90, 3))).astype(np.float32) for _ in "xy"
    ]
    layers[1][:30] = layers[0][:30] + np.float32(0.25) * (layers[0][:30] < 1)
    for k in (1, 3, 40):
        radius, counts = pair_counts(layers, XY, k, range(90), threads=1)
        for pair, (a, b) in enumerate(XY):
            expected = oracle.neighbour_counts(layers[a], layers[b], k)
            np.testing.assert_array_equal([radius[pair], *counts[pair]], expected)


@pytest.mark.parametrize("damage", [{"squares": ()}, {"squares": ((),) * 3}, {"sums": ((),) * 3}])
def test_a_damaged_state_is_not_resumed(damage):
    layers = {name: np.random.default_rng(place).standard_normal((300, 6)) for place, name in enumerate("ab")}
    kept = []
    mutual_information_matrix(layers, on_partial=kept.append, error_bar=False)
    with pytest.raises(InputError, match="resume is damaged"):
        mutual_information_matrix(layers, resume=dataclasses.replace(kept[0], **damage))


def test_every_entry_is_the_estimate_of_its_pair():
    layers = some_layers()
    found = mutual_information_matrix(layers, k=4, units="nats", standardize="sides")
    assert found.names == tuple(layers)
    assert found.dims == (1, 3, 20, 8)
    np.testing.assert_array_equal(found.mi, found.mi.T)
    for a, x in enumerate(layers.values()):
        for b, y in enumerate(layers.values()):
            alone = mutual_information(x, y, k=4, units="nats", standardize="sides")
            assert found.mi[a, b] == alone.mi
            assert found.stderr[a, b] == alone.stderr
    np.testing.assert_allclose(np.diag(found.mi), found.ceiling, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"groups": np.arange(65) // 2}, {"series": True, "exclude": 1}])
def test_standard_errors_are_those_of_the_pairs_where_a_layer_is_constant_in_parts(options):
    layers = {"x": np.random.default_rng(0).standard_normal((65, 1)).round(), "rare": np.arange(65)[:, np.newaxis] < 3}
    found = mutual_information_matrix(layers, k=1, **options)
    alone = mutual_information(*layers.values(), k=1, **options)
    assert (found.mi[0, 1], found.stderr[0, 1]) == (alone.mi, alone.stderr)


def test_notes_on_all_pairs_stay_where_a_value_is_missing():
    rng = np.random.default_rng(0)
    layers = {name: rng.standard_normal((300, 2)) for name in "abc"}
    options = {"groups": np.repeat(np.arange(10), 30), "missing": "drop", "also": ("cka",)}
    whole = mutual_information_matrix(layers, **options).notes
    layers["a"][5] = np.nan
    found = mutual_information_matrix(layers, **options).notes
    on_all = {explained(note) for note in whole}
    assert {"few-units", "similarity-groups"} <= on_all
    assert {explained(note) for note in found} == on_all | {"missing"}


def test_a_few_ties_leave_standard_errors_those_of_the_pairs():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(1000)
    y = x + rng.standard_normal(1000)
    x[:8] = y[8:16] = 0  # too few among all, enough in some of the parts
    assert mutual_information_matrix({"x": x, "y": y}).stderr[0, 1] == mutual_information(x, y).stderr


def test_standard_errors_are_those_of_the_pairs():
    layers = some_layers(n=400)
    found = mutual_information_matrix(layers, seed=5)
    alone = mutual_information(layers["layer1"], layers["layer2"], seed=5)
    assert found.stderr[1, 2] == found.stderr[2, 1] == alone.stderr
    assert mutual_information_matrix(layers, error_bar=False).stderr is None
    assert mutual_information_matrix(some_layers(n=50)).stderr is None


def test_progress_ends_at_the_end():
    told = []
    mutual_information_matrix(some_layers(), progress=lambda *state: told.append(state))
    assert told[-1] == (200 * 10, 200 * 10)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_matrix_has_the_same_bits_however_it_was_made():
    """Told on the way or not, resumed from anywhere, by strips or a tree, in any order, on any number of threads."""
    layers = some_layers()
    kept = []
    usual = mutual_information_matrix(layers)
    told = mutual_information_matrix(layers, on_partial=kept.append, threads=1)
    np.testing.assert_array_equal(told.mi, usual.mi)
    np.testing.assert_array_equal(told.stderr, usual.stderr)
    done = [int(partial.rows.sum()) for partial in kept]
    assert done == sorted(set(done))
    assert 5 < len(kept) <= matrix.STEPS
    assert any(0 < partial.rows[5] < 200 for partial in kept)  # a wide pair that was begun
    for partial in kept:
        calls = []
        resumed = mutual_information_matrix(
            layers, resume=partial, threads=3, error_bar=False, progress=lambda done, total, calls=calls: calls.append(done)
        )
        np.testing.assert_array_equal(resumed.mi, usual.mi)
        assert calls == [] or calls[0] > partial.rows.sum()
    order = np.random.default_rng(0).permutation(200)
    shuffled = mutual_information_matrix({name: layer[order] for name, layer in layers.items()}, error_bar=False)
    np.testing.assert_array_equal(shuffled.mi, usual.mi)


def test_what_was_told_stays_as_it_was_when_work_stops():
    kept = []

    def keep(partial):
        kept.append((partial, partial.rows.tolist(), partial.sums, partial.squares, partial.tied.tolist()))
        if len(kept) == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mutual_information_matrix(some_layers(), on_partial=keep)
    for partial, *before in kept:
        assert [partial.rows.tolist(), partial.sums, partial.squares, partial.tied.tolist()] == before
    assert max(len(parts) for parts in kept[-1][2]) <= 3  # the file stays small


def test_the_record_is_plain():
    record = json.loads(json.dumps(mutual_information_matrix(some_layers(n=60)).to_dict(), allow_nan=False))
    assert record["names"] == ["layer0", "layer1", "layer2", "layer3"]
    assert np.shape(record["mi"]) == (4, 4)
    assert record["stderr"] is None


def test_every_pair_may_go_either_way(monkeypatch):
    layers = some_layers()
    usual = mutual_information_matrix(layers).mi
    for narrow in (0, 1000):
        monkeypatch.setattr(matrix, "NARROW", narrow)
        np.testing.assert_array_equal(mutual_information_matrix(layers).mi, usual)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"a": np.zeros((5, 2))}, "layers holds 1: give at least two"),
        ({"a": np.arange(5.0), "b": np.arange(6.0)}, "a has 5 samples and b has 6: they must be paired row by row"),
        ({"a": np.arange(5.0), "b": [0, 1, 2, 3, np.nan]}, "b has 1 value that is NaN"),
        ([np.arange(5.0)] * 2, "layers is list: give a mapping"),
    ],
)
def test_bad_layers_are_named(layers, message):
    with pytest.raises(InputError, match=message):
        mutual_information_matrix(layers)


def test_k_must_be_below_the_number_of_samples():
    with pytest.raises(InputError, match="5 samples and k=5"):
        mutual_information_matrix({"a": np.arange(5.0), "b": np.arange(5.0)}, k=5)


def test_labels_are_a_column_of_their_own():
    rng = np.random.default_rng(2)
    classes = rng.choice(["cat", "dog"], 200)
    layers = {"a": rng.standard_normal((200, 2)) + (classes == "cat")[:, None], "b": rng.standard_normal(200)}
    options = {"k": 4, "units": "nats", "seed": 5}
    found = mutual_information_matrix(layers, labels=classes, **options)
    for place, layer in enumerate(layers.values()):
        alone = mutual_information(layer, classes, estimator="ross", **options)
        assert (found.with_labels[place], found.with_labels_stderr[place]) == (alone.mi, alone.stderr)
    assert mutual_information_matrix(layers).with_labels is None
    with pytest.raises(InputError, match="a has 200 samples and labels has 199"):
        mutual_information_matrix(layers, labels=classes[1:])
    assert mutual_information_matrix(layers, labels=["cat"] * 200).with_labels.tolist() == [0, 0]
    few = np.where(np.arange(200) < 3, "rare", "usual")
    with pytest.raises(InputError, match="class rare has 3 members and k=3"):
        mutual_information_matrix(layers, labels=few)


# Notes


def notes_of(found, x, y):
    return next((pair.notes for pair in found.pair_notes if (pair.x, pair.y) == (x, y)), ())


@pytest.mark.parametrize("standardize", ["none", "sides"])
@pytest.mark.parametrize("name", ["1+1", "duplicates", "ReLU", "rounded 1+1", "scales 1 and 1e6", "24+16", "an equal step"])
def test_each_pair_has_the_notes_of_its_estimate(name, standardize):
    x, y = awkward.CASES[name]
    labels = np.arange(len(x)) % 3
    x = x[:, np.newaxis]  # of higher rank, which is worth a note as well
    found = mutual_information_matrix({"x": x, "y": y}, labels=labels, standardize=standardize, error_bar=False)
    options = {"standardize": standardize, "error_bar": False}
    assert notes_of(found, "x", "y") == mutual_information(x, y, **options).notes
    assert notes_of(found, "x", "labels") == mutual_information(x, labels, estimator="ross", **options).notes
    named = [note.replace("x has", "y has") for note in mutual_information(y, labels, estimator="ross", **options).notes]
    assert list(notes_of(found, "y", "labels")) == named
    of_all = {note.partition(EXPLAIN)[0] for pair in found.pair_notes for note in pair.notes}
    assert all(any(note.startswith(one) for one in of_all) for note in found.notes)


def test_a_pair_whose_estimate_rises_is_told_so():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(600, 1))
    layers = {"x": x, "wave": np.sin(40 * x) + 0.1 * rng.standard_normal((600, 1)), "wide": rng.standard_normal((600, 10))}
    found = mutual_information_matrix(layers)
    assert [(pair.x, pair.y) for pair in found.pair_notes if "[mi explain rising]" in " ".join(pair.notes)] == [("x", "wave")]
    assert notes_of(found, "x", "wave") == mutual_information(x, layers["wave"]).notes


def test_pairs_of_too_few_samples_are_told_why_no_pair_has_an_error_bar():
    rng = np.random.default_rng(0)
    layers = {name: rng.standard_normal((300, 1)) for name in "abc"}
    layers["a"][:250] = np.nan
    found = mutual_information_matrix(layers, missing="drop")
    assert found.stderr is None
    (note,) = [note for note in found.notes if "no-error-bar" in note]
    assert "it needs at least 64 samples, and there are 50. (In a / b, a / c.)" in note
    few = {name: rng.standard_normal((60, 1)) for name in "ab"}
    assert notes_of(mutual_information_matrix(few), "a", "b") == mutual_information(*few.values()).notes


def test_notes_are_told_once_with_the_pairs_they_concern():
    rng = np.random.default_rng(0)
    small = {f"s{i}": rng.standard_normal(200) for i in range(3)}
    found = mutual_information_matrix(small | {"large": 1e3 * rng.standard_normal(200)}, error_bar=False)
    scales = [note for note in found.notes if "different scales" in note]
    assert len(scales) == 1
    assert "distances in large are typically 1," in scales[0]
    assert scales[0].endswith("brings them together. (In s0 / large, s1 / large, s2 / large.) [mi explain scales]")
    many = {f"l{i}": np.maximum(rng.standard_normal((200, 3)), 0) for i in range(5)}
    found = mutual_information_matrix(many, error_bar=False)
    ties = [note for note in found.notes if " has ties: " in note]
    assert len(ties) == 1
    assert ties[0].startswith("l0 has ties: ")
    assert ties[0].endswith("(In 5 layers: l0, l1, l2, ...) [mi explain ties]")
    assert (
        sum("(In 15 pairs: l0 / l0, l0 / l1, l0 / l2, ...)" in note for note in found.notes) == 1
    )  # that ties are in any order


@pytest.mark.parametrize("name", ["duplicates", "an equal step", "ReLU", "1+1"])
def test_a_layer_with_itself_never_exceeds_the_ceiling(name):
    x, y = awkward.CASES[name]
    found = mutual_information_matrix({"a": x, "b": y}, k=2, error_bar=False)
    assert found.mi[0, 0] <= found.ceiling + 1e-9
    assert len(notes_of(found, "a", "a")) == (name != "1+1")


@pytest.mark.parametrize("backend", ["cpu", "cpu-tree", "cpu-filter", "cpu-brute"])
def test_all_backends_give_the_same_bits(backend):
    rng = np.random.default_rng(3)
    layers = {"a": rng.standard_normal((200, 30)), "b": rng.standard_normal((200, 2)), "c": rng.standard_normal((200, 40))}
    found, expected = (mutual_information_matrix(layers, backend=one) for one in (backend, "auto"))
    np.testing.assert_array_equal(found.mi, expected.mi)
    np.testing.assert_array_equal(found.stderr, expected.stderr)
    assert (found.backend, expected.backend) == (backend, "auto")


def test_noise_is_added_once_to_each_layer():
    rng = np.random.default_rng(3)
    layers = {"a": rng.integers(0, 3, (300, 1)), "b": rng.integers(0, 3, (300, 1)), "c": rng.integers(0, 3, (300, 1))}
    plain, one, again, other = (mutual_information_matrix(layers, noise=noise, seed=seed) for noise, seed in NOISES)
    assert not np.array_equal(one.mi, plain.mi)
    np.testing.assert_array_equal(one.mi, again.mi)
    assert not np.array_equal(one.mi, other.mi)
    assert (one.noise, one.seed, plain.noise) == (0.1, 1, 0.0)
    assert np.allclose(np.diag(one.mi), one.ceiling)  # a layer beside itself has its noise on both sides


NOISES = ((0.0, 1), (0.1, 1), (0.1, 1), (0.1, 2))


def test_unknown_options_are_named():
    with pytest.raises(TypeError, match="unexpected keyword argument 'standardise'; did you mean standardize"):
        mutual_information_matrix({"a": [1.0, 2.0], "b": [2.0, 1.0]}, standardise="sides")


def test_names_of_layers_are_text_and_not_that_of_the_labels():
    with pytest.raises(InputError, match=r"a layer is named 1, which is int: names are text"):
        mutual_information_matrix({1: [1.0, 2.0], 2: [2.0, 1.0]})
    with pytest.raises(InputError, match="a layer is named labels, the name of the class labels"):
        mutual_information_matrix({"labels": [1.0, 2.0], "b": [2.0, 1.0]}, labels=[0, 1], k=1)


def test_only_what_is_of_this_matrix_is_gone_on_with():
    layers = {"a": [1.0, 2.0, 4.0, 7.0], "b": [2.0, 1.0, 3.0, 9.0]}
    kept = []
    mutual_information_matrix(layers, k=1, on_partial=kept.append)
    assert mutual_information_matrix(layers, k=1, resume=kept[0]).mi.shape == (2, 2)
    with pytest.raises(InputError, match="resume is of 3 pairs and k=1, and there are 3 with k=2"):
        mutual_information_matrix(layers, k=2, resume=kept[0])
    with pytest.raises(InputError, match="resume is of 3 pairs and k=1, and there are 6 with k=1"):
        mutual_information_matrix({**layers, "c": layers["a"]}, k=1, resume=kept[0])
    with pytest.raises(InputError, match="resume is str: give what an earlier call told to on_partial"):
        mutual_information_matrix(layers, k=1, resume="abc")


def test_other_measures_are_those_of_each_pair():
    layers = some_layers(n=120)
    plain = mutual_information_matrix(layers, error_bar=False)
    found = mutual_information_matrix(layers, error_bar=False, also=["knn", "cka"], standardize="columns")
    standardized = {name: layer / layer.std(axis=0) for name, layer in layers.items()}
    for a, b in itertools.product(range(4), range(4)):
        x, y = (standardized[f"layer{one}"] for one in (a, b))
        assert found.cka[a, b] == pytest.approx(float(similarity.cka(x, y)) if a != b else 1, abs=1e-6)
        assert found.knn[a, b] == (float(similarity.neighbour_overlap(x, y)) if a != b else 1)
    assert list(found.also) == ["cka", "knn"]
    assert {"cka", "knn"} & plain.to_dict().keys() == set()
    assert found.to_dict()["knn"] == found.knn.tolist()
    assert found._repr_html_().count("<table>") == 3
    assert mutual_information_matrix(layers, error_bar=False, also="cka").knn is None


def test_other_measures_take_what_the_matrix_takes():
    layers = some_layers(n=60)
    layers["layer1"][:7, 0] = np.nan
    found = mutual_information_matrix(layers, missing="drop", also=("cka", "knn"))
    kept = {name: layer[7:] for name, layer in layers.items()}
    assert found.cka[1, 2] == found.cka[2, 1] == float(similarity.cka(kept["layer1"], kept["layer2"]))
    assert found.cka[0, 2] == float(similarity.cka(layers["layer0"], layers["layer2"]))
    assert found.knn[1, 2] == float(similarity.neighbour_overlap(kept["layer1"], kept["layer2"]))
    grouped = mutual_information_matrix(some_layers(n=60), groups=np.arange(60) // 3, also="cka")
    assert grouped.notes[-1].startswith("cka: rows that belong together are treated as independent here")
    constant = mutual_information_matrix({"a": np.ones(60), "b": np.arange(60.0)}, also=["cka", "knn"])
    assert constant.cka[0, 1] == 0
    assert sum(note.startswith("a is constant") for note in constant.notes) == 3
    for also, message in [("ckas", "also is 'ckas': it must be one of cka, knn"), (3, "also is 3: give measures")]:
        with pytest.raises(InputError, match=message):
            mutual_information_matrix(some_layers(n=60), also=also)


def test_missing_labels_and_groups_are_left_out_of_a_matrix():
    rng = np.random.default_rng(0)
    layers = {name: rng.standard_normal((200, 2)) for name in "ab"}
    labels = np.where(layers["a"][:, 0] > 0, "yes", "no").astype(object)
    labels[3] = None
    found = mutual_information_matrix(layers, labels=labels, missing="drop")
    assert found.mi[0, 1] == mutual_information(layers["a"], layers["b"]).mi
    by_hand = mutual_information(layers["a"], labels, estimator="ross", missing="drop")
    assert found.with_labels[0] == by_hand.mi
    groups = np.repeat(np.arange(40.0), 5)
    groups[7] = np.nan
    found = mutual_information_matrix(layers, groups=groups, missing="drop")
    by_hand = mutual_information(layers["a"], layers["b"], groups=groups, missing="drop")
    assert (found.mi[0, 1], found.pair_samples[0, 1], found.k, found.ceiling) == (by_hand.mi, 199, by_hand.k, by_hand.ceiling)


def test_all_pairs_of_a_matrix_have_the_recorded_k_where_values_are_missing():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(10), 40)
    layers = {name: rng.standard_normal((400, dim)) for name, dim in (("a", 1), ("b", 1), ("c", 4))}
    layers["b"][0] = np.nan
    found = mutual_information_matrix(layers, groups=groups, missing="drop")
    assert found.k == mutual_information_matrix({**layers, "b": layers["a"] + 1}, groups=groups).k == 10
    by_hand = mutual_information(layers["a"], layers["b"], groups=groups, missing="drop", k=10)
    assert found.mi[0, 1] == by_hand.mi


def test_a_matrix_with_rows_left_out_pair_by_pair_is_not_resumed():
    layers = {name: np.random.default_rng(0).standard_normal((50, 1)) for name in "ab"}
    states = []
    mutual_information_matrix(layers, on_partial=states.append)
    layers["b"][0] = np.nan
    with pytest.raises(InputError, match="cannot be resumed: leave resume out"):
        mutual_information_matrix(layers, missing="drop", resume=states[-1])
