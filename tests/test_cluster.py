"""An estimate split over a cluster is, to the last bit, that of one machine; and what goes wrong with clusters is one line."""

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import awkward
from benchmarks import large
from cli.main import app
from mi_core import BackendUnavailableError, InputError, backends, multi_information, mutual_information
from mi_core.backends import cluster, registry
from mi_core.backends.cpu import brute, tree
from mi_core.backends.cpu import filter as byte_filter
from mi_core.backends.cpu.workers import Workers

XY = (0, 1), (1, 2)
KS = (1, 3)
NOBODY = "tcp://127.0.0.1:9"  # the port of a service that discards all


@pytest.fixture(scope="module")
def dask_cluster():
    """Two workers, each a process with one thread."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(**options, processes=True, silence_logs="CRITICAL") as running:
        yield running


@pytest.fixture
def scheduler(dask_cluster):
    return dask_cluster.scheduler_address


@pytest.fixture
def x_and_y():
    """Enough samples for several parts, with ties."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1500, 3))
    return np.round(x, 1), np.round(x + rng.standard_normal((1500, 3)), 1)


def counted(x, y, backend, **options):
    return backends.neighbour_counts((x, y), XY, KS, backend=backend, threads=1, **options)


def assert_same(found, expected):
    for mine, theirs in zip(found[:2], expected[:2], strict=True):
        np.testing.assert_array_equal(mine, theirs)


# Parts


@pytest.mark.parametrize("way", [tree, byte_filter, brute])
@pytest.mark.parametrize("name", awkward.CASES)
def test_parts_add_up_to_the_whole(name, way):
    sides = awkward.CASES[name]
    ks = (1,) if len(sides[0]) < 4 else KS
    whole = way.neighbour_counts(sides, XY, ks, threads=1)
    with Workers(1) as one, Workers(3) as three:
        index = way.prepare(sides, XY, ks, one)
        for parts in (2, 5):
            answers = [way.answer(index, ks, one if part % 2 else three, (part, parts)) for part in range(parts)]
            assert_same([sum(some) for some in zip(*answers, strict=True)], whole)
            rows = [set(np.flatnonzero(radius[-1])) for radius, _ in answers]
            assert len(set().union(*rows)) == sum(map(len, rows))  # no row is answered twice


# A cluster


@pytest.mark.parametrize("backend", registry.working())
@pytest.mark.parametrize("name", ["1+1", "24+16", "duplicates", "many zeros", "two samples", "differences overflow float32"])
def test_a_cluster_gives_the_same_bits(name, backend, scheduler):
    x, y = awkward.CASES[name]
    ks = (1,) if len(x) < 4 else KS
    expected = backends.neighbour_counts((x, y), XY, ks, backend=backend, threads=1)
    found = backends.neighbour_counts((x, y), XY, ks, backend=backend, threads=1, scheduler=scheduler)
    assert_same(found, expected)
    assert found[2] == f"{backend} on 2 workers"


def test_the_benchmark_sees_what_workers_take(dask_cluster, x_and_y):
    measured = large.spread_over(dask_cluster, *x_and_y)
    assert min(measured.values()) > 0


def test_estimates_are_the_same_with_all_that_comes_with_them(x_and_y, scheduler):
    x, y = x_and_y
    for options in ({}, {"estimator": "mixture", "k": [3, 5]}, {"given": x[:, :1] + y[:, :1], "standardize": "columns"}):
        here, there = (
            mutual_information(x, y, seed=1, return_local=True, **options, **where) for where in ({}, {"scheduler": scheduler})
        )
        pairs = zip(here, there, strict=True) if isinstance(here, list) else [(here, there)]
        for one, other in pairs:
            assert (one.mi, one.stderr, one.ceiling) == (other.mi, other.stderr, other.ceiling)
            np.testing.assert_array_equal(one.local, other.local)
    assert multi_information([x, y, x + y], scheduler=scheduler).mi == multi_information([x, y, x + y]).mi


def test_the_command_line(x_and_y, scheduler, tmp_path):
    files = tmp_path / "x.npy", tmp_path / "y.npy"
    for file, side in zip(files, x_and_y, strict=True):
        np.save(file, side)

    def mi(*options):
        return CliRunner().invoke(app, ["estimate", *map(str, files), "--json", *options])

    here, there = (json.loads(mi(*options).stdout) for options in ((), ("--scheduler", scheduler)))
    assert there.pop("backend") == f"{here.pop('backend')} on 2 workers"
    del here["seconds"], there["seconds"]
    assert here == there


