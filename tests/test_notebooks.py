"""The notebooks of docs/: each runs from top to bottom, and what it shows is what its code gives and its text says."""

import importlib.util
import itertools
import os
import re
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest

from conftest import REPOSITORY

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")

NOTEBOOKS = sorted((REPOSITORY / "docs" / "notebooks").glob("*.ipynb"))
LARGEST = 300_000  # bytes of one
NEEDS = {"features-ranked": "polars", "layers-while-training": "torch", "paper-in-ten-minutes": "keras"}
QUICKER = {  # what makes a notebook of half a minute one of seconds
    "features-ranked": {"permutations=999": "permutations=19", "permutations=199": "permutations=9"},
    "layers-while-training": {"EPOCHS = 30": "EPOCHS = 2"},
    "paper-in-ten-minutes": {"EPOCHS = 40": "EPOCHS = 2"},
}
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
OF_THE_MACHINE = re.compile(r"<tr><th>(?:backend|time)</th>.*?</tr>")

of_each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(notebook):
    """What the cells of a notebook give, pictures apart, without what each machine has in its own way."""
    texts = []
    for cell in code_cells(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            texts += [output.get("text", ""), *(data.get(kind, "") for kind in ("text/plain", "text/html"))]
    return OF_THE_MACHINE.sub("", "\n".join(texts))


def words(text):
    """A text less its numbers and the spaces that align them."""
    return NUMBER.sub("#", text).split()


def numbers(text):
    return [float(number.replace(",", "")) for number in NUMBER.findall(text)]


def is_rounded(said, found):
    """Whether a number of a text, 0.52 or 88, is one of those found, rounded to as many places."""
    places = len(said.partition(".")[2])
    return any(f"{abs(number):.{places}f}" == said for number in found)


@pytest.fixture(scope="module")
def runner():
    spec = importlib.util.spec_from_file_location("run_notebooks", REPOSITORY / "docs" / "run_notebooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(path):
    command = [sys.executable, REPOSITORY / "docs" / "run_notebooks.py", path]
    places = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": places}, capture_output=True, text=True, check=False)


@of_each
def test_notebooks_run_and_show_what_they_hold(path, tmp_path):
    pytest.importorskip(NEEDS.get(path.stem, "matplotlib"))
    shutil.copytree(REPOSITORY / "examples", tmp_path / "examples")
    copy = tmp_path / "docs" / "notebooks" / path.name
    copy.parent.mkdir(parents=True)
    text = path.read_text(encoding="utf-8")
    for long, short in QUICKER.get(path.stem, {}).items():
        assert long in text
        text = text.replace(long, short)
    copy.write_text(text, encoding="utf-8")
    finished = run(copy)
    assert finished.returncode == 0, finished.stderr
    held, new = shown(read(path)), shown(read(copy))
    assert words(new) == words(held), "run: make notebooks"
    if path.stem not in QUICKER:
        np.testing.assert_allclose(numbers(new), numbers(held), rtol=0.02, atol=0.03, err_msg="run: make notebooks")


@of_each
def test_outputs_are_those_of_the_code(path, runner):
    notebook = read(path)
    cells = code_cells(notebook)
    assert notebook.metadata.executed_code == runner.digest(notebook), "the code has changed since; run: make notebooks"
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert path.stat().st_size < LARGEST


@of_each
def test_outputs_say_nothing_of_the_machine_and_no_warning(path):
    notebook = read(path)
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"stream", "display_data", "execute_result"}
    assert all(output.get("name") != "stderr" for output in outputs)
    assert set(notebook.metadata) == {"kernelspec", "language_info", "executed_code"}
    assert not any(cell.metadata for cell in notebook.cells)
    text = shown(notebook)
    assert not re.search(r"warning|traceback|https?:|\b0x[0-9a-f]{6,}|(?<![\w.])/\w+/|[A-Z]:\\", text, flags=re.IGNORECASE)
    assert socket.gethostname() not in text


@of_each
def test_numbers_in_the_text_are_those_shown(path):
    notebook = read(path)
    found = numbers("\n".join([shown(notebook), *(cell.source for cell in code_cells(notebook))]))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"`[^`]*`|^    .*$|\(https?:[^)]*\)", "", cell.source, flags=re.MULTILINE)
            said = re.findall(r"\d+\.\d+|\d+(?= %)", text)
            assert [number for number in said if not is_rounded(number, found)] == []


def test_numbers_are_found_rounded():
    for said, found in (("0.52", 0.5216), ("88", 88.0), ("0.19", -0.19)):
        assert is_rounded(said, [found])
    assert not is_rounded("0.53", [0.5216])


@of_each
def test_each_piece_of_code_has_words_before_it(path):
    kinds = [cell.cell_type for cell in read(path).cells]
    assert kinds[0] == kinds[-1] == "markdown"
    assert ("code", "code") not in itertools.pairwise(kinds)


def test_a_notebook_that_fails_is_left_as_it_was(tmp_path):
    path = tmp_path / "fails.ipynb"
    cells = [nbformat.v4.new_code_cell("print(1)"), nbformat.v4.new_code_cell("1 / 0")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    before = path.read_bytes()
    finished = run(path)
    assert finished.returncode != 0
    assert "ZeroDivisionError" in finished.stderr
    assert path.read_bytes() == before


def test_what_libraries_say_while_they_load_is_not_kept(runner):
    chatter = (
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\nI0000 00:00:1 a.cc:1] b.\n"
    )
    stream = nbformat.v4.new_output("stream", name="stderr", text=chatter)
    assert runner.kept(stream) is None
    stream = nbformat.v4.new_output("stream", name="stderr", text=chatter + "UserWarning: c\n")
    assert runner.kept(stream).text == "UserWarning: c\n"
