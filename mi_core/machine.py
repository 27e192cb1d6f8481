"""Facts about this machine and its software, for `mi info` and for every benchmark row."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from pathlib import Path

from mi_core._version import __version__
from mi_core.backends.cuda import presence
from mi_core.threads import available_threads

LIBRARIES = ("numpy", "scipy", "numba", "numba-cuda", "cupy-cuda12x", "cupy-cuda13x", "keras", "tensorflow", "jax", "torch")


def versions() -> dict[str, str]:
    """Versions of this project, of Python and of installed libraries, without importing them."""
    found = {"mi": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def cpu_name() -> str:
    """Name of the processor, or its architecture if it has no name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    if platform.system() == "Darwin":
        name = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False)
        if name.returncode == 0:
            return name.stdout.strip()
    return platform.processor() or platform.machine()


def facts() -> dict[str, int | str]:
    """Operating system, processor, usable threads, and GPUs if there are any; ready for JSON."""
    gpus = presence.gpu_names()
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_name(),
        "threads": available_threads(),
        **({"gpu": ", ".join(gpus)} if gpus else {}),
    }
