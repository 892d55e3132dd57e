"""
An edit as text sees it: replace one stretch of characters by another

Splices of one edit are a sequence: the offsets of each count in the text that the one before it left, so that undoing them in
reverse order gives back the first text exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Splice:
    """Characters `start` to `end` were `old` and become `new`."""

    start: int
    end: int
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Edited:
    """The bytes of a file before and after an edit, and the splices of its text (a byte order mark not counted)."""

    before: bytes
    after: bytes
    splices: tuple[Splice, ...]


def replace(text: str, start: int, end: int, new: str) -> Splice:
    """The splice that puts `new` in place of text[start:end]."""
    return Splice(start, end, text[start:end], new)


def apply(text: str, splices: Iterable[Splice]) -> str:
    """The text after all splices, one after the other; ValueError if one does not find its old text."""
    for splice in splices:
        text = _put(text, splice.start, splice.old, splice.new)
    return text


def invert(text: str, splices: Iterable[Splice]) -> str:
    """The text before all splices; ValueError if one does not find its new text."""
    for splice in reversed(tuple(splices)):
        text = _put(text, splice.start, splice.new, splice.old)
    return text


def _put(text: str, start: int, old: str, new: str) -> str:
    if not text.startswith(old, start):
        raise ValueError(f"no {old!r} at offset {start}")
    return text[:start] + new + text[start + len(old) :]
