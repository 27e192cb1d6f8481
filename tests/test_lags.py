"""MI at lags and transfer entropy: closed forms, a slow reference, the null of shifts, and the commands."""

import json
import re

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov
from scipy.special import digamma
from test_cli import assert_refused, mi

import oracle
from benchmarks import jidt
from conftest import REPOSITORY
from mi_core import (
    InputError,
    conditional_mutual_information,
    lagged,
    mutual_information,
    transfer_entropy,
    uncertainty,
)
from mi_core._prepare import Prepared
from mi_core.lags import shifted_null
from mi_core.sampling import Series

COUPLED = np.array([[0.7, 0.0], [0.5, 0.6]])  # x drives y, one step later


def autoregression(seed, n, steps=COUPLED):
    """A Gaussian autoregression of order 1, from its stationary state: x, y."""
    noise = np.random.default_rng(seed).standard_normal((n + 200, 2))
    rows = np.zeros((n + 200, 2))
    for t in range(1, n + 200):
        rows[t] = steps @ rows[t - 1] + noise[t]
    return rows[200:].T


def covariances(wanted, steps=COUPLED):
    """Covariances of a stationary autoregression between values named as (series, time)."""
    now = solve_discrete_lyapunov(steps, np.eye(2))

    def between(a, b):
        later, earlier = (a, b) if a[1] >= b[1] else (b, a)
        return (np.linalg.matrix_power(steps, later[1] - earlier[1]) @ now)[later[0], earlier[0]]

    return np.array([[between(a, b) for b in wanted] for a in wanted])


def true_transfer(source, target, lag, history, source_history):
    """Transfer entropy in bits from determinants of covariances: Barnett, Barrett & Seth 2009."""
    present, past = [(target, 0)], [(target, -1 - back) for back in range(history)]
    other = [(source, -lag - back) for back in range(source_history)]
    blocks = [present + past, past, present + past + other, past + other]
    one, two, three, four = (np.linalg.slogdet(covariances(block))[1] for block in blocks)
    return (one - two - three + four) / 2 / np.log(2)


def true_lagged(lag):
    """MI in bits between x and y `lag` steps later."""
    both = covariances([(0, 0), (1, lag)])
    return -0.5 * np.log2(1 - both[0, 1] ** 2 / (both[0, 0] * both[1, 1]))


# Right values


@pytest.mark.parametrize(("lag", "history", "source_history"), [(1, 1, 1), (2, 1, 1), (1, 2, 2)])
def test_transfer_entropy_of_an_autoregression(lag, history, source_history):
    """Over draws of 4,000 rows the estimates spread by 0.015 bits around the truth, 0.24 and 0.08; backwards it is 0."""
    x, y = autoregression(0, 4000)
    lengths = {"lag": lag, "history": history, "source_history": source_history, "error_bar": False}
    truth = true_transfer(0, 1, lag, history, source_history)
    assert truth > 0.07
    assert abs(transfer_entropy(x, y, **lengths).transfer_entropy - truth) < 0.045
    assert abs(true_transfer(1, 0, 1, history, source_history)) < 1e-12
    assert abs(transfer_entropy(y, x, **lengths).transfer_entropy) < 0.045


def test_mi_at_lags_of_an_autoregression():
    lags = range(-6, 7)
    truth = np.array([true_lagged(lag) for lag in lags])
    x, y = autoregression(0, 4000)
    found = lagged(x, y, lags, error_bar=False)
    assert np.abs(found.mi - truth).max() < 0.12  # 3 standard deviations of the series themselves
    closed = lagged(x, y, lags, estimator="gaussian", error_bar=False)
    assert np.abs(closed.mi - truth).max() < 0.09
    assert closed.k is None
    assert np.abs(found.mi - closed.mi).max() < 0.06  # which see the same series
    assert found.peak in (1, 2)
    assert lags[truth.argmax()] in (1, 2)  # where y is later than x


def test_few_values_that_recur():
    """y is x one step earlier, flipped one time in ten: 1 - h(0.1) bits; over draws the plug-in spreads by 0.02."""
    rng = np.random.default_rng(0)
    x = rng.integers(2, size=3000)
    y = np.roll(x, 1) ^ (rng.random(3000) < 0.1)
    truth = 1 + 0.1 * np.log2(0.1) + 0.9 * np.log2(0.9)
    options = {"estimator": "discrete", "error_bar": False}
    assert transfer_entropy(x[:100], y[:100], **options).standardize == "none"
    assert abs(transfer_entropy(x, y, **options).transfer_entropy - truth) < 0.06
    assert abs(transfer_entropy(y, x, **options).transfer_entropy) < 0.01
    assert abs(lagged(x, y, [1], **options).mi[0] - truth) < 0.06


