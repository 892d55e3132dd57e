"""
Intervals that respect days: runs of one day resemble each other, so whole UTC days are resampled, not runs

Resampling single runs treats a morning with a broken main branch as thirty independent observations and gives intervals far
too narrow. The generator is seeded: the same runs always give the same interval.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np

from trimtab.model import Unknown

MIN_DAYS = 5
_REPEATS = 2000
_SEED = 20250401


def mean_interval(points: Sequence[tuple[datetime, float]], level: float = 0.80) -> tuple[float, float] | Unknown:
    """
    The day-block bootstrap interval (percentiles) of the mean over all points, in their unit

    For shares pass 0 and 1. Unknown below 5 different days, where resampling days has too few to choose from.
    """
    days: defaultdict[date, list[float]] = defaultdict(list)
    for at, value in points:
        days[at.astimezone(UTC).date()].append(value)
    if len(days) < MIN_DAYS:
        return Unknown(f"runs on {len(days)} days, needs {MIN_DAYS}")
    # Sorted, and summed exactly in the same order, so that the order of the points cannot matter.
    sums = np.array([sum(sorted(days[day])) for day in sorted(days)])
    counts = np.array([len(days[day]) for day in sorted(days)], dtype=float)
    draws = np.random.default_rng(_SEED).multinomial(len(days), np.full(len(days), 1 / len(days)), size=_REPEATS)
    low, high = np.percentile((draws @ sums) / (draws @ counts), [50 * (1 - level), 100 - 50 * (1 - level)])
    return float(low), float(high)
