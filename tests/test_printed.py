"""Names from outside, of files, keys, layers and columns: nothing in them moves, colours or forges what is printed or drawn."""

import csv
import io
import json
import warnings

import numpy as np
import pytest
from typer.testing import CliRunner

import made_up
import mi_core
from cli.main import app
from mi_core.text import as_cell, in_figure, printable

HOSTILE = "a\x1b[31m\x1b]0;title\x07\r\n\x7f\x9b\u202eb\u2028mi: forged\u2066 \udc80"
IN_FILE_NAMES = HOSTILE.replace("/", "")


def mi(*arguments):
    """The command's run; whatever it printed shows as it is."""
    run = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if run.exception is not None and not isinstance(run.exception, SystemExit):
        raise run.exception
    for line in (run.stdout + run.stderr).split("\n"):
        assert line.isprintable(), line
        assert not line.startswith("mi: forged")
    return run


@pytest.fixture
def hostile(tmp_path):
    """Two files in a folder, all of hostile names; one of them holds keys of such names."""
    folder = tmp_path / IN_FILE_NAMES
    folder.mkdir()
    rng = np.random.default_rng(0)
    files = folder / f"x{IN_FILE_NAMES}.npy", folder / f"y{IN_FILE_NAMES}.npy"
    for path in files:
        np.save(path, rng.standard_normal((60, 2)))
    keys = folder / f"{IN_FILE_NAMES}.npz"
    key = HOSTILE.replace("\udc80", "")
    np.savez(keys, **{f"one{key}": np.load(files[0]), f"two{key}": np.load(files[1])})
    return folder, *map(str, files), str(keys), key


def test_results_in_python_print_names_in_one_line():
    sides = dict(zip((HOSTILE, "y", "z"), np.random.default_rng(0).standard_normal((3, 60)), strict=True))
    matrix = mi_core.mutual_information_matrix(sides, error_bar=False)
    rankings = [mi_core.rank(sides, target, given=given, error_bar=False) for target, given in ((HOSTILE, "y"), ("y", HOSTILE))]
    for one in (matrix, *rankings, mi_core.rank(sides, "y", error_bar=False)):
        assert repr(one).isprintable()
        assert printable(HOSTILE) in repr(one)


def test_every_command_with_files_and_keys_of_hostile_names(hostile):
    folder, x, y, keys, key = hostile
    one, two = f"{keys}:one{key}", f"{keys}:two{key}"
    for arguments in (
        ["estimate", x, y],
        ["estimate", one, two, "--k", "3,5"],
        ["estimate", x, y, "--diagnose", "--permutations", "2", "--pca", "1", "--local", folder / "local.npy"],
        ["multi", x, y, one],
        ["entropy", one],
        ["divergence", x, two],
        ["transfer", x, y],
        ["lagged", x, y, "--lags", "-1:1", "--plot", folder / "lags.svg"],
        ["matrix", x, y, one, "--out", folder / "matrix.csv"],
        ["matrix", one, two, "--json"],
        ["estimate", x, y, "--json"],
    ):
        run = mi(*arguments)
        assert run.exit_code == 0, run.stderr
    assert json.loads(run.stdout)["x"].startswith(str(folder)[:-1])


def test_every_error_with_hostile_names(hostile):
    folder, x, y, keys, key = hostile
    (folder / "bad.csv").write_text(f"{key},b\n1,{key}\n")
    for arguments in (
        ["estimate", keys, y],
        ["estimate", f"{keys}:{key}none", y],
        ["estimate", folder, y],
        ["estimate", x + "none", y],
        ["estimate", folder / "bad.csv", y],
        ["estimate", x, y, "--k", HOSTILE],
        ["estimate", x, y, "--estimator", HOSTILE],
        ["estimate", x, y, f"--no{HOSTILE}"],
        ["estimate", x, y, HOSTILE],
        ["estimate", x, y, "--local", HOSTILE],
        ["estimate", x, y, "--local", f"{x}{HOSTILE}/{HOSTILE}.npy"],
        ["estimate", x, y, "--subsample", HOSTILE],
        ["estimate"],
        [HOSTILE],
        ["matrix", x, x],
        ["matrix", x, y, "--out", HOSTILE],
        ["plot", folder],
        ["plot", folder, "--layers", HOSTILE],
        ["report", folder],
        ["train", "--resume", folder],
        ["train", "--data", HOSTILE],
        ["train", "--data", "digits", "--layers", HOSTILE],
        ["reproduce", HOSTILE],
        ["bench", HOSTILE],
        ["bench", "speed", "--peers", HOSTILE],
    ):
        run = mi(*arguments)
        assert (run.exit_code, run.stdout) == (2, ""), arguments
        assert run.stderr.startswith("mi: ")
        assert run.stderr.count("\n") == 1, run.stderr


@pytest.mark.parametrize("name", ["$\\frac", "$", "$x$", "\\$_{$", "\x1b[31m\x00", "_hidden", "x" * 10_000])
def test_figures_have_names_as_they_are(tmp_path, name):
    """Neither read as mathematics, nor left out, nor in the way of the axes."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "layers.npz", **{name: rng.standard_normal((60, 2)), "other": rng.standard_normal((60, 2))})
    one, other = f"{tmp_path / 'layers.npz'}:{name}", f"{tmp_path / 'layers.npz'}:other"
    run = made_up.run_folder(tmp_path / "run", made_up.Settings(layers=((name, "last"),), data="digits"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if "\x00" not in name:  # which no array in a .npz file can have in its name
            assert mi("matrix", one, other, "--plot", tmp_path / "matrix.svg").exit_code == 0
        assert mi("plot", run.path).exit_code == 0


def test_names_are_no_formulas_in_csv(tmp_path):
    rng = np.random.default_rng(0)
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "plain"]
    np.savez(tmp_path / "layers.npz", **{name: -rng.standard_normal((40, 1)) for name in names})
    out = tmp_path / "out.csv"
    assert mi("matrix", *(f"{tmp_path / 'layers.npz'}:{name}" for name in names), "--out", out).exit_code == 0
    header, *rows = csv.reader(io.StringIO(out.read_text()))
    assert header == ["layer", "'=1+1", "'+1", "'-1", "'@SUM(A1)", "\\tx", "\\rx", "plain"]
    assert [row[0] for row in rows] == header[1:]
    values = np.array([row[1:] for row in rows], float)
    assert values.min() < 0, "negative numbers stay numbers"


def test_results_in_csv_are_no_formulas(tmp_path):
    from trainer.reproduction import results

    run = made_up.run_folder(tmp_path / "runs" / "=cmd|' C calc'!A0")
    results.write(results.collect(run.path.parent), tmp_path)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "results.csv").read_text())))
    assert {row["run"] for row in rows} == {"'=cmd|' C calc'!A0"}
    assert rows[0]["mi"] == "1.000000"
    assert results.read(tmp_path)["run"][0] == run.path.name


def test_text():
    assert printable("é 中 plain") == "é 中 plain"
    assert printable(HOSTILE) == ("a\\x1b[31m\\x1b]0;title\\x07\\r\\n\\x7f\\x9b\\u202eb\\u2028mi: forged\\u2066 \\udc80")
    assert [as_cell(name) for name in ("=", "+", "-", "@", "a=", "")] == ["'=", "'+", "'-", "'@", "a=", ""]
    assert in_figure("a$" + "b" * 100) == "a\\$" + "b" * 27 + "..."
