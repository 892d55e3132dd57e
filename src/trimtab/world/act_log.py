"""
Runs out of the log that `act --json` prints

act writes one JSON object a line (logrus): "job" is "WORKFLOW/JOB" padded with blanks, "jobID" the YAML job id, "matrix" the
leg's values, "stepResult" and "jobResult" the ends, "executionTime" nanoseconds of a step; "time" has whole seconds. Read
against act 0.2.89. One log is one run per workflow in it; its id is made from the log, so that reading it twice adds nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from trimtab.model import Job, Run, Step
from trimtab.world import rest

Line = Mapping[str, object]
LONGEST_STEP = 35 * 86_400 * 10**9  # nanoseconds; beyond that the line's own time tells the end


def is_log(values: Sequence[object]) -> bool:
    """Whether these JSON values are lines of an act log."""
    return any(isinstance(v, Mapping) and {"level", "msg", "time", "job", "jobID"} <= set(v) for v in values[:50])


def runs(values: Sequence[object]) -> tuple[list[Run], Counter[str]]:
    """The runs in a log, one per workflow name, and what could not be read."""
    problems: Counter[str] = Counter()
    by_workflow: dict[str, dict[str, list[Line]]] = {}
    for line in (v for v in values if isinstance(v, Mapping) and "jobID" in v):
        if line.get("dryrun"):
            problems["line of an act dry run, which executes nothing"] += 1
            continue
        try:
            rest.time_of(line.get("time"))
        except ValueError as error:
            problems[f"line of an act log without its time: {error}"] += 1
            line = {**line, "time": None}
        title = rest.sound(str(line.get("job", ""))).strip()
        by_workflow.setdefault(title.rpartition("/")[0] or "unknown", {}).setdefault(title, []).append(line)
    found = []
    for workflow, legs in by_workflow.items():
        times = [t for lines in legs.values() for t in (rest.time_of(line.get("time")) for line in lines) if t]
        if not times:
            problems["act workflow without times"] += 1
            continue
        start = min(times)
        run_id = _id(
            workflow, start.isoformat(), *(str(line.get("msg")) for lines in legs.values() for line in lines[:3])
        )
        jobs = [_job(run_id, index, lines, start) for index, lines in enumerate(legs.values())]
        found.append(rest.with_jobs(_run(run_id, workflow, start, max(times), jobs), jobs))
    return found, problems


def _run(run_id: int, workflow: str, start: datetime, end: datetime, jobs: Sequence[Job]) -> Run:
    conclusion = rest.overall(jobs)
    return Run(run_id, 1, workflow, conclusion, created=start, started=start, ended=end if conclusion else None)


def _job(run_id: int, index: int, lines: Sequence[Line], created: datetime) -> Job:
    times = [t for t in (rest.time_of(line.get("time")) for line in lines) if t]
    result = next((rest.sound(str(line["jobResult"])) for line in lines if "jobResult" in line), None)
    matrix = lines[0].get("matrix")
    legs = rest.sound(", ".join(str(value) for value in matrix.values())) if isinstance(matrix, Mapping) else ""
    name = rest.sound(str(lines[0]["jobID"]))
    return Job(
        id=run_id + index + 1,
        run_id=run_id,
        attempt=1,
        name=f"{name} ({legs})" if legs else name,
        conclusion=result,
        created=created,
        started=min(times, default=None),
        ended=max(times, default=None) if result else None,
        runner="act",
        steps=_steps(lines),
    )


def _steps(lines: Sequence[Line]) -> tuple[Step, ...]:
    """Steps in order of their first line; a step's seconds are act's own where it tells them."""
    begun: dict[str, datetime | None] = {}
    ended: dict[str, Line] = {}
    names: dict[str, str] = {}
    for line in lines:
        if "step" not in line:
            continue
        key = f"{line.get('stage', '')}{line.get('stepID', line.get('stepid', ''))}"
        begun.setdefault(key, rest.time_of(line.get("time")))
        names.setdefault(key, rest.sound(str(line["step"])))
        if "stepResult" in line:
            ended[key] = line
    steps = []
    for number, (key, start) in enumerate(begun.items(), 1):
        last = ended.get(key, {})
        took = last.get("executionTime")
        end = rest.time_of(last.get("time"))
        if start is not None and isinstance(took, int) and 0 <= took < LONGEST_STEP:
            end = start + timedelta(microseconds=took / 1000)
        result = rest.sound(str(last["stepResult"])) if last else None
        steps.append(Step(number, names[key], result, start, end))
    return tuple(steps)


def _id(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).digest()[:6], "big")
