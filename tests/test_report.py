"""The report: one page that loads nothing, names every run, and works in a browser."""

import csv
import dataclasses
import html
import html.parser
import io
import json
import re
import subprocess

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

import cli.report
from cli._errors import Commands
from conftest import CHROMIUM
from made_up import FIG4A, FIG5B, FULL, run_folder, table
from mi_core import InputError
from trainer.reproduction import report, results
from trainer.reproduction.experiments import FIGURES, load_experiment
from trainer.reproduction.figures import ARCHITECTURES
from trainer.reproduction.interactive import draw_traces
from trainer.reproduction.judging import Verdict, judge
from trainer.reproduction.names import SIDES
from trainer.reproduction.report import experiments_of, render

SMALL = table((FIG5B,), seeds=2, ks=(3, 10))
RULINGS = ("holds", "does not hold", "undecided")
FIRST = Verdict(
    claim=1,
    says="Claim 1 & its words.",
    update="full batch",
    momentum=0.99,
    bn="inference",
    sum="after",
    standardize="none",
    k=3,
    measure="MI",
    verdict="holds",
    p=0.01,
    p_holm=0.02,
    holm="holds",
    measured="k 3: +1.5",
    statistic=1.5,
    low=1,
    high=2,
    detectable=0.5,
    settings=4,
    seeds=2,
)
VERDICTS = [
    dataclasses.replace(
        FIRST,
        claim=claim,
        says=f"Claim {claim} & its words.",
        update=way,
        k=k,
        verdict=ruling,
        holm=ruling,
        measured=f"k {k}: +1.5",
    )
    for claim, ruling in zip((1, 2, 3), RULINGS, strict=True)
    for way in ("full batch", "mini-batches of 1,000")
    for k in (3, 10)
][:-2]
MANIFESTS = [
    {"settings": {"seed": 0, "activation": "<tanh>", "bn": ["inference", "batch"]}, "versions": {"keras": "3.9.1"}},
    {"settings": {"seed": 1, "activation": "<tanh>", "bn": ["inference", "batch"]}, "versions": {"keras": "3.9.1"}},
]


