"""What-ifs and prices: the same runs, but shorter, fewer or in another order."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.ledger.store import Ledger
from trimtab.model import History, Job, Prediction, Run, Unknown
from trimtab.replay.outcomes import Outcome, final_attempts, first_attempts, hit_limit, job_outcome, outcome
from trimtab.replay.price import price
from trimtab.replay.runs import cut_job, cut_run, drop_jobs, drop_runs, own_jobs, reschedule, runner_seconds, superseded

T0 = datetime(2025, 3, 3, 8, 0, tzinfo=UTC)


def job(
    name: str, start: float, minutes: float, *, conclusion: str = "success", queue: float = 0.0, id: int = 0
) -> Job:
    """A job that starts `start` minutes after T0 and waited `queue` minutes before."""
    begin = T0 + timedelta(minutes=start)
    created = begin - timedelta(minutes=queue)
    return Job(id or abs(hash(name)), 1, 1, name, conclusion, created, begin, begin + timedelta(minutes=minutes))


def run(
    id: int = 1, *, jobs: Sequence[Job] | None = None, conclusion: str | None = "success", minutes: float = 30
) -> Run:
    return Run(
        id, 1, "ci.yml", conclusion, T0, T0, T0 + timedelta(minutes=minutes), jobs=None if jobs is None else tuple(jobs)
    )


# ------------------------------------------------------------------------------------ outcomes


@pytest.mark.parametrize(
    ("conclusion", "expected"),
    [
        ("success", Outcome.SUCCESS),
        ("failure", Outcome.CODE),
        ("startup_failure", Outcome.INFRA),
        ("timed_out", Outcome.INFRA),
        ("cancelled", Outcome.CANCELLED),
        ("skipped", Outcome.SKIPPED),
        ("action_required", Outcome.SKIPPED),
        (None, Outcome.RUNNING),
        ("something_github_invents_next_year", Outcome.CODE),
    ],
)
def test_a_conclusion_becomes_an_outcome(conclusion: str | None, expected: Outcome) -> None:
    assert outcome(run(conclusion=conclusion)) is expected


def test_a_failure_is_infra_only_if_nothing_else_failed() -> None:
    lost = replace(
        job("a", 0, 5, conclusion="failure"), notes=("The hosted runner lost communication with the server.",)
    )
    broken = job("b", 0, 5, conclusion="failure")
    assert outcome(run(conclusion="failure", jobs=[lost])) is Outcome.INFRA
    assert outcome(run(conclusion="failure", jobs=[lost, broken])) is Outcome.CODE


def test_a_time_limit_hides_behind_cancelled() -> None:
    note = "The job has exceeded the maximum execution time of 25m0s"
    stopped = replace(job("a", 0, 26, conclusion="cancelled"), notes=(note,))
    assert job_outcome(stopped) is Outcome.INFRA
    assert outcome(run(conclusion="cancelled", jobs=[stopped])) is Outcome.INFRA


@pytest.mark.parametrize(
    ("note", "hit"),
    [
        ("The job running on runner GitHub Actions 7 has exceeded the maximum execution time of 10 minutes.", True),
        ("The action 'Run tests' has timed out after 5 minutes.", True),
        ("The action has timed out.", True),
        ("Error: Timed out 5000ms waiting for expect(locator).toBeVisible()", False),
        ("test_login timed out after 30 seconds", False),
        ("curl: (28) Connection timed out after 10001 milliseconds", False),
    ],
)
def test_only_githubs_own_words_tell_of_a_limit(note: str, hit: bool) -> None:
    failed = replace(job("a", 0, 3, conclusion="failure"), notes=(note,))
    assert hit_limit(failed, 60) is hit
    assert job_outcome(failed) is (Outcome.INFRA if hit else Outcome.CODE)


@pytest.mark.parametrize(("minutes", "hit"), [(23.9, False), (24.1, True), (25.9, True), (26.1, False)])
def test_a_job_ending_within_a_minute_of_its_limit_met_it(minutes: float, hit: bool) -> None:
    assert hit_limit(job("a", 0, minutes, conclusion="failure"), 25) is hit
    assert not hit_limit(job("a", 0, minutes, conclusion="failure"), None)


def test_first_and_final_attempts() -> None:
    first, second = run(1, conclusion="failure"), replace(run(1), attempt=2)
    orphan = replace(run(2), attempt=3)
    assert first_attempts([second, orphan, first]) == (first,)
    assert final_attempts([second, orphan, first]) == (second, orphan)


# ------------------------------------------------------------------------------------ building blocks


def test_a_rerun_does_not_pay_twice_for_jobs_it_did_not_repeat() -> None:
    carried, repeated = job("build", 0, 10), job("test", 60, 10)
    rerun = replace(run(jobs=[carried, repeated]), attempt=2, started=T0 + timedelta(minutes=59))
    assert own_jobs(rerun) == (repeated,)
    assert runner_seconds(rerun) == 600


def test_cutting_a_job() -> None:
    long = job("a", 5, 30)
    assert cut_job(long, T0 + timedelta(minutes=10)).seconds == 300
    assert cut_job(long, T0 + timedelta(minutes=4)).seconds is None
    assert cut_job(long, T0 + timedelta(minutes=40)) is long


def test_cutting_a_run_cuts_its_jobs() -> None:
    cut = cut_run(run(jobs=[job("a", 0, 10), job("b", 10, 20)]), T0 + timedelta(minutes=15))
    assert (cut.conclusion, cut.seconds, runner_seconds(cut)) == ("cancelled", 900, 900)


def test_a_run_that_has_not_ended_is_left_alone() -> None:
    running = replace(run(conclusion=None), ended=None)
    assert cut_run(running, T0) is running


def test_a_run_is_superseded_by_the_next_of_its_group_while_it_runs() -> None:
    first, second, third = run(1), run(2), run(3)
    second = replace(second, created=T0 + timedelta(minutes=10), ended=T0 + timedelta(minutes=40))
    third = replace(third, created=T0 + timedelta(minutes=50), ended=T0 + timedelta(minutes=80))
    assert superseded([third, first, second], lambda r: r.workflow) == {(1, 1): second.created}
    assert superseded([first, second], lambda r: None) == {}


def test_a_dropped_job_shortens_its_run() -> None:
    short = drop_jobs(run(jobs=[job("a", 0, 10), job("b", 10, 20)]), lambda j: j.name == "b")
    assert (short.seconds, runner_seconds(short)) == (600, 600)


IDS = {"lint": "lint", "build": "build", "test": "test"}
CHAIN = {"lint": (), "build": ("lint",), "test": ("build",)}
WIDE = {"lint": (), "build": (), "test": ("build",)}


def chain(lint: str = "success") -> Run:
    if lint == "failure":
        rest = [replace(job(name, 0, 0, conclusion="skipped"), started=None, ended=None) for name in ("build", "test")]
        return run(conclusion="failure", jobs=[job("lint", 0, 10, conclusion="failure"), *rest], minutes=10)
    return run(jobs=[job("lint", 0, 10), job("build", 11, 9), job("test", 20, 10)])


def test_the_same_graph_changes_nothing() -> None:
    assert reschedule(chain(), CHAIN, IDS, before=CHAIN) == chain()


def test_a_freed_job_starts_with_the_run_and_keeps_its_wait() -> None:
    wide = reschedule(chain(), WIDE, IDS, before=CHAIN)
    assert wide.seconds == 20 * 60  # build waits its minute, 9 + 10 minutes of work
    assert runner_seconds(wide) == runner_seconds(chain())


def test_a_job_behind_a_failure_is_skipped() -> None:
    side_by_side = run(
        conclusion="failure", jobs=[job("lint", 0, 2, conclusion="failure"), job("build", 0, 20), job("test", 20, 10)]
    )
    held = reschedule(side_by_side, CHAIN, IDS, before=WIDE)
    assert [j.conclusion for j in held.jobs or ()] == ["failure", "skipped", "skipped"]
    assert runner_seconds(held) == 120


def test_a_job_that_always_runs_is_not_held_back_by_the_same_failure() -> None:
    report = run(
        conclusion="failure", jobs=[job("lint", 0, 2, conclusion="failure"), job("build", 2, 5), job("test", 7, 1)]
    )
    assert reschedule(report, CHAIN, IDS, before=CHAIN) == report


def test_a_job_that_a_failure_had_skipped_now_costs_its_typical_time() -> None:
    wide = reschedule(chain("failure"), WIDE, IDS, before=CHAIN, typical={"build": 540.0, "test": 600.0})
    assert runner_seconds(wide) == 600 + 540 + 600
    assert reschedule(chain("failure"), WIDE, IDS, before=CHAIN).jobs == chain("failure").jobs


def test_a_cycle_or_an_unknown_job_leaves_the_run_as_it_is() -> None:
    assert reschedule(chain(), {"lint": ("test",), "build": ("lint",), "test": ("build",)}, IDS) == chain()
    assert reschedule(chain(), WIDE, {"lint": "lint"}) == chain()


# ------------------------------------------------------------------------------------ prices


def month(per_day: int = 4, days: int = 28) -> History:
    runs = []
    for index in range(per_day * days):
        shift = timedelta(days=index // per_day, minutes=90 * (index % per_day))
        base = run(index + 1, jobs=[job("a", 0, 10, id=2 * index + 1), job("b", 0, 20, id=2 * index + 2)])
        moved = tuple(
            replace(j, started=j.started + shift, ended=j.ended + shift)
            for j in base.jobs or ()
            if j.started and j.ended
        )
        assert base.started and base.ended
        runs.append(replace(base, created=T0 + shift, started=T0 + shift, ended=base.ended + shift, jobs=moved))
    return History(tuple(runs), T0.replace(hour=0), T0.replace(hour=0) + timedelta(days=days))


def without_b(history: History) -> History:
    return replace(history, runs=tuple(drop_jobs(r, lambda j: j.name == "b") for r in history.runs))


def test_the_price_of_a_dropped_job_is_its_minutes_per_30_days() -> None:
    got = price(month(), without_b)
    assert isinstance(got, Prediction)
    assert got.mid == pytest.approx(-20 * 4 * 30)
    assert got.low <= got.mid <= got.high
    assert got.low_share == pytest.approx(-2 / 3)
    assert (got.runs, got.days) == (112, 28)
    (feedback,) = got.also
    assert feedback.metric == "feedback_seconds"
    assert feedback.mid < 0


def test_whole_days_are_priced_as_such(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "state.db")
    ledger.add_runs(month(days=20).runs)
    got = price(ledger.history(), without_b)
    assert isinstance(got, Prediction)
    assert got.mid == pytest.approx(-20 * 4 * 30)
    assert got.days == 20


def test_one_absurd_date_takes_no_memory() -> None:
    year_one = replace(month().runs[0], id=10**6, created=T0.replace(year=1), started=None, ended=None, jobs=None)
    far = replace(month(), runs=(year_one, *month().runs), start=year_one.created, end=T0.replace(year=9999))
    tracemalloc.start()
    got = price(far, without_b)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(got, Prediction)
    assert peak < 100e6
    assert got.low <= got.mid <= got.high <= 0


def test_quiet_days_widen_the_interval_as_before() -> None:
    wide = replace(month(), end=T0.replace(hour=0) + timedelta(days=56))
    busy, quiet = price(month(), without_b), price(wide, without_b)
    assert isinstance(busy, Prediction)
    assert isinstance(quiet, Prediction)
    assert quiet.mid == pytest.approx(busy.mid / 2)
    assert quiet.high - quiet.low > 0.1 * abs(quiet.mid) > busy.high - busy.low == pytest.approx(0)


def test_changing_nothing_costs_nothing() -> None:
    got = price(month(), lambda history: history)
    assert isinstance(got, Prediction)
    assert (got.low, got.mid, got.high) == (0, 0, 0)


def test_runs_without_jobs_are_represented_by_those_with() -> None:
    sampled = replace(month(), runs=tuple(replace(r, jobs=None) if r.id % 4 else r for r in month().runs))
    got = price(sampled, without_b)
    assert isinstance(got, Prediction)
    assert got.mid == pytest.approx(-20 * 4 * 30)
    assert "jobs known of 28" in got.basis


def test_a_success_without_jobs_cost_something_that_is_not_known() -> None:
    half = replace(month(), runs=tuple(replace(r, jobs=()) if r.id % 2 else r for r in month().runs))
    got = price(half, without_b)
    assert isinstance(got, Prediction)
    assert got.mid == pytest.approx(-20 * 4 * 30)
    assert "jobs known of 56" in got.basis
    cancelled = replace(half, runs=tuple(replace(r, conclusion="cancelled") if r.id % 2 else r for r in half.runs))
    queued = price(cancelled, without_b)
    assert isinstance(queued, Prediction)
    assert queued.mid == pytest.approx(-20 * 2 * 30)


def test_feedback_can_lead() -> None:
    got = price(month(), without_b, metric="feedback_seconds")
    assert isinstance(got, Prediction)
    assert got.metric == "feedback_seconds"
    assert got.mid == pytest.approx(-10 * 60 * 4 * 30)


@pytest.mark.parametrize(
    ("history", "why"),
    [
        (month(days=5), "20 runs in 5 days, needs 20 runs in 7 days"),
        (drop_runs(month(), lambda r: r.id > 12), "12 runs in 28 days, needs 20 runs in 7 days"),
        (
            replace(month(), runs=tuple(replace(r, jobs=None) for r in month().runs)),
            "the jobs of these runs were not collected",
        ),
        (Unknown("nothing collected", "trimtab collect"), "nothing collected"),
    ],
)
def test_too_little_history_is_unknown_with_a_command(history: History | Unknown, why: str) -> None:
    got = price(history, without_b)
    assert got == Unknown(why, "trimtab collect")


# ------------------------------------------------------------------------------------ laws

NAMES = ("a", "b", "c", "d", "e")


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Run, dict[str, tuple[str, ...]]]:
    """A run of up to five jobs, played through a random graph with unlimited runners; some jobs fail."""
    needs = {name: tuple(n for n in NAMES[:i] if draw(st.booleans())) for i, name in enumerate(NAMES)}
    ends: dict[str, float] = {}
    jobs: dict[str, Job] = {}
    for index, name in enumerate(NAMES):
        if any(jobs[need].conclusion != "success" for need in needs[name]):
            jobs[name] = Job(index, 1, 1, name, "skipped", None, None, None)
            continue
        start = max((ends[need] for need in needs[name]), default=0.0) + draw(st.integers(0, 5))
        length = draw(st.integers(1, 60))
        jobs[name] = job(
            name, start, length, conclusion="failure" if draw(st.integers(0, 4)) == 0 else "success", id=index
        )
        ends[name] = start + length
    failed = any(j.conclusion == "failure" for j in jobs.values())
    last = max(ends.values())
    return run(jobs=tuple(jobs.values()), conclusion="failure" if failed else "success", minutes=last), needs


@given(worlds())
def test_replaying_a_run_through_its_own_graph_is_the_identity(world: tuple[Run, dict[str, tuple[str, ...]]]) -> None:
    played, needs = world
    assert reschedule(played, needs, {n: n for n in NAMES}, before=needs) == played


@given(worlds())
def test_without_needs_nothing_takes_longer(world: tuple[Run, dict[str, tuple[str, ...]]]) -> None:
    played, needs = world
    free = reschedule(played, dict.fromkeys(NAMES, ()), {n: n for n in NAMES}, before=needs)
    assert (free.seconds or 0) <= (played.seconds or 0)
    assert runner_seconds(free) == runner_seconds(played)


@given(worlds(), st.integers(-5, 400))
def test_a_cut_never_lengthens_and_cutting_twice_is_cutting_once(
    world: tuple[Run, dict[str, tuple[str, ...]]], minutes: int
) -> None:
    played, at = world[0], T0 + timedelta(minutes=minutes)
    cut = cut_run(played, at)
    assert (cut.seconds or 0) <= (played.seconds or 0)
    assert (runner_seconds(cut) or 0) <= (runner_seconds(played) or 0)
    assert cut_run(cut, at) == cut
