"""Benchmarks beside the suites, each by the name that `mi bench NAME` takes: no profile, no peers, perhaps a folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from benchmarks import calibration


@dataclasses.dataclass(frozen=True)
class Program:
    """One benchmark that chooses its own tasks.

    Attributes:
        run: Measures and prints; a folder is where its files go, None for the usual place.
        takes_folder: Whether it writes any.
    """

    run: Callable[[Path | None], None]
    takes_folder: bool = True


def calibrated(name: str) -> Program:
    """A table on trust, from `benchmarks.calibration`."""
    return Program(lambda folder: print(calibration.write(name, folder or calibration.RESULTS)))


def wide_layers(folder: Path | None) -> None:
    """Print the tables of docs/wide-layers.md."""
    from benchmarks import wide_layers

    wide_layers.main()


def gpu(folder: Path | None) -> None:
    """Measure the CUDA backend."""
    from benchmarks import gpu

    gpu.main(folder or gpu.RESULTS)


def kernels(folder: Path | None) -> None:
    """Print what the CUDA kernels need."""
    from benchmarks import kernels  # loads numba-cuda, which is an extra

    kernels.main(folder)


def report(folder: Path | None) -> None:
    """Make tables and pictures of the committed rows again."""
    from benchmarks import report

    report.main()


PROGRAMS: dict[str, Program] = {
    **{name: calibrated(name) for name in calibration.SUITES},
    "wide-layers": Program(wide_layers, takes_folder=False),
    "gpu": Program(gpu),
    "kernels": Program(kernels),
    "report": Program(report, takes_folder=False),
}
