"""The paper's claims: what it says, what is computed of it, and why measurement and paper may differ.

A claim has one or several parts (`parts`); it holds if all of them hold, and does not hold if one of them does not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np

from mi_core.types import FloatArray
from trainer.reproduction.parts import Part, rank_correlation
from trainer.reproduction.traces import Setting, Traces, of, pairs

LARGELY = 0.8  # the share of its whole fall that an error must have made to be called "largely trained"
DEEP = 10  # hidden layers from which on a network counts as deeper than "5 to 10"
USUAL_DEPTH = 5


@dataclasses.dataclass(frozen=True)
class Claim:
    """One claim of the paper.

    Attributes:
        number: Its number, from 1.
        says: What the paper says.
        parts: The statistics that decide it, from runs of one reading.
        of: "MI" where these are about MI, which may be taken net of its null; "error" where MI plays no part.
        why_different: Why paper and measurement may differ.
    """

    number: int
    says: str
    parts: Callable[[Traces], Iterator[Part]]
    of: Literal["MI", "error"]
    why_different: str


def mlp_rises(traces: Traces) -> Iterator[Part]:
    """How far the MI of MLPs rises."""
    yield Part("last MI less first", "bits", {key: run.mi[-1] - run.mi[0] for key, run in of(traces, "mlp")})


def shortcut_starts_high_and_falls(traces: Traces) -> Iterator[Part]:
    """How much higher MI starts with a shortcut, and how far it falls."""
    starts = {key: one.mi[0] - other.mi[0] for key, one, other in pairs(traces, "shortcut", "mlp")}
    yield Part("first MI less that of the MLP", "bits", starts)
    yield Part("first MI less last", "bits", {key: run.mi[0] - run.mi[-1] for key, run in of(traces, "shortcut")})


def resnet_peaks(traces: Traces) -> Iterator[Part]:
    """How far the MI of residual nets rises to its peak, and falls from there."""
    rises, falls = {}, {}
    for (setting, seed), run in of(traces, "resnet"):
        others = [other.mi for (of_setting, of_seed), other in traces.items() if of_setting == setting and of_seed != seed]
        if others and len(run.mi) > 2:
            peak = 1 + int(np.mean(others, axis=0)[1:-1].argmax())  # named by the others: noise alone makes no peak
            rises[setting, seed], falls[setting, seed] = run.mi[peak] - run.mi[0], run.mi[peak] - run.mi[-1]
    yield Part("MI at the peak less first", "bits", rises)
    yield Part("MI at the peak less last", "bits", falls)


def deeper_is_worse(traces: Traces) -> Iterator[Part]:
    """How much lower MI is, and how much larger the error, in deeper MLPs."""
    mi, error = {}, {}
    for ((arch, width, hidden), seed), deep in of(traces, "mlp"):
        usual = traces.get(((arch, width, USUAL_DEPTH), seed))
        if hidden >= DEEP and usual is not None:
            mi[(arch, width, hidden), seed] = usual.mi[-1] - deep.mi[-1]
            error[(arch, width, hidden), seed] = deep.error[-1] - usual.error[-1]
    yield Part(f"last MI with {USUAL_DEPTH} hidden layers less that with {DEEP} or more", "bits", mi)
    yield Part(f"last error with {DEEP} or more less that with {USUAL_DEPTH}", "", error)


def shortcut_is_quicker(traces: Traces) -> Iterator[Part]:
    """How much smaller the error is with a shortcut, and with residuals."""
    for one, other in (("shortcut", "mlp"), ("resnet", "mlp"), ("shortcut-resnet", "shortcut")):
        gains = {key: float(np.mean(slow.error[1:] - quick.error[1:])) for key, quick, slow in pairs(traces, one, other)}
        yield Part(f"error of {other} less that of {one}, mean over epochs", "", gains)


def mi_goes_with_a_fall(traces: Traces) -> Iterator[Part]:
    """Rank correlation of MI with the fall of log(error) per epoch until the next measurement."""
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
    """Share of the error's fall that the first epoch brings."""
    shares = {}
    for arch in ("shortcut", "shortcut-resnet"):
        for key, run in of(traces, arch):
            first, whole = run.error[0] - run.error[run.epochs == 1], run.error[0] - run.error[-1]
            if len(first) and whole > 0:
                shares[key] = float(first[0] / whole) - LARGELY
    yield Part(f"share of the error's fall in the first epoch, less {LARGELY:.0%}", "", shares)


CLAIMS = {
    claim.number: claim
    for claim in (
        Claim(
            1,
            "MLP: MI between first and last layer rises through training.",
            mlp_rises,
            "MI",
            "With inference statistics an untrained network is measured through moving averages at their initial values, "
            "which shrinks its late layers and lowers MI; the rise is then partly that of the averages. The samples' own "
            "statistics have no such lag.",
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
            "High MI goes with a fast fall of the error.",
            mi_goes_with_a_fall,
            "MI",
            "MI and the fall of the error both change with the epoch, so the second part takes their means over the "
            "architectures at each epoch away. At such widths KSG is an index of dependence, not MI in bits.",
        ),
        Claim(
            7,
            "Networks with a shortcut are largely trained within one epoch.",
            trained_in_one_epoch,
            "error",
            f"Largely: the first epoch brings {LARGELY:.0%} of the whole fall of the error. With the whole training set "
            "in one step an epoch is a single update of the weights, with mini-batches of 1,000 it is sixty.",
        ),
    )
}
