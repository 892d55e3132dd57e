"""Series of runs in which nothing happens, with the unpleasantness of real ones: for tests and benches of verdicts."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trimtab.stats.placebo import Point

START = datetime(2025, 1, 6, tzinfo=UTC)  # a Monday
KINDS = ("iid", "ar", "weekend", "drift", "walk", "shifts", "heavy", "sparse")

Floats = NDArray[np.float64]


@lru_cache(maxsize=512)
def series(kind: str, days: int, seed: int) -> tuple[Point, ...]:
    """
    Points of `days` days from START on, about 32 a week, durations around 40 minutes

    iid: independent; ar: days resemble each other (lag-1 correlation 0.6); weekend: slower on fewer runs; drift: up to
    2 % a week; walk: a random walk; shifts: every 45 days somebody else's step of 5 to 30 %; heavy: a quarter misses its
    cache and 3 % take nearly three times as long; sparse: about one run a day.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    weekend = np.arange(days) % 7 >= 5
    rate = np.where(weekend, 0.2, 1.0) * (1.2 if kind == "sparse" else 6.0)
    level = math.log(2400) + _level(kind, days, weekend, rng)
    points = []
    for day, count in enumerate(rng.poisson(rate)):
        for _ in range(count):
            log = level[day] + rng.normal(0, 0.11)
            if kind == "heavy":
                log += 0.4 * (rng.random() < 0.25) + 1.0 * (rng.random() < 0.03)
            at = START + timedelta(days=day, seconds=float(rng.uniform(0, 86400)))
            points.append(Point(at, math.exp(log)))
    return tuple(points)


def _level(kind: str, days: int, weekend: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """The days' own level in logs."""
    match kind:
        case "iid":
            return np.zeros(days)
        case "weekend":
            return np.where(weekend, 0.15, 0.0) + _correlated(days, 0.3, 0.05, rng)
        case "drift":
            return _correlated(days, 0.6, 0.08, rng) + np.arange(days) * rng.uniform(-0.02, 0.02) / 7
        case "walk":
            return np.cumsum(rng.normal(0, 0.015, days))
        case "shifts":
            steps = (rng.random(days) < 1 / 45) * rng.choice([-1, 1], days) * rng.uniform(0.05, 0.3, days)
            return _correlated(days, 0.6, 0.08, rng) + np.cumsum(steps)
        case _:
            return _correlated(days, 0.6, 0.08, rng)


def _correlated(days: int, rho: float, sd: float, rng: np.random.Generator) -> Floats:
    noise = rng.normal(0, sd * math.sqrt(1 - rho * rho), days)
    noise[0] = rng.normal(0, sd)
    for day in range(1, days):
        noise[day] += rho * noise[day - 1]
    return noise
