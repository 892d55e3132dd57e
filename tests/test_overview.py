"""The first screen on a history whose workflows have no file here: an export of another repository is shown as it is"""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trimtab.cli.main import main


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository without workflow files, and a CSV of 60 runs, every third of which failed."""
    subprocess.run(["git", "init", "-q", str(tmp_path / "repo")], check=True)
    monkeypatch.setenv("TRIMTAB_HOME", str(tmp_path / "state"))
    start = datetime(2026, 3, 2, 8, tzinfo=UTC)
    rows = ["workflow,id,run_attempt,status,conclusion,created_at,run_started_at,updated_at"]
    for n in range(60):
        at, how = start + timedelta(hours=10 * n), "failure" if n % 3 == 0 else "success"
        rows.append(
            f"nightly,{n},1,completed,{how},{at.isoformat()},{at.isoformat()},{(at + timedelta(minutes=9)).isoformat()}"
        )
    (tmp_path / "runs.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_an_imported_history_is_measured_without_its_files(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository = str(exported / "repo")
    assert main(["-C", repository, "collect", str(exported / "runs.csv")]) == 0
    assert main(["-C", repository]) == 0
    screen = capsys.readouterr().out
    assert "first attempt 66.7 % of 60" in screen
    assert "9 min" in screen
