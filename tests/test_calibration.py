"""The tasks behind the verdict's calibration: their MI is what they say, and the tables count right."""

import json

import numpy as np
import pytest
from scipy.special import chdtri

from benchmarks import bmi_samples, calibration, tasks
from mi_core import InputError, mutual_information

NARROW = [tasks.uniform_noise, tasks.swiss_roll, tasks.gamma_exponential, tasks.sheared]
NARROW += [tasks.student_copula, tasks.wave, tasks.clayton, tasks.common_part, tasks.polar]
QUANTILES = (np.arange(200) + 0.5) / 200
BY_DENSITY = [
    (
        lambda rng: tasks.scaled_gaussians(10, 2, 0.6, np.sqrt(5 / chdtri(5, QUANTILES)), np.full(200, 1 / 200), rng),
        tasks.student_mi(-np.log(0.8) * 2, 2, 5),
    ),
    (lambda rng: tasks.gaussian_mixture(10, 2, np.zeros((2, 4)), [0.6, 0.6], rng), -np.log(0.8) * 2),
    (lambda rng: tasks.gaussian_mixture(10, 1, 1e3 * np.arange(3)[:, np.newaxis] * [1, 1], [0.0] * 3, rng), np.log(3)),
]


@pytest.mark.parametrize("family", [*tasks.TUNED, *tasks.HELD_OUT])
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


@pytest.mark.parametrize(("family", "expected"), BY_DENSITY)
def test_an_mi_by_monte_carlo_is_that_of_the_density(family, expected):
    """Scales of a Student-t, 200 of them; equal components are one Gaussian; clusters far apart are labels."""
    found = family(np.random.default_rng(0))[2]
    assert found == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("family", tasks.CONDITIONAL)
def test_conditional_tasks_have_the_mi_that_is_found_without_z(family):
    x, y, z, truth = family(200, np.random.default_rng(3))
    assert len(x) == len(y) == len(z) == 200
    assert truth >= 0


def test_no_family_is_both_tuned_and_held_out():
    assert not set(tasks.TUNED) & set(tasks.HELD_OUT)


def test_tables_count_false_trust_and_false_alarms(tmp_path, monkeypatch):
    said = [
        ("trust", True, True),
        ("trust", True, False),
        ("trust", False, False),
        ("caution", True, True),
        ("not bits", False, False),
    ]
    rows = [dict(zip(("verdict", "is_right", "is_near"), some, strict=True)) | {"family": "some_kind"} for some in said]
    monkeypatch.setitem(calibration.SUITES, "some", (lambda: iter(rows), calibration.verdict_table))
    text = calibration.write("some", tmp_path)
    assert "| all | 5 | 3 | 3 | 1 (33%) | 2 (67%) | 1 | 1 | 1 (33%) |" in text
    assert [json.loads(line) for line in (tmp_path / "some.jsonl").read_text().splitlines()] == rows


def test_the_tasks_of_bmi_are_read_size_by_size_and_named_by_kind(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    sides = {side: rng.standard_normal((sum(bmi_samples.SIZES), 1)) for side in "xy"}
    np.savez(tmp_path / "1_asinh-student-identity-1-1-1.npz", mi=0.0, **sides)
    monkeypatch.setenv("BMI_SAMPLES", str(tmp_path))
    rows = list(calibration.bmi())
    assert [(row["n"], row["k"]) for row in rows] == [(n, k) for n in bmi_samples.SIZES for k in (3, 10)]
    assert {row["family"] for row in rows} == {"Student-t, arcsinh"}
    assert all(abs(row["mi"]) < 0.2 for row in rows)
    json.dumps(rows, allow_nan=False)


@pytest.mark.parametrize("folder", ["", "no/such/folder"])
def test_without_samples_of_bmi_the_kept_rows_stay(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("BMI_SAMPLES", folder)
    (tmp_path / "bmi.jsonl").write_text("kept")
    with pytest.raises(InputError, match=f"BMI_SAMPLES={folder} names no samples"):
        calibration.write("bmi", tmp_path)
    assert (tmp_path / "bmi.jsonl").read_text() == "kept"


def test_coverage_is_measured():
    rows = list(calibration.coverage(runs=2))
    assert all(0 <= row["covered 68 %"] <= 1 for row in rows)
    assert all(abs(row["bias"]) < 0.2 for row in rows)
