"""The family of estimators: against the oracle, closed forms and independent programs, and what each refuses."""

import dataclasses
import json

import ennemi
import numpy as np
import pytest
from scipy.special import digamma
from sklearn.feature_selection import _mutual_info as sklearn_mi

import awkward
import oracle
from mi_core import (
    InputError,
    _formula,
    arrays,
    conditional_mutual_information,
    entropy,
    kl_divergence,
    multi_information,
    mutual_information,
)
from mi_core._estimators import CONDITIONAL, ESTIMATORS, Search, non_uniformities
from mi_core._prepare import Prepared
from mi_core.backends import registry
from mi_core.backends.cpu import nearest
from mi_core.options import ConditionalEstimator, Estimator

NOT_CONSTANT = sorted(awkward.CASES.keys() - {"all points equal", "two samples"})
HEAVY_TAILS = {
    0.25: 2.0982034826434162,
    0.7: 2.3294881373629791,
    1.0: 2.3355584369697267,
}  # alpha: ksg1 and correction, k=4, by 80 digits
NO_TIES = ["1+1", "2+3", "5+5", "24+16", "wider than long", "k + 1 samples", "scales 1 and 1e6", "heavy tails", "denormals"]
RNG = np.random.default_rng(0)
X, Y = awkward.CASES["2+3"]
Z = np.roll(X, 1, axis=0)[:, :1] + 0.5 * Y[:, :1]
LABELS = (X[:, 0] + RNG.standard_normal(150) > 0).astype(int)


def nats(x, y, **options):
    return mutual_information(x, y, units="nats", **options).mi


def third(x):
    """A third side that goes with x."""
    return np.roll(x, 1, axis=0)[:, :1]


# Equal to the oracle


@pytest.mark.parametrize("backend", [*registry.working(), "auto"])
@pytest.mark.parametrize("name", NOT_CONSTANT)
def test_exact_on_awkward_data(name, backend):
    x, y = awkward.CASES[name]
    z, labels = third(x), np.arange(len(x)) % 3
    few = {"few_ties": name == "one outlier"}  # which is as far from all others
    for k in (1, 3):
        for found, truth in [
            (nats(x, y, k=k, estimator="mixture", backend=backend), oracle.mixture(x, y, k)),
            (nats(x, y, k=k, given=z, backend=backend), oracle.conditional(x, y, z, k, **few)),
            (nats(x, labels, k=min(k, 2), estimator="ross", backend=backend), oracle.ross(x, labels, min(k, 2))),
            (
                multi_information([x, y, z], k=k, units="nats", backend=backend).mi,
                oracle.multi_information([x, y, z], k, **few),
            ),
        ]:
            assert found == pytest.approx(truth, abs=1e-12)


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("name", NO_TIES)
def test_exact_where_there_are_no_ties(name, k):
    x, y = awkward.CASES[name]
    assert nats(x, y, k=k, estimator="ksg2") == pytest.approx(oracle.ksg2(x, y, k), abs=1e-12)
    assert entropy(x, k=k, units="nats").entropy == pytest.approx(oracle.entropy(x, k), rel=1e-12)
    half, other = x[::2], x[1::2]
    if k < len(half):
        divergence = kl_divergence(half, other, k=k, units="nats").divergence
        assert divergence == pytest.approx(oracle.kl_divergence(half, other, k), rel=1e-12, abs=1e-12)


LNC_CASES = [("1+1", 10), ("1+1", 13), ("2+3", 25), ("5+5", 50), ("heavy tails", 20)]


@pytest.mark.parametrize("alpha", [0.25, 0.7, 1.0])
@pytest.mark.parametrize(("name", "k"), LNC_CASES)
def test_lnc_equals_the_oracle(name, k, alpha):
    x, y = awkward.CASES[name]
    truth, error = oracle.lnc(x, y, k, alpha)
    assert error < 1e-10  # 4e-11 for the heavy tails, whose neighbours lie in boxes up to 7e5 times as long as wide
    assert nats(x, y, k=k, estimator="lnc", alpha=alpha) == pytest.approx(truth, abs=error + 1e-12)


@pytest.mark.parametrize("alpha", HEAVY_TAILS)
def test_the_correction_of_lnc_for_heavy_tails_is_that_of_80_digits(alpha):
    """With 4 neighbours in 4 dimensions, so few that lnc itself refuses them, rounding weighs most."""
    x, y = awkward.CASES["heavy tails"]
    _, error = oracle.lnc(x, y, 4, alpha)
    (correction,) = non_uniformities(np.hstack([x, y]), Search((4,), "auto", 1, alpha=alpha))
    assert oracle.ksg1(x, y, 4) + correction.mean() == pytest.approx(HEAVY_TAILS[alpha], abs=error)


# Rounding. Another BLAS adds up in another order; here the order changes instead, and nothing but rounding may follow it.


def closed_form(x, y):
    """The closed form of the oracle, less the mean of what it reads above the truth of Gaussians."""
    n, dim_x, dim_y = len(x), x.shape[1], y.shape[1]
    excess = [0.5 * digamma((n - np.arange(1, dim + 1)) / 2).sum() for dim in (dim_x, dim_y, dim_x + dim_y)]
    return oracle.gaussian(x, y) - (excess[0] + excess[1] - excess[2])


def rounding(x, y):
    """How far rounding may move the closed form: the logarithm of each of d lengths, of columns around 0 and of equal length,
    is off by a few machine precisions times the condition of the columns."""
    error = 0.0
    for points in (x, y, np.hstack([x, y])):
        centred = points - points[0]
        centred -= centred.mean(axis=0)
        error += points.shape[1] * np.linalg.cond(centred / np.sqrt((centred**2).sum(axis=0)))
    return 8 * np.finfo(float).eps * error


def rearranged(x, y, rng):
    """Data of equal MI, made without rounding: other orders of samples, columns and sides, other signs."""
    rows = rng.permutation(len(x))
    yield x[rows], y[rows]
    yield tuple(side[:, rng.permutation(side.shape[1])] for side in (x, y))
    yield y, x
    yield -x, y
    yield tuple(side[rows][:, ::-1] * rng.choice([-1.0, 1.0], side.shape[1]) for side in (x, y))


