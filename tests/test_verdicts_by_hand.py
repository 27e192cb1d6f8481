"""Every verdict once more, by plain NumPy from the rows of a table, as docs/reproduction.md says and nothing else.

The tables are a made-up one with all kinds of verdicts, and the kept results on MNIST, whose verdicts stand beside them.
"""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from conftest import REPOSITORY
from made_up import Experiment, table
from trainer.reproduction import results
from trainer.reproduction.judging import judge

ARCHITECTURES = ("mlp", "shortcut", "resnet", "shortcut-resnet")
NETWORKS = (
    Experiment("depths", "", "hidden", ARCHITECTURES, (50,), (5, 10)),
    Experiment("widths", "", "width", ("mlp", "shortcut"), (50, 100), (5,)),
)
KEPT = REPOSITORY / "benchmarks" / "results" / "reproduction"
TABLE = table(NETWORKS, seeds=3, momenta=(0.99, 0.9), scalings=("none", "sides"))
COLUMN = {"MI of 10 components": "reduced", "lower bound": "lower_bound", "CKA": "cka", "neighbour overlap": "knn_overlap"}


def traces(rows, measure):
    """{(architecture, width, depth, seed): (epochs, measure, error, error before training)}, of runs with all epochs."""
    found = {}
    for row in rows.sort("epoch").iter_rows(named=True):
        value = (
            row["mi"] - row["null"] if measure == "MI less null" and row["null"] is not None else row[COLUMN.get(measure, "mi")]
        )
        if value is not None and not (measure == "MI less null" and row["null"] is None):
            run = found.setdefault((row["arch"], row["width"], row["hidden"], row["seed"]), {})
            run[row["epoch"]] = (value, row["error"])
    before = {run: points.pop(0, (np.nan, np.nan))[1] for run, points in found.items()}
    found = {run: (np.array(list(points)), *np.array(list(points.values())).T, before[run]) for run, points in found.items()}
    longest = max((len(trace[0]) for trace in found.values()), default=0)
    return {run: trace for run, trace in found.items() if len(trace[0]) == longest and trace[0][0] == 1}


def beside(runs, arch, other, part, depth=None):
    """A part that compares runs with those of another architecture, or of another depth."""
    pairs = ((run, runs.get((other, run[1], depth or run[2], run[3]))) for run in runs if run[0] == arch)
    return {run: part(runs[run], partner) for run, partner in pairs if partner and (depth is None or run[2] >= 10)}


def parts_of(runs, about_errors):
    """The table of the documentation, claim by claim: its parts by run."""

    def of(arch, part):
        return {run: part(run, *trace) for run, trace in runs.items() if run[0] in arch}

    def peak(run, mi, end):
        others = [trace[1] for other, trace in runs.items() if other[:3] == run[:3] and other != run]
        return mi[1 + np.mean(others, axis=0)[1:-1].argmax()] - mi[end]

    def gain(arch, other):
        return beside(runs, arch, other, lambda quick, slow: np.mean(slow[2] - quick[2]))

    if about_errors:
        shortcut, resnet = gain("shortcut", "mlp"), gain("resnet", "mlp")
        share = of(("shortcut", "shortcut-resnet"), lambda run, epochs, _, e, zero: (zero - e[0]) / (zero - e[-1]) - 0.8)
        more = {run: value - resnet["resnet", *run[1:]] for run, value in shortcut.items() if ("resnet", *run[1:]) in resnet}
        return {5: [shortcut, resnet, gain("shortcut-resnet", "shortcut")], 7: [share], 11: [more]}

    def first(arch, other):
        return beside(runs, arch, other, lambda one, two: one[1][0] - two[1][0])

    def rises(arch, sign):
        return of((arch,), lambda run, epochs, mi, *_: sign * (mi[-1] - mi[0]))

    def trend(arch, sign):
        return of((arch,), lambda run, epochs, mi, *_: sign * stats.spearmanr(mi, epochs)[0])

    parts = {
        1: [rises("mlp", 1), trend("mlp", 1)],
        2: [first("shortcut", "mlp"), rises("shortcut", -1), trend("shortcut", -1)],
        3: [of(("resnet",), lambda run, _, mi, *rest, end=end: peak(run, mi, end)) for end in (0, -1)],
        4: [
            beside(runs, "mlp", "mlp", lambda deep, usual: usual[1][-1] - deep[1][-1], depth=5),
            beside(runs, "mlp", "mlp", lambda deep, usual: deep[2][-1] - usual[2][-1], depth=5),
        ],
        6: [of(("resnet",), lambda run, at, mi, e, _: stats.spearmanr(mi[:-1], -np.diff(e) / np.diff(at))[0])],
        8: [beside(runs, "shortcut", "mlp", lambda s, m: abs(s[1][0] - m[1][0]) - abs(s[1][-1] - m[1][-1]))],
        9: [of(("resnet",), lambda run, _, mi, *rest: mi.max() / 2 - mi[0])],
        10: [first("shortcut-resnet", "resnet")],
    }
    few = len(next(iter(runs.values()))[0]) < 4  # a rank correlation needs three points, here steps
    return {claim: found for claim, found in parts.items() if claim != 6 or not few}


