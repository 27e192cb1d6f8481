"""One page with everything that a reproduction found: figures, interactive traces, verdicts, settings. It loads nothing."""

from __future__ import annotations

import base64
import functools
import itertools
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import jinja2
import polars as pl
import vl_convert

from mi_core import InputError
from mi_core.whole_files import whole_file
from trainer.reproduction import overview, results
from trainer.reproduction.claims import CLAIMS
from trainer.reproduction.experiments import FIGURES, Experiment, ProfileName, load_experiment
from trainer.reproduction.figures import ARCHITECTURES, draw_experiment, draw_updates, of_experiment, rows_of
from trainer.reproduction.findings import SHOWS, draw_findings
from trainer.reproduction.interactive import draw_traces
from trainer.reproduction.judging import Verdict, judge
from trainer.reproduction.names import SIDES, SUMS, name_of_batch
from trainer.reproduction.verdict_files import LEGEND

SHOW = """
const specification = JSON.parse(document.getElementById("specification").textContent);
vegaEmbed("#traces", specification, { mode: "vega", renderer: "svg", actions: false });
"""
FEW = 1_000  # samples below which nothing is said about the paper: those of the profile smoke, and all of the digits
TEMPLATE = Path(__file__).with_name("report.html.jinja")


def write_report(folder: str | Path, out: str | Path) -> Path:
    """Write a page on what a folder of `mi reproduce` holds; `render` says what is in it.

    Args:
        folder: Folder of `mi reproduce`, or any folder that holds folders of runs.
        out: The file, such as report.html.

    Returns:
        The file written.

    Raises:
        InputError: The folder has no results, or runs that the page would mix; or `out` cannot be written.
    """
    runs = Path(folder) / "runs" if (Path(folder) / "runs").is_dir() else Path(folder)
    table = results.read(folder) if (Path(folder) / results.PARQUET).exists() else results.collect(runs)
    manifests = results.manifests(runs)
    results.check_alike(table, manifests, folder)
    kept = Path(folder) / "settings.json"
    shared = results.shared(manifests) if manifests or not kept.is_file() else results.read_settings(kept)
    with whole_file(Path(out)) as file:
        reasons = {number: claim.why_different for number, claim in CLAIMS.items()}
        file.write(render(table, experiments_of(table), judge(table), reasons, shared).encode())
    return Path(out)


def render(
    frame: pl.DataFrame,
    experiments: Iterable[Experiment],
    verdicts: Sequence[Verdict],
    reasons: Mapping[int, str],
    settings: Sequence[tuple[str, str]],
) -> str:
    """HTML page that needs no internet connection: pictures, data and programs are in it.

    Args:
        frame: Rows of runs, as from trainer.reproduction.results.
        experiments: The figures to draw; those without results are left out.
        verdicts: Verdicts on each claim under each reading.
        reasons: Reasons, by claim, why paper and measurement may differ.
        settings: Names and values of the settings that all runs have in common.

    Raises:
        InputError: No row has both MI and error.
    """
    measured = frame.filter(pl.col("mi").is_not_null(), pl.col("error").is_not_null())
    if measured.is_empty():
        raise InputError("there are no results yet: no row has both MI and error.")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        figures=list(_figures(measured, experiments)),
        specification=draw_traces(measured),
        program=_program(),
        few=FEW,
        proves_nothing=int(measured["n_samples"].to_numpy().max()) < FEW,
        claims=_claims(verdicts, reasons),
        tables=list(_tables(verdicts)),
        choices=_choices(verdicts),
        legend=LEGEND,
        way_of=overview.way_of,
        sides=SIDES,
        ks=measured["k"].unique().sort().to_list(),
        runs=_runs(measured),
        settings=settings,
    )


def experiments_of(frame: pl.DataFrame) -> list[Experiment]:
    """The figures, with the widths and depths of the profile that fits the networks of the table best."""
    networks = set(frame.select("arch", "width", "hidden").unique().rows())

    def fit(experiments: list[Experiment]) -> tuple[int, int]:
        wanted = {network for one in experiments for network in itertools.product(one.archs, one.widths, one.hidden)}
        return len(wanted & networks), -len(wanted - networks)

    return max(([load_experiment(name, profile) for name in FIGURES] for profile in get_args(ProfileName)), key=fit)


def _figures(frame: pl.DataFrame, experiments: Iterable[Experiment]) -> Iterator[dict[str, str]]:
    """Each figure for the page, at the smallest k and after the sum; then the figures of what decides which claims hold."""
    k = _smallest_k(frame)
    drawn = [experiment for experiment in experiments if not rows_of(frame, experiment, k).is_empty()]
    with tempfile.TemporaryDirectory() as folder:
        for experiment in drawn:
            rows = of_experiment(frame, experiment)
            for draw, shows in ((draw_experiment, "MI against test error"), (draw_updates, "MI and test error over updates")):
                png, _ = draw(rows, experiment, folder, k=k)
                yield _figure(png, f"{experiment.title}: {shows}.", f" {_in_words(rows, k)}")
        for path in draw_findings(frame, folder) if drawn else ():
            if path.suffix == ".png":
                yield _figure(
                    path, f"{SHOWS[path.stem.removeprefix('finding-')]}.", " Means over the initialisations, by epoch."
                )


