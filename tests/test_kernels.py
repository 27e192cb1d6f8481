"""Small pieces that kernels are made of, and the threads that products run in."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from mi_core.backends.cpu.order import lowest_and_highest, places_in_order
from mi_core.threads import one_blas_thread


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


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_products_run_in_one_thread_and_then_in_as_many_as_before():
    before = blas_threads()
    inside, may_end = threading.Event(), threading.Event()

    def other():
        with one_blas_thread():
            inside.set()
            may_end.wait()

    thread = threading.Thread(target=other)
    with one_blas_thread():
        thread.start()
        inside.wait()
        assert set(blas_threads()) <= {1}
    may_end.set()
    thread.join()
    assert blas_threads() == before
    thread = threading.Thread(target=other)
    inside.clear()
    may_end.clear()
    thread.start()
    inside.wait()
    with one_blas_thread():
        assert set(blas_threads()) <= {1}
        may_end.set()
        thread.join()
    assert blas_threads() == before, "whichever of the two ends first"
