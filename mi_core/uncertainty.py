"""Statistical error of an estimate: an error bar from disjoint subsamples, and a null distribution from shuffled pairs.

Everything here takes `estimate(rows) -> values`: the estimates, one per neighbour order or per pair of layers, from these
rows of the samples. So one piece of code serves every estimator.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mi_core._formula import ksg1_local, mean
from mi_core._prepare import Prepared
from mi_core._ties import may_tie
from mi_core.errors import InputError
from mi_core.explanations import noted
from mi_core.results import ShuffledNull, SizePoint
from mi_core.sampling import INDEPENDENT, Sampling
from mi_core.seeds import generator
from mi_core.types import FloatArray, IntArray, Progress

Estimate = Callable[[IntArray], FloatArray]

# The variance of KSG falls as N^-0.73 to N^-0.86 at such sizes (1+1, 5+5 Gaussians, 15 to 1,000 samples). With 1/N, the
# published fit, the 68 % interval covers in 56 to 65 % of runs.
FALLS_AS = 0.85
SIZES = (2, 4, 8)  # parts whose means show the drift with the number of samples
HALVES = (2,)
LEAST_SAMPLES = 4  # in a part, in units of k + 1: below, the estimate's spread no longer falls as 1/N
AMPLE_SAMPLES = 16  # likewise: in smaller parts, strong dependence comes near the ceiling, and the bar is too short
NARROW = 8  # joint dimensions up to which each shuffle is estimated by itself; see docs/trust.md for seconds
FEW = 10  # shuffles, up to which to seek all neighbours within each side is not worth it
MEASURED_DIMS = 3  # of z, up to which the p-value given z was measured; see docs/trust.md
EMPTY = np.empty(0, np.int64)
ROUNDING = 1e-12  # within which two estimates of the same pairs in another order are equal
SHUFFLED_BYTES = 2**28  # radii and counts of the shuffles that are worked on together


# Error bars


def subsample_estimates(
    estimate: Estimate, n_samples: int, parts: Sequence[int], rng: np.random.Generator, sampling: Sampling
) -> list[FloatArray]:
    """Estimates (values, parts) on disjoint random parts of equal size, for each number of parts; numbers with too few
    independent units per part are left out.

    Those of one value lie side by side, so that sums over them round alike whatever other values there are.
    """
    drawn = [sampling.parts(n_samples, count, rng) for count in parts]
    return [np.ascontiguousarray(np.array([estimate(rows) for rows in of_count]).T) for of_count in drawn if of_count]


def standard_errors(by_parts: Sequence[FloatArray]) -> FloatArray:
    """Standard error (values,) of the estimates on all samples.

    Holmes & Nemenman 2019, doi:10.1103/PhysRevE.100.022404: variances over n parts are scaled from N/n to N samples and
    averaged with their n - 1 degrees of freedom as weights, the maximum-likelihood fit of scaled chi-squared variances. The
    paper scales as 1/N; KSG's variance was measured to fall a little more slowly, see `FALLS_AS`.
    """
    counts = [of.shape[1] for of in by_parts]
    variances = [np.var(of, axis=1, ddof=1) / count**FALLS_AS for of, count in zip(by_parts, counts, strict=True)]
    freedom = [count - 1 for count in counts]
    errors: FloatArray = np.sqrt(np.average(variances, axis=0, weights=freedom))
    return errors


@dataclasses.dataclass(frozen=True)
class ErrorBar:
    """What disjoint parts of the samples say of the estimates on all of them.

    Attributes:
        stderr: Standard error (values,).
        of_parts: Mean (values,) of the estimates on the largest parts.
        part_size: Samples in each of these.
    """

    stderr: FloatArray
    of_parts: FloatArray
    part_size: int

    def at_least(self, errors: FloatArray) -> ErrorBar:
        """Error bar with standard errors of at least so much (values,)."""
        return dataclasses.replace(self, stderr=np.fmax(self.stderr, errors))


def error_bar(
    estimate: Estimate,
    n_samples: int,
    ks: Sequence[int],
    seed: int,
    *,
    smaller_set: int | None = None,
    has_classes: bool = False,
    sampling: Sampling = INDEPENDENT,
) -> ErrorBar | None:
    """Error bar of the values that `estimate` gives; None where parts of the samples are too small for it.

    smaller_set: Size of the smaller of two sets of samples, if the rows are those of both.
    has_classes: Whether samples have class labels, of which small parts may lack some.
    """
    ample = np.inf if has_classes or not ks else AMPLE_SAMPLES * (max(ks) + 1)
    parts = sampling.cuts(smaller_set or n_samples, least_part(ks), ample)
    try:
        by_parts = subsample_estimates(estimate, n_samples, parts, generator(seed, "error bar"), sampling)
    except InputError:  # a class with too few members in a part, or a singular covariance
        return None
    if not by_parts:
        return None
    fewest = min(by_parts, key=lambda of: of.shape[1])
    return ErrorBar(standard_errors(by_parts), fewest.mean(axis=1), n_samples // fewest.shape[1])


def over_sizes(
    estimate: Estimate,
    n_samples: int,
    ks: Sequence[int],
    seed: int,
    sizes: Sequence[int] = SIZES,
    *,
    sampling: Sampling = INDEPENDENT,
) -> list[tuple[SizePoint, ...]]:
    """Mean and standard error of each value of `estimate` over halves, quarters and eighths of the samples.

    The error is that of the mean over the parts of one size. `sizes` are the numbers of parts.
    """
    parts = [count for count in sizes if n_samples // count >= least_part(ks)]
    try:
        by_parts = subsample_estimates(estimate, n_samples, parts, generator(seed, "sizes"), sampling)
    except InputError:  # as above
        by_parts = []
    points = [
        [
            SizePoint(n_samples // of.shape[1], float(mean), float(spread))
            for mean, spread in zip(of.mean(axis=1), of.std(axis=1, ddof=1) / np.sqrt(of.shape[1]), strict=True)
        ]
        for of in by_parts
    ]
    return [tuple(of_one) for of_one in zip(*points, strict=True)] if points else [()] * max(1, len(ks))


def are_ample(part_size: int, ks: Sequence[int]) -> bool:
    """Tell whether parts of this size hold many samples for these neighbour orders."""
    return part_size >= AMPLE_SAMPLES * (max(ks, default=1) + 1)


def least_part(ks: Sequence[int]) -> int:
    """Fewest samples of a part for these neighbour orders."""
    return LEAST_SAMPLES * (max(ks, default=1) + 1)


# The null


def how_many_as_large(shuffled: FloatArray, mi: float) -> int:
    """Number of estimates (permutations,) on shuffled pairs that are at least `mi`, but for rounding."""
    return int(np.count_nonzero(shuffled >= mi - ROUNDING * max(1.0, abs(mi))))


def shuffled_null(mi: float, shuffled: FloatArray, seed: int) -> ShuffledNull:
    """Null distribution and p-value of `mi`, from the estimates (permutations,) on shuffled pairs in the same unit.

    The p-value counts the estimate itself among the shuffles, so it is never 0: Phipson & Smyth 2010,
    doi:10.2202/1544-6115.1585.
    """
    as_large = how_many_as_large(shuffled, mi)
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
    """Estimates (permutations, values) from samples with a shuffled pairing, by `estimate(samples) -> values`.

    With z given, y and z stay together and x is shuffled against them: x and y then share nothing, whatever z explains.
    ks, nats and threads are for `shuffled_ksg1`, which replaces this function if it can.
    """
    found = []
    for rows in surrogate_rows(len(samples.y), permutations, seed, samples.sampling or INDEPENDENT):
        if samples.z is None:
            found.append(estimate(dataclasses.replace(samples, y=samples.y[rows])))
        else:
            found.append(estimate(dataclasses.replace(samples, x=samples.x[rows])))
        if progress is not None:
            progress(len(found), permutations)
    return np.array(found)


def surrogate_rows(n_samples: int, permutations: int, seed: int, sampling: Sampling) -> Iterator[IntArray]:
    """Generate, for each shuffle, the rows (n_samples,) of y to pair with those of x."""
    rng = generator(seed, "permutations")
    for _ in range(permutations):
        yield sampling.surrogate(n_samples, rng)


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
    """Estimates (permutations, len(ks)) of ksg1 from samples with a shuffled pairing, in units of `nats` nats.

    In wide data, neighbours within each side are the same under every shuffle and are searched once; the counts equal those of
    any backend. Two columns are each sorted once. In other narrow data a new estimate on each shuffle is cheaper.
    """
    x, y = samples.x, samples.y
    if samples.sampling is None and len(set(ks)) == 1 and x.shape[1] == y.shape[1] == 1 and not (may_tie(x) or may_tie(y)):
        values = shuffled_lines(estimate, samples, ks[0], permutations, seed, nats=nats, threads=threads, progress=progress)
        return np.repeat(values[:, np.newaxis], len(ks), axis=1)
    if x.shape[1] + y.shape[1] <= NARROW or permutations < FEW or samples.sampling is not None:
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


def shuffled_lines(
    estimate: Callable[[Prepared], FloatArray],
    samples: Prepared,
    k: int,
    permutations: int,
    seed: int,
    *,
    nats: float,
    threads: int,
    progress: Progress | None = None,
) -> FloatArray:
    """Estimates (permutations,) of ksg1 from two columns (n, 1) with few ties and a shuffled pairing."""
    from mi_core.backends.cpu import plane
    from mi_core.backends.cpu.workers import Workers

    of_x, of_y = plane.ranked(samples.x), plane.ranked(samples.y)
    rng = generator(seed, "permutations")
    lock = threading.Lock()
    drawn: list[IntArray] = []
    found = np.empty(permutations)

    def work(first: int, last: int) -> None:
        for shuffle in range(first, last):
            with lock:  # in the order of the seed, whoever comes first
                while len(drawn) <= shuffle:
                    drawn.append(rng.permutation(len(samples)))
                rows, drawn[shuffle] = drawn[shuffle], EMPTY
            radius, (n_x, n_y) = plane.neighbour_counts(of_x, of_y.shuffled(rows), k)
            if radius.all():
                found[shuffle] = mean(ksg1_local(k, n_x, n_y)) / nats
            else:  # a few samples coincide, which the estimator itself has rules for
                found[shuffle] = estimate(dataclasses.replace(samples, y=samples.y[rows]))[0]

    with Workers(threads, progress, permutations) as workers:
        workers.for_each_tile(work, permutations, 1, is_progress=True)
    return found


def shuffled_given(
    estimate: Callable[[Prepared], FloatArray],
    samples: Prepared,
    permutations: int,
    seed: int,
    *,
    equal_z: bool,
    threads: int,
    progress: Progress | None = None,
) -> FloatArray:
    """Estimates (permutations, values) with x drawn again given z, so that x and y share what z explains, and nothing else.

    If only y is continuous, y is drawn again instead. equal_z: Whether z only divides the samples into kinds.
    """
    found = []
    for again in drawn_again(samples, permutations, seed, equal_z=equal_z, threads=threads):
        found.append(estimate(again))
        if progress is not None:
            progress(len(found), permutations)
    return np.array(found)


def drawn_again(samples: Prepared, permutations: int, seed: int, *, equal_z: bool, threads: int) -> Iterator[Prepared]:
    """Generate samples with x, or y, drawn again given z, as `shuffled_given` describes."""
    from mi_core import _surrogates  # here, because of the libraries that it loads

    assert samples.z is not None  # noqa: S101  called only where z is given
    only_y = not _surrogates.is_continuous(samples.x) and _surrogates.is_continuous(samples.y)
    rng = generator(seed, "permutations")
    side = samples.y if only_y else samples.x
    for again in _surrogates.redrawn(side, samples.z, permutations, rng, equal_z=equal_z, threads=threads):
        yield dataclasses.replace(samples, y=again) if only_y else dataclasses.replace(samples, x=again)


def on_shuffled_given(samples: Prepared, *, equal_z: bool) -> list[str]:
    """Notes that doubt p because x was drawn again given z; none if it was drawn within equal z."""
    from mi_core import _surrogates  # as above

    assert samples.z is not None  # noqa: S101  as above
    if equal_z or _surrogates.takes_equal_z(samples.z):
        return []
    if not any(map(_surrogates.is_continuous, (samples.x, samples.y))):
        return [
            noted(
                "p-given",
                "The values of x and y recur, so x itself was exchanged among near neighbours in z: p is too small if x "
                "depends strongly on z, the more so the more columns z has.",
            )
        ]
    if (dim := samples.z.shape[1]) > MEASURED_DIMS:
        return [
            noted(
                "p-given",
                f"z has {dim} columns: p given z was measured to hold for up to {MEASURED_DIMS}. With more, the dependence of "
                "x and y on z may pass for dependence given z, and p may be too small.",
            )
        ]
    return []


def part_of(progress: Progress, batch: int, batches: int) -> Progress:
    """Progress of one of several equal batches, reported as progress of the whole."""
    return lambda done, total: progress(batch * total + done, batches * total)
