"""Rows of queries cut into tiles, and the tiles spread over threads."""

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


def for_each_tile(
    work: Callable[[int, int], None],
    n_rows: int,
    tile_rows: int,
    threads: int,
    progress: Progress | None = None,
) -> None:
    """Call `work(start, stop)` for consecutive tiles of rows, on several threads where that is allowed.

    `work` must release the GIL to profit from threads, and write only to its own rows. Plain threads rather than
    Numba's parallel loops: callers may use the estimator from several threads and may fork afterwards, kernels compile
    faster, and between two tiles there is room for progress and for Ctrl-C.
    """
    rows_done = 0

    def report(rows: int) -> None:
        nonlocal rows_done
        rows_done += rows
        if progress is not None:
            progress(rows_done, n_rows)

    tiles = ((start, min(start + tile_rows, n_rows)) for start in range(0, n_rows, tile_rows))
    if threads == 1 or n_rows <= tile_rows:
        for start, stop in tiles:
            work(start, stop)
            report(stop - start)
        return

    pool = ThreadPoolExecutor(max_workers=threads)
    running: dict[Future[None], int] = {}
    try:
        while True:
            for start, stop in itertools.islice(tiles, 2 * threads - len(running)):
                running[pool.submit(work, start, stop)] = stop - start
            if not running:
                break
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
                report(running.pop(future))
    finally:
        # After an error or Ctrl-C the tiles not yet begun are dropped; those under way end within a moment.
        pool.shutdown(wait=True, cancel_futures=True)
