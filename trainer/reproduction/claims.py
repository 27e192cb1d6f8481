"""The paper's claims: their wording, the statistics that test them, and why measurement and paper may differ.

A claim has one or several parts (`parts`); it holds if all of them hold, and does not hold if one of them does not. Points are
measured after each epoch: "first" is after the first epoch, "last" after the last one, and names of parts say which that was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np

from trainer.reproduction.parts import Part, rank_correlation
from trainer.reproduction.traces import Traces

LARGELY = 0.8  # the share of its whole fall that an error must have made to be called "largely trained"
DEEP = 10  # hidden layers from which on a network counts as deeper than "5 to 10"
USUAL_DEPTH = 5
FEWEST = 3  # points of a rank correlation


@dataclasses.dataclass(frozen=True)
class Claim:
    """One claim of the paper.

    Attributes:
        number: Its number, from 1.
        says: What the paper says.
        parts: The statistics that decide it, from runs of one reading.
        of: "MI" if the parts are about MI or what is taken for it; "error" if MI plays no part.
        why_different: Why paper and measurement may differ.
    """

    number: int
    says: str
    parts: Callable[[Traces], Iterator[Part]]
    of: Literal["MI", "error"]
    why_different: str


def after(traces: Traces, place: int) -> str:
    """Words for a measured epoch."""
    return f"after epoch {traces.epochs[place]}"


def over(traces: Traces) -> str:
    """Words for a mean over the measured epochs."""
    return f"mean over epochs {traces.epochs[0]} to {traces.epochs[-1]}"


def changes(traces: Traces, arch: str, sign: int) -> Iterator[Part]:
    """Rise (`sign` 1) or fall (-1) of the measure of an architecture from first to last, and its steadiness."""
    ends = {run: sign * float(trace.value[-1] - trace.value[0]) for run, trace in traces.of(arch)}
    late, early = (after(traces, place) for place in ((-1, 0) if sign > 0 else (0, -1)))
    yield Part(f"{traces.measure} {late} less {early}", traces.unit, ends)
    if len(traces.epochs) >= FEWEST:
        epochs = np.array(traces.epochs)
        trends = {run: sign * rank_correlation(trace.value, epochs) for run, trace in traces.of(arch)}
        name = f"rank correlation of {traces.measure} with the epoch"
        yield Part(name if sign > 0 else f"minus the {name}", "", trends)


def starts(traces: Traces, arch: str, other: str) -> Part:
    """Excess of the first measure of an architecture over that of another."""
    first = {run: float(one.value[0] - two.value[0]) for run, one, two in traces.pairs(arch, other)}
    return Part(f"{traces.measure} {after(traces, 0)} less that of {other}", traces.unit, first)


def gain(traces: Traces, arch: str, other: str) -> Part:
    """Reduction of the error by an architecture, compared with another."""
    gains = {run: float(np.mean(slow.error - quick.error)) for run, quick, slow in traces.pairs(arch, other)}
    return Part(f"error of {other} less that of {arch}, {over(traces)}", "", gains)


def mlp_rises(traces: Traces) -> Iterator[Part]:
    """Rise of the MI of MLPs, and its steadiness."""
    yield from changes(traces, "mlp", 1)


def shortcut_starts_high_and_falls(traces: Traces) -> Iterator[Part]:
    """Excess of the first MI with a shortcut, and the size and steadiness of its fall."""
    yield starts(traces, "shortcut", "mlp")
    yield from changes(traces, "shortcut", -1)


def resnet_peaks(traces: Traces) -> Iterator[Part]:
    """Rise of the MI of residual nets to its peak, and its fall from there."""
    rises, falls = {}, {}
    for (setting, seed), trace in traces.of("resnet"):
        others = [other.value for (of, by), other in traces.runs.items() if of == setting and by != seed]
        if others and len(traces.epochs) >= FEWEST:
            peak = 1 + int(np.mean(others, axis=0)[1:-1].argmax())  # named by the others: noise alone makes no peak
            rises[setting, seed] = float(trace.value[peak] - trace.value[0])
            falls[setting, seed] = float(trace.value[peak] - trace.value[-1])
    yield Part(f"{traces.measure} at its peak less {after(traces, 0)}", traces.unit, rises)
    yield Part(f"{traces.measure} at its peak less {after(traces, -1)}", traces.unit, falls)


def deeper_is_worse(traces: Traces) -> Iterator[Part]:
    """Reduction of MI and excess of the error in deeper MLPs."""
    values, errors = {}, {}
    for ((arch, width, hidden), seed), deep in traces.of("mlp"):
        usual = traces.runs.get(((arch, width, USUAL_DEPTH), seed))
        if hidden >= DEEP and usual is not None:
            values[(arch, width, hidden), seed] = float(usual.value[-1] - deep.value[-1])
            errors[(arch, width, hidden), seed] = float(deep.error[-1] - usual.error[-1])
    last, depths = after(traces, -1), f"{USUAL_DEPTH} hidden layers less that with {DEEP} or more"
    yield Part(f"{traces.measure} {last} with {depths}", traces.unit, values)
    yield Part(f"error {last} with {DEEP} hidden layers or more less that with {USUAL_DEPTH}", "", errors)


def shortcut_is_quicker(traces: Traces) -> Iterator[Part]:
    """Reduction of the error by a shortcut, and by residuals."""
    for arch, other in (("shortcut", "mlp"), ("resnet", "mlp"), ("shortcut-resnet", "shortcut")):
        yield gain(traces, arch, other)


def mi_goes_with_a_fall(traces: Traces) -> Iterator[Part]:
    """Rank correlation of MI with the fall of the error per epoch until the next measurement, in residual nets."""
    steps = np.diff(traces.epochs)
    found = {}
    if len(steps) >= FEWEST:
        for run, trace in traces.of("resnet"):
            found[run] = rank_correlation(trace.value[:-1], -np.diff(trace.error) / steps)
    yield Part(f"rank correlation of {traces.measure} with the fall of the error per epoch to come", "", found)


def trained_in_one_epoch(traces: Traces) -> Iterator[Part]:
    """Share of the error's fall that the first epoch brings."""
    shares = {}
    for arch in ("shortcut", "shortcut-resnet"):
        for run, trace in traces.of(arch):
            whole = trace.untrained - trace.error[-1]
            if whole > 0:
                shares[run] = float((trace.untrained - trace.error[0]) / whole) - LARGELY
    yield Part(f"share of the error's fall over {traces.epochs[-1]} epochs in the first one, less {LARGELY:.0%}", "", shares)


