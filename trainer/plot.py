"""Pictures of runs, drawn from their tables, and of networks, drawn from the built model."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mi_core import InputError
from mi_core.text import boxes_for_glyphs, in_figure
from mi_core.whole_files import whole_file
from trainer.config import Pair, Statistics
from trainer.layer_names import file_name
from trainer.run import RunFolder
from trainer.table import Row, Table, with_names

if TYPE_CHECKING:
    import keras
    from matplotlib.axes import Axes
    from matplotlib.text import Text

LONGEST_PART = 100  # bytes of the tables' names, and of the pair's, in the name of a picture: systems take 255 in all
MARKERS = "osD^vPX*"
COLOURS = {"Dense": "#cfe0f3", "Add": "#f6d9b8", "InputLayer": "0.92"}
SUM_COLOUR = "#c06000"
SHORT_KINDS = {"BatchNormalization": "BatchNorm", "InputLayer": "Input"}


@dataclasses.dataclass(frozen=True)
class Trace:
    """The rows of one run that a picture shows, oldest first, all with an estimate."""

    label: str
    rows: list[Row]

    @property
    def epochs(self) -> list[int]:
        """Epochs trained before each row."""
        return [row.epoch for row in self.rows]

    @property
    def mi(self) -> list[float]:
        """Estimates."""
        return [row.mi for row in self.rows if row.mi is not None]

    @property
    def errors(self) -> list[float]:
        """Errors of the network, where they were measured."""
        return [row.error for row in self.rows if row.error is not None]

    def with_error(self) -> Trace:
        """The trace without rows that have no error of the network."""
        return Trace(self.label, [row for row in self.rows if row.error is not None])

    @property
    def error_bars(self) -> list[float] | None:
        """Standard errors; None unless every row has one."""
        bars = [row.stderr for row in self.rows if row.stderr is not None]
        return bars if len(bars) == len(self.rows) else None


def plot_runs(
    runs: Sequence[str | Path], out: str | Path, pair: Pair | None = None, bn: Statistics | None = None, k: int | None = None
) -> list[Path]:
    """Draw MI over epochs for one or several runs, and MI against the network's error where it was measured.

    Args:
        runs: Folders of runs, or tables that a callback has written.
        out: Folder for mi-epochs.png, mi-epochs.svg, mi-error.png and mi-error.svg. For tables, their names replace mi; a
            `pair` that was asked for is appended.
        pair: Layers whose MI is shown; None for the first pair of the first run.
        bn: Statistics of batch normalisation; None for the first of the first run.
        k: Neighbour order; None for the first of the first run, or for those that the estimates have where they differ from
            epoch to epoch, as in a series.

    Returns:
        The files written.

    Raises:
        InputError: A path is neither a run nor a table, or has no such rows; or `out` cannot be written.
    """
    tables = told_apart([(Path(run), *read_rows(Path(run))) for run in runs])
    first = next((row for row in tables[0][2] if row.mi is not None), tables[0][2][0])
    stem = stem_of([Path(run) for run in runs], pair)
    pair, bn = pair or (first.x, first.y), bn or first.bn
    traces = [trace for table in tables for trace in _traces(*table, pair, bn, k, first.k)]
    units = {trace.rows[0].units for trace in traces}
    if len(units) > 1:
        raise InputError(f"the runs are in {' and '.join(sorted(units))}: draw those of one unit together.")
    out = Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}.") from error
    name = f"MI({in_figure(pair[0])}, {in_figure(pair[1])}), {traces[0].rows[0].units}"
    is_normalised = any(normalises(path, rows) for path, _, rows in tables)
    figures = {"error": _draw_mi_error(traces, name)} if any(trace.errors for trace in traces) else {}
    figures["epochs"] = draw_epochs(traces, name)
    how = how_measured(bn if is_normalised else None, orders(row for trace in traces for row in trace.rows))
    for figure in figures.values():
        figure.supxlabel(how, fontsize=7)
    return [path for kind, figure in figures.items() for path in save(figure, out / f"{stem}-{kind}")]


def stem_of(runs: Sequence[Path], pair: Pair | None) -> str:
    """Start of the pictures' names: mi, or the tables' names, to keep pictures of other tables; then the pair asked for."""
    names = [run.stem for run in runs] if all(run.is_file() for run in runs) else ["mi"]
    return file_name("-".join(shortened("-".join(words)) for words in (names, pair) if words))


def shortened(name: str) -> str:
    """Name as it is, or the start of a long one with a checksum of the whole, so that no two become the same."""
    content = os.fsencode(name)
    if len(content) <= LONGEST_PART:
        return name
    return f"{content[:LONGEST_PART].decode(errors='ignore')}-{hashlib.sha256(content).hexdigest()[:8]}"


def normalises(path: Path, rows: Sequence[Row]) -> bool:
    """Whether a network has batch normalisation: always in runs of `mi train`, and in tables if their rows show any."""
    return not path.is_file() or any(row.bn == "batch" for row in rows)


def line_of(row: Row) -> tuple[str, str, str, str, str]:
    """Key that the rows of one line over the epochs have in common, whatever their k."""
    return row.x, row.y, row.name, row.bn, row.standardize


def has_own_k(rows: Sequence[Row]) -> bool:
    """Whether each line has one k in an epoch, which may differ from epoch to epoch."""
    return len({(row.epoch, *line_of(row)) for row in rows}) == len(rows)


def in_usual_k(rows: Sequence[Row], first: int | None) -> list[Row]:
    """Rows of a line to show where no k is asked for: all if each epoch has its own, else those of `first` or of its own."""
    if has_own_k(rows):
        return list(rows)
    return [row for row in rows if row.k == (first if any(row.k == first for row in rows) else rows[0].k)]


def orders(rows: Iterable[Row]) -> str:
    """Neighbour orders of rows in words, such as 3, or 3 to 12; empty where no neighbours were sought."""
    found = sorted({row.k for row in rows if row.k is not None})
    return " to ".join(map(str, dict.fromkeys([found[0], found[-1]]))) if found else ""


def how_measured(bn: Statistics | None, k: str) -> str:
    """One line on the statistics of batch normalisation, None for a network without, and on the neighbour orders."""
    ways = {"inference": "moving averages", "batch": "the measured samples' own statistics"}
    words = [f"batch normalisation with {ways[bn]}" if bn else None, f"k={k}" if k else None]
    return "; ".join(filter(None, words))


def read_rows(path: Path) -> tuple[str, list[Row]]:
    """Label of a run in a picture, and its rows, from its folder or from a callback's table.

    Raises:
        InputError: `path` is neither, or has no rows.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder.")
    if path.is_file():
        label, rows = in_figure(path.stem), Table(path).rows()
    else:
        run = RunFolder(path)
        settings, rows = run.manifest().settings, run.table.rows()
        label = f"{settings.arch}, W {settings.width}, {settings.hidden} hidden, seed {settings.seed}"
    if not rows:
        raise InputError(f"{path} has no measurements.")
    return label, rows


