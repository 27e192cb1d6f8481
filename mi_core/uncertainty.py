"""How far an estimate is off by chance: an error bar from disjoint subsamples, and the null that shuffling the pairs gives.

Everything here takes `estimate(rows) -> values`: the estimates, one per neighbour order or per pair of layers, from these
rows of the samples. So one piece of code serves every estimator.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mi_core._formula import ksg1_local, mean
from mi_core._prepare import Prepared
from mi_core.errors import InputError
from mi_core.results import ShuffledNull, SizePoint
from mi_core.types import FloatArray, IntArray, Progress

Estimate = Callable[[IntArray], FloatArray]

# Numbers of parts the samples are cut into for the error bar: n parts of N/n samples cost 1/n of the estimate by brute force
# and give n - 1 degrees of freedom. These two cost 0.4 of an estimate for wide data, two where time grows as N. More cuts
# narrow the bar's own error little (they share their samples), smaller parts read low: see the next lines.
PARTS = (4, 8)
# The variance of KSG falls as N^-0.73 to N^-0.86 at such sizes (1+1, 5+5 Gaussians, 15 to 1,000 samples). With 1/N, the
# published fit, the 68 % interval covers in 56 to 65 % of runs.
FALLS_AS = 0.85
SIZES = (2, 4, 8)  # parts whose means show the drift with the number of samples
HALVES = (2,)  # what the verdict needs of them
LEAST_SAMPLES = 4  # in a part, in units of k + 1: below, the estimate's spread no longer falls as 1/N
NARROW = 8  # joint dimensions up to which each shuffle is estimated by itself; see docs/trust.md for seconds
FEW = 10  # shuffles, up to which to seek all neighbours within each side is not worth it
SHUFFLED_BYTES = 2**28  # radii and counts of the shuffles that are worked on together


def generator(seed: int, purpose: str) -> np.random.Generator:
    """A stream of random numbers of its own for each purpose, from the one seed that a result records."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(zlib.crc32(purpose.encode()),)))


# Error bars


def subsample_estimates(
    estimate: Estimate, n_samples: int, parts: Sequence[int], rng: np.random.Generator
) -> dict[int, FloatArray]:
    """Number of parts -> (parts, values): the estimate on each of that many disjoint random parts of equal size."""
    found = {}
    for count in parts:
        size = n_samples // count
        order = rng.permutation(n_samples)
        rows = [np.sort(order[part * size : (part + 1) * size]) for part in range(count)]
        found[count] = np.array([estimate(some) for some in rows])
    return found


def standard_errors(by_parts: Mapping[int, FloatArray]) -> FloatArray:
    """Standard error (values,) of the estimates on all samples.

    Holmes & Nemenman 2019, doi:10.1103/PhysRevE.100.022404: variances over n parts are scaled from N/n to N samples and
    averaged with their n - 1 degrees of freedom as weights, the most likely fit of scaled chi-squared variances. They scale as
    1/N; measured, KSG's falls a little more slowly, see `FALLS_AS`.
    """
    weighted = [(n - 1) * np.var(values, axis=0, ddof=1) / n**FALLS_AS for n, values in by_parts.items()]
    errors: FloatArray = np.sqrt(np.sum(weighted, axis=0) / sum(n - 1 for n in by_parts))
    return errors


def error_bar(
    estimate: Estimate, n_samples: int, ks: Sequence[int], seed: int, *, smaller_set: int | None = None
) -> FloatArray | None:
    """Standard error of each of the values that `estimate` gives; None where parts of the samples are too small for it.

    smaller_set: Size of the smaller of two sets of samples where the rows are those of both.
    """
    parts = possible(PARTS, smaller_set or n_samples, ks)
    if not parts:
        return None
    try:
        return standard_errors(subsample_estimates(estimate, n_samples, parts, generator(seed, "error bar")))
    except InputError:  # a class with too few members in a part, or a singular covariance
        return None


