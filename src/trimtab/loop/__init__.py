"""
The spine: collect, diagnose, plan, apply, measure, settle

Read the modules in that order and you have read the product. Only `apply` and `settle` change anybody's CI. Every effect
reaches a step through the `Site` it is given: the repository, its ledger and journal, the clock, and where to say progress.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from trimtab.config import Config
from trimtab.ledger.journal import Journal
from trimtab.ledger.store import Ledger
from trimtab.world.git import Repository


@dataclass(frozen=True, slots=True)
class Site:
    """Where the loop turns: one repository with its state. `repository` is None for `--repo owner/name` without a clone."""

    repository: Repository | None
    ledger: Ledger
    journal: Journal
    config: Config
    now: Callable[[], datetime]
    say: Callable[[str], None]
    slug: str | None = None  # "owner/name" on GitHub