def told_apart(tables: Sequence[tuple[Path, str, list[Row]]]) -> list[tuple[Path, str, list[Row]]]:
    """Paths, labels and rows of runs, with the part of the path that differs in labels that would be the same."""
    labels = [label for _, label, _ in tables]
    shared = os.path.commonpath([path.absolute().parent for path, _, _ in tables])
    return [
        (path, f"{label} ({in_figure(os.path.relpath(path, shared))})" if labels.count(label) > 1 else label, rows)
        for path, label, rows in tables
    ]


def _traces(
    path: Path, label: str, rows: Sequence[Row], pair: Pair, bn: Statistics, k: int | None, usual: int | None
) -> list[Trace]:
    """Traces of the measurements of one pair, one for each name in a table; of the `usual` k, or each epoch's own, for None."""
    of_pair = [row for row in rows if (row.x, row.y) == pair]
    if not of_pair:
        there = ", ".join(dict.fromkeys(f"{row.x}:{row.y}" for row in rows))
        raise InputError(f"{path} has no measurements of {pair[0]}:{pair[1]}: it has {there}.")
    if all(row.mi is None for row in of_pair):
        why = "".join(f": {with_names(note, row)}" for row in of_pair[-1:] for note in row.notes[-1:]) or "."
        raise InputError(f"{path}: of {pair[0]}:{pair[1]} nothing could be measured{why}")
    shown = [row for row in of_pair if row.bn == bn and k in (None, row.k) and row.mi is not None]
    if not shown:
        there = ", ".join(dict.fromkeys(f"{row.bn} with k={row.k}" for row in of_pair if row.mi is not None))
        wanted = f"{bn} statistics{f' and k={k}' if k else ''}"
        raise InputError(f"{path} has no measurements of {pair[0]}:{pair[1]} with {wanted}: it has {there}.")
    names = dict.fromkeys(row.name for row in shown)
    labels = {name: f"{label}, {in_figure(name)}" if name and len(names) > 1 else label for name in names}
    by_name = {name: in_one_scale([row for row in shown if row.name == name]) for name in names}
    return [Trace(labels[name], some if k else in_usual_k(some, usual)) for name, some in by_name.items()]


