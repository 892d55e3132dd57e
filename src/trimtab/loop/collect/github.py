"""
The GitHub half of collect: a first report from few requests, the rest when it is asked for again

Lists of runs come first, newest first, over windows of time that a cursor remembers: what this collection does not reach the
next one does. Jobs cost a request per run (and one for each earlier attempt), so they are asked for a sample: one run of each
workflow and week in turn, newest week first, until the requests are spent. Annotations are asked only for jobs that ended
badly without a failed step, which is how a time limit or a lost runner looks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from trimtab.errors import RateLimited, RefusedError
from trimtab.loop import Site
from trimtab.loop.collect.snapshot import DEFAULT_BRANCH, FILES, REQUIRED
from trimtab.model import Job, Run, Unknown
from trimtab.world import rest
from trimtab.world.credible import credible
from trimtab.world.git import WORKFLOWS
from trimtab.world.github import PAGE, Gone, Hub

CURSOR = "github:windows"
GONE = "github:gone"  # ids of runs whose jobs GitHub does not have: not asked for again
REACH = timedelta(days=182)  # how far back the first collection's cursor goes
OVERLAP = timedelta(days=3)  # runs that were still going, or were run again, since the last collection
LIST_SHARE, NOTES_SHARE = 0.25, 0.1  # of the requests that are left: for lists of runs, for annotations
ABREAST, BATCH = 4, 24  # requests at once (GitHub allows 100), and runs stored at a time
RESULTS = 1000  # a filtered list ends here
NOTHING_RAN = {"skipped", "action_required", "startup_failure", "neutral", "stale"}


@dataclass(slots=True)
class Gathered:
    stored: int = 0
    updated: int = 0
    duplicates: int = 0
    remaining: int = 0
    says: list[str] = field(default_factory=list)


def gather(site: Site, hub: Hub) -> Gathered:
    """Read from GitHub within the hub's budget of requests. Raises RefusedError when GitHub cannot be asked at all."""
    found = Gathered()
    try:
        _facts(site, hub, found)
        _list_runs(site, hub, found)
        _sample_jobs(site, hub, found)
    except RateLimited as error:
        found.says.insert(0, f"{error.what}; {error.why}")
    wanting = _without_jobs(site)
    found.remaining = len(wanting)
    if wanting:
        found.says.append(f"{len(wanting)} runs still lack their jobs: run trimtab collect again for more of them")
    return found


def _facts(site: Site, hub: Hub, found: Gathered) -> None:
    """Default branch and required checks; the workflow files too where there is no clone."""
    branch = hub.default_branch()
    if isinstance(branch, Unknown):
        found.says.append(branch.why)
        return
    site.ledger.set_cursor(DEFAULT_BRANCH, branch)
    checks = hub.required_checks(branch)
    if isinstance(checks, Unknown):
        found.says.append(f"required checks: {checks.why}")
    else:
        site.ledger.set_cursor(REQUIRED, json.dumps(sorted(checks)))
    if site.repository is None:
        listed = hub.folder(WORKFLOWS, branch)
        paths = [path for path in listed if path.endswith((".yml", ".yaml"))] if not isinstance(listed, Unknown) else []
        texts = {path: file[1] for path in paths if not isinstance(file := hub.file(path, branch), Unknown)}
        site.ledger.set_cursor(
            FILES, json.dumps({path: data.decode("utf-8", "replace") for path, data in texts.items()})
        )


# ------------------------------------------------------------------------------------ lists of runs

Window = tuple[datetime, datetime]


def _list_runs(site: Site, hub: Hub, found: Gathered) -> None:
    """List the windows that are still open, newest first; a page is stored before the cursor moves past it."""
    now = site.now()
    windows = _open_windows(site, now)
    pages = max(int(hub.meter.left * LIST_SHARE), len(windows))  # one each, so that what is left gets its turn
    while windows and pages > 0:
        pages -= _list_window(site, hub, found, windows, pages)
        site.ledger.set_cursor(CURSOR, json.dumps({"top": str(now), "open": [[str(a), str(b)] for a, b in windows]}))
    if windows:
        found.says.append(f"runs before {windows[0][1]:%Y-%m-%d} are not listed yet: run trimtab collect again")


