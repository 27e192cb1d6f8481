"""`mi` as a user runs it: what it prints where, and with which exit code."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import awkward
import mi_core
from cli import _output
from cli.main import app
from conftest import without_compiling
from mi_core import progress_bar

X, Y = (side.astype(np.float32) for side in awkward.CASES["2+3"])


def mi(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def files(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    return tmp_path / "x.npy", tmp_path / "y.npy"


def start(*arguments, **options):
    """`mi` in a process of its own."""
    command = [sys.executable, "-c", "from cli.main import app; app(prog_name='mi')", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


# What is printed


def test_prints_the_estimate_and_its_circumstances(files):
    run = mi("estimate", *files)
    assert run.exit_code == 0
    expected = mi_core.mutual_information(X, Y)
    assert run.stdout.splitlines()[0] == f"I(X;Y) = {expected.mi:.4f} +- {expected.stderr:.4f} bits"
    for words in ("samples     150", "dimensions  2 + 3", "k           3", "ceiling", "cpu-tree", "time"):
        assert words in run.stdout


def test_several_k_print_one_row_each(files):
    run = mi("estimate", *files, "--k", "10,1,3")
    rows = [line.split() for line in run.stdout.splitlines()[1:5]]
    assert rows[0] == ["k", "mi", "ceiling"]
    assert [row[0] for row in rows[1:]] == ["10", "1", "3"]
    assert [row[1] for row in rows[1:]] == [f"{result.mi:.4f}" for result in mi_core.mutual_information(X, Y, k=[10, 1, 3])]


def test_json_is_one_object_and_nothing_else(files):
    run = mi("estimate", *files, "--json", "--units", "nats")
    record = json.loads(run.stdout)
    assert run.stderr == ""
    assert record["mi"] == mi_core.mutual_information(X, Y, units="nats").mi
    assert (record["k"], record["n_samples"], record["units"], record["x"]) == (3, 150, "nats", str(files[0]))
    several = json.loads(mi("estimate", *files, "--json", "--k", "1,3").stdout)
    assert [result["k"] for result in several["results"]] == [1, 3]
    assert several["results"][1]["mi"] == mi_core.mutual_information(X, Y).mi


def test_quiet_prints_the_number_alone(files):
    run = mi("estimate", files[0], files[0], "--quiet")
    assert float(run.stdout) == mi_core.mutual_information(X, X).mi
    assert run.stderr == ""


def test_notes_go_to_stderr(files):
    run = mi("estimate", files[0], files[0], "--k", "1,3")
    assert "note: The estimate is near the ceiling" in run.stderr
    assert "note:" not in run.stdout


def test_options_reach_the_estimator(files):
    options = [
        "--standardize",
        "columns",
        "--noise",
        "1e-3",
        "--seed",
        "5",
        "--backend",
        "cpu-tree",
        "--threads",
        "1",
        "--json",
    ]
    record = json.loads(mi("estimate", *files, *options).stdout)
    expected = mi_core.mutual_information(X, Y, standardize="columns", noise=1e-3, seed=5)
    assert record["mi"] == expected.mi
    assert (record["backend"], record["threads"], record["seed"]) == ("cpu-tree", 1, 5)


def test_subsample_takes_the_same_rows_of_both(files):
    record = json.loads(mi("estimate", *files, "--subsample", "100", "--seed", "3", "--json").stdout)
    rows = np.sort(np.random.default_rng(3).choice(150, 100, replace=False))
    assert record["mi"] == mi_core.mutual_information(X[rows], Y[rows]).mi
    assert (record["n_samples"], record["subsample"], record["subsample_seed"]) == (100, 100, 3)
    assert "100, drawn with seed 3" in mi("estimate", *files, "--subsample", "100", "--seed", "3").stdout


def test_local_values_are_written(files, tmp_path):
    assert mi("estimate", *files, "--local", tmp_path / "local.npy").exit_code == 0
    np.testing.assert_array_equal(np.load(tmp_path / "local.npy"), mi_core.mutual_information(X, Y, return_local=True).local_mi)
    assert mi("estimate", *files, "--local", tmp_path / "two.npy", "--k", "1,3").exit_code == 0
    assert np.load(tmp_path / "two.npy").shape == (2, 150)


def test_info_names_versions_machine_and_backends():
    run = mi("info")
    assert run.exit_code == 0
    for words in (mi_core.__version__, np.__version__, "threads", "cpu-tree    works", "cpu-brute   works"):
        assert words in run.stdout
    record = json.loads(mi("info", "--json").stdout)
    assert record["backends"]["cpu-brute"] == {"works": True, "reason": None}


def test_info_says_what_a_backend_lacks(monkeypatch, files):
    monkeypatch.setitem(sys.modules, "mi_core.backends.cpu.tree", None)  # as if it could not be imported
    assert "install what the CPU backends need with: python -m pip install numba scipy" in mi("info").stdout
    run = mi("estimate", *files, "--backend", "cpu-tree")
    assert run.exit_code == 1
    assert run.stderr.startswith("mi: backend cpu-tree cannot run here: ")


def test_version_and_help():
    assert mi("--version").stdout == f"mi {mi_core.__version__}\n"
    for arguments in (["--help"], ["estimate", "--help"], ["info", "-h"]):
        run = mi(*arguments)
        assert run.exit_code == 0
        assert "Usage:" in run.stdout
    assert "130 stopped by Ctrl-C, 143 by SIGTERM" in " ".join(mi("--help").stdout.split())
    assert "lower bound" not in mi("transfer", "--help").stdout
    assert "Missing argument 'TABLE'. See " in mi("rank").stderr


def test_the_shell_completes_commands_and_options():
    for words, completion in (("mi est", "estimate"), ("mi estimate --stan", "--standardize")):
        environment = {"_MI_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        stdout, _ = start(env={**os.environ, **environment}).communicate(timeout=60)
        assert stdout.split() == [completion]


# What is read


@pytest.mark.parametrize("extension", ["npz", "csv", "tsv", "header.csv", "safetensors", "npy"])
def test_every_format_gives_the_same_estimate(extension, files, tmp_path):
    path = tmp_path / f"other.{extension}"
    source = str(path)
    if extension == "npz":
        np.savez(path, first=X, second=Y)
        source += ":first"
    elif extension == "safetensors":
        pytest.importorskip("safetensors.numpy").save_file({"first": X, "second": Y}, path)
        source += ":first"
    elif extension == "npy":
        np.save(path, np.asfortranarray(X))
    else:
        header = "a{0}b" if extension.startswith("header") else ""
        delimiter = "\t" if extension == "tsv" else ","
        np.savetxt(path, X, delimiter=delimiter, header=header.format(delimiter), comments="", fmt="%.9g")
    run = mi("estimate", source, files[1], "--quiet")
    assert float(run.stdout) == mi_core.mutual_information(X, Y).mi


def test_a_key_may_be_left_out_where_there_is_one_array(files, tmp_path):
    np.savez(tmp_path / "one.npz", X)
    assert float(mi("estimate", tmp_path / "one.npz", files[1], "--quiet").stdout) == mi_core.mutual_information(X, Y).mi


def test_bfloat16_safetensors(files, tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    halves = X.astype(ml_dtypes.bfloat16)
    pytest.importorskip("safetensors.numpy").save_file({"x": halves}, tmp_path / "halves.safetensors")
    run = mi("estimate", tmp_path / "halves.safetensors", files[1], "--quiet")
    assert float(run.stdout) == mi_core.mutual_information(halves.astype(np.float32), Y).mi


# What is refused, each with one line and exit code 2


def save(name, array):
    return lambda folder: np.save(folder / name, array, allow_pickle=True)


def write(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def truncated_npy(folder):
    np.save(folder / "bad.npy", X)
    (folder / "bad.npy").write_bytes((folder / "bad.npy").read_bytes()[:500])


def changed_npy(folder, old, new):
    np.save(folder / "bad.npy", X)
    content = (folder / "bad.npy").read_bytes()
    assert content.count(old) == 1
    assert len(old) == len(new)
    (folder / "bad.npy").write_bytes(content.replace(old, new))


def truncated_npz(folder):
    np.savez(folder / "bad.npz", a=X, b=Y)
    (folder / "bad.npz").write_bytes((folder / "bad.npz").read_bytes()[:900])


def damaged_npz(folder):
    np.savez_compressed(folder / "bad.npz", a=X)
    content = bytearray((folder / "bad.npz").read_bytes())
    content[200:300] = bytes(100)
    (folder / "bad.npz").write_bytes(content)


BAD_FILES = {
    "missing": ("none.npy", None, "none.npy: there is no such file."),
    "folder": ("", None, "is a folder: name a file in it."),
    "unknown kind": ("bad.txt", write("bad.txt", b"1 2 3"), "cannot tell what kind of file this is; it must be one of .npy"),
    "not a .npy": ("bad.npy", write("bad.npy", b"hello, world"), "is not a .npy file: save the array with numpy.save."),
    "pickle": ("bad.npy", write("bad.npy", b"\x80\x04K\x01."), "is not a .npy file"),
    "no bytes": ("bad.npy", write("bad.npy", b""), "is not a .npy file but empty"),
    "truncated .npy": ("bad.npy", truncated_npy, "is truncated, damaged or not a .npy file"),
    "object dtype": ("bad.npy", save("bad.npy", np.array([1, "a", None], dtype=object)), "has dtype object"),
    "text dtype": ("bad.npy", save("bad.npy", np.array(["a"] * 150)), "x has dtype <U1"),
    "complex": ("bad.npy", save("bad.npy", X + 1j), "x is complex (complex64)"),
    "empty": ("bad.npy", save("bad.npy", X[:0]), "x is empty, shape (0, 2)"),
    "no columns": ("bad.npy", save("bad.npy", X[:, :0]), "x has zero columns, shape (150, 0)"),
    "a scalar": ("bad.npy", save("bad.npy", np.float32(1)), "x is a single number"),
    "another length": ("bad.npy", save("bad.npy", X[:149]), "x has 149 samples and y has 150"),
    "NaN": (
        "bad.npy",
        save("bad.npy", np.where(X[4, 0] == X, np.nan, X)),
        "x has 1 value that is NaN or infinite, first in row 4",
    ),
    "truncated .npz": ("bad.npz:a", truncated_npz, "is truncated or not a .npz file"),
    "damaged .npz": ("bad.npz", damaged_npz, "is truncated, damaged or not a .npz file"),
    "no key": ("bad.npz", lambda folder: np.savez(folder / "bad.npz", a=X, b=Y), "holds 2 arrays: name one as"),
    "unknown key": ("bad.npz:c", lambda folder: np.savez(folder / "bad.npz", a=X, b=Y), "has no array 'c': it holds a, b."),
    "no arrays": ("bad.npz", lambda folder: np.savez(folder / "bad.npz"), "holds no arrays"),
    "objects in .npz": (
        "bad.npz",
        lambda folder: np.savez(folder / "bad.npz", a=np.array([None])),
        "bad.npz:a has dtype object",
    ),
    "words in .csv": (
        "bad.csv",
        write("bad.csv", b"a,b\n1,2\n3,x\n"),
        "column b has 1 value that is no number, first 'x' in row 1 (line 3)",
    ),
    "comments in .csv": (
        "bad.csv",
        write("bad.csv", b"1,2\n3#4,5\n"),
        "column 0 has 1 value that is no number, first '3#4' in row 1 (line 2)",
    ),
    "row numbers in .csv": ("bad.csv", write("bad.csv", b",a\n0,1.5\n1,2.5\n"), "has an unnamed first column"),
    "column numbers in .csv": ("bad.csv", write("bad.csv", b"0,1\n1.5,2.5\n"), "has a first line 0, 1, 2, ..."),
    "damaged header": (
        "bad.npy",
        lambda folder: changed_npy(folder, b"(150, 2), }", b"(150, ((, }"),
        "is truncated, damaged or not",
    ),
    "huge shape": (
        "bad.npy",
        lambda folder: changed_npy(folder, b"(150, 2), } ", b"(2**99, 2), "),
        "is truncated, damaged or not",
    ),
    "ragged .csv": ("bad.csv", write("bad.csv", b"1,2\n3\n"), "line 2 has 1 value and the first line has 2"),
    "empty .csv": ("bad.csv", write("bad.csv", b""), "is empty, or its first line is"),
    "header alone": ("bad.csv", write("bad.csv", b"a,b\n"), "has a header and no samples"),
    "binary .csv": ("bad.csv", write("bad.csv", bytes(range(256))), "is truncated, damaged or not a .csv file"),
    "not .safetensors": ("bad.safetensors", write("bad.safetensors", b"123456789"), "bad.safetensors cannot be read"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_gets_one_line_and_exit_code_2(name, files, tmp_path):
    file, make, message = BAD_FILES[name]
    if make is not None:
        make(tmp_path)
    run = mi("estimate", f"{tmp_path}/{file}", files[1])
    assert message in run.stderr
    assert_refused(run)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--k", "0"], "k is 0: it must be at least 1."),
        (["--k", "150"], "x has 150 samples and k=150: k must be smaller than the number of samples."),
        (["--k", "3,x"], "--k is '3,x': give whole numbers"),
        (["--noise", "-1"], "noise is -1: it must be between 0 and 1000"),
        (["--noise", "1e308"], "noise is 1e+308: it must be between 0 and 1000"),
        (["--threads", "0"], "threads is 0"),
        (["--subsample", "151"], "--subsample is 151: it must be between 2 and the number of samples, 150."),
        (["--subsample", "3"], "x has 3 samples and k=3"),
        (["--json", "--quiet"], "--json and --quiet exclude each other"),
        (["--local", "values.txt"], "it is written as .npy"),
        (["--local", "/no/such/folder/values.npy"], "/no/such/folder/values.npy cannot be written: No such file or directory."),
    ],
)
def test_a_bad_option_gets_one_line_and_exit_code_2(options, message, files):
    run = mi("estimate", *files, *options)
    assert message in run.stderr
    assert_refused(run)


def assert_refused(run):
    assert run.exit_code == 2
    assert run.stdout == ""
    assert run.stderr.startswith("mi: ")
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["estimate"], ["estimate", "a.npy", "b.npy", "--units", "bit"], ["nonsense"], ["estimate", "--nope"]]
)
def test_wrong_usage_is_exit_code_2(arguments):
    run = mi(*arguments)
    assert run.exit_code == 2
    assert "Traceback" not in run.stderr


def test_a_folder_cannot_be_written_over(files, tmp_path):
    (tmp_path / "local.npy").mkdir()
    run = mi("estimate", *files, "--local", tmp_path / "local.npy")
    assert "is a folder: name a file to write" in run.stderr
    assert_refused(run)


def test_an_input_is_never_written_over(files):
    before = files[1].read_bytes()
    run = mi("estimate", *files, "--local", files[1])
    assert "which is an input: name another file" in run.stderr
    assert_refused(run)
    assert files[1].read_bytes() == before


def test_keys_may_have_colons(tmp_path):
    np.savez(tmp_path / "one.npz", **{"dense/kernel:0": X, "b": Y})
    run = mi("estimate", f"{tmp_path}/one.npz:dense/kernel:0", f"{tmp_path}/one.npz:b", "--quiet")
    assert float(run.stdout) == mi_core.mutual_information(X, Y).mi


@pytest.mark.parametrize("redirection", ["2>&-", "| head -0"])
def test_a_closed_reader_or_stderr_is_no_error(redirection, files):
    command = f"{sys.executable} -c 'from cli.main import app; app()' estimate {files[0]} {files[1]} {redirection}"
    run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in run.stderr
    assert "Errno" not in run.stderr
    assert run.stdout == "" if "head" in redirection else "I(X;Y)" in run.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["info"], ["info", "--json"]])
def test_a_full_disk_behind_stdout_is_one_line(arguments, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    command = f"{sys.executable} -c 'from cli.main import app; app()' {' '.join(arguments)} > /dev/full"
    run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (1, "mi: standard output: No space left on device.\n")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["info"], ["estimate", "no.npy", "no.npy"]])
@pytest.mark.parametrize("closing", ["import os; os.close(1)", "import sys; sys.stdout = None"])
def test_a_closed_stdout_is_an_error_before_any_work(arguments, closing):
    redirection = ">&-" if "os" in closing else ""
    code = f"{'' if redirection else closing}\nfrom cli.main import app; app()"
    command = f"exec {sys.executable} -c '{code}' {' '.join(arguments)} {redirection}"
    run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "mi: standard output is closed: leave it open, or send it to a file or to /dev/null.\n"


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize(("file", "code"), [("x.npy", 0), ("none.npy", 2)])
def test_a_lost_stderr_costs_neither_result_nor_exit_code(redirection, file, code, files):
    arguments = f"estimate {files[0].parent / file} {files[0]} --k 1"  # with a note
    command = f"exec {sys.executable} -c 'from cli.main import app; app()' {arguments} {redirection}"
    run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert run.returncode == code
    assert ("I(X;Y)" in run.stdout) == (code == 0)


def test_standard_input_is_an_input(files):
    content = files[0].read_bytes()
    expected = mi("estimate", *files, "--quiet").stdout
    for arguments in (["estimate", "-", files[1], "--quiet"], ["multi", "-", files[1], "--quiet"]):
        assert CliRunner().invoke(app, [*map(str, arguments)], input=content).stdout == expected
    run = CliRunner().invoke(app, ["matrix", "-", str(files[1]), "--json"], input=content)
    assert json.loads(run.stdout)["names"] == ["-", "y"]
    run = CliRunner().invoke(app, ["matrix", "-", str(files[1]), "--labels", "-"], input=content)
    assert "- and labels are both -, standard input" in run.stderr
    assert_refused(run)


def test_arrays_of_one_length_are_asked_for_before_drawing(files, tmp_path):
    np.save(tmp_path / "short.npy", X[:100])
    run = mi("estimate", tmp_path / "short.npy", files[1], "--subsample", "50")
    assert "x has 100 samples and y has 150" in run.stderr


# What goes wrong while running


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device"), "No space left"),
        (MemoryError("Unable to allocate 3 TiB."), "out of memory. Unable"),
    ],
)
def test_a_failure_while_running_is_exit_code_1_and_leaves_no_file(error, message, files, tmp_path, monkeypatch):
    def fail(*_args, **_options):
        raise error

    monkeypatch.setattr(np, "save", fail)
    (tmp_path / "local.npy").write_text("what was there before")
    run = mi("estimate", *files, "--local", tmp_path / "local.npy")
    assert run.exit_code == 1
    assert message in run.stderr
    assert (tmp_path / "local.npy").read_text() == "what was there before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["local.npy", "x.npy", "y.npy"]


@pytest.mark.parametrize(
    ("sent", "code", "name"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")], ids=["ctrl-c", "sigterm"]
)
def test_ctrl_c_and_sigterm_end_cleanly(sent, code, name, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((60_000, 100), dtype=np.float32))
    process = start("estimate", tmp_path / "x.npy", tmp_path / "x.npy", "--local", tmp_path / "local.npy")
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".ksg-mi-*.tmp")):  # opened just before the work begins
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(sent)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert stdout == ""
    assert without_compiling(stderr) == f"mi: stopped by {name}; nothing was written.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "patience", "shown"), [(Terminal, 0, True), (Terminal, 60, False), (io.StringIO, 0, False)])
def test_the_progress_bar_is_for_people_who_wait(stream, patience, shown, monkeypatch):
    monkeypatch.setattr(progress_bar, "PATIENCE_SECONDS", patience)
    monkeypatch.setattr(sys, "stderr", stream())
    with progress_bar.ProgressBar("counting neighbours") as bar:
        if shown:
            bar.timer.join()
        bar(1, 4)
        bar(2, 4)
    assert ("counting neighbours" in sys.stderr.getvalue()) == shown
    assert (progress_bar.PREPARING in sys.stderr.getvalue()) == shown


@pytest.mark.parametrize(
    ("command", "meant"),
    [
        ("estimate x.npy y.npy --estimator ksg", "ksg1"),
        ("estimate x.npy y.npy --backend CPU_TREE", "cpu-tree"),
        ("estimate x.npy y.npy --units bit", "bits"),
        ("matrix x.npy y.npy --standardize column", "columns"),
        ("train --arch short-cut", "shortcut"),
        ("train --data FashionMNIST", "fashion-mnist"),
        ("reproduce fig4A --dry-run", "fig4a"),
        ("reproduce all --profile cup", "cpu"),
        ("bench spede", "speed"),
        ("bench speed --peers npet", "NPEET"),
    ],
)
def test_a_choice_that_is_nearly_right_is_told_what_it_was_meant_to_be(command, meant):
    printed = mi(*command.split())
    assert printed.exit_code == 2
    assert f"; did you mean {meant}?" in printed.stderr


def test_the_key_of_an_array_is_suggested(tmp_path):
    np.savez(tmp_path / "layers.npz", first=np.ones(3), last=np.ones(3))
    printed = mi("estimate", f"{tmp_path}/layers.npz:lst", f"{tmp_path}/layers.npz:first")
    assert printed.stderr.endswith("has no array 'lst': it holds first, last; did you mean last?\n")


@pytest.mark.parametrize("command", ["estimate x.npy y.npy --given", "rank t.csv --target", "train --arch"])
def test_an_option_given_twice_is_refused(command):
    """The parser would pass over the first in silence: one condition would be left out."""
    words = command.split()
    done = CliRunner().invoke(app, [*words, "one", words[-1], "other"])
    assert done.exit_code == 2
    assert f"{words[-1]} is given 2 times: give it once." in done.stderr


def test_an_option_and_its_opposite_are_refused(files):
    run = mi("estimate", *files, "--no-error-bar", "--error-bar")
    assert "--error-bar and --no-error-bar exclude each other: give one of them." in run.stderr
    assert_refused(run)
    assert mi("estimate", *files, "--no-error-bar", "--no-error-bar", "-q").exit_code == 0


def test_options_that_play_no_part_are_refused(files):
    run = mi("estimate", *files, "--alpha", "0.5")
    assert run.stderr == "mi: alpha is for the estimator lnc, and the estimator is ksg1: leave alpha out.\n"
    assert_refused(run)
    run = mi("reproduce", "fig4a", "--dry-run", "--workers", "2", "--scheduler", "tcp://127.0.0.1:8786")
    assert "--workers are of this machine, and --scheduler has workers of its own" in run.stderr
    assert_refused(run)


@pytest.mark.parametrize("columns", [30, 60, 150])
def test_sentences_fill_the_width_of_a_terminal(columns, monkeypatch):
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_, **__: os.terminal_size((columns, 24)))
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(sys, "stderr", Terminal())
    sentence = " ".join(["some words"] * 40)
    lines = _output.wrapped(sentence, "  - ")
    _output.print_notes([sentence])
    notes = sys.stderr.getvalue().splitlines()
    for indent, some in (("    ", lines), ("      ", notes)):
        widths = [len(line) for line in some]
        assert max(widths) < max(columns, 41)
        assert min(widths[:-1]) > max(columns, 41) - 12
        assert all(line.startswith(indent) and line[len(indent)] != " " for line in some[1:])
    assert " ".join(word for line in notes for word in line.split()) == f"note: {sentence}"


def test_sentences_keep_their_width_where_there_is_no_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    sentence = " ".join(["some words"] * 40)
    assert max(map(len, _output.wrapped(sentence, "  - "))) in range(100, 111)
    _output.print_notes([sentence])
    assert sys.stderr.getvalue() == f"note: {sentence}\n"