@pytest.mark.parametrize(("name", "k"), LNC_CASES)
def test_lnc_does_not_depend_on_the_order_of_summation(name, k):
    x, y = awkward.CASES[name]
    _, error = oracle.lnc(x, y, k, 1.0)
    value = nats(x, y, k=k, estimator="lnc", alpha=1.0)
    for sides in rearranged(x, y, RNG):
        assert nats(*sides, k=k, estimator="lnc", alpha=1.0) == pytest.approx(value, abs=error)


@pytest.mark.parametrize("estimator", ["ksg1", "mixture"])
@pytest.mark.parametrize("name", ["1+1", "24+16", "many zeros", "heavy tails"])
def test_an_estimate_from_counts_has_the_same_bits_in_any_order(estimator, name):
    x, y = awkward.CASES[name]
    rows = RNG.permutation(len(x))
    value = nats(x, y, estimator=estimator, error_bar=False)
    assert nats(x[rows], y[rows][:, ::-1], estimator=estimator, error_bar=False) == value


GAUSSIAN_CASES = ["1+1", "2+3", "5+5", "offset 1e8", "columns of many scales", "heavy tails", "scales 1 and 1e6"]
ON_A_CURVE = np.column_stack([np.cos(X[:, 0]), np.sin(X[:, 0])]) + 1e-4 * X
NEARLY_DEPENDENT = X, X @ np.array([[1.0], [2.0]]) + 1e-6 * Z


@pytest.mark.parametrize("name", [*GAUSSIAN_CASES, "nearly dependent"])
def test_gaussian_is_the_closed_form(name):
    x, y = NEARLY_DEPENDENT if name == "nearly dependent" else awkward.CASES[name]
    error = rounding(x, y)
    truth = closed_form(x, y)
    assert nats(x, y, estimator="gaussian") == pytest.approx(truth, abs=error)
    for sides in rearranged(x, y, RNG):
        assert nats(*sides, estimator="gaussian") == pytest.approx(truth, abs=error)


def test_gaussian_does_not_depend_on_the_axes():
    """Every regular linear map of a side leaves the mutual information of Gaussians as it is."""
    x, y = awkward.CASES["5+5"]
    value = nats(x, y, estimator="gaussian")
    for seed in range(3):
        turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((5, 5)))[0]
        turned = x @ turn, y @ (turn * [1.0, 10.0, 1e2, 1e3, 1e4])
        error = rounding(*turned)
        assert nats(*turned, estimator="gaussian") == pytest.approx(value, abs=error)


def test_an_offset_does_not_hide_that_a_column_follows_from_another():
    """Whole numbers, and three times as much: dependent to the last bit, on top of 1e8 as well."""
    x = 1e8 + np.arange(50.0) ** 2 % 37
    with pytest.raises(InputError, match="span only 1"):
        nats(x, 3 * x, estimator="gaussian")


def test_gaussian_copula_sees_ranks_alone():
    x, y = awkward.correlated(np.random.default_rng(1), 400, 2)
    straight = nats(x, y, estimator="gaussian-copula")
    assert nats(np.exp(x), y**3, estimator="gaussian-copula") == straight
    assert straight == pytest.approx(nats(x, y, estimator="gaussian"), abs=0.05)
    assert abs(nats(np.exp(3 * x), y, estimator="gaussian") - straight) > 0.2


@pytest.mark.parametrize("name", ["rounded 1+1", "ReLU", "signs", "duplicates"])
def test_discrete_is_the_sum_of_plug_in_entropies(name):
    x, y = awkward.CASES[name]
    z, h = third(np.round(x)), oracle.discrete_entropy
    assert nats(x, y, estimator="discrete") == pytest.approx(h(x) + h(y) - h(x, y), abs=1e-12)
    found = nats(x, y, given=z, estimator="discrete")
    assert found == pytest.approx(h(x, z) + h(y, z) - h(x, y, z) - h(z), abs=1e-12)
    assert entropy(x, units="nats", estimator="discrete").entropy == pytest.approx(h(x), abs=1e-12)
    multi = multi_information([x, y, z], units="nats", estimator="discrete").mi
    assert multi == pytest.approx(h(x) + h(y) + h(z) - h(x, y, z), abs=1e-12)


# The neighbours themselves


@pytest.mark.parametrize("few", [0, 100])  # dimensions up to which a tree seeks them
@pytest.mark.parametrize("name", awkward.CASES)
def test_neighbours_are_the_nearest_others(name, few, monkeypatch):
    monkeypatch.setattr(nearest, "TREE_UP_TO", few)
    monkeypatch.setattr(nearest, "TREE_ROWS", 50)
    monkeypatch.setattr(nearest, "TILE_BYTES", 8 * 160 * 50)
    points = np.hstack(awkward.CASES[name])
    k = min(5, len(points) - 1)
    found = nearest.nearest_neighbours(points, k, threads=2)
    apart = oracle.distances(points)
    for i, neighbours in enumerate(found):
        assert i not in neighbours
        assert len(set(neighbours)) == k
    np.testing.assert_array_equal(np.take_along_axis(apart, found, axis=1), np.sort(apart, axis=1)[:, :k])


@pytest.mark.parametrize("few", [0, 100])
def test_distances_to_another_set(few, monkeypatch):
    monkeypatch.setattr(nearest, "TREE_UP_TO", few)
    points, others = awkward.CASES["rounded"]
    for dtype in (np.float32, np.float64):
        points, others = points.astype(dtype), others.astype(dtype)
        truth = np.sort(np.abs(points[:, np.newaxis].astype(float) - others.astype(float)).max(axis=2), axis=1)
        found = nearest.distances_to(others, points, (4, 1), threads=2)
        np.testing.assert_array_equal(found, truth[:, [3, 0]].T)


# Closed forms


