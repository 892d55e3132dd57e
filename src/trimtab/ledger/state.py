"""
What a journal adds up to: where each change stands, whether Trimtab is paused, which rules are switched off

`fold` is pure and looks at entries in journal order, each once: any union of journals, in any order, gives one State.
An entry that arrives where it makes no sense (kept, after somebody else undid it) leaves the stage alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from trimtab.ledger.codec import CodecError, decode
from trimtab.ledger.entry import KINDS, Entry
from trimtab.model import Intervention, Receipt, Stage, Verdict

# From which stages an entry moves a change, and to which. Undo is in every live row: it must always be possible.
_WAITING = frozenset({Stage.PROPOSED, Stage.STALE, Stage.APPLYING})
REPLANNED = frozenset({Stage.STALE, Stage.EXPIRED, Stage.SUPERSEDED})  # the same plan, made again, is a proposal again
_LIVE = frozenset(
    {Stage.APPLYING, Stage.OFFERED, Stage.APPLIED, Stage.MEASURING, Stage.KEPT, Stage.UNDOING, Stage.CONFLICT}
)
_MOVES: Mapping[str, tuple[frozenset[Stage], Stage]] = {
    "planned": (REPLANNED, Stage.PROPOSED),
    "intent": (_WAITING, Stage.APPLYING),
    "offered": (_WAITING | {Stage.OFFERED}, Stage.OFFERED),
    "adopted": (_WAITING | {Stage.OFFERED, Stage.APPLIED, Stage.DECLINED, Stage.EXPIRED}, Stage.MEASURING),
    "declined": (frozenset({Stage.OFFERED, Stage.PROPOSED}), Stage.DECLINED),
    "kept": (frozenset({Stage.APPLIED, Stage.MEASURING, Stage.CONFLICT}), Stage.KEPT),
    "undo_intent": (_LIVE | {Stage.DECLINED}, Stage.UNDOING),
    "undone": (_LIVE | {Stage.DECLINED}, Stage.UNDONE),
    "conflict": (_LIVE, Stage.CONFLICT),
    "stale": (_WAITING, Stage.STALE),
    "superseded": (_WAITING | {Stage.OFFERED, Stage.DECLINED}, Stage.SUPERSEDED),
    "expired": (_WAITING | {Stage.OFFERED}, Stage.EXPIRED),
}


@dataclass(frozen=True, slots=True)
class Progress:
    """
    Where one change stands

    `since` and `why` belong to the entry that brought the present stage; `opened` are intents that nothing has closed
    yet; `adopted_blobs` are (path, git blob id, time) of what the default branch held when it was found there.
    """

    plan: Intervention
    stage: Stage
    since: datetime
    why: str = ""
    receipt: Receipt | None = None
    applied: datetime | None = None
    verdicts: tuple[Verdict, ...] = ()
    adopted_blobs: tuple[tuple[str, str, datetime], ...] = ()
    parts_held: tuple[str, ...] = ()
    live_from: datetime | None = None
    delivery: str = "working-tree"
    revert: str = ""  # how the latest undo was offered, when it has to wait for somebody
    defended: bool = False  # whether somebody closed that offer, and nobody has asked for an undo since
    opened: tuple[Entry, ...] = ()
    closed: frozenset[str] = field(default=frozenset(), repr=False)
    before_undo: Stage | None = None
    paused: bool = False

    @property
    def shown(self) -> Stage:
        """The stage for a screen: PAUSED while its measuring is held."""
        return Stage.PAUSED if self.paused and self.stage in _LIVE else self.stage

    @property
    def live(self) -> bool:
        """Whether something of it may be in somebody's files, so that undo makes sense."""
        return self.stage in _LIVE


@dataclass(frozen=True, slots=True)
class State:
    changes: Mapping[str, Progress] = field(default_factory=dict)
    paused: bool = False
    paused_why: str = ""
    disabled: frozenset[str] = frozenset()

    def times_planned(self, content: str) -> int:
        """How many changes of this content (see `content_hash`) went further than a proposal: their ids are taken."""
        used = [change.plan for change in self.changes.values() if change.stage not in _WAITING | REPLANNED]
        return sum(content_hash(plan) == content for plan in used)

    def live(self) -> tuple[Progress, ...]:
        """Changes that could be undone, in the order they were applied."""
        found = [change for change in self.changes.values() if change.live]
        return tuple(sorted(found, key=lambda change: (change.applied or change.since, change.plan.id)))


