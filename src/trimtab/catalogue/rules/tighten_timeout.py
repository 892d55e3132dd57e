"""
Tighten a time limit that is so loose that a hung job is found hours late

Fires where a job's `timeout-minutes` is a number more than five times the 99th percentile of its successes (at least 20 of
them, over at least four weeks), and the limit that history suggests is at least 20 minutes shorter. The new limit
leaves twice as much room as `set-timeout` would, and at least 15 minutes: somebody chose the old one, perhaps for a day when
every cache is cold.

Not touched: limits with a comment beside or above them, which is somebody's reason; limits that are expressions or that differ
by matrix leg; jobs with a cache of built things (actions/cache, ccache, image layers), whose rare cold run takes many times
as long; jobs that look for flaky tests; jobs with limits of their own inside, or whose work comes from another repository or
goes on elsewhere; deployments and releases, and what they wait for; work that neither a push nor a pull request starts, or
that a push of a tag or a release branch alone does; debugging sessions, steps that retry within limits of their own; and jobs
that may do more on an event that the history has not seen succeed. The effect is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.hangs import count_stopped, without_hangs
from trimtab.catalogue.reading.limits import (
    Lengths,
    lengths,
    limit_of,
    may_be_cold,
    minutes,
    proposed,
    runner,
    unseen_event,
    unseen_work,
    untouchable,
    waits,
)
from trimtab.catalogue.reading.purpose import delivers, own_files, source
from trimtab.model import Design, EditFile, Finding, ReplaceScalar, Risk, Unknown
from trimtab.workflow.model import Job, Workflow

metric = "runner_minutes"
risk = Risk.SAFE
design: Design = "counted"
settings: Mapping[str, object] = {"loose": 5.0, "min_days": 28.0}
ranges: Mapping[str, tuple[float, float]] = {"loose": (1.5, 1000), "min_days": (1, 3650)}
count = count_stopped

_ELSEWHERE = re.compile(
    r"\bflak(?:y|es?)\b|secrets\.(?!GITHUB_TOKEN|CODECOV)", re.IGNORECASE
)  # the history does not show it all
_TAGS = re.compile(r"refs/tags|workflow_dispatch|'schedule'")
_RELEASE_BRANCH = re.compile(r"\brc\b|release|stable|[-/]v?\d|^v?\d", re.IGNORECASE)
_ROOM = 2.0  # times what set-timeout would choose
_LEAST = 15.0  # minutes
_WORTH = 20.0  # minutes that a hang must cost less for the edit to be worth a review


def find(evidence: Evidence) -> Iterator[Finding]:
    for workflow in own_files(evidence):
        found = {}
        for job in workflow.jobs.values():
            limit = limit_of(job)
            if (
                limit is not None
                and untouchable(workflow, job) is None
                and not (_has_reason(workflow, job) or waits(job, evidence))
            ):
                tighter = _tighter(workflow, job, limit, evidence)
                if tighter is not None:
                    found[job.id] = tighter
        if found:
            yield _finding(workflow, found)


def _has_reason(workflow: Workflow, job: Job) -> bool:
    """Whether the room may be there for something that the history has not shown."""
    if not _runs_for_changes(workflow) or _ahead_of_delivery(workflow, job) or _explained(workflow, job):
        return True
    text = source(workflow, job)
    if _TAGS.search(job.condition or "") or _ELSEWHERE.search(text) or may_be_cold(workflow, job):
        return True
    limits_itself = "timeout" in text.lower().replace("timeout-minutes", "")
    return limits_itself or any("repository" in step.inputs for step in job.steps)


def _runs_for_changes(workflow: Workflow) -> bool:
    """Whether pull requests or pushes start it, of more than tags and release branches."""
    push = workflow.events.get("push")
    if "pull_request" in workflow.events or push is None:
        return "pull_request" in workflow.events
    if push.branches is None:
        return push.tags is None
    return not all(_RELEASE_BRANCH.search(name) for name in push.branches)


def _ahead_of_delivery(workflow: Workflow, job: Job) -> bool:
    """Whether a job that delivers waits for this one: a run that is cut holds the delivery up."""
    waiting: dict[str, list[str]] = {}
    for other in workflow.jobs.values():
        for need in other.needs:
            waiting.setdefault(need, []).append(other.id)
    behind, left = {job.id}, [job.id]
    while left:
        more = [id for id in waiting.get(left.pop(), ()) if id not in behind]
        behind.update(more)
        left += more
    return any(delivers(workflow.jobs[id]) is not None for id in behind)


def _explained(workflow: Workflow, job: Job) -> bool:
    """Whether a comment stands on the limit's line, on the two lines above, or at the job's key."""
    line = workflow.span((*job.path, "timeout-minutes")).line
    near = {line, line - 1, line - 2, workflow.span(job.path).line} - {0, -1}
    return any("#" in workflow.tree.line(number) for number in near)


def _tighter(workflow: Workflow, job: Job, limit: float, evidence: Evidence) -> tuple[float, Lengths] | None:
    """The new limit and its grounds, None when the old one is not loose or the history does not suffice."""
    executions = evidence.jobs(workflow.path, job.id)
    found = executions if isinstance(executions, Unknown) else lengths(executions, limit)
    if isinstance(found, Unknown) or found.p99 is None or found.days < _number(evidence, "min_days"):
        return None
    if limit <= _number(evidence, "loose") * found.p99 or unseen_event(workflow, job, evidence, found.names):
        return None
    if isinstance(executions, Unknown) or unseen_work(job, executions) is not None:
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
