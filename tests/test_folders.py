"""Run folders, tables and half-done work that are damaged or hostile: one line that names file and field, never a traceback."""

import json
import os
import shutil

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import made_up
from cli import matrix
from cli.main import app
from mi_core import InputError
from trainer import RunFolder
from trainer.reproduction import results

HOSTILE = (None, "text", "\x1b[31m\n", True, -1, 0, 0.5, 1e308, 10**30, -(10**30), [], {}, [None], [[1]], {"a": {"b": []}})
BROKEN_FILES = {
    "empty": b"",
    "null": b"null\n",
    "a list": b"[]\n",
    "a number": b"1e308\n",
    "not UTF-8": b'{"settings": "\xff\xfe"}\n',
    "nested deeply": b'{"settings":' + b"[" * 100_000 + b"\n",
    "nested deeply where it does not matter": b'{"other":' + b'{"a":' * 100_000 + b"\n",
    "NaN": b'{"settings": NaN, "epoch": NaN}\n',
    "Infinity": b'{"settings": -Infinity, "epoch": 1e999}\n',
    "a lone surrogate": b'{"settings": "\\ud800"}\n',
    "a number of 5,000 digits": b'{"settings": {"layers": [], "seed": ' + b"9" * 5000 + b'}, "epoch": ' + b"9" * 5000 + b"}\n",
    "a long line": b'{"settings": "' + b"x" * 10**6 + b'"}\n',
    "binary": bytes(range(256)),
}


def mi(*arguments):
    """The command's exit code and stderr; a traceback fails the test."""
    run = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if run.exception is not None and not isinstance(run.exception, SystemExit):
        raise run.exception
    assert all(char.isprintable() or char == "\n" for char in run.stdout + run.stderr)
    return run


def assert_one_line(run, *words):
    assert (run.exit_code, run.stdout) == (2, ""), run.stdout + run.stderr
    assert run.stderr.count("\n") == 1, run.stderr
    assert len(run.stderr) < 600
    for word in words:
        assert word in run.stderr


def outcome(read):
    """What was read, or the one line that says why not."""
    try:
        return read(), ""
    except InputError as error:
        return None, str(error)


@pytest.fixture
def run(tmp_path):
    return made_up.run_folder(tmp_path / "run")


def commands(folder):
    """Ways to read a run that need neither Keras nor time."""
    return ["plot", folder], ["report", folder.parent, "--out", folder.parent / "page.html"]


def fields(record, path=()):
    """The path to every value in a record, the containers among them."""
    for name, value in record.items() if isinstance(record, dict) else enumerate(record):
        yield (*path, name)
        if isinstance(value, dict | list):
            yield from fields(value, (*path, name))


def changed(record, path, value):
    copy = json.loads(json.dumps(record))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return copy


# Manifests


def manifest_fields():
    return list(fields(json.loads(json.dumps(made_up.dataclasses.asdict(made_up.manifest(made_up.Settings()))))))


@pytest.mark.parametrize("path", manifest_fields(), ids=lambda path: ".".join(map(str, path)))
def test_every_field_of_a_manifest_may_hold_anything(run, path):
    """Reading says in one line what is wrong, or gives a manifest that can be written and read again."""
    record = json.loads(run.manifest_file.read_text())
    if path[:2] == ("settings", "layers"):
        path = path[:2]
    for value in HOSTILE:
        run.manifest_file.write_text(json.dumps(changed(record, path, value)))
        manifest, complaint = outcome(run.manifest)
        if complaint:
            assert complaint.startswith(str(run.manifest_file))
            assert str(path[1] if path[0] in ("settings", "data") and len(path) > 1 else path[0]) in complaint
        else:
            run.write_manifest(manifest)
            assert run.manifest() == manifest


