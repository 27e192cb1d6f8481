"""Arguments and options that several commands share, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mi_core import InputError
from mi_core.options import Backend, Missing, Standardize, Units

if TYPE_CHECKING:
    from mi_core.table_files import Cells

FORMATS = (
    ".npy; .npz:KEY, .h5:KEY, .mat:KEY, .pt:KEY, .safetensors:KEY; .csv, .tsv, .parquet, .feather, .xlsx, and :COLUMN,COLUMN "
    "for some columns (of Excel also :SHEET:COLUMN); or - for .npy, CSV or TSV from stdin"
)

K = Annotated[str, typer.Option("--k", metavar="K[,K...]", help="Neighbour order; several cost one pass, one row each.")]
UsualK = Annotated[
    str | None,
    typer.Option(
        "--k",
        metavar="K[,K...]",
        help="Neighbour order; several cost one pass, one row each.  [default: 3; with --groups or --series as many samples as "
        "belong together, at most 25]",
    ),
]
GroupsFile = Annotated[
    str | None,
    typer.Option(
        "--groups",
        metavar="FILE",
        help="Labels, one per sample: samples of one label belong together, as trials of a subject do, and are not neighbours.",
    ),
]
SeriesOption = Annotated[
    bool, typer.Option("--series", help="Samples are in order of time, and those near in time are not neighbours.")
]
Exclude = Annotated[
    int | None, typer.Option(metavar="STEPS", min=1, help="For --series, how near that is.  [default: its measured memory]")
]
KOfSeries = Annotated[
    str | None,
    typer.Option(
        "--k",
        metavar="K[,K...]",
        help="Neighbour order; several cost one pass, one row each.  [default: as many rows as belong together, at most 25]",
    ),
]
Memory = Annotated[
    int | None,
    typer.Option(
        "--exclude", metavar="STEPS", min=1, help="Rows so near in time are not neighbours.  [default: the measured memory]"
    ),
]
Shifts = Annotated[
    int | None,
    typer.Option(
        "--permutations", metavar="TIMES", help="Shift one series against the other this often, for a p-value: 99, or more."
    ),
]
UnitsOption = Annotated[Units, typer.Option("--units", help="Unit of the estimate.")]
StandardizeOption = Annotated[
    Standardize,
    typer.Option("--standardize", help="Divide each side by its spread, or each column by its standard deviation."),
]
StandardizeSeries = Annotated[
    Standardize | None,
    typer.Option(
        "--standardize",
        help="Divide each series by its spread, or each column by its standard deviation.  [default: sides; none for discrete]",
    ),
]
MissingOption = Annotated[
    Missing,
    typer.Option("--missing", help="Where values are missing: refuse to go on, or drop the rows; nothing is filled in."),
]
SeparatorOption = Annotated[
    str | None,
    typer.Option(
        "--separator",
        metavar="CHAR",
        help="What stands between the columns of CSV and TSV, such as ';' or tab.  [default: told by the first line]",
    ),
]
Na = Annotated[
    str | None,
    typer.Option(
        "--na",
        metavar="CELL[,CELL...]",
        help="Cells of CSV, TSV and Excel that stand for missing values, such as '-,?', beside NA, NaN, null and empty ones.",
    ),
]
Noise = Annotated[
    float, typer.Option(metavar="SCALE", help="Add Gaussian noise of SCALE times the side's spread, against ties.")
]
Subsample = Annotated[
    int | None, typer.Option(metavar="N", help="Use N samples drawn without replacement, in their order in the file.")
]
ErrorBar = Annotated[bool, typer.Option(help="Whether to estimate the standard error, from parts of the samples.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all that is random.")]
BackendOption = Annotated[
    Backend,
    typer.Option(
        "--backend",
        metavar="auto|cpu|cpu-tree|cpu-filter|cpu-brute|cuda|cuda:N",
        help="How neighbours are counted; all ways give the same bits. cuda:N is the GPU with this index.",
    ),
]
Threads = Annotated[int | None, typer.Option(help="Most threads to use.  [default: all]")]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="tcp://HOST:PORT",
        help="Split the work over the workers of the Dask cluster with this scheduler, tcp:// or tls://. Whoever runs it can "
        "run code here: name one that you trust.",
    ),
]
LocalFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the pointwise values here as .npy: (samples,), or (ks, samples) for several k."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the estimate alone, without notes.")]
QuietWithBound = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="Print the estimate alone, without notes, and a lower bound that was asked for below it."
    ),
]


def cells_of(separator: str | None, na: str | None) -> Cells:
    """How cells of text are read, from the options --separator and --na."""
    from mi_core.table_files import Cells

    character = "\t" if separator in ("tab", "\\t") else separator
    if character is not None and (len(character) != 1 or not character.isascii() or character in '"\r\n'):
        raise InputError(f"--separator is {separator!r}: give one character, such as ';', or tab.")
    return Cells(character, () if na is None else tuple(word.strip() for word in na.split(",")))


def standardize_of(given: Standardize | None) -> dict[str, Any]:
    """The option --standardize of series, where it was given."""
    return {} if given is None else {"standardize": given}


def parse_usual_ks(text: str | None) -> list[int] | None:
    """Neighbour orders as `parse_ks` reads them; None, for the usual one, where none were given."""
    return None if text is None else parse_ks(text)


def parse_ks(text: str) -> list[int]:
    """Neighbour orders from text like 3 or 3,5,10."""
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise InputError(f"--k is {text!r}: give whole numbers, for example 3 or 3,5,10.") from None
