"""Columns of tables: named in files and in frames, typed by what they hold, missing values refused by name or dropped."""

import datetime
import json
import pickle
import re
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.main import app
from mi_core import (
    InputError,
    arrays,
    entropy,
    kl_divergence,
    lagged,
    multi_information,
    mutual_information,
    mutual_information_matrix,
    rank,
    scores,
    transfer_entropy,
)
from mi_core.errors import MissingValues
from mi_core.files import load, load_array, load_arrays, load_table, split_key
from mi_core.results import linfoot
from mi_core.similarity import cka
from mi_core.table_files import Cells
from mi_core.tables import Table

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
RNG = np.random.default_rng(0)
N = 60
AGE = RNG.integers(18, 80, N)
INCOME = (100.0 * AGE + 500 * RNG.standard_normal(N)).round(2)
CITY = np.array(["Oslo", "Bergen, Vest", "Bodo"])[RNG.integers(0, 3, N)]
DAYS = [datetime.date(2020, 1, 1) + datetime.timedelta(days=int(day)) for day in AGE]
COLUMNS = {"age": AGE, "income": INCOME, "city": CITY, "member": AGE > 40, "joined": DAYS}
FRAME, PANDAS = polars.DataFrame(COLUMNS), pandas.DataFrame(COLUMNS)


