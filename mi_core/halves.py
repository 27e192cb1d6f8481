"""One result from two halves of the samples, each reduced by a fit on the other half."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import get_args

from mi_core.results import MIResult, ShuffledNull, SizePoint, Verdict


def as_one(halves: Sequence[MIResult], null: ShuffledNull | None, independent_units: int | None) -> MIResult:
    """Mean of the estimates, with the gravest of the verdicts.

    Args:
        halves: Result on each half, for the same k.
        null: Null distribution from shuffled pairs, each fitted and estimated by halves like the samples themselves.
        independent_units: Number of independent units in all samples.
    """
    verdicts = [half.reliability for half in halves if half.reliability is not None]
    ceilings = [half.ceiling for half in halves if half.ceiling is not None]
    return dataclasses.replace(
        halves[0],
        mi=math.fsum(half.mi for half in halves) / len(halves),
        stderr=error_of_mean(halves),
        n_samples=sum(half.n_samples for half in halves),
        dim_x=max(half.dim_x for half in halves),
        dim_y=max(half.dim_y for half in halves),
        ceiling=sum(ceilings) / len(ceilings) if ceilings else None,
        seconds=sum(half.seconds for half in halves),
        notes=tuple(dict.fromkeys(note for half in halves for note in half.notes)),
        reliability=max(verdicts, key=lambda one: get_args(Verdict).index(one.verdict)) if verdicts else None,
        lower_bound=None,
        null=null,
        by_size=tuple(mean_of(points) for points in zip(*(half.by_size for half in halves), strict=False)),
        independent_units=independent_units,
    )


def error_of_mean(halves: Sequence[MIResult]) -> float | None:
    """Standard error of the mean of the halves' estimates; None if a half has none.

    The halves' own errors do not include the variation of the choice of columns, but the difference of the halves does: half
    of it is the spread of their mean, from one degree of freedom.
    """
    known = [half.stderr for half in halves if half.stderr is not None]
    if len(known) < len(halves):
        return None
    apart = max(half.mi for half in halves) - min(half.mi for half in halves)
    return max(math.hypot(*known) / len(known), apart / len(halves))


def mean_of(points: Sequence[SizePoint]) -> SizePoint:
    """Mean over the halves of their estimates on parts of equal size."""
    return SizePoint(
        points[0].n_samples,
        math.fsum(point.mi for point in points) / len(points),
        math.hypot(*(point.stderr for point in points)) / len(points),
    )
