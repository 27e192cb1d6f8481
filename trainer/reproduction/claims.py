"""The paper's claims, each judged by numbers computed from the table of results.

A claim has one or several parts. A part is a statistic that is above 0 where the claim is true, computed once per network
setting (architecture, width, depth) and random initialisation. Averaged over the settings it gives one value per
initialisation, and these a mean with a 95 % interval (Student's t). The part

    holds          if the interval is above 0, and no single setting's interval is below;
    does not hold  if the interval is below 0, and no single setting's is above;
    is undecided   otherwise.

A claim holds if all its parts hold, and does not hold if one of them does not.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from scipy import stats

from mi_core._files import whole_file
from mi_core._types import FloatArray
from trainer.reproduction import results

Ruling = Literal["holds", "does not hold", "undecided"]
Setting = tuple[str, int, int]
"""Architecture, width, number of hidden layers."""

LARGELY = 0.8  # the share of its whole fall that an error must have made to be called "largely trained"
DEEP = 10  # hidden layers from which on a network counts as deeper than "5 to 10"
USUAL_DEPTH = 5
CONFIDENCE = 0.95

ABOUT_ERRORS = (5, 7)  # claims that MI and its null play no part in

SAYS = {
    1: "MLP: MI between first and last layer rises through training.",
    2: "Shortcut: MI starts high, and falls.",
    3: "Residual net: MI rises, peaks, and falls.",
    4: "Deeper MLPs have lower MI and train worse, beyond 5 to 10 hidden layers.",
    5: "A shortcut lowers the error reached by a given epoch; residuals add a mild gain.",
    6: "High MI goes with a fast fall of the error.",
    7: "Networks with a shortcut are largely trained within one epoch.",
}

WHY_DIFFERENT = {
    1: "With inference statistics an untrained network is measured through moving averages at their initial values, "
    "which shrinks its late layers and lowers MI; the rise is then partly that of the averages. The samples' own statistics "
    "have no such lag.",
    2: "After the sum, the last layer contains the first one, so MI is high before anything is learnt; before the sum, the net "
    "is measured as an MLP is. And with the samples' own statistics both terms of the sum are of one size from the start.",
    3: "A peak is sought inside the epochs trained, at the epoch that the other initialisations name. A longer training may "
    "still bring a fall, and the lag of the moving averages moves the peak.",
    4: "Networks of equal width are compared, since KSG reads low in many dimensions. How many updates are made matters: deep "
    "networks start later, and with one update an epoch few are made.",
    5: "Errors are compared epoch by epoch on the same samples, from equal seeds. They depend on the statistics of batch "
    "normalisation, not on MI.",
    6: "MI and the fall of the error both change with the epoch, so the second part takes their means over the architectures "
    "at each epoch away. At such widths KSG is an index of dependence, not MI in bits.",
    7: f"Largely: the first epoch brings {LARGELY:.0%} of the whole fall of the error. With the whole training set in one step "
    "an epoch is a single update of the weights, with mini-batches of 1,000 it is sixty.",
}


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A claim under one reading.

    Attributes:
        claim: Its number, 1 to 7.
        says: What the paper says.
        update: "full batch", or "mini-batches of 1,000" and so on.
        bn: Statistics of batch normalisation while measuring, "inference" or "batch".
        sum: Last layer "after" or "before" the sum.
        k: Neighbour order.
        net_of_null: Whether MI is taken less that with shuffled pairing, at the epochs where that was measured.
        verdict: What was found.
        measured: The numbers, in words.
        statistic: Mean over the initialisations, of the part that decided.
        low: Lower end of its 95 % interval.
        high: Upper end.
        settings: Number of network settings in it.
        seeds: Number of initialisations.
    """

    claim: int
    says: str
    update: str
    bn: str
    sum: str
    k: int
    net_of_null: bool
    verdict: Ruling
    measured: str
    statistic: float
    low: float
    high: float
    settings: int
    seeds: int


