"""The interactive traces of the report: one Vega specification with all rows in it, which needs no network."""

from __future__ import annotations

from typing import Any, cast

import altair as alt
import numpy as np
import polars as pl
import vl_convert

from trainer.reproduction.figures import ARCHITECTURES, statistics_in
from trainer.reproduction.names import SIDES, SUMS, name_of_batch, name_of_statistics
from trainer.reproduction.traces import once

FILTERS = "#filters"  # the element of the page that holds the inputs
ALL = "all"
VALUES = ("mi", "stderr", "null", "ceiling", "error", "loss")
NORM = pl.when(pl.col("bn") == "batch").then(pl.lit("own")).otherwise(pl.col("momentum").cast(pl.String))
ERROR_TICKS = [0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]
GREY = "#555"


def draw_traces(frame: pl.DataFrame) -> dict[str, Any]:
    """A Vega specification: MI against error, and both over updates, with filters, a slider and tooltips.

    It is as wide as the element of the page that holds it.

    Args:
        frame: Rows of runs, as from trainer.reproduction.results.
    """
    frame = once(frame.filter(pl.col("mi").is_not_null(), pl.col("error").is_not_null()))
    runs = _runs(frame)
    lowest, highest = _range(frame, "mi", "ceiling")
    mi: dict[str, Any] = {
        "title": f"MI(first, last), {frame['units'][0]}",
        "scale": alt.Scale(domain=[min(0, lowest), highest]),
    }
    errors = frame.filter(pl.col("error") > 0)
    least = ERROR_TICKS[0] if errors.is_empty() else _range(errors, "error")[0]
    error: dict[str, Any] = {
        "title": "test error",
        "scale": alt.Scale(type="log", domain=[least, 1], clamp=True),  # an error of 0 is drawn at the edge
        "axis": alt.Axis(values=[tick for tick in ERROR_TICKS if tick >= least], format="~g"),
    }
    updates: dict[str, Any] = {
        "title": "weight updates",
        "scale": alt.Scale(type="symlog", constant=1),
        "axis": alt.Axis(values=[0, *(10**power for power in range(6))], format=",d"),
    }
    until = _slider(int(_range(frame, "epoch")[1]))
    hover = alt.selection_point(name="hover", fields=["run"], on="pointerover", clear="pointerout")
    panels = [
        _panel(alt.X("mi:Q", **mi), alt.Y("error:Q", **error), until, hover, alt.X).properties(height=380),
        _panel(alt.X("updates:Q", **updates), alt.Y("mi:Q", **mi), until, hover, alt.Y).properties(height=220),
        _panel(alt.X("updates:Q", **updates), alt.Y("error:Q", **error), until, hover).properties(height=220),
    ]
    chart = alt.vconcat(*panels, data=_rows(frame, runs)).transform_lookup("id", _lookup(runs))
    for column, choice in _filters(frame, runs).items():
        open_or_equal = f"{choice.name} == '{ALL}' || datum['{column}'] == {choice.name}"
        chart = chart.add_params(choice).transform_filter(open_or_equal)
    chart = chart.add_params(until).configure(font="system-ui, sans-serif", background="white")
    chart = chart.configure_axis(labelFontSize=12, titleFontSize=12).configure_legend(labelFontSize=12)
    version = ".".join(alt.SCHEMA_VERSION.split(".")[:2])
    return _fill_width(vl_convert.vegalite_to_vega(_shared(hover, chart.to_dict()), vl_version=version))


def _range(frame: pl.DataFrame, *columns: str) -> tuple[float, float]:
    values = frame.select(columns).to_numpy()
    return float(np.nanmin(values)), float(np.nanmax(values))


def _runs(frame: pl.DataFrame) -> pl.DataFrame:
    """Values that all rows of a run share, in words, and a number that identifies the run."""
    runs = frame.select("run", "arch", "width", "hidden", "batch_size", "seed").unique("run", maintain_order=True)
    arch = [ARCHITECTURES[name].name for name in runs["arch"]]
    batch = [name_of_batch(size) for size in runs["batch_size"]]
    words = runs.drop("batch_size").with_columns(arch=pl.Series(arch), batch=pl.Series(batch))
    return words.with_row_index("id")


def _lookup(runs: pl.DataFrame) -> alt.LookupData:
    return alt.LookupData(data=_csv(runs), key="id", fields=[name for name in runs.columns if name != "id"])


def _rows(frame: pl.DataFrame, runs: pl.DataFrame) -> alt.InlineData:
    """Values that differ from row to row, with as many digits as can be seen."""
    rows = frame.join(runs.select("run", "id"), on="run", maintain_order="left")
    return _csv(rows.select("id", "epoch", "updates", NORM.alias("norm"), "sum", "standardize", "k", pl.col(VALUES).round(4)))


def _csv(frame: pl.DataFrame) -> alt.InlineData:
    """Inline data as CSV, a third of the size of JSON records."""
    kinds = {name: "string" if kind == pl.String else "number" for name, kind in frame.schema.items()}
    return alt.InlineData(values=frame.write_csv(), format=alt.CsvDataFormat(type="csv", parse=kinds))


