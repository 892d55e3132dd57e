"""
Cancel runs of a pull request that a newer push has made pointless

A second push to a pull request leaves the first run working on code that nobody will merge. The change adds

    concurrency:
      group: ${{ github.workflow }}-${{ github.event.pull_request.number || github.run_id }}
      cancel-in-progress: true

The group holds one pull request and one workflow. On every other event (push, merge_group, schedule, a manual start) the
run id makes it unique, so that nothing on the default branch, no release and no merge queue is ever cancelled.

Does not fire where cancelling could lose something:

- the workflow can be called (`workflow_call`): its group can deadlock with the caller's; for the same reason, it calls one that
  has a `concurrency` or that cannot be seen (`github.workflow` in a called workflow is the caller's name);
- it, or one of its jobs, already has a `concurrency`: an explicit `cancel-in-progress: false` is the user's word;
- it also runs on `pull_request_target`, or on reviews, which carry the same pull request number: two different jobs
  of work would cancel each other;
- it asks for activity types beyond opened, synchronize, reopened and ready_for_review, or looks at
  `github.event.action`: a run for a label would cancel the build and then skip it;
- it is there for releases, or a job that can run on a pull request deploys, publishes, pushes or holds a token that may
  write code;
- another workflow has the same name (groups are compared without case): they would cancel each other;
- a comment in it speaks of concurrency or cancelling: somebody has decided;
- a step takes something down after success or failure, which a cancelled run would skip;
- a job without needs runs `always()`: it goes on when its run is cancelled, and the newer run waits for it; or a step saves a
  cache `always()`, which a cancelled run would save half full;
- nothing in it builds or tests: a bot that answers within seconds has nothing to save;
- the history (20 runs on pull requests or more) shows that no run was ever superseded, or that they last less than a minute.

The effect is counted: runs that ended cancelled because a newer one of the same pull request began, credited with the runner
minutes that complete runs took beyond that point.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import accumulate, pairwise

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.conditions import PULL_REQUEST, never_runs
from trimtab.catalogue.reading.purpose import (
    called_deliver,
    callees,
    delivers,
    holds_write_token,
    is_for_delivery,
    own_files,
)
from trimtab.model import Counted, Design, EditFile, Finding, History, InsertKey, Risk, Run, Unknown, WhatIf
from trimtab.replay.runs import change_runs, cut_run, ended, runner_seconds, superseded
from trimtab.workflow.model import Job, Workflow

metric = "runner_minutes"
risk = Risk.SAFE
design: Design = "counted"
settings: Mapping[str, object] = {}

GROUP = "${{ github.workflow }}-${{ github.event.pull_request.number || github.run_id }}"
_TYPES = frozenset({"opened", "synchronize", "reopened", "ready_for_review"})
_SAME_NUMBER = ("pull_request_target", "pull_request_review", "pull_request_review_comment")
_NO_WORK = ("actions/checkout", "actions/dependency-review-action", "actions/labeler", "actions/stale")
_ALWAYS = re.compile(r"\balways\s*\(\s*\)", re.IGNORECASE)
_UNLESS_CANCELLED = re.compile(r"failure\s*\(|!\s*cancelled\s*\(", re.IGNORECASE)
_TAKES_DOWN = re.compile(r"\b(?:clean|tear|destroy|delete|terminate|unlock|release|stop|down|prune)", re.IGNORECASE)
_SPOKEN = re.compile(r"\bconcurren|\bcancel", re.IGNORECASE)
_MIN_COMPLETE = 20
_MIN_RUNS = 20
_SHORT = 60.0  # seconds, of the median run
_WORKS = re.compile(
    r"\b(build|test|tests|lint|make|cargo|npm|yarn|pnpm|npx|bun|go|pytest|tox|nox|pip|uv|poetry|hatch|mvn|mvnw|gradle"
    r"|gradlew|bazel|cmake|ninja|ctest|docker|bundle|rake|composer|dotnet|msbuild|swift|xcodebuild|mix|stack|cabal|ruff|mypy"
    r"|pre-commit|golangci-lint|analyze|clippy|fmt|format|compile|sbt|zig|nix|just|task|deno|meson|e2e|bench)\b",
    re.IGNORECASE,
)


def find(evidence: Evidence) -> Iterator[Finding]:
    files = {workflow.path: workflow for workflow in evidence.workflows()}
    names = Counter(_name(workflow) for workflow in files.values())
    for workflow in own_files(evidence):
        if _may_cancel(workflow) and names[_name(workflow)] == 1 and _only_builds(workflow, files):
            says = _says(evidence.history(workflow.path))
            if says is None:
                continue
            yield Finding(
                rule="cancel-superseded",
                says=says,
                where=workflow.span(workflow.events["pull_request"].path),
                node=("concurrency",),
                change=EditFile(
                    workflow.path,
                    (InsertKey((), "concurrency", {"group": GROUP, "cancel-in-progress": True}, before="jobs"),),
                ),
                risk=risk,
                what_if=without_superseded(workflow.path),
            )


def _name(workflow: Workflow) -> str:
    return (workflow.name or workflow.path).strip().lower()


def _is_spoken_of(workflow: Workflow) -> bool:
    """Whether a comment speaks of concurrency or cancelling: then somebody has decided."""
    return any(_SPOKEN.search(line.partition("#")[2]) for line in workflow.tree.text.splitlines())


def _may_cancel(workflow: Workflow) -> bool:
    """Whether the triggers let one run of a pull request replace another, and nobody has spoken about concurrency."""
    event = workflow.events.get("pull_request")
    if event is None or workflow.is_callable or any(name in workflow.events for name in _SAME_NUMBER):
        return False
    if event.types is not None and ("synchronize" not in event.types or not _TYPES.issuperset(event.types)):
        return False
    return not _has_concurrency(workflow) and not is_for_delivery(workflow) and not _is_spoken_of(workflow)


def _has_concurrency(workflow: Workflow) -> bool:
    places = [("concurrency",), *((*job.path, "concurrency") for job in workflow.jobs.values())]
    return any(workflow.tree.node(place) is not None for place in places)


def _only_builds(workflow: Workflow, files: Mapping[str, Workflow]) -> bool:
    """Whether what it does on a pull request is real work that can be stopped and started again."""
    active = [job for job in workflow.jobs.values() if not never_runs(job.condition, PULL_REQUEST)]
    if "github.event.action" in workflow.tree.text or not any(_works(job) for job in active):
        return False
    if any(_survives(job) or _leaves_behind(job) for job in active):
        return False
    if any(
        delivers(job) is not None or holds_write_token(workflow, job) or called_deliver(job, files) for job in active
    ):
        return False
    return not any(_has_concurrency(called) for job in workflow.jobs.values() for called in callees(job, files) or ())


def _survives(job: Job) -> bool:
    """Whether a cancelled run goes on with this job, or ends it with a step that saves a cache as if all had been done."""
    saves = any(_ALWAYS.search(step.condition or "") and "cache" in (step.action or "") for step in job.steps)
    return saves or (not job.needs and _ALWAYS.search(job.condition or "") is not None)


def _leaves_behind(job: Job) -> bool:
    """Whether a step that a cancelled run skips takes down what an earlier one has put up outside the runner."""
    return any(
        _UNLESS_CANCELLED.search(step.condition or "") and _TAKES_DOWN.search(f"{step.name or ''} {step.run or ''}")
        for step in job.steps
    )


def _works(job: Job) -> bool:
    if job.uses is not None:
        return _WORKS.search(job.uses) is not None
    if not any(step.action == "actions/checkout" or step.run is not None for step in job.steps):
        return False  # one action that asks an API: over in seconds
    texts = (step.run or step.action or "" for step in job.steps if step.action not in _NO_WORK)
    return _WORKS.search(" ".join(texts)) is not None


def _says(history: History | Unknown) -> str | None:
    """What history says of superseded runs; None when there is nothing to save."""
    told = "a newer push to a pull request does not stop the run before it"
    if isinstance(history, Unknown):
        return told
    asked = [run for run in history.runs if run.event == "pull_request"]
    cut = superseded(asked, _pull_request)
    took = sorted((end - (run.started or run.created)).total_seconds() for run in asked if (end := ended(run)))
    if len(took) >= _MIN_RUNS and (not cut or took[len(took) // 2] < _SHORT):
        return None
    return f"{told} ({len(cut)} of {len(asked)} runs in {history.days:.0f} days)"


# ------------------------------------------------------------------------------------ what would have been


def without_superseded(workflow: str) -> WhatIf:
    """The history in which each pull request run ended when the next one of its pull request was asked for."""

    def what_if(history: History) -> History:
        cut = superseded([run for run in history.runs if run.workflow == workflow], _pull_request)
        return change_runs(history, lambda run: cut_run(run, cut[run.key]) if run.key in cut else run)

    return what_if


def _pull_request(run: Run) -> Hashable | None:
    """
    The pull request of a run, None for other events

    GitHub leaves the number out for forks; there the head branch and who pushed stand for it.
    """
    if run.event != "pull_request":
        return None
    if run.pull_request is not None:
        return run.pull_request
    return None if run.branch is None else (run.branch, run.actor if run.fork else None)


# ------------------------------------------------------------------------------------ what came of it


def count(before: History, after: History) -> Counted | Unknown:
    """
    The runs of `after` that were cancelled because a newer one of their pull request began

    Each is credited with the mean of what complete runs of `before` took beyond the minutes that it had used; low and high
    are the 95 % interval of the sum. Unknown below 20 complete runs with jobs in `before`.
    """
    from trimtab.stats.student import t_quantile  # numpy: not for commands that only look for findings

    complete = [_minutes(run) for run in before.runs if run.event == "pull_request" and _is_complete(run)]
    if len(complete) < _MIN_COMPLETE:
        why = f"{len(complete)} complete pull request runs with jobs before the change, needs {_MIN_COMPLETE}"
        return Unknown(why, "trimtab collect")
    used = [_minutes(run) for run in _cancelled_by_newer(after)]
    total, error = _beyond(complete, used)
    doubt = t_quantile(0.975, len(complete) - 1) * error
    says = f"{len(used)} superseded runs were cancelled"
    return Counted(len(used), total, max(total - doubt, 0.0), total + doubt, says)


def _minutes(run: Run) -> float:
    return (runner_seconds(run) or 0.0) / 60


def _is_complete(run: Run) -> bool:
    return run.jobs is not None and run.conclusion in ("success", "failure")


def _cancelled_by_newer(history: History) -> list[Run]:
    """Cancelled pull request runs whose successor was created before they ended, with a minute for clocks that differ."""
    groups: dict[Hashable, list[Run]] = {}
    for run in history.runs:
        name = _pull_request(run)
        if name is not None and run.attempt == 1:
            groups.setdefault(name, []).append(run)
    slack = timedelta(minutes=1)
    found = []
    for runs in groups.values():
        for run, newer in pairwise(runs):
            end = ended(run)
            if run.conclusion == "cancelled" and run.jobs is not None and end and newer.created <= end + slack:
                found.append(run)
    return found


def _beyond(complete: Sequence[float], used: Sequence[float]) -> tuple[float, float]:
    """
    What runs cancelled after `used` minutes would have taken on top: the sum over them, and its standard error

    For a run cancelled after u minutes, m(u) is the mean of x - u over the complete runs x > u, and nothing when none was
    longer. Two errors add up: each run's own length around m(u), and the error of the m(u) themselves. All of them
    rest on the same complete runs, so this one does not average out; it is the sum of the squared influences of the
    complete runs on the total (the infinitesimal jackknife). Prefix sums keep it n log n.
    """
    lengths, cut = sorted(complete), sorted(used)
    sums = list(accumulate(lengths, initial=0.0))
    squares = list(accumulate((x * x for x in lengths), initial=0.0))
    total, own = 0.0, 0.0
    weights, centres = [0.0], [0.0]  # sums over the shortest of `cut`: 1 / n(u), and (u + m(u)) / n(u)
    for u in cut:
        first = bisect_right(lengths, u)
        n = len(lengths) - first
        centre = (sums[-1] - sums[first]) / n if n else u
        total += centre - u
        own += max((squares[-1] - squares[first]) / n - centre**2, 0.0) if n else 0.0
        weights.append(weights[-1] + (1 / n if n else 0.0))
        centres.append(centres[-1] + (centre / n if n else 0.0))
    shared = sum((x * weights[k] - centres[k]) ** 2 for x in lengths if (k := bisect_left(cut, x)))
    spread = len(lengths) / (len(lengths) - 1)  # of a sample, where the two sums are over the whole
    return total, math.sqrt((own + shared) * spread)
