"""
Renders one HTML page that can be mailed, archived or attached: self-contained, light and dark, no script

The page makes no foreign request, and its content security policy forbids one. Jinja2 escapes everything; hostile text is made
plain before that, so that bidi overrides and control characters are seen instead of obeyed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from trimtab import __version__
from trimtab.model import Finding, HostRef, Risk, RunRef, Span, Unknown
from trimtab.report import escape, figures, svg, text
from trimtab.report.steps import next_command
from trimtab.report.values import ChangeLine, KpiLine, Outcomes, Overview

_TONE = {"keep": "good", "undo": "bad", "wait": "open", "no_effect": "plain", "unverifiable": "plain"}


def page(shown: Overview) -> str:
    """The finished page."""
    return _template().render(
        shown=shown,
        version=__version__,
        kpis=[_kpi(k) for k in shown.kpis],
        changes=[_change(c) for c in shown.changes],
        trends=[(t, svg.trend(t)) for t in shown.trends],
        split=svg.outcomes(shown.outcomes) if shown.outcomes else "",
        legend=_legend(shown.outcomes) if shown.outcomes else [],
        findings=[_finding(f, shown) for f in (shown.page.findings if shown.page else ())],
        looked=text.summary(shown.page)[:-1] if shown.page else [],
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("trimtab.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = escape.plain
    return environment.get_template("page.html")


def _kpi(kpi: KpiLine) -> Mapping[str, Any]:
    number = kpi.value.value
    known = not isinstance(number, Unknown)
    interval = ""
    if known and kpi.value.low is not None and kpi.value.high is not None:
        interval = f"{figures.range_in_unit(kpi.value.low, kpi.value.high, kpi.unit)}, n = {kpi.value.n:,}"
    return {
        "title": kpi.title,
        "state": kpi.state,
        "shown": figures.in_unit(number, kpi.unit) if not isinstance(number, Unknown) else "unknown",
        "target": f"target {'>' if kpi.better == 'higher' else '<'} {figures.in_unit(kpi.target, kpi.unit)}",
        "interval": interval,
        "says": (number.why,) if isinstance(number, Unknown) else kpi.value.says,
        "command": number.command if isinstance(number, Unknown) else "",
    }


def _change(change: ChangeLine) -> Mapping[str, Any]:
    verdict, plan = change.verdict, change.plan
    words = figures.decision_words(verdict, change.stage) if verdict else str(change.stage)
    predicted = plan.predicts.why if isinstance(plan.predicts, Unknown) else figures.predicted(plan.predicts)
    return {
        "id": plan.id,
        "rule": plan.rule,
        "says": plan.says,
        "files": [f.path for f in plan.files],
        "words": words,
        "tone": _TONE[verdict.decision] if verdict else "open",
        "predicted": ("not priced: " if isinstance(plan.predicts, Unknown) else "") + predicted,
        "observed": _observed(change),
        "runs": f"{figures.count(verdict.n, 'run')} with the change, {verdict.control:,} without"
        if verdict
        else "no run counted yet",
        "why": [w for w in dict.fromkeys([verdict.why if verdict else "", change.why]) if w],
        "chart": svg.effect(verdict, plan.predicts) if verdict else "",
        "since": change.since,
        "next": next_command(change).partition("  ")[0],
    }


def _observed(change: ChangeLine) -> str:
    verdict = change.verdict
    if verdict is None or verdict.effect is None:
        return "no estimate yet"
    levels = ""
    if verdict.before is not None and verdict.after is not None:
        levels = f"{figures.number(verdict.before)} to {figures.number(verdict.after)}, "
    return f"{figures.metric_words(verdict.metric)} {levels}{text.effect_words(verdict)}"


def _legend(shown: Outcomes) -> list[tuple[str, str, int, str]]:
    total = sum(shown.counts.values()) or 1
    return [
        (word, name, n, figures.share(n / total, signed=False))
        for word, name in figures.ENDINGS.items()
        if (n := shown.counts.get(word, 0))
    ]


def _finding(finding: Finding, shown: Overview) -> Mapping[str, Any]:
    assert shown.page is not None
    predicts = finding.predicts
    return {
        "kind": shown.page.kinds.get(finding.rule, "cost"),
        "rule": finding.rule,
        "says": finding.says,
        "place": _place(finding.where),
        "source": _source(finding.where),
        "evidence": finding.evidence,
        "prices": [figures.predicted(p) for p in figures.told(predicts)] if not isinstance(predicts, Unknown) else [],
        "unpriced": predicts.why if isinstance(predicts, Unknown) else "",
        "command": predicts.command if isinstance(predicts, Unknown) else "",
        "risk": "only tells" if finding.risk is Risk.NONE else str(finding.risk),
        "next": f"trimtab apply {finding.id}" if finding.change else f"trimtab explain {finding.rule}",
    }


def _place(where: Span | HostRef | RunRef) -> str:
    match where:
        case Span():
            return f"{where.path}:{where.line}:{where.column}"
        case HostRef():
            return f"host {where.host}"
        case RunRef():
            return f"run {where.run_id}, attempt {where.attempt}"


def _source(where: Span | HostRef | RunRef) -> tuple[str, str, str] | None:
    """The source line in three parts, the middle one is what is meant."""
    if not isinstance(where, Span) or not where.text.strip():
        return None
    line, start = where.text.rstrip("\r\n"), max(where.column - 1, 0)
    ends_here = where.end_line in (0, where.line) and where.end_column > where.column
    end = where.end_column - 1 if ends_here else len(line)
    return escape.plain(line[:start]), escape.cut(line[start:end], 160), escape.cut(line[end:], 160)
