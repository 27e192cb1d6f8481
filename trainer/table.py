"""The table of a run: one frozen row per epoch, pair of layers, way of batch normalisation and k, kept as JSON lines."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, BinaryIO, cast

from msgspec import Meta

from mi_core.errors import InputError
from mi_core.options import Standardize, Units
from mi_core.records import read_content, record_from_json
from mi_core.text import concerning
from mi_core.whole_files import errors_named, whole_file
from trainer.config import Positions, Statistics

# What a row that is read back may hold. Pictures and tables can be made of all of it.
Count = Annotated[int, Meta(ge=0, le=2**53)]
Positive = Annotated[int, Meta(ge=1, le=2**53)]
Share = Annotated[float, Meta(ge=0, le=1)]
Amount = Annotated[float, Meta(ge=-1e6, le=1e6)]  # of information: psi(N) is below 64 bits for all N that memory holds
Spread = Annotated[float, Meta(ge=0, le=1e6)]
Dimension = Annotated[float, Meta(ge=0, le=1e12)]
Seconds = Annotated[float, Meta(ge=0, le=1e12)]
Finite = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]

START = b'{"epoch": '  # of each line
BLOCK = 65_536  # bytes in which the end of a file is sought


@dataclasses.dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        epoch: Epochs trained before it; 0 is before training.
        x: Layer of the one side, or "input".
        y: Layer of the other side.
        bn: "inference" or "batch": the statistics that batch normalisation used.
        mi: The estimate in `units`; None where it could not be made, `notes` then say why.
        stderr: Its standard error in `units`; None where not measured.
        null: The estimate with the pairing shuffled; None where not measured.
        ceiling: The largest estimate possible, psi(n_samples) - psi(k), in `units`.
        units: "bits" or "nats".
        k: Neighbour order; None where no neighbours were sought.
        n_samples: Rows of the estimate: samples of the measured set, or positions of all of these.
        dim_x: Numbers per sample of x.
        dim_y: Numbers per sample of y.
        estimator: Name of the estimator.
        error: Share of the measured samples that the network labels wrongly, with the same statistics; None without labels.
        logs: What the framework logged for the epoch, such as the loss, None where that was not finite; empty before training.
        seconds: Wall time of this estimate, its null and those for the other k included.
        notes: What a reader should know before using the number.
        name: Word that tells these rows from those of another measurement of the same training; "" without.
        positions: What became of the positions of feature maps and tokens: "flatten", "mean", "first" or "samples".
        standardize: How the sides were standardised first.
        noise: Noise added to each side, in its standard deviations; 0 for none.
        reduction: Fewer columns that were estimated beside all, such as "cca:8"; None without.
        reduced: The estimate of these, in `units`; None without.
        reduced_stderr: Its standard error in `units`; None where not measured.
        lower_bound: What MI is at least, up to chance, in `units`; None where not measured.
        lower_bound_stderr: Its standard error in `units`.
        lower_bound_kind: How it was found, as `mi_core.results.LowerBound` has it.
        cka: Linear centred kernel alignment of the two layers; None where not measured, as with what follows.
        knn_overlap: Share of a sample's nearest neighbours that both layers have.
        intrinsic_dim: Intrinsic dimension of y.
        participation_ratio: Participation ratio of y: how many columns share its variance.
    """

    epoch: Count
    x: str
    y: str
    bn: Statistics
    mi: Amount | None = None
    stderr: Spread | None = None
    null: Amount | None = None
    ceiling: Amount | None = None
    units: Units = "bits"
    k: Positive | None = 3
    n_samples: Count = 0
    dim_x: Positive | None = None
    dim_y: Positive | None = None
    estimator: str | None = None
    error: Share | None = None
    logs: Mapping[str, Finite | None] = dataclasses.field(default_factory=dict)
    seconds: Seconds = 0.0
    notes: tuple[str, ...] = ()
    name: str = ""
    positions: Positions = "flatten"
    standardize: Standardize = "none"
    noise: Spread = 0.0
    reduction: str | None = None
    reduced: Amount | None = None
    reduced_stderr: Spread | None = None
    lower_bound: Amount | None = None
    lower_bound_stderr: Spread | None = None
    lower_bound_kind: str | None = None
    cka: Amount | None = None
    knn_overlap: Share | None = None
    intrinsic_dim: Dimension | None = None
    participation_ratio: Dimension | None = None


