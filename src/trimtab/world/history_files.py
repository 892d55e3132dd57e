"""
Run history from files: what a team can export when Trimtab may not ask GitHub itself

Read are REST JSON (a list of runs, pages with "workflow_runs" or "jobs", objects by id, one object a line, or pages one
after the other as `gh api --paginate` prints them), `gh run list --json`, CSV with named columns, and the log of
`act --json`; each also with gzip around it. Every attempt is kept. A record that cannot be read is a problem told, never an
exception: one bad row does not cost the other thousand.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from trimtab.errors import RefusedError
from trimtab.model import Job, Run
from trimtab.world import act_log, rest

MAX_BYTES = 512 << 20  # unpacked; about 2 million CSV rows
Record = Mapping[str, object]
SHOWN = 8  # kinds of problems told in words: each bad row can have a reason of its own
_TIMES = tuple(name for field_ in ("created", "started", "ended") for name in rest.ALIASES[field_])
_OF_JOBS = {"jobid", "jobname", "job", "steps", "runnername", "runner"}
_OF_RUNS = {"event", "trigger", "runnumber", "runstartedat", "path", "actor"}


@dataclass(frozen=True, slots=True)
class Imported:
    """Distinct run attempts, oldest first; how many records repeated one of them; how many jobs; what was wrong, in words."""

    runs: tuple[Run, ...]
    duplicates: int
    jobs: int = 0
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class _Pile:
    """What was found so far, by identity."""

    runs: dict[tuple[int, int], Run] = field(default_factory=dict)
    jobs: dict[tuple[int, int], dict[tuple[int, int], tuple[Job, Record]]] = field(default_factory=dict)
    duplicates: int = 0
    problems: Counter[str] = field(default_factory=Counter)

    def add_run(self, run: Run) -> None:
        known = self.runs.get(run.key)
        self.duplicates += known is not None
        self.runs[run.key] = run if known is None else merged(known, run)

    def add_job(self, job: Job, record: Record) -> None:
        siblings = self.jobs.setdefault((job.run_id, job.attempt), {})
        known = siblings.get((job.id, job.attempt))
        self.duplicates += known is not None
        if known is None or known[0].conclusion is None:
            siblings[job.id, job.attempt] = (job, record)


def read(paths: Sequence[Path]) -> Imported:
    """
    The history in these files, as one: jobs in one file join runs in another

    Raises RefusedError for a file that is not there, is too large, or is none of the formats above, and when no run in any
    of them could be read.
    """
    pile = _Pile()
    for path in paths:
        _read_into(pile, path)
    for key, siblings in pile.jobs.items():
        jobs = [job for job, _ in siblings.values()]
        try:
            run = pile.runs.get(key) or rest.run_from_jobs(jobs, [record for _, record in siblings.values()])
            pile.runs[key] = rest.with_jobs(run, jobs)
        except ValueError as error:
            pile.problems[f"jobs: {error}"] += len(jobs)
    runs = tuple(sorted(pile.runs.values(), key=lambda run: (run.created, *run.key)))
    problems = tuple(f"{n} x {what}" for what, n in pile.problems.most_common(SHOWN))
    if len(pile.problems) > SHOWN:
        others = pile.problems.total() - sum(n for _, n in pile.problems.most_common(SHOWN))
        problems += (f"{others} x other records left out or doubtful",)
    if not runs:
        raise RefusedError(
            f"no run could be read from {', '.join(map(str, paths))}",
            "; ".join(problems[:3]) or "the files hold no records",
            "export the history again with its ids and times (trimtab collect --help names the formats)",
        )
    jobs_found = sum(len(run.jobs or ()) for run in runs)
    return Imported(runs, pile.duplicates, jobs_found, problems)


def merged(one: Run, two: Run) -> Run:
    """Two tellings of one attempt: a finished one wins over a running one, then the later; absent fields come from the other."""
    first, second = (one, two) if (one.conclusion is not None) > (two.conclusion is not None) else (two, one)
    missing = {f.name: getattr(second, f.name) for f in fields(Run) if getattr(first, f.name) is None}
    return replace(first, **missing)


def _read_into(pile: _Pile, path: Path) -> None:
    data = _unpacked(path)
    text = data.decode("utf-8-sig", "replace")
    start = text.lstrip()[:1]
    if not start:
        raise RefusedError(f"{path} is empty", "it holds no run", "export the history again")
    if start not in "[{":
        _read_csv(pile, text, path)
        return
    values = list(_json_values(text, path))
    if act_log.is_log(values):
        runs, problems = act_log.runs(values)
        for run in runs:
            pile.add_run(run)
        pile.problems.update(problems)
        return
    found = 0
    for record in _records(values):
        found += 1
        _read_record(pile, record)
    if not found:
        raise RefusedError(
            f"{path} holds no runs", "no object in it has an id and a time", "see trimtab collect --help"
        )


def _read_record(pile: _Pile, record: Record) -> None:
    told = rest.plain(record)
    is_job = _is_job(told)
    if any(told.get(key) and not rest.has_zone(told[key]) for key in _TIMES):
        pile.problems["time without a zone, read as UTC"] += 1
    try:
        if is_job:
            pile.add_job(rest.job_of(record), record)
        else:
            pile.add_run(rest.run_of(record))
    except (ValueError, OverflowError) as error:
        pile.problems[f"{'job' if is_job else 'run'} left out: {error}"] += 1


def _is_job(told: Record) -> bool:
    """Whether a record tells of a job: it names its run, and has what only jobs have, or an id beside and no mark of a run."""
    if "runid" not in told:
        return False
    return bool(_OF_JOBS & set(told)) or (bool({"id", "databaseid"} & set(told)) and not _OF_RUNS & set(told))


def _unpacked(path: Path) -> bytes:
    """The file's bytes without gzip, at most MAX_BYTES of them."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    data = unpacked.read(MAX_BYTES + 1)
            else:
                data = raw.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise RefusedError(f"cannot read {path}: {error}", "the history in it is missing", f"ls -l {path}") from error
    if len(data) > MAX_BYTES:
        raise RefusedError(
            f"{path} unpacks to more than {MAX_BYTES >> 20} MiB", "reading it could exhaust memory", "split it"
        )
    return data


