"""
Case: one change at one look, with its runs on both sides, and the words for what is still missing
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trimtab.loop.measure.limits import NO_LIMITS, Limits
from trimtab.loop.measure.sides import Sides
from trimtab.model import Decision, Intervention, Verdict


@dataclass(frozen=True, slots=True)
class Other:
    """Another change that can move durations too came to the workflow at `at`, or was taken back; `what` says so."""

    at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Case:
    """One change with its runs on both sides, the moment of the look, and until when the runs are known (never later)."""

    plan: Intervention
    sides: Sides
    now: datetime
    until: datetime
    others: tuple[Other, ...] = ()
    limits: Limits = NO_LIMITS

    @property
    def elapsed(self) -> float:
        """Days that the change has been live and seen to be; 0 before."""
        start = self.sides.start
        return 0.0 if start is None else max((self.until - start).total_seconds() / 86400, 0.0)

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
        if self.now - self.until >= timedelta(days=1):
            why += f"; runs are known until {self.until:%Y-%m-%d} only: trimtab collect"
        return replace(self.verdict(Decision.WAIT, why), wait_days=max(math.ceil(days), 1), wait_runs=expected)

    def _runs_per_day(self) -> float:
        """Of the change so far, or before there are any of it, of the last four weeks without it."""
        if self.sides.treated and self.elapsed >= 1:
            return len(self.sides.treated) / self.elapsed
        since = (self.sides.start or self.until) - timedelta(days=28)
        return sum(run.created >= since for run in self.sides.past) / 28
