"""Columns ranked by what they share with one of them: each row is the estimate that `mutual_information` gives."""

import dataclasses
import json

import numpy as np
import pytest
from scipy.stats import false_discovery_control
from typer.testing import CliRunner

import awkward
import mi_core
from cli.main import app
from mi_core import InputError, mutual_information, rank
from mi_core.backends.cpu import brute, plane
from mi_core.ranking import STOP_AT

RNG = np.random.default_rng(1)
N = 400
TARGET = RNG.standard_normal(N)
CITY = np.array(["Oslo", "Bergen", "Bodo"])[np.digitize(TARGET + RNG.standard_normal(N), [-0.7, 0.7])]
TABLE = {
    "strong": 1000 * (TARGET + 0.3 * RNG.standard_normal(N)),
    "weak": TARGET + 3 * RNG.standard_normal(N),
    "none": RNG.standard_normal(N),
    "other": RNG.exponential(size=N),
    "city": CITY,
    "level": np.digitize(TARGET, [-1, 0, 1]) * 0.5,
    "whole": np.round(10 * TARGET + RNG.standard_normal(N)),
    "sign": RNG.random(N) < 0.5,
    "constant": np.full(N, 7.0),
    "income": TARGET,
}
ESTIMATORS = {"city": "ross", "level": "ross", "sign": "ross"}


def mi(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def by_column(ranking):
    return {row.column: row for row in ranking}


@pytest.fixture(scope="module")
def ranking():
    return rank(TABLE, "income", permutations=39)


# Counts in the plane


@pytest.mark.parametrize("name", [name for name, (x, y) in awkward.CASES.items() if x.shape[1] == y.shape[1] == 1])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 10])
def test_counts_in_the_plane_are_those_of_brute_force(name, k):
    assert_counts(*awkward.CASES[name], k)


@pytest.mark.parametrize("kind", ["independent", "outliers", "rectified and whole", "line", "large"])
@pytest.mark.parametrize("n", [6, 37, 700])
def test_counts_in_the_plane_of_all_kinds(kind, n):
    x, y = RNG.standard_normal((2, n, 1))
    sides = {
        "independent": (x, y),
        "outliers": (RNG.standard_cauchy((n, 1)), y),
        "rectified and whole": (np.maximum(x, 0), np.round(2 * y)),
        "line": (x, x + 1e-9 * y),
        "large": (3e8 + x, y),
    }
    assert_counts(*sides[kind], 3)


