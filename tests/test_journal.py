"""
The journal: append-only, merged by union, refused when it was tampered with, and one State whatever the order
"""

from __future__ import annotations

import json
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashing import Project, plan
from trimtab.errors import LockedError, RefusedError
from trimtab.ledger.codec import CodecError, canonical, decode, encode
from trimtab.ledger.database import MIGRATIONS, Database
from trimtab.ledger.entry import Entry
from trimtab.ledger.journal import Journal, sha256
from trimtab.ledger.state import fold
from trimtab.ledger.store import Ledger
from trimtab.loop.apply import apply
from trimtab.loop.settle import disable, pause, undo
from trimtab.model import (
    AppendItem,
    Decision,
    EditFile,
    InsertKey,
    Intervention,
    PlannedFile,
    Prediction,
    Receipt,
    RemovePair,
    ReplaceScalar,
    ReplaceText,
    RewriteOn,
    Risk,
    Stage,
    Unknown,
    Verdict,
)

DAY = datetime(2026, 3, 1, tzinfo=UTC)
CI = ".github/workflows/ci.yml"
VERDICT = Verdict(Decision.KEEP, "runner_minutes", -0.2, -0.3, -0.1, 40, 60, "shorter")
NO_PRICE = Unknown("no history", "trimtab collect")
OPS = (
    InsertKey(("jobs", "b"), "timeout-minutes", 5, after="runs-on"),
    InsertKey((), "concurrency", {"group": "g", "cancel-in-progress": True}, before="jobs", comment="why"),
    ReplaceScalar(("jobs", "b", "steps", 2, "with", "x"), True),
    ReplaceScalar(("a",), 1.5),
    RemovePair(("jobs", "b", "needs", 0)),
    AppendItem(("on", "push", "branches"), "main"),
    AppendItem(("x",), [{"z": [{"b": 1, "a": None}]}, {"_": "pairs", "pairs": 1}]),
    RewriteOn({"push": {"branches": ["main"]}, "pull_request": None}),
)


def some_plan(id: str = "c0ffee00", digest: str = "d1", price: Prediction | Unknown = NO_PRICE) -> Intervention:
    file = PlannedFile(CI, "1", "2", "3", "4", EditFile(CI, OPS, (ReplaceText(1, 2, "x\n"),)))
    return Intervention(
        id, "set-timeout", "says", ("f",), (file,), "runner_minutes", "counted", 28, price, Risk.SAFE, DAY, digest
    )


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.open(tmp_path / "state.db", "ann")


# ------------------------------------------------------------------------------------ values


def test_plan_comes_back_as_it_was() -> None:
    price = Prediction("runner_minutes", -3.0, -2.0, -1.0, None, -0.1, 30, 28.0, "replayed", also=(_small_price(),))
    for made in (some_plan(price=price), some_plan()):
        back = decode(Intervention, json.loads(canonical(encode(made))))
        assert back == made
        assert repr(back) == repr(made)  # the order of keys as well: it is the order in the file
    receipt = Receipt(None, {"a": "1"}, {"a": "2"}, None, "branch:x")
    assert decode(Receipt, encode(receipt)) == receipt
    assert decode(Verdict, encode(VERDICT)) == VERDICT


def _small_price() -> Prediction:
    return Prediction("feedback_seconds", 1.0, 2.0, 3.0, 0.1, 0.2, 30, 28.0, "replayed")


def test_newer_and_older_plans_are_read() -> None:
    data = encode(VERDICT)
    assert isinstance(data, dict)
    assert decode(Verdict, {**data, "a_field_of_tomorrow": 1}) == VERDICT
    del data["wait_days"]
    assert decode(Verdict, data) == VERDICT


@pytest.mark.parametrize("change", [{"n": "many"}, {"decision": "perhaps"}, {"metric": None}, {"effect": "x"}])
def test_wrong_shapes_are_refused(change: dict[str, object]) -> None:
    data = encode(VERDICT)
    assert isinstance(data, dict)
    with pytest.raises(CodecError):
        decode(Verdict, {**data, **change})


# ------------------------------------------------------------------------------------ stages


def test_life_of_a_change(journal: Journal) -> None:
    made = some_plan()
    journal.plan(made, at=DAY)
    assert _stage(journal) is Stage.PROPOSED
    intent = journal.append("intent", made.id, {"digest": "d1", "place": "here", "files": []}, at=DAY)
    assert _stage(journal) is Stage.APPLYING
    journal.receipt(made.id, intent.id, Receipt("b", {}, {}, "u"), at=DAY)
    assert _stage(journal) is Stage.APPLIED
    adopted = {"files": [["ci.yml", "4"]], "parts_held": [], "live_from": DAY.isoformat(), "why": "squashed"}
    journal.append("adopted", made.id, adopted, at=DAY)
    assert _stage(journal) is Stage.MEASURING
    for _ in range(2):
        journal.verdict(made.id, "d1", VERDICT, at=DAY)
    journal.append("kept", made.id, {"why": "shorter"}, at=DAY)
    change = journal.state().changes[made.id]
    assert (change.stage, change.why, change.verdicts, change.opened) == (Stage.KEPT, "shorter", (VERDICT,), ())
    assert change.adopted_blobs == (("ci.yml", "4", DAY),)
    assert change.live_from == DAY


