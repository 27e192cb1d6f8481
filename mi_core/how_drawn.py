"""Validation of groups and series, which become a `sampling.Sampling`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from mi_core import arrays
from mi_core._prepare import centred
from mi_core.arguments import Settings
from mi_core.errors import InputError
from mi_core.sampling import INDEPENDENT, Groups, Sampling, Series
from mi_core.types import FloatArray, IntArray, Samples

FORGOTTEN = float(np.exp(-1))  # autocorrelation below which a series has forgotten
MOST_EXCLUDED = 4  # exclude is at most this part of the series
MOST_COLUMNS = 64  # whose autocorrelation is looked at
MOST_CLASSES = 8  # that count singly; the others count as one
MEMBERS = 100  # samples for each class that counts singly, so that chance correlates little
FINE_LAGS, COARSER = 20, 1.05  # every lag up to one, beyond it growing by a factor


def drawn(settings: Settings, sides: Sequence[Samples], are_classes: Sequence[bool] = ()) -> tuple[Sampling, IntArray | None]:
    """Record how samples were drawn, and give the order to put their rows in; None means no change of order.

    Args:
        settings: Options, of which three are used: groups, (n_samples,) labels of each row's group; series, whether rows are a
            time series in order; exclude, how many steps of a series belong together, None for the memory of the sides.
        sides: (n_samples, dim) samples of two or more sides.
        are_classes: For each side whether it is of classes, (n_samples, 1), which only are equal or not; () for none.

    Raises:
        InputError: The groups or exclude cannot be used, or both groups and series were named.
    """
    n_samples, groups, series, exclude = len(sides[0]), settings.groups, settings.series, settings.exclude
    if (groups is not None or series) and settings.scheduler is not None:
        raise InputError("groups and series cannot be split over a cluster: leave scheduler out.")
    if exclude is not None and not series:
        raise InputError("exclude needs series: say that rows are in order of time, or leave exclude out.")
    if groups is not None and series:
        raise InputError("groups and series exclude each other: rows in order of time within each group are groups.")
    if groups is not None:
        return in_groups(groups, n_samples)
    if not series:
        return INDEPENDENT, None
    most = n_samples // MOST_EXCLUDED
    if exclude is None:
        memories = [
            memory_of_classes(side, most) if is_class else memory(side, most)
            for side, is_class in zip_longest(sides, are_classes)
        ]
        exclude = max(1, min(most, sorted(memories)[-2]))
    elif exclude > most:
        raise InputError(
            f"exclude is {exclude:,} and there are {n_samples:,} samples: it must be at most a quarter of them, {most:,}."
        )
    return Series(np.arange(n_samples), exclude), None


def in_groups(groups: Any, n_samples: int) -> tuple[Groups, IntArray | None]:
    """Groups from labels (n_samples,), and the order that puts rows of one group side by side."""
    places, names = arrays.classes_of(groups, "groups")
    if len(places) != n_samples:
        raise InputError(f"groups has {len(places):,} rows and x has {n_samples:,} samples: give the group of each sample.")
    if len(names) == 1:
        raise InputError(f"groups has only one group, {names[0]}: at least two are needed, preferably twenty.")
    if len(names) == n_samples:
        raise InputError("groups has a different group for each row, so nothing is grouped: leave groups out.")
    is_sorted = bool((places[1:] >= places[:-1]).all())
    order = None if is_sorted else np.argsort(places, kind="stable")
    return Groups(places if order is None else places[order]), order


def memory(points: Samples, most: int) -> int:
    """Memory of a series (n, dim): steps until its slowest column forgets its value and its distance from the centre.

    A column has forgotten when its autocorrelation is below 1/e. The memory is `most` if that never happens.
    """
    columns = centred(points[:, :: -(-points.shape[1] // MOST_COLUMNS)])[0]
    return max(first_forgotten(columns, most), first_forgotten(np.abs(columns) - np.abs(columns).mean(axis=0), most))


def memory_of_classes(places: Samples, most: int) -> int:
    """Memory of a series of classes (n, 1), whatever they are called: steps until no function of the class is correlated with
    itself by 1/e or more, or `most` if that never happens.

    The largest such correlation is the second singular value of the joint frequencies of the classes at two times, divided by
    the roots of their products (Hirschfeld 1935, doi:10.1017/S0305004100013517).
    """
    n = len(places)
    _, codes, counts = np.unique(places, return_inverse=True, return_counts=True)
    common = np.argsort(-counts, kind="stable")[: max(1, min(MOST_CLASSES, n // MEMBERS))]
    alone = np.full(len(counts), len(common))
    alone[common] = np.arange(len(common))
    codes = alone[codes.reshape(-1)]
    kinds = len(common) + 1
    lag = 1
    while lag < most:
        joint = np.bincount(codes[:-lag] * kinds + codes[lag:], minlength=kinds * kinds).reshape(kinds, kinds) / (n - lag)
        roots = np.sqrt(np.outer(joint.sum(axis=1), joint.sum(axis=0)))
        apart = (joint - roots**2) / np.where(roots > 0, roots, 1.0)
        if np.linalg.norm(apart, 2) < FORGOTTEN:
            return lag
        lag = lag + 1 if lag < FINE_LAGS else int(np.ceil(lag * COARSER))
    return most


def first_forgotten(columns: FloatArray, most: int) -> int:
    """First step at which the autocorrelation of the slowest centred column (n, dim) is below `FORGOTTEN`; at most `most`."""
    n = len(columns)
    power = np.abs(np.fft.rfft(columns, 2 * n, axis=0)) ** 2
    correlation = np.fft.irfft(power, axis=0)[: most + 1]
    below = correlation < FORGOTTEN * np.where(correlation[0] > 0, correlation[0], np.inf)
    return int(np.where(below.any(axis=0), below.argmax(axis=0), most).max())