def assert_counts(x, y, k):
    x, y = (side.astype(np.float64) for side in (x, y))
    whole = plane.ranked(x), plane.ranked(y)
    some, shuffle = RNG.permutation(len(x))[: max(k + 1, len(x) // 2)], RNG.permutation(len(x))
    for (left, right), of_x, of_y in (
        (whole, x, y),
        ((whole[0].take(some), whole[1].take(some)), x[some], y[some]),
        ((whole[0], whole[1].shuffled(shuffle)), x, y[shuffle]),
    ):
        radius, counts = plane.neighbour_counts(left, right, k)
        expected, of_sides = brute.neighbour_counts((of_x, of_y), ((0, 1), (1, 2)), (k,), threads=1)
        np.testing.assert_array_equal(radius, expected[0])
        np.testing.assert_array_equal(counts, of_sides[:, 0])


# Rows


@pytest.mark.parametrize("name", [name for name in TABLE if name not in ("income", "constant")])
def test_a_row_is_the_estimate_of_its_column(ranking, name):
    row = by_column(ranking)[name]
    estimator = ESTIMATORS.get(name, "ksg1")
    values, target = (TARGET, TABLE[name]) if estimator == "ross" else (TABLE[name], TARGET)
    if name == "level":
        target = (2 * target).astype(int)
    expected = mutual_information(values, target, estimator=estimator, standardize="sides")
    assert (row.mi, row.stderr, row.estimator, row.n_samples) == (expected.mi, expected.stderr, estimator, N)


def test_classes_against_classes_are_discrete():
    found = by_column(rank(TABLE, "city", columns=["level", "strong"], error_bar=False))
    assert found["level"].mi == pytest.approx(mutual_information(TABLE["level"], CITY, estimator="discrete").mi, abs=1e-12)
    expected = mutual_information(TABLE["strong"], CITY, estimator="ross", standardize="sides")
    assert (found["strong"].mi, found["strong"].estimator, found["strong"].stderr) == (expected.mi, "ross", None)


def test_the_rows_are_ranked_and_a_constant_column_shares_nothing(ranking):
    values = [row.mi for row in ranking]
    assert values == sorted(values, reverse=True)
    assert {row.column for row in list(ranking)[:3]} == {"strong", "whole", "level"}
    constant = by_column(ranking)["constant"]
    assert (constant.mi, constant.stderr, constant.p_value) == (0.0, 0.0, 1.0)
    assert "constant is constant" in constant.notes[0]
    assert (ranking.standardize, ranking.n_samples, ranking.k, len(ranking)) == ("sides", N, 3, 9)


@pytest.mark.parametrize("given", ["weak", "city", ["weak", "other"], ["city", "sign"]])
def test_what_is_given_is_conditioned_on(given):
    names = [given] if isinstance(given, str) else given
    z = np.column_stack([TABLE[name] for name in names])
    z = z / z.std(axis=0) if z.dtype.kind == "f" else np.array([" ".join(row) for row in z])
    found = by_column(
        rank(
            TABLE,
            "income",
            columns=["strong", "none"],
            given=given,
            error_bar=False,
            permutations=1 if given == "weak" else None,
        )
    )
    for name, row in found.items():
        expected = mutual_information(TABLE[name], TARGET, given=z, standardize="sides" if len(names) == 1 else "columns")
        assert row.mi == pytest.approx(expected.mi, abs=1e-12)
        assert (row.p_value is None) == (given != "weak")


def test_classes_given_numbers_see_only_what_the_numbers_do_not_tell():
    z = RNG.standard_normal(1500)
    x, y = ((z + 0.5 * RNG.standard_normal(1500) > 0) for _ in range(2))
    table = {"x": x, "y": y, "copy": y ^ (RNG.random(1500) < 0.05), "z": z}
    found = by_column(rank(table, "y", given="z", error_bar=False))
    assert abs(found["x"].mi) < 0.05 < 0.2 < found["copy"].mi
    assert mutual_information(x, y, estimator="discrete").mi > 0.1


def test_a_condition_on_both_kinds_is_refused():
    with pytest.raises(
        InputError, match=r"what is given mixes numbers \(weak\) and classes \(city\): give columns of one kind"
    ):
        rank(TABLE, "income", given=["weak", "city"])


# p-values


def test_a_column_stops_once_it_is_plainly_independent(ranking):
    rows = by_column(ranking)
    assert (rows["strong"].shuffles, rows["strong"].p_value) == (39, 1 / 40)
    stopped = [row for row in ranking if row.shuffles and row.shuffles < 39]
    assert stopped
    for row in stopped:
        assert row.p_value == STOP_AT / row.shuffles
    whole = mutual_information(TABLE["weak"], TARGET, standardize="sides", permutations=39).null
    if rows["weak"].shuffles == 39:
        assert rows["weak"].p_value == whole.p_value


def test_a_column_that_does_not_stop_has_the_p_value_of_all_shuffles():
    row = rank(TABLE, "income", columns=["none"], permutations=STOP_AT - 1, error_bar=False).rows[0]
    whole = mutual_information(TABLE["none"], TARGET, standardize="sides", permutations=STOP_AT - 1).null
    assert (row.shuffles, row.p_value) == (STOP_AT - 1, whole.p_value)


def test_p_values_of_independent_columns_are_uniform_and_cost_little():
    values = RNG.standard_normal((150, 101))
    rows = rank(values, 100, permutations=99, error_bar=False).rows
    p_values = np.array([row.p_value for row in rows])
    assert 0.35 < p_values.mean() < 0.65  # 5 standard deviations
    assert np.mean(p_values <= 0.1) < 0.22
    assert np.median([row.shuffles for row in rows]) < 30


def test_q_values_are_those_of_benjamini_and_hochberg(ranking):
    p_values = [row.p_value for row in ranking]
    np.testing.assert_allclose([row.q_value for row in ranking], false_discovery_control(p_values, method="bh"))
    assert all(row.q_value is None for row in rank(TABLE, "income", columns=["none"], error_bar=False))


def test_threads_and_order_of_columns_change_nothing():
    table = {name: TABLE[name] for name in ("strong", "none", "city", "income")}
    one, other = (
        rank(some, "income", permutations=9, threads=t) for some, t in ((table, 1), (dict(reversed(table.items())), 3))
    )
    assert by_column(one) == by_column(other)


# Rows that belong together


def memories(count, n, rng, memory=0.9):
    """Independent series (n, count) of strong memory."""
    values = rng.standard_normal((n, count))
    for step in range(1, n):
        values[step] += memory * values[step - 1]
    return values


SERIES = memories(9, 500, np.random.default_rng(1))
SERIES_TABLE = {
    **{f"s{place}": SERIES[:, place] for place in range(8)},
    "sign": SERIES[:, 7] > 0,
    "later": np.roll(SERIES[:, 8], 1) + 0.5 * RNG.standard_normal(500),
    "target": SERIES[:, 8],
}
OF_GROUPS = np.repeat(np.random.default_rng(0).standard_normal((60, 4)), 5, axis=0) + 0.1 * RNG.standard_normal((300, 4))
GROUPS_TABLE = {
    **{f"g{place}": OF_GROUPS[:, place] for place in range(3)},
    "sign": OF_GROUPS[:, 2] > 0,
    "copy": OF_GROUPS[:, 3] + 0.3 * RNG.standard_normal(300),
    "target": OF_GROUPS[:, 3],
    "subject": [f"subject {row // 5:02}" for row in range(300)],
}


@pytest.mark.parametrize(
    ("table", "named", "dependent"),
    [(SERIES_TABLE, {"series": True}, "later"), (GROUPS_TABLE, {"groups": "subject"}, "copy")],
    ids=["series", "groups"],
)
def test_rows_that_belong_together_find_what_is_there_and_nothing_else(table, named, dependent):
    found = rank(table, "target", permutations=99, error_bar=False, **named)
    assert [row.column for row in found if row.q_value <= 0.1] == [dependent]
    assert not any(row.alike for row in found)
    assert "?" not in found._repr_html_()
    unnamed = rank(
        {name: column for name, column in table.items() if name != "subject"}, "target", permutations=39, error_bar=False
    )
    wrong = [row for row in unnamed if row.q_value <= 0.05 and row.column != dependent]
    assert len(wrong) >= 2
    assert all(row.alike for row in wrong)
    assert any("Rows that stand next to each other are alike" in note for note in unnamed.notes)
    assert "? neighbouring rows are alike" in unnamed._repr_html_()


@pytest.mark.parametrize("name", ["s0", "sign", "later"])
@pytest.mark.parametrize("exclude", [None, 7])
def test_a_row_of_a_series_is_the_estimate_of_its_column(name, exclude):
    named = {"series": True, "exclude": exclude}
    (row,) = rank(SERIES_TABLE, "target", columns=[name], permutations=STOP_AT - 1, **named)
    assert_same(row, SERIES_TABLE[name], SERIES_TABLE["target"], named)


@pytest.mark.parametrize("name", ["g0", "sign", "copy"])
def test_a_row_of_groups_is_the_estimate_of_its_column(name):
    order = np.random.default_rng(0).permutation(300)
    table = {column: np.array(values)[order] for column, values in GROUPS_TABLE.items()}
    (row,) = rank(table, "target", columns=[name], groups="subject", permutations=STOP_AT - 1)
    assert_same(row, table[name], table["target"], {"groups": table["subject"]})
    subject = table.pop("subject")
    assert rank(table, "target", columns=[name], groups=subject, permutations=STOP_AT - 1).rows == (row,)


def assert_same(row, values, target, named):
    x, y = (target, values) if values.dtype == bool else (values, target)
    expected = mutual_information(x, y, estimator=row.estimator, standardize="sides", permutations=STOP_AT - 1, **named)
    assert (row.mi, row.stderr, row.p_value) == (expected.mi, expected.stderr, expected.null.p_value)
    assert (row.k, row.exclude, row.independent_units) == (expected.k, expected.exclude, expected.independent_units)


def test_what_is_given_goes_with_rows_that_belong_together():
    (row,) = rank(SERIES_TABLE, "target", columns=["s0"], given="s1", series=True, exclude=9)
    z = SERIES_TABLE["s1"]
    expected = mutual_information(
        SERIES_TABLE["s0"], SERIES_TABLE["target"], given=z, standardize="sides", series=True, exclude=9
    )
    assert (row.mi, row.stderr, row.k) == (expected.mi, expected.stderr, expected.k)


def test_gaps_end_a_series_and_leave_groups():
    gaps = np.where(np.arange(500) == 7, np.nan, SERIES_TABLE["s0"])
    found = rank({**SERIES_TABLE, "s0": gaps}, "target", columns=["s0", "s1"], series=True, missing="drop", error_bar=False)
    assert [row.column for row in found] == ["s1"]
    assert "Left out: column s0: 1 of 500 rows have missing values, and rows of a series cannot be left out" in found.notes[0]
    with pytest.raises(InputError, match="rows of a series cannot be left out"):
        rank({"a": SERIES[:, 1], "b": gaps}, "b", series=True, missing="drop")
    subject = [None if row < 5 else name for row, name in enumerate(GROUPS_TABLE["subject"])]
    (row,) = rank({**GROUPS_TABLE, "subject": subject}, "target", columns=["g0"], groups="subject", missing="drop")
    assert (row.n_samples, row.independent_units) == (295, 59)


# Tables


def test_all_kinds_of_tables_give_the_same(ranking):
    pandas, polars, xarray = (pytest.importorskip(name) for name in ("pandas", "polars", "xarray"))
    numbers = {name: values for name, values in TABLE.items() if name != "city"}
    expected = {row.column: row.mi for row in rank(numbers, "income", error_bar=False)}
    for table in (
        pandas.DataFrame(numbers),
        polars.DataFrame(numbers),
        xarray.Dataset({k: ("row", v) for k, v in numbers.items()}),
    ):
        found = rank(table, "income", error_bar=False)
        assert {row.column: row.mi for row in found} == expected
    array = np.column_stack(list(numbers.values()))
    found = rank(array, len(numbers) - 1, error_bar=False)
    assert [row.mi for row in found] == [pytest.approx(mi) for mi in sorted(expected.values(), reverse=True)]
    assert [row.mi for row in rank(array[:, :-1], TARGET, error_bar=False)] == [row.mi for row in found]


def test_the_frame_is_of_the_library_that_came():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    few = {name: TABLE[name] for name in ("strong", "none", "income")}
    for library in (pandas, polars):
        frame = rank(library.DataFrame(few), "income", error_bar=False).to_frame()
        assert isinstance(frame, library.DataFrame)
        assert list(frame["column"]) == ["strong", "none"]
    assert len(rank(few, "income", error_bar=False).to_frame()) == 2


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_takes_what_only_late_rows_have(ranking, library):
    """Polars looks at the first hundred rows for the kinds of values."""
    pytest.importorskip(library)
    of_classes, of_numbers = (dataclasses.replace(ranking.rows[0], k=k, p_value=p) for k, p in ((None, None), (3, 0.5)))
    rows = (of_classes,) * 110 + (of_numbers,)
    frame = dataclasses.replace(ranking, rows=rows, frame=library).to_frame()
    assert (list(frame["k"])[-1], list(frame["p_value"])[-1], len(frame)) == (3, 0.5, 111)
    assert list(frame.columns) == [field.name for field in dataclasses.fields(of_numbers)]


def test_how_a_ranking_looks(ranking):
    assert repr(ranking).startswith(f"Ranking(9 columns against income: {ranking.rows[0].column} ")
    html = rank({"<b>": TARGET, "x": TABLE["weak"], "y": TABLE["none"]}, "x")._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "linear-gradient" in html


def test_notes_on_ties_name_columns_and_the_largest_share():
    table = {"time": np.arange(N), "a": TARGET.round(1), "b": TABLE["none"].round(1), "c": TABLE["weak"].round(1), "y": TARGET}
    found = rank(table, "y", error_bar=False)
    (note,) = [note for note in found.notes if "any order" in note]
    assert note.startswith("Up to ")
    shares = [one.partition("%")[0] for row in found for one in row.notes if "any order" in one]
    assert f"Up to {max(map(int, shares))}% of the samples" in note
    assert "(In 4 columns: " in note
    assert "copied" not in note


def test_columns_whose_estimate_rises_are_told_so():
    x, noise = np.random.default_rng(0).uniform(size=(2, 600))
    table = {
        "wave": np.sin(40 * x) + noise / 3,
        "rounded": np.sin(40 * x).round(1),
        "slow": np.sin(3 * x) + noise / 3,
        "x": x,
    }
    found = rank(table, "x")
    (note,) = [note for note in found.notes if "[mi explain rising]" in note]
    assert "(In rounded, wave.)" in note
    ((of_wave,),) = [[one for one in row.notes if "still rises" in one] for row in found if row.column == "wave"]
    assert of_wave in mutual_information(table["wave"], x, standardize="sides").notes


def test_a_column_that_is_the_target_again_is_told_so():
    notes = rank({"again": 2 * TARGET + 1, "square": TARGET**2, "y": TARGET}, "y", error_bar=False).notes
    assert [note for note in notes if "another name" in note] == [
        "It may be y itself, under another name: then leave it out. (In again.)"
    ]


def test_a_printed_ranking_is_what_the_command_prints_with_the_notes_below(tmp_path):
    polars = pytest.importorskip("polars")
    polars.DataFrame({"strong": TABLE["strong"], "still": np.ones(N), "y": TARGET}).write_csv(tmp_path / "t.csv")
    found = rank(polars.read_csv(tmp_path / "t.csv"), "y", permutations=9)
    lines = str(found).splitlines()
    table = mi("rank", tmp_path / "t.csv", "--target", "y", "--permutations", 9).stdout.splitlines()
    assert lines[: len(table)] == table
    assert lines[len(table)].startswith("note: still is constant")
    assert len(repr(found).splitlines()) == 1


def test_a_constant_target_is_refused():
    with pytest.raises(InputError, match="table: the target y has only one value"):
        rank({"x": TARGET, "y": np.ones(N)}, "y")


def test_why_a_series_has_no_error_bar():
    found = rank(SERIES_TABLE, "target", columns=["s0", "s1"], series=True, exclude=100)
    assert [row.stderr for row in found] == [None, None]
    assert any("it needs at least 8 stretches of 4 times exclude, 400 rows, and there are 2" in note for note in found.notes)


def test_names_are_left_out_and_strays_are_refused():
    names = [f"person {place}" for place in range(N)]
    found = rank({"name": names, **TABLE}, "income", columns=["name", "strong"], error_bar=False)
    assert [row.column for row in found] == ["strong"]
    assert "column name takes 400 different texts in 400 rows: too many to be classes" in found.notes[0]
    assert "Leave identifiers out" in found.notes[0]
    days = [f"{1 + row % 28:02}/{1 + row // 28:02}/2024" for row in range(N)]
    (note,) = rank({"day": days, **TABLE}, "income", columns=["day", "strong"], error_bar=False).notes
    assert note.startswith(
        "Left out: table: column day looks like dates, such as '01/01/2024', and was read as text: write them as 2024-01-31 in "
        "a file, or convert them to dates. ["
    )
    with pytest.raises(InputError, match="column name takes 400 different texts"):
        rank({"name": names, "x": TARGET}, "name")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((TABLE, "incom"), {}, "table has no column 'incom': it has strong, .*did you mean income?"),
        ((TABLE, "income"), {"columns": ["nothing"]}, "table has no column 'nothing'"),
        ((TABLE, "income"), {"columns": ["income"]}, "table has no column to rank beside income"),
        ((TABLE, "income"), {"given": "income"}, "income is the target and given"),
        ((TABLE, "income"), {"groups": "income"}, "income is the target and groups"),
        ((TABLE, "income"), {"groups": "city", "given": "city"}, "city is groups and given"),
        ((TABLE, "income"), {"groups": "town"}, "table has no column 'town'"),
        ((TABLE, "income"), {"groups": TARGET[:9] > 0}, "table has 400 rows and groups has 9"),
        ((TABLE, "income"), {"groups": TARGET}, "groups has values that are not whole"),
        ((TABLE, "income"), {"groups": "city", "series": True}, "groups and series exclude each other"),
        ((TABLE, "income"), {"groups": "city", "permutations": 9}, "permutations needs at least 6 independent units"),
        ((TABLE, "income"), {"exclude": 3}, "exclude needs series"),
        ((TABLE, "income"), {"series": True, "exclude": 101}, "it must be at most a quarter of them, 100"),
        ((TABLE, "income"), {"series": 1, "given": "weak"}, "series is 1: give True"),
        ((TABLE, "income"), {"series": True, "given": "weak", "permutations": 9}, "permutations with given treats every"),
        ((TABLE, "income"), {"permutations": 0}, "permutations is 0: it must be at least 1"),
        ((TABLE, TARGET[:5]), {}, "table has 400 rows and target has 5"),
        (({"a": [1.0, 2.0], "b": [1.0]}, "a"), {}, "table: column a has 2 rows and b has 1"),
        (({"a": TARGET, "b": np.inf * TARGET}, "a"), {}, "table: column b has 400 values that are NaN or infinite"),
        (({"a": TARGET, "b": [{}] * N}, "a"), {}, "table: column b holds values of type dict, such as {}"),
        ((TABLE, "income"), {"k": 400}, "x has 400 samples and k=400"),
        ((TABLE, "income"), {"missing": "fill"}, "missing is 'fill'"),
        ((TABLE, "income"), {"permutations": True}, "permutations is True: it must be a whole number"),
        (({**TABLE, 1: TARGET, "1": TARGET}, "income"), {}, "table has two columns named '1': rename one of them"),
    ],
)
def test_what_is_refused(arguments, options, message):
    with pytest.raises(InputError, match=message):
        rank(*arguments, **options)


