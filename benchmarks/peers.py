"""All compared programs, behind one call: estimate(x, y, k, threads) -> nats.

Each is used as its documentation says, in its best setting for the task; only the code "by hand" belongs to this
project, as a good user would write it.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

import mi_core
from mi_core.backends import registry

Array = NDArray[Any]
Estimate = Callable[[Array, Array, int, int], float]


@dataclasses.dataclass(frozen=True)
class Peer:
    """A program: its name, the module and distribution it needs, and its one call."""

    name: str
    module: str
    distribution: str
    estimate: Estimate
    one_dimension_only: bool = False
    needs: str = ""  # a variable of the environment that names a file

    def missing(self) -> str | None:
        """Why it cannot be measured here, or None."""
        package = self.module.partition(".")[0]
        if self.needs and self.needs not in os.environ:
            return f"set {self.needs} to the path of its file"
        if importlib.util.find_spec(package) is not None:  # looked for, not loaded: large libraries stay out of the parent
            return None
        hint = f"python -m pip install {self.distribution}" if self.distribution else "give its folder with --npeet"
        return f"no module {package}; {hint}"

    def version(self) -> str:
        """Its version, where it was installed as a distribution."""
        return importlib.metadata.version(self.distribution) if self.distribution else "as found"


def ksg(k: int, n_x: Array, n_y: Array) -> float:
    """Kraskov et al. 2004, eq. (8), for the peers that are written by hand; counts without the point itself."""
    return float(digamma(k) + digamma(len(n_x)) - np.mean(digamma(n_x + 1) + digamma(n_y + 1)))


def ours(backend: Any) -> Estimate:
    def estimate(x: Array, y: Array, k: int, threads: int) -> float:
        return mi_core.mutual_information(x, y, k=k, units="nats", backend=backend, threads=threads, error_bar=False).mi

    return estimate


def npeet(x: Array, y: Array, k: int, threads: int) -> float:
    """As published, with its noise of 1e-10 against ties; it runs on one thread."""
    from npeet import entropy_estimators

    return float(entropy_estimators.mi(x, y, k=k, base=np.e))


def npeet_plus(x: Array, y: Array, k: int, threads: int) -> float:
    import npeet_plus

    return float(npeet_plus.mi(x, y, k=k, base=np.e))


def scikit_learn(x: Array, y: Array, k: int, threads: int) -> float:
    """The function behind mutual_info_regression, without its noise and its clamping at 0."""
    from sklearn.feature_selection._mutual_info import _compute_mi_cc

    raw = _compute_mi_cc(x[:, 0].astype(np.float64), y[:, 0].astype(np.float64), k)
    return float(raw)


def ennemi(x: Array, y: Array, k: int, threads: int) -> float:
    import ennemi

    found = ennemi.estimate_mi(
        y[:, 0].astype(np.float64), x[:, 0].astype(np.float64), k=k, preprocess=False, max_threads=threads
    )
    return float(found[0, 0])


def infomeasure(x: Array, y: Array, k: int, threads: int) -> float:
    import infomeasure

    return float(infomeasure.mutual_information(x, y, approach="metric", k=k, noise_level=0, minkowski_p=np.inf, base="e"))


def libksg(x: Array, y: Array, k: int, threads: int) -> float:
    """Nats of its bits, in one thread. Version 0.0.4 sorts one side only: its value is some hundredths of a nat off."""
    from libKSG import KSG

    return float(KSG().mi(x[:, 0].astype(np.float64), y[:, 0].astype(np.float64), k=k)) * float(np.log(2))


def jidt(x: Array, y: Array, k: int, threads: int) -> float:
    """JIDT within this process, without its noise and its standard deviations; the variable JIDT names infodynamics.jar."""
    import jpype

    if not jpype.isJVMStarted():
        jpype.startJVM(classpath=[os.environ["JIDT"]])
    package = jpype.JPackage("infodynamics").measures.continuous.kraskov
    calculator = package.MutualInfoCalculatorMultiVariateKraskov1()
    for name, value in {"NORMALISE": "false", "NOISE_LEVEL_TO_ADD": "0", "k": str(k), "NUM_THREADS": str(threads)}.items():
        calculator.setProperty(name, value)
    calculator.initialise(x.shape[1], y.shape[1])
    calculator.setObservations(jpype.JArray.of(x.astype(np.float64)), jpype.JArray.of(y.astype(np.float64)))
    return float(calculator.computeAverageLocalOfObservations())


def scipy_tree_by_hand(x: Array, y: Array, k: int, threads: int) -> float:
    """The k-d tree of scipy for the joint space; marginals by sorting in one dimension, by a tree in more."""
    from scipy.spatial import cKDTree

    x, y = x.astype(np.float64), y.astype(np.float64)
    joint = np.hstack([x, y])
    distances, _ = cKDTree(joint).query(joint, k=[k + 1], p=np.inf, workers=threads)
    radius = np.ravel(distances)
    counts = []
    for side in (x, y):
        if side.shape[1] == 1:
            values, ascending = side[:, 0], np.sort(side[:, 0])
            beyond = np.searchsorted(ascending, values + radius, side="left")
            counts.append(beyond - np.searchsorted(ascending, values - radius, side="right") - 1)
        else:
            below = np.nextafter(radius, 0)
            counts.append(cKDTree(side).query_ball_point(side, below, p=np.inf, workers=threads, return_length=True) - 1)
    return ksg(k, np.maximum(counts[0], 0), np.maximum(counts[1], 0))


def in_chunks(n: int, threads: int, count_rows: Callable[[slice], tuple[Array, Array]], rows: int = 128) -> tuple[Array, Array]:
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(count_rows, [slice(start, start + rows) for start in range(0, n, rows)]))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def scipy_cdist_by_hand(x: Array, y: Array, k: int, threads: int) -> float:
    """Brute force by chunks of rows with scipy's compiled distances."""
    from scipy.spatial.distance import cdist

    x, y = x.astype(np.float64), y.astype(np.float64)

    def count_rows(rows: slice) -> tuple[Array, Array]:
        distance_x, distance_y = cdist(x[rows], x, "chebyshev"), cdist(y[rows], y, "chebyshev")
        radius = np.partition(np.maximum(distance_x, distance_y), k, axis=1)[:, k : k + 1]
        return (distance_x < radius).sum(axis=1) - 1, (distance_y < radius).sum(axis=1) - 1

    return ksg(k, *in_chunks(len(x), threads, count_rows))


