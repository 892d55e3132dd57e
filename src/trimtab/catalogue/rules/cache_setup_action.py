"""
Let a setup action keep the package manager's downloads between runs

`actions/setup-node`, `setup-python` and `setup-java` have a cache built in; it is off until `cache:` names the package
manager. What is kept are downloads (`~/.npm`, pip's wheels, `~/.m2`), keyed by the lock file, so that a stale cache costs
time and never changes what is installed.

Fires only where the action would really work: with the lock file tracked in the folder in which the job installs
(another folder than the root is written as `cache-dependency-path`), the checkout before the setup, an install step that
always runs (the action fails a job whose cache folder was never made), the package manager there before the setup (pnpm,
Yarn behind corepack), and an action version whose cache works: older ones than setup-node 3.9 or 4.2, setup-python 4.9 or 5.4,
setup-java 3.14 or 4.7 ask a service that GitHub shut down in 2025. The versions must be pinned (a lock file, or
requirements with `==`) and all that the job installs must come from there; a range of versions under an unchanged key would
soon be downloaded again. Jobs that share an entry must install the same, else the first to end would fill it for all.

Does not fire where a cache is there already (an actions/cache of the same files, setup-node 5 and later with a `packageManager`,
setup-go 4 and later, setup-uv, setup-gradle) or was switched off in words; in files with a comment about caches: somebody
has thought of it; for a handful of packages; in steps shared by YAML aliases; on self-hosted or unknown runners,
whose disk keeps the downloads anyway so that the cache is a loss; in containers; in workflows that publish, or run for tags
or release branches, because a cache filled elsewhere should not reach a release; in `pull_request_target` and
`workflow_run`, where code of strangers could fill it; and in jobs that do not run on pushes to the default branch: only
there an entry is saved that every pull request can read.

What a warm cache saves is known only after it ran; the price takes `saving` (a share of the install step's time, 0.3 unless
trimtab.toml says otherwise) and says so. Judged before and after.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.conditions import likely_default, never_runs, push_to, takes
from trimtab.catalogue.reading.downloads import ACTIONS, Downloads, downloads, wanted, works
from trimtab.catalogue.reading.installs import found, only_installs
from trimtab.catalogue.reading.limits import label_sets
from trimtab.catalogue.reading.purpose import (
    action_version,
    delivers,
    holds_write_token,
    is_for_delivery,
    is_generated,
    source,
)
from trimtab.model import NOT_PRICED, Data, Design, EditFile, Finding, History, InsertKey, Risk, Run, Unknown, WhatIf
from trimtab.model import Job as Execution
from trimtab.replay.runs import change_runs, with_jobs
from trimtab.workflow.model import Job, Step, Workflow

metric = "runner_minutes"
risk = Risk.SAFE
design: Design = "before_after"
settings: Mapping[str, object] = {"saving": 0.3}
ranges: Mapping[str, tuple[float, float]] = {"saving": (0, 1)}

_STRANGERS = ("pull_request_target", "workflow_run", "issue_comment")
_SPOKEN = re.compile(r"\b(?:cach|evict)", re.IGNORECASE)
_GUARDED = re.compile(r"\bcache:\s*[\"']?false|max-?_?size", re.IGNORECASE)
_ELSEWHERE = re.compile(
    r"npm_config_(?:cache|store|prefix)|pip_(?:cache|config|no_cache)|yarn_\w{0,20}(?:cache|global)|pnpm_(?:\w{0,20}store|home)"
    r"|xdg_(?:cache|data)_home|gradle_user_home|maven\.repo\.local|\bconfig\s+set\b[^\n]{0,80}(?:cache|store|prefix)"
    r"|no[-_]cache|^home$",
    re.IGNORECASE | re.MULTILINE,
)


def find(evidence: Evidence) -> Iterator[Finding]:
    files = [workflow for workflow in evidence.workflows() if "actions/setup-" in workflow.tree.text]
    possible = [(workflow, tuple(_caches(workflow, evidence))) for workflow in files if not is_generated(workflow)]
    new = [cache for _, caches in possible for cache in caches]
    filled = _filled(files, new) if new else {}
    for workflow, caches in possible:
        kept = [cache for cache in caches if len(filled[cache.shared]) == 1]
        if kept:
            yield _finding(workflow, kept, evidence)


def _caches(workflow: Workflow, evidence: Evidence) -> Iterator[Downloads]:
    saves = _saves_for_all(workflow, evidence)
    if saves is None or _is_guarded(workflow.tree.text):
        return
    for job in workflow.jobs.values():
        cache = _cache(workflow, job, evidence) if saves(job) else None
        if cache is not None:
            yield cache


def _is_guarded(text: str) -> bool:
    """Whether somebody has thought of caches here: one that is off, a limit for its size, or a comment."""
    comments = (line.partition("#")[2] for line in text.splitlines())
    return _GUARDED.search(text) is not None or any(_SPOKEN.search(comment) for comment in comments)


def _filled(files: list[Workflow], new: list[Downloads]) -> Mapping[tuple[str, str], set[frozenset[tuple[str, ...]]]]:
    """
    By entry (tool, lock file), the different things that jobs with it install, new ones and those that have it already

    The first job to end fills the entry, and nobody adds to it: jobs that want different things would starve each other.
    """
    filled: defaultdict[tuple[str, str], set[frozenset[tuple[str, ...]]]] = defaultdict(set)
    for cache in new:
        filled[cache.shared].add(cache.wanted)
    for workflow in files:
        for job in workflow.jobs.values():
            cached = [step.inputs for step in job.steps if step.action in ACTIONS and step.inputs.get("cache")]
            installs = found(workflow, job) if cached else ()
            for inputs in cached:
                tool, named = inputs["cache"], inputs.get("cache-dependency-path", "").split()
                mine = wanted(tuple(one for one in installs if one.tool == tool))
                for shared in [key for key in filled if key[0] == tool and named in ([], key[1].split(", "))]:
                    filled[shared].add(mine)
    return filled


def _saves_for_all(workflow: Workflow, evidence: Evidence) -> Callable[[Job], bool] | None:
    """
    Tells of a job whether it runs on the default branch, where alone an entry is saved for everybody; None for no job

    GitHub lets a pull request read what its base and the default branch saved, never what another pull request did.
    """
    if is_for_delivery(workflow) or any(name in workflow.events for name in _STRANGERS):
        return None
    push, default = workflow.events.get("push"), evidence.default_branch()
    if push is not None and (push.tags is not None or any("release" in name for name in push.branches or ())):
        return None
    if any(delivers(job) is not None for job in workflow.jobs.values()):
        return None
    branch = default if isinstance(default, str) else likely_default(push) if push and push.branches else "main"
    if push is None or branch is None or not takes(push, branch):
        return None
    situation = push_to(branch)
    return lambda job: not never_runs(job.condition, situation)


def _cache(workflow: Workflow, job: Job, evidence: Evidence) -> Downloads | None:
    setups = [step for step in job.steps if step.action in ACTIONS]
    if len(setups) != 1 or job.container is not None or job.environment is not None:
        return None
    step = setups[0]
    if workflow.tree.has_anchor_or_alias_around(step.path) or not _is_plain(workflow, step):
        return None
    if not _checked_out(job, step) or _has_cache(workflow, job):
        return None
    if delivers(job) is not None or holds_write_token(workflow, job) or not _hosted(workflow, job, evidence):
        return None
    after = tuple(one for one in found(workflow, job) if one.step.index > step.index)
    return downloads(workflow, job, step, after, evidence)


def _is_plain(workflow: Workflow, step: Step) -> bool:
    """An action version whose cache works, nothing said about caching yet, nothing that publishes, no condition."""
    is_commit = re.fullmatch(r"[0-9a-f]{40}", step.ref or "") is not None
    told = {"cache", "package-manager-cache", "cache-dependency-path", "registry-url", "server-id", "gpg-private-key"}
    return (
        works(step.action or "", action_version(workflow, step), is_commit=is_commit)
        and step.condition is None
        and not told.intersection(step.inputs)
    )


def _checked_out(job: Job, setup: Step) -> bool:
    """Whether this repository, whole and at its usual place, is there before the setup step."""
    checkouts = [step for step in job.steps if step.action == "actions/checkout"]
    if len(checkouts) != 1 or checkouts[0].index > setup.index or checkouts[0].condition is not None:
        return False
    inputs = checkouts[0].inputs
    ref = inputs.get("ref", "")
    return not {"path", "repository", "sparse-checkout"}.intersection(inputs) and (not ref or "github." in ref)


def _has_cache(workflow: Workflow, job: Job) -> bool:
    """A cache of the job's own (two caches of the same files cost twice), or downloads that are kept elsewhere or not at all."""
    names = (*workflow.env, *job.env, *(name for step in job.steps for name in step.env))
    if _ELSEWHERE.search("\n".join((*names, source(workflow, job)))):
        return True
    return any("cache" in (step.action or "") or "setup-gradle" in (step.action or "") for step in job.steps)


