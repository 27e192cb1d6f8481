"""Readings in words, for verdicts, figures and the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mi_core.options import Standardize
from trainer.config import Statistics

LastLayer = Literal["after", "before"]

STATISTICS: Mapping[Statistics, str] = {
    "inference": "BatchNorm's moving averages",
    "batch": "the samples' own statistics",
}
SUMS: Mapping[LastLayer, str] = {"after": "last layer after the sum", "before": "last layer before the sum"}
SIDES: Mapping[Standardize, str] = {
    "none": "sides as they are",
    "sides": "sides on one scale",
    "columns": "columns on one scale",
}


def name_of_batch(batch_size: int | None) -> str:
    """The batch size in words."""
    return "full batch" if batch_size is None else f"mini-batches of {batch_size:,}"


def name_of_statistics(bn: Statistics, momentum: float | None) -> str:
    """The statistics of batch normalisation in words; momentum is that of the moving averages alone."""
    return STATISTICS[bn] if bn == "batch" else f"moving averages, momentum {momentum:g}"