@pytest.mark.parametrize("command", range(2))
@pytest.mark.parametrize(
    "path", [("settings",), ("settings", "epochs"), ("settings", "layers"), ("data", "n_train"), ("versions",)]
)
def test_commands_name_file_and_field_of_a_manifest(run, command, path):
    record = json.loads(run.manifest_file.read_text())
    for value in ("text", [[1]], 10**30):
        run.manifest_file.write_text(json.dumps(changed(record, path, value)))
        assert_one_line(mi(*commands(run.path)[command]), "manifest.json", path[-1])
    assert_one_line(mi("train", "--resume", run.path), "manifest.json", path[-1])


def test_settings_that_are_not_known_are_named_and_other_fields_passed_over(run):
    record = json.loads(run.manifest_file.read_text())
    run.manifest_file.write_text(json.dumps({**record, "of_a_later_version": [1]}))
    assert run.manifest() == made_up.manifest(run.manifest().settings)
    run.manifest_file.write_text(json.dumps(changed(record, ("settings", "depth"), 3)))
    assert_one_line(mi("plot", run.path), "manifest.json: settings: 'depth' is not a setting")


@pytest.mark.parametrize("content", BROKEN_FILES.values(), ids=list(BROKEN_FILES))
def test_broken_manifests_and_tables(run, content):
    whole = run.manifest_file.read_bytes()
    run.manifest_file.write_bytes(content)
    for command in (*commands(run.path), ["train", "--resume", run.path]):
        assert_one_line(mi(*command), "manifest.json")
    run.manifest_file.write_bytes(whole)
    run.table.path.write_bytes(content)
    for command in commands(run.path):  # a table without rows, or with a torn last line alone, has no measurements
        assert_one_line(mi(*command), "metrics.jsonl: line 1 is damaged" if b"\n" in content else "measurements")


@pytest.mark.parametrize("name", ["manifest.json", "metrics.jsonl"])
@pytest.mark.parametrize("kind", ["folder", "loop", "pipe"])
def test_what_is_no_file(run, name, kind):
    path = run.path / name
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    else:
        if not hasattr(os, "mkfifo"):
            pytest.skip("this system has no named pipes")
        os.mkfifo(path)
    assert_one_line(mi("plot", run.path), name if kind != "loop" or name != "manifest.json" else "Too many levels")


def test_a_file_in_place_of_the_run(tmp_path):
    (tmp_path / "file").write_text("")
    for command in (["plot"], ["train", "--resume"]):
        assert_one_line(mi(*command, tmp_path / "file"), "file")


# Rows


@pytest.mark.parametrize("name", made_up.dataclasses.asdict(made_up.Row(0, "x", "y", "batch")))
def test_every_field_of_a_row_may_hold_anything(run, name):
    lines = run.table.path.read_text().splitlines()
    record = json.loads(lines[2])
    accepted = []
    for value in HOSTILE:
        lines[2] = json.dumps({**record, name: value})
        run.table.path.write_text("\n".join([*lines, ""]))
        rows, complaint = outcome(run.table.rows)
        if complaint:
            assert f"metrics.jsonl: line 3 is damaged or no row of a run: {name}" in complaint
        else:
            accepted.append(rows[2])
    assert len(accepted) < len(HOSTILE)
    run.table.path.unlink()
    run.table.append(accepted)
    assert run.table.rows() == accepted


def test_the_largest_values_that_a_row_may_hold_are_drawn(run):
    row = run.table.rows()[1]
    for values in (
        {"mi": 1e6, "stderr": 1e6, "ceiling": 1e6, "null": -1e6, "epoch": 2**53, "logs": {"loss": 1e308}, "seconds": 1e12},
        {"mi": -1e6, "stderr": 0.0, "ceiling": -1e6, "null": 1e6, "dim_x": 2**53, "n_samples": 2**53, "logs": {"loss": -1e308}},
    ):
        run.table.append([made_up.dataclasses.replace(row, **values)])
    for command in commands(run.path):
        assert mi(*command).exit_code == 0


