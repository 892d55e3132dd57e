"""Edits in memory, each proved, for the tests of symbolic edits: files in and files out."""

from __future__ import annotations

from textwrap import dedent

import pytest

from trimtab.errors import EditRefused
from trimtab.model import (
    EditFile,
    InsertKey,
    Op,
)
from trimtab.workflow.edits import edit
from trimtab.workflow.prove import prove

PATH = ".github/workflows/ci.yml"
CONCURRENCY = InsertKey(
    (), "concurrency", {"group": "g-${{ github.run_id }}", "cancel-in-progress": True}, before="jobs"
)


def edited(before: str | bytes, *ops: Op) -> bytes:
    data = before.encode() if isinstance(before, str) else before
    change = EditFile(PATH, ops)
    result = edit(data, change)
    prove(change, result)
    return result.after


def becomes(before: str, after: str, *ops: Op, open_end: bool = True) -> None:
    """Also with CRLF, with a byte order mark, and without a final newline."""
    before, after = dedent(before).lstrip("\n"), dedent(after).lstrip("\n")
    assert edited(before, *ops).decode() == after
    for newline, bom in (("\r\n", ""), ("\n", "\ufeff"), ("\r\n", "\ufeff")):
        old, new = (bom + text.replace("\n", newline) for text in (before, after))
        assert edited(old, *ops).decode() == new
    if not open_end:
        return
    assert edited(before.removesuffix("\n"), *ops).decode() == after.removesuffix("\n")


def refused(before: str, says: str, *ops: Op) -> None:
    with pytest.raises(EditRefused) as raised:
        edit(dedent(before).lstrip("\n").encode(), EditFile(PATH, ops))
    assert says in raised.value.what
    assert raised.value.why
    assert raised.value.fix