def fold(entries: Iterable[Entry]) -> State:
    """The State that a set of entries means; their order and duplicates do not matter."""
    unique = {entry.id: entry for entry in entries}
    ordered = sorted(unique.values(), key=lambda entry: entry.order)
    plans = _chosen_plans(ordered)
    brakes, changes = State(), dict[str, Progress]()
    for entry in ordered:
        if entry.intervention is None:
            brakes = _brake(brakes, entry)
        elif entry.intervention in plans:
            change = changes.get(entry.intervention)
            changes[entry.intervention] = _step(change, entry, plans[entry.intervention])
    return replace(brakes, changes=changes)


def check(entry: Entry) -> None:
    """CodecError when the payload of a known kind is not what `fold` expects."""
    payload = entry.payload
    match entry.kind:
        case "planned":
            if decode(Intervention, payload.get("plan")).id != entry.intervention:
                raise CodecError("the plan belongs to another intervention")
        case "receipt":
            _text(payload, "of")
            decode(Receipt, payload.get("receipt"))
        case "verdict":
            decode(Verdict, payload.get("verdict"))
        case "adopted":
            _adopted(entry)
        case "intent" | "undo_intent":
            _text(payload, "place")
            _files(payload)
        case "disabled" | "enabled":
            _text(payload, "rule")
    if entry.kind in KINDS - {"paused", "resumed", "disabled", "enabled"} and entry.intervention is None:
        raise CodecError(f"{entry.kind} needs an intervention")


def content_hash(plan: Intervention) -> str:
    """sha256 over the findings and the files before and after: equal for two plans of the same edit."""
    files = [(file.path, file.before, file.after) for file in plan.files]
    return hashlib.sha256(json.dumps({"findings": plan.findings, "files": files}, sort_keys=True).encode()).hexdigest()


def files_of(intent: Entry) -> tuple[tuple[str, str, str], ...]:
    """(path, sha256 expected, sha256 to be written) of an intent or undo_intent entry, in the order of writing."""
    return _files(intent.payload)


def _chosen_plans(ordered: list[Entry]) -> dict[str, Intervention]:
    """By id: the plan whose digest the first intent names; before any intent the latest plan."""
    plans: dict[str, dict[str, Intervention]] = {}
    digests: dict[str, str] = {}
    for entry in ordered:
        if entry.kind == "planned" and entry.intervention:
            plan = decode(Intervention, entry.payload["plan"])
            candidates = plans.setdefault(entry.intervention, {})
            candidates[plan.digest] = candidates.pop(plan.digest, plan)
        elif entry.kind == "intent" and entry.intervention:
            digests.setdefault(entry.intervention, str(entry.payload.get("digest")))
    latest = {name: list(candidates.values())[-1] for name, candidates in plans.items()}
    return {name: plans[name].get(digests.get(name, ""), latest[name]) for name in plans}


def _step(change: Progress | None, entry: Entry, plan: Intervention) -> Progress:
    """Where a change stands after one more entry about it."""
    return _noted(_moved(change or Progress(plan, Stage.PROPOSED, entry.at), entry), entry)


def _brake(state: State, entry: Entry) -> State:
    match entry.kind:
        case "paused":
            return replace(state, paused=True, paused_why=entry.why)
        case "resumed":
            return replace(state, paused=False, paused_why="")
        case "disabled":
            return replace(state, disabled=state.disabled | {_text(entry.payload, "rule")})
        case "enabled":
            return replace(state, disabled=state.disabled - {_text(entry.payload, "rule")})
    return state


