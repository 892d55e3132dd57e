"""
Skip jobs that a pull request's files cannot affect

A pull request that touches only documentation, or only folders that a job never enters, need not wait for that job. The
change adds a small first job that asks GitHub for the list of changed files, and an `if` on the jobs that depend on code.

Why a job and not a `paths` filter on the trigger: a required check of a workflow that a filter kept from starting waits
for ever, while a job skipped by its `if` reports success. Only pull requests are looked at: a push to the default branch,
a merge queue, a schedule run everything, and so does a pull request whose list of files cannot be read.

Priced from the files of past pull requests. No job is gated that failed in a past run in which it would have been skipped
(unless that run passed when run again). Not proposed when fewer than three runs would have been shorter, when a job behind
it asks how the others ended, or when the repository tests its documentation. Folders are told apart only where the
history shows at least 20 such runs and no workspace file ties the folders together. A matrix job is gated only if it is known
that none of its legs is a required check, because a skipped matrix job never reports its legs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.gates import DOCS, TOP_TEXTS, Gate, documentation_gate, folder_gate, gate_job
from trimtab.catalogue.reading.gates import NAME as GATE
from trimtab.catalogue.reading.needs import ancestors, asks_status, first_key, graph, job_ids, job_text
from trimtab.catalogue.reading.purpose import delivers
from trimtab.catalogue.reading.skips import base, minutes_by_job
from trimtab.model import (
    Counted,
    Design,
    EditFile,
    Finding,
    History,
    InsertKey,
    Op,
    ReplaceScalar,
    Risk,
    Run,
    Unknown,
)
from trimtab.model import Job as Execution
from trimtab.replay.outcomes import Outcome, job_outcome
from trimtab.replay.runs import drop_jobs, with_jobs
from trimtab.workflow.model import Job, Workflow
from trimtab.workflow.names import job_for

metric, risk = "runner_minutes", Risk.REVIEW
design: Design = "counted"
settings: Mapping[str, object] = {"min_skipped_runs": 3}
ranges: Mapping[str, tuple[float, float]] = {"min_skipped_runs": (1, 100_000)}

_GATE_SECONDS = 10.0  # one API call on a fresh runner; taken off every price
_FOLDER_RUNS = 20  # would-be skips without a failure before a folder is believed
_ABOUT_DOCS = re.compile(
    r"\bdocs?\b|docs|markdown|\.mdx?\b|\.rst\b|spell|typos|prose|\bvale\b|link-?check|lychee|readme|changelog|licen[sc]e"
    r"|prettier|pre-commit|website|sphinx|mkdocs|dprint|codeql|scorecard|labeler",
    re.IGNORECASE,
)
_ABOUT_THE_REQUEST = re.compile(
    r"label|approv|review|triage|stale|assign|template|title|comment|preview|size|tidy|bot\b", re.I
)
_GATED = re.compile(r"paths-filter|changed-files|changed_files|--name-only|needs\.changes\b|pulls/\S{0,200}/files")
_WORKSPACES = (
    *("Cargo.toml", "go.work", "pnpm-workspace.yaml", "nx.json", "turbo.json", "lerna.json", "rush.json", "pom.xml"),
    *("settings.gradle", "settings.gradle.kts", "WORKSPACE", "MODULE.bazel", "pyproject.toml", "CMakeLists.txt"),
)
_TESTS_DOCS = (  # what begins a line, and what tells behind it; apart, so that no line is read again for each beginning
    (re.compile(r"testpaths\s*="), re.compile(r"\bdocs?\b")),
    (re.compile(r"README\.(md|rst)\s*[\"']"), re.compile("pytest")),
)


def find(evidence: Evidence) -> Iterator[Finding]:
    tests_docs: bool | None = None
    for workflow in evidence.workflows():
        if not _may_have_gate(workflow):
            continue
        files = _files_of_runs(workflow, evidence)
        roots = _roots(workflow) if files else ()
        if not roots:
            continue
        tests_docs = _tests_its_docs(evidence) if tests_docs is None else tests_docs
        if not tests_docs:
            yield from _proposed(workflow, roots, files, evidence)


def count(before: History, after: History) -> Counted | Unknown:
    """
    The jobs that the gate skipped in pull request runs, each worth its mean runner time before, less the gate's own time

    The bounds are the cheapest and dearest quarter of each job's executions.
    """
    usual = minutes_by_job(before)
    gated = [
        run for run in after.runs if any(job.name == GATE and job.conclusion == "success" for job in run.jobs or ())
    ]
    if not usual or not gated:
        return Unknown("no job with a known length before, or no run with the gate after", "trimtab collect")
    skips = [
        usual[base(j.name)]
        for run in gated
        for j in run.jobs or ()
        if j.conclusion == "skipped" and base(j.name) in usual
    ]
    own = sum(job.seconds or 0.0 for run in gated for job in run.jobs or () if job.name == GATE) / 60
    totals = [sum(lengths[k] for lengths in skips) - own for k in range(3)]
    return Counted(
        events=len(skips),
        minutes=totals[1],
        low=totals[0],
        high=totals[2],
        says=f"{len(skips)} jobs skipped in {len(gated)} runs; the gate itself took {own:.0f} min",
    )


# -------------------------------------------------------------------- what the file allows


def _may_have_gate(workflow: Workflow) -> bool:
    pull = workflow.events.get("pull_request")
    if pull is None or pull.paths is not None or pull.paths_ignore is not None or workflow.is_callable:
        return False
    return GATE not in workflow.jobs and not _GATED.search(workflow.tree.text)


def _roots(workflow: Workflow) -> tuple[str, ...]:
    """
    The jobs to gate: without needs, working on checked-out code, and not about documentation

    Empty when a job behind one of them asks how its needs ended: a skip would change its answer.
    """
    needs = graph(workflow)
    roots = tuple(id for id, job in workflow.jobs.items() if _works_on_code(job) and not _about_docs(workflow, job))
    for id, job in workflow.jobs.items():
        behind = bool(ancestors(needs, id).intersection(roots))
        if behind and (asks_status(job) or re.search(r"\bneeds\b", job_text(workflow, id))):
            return ()
    return roots


def _works_on_code(job: Job) -> bool:
    simple = job.condition is None or not (asks_status(job) or "\n" in job.condition.strip())
    checked_out = any(step.action == "actions/checkout" for step in job.steps)
    return bool(job.runs_on) and not job.needs and simple and checked_out and any(step.run for step in job.steps)


def _about_docs(workflow: Workflow, job: Job) -> bool:
    """Whether a job may look at documentation, or is about the pull request rather than its code."""
    if _ABOUT_THE_REQUEST.search(f"{job.id} {job.name or ''}") or delivers(job):
        return True
    return bool(_ABOUT_DOCS.search(f"{job.id}\n{job_text(workflow, job.id)}"))


def _tests_its_docs(evidence: Evidence) -> bool:
    """Whether the test configuration looks into documentation, or documentation is compiled into the code."""
    for name in ("pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg", "conftest.py"):
        text = evidence.text(name)
        if isinstance(text, str) and ("doctest" in text or _names_docs(text)):
            return True
    for glob in ("src/lib.rs", "*/src/lib.rs", "crates/*/src/lib.rs"):
        paths = evidence.tracked(glob)
        for path in () if isinstance(paths, Unknown) else paths[:50]:
            text = evidence.text(path)
            if isinstance(text, str) and "include_str!" in text and ".md" in text:
                return True
    return False


def _names_docs(text: str) -> bool:
    for begins, tells in _TESTS_DOCS:
        end = 0
        for begun in begins.finditer(text):
            if begun.end() > end:
                end = text.find("\n", begun.end()) % (len(text) + 1)  # where there is none, the text's own end
                if tells.search(text, begun.end(), end):
                    return True
    return False


# -------------------------------------------------------------------- what the past says


def _files_of_runs(workflow: Workflow, evidence: Evidence) -> dict[tuple[int, int], tuple[str, ...]]:
    """The changed files of each pull request run with collected jobs, where git knows them."""
    runs = evidence.runs(workflow.path)
    found = {}
    for run in () if isinstance(runs, Unknown) else runs:
        if run.event == "pull_request" and run.sha and run.jobs:
            files = evidence.files_changed(run.sha)
            if not isinstance(files, Unknown) and files:
                found[run.key] = files
    return found


def _proposed(
    workflow: Workflow, roots: Sequence[str], files: Mapping[tuple[int, int], tuple[str, ...]], evidence: Evidence
) -> Iterator[Finding]:
    history = evidence.history(workflow.path)
    assert not isinstance(history, Unknown)
    runs = history.runs
    ids = job_ids(workflow, runs)
    roots = _without_required_legs(workflow, roots, evidence)
    lost = _Losses(workflow, runs, files, ids)
    gates = [lost.without(gate) for gate in _gates(workflow, roots, evidence)]
    gates = [g for g in gates if g.output == "code" or _believed(g, files)]
    taken = {id for g in gates if g.output != "code" for id in g.jobs}
    gates = [replace(g, jobs=tuple(id for id in g.jobs if id not in taken)) if g.output == "code" else g for g in gates]
    gates = [g for g in gates if g.jobs]
    skipping = [key for key, names in files.items() if any(g.skips(names) for g in gates)]
    minimum = evidence.setting("gate-unaffected-jobs.min_skipped_runs")
    if len(skipping) < (minimum if isinstance(minimum, int) else 3):
        return
    found = _finding(workflow, gates, skipping, files, ids)
    if found.what_if and _runner_seconds(found.what_if(history).runs) < _runner_seconds(history.runs):
        yield found


def _runner_seconds(runs: Sequence[Run]) -> float:
    return sum(run.runner_seconds or 0.0 for run in runs)


def _without_required_legs(workflow: Workflow, roots: Sequence[str], evidence: Evidence) -> tuple[str, ...]:
    """The roots whose skip would still report every required check: matrix legs of a skipped job never report."""
    required = evidence.required_checks()
    if isinstance(required, Unknown):
        return tuple(id for id in roots if workflow.jobs[id].matrix is None)
    owners = {job_for(workflow, name) for name in required}
    return tuple(id for id in roots if workflow.jobs[id].matrix is None or id not in owners)


def _gates(workflow: Workflow, roots: Sequence[str], evidence: Evidence) -> list[Gate]:
    """One gate for documentation over all roots, and one for each top folder that is all that a root works in."""
    site = evidence.tracked("docs/**/*.mdx"), evidence.tracked("docs/package.json")
    docs = TOP_TEXTS if any(isinstance(s, tuple) and s for s in site) else DOCS
    folders: dict[str, list[str]] = {}
    for id in () if _has_workspace(evidence) else roots:
        folder = _folder(workflow, id)
        if folder:
            folders.setdefault(folder, []).append(id)
    return [
        documentation_gate(tuple(roots), docs),
        *(folder_gate(folder, tuple(ids), docs) for folder, ids in folders.items()),
    ]


def _has_workspace(evidence: Evidence) -> bool:
    """Whether a file in the root says that folders are built together, so that one may depend on another."""
    package = evidence.text("package.json")
    if isinstance(package, str) and '"workspaces"' in package:
        return True
    return any(not isinstance(evidence.text(name), Unknown) for name in _WORKSPACES)


def _folder(workflow: Workflow, id: str) -> str | None:
    """The top folder that holds the working directory of every `run` step, if the job never looks outside."""
    data = workflow.tree.node(("jobs", id, "defaults", "run", "working-directory"))
    default = str(data.value) if data is not None else None
    places = {step.working_directory or default for step in workflow.jobs[id].steps if step.run}
    if None in places or "../" in job_text(workflow, id):
        return None
    tops = {(place or "").removeprefix("./").partition("/")[0] for place in places}
    top = tops.pop() if len(tops) == 1 else ""
    return top if re.fullmatch(r"[A-Za-z0-9_][\w.-]*", top) else None


class _Losses:
    """Failures that a gate would have hidden: the jobs that failed, by run, where the run did not pass when run again."""

    def __init__(
        self,
        workflow: Workflow,
        runs: Sequence[Run],
        files: Mapping[tuple[int, int], tuple[str, ...]],
        ids: Mapping[str, str],
    ) -> None:
        passed = {run.id for run in runs if run.conclusion == "success"}
        known = [run for run in runs if run.key in files and run.id not in passed]
        self._workflow = workflow
        self._failed = [
            (files[run.key], {ids.get(j.name) for j in run.jobs or () if job_outcome(j) is Outcome.CODE})
            for run in known
        ]

    def without(self, gate: Gate) -> Gate:
        """The gate without the jobs that failed, or had a failure behind them, in a run that it would have skipped."""
        failed = {id for names, ids in self._failed if ids and gate.skips(names) for id in ids}
        if None in failed:  # a failed job that cannot be told may be any of them
            return replace(gate, jobs=())
        return replace(gate, jobs=tuple(id for id in gate.jobs if not failed & _behind(self._workflow, [id])))


def _behind(workflow: Workflow, jobs: Sequence[str]) -> frozenset[str]:
    needs = graph(workflow)
    return frozenset(jobs) | {id for id in needs if ancestors(needs, id).intersection(jobs)}


def _believed(gate: Gate, files: Mapping[tuple[int, int], tuple[str, ...]]) -> bool:
    return sum(gate.skips(names) for names in files.values()) >= _FOLDER_RUNS


# -------------------------------------------------------------------- the finding, its price and its edit


def _finding(
    workflow: Workflow,
    gates: Sequence[Gate],
    skipping: Sequence[tuple[int, int]],
    files: Mapping[tuple[int, int], tuple[str, ...]],
    ids: Mapping[str, str],
) -> Finding:
    jobs = [id for g in gates for id in g.jobs]
    return Finding(
        rule="gate-unaffected-jobs",
        says=f"{len(skipping)} of {len(files)} pull request runs touched no file that {_named(jobs)} could notice",
        where=workflow.span(("jobs", jobs[0])),
        node=("jobs",),
        evidence=(
            "no job is gated that failed in such a run",
            "pushes, merge queues and schedules still run everything",
        ),
        change=EditFile(workflow.path, tuple(_ops(workflow, gates))),
        risk=risk,
        spots=tuple(workflow.span(("jobs", id)) for id in jobs[1:]),
        what_if=_what_if(workflow, gates, files, ids),
    )


def _named(jobs: Sequence[str]) -> str:
    return jobs[0] if len(jobs) == 1 else f"{jobs[0]} and {len(jobs) - 1} more"


def _what_if(
    workflow: Workflow,
    gates: Sequence[Gate],
    files: Mapping[tuple[int, int], tuple[str, ...]],
    ids: Mapping[str, str],
) -> Callable[[History], History]:
    behind = {g.output: _behind(workflow, g.jobs) for g in gates}

    def gated(run: Run) -> Run:
        if run.jobs is None or run.conclusion is None:
            return run
        gone = {id for g in gates if run.key in files and g.skips(files[run.key]) for id in behind[g.output]}
        return _with_gate(drop_jobs(run, lambda job: ids.get(job.name) in gone))

    return lambda history: replace(history, runs=tuple(map(gated, history.runs)))


def _with_gate(run: Run) -> Run:
    """The run with the gate's own job in front, and everything else as much later."""
    start, delay = run.started or run.created, timedelta(seconds=_GATE_SECONDS)
    own = Execution(-1, run.id, run.attempt, GATE, "success", start, start, start + delay)
    moved = (
        replace(job, started=job.started + delay, ended=job.ended + delay, steps=())
        if job.started and job.ended
        else job
        for job in run.jobs or ()
    )
    return with_jobs(run, (own, *moved))


def _ops(workflow: Workflow, gates: Sequence[Gate]) -> Iterator[Op]:
    first = next(iter(workflow.jobs))
    model = workflow.jobs[gates[0].jobs[0]]
    yield InsertKey(("jobs",), GATE, gate_job(workflow, gates, model), before=first)
    for gate in gates:
        wanted = f"needs.{GATE}.outputs.{gate.output} != 'false'"
        for id in gate.jobs:
            job = workflow.jobs[id]
            yield InsertKey(job.path, "needs", GATE, before=first_key(job))
            if job.condition is None:
                # `!cancelled()`: a gate that broke must not skip the job, for a skip would report success
                yield InsertKey(job.path, "if", f"${{{{ !cancelled() && {wanted} }}}}", before="runs-on")
            else:
                own = job.condition.strip().removeprefix("${{").removesuffix("}}").strip()
                yield ReplaceScalar((*job.path, "if"), f"${{{{ !cancelled() && {wanted} && ({own}) }}}}")
