"""
Let simulated time pass in the sample project: commits arrive, workflows run, GitHub's answers are written to a file

The files hold what `gh api repos/OWNER/NAME/actions/runs` would have said, with the jobs inside each run, and the loop collects
them as it would collect yours. As on GitHub, a pull request's run executes the workflow file of its merge with main, as main
stands then: once a change is on main it is live for every pull request.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from trimtab.demo import traffic, truth
from trimtab.demo.actions import Runner, Trigger, starts
from trimtab.demo.sample import SampleRepository
from trimtab.demo.traffic import Push
from trimtab.model import Job, Run, Step
from trimtab.workflow.model import Workflow
from trimtab.workflow.read import read

SLUG = "harbour/harbour"
RERUN_SHARE = 0.5  # of failed pull request runs that somebody starts again
_NIGHT = 1_000_000  # indexes of nightly triggers lie beyond those of pushes

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, order=True)
class _Rerun:
    """Somebody will press the button at this moment, unless a newer push comes first."""

    at: datetime
    key: tuple[int, int]
    workflow: Workflow = field(compare=False)
    trigger: Trigger = field(compare=False)


@dataclass(slots=True)
class Simulation:
    """The sample project between `now` and what is still to come."""

    repository: SampleRepository
    runner: Runner
    coming: list[Push]
    start: datetime
    now: datetime
    folder: Path  # where the history files go
    newest: dict[int, datetime] = field(default_factory=dict)  # pull request -> its latest push
    reruns: list[_Rerun] = field(default_factory=list)
    parsed: dict[bytes, Workflow] = field(default_factory=dict)
    head: str = ""

    @classmethod
    def create(cls, root: Path, folder: Path, seed: int, start: datetime, weeks: int) -> Simulation:
        """A new sample project whose story, of so many weeks, begins at `start` (a Monday, midnight UTC)."""
        repository = SampleRepository.create(root, start)
        folder.mkdir(parents=True, exist_ok=True)
        runner = Runner(truth.draw(seed, weeks * 7 + 1))
        coming = list(traffic.pushes(seed, start, weeks))
        return cls(repository, runner, coming, start, start, folder, head=repository.head())

    def advance(self, until: datetime) -> Path:
        """Let time pass; returns the file with every run that began or ended meanwhile. Main is pulled at the end."""
        arriving = [push for push in self.coming if push.at < until]
        self.coming = self.coming[len(arriving) :]
        files = self.repository.workflow_files()
        self.head = self.repository.head()
        shas = self.repository.push_all(arriving)
        events: list[tuple[datetime, Push | None, str]] = [
            (push.at, push, sha) for push, sha in zip(arriving, shas, strict=True)
        ]
        events += [(at, None, "") for at in self._nights(files, until)]
        for at, push, sha in sorted(events, key=lambda event: event[0]):
            self._start_again(at)
            self._happens(at, push, sha, files)
        self._start_again(until)
        self.now = until
        self.repository.pull()
        return self._written()

    # ------------------------------------------------------------------------------------ what happens

    def _happens(self, at: datetime, push: Push | None, sha: str, main: Files) -> None:
        if push is None:
            day = (at - self.start).days
            trigger = Trigger(_NIGHT + day, at, day, "schedule", "main", self.head, traffic.PEOPLE[0])
            self._run(trigger, main)
            return
        if push.event == "push" and not push.tag:
            self.head = sha
        pull = push.pull_request if push.event == "pull_request" else None
        if pull is not None:
            self.newest[pull] = push.at
        day = (at - self.start).days
        self._run(Trigger(push.index, at, day, push.event, push.branch, sha, push.actor, pull, push.tag), main)

    def _run(self, trigger: Trigger, files: Files) -> None:
        for path, data in files.items():
            workflow = self._workflow(path, data)
            if starts(workflow, trigger):
                run = self.runner.start(workflow, trigger)
                self._perhaps_again(run, workflow, trigger)

    def _perhaps_again(self, run: Run, workflow: Workflow, trigger: Trigger) -> None:
        rng = self.runner.truth.rng(trigger.index, "again", workflow.path)
        if run.conclusion == "failure" and run.event == "pull_request" and run.ended and rng.random() < RERUN_SHARE:
            at = (run.ended + timedelta(minutes=float(rng.lognormal(2.5, 0.5)))).replace(microsecond=0)
            heapq.heappush(self.reruns, _Rerun(at, run.key, workflow, trigger))

    def _start_again(self, until: datetime) -> None:
        while self.reruns and self.reruns[0].at <= until:
            due = heapq.heappop(self.reruns)
            first = self.runner.runs[due.key]
            newest = self.newest.get(first.pull_request or 0)
            if first.conclusion == "failure" and (newest is None or newest <= first.created):
                self.runner.again(due.workflow, due.trigger, first, due.at)

    def _nights(self, files: Files, until: datetime) -> Iterator[datetime]:
        """The moments of every cron line between now and `until`; each line is "MINUTE HOUR * * DAY-DAY"."""
        crons = [
            cron
            for path, data in files.items()
            for event in self._workflow(path, data).events.values()
            for cron in event.crons
        ]
        for cron in crons:
            minute, hour, _, _, days = cron.split()
            first, _, last = days.replace("*", "0-6").partition("-")
            day = self.now.replace(hour=int(hour), minute=int(minute), second=0)
            while day < until:
                if day >= self.now and int(first) <= day.isoweekday() % 7 <= int(last or first):
                    yield day
                day += timedelta(days=1)

    def _workflow(self, path: str, data: bytes) -> Workflow:
        key = path.encode() + b"\0" + data
        if key not in self.parsed:
            self.parsed[key] = read(path, data)
        return self.parsed[key]

    # ------------------------------------------------------------------------------------ what GitHub would say

    def _written(self) -> Path:
        runner = self.runner
        told = sorted((runner.runs[key] for key in runner.changed), key=lambda run: run.key)
        runner.changed = {run.key for run in told if run.ended is None or run.ended > self.now}
        path = self.folder / f"runs-until-{self.now:%Y-%m-%d}.json"
        page = {"total_count": len(told), "workflow_runs": [_run_record(run, self.now) for run in told]}
        path.write_text(json.dumps(page), encoding="utf-8")
        return path


def _run_record(run: Run, now: datetime) -> dict[str, object]:
    """A run as GitHub's REST interface tells it at `now`; one that has not ended has no conclusion and no jobs yet."""
    done = run.ended is not None and run.ended <= now
    pulls = [{"number": run.pull_request}] if run.pull_request else []
    record: dict[str, object] = {
        "id": run.id,
        "run_attempt": run.attempt,
        "run_number": run.number,
        "path": run.workflow,
        "event": run.event,
        "status": "completed" if done else "in_progress",
        "conclusion": run.conclusion if done else None,
        "head_branch": run.branch,
        "head_sha": run.sha,
        "pull_requests": pulls,
        "actor": {"login": run.actor},
        "created_at": _time(run.created),
        "run_started_at": _time(run.started),
        "updated_at": _time(run.ended if done else now),
        "repository": {"full_name": SLUG},
        "head_repository": {"full_name": SLUG},
    }
    return record | ({"jobs": [_job_record(job) for job in run.jobs or ()]} if done else {})


def _job_record(job: Job) -> dict[str, object]:
    return {
        "id": job.id,
        "run_id": job.run_id,
        "run_attempt": job.attempt,
        "name": job.name,
        "status": "completed",
        "conclusion": job.conclusion,
        "created_at": _time(job.created),
        "started_at": _time(job.started),
        "completed_at": _time(job.ended),
        "labels": list(job.labels),
        "runner_name": job.runner,
        "steps": [_step_record(step) for step in job.steps],
        "annotations": [{"message": note} for note in job.notes],
    }


def _step_record(step: Step) -> dict[str, object]:
    return {
        "number": step.number,
        "name": step.name,
        "status": "completed",
        "conclusion": step.conclusion,
        "started_at": _time(step.started),
        "completed_at": _time(step.ended),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")
