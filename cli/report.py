"""`mi report`: one page on a reproduction."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from cli._output import say
from mi_core import InputError

NEEDED = ("polars", "altair", "vl_convert", "jinja2", "matplotlib")


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="What mi reproduce has left, or a folder with runs of mi train.")
    ],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The page.  [default: report.html in FOLDER]")] = None,
) -> None:
    """Write one HTML page with the figures, interactive traces, the verdicts on the paper's claims, settings and versions.

    Nothing is loaded from a network, when the page is made or when it is read.

    Example: mi report reproductions/cpu --out report.html
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"mi report needs {', '.join(missing)}: python -m pip install 'ksg-mi[reproduce]'")
    from trainer.reproduction.report import write_report

    say(str(write_report(folder, out or folder / "report.html")))
