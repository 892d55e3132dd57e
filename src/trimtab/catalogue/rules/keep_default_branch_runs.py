"""
Do not cancel runs on the default branch when the next commit lands

With `cancel-in-progress: true` and a group that two pushes to the default branch share, the second merge cancels the build of the
first. The result that is lost is the one that tells which merge broke the branch. The change lets only pull requests
cancel: `cancel-in-progress: ${{ github.event_name == 'pull_request' }}`; where pushes to other branches, or people, start the
workflow too, `${{ github.ref != 'refs/heads/main' }}`, so that these keep cancelling as before.

GitHub keeps one run waiting per group: when three commits land within one run, the middle one's run is still replaced
while it waits. What has begun now ends.

Does not fire where the word `true` can be meant for the default branch:

- there is no pull_request event: then cancelling pushes is all that it can be for;
- pushes elsewhere or people start it too, and closing a pull request is to cancel its runs: no expression does all three;
- a comment at the concurrency speaks of branches, or of the newest run: then somebody meant it;
- it runs for a merge queue: each commit was tested before it landed;
- the group keeps such runs apart already (run id, SHA, `github.head_ref || github.run_id`), or cannot be understood, or does
  not keep pull requests apart from each other: a lock is not a queue;
- `cancel-in-progress` is an expression already, or false;
- a job that runs on the default branch deploys, publishes or pushes, or calls a workflow that does or that cannot be
  seen: "the newest wins" is then a reasonable wish;
- all that it does is scan for security (CodeQL, zizmor...): the newest result takes the place of those before;
- its jobs run only for files that a comparison with a pull request's base found changed: on a push that finds none;
- the jobs with the concurrency never run on a push to the default branch, or the branch filter leaves it out;
- the history (20 pushes to it or more) shows that no result was ever lost.

This costs runner minutes and buys results. The effect is counted: runs on the default branch that came to an end though
a newer one had been asked for.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.conditions import PULL_REQUEST, group_varies, likely_default, never_runs, push_to, takes
from trimtab.catalogue.reading.purpose import (
    called_deliver,
    callees,
    delivers,
    holds_write_token,
    is_for_delivery,
    own_files,
    source,
)
from trimtab.model import Counted, Design, EditFile, Finding, History, Job, ReplaceScalar, Risk, Run, Unknown, WhatIf
from trimtab.replay.runs import change_runs, cut_run, ended, own_jobs, runner_seconds, with_jobs
from trimtab.workflow.model import Concurrency, Workflow
from trimtab.workflow.model import Job as WorkflowJob

metric = "runner_minutes"
risk = Risk.SAFE
design: Design = "counted"
settings: Mapping[str, object] = {}

# Branches that are kept as the default branch is; on any other the newest push is what counts, and cancelling is wanted.
_KEPT = re.compile(
    r"main$|master$|trunk$|v?\d|rel(ease)?s?[-/*]|stable|maint|lts|support|.*-(stable|maint|maintenance|release)$", re.I
)
_SCANNER = re.compile(r"codeql-action|zizmor|scorecard-action|trivy-action|dependency-review", re.I)
_MEANT = re.compile(r"branch|\bmain\b|\bmaster\b|\btrunk\b|default|newest|latest", re.IGNORECASE)
_MIN_RUNS = 20
_SLACK = timedelta(minutes=5)  # a cancelled run takes a while to wind down


def find(evidence: Evidence) -> Iterator[Finding]:
    default = evidence.default_branch()
    files = {workflow.path: workflow for workflow in evidence.workflows()}
    for workflow in own_files(evidence):
        push = workflow.events.get("push")
        if push is None or "pull_request" not in workflow.events or workflow.is_callable or is_for_delivery(workflow):
            continue
        if "merge_group" in workflow.events:
            continue
        branch = default if isinstance(default, str) else likely_default(push)
        if branch is None or not takes(push, branch):
            continue
        if _ends_with_the_request(workflow, branch):
            continue
        places = [one for one in _cancelling(workflow) if _hits(workflow, *one, branch, files)]
        says = _says(branch, evidence.history(workflow.path)) if places else None
        if says is not None:
            yield _finding(workflow, [one for one, _ in places], branch, says)


def _cancelling(workflow: Workflow) -> Iterator[tuple[Concurrency, tuple[WorkflowJob, ...]]]:
    """Every concurrency that cancels always, with the jobs that it governs."""
    if workflow.concurrency is not None and workflow.concurrency.cancel is True:
        yield workflow.concurrency, tuple(workflow.jobs.values())
    for job in workflow.jobs.values():
        if job.concurrency is not None and job.concurrency.cancel is True:
            yield job.concurrency, (job,)


def _hits(
    workflow: Workflow, one: Concurrency, jobs: tuple[WorkflowJob, ...], branch: str, files: Mapping[str, Workflow]
) -> bool:
    """Whether two pushes to the branch share the group while two pull requests do not, and only builds are cancelled."""
    push = push_to(branch)
    if _meant_for_branches(workflow, one):
        return False
    if group_varies(one.group, push) != "never" or group_varies(one.group, PULL_REQUEST) != "pull":
        return False
    gates = {job.id for job in workflow.jobs.values() if _asks_the_request(workflow, job, files)}
    active = [job for job in jobs if not never_runs(job.condition, push) and not _is_gated(job, gates)]
    return any(_tells_of_a_commit(job) for job in active) and not any(
        delivers(job) or holds_write_token(workflow, job) or called_deliver(job, files) for job in active
    )


def _asks_the_request(workflow: Workflow, job: WorkflowJob, files: Mapping[str, Workflow]) -> bool:
    """Whether a job, or what it calls, compares with the base of a pull request: on a push that finds nothing changed."""
    texts = [source(workflow, job), *(called.tree.text for called in callees(job, files) or ())]
    return any("github.event.pull_request.base" in text for text in texts)


def _is_gated(job: WorkflowJob, gates: set[str]) -> bool:
    """Whether the job is such a comparison, or runs only for what one found."""
    return job.id in gates or any(f"needs.{gate}.outputs" in (job.condition or "") for gate in gates)


def _meant_for_branches(workflow: Workflow, one: Concurrency) -> bool:
    """Whether a comment above the concurrency, or in it, speaks of the runs of a branch, or says that the newest counts."""
    line = workflow.span(one.path).line
    near = (workflow.tree.line(number) for number in range(max(line - 3, 1), line + 4))
    return any(_MEANT.search(text.partition("#")[2]) for text in near)


def _tells_of_a_commit(job: WorkflowJob) -> bool:
    """Whether the job's result speaks of one commit; the newest result of a scanner takes the place of all before it."""
    used = [job.uses or "", *(step.uses or "" for step in job.steps)]
    return not any(_SCANNER.search(name) for name in used)