def torch_cdist_by_hand(x: Array, y: Array, k: int, threads: int) -> float:
    """Brute force by chunks of rows with Torch, which spreads each over its own threads."""
    import torch

    torch.set_num_threads(threads)
    side_x, side_y = torch.from_numpy(np.array(x)), torch.from_numpy(np.array(y))

    def count_rows(rows: slice) -> tuple[Array, Array]:
        distance_x = torch.cdist(side_x[rows], side_x, p=float("inf"))
        distance_y = torch.cdist(side_y[rows], side_y, p=float("inf"))
        radius = torch.maximum(distance_x, distance_y).kthvalue(k + 1, dim=1, keepdim=True).values
        return ((distance_x < radius).sum(dim=1) - 1).numpy(), ((distance_y < radius).sum(dim=1) - 1).numpy()

    return ksg(k, *in_chunks(len(x), 1, count_rows))


OURS = tuple(Peer(f"mi {backend}", "mi_core", "ksg-mi", ours(backend)) for backend in ("auto", *registry.working()))

OTHERS = (
    Peer("NPEET", "npeet", "", npeet),
    Peer("npeet-plus", "npeet_plus", "npeet-plus", npeet_plus),
    Peer("scikit-learn", "sklearn", "scikit-learn", scikit_learn, one_dimension_only=True),
    Peer("ennemi", "ennemi", "ennemi", ennemi, one_dimension_only=True),
    Peer("infomeasure", "infomeasure", "infomeasure", infomeasure),
    Peer("libKSG", "libKSG", "libKSG", libksg, one_dimension_only=True),
    Peer("JIDT", "jpype", "jpype1", jidt, needs="JIDT"),
    Peer("scipy tree by hand", "scipy.spatial", "scipy", scipy_tree_by_hand),
    Peer("scipy cdist by hand", "scipy.spatial", "scipy", scipy_cdist_by_hand),
    Peer("torch cdist by hand", "torch", "torch", torch_cdist_by_hand),
)

PEERS = {peer.name: peer for peer in (*OURS, *OTHERS)}


def add_to_path(folder: str) -> None:
    """Make programs importable that no registry has, NPEET above all: `folder` holds their package."""
    if folder:
        sys.path.insert(0, folder)
