"""What is not known, as a value"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unknown:
    """What is not known: `why` in words ("9 runs, needs 20"), `command` the whole command that would tell."""

    why: str
    command: str = ""


NOT_PRICED = Unknown("not priced yet")