def _list_window(site: Site, hub: Hub, found: Gathered, windows: list[Window], pages: int) -> int:
    """List the first window as far as `pages` and GitHub's 1,000 results go, shorten or drop it; the pages asked for."""
    start, end = windows.pop(0)
    asked, listed, last = 0, 0, end
    exact = _with_jobs(site)
    for runs, problems in hub.runs(created=f"{start:%Y-%m-%dT%H:%M:%SZ}..{end:%Y-%m-%dT%H:%M:%SZ}"):
        # Of a run whose jobs are known the end is known better than from the list's updated_at.
        _store(site, found, [replace(run, ended=None) if run.key in exact else run for run in runs])
        found.says.extend(problems)
        asked, listed = asked + 1, listed + len(runs) + len(problems)
        last = min([last, *(run.created for run in runs)])
        site.say(f"listed {found.stored + found.duplicates + found.updated} runs, back to {last:%Y-%m-%d}")
        if asked >= pages or listed >= RESULTS:
            break
    if listed and listed % PAGE == 0:  # a full page: there may be more
        rest_end = last if last < end else end - timedelta(seconds=1)
        if rest_end > start:
            windows.insert(0, (start, rest_end))
    for workflow in site.ledger.workflows():
        site.ledger.looked_at(workflow, windows[0][1] if windows and windows[0][0] == start else start, end)
    return max(asked, 1)


def _with_jobs(site: Site) -> set[tuple[int, int]]:
    history = site.ledger.history()
    return set() if isinstance(history, Unknown) else {run.key for run in history.runs if run.jobs}


