"""One page with everything that a reproduction found: figures, interactive traces, verdicts, settings. It loads nothing."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import polars as pl
import vl_convert

from mi_core import InputError
from mi_core._files import whole_file
from trainer.reproduction.figures import ARCHITECTURES, draw_experiment, draw_updates, name_of_batch, title
from trainer.reproduction.interactive import draw_traces

if TYPE_CHECKING:
    from trainer.reproduction.claims import Verdict
    from trainer.reproduction.experiments import Experiment

TEMPLATE = Path(__file__).with_name("report.html.jinja")


def write_report(
    frame: pl.DataFrame,
    experiments: Iterable[Experiment],
    verdicts: Sequence[Verdict],
    reasons: Mapping[int, str],
    manifest: Mapping[str, Any],
    out: str | Path,
) -> Path:
    """Write a page that needs no network: pictures, data and programs are in it.

    Args:
        frame: Rows of runs, as trainer.reproduction.results has them.
        experiments: The figures to draw; those without results are left out.
        verdicts: On each claim under each reading.
        reasons: For a claim, why paper and measurement may differ.
        manifest: Settings and versions, shown as they are.
        out: The file, such as report.html.

    Returns:
        The file written.

    Raises:
        InputError: The frame has no rows with MI and error, or `out` cannot be written.
    """
    measured = frame.filter(pl.col("mi").is_not_null(), pl.col("error").is_not_null())
    if measured.is_empty():
        raise InputError("there are no results yet: no row has both MI and error.")
    with whole_file(Path(out)) as file:
        environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        page = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
            figures=list(_figures(measured, experiments)),
            spec=_in_script(json.dumps(draw_traces(measured), separators=(",", ":"))),
            vega=_in_script(vl_convert.javascript_bundle()),
            claims=_claims(verdicts, reasons),
            ways=_ways(verdicts),
            runs=_runs(measured),
            manifest=list(_flat(manifest)),
        )
        file.write(page.encode())
    return Path(out)


def _figures(frame: pl.DataFrame, experiments: Iterable[Experiment]) -> Iterator[dict[str, str]]:
    """Each figure at the smallest k, after the sum, as it stands in a page."""
    k = int(frame["k"].to_numpy().min())
    with tempfile.TemporaryDirectory() as folder:
        for experiment in experiments:
            for draw, what in ((draw_experiment, "MI against test error"), (draw_updates, "MI and test error over updates")):
                try:
                    png, _ = draw(frame, experiment, folder, k=k)
                except InputError:
                    continue
                source = f"data:image/png;base64,{base64.b64encode(png.read_bytes()).decode()}"
                yield {"title": title(experiment), "what": what, "source": source}
