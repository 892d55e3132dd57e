"""
GitHub's own words for runs, jobs and steps, turned into Trimtab's

The same reader takes REST objects (snake case), what `gh run list --json` prints (camel case) and rows of a CSV file: a key is
compared without case and separators, and the aliases below cover the spellings seen in real exports. Old objects lack fields
(the first published `workflow_job` example has no created_at, run_attempt or workflow_name): absent is None, except for what
makes a run: its id and when it was created.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from trimtab.model import Job, Run, Step

ALIASES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "databaseid", "runid"),
    "attempt": ("runattempt", "attempt"),
    "workflow": ("path", "workflowpath", "workflow", "workflowname", "name"),
    "conclusion": ("conclusion", "result"),
    "created": ("createdat", "created"),
    "started": ("runstartedat", "startedat", "started"),
    "ended": ("completedat", "updatedat", "updateat", "endedat", "finishedat", "ended", "completed"),
    "seconds": ("duration", "durationseconds", "seconds", "durations"),
    "event": ("event", "trigger"),
    "branch": ("headbranch", "branch", "ref"),
    "sha": ("headsha", "sha", "commit"),
    "number": ("runnumber", "number"),
    "pull_request": ("pullrequest", "prnumber", "pr"),
    "job_id": ("jobid", "id", "databaseid"),
    "job_name": ("jobname", "name", "job"),
    "labels": ("labels", "runson"),
    "runner": ("runnername", "runner"),
}
ENDED_STATUS = {"completed", "success", "failure", "cancelled", "skipped", "timed_out"}
_SEPARATORS = re.compile(r"[\s_-]+")
_WHOLE = re.compile(r"[0-9]{1,18}")  # what fits the 64 bits of GitHub and of SQLite


def time_of(value: object) -> datetime | None:
    """
    A UTC time from ISO 8601 text (any zone; none = UTC), epoch seconds or epoch milliseconds; None for empty or zero

    Go programs, gh among them, write a missing time as year 1. Raises ValueError for text that is no time.
    """
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        found = _instant(value)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{str(value)[:40]!r} is no time") from error
    return found if found is not None and found.year >= 1970 else None


def _instant(value: object) -> datetime | None:
    if isinstance(value, int | float) or (isinstance(value, str) and re.fullmatch(r"\d{9,13}(\.\d+)?", value)):
        number = float(value)
        return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC) if number > 0 else None
    if not isinstance(value, str):
        raise ValueError("neither a number nor a text")
    found = datetime.fromisoformat(value.strip().removesuffix(" UTC").removesuffix(" GMT"))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def has_zone(value: object) -> bool:
    """Whether the text of a time says its zone (numbers and empty values do, in their way)."""
    return not isinstance(value, str) or not re.search(r"\d:\d\d(:\d\d(\.\d+)?)?\s*$", value)


def plain(record: Mapping[str, object]) -> dict[str, object]:
    """The record with its keys folded (`run_started_at`, `runStartedAt`, `Run Started At` are one); empty text is None."""
    return {_SEPARATORS.sub("", key).lower(): _sound(value) for key, value in record.items()}


def sound(text: str) -> str:
    """The text with "?" for each half of a surrogate pair: JSON can tell such halves, no encoding and no database can."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _sound(value: object) -> object:
    if isinstance(value, str):
        return sound(value) or None
    return [sound(v) if isinstance(v, str) else v for v in value] if isinstance(value, list) else value


