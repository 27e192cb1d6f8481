"""The paper's figures 4 and 5, and the same runs over updates, from the table of the runs.

Colour is the architecture, and its shade the width or depth; the marker is the architecture too. Each trace is one run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import matplotlib as mpl
import polars as pl
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from mi_core import InputError
from mi_core.options import Standardize
from trainer.config import Arch, Settings, Statistics
from trainer.plot import draw_limits, save
from trainer.reproduction.names import SIDES, SUMS, LastLayer, name_of_batch, name_of_statistics
from trainer.reproduction.traces import once

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from trainer.reproduction.experiments import Experiment

Network = tuple[Arch, int, int]  # width, hidden layers
Normalisation = tuple[Statistics, float | None]  # statistics of batch normalisation, and the momentum of moving averages


class Style(NamedTuple):
    """Name and drawing style of an architecture."""

    name: str
    colour: str
    marker: str


ARCHITECTURES: Mapping[Arch, Style] = {  # colours of Okabe & Ito, which colour-blind readers can tell apart
    "mlp": Style("MLP", "#0072B2", "o"),
    "shortcut": Style("MLP with shortcut", "#D55E00", "s"),
    "resnet": Style("ResNet", "#009E73", "^"),
    "shortcut-resnet": Style("ResNet with shortcut", "#CC79A7", "D"),
}
PLAIN = FuncFormatter(lambda value, _: f"{value:,g}")
BASE: dict[Any, Any] = {
    "font.size": 7,
    "axes.titlesize": 8,
    "legend.fontsize": 7,
    "axes.linewidth": 0.6,
    "lines.linewidth": 0.8,
}
COLUMN, PAGE = 3.5, 7.2  # inches, of a journal


def draw_all(frame: pl.DataFrame, experiment: Experiment, out: str | Path) -> list[Path]:
    """Draw all versions of one figure of the paper, at k=3: all readings, over updates, and the default reading by itself."""
    written = draw_experiment(frame, experiment, out)
    if any("shortcut" in arch for arch in experiment.archs):
        written += draw_experiment(frame, experiment, out, last="before")
    written += draw_updates(frame, experiment, out)
    usual = reading(_rows(frame, experiment, 3, "after"), ("inference", Settings.momentum), None)
    return written if usual.is_empty() else written + draw_panel(frame, experiment, out)


def draw_experiment(
    frame: pl.DataFrame,
    experiment: Experiment,
    out: str | Path,
    *,
    k: int = 3,
    last: LastLayer = "after",
    standardize: Standardize = "none",
) -> list[Path]:
    """Draw one of the paper's figures under every reading: MI across, error up, one trace for each run.

    Rows are the batch sizes, columns the statistics of batch normalisation: the moving averages at each momentum, and the
    samples' own statistics, which have none.

    Args:
        frame: Rows of runs, as from trainer.reproduction.results.
        experiment: Figure to draw.
        out: Folder for NAME-LAST-kK.png and .svg, such as fig4a-after-k3.png, or fig4a-after-k3-sides.png.
        k: Neighbour order.
        last: Whether the last layer is taken after or before the shortcut's sum.
        standardize: Scaling of the sides.

    Returns:
        The files written.

    Raises:
        InputError: The frame has no such rows; or `out` cannot be written.
    """
    rows = _rows(frame, experiment, k, last, standardize)
    batches, columns = batch_sizes(rows), statistics_in(rows)
    with mpl.rc_context(BASE):
        figure = Figure(figsize=(PAGE, 0.9 + 2.5 * len(batches)), layout="constrained")
        grid = figure.subplots(len(batches), len(columns), squeeze=False, sharex=True, sharey="row")
        for line, batch_size in zip(grid, batches, strict=True):
            for axes, norm in zip(line, columns, strict=True):
                _draw_traces(axes, reading(rows, norm, batch_size), experiment)
            line[0].set_ylabel(f"{name_of_batch(batch_size)}\ntest error")
        for axes, norm in zip(grid[0], columns, strict=True):
            axes.set_title(name_of_statistics(*norm))
        for axes in grid[-1]:
            axes.set_xlabel(_mi_label(rows))
        _draw_legend(figure, rows, experiment)
        figure.suptitle(f"{experiment.title}; {_how(last, k, standardize)}", fontsize=9)
        return save(figure, folder_for(out) / f"{experiment.name}-{last}-k{k}{_suffix(standardize)}", dpi=220)


def draw_panel(
    frame: pl.DataFrame,
    experiment: Experiment,
    out: str | Path,
    *,
    bn: Statistics = "inference",
    batch_size: int | None = None,
    momentum: float = Settings.momentum,
    k: int = 3,
    last: LastLayer = "after",
) -> list[Path]:
    """Draw one of the paper's figures under one reading, as wide as a journal's column.

    Args:
        frame: Rows of runs, as from trainer.reproduction.results.
        experiment: Figure to draw.
        out: Folder for NAME-BN-BATCH-LAST-kK.png and .svg, such as fig4a-inference-full-after-k3.png.
        bn: Statistics of batch normalisation.
        batch_size: None for the whole training set in one update.
        momentum: Momentum of the moving averages; the samples' own statistics have none.
        k: Neighbour order.
        last: Whether the last layer is taken after or before the shortcut's sum.

    Returns:
        The files written.

    Raises:
        InputError: The frame has no such rows; or `out` cannot be written.
    """
    norm: Normalisation = (bn, momentum if bn == "inference" else None)
    rows = reading(_rows(frame, experiment, k, last), norm, batch_size)
    if rows.is_empty():
        raise InputError(f"{experiment.name} has no results with {name_of_batch(batch_size)} and {name_of_statistics(*norm)}.")
    with mpl.rc_context(BASE):
        figure = Figure(figsize=(COLUMN, 3.3), layout="constrained")
        axes = figure.subplots()
        _draw_traces(axes, rows, experiment)
        axes.set(xlabel=_mi_label(rows), ylabel="test error")
        axes.set_title(f"{name_of_batch(batch_size)}, {name_of_statistics(*norm)}", fontsize=7)
        _draw_legend(figure, rows, experiment)
        batch = ("full" if batch_size is None else str(batch_size)) + (
            "" if momentum == Settings.momentum else f"-m{momentum:g}"
        )
        return save(figure, folder_for(out) / f"{experiment.name}-{bn}-{batch}-{last}-k{k}", dpi=300)


def draw_updates(
    frame: pl.DataFrame, experiment: Experiment, out: str | Path, *, k: int = 3, last: LastLayer = "after"
) -> list[Path]:
    """Draw MI and error against weight updates: the mean over the seeds, and a band from the lowest to the highest.

    Each batch size has a row of MI and one of errors; columns are the statistics of batch normalisation.

    Args:
        frame: Rows of runs, as from trainer.reproduction.results.
        experiment: Figure whose runs are drawn.
        out: Folder for NAME-updates-LAST-kK.png and .svg.
        k: Neighbour order.
        last: Whether the last layer is taken after or before the shortcut's sum.

    Returns:
        The files written.

    Raises:
        InputError: The frame has no such rows; or `out` cannot be written.
    """
    rows = _rows(frame, experiment, k, last)
    batches, columns = batch_sizes(rows), statistics_in(rows)
    with mpl.rc_context(BASE):
        figure = Figure(figsize=(PAGE, 0.9 + 3.2 * len(batches)), layout="constrained")
        grid = figure.subplots(2 * len(batches), len(columns), squeeze=False, sharey="row")
        for upper, lower, batch_size in zip(grid[::2], grid[1::2], batches, strict=True):
            for above, below, norm in zip(upper, lower, columns, strict=True):
                chosen = reading(rows, norm, batch_size)
                _draw_means(above, chosen, experiment, "mi")
                _draw_means(below, chosen, experiment, "error")
                _draw_limits(above.axhline, chosen)
                below.set_xlabel("weight updates")
            upper[0].set_ylabel(f"{name_of_batch(batch_size)}\n{_mi_label(rows)}")
            upper[0].yaxis.set_major_locator(MaxNLocator(7, integer=True))
            lower[0].set_ylabel(f"{name_of_batch(batch_size)}\ntest error")
            _scale_errors(lower[0])
        for axes, norm in zip(grid[0], columns, strict=True):
            axes.set_title(name_of_statistics(*norm))
        _draw_legend(figure, rows, experiment, ends=False)
        figure.suptitle(f"{experiment.title}; {_how(last, k)}", fontsize=9)
        return save(figure, folder_for(out) / f"{experiment.name}-updates-{last}-k{k}", dpi=220)


def of_experiment(frame: pl.DataFrame, experiment: Experiment) -> pl.DataFrame:
    """The rows of the experiment's networks."""
    return frame.filter(
        pl.col("arch").is_in(experiment.archs),
        pl.col("width").is_in(experiment.widths),
        pl.col("hidden").is_in(experiment.hidden),
    )


