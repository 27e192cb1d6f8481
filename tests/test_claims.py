"""Verdicts on the paper's claims, from tables whose truth is known."""

import dataclasses
import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from cli.reproduce import print_verdicts
from trainer.reproduction import overview
from trainer.reproduction.claims import CLAIMS
from trainer.reproduction.judging import judge, rule
from trainer.reproduction.parts import Interval, Part, detectable, holm, interval, rank_correlation
from trainer.reproduction.results import SCHEMA
from trainer.reproduction.traces import Trace, Traces
from trainer.reproduction.verdict_files import write

EPOCHS = (0, 1, 2, 4, 8)
COLUMNS = {
    "MI": "mi",
    "MI of 10 components": "reduced",
    "lower bound": "lower_bound",
    "CKA": "cka",
    "neighbour overlap": "knn_overlap",
}


def runs(arch, mi, error, *, width=10, hidden=5, seeds=3, spread=0.01, **reading):
    """Rows of an architecture whose MI and error over the epochs are given, seeds differing by `spread`."""
    reading = {"batch_size": None, "momentum": 0.99, "bn": "inference", "sum": "after", "standardize": "none", "k": 3} | reading
    return [
        reading
        | {
            "run": f"{arch}-w{width}-h{hidden}-{reading['batch_size']}-{reading['momentum']}-s{seed}",
            "arch": arch,
            "width": width,
            "hidden": hidden,
            "seed": seed,
            "epoch": epoch,
            "updates": epoch,
            "mi": mi[place] + spread * seed * (-1) ** place,
            "null": None,
            "units": "bits",
            "error": error[place] + 0.1 * spread * seed * (-1) ** place,
        }
        for seed in range(seeds)
        for place, epoch in enumerate(EPOCHS)
    ]


def judged(*rows):
    return judge(pl.DataFrame([row for group in rows for row in group], schema=SCHEMA))


def verdict(claim, *rows, measure="MI"):
    """The one verdict on a claim."""
    measure = "error" if CLAIMS[claim].of == "error" else measure
    (found,) = [v for v in judged(*rows) if v.claim == claim and v.measure == measure]
    return found


RISING, FALLING, PEAKED = (9.0, 2.0, 2.5, 2.7, 3.0), (1.0, 5.0, 4.5, 4.2, 4.0), (9.0, 1.0, 2.0, 3.0, 2.0)
FLAT = (2.0,) * 5
QUICK, SLOW = (0.9, 0.12, 0.08, 0.06, 0.05), (0.9, 0.7, 0.5, 0.3, 0.2)


@pytest.mark.parametrize(("mi", "ruling"), [(RISING, "holds"), (FALLING, "does not hold"), (FLAT, "undecided")])
def test_an_mlp_whose_mi_rises(mi, ruling):
    """After the first epoch: what was before training tells the other story."""
    found = verdict(1, runs("mlp", mi, SLOW))
    assert found.verdict == ruling
    assert found.low <= found.statistic <= found.high
    assert "MI after epoch 8 less after epoch 1: " in found.measured
    assert (found.settings, found.seeds, found.update, found.momentum) == (1, 3, "full batch", 0.99)


def test_an_mlp_whose_ends_rise_without_a_trend():
    found = verdict(1, runs("mlp", (0, 1.5, 3.0, 1.0, 2.0), SLOW, spread=0.001))
    assert found.verdict == "undecided"
    assert found.measured.startswith("MI after epoch 8 less after epoch 1: +0.502 bits")
    assert "rank correlation of MI with the epoch: +0 [+0, +0]" in found.measured


@pytest.mark.parametrize("sign", [1, -1])
def test_settings_that_disagree_decide_nothing(sign):
    strong, weak = sign * np.array(RISING) * 5, sign * np.array(FALLING)
    found = verdict(1, runs("mlp", strong, SLOW, width=10), runs("mlp", weak, SLOW, width=20))
    assert (found.low > 0, found.high < 0) == (sign > 0, sign < 0)
    assert found.verdict == "undecided"
    assert (found.settings, found.seeds, found.p, found.p_holm) == (2, 3, 1, 1)
    assert "above 0 in 1 of 2 settings" in found.measured


