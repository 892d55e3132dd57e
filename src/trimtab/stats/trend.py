"""
Is it getting slower? The slope of a series of durations, robust against single bad days

The median of the slopes between all pairs of days (Theil 1950, Sen 1968), on logarithms, so that the answer is "+2 % a month".
The interval resamples days in blocks of a week, because slow spells last.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from trimtab.model import Unknown

MONTH_DAYS = 30
MIN_DAYS, MIN_RUNS = 14, 20
_BLOCK_DAYS = 7
_REPEATS = 200
_MAX_DAYS = 180  # pairs grow with the square, and last year says little about now
_SEED = 20250401


@dataclass(frozen=True, slots=True)
class Trend:
    """Relative change per 30 days (0.02 = 2 % more) with its interval at `level`, from `runs` on `days` active days."""

    per_month: float
    low: float
    high: float
    runs: int
    days: int
    level: float = 0.80


def trend(points: Sequence[tuple[datetime, float]], level: float = 0.80) -> Trend | Unknown:
    """The trend of positive values over time; Unknown below 20 runs or 14 active days. Order does not matter."""
    by_day: defaultdict[int, list[float]] = defaultdict(list)
    for at, value in points:
        if value > 0:
            by_day[at.astimezone(UTC).date().toordinal()].append(math.log(value))
    kept = sorted(by_day)[-_MAX_DAYS:]
    runs = sum(len(by_day[day]) for day in kept)
    if len(kept) < MIN_DAYS or runs < MIN_RUNS:
        has = f"{runs} run{'s' * (runs != 1)} on {len(kept)} day{'s' * (len(kept) != 1)}"
        return Unknown(f"{has}, needs {MIN_RUNS} on {MIN_DAYS}", "trimtab collect")
    days = np.array(kept, dtype=float)
    values = np.array([np.median(by_day[day]) for day in kept])
    slope = _slope(days, values)
    residuals = values - np.median(values) - slope * (days - np.median(days))
    slopes = [slope + _slope(days, noise) for noise in _resampled(days, residuals)]
    low, high = np.percentile(slopes, [50 * (1 - level), 100 - 50 * (1 - level)])
    low, high = min(low, slope), max(high, slope)
    per_month = [math.expm1(MONTH_DAYS * float(part)) for part in (slope, low, high)]
    return Trend(per_month[0], per_month[1], per_month[2], runs, len(kept), level)


def _slope(days: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    first, second = np.triu_indices(days.size, 1)
    return float(np.median((values[second] - values[first]) / (days[second] - days[first])))


def _resampled(days: NDArray[np.float64], residuals: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Series of residuals made of blocks of consecutive active days, drawn with replacement."""
    rng = np.random.default_rng(_SEED)
    blocks = math.ceil(days.size / _BLOCK_DAYS)
    starts = rng.integers(0, days.size - _BLOCK_DAYS + 1, size=(_REPEATS, blocks))
    rows = (starts[:, :, None] + np.arange(_BLOCK_DAYS)).reshape(_REPEATS, -1)[:, : days.size]
    return list(residuals[rows])
