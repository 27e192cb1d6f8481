"""Fewer columns from many: principal components, or random projections, of each side by itself.

A function of x and a function of y share no more information than x and y do (the data-processing inequality), so the MI of
what comes out is a lower bound of the MI of what went in, and it lives in dimensions where an estimate is possible.
"""

from __future__ import annotations

import re

import numpy as np

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
        (side, 1.0) if dim >= side.shape[1] else WAYS[method](side, dim, rng) for side in (x, y)
    )
    return few_x, few_y, Reduction(method, dim, kept_x, kept_y, seed if method == "random" else None)


def principal_components(points: Samples, dim: int, rng: np.random.Generator) -> tuple[FloatArray, float]:
    """(n, dim) coordinates along the directions of largest variance, and their share of all variance."""
    centred, covariance, largest = centred_with_covariance(points)
    variances, directions = np.linalg.eigh(covariance)
    return largest * (centred @ directions[:, ::-1][:, :dim]), float(variances[-dim:].sum() / variances.sum())


def random_projections(points: Samples, dim: int, rng: np.random.Generator) -> tuple[FloatArray, float]:
    """(n, dim) coordinates along random orthogonal directions, and their share of all variance."""
    centred, covariance, largest = centred_with_covariance(points)
    directions, _ = np.linalg.qr(rng.standard_normal((points.shape[1], dim)))
    return largest * (centred @ directions), float(np.sum(directions * (covariance @ directions)) / np.trace(covariance))


def centred_with_covariance(points: Samples) -> tuple[FloatArray, FloatArray, float]:
    """Columns around 0, divided by the largest value so that no square overflows, their covariance, and that value."""
    centred = points - points[0].astype(np.float64)
    largest = float(np.abs(centred).max())
    centred /= largest
    centred -= centred.mean(axis=0)
    return centred, centred.T @ centred / len(points), largest


WAYS = {"pca": principal_components, "random": random_projections}
