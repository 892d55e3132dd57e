"""Verdicts: from the frozen plan and the set of runs, and from nothing else."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measuring import CI, LIVE, NEW, OLD, plan, runs, verdict
from trimtab.loop.measure.sides import Sides, sides
from trimtab.model import (
    Decision,
    Job,
    Run,
)

# ------------------------------------------------------------------------------------ before and after


def test_a_change_that_helps_is_kept() -> None:
    got = verdict(runs(0.7), 14)
    assert got.decision is Decision.KEEP
    assert got.effect == pytest.approx(-0.3, abs=0.05)
    assert got.low is not None
    assert got.high is not None
    assert got.low < got.effect < got.high < -0.05
    assert got.before is not None
    assert got.after is not None
    assert got.after / got.before == pytest.approx(1 + got.effect)
    assert got.n > 40
    assert got.control > 40
    assert got.why == (
        "the first 14 days with the change against the 14 before it; interval from 85 earlier dates of this series at "
        "which nothing was done"
    )


def test_a_change_that_hurts_is_undone() -> None:
    got = verdict(runs(1.4), 14)
    assert got.decision is Decision.UNDO
    assert got.low is not None
    assert got.low > 0.05


def test_nothing_waits_and_is_no_real_difference_at_the_horizon() -> None:
    noisy = runs(kind="heavy")
    first, last = verdict(noisy, 14), verdict(noisy, 28)
    assert (first.decision, first.wait_days) == (Decision.WAIT, 14)
    assert first.effect is not None
    assert last.decision is Decision.NO_EFFECT
    assert last.why.startswith("no difference could be shown in the first 28 days with the change")


def test_a_small_effect_in_a_quiet_series_is_no_real_difference_at_once() -> None:
    steady = [replace(r, ended=r.created + timedelta(seconds=2400 + r.id % 7)) for r in runs()]
    got = verdict(steady, 14)
    assert got.decision is Decision.NO_EFFECT
    assert got.why.startswith("no difference larger than 5 % in the first 14 days")


def test_too_early_says_how_many_days_and_runs_are_missing() -> None:
    got = verdict(runs(0.7), 5)
    assert (got.decision, got.wait_days, got.effect) == (Decision.WAIT, 9, None)
    assert got.wait_runs is not None
    assert 20 <= got.wait_runs <= 80
    assert got.why == "14 whole days with the change are compared with 14 before it"


def test_looking_every_day_is_the_same_as_looking_twice() -> None:
    """Between the looks nothing can be decided, so peeking cannot find what is not there."""
    noisy = runs(kind="ar", seed=4)
    said = [verdict(noisy, day).decision for day in (1, 3, 7, 13, 13.9, 14.5, 18, 21, 25, 27.9)]
    assert set(said) == {Decision.WAIT}


def test_a_verdict_once_reached_stays() -> None:
    helped = runs(0.7)
    late = [
        replace(r, ended=r.created + timedelta(hours=3)) if r.created > LIVE + timedelta(days=16) else r for r in helped
    ]
    assert verdict(late, 30).decision is Decision.KEEP
    assert verdict(late, 30) == verdict(late, 37)


def test_no_run_with_the_change_waits_for_ever_and_never_passes() -> None:
    before = [run for run in runs() if run.created < LIVE]
    for day in (1, 14, 28, 300):
        got = verdict(before, day)
        assert (got.decision, got.n) == (Decision.WAIT, 0)
    assert verdict([], 14).decision is Decision.WAIT
    assert verdict([], 14, live_from=None).decision is Decision.WAIT


def test_a_workflow_that_hardly_runs_gets_time_then_cannot_be_measured() -> None:
    rare = [r for r in runs(0.7, days=300) if r.created < LIVE or r.id % 60 == 0]
    assert verdict(rare, 28).decision is Decision.WAIT
    assert verdict(rare, 60).decision is Decision.WAIT
    got = verdict(rare, 90)
    assert got.decision is Decision.UNVERIFIABLE
    assert "needs 10 on 4 days" in got.why


def test_a_short_past_cannot_be_measured() -> None:
    young = [run for run in runs(0.7) if run.created >= LIVE - timedelta(days=30)]
    got = verdict(young, 14)
    assert got.decision is Decision.UNVERIFIABLE
    assert got.why.startswith("30 days of history before the change, needs about 42")


def test_failed_runs_and_reruns_are_not_timed() -> None:
    plain = runs(0.7)
    failing = [
        Run(
            10_000 + n,
            1,
            CI,
            "failure",
            LIVE + timedelta(hours=6 * n),
            None,
            LIVE + timedelta(hours=6 * n, minutes=1),
            blob=NEW,
        )
        for n in range(40)
    ]
    again = [replace(r, attempt=2, ended=r.created + timedelta(minutes=1)) for r in plain]
    got, want = verdict([*plain, *failing, *again], 14), verdict(plain, 14)
    assert (got.effect, got.low, got.high, got.n) == (want.effect, want.low, want.high, want.n)


def test_runner_minutes_need_jobs() -> None:
    got = verdict(runs(0.7), 200, of=plan(metric="runner_minutes"))
    assert got.decision is Decision.UNVERIFIABLE
    jobs = [replace(r, jobs=(Job(r.id, r.id, 1, "a", "success", r.created, r.created, r.ended),)) for r in runs(0.7)]
    assert verdict(jobs, 14, of=plan(metric="runner_minutes")).decision is Decision.KEEP


def test_an_unknown_metric_or_design_cannot_be_measured() -> None:
    assert verdict(runs(), 14, of=plan(metric="happiness")).decision is Decision.UNVERIFIABLE
    assert verdict(runs(), 14, of=plan("unverifiable")).decision is Decision.UNVERIFIABLE


# ------------------------------------------------------------------------------------ who had the change


def test_a_history_without_commits_needs_a_time() -> None:
    dark = runs(0.7, blobs=False)
    got = verdict(dark, 14)
    assert got.decision is Decision.UNVERIFIABLE
    assert got.why.endswith("say when it became live: trimtab measure c0ffee00 --effective-at TIME")
    told = verdict(dark, 14, live_from=None, effective_at=LIVE)
    assert told.decision is Decision.KEEP


def test_sides_are_told_by_what_ran_not_by_the_date() -> None:
    at = LIVE
    own_pull_request = Run(1, 1, CI, "success", at - timedelta(days=2), blob=NEW)
    old_branch = Run(2, 1, CI, "success", at + timedelta(days=2), blob=OLD)
    edited = Run(3, 1, CI, "success", at + timedelta(days=3), blob="2" * 40)
    main = Run(4, 1, CI, "success", at + timedelta(days=1), blob=NEW)
    earlier = Run(5, 1, CI, "success", at - timedelta(days=9), blob="3" * 40)
    got = sides(
        [own_pull_request, old_branch, edited, main, earlier],
        live_from=at,
        treated_blobs=frozenset({NEW}),
        control_blobs=frozenset({OLD}),
        effective_at=None,
    )
    assert isinstance(got, Sides)
    assert got.treated == (main,)
    assert got.control == (old_branch,)
    assert got.past == (earlier,)


def test_runs_of_other_workflows_do_not_count() -> None:
    other = [replace(r, id=r.id + 50_000, workflow="other.yml", ended=r.created + timedelta(hours=9)) for r in runs()]
    assert verdict([*runs(0.7), *other], 14) == verdict(runs(0.7), 14)


# ------------------------------------------------------------------------------------ a pure function


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    factor=st.sampled_from([0.7, 0.85, 1.0, 1.4]),
    day=st.sampled_from([3.0, 14.0, 20.0, 28.0, 40.0]),
    twice=st.floats(0, 1),
)
def test_order_and_duplicates_do_not_matter(seed: int, factor: float, day: float, twice: float) -> None:
    order = random.Random(seed)
    found = mixed_outcomes(runs(factor, kind="ar"))
    told = list(found) + [run for run in found if order.random() < twice]
    order.shuffle(told)
    assert verdict(told, day) == verdict(found, day)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_two_tellings_of_an_attempt_give_one_verdict(seed: int) -> None:
    found = runs(0.7)
    poorer = [replace(run, blob=None, ended=run.created + timedelta(minutes=1)) for run in found]
    running = [replace(run, conclusion=None, ended=None) for run in found]
    told = [*found, *poorer, *running]
    random.Random(seed).shuffle(told)
    assert verdict(told, 14) == verdict(found, 14)


def mixed_outcomes(found: Sequence[Run]) -> list[Run]:
    endings = ["success"] * 7 + ["failure", "cancelled", "skipped"]
    return [replace(run, conclusion=endings[run.id % 10]) for run in found]


def test_what_happens_later_does_not_change_an_earlier_look() -> None:
    found = runs(0.7)
    until = [run for run in found if run.created <= LIVE + timedelta(days=14)]
    assert verdict(found, 14) == verdict(until, 14)


@pytest.mark.parametrize("other", [-13.9, -3, 0, 3, 13.9])
def test_with_another_change_in_the_days_compared_nothing_can_be_told(other: float) -> None:
    got = verdict(runs(0.7), 14, others=[other])
    assert got.decision is Decision.UNVERIFIABLE
    assert got.effect == pytest.approx(-0.3, abs=0.05)
    assert got.why.startswith("another change came on ")
    assert verdict(runs(0.7), 15, live_from=None, others=[other]).decision is Decision.UNVERIFIABLE


@pytest.mark.parametrize("other", [-40, -14, 14, 15, 30])
def test_another_change_outside_the_days_compared_does_not_matter(other: float) -> None:
    assert verdict(runs(0.7), 30, others=[other]) == verdict(runs(0.7), 30)


def test_the_longer_look_has_more_days_in_which_another_change_can_come() -> None:
    noisy = runs(kind="heavy")
    assert verdict(noisy, 14, others=[15]).decision is Decision.UNVERIFIABLE  # the look that it waits for is spoilt
    assert verdict(noisy, 28, others=[15]).decision is Decision.UNVERIFIABLE
    assert verdict(noisy, 28, others=[28]).decision is Decision.NO_EFFECT
    seldom = [r for r in runs(0.7, days=200) if r.id % 9 == 0]
    assert verdict(seldom, 28).decision is Decision.KEEP
    assert verdict(seldom, 28, others=[-20]).decision is Decision.UNVERIFIABLE  # compared with 28 days before


def test_days_that_nobody_collected_were_not_lived() -> None:
    """Six days of runs are six days, however late they are looked at."""
    until = [run for run in runs(0.7) if run.created < LIVE + timedelta(days=6)]
    at_once = verdict(until, 6, looked_until=6)
    assert (at_once.decision, at_once.wait_days) == (Decision.WAIT, 8)
    for day in (14, 28, 300):
        late = verdict(until, day, looked_until=6)
        assert (late.decision, late.wait_days, late.wait_runs) == (Decision.WAIT, 8, at_once.wait_runs)
        assert (
            late.why == f"{at_once.why}; runs are known until {LIVE + timedelta(days=6):%Y-%m-%d} only: trimtab collect"
        )
    assert verdict(runs(0.7), 14, looked_until=20) == verdict(runs(0.7), 14)


# ------------------------------------------------------------------------------------ the guard


def test_three_startup_failures_in_a_row_undo_at_once() -> None:
    refused = [replace(r, conclusion="startup_failure") if r.created >= LIVE else r for r in runs()]
    third = sorted(r.created for r in refused if r.created >= LIVE)[2]
    got = verdict(refused, (third - LIVE).total_seconds() / 86400)
    assert got.decision is Decision.UNDO
    assert got.why.startswith("3 runs in a row failed for infrastructure reasons since the change")


def test_a_handful_of_earlier_runs_does_not_show_that_failures_are_new() -> None:
    refused = [replace(r, conclusion="startup_failure") if r.created >= LIVE else r for r in runs()]
    earlier = [r for r in refused if r.created < LIVE]
    later = [r for r in refused if r.created >= LIVE][:3]
    assert verdict([*earlier[-1:], *later], 3).decision is Decision.WAIT
    assert verdict([*earlier[-9:], *later], 3).decision is Decision.WAIT
    assert verdict([*earlier[-10:], *later], 3).decision is Decision.UNDO


def test_a_bad_hour_of_github_is_not_the_changes_fault() -> None:
    refused = [
        replace(r, conclusion="startup_failure") if LIVE <= r.created < LIVE + timedelta(days=1) else r for r in runs()
    ]
    elsewhere = [replace(r, id=r.id + 50_000, workflow="other.yml") for r in refused]
    assert verdict([*refused, *elsewhere], 2).decision is Decision.WAIT


def test_a_rise_of_infrastructure_failures_undoes() -> None:
    flaky = [replace(r, conclusion="timed_out") if r.created >= LIVE and r.id % 5 == 0 else r for r in runs(0.7)]
    got = verdict(flaky, 9)
    assert got.decision is Decision.UNDO
    assert got.why.startswith("infrastructure failures rose from 0 of ")


def test_looking_every_day_the_guard_stays_calm() -> None:
    """Infrastructure failures of 3 %, before and after: over 25 series and 13 daily looks each, at most one alarm."""
    alarms = 0
    for seed in range(25):
        rng = random.Random(seed)
        found = [replace(r, conclusion="timed_out") if rng.random() < 0.03 else r for r in runs(seed=seed)]
        alarms += any(verdict(found, day).decision is Decision.UNDO for day in range(1, 14))
    assert alarms <= 1


def test_broken_code_does_not_wake_the_guard() -> None:
    broken = [replace(r, conclusion="failure") if LIVE <= r.created < LIVE + timedelta(days=4) else r for r in runs()]
    assert verdict(broken, 5).decision is Decision.WAIT


def test_hung_jobs_that_people_cancelled_before_are_no_rise() -> None:
    """A time limit turns six-hour hangs, cancelled by hand, into `timed_out`: that is what it is for."""

    def hang(run: Run) -> Run:
        if run.id % 10:
            return run
        if run.created >= LIVE:
            return replace(run, conclusion="timed_out", ended=run.created + timedelta(hours=1))
        return replace(run, conclusion="cancelled", ended=run.created + timedelta(hours=5))

    assert verdict([hang(run) for run in runs()], 12).decision is Decision.WAIT