def assert_unbiased(draw, truth, seeds=12):
    """The mean over seeds lies within three standard errors of the truth."""
    found = [float(draw(np.random.default_rng(seed))) for seed in range(seeds)]
    mean, stderr = np.mean(found), np.std(found, ddof=1) / np.sqrt(seeds)
    assert abs(mean - truth) < 3 * stderr, f"{mean:.4f} +- {stderr:.4f}, truth {truth:.4f}"


@pytest.mark.parametrize("estimator", ["ksg2", "mixture", "gaussian", "gaussian-copula"])
def test_correlated_gaussians(estimator):
    def draw(rng):
        return nats(*awkward.correlated(rng, 1000, 1, rho=0.6), k=10, estimator=estimator)

    assert_unbiased(draw, -0.5 * np.log(1 - 0.6**2), seeds=20)


def test_gaussian_in_many_dimensions():
    rho = 0.9
    truth = -10 * np.log(1 - rho**2)
    x, y = awkward.correlated(np.random.default_rng(0), 20_000, 20, rho=rho)
    assert nats(x, y, estimator="gaussian") == pytest.approx(truth, rel=0.01)


def test_lnc_reads_strong_dependence_better_than_ksg1():
    x = np.random.default_rng(0).random(800)
    width = 1e-5
    y = x + width * np.random.default_rng(1).random(800)
    truth = -np.log(width)  # h(y) is 0 and h(y given x) is log(width), but for the ends
    ksg1, lnc = nats(x, y, k=5), nats(x, y, k=10, estimator="lnc")
    assert abs(lnc - truth) < 0.1 * abs(ksg1 - truth)


# width: value of the program that Gao, Ver Steeg, Galstyan published, without its noise, k = 10; y = x + width * uniform.
LNC_PROGRAM = {0.5: 0.8740350546125573, 0.05: 2.791004012654998, 1e-3: 6.513494651442576}


@pytest.mark.parametrize(("seed", "width"), list(enumerate(LNC_PROGRAM)))
def test_lnc_is_what_its_authors_program_gives(seed, width):
    rng = np.random.default_rng(seed)
    x = rng.random(800)
    y = x + width * rng.random(800)
    found = nats(x, y, k=10, estimator="lnc", error_bar=False)
    assert found == pytest.approx(LNC_PROGRAM[width], abs=1e-10)
    assert found == pytest.approx(-np.log(width), abs=0.45)


@pytest.mark.parametrize("dim", [1, 3, 5])
def test_lnc_finds_nothing_between_independent_sides(dim):
    """At the least k that it takes; with k as small as the joint dimensions 5+5 read 7 bits."""
    x, y = np.random.default_rng(0).standard_normal((2, 1000, dim))
    assert mutual_information(x, y, k=10 * dim, estimator="lnc", error_bar=False).mi == pytest.approx(0, abs=0.05)


# Values of gcmi, the program of Ince et al., with its bias correction: dimensions -> copula, Gaussian, in bits.
GCMI = {
    (200, 1, 1): (0.420471822644947, 0.40601612766669665),
    (150, 3, 4): (0.3898203727795374, 0.394694893397947),
    (1000, 10, 10): (0.5203708048653577, 0.5265074902754167),
    (100, 20, 20): (0.28043930678909873, 0.2593276262089989),
}


@pytest.mark.parametrize(("seed", "sizes"), list(enumerate(GCMI)))
def test_gaussian_estimates_are_what_gcmi_gives(seed, sizes):
    n, dim_x, dim_y = sizes
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, dim_x)), rng.standard_normal((n, dim_y))
    y[:, 0] += x[:, 0]
    for estimator, theirs in zip(("gaussian-copula", "gaussian"), GCMI[sizes], strict=True):
        assert mutual_information(x, y, estimator=estimator, error_bar=False).mi == pytest.approx(theirs, abs=1e-10)


def test_gaussian_reads_nothing_between_independent_sides_of_many_columns():
    def draw(rng):
        return nats(*rng.standard_normal((2, 200, 10)), estimator="gaussian", error_bar=False)  # uncorrected, 0.28

    assert_unbiased(draw, 0.0)


def test_labels_of_separate_and_of_equal_classes():
    def separate(rng):
        labels = rng.integers(0, 3, 600)
        return nats(rng.random((600, 2)) + 10 * labels[:, np.newaxis], labels, estimator="ross")

    def equal(rng):
        return nats(rng.random((600, 2)), rng.integers(0, 3, 600), estimator="ross")

    assert_unbiased(separate, np.log(3))
    assert_unbiased(equal, 0.0)


def mixed_channel(rng, n):
    """Gao et al. 2017: half correlated Gaussians, half a binary channel that errs once in ten."""
    x, y = awkward.correlated(rng, n, 1, rho=0.9)
    bit = rng.choice([-1.0, 1.0], n)
    is_bit, errs = rng.random(n) < 0.5, rng.random(n) < 0.1
    return np.where(is_bit, bit, x[:, 0]), np.where(is_bit, np.where(errs, -bit, bit), y[:, 0])


def mean_mixture(draw, **options):
    """Mean over five draws."""
    values = [nats(*draw(np.random.default_rng(seed)), estimator="mixture", error_bar=False, **options) for seed in range(5)]
    return np.mean(values)


def test_mixture_of_gaussians_and_a_binary_channel():
    truth = 0.5 * (-0.5 * np.log(1 - 0.9**2) + np.log(2) + 0.9 * np.log(0.9) + 0.1 * np.log(0.1)) + np.log(2)
    assert truth == pytest.approx(1.2924, abs=1e-4)
    errors = [mean_mixture(lambda rng, n=n: mixed_channel(rng, n), k=5) - truth for n in (500, 16_000)]
    assert -0.12 < errors[1] < 0  # it converges slowly here
    assert errors[0] < 2 * errors[1]
    ksg1 = nats(*mixed_channel(np.random.default_rng(0), 16_000), k=5, error_bar=False)  # which counts ties alike
    assert ksg1 == pytest.approx(nats(*mixed_channel(np.random.default_rng(0), 16_000), k=5, estimator="mixture"), abs=0.02)


