"""
What was observed: runs with their jobs and steps, every attempt, and where collecting stopped

Writing the same observation twice changes nothing. A later one adds what it knows and never erases what is already
known, so that duplicates, gaps and answers out of order all lead to the same rows.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from trimtab.ledger.database import Database
from trimtab.model import History, Job, Run, Step, Unknown

_COLUMNS = (
    "workflow, id, attempt, created, conclusion, started, ended, event, branch, sha, number, pull_request, actor, fork, "
    "blob, jobs"
)
_UPSERT = f"INSERT OR REPLACE INTO runs ({_COLUMNS}) VALUES ({', '.join('?' * 16)})"


@dataclass(frozen=True, slots=True)
class Added:
    """How many runs were new, how many told something new about a known run, how many told nothing new."""

    stored: int
    updated: int
    duplicates: int


class Ledger:
    """The observations of one repository."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(cls, path: Path | str) -> Ledger:
        """Open or create the state file at `path`; RefusedError when the place cannot be written."""
        return cls(Database.open(path))

    # ------------------------------------------------------------------------------------ runs

    def add_runs(self, runs: Iterable[Run]) -> Added:
        """Store runs by (workflow, id, attempt), in one transaction; returns what became of them."""
        counts = {"stored": 0, "updated": 0, "duplicates": 0}
        with self.database.writing() as connection:
            for run in runs:
                key = (run.workflow, run.id, run.attempt)
                find = f"SELECT {_COLUMNS} FROM runs WHERE workflow = ? AND id = ? AND attempt = ?"
                row = connection.execute(find, key).fetchone()
                new = _row(run)
                if row is not None and row != new:
                    new = _row(merged(_run(row, _Moments()), run))
                outcome = "stored" if row is None else "duplicates" if new == row else "updated"
                counts[outcome] += 1
                if outcome != "duplicates":
                    connection.execute(_UPSERT, new)
        return Added(**counts)

    def history(self, workflow: str | None = None) -> History | Unknown:
        """
        All runs of one workflow path, or of all, and the window of time in which all runs created are among them

        That is what was looked at; where that is not known (an export) or ends before a run, it is the whole UTC days from
        the first run's creation to the last's. Unknown when no run was ever collected.
        """
        where, values = ("", ()) if workflow is None else (" WHERE workflow = ?", (workflow,))
        rows = self.database.rows(f"SELECT {_COLUMNS} FROM runs{where} ORDER BY created, id, attempt", values)
        if not rows:
            what = workflow or "this repository"
            return Unknown(f"no runs of {what} were collected yet", "trimtab collect")
        runs = _runs(rows)
        windows = self.database.rows(f"SELECT min(first), max(last) FROM windows{where}", values)
        first, last = map(_moment, windows[0])
        oldest, newest = runs[0].created, runs[-1].created
        start = first if first is not None and first <= oldest else datetime.combine(oldest, time.min, UTC)
        end = last if last is not None and last >= newest else datetime.combine(newest, time.max, UTC)
        return History(runs, start, end)

    def workflows(self) -> tuple[str, ...]:
        """Paths of the workflows that runs were collected of, in order."""
        return tuple(
            str(path) for (path,) in self.database.rows("SELECT DISTINCT workflow FROM runs ORDER BY workflow")
        )

    def places(self) -> dict[tuple[int, int, datetime], set[str]]:
        """The workflows under which each attempt (id, attempt, creation) is stored: more than one when its name changed."""
        found: dict[tuple[int, int, datetime], set[str]] = {}
        moments = _Moments()
        for workflow, run, attempt, created in self.database.rows("SELECT workflow, id, attempt, created FROM runs"):
            found.setdefault((_int(run), _int(attempt), moments[created]), set()).add(str(workflow))
        return found

    def relocate(self, moves: Mapping[tuple[str, int, int], str]) -> None:
        """Move runs, told by (workflow, id, attempt), to another workflow; one that is there already learns from them."""
        find = f"SELECT {_COLUMNS} FROM runs WHERE workflow = ? AND id = ? AND attempt = ?"
        with self.database.writing() as connection:
            for key, path in moves.items():
                here = connection.execute(find, key).fetchone()
                if here is None:  # another Trimtab moved it meanwhile
                    continue
                moved = replace(_run(here, _Moments()), workflow=path)
                there = connection.execute(find, (path, *key[1:])).fetchone()
                connection.execute(_UPSERT, _row(merged(moved, _run(there, _Moments())) if there else moved))
                connection.execute("DELETE FROM runs WHERE workflow = ? AND id = ? AND attempt = ?", key)
            for name in {name for name, _, _ in moves}:
                left = connection.execute("SELECT 1 FROM runs WHERE workflow = ? LIMIT 1", (name,)).fetchone()
                if left is None:
                    connection.execute("DELETE FROM windows WHERE workflow = ?", (name,))

    def missing_jobs(self, workflow: str | None = None) -> tuple[tuple[str, int, int], ...]:
        """(workflow, id, attempt) of runs whose jobs were not collected, newest first: what a backfill still has to ask."""
        where, values = ("", ()) if workflow is None else (" AND workflow = ?", (workflow,))
        sql = f"SELECT workflow, id, attempt FROM runs WHERE jobs IS NULL{where} ORDER BY created DESC, id, attempt"
        return tuple((str(path), _int(run), _int(attempt)) for path, run, attempt in self.database.rows(sql, values))

    def looked_at(self, workflow: str, start: datetime, end: datetime) -> None:
        """Note that all runs of `workflow` created between `start` and `end` were asked for: a quiet day is data too."""
        with self.database.writing() as connection:
            connection.execute(
                "INSERT INTO windows VALUES (?, ?, ?) ON CONFLICT (workflow) DO UPDATE SET "
                "first = min(first, excluded.first), last = max(last, excluded.last)",
                (workflow, _micros(start), _micros(end)),
            )

    # ------------------------------------------------------------------------------------ notes of the collector

    def cursor(self, name: str) -> str | None:
        """Where a collection of this name stopped; None when it never ran."""
        rows = self.database.rows("SELECT value FROM cursors WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else None

    def set_cursor(self, name: str, value: str) -> None:
        with self.database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?)", (name, value))

    def files_changed(self, sha: str) -> tuple[str, ...] | None:
        """Paths that a commit touched, as remembered by `set_files_changed`; None when not remembered."""
        rows = self.database.rows("SELECT paths FROM files_changed WHERE sha = ?", (sha,))
        return tuple(json.loads(str(rows[0][0]))) if rows else None

    def set_files_changed(self, changes: Mapping[str, Iterable[str]]) -> None:
        """Remember, by commit, the paths that it touched."""
        rows = [(sha, json.dumps(list(paths))) for sha, paths in changes.items()]
        with self.database.writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO files_changed VALUES (?, ?)", rows)


