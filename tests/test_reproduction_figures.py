"""The figures of the reproduction: every run is drawn, under each reading, and a missing result is said in one line."""

import polars as pl
import pytest
from matplotlib.axes import Axes
from matplotlib.text import Text
from PIL import Image

from made_up import CEILING, EXPERIMENTS, FIG4A, FIG4B, FIG5A, FIG5B, Experiment, table
from mi_core import InputError
from trainer.plot import draw_limits
from trainer.reproduction import figures, findings
from trainer.reproduction.figures import ARCHITECTURES, colour, draw_experiment, draw_panel, draw_updates
from trainer.reproduction.findings import draw_findings

SMALL = table((FIG5B,), seeds=2, ks=(3,))
OPEN = table((FIG5B,), seeds=1, ks=(3,), momenta=(0.99, 0.9), scalings=("none", "sides"))


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are drawn, instead of files."""
    kept = []
    monkeypatch.setattr(figures, "save", lambda figure, stem, dpi: kept.append((figure, stem.name)) or [stem])
    return kept


def points(axes):
    """The traces: x and y of each line drawn with more than the marker of an end."""
    return sorted((list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines if len(line.get_xdata()) > 2)


def expected(bn, batch_size, last="after", frame=SMALL, momentum=0.99, scaling="none"):
    rows = frame.filter(
        pl.col("bn") == bn,
        pl.col("batch_size").eq_missing(batch_size),
        pl.col("sum") == last,
        pl.col("momentum") == momentum,
        pl.col("standardize") == scaling,
    )
    return sorted((run["mi"].to_list(), run["error"].to_list()) for run in rows.partition_by("run"))


@pytest.mark.parametrize("last", ["after", "before"])
def test_a_panel_for_each_reading_with_a_trace_for_each_run(tmp_path, drawn, last):
    draw_experiment(SMALL, FIG5B, tmp_path, last=last)
    [(figure, name)] = drawn
    assert name == f"fig5b-{last}-k3"
    readings = [("inference", None), ("batch", None), ("inference", 1000), ("batch", 1000)]
    for axes, (bn, batch_size) in zip(figure.axes, readings, strict=True):
        assert points(axes) == expected(bn, batch_size, last)
        assert len(points(axes)) == 8
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words[:4] == [style.name for style in ARCHITECTURES.values()]
    assert figure.get_suptitle() == f"{FIG5B.title}; last layer {last} the sum, k=3"
    assert figure.axes[2].get_ylabel() == "mini-batches of 1,000\ntest error"


@pytest.mark.parametrize("scaling", ["none", "sides"])
def test_a_column_for_each_momentum_and_one_for_the_samples_own_statistics(tmp_path, drawn, scaling):
    draw_experiment(OPEN, FIG5B, tmp_path, standardize=scaling)
    [(figure, name)] = drawn
    assert name == {"none": "fig5b-after-k3", "sides": "fig5b-after-k3-sides"}[scaling]
    titles = ["moving averages, momentum 0.99", "moving averages, momentum 0.9", "the samples' own statistics"]
    assert [axes.get_title() for axes in figure.axes[:3]] == titles
    readings = [(None, "inference", 0.99), (None, "inference", 0.9), (None, "batch", 0.99), (1000, "inference", 0.99)]
    for axes, (batch_size, bn, momentum) in zip(figure.axes, readings, strict=False):
        assert points(axes) == expected(bn, batch_size, frame=OPEN, momentum=momentum, scaling=scaling)
    assert ("sides on one scale" in figure.get_suptitle()) == (scaling == "sides")


def test_a_panel_of_one_momentum(tmp_path, drawn):
    draw_panel(OPEN, FIG5B, tmp_path, momentum=0.9)
    [(figure, name)] = drawn
    assert name == "fig5b-inference-full-m0.9-after-k3"
    assert points(figure.axes[0]) == expected("inference", None, frame=OPEN, momentum=0.9)


def test_the_open_marker_is_epoch_0_and_the_large_one_the_last(tmp_path, drawn):
    rows = SMALL.filter(pl.col("run") == "resnet-w100-h5-full-s1", pl.col("bn") == "batch", pl.col("sum") == "after")
    draw_panel(rows, FIG5B, tmp_path, bn="batch")
    [(figure, name)] = drawn
    assert name == "fig5b-batch-full-after-k3"
    first, last = (line for line in figure.axes[0].lines if len(line.get_xdata()) == 1)
    assert list(first.get_xdata()) == rows.filter(pl.col("epoch") == 0)["mi"].to_list()
    assert list(last.get_xdata()) == rows.filter(pl.col("epoch") == 50)["mi"].to_list()
    assert (first.get_markerfacecolor(), last.get_markerfacecolor()) == ("white", last.get_color())


def test_ceiling_and_mean_null_are_drawn(tmp_path, drawn, monkeypatch):
    lines = []
    monkeypatch.setattr(Axes, "axvline", lambda axes, at, **style: lines.append((at, style["linestyle"])))
    draw_panel(SMALL, FIG5B, tmp_path)
    rows = SMALL.filter(pl.col("bn") == "inference", pl.col("batch_size").is_null(), pl.col("sum") == "after")
    assert lines == [(CEILING, "--"), (pytest.approx(rows["null"].mean()), ":")]


def test_limits_that_were_not_measured_are_not_drawn():
    lines = []
    draw_limits(lambda at, **style: lines.append(at), [], [])
    assert lines == []


def test_over_updates_the_mean_of_the_seeds_within_their_range(tmp_path, drawn):
    draw_updates(SMALL, FIG5B, tmp_path)
    [(figure, name)] = drawn
    assert name == "fig5b-updates-after-k3"
    upper, lower = figure.axes[5], figure.axes[7]  # mini-batches, the samples' own statistics
    for axes, column in ((upper, "mi"), (lower, "error")):
        rows = SMALL.filter(pl.col("bn") == "batch", pl.col("batch_size") == 1000, pl.col("sum") == "after")
        for line, band, arch in zip(axes.lines, axes.collections, sorted(ARCHITECTURES), strict=False):
            seeds = rows.filter(pl.col("arch") == arch).pivot("seed", index="updates", values=column).sort("updates")
            assert list(line.get_xdata()) == seeds["updates"].to_list()
            assert list(line.get_ydata()) == pytest.approx(seeds.select(pl.mean_horizontal("0", "1")).to_series().to_list())
            edges = band.get_paths()[0].vertices[:, 1]
            assert (edges.min(), edges.max()) == (seeds["0", "1"].to_numpy().min(), seeds["0", "1"].to_numpy().max())


RESNETS = Experiment("depths", "", "hidden", ("resnet",), (50,), (5, 10))


def test_a_figure_for_each_finding_that_the_table_has_something_on(tmp_path, drawn, monkeypatch):
    monkeypatch.setattr(findings, "save", figures.save)
    draw_findings(OPEN, tmp_path)
    assert [name for _, name in drawn] == [f"finding-{name}" for name in ("momentum", "sum", "scale", "measures")]
    draw_findings(table((RESNETS,), seeds=2, ks=(3,), batch_sizes=(None,)), tmp_path)
    assert drawn[-2][1] == "finding-depth"
    words = [text.get_text() for text in drawn[-2][0].legends[0].get_texts()]
    assert words == ["5 hidden layers", "10 hidden layers", "before training"]


def test_a_line_of_a_finding_is_the_mean_of_its_rows(tmp_path, drawn, monkeypatch):
    """CKA, in the fourth row of panels, with full batch and the samples' own statistics, in the third column of four."""
    monkeypatch.setattr(findings, "save", figures.save)
    frame = table((FIG5B,), seeds=3, ks=(3,), momenta=(0.99, 0.9))
    draw_findings(frame, tmp_path)
    axes = drawn[-1][0].axes[3 * 4 + 2]
    rows = frame.filter(pl.col("batch_size").is_null(), pl.col("cka").is_not_null(), arch="resnet", bn="batch", sum="after")
    truth = rows.group_by("epoch").agg(pl.mean("cka")).sort("epoch")
    lines = [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines if line.get_color() == "#009E73"]
    assert lines[0] == (truth["epoch"].to_list(), pytest.approx(truth["cka"].to_list()))
    assert lines[1] == ([0], pytest.approx(truth["cka"].to_list()[:1]))


