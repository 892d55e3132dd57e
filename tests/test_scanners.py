"""What actionlint prints, understood; the command itself is tried with the real one in tests/real/."""

from __future__ import annotations

from trimtab.catalogue.evidence import Complaint
from trimtab.catalogue.scanners import actionlint
from trimtab.model import Unknown

PRINTED = """
[{"message":"unexpected key \\"zzz\\"","filepath":".github/workflows/b.yml","line":4,"column":5,"kind":"syntax-check",
  "snippet":"    zzz: 1","end_column":7},
 {"message":"could not parse","filepath":".github\\\\workflows\\\\a.yml","line":0,"column":0,"kind":"syntax-check"}]
"""


def test_complaints_come_in_the_order_of_place() -> None:
    assert actionlint.complaints(PRINTED, "actionlint 1.7.7") == (
        Complaint("actionlint 1.7.7", ".github/workflows/a.yml", 1, 1, "syntax-check", "could not parse"),
        Complaint("actionlint 1.7.7", ".github/workflows/b.yml", 4, 5, "syntax-check", 'unexpected key "zzz"'),
    )


def test_nothing_to_complain_of() -> None:
    assert actionlint.complaints("[]") == ()
    assert actionlint.complaints("null\n") == ()
    assert actionlint.complaints("") == ()


def test_another_answer_is_unknown_not_silence() -> None:
    for printed in ("segmentation fault", '{"a": 1}', '[{"message": "x"}]', "[1]", "5"):
        found = actionlint.complaints(printed)
        assert isinstance(found, Unknown)
        assert "answered something else" in found.why


def test_versions() -> None:
    assert actionlint.version("1.7.7\ninstalled by go install\n") == "actionlint 1.7.7"
    assert actionlint.version("actionlint.kjanat.dev 1.17.0\nhttps://...\n") == "actionlint 1.17.0"
    assert actionlint.version("?") == "actionlint"


def test_a_path_is_never_an_option() -> None:
    assert actionlint.command(["-version"])[-2:] == ("--", "-version")
