"""
Before and after a date, judged by how much the series moves when nothing is done to it

A textbook test asks whether two windows of runs differ. On real CI data they nearly always do: with a nominal 5 % it calls
14 to 38 % of dates on which nothing happened significant, because weeks differ for a hundred reasons. So the question is put
differently: is this difference large *for this series*? The same estimate is made at every earlier date (a placebo in time),
and the interval is

    estimate +- t(df) * sqrt(mean of squared placebo estimates + what fewer runs than usual add)

Only data from before the change calibrates it, so the answer never changes with hindsight. Other people's changes in the
past are left in on purpose: a series that jumps by itself needs a larger effect before Trimtab believes one. Neighbouring
placebo windows overlap; df counts only windows that do not (length of the past / window - 1).

The estimate: logarithms (a change is a share), the median of each day (one slow run does not matter), and a mean of days
weighted by the square root of their runs (a day is partly one observation, partly many).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from trimtab.model import Unknown
from trimtab.stats.student import t_quantile

WINDOW_DAYS = 14  # two whole weeks: weekends weigh the same on both sides; longer windows lose power to drift
MAX_PAST_DAYS = 365
MIN_RUNS, MIN_ACTIVE_DAYS = 10, 4
MIN_DF = 2
_DAY_SECONDS = 86400.0
_MIN_KIND = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Point:
    """One run: when, how much (above 0), and its kind; kinds are compared within themselves, so their mix may change."""

    at: datetime
    value: float
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """
    A relative change with its interval: -0.19 is 19 % less

    `before` and `after` are the levels in the unit of the points; `placebos` past dates went into the interval, worth
    `df` independent ones; `n_before` and `n_after` are the runs in the two windows, the first `before_days` long.
    """

    effect: float
    low: float
    high: float
    before: float
    after: float
    n_before: int
    n_after: int
    before_days: int
    placebos: int
    df: int
    level: float


@dataclass(frozen=True, slots=True)
class _Days:
    """A series by day: day 0 begins at the change. `runs` is 0 where there was none; `first` is the index of day 0."""

    medians: Floats
    runs: Floats
    first: int


def enough(points: Sequence[Point]) -> bool:
    """Whether a window holds what an estimate needs: 10 runs on 4 different days."""
    return len(points) >= MIN_RUNS and len({point.at.date() for point in points}) >= MIN_ACTIVE_DAYS


def before_after(
    past: Sequence[Point],
    after: Sequence[Point],
    at: datetime,
    *,
    before: Sequence[Point] | None = None,
    after_days: int = WINDOW_DAYS,
    level: float = 0.95,
) -> Effect | Unknown:
    """
    The change of `after` (the `after_days` days from `at` on) against the 14 days before, calibrated on `past`

    `past` are all runs from before `at`; `before` those to compare with (default: all of them). A workflow that runs
    seldom is compared with the 28 days before.
    Points outside the windows are ignored, order does not matter. Unknown when either window or the past is too thin.
    """
    past = [point for point in past if 0 < (at - point.at).total_seconds() <= MAX_PAST_DAYS * _DAY_SECONDS]
    shift = _kind_shifts(past)
    window, width = _window_before(past if before is None else before, at, shift)
    later = [p for p in after if 0 <= _day(p, at) < after_days and p.kind in shift]
    if not enough(window):
        has = f"{_count(len(window))} in the {width} days before the change"
        return Unknown(f"{has}, needs {MIN_RUNS} on {MIN_ACTIVE_DAYS} days")
    if not enough(later):
        return Unknown(f"{_count(len(later))} since the change, needs {MIN_RUNS} on {MIN_ACTIVE_DAYS} days")
    series = _by_day(past, at, shift)
    placebos, noise = _placebos(series, width, after_days)
    df = (placebos.size + width + after_days) // max(width, after_days) - 1
    if placebos.size == 0 or df < MIN_DF:
        need = (MIN_DF + 1) * max(width, after_days)
        return Unknown(f"{series.first} days of history before the change, needs about {need} with runs")
    mine, then = _by_day(window, at, shift), _by_day(later, at, shift)
    estimate = _level(then) - _level(mine)
    spread = _run_spread(series)
    extra = max(spread * (1 / _effective(then) + 1 / _effective(mine) - noise), 0.0)
    half = t_quantile(0.5 + level / 2, df) * math.sqrt(float(np.mean(placebos**2)) + extra)
    return Effect(
        effect=math.expm1(estimate),
        low=math.expm1(estimate - half),
        high=math.expm1(estimate + half),
        before=math.exp(_level(mine)),
        after=math.exp(_level(then)),
        n_before=len(window),
        n_after=len(later),
        before_days=width,
        placebos=int(placebos.size),
        df=df,
        level=level,
    )


# ------------------------------------------------------------------------------------ days


def _count(n: int) -> str:
    return f"{n} run" if n == 1 else f"{n} runs"


def _day(point: Point, at: datetime) -> int:
    """Whole days of 24 hours from the change, negative before it: no day is half with and half without."""
    return math.floor((point.at - at).total_seconds() / _DAY_SECONDS)


def _window_before(points: Sequence[Point], at: datetime, shift: Mapping[str, float]) -> tuple[list[Point], int]:
    """The runs of the 14 days before, or of 28 where 14 hold too few, and how many days it is."""
    window: list[Point] = []
    for width in (WINDOW_DAYS, 2 * WINDOW_DAYS):
        window = [point for point in points if -width <= _day(point, at) < 0 and point.kind in shift]
        if enough(window):
            return window, width
    return window, 2 * WINDOW_DAYS


def _kind_shifts(past: Sequence[Point]) -> Mapping[str, float]:
    """By kind: how far its median log lies from that of the most frequent kind. Kinds hardly seen before are left out."""
    logs: defaultdict[str, list[float]] = defaultdict(list)
    for point in past:
        logs[point.kind].append(math.log(point.value))
    medians = {kind: float(np.median(values)) for kind, values in logs.items() if len(values) >= _MIN_KIND}
    if not medians:
        return {}
    counts = Counter({kind: len(logs[kind]) for kind in sorted(medians)})
    main = medians[counts.most_common(1)[0][0]]
    return {kind: median - main for kind, median in medians.items()}


def _by_day(points: Sequence[Point], at: datetime, shift: Mapping[str, float]) -> _Days:
    by_day: defaultdict[int, list[float]] = defaultdict(list)
    for point in points:
        if point.kind in shift:
            by_day[_day(point, at)].append(math.log(point.value) - shift[point.kind])
    first = min(by_day, default=0)
    size = max(by_day, default=-1) - first + 1
    medians, runs = np.zeros(size), np.zeros(size)
    for day, values in by_day.items():
        medians[day - first], runs[day - first] = np.median(values), len(values)
    return _Days(medians, runs, -first)


def _level(days: _Days) -> float:
    """The mean of the days' medians, weighted by the square root of their runs."""
    weights = np.sqrt(days.runs)
    return float((weights * days.medians).sum() / weights.sum())


