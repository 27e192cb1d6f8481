"""Pictures, drawn by matplotlib where it is installed, as .png or .svg."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mi_core import InputError
from mi_core.display import measure_title
from mi_core.text import boxes_for_glyphs, in_figure

if TYPE_CHECKING:
    from mi_core import MIResult, RankedColumn, Ranking
    from mi_core.lags import LaggedMI
    from mi_core.matrix import MIMatrix
    from mi_core.types import FloatArray

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#999999"  # of Okabe & Ito, which colour-blind readers can tell apart
MOST_BARS = 40  # columns of a ranking that are drawn
FALSE_DISCOVERIES = 0.05  # rate above which a column of a ranking is drawn grey
MOST_LABELLED = 20  # layers whose cells still have room for a number


def check_picture(path: Path) -> None:
    """Raise InputError if a picture of this name cannot be drawn here. Called before the work that it will show."""
    if path.suffix.lower() not in (".png", ".svg"):
        raise InputError(f"--plot is {path}: pictures are written as .png or .svg, so name it that way.")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise InputError("--plot needs matplotlib: python -m pip install matplotlib") from None


def draw_estimates(results: list[MIResult], title: str, file: BinaryIO, suffix: str) -> None:
    """The estimate against 1/N, from parts of the samples; for several k also against k. Error bars are standard errors."""
    from matplotlib.figure import Figure

    several = len(results) > 1
    figure = Figure(figsize=(9 if several else 5.5, 4), layout="constrained")
    axes = figure.subplots(1, 2 if several else 1, squeeze=False, sharey=True)[0]
    units = results[0].units
    if several:
        draw_against_k(axes[0], results)
    draw_against_n(axes[-1], results[0])
    axes[0].set_ylabel(f"estimate in {units}")
    for axis in axes:
        axis.grid(visible=True, alpha=0.3)
        axis.legend(fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=9)
    save(figure, file, suffix)


def draw_against_k(axis: Any, results: list[MIResult]) -> None:
    results = sorted(results, key=lambda one: one.k or 0)
    ks = [one.k or 0 for one in results]
    axis.errorbar(
        ks, [one.mi for one in results], yerr=[one.stderr or 0 for one in results], color=BLUE, marker="o", label="mi"
    )
    axis.set(xlabel="k", xscale="log", xticks=ks, xticklabels=ks)
    axis.minorticks_off()
    if all(one.null for one in results):
        low, high = zip(*(null_band(one) for one in results), strict=True)
        axis.fill_between(ks, low, high, color=GREY, alpha=0.4, lw=0, label="shuffled pairs, 2 standard deviations")


def draw_against_n(axis: Any, result: MIResult) -> None:
    sizes = [result.n_samples, *(point.n_samples for point in result.by_size)]
    values = [result.mi, *(point.mi for point in result.by_size)]
    errors = [result.stderr or 0, *(point.stderr for point in result.by_size)]
    places = [1 / size for size in sizes]
    axis.errorbar(places, values, yerr=errors, color=BLUE, marker="o", label=f"k={result.k}" if result.k else "mi")
    axis.set(xlabel="1 / samples", xticks=[0, *places], xticklabels=["0", *(f"1/{size:,}" for size in sizes)])
    axis.tick_params(axis="x", labelrotation=30, labelsize=8)
    axis.set_xlim(0, 1.08 * max(places))
    low, high = min(values), max(values)
    if result.ceiling is None:
        pass
    elif result.ceiling < high + 2 * max(high - low, 0.5):
        axis.axhline(result.ceiling, color=ORANGE, ls="--", label="ceiling")
    else:
        axis.plot([], [], color=ORANGE, ls="--", label=f"ceiling at {result.ceiling:.2f}, above the picture")
    if result.null is not None:
        axis.axhspan(*null_band(result), color=GREY, alpha=0.4, lw=0, label="shuffled pairs, 2 standard deviations")


def null_band(result: MIResult) -> tuple[float, float]:
    assert result.null is not None  # noqa: S101  for the type checker: callers look first
    return result.null.mean - 2 * result.null.std, result.null.mean + 2 * result.null.std


def draw_matrix(matrix: MIMatrix, file: BinaryIO, suffix: str) -> None:
    """Heat maps of all pairs, MI first. Colours span the pairs of different layers; the diagonal is left grey."""
    from matplotlib.figure import Figure

    size = min(3.5 + 0.5 * len(matrix.names), 18)
    panels = 1 + len(matrix.also)
    figure = Figure(figsize=(panels * (size + 1.2), size), layout="constrained")
    first, *others = figure.subplots(1, panels, squeeze=False)[0]
    draw_pairs(figure, first, matrix.names, matrix.mi, f"MI in {matrix.units}")
    first.set_title(f"{matrix.estimator}, k={matrix.k}, {matrix.n_samples:,} samples; grey: a layer with itself", fontsize=9)
    for axis, (measure, values) in zip(others, matrix.also.items(), strict=True):
        draw_pairs(figure, axis, matrix.names, values, measure)
        axis.set_title(measure_title(measure, matrix.n_samples), fontsize=9)
    save(figure, file, suffix)


def draw_pairs(figure: Any, axis: Any, layers: Sequence[str], values: FloatArray, label: str) -> None:
    """Heat map of values (layers, layers), with numbers in its cells where there is room."""
    import numpy as np
    from matplotlib import colormaps

    count = len(layers)
    between = np.ma.masked_array(values, np.eye(count, dtype=bool))
    colours = colormaps["viridis"].with_extremes(bad=GREY)
    low = min(0.0, float(between.min()))
    image = axis.imshow(between, cmap=colours, vmin=low, vmax=float(between.max()))
    names = [in_figure(name) for name in layers]
    axis.set(xticks=range(count), yticks=range(count), yticklabels=names)
    axis.set_xticklabels(names, rotation=45, ha="right", rotation_mode="anchor")
    if count <= MOST_LABELLED:
        for row in range(count):
            for column in range(count):
                value = values[row, column]
                is_dark = row != column and value < low + 0.6 * (float(between.max()) - low)
                axis.text(
                    column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color="white" if is_dark else "black"
                )
    figure.colorbar(image, ax=axis, label=label, shrink=0.8)


def draw_ranking(ranking: Ranking, file: BinaryIO, suffix: str) -> None:
    """Bars of the top-ranked columns, with standard errors; grey where the false-discovery rate is above 5 %."""
    from matplotlib.figure import Figure

    from mi_core.display import DOUBTED, ranking_remark

    rows = ranking.rows[:MOST_BARS]
    figure = Figure(figsize=(7, 1.6 + 0.25 * len(rows)), layout="constrained")
    axis = figure.subplots()
    places = range(len(rows))
    colours = [GREY if row.q_value is not None and row.q_value > FALSE_DISCOVERIES else BLUE for row in rows]

    def name_of(row: RankedColumn) -> str:
        return in_figure(row.column) + (f" {DOUBTED}" if row.alike and row.q_value is not None else "")

    axis.barh(places, [row.mi for row in rows], xerr=[row.stderr or 0 for row in rows], color=colours, ecolor=ORANGE)
    axis.set(yticks=places, yticklabels=[name_of(row) for row in rows], xlabel=f"MI in {ranking.units}")
    axis.invert_yaxis()
    more = f", the first {len(rows)} of {len(ranking.rows)} columns" if len(ranking.rows) > len(rows) else ""
    grey = "; grey: q above 0.05" if ranking.permutations else ""
    grey += f"; {DOUBTED}: q may be too small" if ranking_remark(ranking) else ""
    axis.set_title(f"MI with {in_figure(ranking.target)}{more}{grey}", fontsize=9)
    save(figure, file, suffix)


def draw_lags(lagged: LaggedMI, x: str, y: str, file: BinaryIO, suffix: str) -> None:
    """MI of the series named x and y against lag, with the estimates of shifted series if those were asked for."""
    import numpy as np
    from matplotlib.figure import Figure

    order = np.argsort(lagged.lags)
    lags, mi = lagged.lags[order], lagged.mi[order]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    if (null := lagged.null) is not None:
        middle, spread = null.mean[order], 2 * null.std[order]
        axis.fill_between(
            lags, middle - spread, middle + spread, color=GREY, alpha=0.4, lw=0, label="shifted series, 2 standard deviations"
        )
        if (threshold := null.threshold()) is not None:
            axis.axhline(threshold, color=ORANGE, ls="--", label="above: p at most 0.05 for all lags together")
    errors = None if lagged.stderr is None else lagged.stderr[order]
    axis.errorbar(lags, mi, yerr=errors, color=BLUE, marker="o", ms=4, elinewidth=1, label="mi")
    axis.axvline(0, color="black", lw=0.8, alpha=0.5)
    axis.set_ylabel(f"MI in {lagged.units}")
    axis.set_xlabel(f"lag in steps; positive: {y} later than {x}, negative: earlier", fontsize=9)
    axis.grid(visible=True, alpha=0.3)
    axis.legend(fontsize=8, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)  # off the curve
    save(figure, file, suffix)


def save(figure: Any, file: BinaryIO, suffix: str) -> None:
    import matplotlib as mpl

    form = suffix.removeprefix(".").lower()
    with boxes_for_glyphs(), mpl.rc_context({"svg.hashsalt": "ksg-mi"}):  # the same result gives the same file
        figure.savefig(file, format=form, dpi=160, metadata={"Date": None} if form == "svg" else None)
