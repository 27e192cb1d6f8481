"""Tables and pictures from rows. `mi bench report` remakes those of all rows in benchmarks/results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.rows import REPOSITORY, Row, read
from mi_core.whole_files import whole_file

Series = dict[str, set[tuple[int, float]]]

# Okabe & Ito's colours, which colour-blind readers can tell apart, and grey
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#999999", "#000000")
MARKERS = "osD^vPX*h"


def write(rows: Sequence[Row], stem: Path) -> str:
    """Write stem.md, stem.png and stem.svg; return the text of the first."""
    text = f"{table(rows)}\n\n{circumstances(rows)}\n"
    with whole_file(stem.with_suffix(".md")) as file:
        file.write(text.encode())
    draw(rows, stem)
    return text


def table(rows: Sequence[Row]) -> str:
    """Markdown: one line a task, one column a program; seconds, or bias +- spread in bits for accuracy."""
    programs = unique(row.peer for row in rows)
    found = {(row.task, row.peer): row for row in rows}
    cell = bias_cell if rows[0].suite == "accuracy" else seconds_cell
    lines = ["| task | " + " | ".join(programs) + " |", "|---|" + "---|" * len(programs)]
    for task in unique(row.task for row in rows):
        cells = [cell(found[task, program]) if (task, program) in found else "" for program in programs]
        lines.append(f"| {task} | " + " | ".join(cells) + " |")
    missing = unique(f"{row.peer}: {row.status}" for row in rows if row.status.startswith("missing"))
    return "\n".join([*lines, *(["", "Not measured: " + "; ".join(missing)] if missing else [])])


def unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def seconds_cell(row: Row) -> str:
    if row.seconds is None:
        return row.status.split(":")[0]
    wrong = "" if row.counts_equal in (True, None) else " WRONG COUNTS"
    return f"{row.seconds:.3g}{wrong}"


def bias_cell(row: Row) -> str:
    if row.mi is None or row.truth is None:
        return row.status.split(":")[0]
    spread = "" if row.spread is None else f" +- {row.spread / np.log(2):.3f}"
    return f"{(row.mi - row.truth) / np.log(2):+.3f}{spread}"


def circumstances(rows: Sequence[Row]) -> str:
    """One line: what a reader must know of the machine to read the numbers."""
    row = rows[0]
    versions = ", ".join(f"{name} {version}" for name, version in row.versions.items() if name in ("python", "numpy", "numba"))
    machine = f"{row.cpu}, {row.threads} of {row.cores} cores, {row.dtype}, k={row.k}"
    return f"{machine}; {versions}; commit {row.commit}; {row.date[:10]}"


def draw(rows: Sequence[Row], stem: Path) -> list[Path]:
    """Write stem.png and stem.svg."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "ksg-mi"  # the same rows give the same file
    panels = {"speed": draw_speed, "scaling": draw_scaling, "accuracy": draw_accuracy, "hard": draw_hard}
    figure = panels[rows[0].suite](rows, plt)
    figure.supxlabel(circumstances(rows), fontsize=7)
    paths = [stem.with_suffix(".png"), stem.with_suffix(".svg")]
    for path in paths:
        kind = path.suffix[1:]
        with whole_file(path) as file:
            figure.savefig(file, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else None)
    plt.close(figure)
    return paths


def draw_speed(rows, plt):
    """Seconds against samples for one dimension a side, and against dimensions at 10,000 samples."""
    narrow = [row for row in rows if (row.kind, row.dim_x, row.dim_y) == ("correlated", 1, 1)]
    growing = [row for row in rows if row.n == 10_000 and row.dim_x == row.dim_y and row.kind in ("correlated", "gaussian")]
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), sharey=True, layout="constrained")
    for axis, shown, size in ((axes[0], narrow, "n"), (axes[1], growing, "dim_x")):
        for peer, style in styles(rows):
            points = sorted((getattr(row, size), row.seconds) for row in shown if row.peer == peer and row.seconds)
            if points:
                axis.loglog(*zip(*points, strict=True), label=peer, **style)
        axis.grid(visible=True, which="major", alpha=0.3)
    axes[0].set(title="1+1 dimensions, correlated Gaussians", xlabel="samples")
    axes[1].set(title="10,000 samples, Gaussians", xlabel="dimensions a side")
    axes[0].set_ylabel("seconds (median)")
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside right center", fontsize=8, frameon=False)
    return figure


