"""Dimension reduction: principal components, random projections, shared directions, or a caller's own reducer.

A function of x and a function of y share no more information than x and y do (the data-processing inequality). So the MI of
the reduced sides is a lower bound of the MI of the whole, in a dimension that permits an estimate. This holds if the reducer
was chosen without knowing how these samples are paired. A reducer that uses both sides, such as shared directions, is fitted on
one half of the samples and used on the other.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from mi_core import arrays
from mi_core._prepare import centred
from mi_core.errors import InputError
from mi_core.ranks import Ranks
from mi_core.results import Reduction
from mi_core.sampling import Sampling, fit
from mi_core.seeds import generator
from mi_core.shared_directions import SharedDirections
from mi_core.types import CrossFittedReducer, FloatArray, IntArray, Reducer, Samples

UNKNOWN = "unknown: the reducer does not say"
ON_OTHER_HALF = "both sides, on the half of the samples that is not estimated from"


@dataclasses.dataclass(frozen=True)
class Projection:
    """Reducer to `dim` coordinates along orthonormal directions of each side separately, such as "pca:10" and "random:10"."""

    method: str
    dim: int

    def __call__(self, x: Samples, y: Samples, rng: np.random.Generator) -> tuple[Samples, Samples]:
        """Reduce both sides to at most `dim` columns."""
        if self.dim >= max(x.shape[1], y.shape[1]):
            raise InputError(
                f"reduce asks for {self.dim} columns, x has {x.shape[1]} and y {y.shape[1]}: ask for fewer, or leave it out."
            )
        few_x, few_y = (side if self.dim >= side.shape[1] else self.of(side, rng) for side in (x, y))
        return few_x, few_y

    def of(self, side: Samples, rng: np.random.Generator) -> FloatArray:
        """Coordinates (n, dim) of one side."""
        return projected(side, DIRECTIONS[self.method], self.dim, rng)

    @property
    def fitted_on(self) -> str:
        """Data that the directions were chosen by, in words."""
        return "each side by itself, all samples" if self.method == "pca" else "nothing: directions are random"


@dataclasses.dataclass(frozen=True)
class SharedColumns:
    """Cross-fitted reducer to at most `dim` pairs of directions that the sides share, such as "cca:8"."""

    dim: int

    def halves(self, x: Samples, y: Samples, sampling: Sampling, seed: int) -> Halves:
        """Prepare for fitting on some rows and use on others."""
        if self.dim > min(x.shape[1], y.shape[1]):
            raise InputError(
                f"reduce asks for {self.dim} shared directions, x has {x.shape[1]} columns and y {y.shape[1]}: ask for at most "
                "as many as the narrower side has."
            )
        shared = SharedDirections(Ranks(x), Ranks(y), sampling)

        def along(fitted: IntArray, rest: IntArray, pairing: IntArray | None) -> tuple[Samples, Samples]:
            rng = generator(seed, "shared directions")
            along_x, along_y, _ = shared.along(fitted, rest, rng, most=self.dim, least=1, pairing=pairing)
            return along_x, along_y

        return along


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A caller's own reducer with a method `fit`, used as `SharedColumns` is."""

    reducer: CrossFittedReducer

    def halves(self, x: Samples, y: Samples, sampling: Sampling, seed: int) -> Halves:
        """Prepare for fitting on some rows and use on others."""

        def along(fitted: IntArray, rest: IntArray, pairing: IntArray | None) -> tuple[Samples, Samples]:
            of_y = (fitted, rest) if pairing is None else (pairing[fitted], pairing[rest])
            use = fit(self.reducer, x[fitted], y[of_y[0]], generator(seed, "projections"), sampling.take(fitted))
            if not callable(use):
                raise InputError(f"fit of the reducer gave {type(use).__name__}: it must give a function of x and y.")
            given_x, given_y = x[rest], y[of_y[1]]
            return checked(use(read_only(given_x), read_only(given_y)), given_x, given_y)

        return along


Halves = Callable[[IntArray, IntArray, "IntArray | None"], tuple[Samples, Samples]]
"""(rows to fit on, rows to reduce, the row of y beside each of x or None) -> fewer columns of those rows of x and of y."""


def cross_fitted(reduce: object) -> SharedColumns | Fitted | None:
    """Make a cross-fitted reducer from text like cca:8 or an object with a method `fit`; return None for others."""
    if isinstance(reduce, str) and (found := re.fullmatch(r"cca:([1-9][0-9]*)", reduce)):
        return SharedColumns(int(found[1]))
    if not isinstance(reduce, type) and callable(getattr(reduce, "fit", None)):
        return Fitted(cast(CrossFittedReducer, reduce))
    return None


def what_was_done(way: SharedColumns | Fitted, seed: int) -> Reduction:
    """Record of a cross-fitted reduction."""
    if isinstance(way, SharedColumns):
        return Reduction("cca", way.dim, None, None, ON_OTHER_HALF, seed)
    return Reduction(name_of(way.reducer), None, None, None, ON_OTHER_HALF, seed)