def _moved(change: Progress, entry: Entry) -> Progress:
    """The stage after this entry."""
    if entry.kind == "receipt":
        target = Stage.APPLIED if _delivery(entry) == "working-tree" else Stage.OFFERED
        sources = _WAITING
    elif entry.kind == "abandoned":
        if entry.payload.get("revert", change.revert) != change.revert:
            return change  # it tells of an earlier undo than the one under way
        sources = frozenset({Stage.APPLYING, Stage.UNDOING})
        target = (change.before_undo or Stage.APPLIED) if change.stage is Stage.UNDOING else Stage.PROPOSED
    elif entry.kind in _MOVES:
        sources, target = _MOVES[entry.kind]
    else:
        return change
    if change.stage not in sources:
        return change
    held = change.before_undo if change.stage is Stage.UNDOING else change.stage
    before_undo = held if target in (Stage.UNDOING, Stage.CONFLICT) else None
    return replace(change, stage=target, since=entry.at, why=entry.why, before_undo=before_undo)


def _noted(change: Progress, entry: Entry) -> Progress:
    """What else this entry tells about the change."""
    payload = entry.payload
    match entry.kind:
        case "intent" | "undo_intent":
            if entry.kind == "undo_intent":
                change = replace(change, revert="", defended=False)
            return change if entry.id in change.closed else replace(change, opened=(*change.opened, entry))
        case "receipt":
            change = replace(change, receipt=decode(Receipt, payload["receipt"]), delivery=_delivery(entry))
            change = replace(change, applied=change.applied or entry.at)
        case "offered":
            told = str(payload.get("delivery") or change.delivery)
            undoing = {one.id for one in change.opened if one.kind == "undo_intent"}  # of one of these it is the revert
            taken_back = payload.get("of") in undoing
            change = replace(change, why=entry.why, revert=told) if taken_back else replace(change, delivery=told)
        case "abandoned" if payload.get("revert") == change.revert != "":
            change = replace(change, revert="", defended=True)
        case "adopted":
            blobs, parts, live_from = _adopted(entry)
            earliest = min((time for time in (change.live_from, live_from) if time), default=None)
            known = dict.fromkeys((*change.adopted_blobs, *blobs))
            change = replace(change, adopted_blobs=tuple(known), parts_held=parts, live_from=earliest)
        case "verdict":
            verdict = decode(Verdict, payload["verdict"])
            if not change.verdicts or change.verdicts[-1] != verdict:
                change = replace(change, verdicts=(*change.verdicts, verdict))
        case "paused" | "resumed":
            change = replace(change, paused=entry.kind == "paused")
    return _closed(change, payload.get("of"))


def _closed(change: Progress, of: object) -> Progress:
    if not isinstance(of, str):
        return change
    opened = tuple(entry for entry in change.opened if entry.id != of)
    return replace(change, opened=opened, closed=change.closed | {of})


def _delivery(entry: Entry) -> str:
    receipt = entry.payload["receipt"]
    return str(receipt.get("delivery") or "working-tree") if isinstance(receipt, Mapping) else "working-tree"


def _adopted(entry: Entry) -> tuple[tuple[tuple[str, str, datetime], ...], tuple[str, ...], datetime | None]:
    files, parts = entry.payload.get("files", []), entry.payload.get("parts_held", [])
    if not isinstance(files, list) or not isinstance(parts, list):
        raise CodecError("adopted needs files and parts_held as lists")
    blobs = tuple((str(path), str(blob), entry.at) for path, blob in files)
    live = entry.payload.get("live_from")
    live_from = datetime.fromisoformat(live) if isinstance(live, str) else None
    if live_from is not None and live_from.tzinfo is None:
        raise CodecError("live_from has no time zone")
    return blobs, tuple(map(str, parts)), live_from


def _files(payload: Mapping[str, object]) -> tuple[tuple[str, str, str], ...]:
    files = payload.get("files")
    if not isinstance(files, list):
        raise CodecError("an intent needs files as a list")
    return tuple((_text(item, "path"), _text(item, "before"), _text(item, "after")) for item in files)


def _text(payload: Mapping[str, object], name: str) -> str:
    value = payload[name]
    if not isinstance(value, str):
        raise CodecError(f"{name} is no text")
    return value
