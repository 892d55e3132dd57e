"""
Keep hand-overs and test reports for a week, not for ninety days

`actions/upload-artifact` without `retention-days` keeps every upload for the repository's default, 90 days unless somebody
changed it. For files that a later job of the same run downloads, and for test results and coverage of every push or pull
request, a week is enough; `days` in trimtab.toml says otherwise:

    [rules.shorten-artifact-retention]
    days = 14

An artifact is shortened only if its name or path says that it is such a report, or if the same run downloads it by name.

Left alone: logs, dumps and traces, which somebody may look at weeks later, and whatever is uploaded after a failure only, since
it is rare; single small files, which take no room; workflows without pushes and pull requests of their own. Releases, installers,
packages, images, nightly builds; SBOMs, attestations, signatures, SARIF; baselines, screenshots and histories that a later
run compares with; workflows that run for a tag or a release, or wait for an approval (`environment`: the download may come weeks
later), and what a job that publishes downloads; workflows whose artifacts another workflow, a script or nightly.link fetches,
or a bot, as a comment in the file may say; and steps that name a retention already.

GitHub lets a run's failed jobs be run again for 30 days: after the week those that download need the whole run again.

The saving is storage, not minutes; run history holds no artifact sizes, so it has no price here and cannot be measured yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.purpose import (
    action_major,
    delivers,
    is_for_delivery,
    is_switched_off,
    own_files,
)
from trimtab.model import Design, EditFile, Finding, InsertKey, Risk, Unknown
from trimtab.workflow.expressions import without_expressions
from trimtab.workflow.model import Job, Step, Workflow

metric = "storage_bytes"
risk = Risk.SAFE
design: Design = "unverifiable"
settings: Mapping[str, object] = {"days": 7}
ranges: Mapping[str, tuple[float, float]] = {"days": (1, 89)}

_REPORT = re.compile(
    r"\b(?:coverage|cov|codecov|lcov|cobertura|jacoco|htmlcov|junit|surefire|failsafe|playwright report|cypress"
    r"|allure|mochawesome|(?:pytest|tests?|e2e|jest|spec|unit|integration) (?:results?|reports?))\b",
    re.IGNORECASE,
)
_SMALL = re.compile(r"\.(?:txt|json|jsonl|ya?ml|md|env|diff|patch|csv|list|sha256)$", re.IGNORECASE)
_TOLD = re.compile(r"\b(?:artifacts?|bots?|retention)\b", re.IGNORECASE)  # in a comment
_AFTER_A_FAILURE = re.compile(r"failure\(|!\s*success\(|outcome|conclusion")
_LONGEST = 2000  # characters of a name or a path; nobody writes longer ones
_MANY = 100  # scripts looked through for commands that fetch artifacts
_LASTING = re.compile(
    r"\b(?:releases?|dist|wheels?|whl|sdist|packages?|pkg|installers?|binary|binaries|bin|exe|msi|dmg|apk|aab|ipa|deb|rpm|appimage"
    r"|snap|flatpak|db|database|images?|iso|docker|oci|nightly|snapshots?|baseline|base|history|reference|golden|benchmarks?|bench|perf"
    r"|logs?|dumps?|crash|crashes|traces?|diag|diagnostics?|durations?|timings?|lists?|matrix|metadata"
    r"|fuzz|fuzzing|fuzzer|corpus|repro|sboms?|bom|attestations?|provenance|signatures?|signed|sarif|licenses?|audit|compliance"
    r"|site|docs|pages|website|preview|firmware|plugins?|extension|vsix|crate|jar|war|zip|tar|tarball|tgz|gz)\b",
    re.IGNORECASE,
)
# What a workflow writes that fetches artifacts of another run: the trigger, actions, the API's paths and methods.
_FETCHES = (
    "workflow_run", "action-download-artifact", "gh run download", "actions/artifacts", "/artifacts?", "}/artifacts",
    "orkflowRunArtifacts", "downloadArtifact", "listArtifacts", " run-id:", "nightly.link",
)  # fmt: skip
_OLDEST = 4  # major version of upload-artifact; GitHub runs no job with an older one
_EVERY_CHANGE = ("push", "pull_request", "merge_group")


def find(evidence: Evidence) -> Iterator[Finding]:
    files = [workflow for workflow in own_files(evidence) if "actions/upload-artifact" in workflow.tree.text]
    days = evidence.setting("shorten-artifact-retention.days")
    if not files or not isinstance(days, int) or not 0 < days < 90 or _linked(evidence):
        return
    fetching = [workflow for workflow in evidence.workflows() if _fetches(workflow)]
    found = []
    for workflow in files:
        if _stays_inside(workflow, fetching):
            steps = [step for job in workflow.jobs.values() for step in job.steps if _is_passing(workflow, job, step)]
            if steps:
                found.append((workflow, steps))
    if found and not _scripts_fetch(evidence):
        for workflow, steps in found:
            yield _finding(workflow, steps, days)


def _scripts_fetch(evidence: Evidence) -> bool:
    """Whether a script of the repository fetches artifacts, from whichever run."""
    scripts = [evidence.tracked(glob) for glob in ("**/*.sh", ".github/scripts/**")]
    paths = [path for some in scripts if not isinstance(some, Unknown) for path in some][:_MANY]
    texts = [evidence.text(path) for path in paths]
    return any(isinstance(text, str) and any(words in text for words in _FETCHES) for text in texts)


def _fetches(workflow: Workflow) -> bool:
    """Whether a workflow fetches artifacts of other runs: it says so, or may read runs for another purpose than scanning."""
    text = workflow.tree.text
    reads = "actions: read" in text and not any(
        name in text for name in ("codeql-action", "scorecard-action", "zizmor")
    )
    return reads or any(words in text for words in _FETCHES)


def _linked(evidence: Evidence) -> bool:
    """Whether the README sends people to artifacts of old runs."""
    texts = (evidence.text(name) for name in ("README.md", "README.rst", "docs/README.md"))
    return any(isinstance(text, str) and ("nightly.link" in text or "/actions/runs/" in text) for text in texts)


def _stays_inside(workflow: Workflow, fetching: list[Workflow]) -> bool:
    """Whether nobody outside a run has a use for what the run uploads: no release, no other workflow that fetches it."""
    push = workflow.events.get("push")
    if is_for_delivery(workflow) or (push is not None and (push.tags is not None or push.tags_ignore is not None)):
        return False
    if not any(name in workflow.events for name in _EVERY_CHANGE):
        return False
    if any(job.environment is not None for job in workflow.jobs.values()):
        return False
    if any(_TOLD.search(line.partition("#")[2]) for line in workflow.tree.text.splitlines()):
        return False
    return not any(_fetches_from(other, workflow) for other in fetching)


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
    if step.action != "actions/upload-artifact" or "retention-days" in step.inputs or is_switched_off(job):
        return False
    if (action_major(workflow, step) or _OLDEST) < _OLDEST or workflow.tree.node((*step.path, "with")) is None:
        return False
    if _AFTER_A_FAILURE.search(f"{step.condition} {job.condition}"):
        return False
    name, path = step.inputs.get("name", "artifact"), step.inputs.get("path", "")
    if max(len(name), len(path)) > _LONGEST:
        return False
    words = _words(f"{name} {path}")
    if _LASTING.search(words) or _reaches_delivery(workflow, name) or all(map(_SMALL.search, path.split())):
        return False
    return _REPORT.search(words) is not None or _handed_over(workflow, job, name)


def _reaches_delivery(workflow: Workflow, name: str) -> bool:
    """Whether a job that deploys or publishes, perhaps weeks later after an approval, may download it."""
    return any(
        _may_be(step.inputs, name)
        for job in workflow.jobs.values()
        if delivers(job) is not None
        for step in job.steps
        if step.action == "actions/download-artifact"
    )


def _may_be(inputs: Mapping[str, str], name: str) -> bool:
    told = inputs.get("name") or inputs.get("pattern")
    if told is None or "${{" in told or "${{" in name or len(told) > 100:
        return True
    return fnmatchcase(name, told)


def _words(text: str) -> str:
    """Names as words: separators and camel case opened, expressions taken out."""
    text = without_expressions(text, " ")
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
