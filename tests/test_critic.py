"""The learned critic: what it finds that no linear direction shows, and that it claims nothing of independent data."""

import concurrent.futures
import pickle
import random
import sys

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

import mi_core
import trainer
from cli.main import app
from mi_core import InputError
from trainer import critic, keras_loader

N = 600


@pytest.fixture(scope="module")
def even():
    """Two sides of 3 columns. The first of y is that of x without its sign, with a little noise; the others are noise."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, N, 3))
    y[:, 0] = np.abs(x[:, 0]) + 0.1 * y[:, 0]
    return x, y


@pytest.fixture(scope="module")
def networks():
    """Encoders of 3 + 3 columns, compiled once for all tests that train them."""
    return critic.encoders(3, 3)


@pytest.fixture(scope="module")
def fitted(even, networks):
    """The critic of one call, by whose fits several tests are served."""
    told = []
    both = trainer.LearnedCritic(lambda *step: told.append(step))
    with pytest.MonkeyPatch.context() as quicker:
        quicker.setattr(critic, "STEPS", 120)
        quicker.setattr(critic, "encoders", lambda *dims: networks)
        directions = trainer.LearnedDirections(2, both)
        return both, told, mi_core.mutual_information(*even, lower_bound=both, reduce=directions, error_bar=False)


def test_an_even_function_is_found(even, fitted):
    """KSG between the two columns alone reads 1.9 bits; along linear directions there is nothing."""
    _, _, result = fitted
    assert result.lower_bound.kind == "learned"
    assert result.lower_bound.ceiling == pytest.approx(np.log2(N / 2))
    assert 0.8 < result.lower_bound.mi < 2.2
    assert 0.8 < result.reduced.mi < 2.2
    assert result.reduced.dim_x == result.reduced.dim_y == 2
    assert mi_core.mutual_information(*even, lower_bound=True).lower_bound.mi < 0.3


def test_bound_and_directions_share_their_training(fitted):
    both, told, _ = fitted
    assert len(both.fits) == 2
    assert told == [(step, 120) for step in range(20, 121, 20)] * 2


def test_nothing_is_claimed_of_independent_data(networks, monkeypatch):
    """A critic that beats none by chance alone is scaled to 0."""
    monkeypatch.setattr(critic, "STEPS", 60)
    monkeypatch.setattr(critic, "encoders", lambda *dims: networks)
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((2, 200, 3))
    assert trainer.learned_lower_bound(x, np.maximum(y, 0)).mi <= 0.02


def groups_of_their_own(n_groups, size):
    """Two sides of 3 columns that share nothing but which group a row is of: a critic can learn groups by heart."""
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(n_groups), size)
    x, y = 3 * rng.standard_normal((2, n_groups, 3))[:, groups] + rng.standard_normal((2, len(groups), 3))
    return x, y, groups


def test_groups_learned_by_heart_are_not_believed(networks, monkeypatch):
    monkeypatch.setattr(critic, "STEPS", 60)
    x, y, groups = groups_of_their_own(12, 15)
    believing, told = (critic.fit_critic(networks, x, y, np.random.default_rng(0), of) for of in (None, groups))
    assert believing.scale > 0
    assert told.scale == 0


@pytest.mark.parametrize("drawn", [{"groups": np.repeat(np.arange(4), 12)}, {"series": True, "exclude": 2}])
def test_halves_and_what_decides_in_them_part_no_group(drawn, networks, monkeypatch):
    parted, held_out = [], critic.held_out

    def looked_at(n, groups):
        rows = held_out(n, groups)
        parted.append((set(groups[rows]), set(groups[~rows])))
        return rows

    monkeypatch.setattr(critic, "STEPS", 20)
    monkeypatch.setattr(critic, "held_out", looked_at)
    monkeypatch.setattr(critic, "encoders", lambda *dims: networks)
    bound = trainer.learned_lower_bound(*np.random.default_rng(0).standard_normal((2, 48, 3)), **drawn)
    assert np.isfinite([bound.mi, bound.stderr]).all()
    assert len(parted) == 2
    (one, rest), (other, others) = parted
    for some, any_others in ((one, rest), (other, others), (one | rest, other | others)):
        assert some
        assert not some & any_others


def test_too_few_groups():
    with pytest.raises(InputError, match="a lower bound needs 2 parts of at least 2 groups or stretches"):
        trainer.learned_lower_bound(*np.random.default_rng(0).standard_normal((2, 48, 3)), groups=np.repeat(np.arange(3), 16))


def test_permutations_train_anew_for_each_shuffle(even, networks, monkeypatch):
    fits, fit_critic = [], critic.fit_critic
    monkeypatch.setattr(critic, "STEPS", 20)
    monkeypatch.setattr(critic, "encoders", lambda *dims: networks)
    monkeypatch.setattr(critic, "fit_critic", lambda *given: fits.append(fit_critic(*given)) or fits[-1])
    x, y = (side[:80] for side in even)
    result = mi_core.mutual_information(x, y, reduce=trainer.LearnedDirections(2), permutations=2, error_bar=False)
    assert result.reduced.null.permutations == 2
    assert len(fits) == 6
    with pytest.raises(InputError, match="permutations would train both networks anew for every shuffle"):
        critic.learned_mutual_information(x, y, permutations=2)


def test_weights_are_a_function_of_the_seed_and_leave_the_callers_generators_alone(even, networks, monkeypatch):
    monkeypatch.setattr(critic, "STEPS", 40)
    x, y = (side[:100] for side in even)
    keras.utils.set_random_seed(3)
    before = keras.layers.Dense(1).name, random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    one, other, same = (critic.fit_critic(networks, x, y, np.random.default_rng(seed)) for seed in (5, 6, 5))
    np.testing.assert_array_equal(one.unscaled(x, y)[0], same.unscaled(x, y)[0])
    assert not np.array_equal(one.unscaled(x, y)[0], other.unscaled(x, y)[0])
    assert random.getstate() == before[1]
    np.testing.assert_array_equal(np.random.get_state()[1], before[2])  # noqa: NPY002
    assert int(keras.layers.Dense(1).name.rpartition("_")[2]) == 1 + int(f"0{before[0][5:]}".replace("_", ""))


def test_inputs_are_normal_scores_by_the_samples_fitted_on():
    points = np.array([[0.0, 7.0], [1.0, 7.0], [1.0, 7.0], [5.0, 7.0]])
    scaled = critic.Scaler(points)(np.array([[0.0, 7.0], [1.0, 7.0], [1e300, 8.0], [-1e300, 0.0]]))
    assert scaled[:, 1].tolist() == [0, 0, 0, 0]  # a column without spread says nothing, whatever comes later
    assert scaled[1, 0] == pytest.approx(0, abs=1e-6)
    assert scaled[3, 0] < scaled[0, 0] < scaled[1, 0] < scaled[2, 0] <= critic.LARGEST_INPUT


def test_loss_is_the_cross_entropy_of_finding_partners():
    rng = np.random.default_rng(0)
    x, y, of_y = rng.standard_normal((5, 32)), rng.standard_normal((5, 32)), rng.standard_normal((5, 1))
    scores = x @ y.T + of_y.T
    likely = np.exp(scores)
    expected = -0.5 * np.log(np.diag(likely / likely.sum(axis=1, keepdims=True)) * np.diag(likely / likely.sum(axis=0)))
    got = keras.ops.convert_to_numpy(critic.loss(None, keras.ops.convert_to_tensor(np.hstack([x, y, of_y]))))
    np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_directions_are_the_singular_functions_of_the_score():
    rng = np.random.default_rng(0)
    of_x, of_y = rng.standard_normal((2, 200, 33))
    of_x[:, -1] = 1
    to_x, to_y = critic.strongest(of_x, of_y, 33)
    centred = (of_x - of_x.mean(axis=0)) @ (of_y - of_y.mean(axis=0)).T
    along_x, along_y = ((side - side.mean(axis=0)) @ to for side, to in ((of_x, to_x), (of_y, to_y)))
    strength = np.linalg.svd(centred, compute_uv=False)[:32]
    share = strength / strength[0]
    for along in (along_x[:, :32], along_y[:, :32]):
        np.testing.assert_allclose(along.T @ along / 200, np.diag(share**2), atol=1e-9)
    np.testing.assert_allclose(np.diag(along_x[:, :32].T @ centred @ along_y[:, :32]) / 200, strength * share**2)
    assert to_x.shape == to_y.shape == (33, 32)  # b(y) is centred away, and leaves no share to the last


def test_directions_too_weak_to_matter_are_left_out():
    x, y = np.random.default_rng(0).standard_normal((2, 200, 4)) * [3, 2, 0.2, 0]
    assert [to.shape for to in critic.strongest(x, y, 3)] == [(4, 2), (4, 2)]
    assert [to.shape for to in critic.strongest(x, y, 1)] == [(4, 1), (4, 1)]
    assert [to.shape for to in critic.strongest(0 * x, y, 3)] == [(4, 1), (4, 1)]  # a critic that has learned nothing


def test_held_out_rows_lie_together():
    rows = critic.held_out(1000)
    assert rows.sum() == 200
    assert np.flatnonzero(np.diff(rows.astype(int))).size == 20
    assert 1 <= critic.held_out(20).sum() <= 6


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (np.arange(39.0), np.arange(39.0), {}, "at least 40 samples, and there are 39"),
        (np.arange(50.0), np.ones(50), {}, "x or y is constant"),
        (np.arange(50.0), np.arange(50), {"estimator": "ross"}, "lower_bound needs continuous x and y"),
        (np.arange(50.0), np.arange(50.0), {"given": np.arange(50.0)}, "lower_bound needs continuous x and y"),
        (np.arange(50.0), np.arange(50.0), {"lower_bound": True}, "takes no option lower_bound"),
    ],
)
def test_wrong_input(x, y, options, message):
    with pytest.raises(InputError, match=message):
        trainer.learned_lower_bound(x, y, **options)


def test_wrong_settings():
    with pytest.raises(InputError, match="dim is 0: it must be at least 1"):
        trainer.LearnedDirections(0)
    with pytest.raises(InputError, match="give True or False, or a critic with a method fit"):
        mi_core.mutual_information(np.arange(50.0), np.arange(50.0), lower_bound="learned")


def test_a_side_of_other_columns_has_networks_of_its_own():
    x, y = np.random.default_rng(0).standard_normal((2, 60, 4))
    both = trainer.LearnedCritic()
    with pytest.MonkeyPatch.context() as quicker:
        quicker.setattr(critic, "fit_critic", lambda networks, *_: networks)
        shapes = [[side.shape[1] for side in both.fit(x, y[:, :m], np.random.default_rng(0)).inputs] for m in (1, 2, 1)]
    assert shapes == [[4, 1], [4, 2], [4, 1]]


def run(*words):
    return CliRunner().invoke(app, ["estimate", *map(str, words)])


def test_threads_that_share_a_critic_take_turns(networks, monkeypatch):
    monkeypatch.setattr(critic, "STEPS", 20)
    monkeypatch.setattr(critic, "scale_of", lambda *_: 1.0)
    monkeypatch.setattr(critic, "encoders", lambda *dims: networks)
    samples = np.random.default_rng(0).standard_normal((4, 2, 60, 3))

    def used(both, x, y):
        use = both.fit(x, y, np.random.default_rng(0))
        return [use(x, y)[0] for _ in range(5)]

    shared = trainer.LearnedCritic()
    expected = [used(shared, x, y)[0] for x, y in samples]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for found, alone in zip(pool.map(lambda sides: used(shared, *sides), samples), expected, strict=True):
            for one in found:
                np.testing.assert_array_equal(one, alone)
    assert pickle.loads(pickle.dumps(critic.Turns())).lock is not shared.turns.lock


@pytest.fixture
def files(tmp_path, even):
    for name, side in zip("xy", even, strict=True):
        np.save(tmp_path / f"{name}.npy", side[:200])
    return tmp_path / "x.npy", tmp_path / "y.npy"


def test_command(files, networks, monkeypatch):
    monkeypatch.setattr(critic, "STEPS", 20)
    monkeypatch.setattr(critic, "encoders", lambda *dims: networks)
    done = run(*files, "--learned")
    assert done.exit_code == 0, done.output
    assert "by networks that learned" in done.stdout
    assert "on 3 + 3 learned directions: " in done.stdout
    assert len(run(*files, "--learned", "--diagnose", "--quiet").stdout.splitlines()) == 2


@pytest.mark.parametrize(
    "beside", [("--labels",), ("--given", "z.npy"), ("--lower-bound",), ("--cca", 2), ("--permutations", 5)]
)
def test_what_does_not_go_with_it(files, beside):
    done = run(*files, "--learned", *beside)
    assert done.exit_code == 2
    assert "--learned does not go with" in done.stderr


def test_without_keras(files, monkeypatch):
    monkeypatch.setattr(keras_loader.importlib.util, "find_spec", lambda name: None)
    done = run(*files, "--learned")
    assert done.exit_code == 2
    assert "python -m pip install 'ksg-mi[train]'" in done.stderr
    assert "keras" in sys.modules  # of the tests themselves
