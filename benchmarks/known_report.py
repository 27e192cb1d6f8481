"""Results of `mi bench known` as tables, a picture and the page docs/known-mi.md."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks import rows
from benchmarks.report import COLOURS, unique
from mi_core.reliability import is_right
from mi_core.whole_files import whole_file

RESULTS = rows.REPOSITORY / "benchmarks" / "results" / "known"
PAGE = rows.REPOSITORY / "docs" / "known-mi.md"
PICTURE = PAGE.with_suffix(".png")
READINGS = "readings.jsonl"
LARGER = "larger of both"  # of ksg1 and the lower bound
OF_ALL_COLUMNS = ("ksg1",)  # programs whose verdict speaks of the MI of all columns
CHANCE = 2.0  # standard errors above the truth beyond which a reading counts as above it
VERDICTS = {"trust": COLOURS[2], "caution": COLOURS[4], "not bits": COLOURS[1]}


@dataclasses.dataclass(frozen=True)
class Reading:
    """What one program reads on one draw of a task of known MI, in bits.

    `status` is "ok", "over N s" or "failed: why". `kind` says what a lower bound was found by. `seconds` is the processor
    time of the estimate alone, over all threads, so that what else the machine does plays no part.
    """

    group: str
    task: str
    seed: int
    n: int
    dim_x: int
    dim_y: int
    truth: float
    program: str
    threads: int
    version: str = ""
    status: str = "ok"
    mi: float | None = None
    stderr: float | None = None
    verdict: str = ""
    kind: str = ""
    ceiling: float | None = None
    seconds: float | None = None
    commit: str = ""
    cpu: str = ""
    gpu: str = ""
    cores: int = 0
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    date: str = ""

    @property
    def error(self) -> float | None:
        """Reading less truth."""
        return None if self.mi is None else self.mi - self.truth

    @property
    def samples(self) -> tuple[str, int, int]:
        """What tells one draw from another."""
        return self.task, self.n, self.seed


def with_larger(readings: Sequence[Reading]) -> list[Reading]:
    """The readings, and after each lower bound the larger of it and ksg1, with the standard error of that one."""
    estimates = {one.samples: one for one in readings if one.program == "ksg1"}
    found = []
    for one in readings:
        found.append(one)
        other = estimates.get(one.samples)
        if one.program == "lower bound" and one.mi is not None and other is not None and other.mi is not None:
            mi, stderr = max((one.mi, one.stderr), (other.mi, other.stderr), key=lambda pair: pair[0])
            found.append(dataclasses.replace(one, program=LARGER, mi=mi, stderr=stderr, kind="", seconds=None))
    return found


def line(reading: Reading) -> str:
    """One reading in words, for who waits."""
    if reading.mi is None:
        return f"{reading.program} {reading.status}"
    return f"{reading.program} {cell(reading)} bits, truth {reading.truth:.2f}, {reading.seconds:.3g} s"


def cell(reading: Reading | None) -> str:
    """A reading with its error bar, verdict and kind, as far as it has them."""
    if reading is None:
        return ""
    if reading.mi is None:
        return reading.status.split(":")[0]
    bar = "" if reading.stderr is None else f" +- {reading.stderr:.2f}"
    said = ", ".join(word for word in (reading.verdict, reading.kind) if word)
    return f"{reading.mi:.2f}{bar}" + (f" ({said})" if said else "")


def text(readings: Sequence[Reading]) -> str:
    """Markdown: summary and table of each group."""
    groups = unique(one.group for one in readings)
    parts = [f"## {group}\n\n{summary(readings, group)}\n\n{table(readings, group)}" for group in groups]
    return "\n\n".join([*parts, circumstances(readings)]) + "\n"


def write(readings: Sequence[Reading], path: Path) -> str:
    """Write all tables to a file; return them."""
    tables = text(readings)
    with whole_file(path) as file:
        file.write(tables.encode())
    return tables


def circumstances(readings: Sequence[Reading]) -> str:
    """One line: machine and versions, of all machines and commits that took part."""

    def each(facts: Sequence[str]) -> str:
        return " and ".join(unique(facts))

    programs = [f"{one.program} {one.version}" for one in readings if one.version]
    machine = each([f"{one.cpu}, {one.threads} of {one.cores} cores" for one in readings])
    numpy = each([f"numpy {one.versions['numpy']}" for one in readings if "numpy" in one.versions])
    parts = [machine, numpy, ", ".join(unique(programs)), f"commit {each([one.commit for one in readings])}"]
    return "; ".join(part for part in [*parts, each([one.date[:10] for one in readings])] if part)


def table(readings: Sequence[Reading], group: str) -> str:
    """Markdown: a line for each draw of a task in a group, a column for each program."""
    some = with_larger([one for one in readings if one.group == group])
    programs = unique(one.program for one in some)
    found = {(one.samples, one.program): one for one in some}
    lines = [f"| task | samples, dimensions | truth | {' | '.join(programs)} |", "|---" * (3 + len(programs)) + "|"]
    for one in {one.samples: one for one in some}.values():
        cells = [one.task, f"{one.n:,}, {one.dim_x}+{one.dim_y}", f"{one.truth:.2f}"]
        cells += [cell(found.get((one.samples, program))) for program in programs]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def summary(readings: Sequence[Reading], group: str) -> str:
    """Markdown: a line for each program, over the tasks of a group that it has read."""
    some = with_larger([one for one in readings if one.group == group])
    lines = [
        "| program | tasks | mean error, bits | mean of reading - truth | worst | above the truth by two standard errors "
        "| trust, of it wrong | median processor seconds |",
        "|---" * 8 + "|",
    ]
    for program in unique(one.program for one in some):
        of_it = [one for one in some if one.program == program]
        read = [one for one in of_it if one.mi is not None and one.error is not None]
        lines.append(f"| {' | '.join([program, *summary_cells(read, len(of_it))])} |")
    return "\n".join(lines)


def summary_cells(read: Sequence[Reading], tried: int) -> list[str]:
    """Cells on one program: tasks read, of those tried; errors; how often too high, and wrongly trusted; seconds."""
    tasks = f"{len(read)}" if len(read) == tried else f"{len(read)} of {tried}"
    if not read:
        return [tasks, *[""] * 6]
    errors = [one.error or 0.0 for one in read]
    worst = max(read, key=lambda one: abs(one.error or 0.0))
    with_bars = [(one.error or 0.0, one.stderr) for one in read if one.stderr is not None]
    above = sum(error > CHANCE * stderr for error, stderr in with_bars)
    judged = [one for one in read if one.verdict and one.program in OF_ALL_COLUMNS]
    trusted = [one for one in judged if one.verdict == "trust"]
    wrong = sum(not is_right(one.mi or 0.0, one.truth, one.stderr, "bits") for one in trusted)
    seconds = [one.seconds for one in read if one.seconds is not None]
    return [
        tasks,
        f"{statistics.fmean(map(abs, errors)):.3f}",
        f"{statistics.fmean(errors):+.3f}",
        f"{worst.error:+.2f}: {worst.task}",
        f"{above} of {len(with_bars)}" if with_bars else "",
        f"{len(trusted)}, {wrong}" if judged else "",
        f"{statistics.median(seconds):.2g}" if seconds else "",
    ]


def draw(readings: Sequence[Reading], path: Path) -> None:
    """Reading against truth, a panel for all groups of one kind: ksg1 in the colour of its verdict, and the lower bound."""
    from matplotlib.figure import Figure

    shown = [one for one in readings if one.mi is not None and one.program in ("ksg1", "lower bound")]
    kinds = unique(kind_of(one) for one in shown)
    figure = Figure(figsize=(3.1 * len(kinds), 3.7), layout="constrained")
    styles = [("ksg1", verdict, {"marker": "o", "s": 24, "facecolors": colour}) for verdict, colour in VERDICTS.items()]
    styles.append(("lower bound", "", {"marker": "^", "s": 30, "facecolors": "none", "edgecolors": "black", "lw": 0.8}))
    for axis, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        some = [one for one in shown if kind_of(one) == kind]
        most = 1.08 * max(0.1, *(max(one.truth, one.mi or 0.0) for one in some))
        axis.plot([0, most], [0, most], color="black", lw=0.8)
        for program, verdict, style in styles:
            points = [(one.truth, one.mi) for one in some if (one.program, one.verdict) == (program, verdict)]
            axis.scatter(*zip(*points, strict=True) if points else ([], []), label=f"{program} {verdict}".strip(), **style)
        axis.set(title=kind, xlabel="truth in bits", xlim=(-0.04 * most, most), ylim=(-0.06 * most, most))
        axis.grid(visible=True, alpha=0.3)
    figure.axes[0].set_ylabel("reading in bits")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    with whole_file(path) as file:
        figure.savefig(file, format="png", dpi=110)


def kind_of(reading: Reading) -> str:
    """What stands before the colon in the name of its group."""
    return reading.group.partition(":")[0]


def filled(page: str, readings: Sequence[Reading]) -> str:
    """A page whose tables, between lines like <!-- table: bmi --> and <!-- end -->, are those of the readings."""
    parts = {f"table: {group}": table(readings, group) for group in unique(one.group for one in readings)}
    parts |= {f"summary: {group}": summary(readings, group) for group in unique(one.group for one in readings)}
    parts["circumstances"] = circumstances(readings)
    for name, shown in parts.items():
        before, mark, rest = page.partition(f"<!-- {name} -->\n")
        if mark:
            page = f"{before}{mark}\n{shown}\n\n<!-- end -->{rest.partition('<!-- end -->')[2]}"
    return page


def main() -> None:
    """Write the tables of the kept rows, and those and the picture of the page, again."""
    readings = rows.read(RESULTS / READINGS, Reading)
    write(readings, (RESULTS / READINGS).with_suffix(".md"))
    draw(readings, PICTURE)
    page = filled(PAGE.read_text(encoding="utf-8"), readings)
    with whole_file(PAGE) as file:
        file.write(page.encode())
