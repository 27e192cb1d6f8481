"""The table of backends: which module each one is, and whether it can run here."""

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
    """Names of the backends that can be asked for by name."""
    return tuple(MODULE_OF)


def working() -> tuple[str, ...]:
    """Names of the backends that can run on this machine."""
    return tuple(name for name in MODULE_OF if unavailable(name) is None)


def unavailable(name: str) -> str | None:
    """Why the backend cannot run here and what to do about it, in one line; None where it can."""
    if is_cuda(name):
        if reason := presence.missing(gpu_named(name)):
            return reason
        error = not_importable(name)
        return error and f"{error}; install versions that go together with: {presence.install_command(presence.driver()[0])}"
    if error := not_importable(name):
        return f"{error}; install what the CPU backends need with: python -m pip install numba scipy"
    return None


def not_importable(name: str) -> str | None:
    """What went wrong when the backend's module was imported, in one line; None where nothing did."""
    try:
        module_of(name)
    except (ImportError, AttributeError) as error:  # numba-cuda asks NumPy for what later versions have dropped
        return first_line(error)
    return None


def available(name: str) -> Any:
    """The backend's module; an error where it cannot run here."""
    if reason := unavailable(name):
        raise BackendUnavailableError(f"backend {name} cannot run here: {reason}")
    return module_of(name)


def module_of(name: str) -> Any:
    """The backend's module."""
    return importlib.import_module(MODULE_OF[name.partition(":")[0]])


def is_cuda(name: str) -> bool:
    """Whether it is the backend "cuda", or "cuda:1"."""
    return name.partition(":")[0] == "cuda"


def gpu_named(name: str) -> int | None:
    """The index in a name like "cuda:1"; None for one without."""
    _, _, index = name.partition(":")
    return int(index) if index else None
