"""The weekly workflow that `trimtab init` writes passes the checkers that a careful team would run on it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from trimtab.cli.templates import workflow


@pytest.fixture(params=["octo/app", None])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / ".github/workflows/trimtab.yml"
    file.parent.mkdir(parents=True)
    file.write_text(workflow(request.param))
    return file


def complaints(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.real("actionlint")
def test_actionlint_has_nothing_to_say(written: Path) -> None:
    assert complaints("actionlint", "-no-color", str(written)) == ""


@pytest.mark.real("jactionlint")
def test_jactionlint_has_nothing_to_say(written: Path) -> None:
    assert complaints("jactionlint", "--no-color", str(written)) == ""


@pytest.mark.real("zizmor")
def test_zizmor_has_nothing_to_say(written: Path) -> None:
    assert "No findings to report" in complaints("zizmor", "--offline", "--no-progress", str(written))
