"""Conditional mutual information given class labels, of labels, and of mixtures: oracle, known truths, what is refused."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import awkward
import oracle
from mi_core import InputError, _surrogates, conditional_mutual_information, mutual_information, uncertainty
from mi_core._prepare import Prepared
from mi_core.backends import registry

SOME = [
    "1+1",
    "2+3",
    "5+5",
    "duplicates",
    "rounded",
    "ReLU 1+1",
    "many zeros",
    "offset 1e8",
    "heavy tails",
    "near the end of float64",
]
X, Y = awkward.CASES["2+3"]
N = len(X)
PLACES = np.random.default_rng(0).choice(3, N, p=[0.6, 0.25, 0.15])  # of classes of unequal size
CLASSES = np.array(["b", "a", "c"])[PLACES]
LABELS = (X[:, 0] + Y[:, 0] > 0).astype(int)
ORACLES = {"ksg1": oracle.ksg1, "mixture": oracle.mixture, "ross": oracle.ross}


def nats(x, y, z, **options):
    return conditional_mutual_information(x, y, z, units="nats", error_bar=False, **options).mi


def thirds(x):
    return np.arange(len(x)) % 3


# Equal to the oracle


@pytest.mark.parametrize("backend", [*registry.working(), "auto"])
@pytest.mark.parametrize("name", SOME)
def test_exact_on_awkward_data(name, backend):
    x, y = awkward.CASES[name]
    z, labels = np.roll(x, 1, axis=0)[:, :1], thirds(x)
    for k in (1, 3):
        mixed = nats(x, y, z, k=k, estimator="mixture", backend=backend)
        assert mixed == pytest.approx(oracle.mixture_conditional(x, y, z, k), abs=1e-12)
        of_labels = nats(x, labels, z, k=k, estimator="ross", backend=backend)
        assert of_labels == pytest.approx(oracle.ross_conditional(x, labels, z, k), abs=1e-12)
        within = nats(x, y, labels, k=k, given_labels=True, backend=backend)
        assert within == pytest.approx(oracle.within_classes(oracle.ksg1, x, y, labels, k), abs=1e-12)


@pytest.mark.parametrize("estimator", ORACLES)
def test_given_labels_is_the_weighted_mean_over_the_classes(estimator):
    y = LABELS if estimator == "ross" else Y
    for k in (1, 3):
        truth = oracle.within_classes(ORACLES[estimator], X, y, PLACES, k)
        assert nats(X, y, CLASSES, k=k, estimator=estimator) == pytest.approx(truth, abs=1e-12)


def test_local_terms_and_several_k_given_labels_keep_the_order_of_samples():
    several = conditional_mutual_information(X, Y, CLASSES, k=[5, 1], return_local=True, error_bar=False)
    assert [one.k for one in several] == [5, 1]
    for one in several:
        alone = conditional_mutual_information(X, Y, CLASSES, k=one.k, return_local=True, error_bar=False)
        np.testing.assert_array_equal(one.local_mi, alone.local_mi)
        for place in range(3):
            rows = place == PLACES
            within = mutual_information(X[rows], Y[rows], k=one.k, return_local=True, error_bar=False)
            np.testing.assert_array_equal(one.local_mi[rows], within.local_mi)


def test_a_record_given_labels():
    result = conditional_mutual_information(X, Y, CLASSES)
    assert (result.dim_z, result.given_labels) == (1, True)
    assert "2 + 3 given class labels" in repr(result)
    assert not mutual_information(X, Y, given=X[:, 0]).given_labels
    ceilings = [mutual_information(X[rows], Y[rows]).ceiling for rows in (place == PLACES for place in range(3))]
    assert result.ceiling == pytest.approx(np.average(ceilings, weights=np.bincount(PLACES)))
    rows = np.random.default_rng(1).permutation(N)
    again = conditional_mutual_information(X[rows], Y[rows], CLASSES[rows], error_bar=False)
    assert again.mi == result.mi


# Codes of labels


@pytest.mark.parametrize(
    "z",
    [
        CLASSES,
        CLASSES.tolist(),
        CLASSES.astype(object),
        CLASSES.astype(bytes),
        CLASSES.reshape(-1, 1),
        pd.Series(CLASSES),
        pd.Series(CLASSES).astype("category"),
        pd.Series(PLACES).astype("category"),
    ],
    ids=["text", "list", "objects", "bytes", "column", "series", "categories", "categories of numbers"],
)
def test_text_and_categories_are_labels_by_themselves(z):
    assert nats(X, Y, z) == nats(X, Y, PLACES, given_labels=True)


def test_bool_is_labels_by_itself():
    assert nats(X, Y, PLACES == 1) == nats(X, Y, (PLACES == 1).astype(int), given_labels=True)
    assert not mutual_information(X, Y, given=np.stack([PLACES == 1, PLACES == 2], axis=1)).given_labels


@pytest.mark.parametrize("estimator", ["ksg1", "mixture", "discrete"])
@pytest.mark.parametrize("code", [[0, 1, 2], [2, 0, 1], [-7, 1e6, 3], [0, 1e-300 * 0 + 5, 2**53]])
def test_codes_of_given_labels_do_not_matter(estimator, code):
    x, y = (np.round(X), np.round(Y)) if estimator == "discrete" else (X, Y)
    found = nats(x, y, np.array(code)[PLACES], estimator=estimator, given_labels=True)
    assert found == nats(x, y, CLASSES, estimator=estimator)


@pytest.mark.parametrize("code", [[0, 1, 2], [2, 0, 1], [-1e6, 1e-3 * 0, 1e6]])
def test_codes_of_y_do_not_matter_given_continuous_z(code):
    found = nats(X, np.array(code)[PLACES], Y, estimator="ross")
    assert found == nats(X, CLASSES, Y, estimator="ross")


def test_numbers_that_look_like_labels_are_noted():
    (note, *_) = mutual_information(X, Y, given=PLACES, standardize="columns").notes
    assert note.startswith("z takes 3 whole numbers")
    assert "given_labels=True (--given-labels)" in note
    for z, options in [(PLACES, {"given_labels": True}), (PLACES / 2, {}), (np.arange(N), {}), (X, {})]:
        assert not any("given_labels" in note for note in mutual_information(X, Y, given=z, **options).notes)
    discrete = mutual_information(np.round(X), PLACES % 2, given=PLACES, estimator="discrete")
    assert not any("given_labels" in note for note in discrete.notes)


# Known truths


def sign_of_noisy():
    """I(X;Y) in nats of Gaussian x and y = (x + noise > 0), both of variance 1, by integration."""

    def left(x):
        p = norm.cdf(x)
        return -norm.pdf(x) * (p * np.log(p) + (1 - p) * np.log1p(-p))

    return np.log(2) - quad(left, -8, 8)[0]


def chain(rng, n):
    z = rng.standard_normal(n)
    return z + 0.5 * rng.standard_normal(n), z + 0.5 * rng.standard_normal(n) > 0, z, 0.0


@pytest.mark.parametrize("places", [None, 2, 1, 0])
def test_labels_share_nothing_with_rounded_values_that_know_nothing_of_them(places):
    """N = 600; to one place, counts that leave out other classes at the very radius read 0.24 nats."""
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x, z = rng.standard_normal((2, 600)).round(15 if places is None else places)
        found.append(nats(x, rng.integers(0, 2, 600), z, estimator="ross"))
    assert abs(np.mean(found)) < 0.03


def test_labels_given_numbers_where_pairs_of_samples_coincide():
    rng = np.random.default_rng(0)
    x, z = np.repeat(rng.standard_normal(100), 2), np.repeat(rng.integers(0, 3, 100), 2).astype(float)
    y = np.repeat(rng.integers(0, 2, 100), 2)
    assert nats(x, y, z, k=1, estimator="ross") == pytest.approx(oracle.ross_conditional(x, y, z, 1), abs=1e-12)


def test_the_ceiling_of_labels_given_numbers_is_their_entropy():
    rng = np.random.default_rng(0)
    x, z = rng.standard_normal((2, 600))
    y = rng.integers(0, 2, 600)
    given, alone = (mutual_information(x, y, given=of, estimator="ross", error_bar=False) for of in (z, None))
    assert given.ceiling == alone.ceiling == pytest.approx(1.0, abs=0.01)


def test_a_constant_condition_is_not_taken_for_labels():
    rng = np.random.default_rng(0)
    (note,) = mutual_information(*rng.standard_normal((2, 300)), given=np.zeros(300), error_bar=False).notes
    assert note.startswith("z is constant")


def noisy_sign(rng, n):
    x = rng.standard_normal(n)
    return x, x + rng.standard_normal(n) > 0, rng.standard_normal(n), sign_of_noisy()


def places_and_uniform(rng, n):
    """Mesner & Shalizi's "variables mixed and dependent": X on three places, Y uniform on [X, X + 2]."""
    x = rng.integers(3, size=n)
    return x, x + 2 * rng.random(n), rng.binomial(8, 0.5, n), np.log(3) - 2 * np.log(2) / 3


