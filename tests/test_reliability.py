"""The verdict: right on clear cases, its signs measured as their names say."""

import dataclasses
import json
import re

import numpy as np
import pytest

import awkward
from conftest import REPOSITORY
from mi_core import _notes, mutual_information, reliability, twins
from mi_core._prepare import Prepared
from mi_core.results import LowerBound, Reliability
from mi_core.sampling import INDEPENDENT
from mi_core.seeds import generator


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
        (lambda rng: tuple(np.round(side) for side in awkward.correlated(rng, 500, 1)), "caution", "taken in any order"),
        (
            lambda rng: tuple(np.round(side) for side in awkward.correlated(rng, 500, 4)),
            "not bits",
            "along 4 shared directions",
        ),
        (lambda rng: (x := rng.standard_normal(500), 1e5 * x + 1e5 * rng.standard_normal(500)), "not bits", "standardise"),
    ],
)
def test_what_is_not_bits_is_called_so_with_the_reason(make, verdict, words):
    found = judged(*make(np.random.default_rng(0)))
    assert found.verdict == verdict
    assert words in " ".join(found.reasons)


@pytest.mark.parametrize(("freedom", "dim", "change"), [(1, 2, np.asarray), (2, 3, np.arcsinh)])
def test_a_scale_that_both_sides_share_is_not_trusted(freedom, dim, change):
    """Uncorrelated Student-t columns: all MI is in the common scale, 0.62 and 0.42 bits, of which the estimate reads half."""
    rng = np.random.default_rng(0)
    tails = np.sqrt(freedom / rng.chisquare(freedom, (2000, 1)))
    x, y = (change(tails * side) for side in rng.standard_normal((2, 2000, dim)))
    found = judged(x, y)
    assert found.verdict != "trust"
    assert "by the samples' distances from the middle" in " ".join(found.reasons)


def test_an_estimate_below_the_lower_bound_is_not_bits():
    """Five columns a side of weak correlation: 1.0 bit, of which the estimate for k=10 reads 0.5."""
    found = judged(*correlated(1000, dim=5, rho=0.5), k=10)
    assert found.verdict == "not bits"
    assert "measured held out, along 5 shared directions" in " ".join(found.reasons)


def test_too_few_samples_to_see_a_drift_or_chance_are_no_reason_to_trust():
    for n, has_halves in ((20, False), (50, True)):
        result = mutual_information(*correlated(n), diagnose=True)
        assert result.stderr is None
        assert (result.reliability.drift_n is not None) == has_halves
        assert result.reliability.verdict != "trust"
        assert f"{n} samples are too few" in " ".join(result.reliability.reasons)


def test_chance_alone_does_not_speak_against_a_number_that_says_how_far_it_may_be_off():
    """Standard errors near 0.07 bits, so that two of them are more than is tolerated: most of 12 draws are still trusted."""
    results = [mutual_information(*correlated(300, rho=0.3, seed=seed), diagnose=True) for seed in range(12)]
    trusted = [result for result in results if result.reliability.verdict == "trust"]
    assert len(trusted) >= 8
    assert np.mean([2 * result.stderr for result in trusted]) > 0.1
    assert f"may be off by {2 * trusted[0].stderr:.2f} bits" in trusted[0].reliability.reasons[0]
    assert signs_of(stderr=5.0) == []


def test_right_is_what_trust_promises():
    def right(mi, stderr):
        return reliability.is_right(mi, 2.0, stderr, "bits")

    assert [right(2.39, 0.1), right(2.41, 0.1), right(2.41, 0.21), right(1.59, None)] == [True, False, True, False]


# Where z is given


