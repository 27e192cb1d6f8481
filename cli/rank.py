"""`mi rank`: the columns of a table, ranked by their mutual information with one of them."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli._options import (
    AsJson,
    ErrorBar,
    Exclude,
    MissingOption,
    Na,
    Seed,
    SeparatorOption,
    SeriesOption,
    Threads,
    UnitsOption,
    cells_of,
    refuse_inputs,
)
from cli._output import print_json, print_notes, say
from mi_core import InputError
from mi_core.progress_bar import ProgressBar
from mi_core.text import as_cell

if TYPE_CHECKING:
    from mi_core import Ranking

TABLES = (
    ".csv, .tsv, .parquet, .feather or .xlsx, with names in the first line; - for CSV or TSV from stdin; or an array, such as "
    ".npy, whose columns are named 0, 1, ..."
)


def rank(
    table: Annotated[str, typer.Argument(metavar="TABLE", help=f"The table: {TABLES}.")],
    target: Annotated[str, typer.Option(metavar="COLUMN", help="Column that the others are measured against.")],
    columns: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Columns to rank.  [default: all but the target and those of --given]")
    ] = None,
    given: Annotated[
        str | None,
        typer.Option(
            metavar="C,...",
            help="Condition on these columns: estimate what each other column tells about the target beyond them.",
        ),
    ] = None,
    permutations: Annotated[
        int | None,
        typer.Option(
            metavar="TIMES",
            help="Maximum number of shuffles per column, for p-values and false-discovery rates: 999 is a good number.",
        ),
    ] = None,
    k: Annotated[
        int | None,
        typer.Option(
            "--k",
            help="Neighbour order.  [default: 3; with --groups or --series about as many rows as belong together, at most 25]",
        ),
    ] = None,
    units: UnitsOption = "bits",
    groups: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN|FILE",
            help="Column, or file of labels, one per row. Rows with the same label belong together, such as trials of one "
            "subject.",
        ),
    ] = None,
    series: SeriesOption = False,
    exclude: Exclude = None,
    missing: MissingOption = "refuse",
    separator: SeparatorOption = None,
    na: Na = None,
    error_bar: ErrorBar = True,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the ranking to this .csv file, in full precision.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the ranking to this .png or .svg file.")] = None,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Rank the columns of a table by the mutual information of each with the target.

    Text, booleans and numbers with few distinct values are classes. Each pair of columns gets the estimator that suits it.
    Other numbers are divided by their standard deviation.

    Example: mi rank people.csv --target income --permutations 999
    """
    import mi_core
    from cli._plots import check_picture, draw_ranking
    from mi_core.display import ranking_lines
    from mi_core.files import load_arrays, load_table, split_key
    from mi_core.tables import check_known
    from mi_core.whole_files import whole_file

    if csv is not None and csv.suffix.lower() != ".csv":
        raise InputError(f"--csv is {csv}: it is written as .csv, so name it that way.")
    if plot is not None:
        check_picture(plot)
    for option, path in (("--csv", csv), ("--plot", plot)):
        refuse_inputs(option, path, (table, groups))
    cells = cells_of(separator, na)
    read = load_table(table, cells)
    groups_of_rows: Any = groups
    of_groups: tuple[str, ...] = ()
    if groups is not None and groups not in read.columns:
        if not split_key(groups)[0].exists():
            check_known(groups, list(read.columns), table)
        loaded = load_arrays({"groups": groups}, text=("groups",), missing=missing == "drop", cells=cells)
        groups_of_rows, of_groups = loaded.arrays["groups"], loaded.notes
    with contextlib.ExitStack() as stack:
        csv_file = stack.enter_context(whole_file(csv)) if csv is not None else None
        plot_file = stack.enter_context(whole_file(plot)) if plot is not None else None
        bar = stack.enter_context(ProgressBar("ranking columns"))
        found = mi_core.rank(
            read,
            target,
            columns=None if columns is None else [columns],
            given=None if given is None else [given],
            permutations=permutations,
            k=k,
            units=units,
            groups=groups_of_rows,
            series=series,
            exclude=exclude,
            missing=missing,
            error_bar=error_bar,
            seed=seed,
            threads=threads,
            progress=bar,
        )
        if groups_of_rows is not groups:  # what is said of values named groups was said of their file
            of_others = [note for note in found.notes if not note.startswith("groups: ")]
            found = dataclasses.replace(found, notes=(*of_groups, *of_others))
        if csv_file is not None:
            csv_file.write(as_csv(found).encode())
        if plot is not None and plot_file is not None:
            draw_ranking(found, plot_file, plot.suffix)
    if as_json:
        print_json({"table": table, **found.to_dict()})
        return
    for line in ranking_lines(found):
        say(line)
    print_notes(found.notes)


def as_csv(found: Ranking) -> str:
    """CSV: a header and one line per column, in full precision."""
    import csv
    import io

    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([field.name for field in dataclasses.fields(found.rows[0])])
    for row in found.rows:
        values = {**dataclasses.asdict(row), "column": as_cell(row.column), "notes": as_cell(" ".join(row.notes))}
        lines.writerow("" if value is None else value for value in values.values())
    return text.getvalue()
