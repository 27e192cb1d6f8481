"""Mutual information between all pairs of layers in one call."""

from __future__ import annotations

import dataclasses
import itertools
import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from mi_core import (
    _formula,
    _notes,
    _ties,
    arguments,
    arrays,
    backends,
    clock,
    display,
    how_drawn,
    missing,
    results,
    similarity,
    uncertainty,
)
from mi_core._estimation import Estimation
from mi_core._estimators import Local, Search, ksg1_of, nothing, number_of_zeros, ross
from mi_core._prepare import Prepared, prepare
from mi_core.arguments import Settings
from mi_core.errors import InputError
from mi_core.explanations import explained, noted
from mi_core.options import MatrixOptions, Measure, Standardize, Units
from mi_core.progress_bar import with_progress
from mi_core.sampling import FEWEST_PARTS, INDEPENDENT, Sampling, as_fields, resemblance
from mi_core.text import concerning
from mi_core.types import FloatArray, IntArray, Progress, Samples

Pair = tuple[int, int]
"""Positions of two layers, which may be the same layer."""

# Up to this many joint dimensions a pair is estimated by itself, with a tree, which is cheaper than going through the strips:
# six layers of 3 take 0.03 s one by one and 0.05 s by strips, six of 5 0.05 s and 0.05 s, six of 10 0.11 s and 0.06 s (2,000
# samples, processor seconds).
NARROW = 10
LABELS = "labels"  # how notes call the class labels
STEPS = 20  # after each of which the partial sums are told; more cost a little more


