"""
Puts together what a screen shows, from one site: KPIs against targets, changes, findings, outcomes, the trend of build time
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from trimtab import catalogue
from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.protocols import KpiEntry
from trimtab.ledger.state import Progress, State
from trimtab.loop import Site
from trimtab.loop.diagnose import Diagnosis
from trimtab.model import Finding, History, Run, Stage
from trimtab.replay.outcomes import Outcome, outcome
from trimtab.report import figures
from trimtab.report.values import ChangeLine, FindingsPage, KpiLine, Outcomes, Overview, Trend, TrendPoint

FIRST = ("success-rate", "build-time", "storage-bytes", "cache-hits")
_FINISHED = frozenset({Stage.DECLINED, Stage.SUPERSEDED, Stage.EXPIRED})
TRENDS = 3
SETTLED_SHOWN = timedelta(days=28)  # how long a short screen shows a change that is kept or undone


def overview(
    site: Site,
    evidence: Evidence,
    page: FindingsPage | None = None,
    notes: Sequence[str] = (),
    *,
    recent: bool = False,
) -> Overview:
    """Everything about one site; `page` when findings are to be shown with it, `recent` leaves out what was settled long ago."""
    state, history = site.journal.state(), site.ledger.history()
    changes = change_lines(state)
    settled = [line for line in changes if recent and _settled_before(line, site.now() - SETTLED_SHOWN)]
    if settled:
        notes = (*notes, f"{figures.count(len(settled), 'older change')} kept or undone: trimtab report")
    build = build_paths(site, evidence)
    known = history if isinstance(history, History) else None
    return Overview(
        name=name_of(site),
        at=site.now(),
        kpis=kpi_lines(site, evidence, build),
        page=page,
        changes=tuple(line for line in changes if line not in settled),
        outcomes=outcomes(known, build) if known else None,
        trends=trends(known, build, state) if known else (),
        window=window(known) if known else "no runs collected yet",
        paused=state.paused,
        disabled=tuple(sorted(state.disabled | site.config.disabled)),
        notes=tuple(notes),
    )


def name_of(site: Site) -> str:
    """What this repository is called on a screen."""
    if site.slug is not None:
        return site.slug
    return site.repository.root.name if site.repository is not None else "this repository"


def build_paths(site: Site, evidence: Evidence) -> tuple[str, ...]:
    """
    The workflows that the KPIs call "the build": what the configuration says, else all workflow files

    An imported history whose workflows have no file here (a CSV of another repository, by name) is shown as it is.
    """
    files = tuple(workflow.path for workflow in evidence.workflows())
    collected = tuple(site.ledger.workflows())
    return site.config.build or (files if not collected or set(files) & set(collected) else collected)


def kpi_lines(site: Site, evidence: Evidence, build: tuple[str, ...]) -> tuple[KpiLine, ...]:
    """Each KPI of the catalogue measured now, the plan's four first."""
    entries = catalogue.kpis()
    order = [*(id for id in FIRST if id in entries), *(id for id in entries if id not in FIRST)]
    return tuple(_kpi(id, entries[id], site, evidence, build) for id in order)


def _kpi(id: str, entry: KpiEntry, site: Site, evidence: Evidence, build: tuple[str, ...]) -> KpiLine:
    target = site.config.targets.get(id, entry.target)
    value = entry.measure(evidence, build)
    return KpiLine(id, catalogue.title(entry).partition(":")[0], entry.unit, entry.better, target, value)


def change_lines(state: State, ids: Collection[str] | None = None) -> tuple[ChangeLine, ...]:
    """Changes for a screen, newest first; without `ids` those that are neither finished unseen nor only proposed."""
    hidden = _FINISHED | {Stage.PROPOSED, Stage.STALE}
    shown = [c for id, c in state.changes.items() if (c.stage not in hidden if ids is None else id in ids)]
    return tuple(change_line(c) for c in sorted(shown, key=lambda c: (c.since, c.plan.id), reverse=True))


def _settled_before(line: ChangeLine, at: datetime) -> bool:
    return line.stage in (Stage.KEPT, Stage.UNDONE) and line.since < at


def change_line(change: Progress) -> ChangeLine:
    verdict = change.verdicts[-1] if change.verdicts else None
    return ChangeLine(change.plan, change.shown, change.since, verdict, change.why, change.delivery, change.revert)


def findings_page(diagnosis: Diagnosis, state: State, says: Sequence[str] = ()) -> FindingsPage:
    """A diagnosis for the renderers; a finding whose change was tried before says what came of it."""
    rules, before = catalogue.rules(), tried(state)
    kinds = {id: kind_of(rule.metric, rule.design) for id, rule in rules.items()}
    titles = {id: catalogue.title(rule) for id, rule in rules.items()}
    shown = tuple(_with_past(finding, before.get(finding.id)) for finding in diagnosis.findings)
    return FindingsPage(shown, diagnosis.files, diagnosis.broken, diagnosis.silenced, tuple(says), kinds, titles)


