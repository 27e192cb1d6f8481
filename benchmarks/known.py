"""Readings of every program on the same samples of known MI: `mi bench known`.

    BMI_SAMPLES=FOLDER mi bench known --profile full --data MNIST --out MINE    # see `bmi_samples`
    mi bench known --profile full --peers latentmi=latentmi/bin/python --out MINE    # another program, see `known_peers`
    mi bench report    # docs/known-mi.md again from the kept rows

Each line of readings.jsonl is one reading: the estimate of one program on one draw of a task. Readings that exist are not
repeated, so that a stopped run resumes, and another program joins the earlier rows. Groups of tasks whose samples are missing
are left out and named, and so is the learned bound without Keras.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import known_peers, known_report, rows
from benchmarks.known_report import Reading
from benchmarks.known_tasks import Known, Profile, groups
from mi_core import InputError, MIResult, mutual_information
from mi_core.errors import did_you_mean
from mi_core.types import Samples

if TYPE_CHECKING:
    from mi_core.results import LowerBound

SEED = 1
WARMUP_SAMPLES = 400
DIRECTIONS = 8
Found = dict[str, Any]
"""Fields of a reading: `mi` and `seconds`, and what else there is to say."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a user can choose for a run.

    Attributes:
        data: The data set of the MNIST pairs, as the trainer takes it; empty for the folder in MI_DATA, or Keras's MNIST.
        threads: Threads of each program.
        limit: Seconds that one estimate of a peer may take.
        peers: Programs alone to be measured, each with the Python that runs it where it is a peer; none for all of ours.
    """

    data: str = ""
    threads: int = 2
    limit: float = 60.0
    peers: Mapping[str, str] = dataclasses.field(default_factory=dict)


# ------------------------------------------------------------------ our programs


@dataclasses.dataclass(frozen=True)
class Sides:
    """Samples of both sides, and what is asked of them more than once."""

    x: Samples
    y: Samples
    threads: int

    @property
    def few(self) -> str:
        """Shared directions: eight, or as many as the narrower side has columns."""
        return f"cca:{min(DIRECTIONS, self.x.shape[1], self.y.shape[1])}"

    @functools.cached_property
    def judged(self) -> MIResult:
        """Estimate from all columns and from few directions, each with its verdict."""
        return self.timed(diagnose=True, reduce=self.few)[0]

    def timed(self, **options: Any) -> tuple[MIResult, float]:
        """Estimate and processor seconds."""
        started = time.process_time()
        result = mutual_information(self.x, self.y, threads=self.threads, seed=SEED, **options)
        return result, time.process_time() - started


def ksg1(sides: Sides) -> Found:
    """Estimate and error bar, which are timed, and the verdict."""
    _, seconds = sides.timed()
    return {**of_result(sides.judged), "seconds": seconds}


def lower_bound(sides: Sides) -> Found:
    """Held-out bound; its seconds include those of ksg1 without an error bar."""
    result, seconds = sides.timed(error_bar=False, lower_bound=True)
    return {**of_bound(result.lower_bound), "seconds": seconds}


def shared_directions(sides: Sides) -> Found:
    """KSG in few directions fitted on the other half, and its verdict; its seconds are like those of the lower bound."""
    _, seconds = sides.timed(error_bar=False, reduce=sides.few)
    assert sides.judged.reduced is not None  # noqa: S101  for the type checker: no side is constant
    return {**of_result(sides.judged.reduced), "seconds": seconds}


def learned(sides: Sides) -> Found:
    """Bound of a critic of two small networks, on the samples that it was not trained on."""
    from trainer import learned_lower_bound

    started = time.process_time()
    bound = learned_lower_bound(sides.x, sides.y, seed=SEED)
    return {**of_bound(bound), "seconds": time.process_time() - started}


def of_result(result: MIResult) -> Found:
    """What an estimate says of itself."""
    return {
        "mi": result.mi,
        "stderr": result.stderr,
        "verdict": result.reliability.verdict if result.reliability else "",
        "ceiling": result.ceiling,
    }


def of_bound(bound: LowerBound | None) -> Found:
    """What a lower bound says of itself."""
    assert bound is not None  # noqa: S101  for the type checker: it was asked for
    return {"mi": bound.mi, "stderr": bound.stderr, "kind": bound.kind, "ceiling": bound.ceiling}


OURS: dict[str, Callable[[Sides], Found]] = {
    "ksg1": ksg1,
    "lower bound": lower_bound,
    "shared directions": shared_directions,
    "learned": learned,
}


def ready(tell: Callable[[str], None]) -> list[str]:
    """Our programs that can run here; what cannot is told."""
    if importlib.util.find_spec("keras") is not None:
        return list(OURS)
    tell("learned: left out. It needs Keras: python -m pip install 'ksg-mi[train]'")
    return [name for name in OURS if name != "learned"]


# ------------------------------------------------------------------ peers, each in the Python of its environment


def chosen(peers: str) -> dict[str, str]:
    """Programs from text like ksg1,latentmi=PYTHON; a peer without a Python runs in this one.

    Raises:
        InputError: There is no such program.
    """
    parts = [part.strip().partition("=") for part in peers.split(",") if part.strip()]
    named = {name: python or sys.executable for name, _, python in parts}
    everyone = [*OURS, *known_peers.PROGRAMS]
    for name in named:
        if name not in everyone:
            raise InputError(
                f"--peers names {name!r}: mi bench known takes {', '.join(everyone)}, each peer as NAME=PYTHON"
                f"{did_you_mean(name, everyone)}"
            )
    return named


def by_peer(name: str, python: str, samples: Path, settings: Settings) -> Found:
    """What a peer reads, or, in `status`, why nothing: a peer that fails does not stop the run."""
    threads = {name: str(settings.threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    try:
        finished = subprocess.run(
            [python, known_peers.__file__, name, str(samples), str(SEED)],
            env={**os.environ, **threads, "PYTHONPATH": ""},
            capture_output=True,
            text=True,
            check=False,
            timeout=settings.limit,
        )
    except subprocess.TimeoutExpired:
        return {"status": f"over {settings.limit:g} s"}
    except OSError as error:
        raise InputError(f"{python}, which --peers gives for {name}, cannot be run: {error.strerror}.") from error
    if finished.returncode != 0:
        complaint = finished.stderr.strip().splitlines() or [f"exit code {finished.returncode}"]
        return {"status": f"failed: {complaint[-1]}"}
    found: Found = json.loads(finished.stdout.splitlines()[-1])
    return found if np.isfinite(found["mi"]) else {"status": f"failed: its estimate is {found['mi']}"}


# ------------------------------------------------------------------ the run


def run(profile: Profile, settings: Settings, folder: Path, tell: Callable[[str], None]) -> str:
    """Make the readings that a folder has not yet, and give their tables.

    Args:
        profile: How many of the tasks, and how large.
        settings: What the user chose.
        folder: readings.jsonl and readings.md go here.
        tell: Called with a line on each reading, and on what is left out.

    Raises:
        InputError: The folder cannot be written to, or what is in it is damaged.
    """
    path = folder / known_report.READINGS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}.") from error
    kept = rows.read(path, Reading)
    done = {(reading.task, reading.n, reading.program) for reading in kept}
    tell(f"{len(kept)} readings in {path} are kept; another --out makes them anew.")
    circumstances = rows.circumstances()
    programs = list(settings.peers) or ready(tell)
    warm: set[Any] = set()
    for group, find in groups(profile, settings.data or default_data()):
        try:
            tasks = find()
        except InputError as error:
            tell(f"{group}: left out. {error}")
            continue
        for number, task in enumerate(tasks, start=1):
            wanted = [name for name in programs if (task.name, task.n, name) not in done]
            for reading in readings(task, wanted, settings, circumstances, warm):
                tell(f"[{group} {number}/{len(tasks)}] {task.name}: {known_report.line(reading)}")
                rows.append(path, reading)
    return known_report.write(rows.read(path, Reading), path.with_suffix(".md"))


def default_data() -> str:
    """The MNIST in MI_DATA, or the one that Keras downloads."""
    return f"{os.environ['MI_DATA']}/mnist" if os.environ.get("MI_DATA") else "mnist"


def readings(
    task: Known, programs: list[str], settings: Settings, circumstances: dict[str, Any], warm: set[Any]
) -> Iterator[Reading]:
    """What each program reads on one draw of a task; `warm` holds what has been compiled."""
    if not programs:
        return
    x, y, nats = task.draw(SEED)
    facts: dict[str, Any] = {"group": task.group, "task": task.name, "seed": SEED, "n": len(x)}
    facts |= {"dim_x": x.shape[1], "dim_y": y.shape[1], "truth": float(nats / np.log(2)), "threads": settings.threads}
    with tempfile.TemporaryDirectory() as scratch:
        samples = Path(scratch) / "samples.npz"
        if not OURS.keys() >= set(programs):
            np.savez(samples, x=x, y=y)
        sides = Sides(x, y, settings.threads)
        for name in programs:
            if name in OURS:
                if (compiled := (name, x.shape[1], y.shape[1], x.dtype)) not in warm:
                    OURS[name](Sides(x[:WARMUP_SAMPLES], y[:WARMUP_SAMPLES], settings.threads))
                    warm.add(compiled)
                found = OURS[name](sides)
            else:
                found = by_peer(name, settings.peers[name], samples, settings)
            yield Reading(**{**facts, "program": name, **circumstances, **found})
