"""`mi entropy`: the entropy of the samples in one file."""

from __future__ import annotations

from typing import Annotated

import typer

from cli._measure import measure
from cli._options import (
    FORMATS,
    AsJson,
    BackendOption,
    ErrorBar,
    K,
    LocalFile,
    MissingOption,
    Na,
    Noise,
    Quiet,
    Seed,
    SeparatorOption,
    Subsample,
    Threads,
    UnitsOption,
    cells_of,
    parse_ks,
)
from mi_core.options import EntropyEstimator


def entropy(
    x: Annotated[str, typer.Argument(metavar="X", help=f"Samples: {FORMATS}.")],
    k: K = "3",
    units: UnitsOption = "bits",
    estimator: Annotated[
        EntropyEstimator,
        typer.Option(
            help="knn: differential entropy, Kozachenko & Leonenko 1987. discrete: plug-in from frequencies of equal samples."
        ),
    ] = "knn",
    noise: Noise = 0.0,
    subsample: Subsample = None,
    error_bar: ErrorBar = True,
    missing: MissingOption = "refuse",
    separator: SeparatorOption = None,
    na: Na = None,
    seed: Seed = 0,
    backend: BackendOption = "auto",
    threads: Threads = None,
    local: LocalFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Estimate the entropy of a set of samples.

    A differential entropy may be negative, and depends on the scale of X.

    Example: mi entropy layer.npy
    """
    import mi_core

    measure(
        mi_core.entropy,
        "H(X)",
        {"x": x},
        ks=parse_ks(k),
        units=units,
        estimator=estimator,
        noise=noise,
        subsample=subsample,
        error_bar=error_bar,
        missing=missing,
        seed=seed,
        backend=backend,
        threads=threads,
        local=local,
        cells=cells_of(separator, na),
        as_json=as_json,
        quiet=quiet,
    )
