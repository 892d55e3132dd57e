"""
Let a setup action keep the package manager's downloads between runs

`actions/setup-node`, `setup-python` and `setup-java` have a cache built in; it is off until `cache:` names the package
manager. What is kept are downloads (`~/.npm`, pip's wheels, `~/.m2`), keyed by the lock file, so that a stale cache costs
time and never changes what is installed.

Fires only where the action would really work: with the lock file tracked in the folder in which the job installs
(another folder than the root is written as `cache-dependency-path`), the checkout before the setup, an install step that
always runs (the action fails a job whose cache folder was never made), the package manager there before the setup (pnpm,
poetry, Yarn behind corepack), and an action version that knows the input.

Does not fire where a cache is there already (an actions/cache of the same files, setup-node 5 and later with a `packageManager`,
setup-go 4 and later, setup-uv, setup-gradle) or was switched off in words; on self-hosted or unknown runners,
whose disk keeps the downloads anyway so that the cache is a loss; in containers; in workflows that publish, or run for tags
or release branches, because a cache filled elsewhere should not reach a release; in `pull_request_target` and
`workflow_run`, where code of strangers could fill it; and in jobs that do not run on pushes to the default branch: only
there an entry is saved that every pull request can read.

What a warm cache saves is known only after it ran; the price takes `saving` (a share of the install step's time, 0.3 unless
trimtab.toml says otherwise) and says so. Judged before and after.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from posixpath import normpath

from trimtab.catalogue.conditions import likely_default, never_runs, push_to, takes
from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.installs import Install, found, only_installs, tools_mentioned
from trimtab.catalogue.limits import label_sets
from trimtab.catalogue.purpose import action_major, delivers, holds_write_token, is_for_delivery, own_files, source
from trimtab.model import NOT_PRICED, Data, Design, EditFile, Finding, History, InsertKey, Risk, Run, Unknown, WhatIf
from trimtab.model import Job as Execution
from trimtab.replay.runs import change_runs, with_jobs
from trimtab.workflow.model import Job, Step, Workflow

metric = "runner_minutes"
risk = Risk.SAFE
design: Design = "before_after"
settings: Mapping[str, object] = {"saving": 0.3}

_ACTIONS = {"actions/setup-node": 2, "actions/setup-python": 3, "actions/setup-java": 2}  # first major with `cache`
_DEPENDENCIES = re.compile(
    r"^dependencies\s*=\s*\[\s*(?:#.*\s*)*[\"']|^\[tool\.poetry\.dependencies|install_requires|^dynamic\b.*\bdependencies",
    re.M,
)
_STRANGERS = ("pull_request_target", "workflow_run", "issue_comment")


@dataclass(frozen=True, slots=True)
class _Cache:
    """The inputs to add to one step, and the install steps that they should make shorter."""

    step: Step
    tool: str
    lock: str
    inputs: tuple[tuple[str, str], ...]
    installs: tuple[Install, ...]


def find(evidence: Evidence) -> Iterator[Finding]:
    for workflow in own_files(evidence):
        if "actions/setup-" not in workflow.tree.text:
            continue
        saves = _saves_for_all(workflow, evidence)
        jobs = [] if saves is None else [job for job in workflow.jobs.values() if saves(job)]
        caches = [cache for job in jobs if (cache := _cache(workflow, job, evidence)) is not None]
        if caches:
            yield _finding(workflow, caches, evidence)


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


def _cache(workflow: Workflow, job: Job, evidence: Evidence) -> _Cache | None:
    setups = [step for step in job.steps if step.action in _ACTIONS]
    if len(setups) != 1 or job.container is not None or job.environment is not None:
        return None
    step = setups[0]
    chosen = _CHOOSERS[step.action or ""]
    if not _is_plain(workflow, step) or not _checked_out(job, step) or _has_cache(workflow, job):
        return None
    if delivers(job) is not None or holds_write_token(workflow, job) or not _hosted(workflow, job, evidence):
        return None
    after = tuple(one for one in found(workflow, job) if one.step.index > step.index)
    return chosen(workflow, job, step, after, evidence)


def _is_plain(workflow: Workflow, step: Step) -> bool:
    """An action version that knows the input, nothing said about caching yet, nothing that publishes, no condition."""
    major = action_major(workflow, step)
    told = {"cache", "package-manager-cache", "cache-dependency-path", "registry-url", "server-id", "gpg-private-key"}
    return (
        major is not None
        and major >= _ACTIONS[step.action or ""]
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
    """Any cache of the job's own, whatever it keeps: two caches of the same files cost twice."""
    text = source(workflow, job)
    if "--no-cache" in text or "NO_CACHE" in text or "PIP_NO_CACHE_DIR" in workflow.env:
        return True
    return any("cache" in (step.action or "") or "setup-gradle" in (step.action or "") for step in job.steps)