def merged(old: Run, new: Run) -> Run:
    """Two observations of one run: what the new one knows wins, what it does not know stays."""
    known = {f.name: getattr(new, f.name) for f in fields(Run) if getattr(new, f.name) not in (None, ())}
    known["fork"] = old.fork or new.fork
    if old.ended is not None and new.ended is None:
        known.pop("conclusion", None)
    known["jobs"] = _merged_jobs(old.jobs, new.jobs)
    return replace(old, **known)


def _merged_jobs(old: tuple[Job, ...] | None, new: tuple[Job, ...] | None) -> tuple[Job, ...] | None:
    if old is None or new is None:
        return old if new is None else new
    jobs = {(job.id, job.name, job.attempt): job for job in old}
    for job in new:
        key = (job.id, job.name, job.attempt)
        jobs[key] = _merged_job(jobs[key], job) if key in jobs else job
    return tuple(jobs.values())


def _merged_job(old: Job, new: Job) -> Job:
    known = {f.name: getattr(new, f.name) for f in fields(Job) if getattr(new, f.name) not in (None, ())}
    if old.ended is not None and new.ended is None:
        known.pop("steps", None)
        known.pop("conclusion", None)
    return replace(old, **known)


# ------------------------------------------------------------------------------------ rows


def _row(run: Run) -> tuple[object, ...]:
    return (
        *(run.workflow, run.id, run.attempt, _micros(run.created), run.conclusion),
        *(_micros(run.started), _micros(run.ended), run.event, run.branch, run.sha, run.number),
        *(run.pull_request, run.actor, int(run.fork), run.blob, _jobs_text(run.jobs)),
    )


class _Moments(dict[Any, Any]):
    """Microseconds since 1970 to datetimes, each made once: most times of a run occur in it several times."""

    def __missing__(self, micros: int | None) -> datetime | None:
        moment = self[micros] = _moment(micros)
        return moment


def _runs(rows: list[tuple[Any, ...]]) -> tuple[Run, ...]:
    """Runs from rows. The cycle collector rests meanwhile: half a million values without a cycle cost it a third more."""
    resting = gc.isenabled()
    gc.disable()
    try:
        at = _Moments()
        return tuple([_run(row, at) for row in rows])
    finally:
        if resting:
            gc.enable()


def _run(row: tuple[Any, ...], at: _Moments) -> Run:
    (
        workflow,
        id_,
        attempt,
        created,
        conclusion,
        started,
        ended,
        event,
        branch,
        sha,
        number,
        pull,
        actor,
        fork,
        blob,
        jobs,
    ) = row
    return Run(
        id_, attempt, workflow, conclusion, at[created], at[started], at[ended], event, branch, sha, number, pull, actor,
        bool(fork), _jobs(id_, jobs, at), blob,
    )  # fmt: skip


def _jobs_text(jobs: tuple[Job, ...] | None) -> str | None:
    """Jobs as JSON lists in the order of model.Job without run_id; times in microseconds since 1970."""
    if jobs is None:
        return None
    rows = [
        [j.id, j.attempt, j.name, j.conclusion, _micros(j.created), _micros(j.started), _micros(j.ended), j.labels,
         j.runner, [_step_row(step) for step in j.steps], j.notes]
        for j in jobs
    ]  # fmt: skip
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False)


def _step_row(step: Step) -> list[object]:
    return [step.number, step.name, step.conclusion, _micros(step.started), _micros(step.ended)]


def _jobs(run: int, text: str | None, at: _Moments) -> tuple[Job, ...] | None:
    if text is None:
        return None
    return tuple([
        Job(
            id_, run, attempt, name, conclusion, at[created], at[started], at[ended], tuple(labels), runner,
            tuple([Step(n, title, end, at[first], at[last]) for n, title, end, first, last in steps]), tuple(notes),
        )
        for id_, attempt, name, conclusion, created, started, ended, labels, runner, steps, notes in json.loads(text)
    ])  # fmt: skip


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1_000_000)


def _moment(micros: Any) -> datetime | None:
    return None if micros is None else datetime.fromtimestamp(micros / 1_000_000, UTC)


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value