@dataclasses.dataclass(frozen=True)
class Part:
    """A statistic, above 0 where the claim is true, of each setting and seed that has the rows for it."""

    name: str
    unit: str
    values: Mapping[tuple[Setting, int], float]

    def by_setting(self) -> dict[Setting, list[float]]:
        """Values of each setting, one per seed."""
        found: dict[Setting, list[float]] = {}
        for (setting, _), value in self.values.items():
            found.setdefault(setting, []).append(value)
        return found

    def by_seed(self) -> list[float]:
        """Means over the settings, one per seed, of the seeds that have all settings."""
        found: dict[int, list[float]] = {}
        for (_, seed), value in self.values.items():
            found.setdefault(seed, []).append(value)
        complete = max(map(len, found.values()), default=0)
        return [float(np.mean(values)) for values in found.values() if len(values) == complete]

    def interval(self) -> Interval:
        """Of the mean over settings and seeds."""
        return interval(self.by_seed())

    def ruling(self) -> Ruling:
        """As this module's first lines say."""
        whole, settings = self.interval().sign(), {interval(values).sign() for values in self.by_setting().values()}
        if whole > 0 and -1 not in settings:
            return "holds"
        return "does not hold" if whole < 0 and 1 not in settings else "undecided"

    def words(self) -> str:
        """Name, mean and interval, and in how many settings it is above 0."""
        mean, low, high = dataclasses.astuple(self.interval())
        signs = [interval(values).sign() for values in self.by_setting().values()]
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.name}: {mean:+.3g}{unit} [{low:+.3g}, {high:+.3g}], above 0 in {signs.count(1)} of {len(signs)} settings"


@dataclasses.dataclass(frozen=True)
class Interval:
    """Mean of some values and the 95 % interval for it, infinite for fewer than two."""

    mean: float
    low: float
    high: float

    def sign(self) -> int:
        """1 if all of it is above 0, -1 if below, 0 if neither."""
        return int(self.low > 0) - int(self.high < 0)


def interval(values: Iterable[float]) -> Interval:
    """By Student's t."""
    sample = np.array(list(values))
    if len(sample) < 2:
        return Interval(float(sample.mean()) if len(sample) else math.nan, -math.inf, math.inf)
    mean, error = float(sample.mean()), float(sample.std(ddof=1)) / math.sqrt(len(sample))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(sample) - 1)) * error
    return Interval(mean, mean - half, mean + half)


@dataclasses.dataclass(frozen=True)
class Trace:
    """One run under one reading: arrays over its measured epochs, ascending."""

    epochs: FloatArray
    mi: FloatArray
    error: FloatArray


Traces = Mapping[tuple[Setting, int], Trace]
"""By setting and seed; all over the same epochs."""


def judge(table: pl.DataFrame) -> list[Verdict]:
    """Every claim under every reading that the table has: way of updating, bn, sum, k, and MI as it is or net of the null.

    Args:
        table: As `results.collect` makes it. Runs that were not measured at every epoch of their kind are left out.
    """
    verdicts = []
    readings = (
        table.select("batch_size", "bn", "sum", "k")
        .unique()
        .sort("batch_size", "bn", "sum", "k", descending=[False, True, False, False])
    )
    for (batch_size, bn, place, k), net_of_null in itertools.product(readings.rows(), (False, True)):
        rows = table.filter(
            pl.col("batch_size").eq_missing(batch_size), pl.col("bn") == bn, pl.col("sum") == place, pl.col("k") == k
        )
        of_errors = traces_of(rows, net_of_null=False)
        of_mi = traces_of(rows, net_of_null=True) if net_of_null else of_errors
        for claim, parts_of in CLAIMS.items():
            parts = [part for part in parts_of(of_errors if claim in ABOUT_ERRORS else of_mi) if part.values]
            if not parts:
                continue
            rulings = [part.ruling() for part in parts]
            ruling: Ruling = next((r for r in ("does not hold", "undecided") if r in rulings), "holds")
            deciding = parts[rulings.index(ruling)]
            mean, low, high = dataclasses.astuple(deciding.interval())
            verdicts.append(
                Verdict(
                    claim=claim,
                    says=SAYS[claim],
                    update="full batch" if batch_size is None else f"mini-batches of {batch_size:,}",
                    bn=bn,
                    sum=place,
                    k=k,
                    net_of_null=net_of_null,
                    verdict=ruling,
                    measured="; ".join(part.words() for part in parts) + ".",
                    statistic=mean,
                    low=low,
                    high=high,
                    settings=len(deciding.by_setting()),
                    seeds=len(deciding.by_seed()),
                )
            )
    return verdicts


