"""All pairs of layers at once: the same counts and estimates as one by one."""

import json

import numpy as np
import pytest

import awkward
from mi_core import InputError, matrix, mutual_information, mutual_information_matrix, neighbour_counts
from mi_core.backends.cpu.layer_pairs import pair_counts

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


def test_every_entry_is_the_estimate_of_its_pair():
    layers = some_layers()
    found = mutual_information_matrix(layers, k=4, units="nats", standardize="sides")
    assert found.names == tuple(layers)
    assert found.dims == (1, 3, 20, 8)
    np.testing.assert_array_equal(found.mi, found.mi.T)
    for a, x in enumerate(layers.values()):
        for b, y in enumerate(layers.values()):
            alone = mutual_information(x, y, k=4, units="nats", standardize="sides")
            assert found.mi[a, b] == pytest.approx(alone.mi, abs=1e-12)
    np.testing.assert_allclose(np.diag(found.mi), found.ceiling, atol=1e-12)


def test_standard_errors_are_those_of_the_pairs():
    layers = some_layers(n=400)
    found = mutual_information_matrix(layers, seed=5)
    alone = mutual_information(layers["layer1"], layers["layer2"], seed=5)
    assert found.stderr[1, 2] == found.stderr[2, 1] == pytest.approx(alone.stderr, rel=1e-9)
    assert mutual_information_matrix(layers, error_bar=False).stderr is None
    assert mutual_information_matrix(some_layers(n=50)).stderr is None


def test_progress_ends_at_the_end():
    told = []
    mutual_information_matrix(some_layers(), progress=lambda *state: told.append(state))
    assert told[-1] == (200 * 10, 200 * 10)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.parametrize("stop_at", [1, 4, 9])
def test_goes_on_where_it_was_stopped(stop_at):
    layers = some_layers()
    kept = []

    def keep(partial):
        kept.append(partial)
        if len(kept) == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mutual_information_matrix(layers, on_partial=keep)
    calls = []
    resumed = mutual_information_matrix(layers, resume=kept[-1], progress=lambda done, total: calls.append(done))
    assert calls[0] > kept[-1].rows.sum()
    np.testing.assert_allclose(resumed.mi, mutual_information_matrix(layers).mi, atol=1e-12)


def test_what_was_told_stays_as_it_was_and_is_told_at_most_twenty_times():
    kept = []
    whole = mutual_information_matrix(some_layers(), on_partial=kept.append)
    done = [int(partial.rows.sum()) for partial in kept]
    assert done == sorted(set(done))
    assert 5 < len(kept) <= matrix.STEPS
    np.testing.assert_allclose(mutual_information_matrix(some_layers(), resume=kept[2]).mi, whole.mi, atol=1e-12)


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
        np.testing.assert_allclose(mutual_information_matrix(layers).mi, usual, atol=1e-12)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"a": np.zeros((5, 2))}, "layers holds 1: give at least two"),
        ({"a": np.arange(5.0), "b": np.arange(6.0)}, "a has 5 samples and b has 6: all layers must be of the same samples"),
        ({"a": np.arange(5.0), "b": np.ones(5)}, "b is constant"),
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
    with pytest.raises(InputError, match="samples"):
        mutual_information_matrix(layers, labels=classes[1:])
