"""
A simulated GitHub Actions: it reads the workflow file of a commit and runs it

What the file says is what happens: triggers, matrix legs, `needs`, `if`, `timeout-minutes`, `concurrency`, a setup action's
`cache`. How long the work takes is the project's hidden truth. So a change has the effect that its text has, and nobody had
to tell the simulation which effect that should be. Left out, because the sample project does not use it: called workflows,
containers, runner limits (there are always enough runners).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import product

import numpy as np

from trimtab.demo.evaluate import Value, filled, true
from trimtab.demo.truth import GITHUB_LIMIT, Truth
from trimtab.model import Job, Run, Step
from trimtab.workflow.model import Job as Written
from trimtab.workflow.model import Step as WrittenStep
from trimtab.workflow.model import Workflow

SETUP_SECONDS, CHECKOUT_SECONDS, POST_SECONDS = 3.0, 4.0, 2.0
_TOOLS = {"actions/setup-node": "npm", "actions/setup-python": "pip"}
_INSTALLS = {"npm": ("npm ci", "npm install"), "pip": ("pip install",)}
_LIMIT_NOTE = "The job has exceeded the maximum execution time of {:.0f}m0s"
_LOST_NOTE = "The hosted runner lost communication with the server."
_BROKEN_SHARE = 0.6  # of executions that fail on a day when main is broken


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts a run. `index` is the push's (or the night's) place in the story; `day` counts from its start."""

    index: int
    at: datetime
    day: int
    event: str
    branch: str
    sha: str
    actor: str
    pull_request: int | None = None
    tag: str | None = None

    def names(self, workflow: Workflow, run_id: int) -> dict[str, Value]:
        """The contexts that an expression of this run can read."""
        prefix = "tags" if self.tag else "heads"
        ref = f"refs/pull/{self.pull_request}/merge" if self.event == "pull_request" else f"refs/{prefix}/{self.branch}"
        pull: Value = {"number": float(self.pull_request), "draft": False} if self.pull_request else None
        repository: Value = {"default_branch": "main"}
        github: Value = {
            "workflow": workflow.name or workflow.path,
            "run_id": str(run_id),
            "event_name": self.event,
            "ref": ref,
            "ref_name": self.branch,
            "head_ref": self.branch if self.event == "pull_request" else "",
            "sha": self.sha,
            "event": {"pull_request": pull if self.event == "pull_request" else None, "repository": repository},
        }
        return {"github": github}


def starts(workflow: Workflow, trigger: Trigger) -> bool:
    """Whether this trigger starts the workflow. Path filters are not simulated: the sample project has none."""
    event = workflow.events.get(trigger.event)
    if event is None:
        return False
    if trigger.event != "push":
        return True
    if trigger.tag:
        return event.tags is not None or event.branches is None
    return (event.branches is None and event.tags is None) or trigger.branch in (event.branches or ())


