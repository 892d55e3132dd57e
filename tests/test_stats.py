"""Intervals for shares, means by day, and the trend of a series."""

from __future__ import annotations

import random
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from series import START, series
from trimtab.model import Unknown
from trimtab.stats.bootstrap import mean_interval
from trimtab.stats.proportions import probability_of_rise
from trimtab.stats.trend import Trend, trend
from trimtab.stats.wilson import wilson

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts)
def test_wilson_holds_the_share_and_stays_within_0_and_1(count: tuple[int, int]) -> None:
    events, n = count
    low, high = wilson(events, n)
    assert 0 <= low <= events / n + 1e-12
    assert events / n - 1e-12 <= high <= 1


def test_wilson_against_published_values() -> None:
    """Newcombe 1998, table I: 81 of 263 gives 0.2553 ... 0.3662; 0 of 20 gives 0 ... 0.1611."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=1e-4)
    assert wilson(0, 0) == (0, 1)


@pytest.mark.parametrize(("events", "n"), [(3, 2), (-1, 2)])
def test_a_share_above_one_is_refused(events: int, n: int) -> None:
    with pytest.raises(ValueError):
        wilson(events, n)


@pytest.mark.parametrize(
    ("before", "after"), [((0, 50), (3, 10)), ((5, 100), (9, 60)), ((1, 400), (1, 40)), ((0, 9), (0, 9))]
)
def test_the_probability_of_a_rise_against_random_draws(before: tuple[int, int], after: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    was, now = (rng.beta(k + 0.5, n - k + 0.5, 400_000) for k, n in (before, after))
    assert probability_of_rise(before, after) == pytest.approx(np.mean(now > was + 0.02), abs=0.005)


@given(counts, counts)
def test_one_more_failure_after_never_makes_a_rise_less_likely(before: tuple[int, int], after: tuple[int, int]) -> None:
    events, n = after
    more = (min(events + 1, n), n)
    assert probability_of_rise(before, more) >= probability_of_rise(before, after) - 1e-9


def test_the_mean_by_days_covers_what_runs_one_by_one_do_not() -> None:
    """Days that resemble each other: of 100 series, 80 % intervals by day hold the truth about 80 times."""
    hits = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        level = rng.normal(0, 1, 28)
        points = [
            (START + timedelta(days=d, minutes=m), level[d] + rng.normal(0, 0.3)) for d in range(28) for m in range(8)
        ]
        interval = mean_interval(points)
        assert not isinstance(interval, Unknown)
        hits += interval[0] <= 0 <= interval[1]
    assert 68 <= hits <= 90


def test_few_days_give_no_interval() -> None:
    assert mean_interval([(START, 1.0)] * 50) == Unknown("runs on 1 days, needs 5")


@given(st.integers(0, 10**6))
def test_order_does_not_matter(seed: int) -> None:
    points = [(p.at, p.value) for p in series("iid", 30, 1)]
    mixed = list(points)
    random.Random(seed).shuffle(mixed)
    assert mean_interval(mixed) == mean_interval(points)


def test_a_growing_series_has_its_slope() -> None:
    points = [(p.at, p.value * 1.03 ** ((p.at - START).days / 30)) for p in series("iid", 140, 2)]
    got = trend(points)
    assert isinstance(got, Trend)
    assert got.per_month == pytest.approx(0.03, abs=0.015)
    assert got.low < got.per_month < got.high
    assert (got.runs, got.days) == (len(points), len({p.date() for p, _ in points}))


def test_one_bad_week_is_no_trend() -> None:
    points = [(p.at, p.value * (3 if (p.at - START).days in range(130, 136) else 1)) for p in series("iid", 140, 2)]
    got = trend(points)
    assert isinstance(got, Trend)
    assert abs(got.per_month) < 0.02


def test_too_little_for_a_trend() -> None:
    points = [(p.at, p.value) for p in series("iid", 10, 1)]
    assert trend(points) == Unknown(
        f"{len(points)} runs on {len({p.date() for p, _ in points})} days, needs 20 on 14", "trimtab collect"
    )
