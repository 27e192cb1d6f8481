"""Transfer entropy from one series to another."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Unpack, cast, overload

import numpy as np

from mi_core import _notes, arguments, missing, uncertainty
from mi_core._estimation import Estimation, one_or_all, orders
from mi_core._estimators import CONDITIONAL, Local, Method, nothing
from mi_core._prepare import Prepared
from mi_core._ties import may_tie
from mi_core.arguments import Settings
from mi_core.errors import InputError
from mi_core.estimate import on_constants, prepared
from mi_core.lags import drawn, fewest_rows, first_rows, of_series, shifts
from mi_core.options import TransferEstimator, TransferOptions
from mi_core.progress_bar import with_progress
from mi_core.results import TransferEntropyResult
from mi_core.sampling import Series, as_fields
from mi_core.types import IntArray, Samples


@overload
def transfer_entropy(
    x: Any,
    y: Any,
    lag: int = 1,
    history: int = 1,
    *,
    source_history: int = 1,
    spacing: int = 1,
    k: int | None = None,
    **options: Unpack[TransferOptions],
) -> TransferEntropyResult: ...
@overload
def transfer_entropy(
    x: Any,
    y: Any,
    lag: int = 1,
    history: int = 1,
    *,
    source_history: int = 1,
    spacing: int = 1,
    k: Sequence[int],
    **options: Unpack[TransferOptions],
) -> list[TransferEntropyResult]: ...
@with_progress
def transfer_entropy(
    x: Any,
    y: Any,
    lag: int = 1,
    history: int = 1,
    *,
    source_history: int = 1,
    spacing: int = 1,
    k: int | Sequence[int] | None = None,
    **options: Unpack[TransferOptions],
) -> TransferEntropyResult | list[TransferEntropyResult]:
    """Transfer entropy from x, the source, to y, the target: what the past of x adds to the past of y in predicting y.

    It is the conditional mutual information I(x_(t - lag), ... ; y_t | y_(t - 1), ..., y_(t - history)): Schreiber 2000,
    doi:10.1103/PhysRevLett.85.461. The target's past directly precedes its present at every lag, so the lag with the largest
    value is the lag of the interaction: Wibral et al. 2013, doi:10.1371/journal.pone.0055809.

    Args:
        x: (n_rows,), (n_rows, dim_x) or of higher rank, in order of time, at even steps: the source.
        y: (n_rows,), (n_rows, dim_y) or of higher rank, row i at the time of row i of x: the target.
        lag: Steps by which y is later than the newest value of x, at least 1; JIDT's delay.
        history: Number of past values of y in the condition, the newest one step before the present; JIDT's k_history, an
            embedding length. Too short a history mistakes the memory of y for transfer.
        source_history: Number of past values of x used, the newest `lag` steps before the present; JIDT's l_history.
        spacing: Steps between two values of a history, the embedding delay; 1 by default.
        k: Neighbour order; several values share one neighbour search. None means about as many samples as belong together.
        units: "bits" (default) or "nats".
        estimator: "ksg1" (default): Frenzel & Pompe 2007, doi:10.1103/PhysRevLett.99.204101. "mixture": Mesner & Shalizi 2019,
            for ties and mixtures. "discrete": frequencies of equal samples, for few values that recur.
        standardize: "sides" (default, as JIDT normalises; "none" for "discrete"), "columns" or "none", for the whole series,
            before its histories are formed. With "none" a series of small numbers is negligible beside one of large numbers.
        noise: Standard deviation of Gaussian noise added to every value to break ties, relative to the spread of its side.
        seed: Seed of everything random: noise, error bar, shifts.
        backend: Name of the backend: "auto", "cpu" or one of the CPU backends.
        threads: Maximum number of threads; None means as many as the process may use.
        return_local: Whether to keep the (n_samples,) local terms, whose mean is the estimate.
        error_bar: Whether to estimate the standard error from stretches of the series.
        permutations: How many times to shift the past of x against y and its past, which stay together, for a p-value and the
            estimator's bias; None (default) means no test.
        exclude: Steps of time up to which samples are left out of each other's neighbour search and counts (Theiler 1986;
            JIDT's dynamic correlation exclusion); None (default) means the measured memory of the series, as in
            `mutual_information`.
        progress: True for a bar on stderr, or a function called with (steps done, steps in all).

    Returns:
        One result, or for several k a list of results in the order of `k`.

    Raises:
        InputError: The data or an argument cannot be used; the message says which, what came and what to do.

    Example:
        >>> import numpy as np
        >>> x, noise = np.random.default_rng(0).standard_normal((2, 1000))
        >>> y = np.roll(x, 1) + noise  # follows x by one step; the truth is 0.5 bits
        >>> bool(transfer_entropy(x, y).transfer_entropy > 0.3), bool(transfer_entropy(y, x).transfer_entropy < 0.1)
        (True, True)
    """
    lengths = {"lag": lag, "history": history, "source_history": source_history, "spacing": spacing}
    past = Past(**{name: arguments.whole_number(value, name, at_least=1) for name, value in lengths.items()})
    settings = of_series(options, TransferOptions, "transfer_entropy")
    arguments.one_of(settings.estimator, TransferEstimator, "the estimator of transfer entropy")
    missing.complete({"x": x, "y": y}, "refuse", series=True)
    series, dims, notes = prepared(x, y, None, settings)
    notes = [*_notes.on_indexes({"x": x, "y": y}), *notes]
    series, whole = drawn(series, settings)
    dim = past.source_history * dims["x"] + (1 + past.history) * dims["y"]
    left = max(0, len(series) - past.reach)
    ks = orders(k, settings.estimator, len(series), whole.order(left, dim))
    if left < (needed := fewest_rows(whole, ks)):
        raise InputError(
            f"lag {past.lag} and the histories reach back {past.reach:,} steps and leave {left:,} of {len(series):,} rows, and "
            f"{needed:,} are the fewest with exclude {whole.exclude}{f' and k={max(ks)}' if ks else ''}: take shorter ones, or "
            "measure a longer series."
        )
    sides, sampling = past.of(series)
    of_constants = on_constants(dataclasses.replace(sides, z=None))
    if not of_constants:
        notes += [*on_histories(sides, settings), *_notes.on_sampling(ks, sampling, left, dim)]
    notes += of_constants.values()
    method = nothing if of_constants else CONDITIONAL[cast(TransferEstimator, settings.estimator)]
    shared = past.shared_beyond(whole.exclude)
    method = with_ties(method) if shared else method
    of_data = not shared or any(map(may_tie, sides.sides().values()))  # ties of shared values are no fault of the data
    run = Estimation(method, sides, Prepared.take, left, ks, settings, sampling=sampling)
    _ = run.found, run.errors  # first, as their progress is told first
    shifted = None if settings.permutations is None else shifts(run.means, sides, settings)

    def own(place: int, local: Local, value: float) -> dict[str, Any]:
        ceiling = run.ceiling(local)
        on_this = _notes.on_estimate(
            value,
            settings.units,
            k=local.k,
            n_samples=left,
            ceiling=ceiling,
            tied=local.tied if of_data else 0,
            sides=sides.sides().values(),
        )
        return {
            **dataclasses.asdict(past),
            "dim_x": past.source_history * dims["x"],
            "dim_y": dims["y"],
            "dim_z": past.history * dims["y"],
            "ceiling": ceiling,
            "estimator": settings.estimator,
            "standardize": settings.standardize,
            "notes": (*notes, *local.notes.values(), *on_this.values()),
            "null": None if shifted is None else uncertainty.shuffled_null(value, shifted[:, place], settings.seed),
            **as_fields(sampling),
        }

    return one_or_all(run.results(TransferEntropyResult, own, is_random=shifted is not None), k)


@dataclasses.dataclass(frozen=True)
class Past:
    """Past values that belong to the present of y; `transfer_entropy` defines each length."""

    lag: int
    history: int
    source_history: int
    spacing: int

    @property
    def reach(self) -> int:
        """Number of steps from the present to the oldest value."""
        return max(1 + (self.history - 1) * self.spacing, self.lag + (self.source_history - 1) * self.spacing)

    def shared_beyond(self, exclude: int) -> bool:
        """Whether histories of samples more than `exclude` steps apart share values, so that some distances are equal."""
        return (max(self.history, self.source_history) - 1) * self.spacing > exclude

    def of(self, series: Prepared) -> tuple[Prepared, Series]:
        """Past of x, present of y, and past of y as z, at each time that has all three, and how these were drawn."""
        times = np.arange(self.reach, len(series))
        sides = dataclasses.replace(
            series,
            x=embedded(series.x, times - self.lag, self.source_history, self.spacing),
            y=series.y[times],
            z=embedded(series.y, times - 1, self.history, self.spacing),
        )
        return first_rows(sides, len(times))


def with_ties(method: Method) -> Method:
    """The method on samples some of whose distances are equal, although no value recurs in a column."""
    return lambda samples, search: method(samples, dataclasses.replace(search, may_tie=True))


def embedded(points: Samples, newest: IntArray, length: int, spacing: int) -> Samples:
    """Values (n, length * dim) of a series at the newest times (n,) and earlier, side by side."""
    return np.hstack([points[newest - back * spacing] for back in range(length)])


def on_histories(sides: Prepared, settings: Settings) -> list[str]:
    """Notes on what in the samples matters to this estimator; ties of y are reported once."""
    assert sides.z is not None  # noqa: S101  for the type checker
    if settings.estimator == "discrete":
        return _notes.on_discrete(sides.x, sides.y, sides.z)
    ties, past = settings.estimator not in _notes.TAKE_TIES, "the past of y"
    known = [
        ("x", _notes.measured(sides.x, ties=ties)),
        ("y", _notes.measured(sides.y, ties=ties)),
        (past, _notes.measured(sides.z, ties=False)),
    ]
    return list(_notes.on_measured(known, settings.standardize, settings.estimator, given=past).values())
