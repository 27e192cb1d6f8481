"""`mi entropy`: one file in, its entropy out."""

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
    Noise,
    Quiet,
    Seed,
    Subsample,
    Threads,
    UnitsOption,
    parse_ks,
)
from mi_core.options import EntropyEstimator


def entropy(
    x: Annotated[str, typer.Argument(metavar="X", help=f"Samples: {FORMATS}.")],
    k: K = "3",
    units: UnitsOption = "bits",
    estimator: Annotated[
        EntropyEstimator,
        typer.Option(help="knn: differential entropy, Kozachenko & Leonenko 1987. discrete: frequencies of equal samples."),
    ] = "knn",
    noise: Noise = 0.0,
    subsample: Subsample = None,
    error_bar: ErrorBar = True,
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
        seed=seed,
        backend=backend,
        threads=threads,
        local=local,
        as_json=as_json,
        quiet=quiet,
    )
