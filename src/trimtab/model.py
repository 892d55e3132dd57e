"""
The nouns of Trimtab: frozen values that every other part speaks in

Standard library only, no behaviour beyond arithmetic on a value's own fields. Times are UTC-aware
datetimes, durations are seconds, money and bytes say so in the field's name. `Unknown` is a value:
what was not measured is neither a success nor a failure, and carries the command that would get it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

# ------------------------------------------------------------------------------------ unknown


@dataclass(frozen=True, slots=True)
class Unknown:
    """What is not known: `why` in words ("9 runs, needs 20"), `command` the whole command that would tell."""

    why: str
    command: str = ""


NOT_PRICED = Unknown("not priced yet")

# ------------------------------------------------------------------------------------ observed


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one job execution."""

    number: int
    name: str
    conclusion: str | None
    started: datetime | None
    ended: datetime | None

    @property
    def seconds(self) -> float | None:
        return _span(self.started, self.ended)


@dataclass(frozen=True, slots=True)
class Job:
    """One execution of a job in one attempt of a run. `notes` are the texts of its check-run annotations."""

    id: int
    run_id: int
    attempt: int
    name: str
    conclusion: str | None
    created: datetime | None
    started: datetime | None
    ended: datetime | None
    labels: tuple[str, ...] = ()
    runner: str | None = None
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float | None:
        """Execution time, without the queue; None when it never started or never ended."""
        return _span(self.started, self.ended)

    @property
    def queued_seconds(self) -> float | None:
        """Time between creation and start; None when either is missing, never negative."""
        return _span(self.created, self.started)


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt of one workflow run; (id, attempt) is its identity. `jobs` is None when not collected."""

    id: int
    attempt: int
    workflow: str  # its identity is its path: ".github/workflows/ci.yml"
    conclusion: str | None
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    event: str | None = None
    branch: str | None = None
    sha: str | None = None
    number: int | None = None
    pull_request: int | None = None
    actor: str | None = None
    fork: bool = False
    jobs: tuple[Job, ...] | None = None
    blob: str | None = None  # git blob id of the workflow file at `sha`: what this run executed

    @property
    def key(self) -> tuple[int, int]:
        return (self.id, self.attempt)

    @property
    def seconds(self) -> float | None:
        """Wall time of this attempt, first start to end."""
        return _span(self.started or self.created, self.ended)

    @property
    def runner_seconds(self) -> float | None:
        """Sum of its jobs' execution times; None when jobs were not collected."""
        return None if self.jobs is None else sum(job.seconds or 0.0 for job in self.jobs)


@dataclass(frozen=True, slots=True)
class History:
    """Runs in order of (created, id, attempt), no key twice; `start` and `end` bound the window looked at."""

    runs: tuple[Run, ...]
    start: datetime
    end: datetime

    @property
    def days(self) -> float:
        return max((self.end - self.start).total_seconds() / 86400, 0.0)

    def of(self, workflow: str) -> History:
        """The same window, only the runs of one workflow path."""
        return History(tuple(r for r in self.runs if r.workflow == workflow), self.start, self.end)


WhatIf: TypeAlias = Callable[[History], History]


@dataclass(frozen=True, slots=True)
class Reading:
    """One number of one KPI or host at one time; `value` in the KPI's unit."""

    kpi: str
    where: str
    at: datetime
    value: float


# ------------------------------------------------------------------------------------ edits

NodePath: TypeAlias = tuple[str | int, ...]  # ("jobs", "build", "steps", 2, "with")
Data: TypeAlias = "str | int | float | bool | None | Sequence[Data] | Mapping[str, Data]"


@dataclass(frozen=True, slots=True)
class InsertKey:
    """Insert `key: value` into the mapping at `path`, after or before a sibling key (default: at its end)."""

    path: NodePath
    key: str
    value: Data
    after: str | None = None
    before: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class ReplaceScalar:
    """Replace the scalar at `path`; a comment behind it stays."""

    path: NodePath
    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class RemovePair:
    """Remove the key at `path` with its value, or, if the last part is an index, that item of a sequence."""

    path: NodePath


