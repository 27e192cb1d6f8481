"""`mi estimate`: the mutual information between the samples in two files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
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
    QuietWithBound,
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
from mi_core import InputError
from mi_core.options import Estimator
from trainer import keras_loader

ESTIMATORS = (
    "ksg1, ksg2: Kraskov et al. 2004, eq. (8) and (9). lnc: Gao et al. 2015, for strong dependence. mixture: Gao et "
    "al. 2017, for repeated samples. ross: Ross 2014, for class labels Y. gaussian, gaussian-copula: closed forms. "
    "discrete: plug-in from frequencies of equal samples."
)


def estimate(
    x: Annotated[str, typer.Argument(metavar="X", help=f"Samples of one side: {FORMATS}.")],
    y: Annotated[str, typer.Argument(metavar="Y", help="Samples of the other side, paired with X row by row.")],
    k: UsualK = None,
    units: UnitsOption = "bits",
    estimator: Annotated[Estimator | None, typer.Option(help=f"{ESTIMATORS}  [default: ksg1]")] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="Treat Y as class labels, integers or text, with the estimator ross.")
    ] = False,
    given: Annotated[
        str | None, typer.Option(metavar="Z", help="Estimate I(X;Y|Z). Z is paired with X and Y row by row.")
    ] = None,
    given_labels: Annotated[
        bool, typer.Option("--given-labels", help="Treat the numbers in Z as class labels. Text and bool always are.")
    ] = False,
    alpha: Annotated[
        float,
        typer.Option(
            help="For lnc: correct where the neighbours' rotated box has less than this share of the straight box's volume."
        ),
    ] = 0.25,
    standardize: StandardizeOption = "none",
    noise: Noise = 0.0,
    subsample: Subsample = None,
    error_bar: ErrorBar = True,
    permutations: Annotated[
        int | None,
        typer.Option(
            metavar="TIMES",
            help="Number of shuffles of the pairing, for a p-value: 200 is a good number. With --given, they stay among "
            "samples of similar Z.",
        ),
    ] = None,
    diagnose: Annotated[
        bool, typer.Option("--diagnose", help="Say whether the estimate can be trusted, and why; ksg1 only.")
    ] = False,
    lower_bound: Annotated[
        bool,
        typer.Option(
            "--lower-bound",
            help="Measure a lower bound of MI on held-out samples; quick, for wide data.",
        ),
    ] = False,
    learned: Annotated[
        bool,
        typer.Option(
            "--learned",
            help="Measure a lower bound of MI with two small networks, and estimate MI in the directions that they learn; "
            "for dependence that no linear direction shows. Needs Keras.",
        ),
    ] = False,
    cca: Annotated[
        int | None,
        typer.Option(
            metavar="DIMS",
            min=1,
            help="Estimate MI in at most DIMS directions that the sides share, too, fitted on other samples.",
        ),
    ] = None,
    pca: Annotated[
        int | None, typer.Option(metavar="DIMS", min=1, help="Estimate MI in DIMS principal components of each side, too.")
    ] = None,
    random_projections: Annotated[
        int | None, typer.Option(metavar="DIMS", min=1, help="Estimate MI in DIMS random projections of each side, too.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Draw the estimate against 1/N, and against k if there are several, to this .png or .svg file."
        ),
    ] = None,
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
    quiet: QuietWithBound = False,
) -> None:
    """Estimate the mutual information between two sets of samples.

    X and Y hold one sample per row; arrays of higher rank are flattened per sample.
    The estimate goes to stdout, notes on how to read it to stderr.

    Example: mi estimate first_layer.npy last_layer.npy --k 3,10
    """
    from mi_core import conditional_mutual_information, mutual_information

    if labels and estimator not in (None, "ross"):
        raise InputError(f"--labels means the estimator ross, and --estimator is {estimator}: leave one of them out.")
    fewer = [
        f"{method}:{dim}" for method, dim in (("cca", cca), ("pca", pca), ("random", random_projections)) if dim is not None
    ]
    if len(fewer) > 1:
        raise InputError("--cca, --pca and --random-projections exclude each other: choose one.")
    estimates: Callable[..., Any] = mutual_information if given is None else conditional_mutual_information
    options: dict[str, Any] = {"lower_bound": lower_bound, "reduce": fewer[0] if fewer else None}
    if learned:
        beside = {
            "class labels": estimator in ("ross", "discrete") or labels,
            "--given": given is not None,
            "--lower-bound": lower_bound,
            f"--{fewer[0].partition(':')[0]}" if fewer else "": bool(fewer),
            "--permutations, which would train for every shuffle": permutations is not None,
        }
        for option, is_given in beside.items():
            if is_given:
                raise InputError(f"--learned does not go with {option}: leave one of them out.")
        keras_loader.choose_backend()
        keras_loader.load()
        from trainer.critic import TRAINING, learned_mutual_information

        estimates = learned_mutual_information
        options = {"doing": TRAINING}
    measure(
        estimates,
        "I(X;Y)" if given is None else "I(X;Y|Z)",
        {"x": x, "y": y} | ({} if given is None else {"z": given}) | ({} if groups is None else {"groups": groups}),
        ks=parse_usual_ks(k),
        units=units,
        estimator="ross" if labels else estimator or "ksg1",
        given_labels=given_labels,
        alpha=alpha,
        standardize=standardize,
        noise=noise,
        subsample=subsample,
        error_bar=error_bar,
        permutations=permutations,
        diagnose=diagnose,
        **options,
        plot=plot,
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
