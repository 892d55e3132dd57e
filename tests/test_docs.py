"""The pages that are generated are up to date, the page that is written by hand is true, and what it shows runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trimtab.cli import docs

ROOT = Path(__file__).parent.parent


def test_the_reference_is_what_the_code_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert docs.main(["--check"]) == 0, capsys.readouterr().err


def test_the_check_names_what_is_missing_changed_or_left_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert docs.main(["--check"]) == 1
    assert docs.main([]) == 0
    assert docs.main(["--check"]) == 0
    folder = tmp_path / docs.FOLDER
    (folder / "rules.md").write_text("by hand")
    (folder / "old.md").write_text("left over")
    capsys.readouterr()
    assert docs.main(["--check"]) == 1
    told = capsys.readouterr().err
    assert told.splitlines() == [
        f"{docs.FOLDER / n} is out of date; run: python -m trimtab.cli.docs" for n in ("rules.md", "old.md")
    ]
    assert docs.main([]) == 0
    assert sorted(os.listdir(folder)) == sorted(docs.pages())
