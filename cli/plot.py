"""`mi plot`: pictures of runs of `mi train`, and of tables that a callback has written."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from cli._layers import parse_pairs
from cli._output import say
from mi_core import InputError
from trainer.config import Statistics


def plot(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN", help="Run folders of mi train, or tables (.jsonl) of a callback.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder for the pictures.  [default: the run's, or the current folder]"),
    ] = None,
    layers: Annotated[
        str | None, typer.Option(metavar="X:Y", help="Pair of layers to show.  [default: the first that was measured]")
    ] = None,
    bn: Annotated[
        Statistics | None, typer.Option(help="Statistics of batch normalisation.  [default: the first that was measured]")
    ] = None,
    k: Annotated[
        int | None, typer.Option(help="Neighbour order.  [default: the first that was measured, or each estimate's own]")
    ] = None,
) -> None:
    """Draw MI against error, coloured by epoch, and both over the epochs, as PNG and SVG.

    Several runs share one picture. The ceiling and the null of the estimate are drawn too. Without measured errors, only MI
    over the epochs is drawn. Pictures are named mi-error and mi-epochs. The name of a table replaces mi, and --layers appends
    the pair.

    Example: mi plot runs/mlp-w100-h5-s0 runs/shortcut-w100-h5-s0
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError("mi plot needs matplotlib: python -m pip install matplotlib")
    pairs = parse_pairs(layers) if layers is not None else (None,)
    if len(pairs) > 1:
        raise InputError(f"--layers is {layers!r}: one picture shows one pair.")
    from trainer.plot import plot_runs

    folder = out or (runs[0] if len(runs) == 1 and not runs[0].is_file() else Path())
    for path in plot_runs(runs, folder, pairs[0], bn, k):
        say(str(path))