def run_of(record: Mapping[str, object]) -> Run:
    """
    One run attempt from a REST run object, a `gh --json` object or a CSV row; jobs nested under "jobs" come along

    Raises ValueError saying which field is missing or wrong.
    """
    told = plain(record)
    created = time_of(_pick(told, "created")) or time_of(_pick(told, "started"))
    if created is None:
        raise ValueError("no created_at")
    run_id, attempt = _number(told, "id"), _number(told, "attempt", 1)
    started = time_of(_pick(told, "started"))
    nested = told.get("jobs")
    jobs = (
        tuple(job_of(j, run_id, attempt) for j in nested if isinstance(j, Mapping))
        if isinstance(nested, list)
        else None
    )
    run = Run(
        id=run_id,
        attempt=attempt,
        workflow=_workflow(told),
        conclusion=_conclusion(told),
        created=created,
        started=started,
        ended=_ended(told, started or created),
        event=_text(told, "event"),
        branch=_text(told, "branch"),
        sha=_text(told, "sha"),
        number=_number(told, "number", 0) or None,
        pull_request=_pull_request(told),
        actor=_actor(told),
        fork=_is_fork(told),
    )
    return with_jobs(run, jobs) if jobs is not None else run


def job_of(record: Mapping[str, object], run_id: int | None = None, attempt: int | None = None) -> Job:
    """
    One job execution from a REST job object, `gh run view --json jobs` or a CSV row

    `run_id` and `attempt` fill in what a nested object does not say. Raises ValueError when its run is not known.
    """
    told = plain(record)
    run = told.get("runid", run_id)
    if not isinstance(run, int | str) or not _WHOLE.fullmatch(str(run)):
        raise ValueError("no run_id")
    steps = told.get("steps")
    return Job(
        id=_number(told, "job_id"),
        run_id=int(run),
        attempt=_number(told, "attempt", attempt or 1),
        name=_text(told, "job_name") or "",
        conclusion=_conclusion(told),
        created=time_of(_pick(told, "created")),
        started=time_of(_pick(told, "started")),
        ended=_ended(told, time_of(_pick(told, "started"))),
        labels=_labels(_pick(told, "labels")),
        runner=_text(told, "runner"),
        steps=tuple(_step(s) for s in steps if isinstance(s, Mapping)) if isinstance(steps, list) else (),
        notes=_notes(told.get("annotations")),
    )


def run_from_jobs(jobs: Sequence[Job], records: Sequence[Mapping[str, object]]) -> Run:
    """
    The run attempt that these jobs of one (run id, attempt) tell of, when no run object does

    It is created when its first job was; it failed if a job failed, else was cancelled if one was. Raises ValueError when no
    job says when it was created or started.
    """
    times = [t for job in jobs for t in (job.created, job.started) if t is not None]
    if not times:
        raise ValueError("no created_at")
    told = plain(records[0])
    run = Run(
        id=jobs[0].run_id,
        attempt=jobs[0].attempt,
        workflow=str(told.get("workflowpath") or told.get("workflowname") or told.get("workflow") or "unknown"),
        conclusion=None,
        created=min(times),
        started=min((job.started for job in jobs if job.started), default=None),
        branch=_text(told, "branch"),
        sha=_text(told, "sha"),
    )
    return with_jobs(replace(run, conclusion=overall(jobs)), jobs)


def with_jobs(run: Run, jobs: Sequence[Job]) -> Run:
    """
    The run with its jobs; it ended when its last job did

    A REST run has no end of its own: `updated_at` is close, but moves when anything about the run changes later.
    """
    mine = tuple(sorted((j for j in jobs if j.attempt == run.attempt), key=lambda j: (j.started or run.created, j.id)))
    ends = [j.ended for j in mine if j.ended is not None]
    complete = bool(ends) and run.conclusion is not None and all(j.conclusion is not None for j in mine)
    return replace(run, jobs=mine, ended=max(ends) if complete else run.ended)


def overall(jobs: Sequence[Job]) -> str | None:
    """What a run of these jobs concluded: the worst of them, "skipped" when none ran, None while one still runs."""
    ends = {job.conclusion for job in jobs}
    if None in ends:
        return None
    order = ("failure", "timed_out", "startup_failure", "cancelled", "success")
    return next((one for one in order if one in ends), "skipped")


def _step(record: Mapping[str, object]) -> Step:
    told = plain(record)
    started = time_of(_pick(told, "started"))
    return Step(
        number=_number(told, "number", 0),
        name=str(told.get("name") or ""),
        conclusion=_conclusion(told),
        started=started,
        ended=_ended(told, started),
    )


