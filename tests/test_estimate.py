"""The estimate: against closed forms, an independent program, and the symmetries that it must have."""

import dataclasses
import json

import npeet_plus
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma

import awkward
import oracle
from mi_core import InputError, _formula, _notes, _prepare, backends, mutual_information

SEEDS = range(20)


def mean_and_stderr(draw, **options):
    """Mean over seeds of the estimate in nats, and the standard error of that mean."""
    estimates = [mutual_information(*draw(np.random.default_rng(seed)), units="nats", **options).mi for seed in SEEDS]
    return np.mean(estimates), np.std(estimates, ddof=1) / np.sqrt(len(estimates))


def assert_within_three_standard_errors(draw, truth, **options):
    mean, stderr = mean_and_stderr(draw, **options)
    assert abs(mean - truth) < 3 * stderr, f"{mean:.4f} +- {stderr:.4f}, truth {truth:.4f}"


# Closed forms


def test_gaussian_1d():
    assert_within_three_standard_errors(lambda rng: awkward.correlated(rng, 2000, 1, rho=0.9), -0.5 * np.log(1 - 0.9**2))


def test_gaussian_5d():
    """Where KSG is unbiased: in 5+5 dimensions only for weak dependence (strong dependence reads low)."""
    assert_within_three_standard_errors(lambda rng: awkward.correlated(rng, 2000, 5, rho=0.1), -2.5 * np.log(1 - 0.1**2))


def test_gamma_exponential():
    """Darbellay & Vajda 2000: x ~ Gamma(s), y | x ~ Exponential with rate x has psi(s) - log(s) + 1/s nats."""
    shape = 3.0

    def draw(rng):
        x = rng.gamma(shape, size=2000)
        return x, rng.exponential(1 / x)

    assert_within_three_standard_errors(draw, digamma(shape) - np.log(shape) + 1 / shape)


@pytest.mark.parametrize("pieces", [2, 3])
def test_uniform_on_disjoint_squares(pieces):
    """Which of m squares on the diagonal a point lies in is all that x and y share: log m nats."""

    def draw(rng):
        piece = 2 * rng.integers(0, pieces, 2000)
        return piece + rng.random(2000), piece + rng.random(2000)

    assert_within_three_standard_errors(draw, np.log(pieces))


def test_independent_sides_have_none():
    assert_within_three_standard_errors(lambda rng: awkward.gaussian(rng, 1000, 2, 2), 0.0)


# Independent programs


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("name", ["1+1", "2+3", "5+5", "24+16", "wider than long"])
def test_equals_npeet_without_its_noise(name, k, monkeypatch):
    monkeypatch.setattr(npeet_plus.estimators, "add_noise", lambda points, intens=0.0: points)
    x, y = awkward.CASES[name]
    theirs = npeet_plus.mi(x, y, k=k, base=np.e)
    assert mutual_information(x, y, k=k, units="nats").mi == pytest.approx(theirs, abs=1e-10)


@pytest.mark.parametrize("name", sorted(awkward.CASES.keys() - {"all points equal"}))  # of constants it is 0
def test_equals_the_oracle(name):
    x, y = awkward.CASES[name]
    assert mutual_information(x, y, k=1, units="nats").mi == pytest.approx(
        oracle.ksg1(x, y, 1, few_ties=name == "one outlier"), abs=1e-12
    )


# Symmetries


