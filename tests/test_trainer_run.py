"""Whole runs: the same seed gives the same rows, and a run that was ended goes on as if it had not been."""

import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import mi_core
from mi_core import BackendUnavailableError, InputError
from trainer import RunFolder, Settings, load_data, load_model, resume_run, start_run
from trainer.table import Row, Table

SMALL = Settings(
    arch="shortcut-resnet",
    width=6,
    hidden=4,
    data="digits",
    epochs=6,
    batch_size=400,
    samples=150,
    null_every=2,
    seed=4,
    layers=(("first", "last"),),
)


SLOW_MI = """
import os, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
from trainer.run import RunFolder
save = RunFolder.save
RunFolder.save = lambda *arguments, **options: (time.sleep(0.3), save(*arguments, **options), time.sleep(0.3))
from cli.main import app
app(prog_name="mi")
"""


def lasting(rows):
    """Rows without what a clock says."""
    return [dataclasses.replace(row, seconds=0.0) for row in rows]


def weights(run):
    model = load_model(run.path)
    variables = [*model.variables, *model.optimizer.variables]
    return [np.asarray(keras.ops.convert_to_numpy(variable)) for variable in variables]


def assert_same_runs(one, other):
    assert lasting(one.table.rows()) == lasting(other.table.rows())
    assert one.latest() == other.latest()
    for a, b in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing ended."""
    return start_run(SMALL, tmp_path_factory.mktemp("runs") / "whole")


def test_the_folder_has_all_that_it_should(whole):
    manifest = json.loads((whole.path / "manifest.json").read_text())
    assert Settings.from_dict(manifest["settings"]) == SMALL
    assert manifest["data"]["checksum"] == load_data("digits").checksum
    assert manifest["keras_backend"] == keras.backend.backend()
    assert manifest["versions"]["keras"] == keras.__version__
    assert manifest["devices"]
    assert len(set(manifest["measured_indices"])) == 150
    rows = whole.table.rows()
    assert [row.epoch for row in rows] == list(range(7))
    assert rows[-1].error < rows[0].error
    assert [row.null is None for row in rows] == [False, True, False, True, False, True, False]
    assert [path.name for path in (whole.path / "checkpoints").iterdir()] == ["epoch-0006.npz"]


def test_the_same_seed_gives_the_same_run(whole, tmp_path):
    keras.utils.set_random_seed(99)  # what else was drawn in the process does not matter
    assert_same_runs(start_run(SMALL, tmp_path / "again"), whole)


def test_a_killed_run_goes_on_to_the_same_end(whole, tmp_path):
    """Killed at whatever it is doing, by a signal that no process can answer."""
    run = RunFolder(tmp_path / "killed")
    settings = "arch=shortcut-resnet width=6 hidden=4 data=digits epochs=6 batch-size=400 samples=150 null-every=2 seed=4"
    arguments = [f"--{setting}" for setting in f"{settings} layers=first:last out={run.path}".split()]
    process = subprocess.Popen([sys.executable, "-c", SLOW_MI, "train", *arguments])
    deadline = time.monotonic() + 300
    while not any(row.epoch >= 3 for row in run.table.rows()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert run.latest() in (2, 3)
    assert_same_runs(resume_run(run.path), whole)


def test_rows_after_the_checkpoint_and_torn_lines_are_dropped(tmp_path):
    settings = dataclasses.replace(SMALL, batch_size=None, epochs=4, bn=("batch", "inference"))
    expected = start_run(settings, tmp_path / "expected")
    run = start_run(dataclasses.replace(settings, epochs=2), tmp_path / "ended")
    run.table.append([dataclasses.replace(run.table.rows()[-1], epoch=3, mi=-1.0)])
    with run.table.path.open("ab") as file:
        file.write(b'{"epoch": 4, "x": "fir')
    (run.checkpoints / ".ksg-mi-77.tmp").write_bytes(b"half")
    (run.path / ".ksg-mi-77.keras").write_bytes(b"half")
    (run.path / ".gitignore").write_text("*")
    assert_same_runs(resume_run(run.path, epochs=4), expected)
    assert run.manifest().settings == settings
    assert [path.name for path in run.checkpoints.iterdir()] == ["epoch-0004.npz"]
    assert [path.name for path in run.path.glob(".*")] == [".gitignore"]


def test_killed_before_the_first_checkpoint(whole, tmp_path):
    run = RunFolder(tmp_path / "early")
    run.create(whole.manifest())
    run.table.append([dataclasses.replace(whole.table.rows()[0], mi=-1.0)])
    assert_same_runs(resume_run(run.path), whole)


def test_a_finished_run_stays_as_it_is(whole):
    before = whole.table.path.read_bytes()
    resume_run(whole.path)
    assert whole.table.path.read_bytes() == before


# What stops a run loses nothing


def full_disk(*arguments):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_costs_no_row(whole, tmp_path, monkeypatch):
    def after_two(epoch, rows, logs):
        if epoch == 2:
            monkeypatch.setattr(os, "fsync", full_disk)

    with pytest.raises(OSError, match="No space left"):
        start_run(SMALL, tmp_path / "full", after_two)
    run = RunFolder(tmp_path / "full")
    assert lasting(run.table.rows()) == lasting(whole.table.rows()[:3])
    monkeypatch.undo()
    assert_same_runs(resume_run(run.path), whole)


def test_folders_that_cannot_be_used(whole, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "letter.txt").write_text("")
    for folder, message in {
        whole.path: "holds a run already: continue it with --resume",
        tmp_path / "file": "is a file: name a new folder",
        tmp_path / "file" / "run": "cannot be used: Not a directory",
        tmp_path / "folder": "has other files in it: name a new folder",
    }.items():
        with pytest.raises(InputError, match=message):
            start_run(SMALL, folder)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder", "letter.txt"]


def test_a_folder_with_what_a_killed_start_left_is_as_good_as_new(whole, tmp_path):
    (tmp_path / ".ksg-mi-77.tmp").write_text("{")
    run = RunFolder(tmp_path)
    run.create(whole.manifest())
    assert run.manifest() == whole.manifest()
    assert run.latest() == 0
    with pytest.raises(InputError, match=r"has no checkpoint of epoch 0: it has none\."):
        load_model(tmp_path)


def test_a_start_that_cannot_measure_leaves_the_folder_free(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise BackendUnavailableError("backend cuda cannot run here")

    settings = dataclasses.replace(SMALL, save_activations=True, epochs=1)
    monkeypatch.setattr(mi_core, "mutual_information", fail)
    with pytest.raises(BackendUnavailableError):
        start_run(settings, tmp_path)
    monkeypatch.undo()
    assert start_run(settings, tmp_path).latest() == 1


def test_a_model_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    class Model:
        def save(self, path):
            path.write_bytes(b"half")
            full_disk()

    with pytest.raises(OSError, match="No space left"):
        RunFolder(tmp_path).save_model(Model())
    assert list(tmp_path.iterdir()) == []


def test_runs_that_cannot_go_on(whole, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"is no run: it has no manifest"):
        resume_run(tmp_path)
    with pytest.raises(InputError, match=r"epochs is 5, and .* was started for 6"):
        resume_run(whole.path, epochs=5)
    with whole.held(), pytest.raises(InputError, match="is in use by another process"):
        resume_run(whole.path)

    def run_with(**changes):
        run = RunFolder(tmp_path / "-".join(["run", *changes]))
        run.path.mkdir()
        record = json.loads(whole.manifest_file.read_text())
        run.manifest_file.write_text(json.dumps({**record, **changes}))
        return run

    with pytest.raises(InputError, match="was trained with Keras on nothing"):
        resume_run(run_with(keras_backend="nothing").path)
    with pytest.raises(InputError, match="digits has changed since"):
        resume_run(run_with(data={**json.loads(whole.manifest_file.read_text())["data"], "checksum": "0"}).path)
    damaged = run_with()
    damaged.checkpoints.mkdir()
    (damaged.checkpoints / "epoch-0003.npz").write_bytes(b"half")
    with pytest.raises(InputError, match=r"epoch-0003.npz is damaged"):
        resume_run(damaged.path)
    whole_file = (whole.checkpoints / "epoch-0006.npz").read_bytes()
    (damaged.checkpoints / "epoch-0003.npz").write_bytes(whole_file[: len(whole_file) // 2])
    with pytest.raises(InputError, match=r"epoch-0003.npz is damaged"):
        resume_run(damaged.path)
    (damaged.checkpoints / "epoch-0003.npz").unlink()
    np.savez(damaged.checkpoints / "epoch-0003.npz", np.zeros(3))
    with pytest.raises(InputError, match=r"epoch-0003.npz is of another network"):
        resume_run(damaged.path)
    with pytest.raises(InputError, match=r"manifest.json: settings cannot be used: k: Expected `array`, got `int`\."):
        resume_run(run_with(settings={**SMALL.to_dict(), "k": 3}).path)
    np.savez(damaged.checkpoints / "epoch-0003.npz", np.array([print], dtype=object))
    with pytest.raises(InputError, match=r"epoch-0003.npz is damaged: Object arrays cannot be loaded"):
        resume_run(damaged.path)  # nothing is unpickled
    for text in ("{", "[]", "{}"):
        damaged.manifest_file.write_text(text)
        with pytest.raises(InputError, match=r"manifest.json is damaged"):
            resume_run(damaged.path)


# The table


ROW = Row(epoch=1, x="first", y="last", bn="batch", mi=1.5, logs={"loss": 0.5}, notes=("a note",))


def test_a_table_gives_back_its_rows(tmp_path):
    table = Table(tmp_path / "table.jsonl")
    assert table.rows() == []
    table.append([ROW, ROW])
    table.append([dataclasses.replace(ROW, epoch=2)])
    assert table.rows() == [ROW, ROW, dataclasses.replace(ROW, epoch=2)]
    table.keep(1)
    assert table.rows() == [ROW, ROW]


@pytest.mark.parametrize("torn", [b'{"epo', b'{"epoch": 0, "x": "fir', b'{"epoch": 0, "x": "' + 70_000 * b"x", b"\0\0"])
@pytest.mark.parametrize("rows", [[], [ROW]])
def test_a_torn_line_gives_way_to_the_next_rows(rows, torn, tmp_path):
    table = Table(tmp_path / "table.jsonl")
    table.append(rows)
    with table.path.open("ab") as file:
        file.write(torn)
    assert table.rows() == rows
    table.append([dataclasses.replace(ROW, epoch=2)])
    assert table.rows() == [*rows, dataclasses.replace(ROW, epoch=2)]
    table.path.write_bytes(b"not a table")
    with pytest.raises(InputError, match="line 1 is no row of a run: name another file as table"):
        table.rows()


def test_rows_of_another_name_are_kept(tmp_path):
    table = Table(tmp_path / "table.jsonl")
    rows = [dataclasses.replace(ROW, epoch=epoch, name=name) for epoch in (1, 2) for name in ("train", "test")]
    table.append(rows)
    table.keep(1, "train")
    assert table.rows() == [rows[0], rows[1], rows[3]]


def test_a_failed_append_leaves_the_table_as_it_was(tmp_path, monkeypatch):
    table = Table(tmp_path / "table.jsonl")
    table.append([ROW])
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        table.append([ROW])
    assert table.rows() == [ROW]


@pytest.mark.parametrize("line", ["{}", "nonsense", "[]", '{"epoch": 1, "notes": []}'])
def test_damaged_tables(tmp_path, line):
    path = tmp_path / "table.jsonl"
    path.write_text(f"{line}\n")
    with pytest.raises(InputError, match=r"table.jsonl: line 1 is damaged or no row of a run"):
        Table(path).rows()


# What else a run leaves


def test_activations_checkpoints_and_event_files(tmp_path):
    settings = dataclasses.replace(
        SMALL, epochs=2, save_activations=True, keep_checkpoints=True, tensorboard=True, batch_size=None
    )
    run = start_run(settings, tmp_path / "run")
    sides = [np.load(run.activations / f"0001-inference-{name}.npy") for name in ("first", "last")]
    assert mi_core.mutual_information(*sides).mi == run.table.rows()[1].mi
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["epoch-0001.npz", "epoch-0002.npz"]
    first, last, trained = load_model(run.path, 1), load_model(run.path), keras.saving.load_model(run.model_file)
    assert trained.get_weights()[0].tolist() == last.get_weights()[0].tolist() != first.get_weights()[0].tolist()
    assert np.mean(trained.predict(load_data("digits").x_test, verbose=0).argmax(1) != load_data("digits").y_test) < 0.9
    with pytest.raises(InputError, match=r"has no checkpoint of epoch 7: it has 1, 2"):
        load_model(run.path, 7)
    events = b"".join(path.read_bytes() for path in run.tensorboard.rglob("events*"))
    assert b"epoch_mi_first_last" in events
    assert b"epoch_error" in events


def test_a_run_of_a_backend_by_its_earlier_name_is_read():
    settings = Settings(layers=(("first", "last"),))
    record = {**settings.to_dict(), "backend": "cpu-sweep"}
    assert Settings.from_dict(json.loads(json.dumps(record))).backend == "cpu-filter"