def decay_and_counts(rng, n):
    """Mesner & Shalizi's "variables mixed and conditionally independent": exponential, Poisson of it, binomial of that."""
    x = rng.exponential(10, n)
    z = rng.poisson(x)
    return x, rng.binomial(z, 0.5), z, 0.0


def counts(rng, n):
    """Mesner & Shalizi's "discrete and conditionally independent"."""
    z = rng.integers(1, 11, size=n)
    return rng.binomial(z, 0.5), rng.poisson(z), z, 0.0


@pytest.mark.parametrize(
    ("case", "estimator", "tolerance"),
    [
        (chain, "ross", 0.05),
        (chain, "mixture", 0.05),
        (noisy_sign, "ross", 0.08),
        (places_and_uniform, "mixture", 0.08),
        (decay_and_counts, "mixture", 0.05),
        (counts, "mixture", 0.04),
    ],
)
def test_mixtures_of_known_truth(case, estimator, tolerance):
    """N = 1,000, k = 7; the spread is 0.007 to 0.017 nats, the bias at most 0.025."""
    x, y, z, truth = case(np.random.default_rng(0), 1000)
    assert nats(x, y, z, k=7, estimator=estimator) == pytest.approx(truth, abs=tolerance)


def test_given_labels_of_known_truth():
    """Gaussians whose correlation, 0.9, 0.5 or 0, and place depend on the class; as numbers, the classes would mix."""
    rng = np.random.default_rng(0)
    rho = np.array([0.9, 0.5, 0.0])
    z = rng.choice(3, 1500, p=[0.6, 0.3, 0.1])
    x = rng.standard_normal(1500)
    y = rho[z] * x + np.sqrt(1 - rho[z] ** 2) * rng.standard_normal(1500)
    truth = np.mean(-0.5 * np.log(1 - rho[z] ** 2))
    for estimator in ("ksg1", "mixture"):
        found = mutual_information(x + 5 * z, y - 7 * z, given=z, given_labels=True, estimator=estimator, units="nats")
        assert found.mi == pytest.approx(truth, abs=0.1)
        assert found.stderr == pytest.approx(0.03, rel=0.5)
        assert not found.notes


