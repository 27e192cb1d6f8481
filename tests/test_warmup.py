"""The clock that leaves compiling out, and `mi warmup`."""

import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest
from typer.testing import CliRunner

from cli.main import app
from mi_core import clock, compiling, warmup
from mi_core.backends.cpu.jit import jit

NOTE = r"note: compiling kernel \d+, once on this machine; mi warmup compiles ahead"


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
        "import time, numpy, mi_core, mi_core.compiling; mi_core.compiling.PATIENCE_SECONDS = 0;"
        "x, y = numpy.random.default_rng(0).random((2, 300)); began = time.perf_counter();"
        "found = mi_core.mutual_information(x, y, error_bar=False); print(found.seconds, time.perf_counter() - began)"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (
        subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
        for _ in range(2)
    )
    seconds, waited = map(float, first.stdout.split())
    assert seconds < 0.5 * waited
    assert re.fullmatch(rf"{NOTE}\n", first.stderr)
    assert second.stderr == "", "what is found on disk is not compiled"


def one_more(value):
    return value + 1


def twice(value):
    return 2 * value


def test_kernels_of_this_package_count_as_often_as_they_are_compiled(monkeypatch, tmp_path):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    before, seen = compiling.begun(), []

    @numba.extending.overload(twice)
    def as_it_is_compiled(value):  # Numba asks for it in the midst
        seen.append(compiling.words())
        return twice

    def calls_it(value):
        return twice(value)

    jit(one_more)(1)
    assert compiling.begun() == before + 1
    jit(one_more)(1)  # found on disk
    numba.njit(one_more)(1)  # of somebody else
    assert compiling.begun() == before + 1
    with ThreadPoolExecutor(1) as pool:
        pool.submit(jit(calls_it), 1).result()
    assert compiling.begun() == before + 2
    assert set(seen) == {f"compiling kernel {before + 2}, once on this machine"}
    assert compiling.words() is None


@pytest.fixture
def at_once(monkeypatch):
    """A process that has not compiled yet, and says so at once when it does."""
    monkeypatch.setattr(compiling, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(compiling, "_seconds", 0)
    monkeypatch.setattr(compiling, "_is_noted", False)


def compile_for(seconds):
    with compiling.one_kernel():
        time.sleep(seconds)


@pytest.mark.usefixtures("at_once")
def test_a_note_says_once_that_kernels_are_compiled(caplog):
    compile_for(0.1)
    compile_for(0.1)
    (message,) = caplog.messages
    assert re.fullmatch(NOTE, message)


@pytest.mark.usefixtures("at_once")
def test_a_note_waits_for_what_it_is_worth_and_for_those_who_want_it(caplog, monkeypatch):
    with compiling.no_note():
        compile_for(0.1)
    with compiling.one_kernel(is_kept=False):  # that it cannot be kept is said elsewhere
        time.sleep(0.1)
    monkeypatch.setattr(compiling, "PATIENCE_SECONDS", 0.3)
    compile_for(0.01)
    assert caplog.messages == []
    monkeypatch.setattr(compiling, "_seconds", 0.29)  # of several kernels together
    compile_for(0.2)
    assert len(caplog.messages) == 1


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
    assert printed.stdout == "all kernels were compiled already for 2 kinds of estimates in 0 s\n"
    monkeypatch.setattr(warmup, "tasks_for", lambda dtype: [lambda: compile_for(0)] * 2)
    assert CliRunner().invoke(app, ["warmup"]).stdout == "compiled 4 kernels for 4 kinds of estimates in 0 s\n"