# Does what a reader does, a step every half second, and leaves in the page what was seen after each.
DRIVE = """<pre id="seen"></pre>
<script>
const seen = {}, wait = () => new Promise(go => setTimeout(go, 500));
const points = () => [...document.querySelectorAll("path[aria-roledescription=point]")];
const strong = () => points().filter(point => point.getAttribute("opacity") > 0.5).map(point => point.__data__.datum);
async function drive() {
  while (!points().length) await wait();
  for (const input of document.querySelectorAll("#filters select")) {
    const first = input.value;
    for (const option of [...input.options]) {
      input.value = option.value;
      input.dispatchEvent(new Event("change"));
      await wait();
      seen[`${input.name} ${option.text}`] = points().length;
    }
    input.value = first;
    input.dispatchEvent(new Event("change"));
    await wait();
  }
  const place = points()[0].getBoundingClientRect(), where = { bubbles: true, clientX: place.x + 2, clientY: place.y + 2 };
  const run = points()[0].__data__.datum.run;
  points()[0].dispatchEvent(new PointerEvent("pointerover", where));
  points()[0].dispatchEvent(new PointerEvent("pointermove", where));
  await wait();
  seen.hover = strong().map(row => row.run === run);
  seen.tooltip = document.querySelector("#vg-tooltip-element")?.innerText ?? "";
  points()[0].dispatchEvent(new PointerEvent("pointerout", where));
  const slider = document.querySelector("#filters input");
  slider.value = 3;
  slider.dispatchEvent(new Event("input"));
  await wait();
  seen.slider = strong().map(row => row.epoch);
  for (const choice of document.querySelectorAll("#choices select")) {
    for (const option of [...choice.options]) {
      choice.value = option.value;
      choice.dispatchEvent(new Event("change"));
      seen[`${choice.name}: ${option.text}`] = document.querySelectorAll("tr.reading:not([hidden])").length;
    }
    choice.value = "";
    choice.dispatchEvent(new Event("change"));
  }
  document.getElementById("seen").textContent = JSON.stringify(seen);
}
drive();
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
    return render(SMALL, (FIG4A, FIG5B), VERDICTS, {1: "The lag of the averages."}, results.shared(MANIFESTS))


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
        assert row["norm"] == ("own" if truth["bn"] == "batch" else str(truth["momentum"]))
        assert {name: row[name] for name in ("sum", "standardize")} == {name: truth[name] for name in ("sum", "standardize")}
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
        "by_norm": ["0.99", "own"],
        "by_sum": ["after", "before"],
        "by_standardize": ["none"],
        "by_k": [3, 10],
        "until": None,
    }
    assert (inputs["until"]["min"], inputs["until"]["max"]) == (0, 50)


def test_a_momentum_of_0_is_no_lack_of_one():
    rows = SMALL.with_columns(momentum=pl.lit(0.0))
    binds = {signal["name"]: signal["bind"] for signal in draw_traces(rows)["signals"] if "bind" in signal}
    assert binds["by_norm"]["options"] == ["0.0", "own"]


def test_words_for_a_figure_are_of_one_momentum():
    other = SMALL.filter(bn="inference").with_columns(momentum=pl.lit(0.9), mi=pl.col("mi") + 5, run=pl.col("run") + "-m0.9")
    assert report._in_words(pl.concat([SMALL, other]), 3) == report._in_words(SMALL, 3)


def test_verdicts_are_words_and_colours(parsed):
    coloured = [(kind, words) for tag, kind, words in parsed.cells if kind and kind not in ("number", "measured")]
    usual = [verdict for verdict in VERDICTS if verdict.k == 3]
    in_short = [(verdict.verdict.replace(" ", "-"), f"{verdict.verdict}2 of 2 readings") for verdict in usual]
    assert sorted(coloured) == sorted([*in_short, *((v.verdict.replace(" ", "-"), v.verdict) for v in VERDICTS)])
    assert [words for _, _, words in parsed.cells].count("not measured") == 1  # claim 3 with mini-batches
    for verdict in VERDICTS:
        assert f"{verdict.claim}. {verdict.says}" in parsed.text
        assert verdict.measured in parsed.text
    assert "The lag of the averages." in parsed.text


def test_verdicts_can_be_chosen_by_every_part_of_their_reading(parsed):
    parts = ("updates", "batchnorm", "sum", "measure", "scale", "k", "verdict")
    chosen = [tag["name"] for tag in parsed.all("select") if tag.get("name") in parts]
    assert tuple(chosen) == parts
    options = {tag["value"] for tag in parsed.all("option")}
    rows = [tag for tag in parsed.all("tr") if tag.get("class") == "reading"]
    assert len(rows) >= 10
    for part in parts:
        assert {row[f"data-{part}"] for row in rows} <= options
        assert {row[f"data-{part}"] for row in rows} != {""}


def test_what_is_worth_less_is_said():
    """A verdict that the correction takes back, in short and with its numbers; and all of a page of few samples."""
    few = SMALL.with_columns(n_samples=pl.lit(300, pl.Int64))
    taken = dataclasses.replace(FIRST, p_holm=0.06, holm="undecided")
    page = Page(render(few, (), [taken], {}, []))
    assert [words for _, kind, words in page.cells if kind == "holds"] == ["holds †", "holds †"]
    assert page.text.index("This page proves nothing about the paper.") < page.text.index("Hodas & Stinis 2018")


def test_figures_have_words_for_those_who_cannot_see_them(parsed):
    pictures = parsed.all("img")
    assert [picture["src"].startswith("data:image/png;base64,iVBOR") for picture in pictures] == [True] * 6  # two of findings
    usual = SMALL.filter(pl.col("arch") == "mlp", pl.col("batch_size").is_null(), pl.col("k") == 3)
    usual = usual.filter(pl.col("bn") == "inference", pl.col("sum") == "after")
    first, last = (usual.filter(pl.col("epoch") == epoch)["mi"].mean() for epoch in (0, 50))
    assert f"MLP, full batch: MI from {first:.2f} to {last:.2f} bits" in pictures[2]["alt"]


def test_runs_settings_and_versions_are_named(parsed):
    assert "proves nothing" not in parsed.text
    for run in SMALL["run"].unique():
        assert run in parsed.text
    words = [words for _, _, words in parsed.cells]
    values = {name.strip(): words[words.index(name) + 1] for name in words if name.startswith(("settings.", "versions."))}
    assert values == {
        "settings.activation": "<tanh>",
        "settings.bn": '["inference", "batch"]',
        "versions.keras": "3.9.1",
    }  # the seed differs


@pytest.mark.parametrize(
    ("only", "reading"),
    [
        ({"bn": "batch", "sum": "after"}, "batch statistics, after the sum, sides as they are, k=3"),
        ({"standardize": "sides"}, "inference statistics, after the sum, sides on one scale, k=3"),
        ({"sum": "before"}, "inference statistics, before the sum, sides as they are, k=3"),
    ],
)
def test_runs_of_every_reading_are_on_the_page(only, reading):
    experiment = dataclasses.replace(FIG5B, archs=("mlp", "shortcut"))
    frame = table((experiment,), seeds=1, batch_sizes=(None,), ks=(3,), scalings=("none", "sides")).filter(**only)
    parsed = Page(render(frame, (experiment,), [], {}, []))
    assert "run again: 2 runs" in parsed.text
    assert "All 2 runs" in parsed.text
    words = [words for _, _, words in parsed.cells]
    assert words.count(reading) == 2
    assert set(frame["run"]) <= set(words)
    has_figure = "bn" in only
    assert ("No network of the paper's figures was measured with k=3" in parsed.text) is not has_figure
    assert any("With batch statistics: MLP, full batch" in picture["alt"] for picture in parsed.all("img")) is has_figure
    chosen = {signal["name"]: signal.get("value") for signal in json.loads(parsed.scripts[0])["signals"]}
    assert chosen["by_sum"] in frame["sum"]


def test_a_run_without_the_smallest_k_is_listed_too():
    frame = SMALL.filter((pl.col("run") != SMALL["run"][0]) | (pl.col("k") == 10))
    runs = report._runs(frame)
    assert [run["k"] for run in runs].count(10) == 1
    assert {run["run"] for run in runs} == set(SMALL["run"])


def test_no_text_of_a_run_becomes_a_program():
    name = '</script><script>alert("x")</script><!--'
    frame = SMALL.with_columns(run=pl.when(pl.col("run") == "mlp-w100-h5-full-s0").then(pl.lit(name)).otherwise("run"))
    parsed = Page(render(frame, (), [], {}, []))
    assert "too few results to judge a claim" in parsed.text
    assert len(parsed.scripts) == 3
    assert name in json.loads(parsed.scripts[0])["data"][2]["values"].replace('""', '"')
    assert name in parsed.text


@pytest.mark.parametrize("profile", ["cpu", "paper"])
def test_figures_are_those_of_the_profile_that_was_run(profile):
    experiments = [load_experiment(name, profile) for name in FIGURES]
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
    assert len(parsed.all("img")) == 8  # all but 4B, none of whose networks is there, and two of findings


def test_what_is_wrong_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    printed = mi(tmp_path / "none", "--out", tmp_path / "page.html")
    assert (printed.exit_code, printed.stdout) == (2, "")
    assert printed.stderr == f"mi: {tmp_path / 'none'}: there is no such file or folder.\n"
    monkeypatch.setattr(cli.report.importlib.util, "find_spec", lambda name: None if name in ("altair", "jinja2") else name)
    printed = mi(tmp_path)
    assert printed.stderr == "mi: mi report needs altair, jinja2: python -m pip install 'ksg-mi[reproduce]'\n"
    assert list(tmp_path.iterdir()) == []


def test_the_page_of_a_table_alone_has_the_settings_that_were_kept(tmp_path, monkeypatch):
    results.write(SMALL, tmp_path)
    results.write_settings(MANIFESTS, tmp_path)
    monkeypatch.setattr(report, "render", lambda *given: str(given[-1]))
    page = report.write_report(tmp_path, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "('versions.keras', '3.9.1')" in page


def test_a_page_that_cannot_be_written_costs_no_work(tmp_path, monkeypatch):
    results.write(SMALL, tmp_path)
    monkeypatch.setattr(report, "render", lambda *_: pytest.fail("rendered"))
    with pytest.raises(InputError, match="is a folder: name a file to write"):
        report.write_report(tmp_path, tmp_path)


def test_without_rows_there_is_no_page():
    with pytest.raises(InputError, match=r"^there are no results yet: no row has both MI and error\.$"):
        render(SMALL.with_columns(error=pl.lit(None, pl.Float64)), (), [], {}, [])


@pytest.fixture(scope="module")
def driven(tmp_path_factory):
    """A page of all readings, and what was seen in it when a reader drove it: the document, and counts by what was done."""
    frame = table((FIG5B,), seeds=1, momenta=(0.99, 0.9), scalings=("none", "sides"))
    folder = tmp_path_factory.mktemp("browser")
    path = folder / "report.html"
    path.write_text(render(frame, (), judge(frame), {}, []) + DRIVE, encoding="utf-8")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    logging = ["--enable-logging=stderr", "--virtual-time-budget=60000", "--dump-dom"]
    command = [CHROMIUM, *options, *logging, path.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    assert [line for line in shown.stderr.splitlines() if "CONSOLE" in line] == []  # a refused request would be there
    return frame, Page(shown.stdout), json.loads(html.unescape(re.search(r'<pre id="seen">(.+?)</pre>', shown.stdout)[1]))


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_every_filter_chooses_its_runs(driven):
    """Three panels have a point for each row that is chosen."""
    frame, _, seen = driven
    usual = {
        "arch": None,
        "width": None,
        "hidden": None,
        "batch_size": "full batch",
        "norm": "moving averages, momentum 0.99",
        "sum": "last layer after the sum",
        "standardize": "sides as they are",
        "k": "3",
    }
    rows = [row | words_of(row) for row in frame.to_dicts() if (row["bn"], row["momentum"]) != ("batch", 0.9)]

    def count(**changed):
        chosen = usual | changed
        return 3 * sum(all(value in (None, row[name]) for name, value in chosen.items()) for row in rows)

    columns = ["by_arch", "by_width", "by_hidden", "by_batch", "by_norm", "by_sum", "by_standardize", "by_k"]
    for name, column in zip(columns, usual, strict=True):
        options = {key.removeprefix(f"{name} "): number for key, number in seen.items() if key.startswith(f"{name} ")}
        words = {row[column] for row in rows}
        assert set(options) == words | ({"all"} if name in columns[:4] else set())
        assert options == {word: count(**{column: None if word == "all" else word}) for word in options}


def words_of(row):
    """What the filters call the settings of a row."""
    norm = "the samples' own statistics" if row["bn"] == "batch" else f"moving averages, momentum {row['momentum']}"
    return {
        "arch": ARCHITECTURES[row["arch"]].name,
        "width": str(row["width"]),
        "hidden": str(row["hidden"]),
        "batch_size": "full batch" if row["batch_size"] is None else f"mini-batches of {row['batch_size']:,}",
        "norm": norm,
        "sum": f"last layer {row['sum']} the sum",
        "standardize": {"none": "sides as they are", "sides": "sides on one scale"}[row["standardize"]],
        "k": str(row["k"]),
    }


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_run_under_the_pointer_stands_out_and_the_slider_goes_back_in_time(driven):
    _, _, seen = driven
    assert seen["hover"] == [True] * 3 * len(FULL)
    assert "mlp-w100-h5-full-s0" in seen["tooltip"]
    assert sorted(set(seen["slider"])) == [epoch for epoch in FULL if epoch <= 3]


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_verdicts_are_filtered(driven):
    """Each choice leaves the rows of that part of the reading, and those in which it plays no part."""
    frame, _, seen = driven
    verdicts = judge(frame)
    for measure in ("MI", "CKA", "error"):
        assert seen[f"measure: {measure}"] == sum(v.measure == measure for v in verdicts)
    for scale in {v.standardize for v in verdicts if v.standardize}:
        assert seen[f"scale: {SIDES[scale]}"] == sum(v.standardize in (None, scale) for v in verdicts)
    assert seen["k: 10"] == sum(v.k in (None, 10) for v in verdicts)
    assert seen["sum: before the sum"] == sum(v.sum != "after" for v in verdicts)
    assert seen["batchnorm: moving averages, momentum 0.9"] == sum(v.momentum == 0.9 for v in verdicts)
    assert seen["updates: all"] == len(verdicts)