def test_the_lag_of_an_interaction_has_the_largest_transfer():
    """Wibral et al. 2013."""
    rng = np.random.default_rng(1)
    noise, x, y = rng.standard_normal(1500), np.zeros(1500), np.zeros(1500)
    for t in range(4, 1500):
        x[t] = 0.8 * x[t - 1] + rng.standard_normal()
        y[t] = 0.5 * y[t - 1] + 0.4 * x[t - 4] + 0.5 * noise[t]
    found = [transfer_entropy(x, y, lag, error_bar=False).transfer_entropy for lag in range(2, 7)]
    assert np.argmax(found) == 2
    assert found[2] > max(found[1], found[3]) + 0.05


def reference(x, y, lag, history, source_history, spacing, k, exclude):
    """Transfer entropy in nats, straight from the formula of Frenzel & Pompe 2007, row by row."""
    back = max(1 + (history - 1) * spacing, lag + (source_history - 1) * spacing)
    times = range(back, len(y))
    now = np.array([[y[t]] for t in times])
    past = np.array([[y[t - 1 - i * spacing] for i in range(history)] for t in times])
    other = np.array([[x[t - lag - i * spacing] for i in range(source_history)] for t in times])
    terms = []
    for i in range(len(times)):
        far = np.array([abs(i - j) > exclude for j in range(len(times))])
        in_now, in_past, in_other = (np.abs(side - side[i]).max(axis=1)[far] for side in (now, past, other))
        radius = np.sort(np.max([in_now, in_past, in_other], axis=0))[k - 1]
        n_xz, n_yz = (np.sum(np.maximum(side, in_past) < radius) for side in (in_other, in_now))
        terms.append(digamma(k) - digamma(n_xz + 1) - digamma(n_yz + 1) + digamma(np.sum(in_past < radius) + 1))
    return np.array(terms)


@pytest.mark.parametrize("lengths", [(1, 1, 1, 1), (3, 2, 2, 2), (2, 3, 1, 1)])
def test_transfer_entropy_is_that_of_a_slow_reference(lengths):
    x, y = autoregression(3, 90)
    options = dict(zip(("lag", "history", "source_history", "spacing"), lengths, strict=True))
    as_they_are = {"units": "nats", "standardize": "none", "error_bar": False}
    found = transfer_entropy(x, y, **options, k=4, exclude=6, return_local=True, **as_they_are)
    expected = reference(x, y, *lengths, 4, 6)
    np.testing.assert_allclose(found.local, expected, rtol=0, atol=1e-12)
    assert abs(found.transfer_entropy - expected.mean()) < 1e-12
    assert (found.n_samples, found.k, found.exclude) == (len(expected), 4, 6)
    assert (found.dim_x, found.dim_y, found.dim_z) == (lengths[2], 1, lengths[1])


def test_it_is_the_conditional_mi_of_the_histories():
    x, y = autoregression(0, 400)
    found = transfer_entropy(x, y, lag=2, history=2, k=[3, 6], standardize="none")
    pasts = np.column_stack([y[1:-1], y[:-2]])
    expected = conditional_mutual_information(x[:-2], y[2:], pasts, k=[3, 6], series=True, exclude=found[0].exclude)
    assert [(one.transfer_entropy, one.stderr) for one in found] == [(one.mi, one.stderr) for one in expected]
    assert found[0].exclude == mutual_information(x, y, series=True, error_bar=False).exclude


def test_each_lag_is_the_mi_of_what_overlaps():
    x, y = autoregression(0, 300)
    found = lagged(x, y, [-4, 0, 7], standardize="none")
    assert found.exclude == mutual_information(x, y, series=True, error_bar=False).exclude
    for place, (of_x, of_y) in enumerate(((x[4:], y[:-4]), (x, y), (x[:-7], y[7:]))):
        one = mutual_information(of_x, of_y, k=found.k, series=True, exclude=found.exclude)
        assert (found.mi[place], found.stderr[place], found.n_samples[place]) == (one.mi, one.stderr, one.n_samples)
    mirrored = lagged(y, x, [4, 0, -7], standardize="none", error_bar=False)
    np.testing.assert_array_equal(mirrored.mi, found.mi)


