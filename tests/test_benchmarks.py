"""The benchmark suite runs from task to picture, and its rows say what happened."""

import dataclasses
import json
import time

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import around, first_use, large, many, measure, report, rows, suites
from benchmarks.peers import PEERS, Peer
from benchmarks.tasks import KINDS, Task, convolved
from cli.main import app
from mi_core import mutual_information

JOB = measure.Job(
    "speed", Task("correlated", 300, 1, 1), "mi auto", k=3, threads=1, dtype="float32", seeds=1, limit=30.0, path=""
)


def bench(*arguments):
    return CliRunner().invoke(app, ["bench", *map(str, arguments)])


@pytest.mark.parametrize("suite", suites.TASKS)
def test_the_smoke_profile_leaves_rows_a_table_and_pictures(suite, tmp_path):
    run = bench(suite, "--profile", "smoke", "--out", tmp_path, "--peers", "mi auto,npeet-plus")
    assert run.exit_code == 0
    measured = rows.read(tmp_path / f"{suite}-smoke.jsonl", rows.Row)
    assert len(measured) == 2 * len(suites.TASKS[suite]("smoke", "")[0])
    for row in measured:
        assert row.status == "ok"
        assert row.seconds_min <= row.seconds <= row.seconds_max
        assert row.commit
        assert 20 < row.peak_mib < 2000
        assert row.versions["numpy"] == np.__version__
    assert all(row.counts_equal for row in measured if row.peer == "mi auto")
    by_task = {(row.task, row.peer): row.mi for row in measured}
    if suite == "hard":  # ties, where the noise of npeet-plus matters, 1e-10
        return
    for (task, _), mi in by_task.items():
        assert by_task[task, "npeet-plus"] == pytest.approx(mi, abs=0.01)
    assert run.stdout.startswith("| task | mi auto | npeet-plus |")
    for ending in (".md", ".png", ".svg"):
        assert (tmp_path / f"{suite}-smoke{ending}").stat().st_size > 100


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_that_is_here_agrees(name):
    peer = PEERS[name]
    if reason := peer.missing():
        pytest.skip(reason)
    x, y = Task("correlated", 400, 1, 1).samples(seed=0)
    off = 0.1 if name == "libKSG" else 1e-6  # it sorts one side only
    assert peer.estimate(x, y, 3, 1) == pytest.approx(mutual_information(x, y, units="nats").mi, abs=off)
    if not peer.one_dimension_only:
        x, y = Task("correlated", 300, 3, 3).samples(seed=0)
        assert peer.estimate(x, y, 3, 2) == pytest.approx(mutual_information(x, y, units="nats").mi, abs=1e-6)


def test_a_peer_over_its_time_limit_is_stopped_and_said_so():
    slow = dataclasses.replace(JOB, task=Task("gaussian", 20_000, 30, 30), peer="scipy cdist by hand", limit=0.2)
    started = time.monotonic()
    row = measure.row(slow, {})
    assert row.status == "over 0.2 s"
    assert row.seconds is None
    assert time.monotonic() - started < 30


def test_a_missing_peer_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setitem(PEERS, "nothing", Peer("nothing", "no_such_module", "no-such-thing", lambda *_: 0.0))
    row = measure.row(dataclasses.replace(JOB, peer="nothing"), {})
    assert row.status == "missing: no module no_such_module; python -m pip install no-such-thing"
    assert "Not measured: nothing: missing: no module no_such_module" in report.table([row])


def test_a_peer_that_fails_leaves_its_last_words():
    row = measure.row(dataclasses.replace(JOB, k=300), {})
    assert row.status.startswith("failed: mi_core.errors.InputError: x has 300 samples and k=300")


def test_wrong_counts_would_be_seen(monkeypatch):
    x, y = JOB.task.samples(0)
    peer = PEERS["mi cpu-brute"]
    assert measure.counts(peer, x, y, JOB)["counts_equal"]
    import mi_core

    right = mi_core.neighbour_counts
    monkeypatch.setattr(
        mi_core, "neighbour_counts", lambda *args, **kw: dataclasses.replace(r := right(*args, **kw), n_x=r.n_x + 1)
    )
    assert not measure.counts(peer, x, y, JOB)["counts_equal"]


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_have_the_sizes_asked_for_and_a_seed(kind):
    dims = (1, 1) if kind in ("gamma-exponential", "disjoint squares") else (50, 50)
    x, y = Task(kind, 64, *dims).samples(1)
    assert (x.shape, y.shape, x.dtype) == ((64, dims[0]), (64, dims[1]), np.float32)
    again, other = Task(kind, 64, *dims).samples(1)[0], Task(kind, 64, *dims).samples(2)[0]
    np.testing.assert_array_equal(x, again)
    assert np.any(x != other)


def test_real_layers_are_read_from_their_folder(tmp_path):
    for layer in ("first", "last"):
        np.save(tmp_path / f"mlp_w100_{layer}.npy", np.zeros((10_000, 200), np.float32))
    (task,) = suites.real(str(tmp_path))
    assert task.name == "mlp_w100 200+200, N=10,000"
    assert task.samples(0)[0].shape == (10_000, 200)