def _hosted(workflow: Workflow, job: Job, evidence: Evidence) -> bool:
    return all(evidence.runner_class(labels) == "hosted" for labels in label_sets(workflow, job))


# ------------------------------------------------------------------------------------ one chooser per action

_Chooser = Callable[[Workflow, Job, Step, tuple[Install, ...], Evidence], "_Cache | None"]
_NODE_LOCKS = {
    "npm": ("package-lock.json", "npm-shrinkwrap.json"),
    "yarn": ("yarn.lock",),
    "pnpm": ("pnpm-lock.yaml",),
}


def _node(workflow: Workflow, job: Job, step: Step, installs: tuple[Install, ...], evidence: Evidence) -> _Cache | None:
    mine = tuple(one for one in installs if one.tool in _NODE_LOCKS and not _global(one))
    if len({(one.tool, one.folder) for one in mine}) != 1:
        return None
    tool, folder = mine[0].tool, mine[0].folder
    lock = next((name for name in _NODE_LOCKS[tool] if _tracked(evidence, _inside(folder, name))), None)
    if lock is None or not _is_there(tool, folder, job, step, evidence):
        return None
    if (action_major(workflow, step) or 0) >= 5 and _names_manager(folder, evidence):
        return None
    path = () if folder == "." else (("cache-dependency-path", _inside(folder, lock)),)
    return _Cache(step, tool, _inside(folder, lock), (("cache", tool), *path), mine)


def _global(install: Install) -> bool:
    """An install of named packages or of a tool for the machine: no lock file speaks of it."""
    values = {word for word in install.words if not word.startswith("-")}
    flags = {"-g", "--global", "--location=global", "--no-save", "--package-lock-only", "--dry-run"}
    if install.tool == "npm" and {"--prefix", "-C"}.isdisjoint(install.words) and values:
        return True
    return bool(flags.intersection(install.words)) or (
        install.tool == "pnpm" and bool(values) and not _only_values(install)
    )


def _only_values(install: Install) -> bool:
    """Whether the bare words are values of options ("--filter app"), not packages."""
    return any(word in ("--filter", "-F", "--dir", "-C", "--reporter") for word in install.words)


def _is_there(tool: str, folder: str, job: Job, setup: Step, evidence: Evidence) -> bool:
    """Whether the package manager, in the version that the project wants, is there when setup-node asks it for its folder."""
    before = [step for step in job.steps if step.index < setup.index]
    corepack = any("corepack enable" in (step.run or "") for step in before)
    if tool == "npm":
        return True
    if tool == "pnpm":
        ready = [step for step in before if step.action == "pnpm/action-setup" and step.condition is None]
        installed = any(
            "npm install -g pnpm" in (step.run or "") or "npm i -g pnpm" in (step.run or "") for step in before
        )
        plain = all({"run_install", "cache", "dest"}.isdisjoint(step.inputs) for step in ready)
        return (bool(ready) and plain) or installed or corepack
    if _tracked(evidence, _inside(folder, ".yarn/cache/**")) or _tracked(
        evidence, _inside(folder, ".yarn/releases/**")
    ):
        return False
    berry = (
        _tracked(evidence, _inside(folder, ".yarnrc.yml"))
        or _names_manager(folder, evidence)
        or _names_manager(".", evidence)
    )
    return corepack or not berry


def _names_manager(folder: str, evidence: Evidence) -> bool:
    """Whether package.json names its package manager: setup-node 5 then caches by itself, and Yarn 1 refuses to run."""
    text = evidence.text(_inside(folder, "package.json"))
    return not isinstance(text, str) or '"packageManager"' in text or '"devEngines"' in text


def _python(
    workflow: Workflow, job: Job, step: Step, installs: tuple[Install, ...], evidence: Evidence
) -> _Cache | None:
    if not {"python-version", "python-version-file"}.intersection(step.inputs):
        return None
    for tool, lock in (("poetry", "poetry.lock"), ("pipenv", "Pipfile.lock")):
        mine = tuple(one for one in installs if one.tool == tool)
        if mine:
            ready = tool == "pipenv" or _poetry_before(job, step)
            folders = {one.folder for one in mine}
            good = ready and folders == {"."} and _tracked(evidence, lock)
            return _Cache(step, tool, lock, (("cache", tool),), mine) if good else None
    return _pip(job, step, tuple(one for one in installs if one.tool == "pip"), evidence)