def test_shades_tell_widths_and_depths_apart():
    for experiment, arch in ((FIG4A, "mlp"), (FIG4B, "shortcut"), (FIG5A, "resnet")):
        networks = [(arch, width, hidden) for width in experiment.widths for hidden in experiment.hidden]
        brightness = [sum(colour(experiment, *network)) for network in networks]
        assert brightness == sorted(brightness, reverse=True)
        assert len({round(value, 1) for value in brightness}) == 5
    assert len({colour(FIG5B, arch, 100, 5) for arch in ARCHITECTURES}) == 4


def test_each_figure_takes_its_own_runs(tmp_path, drawn):
    frame = table(EXPERIMENTS, seeds=1, batch_sizes=(None,), ks=(3,))
    for experiment in EXPERIMENTS:
        draw_experiment(frame, experiment, tmp_path)
    assert [len(points(figure.axes[0])) for figure, _ in drawn] == [10, 10, 5, 4]


def test_text_can_be_read(tmp_path, drawn):
    draw_panel(SMALL, FIG5B, tmp_path)
    draw_experiment(SMALL, FIG5B, tmp_path)
    draw_updates(SMALL, FIG5B, tmp_path)
    for figure, _ in drawn:
        assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 7


def test_the_files_are_a_journal_column_wide_and_the_same_again(tmp_path):
    png, svg = draw_panel(SMALL, FIG5B, tmp_path)
    with Image.open(png) as picture:
        assert picture.width / picture.info["dpi"][0] == pytest.approx(3.5, abs=0.01)
    content = svg.read_bytes()
    assert draw_panel(SMALL, FIG5B, tmp_path)[1].read_bytes() == content