def test_an_estimate_agrees_with_the_oracle_at_a_lag():
    x, y = autoregression(0, 120)
    found = lagged(x, y, 3, k=3, exclude=1, units="nats", standardize="none", error_bar=False)
    apart = [oracle.distances(side) for side in (x[:-3], y[3:])]
    for side in apart:
        side[np.abs(np.subtract.outer(np.arange(117), np.arange(117))) <= 1] = np.inf
    radius = oracle.kth(np.maximum(*apart), 3)[:, np.newaxis]
    n_x, n_y = ((side < radius).sum(axis=1) for side in apart)
    countable = np.where(np.isin(np.arange(117), (0, 116)), 116, 115)
    expected = np.mean(digamma(3) + digamma(countable) - digamma(n_x + 1) - digamma(n_y + 1))
    assert abs(found.mi[0] - expected) < 1e-12


def test_labels_and_several_columns_have_lags_too():
    x, y = autoregression(0, 600)
    labels = np.where(np.roll(x, 2) > 0, "up", "down")
    found = lagged(np.column_stack([x, y]), labels, range(4), estimator="ross", error_bar=False)
    assert found.peak == 2
    assert (found.dim_x, found.dim_y) == (2, 1)
    both = transfer_entropy(np.column_stack([x, y]), np.column_stack([y, x]), history=2, error_bar=False)
    assert (both.dim_x, both.dim_y, both.dim_z) == (2, 2, 4)


# The null


def test_a_span_of_lags_is_kept_clear_of_the_shifts():
    sampling = Series(np.arange(100), 2, span=12)
    shifts = {int(sampling.surrogate(100, np.random.default_rng(seed))[0]) for seed in range(200)}
    assert (min(shifts), max(shifts)) == (17, 83)
    assert sampling.take(np.arange(50)).span == 12


def test_a_shifted_series_does_not_meet_itself():
    x = np.random.default_rng(0).standard_normal(100)
    found = lagged(x, x, range(-5, 6), permutations=60, error_bar=False)
    assert found.mi[5] > 3
    assert found.null.largest.max() < 1


def test_what_is_given_stays_with_the_target():
    x, y, z = np.arange(60.0).reshape(3, 20, 1)
    seen = []
    uncertainty.shuffled(
        lambda samples: seen.append(samples) or np.zeros(1),
        Prepared(x, y, z, sampling=Series(np.arange(20), 2)),
        (3,),
        5,
        0,
        nats=1.0,
        threads=1,
    )
    for samples in seen:
        assert samples.y is y
        assert samples.z is z
        assert 5 <= (samples.x[0, 0] - x[0, 0]) <= 15
        np.testing.assert_array_equal(np.sort(samples.x, axis=0), x)


@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_independent_series_are_seldom_called_dependent(memory):
    """The p-values are uniform: 20 draws have 5 at most 0.25 on average, and more than 12 in one of 5,000 sets of draws."""
    at_some_lag, of_transfer = [], []
    for seed in range(20):
        x, y = autoregression(seed, 250, memory * np.eye(2))
        options = {"permutations": 19, "error_bar": False, "seed": seed}
        at_some_lag.append(lagged(x, y, range(-1, 2), **options).null.p_corrected.min())
        of_transfer.append(transfer_entropy(x, y, **options).null.p_value)
    for p_values in (at_some_lag, of_transfer):
        assert 1 <= np.sum(np.array(p_values) <= 0.25) <= 12


def test_dependence_is_found_in_its_direction():
    x, y = autoregression(1, 600)
    options = {"permutations": 19, "error_bar": False}
    assert transfer_entropy(x, y, **options).null.p_value == 1 / 20
    assert transfer_entropy(y, x, **options).null.p_value > 0.1
    found = lagged(x, y, [-15, 1, 2], **options)
    assert found.null.p_corrected[0] > 0.1
    assert (found.null.p_corrected[1:] == 1 / 20).all()


def test_the_corrected_p_value_takes_the_largest_of_all_lags():
    shifted = np.array([[0.1, 0.5], [0.2, 0.1], [0.3, 0.2], [0.0, 0.1]])
    null = shifted_null(np.array([0.25, 0.6]), shifted, seed=7)
    np.testing.assert_allclose(null.p_value, [2 / 5, 1 / 5])
    np.testing.assert_allclose(null.p_corrected, [3 / 5, 1 / 5])
    np.testing.assert_allclose(null.largest, [0.5, 0.2, 0.3, 0.1])
    np.testing.assert_allclose(null.mean, [0.15, 0.225])
    assert null.threshold(0.2) == 0.5
    assert null.threshold(0.4) == 0.3
    assert null.threshold(0.05) is None


