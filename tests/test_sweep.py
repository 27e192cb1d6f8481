"""Sweeps on real Dask clusters: workers that die, sweeps that are started again, schedulers that are elsewhere."""

import dataclasses
import os
import signal
import threading
import time

import numpy as np
import psutil
import pytest
from distributed import LocalCluster

from mi_core import InputError
from trainer import RunFolder, Settings, start_run
from trainer.sweep import Outcome, sweep

ALL_EPOCHS = tuple(range(0, 61, 20))
LONG = Settings(
    arch="shortcut",
    width=4,
    hidden=3,
    data="digits",
    epochs=60,
    every=ALL_EPOCHS,
    samples=100,
    null_every=0,
    layers=(("first", "last"),),
)
SHORT = dataclasses.replace(LONG, epochs=1, every=1, hidden=2, arch="mlp")
RUNS = {"one": LONG, "two": dataclasses.replace(LONG, seed=1), "short": SHORT}


def kill_a_worker_in_its_run(folder, killed):
    """Kill -9 a worker process once the run in `folder` is under way."""
    deadline = time.monotonic() + 300
    while RunFolder(folder).latest() < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    workers = [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]
    inner = [grandchild for worker in workers for grandchild in worker.children()] or workers
    for process in inner:
        process.send_signal(signal.SIGKILL)
        killed.append(RunFolder(folder).latest())


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep over two worker processes, each of which is killed once: its folder, what was told, and when it was killed."""
    folder, told, killed = tmp_path_factory.mktemp("sweep"), [], []
    killer = threading.Thread(target=kill_a_worker_in_its_run, args=(folder / "one", killed))
    killer.start()
    outcomes = sweep(RUNS, folder, workers=2, report=lambda name, outcome: told.append((name, outcome)))
    killer.join()
    assert dict(told) == outcomes
    return folder, told, killed


def test_killed_workers_cost_no_row(swept, tmp_path):
    folder, told, killed = swept
    assert len(killed) == 2
    assert min(killed) < LONG.epochs
    assert {name for name, outcome in told if outcome.problem is None and outcome.seconds > 0} == set(RUNS)
    for name in ("one", "two"):
        run = RunFolder(folder / name)
        assert run.latest() == LONG.epochs
        assert [(row.epoch, row.bn) for row in run.table.rows()] == [(epoch, "inference") for epoch in ALL_EPOCHS]
    losses = [
        [row.logs.get("loss", 0.0) for row in run.table.rows()]
        for run in (start_run(LONG, tmp_path / "r"), RunFolder(folder / "one"))
    ]
    np.testing.assert_allclose(*losses, rtol=1e-4)  # workers have fewer threads, which may round otherwise


def test_a_second_start_trains_nothing_again(swept):
    folder, _, _ = swept
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    told = []
    sweep(RUNS, folder, workers=2, report=lambda name, outcome: told.append((name, outcome)))
    assert told == [(name, Outcome()) for name in RUNS]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_folder_of_other_settings_is_refused(swept):
    folder, _, _ = swept
    with pytest.raises(InputError, match=r"short is a run with width=4, not 5: name another folder"):
        sweep({"short": dataclasses.replace(SHORT, width=5)}, folder)


@pytest.fixture(scope="module")
def cluster():
    """A scheduler that is there already, with one worker, in this process, that has no GPU."""
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster


def test_a_scheduler_that_is_there_already(cluster, tmp_path):
    """One run fails, of a folder that is not its own; the other is trained all the same."""
    (tmp_path / "runs" / "taken").mkdir(parents=True)
    (tmp_path / "runs" / "taken" / "letter.txt").write_text("mine")
    outcomes = sweep({"taken": SHORT, "good": SHORT}, tmp_path / "runs", scheduler=cluster.scheduler_address)
    assert outcomes["good"].problem is None
    assert "has other files in it" in outcomes["taken"].problem
    assert RunFolder(tmp_path / "runs" / "good").latest() == 1


def test_data_that_cannot_be_used_are_told_of_once(tmp_path):
    lost = dataclasses.replace(SHORT, data=str(tmp_path / "lost.npz"))
    with pytest.raises(InputError, match=r"lost.npz', which is neither a file nor a folder"):
        sweep({"one": lost, "two": dataclasses.replace(lost, seed=1)}, tmp_path / "runs")


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/runs cannot be made: Not a directory"):
        sweep({"run": SHORT}, tmp_path / "file" / "runs")


def test_no_worker_with_a_gpu(cluster, tmp_path):
    with pytest.raises(InputError, match=r"has no worker with the resource GPU: start one with dask worker --resources GPU=1"):
        sweep({"run": SHORT}, tmp_path, scheduler=cluster.scheduler_address, gpu=True)


def test_a_worker_with_a_gpu_gets_the_run(tmp_path):
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        dashboard_address="127.0.0.1:0",
        resources={"GPU": 1},
    ) as cluster:
        assert sweep({"run": SHORT}, tmp_path, scheduler=cluster.scheduler_address, gpu=True)["run"].problem is None


def test_a_scheduler_that_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.sweep.SECONDS_TO_CONNECT", 1)
    with pytest.raises(InputError, match=r"no Dask scheduler answers at tcp://127.0.0.1:1: "):
        sweep({"run": SHORT}, tmp_path, scheduler="tcp://127.0.0.1:1")


def test_no_gpu_here(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(InputError, match="no NVIDIA GPU is visible here"):
        sweep({"run": SHORT}, tmp_path, gpu=True)


def test_dask_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"sweeps need Dask: python -m pip install 'ksg-mi\[reproduce\]'"):
        sweep({"run": SHORT}, tmp_path)


def test_the_environment_is_as_before(swept):
    assert "NUMBA_NUM_THREADS" not in os.environ
