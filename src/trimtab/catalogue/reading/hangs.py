"""
Jobs that hang: what a time limit would have cut, and what one did cut

The what-if replays past runs with the new limits. The count takes the jobs that were really stopped, and credits each with
what hung jobs of the same name took before: between nothing (it might have ended at once) and GitHub's own limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from trimtab.catalogue.reading.limits import DEFAULT_LIMIT
from trimtab.model import Counted, History, Job, Run, Unknown, WhatIf
from trimtab.replay.outcomes import LIMIT_SLACK_SECONDS, hit_limit
from trimtab.replay.runs import change_runs, cut_job, own_jobs, with_jobs


def without_hangs(workflow: str, limits: Mapping[str, float]) -> WhatIf:
    """The history in which jobs, by API name, were stopped after so many minutes; the runs of other workflows as they were."""

    def change(run: Run) -> Run:
        if run.workflow != workflow or not any(_too_long(job, limits) for job in run.jobs or ()):
            return run
        return with_jobs(run, [_stopped(job, limits) for job in run.jobs or ()])

    return lambda history: change_runs(history, change)


def _too_long(job: Job, limits: Mapping[str, float]) -> bool:
    return job.name in limits and (job.seconds or 0.0) > limits[job.name] * 60


def _stopped(job: Job, limits: Mapping[str, float]) -> Job:
    if job.started is None or not _too_long(job, limits):
        return job
    return cut_job(job, job.started + timedelta(minutes=limits[job.name]))


def count_stopped(before: History, after: History) -> Counted | Unknown:
    """
    The jobs of `after` that a limit stopped, and the runner minutes that this saved

    A job counts when it ended within a minute of its limit (`after.limits`), whatever its conclusion, or when its annotations
    or conclusion say "time limit" and no job of that name was stopped after the same time before. Had a later attempt of
    the same run succeeded in more time, the limit stopped honest work: its minutes count as lost. They may be lost, too,
    where one of that name took longer before and succeeded. Unknown when no job of `after` was collected.
    """
    if not any(run.jobs for run in after.runs):
        return Unknown("the jobs of the runs since the change were not collected", "trimtab collect")
    known = {(job.name, _rounded(job)) for job in _stopped_jobs(before)}
    stopped = [job for job in _stopped_jobs(after) if _at_limit(job, after) or (job.name, _rounded(job)) not in known]
    wrong = [job for job in stopped if _succeeded_later(job, after)]
    ids = {job.id for job in wrong}
    hung = [job for job in stopped if job.id not in ids]
    longest = _longest_successes(before)
    doubtful = [job for job in hung if (job.seconds or 0.0) < longest.get(job.name, 0.0)]
    bounds = [_saved(job, before) for job in hung]
    low, mid, high = (sum(bound[i] for bound in bounds) - _minutes(wrong) for i in range(3))
    says = f"{len(hung)} hung jobs stopped"
    if doubtful:
        says += f", {len(doubtful)} of them sooner than others had succeeded before"
    if wrong:
        says += f", and {len(wrong)} that a longer attempt finished: the limit is too tight"
    return Counted(events=len(stopped), minutes=mid, low=low - _minutes(doubtful), high=high, says=says)


def _stopped_jobs(history: History) -> list[Job]:
    return [
        job
        for run in history.runs
        for job in own_jobs(run)
        if job.conclusion not in ("success", "skipped") and hit_limit(job, history.limits.get(job.name))
    ]


def _at_limit(job: Job, history: History) -> bool:
    limit = history.limits.get(job.name)
    return limit is not None and abs((job.seconds or 0.0) - limit * 60) <= LIMIT_SLACK_SECONDS


def _longest_successes(history: History) -> dict[str, float]:
    """By job name: the seconds of the longest one that succeeded."""
    longest: dict[str, float] = {}
    for run in history.runs:
        for job in own_jobs(run):
            if job.conclusion == "success":
                longest[job.name] = max(longest.get(job.name, 0.0), job.seconds or 0.0)
    return longest


def _minutes(jobs: Sequence[Job]) -> float:
    return sum(job.seconds or 0.0 for job in jobs) / 60


def _rounded(job: Job) -> int:
    """Its length in units of twice the slack, so that the same limit gives (nearly always) the same number."""
    return round((job.seconds or 0.0) / (2 * LIMIT_SLACK_SECONDS))


def _saved(job: Job, before: History) -> tuple[float, float, float]:
    """Low, middle and high minutes saved by stopping one hung job; the middle is 0 without a hang of that name before."""
    took = job.seconds or 0.0
    high = max(DEFAULT_LIMIT - took / 60, 0.0)
    longer = [
        (old.seconds or 0.0) - took
        for run in before.runs
        for old in own_jobs(run)
        if old.name == job.name and old.conclusion != "success" and (old.seconds or 0.0) > took + LIMIT_SLACK_SECONDS
    ]
    if not longer:
        return 0.0, 0.0, high
    return min(longer) / 60, sum(longer) / len(longer) / 60, max(longer) / 60


def _succeeded_later(job: Job, after: History) -> bool:
    return any(
        other.name == job.name and other.conclusion == "success" and (other.seconds or 0.0) > (job.seconds or 0.0)
        for run in after.runs
        if run.id == job.run_id and run.attempt > job.attempt
        for other in own_jobs(run)
    )
