"""`mi matrix`, and what `mi estimate` says about its own number, as a user runs them."""

import csv
import json
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import awkward
import mi_core
from cli import matrix
from cli.main import app

X, Y = (side.astype(np.float32) for side in awkward.correlated(np.random.default_rng(0), 400, 3, 0.7))


def mi(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def files(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    return tmp_path / "x.npy", tmp_path / "y.npy"


@pytest.fixture
def layers(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "layers"
    folder.mkdir()
    for number, dim in enumerate((2, 9, 20)):
        np.save(folder / f"layer{number}.npy", X[:, :1] + rng.standard_normal((400, dim)))
    return sorted(folder.glob("*.npy"))


def is_picture(path):
    return path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" if path.suffix == ".png" else b"<svg" in path.read_bytes()


# mi estimate


def test_the_error_bar_stands_beside_the_estimate(files):
    expected = mi_core.mutual_information(X, Y)
    assert mi("estimate", *files).stdout.splitlines()[0] == f"I(X;Y) = {expected.mi:.4f} +- {expected.stderr:.4f} bits"
    assert mi("estimate", *files, "--no-error-bar").stdout.splitlines()[0] == f"I(X;Y) = {expected.mi:.4f} bits"
    assert json.loads(mi("estimate", *files, "--json").stdout)["stderr"] == expected.stderr


def test_permutations_print_a_p_value(files):
    run = mi("estimate", *files, "--permutations", "19")
    null = mi_core.mutual_information(X, Y, permutations=19).null
    line = f"19 shuffles of the pairing read {null.mean:.4f} with spread {null.std:.4f} bits; p = 0.05"
    assert line in run.stdout
    record = json.loads(mi("estimate", *files, "--permutations", "19", "--json").stdout)
    assert record["null"] == {"permutations": 19, "p_value": 0.05, "mean": null.mean, "std": null.std, "seed": 0}


def test_diagnose_prints_verdict_and_reasons(files):
    found = mi_core.mutual_information(X, Y, diagnose=True).reliability
    run = mi("estimate", *files, "--diagnose")
    assert f"verdict: {found.verdict}\n  - " in run.stdout
    record = json.loads(mi("estimate", *files, "--diagnose", "--json").stdout)
    assert record["reliability"]["verdict"] == found.verdict
    assert record["reliability"]["reasons"] == list(found.reasons)


def test_quiet_prints_the_bound_that_was_asked_for(files):
    bound = str(mi_core.mutual_information(X, Y, lower_bound=True).lower_bound.mi)
    for options, expected in (
        (["--lower-bound"], [bound]),
        (["--lower-bound", "--diagnose"], [bound]),
        (["--diagnose"], []),
    ):
        assert mi("estimate", *files, "--quiet", *options).stdout.splitlines()[1:] == expected


@pytest.mark.parametrize(
    ("option", "words"), [("--pca", "principal components"), ("--random-projections", "random projections")]
)
def test_fewer_columns_are_reported_beside_the_raw_value(option, words, files):
    run = mi("estimate", *files, option, "2")
    assert run.stdout.startswith("I(X;Y) = ")
    assert f"on 2 + 2 {words}: " in run.stdout
    assert "of the variance of X" in run.stdout


def test_notes_on_fewer_columns_are_printed_too(files, tmp_path):
    np.save(tmp_path / "large.npy", 1e3 * Y)
    run = mi("estimate", files[0], tmp_path / "large.npy", "--pca", "2")
    of_all, of_few = (line for line in run.stderr.splitlines() if "different scales" in line)
    assert of_all.startswith("note: The sides are")
    assert of_few.startswith("note: on 2 + 2 principal components: The sides are")


@pytest.mark.parametrize("name", ["plot.png", "plot.svg"])
@pytest.mark.parametrize("options", [[], ["--k", "1,3,10", "--permutations", "9"]])
def test_the_plot_is_a_picture(name, options, files, tmp_path):
    run = mi("estimate", *files, "--plot", tmp_path / name, *options)
    assert run.exit_code == 0
    assert is_picture(tmp_path / name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--permutations", "0"], "mi: permutations is 0: it must be at least 1."),
        (["--permutations", "-5"], "mi: permutations is -5: it must be at least 1."),
        (["--plot", "picture.pdf"], "mi: --plot is picture.pdf: pictures are written as .png or .svg, so name it that way."),
        (
            ["--pca", "2", "--random-projections", "2"],
            "mi: --cca, --pca and --random-projections exclude each other: choose one.",
        ),
        (["--pca", "3"], "mi: reduce asks for 3 columns, x has 3 and y 3: ask for fewer, or leave it out."),
    ],
)
def test_bad_options_get_one_line(options, message, files):
    run = mi("estimate", *files, *options)
    assert (run.exit_code, run.stderr) == (2, message + "\n")


def test_a_missing_matplotlib_is_said_before_any_work(files, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    run = mi("estimate", *files, "--plot", tmp_path / "plot.png")
    assert (run.exit_code, run.stdout) == (2, "")
    assert run.stderr == "mi: --plot needs matplotlib: python -m pip install matplotlib\n"
    assert mi("estimate", *files).exit_code == 0


# mi matrix


def test_matrix_prints_writes_and_draws(layers, tmp_path):
    out, plot = tmp_path / "layers.csv", tmp_path / "layers.png"
    run = mi("matrix", *layers, "--out", out, "--plot", plot, "--units", "nats")
    assert run.exit_code == 0
    expected = mi_core.mutual_information_matrix({path.stem: np.load(path) for path in layers}, units="nats")
    assert run.stderr.splitlines() == [f"note: {note}" for note in expected.notes]
    assert "dimensions: with so many, KSG is an index" in run.stderr
    with out.open() as file:
        header, *lines = csv.reader(file)
    assert header == ["layer", "layer0", "layer1", "layer2"]
    assert [line[0] for line in lines] == header[1:]
    np.testing.assert_array_equal(np.array([line[1:] for line in lines], float), expected.mi)
    assert is_picture(plot)
    assert run.stdout.splitlines()[1].split() == ["layer0", "layer1", "layer2"]
    assert run.stdout.splitlines()[2].split()[1:] == [f"{value:.4f}" for value in expected.mi[0]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layers", "layers.csv", "layers.png"]


def test_names_that_the_font_lacks_draw_boxes_without_a_warning(layers, tmp_path):
    chinese = layers[0].rename(layers[0].with_name("日本.npy"))
    run = mi("matrix", chinese, layers[1], "--plot", tmp_path / "layers.png", "--no-error-bar")
    assert run.exit_code == 0
    assert "Glyph" not in run.stderr


def test_matrix_writes_json(layers, tmp_path):
    printed = json.loads(mi("matrix", *layers, "--out", tmp_path / "layers.json", "--json").stdout)
    written = json.loads((tmp_path / "layers.json").read_text())
    plain = json.loads(mi("matrix", *layers, "--json").stdout)
    for field in ("mi", "stderr", "notes", "pair_notes"):
        assert printed[field] == written[field] == plain[field]
    assert written["pair_notes"][0].keys() == {"x", "y", "notes"}
    assert np.shape(written["stderr"]) == (3, 3)
    assert written["names"] == ["layer0", "layer1", "layer2"]


def test_matrix_has_other_measures_beside_mi(layers, tmp_path):
    out, plot = tmp_path / "layers.csv", tmp_path / "layers.svg"
    run = mi("matrix", *layers, "--also", "knn,cka", "--out", out, "--plot", plot)
    expected = mi_core.mutual_information_matrix({path.stem: np.load(path) for path in layers}, also=["cka", "knn"])
    lines = run.stdout.splitlines()
    assert [lines[place].split(";")[0] for place in (5, 10)] == [
        "CKA, linear and debiased",
        "Share of 10 nearest neighbours in common",
    ]
    assert lines[7].split()[1:] == [f"{value:.4f}" for value in expected.cka[0]]
    assert lines[10].endswith("by chance 0.0251 on average")
    with out.open() as file:
        header, *rows = csv.reader(file)
    assert header[4:] == [f"{measure}:layer{place}" for measure in ("cka", "knn") for place in range(3)]
    np.testing.assert_array_equal(
        np.array([row[1:] for row in rows], float), np.hstack([expected.mi, expected.cka, expected.knn])
    )
    assert is_picture(plot)
    assert json.loads(mi("matrix", *layers, "--also", "cka", "--json").stdout)["cka"] == expected.cka.tolist()
    run = mi("matrix", *layers, "--also", "cca")
    assert (run.exit_code, run.stderr) == (2, "mi: --also is 'cca': it must be one of cka, knn; did you mean cka?\n")


def stopped(monkeypatch, after):
    """Ctrl-C once that many partial results were written."""
    write = matrix.Unfinished.write

    def write_and_stop(self, partial):
        write(self, partial)
        stopped.count += 1
        if stopped.count == after:
            raise KeyboardInterrupt

    stopped.count = 0
    monkeypatch.setattr(matrix.Unfinished, "write", write_and_stop)


def test_a_stopped_matrix_goes_on(layers, tmp_path, monkeypatch):
    out = tmp_path / "layers.csv"
    with monkeypatch.context() as patch:
        stopped(patch, after=5)
        run = mi("matrix", *layers, "--out", out)
    assert run.exit_code == 130
    assert run.stderr.splitlines()[-1] == (
        f"mi: stopped by Ctrl-C; {out}.partial keeps what was done: the same command resumes from there."
    )
    assert not out.exists()
    left = json.loads((tmp_path / "layers.csv.partial").read_text())
    seen = []
    real = mi_core.mutual_information_matrix

    def spy(arrays, **options):
        seen.append(options["resume"])
        return real(arrays, **options)

    monkeypatch.setattr(mi_core, "mutual_information_matrix", spy)
    assert mi("matrix", *layers, "--out", out).exit_code == 0
    assert seen[0].rows.tolist() == left["rows"]
    assert sum(left["rows"]) > 0
    assert not (tmp_path / "layers.csv.partial").exists()
    expected = real({path.stem: np.load(path) for path in layers}).mi
    with out.open() as file:
        values = np.array([line[1:] for line in list(csv.reader(file))[1:]], float)
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("change", ["data", "settings"])
def test_what_belongs_to_another_task_is_not_used(change, layers, tmp_path, monkeypatch):
    out = tmp_path / "layers.csv"
    with monkeypatch.context() as patch:
        stopped(patch, after=3)
        mi("matrix", *layers, "--out", out)
    options = ["--k", "5"] if change == "settings" else []
    if change == "data":
        np.save(layers[0], np.load(layers[0]) * 2.5)
    assert mi("matrix", *layers, "--out", out, *options).exit_code == 0
    expected = mi_core.mutual_information_matrix({path.stem: np.load(path) for path in layers}, k=5 if options else 3).mi
    with out.open() as file:
        values = np.array([line[1:] for line in list(csv.reader(file))[1:]], float)
    np.testing.assert_array_equal(values, expected)


GROUPS = "".join(f"subject {row // 5}\n" for row in range(100))
FLAGS = "".join(f"{row % 3 == 0}\n" if row else "NA\n" for row in range(100))
LARGE = "".join(f"{2**64 + row * row}\n" if row else "NA\n" for row in range(100))


@pytest.mark.parametrize(("objects", "option"), [(GROUPS, "--groups"), (FLAGS, None), (LARGE, None)])
def test_a_matrix_of_objects_is_written_too(objects, option, tmp_path):
    np.save(tmp_path / "x.npy", X[:100])
    np.save(tmp_path / "y.npy", Y[:100])
    (tmp_path / "objects.csv").write_text(f"name\n{objects}")
    beside = [option, tmp_path / "objects.csv"] if option else [tmp_path / "objects.csv"]
    command = ("matrix", tmp_path / "x.npy", tmp_path / "y.npy", *beside, "--missing", "drop", "--no-error-bar")
    run = mi(*command, "--out", tmp_path / "out.csv")
    assert run.exit_code == 0, run.stderr
    assert run.stdout == mi(*command).stdout
    assert (tmp_path / "out.csv").exists()


def test_objects_of_another_task_are_told_by_their_values(tmp_path):
    def checksum(*words):
        return matrix.Unfinished(tmp_path / "out.csv", {"groups": np.array(words, object)}, {"k": 3}).checksum

    assert checksum("one", "other") == checksum("".join(("o", "ne")), "other") != checksum("one", "others")


def test_layers_that_do_not_fit_are_named(layers, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    np.save(other / "layer0.npy", X)
    run = mi("matrix", *layers, other / "layer0.npy")
    assert run.exit_code == 2
    assert run.stderr == (f"mi: {layers[0]} and {other / 'layer0.npy'} are both named layer0: give files of different names.\n")
    np.save(tmp_path / "short.npy", X[:100])
    run = mi("matrix", *layers, tmp_path / "short.npy")
    assert run.stderr == "mi: layer0 has 400 samples and short has 100: they must be paired row by row.\n"
    (tmp_path / "bad.npy").write_bytes(b"no array")
    run = mi("matrix", *layers, tmp_path / "bad.npy")
    assert (run.exit_code, len(run.stderr.splitlines())) == (2, 1)
    assert "bad.npy is not a .npy file" in run.stderr
    run = mi("matrix", layers[0])
    assert run.stderr == f"mi: one layer was given, {layers[0]}: give at least two.\n"
    run = mi("matrix", *layers, "--out", tmp_path / "layers.txt")
    assert run.stderr.startswith("mi: --out is ")
    run = mi("matrix", *layers, "--plot", layers[0].with_suffix(".pdf"))
    assert "pictures are written as .png or .svg" in run.stderr
