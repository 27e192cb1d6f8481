"""Small pieces that kernels are made of, and the threads that products run in."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from mi_core.backends.cpu import least
from mi_core.backends.cpu.least import SPARE
from mi_core.backends.cpu.order import lowest_and_highest, places_in_order

# Compiled again with an entry point for Python, which functions that kernels inline do not have.
kth_least, kth_of_few, room_for, sort_few = (
    numba.njit(inlined.py_func) for inlined in (least.kth_least, least.kth_of_few, least.room_for, least.sort_few)
)


@pytest.mark.parametrize("kind", ["any", "few", "descending"])
def test_places_in_order(kind):
    rng = np.random.default_rng(0)
    for n in range(1, 300):
        values = {"any": rng.permutation(n), "few": rng.integers(0, 3, n), "descending": np.arange(n)[::-1].copy()}[kind]
        places = places_in_order(values)
        np.testing.assert_array_equal(np.sort(places), np.arange(n))
        np.testing.assert_array_equal(values[places], np.sort(values))


def test_lowest_and_highest():
    values = np.array([3, 1, 250, 7], np.uint8)
    assert lowest_and_highest(values) == (1, 250)
    assert lowest_and_highest(values[:1]) == (3, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["any", "few", "equal", "zeros", "nearly equal", "infinite", "many scales"])
def test_the_least_of_gathered_distances(kind, dtype):
    rng = np.random.default_rng(0)
    tiniest, largest, step = np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max / 2, np.finfo(dtype).eps
    for k in (1, 5, 31, 32, 33, 100):
        for held in range(k, k + SPARE):
            distances = np.full(room_for(k), np.nan, dtype)
            distances[:held] = {
                "any": rng.random(held),
                "few": rng.integers(0, 4, held),
                "equal": np.full(held, tiniest),
                "zeros": np.maximum(rng.standard_normal(held), 0),
                "nearly equal": 1 + rng.integers(0, 50, held) * step,
                "infinite": np.where(rng.random(held) < 0.5, np.inf, largest * rng.random(held)),
                "many scales": np.exp(rng.normal(0, np.log(largest) / 7, held)),
            }[kind]
            expected = np.sort(distances[:held])
            assert kth_least(distances, held, k) == expected[k - 1]
            few = np.concatenate([distances[:held], np.empty(held, dtype)])
            assert kth_of_few(few, held, k) == expected[k - 1]
            np.testing.assert_array_equal(few[:held], distances[:held])
            ascending = np.empty(held, dtype)
            sort_few(distances, held, ascending)
            np.testing.assert_array_equal(ascending, expected)


def test_what_kernels_inline_refuses_a_call_from_python():
    for _ in range(2):
        with pytest.raises(TypeError, match="room_for has no entry point for Python: call it from a kernel"):
            least.room_for(3)
        assert numba.njit(lambda k: least.room_for(k))(3) == room_for(3)


def test_products_run_in_one_thread_and_then_in_as_many_as_before():
    """Also where two callers overlap, whichever ends first. In a process of its own, whose environment allows two threads."""
    program = """
import threading
import numpy
from threadpoolctl import threadpool_info
from mi_core.threads import blas_threads, one_blas_thread

def counts():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

for ends_first in ("other", "main"):
    inside, may_end = threading.Event(), threading.Event()
    def other():
        with one_blas_thread():
            inside.set()
            may_end.wait(20)
    thread = threading.Thread(target=other, daemon=True)
    print(counts(), end=" ")
    if ends_first == "main":
        thread.start()
        inside.wait(20)
    with one_blas_thread():
        print(counts(), end=" ")
        if ends_first == "other":
            thread.start()
            inside.wait(20)
            may_end.set()
            thread.join(20)
    may_end.set()
    thread.join(20)
print(counts(), end=" ")
with blas_threads(2), one_blas_thread():
    print(counts(), end=" ")
print(counts())
"""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["{2}", "{1}", "{2}", "{1}", "{2}", "{1}", "{2}"]
