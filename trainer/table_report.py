"""One page on a callback's table: MI over epochs, first and last values, notes. The page loads nothing."""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import jinja2

from mi_core.display import with_error
from mi_core.text import boxes_for_glyphs, in_figure, printable
from mi_core.whole_files import whole_file
from trainer.plot import Trace, draw_epochs, has_own_k, line_of, normalises, orders, read_rows
from trainer.table import Row, notes_of

TEMPLATE = Path(__file__).with_name("table_report.html.jinja")
DPI = 130


def write_table_report(table: str | Path, out: str | Path) -> Path:
    """Write a page on a table.

    Args:
        table: File of JSON lines that a callback or monitor has written.
        out: The file, such as report.html.

    Returns:
        The file written.

    Raises:
        InputError: `table` is not such a table, or has no rows; or `out` cannot be written.
    """
    label, rows = read_rows(Path(table))
    is_normalised = normalises(Path(table), rows)
    series = lines_of(rows)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        table=printable(Path(table).name),
        epochs=max(row.epoch for row in rows),
        figures=list(figures(series, label, is_normalised=is_normalised)),
        lines=without_empty_columns([in_words(some, is_normalised=is_normalised) for some in series]),
        notes=[printable(note) for note in notes_of(rows)],
    )
    with whole_file(Path(out)) as file:
        file.write(page.encode())
    return Path(out)


def lines_of(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows of each line over the epochs: of one pair, name, statistics and standardisation, and of one k if it has several."""
    found: list[list[Row]] = []
    for _, line in itertools.groupby(sorted(rows, key=line_of), key=line_of):
        some = list(line)
        ks = [None] if has_own_k(some) else dict.fromkeys(row.k for row in some)
        found += [[row for row in some if k in (None, row.k)] for k in ks]
    return found


def figures(series: Sequence[Sequence[Row]], label: str, *, is_normalised: bool) -> Iterator[dict[str, str]]:
    """MI over the epochs for each line, as pictures within the page."""
    for rows in series:
        measured = [row for row in rows if row.mi is not None]
        if not measured:
            continue
        last = measured[-1]
        picture = io.BytesIO()
        name = f"MI({in_figure(last.x)}, {in_figure(last.y)}), {last.units}"
        with boxes_for_glyphs():
            draw_epochs([Trace(label, measured)], name).savefig(picture, format="png", dpi=DPI)
        caption = f"MI between {printable(last.x)} and {printable(last.y)}{f', {last.bn} statistics' if is_normalised else ''}"
        if last.name:
            caption += f", {printable(last.name)}"
        if last.standardize != "none":
            caption += f", {last.standardize} standardised"
        yield {
            "source": f"data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}",
            "caption": f"{caption}, k={k}" if (k := orders(measured)) else caption,
            "alt": f"{caption}: from {measured[0].mi:.2f} to {last.mi:.2f} {last.units} in {last.epoch} epochs",
        }


def in_words(rows: Sequence[Row], *, is_normalised: bool) -> dict[str, str]:
    """First and last values of one line over the epochs, and how they were measured, keyed by column headings."""
    first, last = rows[0], rows[-1]
    return {
        "layers": printable(f"{last.x} / {last.y}"),
        "name": printable(last.name),
        "BatchNorm": last.bn if is_normalised else "",
        "k": orders(rows),
        "estimator": last.estimator or "",
        "dimensions": f"{last.dim_x} + {last.dim_y}" if last.dim_x and last.dim_y else "",
        "samples": f"{last.n_samples:,}",
        "first": value(first.mi, first.stderr, first.units),
        "last": value(last.mi, last.stderr, last.units),
        "last, at least": "" if last.lower_bound is None else value(last.lower_bound, last.lower_bound_stderr, last.units),
        "last, fewer columns": ""
        if last.reduction is None
        else f"{last.reduction}: {value(last.reduced, last.reduced_stderr, last.units)}",
        "last error": "" if last.error is None else f"{last.error:.4f}",
    }


def without_empty_columns(lines: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Lines of a table without the columns that are empty in all of them."""
    names = [name for name in lines[0] if any(line[name] for line in lines)]
    return [{name: line[name] for name in names} for line in lines]


def value(mi: float | None, stderr: float | None, units: str) -> str:
    """An estimate with its error bar, or "not measured"."""
    return "not measured" if mi is None else f"{with_error(mi, stderr)} {units}"