def colour(experiment: Experiment, arch: Arch, width: int, hidden: int) -> tuple[float, float, float]:
    """The architecture's colour, from light for the smallest width or depth of the experiment to dark for the largest."""
    base = ARCHITECTURES[arch].colour
    if experiment.varies == "arch":
        return to_rgb(base)
    values, value = (experiment.widths, width) if experiment.varies == "width" else (experiment.hidden, hidden)
    place = sorted(values).index(value) / max(1, len(values) - 1)
    other, share = ("white", 0.55 - 1.1 * place) if place < 0.5 else ("black", 1.3 * (place - 0.5))
    mixed = (share * there + (1 - share) * here for there, here in zip(to_rgb(other), to_rgb(base), strict=True))
    red, green, blue = mixed
    return red, green, blue


def statistics_in(rows: pl.DataFrame) -> list[Normalisation]:
    """Statistics of batch normalisation in a table: moving averages from the largest momentum down, then the samples' own."""
    momenta = rows.filter(pl.col("bn") == "inference")["momentum"].unique().sort(descending=True).to_list()
    own: list[Normalisation] = [("batch", None)] if "batch" in rows["bn"] else []
    return [("inference", momentum) for momentum in momenta] + own


def reading(rows: pl.DataFrame, norm: Normalisation, batch_size: int | None) -> pl.DataFrame:
    """The rows of one way of training and measuring."""
    bn, momentum = norm
    rows = rows.filter(pl.col("bn") == bn, pl.col("batch_size").eq_missing(batch_size))
    return rows if momentum is None else rows.filter(pl.col("momentum") == momentum)


