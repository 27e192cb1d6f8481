"""The words that options accept. Apart from the types, so that `mi --help` can list them without loading NumPy."""

from typing import Literal

Units = Literal["bits", "nats"]
Estimator = Literal["ksg1", "ksg2", "lnc", "mixture", "ross", "gaussian", "gaussian-copula", "discrete"]
ConditionalEstimator = Literal["ksg1", "discrete"]
EntropyEstimator = Literal["knn", "discrete"]
Standardize = Literal["none", "sides", "columns"]
Gpu = Literal["cuda", "cuda:0", "cuda:1", "cuda:2", "cuda:3", "cuda:4", "cuda:5", "cuda:6", "cuda:7"]
Backend = Literal["auto", "cpu", "cpu-tree", "cpu-filter", "cpu-brute", Gpu]