@dataclasses.dataclass(frozen=True, slots=True)
class PairNotes:
    """Notes to read before using the number of one pair.

    Attributes:
        x: Name of the first layer.
        y: Name of the second layer, or "labels".
        notes: One or two sentences each.
    """

    x: str
    y: str
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, eq=False, repr=False)
class MIMatrix:
    """Mutual information between all pairs of layers.

    Attributes:
        names: Names of the layers, in the order of rows and columns.
        mi: (layers, layers) estimates in `units`, symmetric. The diagonal is each layer with itself. It equals the ceiling, or
            less if samples or distances repeat: the method cannot measure the MI of a continuous layer with itself.
        stderr: (layers, layers) standard errors in `units`; None if they were switched off or there are too few samples.
        with_labels: (layers,) mutual information of each layer with the class labels, by the estimator of Ross 2014; None
            without labels.
        with_labels_stderr: (layers,) standard errors of `with_labels`; None if they were switched off or there are too few
            samples.
        units: "bits" or "nats".
        k: Neighbour order.
        n_samples: Number of samples.
        dims: Dimensions of each layer.
        ceiling: psi(n_samples) - psi(k) in `units`.
        estimator: Name of the estimator.
        threads: Number of threads allowed.
        backend: Name of the requested backend.
        standardize: How the layers were standardised first.
        noise: Standard deviation of the noise added to each layer, in standard deviations of that layer; 0 for none.
        seed: Seed of the noise and of the error bars.
        seconds: Wall time; of the last call alone if the work was resumed.
        notes: What to know before using the numbers: each kind of note once, as its first pair has it, with the pairs or
            layers that it concerns.
        pair_notes: Notes that `mutual_information` gives for each pair of layers, and for each layer with the labels. Pairs
            without notes are left out. A layer with itself has only the notes on ties.
        independent_units: Number of independent units in the samples, as in `MIResult`.
        exclude: Steps of a series up to which rows were left out; None without `series`.
        pair_samples: (layers, layers) number of samples of each pair after rows with missing values were left out; None if
            every pair has all `n_samples`.
        cka: (layers, layers) debiased linear CKA from `similarity.cka`, 1 on the diagonal; None unless requested.
        knn: (layers, layers) share of ten nearest neighbours in common from `similarity.neighbour_overlap`, 1 on the diagonal;
            None unless requested.
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
    backend: str
    standardize: Standardize
    noise: float
    seed: int
    seconds: float
    notes: tuple[str, ...]
    pair_notes: tuple[PairNotes, ...]
    independent_units: int | None = None
    exclude: int | None = None
    pair_samples: IntArray | None = None
    cka: FloatArray | None = None
    knn: FloatArray | None = None

    def __repr__(self) -> str:
        return display.matrix_in_one_line(self)

    def _repr_html_(self) -> str:
        return display.matrix_as_html(self)

    @property
    def also(self) -> dict[Measure, FloatArray]:
        """Requested measures other than mutual information, by their names."""
        both: dict[Measure, FloatArray | None] = {"cka": self.cka, "knn": self.knn}
        return {measure: values for measure, values in both.items() if values is not None}

    def to_dict(self) -> dict[str, Any]:
        """Return all fields except measures that were not requested, as plain Python values ready for JSON."""
        record: dict[str, Any] = results.as_plain(self)
        return {name: value for name, value in record.items() if name not in ("cka", "knn") or value is not None}


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """State of an unfinished matrix, with all that is needed to resume it.

    Attributes:
        k: Neighbour order; None if the caller knows that it is the k of the matrix to resume.
        rows: (pairs,) number of samples that each pair has processed so far.
        sums: For each pair a few numbers whose sum is exactly the sum of the local terms of these samples, in nats; empty
            before the first sample.
        squares: The same for their squares.
        tied: (pairs,) number of these samples with other samples exactly as far away as their k-th neighbour.
        drawn: Checksum of the rows that were left out, 0 if there were none; None if the caller knows that it matches.
    """

    k: int | None
    rows: IntArray
    sums: tuple[tuple[float, ...], ...]
    squares: tuple[tuple[float, ...], ...]
    tied: IntArray
    drawn: int | None = None


@with_progress
@missing.offered()
def mutual_information_matrix(
    layers: Mapping[str, Any],
    *,
    labels: Any = None,
    k: int | None = None,
    resume: Partial | None = None,
    on_partial: Callable[[Partial], None] | None = None,
    also: Sequence[Measure] = (),
    **options: Unpack[MatrixOptions],
) -> MIMatrix:
    """Mutual information between all pairs of layers, by the first KSG estimator.

    The distances within each layer are computed once and shared by all its pairs. Each entry equals `mutual_information` of
    that pair to the last bit, even if the call was interrupted and resumed (with noise, that of the noisy layers).

    Args:
        layers: Name -> (n_samples, dim) or of higher rank, at least two; row i of each belongs to the same sample.
        labels: (n_samples,) class labels, integers, bool or text, to measure each layer against as well.
        k: Neighbour order, 1 <= k < n_samples. None means 3; with `groups` or `series` it means about as many samples as belong
            together, as in `mutual_information` for the widest pair.
        resume: State that an earlier call with the same layers and settings passed to `on_partial`.
        on_partial: Function called about twenty times with the work done so far.
        also: Other measures of all pairs, "cka" or "knn" or both, from `mi_core.similarity`, on the same samples, standardised
            and noisy if requested. These measures treat rows as independent.
        units: "bits" or "nats".
        standardize: How to standardise each layer first, see `mutual_information`.
        noise: Noise to break ties, see `mutual_information`; a layer has the same noise in all its pairs.
        seed: Seed of the noise and of the error bars.
        backend: "auto" and "cpu" share the distances within a layer without ties; other backends count each pair separately.
        threads: Maximum number of threads; None means as many as the process may use.
        error_bar: Whether to estimate standard errors from disjoint subsamples: Holmes & Nemenman 2019.
        progress: True for a bar on stderr, or a function called now and then with (steps done, steps in all).
        missing: "refuse" raises an error if a value is missing. "drop" leaves out, for each pair separately, the rows in which
            either layer or `groups` has a missing value, and for layers with `labels` or themselves those in which `labels`
            has; `pair_samples` then says how many samples each pair has. Such a matrix cannot be resumed and does not call
            `on_partial`.
        groups: (n_samples,) labels: rows with the same label belong together, as in `mutual_information`. Each pair is then
            counted separately.
        series: Whether rows are a time series in order, as in `mutual_information`.
        exclude: Steps of a series up to which rows are left out; None means the longest memory of the layers except the
            slowest.

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
    settings = arguments.settings(options, MatrixOptions, "mutual_information_matrix")
    also = measures(also)
    if settings.missing == "drop" or settings.series:
        gaps = gaps_of(layers, labels, settings)
        if gaps.any and settings.series:
            missing.refuse_in_series(gaps.anywhere)
        if gaps.any and resume is not None:
            raise InputError("a matrix whose pairs have rows of their own cannot be resumed: leave resume out.")
        if gaps.any:
            return of_complete_pairs(layers, gaps, labels, k, also, options)
    samples, done = validated(layers)
    n = len(next(iter(samples.values())))
    ready, notes_on_noise = prepare(samples, settings.standardize, settings.noise, settings.seed)
    sides = dict(zip(ready, backends.in_one_dtype(list(ready.values())), strict=True))
    sampling, rows = how_drawn.drawn(settings, list(sides.values()))
    widest = 2 * max(side.shape[1] for side in sides.values())
    (k,) = arguments.neighbour_orders(sampling.order(n, widest) if k is None else (k,), n)
    if rows is not None:
        sides = {name: side[rows] for name, side in sides.items()}
    of_labels = against_labels(
        sides, labels, k, settings, sampling, rows
    )  # before the pairs: what is wrong with labels should show at once
    work = Work(list(sides.values()), k, settings, sampling)
    sums = work.count(list(sides.values()), Sums(work.going_on_from(resume), k, n, settings.progress, on_partial), sampling)
    mi, bar = work.in_units(sums), work.error_bar(list(sides.values()), sums)
    by_pair = notes_by_pair(sides, work, mi, bar, sums.tied, of_labels)
    others, notes_on_others = other_measures(sides, also, settings, sampling)
    return MIMatrix(
        names=tuple(sides),
        mi=work.as_matrix(mi),
        stderr=None if bar is None else work.as_matrix(bar.stderr),
        with_labels=np.array([one.mi for one in of_labels]) if of_labels else None,
        with_labels_stderr=errors_of(of_labels),
        dims=tuple(side.shape[1] for side in sides.values()),
        ceiling=_formula.ksg1_ceiling(k, sampling.countable(n)) / work.nats,
        notes=(
            *(note for notes in done.values() for note in notes),
            *notes_on_noise,
            *_notes.on_sampling((k,), sampling, n, widest),
            *each_kind_once(by_pair),
            *notes_on_others,
        ),
        pair_notes=as_pair_notes(by_pair, done),
        **circumstances(k, n, settings),
        **as_fields(sampling),
        cka=others.get("cka"),
        knn=others.get("knn"),
    )


