"""
Give a cache whose key changes a prefix to fall back on

A key with `github.sha`, `github.run_id` or a hash over the sources in it is new in nearly every run, so an actions/cache without
`restore-keys` never hits: it only saves. A key with the hash of a lock file starts from nothing whenever one
dependency changes. The change adds the part of the key before what changes as a restore key, so that a run starts from the
newest entry with that prefix.

Fires only for caches that tools keep right by themselves, where an older entry makes work shorter and never changes a result:
for keys of a run, compiler and package caches (ccache, Gradle, pip, Go, Turbo, BuildKit...), for keys of a lock file, stores
of downloads and Go's and mypy's caches. A restored folder of build results, an environment, installed programs (`bin`) or a
set of hooks could carry stale files into a build, so such paths are left alone; Cargo's `target` would grow from run to run.

Does not fire where the key of a run is a hand-over: the same key in another step or workflow; with `fail-on-cache-miss` or
`lookup-only`; where a job that this one needs has just saved the same key, as a caller of this workflow may have; in a job
that is switched off, or in a nightly, which finds what the day's pushes saved; where the part before what changes names
nothing, or not the machine, though the legs of the job run on different ones; where more than a hash follows it, which the
restore key would lose (a version counted up, another hash); where Maven installs the project's own modules into the cache;
where a step asks for `cache-hit` in a way that a partial hit would confuse; and in jobs that publish or work on what
strangers sent, which should not start from another run's leavings.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.limits import label_sets
from trimtab.catalogue.reading.purpose import (
    action_version,
    delivers,
    is_for_delivery,
    is_generated,
    is_switched_off,
    source,
)
from trimtab.model import Design, EditFile, Finding, InsertKey, Risk, Unknown
from trimtab.workflow.expressions import references
from trimtab.workflow.model import Job, Step, Workflow

metric = "runner_minutes"
risk = Risk.SAFE
design: Design = "before_after"
settings: Mapping[str, object] = {}

_VOLATILE = {
    ("github", "sha"),
    ("github", "run_id"),
    ("github", "run_number"),
    ("github", "event", "after"),
    ("github", "event", "pull_request", "head", "sha"),
}
_SOURCES = re.compile(  # a hash over sources changes with nearly every commit
    r"hashFiles\([^)]*(?:\*\*/?\*?'|\*[^')]*\.(?:rs|go|py|tsx?|jsx?|java|kt|scala|c|cc|cpp|h|hpp|cs|swift|rb|ex|hs|ml)')"
)
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
_INCREMENTAL = re.compile(  # whole parts of a path
    r"(?:^|/)(?:\.?s?ccache|\.turbo|\.nx/cache|node_modules/\.cache|\.next/cache|\.gradle|\.m2|\.ivy2|\.sbt|\.npm|\.yarn|\.?pnpm-store"
    r"|(?:\.cache|Caches)/(?:pip|uv|yarn|go-build|mypy|pnpm|deno|bazel|ccache|sccache|zig)|\.cargo|go-build|go/pkg/mod|\.?buildx-cache"
    r"|\.mypy_cache|\.ruff_cache|\.eslintcache|\.stylelintcache|\.parcel-cache|\.?bazel-cache|\.nuget|\.stack|\.cabal|dist-newstyle"
    r"|DerivedData|\.swiftpm|\.pub-cache|\.hex|\.mix|\.?zig-cache|\.?vcpkg|\.conan2?|\.julia|\.opam)(?:/|$)",
    re.IGNORECASE,
)
_STORE = re.compile(
    r"/\.npm$|/\.npm/|/\.cache/(?:pip|uv|yarn|go-build|mypy|pnpm|deno|bazel)|\.mypy_cache$|\.cache/mypy$|/\.m2(?:/|$)"
    r"|/\.gradle/(?:caches|wrapper)|/\.ivy2|go/pkg/mod|/\.cargo/(?:registry|git)|/\.nuget/packages|/\.yarn/(?:berry/)?cache"
    r"|pnpm/store|\.pnpm-store|/\.pub-cache|/\.composer|/\.cocoapods|/\.hex$"
)
_STORE_NAME = re.compile(
    r"(?:^|[-_ |])(?:go-?mod|go-?build|gomod|pip|npm|yarn|pnpm|maven|m2|gradle|nuget|uv)(?:$|[-_ |])", re.I
)

_LONGEST = 1000  # characters of a key or a path; nobody writes longer ones
_INSTALLS = re.compile(r"\bmvnw?(?:\.cmd)?\s[^\n]*\binstall\b")
_DEAD = frozenset({(3, 0), (3, 1), (3, 2), (3, 3), (4, 0), (4, 1)})
_CHANGES = ("push", "pull_request", "merge_group")  # others find what these have saved
_STRANGERS = ("pull_request_target", "workflow_run", "issue_comment")
_PROGRAMS = re.compile(r"(?:^|/)s?bin(?:/|$)")
_HOSTED = re.compile(r"(ubuntu|windows|macos)-[\w.-]+", re.I)
_MACHINE_AXES = re.compile(r"arch|target|platform|goos|triple", re.I)


def find(evidence: Evidence) -> Iterator[Finding]:
    files = [workflow for workflow in evidence.workflows() if "actions/cache" in workflow.tree.text]
    if not files:
        return
    keys = Counter(_normal(step.inputs["key"]) for _, _, step in _caches(files) if "key" in step.inputs)
    for workflow in files:
        if is_generated(workflow):
            continue
        steps = [
            (job, step, prefix)
            for _, job, step in _caches([workflow])
            if (prefix := _prefix(workflow, job, step, keys)) is not None
        ]
        if steps:
            yield _finding(workflow, [(step, prefix) for _, step, prefix in steps])


def _caches(workflows: list[Workflow]) -> Iterator[tuple[Workflow, Job, Step]]:
    for workflow in workflows:
        for job in workflow.jobs.values():
            for step in job.steps:
                if (step.action or "").startswith("actions/cache"):
                    yield workflow, job, step


def _normal(key: str) -> str:
    return re.sub(r"\s+", "", key)


def _prefix(workflow: Workflow, job: Job, step: Step, keys: Mapping[str, int]) -> str | None:
    """The restore key for a cache whose key changes, None when it is none of ours."""
    told = {"restore-keys", "lookup-only", "fail-on-cache-miss"}
    if step.action != "actions/cache" or told.intersection(step.inputs) or _is_dead(action_version(workflow, step)):
        return None
    key = step.inputs.get("key", "")
    if max(len(key), len(step.inputs.get("path", ""))) > _LONGEST:
        return None
    found = prefix_of(key)
    paths = [line.strip() for line in step.inputs.get("path", "").splitlines() if line.strip()]
    kept = [path for path in paths if not path.startswith("!")]
    if found is None or not kept:
        return None
    prefix, each_run = found
    if any(_PROGRAMS.search(path) for path in kept) or _holds_own_modules(job, kept):
        return None
    if not _names_machine(workflow, job, prefix):
        return None
    if each_run and (keys[_normal(key)] > 1 or not all(_INCREMENTAL.search(path) for path in kept)):
        return None
    if not each_run and not all(_is_store(path, prefix) for path in kept):
        return None
    if is_switched_off(job) or workflow.is_callable or _is_filled_before(workflow, job, key):
        return None
    if delivers(job) is not None or is_for_delivery(workflow) or any(name in workflow.events for name in _STRANGERS):
        return None
    if not any(name in workflow.events for name in _CHANGES):
        return None
    if "hashFiles" in key and not any(s.action == "actions/checkout" and s.index < step.index for s in job.steps):
        return None  # the hash of no files: the key never changes
    return prefix if _hit_is_only_compared(workflow, job, step) else None


def _holds_own_modules(job: Job, paths: list[str]) -> bool:
    """Whether Maven puts the project's own modules into the cache too: an older entry would bring older ones."""
    return any(".m2" in path for path in paths) and any(_INSTALLS.search(step.run or "") for step in job.steps)


