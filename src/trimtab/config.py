"""
What a team may say in trimtab.toml, as one frozen value

Pure: `world` reads the text, `parse` understands it. An unknown key is an error that says "did you mean". The repository's
file is untrusted: no key names an executable, a URL, a credential or a path outside the repository.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Delivery = Literal["working-tree", "branch", "pull-request"]


@dataclass(frozen=True, slots=True)
class Config:
    """`build` are the workflow paths that the KPIs call "the build"; empty means all of them."""

    build: tuple[str, ...] = ()
    targets: Mapping[str, float] = field(default_factory=dict)  # by KPI id
    disabled: frozenset[str] = frozenset()  # rule ids
    rules: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # rule id -> its settings
    runners: Mapping[str, str] = field(default_factory=dict)  # label -> hosted | slim | self-hosted
    delivery: Delivery = "working-tree"
    backup_in_diff: bool = False
    horizon_days: int = 28
    remote: str = "origin"
