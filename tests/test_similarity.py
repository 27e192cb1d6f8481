"""CKA, shared neighbours and dimensions against their definitions, on samples that a careless computation gets wrong."""

import itertools
import json
import math
import operator
import re
from fractions import Fraction

import numpy as np
import pytest

import awkward
import mi_core
from conftest import REPOSITORY
from mi_core import InputError, linear_kernel, mutual_information, similarity
from mi_core.backends.cpu import ordered_nearest
from mi_core.explanations import noted

SIDES = {f"{name}, {side}": pair[place] for name, pair in awkward.CASES.items() for place, side in enumerate("xy")}


def rng_of(seed=0):
    return np.random.default_rng(seed)


def mixed(n, dim_x, dim_y, shared, seed=0):
    """Two sides that share some directions."""
    rng = rng_of(seed)
    hidden = rng.standard_normal((n, shared))
    return (
        hidden @ rng.standard_normal((shared, dim)) + np.sqrt(shared) * rng.standard_normal((n, dim)) + 3
        for dim in (dim_x, dim_y)
    )


# ------------------------------------------------------------------ CKA


def oracle_cka(x, y):
    """Through U-centred Gram matrices: Szekely & Rizzo 2014, whose inner product is the estimator of Song et al. 2012."""

    def u_centred(points):
        points = points.astype(np.longdouble)
        gram, n = (points - points.mean(axis=0)) @ (points - points.mean(axis=0)).T, len(points)
        np.fill_diagonal(gram, 0)
        sums = gram.sum(axis=0)
        gram = gram - sums[:, None] / (n - 2) - sums[None, :] / (n - 2) + gram.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(gram, 0)
        return gram

    a, b = u_centred(x), u_centred(y)
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


@pytest.mark.parametrize(("n", "dim_x", "dim_y"), [(4, 2, 3), (90, 5, 7), (90, 1, 200), (40, 300, 150), (700, 20, 150)])
def test_cka_is_that_of_the_definition_either_way(n, dim_x, dim_y):
    x, y = mixed(n, dim_x, dim_y, shared=2)
    expected = oracle_cka(x, y)
    assert float(similarity.cka(x, y)) == pytest.approx(expected, abs=1e-12)
    kernels = [linear_kernel.kernel(side) for side in (x, y)]
    products = []
    for way in (linear_kernel.of_covariances, linear_kernel.of_gram_matrices):
        xy, xx, yy = (linear_kernel.unbiased(a, b, way(a, b, 2)) for a, b in (kernels, kernels[:1] * 2, kernels[1:] * 2))
        products.append(xy / np.sqrt(xx * yy))
    np.testing.assert_allclose(products, expected, atol=1e-10)


def test_cka_has_the_value_of_a_case_by_hand():
    """Two ways to halve four samples: U-centred, 4/3 in the pairs that one way joins and -2/3 in others; -12/9 over 24/9."""
    assert float(similarity.cka([1, 1, -1, -1], [1, -1, 1, -1])) == pytest.approx(-1 / 2, abs=1e-14)


def test_cka_does_not_see_rotation_scale_and_offset():
    x, _ = mixed(300, 20, 1, shared=3)
    rotation, _ = np.linalg.qr(rng_of(1).standard_normal((20, 20)))
    assert float(similarity.cka(x, 1e-7 * x @ rotation - 5)) == pytest.approx(1, abs=1e-9)
    assert float(similarity.cka(x, x)) == pytest.approx(1, abs=1e-14)
    assert float(similarity.cka(x, x * np.linspace(1, 9, 20))) < 0.9


def test_cka_of_gaussians_is_near_that_of_their_covariances():
    """x and a x + noise: |Cov(x, y)|^2 / |Cov(x)| |Cov(y)| = a^2 / (a^2 + s^2)."""
    rng = rng_of(2)
    x = rng.standard_normal((5000, 8))
    y = 0.6 * x + 0.8 * rng.standard_normal((5000, 8))
    assert float(similarity.cka(x, y)) == pytest.approx(0.36, abs=0.02)


def test_independent_sides_read_zero_however_many_columns():
    """Where the usual estimator reads near 1: 40 samples of 2,000 columns."""
    values = []
    for seed in range(20):
        rng = rng_of(seed)
        x, y = rng.standard_normal((40, 2000)), rng.standard_normal((40, 2000))
        values.append(float(similarity.cka(x, y)))
        grams = [(s - s.mean(axis=0)) @ (s - s.mean(axis=0)).T for s in (x, y)]
        biased = (grams[0] * grams[1]).sum() / np.sqrt((grams[0] ** 2).sum() * (grams[1] ** 2).sum())
        assert biased > 0.9
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(20)
    assert np.std(values) < 0.1