def rows_of(
    frame: pl.DataFrame, experiment: Experiment, k: int = 3, last: LastLayer = "after", standardize: Standardize = "none"
) -> pl.DataFrame:
    """The rows that a figure of the experiment shows: of one reading, with MI and error."""
    return once(of_experiment(frame, experiment)).filter(
        pl.col("k") == k,
        pl.col("sum") == last,
        pl.col("standardize") == standardize,
        pl.col("mi").is_not_null(),
        pl.col("error").is_not_null(),
    )


def _rows(
    frame: pl.DataFrame, experiment: Experiment, k: int, last: LastLayer, standardize: Standardize = "none"
) -> pl.DataFrame:
    rows = rows_of(frame, experiment, k, last, standardize)
    if rows.is_empty():
        raise InputError(f"{experiment.name} has no results yet with {_how(last, k, standardize)}.")
    return rows.sort("arch", "width", "hidden", "run", "epoch")


def _how(last: LastLayer, k: int, standardize: Standardize = "none") -> str:
    return f"{SUMS[last]}, k={k}{'' if standardize == 'none' else f', {SIDES[standardize]}'}"


def _suffix(standardize: Standardize) -> str:
    return "" if standardize == "none" else f"-{standardize}"


def batch_sizes(rows: pl.DataFrame) -> list[int | None]:
    """Batch sizes in a table, the whole training set first."""
    return rows["batch_size"].unique().sort(nulls_last=False).to_list()


def _networks(rows: pl.DataFrame) -> Iterable[tuple[Network, pl.DataFrame]]:
    """Each network's rows, of all its seeds."""
    return cast("Iterable[tuple[Network, pl.DataFrame]]", rows.group_by("arch", "width", "hidden", maintain_order=True))


def _draw_traces(axes: Axes, rows: pl.DataFrame, experiment: Experiment) -> None:
    """A line with a point for each measured epoch; open before training, large at the end."""
    for network, group in _networks(rows):
        style: dict[str, Any] = {"color": colour(experiment, *network), "marker": ARCHITECTURES[network[0]].marker}
        for run in group.partition_by("run", maintain_order=True):
            first, last = run.filter(pl.col("epoch") == 0), run.tail(1)
            bars = run["stderr"].fill_null(0)
            axes.errorbar(run["mi"], run["error"], xerr=bars, elinewidth=0.5, markersize=1.8, **style)
            axes.plot(first["mi"], first["error"], linestyle="", markersize=4, markerfacecolor="white", zorder=3, **style)
            axes.plot(last["mi"], last["error"], linestyle="", markersize=4, zorder=3, **style)
    if rows.is_empty():
        say_nothing_is_there(axes)
        return
    _draw_limits(axes.axvline, rows)
    _scale_errors(axes)


