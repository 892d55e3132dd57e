"""
The nouns of Trimtab: frozen values that every other part speaks in

Standard library only, no behaviour beyond arithmetic on a value's own fields. Times are UTC-aware
datetimes, durations are seconds, money and bytes say so in the field's name. `Unknown` is a value:
what was not measured is neither a success nor a failure, and carries the command that would get it.
"""

from __future__ import annotations

from trimtab.model.edits import (
    AppendItem,
    Change,
    Data,
    EditFile,
    InsertKey,
    MoveBlock,
    NodePath,
    Op,
    RemovePair,
    ReplaceScalar,
    ReplaceText,
    RewriteOn,
)
from trimtab.model.findings import (
    Design,
    Finding,
    HostRef,
    Prediction,
    Risk,
    RunRef,
    Span,
    Where,
)
from trimtab.model.interventions import (
    Counted,
    Decision,
    Direction,
    Intervention,
    KpiValue,
    PlannedFile,
    Receipt,
    Stage,
    Verdict,
)
from trimtab.model.observed import (
    History,
    Job,
    Reading,
    Run,
    Step,
    WhatIf,
)
from trimtab.model.unknown import (
    NOT_PRICED,
    Unknown,
)

__all__ = [
    "NOT_PRICED",
    "AppendItem",
    "Change",
    "Counted",
    "Data",
    "Decision",
    "Design",
    "Direction",
    "EditFile",
    "Finding",
    "History",
    "HostRef",
    "InsertKey",
    "Intervention",
    "Job",
    "KpiValue",
    "MoveBlock",
    "NodePath",
    "Op",
    "PlannedFile",
    "Prediction",
    "Reading",
    "Receipt",
    "RemovePair",
    "ReplaceScalar",
    "ReplaceText",
    "RewriteOn",
    "Risk",
    "Run",
    "RunRef",
    "Span",
    "Stage",
    "Step",
    "Unknown",
    "Verdict",
    "WhatIf",
    "Where",
]
