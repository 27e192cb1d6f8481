"""Runs of one reading as arrays over their epochs, and how they are paired."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from mi_core.types import FloatArray

Setting = tuple[str, int, int]
"""Architecture, width, number of hidden layers."""


@dataclasses.dataclass(frozen=True)
class Trace:
    """One run under one reading: arrays over its measured epochs, ascending."""

    epochs: FloatArray
    mi: FloatArray
    error: FloatArray


Traces = Mapping[tuple[Setting, int], Trace]
"""Runs by setting and seed; all over the same epochs."""


def traces_of(rows: pl.DataFrame, net_of_null: bool) -> dict[tuple[Setting, int], Trace]:
    """The runs of one reading that have all its epochs; with `net_of_null` those alone at which the null was measured."""
    value = pl.col("mi") - pl.col("null") if net_of_null else pl.col("mi")
    rows = rows.with_columns(value.alias("value")).drop_nulls(["value", "error"]).sort("epoch")
    all_epochs = rows["epoch"].n_unique()
    traces = {}
    for (arch, width, hidden, seed), run in rows.group_by("arch", "width", "hidden", "seed", maintain_order=True):
        epochs = run["epoch"].to_numpy().astype(np.float64)
        if len(epochs) == all_epochs > 1:
            traces[(str(arch), int(width), int(hidden)), int(seed)] = Trace(
                epochs, run["value"].to_numpy(), run["error"].to_numpy()
            )
    return traces


def of(traces: Traces, arch: str) -> Iterator[tuple[tuple[Setting, int], Trace]]:
    """The runs of one architecture."""
    return ((key, run) for key, run in traces.items() if key[0][0] == arch)


def pairs(traces: Traces, arch: str, other: str) -> Iterator[tuple[tuple[Setting, int], Trace, Trace]]:
    """Runs of one architecture, each with that of another of the same width, depth and seed."""
    for ((_, width, hidden), seed), run in of(traces, arch):
        partner = traces.get(((other, width, hidden), seed))
        if partner is not None:
            yield ((arch, width, hidden), seed), run, partner