def test_all_of_one_class_leaves_the_mi():
    (result, plain) = mutual_information(X, Y, given=["a"] * N), mutual_information(X, Y)
    assert (result.mi, result.stderr) == (plain.mi, plain.stderr)
    assert [note for note in result.notes if "I(X;Y|Z) is I(X;Y)" in note] == list(result.notes)


# What is refused

FEW = np.where(np.arange(N) < 3, "rare", "usual")
MISSING = CLASSES.astype(object)
MISSING[3] = None


@pytest.mark.parametrize(
    ("sides", "options", "message"),
    [
        ((X, Y, FEW), {}, "class rare of z has 3 members and k=3: each class needs more than k"),
        ((X, Y, FEW), {"k": [1, 3], "estimator": "mixture"}, "class rare of z has 3 members and k=3"),
        ((X, FEW, CLASSES), {"estimator": "ross"}, "class rare of y within class a of z has 1 member"),
        ((X, FEW, Y), {"estimator": "ross"}, "class rare has 3 members and k=3"),
        ((X, Y, X[:, 0]), {"given_labels": True}, "z has values that are not whole, first .* leave given_labels out"),
        ((X, Y, np.where(PLACES, 1.0, np.nan)), {"given_labels": True}, r"z has \d+ values that are NaN"),
        ((X, Y, MISSING), {}, "z has 1 missing value, first in row 3"),
        ((X, Y, pd.Series(MISSING).astype("category")), {}, "z: column 0 has 1 missing value in 150 rows, first in row 3"),
        (
            (X, Y, [None, *PLACES[1:].tolist()]),
            {"given_labels": True},
            "z has 1 missing value, first in row 0",
        ),
        ((X, Y, CLASSES[:5]), {}, "x has 150 samples and z has 5"),
        ((X, Y, X), {"given_labels": True}, r"z has shape \(150, 2\): labels are one integer"),
        ((X, Y, None), {"given_labels": True}, "but there is no z: give z, or leave given_labels out"),
        ((X, Y, CLASSES), {"given_labels": CLASSES}, "given_labels is ndarray: give True"),
        ((X, Y, X), {"estimator": "mixture", "scheduler": "tcp://a:1"}, "estimator mixture runs on one machine"),
    ],
)
def test_bad_input_gets_one_clear_line(sides, options, message):
    with pytest.raises(InputError, match=message) as caught:
        conditional_mutual_information(*sides, **options)
    assert "\n" not in str(caught.value)