def common_cause(n, weight, noise, dim, seed=0):
    """Both sides depend on the sum of z's columns, and on nothing else."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n, dim))
    x, y = (weight * z.sum(axis=1) + noise * own for own in rng.standard_normal((2, n)))
    return {"x": x, "y": y, "given": z}


def test_a_strong_common_cause_in_three_dimensions_is_not_trusted():
    """Reads 0.18 bits where the truth is 0."""
    result = mutual_information(**common_cause(500, 1.0, 0.3, 3), diagnose=True)
    assert result.mi > 0.12
    assert result.reliability.verdict != "trust"


def test_a_weak_common_cause_in_one_dimension_is_trusted():
    found = judged(**common_cause(2000, 0.5, 1.0, 1))
    assert found.verdict == "trust"


def test_no_lower_bound_is_known_where_z_is_given():
    assert mutual_information(**common_cause(200, 0.5, 1.0, 1), diagnose=True).lower_bound is None


def test_the_ties_and_scales_of_what_is_given_count():
    samples = common_cause(600, 0.5, 1.0, 1)
    assert judged(**samples | {"given": np.round(samples["given"], 1)}).repeated_values > 0.5
    assert judged(**samples | {"given": 1e3 * samples["given"]}).scale_ratio > 300


def test_the_twin_given_z_has_the_joint_covariance_and_known_conditional_mi():
    rng = np.random.default_rng(0)
    common = rng.standard_normal((40_000, 6))
    x, y, z = (common @ rng.standard_normal((6, dim)) for dim in (2, 2, 1))
    twin, nats = twins.gaussian_twin(Prepared(x, y, z), 0.0, 5.0, rng)
    given, mine = (np.cov(np.hstack(list(some.sides().values())), rowvar=False) for some in (Prepared(x, y, z), twin))
    factor = np.sqrt(mine[0, 0] / given[0, 0])
    np.testing.assert_allclose(mine / factor**2, given, atol=0.05 * np.diag(given).max())

    def determinant(*places):
        return np.linalg.det(given[np.ix_(places, places)])

    by_determinants = 0.5 * np.log(
        determinant(0, 1, 4) * determinant(2, 3, 4) / determinant(4) / determinant(*range(5))
    )  # Frenzel & Pompe 2007, by entropies of Gaussians
    assert nats == pytest.approx(by_determinants, rel=0.02)


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


@pytest.mark.parametrize(
    ("row", "limits"),
    [
        ("Gaussian twin", (reliability.TWIN, reliability.TWIN_GROSS)),
        ("drift with N", (reliability.DRIFT_N, reliability.DRIFT_N_GROSS)),
        ("drift with k", (reliability.IMPLIED_BIAS, reliability.IMPLIED_BIAS_GROSS)),
        ("ranks", (reliability.RANKED, reliability.RANKED_GROSS)),
        ("lower bound", (reliability.BOUND, reliability.BOUND_GROSS)),
        ("ceiling", (100 * reliability.CEILING, 100 * reliability.CEILING_GROSS)),
        ("scales", (_notes.SCALE_RATIO, reliability.SCALE_RATIO_GROSS)),
    ],
)
def test_the_documentation_has_the_limits(row, limits):
    (line,) = re.findall(rf"^\| {row} \|.*$", (REPOSITORY / "docs" / "trust.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert tuple(float(re.match(r" ([\d.]+)", cell)[1]) for cell in line.split("|")[3:5]) == pytest.approx(limits)


FINE = Reliability(
    verdict="trust",
    reasons=(),
    ceiling_share=0.5,
    drift_k=0.0,
    implied_bias=0.0,
    drift_n=0.0,
    part_size=25,
    ranked_mi=2.0,
    repeated_samples=0.0,
    repeated_values=0.0,
    scale_ratio=1.0,
    larger_k=12,
    resemblance=0.0,
    surrogates_mi=None,
    intrinsic_dim=2.0,
    twin_mi=2.0,
    twin_truth=2.0,
)


def signs_of(stderr=0.1, at_least=0.5, **measured):
    """Words and gravity of the signs against an estimate of 2 bits, of which 0.4 are tolerated."""
    result = mutual_information(*correlated(100), error_bar=False)
    bound = LowerBound(at_least, 0.1, 5.0, "bits", "directions", 3)
    result = dataclasses.replace(result, mi=2.0, stderr=stderr, ceiling=4.0, lower_bound=bound)
    return [(sign.reason, sign.is_gross) for sign in reliability.signs(dataclasses.replace(FINE, **measured), result)]


@pytest.mark.parametrize(
    ("field", "words", "fine", "caution", "grave", "gross"),
    [
        ("twin_mi", "whose MI is known to be 2.00 bits", 2.40, 2.41, 3.08, 3.09),  # less 0.85 standard errors of 0.1
        ("twin_mi", "whose MI is known to be 2.00 bits", 1.60, 1.59, 0.92, 0.91),
        ("drift_n", "still grows with their number", 0.51, 0.53, 1.14, 1.16),  # 0.41 of it is from half of the samples
        ("drift_n", "still falls with their number", -0.51, -0.53, -1.14, -1.16),
        ("implied_bias", "suggests an error of", 0.29, 0.3, 1.41, 1.42),  # less a third of 0.43 standard errors
        ("implied_bias", "suggests an error of", -0.29, -0.3, -1.41, -1.42),
        ("ranked_mi", "replaced by its ranks", 2.34, 2.36, 3.04, 3.06),  # less 0.43 standard errors
        ("ranked_mi", "replaced by its ranks", 1.66, 1.64, 0.96, 0.94),
        ("at_least", "along 3 shared directions", 2.34, 2.36, 2.44, 2.46),
        ("ceiling_share", "of the ceiling of 4.00 bits", 0.69, 0.71, 0.89, 0.91),
        ("repeated_samples", "of the samples of a side", 0.009, 0.011, 1.0, None),
        ("repeated_values", "of the values of a side", 0.09, 0.11, 1.0, None),
        ("scale_ratio", "times those in another", 29.0, 31.0, 299.0, 301.0),
    ],
)
def test_each_sign_has_two_limits_of_its_own(field, words, fine, caution, grave, gross):
    assert signs_of(**{field: fine}) == []
    for value, is_gross in ((caution, False), (grave, False), (gross, True)):
        if value is not None:
            ((reason, found),) = signs_of(**{field: value})
            assert words in reason
            assert found == is_gross


def test_a_bound_of_nothing_is_no_sign():
    result = mutual_information(*correlated(100), error_bar=False)
    nothing = LowerBound(0.0, 0.0, 5.0, "bits", "directions", 0)
    result = dataclasses.replace(result, mi=-0.9, stderr=0.05, ceiling=4.0, lower_bound=nothing)
    assert not any("at least" in sign.reason for sign in reliability.signs(FINE, result))


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
    words = "40% of the samples have", "standardise the sides", "replaced by its ranks", "40% of the samples of a side"
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
    parts = INDEPENDENT.parts(600, 600 // result.reliability.part_size, generator(0, "error bar"))
    by_hand = np.mean([mutual_information(x[rows], y[rows], k=2, error_bar=False).mi for rows in parts])
    assert result.reliability.drift_n == pytest.approx(result.mi - by_hand, abs=1e-12)
    assert result.by_size == ()
    assert result.reliability.ceiling_share == pytest.approx(result.mi / result.ceiling, abs=1e-12)


@pytest.mark.parametrize(
    ("n", "k", "options", "part_size"),
    [(700, 3, {}, 70), (300, 3, {}, 75), (300, 10, {}, 150), (300, 3, {"groups": np.arange(300) // 10}, 150)],
)
def test_the_drift_with_n_is_from_ample_parts_or_from_halves(n, k, options, part_size):
    """Few samples in a part, and rows left out of it, make a drift steeper than the root of N."""
    result = mutual_information(*correlated(n, rho=0.8), k=k, diagnose=True, **options)
    assert result.reliability.part_size == part_size
    assert result.by_size == ()


def test_equal_groups_of_strong_dependence_are_no_false_alarm():
    """Of twenty such draws, parts of two or three groups made the drift a reason against a right number in seven."""
    verdicts = [
        mutual_information(*correlated(600, rho=0.8, seed=seed), groups=np.arange(600) // 30, diagnose=True).reliability.verdict
        for seed in range(8)
    ]
    assert verdicts.count("trust") >= 7


def test_the_twin_has_size_scales_covariance_and_known_mi():
    rng = np.random.default_rng(0)
    x, y = awkward.correlated(rng, 20_000, 3, 0.7)
    x = x @ rng.standard_normal((3, 3)) * [1.0, 1e3, 1e-3]
    twin, nats = twins.gaussian_twin(Prepared(x, y), 0.0, 6.0, rng)
    twin_x, twin_y = twin.x, twin.y
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
    _, nats = twins.gaussian_twin(Prepared(x[:, None], y[:, None]), 1.8, 2.0, rng)
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
    both = Prepared(x, y), Prepared(x[order], y[order])
    (one, nats), (other, same_nats) = (twins.gaussian_twin(some, 0.0, 4.0, np.random.default_rng(0)) for some in both)
    for mine, others in ((one.x, other.x), (one.y, other.y), (nats, same_nats)):
        np.testing.assert_allclose(mine, others, rtol=0, atol=1e-12)  # correlations of at most 0.9 lose no digits


def test_a_twin_of_more_columns_than_samples_exists():
    rng = np.random.default_rng(0)
    x, y = awkward.gaussian(rng, 30, 50, 40)
    x[:, 7] = 3.0  # a dead unit
    twin, nats = twins.gaussian_twin(Prepared(x, y), 0.5, 20.0, rng)
    assert (twin.x.shape, twin.y.shape) == ((30, 49), (30, 40))
    assert np.isfinite(nats)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_intrinsic_dimension_is_that_of_the_sheet(dim):
    rng = np.random.default_rng(0)
    latent = rng.random((2000, dim))
    x, y = latent @ rng.standard_normal((dim, 12)), latent @ rng.standard_normal((dim, 9))
    assert reliability.intrinsic_dimension([x, y], rng) == pytest.approx(dim, rel=0.08)


@pytest.mark.parametrize("noise", [0.0, 1e-6])
def test_copies_are_never_trusted(noise):
    rng = np.random.default_rng(0)
    x, y = np.repeat(rng.standard_normal((2, 300, 2)), 3, axis=1)
    order = rng.permutation(900)
    found = mutual_information(x[order], y[order], noise=noise, diagnose=True)
    assert found.reliability.verdict == "not bits"
    assert "keep one of its copies" in found.reliability.reasons[0]
    told = mutual_information(x[order], y[order], noise=noise).notes
    assert any("keep one of its copies" in note for note in told)
    assert not any("still rises" in note for note in told)


def test_shares_of_ties():
    x, y = awkward.CASES["ReLU"]
    found = judged(x, y)
    assert found.repeated_values == pytest.approx(max(_notes.share_of_repeated_values(side) for side in (x, y)))
    assert 0.3 < found.repeated_values < 0.7
    assert 0 < found.repeated_samples < 0.3
    assert judged(*awkward.CASES["duplicates in x alone"]).repeated_samples == 1