@pytest.mark.parametrize("places", [2, 5, 20])
def test_mixture_of_a_discrete_and_a_continuous_side(places):
    """Gao et al. 2017: x on m places, y uniform on [x, x + 2]: log m - (m - 1) / m log 2."""

    def draw(rng):
        x = rng.integers(0, places, 4000)
        return x, x + 2 * rng.random(4000)

    assert mean_mixture(draw, k=5) == pytest.approx(np.log(places) - (places - 1) / places * np.log(2), abs=0.02)


def test_mixture_of_classes_far_apart_is_the_entropy_of_the_classes():
    def draw(rng):
        labels = rng.integers(0, 3, 1000)
        return 9 * labels + rng.standard_normal(1000), labels

    assert mean_mixture(draw) == pytest.approx(np.log(3), abs=0.005)


@pytest.mark.parametrize(("places", "n"), [(60, 500), (100, 500), (60, 4000)])
def test_mixture_of_a_discrete_side_with_itself(places, n):
    """Its entropy, log m, less than m / N of it: ties of few copies are neighbours of each other alone."""

    def draw(rng):
        x = rng.integers(0, places, n)
        return x, x

    assert mean_mixture(draw) == pytest.approx(np.log(places), abs=0.1 if n == 500 else 0.01)


def test_mixture_of_a_zero_inflated_poisson():
    """Gao et al. 2017, experiment III: (1 - p) (2 log 2 - gamma - sum of log k 2^-k), p = 0.15."""

    def draw(rng):
        x = rng.exponential(1, 4000)
        return x, np.where(rng.random(4000) < 0.15, 0, rng.poisson(x))

    k = np.arange(1, 60)
    truth = 0.85 * (2 * np.log(2) - np.euler_gamma - np.sum(np.log(k) * 0.5**k))
    assert mean_mixture(draw, k=5) == pytest.approx(truth, abs=0.03)


@pytest.mark.parametrize(("dim", "rho"), [(1, 0.0), (1, 0.6), (2, 0.3), (3, 0.5)])
def test_mixture_of_continuous_sides_is_ksg1(dim, rho):
    def draw(rng):
        return awkward.correlated(rng, 2000, dim, rho=rho)

    plain = np.mean([nats(*draw(np.random.default_rng(seed)), error_bar=False) for seed in range(5)])
    assert mean_mixture(draw) == pytest.approx(plain, abs=0.02)


# Values of the program that Gao et al. published with their paper, k = 5, for what `mixed_sets` draws.
AUTHORS = {
    "classes": 1.093229041961,
    "five places": 1.035607415314,
    "a side with itself": 4.114723363303,
    "zero-inflated Poisson": 0.241450149249,
    "channel": 1.057990314460,
    "ReLU": 0.705345426334,
}


def mixed_sets(n=400):
    rng = np.random.default_rng(0)
    rng.standard_normal((2, n)), rng.standard_normal((3, n))  # other sets were drawn before these
    labels = rng.integers(0, 3, (n, 1))
    yield 9.0 * labels + rng.standard_normal((n, 1)), labels
    places = rng.integers(0, 5, (n, 1))
    yield places, places + 2 * rng.random((n, 1))
    sixty = rng.integers(0, 60, (n, 1))
    yield sixty, sixty
    rate = rng.exponential(1, (n, 1))
    is_zero = rng.random((n, 1)) < 0.15
    yield rate, np.where(is_zero, 0, rng.poisson(rate))
    bit, is_bit, is_wrong = rng.choice([-1.0, 1.0], (n, 1)), rng.random((n, 1)) < 0.5, rng.random((n, 1)) < 0.1
    x, noise = rng.standard_normal((2, n, 1))
    yield np.where(is_bit, bit, x), np.where(is_bit, np.where(is_wrong, -bit, bit), 0.9 * x + np.sqrt(0.19) * noise)
    units = np.maximum(rng.standard_normal((n, 2)), 0)
    yield units, np.maximum(units[:, :1] + 0.3 * rng.standard_normal((n, 1)), 0)


def test_mixture_is_what_its_authors_program_gives():
    found = [nats(x, y, k=5, estimator="mixture", error_bar=False) for x, y in mixed_sets()]
    assert found == pytest.approx(list(AUTHORS.values()), abs=1e-9)


def test_mixture_of_discrete_sides_is_close_to_the_plug_in():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, 1500)
    y = (x + rng.integers(0, 2, 1500)) % 3
    assert nats(x, y, estimator="mixture") == pytest.approx(nats(x, y, estimator="discrete"), abs=0.01)


def test_three_gaussians():
    """I(X;Y|Z) is 0.5 log(|C_xz| |C_yz| / (|C_z| |C_xyz|))."""
    covariance = np.array([[1, 1, 1], [1, 4, 1], [1, 1, 9]])
    truth = 0.5 * (np.log(8) + np.log(35) - np.log(9) - np.log(24))

    def draw(rng):
        x, y, z = rng.multivariate_normal(np.zeros(3), covariance, 1000).T
        return conditional_mutual_information(x, y, z, units="nats").mi

    assert_unbiased(draw, truth)


def test_x_given_what_makes_it():
    def draw(rng):
        z, *noise = rng.standard_normal((3, 1000))
        return conditional_mutual_information(z + noise[0], z + noise[1], z, units="nats").mi

    assert_unbiased(draw, 0.0)


def test_multi_information_of_gaussians():
    covariance = np.full((4, 4), 0.5) + 0.5 * np.eye(4)

    def draw(rng):
        return multi_information(list(rng.multivariate_normal(np.zeros(4), covariance, 1000).T), units="nats").mi

    assert np.mean([draw(np.random.default_rng(seed)) for seed in range(12)]) == pytest.approx(
        -0.5 * np.log(np.linalg.det(covariance)), abs=0.03
    )


def test_two_sides_are_mutual_information():
    assert multi_information([X, Y]).mi == mutual_information(X, Y).mi


def test_entropy_of_uniform_and_normal_samples():
    assert_unbiased(lambda rng: entropy(4 * rng.random(1000), units="nats"), np.log(4))
    assert_unbiased(lambda rng: entropy(rng.standard_normal(1000), units="nats"), 0.5 * np.log(2 * np.pi * np.e))
    assert_unbiased(lambda rng: entropy(0.01 * rng.random(1000), units="bits"), np.log2(0.01))