def _json_values(text: str, path: Path) -> Iterator[object]:
    """The JSON values in a text, one after the other, with any white space between them."""
    decoder, at = json.JSONDecoder(), 0
    try:
        while (at := _skip_blank(text, at)) < len(text):
            value, at = decoder.raw_decode(text, at)
            yield value
    except (ValueError, RecursionError) as error:  # ValueError also for an integer of more than 4,300 digits
        where = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "too deep"
        raise RefusedError(f"{path} is not JSON ({where})", "its history cannot be read", "export it again") from error


def _skip_blank(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n\x1e":
        at += 1
    return at


def _records(values: Iterable[object]) -> Iterator[Record]:
    """The run and job objects in lists, pages and maps by id, however they are wrapped (at most six levels)."""
    level = list(values)
    for _ in range(6):
        deeper: list[object] = []
        for value in level:
            if isinstance(value, list):
                deeper.extend(value)
            elif isinstance(value, Mapping) and {"id", "databaseId", "run_id"} & set(value):
                yield value
            elif isinstance(value, Mapping):
                deeper.extend(v for v in value.values() if isinstance(v, list | dict))
        level = deeper


def _read_csv(pile: _Pile, text: str, path: Path) -> None:
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="")
    names = set(rest.plain(dict.fromkeys(rows.fieldnames or ())))
    missing = [name for name in ("id", "created") if not names & {*rest.ALIASES[name], *_OTHER.get(name, ())}]
    if missing:
        raise RefusedError(
            f"{path} has no column for {' and '.join(missing)}",
            f"its first line names: {header.strip()[:200]}",
            "name the columns id, run_attempt, workflow, conclusion, created_at, run_started_at, updated_at",
        )
    forks = {name for name in rows.fieldnames or () if set(rest.plain({name: 1})) == {"headrepository"}}  # "": not told
    try:
        for row in rows:
            cells = {key: value for key, value in row.items() if isinstance(value, str)}
            _read_record(pile, {key: value for key, value in cells.items() if value or key not in forks})
    except csv.Error as error:
        raise RefusedError(f"{path} is no CSV: {error}", "its history cannot be read", "export it again") from error


_OTHER = {"created": rest.ALIASES["started"]}  # a start will do where nobody wrote down the creation
