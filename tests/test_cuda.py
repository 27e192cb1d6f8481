"""The CUDA backend without a GPU: what it says, when "auto" takes it, and its kernels in Numba's simulator."""

import ctypes
import importlib.util
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from conftest import REPOSITORY
from mi_core import BackendUnavailableError, backends, mutual_information, neighbour_counts
from mi_core.backends import choice, registry
from mi_core.backends.cuda import presence


def test_kernels_in_the_simulator():
    """In a process of its own: the simulator must be chosen before Numba is imported."""
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/test_cuda_kernels.py", "-q", "--no-header", "-p", "no:cacheprovider"],
        cwd=REPOSITORY,
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert int(re.search(r"(\d+) passed", finished.stdout)[1]) > 80


@pytest.fixture
def machine(monkeypatch):
    """A machine with a driver of some version, GPUs, and without some packages."""

    def like(version, gpus, absent=()):
        found = importlib.util.find_spec
        monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
        monkeypatch.setattr(presence, "driver", lambda: (version, gpus))
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else found(name) or True)

    return like


def test_what_is_missing_is_said_with_the_command_to_install_it(machine):
    machine(0, 0)
    assert "no NVIDIA driver" in presence.missing()
    machine(12040, 0)
    assert "shows no GPU" in presence.missing()
    machine(12040, 1, absent={"numba_cuda", "cupy"})
    assert presence.missing() == "numba_cuda and cupy not installed; install with: python -m pip install 'ksg-mi[cuda12]'"
    machine(13000, 1, absent={"cupy"})
    assert presence.missing() == "cupy not installed; install with: python -m pip install 'ksg-mi[cuda13]'"
    machine(13000, 2)
    assert presence.missing() is None
    assert presence.number_of_gpus() == 2
    assert presence.missing(1) is None
    assert presence.missing(2).startswith("there is no GPU 2, the NVIDIA driver shows cuda:0 to cuda:1; take one of these")
    machine(13000, 1)
    assert "shows cuda:0 alone" in presence.missing(1)


def test_a_backend_that_cannot_run_says_why(machine):
    machine(0, 0)
    with pytest.raises(
        BackendUnavailableError, match=r"backend cuda cannot run here: no NVIDIA driver.*pip install 'ksg-mi\[cuda12\]'"
    ):
        neighbour_counts([0.0, 1.0, 3.0], [0.0, 2.0, 1.0], 1, backend="cuda")
    assert "cuda" not in registry.working()


def test_libraries_that_do_not_go_together_are_named_with_the_command_that_mends_it(machine, monkeypatch):
    machine(12040, 1)
    monkeypatch.setattr(registry, "not_importable", lambda name: "module 'numpy' has no attribute 'row_stack'")
    assert registry.unavailable("cuda") == (
        "module 'numpy' has no attribute 'row_stack'; install versions that go together with: "
        "python -m pip install 'ksg-mi[cuda12]'"
    )


def test_auto_takes_a_gpu_where_it_pays(machine, monkeypatch):
    narrow, wide, small = np.empty((10**6, 2)), np.broadcast_to(np.float32(0), (20_000, 400)), np.empty((1000, 2))
    machine(0, 0)
    assert [choice.choose("auto", [points]) for points in (narrow, wide, small)] == ["cpu-tree", "cpu-filter", "cpu-tree"]
    machine(13000, 1)
    monkeypatch.setattr(registry, "not_importable", lambda name: None)
    assert [choice.choose("auto", [points]) for points in (narrow, wide, small)] == ["cuda", "cuda", "cpu-tree"]
    assert choice.choose("cpu", [narrow]) == "cpu-tree"


def test_auto_counts_on_the_cpu_where_the_gpu_has_no_memory_left(machine, monkeypatch):
    class Full:
        def neighbour_counts(self, *_, gpu, **__):
            raise BackendUnavailableError("backend cuda: take at most 3 samples")

        count_nearer = neighbour_counts

    modules = registry.module_of
    machine(13000, 1)
    monkeypatch.setattr(registry, "module_of", lambda name: Full() if name == "cuda" else modules(name))
    monkeypatch.setattr(choice, "CUDA_FROM_NARROW", 0)
    x = np.random.default_rng(0).standard_normal((50, 1))
    found, expected = (neighbour_counts(x, -x, 1, backend=backend) for backend in ("auto", "cpu"))
    assert found.backend == "cpu-tree"
    np.testing.assert_array_equal(found.n_x, expected.n_x)
    nearer, name = backends.count_nearer(x, expected.radius[np.newaxis], backend="auto", threads=1)
    assert name == "cpu-tree"
    np.testing.assert_array_equal(nearer[0], expected.n_x)
    assert mutual_information(x, np.arange(50) % 2, estimator="ross").backend == "cpu-tree"
    with pytest.raises(BackendUnavailableError, match="take at most 3"):
        neighbour_counts(x, -x, 1, backend="cuda")


def test_arrays_that_cannot_say_where_they_lie_go_by_way_of_the_host(machine, monkeypatch):
    """As Torch's do that want a gradient, and JAX's that were deleted or are spread over devices."""
    x = np.random.default_rng(0).standard_normal((50, 1))

    class Array:
        def __array__(self, *_, **__):
            return x

        def __dlpack_device__(self):
            raise BufferError

    class WithoutInterface(Array):
        __dlpack_device__ = property(lambda self: 1 / 0)

        @property
        def __cuda_array_interface__(self):
            raise RuntimeError

    machine(13000, 1)
    monkeypatch.setattr(registry, "not_importable", lambda name: None)
    for array in (Array(), WithoutInterface()):
        assert not presence.lies_on_gpu(array)
        assert mutual_information(array, x + x**2).mi == mutual_information(x, x + x**2).mi


def test_no_gpu_is_asked_for_where_nothing_lies_on_one(monkeypatch):
    monkeypatch.setattr(presence, "driver", lambda: pytest.fail("asked"))
    x = np.random.default_rng(0).standard_normal((50, 1))
    mutual_information(x, -x)


def test_the_driver_is_asked_once_for_its_version_and_its_gpus(monkeypatch):
    class Driver:
        def cuInit(self, flags):
            return 0

        def cuDriverGetVersion(self, version):
            version._obj.value = 12080
            return 0

        def cuDeviceGetCount(self, count):
            count._obj.value = 2
            return 0

        def cuDeviceGetName(self, name, size, index):
            ctypes.memmove(name, f"GPU {index}".encode(), 6)
            return 0

    monkeypatch.setattr(presence, "driver_library", Driver)
    assert presence.driver() == (12080, 2)
    assert presence.gpu_names() == ("GPU 0", "GPU 1")
    monkeypatch.setattr(presence, "driver_library", lambda: None)
    assert presence.driver() == (0, 0)
    assert presence.gpu_names() == ()