@st.composite
def continuous_pairs(draw):
    """Samples without ties, of random sizes, dimensions and dependence."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, dim_x, dim_y = draw(st.integers(8, 60)), draw(st.integers(1, 6)), draw(st.integers(1, 6))
    x, y = awkward.gaussian(rng, n, dim_x, dim_y)
    y += draw(st.sampled_from([0.0, 1.0, 100.0])) * x[:, :1]
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    return x.astype(dtype), y.astype(dtype), draw(st.integers(1, 7)), rng


def estimate(x, y, k, **options):
    return mutual_information(x, y, k=k, **options).mi


@given(continuous_pairs())
@settings(deadline=None, max_examples=50)
def test_symmetries(pair):
    x, y, k, rng = pair
    mi = estimate(x, y, k)
    assert estimate(y, x, k) == mi
    rows = rng.permutation(len(x))
    assert estimate(x[rows], y[rows], k) == pytest.approx(mi, abs=1e-12)  # only the order of summation changes
    assert estimate(x[:, ::-1], y, k) == mi
    assert estimate(np.column_stack([x, x[:, 0]]), y, k) == mi
    signs = rng.choice([-1, 1], x.shape[1]).astype(x.dtype)
    assert estimate(x * signs, y, k) == mi
    assert estimate(x * x.dtype.type(2.0**9), y * y.dtype.type(2.0**9), k) == mi


@given(continuous_pairs())
@settings(deadline=None, max_examples=50)
def test_never_above_the_ceiling_without_ties(pair):
    x, y, k, _ = pair
    for other in (y, x):
        result = mutual_information(x, other, k=k)
        assert result.mi <= result.ceiling + 1e-12
    assert mutual_information(x[:, :1], x[:, :1], k=1).mi == pytest.approx(mutual_information(x, y, k=1).ceiling, abs=1e-12)


# Options


def test_units():
    x, y = awkward.CASES["1+1"]
    bits, nats = mutual_information(x, y), mutual_information(x, y, units="nats")
    assert bits.units == "bits"
    for name in ("mi", "ceiling"):
        assert getattr(bits, name) * np.log(2) == pytest.approx(getattr(nats, name), rel=1e-14)


def test_local_values_have_the_estimate_as_their_mean():
    x, y = awkward.CASES["2+3"]
    result = mutual_information(x, y, return_local=True)
    assert result.local_mi.shape == (len(x),)
    assert result.local_mi.mean() == pytest.approx(result.mi, abs=1e-14)
    assert mutual_information(x, y).local_mi is None


def test_several_k_equal_single_ones():
    x, y = awkward.CASES["5+5"]
    for result in mutual_information(x, y, k=[10, 3]):
        assert result.mi == mutual_information(x, y, k=result.k).mi


def test_coincident_samples_touch_no_larger_k():
    """Two samples that coincide are ties for k=1 alone, beside which k=3 is what it is by itself."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((2, 400, 2))
    x[1], y[1] = x[0], y[0]
    x[2:6] = x[2:6].round(1)
    first, third = mutual_information(x, y, k=[1, 3], return_local=True)
    np.testing.assert_array_equal(third.local_mi, mutual_information(x, y, k=3, return_local=True).local_mi)
    np.testing.assert_array_equal(first.local_mi, mutual_information(x, y, k=1, return_local=True).local_mi)


def test_a_verdict_seeks_the_larger_k_with_the_estimate(monkeypatch):
    x, y = awkward.CASES["5+5"]
    expected = [mutual_information(x, y, k=k, error_bar=False).mi for k in (2, 8)]
    sought, count = [], backends.neighbour_counts

    def noted(parts, sides, ks, **options):
        sought.append((len(parts[0]), ks))
        return count(parts, sides, ks, **options)

    monkeypatch.setattr(backends, "neighbour_counts", noted)
    result = mutual_information(x, y, k=2, diagnose=True)
    assert [result.mi, result.mi + result.reliability.drift_k] == pytest.approx(expected, abs=1e-12)
    assert sought[0] == (len(x), (2, 8))
    assert not any(8 in ks for _, ks in sought[1:])


def test_result_is_a_frozen_record():
    x, y = awkward.CASES["2+3"]
    result = mutual_information(x, y, k=np.int64(4), noise=np.float32(1e-9), seed=np.int64(7), threads=np.int32(1))
    assert float(result) == result.mi
    assert (result.k, result.n_samples, result.dim_x, result.dim_y, result.seed) == (4, 150, 2, 3, 7)
    assert mutual_information(x, y, seed=7, error_bar=False).seed is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.mi = 0.0
    record = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert record["mi"] == result.mi
    assert "local_mi" not in record


def test_standardizing_sides_divides_each_by_its_spread():
    x, y = awkward.CASES["2+3"]
    by_hand = [side / np.sqrt(side.var(axis=0).mean()) for side in (x, 1e6 * y)]
    expected = mutual_information(*by_hand).mi
    assert mutual_information(x, 1e6 * y, standardize="sides").mi == pytest.approx(expected, abs=1e-12)
    assert mutual_information(x, 1e6 * y).mi != pytest.approx(expected, abs=0.01)


