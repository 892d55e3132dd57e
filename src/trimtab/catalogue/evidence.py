"""
Evidence: the questions that a catalogue entry may ask, each answered by a value or by `Unknown`

A snapshot of one turn of the loop, built by `loop.collect`. Entries never read the world themselves; that is what keeps
them pure and lets a test answer from a folder of files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from trimtab.model import History, Job, Reading, Run, Unknown
from trimtab.workflow.model import Workflow

RunnerClass = Literal["hosted", "slim", "self-hosted"]


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A workflow file that could not be read as one: `text` is None when it was too large, too deep or binary."""

    path: str
    text: str | None
    says: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Complaint:
    """What another checker (actionlint) said of a file; `checker` names it with its version."""

    checker: str
    path: str
    line: int
    column: int
    kind: str
    says: str


class Evidence(Protocol):
    """One turn's snapshot. Every method is cheap to call twice: answers are remembered."""

    def workflows(self) -> tuple[Workflow, ...]:
        """The workflow files that parse, ordered by path."""

    def broken(self) -> tuple[BrokenFile, ...]:
        """The workflow files that do not."""

    def complaints(self) -> tuple[Complaint, ...] | Unknown:
        """What actionlint says, when it is on PATH."""

    def tracked(self, glob: str) -> tuple[str, ...] | Unknown:
        """Tracked paths that match `glob`; `*` stays within a folder, `**` crosses folders. Unknown without a clone."""

    def text(self, path: str) -> str | Unknown:
        """The text of one tracked file of at most 1 MiB."""

    def history(self, workflow: str) -> History | Unknown:
        """All collected runs of a workflow path with the window looked at; Unknown when none was collected."""

    def runs(self, workflow: str) -> tuple[Run, ...] | Unknown:
        """The runs of `history`."""

    def jobs(self, workflow: str, job: str) -> tuple[Job, ...] | Unknown:
        """
        Executions of one YAML job id of a workflow path, oldest first, all attempts

        Unknown when no run was collected, or when the API's job names cannot be matched to this YAML job alone.
        """

    def files_changed(self, sha: str) -> tuple[str, ...] | Unknown:
        """Paths that a commit (or, for a pull request's head, the range from its merge base) touched."""

    def runner_class(self, labels: tuple[str, ...]) -> RunnerClass | Unknown:
        """What kind of runner serves these labels."""

    def required_checks(self) -> frozenset[str] | Unknown:
        """Names of checks that the default branch requires."""

    def default_branch(self) -> str | Unknown: ...

    def readings(self, kpi: str) -> tuple[Reading, ...] | Unknown: ...

    def setting(self, name: str) -> object:
        """A value of trimtab.toml as "rule-id.key", else the default in the rule's `settings`."""

    def now(self) -> datetime: ...
