"""One table of everything that the runs of a reproduction measured."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args, get_type_hints

import polars as pl

from mi_core import InputError
from mi_core.errors import first_line
from mi_core.options import Standardize, Units
from mi_core.records import read_content, record_from_json, record_from_plain
from mi_core.text import as_cell, printable
from mi_core.whole_files import whole_file
from trainer.config import Arch, Settings, Statistics
from trainer.run import RunFolder
from trainer.table import Amount, Count, Dimension, Finite, Positive, Row, Seconds, Share, Spread

PARQUET = "results.parquet"
DIGITS = 12  # of checksums
OF_PLACES = ("machine.", "versions.")  # may differ from run to run, and are to be known all the same
SEVERAL = " | "  # between the values of several machines, versions, starts
NETWORK = ("arch", "width", "hidden", "batch_size", "momentum", "seed")  # tell runs apart in figures and verdicts
NOT_SHOWN = ("activation", "init", "residual", "learning_rate", "measured_set", "samples", "reduce")  # settings that do not
FIRST_AND_LAST = {("first", "last"): "after", ("first", "last_before_sum"): "before"}


@dataclasses.dataclass(frozen=True)
class Result:
    """A row of the table, one of a run's rows under one reading of "last layer"."""

    run: str  # name of the run's folder
    arch: Arch
    width: Positive
    hidden: Positive
    batch_size: Positive | None  # null for the whole training set, one update an epoch
    momentum: Share  # of the moving averages of batch normalisation
    seed: Count
    epoch: Count  # epochs trained before the measurement
    updates: Count  # of the weights, before the measurement
    bn: Statistics  # statistics of batch normalisation while measuring
    sum: Literal["after", "before"]  # of the last layer; a network without a sum has the same row under both
    standardize: Standardize  # how the sides were scaled first
    k: Positive
    mi: Amount | None  # between the first and the last hidden layer; null where it could not be measured
    stderr: Spread | None
    null: Amount | None  # MI with shuffled pairing; null where not measured
    ceiling: Amount | None
    units: Units
    n_samples: Count
    dim_x: Positive | None
    dim_y: Positive | None
    error: Share | None  # share of wrong labels on the measured set, with the same statistics
    loss: Finite | None  # of training, in the epoch before
    reduced: Amount | None  # MI of fewer columns, and all that follows: null at epochs where it was not measured
    lower_bound: Amount | None  # what MI is at least, on samples that nothing was fitted on
    lower_bound_stderr: Spread | None
    cka: Amount | None  # linear centred kernel alignment of the two layers, debiased
    knn_overlap: Share | None  # share of nearest neighbours that both layers have
    intrinsic_dim: Dimension | None  # of the last layer
    participation_ratio: Dimension | None  # of the last layer
    seconds: Seconds
    settings: str  # checksum of the run's settings
    data: str  # checksum of what it was trained on
    notes: str


ORDER = ("run", "epoch", "bn", "sum", "standardize", "k")


def _column_type(hint: Any) -> type[pl.DataType]:
    kinds = get_args(hint) or (hint,)
    return pl.Int64 if int in kinds else pl.Float64 if float in kinds else pl.String


SCHEMA = {name: _column_type(hint) for name, hint in get_type_hints(Result).items()}


def collect(folder: str | Path) -> pl.DataFrame:
    """The rows of all runs in a folder, one per run, epoch and reading, in the order of these.

    Args:
        folder: Folder with one folder per run, as `trainer.sweep` leaves them, finished or not.

    Raises:
        InputError: The folder has no run in it, or a run is damaged.
    """
    table = collected(folder)
    if table.is_empty():
        raise InputError(
            f"{folder} has no runs with measurements of first:last or first:last_before_sum in it: name a folder of mi "
            "reproduce, or one of such runs; mi plot draws other pairs."
        )
    return table


def collected(folder: str | Path) -> pl.DataFrame:
    """The rows of all runs in a folder, as `collect` gives them; none where nothing was measured yet."""
    runs = [RunFolder(path.parent) for path in sorted(Path(folder).glob("*/manifest.json"))]
    return pl.DataFrame([row for run in runs for row in _rows(run)], schema=SCHEMA).sort(ORDER)


def check_alike(table: pl.DataFrame, manifests: Sequence[Mapping[str, Any]], folder: str | Path) -> None:
    """Raise InputError for runs that figures and verdicts would take for runs of one kind although they are not.

    Args:
        table: As `collect` makes it.
        manifests: Manifests of the runs, as far as there are any.
        folder: Their folder, for the message.
    """
    found = {name: set(table[name]) for name in ("units", "data")}
    found |= {name: {manifest["settings"][name] for manifest in manifests} for name in NOT_SHOWN}
    for name, values in found.items():
        if len(values) > 1:
            several = " and ".join(sorted(map(str, values)))
            raise InputError(f"{folder} has runs with {name} {several}: keep those with one of them there.")
    of_one = table.group_by(NETWORK).agg(pl.col("run").unique().sort()).filter(pl.col("run").list.len() > 1)
    if not of_one.is_empty():
        runs = " and ".join(of_one["run"].sort()[0])
        raise InputError(f"{folder} has several runs of one network, update and seed, {runs}: keep one of them there.")


def together(table: pl.DataFrame, earlier: pl.DataFrame) -> pl.DataFrame:
    """Rows of an earlier table and of a new one, which replaces the earlier rows of its runs."""
    return pl.concat([earlier.filter(~pl.col("run").is_in(table["run"].unique().implode())), table]).sort(ORDER)