def test_divergence_of_normal_samples():
    def draw(rng):
        return kl_divergence(rng.standard_normal(1000), 1 + 2 * rng.standard_normal(1500), units="nats")

    assert_unbiased(draw, np.log(2) + 2 / 8 - 0.5)


# Independent programs; all functions of NPEET, ennemi and others are in test_switching.py


LABELS_OF_SIZES = np.repeat([0, 1, 2], [100, 300, 600])


def nats_entropy(labels):
    return entropy(labels, estimator="discrete", units="nats").entropy


TIED = {
    "whole numbers": lambda z, rng: np.round(20 * z),
    "two places": lambda z, rng: z > 0,
    "a ReLU unit": lambda z, rng: np.maximum(z, 0),
    "two ReLU units": lambda z, rng: np.maximum(np.column_stack([z, rng.standard_normal(len(z))]), 0),
    "rounded": lambda z, rng: np.round(z, 1),
    "saturated": lambda z, rng: np.clip(z, -0.5, 0.5),
    "float16": lambda z, rng: z.astype(np.float16),
    "three columns of five places": lambda z, rng: rng.integers(0, 5, (len(z), 3)),
}


@pytest.mark.parametrize("n", [1000, 5000])
@pytest.mark.parametrize("kind", TIED)
def test_ross_finds_nothing_where_tied_values_and_labels_are_independent(kind, n):
    def draw(rng):
        return nats(TIED[kind](rng.standard_normal(n), rng), rng.integers(0, 2, n), estimator="ross", error_bar=False)

    assert np.mean([draw(np.random.default_rng(seed)) for seed in range(4)]) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize(
    ("kind", "lost"), [("whole numbers", 0.005), ("rounded", 0.005), ("float16", 0.005), ("a ReLU unit", 0.03)]
)
def test_ross_on_tied_values_is_near_that_of_the_values_before_they_tied(kind, lost):
    """The truth of what was rounded is a little below that of what was not, of which the test allows `lost`."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 20_000)
    z = rng.standard_normal(20_000) + 1.5 * labels
    before = nats(z, labels, estimator="ross", error_bar=False)
    assert before - lost < nats(TIED[kind](z, rng), labels, estimator="ross", error_bar=False) < before + 0.01


@pytest.mark.parametrize("kind", TIED)
@pytest.mark.parametrize("labels", [LABELS_OF_SIZES, LABELS_OF_SIZES[::-1]])
def test_ross_never_exceeds_the_entropy_of_the_labels(kind, labels):
    rng = np.random.default_rng(0)
    entropy_of_labels = nats_entropy(labels)
    x = TIED[kind](rng.standard_normal(len(labels)), rng)
    for values in (x, labels, 100 * labels + np.asarray(x, float).reshape(len(labels), -1)[:, 0]):
        found = mutual_information(values, labels, estimator="ross", units="nats", return_local=True)
        assert found.mi <= found.ceiling + 1e-12
        assert found.ceiling == pytest.approx(entropy_of_labels, abs=0.01)


def test_the_mean_over_all_orders_of_ties_is_that_of_many_draws():
    cases = [(3, 2, 4, 9), (0, 1, 2, 5), (7, 3, 3, 12), (2, 2, 5, 40)]  # before, order, marked, all
    exact = _formula.mean_psi(*np.array(cases).T)
    rng = np.random.default_rng(0)
    for (before, order, marked, tied), mean in zip(cases, exact, strict=True):
        places = [np.flatnonzero(rng.permutation(tied) < marked)[order - 1] + 1 for _ in range(20_000)]
        values = digamma(before + np.array(places))
        assert np.mean(values) == pytest.approx(mean, abs=4 * np.std(values) / np.sqrt(len(values)))


def test_ross_equals_scikit_learn():
    for k in (1, 3, 10):
        theirs = sklearn_mi._compute_mi_cd(X[:, 0], LABELS, k)
        assert theirs > 0  # below, theirs is cut off
        assert nats(X[:, 0], LABELS, k=k, estimator="ross") == pytest.approx(theirs, abs=1e-10)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_conditional_and_entropy_equal_ennemi(k, monkeypatch):
    monkeypatch.setattr(ennemi._entropy_estimators, "_psi", digamma)  # theirs is an expansion, good to 1e-5
    x, y = X[:, 0], Y[:, 0] + X[:, 0]
    theirs = ennemi.estimate_mi(y, x, cond=Z, k=k, preprocess=False)[0, 0]
    assert nats(x, y, given=Z, k=k) == pytest.approx(theirs, abs=1e-10)
    assert entropy(X, k=k, units="nats").entropy == pytest.approx(ennemi.estimate_entropy(X, k=k, multidim=True), abs=1e-10)


# What every estimator has in common


CONTINUOUS = ["ksg1", "ksg2", "lnc", "mixture"]


def test_every_name_has_its_function():
    from typing import get_args

    assert tuple(ESTIMATORS) == get_args(Estimator)
    assert tuple(CONDITIONAL) == get_args(ConditionalEstimator)


@pytest.mark.parametrize("estimator", [*CONTINUOUS, "ross"])
def test_several_k_equal_single_ones(estimator):
    y, ks = LABELS if estimator == "ross" else Y, [32, 26, 27] if estimator == "lnc" else [12, 6, 7]
    several = mutual_information(X, y, k=ks, estimator=estimator)
    assert [result.k for result in several] == ks
    for result in several:
        assert result.mi == mutual_information(X, y, k=result.k, estimator=estimator).mi


@pytest.mark.parametrize("estimator", [*CONTINUOUS, "ross"])
def test_threads_change_nothing_and_progress_ends_at_all_rows(estimator):
    x, y = awkward.correlated(np.random.default_rng(3), 2500, 2)
    y = x[:, 0] > 0 if estimator == "ross" else y
    seen, k = [], 20 if estimator == "lnc" else 4
    one = mutual_information(x, y, k=k, estimator=estimator, threads=1, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]
    assert one.mi == mutual_information(x, y, k=k, estimator=estimator, threads=3).mi


def test_several_k_equal_single_ones_elsewhere():
    for measure, sides in [
        (entropy, [X]),
        (kl_divergence, [X[:80], X[80:]]),
        (multi_information, [[X, Y, Z]]),
        (conditional_mutual_information, [X, Y, Z]),
    ]:
        for result in measure(*sides, k=[9, 2]):
            assert float(result) == float(measure(*sides, k=result.k))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_local_terms_have_the_estimate_as_their_mean(estimator):
    x, y = (np.round(X, 1), np.round(Y[:, :2], 1)) if estimator == "discrete" else (X, Y[:, :2])
    y = LABELS if estimator == "ross" else y
    result = mutual_information(x, y, k=20, estimator=estimator, return_local=True)
    assert result.local.shape == (150,)
    assert result.local.mean() == pytest.approx(result.mi, abs=1e-13)
    bits = mutual_information(x, y, k=20, estimator=estimator, units="nats").mi / np.log(2)
    assert result.mi == pytest.approx(bits, abs=1e-13)


@pytest.mark.parametrize("estimator", [*CONTINUOUS, "ross"])
def test_no_estimate_exceeds_its_ceiling_without_ties(estimator):
    rng = np.random.default_rng(2)
    x, noise = rng.standard_normal((2, 200))
    labels = x > 0
    some = mutual_information(x, labels if estimator == "ross" else x + noise, estimator=estimator, k=10)
    assert (some.alpha == 0.25) == (estimator == "lnc")
    if estimator == "lnc":
        assert some.ceiling is None
        return
    most = mutual_information(x + 100 * labels, labels, estimator="ross", k=10) if estimator == "ross" else None
    most = most or mutual_information(x, x, estimator=estimator, k=10)
    assert some.mi < most.mi
    assert most.mi == pytest.approx(most.ceiling, abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_no_conditional_estimate_exceeds_its_ceiling_with_ties(seed):
    """Ties in z, at distances above 0 and at 0, let z hold more points than those strictly nearer."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((100, 1 + seed % 3))
    z = z.round(seed // 3) if seed % 2 else np.maximum(z, 0)
    x = rng.standard_normal(100).round(seed % 2)
    for y in (x, x + rng.standard_normal(100), rng.standard_normal(100)):
        found = mutual_information(x, y, given=z, k=1 + seed % 4, error_bar=False)
        assert found.mi <= found.ceiling + 1e-12
        assert found.ceiling > 0


def test_results_are_records_with_the_estimate_first():
    results = [
        (mutual_information(X, Y, given=Z), "mi", ("dim_z", 1)),
        (mutual_information(X, Y), "mi", ("dim_z", None)),
        (multi_information([X, Y, Z]), "mi", ("dims", [2, 3, 1])),
        (entropy(X), "entropy", ("dim", 2)),
        (kl_divergence(X, X[:40] + 1), "divergence", ("n_samples_prime", 40)),
        (mutual_information(X, Y, estimator="gaussian", k=7), "mi", ("k", None)),
    ]
    for result, name, (field, value) in results:
        record = json.loads(json.dumps(result.to_dict(), allow_nan=False))
        assert next(iter(record)) == name
        assert record[name] == float(result) == getattr(result, name)
        assert record[field] == value
        assert not any(key.startswith("local") for key in record)
        with pytest.raises(dataclasses.FrozenInstanceError):
            result.k = 1


def test_estimates_of_some_rows_are_those_of_the_rows_alone():
    rows = np.arange(0, 150, 2)
    for samples, estimator, sides, options in [
        (Prepared(X, Y), "ksg2", (X, Y), {}),
        (Prepared(X, Y, Z), "ksg1", (X, Y), {"given": Z[rows]}),
        (Prepared(X, LABELS.reshape(-1, 1).astype(float), classes=("0", "1")), "ross", (X, LABELS), {}),
    ]:
        method = ESTIMATORS[estimator] if samples.z is None else CONDITIONAL[estimator]
        (local,) = method(samples.take(rows), Search((3,), "auto", 1))
        assert local.mean == nats(*(side[rows] for side in sides), estimator=estimator, **options)


def test_standardizing_and_noise_leave_labels_alone():
    x = 1e6 * X
    plain = mutual_information(X / X.std(axis=0), LABELS, estimator="ross").mi
    assert mutual_information(x, LABELS, estimator="ross", standardize="columns").mi == pytest.approx(plain, abs=1e-12)
    assert mutual_information(x, LABELS, estimator="ross", noise=0.1, seed=1).seed == 1


def test_standardizing_reaches_what_is_given():
    by_hand = [side / side.std(axis=0) for side in (X, Y, Z)]
    found = conditional_mutual_information(X, Y, 1e6 * Z, standardize="columns").mi
    assert found == pytest.approx(conditional_mutual_information(*by_hand).mi, abs=1e-12)


# Labels and text


@pytest.mark.parametrize(
    "labels",
    [
        LABELS,
        LABELS.astype(bool),
        LABELS.astype(np.uint8),
        LABELS.astype(float) - 7,
        LABELS.reshape(-1, 1),
        np.array(["cat", "dog"])[LABELS],
        np.array([b"cat", b"dog"])[LABELS],
        np.array(["cat", "dog"], dtype=object)[LABELS],
        LABELS.tolist(),
    ],
    ids=["int", "bool", "uint8", "whole floats", "column", "text", "bytes", "objects", "list"],
)
def test_labels_may_be_of_any_kind(labels):
    assert mutual_information(X, labels, estimator="ross").mi == mutual_information(X, LABELS, estimator="ross").mi
    assert entropy(labels, estimator="discrete").entropy == entropy(LABELS, estimator="discrete").entropy


# Notes


@pytest.mark.parametrize(
    ("words", "sides", "options"),
    [
        ("gaussian assumes that x and y are jointly Gaussian", (X, Y), {"estimator": "gaussian"}),
        ("normal scores", (X, Y), {"estimator": "gaussian-copula"}),
        ("150 samples take 150 different values", (X, Y), {"estimator": "discrete"}),
        ("Such ties are taken in any order", (np.round(X), Y), {}),
        ("distances in z are typically", (X, Y), {"given": 1e6 * Z}),
        ("those in z, which therefore hardly counts and pulls the estimate up", (X, Y), {"given": 1e-6 * Z}),
        ("lnc then corrects the shape of that side", (ON_A_CURVE, Y[:, :1]), {"estimator": "lnc", "k": 15}),
        ("24 + 16 + 1 dimensions", awkward.CASES["24+16"], {"given": Z[:97]}),
    ],
)
def test_notes_name_what_matters_for_the_estimator(words, sides, options):
    assert words in " ".join(mutual_information(*sides, **options).notes)


def test_notes_on_densities():
    wide = awkward.CASES["24+16"][0]
    assert "24 dimensions: with so many, the estimate of entropy" in entropy(wide).notes[0]
    assert "24 dimensions: with so many, the estimate of divergence" in kl_divergence(wide[:50], wide[50:]).notes[0]
    assert "x_prime has ties" in kl_divergence(X, np.round(X, 1)).notes[0]
    assert "150 samples take 150 different values" in entropy(X, estimator="discrete").notes[0]
    assert "different values" in multi_information([X, Y], estimator="discrete").notes[0]
    assert entropy(X).notes == ()


def test_what_never_varies_has_no_entropy():
    assert str(entropy(np.ones(9), estimator="discrete").entropy) == "0.0"


def test_multi_information_of_two_sides_by_the_second_algorithm_is_mutual_information():
    for k in (1, 5):
        expected = mutual_information(X, Y, k=k, estimator="ksg2", return_local=True)
        found = multi_information([X, Y], k=k, estimator="ksg2", return_local=True)
        assert (found.mi, found.ceiling, found.stderr) == (expected.mi, expected.ceiling, expected.stderr)
        np.testing.assert_array_equal(found.local, expected.local)


def test_multi_information_by_the_second_algorithm():
    covariance = np.full((3, 3), 0.6) + 0.4 * np.eye(3)

    def draw(rng):
        sides = list(rng.multivariate_normal(np.zeros(3), covariance, 1000).T)
        return multi_information(sides, k=5, units="nats", estimator="ksg2", error_bar=False).mi

    assert_unbiased(draw, -0.5 * np.log(np.linalg.det(covariance)))


def test_knowing_y_itself_leaves_nothing():
    assert mutual_information(X, Y, given=Y).mi == 0


def test_ties_are_no_matter_for_mixture():
    x, y = awkward.CASES["rounded"]
    assert not mutual_information(x, y, estimator="mixture").notes
    assert mutual_information(x, y).notes


def test_all_that_labels_can_tell_is_no_ceiling_to_warn_of():
    result = mutual_information(X + 100 * LABELS[:, np.newaxis], LABELS, estimator="ross")
    assert result.mi == pytest.approx(result.ceiling, abs=1e-12)
    assert result.notes == ()


# What is refused


FEW = np.where(np.arange(150) < 3, "rare", "usual")
REPEATED = np.repeat(X[:30], 5, axis=0)


@pytest.mark.parametrize(
    ("measure", "sides", "options", "message"),
    [
        (
            mutual_information,
            (X, FEW),
            {"estimator": "ross"},
            "class rare has 3 members and k=3: each class needs more than k, and only class usual has",
        ),
        (mutual_information, (X, FEW == "rare"), {"estimator": "ross", "k": [1, 4]}, "class True has 3 members and k=4"),
        (
            mutual_information,
            (X, np.arange(150) // 2),
            {"estimator": "ross"},
            "class 0 has 2 members and k=3: each .* than k. T",
        ),
        (
            mutual_information,
            (X, Y[:, 0]),
            {"estimator": "ross"},
            "y has values that are not whole, first .* take the estimator ksg1",
        ),
        (
            mutual_information,
            (X, Y),
            {"estimator": "ross"},
            r"y has shape \(150, 3\): labels are one integer, bool or text .* swap x and y",
        ),
        (mutual_information, (X, LABELS[:149]), {"estimator": "ross"}, "x has 150 samples and y has 149"),
        (mutual_information, (X, FEW), {}, "y has dtype <U5, first '.*': .* Class labels, as y, go with the estimator ross"),
        (mutual_information, (X, Y), {"given": Z[:100]}, "x has 150 samples and z has 100"),
        (
            mutual_information,
            (X, Y),
            {"given": Z, "estimator": "ksg2"},
            "where z is given is 'ksg2': it must be one of ksg1, mixture, ross, dis",
        ),
        (mutual_information, (X, Y), {"estimator": "lnc"}, "k=3 and 5 joint dimensions: .* Take k=25, or more"),
        (mutual_information, (np.round(X), Y), {"estimator": "lnc", "k": 25}, "the samples have ties .*: take ksg1"),
        (mutual_information, (np.round(X), Y), {"estimator": "ksg2"}, "the samples have ties .*: take ksg1"),
        (mutual_information, (RNG.permutation(150), Y), {"estimator": "ksg2"}, "the samples have ties"),
        (multi_information, ([X, np.round(Y), Z],), {"estimator": "ksg2"}, "the samples have ties"),
        (mutual_information, (X, Y), {"estimator": "lnc", "k": 6, "alpha": 0}, "alpha is 0: it must be above 0 and at most 1"),
        (mutual_information, (X, Y), {"estimator": "lnc", "k": 6, "alpha": "x"}, "alpha is 'x': it must be a number"),
        (mutual_information, (X, Y), {"alpha": 0.5}, "alpha is for the estimator lnc, and the estimator is ksg1"),
        (mutual_information, (X[:, 0], 2 * X[:, 0]), {"estimator": "lnc", "k": 10}, "lie in a flat space"),
        (mutual_information, (X, X), {"estimator": "gaussian"}, "x and y together: 150 samples in 4 dimensions span only 2"),
        (mutual_information, (X[:3], Y[:3]), {"estimator": "gaussian"}, "y: 3 samples in 3 dimensions span only 2"),
        (mutual_information, (X, Y), {"estimator": "gaussian", "k": [1, 2]}, "gaussian searches no neighbours: leave k out"),
        (mutual_information, (X, Y), {"estimator": "discrete", "noise": 1e-6}, "compares samples as they are"),
        (mutual_information, (np.array([np.nan, 1, 2, 3]), Y[:4]), {"estimator": "discrete"}, "x has 1 value that is NaN"),
        (multi_information, ([X],), {}, "sides holds 1 side: give two or more"),
        (multi_information, ([X, Y, Z[:9]],), {}, "x1 has 150 samples and x3 has 9"),
        (multi_information, ([X, Y],), {"estimator": "lnc"}, "estimator is 'lnc': it must be one of ksg1, ksg2, discrete"),
        (entropy, (REPEATED,), {}, "150 samples coincide with their neighbours in x, so the entropy is minus infinity for k=3"),
        (entropy, (np.zeros(20),), {}, "x is constant"),
        (
            entropy,
            (np.insert(X, 1, 7, axis=1),),
            {},
            "column 1 of x, counted from 0, is constant, so x has no density to estimate: leave it out.",
        ),
        (entropy, (X[:, [0, 1, 0]],), {}, "column 2 of x, counted from 0, is equal to column 0, so x has no density"),
        (
            kl_divergence,
            (np.insert(X, 1, 7, axis=1), np.insert(X, 1, 8, axis=1)),
            {},
            "column 1 of x, counted from 0, is constant, and not in the same way in the other set, so there are no two",
        ),
        (
            kl_divergence,
            (X, X[:, [0, 0]]),
            {},
            "column 1 of x_prime, counted from 0, is equal to column 0, and not in",
        ),
        (entropy, (X,), {"k": 150}, "x has 150 samples and k=150"),
        (kl_divergence, (X, Y), {}, "x has 2 dimensions and x_prime has 3: they must have the same"),
        (kl_divergence, (X, X[:2]), {}, "x_prime has 2 samples and k=3: k must be at most that"),
        (
            kl_divergence,
            (REPEATED, X + 1),
            {},
            "150 samples coincide with their neighbours in x, so the divergence is infinite",
        ),
        (kl_divergence, (X, REPEATED), {}, "30 samples of x coincide with their neighbours in x_prime"),
    ],
)
def test_bad_input_gets_one_clear_line(measure, sides, options, message):
    with pytest.raises(InputError, match=message) as caught:
        measure(*sides, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["duplicates", "rounded 1+1", "ReLU 1+1", "a constant column", "one outlier"])
def test_lnc_on_ties_is_a_number_or_refused(name):
    x, y = awkward.CASES[name]
    try:
        assert np.isfinite(nats(x, y, k=40, estimator="lnc"))
    except InputError as error:
        assert "lie in a flat space" in str(error) or "have ties" in str(error)  # noqa: PT017  either is right, a warning or NaN is not


def test_a_little_noise_lets_repeated_samples_through():
    assert np.isfinite(entropy(REPEATED, noise=1e-6).entropy)
    assert np.isfinite(kl_divergence(REPEATED, X + 1, noise=1e-6, seed=3).divergence)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [0.1, 1.0, 20.0])
@pytest.mark.parametrize(("n", "classes"), [(50, 2), (300, 10), (5000, 30)])
def test_the_last_of_a_softmax_follows_from_the_others(n, classes, scale, dtype):
    logits = (scale * np.random.default_rng(0).standard_normal((n, classes))).astype(dtype)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)
    for points in (shares, shares.astype(np.float64)):
        assert arrays.redundant(points) == {classes - 1: "a linear function of the columns before it"}