# Shuffles given z


def strong(rng, n=200, dim=1, shared=0.0):
    """x and y are waves of z plus noise, of which they share some."""
    z = rng.standard_normal((n, dim))
    common = shared * rng.standard_normal(z.shape)
    x, y = (np.sin(2 * z) + 0.3 * (rng.standard_normal(z.shape) + common) for _ in range(2))
    return x, y, z


def p_value(x, y, z, seed=0, **options):
    return mutual_information(x, y, given=z, permutations=25, seed=seed, error_bar=False, threads=1, **options).null.p_value


@pytest.mark.parametrize("dim", [1, 3])
def test_p_is_uniform_where_z_explains_all(dim):
    """20 draws: the mean of uniform p is 0.5 +- 0.065. A plain shuffle gives the smallest p in each draw; exchanging x itself
    among neighbours does so in nearly each for three dimensions."""
    p = [p_value(*strong(np.random.default_rng(seed), dim=dim), seed=seed) for seed in range(20)]
    assert 0.3 < np.mean(p) < 0.7


def test_p_is_uniform_where_z_is_skewed():
    """20 draws, log-normal z: functions of z alone, without its normal scores, give the smallest p in nearly each."""
    p = []
    for seed in range(20):
        log, *noise = np.random.default_rng(seed).standard_normal((3, 200, 2))
        x, y = (log + 0.3 * one for one in noise)
        p.append(p_value(x, y, np.exp(2 * log), seed=seed, standardize="columns"))
    assert 0.3 < np.mean(p) < 0.7


@pytest.mark.parametrize("dim", [1, 3])
def test_what_x_and_y_share_beside_z_is_found(dim):
    for seed in range(5):
        assert p_value(*strong(np.random.default_rng(seed), dim=dim, shared=1.2), seed=seed) < 0.05


@pytest.mark.parametrize("side", ["x", "y"])
def test_p_of_places_given_continuous_z(side):
    """One side takes few values; drawn again is the other, or among labels y the continuous x."""
    p = []
    for seed in range(20):
        x, y, z = strong(np.random.default_rng(seed))
        x, y = (np.round(x), y) if side == "x" else (x, y > 0)
        p.append(p_value(x, y, z, seed=seed, estimator="mixture" if side == "x" else "ross", k=1))
    assert 0.3 < np.mean(p) < 0.7


