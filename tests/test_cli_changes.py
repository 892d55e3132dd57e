"""More verbs on a real git repository: exact screens and exit codes."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from commands import Run, git
from trimtab import catalogue


def test_explain_is_the_docstring(run: Run) -> None:
    for id, entry in {**catalogue.rules(), **catalogue.kpis()}.items():
        assert run("explain", id) == 0
        assert " ".join(run.out.split()).startswith(f"{id}: {catalogue.title(entry)} ")
        assert run("explain", id, "--format", "json") == 0
        assert json.loads(run.out)["id"] == id
    assert run("explain") == 0
    assert len(run.out.splitlines()) == len(catalogue.rules()) + len(catalogue.kpis()) + 3


@pytest.mark.parametrize("words", [["diagnose"], ["explain", "set-timeout"], ["loop", "--help"], ["explain", "nope"]])
def test_a_narrow_terminal_gets_narrow_screens(words: list[str], clone: Path) -> None:
    keyboard, screen = pty.openpty()
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    argv = [sys.executable, "-m", "trimtab", *words]
    with subprocess.Popen(argv, cwd=clone, stdin=screen, stdout=screen, stderr=screen, env=env):
        os.close(screen)
        shown = b""
        while data := _read(keyboard):
            shown += data
    os.close(keyboard)
    lines = re.sub(r"\x1b\[\d+m", "", shown.decode()).splitlines()
    assert len(lines) > 5
    assert max(map(len, lines)) <= 80


def _read(terminal: int) -> bytes:
    """What was written next; nothing when the other side is closed (Linux then says EIO)."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def test_a_manual_page_fits_a_hundred_columns_and_keeps_its_examples(run: Run) -> None:
    assert run("explain", "set-timeout") == 0
    assert max(map(len, run.out.splitlines())) <= 100
    assert "\n    [rules.set-timeout]\n    default_minutes = 60\n" in run.out


def test_init_writes_a_file_that_it_can_read_and_never_replaces_one(clone: Path, run: Run) -> None:
    assert run("init") == 0
    text = (clone / "trimtab.toml").read_text()
    assert run("diagnose") == 0
    switched_on = re.sub(r"(?m)^# (?=[\w-]+ = |\[)", "", text)
    assert switched_on != text
    (clone / "trimtab.toml").write_text(switched_on)
    assert run("diagnose") == 0, run.err
    assert run("init") == 2
    assert (clone / "trimtab.toml").read_text() == switched_on


def test_init_workflow_asks_for_no_more_than_it_needs(clone: Path, run: Run) -> None:
    git(clone, "remote", "add", "origin", "https://github.com/octo/app.git")
    assert run("init", "--workflow") == 0
    text = (clone / ".github/workflows/trimtab.yml").read_text()
    assert "permissions: {}\n" in text
    assert "github.repository == 'octo/app'" in text
    assert "pull_request" not in text.replace("pull-request", "").split("jobs:")[0]
    assert re.findall(r"uses: (\S+)", text) == [
        u for u in re.findall(r"uses: (\S+)", text) if re.search(r"@[0-9a-f]{40}$", u)
    ]
    assert run("diagnose", "--files", ".github/workflows/trimtab.yml", "--fail-on", "finding") == 0, run.out


def test_collect_counts_and_report_shows(clone: Path, run: Run) -> None:
    rows = [
        {
            "id": n,
            "run_attempt": 1,
            "name": "ci",
            "path": ".github/workflows/ci.yml",
            "conclusion": "failure" if n % 10 == 0 else "success",
            "status": "completed",
            "created_at": f"2026-01-{1 + n % 28:02}T10:00:00Z",
            "run_started_at": f"2026-01-{1 + n % 28:02}T10:00:00Z",
            "updated_at": f"2026-01-{1 + n % 28:02}T10:{10 + n % 5}:00Z",
            "event": "push",
            "head_branch": "main",
            "head_sha": f"{n:040x}",
        }
        for n in range(1, 101)
    ]
    (clone / "runs.json").write_text(json.dumps({"workflow_runs": rows}))
    assert run("collect", "runs.json") == 0
    assert run.out.startswith("100 run attempts stored, 0 updated, 0 duplicates\n")
    assert run("collect", "runs.json", "--format", "json") == 0
    assert json.loads(run.out)["duplicates"] == 100
    assert run("status") == 0
    assert "Success rate                             90 %   target > 95 %        missed" in run.out
    assert run("status", "--fail-on", "target") == 1
    assert run("report", "--html", "out/report.html") == 0
    page = (clone / "out/report.html").read_text()
    assert "90 %" in page
    assert "<script" not in page
    assert run("report", "--html", "runs.json/report.html") == 3