def _ends_with_the_request(workflow: Workflow, branch: str) -> bool:
    """Whether closing a pull request is to cancel its runs: after a merge `github.ref` is the branch, and cancels nothing."""
    types = workflow.events["pull_request"].types
    return types is not None and "closed" in types and "github.ref " in _expression(workflow, branch)


def _finding(workflow: Workflow, places: list[Concurrency], branch: str, says: str) -> Finding:
    paths = [(*place.path, "cancel-in-progress") for place in places]
    expression = _expression(workflow, branch)
    return Finding(
        rule="keep-default-branch-runs",
        says=says,
        where=workflow.span(paths[0]),
        node=places[0].path,
        change=EditFile(workflow.path, tuple(ReplaceScalar(path, expression) for path in paths)),
        risk=risk,
        spots=tuple(workflow.span(path) for path in paths[1:]),
        what_if=had_they_ended(workflow.path, branch),
    )


def _expression(workflow: Workflow, branch: str) -> str:
    push = workflow.events["push"]
    others = push.branches is None or any(name != branch and not _KEPT.match(name) for name in push.branches)
    if others or "pull_request_target" in workflow.events or "workflow_dispatch" in workflow.events:
        return "${{ github.ref != 'refs/heads/" + branch.replace("'", "''") + "' }}"
    return "${{ github.event_name == 'pull_request' }}"


