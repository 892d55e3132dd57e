"""
Mend a workflow file that does not parse

A file that is no YAML runs nothing, and GitHub tells nobody but the person who looks at the Actions tab. Trimtab proposes the
smallest replacement of whole lines that makes the file a workflow again: tabs in the indentation, a line indented wrongly,
a quote or bracket that was not closed, a value that needs quotes, a missing colon or space. The result is offered only if
two independent parsers read it and every job and step is whole; you should still read it, because the parser cannot know
what was meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trimtab.catalogue.evidence import BrokenFile, Evidence
from trimtab.model import Design, EditFile, Finding, Risk, Span, Unknown
from trimtab.workflow.repair import repair

metric, risk = "runner_minutes", Risk.REVIEW
design: Design = "unverifiable"
settings: Mapping[str, object] = {}


def find(evidence: Evidence) -> Iterator[Finding]:
    for broken in evidence.broken():
        yield _finding(broken)


def _finding(broken: BrokenFile) -> Finding:
    found = Unknown("it is not text that can be edited") if broken.text is None else repair(broken.text)
    lines = () if isinstance(found, Unknown) else found
    told = (
        f"no repair: {found.why}"
        if isinstance(found, Unknown)
        else "; ".join(f"line {r.first}: {r.text}" for r in found)
    )
    return Finding(
        rule="repair-syntax",
        says=f"{'Trimtab does not' if broken.text is None else 'GitHub cannot'} read this file: {broken.says}",
        where=_span(broken),
        evidence=(told,),
        predicts=Unknown("nothing in the file runs, so there are no minutes to compare"),
        change=EditFile(broken.path, repair=lines) if lines else None,
        risk=risk if lines else Risk.NONE,
    )


def _span(broken: BrokenFile) -> Span:
    lines = (broken.text or "").split("\n")
    text = lines[broken.line - 1].rstrip("\r") if broken.line <= len(lines) else ""
    return Span(broken.path, broken.line, broken.column, broken.line, broken.column, text)
