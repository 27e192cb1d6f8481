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


def test_numbers_in_explanations_and_getting_started_are_measured():
    rng = np.random.default_rng(1)
    for times, bits in ((2, 1.1), (4, 9)):
        x, y = (np.repeat(rng.standard_normal((2000 // times, 2)), times, axis=0) for _ in range(2))
        assert mi_core.mutual_information(x, y, error_bar=False).mi == pytest.approx(bits, abs=0.2)
    assert "1.1 bits if each row occurs twice, and 9 bits if" in EXPLANATIONS["copies"].cause
    walks = [np.cumsum(np.random.default_rng(seed).standard_normal((2, 2000)), axis=1) for seed in range(20)]
    found = [mi_core.mutual_information(*walk, error_bar=False).mi for walk in walks]
    assert "0.6 to 2.1 bits" in EXPLANATIONS["order"].cause
    assert 0.3 < min(found) < 0.9
    assert 1.8 < max(found) < 2.4
    found = []
    for seed in range(10):
        common, *noise = np.random.default_rng(seed).standard_normal((3, 2000, 3))
        found.append(mi_core.mutual_information(*(common + 0.3 * one for one in noise)))
    assert -1.5 * np.log2(1 - 1.09**-2) == pytest.approx(3.99, abs=0.005)
    assert np.mean(found) == pytest.approx(3.62, abs=0.02)
    assert np.mean([one.stderr for one in found]) == pytest.approx(0.04, abs=0.005)
    assert not any("rising" in note for one in found for note in one.notes)
