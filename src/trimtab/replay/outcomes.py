"""
How a run or a job ended, in the words that a team needs: its code failed, or the machinery did

GitHub's `conclusion` mixes the two. Here `startup_failure`, a time limit, a lost runner and a full disk are
infrastructure; `cancelled`, `skipped` and their like are neither success nor failure and leave every rate.
A time limit shows as `cancelled`, `failure` or `timed_out` depending on where it struck, so the annotation decides.
Pure: values in, values out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from trimtab.model import Job, Run

LIMIT_SLACK_SECONDS = 60.0

# What GitHub's service and runner write into a job's annotations. The limit of a job, or of a step; "timed out" alone is what
# every test framework writes of its own waiting, so there only GitHub's whole sentence counts.
_LIMIT_NOTE = re.compile(
    r".*exceeded the maximum execution time|the (?:action|job|operation)(?: '.*')? has timed out(?: after \d+ minutes?)?\.?\Z",
    re.IGNORECASE | re.DOTALL,
)
INFRA_NOTES = (  # lower case, matched as parts
    "lost communication with the server",
    "the runner has received a shutdown signal",
    "the hosted runner encountered an error",
    "encountered an internal error when running your job",
    "was not acquired by runner",
    "no space left on device",
    "recent account payments have failed",
)


class Outcome(StrEnum):
    SUCCESS = "success"
    CODE = "code"  # failed, and nothing says that the machinery was the reason
    INFRA = "infra"  # startup failure, time limit, runner lost, disk full
    CANCELLED = "cancelled"
    SKIPPED = "skipped"  # nothing was executed, or nothing was said: skipped, neutral, waiting for approval
    RUNNING = "running"  # no conclusion yet


_PLAIN = {
    "success": Outcome.SUCCESS,
    "cancelled": Outcome.CANCELLED,
    "skipped": Outcome.SKIPPED,
    "neutral": Outcome.SKIPPED,
    "action_required": Outcome.SKIPPED,
    "startup_failure": Outcome.INFRA,
    "timed_out": Outcome.INFRA,
    "stale": Outcome.INFRA,  # GitHub gave up waiting for it
}


def _infra_noted(job: Job) -> bool:
    return any(text in note.lower() for note in job.notes for text in INFRA_NOTES)


def _limit_noted(job: Job) -> bool:
    return any(_LIMIT_NOTE.match(note.strip()) for note in job.notes)


def hit_limit(job: Job, limit_minutes: float | None) -> bool:
    """
    Whether the job was stopped by its time limit, whatever its conclusion says

    True when it ended within 60 s of `limit_minutes`, when an annotation says so, or when GitHub concluded
    `timed_out`. Its duration is then censored: the work would have taken at least that long. `limit_minutes`
    None means that the limit is not known; then only the words count.
    """
    if job.conclusion is None:
        return False
    if job.conclusion == "timed_out" or _limit_noted(job):
        return True
    seconds = job.seconds
    return (
        limit_minutes is not None and seconds is not None and abs(seconds - limit_minutes * 60) <= LIMIT_SLACK_SECONDS
    )


def job_outcome(job: Job, limit_minutes: float | None = None) -> Outcome:
    """How one execution of a job ended; `limit_minutes` is its time limit when known."""
    if job.conclusion is None:
        return Outcome.RUNNING
    if job.conclusion in ("success", "skipped", "neutral", "action_required"):
        return _PLAIN[job.conclusion]
    if hit_limit(job, limit_minutes) or _infra_noted(job):
        return Outcome.INFRA
    return _PLAIN.get(job.conclusion, Outcome.CODE)


_NO_LIMITS: Mapping[str, float] = {}


def outcome(run: Run, limits: Mapping[str, float] = _NO_LIMITS) -> Outcome:
    """
    How one attempt of a run ended; `limits` are those of its jobs in minutes, by API name, where known

    A failed run whose jobs were collected is `INFRA` only if every job that failed did so for infrastructure reasons;
    with one real failure beside them the code would have failed anyway. A cancelled run with a job that met its
    time limit is `INFRA`: nobody cancelled it. An unknown conclusion counts as `CODE`, never as success.
    """
    if run.conclusion is None:
        return Outcome.RUNNING
    if run.conclusion not in ("failure", "cancelled"):
        return _PLAIN.get(run.conclusion, Outcome.CODE)
    bad = [job_outcome(job, limits.get(job.name)) for job in run.jobs or ()]
    if run.conclusion == "cancelled":
        return Outcome.INFRA if Outcome.INFRA in bad else Outcome.CANCELLED
    return Outcome.INFRA if Outcome.INFRA in bad and Outcome.CODE not in bad else Outcome.CODE


def first_attempts(runs: Iterable[Run]) -> tuple[Run, ...]:
    """The first attempt of each run, oldest first; a run whose first attempt was not collected is left out."""
    firsts = {run.id: run for run in runs if run.attempt == 1}
    return _ordered(firsts.values())


def final_attempts(runs: Iterable[Run]) -> tuple[Run, ...]:
    """The latest collected attempt of each run, oldest run first."""
    last: dict[int, Run] = {}
    for run in runs:
        if run.id not in last or run.attempt >= last[run.id].attempt:
            last[run.id] = run
    return _ordered(last.values())


def _ordered(runs: Iterable[Run]) -> tuple[Run, ...]:
    return tuple(sorted(runs, key=lambda run: (run.created, run.id, run.attempt)))
