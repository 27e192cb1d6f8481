"""The one module that imports numba-cuda and CuPy: kernels, arrays on a GPU, and the GPUs themselves.

`xp` is CuPy. In Numba's simulator (NUMBA_ENABLE_CUDASIM=1 before Numba is imported) it is NumPy: then kernels run as Python and
arrays stay where they are, which tests everything but speed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numba import cuda

from mi_core.backends.cuda.presence import CUDA_DEVICE, simulated

SIMULATED = simulated()
xp: Any
if SIMULATED:
    xp = np
else:
    import cupy
    from numba.cuda import dispatcher
    from numba.cuda.cudadrv.driver import CudaAPIError

    xp = cupy
    settings: Any = dispatcher.config  # type: ignore[attr-defined]
    settings.CUDA_LOW_OCCUPANCY_WARNINGS = 0  # small data make small grids, which is nothing to warn of

Array = Any  # of xp
OUT_OF_MEMORY = 2  # the driver's number for it
UNTRIED = os.environ.get("MI_CUDA_UNTRIED", "0") not in ("", "0")  # use, too, what has run in the simulator alone
CONVERTING = 4 if SIMULATED else 256  # threads of a block that converts values

__all__ = ["SIMULATED", "UNTRIED", "Array", "cuda", "xp"]


def kernel(function: Callable[..., Any], **options: Any) -> Any:
    """Compile a kernel when it is first launched, and keep the machine code on disk for the next process.

    IEEE arithmetic, so that denormals and strict comparisons hold. What a kernel calls stands in its own file, whose changes
    renew what is kept.
    """
    if SIMULATED:
        return cuda.jit(function)
    try:
        return cuda.jit(cache=True, **options)(function)
    except RuntimeError:  # Numba found no folder for it
        return cuda.jit(**options)(function)


def kernel_of_many_warps(function: Callable[..., Any]) -> Any:
    """A kernel that waits for memory most of the time: few registers for each thread, so that more warps fit."""
    return kernel(function, max_registers=64)


def device_function(function: Callable[..., Any]) -> Any:
    """Compile a function into the kernels that call it, so that its arrays stay in registers."""
    options: dict[str, Any] = {} if SIMULATED else {"forceinline": True}
    return cuda.jit(function, device=True, **options)


def in_assembly(text: str, simulated: Callable[[Any, Any, Any], Any]) -> Any:
    """A device function of three words of 32 bits, in PTX: $0 is its result, $1 to $3 are its arguments.

    simulated: What it does, in Python.
    """
    if SIMULATED:
        return simulated
    from llvmlite import ir
    from numba.cuda import types
    from numba.cuda.extending import intrinsic

    numba_word: Any = types.uint32  # type: ignore[attr-defined]

    @intrinsic
    def assembled(context: Any, a: Any, b: Any, c: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            word = ir.IntType(32)
            return builder.call(ir.InlineAsm(ir.FunctionType(word, [word] * 3), text, "=r,r,r,r"), arguments)

        return numba_word(numba_word, numba_word, numba_word), lower

    return assembled


def launch(work: Any, grid: int | tuple[int, int], block: int | tuple[int, int], *arguments: Any) -> None:
    """Start a kernel on CuPy's current stream; arguments are arrays of `xp`, or of `for_kernels`, and numbers."""
    if SIMULATED:
        work[grid, block](*arguments)
        return
    stream = xp.cuda.get_current_stream()
    if UNTRIED:
        from mi_core.backends.cuda import start

        with short_memory_said():
            failed = start.launch(work, grid, block, current_gpu(), stream.ptr, arguments)
        if failed == OUT_OF_MEMORY:
            raise MemoryError
        if failed:
            raise RuntimeError(f"the NVIDIA driver answers {failed} to the start of {work.py_func.__name__}")
        return
    with short_memory_said():
        work[grid, block, cuda.external_stream(stream.ptr) if stream.ptr else 0](*map(for_kernels, arguments))


@contextmanager
def short_memory_said() -> Iterator[None]:
    """Turn every report of insufficient GPU memory in the block into a MemoryError, as CuPy raises when it allocates."""
    try:
        yield
    except CudaAPIError as error:  # of Numba: a launch, a context
        if int(error.code) != OUT_OF_MEMORY:
            raise
        raise MemoryError from error
    except xp.cuda.runtime.CUDARuntimeError as error:
        if int(error.status) != OUT_OF_MEMORY:
            raise
        raise MemoryError from error
    except Exception as error:  # of cuda.core, with which Numba loads and starts kernels: its class has no public name
        if "CUDA_ERROR_OUT_OF_MEMORY" not in str(error):
            raise
        raise MemoryError from error