def measures(also: Any) -> tuple[Measure, ...]:
    """Return the measures to compute beside mutual information, each once; a single one may be text.

    Raises:
        InputError: A measure is unknown.
    """
    words = [also] if isinstance(also, str) else also
    if not isinstance(words, Iterable):
        raise InputError(f"also is {also!r}: give measures, such as ['cka', 'knn'].")
    for word in words:
        arguments.one_of(word, Measure, "also")
    return tuple(dict.fromkeys(words))


def other_measures(
    sides: Mapping[str, Samples], also: Sequence[Measure], settings: Settings, sampling: Sampling
) -> tuple[dict[Measure, FloatArray], list[str]]:
    """Measures (layers, layers) beside mutual information, by their names, and notes on them."""
    found: dict[Measure, FloatArray] = {}
    notes: list[str] = []
    for measure in also:
        found[measure], on_measure = similarity.between_layers(sides, measure, settings.seed, settings.threads)
        notes += on_measure
    if found and sampling.units:
        notes.append(
            noted(
                "similarity-groups",
                f"{' and '.join(found)}: rows that belong together are treated as independent here, and make layers look more "
                "alike than they are.",
            )
        )
    return found, notes


@dataclasses.dataclass(frozen=True)
class Gaps:
    """Masks (n_samples,) of the rows with a missing value: of each layer, of the labels, and of the groups."""

    layers: Mapping[str, NDArray[np.bool_]]
    labels: NDArray[np.bool_]
    groups: NDArray[np.bool_]

    @property
    def anywhere(self) -> NDArray[np.bool_]:
        """Mask (n_samples,) of the rows with any missing value."""
        found: NDArray[np.bool_] = np.any([*self.layers.values(), self.labels, self.groups], axis=0)
        return found

    @property
    def any(self) -> bool:
        """Whether any value is missing."""
        return bool(self.anywhere.any())


