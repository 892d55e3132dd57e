"""
What GitHub would refuse in a workflow file that is good YAML: needs, events and keys that do not exist

Names and places follow GitHub's workflow syntax reference. Case is ignored and a merge key `<<` is left alone. Of keys only
those close to a known one are reported: GitHub adds new ones (`parallel` among steps was seen in a public repository before
it was documented), a false alarm costs more here than a miss, and actionlint, when installed, looks closer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import NamedTuple

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from trimtab.model import NodePath
from trimtab.workflow.model import Job, Workflow
from trimtab.workflow.tree import pairs


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


EVENTS = _words(
    """
    branch_protection_rule check_run check_suite create delete deployment deployment_status discussion discussion_comment
    fork gollum image_version issue_comment issues label member merge_group milestone page_build project project_card
    project_column public pull_request pull_request_comment pull_request_review pull_request_review_comment
    pull_request_target push registry_package release repository_dispatch repository_ruleset schedule status watch
    workflow_call workflow_dispatch workflow_run
    """
)
FILTERS = _words(
    """
    types branches branches-ignore tags tags-ignore paths paths-ignore workflows inputs outputs secrets names versions
    """
)
TOP_KEYS = _words("name run-name description on permissions env defaults concurrency cache-mode jobs")
JOB_KEYS = _words(
    """
    name permissions needs if runs-on environment concurrency outputs env defaults steps timeout-minutes strategy
    cancel-timeout-minutes continue-on-error container services uses with secrets snapshot cache-mode
    """
)
STEP_KEYS = _words(
    """
    id if name uses run working-directory shell with env continue-on-error timeout-minutes background parallel
    """
)
STRATEGY_KEYS = _words("matrix fail-fast max-parallel")
_MAX_NAMED = (
    20  # problems of a file for which the name that was meant is looked for, which takes long; the rest go without
)
_MAX_TOLD = 200  # problems of one kind that are told; whoever mends those sees the next


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One thing that GitHub would refuse: `path` leads to it, `says` tells it, `nearest` is what was probably meant

    `is_key` tells a key that should be renamed from a scalar that should be replaced.
    """

    path: NodePath
    says: str
    nearest: str | None
    is_key: bool


def unknown_needs(workflow: Workflow) -> tuple[Problem, ...]:
    """Entries of `needs` that name no job of the file, or the job itself. Job ids are compared without case."""
    ids = {id.lower() for id in workflow.jobs}
    found: list[Problem] = []
    for job in workflow.jobs.values():
        strange = [
            (index, name)
            for index, name in enumerate(job.needs)
            if (name.lower() not in ids or name.lower() == job.id.lower()) and "${{" not in name
        ]
        if strange:
            others = _may_be_needed(workflow, job) if len(found) < _MAX_NAMED else ()
            for index, name in strange:
                found.append(_unknown_need(workflow, job, index, name, others if len(found) < _MAX_NAMED else ()))
    return tuple(found[:_MAX_TOLD])


def unknown_events(workflow: Workflow) -> tuple[Problem, ...]:
    """Events under `on` that do not exist, in its three forms."""
    strange = (event for event in workflow.events.values() if event.name.lower() not in EVENTS and event.name != "<<")
    return tuple(
        Problem(
            event.path,
            f"GitHub knows no event {event.name!r}",
            nearest(event.name, EVENTS) if n < _MAX_NAMED else None,
            _is_key(event.path),
        )
        for n, event in enumerate(islice(strange, _MAX_TOLD))
    )


def unknown_keys(workflow: Workflow) -> tuple[Problem, ...]:
    """Keys of the file, its event filters, jobs, strategies and steps that look like a misspelt known one."""
    return tuple(problem for problem in strange_keys(workflow) if problem.nearest is not None)


