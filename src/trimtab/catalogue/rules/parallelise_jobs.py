"""
Start jobs at once that wait for another job without using anything of it

A `needs` entry is worth its time when the job reads the other's outputs, takes its artifacts or caches, or must not start
unless it succeeded. An entry that only orders makes everybody wait. The prediction shows both sides: feedback comes earlier,
and runner minutes are spent where the first job fails and the second would not have started.

Not proposed: where the second job deploys, publishes or reports; where the first one writes anything outside its runner
(artifacts, caches, registries, tags), decides whether the rest runs, or prepares it; on self-hosted runners, which may
hand over files on disk; where `if` makes a skip of the first job a skip of the second; where the history shows that the first
job fails so often that waiting spares more than it delays. Without history an entry behind a linter or another quick check
is taken for a deliberate early failure and left alone.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.needs import (
    Usual,
    ancestors,
    asks_status,
    graph,
    job_ids,
    job_text,
    mentions,
    unmatched,
    usual,
    waiting,
)
from trimtab.catalogue.reading.purpose import delivers, holds_write_token
from trimtab.model import NOT_PRICED, Design, EditFile, Finding, History, Op, RemovePair, Risk, Run, Unknown
from trimtab.replay.runs import change_runs, reschedule
from trimtab.workflow.expressions import without_expressions
from trimtab.workflow.model import Job, Workflow

metric, risk = "feedback_seconds", Risk.REVIEW
design: Design = "before_after"
settings: Mapping[str, object] = {}

_SAMPLE = 200
_MAX_ENTRIES = 2000  # entries of `needs` in a file; with more of them nobody can review what would change
_ROUNDS = 10  # of entries that come to do nothing but order once others are gone
_WORTH_SECONDS = 15.0  # what comes this little sooner is not worth anybody's review
_OTHER_DUTIES = ("pull_request_target", "workflow_run", "issue_comment")  # a first job often asks who may go on
_SETS_UP = re.compile(r"checkout|/setup-")
_FRESH = re.compile(
    r"((depot|blacksmith|buildjet|warp|nscloud|ubicloud)-[\w-]*)?(ubuntu|macos|windows)-[\w.-]+", re.IGNORECASE
)
_FREE_OF_CARE = re.compile(r"codecov/\S+|coverallsapp/\S+|persist-credentials")
_WRITES = re.compile(
    r"upload|docker\s+push|--push|\bpush\s*true|registry|ghcr\.io|\becr\b|\bs3\b|gsutil|azcopy|rsync|\bscp\b"
    r"|git\s+(push|tag|commit)|\bgh\s+(release|pr|workflow|api)|terraform|kubectl|\bhelm\b|pulumi|migrat|deploy|publish"
    r"|release|cachix|provision|cache-to|type=gha|docker/(login|build-push)-action|GITHUB_OUTPUT|set-output",
    re.IGNORECASE,
)
_USES_OTHERS_WORK = re.compile(r"download|docker\s+pull|\bgh\s+run\b|\bnotify|slack", re.IGNORECASE)
_ACTS = re.compile(
    r"deploy|publish|promote|rollout|\bship\b|(?<!-)\brelease[-/: ]|\bpages\b|docker\s+push|git\s+push|git-auto-commit"
    r"|create-pull-request|semantic-release|goreleaser|changesets|\bsign(s|ed|ing)?\b|attest|notari[sz]e|submit|twine|npm\s+publish|id-token|packages\s+write"
    r"|contents\s+write",
    re.IGNORECASE,
)
_PREPARES = re.compile(
    r"gate|guard|authori[sz]|approv|permission|chang(es|ed)|filter|skip|should|pre-?(check|job|flight|pare|req)|prep\b|set-?up|init"
    r"|matrix|plan|determine|detect|decide|meta|version|install|warm|cache|deps|dependenc|bootstrap|clean|start|stop|create"
    r"|generate|vendor|config|fetch|download",
    re.IGNORECASE,
)
_COLLECTS = re.compile(
    r"clean|tear-?down|stop|finali[sz]e|summary|all|ok|done|complete|required|conclusion|status|success|result|report|post"
    r"|collect|merge|combine|coverage|benchmark|gate|finish|\bend\b|pass",
    re.IGNORECASE,
)
_QUICK_CHECK = re.compile(
    r"lint|syntax|format|fmt|style|check|pre-?commit|typ(e|ing|o)|static|clippy|mypy|quick|fast|smoke|sanity|unit|basic|minimal|hygiene"
    r"|verify|valid|audit|quality|ruff|black|flake|eslint|tidy|conventional|analy[sz]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Edge:
    """`child` needs `parent`, which is entry `index` of its `needs`."""

    child: str
    parent: str
    index: int


def find(evidence: Evidence) -> Iterator[Finding]:
    for workflow in evidence.workflows():
        if not _tests_code(workflow):
            continue
        entries = list(_edges(workflow))
        if not 0 < len(entries) <= _MAX_ENTRIES:
            continue
        yield from _finding(workflow, entries, evidence)


def _tests_code(workflow: Workflow) -> bool:
    if any(name in workflow.events for name in _OTHER_DUTIES):
        return False
    return workflow.runs_on("pull_request") or workflow.runs_on("push")


def _edges(workflow: Workflow) -> Iterator[Edge]:
    for job in workflow.jobs.values():
        for index, parent in enumerate(job.needs):
            if parent in workflow.jobs and parent != job.id:
                yield Edge(job.id, parent, index)


# -------------------------------------------------------------------- what the file says


class _Jobs:
    """What is asked of the jobs of one workflow: each answer is found once, however many entries name the job."""

    def __init__(self, workflow: Workflow, evidence: Evidence) -> None:
        jobs = workflow.jobs
        self.bit = {id: 1 << n for n, id in enumerate(jobs)}  # sets of jobs are numbers: quick to unite
        self.needs: Mapping[str, tuple[str, ...]] = graph(workflow)
        self.with_before: Mapping[str, int] = {}
        self.take_away(())
        self.mentions = cache(lambda id: mentions(job_text(workflow, id)))
        self.takes_nothing = cache(lambda id: _takes_nothing(workflow, jobs[id], evidence))
        self.leaves_nothing = cache(lambda id: _leaves_nothing(workflow, jobs[id], evidence))
        self.cache_keys = cache(lambda id, name: _cache_keys(workflow, jobs[id], evidence, name))
        self.unlike = cache(lambda id: self._unlike(workflow, jobs[id].condition or ""))

    def take_away(self, edges: Sequence[Edge]) -> None:
        """Go on as if these entries were not there."""
        gone = {(edge.child, edge.parent) for edge in edges}
        self.needs = {id: tuple(need for need in needs if (id, need) not in gone) for id, needs in self.needs.items()}
        before = {id: sum(self.bit[other] for other in ancestors(self.needs, id)) for id in self.bit}
        self.with_before = {id: before[id] | bit for id, bit in self.bit.items()}

    def _unlike(self, workflow: Workflow, own: str) -> int:
        """The jobs whose condition may fail where `own` holds."""
        return sum(self.bit[id] for id, job in workflow.jobs.items() if not _implied(job.condition, own))


def _chosen(workflow: Workflow, entries: Sequence[Edge], times: Mapping[str, Usual], jobs: _Jobs) -> dict[Edge, str]:
    """
    The entries that should go, with the reason in words, in the order of the file

    Without one of them another may come to do nothing but order, so it is asked until nothing more is found: the rule has
    nothing left to say of what it has edited. None at all where that does not come to an end soon.
    """
    chosen: dict[Edge, str] = {}
    for _ in range(_ROUNDS):
        left = [edge for edge in entries if edge not in chosen and _only_orders(workflow, edge, jobs)]
        more = {edge: told for edge in left if (told := _worth(workflow, edge, times)) is not None}
        if not more:
            return {edge: chosen[edge] for edge in entries if edge in chosen}
        chosen |= more
        jobs.take_away(tuple(more))
    return {}


def _only_orders(workflow: Workflow, edge: Edge, jobs: _Jobs) -> bool:
    child, parent = workflow.jobs[edge.child], workflow.jobs[edge.parent]
    if asks_status(child) or not jobs.mentions(child.id).isdisjoint(("", parent.id)) or parent.outputs:
        return False
    if _PREPARES.search(_names(parent)) or _COLLECTS.search(_names(child)) or _ACTS.search(_names(parent)):
        return False
    others = 0
    for other in jobs.needs[edge.child]:
        others |= jobs.with_before[other] if other != edge.parent else 0
    if others & jobs.bit[edge.parent]:  # it waits through another entry too: taking this one away changes nothing
        return False
    if jobs.with_before[edge.parent] & ~others & jobs.unlike(child.id):  # what now skips the child no longer would
        return False
    return not _share_a_cache(child, parent, jobs) and jobs.takes_nothing(child.id) and jobs.leaves_nothing(parent.id)


def _takes_nothing(workflow: Workflow, child: Job, evidence: Evidence) -> bool:
    """Whether a job neither fetches another's work nor acts on the world, as far as its text and what it calls tell."""
    bodies = _bodies(workflow, child, evidence)
    for at, job in bodies:
        text = _full_text(at, job, evidence)
        if text is None or not _works_in_the_open(job) or not _on_fresh_runner(job, evidence):
            return False
        if delivers(job) or holds_write_token(at, job) or _ACTS.search(text) or _USES_OTHERS_WORK.search(text):
            return False
    return bool(bodies)


