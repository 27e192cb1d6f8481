"""Sweeps on real Dask clusters: workers that die, sweeps that are started again, schedulers that are elsewhere."""

import dataclasses
import os
import re
import shutil
import signal
import threading
import time
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest
from distributed import KilledWorker, LocalCluster, Scheduler, SpecCluster, Worker, get_worker

from mi_core import BackendUnavailableError, InputError
from trainer import RunFolder, Settings, start_run
from trainer.sweep import Outcome, _local_cluster, _words, is_finished, sweep, train_one, visible_gpus

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
    alive = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    workers = [child for child in alive if "spawn_main" in " ".join(child.cmdline())]
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


def test_a_run_is_finished_once_it_has_all_epochs_and_its_model(swept, tmp_path):
    folder = tmp_path / "short"
    assert not is_finished(folder, SHORT)
    shutil.copytree(swept[0] / "short", folder)
    assert is_finished(folder, SHORT)
    RunFolder(folder).model_file.unlink()
    assert not is_finished(folder, SHORT)
    train_one(SHORT.to_dict(), str(folder), keras.backend.backend())
    assert is_finished(folder, SHORT)
    (checkpoint,) = RunFolder(folder).checkpoints.iterdir()
    checkpoint.unlink()
    assert not is_finished(folder, SHORT)


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


def test_only_workers_with_a_gpu_get_runs(tmp_path, monkeypatch):
    here = {"host": "127.0.0.1", "dashboard": False, "dashboard_address": "127.0.0.1:0"}
    workers = {
        name: {"cls": Worker, "options": here | {"nthreads": 1, "name": name, "resources": resources}}
        for name, resources in (("plain", {}), ("with a GPU", {"GPU": 1}))
    }
    monkeypatch.setattr("trainer.sweep.train_one", note_where)
    with SpecCluster(workers=workers, scheduler={"cls": Scheduler, "options": here | {"port": 0}}) as cluster:
        runs = dict.fromkeys("abcdef", SHORT)
        sweep(runs, tmp_path, scheduler=cluster.scheduler_address, gpu=True)
    assert {(tmp_path / name).read_text() for name in runs} == {"with a GPU"}


def note_where(settings, folder, keras_backend):
    """Stands in for `train_one`; leaves the name of the worker that was called."""
    Path(folder).write_text(get_worker().name)
    return 1.0


def test_runs_start_in_the_order_given(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.sweep.train_one", lambda settings, folder, keras_backend: time.sleep(0.02) or 1.0)
    told = []
    runs = dict.fromkeys("fbcaed", SHORT)
    sweep(runs, tmp_path, scheduler=cluster.scheduler_address, report=lambda name, outcome: told.append(name))
    assert told == list(runs)


def test_a_scheduler_that_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setattr("mi_core.backends.cluster.PATIENCE_SECONDS", 1)
    with pytest.raises(BackendUnavailableError, match=r"no Dask scheduler answers at tcp://127.0.0.1:1: "):
        sweep({"run": SHORT}, tmp_path, scheduler="tcp://127.0.0.1:1")


def test_a_scheduler_without_workers(tmp_path):
    with (
        SpecCluster(
            workers={}, scheduler={"cls": Scheduler, "options": {"host": "127.0.0.1", "port": 0, "dashboard": False}}
        ) as empty,
        pytest.raises(InputError, match=r"the Dask scheduler at tcp://.* has no worker: start one\.$"),
    ):
        sweep({"run": SHORT}, tmp_path, scheduler=empty.scheduler_address)


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


# What a worker finds


def test_a_folder_that_a_worker_does_not_see(tmp_path):
    with pytest.raises(InputError, match=r"a worker does not see .*/elsewhere: name a folder that all machines share"):
        train_one(SHORT.to_dict(), str(tmp_path / "elsewhere" / "run"), keras.backend.backend())


def test_a_worker_whose_keras_runs_on_something_else(tmp_path):
    with pytest.raises(
        InputError, match=rf"the worker runs Keras on {keras.backend.backend()}, not another: set KERAS_BACKEND"
    ):
        train_one(SHORT.to_dict(), str(tmp_path / "run"), "another")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InputError("digits have changed.\nmore"), "digits have changed."),
        (OSError("No space left on device"), "No space left on device"),
        (ValueError("of Keras\nmore"), "ValueError: of Keras"),
        (KilledWorker("run", None, []), "6 workers died while they trained it, perhaps for lack of memory"),
    ],
)
def test_why_a_run_failed_is_one_line(error, words):
    assert _words(error) == words


# Workers on this machine


@pytest.mark.parametrize(("workers", "threads"), [(None, [1] * 8), (1, [8]), (3, [2] * 3), (20, [1] * 20)])
def test_workers_share_the_processors(workers, threads, monkeypatch):
    monkeypatch.setattr("trainer.sweep.available_threads", lambda: 8)
    found = [worker["options"] for worker in _local_cluster(workers, [])["workers"].values()]
    assert [int(worker["env"]["NUMBA_NUM_THREADS"]) for worker in found] == threads
    assert {(worker["nthreads"], len(worker["resources"]), "CUDA_VISIBLE_DEVICES" in worker["env"]) for worker in found} == {
        (1, 0, False)
    }


@pytest.mark.parametrize(("workers", "gpus"), [(None, ["0", "2", "3"]), (2, ["0", "2"])])
def test_each_worker_has_a_gpu_of_its_own(workers, gpus):
    found = [worker["options"] for worker in _local_cluster(workers, ["0", "2", "3"])["workers"].values()]
    assert [worker["env"]["CUDA_VISIBLE_DEVICES"] for worker in found] == gpus
    assert [worker["resources"] for worker in found] == [{"GPU": 1}] * len(gpus)


@pytest.mark.parametrize(("gpu", "gpus"), [(True, ["0", "1"]), (False, [])])
def test_gpus_are_handed_out_only_where_asked_for(gpu, gpus, tmp_path, monkeypatch):
    def stop(workers, found):
        raise InputError(f"{found}")

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr("trainer.sweep._local_cluster", stop)
    with pytest.raises(InputError, match=f"^{re.escape(str(gpus))}$"):
        sweep({"run": SHORT}, tmp_path, gpu=gpu)


@pytest.mark.parametrize(("chosen", "gpus"), [("", []), ("-1", []), ("2", ["2"]), ("0,2", ["0", "2"]), ("0,-1,2", ["0"])])
def test_gpus_that_a_variable_chooses(chosen, gpus, monkeypatch):
    """As CUDA has it: those before the first that does not exist."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert visible_gpus() == gpus


@pytest.mark.parametrize(
    ("script", "gpus"), [("echo 0; echo 1", ["0", "1"]), ("echo No devices were found; exit 6", []), (None, [])]
)
def test_gpus_that_nvidia_smi_lists(script, gpus, tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    if script is not None:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    assert visible_gpus() == gpus