def ruling(part):
    """Holds 1, does not hold -1, undecided 0; and the p-value."""

    def interval(values):
        mean, n = np.mean(values), len(values)
        error = np.std(values, ddof=1) / n**0.5
        p = 2 * stats.t.sf(abs(mean) / error, n - 1) if error > 0 else float(mean == 0)
        return np.sign(mean) * (abs(mean) > stats.t.ppf(0.975, n - 1) * error), p

    settings = sorted({run[:3] for run in part})
    by_setting = [[part[run] for run in sorted(part) if run[:3] == setting] for setting in settings]
    sign, p = interval(np.mean(by_setting, axis=0))
    return 0 if -sign in [interval(values)[0] for values in by_setting] else sign, p


def verdicts(parts):
    """Verdict, p-value, corrected p-value and corrected verdict of each claim."""
    found = {}
    for claim, of_claim in parts.items():
        signs, p = np.array([ruling(part) for part in of_claim]).T
        if -1 in signs:
            found[claim] = "does not hold", min(1, len(p) * p[signs == -1].min())
        else:
            found[claim] = ("undecided", 1) if 0 in signs else ("holds", p.max())
    corrected, smallest = {}, 0
    for before, claim in enumerate(sorted(found, key=lambda claim: found[claim][1])):
        corrected[claim] = smallest = max(smallest, min(1, (len(found) - before) * found[claim][1]))
    return {claim: (*found[claim], corrected[claim]) for claim in found}


def readings(table):
    """Every reading, and the rows that it counts: at any momentum, k or scale where these change nothing."""
    for batch, bn, momentum in table.select("batch_size", "bn", "momentum").unique().rows():
        of_way = table.filter(pl.col("batch_size").eq_missing(batch), bn=bn, momentum=momentum)
        way = f"mini-batches of {batch:,}" if batch else "full batch", bn, momentum if bn == "inference" else None
        for place, scale, k in of_way.select("sum", "standardize", "k").unique().rows():
            rows = of_way.filter(sum=place, standardize=scale, k=k)
            for measure in ("MI", "MI less null", "MI of 10 components"):
                yield (*way, measure, place, scale, k), rows
            for measure in ("lower bound", "CKA", "neighbour overlap") if (scale, k) == ("none", 3) else ():
                yield (*way, measure, place, None, None), rows
            if (place, scale, k) == ("after", "none", 3):
                yield (*way, "error", None, None, None), rows


def by_hand(table):
    """Verdict, p-value, corrected p-value and corrected verdict, by reading and claim."""
    again = {}
    for reading, rows in readings(table):
        measure, runs = reading[3], traces(rows, reading[3])
        for claim, found in verdicts(parts_of(runs, measure == "error")).items() if runs else ():
            again[*reading, claim] = found
    return again


def test_every_verdict_is_found_again_from_the_documentation():
    judged = {}
    for v in judge(TABLE):
        reading = v.update, v.bn, v.momentum, v.measure, v.sum, v.standardize, v.k
        judged[*reading, v.claim] = v.verdict, pytest.approx(v.p), pytest.approx(v.p_holm)
        assert v.holm == (v.verdict if v.p_holm < 0.05 else "undecided")
    assert by_hand(TABLE) == judged
    assert {verdict for verdict, *_ in judged.values()} == {"holds", "does not hold", "undecided"}


def test_the_kept_verdicts_are_those_of_the_kept_table():
    names = ("update", "bn", "momentum", "measure", "sum", "standardize", "k", "claim")
    kept = {tuple(row[name] for name in names): row for row in pl.read_csv(KEPT / "claims.csv").iter_rows(named=True)}
    again = by_hand(results.read(KEPT))
    assert again.keys() == kept.keys()
    for reading, (verdict, p, p_holm) in again.items():
        row = kept[reading]
        assert (row["verdict"], row["p"], row["p_holm"]) == (
            verdict,
            pytest.approx(p, abs=1e-5),
            pytest.approx(p_holm, abs=1e-5),
        )
        assert row["holm"] == (verdict if p_holm < 0.05 else "undecided")
