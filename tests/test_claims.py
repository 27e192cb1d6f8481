"""Verdicts on the paper's claims, from tables whose truth is known."""

import dataclasses
import math

import numpy as np
import polars as pl
import pytest

from trainer.reproduction.claims import CLAIMS
from trainer.reproduction.judging import judge
from trainer.reproduction.parts import Interval, Part, interval, rank_correlation
from trainer.reproduction.results import SCHEMA
from trainer.reproduction.traces import Trace
from trainer.reproduction.verdict_files import write

EPOCHS = (0, 1, 2, 4, 8)


def runs(arch, mi, error, *, width=10, hidden=5, seeds=3, spread=0.01, batch_size=None, null=0.0):
    """Rows of an architecture whose MI and error over the epochs are given, seeds differing by `spread`."""
    return [
        {
            "run": f"{arch}-w{width}-h{hidden}-{batch_size}-s{seed}",
            "arch": arch,
            "width": width,
            "hidden": hidden,
            "batch_size": batch_size,
            "seed": seed,
            "epoch": epoch,
            "updates": epoch,
            "bn": "inference",
            "sum": "after",
            "k": 3,
            "mi": mi[place] + spread * seed * (-1) ** place,
            "null": null,
            "error": error[place] + 0.1 * spread * seed * (-1) ** place,
        }
        for seed in range(seeds)
        for place, epoch in enumerate(EPOCHS)
    ]


def verdict(claim, *rows, net_of_null=False):
    """The one verdict on a claim."""
    table = pl.DataFrame([row for group in rows for row in group], schema=SCHEMA)
    (found,) = [v for v in judge(table) if v.claim == claim and v.net_of_null == net_of_null]
    return found


RISING, FALLING, PEAKED, FLAT = (1.0, 2.0, 2.5, 2.7, 3.0), (6.0, 5.0, 4.5, 4.2, 4.0), (1.0, 2.0, 3.0, 2.5, 2.0), (2.0,) * 5
QUICK, SLOW = (0.9, 0.12, 0.08, 0.06, 0.05), (0.9, 0.7, 0.5, 0.3, 0.2)


@pytest.mark.parametrize(("mi", "ruling"), [(RISING, "holds"), (FALLING, "does not hold"), (FLAT, "undecided")])
def test_an_mlp_whose_mi_rises(mi, ruling):
    found = verdict(1, runs("mlp", mi, SLOW))
    assert found.verdict == ruling
    assert found.low <= found.statistic <= found.high
    assert found.statistic == pytest.approx(mi[-1] - mi[0])
    assert (found.settings, found.seeds, found.update) == (1, 3, "full batch")


@pytest.mark.parametrize("sign", [1, -1])
def test_settings_that_disagree_decide_nothing(sign):
    strong, weak = sign * np.array(RISING) * 5, sign * np.array(FALLING)
    found = verdict(1, runs("mlp", strong, SLOW, width=10), runs("mlp", weak, SLOW, width=20))
    assert (found.low > 0, found.high < 0) == (sign > 0, sign < 0)
    assert found.verdict == "undecided"
    assert (found.settings, found.seeds) == (2, 3)
    assert "above 0 in 1 of 2 settings" in found.measured


def test_one_seed_decides_nothing():
    found = verdict(1, runs("mlp", RISING, SLOW, seeds=1))
    assert found.verdict == "undecided"
    assert (found.low, found.high) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("mi", "ruling"), [(FALLING, "holds"), (np.array(FALLING) - 5.5, "does not hold"), (np.array(RISING) + 6, "does not hold")]
)
def test_a_shortcut_that_starts_high_and_falls(mi, ruling):
    """High beside the MLP's start; both parts must hold."""
    assert verdict(2, runs("mlp", RISING, SLOW), runs("shortcut", mi, SLOW)).verdict == ruling


