"""
Raise a time limit that stops jobs which were still working

Fires where a job met its `timeout-minutes` at least three times (ended within 60 seconds of it, or GitHub's annotation says so,
whatever the conclusion) in at least 1 % of its executions, while at least three successes needed more than 80 % of the
limit: then the limit cuts into the honest length of the job. A limit that is met while every success is
short has found a hang, and stays; so does one around work that has a limit of its own (`timeout 600 make test`), and one whose
comment says why it is what it is.

The lengths of stopped executions are known only as "at least the limit", so the percentile is estimated with them as lower
bounds (Kaplan-Meier), and beyond the limit by a log-normal through the visible percentiles. The new limit is 1.5 x that
99th percentile, at least 1.2 x the longest success, and at most twice the old limit: one step, then look again.

Never above what the runner allows: 15 minutes on ubuntu-slim, 360 hosted, five days self-hosted. The effect is counted:
executions that succeed in more time than the old limit gave, each of which would have been thrown away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.limits import (
    DEFAULT_LIMIT,
    SELF_HOSTED_LIMIT,
    SLIM_LIMIT,
    Lengths,
    lengths,
    limit_of,
    minutes_allowed,
    proposed,
    runner,
    untouchable,
)
from trimtab.catalogue.reading.purpose import own_files
from trimtab.model import Counted, Design, EditFile, Finding, History, ReplaceScalar, Risk, Run, Unknown, WhatIf
from trimtab.model import Job as Execution
from trimtab.replay.outcomes import LIMIT_SLACK_SECONDS, hit_limit
from trimtab.replay.runs import change_runs, drop_runs, own_jobs, with_jobs
from trimtab.workflow.model import Job, Workflow

metric = "runner_minutes"
risk = Risk.SAFE
design: Design = "counted"
settings: Mapping[str, object] = {"hits": 3, "share": 0.01}
ranges: Mapping[str, tuple[float, float]] = {"hits": (1, 1000), "share": (0, 1)}

_MOST = 2.0  # times the old limit in one step
_LEAST = 1.2
_OWN_LIMIT = re.compile(r"(?:^|[\s;&|(])timeout\s++(?:-\S++\s++)*+\d++(?:\.\d++)?[smh]?\s")
_REASON = re.compile(r"budget|agreed|cost|hang|stuck|on purpose|never|must not|do not|don't|policy", re.IGNORECASE)
_NEAR = 0.7  # share of the job's limit
_CAPS = {"slim": SLIM_LIMIT, "self-hosted": SELF_HOSTED_LIMIT}


def find(evidence: Evidence) -> Iterator[Finding]:
    for workflow in own_files(evidence):
        found = {}
        for job in workflow.jobs.values():
            limit = limit_of(job)
            if limit is None or untouchable(workflow, job) is not None or _is_meant(workflow, job):
                continue
            if not _bounds_itself(job, limit):
                higher = _higher(workflow, job, limit, evidence)
                if higher is not None:
                    found[job.id] = higher
        if found:
            yield _finding(workflow, found)


def _bounds_itself(job: Job, limit: float) -> bool:
    """Whether a step has a limit of its own near the job's: a higher one around it changes nothing."""
    own = [minutes_allowed(step) for step in job.steps]
    return max(own, default=0.0) >= _NEAR * limit or any(_OWN_LIMIT.search(step.run or "") for step in job.steps)


def _is_meant(workflow: Workflow, job: Job) -> bool:
    """Whether a comment on the limit's line, or above it, says why it is what it is."""
    line = workflow.span((*job.path, "timeout-minutes")).line
    near = (workflow.tree.line(number) for number in (line - 1, line) if number > 0)
    return any(_REASON.search(text.partition("#")[2]) for text in near)


def _higher(workflow: Workflow, job: Job, limit: float, evidence: Evidence) -> tuple[float, Lengths] | None:
    """The new limit and its grounds, None when the old one does not cut into honest work."""
    executions = evidence.jobs(workflow.path, job.id)
    found = executions if isinstance(executions, Unknown) else lengths(executions, limit)
    if isinstance(found, Unknown) or found.hits < _number(evidence, "hits") or found.near < 3:
        return None
    if found.hits < _number(evidence, "share") * (found.hits + found.successes):
        return None
    kind = runner(workflow, job, evidence)
    new = min(proposed(found, job, kind), _MOST * limit, _CAPS.get(kind or "", DEFAULT_LIMIT))
    return (float(int(new)), found) if new >= _LEAST * limit else None


def _number(evidence: Evidence, name: str) -> float:
    value = evidence.setting(f"raise-timeout.{name}")
    return float(value) if isinstance(value, int | float) else float(str(settings[name]))


