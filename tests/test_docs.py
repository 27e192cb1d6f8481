"""The documentation: reachable, up to date, and its links lead somewhere, on the site and in the repository alike."""

import importlib.util
import re
import shlex

import pytest
import yaml
from mkdocs.commands.build import build
from mkdocs.config import load_config
from typer.testing import CliRunner

from cli.main import app
from conftest import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = sorted(DOCS.glob("*.md"))
OUTSIDE = [REPOSITORY / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
START = (DOCS / "getting-started.md").read_text(encoding="utf-8")


def without_code(text):
    """Markdown less what is shown as code, where brackets are no links and # begins no heading."""
    return re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)


def links(page):
    """Targets in the repository that a page names, in the text and as pictures."""
    targets = re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text(encoding="utf-8")))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(page):
    """What GitHub makes of the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*OUTSIDE, *PAGES], ids=lambda page: page.name)
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


def pages_in(entry):
    """Files that an entry of mkdocs' nav names, at any depth."""
    if isinstance(entry, str):
        return [entry]
    return [page for part in (entry.values() if isinstance(entry, dict) else entry) for page in pages_in(part)]


def test_every_page_is_in_the_navigation():
    nav = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert sorted(pages_in(nav)) == [page.name for page in PAGES]


def test_the_site_builds_and_needs_no_other_host(tmp_path):
    build(load_config(str(REPOSITORY / "mkdocs.yml"), strict=True, site_dir=str(tmp_path)))  # a warning is an error
    for page in PAGES:
        built = (tmp_path / page.with_suffix(".html").name).read_text(encoding="utf-8")
        assert not re.search(r'<(?:script|link|img)[^>]*(?:src|href)="(?:https?:)?//', built)


def test_the_command_line_reference_is_up_to_date():
    spec = importlib.util.spec_from_file_location("make_cli_reference", DOCS / "make_cli_reference.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == script.reference(), "run: make docs"


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
