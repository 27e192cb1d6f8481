"""Every note ends with a key, every key is explained, and the page of notes is what the code says."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mi_core
from mi_core.explanations import ERRORS, EXPLANATIONS, noted
from mi_core.text import concerning

REPOSITORY = Path(__file__).parents[1]
SOURCES = [path for folder in ("mi_core", "cli", "trainer") for path in (REPOSITORY / folder).rglob("*.py")]


def words_in(node: ast.AST) -> list[str]:
    return [one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def test_every_key_is_used_and_every_key_used_is_explained():
    used = {"cache"}  # of a line that is logged
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "noted":
                used.update(words_in(node.args[0]))
    assert used - {"dates"} <= set(EXPLANATIONS)
    assert set(EXPLANATIONS) <= used


def test_the_phrases_of_errors_are_those_that_are_raised():
    raised = " ".join(
        "".join(words_in(ast.parse(path.read_text(encoding="utf-8")))) for path in SOURCES if path.name != "explanations.py"
    )
    assert [phrase for phrase in ERRORS if phrase not in raised] == []


def test_the_page_of_notes_is_up_to_date():
    script = importlib.util.spec_from_file_location("make_notes", REPOSITORY / "docs" / "make_notes.py")
    module = importlib.util.module_from_spec(script)
    script.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run: make docs"


def test_each_note_of_an_estimate_ends_with_a_key_of_its_own():
    rng = np.random.default_rng(0)
    x = np.round(rng.standard_normal((300, 8)), 1)
    result = mi_core.mutual_information(x, 1e6 * x)
    keys = [note.rpartition("[mi explain ")[2].removesuffix("]") for note in result.notes]
    assert keys == ["ties", "ties", "scales", "dimensions", "equal-distances"]


def test_places_stand_before_the_key():
    note = noted("ties", "x has ties.")
    assert concerning(note, ["a", "b"], "columns") == "x has ties. (In a, b.) [mi explain ties]"
    assert concerning("plain.", list("abcde"), "columns") == "plain. (In 5 columns: a, b, c, ...)"


def explained(*keys: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mi_core.command", "explain", *keys], capture_output=True, text=True, check=False, cwd=REPOSITORY
    )


def test_explain_prints_cause_and_remedy():
    found = explained("ties", "ceiling")
    assert found.returncode == 0
    assert found.stdout.startswith("ties: Values recur\n  KSG assumes continuous data")
    assert "  What to do: Take more samples" in found.stdout


def test_explain_takes_the_end_of_a_note_as_it_stands_and_each_key_once():
    once = explained("ties").stdout
    for keys in (["ties", "ties"], ["[mi explain ties]"], ["[mi", "explain", "ties]"]):
        assert explained(*keys).stdout == once


def test_explain_lists_all_keys():
    listed = [line.split()[0] for line in explained().stdout.splitlines() if line.startswith("  ")]
    assert listed == list(EXPLANATIONS)


@pytest.mark.parametrize(("key", "meant"), [("tie", "did you mean ties?"), ("zzz", "lists all.")])
def test_explain_knows_no_other_key(key, meant):
    found = explained(key)
    assert found.returncode == 2
    assert found.stderr.count("\n") == 1
    assert meant in found.stderr
