"""
Renders Markdown for a step summary, an issue or a pull request

Short tables that GitHub renders; source lines and commands stand in code. Nothing that came from a workflow file can become
a link, an image, HTML or a mention.
"""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.model import Finding, Span, Unknown
from trimtab.report import escape, figures
from trimtab.report.steps import next_command
from trimtab.report.text import facts
from trimtab.report.values import ChangeLine, FindingsPage, KpiLine, Overview

_MARK = {"met": "met", "missed": "**missed**", "unknown": "not measured"}


def findings(shown: FindingsPage) -> str:
    """A heading, a sentence on what was looked at, and one section a finding, dearest first."""
    total = figures.count(len(shown.findings), "finding")
    lines = [f"## {total} in {figures.count(shown.files, 'workflow file')}", ""]
    if shown.broken or shown.silenced or shown.unpriced:
        lines += [f"{shown.broken} unreadable, {shown.silenced} silenced, {shown.unpriced} without a price.", ""]
    for text in shown.says:
        lines += [escape.markdown(text), ""]
    for finding in shown.findings:
        lines += _finding(finding, shown.kinds.get(finding.rule, "cost"))
    return _page(lines)


def status(shown: Overview) -> str:
    """KPIs as a table, then changes, outcomes and findings."""
    lines = [f"## {escape.markdown(shown.name)}", ""]
    if shown.window:
        lines += [escape.markdown(shown.window), ""]
    lines += ["| KPI | now | target | |", "|---|---|---|---|", *(_kpi(k) for k in shown.kpis), ""]
    if shown.paused:
        lines += ["**Paused**: nothing is applied or settled. Go on with `trimtab resume`.", ""]
    if shown.disabled:
        lines += ["Disabled rules: " + ", ".join(escape.markdown_code(d) for d in shown.disabled), ""]
    lines += _changes(shown.changes)
    if shown.outcomes:
        said = (figures.endings(shown.outcomes.counts), *shown.outcomes.says)
        lines += ["### How runs ended", "", *(f"- {escape.markdown(s)}" for s in said if s), ""]
    for note in shown.notes:
        lines += [escape.markdown(note), ""]
    return _page(lines) + (findings(shown.page) if shown.page else "")


def changes(shown: Sequence[ChangeLine]) -> str:
    return _page(_changes(shown) or ["No change is live. Next: `trimtab diagnose`"])


def _page(lines: Sequence[str]) -> str:
    return escape.no_commands("\n".join(lines).rstrip("\n") + "\n")


def _finding(finding: Finding, kind: str) -> list[str]:
    where = finding.where
    lines = [f"### {kind}: {escape.markdown(finding.says)}", ""]
    if isinstance(where, Span):
        place = f"{where.path}:{where.line}:{where.column}"
        lines += [f"{escape.markdown_code(place)} (rule {escape.markdown_code(finding.rule)})", ""]
        if where.text.strip():
            lines += [escape.markdown_block(where.text.strip("\r\n"), "yaml"), ""]
    lines += [f"- {escape.markdown(text)}" for text in finding.evidence]
    if isinstance(finding.predicts, Unknown):
        how = f" Get it with {escape.markdown_code(finding.predicts.command)}." if finding.predicts.command else ""
        lines.append(f"- unpriced: {escape.markdown(finding.predicts.why)}{how}")
    else:
        lines += [f"- predicts {escape.markdown(figures.predicted(p))}" for p in figures.told(finding.predicts)]
    if finding.change:
        lines.append(f"- next: {escape.markdown_code(f'trimtab apply {finding.id}')} (undo is exact)")
    return [*lines, ""]


def _kpi(kpi: KpiLine) -> str:
    number = kpi.value.value
    if isinstance(number, Unknown):
        told = f"unknown: {escape.markdown(number.why)}"
        told += f" ({escape.markdown_code(number.command, cell=True)})" if number.command else ""
    else:
        told = "; ".join([figures.in_unit(number, kpi.unit), *map(escape.markdown, kpi.value.says)])
    sign = "&gt;" if kpi.better == "higher" else "&lt;"
    target = f"{sign} {figures.in_unit(kpi.target, kpi.unit)}"
    return f"| {escape.markdown(kpi.title)} | {told} | {target} | {_MARK[kpi.state]} |"


def _changes(shown: Sequence[ChangeLine]) -> list[str]:
    if not shown:
        return []
    lines = ["### Changes", "", "| change | rule | file | verdict | numbers | next |", "|---|---|---|---|---|---|"]
    for change in shown:
        words = figures.decision_words(change.verdict, change.stage) if change.verdict else str(change.stage)
        cells = [
            f"`{change.plan.id}`",
            escape.markdown_code(change.plan.rule, cell=True),
            ", ".join(escape.markdown_code(f.path, cell=True) for f in change.plan.files),
            escape.markdown(words),
            escape.markdown("; ".join(facts(change))),
            _next(change),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def _next(change: ChangeLine) -> str:
    """The command as code; what a person has to do first in words before it."""
    words, then, command = next_command(change).partition("  ")[0].rpartition(", then: ")
    return escape.markdown(words + then) + (escape.markdown_code(command, cell=True) if command else "")
