"""The one place where activations meet the estimator."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import mi_core
from mi_core.options import Backend, Units


@dataclasses.dataclass(frozen=True)
class Estimator:
    """How every pair of a run is measured.

    Attributes:
        k: Neighbour orders.
        units: "bits" or "nats".
        backend: How neighbours are counted.
        seed: Of the error bar, and of the shuffle that makes the null.
    """

    k: Sequence[int] = (3,)
    units: Units = "bits"
    backend: Backend = "auto"
    seed: int = 0

    def __call__(self, x: Any, y: Any, *, labels: bool, null: bool) -> list[dict[str, Any]]:
        """Estimate, error bar, null and circumstances for each k, under the names that a row has for them.

        Args:
            x: (n_samples, ...) activations.
            y: (n_samples, ...) activations, or (n_samples,) classes.
            labels: Whether y are classes.
            null: Whether to estimate the MI with the rows of `y` shuffled too, whose truth is 0.

        Raises:
            mi_core.InputError: One of them is constant or not finite, as when training has failed.
        """
        results = mi_core.mutual_information(
            x,
            y,
            k=tuple(self.k),
            units=self.units,
            estimator="ross" if labels else "ksg1",
            seed=self.seed,
            backend=self.backend,
            permutations=1 if null else None,
        )
        return [
            {
                "k": result.k,
                "mi": result.mi,
                "stderr": result.stderr,
                "null": None if result.null is None else result.null.mean,
                "ceiling": result.ceiling,
                "dim_x": result.dim_x,
                "dim_y": result.dim_y,
                "estimator": result.estimator,
                "notes": result.notes,
            }
            for result in results
        ]
