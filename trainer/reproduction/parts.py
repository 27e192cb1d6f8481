"""Parts of a claim: a statistic that is above 0 where the claim is true, and the ruling on it.

A part has one value per network setting (architecture, width, depth) and random initialisation. Averaged over the settings it
gives one value per initialisation, and these a mean with a 95 % interval and a two-sided p-value (Student's t). The part

    holds          if the interval is above 0, and no single setting's interval is below;
    does not hold  if the interval is below 0, and no single setting's is above;
    is undecided   otherwise.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
from scipy import optimize, special, stats

from mi_core.types import FloatArray
from trainer.reproduction.traces import Run, Setting

Ruling = Literal["holds", "does not hold", "undecided"]

LEVEL = 0.05  # intervals are of 95 %
POWER = 0.8


@dataclasses.dataclass(frozen=True)
class Part:
    """A statistic, above 0 where the claim is true, of each setting and seed that has the rows for it."""

    name: str
    unit: str
    values: Mapping[Run, float]

    def by_setting(self) -> dict[Setting, list[float]]:
        """Values of each setting, one per seed."""
        found: dict[Setting, list[float]] = {}
        for (setting, _), value in self.values.items():
            found.setdefault(setting, []).append(value)
        return found

    def by_seed(self) -> list[float]:
        """Means over the settings, one per seed, of the seeds that have all settings."""
        found: dict[int, list[float]] = {}
        for (_, seed), value in self.values.items():
            found.setdefault(seed, []).append(value)
        complete = max(map(len, found.values()), default=0)
        return [float(np.mean(values)) for values in found.values() if len(values) == complete]

    def interval(self) -> Interval:
        """Interval of the mean over settings and seeds."""
        return interval(self.by_seed())

    def signs(self) -> list[int]:
        """Sign of each setting's interval."""
        return [interval(values).sign() for values in self.by_setting().values()]

    def ruling(self) -> Ruling:
        """Ruling on the part, by the rules at the top of this module."""
        whole, settings = self.interval().sign(), self.signs()
        if whole > 0 and -1 not in settings:
            return "holds"
        return "does not hold" if whole < 0 and 1 not in settings else "undecided"

    def words(self) -> str:
        """Name, mean and interval, and in how many settings it is above 0."""
        found, signs = self.interval(), self.signs()
        unit = f" {self.unit}" if self.unit else ""
        numbers = f"{found.mean:+.3g}{unit} [{found.low:+.3g}, {found.high:+.3g}]"
        return f"{self.name}: {numbers}, above 0 in {signs.count(1)} of {len(signs)} settings"


@dataclasses.dataclass(frozen=True)
class Interval:
    """Mean of some values with its interval by Student's t, which needs at least two values.

    Attributes:
        mean: Mean.
        low: Lower end of the 95 % interval.
        high: Upper end.
        p: Two-sided p-value of a mean of 0.
        detectable: The mean that would be told from 0 in 80 % of repeats with as many values of this spread.
    """

    mean: float
    low: float
    high: float
    p: float = 1.0
    detectable: float = math.inf

    def sign(self) -> int:
        """1 if all of it is above 0, -1 if below, 0 if neither."""
        return int(self.low > 0) - int(self.high < 0)


def interval(values: Iterable[float]) -> Interval:
    """Mean and interval of some values, by Student's t."""
    sample = np.array(list(values))
    n = len(sample)
    if n < 2:
        return Interval(float(sample.mean()) if n else math.nan, -math.inf, math.inf)
    mean, spread = float(sample.mean()), float(sample.std(ddof=1))
    half = quantile(n) * spread / math.sqrt(n)
    p = float(2 * special.stdtr(n - 1, -abs(mean) * math.sqrt(n) / spread)) if spread > 0 else float(mean == 0)
    return Interval(mean, mean - half, mean + half, p, detectable(n) * spread)


@functools.cache
def quantile(n: int) -> float:
    """Half of a 95 % interval for the mean of `n` values, in standard errors: Student's 97.5 %."""
    return float(stats.t.ppf(1 - LEVEL / 2, n - 1))


@functools.cache
def detectable(n: int) -> float:
    """The mean, in standard deviations, that `n` values tell from 0 in 80 % of repeats.

    The square of noncentral t is noncentral F, whose upper tail holds both sides.
    """
    far = quantile(n) ** 2
    return float(optimize.brentq(lambda mean: stats.ncf.sf(far, 1, n - 1, n * mean**2) - POWER, 0.01, 20))


def holm(p: Sequence[float]) -> list[float]:
    """P-values corrected for their number, step by step from the smallest (Holm 1979)."""
    corrected, largest = [0.0] * len(p), 0.0
    for before, place in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - before) * p[place]))
        corrected[place] = largest
    return corrected


def rank_correlation(one: FloatArray, other: FloatArray) -> float:
    """Spearman's rank correlation, 0 where one side is constant."""
    a, b = (stats.rankdata(values) - (len(values) + 1) / 2 for values in (one, other))
    size = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size else 0.0