@pytest.mark.parametrize(("mi", "ruling"), [(PEAKED, "holds"), (RISING, "does not hold"), (FALLING, "does not hold")])
def test_a_residual_net_that_peaks(mi, ruling):
    assert verdict(3, runs("resnet", mi, SLOW)).verdict == ruling


def test_noise_alone_makes_no_peak():
    """Noise of spread 1 peaks some 0.8 above its mean for a seed that takes part in naming the epoch of the peak."""
    rng = np.random.default_rng(0)
    traces = {
        (("resnet", width, 5), seed): trace(rng.normal(size=10), epochs=range(10)) for width in range(200) for seed in range(3)
    }
    for part in CLAIMS[3].parts(traces):
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
    assert "error of mlp less that of resnet" in both.measured


def test_high_mi_with_a_fast_fall():
    """Falls per epoch that follow the MI of the moment, within and across the architectures."""
    error = np.array([0.9, 0.1, 0.03, 0.015, 0.014])
    high = runs("shortcut", (9.0, 8.0, 4.0, 2.0, 1.0), error, spread=0.001)
    low = runs("mlp", (3.0, 2.5, 2.0, 1.0, 1.0), (0.9, 0.4, 0.3, 0.25, 0.24), spread=0.001)
    assert verdict(6, high, low).verdict == "holds"
    for row in high + low:
        row["mi"] *= -1
    assert verdict(6, high, low).verdict == "does not hold"


def test_mi_and_fall_that_share_nothing_but_the_epoch():
    """Both shrink while a network trains; at any epoch the network with less MI falls faster."""
    error = {arch: np.exp(-np.cumsum([0, *falls])) for arch, falls in (("high", (2.0, 0.5)), ("low", (2.2, 0.7)))}
    traces = {
        (("shortcut", 10, 5), 0): trace((9.0, 3.0, 1.0), error["high"], (0, 1, 2)),
        (("mlp", 10, 5), 0): trace((8.0, 2.0, 1.0), error["low"], (0, 1, 2)),
    }
    assert statistics(6, traces) == [{(("all", 10, 5), 0): pytest.approx(0.6)}, {(("all", 10, 5), 0): pytest.approx(-1)}]


@pytest.mark.parametrize(("error", "ruling"), [(QUICK, "holds"), (SLOW, "does not hold")])
def test_trained_within_one_epoch(error, ruling):
    found = verdict(7, runs("shortcut", FALLING, error, batch_size=1000))
    assert found.verdict == ruling
    assert found.update == "mini-batches of 1,000"
    assert found.statistic == pytest.approx((error[0] - error[1]) / (error[0] - error[-1]) - 0.8, abs=0.01)


# What is compared with what


def trace(mi=(1.0, 1.0, 1.0), error=(0.9, 0.5, 0.1), epochs=(0, 1, 4)):
    return Trace(np.array(epochs, float), np.array(mi), np.array(error))


def statistics(claim, traces):
    """The values of each part of a claim."""
    return [dict(part.values) for part in CLAIMS[claim].parts(traces)]


def test_a_shortcut_starts_high_beside_its_own_mlp():
    """Of the same width, depth and seed, before training."""
    traces = {
        (("shortcut", 10, 5), 0): trace((6.0, 8.0, 2.0)),
        (("shortcut", 10, 10), 1): trace((7.0, 8.0, 3.0)),
        (("shortcut", 20, 5), 0): trace((7.0, 8.0, 2.5)),
        (("mlp", 10, 5), 0): trace((1.0, 4.0, 9.0)),
        (("mlp", 10, 5), 1): trace((1.5, 4.0, 9.0)),
        (("mlp", 10, 10), 0): trace((2.0, 4.0, 9.0)),
        (("mlp", 10, 10), 1): trace((2.5, 4.0, 9.0)),
    }
    assert statistics(2, traces) == [
        {(("shortcut", 10, 5), 0): 5.0, (("shortcut", 10, 10), 1): 4.5},
        {(("shortcut", 10, 5), 0): 4.0, (("shortcut", 10, 10), 1): 4.0, (("shortcut", 20, 5), 0): 4.5},
    ]