def test_standardizing_columns_brings_each_to_variance_one():
    x, y = awkward.CASES["columns of many scales"]
    by_hand = [side / side.std(axis=0) for side in (x, y)]
    assert mutual_information(x, y, standardize="columns").mi == pytest.approx(mutual_information(*by_hand).mi, abs=1e-12)


@pytest.mark.parametrize("how", ["sides", "columns"])
@pytest.mark.parametrize("name", ["a constant column", "near the end of float64", "denormals", "offset 1e8", "one outlier"])
def test_standardizing_survives_extreme_values(name, how):
    x, y = awkward.CASES[name]
    assert np.isfinite(mutual_information(x, y, standardize=how).mi)


def test_a_constant_column_changes_nothing_when_columns_are_standardized():
    x, y = awkward.CASES["2+3"]
    with_constant = np.column_stack([x, np.full(len(x), 0.1)])
    plain = mutual_information(x, y, standardize="columns").mi
    assert mutual_information(with_constant, y, standardize="columns").mi == plain


@pytest.mark.parametrize("side", [0, 1])
def test_noise_is_added_to_both_sides(side):
    pair = list(awkward.gaussian(np.random.default_rng(0), 100, 2, 2))
    pair[side] = np.repeat(pair[side][:50], 2, axis=0)
    assert "exact copy" in notes_of(*pair)
    assert "exact copy" not in notes_of(*pair, noise=1e-6)


def test_standardizing_only_divides():
    """Nothing is subtracted, and whole numbers are not rounded at all."""
    x = np.random.default_rng(0).integers(0, 16, (400, 3)) * [1.0, 2.0, 4.0]
    for how in ("sides", "columns"):
        factors = x[x.all(axis=1)] / _prepare.standardize(x, how)[x.all(axis=1)]
        np.testing.assert_allclose(factors, np.broadcast_to(factors[0], factors.shape), rtol=4e-16)
        expected = np.sqrt(x.var(axis=0).mean()) if how == "sides" else x.std(axis=0)
        np.testing.assert_allclose(factors[0], np.broadcast_to(expected, 3), rtol=1e-7)


def test_noise_is_seeded_and_relative_to_the_spread():
    x, y = awkward.CASES["ReLU"]
    noisy = mutual_information(x, y, noise=1e-6, seed=1)
    assert mutual_information(x, y, noise=1e-6, seed=1).mi == noisy.mi
    assert mutual_information(x, y, noise=1e-6, seed=2).mi != noisy.mi
    scaled = mutual_information(2.0**20 * x, 2.0**20 * y, noise=1e-6, seed=1)
    assert scaled.mi == noisy.mi
    assert noisy.mi != mutual_information(x, y).mi


# Notes


def notes_of(x, y, **options):
    return " ".join(mutual_information(x, y, **options).notes)


def test_clean_narrow_data_has_no_notes():
    assert notes_of(*awkward.correlated(np.random.default_rng(0), 500, 1, rho=0.9)) == ""


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("ReLU 1+1", {}, "x has ties: "),
        ("ReLU", {"standardize": "columns"}, "x has ties: "),
        ("many zeros", {}, "of its values recur in their column"),
        ("offset 1e8", {"noise": 1e-12}, "The noise was lost in rounding"),
        ("duplicates in x alone", {}, "x has ties: 160 of 160 samples (100%) have an exact copy"),
        ("duplicates", {"k": 3}, "100% of the samples have an exact copy, in all sides together"),
        ("columns of many scales", {}, "distances in column 2 are typically"),
        ("columns of many scales", {}, 'standardize="columns", on the command line --standardize columns'),
        ("columns of many scales", {"standardize": "sides"}, 'standardize="columns"'),
        ("scales 1 and 1e6", {}, 'standardize="sides", on the command line --standardize sides'),
        ("scales 1 and 1e6", {}, "distances in y are typically"),
        ("24+16", {}, "24 + 16 dimensions"),
    ],
)
def test_notes_name_what_is_wrong(name, options, words):
    assert words in notes_of(*awkward.CASES[name], **options)


@pytest.mark.parametrize(("dim_y", "said"), [(5, False), (6, True)])
def test_the_note_on_dimensions_begins_beyond_ten(dim_y, said):
    assert ("index of dependence" in notes_of(*awkward.gaussian(np.random.default_rng(0), 100, 5, dim_y))) == said