def _poetry_before(job: Job, setup: Step) -> bool:
    before = " ".join(step.run or "" for step in job.steps if step.index < setup.index)
    return "install poetry" in before or any(
        "install-poetry" in (s.action or "") for s in job.steps if s.index < setup.index
    )


def _pip(job: Job, step: Step, installs: tuple[Install, ...], evidence: Evidence) -> _Cache | None:
    """pip: every requirements file or project that the job installs from must be tracked; they become the key."""
    files: list[str] = []
    used: list[Install] = []
    for one in installs:
        named = _pip_files(one, evidence)
        if named is None:
            return None
        if named:
            files += named
            used.append(one)
    if not files or "uv" in tools_mentioned(job) or "sudo" in tools_mentioned(job):
        return None
    unique = tuple(dict.fromkeys(files))
    path = () if unique == ("requirements.txt",) else (("cache-dependency-path", "\n".join(unique)),)
    return _Cache(step, "pip", ", ".join(unique), (("cache", "pip"), *path), tuple(used))


def _pip_files(install: Install, evidence: Evidence) -> list[str] | None:
    """The tracked files that say what this command installs; [] when it names packages only, None when a file is not tracked."""
    files = []
    words = list(install.words)
    for place, word in enumerate(words):
        name = None
        if word in ("-r", "--requirement", "-c", "--constraint") and place + 1 < len(words):
            name = words[place + 1]
        elif word.startswith(("-r", "--requirement=")) and word not in ("-r", "--requirement"):
            name = word.partition("=")[2] if "=" in word else word[2:]
        if name is not None:
            files.append(_inside(install.folder, name.strip("\"'")))
        elif word == "--group" and place + 1 < len(words):
            named = words[place + 1].strip("\"'").rpartition(":")[0]
            files.append(_inside(install.folder, named or "pyproject.toml"))
        elif _is_project(word) and _has_dependencies(_project(install.folder, evidence), word, evidence):
            files.append(_project(install.folder, evidence))
    return files if all(name and "$" not in name and _tracked(evidence, name) for name in files) else None


def _is_project(word: str) -> bool:
    bare = word.strip("\"'")
    return bare in (".", "./") or bare.startswith((".[", "./["))


def _has_dependencies(project: str, word: str, evidence: Evidence) -> bool:
    """Whether installing the project downloads anything: it has dependencies, or extras that are asked for."""
    text = evidence.text(project) if project else ""
    return "[" in word or (isinstance(text, str) and _DEPENDENCIES.search(text) is not None)


def _project(folder: str, evidence: Evidence) -> str:
    """The file that lists the dependencies of the project in a folder; "" when there is none."""
    names = (_inside(folder, name) for name in ("pyproject.toml", "setup.cfg", "setup.py"))
    return next((name for name in names if _tracked(evidence, name)), "")


def _java(workflow: Workflow, job: Job, step: Step, installs: tuple[Install, ...], evidence: Evidence) -> _Cache | None:
    mine = tuple(one for one in installs if one.tool in ("maven", "gradle"))
    if len({one.tool for one in mine}) != 1 or {one.folder for one in mine} != {"."}:
        return None
    tool = mine[0].tool
    locks = (
        ("pom.xml",)
        if tool == "maven"
        else ("gradle/wrapper/gradle-wrapper.properties", "build.gradle", "build.gradle.kts")
    )
    lock = next((name for name in locks if _tracked(evidence, name)), None)
    return None if lock is None else _Cache(step, tool, lock, (("cache", tool),), mine)


_CHOOSERS: Mapping[str, _Chooser] = {
    "actions/setup-node": _node,
    "actions/setup-python": _python,
    "actions/setup-java": _java,
}


def _inside(folder: str, name: str) -> str:
    return normpath(f"{folder}/{name}")


def _tracked(evidence: Evidence, glob: str) -> bool:
    files = evidence.tracked(glob)
    return not isinstance(files, Unknown) and bool(files)


# ------------------------------------------------------------------------------------ the finding and its price


def _finding(workflow: Workflow, caches: list[_Cache], evidence: Evidence) -> Finding:
    ops = [op for cache in caches for op in _ops(workflow, cache)]
    first = caches[0]
    setting = evidence.setting("cache-setup-action.saving")
    saving = float(setting) if isinstance(setting, int | float) else 0.3
    steps = {_api_name(one.step) for cache in caches for one in cache.installs if only_installs(one.step)}
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


def _ops(workflow: Workflow, cache: _Cache) -> Iterator[InsertKey]:
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
