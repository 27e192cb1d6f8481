"""Verdicts on every claim, from numbers computed from the table of results, under every reading that the table has.

A reading says how the network was updated, which statistics of batch normalisation were taken, where the last layer of a
network with a shortcut is, and what was taken for MI. Claims about errors alone depend on the first two.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import polars as pl

from mi_core.options import Standardize
from trainer.config import Statistics
from trainer.reproduction.claims import CLAIMS, Claim
from trainer.reproduction.names import SIDES, SUMS, LastLayer, name_of_batch
from trainer.reproduction.parts import LEVEL, Part, Ruling, holm
from trainer.reproduction.traces import MEASURES, Measure, once, traces_of

KSG = ("MI", "MI less null", "MI of 10 components")  # measures that depend on k and on the scale of the sides


@dataclasses.dataclass(frozen=True)
class Reading:
    """One choice of everything that the paper leaves open; None for a part that does not apply.

    Attributes:
        batch_size: None for the whole training set in one update.
        momentum: Momentum of the moving averages; None for the samples' own statistics.
        bn: Statistics of batch normalisation while measuring, "inference" or "batch".
        measure: What is taken for MI; "error" for claims about errors alone.
        sum: Last layer "after" or "before" the sum; None for errors.
        standardize: Scaling of the sides; None where it changes nothing.
        k: Neighbour order; None where it changes nothing.
    """

    batch_size: int | None
    momentum: float | None
    bn: Statistics
    measure: Measure
    sum: LastLayer | None = None
    standardize: Standardize | None = None
    k: int | None = None

    def rows(self, table: pl.DataFrame) -> pl.DataFrame:
        """The rows of a table that count."""
        given = {"momentum": self.momentum, "sum": self.sum, "standardize": self.standardize, "k": self.k}
        chosen = [pl.col(name) == value for name, value in given.items() if value is not None]
        return table.filter(pl.col("batch_size").eq_missing(self.batch_size), pl.col("bn") == self.bn, *chosen)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A claim under one reading.

    Attributes:
        claim: Number of the claim, from 1.
        says: What the paper says.
        update: "full batch", or "mini-batches of 1,000" and so on.
        momentum: Momentum of the moving averages of batch normalisation; None for the samples' own statistics.
        bn: Statistics of batch normalisation while measuring, "inference" or "batch".
        sum: Last layer "after" or "before" the sum; None for claims about errors.
        standardize: Scaling of the sides; None where it changes nothing.
        k: Neighbour order; None where it changes nothing.
        measure: What was taken for MI, "error" for claims about errors alone.
        verdict: The ruling on the claim.
        p: P-value of the verdict; 1 if undecided.
        p_holm: P-value corrected for the number of claims under this reading.
        holm: The verdict, undecided where `p_holm` is 0.05 or more.
        measured: The numbers, in words.
        statistic: Mean over the initialisations, of the part that decided.
        low: Lower end of its 95 % interval.
        high: Upper end.
        detectable: Mean that would be told from 0 in 80 % of repeats.
        settings: Number of network settings in it.
        seeds: Number of initialisations.
    """

    claim: int
    says: str
    update: str
    momentum: float | None
    bn: Statistics
    sum: LastLayer | None
    standardize: Standardize | None
    k: int | None
    measure: Measure
    verdict: Ruling
    p: float
    p_holm: float
    holm: Ruling
    measured: str
    statistic: float
    low: float
    high: float
    detectable: float
    settings: int
    seeds: int


def judge(table: pl.DataFrame) -> list[Verdict]:
    """Verdicts on every claim under every reading that the table has.

    Args:
        table: As `results.collect` makes it. Runs that were not measured at every epoch of their kind are left out.
    """
    table = once(table)
    return [verdict for reading in readings_of(table) for verdict in under(reading, table)]


def readings_of(table: pl.DataFrame) -> Iterator[Reading]:
    """Readings that a table may have rows for, the usual one first."""
    ways = table.select("batch_size", "bn", momentum=pl.when(pl.col("bn") == "inference").then("momentum")).unique()
    ways = ways.sort("batch_size", "bn", "momentum", descending=[False, True, True], nulls_last=[False, False, True])
    ks = table["k"].unique().sort().to_list()
    scalings = [name for name in SIDES if name in table["standardize"]]
    for (batch_size, bn, momentum), measure in itertools.product(ways.rows(), MEASURES):
        if measure == "error":
            yield Reading(batch_size, momentum, bn, measure)
            continue
        varies = itertools.product(SUMS, scalings, ks) if measure in KSG else itertools.product(SUMS, (None,), (None,))
        yield from (Reading(batch_size, momentum, bn, measure, *rest) for rest in varies)


def under(reading: Reading, table: pl.DataFrame) -> list[Verdict]:
    """Verdicts on the claims under one reading, without those that the table has nothing on."""
    traces = traces_of(reading.rows(table), reading.measure)
    if not traces.runs:
        return []
    about = "error" if reading.measure == "error" else "MI"
    judged = [(claim, [part for part in claim.parts(traces) if part.values]) for claim in CLAIMS.values() if claim.of == about]
    judged = [(claim, parts) for claim, parts in judged if parts]
    rulings = [rule(parts) for _, parts in judged]
    corrected = holm([p for _, p, _ in rulings])
    return [
        _verdict(claim, reading, parts, *ruling, p_holm)
        for (claim, parts), ruling, p_holm in zip(judged, rulings, corrected, strict=True)
    ]


def rule(parts: Sequence[Part]) -> tuple[Ruling, float, Part]:
    """The ruling on a claim by its parts, its p-value, and the part that decided.

    A claim holds if all parts hold; p is the largest of theirs. It does not hold if one of them does not; p is the smallest of
    those that speak against it, times the number of parts.
    """
    rulings = [part.ruling() for part in parts]

    def p(part: Part) -> float:
        return part.interval().p

    against = [part for part, ruling in zip(parts, rulings, strict=True) if ruling == "does not hold"]
    if against:
        part = min(against, key=p)
        return "does not hold", min(1.0, len(parts) * p(part)), part
    open_ = [part for part, ruling in zip(parts, rulings, strict=True) if ruling == "undecided"]
    if open_:
        return "undecided", 1.0, open_[0]
    part = max(parts, key=p)
    return "holds", p(part), part


def _verdict(
    claim: Claim, reading: Reading, parts: Sequence[Part], ruling: Ruling, p: float, part: Part, p_holm: float
) -> Verdict:
    found = part.interval()
    return Verdict(
        claim=claim.number,
        says=claim.says,
        update=name_of_batch(reading.batch_size),
        momentum=reading.momentum,
        bn=reading.bn,
        sum=reading.sum,
        standardize=reading.standardize,
        k=reading.k,
        measure=reading.measure,
        verdict=ruling,
        p=p,
        p_holm=p_holm,
        holm=ruling if p_holm < LEVEL else "undecided",
        measured="; ".join(part.words() for part in parts) + ".",
        statistic=found.mean,
        low=found.low,
        high=found.high,
        detectable=found.detectable,
        settings=len(part.by_setting()),
        seeds=len(part.by_seed()),
    )
