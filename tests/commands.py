"""A repository with one workflow, and the command line run on it, for the tests of the commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trimtab.cli import main as cli

CI = """\
name: ci
on: [push, pull_request]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: make test
"""


def git(where: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=where, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one workflow, and no settings of the machine that could change the answers."""
    for name in ("TRIMTAB_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "app"
    workflow = root / ".github/workflows/ci.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(CI)
    git(tmp_path, "init", "-q", "-b", "main", "app")
    git(root, "add", ".")
    git(root, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "start")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


class Run:
    """Runs a command in this process; remembers what it wrote."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys, self.out, self.err = capsys, "", ""

    def __call__(self, *words: str) -> int:
        code = cli.main(words)
        self.out, self.err = self.capsys.readouterr()
        return code


def shell(*words: str, where: Path | None = None, **env: str) -> subprocess.CompletedProcess[bytes]:
    """The same in a process of its own."""
    argv = [sys.executable, "-m", "trimtab", *words]
    return subprocess.run(argv, cwd=where, capture_output=True, env={**os.environ, **env}, stdin=subprocess.DEVNULL)
