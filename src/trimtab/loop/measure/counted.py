"""
Counted: what the change saved, added up run by run
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import cast

from trimtab.catalogue.protocols import CountingRule, Rule
from trimtab.loop.measure.case import Case
from trimtab.model import Counted, Decision, History, Unknown, Verdict
from trimtab.replay.runs import runner_seconds

COUNT_DAYS, COUNT_RUNS = 7, 20  # arithmetic needs no test, but the guard needs something to look at


def by_count(case: Case, rule: Rule | None) -> Verdict:
    """Add up what the change cut, run by run; no test is needed, only the guard and a week to see something."""
    if rule is None or not hasattr(rule, "count"):
        return case.verdict(
            Decision.UNVERIFIABLE, f"the rule {case.plan.rule} that would count its effect is not installed"
        )
    found, horizon = case.sides, case.plan.horizon_days
    if found.start is None or not found.treated:
        return case.wait(COUNT_DAYS, "no run has ended with the change yet", runs=COUNT_RUNS)
    told = _told(case, cast(CountingRule, rule), found.start)
    if isinstance(told, Unknown):
        if case.elapsed < horizon:
            return case.wait(horizon, told.why, runs=COUNT_RUNS)
        return case.verdict(Decision.UNVERIFIABLE, f"{told.why}; {told.command}".rstrip("; "))
    summed = _with_share(case, told)
    if case.elapsed < COUNT_DAYS or (len(found.treated) < COUNT_RUNS and case.elapsed < horizon):
        waiting = case.wait(COUNT_DAYS, f"so far: {told.says}", runs=COUNT_RUNS)
        return replace(
            summed, decision=Decision.WAIT, why=waiting.why, wait_days=waiting.wait_days, wait_runs=waiting.wait_runs
        )
    if told.low > 0:
        return replace(summed, decision=Decision.KEEP)
    if told.high < 0:
        return replace(summed, decision=Decision.UNDO)
    if case.elapsed < horizon:
        waiting = case.wait(horizon, f"{told.says}: not yet clear whether that saves anything")
        return replace(
            summed, decision=Decision.WAIT, why=waiting.why, wait_days=waiting.wait_days, wait_runs=waiting.wait_runs
        )
    return replace(
        summed, decision=Decision.NO_EFFECT, why=f"{told.says} in {case.elapsed:.0f} days, nothing for certain"
    )


def _told(case: Case, rule: CountingRule, start: datetime) -> Counted | Unknown:
    """What the rule counts, if it can be seen which jobs met the limits that the change set."""
    found, limits = case.sides, case.limits
    if limits.unclear:
        return Unknown(limits.unclear, "trimtab collect")
    first = min((run.created for run in found.past), default=start)
    after = History(found.treated, start, max(start, case.until), limits.new)
    return rule.count(History(found.past, first, start, limits.old), after)


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