def _stage(journal: Journal) -> Stage:
    return journal.state().changes["c0ffee00"].stage


def test_undo_wins_over_a_verdict_that_came_too_late(journal: Journal) -> None:
    journal.plan(some_plan(), at=DAY)
    intent = journal.append("intent", "c0ffee00", {"digest": "d1", "place": "here", "files": []}, at=DAY)
    journal.receipt("c0ffee00", intent.id, Receipt("b", {}, {}, "u"), at=DAY)
    journal.append("undone", "c0ffee00", {"of": None, "why": "asked for"}, at=DAY)
    journal.append("kept", "c0ffee00", {"why": "somebody else did not know"}, at=DAY)
    assert (_stage(journal), journal.state().changes["c0ffee00"].why) == (Stage.UNDONE, "asked for")


def test_applied_plan_cannot_be_replaced_by_one_synced_later(journal: Journal) -> None:
    journal.plan(some_plan(digest="d1"), at=DAY)
    journal.append("intent", "c0ffee00", {"digest": "d1", "place": "here", "files": []}, at=DAY)
    journal.append("planned", "c0ffee00", {"plan": some_plan(digest="kinder")}, at=DAY)
    assert journal.state().changes["c0ffee00"].plan.digest == "d1"


def test_pausing_one_change_holds_it_and_keeps_its_stage(journal: Journal) -> None:
    journal.plan(some_plan(), at=DAY)
    intent = journal.append("intent", "c0ffee00", {"digest": "d1", "place": "here", "files": []}, at=DAY)
    journal.receipt("c0ffee00", intent.id, Receipt("b", {}, {}, "u"), at=DAY)
    journal.append("paused", "c0ffee00", {"why": "release week"}, at=DAY)
    change = journal.state().changes["c0ffee00"]
    assert (change.shown, change.stage, journal.state().paused) == (Stage.PAUSED, Stage.APPLIED, False)


# ------------------------------------------------------------------------------------ append-only, durable


