"""
What others wrote into the shared journal, read with suspicion

Whoever may push to the repository may push to refs/trimtab/journal. An entry is taken in only if its name is the hash of
its content, its shape is right, it speaks of workflow files alone, its times and numbers are possible, and no plan takes
the place of another under the same id. That an entry claims to come from this machine proves nothing: see `Journal.own`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from trimtab.errors import RefusedError
from trimtab.ledger.codec import CodecError, canonical, decode
from trimtab.ledger.entry import Entry
from trimtab.ledger.state import check, content_hash, files_of
from trimtab.model import Intervention

MAX_LEAP = (
    1 << 20
)  # by how much a number may exceed the count of entries; honest ones never do, each counts those before it
_ENTRY_NAME = re.compile(r"entries/[0-9a-f]{2}/([0-9a-f]{64})\.json")
_BLOB_NAME = re.compile(r"blobs/[0-9a-f]{2}/([0-9a-f]{64})")
_WORKFLOW = re.compile(r"\.github/workflows/[^/\0]+\.ya?ml")
_ID = re.compile(r"[0-9a-f]{8}")
_RULE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_YEARS = range(2000, 2200)


def checked(files: Mapping[str, bytes]) -> tuple[list[tuple[str, bytes]], list[Entry]]:
    """Contents as (sha256, bytes) and entries, from the files of a journal ref; RefusedError names the file that is wrong."""
    blobs: list[tuple[str, bytes]] = []
    entries: list[Entry] = []
    for name, data in files.items():
        if (match := _BLOB_NAME.fullmatch(name)) and hashlib.sha256(data).hexdigest() == match[1]:
            blobs.append((match[1], data))
        elif (match := _ENTRY_NAME.fullmatch(name)) and hashlib.sha256(data).hexdigest() == match[1]:
            entries.append(_entry(name, data))
        else:
            raise _refused(name, "its name does not fit its content")
    return blobs, entries


def check_together(entries: Iterable[Entry], known: Iterable[Intervention], count: int) -> None:
    """
    RefusedError when an entry leaps ahead of all others (`count` with the new ones), or a plan has the id of another

    An id is made from the plan's content; one that stands for two contents could swap the one that somebody agreed to.
    """
    contents = {plan.id: content_hash(plan) for plan in known}
    for entry in entries:
        if entry.seq > count + MAX_LEAP:
            raise _refused(_name(entry), f"its number {entry.seq} leaves too many out")
        if entry.kind == "planned":
            plan = decode(Intervention, entry.payload["plan"])
            if contents.setdefault(plan.id, content_hash(plan)) != content_hash(plan):
                raise _refused(_name(entry), f"there is another plan with the id {plan.id}")


def read(body: bytes) -> Entry:
    """An entry from its canonical JSON; CodecError, KeyError, TypeError, ValueError or OverflowError when it is none."""
    data = json.loads(body)
    at = datetime.fromisoformat(data["at"])
    payload, intervention = data["payload"], data["intervention"]
    if not isinstance(payload, dict) or at.tzinfo is None or not isinstance(intervention, (str, type(None))):
        raise CodecError("an entry needs a payload, a time with a zone and an intervention or null")
    return Entry(
        hashlib.sha256(body).hexdigest(),
        int(data["seq"]),
        at,
        str(data["actor"]),
        intervention,
        str(data["kind"]),
        payload,
        str(data["nonce"]),
    )


def _entry(name: str, data: bytes) -> Entry:
    try:
        entry = read(data)
        if entry.seq < 1 or entry.sealed() != entry or canonical(entry.body()) != data:
            raise CodecError("it is not in canonical form")
        check(entry)
        _check_claims(entry)
    except (CodecError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise _refused(name, str(error)) from error
    return entry


def _check_claims(entry: Entry) -> None:
    """CodecError when an entry speaks of a file or a time that no honest one does."""
    paths: list[str] = []
    moments = [entry.at]
    if entry.kind == "planned":
        plan = decode(Intervention, entry.payload["plan"])
        if not _ID.fullmatch(plan.id) or not _RULE.fullmatch(plan.rule):
            raise CodecError(f"{plan.id!r} by {plan.rule!r} is no change")
        paths += [path for file in plan.files for path in (file.path, file.change.path)]
        if len(set(paths)) != len(plan.files):
            raise CodecError("a plan edits another workflow file than it names, or one twice")
        moments.append(plan.planned)
    elif entry.kind in ("intent", "undo_intent"):
        paths += [path for path, _, _ in files_of(entry)]
    elif entry.kind == "adopted" and isinstance(entry.payload.get("live_from"), str):
        moments.append(datetime.fromisoformat(str(entry.payload["live_from"])))
    for path in paths:
        if not _WORKFLOW.fullmatch(path):
            raise CodecError(f"{path!r} is no workflow file")
    for moment in moments:
        if moment.year not in _YEARS:
            raise CodecError(f"{moment.isoformat()} is not in our time")


def _name(entry: Entry) -> str:
    return f"entries/{entry.id[:2]}/{entry.id}.json"


def _refused(name: str, reason: str) -> RefusedError:
    return RefusedError(
        f"the shared journal holds {name}, which cannot be read: {reason}",
        "an entry that was altered could claim a change that never was; nothing was taken in",
        "look at it with: git ls-tree -r refs/trimtab/journal",
    )