def test_one_seed_decides_nothing():
    found = verdict(1, runs("mlp", RISING, SLOW, seeds=1))
    assert found.verdict == "undecided"
    assert (found.low, found.high, found.detectable) == (-math.inf, math.inf, math.inf)


@pytest.mark.parametrize(
    ("mi", "ruling"), [(FALLING, "holds"), (np.array(FALLING) - 4.5, "does not hold"), (np.array(RISING) + 6, "does not hold")]
)
def test_a_shortcut_that_starts_high_and_falls(mi, ruling):
    """High beside the MLP's start; all parts must hold."""
    assert verdict(2, runs("mlp", RISING, SLOW), runs("shortcut", mi, SLOW)).verdict == ruling


@pytest.mark.parametrize(("mi", "ruling"), [(PEAKED, "holds"), (RISING, "does not hold"), (FALLING, "does not hold")])
def test_a_residual_net_that_peaks(mi, ruling):
    assert verdict(3, runs("resnet", mi, SLOW)).verdict == ruling


def test_noise_alone_makes_no_peak():
    """Noise of spread 1 peaks some 0.8 above its mean for a seed that takes part in naming the epoch of the peak."""
    rng = np.random.default_rng(0)
    noise = {(("resnet", width, 5), seed): trace(rng.normal(size=10)) for width in range(200) for seed in range(3)}
    for part in CLAIMS[3].parts(Traces(tuple(range(1, 11)), noise)):
        assert part.interval().mean == pytest.approx(0, abs=0.15)


def test_deeper_networks_that_are_worse():
    usual, deep = runs("mlp", RISING, QUICK), runs("mlp", np.array(RISING) - 0.5, SLOW, hidden=10)
    found = verdict(4, usual, deep)
    assert (found.verdict, found.settings) == ("holds", 1)
    assert verdict(4, usual, runs("mlp", np.array(RISING) - 0.5, QUICK, hidden=20, spread=0.02)).verdict == "undecided"
    assert verdict(4, usual, runs("mlp", np.array(RISING) + 0.5, SLOW, hidden=10)).verdict == "does not hold"


def test_a_shortcut_that_learns_quicker():
    assert verdict(5, runs("mlp", RISING, SLOW), runs("shortcut", FALLING, QUICK)).verdict == "holds"
    assert verdict(5, runs("mlp", RISING, QUICK), runs("shortcut", FALLING, SLOW)).verdict == "does not hold"
    both = verdict(
        5, runs("mlp", RISING, SLOW), runs("shortcut", FALLING, QUICK), runs("resnet", PEAKED, np.array(SLOW) + 0.05)
    )
    assert both.verdict == "does not hold"
    assert "error of mlp less that of resnet, mean over epochs 1 to 8" in both.measured


@pytest.mark.parametrize(("sign", "ruling"), [(1, "holds"), (-1, "does not hold")])
def test_high_mi_with_a_fast_fall(sign, ruling):
    """In residual nets alone: those with a shortcut say the contrary."""
    mi, error = np.array((0, 4.0, 3.0, 2.0, 1.0)), (0.9, 0.5, 0.3, 0.2, 0.19)
    rows = runs("resnet", sign * mi, error, spread=0.001), runs("shortcut-resnet", -sign * mi, error)
    assert verdict(6, *rows).verdict == ruling


@pytest.mark.parametrize(("error", "ruling"), [(QUICK, "holds"), (SLOW, "does not hold")])
def test_trained_within_one_epoch(error, ruling):
    found = verdict(7, runs("shortcut", FALLING, error, batch_size=1000))
    assert found.verdict == ruling
    assert found.update == "mini-batches of 1,000"
    assert found.statistic == pytest.approx((error[0] - error[1]) / (error[0] - error[-1]) - 0.8, abs=0.01)


@pytest.mark.parametrize(("ends", "ruling"), [((3.0, 4.0), "holds"), ((0.0, 7.0), "does not hold")])
def test_mlps_that_move_together(ends, ruling):
    """The gap of 3 bits closes to 1; or it opens to 4, the MLP falling below the other."""
    mlp, shortcut = (0, 2.0, 2.2, 2.5, ends[0]), (0, 5.0, 4.8, 4.4, ends[1] if ruling == "holds" else 4.0)
    found = verdict(8, runs("mlp", mlp, SLOW), runs("shortcut", shortcut, QUICK))
    assert (found.verdict, found.statistic) == (ruling, pytest.approx(2 if ruling == "holds" else -1))