def gaps_of(layers: Mapping[str, Any], labels: Any, settings: Settings) -> Gaps:
    """Missing values of the layers, labels and groups of a call.

    Raises:
        InputError: They have different numbers of rows.
    """
    check_layers(layers)
    sides = {name: missing.with_missing(values, name) for name, values in layers.items()}
    arrays.check_same_length(sides)
    n = len(next(iter(sides.values())))

    def gone(values: Any, name: str) -> NDArray[np.bool_]:
        if values is None:
            return np.zeros(n, dtype=bool)
        held = missing.with_missing(values, name)
        arrays.check_same_length({**sides, name: held})
        return missing.rows_with_missing(held)

    of_layers = {name: missing.rows_with_missing(side) for name, side in sides.items()}
    return Gaps(of_layers, gone(labels, LABELS), gone(settings.groups, "groups"))


def of_complete_pairs(
    layers: Mapping[str, Any],
    gaps: Gaps,
    labels: Any,
    k: int | None,
    also: tuple[Measure, ...],
    options: MatrixOptions,
) -> MIMatrix:
    """Matrix in which each entry uses the rows that its pair has without a missing value."""
    names, count = list(layers), len(layers)
    held = {name: missing.with_missing(values, name) for name, values in layers.items()}
    sets_apart = None if labels is None else missing.with_missing(labels, LABELS)
    groups = None if options.get("groups") is None else missing.with_missing(options["groups"], "groups")
    dims = tuple(int(np.prod(held[name].shape[1:], dtype=int)) for name in names)
    if k is None and groups is not None:  # one for all pairs
        left = groups[~gaps.groups]
        k = how_drawn.in_groups(left, len(left))[0].order(len(left), 2 * max(dims))
    mi, stderr, samples = np.empty((count, count)), np.full((count, count), np.nan), np.empty((count, count), np.int64)
    of_labels: list[tuple[float, float]] = []
    ceilings: list[float] = []
    by_pair: list[PairNotes] = []
    of_all: dict[str, None] = {}
    others: dict[Measure, FloatArray] = {measure: np.eye(count) for measure in also}
    for a, b in itertools.combinations_with_replacement(range(count), 2):
        rows = ~(gaps.layers[names[a]] | gaps.layers[names[b]] | gaps.groups)
        if a == b:
            rows &= ~gaps.labels
        if not rows.any():
            raise InputError(f"{names[a]} and {names[b]} have no row without a missing value in common: leave one of them out.")
        other = names[b] if a != b else f"{names[a]} again"
        own: MatrixOptions = {**options, "missing": "refuse", "progress": None}
        if groups is not None:
            own["groups"] = groups[rows]
        with_classes = sets_apart is not None and a == b
        pair = mutual_information_matrix(
            {names[a]: held[names[a]][rows], other: held[names[b]][rows]},
            labels=sets_apart[rows] if sets_apart is not None and with_classes else None,
            k=k,
            also=also if a != b else (),
            **own,
        )
        place = (0, 0) if a == b else (0, 1)
        mi[a, b] = mi[b, a] = pair.mi[place]
        samples[a, b] = samples[b, a] = pair.n_samples
        ceilings.append(pair.ceiling)
        for measure, values in pair.also.items():
            others[measure][a, b] = others[measure][b, a] = values[0, 1]
        if pair.stderr is not None:
            stderr[a, b] = stderr[b, a] = pair.stderr[place]
        if pair.with_labels is not None:
            error = np.nan if pair.with_labels_stderr is None else float(pair.with_labels_stderr[0])
            of_labels.append((float(pair.with_labels[0]), error))
        if a != b:
            kinds_of_pairs = {explained(note) for one in pair.pair_notes for note in one.notes}
            of_all |= dict.fromkeys(note for note in pair.notes if explained(note) not in kinds_of_pairs)
        wanted = {(names[a], other if a != b else names[a]), (names[a], LABELS)}
        by_pair += [one for one in pair.pair_notes if (one.x, one.y) in wanted]
    dropped = noted(
        "missing",
        f"Rows with missing values were left out pair by pair: {samples.min():,} to {samples.max():,} of "
        f"{len(gaps.anywhere):,} are left. If they are missing for a reason, the rest is another population.",
    )
    by_kind = {(one.x, one.y): {note: note for note in one.notes} for one in by_pair}
    return dataclasses.replace(
        pair,
        names=tuple(names),
        mi=mi,
        stderr=None if np.isnan(stderr).any() else stderr,
        with_labels=np.array([value for value, _ in of_labels]) if of_labels else None,
        with_labels_stderr=np.array([e for _, e in of_labels]) if of_labels and not np.isnan(of_labels).any() else None,
        dims=dims,
        n_samples=len(gaps.anywhere),
        ceiling=max(ceilings),
        notes=(dropped, *of_all, *each_kind_once(by_kind)),
        pair_notes=tuple(by_pair),
        pair_samples=samples,
        cka=others.get("cka"),
        knn=others.get("knn"),
    )


