"""Two engineers, a fresh checkout and a scheduled workflow see one journal, through refs/trimtab/journal."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from loops import CI, START, Team, planned
from trimtab.errors import RefusedError
from trimtab.loop import Site
from trimtab.loop.apply import apply
from trimtab.loop.collect import collect
from trimtab.loop.collect.sync import sync
from trimtab.loop.settle import settle, undo
from trimtab.loop.settle.restore import backups, restore
from trimtab.model import Decision, Stage, Verdict
from trimtab.world import journal_ref
from trimtab.world.git_write import commit_files

PATH = ".github/workflows/ci.yml"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def ids(site: Site) -> Counter[str]:
    return Counter(entry.id for entry in site.journal.entries())


def test_one_loop_through_two_clones_and_an_ephemeral_checkout(team: Team) -> None:
    ada, ben = team.site(team.clone("ada"), "ada"), team.site(team.clone("ben"), "ben")
    assert ada.repository is not None
    (change,) = planned(ada, "cancel-superseded")
    apply(ada, change, delivery="branch")
    collect(ada)
    collect(ben)
    assert ben.journal.state().changes[change.id].stage is Stage.OFFERED

    root = ada.repository.root  # somebody merges it on the web
    team.wait(hours=1)
    team.git(root, "merge", "-q", "--squash", f"trimtab/cancel-superseded-{change.id}")
    team.git(root, "commit", "-qm", "Cancel superseded runs")
    team.git(root, "push", "-q", "origin", "HEAD:main")

    team.wait(days=7)
    weekly = team.site(team.clone("runner"), "github-actions")  # a fresh checkout without any state of its own
    collect(weekly)
    assert weekly.journal.state().changes[change.id].stage is Stage.MEASURING
    written = ids(weekly)
    shutil.rmtree(team.folder / "runner")  # the runner is gone, what it saw is not

    team.wait(hours=1)
    collect(ben)
    verdict = Verdict(Decision.KEEP, "runner_minutes", -0.2, -0.3, -0.1, 60, 200, "helped")
    settle(ben, change.id, verdict)
    collect(ben)
    collect(ada)
    assert ada.journal.state().changes[change.id].stage is Stage.KEPT
    assert ids(ada) == ids(ben)
    assert written <= ids(ada)
    assert set(ids(ada).values()) == {1}
    assert [e.kind for e in ada.journal.entries()].count("adopted") == 1
    assert {e.actor for e in ada.journal.entries()} == {"ada", "ben", "github-actions"}
    assert ada.journal.state() == ben.journal.state()

    assert undo(ben, change.id) is Stage.UNDOING  # the default branch holds it, so the revert waits for a human
    collect(ben)
    collect(ada)
    assert ada.journal.state().changes[change.id].stage is Stage.UNDOING
    team.wait(hours=1)
    team.commit(root, {PATH: CI}, "Revert it by hand, as the branch says")
    collect(ada)
    collect(ben)
    assert ben.journal.state().changes[change.id].stage is Stage.UNDONE


def test_what_the_team_adopted_is_undone_when_the_team_has_it_no_more(team: Team) -> None:
    ada, ben = team.site(team.clone("ada"), "ada"), team.site(team.clone("ben"), "ben")
    assert ada.repository is not None
    root = ada.repository.root
    (change,) = planned(ada, "cancel-superseded")
    apply(ada, change)
    team.git(root, "commit", "-qam", "Cancel superseded runs")
    team.git(root, "push", "-q", "origin", "HEAD:main")
    collect(ada)
    assert ada.journal.state().changes[change.id].stage is Stage.MEASURING
    team.wait(hours=1)
    assert undo(ada, change.id) is Stage.UNDOING
    assert (root / PATH).read_text() == CI
    assert undo(ada, change.id) is Stage.UNDOING  # asked again: nothing is left to do here
    for site in (ada, ben):
        collect(site)
        assert site.journal.state().changes[change.id].stage is Stage.UNDOING  # main still runs it
    team.git(root, "commit", "-qam", "Take it back")
    team.git(root, "push", "-q", "origin", "HEAD:main")
    collect(ben)
    assert ben.journal.state().changes[change.id].stage is Stage.UNDONE
    collect(ada)
    assert ada.journal.state() == ben.journal.state()


def test_a_way_back_that_somebody_else_took_is_not_taken_here(team: Team) -> None:
    ada, ben = team.site(team.clone("ada"), "ada"), team.site(team.clone("ben"), "ben")
    assert ada.repository is not None and ben.repository is not None
    (change,) = planned(ada, "cancel-superseded")
    apply(ada, change)
    (copy,) = backups(ada)
    made = restore(ada, copy.path)
    collect(ada)
    collect(ben)
    file = ben.repository.root / PATH
    assert file.read_bytes() == CI.encode()  # what the way back led to
    with pytest.raises(RefusedError, match="came through the shared journal and cannot be proved here"):
        undo(ben, made.id)
    assert file.read_bytes() == CI.encode()


def test_a_collection_says_that_the_journal_left_the_house(team: Team) -> None:
    ada = team.site(team.clone("ada"), "ada")
    ada.journal.append("paused", None, {"why": "release week"}, at=START)
    assert not collect(ada, shared=False).says
    assert collect(ada).says == (
        "the journal went to refs/trimtab/journal of origin, for your team (not with --no-share)",
    )
    assert not collect(ada).says


def test_a_push_that_was_beaten_merges_and_pushes_again(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, ben = team.site(team.clone("ada"), "ada"), team.site(team.clone("ben"), "ben")
    ada.journal.append("paused", None, {"why": "release week"}, at=START)
    ben.journal.append("disabled", None, {"rule": "fail-early", "why": "no"}, at=START)
    push = journal_ref.push
    beaten: list[str] = []

    def beaten_once(*args: object, **more: object) -> object:
        if not beaten:
            beaten.append("yes")
            assert sync(ben).pushed == 1  # Ben is faster, between Ada's look and Ada's push
        return push(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(journal_ref, "push", beaten_once)
    told = sync(ada)
    assert (told.absorbed, told.pushed, told.why) == (1, 1, None)
    assert sync(ben).absorbed == 1
    assert ids(ada) == ids(ben)
    assert len(ids(ada)) == 2


@pytest.mark.parametrize("seed", range(2))
def test_any_interleaving_of_many_loses_and_doubles_nothing(team: Team, seed: int) -> None:
    dice = random.Random(seed)
    sites = [team.site(team.clone(name), name) for name in ("ada", "ben", "cy")]
    for step in range(14):
        site = dice.choice(sites)
        if dice.random() < 0.5:
            kind = dice.choice(["paused", "resumed"])
            site.journal.append(kind, None, {"why": f"{step}"}, at=START)
        else:
            assert sync(site).why is None
    total = {entry for site in sites for entry in ids(site)}
    for site in (*sites, *sites):
        sync(site)
    assert all(ids(site) == Counter(total) for site in sites)
    assert len({site.journal.state().paused for site in sites}) == 1
    again = [sync(site) for site in sites]
    assert [(one.absorbed, one.pushed) for one in again] == [(0, 0)] * 3


def test_a_ref_that_was_tampered_with_is_refused_whole(team: Team) -> None:
    ada, ben = team.site(team.clone("ada"), "ada"), team.site(team.clone("ben"), "ben")
    ada.journal.append("paused", None, {"why": "real"}, at=START)
    sync(ada)
    assert ada.repository is not None
    tip = journal_ref.fetched(ada.repository, "origin")
    assert isinstance(tip, str)
    (name,) = journal_ref.names(ada.repository, tip)
    forged = journal_ref.files(ada.repository, journal_ref.names(ada.repository, tip))[name].replace(b"real", b"fake")
    bad = commit_files(ada.repository, tip, {name: forged}, "forged")
    assert journal_ref.push(ada.repository, "origin", bad, tip) is None
    with pytest.raises(RefusedError, match="which cannot be read"):
        sync(ben)
    assert ids(ben) == Counter()


def test_no_remote_and_an_unreachable_one_are_no_errors(team: Team) -> None:
    ada = team.site(team.clone("ada"))
    assert ada.repository is not None
    ada.journal.append("paused", None, {"why": "x"}, at=START)
    team.bare.rename(team.folder / "moved.git")
    told = sync(ada)
    assert told.why is not None
    assert "git ls-remote origin" in told.why.why
    assert collect(ada).says[0].startswith("the journal was not shared")
    team.git(ada.repository.root, "remote", "remove", "origin")
    assert sync(ada).why is None


def test_the_journal_is_no_branch_and_leaves_the_clone_as_it_was(team: Team) -> None:
    ada = team.site(team.clone("ada"))
    assert ada.repository is not None
    root = ada.repository.root
    before = [team.git(root, *args) for args in (("status", "--porcelain"), ("branch", "-a"), ("rev-parse", "HEAD"))]
    ada.journal.append("paused", None, {"why": "x"}, at=START)
    sync(ada)
    assert [
        team.git(root, *args) for args in (("status", "--porcelain"), ("branch", "-a"), ("rev-parse", "HEAD"))
    ] == before
    assert team.git(team.bare, "for-each-ref", "--format=%(refname)") == "refs/heads/main\nrefs/trimtab/journal"
