"""Verdicts on the paper's claims, from tables whose truth is known."""

import dataclasses
import math

import numpy as np
import polars as pl
import pytest

from trainer.reproduction.claims import CLAIMS, Interval, Part, interval, judge, rank_correlation, write
from trainer.reproduction.results import SCHEMA

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


def test_settings_that_disagree_decide_nothing():
    found = verdict(1, runs("mlp", np.array(RISING) * 5, SLOW, width=10), runs("mlp", FALLING, SLOW, width=20))
    assert found.statistic > 0
    assert found.verdict == "undecided"
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
    rng = np.random.default_rng(0)
    rows = runs("resnet", FLAT, SLOW, seeds=12, spread=0.0)
    for row in rows:
        row["mi"] += rng.normal()
    assert verdict(3, rows).verdict == "undecided"


def test_deeper_networks_that_are_worse():
    usual, deep = runs("mlp", RISING, QUICK), runs("mlp", np.array(RISING) - 0.5, SLOW, hidden=10)
    assert verdict(4, usual, deep).verdict == "holds"
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


@pytest.mark.parametrize(("error", "ruling"), [(QUICK, "holds"), (SLOW, "does not hold")])
def test_trained_within_one_epoch(error, ruling):
    found = verdict(7, runs("shortcut", FALLING, error, batch_size=1000))
    assert found.verdict == ruling
    assert found.update == "mini-batches of 1,000"
    assert found.statistic == pytest.approx((error[0] - error[1]) / (error[0] - error[-1]) - 0.8, abs=0.01)


def test_net_of_the_null():
    """MI that rises only because the null does."""
    rows = runs("mlp", RISING, SLOW)
    for row in rows:
        row["null"] = row["mi"] + 0.1 * row["seed"] * row["epoch"]
    assert verdict(1, rows).verdict == "holds"
    assert verdict(1, rows, net_of_null=True).verdict == "undecided"


def test_runs_without_all_epochs_are_left_out():
    rows = runs("mlp", RISING, SLOW)
    assert verdict(1, [row for row in rows if (row["seed"], row["epoch"]) != (2, 4)]).seeds == 2


def test_every_reading_is_judged():
    readings = [("inference", "after", 3), ("batch", "after", 3), ("inference", "before", 10)]
    rows = [row | {"bn": bn, "sum": place, "k": k} for bn, place, k in readings for row in runs("mlp", RISING, SLOW)]
    found = {(v.bn, v.sum, v.k, v.net_of_null) for v in judge(pl.DataFrame(rows, schema=SCHEMA))}
    assert found == {(*reading, net) for reading in readings for net in (False, True)}


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
    verdicts = judge(pl.DataFrame(runs("mlp", RISING, SLOW), schema=SCHEMA))
    csv, markdown = write(verdicts, tmp_path)
    table = pl.read_csv(csv)
    assert table["verdict"].to_list() == [v.verdict for v in verdicts]
    assert set(table.columns) == {field.name for field in dataclasses.fields(verdicts[0])}
    assert "| 1. MLP: MI between first and last layer rises through training. | **holds** |" in markdown.read_text()
    assert (
        "- full batch, claim 1, holds: last MI less first: +2 bits [+2, +2], above 0 in 1 of 1 settings."
        in markdown.read_text()
    )
    assert set(CLAIMS) == set(range(1, 8))
