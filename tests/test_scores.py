"""Scores of features: those of scikit-learn with the noise that it adds taken out, and the same through its selectors."""

import numpy as np
import pytest
from scipy.special import digamma

from mi_core import InputError, mutual_information, scores
from mi_core.selection import of_unit_variance

selection = pytest.importorskip("sklearn.feature_selection")
module = pytest.importorskip("sklearn.feature_selection._mutual_info")

RNG = np.random.default_rng(0)
N = 400
X = RNG.standard_normal((N, 5)) * [1, 1e-3, 50, 1, 1] + [0, 0, 1e4, 0, 0]
Y = X[:, 0] + 2 * np.sin(2000 * X[:, 1]) + RNG.standard_normal(N)
CLASSES = np.digitize(Y, [-1, 0, 2])
LABELS = np.array(["cat", "dog", "cow", "hen"])[CLASSES]


class NoNoise:
    """Random numbers that are all 0."""

    def standard_normal(self, size):
        return np.zeros(size)


@pytest.fixture(autouse=True)
def without_noise(monkeypatch):
    monkeypatch.setattr(module, "check_random_state", lambda seed: NoNoise())


@pytest.mark.parametrize("k", [1, 3, 7])
def test_regression_and_classification_are_scikit_learns(k):
    expected = selection.mutual_info_regression(X, Y, n_neighbors=k)
    np.testing.assert_allclose(scores(X, Y, k=k), expected, atol=1e-9, rtol=0)
    expected = selection.mutual_info_classif(X, CLASSES, n_neighbors=k)
    for y in (CLASSES, LABELS, CLASSES.astype(float)):
        np.testing.assert_allclose(scores(X, y, k=k), expected, atol=1e-9, rtol=0)
    assert expected.max() > 0.1


def test_numbers_are_divided_exactly_where_nothing_ties():
    np.testing.assert_array_equal(of_unit_variance(X[:, [2]]), X[:, [2]] / X[:, 2].std())


def test_large_samples_are_scikit_learns_too():
    x = RNG.standard_normal((8000, 1))
    y = x[:, 0] + RNG.standard_normal(8000)
    np.testing.assert_allclose(scores(x, y), selection.mutual_info_regression(x, y), atol=1e-9, rtol=0)


def test_small_classes_have_as_many_neighbours_as_there_are():
    labels = CLASSES.copy()
    labels[:8] = [7, 7, 8, 8, 8, 9, 10, 10]
    np.testing.assert_allclose(scores(X, labels, k=5), [of_ross(x, labels, 5) for x in X.T], atol=1e-9, rtol=0)
    theirs = selection.mutual_info_classif(X, labels, n_neighbors=5)  # which rounds distances within so small a class
    np.testing.assert_allclose(scores(X, labels, k=5), theirs, atol=0.01)


def of_ross(x, labels, k):
    """Ross 2014 as scikit-learn has it for small classes, one sample after the other."""
    labels, x = (side[np.isin(labels, [one for one in labels if np.sum(labels == one) > 1])] for side in (labels, x))
    terms = []
    for value, label in zip(x, labels, strict=True):
        own = np.sort(np.abs(x[labels == label] - value))
        order = min(k, len(own) - 1)
        nearer = np.sum(np.abs(x - value) < own[order])
        terms.append(digamma(order) - digamma(len(own)) - digamma(nearer))
    return max(0.0, digamma(len(x)) + np.mean(terms))


@pytest.mark.parametrize("which", [[3], np.arange(5) == 3, True])
def test_features_may_be_classes(which):
    table = np.column_stack([X[:, :3], np.digitize(Y, [0, 1]), X[:, 4]])
    table = np.digitize(table / table.std(axis=0), [-0.5, 0.5]) if which is True else table
    for y, theirs in ((Y, selection.mutual_info_regression), (CLASSES, selection.mutual_info_classif)):
        expected = theirs(table, y, discrete_features=which)
        np.testing.assert_allclose(scores(table, y, discrete_features=which), expected, atol=1e-9, rtol=0)


def test_selectors_take_it():
    for selector in (selection.SelectKBest(scores, k=2), selection.SelectPercentile(scores, percentile=40)):
        assert selector.fit(X, Y).get_support().tolist() == [True, True, False, False, False]


def test_frames_and_threads_change_nothing():
    pandas = pytest.importorskip("pandas")
    expected = scores(X, LABELS, threads=1)
    frame = pandas.DataFrame(X, columns=list("abcde"))
    assert scores(frame, pandas.Series(LABELS, dtype="category"), threads=3).tolist() == expected.tolist()


def test_ties_stand_in_any_order_and_constants_share_nothing():
    counts = np.round(Y)
    found = scores(np.column_stack([np.round(X[:, 0] * 2), np.ones(N)]), counts + 0.5, target="numbers")
    expected = mutual_information(np.round(X[:, 0] * 2), counts, standardize="columns", units="nats")
    assert found.tolist() == [pytest.approx(expected.mi, abs=1e-12), 0.0]


@pytest.mark.parametrize(
    ("y", "is_classes"),
    [
        (CLASSES, True),
        (CLASSES.astype(float), True),
        (LABELS, True),
        (Y > 0, True),
        (Y, False),
        (np.round(Y, 1), False),
        (np.arange(N), False),
        (np.arange(N) % 25, False),
    ],
)
def test_y_is_told_by_what_it_holds(y, is_classes):
    assert scores(X, y).tolist() == scores(X, y, target="classes" if is_classes else "numbers").tolist()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((X, Y[:9]), {}, "X has 400 samples and y has 9"),
        ((X, X), {"target": "numbers"}, "y has 5 columns: give one value a sample"),
        ((X, Y), {"target": "auto2"}, "target is 'auto2': it must be one of auto, numbers, classes"),
        ((X, Y), {"target": "classes"}, "y has values that are not whole"),
        (
            (X, Y),
            {"discrete_features": [9]},
            r"discrete_features is \[9\]: give True, False, a mask of 5 or places from 0 to 4",
        ),
        ((np.where(X > 1e4, np.nan, X), Y), {}, r"X: column 2 has \d+ missing values"),
        ((LABELS[:, np.newaxis], Y), {}, "X: column 0 is text, first"),
    ],
)
def test_what_is_refused(arguments, options, message):
    with pytest.raises(InputError, match=message):
        scores(*arguments, **options)
