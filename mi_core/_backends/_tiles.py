"""Work cut into tiles, and the tiles spread over threads."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from mi_core._types import Progress


def available_threads() -> int:
    """Number of CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """The threads of one estimate, and its progress.

    Plain threads and kernels that release the GIL, rather than Numba's parallel loops: callers may use the estimator from
    several threads and may fork afterwards, kernels compile faster, and between two tiles there is room for progress and for
    Ctrl-C.
    """

    def __init__(self, threads: int, progress: Progress | None = None, steps: int = 0) -> None:
        self.threads = threads
        self.progress = progress
        self.steps = steps
        self.steps_done = 0
        self.pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        # After an error or Ctrl-C the tiles not yet begun are dropped; those under way end within a moment.
        if self.pool is not None:
            self.pool.shutdown(wait=True, cancel_futures=True)

    def for_each_tile(self, work: Callable[[int, int], None], size: int, tile: int, *, is_progress: bool = False) -> None:
        """Call `work(first, last)` for consecutive tiles of range(size), which writes to nothing that another tile touches.

        `is_progress`: whether each unit of `size` is a step of the estimate's progress.
        """
        tiles = ((first, min(first + tile, size)) for first in range(0, size, tile))
        if self.pool is None or size <= tile:
            for first, last in tiles:
                work(first, last)
                self._report(last - first, is_progress)
            return
        running: dict[Future[None], int] = {}
        while True:
            for first, last in itertools.islice(tiles, 2 * self.threads - len(running)):
                running[self.pool.submit(work, first, last)] = last - first
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
                self._report(running.pop(future), is_progress)

    def _report(self, steps: int, is_progress: bool) -> None:
        if is_progress and self.progress is not None:
            self.steps_done += steps
            self.progress(self.steps_done, self.steps)
