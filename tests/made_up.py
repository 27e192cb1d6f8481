"""Made-up results with the shape of real ones: a table of runs, the experiments that name its rows, and a run's folder."""

import dataclasses
import itertools
import math

import numpy as np
import polars as pl

from trainer.config import Settings
from trainer.reproduction.results import SCHEMA
from trainer.run import Manifest, Provenance, RunFolder
from trainer.table import Row

CEILING = 11.96  # psi(10000) - psi(3), in bits
FULL = (0, 1, 2, 3, 5, 8, 12, 20, 30, 50)
MINI = (0, 1, 2, 4, 7, 12)
ALSO = (0, 1, 4, 8, 12, 50)  # at which more than MI is measured


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Stands in for trainer.reproduction.experiments.Experiment."""

    name: str
    title: str
    varies: str
    archs: tuple[str, ...]
    widths: tuple[int, ...]
    hidden: tuple[int, ...]


WIDTHS, DEPTHS = (25, 50, 100, 200, 400), (3, 5, 10, 15, 20)
EXPERIMENTS = (
    Experiment("fig4a", "Widths: MLP and MLP with a shortcut", "width", ("mlp", "shortcut"), WIDTHS, (5,)),
    Experiment("fig4b", "Depths: MLP and MLP with a shortcut", "hidden", ("mlp", "shortcut"), (100,), DEPTHS),
    Experiment("fig5a", "Widths: residual networks", "width", ("resnet",), WIDTHS, (5,)),
    Experiment("fig5b", "Four architectures", "arch", ("mlp", "shortcut", "resnet", "shortcut-resnet"), (100,), (5,)),
)
FIG4A, FIG4B, FIG5A, FIG5B = EXPERIMENTS


def settings(experiments):
    """Architecture, width and depth of every network in the experiments, each once."""
    return sorted({(a, w, h) for e in experiments for a in e.archs for w in e.widths for h in e.hidden})


def table(experiments=EXPERIMENTS, seeds=2, batch_sizes=(None, 1000), ks=(3, 10), momenta=(0.99,), scalings=("none",)):
    """Rows for every run of the experiments; each value is a formula of its settings and a seeded disturbance."""
    rng = np.random.default_rng(0)
    runs = itertools.product(settings(experiments), batch_sizes, momenta, range(seeds))
    rows = [row for (network, *how) in runs for row in _rows(network, *how, ks, scalings, rng)]
    return pl.DataFrame(rows, schema=SCHEMA)


def _rows(network, batch_size, momentum, seed, ks, scalings, rng):
    """The rows of a run. At a smaller momentum only moving averages were measured."""
    arch, width, hidden = network
    name = f"{arch}-w{width}-h{hidden}-{'full' if batch_size is None else batch_size}"
    shift = rng.normal(0, 0.12)
    readings = itertools.product(("inference", "batch") if momentum == 0.99 else ("inference",), ("after", "before"), scalings)
    for epoch, (bn, last, scaling) in itertools.product(FULL if batch_size is None else MINI, list(readings)):
        updates = epoch * (1 if batch_size is None else 60)
        mi, error = _point(arch, width, hidden, updates, bn, last, shift + rng.normal(0, 0.02))
        mi += (momentum == 0.9) - 0.5 * (scaling == "sides")
        also = epoch in ALSO
        for k in ks:
            yield {
                "run": f"{name}{'' if momentum == 0.99 else f'-m{momentum}'}-s{seed}",
                "arch": arch,
                "width": width,
                "hidden": hidden,
                "batch_size": batch_size,
                "momentum": momentum,
                "seed": seed,
                "epoch": epoch,
                "updates": updates,
                "bn": bn,
                "sum": last,
                "standardize": scaling,
                "k": k,
                "mi": mi * (1 if k == 3 else 0.9),
                "stderr": 0.02 + 0.01 * rng.random(),
                "null": rng.normal(0, 0.01) if also else None,
                "ceiling": CEILING,
                "units": "bits",
                "n_samples": 10_000,
                "dim_x": 2 * width,
                "dim_y": 2 * width,
                "error": error,
                "loss": None if epoch == 0 else 2.5 * error,
                "reduced": 0.8 * mi if also else None,
                "lower_bound": 0.3 * mi if also else None,
                "cka": mi / CEILING if also else None,
                "knn_overlap": (mi / CEILING) ** 2 if also else None,
                "seconds": 1.0,
                "settings": "0" * 16,
                "data": "0" * 12,
                "notes": "",
            }


def _point(arch, width, hidden, updates, bn, last, noise):
    """MI that rises or falls with the logarithm of the updates, and an error that falls, each at its own level."""
    progress = math.log1p(updates) / math.log1p(720)
    size = 0.25 * math.log2(width / 100) - 0.08 * (hidden - 5)
    if "shortcut" in arch and last == "after":
        mi = 6.6 - 2.2 * progress**2 + size
    elif "resnet" in arch:
        mi = 4.8 + 3.6 * progress - 3.4 * progress**2 + size
    else:
        mi = 2.2 + 3.2 * progress - 0.3 * progress**3 + size
    mi += 0.4 * (1 - progress) if bn == "batch" else 0
    pace = 1 + 0.25 * ("shortcut" in arch) + 0.1 * ("resnet" in arch)
    error = 0.9 * math.exp(-3.6 * min(1, pace * progress) ** (1.0 if bn == "batch" else 1.3)) + 0.015 * max(0, hidden - 5) / 5
    return max(0.05, mi + noise), min(0.9, error * (1 + 0.3 * noise))


def manifest(run_settings, n_train=1297):
    """The manifest of a run that was trained nowhere."""
    return Manifest(
        settings=run_settings,
        keras_backend="jax",
        devices=["cpu:0"],
        machine={"system": "Linux x86_64", "threads": 2},
        versions={"keras": "3.9.1"},
        data=Provenance(source="digits", checksum="0" * 64, note="", n_train=n_train, n_test=500, n_features=64, n_classes=10),
        measured_indices=[0, 1, 2],
        started="2025-01-01T00:00:00+00:00",
    )


def run_folder(path, run_settings=None, error=0.5):
    """A run's folder: epochs 0 to 4, each with one row for a pair, statistics and k."""
    run_settings = run_settings or Settings(width=4, hidden=3, epochs=4, data="digits", layers=(("first", "last"),))
    run = RunFolder(path)
    run.create(manifest(run_settings))
    run.table.append(
        Row(
            epoch=epoch,
            x=x,
            y=y,
            bn=bn,
            k=k,
            mi=1.0 + epoch,
            stderr=0.1,
            null=0.01,
            ceiling=8.0,
            n_samples=500,
            dim_x=8,
            dim_y=8,
            estimator="ksg1",
            error=error,
            logs={"loss": 2.0} if epoch else {},
            seconds=0.5,
            notes=("one", "two"),
        )
        for epoch in range(5)
        for x, y in run_settings.layers
        for bn in run_settings.bn
        for k in run_settings.k
    )
    return run
