"""What other programs read: JSON, annotations and SARIF."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest

from screens import NOW, changes, hostile_page, overview, page, plan, prediction
from trimtab.model import Decision, Stage, Unknown, Verdict
from trimtab.report import figures, github, sarif, text
from trimtab.report import json as as_json
from trimtab.report.values import ChangeLine

# ------------------------------------------------------------------------------------ JSON, annotations, SARIF


def test_json_says_unknown_as_a_value_with_the_command_that_would_tell() -> None:
    told = json.loads(as_json.status(overview()))
    assert told["trimtab"] == 1
    assert told["kpis"][2]["value"] == {"unknown": "no host was looked at", "command": "trimtab storage"}
    assert [c["words"] for c in told["changes"]] == [
        "helped, kept",
        "hurt (undone)",
        "too early (about 9 days, 60 runs)",
    ]
    assert told["findings"][0]["predicts"]["low"] == -640.0
    assert told["findings"][1]["predicts"]["unknown"].startswith("no history")


def test_json_has_no_infinite_number() -> None:
    told = json.loads(as_json.dumps({"a": float("inf"), "b": [float("nan")], "c": {NOW: {3, 1}}}))
    assert told == {"trimtab": 1, "a": None, "b": [None], "c": {str(NOW): [1, 3]}}


def test_json_refuses_what_is_no_value_of_ours() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        as_json.plain(object())


def test_an_annotation_is_one_line_that_points_at_the_place() -> None:
    first, *_, last = github.findings(page()).splitlines()
    assert first.startswith(
        "::warning file=.github/workflows/ci.yml,line=2,col=1,title=trimtab%3A cancel-superseded::a newer"
    )
    assert "%0Atrimtab apply 7177f864" in first
    assert last == "3 findings in 9 workflow files"
    assert github.findings(page()).splitlines()[2].startswith("::error ")


def test_an_annotation_of_a_change_has_its_numbers_and_the_next_command() -> None:
    lines = github.changes(changes()).splitlines()
    assert len(lines) == 3
    assert lines[0].partition("::notice file=.github/workflows/ci.yml,title=trimtab%3A cancel-superseded 3f2a91bc::")[
        2
    ].split("%0A") == [
        "helped, kept",
        "runner minutes 24.1 -> 19.6   -19 %25 (95 %25: -11 ... -26 %25)",
        "96 runs without, 41 with",
        "predicted -18 ... -24 %25, observed -19 %25",
        "38 superseded runs were cut",
        "next: trimtab undo 3f2a91bc        (kept, and still one command away from gone)",
    ]
    assert lines[2].endswith("%0Anext: trimtab measure 0b5e7c19")
    proposed = ChangeLine(plan("3f2a91bc", "set-timeout", "x", predicts=Unknown("no run")), Stage.PROPOSED, NOW)
    assert github.changes((proposed,)).endswith("::proposed%0Aunpriced: no run%0Anext: trimtab apply 3f2a91bc\n")


def test_one_run_and_one_day_are_no_plural() -> None:
    verdict = Verdict(Decision.WAIT, "runner_minutes", None, None, None, 2, 1, "")
    assert text.verdict_lines(verdict, Unknown("no run")) == ["  1 run without, 2 with"]
    assert "1 run, 1 day)" in figures.predicted(replace(prediction(), runs=1, days=1.2))


# The parts of the SARIF 2.1.0 schema (OASIS, errata 01) that a consumer stands on, written out by hand: required
# properties, types, enumerations and minima of every object that we write, and nothing that the standard does not name.
_TEXT = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string"}},
    "additionalProperties": False,
}
_REGION = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **{k: {"type": "integer", "minimum": 1} for k in ("startLine", "startColumn", "endLine", "endColumn")},
        "snippet": _TEXT,
    },
}
_LOCATION = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": -1},
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "additionalProperties": False,
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "uri": {"type": "string", "pattern": r"^[A-Za-z0-9\-._~/%!$&'()*+,;=:@]+$"},
                        "uriBaseId": {"type": "string"},
                    },
                },
                "region": _REGION,
            },
        },
    },
}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"enum": ["2.1.0"]},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "additionalProperties": False,
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "additionalProperties": False,
                                "properties": {
                                    "name": {"type": "string"},
                                    "version": {"type": "string"},
                                    "semanticVersion": {"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "additionalProperties": False,
                                            "properties": {
                                                "id": {"type": "string"},
                                                "name": {"type": "string"},
                                                "shortDescription": _TEXT,
                                                "help": _TEXT,
                                                "defaultConfiguration": {
                                                    "type": "object",
                                                    "additionalProperties": False,
                                                    "properties": {"level": _LEVEL},
                                                },
                                                "properties": {"type": "object"},
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "originalUriBaseIds": {
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {"uri": {"type": "string"}, "description": _TEXT},
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message"],
                            "additionalProperties": False,
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": -1},
                                "level": _LEVEL,
                                "message": _TEXT,
                                "locations": {"type": "array", "items": _LOCATION},
                                "relatedLocations": {"type": "array", "uniqueItems": True, "items": _LOCATION},
                                "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
                                "properties": {"type": "object"},
                            },
                        },
                    },
                },
            },
        },
    },
}


@pytest.mark.parametrize("shown", [page(), hostile_page(), text.FindingsPage((), 0)])
def test_sarif_has_the_shape_of_the_standard(shown: text.FindingsPage) -> None:
    log = json.loads(sarif.findings(shown))
    jsonschema.Draft7Validator(_SARIF).validate(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len(run["results"]) == len(shown.findings)
    for result, found in zip(run["results"], shown.findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == found.rule
        assert result["partialFingerprints"] == {"trimtab/v1": found.id}