def for_kernels(value: Any) -> Any:
    """An array of CuPy as Numba knows them, without the wait for its stream: the kernel goes to that same stream.

    Made once for several launches, it saves the tens of microseconds that each would take for it.
    """
    if not SIMULATED and not UNTRIED and isinstance(value, xp.ndarray):
        return cuda.from_cuda_array_interface(value.__cuda_array_interface__, owner=value, sync=False)
    return value


@kernel
def convert(source, target):
    """Fill target (n,) with the values of source (n,)."""
    place = cuda.grid(1)
    if place < len(source):
        target[place] = source[place]


def converted(array: Array, dtype: Any) -> Array:
    """An array in another precision, rounded as in NumPy: CuPy's own conversions take denormals of float32 for 0."""
    if array.dtype == dtype:
        return array
    target = xp.empty(array.shape, dtype)
    launch(
        convert, -(-max(1, array.size) // CONVERTING), CONVERTING, xp.ascontiguousarray(array).reshape(-1), target.reshape(-1)
    )
    return target


def resident(values: Any) -> Array | None:
    """Return an array of CuPy, Torch, JAX or Numba in GPU memory as an `xp` array that shares its memory; else None.

    CuPy waits for the stream that makes the values. The result is also None if CuPy does not know their type. In the simulator
    NumPy arrays count as arrays in GPU memory.
    """
    if isinstance(values, xp.ndarray):
        return values
    values = values.detach() if hasattr(values, "detach") else values  # Torch hands over no gradients
    try:
        if hasattr(values, "__dlpack_device__"):
            kind, index = map(int, values.__dlpack_device__())
            if kind != CUDA_DEVICE:
                return None
            with xp.cuda.Device(index):
                return xp.from_dlpack(values)
        return xp.asarray(values) if hasattr(values, "__cuda_array_interface__") else None
    except (BufferError, NotImplementedError, TypeError, ValueError):
        return None


def to_device(values: Any) -> Array:
    """Move an array to the current GPU; do not copy it if it is there already."""
    return xp.asarray(values)


def to_host(values: Array) -> Any:
    """Values of a GPU array, in NumPy."""
    return values if SIMULATED else xp.asnumpy(values)


def free_bytes() -> int:
    """Free memory of the current GPU in bytes, including memory that CuPy holds in reserve."""
    if SIMULATED:
        return 2**30
    return int(xp.cuda.Device().mem_info[0]) + int(xp.get_default_memory_pool().free_bytes())


def release() -> None:
    """Free the memory of the current GPU that CuPy holds in reserve."""
    if not SIMULATED:
        xp.get_default_memory_pool().free_all_blocks()


def settle() -> None:
    """Wait for all work on the current GPU that this thread has begun, so that other GPUs may copy from it."""
    if not SIMULATED:
        xp.cuda.get_current_stream().synchronize()


def number_of_gpus() -> int:
    """Number of GPUs that this process may use; CUDA_VISIBLE_DEVICES selects them."""
    return 1 if SIMULATED else int(xp.cuda.runtime.getDeviceCount())


def gpu_of(array: Array) -> int:
    """Index of the GPU that holds an array."""
    return 0 if SIMULATED else int(array.device.id)


def current_gpu() -> int:
    """Index of CuPy's current GPU in this thread."""
    return 0 if SIMULATED else int(xp.cuda.runtime.getDevice())


def multiprocessors() -> int:
    """Number of multiprocessors of the current GPU."""
    return 2 if SIMULATED else int(xp.cuda.Device().attributes["MultiProcessorCount"])


def halves_in_pairs() -> bool:
    """Tell whether the current GPU compares two numbers in half precision at a time, as from compute capability 8.0 on."""
    return SIMULATED or int(xp.cuda.Device().compute_capability) >= 80


@contextmanager
def on_gpu(index: int) -> Iterator[None]:
    """Put arrays and kernels of the calling thread on the GPU with this index while the block runs."""
    if SIMULATED:
        yield
        return
    with short_memory_said(), xp.cuda.Device(index), cuda.gpus[index]:  # Numba keeps an own idea of the thread's GPU
        yield
