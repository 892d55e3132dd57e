"""
Building blocks of a what-if: the same runs, but shorter, fewer or in another order

A rule's `what_if` turns a history into the history that would have been; it is made of these. None of them
invents a run, and each leaves alone what has not ended: an unfinished run has no cost yet to compare.
Runners are unlimited: a job starts as soon as what it needs has ended, plus the wait it had in reality.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeAlias

from trimtab.model import History, Job, Run

_CARRIED_SLACK = timedelta(seconds=5)

# ------------------------------------------------------------------------------------ reading


def own_jobs(run: Run) -> tuple[Job, ...]:
    """
    The jobs that this attempt really executed

    "Re-run failed jobs" lists the jobs that were *not* run again under the new attempt as well, with the times of the
    old one; counting them would pay twice. They are told by a start before the attempt's own.
    """
    jobs = run.jobs or ()
    if run.attempt <= 1 or run.started is None:
        return jobs
    earliest = run.started - _CARRIED_SLACK
    return tuple(job for job in jobs if job.started is None or job.started >= earliest)


def runner_seconds(run: Run) -> float | None:
    """Seconds of runner time that this attempt used; None when its jobs were not collected."""
    return None if run.jobs is None else sum(job.seconds or 0.0 for job in own_jobs(run))


def ended(run: Run) -> datetime | None:
    """
    When the attempt's last job ended; without jobs the run's own end

    GitHub has no completion time on a run, only `updated_at`, which later events may move.
    """
    ends = [job.ended for job in run.jobs or () if job.ended is not None]
    return max(ends) if ends and run.conclusion is not None else run.ended


# ------------------------------------------------------------------------------------ whole histories


def change_runs(history: History, change: Callable[[Run], Run | None]) -> History:
    """The same window with each run replaced by `change(run)`; None leaves the run out."""
    changed = (change(run) for run in history.runs)
    return replace(history, runs=tuple(run for run in changed if run is not None))


def drop_runs(history: History, drop: Callable[[Run], bool]) -> History:
    """The same window without the runs for which `drop` says yes."""
    return replace(history, runs=tuple(run for run in history.runs if not drop(run)))


def superseded(runs: Sequence[Run], group: Callable[[Run], Hashable | None]) -> dict[tuple[int, int], datetime]:
    """
    The runs that a later run of the same group would have cancelled, by key, with the moment

    `group` gives the concurrency group, None for a run outside any. A run is superseded when the next one of its group
    is asked for while it has not ended. An attempt is asked for when it starts, a first attempt when it is created.
    """
    groups: defaultdict[Hashable, list[tuple[datetime, tuple[int, int], datetime | None]]] = defaultdict(list)
    for run in runs:
        name = group(run)
        if name is not None:
            groups[name].append((_asked(run), run.key, ended(run)))
    cut: dict[tuple[int, int], datetime] = {}
    for members in groups.values():
        members.sort(key=lambda member: member[:2])
        for (_, key, end), (later, _, _) in pairwise(members):
            if end is not None and end > later:
                cut[key] = later
    return cut


def _asked(run: Run) -> datetime:
    return run.started or run.created if run.attempt > 1 else run.created


# ------------------------------------------------------------------------------------ one run


def cut_job(job: Job, at: datetime) -> Job:
    """The job as it would be, had it been cancelled at `at`: shorter, or never started; unchanged if it ended before."""
    if job.conclusion is None or job.ended is None or job.ended <= at:
        return job
    if job.started is None or job.started >= at:
        return replace(job, conclusion="cancelled", started=None, ended=None, steps=())
    steps = tuple(step for step in job.steps if step.ended is not None and step.ended <= at)
    return replace(job, conclusion="cancelled", ended=at, steps=steps)


def cut_run(run: Run, at: datetime) -> Run:
    """The run as it would be, had it been cancelled at `at`; unchanged if it ended before or has not ended."""
    end = ended(run)
    if run.conclusion is None or end is None or end <= at:
        return run
    jobs = None if run.jobs is None else tuple(cut_job(job, at) for job in run.jobs)
    return replace(run, conclusion="cancelled", ended=max(at, run.started or run.created), jobs=jobs)


def with_jobs(run: Run, jobs: Sequence[Job]) -> Run:
    """The run with other executions of its jobs; its end moves with its last job."""
    before, after = ended(run), max((job.ended for job in jobs if job.ended is not None), default=None)
    if run.ended is None or before is None:
        return replace(run, jobs=tuple(jobs))
    end = run.started or run.created if after is None else run.ended + (after - before)
    return replace(run, jobs=tuple(jobs), ended=end)


def drop_jobs(run: Run, drop: Callable[[Job], bool]) -> Run:
    """The run without the executions for which `drop` says yes, as if their `if` had been false."""
    if run.jobs is None:
        return run
    return with_jobs(run, tuple(skipped(job) if drop(job) else job for job in run.jobs))


def skipped(job: Job) -> Job:
    """The execution as it would be, had its `if` been false."""
    return replace(job, conclusion="skipped", started=None, ended=None, steps=())


# ------------------------------------------------------------------------------------ another job graph

Graph: TypeAlias = Mapping[str, tuple[str, ...]]  # YAML job id -> the ids that it needs
_FAILED = frozenset({"failure", "cancelled", "timed_out", "startup_failure"})


def reschedule(
    run: Run,
    needs: Graph,
    job_ids: Mapping[str, str],
    *,
    before: Graph | None = None,
    typical: Mapping[str, float] | None = None,
) -> Run:
    """
    The run with its jobs started as the graph `needs` lets them

    `job_ids` maps API job names to YAML ids (matrix legs share one). Each job keeps its length and the wait it had:
    the time from being ready under the graph `before` to its start, or its queue time when `before` is not given.
    A job behind one that failed is skipped, as GitHub does, unless it ran in reality behind that same job. A job that a
    failed need had skipped and that need no longer holds back takes its `typical` seconds, if given. The run is
    returned as it is when it has not ended, its jobs were not collected, one has no known id, or the graph has a cycle.
    Steps of a moved job are left out: their times no longer fit.
    """
    order = _topological(needs)
    jobs = own_jobs(run)
    if not jobs or run.conclusion is None or order is None or len(jobs) != len(run.jobs or ()):
        return run
    if any(job_ids.get(job.name) not in needs for job in jobs):
        return run
    legs: defaultdict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        legs[job_ids[job.name]].append(job)
    start = run.started or run.created
    placed: dict[str, list[Job]] = {}
    for name in order:
        ready = _ready(needs[name], placed, start)
        old_needs = None if before is None else before.get(name, ())
        old_ready = None if old_needs is None else _ready(old_needs, legs, start)
        held = _held_back(needs[name], old_needs or (), placed, legs)
        freed = _all_succeeded(needs[name], placed) and (old_needs is None or not _all_succeeded(old_needs, legs))
        seconds = (typical or {}).get(name) if freed else None
        placed[name] = [_place(job, ready, held, old_ready, seconds) for job in legs.get(name, ())]
    moved = {job.id: job for group in placed.values() for job in group}
    return with_jobs(run, tuple(moved[job.id] for job in jobs))


def _place(job: Job, ready: datetime, held: bool, old_ready: datetime | None, typical: float | None) -> Job:
    """One execution at its new place: still or newly skipped, newly run for its typical time, or moved."""
    if job.started is None or job.ended is None or job.conclusion == "skipped":
        if typical is None or job.conclusion != "skipped":
            return job
        end = ready + timedelta(seconds=typical)
        return replace(job, conclusion="success", created=ready, started=ready, ended=end, steps=())
    if held:
        return skipped(job)
    wait = timedelta(seconds=job.queued_seconds or 0.0) if old_ready is None else job.started - old_ready
    shift = ready + max(wait, timedelta()) - job.started
    if not shift:
        return job
    created = None if job.created is None else job.created + shift
    return replace(job, created=created, started=job.started + shift, ended=job.ended + shift, steps=())


def _held_back(
    needs: tuple[str, ...],
    old_needs: tuple[str, ...],
    placed: Mapping[str, Sequence[Job]],
    legs: Mapping[str, Sequence[Job]],
) -> bool:
    """Whether a need fails or is newly skipped; not where the job ran behind the same failure in reality (`always()`)."""
    for need in needs:
        failed = any(job.conclusion in _FAILED for job in placed.get(need, ()))
        if failed and need not in old_needs:
            return True
        pairs = zip(placed.get(need, ()), legs.get(need, ()), strict=True)
        if any(now.conclusion == "skipped" and was.conclusion != "skipped" for now, was in pairs):
            return True
    return False


def _all_succeeded(needs: tuple[str, ...], jobs: Mapping[str, Sequence[Job]]) -> bool:
    return all(job.conclusion == "success" for need in needs for job in jobs.get(need, ()))


def _ready(needs: tuple[str, ...], jobs: Mapping[str, Sequence[Job]], start: datetime) -> datetime:
    return max((job.ended for need in needs for job in jobs.get(need, ()) if job.ended), default=start)


def _topological(needs: Graph) -> tuple[str, ...] | None:
    """Ids so that each stands behind what it needs; None when there is a cycle. Unknown needs are ignored."""
    order: list[str] = []
    left = {name: {need for need in wanted if need in needs} for name, wanted in needs.items()}
    while left:
        free = [name for name, wanted in left.items() if not wanted]
        if not free:
            return None
        order += free
        left = {name: wanted.difference(free) for name, wanted in left.items() if wanted}
    return tuple(order)