@pytest.mark.parametrize(("first", "ruling"), [(1.0, "holds"), (2.0, "does not hold")])
def test_a_residual_net_that_starts_low(first, ruling):
    """Below or above half of 3 bits."""
    found = verdict(9, runs("resnet", (9.0, first, 2.0, 3.0, 2.0), SLOW))
    assert (found.verdict, found.statistic) == (ruling, pytest.approx(1.5 - first, abs=0.03))


@pytest.mark.parametrize(("mi", "ruling"), [(FALLING, "holds"), (np.array(FALLING) - 5, "does not hold")])
def test_a_residual_net_with_a_shortcut_that_starts_high(mi, ruling):
    assert verdict(10, runs("resnet", PEAKED, SLOW), runs("shortcut-resnet", mi, SLOW)).verdict == ruling


@pytest.mark.parametrize(("gains", "ruling"), [((0.1, 0.02), "holds"), ((0.02, 0.1), "does not hold")])
def test_the_gain_of_a_shortcut_is_the_main_one(gains, ruling):
    error = np.array(SLOW)
    shortcut, resnet = (error - gain for gain in gains)
    found = verdict(11, runs("mlp", RISING, error), runs("shortcut", FALLING, shortcut), runs("resnet", PEAKED, resnet))
    assert (found.verdict, found.statistic) == (ruling, pytest.approx(gains[0] - gains[1]))


# What is compared with what


def trace(value=(1.0, 1.0, 1.0), error=(0.9, 0.5, 0.1), untrained=math.nan):
    return Trace(np.array(value), np.array(error), untrained)


def statistics(claim, runs, epochs=(1, 2, 5)):
    """The values of each part of a claim."""
    return [dict(part.values) for part in CLAIMS[claim].parts(Traces(epochs, runs))]


def test_a_shortcut_starts_high_beside_its_own_mlp():
    """Of the same width, depth and seed, after the first epoch."""
    found = statistics(
        2,
        {
            (("shortcut", 10, 5), 0): trace((6.0, 8.0, 2.0)),
            (("shortcut", 10, 10), 1): trace((7.0, 8.0, 3.0)),
            (("shortcut", 20, 5), 0): trace((7.0, 8.0, 2.5)),
            (("mlp", 10, 5), 0): trace((1.0, 4.0, 9.0)),
            (("mlp", 10, 5), 1): trace((1.5, 4.0, 9.0)),
            (("mlp", 10, 10), 0): trace((2.0, 4.0, 9.0)),
            (("mlp", 10, 10), 1): trace((2.5, 4.0, 9.0)),
        },
    )
    assert found == [
        {(("shortcut", 10, 5), 0): 5.0, (("shortcut", 10, 10), 1): 4.5},
        {(("shortcut", 10, 5), 0): 4.0, (("shortcut", 10, 10), 1): 4.0, (("shortcut", 20, 5), 0): 4.5},
        {run: pytest.approx(0.5) for run in found[1]},
    ]


def test_a_peak_is_named_by_the_mean_of_the_other_seeds_of_a_network():
    key = ("resnet", 10, 5)
    runs = {
        (key, 0): trace((1.0, 2.0, 9.0, 4.0, 2.5), (0.5,) * 5),
        (key, 1): trace((1.0, 5.0, 0.0, 4.0, 2.0), (0.5,) * 5),
        (key, 2): trace((1.0, 0.0, 0.0, 3.0, 2.0), (0.5,) * 5),
        (("resnet", 20, 5), 3): trace((1.0, 99.0, 1.0, 1.0, 1.0), (0.5,) * 5),  # has no other seed
        (("mlp", 10, 5), 0): trace((1.0, 99.0, 1.0, 1.0, 1.0), (0.5,) * 5),
    }
    assert statistics(3, runs, (1, 2, 4, 8, 16)) == [
        {(key, 0): 3.0, (key, 1): -1.0, (key, 2): -1.0},
        {(key, 0): 1.5, (key, 1): -2.0, (key, 2): -2.0},
    ]