def strange_keys(workflow: Workflow) -> tuple[Problem, ...]:
    """The same with the keys that look like no known one: new ones of GitHub, or lines that slipped to another level."""
    top = workflow.tree.root
    strange = _top_problems(top) if isinstance(top, MappingNode) else ()
    return tuple(
        Problem(
            one.path,
            f"{one.of} has no key {one.name!r}",
            nearest(one.name, one.known) if n < _MAX_NAMED else None,
            True,
        )
        for n, one in enumerate(islice(strange, _MAX_TOLD))
    )


def duplicate_keys(workflow: Workflow) -> tuple[Problem, ...]:
    """Keys that stand twice in one mapping: GitHub refuses the file, most YAML parsers take the last."""
    return tuple(
        Problem(d.path, f"the key {d.path[-1]!r} stands twice, again in line {d.line}", None, True)
        for d in islice((d for d in workflow.tree.duplicates if d.path[-1] != "<<"), _MAX_TOLD)
    )


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known name that was probably meant, or None when none is close."""
    plain = {_plain(candidate): candidate for candidate in sorted(known)}
    found = get_close_matches(_plain(name), plain, n=1, cutoff=0.75)
    return plain[found[0]] if found else None


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(" ", "-")


def _unknown_need(workflow: Workflow, job: Job, index: int, name: str, others: Collection[str]) -> Problem:
    needs: NodePath = ("jobs", job.id, "needs")
    path = (*needs, index) if isinstance(workflow.tree.node(needs), SequenceNode) else needs
    if name.lower() == job.id.lower():
        return Problem(path, f"{job.id} needs itself", None, False)
    return Problem(path, f"{job.id} needs {name!r}, and there is no such job", nearest(name, others), False)


def _may_be_needed(workflow: Workflow, job: Job) -> list[str]:
    """The jobs that the entries of `needs` may mean: not those that stand there already, nor those that wait for the job."""
    taken = {need.lower() for need in job.needs}
    behind = _behind(workflow, job.id)
    return [id for id in workflow.jobs if id.lower() not in taken and id not in behind]


def _behind(workflow: Workflow, job: str) -> set[str]:
    """The job and all that wait for it: needing one of them would be a circle."""
    found = {job}
    while True:
        more = {id for id, other in workflow.jobs.items() if id not in found and found.intersection(other.needs)}
        if not more:
            return found
        found |= more


def _is_key(path: NodePath) -> bool:
    return len(path) > 1 and isinstance(path[-1], str)


class _Strange(NamedTuple):
    """A key that is not known: its mapping is `of` what, and the `known` keys that it may stand for."""

    path: NodePath
    of: str
    name: str
    known: frozenset[str]


def _top_problems(top: MappingNode) -> Iterator[_Strange]:
    yield from _unknown(top, (), TOP_KEYS, "a workflow")
    fields = _fields(top)
    for name, event in _fields(fields.get("on")).items():
        yield from _unknown(event, ("on", name), FILTERS, f"the event {name}")
    for id, job in _fields(fields.get("jobs")).items():
        yield from _job_problems(job, ("jobs", id))


def _job_problems(node: Node, path: NodePath) -> Iterator[_Strange]:
    yield from _unknown(node, path, JOB_KEYS, "a job")
    fields = _fields(node)
    yield from _unknown(fields.get("strategy"), (*path, "strategy"), STRATEGY_KEYS, "a strategy")
    steps = fields.get("steps")
    for index, step in enumerate(steps.value if isinstance(steps, SequenceNode) else ()):
        yield from _unknown(step, (*path, "steps", index), STEP_KEYS, "a step")


def _unknown(node: Node | None, path: NodePath, known: frozenset[str], of: str) -> Iterator[_Strange]:
    """The keys of a mapping that are not known, each with the known ones that are not there already."""
    if not isinstance(node, MappingNode):
        return
    present = {key.value.lower() for key, _ in node.value if isinstance(key, ScalarNode)}
    if present <= known:
        return
    for key, _ in pairs(node):
        if key.value.lower() not in known and key.value != "<<":
            yield _Strange((*path, key.value), of, key.value, known - present)


def _fields(node: Node | None) -> Mapping[str, Node]:
    return {key.value: value for key, value in pairs(node)} if isinstance(node, MappingNode) else {}
