"""Numba's CUDA simulator with barriers that sleep: its own poll all threads of a block in turn, at ten times the CPU time."""

import threading

import numpy as np
from numba.cuda.simulator import kernel


class SleepingBlock(kernel.BlockManager):
    """The threads of one block; those that wait at a barrier wake one another."""

    def run(self, grid_point, *args):
        barrier = threading.Barrier(int(np.prod(self._block_dim)))

        def target():
            try:
                with np.errstate(over="ignore"):  # a GPU says nothing about that either
                    self._f(*args)
            except BaseException:
                barrier.abort()
                raise

        threads = [kernel.BlockThread(target, self, grid_point, point, False) for point in np.ndindex(*self._block_dim)]
        for thread in threads:
            thread.syncthreads = barrier.wait
            thread.start()
        for thread in threads:
            thread.join()
        broken = [thread.exception for thread in threads if thread.exception]
        for error, traceback in sorted(broken, key=lambda pair: isinstance(pair[0], threading.BrokenBarrierError)):
            raise error.with_traceback(traceback)


def use():
    """From now on, in this process."""
    kernel.BlockManager = SleepingBlock
