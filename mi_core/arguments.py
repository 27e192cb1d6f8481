"""Validation of options: each is checked and converted to a plain value, or refused in one clear line."""

from __future__ import annotations

import dataclasses
import operator
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, get_args

import numpy as np

from mi_core import clock
from mi_core.errors import InputError, did_you_mean
from mi_core.options import Backend, Estimator, Missing, Standardize, Units
from mi_core.threads import available_threads
from mi_core.types import CrossFittedCritic, CrossFittedReducer, Progress, Reducer

LARGEST_NOISE = 1000.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Checked options of one call, with their defaults; `mi_core.mutual_information` explains them.

    Attributes:
        started: Start of the call, in seconds of `clock.now`.
    """

    units: Units = "bits"
    estimator: Estimator = "ksg1"
    given_labels: bool = False
    alpha: float = 0.25
    standardize: Standardize = "none"
    noise: float = 0.0
    seed: int = 0
    backend: Backend = "auto"
    threads: int = 0
    scheduler: str | None = None
    return_local: bool = False
    error_bar: bool = True
    permutations: int | None = None
    by_size: bool = False
    diagnose: bool = False
    lower_bound: bool | CrossFittedCritic = False
    reduce: str | Reducer | CrossFittedReducer | None = None
    groups: Any = None
    series: bool = False
    exclude: int | None = None
    missing: Missing = "refuse"
    progress: Progress | None = None
    started: float = dataclasses.field(default_factory=clock.now)


def check_names(options: Iterable[str], accepted: Any, function: str) -> None:
    """Raise TypeError unless all options of a function are those of the typed dictionary `accepted`."""
    for name in options:
        if name not in accepted.__annotations__:
            hint = did_you_mean(name, accepted.__annotations__)
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}{hint.rstrip('.')}")


def settings(options: Mapping[str, Any], accepted: Any, function: str) -> Settings:
    """Make the settings of a call from its options, which are those of the typed dictionary `accepted`.

    Raises:
        TypeError: There is no option of that name.
        InputError: An option has an unusable value.
    """
    check_names(options, accepted, function)
    given = Settings(**{**options, "threads": thread_count(options.get("threads"))})
    words = {"units": Units, "estimator": Estimator, "standardize": Standardize, "backend": Backend, "missing": Missing}
    for name, literal in words.items():
        one_of(getattr(given, name), literal, name)
    check_progress(given.progress)
    if not isinstance(given.given_labels, bool | np.bool_):
        raise InputError(
            f"given_labels is {type(given.given_labels).__name__}: give True if z are class labels; z itself is `given`."
        )
    if given.permutations is not None:
        whole_number(given.permutations, "permutations", at_least=1)
    is_critic = not isinstance(given.lower_bound, type) and callable(getattr(given.lower_bound, "fit", None))
    if not (isinstance(given.lower_bound, bool | np.bool_) or is_critic):
        raise InputError(f"lower_bound is {given.lower_bound!r}: give True or False, or a critic with a method fit(x, y, rng).")
    if not isinstance(given.series, bool | np.bool_):
        raise InputError(f"series is {given.series!r}: give True if rows are in order of time.")
    alpha = threshold(given.alpha)
    if alpha != Settings.alpha and given.estimator != "lnc":
        raise InputError(f"alpha is for the estimator lnc, and the estimator is {given.estimator}: leave alpha out.")
    return dataclasses.replace(
        given,
        alpha=alpha,
        noise=noise_scale(given.noise),
        seed=whole_number(given.seed, "seed", at_least=0),
        exclude=None if given.exclude is None else whole_number(given.exclude, "exclude", at_least=1),
    )


def check_left_as_they_are(standardize: Standardize, noise: float) -> None:
    """Raise InputError if samples that are only compared for equality would be changed first."""
    if standardize != "none" or noise > 0:
        raise InputError("the estimator discrete compares samples as they are: leave out standardize and noise.")


def neighbour_orders(k: int | Sequence[int], n_samples: int, name: str = "x") -> tuple[int, ...]:
    """Check one or several neighbour orders, each at least 1 and below n_samples, the number of samples of `name`."""
    orders: Any = k if is_several(k) else [k]
    ks = tuple(whole_number(order, "k", at_least=1) for order in orders)
    if not ks:
        raise InputError("k is empty: give at least one neighbour order.")
    for order in ks:
        if order >= n_samples:
            raise InputError(f"{name} has {n_samples} samples and k={order}: k must be smaller than the number of samples.")
    return ks


def check_single(k: int | Sequence[int] | None, estimator: str) -> None:
    """Raise InputError for several neighbour orders if no neighbours are searched: all would give the same result."""
    if is_several(k):
        raise InputError(f"k has several values, but the estimator {estimator} searches no neighbours: leave k out.")


def is_several(k: Any) -> bool:
    """Tell whether `k` is a sequence or a vector of neighbour orders rather than a single one."""
    if isinstance(k, np.ndarray):
        return k.ndim > 0
    return isinstance(k, Sequence) and not isinstance(k, str | bytes)


def whole_number(value: Any, name: str, at_least: int | None = None, at_most: int | None = None) -> int:
    """Convert a Python or NumPy integer to int; refuse floats, text and bool."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise InputError(f"{name} is {value!r}: it must be a whole number.") from None
    if at_least is not None and number < at_least:
        raise InputError(f"{name} is {number}: it must be at least {at_least}.")
    if at_most is not None and number > at_most:
        raise InputError(f"{name} is {number}: it must be at most {at_most:,}.")
    return number


