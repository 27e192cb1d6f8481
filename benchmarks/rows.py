"""Record of each measurement: one row, one line of JSON."""

from __future__ import annotations

import dataclasses
import datetime
import json
import subprocess
from pathlib import Path
from typing import Any

from mi_core import machine
from mi_core.records import Record, read_content, record_from_json
from mi_core.whole_files import errors_named

REPOSITORY = Path(__file__).parent.parent


@dataclasses.dataclass(frozen=True)
class Row:
    """One task with one peer.

    `status` is "ok", "over N s" (stopped at the time limit), "missing: why", "failed: why" or "1+1 only". `seconds` is the
    median wall time of one estimate over `repeats`, after a warm-up whose time, compilation and loading included, stands in
    `warmup_seconds`. `peak_mib` is the peak resident memory of the whole process, data and libraries included. `mi` is the
    mean over `seeds` data sets, in nats, `spread` their standard deviation, `truth` the closed form where there is one.
    `counts_equal`: whether radius, n_x and n_y of sampled points equal a float64 NumPy reference exactly; null for programs
    that do not show them.
    """

    suite: str
    task: str
    kind: str
    n: int
    dim_x: int
    dim_y: int
    k: int
    dtype: str
    threads: int
    peer: str
    version: str
    status: str
    seconds: float | None = None
    seconds_min: float | None = None
    seconds_max: float | None = None
    repeats: int = 0
    warmup_seconds: float | None = None
    peak_mib: float | None = None
    mi: float | None = None
    spread: float | None = None
    seeds: int = 0
    truth: float | None = None
    counts_equal: bool | None = None
    backend: str = ""
    commit: str = ""
    cpu: str = ""
    gpu: str = ""
    cores: int = 0
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    date: str = ""


def circumstances() -> dict[str, Any]:
    """The part of a row that is the same for a whole run."""
    facts = machine.facts()
    return {
        "commit": commit(),
        "cpu": facts["cpu"],
        "gpu": facts.get("gpu", ""),
        "cores": facts["threads"],
        "versions": machine.versions(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def commit() -> str:
    """The commit that was measured, with "+" where files differed from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--abbrev=12"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return described.stdout.strip() or "unknown"


def append(path: Path, row: Any) -> None:
    """Add a record, a dataclass, as one line at once, so that a stopped run keeps what it measured."""
    with errors_named(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(dataclasses.asdict(row), allow_nan=False) + "\n")


def read(path: Path, kind: type[Record]) -> list[Record]:
    """All records of a file; an error names the line and the field that is damaged."""
    lines = read_content(path).splitlines()
    return [record_from_json(line, kind, f"{path}: line {number} is damaged") for number, line in enumerate(lines, start=1)]
