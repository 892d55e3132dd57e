"""
Correct a `needs` that names no job

GitHub refuses the whole file when a job needs one that does not exist: nothing in it runs, on any event. Usually the other job
was renamed, or its name mistyped. The nearest existing job id is proposed, unless that would make the jobs wait in a circle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trimtab.catalogue.evidence import Evidence
from trimtab.model import Design, EditFile, Finding, ReplaceScalar, Risk, Unknown
from trimtab.workflow.validity import unknown_needs

metric, risk = "runner_minutes", Risk.REVIEW
design: Design = "unverifiable"
settings: Mapping[str, object] = {}


def find(evidence: Evidence) -> Iterator[Finding]:
    for workflow in evidence.workflows():
        problems = unknown_needs(workflow)
        if not problems:
            continue
        ops = tuple(ReplaceScalar(p.path, p.nearest) for p in problems if p.nearest is not None)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        yield Finding(
            rule="fix-unknown-needs",
            says=problems[0].says + more,
            where=workflow.span(problems[0].path),
            node=problems[0].path,
            evidence=tuple(f"{p.says}; did you mean {p.nearest!r}?" for p in problems if p.nearest is not None),
            predicts=Unknown("GitHub refuses the file, so nothing in it runs"),
            change=EditFile(workflow.path, ops) if ops else None,
            risk=risk if ops else Risk.NONE,
            spots=tuple(workflow.span(p.path) for p in problems[1:]),
        )