def test_a_peak_needs_an_epoch_between_first_and_last():
    key = ("resnet", 10, 5)
    assert statistics(3, {(key, seed): trace((1.0, 5.0, 2.0)) for seed in (0, 1)}) == [
        {(key, 0): 4.0, (key, 1): 4.0},
        {(key, 0): 3.0, (key, 1): 3.0},
    ]
    assert statistics(3, {(key, seed): trace((1.0, 5.0), (0.5, 0.4)) for seed in (0, 1)}, (1, 2)) == [{}, {}]


def test_a_deep_mlp_is_compared_with_the_usual_one_of_its_width_and_seed():
    """After training."""
    runs = {
        (("mlp", 10, 5), 0): trace((5.0, 5.0, 4.0), (0.9, 0.5, 0.1)),
        (("mlp", 10, 5), 1): trace((5.0, 5.0, 4.5), (0.9, 0.5, 0.2)),
        (("mlp", 10, 10), 1): trace((1.0, 2.0, 4.0), (0.9, 0.8, 0.5)),
        (("mlp", 20, 5), 0): trace((5.0, 5.0, 3.0), (0.9, 0.5, 0.3)),
        (("mlp", 20, 20), 0): trace((1.0, 2.0, 2.5), (0.9, 0.8, 0.4)),
        (("mlp", 30, 20), 0): trace(),  # has no partner
        (("resnet", 10, 5), 0): trace(),
        (("resnet", 10, 10), 0): trace(),
    }
    one, other = (("mlp", 10, 10), 1), (("mlp", 20, 20), 0)
    assert statistics(4, runs) == [{one: 0.5, other: 0.5}, {one: pytest.approx(0.3), other: pytest.approx(0.1)}]


def test_errors_are_compared_at_every_epoch():
    error = {"mlp": (0.5, 0.4), "shortcut": (0.3, 0.2), "resnet": (0.5, 0.3), "shortcut-resnet": (0.3, 0.1)}
    runs = {((arch, 10, 5), 0): trace(error=error[arch]) for arch in error}
    assert statistics(5, runs, (1, 4)) == [
        {(("shortcut", 10, 5), 0): pytest.approx(0.2)},
        {(("resnet", 10, 5), 0): pytest.approx(0.05)},
        {(("shortcut-resnet", 10, 5), 0): pytest.approx(0.05)},
    ]
    assert statistics(11, runs, (1, 4)) == [{(("shortcut", 10, 5), 0): pytest.approx(0.15)}]


def test_a_fall_is_that_per_epoch_to_come():
    """In the steps to 2, 10, 12 and 20: of the error itself, which falls by 0.3, 0.02, 0.05 and 0.01 an epoch."""
    run = ("resnet", 10, 5), 0
    traces = {
        run: trace((4.0, 2.0, 3.0, 1.0, 9.0), (0.8, 0.5, 0.34, 0.24, 0.16)),
        (("mlp", 10, 5), 0): trace((0,) * 5, (0,) * 5),
    }
    assert statistics(6, traces, (1, 2, 10, 12, 20)) == [{run: pytest.approx(1)}]
    assert statistics(6, {run: trace()}) == [{}]  # of two steps a correlation says nothing


def test_the_share_of_the_first_epoch_in_the_whole_fall():
    runs = {
        (("shortcut", 10, 5), 0): trace(error=(0.2, 0.1, 0.3), untrained=0.8),
        (("shortcut-resnet", 10, 5), 0): trace(error=(0.5, 0.1, 0.3), untrained=0.8),
        (("shortcut", 10, 10), 0): trace(error=(0.6, 0.5, 0.8), untrained=0.8),  # does not fall
        (("shortcut", 10, 20), 0): trace(error=(0.6, 0.5, 0.3)),  # was not measured before training
        (("mlp", 10, 5), 0): trace(error=(0.6, 0.5, 0.3), untrained=0.8),
    }
    shares = {(("shortcut", 10, 5), 0): 0.6 / 0.5 - 0.8, (("shortcut-resnet", 10, 5), 0): 0.3 / 0.5 - 0.8}
    assert statistics(7, runs) == [pytest.approx(shares)]


# What is judged