def test_a_peak_is_named_by_the_mean_of_the_other_seeds_of_a_network():
    traces = {
        (("resnet", 10, 5), 0): trace((1.0, 2.0, 9.0, 4.0, 2.5), epochs=EPOCHS),
        (("resnet", 10, 5), 1): trace((1.0, 5.0, 0.0, 4.0, 2.0), epochs=EPOCHS),
        (("resnet", 10, 5), 2): trace((1.0, 0.0, 0.0, 3.0, 2.0), epochs=EPOCHS),
        (("resnet", 20, 5), 3): trace((1.0, 99.0, 1.0, 1.0, 1.0), epochs=EPOCHS),  # has no other seed
        (("mlp", 10, 5), 0): trace((1.0, 99.0, 1.0, 1.0, 1.0), epochs=EPOCHS),
    }
    key = ("resnet", 10, 5)
    assert statistics(3, traces) == [
        {(key, 0): 3.0, (key, 1): -1.0, (key, 2): -1.0},
        {(key, 0): 1.5, (key, 1): -2.0, (key, 2): -2.0},
    ]


def test_a_peak_needs_an_epoch_between_first_and_last():
    key = ("resnet", 10, 5)
    assert statistics(3, {(key, seed): trace((1.0, 5.0, 2.0)) for seed in (0, 1)}) == [
        {(key, 0): 4.0, (key, 1): 4.0},
        {(key, 0): 3.0, (key, 1): 3.0},
    ]
    assert statistics(3, {(key, seed): trace((1.0, 5.0), epochs=(0, 1)) for seed in (0, 1)}) == [{}, {}]


