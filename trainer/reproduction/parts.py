"""Parts of a claim: a statistic that is above 0 where the claim is true, and what may be said of it.

A part has one value per network setting (architecture, width, depth) and random initialisation. Averaged over the settings it
gives one value per initialisation, and these a mean with a 95 % interval (Student's t). The part

    holds          if the interval is above 0, and no single setting's interval is below;
    does not hold  if the interval is below 0, and no single setting's is above;
    is undecided   otherwise.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
from scipy import stats

from mi_core.types import FloatArray
from trainer.reproduction.traces import Setting

Ruling = Literal["holds", "does not hold", "undecided"]

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Part:
    """A statistic, above 0 where the claim is true, of each setting and seed that has the rows for it."""

    name: str
    unit: str
    values: Mapping[tuple[Setting, int], float]

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

    def ruling(self) -> Ruling:
        """Whether it holds, as this module's first lines say."""
        whole, settings = self.interval().sign(), {interval(values).sign() for values in self.by_setting().values()}
        if whole > 0 and -1 not in settings:
            return "holds"
        return "does not hold" if whole < 0 and 1 not in settings else "undecided"

    def words(self) -> str:
        """Name, mean and interval, and in how many settings it is above 0."""
        mean, low, high = dataclasses.astuple(self.interval())
        signs = [interval(values).sign() for values in self.by_setting().values()]
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.name}: {mean:+.3g}{unit} [{low:+.3g}, {high:+.3g}], above 0 in {signs.count(1)} of {len(signs)} settings"


@dataclasses.dataclass(frozen=True)
class Interval:
    """Mean of some values and the 95 % interval for it, infinite for fewer than two."""

    mean: float
    low: float
    high: float

    def sign(self) -> int:
        """1 if all of it is above 0, -1 if below, 0 if neither."""
        return int(self.low > 0) - int(self.high < 0)


def interval(values: Iterable[float]) -> Interval:
    """Mean and interval of some values, by Student's t."""
    sample = np.array(list(values))
    if len(sample) < 2:
        return Interval(float(sample.mean()) if len(sample) else math.nan, -math.inf, math.inf)
    mean, error = float(sample.mean()), float(sample.std(ddof=1)) / math.sqrt(len(sample))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(sample) - 1)) * error
    return Interval(mean, mean - half, mean + half)


def rank_correlation(one: FloatArray, other: FloatArray) -> float:
    """Spearman's rank correlation, 0 where one side is constant."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(stats.spearmanr(one.ravel(), other.ravel()).statistic)