def draw_scaling(rows, plt):
    """Seconds against samples and against dimensions, each line with the exponent of its power law."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
    samples: Series = {}
    dimensions: Series = {}
    for row in rows:
        if row.seconds and row.peer == rows[0].peer:
            samples.setdefault(f"{row.kind} {row.dim_x}+{row.dim_y}", set()).add((row.n, row.seconds))
            dimensions.setdefault(f"{row.kind}, N={row.n:,}", set()).add((row.dim_x, row.seconds))
    for axis, lines, size in ((axes[0], samples, "samples"), (axes[1], dimensions, "dimensions a side")):
        drawn = {name: sorted(points) for name, points in lines.items() if len(points) > 1}
        for (name, points), colour, marker in zip(drawn.items(), COLOURS * 4, MARKERS * 4, strict=False):
            label = f"{name}: {exponent(points):.2f}"
            axis.loglog(*zip(*points, strict=True), color=colour, marker=marker, ms=4, label=label)
        axis.set(xlabel=size, ylabel="seconds (median)", title=f"legend: exponent of {size}")
        axis.grid(visible=True, which="major", alpha=0.3)
        axis.legend(fontsize=8, frameon=False)
    return figure


def exponent(points):
    """Slope of log seconds over log size, by least squares over the upper three points: fixed costs bend the start."""
    sizes, seconds = np.log(np.array(points[-3:], dtype=float)).T
    return np.polyfit(sizes, seconds, 1)[0]


def draw_hard(rows, plt):
    """Seconds of each program on each task."""
    tasks = unique(row.task for row in rows)
    figure, axis = plt.subplots(figsize=(9, 0.3 * len(tasks) + 1.6), layout="constrained")
    for place, peer in enumerate(unique(row.peer for row in rows)):
        found = {row.task: row.seconds for row in rows if row.peer == peer and row.seconds}
        style = {"color": COLOURS[place], "marker": MARKERS[place], "ls": "none"}
        axis.semilogx(list(found.values()), [tasks.index(task) for task in found], label=peer, **style)
    axis.set(yticks=range(len(tasks)), yticklabels=tasks, xlabel="seconds (median)")
    axis.grid(visible=True, axis="x", alpha=0.3)
    axis.invert_yaxis()
    figure.legend(loc="outside upper center", ncols=5, fontsize=8, frameon=False)
    return figure


def draw_accuracy(rows, plt):
    """Bias of each program on each task, with the spread over data sets."""
    tasks = unique(row.task for row in rows)
    figure, axis = plt.subplots(figsize=(9, 0.42 * len(tasks) + 1.6), layout="constrained")
    for place, (peer, style) in enumerate(styles(rows)):
        found = {row.task: row for row in rows if row.peer == peer and row.mi is not None and row.truth is not None}
        heights = [tasks.index(task) + 0.08 * (place - 3) for task in found]
        biases = [(row.mi - row.truth) / np.log(2) for row in found.values()]
        spreads = [(row.spread or 0) / np.log(2) for row in found.values()]
        axis.errorbar(biases, heights, xerr=spreads, label=peer, **{**style, "ls": "none", "ms": 3})
    axis.axvline(0, color="black", lw=0.8)
    axis.set(
        yticks=range(len(tasks)), yticklabels=tasks, xlabel="estimate - truth in bits; bars: standard deviation over data sets"
    )
    axis.set_xscale("symlog", linthresh=0.1)
    axis.invert_yaxis()
    figure.legend(loc="outside upper center", ncols=5, fontsize=8, frameon=False)
    return figure


def styles(rows):
    """Each program with its colour and marker; ours thicker, and only as "auto" chooses, to keep the picture clear."""
    shown = [peer for peer in unique(row.peer for row in rows) if peer == "mi auto" or not peer.startswith("mi ")]
    for place, peer in enumerate(shown):
        style = {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)], "ms": 4}
        yield peer, {**style, "lw": 2.5 if peer == "mi auto" else 1, "ls": "-" if peer == "mi auto" else "--"}


def main() -> None:
    """Write tables and pictures of all rows in benchmarks/results again, and print the tables."""
    for results in sorted((REPOSITORY / "benchmarks" / "results").glob("*.jsonl")):
        print(write(read(results, Row), results))
