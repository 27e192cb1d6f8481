"""Samples of the 40 tasks of bmi (Czyz et al. 2023, arXiv:2306.11078), for `mi bench bmi` and `mi bench known`.

bmi pins old versions of JAX and NumPy, so this file runs in an environment of its own, and imports nothing of this project:

    python3.11 -m venv bmi-env
    bmi-env/bin/pip install benchmark-mi==0.1.3 jax==0.4.33 jaxlib==0.4.33
    bmi-env/bin/python benchmarks/bmi_samples.py FOLDER
    BMI_SAMPLES=FOLDER mi bench bmi

FOLDER then holds one file per task and seed, SEED_TASK.npz, with `x` and `y` as bmi draws them, and `mi`, the true MI in nats.
Together they take 120 MiB and a minute, so the repository keeps none.
"""

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

SEEDS = (1, 2, 3)
SIZES = (1_000, 5_000, 10_000)  # of the parts that the rows of a file are cut into, so that sizes share no sample


def main(folder: Path) -> None:
    """Write the samples of every task and seed."""
    from bmi.benchmark import BENCHMARK_TASKS

    folder.mkdir(parents=True, exist_ok=True)
    for name, task in BENCHMARK_TASKS.items():
        for seed in SEEDS:
            x, y = task.sample(sum(SIZES), seed)
            np.savez(folder / f"{seed}_{name}.npz", x=np.asarray(x), y=np.asarray(y), mi=float(task.mutual_information))


def files() -> list[Path]:
    """Files SEED_TASK.npz in the folder that BMI_SAMPLES names.

    Raises:
        InputError: There are none.
    """
    from mi_core import InputError

    folder = os.environ.get("BMI_SAMPLES", "")
    found = sorted(Path(folder).glob("*_*.npz")) if folder else []
    if not found:
        raise InputError(f"BMI_SAMPLES={folder} names no samples: let it be the folder that benchmarks/bmi_samples.py wrote.")
    return found


def parts(path: Path) -> Iterator[tuple[Any, Any, float]]:
    """One draw of each size from a file, x, y and their MI in nats; they share no sample."""
    with np.load(path, allow_pickle=False) as file:
        x, y, nats = file["x"], file["y"], float(file["mi"])
    for start, end in itertools.pairwise(np.cumsum([0, *SIZES])):
        yield x[start:end], y[start:end], nats


if __name__ == "__main__":
    main(Path(sys.argv[1]))