def test_rows_survive_the_file(tmp_path):
    row = rows.Row(
        "speed", "t", "gaussian", 10, 1, 1, 3, "float32", 2, "mi auto", "0", "ok", seconds=1.5, **rows.circumstances()
    )
    rows.append(tmp_path / "rows.jsonl", row)
    assert rows.read(tmp_path / "rows.jsonl", rows.Row) == [row]
    assert json.loads((tmp_path / "rows.jsonl").read_text())["seconds"] == 1.5


def test_bad_arguments_get_one_line(tmp_path):
    run = bench("speed", "--peers", "nobody", "--out", tmp_path)
    assert run.exit_code == 2
    assert run.stderr.startswith("mi: --peers names 'nobody': it must be one of mi auto")
    (tmp_path / "file").write_text("")
    run = bench("speed", "--profile", "smoke", "--out", tmp_path / "file")
    assert run.exit_code == 2
    assert "cannot be written" in run.stderr


@pytest.mark.parametrize("name", ["coverage", "verdicts", "wide-layers", "report", "gpu", "kernels"])
@pytest.mark.parametrize("option", ["--profile smoke", "--peers NPEET", "--limit 3"])
def test_benchmarks_of_their_own_tasks_take_no_options_of_suites(name, option):
    run = bench(name, *option.split())
    assert run.exit_code == 2
    assert run.stderr == f"mi: mi bench {name} takes no {option.split()[0]}: leave it out.\n"


def test_a_benchmark_of_its_own_tasks_runs(tmp_path, monkeypatch):
    from benchmarks import calibration

    monkeypatch.setitem(calibration.SUITES, "coverage", (lambda: calibration.coverage(runs=2), calibration.plain_table))
    run = bench("coverage", "--out", tmp_path)
    assert run.exit_code == 0
    assert "| Gaussian 1+1, rho 0.6, N=300 | 2 |" in run.stdout
    assert len((tmp_path / "coverage.jsonl").read_text().splitlines()) == 8


def test_a_first_run_compiles_and_the_next_does_not():
    (row,) = first_use.first_use(settings=((60, 1),), repeats=1)
    assert row["setting"] == "1+1, N=60"
    assert row["kernels"] > 1
    assert row["first run"] > row["compiling"] > 10 * row["loading"] > 0
    assert row["first run"] > row["run again"]


def test_seconds_and_memory_of_one_size():
    (row,) = large.large(tasks=(Task("correlated", 300, 2, 2),))
    assert (row["setting"], row["backend"]) == ("correlated 2+2, N=300", "cpu-tree")
    assert 0 < row["processor"] < 10
    assert row["peak MiB"] > 50


def test_every_benchmark_is_a_name_of_the_command():
    from typing import get_args

    from benchmarks.programs import PROGRAMS
    from cli.bench import Program, Suite

    assert set(get_args(Program)) == set(PROGRAMS)
    assert set(get_args(Suite)) == set(suites.TASKS)


def test_ratios_are_those_of_the_seconds_beside_them():
    (of_orders,) = many.orders((Task("correlated", 200, 1, 1),), repeats=1)
    assert of_orders["six k in k=3"] == of_orders["six k"] / of_orders["k=3"]
    assert of_orders["k=50 in k=3"] == of_orders["k=50"] / of_orders["k=3"]
    (of_ranking,) = many.rankings(((200, 3),), repeats=1)
    for threads in ("1 thread", "2 threads"):
        assert of_ranking[f"ratio, {threads}"] == of_ranking[f"scikit-learn, {threads}"] / of_ranking[f"mi, {threads}"]
    narrow, wide = around.around((Task("gaussian", 200, 2, 2), Task("gaussian", 100, 600, 600)), repeats=1)
    assert narrow["in estimates, too"] == narrow["verdict"] / narrow["one estimate"] > 1
    assert wide["verdict"] is wide["in estimates, too"] is None


def test_least_is_that_of_the_calls_after_the_first():
    times = iter([0.0, 0.001, 1.0, 3.0, 5.0, 8.0])
    calls = []
    found = many.least(2, lambda *some, **more: calls.append((some, more)), 1, clock=lambda: next(times), a=2)
    assert found == 2.0
    assert calls == [((1,), {"a": 2})] * 3


def test_feature_maps_are_convolutions_of_images_and_of_each_other():
    x, y = Task("feature maps", 3, 8 * 25, 8 * 25).samples(0)
    assert x.shape == y.shape == (3, 200)
    assert x.min() == y.min() == 0
    rng = np.random.default_rng(1)
    images = rng.standard_normal((2, 1, 5, 5))
    weights = np.random.default_rng(2).standard_normal((4, 1, 9)) / 3
    expected = np.zeros((2, 4, 5, 5))
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    for row in range(5):
        for column in range(5):
            window = padded[:, 0, row : row + 3, column : column + 3].reshape(2, 9)
            expected[:, :, row, column] = np.maximum(window @ weights[:, 0].T, 0)
    np.testing.assert_allclose(convolved(images, 4, np.random.default_rng(2)), expected, atol=1e-12)