def thread_count(threads: object) -> int:
    """Check the number of threads; None means as many as the process may use."""
    return available_threads() if threads is None else whole_number(threads, "threads", at_least=1)


def check_scheduler(scheduler: object, estimator: str, can_be_split: Collection[str]) -> None:
    """Raise InputError unless `scheduler` is None, or is an address and the estimator's work can be split."""
    if scheduler is None:
        return
    check_address(scheduler)
    if estimator not in can_be_split:
        raise InputError(
            f"estimator {estimator} runs on one machine, {' and '.join(sorted(can_be_split))} can be split over a cluster: "
            "leave scheduler out, or choose one of them."
        )


def check_address(scheduler: object) -> None:
    """Raise InputError unless `scheduler` is the address of a Dask scheduler, by TCP or by TLS."""
    if not isinstance(scheduler, str) or not re.fullmatch(r"(tcp|tls)://\S+:\d+", scheduler):
        raise InputError(
            f"scheduler is {scheduler!r}: give its address as `dask scheduler` prints it, like tcp://10.0.0.1:8786, or "
            "tls://10.0.0.1:8786 with TLS."
        )


def one_of(value: object, literal: Any, name: str) -> None:
    """Raise InputError unless `value` is one of the words of a Literal type."""
    words = get_args(literal)
    if not isinstance(value, str) or value not in words:
        raise InputError(f"{name} is {value!r}: it must be one of {', '.join(words)}{did_you_mean(value, words)}")


def check_progress(progress: object) -> None:
    """Raise InputError unless `progress` is a function, True, False or None."""
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise InputError(
            f"progress is {progress!r}: give True for a bar on stderr, a function of (steps done, steps in all), or None."
        )


def threshold(alpha: Any) -> float:
    """Check `alpha` and convert it to float."""
    value = real_number(alpha, "alpha")
    if not 0 < value <= 1:
        raise InputError(f"alpha is {value:g}: it must be above 0 and at most 1.")
    return value


def noise_scale(noise: Any) -> float:
    """Check `noise` and convert it to float."""
    scale = real_number(noise, "noise")
    if not 0 <= scale <= LARGEST_NOISE:
        raise InputError(f"noise is {scale:g}: it must be between 0 and {LARGEST_NOISE:g} times the data's spread.")
    return scale


def real_number(value: Any, name: str) -> float:
    """Convert a number to float; refuse text and bool."""
    if isinstance(value, bool | np.bool_):
        raise InputError(f"{name} is {value!r}: it must be a number.")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} is {value!r}: it must be a number.") from None
