"""Samples that are not drawn each by itself: rows left out of the counts, exchanged groups, shifted series, and who is told."""

import json

import numpy as np
import pytest
from scipy.special import digamma
from typer.testing import CliRunner

import awkward
import oracle
from cli.main import app
from mi_core import (
    BackendUnavailableError,
    InputError,
    backends,
    conditional_mutual_information,
    multi_information,
    mutual_information,
    mutual_information_matrix,
    sampling,
)
from mi_core.how_drawn import memory, memory_of_classes
from mi_core.sampling import Groups, Series, resemblance

CPU = ("cpu-tree", "cpu-brute", "cpu-filter")


def subjects(seed, rho=0.0, share=0.95, sizes=(25,) * 40):
    """Rows of so many subjects, whose own level is `share` of the variance: x, y, groups."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    levels, trials = rng.standard_normal((2, len(sizes))), rng.standard_normal((2, len(groups)))
    for both in (levels, trials):
        both[1] = rho * both[0] + np.sqrt(1 - rho**2) * both[1]
    x, y = np.sqrt(share) * levels[:, groups] + np.sqrt(1 - share) * trials
    return x, y, groups


def series(seed, memory_of_one_step=0.95, n=1000, rho=0.0):
    """Two autoregressive series: x, y."""
    noise = np.random.default_rng(seed).standard_normal((2, n + 300))
    rows = np.zeros((2, n + 300))
    for t in range(1, n + 300):
        rows[:, t] = memory_of_one_step * rows[:, t - 1] + np.sqrt(1 - memory_of_one_step**2) * noise[:, t]
    x, y = rows[:, 300:]
    return x, rho * x + np.sqrt(1 - rho**2) * y


# Counts: what is left out is neither a neighbour nor counted


def ranges(n, kind):
    """(n, 2) rows that belong together with each: three groups of unequal size, or five steps of time."""
    if kind == "groups":
        return Groups(np.arange(n) * 3 // n + (np.arange(n) > n // 2)).left_out
    return Series(np.arange(n), 5).left_out


def expected(x, y, ks, left_out):
    """Radius (ks, n) and counts (2, ks, n), straight from the definition."""
    in_x, in_y = oracle.distances(x), oracle.distances(y)
    for i, (first, last) in enumerate(left_out):
        in_x[i, first:last] = in_y[i, first:last] = np.inf
    radius = np.array([oracle.kth(np.maximum(in_x, in_y), k) for k in ks])
    return radius, np.array([[np.sum(side < r[:, np.newaxis], axis=1) for r in radius] for side in (in_x, in_y)])


@pytest.mark.parametrize("kind", ["groups", "series"])
@pytest.mark.parametrize("name", [name for name in awkward.CASES if len(awkward.CASES[name][0]) >= 50])
def test_every_backend_leaves_the_same_rows_out(name, kind):
    x, y = awkward.CASES[name]
    left_out = ranges(len(x), kind)
    radius, counts = expected(x, y, (1, 4), left_out)
    for backend in CPU:
        found, found_counts, _ = backends.neighbour_counts(
            (x, y), ((0, 1), (1, 2)), (4, 1), backend=backend, threads=2, left_out=left_out
        )
        np.testing.assert_array_equal(found[::-1], radius, err_msg=backend)
        np.testing.assert_array_equal(found_counts[:, ::-1], counts, err_msg=backend)


@pytest.mark.parametrize("backend", CPU)
def test_float32_samples_leave_rows_out_too(backend):
    x, y = (side.astype(np.float32) for side in awkward.gaussian(np.random.default_rng(0), 700, 30, 2))
    left_out = ranges(700, "series")
    radius, counts = expected(x, y, (3,), left_out)
    found, found_counts, _ = backends.neighbour_counts(
        (x, y), ((0, 1), (1, 2)), (3,), backend=backend, threads=1, left_out=left_out
    )
    np.testing.assert_array_equal(found, radius)
    np.testing.assert_array_equal(found_counts, counts)


def test_counts_of_given_radii_leave_rows_out():
    x = awkward.CASES["rounded"][0]
    left_out = ranges(len(x), "groups")
    radius = np.sort(np.abs(np.random.default_rng(0).standard_normal((2, len(x)))), axis=0)
    everybody, _ = backends.count_nearer(x, radius, backend="cpu-tree", threads=1)
    others, _ = backends.count_nearer(x, radius, backend="cpu-tree", threads=1, left_out=left_out)
    apart = oracle.distances(x)
    own = [[np.sum(apart[i, first:last] < r[i]) for i, (first, last) in enumerate(left_out)] for r in radius]
    np.testing.assert_array_equal(everybody - others, own)


def test_the_estimate_is_the_formula_with_as_many_samples_as_may_be_counted():
    x, y, groups = subjects(0, rho=0.5, sizes=(10, 20, 30, 40))
    _, counts = expected(x, y, (5,), Groups(groups).left_out)
    countable = 100 - np.array([10, 20, 30, 40])[groups] + 1
    local = digamma(5) + digamma(countable) - digamma(counts[0, 0] + 1) - digamma(counts[1, 0] + 1)
    found = mutual_information(x, y, k=5, groups=groups, units="nats", return_local=True)
    np.testing.assert_allclose(found.local_mi, local, rtol=1e-12, atol=1e-12)


def test_conditional_counts_leave_rows_out_too():
    x, y = series(3, n=200, rho=0.5)
    z = np.random.default_rng(0).standard_normal(200)
    sides = [oracle.distances(side) for side in (x, y, z)]
    for i, (first, last) in enumerate(Series(np.arange(200), 7).left_out):
        for side in sides:
            side[i, first:last] = np.inf
    in_x, in_y, in_z = sides
    radius = oracle.kth(np.maximum(np.maximum(in_x, in_y), in_z), 3)[:, np.newaxis]
    n_xz, n_yz, n_z = (np.sum(side < radius, axis=1) for side in (np.maximum(in_x, in_z), np.maximum(in_y, in_z), in_z))
    value = digamma(3) - np.mean(digamma(n_xz + 1) + digamma(n_yz + 1) - digamma(n_z + 1))
    found = conditional_mutual_information(x, y, z, k=3, series=True, exclude=7, units="nats", error_bar=False)
    assert abs(found.mi - value) < 1e-12


def test_the_order_of_the_rows_of_groups_does_not_matter():
    x, y, groups = subjects(0, rho=0.5)
    names = np.array([f"subject {group}" for group in groups])
    shuffled = np.random.default_rng(0).permutation(len(x))
    one = mutual_information(x, y, groups=groups, return_local=True, error_bar=False)
    other = mutual_information(x[shuffled], y[shuffled], groups=names[shuffled], return_local=True, error_bar=False)
    assert one.mi == other.mi
    np.testing.assert_array_equal(one.local_mi[shuffled], other.local_mi)


# Values: nothing is made out of rows that belong together, and what is there is found


def test_independent_subjects_share_nothing():
    naive = [mutual_information(*subjects(seed)[:2], error_bar=False).mi for seed in range(6)]
    named = [mutual_information(x, y, groups=groups, error_bar=False).mi for x, y, groups in map(subjects, range(6))]
    assert np.mean(naive) > 0.3
    assert abs(np.mean(named)) < 0.1


def test_independent_series_share_nothing():
    naive = [mutual_information(*series(seed, 0.98), error_bar=False).mi for seed in range(6)]
    named = [mutual_information(*series(seed, 0.98), series=True, error_bar=False).mi for seed in range(6)]
    assert np.mean(naive) > 0.15
    assert abs(np.mean(named)) < 0.1


@pytest.mark.parametrize(
    ("samples", "options"),
    [(lambda seed: subjects(seed, sizes=(10, 40) * 15), "groups"), (lambda seed: series(seed, 0.9, 500), "series")],
    ids=["groups of two sizes", "series"],
)
def test_independent_sides_are_seldom_called_dependent(samples, options):
    """The p-value is uniform: 24 draws have 6 below 0.25 on average, and more than 12 in one of 500 sets of draws."""
    p_values = []
    for seed in range(24):
        x, y, *groups = samples(seed)
        named = {"groups": groups[0]} if groups else {"series": True}
        found = mutual_information(x, y, **named, permutations=19, error_bar=False, seed=seed)
        p_values.append(found.null.p_value)
    assert 1 <= np.sum(np.array(p_values) <= 0.25) <= 12


def test_real_dependence_is_still_found():
    """The truth is 0.74 bits; over draws of 40 subjects the estimate spreads by 0.2, of such series by 0.15."""
    for samples in (lambda seed: subjects(seed, rho=0.8), lambda seed: series(seed, rho=0.8)):
        found = []
        for seed in range(4):
            x, y, *groups = samples(seed)
            named = {"groups": groups[0]} if groups else {"series": True}
            found.append(mutual_information(x, y, **named, permutations=19, error_bar=False))
        assert all(one.null.p_value == 1 / 20 for one in found)
        assert abs(np.mean([one.mi for one in found]) + np.log2(0.6)) < 0.3


def test_error_bars_are_as_long_as_the_spread_over_data_sets():
    for samples in (lambda seed: subjects(seed, rho=0.5), series):
        found = []
        for seed in range(12):
            x, y, *groups = samples(seed)
            found.append(mutual_information(x, y, **({"groups": groups[0]} if groups else {"series": True})))
        spread = np.std([one.mi for one in found], ddof=1)
        assert 0.6 < np.sqrt(np.mean([one.stderr**2 for one in found])) / spread < 1.8


def test_multi_information_leaves_rows_out():
    x, y, groups = subjects(0, rho=0.5)
    both = mutual_information(x, y, groups=groups)
    several = multi_information([x, y], groups=groups)
    assert (several.mi, several.stderr, several.independent_units) == (both.mi, both.stderr, 40)


# How rows are taken and exchanged


def test_exchanged_groups_stay_whole():
    sizes = (3, 7, 5, 9)
    sampling = Groups(np.repeat(np.arange(4), sizes))
    seen = set()
    for seed in range(20):
        rows = sampling.surrogate(24, np.random.default_rng(seed))
        beside = [set(sampling.group[rows[sampling.group == group]]) for group in range(4)]
        assert all(len(others) == 1 for others in beside)
        assert sorted(min(others) for others in beside) == [0, 1, 2, 3]
        for group, size in enumerate(sizes):  # each row of the other as often as any
            assert np.ptp(np.unique(rows[sampling.group == group], return_counts=True)[1]) <= 1, size
        seen.add(tuple(min(others) for others in beside))
    assert len(seen) > 5


def test_what_sides_share_through_the_order_in_groups_is_dependence():
    """Both go with the number of the visit, alike in all subjects, and share nothing else; in any order of rows."""
    rng = np.random.default_rng(7)
    subject, visit = np.repeat(np.arange(40), 6), np.tile(np.arange(6), 40)
    x = 10 * visit + rng.standard_normal(240)
    y = np.repeat(rng.standard_normal(40), 6) + visit + 0.3 * rng.standard_normal(240)
    in_any_order = rng.permutation(240)
    for rows in (slice(None), in_any_order):
        found = mutual_information(x[rows], y[rows], groups=subject[rows], permutations=39, error_bar=False)
        assert found.null.p_value == 1 / 40
        assert abs(found.null.mean) < 0.1 < 0.3 < found.mi


def test_a_series_is_shifted_by_more_than_its_memory():
    sampling = Series(np.arange(100), 10)
    for seed in range(50):
        rows = sampling.surrogate(100, np.random.default_rng(seed))
        shift = int((rows[0] - 0) % 100)
        np.testing.assert_array_equal(rows, (np.arange(100) + shift) % 100)
        assert 21 <= shift <= 79


@pytest.mark.parametrize("sampling", [Groups(np.repeat(np.arange(20), 7)), Series(np.arange(140), 2)])
def test_parts_are_disjoint_and_of_whole_units(sampling):
    unit = sampling.part_of
    parts = sampling.parts(140, 4, np.random.default_rng(0))
    assert sorted(np.concatenate(parts)) == list(range(140))
    for part in parts:
        assert (np.diff(part) > 0).all()
        assert not set(unit[part]) & set(unit[np.setdiff1d(np.arange(140), part)])


def test_some_rows_of_a_series_keep_their_times():
    some = Series(np.arange(100), 10).take(np.array([0, 5, 11, 50, 61, 62]))
    np.testing.assert_array_equal(some.left_out, [[0, 2], [0, 3], [1, 3], [3, 4], [4, 6], [4, 6]])


def test_too_few_groups_have_no_error_bar():
    x, y, groups = subjects(0, sizes=(100,) * 7)
    assert mutual_information(x, y, k=3, groups=groups).stderr is None


def test_memory_is_that_of_the_slowest_column_and_of_its_distances():
    x, _ = series(0, 0.9, 20_000)
    fast = np.random.default_rng(0).standard_normal(20_000)
    assert abs(memory(x.reshape(-1, 1), 1000) - 9.5) <= 2  # 0.9 to the power 9.5 is 1/e
    assert memory(fast.reshape(-1, 1), 1000) == 1
    assert memory(np.column_stack([fast, x]), 1000) == memory(x.reshape(-1, 1), 1000)
    assert memory((np.exp(x) * fast).reshape(-1, 1), 1000) > 1  # no correlation but that of its scale
    assert memory(np.arange(100.0).reshape(-1, 1), 25) > 20


def test_memory_does_not_depend_on_the_order_of_many_columns():
    slow, _ = series(0, 0.97, 2000)
    white = np.random.default_rng(0).standard_normal((2000, 70))
    expected = memory(slow.reshape(-1, 1), 500)
    for place in (0, 1, 2, 65, 69):
        assert memory(np.insert(white, place, slow, axis=1), 500) == expected > 10


def test_memory_includes_what_all_columns_share():
    slow, _ = series(0, 0.99, 2000)
    columns = 0.5 * slow[:, np.newaxis] * np.resize([1, -1], 20) + np.random.default_rng(0).standard_normal((2000, 20))
    assert memory(columns[:, :1], 500) == 1
    assert memory(columns, 500) == pytest.approx(memory(slow.reshape(-1, 1), 500), rel=0.2)


def test_few_independent_units_are_said():
    few = mutual_information(*np.arange(400.0).reshape(2, 200), series=True, error_bar=False)
    assert few.independent_units < 20
    assert any(f"about {few.independent_units} independent units" in note for note in few.notes)
    many = mutual_information(*series(0), series=True, error_bar=False)
    assert not any("independent units" in note for note in many.notes)


def test_the_usual_order_is_about_as_many_as_hang_together():
    x, y, groups = subjects(0)
    assert mutual_information(x, y, error_bar=False).k == 3
    assert mutual_information(x, y, groups=groups, error_bar=False).k == 25
    assert mutual_information(x, y, groups=groups // 2, error_bar=False).k == 25
    assert mutual_information(x, y, groups=np.arange(1000) // 8, error_bar=False).k == 8
    found = mutual_information(x, y, k=3, groups=groups, error_bar=False)
    assert any("Leave k out to get 25" in note for note in found.notes)
    assert (found.k, found.independent_units, found.exclude) == (3, 40, None)


# Who is told


def test_rows_that_hang_together_are_noticed():
    for sides in (subjects(0)[:2], series(0), [np.sort(side) for side in series(0, 0.0)]):
        assert any("--groups" in note and "--series" in note for note in mutual_information(*sides, error_bar=False).notes)
    x, y, groups = subjects(0)
    assert not any("--series" in note for note in mutual_information(x, y, groups=groups, error_bar=False).notes)
    one_side = mutual_information(series(0)[0], np.random.default_rng(0).standard_normal(1000), error_bar=False)
    assert not any("--series" in note for note in one_side.notes)  # such pairs are as good as independent ones


@pytest.mark.parametrize("dim", [1, 40])
def test_independent_rows_are_seldom_taken_to_hang_together(dim):
    found = [resemblance(np.random.default_rng(seed).standard_normal((400, dim))) for seed in range(300)]
    assert np.mean(np.array(found) > 3) <= 0.02
    assert 0.8 < np.std(found) < 1.2


# What cannot be used, in one line each


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": [0, 1]}, "groups has 2 rows and x has 100 samples"),
        ({"groups": ["a"] * 100}, "groups has only one group, a"),
        ({"groups": range(100)}, "groups has a different group for each row"),
        ({"groups": np.linspace(0, 1, 100)}, "groups has values that are not whole"),
        ({"groups": [0, 1] * 50, "series": True}, "groups and series exclude each other"),
        ({"groups": [0] * 98 + [1, 2], "k": 3}, "some samples have only 2 others outside their own group or time"),
        ({"exclude": 3}, "exclude needs series"),
        ({"series": True, "exclude": 26}, "it must be at most a quarter of them, 25"),
        ({"series": True, "exclude": 0}, "exclude is 0: it must be at least 1"),
        ({"series": 5}, "series is 5: give True"),
        ({"series": True, "estimator": "lnc", "k": 30}, "the estimator lnc treats every sample as independent"),
        (
            {"groups": np.arange(100) // 25, "permutations": 9},
            "permutations needs at least 6 independent units, and there are about 4",
        ),
        (
            {"series": True, "given": [0.0, 1.0] * 50, "permutations": 9},
            "permutations with given treats every sample as independent",
        ),
        ({"series": True, "scheduler": "tcp://127.0.0.1:1"}, "cannot be split over a cluster"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(options, message):
    x, y = np.random.default_rng(0).standard_normal((2, 100))
    with pytest.raises(InputError, match=message) as caught:
        mutual_information(x, y, **options)
    assert "\n" not in str(caught.value)


def test_a_gpu_leaves_nothing_out():
    x, y = np.random.default_rng(0).standard_normal((2, 100))
    with pytest.raises(BackendUnavailableError, match="leave backend out, or take cpu"):
        mutual_information(x, y, series=True, backend="cuda")


# All pairs, labels, and what else the options reach


def test_a_matrix_has_what_each_pair_has():
    x, y, groups = subjects(0, rho=0.5)
    shuffled = np.random.default_rng(1).permutation(len(x))
    labels = np.where(groups[shuffled] % 2, "odd", "even")
    layers = {"x": x[shuffled], "y": y[shuffled]}
    matrix = mutual_information_matrix(layers, labels=labels, groups=groups[shuffled])
    pair = mutual_information(layers["x"], layers["y"], groups=groups[shuffled])
    of_labels = mutual_information(layers["x"], labels, estimator="ross", k=matrix.k, groups=groups[shuffled])
    assert (matrix.k, matrix.mi[0, 1], matrix.stderr[0, 1]) == (pair.k, pair.mi, pair.stderr)
    assert (matrix.with_labels[0], matrix.with_labels_stderr[0]) == (of_labels.mi, of_labels.stderr)
    assert (matrix.independent_units, matrix.exclude) == (40, None)
    unnamed = mutual_information_matrix({"x": x, "y": y}, error_bar=False)
    assert any("--groups" in note for note in unnamed.notes)


def test_a_matrix_does_not_go_on_with_other_groups():
    x, y, groups = subjects(0, sizes=(25,) * 8)
    layers, told = {"x": x, "y": y}, []
    whole = mutual_information_matrix(layers, k=3, groups=groups, on_partial=told.append, error_bar=False)
    again = mutual_information_matrix(layers, k=3, groups=groups, resume=told[0], error_bar=False)
    np.testing.assert_array_equal(again.mi, whole.mi)
    for options in ({"groups": groups // 2}, {}):
        with pytest.raises(InputError, match="resume is of samples with other groups"):
            mutual_information_matrix(layers, k=3, resume=told[0], error_bar=False, **options)


def test_class_labels_leave_rows_out():
    """Classes that subjects have at random tell nothing, though each subject has a level of its own."""
    groups = subjects(0, sizes=(20,) * 60)[2]
    x = np.column_stack([subjects(seed, share=0.99, sizes=(20,) * 60)[0] for seed in (0, 1)])
    labels = np.random.default_rng(5).integers(0, 2, 60)[groups]
    naive = mutual_information(x, labels, estimator="ross", error_bar=False)
    named = mutual_information(x, labels, estimator="ross", groups=groups, permutations=19, error_bar=False)
    assert naive.mi > 0.5
    assert abs(named.mi) < 0.2
    assert named.null.p_value > 0.05


def test_mixtures_leave_rows_out():
    x, y, groups = subjects(2, rho=0.6)
    found = mutual_information(x, y, estimator="mixture", k=25, groups=groups, error_bar=False)
    assert abs(found.mi - mutual_information(x, y, k=25, groups=groups, error_bar=False).mi) < 0.01


def test_groups_go_with_classes_of_z():
    x, y, groups = subjects(3, rho=0.6)
    z = np.where(groups < 20, "young", "old")
    found = mutual_information(x, y, given=z, groups=groups, error_bar=False)
    young = mutual_information(x[z == "young"], y[z == "young"], k=found.k, groups=groups[z == "young"], error_bar=False)
    old = mutual_information(x[z == "old"], y[z == "old"], k=found.k, groups=groups[z == "old"], error_bar=False)
    assert abs(found.mi - (young.mi + old.mi) / 2) < 1e-12


def test_a_verdict_on_samples_that_hang_together():
    x, y, groups = subjects(1, share=0.5)
    unnamed = mutual_information(x, y, diagnose=True).reliability
    assert unnamed.verdict != "trust"
    assert any("alike in both sides" in reason for reason in unnamed.reasons)
    named = mutual_information(x, y, groups=groups, diagnose=True).reliability
    assert named.verdict == "trust"
    assert abs(named.surrogates_mi) < 0.1
    x, y, groups = subjects(0, share=0.98)
    low = mutual_information(x, y, k=1, groups=groups, diagnose=True).reliability
    assert low.surrogates_mi < -0.2
    assert any("whole groups exchanged" in reason for reason in low.reasons)


def test_few_independent_units_are_no_ground_for_trust():
    x, y, groups = subjects(1, sizes=(60,) * 15)
    few = mutual_information(x, y, groups=groups, diagnose=True).reliability
    assert few.verdict != "trust"
    assert any("only about 15 independent units" in reason for reason in few.reasons)
    x, y, groups = subjects(1, sizes=(200,) * 4)
    assert mutual_information(x, y, groups=groups, diagnose=True).reliability.verdict == "not bits"


def test_a_verdict_takes_the_shuffles_that_were_made():
    x, y, groups = subjects(1)
    found = mutual_information(x, y, groups=groups, diagnose=True, permutations=9)
    assert found.reliability.surrogates_mi == found.null.mean


def test_exclude_may_be_a_number_of_numpy():
    x, y = series(0, n=400)
    found = mutual_information(x, y, series=True, exclude=np.int8(100), error_bar=False)
    assert type(found.exclude) is int
    assert found.mi == mutual_information(x, y, series=True, exclude=100, error_bar=False).mi


def test_columns_of_fewer_dimensions_hang_together_as_well():
    x, y, groups = subjects(1, rho=0.5)
    wide_x, wide_y = np.column_stack([x, 0.1 * y[::-1]]), np.column_stack([y, 0.1 * x[::-1]])
    found = mutual_information(wide_x, wide_y, reduce="pca:1", groups=groups[::-1])
    assert found.reduced.independent_units == found.independent_units == 40


def test_the_command_line_names_groups_and_series(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y, groups = subjects(0, rho=0.5)
    for name, values in (("x", x), ("y", y), ("groups", groups), ("subject", groups)):
        np.save(f"{name}.npy", values)
    run = CliRunner().invoke(app, ["estimate", "x.npy", "y.npy", "--groups", "subject.npy", "--permutations", "19"])
    expected = mutual_information(x, y, groups=groups, permutations=19)
    assert "independent  40 groups" in run.stdout
    assert f"19 exchanges of whole groups read {expected.null.mean:.4f}" in run.stdout
    assert f"after subtracting that: {expected.mi - expected.null.mean:.4f} bits" in run.stdout
    run = CliRunner().invoke(app, ["estimate", "x.npy", "y.npy", "--series", "--exclude", "30", "--json"])
    record = json.loads(run.stdout)
    assert (record["exclude"], record["mi"]) == (30, mutual_information(x, y, series=True, exclude=30).mi)
    run = CliRunner().invoke(app, ["matrix", "x.npy", "y.npy", "--groups", "subject.npy", "--json"])
    assert json.loads(run.stdout)["mi"][0][1] == expected.mi
    run = CliRunner().invoke(app, ["multi", "x.npy", "y.npy", "--groups", "subject.npy", "--quiet"])
    assert float(run.stdout) == expected.mi
    run = CliRunner().invoke(app, ["estimate", "x.npy", "y.npy", "--series", "--subsample", "50"])
    assert run.exit_code == 2
    assert "--subsample and --series exclude each other" in run.stderr


def test_rows_of_many_columns_are_compared_a_few_at_a_time():
    points = np.random.default_rng(3).standard_normal((50, sampling.COMPARED_TOGETHER // 7)).astype(np.float32)
    one, other = np.arange(49), np.arange(49) + 1
    expected = np.abs(points[one].astype(np.float64) - points[other]).max(axis=1)
    np.testing.assert_array_equal(sampling.distances_between(points, one, other), expected)


def four_states(n, seed=0):
    """Two regimes that change slowly, with a state that flips at nearly every step in each."""
    rng = np.random.default_rng(seed)
    slow = np.cumsum(rng.random(n) < 1 / 40) % 2
    return 2 * slow + (np.arange(n) % 2 ^ (rng.random(n) < 0.5))


@pytest.mark.parametrize("estimator", ["ross", "discrete"])
def test_the_memory_of_classes_does_not_depend_on_their_names(estimator):
    states = four_states(600)
    x, _ = series(0, 0.97, 600)
    x = x if estimator == "ross" else np.round(x)
    found = [
        mutual_information(x, np.array(list(names))[states], estimator=estimator, series=True) for names in ("abcd", "acbd")
    ]
    assert found[0].exclude == found[1].exclude > 5
    assert (found[0].mi, found[0].k) == (found[1].mi, found[1].k)
    if estimator == "discrete":
        named = [np.array(list(names))[states] for names in ("abcd", "acbd")]
        several = [multi_information([x, y], estimator=estimator, series=True).exclude for y in named]
        assert several[0] == several[1] > 5


def test_the_memory_of_classes_is_that_of_the_slowest_function_of_them():
    """The regime stays with probability 39/40, so its correlation is 0.95 to the power of the lag: 1/e after 19.5 steps."""
    states = four_states(50_000).reshape(-1, 1)
    assert memory_of_classes(states, 1000) == pytest.approx(19.5, abs=3)
    assert memory_of_classes((states >= 2).astype(float), 1000) == pytest.approx(
        memory((states >= 2).astype(float), 1000), abs=1
    )
    fast = np.random.default_rng(0).integers(0, 300, (5000, 1))
    assert memory_of_classes(fast, 1000) == 1
    blocks = np.repeat(np.random.default_rng(0).integers(0, 4, 400), 25).reshape(-1, 1)
    assert memory_of_classes(blocks, 250) == pytest.approx(25 * (1 - np.exp(-1)), abs=4)
    halves = (np.arange(100).reshape(-1, 1) >= 50).astype(float)
    assert memory_of_classes(halves, 25) == memory(halves, 25) > 20


def test_classes_that_take_turns_have_forgotten_at_once():
    """As numbers that alternate have, whose correlation with themselves is below 0 at every other step."""
    turns = (np.arange(600) % 2).reshape(-1, 1).astype(float)
    assert memory_of_classes(turns, 150) == memory(turns, 150) == 1
    assert memory_of_classes((np.arange(700) % 7).reshape(-1, 1), 150) <= 3
    assert memory_of_classes(np.zeros((600, 1)), 150) == 1


def test_the_memory_of_classes_that_go_round_is_that_of_their_slowest_wave():
    """Six classes that mostly stay, and else go on to the next: waves of a whole round are slower than single classes."""
    rng = np.random.default_rng(0)
    states = (np.cumsum(rng.random(50_000) < 0.05) % 6).reshape(-1, 1)
    alone = max(memory((states == one).astype(float), 1000) for one in range(6))
    found = memory_of_classes(states, 1000)
    assert found == memory_of_classes(states[::-1], 1000) > 1.1 * alone
    assert found == memory(np.cos(2 * np.pi * states / 6), 1000)


def test_the_memory_of_rounded_numbers_is_about_that_of_the_numbers():
    x, _ = series(0, 0.98, 5000)
    rounded = np.round(x * 30 / x.std()).reshape(-1, 1)
    assert memory_of_classes(rounded, 1000) == pytest.approx(memory(rounded, 1000), rel=0.35)