class Table:
    """Rows in a file of JSON lines. What `append` returned from is on the disk; a torn last line is no row.

    Args:
        path: The file; it need not exist yet.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def append(self, rows: Iterable[Row]) -> None:
        """Write rows behind those that are there, in place of a torn last line: all of them, or none where the disk is full.

        Raises:
            OSError: They could not be written.
        """
        content = memoryview(_lines(rows))
        with errors_named(self.path), self.path.open("a+b", buffering=0) as file:
            end = _end_of_lines(cast("BinaryIO", file))
            file.truncate(end)
            try:
                while content:
                    content = content[file.write(content) :]
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    os.truncate(self.path, end)
                raise

    def rows(self) -> list[Row]:
        """All rows, oldest first.

        Raises:
            InputError: The file is no table, or a line other than a torn last one is damaged.
        """
        try:
            lines = read_content(self.path).split(b"\n")
        except FileNotFoundError:
            return []
        rows = [
            record_from_json(line, Row, f"{self.path}: line {number} is damaged or no row of a run")
            for number, line in enumerate(lines[:-1], start=1)
        ]
        torn = lines[-1].rstrip(b"\0")  # as file systems leave after a loss of power
        if torn[: len(START)] != START[: len(torn)]:
            raise InputError(f"{self.path}: line {len(lines)} is no row of a run: name another file as table.")
        return rows

    def replace(self, epoch: int, name: str, rows: Sequence[Row]) -> None:
        """Put rows of an epoch in place of those that are there under this name."""
        content = _lines(with_epoch(self.rows(), epoch, name, rows))
        with whole_file(self.path) as file:
            file.write(content)

    def keep(self, last_epoch: int, name: str = "") -> None:
        """Drop the rows after an epoch that are there under this name, and a torn last line."""
        kept = [row for row in self.rows() if row.name != name or row.epoch <= last_epoch]
        with whole_file(self.path) as file:
            file.write(_lines(kept))


def with_epoch(rows: Sequence[Row], epoch: int, name: str, new: Sequence[Row]) -> list[Row]:
    """Rows with new ones of an epoch in place of those that are there under this name, by epoch."""
    others = [row for row in rows if (row.epoch, row.name) != (epoch, name)]
    return sorted([*others, *new], key=lambda row: row.epoch)


def _lines(rows: Iterable[Row]) -> bytes:
    return "".join(json.dumps(dataclasses.asdict(row), allow_nan=False) + "\n" for row in rows).encode()


def _end_of_lines(file: BinaryIO) -> int:
    """Where the last whole line of a file ends; 0 where there is none."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = file.seek(max(0, end - BLOCK))
        if found := file.read(end - start).rfind(b"\n") + 1:
            return start + found
        end = start
    return 0


def notes_of(rows: Sequence[Row]) -> Iterator[str]:
    """Notes of the last epoch's rows, each once: with the layers' names for x and y, or the pairs where it is not for all."""
    last = [row for row in rows if row.epoch == rows[-1].epoch]
    pairs = list(dict.fromkeys(f"{row.x} / {row.y}" for row in last))
    concerned: dict[str, list[str]] = {}
    for row in last:
        for note in row.notes:
            if (named := with_names(note, row)) != note:
                concerned[named] = pairs
            elif f"{row.x} / {row.y}" not in concerned.setdefault(note, []):
                concerned[note].append(f"{row.x} / {row.y}")
    for note, some in concerned.items():
        yield note if some == pairs else concerning(note, some, "pairs")


def with_names(note: str, row: Row) -> str:
    """A note on x and y, in the words of one who knows them as layers."""
    return re.sub(r"\b[xy]\b", lambda found: row.x if found[0] == "x" else row.y, note)
