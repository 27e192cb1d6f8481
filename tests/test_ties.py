"""Values that tie, and sides that never vary: no estimate may be made of ties, whatever the data."""

import numpy as np
import pytest
from scipy.special import digamma

import awkward
import oracle
from mi_core import (
    InputError,
    _prepare,
    _ties,
    conditional_mutual_information,
    entropy,
    multi_information,
    mutual_information,
    mutual_information_matrix,
    rank,
    uncertainty,
)
from mi_core.options import Estimator
from mi_core.similarity import cka, neighbour_overlap

N = 1000


def relu(rng, dim):
    return np.maximum(rng.standard_normal((N, dim)), 0)


INDEPENDENT = {  # beside each what ksg1 reads without regard to ties, in bits
    "integers of 10 values": (lambda rng: rng.integers(0, 10, N), 12.9),
    "integers of 60 values": (lambda rng: rng.integers(0, 60, N), 1.4),
    "three columns of 5 values": (lambda rng: rng.integers(0, 5, (N, 3)), 5.3),
    "twenty binary columns": (lambda rng: rng.integers(0, 2, (N, 20)), 13.0),
    "200 binary columns": (lambda rng: rng.integers(0, 2, (N, 200)), 14.4),
    "rounded Gaussians": (lambda rng: np.round(rng.standard_normal(N), 1), 1.4),
    "bytes": (lambda rng: rng.integers(0, 256, (N, 3), np.uint8), 0.1),
    "saturated": (lambda rng: np.clip(2 * rng.standard_normal(N), -1, 1), 5.1),
    "three ReLU units": (lambda rng: relu(rng, 3), 0.46),
    "twenty ReLU units": (lambda rng: relu(rng, 20), 0.17),
    "float16": (lambda rng: rng.standard_normal(N).astype(np.float16), 0.0),
    "ranks": (lambda rng: rng.permutation(N), 0.07),
}


def mean_of(draw, seeds=4, **options):
    """Mean over draws of (x, y), in bits."""
    options = {"error_bar": False, **options}
    return np.mean([mutual_information(*draw(np.random.default_rng(seed)), **options).mi for seed in range(seeds)])


@pytest.mark.parametrize("kind", INDEPENDENT)
def test_ties_of_independent_sides_make_no_information(kind):
    draw, unseen = INDEPENDENT[kind]
    assert mean_of(lambda rng: (draw(rng), draw(rng))) == pytest.approx(0, abs=0.05)
    x, y = draw(np.random.default_rng(0)), draw(np.random.default_rng(9))
    assert oracle.ksg1(x, y, 3, few_ties=True) / np.log(2) == pytest.approx(unseen, abs=0.1 + 0.3 * unseen)


@pytest.mark.parametrize("places", [2, 10, 60])
def test_a_discrete_side_with_itself_is_its_entropy(places):
    def draw(rng):
        x = rng.integers(0, places, 2000)
        return x, x

    assert mean_of(draw) == pytest.approx(np.log2(places), abs=0.02)


@pytest.mark.parametrize("digits", [0.1, 0.5])
def test_rounded_gaussians_are_near_those_that_were_not(digits):
    """rho = 0.8, 0.737 bits; rounding to 0.5 costs 0.03 of it."""

    def draw(rng):
        return tuple(np.round(side / digits) for side in awkward.correlated(rng, N, 1))

    assert mean_of(draw) == pytest.approx(0.737 if digits < 0.5 else 0.707, abs=0.06)


@pytest.mark.parametrize("kind", ["rounded", "ReLU", "many zeros", "duplicates in x alone", "clipped at both ends"])
def test_ties_in_any_order_are_what_little_noise_gives_on_average(kind):
    x, y = awkward.CASES[kind]
    noisy = [mutual_information(x, y, noise=1e-7, seed=seed, error_bar=False).mi for seed in range(12)]
    error = np.std(noisy) / np.sqrt(12)
    assert mutual_information(x, y).mi == pytest.approx(np.mean(noisy), abs=4 * error + 0.02)


def test_half_the_samples_alike():
    """Half at one place, the others independent: 1 bit, which fewer samples read lower, as points near that place are."""

    def draw(rng):
        x, y = rng.standard_normal((2, 4000))
        return np.where(np.arange(4000) < 2000, 9, x), np.where(np.arange(4000) < 2000, 9, y)

    assert mean_of(draw, 2) == pytest.approx(1, abs=0.05)


def test_conditional_and_multi_information_of_whole_numbers():
    def conditional(rng):
        z = rng.integers(0, 4, N)
        return conditional_mutual_information(z + rng.integers(0, 9, N), z + rng.integers(0, 9, N), z, error_bar=False).mi

    def multi(rng):
        return multi_information(list(rng.integers(0, 12, (3, N))), error_bar=False).mi

    for draw in (conditional, multi):
        assert np.mean([draw(np.random.default_rng(seed)) for seed in range(4)]) == pytest.approx(0, abs=0.06)
    x = np.random.default_rng(0).integers(0, 8, N)
    assert multi_information([x, x, x], error_bar=False).mi == pytest.approx(6, abs=0.05)