def _figure(png: Path, caption: str, more: str) -> dict[str, str]:
    source = f"data:image/png;base64,{base64.b64encode(png.read_bytes()).decode()}"
    return {"source": source, "caption": caption, "alt": caption + more}


def _in_words(rows: pl.DataFrame, k: int) -> str:
    """Description of a figure for those who cannot see it: means over its runs before training and at the end."""
    bn = "inference" if "inference" in rows["bn"] else "batch"
    usual = rows.filter(bn=bn, sum="after", standardize="none", k=k)
    usual = usual.filter(pl.col("momentum") == pl.col("momentum").max().over("batch_size")).sort("epoch")
    by_run = usual.group_by("arch", "batch_size", "run", maintain_order=True)
    ends = by_run.agg(first=pl.first("mi"), last=pl.last("mi"), error=pl.last("error"), units=pl.first("units"))
    means = ends.group_by("arch", "batch_size", "units", maintain_order=True).agg(pl.mean("first", "last", "error"))
    return f"With {bn} statistics: " + "; ".join(
        f"{ARCHITECTURES[row['arch']].name}, {name_of_batch(row['batch_size'])}: MI from {row['first']:.2f} to "
        f"{row['last']:.2f} {row['units']}, error {row['error']:.3f} at the end"
        for row in means.to_dicts()
    )


def _smallest_k(frame: pl.DataFrame) -> int:
    return int(frame["k"].to_numpy().min())


def _claims(verdicts: Sequence[Verdict], reasons: Mapping[int, str]) -> list[dict[str, Any]]:
    """Each claim with its verdicts under all readings."""
    found: dict[int, dict[str, Any]] = {}
    for verdict in verdicts:
        empty = {"number": verdict.claim, "says": verdict.says, "why": reasons.get(verdict.claim), "verdicts": []}
        found.setdefault(verdict.claim, empty)["verdicts"].append(verdict)
    return [found[number] for number in sorted(found)]


def _tables(verdicts: Sequence[Verdict]) -> Iterator[dict[str, Any]]:
    """A table for each place of the last layer: ways of training and measuring across, grouped by updates, and claims down."""
    ways = overview.ways_of(verdicts)
    updates = [(name, len(list(group))) for name, group in itertools.groupby(way[0] for way in ways)]
    for place, words in SUMS.items():
        cells = overview.cells(verdicts, place)
        if cells:
            says = {claim: cell.verdict.says for (claim, _), cell in sorted(cells.items(), key=lambda item: item[0][0])}
            yield {"name": words, "ways": ways, "updates": updates, "says": says, "cells": cells}


def _choices(verdicts: Sequence[Verdict]) -> dict[str, list[str]]:
    """Filters for the verdicts under all readings: values of each part, in their order."""
    parts: dict[str, list[str]] = {
        "updates": [verdict.update for verdict in verdicts],
        "batchnorm": [overview.way_of(verdict)[1] for verdict in verdicts],
        "sum": [verdict.sum for verdict in verdicts if verdict.sum],
        "measure": [verdict.measure for verdict in verdicts],
        "scale": [SIDES[verdict.standardize] for verdict in verdicts if verdict.standardize],
        "k": [str(verdict.k) for verdict in verdicts if verdict.k],
        "verdict": [verdict.verdict for verdict in verdicts],
    }
    return {name: list(dict.fromkeys(values)) for name, values in parts.items()}


def _runs(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Settings of each run, its first reading, how far it was measured under it, and its first and last value."""
    is_other = [pl.col("bn") != "inference", pl.col("sum") != "after", pl.col("standardize") != "none"]
    reading = ("bn", "sum", "standardize", "k")
    ends = (
        frame.sort("run", *is_other, "standardize", "k", "epoch")
        .filter(pl.struct(reading) == pl.struct(reading).first().over("run"))
        .group_by("run", maintain_order=True)
        .agg(
            pl.first("arch", "width", "hidden", "batch_size", "seed", *reading),
            pl.last("epoch"),
            first_mi=pl.first("mi"),
            last_mi=pl.last("mi"),
            first_error=pl.first("error"),
            last_error=pl.last("error"),
        )
    )
    return [
        row
        | {
            "arch": ARCHITECTURES[row["arch"]].name,
            "batch": name_of_batch(row["batch_size"]),
            "reading": f"{row['bn']} statistics, {row['sum']} the sum, {SIDES[row['standardize']]}, k={row['k']}",
        }
        for row in ends.to_dicts()
    ]


@functools.cache
def _program() -> str:
    """Vega and the script that shows the traces. They are the same for every page and take seconds to put together."""
    return _in_script(vl_convert.javascript_bundle(SHOW))


def _in_script(program: str) -> str:
    """JavaScript without anything that a browser takes for the end of the script."""
    return re.sub("</(?=script)", r"<\\/", program, flags=re.IGNORECASE).replace("<!--", r"<\!--")
