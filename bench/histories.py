"""
Seeded run histories for real workflow files: what `bench/corpus.py` attaches, because public files come without their runs

Made up, and said so wherever a figure rests on it. Each YAML job gets 20 to 200 executions with a lognormal duration of its
own, failures, a few hangs and, where the file sets a limit, sometimes a load that the limit kills; pull requests are pushed
to again before their run ends. A workflow on every branch's pushes and on pull requests often runs for both of one commit,
on the pull request's own branch; one whose pushes are filtered runs for pushes to main only. A workflow that others call has no
runs but those that it is started for itself: GitHub counts the others as its caller's. Where the workflow's concurrency cancels,
a newer run on the same branch has cut the older one. Deterministic for a seed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from trimtab.model import Job, Run
from trimtab.replay.runs import cut_run
from trimtab.workflow.model import Job as YamlJob
from trimtab.workflow.model import Workflow

DAYS = 56
END = datetime(2026, 6, 1, tzinfo=UTC)
_COMMIT = ("push", "pull_request", "pull_request_target", "merge_group")
_FILES = ("README.md", "docs/guide.md", "src/main.py", "src/core/engine.py", "web/app.ts", "Makefile")


@dataclass(frozen=True)
class Simulated:
    """Runs of one workflow, and the files that each commit touched."""

    runs: tuple[Run, ...]
    files: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class _Load:
    """How one job behaves: seconds (lognormal median, sigma), its limit in minutes, and how often it fails or hangs."""

    names: tuple[str, ...]
    median: float
    sigma: float
    limit: float
    fails: float
    hangs: float


def simulate(workflow: Workflow, repository: str, seed: int) -> Simulated:
    """20 to 200 runs of `workflow` in the 56 days before END, none if it is only called; every repository's has its own story."""
    rng = np.random.default_rng([seed, *repository.encode(), 0, *workflow.path.encode()])
    loads = {job.id: _load(job, rng) for job in workflow.jobs.values()}
    events = [name for name in workflow.events or ["push"] if name != "workflow_call"]
    count = int(rng.integers(20, 201)) if events else 0
    starts = sorted(END - timedelta(seconds=float(s)) for s in rng.uniform(3600, DAYS * 86400, count))
    runs: list[Run] = []
    files: dict[str, tuple[str, ...]] = {}
    pull_request, sha, last, anywhere = 1, "", "", _pushed_anywhere(workflow)
    for number, created in enumerate(starts, 1):
        event = str(rng.choice(events))
        twin = last in _COMMIT and event in _COMMIT and event != last and rng.random() < 0.7
        if twin and "push" in (event, last):
            twin = anywhere and "merge_group" not in (event, last)
        if twin and last == "push":
            runs[-1] = replace(runs[-1], branch=f"topic-{pull_request}")
        if not twin:
            sha = rng.bytes(20).hex()
            files[sha] = tuple(str(f) for f in rng.choice(_FILES, size=int(rng.integers(1, 4)), replace=False))
            pull_request += int(rng.random() < 0.5)
        if runs and rng.random() < 0.3:  # pushed again while the run before was still going
            created = runs[-1].created + timedelta(seconds=float(rng.uniform(20, 90)))
        branch = f"topic-{pull_request}" if event not in ("push", "schedule") or twin else "main"
        runs.append(_run(workflow, loads, rng, number, created, event, branch, sha, pull_request))
        last = event
    if workflow.concurrency is not None and workflow.concurrency.cancel is True:
        runs = [_superseded(run, newer) for run, newer in itertools.pairwise(runs)] + runs[-1:]
    return Simulated(tuple(runs), files)


def _superseded(run: Run, newer: Run) -> Run:
    """The run as GitHub would have left it: cancelled when the next one on its branch was asked for before it ended."""
    mine = run.event == newer.event and run.branch == newer.branch
    return cut_run(run, newer.created) if mine else run


def _pushed_anywhere(workflow: Workflow) -> bool:
    """Whether a push to any branch starts the workflow."""
    push = workflow.events.get("push")
    if push is None or push.branches_ignore is not None:
        return False
    return push.branches in (("*",), ("**",)) or (push.branches is None and push.tags is None)


