"""
Plan: turn findings into interventions, each frozen with everything that its verdict will be judged by

Every edit is made in memory and proved five ways before anything is written: four proofs are `workflow.prove`'s (inverse
splice, intended tree, second parser, untouched lines); the fifth is asked here: on the edited file the rule no longer fires.
Metric, design, horizon, prediction and the files' hashes are hashed into the intervention's digest and journalled before
apply, so that nobody, including us, can choose a kinder yardstick afterwards.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast

from trimtab import catalogue
from trimtab.catalogue.evidence import BrokenFile, Evidence
from trimtab.errors import EditRefused, HostileFileError, ParseError, ProofFailed
from trimtab.ledger.state import Progress
from trimtab.loop import Site
from trimtab.model import Finding, Intervention, PlannedFile, Prediction, Risk, Span, Stage, Unknown
from trimtab.workflow.edits import Edited, edit
from trimtab.workflow.model import Workflow
from trimtab.workflow.prove import prove
from trimtab.workflow.read import read
from trimtab.world.git import blob_id

_ELSEWHERE = Unknown("a proof about one file looks at no other file's history")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A finding whose change is not made, and why."""

    finding: Finding
    why: str


@dataclass(frozen=True, slots=True)
class Draft:
    """An intervention with the bytes it leads from and to, by path."""

    intervention: Intervention
    before: dict[str, bytes]
    after: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Plan:
    drafts: tuple[Draft, ...]
    refusals: tuple[Refusal, ...]

    @property
    def interventions(self) -> tuple[Intervention, ...]:
        return tuple(d.intervention for d in self.drafts)


def plan(site: Site, evidence: Evidence, findings: Sequence[Finding], *, together: bool = False) -> Plan:
    """
    Draft one intervention per finding (or, `together`, one per rule over all its files) and journal each

    Refusals are values: one file that cannot be edited safely does not stop the others. Raises nothing of its own.
    """
    now = site.now()
    earlier = tuple(site.journal.state().changes.values())
    made = draft(evidence, findings, now, site.config.horizon_days, earlier, together=together)
    known = {progress.plan.id for progress in earlier}
    for item in made.drafts:
        if item.intervention.id not in known:
            site.journal.store(*item.before.values(), *item.after.values())
            site.journal.plan(item.intervention, at=now)
    return made


def draft(
    evidence: Evidence,
    findings: Sequence[Finding],
    now: datetime,
    horizon_days: int,
    earlier: Sequence[Progress] = (),
    *,
    together: bool = False,
) -> Plan:
    """
    The same without the journal: pure

    A plan among `earlier` that still waits to be applied stays frozen as it is: planning again does not move the
    prediction. One that was applied before and came to an end is planned anew, under another id.
    """
    proved: list[tuple[Finding, Edited]] = []
    refusals: list[Refusal] = []
    for finding in findings:
        try:
            proved.append((finding, proved_edit(evidence, finding)))
        except (EditRefused, ProofFailed, ParseError, HostileFileError) as error:
            refusals.append(Refusal(finding, error.what))
    groups = _by_rule(proved) if together else [[pair] for pair in proved]
    return Plan(tuple(_freeze(group, now, horizon_days, earlier) for group in groups), tuple(refusals))


def proved_edit(evidence: Evidence, finding: Finding) -> Edited:
    """
    The finding's change made in memory and proved five ways

    Raises EditRefused when there is no change or it cannot be made safely, ProofFailed when a proof does not hold.
    """
    if finding.change is None:
        raise EditRefused(f"{finding.rule} only tells; it has nothing to apply")
    before = _bytes_of(evidence, finding.change.path)
    edited = edit(before, finding.change)
    prove(finding.change, edited)
    _prove_quiet(evidence, finding, edited)
    return edited


def _prove_quiet(evidence: Evidence, finding: Finding, edited: Edited) -> None:
    """The fifth proof: with the edited file in place the rule that asked for the edit has nothing left to say of it."""
    assert finding.change is not None
    rule = catalogue.rules()[finding.rule]
    amended = cast(Evidence, _OneHistory(evidence, read(finding.change.path, edited.after)))
    if any(f.id == finding.id and f.change is not None for f in rule.find(amended)):
        raise ProofFailed(f"after the edit {finding.rule} still fires on {finding.change.path}; nothing was written")