def _names_machine(workflow: Workflow, job: Job, prefix: str) -> bool:
    """Whether the prefix tells apart the kinds of machine that the legs of the job run on or build for."""
    paths = references(prefix)
    axes = [] if job.matrix is None else [*job.matrix.axes, *(name for row in job.matrix.include for name in row)]
    if any(_MACHINE_AXES.search(axis) and ("matrix", axis) not in paths for axis in axes):
        return False
    machines = label_sets(workflow, job)
    alike = len(machines) == 1 and "${{" not in "".join(machines[0])
    if alike or references(" ".join(job.runs_on)) & paths:
        return True
    hosted = [found for labels in machines if (found := _HOSTED.fullmatch(" ".join(labels)))]
    one_each = len({found[1].lower() for found in hosted}) == len(machines)
    return ("runner", "os") in paths and (one_each or ("runner", "arch") in paths)


def _is_dead(version: tuple[int, ...]) -> bool:
    """Whether GitHub fails jobs with this version of actions/cache, as it has since 2025 for those before 3.4 and 4.2."""
    return bool(version) and (version[0] < 3 or (len(version) > 1 and version[:2] in _DEAD))


def _is_filled_before(workflow: Workflow, job: Job, key: str) -> bool:
    """Whether a job that this one waits for has a cache with the same key: then that key is there, and no other is asked for."""
    before, waiting = set[str](), [job]
    while waiting:
        needs = [need for need in waiting.pop().needs if need in workflow.jobs and need not in before]
        before.update(needs)
        waiting += [workflow.jobs[need] for need in needs]
    return any(
        _normal(step.inputs.get("key", "")) == _normal(key)
        for need in before
        for step in workflow.jobs[need].steps
        if (step.action or "").startswith("actions/cache")
    )