def tried(state: State) -> dict[str, Progress]:
    """By finding: the latest change that was made for it and taken back, or that the team declined."""
    ended = [c for c in state.changes.values() if c.stage in (Stage.UNDONE, Stage.DECLINED)]
    return {id: change for change in sorted(ended, key=lambda c: c.since) for id in change.plan.findings}


def _with_past(finding: Finding, change: Progress | None) -> Finding:
    if change is None:
        return finding
    verdict = change.verdicts[-1] if change.verdicts else None
    words = figures.decision_words(verdict, change.stage) if verdict else str(change.stage)
    said = f"tried before, as change {change.plan.id}: {words}; `apply --safe-only` leaves it alone"
    return replace(finding, evidence=(*finding.evidence, said))


def kind_of(metric: str, design: str) -> str:
    """What a rule is about in one word: cost, time, or a fault of the file (which has no measure)."""
    if metric.endswith("_seconds"):
        return "time"
    return "fault" if design == "unverifiable" and metric == "runner_minutes" else "cost"


def window(history: History) -> str:
    """How much was observed, in words."""
    workflows = len({run.workflow for run in history.runs})
    attempts = figures.count(len(history.runs), "attempt")
    days = f"{history.start:%Y-%m-%d} to {history.end:%Y-%m-%d}"
    return f"{attempts} of {figures.count(workflows, 'workflow')}, {days}"


def outcomes(history: History, build: Collection[str]) -> Outcomes | None:
    """How the attempts of the build ended; None when none was collected."""
    runs = _of_build(history, build)
    if not runs:
        return None
    counts = Counter(str(outcome(run)) for run in runs)
    again = sum(run.attempt > 1 for run in runs)
    workflows = figures.count(len({run.workflow for run in runs}), "workflow")
    says = (f"{figures.count(len(runs), 'attempt')} of {workflows}, {again:,} of them re-runs",)
    return Outcomes(dict(counts), len(runs), says)


def _of_build(history: History, build: Collection[str]) -> list[Run]:
    chosen = [run for run in history.runs if run.workflow in build]
    return chosen or list(history.runs)


def trends(history: History, build: Collection[str], state: State) -> tuple[Trend, ...]:
    """Mean minutes a day of the successful runs of the busiest workflows of the build."""
    by_path: dict[str, list[Run]] = defaultdict(list)
    for run in _of_build(history, build):
        if outcome(run) is Outcome.SUCCESS and run.seconds:
            by_path[run.workflow].append(run)
    busiest = sorted(by_path, key=lambda path: (-len(by_path[path]), path))[:TRENDS]
    return tuple(_trend(path, by_path[path], state) for path in busiest)


def _trend(path: str, runs: Sequence[Run], state: State) -> Trend:
    minutes: dict[datetime, list[float]] = defaultdict(list)
    for run in runs:
        day = run.created.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        minutes[day].append((run.seconds or 0.0) / 60)
    points = tuple(TrendPoint(day, sum(m) / len(m), len(m)) for day, m in sorted(minutes.items()))
    marks = [mark for change in state.changes.values() if _touches(change, path) for mark in _marks(change)]
    return Trend(path, points, tuple(sorted(marks)), _said(points))


def _touches(change: Progress, path: str) -> bool:
    return any(file.path == path for file in change.plan.files)


def _marks(change: Progress) -> list[tuple[datetime, str]]:
    """When a change went live, and when it was taken out again."""
    live, name = change.live_from or change.applied, f"{change.plan.id} {change.plan.rule}"
    marks = [(live.astimezone(UTC), name)] if live else []
    return (
        [*marks, (change.since.astimezone(UTC), f"{change.plan.id} undone")]
        if live and change.stage is Stage.UNDONE
        else marks
    )


def _said(points: Sequence[TrendPoint]) -> str:
    """The first and the last 28 days compared, with both n; nothing when they are the same days."""
    if not points or points[-1].at - points[0].at < timedelta(days=56):
        return ""
    first = [p for p in points if p.at < points[0].at + timedelta(days=28)]
    last = [p for p in points if p.at > points[-1].at - timedelta(days=28)]
    told = [f"{figures.number(round(_mean(part), 1))} min (n = {sum(p.n for p in part):,})" for part in (first, last)]
    return f"First 28 days {told[0]}, last 28 days {told[1]}."


def _mean(points: Sequence[TrendPoint]) -> float:
    return sum(p.minutes * p.n for p in points) / sum(p.n for p in points)


def missed(kpis: Sequence[KpiLine]) -> bool:
    """Whether a KPI is known to miss its target; an unknown one is neither met nor missed."""
    return any(kpi.state == "missed" for kpi in kpis)
