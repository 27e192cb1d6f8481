"""Figures of what decides which claims hold: momentum, the sum, depth, the scaling of the sides, the measure.

Small multiples over epochs: means over the seeds, and bands from the lowest to the highest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import polars as pl
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from trainer.config import Arch
from trainer.plot import save
from trainer.reproduction.figures import (
    ARCHITECTURES,
    BASE,
    PAGE,
    Normalisation,
    batch_sizes,
    draw_mean,
    folder_for,
    key,
    say_nothing_is_there,
    statistics_in,
)
from trainer.reproduction.names import SIDES, SUMS, name_of_batch, name_of_statistics
from trainer.reproduction.traces import MEASURES, VALUE, WITHOUT_UNIT, once

SHOWS = {
    "momentum": "What depends on momentum",
    "sum": "What depends on the sum",
    "depth": "What depends on depth",
    "scale": "What depends on scale",
    "measures": "What other measures say",
}
DASHES = ("-", "--", ":")
SHADES = ("#9fd8c6", "#009E73", "#00382a")  # of the residual net's colour, from shallow to deep
MI, MOVING = pl.col("mi"), pl.col("bn") == "inference"
AFTER, UNSCALED = pl.col("sum") == "after", pl.col("standardize") == "none"
DEPTH = 5  # hidden layers, where depth is not what is compared
USUAL = AFTER & UNSCALED & (pl.col("hidden") == DEPTH)


class Line(NamedTuple):
    """A line in every panel: its label, rows and style; without a colour, it has that of the panel's architecture."""

    words: str
    rows: pl.Expr
    colour: str | None = None
    dash: str = "-"
    marker: str | None = None


class Strip(NamedTuple):
    """A row or a column of panels: its label, its rows of the table, and for a row the quantity on the vertical axis."""

    words: str
    rows: pl.Expr
    up: pl.Expr = MI


@dataclasses.dataclass(frozen=True)
class Finding:
    """A figure of small multiples.

    Attributes:
        name: Name of its files.
        which: Networks and reading, in words.
        down: Rows of panels.
        across: Columns of panels.
        lines: Lines in each panel; with fewer than two, there is nothing to compare.
    """

    name: str
    which: str
    down: Sequence[Strip]
    across: Sequence[Strip]
    lines: Sequence[Line]


def draw_findings(frame: pl.DataFrame, out: str | Path) -> list[Path]:
    """Draw finding-momentum, finding-sum, finding-depth, finding-scale and finding-measures as .png and .svg.

    The networks are those of the width with most depths, with 5 hidden layers unless depth is compared.

    Args:
        frame: Rows of runs, as from trainer.reproduction.results.
        out: Folder for the files.

    Returns:
        The files written. Figures that the frame has no rows for, such as a second momentum, are left out.

    Raises:
        InputError: `out` cannot be written.
    """
    frame = once(frame.filter(MI.is_not_null()))
    if frame.is_empty():
        return []
    width, k = _width(frame), int(frame["k"].to_numpy().min())
    frame = frame.filter(pl.col("width") == width, pl.col("k") == k)
    where = f"width {width}, k={k}"
    findings = [of(frame, where) for of in (_of_momentum, _of_the_sum, _of_depth, _of_scale, _of_measures)]
    return [path for one in findings if min(len(one.lines), len(one.down)) > 0 for path in _draw(frame, one, folder_for(out))]


def _of_momentum(frame: pl.DataFrame, where: str) -> Finding:
    norms = statistics_in(frame)
    several = [strip for strip in _batches(frame, _mi(frame)) if len(statistics_in(frame.filter(strip.rows, MOVING))) > 1]
    lines = [Line(name_of_statistics(*norm), USUAL & _is(norm), None, dash) for norm, dash in zip(norms, DASHES, strict=False)]
    which = f"{DEPTH} hidden layers, {where}, after the sum"
    return Finding("momentum", which, several, _architectures(frame), lines)


def _of_the_sum(frame: pl.DataFrame, where: str) -> Finding:
    lines = [
        _line(arch, UNSCALED & (pl.col("hidden") == DEPTH) & (pl.col("sum") == place), f", {place} the sum", dash)
        for arch in _archs(frame)
        if "shortcut" in arch
        for place, dash in zip(SUMS, DASHES, strict=False)
    ]
    without = [_line("mlp", USUAL)] if lines and "mlp" in frame["arch"] else []
    return Finding("sum", f"{DEPTH} hidden layers, {where}", _statistics(frame), _batches(frame), lines + without)


def _of_depth(frame: pl.DataFrame, where: str) -> Finding:
    resnet = pl.col("arch") == "resnet"
    depths = frame.filter(resnet)["hidden"].unique().sort().to_list()
    marker = ARCHITECTURES["resnet"].marker
    lines = [
        Line(f"{depth} hidden layers", AFTER & UNSCALED & resnet & (pl.col("hidden") == depth), shade, "-", marker)
        for depth, shade in zip(depths, SHADES, strict=False)
    ]
    return Finding("depth", f"residual nets, {where}", _statistics(frame), _batches(frame), _several(lines))


def _of_scale(frame: pl.DataFrame, where: str) -> Finding:
    usual = AFTER & (pl.col("hidden") == DEPTH)
    lines = [
        Line(SIDES[scaling], usual & (pl.col("standardize") == scaling), None, dash)
        for scaling, dash in zip([name for name in SIDES if name in frame["standardize"]], DASHES, strict=False)
    ]
    batch = _batches(frame)[0]
    down = [Strip(strip.words, strip.rows & batch.rows) for strip in _statistics(frame)]
    which = f"{batch.words}, {DEPTH} hidden layers, {where}, after the sum"
    return Finding("scale", which, down, _architectures(frame), _several(lines))