def test_what_is_drawn_again_is_the_side_whose_values_do_not_recur():
    x, y, z = strong(np.random.default_rng(0), n=100)
    for sides, same in [((np.round(x), y), "x"), ((x, np.round(y)), "y"), ((x, y), "y")]:
        seen = []
        samples = Prepared(*sides, z)
        uncertainty.shuffled_given(
            lambda one, seen=seen: seen.append(one) or np.zeros(1), samples, 1, 0, equal_z=False, threads=1
        )
        other = {"x": "y", "y": "x"}[same]
        np.testing.assert_array_equal(getattr(seen[0], same), getattr(samples, same))
        assert (getattr(seen[0], other) != getattr(samples, other)).mean() > 0.5


@pytest.mark.parametrize("estimator", ["discrete", "mixture"])
def test_samples_of_other_labels_are_never_exchanged(estimator):
    """Many labels, each of few samples, tell all of x: no shuffle can change it."""
    z = np.arange(120) % 40
    y = np.random.default_rng(0).integers(2, size=120)
    null = mutual_information(z % 2, y, given=z, given_labels=True, estimator=estimator, k=2, permutations=5).null
    assert (null.p_value, null.std) == (1, 0)


def test_p_that_may_be_too_small_is_noted():
    x, y, z = strong(np.random.default_rng(0), n=100, dim=4)
    few = [np.round(side[:, 0]) for side in (x, y)]
    for sides, given, words in [
        (few, z[:, 0], "The values of x and y recur, so x itself was exchanged"),
        ((x, y), z, "z has 4 columns: p given z was measured to hold for up to 3"),
    ]:
        notes = mutual_information(*sides, given=given, estimator="mixture", permutations=2).notes
        assert words in " ".join(notes)
        assert words not in " ".join(mutual_information(*sides, given=given, estimator="mixture").notes)
    for sides, given in [((x, few[1]), z[:, 0]), ((few[0], y), z[:, :3]), (few, z[:, 0] > 0), (few, np.round(z[:, 0]))]:
        notes = mutual_information(*sides, given=given, estimator="mixture", permutations=2).notes
        assert not any("p " in note for note in notes)


def test_shuffles_given_z_are_seeded_and_recorded():
    x, y, z = strong(np.random.default_rng(0), n=100)
    first, again, other = (
        mutual_information(x, y, given=z, k=[5, 3], permutations=20, seed=seed, error_bar=False) for seed in (1, 1, 2)
    )
    assert [one.null for one in first] == [one.null for one in again]
    assert first[0].null != other[0].null
    assert (first[0].null.permutations, first[0].null.seed, first[0].seed) == (20, 1, 1)
    told = []
    mutual_information(x, y, given=z, permutations=5, progress=lambda done, total: told.append((done, total)))
    assert told[-5:] == [(done, 5) for done in range(1, 6)]


def test_samples_are_exchanged_within_their_kind_each_once():
    kinds = np.random.default_rng(0).integers(4, size=100)
    some, other = (_surrogates.exchanged_within(kinds, np.random.default_rng(seed)) for seed in (1, 2))
    np.testing.assert_array_equal(np.sort(some), np.arange(100))
    np.testing.assert_array_equal(kinds[some], kinds)
    assert not np.array_equal(some, other)


def test_samples_are_exchanged_with_neighbours_each_once_where_possible():
    ring = (np.arange(300)[:, np.newaxis] + [0, -1, 1, -2, 2]) % 300
    chosen = _surrogates.exchanged_nearby(ring, np.random.default_rng(0))
    assert (ring == chosen[:, np.newaxis]).any(axis=1).all()
    assert len(np.unique(chosen)) > 0.85 * 300
    alone = _surrogates.exchanged_nearby(ring[:, :1], np.random.default_rng(0))
    np.testing.assert_array_equal(alone, np.arange(300))


