"""Mutual information between all pairs of layers, in one go."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mi_core import _formula, _notes, _prepare, _validate, backends, display, results, uncertainty
from mi_core._estimators import Local, Search, number_of_zeros, ross
from mi_core._prepare import Prepared
from mi_core.errors import InputError
from mi_core.options import Standardize, Units
from mi_core.progress_bar import shown
from mi_core.threads import available_threads
from mi_core.types import FloatArray, IntArray, Progress, ProgressOption, Samples

# Up to this many joint dimensions a pair is estimated by itself, with a tree, which is cheaper than going through the strips:
# six layers of 10 take 0.31 s one by one and 0.39 s by strips, six of 30 0.74 s and 0.48 s (2,000 samples, processor seconds).
NARROW = 20
STEPS = 20  # after each of which the partial sums are told; more cost a little more


@dataclasses.dataclass(frozen=True, slots=True)
class PairNotes:
    """What a reader should know before using the number of one pair.

    Attributes:
        x: Name of the one layer.
        y: Name of the other layer, or "labels".
        notes: One sentence or two each.
    """

    x: str
    y: str
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, eq=False, repr=False)
class MIMatrix:
    """Mutual information between all pairs of layers.

    Attributes:
        names: Names of the layers, in the order of rows and columns.
        mi: (layers, layers) estimates in `units`, symmetric. The diagonal is each layer with itself, which is the ceiling,
            or more where samples or distances repeat: the method cannot say how much a continuous layer knows of itself.
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
        notes: What a reader should know before using the numbers: each kind of note once, as its first pair has it, with the
            pairs or layers that it concerns.
        pair_notes: For each pair of layers, and each layer with the labels, the notes that `mutual_information` gives for it;
            left out where there are none. For a layer with itself, only what lifts it above the ceiling.
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
    pair_notes: tuple[PairNotes, ...]

    def __repr__(self) -> str:
        return display.matrix_in_one_line(self)

    def _repr_html_(self) -> str:
        return display.matrix_as_html(self)

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain Python values, ready for JSON."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else results.as_plain(value) for name, value in fields.items()
        }


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """How far a matrix has come, all that is needed to go on.

    Attributes:
        rows: (pairs,) samples that each pair has looked at so far.
        sums: For each pair a few numbers whose sum is exactly that of the local terms of these samples, in nats.
        coincident: (pairs,) how many of these samples have their k-th neighbour at distance 0.
    """

    rows: IntArray
    sums: tuple[tuple[float, ...], ...]
    coincident: IntArray


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
    for that pair, to the last bit, interrupted and resumed or not.

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
    names, samples, done = validated(layers)
    n = len(samples[0])
    (k,) = _validate.neighbour_orders((k,), n)
    blocks = backends.in_one_dtype([_prepare.standardize(layer, standardize) for layer in samples])
    pairs = [(a, b) for a in range(len(names)) for b in range(a, len(names))]
    nats = _formula.NATS_PER_UNIT[units]
    ceiling = _formula.ksg1_ceiling(k, n) / nats

    of_labels: list[tuple[Local, float | None]] = []
    if labels is not None:  # before the pairs: what is wrong with labels should show at once
        places, classes = _validate.labels(labels, "labels")
        _validate.check_same_length({names[0]: blocks[0], "labels": places})
        sides = [Prepared(block, places, classes=classes) for block in blocks]
        of_labels = [against_labels(side, k, nats, threads, seed if error_bar else None) for side in sides]
    label_errors = [error for _, error in of_labels if error is not None]

    with shown(progress) as told:
        means, coincident = estimates(blocks, pairs, k, resume or nothing_yet(len(pairs)), threads, told, on_partial)
    mi = means / nats

    def on_rows(rows: IntArray) -> FloatArray:
        some = [block[rows] for block in blocks]
        return estimates(some, pairs, k, nothing_yet(len(pairs)), threads)[0] / nats

    errors = uncertainty.error_bar(on_rows, n, (k,), seed) if error_bar else None

    def as_matrix(values: FloatArray) -> FloatArray:
        matrix = np.empty((len(names), len(names)))
        for (a, b), value in zip(pairs, values, strict=True):
            matrix[a, b] = matrix[b, a] = value
        return matrix

    known = [(name, _notes.measured(block)) for name, block in zip(names, blocks, strict=True)]
    by_pair: dict[tuple[str, str], dict[str, str]] = {}
    for (a, b), value, zeros in zip(pairs, mi, coincident, strict=True):
        on_both = _notes.on_measured([known[a], known[b]], standardize, "ksg1", could_be_mixture=True) if a != b else {}
        on_this = _notes.on_estimate(float(value), units, k=k, n_samples=n, ceiling=ceiling, coincident=int(zeros))
        if a == b:
            on_this.pop(_notes.AT_CEILING, None)  # which is where a layer with itself is meant to be
        by_pair[names[a], names[b]] = on_both | on_this
    for side, (local, _) in zip(known, of_labels, strict=False):
        on_side = _notes.on_measured([side], standardize, "ross", could_be_mixture=False)
        on_this = _notes.on_estimate(local.mean / nats, units, k=k, n_samples=n, coincident=local.coincident)
        by_pair[side[0], "labels"] = on_side | on_this

    return MIMatrix(
        names=names,
        mi=as_matrix(mi),
        stderr=as_matrix(errors) if errors is not None else None,
        with_labels=np.array([local.mean for local, _ in of_labels]) / nats if of_labels else None,
        with_labels_stderr=np.array(label_errors) if of_labels and len(label_errors) == len(of_labels) else None,
        units=units,
        k=k,
        n_samples=n,
        dims=tuple(block.shape[1] for block in blocks),
        ceiling=ceiling,
        estimator="ksg1",
        threads=threads,
        standardize=standardize,
        seed=seed,
        seconds=time.perf_counter() - started,
        notes=(*(note for notes in done.values() for note in notes), *each_kind_once(by_pair)),
        pair_notes=tuple(
            PairNotes(x, y, notes)
            for (x, y), on_pair in by_pair.items()
            if (notes := (*(done[x] if x != y else ()), *(done.get(y, ()) if x != y else ()), *on_pair.values()))
        ),
    )