def in_one_scale(rows: Sequence[Row]) -> list[Row]:
    """Rows with the first of several standardisations."""
    return [row for row in rows if row.standardize == rows[0].standardize]


def _draw_mi_error(traces: Sequence[Trace], name: str) -> Figure:
    """Error against MI, as in figures 4 and 5 of Hodas & Stinis 2018, coloured by epoch."""
    figure = Figure(figsize=(7.5, 5.2), layout="constrained")
    axes = figure.subplots()
    colours = mpl.colors.Normalize(0, max(max(trace.epochs) for trace in traces))
    for number, trace in enumerate(trace.with_error() for trace in traces):
        error = trace.errors
        axes.plot(trace.mi, error, color="0.75", linewidth=0.8, zorder=1)
        axes.errorbar(trace.mi, error, xerr=trace.error_bars, fmt="none", ecolor="0.6", elinewidth=0.8, zorder=1)
        marker = MARKERS[number % len(MARKERS)]
        points = axes.scatter(trace.mi, error, c=trace.epochs, norm=colours, cmap="viridis", marker=marker, s=28, zorder=2)
        axes.scatter([], [], color="0.4", marker=marker, s=28, label=trace.label)  # a point's colour is its epoch's
    figure.colorbar(points, label="epochs trained", ticks=MaxNLocator(integer=True))
    _draw_limits(axes.axvline, traces)
    axes.set(xlabel=name, ylabel="error on the measured set")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)
    return figure


def draw_epochs(traces: Sequence[Trace], name: str) -> Figure:
    """MI over epochs, and below it the network's error where it was measured."""
    has_errors = any(trace.errors for trace in traces)
    figure = Figure(figsize=(7.5, 6 if has_errors else 3.6), layout="constrained")
    upper, *below = figure.subplots(2 if has_errors else 1, 1, sharex=True, squeeze=False)[:, 0]
    for number, trace in enumerate(traces):
        style: dict[str, Any] = {"color": f"C{number}", "marker": MARKERS[number % len(MARKERS)], "markersize": 3.5}
        upper.errorbar(trace.epochs, trace.mi, yerr=trace.error_bars, label=trace.label, linewidth=1.2, **style)
        with_error = trace.with_error()
        for lower in below:
            lower.plot(with_error.epochs, with_error.errors, linewidth=1.2, **style)
    _draw_limits(upper.axhline, traces)
    upper.set(ylabel=name)
    upper.legend(fontsize=8)
    for lower in below:
        lower.set(ylabel="error on the measured set")
        lower.set_ylim(bottom=0)
    lowest = [upper, *below][-1]
    lowest.set(xlabel="epochs trained")
    lowest.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _draw_limits(line: Any, traces: Sequence[Trace]) -> None:
    rows = [row for trace in traces for row in trace.rows]
    ceilings, nulls = ([row.ceiling for row in rows], [row.null for row in rows])
    draw_limits(line, [c for c in ceilings if c is not None], [n for n in nulls if n is not None])