def move_together(traces: Traces) -> Iterator[Part]:
    """Narrowing of the gap in MI between MLPs with and without shortcut."""
    closes = {
        run: float(abs(one.value[0] - two.value[0]) - abs(one.value[-1] - two.value[-1]))
        for run, one, two in traces.pairs("shortcut", "mlp")
    }
    name = f"gap in {traces.measure} {after(traces, 0)} less that {after(traces, -1)}"
    yield Part(name, traces.unit, closes)


def resnet_starts_low(traces: Traces) -> Iterator[Part]:
    """Distance of the first MI of residual nets below half of its largest value."""
    below = {run: float(trace.value.max() / 2 - trace.value[0]) for run, trace in traces.of("resnet")}
    yield Part(f"half of the largest {traces.measure} less that {after(traces, 0)}", traces.unit, below)


def shortcut_resnet_starts_high(traces: Traces) -> Iterator[Part]:
    """Excess of the first MI of residual nets with a shortcut."""
    yield starts(traces, "shortcut-resnet", "resnet")


def shortcut_is_the_main_gain(traces: Traces) -> Iterator[Part]:
    """Excess of a shortcut's gain over the MLP, compared with that of residuals."""
    more = {
        run: value - residual
        for run, value in gain(traces, "shortcut", "mlp").values.items()
        if (residual := gain(traces, "resnet", "mlp").values.get((("resnet", *run[0][1:]), run[1]))) is not None
    }
    yield Part(f"gain of shortcut over mlp less that of resnet, {over(traces)}", "", more)


CLAIMS = {
    claim.number: claim
    for claim in (
        Claim(
            1,
            "MLP: MI between first and last layer rises through training.",
            mlp_rises,
            "MI",
            "Moving averages lag: early in training they shrink late layers and lower MI, so that the rise is partly that of "
            "the averages. The samples' own statistics have no such lag, and sides on one scale show less of it.",
        ),
        Claim(
            2,
            "Shortcut: MI starts high, and falls.",
            shortcut_starts_high_and_falls,
            "MI",
            "After the sum, the last layer contains the first one, so MI is high before anything is learnt; before the "
            "sum, the net is measured as an MLP is. And with the samples' own statistics both terms of the sum are of "
            "one size from the start.",
        ),
        Claim(
            3,
            "Residual net: MI rises, peaks, and falls.",
            resnet_peaks,
            "MI",
            "A peak is sought inside the epochs trained, at the epoch that the other initialisations name. A longer "
            "training may still bring a fall, and the lag of the moving averages moves the peak.",
        ),
        Claim(
            4,
            "Deeper MLPs have lower MI and train worse, beyond 5 to 10 hidden layers.",
            deeper_is_worse,
            "MI",
            "Networks of equal width are compared, since KSG reads low in many dimensions. How many updates are made "
            "matters: deep networks start later, and with one update an epoch few are made.",
        ),
        Claim(
            5,
            "A shortcut lowers the error reached by a given epoch; residuals add a mild gain.",
            shortcut_is_quicker,
            "error",
            "Errors are compared epoch by epoch on the same samples, from equal seeds. They depend on the statistics of "
            "batch normalisation, not on MI.",
        ),
        Claim(
            6,
            "Residual net: high MI goes with a fast fall of the error.",
            mi_goes_with_a_fall,
            "MI",
            'The paper speaks of a "decrease in error", so the error itself is taken, not its logarithm. It falls fastest in '
            "the first epochs whatever MI does: where MI starts low and rises, the correlation is below 0.",
        ),
        Claim(
            7,
            "Networks with a shortcut are largely trained within one epoch.",
            trained_in_one_epoch,
            "error",
            f"Largely: the first epoch brings {LARGELY:.0%} of the whole fall of the error. With the whole training set "
            "in one step an epoch is a single update of the weights, with mini-batches of 1,000 it is sixty.",
        ),
        Claim(
            8,
            "MLPs with and without a shortcut move towards a common MI.",
            move_together,
            "MI",
            "The paper names no value of this optimum, so the gap between the two is taken. It may close because one of them "
            "moves alone.",
        ),
        Claim(
            9,
            "Residual net: MI starts low.",
            resnet_starts_low,
            "MI",
            "Low: below half of the largest value that the same network reaches. With 5 hidden layers a residual net has a "
            "single sum and starts much as others do; with 20 it starts low.",
        ),
        Claim(
            10,
            "Residual net with a shortcut: MI starts high.",
            shortcut_resnet_starts_high,
            "MI",
            "High: above that of the residual net without a shortcut. As in claim 2, the sum contains the first layer.",
        ),
        Claim(
            11,
            "The main gain over the MLP is the shortcut's, that of residuals is mild.",
            shortcut_is_the_main_gain,
            "error",
            "Both gains are small beside the fall of the error itself, and grow with depth.",
        ),
    )
}
