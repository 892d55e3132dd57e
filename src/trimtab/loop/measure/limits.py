"""
Limits: after which time the jobs of a change were stopped, before it and with it

GitHub calls a job that met its time limit `cancelled`, and only an annotation says why; a history from a file has none. So the
frozen plan is asked: its operations on `timeout-minutes` give the new limits, the file as it stood before gives the old ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TypeAlias

from trimtab.catalogue.reading.limits import DEFAULT_LIMIT, limit_of
from trimtab.errors import HostileFileError, ParseError
from trimtab.model import EditFile, InsertKey, Intervention, ReplaceScalar, Run, Unknown
from trimtab.replay.outcomes import LIMIT_SLACK_SECONDS
from trimtab.replay.runs import own_jobs
from trimtab.workflow.model import Job, Workflow
from trimtab.workflow.names import job_for
from trimtab.workflow.read import read

_NOT_STOPPED = ("success", "skipped", None)


@dataclass(frozen=True, slots=True)
class Limits:
    """
    The old and the new limits in minutes, by API job name, of the jobs whose limit the plan sets

    `unclear` says, if not empty, why some job may have met a new limit without being seen to.
    """

    old: Mapping[str, float] = field(default_factory=dict)
    new: Mapping[str, float] = field(default_factory=dict)
    unclear: str = ""


NO_LIMITS = Limits()


def limits(plan: Intervention, contents: Mapping[str, bytes], past: Sequence[Run], treated: Sequence[Run]) -> Limits:
    """
    The limits of the jobs that ran; `contents` are the plan's files before the change, by path

    A job of the API is found in the file by its name. What ended within a minute of a new limit, without a success
    and without an annotation, is unclear if its name fits no job of the file, or several.
    """
    planned = {minutes for file in plan.files for minutes in _set_by(file.change).values()}
    if not planned:
        return NO_LIMITS
    found: defaultdict[str, set[_Pair | None]] = defaultdict(set)  # None: it may be any job of the file
    for file in plan.files:
        workflow, wanted = _workflow(file.path, contents), _set_by(file.change)
        for name in {job.name for run in (*past, *treated) if run.workflow == file.path for job in own_jobs(run)}:
            id = Unknown("the file is not known") if workflow is None else job_for(workflow, name)
            if workflow is None or isinstance(id, Unknown):
                found[name].add(None)
            else:
                found[name].add((_limit_before(workflow.jobs[id]), wanted.get(id)))
    certain = {name: pair for name, pairs in found.items() if len(pairs) == 1 for pair in pairs if pair is not None}
    old = {name: before for name, (before, after) in certain.items() if before is not None and after is not None}
    new = {name: after for name, (_, after) in certain.items() if after is not None}
    return Limits(old, new, _unclear(treated, found.keys() - certain.keys(), planned))


_Pair: TypeAlias = tuple[
    float | None, float | None
]  # the limit before, None if not a number; the new one, None if not set


def _set_by(change: EditFile) -> dict[str, float]:
    """By job id: the minutes that a change gives it."""
    minutes: dict[str, float] = {}
    for op in change.ops:
        match op:
            case InsertKey(path=("jobs", str(id)), key="timeout-minutes", value=int() | float() as value):
                minutes[id] = float(value)
            case ReplaceScalar(path=("jobs", str(id), "timeout-minutes"), value=int() | float() as value):
                minutes[id] = float(value)
            case _:
                pass
    return minutes


def _limit_before(job: Job) -> float | None:
    """What is written; GitHub's own limit where nothing is; None for an expression."""
    return DEFAULT_LIMIT if job.timeout is None else limit_of(job)


def _workflow(path: str, contents: Mapping[str, bytes]) -> Workflow | None:
    """The file before the change; None when its content is not at hand or cannot be read."""
    if path not in contents:
        return None
    try:
        return read(path, contents[path])
    except (HostileFileError, ParseError):
        return None


def _unclear(treated: Sequence[Run], names: Set[str], planned: Set[float]) -> str:
    """In words: jobs of these names that ended beside one of the planned limits with nothing to tell why."""
    near = [
        job
        for run in treated
        for job in own_jobs(run)
        if job.name in names and job.conclusion not in _NOT_STOPPED and not job.notes
        if any(abs((job.seconds or 0.0) - minutes * 60) <= LIMIT_SLACK_SECONDS for minutes in planned)
    ]
    if not near:
        return ""
    called = ", ".join(sorted({repr(job.name) for job in near})[:3])
    count = "1 execution" if len(near) == 1 else f"{len(near)} executions"
    return f"{count} of {called} ended beside a new limit, and neither an annotation nor the job's name tells whether by it"
