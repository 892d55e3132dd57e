"""What was observed: runs, jobs and steps as GitHub tells them, and readings of numbers over time"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one job execution."""

    number: int
    name: str
    conclusion: str | None
    started: datetime | None
    ended: datetime | None

    @property
    def seconds(self) -> float | None:
        return _span(self.started, self.ended)


@dataclass(frozen=True, slots=True)
class Job:
    """One execution of a job in one attempt of a run. `notes` are the texts of its check-run annotations."""

    id: int
    run_id: int
    attempt: int
    name: str
    conclusion: str | None
    created: datetime | None
    started: datetime | None
    ended: datetime | None
    labels: tuple[str, ...] = ()
    runner: str | None = None
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float | None:
        """Execution time, without the queue; None when it never started or never ended."""
        return _span(self.started, self.ended)

    @property
    def queued_seconds(self) -> float | None:
        """Time between creation and start; None when either is missing, never negative."""
        return _span(self.created, self.started)


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt of one workflow run; (id, attempt) is its identity. `jobs` is None when not collected."""

    id: int
    attempt: int
    workflow: str  # its identity is its path: ".github/workflows/ci.yml"
    conclusion: str | None
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    event: str | None = None
    branch: str | None = None
    sha: str | None = None
    number: int | None = None
    pull_request: int | None = None
    actor: str | None = None
    fork: bool = False
    jobs: tuple[Job, ...] | None = None
    blob: str | None = None  # git blob id of the workflow file at `sha`: what this run executed

    @property
    def key(self) -> tuple[int, int]:
        return (self.id, self.attempt)

    @property
    def seconds(self) -> float | None:
        """Wall time of this attempt, first start to end."""
        return _span(self.started or self.created, self.ended)

    @property
    def runner_seconds(self) -> float | None:
        """Sum of its jobs' execution times; None when jobs were not collected."""
        return None if self.jobs is None else sum(job.seconds or 0.0 for job in self.jobs)


@dataclass(frozen=True, slots=True)
class History:
    """
    Runs in order of (created, id, attempt), no key twice; `start` and `end` bound the window looked at

    `limits` are the minutes after which jobs, by API name, were stopped in this window: those that are known, and that a change
    is measured by.
    """

    runs: tuple[Run, ...]
    start: datetime
    end: datetime
    limits: Mapping[str, float] = field(default_factory=dict, hash=False)

    @property
    def days(self) -> float:
        return max((self.end - self.start).total_seconds() / 86400, 0.0)

    def of(self, workflow: str) -> History:
        """The same window, only the runs of one workflow path."""
        return replace(self, runs=tuple(r for r in self.runs if r.workflow == workflow))


WhatIf: TypeAlias = Callable[[History], History]


@dataclass(frozen=True, slots=True)
class Reading:
    """One number of one KPI or host at one time; `value` in the KPI's unit."""

    kpi: str
    where: str
    at: datetime
    value: float


def _span(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from start to end; None when either is missing or the clock ran backwards (seen in real API objects)."""
    if start is None or end is None or end < start:
        return None
    return (end - start).total_seconds()
