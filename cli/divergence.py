"""`mi divergence`: the Kullback-Leibler divergence between the distributions that two files were sampled from."""

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


def divergence(
    x: Annotated[str, typer.Argument(metavar="X", help=f"Samples of one distribution: {FORMATS}.")],
    x_prime: Annotated[
        str, typer.Argument(metavar="X_PRIME", help="Samples of the other distribution, of the same dimension.")
    ],
    k: K = "3",
    units: UnitsOption = "bits",
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
    """Estimate the Kullback-Leibler divergence of X from X_PRIME.

    The samples are not paired, and their numbers may differ.

    Example: mi divergence trained.npy shuffled.npy
    """
    from mi_core import kl_divergence

    measure(
        kl_divergence,
        "D(X||X')",
        {"x": x, "x_prime": x_prime},
        ks=parse_ks(k),
        units=units,
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
        paired=False,
    )
