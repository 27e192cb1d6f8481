"""Display of results: in one line, as facts for the command line, and as tables in a notebook.

A `result` is a `mi_core.results.Number` of any kind, a `matrix` is a `mi_core.matrix.MIMatrix`; both use this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from mi_core.options import USUAL_NEIGHBOURS, Measure
from mi_core.text import printable, table_lines, wrapped

SHADE = "rgba(0, 114, 178, {:.2f})"  # a blue that shows on light and dark notebooks, the stronger the larger the value
DOUBTED = "?"  # beside p and q that hold only if rows are independent
BAR, BLOCK = 20, "#"  # characters of the longest bar, and what it is made of
MOST_NAMED = 6  # layers that a matrix names in its one line


def with_error(value: float, stderr: float | None) -> str:
    """Estimate with its standard error, if it has one: 0.9987 +- 0.0200."""
    return f"{value:.4f}" + ("" if stderr is None else f" +- {stderr:.4f}")


def in_one_line(result: Any) -> str:
    """Result as Python prints it: the number, how it was made, and whether there are notes."""
    verdict = getattr(result, "reliability", None)
    words = [
        str(result),
        getattr(result, "measure", None),
        getattr(result, "estimator", None),
        None if result.k is None else f"k={result.k}",
        f"n_samples={result.n_samples}",
        f"dimensions {dimensions(result)}",
        None if (bound := getattr(result, "lower_bound", None)) is None else f"at least {bound}",
        None if verdict is None else f"verdict: {verdict.verdict}",
        count_of_notes(result.notes),
    ]
    return f"{type(result).__name__}({', '.join(filter(None, words))})"


def matrix_in_one_line(matrix: Any) -> str:
    """Matrix as Python prints it: its layers, and how it was made."""
    names = [*matrix.names[:MOST_NAMED], *(["..."] if len(matrix.names) > MOST_NAMED else [])]
    words = [
        f"{len(matrix.names)} layers: {' '.join(names)}",
        matrix.units,
        matrix.estimator,
        f"k={matrix.k}",
        f"n_samples={matrix.n_samples}",
        count_of_notes(matrix.notes),
    ]
    return printable(f"MIMatrix({', '.join(filter(None, words))})")


def how_bound(bound: Any) -> str:
    """Method of a lower bound in words: held out, along 3 shared directions."""
    if bound.kind == "radii":
        return "by the samples' distances from the middle"
    if bound.kind == "learned":
        return "held out, by networks that learned on other samples"
    if bound.kind != "directions":
        return f"held out, by {bound.kind}"
    if bound.directions == 0:
        return "held out, no shared direction found"
    return f"held out, along {bound.directions} shared direction{'s' if bound.directions > 1 else ''}"


def dimensions(result: Any) -> str:
    """Dimensions of all sides: 3, 3 + 2, 3 + 2 given 1, 3 + class labels, or 3 + 2 given class labels."""
    if hasattr(result, "dim"):
        return str(result.dim)
    if hasattr(result, "dims"):
        return " + ".join(map(str, result.dims))
    classes = getattr(result, "given_labels", False)
    given = "" if (dim_z := getattr(result, "dim_z", None)) is None else f" given {'class labels' if classes else dim_z}"
    return f"{result.dim_x} + {'class labels' if getattr(result, 'estimator', '') == 'ross' else result.dim_y}{given}"


def independent_units(result: Any) -> str | None:
    """Independent units of the samples in words: 40 groups, or 24 stretches of a series with exclude 20."""
    units, exclude = getattr(result, "independent_units", None), getattr(result, "exclude", None)
    if units is None:
        return None
    return (
        f"{units:,} groups"
        if exclude is None
        else f"about {units:,} stretches of the series, rows up to {exclude} apart left out"
    )


def histories(result: Any) -> str | None:
    """Past values of a transfer entropy in words: 2 of x, from 3 steps earlier; given 1 of y."""
    if (lag := getattr(result, "lag", None)) is None:
        return None
    apart = "" if result.spacing == 1 else f", {result.spacing} steps apart"
    ago = f"{lag} step{'s' if lag > 1 else ''} earlier"
    return f"{result.source_history} of x, the newest {ago}; given {result.history} of y{apart}"


def direction(lag: int) -> str:
    """Meaning of a lag in words."""
    return "y later than x" if lag > 0 else "x later than y" if lag < 0 else "at the same time"


def lags_in_one_line(lagged: Any) -> str:
    """MI at lags as Python prints it: the largest value, and how it was made."""
    words = [
        "1 lag" if len(lagged.lags) == 1 else f"{len(lagged.lags)} lags from {lagged.lags.min()} to {lagged.lags.max()}",
        f"largest {at_peak(lagged)}",
        lagged.estimator,
        None if lagged.k is None else f"k={lagged.k}",
        f"exclude={lagged.exclude}",
        count_of_notes(lagged.notes),
    ]
    return f"LaggedMI({', '.join(filter(None, words))})"


def at_peak(lagged: Any) -> str:
    """Largest estimate in words: 0.4321 +- 0.0210 bits at lag 3 (y later than x), p = 0.005 corrected for 41 lags."""
    place = int(lagged.mi.argmax())
    corrected = f" corrected for {len(lagged.lags)} lags" if len(lagged.lags) > 1 else ""
    p = "" if lagged.null is None else f", p = {lagged.null.p_corrected[place]:.2g}{corrected}"
    error = None if lagged.stderr is None else float(lagged.stderr[place])
    return f"{with_error(float(lagged.mi[place]), error)} {lagged.units} at lag {lagged.peak} ({direction(lagged.peak)}){p}"


def facts_of_lags(lagged: Any) -> dict[str, str]:
    """Facts about the data and method of MI at lags, by name, in words for people."""
    fewest, most = int(lagged.n_samples.min()), int(lagged.n_samples.max())
    found: dict[str, Any] = {
        "rows": f"{most:,}" if fewest == most else f"{fewest:,} to {most:,} pairs, by lag",
        "independent": independent_units(lagged),
        "dimensions": f"{lagged.dim_x} + {'class labels' if lagged.estimator == 'ross' else lagged.dim_y}",
        "k": lagged.k,
        "estimator": lagged.estimator,
        "standardized": None if lagged.standardize == "none" else lagged.standardize,
        "noise": f"{lagged.noise:g} of each side's spread, seed {lagged.seed}" if lagged.noise > 0 else None,
        "shifts": None if lagged.null is None else f"{lagged.null.permutations}, seed {lagged.null.seed}",
        "time": f"{lagged.seconds:.2f} s",
    }
    return {name: str(value) for name, value in found.items() if value is not None}


def rows_of_lags(lagged: Any) -> list[dict[str, str]]:
    """Rows of a table, one per lag: estimate with its error, and p-values if there are any."""
    rows = []
    for place, lag in enumerate(lagged.lags.tolist()):
        error = None if lagged.stderr is None else float(lagged.stderr[place])
        row = {"lag": str(lag), "mi": with_error(float(lagged.mi[place]), error)}
        if lagged.null is not None:
            row["p"] = f"{lagged.null.p_value[place]:.2g}"
            row["p, all lags"] = f"{lagged.null.p_corrected[place]:.2g}"
        rows.append(row)
    return rows


def lags_as_html(lagged: Any) -> str:
    """Table for notebooks, one row per lag, shaded by the estimate, and the notes."""
    largest = float(lagged.mi.max())
    rows = rows_of_lags(lagged)
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = ""
    for row, value in zip(rows, lagged.mi.tolist(), strict=True):
        shade = "" if largest <= 0 else f' style="background: {SHADE.format(0.6 * max(0.0, value / largest))}"'
        body += f"<tr{shade}>{''.join(f'<td>{escape(cell)}</td>' for cell in row.values())}</tr>"
    caption = f"I(x_t; y_(t + lag)) in {lagged.units}, at a positive lag y later than x; largest {at_peak(lagged)}"
    return f"<table><caption>{escape(caption)}</caption><tr>{head}</tr>{body}</table>{as_html_list(lagged.notes)}"


def count_of_notes(notes: tuple[str, ...]) -> str | None:
    return f"{len(notes)} note{'s' if len(notes) > 1 else ''}" if notes else None


def facts(result: Any) -> dict[str, str]:
    """Facts about the data and method of a result, by name, in words for people."""
    found: dict[str, Any] = {
        "samples": f"{result.n_samples:,}" + (f" and {prime:,}" if (prime := getattr(result, "n_samples_prime", 0)) else ""),
        "independent": independent_units(result),
        "histories": histories(result),
        "dimensions": dimensions(result),
        "k": result.k,
        "ceiling": None if (ceiling := getattr(result, "ceiling", None)) is None else f"{ceiling:.4f} {result.units}",
        "estimator": getattr(result, "estimator", None),
        "alpha": getattr(result, "alpha", None),
        "standardized": None if (how := getattr(result, "standardize", "none")) == "none" else how,
        "noise": f"{result.noise:g} of each side's spread, seed {result.seed}" if getattr(result, "noise", 0) > 0 else None,
        "metric": getattr(result, "metric", None),
        "independent sides": None if (chance := getattr(result, "expected", None)) is None else f"{chance:.4f} on average",
    }
    if result.k is not None and hasattr(result, "backend"):
        here = " here" if "worker" in result.backend else ""  # and more on the workers
        found["backend"] = f"{result.backend}, {result.threads} thread{'s' if result.threads > 1 else ''}{here}"
    found["time"] = f"{result.seconds:.2f} s"
    return {name: str(value) for name, value in found.items() if value is not None}


def as_html(result: Any) -> str:
    """Small table for notebooks: the estimate, its facts, the verdict if there is one, and the notes."""
    rows = {getattr(result, "measure", result.quantity): str(result), **facts(result)}
    if (null := getattr(result, "null", None)) is not None:
        rows["p-value"] = f"{null.p_value:.2g}, {null.permutations} shuffles"
    if (bound := getattr(result, "lower_bound", None)) is not None:
        rows["at least"] = f"{bound}, {how_bound(bound)}"
    remarks: tuple[str, ...] = ()
    if (reliability := getattr(result, "reliability", None)) is not None:
        rows["verdict"] = reliability.verdict
        remarks = reliability.reasons
    if (few := getattr(result, "reduced", None)) is not None:
        verdict = "" if few.reliability is None else f"; verdict on these: {few.reliability.verdict}"
        rows[f"on {few.dim_x} + {few.dim_y} columns ({result.reduction.method})"] = f"{few}{verdict}"
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in rows.items())
    return f"<table>{cells}</table>{as_html_list((*remarks, *result.notes))}"


def ranking_in_one_line(ranking: Any) -> str:
    """Ranking in one line: the target, the columns with the largest MI, and how it was made."""
    first = [f"{row.column} {row.mi:.4f}" for row in ranking.rows[:MOST_NAMED]]
    more = ["..."] if len(ranking.rows) > MOST_NAMED else []
    words = [
        f"{len(ranking.rows)} columns against {ranking.target}: {', '.join([*first, *more])} {ranking.units}",
        f"given {', '.join(ranking.given)}" if ranking.given else None,
        f"n_samples={ranking.n_samples}",
        count_of_notes(ranking.notes),
    ]
    return printable(f"Ranking({'; '.join(filter(None, words))})")


def ranking_lines(ranking: Any) -> list[str]:
    """Ranking as a table of text: its title, one line per column with a bar, and the meaning of the mark of p and q."""
    largest = max((row.mi for row in ranking.rows), default=0.0)
    rows = [
        {**cells, "": BLOCK * round(BAR * max(0.0, row.mi / largest) if largest > 0 else 0)}
        for row, cells in zip(ranking.rows, ranking_cells(ranking), strict=True)
    ]
    return [
        printable(ranking_title(ranking)),
        *table_lines(rows, left=("column", "")),
        *wrapped(ranking_remark(ranking), "  "),
    ]


def ranking_with_notes(ranking: Any) -> str:
    """Ranking as Python prints it: the table, and below it the notes."""
    notes = [line for note in ranking.notes for line in wrapped(note, "note: ")]
    return "\n".join([*ranking_lines(ranking), *notes])


def ranking_title(ranking: Any) -> str:
    """Title of a ranking: its data and method in one sentence."""
    given = f" given {', '.join(ranking.given)}" if ranking.given else ""
    drawn = f" in groups by {ranking.groups}" if ranking.groups else " of a series" if ranking.series else ""
    k = "k by column" if ranking.k is None else f"k={ranking.k}"
    return (
        f"MI with {ranking.target}{given} in {ranking.units}; {ranking.n_samples:,} rows{drawn}, {k}, numbers divided by their "
        "standard deviation"
    )


def ranking_cells(ranking: Any) -> list[dict[str, str]]:
    """Rows of a ranking as text, by the names of its columns; p and q that may be too small are marked."""
    pad = " " if ranking_remark(ranking) else ""
    rows = []
    for row in ranking.rows:
        number = {"p": row.p_value, "q": row.q_value}
        mark = DOUBTED if row.alike else pad
        rows.append(
            {
                "column": row.column,
                "mi": with_error(row.mi, row.stderr),
                **{name: f"{value:.2g}{mark}" for name, value in number.items() if value is not None},
                "estimator": row.estimator,
                "samples": f"{row.n_samples:,}",
            }
        )
    return rows


def ranking_remark(ranking: Any) -> str:
    """Meaning of the mark of p and q; empty if nothing is marked."""
    if not any(row.alike and row.p_value is not None for row in ranking.rows):
        return ""
    return (
        f"{DOUBTED} neighbouring rows are alike, in this column and in {ranking.target}: p and q hold only if rows are "
        "independent; if not, name their groups, or the series."
    )


def ranking_as_html(ranking: Any) -> str:
    """Table for notebooks with a bar in the cell of each estimate, and the notes."""
    largest = max((row.mi for row in ranking.rows), default=0.0)
    rows = ranking_cells(ranking)
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = ""
    for row, cells in zip(ranking.rows, rows, strict=True):
        share = 100 * max(0.0, row.mi / largest) if largest > 0 else 0.0
        bar = f' style="background: linear-gradient(to right, {SHADE.format(0.4)} {share:.0f}%, transparent {share:.0f}%)"'
        body += "<tr>" + "".join(f"<td{bar if name == 'mi' else ''}>{escape(cells[name])}</td>" for name in cells) + "</tr>"
    caption = escape(ranking_title(ranking))
    notes = filter(None, (ranking_remark(ranking), *ranking.notes))
    return f"<table><caption>{caption}</caption><tr>{head}</tr>{body}</table>{as_html_list(notes)}"


def measure_title(measure: Measure, n_samples: int) -> str:
    """Title of a measure other than mutual information, with its value by chance."""
    if measure == "cka":
        return "CKA, linear and debiased; by chance 0 on average"
    k = min(USUAL_NEIGHBOURS, n_samples - 1)
    return f"Share of {k} nearest neighbours in common; by chance {k / (n_samples - 1):.4f} on average"


def matrix_as_html(matrix: Any) -> str:
    """Tables for notebooks, shaded by the MI of different layers, with the labels if there are any, and the notes."""
    caption = f"MI in {matrix.units}; {matrix.estimator}, k={matrix.k}, {matrix.n_samples:,} samples"
    tables = [pairs_as_html(matrix.names, matrix.mi, caption, matrix.with_labels)]
    tables += [
        pairs_as_html(matrix.names, values, measure_title(measure, matrix.n_samples)) for measure, values in matrix.also.items()
    ]
    return f"{''.join(tables)}{as_html_list(matrix.notes)}"


def pairs_as_html(all_names: Sequence[str], values: Any, caption: str, with_labels: Any = None) -> str:
    """Table of all pairs, shaded by the values (layers, layers) of different layers; with_labels (layers,) or None."""
    layers = range(len(all_names))
    largest = max((float(values[a, b]) for a in layers for b in layers if a != b), default=0.0)
    names = [*all_names, *([] if with_labels is None else ["labels"])]
    head = "".join(f"<th>{escape(name)}</th>" for name in ("", *names))
    body = ""
    for a in layers:
        cells = [
            f"<td>{value:.4f}</td>"
            if a == b or largest <= 0
            else f'<td style="background: {SHADE.format(0.6 * max(0.0, value / largest))}">{value:.4f}</td>'
            for b, value in enumerate(values[a].tolist())
        ]
        cells += [] if with_labels is None else [f"<td>{float(with_labels[a]):.4f}</td>"]
        body += f"<tr><th>{escape(all_names[a])}</th>{''.join(cells)}</tr>"
    return f"<table><caption>{escape(caption)}</caption><tr>{head}</tr>{body}</table>"


def as_html_list(sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""