def circumstances(k: int, n_samples: int, settings: Settings) -> dict[str, Any]:
    """Fields of a matrix that record how it was made."""
    return {
        "units": settings.units,
        "k": k,
        "n_samples": n_samples,
        "estimator": "ksg1",
        "threads": settings.threads,
        "backend": settings.backend,
        "standardize": settings.standardize,
        "noise": settings.noise,
        "seed": settings.seed,
        "seconds": clock.now() - settings.started,
    }


def check_layers(layers: Mapping[str, Any]) -> None:
    """Raise InputError unless there are two layers or more, with names."""
    if not isinstance(layers, Mapping):
        raise InputError(f"layers is {type(layers).__name__}: give a mapping from names to arrays.")
    if len(layers) < 2:
        raise InputError(f"layers holds {len(layers)}: give at least two.")
    for name in layers:
        if not isinstance(name, str):
            raise InputError(f"a layer is named {name!r}, which is {type(name).__name__}: names are text.")


def validated(layers: Mapping[str, Any]) -> tuple[dict[str, Samples], dict[str, tuple[str, ...]]]:
    """Samples of each layer, and notes on how they were converted, by the names of the layers."""
    check_layers(layers)
    samples: dict[str, Samples] = {}
    notes: dict[str, tuple[str, ...]] = {}
    for name, values in layers.items():
        samples[name], notes[name] = arrays.samples(values, name)
    arrays.check_same_length(samples)
    return samples, notes


class Sums:
    """Sums of each pair so far, and the functions that report them.

    Attributes:
        rows: (pairs,) number of samples that each pair has processed so far.
        sums: For each pair a few numbers whose sum is exactly the sum of the local terms of these samples, in nats; `squares`
            the same for their squares.
        tied: (pairs,) number of these samples with other samples exactly as far away as their k-th neighbour.
    """

    def __init__(
        self,
        partial: Partial,
        k: int,
        n_samples: int,
        progress: Progress | None = None,
        on_partial: Callable[[Partial], None] | None = None,
    ) -> None:
        self.rows, self.tied = partial.rows.copy(), partial.tied.copy()
        self.sums, self.squares = list(partial.sums), list(partial.squares)
        self.k, self.drawn = k, partial.drawn
        self.n_samples, self.progress, self.on_partial, self.told = n_samples, progress, on_partial, 0

    def add(self, pair: int, radius: FloatArray, counts: IntArray) -> None:
        """Add the radius (m,) and counts (2, m) of some samples of a pair."""
        local = _formula.ksg1_local(self.k, counts[0], counts[1], self.n_samples)
        self.sums[pair], self.squares[pair] = summed(local, self.sums[pair]), summed(local**2, self.squares[pair])
        self.rows[pair] += len(local)
        self.tied[pair] += number_of_zeros(radius)  # a pair with other ties is not counted in parts

    def put(self, pair: int, local: Local) -> None:
        """Replace the sums of a pair by those of all its samples."""
        self.sums[pair], self.squares[pair] = summed(local.nats), summed(local.nats**2)
        self.rows[pair], self.tied[pair] = len(local.nats), local.tied

    def tell(self) -> None:
        """Report the progress, and now and then the state so far."""
        share = int(STEPS * self.rows.sum() / (self.n_samples * len(self.rows)))
        if self.on_partial is not None and share > self.told:
            self.told = share
            self.on_partial(
                Partial(self.k, self.rows.copy(), tuple(self.sums), tuple(self.squares), self.tied.copy(), self.drawn)
            )
        self.tell_progress(0)

    def tell_progress(self, more: int) -> None:
        """Report the progress, `more` rows of pairs ahead of the rows added so far."""
        if self.progress is not None:
            self.progress(int(self.rows.sum()) + more, self.n_samples * len(self.rows))

    def means(self) -> FloatArray:
        """Estimates (pairs,) in nats, once all samples are processed."""
        return np.array([math.fsum(parts) / self.n_samples for parts in self.sums])

    def errors_of_means(self) -> FloatArray:
        """Standard errors (pairs,) in nats if the local terms were independent, once all samples are processed."""
        totals = zip(map(math.fsum, self.sums), map(math.fsum, self.squares), strict=True)
        return np.array([_formula.error_of_mean(self.n_samples, *of_pair) for of_pair in totals])