def test_a_deep_mlp_is_compared_with_the_usual_one_of_its_width_and_seed():
    """After training."""
    traces = {
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
    assert statistics(4, traces) == [{one: 0.5, other: 0.5}, {one: pytest.approx(0.3), other: pytest.approx(0.1)}]


def test_errors_are_compared_at_every_epoch_after_training_began():
    start = {"mlp": 0.6, "shortcut": 0.7, "resnet": 0.8, "shortcut-resnet": 0.9}
    later = {"mlp": (0.5, 0.4), "shortcut": (0.3, 0.2), "resnet": (0.5, 0.3), "shortcut-resnet": (0.3, 0.1)}
    traces = {((arch, 10, 5), 0): trace(error=(start[arch], *later[arch])) for arch in start}
    assert statistics(5, traces) == [
        {(("shortcut", 10, 5), 0): pytest.approx(0.2)},
        {(("resnet", 10, 5), 0): pytest.approx(0.05)},
        {(("shortcut-resnet", 10, 5), 0): pytest.approx(0.05)},
    ]


def test_a_fall_is_that_of_the_logarithm_per_epoch_to_come():
    """In the one epoch to 1 and the eight to 9; an error of 0, which has no logarithm, is taken for 1e-4."""
    traces = {  # falls, by MI: log(2) / 8 at 1.0, log(2) at 2.0, log(4000) / 8 at 3.0, log(8) at 4.0
        (("mlp", 10, 5), 0): trace((2.0, 3.0, 0.0), (0.8, 0.4, 0.0), (0, 1, 9)),
        (("resnet", 10, 5), 0): trace((4.0, 1.0, 9.0), (0.8, 0.1, 0.05), (0, 1, 9)),
        (("resnet", 10, 10), 0): trace(),  # has no partner
    }
    assert statistics(6, traces)[0] == {(("all", 10, 5), 0): pytest.approx(1)}


def test_the_share_of_the_first_epoch_in_the_whole_fall():
    epochs = (0, 1, 2, 3)
    traces = {
        (("shortcut", 10, 5), 0): trace(error=(0.8, 0.2, 0.1, 0.3), epochs=epochs),
        (("shortcut-resnet", 10, 5), 0): trace(error=(0.8, 0.5, 0.1, 0.3), epochs=epochs),
        (("shortcut", 10, 10), 0): trace(error=(0.8, 0.6, 0.5, 0.8), epochs=epochs),  # does not fall
        (("shortcut", 10, 20), 0): trace(error=(0.8, 0.6, 0.5, 0.3), epochs=(0, 2, 4, 6)),  # not measured there
        (("mlp", 10, 5), 0): trace(error=(0.8, 0.6, 0.5, 0.3), epochs=epochs),
    }
    shares = {(("shortcut", 10, 5), 0): 0.6 / 0.5 - 0.8, (("shortcut-resnet", 10, 5), 0): 0.3 / 0.5 - 0.8}
    assert statistics(7, traces) == [pytest.approx(shares)]


# What is judged


def test_net_of_the_null():
    """MI that rises only because the null does."""
    rows = runs("mlp", RISING, SLOW)
    for row in rows:
        row["null"] = row["mi"] + 0.1 * row["seed"] * row["epoch"]
    assert verdict(1, rows).verdict == "holds"
    assert verdict(1, rows, net_of_null=True).verdict == "undecided"


def test_errors_do_not_wait_for_the_null():
    """Where the null was measured at few epochs, claims about errors are judged from all, and those about MI from these few."""
    rows = [*runs("mlp", RISING, SLOW), *runs("shortcut", np.array(RISING) + 6, QUICK)]
    for row in rows:
        row["null"] = 0.0 if row["epoch"] in (0, 2, 4) else None
    for claim in (5, 7):
        plain, net = (verdict(claim, rows, net_of_null=net) for net in (False, True))
        assert dataclasses.replace(net, net_of_null=False) == plain
    assert verdict(2, rows, net_of_null=True).statistic == pytest.approx(RISING[0] - RISING[3], abs=0.03)
    assert verdict(6, rows, net_of_null=True).statistic != verdict(6, rows).statistic


def test_runs_without_all_epochs_are_left_out():
    rows = runs("mlp", RISING, SLOW)
    assert verdict(1, [row for row in rows if (row["seed"], row["epoch"]) != (2, 4)]).seeds == 2


@pytest.mark.parametrize("name", ["mi", "error"])
def test_runs_not_measured_at_some_epoch_are_left_out(name):
    rows = runs("mlp", RISING, SLOW)
    next(row for row in rows if (row["seed"], row["epoch"]) == (2, 4))[name] = None
    assert verdict(1, rows).seeds == 2


def test_one_epoch_tells_of_no_change():
    assert judge(pl.DataFrame([row for row in runs("mlp", RISING, SLOW) if row["epoch"] == 0], schema=SCHEMA)) == []


def test_rows_may_come_in_any_order():
    rows = runs("mlp", RISING, SLOW)
    assert verdict(1, rows[::-1]).statistic == verdict(1, rows).statistic


@pytest.mark.parametrize(
    ("mi", "ruling", "statistic"),
    [(np.array(FLAT) + 4, "undecided", 0), (np.array(RISING) + 6, "does not hold", -2), (RISING, "does not hold", -2)],
)
def test_a_verdict_has_the_numbers_of_the_part_that_decided(mi, ruling, statistic):
    """Not the start, beside the MLP's of 1 bit, which four seeds tell of, but the fall, which five do."""
    found = verdict(2, runs("mlp", RISING, SLOW, seeds=4), runs("shortcut", mi, SLOW, seeds=5))
    assert (found.verdict, found.seeds) == (ruling, 5)
    assert found.statistic == pytest.approx(statistic)


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
        row | {"bn": bn, "sum": place, "k": k}
        for (batch_size, bn, place, k), mi in reversed(READINGS.items())
        for row in runs("mlp", mi, SLOW, batch_size=batch_size)
    ]


