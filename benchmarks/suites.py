"""Tasks and peers of each suite and profile."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from benchmarks import report, rows
from benchmarks.measure import Job, row
from benchmarks.peers import OTHERS, OURS
from benchmarks.tasks import Task
from mi_core import InputError

Suite = Literal["speed", "accuracy", "scaling", "hard"]
Profile = Literal["smoke", "quick", "full"]

REAL = (("mlp_w100", 200, 200), ("relu_w50", 100, 100), ("shortcut_w25", 50, 50))


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a user can choose for a run."""

    k: int = 3
    threads: int = 2
    dtype: str = "float32"
    limit: float = 60.0
    path: str = ""
    activations: str = ""
    peers: tuple[str, ...] = ()


def run(suite: Suite, profile: Profile, settings: Settings, folder: Path, tell: Callable[[str], None]) -> str:
    """Measure a suite, keep rows, table and pictures in a folder, and give the table.

    Args:
        suite: Name of the suite.
        profile: How much of it.
        settings: What the user chose.
        folder: SUITE-PROFILE.jsonl, .md, .png and .svg go here.
        tell: Called with a line before and after each measurement.

    Raises:
        InputError: The folder cannot be written to.
    """
    stem = folder / f"{suite}-{profile}"
    lines = stem.with_suffix(".jsonl")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lines.write_text("", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}.") from error
    everything = list(jobs(suite, profile, settings))
    circumstances = rows.circumstances()
    for number, job in enumerate(everything, start=1):
        tell(f"[{number}/{len(everything)}] {job.task.name}, {job.peer}")
        measured = row(job, circumstances)
        rows.append(lines, measured)
        tell(f"    {measured.status}" if measured.seconds is None else f"    {measured.seconds:.3g} s")
    return report.write(rows.read(lines, rows.Row), stem)


def jobs(suite: Suite, profile: Profile, settings: Settings) -> Iterator[Job]:
    """All measurements of a suite, in the order in which they are made: the peers of one task follow each other."""
    tasks, seeds = TASKS[suite](profile, settings.activations)
    for task in tasks:
        for peer in peers_for(suite, settings):
            yield Job(
                suite=suite,
                task=task,
                peer=peer,
                k=settings.k,
                threads=settings.threads,
                dtype=settings.dtype,
                seeds=seeds,
                limit=settings.limit,
                path=settings.path,
            )


def peers_for(suite: Suite, settings: Settings) -> Sequence[str]:
    """Every program for speed; one way of ours, and the others, for accuracy; one way of ours alone for scaling."""
    if settings.peers:
        return settings.peers
    if suite == "scaling":
        return ["mi auto"]
    if suite == "hard":
        return ["mi auto", "mi cpu-brute", "scipy cdist by hand"]
    ours = OURS if suite == "speed" else OURS[:1]
    return [peer.name for peer in (*ours, *OTHERS)]


def speed(profile: Profile, activations: str) -> tuple[list[Task], int]:
    """From 1+1 to 784+200 dimensions, on data that pruning likes and on data that it does not."""
    if profile == "smoke":
        return [Task("correlated", 300, 1, 1), Task("activations", 200, 20, 20)], 1
    tasks = [Task("correlated", 1_000, 1, 1), Task("correlated", 10_000, 1, 1), Task("correlated", 100_000, 1, 1)]
    tasks += [Task("correlated", 10_000, 3, 3), Task("correlated", 10_000, 10, 10)]
    tasks += [Task(kind, 10_000, 50, 50) for kind in ("activations", "relu", "gaussian")]
    tasks += [Task(kind, 10_000, 200, 200) for kind in ("activations", "gaussian")]
    tasks += real(activations)
    if profile == "full":
        tasks += [Task("correlated", 1_000_000, 1, 1), Task("correlated", 100_000, 3, 3), Task("correlated", 100_000, 5, 5)]
        tasks += [Task(kind, 10_000, 784, 200) for kind in ("activations", "gaussian")]
        tasks += [Task(kind, 60_000, 200, 200) for kind in ("activations", "gaussian")]
    return tasks, 1


def real(folder: str) -> list[Task]:
    """Layers of trained networks, where the user has them."""
    paths = [(Path(folder) / name, dim_x, dim_y) for name, dim_x, dim_y in REAL if folder]
    return [Task("real", 10_000, dim_x, dim_y, str(path)) for path, dim_x, dim_y in paths if Path(f"{path}_first.npy").exists()]


def accuracy(profile: Profile, activations: str) -> tuple[list[Task], int]:
    """Tasks with known mutual information, over several data sets each."""
    if profile == "smoke":
        return [Task("correlated", 200, 1, 1)], 2
    kinds = ("gaussian", "correlated", "strongly correlated")
    tasks = [Task(kind, 1000, dim, dim) for dim in (1, 3, 10) for kind in kinds]
    tasks += [Task("gamma-exponential", 1000, 1, 1), Task("disjoint squares", 1000, 1, 1)]
    if profile == "full":
        tasks += [Task("correlated", 10_000, dim, dim) for dim in (1, 3, 10, 50)]
    return tasks, 20 if profile == "full" else 5


def scaling(profile: Profile, activations: str) -> tuple[list[Task], int]:
    """Growing numbers of samples at fixed dimensions, and growing dimensions at 10,000 samples."""
    if profile == "smoke":
        return [Task("correlated", n, 1, 1) for n in (200, 400)] + [Task("gaussian", 300, dim, dim) for dim in (20, 40)], 1
    tasks = [Task("correlated", n, 1, 1) for n in (1_000, 10_000, 100_000, 1_000_000)]
    tasks += [Task("correlated", n, 3, 3) for n in (1_000, 10_000, 100_000)]
    tasks += [Task(kind, n, 200, 200) for kind in ("activations", "gaussian") for n in (2_500, 5_000, 10_000, 20_000)]
    tasks += [Task(kind, 10_000, dim, dim) for kind in ("activations", "gaussian") for dim in (20, 50, 100, 200, 400)]
    if profile == "full":
        tasks += [Task("correlated", 3_000_000, 1, 1), Task("correlated", 300_000, 3, 3)]
        tasks += [Task(kind, 60_000, 200, 200) for kind in ("activations", "gaussian")]
    return list(dict.fromkeys(tasks)), 1


def hard(profile: Profile, activations: str) -> tuple[list[Task], int]:
    """Data on which pruning cannot help, or bounds lose their grip: beside brute force."""
    n, dims = (300, (20,)) if profile == "smoke" else (10_000, (5, 20, 100))
    kinds = ("gaussian", "one outlier", "constant columns", "few places", "relu", "denormals")
    return [Task(kind, n, dim, dim) for dim in dims for kind in kinds], 1


TASKS = {"speed": speed, "accuracy": accuracy, "scaling": scaling, "hard": hard}
