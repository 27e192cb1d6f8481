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
SETTINGS = (Task("activations", 10_000, 200, 200), Task("activations", 3_000, 200, 200), Task("gaussian", 10_000, 200, 200))
ASKED: dict[str, MIOptions] = {
    "estimate": {"threads": 1, "error_bar": False},
    "error bar": {"threads": 1},
    "verdict": {"threads": 1, "diagnose": True},
}


def around(settings: tuple[Task, ...] = SETTINGS, repeats: int = REPEATS) -> Iterator[dict[str, Any]]:
    """Least processor seconds of one thread over several runs, in turn: an estimate, with its error bar, with its verdict.

    The error bar is what it costs more than the estimate; the verdict is all that `diagnose` does, estimate and error bar too.
    """
    for task in settings:
        x, y = (side.astype(np.float32) for side in task.samples(0))
        seconds = dict.fromkeys(ASKED, np.inf)
        for turn in range(repeats + 1):
            for what, options in ASKED.items():
                started = time.process_time()
                mi_core.mutual_information(x, y, **options)
                if turn > 0:  # the first compiles
                    seconds[what] = min(seconds[what], time.process_time() - started)
        one, bar, verdict = seconds["estimate"], seconds["error bar"] - seconds["estimate"], seconds["verdict"]
        yield {
            "setting": task.name,
            "one estimate": one,
            "error bar": bar,
            "in estimates": bar / one,
            "verdict": verdict,
            "in estimates, too": verdict / one,
        }
