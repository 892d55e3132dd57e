"""
Finds what an id on the command line means: eight hex digits, or the start of them if nothing else starts so, as in git
"""

from __future__ import annotations

import re
from collections.abc import Collection

from trimtab.errors import UsageError

SHORTEST = 4


def chosen(told: str, known: Collection[str], what: str, look: str) -> str:
    """
    The one id of `known` that is `told` or starts with it (at least four digits)

    `what` names the things ("change"), `look` the command that lists them. Raises UsageError when none or several fit.
    """
    word = told.lower()
    if word in known:
        return word
    if not re.fullmatch(r"[0-9a-f]{4,64}", word):
        raise UsageError(
            f"{told!r} is no id", f"an id is at least {SHORTEST} of its 8 hex digits", f"{look} lists them"
        )
    found = sorted(id for id in known if id.startswith(word))
    if not found:
        raise UsageError(f"there is no {what} {told}", "nothing was done", f"{look} lists them")
    if len(found) > 1:
        raise UsageError(f"{told} is the start of {len(found)} ids", ", ".join(found), "type more of it")
    return found[0]