def test_nothing_is_ever_changed_or_removed(journal: Journal) -> None:
    journal.append("paused", None, {"why": "x"}, at=DAY)
    for sql in ("DELETE FROM entries", "UPDATE entries SET seq = 9"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"), journal.database.writing() as connection:
            connection.execute(sql)
    assert len(journal.entries()) == 1


def test_wrong_kind_or_payload_is_a_bug_and_not_written(journal: Journal) -> None:
    for kind, intervention, payload in (("praised", None, {}), ("disabled", None, {}), ("kept", None, {})):
        with pytest.raises((ValueError, KeyError)):
            journal.append(kind, intervention, payload, at=DAY)
    assert journal.entries() == ()


def test_durable_and_ordered_settings(journal: Journal) -> None:
    assert journal.database.rows("PRAGMA journal_mode") == [("wal",)]
    assert journal.database.rows("PRAGMA synchronous") == [(2,)]  # FULL


def test_two_processes_append_at_once(tmp_path: Path) -> None:
    Journal.open(tmp_path / "state.db").database.close()
    children = []
    for who in ("ann", "ben", "cem"):
        child = os.fork()
        if child == 0:
            own = Journal.open(tmp_path / "state.db", who)
            for n in range(20):
                own.append("paused", None, {"why": str(n)}, at=DAY)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    entries = Journal.open(tmp_path / "state.db").entries()
    assert [entry.seq for entry in entries] == list(range(1, 61))


def test_busy_state_file_names_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Database.open(tmp_path / "state.db")
    second = Database.open(tmp_path / "state.db", busy_seconds=0.05)
    with first.writing(), pytest.raises(LockedError, match="busy"), second.writing():
        raise AssertionError("two writers at once")


def test_state_file_of_a_newer_trimtab(tmp_path: Path) -> None:
    Database.open(tmp_path / "state.db").close()
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(RefusedError, match="newer Trimtab"):
        Database.open(tmp_path / "state.db")


def test_file_that_is_no_state_file(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"not a database, " * 100)
    with pytest.raises(RefusedError, match="cannot be read as a state file"):
        Database.open(tmp_path / "state.db")


# ------------------------------------------------------------------------------------ sync


def test_union_of_two_journals(tmp_path: Path) -> None:
    ann, ben = Journal.open(tmp_path / "a.db", "ann"), Journal.open(tmp_path / "b.db", "ben")
    (name,) = ann.store(b"content")
    ann.plan(some_plan(), at=DAY)
    assert ben.absorb(ann.export()) == 1
    assert ben.content(name) == b"content"
    ben.append("paused", None, {"why": "release"}, at=DAY)
    assert ann.absorb(ben.export()) == 1
    assert ann.absorb(ben.export()) == 0
    assert ann.export() == ben.export()
    assert ann.entries() == ben.entries()
    assert [entry.seq for entry in ann.entries()] == [1, 2]
    assert ann.state() == ben.state()
    assert ben.export(known=ann.export()) == {}


def test_every_order_of_merging_gives_one_state(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "p")
    site = project.site()
    made = plan(site, project)
    others = [Journal.open(tmp_path / f"{who}.db", who) for who in ("ann", "ben")]
    for journal in others:
        journal.absorb(site.journal.export())
    apply(site, made)
    pause(site, "release")
    others[0].append("stale", made.id, {"of": None, "why": "here it changed"}, at=DAY + timedelta(days=1))
    others[1].append("disabled", None, {"rule": "set-timeout"}, at=DAY - timedelta(days=1))
    undo(site, made.id)
    disable(site, "other")
    exports = [site.journal.export(), *(journal.export() for journal in others)]
    states = set()
    for n, order in enumerate(permutations(exports)):
        merged = Journal.open(tmp_path / f"merged{n}.db", "x")
        for files in order:
            merged.absorb(files)
        states.add(str(merged.state()))
    assert len(states) == 1
    assert merged.state().changes[made.id].stage is Stage.UNDONE


KINDS = st.sampled_from(
    ["intent", "receipt", "adopted", "kept", "undo_intent", "undone", "conflict", "stale", "declined"]
)


@st.composite
def stories(draw: st.DrawFn) -> list[Entry]:
    """Entries of any kinds in any succession, with Lamport numbers that may collide, as of several machines."""
    entries = [Entry("", 1, DAY, "ann", "c0ffee00", "planned", {"plan": encode(some_plan())}, "n").sealed()]
    for n in range(draw(st.integers(0, 8))):
        payload: dict[str, object] = {"digest": "d1", "place": "p", "files": [], "parts_held": [], "why": str(n)}
        payload["of"] = draw(st.sampled_from(entries)).id
        payload["receipt"] = encode(Receipt(None, {}, {}, None, draw(st.sampled_from(["working-tree", "branch:x"]))))
        at = DAY + timedelta(hours=draw(st.integers(0, 3)))
        entry = Entry("", draw(st.integers(1, 5)), at, "ben", "c0ffee00", draw(KINDS), payload, str(n))
        entries.append(entry.sealed())
    return entries


@settings(deadline=None)
@given(stories(), st.randoms(use_true_random=False))
def test_fold_knows_no_order_and_no_duplicates(entries: list[Entry], random: object) -> None:
    shuffled = [*entries, *entries[::2]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(shuffled) == fold(entries)


@pytest.mark.parametrize("tamper", ["content", "name", "kind", "seq", "shape", "stranger", "blob"])
def test_tampered_journal_is_refused_whole(tmp_path: Path, tamper: str) -> None:
    ann = Journal.open(tmp_path / "a.db", "ann")
    ann.plan(some_plan(), at=DAY)
    ann.store(b"x")
    files = ann.export()
    name = next(path for path in files if path.startswith("entries/"))
    entry = json.loads(files[name])
    match tamper:
        case "content":
            files[name] = files[name].replace(b"set-timeout", b"set-timeouT")
        case "name":
            files["entries/../../x"] = files.pop(name)
        case "kind":
            files |= _sealed({**entry, "payload": {"plan": {"id": "c0ffee00"}}})
        case "seq":
            files |= _sealed({**entry, "seq": 2**60})
        case "shape":
            files |= _sealed([1, 2])
        case "stranger":
            files["README"] = b"hello"
        case "blob":
            files[f"blobs/00/{'0' * 64}"] = b"not it"
    ben = Journal.open(tmp_path / "b.db", "ben")
    with pytest.raises(RefusedError, match="cannot be read"):
        ben.absorb(files)
    assert ben.entries() == ()
    assert ben.content(sha256(b"x")) is None


def _sealed(value: object) -> dict[str, bytes]:
    data = canonical(value)
    return {f"entries/{sha256(data)[:2]}/{sha256(data)}.json": data}


def test_kinds_of_tomorrow_are_kept_and_passed_on(tmp_path: Path) -> None:
    ann, ben = Journal.open(tmp_path / "a.db", "ann"), Journal.open(tmp_path / "b.db", "ben")
    tomorrow = Entry("", 3, DAY, "zoe", None, "praised", {"much": True}, "n").sealed()
    assert ann.absorb(_sealed(tomorrow.body())) == 1
    assert ben.absorb(ann.export()) == 1
    assert ben.entries() == (tomorrow,)
    assert ben.append("paused", None, {}, at=DAY).seq == 4


def test_ledger_and_journal_share_one_file(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "state.db")
    journal = Journal(ledger.database, "ann")
    assert journal.folder == tmp_path
    assert journal.home == Journal.open(tmp_path / "state.db").home
