"""Verdicts on the paper's claims as files: a table for programs, and a page for people."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from mi_core.whole_files import whole_file
from trainer.reproduction import overview
from trainer.reproduction.claims import CLAIMS
from trainer.reproduction.judging import Verdict
from trainer.reproduction.names import SUMS, LastLayer

TAKEN_BACK = "†"
LEGEND = (
    "Each cell has the verdict on MI at the smallest k with the sides as they are, and how many of all readings agree: every "
    f"k, scaling of the sides and measure. {TAKEN_BACK}: undecided once corrected for the number of claims (Holm). Claims "
    "about errors alone have one reading. Columns may rest on different networks. The table before the sum has the claims for "
    "which that makes a difference."
)


def write(verdicts: Sequence[Verdict], folder: str | Path) -> list[Path]:
    """Write claims.csv, one verdict a row, and claims.md, for people."""
    table, text = Path(folder) / "claims.csv", Path(folder) / "claims.md"
    with whole_file(table) as file:
        pl.DataFrame([dataclasses.asdict(verdict) for verdict in verdicts], infer_schema_length=None).write_csv(
            file, float_precision=6
        )
    with whole_file(text) as file:
        file.write(as_markdown(verdicts).encode())
    return [table, text]


def as_markdown(verdicts: Sequence[Verdict]) -> str:
    """A table of verdicts after the sum and one before it, claims down and ways across; then the numbers behind the first."""
    lines = ["# The claims of Hodas & Stinis 2018, judged", "", LEGEND, ""]
    for place in SUMS:
        lines += _table(verdicts, place)
    lines += ["## Numbers", "", *_numbers(verdicts), "", "## Why paper and measurement may differ", ""]
    claims = sorted({verdict.claim for verdict in verdicts})
    return "\n".join([*lines, *(f"{claim}. {CLAIMS[claim].why_different}" for claim in claims), ""])


def _table(verdicts: Sequence[Verdict], place: LastLayer) -> Iterator[str]:
    found, ways = overview.cells(verdicts, place), overview.ways_of(verdicts)
    if not found:
        return
    yield from (f"## {SUMS[place].capitalize()}", "")
    yield "| claim | " + " | ".join(", ".join(way) for way in ways) + " |"
    yield "|---|" + "---|" * len(ways)
    for claim in sorted({claim for claim, _ in found}):
        row = (_cell(found.get((claim, way))) for way in ways)
        yield f"| {claim}. {CLAIMS[claim].says} | " + " | ".join(row) + " |"
    yield ""


def _cell(cell: overview.Cell | None) -> str:
    if cell is None:
        return "not measured"
    mark = f" {TAKEN_BACK}" if cell.taken_back else ""
    return f"**{cell.verdict.verdict}**{mark}" + (f" ({cell.count})" if cell.count else "")


def _numbers(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """What was measured under the usual reading, way by way."""
    yield (
        "Last layer after the sum; means over the settings and initialisations, with 95 % intervals. In brackets the p-value, "
        "the same corrected for the number of claims, and, of the part that decided, the mean that 80 % of repeats would tell "
        "from 0."
    )
    chosen = overview.usual(verdicts)
    for way in overview.ways_of(verdicts):
        yield from ("", f"### {', '.join(way).capitalize()}", "")
        for v in sorted(chosen, key=lambda verdict: verdict.claim):
            if overview.way_of(v) == way:
                yield f"- claim {v.claim}, {v.verdict} ({_statistics(v)}): {v.measured}"


def _statistics(v: Verdict) -> str:
    by = ", ".join(f"{n} {what}{'s' if n != 1 else ''}" for n, what in ((v.settings, "setting"), (v.seeds, "initialisation")))
    return f"p {v.p:.2g}, corrected {v.p_holm:.2g}, detectable {v.detectable:.2g}, {by}"
