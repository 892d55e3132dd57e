"""
Renders values as JSON for programs: stable keys, numbers as numbers, Unknown as {"unknown": why, "command": ...}

`"trimtab": 1` names the shape; it changes when a key changes its meaning or goes. Output is ASCII, so that no terminal obeys it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from trimtab.model import Finding, Span, Unknown
from trimtab.report import escape, figures
from trimtab.report.values import ChangeLine, FindingsPage, KpiLine, Overview

SHAPE = 1


def dumps(value: Mapping[str, Any]) -> str:
    """Any mapping of our values as one JSON document with a final newline."""
    return bare({"trimtab": SHAPE, **value})


def bare(value: Mapping[str, Any]) -> str:
    """The same without the name of our shape: for documents whose shape somebody else defined."""
    text = json.dumps(plain(value), indent=2, ensure_ascii=True, allow_nan=False)
    return escape.json_text(text) + "\n"


def findings(shown: FindingsPage) -> str:
    return dumps(_page(shown))


def changes(shown: Sequence[ChangeLine]) -> str:
    return dumps({"changes": [_change(c) for c in shown]})


def status(shown: Overview) -> str:
    """The whole overview; `trimtab report --format json` prints the same."""
    return dumps(
        {
            "name": shown.name,
            "at": shown.at,
            "window": shown.window,
            "kpis": [_kpi(k) for k in shown.kpis],
            "changes": [_change(c) for c in shown.changes],
            "outcomes": shown.outcomes,
            "trends": shown.trends,
            "paused": shown.paused,
            "disabled": shown.disabled,
            "notes": shown.notes,
            **(_page(shown.page) if shown.page else {}),
        }
    )


def plain(value: Any) -> Any:
    """
    The value in JSON's own types: times as ISO 8601, Unknown by its why, dataclasses by field, sets sorted

    Infinite and undefined numbers have no JSON form and become null. Raises TypeError for a type that is none of ours.
    """
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Enum():
            return value.value
        case str():
            return value
        case datetime():
            return value.isoformat()
        case Unknown():
            return {"unknown": value.why, "command": value.command or None}
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case set() | frozenset():
            return sorted(plain(item) for item in value)
        case list() | tuple():
            return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value) if f.name != "what_if"}
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _page(shown: FindingsPage) -> dict[str, Any]:
    return {
        "findings": [_finding(f, shown.kinds.get(f.rule, "cost")) for f in shown.findings],
        "files": shown.files,
        "broken": shown.broken,
        "silenced": shown.silenced,
        "unpriced": shown.unpriced,
        "says": shown.says,
    }


def _finding(finding: Finding, kind: str) -> dict[str, Any]:
    where = finding.where
    return {
        "id": finding.id,
        "rule": finding.rule,
        "kind": kind,
        "says": finding.says,
        "path": where.path if isinstance(where, Span) else None,
        "where": where,
        "spots": finding.spots,
        "evidence": finding.evidence,
        "predicts": finding.predicts,
        "risk": finding.risk,
        "change": finding.change,
        "next": f"trimtab apply {finding.id}" if finding.change else f"trimtab explain {finding.rule}",
    }


def _change(change: ChangeLine) -> dict[str, Any]:
    return {
        "id": change.plan.id,
        "rule": change.plan.rule,
        "says": change.plan.says,
        "files": [f.path for f in change.plan.files],
        "metric": change.plan.metric,
        "design": change.plan.design,
        "digest": change.plan.digest,
        "predicts": change.plan.predicts,
        "stage": change.stage,
        "since": change.since,
        "delivery": change.delivery,
        "why": change.why,
        "words": figures.decision_words(change.verdict, change.stage) if change.verdict else None,
        "verdict": change.verdict,
    }


def _kpi(kpi: KpiLine) -> dict[str, Any]:
    return {
        "id": kpi.id,
        "title": kpi.title,
        "unit": kpi.unit,
        "better": kpi.better,
        "target": kpi.target,
        "state": kpi.state,
        "value": kpi.value.value,
        "low": kpi.value.low,
        "high": kpi.value.high,
        "n": kpi.value.n,
        "says": kpi.value.says,
    }
