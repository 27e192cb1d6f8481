"""One table of everything that the runs of a reproduction measured."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from mi_core import InputError
from mi_core.files import whole_file
from trainer.config import Settings
from trainer.run import RunFolder
from trainer.table import Row

PARQUET = "results.parquet"
FIRST_AND_LAST = {("first", "last"): "after", ("first", "last_before_sum"): "before"}

SCHEMA: dict[str, Any] = {
    "run": pl.String,  # name of the run's folder
    "arch": pl.String,
    "width": pl.Int64,
    "hidden": pl.Int64,
    "batch_size": pl.Int64,  # null for the whole training set, one update an epoch
    "seed": pl.Int64,
    "epoch": pl.Int64,  # epochs trained before the measurement
    "updates": pl.Int64,  # of the weights, before the measurement
    "bn": pl.String,  # "inference" or "batch": statistics of batch normalisation while measuring
    "sum": pl.String,  # last layer "after" or "before" the sum; a network without one has the same row under both
    "k": pl.Int64,
    "mi": pl.Float64,  # between the first and the last hidden layer; null where it could not be measured
    "stderr": pl.Float64,
    "null": pl.Float64,  # MI with shuffled pairing; null where not measured
    "ceiling": pl.Float64,
    "units": pl.String,
    "n_samples": pl.Int64,
    "dim_x": pl.Int64,
    "dim_y": pl.Int64,
    "error": pl.Float64,  # share of wrong labels on the measured set, with the same statistics
    "loss": pl.Float64,  # of training, in the epoch before
    "seconds": pl.Float64,
    "notes": pl.String,
}


def collect(folder: str | Path) -> pl.DataFrame:
    """The rows of all runs in a folder, one per run, epoch, reading and k, in the order of these.

    Args:
        folder: With a run folder for each run, as `trainer.sweep` leaves them, finished or not.

    Raises:
        InputError: There is no run in it, or a run is damaged.
    """
    folder = Path(folder)
    runs = [RunFolder(path.parent) for path in sorted(folder.glob("*/manifest.json"))]
    rows = [row for run in runs for row in _rows(run)]
    if not rows:
        raise InputError(f"{folder} has no runs with measurements in it: name a folder of mi reproduce, or one of runs.")
    return pl.DataFrame(rows, schema=SCHEMA).sort("run", "epoch", "bn", "sum", "k")


def manifests(folder: str | Path) -> list[dict[str, Any]]:
    """Those of all runs in a folder."""
    return [RunFolder(path.parent).manifest() for path in sorted(Path(folder).glob("*/manifest.json"))]


def write_settings(manifests: Sequence[Mapping[str, Any]], folder: str | Path) -> Path:
    """Write settings.json: what is the same in all manifests, machine and versions among it."""
    path = Path(folder) / "settings.json"
    with whole_file(path) as file:
        file.write((json.dumps(dict(shared(manifests)), indent=2) + "\n").encode())
    return path


def write(table: pl.DataFrame, folder: str | Path) -> list[Path]:
    """Write results.parquet and results.csv, each whole or not at all."""
    parquet, csv = Path(folder) / PARQUET, Path(folder) / "results.csv"
    with whole_file(parquet) as file:
        table.write_parquet(file)
    with whole_file(csv) as file:
        table.write_csv(file, float_precision=6)
    return [parquet, csv]


def read(folder: str | Path) -> pl.DataFrame:
    """The table that `write` left in a folder.

    Raises:
        InputError: It is not there, or it is no such table.
    """
    path = Path(folder) / PARQUET
    if not path.is_file():
        raise InputError(f"{folder} has no {PARQUET}: name a folder that mi reproduce wrote.")
    try:
        return pl.read_parquet(path).match_to_schema(pl.Schema(SCHEMA))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path} is damaged or no table of results: {error}") from error


def _rows(run: RunFolder) -> Iterator[dict[str, Any]]:
    manifest = run.manifest()
    settings = Settings.from_dict(manifest["settings"])
    batches = 1 if settings.batch_size is None else math.ceil(manifest["data"]["n_train"] / settings.batch_size)
    has_sum = ("first", "last_before_sum") in settings.layers
    for row in run.table.rows():
        for place in _places(row, has_sum):
            yield {
                "run": run.path.name,
                "arch": settings.arch,
                "width": settings.width,
                "hidden": settings.hidden,
                "batch_size": settings.batch_size,
                "seed": settings.seed,
                "updates": row.epoch * batches,
                "sum": place,
                "loss": row.logs.get("loss"),
                "notes": " ".join(row.notes),
            } | {name: getattr(row, name) for name in AS_MEASURED}


AS_MEASURED = (
    "epoch",
    "bn",
    "k",
    "mi",
    "stderr",
    "null",
    "ceiling",
    "units",
    "n_samples",
    "dim_x",
    "dim_y",
    "error",
    "seconds",
)


def _places(row: Row, has_sum: bool) -> Iterable[str]:
    """Under which readings of "last layer" a row counts."""
    place = FIRST_AND_LAST.get((row.x, row.y))
    if place is None:
        return ()
    return (place,) if has_sum else ("after", "before")


def shared(manifests: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Name and value of all that is the same in every manifest, in the order in which it stands there."""
    first, *others = [dict(_flat(manifest)) for manifest in manifests] or [{}]
    return [(name, value) for name, value in first.items() if all(other.get(name) == value for other in others)]


def _flat(record: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, value if isinstance(value, str) else json.dumps(value)
