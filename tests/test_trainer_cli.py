"""`mi train` and `mi plot` as a user runs them: what they print where, and with which exit code."""

import contextlib
import errno
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from cli.main import app
from cli.train import line_for
from conftest import with_options
from mi_core import InputError
from mi_core.text import concerning
from trainer import RunFolder, keras_loader
from trainer.plot import plot_runs

SMALL = ["--data", "digits", "--width", "4", "--hidden", "3", "--epochs", "2", "--samples", "100", "--layers", "first:last"]


def mi(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two finished runs, and what was printed for the first."""
    folder = tmp_path_factory.mktemp("runs")
    layers = ["--layers", "first:last,first:last_before_sum", "--bn", "inference,batch"]
    printed = mi("train", *with_options(SMALL, layers), "--arch", "shortcut", "--out", folder / "one")
    mi("train", *SMALL, "--seed", "1", "--out", folder / "two")
    return folder / "one", folder / "two", printed


def test_a_line_per_epoch(runs):
    one, _, printed = runs
    assert printed.exit_code == 0, printed.stderr
    lines = printed.stdout.splitlines()
    rows = [row for row in RunFolder(one).table.rows() if row.epoch == 2]
    assert len(rows) == 4
    assert lines[0].startswith("epoch 0/2  error 0.")
    values = [f"{row.mi:.3f} +- {row.stderr:.3f} bits" for row in rows]
    assert lines[2] == (
        f"epoch 2/2  loss {rows[0].logs['loss']:.4f}  error {rows[0].error:.4f}  MI(first, last) {values[0]}"
        f"  MI(first, last_before_sum) {values[1]}  error batch {rows[2].error:.4f}"
        f"  MI(first, last) batch {values[2]}  MI(first, last_before_sum) batch {values[3]}"
    )
    assert lines[3:] == [f"run {one}"]
    assert printed.stderr == f"note: {rows[0].notes[0]}\n"


def test_a_note_on_some_pairs_names_them_and_bounds_are_said(tmp_path):
    layers = ["--layers", "input:last,first:last", "--bn", "inference"]
    printed = mi("train", *with_options(SMALL, [*layers, "--epochs", "1"]), "--lower-bound", "--out", tmp_path / "run")
    rows = [row for row in RunFolder(tmp_path / "run").table.rows() if row.epoch == 1]
    assert all(f"bits (at least {row.lower_bound:.3f})" in printed.stdout for row in rows)
    of_input, of_first = (row.notes for row in rows)
    printed_notes = [line.removeprefix("note: ") for line in printed.stderr.splitlines()]
    ties = [note for note in of_input if note.startswith("x has ties")]  # the pixels
    wide = [note for note in of_first if "dimensions: with so many" in note]
    assert len(ties) == len(wide) == 1
    assert ties[0].replace("x has", "input has") in printed_notes
    assert concerning(wide[0], ["first / last"], "pairs") in printed_notes


def test_scales_and_other_measures(tmp_path):
    others = ["--standardize", "none,sides", "--also", "cka,dimension", "--reduce", "pca:2"]
    printed = mi("train", *SMALL, *others, "--also-every", "0,2", "--null-every", "1,2", "--out", tmp_path / "run")
    assert printed.exit_code == 0, printed.stderr
    settings = RunFolder(tmp_path / "run").manifest().settings
    assert (settings.standardize, settings.also, settings.also_every) == (("none", "sides"), ("cka", "dimension"), (0, 2))
    rows = RunFolder(tmp_path / "run").table.rows()
    assert [(row.epoch, row.standardize) for row in rows] == [
        (epoch, scale) for epoch in range(3) for scale in ("none", "sides")
    ]
    assert [row.epoch for row in rows if row.null is None] == [0, 0]
    assert {row.epoch for row in rows if None in (row.cka, row.intrinsic_dim, row.reduced)} == {1}
    assert (
        f"MI(first, last) {rows[-2].mi:.3f} +- {rows[-2].stderr:.3f} bits  MI(first, last) sides standardised {rows[-1].mi:.3f}"
        in (printed.stdout)
    )


AT_ONCE = """
from mi_core import progress_bar
progress_bar.PATIENCE_SECONDS = 0
from cli.main import app
app(prog_name="mi")
"""


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_a_terminal_shows_whole_lines_above_a_bar_with_the_time_left(tmp_path):
    parent, child = os.openpty()
    command = [sys.executable, "-c", AT_ONCE, "train", *with_options(SMALL, ["--epochs", "8"]), "--out", str(tmp_path / "run")]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "60"}  # narrower than the lines
    process = subprocess.Popen(command, stdin=child, stdout=child, stderr=child, env=environment)
    os.close(child)
    printed = b""
    with contextlib.suppress(OSError):  # how Linux says that the other end was closed
        while piece := os.read(parent, 4096):
            printed += piece
    os.close(parent)
    assert process.wait() == 0, printed.decode()
    text = re.sub(r"\x1b\[(\?25[lh]|[0-9;]*m)", "", printed.decode())  # without colours, and without hiding of the cursor
    lines = [line.rpartition("\x1b[2K")[2] for line in text.split("\r\n")]  # what is left once a bar has been wiped out
    rows = RunFolder(tmp_path / "run").table.rows()
    assert [line for line in lines if "epoch" in line] == [line_for(row.epoch, 8, [row], row.logs) for row in rows]
    assert len(rows) == 9
    assert lines[-2:] == [f"run {tmp_path / 'run'}", ""]
    assert re.search(r"training \S+ +\d+% 0:00:\d\d left", text)


def test_the_folder_has_a_name_of_its_own_and_quiet_prints_it_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = mi("train", *SMALL, "--quiet", "--every", "2")
    assert printed.stdout == "runs/mlp-w4-h3-s0\n"
    assert [row.epoch for row in RunFolder("runs/mlp-w4-h3-s0").table.rows()] == [0, 2]
    assert mi("train", "--resume", "runs/mlp-w4-h3-s0", "--epochs", "4").stdout.splitlines()[0].startswith("epoch 3/4  loss")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume", "nowhere"], "mi: nowhere is no run: it has no manifest.json.\n"),
        (["--resume", "nowhere", "--width", "3"], "mi: --width cannot be changed with --resume"),
        (["--data", "nowhere.npz"], "mi: data is 'nowhere.npz', which is neither a file nor a folder"),
        (["--layers", "first"], "mi: --layers is 'first': give pairs such as first:last"),
        (["--layers", "first:none"], "mi: the model has no layer 'none': it has input, dense_1"),
        (["--bn", "both"], "mi: bn is 'both': it must be one of inference, batch; did you mean batch?\n"),
        (["--also", "svcca"], "mi: also is 'svcca': it must be one of cka, knn-overlap, dimension"),
        (["--null-every", "often"], "mi: --null-every is 'often': give a whole number, or epochs such as 0,1,2,5,10.\n"),
        (["--hidden", "1"], "mi: hidden is 1: it must be at least 2.\n"),
        (["--activation", "tahn"], "mi: activation is 'tahn', which Keras does not know"),
        (["--samples", "501"], "mi: samples is 501: there are 500 to draw from.\n"),
        (["--k", "100"], "mi: x has 100 samples and k=100: k must be smaller than the number of samples.\n"),
    ],
)
def test_wrong_usage_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    options = [] if "--resume" in arguments else SMALL
    printed = mi("train", *with_options(options, arguments))
    assert (printed.exit_code, printed.stdout) == (2, "")
    assert printed.stderr.startswith(message)
    assert printed.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_arch_is_checked_by_the_command_line():
    assert mi("train", "--arch", "cnn").exit_code == 2


def before_the_second_checkpoint(do):
    save = RunFolder.save

    def save_later(run, model, epoch, keep):
        if epoch == 2:
            do()
        save(run, model, epoch, keep)

    return save_later


@pytest.mark.parametrize(("sent", "code", "name"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")])
def test_ctrl_c_and_sigterm_say_how_to_go_on(sent, code, name, tmp_path, monkeypatch):
    monkeypatch.setattr(RunFolder, "save", before_the_second_checkpoint(lambda: signal.raise_signal(sent)))
    printed = mi("train", *SMALL, "--out", tmp_path / "run")
    assert printed.exit_code == code
    assert (
        printed.stderr == f"mi: stopped by {name}; 1 of 2 epochs are kept. To continue: mi train --resume {tmp_path / 'run'}\n"
    )
    monkeypatch.undo()
    assert mi("train", "--resume", tmp_path / "run").stdout.startswith("epoch 2/2")


def test_a_full_disk_says_how_to_go_on(tmp_path, monkeypatch):
    def fail():
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RunFolder, "save", before_the_second_checkpoint(fail))
    printed = mi("train", *SMALL, "--out", tmp_path / "run")
    assert printed.exit_code == 1
    assert "No space left on device. 1 of 2 epochs are kept. To continue: mi train --resume" in printed.stderr
    assert printed.stderr.count("\n") == 1


def test_keras_backends_that_are_not_there(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name in ("keras", "torch") or None)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(InputError, match="Keras is to run on 'jax', which is not installed: set KERAS_BACKEND to torch"):
        keras_loader.choose_backend()
    monkeypatch.delenv("KERAS_BACKEND")
    keras_loader.choose_backend()
    assert os.environ["KERAS_BACKEND"] == "torch"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"training needs Keras, and TensorFlow, JAX or Torch: python -m pip install"):
        keras_loader.choose_backend()


# Pictures


def test_plots_of_one_run_lie_in_it(runs):
    printed = mi("plot", runs[0])
    names = ["mi-error.png", "mi-error.svg", "mi-epochs.png", "mi-epochs.svg"]
    assert printed.stdout.splitlines() == [str(runs[0] / name) for name in names]
    for name in names[::2]:
        pixels = np.asarray(Image.open(runs[0] / name).convert("RGB"))
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20


def test_several_runs_are_overlaid_and_have_the_same_files_each_time(runs, tmp_path):
    first = plot_runs(runs[:2], tmp_path / "a")
    again = plot_runs(runs[:2], tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    alone = plot_runs(runs[:1], tmp_path / "c")
    assert all(one.read_bytes() != other.read_bytes() for one, other in zip(first, alone, strict=True))


def test_what_cannot_be_plotted(runs, tmp_path):
    for arguments, message in [
        ([tmp_path], "is no run: it has no manifest.json"),
        ([runs[1], "--bn", "batch"], "has no measurements of first:last with batch statistics"),
        ([runs[0], "--layers", "input:last"], "has no measurements of input:last: it has first:last"),
        ([runs[0], "--layers", "first:last,input:last"], "one picture shows one pair"),
        ([runs[0], "--out", runs[0] / "manifest.json"], "cannot be written"),
    ]:
        printed = mi("plot", *arguments)
        assert (printed.exit_code, printed.stdout) == (2, "")
        assert message in printed.stderr