def draw_limits(line: Callable[..., Any], ceilings: Iterable[float], nulls: Sequence[float]) -> None:
    """Draw the ceiling psi(N) - psi(k), and the mean of the nulls that were measured.

    Args:
        line: The axes' `axhline` or `axvline`.
        ceilings: Ceilings of the estimates shown; each is drawn once.
        nulls: Estimates with the pairing shuffled.
    """
    for number, ceiling in enumerate(sorted(set(ceilings))):
        line(ceiling, color="0.3", linestyle="--", linewidth=1, label=None if number else "ceiling")
    if nulls:
        line(sum(nulls) / len(nulls), color="0.3", linestyle=":", linewidth=1, label="null (shuffled pairing)")


def draw_topologies(models: Sequence[keras.Model]) -> Figure:
    """Layers of built models and their connections, from the input up, one model beside the other.

    Args:
        models: Functional models.
    """
    figure = Figure(
        figsize=(2.9 * len(models), 0.34 * max(len(model.operations) for model in models) + 0.4), layout="constrained"
    )
    for axes, model in zip(figure.subplots(1, len(models), squeeze=False, sharey=True)[0], models, strict=True):
        _draw_topology(axes, model)
    return figure


def _draw_topology(axes: Axes, model: keras.Model) -> None:
    boxes = {}
    for place, operation in enumerate(model.operations):
        kind = type(operation).__name__
        words = f"{operation.name}: {SHORT_KINDS.get(kind, kind)} {operation.output.shape[-1]}"
        box = {"boxstyle": "round,pad=0.3", "facecolor": COLOURS.get(kind, "white"), "edgecolor": "0.4"}
        boxes[operation.name] = axes.text(0, place, words, ha="center", va="center", fontsize=7, bbox=box, zorder=3)
    for operation in model.operations:
        for node in operation._inbound_nodes:
            for parent in node.parent_nodes:
                _draw_arrow(axes, boxes[parent.operation.name], boxes[operation.name])
    axes.set_xlim(-1, 1.3)
    axes.set_ylim(-0.7, max(axes.get_ylim()[1], len(boxes) - 0.3))
    axes.set_title(model.name.replace("_", "-"), fontsize=9)
    axes.set_axis_off()


def _draw_arrow(axes: Axes, source: Text, target: Text) -> None:
    """Arrow straight to the box above, or around the boxes between, in a wider curve for more of them."""
    start, end = source.get_position()[1], target.get_position()[1]
    style = {"arrowstyle": "-|>", "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0, "patchB": target.get_bbox_patch()}
    if end - start == 1:
        axes.annotate("", (0, end), (0, start), arrowprops=style | {"color": "0.4", "patchA": source.get_bbox_patch()})
        return
    away = 0.8 + 0.02 * (end - start)
    axes.plot([0, away, away], [start, start, end], color=SUM_COLOUR, linewidth=0.9, zorder=1)
    axes.annotate("", (0, end), (away, end), arrowprops=style | {"color": SUM_COLOUR})


def save(figure: Figure, stem: Path, dpi: int = 160) -> list[Path]:
    """Write stem.png, at `dpi` dots per inch, and stem.svg; equal figures give equal files."""
    paths = [stem.with_name(f"{stem.name}.png"), stem.with_name(f"{stem.name}.svg")]
    for path in paths:
        kind = path.suffix[1:]
        with mpl.rc_context({"svg.hashsalt": "ksg-mi"}), boxes_for_glyphs(), whole_file(path) as file:
            figure.savefig(file, format=kind, dpi=dpi, metadata={"Date": None} if kind == "svg" else None)
    return paths
