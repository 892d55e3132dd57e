"""
Measure: what did the change do? A verdict from the frozen plan and the set of runs, and from nothing else

Order and duplicates do not matter, and the same runs always give the same verdict. Where the effect is arithmetic it is added up
run by run; else runs with the change are compared with those of the fortnight before, with an interval calibrated on the
series' own past (stats.placebo). There are two looks, after 14 days and at the horizon, not one a day: whoever looks every
day until it is "significant" is wrong four times as often as he thinks. The guard on infrastructure failures looks always.

`keep` needs the whole 95 % interval below zero and beyond the practical floor of 5 %; `undo` is its mirror image. Between
them a change is `no_effect` when the interval lies within the floor, or when the horizon is over and it still straddles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from trimtab.catalogue.protocols import CountingRule, Rule
from trimtab.loop.measure.guard import alarm
from trimtab.loop.measure.sides import Sides, distinct, sides
from trimtab.model import Counted, Decision, History, Intervention, Run, Unknown, Verdict
from trimtab.replay.outcomes import Outcome, outcome
from trimtab.replay.runs import ended, runner_seconds
from trimtab.stats.placebo import (
    MIN_ACTIVE_DAYS,
    MIN_RUNS,
    WINDOW_DAYS,
    Effect,
    Point,
    before_after,
    enough,
)

FLOOR = 0.05  # smaller changes are no real difference
COUNT_DAYS, COUNT_RUNS = 7, 20  # arithmetic needs no test, but the guard needs something to look at
PATIENCE = 3  # horizons to wait for a workflow that hardly runs


def measure(
    plan: Intervention,
    runs: Sequence[Run],
    *,
    now: datetime,
    live_from: datetime | None,
    treated_blobs: frozenset[str],
    control_blobs: frozenset[str],
    rule: Rule | None,
    effective_at: datetime | None = None,
) -> Verdict:
    """
    The verdict on one change at `now`

    `runs` may hold other workflows too: they tell the guard whether trouble is everybody's. `live_from` is when the change
    became live, None if that is only seen in the runs; the blobs say which version of the workflow a run executed;
    `effective_at` (from `measure --effective-at`) stands in for them in a history without commit ids. Raises nothing.
    """
    known = distinct(runs, now)
    paths = {file.path for file in plan.files}
    found = sides(
        tuple(run for run in known if run.workflow in paths),
        live_from=live_from,
        treated_blobs=treated_blobs,
        control_blobs=control_blobs,
        effective_at=effective_at,
    )
    if isinstance(found, Unknown):
        why = f"{found.why}; say when it became live: trimtab measure {plan.id} --effective-at TIME"
        return _unverifiable(plan, why)
    case = Case(plan, found, now)
    treated = {run.key for run in found.treated}
    reason = alarm(found, [run for run in known if run.key not in treated])
    return case.verdict(Decision.UNDO, reason) if reason is not None else _by_design(case, rule)


def _by_design(case: Case, rule: Rule | None) -> Verdict:
    match case.plan.design:
        case "counted":
            return _counted(case, rule)
        case "before_after":
            return _before_after(case)
        case _:
            return case.verdict(Decision.UNVERIFIABLE, f"nothing that runs tell can show what {case.plan.rule} does")


@dataclass(frozen=True, slots=True)
class Case:
    """One change with its runs on both sides, and the moment of the look."""

    plan: Intervention
    sides: Sides
    now: datetime

    @property
    def elapsed(self) -> float:
        """Days that the change has been live; 0 before."""
        start = self.sides.start
        return 0.0 if start is None else max((self.now - start).total_seconds() / 86400, 0.0)

    def verdict(self, decision: Decision, why: str) -> Verdict:
        """A verdict without an estimate."""
        n, control = len(self.sides.treated), len(self.sides.control)
        return Verdict(decision, self.plan.metric, None, None, None, n, control, why)

    def wait(self, until_days: float, why: str, *, runs: int = 0) -> Verdict:
        """`wait`, with the days until the change was live for `until_days` and has `runs`, and the runs to expect by then."""
        rate, missing = self._runs_per_day(), max(runs - len(self.sides.treated), 0)
        left = max(self.plan.horizon_days - self.elapsed, 0.0)  # at the horizon fewer runs must do
        for_runs = 0.0 if not missing else min(missing / rate, left) if rate else left
        days = max(until_days - self.elapsed, for_runs, 0.0)
        expected = max(math.ceil(days * rate), missing)
        return replace(self.verdict(Decision.WAIT, why), wait_days=max(math.ceil(days), 1), wait_runs=expected)

    def _runs_per_day(self) -> float:
        """Of the change so far, or before there are any of it, of the last four weeks without it."""
        if self.sides.treated and self.elapsed >= 1:
            return len(self.sides.treated) / self.elapsed
        since = (self.sides.start or self.now) - timedelta(days=28)
        return sum(run.created >= since for run in self.sides.past) / 28


def _unverifiable(plan: Intervention, why: str) -> Verdict:
    return Verdict(Decision.UNVERIFIABLE, plan.metric, None, None, None, 0, 0, why)


# ------------------------------------------------------------------------------------ counted


def _counted(case: Case, rule: Rule | None) -> Verdict:
    """Add up what the change cut, run by run; no test is needed, only the guard and a week to see something."""
    if rule is None or not hasattr(rule, "count"):
        return case.verdict(
            Decision.UNVERIFIABLE, f"the rule {case.plan.rule} that would count its effect is not installed"
        )
    found, horizon = case.sides, case.plan.horizon_days
    if found.start is None or not found.treated:
        return case.wait(COUNT_DAYS, "no run has ended with the change yet", runs=COUNT_RUNS)
    before = History(found.past, min((run.created for run in found.past), default=found.start), found.start)
    counted = cast(CountingRule, rule).count(before, History(found.treated, found.start, case.now))
    if isinstance(counted, Unknown):
        if case.elapsed < horizon:
            return case.wait(horizon, counted.why, runs=COUNT_RUNS)
        return case.verdict(Decision.UNVERIFIABLE, f"{counted.why}; {counted.command}".rstrip("; "))
    summed = _with_share(case, counted)
    if case.elapsed < COUNT_DAYS or (len(found.treated) < COUNT_RUNS and case.elapsed < horizon):
        waiting = case.wait(COUNT_DAYS, f"so far: {counted.says}", runs=COUNT_RUNS)
        return replace(
            summed, decision=Decision.WAIT, why=waiting.why, wait_days=waiting.wait_days, wait_runs=waiting.wait_runs
        )
    if counted.low > 0:
        return replace(summed, decision=Decision.KEEP)
    if counted.high < 0:
        return replace(summed, decision=Decision.UNDO)
    if case.elapsed < horizon:
        waiting = case.wait(horizon, f"{counted.says}: not yet clear whether that saves anything")
        return replace(
            summed, decision=Decision.WAIT, why=waiting.why, wait_days=waiting.wait_days, wait_runs=waiting.wait_runs
        )
    return replace(
        summed, decision=Decision.NO_EFFECT, why=f"{counted.says} in {case.elapsed:.0f} days, nothing for certain"
    )


def _with_share(case: Case, counted: Counted) -> Verdict:
    """Minutes saved as a share of what the runs with the change would have taken; in minutes when that is not known."""
    days = f"{counted.says} in {case.elapsed:.0f} days; counted, {counted.minutes:.0f} minutes"
    base = replace(case.verdict(Decision.WAIT, days), unit="minutes")
    took = [seconds / 60 for run in case.sides.treated if (seconds := runner_seconds(run)) is not None]
    would = sum(took) + counted.minutes
    if len(took) < len(case.sides.treated) or sum(took) + counted.low <= 0:
        return replace(base, effect=-counted.minutes, low=-counted.high, high=-counted.low)
    return replace(
        base,
        unit="share",
        effect=-counted.minutes / would,
        low=-counted.high / (sum(took) + counted.high),
        high=-counted.low / (sum(took) + counted.low),
        before=would / len(took),
        after=sum(took) / len(took),
    )


# ------------------------------------------------------------------------------------ before and after


def _before_after(case: Case) -> Verdict:
    """The two looks, and later ones only for a workflow that ran too little until the horizon."""
    plan, found = case.plan, case.sides
    if plan.metric not in _VALUES:
        return case.verdict(Decision.UNVERIFIABLE, f"runs do not tell {plan.metric}")
    if found.start is None or not found.treated:
        return case.wait(WINDOW_DAYS, "no run has ended with the change yet", runs=MIN_RUNS)
    past, treated = points(found.past, plan.metric), points(found.treated, plan.metric)
    before = points([run for run in found.control if run.created < found.start], plan.metric)
    effect: Effect | None = None
    seen = WINDOW_DAYS
    for days in _looks(plan.horizon_days):
        if case.elapsed < days:
            return _too_early(case, effect, days)
        window = [point for point in treated if point.at < found.start + timedelta(days=days)]
        if not enough(window):
            continue
        answer = before_after(past, window, found.start, before=before, after_days=days)
        if not isinstance(answer, Unknown):
            effect, seen = answer, days
        elif effect is None:
            return case.verdict(Decision.UNVERIFIABLE, f"{answer.why}; trimtab collect may reach further back")
        # else the past is too short to calibrate the longer look, and the first one stands
        decision = _decide(effect, final=days >= plan.horizon_days)
        if decision is not Decision.WAIT:
            return _judged(case, effect, decision, seen)
    has = f"{len(treated)} successful first attempts with the change whose {plan.metric} is known"
    return case.verdict(
        Decision.UNVERIFIABLE, f"{has} in {case.elapsed:.0f} days, needs {MIN_RUNS} on {MIN_ACTIVE_DAYS} days"
    )


def _looks(horizon_days: int) -> list[int]:
    """After a fortnight and at the horizon; then weekly, for workflows that had not run enough by then."""
    horizon = max(horizon_days, WINDOW_DAYS)
    return sorted({WINDOW_DAYS, horizon, *range(horizon, PATIENCE * horizon + 1, 7)})


def _decide(effect: Effect, *, final: bool) -> Decision:
    if effect.high < -FLOOR:
        return Decision.KEEP
    if effect.low > FLOOR:
        return Decision.UNDO
    if final or (effect.low >= -FLOOR and effect.high <= FLOOR):
        return Decision.NO_EFFECT
    return Decision.WAIT


def _too_early(case: Case, effect: Effect | None, days: int) -> Verdict:
    if effect is None:
        return case.wait(
            days, f"{WINDOW_DAYS} whole days with the change are compared with {WINDOW_DAYS} before it", runs=MIN_RUNS
        )
    waiting = case.wait(
        days, f"the interval reaches across zero or the floor of {FLOOR * 100:.0f} %; the next look is the last"
    )
    return replace(
        _estimated(waiting, effect), decision=Decision.WAIT, wait_days=waiting.wait_days, wait_runs=waiting.wait_runs
    )


def _judged(case: Case, effect: Effect, decision: Decision, days: int) -> Verdict:
    span = f"the first {days} days with the change against the {effect.before_days} before it"
    basis = f"interval from {effect.placebos} earlier dates of this series at which nothing was done"
    match decision:
        case Decision.NO_EFFECT if effect.low < -FLOOR or effect.high > FLOOR:
            span = f"no difference could be shown in {span}"
        case Decision.NO_EFFECT:
            span = f"no difference larger than {FLOOR * 100:.0f} % in {span}"
        case _:
            pass
    return _estimated(case.verdict(decision, f"{span}; {basis}"), effect)


def _estimated(verdict: Verdict, effect: Effect) -> Verdict:
    return replace(
        verdict,
        effect=effect.effect,
        low=effect.low,
        high=effect.high,
        n=effect.n_after,
        control=effect.n_before,
        before=effect.before,
        after=effect.after,
        level=effect.level,
    )


# ------------------------------------------------------------------------------------ what a run tells


def points(runs: Sequence[Run], metric: str) -> tuple[Point, ...]:
    """The metric of each successful first attempt: a failed run ends where it fails, a re-run repeats only a part."""
    found = []
    for run in runs:
        if run.attempt != 1 or outcome(run) is not Outcome.SUCCESS:
            continue
        value = _VALUES[metric](run)
        if value is not None and value > 0:
            found.append(Point(run.created, value, f"{run.workflow} {run.event}"))
    return tuple(found)


def _minutes(run: Run) -> float | None:
    seconds = runner_seconds(run)
    return None if seconds is None else seconds / 60


def _wall_seconds(run: Run) -> float | None:
    end = ended(run)
    return None if end is None else (end - (run.started or run.created)).total_seconds()


_VALUES = {"runner_minutes": _minutes, "feedback_seconds": _wall_seconds, "build_seconds": _wall_seconds}
