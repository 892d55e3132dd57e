"""Values for the renderers' tests: one friendly screen, and one in which every text is hostile."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from trimtab.model import (
    Decision,
    EditFile,
    Finding,
    InsertKey,
    Intervention,
    KpiValue,
    PlannedFile,
    Prediction,
    Risk,
    Span,
    Stage,
    Unknown,
    Verdict,
)
from trimtab.report.values import ChangeLine, FindingsPage, KpiLine, Outcomes, Overview, Trend, TrendPoint

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
CI = ".github/workflows/ci.yml"
HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\u2066\u200b\r\n::set-env name=PATH::/evil\n##[command]rm -rf"
    " [click](javascript:alert(1)) ![x](https://evil.example/p.png) <script>alert(1)</script>"
    " \"' | `a` ``b`` @octocat #12 www.evil.example"
)


def prediction(metric: str = "runner_minutes", also: tuple[Prediction, ...] = ()) -> Prediction:
    return Prediction(metric, -640.0, -570.0, -512.0, -0.24, -0.18, 212, 28.0, "replayed run by run", also=also)


def change(path: str = CI) -> EditFile:
    return EditFile(path, (InsertKey((), "concurrency", {"cancel-in-progress": True}, before="jobs"),))


def finding(
    rule: str = "cancel-superseded",
    says: str = "a newer push does not stop the run before it (41 of 212 runs)",
    predicts: Prediction | Unknown | None = None,
    text: str = "on: [push, pull_request]",
    path: str = CI,
    risk: Risk = Risk.SAFE,
) -> Finding:
    priced = prediction(also=(prediction("feedback_seconds"),)) if predicts is None else predicts
    return Finding(
        rule,
        says,
        Span(path, 2, 1, 2, 3, text),
        ("on",),
        ("no concurrency group",),
        priced,
        change(path) if risk is not Risk.NONE else None,
        risk,
    )


def unpriced() -> Finding:
    why = Unknown("no history of this workflow was collected", "trimtab collect --repo octo/app")
    return finding("set-timeout", "3 jobs may hang for six hours", why, "  build:")


def plan(id: str, rule: str, says: str, path: str = CI, predicts: Prediction | Unknown | None = None) -> Intervention:
    file = PlannedFile(path, "a" * 64, "b" * 64, "c" * 40, "d" * 40, change(path))
    told = prediction() if predicts is None else predicts
    return Intervention(
        id, rule, says, ("3f2a91bc",), (file,), "runner_minutes", "counted", 28, told, Risk.SAFE, NOW, "e" * 64
    )


def changes() -> tuple[ChangeLine, ...]:
    helped = Verdict(
        Decision.KEEP, "runner_minutes", -0.19, -0.26, -0.11, 41, 96, "38 superseded runs were cut", "share", 24.1, 19.6
    )
    hurt = Verdict(Decision.UNDO, "runner_minutes", 0.22, 0.09, 0.36, 38, 96, "the whole interval is above zero")
    early = Verdict(
        Decision.WAIT, "runner_minutes", -0.06, -0.31, 0.22, 12, 96, "12 runs, needs 30", wait_days=9, wait_runs=60
    )
    since = NOW - timedelta(days=3)
    return (
        ChangeLine(plan("3f2a91bc", "cancel-superseded", "cancel superseded runs"), Stage.KEPT, since, helped),
        ChangeLine(plan("77aa01de", "cache-setup-action", "cache the setup"), Stage.UNDONE, since, hurt),
        ChangeLine(plan("0b5e7c19", "set-timeout", "limit the jobs"), Stage.MEASURING, since, early),
    )


def kpis() -> tuple[KpiLine, ...]:
    success = KpiValue(0.931, 0.905, 0.95, 812, ("final attempt 96.2 %; infrastructure apart 94.8 %",))
    build = KpiValue(1104.0, 1020.0, 1190.0, 756, ("p50 16.9 min, p95 31.0 min",))
    storage = KpiValue(Unknown("no host was looked at", "trimtab storage"))
    cache = KpiValue(Unknown("no cache log was read", "trimtab collect --cache"))
    return (
        KpiLine("success-rate", "success of the build", "share", "higher", 0.95, success),
        KpiLine("build-time", "build time, mean", "seconds", "lower", 1800.0, build),
        KpiLine("storage-bytes", "storage on the worst host", "bytes", "lower", 50e9, storage),
        KpiLine("cache-hits", "cache hits", "share", "higher", 0.8, cache),
    )


def page() -> FindingsPage:
    tells = Unknown("its effect on minutes cannot be replayed from run history")
    found = (finding(), unpriced(), finding("repair-syntax", "a tab stands where blanks belong", tells, "\tjobs:"))
    return FindingsPage(found, 9, 1, 2, (), {"repair-syntax": "fault"}, {"set-timeout": "Give each job a limit"})


def overview() -> Overview:
    start = NOW - timedelta(days=112)
    points = tuple(
        TrendPoint(start + timedelta(days=d), 18 + 3 * math.sin(d / 9) + (d % 5) / 3 - (4 if d > 80 else 0), 3 + d % 9)
        for d in range(112)
        if d % 7 < 5
    )
    counts = {"success": 756, "code": 41, "infra": 15, "cancelled": 60, "skipped": 22, "running": 2}
    says = ("first attempt 93.1 % of 812, final 96.2 %, infrastructure apart 94.8 %",)
    trend = Trend(CI, points, ((start + timedelta(days=81), "3f2a91bc"),), "18.4 min, n = 756")
    return Overview(
        "octo/app",
        NOW,
        kpis(),
        page(),
        changes(),
        Outcomes(counts, 896, says),
        (trend,),
        "896 attempts in 112 days",
        notes=("Simulated: these runs come from a seeded generator.",),
    )


def hostile_page() -> FindingsPage:
    path = f".github/workflows/{HOSTILE}.yml"
    evil = finding("cancel-superseded", HOSTILE, Unknown(HOSTILE, HOSTILE), HOSTILE, path)
    return FindingsPage((evil,), 1, 0, 0, (HOSTILE,), {}, {"cancel-superseded": HOSTILE})


def hostile_overview() -> Overview:
    verdict = Verdict(Decision.KEEP, "runner_minutes", -0.1, -0.2, -0.05, 5, 5, HOSTILE)
    path = f".github/workflows/{HOSTILE}.yml"
    line = ChangeLine(plan("3f2a91bc", "cancel-superseded", HOSTILE, path), Stage.KEPT, NOW, verdict, HOSTILE, HOSTILE)
    kpi = KpiLine("x", HOSTILE, "share", "higher", 0.9, KpiValue(0.5, 0.4, 0.6, 3, (HOSTILE,)))
    unknown = KpiLine("y", HOSTILE, "share", "higher", 0.9, KpiValue(Unknown(HOSTILE, HOSTILE)))
    points = tuple(TrendPoint(NOW + timedelta(days=d), 5.0, 1) for d in range(3))
    return Overview(
        HOSTILE,
        NOW,
        (kpi, unknown),
        hostile_page(),
        (line,),
        Outcomes({"success": 1}, 1, (HOSTILE,)),
        (Trend(HOSTILE, points, ((NOW, HOSTILE),), HOSTILE),),
        HOSTILE,
        disabled=(HOSTILE,),
        notes=(HOSTILE,),
    )
