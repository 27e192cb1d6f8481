"""The one way in which CPU kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def jit(kernel: Callable[..., Any]) -> Any:
    """Compile `kernel` on first use, without the GIL, and keep the machine code on disk for the next process.

    Where no folder can be written to, the kernel is compiled anew in each process instead. No fastmath: rounding is part
    of the contract. A kernel's cache is renewed when its own file changes, so a kernel calls only kernels of its file.
    """
    try:
        return numba.njit(kernel, nogil=True, cache=True)
    except RuntimeError:  # Numba found no folder for the cache
        return numba.njit(kernel, nogil=True)