def _hosted(workflow: Workflow, job: Job, evidence: Evidence) -> bool:
    return all(evidence.runner_class(labels) == "hosted" for labels in label_sets(workflow, job))


# ------------------------------------------------------------------------------------ the finding and its price


def _finding(workflow: Workflow, caches: list[Downloads], evidence: Evidence) -> Finding:
    ops = [op for cache in caches for op in _ops(workflow, cache)]
    first = caches[0]
    setting = evidence.setting("cache-setup-action.saving")
    saving = float(setting) if isinstance(setting, int | float) else 0.3
    installing = {one.step.path: one.step for cache in caches for one in cache.installs}
    steps = {_api_name(step) for step in installing.values() if only_installs(step)}
    assumed = f"the price assumes that a warm cache saves {saving:.0%} of the install step"
    return Finding(
        rule="cache-setup-action",
        says=f"{first.step.action} downloads {first.tool} packages anew in every run",
        where=workflow.span((*first.step.path, "uses")),
        node=("jobs",),
        evidence=(
            *(f"{cache.step.action} with {cache.tool}, keyed by {cache.lock}" for cache in caches),
            *([assumed] if steps else []),
        ),
        predicts=NOT_PRICED
        if steps
        else Unknown("downloads and other work share a step, so a cache's part cannot be told"),
        change=EditFile(workflow.path, tuple(ops)),
        risk=risk,
        spots=tuple(workflow.span((*cache.step.path, "uses")) for cache in caches[1:]),
        what_if=shorter_steps(workflow.path, frozenset(steps), saving) if steps else None,
    )


