"""
The ledger: the same run seen twice is one run, a later look adds and never erases
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trimtab.ledger.store import Added, Ledger
from trimtab.model import History, Job, Run, Step, Unknown

CI = ".github/workflows/ci.yml"
START = datetime(2026, 1, 5, 8, 0, 0, 123456, tzinfo=UTC)


def run(n: int, *, attempt: int = 1, workflow: str = CI, jobs: bool = True) -> Run:
    at = START + timedelta(minutes=7 * n)
    end = at + timedelta(minutes=5, microseconds=n)
    steps = (Step(1, "Set up job", "success", at, at), Step(2, "Größe 🚀", None, at, None))
    job = Job(
        n * 10, n, attempt, "build (3.12)", "success", at, at, end, ("ubuntu-latest", "x"), "runner", steps, ("note",)
    )
    bare = replace(job, id=n * 10 + 1, labels=(), runner=None, steps=(), notes=(), conclusion=None, ended=None)
    return Run(
        n, attempt, workflow, "success", at, at, end, "push", "main", f"{n:040x}", n, 7, "ann", False,
        (job, bare) if jobs else None, "b" * 40,
    )  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path / "state.db")


def test_runs_come_back_as_they_were(ledger: Ledger) -> None:
    runs = [run(3), run(1), run(2, jobs=False), run(1, attempt=2), replace(run(4), jobs=(), blob=None, fork=True)]
    assert ledger.add_runs(runs) == Added(stored=5, updated=0, duplicates=0)
    history = ledger.history(CI)
    assert isinstance(history, History)
    assert history.runs == tuple(sorted(runs, key=lambda r: (r.created, r.id, r.attempt)))
    day = datetime(2026, 1, 5, tzinfo=UTC)
    assert (history.start, history.end) == (day, day + timedelta(days=1, microseconds=-1))


def test_the_same_again_is_a_duplicate(ledger: Ledger) -> None:
    runs = [run(n) for n in range(20)]
    ledger.add_runs(runs)
    random.Random(1).shuffle(runs)
    assert ledger.add_runs(runs) == Added(0, 0, 20)
    assert ledger.add_runs([replace(r, jobs=None, blob=None, actor=None) for r in runs]) == Added(0, 0, 20)


def test_looks_in_any_order_lead_to_the_same_run(ledger: Ledger, tmp_path: Path) -> None:
    done = run(1)
    assert done.jobs is not None
    going = replace(
        done, conclusion=None, ended=None, jobs=(replace(done.jobs[0], conclusion=None, ended=None, steps=()),)
    )
    listed = replace(done, jobs=None, blob=None)
    looks = [going, listed, done]
    seen = set()
    for n, order in enumerate(([0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1])):
        other = Ledger.open(tmp_path / f"{n}.db")
        other.add_runs(looks[i] for i in order)
        history = other.history(CI)
        assert isinstance(history, History)
        seen.add(str(replace(history.runs[0], jobs=tuple(sorted(history.runs[0].jobs or (), key=lambda j: j.id)))))
    assert seen == {str(done)}


def test_one_bad_run_leaves_nothing_half_stored(ledger: Ledger) -> None:
    with pytest.raises(AttributeError):
        ledger.add_runs([run(1), "no run"])  # type: ignore[list-item]
    assert isinstance(ledger.history(), Unknown)


def test_no_runs_is_unknown_with_the_command(ledger: Ledger) -> None:
    assert ledger.history(CI) == Unknown(f"no runs of {CI} were collected yet", "trimtab collect")


def test_quiet_days_are_part_of_the_window(ledger: Ledger) -> None:
    ledger.add_runs([run(0)])
    for days in (30, 10):
        ledger.looked_at(CI, START - timedelta(days=days), START + timedelta(days=1))
    history = ledger.history(CI)
    assert isinstance(history, History)
    assert round(history.days) == 31


def test_a_window_is_of_creations_in_whole_days_where_nothing_says_what_was_looked_at(ledger: Ledger) -> None:
    late = replace(run(200), ended=datetime(2030, 1, 1, tzinfo=UTC))
    ledger.add_runs([run(0), late])
    history = ledger.history(CI)
    assert isinstance(history, History)
    assert (history.start.isoformat(), round(history.days, 6)) == ("2026-01-05T00:00:00+00:00", 2)
    ledger.looked_at(CI, START - timedelta(days=3), START)  # the last run came after the last look
    history = ledger.history(CI)
    assert isinstance(history, History)
    assert (history.start, history.end.hour) == (START - timedelta(days=3), 23)


def test_what_a_backfill_has_to_ask(ledger: Ledger) -> None:
    ledger.add_runs([run(1, jobs=False), run(2), run(3, jobs=False), run(4, jobs=False, workflow="other.yml")])
    assert ledger.missing_jobs(CI) == ((CI, 3, 1), (CI, 1, 1))
    assert len(ledger.missing_jobs()) == 3
    assert ledger.workflows() == (CI, "other.yml")


def test_notes_of_the_collector(ledger: Ledger) -> None:
    assert (ledger.cursor("runs"), ledger.files_changed("abc")) == (None, None)
    ledger.set_cursor("runs", "page 3")
    ledger.set_files_changed({"abc": ["src/a b.py", "ü"], "def": []})
    assert (ledger.cursor("runs"), ledger.files_changed("abc"), ledger.files_changed("def")) == (
        "page 3",
        ("src/a b.py", "ü"),
        (),
    )
