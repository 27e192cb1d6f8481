"""Benchmarks other than the suites, by their names in `mi bench NAME`, with the options that they take."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import calibration


@dataclasses.dataclass(frozen=True)
class Program:
    """One benchmark that chooses its own tasks.

    Attributes:
        run: Measures and prints; `out` is where its files go, None for the usual place.
        options: Options of the command that `run` takes, by their names.
    """

    run: Callable[..., None]
    options: tuple[str, ...] = ("out",)


def calibrated(name: str) -> Program:
    """A table on trust, from `benchmarks.calibration`."""
    return Program(lambda out: print(calibration.write(name, out or calibration.RESULTS)))


def known(out: Path | None, profile: Any, peers: str, **settings: Any) -> None:
    """Make the readings of known MI that are not there yet, and print all tables."""
    from benchmarks import known, known_report

    everything = known.Settings(peers=known.chosen(peers), **settings)
    print(known.run(profile, everything, out or known_report.RESULTS, lambda line: print(line, file=sys.stderr, flush=True)))


def wide_layers() -> None:
    """Print the tables of docs/wide-layers.md."""
    from benchmarks import wide_layers

    wide_layers.main()


def gpu(out: Path | None) -> None:
    """Measure the CUDA backend."""
    from benchmarks import gpu

    gpu.main(out or gpu.RESULTS)


def kernels(out: Path | None) -> None:
    """Print what the CUDA kernels need."""
    from benchmarks import kernels  # loads numba-cuda, which is an extra

    kernels.main(out)


def report() -> None:
    """Make tables and pictures of the committed rows again."""
    from benchmarks import known_report, report

    report.main()
    known_report.main()


PROGRAMS: dict[str, Program] = {
    **{name: calibrated(name) for name in calibration.SUITES},
    "known": Program(known, ("out", "profile", "peers", "data", "threads", "limit")),
    "wide-layers": Program(wide_layers, ()),
    "gpu": Program(gpu),
    "kernels": Program(kernels),
    "report": Program(report, ()),
}
