"""Random numbers: a stream of its own for each purpose, from the one seed that a result records."""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Random number generator of a purpose.

    No purpose has the stream of `numpy.random.default_rng(seed)`: data that users draw from that must not meet its own numbers
    again, such as in noise.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(zlib.crc32(purpose.encode()),)))
