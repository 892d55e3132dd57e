"""
Every case of every rule: files in, findings and files out

`tests/cases/rules/<rule-id>/<case>/` holds `repo/` with what the rule looks at (see evidence.py), `expect.json` with what
it should say, and `after/` with the files as all its changes leave them. A trap is a case whose `expect.json` has no
finding. `pytest tests/test_cases.py --update-cases` rewrites both; read the diff before you commit it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evidence import FolderEvidence
from trimtab.catalogue import rules
from trimtab.errors import EditRefused
from trimtab.model import Finding, Prediction, Span, Unknown
from trimtab.replay.price import price
from trimtab.workflow.edits import edit
from trimtab.workflow.prove import prove

CASES = Path(__file__).parent / "cases" / "rules"
FOLDERS = sorted(p.parent for p in CASES.glob("*/*/repo"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_case(folder: Path, request: pytest.FixtureRequest) -> None:
    rule = rules()[folder.parent.name]
    settings = {f"{folder.parent.name}.{name}": value for name, value in rule.settings.items()}
    evidence = FolderEvidence(folder, settings=settings)
    findings = list(rule.find(evidence))
    files, refusals = apply_all(evidence, findings)
    told = {"findings": [describe(f, evidence, refusals.get(f.id)) for f in findings]}
    if request.config.getoption("--update-cases", default=False):
        write(folder, told, files)
    assert told == json.loads((folder / "expect.json").read_text())
    assert files == stored(folder / "after")
    once_more(rule, folder, settings, files, refusals)


def apply_all(evidence: FolderEvidence, findings: list[Finding]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Apply each finding's change with all its proofs; the files that changed, and refusals by finding id."""
    files: dict[str, bytes] = {}
    refusals: dict[str, str] = {}
    for finding in findings:
        if finding.change is None:
            continue
        path = finding.change.path
        try:
            edited = edit(files.get(path, evidence.bytes(path)), finding.change)
        except EditRefused as refused:
            refusals[finding.id] = refused.what
            continue
        prove(finding.change, edited)
        files[path] = edited.after
    return files, refusals


def describe(finding: Finding, evidence: FolderEvidence, refusal: str | None) -> dict[str, Any]:
    """A finding as plain JSON, with what a user would see and do."""
    told: dict[str, Any] = {"says": finding.says, "at": place(finding.where), "risk": str(finding.risk)}
    if finding.evidence:
        told["evidence"] = list(finding.evidence)
    if finding.spots:
        told["spots"] = [place(spot) for spot in finding.spots]
    if finding.change is not None:
        told["ops"] = len(finding.change.ops) + len(finding.change.repair)
    if refusal is not None:
        told["refused"] = refusal
    told["price"] = priced(finding, evidence)
    return told


def place(where: object) -> str:
    assert isinstance(where, Span), "a rule about files says where in a file"
    return f"{where.path}:{where.line}:{where.column} | {where.text}"


def priced(finding: Finding, evidence: FolderEvidence) -> str:
    """The price in words, rounded so that it states a fact and not a floating point library."""
    predicts = finding.predicts
    if finding.what_if is not None:
        assert isinstance(finding.where, Span)
        metric = rules()[finding.rule].metric
        predicts = price(evidence.history(finding.where.path), finding.what_if, metric=metric)
    if isinstance(predicts, Unknown):
        return f"unknown: {predicts.why}"
    return "; ".join(in_words(p) for p in (predicts, *predicts.also))


def in_words(p: Prediction) -> str:
    return f"{p.metric} {p.low:.1f} ... {p.mid:.1f} ... {p.high:.1f} ({p.runs} runs, {p.days:.0f} days)"


def write(folder: Path, told: dict[str, Any], files: dict[str, bytes]) -> None:
    (folder / "expect.json").write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    for path in stored(folder / "after"):
        (folder / "after" / path).unlink()
    for path, data in files.items():
        target = folder / "after" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def stored(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def once_more(
    rule: Any, folder: Path, settings: dict[str, object], files: dict[str, bytes], refusals: dict[str, str]
) -> None:
    """The fifth proof: a rule that was obeyed does not fire again."""
    again = [
        f for f in rule.find(FolderEvidence(folder, files, settings)) if f.change is not None and f.id not in refusals
    ]
    assert not again, f"still says: {[f.says for f in again]}"