# Where others have published values


def test_the_comparison_with_jidt_is_of_all_its_values(tmp_path):
    """On made-up files, as the data belong to others; the page says what it gave on them."""
    rng = np.random.default_rng(0)
    for file in (jidt.COUPLED, jidt.NOISY, jidt.RANDOM):
        np.savetxt(tmp_path / file, rng.standard_normal((120, 4)))
    np.savetxt(tmp_path / jidt.HEART, rng.standard_normal((3550, 3)))
    found = list(jidt.compared(tmp_path))
    assert len(found) == len(jidt.TRENTOOL) + 2 * len(jidt.JIDT)
    source, target = (jidt.in_deviations(column) for column in np.loadtxt(tmp_path / jidt.NOISY).T[:2])
    expected = reference(source, target, 1, 1, 1, 1, 4, 0).mean()
    assert abs(next(ours for words, _, ours in found if words[:3] == (jidt.NOISY, "0, 1", "1, 1")) - expected) < 1e-12


def test_the_page_on_lags_shows_what_comes_out(tmp_path, monkeypatch):
    page = (REPOSITORY / "docs" / "lags.md").read_text(encoding="utf-8")
    shown = [line.split() for line in page.splitlines()]
    monkeypatch.chdir(tmp_path)
    exec(compile(page.split("```python\n")[1].split("```")[0], "lags.md", "exec"), {})
    for command in ("lagged wind.npy waves.npy --lags 4:6", "transfer wind.npy waves.npy --lag 5"):
        lines = [line.split() for line in mi(*command.split()).stdout.splitlines() if re.match(r"T\(|    [456] ", line)]
        assert lines
        for line in lines:
            assert line in [some[: len(line)] for some in shown]
    assert "reads 0.02 bits" in page
    assert abs(float(mi("transfer", "waves.npy", "wind.npy", "--lag", "5", "--quiet").stdout) - 0.02) < 0.005


# Records


def test_a_record_of_lags_is_plain_and_says_what_it_is():
    x, y = autoregression(0, 300)
    found = lagged(x, y, range(-3, 4), permutations=19, seed=5)
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["peak"] == found.peak == int(found.lags[found.mi.argmax()])
    assert record["lags"] == list(range(-3, 4))
    assert record["mi"] == found.mi.tolist()
    assert record["null"]["p_corrected"] == found.null.p_corrected.tolist()
    assert (record["seed"], record["units"], record["estimator"]) == (5, "bits", "ksg1")
    assert f"at lag {found.peak} (y later than x), p = 0.05 corrected for 7 lags" in repr(found)
    page = found._repr_html_()
    assert page.count("<tr") == 8
    assert "at a positive lag y later than x" in page
    np.testing.assert_array_equal(lagged(x, y, range(-3, 4), permutations=19, seed=5).null.largest, found.null.largest)
    bare = lagged(x, y, [2], error_bar=False)
    assert "LaggedMI(1 lag, largest " in repr(bare)
    assert (bare.seed, bare.null, bare.stderr) == (None, None, None)


def test_a_transfer_entropy_is_a_record_like_others():
    x, y = autoregression(0, 300)
    found = transfer_entropy(x, y, lag=2, permutations=3)
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["transfer_entropy"] == found.transfer_entropy == float(found)
    assert (record["lag"], record["null"]["permutations"]) == (2, 3)
    assert repr(found).startswith("TransferEntropyResult(")
    assert "1 of x, the newest 2 steps earlier; given 1 of y" in found._repr_html_()


