"""
Correct what actionlint says

actionlint checks expressions, action inputs, runner labels and shell names more closely than Trimtab does. When it is on
PATH, its complaints stand here, one finding per file. Trimtab changes nothing for them, except where one of its own rules
speaks of the same place: then only that rule does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from trimtab.catalogue.evidence import Complaint, Evidence
from trimtab.model import Design, Finding, Risk, Span, Unknown
from trimtab.workflow.model import Workflow
from trimtab.workflow.validity import duplicate_keys, unknown_events, unknown_keys, unknown_needs

metric, risk = "runner_minutes", Risk.NONE
design: Design = "unverifiable"
settings: Mapping[str, object] = {}

_MOST = 10


def find(evidence: Evidence) -> Iterator[Finding]:
    told = evidence.complaints()
    if isinstance(told, Unknown) or not told:
        return
    files: defaultdict[str, list[Complaint]] = defaultdict(list)
    for complaint in told:
        files[complaint.path].append(complaint)
    for workflow in evidence.workflows():
        left = _not_ours(workflow, files.get(workflow.path, ()))
        if left:
            yield _finding(workflow, left)


def _not_ours(workflow: Workflow, complaints: Sequence[Complaint]) -> list[Complaint]:
    """Without those on a line that Trimtab's own validity rules speak of."""
    if not complaints:
        return []
    problems = (*unknown_needs(workflow), *unknown_events(workflow), *unknown_keys(workflow), *duplicate_keys(workflow))
    lines = {workflow.span(problem.path).line for problem in problems}
    return [c for c in complaints if c.line not in lines]


def _finding(workflow: Workflow, complaints: Sequence[Complaint]) -> Finding:
    first, more = complaints[0], len(complaints) - 1
    return Finding(
        rule="report-actionlint",
        says=first.says + (f" (and {more} more)" if more else ""),
        where=_span(workflow, first),
        evidence=tuple(f"{c.line}:{c.column} [{c.kind}] {c.says} ({c.checker})" for c in complaints[:_MOST]),
        predicts=Unknown("a file that is right has no price in minutes"),
        risk=risk,
        spots=tuple(_span(workflow, c) for c in complaints[1:_MOST]),
    )


def _span(workflow: Workflow, complaint: Complaint) -> Span:
    text = workflow.tree.line(complaint.line)
    return Span(workflow.path, complaint.line, complaint.column, complaint.line, complaint.column, text)
