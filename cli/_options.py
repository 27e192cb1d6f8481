"""Arguments and options that several commands share, each written once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mi_core import InputError
from mi_core.options import Backend, Missing, Standardize, Units

if TYPE_CHECKING:
    from mi_core.table_files import Cells

FORMATS = (
    ".npy; .npz:KEY, .h5:KEY, .mat:KEY, .pt:KEY, .safetensors:KEY; .csv, .tsv, .parquet, .feather, .xlsx, with "
    ":COLUMN,COLUMN for some columns (in Excel also :SHEET:COLUMN); or - for .npy, CSV or TSV from stdin"
)

K = Annotated[
    str, typer.Option("--k", metavar="K[,K...]", help="Neighbour order. Several share one search and give one row each.")
]
UsualK = Annotated[
    str | None,
    typer.Option(
        "--k",
        metavar="K[,K...]",
        help="Neighbour order. Several share one search and give one row each.  [default: 3; with --groups or --series "
        "about as many samples as belong together, at most 25]",
    ),
]
GroupsFile = Annotated[
    str | None,
    typer.Option(
        "--groups",
        metavar="FILE",
        help="Labels, one per sample. Samples with the same label belong together, such as trials of one subject, and are "
        "not neighbours.",
    ),
]
SeriesOption = Annotated[
    bool, typer.Option("--series", help="Samples are a time series, and those near in time are not neighbours.")
]
Exclude = Annotated[
    int | None,
    typer.Option(
        metavar="STEPS",
        min=1,
        help="For --series: samples up to this many steps apart are not neighbours.  [default: the measured memory of the "
        "series]",
    ),
]
KOfSeries = Annotated[
    str | None,
    typer.Option(
        "--k",
        metavar="K[,K...]",
        help="Neighbour order. Several share one search and give one row each.  [default: about as many rows as belong "
        "together, at most 25]",
    ),
]
Memory = Annotated[
    int | None,
    typer.Option(
        "--exclude",
        metavar="STEPS",
        min=1,
        help="Rows up to this many steps apart are not neighbours.  [default: the measured memory]",
    ),
]
Shifts = Annotated[
    int | None,
    typer.Option(
        "--permutations",
        metavar="TIMES",
        help="Number of random shifts of one series against the other, for a p-value: 99 or more.",
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
    typer.Option(
        "--missing", help="Rows with missing values: refuse them with an error, or drop them. Nothing is ever filled in."
    ),
]
SeparatorOption = Annotated[
    str | None,
    typer.Option(
        "--separator",
        metavar="CHAR",
        help="Separator of the columns in CSV and TSV, such as ';' or tab.  [default: detected from the first line]",
    ),
]
Na = Annotated[
    str | None,
    typer.Option(
        "--na",
        metavar="CELL[,CELL...]",
        help="Further cells of CSV, TSV and Excel that mean a missing value, such as '-,?'. NA, NaN, null and empty cells "
        "always do.",
    ),
]
Noise = Annotated[
    float, typer.Option(metavar="SCALE", help="Add Gaussian noise of SCALE times the side's spread, to break ties.")
]
Subsample = Annotated[
    int | None, typer.Option(metavar="N", help="Use N samples, drawn without replacement and kept in the order of the file.")
]
ErrorBar = Annotated[bool, typer.Option(help="Whether to estimate the standard error, from subsamples.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")]
BackendOption = Annotated[
    Backend,
    typer.Option(
        "--backend",
        metavar="auto|cpu|cpu-tree|cpu-filter|cpu-brute|cuda|cuda:N",
        help="Backend that counts neighbours; all give bit-identical results. cuda:N is the GPU with index N.",
    ),
]
Threads = Annotated[int | None, typer.Option(help="Maximum number of threads.  [default: all]")]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="tcp://HOST:PORT",
        help="Distribute the work over the Dask cluster of this scheduler, tcp:// or tls://. Whoever runs the scheduler can "
        "run code here: name one that you trust.",
    ),
]
LocalFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Write the local (pointwise) terms to this .npy file: (samples,), or (ks, samples) for several k."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only the estimate, without notes.")]
QuietWithBound = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="Print only the estimate, and below it the lower bound if one was asked for, without notes."
    ),
]


def refuse_inputs(option: str, path: Path | None, sources: Iterable[str | None]) -> None:
    """Raise InputError if the file that an option is to write is one of the inputs."""
    from mi_core.files import is_same_file, split_key

    if path is not None and any(source is not None and is_same_file(path, split_key(source)[0]) for source in sources):
        raise InputError(f"{option} is {path}, which is an input: name another file.")


def cells_of(separator: str | None, na: str | None) -> Cells:
    """Reading rules for text cells, from the options --separator and --na."""
    from mi_core.table_files import Cells

    character = "\t" if separator in ("tab", "\\t") else separator
    if character is not None and (len(character) != 1 or not character.isascii() or character in '"\r\n'):
        raise InputError(f"--separator is {separator!r}: give one character, such as ';', or tab.")
    return Cells(character, () if na is None else tuple(word.strip() for word in na.split(",")))


def standardize_of(given: Standardize | None) -> dict[str, Any]:
    """The option --standardize of series as a keyword argument; nothing if it was not given."""
    return {} if given is None else {"standardize": given}


def parse_usual_ks(text: str | None) -> list[int] | None:
    """Neighbour orders as parsed by `parse_ks`; None, for the default, if none were given."""
    return None if text is None else parse_ks(text)


def parse_ks(text: str) -> list[int]:
    """Neighbour orders from text like 3 or 3,5,10."""
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise InputError(f"--k is {text!r}: give whole numbers, for example 3 or 3,5,10.") from None
