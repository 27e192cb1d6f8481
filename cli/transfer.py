"""`mi transfer`: the transfer entropy from one series to another."""

from __future__ import annotations

from typing import Annotated

import typer

from cli._measure import measure
from cli._options import (
    FORMATS,
    AsJson,
    BackendOption,
    ErrorBar,
    KOfSeries,
    LocalFile,
    Memory,
    Na,
    Noise,
    Quiet,
    Seed,
    SeparatorOption,
    Shifts,
    StandardizeSeries,
    Threads,
    UnitsOption,
    cells_of,
    parse_usual_ks,
    standardize_of,
)
from mi_core.options import TransferEstimator


def transfer(
    x: Annotated[str, typer.Argument(metavar="X", help=f"The source series, one row per time step, in order: {FORMATS}.")],
    y: Annotated[str, typer.Argument(metavar="Y", help="The target series, row by row at the same times as X.")],
    lag: Annotated[
        int,
        typer.Option(metavar="STEPS", min=1, help="Steps by which Y is later than the newest value of X that is used."),
    ] = 1,
    history: Annotated[
        int,
        typer.Option(metavar="VALUES", min=1, help="Number of past values of Y to condition on, the newest one step earlier."),
    ] = 1,
    source_history: Annotated[
        int,
        typer.Option(metavar="VALUES", min=1, help="Number of past values of X to use, the newest --lag steps earlier."),
    ] = 1,
    spacing: Annotated[int, typer.Option(metavar="STEPS", min=1, help="Steps between two values of a history.")] = 1,
    k: KOfSeries = None,
    units: UnitsOption = "bits",
    estimator: Annotated[
        TransferEstimator,
        typer.Option(
            help="ksg1: Frenzel & Pompe 2007. mixture: Mesner & Shalizi 2019, for ties. discrete: plug-in from frequencies "
            "of equal samples."
        ),
    ] = "ksg1",
    standardize: StandardizeSeries = None,
    noise: Noise = 0.0,
    error_bar: ErrorBar = True,
    permutations: Shifts = None,
    exclude: Memory = None,
    separator: SeparatorOption = None,
    na: Na = None,
    seed: Seed = 0,
    backend: BackendOption = "auto",
    threads: Threads = None,
    local: LocalFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Estimate the transfer entropy from X to Y: what the past of X tells about Y beyond the past of Y itself.

    It is the conditional mutual information of past X and present Y, given past Y: Schreiber 2000.

    Example: mi transfer breath.npy heart.npy --history 2 --permutations 99
    """
    from mi_core import transfer_entropy

    measure(
        transfer_entropy,
        "T(X -> Y)",
        {"x": x, "y": y},
        ks=parse_usual_ks(k),
        lag=lag,
        history=history,
        source_history=source_history,
        spacing=spacing,
        units=units,
        estimator=estimator,
        **standardize_of(standardize),
        noise=noise,
        subsample=None,
        error_bar=error_bar,
        permutations=permutations,
        exclude=exclude,
        seed=seed,
        backend=backend,
        threads=threads,
        local=local,
        cells=cells_of(separator, na),
        as_json=as_json,
        quiet=quiet,
    )
