"""Summary of the verdicts: claims down and ways of training and measuring across, under the usual reading.

The usual reading takes MI at the smallest k with the sides as they are. Each cell also counts the other readings that agree.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from trainer.reproduction.judging import Verdict
from trainer.reproduction.names import LastLayer, name_of_statistics
from trainer.reproduction.traces import MEASURES

Way = tuple[str, str]
"""Updates and statistics of batch normalisation, in words."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """A claim under one way of training and measuring.

    Attributes:
        verdict: Verdict under the usual reading.
        agree: Number of readings with the same verdict, this one among them.
        readings: Number of readings: all k, scalings of the sides and measures.
    """

    verdict: Verdict
    agree: int
    readings: int

    @property
    def taken_back(self) -> bool:
        """Whether the correction for several claims leaves it undecided."""
        return self.verdict.holm != self.verdict.verdict

    @property
    def count(self) -> str:
        """How many readings agree; "" for claims that have one reading."""
        return "" if self.readings == 1 else f"{self.agree} of {self.readings} readings"


def way_of(verdict: Verdict) -> Way:
    """Way of training and measuring that a verdict is on."""
    return verdict.update, name_of_statistics(verdict.bn, verdict.momentum)


def ways_of(verdicts: Sequence[Verdict]) -> list[Way]:
    """All ways, in the order of the verdicts."""
    return list(dict.fromkeys(way_of(verdict) for verdict in verdicts))


def usual(verdicts: Sequence[Verdict], place: LastLayer = "after") -> list[Verdict]:
    """Verdicts under the usual reading and those on errors, which have one reading only."""
    groups: dict[tuple[int, Way], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.sum in (place, None):
            groups.setdefault((verdict.claim, way_of(verdict)), []).append(verdict)
    return [min(group, key=_how_unusual) for group in groups.values()]


def cells(verdicts: Sequence[Verdict], place: LastLayer) -> dict[tuple[int, Way], Cell]:
    """The cells of a table, by claim and way; before the sum, only for claims on which the sum has a bearing."""
    found = {}
    after = {(verdict.claim, way_of(verdict)): verdict.measured for verdict in usual(verdicts)}
    chosen = usual(verdicts, place)
    differ = {verdict.claim for verdict in chosen if verdict.measured != after.get((verdict.claim, way_of(verdict)))}
    for verdict in chosen if place == "after" else [verdict for verdict in chosen if verdict.claim in differ]:
        key = verdict.claim, way_of(verdict)
        group = [other for other in verdicts if other.sum in (place, None) and (other.claim, way_of(other)) == key]
        found[key] = Cell(verdict, sum(other.verdict == verdict.verdict for other in group), len(group))
    return found


def _how_unusual(verdict: Verdict) -> tuple[int, bool, int]:
    return MEASURES.index(verdict.measure), verdict.standardize not in ("none", None), verdict.k or 0
