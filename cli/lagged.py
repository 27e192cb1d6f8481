"""`mi lagged`: the mutual information between two series at several lags."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Annotated

import typer

from cli._measure import may_be_text, with_notes
from cli._options import (
    FORMATS,
    AsJson,
    BackendOption,
    ErrorBar,
    Memory,
    Na,
    Noise,
    Seed,
    SeparatorOption,
    Shifts,
    StandardizeSeries,
    Threads,
    UnitsOption,
    cells_of,
    refuse_inputs,
    standardize_of,
)
from cli._output import print_facts, print_json, print_notes, print_table, say
from mi_core import InputError
from mi_core.options import LaggedEstimator
from mi_core.progress_bar import ProgressBar
from mi_core.text import in_figure

MOST_LAGS = 10_000


def lagged(
    x: Annotated[str, typer.Argument(metavar="X", help=f"One series, one row per time step, in order: {FORMATS}.")],
    y: Annotated[str, typer.Argument(metavar="Y", help="The other series, row by row at the same times as X.")],
    lags: Annotated[
        str,
        typer.Option(
            metavar="FIRST:LAST[:STEP][,...]",
            help="Steps by which Y is later than X, both ends included. At a negative lag X is later than Y. A list such as "
            "0,1,5 works too.",
        ),
    ] = "-20:20",
    k: Annotated[
        int | None, typer.Option("--k", help="Neighbour order.  [default: about as many rows as belong together, at most 25]")
    ] = None,
    units: UnitsOption = "bits",
    estimator: Annotated[LaggedEstimator, typer.Option(help="As in mi estimate; ross is for class labels Y.")] = "ksg1",
    standardize: StandardizeSeries = None,
    noise: Noise = 0.0,
    error_bar: ErrorBar = True,
    permutations: Shifts = None,
    exclude: Memory = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw MI against lag to this .png or .svg file.")] = None,
    separator: SeparatorOption = None,
    na: Na = None,
    seed: Seed = 0,
    backend: BackendOption = "auto",
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Estimate the mutual information between X at one time and Y some steps later, for each of several lags.

    At a positive lag Y is later than X, at a negative lag earlier. With --permutations, each lag has a p-value, and another
    that is corrected for the number of lags.

    Example: mi lagged heart.npy breath.npy --lags -10:10 --permutations 99 --plot lags.png
    """
    from cli._plots import check_picture, draw_lags
    from mi_core import lagged as mi_at_lags
    from mi_core.display import at_peak, facts_of_lags, rows_of_lags
    from mi_core.files import load_arrays
    from mi_core.whole_files import whole_file

    steps = parse_lags(lags)
    if plot is not None:
        check_picture(plot)
        refuse_inputs("--plot", plot, (x, y))
    text, cells = may_be_text(estimator, ("x", "y")), cells_of(separator, na)
    loaded = load_arrays({"x": x, "y": y}, text=text, missing=True, cells=cells)
    with contextlib.ExitStack() as stack:
        picture = stack.enter_context(whole_file(plot)) if plot is not None else None
        bar = stack.enter_context(ProgressBar("estimating at each lag"))
        found = mi_at_lags(
            loaded.arrays["x"],
            loaded.arrays["y"],
            lags=steps,
            k=k,
            units=units,
            estimator=estimator,
            **standardize_of(standardize),
            noise=noise,
            error_bar=error_bar,
            permutations=permutations,
            exclude=exclude,
            seed=seed,
            backend=backend,
            threads=threads,
            progress=bar,
        )
        (found,) = with_notes(loaded.notes, [found])
        if plot is not None and picture is not None:
            draw_lags(found, in_figure(Path(x).name), in_figure(Path(y).name), picture, plot.suffix)
    if as_json:
        print_json({"x": x, "y": y, **found.to_dict()})
        return
    say(f"I(x_t; y_(t + lag)): largest {at_peak(found)}")
    print_table(rows_of_lags(found))
    print_facts({"X": x, "Y": y, **facts_of_lags(found)})
    print_notes(found.notes)


def parse_lags(text: str) -> list[int]:
    """Lags from text like -20:20, -20:20:5 or 0,1,5; both ends of a range are included."""
    several: list[int] = []
    for word in text.split(","):
        if (found := re.fullmatch(r"\s*([+-]?\d{1,9})(?::([+-]?\d{1,9})(?::(\d{1,9}))?)?\s*", word)) is None:
            raise InputError(f"--lags is {text!r}: give a range like -20:20 or -20:20:5, or a list like 0,1,5.")
        first, last, step = int(found[1]), int(found[2] or found[1]), int(found[3] or 1)
        if last < first or step < 1:
            raise InputError(f"--lags has {word.strip()!r}: give the smaller lag first, and a step of at least 1.")
        some = range(first, last + 1, step)
        if len(several) + len(some) > MOST_LAGS:
            raise InputError(f"--lags names more than {MOST_LAGS:,} lags: give fewer, or a larger step like -1000:1000:10.")
        several += some
    return several