@dataclass(frozen=True, slots=True)
class AppendItem:
    """Append `value` to the sequence at `path`."""

    path: NodePath
    value: Data


@dataclass(frozen=True, slots=True)
class RewriteOn:
    """Replace the whole value of `on` (scalar, sequence or mapping form) by a mapping."""

    value: Mapping[str, Data]


@dataclass(frozen=True, slots=True)
class MoveBlock:
    """Move the pair at `path` in front of its sibling key `before`, or a sequence item before index `before`."""

    path: NodePath
    before: str | int


Op: TypeAlias = InsertKey | ReplaceScalar | RemovePair | AppendItem | RewriteOn | MoveBlock


@dataclass(frozen=True, slots=True)
class ReplaceText:
    """Replace whole lines `first`..`last` (from 1, inclusive) by `text`: only to repair a file that does not parse."""

    first: int
    last: int
    text: str


@dataclass(frozen=True, slots=True)
class EditFile:
    """Edit one workflow file by symbolic operations, or repair one that does not parse."""

    path: str
    ops: tuple[Op, ...] = ()
    repair: tuple[ReplaceText, ...] = ()


Change: TypeAlias = EditFile  # SetLimit, Disable and the action Reclaim join the union with their issues

# ------------------------------------------------------------------------------------ findings


class Risk(StrEnum):
    SAFE = "safe"  # `apply --safe-only` takes it
    REVIEW = "review"  # proposed with a price; a person decides
    NONE = "none"  # nothing to apply: a finding that only tells


Design: TypeAlias = Literal["counted", "before_after", "unverifiable"]


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a file. Lines and columns count from 1, columns in characters; `text` is the source line."""

    path: str
    line: int
    column: int
    end_line: int = 0
    end_column: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class HostRef:
    host: str


@dataclass(frozen=True, slots=True)
class RunRef:
    run_id: int
    attempt: int = 1


Where: TypeAlias = Span | HostRef | RunRef


@dataclass(frozen=True, slots=True)
class Prediction:
    """
    What a change is expected to do to `metric`, per 30 days; minus is less

    `low <= mid <= high` in the metric's unit; the shares are the same relative to what the window held.
    The interval is at `level`; `runs` and `days` say what it rests on; `basis` says how in words.
    """

    metric: str  # "runner_minutes", "feedback_seconds", "build_seconds"
    low: float
    mid: float
    high: float
    low_share: float | None
    high_share: float | None
    runs: int
    days: float
    basis: str
    level: float = 0.80
    also: tuple[Prediction, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """
    The only currency of the loop: something found, perhaps with a change that would mend it

    One finding per rule and workflow; `spots` are further places of the same finding. `what_if` turns a history into
    the history that would have been; it is how `diagnose` prices the finding and is no part of its identity.
    """

    rule: str
    says: str
    where: Where
    node: NodePath = ()
    evidence: tuple[str, ...] = ()
    predicts: Prediction | Unknown = NOT_PRICED
    change: Change | None = None
    risk: Risk = Risk.NONE
    spots: tuple[Span, ...] = ()
    what_if: WhatIf | None = field(default=None, compare=False, repr=False)

    @property
    def id(self) -> str:
        """Eight hex digits of (rule, path, node path), never of a line: it survives edits elsewhere."""
        match self.where:
            case Span(path=path):
                place = path
            case HostRef(host=host):
                place = f"host:{host}"
            case RunRef(run_id=run_id):
                place = f"run:{run_id}"
        text = "\0".join([self.rule, place, *map(str, self.node)])
        return hashlib.sha256(text.encode()).hexdigest()[:8]


# ------------------------------------------------------------------------------------ interventions


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


def _span(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from start to end; None when either is missing or the clock ran backwards (seen in real API objects)."""
    if start is None or end is None or end < start:
        return None
    return (end - start).total_seconds()
