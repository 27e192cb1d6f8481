"""Work cut into tiles, and the tiles spread over threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from mi_core.types import Progress, Share

WHOLE: Share = (0, 1)


class Workers:
    """The threads of one estimate, the calling one among them, and its progress.

    Plain threads and kernels that release the GIL, rather than Numba's parallel loops: callers may use the estimator from
    several threads and may fork afterwards, kernels compile faster, and between two tiles there is room for progress and for
    Ctrl-C.
    """

    def __init__(self, threads: int, progress: Progress | None = None, steps: int = 0) -> None:
        self.progress = progress
        self.steps = steps
        self.steps_done = 0
        self.threads = threads
        self.pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None
        self.lock = threading.Lock()
        self.stopped = False

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        # After an error or Ctrl-C no thread begins another tile; those under way end within a moment.
        self.stopped = True
        if self.pool is not None:
            self.pool.shutdown(wait=True)

    def for_each_tile(
        self, work: Callable[[int, int], None], size: int, tile: int, *, is_progress: bool = False, share: Share = WHOLE
    ) -> None:
        """Call `work(first, last)` for consecutive tiles of range(size), which writes to nothing that another tile touches.

        `is_progress`: whether each unit of `size` is a step of the estimate's progress. `share`: the part of range(size) that
        is worked on; where shares begin depends on neither tiles nor threads.
        """
        index, shares = share
        start, stop = size * index // shares, size * (index + 1) // shares
        starts = iter(range(start, stop, tile))

        def take_tiles(progress: Progress | None) -> None:
            while not self.stopped:
                with self.lock:
                    first = next(starts, None)
                if first is None:
                    return
                last = min(first + tile, stop)
                try:
                    work(first, last)
                except BaseException:
                    self.stopped = True
                    raise
                if is_progress:
                    with self.lock:
                        self.steps_done += last - first
                    if progress is not None:
                        progress(self.steps_done, self.steps)

        others = []
        if self.pool is not None:
            others = [self.pool.submit(take_tiles, None) for _ in range(min(self.threads, -(-(stop - start) // tile)) - 1)]
        take_tiles(self.progress)
        for other in others:
            other.result()
        if others and is_progress and self.progress is not None:
            self.progress(self.steps_done, self.steps)


def for_blocks(
    work: Callable[[int, int], None], n_blocks: int, tile_blocks: int, workers: Workers, share: Share = WHOLE
) -> None:
    """Call `work(first, last)` for tiles of at least `tile_blocks` blocks, and at most some 32 tiles for each thread."""
    tile = max(tile_blocks, -(-n_blocks // (32 * workers.threads)))
    workers.for_each_tile(work, n_blocks, tile, is_progress=True, share=share)
