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

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from trimtab.catalogue.protocols import Rule
from trimtab.loop.measure.case import Case, Other
from trimtab.loop.measure.compared import by_comparison, points
from trimtab.loop.measure.counted import by_count
from trimtab.loop.measure.guard import alarm
from trimtab.loop.measure.limits import limits
from trimtab.loop.measure.sides import distinct, sides
from trimtab.model import Decision, Intervention, Run, Unknown, Verdict

__all__ = ["Other", "measure", "points"]


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
    looked_until: datetime | None = None,
    others: Sequence[Other] = (),
    contents: Mapping[str, bytes] = MappingProxyType({}),
) -> Verdict:
    """
    The verdict on one change at `now`, or rather at `looked_until` if the runs are known until then only

    Days that nobody collected are not days lived with the change: a later look at the same runs says the same. `runs` may
    hold other workflows too: they tell the guard whether trouble is everybody's. `live_from` is when the change became
    live, None if that is only seen in the runs; the blobs say which version of the workflow a run executed;
    `effective_at` (from `measure --effective-at`) stands in for them in a history without commit ids. `others` are the
    moments at which other changes of the workflow came or went. `contents` are the plan's files as they stood before it,
    by path: they name the jobs whose time limits it sets. Raises nothing.
    """
    known = distinct(runs, now)
    paths = {file.path for file in plan.files}
    mine = tuple(run for run in known if run.workflow in paths)
    found = sides(mine, treated_blobs, control_blobs, live_from=live_from, effective_at=effective_at)
    if isinstance(found, Unknown):
        return _undated(plan, found)
    end = now if looked_until is None else min(now, looked_until)
    case = Case(plan, found, now, end, tuple(others), limits(plan, contents, found.past, found.treated))
    treated = {run.key for run in found.treated}
    reason = alarm(found, [run for run in known if run.key not in treated], case.limits)
    return case.verdict(Decision.UNDO, reason) if reason is not None else _by_design(case, rule)


def _by_design(case: Case, rule: Rule | None) -> Verdict:
    match case.plan.design:
        case "counted":
            return by_count(case, rule)
        case "before_after":
            return by_comparison(case)
        case _:
            return case.verdict(Decision.UNVERIFIABLE, f"nothing that runs tell can show what {case.plan.rule} does")


def _undated(plan: Intervention, found: Unknown) -> Verdict:
    why = f"{found.why}; say when it became live: trimtab measure {plan.id} --effective-at TIME"
    return Verdict(Decision.UNVERIFIABLE, plan.metric, None, None, None, 0, 0, why)