def test_missing_values_are_named_or_dropped_column_by_column():
    holes = np.where(np.arange(N) < 30, np.nan, TABLE["strong"])
    gaps = np.where(np.arange(N) % 40 == 0, None, CITY)
    table = {**TABLE, "strong": holes, "city": gaps}
    with pytest.raises(InputError, match=r"table: 2 columns have missing values in 400 rows \(strong 30, city 10\)"):
        rank(table, "income")
    found = rank(table, "income", missing="drop")
    rows = by_column(found)
    assert (rows["strong"].n_samples, rows["city"].n_samples, rows["weak"].n_samples) == (370, 390, N)
    assert rows["strong"].mi == mutual_information(holes[30:], TARGET[30:], standardize="sides").mi
    assert rows["weak"].mi == mutual_information(TABLE["weak"], TARGET, standardize="sides").mi
    assert "column by column: 370 to 400 of 400 are left" in found.notes[0]
    of_target = rank({**TABLE, "income": np.where(np.arange(N) < 30, np.nan, TARGET)}, "income", missing="drop")
    assert {row.n_samples for row in of_target} == {370}


@pytest.mark.parametrize("options", [{}, {"permutations": 9}, {"given": "other"}, {"k": 7}])
def test_a_column_with_too_few_values_for_k_is_left_out(options):
    k = options.get("k", 3)
    few = np.where(np.arange(N) < k, TABLE["weak"], np.nan)
    found = rank({**TABLE, "few": few}, "income", columns=["few", "strong"], missing="drop", **options)
    assert [row.column for row in found] == ["strong"]
    assert f"Left out: table: column few has {k} samples and k={k}: k must be smaller" in found.notes[0]