def _finding(workflow: Workflow, found: Mapping[str, tuple[float, Lengths]]) -> Finding:
    jobs = [workflow.jobs[id] for id in found]
    places = [(*job.path, "timeout-minutes") for job in jobs]
    first, (_, seen) = jobs[0], found[jobs[0].id]
    return Finding(
        rule="raise-timeout",
        says=f"the limit of {first.timeout} minutes stopped {first.id} {seen.hits} times while it was still working",
        where=workflow.span(places[0]),
        node=("jobs",),
        evidence=tuple(
            f"{job.id}: {job.timeout} -> {found[job.id][0]:.0f} minutes; {_because(found[job.id][1])}" for job in jobs
        ),
        change=EditFile(
            workflow.path,
            tuple(ReplaceScalar(place, int(found[job.id][0])) for job, place in zip(jobs, places, strict=True)),
        ),
        risk=risk,
        spots=tuple(workflow.span(place) for place in places[1:]),
        what_if=had_they_finished(workflow.path, {job.id: _Old(job, *found[job.id]) for job in jobs}),
    )


def _because(found: Lengths) -> str:
    of = found.hits + found.successes
    return f"met the limit in {found.hits} of {of}, {found.near} successes above 80 % of it; {found.says()}"


# ------------------------------------------------------------------------------------ what would have been


class _Old:
    """The limit that a job had, and how long an execution that met it would have taken under the new one, in minutes."""

    def __init__(self, job: Job, new: float, found: Lengths) -> None:
        self.names = found.names
        self.limit = limit_of(job) or 0.0
        self.would = min((self.limit + found.needed / 1.5) / 2, new) if found.needed / 1.5 > self.limit else self.limit


def had_they_finished(workflow: str, jobs: Mapping[str, _Old]) -> WhatIf:
    """
    The history in which stopped executions had gone on to their end

    Each takes the middle between the old limit and the estimated 99th percentile, and succeeds; later attempts of a run
    whose only trouble was the limit are left out, for nobody would have started them.
    """
    old = {name: one for one in jobs.values() for name in one.names}

    def stopped(job: Execution) -> bool:
        return job.name in old and job.conclusion != "success" and hit_limit(job, old[job.name].limit)

    def finished(job: Execution) -> Execution:
        if job.started is None or not stopped(job):
            return job
        return replace(job, conclusion="success", ended=job.started + timedelta(minutes=old[job.name].would))

    def what_if(history: History) -> History:
        hit = {run.key for run in history.runs if run.workflow == workflow and any(map(stopped, own_jobs(run)))}
        healed = {run.id: run.attempt for run in history.runs if run.key in hit and _only(stopped, run)}
        kept = drop_runs(
            history, lambda run: run.workflow == workflow and run.attempt > healed.get(run.id, run.attempt)
        )
        return change_runs(kept, lambda run: _with_jobs_of(run, finished, healed) if run.key in hit else run)

    return what_if


def _only(stopped: Callable[[Execution], bool], run: Run) -> bool:
    """Whether every job of the run that went wrong was stopped by the limit."""
    return all(stopped(job) for job in own_jobs(run) if job.conclusion in ("failure", "cancelled", "timed_out"))


def _with_jobs_of(run: Run, finished: Callable[[Execution], Execution], healed: Mapping[int, int]) -> Run:
    longer = with_jobs(run, [finished(job) for job in run.jobs or ()])
    return replace(longer, conclusion="success") if healed.get(run.id) == run.attempt else longer


# ------------------------------------------------------------------------------------ what came of it


def count(before: History, after: History) -> Counted | Unknown:
    """
    The executions of `after` that succeeded in more time than their old limit (`before.limits`) gave

    Each saved the minutes that the old limit would have thrown away; an execution that ran longer in vain cost the
    difference. What ended within a minute of the old limit is neither. Unknown without old limits or jobs since.
    """
    limits = {name: minutes * 60 for name, minutes in before.limits.items()}
    if not limits:
        return Unknown("the limits before the change are not known for any job that ran since", "trimtab collect")
    if not any(run.jobs for run in after.runs):
        return Unknown("the jobs of the runs since the change were not collected", "trimtab collect")
    done = [
        job
        for run in after.runs
        for job in own_jobs(run)
        if job.seconds and job.name in limits and job.seconds > limits[job.name] + LIMIT_SLACK_SECONDS
    ]
    rescued = [job for job in done if job.conclusion == "success"]
    in_vain = [job for job in done if job.conclusion != "success"]
    lost = sum((job.seconds or 0.0) - limits[job.name] for job in in_vain)
    net = (sum(limits[job.name] for job in rescued) - lost) / 60
    says = f"{len(rescued)} executions succeeded that the old limit would have stopped"
    return Counted(len(rescued), net, net, net, says + (f", {len(in_vain)} ran longer in vain" if in_vain else ""))