def test_every_reading_is_judged_from_its_own_rows():
    found = judge(pl.DataFrame(rows_of_readings(), schema=SCHEMA))
    updates = {None: "full batch", 1000: "mini-batches of 1,000"}
    assert [(v.update, v.bn, v.sum, v.k, v.net_of_null) for v in found] == [
        (updates[batch_size], *reading, net) for batch_size, *reading in READINGS for net in (False, True)
    ]
    assert [v.statistic for v in found] == [pytest.approx(mi[-1] - mi[0]) for mi in READINGS.values() for _ in range(2)]


def test_the_interval_is_students():
    found = interval([1.0, 2.0, 3.0])
    assert found == Interval(2.0, pytest.approx(2 - 4.302653 / math.sqrt(3)), pytest.approx(2 + 4.302653 / math.sqrt(3)))
    assert [Interval(1, 0.5, 2).sign(), Interval(0, -1, 1).sign(), Interval(-1, -2, -0.5).sign()] == [1, 0, -1]


def test_seeds_that_lack_a_setting_do_not_shift_the_mean():
    part = Part("", "", {(("mlp", 1, 5), 0): 1.0, (("mlp", 2, 5), 0): 3.0, (("mlp", 1, 5), 1): 1.0})
    assert part.by_seed() == [2.0]


def test_rank_correlation_of_a_constant():
    assert rank_correlation(np.zeros(4), np.arange(4.0)) == 0


def test_claims_without_rows_get_no_verdict():
    assert {v.claim for v in judge(pl.DataFrame(runs("resnet", PEAKED, SLOW), schema=SCHEMA))} == {3}


def test_verdicts_are_written(tmp_path):
    verdicts = judge(pl.DataFrame(runs("mlp", np.array(RISING) / 3, SLOW), schema=SCHEMA))
    csv, markdown = write(verdicts, tmp_path)
    table = pl.read_csv(csv)
    assert table["verdict"].to_list() == [v.verdict for v in verdicts]
    assert table["statistic"].to_list() == [0.6667, 0.6667]
    assert set(table.columns) == {field.name for field in dataclasses.fields(verdicts[0])}
    assert "| 1. MLP: MI between first and last layer rises through training. | **holds** |" in markdown.read_text()
    assert (
        "- full batch, claim 1, holds: last MI less first: +0.667 bits [+0.667, +0.667], above 0 in 1 of 1 settings."
        in markdown.read_text()
    )
    assert set(CLAIMS) == set(range(1, 8))


def test_the_page_has_a_table_for_each_way_of_updating_and_says_where_a_reading_is_not_unanimous(tmp_path):
    """The verdict at the smallest k on MI as it is, in brackets those that differ. The null grows faster than MI does."""
    rows = rows_of_readings()
    for row in rows:
        row["null"] = row["mi"] + row["epoch"] if row["bn"] == "inference" else 0.0
    header = "| claim | " + " | ".join(f"inference statistics, {place} the sum" for place in ("after", "before"))
    header += " | batch statistics, after the sum |"
    net, other = "net of the null: does not hold", "k=10: does not hold"
    page = write(judge(pl.DataFrame(rows, schema=SCHEMA)), tmp_path)[1].read_text().splitlines()
    assert [line for line in page if line.startswith(("## ", "| "))] == [
        "## Full batch",
        header,
        f"| 1. {CLAIMS[1].says} | **holds** (k=3, {net}; {other}; k=10, {net}) | **does not hold** | **undecided** |",
        "## Mini-batches of 1,000",
        header,
        f"| 1. {CLAIMS[1].says} | **does not hold** | not measured | not measured |",
        "## Numbers",
        "## Why paper and measurement may differ",
    ]
    assert [line for line in page if line.startswith("- ")] == [
        "- full batch, claim 1, holds: last MI less first: +2 bits [+2, +2], above 0 in 1 of 1 settings.",
        "- mini-batches of 1,000, claim 1, does not hold: last MI less first: -2 bits [-2, -2], above 0 in 0 of 1 settings.",
    ]