def _leaves_nothing(workflow: Workflow, parent: Job, evidence: Evidence) -> bool:
    """Whether a job writes nothing outside its own runner, as far as its text and what it calls tell."""
    bodies = _bodies(workflow, parent, evidence)
    for at, job in bodies:
        text = _full_text(at, job, evidence)
        if text is None or not _works_in_the_open(job) or not _on_fresh_runner(job, evidence):
            return False
        if delivers(job) or _WRITES.search(text):
            return False
    return bool(bodies)


def _share_a_cache(child: Job, parent: Job, jobs: _Jobs) -> bool:
    """Whether the child may start from a cache entry that the parent saved: by its key, or by the start of it."""
    saved = sorted(jobs.cache_keys(parent.id, "key"))
    for start in jobs.cache_keys(child.id, "key") | jobs.cache_keys(child.id, "restore-keys"):
        at = bisect_left(saved, start)  # where in their order a key that begins so would be the first
        if at < len(saved) and saved[at].startswith(start):
            return True
    return False


def _cache_keys(workflow: Workflow, job: Job, evidence: Evidence, name: str) -> set[str]:
    """The lines under `key` or `restore-keys` of a job's cache steps; "" (the start of all) where an action hides them."""
    found: set[str] = set()
    for at, inner in _bodies(workflow, job, evidence):
        steps = [step for step in inner.steps if (step.action or "").startswith("actions/cache")]
        found |= {line.strip() for step in steps for line in step.inputs.get(name, "").splitlines() if line.strip()}
        text = _full_text(at, inner, evidence) or ""
        if text.count("actions/cache") > len(steps):
            found.add("")
    return found


