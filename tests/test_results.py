"""Results compare, round and print as the numbers that they are, and stay the records that they are."""

import copy
import dataclasses
import math
import pickle
import re

import numpy as np
import pytest

from mi_core import (
    InputError,
    entropy,
    kl_divergence,
    multi_information,
    mutual_information,
    mutual_information_matrix,
    transfer_entropy,
)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 2))
Y = X + RNG.standard_normal((300, 2))
RESULTS = {
    "mi": mutual_information(X, Y),
    "mi with all": mutual_information(X, Y, diagnose=True, permutations=3, reduce="pca:1", return_local=True),
    "multi": multi_information([X, Y]),
    "entropy": entropy(X),
    "divergence": kl_divergence(X, Y),
    "transfer": transfer_entropy(X, Y),
}
each_result = pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)


@each_result
@pytest.mark.parametrize("kind", [float, np.float64])
def test_a_result_is_compared_as_its_estimate(result, kind):
    value = float(result)
    less, same, more = kind(value - 1), kind(value), kind(value + 1)
    assert less < result < more
    assert more > result > less
    assert less <= result <= same
    assert more >= result >= same
    assert not result < same
    assert not result > same
    assert not result <= less
    assert not result >= more
    assert math.isclose(result, value)
    with pytest.raises(TypeError):
        assert result < "1"


@each_result
def test_a_result_rounds_and_formats_as_its_estimate(result):
    value = float(result)
    assert (round(result), round(result, 2)) == (round(value), round(value, 2))
    assert f"{result:.3f} {result:+9.2e}" == f"{value:.3f} {value:+9.2e}"
    assert f"{result}" == str(result) == f"{value:.4f} +- {result.stderr:.4f} bits"
    assert str(dataclasses.replace(result, stderr=None)) == f"{value:.4f} bits"


def test_results_sort_and_are_numbers_to_numpy():
    results = mutual_information(X, Y, k=[9, 3, 5])
    values = [one.mi for one in results]
    assert [one.mi for one in sorted(results)] == sorted(values)
    assert (max(results).mi, min(results).mi) == (max(values), min(values))
    assert np.array(results, dtype=float).tolist() == np.asarray(results).tolist() == values
    assert np.array(results, dtype=np.float32).dtype == np.float32
    assert np.mean(results) == np.mean(values)
    assert (np.array(values) >= results[0]).tolist() == [value >= values[0] for value in values]


@each_result
@pytest.mark.parametrize("kind", [float, np.float64])
def test_a_result_equals_records_and_no_number(result, kind):
    assert result == copy.copy(result)
    assert result != dataclasses.replace(result, seconds=result.seconds + 1)
    assert result != kind(float(result))
    assert kind(float(result)) != result


@each_result
def test_arithmetic_is_left_to_the_number(result):
    for other in (1, 1.0, result):
        with pytest.raises(TypeError):
            _ = result + other
        with pytest.raises(TypeError):
            _ = other - result


def test_results_in_different_units_are_not_compared():
    nats = mutual_information(X, Y, units="nats")
    with pytest.raises(InputError, match="one result is in bits, the other in nats: estimate both with the same units"):
        _ = RESULTS["mi"] < nats
    assert nats < RESULTS["mi"].mi  # a plain number has no unit


@each_result
def test_copies_are_equal(result):
    for other in (copy.copy(result), copy.deepcopy(result), pickle.loads(pickle.dumps(result)), dataclasses.replace(result)):
        assert other == result
        assert hash(other) == hash(result)
        assert (other.local is None) == (result.local is None)


def test_one_line_says_what_a_result_is():
    number = r"-?\d\.\d{4} \+- \d\.\d{4} bits"
    sizes = "k=3, n_samples=300, dimensions"
    assert re.fullmatch(rf"MIResult\({number}, ksg1, {sizes} 2 \+ 2\)", repr(RESULTS["mi"]))
    assert re.fullmatch(
        rf"MIResult\({number}, ksg1, {sizes} 2 \+ 2, at least \d\.\d+ \+- \d\.\d+ bits, verdict: [a-z ]+\)",
        repr(RESULTS["mi with all"]),
    )
    assert re.fullmatch(rf"MultiInformationResult\({number}, ksg1, {sizes} 2 \+ 2\)", repr(RESULTS["multi"]))
    assert re.fullmatch(rf"EntropyResult\({number}, knn, {sizes} 2\)", repr(RESULTS["entropy"]))
    assert re.fullmatch(rf"DivergenceResult\({number}, {sizes} 2\)", repr(RESULTS["divergence"]))
    assert repr(mutual_information(X, Y, given=X[:, :1], error_bar=False)).endswith("dimensions 2 + 2 given 1)")
    assert repr(mutual_information(X, X[:, 0] > 0, estimator="ross")).endswith("dimensions 2 + class labels)")
    assert repr(dataclasses.replace(RESULTS["mi"], notes=("one",))).endswith(", 1 note)")
    assert repr(dataclasses.replace(RESULTS["mi"], notes=("one", "two"))).endswith(", 2 notes)")
    assert "gaussian, n_samples=300" in repr(mutual_information(X, Y, estimator="gaussian"))


@each_result
def test_a_notebook_shows_a_table_with_the_notes(result):
    html = dataclasses.replace(result, notes=("a < b",))._repr_html_()
    assert f"<tr><th>{result.quantity}</th><td>{result}</td></tr>" in html
    assert "<li>a &lt; b</li>" in html
    assert "a < b" not in html
    if getattr(result, "reliability", None) is not None:
        assert f"<th>verdict</th><td>{result.reliability.verdict}</td>" in html


def test_a_matrix_in_one_line_and_as_a_table():
    layers = {"<b>first</b>": X, "second": Y, "noise": RNG.standard_normal((300, 2))}
    matrix = mutual_information_matrix(layers, labels=X[:, 0] > 0)
    assert repr(matrix) == "MIMatrix(3 layers: <b>first</b> second noise, bits, ksg1, k=3, n_samples=300, 1 note)"
    html = dataclasses.replace(matrix, notes=("a < b",))._repr_html_()
    assert html.count("&lt;b&gt;first&lt;/b&gt;") == 2
    assert "<b>" not in html
    assert "<li>a &lt; b</li>" in html
    assert html.count("<tr>") == 4
    assert "<th>labels</th>" in html
    assert f"<td>{matrix.with_labels[1]:.4f}</td></tr>" in html
    shades = [float(shade) for shade in re.findall(r"background: rgba\(0, 114, 178, (.*?)\)", html)]
    assert len(shades) == 6  # all but the diagonal
    assert shades[0] == max(shades) == 0.6
    many = mutual_information_matrix({f"layer{m}": X + m for m in range(8)}, error_bar=False)
    assert "8 layers: layer0 layer1 layer2 layer3 layer4 layer5 ..." in repr(many)
    assert "<td" in dataclasses.replace(matrix, mi=-np.ones((3, 3)), with_labels=None)._repr_html_()