@pytest.mark.parametrize("logs", [[], [1], "text", 3, {"loss": "text"}, {"loss": []}])
def test_logs_that_are_none(run, logs):
    record = json.loads(run.table.path.read_text().splitlines()[0])
    run.table.path.write_text(json.dumps({**record, "logs": logs}) + "\n")
    for command in commands(run.path):
        assert_one_line(mi(*command), "line 1", "logs")


def test_duplicate_keys_and_doubled_rows_are_drawn_or_said(run):
    whole = run.table.path.read_bytes()
    run.table.path.write_bytes(whole.replace(b'{"epoch": 0,', b'{"epoch": "x", "epoch": 0,') + whole)
    for command in commands(run.path):
        assert_one_line(mi(*command), "line 1", "epoch")
    run.table.path.write_bytes(whole + whole)
    for command in commands(run.path):
        assert mi(*command).exit_code == 0


@pytest.mark.parametrize("error", [0.0, 1.0, None])
def test_a_network_that_errs_never_or_always_is_drawn(tmp_path, error):
    run = made_up.run_folder(tmp_path / "run", error=error)
    assert mi("plot", run.path).exit_code == 0
    if error is None:
        assert_one_line(mi("report", tmp_path), "no row has both MI and error")
    else:
        assert mi("report", tmp_path).exit_code == 0
        assert "NaN" not in (tmp_path / "report.html").read_text().split('id="specification">')[1].split("</script>")[0]


# Checkpoints


def test_only_checkpoints_are_taken_for_checkpoints(run):
    run.checkpoints.mkdir()
    for name in (
        "epoch-abc.npz",
        "epoch-.npz",
        "epoch-0003 (copy).npz",
        "epoch--001.npz",
        "epoch-٠٠٠٣.npz",
        f"epoch-{'9' * 200}.npz",
    ):
        (run.checkpoints / name).write_bytes(b"")
    (run.checkpoints / "epoch-0009.npz").mkdir()
    (run.checkpoints / "epoch-0008.npz").symlink_to("epoch-0008.npz")
    assert run.latest() == 0
    (run.checkpoints / "epoch-0002.npz").write_bytes(b"")
    assert RunFolder(run.path).latest() == 2


# Results


ACCEPTED = {
    (name, value)
    for value, names in {
        None: (
            *("batch_size", "mi", "stderr", "null", "ceiling", "dim_x", "dim_y", "error", "loss", "reduced", "lower_bound"),
            *("lower_bound_stderr", "cka", "knn_overlap", "intrinsic_dim", "participation_ratio"),
        ),
        -1: ("mi", "null", "ceiling", "loss", "reduced", "lower_bound", "cka"),
        "text": ("run", "notes", "settings", "data"),
        2**62: ("loss",),
        2**40: (
            "width",
            "hidden",
            "batch_size",
            "seed",
            "epoch",
            "updates",
            "k",
            "n_samples",
            "dim_x",
            "dim_y",
            "loss",
        ),
        "\x1b[31m</script>": ("run", "notes", "settings", "data"),
    }.items()
    for name in names
}


def test_every_column_of_a_table_of_results_may_hold_anything(tmp_path):
    table = made_up.table((made_up.FIG5B,), seeds=1, ks=(3,), batch_sizes=(None,)).cast(results.SCHEMA)
    for name, kind in results.SCHEMA.items():
        values = (None, "text", "\x1b[31m</script>") if kind == pl.String else (None, -1, 2**40, 2**62)
        for value in (*values, float("nan"), float("inf")) if kind == pl.Float64 else values:
            table.with_columns(pl.lit(value, dtype=kind).alias(name)).write_parquet(tmp_path / results.PARQUET)
            read, complaint = outcome(lambda: results.read(tmp_path))
            assert bool(complaint) != ((name, value) in ACCEPTED), (name, value, complaint)
            if complaint:
                assert complaint.startswith(f"{tmp_path / results.PARQUET} is damaged")
                assert name in complaint
            else:
                assert all(text.isprintable() for text in (*read["run"], *read["notes"]))


