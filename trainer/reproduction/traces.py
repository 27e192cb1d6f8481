"""Runs of one reading as arrays over their epochs, and how they are paired.

Points are those of the paper, "after each epoch": what was measured before training is not among them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Literal, get_args

import numpy as np
import polars as pl

from mi_core.types import FloatArray

Setting = tuple[str, int, int]
"""Architecture, width, number of hidden layers."""

Run = tuple[Setting, int]
"""A setting and the seed of the random initialisation."""

Measure = Literal["MI", "MI less null", "MI of 10 components", "lower bound", "CKA", "neighbour overlap", "error"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
VALUE: Mapping[Measure, pl.Expr] = {
    "MI": pl.col("mi"),
    "MI less null": pl.col("mi") - pl.col("null"),
    "MI of 10 components": pl.col("reduced"),
    "lower bound": pl.col("lower_bound"),
    "CKA": pl.col("cka"),
    "neighbour overlap": pl.col("knn_overlap"),
    "error": pl.col("error"),
}
WITHOUT_UNIT = ("CKA", "neighbour overlap", "error")


@dataclasses.dataclass(frozen=True)
class Trace:
    """One run: arrays over its measured epochs, ascending.

    Attributes:
        value: (n_epochs,) the measure.
        error: (n_epochs,) share of wrong labels.
        untrained: The error before training; NaN where it was not measured.
    """

    value: FloatArray
    error: FloatArray
    untrained: float = np.nan


@dataclasses.dataclass(frozen=True)
class Traces:
    """Runs of one reading, all measured at the same epochs.

    Attributes:
        epochs: (n_epochs,) epochs trained before each measurement, ascending from 1.
        runs: Traces by setting and seed.
        measure: Name of the measure.
        unit: Its unit; "" for a number without one.
    """

    epochs: tuple[int, ...]
    runs: Mapping[Run, Trace]
    measure: Measure = "MI"
    unit: str = "bits"

    def of(self, arch: str) -> Iterator[tuple[Run, Trace]]:
        """Runs of one architecture."""
        return ((run, trace) for run, trace in self.runs.items() if run[0][0] == arch)

    def pairs(self, arch: str, other: str) -> Iterator[tuple[Run, Trace, Trace]]:
        """Runs of one architecture, each with that of another of the same width, depth and seed."""
        for ((_, width, hidden), seed), trace in self.of(arch):
            partner = self.runs.get(((other, width, hidden), seed))
            if partner is not None:
                yield ((arch, width, hidden), seed), trace, partner


def once(table: pl.DataFrame) -> pl.DataFrame:
    """Table that keeps measurements with the samples' own statistics only once, at the largest momentum.

    Momentum belongs to the moving averages. It changes neither the weights nor the samples' own statistics.
    """
    own = pl.col("bn") == "batch"
    largest = (
        pl.col("momentum").max().over("arch", "width", "hidden", "batch_size", "seed", "bn").eq_missing(pl.col("momentum"))
    )
    return table.filter(~own | largest)


def traces_of(rows: pl.DataFrame, measure: Measure) -> Traces:
    """The runs of one reading that have all its epochs, from the first on.

    Args:
        rows: Rows of one batch size, momentum and statistics of batch normalisation; and of one sum, standardisation and k
            where these change the measure.
        measure: What is taken for MI.

    Returns:
        The traces; without runs if nothing was measured after the first epoch, or nothing later.
    """
    key = ["arch", "width", "hidden", "seed", "epoch"]
    rows = rows.with_columns(VALUE[measure].alias("value")).drop_nulls(["value", "error"]).unique(key, keep="first").sort(key)
    points = rows.filter(pl.col("epoch") > 0)
    epochs = tuple(points["epoch"].unique().sort())
    unit = "" if measure in WITHOUT_UNIT or rows.is_empty() else str(rows["units"][0])
    if len(epochs) < 2 or epochs[0] != 1:
        return Traces(epochs, {}, measure, unit)
    before = {run[:-1]: run[-1] for run in rows.filter(pl.col("epoch") == 0).select(*key[:-1], "error").iter_rows()}
    runs = {}
    for (arch, width, hidden, seed), run in points.group_by(key[:-1], maintain_order=True):
        if run.height == len(epochs):
            runs[(str(arch), int(width), int(hidden)), int(seed)] = Trace(
                run["value"].to_numpy(), run["error"].to_numpy(), before.get((arch, width, hidden, seed), np.nan)
            )
    return Traces(epochs, runs, measure, unit)