@pytest.mark.parametrize("measure", COLUMNS)
def test_every_measure_is_judged_from_its_own_column(measure):
    """MI falls, the other rises; it has its name and its unit, and one reading where k or the sides play no part."""
    rows = [row for k in (3, 10) for scale in ("none", "sides") for row in runs("mlp", FALLING, SLOW, k=k, standardize=scale)]
    for row in rows:
        row[COLUMNS[measure]] = RISING[EPOCHS.index(row["epoch"])] + 0.01 * row["seed"] * row["epoch"]
    found = [v for v in judged(rows) if v.measure == measure]
    assert {v.verdict for v in found} == {"holds"}
    unit = "" if measure in ("CKA", "neighbour overlap") else " bits"
    assert found[0].measured.startswith(f"{measure} after epoch 8 less after epoch 1: +1.07{unit} [")
    readings = [("none", 3), ("none", 10), ("sides", 3), ("sides", 10)] if "MI" in measure else [(None, None)]
    assert [(v.standardize, v.k) for v in found] == readings


def test_net_of_the_null():
    """MI that rises only because the null does."""
    rows = runs("mlp", RISING, SLOW)
    for row in rows:
        row["null"] = row["mi"] + 0.1 * row["seed"] * row["epoch"]
    assert verdict(1, rows).verdict == "holds"
    assert verdict(1, rows, measure="MI less null").verdict == "undecided"


def test_a_measure_has_the_epochs_at_which_it_was_measured():
    rows = [*runs("mlp", RISING, SLOW), *runs("shortcut", np.array(RISING) + 6, QUICK)]
    for row in rows:
        row["null"] = 0.0 if row["epoch"] in (1, 4) else None
    assert "mean over epochs 1 to 8" in verdict(5, rows).measured
    assert "MI less null after epoch 1 less after epoch 4: -0.7 bits" in verdict(2, rows, measure="MI less null").measured
    for row in rows:
        row["null"] = 0.0 if row["epoch"] in (0, 4, 8) else None  # not after the first epoch, which claims speak of
    assert {v.measure for v in judged(rows)} == {"MI", "error"}


def test_claims_about_errors_are_judged_once():
    rows = [
        row
        for place in ("after", "before")
        for k in (3, 10)
        for arch, error in (("mlp", SLOW), ("shortcut", QUICK), ("resnet", SLOW))
        for row in runs(arch, RISING, error, k=k, sum=place)
    ]
    found = [v for v in judged(rows) if v.measure == "error"]
    assert [(v.claim, v.sum, v.standardize, v.k) for v in found] == [(claim, None, None, None) for claim in (5, 7, 11)]


def test_momentum_plays_no_part_with_the_samples_own_statistics():
    """Of two runs that differ in it alone one counts."""
    inference = [runs("mlp", mi, SLOW, momentum=momentum) for mi, momentum in ((RISING, 0.99), (FALLING, 0.9))]
    own = [runs("mlp", RISING, SLOW, momentum=momentum, bn="batch") for momentum in (0.99, 0.9)]
    found = [v for v in judged(*inference, *own) if v.claim == 1]
    assert [(v.bn, v.momentum, v.verdict, v.seeds) for v in found] == [
        ("inference", 0.99, "holds", 3),
        ("inference", 0.9, "does not hold", 3),
        ("batch", None, "holds", 3),
    ]


def test_runs_without_all_epochs_are_left_out():
    rows = runs("mlp", RISING, SLOW)
    assert verdict(1, [row for row in rows if (row["seed"], row["epoch"]) != (2, 4)]).seeds == 2


@pytest.mark.parametrize("name", ["mi", "error"])
def test_runs_not_measured_at_some_epoch_are_left_out(name):
    rows = runs("mlp", RISING, SLOW)
    next(row for row in rows if (row["seed"], row["epoch"]) == (2, 4))[name] = None
    assert verdict(1, rows).seeds == 2


@pytest.mark.parametrize("epochs", [(0,), (0, 1)])
def test_one_epoch_tells_of_no_change(epochs):
    assert judged([row for row in runs("mlp", RISING, SLOW) if row["epoch"] in epochs]) == []


def test_rows_may_come_in_any_order():
    rows = runs("mlp", RISING, SLOW)
    assert verdict(1, rows[::-1]) == verdict(1, rows)


