"""Queries split over the workers of a Dask cluster, for every backend that can answer them in shares.

    this process     prepare: tree, codes, sorted values; once, so that all shares belong to one whole
         |           a copy to each worker
    worker threads   answer: one share of the queries after the other
         |           the rows of the share, and their numbers
    this process     combine

A share depends only on the prepared index, so it may be answered anywhere, and again if a worker was lost.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from mi_core._version import __version__
from mi_core.backends.cpu.jit import SOURCES
from mi_core.backends.cpu.workers import Workers
from mi_core.errors import BackendUnavailableError, as_sentence
from mi_core.types import FloatArray, IntArray, Progress, Samples, Share

if TYPE_CHECKING:
    from distributed import Client

PATIENCE_SECONDS = 10  # until a scheduler answers, and until it has a worker
SHARES_PER_THREAD = 8  # so that threads end together, however shares and processors differ
LEAST_QUERIES = 64  # in a share: one block of the filter


def neighbour_counts(
    module: Any,
    parts: tuple[Samples, ...],
    sides: tuple[tuple[int, int], ...],
    ks: tuple[int, ...],
    *,
    scheduler: str,
    threads: int,
    progress: Progress | None = None,
) -> tuple[FloatArray, IntArray, int]:
    """Radius and counts as from a backend, and the number of workers that answered.

    Args:
        module: Module of the backend.
        parts: Samples, as in the contract of `mi_core.backends`.
        sides: Parts of each side, as in that contract.
        ks: Neighbour orders, ascending.
        scheduler: Address, tcp://HOST:PORT or tls://HOST:PORT.
        threads: Maximum number of threads for preparation; a worker uses the threads that it was started with.
        progress: Function called with shares done and shares in all.

    Raises:
        BackendUnavailableError: The cluster cannot be used, or was lost; the message says why and what to do.
    """
    n = len(parts[0])
    radius = np.zeros((len(ks), n))
    counts = np.zeros((len(sides), len(ks), n), np.int64)
    with connected(scheduler) as client:
        threads_of = threads_of_workers(client, scheduler)
        with Workers(threads) as workers:
            index = module.prepare(parts, sides, ks, workers)
        shares = min(SHARES_PER_THREAD * sum(threads_of.values()), -(-n // LEAST_QUERIES))
        for done, (rows, *found) in enumerate(answers(client, module, index, ks, shares), start=1):
            radius[:, rows], counts[:, :, rows] = found
            if progress is not None:
                progress(done, shares)
    return radius, counts, len(threads_of)


@contextlib.contextmanager
def connected(scheduler: str) -> Iterator[Client]:
    """Connect to the scheduler; raise an error if that fails, or if the connection breaks."""
    try:
        from distributed import KilledWorker
    except ImportError:
        raise BackendUnavailableError(
            "a cluster needs Dask, which is not installed: python -m pip install 'ksg-mi[cluster]'"
        ) from None
    with client_of(scheduler, set_as_default=False) as client:
        try:
            yield client
        except (OSError, CancelledError, KilledWorker) as error:
            raise BackendUnavailableError(
                f"the cluster at {scheduler} was lost while it worked, its scheduler or too many of its workers: look at what "
                "they print, often that memory is short, and run this again."
            ) from error


def client_of(scheduler: str, **options: Any) -> Client:
    """Make a client of the scheduler, with TLS if its address says so; raise an error if no scheduler answers.

    Certificates come from Dask's own configuration, `distributed.comm.tls`.
    """
    from distributed import Client

    try:
        return Client(scheduler, timeout=PATIENCE_SECONDS, **options)
    except OSError:
        hint = " Both sides need certificates of one authority." if scheduler.startswith("tls:") else ""
        raise BackendUnavailableError(
            f"no Dask scheduler answers at {scheduler}: start one with `dask scheduler`, or correct the address.{hint}"
        ) from None
    except TypeError as error:
        if not scheduler.startswith("tls:"):
            raise
        raise BackendUnavailableError(
            f"{scheduler} needs certificates, and Dask's configuration has none: set distributed.comm.tls.ca-file, .client.key "
            "and .client.cert, in its files or as DASK_DISTRIBUTED__COMM__TLS__CA_FILE and so on."
        ) from error


def threads_of_workers(client: Client, scheduler: str) -> dict[str, int]:
    """Number of threads of each worker by address; raise an error if there is no worker, or if one runs other code."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE_SECONDS)
    except TimeoutError:
        raise BackendUnavailableError(
            f"the Dask scheduler at {scheduler} has no workers: start some with `dask worker {scheduler}`."
        ) from None
    check_software(client, scheduler)
    threads: dict[str, int] = client.nthreads()
    return threads


def check_software(client: Client, scheduler: str) -> None:
    """Raise an error unless all workers, and the scheduler, which reads what it forwards, run the code of this process."""
    found = {f"worker {address}": versions for address, versions in client.run(software, on_error="return").items()}
    try:
        found[f"scheduler {scheduler}"] = client.run_on_scheduler(software)
    except Exception as error:  # noqa: BLE001  whatever keeps it from answering
        found[f"scheduler {scheduler}"] = error
    ours = software()
    for who, theirs in found.items():
        if isinstance(theirs, Exception):
            raise BackendUnavailableError(f"{who} cannot run this: {as_sentence(theirs)} Install there what is installed here.")
        for name, version in ours.items():
            if theirs[name] != version:
                raise BackendUnavailableError(f"{who} has {name} {theirs[name]}, this process {version}: install the same.")


def software() -> dict[str, str]:
    """Versions of the software that answers shares."""
    return {"ksg-mi": f"{__version__} ({SOURCES[:8]})", "numpy": np.__version__, "numba": numba.__version__}


def answers(
    client: Client, module: Any, index: Any, ks: tuple[int, ...], shares: int
) -> Iterator[tuple[IntArray, FloatArray, IntArray]]:
    """Generate the result of `answer_share` for each share, in order of completion."""
    from distributed import as_completed

    (held,) = client.scatter([index], broadcast=True, hash=False)  # a list, because a tuple would come apart
    asked = client.map(
        answer_share,
        [(share, shares) for share in range(shares)],
        backend=module.__name__,
        index=held,
        ks=ks,
        key="mi",
        pure=False,
    )
    for _, answer in as_completed(asked, loop=client.loop, with_results=True):
        yield answer


def answer_share(share: Share, *, backend: str, index: Any, ks: tuple[int, ...]) -> tuple[IntArray, FloatArray, IntArray]:
    """Answer a share on a worker: rows (m,), their radius (len(ks), m) and counts (sides, len(ks), m); other rows have 0."""
    with Workers(1) as workers:
        radius, counts = importlib.import_module(backend).answer(settled(index), ks, workers, share)
    rows = np.flatnonzero(radius[-1])  # the largest; where that is 0, all is
    return rows, radius[:, rows], counts[:, :, rows]


def settled(index: Any) -> Any:
    """Make the arrays of an index aligned and writeable, as the kernels need; small arrays arrive otherwise by network."""
    if isinstance(index, np.ndarray):
        return np.require(index, requirements=["C", "A", "W"])
    if isinstance(index, tuple):
        fields = map(settled, index)
        return type(index)(*fields) if hasattr(index, "_fields") else tuple(fields)
    return index
