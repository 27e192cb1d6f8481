"""The documentation: reachable, up to date, and its links lead somewhere, on the site and in the repository alike."""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from typing import TypedDict, Unpack

import pytest
from sphinx.util.inventory import InventoryFile
from typer.testing import CliRunner

import mi_core
import trainer
from cli.main import app
from conftest import CHROMIUM, REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = sorted(DOCS.glob("*.md"))
NOTEBOOKS = sorted(DOCS.glob("notebooks/*.ipynb"))
OUTSIDE = [REPOSITORY / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
ON_PAGES = {  # public names beside those of the packages themselves
    "mi_core.similarity.cka",
    "mi_core.similarity.intrinsic_dimension",
    "mi_core.similarity.neighbour_overlap",
    "mi_core.similarity.participation_ratio",
    "trainer.huggingface.MutualInformationCallback",
    "trainer.lightning.MutualInformationCallback",
    "trainer.pytorch.MutualInformationMonitor",
}
START = (DOCS / "getting-started.md").read_text(encoding="utf-8")


def text_of(page):
    """A page as Markdown; of a notebook its cells of text."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        return "\n\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown")
    return text


def without_code(text):
    """Markdown less what is shown as code, where brackets are no links and # begins no heading."""
    return re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)


def links(page):
    """Targets in the repository that a page names, in the text and as pictures."""
    targets = re.findall(r"\]\(([^)\s]+)\)", without_code(text_of(page)))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(page):
    """What GitHub makes of the headings of a page."""
    text = re.sub(r"^```.*?^```", "", text_of(page), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*OUTSIDE, *PAGES, *NOTEBOOKS], ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page):
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_file(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(file), f"{page.name} links to {target}"


def test_broken_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One\n[a](nowhere.md) ![b](picture.png) [c](#two) [d](https://example.org) `[e](code.md)`\n")
    assert links(page) == ["nowhere.md", "picture.png", "#two"]
    assert anchors(page) == {"one"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built where every warning is an error: of broken links and anchors, of pages in no list, of docstrings that are
    no reStructuredText, and of parameters that none describes.
    """
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", DOCS, folder]
    built = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_the_site_needs_no_other_host(site):
    pages = [page.relative_to(DOCS).with_suffix(".html") for page in (*PAGES, *NOTEBOOKS)]
    for page in pages:
        built = (site / page).read_text(encoding="utf-8")
        assert not re.search(r'<(?:script|link|img)[^>]*(?:src|href)="(?:https?:)?//', built), page
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//|@import", style.read_text(encoding="utf-8")), style.name


def test_the_reference_has_every_public_name(site):
    described = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="").data
    names = {name for kind in ("py:function", "py:class", "py:exception") for name in described[kind]}
    public = {f"mi_core.{name}" for name in mi_core.__all__} | {f"trainer.{name}" for name in trainer.__all__}
    assert public | ON_PAGES <= names, "name them in docs/api-mi-core.md or docs/api-trainer.md"
    shown = (site / "api-trainer.html").read_text(encoding="utf-8")
    assert 'href="api-mi-core.html#mi_core.mutual_information"' in shown  # one docstring names it


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_search_works_from_files(site, tmp_path):
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--virtual-time-budget=10000"]
    command = [CHROMIUM, *options, "--dump-dom", f"{(site / 'search.html').as_uri()}?q=ceiling"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = re.findall(r'<li class="kind-\w+"><a href="([\w-]+\.html)', shown)
    assert {"trust.html", "getting-started.html", "api-mi-core.html"} <= set(found)


def script(name):
    """A file of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Options(TypedDict):
    alpha: float
    seed: int


def partly_described(x, y, **options: "Unpack[Options]"):
    """Example.

    Args:
        x: As elsewhere.
        **options: As for `mi_core.similarity.cka`, which has `y` and `seed`, but no `alpha`.
    """


def test_parameters_without_a_description_are_found():
    """The site's build warns of these, which ends it."""
    undocumented = script("undocumented").undocumented
    assert undocumented(partly_described) == {"y", "alpha"}
    assert undocumented(mi_core.mutual_information) == set()
    assert undocumented(mi_core.MIResult) == set()  # its fields, and those of Estimate
    assert undocumented(mi_core.results.Number) == set()


def test_the_command_line_reference_is_up_to_date():
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == script("make_cli_reference").reference(), "run: make docs"


def test_the_verdicts_of_the_reproduction_are_those_of_the_kept_results():
    from trainer.reproduction import results
    from trainer.reproduction.judging import judge

    made = script("make_reproduction")
    text = made.PAGE.read_text(encoding="utf-8")
    assert text == made.page(text, judge(results.read(made.KEPT))), "run: make figures"
    assert "| 1. MLP: MI between first and last layer rises through training |" in text


@pytest.fixture
def in_a_copy(tmp_path, monkeypatch):
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    monkeypatch.chdir(tmp_path)


def lasting(text):
    """The lines of an estimate that are the same on every machine: not those of threads, time and random twins, and of a lower
    bound, which is computed in single precision, two digits.
    """
    bound = re.compile(r"(>=|at least) (\d+\.\d\d)\d+ \+- [\d.]+ bits( \(.*\))?")
    lines = [bound.sub(r"\1 \2", line) for line in text.splitlines()]
    return [line for line in lines if re.match(r"I\(|  (X|Y|samples|dimensions|k|ceiling|estimator) |verdict", line)]


@pytest.mark.usefixtures("in_a_copy")
def test_estimates_are_as_getting_started_shows_them():
    shown = re.findall(r"^\$ mi (estimate .*)\n((?:.*\n)*?)```", START, flags=re.MULTILINE)
    assert [len(lasting(output)) for _, output in shown] == [8, 9]
    for command, output in shown:
        assert lasting(CliRunner().invoke(app, shlex.split(command)).stdout) == lasting(output)


@pytest.mark.usefixtures("in_a_copy")
def test_python_code_of_getting_started_prints_what_it_shows(capsys):
    pytest.importorskip("jax")
    pytest.importorskip("torch")
    blocks = re.findall(r"```python\n(.*?)```", START, flags=re.DOTALL)
    exec(compile("\n".join(blocks), "getting-started.md", "exec"), {})
    assert capsys.readouterr().out in START
