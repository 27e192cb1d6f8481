"""The verdict: right on clear cases, its signs measured as their names say."""

import dataclasses
import json

import numpy as np
import pytest

import awkward
from mi_core import _notes, mutual_information, reliability
from mi_core.results import Reliability


def judged(x, y, **options):
    return mutual_information(x, y, diagnose=True, **options).reliability


def correlated(n=1000, dim=1, rho=0.6, seed=0):
    return awkward.correlated(np.random.default_rng(seed), n, dim, rho)


# Verdicts


@pytest.mark.parametrize(("dim", "rho"), [(1, 0.0), (1, 0.6), (1, 0.9), (2, 0.5)])
def test_narrow_gaussians_are_trusted(dim, rho):
    found = judged(*correlated(5000, dim, rho))
    assert found.verdict == "trust"
    assert len(found.reasons) == 1


@pytest.mark.parametrize(
    ("make", "verdict", "words"),
    [
        (lambda rng: awkward.correlated(rng, 1000, 20, 0.8), "not bits", "Gaussian data of the same size"),
        (lambda rng: (x := rng.standard_normal(500), x), "not bits", "of the ceiling"),
        (lambda rng: tuple(np.repeat(side, 2, axis=0) for side in awkward.correlated(rng, 300, 1)), "not bits", "exact copy"),
        (lambda rng: tuple(np.round(side) for side in awkward.correlated(rng, 500, 4)), "not bits", "continuous data"),
        (lambda rng: (x := rng.standard_normal(500), 1e5 * x + 1e5 * rng.standard_normal(500)), "not bits", "standardise"),
    ],
)
def test_what_is_not_bits_is_called_so_with_the_reason(make, verdict, words):
    found = judged(*make(np.random.default_rng(0)))
    assert found.verdict == verdict
    assert words in " ".join(found.reasons)


def test_too_few_samples_to_see_a_drift_are_no_reason_to_trust():
    found = judged(*correlated(20))
    assert found.drift_n is None
    assert found.verdict != "trust"
    assert "20 samples are too few" in " ".join(found.reasons)


def test_a_large_standard_error_speaks_against():
    result = mutual_information(*correlated(170, rho=0.0), diagnose=True, k=1)
    assert result.stderr > 0.06
    assert "standard error" in " ".join(result.reliability.reasons)


@pytest.mark.parametrize("name", awkward.CASES)
def test_any_data_can_be_judged(name):
    x, y = awkward.CASES[name]
    if len(x) < 5 or name == "all points equal":
        pytest.skip("no estimate of several k")
    json.dumps(mutual_information(x, y, diagnose=True, k=2).to_dict(), allow_nan=False)


def test_the_verdict_is_seeded_and_has_the_unit_of_the_result():
    x, y = correlated(500)
    in_bits, in_nats = judged(x, y, seed=3), judged(x, y, seed=3, units="nats")
    assert judged(x, y, seed=3) == in_bits
    assert judged(x, y, seed=4).twin_mi != in_bits.twin_mi
    for field in ("twin_mi", "twin_truth", "drift_k", "drift_n"):
        assert getattr(in_nats, field) == pytest.approx(getattr(in_bits, field) * np.log(2), rel=1e-9, abs=1e-12)
    assert in_nats.verdict == in_bits.verdict


def test_each_k_and_the_reduced_estimate_have_their_own():
    x, y = correlated(400, dim=6)
    for result in mutual_information(x, y, k=[3, 5], diagnose=True, reduce="pca:2"):
        assert result.reliability.twin_truth != result.reduced.reliability.twin_truth


# Signs


FINE = Reliability(
    verdict="trust",
    reasons=(),
    ceiling_share=0.5,
    drift_k=0.0,
    implied_bias=0.0,
    drift_n=0.0,
    ranked_mi=2.0,
    repeated_samples=0.0,
    repeated_values=0.0,
    scale_ratio=1.0,
    intrinsic_dim=2.0,
    twin_mi=2.0,
    twin_truth=2.0,
)