def test_notes_are_said_once_with_their_lags():
    x, y = np.random.default_rng(0).standard_normal((2, 300))
    found = lagged(x, 1000 * y, range(-10, 11), standardize="none", error_bar=False)
    assert np.sum(found.mi < 0) > 3
    assert len(set(found.notes)) == len(found.notes)
    assert sum("negative" in note and " lags: lag " in note for note in found.notes) == 1
    assert sum("different scales" in note for note in found.notes) == 1
    scaled = transfer_entropy(x, 1000 * y, standardize="none", error_bar=False)
    assert any("different scales" in note for note in scaled.notes)
    assert any("1 + 1 + 12 dimensions" in note for note in transfer_entropy(x, y, history=12, error_bar=False).notes)


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_long_histories_whose_distances_tie_read_no_transfer(seed):
    """Two rows as many steps before and after a third are often equally far from it: their histories share values."""
    x, y = np.random.default_rng(seed).standard_normal((2, 200))
    found = transfer_entropy(x, y, history=100, error_bar=False)
    assert abs(found.transfer_entropy) < 0.01
    assert found.ceiling > 0.05
    assert not [note for note in found.notes if "explain ceiling" in note or "explain equal-distances" in note]
    rounded = transfer_entropy(x, y.round(1), history=100, error_bar=False)
    assert [note for note in rounded.notes if "explain equal-distances" in note]


def test_units_do_not_matter_unless_asked_for():
    """Left as they are, the smaller series counts for nothing, and a strong transfer reads 0."""
    x, y = autoregression(0, 400)
    found = transfer_entropy(x, 1024 * y, error_bar=False)
    assert found.standardize == "sides"
    assert found.transfer_entropy == transfer_entropy(x, y, error_bar=False).transfer_entropy > 0.15
    assert not any("different scales" in note for note in found.notes)
    assert transfer_entropy(x, 1024 * y, standardize="none", error_bar=False).transfer_entropy < 0.01
    at_lags = lagged(x, 1024 * y, [1], error_bar=False)
    assert (at_lags.standardize, at_lags.mi[0]) == ("sides", lagged(x, y, [1], error_bar=False).mi[0])


def test_a_constant_series_tells_nothing():
    x = np.random.default_rng(0).standard_normal(200)
    still = np.zeros(200)
    found = lagged(x, still, range(-2, 3), permutations=3)
    assert (found.mi == 0).all()
    assert any("y is constant" in note for note in found.notes)
    for sides in ((x, still), (still, x)):
        one = transfer_entropy(*sides, permutations=3)
        assert one.transfer_entropy == 0
        assert any("is constant" in note for note in one.notes)


# What cannot be used, in one line each


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lags": []}, "lags is empty"),
        ({"lags": [1, 2, 1]}, "lags has 1 twice"),
        ({"lags": "1:3"}, "lags is '1:3'"),
        ({"lags": [0.5]}, "a lag is 0.5: it must be a whole number"),
        ({"lags": [-90]}, "lag -90 leaves 10 of 100 rows, and .* are the fewest .*: give lags of at most"),
        ({"lags": [300]}, "lag 300 leaves 0 of 100 rows"),
        ({"lags": [0], "k": 60, "exclude": 5}, "measure a longer series"),
        ({"lags": [0], "exclude": 26}, "it must be at most a quarter of them, 25"),
        ({"permutations": 9}, "permutations shifts one series by more than the lags"),
        ({"lags": [0], "exclude": 20, "permutations": 9}, "at least 6 independent units"),
        ({"lags": [0], "estimator": "lnc"}, "the estimator of MI at lags is 'lnc': it must be one of ksg1, mixture"),
    ],
)
def test_lags_that_cannot_be_used_are_refused_in_one_line(options, message):
    x, y = np.random.default_rng(0).standard_normal((2, 100))
    with pytest.raises(InputError, match=message) as caught:
        lagged(x, y, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lag": 0}, "lag is 0: it must be at least 1"),
        ({"history": 0}, "history is 0: it must be at least 1"),
        ({"spacing": 1.5}, "spacing is 1.5: it must be a whole number"),
        ({"lag": 95}, "lag 95 and the histories reach back 95 steps and leave 5 of 100 rows"),
        ({"history": 200}, "reach back 200 steps and leave 0 of 100 rows"),
        (
            {"estimator": "gaussian"},
            "the estimator of transfer entropy is 'gaussian': it must be one of ksg1, mixture, discrete",
        ),
        ({"exclude": 20, "permutations": 9}, "at least 6 independent units"),
    ],
)
def test_transfer_that_cannot_be_measured_is_refused_in_one_line(options, message):
    x, y = np.random.default_rng(0).standard_normal((2, 100))
    with pytest.raises(InputError, match=message) as caught:
        transfer_entropy(x, y, **options)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="x has 100 samples and y has 99"):
        transfer_entropy(x, y[1:])


# The commands


