"""The door: what is let in, what is refused, and the words it is refused with."""

import warnings

import numpy as np
import pytest

from mi_core import InputError, mutual_information, neighbour_counts

GOOD = np.random.default_rng(0).standard_normal((20, 2))


@pytest.mark.parametrize(
    ("x", "y", "k", "message"),
    [
        (GOOD, GOOD[:19], 3, "x has 20 samples and y has 19"),
        (GOOD, GOOD, 20, "x has 20 samples and k=20: k must be smaller than the number of samples"),
        (GOOD, GOOD, 0, "k is 0: it must be at least 1"),
        (GOOD, GOOD, 2.5, "k is 2.5: it must be a whole number"),
        (GOOD, GOOD, "3", "k is '3': it must be a whole number"),
        (GOOD, GOOD, b"\x03", "k is b'"),
        (GOOD, GOOD, [], "k is empty"),
        (GOOD, GOOD, [3, 0], "k is 0"),
        (np.float64(3.0), GOOD, 3, "x is a single number"),
        (GOOD[:0], GOOD, 3, r"x is empty, shape \(0, 2\)"),
        (GOOD[:, :0], GOOD, 3, r"x has zero columns, shape \(20, 0\)"),
        (GOOD, GOOD + 1j, 3, r"y is complex \(complex128\)"),
        (np.full((20, 2), None), GOOD, 3, "x has dtype object"),
        (GOOD.astype(str), GOOD, 3, "x has dtype <U"),
        (np.zeros(20, "datetime64[s]"), GOOD, 3, r"x has dtype datetime64\[s\]: give numbers, such as \(t - t.min"),
        (np.arange(20) + 2**62, GOOD, 3, "x is constant once rounded to float64, .* its 20 distinct .* subtract the minimum"),
        (np.arange(20, dtype=np.uint64) + np.uint64(2**63), GOOD, 3, "x is constant once rounded to float64"),
        ([2**70 + row for row in range(20)], GOOD, 3, "x is constant once rounded to float64"),
        ([10**400 + row for row in range(20)], GOOD, 3, "x has values beyond the range of float64"),
        (np.zeros(20, [("a", float)]), GOOD, 3, "x has dtype"),
        ("acts.npy", GOOD, 3, "x is text, not an array: load the file first"),
        (None, GOOD, 3, "x is not an array but NoneType"),
        ([[1.0, 2.0], [3.0]], GOOD, 3, "x cannot be read as an array: list gave"),
        (np.ma.masked_greater(GOOD, 0), GOOD, 3, "x is a masked array with"),
    ],
)
def test_bad_input_gets_one_clear_line(x, y, k, message):
    with pytest.raises(InputError, match=message) as caught:
        neighbour_counts(x, y, k)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_values_are_counted_and_the_first_row_named(bad):
    x = GOOD.copy()
    x[7, 1] = x[11, 0] = bad
    with pytest.raises(InputError, match="x has 2 values that are NaN or infinite, first in row 7"):
        mutual_information(x, GOOD)


def test_non_finite_values_are_found_beyond_the_first_slice(monkeypatch):
    monkeypatch.setattr("mi_core.arrays.CHECK_BYTES", 64)
    x = GOOD.copy()
    x[19, 1] = np.nan
    with pytest.raises(InputError, match="x has 1 value that is NaN or infinite, first in row 19"):
        mutual_information(x, GOOD)


def test_values_whose_differences_overflow_are_refused():
    with pytest.raises(InputError, match=r"x has values up to 1.0e\+308, whose differences exceed float64"):
        neighbour_counts(np.array([-1e308, 1e308, 0.0]), [0.0, 1.0, 2.0], 1)


def test_higher_ranks_are_flattened_and_said_so():
    images = np.random.default_rng(0).standard_normal((50, 4, 4, 3))
    result = mutual_information(images, images.reshape(50, -1)[:, :2])
    assert result.dim_x == 48
    assert result.notes[0].startswith("x: shape (50, 4, 4, 3) was flattened to 50 samples of 48 numbers. [")


def test_k_may_be_a_numpy_number_or_vector():
    assert neighbour_counts(GOOD, GOOD, np.array(3)).k == 3
    assert [counts.k for counts in neighbour_counts(GOOD, GOOD, np.array([3, 1]))] == [3, 1]


def test_integers_beyond_53_bits_are_rounded_and_said_so():
    x = 1001 * np.arange(20) + 2**60
    assert "x: int64 values were rounded to float64" in mutual_information(x, GOOD).notes[0]


