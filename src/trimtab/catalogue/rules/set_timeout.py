"""
Give a job that has none a time limit, so that a hung one does not hold a runner for six hours

Without `timeout-minutes` GitHub waits 360 minutes for a job that hangs. The limit comes from the team's own history: at least
20 successes of the job, then the largest of 1.5 x the 99th percentile, 1.2 x the longest success ever seen (leg by leg of a
matrix) and 5 minutes, in multiples of 5 above 10. With n successes and none slower, a later success is slower than the
longest with a probability of at most 3/n (95 %, rule of three), and the limit leaves room above that.

Not touched: jobs that call a workflow (`uses:`, where the key is not allowed), deployments and releases, work that is started by
hand only, debugging sessions, steps that sleep or try again within limits of their own (also in an action of this repository),
jobs that work off a backlog, that report their failures themselves (a job stopped by its limit does not count as failed) or may
write to the repository, jobs on ubuntu-slim that may need its hard limit of 15 minutes, and jobs that may do more than the
history has seen succeed: on an event (a nightly, an input), in a leg of the matrix, in a step. With a cache of built things,
which may be cold one day, three times as much is left. Where steps have limits of their own, the job's comes on top.

Without enough history nothing is changed, unless trimtab.toml gives the organisation's own default, which then has no price:

    [rules.set-timeout]
    default_minutes = 60

The effect is counted: jobs that met the new limit, and what hung jobs took before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.hangs import count_stopped, without_hangs
from trimtab.catalogue.reading.limits import (
    DEFAULT_LIMIT,
    SLIM_LIMIT,
    Lengths,
    lengths,
    may_be_cold,
    minutes,
    proposed,
    runner,
    unseen_event,
    unseen_work,
    untouchable,
    waits,
)
from trimtab.catalogue.reading.purpose import own_files
from trimtab.model import NOT_PRICED, Design, EditFile, Finding, InsertKey, Risk, Unknown
from trimtab.workflow.model import Job, Workflow

metric = "runner_minutes"
risk = Risk.SAFE
design: Design = "counted"
settings: Mapping[str, object] = {"default_minutes": 0}
ranges: Mapping[str, tuple[float, float]] = {"default_minutes": (0, 7200)}
count = count_stopped

_COLD = 3.0  # times as long, where a cache of built things may be cold


def find(evidence: Evidence) -> Iterator[Finding]:
    for workflow in own_files(evidence):
        jobs = [job for job in workflow.jobs.values() if _unlimited(workflow, job) and not waits(job, evidence)]
        if jobs:
            yield from _finding(workflow, jobs, evidence)


def _unlimited(workflow: Workflow, job: Job) -> bool:
    written = job.timeout is not None or workflow.tree.node((*job.path, "timeout-minutes")) is not None
    return not written and bool(job.runs_on or job.group) and untouchable(workflow, job) is None


def _finding(workflow: Workflow, jobs: list[Job], evidence: Evidence) -> Iterator[Finding]:
    ops: list[InsertKey] = []
    told: list[str] = []
    known: dict[str, float] = {}  # API job name -> new limit in minutes
    limited: list[Job] = []
    kinds: set[str | None] = set()
    missing: dict[str, list[str]] = {}  # why -> ids of jobs
    for job in jobs:
        kind = runner(workflow, job, evidence)
        found = _known_lengths(workflow, job, evidence, kind)
        limit = _limit(found, job, kind, evidence)
        if isinstance(found, Unknown) and limit is None:
            missing.setdefault(found.why, []).append(job.id)
        if limit is None or limit >= (SLIM_LIMIT if kind == "slim" else DEFAULT_LIMIT):
            continue
        ops.append(InsertKey(job.path, "timeout-minutes", int(limit), after="runs-on"))
        limited.append(job)
        kinds.add(kind)
        told.append(f"{job.id}: {limit:.0f} minutes; {_because(found)}")
        if isinstance(found, Lengths):
            known |= dict.fromkeys(found.names, limit)
    if ops:
        yield Finding(
            rule="set-timeout",
            says=_says(len(ops), known, kinds),
            where=workflow.span(limited[0].path),
            node=("jobs",),
            evidence=tuple(told),
            predicts=NOT_PRICED if known else Unknown("too little history to price a limit", "trimtab collect"),
            change=EditFile(workflow.path, tuple(ops)),
            risk=risk,
            spots=tuple(workflow.span(job.path) for job in limited[1:]),
            what_if=without_hangs(workflow.path, known) if known else None,
        )
    elif missing:
        yield _only_told(workflow, jobs, missing)


def _says(n: int, known: Mapping[str, float], kinds: set[str | None]) -> str:
    jobs = "a job has" if n == 1 else f"{n} jobs have"
    if not known:
        return f"{jobs} no time limit; trimtab.toml's default is not priced"
    longest = "5 days" if "self-hosted" in kinds else "15 minutes" if kinds == {"slim"} else "6 hours"
    return f"{jobs} no time limit: a hung one would run for {longest}"


def _only_told(workflow: Workflow, jobs: list[Job], missing: Mapping[str, list[str]]) -> Finding:
    """Something is missing in the file, but the history does not tell which limit would be safe."""
    n = sum(map(len, missing.values()))
    told = tuple(f"{_named(ids)}: {why}" for why, ids in missing.items())
    return Finding(
        rule="set-timeout",
        says=("a job has" if n == 1 else f"{n} jobs have") + " no time limit, and too little history to choose one",
        where=workflow.span(jobs[0].path),
        node=("jobs",),
        evidence=told,
        predicts=Unknown(f"too little history to choose a limit ({told[0]})", "trimtab collect"),
    )


def _named(ids: list[str]) -> str:
    """At most four of them by name."""
    return ", ".join(ids) if len(ids) <= 4 else f"{', '.join(ids[:3])} and {len(ids) - 3} more"


def _known_lengths(workflow: Workflow, job: Job, evidence: Evidence, kind: str | None) -> Lengths | Unknown:
    executions = evidence.jobs(workflow.path, job.id)
    if isinstance(executions, Unknown):
        return executions
    found = lengths(executions, SLIM_LIMIT if kind == "slim" else DEFAULT_LIMIT)
    if isinstance(found, Unknown):
        return found
    event = unseen_event(workflow, job, evidence, found.names)
    if event is not None:
        return Unknown(f"it may do more on {event}, and no success on {event} was seen")
    work = unseen_work(job, executions)
    if work is not None:
        return Unknown(f"the history holds {work}")
    return replace(found, needed=_COLD * found.needed) if may_be_cold(workflow, job) else found


def _limit(found: Lengths | Unknown, job: Job, kind: str | None, evidence: Evidence) -> float | None:
    if isinstance(found, Lengths):
        return proposed(found, job, kind)
    default = evidence.setting("set-timeout.default_minutes")
    if not isinstance(default, int | float) or default <= 0:
        return None
    least = sum(float(step.timeout or 0) for step in job.steps)
    limit = float(max(math.ceil(default), math.ceil(least)))
    return min(limit, SLIM_LIMIT) if kind == "slim" else limit


def _because(found: Lengths | Unknown) -> str:
    if isinstance(found, Unknown):
        return f"the default of trimtab.toml, because: {found.why}"
    risk_of_kill = f"P(a success is slower than {minutes(found.longest)}) <= {3 / found.successes:.1%}"
    return f"{found.says()}; {risk_of_kill}"
