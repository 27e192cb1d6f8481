"""`mi multi`: the multi-information of several files."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli._measure import measure
from cli._options import (
    FORMATS,
    AsJson,
    BackendOption,
    ErrorBar,
    Exclude,
    GroupsFile,
    LocalFile,
    MissingOption,
    Na,
    Noise,
    Quiet,
    Scheduler,
    Seed,
    SeparatorOption,
    SeriesOption,
    StandardizeOption,
    Subsample,
    Threads,
    UnitsOption,
    UsualK,
    cells_of,
    parse_usual_ks,
)
from mi_core.options import MultiEstimator


def multi(
    files: Annotated[
        list[str], typer.Argument(metavar="X1 X2...", help=f"Samples of each side, paired row by row: {FORMATS}.")
    ],
    k: UsualK = None,
    units: UnitsOption = "bits",
    estimator: Annotated[
        MultiEstimator,
        typer.Option(
            help="ksg1: Kraskov et al. 2004, eq. (23). ksg2: their second algorithm. discrete: plug-in from frequencies of "
            "equal samples."
        ),
    ] = "ksg1",
    standardize: StandardizeOption = "none",
    noise: Noise = 0.0,
    subsample: Subsample = None,
    error_bar: ErrorBar = True,
    groups: GroupsFile = None,
    series: SeriesOption = False,
    exclude: Exclude = None,
    missing: MissingOption = "refuse",
    separator: SeparatorOption = None,
    na: Na = None,
    seed: Seed = 0,
    backend: BackendOption = "auto",
    threads: Threads = None,
    scheduler: Scheduler = None,
    local: LocalFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Estimate the multi-information (total correlation) of several sets of samples.

    It is the sum of their entropies minus their joint entropy; for two sets, their mutual information.

    Example: mi multi first_layer.npy second_layer.npy last_layer.npy
    """
    from mi_core import multi_information

    def estimates(**arrays_and_options: Any) -> Any:
        arrays = [arrays_and_options.pop(name) for name in sides]
        return multi_information(arrays, **arrays_and_options)

    sides = {f"x{number}": file for number, file in enumerate(files, start=1)}
    measure(
        estimates,
        f"I({';'.join(name.upper() for name in sides)})",
        sides | ({} if groups is None else {"groups": groups}),
        ks=parse_usual_ks(k),
        units=units,
        estimator=estimator,
        standardize=standardize,
        noise=noise,
        subsample=subsample,
        error_bar=error_bar,
        series=series,
        exclude=exclude,
        missing=missing,
        seed=seed,
        backend=backend,
        threads=threads,
        scheduler=scheduler,
        local=local,
        cells=cells_of(separator, na),
        as_json=as_json,
        quiet=quiet,
    )