def test_columns_that_only_look_flat_add_a_dimension():
    rng = np.random.default_rng(0)
    common, own = rng.standard_normal((500, 1)), rng.standard_normal((500, 6))
    for points in (
        own,
        1e9 + own,
        (1e4 + own).astype(np.float32),
        common + 1e-6 * own,
        np.cumsum(own, axis=1),
        own * 10.0 ** np.arange(-9, 9, 3),
        rng.standard_cauchy((500, 6)),
        own[:6],  # as many samples as columns
        10**7 + rng.integers(0, 10**4, (500, 1)) + rng.integers(0, 4, (500, 2)),  # whole numbers, which float32 happens to hold
        1e39 * own,
        np.where(np.arange(500)[:, np.newaxis] % 10 > 0, own, 0.0),  # 0 in those rows that are looked at first
    ):
        assert not arrays.redundant(points)


def test_columns_that_add_no_dimension_do_not_change_a_divergence():
    rng = np.random.default_rng(0)
    x, x_prime = rng.standard_normal((500, 1)), 1 + rng.standard_normal((700, 1))
    alone = kl_divergence(x, x_prime)
    more = [np.hstack([side, np.full_like(side, 0.1), side]) for side in (x, x_prime)]
    found = kl_divergence(*more)
    assert (found.divergence, found.stderr, found.dim) == (alone.divergence, alone.stderr, 1)
    assert any("2 of 3 columns had no share: constant, copies or linear functions of others" in note for note in found.notes)
    assert kl_divergence(more[0], more[1].astype(np.float32)).dim == 1
    both = [np.hstack([side, side**3, 2 - 3 * side + side**3]) for side in (x, x_prime)]
    assert kl_divergence(*both).divergence == kl_divergence(*(side[:, :2] for side in both)).divergence
    with pytest.raises(InputError, match=r"column 2 of x, counted from 0, is a linear function .* not in the same way"):
        kl_divergence(both[0], both[1] * [1, 1, 2])
    assert kl_divergence(*both, noise=1e-9).dim == 2
    noisy = kl_divergence(np.hstack([x, 0 * x]), np.hstack([x_prime, 1e-3 * (x_prime > 2)]), noise=1e-3)
    assert np.isfinite(noisy.divergence)
    assert np.isfinite(entropy(np.hstack([x, 0 * x]), noise=1e-3).entropy)