def _run(
    workflow: Workflow,
    loads: Mapping[str, _Load],
    rng: np.random.Generator,
    number: int,
    created: datetime,
    event: str,
    branch: str,
    sha: str,
    pull_request: int,
) -> Run:
    id = int.from_bytes(workflow.path.encode()[-4:], "big") * 1000 + number
    ended: dict[str, datetime] = {}
    jobs: list[Job] = []
    for job in _in_order(workflow):
        start = max((ended[n] for n in job.needs if n in ended), default=created) + timedelta(seconds=8)
        legs = [
            _execution(loads[job.id], name, rng, id, start, len(jobs) + i) for i, name in enumerate(loads[job.id].names)
        ]
        jobs += legs
        ended[job.id] = max((leg.ended for leg in legs if leg.ended), default=start)
    end = max(ended.values(), default=created + timedelta(seconds=30))
    bad = [j.conclusion for j in jobs if j.conclusion != "success"]
    return Run(
        id=id,
        attempt=1,
        workflow=workflow.path,
        conclusion="success" if not bad else "failure",
        created=created,
        started=created,
        ended=end,
        event=event,
        branch=branch,
        sha=sha,
        number=number,
        pull_request=pull_request if event.startswith("pull_request") else None,
        jobs=tuple(jobs),
    )


def _execution(load: _Load, name: str, rng: np.random.Generator, run: int, start: datetime, index: int) -> Job:
    seconds = load.median * float(np.exp(rng.normal(0, load.sigma)))
    if rng.random() < load.hangs:
        seconds = load.limit * 60 + 100
    cut = seconds >= load.limit * 60
    conclusion = "cancelled" if cut else "failure" if rng.random() < load.fails else "success"
    note = f"The job has exceeded the maximum execution time of {load.limit:g}m0s"
    return Job(
        id=run * 100 + index,
        run_id=run,
        attempt=1,
        name=name,
        conclusion=conclusion,
        created=start - timedelta(seconds=6),
        started=start,
        ended=start + timedelta(seconds=min(seconds, load.limit * 60)),
        labels=("ubuntu-latest",),
        notes=(note,) if cut else (),
    )


def _load(job: YamlJob, rng: np.random.Generator) -> _Load:
    limit = float(job.timeout) if job.timeout and re.fullmatch(r"\d+(\.\d+)?", job.timeout) else 360.0
    kind = rng.random()
    if job.timeout and kind < 0.35:  # a limit that kills now and then
        return _Load(_names(job), limit * 60 * 0.75, 0.25, limit, 0.02, 0.0)
    if kind < 0.5:  # cheap, and fails often
        return _Load(_names(job), float(rng.uniform(15, 60)), 0.2, limit, 0.25, 0.0)
    return _Load(_names(job), float(rng.uniform(min(60, limit * 15), min(1200, limit * 30))), 0.3, limit, 0.05, 0.01)


def _names(job: YamlJob) -> tuple[str, ...]:
    """The job's names as the API would show them, one a matrix leg: enough legs (at most 12) to show every value."""
    if job.uses:
        return (f"{job.name or job.id} / called",)
    matrix = job.matrix
    axes = list(matrix.axes.values()) if matrix and not matrix.dynamic and all(matrix.axes.values()) else []
    many = min(max(map(len, axes), default=0), 12)
    legs = [tuple(values[leg % len(values)] for values in axes) for leg in range(many)]
    if not legs or matrix is None:
        return (_filled(job.name or job.id, {}),)
    names = []
    for leg in legs:
        values = dict(zip(matrix.axes, leg, strict=True))
        named = _filled(job.name, values) if job.name else job.id
        names.append(named if job.name and "matrix." in job.name else f"{named} ({', '.join(leg)})")
    return tuple(dict.fromkeys(names))


def _filled(name: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        return values.get(match[1].strip().removeprefix("matrix."), "x")

    return re.sub(r"\$\{\{(.*?)\}\}", value, name)


def _in_order(workflow: Workflow) -> list[YamlJob]:
    """Jobs after those that they need; a circle is cut where it is met."""
    done: dict[str, YamlJob] = {}

    def visit(job: YamlJob, above: frozenset[str]) -> None:
        for need in job.needs:
            if need in workflow.jobs and need not in above and need not in done:
                visit(workflow.jobs[need], above | {job.id})
        done.setdefault(job.id, job)

    for job in workflow.jobs.values():
        visit(job, frozenset())
    return list(done.values())
