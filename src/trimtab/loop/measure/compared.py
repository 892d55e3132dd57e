"""
Compared: runs with the change against those of the fortnight before, at two looks
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from trimtab.loop.measure.case import Case
from trimtab.model import Decision, Run, Unknown, Verdict
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
PATIENCE = 3  # horizons to wait for a workflow that hardly runs


def by_comparison(case: Case) -> Verdict:
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
            return _told_apart(case, _too_early(case, effect, days), effect, days)
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
            return _told_apart(case, _judged(case, effect, decision, seen), effect, seen)
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


def _told_apart(case: Case, verdict: Verdict, effect: Effect | None, days: int) -> Verdict:
    """
    The verdict, unless another change came or went within the days compared: which did what cannot be told then

    The days are those of this estimate: 14 or 28 before the change, and until the look. An estimate that waits for a
    longer look that is spoilt already does not wait.
    """
    start = case.sides.start
    if effect is None or start is None:
        return verdict
    first, last = start - timedelta(days=effect.before_days), start + timedelta(days=days)
    for other in case.others:
        if first < other.at < last:
            span = f"within the {effect.before_days} days before this change and the {days} after it that are compared"
            why = f"{other.what} on {other.at:%Y-%m-%d}, {span}: which of the two did what cannot be told"
            return replace(verdict, decision=Decision.UNVERIFIABLE, why=why, wait_days=None, wait_runs=None)
    return verdict


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