def _is_store(path: str, prefix: str) -> bool:
    """Whether a path holds downloads or a tool's own cache; a path from a step's output is believed the key's name."""
    computed = re.fullmatch(r"\$\{\{\s*steps\..*\}\}", path) is not None
    return (_STORE_NAME.search(prefix) if computed else _STORE.search(path)) is not None


def prefix_of(key: str) -> tuple[str, bool] | None:
    """
    The part of a key before the first thing that changes, and whether that changes with every run; None when nothing does

    The part must name something: at least three letters outside expressions, so that it cannot catch a stranger's entry.
    """
    hidden = False
    for match in _EXPRESSION.finditer(key):
        paths = references(match[0])
        each_run = any(path in _VOLATILE for path in paths) or _SOURCES.search(match[0]) is not None
        if each_run or "hashFiles(" in match[0]:
            prefix, rest = key[: match.start()], key[match.end() :]
            if (
                "hashFiles(" in rest
                or re.search(r"\w", _EXPRESSION.sub("", rest))
                or any(path[0] != "github" for path in references(rest))
            ):
                return None  # a version that somebody counts up, another hash, the leg: it would be lost
            letters = re.sub(r"[^A-Za-z]", "", _EXPRESSION.sub("", prefix))
            named = len(letters) >= 3 and prefix.endswith(("-", "_", ".", "/", "|", ":"))
            return (prefix, each_run) if named and not (each_run and hidden) else None
        hidden = hidden or any(path[0] in ("steps", "needs", "env", "inputs") for path in paths)  # may hold a date
    return None


def _hit_is_only_compared(workflow: Workflow, job: Job, step: Step) -> bool:
    """Whether `cache-hit` is unused, or only compared with 'true', which a partial hit never is."""
    text = source(workflow, job)
    if step.id is None:
        return True
    uses = re.findall(rf"steps\.{re.escape(step.id)}\.outputs\.cache-hit\s*([=!]=\s*'true')?", text)
    matched = (
        f"steps.{step.id}.outputs.cache-matched-key" in text or f"steps.{step.id}.outputs.cache-primary-key" in text
    )
    return all(uses) and not matched and not re.search(rf"steps\s*\[\s*'{re.escape(step.id)}'", text)


def _finding(workflow: Workflow, steps: list[tuple[Step, str]]) -> Finding:
    first = steps[0][0]
    found = prefix_of(first.inputs["key"])
    says = "the key of this cache is new in every run, so it never hits"
    if found is not None and not found[1]:
        says = "one changed dependency gives this cache a new key, and it starts from nothing"
    places = [(*step.path, "with", "key") for step, _ in steps]
    return Finding(
        rule="add-restore-keys",
        says=says,
        where=workflow.span(places[0]),
        node=first.path,
        evidence=tuple(f"{step.inputs['key']}: falls back on {prefix}" for step, prefix in steps),
        predicts=Unknown("run history does not tell how much an older cache entry would have helped"),
        change=EditFile(
            workflow.path,
            tuple(InsertKey((*step.path, "with"), "restore-keys", prefix, after="key") for step, prefix in steps),
        ),
        risk=risk,
        spots=tuple(workflow.span(place) for place in places[1:]),
    )