@pytest.mark.parametrize(
    ("mi", "ruling", "statistic"),
    [(np.array(FLAT) + 4, "undecided", 0), (np.array(RISING) + 6, "does not hold", -1), (RISING, "does not hold", -1)],
)
def test_a_verdict_has_the_numbers_of_the_part_that_decided(mi, ruling, statistic):
    """Not the start, beside the MLP's of 2 bits, which four seeds tell of, but the fall or its trend, which five do."""
    found = verdict(2, runs("mlp", RISING, SLOW, seeds=4), runs("shortcut", mi, SLOW, seeds=5, spread=0))
    assert (found.verdict, found.seeds, found.statistic) == (ruling, 5, pytest.approx(statistic))


def parts(*samples):
    return [Part("", "", {(("mlp", 1, 5), seed): value for seed, value in enumerate(sample)}) for sample in samples]


def test_the_p_value_of_a_claim():
    """The largest of the parts if it holds; the smallest of those against it, times their number, if it does not."""
    strong, weak, open_ = (1.0, 1.1, 0.9), (1.0, 1.4, 0.8), (1.0, -1.0, 0.3)
    p = {sample: stats.ttest_1samp(sample, 0).pvalue for sample in (strong, weak)}
    against = tuple(-value for value in strong), tuple(-value for value in weak)
    assert rule(parts(strong, weak))[:2] == ("holds", pytest.approx(p[weak]))
    assert rule(parts(open_, *against, strong))[:2] == ("does not hold", pytest.approx(4 * p[strong]))
    assert rule(parts(strong, open_))[:2] == ("undecided", 1)


def test_verdicts_are_corrected_for_the_claims_of_their_reading():
    """Those about errors by themselves."""
    mlp, resnet = runs("mlp", RISING, SLOW, spread=0), runs("resnet", RISING, SLOW, spread=5)
    for row in mlp:
        row["mi"] += 0.045 * row["epoch"] * (-1, 0, 1)[row["seed"]]
    (alone,), both = judged(mlp), judged(mlp, resnet)
    assert (alone.verdict, alone.holm, alone.p_holm) == ("holds", "holds", alone.p)
    for measure in ("MI", "error"):
        p = [v.p for v in both if v.measure == measure]
        assert [v.p_holm for v in both if v.measure == measure] == holm(p)
    assert (both[0].verdict, both[0].holm, both[0].p) == ("holds", "undecided", alone.p)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1, 1]
    assert holm([]) == []


def test_what_is_detectable_is_told_from_0_in_four_of_five_repeats():
    assert [detectable(n) for n in (3, 5, 10)] == pytest.approx([3.264, 1.682, 0.996], abs=1e-3)
    samples = np.random.default_rng(0).normal(detectable(5), 1, size=(4000, 5))
    assert (stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.02)


# By batch size, bn, sum and k; the MI of each says which rows it was judged from
READINGS = {
    (None, "inference", "after", 3): RISING,
    (None, "inference", "after", 10): FALLING,
    (None, "inference", "before", 3): FALLING,
    (None, "batch", "after", 3): FLAT,
    (1000, "inference", "after", 3): FALLING,
    (1000, "inference", "after", 10): FALLING,
}


def rows_of_readings():
    return [
        row
        for (batch_size, bn, place, k), mi in reversed(READINGS.items())
        for row in runs("mlp", mi, SLOW, batch_size=batch_size, bn=bn, sum=place, k=k)
    ]


def test_every_reading_is_judged_from_its_own_rows():
    found = judged(rows_of_readings())
    updates = {None: "full batch", 1000: "mini-batches of 1,000"}
    assert [(v.update, v.bn, v.sum, v.k) for v in found] == [(updates[size], *reading) for size, *reading in READINGS]
    assert [v.measured.split(":")[1].split()[0] for v in found] == ["+1.02", "-0.98", "-0.98", "+0.02", "-0.98", "-0.98"]


def test_the_interval_is_students():
    found, half = interval([1.0, 2.0, 3.0]), 4.302653 / math.sqrt(3)
    p = stats.ttest_1samp([1.0, 2.0, 3.0], 0).pvalue
    assert found == Interval(2.0, *map(pytest.approx, (2 - half, 2 + half, p, detectable(3))))
    assert [Interval(1, 0.5, 2).sign(), Interval(0, -1, 1).sign(), Interval(-1, -2, -0.5).sign()] == [1, 0, -1]
    assert [interval([value] * 3).p for value in (0, 2)] == [1, 0]