def test_shuffles_of_wide_ties_are_counted_as_the_estimate_is():
    rng = np.random.default_rng(0)
    x, y = relu(rng, 8)[:300], relu(rng, 8)[:300]
    null = mutual_information(x, y, permutations=20, error_bar=False).null
    assert null.mean == pytest.approx(0, abs=4 * null.std / np.sqrt(20) + 0.01)


def test_data_without_ties_are_not_looked_at_twice():
    rng = np.random.default_rng(0)
    for points in (rng.standard_normal((N, 3)), rng.random((N, 2)).astype(np.float32), rng.exponential(size=(N, 1))):
        assert not _ties.may_tie(points)
    for points in (
        rng.permutation(N)[:, np.newaxis],
        relu(rng, 3),
        rng.integers(0, 60, (N, 1)),
        np.arange(N)[:, np.newaxis] / 10,
    ):
        assert _ties.may_tie(points)


@pytest.mark.parametrize("draw", [relu, lambda rng, dim: rng.standard_normal((N, dim))])
def test_parts_of_the_samples_are_not_looked_at_again(monkeypatch, draw):
    rng, sizes, look = np.random.default_rng(0), [], _ties.may_tie
    x, y = draw(rng, 3), draw(rng, 3)

    def estimate(rows):
        return np.array([mutual_information(x[rows], y[rows], error_bar=False).mi])

    by_plain_estimates = uncertainty.error_bar(estimate, N, (3,), seed=0)
    monkeypatch.setattr(_ties, "may_tie", lambda points: sizes.append(len(points)) or look(points))
    assert mutual_information(x, y).stderr == by_plain_estimates.stderr[0]
    assert sizes == [N] or sizes == [N, N]  # where one side ties, the other need not be looked at