def test_a_hostile_table_of_results_makes_a_page(tmp_path):
    table = made_up.table((made_up.FIG5B,), seeds=1, ks=(3,), batch_sizes=(None,)).cast(results.SCHEMA)
    hostile = {"run": pl.col("run") + "\x1b[31m</script><b>$\\frac", "notes": pl.lit("=\x9b\n"), "seed": pl.lit(2**40)}
    table.with_columns(**hostile, loss=pl.lit(1e308)).write_parquet(tmp_path / results.PARQUET)
    assert mi("report", tmp_path).exit_code == 0
    page = (tmp_path / "report.html").read_text()
    assert all(char.isprintable() or char in "\n\t" for char in page.split("<script>")[0])
    assert "</script><b>" not in page


def test_tables_of_results_that_are_none(tmp_path):
    for content in (b"", b"PAR1", b"PAR1" * 100, bytes(range(256)) * 10):
        (tmp_path / results.PARQUET).write_bytes(content)
        assert_one_line(mi("report", tmp_path), results.PARQUET)
    (tmp_path / results.PARQUET).unlink()
    (tmp_path / results.PARQUET).mkdir()
    assert_one_line(mi("report", tmp_path), results.PARQUET)


def test_a_sweep_does_not_go_on_with_a_damaged_run(tmp_path):
    run = RunFolder(tmp_path / "runs" / "of-another-sweep")
    run.path.mkdir(parents=True)
    for content in BROKEN_FILES.values():
        run.manifest_file.write_bytes(content)
        printed = mi("reproduce", "fig4a", "--profile", "smoke", "--out", tmp_path)
        assert_one_line(printed, "of-another-sweep/manifest.json")


# Matrices that were stopped


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """Two layers, and the file that a stopped matrix of them has left."""
    rng = np.random.default_rng(0)
    layers = [tmp_path / "a.npy", tmp_path / "b.npy"]
    for path in layers:
        np.save(path, rng.standard_normal((60, 2)))
    write = matrix.Unfinished.write

    def write_and_stop(unfinished, partial):
        write(unfinished, partial)
        raise KeyboardInterrupt

    monkeypatch.setattr(matrix.Unfinished, "write", write_and_stop)
    assert mi("matrix", *layers, "--out", tmp_path / "out.csv").exit_code == 130
    monkeypatch.undo()
    return tmp_path / "out.csv.partial", ["matrix", *layers, "--out", tmp_path / "out.csv"]


def test_every_field_of_a_stopped_matrix_may_hold_anything(stopped):
    partial, command = stopped
    record = json.loads(partial.read_text())
    for path in fields(record):
        for value in HOSTILE:
            if path[0] == "checksum" and isinstance(value, str):
                continue  # of another task, and so without effect
            if (
                isinstance(value, int | float)
                and not isinstance(value, bool)
                and path[0] in ("sums", "squares")
                and len(path) > 2
            ):
                continue  # what is a number may be the right one
            if len(path) > 1 and path[0] == "tied" and value == 0 and not isinstance(value, bool):
                continue  # what is a number may be the right one
            if changed(record, path, value) == record and not isinstance(value, bool):
                continue  # as a pair that is still to be looked at has it
            partial.write_text(json.dumps(changed(record, path, value)))
            assert_one_line(mi(*command), "out.csv.partial", "delete it", str(path[0]))
            assert not partial.with_suffix("").exists()
    partial.write_text(json.dumps(record))
    assert mi(*command).exit_code == 0


@pytest.mark.parametrize("content", BROKEN_FILES.values(), ids=list(BROKEN_FILES))
def test_broken_files_of_a_stopped_matrix(stopped, content):
    partial, command = stopped
    partial.write_bytes(content)
    assert_one_line(mi(*command), "out.csv.partial")
    partial.unlink()
    partial.mkdir()
    assert_one_line(mi(*command), "out.csv.partial", "folder")
    shutil.rmtree(partial)
