"""Mutual information from samples by k-nearest neighbours, exact and compiled.

    x, y -> arrays, arguments -> _estimators -> neighbour counts -> _formula -> MIResult
            (validation)         (which counts   (backends: one      (psi of the
                                  each needs)     contract, the       counts, with
                                                  same bits)          its source)

    _estimation takes every quantity along this path, adds error bars and makes the result.

    >>> import numpy as np, mi_core
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(2000)
    >>> y = 0.8 * x + 0.6 * rng.standard_normal(2000)
    >>> result = mi_core.mutual_information(x, y)
    >>> 0.6 < result.mi < 0.9  # the truth is -log2(0.6) = 0.737 bits
    True

A backend answers one question: for every point, how far is its k-th neighbour in the joint space (`radius`), and how
many other points lie strictly nearer than that in x (`n_x`) and in y (`n_y`)? Distances are Chebyshev (max-norm)
distances in float64 arithmetic on the values given, so each backend must return the same bits, and the formulas, units
and warnings that use the counts are written once.

Importing this package loads none of the compiled code; the first estimate does.
"""

from typing import TYPE_CHECKING, Any

from mi_core._version import __version__ as __version__

if TYPE_CHECKING:
    from mi_core import similarity as similarity
    from mi_core.divergence import kl_divergence
    from mi_core.entropies import entropy
    from mi_core.errors import BackendUnavailableError, InputError, MIError
    from mi_core.estimate import conditional_mutual_information, mutual_information, neighbour_counts
    from mi_core.lags import LaggedMI, ShiftedNull, lagged
    from mi_core.matrix import MIMatrix, mutual_information_matrix
    from mi_core.multi import multi_information
    from mi_core.ranking import RankedColumn, Ranking, rank
    from mi_core.results import (
        DimensionResult,
        DivergenceResult,
        EntropyResult,
        LowerBound,
        MIResult,
        MultiInformationResult,
        NeighbourCounts,
        Reduction,
        Reliability,
        ShuffledNull,
        SimilarityResult,
        SizePoint,
        TransferEntropyResult,
    )
    from mi_core.selection import scores
    from mi_core.transfer import transfer_entropy

_HOME_OF = {
    "BackendUnavailableError": "mi_core.errors",
    "DimensionResult": "mi_core.results",
    "DivergenceResult": "mi_core.results",
    "EntropyResult": "mi_core.results",
    "InputError": "mi_core.errors",
    "LaggedMI": "mi_core.lags",
    "LowerBound": "mi_core.results",
    "MIError": "mi_core.errors",
    "MIMatrix": "mi_core.matrix",
    "MIResult": "mi_core.results",
    "MultiInformationResult": "mi_core.results",
    "NeighbourCounts": "mi_core.results",
    "RankedColumn": "mi_core.ranking",
    "Ranking": "mi_core.ranking",
    "Reduction": "mi_core.results",
    "Reliability": "mi_core.results",
    "ShiftedNull": "mi_core.lags",
    "ShuffledNull": "mi_core.results",
    "SimilarityResult": "mi_core.results",
    "SizePoint": "mi_core.results",
    "TransferEntropyResult": "mi_core.results",
    "conditional_mutual_information": "mi_core.estimate",
    "entropy": "mi_core.entropies",
    "kl_divergence": "mi_core.divergence",
    "lagged": "mi_core.lags",
    "multi_information": "mi_core.multi",
    "mutual_information": "mi_core.estimate",
    "mutual_information_matrix": "mi_core.matrix",
    "neighbour_counts": "mi_core.estimate",
    "rank": "mi_core.ranking",
    "scores": "mi_core.selection",
    "transfer_entropy": "mi_core.transfer",
}

_NAMESPACES = ("similarity",)  # modules whose names are their own, loaded when first asked for

__all__ = [
    "BackendUnavailableError",
    "DimensionResult",
    "DivergenceResult",
    "EntropyResult",
    "InputError",
    "LaggedMI",
    "LowerBound",
    "MIError",
    "MIMatrix",
    "MIResult",
    "MultiInformationResult",
    "NeighbourCounts",
    "RankedColumn",
    "Ranking",
    "Reduction",
    "Reliability",
    "ShiftedNull",
    "ShuffledNull",
    "SimilarityResult",
    "SizePoint",
    "TransferEntropyResult",
    "conditional_mutual_information",
    "entropy",
    "kl_divergence",
    "lagged",
    "multi_information",
    "mutual_information",
    "mutual_information_matrix",
    "neighbour_counts",
    "rank",
    "scores",
    "transfer_entropy",
]


if not TYPE_CHECKING:  # type checkers see the imports above, and no other names

    def __getattr__(name: str) -> Any:
        if name not in _HOME_OF and name not in _NAMESPACES:
            raise AttributeError(f"module 'mi_core' has no attribute {name!r}")
        import importlib

        if name in _NAMESPACES:
            return importlib.import_module(f"mi_core.{name}")
        return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return [*__all__, *_NAMESPACES, "__version__"]