class Amended:
    """Evidence in which one workflow file reads otherwise; everything else is the original's answer."""

    def __init__(self, evidence: Evidence, workflow: Workflow) -> None:
        self._evidence, self._workflow = evidence, workflow

    def __getattr__(self, question: str) -> object:
        return getattr(self._evidence, question)

    def workflows(self) -> tuple[Workflow, ...]:
        others = (w for w in self._evidence.workflows() if w.path != self._workflow.path)
        return tuple(sorted((*others, self._workflow), key=lambda w: w.path))

    def broken(self) -> tuple[BrokenFile, ...]:
        return tuple(b for b in self._evidence.broken() if b.path != self._workflow.path)

    def text(self, path: str) -> object:
        return self._workflow.tree.text if path == self._workflow.path else self._evidence.text(path)


class _OneHistory(Amended):
    """
    The same with that file's history alone

    A rule judges a file by its own runs; in a repository of a hundred workflows the others' were nearly all of a proof's time.
    """

    def history(self, workflow: str) -> object:
        return self._evidence.history(workflow) if workflow == self._workflow.path else _ELSEWHERE

    def runs(self, workflow: str) -> object:
        return self._evidence.runs(workflow) if workflow == self._workflow.path else _ELSEWHERE

    def jobs(self, workflow: str, job: str) -> object:
        return self._evidence.jobs(workflow, job) if workflow == self._workflow.path else _ELSEWHERE


def _bytes_of(evidence: Evidence, path: str) -> bytes:
    for workflow in evidence.workflows():
        if workflow.path == path:
            return workflow.tree.encoded
    for broken in evidence.broken():
        if broken.path == path and broken.text is not None:
            return broken.text.encode()
    raise EditRefused(f"{path} cannot be read as text", "an edit needs the exact bytes that it starts from")


def _by_rule(proved: Iterable[tuple[Finding, Edited]]) -> list[list[tuple[Finding, Edited]]]:
    groups: dict[str, list[tuple[Finding, Edited]]] = {}
    for finding, edited in proved:
        groups.setdefault(finding.rule, []).append((finding, edited))
    return list(groups.values())


def _freeze(
    group: Sequence[tuple[Finding, Edited]], now: datetime, horizon_days: int, earlier: Sequence[Progress]
) -> Draft:
    """One intervention of a group of findings of one rule, with its id and the digest over what it will be judged by."""
    first, rule = group[0][0], catalogue.rules()[group[0][0].rule]
    files = tuple(_planned(finding, edited) for finding, edited in group)
    findings = tuple(finding.id for finding, _ in group)
    predicts = _added(finding.predicts for finding, _ in group)
    content = [(f.path, f.before, f.after) for f in files]
    same = [
        p
        for p in earlier
        if p.plan.findings == findings and [(f.path, f.before, f.after) for f in p.plan.files] == content
    ]
    waiting = next((p.plan for p in same if p.stage in (Stage.PROPOSED, Stage.STALE)), None)
    judged_by = {
        "metric": rule.metric,
        "design": rule.design,
        "horizon_days": horizon_days,
        "predicts": asdict(predicts),
        "files": content,
    }
    intervention = waiting or Intervention(
        id=_hash([findings, content, len(same)])[:8],
        rule=first.rule,
        says=first.says,
        findings=findings,
        files=files,
        metric=rule.metric,
        design=rule.design,
        horizon_days=horizon_days,
        predicts=predicts,
        risk=Risk.REVIEW if any(f.risk is Risk.REVIEW for f, _ in group) else first.risk,
        planned=now,
        digest=_hash(judged_by),
    )
    edits = {f.path: edited for f, (_, edited) in zip(files, group, strict=True)}
    return Draft(intervention, {p: e.before for p, e in edits.items()}, {p: e.after for p, e in edits.items()})


def _added(predictions: Iterable[Prediction | Unknown]) -> Prediction | Unknown:
    """The prediction of one change over several files: bounds add up (no wider claim is made), shares do not."""
    known = list(predictions)
    missing = next((p for p in known if isinstance(p, Unknown)), None)
    if missing is not None or len(known) == 1:
        return missing or known[0]
    rows = [p for p in known if isinstance(p, Prediction)]
    low, mid, high = (sum(getattr(p, name) for p in rows) for name in ("low", "mid", "high"))
    runs, days = sum(p.runs for p in rows), max(p.days for p in rows)
    basis = f"{len(rows)} workflows: {rows[0].basis}"
    return Prediction(rows[0].metric, low, mid, high, None, None, runs, days, basis, rows[0].level)


def _planned(finding: Finding, edited: Edited) -> PlannedFile:
    assert finding.change is not None and isinstance(finding.where, Span)
    return PlannedFile(
        path=finding.change.path,
        before=hashlib.sha256(edited.before).hexdigest(),
        after=hashlib.sha256(edited.after).hexdigest(),
        before_blob=blob_id(edited.before),
        after_blob=blob_id(edited.after),
        change=finding.change,
    )


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