def traces_of(rows: pl.DataFrame, net_of_null: bool) -> dict[tuple[Setting, int], Trace]:
    """The runs of one reading that have all its epochs; with `net_of_null` those alone at which the null was measured."""
    value = pl.col("mi") - pl.col("null") if net_of_null else pl.col("mi")
    rows = rows.with_columns(value.alias("value")).drop_nulls(["value", "error"]).sort("epoch")
    all_epochs = rows["epoch"].n_unique()
    traces = {}
    for (arch, width, hidden, seed), run in rows.group_by("arch", "width", "hidden", "seed", maintain_order=True):
        epochs = run["epoch"].to_numpy().astype(np.float64)
        if len(epochs) == all_epochs > 1:
            traces[(str(arch), int(width), int(hidden)), int(seed)] = Trace(
                epochs, run["value"].to_numpy(), run["error"].to_numpy()
            )
    return traces


def mlp_rises(traces: Traces) -> Iterator[Part]:
    """Claim 1."""
    yield Part("last MI less first", "bits", {key: run.mi[-1] - run.mi[0] for key, run in of(traces, "mlp")})


def shortcut_starts_high_and_falls(traces: Traces) -> Iterator[Part]:
    """Claim 2."""
    starts = {key: one.mi[0] - other.mi[0] for key, one, other in pairs(traces, "shortcut", "mlp")}
    yield Part("first MI less that of the MLP", "bits", starts)
    yield Part("first MI less last", "bits", {key: run.mi[0] - run.mi[-1] for key, run in of(traces, "shortcut")})


def resnet_peaks(traces: Traces) -> Iterator[Part]:
    """Claim 3."""
    rises, falls = {}, {}
    for (setting, seed), run in of(traces, "resnet"):
        others = [other.mi for (of_setting, of_seed), other in traces.items() if of_setting == setting and of_seed != seed]
        if others and len(run.mi) > 2:
            peak = 1 + int(np.mean(others, axis=0)[1:-1].argmax())  # named by the others: noise alone makes no peak
            rises[setting, seed], falls[setting, seed] = run.mi[peak] - run.mi[0], run.mi[peak] - run.mi[-1]
    yield Part("MI at the peak less first", "bits", rises)
    yield Part("MI at the peak less last", "bits", falls)


def deeper_is_worse(traces: Traces) -> Iterator[Part]:
    """Claim 4."""
    mi, error = {}, {}
    for ((arch, width, hidden), seed), deep in of(traces, "mlp"):
        usual = traces.get(((arch, width, USUAL_DEPTH), seed))
        if hidden >= DEEP and usual is not None:
            mi[(arch, width, hidden), seed] = usual.mi[-1] - deep.mi[-1]
            error[(arch, width, hidden), seed] = deep.error[-1] - usual.error[-1]
    yield Part(f"last MI with {USUAL_DEPTH} hidden layers less that with {DEEP} or more", "bits", mi)
    yield Part(f"last error with {DEEP} or more less that with {USUAL_DEPTH}", "", error)


def shortcut_is_quicker(traces: Traces) -> Iterator[Part]:
    """Claim 5."""
    for one, other in (("shortcut", "mlp"), ("resnet", "mlp"), ("shortcut-resnet", "shortcut")):
        gains = {key: float(np.mean(slow.error[1:] - quick.error[1:])) for key, quick, slow in pairs(traces, one, other)}
        yield Part(f"error of {other} less that of {one}, mean over epochs", "", gains)


def mi_goes_with_a_fall(traces: Traces) -> Iterator[Part]:
    """Claim 6: rank correlation of MI with the fall of log(error) per epoch until the next measurement."""
    together: dict[tuple[Setting, int], list[tuple[FloatArray, FloatArray]]] = {}
    for ((_, width, hidden), seed), run in traces.items():
        error = np.log(np.maximum(run.error, 1e-4))
        together.setdefault((("all", width, hidden), seed), []).append((run.mi[:-1], -np.diff(error) / np.diff(run.epochs)))
    plain, net_of_epoch = {}, {}
    for key, points in together.items():
        if len(points) > 1:  # architectures
            mi, fall = (np.array(values) for values in zip(*points, strict=True))
            plain[key] = rank_correlation(mi, fall)
            net_of_epoch[key] = rank_correlation(mi - mi.mean(axis=0), fall - fall.mean(axis=0))
    yield Part("rank correlation of MI and fall", "", plain)
    yield Part("the same net of the epoch", "", net_of_epoch)


def trained_in_one_epoch(traces: Traces) -> Iterator[Part]:
    """Claim 7."""
    shares = {}
    for arch in ("shortcut", "shortcut-resnet"):
        for key, run in of(traces, arch):
            first, whole = run.error[0] - run.error[run.epochs == 1], run.error[0] - run.error[-1]
            if len(first) and whole > 0:
                shares[key] = float(first[0] / whole) - LARGELY
    yield Part(f"share of the error's fall in the first epoch, less {LARGELY:.0%}", "", shares)


