"""Time limits that a change sets: seen to be met in the runs, with GitHub's annotations or without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from measuring import CI, LIVE, NEW, OLD, plan
from trimtab.catalogue.rules import raise_timeout, set_timeout, tighten_timeout
from trimtab.loop.measure import measure
from trimtab.loop.measure.limits import limits
from trimtab.model import Decision, EditFile, InsertKey, Intervention, Job, Op, ReplaceScalar, Run, Verdict

TEXT = b"""\
on: push
jobs:
  build:
    name: Build (fast)
    runs-on: ubuntu-latest
    timeout-minutes: 60
  test:
    strategy:
      matrix: {os: [a, b]}
    runs-on: ubuntu-latest
  twin1:
    name: twin
    runs-on: ubuntu-latest
  twin2:
    name: twin
    runs-on: ubuntu-latest
"""
NOTE = "The job running on runner X has exceeded the maximum execution time of 10 minutes."
TIGHTEN = ReplaceScalar(("jobs", "build", "timeout-minutes"), 10)


def planned(*ops: Op) -> Intervention:
    made = plan("counted", "runner_minutes")
    return replace(made, files=tuple(replace(file, change=EditFile(CI, ops)) for file in made.files))


def ran(
    id: int, at: datetime, minutes: float, conclusion: str = "success", *, name: str = "Build (fast)", note: str = ""
) -> Run:
    end = at + timedelta(minutes=minutes)
    job = Job(id, id, 1, name, conclusion, at, at, end, notes=(note,) if note else ())
    return Run(id, 1, CI, conclusion, at, at, end, event="push", blob=NEW if at >= LIVE else OLD, jobs=(job,))


def every_six_hours(first: int, last: int, slow: float, stopped: str = "success", **told: str) -> list[Run]:
    """From day to day (0 is the change): four jobs a day of 8 minutes, the first of them of `slow` minutes instead."""
    return [
        ran(
            10_000 + 4 * day + part,
            LIVE + timedelta(days=day, hours=6 * part),
            8 if part else slow,
            "success" if part else stopped,
            **told,  # type: ignore[arg-type]
        )
        for day in range(first, last)
        for part in range(4)
    ]


def verdict(
    found: Sequence[Run], rule: object, made: Intervention, contents: Mapping[str, bytes] | None = None, day: float = 29
) -> Verdict:
    return measure(
        made,
        found,
        now=LIVE + timedelta(days=day),
        live_from=LIVE,
        treated_blobs=frozenset({NEW}),
        control_blobs=frozenset({OLD}),
        rule=rule,  # type: ignore[arg-type]
        contents={CI: TEXT} if contents is None else contents,
    )


def test_a_limit_that_stops_every_slow_job_is_undone_without_annotations_too() -> None:
    before = every_six_hours(-60, 0, 12)
    for note in ("", NOTE):
        told = {"note": note} if note else {}
        after = every_six_hours(0, 29, 10, "cancelled", **told)
        got = verdict([*before, *after], tighten_timeout, planned(TIGHTEN))
        assert got.decision is Decision.UNDO
        assert got.why.startswith("infrastructure failures rose from 0 of ") or "in a row failed" in got.why


def test_when_the_job_cannot_be_told_by_its_name_nothing_is_known() -> None:
    before, after = every_six_hours(-60, 0, 12), every_six_hours(0, 29, 10, "cancelled")
    got = verdict([*before, *after], tighten_timeout, planned(TIGHTEN), contents={})
    assert got.decision is Decision.UNVERIFIABLE
    assert got.why == (
        "29 executions of 'Build (fast)' ended beside a new limit, and neither an annotation nor the job's name tells "
        "whether by it; trimtab collect"
    )
    calm = verdict([*before, *every_six_hours(0, 29, 9.5)], tighten_timeout, planned(TIGHTEN), contents={})
    assert calm.decision is Decision.NO_EFFECT


def test_hung_jobs_are_counted_without_annotations() -> None:
    before = every_six_hours(-60, 0, 8)
    before[40] = ran(1, before[40].created, 360, "cancelled")
    after = every_six_hours(0, 29, 8)
    after[44] = ran(2, after[44].created, 10.1, "cancelled")
    got = verdict([*before, *after], set_timeout, planned(TIGHTEN))
    assert got.decision is Decision.KEEP
    assert got.why == "1 hung jobs stopped in 29 days; counted, 350 minutes"


def test_a_job_stopped_sooner_than_others_succeeded_may_be_a_loss() -> None:
    before = every_six_hours(-60, 0, 12)
    before[41] = ran(1, before[41].created, 360, "cancelled")
    after = every_six_hours(0, 29, 8)
    after[44] = ran(2, after[44].created, 10, "cancelled")
    got = verdict([*before, *after], tighten_timeout, planned(TIGHTEN))
    assert "1 hung jobs stopped, 1 of them sooner than others had succeeded before" in got.why


def test_a_higher_limit_is_measured_from_the_file_as_it_stood() -> None:
    made = planned(ReplaceScalar(("jobs", "build", "timeout-minutes"), 90))
    before = every_six_hours(-60, 0, 60, "cancelled")
    rescued = verdict([*before, *every_six_hours(0, 29, 75)], raise_timeout, made)
    assert rescued.decision is Decision.KEEP
    assert rescued.why.startswith(
        "29 executions succeeded that the old limit would have stopped in 29 days; counted, 1740 "
    )
    assert verdict([*before, *every_six_hours(0, 29, 50)], raise_timeout, made).decision is Decision.NO_EFFECT
    assert verdict([*before, *every_six_hours(0, 29, 75)], raise_timeout, made, {}).decision is Decision.UNVERIFIABLE


def test_limits_by_the_names_that_the_api_gives() -> None:
    made = planned(
        TIGHTEN,
        InsertKey(("jobs", "test"), "timeout-minutes", 20, after="runs-on"),
        InsertKey(("jobs", "twin1"), "timeout-minutes", 30, after="runs-on"),
        InsertKey(("jobs", "test", "steps", 0), "timeout-minutes", 5),
    )
    names = ["Build (fast)", "test (a)", "test (b)", "twin", "gone"]
    seen = [ran(n, LIVE, 8, name=name) for n, name in enumerate(names)]
    got = limits(made, {CI: TEXT}, (), seen)
    assert got.new == {"Build (fast)": 10, "test (a)": 20, "test (b)": 20}
    assert got.old == {"Build (fast)": 60, "test (a)": 360, "test (b)": 360}
    assert got.unclear == ""
    stopped = [ran(9, LIVE, 30, "cancelled", name="twin")]
    assert limits(made, {CI: TEXT}, (), stopped).unclear.startswith("1 execution of 'twin' ended beside a new limit")
    noted = [ran(9, LIVE, 30, "cancelled", name="twin", note=NOTE)]
    assert limits(made, {CI: TEXT}, (), noted).unclear == ""
    assert limits(made, {CI: b"a: [\0"}, (), stopped).unclear != ""
    assert limits(plan("counted"), {}, (), stopped).unclear == ""
