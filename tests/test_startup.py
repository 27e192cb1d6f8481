"""What is loaded when, and what is kept between two processes."""

import os
import subprocess
import sys

import pytest

HEAVY = {"numba", "llvmlite", "keras", "tensorflow", "jax", "torch", "cupy", "scipy", "pandas"}

ESTIMATE = """
import numpy as np
from mi_core import mutual_information
x, y = np.random.default_rng(0).standard_normal((2, 100))
print(mutual_information(x, y, backend="cpu-brute").mi)
"""


def run(code, *arguments, **environment):
    command = [sys.executable, "-c", code, *arguments]
    finished = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    return finished.stdout


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("import mi_core; mi_core.InputError", []),
        ("from cli.main import app; app(standalone_mode=False)", ["--help"]),
        ("from cli.main import app; app(standalone_mode=False)", ["estimate", "--help"]),
    ],
)
def test_heavy_libraries_are_loaded_only_when_used(code, arguments):
    loaded = run(code + "\nimport sys; print('MODULES', *sys.modules)", *arguments).split("MODULES")[1].split()
    assert "mi_core" in loaded
    assert not HEAVY & set(loaded)
    if arguments:
        assert "numpy" not in loaded


def test_unknown_names_are_no_attributes():
    import mi_core

    assert set(mi_core.__all__) < set(dir(mi_core))
    for name in mi_core.__all__:
        assert getattr(mi_core, name).__doc__
    with pytest.raises(AttributeError, match="module 'mi_core' has no attribute 'nonsense'"):
        _ = mi_core.nonsense


def test_kernels_are_kept_for_the_next_process(tmp_path):
    first = run(ESTIMATE, NUMBA_CACHE_DIR=str(tmp_path))
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")}
    assert kept
    assert run(ESTIMATE, NUMBA_CACHE_DIR=str(tmp_path)) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")} == kept


def test_no_folder_for_the_cache_is_no_error(tmp_path):
    nowhere = {"NUMBA_CACHE_DIR": "/dev/null/cache", "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    assert run(ESTIMATE, **nowhere) == run(ESTIMATE, NUMBA_CACHE_DIR=str(tmp_path))