def finished(table: pl.DataFrame, runs: Mapping[str, Settings], data: Mapping[str, str]) -> set[str]:
    """Names of the runs of which a table has all epochs.

    Args:
        table: As `collect` makes it.
        runs: Settings by the name of the run.
        data: Checksum of each data set that these name.

    Raises:
        InputError: The table has a run of that name with other settings or data.
    """
    reached = table.group_by("run").agg(pl.max("epoch"), pl.first("settings", "data"))
    found = set()
    for name, epoch, checksum, of_data in reached.iter_rows():
        if name in runs:
            if checksum != runs[name].checksum():
                raise InputError(f"{PARQUET} has rows of {name} with other settings: name another folder.")
            if of_data != data[runs[name].data][:DIGITS]:
                raise InputError(f"{PARQUET} has rows of {name} on other data: name another folder.")
            if epoch == runs[name].epochs:
                found.add(name)
    return found


def manifests(folder: str | Path) -> list[dict[str, Any]]:
    """The manifests of all runs in a folder, as plain values."""
    return [dataclasses.asdict(RunFolder(path.parent).manifest()) for path in sorted(Path(folder).glob("*/manifest.json"))]


def write_settings(manifests: Sequence[Mapping[str, Any]], folder: str | Path) -> Path:
    """Write settings.json: what is the same in all manifests, and every machine and version among them.

    An existing file, on runs whose folders are gone, is taken as one more manifest.
    """
    path = Path(folder) / "settings.json"
    records = [dict(_flat(manifest)) for manifest in manifests]
    if path.is_file():
        records.insert(0, dict(read_settings(path)))
    found: dict[str, str] = {}
    for name in dict.fromkeys(name for record in records for name in record):
        values = dict.fromkeys(value for record in records if name in record for value in record[name].split(SEVERAL))
        is_shared = len(values) == 1 and all(name in record for record in records)
        if is_shared or name.startswith(OF_PLACES):
            found[name] = SEVERAL.join(values)
    with whole_file(path) as file:
        file.write((json.dumps(found, indent=2) + "\n").encode())
    return path


def read_settings(path: Path) -> list[tuple[str, str]]:
    """Names and values that `write_settings` left in a file."""
    kept = record_from_json(read_content(path), dict[str, str], f"{path} is damaged")
    return [(printable(name), printable(value)) for name, value in kept.items()]


def write(table: pl.DataFrame, folder: str | Path) -> list[Path]:
    """Write results.parquet and results.csv, each whole or not at all."""
    parquet, csv = Path(folder) / PARQUET, Path(folder) / "results.csv"
    with whole_file(parquet) as file:
        table.write_parquet(file)
    with whole_file(csv) as file:
        write_csv(table, file, float_precision=6)
    return [parquet, csv]


def write_csv(table: pl.DataFrame, file: BinaryIO, float_precision: int) -> None:
    """Write a table as CSV for spreadsheets, without text that they would take for a formula."""
    texts = pl.col(pl.String).map_elements(as_cell, return_dtype=pl.String)
    table.with_columns(texts).write_csv(file, float_precision=float_precision)


def read(folder: str | Path) -> pl.DataFrame:
    """The table that `write` left in a folder.

    Raises:
        InputError: The table is not there, or the file is not such a table.
    """
    path = Path(folder) / PARQUET
    if not path.is_file():
        raise InputError(f"{folder} has no {PARQUET}: name a folder that mi reproduce wrote.")
    complaint = f"{path} is damaged or no table of results"
    try:
        table = pl.read_parquet(path).match_to_schema(pl.Schema(SCHEMA))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise InputError(f"{complaint}: {first_line(error)}") from error
    if table.is_empty():
        raise InputError(f"{complaint}: it has no rows.")
    record_from_plain(table.to_dicts(), list[Result], complaint)
    return table.with_columns(pl.col("run", "notes").map_elements(printable, return_dtype=pl.String))


def _rows(run: RunFolder) -> Iterator[dict[str, Any]]:
    manifest = run.manifest()
    settings = manifest.settings
    batches = 1 if settings.batch_size is None else math.ceil(manifest.data.n_train / settings.batch_size)
    has_sum = ("first", "last_before_sum") in settings.layers
    for row in run.table.rows():
        for place in _places(row, has_sum):
            yield {
                "run": printable(run.path.name),
                "arch": settings.arch,
                "width": settings.width,
                "hidden": settings.hidden,
                "batch_size": settings.batch_size,
                "momentum": settings.momentum,
                "seed": settings.seed,
                "updates": row.epoch * batches,
                "sum": place,
                "loss": row.logs.get("loss"),
                "settings": settings.checksum(),
                "data": manifest.data.checksum[:DIGITS],
                "notes": printable(" ".join(row.notes)),
            } | {name: getattr(row, name) for name in AS_MEASURED}


AS_MEASURED = (
    "epoch",
    "bn",
    "standardize",
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
    "reduced",
    "lower_bound",
    "lower_bound_stderr",
    "cka",
    "knn_overlap",
    "intrinsic_dim",
    "participation_ratio",
    "seconds",
)


def _places(row: Row, has_sum: bool) -> Iterable[str]:
    """Readings of "last layer" under which a row counts."""
    place = FIRST_AND_LAST.get((row.x, row.y))
    if place is None:
        return ()
    return (place,) if has_sum else ("after", "before")


def shared(manifests: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Names and values that are the same in every manifest, in the order of the manifests."""
    first, *others = [dict(_flat(manifest)) for manifest in manifests] or [{}]
    return [(name, value) for name, value in first.items() if all(other.get(name) == value for other in others)]


def _flat(record: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield printable(above + name), printable(value if isinstance(value, str) else json.dumps(value))
