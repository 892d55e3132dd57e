"""
What an entry of the catalogue is: a module that satisfies one of these protocols

No base class, no registry, no decorator. The file name is the id (`cancel_superseded.py` is `cancel-superseded`), the
docstring the manual page: its first line the title, the rest shown by `trimtab explain`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from trimtab.catalogue.evidence import Evidence
from trimtab.model import Counted, Design, Direction, Finding, History, KpiValue, Risk, Unknown


class Rule(Protocol):
    """
    A rule about workflow files. `metric` is what its verdict is judged on; `settings` its options with defaults

    A module may also have `ranges`: by setting, the least and the largest number that the rule works with. Config refuses others.
    """

    metric: str
    risk: Risk
    design: Design
    settings: Mapping[str, object]

    def find(self, evidence: Evidence) -> Iterator[Finding]:
        """Yield at most one finding per workflow; never raise on strange input."""


class CountingRule(Rule, Protocol):
    """A rule with design "counted": its effect is added up run by run."""

    def count(self, before: History, after: History) -> Counted | Unknown:
        """
        What the change cut in `after`'s runs; `before` (runs without it) tells what they would have taken

        Where the change sets time limits, `before.limits` and `after.limits` are the old and the new ones of its jobs.
        """


class KpiEntry(Protocol):
    """A number that a team steers by. `unit` is shown after it; `target` the plan's own, overridable in config."""

    unit: str
    better: Direction
    target: float

    def measure(self, evidence: Evidence, workflows: tuple[str, ...]) -> KpiValue:
        """The value now, over the workflows that config calls "the build"; Unknown with the command otherwise."""