def test_seeds_that_lack_a_setting_do_not_shift_the_mean():
    part = Part("", "", {(("mlp", 1, 5), 0): 1.0, (("mlp", 2, 5), 0): 3.0, (("mlp", 1, 5), 1): 1.0})
    assert part.by_seed() == [2.0]


def test_rank_correlation_of_a_constant():
    assert rank_correlation(np.zeros(4), np.arange(4.0)) == 0


def test_claims_without_rows_get_no_verdict():
    assert {v.claim for v in judged(runs("resnet", PEAKED, SLOW))} == {3, 6, 9}


def test_verdicts_are_written(tmp_path):
    verdicts = judged(runs("mlp", np.array(RISING) / 4, SLOW, spread=0))
    csv, markdown = write(verdicts, tmp_path)
    table = pl.read_csv(csv)
    assert table["verdict"].to_list() == ["holds"]
    assert table["statistic"].to_list() == [0.25]
    assert table.columns == [field.name for field in dataclasses.fields(verdicts[0])]
    assert "| 1. MLP: MI between first and last layer rises through training. | **holds** |" in markdown.read_text()
    numbers = "MI after epoch 8 less after epoch 1: +0.25 bits [+0.25, +0.25], above 0 in 1 of 1 settings; rank correlation"
    assert f"- claim 1, holds (p 0, corrected 0, detectable 0, 1 setting, 3 initialisations): {numbers}" in markdown.read_text()
    assert list(CLAIMS) == list(range(1, 12))


def test_the_page_has_a_table_for_each_sum_and_counts_the_readings_that_agree(tmp_path):
    """The null grows faster than MI does with inference statistics, so that MI less null falls at k=3 and at k=10."""
    rows = rows_of_readings()
    for row in rows:
        row["null"] = row["mi"] + row["epoch"] if row["bn"] == "inference" else 0.0
    ways = [
        f"{updates}, {statistics}"
        for updates, statistics in (
            ("full batch", "moving averages, momentum 0.99"),
            ("full batch", "the samples' own statistics"),
            ("mini-batches of 1,000", "moving averages, momentum 0.99"),
        )
    ]
    header = "| claim | " + " | ".join(ways) + " |"
    page = write(judged(rows), tmp_path)[1].read_text().splitlines()
    assert [line for line in page if line.startswith(("## ", "| "))] == [
        "## Last layer after the sum",
        header,
        f"| 1. {CLAIMS[1].says} | **holds** (1 of 4 readings) | **undecided** (2 of 2 readings) "
        "| **does not hold** (4 of 4 readings) |",
        "## Last layer before the sum",
        header,
        f"| 1. {CLAIMS[1].says} | **does not hold** (2 of 2 readings) | not measured | not measured |",
        "## Numbers",
        "## Why paper and measurement may differ",
    ]
    assert sum(line.startswith("- claim 1, ") for line in page) == 3


def test_claims_without_a_sum_are_in_the_first_table_alone():
    """The same rows stand under both readings of the last layer of an MLP."""
    verdicts = judged(*(runs("mlp", RISING, SLOW, sum=place) for place in ("after", "before")))
    assert [v.sum for v in verdicts] == ["after", "before"]
    assert [len(overview.cells(verdicts, place)) for place in ("after", "before")] == [1, 0]


def test_the_command_says_how_many_ways_agree(capsys):
    """At k=3 after the sum MI rises with inference statistics and full batch, and nowhere else."""
    print_verdicts(judged(rows_of_readings()))
    assert capsys.readouterr().out.splitlines() == [
        "full batch, moving averages, momentum 0.99; MI as measured, last layer after the sum. "
        "In brackets: how many of the 3 ways of training and of normalising batches give the same verdict.",
        f"  1. {CLAIMS[1].says} Holds (1).",
    ]


def test_what_the_correction_takes_back_is_marked(tmp_path):
    found = dataclasses.replace(judged(runs("mlp", RISING, SLOW))[0], holm="undecided")
    assert "| **holds** † |" in write([found], tmp_path)[1].read_text()