def test_a_worker_that_is_killed_changes_nothing(x_and_y, dask_cluster):
    from distributed import Client

    expected = {backend: counted(*x_and_y, backend) for backend in registry.working()}
    dask_cluster.scale(1 + len(expected))
    dask_cluster.wait_for_workers(1 + len(expected), timeout=60)
    scheduler = dask_cluster.scheduler_address
    for backend in expected:
        with Client(scheduler, set_as_default=False) as client:
            victim = min(client.run(os.getpid).values())
        seen = []

        def progress(done, total, seen=seen, victim=victim):
            if not seen:
                os.kill(victim, signal.SIGKILL)
            seen.append((done, total))

        assert_same(counted(*x_and_y, backend, scheduler=scheduler, progress=progress), expected[backend])
        assert seen == [(done, seen[0][1]) for done in range(1, seen[0][1] + 1)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Dask's settings for a certificate that is its own authority."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the command openssl, to make a certificate")
    pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("tls")
    key, cert = str(folder / "key.pem"), str(folder / "cert.pem")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*made, "-keyout", key, "-out", cert], check=True, capture_output=True)
    files = {
        f"{who}.{what}": file for who in ("client", "scheduler", "worker") for what, file in (("key", key), ("cert", cert))
    }
    return {f"distributed.comm.tls.{name}": file for name, file in {"ca-file": cert, **files}.items()}


def test_tls_as_dask_is_configured_for_it(x_and_y, certificate):
    import dask
    from distributed import Client, LocalCluster
    from distributed.security import Security

    expected = counted(*x_and_y, "cpu-brute")
    options = {"n_workers": 1, "threads_per_worker": 1, "host": "tls://127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with dask.config.set(certificate):
        safe = LocalCluster(**options, processes=False, security=Security(), silence_logs="CRITICAL")
    with safe, Client(safe, set_as_default=False) as client:
        client.wait_for_workers(1, timeout=60)
        address = safe.scheduler_address
        assert address.startswith("tls://")
        with pytest.raises(
            BackendUnavailableError, match=r"^tls://.* needs certificates, .*: set distributed.comm.tls.ca-file"
        ):
            counted(*x_and_y, "cpu-brute", scheduler=address)
        with dask.config.set(certificate):
            assert_same(counted(*x_and_y, "cpu-brute", scheduler=address), expected)
            assert mutual_information(*x_and_y, scheduler=address).backend.endswith("on 1 worker")


# What goes wrong


def test_software_that_differs_is_named(x_and_y, scheduler, monkeypatch):
    monkeypatch.setattr(cluster, "__version__", "99")
    with pytest.raises(
        BackendUnavailableError, match=r"^worker tcp://127.0.0.1:\d+ has ksg-mi .*, this process 99 .*: install"
    ):
        counted(*x_and_y, "cpu-brute", scheduler=scheduler)


def test_software_that_is_missing_is_named():
    class Elsewhere:
        """A cluster whose workers lack this package."""

        def run(self, function, *, on_error):
            return {"tcp://there:2": ModuleNotFoundError("No module named 'mi_core'")}

        def run_on_scheduler(self, function):
            return function()

    with pytest.raises(
        BackendUnavailableError, match=r"^worker tcp://there:2 cannot run this: No module named 'mi_core'. Install"
    ):
        cluster.check_software(Elsewhere(), "tcp://here:1")


def test_nobody_answers(x_and_y, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "PATIENCE_SECONDS", 0.5)
    with pytest.raises(BackendUnavailableError, match=r"^no Dask scheduler answers at tcp://127.0.0.1:9: start one"):
        counted(*x_and_y, "cpu-brute", scheduler=NOBODY)


def test_a_scheduler_without_workers(x_and_y, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "PATIENCE_SECONDS", 2)
    with (
        distributed.LocalCluster(
            n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs="CRITICAL"
        ) as empty,
        pytest.raises(BackendUnavailableError, match=r"has no workers: start some with `dask worker tcp://127.0.0.1:\d+`"),
    ):
        counted(*x_and_y, "cpu-brute", scheduler=empty.scheduler_address)


def test_without_dask(x_and_y, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BackendUnavailableError, match=r"python -m pip install 'ksg-mi\[cluster\]'"):
        counted(*x_and_y, "cpu-brute", scheduler=NOBODY)


def test_a_backend_that_cannot_be_split(x_and_y, monkeypatch):
    monkeypatch.setitem(registry.MODULE_OF, "cpu-brute", "mi_core.backends.cpu.layer_pairs")
    with pytest.raises(BackendUnavailableError, match=r"^backend cpu-brute cannot be split over a cluster"):
        counted(*x_and_y, "cpu-brute", scheduler=NOBODY)


@pytest.mark.parametrize("address", ["localhost:8786", "tcp://localhost", "http://localhost:8786", 8786, ""])
def test_what_is_no_address(address, x_and_y):
    with pytest.raises(InputError, match=r"^scheduler is .*: give its address as `dask scheduler` prints it"):
        mutual_information(*x_and_y, scheduler=address)


@pytest.mark.parametrize("estimator", ["ksg2", "lnc", "ross", "gaussian", "gaussian-copula", "discrete"])
def test_estimators_that_cannot_be_split(estimator, x_and_y):
    with pytest.raises(InputError, match=rf"^estimator {estimator} runs on one machine, ksg1 and mixture can be split"):
        mutual_information(*x_and_y, estimator=estimator, scheduler=NOBODY)
    if estimator == "discrete":
        with pytest.raises(InputError, match=r"^estimator discrete runs on one machine"):
            multi_information(x_and_y, estimator="discrete", scheduler=NOBODY)
