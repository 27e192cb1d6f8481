"""Many runs, distributed over the workers of a Dask cluster: one on this machine, or an existing one.

Each run is one task and one run folder. A task whose worker dies is given to another worker, which continues the run from its
last checkpoint; a sweep that is started again skips the runs that are finished and continues the others.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import itertools
import logging
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mi_core import InputError, MIError, compiling
from mi_core.arguments import check_address
from mi_core.errors import first_line
from mi_core.threads import available_threads
from trainer import keras_loader
from trainer.config import Settings
from trainer.data import load_data
from trainer.run import RunFolder

if TYPE_CHECKING:
    from distributed import Client

DEATHS_OF_WORKERS = 5  # that one run may see before it is given up

Report = Callable[[str, "Outcome"], None]
"""Function called when a run ends, with its name and outcome."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Outcome of a run.

    Attributes:
        seconds: Wall time that the sweep spent on it; 0 if it was finished before.
        problem: Why it did not reach its last epoch; None if it did.
    """

    seconds: float = 0.0
    problem: str | None = None


def sweep(
    runs: Mapping[str, Settings],
    folder: str | Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    gpu: bool = False,
    report: Report | None = None,
) -> dict[str, Outcome]:
    """Train all runs, each into a folder of its name.

    Args:
        runs: Settings by name, in the order in which the runs are to start.
        folder: Folder that holds the runs' folders; workers on other machines must see it under the same path.
        workers: Processes on this machine; None for one per CPU or, with `gpu`, one per GPU.
        scheduler: Address of a Dask scheduler whose workers are used instead, "tcp://host:8786" or "tls://host:8786". This
            process unpickles what the scheduler sends, so it must be one to trust.
        gpu: Whether each run needs a GPU to itself: a worker's resource "GPU", as `dask worker --resources GPU=1` declares it.
        report: Called when a run ends.

    Returns:
        Outcome of each run, by name. A run that fails does not stop the others.

    Raises:
        InputError: A folder belongs to a run of other settings, the data cannot be used, or the scheduler has no suitable
            worker.
        BackendUnavailableError: The scheduler cannot be reached.
    """
    if importlib.util.find_spec("distributed") is None:
        raise InputError("sweeps need Dask: python -m pip install 'ksg-mi[reproduce]'")
    if scheduler is not None:
        check_address(scheduler)
    folder = Path(folder).resolve()
    outcomes: dict[str, Outcome] = {}
    for name, settings in runs.items():
        if is_finished(folder / name, settings):
            outcomes[name] = Outcome()
            if report is not None:
                report(name, outcomes[name])
    waiting = [name for name in runs if name not in outcomes]
    if not waiting:
        return outcomes
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise InputError(f"{folder} cannot be made: {problem.strerror}.") from problem
    keras_backend = keras_loader.choose_backend()
    keras_loader.load()
    for source in {runs[name].data for name in waiting}:
        load_data(source)  # here too: what is wrong with it is said once, and a download is made once

    from distributed import as_completed

    with _connected(workers, scheduler, gpu) as client:
        futures = {
            client.submit(
                train_one,
                runs[name].to_dict(),
                str(folder / name),
                keras_backend,
                key=f"{name}-{os.urandom(4).hex()}",
                priority=-place,
                resources={"GPU": 1} if gpu else None,
                pure=False,
            ): name
            for place, name in enumerate(waiting)
        }
        for future in as_completed(futures):
            name = futures[future]
            error: Exception | None = future.exception()
            outcomes[name] = Outcome(problem=_words(error)) if error is not None else Outcome(future.result())
            if report is not None:
                report(name, outcomes[name])
    return outcomes


def is_finished(folder: Path, settings: Settings) -> bool:
    """Whether the run in a folder has reached its last epoch.

    Raises:
        InputError: The folder belongs to a run of other settings.
    """
    run = RunFolder(folder)
    if not run.manifest_file.exists():
        return False
    wanted = settings.to_dict()
    for name, value in run.manifest().settings.to_dict().items():
        if value != wanted[name]:
            raise InputError(f"{folder} is a run with {name}={value!r}, not {wanted[name]!r}: name another folder.")
    return run.latest() == settings.epochs and run.model_file.exists()


def train_one(settings: Mapping[str, Any], folder: str, keras_backend: str) -> float:
    """Start a run, or continue it if it was begun, and return the seconds taken. Called in a worker."""
    started = time.perf_counter()
    keras_loader.choose_backend(keras_backend)
    keras_loader.load()
    import keras

    if keras.backend.backend() != keras_backend:
        raise InputError(f"the worker runs Keras on {keras.backend.backend()}, not {keras_backend}: set KERAS_BACKEND there.")
    from trainer.train import resume_run, start_run

    if not Path(folder).parent.is_dir():
        raise InputError(f"a worker does not see {Path(folder).parent}: name a folder that all machines share.")
    try:
        with compiling.no_note():  # every worker would write one between the sweep's own lines
            if RunFolder(folder).manifest_file.exists():
                resume_run(folder)
            else:
                start_run(Settings.from_dict(dict(settings)), folder)
    finally:
        keras.utils.clear_session()
    return time.perf_counter() - started


@contextlib.contextmanager
def _connected(workers: int | None, scheduler: str | None, gpu: bool) -> Iterator[Client]:
    """Client of the named scheduler, or of a cluster on this machine that ends with the block."""
    import dask
    from distributed import Client, SpecCluster

    with contextlib.ExitStack() as stack:
        if scheduler is None:
            gpus = visible_gpus() if gpu else []
            if gpu and not gpus:
                raise InputError("no NVIDIA GPU is visible here (nvidia-smi lists none): leave --gpu out.")
            settings = {
                "distributed.scheduler.allowed-failures": DEATHS_OF_WORKERS,
                "distributed.nanny.pre-spawn-environ": {},  # it trims memory so often that training takes half as long again
            }
            stack.enter_context(dask.config.set(settings))
            cluster = stack.enter_context(SpecCluster(**_local_cluster(workers, gpus)))
            client = stack.enter_context(Client(cluster))
        else:
            from mi_core.backends.cluster import client_of

            client = stack.enter_context(client_of(scheduler))
            found = client.scheduler_info(n_workers=-1)["workers"].values()
            if not any(not gpu or worker["resources"].get("GPU") for worker in found):
                what = (
                    "worker with the resource GPU: start one with dask worker --resources GPU=1" if gpu else "worker: start one"
                )
                raise InputError(f"the Dask scheduler at {scheduler} has no {what}.")
        yield client


def _local_cluster(workers: int | None, gpus: Sequence[str]) -> dict[str, Any]:
    """A scheduler and worker processes on this machine, for SpecCluster, with one thread or one GPU each."""
    from distributed import Nanny, Scheduler

    cpus = available_threads()
    places: list[str | None] = list(gpus[:workers]) or [None] * (workers or cpus)
    threads = str(max(1, cpus // len(places)))
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    environment = dict.fromkeys(limits, threads) | {"TF_NUM_INTEROP_THREADS": "1"}
    here = {"host": "127.0.0.1", "dashboard": False, "dashboard_address": "127.0.0.1:0"}
    specifications = {
        number: {
            "cls": Nanny,
            "options": here
            | {
                "nthreads": 1,
                "silence_logs": logging.CRITICAL,
                "memory_limit": 0,  # a network in training is not to be stopped for the memory it takes
                "env": environment if place is None else environment | {"CUDA_VISIBLE_DEVICES": place},
                "resources": {} if place is None else {"GPU": 1},
            },
        }
        for number, place in enumerate(places)
    }
    scheduler = {"cls": Scheduler, "options": here | {"port": 0}}
    return {"workers": specifications, "scheduler": scheduler, "silence_logs": logging.CRITICAL}


def visible_gpus() -> list[str]:
    """Indices of this machine's NVIDIA GPUs, as CUDA_VISIBLE_DEVICES lists them."""
    if (chosen := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return list(itertools.takewhile(lambda index: index and index != "-1", chosen.split(",")))
    try:
        listed = subprocess.run(
            ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return []
    return listed.stdout.split()


def _words(error: Exception) -> str:
    """Reason why a run failed, in one line."""
    if type(error).__name__ == "KilledWorker":
        return f"{DEATHS_OF_WORKERS + 1} workers died while they trained it, perhaps for lack of memory"
    return first_line(error) if isinstance(error, MIError | OSError) else f"{type(error).__name__}: {first_line(error)}"
