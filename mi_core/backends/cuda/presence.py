"""Check whether the CUDA backend can run here, without loading the libraries that it needs."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
import sys

DRIVERS = ("nvcuda.dll",) if sys.platform == "win32" else ("libcuda.so.1", "libcuda.so")
NEEDED = ("numba", "numba_cuda", "cupy")
SIMULATED_DRIVER = 13000, 1  # version, GPUs
CUDA_DEVICE = 2  # DLPack's number for one


def simulated() -> bool:
    """Tell whether Numba runs kernels in its simulator: in Python, on the CPU, for tests."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")


def lies_on_gpu(values: object) -> bool:
    """Tell whether an array of any library reports that it is in GPU memory; without a report it is not."""
    try:
        if hasattr(values, "__dlpack_device__"):
            return int(values.__dlpack_device__()[0]) == CUDA_DEVICE
        return hasattr(values, "__cuda_array_interface__")
    except Exception:  # noqa: BLE001  whatever its library raises, for one deleted or spread over devices
        return False


def missing(gpu: int | None = None) -> str | None:
    """What the backend lacks here, or for one GPU, and what to do, in one line; None if it can run."""
    version, gpus = SIMULATED_DRIVER if simulated() else driver()
    if version == 0:
        return (
            "no NVIDIA driver answers on this machine; where there is an NVIDIA GPU, install its driver, then: "
            + install_command(version)
        )
    if gpus == 0:
        return "the NVIDIA driver shows no GPU; look at nvidia-smi and at CUDA_VISIBLE_DEVICES"
    if gpu is not None and gpu >= gpus:
        shown = "cuda:0 alone" if gpus == 1 else f"cuda:0 to cuda:{gpus - 1}"
        return f"there is no GPU {gpu}, the NVIDIA driver shows {shown}; take one of these, or look at CUDA_VISIBLE_DEVICES"
    if simulated():
        return None
    absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if absent:
        return f"{' and '.join(absent)} not installed; install with: {install_command(version)}"
    return None


def install_command(version: int) -> str:
    """Command that installs what the backend needs with a driver of this version; for CUDA 12 by default."""
    return f"python -m pip install 'ksg-mi[cuda{13 if version >= 13000 else 12}]'"


def number_of_gpus() -> int:
    """Number of GPUs that the backend would use; 0 in the simulator, or if anything is missing."""
    return 0 if simulated() or missing() else driver()[1]


def driver() -> tuple[int, int]:
    """CUDA version of the driver (12040 for 12.4), and number of GPUs that it shows; zeros without a driver."""
    cuda = driver_library()
    if cuda is None:
        return 0, 0
    version, gpus = ctypes.c_int(0), ctypes.c_int(0)
    cuda.cuDriverGetVersion(ctypes.byref(version))
    if cuda.cuInit(0) == 0:
        cuda.cuDeviceGetCount(ctypes.byref(gpus))
    return version.value, gpus.value


def gpu_names() -> tuple[str, ...]:
    """Names of the GPUs that the driver shows."""
    cuda = driver_library()
    names = []
    for index in range(driver()[1]):
        name = ctypes.create_string_buffer(96)
        cuda.cuDeviceGetName(name, len(name), index)  # type: ignore[union-attr]
        names.append(name.value.decode(errors="replace"))
    return tuple(names)


@functools.cache
def driver_library() -> ctypes.CDLL | None:
    """Library of NVIDIA's driver."""
    for name in DRIVERS:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None