def test_what_z_tells_is_found_by_leaving_each_sample_out():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((200, 2))
    columns = np.stack([z[:, 0], np.sin(2 * z[:, 1]), np.zeros(200)], axis=1) + rng.standard_normal((200, 3))
    plane, bumps, values = list(_surrogates.smooth_functions(z))[2]
    np.testing.assert_allclose(bumps.T @ plane, 0, atol=1e-8)
    fit, residuals = _surrogates.fitted(columns, [(plane, bumps, values)])
    for column, found, rest in zip(columns.T, fit.T, residuals.T, strict=True):
        by_ridge = []
        for ridge in _surrogates.RIDGES:
            hat = plane @ plane.T + bumps @ np.diag(values**2 / (values**2 + ridge)) @ bumps.T
            by_ridge.append((np.mean(((column - hat @ column) / (1 - np.diag(hat))) ** 2), hat))
        _, hat = min(by_ridge, key=lambda one: one[0])
        np.testing.assert_allclose(found, hat @ column, atol=1e-10)
        np.testing.assert_allclose(rest, (column - found) / np.sqrt(1 - np.diag(hat)), atol=1e-10)
    assert residuals.std(axis=0) == pytest.approx(1, abs=0.15)


def test_place_and_scale_are_taken_apart():
    rng = np.random.default_rng(0)
    z, e = rng.standard_normal((2, 500, 1))
    columns = 3 * z + np.exp(z) * e
    place, scale, rest = _surrogates.place_and_scale(columns, z)
    assert np.corrcoef(place[:, 0], 3 * z[:, 0])[0, 1] > 0.9
    assert np.corrcoef(np.log(scale[:, 0]), z[:, 0])[0, 1] > 0.9
    assert np.corrcoef(rest[:, 0], e[:, 0])[0, 1] > 0.9


def test_values_that_recur_stay_the_same_values():
    """Tenths, which sums and differences of themselves would round."""
    rng = np.random.default_rng(0)
    z, smooth = rng.standard_normal((2, 300, 1))
    tenths = np.round(z + smooth, 1)
    (again,) = _surrogates.redrawn(np.hstack([tenths, smooth]), z, 1, rng, equal_z=False, threads=1)
    assert set(again[:, 0]) <= set(tenths[:, 0])
    assert (again != np.hstack([tenths, smooth])).mean() > 0.5


@pytest.mark.parametrize("zeros", [0.6, 0.92])
def test_samples_are_exchanged_where_many_z_coincide(zeros):
    """As units of a ReLU do, beside a few that do not: all find others to exchange with."""
    rng = np.random.default_rng(0)
    z = np.maximum(rng.standard_normal((600, 1)) - norm.ppf(zeros), 0)
    (again,) = _surrogates.redrawn(np.arange(600.0)[:, np.newaxis].repeat(2, 1), z, 1, rng, equal_z=False, threads=1)
    own = again[:, 0] == np.arange(600)
    for some in (z[:, 0] == 0, z[:, 0] > 0):
        assert own[some].mean() < 0.45
    means = []  # single draws read 0.07 to 0.13, as some find none but their own x
    for _ in range(5):
        x = z + rng.standard_normal((600, 1))
        y = x + 0.3 * rng.standard_normal((600, 1))
        means.append(mutual_information(x, y, given=z, permutations=20, error_bar=False).null.mean)
    assert abs(np.mean(means)) < 0.12


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_surrogates_are_finite_at_any_scale_and_keep_their_type(scale):
    rng = np.random.default_rng(0)
    z = scale * rng.standard_normal((50, 2))
    (again,) = _surrogates.redrawn(z[:, :1] + z[:, 1:], z, 1, rng, equal_z=False, threads=1)
    assert np.isfinite(again).all()
    (again,) = _surrogates.redrawn(rng.random((4, 1), np.float32), z[:4], 1, rng, equal_z=False, threads=1)
    assert again.dtype == np.float32


