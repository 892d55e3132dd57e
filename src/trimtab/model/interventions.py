"""Interventions: a change with its prediction, its receipt and its verdict, and the stages it goes through"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

from trimtab.model.edits import Change
from trimtab.model.findings import Design, Prediction, Risk
from trimtab.model.unknown import Unknown


class Stage(StrEnum):
    PROPOSED = "proposed"
    APPLYING = "applying"
    OFFERED = "offered"
    APPLIED = "applied"
    MEASURING = "measuring"
    KEPT = "kept"
    UNDOING = "undoing"
    UNDONE = "undone"
    DECLINED = "declined"
    STALE = "stale"
    CONFLICT = "conflict"
    PAUSED = "paused"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


class Decision(StrEnum):
    KEEP = "keep"
    UNDO = "undo"
    WAIT = "wait"
    NO_EFFECT = "no_effect"
    UNVERIFIABLE = "unverifiable"


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file of an intervention: sha256 and git blob id of its bytes before and after, and the change that leads there."""

    path: str
    before: str
    after: str
    before_blob: str
    after_blob: str
    change: Change


@dataclass(frozen=True, slots=True)
class Intervention:
    """
    The unit of the product: a change with everything that its verdict will be judged by, frozen before it is applied

    `id` is 8 hex digits over (findings, files before and after, how often it was planned before); `digest` is the sha256
    over metric, design, horizon, prediction and files: it stands in the journal before the first byte is written.
    """

    id: str
    rule: str
    says: str
    findings: tuple[str, ...]
    files: tuple[PlannedFile, ...]
    metric: str
    design: Design
    horizon_days: int
    predicts: Prediction | Unknown
    risk: Risk
    planned: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What apply did: where the backup lies, hashes by path before and after; `undo` None = cannot be undone."""

    backup: str | None
    before: Mapping[str, str]
    after: Mapping[str, str]
    undo: str | None
    delivery: str = "working-tree"  # or "branch:NAME", "pull-request:NUMBER"


@dataclass(frozen=True, slots=True)
class Counted:
    """An effect that is arithmetic: `events` happened, each saved something; minutes, with honest bounds."""

    events: int
    minutes: float
    low: float
    high: float
    says: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What a change did. `effect`, `low`, `high` are relative (-0.19 = 19 % less) unless `unit` names an absolute unit

    `n` is treated runs, `control` the runs without; `wait_days` and `wait_runs` estimate what is missing when `wait`.
    """

    decision: Decision
    metric: str
    effect: float | None
    low: float | None
    high: float | None
    n: int
    control: int
    why: str
    unit: str = "share"
    before: float | None = None  # level of the metric without the change, in its own unit
    after: float | None = None
    wait_days: float | None = None
    wait_runs: int | None = None
    level: float = 0.95


Direction: TypeAlias = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class KpiValue:
    """One KPI now: its value in the KPI's unit or Unknown, the interval when one makes sense, n, and details in words."""

    value: float | Unknown
    low: float | None = None
    high: float | None = None
    n: int = 0
    says: tuple[str, ...] = ()
