"""
Drafts several edits as they will be made: one after the other, each on what the one before it leaves

Nothing is written. The same chain makes the diff of a dry run and the plans that are then applied, so both are the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from trimtab.catalogue.evidence import Evidence
from trimtab.loop import Site
from trimtab.loop.plan import Amended, Draft, Refusal, draft, plan
from trimtab.model import Finding
from trimtab.report.text import Paint, diff
from trimtab.workflow.read import read


@dataclass(frozen=True, slots=True)
class Chain:
    """Drafts in the order in which they are to be applied, and the findings that no edit is made of."""

    drafts: tuple[Draft, ...]
    refusals: tuple[Refusal, ...]


def chain(site: Site, evidence: Evidence, findings: Sequence[Finding], *, journal: bool) -> Chain:
    """Draft each finding on top of the others; with `journal` every draft is also written down as a plan."""
    drafts: list[Draft] = []
    refusals: list[Refusal] = []
    for finding in findings:
        made = _one(site, evidence, finding, journal)
        refusals += made.refusals
        for item in made.drafts:
            drafts.append(item)
            for path, data in item.after.items():
                evidence = cast(Evidence, Amended(evidence, read(path, data)))
    return Chain(tuple(drafts), tuple(refusals))


def _one(site: Site, evidence: Evidence, finding: Finding, journal: bool) -> Chain:
    if journal:
        made = plan(site, evidence, [finding])
    else:
        earlier = tuple(site.journal.state().changes.values())
        made = draft(evidence, [finding], site.now(), site.config.horizon_days, earlier)
    return Chain(made.drafts, made.refusals)


def diffs(drafts: Sequence[Draft], paint: Paint) -> list[str]:
    """The diff of each draft under a line that names it, and the finding: its id is what `apply` knows after a dry run."""
    lines: list[str] = []
    for item in drafts:
        made = item.intervention
        lines.append(paint("bold", f"change {made.id} {made.rule}, for finding {' '.join(made.findings)}"))
        for path in item.after:
            lines += diff(path, item.before[path], item.after[path], paint)
        lines.append("")
    return lines


def refused(refusals: Sequence[Refusal]) -> list[str]:
    """One sentence for each finding that no edit is made of."""
    return [f"not {refusal.finding.rule} ({refusal.finding.id}): {refusal.why}" for refusal in refusals]