@pytest.mark.parametrize("estimator", ["ksg1", "mixture", "discrete", "ross"])
def test_p_given_labels(estimator):
    """Three classes that set the place of x and y: independent within each, and then dependent."""
    p = {False: [], True: []}
    for seed in range(12):
        rng = np.random.default_rng(seed)
        z = rng.integers(3, size=200)
        for depends, found in p.items():
            x = z + 0.3 * rng.standard_normal(200)
            y = 0.2 * z + (0.5 * (x - z) if depends else 0) + 0.3 * rng.standard_normal(200)
            if estimator == "discrete":
                x, y = np.round(2 * x), np.round(y)
            if estimator == "ross":
                y = y > np.median(y)
            classes = np.array(list("abc"))[z]
            found.append(p_value(x, y, classes, seed=seed, estimator=estimator, k=1))
    assert 0.25 < np.mean(p[False]) < 0.75  # 0.5 +- 0.083
    assert np.mean(p[True]) < np.mean(p[False]) - 0.15


@pytest.mark.parametrize("z", [np.zeros(300), ["a"] * 300], ids=["constant", "one class"])
def test_a_constant_condition_is_judged_and_shuffled_as_none(z):
    x, y = np.random.default_rng(0).standard_normal((2, 300))
    given = mutual_information(x, y, given=z, diagnose=True, permutations=9)
    plain = mutual_information(x, y, diagnose=True, permutations=9)
    assert (given.mi, given.null, given.reliability) == (plain.mi, plain.null, plain.reliability)
    assert any("I(X;Y|Z) is I(X;Y)" in note for note in given.notes)


def test_a_verdict_does_not_take_labels_for_z():
    x, y = np.random.default_rng(0).standard_normal((2, 300))
    with pytest.raises(InputError, match="diagnose does not work with class labels z"):
        mutual_information(x, y, given=["a", "b", "c"] * 100, diagnose=True)


Z = np.random.default_rng(3).random(300) < 0.5
FAR_APART = 100 * (3 * Z + np.random.default_rng(4).standard_normal((2, 300)))  # whose truth given the flags is 0


@pytest.mark.parametrize("kind", ["pandas", "polars", "objects", "masked", "two flags"])
def test_flags_with_gaps_are_still_classes(kind):
    x, y = FAR_APART
    gaps = np.arange(300) < 5
    with_gaps = np.where(gaps, None, Z.astype(object))
    z = {
        "pandas": pd.Series(with_gaps, dtype="boolean"),
        "polars": pl.Series("z", with_gaps.tolist(), dtype=pl.Boolean),
        "objects": with_gaps,
        "masked": np.ma.MaskedArray(Z, gaps),
        "two flags": pd.DataFrame({"z": pd.Series(with_gaps, dtype="boolean"), "all": np.ones(300, bool)}),
    }[kind]
    found = mutual_information(x, y, given=z, missing="drop")
    assert found.n_samples == 295
    assert found.given_labels
    assert found.mi == mutual_information(x[~gaps], y[~gaps], given=Z[~gaps]).mi


def test_flags_without_gaps_are_classes_whatever_holds_them():
    x, y = FAR_APART
    expected = mutual_information(x, y, given=Z).mi
    for z in (Z.astype(object), np.ma.MaskedArray(Z, False)):
        assert mutual_information(x, y, given=z).mi == expected
    x = np.where(np.arange(300) == 0, np.nan, x)  # a gap elsewhere
    found = mutual_information(x, y, given=np.ma.MaskedArray(Z, False), missing="drop")
    assert found.given_labels


def test_flags_with_an_empty_cell_are_classes_in_a_file(tmp_path):
    from typer.testing import CliRunner

    from cli.main import app

    x, y = FAR_APART
    words = np.where(Z, "true", "false")
    words[0] = ""
    lines = ["x,y,z", *(f"{a},{b},{c}" for a, b, c in zip(x, y, words, strict=True))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    sides = [f"{tmp_path / 't.csv'}:{name}" for name in "xyz"]
    printed = CliRunner().invoke(app, ["estimate", *sides[:2], "--given", sides[2], "--missing", "drop", "--json"])
    expected = mutual_information(x[1:], y[1:], given=Z[1:]).mi
    assert json.loads(printed.stdout)["mi"] == pytest.approx(expected, abs=1e-9)
