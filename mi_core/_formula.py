"""From neighbour counts to nats. Each function is one equation; its source stands beside it.

KSG04 is Kraskov, Stoegbauer, Grassberger, "Estimating mutual information", Phys. Rev. E 69, 066138 (2004).
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma

from mi_core._options import Units
from mi_core._types import FloatArray, IntArray

NATS_PER_UNIT: dict[Units, float] = {"bits": float(np.log(2.0)), "nats": 1.0}


def ksg1_local(k: int, n_x: IntArray, n_y: IntArray) -> FloatArray:
    """Local terms, in nats, whose mean is the first KSG estimate: KSG04 eq. (8).

    Args:
        k: Neighbour order.
        n_x: (n_samples,) points strictly nearer than the k-th joint neighbour in x, the point itself excluded.
        n_y: (n_samples,) the same in y.

    Returns:
        (n_samples,) psi(k) + psi(N) - (psi(n_x + 1) + psi(n_y + 1)).
    """
    n_samples = len(n_x)
    psi: FloatArray = digamma(np.arange(1.0, n_samples + 1))  # psi[m] = digamma(m + 1); counts are at most n_samples - 1
    local_mi: FloatArray = psi[k - 1] + psi[n_samples - 1] - (psi[n_x] + psi[n_y])
    return local_mi


def ksg1_ceiling(k: int, n_samples: int) -> float:
    """Largest value, in nats, that KSG04 eq. (8) takes on data without ties: there n_x and n_y are at least k - 1."""
    return float(digamma(n_samples) - digamma(k))
