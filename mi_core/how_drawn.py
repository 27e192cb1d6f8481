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
COLUMNS_AT_ONCE = 64  # whose autocorrelations are computed together
COMPONENTS = 3  # that columns may share
MOST_COLUMNS = 512  # among which these are sought
MOST_CLASSES = 32  # that count singly


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

    What columns share counts as a column. A column has forgotten when its autocorrelation is below 1/e. The memory is `most` if
    that never happens.
    """
    columns = centred(points)[0]
    some = [columns[:, start : start + COLUMNS_AT_ONCE] for start in range(0, columns.shape[1], COLUMNS_AT_ONCE)]
    some += [components(columns)] if columns.shape[1] > 1 else []
    return max(first_forgotten(part - part.mean(axis=0), most) for columns in some for part in (columns, np.abs(columns)))


def components(columns: FloatArray) -> FloatArray:
    """Leading principal components (n, few) of centred columns (n, dim) of one scale, as what is slow may hide in each."""
    some = columns[:, :: -(-columns.shape[1] // MOST_COLUMNS)]
    deviations = some.std(axis=0)
    some = some / np.where(deviations > 0, deviations, 1.0)
    _, directions = np.linalg.eigh(some.T @ some)
    leading: FloatArray = some @ directions[:, -COMPONENTS:]
    return leading


def memory_of_classes(places: Samples, most: int) -> int:
    """Memory of a series of classes (n, 1): that of the slowest functions of them, whatever the classes are called.

    These are the eigenfunctions of the frequencies with which classes follow each other, in either direction of time. Where
    there are many classes, neighbours in their order count as one.
    """
    _, codes = np.unique(places, return_inverse=True)
    codes = codes.reshape(-1)
    kinds = int(codes.max()) + 1
    if kinds > MOST_CLASSES:
        codes = np.searchsorted(np.quantile(codes, np.linspace(0, 1, MOST_CLASSES + 1)[1:-1]), codes)
        codes = np.unique(codes, return_inverse=True)[1].reshape(-1)
        kinds = int(codes.max()) + 1
    joint = np.bincount(codes[:-1] * kinds + codes[1:], minlength=kinds * kinds).reshape(kinds, kinds)
    joint = joint + joint.T
    roots = np.sqrt(joint.sum(axis=1))
    _, vectors = np.linalg.eigh(joint / np.outer(roots, roots))
    functions = (vectors[:, :-1] / roots[:, np.newaxis])[codes]  # without the constant one, which is the last
    return first_forgotten(functions - functions.mean(axis=0), most) if kinds > 1 else 1


def first_forgotten(columns: FloatArray, most: int) -> int:
    """First step at which the autocorrelation of the slowest centred column (n, dim) is below `FORGOTTEN`; at most `most`."""
    n = len(columns)
    power = np.abs(np.fft.rfft(columns, 2 * n, axis=0)) ** 2
    correlation = np.fft.irfft(power, axis=0)[: most + 1]
    below = correlation < FORGOTTEN * np.where(correlation[0] > 0, correlation[0], np.inf)
    return int(np.where(below.any(axis=0), below.argmax(axis=0), most).max())
