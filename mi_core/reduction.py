"""Fewer columns from many: principal components, random projections, or whatever a caller's own reducer makes of the sides.

A function of x and a function of y share no more information than x and y do (the data-processing inequality), so the MI of
what comes out is a lower bound of the MI of what went in, and it lives in dimensions where an estimate is possible. That holds
for a reducer that was chosen without a look at how these very samples are paired.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import numpy as np

from mi_core import arrays
from mi_core._prepare import centred
from mi_core.errors import InputError
from mi_core.results import Reduction
from mi_core.types import FloatArray, Reducer, Samples
from mi_core.uncertainty import generator

UNKNOWN = "unknown: the reducer does not say"


@dataclasses.dataclass(frozen=True)
class Projection:
    """Reducer to `dim` coordinates along orthonormal directions of each side by itself; "pca:10" and "random:10" are two."""

    method: str
    dim: int

    def __call__(self, x: Samples, y: Samples, rng: np.random.Generator) -> tuple[Samples, Samples]:
        """Both sides with at most `dim` columns."""
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
        """What the directions were chosen by."""
        return "each side by itself, all samples" if self.method == "pca" else "nothing: directions are random"


def reducer_of(reduce: object) -> Reducer:
    """A reducer from text like pca:10 or random:10, or the callable that was given.

    Raises:
        InputError: It is neither.
    """
    if callable(reduce) and not isinstance(reduce, type):
        return reduce
    found = re.fullmatch(rf"({'|'.join(DIRECTIONS)}):([1-9][0-9]*)", reduce) if isinstance(reduce, str) else None
    if found is None:
        raise InputError(
            f"reduce is {reduce!r}: give a method and a number of columns, pca:10 or random:10, or a function "
            "(x, y, rng) -> fewer columns of each."
        )
    return Projection(found[1], int(found[2]))


def reduced(x: Samples, y: Samples, reducer: Reducer, seed: int) -> tuple[Samples, Samples, Reduction]:
    """Both sides with fewer columns, and what was done."""
    few = reducer(read_only(x), read_only(y), generator(seed, "projections"))
    if not isinstance(few, tuple | list) or len(few) != 2:
        raise InputError(f"the reducer gave {type(few).__name__}: it must give two arrays, fewer columns of x and of y.")
    few_x, few_y = (arrays.samples(side, f"{name} as the reducer gives it")[0] for side, name in zip(few, "xy", strict=True))
    arrays.check_same_length({"x": x, "x as the reducer gives it": few_x, "y as the reducer gives it": few_y})
    for name, side, fewer in (("x", x, few_x), ("y", y, few_y)):
        if fewer.shape[1] > side.shape[1]:
            raise InputError(f"the reducer made {fewer.shape[1]} columns of the {side.shape[1]} of {name}: it must give fewer.")
    fitted_on = str(getattr(reducer, "fitted_on", None) or UNKNOWN)
    if isinstance(reducer, Projection):
        kept_x, kept_y = (share_of_variance(side, columns) for side, columns in ((x, few_x), (y, few_y)))
        drawn = seed if reducer.method == "random" else None
        return few_x, few_y, Reduction(reducer.method, reducer.dim, kept_x, kept_y, fitted_on, drawn)
    name = getattr(reducer, "__name__", type(reducer).__name__)
    return few_x, few_y, Reduction(name, None, None, None, fitted_on, seed)


def read_only(points: Samples) -> Samples:
    """A view of samples that a reducer cannot change."""
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
    """(n, dim) coordinates along orthonormal directions.

    Equal samples keep equal coordinates: `einsum` adds up each row alike, which a matrix product of BLAS does not promise.
    """
    columns, largest = centred(points)
    columns *= largest / largest.max()
    coordinates: FloatArray = largest.max() * np.einsum("ij,jk->ik", columns, directions(columns, dim, rng))
    return coordinates


def principal_components(columns: FloatArray, dim: int, rng: np.random.Generator) -> FloatArray:
    """Directions (all dimensions, dim) of largest variance of columns around 0 (n, all dimensions).

    From the triangle of columns = Q R: their covariance would square the condition, and so blur all but the largest.
    """
    _, _, directions = np.linalg.svd(np.linalg.qr(columns, mode="r"), full_matrices=dim > len(columns))
    return np.ascontiguousarray(directions[:dim].T)


def random_projections(columns: FloatArray, dim: int, rng: np.random.Generator) -> FloatArray:
    """Random orthogonal directions (all dimensions, dim)."""
    directions, _ = np.linalg.qr(rng.standard_normal((columns.shape[1], dim)))
    return directions


DIRECTIONS = {"pca": principal_components, "random": random_projections}