@pytest.fixture
def series(tmp_path, monkeypatch):
    """x.npy and y.npy in the current folder, and what they hold."""
    monkeypatch.chdir(tmp_path)
    x, y = autoregression(0, 300)
    np.save("x.npy", x)
    np.save("y.npy", y)
    return x, y


def test_mi_lagged_prints_and_draws_what_the_function_gives(series, tmp_path):
    found = lagged(*series, range(-2, 5), permutations=19)
    command = ("lagged", "x.npy", "y.npy", "--lags", "-2:4", "--permutations", "19")
    run = mi(*command, "--plot", "lags.svg")
    lines = run.stdout.splitlines()
    assert lines[0].startswith("I(x_t; y_(t + lag)): largest")
    assert "(y later than x), p = 0.05 corrected for 7 lags" in lines[0]
    assert lines[1].split() == ["lag", "mi", "p", "p,", "all", "lags"]
    assert [line.split()[:2] for line in lines[2:9]] == [
        [str(lag), f"{value:.4f}"] for lag, value in zip(range(-2, 5), found.mi, strict=True)
    ]
    assert (tmp_path / "lags.svg").read_text().startswith("<?xml")
    record = json.loads(mi(*command, "--json").stdout)
    assert (record["x"], record["mi"], record["null"]["p_value"]) == (
        "x.npy",
        found.mi.tolist(),
        found.null.p_value.tolist(),
    )
    listed = mi("lagged", "x.npy", "y.npy", "--lags", "5,-2:4:3", "--no-error-bar", "--json")
    assert json.loads(listed.stdout)["lags"] == [5, -2, 1, 4]


def test_mi_lagged_says_how_files_were_read_in_json_too(series):
    np.savetxt("s.csv", np.column_stack(series), header="a;b", delimiter=";", comments="")
    command = ("lagged", "s.csv:a", "s.csv:b", "--lags", "0")
    (note,) = [note for note in json.loads(mi(*command, "--json").stdout)["notes"] if "separator" in note]
    assert note.startswith("s.csv: semicolons separate its columns")
    assert mi(*command).stderr.count(note) == 1


def test_mi_transfer_prints_what_the_function_gives(series):
    found = transfer_entropy(*series, 2, 2, permutations=9)
    plain = float(mi("transfer", "x.npy", "y.npy", "--standardize", "none", "--quiet").stdout)
    assert plain == float(transfer_entropy(*series, standardize="none"))
    command = ("transfer", "x.npy", "y.npy", "--lag", "2", "--history", "2", "--permutations", "9")
    lines = mi(*command).stdout.splitlines()
    assert lines[0] == f"T(X -> Y) = {found}"
    assert "  histories     1 of x, the newest 2 steps earlier; given 2 of y" in lines
    assert any(line.startswith("9 shifts of the series read") for line in lines)
    record = json.loads(mi(*command, "--json").stdout)
    assert (record["transfer_entropy"], record["null"]["p_value"]) == (float(found), found.null.p_value)
    assert float(mi(*command, "--quiet").stdout) == float(found)
    assert mi(*command, "--local", "local.npy").exit_code == 0
    assert abs(np.load("local.npy").mean() - float(found)) < 1e-12


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("lagged", "x.npy", "y.npy", "--lags", "one"), "--lags is 'one': give a range like -20:20"),
        (("lagged", "x.npy", "y.npy", "--lags", "3:1"), "--lags has '3:1': give the smaller lag first"),
        (("lagged", "x.npy", "y.npy", "--lags", "0:999999999"), "--lags names more than 10,000 lags"),
        (("lagged", "x.npy", "y.npy", "--lags", "0:290"), "lag 290 leaves 10 of 300 rows"),
        (("lagged", "x.npy", "y.npy", "--plot", "x.npy"), "pictures are written as .png or .svg"),
        (("transfer", "x.npy", "y.npy", "--lag", "299"), "lag 299 and the histories reach back 299 steps"),
        (("transfer", "x.npy", "none.npy"), "none.npy"),
    ],
)
@pytest.mark.usefixtures("series")
def test_what_the_commands_refuse(command, message):
    run = mi(*command)
    assert message in run.stderr
    assert_refused(run)


def test_help_says_which_way_a_lag_goes():
    assert "At a positive lag Y is later than X" in " ".join(mi("lagged", "--help").stdout.split())
    assert "steps by which y is later than" in " ".join(mi("transfer", "--help").stdout.lower().split())
    for function in (lagged, transfer_entropy):
        assert "y is later than" in function.__doc__