def _draw_means(axes: Axes, rows: pl.DataFrame, experiment: Experiment, column: str) -> None:
    if rows.is_empty():
        say_nothing_is_there(axes)
        axes.set_xticks([])
    for network, group in _networks(rows):
        style: dict[str, Any] = {"color": colour(experiment, *network), "marker": ARCHITECTURES[network[0]].marker}
        draw_mean(axes, group, "updates", pl.col(column), **style)


def say_nothing_is_there(axes: Axes) -> None:
    """Write in a panel that the table has nothing for it."""
    axes.text(0.5, 0.5, "no results", transform=axes.transAxes, ha="center", va="center")


def draw_mean(axes: Axes, rows: pl.DataFrame, across: str, up: pl.Expr, **style: Any) -> None:
    """Draw the mean over the seeds, and a band from the lowest to the highest, of one network over epochs or updates."""
    values = rows.select(across, value=up).drop_nulls().group_by(across)
    seeds = values.agg(mean=pl.mean("value"), low=pl.min("value"), high=pl.max("value")).sort(across)
    axes.fill_between(seeds[across], seeds["low"], seeds["high"], color=style["color"], alpha=0.25, linewidth=0)
    axes.plot(seeds[across], seeds["mean"], markersize=2.2, **style)
    axes.set_xscale("symlog", linthresh=1, linscale=0.4)
    axes.xaxis.set_major_formatter(PLAIN)
    axes.xaxis.set_minor_locator(NullLocator())


def _draw_limits(line: Any, rows: pl.DataFrame) -> None:
    draw_limits(line, rows["ceiling"].drop_nulls().to_list(), rows["null"].drop_nulls().to_list())


def _scale_errors(axes: Axes) -> None:
    """Set a logarithmic scale: half of what mini-batches do happens below an error of a tenth."""
    axes.set_yscale("log", nonpositive="clip")
    axes.yaxis.set_major_locator(FixedLocator([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]))
    axes.yaxis.set_major_formatter(PLAIN)
    axes.yaxis.set_minor_locator(NullLocator())


def _draw_legend(figure: Figure, rows: pl.DataFrame, experiment: Experiment, *, ends: bool = True) -> None:
    """Legend below the axes: a column for each architecture with its widths or depths, and one for what else is drawn."""
    networks = sorted((network for network, _ in _networks(rows)), key=lambda network: experiment.archs.index(network[0]))
    columns = [
        [key(ARCHITECTURES[arch].name), *(_network_key(experiment, *network) for network in networks if network[0] == arch)]
        for arch in experiment.archs
        if arch in rows["arch"]
    ]
    if experiment.varies == "arch":
        columns = [[_network_key(experiment, *network) for network in networks]]
    open_and_large = [
        key("before training", marker="o", markersize=4, markerfacecolor="white"),
        key("last epoch", marker="o", markersize=4),
    ]
    band = [key("range of the seeds", linestyle="-", linewidth=6, alpha=0.25)]
    limits = [key("ceiling", linestyle="--"), key("null (shuffled)", linestyle=":")]
    columns.append((open_and_large if ends else band) + limits)
    longest = max(len(column) for column in columns)
    handles = [entry for column in columns for entry in column + [key(" ")] * (longest - len(column))]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(columns), frameon=False, handlelength=1.8)


def _network_key(experiment: Experiment, arch: Arch, width: int, hidden: int) -> Line2D:
    name, _, marker = ARCHITECTURES[arch]
    words = {"arch": name, "width": f"width {width}", "hidden": f"{hidden} hidden"}[experiment.varies]
    shade = colour(experiment, arch, width, hidden)
    return key(words, color=shade, marker=marker, markersize=3.2, linestyle="-")


def key(words: str, **style: Any) -> Line2D:
    """An entry of a legend."""
    return Line2D([], [], label=words, **{"color": "0.3", "linestyle": "", **style})


def _mi_label(rows: pl.DataFrame) -> str:
    return f"MI(first, last), {rows['units'][0]}"


def folder_for(out: str | Path) -> Path:
    """Path of a folder, which is made if it is not there.

    Raises:
        InputError: The folder cannot be made.
    """
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}.") from error
    return Path(out)
