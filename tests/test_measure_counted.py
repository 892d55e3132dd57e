"""Counted verdicts: what a rule adds up run by run, and when that is enough to keep or undo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from measuring import LIVE, NEW, OLD, plan, runs, verdict
from trimtab.catalogue.evidence import Evidence
from trimtab.model import (
    Counted,
    Decision,
    Design,
    Finding,
    History,
    Job,
    Risk,
    Run,
    Unknown,
    Verdict,
)


class Counting:
    """A rule whose count is given."""

    metric = "runner_minutes"
    risk = Risk.SAFE
    design: Design = "counted"
    settings: Mapping[str, object] = {}

    def __init__(self, answer: Counted | Unknown) -> None:
        self.answer = answer
        self.seen: tuple[History, History] | None = None

    def find(self, evidence: Evidence) -> Iterator[Finding]:
        yield from ()

    def count(self, before: History, after: History) -> Counted | Unknown:
        self.seen = (before, after)
        return self.answer


SAVED = Counted(38, 512, 480, 540, "38 superseded runs were cancelled")


def counted(answer: Counted | Unknown, day: float = 14, found: Sequence[Run] | None = None) -> Verdict:
    return verdict(found or runs(), day, rule=Counting(answer), of=plan("counted", "runner_minutes"))


def test_what_was_saved_for_certain_is_kept() -> None:
    got = counted(SAVED)
    assert got.decision is Decision.KEEP
    assert (got.unit, got.effect, got.low, got.high) == ("minutes", -512, -540, -480)
    assert got.why == "38 superseded runs were cancelled in 14 days; counted, 512 minutes"


def test_with_jobs_the_saving_is_a_share_that_compares_with_the_prediction() -> None:
    found = [replace(r, jobs=(Job(r.id, r.id, 1, "a", "success", r.created, r.created, r.ended),)) for r in runs()]
    got = counted(SAVED, found=found)
    took = sum(r.runner_seconds or 0 for r in found if LIVE <= r.created <= LIVE + timedelta(days=14)) / 60
    assert got.unit == "share"
    assert got.effect == pytest.approx(-512 / (took + 512))
    assert got.before == pytest.approx((took + 512) / got.n)


def test_a_cost_for_certain_is_undone() -> None:
    assert counted(Counted(9, -60, -80, -40, "9 jobs were killed")).decision is Decision.UNDO


def test_no_event_waits_and_is_no_effect_at_the_horizon() -> None:
    nothing = Counted(0, 0, 0, 0, "0 hung jobs stopped")
    assert counted(nothing, 14).decision is Decision.WAIT
    got = counted(nothing, 28)
    assert (got.decision, got.why) == (Decision.NO_EFFECT, "0 hung jobs stopped in 28 days, nothing for certain")


def test_counting_waits_for_a_week() -> None:
    got = counted(SAVED, 3)
    assert (got.decision, got.wait_days) == (Decision.WAIT, 4)


def test_counting_waits_for_a_week_that_was_collected() -> None:
    week = [run for run in runs() if run.created < LIVE + timedelta(days=5)]
    got = verdict(week, 40, rule=Counting(SAVED), of=plan("counted", "runner_minutes"), looked_until=5)
    assert (got.decision, got.wait_days) == (Decision.WAIT, 2)
    assert "so far: 38 superseded runs were cancelled; runs are known until" in got.why


def test_what_cannot_be_counted_is_never_kept() -> None:
    missing = Unknown("the jobs were not collected", "trimtab collect")
    assert counted(missing, 14).decision is Decision.WAIT
    got = counted(missing, 28)
    assert (got.decision, got.why) == (Decision.UNVERIFIABLE, "the jobs were not collected; trimtab collect")
    assert verdict(runs(), 14, of=plan("counted")).decision is Decision.UNVERIFIABLE


def test_the_rule_sees_the_two_sides() -> None:
    rule = Counting(SAVED)
    verdict(runs(), 14, rule=rule, of=plan("counted", "runner_minutes"))
    assert rule.seen is not None
    before, after = rule.seen
    assert {run.blob for run in before.runs} == {OLD}
    assert {run.blob for run in after.runs} == {NEW}
    assert before.end == after.start == LIVE
