"""The clock that leaves compiling out, and `mi warmup`."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
from typer.testing import CliRunner

from cli.main import app
from mi_core import clock, warmup


def test_the_clock_stands_still_while_kernels_are_compiled():
    started, clocked = time.perf_counter(), clock.now()
    with clock.compiling(), clock.compiling():  # a kernel that calls another
        at, began = clock.now(), time.perf_counter()
        time.sleep(0.05)
        assert clock.now() == at
        compiled = time.perf_counter() - began
    assert 0 <= clock.now() - clocked <= time.perf_counter() - started - compiled


def test_two_threads_that_compile_count_once():
    clocked, started = clock.now(), time.perf_counter()

    def compile_something():
        with clock.compiling():
            time.sleep(0.05)

    threads = [threading.Thread(target=compile_something) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 <= clock.now() - clocked <= time.perf_counter() - started - 0.045


def test_a_first_estimate_takes_no_longer_than_later_ones_by_its_own_account(tmp_path):
    program = (
        "import time, numpy, mi_core; x, y = numpy.random.default_rng(0).random((2, 300)); began = time.perf_counter();"
        "found = mi_core.mutual_information(x, y, error_bar=False); print(found.seconds, time.perf_counter() - began)"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    seconds, waited = map(float, done.stdout.split())
    assert seconds < 0.5 * waited


def test_all_kinds_of_estimates_are_made_for_either_type(monkeypatch):
    monkeypatch.setattr(warmup, "tasks_for", lambda dtype: [lambda: seen.append(dtype)] * 2)
    seen, told = [], []
    assert warmup.warm_up(lambda *state: told.append(state)) == 4
    assert seen == [np.float32] * 2 + [np.float64] * 2
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_each_kind_of_estimate_can_be_made():
    for task in warmup.tasks_for(np.dtype(np.float64)):
        task()


def test_the_command_says_what_it_did(monkeypatch):
    monkeypatch.setattr(warmup, "tasks_for", lambda dtype: [lambda: None])
    printed = CliRunner().invoke(app, ["warmup"])
    assert printed.exit_code == 0, printed.stderr
    assert printed.stdout == "compiled for 2 kinds of estimates in 0 s\n"