def _bodies(workflow: Workflow, job: Job, evidence: Evidence) -> list[tuple[Workflow, Job]]:
    """The job, or the jobs of the workflow of this repository that it calls; empty when that cannot be read."""
    if job.uses is None:
        return [(workflow, job)]
    called = next((w for w in evidence.workflows() if job.uses == f"./{w.path}"), None)
    return [(called, inner) for inner in called.jobs.values()] if called else []


def _works_in_the_open(job: Job) -> bool:
    """A job that works on checked-out code, which nothing else may be doing at the same time: no environment, no lock."""
    if (
        job.uses is not None
        or job.environment is not None
        or job.concurrency is not None
        or job.max_parallel is not None
    ):
        return False
    return any(_SETS_UP.search(step.uses or "") for step in job.steps) and len(job.steps) > 1


def _full_text(workflow: Workflow, job: Job, evidence: Evidence) -> str | None:
    """The words of a job and of the local actions it uses; None when one cannot be read whose name does not explain it."""
    parts = [job_text(workflow, job.id)]
    for folder in {step.uses for step in job.steps if step.uses and step.uses.startswith("./")}:
        texts = (evidence.text(f"{folder[2:].rstrip('/')}/{name}") for name in ("action.yml", "action.yaml"))
        text = next((t for t in texts if isinstance(t, str)), None)
        if text is not None and "uses: ./" not in text:
            parts.append(text)
        elif not re.search(r"set-?up|install", folder):
            return None
    return _FREE_OF_CARE.sub("", "\n".join(parts))


def _names(job: Job) -> str:
    """Id and name without expressions: `matrix.version` says nothing of the job's purpose."""
    return f"{job.id} {without_expressions(job.name or '')}"


def _on_fresh_runner(job: Job, evidence: Evidence) -> bool:
    """Whether every runner that may take the job starts empty, so that nothing is handed over on its disk."""
    if evidence.runner_class(job.runs_on) in ("hosted", "slim"):
        return True
    labels = _labels(job)
    return bool(labels) and all(_FRESH.match(label) for label in labels)


