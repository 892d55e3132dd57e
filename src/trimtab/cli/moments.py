"""
Reads a time that a person typed
"""

from __future__ import annotations

from datetime import UTC, datetime

from trimtab.errors import UsageError


def moment(option: str, told: str) -> datetime:
    """An ISO 8601 date or time; without a zone it is UTC. Raises UsageError."""
    try:
        found = datetime.fromisoformat(told)
    except ValueError as error:
        why = "a date or time in ISO 8601 is wanted; without a zone it is UTC"
        raise UsageError(f"{option} {told!r} is no time", why, f"{option} 2026-01-31T09:30+01:00") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
