"""
What renderers are given: the values of one screen, put together by the command line

A renderer knows nothing of the loop, the ledger or the catalogue; whatever it must say about a rule or a KPI stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from trimtab.model import Direction, Finding, Intervention, KpiValue, Stage, Unknown, Verdict

KpiState = Literal["met", "missed", "unknown"]


@dataclass(frozen=True, slots=True)
class KpiLine:
    """One KPI against its target; `target` in `unit`, `better` says on which side of it the good lies."""

    id: str
    title: str
    unit: str
    better: Direction
    target: float
    value: KpiValue

    @property
    def state(self) -> KpiState:
        number = self.value.value
        if isinstance(number, Unknown):
            return "unknown"
        good = number > self.target if self.better == "higher" else number < self.target
        return "met" if good else "missed"


@dataclass(frozen=True, slots=True)
class FindingsPage:
    """
    One diagnosis: findings ranked by price, and how much was looked at

    `files` were read, `broken` of them could not be parsed, `silenced` findings are hidden by an ignore or by config.
    `kinds` says in one word per rule what it is about (cost, time, fault); `titles` is its title in the catalogue.
    """

    findings: tuple[Finding, ...]
    files: int
    broken: int = 0
    silenced: int = 0
    says: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)

    @property
    def unpriced(self) -> int:
        """Findings that carry a change but no price."""
        return sum(f.change is not None and isinstance(f.predicts, Unknown) for f in self.findings)


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """
    One intervention with where it stands; `verdict` is the latest one, None before the first look

    `delivery` is how it was brought and `revert` how its undo was ("working-tree", "branch:NAME", "pull-request:NUMBER");
    `effective_at` is the time that a person gave for the verdict, None when the runs told it.
    """

    plan: Intervention
    stage: Stage
    since: datetime
    verdict: Verdict | None = None
    why: str = ""
    delivery: str = ""
    revert: str = ""
    effective_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How runs ended, by word, attempts counted; `says` are whole sentences about success."""

    counts: Mapping[str, int]
    attempts: int
    says: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One UTC day (or week): mean minutes of `n` successful runs."""

    at: datetime
    minutes: float
    n: int


@dataclass(frozen=True, slots=True)
class Trend:
    """Build time over the days of the window; `marks` are the moments at which changes went live."""

    workflow: str
    points: tuple[TrendPoint, ...]
    marks: tuple[tuple[datetime, str], ...] = ()
    says: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that a status screen or a report shows."""

    name: str
    at: datetime
    kpis: tuple[KpiLine, ...]
    page: FindingsPage | None = None
    changes: tuple[ChangeLine, ...] = ()
    outcomes: Outcomes | None = None
    trends: tuple[Trend, ...] = ()
    window: str = ""
    paused: bool = False
    disabled: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