# The command


@pytest.fixture
def people(tmp_path):
    polars = pytest.importorskip("polars")
    path = tmp_path / "people.csv"
    polars.DataFrame(TABLE).write_csv(path)
    return path


def test_the_command_prints_a_table_with_bars(people, ranking):
    run = mi("rank", people, "--target", "income", "--permutations", "39")
    assert run.exit_code == 0
    head, names, first, *_ = run.stdout.splitlines()
    assert head == "MI with income in bits; 400 rows, k=3, numbers divided by their standard deviation"
    assert names.split() == ["column", "mi", "p", "q", "estimator", "samples"]
    assert first.split()[0] == ranking.rows[0].column
    assert first.endswith("#" * 20)
    assert "note: constant is constant" in run.stderr


def test_the_command_gives_json_csv_and_a_picture(people, tmp_path):
    pytest.importorskip("matplotlib")
    run = mi("rank", people, "--target", "income", "--columns", "city,none", "--permutations", "9", "--json", "--seed", "3",
             "--csv", tmp_path / "out.csv", "--plot", tmp_path / "out.png")  # fmt: skip
    record = json.loads(run.stdout)
    assert list(record)[:3] == ["table", "target", "rows"]
    assert (record["target"], [row["column"] for row in record["rows"]]) == ("income", ["city", "none"])
    assert {"column", "mi", "stderr", "p_value", "q_value", "estimator", "n_samples", "notes"} <= record["rows"][0].keys()
    expected = mi_core.rank(TABLE, "income", columns=["city", "none"], permutations=9, seed=3)
    assert [row["mi"] for row in record["rows"]] == [pytest.approx(row.mi, abs=1e-12) for row in expected]
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == ("column,mi,stderr,p_value,q_value,estimator,k,n_samples,independent_units,exclude,shuffles,alike,notes")
    assert float(lines[1].split(",")[1]) == record["rows"][0]["mi"]
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_takes_groups_and_series_and_marks_what_may_be_too_small(tmp_path):
    polars = pytest.importorskip("polars")
    path, labels = tmp_path / "groups.csv", tmp_path / "subject.npy"
    polars.DataFrame(GROUPS_TABLE).write_csv(path)
    np.save(labels, np.arange(300) // 5)
    options = ("--target", "target", "--columns", "g0,copy", "--permutations", "19", "--no-error-bar")
    run = mi("rank", path, *options)
    assert "? neighbouring rows are alike, in this column and in target: p and q hold only if rows are" in run.stdout
    assert run.stdout.count("?") == 5  # p and q of two columns, and what it means
    expected = rank(GROUPS_TABLE, "target", columns=["g0", "copy"], groups="subject", permutations=19, error_bar=False)
    for groups in ("subject", labels, f"{path}:subject"):
        run = mi("rank", path, *options, "--groups", groups, "--json")
        assert json.loads(run.stdout)["rows"] == expected.to_dict()["rows"]
    run = mi("rank", path, *options, "--groups", "subject")
    assert run.stdout.startswith("MI with target in bits; 300 rows in groups by subject, k by column, numbers divided by")
    assert "?" not in run.stdout
    assert "has no column 'subjekt': it has" in mi("rank", path, *options, "--groups", "subjekt").stderr
    assert "300 rows of a series, k by column" in mi("rank", path, *options, "--series", "--exclude", "5").stdout


def test_a_cell_that_is_no_number_is_named(people):
    lines = people.read_text().splitlines()
    lines[5] = "oops" + lines[5][lines[5].index(",") :]
    people.write_text("\n".join(lines))
    run = mi("rank", people, "--target", "income")
    assert run.exit_code == 2
    assert "column strong has 1 value that is no number, first 'oops' in row 4 (line 6)" in run.stderr
    assert mi("rank", people, "--target", "income", "--columns", "weak").exit_code == 0


def test_notes_on_a_file_of_groups_name_the_file(people, tmp_path):
    groups = tmp_path / "groups.csv"
    groups.write_text("a;g\n" + "".join(f"1;{'?' if row < 10 else row // 5}\n" for row in range(N)))
    run = mi("rank", people, "--target", "income", "--columns", "weak", "--groups", f"{groups}:g", "--json", "--no-error-bar")
    notes = json.loads(run.stdout)["notes"]
    assert [note.partition("]")[0].partition(" [")[2] for note in notes[:2]] == [
        "mi explain separator",
        "mi explain missing-words",
    ]
    assert notes[1].startswith(f"{groups}: column g has '?' 10 times")
    assert sum("'?'" in note for note in notes) == 1
    found = rank(TABLE, "income", columns="weak", groups=["?"] * 10 + [str(row // 5) for row in range(10, N)], error_bar=False)
    assert found.notes[0].startswith("groups: column groups has '?' 10 times")


def test_the_command_writes_over_none_of_its_inputs(people, tmp_path):
    groups = tmp_path / "groups.csv"
    groups.write_text("\n".join(["g", *map(str, np.arange(N) // 5)]))
    for out, source in ((people, groups), (groups, groups), (groups, f"{groups}:g")):
        before = out.read_bytes()
        run = mi("rank", people, "--target", "income", "--columns", "weak", "--groups", source, "--csv", out)
        assert (run.exit_code, run.stderr) == (2, f"mi: --csv is {out}, which is an input: name another file.\n")
        assert out.read_bytes() == before


def test_columns_of_an_array_are_named_by_position_in_every_argument():
    table = np.random.default_rng(0).standard_normal((100, 4))
    found = rank(table, 0, given=1, columns=[2])
    assert (found.given, [row.column for row in found]) == (("1",), ["2"])
    assert [row.column for row in rank(table, 0, columns=3)] == ["3"]
    with pytest.raises(InputError, match=r"given is 0\.5: give the name of a column, or several\."):
        rank(table, 0, given=0.5)


def test_a_constant_condition_is_told():
    table = dict(zip("ab", np.random.default_rng(0).standard_normal((2, 200)), strict=True))
    found = rank({**table, "c": np.ones(200), "d": np.zeros(200)}, "a", given=["c", "d"])
    assert found.rows[0].mi == rank(table, "a").rows[0].mi
    (note,) = [note for note in found.notes if "mi explain constant" in note]
    assert note.startswith("c and d is constant: all 200 samples are the same, so knowing it changes nothing")


def test_a_column_is_of_one_kind_whichever_rows_its_partner_has():
    """205 rows of 20 whole numbers are classes; the 190 that one column leaves are too few to show it."""
    rng = np.random.default_rng(8)
    target = np.r_[np.arange(20), rng.integers(0, 20, 185)]
    table = {"a": target + rng.standard_normal(205), "b": target + rng.standard_normal(205), "target": target}
    table["b"][30:45] = np.nan
    assert {row.column: row.estimator for row in rank(table, "target", missing="drop", k=2)} == {"a": "ross", "b": "ross"}


def test_what_is_left_out_for_a_small_class_is_named():
    rng = np.random.default_rng(0)
    table = {
        "level": np.array(["a", "b", *["c"] * 58]),
        "x": rng.standard_normal(60),
        "city": np.resize(["Oslo", "Bergen"], 60),
        "target": rng.standard_normal(60),
    }
    (note,) = (note for note in rank(table, "target", given="city", error_bar=False).notes if "Left out" in note)
    assert note.startswith("Left out: column level: class b of y within class Bergen of z has 1 member")
