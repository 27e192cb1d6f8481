"""The report: one page that loads nothing, names every run, and works in a browser."""

import csv
import html.parser
import io
import json
import re
import shutil
import subprocess

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

import cli.report
from cli._errors import Commands
from made_up import FIG4A, FIG5B, run_folder, table
from mi_core import InputError
from trainer.reproduction import report, results
from trainer.reproduction.experiments import load_experiment
from trainer.reproduction.judging import Verdict
from trainer.reproduction.report import experiments_of, render

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SMALL = table((FIG5B,), seeds=2, ks=(3, 10))
RULINGS = ("holds", "does not hold", "undecided")
VERDICTS = [
    Verdict(claim, f"Claim {claim} & its words.", way, "inference", "after", k, False, ruling, f"k {k}: +1.5", 1.5, 1, 2, 4, 2)
    for claim, ruling in zip((1, 2, 3), RULINGS, strict=True)
    for way in ("full batch", "mini-batches of 1,000")
    for k in (3, 10)
][:-1]
MANIFESTS = [
    {"settings": {"seed": 0, "activation": "<tanh>", "bn": ["inference", "batch"]}, "versions": {"keras": "3.9.1"}},
    {"settings": {"seed": 1, "activation": "<tanh>", "bn": ["inference", "batch"]}, "versions": {"keras": "3.9.1"}},
]


CHOOSE_MLP = """<script>
setTimeout(() => {
  document.title = document.querySelectorAll("path[aria-roledescription=point]").length;
  const choice = document.querySelector("select");
  choice.value = "MLP";
  choice.dispatchEvent(new Event("change"));
}, 5000);
</script>"""


