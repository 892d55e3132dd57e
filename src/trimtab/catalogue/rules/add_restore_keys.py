"""
Give a cache whose key never repeats a prefix to fall back on

A key with `github.sha` or `github.run_id` in it is new in every run, so an actions/cache without `restore-keys` never hits: it
only saves. The change adds the part of the key before what changes as a restore key, so that each run starts from the
newest entry with that prefix.

Fires only for caches that tools keep right by themselves (compiler and package caches: ccache, Cargo's target, Gradle, pip,
Go, Turbo, BuildKit...), where an older entry makes work shorter and never changes a result. A restored folder of build
results could smuggle stale files into a build, so such paths are left alone.

Does not fire where the key is a hand-over: the same key in another step or workflow, `fail-on-cache-miss`, `lookup-only`, a
separate save or restore step for it; where the part before what changes names nothing; where a step asks for
`cache-hit` in a way that a partial hit would confuse; and in jobs that publish, which should not start from another
run's leavings.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.purpose import action_major, delivers, is_for_delivery, is_generated, source
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
    r"hashFiles\([^)]*(?:\*\*/?\*?'|\.(?:rs|go|py|tsx?|jsx?|java|kt|scala|c|cc|cpp|h|hpp|cs|swift|rb|ex|hs|ml)')"
)
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
_INCREMENTAL = re.compile(
    r"ccache|sccache|(?:^|/)target/?$|\.turbo|\.nx(?:/cache)?|node_modules/\.cache|\.next/cache|\.gradle|\.m2|\.ivy2|\.sbt"
    r"|\.cache/|/\.cache$|\.npm|\.yarn|\.pnpm|pnpm-store|pip|\.cargo|go-build|go/pkg/mod|buildx|\.mypy_cache|\.ruff_cache"
    r"|\.eslintcache|\.stylelintcache|\.jest|\.parcel-cache|\.bazel|bazel-cache|\.nuget|\.stack|\.cabal|dist-newstyle|Pods|DerivedData"
    r"|\.swiftpm|\.pub-cache|\.terraform\.d|\.hex|\.mix|deps$|zig-cache|\.vcpkg|vcpkg|\.conan|\.julia|\.opam|\.babel|tsbuildinfo",
    re.IGNORECASE,
)


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
            if (prefix := _prefix(workflow, job, step)) is not None and keys[_normal(step.inputs["key"])] == 1
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


def _prefix(workflow: Workflow, job: Job, step: Step) -> str | None:
    """The restore key for a cache that can never hit, None when it is none of ours."""
    told = {"restore-keys", "lookup-only", "fail-on-cache-miss"}
    if step.action != "actions/cache" or told.intersection(step.inputs) or (action_major(workflow, step) or 2) < 2:
        return None
    prefix = prefix_of(step.inputs.get("key", ""))
    paths = [line.strip() for line in step.inputs.get("path", "").splitlines() if line.strip()]
    kept = [path for path in paths if not path.startswith("!")]
    if prefix is None or not kept or not all(_INCREMENTAL.search(path) for path in kept):
        return None
    if delivers(job) is not None or "pull_request_target" in workflow.events or is_for_delivery(workflow):
        return None
    return prefix if _hit_is_only_compared(workflow, job, step) else None


def prefix_of(key: str) -> str | None:
    """
    The part of a key before the first thing that changes with every run, None when nothing does or nothing is left

    It must name something: at least three letters outside expressions, so that it cannot catch a stranger's entry.
    """
    for match in _EXPRESSION.finditer(key):
        paths = references(match[0])
        if any(path in _VOLATILE for path in paths) or _SOURCES.search(match[0]):
            prefix = key[: match.start()]
            letters = re.sub(r"[^A-Za-z]", "", _EXPRESSION.sub("", prefix))
            return prefix if len(letters) >= 3 and prefix.endswith(("-", "_", ".", "/", "|", ":")) else None
        if any(path[0] in ("steps", "needs", "env", "inputs") for path in paths):
            return None  # what it holds cannot be seen
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
    return all(uses) and not matched


def _finding(workflow: Workflow, steps: list[tuple[Step, str]]) -> Finding:
    first = steps[0][0]
    places = [(*step.path, "with", "key") for step, _ in steps]
    return Finding(
        rule="add-restore-keys",
        says="the key of this cache is new in every run, so it never hits",
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