def _of_measures(frame: pl.DataFrame, where: str) -> Finding:
    names = [name for name in MEASURES if name not in ("MI less null", "error") and frame.select(VALUE[name].count()).item()]
    units = {name: "" if name in WITHOUT_UNIT else f", {frame['units'][0]}" for name in names}
    down = [Strip(f"{name}{units[name]}", pl.lit(value=True), VALUE[name]) for name in names]
    lines = [_line(arch, USUAL) for arch in _archs(frame)]
    which = f"{DEPTH} hidden layers, {where}, after the sum"
    return Finding("measures", which, _several(down), _main_ways(frame), lines)


def _several(items: list[Any]) -> list[Any]:
    """Items to compare; none if there is only one."""
    return items if len(items) > 1 else []


def _mi(frame: pl.DataFrame) -> str:
    return f"\nMI, {frame['units'][0]}"


def _archs(frame: pl.DataFrame) -> list[Arch]:
    return [arch for arch in ARCHITECTURES if arch in frame["arch"]]


def _architectures(frame: pl.DataFrame) -> list[Strip]:
    return [Strip(ARCHITECTURES[arch].name, pl.col("arch") == arch) for arch in _archs(frame)]


def _batches(frame: pl.DataFrame, more: str = "") -> list[Strip]:
    return [Strip(f"{name_of_batch(size)}{more}", _of_size(size)) for size in batch_sizes(frame)]


def _statistics(frame: pl.DataFrame) -> list[Strip]:
    return [Strip(f"{_short(norm)}{_mi(frame)}", _is(norm)) for norm in statistics_in(frame)]


def _short(norm: Normalisation) -> str:
    return name_of_statistics(*norm).replace(", ", "\n").replace("own statistics", "\nown statistics")


def _main_ways(frame: pl.DataFrame) -> list[Strip]:
    """One update an epoch with all statistics, and mini-batches with moving averages of the largest momentum."""
    found: list[Strip] = []
    for size in batch_sizes(frame):
        norms = statistics_in(frame.filter(_of_size(size)))
        chosen = norms if size is None else norms[:1]
        found += [Strip(f"{name_of_batch(size)}\n{_short(norm)}", _of_size(size) & _is(norm)) for norm in chosen]
    return found


def _of_size(batch_size: int | None) -> pl.Expr:
    return pl.col("batch_size").eq_missing(pl.lit(batch_size, pl.Int64))


def _is(norm: Normalisation) -> pl.Expr:
    bn, momentum = norm
    chosen = pl.col("bn") == bn
    return chosen if momentum is None else chosen & (pl.col("momentum") == momentum)


def _line(arch: Arch, rows: pl.Expr, more: str = "", dash: str = "-") -> Line:
    name, colour, marker = ARCHITECTURES[arch]
    return Line(f"{name}{more}", rows & (pl.col("arch") == arch), colour, dash, marker)


def _width(frame: pl.DataFrame) -> int:
    """The width with most depths of residual nets; the smallest of these."""
    depths = frame.group_by("width").agg(pl.col("hidden").filter(pl.col("arch") == "resnet").n_unique())
    return int(depths.sort("hidden", "width", descending=[True, False])["width"][0])


def _draw(frame: pl.DataFrame, finding: Finding, out: Path) -> list[Path]:
    with mpl.rc_context(BASE):
        figure = Figure(figsize=(PAGE, 1.0 + 1.55 * len(finding.down)), layout="constrained")
        grid = figure.subplots(len(finding.down), len(finding.across), squeeze=False, sharex="col", sharey="row")
        for line, down in zip(grid, finding.down, strict=True):
            for axes, across in zip(line, finding.across, strict=True):
                _draw_panel(axes, frame.filter(down.rows, across.rows), finding.lines, down.up)
            line[0].set_ylabel(down.words)
        for axes, across in zip(grid[0], finding.across, strict=True):
            axes.set_title(across.words)
        for axes in grid[-1]:
            axes.set_xlabel("epochs")
            axes.xaxis.set_major_locator(FixedLocator([0, 1, 2, 5, 10, 20, 50, 100, 200]))
        keys = [
            key(line.words, color=line.colour or "0.3", linestyle=line.dash, marker=line.marker or "", markersize=3)
            for line in finding.lines
        ]
        keys.append(key("before training", marker="o", markersize=3, markerfacecolor="white"))
        figure.legend(handles=keys, loc="outside lower center", ncols=min(3, len(keys)), frameon=False, handlelength=2.6)
        figure.suptitle(f"{SHOWS[finding.name]}: {finding.which}", fontsize=9)
        return save(figure, out / f"finding-{finding.name}", dpi=220)


def _draw_panel(axes: Any, rows: pl.DataFrame, lines: Sequence[Line], up: pl.Expr) -> None:
    for line in lines:
        chosen = rows.filter(line.rows)
        if not chosen.is_empty():
            arch = ARCHITECTURES[chosen["arch"][0]]
            style = {"color": line.colour or arch.colour, "linestyle": line.dash, "marker": line.marker or arch.marker}
            draw_mean(axes, chosen, "epoch", up, **style)
            before = chosen.filter(pl.col("epoch") == 0).select(up.mean()).item()
            if before is not None:
                axes.plot([0], [before], **style | {"linestyle": ""}, markersize=3, markerfacecolor="white")
    if not axes.lines:
        say_nothing_is_there(axes)