def test_ties_of_a_few_values_and_copies_of_a_few_samples_are_seen_to():
    """5 % zeros in one column; and 5 of 1,000 samples alike, which no column tells of, alone and among wide layers."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, N, 12))
    assert _ties.may_tie(np.where(rng.random((N, 1)) < 0.05, 0, x[:, :1]))
    x[:5], y[:5] = x[0], y[0]
    assert not _ties.may_tie(x)
    found = mutual_information(x, y, error_bar=False, return_local=True, units="nats")
    assert found.local[:5] == pytest.approx(digamma(5) + digamma(N) - 2 * digamma(5), abs=1e-12)
    assert mutual_information_matrix({"x": x, "y": y}, error_bar=False, units="nats").mi[0, 1] == found.mi


# Standardising


@pytest.mark.parametrize("how", ["sides", "columns"])
@pytest.mark.parametrize(
    "grid",
    [
        np.arange(256, dtype=np.uint8),
        np.arange(-(2**28), 2**28, 2**19 + 1),
        np.arange(100) / 2,
        np.linspace(-3, 3, 50).astype(np.float16),
        np.random.default_rng(0).integers(0, 2**24, 99).astype(np.float32) * np.float32(2**-20),
    ],
    ids=["uint8", "whole numbers", "halves", "float16", "float32"],
)
def test_equal_distances_stay_equal_when_standardised(grid, how):
    x = grid.astype(np.float32 if grid.dtype.itemsize < 4 else np.float64)[:, np.newaxis]
    before, after = (np.abs(some - some.T) for some in (x.astype(np.float64), _prepare.standardize(x, how)))
    order = np.argsort(before, axis=None)
    is_equal = np.diff(before.flat[order]) == 0
    np.testing.assert_array_equal(np.diff(after.flat[order]) == 0, is_equal)
    assert (after.std(), before.std()) == pytest.approx((after.std(), after.std() * x.astype(np.float64).std()), rel=1e-6)


def test_standardising_bytes_leaves_the_estimate_as_it_is():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (400, 1), np.uint8)
    y = (x // 2 + rng.integers(0, 20, (400, 1))).astype(np.uint8)
    y[0], x[0] = 0, 255
    same = np.hstack([x, y]), np.hstack([y, x])  # of equal spread, so that both are scaled by one number
    assert mutual_information(*same, standardize="sides").mi == mutual_information(*same).mi


# Sides that never vary

ROWS = 200
X, Y = np.random.default_rng(1).standard_normal((2, ROWS, 2))
LABELS = np.arange(ROWS) % 3
CONSTANT = np.full((ROWS, 2), 3.5)


@pytest.mark.parametrize("estimator", Estimator.__args__)
def test_a_constant_side_has_no_information(estimator):
    y = LABELS if estimator == "ross" else Y
    k = 10 if estimator == "lnc" else 3
    for sides, name in [((CONSTANT, y), "x"), ((X, np.full(ROWS, 7)), "y")]:
        for options in ({}, {"standardize": "sides", "noise": 1e-3} if estimator != "discrete" else {}):
            found = mutual_information(*sides, estimator=estimator, k=k, return_local=True, **options)
            assert (found.mi, found.stderr) == (0, 0)
            assert not found.local.any()
            assert found.notes[-1].startswith(
                f"{name} has one class" if y is LABELS and name == "y" else f"{name} is constant: "
            )


def test_a_constant_side_with_everything_asked_for():
    found = mutual_information(X, CONSTANT, k=[1, 4], permutations=9, by_size=True, diagnose=True, reduce="pca:1")
    assert [one.mi for one in found] == [0, 0]
    assert found[0].null.p_value == 1
    assert found[0].by_size[0].mi == 0
    assert found[0].reduced is None


@pytest.mark.parametrize("estimator", ["ksg1", "ksg2", "lnc", "mixture", "gaussian", "gaussian-copula"])
def test_a_constant_column_changes_nothing(estimator):
    with_constant = np.column_stack([X, np.full(ROWS, 0.1)])
    plain, found = (
        mutual_information(side, X[:, :1] + Y, k=25, estimator=estimator, error_bar=False).mi for side in (X, with_constant)
    )
    assert found == pytest.approx(plain, abs=1e-12)


def test_a_constant_condition_leaves_the_mutual_information():
    for x, y in [(X, X + Y), (np.round(X), np.round(X + Y))]:
        found = conditional_mutual_information(x, y, CONSTANT)
        assert found.mi == pytest.approx(mutual_information(x, y).mi, abs=1e-12)
        assert "z is constant: all 200 samples are the same, so knowing it changes nothing" in " ".join(found.notes)
        assert not any(note.startswith("z has ties") for note in found.notes)


def test_a_constant_side_adds_nothing_to_multi_information():
    found = multi_information([X, CONSTANT, X + Y])
    assert (found.mi, found.stderr) == (multi_information([X, X + Y]).mi, multi_information([X, X + Y]).stderr)
    assert found.notes == (
        "x2 is constant: all 200 samples are the same, so by definition it shares no information with anything. "
        "[mi explain constant]",
    )
    assert found.dims == (2, 2, 2)
    assert multi_information([X, CONSTANT, CONSTANT]).mi == 0


@pytest.mark.parametrize("dim", [2, 30])
def test_constant_layers_have_rows_of_zeros(dim):
    rng = np.random.default_rng(0)
    layers = {"a": rng.standard_normal((ROWS, dim)), "dead": np.zeros((ROWS, dim)), "b": rng.standard_normal((ROWS, dim))}
    found = mutual_information_matrix(layers, labels=LABELS)
    for matrix in (found.mi, found.stderr):
        assert not matrix[1].any()
        assert not matrix[:, 1].any()
    assert found.mi[0, 2] == mutual_information(layers["a"], layers["b"]).mi
    assert (found.with_labels[1], found.with_labels_stderr[1]) == (0, 0)
    assert found.with_labels[0] == mutual_information(layers["a"], LABELS, estimator="ross").mi
    assert [note for note in found.notes if note.startswith("dead is constant")] == [
        "dead is constant: all 200 samples are the same, so by definition it shares no information with anything. (In dead.) "
        "[mi explain constant]"
    ]


@pytest.mark.parametrize("estimator", ["ksg1", "mixture", "gaussian", "ross"])
def test_a_side_that_is_constant_on_a_part_of_the_samples_has_an_error_bar(estimator):
    x = np.zeros(ROWS)
    x[:2] = 1, 2
    y = LABELS if estimator == "ross" else Y
    found = mutual_information(x, y, estimator=estimator)
    assert np.isfinite([found.mi, found.stderr]).all()
    assert found.mi == pytest.approx(0, abs=0.1)


def test_what_needs_a_density_still_refuses_constants():
    with pytest.raises(InputError, match="x is constant: all 200 samples are the same, so it has no density"):
        entropy(CONSTANT)


# Classes with too few members


def test_a_class_with_too_few_members_is_left_out():
    rng = np.random.default_rng(0)
    labels = np.array(["cat", "dog", "rare", "single"])[np.r_[np.arange(197) % 2, 2, 2, 3]]
    x = rng.standard_normal((ROWS, 1)) + 2 * (labels == "cat")[:, np.newaxis]
    left = np.isin(labels, ["cat", "dog"])
    expected = mutual_information(x[left], labels[left], estimator="ross", return_local=True)
    found = mutual_information(x, labels, estimator="ross", return_local=True)
    assert found.mi == expected.mi
    np.testing.assert_array_equal(found.local, expected.local)
    assert found.notes == (
        "Classes with at most k=3 members were left out: rare with 2 members, single with 1 member. The estimate is that of "
        "the other 197 samples. [mi explain small-classes]",
    )
    assert found.stderr == pytest.approx(expected.stderr, rel=0.8)
    assert mutual_information_matrix({"a": x, "b": x + 1}, labels=labels).with_labels[0] == expected.mi
    one, three = mutual_information(x, labels, estimator="ross", k=[1, 3])
    assert three.mi == expected.mi
    assert "single with 1 member." in one.notes[0]
    assert "rare" not in one.notes[0]


def test_an_error_bar_leaves_out_what_is_too_small_in_a_part():
    labels = np.r_[np.arange(188) % 2, np.full(12, 2)]
    x = np.random.default_rng(0).standard_normal((ROWS, 1)) + labels[:, np.newaxis]
    found = mutual_information(x, labels, estimator="ross")
    assert found.notes == ()
    assert 0 < found.stderr < 0.2


COPIES = np.random.default_rng(5).standard_normal((2, 300))


@pytest.mark.parametrize(
    ("x", "y", "share"),
    [
        (np.repeat(COPIES[0], 2), np.repeat(COPIES[1], 2), "100%"),
        (np.r_[COPIES[0], COPIES[0][:30]], np.r_[COPIES[1], COPIES[1][:30]], "18%"),
        (np.repeat(np.arange(300.0), 2), np.repeat(COPIES[1], 2), "100%"),
        (np.repeat(COPIES[0].round(1), 3), np.repeat(COPIES[1].round(1), 3), "100%"),  # rounded, but none stands alone
    ],
)
def test_copied_rows_are_told_from_values_that_tie(x, y, share):
    notes = [note for note in mutual_information(x, y, error_bar=False).notes if "any order" in note or "copied into" in note]
    assert [note.partition(" of the samples ")[0] for note in notes] == [share]
    assert "keep one of its copies" in notes[0]


@pytest.mark.parametrize("estimator", ["ross", "gaussian", "mixture"])
def test_copied_rows_are_seen_whatever_the_estimator(estimator):
    x, labels = COPIES[0], np.arange(300) % 2
    for times, seen in ((1, False), (4, True)):
        found = mutual_information(np.repeat(x, times), np.repeat(labels, times), estimator=estimator, error_bar=False)
        assert any("keep one of its copies" in note for note in found.notes) == seen


def test_copied_rows_are_seen_beside_classes_and_by_other_measures():
    x, y, labels = *COPIES, np.arange(300) % 2
    for times, seen in ((1, False), (4, True)):
        several = {"x": np.repeat(x, times), "y": np.repeat(y, times)}
        classes = np.repeat(labels, times)
        matrix = mutual_information_matrix(several, labels=classes, error_bar=False)
        of_labels = [note for pair in matrix.pair_notes if pair.y == "labels" for note in pair.notes]
        ranking = rank({"x": several["x"], "label": classes.astype(str)}, "label", error_bar=False)
        for notes in (of_labels, ranking.notes, cka(*several.values()).notes, neighbour_overlap(*several.values()).notes):
            assert any("keep one of its copies" in note for note in notes) == seen


@pytest.mark.parametrize(
    ("x", "y", "estimator"),
    [
        (np.arange(1000) % 7, np.arange(1000) % 52, "gaussian"),  # a balanced design
        (np.repeat(np.arange(250.0), 4), np.tile([0.0, 0, 1, 1], 250), "mixture"),
        (np.sqrt(np.random.default_rng(0).integers(0, 300, 1000)), np.arange(1000) % 2, "ross"),
    ],
)
def test_few_values_that_recur_together_are_no_copies(x, y, estimator):
    notes = mutual_information(x, y, estimator=estimator, error_bar=False).notes
    assert not any("keep one of its copies" in note for note in notes)


def test_zeros_that_recur_in_every_class_are_no_copies():
    rng = np.random.default_rng(0)
    x, labels = np.maximum(rng.standard_normal((200, 3)), 0), rng.integers(0, 2, 200)
    notes = mutual_information(x, labels, estimator="ross", error_bar=False).notes
    assert not any("keep one of its copies" in note for note in notes)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.arange(300.0), COPIES[1]),
        (COPIES[0].round(1), COPIES[1].round(1)),
        (np.floor(20 * COPIES[0]), COPIES[1]),
        (np.maximum(COPIES[0], 0), np.maximum(COPIES[1], 0)),
    ],
)
def test_values_that_tie_are_no_copies(x, y):
    notes = [note for note in mutual_information(x, y, error_bar=False).notes if "any order" in note or "copied" in note]
    assert len(notes) == 1
    assert "rounded, evenly spaced or recurring values" in notes[0]
    assert "; nothing need be done. [" in notes[0]
