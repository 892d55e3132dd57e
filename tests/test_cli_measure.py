"""What `trimtab measure` answers for changes that are not live, and which --effective-at it believes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commands import Run, git

NOW = datetime.now(UTC)


def planned(run: Run) -> str:
    """A change that is only proposed; its id."""
    assert run("plan", "--rule", "cancel-superseded", "--format", "json") == 0
    return str(json.loads(run.out)["changes"][0]["id"])


@pytest.fixture
def id(clone: Path, run: Run) -> str:
    """A proposed change, and 300 runs of its workflow over 60 days, none of which tells its commit."""
    found = planned(run)
    rows = []
    for n in range(300):
        at = NOW - timedelta(days=60) + timedelta(hours=4.8 * n)
        end = at + timedelta(minutes=10)
        rows.append(
            {"id": n + 1, "run_attempt": 1, "name": "ci", "path": ".github/workflows/ci.yml", "conclusion": "success"}
            | {"created_at": at.isoformat(), "run_started_at": at.isoformat(), "updated_at": end.isoformat()}
            | {"status": "completed", "event": "push", "head_branch": "main"}
        )
    (clone / "runs.json").write_text(json.dumps({"workflow_runs": rows}))
    assert run("collect", "runs.json") == 0
    return found


def test_a_proposed_change_is_not_applied_yet(id: str, run: Run) -> None:
    assert run("measure", id) == 0
    assert "not applied yet: no run can have had it" in " ".join(run.out.split())
    assert "helped" not in run.out
    assert "too early" not in run.out
    assert f"next: trimtab apply {id}\n" in run.out
    assert run("measure", id, "--effective-at", (NOW - timedelta(days=30)).isoformat()) == 2
    assert f"fix: trimtab apply {id}\n" in run.err


@pytest.mark.parametrize(("days", "why"), [(-30, "Trimtab planned it on"), (400, "in the future")])
def test_a_time_at_which_the_change_cannot_have_come_is_refused(id: str, run: Run, days: int, why: str) -> None:
    assert run("apply", id, "--yes") == 0
    assert run("measure", id, "--effective-at", (NOW + timedelta(days=days)).isoformat()) == 2
    assert why in run.err
    assert f"fix: trimtab measure {id} --effective-at 2" in run.err


def test_a_time_after_the_undo_is_refused_and_the_runs_after_it_are_without_the_change(
    clone: Path, id: str, run: Run
) -> None:
    assert run("apply", id, "--yes") == 0
    assert run("undo", id, "--yes") == 0
    assert run("measure", id, "--effective-at", datetime.now(UTC).isoformat()) == 2
    assert "it was undone on " in run.err
    later = datetime.now(UTC).isoformat()
    row = {"id": 999, "run_attempt": 1, "path": ".github/workflows/ci.yml", "status": "completed"}
    row |= {"conclusion": "success", "created_at": later, "run_started_at": later, "updated_at": later}
    (clone / "later.json").write_text(json.dumps({"workflow_runs": [row]}))
    assert run("collect", "later.json") == 0
    assert run("measure", id, "--effective-at", (NOW - timedelta(minutes=5)).isoformat(), "--format", "json") == 0
    assert json.loads(run.out)["changes"][0]["verdict"]["n"] == 0


def test_a_change_that_was_applied_is_dated(id: str, run: Run) -> None:
    assert run("apply", id, "--yes") == 0
    assert run("measure", id) == 0
    assert "cannot be measured" in run.out
    assert f"next: trimtab measure {id} --effective-at TIME\n" in run.out
    assert run("measure", id, "--effective-at", f"{NOW:%Y-%m-%d}") == 0, "a day without a time began before the plan"
    assert "too early" in run.out
    again = f"measure {id} --effective-at {NOW:%Y-%m-%d}T00:00+0000"
    assert f"next: trimtab {again}\n" in run.out
    assert run(*again.split()) == 0


def test_a_change_that_the_default_branch_had_before_it_was_planned_is_dated(
    clone: Path, id: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("apply", id, "--yes") == 0
    then = (NOW - timedelta(days=20)).isoformat()
    monkeypatch.setenv("GIT_COMMITTER_DATE", then)
    git(clone, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qam", "by hand", "--amend")
    assert run("measure", id, "--effective-at", then) == 0
    assert "99 with" in run.out or "100 with" in run.out


@pytest.mark.parametrize("form", ["text", "markdown", "github"])
def test_nothing_live_is_not_nothing_planned(form: str, id: str, run: Run) -> None:
    assert run("apply", id, "--yes") == 0
    assert run("undo", id, "--yes") == 0
    assert run("measure", "--format", form) == 0
    assert run.out.lower().startswith("no change is live")
    assert "trimtab diagnose" in run.out
