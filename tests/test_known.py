"""Tasks of known MI that the field measures itself on: their truths, the run that resumes, and the page it is shown on."""

import dataclasses
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import bmi_samples, known, known_peers, known_report, known_tasks, rows
from benchmarks.known_report import Reading
from cli.main import app
from mi_core import InputError, mutual_information

CHEAP = {"ksg1": lambda sides: {"mi": 1.0, "stderr": 0.1, "verdict": "trust", "seconds": 0.5}}


def bench(*arguments):
    return CliRunner().invoke(app, ["bench", "known", *map(str, arguments)])


@pytest.fixture(autouse=True)
def no_samples_of_bmi(monkeypatch):
    monkeypatch.delenv("BMI_SAMPLES", raising=False)


# ------------------------------------------------------------------ tasks


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_images_share_their_label_but_for_the_shuffled_ones(share):
    x, y, truth = known_tasks.shuffled_pairs("digits", 60, share, seed=3)
    images_x, images_y, labels = known_tasks.zeros_and_ones("digits", 60)
    of_x, of_y = (
        [labels[np.flatnonzero((side == row).all(axis=1))[0]] for row in rows_of]
        for side, rows_of in ((images_x, x), (images_y, y))
    )
    flipped = np.mean(np.array(of_x) != np.array(of_y))
    assert flipped == pytest.approx(share / 2, abs=0.15)
    binary_entropy = -sum(p * np.log2(p) for p in (flipped, 1 - flipped) if p > 0)
    assert truth / np.log(2) == pytest.approx(1 - binary_entropy, abs=1e-12)
    assert not {row.tobytes() for row in x} & {row.tobytes() for row in y}
    np.testing.assert_array_equal(x, known_tasks.shuffled_pairs("digits", 60, share, seed=3)[0])


def test_labels_of_images_are_as_frequent_where_one_digit_has_fewer():
    x, y, labels = known_tasks.zeros_and_ones("digits", 10_000)
    assert len(x) == len(y) == len(labels) == 2 * np.sum(labels == 0)


