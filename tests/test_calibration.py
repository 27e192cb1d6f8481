"""The tasks behind the verdict's calibration: their MI is what they say, and the tables count right."""

import json

import numpy as np
import pytest

from benchmarks import calibration, tasks
from mi_core import mutual_information

NARROW = [tasks.uniform_noise, tasks.swiss_roll, tasks.gamma_exponential, tasks.sheared]


@pytest.mark.parametrize("family", tasks.HELD_OUT)
def test_tasks_are_seeded_and_have_an_mi(family):
    x, y, truth = family(200, np.random.default_rng(3))
    assert len(x) == len(y) == 200
    assert truth >= 0
    again = family(200, np.random.default_rng(3))
    np.testing.assert_array_equal(x, again[0])
    assert truth == again[2]


@pytest.mark.parametrize("family", NARROW)
def test_the_mi_of_narrow_tasks_is_what_ksg_finds_on_ranks(family):
    for seed in range(3):
        x, y, truth = family(3000, np.random.default_rng(seed))
        ranks = (side.argsort(axis=0).argsort(axis=0).astype(float) for side in (x, y))
        found = mutual_information(*ranks, units="nats", error_bar=False, noise=1e-9).mi
        assert found == pytest.approx(truth, rel=0.2, abs=0.07)


def test_the_mi_of_student_t_is_that_of_its_density():
    """1+1 dimensions with few degrees of freedom, against a mean of log densities."""
    from scipy.stats import multivariate_t, t

    rng = np.random.default_rng(0)
    freedom, rho = 3, 0.5
    both = multivariate_t(shape=[[1, rho], [rho, 1]], df=freedom)
    points = both.rvs(200_000, random_state=rng)
    by_density = np.mean(both.logpdf(points) - t(freedom).logpdf(points).sum(axis=1))
    assert tasks.student_mi(-0.5 * np.log(1 - rho**2), 1, freedom) == pytest.approx(by_density, abs=0.01)


def test_tables_count_false_trust_and_false_alarms(tmp_path, monkeypatch):
    said = [("trust", True), ("trust", False), ("caution", True), ("not bits", False)]
    rows = [{"family": "some_kind", "verdict": verdict, "is_right": is_right} for verdict, is_right in said]
    monkeypatch.setitem(calibration.SUITES, "some", (lambda: iter(rows), calibration.verdict_table))
    text = calibration.write("some", tmp_path)
    assert "| all | 4 | 2 | 2 | 1 (50%) | 1 | 1 | 1 (50%) |" in text
    assert [json.loads(line) for line in (tmp_path / "some.jsonl").read_text().splitlines()] == rows


def test_coverage_is_measured():
    rows = list(calibration.coverage(runs=2))
    assert all(0 <= row["covered 68 %"] <= 1 for row in rows)
    assert all(abs(row["bias"]) < 0.2 for row in rows)