@dataclass(slots=True)
class Runner:
    """
    Turns triggers into runs, in order of time

    `latest` holds, by concurrency group, the key of the newest run of that group; `runs` everything so far.
    """

    truth: Truth
    runs: dict[tuple[int, int], Run] = field(default_factory=dict)
    latest: dict[str, tuple[int, int]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    changed: set[tuple[int, int]] = field(default_factory=set)

    def start(self, workflow: Workflow, trigger: Trigger) -> Run:
        """The run of a workflow for a trigger; a run that its concurrency group replaces is cancelled."""
        number = self.numbers[workflow.path] = self.numbers.get(workflow.path, 0) + 1
        run_id = 9_000_000 + len(self.runs) + 1
        names = trigger.names(workflow, run_id)
        begins = self._make_way(workflow, names, (run_id, 1), trigger.at) + timedelta(seconds=2)
        run = Run(
            id=run_id,
            attempt=1,
            workflow=workflow.path,
            conclusion=None,
            created=trigger.at,
            started=begins,
            event=trigger.event,
            branch=trigger.branch,
            sha=trigger.sha,
            number=number,
            pull_request=trigger.pull_request if trigger.event == "pull_request" else None,
            actor=trigger.actor,
        )
        return self._keep(executed(run, workflow, trigger, self.truth, names))

    def again(self, workflow: Workflow, trigger: Trigger, first: Run, at: datetime) -> Run:
        """Somebody pressed "Re-run failed jobs"."""
        failed = {job.name for job in first.jobs or () if job.conclusion != "success"}
        run = replace(first, attempt=first.attempt + 1, started=at, conclusion=None, ended=None, jobs=None)
        whole = executed(run, workflow, trigger, self.truth, trigger.names(workflow, run.id))
        jobs = tuple(job for job in whole.jobs or () if job.name in failed)
        return self._keep(_ended(replace(whole, jobs=jobs)))

    def _keep(self, run: Run) -> Run:
        self.runs[run.key] = run
        self.changed.add(run.key)
        return run

    def _make_way(self, workflow: Workflow, names: Mapping[str, Value], key: tuple[int, int], at: datetime) -> datetime:
        """When the new run may begin, given the concurrency group that its workflow names."""
        if workflow.concurrency is None:
            return at
        group = filled(workflow.concurrency.group, names)
        before = self.runs.get(self.latest.get(group, (0, 0)))
        self.latest[group] = key
        if before is None or before.ended is None or before.ended <= at:
            return at
        cancel = workflow.concurrency.cancel
        if cancel is True or (isinstance(cancel, str) and true(cancel, names)):
            self._keep(cancelled(before, at))
            return at
        return before.ended


# ------------------------------------------------------------------------------------ one run


def executed(run: Run, workflow: Workflow, trigger: Trigger, truth: Truth, names: Mapping[str, Value]) -> Run:
    """The run with its jobs, in the order that `needs` gives."""
    assert run.started is not None
    jobs: dict[str, list[Job]] = {}
    for written in _ordered(workflow):
        needed = [job for need in written.needs for job in jobs.get(need, ())]
        ready = max((job.ended for job in needed if job.ended), default=run.started)
        sound = all(job.conclusion == "success" for job in needed)
        status: Mapping[str, Value] = {**names, "status": "success" if sound else "failure"}
        asked = written.condition
        wanted = true(asked, status) if asked else sound
        if asked and not sound and not any(word in asked for word in ("always(", "failure(", "cancelled(")):
            wanted = False
        legs = [
            _execution(run, written, leg, ready, wanted, workflow, trigger, truth)
            for leg in (_legs(written) if wanted else [{}])
        ]
        jobs[written.id] = _fail_fast(legs) if written.fail_fast != "false" else legs
    every = [job for legs in jobs.values() for job in legs]
    return _ended(replace(run, jobs=tuple(replace(job, id=run.id * 100 + n) for n, job in enumerate(every))))


def _ordered(workflow: Workflow) -> Iterator[Written]:
    done: set[str] = set()
    left = list(workflow.jobs.values())
    while left:
        free = [job for job in left if done.issuperset(job.needs)] or left[:1]
        yield from free
        done |= {job.id for job in free}
        left = [job for job in left if job.id not in done]


def _legs(job: Written) -> list[dict[str, str]]:
    if job.matrix is None:
        return [{}]
    return [dict(zip(job.matrix.axes, values, strict=True)) for values in product(*job.matrix.axes.values())]


def _execution(
    run: Run,
    written: Written,
    leg: Mapping[str, str],
    ready: datetime,
    wanted: bool,
    workflow: Workflow,
    trigger: Trigger,
    truth: Truth,
) -> Job:
    """One job execution: its steps one after the other, until they are done, one fails, or the limit strikes."""
    shown = written.name or written.id
    name = f"{shown} ({', '.join(leg.values())})" if leg else shown
    job = Job(0, run.id, run.attempt, name, "skipped", run.started, None, None, written.runs_on)
    if not wanted:
        return job
    rng = truth.rng(trigger.index, workflow.path, name, str(run.attempt))
    start = ready + timedelta(seconds=float(rng.lognormal(np.log(4.0), 0.4)))
    plan = _planned(written, workflow, trigger, truth, rng)
    limit = float(written.timeout or GITHUB_LIMIT) * 60
    took, conclusion, note = sum(seconds for _, seconds in plan.steps), plan.conclusion, plan.note
    if took > limit:
        took, conclusion, note = limit + 4, "cancelled", _LIMIT_NOTE.format(limit / 60)
    return replace(
        job,
        conclusion=conclusion,
        created=ready,
        started=start,
        ended=start + timedelta(seconds=round(took)),
        runner=f"GitHub Actions {1 + trigger.index % 40}",
        steps=_placed(plan.steps, start, took, conclusion),
        notes=(note,) if note else (),
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a job will do if no limit strikes: its steps with their seconds, how it ends, what is annotated."""

    steps: list[tuple[str, float]]
    conclusion: str
    note: str = ""


def _planned(written: Written, workflow: Workflow, trigger: Trigger, truth: Truth, rng: np.random.Generator) -> _Plan:
    work = truth.of(_stem(workflow.path), written.id)
    luck = float(rng.random())
    broken = trigger.day in truth.broken_days and rng.random() < _BROKEN_SHARE
    factor = truth.day_factor(trigger.day, workflow.path) * float(np.exp(rng.normal(0.0, work.spread)))
    runs = [step for step in written.steps if step.run and _tool_of(step) is None]
    share = work.seconds * factor / max(len(runs), 1)
    steps = [("Set up job", SETUP_SECONDS)]
    cached: set[str] = set()
    for step in written.steps:
        steps.append(_step(step, share, cached, truth, rng))
    if luck < work.hangs:
        return _Plan([*steps[:-1], (steps[-1][0], GITHUB_LIMIT * 90)], "cancelled")
    if luck < work.hangs + work.loses_runner:
        return _Plan(_stopped(steps, float(rng.uniform(0.3, 0.9))), "failure", _LOST_NOTE)
    if luck > 1 - work.fails or broken:
        return _Plan(_stopped(steps, float(rng.uniform(0.5, 1.0))), "failure")
    return _Plan([*steps, ("Complete job", POST_SECONDS)], "success")


def _step(
    step: WrittenStep, share: float, cached: set[str], truth: Truth, rng: np.random.Generator
) -> tuple[str, float]:
    """A step of the file as (name, seconds); a restored cache is remembered for the install that follows."""
    name = step.name or (f"Run {step.uses}" if step.uses else f"Run {(step.run or '').strip().splitlines()[0]}")
    if step.action is not None:
        tool = _TOOLS.get(step.action)
        if tool is not None and step.inputs.get("cache"):
            cached.add(tool)
            return name, 3.0 + truth.installs[tool].restore * float(rng.lognormal(0.0, 0.06))
        return name, CHECKOUT_SECONDS
    tool = _tool_of(step)
    if tool is None:
        return name, share
    install = truth.installs[tool]
    return name, (install.warm if tool in cached else install.cold) * float(rng.lognormal(0.0, 0.06))


def _tool_of(step: WrittenStep) -> str | None:
    text = step.run or ""
    return next((tool for tool, words in _INSTALLS.items() if any(word in text for word in words)), None)


def _stopped(plan: Sequence[tuple[str, float]], share: float) -> list[tuple[str, float]]:
    """The steps up to a share of their whole time."""
    left = sum(seconds for _, seconds in plan) * share
    kept: list[tuple[str, float]] = []
    for name, seconds in plan:
        if left <= 0:
            break
        kept.append((name, min(seconds, left)))
        left -= seconds
    return kept


def _placed(plan: Sequence[tuple[str, float]], start: datetime, took: float, conclusion: str) -> tuple[Step, ...]:
    """The steps with their times; the last one that ran carries the job's own conclusion."""
    steps: list[Step] = []
    at = 0.0
    for number, (name, seconds) in enumerate(plan, 1):
        end = min(at + seconds, took)
        times = start + timedelta(seconds=round(at)), start + timedelta(seconds=round(end))
        steps.append(Step(number, name, "success", *times))
        at = end
        if at >= took:
            break
    return (*steps[:-1], replace(steps[-1], conclusion=conclusion))


def _fail_fast(legs: list[Job]) -> list[Job]:
    """The legs of a matrix, stopped when the first of them fails."""
    failed = min((job.ended for job in legs if job.conclusion == "failure" and job.ended), default=None)
    return legs if failed is None else [_cut(job, failed) for job in legs]


def _cut(job: Job, at: datetime) -> Job:
    if job.started is None or job.ended is None or job.ended <= at:
        return job
    if job.started >= at:
        return replace(job, conclusion="cancelled", started=None, ended=None, steps=(), runner=None)
    steps = tuple(step for step in job.steps if step.ended and step.ended <= at)
    return replace(job, conclusion="cancelled", ended=at, steps=steps, notes=())


def cancelled(run: Run, at: datetime) -> Run:
    """The run, stopped at a moment; its jobs need two seconds to notice."""
    jobs = tuple(_cut(job, at + timedelta(seconds=2)) for job in run.jobs or ())
    return replace(_ended(replace(run, jobs=jobs)), conclusion="cancelled")


def _ended(run: Run) -> Run:
    ends = {job.conclusion for job in run.jobs or ()}
    worst = next((word for word in ("failure", "cancelled", "success") if word in ends), "skipped")
    last = max((job.ended for job in run.jobs or () if job.ended), default=run.started)
    return replace(run, conclusion=worst, ended=last)


def _stem(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]
