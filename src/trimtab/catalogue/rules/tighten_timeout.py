"""
Tighten a time limit that is so loose that a hung job is found hours late

Fires where a job's `timeout-minutes` is a number more than five times the 99th percentile of its successes (at least 20 of
them, over at least four weeks), and the limit that history suggests is at least 20 minutes shorter. The new limit
leaves twice as much room as `set-timeout` would, and at least 15 minutes: somebody chose the old one, perhaps for a day when
every cache is cold.

Not touched: limits with a comment beside or above them, which is somebody's reason; limits that are expressions or that differ
by matrix leg; jobs that compile behind ccache or sccache, whose rare cold build takes many times as long; deployments and
releases, work that is started by hand only, debugging sessions, steps that retry within limits of their own; and jobs
that may do more on an event that the history has not seen succeed. The effect is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.hangs import count_stopped, without_hangs
from trimtab.catalogue.reading.limits import (
    Lengths,
    lengths,
    limit_of,
    minutes,
    proposed,
    runner,
    unseen_event,
    untouchable,
)
from trimtab.catalogue.reading.purpose import own_files, source
from trimtab.model import Design, EditFile, Finding, ReplaceScalar, Risk, Unknown
from trimtab.workflow.model import Job, Workflow

metric = "runner_minutes"
risk = Risk.SAFE
design: Design = "counted"
settings: Mapping[str, object] = {"loose": 5.0, "min_days": 28.0}
ranges: Mapping[str, tuple[float, float]] = {"loose": (1.5, 1000), "min_days": (1, 3650)}
count = count_stopped

_ROOM = 2.0  # times what set-timeout would choose
_LEAST = 15.0  # minutes
_WORTH = 20.0  # minutes that a hang must cost less for the edit to be worth a review


def find(evidence: Evidence) -> Iterator[Finding]:
    for workflow in own_files(evidence):
        found = {}
        for job in workflow.jobs.values():
            limit = limit_of(job)
            if limit is not None and untouchable(workflow, job) is None and not _has_reason(workflow, job):
                tighter = _tighter(workflow, job, limit, evidence)
                if tighter is not None:
                    found[job.id] = tighter
        if found:
            yield _finding(workflow, found)


def _has_reason(workflow: Workflow, job: Job) -> bool:
    """Whether the room is there for something: a comment says so, or a compiler cache that may be cold."""
    return _explained(workflow, job) or "ccache" in source(workflow, job)


def _explained(workflow: Workflow, job: Job) -> bool:
    """Whether a comment stands on the limit's line or on the line above."""
    span = workflow.span((*job.path, "timeout-minutes"))
    return "#" in span.text or workflow.tree.line(span.line - 1).strip().startswith("#")


def _tighter(workflow: Workflow, job: Job, limit: float, evidence: Evidence) -> tuple[float, Lengths] | None:
    """The new limit and its grounds, None when the old one is not loose or the history does not suffice."""
    executions = evidence.jobs(workflow.path, job.id)
    found = executions if isinstance(executions, Unknown) else lengths(executions, limit)
    if isinstance(found, Unknown) or found.p99 is None or found.days < _number(evidence, "min_days"):
        return None
    if limit <= _number(evidence, "loose") * found.p99 or unseen_event(workflow, job, evidence, found.names):
        return None
    roomy = replace(found, needed=_ROOM * found.needed)
    new = max(proposed(roomy, job, runner(workflow, job, evidence)), _LEAST)
    return (new, found) if limit - new >= _WORTH else None


def _number(evidence: Evidence, name: str) -> float:
    value = evidence.setting(f"tighten-timeout.{name}")
    return float(value) if isinstance(value, int | float) else float(str(settings[name]))


def _finding(workflow: Workflow, found: Mapping[str, tuple[float, Lengths]]) -> Finding:
    jobs = [workflow.jobs[id] for id in found]
    places = [(*job.path, "timeout-minutes") for job in jobs]
    first = jobs[0]
    longest = minutes(found[first.id][1].longest)
    return Finding(
        rule="tighten-timeout",
        says=f"a hung {first.id} is stopped only after {first.timeout} minutes; it takes {longest} at most",
        where=workflow.span(places[0]),
        node=("jobs",),
        evidence=tuple(
            f"{job.id}: {job.timeout} -> {found[job.id][0]:.0f} minutes; {found[job.id][1].says()}" for job in jobs
        ),
        change=EditFile(
            workflow.path,
            tuple(ReplaceScalar(place, int(found[job.id][0])) for job, place in zip(jobs, places, strict=True)),
        ),
        risk=risk,
        spots=tuple(workflow.span(place) for place in places[1:]),
        what_if=without_hangs(
            workflow.path, {name: limit for limit, lengths in found.values() for name in lengths.names}
        ),
    )
