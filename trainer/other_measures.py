"""Measures other than MI of how alike two layers are, for the rows of a training."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from typing import Any

from mi_core import InputError, similarity
from mi_core.arguments import neighbour_orders
from mi_core.options import USUAL_NEIGHBOURS
from mi_core.seeds import generator
from mi_core.types import Samples
from trainer.config import Also


class Layer:
    """A layer, whose neighbours are searched once for all measures of all its pairs."""

    def __init__(self, name: str, activations: Any) -> None:
        self.name = name
        self.activations = activations

    @functools.cached_property
    def call(self) -> similarity.Call:
        """The checked activations, and the threads to use."""
        return similarity.opened({"x": self.activations}, 0, 0, None, "refuse")

    @property
    def points(self) -> Samples:
        """(n_samples, dim) activations."""
        return self.call.sides["x"]

    @functools.cached_property
    def near(self) -> similarity.Neighbours:
        """The ten nearest neighbours of each sample."""
        (k,) = neighbour_orders((USUAL_NEIGHBOURS,), len(self.points))
        return similarity.neighbours(self.points, k, "euclidean", generator(0, f"ties in {self.name}"), self.call.threads)


def intrinsic_dimension(layer: Layer) -> float:
    """Intrinsic dimension of a layer, from the distances to the two nearest neighbours of each sample: TwoNN."""
    return similarity.dimension_of(layer.points, layer.near.far[:, :2], layer.call.threads)[0]


MEASURES: Mapping[Also, Mapping[str, Callable[[Layer, Layer], Any]]] = {
    "cka": {"cka": lambda x, y: similarity.cka(x.points, y.points)},
    "knn-overlap": {"knn_overlap": lambda x, y: similarity.overlap(x.near, y.near)},
    "dimension": {
        "intrinsic_dim": lambda x, y: intrinsic_dimension(y),
        "participation_ratio": lambda x, y: similarity.participation_ratio(y.points),
    },
}


def of(x: Layer, y: Layer, also: Collection[Also]) -> dict[str, float | None]:
    """Requested measures, keyed by the fields of a row; None where one is undefined, as for a constant layer."""
    found: dict[str, float | None] = {}
    for name in also:
        for field, measure in MEASURES[name].items():
            try:
                found[field] = float(measure(x, y))
            except InputError:
                found[field] = None
    return found