def test_shuffles_tell_dependence_from_none():
    x, y = mixed(200, 30, 30, shared=2)
    related = similarity.cka(x, y, permutations=99, seed=3)
    assert related.null.p_value == 0.01
    assert abs(related.null.mean) < related.null.std
    strangers = similarity.cka(x, rng_of(9).standard_normal((200, 30)), permutations=99)
    assert strangers.null.p_value > 0.02
    again = similarity.cka(x, y, permutations=99, seed=3, threads=1)
    assert (again.value, again.null) == (related.value, related.null)


@pytest.mark.parametrize("name", SIDES)
def test_awkward_sides_give_a_number_and_one_with_themselves(name):
    side = SIDES[name]
    if len(side) < 4:
        with pytest.raises(InputError, match=r"x has 2 samples: cka needs at least 4\."):
            similarity.cka(side, side)
        return
    found = similarity.cka(side, side)
    is_nothing = any("nothing to compare" in note for note in found.notes)
    assert float(found) == pytest.approx(0 if is_nothing else 1, abs=1e-9)
    assert is_nothing == (name in ("one outlier, x", "all points equal, x", "all points equal, y"))
    assert np.isfinite(float(similarity.cka(side, rng_of().standard_normal((len(side), 3)))))


@pytest.mark.parametrize(
    ("points", "note"),
    [
        (np.ones((30, 2)), "x is constant: all 30 samples are the same"),
        (np.eye(30), "All samples of x are equally far from one another"),
        (
            np.column_stack([100 * np.sin(np.arange(30)), np.cos(np.arange(30))]),
            "One column of x, number 0, has 100% of the variance",
        ),
        (
            np.where(np.arange(60).reshape(30, 2) == 14, 1000, np.arange(60).reshape(30, 2) % 7),
            "One sample of x, in row 7, has",
        ),
    ],
)
def test_notes_say_what_cka_sees_little_in(points, note):
    found = similarity.cka(points, rng_of().standard_normal((30, 3)))
    assert any(one.startswith(note) for one in found.notes)
    assert (float(found) == 0) == ("nothing to compare" in " ".join(found.notes))


# ------------------------------------------------------------------ neighbours


def oracle_neighbours(points, k, metric, order):
    """(n, k) by distance in float64, then by how soon the place in `order`, a ring, comes after the point's own."""
    points = points.astype(np.float64)
    place = np.argsort(order)
    found = []
    for i, point in enumerate(points):
        apart = points - point
        far = np.abs(apart).max(axis=1) if metric == "chebyshev" else squares_in_order(apart)
        others = [j for j in range(len(points)) if j != i]
        after = (place - place[i]) % len(points)
        found.append(sorted(others, key=lambda j, far=far, after=after: (far[j], after[j]))[:k])
    return np.array(found)


def squares_in_order(apart):
    """Sums of squares, column by column, of differences (n, dim) that one power of two keeps from overflowing."""
    largest = np.abs(apart).max()
    apart = np.ldexp(apart, -int(np.frexp(largest)[1])) if largest > 1e150 or largest < 1e-150 else apart
    total = np.zeros(len(apart))
    for column in apart.T:
        total += column * column
    return total


@pytest.mark.parametrize("metric", ["euclidean", "chebyshev"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", SIDES)
def test_neighbours_are_exact_and_ties_in_the_order_given(name, dtype, metric):
    side = SIDES[name]
    if dtype == np.float32 and name.rpartition(",")[0] not in awkward.IN_FLOAT32:
        pytest.skip("beyond float32")
    side = side.astype(dtype)
    order = rng_of(4).permutation(len(side))
    k = min(7, len(side) - 1)
    far, found = ordered_nearest.ordered_nearest(side, k, metric, order, threads=2)
    np.testing.assert_array_equal(found, oracle_neighbours(side, k, metric, order))
    assert (np.diff(far) >= 0).all()
    wide = side.astype(np.longdouble)
    apart = np.abs(wide[found[0]] - wide[0])
    expected = apart.max(axis=1) if metric == "chebyshev" else np.sqrt((apart**2).sum(axis=1))
    unit = far[0, -1] / expected[-1] if metric == "euclidean" and expected[-1] > 0 else 1.0
    assert unit == pytest.approx(1, rel=1e-12) or awkward_scale(side)
    np.testing.assert_allclose(far[0], (unit * expected).astype(float), rtol=1e-12, atol=0)


def awkward_scale(side):
    """Whether squares of some values, or of their differences, may overflow or vanish."""
    sizes = np.abs(side[side != 0])
    return bool(sizes.max() > 1e100 or sizes.min() < 1e-100)


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1e-150, 1.0, 1e150, 1e306])
def test_the_scale_of_the_samples_is_no_matter_at_the_ends_of_float64(scale):
    points = rng_of(1).standard_normal((200, 40))
    found = similarity.intrinsic_dimension(scale * points)
    assert found.value == pytest.approx(similarity.intrinsic_dimension(points).value, rel=1e-9)
    assert found.notes == ()
    assert similarity.neighbour_overlap(scale * points, points).value == 1


