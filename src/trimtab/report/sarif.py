"""
Renders findings as SARIF 2.1.0, the format that GitHub code scanning reads

Follows the OASIS standard "Static Analysis Results Interchange Format 2.1.0": `runs[].tool.driver.rules` describes each rule
once, results point at it by index, places are relative to %SRCROOT%, columns count UTF-16 code units by default, so the run
says `unicodeCodePoints`, which is what our spans count. `partialFingerprints` carries the finding's id, which survives
edits elsewhere in the file.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from trimtab import __version__
from trimtab.model import Finding, Risk, Span, Unknown
from trimtab.report import escape, figures
from trimtab.report.json import bare
from trimtab.report.values import FindingsPage

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def findings(shown: FindingsPage) -> str:
    """One SARIF log with one run."""
    ids = sorted({f.rule for f in shown.findings})
    driver = {
        "name": "trimtab",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(id, shown) for id in ids],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "the root of the repository"}}},
        "results": [_result(f, ids.index(f.rule), shown) for f in shown.findings],
    }
    return bare({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(id: str, shown: FindingsPage) -> dict[str, Any]:
    title = escape.plain(shown.titles.get(id, id))
    kind = shown.kinds.get(id, "cost")
    return {
        "id": id,
        "name": "".join(part.capitalize() for part in id.split("-")),
        "shortDescription": {"text": title},
        "help": {"text": f"trimtab explain {id}"},
        "defaultConfiguration": {"level": _level(kind)},
        "properties": {"tags": [kind]},
    }


def _level(kind: str) -> str:
    return {"fault": "error", "note": "note"}.get(kind, "warning")


def _result(finding: Finding, index: int, shown: FindingsPage) -> dict[str, Any]:
    price = finding.predicts.why if isinstance(finding.predicts, Unknown) else figures.predicted(finding.predicts)
    told = [finding.says, *finding.evidence, price]
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": "note"
        if finding.risk is Risk.NONE and not finding.change
        else _level(shown.kinds.get(finding.rule, "")),
        "message": {"text": ". ".join(escape.plain(part) for part in told if part)},
        "partialFingerprints": {"trimtab/v1": finding.id},
        "properties": {"risk": str(finding.risk)},
    }
    if isinstance(finding.where, Span):
        result["locations"] = [_location(finding.where)]
        if finding.spots:
            result["relatedLocations"] = [{"id": n, **_location(s)} for n, s in enumerate(finding.spots, 1)]
    return result


def _location(span: Span) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": max(span.line, 1), "startColumn": max(span.column, 1)}
    if span.end_line >= span.line and (span.end_line > span.line or span.end_column > span.column):
        region |= {"endLine": span.end_line, "endColumn": max(span.end_column, 1)}
    if span.text:
        region["snippet"] = {"text": escape.plain(span.text.rstrip("\r\n"))}
    place = {"uri": quote(span.path), "uriBaseId": "%SRCROOT%"}
    return {"physicalLocation": {"artifactLocation": place, "region": region}}
