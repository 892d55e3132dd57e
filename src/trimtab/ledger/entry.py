"""
One entry of the journal, and how its id is made from its content
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from trimtab.ledger.codec import canonical

KINDS = frozenset(
    {"planned", "intent", "receipt", "abandoned", "offered", "adopted", "declined", "verdict", "kept", "undo_intent"}
    | {"undone", "conflict", "stale", "paused", "resumed", "disabled", "enabled", "superseded", "expired"}
)


@dataclass(frozen=True, slots=True)
class Entry:
    """
    Something decided, done or seen: `at` (UTC) by `actor`, about one `intervention` (id) or about Trimtab itself (None)

    `seq` is a Lamport number; `id` the sha256 of the canonical JSON of all other fields.
    """

    id: str
    seq: int
    at: datetime
    actor: str
    intervention: str | None
    kind: str
    payload: Mapping[str, object]
    nonce: str

    @property
    def order(self) -> tuple[int, datetime, str]:
        return (self.seq, self.at, self.id)

    @property
    def why(self) -> str:
        return str(self.payload.get("why") or "")

    def body(self) -> dict[str, object]:
        """The fields that the id is made of, as JSON values."""
        return {
            "actor": self.actor,
            "at": self.at.astimezone(UTC).isoformat(),
            "intervention": self.intervention,
            "kind": self.kind,
            "nonce": self.nonce,
            "payload": dict(self.payload),
            "seq": self.seq,
        }

    def sealed(self) -> Entry:
        """The same entry with the id that its content gives."""
        return replace(self, id=hashlib.sha256(canonical(self.body())).hexdigest())
