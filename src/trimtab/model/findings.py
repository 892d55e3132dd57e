"""Findings: the only currency of the loop, and the predictions that rank them"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

from trimtab.model.edits import Change, NodePath
from trimtab.model.observed import WhatIf
from trimtab.model.unknown import NOT_PRICED, Unknown


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