def mi(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(params=["csv", "tsv", "parquet", "feather", "xlsx"])
def people(request, tmp_path):
    """The frame in a file of each kind, in a folder of its own."""
    path = tmp_path / f"people.{request.param}"
    if request.param == "csv":
        FRAME.write_csv(path)
    elif request.param == "tsv":
        FRAME.write_csv(path, separator="\t")
    elif request.param == "parquet":
        FRAME.write_parquet(path)
    elif request.param == "feather":
        FRAME.write_ipc(path)
    else:
        pytest.importorskip("fastexcel")
        pytest.importorskip("openpyxl")
        PANDAS.to_excel(path, index=False)
    return path


# Files


def test_columns_of_files_have_names_and_types(people):
    table = load_table(str(people))
    assert [column.kind for column in table.columns.values()] == ["numbers", "numbers", "text", "flags", "dates"]
    np.testing.assert_array_equal(load_array(f"{people}:age"), AGE[:, np.newaxis])
    np.testing.assert_array_equal(load_array(f"{people}:income,age"), np.column_stack([INCOME, AGE]))
    assert load_array(f"{people}:city").reshape(-1).tolist() == CITY.tolist()
    days = [(day - datetime.date(1970, 1, 1)).days for day in DAYS]
    unit = 86400 if people.suffix == ".xlsx" and "seconds" in load(f"{people}:joined").notes[0] else 1
    assert (load_array(f"{people}:joined")[:, 0] / unit).tolist() == days
    assert "column joined holds dates or times, read as" in load(f"{people}:joined").notes[0]


def test_a_column_goes_wherever_a_file_goes(people):
    expected = mutual_information(AGE, INCOME)
    record = json.loads(mi("estimate", f"{people}:age", f"{people}:income", "--json").stdout)
    assert (record["mi"], record["x"]) == (expected.mi, f"{people}:age")
    of_classes = json.loads(mi("estimate", f"{people}:income", f"{people}:city", "--labels", "--json").stdout)
    assert of_classes["mi"] == mutual_information(INCOME, CITY, estimator="ross").mi
    given = json.loads(mi("estimate", f"{people}:age", f"{people}:income", "--given", f"{people}:city", "--json").stdout)
    assert (given["mi"], given["given_labels"]) == (mutual_information(AGE, INCOME, given=CITY).mi, True)
    both = json.loads(mi("estimate", f"{people}:city", f"{people}:member", "--estimator", "discrete", "--json").stdout)
    assert both["mi"] == mutual_information(CITY, AGE > 40, estimator="discrete").mi
    matrix = json.loads(mi("matrix", f"{people}:age", f"{people}:income", "--json").stdout)
    assert matrix["names"] == ["age", "income"]
    assert mi("estimate", f"{people}:joined", f"{people}:income").stderr.count("holds dates or times") == 1


def test_a_wrong_column_is_told_the_right_one(people):
    for source, words in (
        (f"{people}:incom", f"{people} has no column 'incom': it has age, income, city, member, joined; did you mean income?"),
        (f"{people}:age,age", f"{people}: column age is named twice in age,age"),
    ):
        with pytest.raises(InputError) as caught:
            load_array(source)
        assert words in str(caught.value)
    run = mi("estimate", f"{people}:city", f"{people}:income")
    assert (run.exit_code, run.stderr.count("\n")) == (2, 1)
    assert "column city is text, first" in run.stderr


def test_names_may_have_commas_and_a_file_of_the_whole_name_goes_first(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('"a,b",c\n1,2\n3,4\n')
    assert load_array(f"{path}:a,b").tolist() == [[1.0], [3.0]]
    assert split_key("C:/data/x.csv:a:b")[1] == "a:b"
    (tmp_path / "x.csv:c").write_bytes(b"")
    assert split_key(f"{path}:c") == (tmp_path / "x.csv:c", None)


def test_columns_without_names_are_counted_from_0(tmp_path):
    (tmp_path / "x.csv").write_text("1,2,3\n4,5,6\n")
    assert load_array(f"{tmp_path}/x.csv:2,0").tolist() == [[3.0, 1.0], [6.0, 4.0]]


def test_the_row_numbers_that_pandas_saves_are_left_out_where_columns_are_named(tmp_path):
    (tmp_path / "x.csv").write_text(",a,b\n0,1.5,2\n1,2.5,3\n")
    assert load_array(f"{tmp_path}/x.csv:b").tolist() == [[2.0], [3.0]]
    with pytest.raises(InputError, match=r"unnamed first column.*name the columns to take, as in .*x.csv:b"):
        load_array(f"{tmp_path}/x.csv")


@pytest.mark.parametrize(
    ("name", "content", "cells"),
    [
        ("x.tsv", "who\nSmith, Ann\nSmith, Bob\n", ["Smith, Ann", "Smith, Bob"]),
        ("x.tsv", "x\n12,345\n0,5\n", ["12,345", "0,5"]),
        ("x.csv", 'q\n"line 0\nnext"\n"line 1\n\nnext"\n', ["line 0\nnext", "line 1\n\nnext"]),
        ("x.csv", '"who is\nit"\nAnn\nBob\n', ["Ann", "Bob"]),
    ],
)
def test_cells_of_one_column_are_those_between_its_separators_and_quotes(name, content, cells, tmp_path):
    (tmp_path / name).write_text(content)
    (column,) = load_table(f"{tmp_path}/{name}").columns.values()
    assert column.values.tolist() == cells
    assert column.name == ("who is it" if '"who is' in content else content[: content.index("\n")])
    (tmp_path / "x.csv").write_text(content)
    (column,) = load_table(f"{tmp_path}/x.csv", Cells("\t")).columns.values()
    assert column.values.tolist() == cells


def test_decimal_commas_in_one_column_are_told(tmp_path):
    (tmp_path / "x.tsv").write_text("x\n12,345\n0,5\n")
    with pytest.raises(InputError, match=r"column x looks like numbers with decimal commas.* Numbers are needed here"):
        load_arrays({"x": f"{tmp_path}/x.tsv"})


def test_a_row_of_empty_cells_is_one_of_missing_values_and_a_blank_line_none(tmp_path):
    for separator, rest in (("\t", "3"), ("\t", "x"), (" ", "3"), (",", "3")):
        (tmp_path / "x.tsv").write_text(f"a|b\n1|2\n|\n\n3|{rest}\n|\n".replace("|", separator))
        table = load_table(f"{tmp_path}/x.tsv", Cells(separator))
        assert [column.missing.tolist() for column in table.columns.values()] == [[False, True, False, True]] * 2


def test_lines_are_counted_only_where_each_is_a_row(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n3,nan\n")
    with pytest.raises(InputError, match=r"first in row 1 \(line 3\)"):
        load_arrays({"x": f"{tmp_path}/x.csv"})
    for content in ("a,b\n1,2\n\n3,nan\n", "a,b\n1,2\n\n3,\n"):
        (tmp_path / "x.csv").write_text(content)
        with pytest.raises(InputError, match=r"first in row 1: "):
            load_arrays({"x": f"{tmp_path}/x.csv"})


def test_empty_rows_within_a_sheet_are_missing_values(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("fastexcel")
    for above in (0, 3):
        for width in (1, 2):
            book = openpyxl.Workbook()
            for row, one in enumerate(["a", None, 1, None, 4.5, None], start=above + 1):
                for column in range(width):
                    book.active.cell(row, column + 1, one if one != "a" else "ab"[column])
            book.save(tmp_path / "x.xlsx")
            table = load_table(f"{tmp_path}/x.xlsx")
            assert [one.missing.tolist() for one in table.columns.values()] == [[True, False, True, False]] * width
            with pytest.raises(InputError, match=rf"2 missing values in 4 rows, first in row 0 \(line {above + 2}\)"):
                load_arrays({"x": f"{tmp_path}/x.xlsx:a"})


@pytest.mark.parametrize("index", ["__index_level_0__", "Unnamed: 0"])
def test_an_index_of_pandas_is_no_data_unless_it_is_named(index, tmp_path):
    frame = polars.DataFrame({"income": INCOME, index: np.arange(N), "age": AGE})
    frame.write_parquet(tmp_path / "x.parquet")
    frame.write_ipc(tmp_path / "x.feather")
    frame.write_csv(tmp_path / "x.csv")
    for name in ("x.parquet", "x.feather", "x.csv"):
        source = f"{tmp_path}/{name}"
        with pytest.raises(InputError, match=rf"{name} has a column {index}, as pandas .* as in .*{name}:age\.$"):
            load_arrays({"x": source})
        assert load_array(f"{source}:income,age").tolist() == np.column_stack([INCOME, AGE]).tolist()
        assert load_array(f"{source}:{index},age")[:, 0].tolist() == list(range(N))
        run = mi("rank", source, "--target", "income")
        assert index not in run.stdout
        assert f"has a column {index}, as pandas calls an index or a column without a name: columns='{index}'" in run.stderr
    with pytest.raises(InputError, match=f"x has a column {index}, as pandas calls"):
        mutual_information(frame, INCOME)
    assert [row.column for row in rank(frame, "income", columns=[index])] == [index]


def test_columns_without_names_are_told_by_their_places(tmp_path):
    path = tmp_path / "x.csv"
    for header, found in (
        ("a,b,", r"an unnamed last column, as a separator at the end of each line makes: .* as in .*x.csv:b\."),
        ("a,,b", r"an unnamed column at place 1, counted from 0: .* as in .*x.csv:b\."),
        (",a,b", r"an unnamed first column, row numbers .* as in .*x.csv:b\."),
        (",,b", r"an unnamed first column, row numbers .* as in .*x.csv:b\."),
    ):
        path.write_text("\n".join([header, *(f"{age},{age + 1},{income}" for age, income in zip(AGE, INCOME, strict=True))]))
        with pytest.raises(InputError, match=found):
            load_array(str(path))
    found = rank(load_table(str(path)), "b", columns=["unnamed 0", "unnamed 1"])
    assert {row.column for row in found} == {"unnamed 0", "unnamed 1"}
    path.write_text(path.read_text().replace(",,b", "a,,b"))
    found = rank(load_table(str(path)), "b")
    assert [row.column for row in found] == ["a"]
    assert any(
        "has an unnamed column at place 1, counted from 0: columns='unnamed 1' (--columns) ranks it" in one
        for one in found.notes
    )


def test_years_have_four_digits(tmp_path):
    for cells in (["99-01-01", "00-02-01"], ["99-01-01 10:00:00", "00-02-01 11:00:00"]):
        (tmp_path / "x.csv").write_text("\n".join(["t,a", *(f"{cell},1" for cell in cells)]))
        column = load_table(f"{tmp_path}/x.csv").columns["t"]
        assert column.kind == "text"
        assert f"looks like dates, such as {cells[0]!r}, and was read as text: write them as 2024-01-31" in column.note


def test_a_first_line_that_recurs_is_a_sample(tmp_path):
    (tmp_path / "labels.csv").write_text("cat\ndog\ncat\n")
    table = load(f"{tmp_path}/labels.csv")
    assert table.array().reshape(-1).tolist() == ["cat", "dog", "cat"]
    assert "its first line was read as a sample, because 'cat' recurs below it" in table.notes[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n3,x\n5,6\n", r"column b has 1 value that is no number, first 'x' in row 1 \(line 3\): correct it"),
        ("a,b\n1,2\n3\n", "line 3 has 1 value and the first line has 2"),
        ('a,b\n1,"2,5"\n3,4,5\n', "line 3 has 3 values and the first line has 2"),
        ("a;b\tc\n1;2\t3\n", "has semicolons and tabs in its first line: name the one that separates its columns with"),
        (
            "a,b\n1,12%\n3,5.5 %\n",
            "column b looks like percentages, such as '12%', and was read as text: .* Numbers are needed",
        ),
        ("a,a\n1,2\n", "has two columns named 'a'"),
        ("a,b\n1,2\n3,\n5,NA\n", r"column b has 2 missing values in 3 rows, first in row 1 \(line 3\): .* missing=.drop."),
        ("a,b\n1,2\n3,nan\n", r"column b has 1 missing value in 2 rows, first in row 1 \(line 3\)"),
        ("a\n1\n\n3\n", r"column a has 1 missing value in 3 rows, first in row 1 \(line 3\)"),
    ],
)
def test_what_is_wrong_with_a_csv_is_said_in_one_line(content, message, tmp_path):
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        load_arrays({"x": f"{tmp_path}/x.csv"})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("suffix", "content", "words"),
    [
        (".csv", "a;b\n1;2\n3;4\n", "semicolons separate its columns, by its first line"),
        (".csv", "1\t2\n3\t4\n", "tabs separate its columns"),
        (".tsv", "a,b\n1,2\n3,4\n", "commas separate its columns"),
        (".csv", '"a;b",c\n1,2\n3,4\n', None),
        (".csv", '"a,b";c\n1;2\n3;4\n', "semicolons separate its columns"),
    ],
)
def test_what_stands_between_columns_is_told_by_the_first_line_and_said(suffix, content, words, tmp_path):
    path = tmp_path / f"x{suffix}"
    path.write_text(content)
    table = load_table(str(path))
    assert table.array().tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert [words in note for note in table.notes] == ([True] if words else [])


def test_what_stands_between_columns_and_for_missing_values_can_be_named(tmp_path):
    path = tmp_path / "x.csv"
    lines = [
        f"{a}|{'?' if row in (3, 7) else -999 if row == 9 else b}" for row, (a, b) in enumerate(zip(AGE, INCOME, strict=True))
    ]
    path.write_text("\n".join(["age|income", *lines]))
    arguments = ("estimate", f"{path}:age", f"{path}:income", "--missing", "drop", "--json")
    rest = ~np.isin(np.arange(N), [3, 7, 9])
    for separator in ("|", "tab", "\\t"):
        if separator != "|":
            path.write_text(path.read_text().replace("|", "\t"))
        record = json.loads(mi(*arguments, "--separator", separator, "--na", "?, -999").stdout)
        assert (record["n_samples"], record["mi"]) == (N - 3, mutual_information(AGE[rest], INCOME[rest]).mi)
    assert "name it in --na" in mi(*arguments, "--separator", "tab").stderr
    for wrong in ("||", "", '"', "\n", "é"):
        assert f"--separator is {wrong!r}: give one character" in mi(*arguments, "--separator", wrong).stderr
    np.save(tmp_path / "x.npy", INCOME)
    for option, kinds in (("--separator", "CSV and TSV"), ("--na", "CSV, TSV and Excel")):
        run = mi("entropy", tmp_path / "x.npy", option, ";")
        assert f"{option} is for {kinds}, and no file here is one: leave it out." in run.stderr
    ranked = mi("rank", path, "--target", "income", "--missing", "drop", "--na", "?,-999", "--json")
    assert json.loads(ranked.stdout)["rows"][0]["n_samples"] == N - 3


@pytest.mark.parametrize(
    ("cells", "what", "example"),
    [
        (["01/31/2024", "12/1/2023"], "dates", "01/31/2024"),
        (["31.01.2024 10:00", "1.2.2024 9:30"], "dates", "31.01.2024 10:00"),
        (["31 Jan 2024", "1 February 2023"], "dates", "31 Jan 2024"),
        (["12.3%", "7 %"], "percentages", "12.3%"),
        (["999", "1,234.5", "1,000,000"], "numbers with thousands separators", "1,234.5"),
        (["999", "1,25", "1.234,5", "-0,1"], "numbers with decimal commas", "1,25"),
        (["0,126", "1,031"], "numbers with decimal commas", "0,126"),
        (["Oslo", "1,25"], None, None),
        (["a/b/c", "1/2"], None, None),
        (["", ""], None, None),
    ],
)
def test_text_that_looks_like_numbers_or_dates_is_noted_with_an_example(cells, what, example, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["a,b", *(f'{place},"{cell}"' for place, cell in enumerate(cells)), '5,""']))
    of_frame = table_of(pandas.DataFrame({"b": cells}) if any(cells) else pandas.DataFrame({"b": ["x"]}))
    for table in (load_table(str(path)), of_frame):
        (*notes,) = table.notes
        assert [f"column b looks like {what}, such as {example!r}, and was read as text" in note for note in notes] == [
            True
        ] * bool(what)


def test_what_is_given_is_of_one_kind(people):
    sides = (f"{people}:age", f"{people}:income")
    joint = np.array([f"{city} {member}" for city, member in zip(CITY, AGE > 40, strict=True)])
    for k in (1, 2):
        expected = mutual_information(AGE, INCOME, given=joint, k=k)
        given = json.loads(mi("estimate", *sides, "--given", f"{people}:city,member", "--k", k, "--json").stdout)
        assert (given["mi"], given["given_labels"]) == (expected.mi, True)
        assert mutual_information(AGE, INCOME, given=FRAME[["city", "member"]], k=k).mi == expected.mi
    run = mi("estimate", *sides, "--given", f"{people}:joined,city,age")
    assert (run.exit_code, run.stderr.count("\n")) == (2, 1)
    words = "what is given mixes numbers (joined, age) and classes (city): give columns of one kind."
    assert f"{people}: {words}" in run.stderr
    with pytest.raises(InputError, match=re.escape(f"given: {words}")):
        mutual_information(AGE, INCOME, given=PANDAS[["joined", "city", "age"]], missing="drop")
    holes = PANDAS.assign(city=np.where(GAPS, None, CITY))
    assert mutual_information(AGE, INCOME, given=holes[["city", "member"]], k=1, missing="drop").n_samples == N - 3
    with pytest.raises(InputError, match="given: column city has 3 missing values"):
        mutual_information(AGE, INCOME, given=holes[["city", "member"]])


def test_text_as_x_is_told_to_swap_or_to_take_discrete(people):
    run = mi("estimate", f"{people}:city", f"{people}:income", "--labels")
    assert (run.exit_code, run.stderr.count("\n")) == (2, 1)
    assert "column city is text" in run.stderr
    assert "swap x and y" in run.stderr
    assert "--estimator discrete" in run.stderr


def test_a_sheet_can_be_named(tmp_path):
    pytest.importorskip("fastexcel")
    pytest.importorskip("openpyxl")
    path = tmp_path / "book.xlsx"
    with pandas.ExcelWriter(path) as book:
        PANDAS[["age", "income"]].to_excel(book, sheet_name="Sheet1", index=False)
        pandas.DataFrame({"a": AGE + 1, "b:c": INCOME}).to_excel(book, sheet_name="more, 2", index=False)
    assert load_array(f"{path}:age")[:, 0].tolist() == AGE.tolist()
    assert f"has 2 sheets: the first, Sheet1, was read. {path}:more, 2: names another." in load_table(str(path)).notes[0]
    assert load_array(f"{path}:more, 2:a")[:, 0].tolist() == (AGE + 1).tolist()
    assert load_array(f"{path}:more, 2:b:c")[:, 0].tolist() == INCOME.tolist()
    whole = load_table(f"{path}:more, 2:")
    assert (list(whole.columns), whole.notes) == (["a", "b:c"], ())
    assert list(load_table(f"{path}:Sheet1:age").columns) == ["age"]
    with pytest.raises(InputError, match=r"has no sheet 'Sheet2': it has Sheet1, more, 2; did you mean Sheet1\?"):
        load_table(f"{path}:Sheet2:age")
    with pytest.raises(
        InputError, match=r"more, 2 is a sheet: name its columns as .*:more, 2:COLUMN, or all of them as .*:more, 2:"
    ):
        load_table(f"{path}:more, 2")
    with pytest.raises(InputError, match=r"has no sheet 'other': it has Sheet1, more, 2\."):
        load_table(f"{path}:other:a")
    with pytest.raises(InputError, match="has no column 'other': it has age, income"):
        load_table(f"{path}:other")


def test_text_in_another_encoding_is_said(tmp_path):
    (tmp_path / "x.csv").write_bytes("navn,alder\nJørgen,3\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"not a .csv file in UTF-8, by a byte 0xf8 in line 2: save its text as UTF-8"):
        load(f"{tmp_path}/x.csv")


def test_a_csv_of_numbers_needs_no_polars_and_all_else_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    (tmp_path / "x.csv").write_text("a,b\n1,2\n3,4\n")
    assert load_array(f"{tmp_path}/x.csv:b").tolist() == [[2.0], [4.0]]
    (tmp_path / "y.csv").write_text("a,b\n1,x\n")
    (tmp_path / "z.parquet").write_bytes(b"PAR1")
    for name in ("y.csv", "z.parquet"):
        with pytest.raises(InputError, match=r"reading it needs polars: python -m pip install polars$"):
            load_array(f"{tmp_path}/{name}")


def test_times_and_flags_of_text(tmp_path):
    (tmp_path / "x.csv").write_text("t,f\n2020-01-02 00:00:10,true\n2020-01-01T00:00:00,FALSE\n")
    assert load_table(f"{tmp_path}/x.csv").columns["f"].values.tolist() == [True, False]
    (tmp_path / "x.csv").write_text("t\n1970-01-02 00:00:10\n1970-01-01 00:00:00.5\n")
    assert load_array(f"{tmp_path}/x.csv").tolist() == [[86410.0], [0.5]]


def test_arrays_of_containers(tmp_path):
    h5py = pytest.importorskip("h5py")
    from scipy.io import savemat

    x = RNG.standard_normal((10, 2))
    with h5py.File(tmp_path / "acts.h5", "w") as file:
        file["layer1"], file["group/layer2"] = x, x + 1
    savemat(tmp_path / "run.mat", {"x": x, "y": x + 1})
    for source, values in (("acts.h5:/layer1", x), ("acts.h5:group/layer2", x + 1), ("run.mat:y", x + 1)):
        np.testing.assert_array_equal(load_array(f"{tmp_path}/{source}"), values)
    with pytest.raises(InputError, match=r"holds 2 arrays: name one as .*acts.h5:/group/layer2, of /group/layer2, /layer1"):
        load_array(f"{tmp_path}/acts.h5")
    (tmp_path / "broken.h5").write_bytes(b"no")
    with pytest.raises(InputError, match=r"broken.h5 is truncated, damaged or not a .h5 file"):
        load_array(f"{tmp_path}/broken.h5")
    with h5py.File(tmp_path / "new.mat", "w", userblock_size=512) as file:  # as MATLAB 7.3 writes
        file["x"] = x.T
    with (tmp_path / "new.mat").open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file")
    np.testing.assert_array_equal(load_array(f"{tmp_path}/new.mat:x"), x)


def test_tensors_of_torch_are_read_without_running_code(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"layer1": torch.ones(3, 2), "more": {"layer2": torch.zeros(3)}}, tmp_path / "acts.pt")
    assert load_array(f"{tmp_path}/acts.pt:layer1").shape == (3, 2)
    assert load_array(f"{tmp_path}/acts.pt:more.layer2").tolist() == [0, 0, 0]
    torch.save({"layer1": Unsafe()}, tmp_path / "unsafe.pt")
    with pytest.raises(InputError, match=r"unsafe\.pt holds Python objects that could run code: save tensors"):
        load_array(f"{tmp_path}/unsafe.pt")


class Unsafe:
    def __reduce__(self):
        return pytest.fail, ("code of a file was run",)


# Frames


def test_frames_and_columns_in_memory():
    expected = mutual_information(np.column_stack([AGE, INCOME]), AGE > 40, estimator="ross").mi
    for frame in (FRAME, PANDAS, PANDAS.convert_dtypes()):
        assert mutual_information(frame[["age", "income"]], frame["member"], estimator="ross").mi == expected
        assert mutual_information(frame["age"], frame["income"], given=frame["city"]).given_labels
        with pytest.raises(InputError, match="x: column city is text, first"):
            mutual_information(frame[["age", "city"]], frame["income"])
    assert "read as seconds since" in mutual_information(PANDAS[["joined"]].astype("datetime64[us]"), AGE).notes[0]


def test_times_of_a_time_zone_are_those_of_utc():
    zone = datetime.timezone(datetime.timedelta(hours=2))
    times = np.array([datetime.datetime(1970, 1, 1, 2, int(minute) % 60, tzinfo=zone) for minute in AGE], dtype=object)
    (row,) = rank({"at": times, "age": INCOME}, "age").rows
    assert row.mi == mutual_information(AGE % 60, INCOME, standardize="sides").mi


def test_dates_far_from_today_are_those_that_came():
    times = np.array(["9999-12-31", "0001-01-01", "NaT"], dtype="datetime64[s]")
    expected = [253402214400.0, -62135596800.0, None]
    for series in (pandas.Series(times), pandas.Series(times).dt.tz_localize("UTC"), pandas.Series(times).astype(object)):
        assert as_list(arrays.table(series, "table").columns["0"]) == expected
    assert as_list(arrays.table({"t": np.ma.masked_array(times, [0, 1, 1])}, "table").columns["t"]) == [expected[0], None, None]


def test_times_finer_than_float64_are_told_and_read_to_the_nanosecond(tmp_path):
    times = np.datetime64("2024-01-01T00:00:00", "ns") + np.arange(N)
    for values in (times, pandas.Series(times), pandas.Series([pandas.Timestamp(one) for one in times], dtype=object)):
        column = arrays.table({"t": values}, "table").columns["t"]
        assert "; float64 holds 1 of its 60 distinct values: subtract the first time for more." in column.note
    assert "float64" not in arrays.table({"t": times - times[0]}, "table").columns["t"].note
    path = tmp_path / "t.csv"
    path.write_text("t,a\n2024-01-01 00:00:00.123456789,x\n2024-01-01 00:00:00.1234567,x\n")
    assert "float64 holds 1 of its 2 distinct values" in load_table(str(path)).columns["t"].note
    path.write_text("t,a\n1970-01-01 00:00:00.123456789,x\n1970-01-01 00:00:01,x\n")
    assert load_table(str(path)).columns["t"].values.tolist() == [0.123456789, 1.0]
    path.write_text("t,a\n9999-12-31 00:00:00.1234567,x\n2024-01-01 00:00:00,x\n")
    assert load_table(str(path)).columns["t"].values.tolist() == [253402214400.123456, 1704067200.0]


def test_text_of_bytes_is_text():
    words = np.where(AGE > 40, "J\u00f8rgen".encode(), b"\xff")
    assert set(arrays.table({"who": words}, "table").columns["who"].values) == {"J\u00f8rgen", "\\xff"}


def test_columns_that_are_no_data_are_left_out_of_a_ranking_and_refused_where_they_are_used(tmp_path):
    lists = polars.Series("lists", [[1]] * N)
    frame = polars.DataFrame([lists, polars.Series("age", AGE), polars.Series("income", INCOME, dtype=polars.Decimal(20, 2))])
    told = "column lists holds List(Int64): a column is of numbers, flags, dates or text."
    found = rank(frame, "income")
    assert [row.column for row in found] == ["age"]
    assert any(f"Left out: table: {told}" in note for note in found.notes)
    assert rank(frame, INCOME, columns=["age"]).notes == rank(frame[["age"]], INCOME).notes
    path = tmp_path / "x.parquet"
    frame.write_parquet(path)
    assert json.loads(mi("rank", path, "--target", "income", "--columns", "age", "--json").stdout)["rows"][0]["column"] == "age"
    for call in (lambda: rank(frame, "income", columns=["lists"]), lambda: rank(frame, "lists"), lambda: load_array(str(path))):
        with pytest.raises(InputError, match=re.escape(told)):
            call()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.arange(N).astype("M8[as]"), r"column a has dtype datetime64\[as\]: convert it to M8\[ns\]"),
        (np.arange(N).astype("m8[Y]"), r"column a has dtype timedelta64\[Y\]: convert it to m8\[D\]"),
        (np.zeros(N, [("p", float), ("q", float)]), "column a holds records of p, q: give a column for each of these fields"),
        (
            pandas.Series(pandas.interval_range(pandas.Timestamp(0), periods=N)),
            "column a holds interval.*, which cannot be read",
        ),
    ],
    ids=["attoseconds", "years", "records", "intervals"],
)
def test_types_that_are_no_columns_are_refused_in_one_line(values, message):
    with pytest.raises(InputError, match=message) as caught:
        rank({"a": values, "b": AGE}, "b")
    assert "\n" not in str(caught.value)