@pytest.mark.parametrize(("scale", "said"), [(15, False), (1 / 15, False), (60, True), (1 / 60, True)])
def test_the_note_on_scales_begins_at_thirty(scale, said):
    x, y = awkward.gaussian(np.random.default_rng(0), 500, 2, 2)
    assert ("very different scales" in notes_of(x, y * scale)) == said


def test_an_outlier_does_not_make_scales_different():
    x, y = awkward.gaussian(np.random.default_rng(0), 500, 1, 1)
    x[7] = 1e9
    assert "scales" not in notes_of(x, y)
    assert "outliers may have set its spread" in notes_of(x, y, standardize="sides")


def test_equal_rows_are_found_whatever_the_sign_of_their_zeros():
    rows = np.random.default_rng(0).standard_normal((100, 3)).astype(np.float32)
    rows[:50, 1] = 0.0
    rows[50:] = rows[:50]
    rows[50:, 1] = -0.0
    assert _notes.repeated_rows(rows) == 100
    assert _notes.repeated_rows(rows[:50]) == 0
    assert _notes.repeated_rows(rows[:, 1:2]) == 100
    wide = np.random.default_rng(0).standard_normal((60, 40))
    assert _notes.repeated_rows(wide) == 0
    wide[:, ::5] = 0  # in the columns that are looked at first, all are alike
    assert _notes.repeated_rows(wide) == 0
    wide[7] = wide[3]
    assert _notes.repeated_rows(wide) == 2


@pytest.mark.parametrize(("share", "said"), [(0.95, True), (0.5, False)])
def test_a_note_begins_near_the_ceiling(share, said):
    """Half of the points of y are x itself, or nearly all of them."""
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 1000))
    y = np.where(rng.random(1000) < share, x, y)
    assert ("near the ceiling" in notes_of(x, y)) == said


def test_a_note_says_when_the_ceiling_is_near():
    x = np.random.default_rng(0).standard_normal(300)
    assert "near the ceiling of" in notes_of(x, x)


def test_a_note_explains_a_negative_estimate():
    negative = [
        result
        for seed in SEEDS
        if (result := mutual_information(*awkward.gaussian(np.random.default_rng(seed), 200, 1, 1))).mi < 0
    ]
    assert negative
    assert all("negative" in " ".join(result.notes) for result in negative)


def test_options_are_checked():
    x, y = awkward.CASES["1+1"]
    for options, message in [
        ({"units": "bit"}, "units is 'bit': it must be one of bits, nats."),
        ({"estimator": "ksg"}, "estimator is 'ksg'"),
        ({"standardize": "both"}, "standardize is 'both'"),
        ({"backend": "gpu"}, "backend is 'gpu'"),
        ({"noise": -1.0}, "noise is -1: it must be between 0 and 1000"),
        ({"noise": "much"}, "noise is 'much': it must be a number"),
        ({"seed": -1, "noise": 0.1}, "seed is -1: it must be at least 0"),
        ({"seed": 1.5}, "seed is 1.5: it must be a whole number"),
        ({"threads": 2.5}, "threads is 2.5: it must be a whole number"),
        ({"noise": float("nan")}, "noise is nan"),
        ({"threads": 0}, "threads is 0"),
    ]:
        with pytest.raises(InputError, match=message):
            mutual_information(x, y, **options)


def test_the_table_of_digamma_is_scipys():
    for n in (1, 2, 10, 100_000):
        np.testing.assert_allclose(_formula.psi_beyond(n), digamma(np.arange(1.0, n + 1)), rtol=0, atol=2e-14)


def test_noise_is_not_the_samples_of_the_same_seed_again():
    """Both sides of the samples are the first numbers of the default generator, as in many a script."""
    x, hidden = np.random.default_rng(0).standard_normal((2, 2000, 1))
    binary = (x + hidden > 0).astype(float)
    assert mutual_information(binary, binary.copy(), noise=1e-6, seed=0).mi == pytest.approx(1, abs=0.1)
    y = x + 0.5 * hidden
    by_seed = [mutual_information(x, y, noise=1.0, seed=seed, error_bar=False).mi for seed in range(6)]
    assert by_seed[0] == pytest.approx(np.mean(by_seed[1:]), abs=4 * np.std(by_seed[1:]))
