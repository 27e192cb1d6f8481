"""Tasks of known MI that the field uses as benchmarks, for `mi bench known`: name, group, and samples with their MI.

bmi              the 40 tasks of Czyz et al. 2023, from the folder that `benchmarks/bmi_samples.py` wrote
MNIST pairs      two images of the same digit, 0 or 1, some pairs shuffled (Gowri et al. 2024, arXiv:2409.02732)
1,000 columns    one to nine pairs of Gaussians, each copied into many columns, beside as many columns of noise (same paper)
high MI in 1+1   5 and 10 nats between two columns
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.special import lambertw

from benchmarks import bmi_samples
from benchmarks.tasks import Array, Draw, gaussian_pairs
from mi_core import mutual_information
from trainer.data import load_data

Profile = Literal["smoke", "quick", "full"]


@dataclasses.dataclass(frozen=True)
class Known:
    """A task of known MI.

    Attributes:
        group: Where it comes from; tasks of a group are summed up together, and shown in the panel that it names up to a colon.
        name: As tables show it; each once.
        n: Number of samples.
        draw: Samples of both sides by their seed, and their MI in nats.
    """

    group: str
    name: str
    n: int
    draw: Callable[[int], Draw]


# ------------------------------------------------------------------ bmi


BMI_N = 5_000


def of_bmi(n: int = BMI_N, every: int = 1) -> list[Known]:
    """Tasks of which the folder BMI_SAMPLES has samples.

    Raises:
        InputError: BMI_SAMPLES names no such folder.
    """
    files = bmi_samples.files()
    names = list(dict.fromkeys(path.stem.split("_", 1)[1] for path in files))
    return [Known("bmi", name, n, partial(drawn_by_bmi, files[0].parent, name, n)) for name in names[::every]]


def drawn_by_bmi(folder: Path, name: str, n: int, seed: int) -> Draw:
    """One draw of a task, at one of the sizes that its file is cut into."""
    return next(part for part in bmi_samples.parts(folder / f"{seed}_{name}.npz") if len(part[0]) == n)


# ------------------------------------------------------------------ images that share a label


PAIRS = 2_500  # of each digit: the first so many images are X, the next so many Y
SHARES = tuple(float(root**2) for root in np.linspace(0, 1, 6))  # of pairs that are shuffled


def of_mnist(source: str, pairs: int = PAIRS, shares: Sequence[float] = SHARES) -> list[Known]:
    """Pairs of images that share their label but for a share of them, from the data set that `source` names.

    Raises:
        InputError: There is no such data set.
    """
    n = len(zeros_and_ones(source, pairs)[0])
    return [Known("MNIST pairs", f"{share:.0%} shuffled", n, partial(shuffled_pairs, source, pairs, share)) for share in shares]


def shuffled_pairs(source: str, pairs: int, share: float, seed: int) -> Draw:
    """Images of 0 and 1 whose MI is that of their labels: a digit tells its label, and nothing else ties X to Y."""
    x, y, labels = zeros_and_ones(source, pairs)
    rng = np.random.default_rng(seed)
    of_x = rng.permutation(len(labels))
    of_y = of_x.copy()
    of_x[: round(share * len(labels))] = rng.permutation(of_x[: round(share * len(labels))])
    truth = mutual_information(labels[of_x], labels[of_y], estimator="discrete", units="nats", error_bar=False).mi
    return x[of_x], y[of_y], truth


@cache
def zeros_and_ones(source: str, pairs: int) -> tuple[Array, Array, Array]:
    """Images for X, images for Y, and the label that both of a pair have."""
    data = load_data(source)
    images = [data.x_train[data.y_train == digit].astype(np.float64) for digit in (0, 1)]
    pairs = min(pairs, *(len(of_one) // 2 for of_one in images))  # as many of each digit, so that labels hold one bit
    x, y = (np.concatenate([of_one[start : start + pairs] for of_one in images]) for start in (0, pairs))
    return x, y, np.repeat([0.0, 1.0], pairs)


# ------------------------------------------------------------------ few pairs in many columns


COLUMNS = 1_000
COLUMNS_N = 2_000
SHARED = (1, 5, 9)
BITS = (0.0, 1.0, 2.0)


def in_columns(
    n: int = COLUMNS_N, columns: int = COLUMNS, shared: Sequence[int] = SHARED, bits: Sequence[float] = BITS
) -> list[Known]:
    """So many bits in all, in so many pairs of columns."""
    return [
        Known(
            f"1,000 columns: {pairs} shared",
            f"{pairs} shared, {some:.2f} bits",
            n,
            partial(copied_columns, n, columns, pairs, some),
        )
        for pairs in shared
        for some in bits
    ]


def copied_columns(n: int, columns: int, pairs: int, bits: float, seed: int) -> Draw:
    """Pairs of Gaussians; each side then fills up half with noise, and before it with copies of its own columns at random."""
    rng = np.random.default_rng(seed)
    x, y, truth = gaussian_pairs(n, pairs, pairs, float(np.sqrt(-np.expm1(-2 * np.log(2) * bits / pairs))), rng)
    noise = (columns - pairs) // 2

    def filled(side: Array) -> Array:
        return np.hstack([side, side[:, rng.integers(pairs, size=columns - pairs - noise)], rng.standard_normal((n, noise))])

    return filled(x), filled(y), truth


# ------------------------------------------------------------------ much in two columns


NARROW_N = 5_000


def narrow(n: int = NARROW_N, nats: Sequence[float] = (5.0, 10.0), most: int | None = None) -> list[Known]:
    """Each kind, or the first `most` of them, with each amount of MI."""
    kinds = {"Gaussian": gaussian, "log-normal": log_normal, "uniform noise": uniform_noise}
    return [
        Known("high MI in 1+1", f"{kind}, {some:g} nats", n, partial(draw, n, some))
        for kind, draw in list(kinds.items())[:most]
        for some in nats
    ]


def gaussian(n: int, nats: float, seed: int) -> Draw:
    x, y, _ = gaussian_pairs(n, 1, 1, float(np.sqrt(-np.expm1(-2 * nats))), np.random.default_rng(seed))
    return x, y, nats


def log_normal(n: int, nats: float, seed: int) -> Draw:
    """Both columns of a Gaussian through an exponential: heavy tails to one side, the same MI."""
    x, y, _ = gaussian(n, nats, seed)
    return np.exp(2 * x), np.exp(y), nats


def uniform_noise(n: int, nats: float, seed: int) -> Draw:
    """Uniform x and y = x + noise in +-width: width - log(2 width) nats (Czyz et al. 2023), solved for width."""
    width = float(-lambertw(-np.exp(-nats) / 2).real)
    rng = np.random.default_rng(seed)
    x = rng.random((n, 1))
    return x, x + rng.uniform(-width, width, (n, 1)), nats


# ------------------------------------------------------------------ profiles


Find = Callable[[], list[Known]]


def groups(profile: Profile, data: str) -> Iterator[tuple[str, Find]]:
    """Each group with what finds its tasks, or raises InputError where their samples are not here."""
    if profile == "smoke":
        yield "bmi", partial(of_bmi, n=1_000, every=40)
        yield "MNIST pairs", partial(of_mnist, data, pairs=60, shares=(0.25,))
        yield "1,000 columns", partial(in_columns, n=200, columns=30, shared=(2,), bits=(1.0,))
        yield "high MI in 1+1", partial(narrow, n=300, nats=(2.0,), most=1)
        return
    sparse = profile == "quick"
    yield "bmi", partial(of_bmi, every=8 if sparse else 1)
    yield "MNIST pairs", partial(of_mnist, data, shares=SHARES[::2] if sparse else SHARES)
    yield "1,000 columns", partial(in_columns, bits=BITS[-1:] if sparse else BITS)
    yield "high MI in 1+1", narrow