def test_small_differences_beside_large_ones_are_distances_or_refused():
    points = rng_of(1).standard_normal((100, 2))
    near = np.concatenate([points, 1e-200 * points])
    each = similarity.intrinsic_dimension(points).value
    assert similarity.intrinsic_dimension(near).value == pytest.approx(each, rel=0.1)
    with pytest.raises(
        InputError, match=r"x has samples that are so near to each other, relative to its largest value \d.\de\+300"
    ):
        similarity.intrinsic_dimension(np.concatenate([1e300 * points, 1e-200 * points]))


@pytest.mark.parametrize("far", [1.0, 1e3, 1e6, 1e9])
@pytest.mark.parametrize("n", [5, 40])
def test_few_samples_with_one_far_away_keep_their_value(n, far):
    rng = rng_of(n)
    x = rng.standard_normal((n, 3))
    y = x + rng.standard_normal((n, 3))
    x[2] *= far
    exact = (
        [[Fraction(value) for value in row] for row in x.tolist()],
        [[Fraction(value) for value in row] for row in y.tolist()],
    )
    result = similarity.cka(x, y)
    assert result.value == pytest.approx(exact_cka(*exact), abs=1e-6)
    assert not any("nothing to compare" in note for note in result.notes)
    assert similarity.cka(x, x).value == pytest.approx(1, abs=1e-12)
    assert similarity.cka(x, x).value <= 1


def exact_cka(*sides):
    """CKA from U-centred Gram matrices in whole fractions, rounded at the end."""
    centred = []
    for points in sides:
        n = len(points)
        gram = [[0 if a is b else sum(map(operator.mul, a, b)) for b in points] for a in points]
        sums = [sum(row) / (n - 2) for row in gram]
        mean = sum(sums) / (n - 1)
        centred.append([gram[i][j] - sums[i] - sums[j] + mean for i in range(n) for j in range(n) if i != j])
    x, y = centred
    xy, xx, yy = (sum(map(operator.mul, a, b)) for a, b in ((x, y), (x, x), (y, y)))
    return float(xy / xx) * math.sqrt(xx / yy)


@pytest.mark.parametrize("k", [1, 80, 299])
def test_neighbours_are_the_same_for_any_number_and_precision_of_products(k, monkeypatch):
    points, _ = mixed(300, 30, 1, shared=4)
    points[100:150] = points[:50]
    order = rng_of(4).permutation(300)
    expected = oracle_neighbours(points, k, "euclidean", order)
    for in_single, threads in itertools.product((1024, 0), (1, 3)):
        monkeypatch.setattr(ordered_nearest, "IN_SINGLE", in_single)
        _, found = ordered_nearest.ordered_nearest(points, k, "euclidean", order, threads=threads)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("metric", ["euclidean", "chebyshev"])
def test_overlap_is_the_mean_share_of_common_neighbours(metric):
    x, y = mixed(150, 6, 9, shared=3)
    any_order = np.arange(150)
    for k in (1, 10, 149):
        of_x, of_y = (oracle_neighbours(side, k, metric, any_order) for side in (x, y))
        expected = np.mean([len(set(a) & set(b)) / k for a, b in zip(of_x, of_y, strict=True)])
        found = similarity.neighbour_overlap(x, y, k=k, metric=metric)
        assert float(found) == pytest.approx(expected, abs=1e-14)
        assert found.expected == pytest.approx(k / 149)
    assert float(found) == 1
    assert float(similarity.neighbour_overlap(x, x)) == 1


def test_shuffled_neighbours_are_those_of_shuffled_samples():
    x, y = mixed(120, 4, 4, shared=2)
    rows = rng_of(5).permutation(120)
    of_x, of_y, shuffled = (similarity.neighbours(side, 5, "euclidean", rng_of(), threads=1) for side in (x, y, y[rows]))
    assert similarity.overlap(of_x, of_y.take(rows)) == similarity.overlap(of_x, shuffled)
    found = similarity.neighbour_overlap(x, y, k=5, permutations=199)
    assert found.null.p_value == 0.005
    assert found.null.mean == pytest.approx(5 / 119, abs=4 * found.null.std / np.sqrt(199))


