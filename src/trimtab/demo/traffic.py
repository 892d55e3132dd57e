"""
What the simulated team does: pull requests opened, pushed to and merged, tags, and the hours at which they happen

Weekdays are busy and weekends are not; a pull request gets several pushes, many of them minutes apart, which is what makes
runs pointless. All of it is drawn from the seed before the first run, and no change to a workflow alters it: with and without
a change the same commits arrive at the same moments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

PEOPLE = ("ada", "grace", "linus", "margaret", "ken", "barbara")
OPENED_A_WEEKDAY, OPENED_A_WEEKEND_DAY = 3.0, 0.3
PUSHES = 3.2  # mean per pull request
QUICK_SHARE, QUICK_MINUTES = 0.45, 6.0  # pushes that follow on the heels of another, and how soon (median)
SLOW_HOURS = 3.0
MERGED_SHARE = 0.85
_AREAS = (("api", "py"), ("shop", "py"), ("web/src", "ts"), ("docs", "md"))
_AREA_SHARES = (0.4, 0.25, 0.25, 0.1)


@dataclass(frozen=True, slots=True)
class Push:
    """One commit that arrives on the server. `index` is its place in the whole story; its randomness hangs on it."""

    index: int
    at: datetime
    event: Literal["pull_request", "push"]
    branch: str
    actor: str
    files: tuple[str, ...]
    pull_request: int | None = None
    tag: str | None = None
    opens: bool = False  # the first commit of its pull request: it branches off main


def pushes(seed: int, start: datetime, weeks: int) -> tuple[Push, ...]:
    """Everything that arrives in these weeks, oldest first."""
    rng = np.random.default_rng([seed, 1])
    drafts: list[Push] = []
    number = 100
    for day in range(weeks * 7):
        morning = start + timedelta(days=day)
        for _ in range(rng.poisson(OPENED_A_WEEKEND_DAY if morning.weekday() >= 5 else OPENED_A_WEEKDAY)):
            number += 1
            drafts += _pull_request(rng, number, _working_hour(rng, morning))
        if morning.weekday() == 3 and day // 7 % 2:
            tag = f"v1.{day // 14}"
            drafts.append(Push(0, morning + timedelta(hours=14), "push", tag, PEOPLE[0], (), tag=tag))
    end = start + timedelta(weeks=weeks)
    ordered = sorted((draft for draft in drafts if draft.at < end), key=lambda draft: draft.at)
    return tuple(replace(draft, index=index, at=draft.at.replace(microsecond=0)) for index, draft in enumerate(ordered))


def _pull_request(rng: np.random.Generator, number: int, opened: datetime) -> Iterator[Push]:
    """The pushes of one pull request, and its merge into main half a day or so after the last."""
    actor = PEOPLE[int(rng.integers(len(PEOPLE)))]
    area, ending = _AREAS[int(rng.choice(len(_AREAS), p=_AREA_SHARES))]
    touched = (f"{area}/part_{rng.integers(12)}.{ending}" for _ in range(1 + rng.poisson(1.0)))
    files = tuple(dict.fromkeys(touched))
    at = opened
    for push in range(int(rng.geometric(1 / PUSHES))):
        if push:
            quick = rng.random() < QUICK_SHARE
            hours = rng.lognormal(np.log(QUICK_MINUTES / 60 if quick else SLOW_HOURS), 0.6)
            at = _awake(at + timedelta(hours=hours))
        yield Push(0, at, "pull_request", f"{actor}-{number}", actor, files, number, opens=push == 0)
    if rng.random() < MERGED_SHARE:
        merged = _awake(at + timedelta(hours=float(rng.lognormal(np.log(5.0), 0.8))))
        yield Push(0, merged, "push", "main", actor, files, number)


def _working_hour(rng: np.random.Generator, morning: datetime) -> datetime:
    hour = float(np.clip(rng.normal(13.0, 2.8), 6.5, 20.5))
    return morning + timedelta(hours=hour)


def _awake(at: datetime) -> datetime:
    """The same moment, or the next morning when the team sleeps."""
    if at.hour >= 21:
        return (at + timedelta(days=1)).replace(hour=7)
    return at.replace(hour=7) if at.hour < 6 else at