def _effective(days: _Days) -> float:
    """How many equal runs the weighted mean is worth."""
    return float(np.sqrt(days.runs).sum() ** 2 / np.count_nonzero(days.runs))


# ------------------------------------------------------------------------------------ calibration


def _placebos(days: _Days, before_days: int, after_days: int) -> tuple[Floats, float]:
    """
    The estimate at every past date with both windows full enough, and the usual 1/n_before + 1/n_after of those dates

    Running sums make it linear in days.
    """
    weights = np.sqrt(days.runs)
    total, weighted, active, runs = (
        np.concatenate([[0.0], np.cumsum(row)]) for row in (weights, weights * days.medians, days.runs > 0, days.runs)
    )
    dates = np.arange(before_days, days.runs.size - after_days + 1)
    ends = ((dates - before_days, dates), (dates, dates + after_days))
    full = np.ones(dates.size, dtype=bool)
    for start, end in ends:
        full &= (active[end] - active[start] >= MIN_ACTIVE_DAYS) & (runs[end] - runs[start] >= MIN_RUNS)
    levels, inverse = [], []
    for start, end in ends:
        start, end = start[full], end[full]
        sums = total[end] - total[start]
        levels.append((weighted[end] - weighted[start]) / sums)
        inverse.append((active[end] - active[start]) / sums**2)
    noise = float(np.mean(inverse[0] + inverse[1])) if full.any() else 0.0
    return levels[1] - levels[0], noise


def _run_spread(days: _Days) -> float:
    """Variance of one run's worth of a day's median around its fortnight, from the median absolute deviation."""
    active = np.flatnonzero(days.runs > 0)
    fortnight = active // WINDOW_DAYS
    centres = {block: np.median(days.medians[active[fortnight == block]]) for block in np.unique(fortnight)}
    residuals = np.array([days.medians[day] - centres[day // WINDOW_DAYS] for day in active])
    runs = np.sqrt(days.runs[active])
    return float((1.4826 * np.median(np.abs(residuals * runs))) ** 2)
