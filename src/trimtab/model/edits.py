"""Changes as data: symbolic edit operations, which `workflow` resolves to bytes on the current text"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

NodePath: TypeAlias = tuple[str | int, ...]  # ("jobs", "build", "steps", 2, "with")
Data: TypeAlias = "str | int | float | bool | Sequence[Data] | Mapping[str, Data] | None"


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
