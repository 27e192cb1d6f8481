"""The table of a run: one frozen row per epoch, pair of layers, statistics of batch normalisation and k, kept as JSON lines."""

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
        epoch: Epochs trained before the measurement; 0 is before training.
        x: First layer of the pair, or "input".
        y: Second layer of the pair, or "labels".
        bn: "inference" or "batch": the statistics that batch normalisation used.
        mi: The estimate in `units`; None if it could not be made, and `notes` say why.
        stderr: Its standard error in `units`; None where not measured.
        null: The estimate with the pairing shuffled; None where not measured.
        ceiling: The largest estimate possible, psi(n_samples) - psi(k), in `units`.
        units: "bits" or "nats".
        k: Neighbour order; None where no neighbours were sought.
        n_samples: Number of samples in the estimate: samples of the measured set, or all their positions.
        dim_x: Numbers per sample of x.
        dim_y: Numbers per sample of y.
        estimator: Name of the estimator.
        error: Share of the measured samples that the network misclassifies, with the same statistics; None without labels.
        logs: Values that the framework logged for the epoch, such as the loss, None for those not finite; empty before
            training.
        seconds: Wall time of this estimate, including its null and the estimates for other k.
        notes: Notes to read before using the number.
        name: Name that tells these rows from those of another measurement of the same training; "" if there is none.
        positions: Treatment of the positions of feature maps and tokens: "flatten", "mean", "first" or "samples".
        standardize: Scaling of the sides before the estimate.
        noise: Noise added to each side, in its standard deviations; 0 for none.
        reduction: Reduction to fewer columns whose MI was estimated too, such as "cca:8"; None without.
        reduced: The estimate from the fewer columns, in `units`; None without.
        reduced_stderr: Its standard error in `units`; None where not measured.
        lower_bound: Lower bound of MI, up to chance, in `units`; None where not measured.
        lower_bound_stderr: Its standard error in `units`.
        lower_bound_kind: Kind of the lower bound, see `mi_core.results.LowerBound`.
        cka: Linear centred kernel alignment of the two layers; None where not measured, like the fields that follow.
        knn_overlap: Share of a sample's nearest neighbours that both layers have.
        intrinsic_dim: Intrinsic dimension of y.
        participation_ratio: Participation ratio of y, the effective number of columns that share its variance.
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
    """Table of rows in a file of JSON lines. Rows are on disk once `append` has returned; a torn last line is ignored.

    Args:
        path: Path of the file, which need not exist yet.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def append(self, rows: Iterable[Row]) -> None:
        """Append rows, in place of a torn last line: all of them, or none if the disk is full.

        Raises:
            OSError: The rows could not be written.
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
            InputError: The file is not a table, or a line other than a torn last one is damaged.
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
        """Replace the rows of an epoch under this name."""
        content = _lines(with_epoch(self.rows(), epoch, name, rows))
        with whole_file(self.path) as file:
            file.write(content)

    def keep(self, last_epoch: int, name: str = "") -> None:
        """Drop the rows under this name after an epoch, and a torn last line."""
        kept = [row for row in self.rows() if row.name != name or row.epoch <= last_epoch]
        with whole_file(self.path) as file:
            file.write(_lines(kept))


def with_epoch(rows: Sequence[Row], epoch: int, name: str, new: Sequence[Row]) -> list[Row]:
    """Rows sorted by epoch, with the rows of one epoch under this name replaced by new ones."""
    others = [row for row in rows if (row.epoch, row.name) != (epoch, name)]
    return sorted([*others, *new], key=lambda row: row.epoch)


def _lines(rows: Iterable[Row]) -> bytes:
    return "".join(json.dumps(dataclasses.asdict(row), allow_nan=False) + "\n" for row in rows).encode()


def _end_of_lines(file: BinaryIO) -> int:
    """Position at which the last whole line of a file ends; 0 if there is none."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = file.seek(max(0, end - BLOCK))
        if found := file.read(end - start).rfind(b"\n") + 1:
            return start + found
        end = start
    return 0


def notes_of(rows: Sequence[Row]) -> Iterator[str]:
    """Notes of the last epoch's rows, each once, with layers' names for x and y; notes on some pairs alone name them."""
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
    """A note with the names of layers in place of x and y."""
    return re.sub(r"\b[xy]\b", lambda found: row.x if found[0] == "x" else row.y, note)
