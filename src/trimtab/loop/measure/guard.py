"""
The guard: has the machinery begun to fail since the change?

Only infrastructure failures count (startup failure, time limit, runner lost). On raw failures a guard of this kind raises 15 %
false alarms, because somebody breaks the main branch for a day; on infrastructure failures it raises next to none.
Two alarms: many such failures with high probability, and three in a row at once, which is what a workflow file that GitHub
refuses looks like, if ten runs or more before the change had none. A bad day of GitHub is not the change's fault: the first
alarm leaves the worst day out, the second wants no such failure in other runs at the same time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np

from trimtab.loop.measure.limits import NO_LIMITS, Limits
from trimtab.loop.measure.sides import Sides
from trimtab.model import Run
from trimtab.replay.outcomes import Outcome, first_attempts, outcome
from trimtab.replay.runs import ended
from trimtab.stats.proportions import probability_of_rise

MARGIN = 0.02  # a rise of two percentage points; a smaller one would take thousands of runs to see
SURE = 0.95  # looked at daily: leaving the worst day out keeps false alarms below 2 % in four weeks
ROW = 3
_MIN_BEFORE = 10  # one earlier run that went well does not show that such failures are new
_MIN_TREATED, _MIN_FAILURES = 20, 3
_CONTROL_DAYS = 56
_HUNG = 2.0  # a run cancelled after twice the 95th percentile of successes hung; somebody lost patience


def alarm(found: Sides, elsewhere: Sequence[Run], limits: Limits = NO_LIMITS) -> str | None:
    """
    Why the change must go, in words, or None

    `elsewhere` are all other runs (other workflows, other versions), which tell whether the trouble is everybody's;
    `limits` tell which jobs met a time limit without an annotation that says so.
    """
    if found.start is None:
        return None
    since = found.start - timedelta(days=_CONTROL_DAYS)
    before = [run for run in found.past if run.created >= since]
    usual = _usual_seconds(before)
    was, now = _failures(before, usual, limits.old), _failures(found.treated, usual, limits.new)
    row = _row(now)
    if (
        row
        and len(was) >= _MIN_BEFORE
        and not any(failed for _, failed in was)
        and not _failing_between(elsewhere, *row)
    ):
        return (
            f"{ROW} runs in a row failed for infrastructure reasons since the change "
            f"(startup failure, time limit or lost runner), none of {len(was)} before it"
        )
    return _rise(was, now)


def _rise(was: Sequence[tuple[Run, bool]], now: Sequence[tuple[Run, bool]]) -> str | None:
    """The slower alarm: infrastructure failures have become more frequent, even without the worst day since."""
    bad_before, bad = sum(failed for _, failed in was), sum(failed for _, failed in now)
    days = Counter(_day(run) for run, failed in now if failed)
    if not was or len(now) < _MIN_TREATED or bad < _MIN_FAILURES:
        return None
    worst = min(days, key=lambda day: (-days[day], day))
    others = [failed for run, failed in now if _day(run) != worst]
    sure = probability_of_rise((bad_before, len(was)), (sum(others), len(others)), MARGIN)
    if sure <= SURE:
        return None
    return (
        f"infrastructure failures rose from {bad_before} of {len(was)} runs to {bad} of {len(now)} "
        f"(P(more than {MARGIN * 100:.0f} points worse, without the worst day) = {sure:.3f})"
    )


def _day(run: Run) -> date:
    return run.created.astimezone(UTC).date()


def _failures(runs: Sequence[Run], usual: float | None, limits: Mapping[str, float]) -> list[tuple[Run, bool]]:
    """First attempts that came to an end, each with whether the machinery failed it."""
    judged = []
    for run in first_attempts(runs):
        how = outcome(run, limits)
        hung = how is Outcome.CANCELLED and usual is not None and _seconds(run) > _HUNG * usual
        if hung or how in (Outcome.SUCCESS, Outcome.CODE, Outcome.INFRA):
            judged.append((run, hung or how is Outcome.INFRA))
    return judged


def _row(now: Sequence[tuple[Run, bool]]) -> tuple[datetime, datetime] | None:
    """First and last moment of the first three failures in a row."""
    for index in range(len(now) - ROW + 1):
        window = now[index : index + ROW]
        if all(failed for _, failed in window):
            return window[0][0].created, window[-1][0].created
    return None


def _failing_between(runs: Sequence[Run], first: datetime, last: datetime) -> bool:
    slack = timedelta(hours=1)
    near = (run for run in runs if first - slack <= run.created <= last + slack)
    return any(outcome(run) is Outcome.INFRA for run in near)


def _usual_seconds(runs: Sequence[Run]) -> float | None:
    """The 95th percentile of successful runs; None below ten of them."""
    took = [_seconds(run) for run in runs if outcome(run) is Outcome.SUCCESS]
    return float(np.percentile(took, 95)) if len(took) >= 10 else None


def _seconds(run: Run) -> float:
    end = ended(run)
    return 0.0 if end is None else max((end - (run.started or run.created)).total_seconds(), 0.0)