@pytest.mark.parametrize("kind", ["constant", "many zeros", "classes"])
def test_ties_make_independent_sides_no_more_alike_than_chance(kind):
    """By the order of rows, both sides would take the first ones, and read 1 where they are constant."""
    x, y = rng_of(6).standard_normal((2, 400, 2))
    if kind == "constant":
        x, y = 0 * x, 0 * y
    elif kind == "many zeros":
        x, y = np.maximum(x - 1, 0), np.maximum(y - 1, 0)
    else:
        x, y = np.sign(x), np.sign(y)
    found = similarity.neighbour_overlap(x, y, permutations=50)
    assert found.null.std < 0.005
    assert abs(float(found) - found.expected) < 4 * found.null.std
    assert abs(found.null.mean - found.expected) < 4 * found.null.std / np.sqrt(50)
    assert len(found.notes) == 2
    assert all("at random" in note for note in found.notes)
    assert found.seed == 0
    assert similarity.neighbour_overlap(*rng_of().standard_normal((2, 50, 2))).seed is None


# ------------------------------------------------------------------ dimensions


def ball(n, dim, columns, seed=0):
    """Uniform in a ball of so many dimensions, turned within more columns."""
    rng = rng_of(seed)
    points = rng.standard_normal((n, dim))
    points *= rng.random((n, 1)) ** (1 / dim) / np.linalg.norm(points, axis=1, keepdims=True)
    rotation, _ = np.linalg.qr(rng.standard_normal((columns, columns)))
    return points @ rotation[:dim]


@pytest.mark.parametrize(("dim", "low"), [(1, 0.97), (2, 0.95), (5, 0.88), (10, 0.78)])
@pytest.mark.parametrize("k", [2, 10])
def test_intrinsic_dimension_of_balls(dim, low, k):
    """The boundary of a ball, near which most of its samples lie in many dimensions, makes it read low."""
    values = [float(similarity.intrinsic_dimension(ball(1500, dim, 20, seed), k=k)) for seed in range(3)]
    assert low * dim < np.mean(values) < 1.05 * dim
    assert np.std(values) < 0.1 * dim


def test_intrinsic_dimension_is_the_formula_of_its_papers():
    x = rng_of().standard_normal((80, 3))
    far = np.sort(np.linalg.norm(x[:, None] - x[None], axis=2), axis=1)[:, 1:]
    two = np.log(far[:, 1] / far[:, 0])
    assert float(similarity.intrinsic_dimension(x)) == pytest.approx(79 / two.sum(), rel=1e-12)
    several = np.log(far[:, 4:5] / far[:, :4])  # the mean of inverses is that of MacKay & Ghahramani, but for one of 320
    assert float(similarity.intrinsic_dimension(x, k=5)) == pytest.approx(319 / 320 / several.mean(), rel=1e-12)


def test_intrinsic_dimension_is_without_bias_in_a_flat_space_without_edges():
    """On a circle, samples per draw few: the plain maximum-likelihood estimate, n / (n - 1) as large, would read 5 % high."""
    values = []
    for seed in range(300):
        angle = rng_of(seed).uniform(0, 2 * np.pi, 21)
        values.append(float(similarity.intrinsic_dimension(np.column_stack([np.cos(angle), np.sin(angle)]), threads=1)))
    assert np.mean(values) == pytest.approx(1, abs=0.1)


def test_copies_count_once_and_are_told():
    x = ball(500, 2, 5)
    once = similarity.intrinsic_dimension(x)
    found = similarity.intrinsic_dimension(np.vstack([x, x[:100], x[:100]]))
    assert float(found) == float(once)
    assert found.n_samples == 500
    assert found.notes == (noted("intrinsic-dimension", "200 of 700 samples are copies of others and were left out."),)


@pytest.mark.parametrize(
    ("points", "k", "message"),
    [
        ([[0, 0]] * 9, 2, "x has 1 different samples: more than k=2 are needed"),
        ([[0.0], [1.0], [1.0]], 2, "x has 2 different samples"),
        (np.arange(2), 2, "x has 2 different samples"),
        (np.eye(9), 2, "equally far away, as on a grid"),
        (np.arange(9.0), 1, "k is 1: it must be at least 2"),
    ],
)
def test_what_has_no_intrinsic_dimension_is_refused(points, k, message):
    with pytest.raises(InputError, match=message):
        similarity.intrinsic_dimension(points, k=k)


