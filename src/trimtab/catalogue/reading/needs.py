"""
What a `needs` entry means, and what waiting for it costs

Shared by the rules that take such an entry away and that add one, so that both judge a pair of jobs by the same numbers
and can never ask for opposite things. Pure: workflows and runs in, values out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from trimtab.model import Job as Execution
from trimtab.model import Run, Unknown
from trimtab.replay.outcomes import Outcome, first_attempts, job_outcome
from trimtab.replay.runs import own_jobs
from trimtab.workflow.model import Job, Workflow
from trimtab.workflow.names import job_for

MIN_RUNS = 20  # fewer executions of a job say nothing about how often it fails
LATEST = 1000  # runs looked at: older ones say little about the job of today
_MENTION = re.compile(r"\bneeds\b(?:\s*\.\s*([A-Za-z_][\w-]*))?")
_STATUS_CALL = re.compile(r"\b(always|failure|cancelled|success)\s*\(")


@dataclass(frozen=True, slots=True)
class Usual:
    """
    How one YAML job usually goes, over the latest first attempts in which it ran

    `runs` executions, `failed` of them by their code; `wall` seconds until its last matrix leg ended and `seconds` of
    runner time of all its legs, both medians over executions that succeeded.
    """

    runs: int
    failed: int
    wall: float
    seconds: float

    @property
    def failure_share(self) -> float:
        return self.failed / self.runs


@dataclass(frozen=True, slots=True)
class Waiting:
    """
    What it means, per run, that `child` waits for `parent`: `wait` seconds later, `spared` runner seconds less

    `wait` is the parent's length where it succeeds; `spared` the child's runner time where the parent fails.
    """

    wait: float
    spared: float

    @property
    def pays(self) -> bool:
        """Waiting spares at least twice what it delays: the bar for adding a `needs` entry."""
        return self.spared >= 2 * self.wait

    @property
    def costs(self) -> bool:
        """Waiting delays more than it spares: the bar for taking an entry away. Never true together with `pays`."""
        return self.wait > self.spared


def waiting(parent: Usual, child: Usual) -> Waiting:
    """The two sides of an entry, from how both jobs usually go."""
    share = parent.failure_share
    return Waiting(wait=(1 - share) * parent.wall, spared=share * child.seconds)


def graph(workflow: Workflow) -> dict[str, tuple[str, ...]]:
    """Job id -> the ids it needs, without ids that do not exist."""
    return {id: tuple(n for n in job.needs if n in workflow.jobs) for id, job in workflow.jobs.items()}


def ancestors(needs: Mapping[str, Sequence[str]], job: str) -> frozenset[str]:
    """Every job that must end before `job` starts; a cycle ends the walk."""
    seen: set[str] = set()
    todo = list(needs.get(job, ()))
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(needs.get(name, ()))
    return frozenset(seen)


def job_ids(workflow: Workflow, runs: Iterable[Run]) -> dict[str, str]:
    """API job name -> YAML job id, for the names that belong to one id alone."""
    names = {job.name for run in runs for job in run.jobs or ()}
    found = ((name, job_for(workflow, name)) for name in names)
    return {name: id for name, id in found if isinstance(id, str)}


def unmatched(runs: Iterable[Run], ids: Mapping[str, str]) -> Unknown | None:
    """Why another order of the jobs cannot be replayed: names of the API that belong to no single job of the file."""
    names = sorted({job.name for run in runs for job in run.jobs or () if job.name not in ids})
    if not names:
        return None
    return Unknown(f"job names that belong to no single job of the file, so no replay: {', '.join(names[:3])}")


def usual(runs: Sequence[Run], ids: Mapping[str, str]) -> dict[str, Usual]:
    """How each job goes; jobs with fewer than 20 executions or without a success are left out."""
    executions: defaultdict[str, list[tuple[bool, bool, float, float]]] = defaultdict(list)
    for run in first_attempts(runs[-LATEST:]):
        for id, legs in _legs(run, ids).items():
            outcomes = [job_outcome(leg) for leg in legs]
            lengths = [leg.seconds or 0.0 for leg in legs]
            good = all(o is Outcome.SUCCESS for o in outcomes)
            executions[id].append((Outcome.CODE in outcomes, good, _wall(legs), sum(lengths)))
    found = {}
    for id, items in executions.items():
        successes = [item for item in items if item[1]]
        if len(items) >= MIN_RUNS and successes:
            wall, seconds = median(i[2] for i in successes), median(i[3] for i in successes)
            found[id] = Usual(len(items), sum(i[0] for i in items), wall, seconds)
    return found


def _legs(run: Run, ids: Mapping[str, str]) -> dict[str, list[Execution]]:
    legs: defaultdict[str, list[Execution]] = defaultdict(list)
    for job in own_jobs(run):
        if job.name in ids and job.seconds is not None and job.conclusion not in (None, "skipped"):
            legs[ids[job.name]].append(job)
    return legs


def _wall(legs: Sequence[Execution]) -> float:
    starts = [leg.started for leg in legs if leg.started]
    ends = [leg.ended for leg in legs if leg.ended]
    return (max(ends) - min(starts)).total_seconds()


# -------------------------------------------------------------------- what the file says


def texts(data: object) -> Iterator[str]:
    """Every scalar and key in plain data, depth first."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield key
            yield from texts(value)
    elif isinstance(data, Sequence):
        for item in data:
            yield from texts(item)


def job_text(workflow: Workflow, job: str) -> str:
    """All words of one job but its `needs`, without comments, one scalar a line."""
    data = workflow.tree.data
    jobs = data.get("jobs") if isinstance(data, dict) else None
    body = jobs.get(job) if isinstance(jobs, dict) else None
    return "\n".join(texts({k: v for k, v in body.items() if k != "needs"})) if isinstance(body, dict) else ""


def mentions(text: str) -> frozenset[str]:
    """The jobs whose results a text reads as `needs.id`; "" where it reads `needs` as a whole."""
    return frozenset(_MENTION.findall(text))


def asks_status(job: Job) -> bool:
    """Whether the job's `if` asks how its needs ended (`always()`, `failure()`...): then a `needs` entry is its input."""
    return bool(_STATUS_CALL.search(job.condition or ""))


def first_key(job: Job) -> str:
    """The key in front of which a new `needs` reads best."""
    if job.condition is not None:
        return "if"
    return "uses" if job.uses is not None else "runs-on"
