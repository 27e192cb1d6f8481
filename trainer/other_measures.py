"""Measures other than MI of how alike two layers are, for the rows of a training."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from mi_core import InputError, similarity
from trainer.config import Also

MEASURES: Mapping[Also, Mapping[str, Callable[[Any, Any], Any]]] = {
    "cka": {"cka": similarity.cka},
    "knn-overlap": {"knn_overlap": similarity.neighbour_overlap},
    "dimension": {
        "intrinsic_dim": lambda x, y: similarity.intrinsic_dimension(y),
        "participation_ratio": lambda x, y: similarity.participation_ratio(y),
    },
}


def of(x: Any, y: Any, also: Collection[Also]) -> dict[str, float | None]:
    """Requested measures, keyed by the fields of a row; None where one is undefined, as for a constant layer."""
    found: dict[str, float | None] = {}
    for name in also:
        for field, measure in MEASURES[name].items():
            try:
                found[field] = float(measure(x, y))
            except InputError:
                found[field] = None
    return found
