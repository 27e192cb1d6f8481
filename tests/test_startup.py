"""What is loaded when, and what is kept between two processes."""

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numba
import pytest
from numba.core.codegen import JITCPUCodegen

from conftest import REPOSITORY
from mi_core.backends.cpu.jit import CodeFiles, uninterrupted
from mi_core.backends.cpu.order import lowest_and_highest

HEAVY = {
    "numba",
    "llvmlite",
    "keras",
    "tensorflow",
    "jax",
    "torch",
    "cupy",
    "scipy",
    "pandas",
    "polars",
    "matplotlib",
    "distributed",
}

ESTIMATE = """
import numpy as np
from mi_core import compiling, mutual_information
compiling.PATIENCE_SECONDS = 0
x, y = np.random.default_rng(0).standard_normal((2, 100))
print(mutual_information(x, y, backend="cpu-brute", progress=False).mi)
"""


def run(code, *arguments, **environment):
    command = [sys.executable, "-P", "-c", code, *arguments]  # -P: what is imported does not depend on the current folder
    finished = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    return finished.stdout


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("import mi_core; mi_core.InputError", []),
        ("import mi_core, trainer; trainer.Settings", []),
        ("from cli.main import app; app(standalone_mode=False)", ["--help"]),
        ("import mi_core.command; from cli.main import app; app(standalone_mode=False)", ["bench", "--help"]),
        ("from cli.main import app; app(standalone_mode=False)", ["estimate", "--help"]),
        ("from cli.main import app; app(standalone_mode=False)", ["train", "--help"]),
        ("from cli.main import app; app(standalone_mode=False)", ["plot", "--help"]),
        ("from cli.main import app; app(standalone_mode=False)", ["multi", "--help"]),
        ("from cli.main import app; app(standalone_mode=False)", ["rank", "--help"]),
        ("from cli.main import app; app(standalone_mode=False)", ["entropy", "--help"]),
        ("from cli.main import app; app(standalone_mode=False)", ["divergence", "--help"]),
        ("from cli.main import app; app(standalone_mode=False)", ["lagged", "--help"]),
        ("from cli.main import app; app(standalone_mode=False)", ["transfer", "--help"]),
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
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbc")}
    assert kept
    assert run(ESTIMATE, NUMBA_CACHE_DIR=str(tmp_path)) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbc")} == kept


def test_a_change_in_any_kernel_file_renews_them_all(tmp_path):
    """Kernels call kernels of other files, whose machine code is kept within theirs."""
    package = tmp_path / "mi_core"
    shutil.copytree(REPOSITORY / "mi_core", package, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def kept():
        run(ESTIMATE, **environment)
        return {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("brute*.nbc")}

    before = kept()
    assert kept() == before
    with (package / "backends" / "cpu" / "workers.py").open("a") as file:
        file.write("# changed")
    after = kept()
    assert after.keys() == before.keys()
    assert all(after[name] > before[name] for name in before)


@pytest.mark.parametrize(("fact", "other"), [("CPU_NAME", "generic"), ("CPU_FEATURES", "")])
def test_another_processor_has_machine_code_of_its_own(fact, other, monkeypatch):
    """Under a folder that machines share, or a machine whose processor changes."""
    signature = numba.types.void(numba.types.int64)

    def file():
        codegen = JITCPUCodegen("codegen")
        return lowest_and_highest._cache._cache_file.path(lowest_and_highest._cache._index_key(signature, codegen))

    here = file()
    assert here == file()
    monkeypatch.setattr(numba.config, fact, other)
    assert here != file()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A folder with the kernels' machine code, and what the estimate prints; of compiling nothing, as it was asked to."""
    folder = tmp_path_factory.mktemp("compiled")
    finished = strictly(NUMBA_CACHE_DIR=str(folder))
    assert finished.stderr == ""
    return folder, finished.stdout


NOTE = "note: compiled kernels cannot be kept: "


def test_no_folder_for_the_cache_is_no_error_and_said_once(compiled):
    nowhere = {"NUMBA_CACHE_DIR": "/dev/null/cache", "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    finished = strictly(**nowhere)
    assert finished.stdout == compiled[1]
    assert finished.stderr.startswith(f"{NOTE}there is no folder")
    assert finished.stderr.count("\n") == 1


def strictly(**environment):
    """The estimate, with warnings as errors."""
    command = [sys.executable, "-W", "error", "-P", "-c", ESTIMATE]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)


def flip(path):
    content = bytearray(path.read_bytes())
    content[-len(content) // 3] ^= 255
    path.write_bytes(content)


def test_damaged_machine_code_is_replaced(compiled, tmp_path):
    shutil.copytree(compiled[0], tmp_path, dirs_exist_ok=True)
    kept = sorted(tmp_path.rglob("*.nbc"))
    whole = [path.stat().st_size for path in kept]
    damages = (lambda path: path.write_bytes(path.read_bytes()[:100]), lambda path: path.write_bytes(b""), flip)
    for number, path in enumerate(kept):
        damages[number % 3](path)
    finished = strictly(NUMBA_CACHE_DIR=str(tmp_path))
    assert (finished.stdout, finished.stderr) == (compiled[1], "")
    assert [path.stat().st_size for path in kept] == pytest.approx(whole, rel=0.01)


def test_machine_code_is_not_taken_when_a_byte_has_changed(tmp_path):
    code = CodeFiles(tmp_path, "kernel", "stamp")
    code.save("key", [1, 2, 3])
    assert code.load("key") == [1, 2, 3]
    assert code.load("other") is None
    assert CodeFiles(tmp_path, "kernel", "other stamp").load("key") is None
    flip(code.path("key"))
    assert code.load("key") is None


def test_a_cache_that_cannot_be_written_to_is_said_once(compiled, tmp_path):
    shutil.copytree(compiled[0], tmp_path, dirs_exist_ok=True)
    for path in tmp_path.rglob("*.nbc"):
        path.unlink()
        path.mkdir()
    finished = strictly(NUMBA_CACHE_DIR=str(tmp_path))
    assert finished.stdout == compiled[1]
    assert finished.stderr.startswith(f"{NOTE}{tmp_path}")
    assert finished.stderr.count("\n") == 1


class Stopped(Exception):
    """What a handler raises."""


def stop(*_):
    raise Stopped


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_wait_for_the_compiler(number):
    """An interrupt in the midst of LLVM would leave a lock taken."""
    finished = []

    class Dispatcher:
        def compile(self):
            signal.raise_signal(number)
            finished.append(True)

    before = signal.signal(number, stop)
    try:
        with pytest.raises(Stopped):
            uninterrupted(Dispatcher()).compile()
        assert finished
        assert signal.getsignal(number) is stop
    finally:
        signal.signal(number, before)


def test_an_error_of_the_compiler_leaves_signals_as_they_were():
    class Dispatcher:
        def compile(self):
            raise Stopped

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Stopped):
        uninterrupted(Dispatcher()).compile()
    assert signal.getsignal(signal.SIGINT) is before


def test_kernels_compile_in_any_thread():
    """Where Python lets nobody set a signal's handler."""

    class Dispatcher:
        def compile(self, *arguments, **options):
            return arguments, options

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(uninterrupted(Dispatcher()).compile, 1, two=3).result() == ((1,), {"two": 3})
