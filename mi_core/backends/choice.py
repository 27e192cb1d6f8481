"""Choice of the backend for "auto" and "cpu", by samples, dimensions and a look at the data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mi_core._prepare import joined
from mi_core.backends import registry
from mi_core.backends.cuda import presence
from mi_core.options import Backend
from mi_core.types import Samples

# Seconds of tree / filter / brute force, float32, two threads of a Zen 3 machine, k = 3:
#                                 N = 1,000                N = 3,000          N = 10,000
#     Gaussians    10+10   0.006 / 0.017 / 0.007   0.022 / 0.059 / 0.052    0.16 / 0.33
#                  25+25   0.013 / 0.014 / 0.008   0.065 / 0.052 / 0.052    0.55 / 0.30
#                  50+50   0.023 / 0.018 / 0.016   0.122 / 0.067 / 0.093    0.96 / 0.45
#                200+200   0.095 / 0.038 / 0.035   0.499 / 0.114 / 0.232    4.55 / 0.88
#     activations  10+10   0.003 / 0.013 / 0.013   0.021 / 0.046 / 0.050    0.07 / 0.30
#                  25+25   0.008 / 0.013 / 0.016   0.036 / 0.041 / 0.070    0.22 / 0.20
#                  50+50   0.017 / 0.018 / 0.023   0.052 / 0.056 / 0.111    0.29 / 0.19
#                200+200   0.056 / 0.029 / 0.033   0.185 / 0.086 / 0.274    1.08 / 0.36
# A tree rules out whole boxes, which works while data have few dimensions; the filter rules out points by their few most
# telling dimensions, which works when there are many to choose from; brute force has no preparation to pay for. In middling
# dimensions a look at the data decides for or against the tree: at 20+20, N = 10,000 it takes 0.47 s on Gaussians, 0.12 s on
# activations. Milliseconds of filter / brute force in 200+200 dimensions, one thread of another machine: activations 4.1 / 3.4
# at N = 375, 5.3 / 5.8 at 500, 7.8 / 15 at 750; Gaussians 5.1 / 4.1, 7.3 / 5.7, 11 / 15.
TREE_UP_TO = 30  # joint dimensions, whatever the data
TREE_WITH_CONTRAST_UP_TO = 50  # joint dimensions
FEW_SAMPLES = 2_000
TREE_OF_FEW_WITH_CONTRAST_UP_TO = 100
BRUTE_BELOW = 600  # samples

# A GPU, where there is one, is worth its start-up of some seconds from about a second of CPU time on: reasoned from the seconds
# above. Once it runs, an H100 takes 24 ms for 1+1 dimensions at N = 1,000,000, and as long for 200+200 at N = 10,000.
CUDA_FROM_NARROW = 2_000_000  # samples times joint dimensions, up to TREE_UP_TO of these
CUDA_FROM_WIDE = 4e10  # pairs times joint dimensions


def choose(backend: Backend, parts: Sequence[Samples]) -> str:
    """Name of the backend that will count: `backend` itself, or the choice for "auto" and "cpu"."""
    if backend not in ("auto", "cpu"):
        return backend
    n, dim = len(parts[0]), sum(part.shape[1] for part in parts)
    if backend == "auto" and cuda_pays(n, dim):
        return "cuda"
    if dim <= TREE_UP_TO:
        return "cpu-tree"
    few = n < FEW_SAMPLES
    middling = dim <= (TREE_OF_FEW_WITH_CONTRAST_UP_TO if few else TREE_WITH_CONTRAST_UP_TO)
    if middling and has_contrast(joined(parts)):
        return "cpu-tree"
    return "cpu-brute" if n < BRUTE_BELOW or (few and middling) else "cpu-filter"


def cuda_pays(n: int, dim: int) -> bool:
    """Tell whether the job is large enough for a GPU and there is one; the simulator does not count."""
    large = n * dim >= CUDA_FROM_NARROW if dim <= TREE_UP_TO else float(n) ** 2 * dim >= CUDA_FROM_WIDE
    return large and presence.number_of_gpus() > 0 and registry.unavailable("cuda") is None


def has_contrast(points: Samples) -> bool:
    """Tell whether nearest points are nearer, relative to typical ones, than in equally wide Gaussians; uses 256 points."""
    some = points[:: max(1, len(points) // 256)].astype(np.float64)
    distances = np.sort([np.abs(some - query).max(axis=1) for query in some[::32]], axis=1)
    nearest, typical = distances[:, 1], distances[:, distances.shape[1] // 2]
    return bool(np.median(nearest) < (0.55 + 0.0013 * points.shape[1]) * np.median(typical))
