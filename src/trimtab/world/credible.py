"""
Times that no run can have: one mistyped date must not stretch every window, price and trend

GitHub Actions exists since 2018, a run ends within 35 days of its start (docs.github.com: "Usage limits"), and nothing happens
after today. "Today" is the later of this machine's clock and the middle one of the runs at hand: where most runs
are from the future, it is the clock that is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from trimtab.model import Job, Run, Step

FIRST = datetime(2018, 1, 1, tzinfo=UTC)
LONGEST = timedelta(days=35)
SKEW = timedelta(days=1)  # between this clock and those that wrote the times

_Lasting = TypeVar("_Lasting", Run, Job, Step)


def credible(runs: Sequence[Run], now: datetime) -> tuple[list[Run], Counter[str]]:
    """
    The runs that were created at a possible time, without the starts and ends that are impossible; what was left out, counted

    A run that loses its end counts as one whose end was not told.
    """
    told: Counter[str] = Counter()
    if not runs:
        return [], told
    last = max(now, sorted(run.created for run in runs)[len(runs) // 2]) + SKEW
    kept = []
    for run in runs:
        if not FIRST <= run.created <= last:
            told["run left out: created before GitHub Actions was (2018) or after today"] += 1
            continue
        sane = _sane(run, last)
        jobs = None if run.jobs is None else tuple([_sane_job(job, last) for job in run.jobs])
        odd = sane is not run or (
            jobs is not None and any(a is not b for a, b in zip(jobs, run.jobs or (), strict=True))
        )
        told["run with an impossible time in it, which was not believed"] += odd
        kept.append(replace(sane, jobs=jobs) if odd else run)
    return kept, +told


def _sane_job(job: Job, last: datetime) -> Job:
    steps = tuple([_sane(step, last) for step in job.steps])
    created = job.created if job.created is None or FIRST <= job.created <= last else None
    odd = created is not job.created or any(a is not b for a, b in zip(steps, job.steps, strict=True))
    return _sane(replace(job, created=created, steps=steps) if odd else job, last)


def _sane(thing: _Lasting, last: datetime) -> _Lasting:
    """The same without a start or end outside of `FIRST`..`last`, or an end more than `LONGEST` after its start."""
    start, end = thing.started, thing.ended
    if start is not None and not FIRST <= start <= last:
        start = None
    begun = start or (None if isinstance(thing, Step) else thing.created)
    if end is not None and (not FIRST <= end <= last or (begun is not None and end - begun > LONGEST)):
        end = None
    return thing if start is thing.started and end is thing.ended else replace(thing, started=start, ended=end)
