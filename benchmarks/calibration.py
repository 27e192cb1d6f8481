"""Calibration of error bars and verdicts, on tasks with known MI.

    mi bench coverage      # how often mi +- stderr covers the truth, over 200 data sets per task
    mi bench verdicts      # false "trust" and false alarms on 306 tasks of families not used to choose the limits
    mi bench bmi           # the same on the 40 tasks of bmi; `benchmarks/bmi_samples.py` says how to get them
    mi bench tuning        # the 1,380 tasks on which the limits were chosen
    mi bench rising        # the note that an estimate still rises with the number of samples, on the same tasks
    mi bench given         # verdicts on conditional mutual information
    mi bench nulls         # how often p is at most 0.05 given z, without and with dependence beyond z
    mi bench dependent     # samples that belong together, declared or not
    mi bench permutations  # seconds of 200 shuffles, and of one estimate
    mi bench orders        # seconds of k=3, of k=50, and of six k at once
    mi bench matrices      # seconds of all pairs of layers, together and one by one
    mi bench rankings      # seconds of all columns of a table against one, beside scikit-learn
    mi bench around        # seconds of an error bar and of a verdict, and of one estimate
    mi bench first-use     # seconds of the first estimate on a machine, which compiles, and of the next
    mi bench large         # seconds and memory of up to 1,000,000 samples
    mi bench workers       # one worker of a cluster beside two

Rows go to benchmarks/results/trust/NAME.jsonl, the table to NAME.md.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import mi_core
from benchmarks import bmi_samples
from benchmarks.around import around
from benchmarks.dependent import dependent, dependent_table
from benchmarks.first_use import first_use
from benchmarks.large import large, workers
from benchmarks.many import matrices, orders, permutations, rankings
from benchmarks.nulls import nulls
from benchmarks.rows import REPOSITORY, circumstances
from benchmarks.tasks import CONDITIONAL, HELD_OUT, SIZES, TUNED, Family, gaussian_pairs
from mi_core.reliability import is_right, tolerated
from mi_core.whole_files import whole_file

RESULTS = REPOSITORY / "benchmarks" / "results" / "trust"
RUNS = 200
ORDERS = (3, 3, 10)  # k of a task, drawn from these
FEW_COLUMNS = 10  # in which an estimate may have the note that it rises


# ------------------------------------------------------------------ what is measured


def coverage(runs: int = RUNS) -> Iterator[dict[str, Any]]:
    """For each task how often the truth lies within one standard error, and within two."""
    tasks = [
        (f"Gaussian 1+1, rho {rho}, N={n:,}", n, 1, rho)
        for n, rho in ((300, 0.6), (1000, 0.0), (1000, 0.6), (1000, 0.9), (1000, 0.99))
    ]
    tasks += [("Gaussian 2+2, rho 0.3, N=1,000", 1000, 2, 0.3), ("Gaussian 5+5, rho 0.1, N=1,000", 1000, 5, 0.1)]
    tasks += [("Gaussian 1+1, rho 0.6, N=4,000", 4000, 1, 0.6)]
    for name, n, dim, rho in tasks:
        found = []
        for seed in range(runs):
            x, y, truth = gaussian_pairs(n, dim, dim, rho, np.random.default_rng([7, seed]))
            result = mi_core.mutual_information(x, y, units="nats", seed=seed, return_local=True)
            assert result.local_mi is not None  # noqa: S101  for the type checker: it was asked for
            found.append((result.mi, result.stderr, result.local_mi.std(ddof=1) / np.sqrt(n)))
        mi, stderr, floor = np.array(found, float).T
        yield {
            "task": name,
            "runs": runs,
            "covered 68 %": float(np.mean(np.abs(mi - truth) <= stderr)),
            "covered 95 %": float(np.mean(np.abs(mi - truth) <= 1.96 * stderr)),
            "bias": float(mi.mean() - truth),
            "spread": float(mi.std(ddof=1)),
            "mean stderr": float(np.sqrt(np.mean(stderr**2))),
            "its floor": float(np.sqrt(np.mean(floor**2))),
        }


def tuning() -> Iterator[dict[str, Any]]:
    """The tasks on which the limits were chosen."""
    for first_seed in (5, 6, 7, 8):
        yield from verdicts(TUNED, first_seed, tasks=15 * len(TUNED))


def verdicts(families: tuple[Family, ...], first_seed: int, tasks: int) -> Iterator[dict[str, Any]]:
    """The verdict on each of a number of tasks, the families in turn, and whether the estimate was right."""
    for number in range(tasks):
        family = families[number % len(families)]
        rng = np.random.default_rng([first_seed, number])
        n, k = int(rng.choice(SIZES)), int(rng.choice(ORDERS))
        x, y, nats = family(n, rng)
        yield judged(family.__name__, nats, mi_core.mutual_information(x, y, k=k, diagnose=True, seed=number))


def rising() -> Iterator[dict[str, Any]]:
    """The note that an estimate rises with the number of samples, on few columns and on kinds that no limit was chosen on."""
    for number in range(34 * len(HELD_OUT)):
        family = HELD_OUT[number % len(HELD_OUT)]
        rng = np.random.default_rng([9, number])
        n, k = int(rng.choice(SIZES)), int(rng.choice(ORDERS))
        x, y, nats = family(n, rng)
        result = mi_core.mutual_information(x, y, k=k, seed=number)
        if result.dim_x + result.dim_y <= FEW_COLUMNS:
            right = is_right(result.mi, float(nats / np.log(2)), result.stderr, "bits")
            told = any("[mi explain rising]" in note for note in result.notes)
            yield {"family": family.__name__, "is_right": right, "told": told}


def rising_table(rows: list[dict[str, Any]]) -> str:
    """How many wrong and how many right estimates have the note, for all tasks and each family."""
    lines = ["| tasks | wrong | with the note | right | with the note |", "|---|---|---|---|---|"]
    families = dict.fromkeys(row["family"] for row in rows)
    for name, some in [("all", rows), *((f, [row for row in rows if row["family"] == f]) for f in families)]:
        parts = [[row["told"] for row in some if row["is_right"] == right] for right in (False, True)]
        cells = [cell for told in parts for cell in (str(len(told)), of(sum(told), len(told)))]
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def bmi() -> Iterator[dict[str, Any]]:
    """The verdict on the tasks of bmi, for two k, on the samples in the folder that BMI_SAMPLES names."""
    return (row for path in bmi_samples.files() for row in of_file(path))


def of_file(path: Path) -> Iterator[dict[str, Any]]:
    """The verdict on one draw of a task of bmi, for each size and k."""
    seed, name = path.stem.split("_", 1)
    for x, y, nats in bmi_samples.parts(path):
        for result in mi_core.mutual_information(x, y, k=[3, 10], diagnose=True, seed=int(seed)):
            yield {"task": name, **judged(kind_of(name), nats, result)}


def kind_of(name: str) -> str:
    """Kind of a task of bmi, by its name."""
    kinds = {"asinh-student": "Student-t, arcsinh", "student": "Student-t", "spiral": "spiral", "swissroll": "Swiss roll"}
    kinds |= {"half_cube": "half-cube", "normal_cdf": "uniform margins", "additive": "uniform, additive noise"}
    kinds |= {"wiggly": "wiggly", "bimodal": "bimodal", "dense": "Gaussian, dense", "sparse": "Gaussian, sparse"}
    return next((kind for part, kind in kinds.items() if part in name), "Gaussian, 1+1")


def given() -> Iterator[dict[str, Any]]:
    """The verdict on conditional mutual information."""
    for number in range(20 * len(CONDITIONAL)):
        family = CONDITIONAL[number % len(CONDITIONAL)]
        rng = np.random.default_rng([10, number])
        x, y, z, nats = family(int(rng.choice(SIZES)), rng)
        yield judged(family.__name__, nats, mi_core.mutual_information(x, y, given=z, diagnose=True, seed=number))


def judged(family: str, nats: float, result: mi_core.MIResult) -> dict[str, Any]:
    """One row: a task of known MI, its estimate, and all that is measured for the verdict."""
    assert result.reliability is not None  # noqa: S101  for the type checker: it was asked for
    truth = float(nats / np.log(2))
    return {
        "family": family,
        "n": result.n_samples,
        "k": result.k,
        "dims": [result.dim_x, result.dim_y, *([] if result.dim_z is None else [result.dim_z])],
        "truth": truth,
        "mi": result.mi,
        "is_right": is_right(result.mi, truth, result.stderr, "bits"),
        "is_near": bool(abs(result.mi - truth) <= tolerated(truth, "bits")),
        "stderr": result.stderr,
        "lower_bound": None if result.lower_bound is None else dataclasses.asdict(result.lower_bound),
        **dataclasses.asdict(result.reliability),
    }


# ------------------------------------------------------------------ tables


def verdict_table(rows: list[dict[str, Any]]) -> str:
    """Shares of false trust and false alarms, in all and by family."""
    lines = [
        "| tasks | number | estimate right | trust | of these wrong | farther off than tolerated | caution | not bits "
        "| right, but no trust |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    families = list(dict.fromkeys(row["family"] for row in rows))
    for name in ("all", *families):
        some = [row for row in rows if name in ("all", row["family"])]
        said = Counter(row["verdict"] for row in some)
        right = sum(row["is_right"] for row in some)
        wrong_trust = sum(row["verdict"] == "trust" and not row["is_right"] for row in some)
        far_trust = sum(row["verdict"] == "trust" and not row["is_near"] for row in some)
        alarms = sum(row["verdict"] != "trust" and row["is_right"] for row in some)
        cells = [
            name.replace("_", " "),
            len(some),
            right,
            said["trust"],
            of(wrong_trust, said["trust"]),
            of(far_trust, said["trust"]),
        ]
        cells += [said["caution"], said["not bits"], of(alarms, right)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def of(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.0%})" if whole else "0"


def plain_table(rows: list[dict[str, Any]]) -> str:
    def cell(value: Any) -> str:
        return "–" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)

    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    return "\n".join([*lines, *("| " + " | ".join(cell(row[name]) for name in names) + " |" for row in rows)])


SUITES: dict[str, tuple[Callable[[], Iterator[dict[str, Any]]], Callable[[list[dict[str, Any]]], str]]] = {
    "coverage": (coverage, plain_table),
    "tuning": (tuning, verdict_table),
    "rising": (rising, rising_table),
    "verdicts": (lambda: verdicts(HELD_OUT, first_seed=9, tasks=34 * len(HELD_OUT)), verdict_table),
    "bmi": (bmi, verdict_table),
    "given": (given, verdict_table),
    "nulls": (nulls, plain_table),
    "dependent": (dependent, dependent_table),
    "permutations": (permutations, plain_table),
    "orders": (orders, plain_table),
    "matrices": (matrices, plain_table),
    "rankings": (rankings, plain_table),
    "around": (around, plain_table),
    "first-use": (first_use, plain_table),
    "large": (large, plain_table),
    "workers": (workers, plain_table),
}


def write(name: str, folder: Path = RESULTS) -> str:
    """Measure, write NAME.jsonl and NAME.md, return the table."""
    measure, table = SUITES[name]
    measured, rows = measure(), []  # first, so that what cannot be measured leaves the files as they are
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as file:
        for row in measured:
            rows.append(row)
            file.write(json.dumps(row, allow_nan=False) + "\n")
            file.flush()
    facts = circumstances()
    versions = ", ".join(f"{name} {facts['versions'][name]}" for name in ("python", "numpy", "numba"))
    where = f"{facts['cpu']}, {facts['cores']} cores; {versions}; commit {facts['commit']}; {facts['date'][:10]}"
    text = f"{table(rows)}\n\n{where}\n"
    with whole_file(folder / f"{name}.md") as written:
        written.write(text.encode())
    return text