def test_distinct_values_that_rounding_costs_are_counted():
    notes = mutual_information(100 * np.arange(20) + 2**62, GOOD).notes
    assert notes[1].startswith("x: rounding left 3 of 20 distinct values; to keep more, subtract the minimum")


@pytest.mark.skipif(np.finfo(np.longdouble).max == np.finfo(np.float64).max, reason="longdouble is float64 here")
def test_long_doubles_beyond_float64_are_named_as_such():
    x = np.arange(1, 21, dtype=np.longdouble)
    with pytest.raises(InputError, match=r"x has values beyond the range of float64, 1.8e308: divide it"):
        mutual_information(x * np.longdouble("1e400"), GOOD)
    with pytest.raises(InputError, match="x is constant once rounded to float64"):
        mutual_information(1 + x * np.finfo(np.longdouble).eps, GOOD)
    with pytest.raises(InputError, match="x has 1 value that is NaN or infinite, first in row 2"):
        mutual_information(np.where(x == 3, np.longdouble(np.inf), x), GOOD)


@pytest.mark.parametrize("factor", [1, 1024], ids=["int64", "objects"])
def test_large_whole_numbers_stay_apart_where_they_are_only_compared(factor):
    few = np.repeat(np.arange(4), 5)
    many = np.array([factor * (2**60 + int(one)) for one in few])
    expected = mutual_information(GOOD, few, estimator="ross")
    assert mutual_information(GOOD, many, estimator="ross").mi == expected.mi
    assert mutual_information(few, many, estimator="discrete").mi == mutual_information(few, few, estimator="discrete").mi


def test_lists_and_vectors_are_samples():
    x, y = [0.0, 1.0, 3.0, 7.0], [[0.0], [2.0], [1.0], [5.0]]
    counts = neighbour_counts(x, y, 1)
    assert counts.radius.tolist() == [2.0, 2.0, 2.0, 4.0]


def test_float32_is_taken_without_a_copy():
    from mi_core.arrays import samples

    x = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    taken, notes = samples(x, "x")
    assert np.shares_memory(taken, x)
    assert notes == ()


def test_the_input_is_left_as_it_was():
    x, y = GOOD.copy(), GOOD[::-1].copy()
    mutual_information(x, y, standardize="columns", noise=0.1)
    np.testing.assert_array_equal(x, GOOD)
    np.testing.assert_array_equal(y, GOOD[::-1])


def test_matrices_and_other_kinds_of_arrays_are_taken_as_plain_ones():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 50, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # of np.matrix
        assert mutual_information(np.matrix(x), np.matrix(y)).mi == mutual_information(x, y).mi


@pytest.mark.parametrize(
    ("options", "meant"),
    [
        ({"estimator": "ksg"}, "ksg1"),
        ({"estimator": "Gaussian_Copula"}, "gaussian-copula"),
        ({"units": "bit"}, "bits"),
        ({"units": "NATS"}, "nats"),
        ({"backend": "cpu_tree"}, "cpu-tree"),
        ({"standardize": "column"}, "columns"),
    ],
)
def test_a_word_that_is_nearly_right_is_told_what_it_was_meant_to_be(options, meant):
    ((name, word),) = options.items()
    with pytest.raises(InputError, match=rf"^{name} is '{word}': it must be one of .*; did you mean {meant}\?$"):
        mutual_information(GOOD, GOOD, **options)


@pytest.mark.parametrize("word", ["zzz", 3, None])
def test_a_word_like_no_other_gets_the_list_alone(word):
    with pytest.raises(InputError, match=r"it must be one of bits, nats\.$"):
        mutual_information(GOOD, GOOD, units=word)


def test_the_earlier_name_of_a_backend_is_told_the_new_one():
    with pytest.raises(InputError, match="cpu-sweep is called cpu-filter now"):
        mutual_information([1.0, 2.0, 3.0], [1.0, 3.0, 2.0], k=1, backend="cpu-sweep")


def test_unknown_options_are_named_with_the_function():
    with pytest.raises(
        TypeError, match=r"mutual_information\(\) got an unexpected keyword argument .bakend.; did you mean back"
    ):
        mutual_information([1.0, 2.0, 3.0], [1.0, 3.0, 2.0], k=1, bakend="cpu")


def test_truth_values_are_no_numbers():
    with pytest.raises(InputError, match="noise is True: it must be a number"):
        mutual_information([1.0, 2.0, 3.0], [1.0, 3.0, 2.0], k=1, noise=True)
