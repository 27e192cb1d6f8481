"""How alike two layers are by other measures than MI, for the rows of a training."""

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
    """What was asked for, under the names that a row has for it; None where it cannot be had, as of a constant layer."""
    found: dict[str, float | None] = {}
    for name in also:
        for field, measure in MEASURES[name].items():
            try:
                found[field] = float(measure(x, y))
            except InputError:
                found[field] = None
    return found
