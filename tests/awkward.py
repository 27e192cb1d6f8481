"""Samples on which a careless neighbour count goes wrong. Every backend must agree with the oracle on all of them."""

import numpy as np


def gaussian(rng, n, dim_x, dim_y):
    return rng.standard_normal((n, dim_x)), rng.standard_normal((n, dim_y))


def correlated(rng, n, dim, rho=0.8):
    x = rng.standard_normal((n, dim))
    return x, rho * x + np.sqrt(1 - rho**2) * rng.standard_normal((n, dim))


def make(seed=0):
    """Name -> (x, y), float64. Most shapes are not multiples of any tile or vector width."""
    rng = np.random.default_rng(seed)
    cases = {
        "1+1": correlated(rng, 203, 1),
        "2+3": gaussian(rng, 150, 2, 3),
        "5+5": correlated(rng, 129, 5),
        "24+16": gaussian(rng, 97, 24, 16),
        "wider than long": gaussian(rng, 20, 60, 33),
        "k + 1 samples": gaussian(rng, 11, 2, 2),
        "two samples": gaussian(rng, 2, 1, 1),
    }
    x, y = correlated(rng, 160, 3)
    cases["duplicates"] = np.repeat(x[:40], 4, axis=0), np.repeat(y[:40], 4, axis=0)
    cases["duplicates in x alone"] = np.repeat(x[:40], 4, axis=0), y
    cases["rounded"] = np.round(x, 1), np.round(y, 1)
    cases["rounded 1+1"] = np.round(x[:, :1], 1), np.round(y[:, :1], 1)
    cases["wide and rounded"] = tuple(np.round(side, 1) for side in gaussian(rng, 120, 12, 9))
    cases["ReLU"] = np.maximum(x, 0), np.maximum(y, 0)
    cases["ReLU 1+1"] = np.maximum(x[:, :1], 0), np.maximum(y[:, :1], 0)
    cases["many zeros"] = tuple(np.maximum(side, 0) for side in gaussian(rng, 130, 20, 18))
    cases["saturated tanh"] = np.tanh(40 * x), np.tanh(40 * y)
    cases["signs"] = tuple(np.sign(side) for side in gaussian(rng, 100, 7, 6))
    cases["offset 1e8"] = x + 1e8, y - 1e8
    cases["offset 1e8 1+1"] = x[:, :1] + 1e8, y[:, :1] - 1e8
    cases["scales 1 and 1e6"] = x, 1e6 * y
    cases["columns of many scales"] = x * [1e-9, 1, 1e9], y
    cases["heavy tails"] = rng.standard_cauchy((140, 2)) ** 3, rng.standard_cauchy((140, 2))
    cases["one outlier"] = np.vstack([x, np.full((1, 3), 1e30)]), np.vstack([y, np.zeros((1, 3))])
    cases["a constant column"] = np.column_stack([x, np.full(160, 7.0)]), y
    cases["all points equal"] = np.ones((50, 2)), np.ones((50, 1))
    cases["denormals"] = x * 1e-41, y * 1e-41
    cases["differences overflow float32"] = x * 1e38, y * 1e38
    cases["near the end of float64"] = np.clip(x, -1, 1) * 8.9e307, y
    cases["an equal step"] = np.arange(90.0).reshape(-1, 1), (np.arange(90.0) ** 2 % 17).reshape(-1, 1)
    # Every distance between the two groups is 1 in float32, and none is the same in float64.
    tiny = np.arange(1.0, 31.0) * 1e-10
    groups = np.concatenate([tiny, np.ones(3)]).reshape(-1, 1)
    cases["equal in float32 alone"] = groups, np.linspace(0.0, 1e-12, 33).reshape(-1, 1)
    x, y = gaussian(rng, 150, 40, 24)
    x[:, -2:] = 3, -0.2
    cases["clipped at both ends"] = np.clip(x + 0.5, 0, 1), np.clip(y, -0.3, 0.4)
    brightest = rng.integers(248, 256, x.shape)
    cases["grey levels"] = np.clip(np.round(255 * x + 80), 0, brightest) / 255, np.tanh(y[:, :3])
    return cases


def within(dtype, cases):
    """Names of the cases whose values this dtype can hold."""
    largest = np.finfo(dtype).max
    return [name for name, sides in cases.items() if all(np.abs(side).max() <= largest for side in sides)]


CASES = make()
IN_FLOAT32 = within(np.float32, CASES)
