"""Table of backends: the module of each one, and whether it can run here."""

from __future__ import annotations

import importlib
from typing import Any

from mi_core.backends.cuda import presence
from mi_core.errors import BackendUnavailableError, first_line

MODULE_OF = {
    "cpu-tree": "mi_core.backends.cpu.tree",
    "cpu-filter": "mi_core.backends.cpu.filter",
    "cpu-brute": "mi_core.backends.cpu.brute",
    "cuda": "mi_core.backends.cuda.counts",
}


def names() -> tuple[str, ...]:
    """Names of all backends."""
    return tuple(MODULE_OF)


def working() -> tuple[str, ...]:
    """Names of the backends that can run on this machine."""
    return tuple(name for name in MODULE_OF if unavailable(name) is None)


def unavailable(name: str) -> str | None:
    """Reason why the backend cannot run here and what to do, in one line; None if it can run."""
    if is_cuda(name):
        if reason := presence.missing(gpu_named(name)):
            return reason
        error = not_importable(name)
        return error and f"{error}; install versions that go together with: {presence.install_command(presence.driver()[0])}"
    if error := not_importable(name):
        return f"{error}; install what the CPU backends need with: python -m pip install numba scipy"
    return None


def not_importable(name: str) -> str | None:
    """Error on importing the backend's module, in one line; None if there was none."""
    try:
        module_of(name)
    except (ImportError, AttributeError) as error:  # numba-cuda asks NumPy for what later versions have dropped
        return first_line(error)
    return None


def available(name: str) -> Any:
    """Module of the backend; raise an error if it cannot run here."""
    if reason := unavailable(name):
        raise BackendUnavailableError(f"backend {name} cannot run here: {reason}")
    return module_of(name)


def module_of(name: str) -> Any:
    """Module of the backend."""
    return importlib.import_module(MODULE_OF[name.partition(":")[0]])


def is_cuda(name: str) -> bool:
    """Tell whether a backend is "cuda", or one like "cuda:1"."""
    return name.partition(":")[0] == "cuda"


def gpu_named(name: str) -> int | None:
    """Index in a name like "cuda:1"; None for a name without one."""
    _, _, index = name.partition(":")
    return int(index) if index else None