def _api_name(step: Step) -> str:
    """How the API calls a `run` step: its name, else "Run" and the first line of the script."""
    return step.name or "Run " + (step.run or "").strip().partition("\n")[0]


def _ops(workflow: Workflow, cache: Downloads) -> Iterator[InsertKey]:
    if workflow.tree.node((*cache.step.path, "with")) is None:
        values: dict[str, Data] = dict(cache.inputs)
        yield InsertKey(cache.step.path, "with", values, after="uses")
        return
    for key, value in cache.inputs:
        yield InsertKey((*cache.step.path, "with"), key, value)


def shorter_steps(workflow: str, names: frozenset[str], saving: float) -> WhatIf:
    """The history in which successful steps of these names took `saving` (a share) less time, and their jobs ended sooner."""

    def change(run: Run) -> Run:
        if run.workflow != workflow or not run.jobs:
            return run
        jobs = [_shorter(job, names, saving) for job in run.jobs]
        return with_jobs(run, jobs) if jobs != list(run.jobs) else run

    def what_if(history: History) -> History:
        return change_runs(history, change)

    return what_if


def _shorter(job: Execution, names: frozenset[str], saving: float) -> Execution:
    took = sum(step.seconds or 0.0 for step in job.steps if step.name in names and step.conclusion == "success")
    if not took or job.ended is None:
        return job
    return replace(job, ended=job.ended - timedelta(seconds=took * saving))