def _labels(job: Job) -> list[str]:
    """What `runs-on` can come to: its text, the values of a matrix axis, or the runners that an expression names."""
    written = job.runs_on[0] if len(job.runs_on) == 1 else ""
    axis = re.fullmatch(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}", written)
    if axis and job.matrix is not None:
        rows = (row[axis[1]] for row in job.matrix.include if axis[1] in row)
        return [*job.matrix.axes.get(axis[1], ()), *rows]
    if written.startswith("${{"):
        return [label for label in re.findall(r"'([^']+)'", written) if re.search("ubuntu|windows|macos|linux", label)]
    return [written] if written else []


def _implied(condition: str | None, own: str) -> bool:
    """Whether a job with the condition `own` is skipped anyway when `condition` fails: it is one of its conjuncts."""
    bare = [text.strip().removeprefix("${{").removesuffix("}}").strip() for text in (condition or "", own)]
    return not bare[0] or bare[0] == bare[1] or ("||" not in bare[1] and bare[0] in map(str.strip, bare[1].split("&&")))


# -------------------------------------------------------------------- what the history says


def _finding(workflow: Workflow, entries: Sequence[Edge], evidence: Evidence) -> Iterator[Finding]:
    runs = evidence.runs(workflow.path)
    known: Sequence[Run] = () if isinstance(runs, Unknown) else runs
    ids = job_ids(workflow, known)
    times = usual(known, ids)
    chosen = _chosen(workflow, entries, times, _Jobs(workflow, evidence))
    if not chosen:
        return
    edges = list(chosen)
    what_if, unpriced = _what_if(workflow, edges, ids, times), unmatched(known, ids)
    if times and not unpriced and _seconds_saved(known, what_if) < _WORTH_SECONDS:
        return
    first = edges[0]
    yield Finding(
        rule="parallelise-jobs",
        says=_says(edges),
        where=workflow.span(("jobs", first.child, "needs")),
        node=("jobs", first.child, "needs"),
        evidence=tuple(chosen.values()),
        change=EditFile(workflow.path, tuple(_ops(workflow, edges))),
        risk=risk,
        spots=tuple(workflow.span(("jobs", edge.child, "needs")) for edge in edges[1:]),
        predicts=unpriced or NOT_PRICED,
        what_if=None if unpriced else what_if,
    )


def _worth(workflow: Workflow, edge: Edge, times: Mapping[str, Usual]) -> str | None:
    """Why the entry should go, in words; None when it should stay."""
    child, parent = times.get(edge.child), times.get(edge.parent)
    if child is None or parent is None:
        if _QUICK_CHECK.search(_names(workflow.jobs[edge.parent])):
            return None
        return f"{edge.child} reads nothing of {edge.parent}"
    both = waiting(parent, child)
    if not both.costs:
        return None
    return (
        f"{edge.child} waits {both.wait / 60:.1f} min for {edge.parent}; that spares {both.spared / 60:.1f} runner minutes "
        f"a run, because {edge.parent} failed in {parent.failed} of {parent.runs} runs"
    )


def _seconds_saved(runs: Sequence[Run], what_if: Callable[[History], History]) -> float:
    """How much sooner, on average, one of the latest runs that succeeded would have ended."""
    latest = tuple(run for run in runs if run.conclusion == "success")[-_SAMPLE:]
    if not latest:
        return 0.0
    then = what_if(History(latest, latest[0].created, latest[-1].created)).runs
    saved = ((was.seconds or 0.0) - (would.seconds or 0.0) for was, would in zip(latest, then, strict=True))
    return sum(saved) / len(latest)


def _says(edges: Sequence[Edge]) -> str:
    if len(edges) == 1:
        return f"{edges[0].child} waits for {edges[0].parent} but uses nothing of it"
    return f"{len(edges)} times a job waits for another but uses nothing of it"


def _what_if(
    workflow: Workflow, edges: Sequence[Edge], ids: Mapping[str, str], times: Mapping[str, Usual]
) -> Callable[[History], History]:
    before = graph(workflow)
    gone = {(edge.child, edge.parent) for edge in edges}
    after = {id: tuple(n for n in needs if (id, n) not in gone) for id, needs in before.items()}
    typical = {id: one.wall for id, one in times.items()}
    return lambda history: change_runs(history, lambda run: reschedule(run, after, ids, before=before, typical=typical))


def _ops(workflow: Workflow, edges: Sequence[Edge]) -> Iterator[Op]:
    for child in dict.fromkeys(edge.child for edge in edges):
        own = [edge for edge in edges if edge.child == child]
        path = (*workflow.jobs[child].path, "needs")
        if len(own) == len(workflow.jobs[child].needs):
            yield RemovePair(path)
        else:
            yield from (RemovePair((*path, edge.index)) for edge in own)