def validated(layers: Mapping[str, Any]) -> tuple[tuple[str, ...], list[Samples], dict[str, tuple[str, ...]]]:
    """Names, samples, and for each name notes on what had to be done to them."""
    if not isinstance(layers, Mapping):
        raise InputError(f"layers is {type(layers).__name__}: give a mapping from names to arrays.")
    if len(layers) < 2:
        raise InputError(f"layers holds {len(layers)}: give at least two.")
    names = tuple(layers)
    samples: list[Samples] = []
    notes: dict[str, tuple[str, ...]] = {}
    for name, values in layers.items():
        layer, notes[name] = _validate.samples(values, name)
        _validate.check_not_constant(layer, name)
        if samples and len(layer) != len(samples[0]):
            raise InputError(
                f"{names[0]} has {len(samples[0])} samples and {name} has {len(layer)}: all layers must be of the same samples."
            )
        samples.append(layer)
    return names, samples, notes


def each_kind_once(by_pair: Mapping[tuple[str, str], Mapping[str, str]]) -> list[str]:
    """Each kind of note as its first pair has it, and which pairs it concerns, or for ties which layers."""
    first: dict[str, str] = {}
    where: dict[str, dict[str, None]] = {}
    for (x, y), on_pair in by_pair.items():
        for kind, note in on_pair.items():
            is_of_layer = kind.startswith(_notes.TIES)
            kind, place = (_notes.TIES, kind.removeprefix(_notes.TIES)) if is_of_layer else (kind, f"{x} / {y}")
            first.setdefault(kind, note)
            where.setdefault(kind, {})[place] = None
    return [
        _notes.concerning(note, list(where[kind]), "layers" if kind == _notes.TIES else "pairs") for kind, note in first.items()
    ]


def against_labels(samples: Prepared, k: int, nats: float, threads: int, seed: int | None) -> tuple[Local, float | None]:
    """A layer with the class labels: the estimate, and its standard error in units of so many nats, None without a seed."""
    search = Search((k,), "auto", threads)
    (found,) = ross(samples, search)

    def on_rows(rows: IntArray) -> FloatArray:
        return np.array([local.mean for local in ross(samples.take(rows), search)]) / nats

    errors = None if seed is None else uncertainty.error_bar(on_rows, len(samples.x), (k,), seed)
    return found, None if errors is None else float(errors[0])


def nothing_yet(pairs: int) -> Partial:
    return Partial(np.zeros(pairs, np.int64), ((),) * pairs, np.zeros(pairs, np.int64))


def estimates(
    blocks: Any,
    pairs: list[tuple[int, int]],
    k: int,
    partial: Partial,
    threads: int,
    progress: Progress | None = None,
    on_partial: Callable[[Partial], None] | None = None,
) -> tuple[FloatArray, IntArray]:
    """The estimate of each pair in nats, and how many samples coincide with their k-th neighbour, going on from `partial`."""
    from mi_core.backends.cpu.layer_pairs import pair_counts

    n = len(blocks[0])
    rows, sums, coincident = partial.rows.copy(), list(partial.sums), partial.coincident.copy()
    is_narrow = np.array([blocks[a].shape[1] + blocks[b].shape[1] <= NARROW for a, b in pairs])
    told = 0

    def add(pair: int, radius: FloatArray, counts: IntArray) -> None:
        """Take in what was counted for some samples."""
        local = _formula.ksg1_local(k, counts[0], counts[1], n)
        sums[pair] = tuple(_formula.exact_sum(np.concatenate([sums[pair], local])))
        rows[pair] += len(local)
        coincident[pair] += number_of_zeros(radius)

    def tell() -> None:
        nonlocal told
        share = int(STEPS * rows.sum() / (n * len(pairs)))
        if on_partial is not None and share > told:
            told = share
            on_partial(Partial(rows.copy(), tuple(sums), coincident.copy()))
        if progress is not None:
            progress(int(rows.sum()), n * len(pairs))

    for pair in np.flatnonzero(is_narrow & (rows < n)).tolist():
        a, b = pairs[pair]
        radius, counts, _ = backends.neighbour_counts(
            (blocks[a], blocks[b]), ((0, 1), (1, 2)), (k,), backend="auto", threads=threads
        )
        add(pair, radius[0], counts[:, 0])
        tell()
    shared = np.flatnonzero(~is_narrow).tolist()
    step = -(-n // STEPS) if on_partial is not None else n
    for first in range(int(rows[shared[0]]) if len(shared) else n, n, step):
        some = range(first, min(first + step, n))
        before = int(rows.sum())

        def within(done: int, total: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done * len(shared), n * len(pairs))

        radius, counts = pair_counts(blocks, [pairs[pair] for pair in shared], k, some, threads=threads, progress=within)
        for pair, radius_of_pair, counts_of_pair in zip(shared, radius, counts, strict=True):
            add(pair, radius_of_pair, counts_of_pair)
        tell()
    return np.array([math.fsum(parts) / n for parts in sums]), coincident
