"""Feature scores for scikit-learn: its own estimates without the noise that it adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mi_core import arguments, arrays
from mi_core._estimators import Search, discrete, ksg1, ross_of_all
from mi_core._notes import FEW_CLASSES
from mi_core._prepare import Prepared, standardize
from mi_core._ties import may_tie
from mi_core.backends.cpu.workers import Workers
from mi_core.errors import InputError
from mi_core.sampling import DEFAULT_ORDER
from mi_core.types import FloatArray, Samples

Target = Literal["auto", "numbers", "classes"]

RECURS = 2  # samples for each of the whole numbers that are classes


def scores(
    X: Any,  # noqa: N803  as scikit-learn names it, by which its selectors may pass it
    y: Any,
    *,
    target: Target = "auto",
    discrete_features: bool | Sequence[int] | Sequence[bool] | NDArray[Any] = False,
    k: int = DEFAULT_ORDER,
    threads: int | None = None,
) -> FloatArray:
    """Mutual information of each feature with y, in nats: a `score_func` for SelectKBest and SelectPercentile.

    Scores equal those of scikit-learn's `mutual_info_regression` for numbers y, or `mutual_info_classif` for classes y, without
    their random noise: the same on data without ties, and the same at every call. On data with ties, scikit-learn's scores
    depend on that noise; here ties are averaged over all their orders. As in scikit-learn, columns of numbers are divided by
    their standard deviation, scores below 0 are set to 0, a class with at most k members uses all its members as neighbours,
    and a class with one member is left out.

    Args:
        X: (n_samples, n_features), or a data frame.
        y: (n_samples,) numbers or classes.
        target: Kind of y: "numbers", "classes", or "auto" (default) to infer it. Text, bool and categories are classes, and so
            are whole numbers with at most 20 values and two or more samples for each; everything else is numbers.
        discrete_features: Features that are classes: True for all, False (default) for none, a mask, or their positions.
        k: Neighbour order, `n_neighbors` of scikit-learn.
        threads: Maximum number of threads; None means as many as the process may use.

    Returns:
        (n_features,) scores in nats.

    Raises:
        InputError: X or y cannot be used; the message says what came and what to do.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> X = rng.standard_normal((500, 3))
        >>> scores(X, X[:, 1] + rng.standard_normal(500)).argmax()
        np.int64(1)
    """
    arguments.one_of(target, Target, "target")
    table = arrays.table(X, "X")
    features = list(table.columns.values())
    are_classes = mask_of(discrete_features, len(features))
    for feature, is_class in zip(features, are_classes, strict=True):
        table.check_complete(feature)
        if feature.kind == "text" and not is_class:
            raise InputError(
                f"X: column {feature.name} is text, first {feature.values[0]!r}: encode it as numbers, or name its place in "
                "discrete_features where it holds classes."
            )
    of_classes = target == "classes" or (target == "auto" and is_classes(y))
    side, _ = arrays.labels(y, "y") if of_classes else arrays.samples(y, "y")
    if side.shape[1] > 1:
        raise InputError(f"y has {side.shape[1]} columns: give one value a sample, shape (n_samples,).")
    if len(side) != len(table):
        raise InputError(f"X has {len(table)} samples and y has {len(side)}: they must be paired row by row.")
    (order,) = arguments.neighbour_orders((k,), len(table))
    y_ready = side if of_classes else of_unit_variance(side)
    found = np.zeros(len(features))

    def work(first: int, last: int) -> None:
        for place in range(first, last):
            column = features[place].values
            if are_classes[place]:
                x = arrays.labels(column, f"X: column {features[place].name}")[0]
            else:
                x = of_unit_variance(arrays.cleaned(column.reshape(-1, 1), f"X: column {features[place].name}")[0])
            found[place] = score(x, bool(are_classes[place]), y_ready, of_classes, order)

    with Workers(min(arguments.thread_count(threads), len(features))) as workers:
        workers.for_each_tile(work, len(features), 1)
    return found


def score(x: Samples, x_is_classes: bool, y: Samples, y_is_classes: bool, k: int) -> float:
    """Mutual information of two columns (n, 1) in nats, 0 if the estimate is negative."""
    if arrays.is_constant(x) or arrays.is_constant(y):
        return 0.0
    search = Search((k,), "cpu", threads=1)
    if x_is_classes and y_is_classes:
        (local,) = discrete(Prepared(x, y), search)
        return max(0.0, local.mean)
    if x_is_classes or y_is_classes:
        return max(0.0, between_classes(y, x, k) if x_is_classes else between_classes(x, y, k))
    (local,) = ksg1(Prepared(x, y), search)
    return max(0.0, local.mean)


def between_classes(x: Samples, labels: Samples, k: int) -> float:
    """Estimate of Ross 2014 in nats; a class with at most k members uses all its members as neighbours."""
    members = np.bincount(labels[:, 0].astype(np.int64))
    rows = members[labels[:, 0].astype(np.int64)] > 1
    if not rows.any():
        return 0.0
    names, places = np.unique(labels[rows], return_inverse=True)
    samples = Prepared(x[rows], places.reshape(-1, 1).astype(np.float64), classes=tuple(map(str, names)))
    (local,) = ross_of_all(samples, Search((k,), "cpu", threads=1))
    return local.mean


def of_unit_variance(points: Samples) -> Samples:
    """Divide columns by their standard deviation: exactly, as scikit-learn does, or so that equal distances stay equal."""
    if may_tie(points) or arrays.is_constant(points):
        return standardize(points, "columns")
    divided: FloatArray = points / np.std(points, axis=0, dtype=np.float64)
    return divided


def is_classes(y: Any) -> bool:
    """Tell whether values are classes: text, bool, categories, or few whole numbers that recur."""
    column = next(iter(arrays.table(y, "y").columns.values()))
    if column.kind in ("text", "flags"):
        return True
    if column.kind != "numbers" or column.missing.any() or (column.values % 1 != 0).any():
        return False
    distinct = len(np.unique(column.values))
    return distinct <= min(FEW_CLASSES, len(column.values) / RECURS)


def mask_of(discrete_features: Any, count: int) -> NDArray[np.bool_]:
    """Mask of the features that are classes."""
    if isinstance(discrete_features, bool):
        return np.full(count, discrete_features)
    mask, given = np.zeros(count, np.bool_), np.asarray(discrete_features)
    if given.dtype.kind == "b" and given.shape == (count,):
        return given
    if given.dtype.kind not in "iu" or given.ndim != 1 or (given < 0).any() or (given >= count).any():
        raise InputError(
            f"discrete_features is {discrete_features!r}: give True, False, a mask of {count} or places from 0 to {count - 1}."
        )
    mask[given] = True
    return mask
