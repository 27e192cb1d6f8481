"""`mi warmup`: every kernel compiled ahead."""

from __future__ import annotations

import time

from cli._output import say
from mi_core.progress_bar import ProgressBar


def warmup() -> None:
    """Compile what usual estimates on this machine's CPU need, so that no first one has to wait; once done, it takes seconds.

    For images of containers, for the machines of a cluster, and after an update. Compiled kernels are kept beside the package,
    or in the folder that the environment variable NUMBA_CACHE_DIR names.

    Example: mi warmup
    """
    from mi_core import compiling
    from mi_core.warmup import warm_up

    started, before = time.perf_counter(), compiling.begun()
    with ProgressBar("looking for compiled kernels") as bar:
        kinds = warm_up(bar)
    seconds, kernels = time.perf_counter() - started, compiling.begun() - before
    done = f"compiled {kernels} kernels" if kernels else "all kernels were compiled already"
    say(f"{done} for {kinds} kinds of estimates in {seconds:.0f} s")