class Page(html.parser.HTMLParser):
    """Tags with their attributes, and the text in them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.scripts, self.cells, self.in_cell = [], "", [], [], False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "script":
            self.scripts.append("")
        if tag in ("td", "th"):
            self.cells.append([tag, dict(attributes).get("class"), ""])
            self.in_cell = True

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        else:
            self.text += data
            if self.in_cell:
                self.cells[-1][2] += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page():
    return render(SMALL, (FIG4A, FIG5B), VERDICTS, {1: "The lag of the averages."}, MANIFESTS)


@pytest.fixture(scope="module")
def parsed(page):
    return Page(page)


@pytest.fixture(scope="module")
def specification(parsed):
    return json.loads(parsed.scripts[0])


def test_nothing_is_loaded(page, parsed):
    for tag, attributes in parsed.tags:
        for name in ("src", "srcset", "data", "poster", "action"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, attributes)
        assert tag not in ("link", "iframe", "object", "base")
        assert tag == "a" or "href" not in attributes
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in page  # the browser refuses whatever the programs might try


def test_all_rows_are_in_the_traces(specification):
    tables = [data["values"] for data in specification["data"] if data.get("format") == {"type": "csv"}]
    rows, runs = (list(csv.DictReader(io.StringIO(text))) for text in tables)
    assert len(rows) == SMALL.height
    assert {run["run"] for run in runs} == set(SMALL["run"])
    for place in (0, 777, SMALL.height - 1):
        row, truth = rows[place], SMALL.row(place, named=True)
        assert runs[int(row["id"])]["run"] == truth["run"]
        assert {name: row[name] for name in ("bn", "sum")} == {name: truth[name] for name in ("bn", "sum")}
        assert [float(row[name]) for name in ("epoch", "updates", "k")] == [truth[name] for name in ("epoch", "updates", "k")]
        for name in ("mi", "stderr", "error", "ceiling"):
            assert float(row[name]) == pytest.approx(truth[name], abs=5e-5)
        assert (row["null"] == "") == (truth["null"] is None)


def test_every_part_of_the_reading_is_an_input(specification):
    inputs = {signal["name"]: signal["bind"] for signal in specification["signals"] if "bind" in signal}
    assert {name: bind.get("options") for name, bind in inputs.items()} == {
        "by_arch": ["all", "MLP", "MLP with shortcut", "ResNet", "ResNet with shortcut"],
        "by_width": ["all", 100],
        "by_hidden": ["all", 5],
        "by_batch": ["full batch", "mini-batches of 1,000", "all"],
        "by_bn": ["inference", "batch"],
        "by_sum": ["after", "before"],
        "by_k": [3, 10],
        "until": None,
    }
    assert (inputs["until"]["min"], inputs["until"]["max"]) == (0, 50)


def test_verdicts_are_words_and_colours(parsed):
    coloured = [(kind, words) for tag, kind, words in parsed.cells if kind and kind != "number"]
    assert {(ruling.replace(" ", "-"), ruling) for ruling in (*RULINGS, "not measured")} == set(coloured)
    assert len(coloured) == 1 + 2 * len(VERDICTS)  # in the overview, where one is missing, and beside the numbers
    for verdict in VERDICTS:
        assert f"{verdict.claim}. {verdict.says}" in parsed.text
        assert verdict.measured in parsed.text
    assert "The lag of the averages." in parsed.text


def test_figures_have_words_for_those_who_cannot_see_them(parsed):
    pictures = parsed.all("img")
    assert [picture["src"].startswith("data:image/png;base64,iVBOR") for picture in pictures] == [True] * 4
    usual = SMALL.filter(pl.col("arch") == "mlp", pl.col("batch_size").is_null(), pl.col("k") == 3)
    usual = usual.filter(pl.col("bn") == "inference", pl.col("sum") == "after")
    first, last = (usual.filter(pl.col("epoch") == epoch)["mi"].mean() for epoch in (0, 50))
    assert f"MLP, full batch: MI from {first:.2f} to {last:.2f} bits" in pictures[2]["alt"]


def test_runs_settings_and_versions_are_named(parsed):
    for run in SMALL["run"].unique():
        assert run in parsed.text
    words = [words for _, _, words in parsed.cells]
    values = {name.strip(): words[words.index(name) + 1] for name in words if name.startswith(("settings.", "versions."))}
    assert values == {
        "settings.activation": "<tanh>",
        "settings.bn": '["inference", "batch"]',
        "versions.keras": "3.9.1",
    }  # the seed differs


def test_no_text_of_a_run_becomes_a_program():
    name = '</script><script>alert("x")</script><!--'
    frame = SMALL.with_columns(run=pl.when(pl.col("run") == "mlp-w100-h5-full-s0").then(pl.lit(name)).otherwise("run"))
    parsed = Page(render(frame, (), [], {}, []))
    assert "too few results to judge a claim" in parsed.text
    assert len(parsed.scripts) == 2
    assert name in json.loads(parsed.scripts[0])["data"][2]["values"].replace('""', '"')
    assert name in parsed.text


@pytest.mark.parametrize("profile", ["cpu", "paper"])
def test_figures_are_those_of_the_profile_that_was_run(profile):
    experiments = [load_experiment(name, profile) for name in ("fig4a", "fig4b", "fig5a", "fig5b")]
    assert experiments_of(table(experiments, seeds=1, batch_sizes=(None,), ks=(3,))) == experiments


def mi(*arguments):
    app = typer.Typer(cls=Commands)
    app.callback()(lambda: None)
    app.command("report")(cli.report.report)
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_the_command_writes_the_page_of_a_folder(tmp_path):
    results.write(SMALL.filter(pl.col("k") == 3, pl.col("batch_size").is_null()), tmp_path)
    run_folder(tmp_path / "runs" / "one")
    printed = mi(tmp_path)
    assert (printed.exit_code, printed.stdout) == (0, f"{tmp_path / 'report.html'}\n"), printed.stderr
    parsed = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert {"7. Networks with a shortcut are largely trained within one epoch.", "jax"} <= {w for _, _, w in parsed.cells}
    assert len(parsed.all("img")) == 6  # all but 4B, none of whose networks is there


def test_what_is_wrong_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    printed = mi(tmp_path / "none", "--out", tmp_path / "page.html")
    assert (printed.exit_code, printed.stdout) == (2, "")
    assert (
        printed.stderr
        == f"mi: {tmp_path / 'none'} has no runs with measurements in it: name a folder of mi reproduce, or one of runs.\n"
    )
    monkeypatch.setattr(cli.report.importlib.util, "find_spec", lambda name: None if name in ("altair", "jinja2") else name)
    printed = mi(tmp_path)
    assert printed.stderr == "mi: mi report needs altair, jinja2: python -m pip install 'ksg-mi[reproduce]'\n"
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_cannot_be_written_costs_no_work(tmp_path, monkeypatch):
    results.write(SMALL, tmp_path)
    monkeypatch.setattr(report, "render", lambda *_: pytest.fail("rendered"))
    with pytest.raises(InputError, match="is a folder: name a file to write"):
        report.write_report(tmp_path, tmp_path)


def test_without_rows_there_is_no_page():
    with pytest.raises(InputError, match=r"^there are no results yet: no row has both MI and error\.$"):
        render(SMALL.with_columns(error=pl.lit(None, pl.Float64)), (), [], {}, [])


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_it_works_in_a_browser(page, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page + CHOOSE_MLP, encoding="utf-8")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    logging = ["--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom"]
    command = [CHROMIUM, *options, *logging, path.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    assert [line for line in shown.stderr.splitlines() if "CONSOLE" in line] == []  # a refused request would be there
    parsed = Page(shown.stdout)
    assert len(parsed.all("select")) == 7
    assert [one["type"] for one in parsed.all("input")] == ["range"]
    usual = SMALL.filter(
        pl.col("batch_size").is_null(), pl.col("bn") == "inference", pl.col("sum") == "after", pl.col("k") == 3
    )
    assert re.search(r"<title>(.*)</title>", shown.stdout)[1] == str(3 * usual.height)
    marks = [attributes.get("aria-roledescription") for attributes in parsed.all("path")]
    assert marks.count("point") == 3 * usual.filter(pl.col("arch") == "mlp").height
