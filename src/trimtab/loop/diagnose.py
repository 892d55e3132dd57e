"""
Diagnose: ask every rule what it sees, and price what it found

Evidence in, findings out; nothing is changed and nothing is written. A finding whose rule can say what would have happened is
replayed over the past runs of its workflow; one that cannot be priced says which command would get the history.
The order is the order of work: what saves most per 30 days first, then safe changes, then what only tells.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from trimtab import catalogue
from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.protocols import Rule
from trimtab.model import NOT_PRICED, Finding, History, Prediction, Risk, Span, Unknown, WhatIf
from trimtab.workflow.ignores import ignored


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`files` workflow files were read and `broken` could not be; `silenced` findings were ignored by a comment in the file."""

    findings: tuple[Finding, ...]
    files: int
    broken: int
    silenced: int

    @property
    def unpriced(self) -> int:
        """Findings that carry a change but no price."""
        return sum(1 for f in self.findings if f.change and isinstance(f.predicts, Unknown))


def diagnose(
    evidence: Evidence,
    *,
    disabled: Collection[str] = (),
    rules: Mapping[str, Rule] | None = None,
    price: bool = True,
    only_paths: Collection[str] | None = None,
) -> Diagnosis:
    """
    What the catalogue sees in `evidence`, dearest first

    `rules` defaults to the whole catalogue; `disabled` names rules not to ask; `only_paths` keeps findings in those files.
    A rule that raises is a bug: the exception goes up with the rule's name on it.
    """
    chosen = {id: rule for id, rule in (rules or catalogue.rules()).items() if id not in disabled}
    found = [f for id, rule in chosen.items() for f in _ask(id, rule, evidence)]
    if only_paths is not None:
        found = [f for f in found if isinstance(f.where, Span) and f.where.path in only_paths]
    heard = [f for f in found if not _silenced(f, evidence)]
    if price:
        heard = [_priced(f, chosen[f.rule].metric, evidence) for f in heard]
    files, broken = len(evidence.workflows()), len(evidence.broken())
    return Diagnosis(tuple(sorted(heard, key=_rank)), files + broken, broken, len(found) - len(heard))


def _ask(id: str, rule: Rule, evidence: Evidence) -> list[Finding]:
    try:
        return list(rule.find(evidence))
    except Exception as error:
        error.add_note(f"in rule {id}; `trimtab disable {id}` goes round it")
        raise


def _silenced(finding: Finding, evidence: Evidence) -> bool:
    """Whether a `# trimtab: ignore[rule]` in the file speaks of this finding."""
    if not isinstance(finding.where, Span):
        return False
    text = evidence.text(finding.where.path)
    return isinstance(text, str) and "trimtab:" in text and finding.rule in ignored(text, finding.where.line)


def _priced(finding: Finding, metric: str, evidence: Evidence) -> Finding:
    """The finding with its replayed price; a rule that offers no replay may say itself why there is no price."""
    if finding.what_if is not None and isinstance(finding.where, Span):
        return replace(finding, predicts=_replayed(evidence.history(finding.where.path), finding.what_if, metric))
    if finding.predicts == NOT_PRICED:
        return replace(finding, predicts=Unknown("its effect on minutes cannot be replayed from run history"))
    return finding


def _replayed(history: History | Unknown, what_if: WhatIf, metric: str) -> Prediction | Unknown:
    if isinstance(history, Unknown):
        return history
    from trimtab.replay.price import price  # brings numpy, a third of a cold start: only where there is a history

    return price(history, what_if, metric=metric)


def _rank(finding: Finding) -> tuple[float, int, int, str, str]:
    """Dearest first, by the larger of runner minutes and feedback minutes saved; then by risk, rule and place."""
    saved = max((_minutes(p) for p in _predictions(finding.predicts)), default=0.0)
    order = {Risk.SAFE: 0, Risk.REVIEW: 1, Risk.NONE: 2}[finding.risk]
    path = finding.where.path if isinstance(finding.where, Span) else ""
    return (-saved, 0 if finding.change else 1, order, path, finding.rule)


def _predictions(predicts: Prediction | Unknown) -> tuple[Prediction, ...]:
    return () if isinstance(predicts, Unknown) else (predicts, *predicts.also)


def _minutes(prediction: Prediction) -> float:
    """Minutes saved per 30 days at the middle of the interval; 0 when the change costs."""
    return max(-prediction.mid / (60.0 if prediction.metric.endswith("_seconds") else 1.0), 0.0)