def reducer_of(reduce: object) -> Reducer:
    """Make a reducer from text like pca:10 or random:10, or return a callable as it is.

    Raises:
        InputError: The argument is neither.
    """
    if callable(reduce) and not isinstance(reduce, type):
        return reduce
    found = re.fullmatch(rf"({'|'.join(DIRECTIONS)}):([1-9][0-9]*)", reduce) if isinstance(reduce, str) else None
    if found is None:
        raise InputError(
            f"reduce is {reduce!r}: give a method and a number of columns, cca:8, pca:10 or random:10, a function "
            "(x, y, rng) -> fewer columns of each, or an object with fit(x, y, rng) that returns one of (x, y)."
        )
    return Projection(found[1], int(found[2]))


def check(reduce: object) -> None:
    """Raise InputError unless the argument is a reducer."""
    if cross_fitted(reduce) is None:
        reducer_of(reduce)


def reduced(x: Samples, y: Samples, reducer: Reducer, seed: int) -> tuple[Samples, Samples, Reduction]:
    """Reduce both sides to fewer columns, with a record of the reduction."""
    few_x, few_y = checked(reducer(read_only(x), read_only(y), generator(seed, "projections")), x, y)
    fitted_on = str(getattr(reducer, "fitted_on", None) or UNKNOWN)
    if isinstance(reducer, Projection):
        kept_x, kept_y = (share_of_variance(side, columns) for side, columns in ((x, few_x), (y, few_y)))
        drawn = seed if reducer.method == "random" else None
        return few_x, few_y, Reduction(reducer.method, reducer.dim, kept_x, kept_y, fitted_on, drawn)
    return few_x, few_y, Reduction(name_of(reducer), None, None, None, fitted_on, seed)


def checked(few: Any, x: Samples, y: Samples) -> tuple[Samples, Samples]:
    """Convert the output of a reducer to samples.

    Raises:
        InputError: The output is not fewer columns of the same samples of both sides.
    """
    if not isinstance(few, tuple | list) or len(few) != 2:
        raise InputError(f"the reducer gave {type(few).__name__}: it must give two arrays, fewer columns of x and of y.")
    few_x, few_y = (arrays.samples(side, f"{name} as the reducer gives it")[0] for side, name in zip(few, "xy", strict=True))
    arrays.check_same_length({"x": x, "x as the reducer gives it": few_x, "y as the reducer gives it": few_y})
    for name, side, fewer in (("x", x, few_x), ("y", y, few_y)):
        if fewer.shape[1] > side.shape[1]:
            raise InputError(f"the reducer made {fewer.shape[1]} columns of the {side.shape[1]} of {name}: it must give fewer.")
    return few_x, few_y


def name_of(reducer: object) -> str:
    """Name of a caller's own reducer in results."""
    return str(getattr(reducer, "__name__", type(reducer).__name__))


def read_only(points: Samples) -> Samples:
    """View of samples that a reducer cannot change."""
    view = points.view()
    view.flags.writeable = False
    return view


def share_of_variance(points: Samples, coordinates: Samples) -> float:
    """Share of all variance of points (n, dim) that lies in coordinates (n, few) along orthonormal directions."""
    columns, largest = centred(points)
    inside, largest_inside = centred(coordinates)
    scale = largest.max()
    return float(((inside * (largest_inside / scale)) ** 2).sum() / ((columns * (largest / scale)) ** 2).sum())


def projected(
    points: Samples,
    directions: Callable[[FloatArray, int, np.random.Generator], FloatArray],
    dim: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Coordinates (n, dim) along orthonormal directions.

    Equal samples keep equal coordinates: `einsum` sums every row in the same order, which BLAS does not guarantee.
    """
    columns, largest = centred(points)
    columns *= largest / largest.max()
    coordinates: FloatArray = largest.max() * np.einsum("ij,jk->ik", columns, directions(columns, dim, rng))
    return coordinates


def principal_components(columns: FloatArray, dim: int, rng: np.random.Generator) -> FloatArray:
    """Directions (all dimensions, dim) of largest variance of centred columns (n, all dimensions).

    They come from the triangle R of columns = Q R. The covariance would square the condition number, and so blur all but the
    largest.
    """
    _, _, directions = np.linalg.svd(np.linalg.qr(columns, mode="r"), full_matrices=dim > len(columns))
    return np.ascontiguousarray(directions[:dim].T)


def random_projections(columns: FloatArray, dim: int, rng: np.random.Generator) -> FloatArray:
    """Random orthogonal directions (all dimensions, dim)."""
    directions, _ = np.linalg.qr(rng.standard_normal((columns.shape[1], dim)))
    return directions


DIRECTIONS = {"pca": principal_components, "random": random_projections}
