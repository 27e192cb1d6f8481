"""What an error bar and a verdict cost beside the estimate that they are about."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

import mi_core
from benchmarks.tasks import Task
from mi_core.options import MIOptions

REPEATS = 4
SETTINGS = (
    Task("activations", 10_000, 200, 200),
    Task("activations", 3_000, 200, 200),
    Task("gaussian", 10_000, 200, 200),
    Task("activations", 10_000, 784, 200),
    Task("feature maps", 2_000, 5_408, 5_408),
)
MOST_COLUMNS = 1_000  # of both sides, up to which a verdict takes no minutes
ASKED: dict[str, MIOptions] = {
    "estimate": {"threads": 1, "error_bar": False},
    "error bar": {"threads": 1},
    "verdict": {"threads": 1, "diagnose": True},
    "wall, estimate": {"error_bar": False},
    "wall, error bar": {},
}


def around(settings: tuple[Task, ...] = SETTINGS, repeats: int = REPEATS) -> Iterator[dict[str, Any]]:
    """Least processor seconds of one thread over several runs, in turn: an estimate, with its error bar, with its verdict.

    The error bar is what it costs more than the estimate; the verdict is all that `diagnose` does, estimate and error bar too.
    Wall seconds are those of all threads.
    """
    for task in settings:
        x, y = (side.astype(np.float32) for side in task.samples(0))
        asked = {what: how for what, how in ASKED.items() if "diagnose" not in how or task.dim_x + task.dim_y <= MOST_COLUMNS}
        seconds = dict.fromkeys(asked, np.inf)
        for turn in range(repeats + 1):
            for what, options in asked.items():
                clock = time.perf_counter if what.startswith("wall") else time.process_time
                started = clock()
                mi_core.mutual_information(x, y, **options)
                if turn > 0:  # the first compiles
                    seconds[what] = min(seconds[what], clock() - started)
        one, bar = seconds["estimate"], seconds["error bar"] - seconds["estimate"]
        yield {
            "setting": task.name,
            "one estimate": one,
            "error bar": bar,
            "in estimates": bar / one,
            "verdict": seconds.get("verdict"),
            "in estimates, too": seconds["verdict"] / one if "verdict" in seconds else None,
            "all threads, wall": seconds["wall, estimate"],
            "with error bar, wall": seconds["wall, error bar"],
        }
