"""The priced proposals beyond their cases: what they count after the fact, and that none undoes another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evidence import FolderEvidence
from trimtab.catalogue import rules
from trimtab.model import Counted, History, Job, Run, Unknown
from trimtab.workflow.edits import edit

CASES = Path(__file__).parent / "cases" / "rules"
START = datetime(2026, 5, 1, tzinfo=UTC)


def evidence(case: str, files: dict[str, bytes] | None = None) -> FolderEvidence:
    settings = {f"{id}.{name}": value for id, rule in rules().items() for name, value in rule.settings.items()}
    return FolderEvidence(CASES / case, files, settings)


@pytest.mark.parametrize(
    ("case", "rule", "other"),
    [
        ("fail-early/linter_beside_expensive_tests", "fail-early", "parallelise-jobs"),
        ("parallelise-jobs/linter_that_rarely_fails", "parallelise-jobs", "fail-early"),
        ("gate-unaffected-jobs/documentation", "gate-unaffected-jobs", "parallelise-jobs"),
        ("gate-unaffected-jobs/folders", "gate-unaffected-jobs", "parallelise-jobs"),
    ],
)
def test_what_one_rule_did_no_other_takes_back(case: str, rule: str, other: str) -> None:
    before = evidence(case)
    (finding,) = rules()[rule].find(before)
    assert finding.change is not None
    path = finding.change.path
    after = evidence(case, {path: edit(before.bytes(path), finding.change).after})
    assert list(rules()[other].find(after)) == []
    assert [f for f in rules()[rule].find(after) if f.change] == []


@pytest.mark.parametrize(
    "case", ["fail-early/linter_beside_expensive_tests", "parallelise-jobs/linter_that_rarely_fails"]
)
def test_job_names_that_fit_nowhere_leave_no_price(case: str) -> None:
    at = evidence(case)
    (workflow,) = at.workflows()
    runs = at.runs(workflow.path)
    assert isinstance(runs, tuple)
    stranger = Job(1, runs[0].id, 1, "renamed last week", "success", START, START, START + timedelta(seconds=5))
    history = at._history
    assert history is not None
    first = runs[0].__class__(**{**_fields(runs[0]), "jobs": (*(runs[0].jobs or ()), stranger)})
    at.__dict__["_history"] = History((first, *runs[1:]), history.start, history.end)
    (finding,) = rules()[case.partition("/")[0]].find(at)
    assert finding.what_if is None
    assert isinstance(finding.predicts, Unknown)
    assert "renamed last week" in finding.predicts.why


def _fields(run: Run) -> dict[str, object]:
    return {name: getattr(run, name) for name in Run.__dataclass_fields__}


# -------------------------------------------------------------------- counting


def history(*runs: Run) -> History:
    return History(tuple(sorted(runs, key=lambda r: r.key)), START, START + timedelta(days=30))


def run(id: int, event: str, sha: str, *jobs: tuple[str, str, float], fork: bool = False) -> Run:
    made = tuple(
        Job(id * 10 + n, id, 1, name, end, START, None if end == "skipped" else START, START + timedelta(minutes=m))
        for n, (name, end, m) in enumerate(jobs)
    )
    return Run(id, 1, "ci.yml", "success", START, START, START, event, sha=sha, jobs=made, fork=fork)


def test_second_runs_that_did_not_start_are_counted() -> None:
    before = history(
        *(run(n, "push", f"a{n}", ("test", "success", 10.0 + n)) for n in range(4)),
        *(run(10 + n, "pull_request", f"a{n}", ("test", "success", 9.0)) for n in range(4)),
        run(30, "push", "merge", ("test", "success", 99.0)),
    )
    after = history(
        run(40, "pull_request", "b1", ("test", "success", 9.0)),
        run(41, "pull_request", "b2", ("test", "success", 9.0)),
        run(42, "pull_request", "b3", ("test", "success", 9.0), fork=True),  # never had a second run
        run(43, "pull_request", "b4", ("test", "success", 9.0)),
        run(44, "push", "b4", ("test", "success", 9.0)),  # a branch that keeps its runs
    )
    counted = rules()["drop-duplicate-push"].count(before, after)  # type: ignore[attr-defined]
    assert isinstance(counted, Counted)
    assert (counted.events, counted.minutes) == (2, 23.0)  # mean of 10, 11, 12, 13
    assert (counted.low, counted.high) == (22.0, 24.0)


def test_without_second_runs_before_there_is_nothing_to_count_with() -> None:
    nothing = rules()["drop-duplicate-push"].count(history(), history())  # type: ignore[attr-defined]
    assert isinstance(nothing, Unknown)


def test_jobs_that_the_gate_skipped_are_counted_less_its_own_time() -> None:
    before = history(
        *(
            run(n, "pull_request", f"a{n}", ("test (a)", "success", 10.0 + n), ("test (b)", "success", 10.0))
            for n in range(4)
        )
    )
    after = history(
        run(20, "pull_request", "b0", ("changes", "success", 0.5), ("test", "skipped", 0)),
        run(
            21,
            "pull_request",
            "b1",
            ("changes", "success", 0.5),
            ("test (a)", "success", 10),
            ("test (b)", "success", 9),
        ),
        run(22, "pull_request", "b2", ("test", "skipped", 0)),  # before the gate was live
    )
    counted = rules()["gate-unaffected-jobs"].count(before, after)  # type: ignore[attr-defined]
    assert isinstance(counted, Counted)
    assert counted.events == 1
    assert counted.minutes == pytest.approx(21.5 - 1.0)  # both legs, less the gate in two runs
    assert (counted.low, counted.high) == (pytest.approx(20.0), pytest.approx(21.0))


def test_a_gate_that_never_ran_counts_nothing() -> None:
    before = history(run(1, "pull_request", "a", ("test", "success", 10.0)))
    assert isinstance(rules()["gate-unaffected-jobs"].count(before, before), Unknown)  # type: ignore[attr-defined]


def test_jobs_spared_behind_a_failure_are_counted_if_they_used_to_run_beside_it() -> None:
    before = history(
        *(run(n, "push", f"a{n}", ("lint", "success", 1), ("test", "success", 20.0 + n)) for n in range(4)),
        run(8, "push", "x1", ("lint", "failure", 1), ("test", "success", 20), ("deploy", "skipped", 0)),
        run(9, "push", "x2", ("lint", "success", 1), ("test", "success", 20), ("deploy", "success", 50)),
    )
    after = history(
        run(20, "push", "y1", ("lint", "failure", 1), ("test", "skipped", 0), ("deploy", "skipped", 0)),
        run(21, "push", "y2", ("lint", "success", 1), ("test", "success", 20), ("deploy", "skipped", 0)),
    )
    counted = rules()["fail-early"].count(before, after)  # type: ignore[attr-defined]
    assert isinstance(counted, Counted)
    assert counted.events == 1  # deploy never ran beside a failure, and y2 did not fail
    assert counted.minutes == pytest.approx(21.0)
    assert counted.low <= counted.minutes <= counted.high


def test_without_a_failure_before_nothing_tells_what_was_spared() -> None:
    assert isinstance(rules()["fail-early"].count(history(), history()), Unknown)  # type: ignore[attr-defined]
