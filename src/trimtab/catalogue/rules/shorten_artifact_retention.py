"""
Keep test reports and hand-overs for a week, not for ninety days

`actions/upload-artifact` without `retention-days` keeps every upload for the repository's default, 90 days unless somebody
changed it. For test results, coverage, logs and screenshots, and for files that only a later job of the same
run downloads, a week is enough; `days` in trimtab.toml says otherwise:

    [rules.shorten-artifact-retention]
    days = 14

An artifact is shortened only if its name or path says that it is of this kind, or if the same run downloads it by its name.

Left alone: releases, installers, packages, images, nightly builds; SBOMs, attestations, signatures, SARIF; baselines and
histories that a later run compares with; workflows that run for a tag or a release, publish or deploy something, or wait
for an approval (`environment`: the download may come weeks later); workflows whose artifacts another workflow, a script or
nightly.link fetches; and steps that name a retention already.

The saving is storage, not minutes; run history holds no artifact sizes, so it has no price here and cannot be measured yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.purpose import action_major, at, delivers
from trimtab.model import Design, EditFile, Finding, InsertKey, Risk, Unknown
from trimtab.workflow.model import Job, Step, Workflow

metric = "storage_bytes"
risk = Risk.SAFE
design: Design = "unverifiable"
settings: Mapping[str, object] = {"days": 7}

_PASSING = re.compile(
    r"\b(?:test|tests|testing|pytest|junit|surefire|jest|cypress|playwright|e2e|coverage|cov|codecov|lcov|cobertura|jacoco|gcov"
    r"|log|logs|diag|diagnostic|diagnostics|debug|trace|traces|dump|dumps|core|coredump|crash|crashes|screenshot|screenshots|video|videos"
    r"|failure|failures|failed|lint|timings|flaky|allure|mochawesome)\b",
    re.IGNORECASE,
)
_LASTING = re.compile(
    r"\b(?:release|releases|dist|wheel|wheels|whl|sdist|package|packages|pkg|installer|installers|binary|binaries|bin|exe|msi|dmg"
    r"|apk|aab|ipa|deb|rpm|appimage|snap|flatpak|image|images|iso|docker|oci|nightly|snapshot|baseline|base|history|reference|golden"
    r"|benchmark|benchmarks|bench|perf|sbom|sboms|bom|attestation|attestations|provenance|signature|signatures|signed|sarif|license|licenses"
    r"|audit|compliance|site|docs|html-docs|pages|github-pages|website|preview|firmware|plugin|extension|vsix|crate|jar|war|zip|tarball|tgz)\b",
    re.IGNORECASE,
)
_FETCHES = re.compile(
    r"workflow_run|dawidd6/action-download-artifact|gh run download|/artifacts|ListWorkflowRunArtifacts|downloadArtifact"
    r"|\brun-id:|bettermarks/action-artifact|nightly\.link",
    re.IGNORECASE,
)


def find(evidence: Evidence) -> Iterator[Finding]:
    files = evidence.workflows()
    if not any("actions/upload-artifact" in workflow.tree.text for workflow in files):
        return
    fetching = tuple(workflow for workflow in files if _FETCHES.search(workflow.tree.text))
    if _linked(evidence):
        return
    days = evidence.setting("shorten-artifact-retention.days")
    for workflow in files:
        if "actions/upload-artifact" in workflow.tree.text and _keeps_nothing(workflow, fetching):
            steps = [step for job in workflow.jobs.values() for step in job.steps if _is_passing(workflow, job, step)]
            if steps and isinstance(days, int) and 0 < days < 90:
                yield _finding(workflow, steps, days)


def _linked(evidence: Evidence) -> bool:
    """Whether the README sends people to artifacts of old runs."""
    names = evidence.tracked("README*")
    for name in () if isinstance(names, Unknown) else names:
        text = evidence.text(name)
        if isinstance(text, str) and ("nightly.link" in text or "/actions/runs/" in text):
            return True
    return False


def _keeps_nothing(workflow: Workflow, fetching: tuple[Workflow, ...]) -> bool:
    """Whether nobody outside a run has a use for what the run uploads."""
    push = workflow.events.get("push")
    if "release" in workflow.events or (push is not None and push.tags is not None):
        return False
    if (
        push is not None
        and push.branches is None
        and push.branches_ignore is None
        and "refs/tags" in workflow.tree.text
    ):
        return False
    if not {"push", "pull_request", "merge_group", "schedule", "pull_request_target"}.intersection(workflow.events):
        return False
    if any(_fetches_from(other, workflow) for other in fetching):
        return False
    return all(delivers(job) is None for job in workflow.jobs.values())


def _fetches_from(other: Workflow, workflow: Workflow) -> bool:
    """Whether `other` may fetch artifacts of a run of `workflow`: it names it, names one of its artifacts, or names nobody."""
    text = other.tree.text
    if other is workflow:
        return True
    file = workflow.path.rpartition("/")[2]
    if file in text or (workflow.name is not None and workflow.name in text):
        return True
    uploads = [step.inputs.get("name", "artifact") for job in workflow.jobs.values() for step in _uploads(job)]
    return any(name in text for name in uploads) or "workflow_run" not in other.events


def _uploads(job: Job) -> list[Step]:
    return [step for step in job.steps if step.action == "actions/upload-artifact"]


def _is_passing(workflow: Workflow, job: Job, step: Step) -> bool:
    """Whether a step uploads something that nobody asks for after a week."""
    if step.action != "actions/upload-artifact" or "retention-days" in step.inputs:
        return False
    if (action_major(workflow, step) or 4) < 2 or at(workflow.tree.data, *step.path, "with") is None:
        return False
    name, path = step.inputs.get("name", "artifact"), step.inputs.get("path", "")
    words = _words(f"{name} {path}")
    if _LASTING.search(words):
        return False
    return _PASSING.search(words) is not None or _handed_over(workflow, job, name)


def _words(text: str) -> str:
    """Names as words: separators and camel case opened, expressions taken out."""
    text = re.sub(r"\$\{\{.*?\}\}", " ", text)
    return re.sub(r"[_\-./*\d]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text))


def _handed_over(workflow: Workflow, job: Job, name: str) -> bool:
    """Whether a later job of the same run downloads it by its name, and it does not leave through a caller."""
    if workflow.is_callable or name == "artifact":
        return False
    return any(
        step.action == "actions/download-artifact" and step.inputs.get("name") == name and "run-id" not in step.inputs
        for other in workflow.jobs.values()
        if job.id in other.needs
        for step in other.steps
    )


def _finding(workflow: Workflow, steps: list[Step], days: int) -> Finding:
    places = [(*step.path, "uses") for step in steps]
    names = ", ".join(step.inputs.get("name", "artifact") for step in steps)
    kept = "an artifact is kept" if len(steps) == 1 else f"{len(steps)} artifacts are kept"
    return Finding(
        rule="shorten-artifact-retention",
        says=f"{kept} for 90 days that nobody asks for after a week",
        where=workflow.span(places[0]),
        node=("jobs",),
        evidence=(names,),
        predicts=Unknown("run history holds no artifact sizes"),
        change=EditFile(
            workflow.path, tuple(InsertKey((*step.path, "with"), "retention-days", days) for step in steps)
        ),
        risk=risk,
        spots=tuple(workflow.span(place) for place in places[1:]),
    )
