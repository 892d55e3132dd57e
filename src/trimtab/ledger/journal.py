"""
The journal: everything that Trimtab decided, did or saw happen to a change, as entries that are only ever added

An entry's id is the sha256 of its canonical JSON (with a random nonce), so copies of one journal merge by union. `seq`
is a Lamport number: larger than every entry known when it was written. Order is (seq, at, id).

What the payload of each kind holds (`of` names the intent entry that the entry closes):

| kind | payload |
|---|---|
| planned | plan: Intervention |
| intent | digest, place, delivery, files: [{path, before, after}] |
| receipt | of, receipt: Receipt |
| abandoned | of, why: an intent that was given up with everything put back |
| offered | delivery ("branch:NAME", "pull-request:NUMBER"), why |
| adopted | files: [[path, git blob id], ...], parts_held: [text, ...], live_from: ISO time or null, why |
| declined, superseded, expired | why |
| verdict | digest, verdict: Verdict |
| kept | why |
| undo_intent | place, delivery, files: [{path, before, after}]: sha256 found and sha256 to be written |
| undone | of, why |
| stale | of or null, why |
| conflict | of or null, why, paths: sha256 of each file that could not be settled, as it was found |
| paused, resumed | why; without an intervention it means all of Trimtab |
| disabled, enabled | rule, why |
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from trimtab.errors import RefusedError
from trimtab.ledger import foreign
from trimtab.ledger.codec import canonical, encode
from trimtab.ledger.database import Database
from trimtab.ledger.entry import KINDS, Entry
from trimtab.ledger.state import REPLANNED, State, check, content_hash, fold
from trimtab.model import Intervention, Receipt, Verdict

__all__ = ["KINDS", "Entry", "Journal", "sha256"]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class _Folded:
    """The entries read so far, the last one's row, and what they add up to: rows are only ever added."""

    entries: list[Entry] = field(default_factory=list)
    last: int = 0
    state: State | None = None


