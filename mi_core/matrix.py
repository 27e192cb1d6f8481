"""Mutual information between all pairs of layers, in one go."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mi_core import _backends, _formula, _notes, _prepare, _show, _validate, uncertainty
from mi_core._backends._tiles import available_threads
from mi_core._errors import InputError
from mi_core._options import Standardize, Units
from mi_core._types import FloatArray, IntArray, Progress, ProgressOption, Samples
from mi_core.estimate import mutual_information
from mi_core.progress_bar import shown

# Up to this many joint dimensions a pair is estimated by itself, with a tree, which is cheaper than going through the strips:
# six layers of 10 take 0.31 s one by one and 0.39 s by strips, six of 30 0.74 s and 0.48 s (2,000 samples, processor seconds).
NARROW = 20
STEPS = 20  # after each of which the partial sums are told; more cost a little more


@dataclasses.dataclass(frozen=True, slots=True, eq=False, repr=False)
class MIMatrix:
    """Mutual information between all pairs of layers.

    Attributes:
        names: Names of the layers, in the order of rows and columns.
        mi: (layers, layers) estimates in `units`, symmetric. The diagonal is each layer with itself, which is the ceiling
            unless samples repeat: the method cannot say how much information a continuous layer has about itself.
        stderr: (layers, layers) standard errors in `units`; None where they were switched off or there are too few samples.
        with_labels: (layers,) mutual information of each layer with the class labels, by the estimator of Ross 2014; None
            without labels.
        with_labels_stderr: (layers,) standard errors of that; None where they were switched off or there are too few samples.
        units: "bits" or "nats".
        k: Neighbour order.
        n_samples: Number of samples.
        dims: Dimensions of each layer.
        ceiling: psi(n_samples) - psi(k) in `units`.
        estimator: Name of the estimator.
        threads: Number of threads it was allowed.
        standardize: How the layers were standardised first.
        seed: Seed of the error bars.
        seconds: Wall time, of the last call alone if earlier ones had begun the work.
        notes: What a reader should know before using the numbers.
    """

    names: tuple[str, ...]
    mi: FloatArray
    stderr: FloatArray | None
    with_labels: FloatArray | None
    with_labels_stderr: FloatArray | None
    units: Units
    k: int
    n_samples: int
    dims: tuple[int, ...]
    ceiling: float
    estimator: str
    threads: int
    standardize: Standardize
    seed: int
    seconds: float
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return _show.matrix_in_one_line(self)

    def _repr_html_(self) -> str:
        return _show.matrix_as_html(self)

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain Python values, ready for JSON."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else list(value) if isinstance(value, tuple) else value
            for name, value in fields.items()
        }


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """How far a matrix has come, all that is needed to go on.

    Attributes:
        rows: (pairs,) samples that each pair has looked at so far.
        sums: (pairs,) sums over these of psi(n_x + 1) + psi(n_y + 1).
    """

    rows: IntArray
    sums: FloatArray


def mutual_information_matrix(
    layers: Mapping[str, Any],
    *,
    labels: Any = None,
    k: int = 3,
    units: Units = "bits",
    standardize: Standardize = "none",
    error_bar: bool = True,
    seed: int = 0,
    threads: int | None = None,
    progress: ProgressOption = None,
    resume: Partial | None = None,
    on_partial: Callable[[Partial], None] | None = None,
) -> MIMatrix:
    """Mutual information between all pairs of layers, by the first KSG estimator.

    The distances within each layer are computed once and shared by all its pairs; each entry is what `mutual_information` gives
    for that pair.

    Args:
        layers: Name -> (n_samples, dim) or of higher rank, at least two; row i of each belongs to the same sample.
        labels: (n_samples,) class labels, integers, bool or text, to measure each layer against as well.
        k: Neighbour order, 1 <= k < n_samples.
        units: "bits" or "nats".
        standardize: As for `mutual_information`, each layer by itself.
        error_bar: Whether to estimate standard errors, from disjoint subsamples: Holmes & Nemenman 2019.
        seed: Seed of these subsamples.
        threads: Most threads to use; None for as many as the process may use.
        progress: True for a bar on stderr, or a function called with (steps done, steps in all) now and then.
        resume: What an earlier call with the same layers and settings told to `on_partial`.
        on_partial: Called about twenty times with what is done so far.

    Returns:
        Names, estimates, standard errors and all that is needed to repeat them.

    Raises:
        InputError: The layers or an argument cannot be used; the message says which, what came and what to do.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> first = rng.standard_normal((500, 2))
        >>> layers = {"first": first, "copy": 2 * first, "noise": rng.standard_normal((500, 2))}
        >>> mutual_information_matrix(layers).mi.round(1) + 0.0
        array([[7.6, 5.5, 0. ],
               [5.5, 7.6, 0. ],
               [0. , 0. , 7.6]])
    """
    started = time.perf_counter()
    _validate.one_of(units, Units, "units")
    _validate.one_of(standardize, Standardize, "standardize")
    _validate.check_progress(progress)
    seed = _validate.whole_number(seed, "seed", at_least=0)
    threads = available_threads() if threads is None else _validate.whole_number(threads, "threads", at_least=1)
    names, samples, notes = validated(layers)
    n = len(samples[0])
    (k,) = _validate.neighbour_orders((k,), n)
    blocks = _backends.in_one_dtype([_prepare.standardize(layer, standardize) for layer in samples])
    pairs = [(a, b) for a in range(len(names)) for b in range(a, len(names))]

    of_labels = []
    if labels is not None:  # before the pairs: what is wrong with labels should show at once
        of_labels = [
            mutual_information(
                block, labels, k=k, units=units, estimator="ross", error_bar=error_bar, seed=seed, threads=threads
            )
            for block in blocks
        ]
    label_errors = [result.stderr for result in of_labels if result.stderr is not None]
    partial = resume or Partial(np.zeros(len(pairs), np.int64), np.zeros(len(pairs)))
    with shown(progress) as told:
        sums = psi_sums(blocks, pairs, k, partial, threads, told, on_partial)
    nats = _formula.NATS_PER_UNIT[units]

    def as_matrix(values: FloatArray) -> FloatArray:
        matrix = np.empty((len(names), len(names)))
        for (a, b), value in zip(pairs, values, strict=True):
            matrix[a, b] = matrix[b, a] = value
        return matrix

    def on_rows(rows: IntArray) -> FloatArray:
        none = Partial(np.zeros(len(pairs), np.int64), np.zeros(len(pairs)))
        return ksg1(psi_sums([block[rows] for block in blocks], pairs, k, none, threads, None, None), k, len(rows))

    widest = sorted(block.shape[1] for block in blocks)[-2:]
    if sum(widest) > _notes.WIDE:
        notes.append(
            f"Pairs have up to {sum(widest)} joint dimensions: beyond {_notes.WIDE}, KSG is an index of dependence and not the "
            "MI in bits. Compare only pairs of equal dimensions; `mi estimate --diagnose` judges one pair."
        )
    errors = uncertainty.error_bar(on_rows, n, (k,), seed) if error_bar else None
    return MIMatrix(
        names=names,
        mi=as_matrix(ksg1(sums, k, n) / nats),
        stderr=as_matrix(errors / nats) if errors is not None else None,
        with_labels=np.array([result.mi for result in of_labels]) if of_labels else None,
        with_labels_stderr=np.array(label_errors) if of_labels and len(label_errors) == len(of_labels) else None,
        units=units,
        k=k,
        n_samples=n,
        dims=tuple(block.shape[1] for block in blocks),
        ceiling=_formula.ksg1_ceiling(k, n) / nats,
        estimator="ksg1",
        threads=threads,
        standardize=standardize,
        seed=seed,
        seconds=time.perf_counter() - started,
        notes=tuple(notes),
    )


def validated(layers: Mapping[str, Any]) -> tuple[tuple[str, ...], list[Samples], list[str]]:
    """Names, samples, and notes on what had to be done to them."""
    if not isinstance(layers, Mapping):
        raise InputError(f"layers is {type(layers).__name__}: give a mapping from names to arrays.")
    if len(layers) < 2:
        raise InputError(f"layers holds {len(layers)}: give at least two.")
    names = tuple(layers)
    samples: list[Samples] = []
    notes: list[str] = []
    for name, values in layers.items():
        layer, done = _validate.samples(values, name)
        _validate.check_not_constant(layer, name)
        if samples and len(layer) != len(samples[0]):
            raise InputError(
                f"{names[0]} has {len(samples[0])} samples and {name} has {len(layer)}: all layers must be of the same samples."
            )
        samples.append(layer)
        notes += done
    return names, samples, notes


def ksg1(sums: FloatArray, k: int, n_samples: int) -> FloatArray:
    """Kraskov et al. 2004, eq. (8), in nats, from sums over all samples of psi(n_x + 1) + psi(n_y + 1)."""
    psi = _formula.psi_beyond(n_samples)
    values: FloatArray = psi[k - 1] + psi[n_samples - 1] - sums / n_samples
    return values


def psi_sums(
    blocks: Any,
    pairs: list[tuple[int, int]],
    k: int,
    partial: Partial,
    threads: int,
    progress: Progress | None,
    on_partial: Callable[[Partial], None] | None,
) -> FloatArray:
    """For each pair the sum over all samples of psi(n_x + 1) + psi(n_y + 1), going on from `partial`."""
    from mi_core._backends.pairs import pair_counts

    n = len(blocks[0])
    psi = _formula.psi_beyond(n)
    rows, sums = partial.rows.copy(), partial.sums.copy()
    is_narrow = np.array([blocks[a].shape[1] + blocks[b].shape[1] <= NARROW for a, b in pairs])
    told = 0

    def tell(done: IntArray) -> None:
        nonlocal told
        share = int(STEPS * done.sum() / (n * len(pairs)))
        if on_partial is not None and share > told:
            told = share
            on_partial(Partial(done.copy(), sums.copy()))
        if progress is not None:
            progress(int(done.sum()), n * len(pairs))

    for pair in np.flatnonzero(is_narrow & (rows < n)):
        a, b = pairs[pair]
        _, counts, _ = _backends.neighbour_counts(
            (blocks[a], blocks[b]), ((0, 1), (1, 2)), (k,), backend="auto", threads=threads
        )
        rows[pair], sums[pair] = n, psi[counts].sum()
        tell(rows)
    shared = np.flatnonzero(~is_narrow)
    step = -(-n // STEPS) if on_partial is not None else n
    for first in range(int(rows[shared[0]]) if len(shared) else n, n, step):
        some = range(first, min(first + step, n))
        before = int(rows.sum())

        def within(done: int, total: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done * len(shared), n * len(pairs))

        _, counts = pair_counts(blocks, [pairs[pair] for pair in shared], k, some, threads=threads, progress=within)
        rows[shared] += len(some)
        sums[shared] += psi[counts].sum(axis=(1, 2))
        tell(rows)
    return sums
