"""Programs that `mi bench known` runs in an environment of their own, since their pinned dependencies fit no other.

    python3.11 -m venv latentmi
    latentmi/bin/pip install latentmi==0.1.3 numpy==1.26.4
    mi bench known --peers latentmi=latentmi/bin/python

`bmi` works likewise, in the environment that `benchmarks/bmi_samples.py` describes. The other Python runs this file, which
imports nothing of this project, with NAME SAMPLES.npz SEED; it prints its reading in bits, processor seconds and version as one
line of JSON.
"""

import importlib
import importlib.metadata
import json
import sys
import time

import numpy as np


def bmi(x, y, seed):
    """First KSG estimator as bmi has it: k of 5 and 10 averaged, columns standardised, Euclidean, never below 0."""
    from bmi.estimators import KSGEnsembleFirstEstimator

    return float(KSGEnsembleFirstEstimator().estimate(x, y)) / np.log(2)


def latentmi(x, y, seed):
    """LMI with its defaults: an autoencoder of eight dimensions a side, KSG on the half it was not trained on."""
    import torch
    from latentmi import lmi

    np.random.seed(seed)  # noqa: NPY002  what it draws from
    torch.manual_seed(seed)
    return float(np.nanmean(lmi.estimate(x, y)[0]))


def npeet_plus(x, y, seed):
    """First KSG estimator, k=3, with noise of 1e-10 against ties."""
    import npeet_plus

    return float(npeet_plus.mi(x, y, k=3))


PROGRAMS = {
    "npeet-plus": (npeet_plus, "npeet_plus", "npeet-plus"),
    "bmi": (bmi, "bmi.estimators", "benchmark-mi"),
    "latentmi": (latentmi, "latentmi.lmi", "latentmi"),
}
"""By name: estimate, module that it loads, distribution."""


def main(name: str, path: str, seed: str) -> None:
    """Read the samples, estimate, print."""
    estimate, module, distribution = PROGRAMS[name]
    importlib.import_module(module)  # here, so that loading is not timed
    with np.load(path, allow_pickle=False) as file:
        x, y = file["x"], file["y"]
    started = time.process_time()
    mi = estimate(x, y, int(seed))
    seconds = time.process_time() - started
    print("\n" + json.dumps({"mi": mi, "seconds": seconds, "version": importlib.metadata.version(distribution)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
