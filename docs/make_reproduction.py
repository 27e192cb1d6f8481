"""Verdicts and figures of reproduction.md, from the kept table of runs: `python docs/make_reproduction.py`.

It also writes claims.csv and claims.md beside that table.
"""

import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from trainer.reproduction import overview, results, verdict_files
from trainer.reproduction.claims import CLAIMS
from trainer.reproduction.experiments import load_experiment
from trainer.reproduction.figures import draw_panel
from trainer.reproduction.findings import SHOWS, draw_findings
from trainer.reproduction.judging import Verdict, judge

PAGE = Path(__file__).with_name("reproduction.md")
KEPT = Path(__file__).parent.parent / "benchmarks" / "results" / "reproduction"
WORDS = {"holds": "holds", "does not hold": "**no**", "undecided": "open"}
BETWEEN = re.compile(r"(?<=<!-- verdicts -->\n).*(?=<!-- end of verdicts -->)", re.DOTALL)


def page(text: str, verdicts: Sequence[Verdict]) -> str:
    """The text with the table of verdicts in its place."""
    return BETWEEN.sub(lambda _: table(verdicts), text)


def table(verdicts: Sequence[Verdict]) -> str:
    """Claims down, ways of training and measuring across, under the usual reading after the sum."""
    cells, ways = overview.cells(verdicts, "after"), overview.ways_of(verdicts)
    lines = ["| claim | " + " | ".join(map(short, ways)) + " |", "|---|" + "---|" * len(ways)]
    for claim in CLAIMS.values():
        row = (cell_of(cells.get((claim.number, way))) for way in ways)
        lines.append(f"| {claim.number}. {claim.says.removesuffix('.')} | " + " | ".join(row) + " |")
    return "\n".join([*lines, ""])


def short(way: overview.Way) -> str:
    """A way in two words, such as "full, 0.99"."""
    update, statistics = way
    return f"{update.replace(' batch', '').replace('mini-batches of ', '')}, {statistics.split()[-1]}".replace(
        "statistics", "own"
    )


def cell_of(cell: overview.Cell | None) -> str:
    """A verdict, whether it stands after correction, and how many readings agree."""
    if cell is None:
        return "–"
    mark = verdict_files.TAKEN_BACK if cell.taken_back else ""
    return f"{WORDS[cell.verdict.verdict]}{mark}" + (f" {cell.agree}/{cell.readings}" if cell.readings > 1 else "")


def main() -> None:
    """Write all files."""
    frame = results.read(KEPT)
    verdicts = judge(frame)
    verdict_files.write(verdicts, KEPT)
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), verdicts), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        draw_findings(frame, folder)
        draw_panel(frame, load_experiment("fig4a", "cpu"), folder)
        for name in SHOWS:
            shutil.copy(Path(folder) / f"finding-{name}.png", PAGE.with_name(f"reproduction-{name}.png"))
        shutil.copy(Path(folder) / "fig4a-inference-full-after-k3.png", PAGE.with_name("reproduction-fig4a.png"))


if __name__ == "__main__":
    main()