def _pick(told: Mapping[str, object], field: str) -> object:
    return next((told[key] for key in ALIASES[field] if told.get(key) is not None), None)


def _text(told: Mapping[str, object], field: str) -> str | None:
    value = _pick(told, field)
    return None if value is None else str(value)


def _number(told: Mapping[str, object], field: str, default: int | None = None) -> int:
    value = _pick(told, field)
    if value is None and default is not None:
        return default
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | str)
        or not re.fullmatch(r"[0-9]{1,18}(\.0)?", str(value))
    ):
        raise ValueError(f"no {field}" if value is None else f"{field} is {str(value)[:40]!r}, not a number")
    return int(str(value).removesuffix(".0"))


def _workflow(told: Mapping[str, object]) -> str:
    """The path without "@ref"; else the name as told, which `loop.collect` may match to a path."""
    return str(_pick(told, "workflow") or "unknown").partition("@")[0]


def _conclusion(told: Mapping[str, object]) -> str | None:
    """None while running; GitHub writes null, gh an empty text. A run that is not completed has no conclusion yet."""
    status = str(told.get("status") or "completed").lower()
    value = _pick(told, "conclusion")
    if value is None:
        return status if status in ENDED_STATUS - {"completed"} else None
    return str(value).lower() if status in ENDED_STATUS else None


def _ended(told: Mapping[str, object], started: datetime | None) -> datetime | None:
    """When it ended: told, or start plus duration; None while it runs (`updated_at` is then no end)."""
    if _conclusion(told) is None and told.get("completedat") is None:
        return None
    ended = time_of(_pick(told, "ended"))
    seconds = _pick(told, "seconds")
    if ended is None and started is not None and seconds is not None:
        return _after(started, seconds)
    return ended


def _after(start: datetime, duration: object) -> datetime:
    """Raises ValueError for a duration that is no number, no length of a run, or ends after the year 9999."""
    try:
        number = float(str(duration))
        if not 0 <= number < 1e8:  # three years; also refuses nan and infinity
            raise OverflowError
        return start + timedelta(seconds=number)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"duration is {str(duration)[:40]!r}") from error


def _pull_request(told: Mapping[str, object]) -> int | None:
    listed = told.get("pullrequests")
    if isinstance(listed, list) and listed and isinstance(listed[0], Mapping):
        value = listed[0].get("number")
    else:
        value = _pick(told, "pull_request")
    return int(value) if isinstance(value, int | str) and _WHOLE.fullmatch(str(value)) else None


def _actor(told: Mapping[str, object]) -> str | None:
    actor = told.get("actor")
    value = actor.get("login") if isinstance(actor, Mapping) else actor
    return None if value is None else sound(str(value))


def _is_fork(told: Mapping[str, object]) -> bool:
    """
    Whether the head is in another repository; a head repository of null is a fork that was deleted since

    Repositories are objects in REST and "owner/name" in exports; where either is not told, nothing says fork.
    """
    if "headrepository" not in told:
        return False
    if told["headrepository"] is None:
        return True
    head, base = _repository(told["headrepository"]), _repository(told.get("repository"))
    return head is not None and base is not None and head != base


def _repository(value: object) -> str | None:
    name = value.get("full_name") if isinstance(value, Mapping) else value
    return name.lower() if isinstance(name, str) else None


def _notes(value: object) -> tuple[str, ...]:
    """The texts of a job's annotations: objects with a message, as the API lists them, or the texts themselves."""
    if not isinstance(value, list):
        return ()
    texts = [item.get("message") if isinstance(item, Mapping) else item for item in value]
    return tuple(sound(text) for text in texts if isinstance(text, str) and text)


def _labels(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(filter(None, re.split(r"[\s,;|]+", value)))
    return tuple(str(label) for label in value) if isinstance(value, list) else ()