@pytest.mark.parametrize(("pairs", "bits"), [(1, 0.0), (1, 2.0), (5, 2.0)])
def test_columns_are_pairs_copies_and_noise(pairs, bits):
    x, y, truth = known_tasks.copied_columns(4000, 40, pairs, bits, seed=3)
    assert truth / np.log(2) == pytest.approx(bits)
    assert x.shape == y.shape == (4000, 40)
    rho = [np.corrcoef(x[:, i], y[:, i])[0, 1] for i in range(pairs)]
    assert -0.5 * np.log2(1 - np.square(rho)).sum() == pytest.approx(bits, abs=0.15)
    for side in (x, y):
        assert len(np.unique(side, axis=1).T) == pairs + (40 - pairs) // 2
        assert {column.tobytes() for column in side.T[pairs : 40 - (40 - pairs) // 2]} <= {c.tobytes() for c in side.T[:pairs]}


@pytest.mark.parametrize("draw", [known_tasks.gaussian, known_tasks.log_normal, known_tasks.uniform_noise])
def test_two_columns_have_the_mi_that_ksg_finds_on_ranks(draw):
    x, y, truth = draw(4000, 2.0, seed=3)
    ranks = (side.argsort(axis=0).argsort(axis=0).astype(float) for side in (x, y))
    assert truth == 2.0
    assert mutual_information(*ranks, units="nats", error_bar=False, noise=1e-9).mi == pytest.approx(2.0, abs=0.15)


@pytest.fixture
def bmi_folder(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    folder = tmp_path / "bmi"
    folder.mkdir()
    for name in ("one-thing", "other_thing-2"):
        np.savez(folder / f"1_{name}.npz", mi=0.25, **{side: rng.standard_normal((sum(bmi_samples.SIZES), 2)) for side in "xy"})
    monkeypatch.setenv("BMI_SAMPLES", str(folder))


def test_the_tasks_of_bmi_are_those_of_the_folder(bmi_folder):
    one, other = known_tasks.of_bmi()
    assert (one.name, other.name) == ("one-thing", "other_thing-2")
    x, y, truth = one.draw(1)
    assert x.shape == y.shape == (one.n, 2) == (5000, 2)
    assert truth == 0.25


def test_names_and_sizes_tell_tasks_apart_and_quick_is_part_of_full(bmi_folder, monkeypatch):
    monkeypatch.setattr(known_tasks, "zeros_and_ones", lambda source, pairs: (np.zeros((2 * pairs, 1)),) * 3)
    found = {}
    for profile in ("quick", "full"):
        tasks = [(task.name, task.n) for _, find in known_tasks.groups(profile, "") for task in find()]
        assert len(set(tasks)) == len(tasks)
        found[profile] = set(tasks)
    assert found["quick"] < found["full"]
    assert len(found["full"]) == 2 + 6 + 9 + 6


# ------------------------------------------------------------------ the run


def test_the_smoke_profile_leaves_readings_and_tables(tmp_path, bmi_folder):
    ours = "ksg1,lower bound,shared directions"  # the learned bound has tests of its own
    run = bench("--profile", "smoke", "--data", "digits", "--out", tmp_path, "--threads", 1, "--peers", ours)
    assert run.exit_code == 0, run.stderr
    readings = rows.read(tmp_path / "readings.jsonl", Reading)
    assert [one.program for one in readings[:3]] == ours.split(",")
    assert {one.group for one in readings} == {"bmi", "MNIST pairs", "1,000 columns: 2 shared", "high MI in 1+1"}
    for one in readings:
        assert one.status == "ok"
        assert one.seconds > 0
        assert one.commit
        assert one.cpu
        assert one.versions["numpy"] == np.__version__
        assert one.stderr is not None or one.program == "shared directions"  # of halves too small for one
        assert bool(one.verdict) == (one.program in ("ksg1", "shared directions"))
    assert run.stdout == (tmp_path / "readings.md").read_text() + "\n"
    assert "| larger of both |" in run.stdout


def test_a_run_resumes_and_other_programs_join(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(
        known,
        "OURS",
        {name: lambda sides, name=name: calls.append(name) or CHEAP["ksg1"](sides) for name in ("ksg1", "lower bound")},
    )
    settings = known.Settings(data="digits", peers=known.chosen("ksg1"))
    told = []
    known.run("smoke", settings, tmp_path, told.append)
    path = tmp_path / "readings.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))  # stopped before the last
    calls.clear()
    both = dataclasses.replace(settings, peers=known.chosen("ksg1,lower bound"))
    known.run("smoke", both, tmp_path, told.append)
    readings = rows.read(path, Reading)
    assert len({(one.task, one.program) for one in readings}) == len(readings) == 2 * 3
    assert calls.count("ksg1") == 2  # a warm-up and the one that was missing
    assert f"2 readings in {path} are kept; another --out makes them anew." in told


def test_what_is_not_here_is_left_out_and_named(tmp_path, monkeypatch):
    monkeypatch.setattr(known, "OURS", CHEAP | {"learned": CHEAP["ksg1"]})
    monkeypatch.setattr(known.importlib.util, "find_spec", lambda name: None)
    told = []
    known.run("smoke", known.Settings(data="no/such/folder"), tmp_path, told.append)
    assert "learned: left out. It needs Keras: python -m pip install 'ksg-mi[train]'" in told
    assert any(line.startswith("bmi: left out. BMI_SAMPLES= names no samples") for line in told)
    assert any(line.startswith("MNIST pairs: left out. data is 'no/such/folder'") for line in told)
    readings = rows.read(tmp_path / "readings.jsonl", Reading)
    assert {(one.group, one.program) for one in readings} == {("1,000 columns: 2 shared", "ksg1"), ("high MI in 1+1", "ksg1")}


def test_a_damaged_line_is_named(tmp_path):
    (tmp_path / "readings.jsonl").write_text('{"group": "bmi"}\n')
    with pytest.raises(InputError, match=r"readings.jsonl: line 1 is damaged"):
        known.run("smoke", known.Settings(), tmp_path, print)


def test_a_peer_reads_the_same_samples(tmp_path):
    x, y, _ = known_tasks.gaussian(300, 1.0, seed=1)
    np.savez(tmp_path / "samples.npz", x=x, y=y)
    found = known.by_peer("npeet-plus", sys.executable, tmp_path / "samples.npz", known.Settings())
    assert found["mi"] == pytest.approx(mutual_information(x, y).mi, abs=1e-6)
    assert found["version"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("import sys; sys.exit('no luck')", "failed: no luck"),
        ("import time; time.sleep(30)", "over 0.5 s"),
        ("print('words'); print('{\"mi\": NaN, \"seconds\": 1.0}')", "failed: its estimate is nan"),
    ],
)
def test_a_peer_that_fails_says_why(tmp_path, monkeypatch, content, status):
    program = tmp_path / "peer.py"
    program.write_text(content)
    monkeypatch.setattr(known_peers, "__file__", str(program))
    limit = 0.5 if status.startswith("over") else 60
    assert known.by_peer("bmi", sys.executable, tmp_path, known.Settings(limit=limit)) == {"status": status}


def test_a_program_that_there_is_not_gets_one_line(tmp_path):
    run = bench("--peers", "latenmi=python")
    assert run.exit_code == 2
    assert "--peers names 'latenmi': mi bench known takes ksg1, lower bound," in run.stderr
    assert "latentmi?" in run.stderr
    with pytest.raises(InputError, match=r"no/python, which --peers gives for bmi, cannot be run"):
        known.by_peer("bmi", "no/python", tmp_path, known.Settings())


@pytest.mark.parametrize("option", ["--k", "--npeet"])
def test_options_without_a_part_in_it_are_refused(option):
    run = bench(option, "3")
    assert run.exit_code == 2
    assert f"mi bench known takes no {option}: leave it out." in run.stderr


# ------------------------------------------------------------------ tables and the page


def reading(program, mi, truth=1.0, **facts):
    given = {"group": "some", "task": f"truth {truth}", "seed": 1, "n": 100, "dim_x": 2, "dim_y": 3, "threads": 1}
    return Reading(**{**given, "program": program, "mi": mi, "truth": truth, "seconds": 2.0, **facts})


READINGS = [
    reading("ksg1", 0.9, stderr=0.1, verdict="trust"),
    reading("lower bound", 0.8, stderr=0.2, kind="radii"),
    reading("ksg1", 1.0, truth=3.0, stderr=0.1, verdict="trust"),
    reading("lower bound", 2.5, truth=3.0, stderr=0.2, kind="directions"),
    reading("ksg1", 0.35, truth=0.0, stderr=0.1, verdict="not bits"),
    reading("lower bound", 0.3, truth=0.0, stderr=0.2),
    reading("slow", None, status="over 60 s", seconds=None),
]


def test_summaries_count_errors_the_worst_and_what_is_above():
    lines = known_report.summary(READINGS, "some").splitlines()[2:]
    assert lines == [
        "| ksg1 | 3 | 0.817 | -0.583 | -2.00: truth 3.0 | 1 of 3 | 2, 1 | 2 |",
        "| lower bound | 3 | 0.333 | -0.133 | -0.50: truth 3.0 | 0 of 3 |  | 2 |",
        "| larger of both | 3 | 0.317 | -0.083 | -0.50: truth 3.0 | 1 of 3 |  |  |",
        "| slow | 0 of 1 |  |  |  |  |  |  |",
    ]


def test_tables_have_a_line_for_each_task():
    lines = known_report.table(READINGS, "some").splitlines()
    assert lines[0] == "| task | samples, dimensions | truth | ksg1 | lower bound | larger of both | slow |"
    assert (
        lines[2] == "| truth 1.0 | 100, 2+3 | 1.00 | 0.90 +- 0.10 (trust) | 0.80 +- 0.20 (radii) | 0.90 +- 0.10 | over 60 s |"
    )
    assert lines[3] == "| truth 3.0 | 100, 2+3 | 3.00 | 1.00 +- 0.10 (trust) | 2.50 +- 0.20 (directions) | 2.50 +- 0.20 |  |"


def test_a_page_gets_the_tables_between_its_marks():
    page = "before\n<!-- summary: some -->\nold\n<!-- end -->\nbetween\n<!-- table: other -->\nkept\n<!-- end -->\n"
    found = known_report.filled(page, READINGS)
    assert found == page.replace("old\n", f"\n{known_report.summary(READINGS, 'some')}\n\n")
    assert known_report.filled(found, READINGS) == found


def test_the_picture_is_drawn(tmp_path):
    known_report.draw(READINGS, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_shows_the_kept_readings():
    readings = rows.read(known_report.RESULTS / known_report.READINGS, Reading)
    page = known_report.PAGE.read_text(encoding="utf-8")
    assert page == known_report.filled(page, readings), "run: mi bench report"
    for group in {one.group for one in readings}:
        for what in ("summary", "table"):
            assert f"<!-- {what}: {group} -->" in page
    assert (known_report.RESULTS / "readings.md").read_text(encoding="utf-8") == known_report.text(readings)
    assert len({(*one.samples, one.program) for one in readings}) == len(readings)