class Journal:
    """The journal of one repository, in the same file as its ledger."""

    def __init__(self, database: Database, actor: str | None = None) -> None:
        self.database = database
        self.actor = actor or _login()
        self.home = database.home()
        self._folded = _Folded()

    @classmethod
    def open(cls, path: Path | str, actor: str | None = None) -> Journal:
        """Open the state file at `path` for its journal alone."""
        return cls(Database.open(path), actor)

    @property
    def folder(self) -> Path:
        """Where the state file lies; the lock stands beside it."""
        return self.database.path.parent

    # ------------------------------------------------------------------------------------ entries

    def append(
        self, kind: str, intervention: str | None, payload: Mapping[str, object] | None = None, *, at: datetime
    ) -> Entry:
        """Add one entry and make it durable; dataclasses in `payload` are encoded. Raises ValueError for a wrong kind."""
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of journal entry")
        body = encode(dict(payload or {}))
        assert isinstance(body, dict)
        draft = Entry("", 0, at.astimezone(UTC), self.actor, intervention, kind, body, os.urandom(8).hex())
        with self.database.writing() as connection:
            (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM entries").fetchone()
            entry = replace(draft, seq=int(last) + 1).sealed()
            check(entry)
            connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?)", _row(entry))
            connection.execute("INSERT INTO own VALUES (?)", (entry.id,))
        return entry

    def own(self, entry: Entry) -> bool:
        """Whether the entry was written into this very state file, and not taken in: what it says of us can be believed."""
        return bool(self.database.rows("SELECT 1 FROM own WHERE entry = ?", (entry.id,)))

    def plan(self, intervention: Intervention, *, at: datetime) -> None:
        """
        Freeze a plan, once. Its contents before and after must be in `store` first

        RefusedError when the journal holds a plan of other contents by the same id: somebody forged one.
        """
        known = self.state().changes.get(intervention.id)
        if known is not None and content_hash(known.plan) != content_hash(intervention):
            raise RefusedError(
                f"the journal holds another change by the id {intervention.id}",
                "an id is made from the change's content, so somebody forged one; nothing was written",
                "look at it with: git log -p refs/trimtab/journal",
            )
        if known is None or known.plan.digest != intervention.digest or known.stage in REPLANNED:
            self.append("planned", intervention.id, {"plan": intervention}, at=at)

    def receipt(self, intervention: str, intent: str, receipt: Receipt, *, at: datetime) -> Entry:
        """Close an intent with what it did."""
        return self.append("receipt", intervention, {"of": intent, "receipt": receipt}, at=at)

    def verdict(self, intervention: str, digest: str, verdict: Verdict, *, at: datetime) -> Entry:
        """Write down a verdict on the plan with this digest."""
        return self.append("verdict", intervention, {"digest": digest, "verdict": verdict}, at=at)

    def entries(self, intervention: str | None = None) -> tuple[Entry, ...]:
        """All entries, or those of one intervention, in order."""
        if intervention is None:
            rows = self.database.rows("SELECT body FROM entries")
        else:
            rows = self.database.rows("SELECT body FROM entries WHERE intervention = ?", (intervention,))
        return tuple(sorted((foreign.read(_bytes(body)) for (body,) in rows), key=lambda entry: entry.order))

    def state(self) -> State:
        """What all entries add up to now."""
        rows = self.database.rows(
            "SELECT rowid, body FROM entries WHERE rowid > ? ORDER BY rowid", (self._folded.last,)
        )
        if rows or self._folded.state is None:
            self._folded.entries += [foreign.read(_bytes(body)) for _, body in rows]
            self._folded.last = max([self._folded.last, *(_int(number) for number, _ in rows)])
            self._folded.state = fold(self._folded.entries)
        return self._folded.state

    # ------------------------------------------------------------------------------------ marks: local, never synced

    def mark(self, entry: str) -> None:
        """Note that everything this intent will write lies ready beside its targets; the first rename comes after."""
        with self.database.writing() as connection:
            connection.execute("INSERT OR IGNORE INTO marks VALUES (?)", (entry,))

    def marked(self, entry: str) -> bool:
        return bool(self.database.rows("SELECT 1 FROM marks WHERE entry = ?", (entry,)))

    # ------------------------------------------------------------------------------------ contents

    def store(self, *contents: bytes) -> tuple[str, ...]:
        """Keep contents durably by their sha256; returns the hashes in the same order."""
        names = tuple(sha256(data) for data in contents)
        with self.database.writing() as connection:
            connection.executemany("INSERT OR IGNORE INTO blobs VALUES (?, ?)", list(zip(names, contents, strict=True)))
        return names

    def content(self, name: str) -> bytes | None:
        """The content with this sha256, or None when it was never stored here."""
        rows = self.database.rows("SELECT data FROM blobs WHERE sha256 = ?", (name,))
        return _bytes(rows[0][0]) if rows else None

    # ------------------------------------------------------------------------------------ sync

    def export(self, known: Container[str] = ()) -> dict[str, bytes]:
        """Entries and contents as files, name -> bytes, leaving out the names already `known` on the other side."""
        files: dict[str, bytes] = {}
        for name, body in self.database.rows("SELECT id, body FROM entries"):
            files[f"entries/{str(name)[:2]}/{name}.json"] = _bytes(body)
        for (name,) in self.database.rows("SELECT sha256 FROM blobs"):
            path = f"blobs/{str(name)[:2]}/{name}"
            data = None if path in known else self.content(str(name))
            if data is not None:
                files[path] = data
        return {path: data for path, data in files.items() if path not in known}

    def absorb(self, files: Mapping[str, bytes]) -> int:
        """
        Take in what another journal exported; returns how many entries were new

        All or nothing: RefusedError names the file whose name, hash or shape is wrong. Entries of kinds that only a
        newer Trimtab knows are kept and passed on; the fold leaves them out.
        """
        blobs, entries = foreign.checked(files)
        known = [change.plan for change in self.state().changes.values()]
        with self.database.writing() as connection:
            connection.executemany("INSERT OR IGNORE INTO blobs VALUES (?, ?)", blobs)
            (before,) = connection.execute("SELECT count(*) FROM entries").fetchone()
            foreign.check_together(entries, known, int(before) + len(entries))
            rows = [_row(entry) for entry in entries]
            connection.executemany("INSERT OR IGNORE INTO entries VALUES (?, ?, ?, ?)", rows)
            (after,) = connection.execute("SELECT count(*) FROM entries").fetchone()
        return int(after) - int(before)


def _row(entry: Entry) -> tuple[str, int, str | None, bytes]:
    return (entry.id, entry.seq, entry.intervention, canonical(entry.body()))


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def _login() -> str:
    return os.environ.get("GITHUB_ACTOR") or os.environ.get("USER") or os.environ.get("LOGNAME") or f"uid {os.getuid()}"