def signs_of(stderr=0.1, **measured):
    """Words and gravity of the signs against an estimate of 2 bits, of which 0.4 are tolerated."""
    result = mutual_information(*correlated(100), error_bar=False)
    result = dataclasses.replace(result, mi=2.0, stderr=stderr, ceiling=4.0)
    return [(sign.reason, sign.is_gross) for sign in reliability.signs(dataclasses.replace(FINE, **measured), result)]


@pytest.mark.parametrize(
    ("field", "words", "fine", "caution", "grave", "gross"),
    [
        ("twin_mi", "whose MI is known to be 2.00 bits", 2.31, 2.33, 2.99, 3.01),
        ("twin_mi", "whose MI is known to be 2.00 bits", 1.69, 1.67, 1.01, 0.99),
        ("drift_n", "still grows with their number", 0.23, 0.25, 0.59, 0.61),  # less one standard error of 0.1
        ("drift_n", "still falls with their number", -0.23, -0.25, -0.59, -0.61),
        ("implied_bias", "suggests an error of", 0.29, 0.31, 1.19, 1.21),
        ("implied_bias", "suggests an error of", -0.29, -0.31, -1.19, -1.21),
        ("ranked_mi", "replaced by its ranks", 2.23, 2.25, 2.99, 3.01),
        ("ranked_mi", "replaced by its ranks", 1.77, 1.75, 1.01, 0.99),
        ("ceiling_share", "of the ceiling of 4.00 bits", 0.69, 0.71, 0.89, 0.91),
        ("repeated_samples", "of the samples of a side", 0.009, 0.011, 0.49, 0.51),
        ("repeated_values", "of the values of a side", 0.09, 0.11, 1.0, None),
        ("scale_ratio", "times those in the other", 29.0, 31.0, 299.0, 301.0),
        ("stderr", "Its standard error is", 0.17, 0.19, 9.0, None),
    ],
)
def test_each_sign_has_two_limits_of_its_own(field, words, fine, caution, grave, gross):
    assert signs_of(**{field: fine}) == []
    for value, is_gross in ((caution, False), (grave, False), (gross, True)):
        if value is not None:
            ((reason, found),) = signs_of(**{field: value})
            assert words in reason
            assert found == is_gross


def test_the_drift_with_k_is_up_to_as_many_neighbours_as_there_are():
    assert (reliability.larger_order(3, 100), reliability.larger_order(3, 10)) == (12, 9)


def test_what_is_tolerated():
    assert [reliability.tolerated(mi, "bits") for mi in (2.0, -2.0, 0.3)] == pytest.approx([0.4, 0.4, 0.1])
    assert [reliability.tolerated(mi, "nats") for mi in (2.0, 0.3)] == pytest.approx([0.4, 0.1 * np.log(2)])


def test_the_gravest_reason_comes_first():
    """A scale 400 times the other is beyond its gross limit, and so is what ranks change; 40 % of copies are not."""
    x, y = correlated(500)
    x, y = (np.vstack([side[:400], side[:100]]) for side in (x, 400 * y))
    found = judged(x, y)
    assert found.verdict == "not bits"
    words = "standardise the sides", "replaced by its ranks", "40% of the samples"
    places = [[some in reason for reason in found.reasons].index(True) for some in words]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("drift", "ratio", "dim", "bias"),
    [(0.3, 4.0, 2.0, 0.1), (-0.3, 4.0, 4.0, -0.3), (0.3, 2.0, 0.5, 0.1), (0.3, 1.0, 2.0, 0.0)],
)
def test_a_bias_grows_with_the_square_of_the_distance_to_the_neighbours(drift, ratio, dim, bias):
    """Four times as many lie twice as far in two dimensions: the bias grows by three times itself."""
    assert reliability.implied_bias(drift, ratio, dim) == pytest.approx(bias)


def test_drifts_are_differences_of_plain_estimates():
    x, y = correlated(600, dim=3, rho=0.9)
    result = mutual_information(x, y, diagnose=True, k=2)
    assert result.reliability.drift_k == pytest.approx(mutual_information(x, y, k=8).mi - result.mi, abs=1e-12)
    assert result.reliability.drift_n == pytest.approx(result.mi - result.by_size[0].mi, abs=1e-12)
    assert result.reliability.ceiling_share == pytest.approx(result.mi / result.ceiling, abs=1e-12)