def _filters(frame: pl.DataFrame, runs: pl.DataFrame) -> dict[str, alt.Parameter]:
    """An input for each setting of a run, which may be left open, and for each part of the reading, which may not."""
    archs = [style.name for style in ARCHITECTURES.values() if style.name in runs["arch"]]
    batches = runs["batch"].unique(maintain_order=True).to_list()
    sizes = {column: runs[column].unique().sort().to_list() for column in ("width", "hidden")}
    ks = frame["k"].unique().sort().to_list()
    norms = {
        "own" if momentum is None else str(momentum): name_of_statistics(bn, momentum) for bn, momentum in statistics_in(frame)
    }
    sums = [name for name in SUMS if name in frame["sum"]]
    scalings = [name for name in SIDES if name in frame["standardize"]]
    return {
        "arch": _choice("arch", "architecture", [ALL, *archs]),
        "width": _choice("width", "width", [ALL, *sizes["width"]]),
        "hidden": _choice("hidden", "hidden layers", [ALL, *sizes["hidden"]]),
        "batch": _choice("batch", "weight updates", [*batches, ALL]),
        "norm": _choice("norm", "BatchNorm", list(norms), list(norms.values())),
        "sum": _choice("sum", "last layer", sums, [SUMS[name] for name in sums]),
        "standardize": _choice("standardize", "scale", scalings, [SIDES[name] for name in scalings]),
        "k": _choice("k", "k", ks),
    }


def _choice(column: str, name: str, options: list[Any], labels: list[str] | None = None) -> alt.Parameter:
    words = labels or [str(option) for option in options]
    bind = alt.binding_select(options=options, labels=words, name=name, element=FILTERS)
    return alt.param(name=f"by_{column}", value=options[0], bind=bind)


def _slider(last: int) -> alt.Parameter:
    bind = alt.binding_range(min=0, max=last, step=1, name="up to epoch", element=FILTERS)
    return alt.param(name="until", value=last, bind=bind)


def _panel(
    x: alt.X, y: alt.Y, until: alt.Parameter, hover: alt.Parameter, limits: type[alt.X | alt.Y] | None = None
) -> alt.LayerChart:
    """Traces of all runs: strong up to the slider's epoch, faint beyond; the run under the pointer stands out.

    Args:
        x: Quantity on the horizontal axis.
        y: Quantity on the vertical axis.
        until: The slider.
        hover: The run under the pointer.
        limits: The axis that is MI, along which ceiling and mean null are drawn.
    """
    names = [style.name for style in ARCHITECTURES.values()]
    scale = alt.Scale(domain=names, range=[style.colour for style in ARCHITECTURES.values()])
    shapes = alt.Scale(domain=names, range=["circle", "square", "triangle-up", "diamond"])
    legend = alt.Legend(title=None, orient="top", columns=2, symbolOpacity=1)
    base = alt.Chart().encode(x=x, y=y, color=alt.Color("arch:N", scale=scale, legend=legend), detail="run:N", order="epoch:Q")
    past = alt.datum.epoch <= until
    points = base.mark_point(size=36).encode(
        shape=alt.Shape("arch:N", scale=shapes, legend=legend),
        fill=alt.when(alt.datum.epoch == 0).then(alt.value("white")).otherwise(alt.Fill("arch:N", scale=scale, legend=None)),
        opacity=alt.when(hover & past).then(alt.value(1)).otherwise(alt.value(0.1)),
        tooltip=[
            alt.Tooltip("run:N"),
            alt.Tooltip("epoch:Q"),
            alt.Tooltip("updates:Q", format=","),
            alt.Tooltip("mi:Q", title="MI", format=".3f"),
            alt.Tooltip("stderr:Q", title="+-", format=".3f"),
            alt.Tooltip("error:Q", format=".4f"),
            alt.Tooltip("loss:Q", format=".4f"),
        ],
    )
    lines = base.transform_filter(past).mark_line(strokeWidth=1.2)
    layers = [
        base.mark_line(strokeWidth=1, opacity=0.15),
        lines.encode(opacity=alt.when(hover).then(alt.value(0.9)).otherwise(alt.value(0.1))),
        points,
    ]
    if limits is not None:
        for column, dash in (("ceiling", [6, 4]), ("null", [2, 3])):
            place = limits(f"mean({column}):Q")
            layers.append(alt.Chart().mark_rule(strokeDash=dash, color=GREY).encode(place))
    return cast("alt.LayerChart", alt.layer(*layers).properties(width=600))


def _shared(selection: alt.Parameter, spec: dict[str, Any]) -> dict[str, Any]:
    """The specification with a selection that listens to, and acts on, the points of all panels."""
    views = []
    for number, panel in enumerate(spec["vconcat"]):
        for layer in panel["layer"]:
            if layer["mark"]["type"] == "point":
                layer["name"] = f"points-{number}"
                views.append(layer["name"])
    spec["params"].append({**cast("alt.SelectionParameter", selection.param).to_dict(), "views": views})
    return spec


def _fill_width(vega: dict[str, Any]) -> dict[str, Any]:
    """Charts below each other cannot be told to fill their element in Vega-Lite; in Vega their width can be a signal."""
    width = "max(220, containerSize()[0] - 80)"  # room for the axis and its title
    resize = {"events": {"source": "window", "type": "resize"}, "update": width}
    signals = [{"name": "width", "init": width, "on": [resize]}, *vega["signals"]]
    return {name: value for name, value in vega.items() if name != "width"} | {"signals": signals}