def test_backups_are_listed_restored_and_have_a_recipe(clone: Path, run: Run) -> None:
    before = (clone / ".github/workflows/ci.yml").read_bytes()
    assert run("backups") == 0
    assert "there are no backups" in run.out
    assert run("apply", "--safe-only", "--yes") == 0
    after = (clone / ".github/workflows/ci.yml").read_bytes()
    assert run("backups", "--format", "json") == 0
    (copy, *_) = json.loads(run.out)["backups"]
    assert copy["restores"] == ".github/workflows/ci.yml"
    assert run("backups", "recipe") == 0
    (clone / ".github/workflows/ci.yml").write_bytes(b"lost\n")
    subprocess.run(["sh", "-s"], input=run.out, text=True, check=True, cwd=clone, capture_output=True)
    assert (clone / ".github/workflows/ci.yml").read_bytes() == before
    (clone / ".github/workflows/ci.yml").write_bytes(after)
    assert run("backups", "restore", ".github/workflows/backup/none.bak") == 2, "no question about what is not there"
    assert "is no backup" in run.err
    assert run("backups", "restore", copy["path"], "--dry-run") == 0
    assert "-concurrency:\n" in run.out
    assert (clone / ".github/workflows/ci.yml").read_bytes() == after
    assert run("backups", "restore", copy["path"], "--yes") == 0
    assert (clone / ".github/workflows/ci.yml").read_bytes() == before


def test_loop_turns_without_a_network(clone: Path, run: Run) -> None:
    assert run("loop", "--no-collect", "--yes", "--apply", "1") == 0
    assert git(clone, "diff", "--stat")
    assert "applied" in run.out
    assert run("loop", "--no-collect", "--yes", "--format", "markdown") == 0
    assert "### Changes" in run.out
    assert run("loop", "--no-collect") == 0, "nobody is asked while there is nothing to take back"
    assert "too early" in run.out


def test_without_a_clone_nothing_read_is_no_clean_bill_of_health(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIMTAB_HOME", str(tmp_path / "state"))
    assert run("diagnose", "--repo", "octo/app", "--fail-on", "finding") == 3
    assert "fix: trimtab collect --repo octo/app" in run.err
    assert run("--repo", "octo/app") == 0
    assert run.out.startswith("octo/app: no runs collected yet\n")
    assert run("apply", "--safe-only", "--repo", "octo/app", "--yes") == 2, "changes need a clone"
    assert (tmp_path / "state/octo__app/state.db").exists()


def test_a_first_look_at_a_clone_changes_nothing(clone: Path, run: Run) -> None:
    assert run("demo", "--repo-dir", str(clone)) == 0
    assert "no run history yet: it is not known which repository" in run.out
    assert "\n  to get it: trimtab collect --repo owner/name" in run.out
    assert "+concurrency:\n" in run.out
    assert "nothing was changed; next: trimtab " in run.out
    assert git(clone, "status", "--short") == ""


def test_the_sample_project_wants_a_new_folder(clone: Path, run: Run) -> None:
    assert run("demo", "--only-project", str(clone)) == 2
    assert run("demo", str(clone)) == 2


def test_undo_to_last_green_says_what_it_would_need(clone: Path, run: Run) -> None:
    assert run("undo", "--to-last-green", "ci.yml", "--yes") == 3
    assert "to find out: trimtab collect" in run.out
