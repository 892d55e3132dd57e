"""
Renders findings as GitHub Actions annotations: one `::warning file=...::` line each

The escaping of message and properties is that of actions/toolkit (`packages/core/src/command.ts`). GitHub shows at most ten
warnings of a step, so the findings stand in the order of their price and a plain line says how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.model import Finding, Span, Unknown
from trimtab.report import escape, figures
from trimtab.report.steps import next_command
from trimtab.report.text import facts
from trimtab.report.values import ChangeLine, FindingsPage, Overview


def findings(shown: FindingsPage) -> str:
    lines = [_annotation(f, shown.kinds.get(f.rule, "cost")) for f in shown.findings]
    told = f"{figures.count(len(shown.findings), 'finding')} in {figures.count(shown.files, 'workflow file')}"
    return "\n".join([*lines, told]) + "\n"


def status(shown: Overview) -> str:
    """A warning for each KPI that misses its target, a notice for each that is unknown."""
    lines = []
    for kpi in shown.kpis:
        number = kpi.value.value
        told = f"unknown: {number.why}" if isinstance(number, Unknown) else figures.in_unit(number, kpi.unit)
        level = {"missed": "warning", "unknown": "notice", "met": "notice"}[kpi.state]
        target = f"target {'>' if kpi.better == 'higher' else '<'} {figures.in_unit(kpi.target, kpi.unit)}"
        lines.append(_line(level, {"title": f"trimtab: {kpi.title}"}, f"{told} ({target})"))
    return "\n".join([*lines, *(_change(c) for c in shown.changes)]) + "\n"


def changes(shown: Sequence[ChangeLine]) -> str:
    return "".join(_change(c) + "\n" for c in shown) or "no change is live; next: trimtab diagnose\n"


def _change(change: ChangeLine) -> str:
    words = figures.decision_words(change.verdict, change.stage) if change.verdict else str(change.stage)
    properties = {"file": change.plan.files[0].path} if change.plan.files else {}
    step = next_command(change)
    told = [words, *facts(change), f"next: {step}" if step else ""]
    title = f"trimtab: {change.plan.rule} {change.plan.id}"
    return _line("notice", {**properties, "title": title}, "\n".join(part for part in told if part))


def _annotation(finding: Finding, kind: str) -> str:
    where = finding.where
    place: dict[str, str] = {}
    if isinstance(where, Span):
        place = {"file": where.path, "line": str(where.line), "col": str(where.column)}
    price = finding.predicts.why if isinstance(finding.predicts, Unknown) else figures.predicted(finding.predicts)
    told = [finding.says, *finding.evidence, price, f"trimtab apply {finding.id}" if finding.change else ""]
    level = "error" if kind == "fault" else "warning"
    return _line(level, {**place, "title": f"trimtab: {finding.rule}"}, "\n".join(part for part in told if part))


def _line(level: str, properties: dict[str, str], message: str) -> str:
    told = ",".join(f"{name}={escape.command_property(value)}" for name, value in properties.items())
    return f"::{level} {told}::{escape.command_data(message)}"