def test_the_twin_has_size_scales_covariance_and_known_mi():
    rng = np.random.default_rng(0)
    x, y = awkward.correlated(rng, 20_000, 3, 0.7)
    x = x @ rng.standard_normal((3, 3)) * [1.0, 1e3, 1e-3]
    twin_x, twin_y, nats = reliability.gaussian_twin(x, y, 0.0, 6.0, rng)
    assert (twin_x.shape, twin_y.shape) == (x.shape, y.shape)
    assert nats == pytest.approx(-1.5 * np.log(1 - 0.7**2), rel=0.05)
    mine, given = (np.corrcoef(np.hstack(sides), rowvar=False) for sides in ((twin_x, twin_y), (x, y)))
    np.testing.assert_allclose(mine, given, atol=0.04)
    factor = x.std(axis=0).max()
    np.testing.assert_allclose(factor * twin_x.std(axis=0), x.std(axis=0), rtol=0.04)
    np.testing.assert_allclose(factor * twin_y.std(axis=0), y.std(axis=0), rtol=0.04)
    # the closed form of its own sample covariance, by determinants
    joint = np.cov(np.hstack([twin_x, twin_y]) / np.hstack([twin_x, twin_y]).std(axis=0), rowvar=False)
    by_determinants = 0.5 * np.log(np.linalg.det(joint[:3, :3]) * np.linalg.det(joint[3:, 3:]) / np.linalg.det(joint))
    assert nats == pytest.approx(by_determinants, rel=0.05)


def test_the_twin_of_nonlinear_dependence_has_the_mi_that_was_estimated():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(2000)
    y = x**2 + 0.1 * rng.standard_normal(2000)
    _, _, nats = reliability.gaussian_twin(x[:, None], y[:, None], 1.8, 2.0, rng)
    assert nats == pytest.approx(1.8)


def equal_correlations():
    """Three canonical correlations of just 0.6, so that any turn of their directions is as good as any other."""
    wave = np.array([[1.0]])
    for _ in range(6):
        wave = np.block([[wave, wave], [wave, -wave]])
    return wave[:, 1:4], 0.6 * wave[:, 1:4] + 0.8 * wave[:, 4:7]


@pytest.mark.parametrize("sides", [equal_correlations(), awkward.CASES["5+5"], awkward.CASES["a constant column"]])
def test_a_twin_does_not_depend_on_the_choice_of_directions(sides):
    """Other orders of samples add up differently, as another BLAS does, and turn and mirror the directions that come out."""
    x, y = sides
    order = np.random.default_rng(3).permutation(len(x))
    twins = [reliability.gaussian_twin(*some, 0.0, 4.0, np.random.default_rng(0)) for some in ((x, y), (x[order], y[order]))]
    for one, other in zip(*twins, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)  # correlations of at most 0.9 lose no digits


def test_a_twin_of_more_columns_than_samples_exists():
    rng = np.random.default_rng(0)
    x, y = awkward.gaussian(rng, 30, 50, 40)
    x[:, 7] = 3.0  # a dead unit
    twin_x, twin_y, nats = reliability.gaussian_twin(x, y, 0.5, 20.0, rng)
    assert (twin_x.shape, twin_y.shape) == ((30, 49), (30, 40))
    assert np.isfinite(nats)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_the_intrinsic_dimension_is_that_of_the_sheet(dim):
    rng = np.random.default_rng(0)
    latent = rng.standard_normal((2000, dim))
    x, y = latent @ rng.standard_normal((dim, 12)), latent @ rng.standard_normal((dim, 9))
    assert reliability.intrinsic_dimension(x, y, rng) == pytest.approx(dim, rel=0.2)


def test_shares_of_ties():
    x, y = awkward.CASES["ReLU"]
    found = judged(x, y)
    assert found.repeated_values == pytest.approx(max(_notes.share_of_repeated_values(side) for side in (x, y)))
    assert 0.3 < found.repeated_values < 0.7
    assert 0 < found.repeated_samples < 0.3
    assert judged(*awkward.CASES["duplicates in x alone"]).repeated_samples == 1