def test_samples_on_a_grid_are_noted():
    found = similarity.intrinsic_dimension(np.round(rng_of().standard_normal((300, 2)), 1))
    assert "at the same distance, as on a grid" in " ".join(found.notes)
    assert "larger than the number of columns, 2" in " ".join(found.notes)


@pytest.mark.parametrize(("n", "dim"), [(200, 5), (30, 400)])
def test_participation_ratio_is_that_of_the_eigenvalues(n, dim):
    x = rng_of().standard_normal((n, dim)) * np.linspace(0.1, 3, dim) + 7
    eigenvalues = np.linalg.eigvalsh(np.cov(x.T))
    found = similarity.participation_ratio(x)
    assert float(found) == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum(), rel=1e-10)
    assert bool(found.notes) == (dim == 400)
    assert float(similarity.participation_ratio(x[:, 0])) == pytest.approx(1, abs=1e-12)
    with pytest.raises(InputError, match="x is constant: all 9 samples"):
        similarity.participation_ratio(np.ones(9))


# ------------------------------------------------------------------ what all have in common


def test_results_are_numbers_and_plain_records():
    x, y = mixed(60, 3, 4, shared=2)
    found = similarity.neighbour_overlap(x.astype(np.float32), y.tolist(), permutations=9)
    assert 0.1 < found < 0.9
    assert np.mean([found, found]) == found.value
    assert f"{found:.2f}" == f"{found.value:.2f}"
    assert str(found) == f"{found.value:.4f}"
    assert repr(found) == f"SimilarityResult({found.value:.4f}, knn, k=10, n_samples=60, dimensions 3 + 4)"
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["null"]["permutations"] == 9
    assert record["metric"] == "euclidean"
    assert f"<td>{found.expected:.4f} on average</td>" in found._repr_html_()
    ratio = similarity.participation_ratio(x)
    assert repr(ratio) == f"DimensionResult({ratio.value:.4f}, participation ratio, n_samples=60, dimensions 3)"
    with pytest.raises(InputError, match="one result is in knn, the other in cka: use one measure to compare them"):
        max(similarity.cka(x, y), found)
    with pytest.raises(InputError, match="one result is in knn, the other in bits"):
        bool(found < mutual_information(x, y))


@pytest.mark.parametrize("measure", [similarity.cka, similarity.neighbour_overlap])
def test_arguments_go_through_the_door(measure):
    x, y = mixed(60, 3, 4, shared=2)
    with pytest.raises(InputError, match="x has 60 samples and y has 59"):
        measure(x, y[:59])
    with pytest.raises(InputError, match="y has 1 value that is NaN"):
        measure(x, np.where(np.arange(240).reshape(60, 4) == 5, np.nan, y))
    gone = measure(x, np.where(np.arange(240).reshape(60, 4) == 5, np.nan, y), missing="drop")
    assert gone.value == measure(np.delete(x, 1, axis=0), np.delete(y, 1, axis=0)).value
    assert gone.notes[0].startswith("1 of 60 rows had missing values")
    with pytest.raises(InputError, match="permutations is -1"):
        measure(x, y, permutations=-1)
    with pytest.raises(InputError, match="missing is 'fill'"):
        measure(x, y, missing="fill")
    walk = np.cumsum(rng_of().standard_normal((500, 2, 2)), axis=0)
    assert "measure on one row of each group" in measure(walk[:, 0], walk[:, 1]).notes[0]
    told = []
    measure(x, y, permutations=3, progress=lambda *state: told.append(state))
    assert told[-1][0] == told[-1][1]


def test_options_of_neighbours_are_checked():
    x, y = mixed(60, 3, 4, shared=2)
    with pytest.raises(InputError, match="x has 60 samples and k=60"):
        similarity.neighbour_overlap(x, y, k=60)
    with pytest.raises(InputError, match="metric is 'cosine': it must be one of euclidean, chebyshev"):
        similarity.neighbour_overlap(x, y, metric="cosine")


def test_the_page_shows_the_numbers_that_its_program_prints(capsys, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    (program,) = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs/similarity.md").read_text("utf-8"), flags=re.DOTALL)
    exec(program, {})
    assert capsys.readouterr().out.split() == re.findall(r"# (.*)", program)


def test_the_namespace_is_loaded_when_asked_for():
    assert mi_core.similarity is similarity
    assert "similarity" in dir(mi_core)
