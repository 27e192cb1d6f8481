"""Transfer entropy beside JIDT and TRENTOOL, on the data that come with JIDT (Lizier 2014, doi:10.3389/frobt.2014.00011).

The repository does not keep the data. With a clone of https://github.com/jlizier/jidt:

    python -m benchmarks.jidt JIDT/demos/data

TRENTOOL's values are those in JIDT's unit tests, to seven digits, made with k=4 and each series divided by its standard
deviation. JIDT's values on heart rate and breath (samples 2,350 to 3,550, as in Schreiber 2000) were made by its code of April
2025 on the same data. They have noise of 1e-4, since a heart rate of two decimals has ties, which JIDT counts as farther, while
mi_core breaks them arbitrarily.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mi_core import conditional_mutual_information, transfer_entropy
from mi_core.transfer import embedded
from mi_core.types import FloatArray

K = 4
Case = tuple[str, int, int, int, int, int, float]
"""File; columns of source and target; histories of both; lag is 1; Theiler window, 0 for none; published value in nats."""
COUPLED, NOISY, RANDOM = "2coupledRandomCols-1.txt", "4ColsPairedOneStepNoisyDependence-1.txt", "4randomCols-1.txt"
TRENTOOL: tuple[Case, ...] = (
    (COUPLED, 0, 1, 1, 1, 0, 0.3058006),
    (COUPLED, 1, 0, 1, 1, 0, -0.0029744),
    (COUPLED, 0, 1, 1, 1, 10, 0.2930714),
    (COUPLED, 1, 0, 1, 1, 10, -0.0387031),
    (COUPLED, 0, 1, 1, 1, 20, 0.2995997),
    (COUPLED, 1, 0, 1, 1, 20, -0.0381608),
    (RANDOM, 0, 1, 1, 1, 0, -0.0096556),
    (RANDOM, 1, 2, 1, 1, 0, 0.0175389),
    (NOISY, 0, 2, 2, 2, 0, 0.1400645),
    (NOISY, 2, 0, 2, 2, 0, -0.0181459),
    (NOISY, 1, 3, 2, 2, 0, 0.1639186),
    (NOISY, 3, 1, 2, 2, 0, 0.0036976),
    (NOISY, 0, 1, 1, 1, 0, 0.0072169),
    (NOISY, 1, 2, 1, 1, 0, 0.0011738),
)
HEART = "SFI-heartRate_breathVol_bloodOx.txt"
JIDT = (  # lag, both histories, Theiler window; nats from heart to breath, and back
    (1, 2, 10, -0.0016355644, 0.0302612804),
    (3, 1, 20, 0.0166936269, 0.0266197759),
)


def main(folder: Path) -> None:
    """Print each value beside the one published, and the difference."""
    print("| data | from, to | history, source's | lag | window | theirs, nats | here | difference |")
    print("|---|---|---|---|---|---|---|---|")
    for words, theirs, ours in compared(folder):
        print(f"| {' | '.join(words)} | {theirs:.7f} | {ours:.7f} | {ours - theirs:+.0e} |", flush=True)


def compared(folder: Path) -> Iterator[tuple[tuple[str, ...], float, float]]:
    """What was measured, the value published, and the value here."""
    for file, source, target, history, source_history, window, theirs in TRENTOOL:
        series = [in_deviations(column) for column in np.loadtxt(folder / file).T]
        ours = estimate(series[source], series[target], 1, history, source_history, window)
        yield (file, f"{source}, {target}", f"{history}, {source_history}", "1", str(window)), theirs, ours
    heart, breath = heart_and_breath(folder)
    for lag, history, window, forth, back in JIDT:
        for way, x, y, theirs in (("heart, breath", heart, breath, forth), ("breath, heart", breath, heart, back)):
            words = (HEART, way, f"{history}, {history}", str(lag), str(window))
            yield words, theirs, estimate(x, y, lag, history, history, window)


def estimate(x: FloatArray, y: FloatArray, lag: int, history: int, source_history: int, window: int) -> float:
    """Transfer entropy in nats; without a window as the conditional MI of independent rows that it then is."""
    if window:
        return transfer_entropy(
            x,
            y,
            lag,
            history,
            source_history=source_history,
            k=K,
            units="nats",
            standardize="none",
            exclude=window,
            error_bar=False,
        ).transfer_entropy
    times = np.arange(max(history, lag + source_history - 1), len(y))
    past = embedded(x[:, np.newaxis], times - lag, source_history, 1)
    given = embedded(y[:, np.newaxis], times - 1, history, 1)
    return conditional_mutual_information(past, y[times], given, k=K, units="nats", error_bar=False).mi


def heart_and_breath(folder: Path) -> tuple[FloatArray, FloatArray]:
    """Heart rate and chest volume, with noise against ties, in standard deviations."""
    values = np.loadtxt(folder / HEART, comments="%")[2349:3550, :2]
    noisy = np.column_stack([in_deviations(column) for column in values.T])
    noisy += 1e-4 * np.random.default_rng(0).standard_normal(noisy.shape)
    heart, breath = (in_deviations(column) for column in noisy.T)
    return heart, breath


def in_deviations(values: FloatArray) -> FloatArray:
    """Values less their mean, in standard deviations."""
    scaled: FloatArray = (values - values.mean()) / values.std(ddof=1)
    return scaled


if __name__ == "__main__":
    main(Path(sys.argv[1]))