def _open_windows(site: Site, now: datetime) -> list[Window]:
    """Windows of time still to list, newest first: since the last collection, and what that one left; none overlap."""
    stored = json.loads(site.ledger.cursor(CURSOR) or "{}")
    left = [(datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in stored.get("open", [])]
    since = datetime.fromisoformat(stored["top"]) - OVERLAP if "top" in stored else now - REACH
    windows: list[Window] = []
    for start, end in sorted([(since, now), *left], key=lambda window: window[1], reverse=True):
        if windows and end >= windows[-1][0]:
            windows[-1] = (min(start, windows[-1][0]), windows[-1][1])
        else:
            windows.append((start, end))
    return windows


def _store(site: Site, found: Gathered, runs: Sequence[Run]) -> None:
    kept, doubts = credible(runs, site.now())
    found.says += doubts
    added = site.ledger.add_runs(kept)
    found.stored, found.updated = found.stored + added.stored, found.updated + added.updated
    found.duplicates += added.duplicates


# ------------------------------------------------------------------------------------ jobs of a sample of runs


def _without_jobs(site: Site) -> list[Run]:
    """The latest attempts that ended, executed something, and whose jobs are not known; newest first."""
    history = site.ledger.history()
    if isinstance(history, Unknown):
        return []
    latest = {run.id: run for run in history.runs}  # history is in order of attempts
    gone = _gone(site)
    wanting = [run for run in latest.values() if not _known(run) and run.id not in gone]
    wanting = [run for run in wanting if run.conclusion not in {None, *NOTHING_RAN}]
    return [run for run in reversed(wanting) if run.workflow.startswith(WORKFLOWS)]


def _known(run: Run) -> bool:
    """Whether the jobs of a run are known: a success has some, a run that failed or was cancelled early may have none."""
    return bool(run.jobs) or (run.jobs is not None and run.conclusion != "success")


def _gone(site: Site) -> set[int]:
    return set(json.loads(site.ledger.cursor(GONE) or "[]"))


def stratified(runs: Sequence[Run]) -> Iterator[Run]:
    """All of `runs` (newest first), so that each start of the order holds every workflow and week about equally often."""
    strata: dict[tuple[str, int, int], list[Run]] = {}
    for run in runs:
        year, week, _ = run.created.isocalendar()
        strata.setdefault((run.workflow, -year, -week), []).append(run)
    queues = [iter(strata[key]) for key in sorted(strata, key=lambda key: key[1:])]
    while queues:
        firsts = [(queue, next(queue, None)) for queue in queues]
        yield from (run for _, run in firsts if run is not None)
        queues = [queue for queue, run in firsts if run is not None]


def _sample_jobs(site: Site, hub: Hub, found: Gathered) -> None:
    """Jobs, steps and earlier attempts of a stratified sample, as far as the requests go; stored batch by batch."""
    notes_left = int(hub.meter.left * NOTES_SHARE)
    wanted = list(stratified(_without_jobs(site)))
    total = len(wanted)
    with ThreadPoolExecutor(ABREAST) as pool:
        while wanted:
            batch = _affordable(wanted, hub.meter.left - notes_left)
            if not batch:
                break
            del wanted[: len(batch)]
            told, gone, refused, limited = _finished([(run, pool.submit(_attempts, hub, run)) for run in batch])
            found.says += [f"jobs of {len(refused)} runs: {refused[0]}"] if refused else []
            if gone:
                site.ledger.set_cursor(GONE, json.dumps(sorted(_gone(site) | gone)))
            unclear = [job for run in told for job in run.jobs or () if _is_unclear(job)]
            unclear = [] if limited else unclear[: min(notes_left, hub.meter.left)]
            notes_left -= len(unclear)
            noted = {(job.id, job.attempt): job for job in pool.map(hub.notes, unclear)}
            _store(site, found, [_with_notes(run, noted) for run in told])
            if limited:
                raise limited
            if len(refused) == len(batch):  # the token may not read jobs: no other run would answer differently
                break
            site.say(f"read the jobs of {total - len(wanted)} of {total} runs, {hub.meter.left} requests left")


class _Batch(NamedTuple):
    """What a batch brought: runs with jobs; ids whose jobs do not exist; refusals; the limit or failure it ran into."""

    told: list[Run]
    gone: set[int]
    refused: list[str]
    limited: RefusedError | None


def _finished(batch: Sequence[tuple[Run, Future[list[Run] | Unknown]]]) -> _Batch:
    """The results of a batch; what came before a limit is not lost."""
    told: list[Run] = []
    gone: set[int] = set()
    refused: list[str] = []
    limited = None
    for run, future in batch:
        try:
            answer = future.result()
        except RefusedError as error:
            limited = error
            continue
        if isinstance(answer, Unknown):
            gone |= {run.id} if isinstance(answer, Gone) else set()
            refused += [] if isinstance(answer, Gone) else [answer.why]
            continue
        told += answer
        gone |= set() if _known(answer[-1]) else {run.id}
    return _Batch(told, gone, refused, limited)


def _affordable(wanted: Sequence[Run], requests: int) -> list[Run]:
    """As many runs from the start as `requests` pay for, at most a batch: one each for its jobs and each earlier attempt."""
    batch: list[Run] = []
    for run in wanted[:BATCH]:
        requests -= run.attempt
        if requests < 0:
            break
        batch.append(run)
    return batch


def _attempts(hub: Hub, run: Run) -> list[Run] | Unknown:
    """Every attempt of a run with its own jobs; a success without any keeps them unknown: they are deleted, not zero."""
    jobs = hub.jobs(run)
    if isinstance(jobs, Unknown):
        return jobs
    earlier = (hub.run(run.id, number) for number in range(1, run.attempt))
    known = [one for one in earlier if isinstance(one, Run)]
    told = [rest.with_jobs(one, jobs) for one in (*known, run)]
    return [one if _known(one) else replace(one, jobs=None) for one in told]


def _is_unclear(job: Job) -> bool:
    """Whether a job ended badly without a failed step: a time limit, a lost runner, or somebody's cancellation."""
    bad = job.conclusion in ("failure", "cancelled", "timed_out") and job.started is not None
    return bad and not any(step.conclusion == "failure" for step in job.steps)


def _with_notes(run: Run, noted: dict[tuple[int, int], Job]) -> Run:
    if run.jobs is None:
        return run
    return replace(run, jobs=tuple(noted.get((job.id, job.attempt), job) for job in run.jobs))
