"""Every claim judged by numbers computed from the table of results, under every reading that the table has."""

from __future__ import annotations

import dataclasses
import itertools

import polars as pl

from trainer.reproduction.claims import CLAIMS
from trainer.reproduction.parts import Ruling
from trainer.reproduction.traces import traces_of


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A claim under one reading.

    Attributes:
        claim: Its number, 1 to 7.
        says: What the paper says.
        update: "full batch", or "mini-batches of 1,000" and so on.
        bn: Statistics of batch normalisation while measuring, "inference" or "batch".
        sum: Last layer "after" or "before" the sum.
        k: Neighbour order.
        net_of_null: Whether MI is taken less that with shuffled pairing, at the epochs where that was measured.
        verdict: What was found.
        measured: The numbers, in words.
        statistic: Mean over the initialisations, of the part that decided.
        low: Lower end of its 95 % interval.
        high: Upper end.
        settings: Number of network settings in it.
        seeds: Number of initialisations.
    """

    claim: int
    says: str
    update: str
    bn: str
    sum: str
    k: int
    net_of_null: bool
    verdict: Ruling
    measured: str
    statistic: float
    low: float
    high: float
    settings: int
    seeds: int


def judge(table: pl.DataFrame) -> list[Verdict]:
    """Every claim under every reading that the table has: way of updating, bn, sum, k, and MI as it is or net of the null.

    Args:
        table: As `results.collect` makes it. Runs that were not measured at every epoch of their kind are left out.
    """
    verdicts = []
    readings = (
        table.select("batch_size", "bn", "sum", "k")
        .unique()
        .sort("batch_size", "bn", "sum", "k", descending=[False, True, False, False])
    )
    for (batch_size, bn, place, k), net_of_null in itertools.product(readings.rows(), (False, True)):
        rows = table.filter(
            pl.col("batch_size").eq_missing(batch_size), pl.col("bn") == bn, pl.col("sum") == place, pl.col("k") == k
        )
        of_errors = traces_of(rows, net_of_null=False)
        of_mi = traces_of(rows, net_of_null=True) if net_of_null else of_errors
        for claim in CLAIMS.values():
            parts = [part for part in claim.parts(of_errors if claim.of == "error" else of_mi) if part.values]
            if not parts:
                continue
            rulings = [part.ruling() for part in parts]
            ruling: Ruling = next((r for r in ("does not hold", "undecided") if r in rulings), "holds")
            deciding = parts[rulings.index(ruling)]
            mean, low, high = dataclasses.astuple(deciding.interval())
            verdicts.append(
                Verdict(
                    claim=claim.number,
                    says=claim.says,
                    update="full batch" if batch_size is None else f"mini-batches of {batch_size:,}",
                    bn=bn,
                    sum=place,
                    k=k,
                    net_of_null=net_of_null,
                    verdict=ruling,
                    measured="; ".join(part.words() for part in parts) + ".",
                    statistic=mean,
                    low=low,
                    high=high,
                    settings=len(deciding.by_setting()),
                    seeds=len(deciding.by_seed()),
                )
            )
    return verdicts
