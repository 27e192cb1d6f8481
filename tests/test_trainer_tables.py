"""Tables that a callback or monitor has written, as `mi plot` and `mi report` read them."""

import dataclasses
import re

import pytest
from typer.testing import CliRunner

from cli.main import app
from trainer import plot, table_report
from trainer.plot import draw_epochs, how_measured, normalises
from trainer.table import Row, Table

NOTE = "x has ties: <b>one</b> of 100."


@pytest.fixture
def table(tmp_path):
    """Three epochs of two calls of one layer, and of a layer with the labels."""
    path = tmp_path / "mi.jsonl"
    shared = {"bn": "inference", "ceiling": 9.0, "n_samples": 100, "dim_x": 2, "dim_y": 2, "notes": (NOTE,)}
    shared |= {"reduction": "pca:2", "reduced": 0.5, "reduced_stderr": 0.05, "lower_bound": 0.75, "lower_bound_stderr": 0.02}
    rows = [
        Row(epoch=epoch, x=x, y=y, mi=1 + epoch / 10, stderr=0.1, **shared)
        for epoch in range(3)
        for x, y in (("act:0", "act:1"), ("fc[<0>]", "labels"))
    ]
    Table(path).append(rows)
    return path


def mi(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_mi_plot_draws_a_table(table, tmp_path):
    printed = mi("plot", table, "--out", tmp_path / "pictures", "--layers", "act:0:act:1")
    assert printed.exit_code == 0, printed.stderr
    names = [f"mi-act_0-act_1-epochs.{kind}" for kind in ("png", "svg")]
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == names
    drawn = [dataclasses.replace(row, error=0.5) for row in Table(table).rows()]
    with_errors = tmp_path / "errors.jsonl"
    Table(with_errors).append(drawn)
    printed = mi("plot", with_errors, table, "--out", tmp_path / "both")
    assert printed.exit_code == 0, printed.stderr
    names = {f"errors-mi-{what}.{kind}" for what in ("error", "epochs") for kind in ("png", "svg")}
    assert {path.name for path in (tmp_path / "both").iterdir()} == names
    for one in (table, with_errors):  # which leave each other's pictures alone
        assert mi("plot", one, "--out", tmp_path / "both").exit_code == 0
    assert len(list((tmp_path / "both").iterdir())) == 4 + 2 + 4


def test_pictures_of_many_tables_have_the_pair_in_their_names(table, tmp_path):
    tables = [tmp_path / f"表{number}-{'long' * 10}.jsonl" for number in range(6)]
    for path in tables:
        Table(path).append(Table(table).rows())
    out = tmp_path / "pictures"
    for some, pair in ((tables, "act:0:act:1"), (tables, "fc[<0>]:labels"), (tables[:5], "fc[<0>]:labels")):
        assert mi("plot", *some, "--out", out, "--layers", pair).exit_code == 0
    names = [path.name for path in out.glob("*.png")]
    assert sorted(name[-18:] for name in names) == ["-labels-epochs.png"] * 2 + ["act_0-act_1-epochs.png"[-18:]]
    assert len(names) == 3
    assert all(name.startswith("表0-longlong") and len(name.encode()) < 150 for name in names)


def test_names_that_the_font_lacks_draw_boxes_without_a_warning(table, tmp_path):
    rows = [dataclasses.replace(row, x="層", name=f"名{row.x}") for row in Table(table).rows()]
    Table(tmp_path / "表.jsonl").append(rows)
    for command in (["plot", tmp_path / "表.jsonl", "--out", tmp_path], ["report", tmp_path / "表.jsonl"]):
        printed = mi(*command)
        assert (printed.exit_code, printed.stderr) == (0, "")


def test_a_picture_tells_of_batch_normalisation_where_there_is_any(table):
    rows = Table(table).rows()
    assert not normalises(table, rows)
    assert how_measured(None, "3") == "k=3"
    assert normalises(table, [*rows, dataclasses.replace(rows[0], bn="batch")])
    assert normalises(table.parent, rows)
    assert how_measured("inference", "3") == "batch normalisation with moving averages; k=3"


def test_mi_plot_says_what_a_table_lacks(table, tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    failed = tmp_path / "failed.jsonl"
    Table(failed).append([Row(epoch=0, x="fc", y="out", bn="inference", k=None, notes=("y has 7 values that are NaN.",))])
    for arguments, message in [
        ([empty], "has no measurements."),
        ([failed], "failed.jsonl: of fc:out nothing could be measured: out has 7 values that are NaN."),
        ([tmp_path / "no.jsonl"], "no.jsonl: there is no such file or folder."),
        ([table, "--layers", "act:1:act:0"], "has no measurements of act:1:act:0: it has act:0:act:1, fc[<0>]:labels."),
        ([table, "--k", "7"], "of act:0:act:1 with inference statistics and k=7: it has inference with k=3."),
        ([table, "--layers", "act"], "give pairs such as first:last"),
    ]:
        printed = mi("plot", *arguments, "--out", tmp_path)
        assert printed.exit_code == 2
        assert message in " ".join(printed.stderr.split())


def test_a_first_pair_that_failed_is_passed_over(tmp_path):
    rows = [Row(epoch=0, x="fc", y=y, bn="inference", mi=mi_of_y) for y, mi_of_y in (("bad", None), ("out", 1.0))]
    Table(tmp_path / "t.jsonl").append(rows)
    assert mi("plot", tmp_path / "t.jsonl", "--out", tmp_path).exit_code == 0


@pytest.fixture
def drawn(monkeypatch):
    """The traces of each picture of MI over the epochs."""
    seen = []

    def draw(traces, name):
        seen.append({trace.label: [(row.epoch, row.mi) for row in trace.rows] for trace in traces})
        return draw_epochs(traces, name)

    for module in (plot, table_report):
        monkeypatch.setattr(module, "draw_epochs", draw)
    return seen


def lines(page):
    """Cells of the table of first and last values."""
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", page)]


def test_measurements_of_two_names_are_told_apart(tmp_path, drawn):
    path = tmp_path / "t.jsonl"
    Table(path).append(
        Row(epoch=epoch, x="fc", y="out", bn="inference", mi=mi_of_it + epoch, name=name)
        for epoch in range(2)
        for name, mi_of_it in (("", 1.0), ("train", 3.0))
    )
    apart = [[(0, 1.0), (1, 2.0)], [(0, 3.0), (1, 4.0)]]
    assert mi("plot", path, "--out", tmp_path).exit_code == 0
    assert drawn.pop() == dict(zip(("t", "t, train"), apart, strict=True))
    assert mi("report", path).exit_code == 0
    assert [list(traces.values()) for traces in drawn] == [[one] for one in apart]
    page = path.with_suffix(".html").read_text(encoding="utf-8")
    assert lines(page) == [
        ["layers", "name", "k", "samples", "first", "last"],
        ["fc / out", "", "3", "0", "1.0000 bits", "2.0000 bits"],
        ["fc / out", "train", "3", "0", "3.0000 bits", "4.0000 bits"],
    ]
    assert "MI between fc and out, train, k=3" in page


def test_epochs_of_other_k_stay_in_their_line(tmp_path, drawn):
    path = tmp_path / "t.jsonl"
    found = [(4, 1.0), (9, 2.0), (None, None), (7, 3.0)]  # the third could not be measured
    Table(path).append(
        Row(epoch=epoch, x="fc", y="out", bn="inference", k=k, mi=mi_of_it) for epoch, (k, mi_of_it) in enumerate(found)
    )
    whole = {"t": [(0, 1.0), (1, 2.0), (3, 3.0)]}
    assert mi("plot", path, "--out", tmp_path).exit_code == 0
    assert mi("report", path).exit_code == 0
    assert drawn == [whole, whole]
    page = path.with_suffix(".html").read_text(encoding="utf-8")
    assert lines(page)[1:] == [["fc / out", "4 to 9", "0", "1.0000 bits", "3.0000 bits"]]
    assert mi("plot", path, "--out", tmp_path, "--k", "9").exit_code == 0
    assert drawn.pop() == {"t": [(1, 2.0)]}
    several = tmp_path / "several.jsonl"
    rows = [Row(epoch=epoch, x="fc", y="out", bn="inference", k=k, mi=float(k)) for epoch in range(2) for k in (3, 10)]
    Table(several).append(rows)
    assert mi("plot", several, "--out", tmp_path).exit_code == 0
    assert drawn.pop() == {"several": [(0, 3.0), (1, 3.0)]}
    assert mi("report", several).exit_code == 0
    assert [line[1] for line in lines(several.with_suffix(".html").read_text(encoding="utf-8"))[1:]] == ["3", "10"]


def test_another_name_with_several_k_does_not_cut_a_line(tmp_path, drawn):
    """Under one name two k in each epoch, under the other an own k in each."""
    path = tmp_path / "t.jsonl"
    own = [Row(epoch=epoch, x="fc", y="out", bn="inference", name="own", k=4 + epoch, mi=1.0 + epoch) for epoch in range(3)]
    two = [
        Row(epoch=epoch, x="fc", y="out", bn="inference", name="two", k=k, mi=float(k)) for epoch in range(3) for k in (3, 10)
    ]
    Table(path).append([*own, *two])
    assert mi("plot", path, "--out", tmp_path).exit_code == 0
    assert drawn.pop() == {"t, own": [(0, 1.0), (1, 2.0), (2, 3.0)], "t, two": [(0, 3.0), (1, 3.0), (2, 3.0)]}
    assert mi("report", path).exit_code == 0
    shown = [line[1:3] for line in lines(path.with_suffix(".html").read_text(encoding="utf-8"))[1:]]
    assert shown == [["own", "4 to 6"], ["two", "3"], ["two", "10"]]


def test_tables_of_one_name_are_told_apart_by_their_folders(table, tmp_path, drawn):
    (tmp_path / "other").mkdir()
    other = table.rename(tmp_path / "other" / "mi.jsonl")
    Table(table).append(Table(other).rows())
    assert mi("plot", table, other, "--out", tmp_path).exit_code == 0
    assert list(drawn.pop()) == ["mi (mi.jsonl)", "mi (other/mi.jsonl)"]


def heads(page):
    return re.findall(r'<th scope="col">(.*?)</th>', page)


def test_mi_report_leaves_out_columns_without_anything(table):
    rows = [dataclasses.replace(row, lower_bound=None, reduction=None) for row in Table(table).rows()]
    Table(table).replace(0, "", rows)
    for epoch in (1, 2):
        Table(table).replace(epoch, "", [])
    assert mi("report", table).exit_code == 0
    page = table.with_suffix(".html").read_text(encoding="utf-8")
    assert heads(page) == ["layers", "k", "dimensions", "samples", "first", "last"]
    assert "inference" not in page
    Table(table).append([dataclasses.replace(rows[0], bn="batch")])
    assert mi("report", table).exit_code == 0
    page = table.with_suffix(".html").read_text(encoding="utf-8")
    assert heads(page)[:2] == ["layers", "BatchNorm"]
    assert "batch statistics" in page
    assert "there is no such file" in mi("report", table.with_name("no.jsonl")).stderr


def test_mi_report_writes_a_page_on_a_table(table):
    printed = mi("report", table)
    assert printed.exit_code == 0, printed.stderr
    page = table.with_suffix(".html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    for words in (
        "act:0 / act:1",
        "1.0000 +- 0.1000 bits",
        "1.2000 +- 0.1000 bits",
        "pca:2: 0.5000 +- 0.0500 bits",
        "0.7500 +- 0.0200 bits",
    ):
        assert words in page
    assert "fc[&lt;0&gt;] / labels" in page
    assert "act:0 has ties: &lt;b&gt;one" in page


def test_mi_report_writes_over_no_data(table, tmp_path):
    page = table.rename(tmp_path / "table.html")
    run = tmp_path / "run.jsonl"
    for source, out, message in (
        (page, None, f"--out is {page}, which is an input: name another file."),
        (page, page, f"--out is {page}, which is an input: name another file."),
        (page, run, f"--out is {run}: it is written as .html, so name it that way."),
        (tmp_path, tmp_path / "results.parquet", "it is written as .html, so name it that way."),
    ):
        before = page.read_bytes()
        printed = mi("report", source, *([] if out is None else ["--out", out]))
        assert printed.exit_code == 2
        assert message in printed.stderr
        assert page.read_bytes() == before
        assert list(tmp_path.iterdir()) == [page]
