"""
The runs that "the build" is judged by: the last 28 days of what was collected

The window ends with the latest run, not today: an imported history of last year is judged by its own last month.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from trimtab.catalogue.evidence import Evidence
from trimtab.model import Run, Unknown

DAYS = 28
COMMAND = "trimtab collect"


@dataclass(frozen=True, slots=True)
class Recent:
    """Ended run attempts of the build, oldest first, and the window: the last 28 days, or less if the history is younger."""

    runs: tuple[Run, ...]
    since: datetime
    until: datetime

    def window(self) -> str:
        """The window in words."""
        return f"{self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}"


def recent(evidence: Evidence, workflows: tuple[str, ...]) -> Recent | Unknown:
    """The runs of these workflow paths (none named: of all workflow files) in the last 28 days of their history."""
    paths = workflows or tuple(workflow.path for workflow in evidence.workflows())
    histories = [evidence.history(path) for path in paths]
    runs = [
        run for known in histories if not isinstance(known, Unknown) for run in known.runs if run.conclusion is not None
    ]
    if not runs:
        why = next((h for h in histories if isinstance(h, Unknown)), Unknown("no run was collected", COMMAND))
        several = f"no run of any of {len(paths)} workflows was collected"
        return Unknown(several, why.command) if len(paths) > 1 else why
    until = max(run.created for run in runs)
    since = until - timedelta(days=DAYS)
    kept = [run for run in runs if run.created > since]
    ordered = tuple(sorted(kept, key=lambda run: (run.created, run.id, run.attempt)))
    return Recent(ordered, max(since, min(run.created for run in runs)), until)
