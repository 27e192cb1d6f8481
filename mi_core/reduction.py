"""Fewer columns from many: principal components, or random projections, of each side by itself.

A function of x and a function of y share no more information than x and y do (the data-processing inequality), so the MI of
what comes out is a lower bound of the MI of what went in, and it lives in dimensions where an estimate is possible.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from mi_core._prepare import centred
from mi_core.errors import InputError
from mi_core.results import Reduction
from mi_core.types import FloatArray, Samples
from mi_core.uncertainty import generator

METHODS = ("pca", "random")


def parsed(reduce: object) -> tuple[str, int]:
    """Method and number of columns from text like pca:10 or random:10."""
    found = re.fullmatch(rf"({'|'.join(METHODS)}):([1-9][0-9]*)", reduce) if isinstance(reduce, str) else None
    if found is None:
        raise InputError(f"reduce is {reduce!r}: give a method and a number of columns, pca:10 or random:10.")
    return found[1], int(found[2])


def reduced(x: Samples, y: Samples, method: str, dim: int, seed: int) -> tuple[Samples, Samples, Reduction]:
    """Both sides with at most `dim` columns, and what was done."""
    if dim >= max(x.shape[1], y.shape[1]):
        raise InputError(
            f"reduce asks for {dim} columns, x has {x.shape[1]} and y {y.shape[1]}: ask for fewer, or leave it out."
        )
    rng = generator(seed, "projections")
    (few_x, kept_x), (few_y, kept_y) = (
        (side, 1.0) if dim >= side.shape[1] else projected(side, DIRECTIONS[method], dim, rng) for side in (x, y)
    )
    return few_x, few_y, Reduction(method, dim, kept_x, kept_y, seed if method == "random" else None)


def projected(
    points: Samples,
    directions: Callable[[FloatArray, int, np.random.Generator], FloatArray],
    dim: int,
    rng: np.random.Generator,
) -> tuple[FloatArray, float]:
    """(n, dim) coordinates along orthonormal directions, and their share of all variance.

    Equal samples keep equal coordinates: `einsum` adds up each row alike, which a matrix product of BLAS does not promise.
    """
    columns, largest = centred(points)
    columns *= largest / largest.max()
    coordinates = np.einsum("ij,jk->ik", columns, directions(columns, dim, rng))
    return largest.max() * coordinates, float((coordinates**2).sum() / (columns**2).sum())


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