def test_rows_without_mi_or_error_are_left_out(tmp_path, drawn):
    gone = (pl.col("epoch") == 5) & (pl.col("run") == "mlp-w100-h5-full-s0")
    frame = SMALL.with_columns(mi=pl.when(~gone).then("mi"), error=pl.when(pl.col("epoch") != 8).then("error"))
    draw_panel(frame, FIG5B, tmp_path)
    assert sorted({len(x) for x, _ in points(drawn[0][0].axes[0])}) == [8, 9]


def test_a_sweep_without_the_usual_reading_has_all_figures_but_that_of_it_alone(tmp_path):
    rows = table((FIG5A,), seeds=1, batch_sizes=(1000,))
    with pytest.raises(InputError, match="has no results with full batch"):
        draw_panel(rows, FIG5A, tmp_path)
    drawn = {path.name for path in figures.draw_all(rows, FIG5A, tmp_path)}
    assert drawn == {path.name for path in tmp_path.iterdir()}
    assert drawn == {f"fig5a-{what}after-k3.{kind}" for what in ("", "updates-") for kind in ("png", "svg")}


def test_what_is_missing_is_said_in_one_line(tmp_path):
    with pytest.raises(InputError, match=r"^fig4a has no results yet with last layer before the sum, k=7\.$"):
        draw_experiment(SMALL, FIG4A, tmp_path, k=7, last="before")
    with pytest.raises(InputError, match=r"^fig5b has no results with mini-batches of 50 and the samples' own statistics\.$"):
        draw_panel(SMALL, FIG5B, tmp_path, bn="batch", batch_size=50)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot be written: File exists\.$"):
        draw_panel(SMALL, FIG5B, tmp_path / "file")
