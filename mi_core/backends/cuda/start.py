"""Kernels started by hand: Numba compiles them, and the driver is asked directly to start them.

Numba's own launch looks at every argument anew, for 0.1 to 0.3 ms. It is not known yet what this one takes: no GPU has run it.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

from numba.cuda import types
from numba.cuda.np.numpy_support import from_dtype

from mi_core.backends.cuda.presence import driver_library

numba_types: Any = types
WORD = ctypes.sizeof(ctypes.c_int64)


def launch(
    work: Any, grid: int | tuple[int, int], block: int | tuple[int, int], gpu: int, stream: int, arguments: tuple[Any, ...]
) -> int:
    """Start a kernel on a stream of the current GPU, which has this index; return what the driver answers, 0 if all is well.

    arguments: Arrays of CuPy and whole numbers.
    """
    words = [word for value in arguments for word in words_of(value)]
    values = (ctypes.c_int64 * len(words))(*words)
    start = ctypes.addressof(values)
    places = (ctypes.c_void_p * len(words))(*range(start, start + WORD * len(words), WORD))
    code = machine_code(work, gpu, *map(kind_of, arguments))
    return int(starter()(code, *extents(grid), *extents(block), 0, stream, places, None))


def is_array(value: Any) -> bool:
    """Tell an array from a number."""
    return hasattr(value, "strides") and value.ndim > 0


def words_of(value: Any) -> tuple[int, ...]:
    """An argument as kernels take it. An array: no owner, no parent, size, bytes of an item, address, shape and strides."""
    if is_array(value):
        return 0, 0, value.size, value.itemsize, value.data.ptr, *value.shape, *value.strides
    return (int(value),)


def kind_of(value: Any) -> Any:
    """What of an argument decides which machine code a kernel needs: dtype, dimensions and contiguity of an array."""
    return (value.dtype, value.ndim, bool(value.flags.c_contiguous)) if is_array(value) else int


@functools.cache
def machine_code(work: Any, gpu: int, *kinds: Any) -> ctypes.c_void_p:
    """Handle of a kernel for arguments of these kinds on this GPU, which is the current one; compiled or loaded if need be."""

    def numba_type(kind: Any) -> Any:
        return numba_types.int64 if kind is int else numba_types.Array(from_dtype(kind[0]), kind[1], "C" if kind[2] else "A")

    return ctypes.c_void_p(int(work.compile(tuple(map(numba_type, kinds))).library.get_cufunc().handle))


@functools.cache
def starter() -> Any:
    """The driver's function that starts kernels: code, extents of grid and block, shared bytes, stream, arguments, options."""
    start: Any = driver_library().cuLaunchKernel  # type: ignore[union-attr]
    start.argtypes = [ctypes.c_void_p, *[ctypes.c_uint] * 7, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    return start


def extents(size: int | tuple[int, int]) -> tuple[int, int, int]:
    """Width, height and depth of a grid or of a block."""
    return (*size, 1) if isinstance(size, tuple) else (size, 1, 1)