def _says(branch: str, history: History | Unknown) -> str | None:
    """What history says of results that were lost; None when it shows that none was."""
    told = f"the next commit on {branch} cancels the run of the one before"
    if isinstance(history, Unknown):
        return told
    pushes = [run for run in history.runs if run.event == "push" and run.branch == branch]
    lost = _cut_short(history, branch)
    if len(pushes) >= _MIN_RUNS and not lost:
        return None
    return f"{told} ({len(lost)} of {len(pushes)} results lost in {history.days:.0f} days)"


# ------------------------------------------------------------------------------------ what would have been


def had_they_ended(workflow: str, branch: str) -> WhatIf:
    """The history in which cancelled runs of the default branch had gone on as a typical success of each job does."""

    def what_if(history: History) -> History:
        mine = history.of(workflow)
        lost = {run.key for run in _cut_short(mine, branch)}
        typical = _typical(mine)
        return change_runs(history, lambda run: _to_the_end(run, typical) if run.key in lost else run)

    return what_if


def _cut_short(history: History, branch: str) -> list[Run]:
    """Cancelled first attempts of pushes to the branch whose successor was created before they ended."""
    pushes = [run for run in history.runs if run.event == "push" and run.branch == branch and run.attempt == 1]
    pairs = pairwise(pushes)
    return [run for run, newer in pairs if run.conclusion == "cancelled" and newer.created <= _end(run) + _SLACK]


def _end(run: Run) -> datetime:
    return ended(run) or run.created


def _typical(history: History) -> dict[str, tuple[timedelta, timedelta]]:
    """By API job name, over its successes: median time from the run's start to its own, and median length."""
    seen: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for run in history.runs:
        for job in own_jobs(run):
            if job.conclusion == "success" and job.started is not None and job.seconds is not None:
                seen[job.name].append(((job.started - _start(run)).total_seconds(), job.seconds))
    return {
        name: (
            timedelta(seconds=median(after for after, _ in pairs)),
            timedelta(seconds=median(took for _, took in pairs)),
        )
        for name, pairs in seen.items()
    }


def _start(run: Run) -> datetime:
    return run.started or run.created


def _to_the_end(run: Run, typical: Mapping[str, tuple[timedelta, timedelta]]) -> Run:
    if run.jobs is None:
        return run
    return replace(with_jobs(run, [_as_typical(job, run, typical) for job in run.jobs]), conclusion="success")


def _as_typical(job: Job, run: Run, typical: Mapping[str, tuple[timedelta, timedelta]]) -> Job:
    if job.conclusion != "cancelled" or job.name not in typical:
        return job
    after, took = typical[job.name]
    start = job.started or max(_start(run) + after, _start(run))
    end = max(start + took, job.ended or start)
    return replace(job, conclusion="success", started=start, ended=end)


# ------------------------------------------------------------------------------------ what came of it


def count(before: History, after: History) -> Counted | Unknown:
    """
    The runs of `after` on the default branch that ended although a newer one had been asked for while they ran

    Each saved the runner minutes that it had used by then: before, they were thrown away. The branch is the one that
    most pushes went to. Unknown when no push is in either history.
    """
    pushes = [run for run in (*before.runs, *after.runs) if run.event == "push" and run.branch is not None]
    if not pushes:
        return Unknown("no run of a push was collected", "trimtab collect")
    branch = Counter(run.branch for run in pushes).most_common(1)[0][0]
    runs = [run for run in after.runs if run.event == "push" and run.branch == branch and run.attempt == 1]
    pairs = pairwise(runs)
    kept = [
        (run, newer)
        for run, newer in pairs
        if run.conclusion in ("success", "failure") and _start(run) < newer.created < _end(run)
    ]
    minutes = sum(_used(run, newer.created) for run, newer in kept)
    return Counted(
        len(kept), minutes, minutes, minutes, f"{len(kept)} results on {branch} that would have been cancelled"
    )


def _used(run: Run, at: datetime) -> float:
    """Runner minutes that the run had used at a moment."""
    return (runner_seconds(cut_run(run, at)) or 0.0) / 60