def summed(terms: FloatArray, before: Sequence[float] = ()) -> tuple[float, ...]:
    """At least one number; their sum is exactly that of the terms (n,) and of the numbers before."""
    return tuple(_formula.exact_sum(np.concatenate([before, terms]))) or (0.0,)


class Work:
    """All pairs to estimate, separately or together."""

    def __init__(self, sides: Sequence[Samples], k: int, settings: Settings, sampling: Sampling) -> None:
        self.pairs = [(a, b) for a in range(len(sides)) for b in range(a, len(sides))]
        self.constant = [arrays.is_constant(side) for side in sides]  # in all samples, not in a part of them
        self.may_tie = [_ties.may_tie(side) for side in sides]  # likewise
        self.k, self.settings, self.sampling = k, settings, sampling
        self.nats = _formula.NATS_PER_UNIT[settings.units]
        self.drawn = 0 if sampling.left_out is None else zlib.crc32(sampling.left_out.tobytes())

    def nothing_yet(self) -> Partial:
        """State before any sample is processed."""
        none = np.zeros(len(self.pairs), np.int64)
        empty = ((),) * len(self.pairs)
        return Partial(self.k, none, empty, empty, none, self.drawn)

    def going_on_from(self, resume: Partial | None) -> Partial:
        """State to resume from.

        Raises:
            InputError: The state is not a `Partial`, or belongs to another matrix.
        """
        if resume is None:
            return self.nothing_yet()
        if not isinstance(resume, Partial):
            raise InputError(f"resume is {type(resume).__name__}: give what an earlier call told to on_partial.")
        if any(len(sums) != len(resume.rows) for sums in (resume.sums, resume.squares)) or any(
            (len(sums) > 0) != (rows > 0) or (len(squares) > 0) != (rows > 0)
            for rows, sums, squares in zip(resume.rows, resume.sums, resume.squares, strict=True)
        ):
            raise InputError("resume is damaged: its rows, sums and squares do not go together. Start anew.")
        if resume.k not in (None, self.k) or len(resume.rows) != len(self.pairs):
            raise InputError(
                f"resume is of {len(resume.rows)} pairs and k={resume.k}, and there are {len(self.pairs)} with k={self.k}: "
                "give what an earlier call with the same layers and settings told to on_partial."
            )
        if resume.drawn not in (None, self.drawn):
            raise InputError("resume is of samples with other groups, or another series: give those, or start anew.")
        return resume

    def count(self, sides: Sequence[Samples], sums: Sums, sampling: Sampling) -> Sums:
        """Process all samples that the sums lack; sides (n, dim) share one dtype and were drawn as `sampling` says."""
        alone = [any(self.may_tie[layer] for layer in pair) or self.is_alone(sides, pair) for pair in self.pairs]
        together = [place for place, is_alone in enumerate(alone) if not is_alone]
        search = Search((self.k,), self.settings.backend, self.settings.threads, sampling=sampling)
        self.count_alone(
            sides,
            sums,
            [place for place, is_alone in enumerate(alone) if is_alone and sums.rows[place] < sums.n_samples],
            search,
        )
        self.count_together(sides, sums, together)
        self.count_alone(sides, sums, [place for place in together if sums.tied[place]], search)
        return sums

    def is_alone(self, sides: Sequence[Samples], pair: Pair) -> bool:
        """Tell whether a pair is counted separately, with or without ties."""
        is_one_of_many = self.settings.backend in ("auto", "cpu") and self.sampling.left_out is None
        return not is_one_of_many or sum(sides[layer].shape[1] for layer in pair) <= NARROW

    def count_alone(self, sides: Sequence[Samples], sums: Sums, places: Sequence[int], search: Search) -> None:
        """Count pairs of few dimensions, with ties, or for a backend that shares no distances."""
        for place in places:
            layers = self.pairs[place]
            pair, is_nothing = [sides[layer] for layer in layers], any(self.constant[layer] for layer in layers)
            of_pair = dataclasses.replace(search, may_tie=any(self.may_tie[layer] for layer in layers))
            (local,) = nothing(pair[0], search) if is_nothing else ksg1_of(pair, of_pair)
            sums.put(place, local)
            sums.tell()

    def count_together(self, sides: Sequence[Samples], sums: Sums, places: list[int]) -> None:
        """Count pairs of many dimensions, which share the distances within a layer."""
        from mi_core.backends.cpu.layer_pairs import pair_counts

        n, pairs = sums.n_samples, [self.pairs[place] for place in places]
        step = n if sums.on_partial is None else -(-n // STEPS)

        def tell(done: int, total: int) -> None:
            sums.tell_progress(done * len(places))

        for first in range(int(sums.rows[places[0]]) if places else n, n, step):
            rows = range(first, min(first + step, n))
            radius, counts = pair_counts(sides, pairs, self.k, rows, threads=self.settings.threads, progress=tell)
            for place, radius_of_pair, counts_of_pair in zip(places, radius, counts, strict=True):
                sums.add(place, radius_of_pair, counts_of_pair)
            sums.tell()

    def in_units(self, sums: Sums) -> FloatArray:
        """Estimates (pairs,) in the requested unit."""
        return sums.means() / self.nats

    def error_bar(self, sides: Sequence[Samples], of_all: Sums) -> uncertainty.ErrorBar | None:
        """Error bar of all pairs, in the requested unit; None if not requested, or if parts of the samples are too small."""

        def on_rows(rows: IntArray) -> FloatArray:
            some = [side[rows] for side in sides]
            return self.in_units(self.count(some, Sums(self.nothing_yet(), self.k, len(rows)), self.sampling.take(rows)))

        if not self.settings.error_bar:
            return None
        found = uncertainty.error_bar(on_rows, len(sides[0]), (self.k,), self.settings.seed, sampling=self.sampling)
        if found is None or self.sampling is not INDEPENDENT:
            return found
        return found.at_least(of_all.errors_of_means() / self.nats)

    def as_matrix(self, values: FloatArray) -> FloatArray:
        """Symmetric matrix (layers, layers) from values (pairs,)."""
        layers = 1 + max(second for _, second in self.pairs)
        matrix = np.empty((layers, layers))
        for (first, second), value in zip(self.pairs, values, strict=True):
            matrix[first, second] = matrix[second, first] = value
        return matrix


@dataclasses.dataclass(frozen=True)
class WithLabels:
    """One layer with the class labels: estimate and standard error in the requested unit, and what the notes need."""

    mi: float
    stderr: float | None
    local: Local
    on_copies: Mapping[str, str]


def against_labels(
    sides: Mapping[str, Samples], labels: Any, k: int, settings: Settings, sampling: Sampling, rows: IntArray | None
) -> list[WithLabels]:
    """Estimate each layer with the class labels, by Ross 2014; empty without labels. `rows` puts the labels in order."""
    if labels is None:
        return []
    if LABELS in sides:
        raise InputError("a layer is named labels, the name of the class labels: give it another name.")
    places, classes = arrays.labels(labels, LABELS)
    arrays.check_same_length({**sides, LABELS: places})
    places = places if rows is None else places[rows]
    quiet = dataclasses.replace(settings, progress=None)
    runs = [
        Estimation(
            nothing if arrays.is_constant(side) or arrays.is_constant(places) else ross,
            Prepared(side, places, classes=classes, sampling=None if sampling.left_out is None else sampling),
            Prepared.take,
            len(side),
            (k,),
            quiet,
            sampling=sampling,
        )
        for side in sides.values()
    ]
    return [
        WithLabels(
            run.found[0].mean / run.nats,
            None if run.errors is None else float(run.errors[0]),
            run.found[0],
            _notes.on_copies((side, places)),
        )
        for run, side in zip(runs, sides.values(), strict=True)
    ]


def errors_of(of_labels: Sequence[WithLabels]) -> FloatArray | None:
    """Standard errors (layers,); None if one of them is missing."""
    errors = [one.stderr for one in of_labels if one.stderr is not None]
    return np.array(errors) if of_labels and len(errors) == len(of_labels) else None


NotesByPair = Mapping[tuple[str, str], Mapping[str, str]]
"""Notes by kind, for each pair of names: two layers, or a layer and "labels"."""


def notes_by_pair(
    sides: Mapping[str, Samples],
    work: Work,
    mi: FloatArray,
    bar: uncertainty.ErrorBar | None,
    tied: IntArray,
    of_labels: Sequence[WithLabels],
) -> NotesByPair:
    """Notes that `mutual_information` gives for each pair; for a layer with itself, only those on ties."""
    settings, names, n = work.settings, list(sides), len(next(iter(sides.values())))
    known = [(name, _notes.measured(side)) for name, side in sides.items()]
    ceiling = _formula.ksg1_ceiling(work.k, work.sampling.countable(n)) / work.nats
    alike = [0.0 if work.sampling.units else resemblance(side) for side in sides.values()]
    by_pair: dict[tuple[str, str], dict[str, str]] = {}
    for place, ((a, b), value, ties) in enumerate(zip(work.pairs, mi, tied, strict=True)):
        of_pair = [known[a], known[b]]
        on_both = _notes.on_measured(of_pair, settings.standardize, "ksg1") if a != b else {}
        on_both |= _notes.on_order((alike[a], alike[b])) if a != b else {}
        on_this = _notes.on_estimate(
            float(value),
            settings.units,
            k=work.k,
            n_samples=n,
            ceiling=ceiling,
            tied=int(ties),
            sides=(sides[names[a]], sides[names[b]]),
        )
        if a == b:
            on_this.pop(_notes.AT_CEILING, None)  # which is where a layer with itself is meant to be
        else:
            dim = sum(sides[names[layer]].shape[1] for layer in (a, b))
            on_this |= _notes.on_rise(float(value), settings.units, work.k, n, dim, bar, place)
            if settings.error_bar and bar is None:
                needed = FEWEST_PARTS * uncertainty.least_part((work.k,))
                on_this["no error bar"] = _notes.on_no_error_bar((work.k,), n, work.sampling, needed)
        by_pair[names[a], names[b]] = on_constants(sides, names[a], names[b]) or on_both | on_this
    for side, one in zip(known, of_labels, strict=False):
        on_side = _notes.on_measured([side], settings.standardize, "ross")
        on_this = _notes.on_estimate(one.mi, settings.units, k=work.k, n_samples=n)
        by_pair[side[0], LABELS] = on_constants(sides, side[0]) or {**one.on_copies, **on_side, **one.local.notes, **on_this}
    return by_pair


def on_constants(sides: Mapping[str, Samples], *names: str) -> dict[str, str]:
    """Notes, by kind, on constant layers."""
    return {
        f"{_notes.CONSTANT}{name}": _notes.on_constant(name, len(sides[name]))
        for name in names
        if arrays.is_constant(sides[name])
    }


def as_pair_notes(by_pair: NotesByPair, done: Mapping[str, tuple[str, ...]]) -> tuple[PairNotes, ...]:
    """Notes of each pair that has any; notes on the conversion of its layers come first."""
    found = []
    for (x, y), on_pair in by_pair.items():
        on_layers = (*done[x], *done.get(y, ())) if x != y else ()
        if notes := (*on_layers, *on_pair.values()):
            found.append(PairNotes(x, y, notes))
    return tuple(found)


def each_kind_once(by_pair: NotesByPair) -> list[str]:
    """Notes, each kind once as its first pair has it, with the pairs that it concerns, or for ties the layers."""
    first: dict[str, str] = {}
    where: dict[str, dict[str, None]] = {}
    for (x, y), on_pair in by_pair.items():
        for kind, note in on_pair.items():
            of_layer = next((some for some in _notes.OF_ONE_SIDE if kind.startswith(some)), None)
            kind, place = (of_layer, kind.removeprefix(of_layer)) if of_layer else (kind, f"{x} / {y}")
            first.setdefault(kind, note)
            where.setdefault(kind, {})[place] = None
    return [
        concerning(note, list(where[kind]), "layers" if kind in _notes.OF_ONE_SIDE else "pairs") for kind, note in first.items()
    ]