CLAIMS: dict[int, Callable[[Traces], Iterator[Part]]] = {
    1: mlp_rises,
    2: shortcut_starts_high_and_falls,
    3: resnet_peaks,
    4: deeper_is_worse,
    5: shortcut_is_quicker,
    6: mi_goes_with_a_fall,
    7: trained_in_one_epoch,
}


def of(traces: Traces, arch: str) -> Iterator[tuple[tuple[Setting, int], Trace]]:
    """The runs of one architecture."""
    return ((key, run) for key, run in traces.items() if key[0][0] == arch)


def pairs(traces: Traces, arch: str, other: str) -> Iterator[tuple[tuple[Setting, int], Trace, Trace]]:
    """Runs of one architecture, each with that of another of the same width, depth and seed."""
    for ((_, width, hidden), seed), run in of(traces, arch):
        partner = traces.get(((other, width, hidden), seed))
        if partner is not None:
            yield ((arch, width, hidden), seed), run, partner


def rank_correlation(one: FloatArray, other: FloatArray) -> float:
    """Spearman's, 0 where one of them is constant."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(stats.spearmanr(one.ravel(), other.ravel()).statistic)


def write(verdicts: Sequence[Verdict], folder: str | Path) -> list[Path]:
    """Write claims.csv, one verdict a row, and claims.md, for people."""
    table, text = Path(folder) / "claims.csv", Path(folder) / "claims.md"
    with whole_file(table) as file:
        results.write_csv(pl.DataFrame([dataclasses.asdict(verdict) for verdict in verdicts]), file, float_precision=4)
    with whole_file(text) as file:
        file.write(as_markdown(verdicts).encode())
    return [table, text]


def as_markdown(verdicts: Sequence[Verdict]) -> str:
    """For each way of updating a table, claims down and readings across; then the numbers of the default reading."""
    updates, claims = (list(dict.fromkeys(getattr(v, name) for v in verdicts)) for name in ("update", "claim"))
    readings = list(dict.fromkeys((v.bn, v.sum) for v in verdicts))
    lines = ["# The claims of Hodas & Stinis 2018, judged", ""]
    for update in updates:
        of_update = [v for v in verdicts if v.update == update]
        lines += [f"## {update.capitalize()}", ""]
        lines += ["| claim | " + " | ".join(f"{bn} statistics, {place} the sum" for bn, place in readings) + " |"]
        lines += ["|---|" + "---|" * len(readings)]
        for claim in sorted(claims):
            cells = [_cell([v for v in of_update if (v.claim, v.bn, v.sum) == (claim, *reading)]) for reading in readings]
            lines += [f"| {claim}. {SAYS[claim]} | " + " | ".join(cells) + " |"]
        lines += [""]
    lines += ["## Numbers", "", *_numbers(verdicts, updates), "", "## Why paper and measurement may differ", ""]
    return "\n".join([*lines, *(f"{claim}. {WHY_DIFFERENT[claim]}" for claim in sorted(claims)), ""])


def _cell(verdicts: Sequence[Verdict]) -> str:
    """The verdict with the smallest k and MI as it is, and those with other k or net of the null where they differ."""
    if not verdicts:
        return "not measured"
    usual = min(verdicts, key=lambda v: (v.net_of_null, v.k))
    others = [
        f"k={v.k}{', net of the null' if v.net_of_null else ''}: {v.verdict}" for v in verdicts if v.verdict != usual.verdict
    ]
    return f"**{usual.verdict}**" + (f" ({'; '.join(others)})" if others else "")


def _numbers(verdicts: Sequence[Verdict], updates: Sequence[str]) -> Iterator[str]:
    """What was measured under the first reading, inference statistics after the sum as a rule, claim by claim."""
    first = verdicts[0]
    yield (
        f"With {first.bn} statistics, {first.sum} the sum, k={first.k}; means over the settings and {first.seeds} "
        "initialisations, with 95 % intervals."
    )
    for update in updates:
        yield ""
        for v in verdicts:
            if (v.update, v.bn, v.sum, v.k, v.net_of_null) == (update, first.bn, first.sum, first.k, False):
                yield f"- {update}, claim {v.claim}, {v.verdict}: {v.measured}"
