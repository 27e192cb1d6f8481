"""`mi report`: one page on a reproduction, or on the measurements of a callback."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from cli._options import refuse_inputs
from cli._output import say
from mi_core import InputError

OF_TABLE = ("jinja2", "matplotlib")
NEEDED = ("polars", "altair", "vl_convert", "jinja2", "matplotlib")


def report(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER|TABLE",
            help="Folder of mi reproduce, folder with runs of mi train, or a callback's table (.jsonl).",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the page to this .html file.  [default: report.html in FOLDER, or TABLE with .html]"
        ),
    ] = None,
) -> None:
    """Write one HTML page with the figures, interactive traces, the verdicts on the paper's claims, settings and versions.

    For a callback's table, the page has MI over the epochs for each pair of layers, first and last values, and notes. Neither
    writing the page nor reading it needs an internet connection.

    Example: mi report reproductions/cpu --out report.html
    """
    if not folder.exists():
        raise InputError(f"{folder}: there is no such file or folder.")
    is_table = folder.is_file()
    page = out or (folder.with_suffix(".html") if is_table else folder / "report.html")
    if page.suffix.lower() != ".html":
        raise InputError(f"--out is {out}: it is written as .html, so name it that way.")
    refuse_inputs("--out", page, [str(folder)])
    missing = [name for name in (OF_TABLE if is_table else NEEDED) if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"mi report needs {', '.join(missing)}: python -m pip install 'ksg-mi[reproduce]'")
    if is_table:
        from trainer.table_report import write_table_report

        say(str(write_table_report(folder, page)))
        return
    from trainer.reproduction.report import write_report

    say(str(write_report(folder, page)))