def over_sizes(
    estimate: Estimate, n_samples: int, ks: Sequence[int], seed: int, sizes: Sequence[int] = SIZES
) -> list[tuple[SizePoint, ...]]:
    """For each value of `estimate`: its mean over halves, quarters and eighths of the samples, with a standard error.

    The error is that of the mean over the parts of one size. `sizes` are the numbers of parts.
    """
    parts = possible(sizes, n_samples, ks)
    try:
        by_parts = subsample_estimates(estimate, n_samples, parts, generator(seed, "sizes"))
    except InputError:  # as above
        by_parts = {}
    points = [
        [
            SizePoint(n_samples // n, float(mean), float(spread))
            for mean, spread in zip(values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(n), strict=True)
        ]
        for n, values in by_parts.items()
    ]
    return [tuple(of_one) for of_one in zip(*points, strict=True)] if points else [()] * max(1, len(ks))


def possible(parts: Sequence[int], n_samples: int, ks: Sequence[int]) -> list[int]:
    """Numbers of parts that leave enough samples in each."""
    return [count for count in parts if n_samples // count >= LEAST_SAMPLES * (max(ks, default=1) + 1)]


# The null


def shuffled_null(mi: float, shuffled: FloatArray, seed: int) -> ShuffledNull:
    """What the estimates (permutations,) on shuffled pairs say about `mi`, both in the same unit.

    The p-value counts the estimate itself among the shuffles, so it is never 0: Phipson & Smyth 2010,
    doi:10.2202/1544-6115.1585.
    """
    as_large = int(np.sum(shuffled >= mi))
    return ShuffledNull(
        permutations=len(shuffled),
        p_value=(1 + as_large) / (1 + len(shuffled)),
        mean=float(shuffled.mean()),
        std=float(shuffled.std(ddof=1)) if len(shuffled) > 1 else 0.0,
        seed=seed,
    )


def shuffled(
    estimate: Callable[[Prepared], FloatArray],
    samples: Prepared,
    ks: Sequence[int],
    permutations: int,
    seed: int,
    *,
    nats: float,
    threads: int,
    progress: Progress | None = None,
) -> FloatArray:
    """Estimates (permutations, values) from samples whose pairing was shuffled, by `estimate(samples) -> values`.

    ks, nats and threads are for `shuffled_ksg1`, which stands in for this where it can.
    """
    rng = generator(seed, "permutations")
    found = []
    for done in range(permutations):
        found.append(estimate(dataclasses.replace(samples, y=samples.y[rng.permutation(len(samples.y))])))
        if progress is not None:
            progress(done + 1, permutations)
    return np.array(found)


def shuffled_ksg1(
    estimate: Callable[[Prepared], FloatArray],
    samples: Prepared,
    ks: Sequence[int],
    permutations: int,
    seed: int,
    *,
    nats: float,
    threads: int,
    progress: Progress | None = None,
) -> FloatArray:
    """Estimates (permutations, len(ks)) of ksg1 from samples whose pairing was shuffled, in units of so many nats.

    Wide data: neighbours within each side are the same under every shuffle and are sought once, which gives the counts of any
    backend. Narrow data: estimates on each shuffle, which are cheaper there.
    """
    x, y = samples.x, samples.y
    if x.shape[1] + y.shape[1] <= NARROW or permutations < FEW:
        return shuffled(estimate, samples, ks, permutations, seed, nats=nats, threads=threads, progress=progress)

    from mi_core.backends.cpu.shuffles import shuffled_counts

    if x.shape[1] < y.shape[1]:
        x, y = y, x
    n = len(x)
    rng = generator(seed, "permutations")
    ascending = tuple(sorted(set(ks)))
    together = max(1, SHUFFLED_BYTES // (24 * n * len(ascending)))
    found = np.empty((permutations, len(ascending)))
    batches = range(0, permutations, together)
    for first in batches:
        shuffles = np.array([rng.permutation(n) for _ in range(first, min(first + together, permutations))], np.int32)
        told = progress and part_of(progress, first // together, len(batches))
        _, n_x, n_y = shuffled_counts(x, y, ascending, shuffles, threads=threads, progress=told)
        for row, of_x, of_y in zip(range(first, first + len(shuffles)), n_x, n_y, strict=True):
            found[row] = [mean(ksg1_local(k, of_x[m], of_y[m])) for m, k in enumerate(ascending)]
    return found[:, [ascending.index(k) for k in ks]] / nats


def part_of(progress: Progress, batch: int, batches: int) -> Progress:
    """Progress of one of several equal batches, told as that of all."""
    return lambda done, total: progress(batch * total + done, batches * total)
