"""Verdicts on the paper's claims as files: a table for programs, and a page for people."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from mi_core.whole_files import whole_file
from trainer.reproduction.claims import CLAIMS
from trainer.reproduction.judging import Verdict


def write(verdicts: Sequence[Verdict], folder: str | Path) -> list[Path]:
    """Write claims.csv, one verdict a row, and claims.md, for people."""
    table, text = Path(folder) / "claims.csv", Path(folder) / "claims.md"
    with whole_file(table) as file:
        pl.DataFrame([dataclasses.asdict(verdict) for verdict in verdicts]).write_csv(file, float_precision=4)
    with whole_file(text) as file:
        file.write(as_markdown(verdicts).encode())
    return [table, text]


def as_markdown(verdicts: Sequence[Verdict]) -> str:
    """For each way of updating a table, claims down and readings across; then the numbers of the default reading."""
    updates, claims = (list(dict.fromkeys(getattr(v, name) for v in verdicts)) for name in ("update", "claim"))
    readings = list(dict.fromkeys((v.bn, v.sum) for v in verdicts))
    lines = ["# The claims of Hodas & Stinis 2018, judged", ""]
    for update in updates:
        of_update = [v for v in verdicts if v.update == update]
        lines += [f"## {update.capitalize()}", ""]
        lines += ["| claim | " + " | ".join(f"{bn} statistics, {place} the sum" for bn, place in readings) + " |"]
        lines += ["|---|" + "---|" * len(readings)]
        for claim in sorted(claims):
            cells = [_cell([v for v in of_update if (v.claim, v.bn, v.sum) == (claim, *reading)]) for reading in readings]
            lines += [f"| {claim}. {CLAIMS[claim].says} | " + " | ".join(cells) + " |"]
        lines += [""]
    lines += ["## Numbers", "", *_numbers(verdicts, updates), "", "## Why paper and measurement may differ", ""]
    return "\n".join([*lines, *(f"{claim}. {CLAIMS[claim].why_different}" for claim in sorted(claims)), ""])


def _cell(verdicts: Sequence[Verdict]) -> str:
    """The verdict with the smallest k and MI as it is, and those with other k or net of the null where they differ."""
    if not verdicts:
        return "not measured"
    usual = min(verdicts, key=lambda v: (v.net_of_null, v.k))
    others = [
        f"k={v.k}{', net of the null' if v.net_of_null else ''}: {v.verdict}" for v in verdicts if v.verdict != usual.verdict
    ]
    return f"**{usual.verdict}**" + (f" ({'; '.join(others)})" if others else "")


def _numbers(verdicts: Sequence[Verdict], updates: Sequence[str]) -> Iterator[str]:
    """What was measured under the first reading, inference statistics after the sum as a rule, claim by claim."""
    first = verdicts[0]
    yield (
        f"With {first.bn} statistics, {first.sum} the sum, k={first.k}; means over the settings and {first.seeds} "
        "initialisations, with 95 % intervals."
    )
    for update in updates:
        yield ""
        for v in verdicts:
            if (v.update, v.bn, v.sum, v.k, v.net_of_null) == (update, first.bn, first.sum, first.k, False):
                yield f"- {update}, claim {v.claim}, {v.verdict}: {v.measured}"