def test_durations_as_objects_are_seconds():
    durations = np.array([datetime.timedelta(days=1), None, datetime.timedelta(seconds=2)])
    assert as_list(arrays.table({"d": durations}, "table").columns["d"]) == [86400.0, None, 2.0]


def test_what_is_no_array_is_told_how_to_become_one():
    from scipy.sparse import csr_matrix

    with pytest.raises(InputError, match=r"x is a sparse matrix \(csr_matrix\): give x.toarray\(\)"):
        mutual_information(csr_matrix(np.eye(5)), np.arange(5))
    with pytest.raises(InputError, match=r"x is a LazyFrame: give x.collect\(\)"):
        mutual_information(FRAME.lazy(), AGE)


def test_indexes_of_pandas_that_differ_are_noted():
    shuffled = PANDAS.sample(frac=1, random_state=0)
    assert "pandas indexes of x and y differ" in mutual_information(PANDAS["age"], shuffled["income"]).notes[0]
    assert not any("indexes" in note for note in mutual_information(shuffled["age"], shuffled["income"]).notes)
    groups, age, income = pandas.Series(np.arange(N) // 4), PANDAS["age"], PANDAS["income"]
    differ = "The pandas indexes of {} and {} differ. Rows were paired by position"
    for found, one, other in (
        (mutual_information(age, income, groups=groups.iloc[::-1]), "x", "groups"),
        (mutual_information(age, income, given=shuffled[["income"]], error_bar=False), "x", "z"),
        (rank(PANDAS[["age"]], shuffled["income"]), "table", "target"),
        (rank({"a": shuffled["age"], "b": income}, "b"), "column a", "column b"),
        (rank(PANDAS[["age", "income"]], "income", groups=groups.iloc[::-1]), "table", "groups"),
        (multi_information([age, shuffled["income"]]), "x1", "x2"),
        (cka(age, shuffled["income"]), "x", "y"),
        (lagged(age, shuffled["income"], [0]), "x", "y"),
        (transfer_entropy(age, shuffled["income"]), "x", "y"),
    ):
        assert found.notes[0].startswith(differ.format(one, other))


def test_sparse_columns_of_pandas_are_told_how_to_become_dense():
    sparse = pandas.Series(pandas.arrays.SparseArray(INCOME))
    with pytest.raises(InputError, match=r"x: column 0 is a sparse column of pandas \(Sparse.*\): give its .sparse.to_dense"):
        mutual_information(sparse, AGE)
    with pytest.raises(InputError, match=r"table: column a is a sparse column"):
        rank(pandas.DataFrame({"a": sparse, "b": AGE}), "b")


def test_xarray_is_taken():
    xarray = pytest.importorskip("xarray")
    data = xarray.Dataset({"age": ("sample", AGE), "income": ("sample", INCOME)})
    assert mutual_information(data["age"], data["income"]).mi == mutual_information(AGE, INCOME).mi
    with pytest.raises(InputError, match=r"x is a Dataset of several arrays: name one, as x\['age'\]"):
        mutual_information(data, INCOME)


# Missing values

GAPS = np.zeros(N, bool)
GAPS[[3, 7, 20]] = True
HOLES = np.where(GAPS, np.nan, INCOME)


def test_missing_values_are_refused_by_the_name_of_their_column():
    for frame in (FRAME.with_columns(polars.Series("income", HOLES, nan_to_null=True)), PANDAS.assign(income=HOLES)):
        with pytest.raises(InputError, match=r"y: column income has 3 missing values in 60 rows, first in row 3: .*; missing="):
            mutual_information(frame["age"], frame["income"])


@pytest.mark.parametrize("how", ["array", "masked", "polars", "pandas", "objects"])
def test_rows_with_missing_values_are_dropped_pairwise(how):
    y = {
        "array": HOLES,
        "masked": np.ma.masked_array(INCOME, GAPS),
        "polars": polars.Series("income", HOLES, nan_to_null=True),
        "pandas": pandas.Series(HOLES, dtype="Float64"),
        "objects": np.array([None if gap else value for gap, value in zip(GAPS, INCOME, strict=True)]),
    }[how]
    found = mutual_information(AGE, y, missing="drop")
    assert (found.mi, found.n_samples) == (mutual_information(AGE[~GAPS], INCOME[~GAPS]).mi, N - 3)
    assert found.notes[0].startswith("3 of 60 rows had missing values and were left out; 57 are left.")
    multi = multi_information([AGE, y], missing="drop")
    assert (multi.mi, multi.n_samples) == (found.mi, N - 3)


def test_gaps_among_numbers_leave_no_note_on_their_types():
    gaps = [None if gap else income for gap, income in zip(GAPS, INCOME.tolist(), strict=True)]
    found = mutual_information(AGE, gaps, missing="drop")
    assert found.notes == mutual_information(AGE, HOLES, missing="drop").notes
    huge = np.array([None if gap else 2**60 + 1 if place else 0.5 for place, gap in enumerate(GAPS)])
    assert any("[mi explain rounded]" in note for note in mutual_information(huge, AGE, missing="drop").notes)


def test_masked_arrays_of_any_kind_can_be_dropped():
    found = mutual_information(INCOME, np.ma.masked_array(CITY, GAPS), estimator="ross", missing="drop")
    assert found.mi == mutual_information(INCOME[~GAPS], CITY[~GAPS], estimator="ross").mi
    with pytest.raises(InputError, match="x is complex"):
        mutual_information(np.ma.masked_array(INCOME * 1j, GAPS), AGE, missing="drop")
    with pytest.raises(InputError, match=r"x has dtype datetime64\[D\]: give numbers"):
        mutual_information(np.ma.masked_array(np.array(DAYS, "M8[D]"), GAPS), AGE, missing="drop")
    table = np.ma.masked_array(np.column_stack([AGE, INCOME]), np.column_stack([np.zeros(N, bool), GAPS]))
    assert rank(table, "0", missing="drop").rows[0].n_samples == N - 3
    with pytest.raises(InputError, match="table: column 1 has 3 missing values in 60 rows"):
        rank(table, "0")


def test_labels_groups_and_conditions_may_be_missing_too():
    city = np.where(GAPS, None, CITY)
    rest = ~GAPS
    found = mutual_information(INCOME, city, estimator="ross", missing="drop")
    assert found.mi == mutual_information(INCOME[rest], CITY[rest], estimator="ross").mi
    assert mutual_information(AGE, INCOME, given=city, missing="drop").n_samples == N - 3
    groups = np.where(GAPS, np.nan, np.arange(N) // 4)
    of_groups = mutual_information(AGE, INCOME, groups=groups, missing="drop")
    assert of_groups.mi == mutual_information(AGE[rest], INCOME[rest], groups=groups[rest]).mi
    with pytest.raises(InputError, match="rows of a series cannot be left out"):
        mutual_information(AGE, HOLES, series=True, missing="drop")
    with pytest.raises(InputError, match="all 60 rows have a missing value in x or y"):
        mutual_information(AGE, np.full(N, np.nan), missing="drop")
    with pytest.raises(InputError, match="missing is 'fill': it must be one of refuse, drop"):
        mutual_information(AGE, HOLES, missing="fill")


@pytest.mark.parametrize(
    ("gone", "stretch"),
    [
        ([0, 5, 6, 20], ", or take a stretch without any: the longest is rows 21 to 59, counted from 0."),
        ([40], ", or take a stretch without any: the longest is rows 0 to 39, counted from 0."),
        (range(60), "Fill the gaps in."),
    ],
)
def test_gaps_of_a_series_are_refused_with_its_longest_stretch_without(gone, stretch):
    y = INCOME.copy()
    y[gone] = np.nan
    calls = (
        lambda: lagged(AGE, y, [0]),
        lambda: transfer_entropy(polars.Series("y", y), AGE),
        lambda: mutual_information(AGE, y, series=True),
        lambda: mutual_information_matrix({"a": AGE, "b": y}, series=True),
        lambda: rank({"a": AGE, "b": y}, "b", series=True),
    )
    for call in calls:
        with pytest.raises(InputError) as caught:
            call()
        assert str(caught.value).startswith(f"{len(gone)} of 60 rows have missing values")
        assert str(caught.value).endswith(stretch)
        assert "drop" not in str(caught.value)


def test_dropping_is_advised_only_where_it_can_be_done():
    with pytest.raises(InputError, match=r"3 missing values in 60 rows, first in row 3: remove or replace them\.$"):
        scores({"a": HOLES}, AGE)
    with pytest.raises(InputError, match=r"y has 3 values that are NaN or infinite, first in row 3: remove or replace them\.$"):
        scores({"a": AGE}, HOLES)
    assert (
        str(pickle.loads(pickle.dumps(MissingValues("a has gaps", "drop them"))))
        == "a has gaps: remove or replace them; drop them."
    )
    with pytest.raises(InputError, match=r"remove or replace it\.$"):
        mutual_information(AGE, np.where(np.arange(N) == 3, np.inf, INCOME))
    with pytest.raises(InputError, match="or name its place in discrete_features"):
        scores({"a": CITY}, AGE)


def test_text_that_may_stand_for_a_missing_value_is_told_with_the_option_that_takes_it_so(tmp_path):
    words = np.where(np.arange(N) % 3 == 0, "?", np.where(np.arange(N) % 3 == 1, "yes", "no"))
    told = "column asked has '?' 20 times"
    table = {"income": INCOME, "asked": words, "sign": np.where(AGE > 40, "+", "-")}
    notes = rank(table, "income").notes
    assert [told in note and "name them in --na" in note for note in notes if "classes of their own" in note] == [True]
    assert not any("has '-'" in note for note in notes)
    with pytest.raises(InputError, match=re.escape("1 column has missing values in 60 rows (age 3); beside them " + told)):
        rank({"age": np.where(GAPS, np.nan, AGE), **table}, "income")
    path = tmp_path / "people.csv"
    polars.DataFrame({"income": INCOME, "asked": words}).write_csv(path)
    command = ("estimate", f"{path}:income", f"{path}:asked", "--labels")
    assert told in mi(*command).stderr
    dropped = mi(*command, "--na", "?", "--missing", "drop")
    assert "classes of their own" not in dropped.stderr
    assert "20 of 60 rows had missing values" in dropped.stderr
    polars.DataFrame({"a": ["N/a", None, "x", "NULL"]}).write_parquet(tmp_path / "a.parquet")
    assert load_table(f"{tmp_path}/a.parquet").columns["a"].doubtful == {"N/a": 1, "NULL": 1}


def test_true_and_false_as_numbers_are_noted(tmp_path):
    path = tmp_path / "people.csv"
    FRAME.write_csv(path)
    note = "true and false in member were read as numbers, 1 and 0."
    assert note in mi("estimate", f"{path}:member", f"{path}:income").stderr
    assert note not in mi("estimate", f"{path}:income", f"{path}:member", "--labels").stderr
    assert any(note in one for one in mutual_information(FRAME[["member"]], INCOME).notes)


IDS = 2**60 + 64 * (np.arange(N) // 4)  # of which float64 tells every fourth apart


@pytest.mark.parametrize(
    "ids",
    [
        np.ma.masked_array(IDS, GAPS),
        polars.Series("id", [None if gap else int(one) for gap, one in zip(GAPS, IDS, strict=True)]),
        pandas.Series([None if gap else one for gap, one in zip(GAPS, IDS, strict=True)], dtype="Int64"),
        np.where(GAPS, None, IDS),
        np.where(GAPS, None, 2**70 + IDS.astype(object)),
    ],
    ids=["masked", "polars", "pandas", "objects", "beyond 64 bits"],
)
def test_large_integers_beside_missing_ones_keep_their_digits(ids):
    expected = mutual_information(AGE[~GAPS], INCOME[~GAPS], groups=np.arange(N)[~GAPS] // 4, standardize="sides")
    found = mutual_information(AGE, INCOME, groups=ids, missing="drop", standardize="sides")
    (row,) = rank({"age": AGE, "income": INCOME, "id": ids}, "income", columns=["age"], groups="id", missing="drop")
    assert found.mi == row.mi == expected.mi
    assert found.independent_units == row.independent_units == 15


@pytest.mark.parametrize("cells", ["0.5", "x", ""])
def test_large_integers_of_a_file_keep_their_digits_whatever_stands_beside_them(cells, tmp_path):
    path = tmp_path / "ids.csv"
    others = [cells, *["1"] * (N - 1)]
    ids = [2**63 + 7, *IDS.tolist()[1:]]
    rows = zip(ids, others, strict=True)
    path.write_text("id,other,gaps\n" + "".join(f"{one},{other},{one if one % 3 else ''}\n" for one, other in rows))
    column, gaps = (load_table(str(path)).columns[name] for name in ("id", "gaps"))
    assert column.values.tolist() == ids
    assert gaps.values[~gaps.missing].tolist() == [one for one in ids if one % 3]
    path.write_text("9007199254740993,1\n9007199254740995,0.5\n")
    assert load_table(str(path)).columns["0"].values.tolist() == [2**53 + 1, 2**53 + 3]
    assert load_array(str(path)).tolist() == [[2**53 + 1, 1], [2**53 + 3, 0.5]]


@pytest.mark.parametrize("beside", ["nan", "1e16", "", "12345678901234567.0"])
@pytest.mark.parametrize("other", ["0.5", "x"])
def test_one_cell_does_not_round_the_large_integers_around_it(beside, other, tmp_path):
    (tmp_path / "ids.csv").write_text(f"id,other\n{2**54 + 1},{other}\n{beside},1\n{2**54 + 3},1\n")
    column = load_table(f"{tmp_path}/ids.csv").columns["id"]
    whole = {"1e16": 10**16, "12345678901234567.0": 12345678901234567}
    assert column.missing.tolist() == [False, beside not in whole, False]
    assert column.values.tolist() == [2**54 + 1, whole.get(beside, 0), 2**54 + 3]
    (tmp_path / "ids.csv").write_text(f"id,other\n{2**54 + 1},{other}\n{beside},1\n1.5,1\n")
    column = load_table(f"{tmp_path}/ids.csv").columns["id"]
    assert column.values[0] == 2.0**54
    assert f"such as {2**54 + 1}, beside others that are not whole, such as 1.5: all were rounded to float64" in column.note


@pytest.mark.parametrize("kind", ["objects", "decimals", "128 bits"])
def test_large_integers_of_other_types_keep_their_digits(kind):
    ids = [2**60 + 1, None, 2**60 + 3, 1]
    values = {
        "objects": np.array([float(one) if one == 1 else one for one in ids], dtype=object),
        "decimals": polars.Series(ids, dtype=polars.Int64).cast(polars.Decimal(38, 0)),
        "128 bits": polars.Series(ids, dtype=polars.Int128),
    }[kind]
    column = arrays.table({"id": values}, "table").columns["id"]
    assert as_list(column) == ids
    rounded = arrays.table({"id": np.array([2**60 + 1, 0.5, None], dtype=object)}, "table")
    assert "all were rounded to float64. [mi explain rounded]" in rounded.notes[0]


def as_list(column):
    return [None if gone else one for one, gone in zip(column.values.tolist(), column.missing, strict=True)]


def test_a_column_of_large_integers_is_ranked_with_the_note_that_they_are_rounded():
    found = rank({"id": IDS + AGE, "income": INCOME}, "income")
    assert found.rows[0].mi == mutual_information(IDS + AGE, INCOME, standardize="sides").mi
    rounded = "table: column id: int64 values were rounded to float64, which holds 53 bits. (In id.)"
    assert f"{rounded} [mi explain rounded]" in found.notes


def test_markers_that_are_numbers_are_compared_as_numbers(tmp_path):
    pytest.importorskip("fastexcel")
    pytest.importorskip("openpyxl")
    frame = pandas.DataFrame({"a": [1.5, -999.0, 0.0], "b": [-999, 2, 0], "c": ["x", "-999", "y"]})
    frame.to_csv(tmp_path / "gaps.csv", index=False)
    frame.to_excel(tmp_path / "gaps.xlsx", index=False)
    for suffix in (".csv", ".xlsx"):
        for marker, missing in (("-999", [[0, 1, 0], [1, 0, 0], [0, 1, 0]]), ("0", [[0, 0, 1], [0, 0, 1], [0, 0, 0]])):
            table = load_table(str(tmp_path / f"gaps{suffix}"), Cells(na=(marker,)))
            assert [column.missing.tolist() for column in table.columns.values()] == missing


@pytest.mark.parametrize(
    "content",
    ["0,126;0,221\n0,5;0,25\n", "x, m;y, m\n0,126;0,221\n0,5;0,25\n", "0,126\t0,221\n0,5\t0,25\n"],
    ids=["no header", "header", "tabs"],
)
def test_commas_that_may_be_those_of_decimals_ask_for_the_separator(content, tmp_path):
    path = tmp_path / "euro.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=r"has commas and (semicolons|tabs) in its first line: name the one that separates"):
        load_table(str(path))
    separator = "\t" if "\t" in content else ";"
    assert all("decimal commas" in one.note for one in load_table(str(path), Cells(separator)).columns.values())
    path.write_text("a,b;c\n1,2\n3,4\n")
    assert list(load_table(str(path)).columns) == ["a", "b;c"]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_first_line_of_numbers_and_gaps_is_a_sample(suffix, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("fastexcel")
    path = tmp_path / f"table{suffix}"

    def written(*rows):
        if suffix == ".csv":
            path.write_text("".join(",".join("" if one is None else str(one) for one in row) + "\n" for row in rows))
        else:
            book = openpyxl.Workbook()
            for row in rows:
                book.active.append(row)
            book.save(path)
        return load_table(str(path))

    for gap in (None, "NA", "nan"):
        table = written([1.5, gap, 2], [3, 4, 5], [6, 7, 8.5])
        assert list(table.columns) == ["0", "1", "2"]
        assert table.columns["1"].missing.tolist() == [True, False, False]
        assert (len(table), table.first_line) == (3, 1)
        assert gap == "nan" or "was read as a sample, because it holds" in table.notes[0]
    assert len(written([1.5, 2], [3, 4])) == 2
    assert list(written([None, "0", "1"], [0, 3, 4]).columns) == ["unnamed 0", "0", "1"]
    assert list(written(["name", 2019], ["x", 4]).columns) == ["name", "2019"]
    assert "because 'x' recurs below it" in written(["x", 1], ["y", 2], ["x", 3]).notes[0]
    with pytest.raises(InputError, match=r"has an empty cell and numbers, '2019' first, which may be names of columns or a"):
        written([None, 2019, 2020], [1, 3, 4])
    with pytest.raises(InputError, match=r"has two columns named 'a': rename one of them"):
        written(["a", "a"], [3, 4])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('a,b\n1,2"3\n3,4\n', "its cells cannot be told apart, perhaps because a quote is inside one or is not closed"),
        ('a\nb\n"c\nd\ne\n', "its cells cannot be told apart, perhaps because a quote is inside one or is not closed"),
        (f'a,b\n"{"x" * 200_000}",1\ny,2\n', "a cell in line 2 has more than 131,072 characters: shorten it, or close a quote"),
    ],
)
def test_cells_that_cannot_be_told_apart_are_said(content, message, tmp_path):
    path = tmp_path / "quotes.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=re.escape(message)):
        load_table(str(path))


def test_every_nan_of_a_file_is_a_missing_value(tmp_path):
    path = tmp_path / "nan.csv"
    path.write_text("a,b\n-nan,x\n+NaN,y\n1,z\n")
    assert load_table(str(path)).columns["a"].missing.tolist() == [True, True, False]


def test_entropy_and_divergence_drop_rows_of_each_set_by_itself(tmp_path):
    rest = ~GAPS
    found = entropy(HOLES, missing="drop")
    assert (found.entropy, found.n_samples) == (entropy(INCOME[rest]).entropy, N - 3)
    assert found.notes[0].startswith("3 of 60 rows had missing values")
    apart = kl_divergence(HOLES, AGE + 0.5 * RNG.standard_normal(N), missing="drop")
    assert (apart.n_samples, apart.n_samples_prime) == (N - 3, N)
    with pytest.raises(InputError, match="x has 3 values that are NaN or infinite"):
        entropy(HOLES)
    path = tmp_path / "people.csv"
    FRAME.with_columns(polars.Series("income", HOLES, nan_to_null=True)).write_csv(path)
    record = json.loads(mi("entropy", f"{path}:income", "--missing", "drop", "--json").stdout)
    assert (record["n_samples"], record["entropy"]) == (N - 3, found.entropy)
    record = json.loads(
        mi("divergence", f"{path}:income", f"{path}:income", "--missing", "drop", "--noise", "1e-3", "--json").stdout
    )
    assert (record["n_samples"], record["n_samples_prime"]) == (N - 3, N - 3)
    assert "column income has 3 missing values" in mi("entropy", f"{path}:income").stderr


def test_a_matrix_drops_for_each_pair_by_itself():
    other = np.where(np.arange(N) < 2, np.nan, RNG.standard_normal(N))
    found = mutual_information_matrix({"a": AGE, "b": HOLES, "c": other}, labels=CITY, missing="drop", error_bar=False)
    assert found.pair_samples.tolist() == [[60, 57, 58], [57, 57, 55], [58, 55, 58]]
    rest = ~np.isnan(HOLES) & ~np.isnan(other)
    pair = mutual_information_matrix({"b": HOLES[rest], "c": other[rest]}, error_bar=False)
    assert found.mi[1, 2] == found.mi[2, 1] == pair.mi[0, 1]
    assert found.with_labels[1] == mutual_information(INCOME[~GAPS], CITY[~GAPS], estimator="ross").mi
    assert "pair by pair: 55 to 60 of 60 are left" in found.notes[0]
    assert found.n_samples == N
    whole = mutual_information_matrix({"a": AGE, "b": INCOME}, missing="drop", error_bar=False)
    assert whole.pair_samples is None
    with pytest.raises(InputError, match="3 of 60 rows have missing values, and rows of a series cannot be left out"):
        mutual_information_matrix({"a": AGE, "b": HOLES}, missing="drop", series=True)


def test_the_command_drops_when_told_to(tmp_path):
    path = tmp_path / "people.csv"
    FRAME.with_columns(polars.Series("income", HOLES, nan_to_null=True)).write_csv(path)
    refused = mi("estimate", f"{path}:age", f"{path}:income")
    assert refused.exit_code == 2
    assert "column income has 3 missing values in 60 rows" in refused.stderr
    assert "--missing drop" in refused.stderr
    record = json.loads(mi("estimate", f"{path}:age", f"{path}:income", "--missing", "drop", "--json").stdout)
    assert (record["n_samples"], record["mi"]) == (57, mutual_information(AGE[~GAPS], INCOME[~GAPS]).mi)
    for command in ("lagged", "transfer"):
        assert "take a stretch without any: the longest is rows" in mi(command, f"{path}:age", f"{path}:income").stderr
    matrix = mi("matrix", f"{path}:age", f"{path}:income", "--missing", "drop", "--labels", f"{path}:city")
    assert "57 to 60 of 60 samples" in matrix.stdout


def test_a_matrix_reads_tables_as_it_is_told_to(tmp_path):
    path = tmp_path / "t.csv"
    cells = ["?" if gap else str(age) for gap, age in zip(GAPS, AGE, strict=True)]
    path.write_text("\n".join(["a;b", *(f"{age};{income}" for age, income in zip(cells, INCOME, strict=True))]))
    run = mi("matrix", f"{path}:a", f"{path}:b", "--separator", ";", "--na", "?", "--missing", "drop")
    assert "57 to 60 of 60 samples" in run.stdout
    assert "semicolons" not in run.stderr


# Correlation


@pytest.mark.parametrize("rho", [0.0, 0.3, -0.9])
def test_linfoots_correlation_is_that_of_gaussians(rho):
    nats = -0.5 * np.log(1 - rho**2)
    assert linfoot(nats, "nats") == pytest.approx(abs(rho), abs=1e-12)
    assert linfoot(nats / np.log(2), "bits") == pytest.approx(abs(rho), abs=1e-12)


def test_a_negative_estimate_has_no_correlation():
    result = mutual_information(np.arange(20.0), np.array([3, 1, 2, 0] * 5))
    assert result.mi < 0
    assert result.correlation == 0.0
    assert mutual_information(AGE, AGE + 0.0, units="nats").correlation > 0.99


def test_a_table_has_a_length():
    assert len(table_of(FRAME)) == N


def table_of(frame):
    found = arrays.table(frame, "table")
    assert isinstance(found, Table)
    return found
