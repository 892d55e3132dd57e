"""A change offered as a pull request through the real `gh`: merged, declined, reverted by a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fake_github import FakeGitHub, serving
from histories import KINDS, Story, lived, mistakes
from loops import CI, Team, planned
from trimtab.errors import RefusedError
from trimtab.loop import Site
from trimtab.loop.apply import apply
from trimtab.loop.collect import collect
from trimtab.loop.settle import settle, undo
from trimtab.model import Decision, Stage, Verdict
from trimtab.world.github import Hub

pytestmark = pytest.mark.real
SLUG = "octo/app"
PATH = ".github/workflows/ci.yml"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.fixture
def github(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    fake = FakeGitHub(SLUG, team.bare)
    with serving(fake, tmp_path) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield fake


@pytest.fixture
def site(team: Team) -> Site:
    return replace(team.site(team.clone("ada")), slug=SLUG)


def stage(site: Site, id: str) -> Stage:
    return site.journal.state().changes[id].stage


def test_offered_merged_reverted(team: Team, github: FakeGitHub, site: Site) -> None:
    (change,) = planned(site, "cancel-superseded")
    receipt = apply(site, change, delivery="pull-request")
    assert receipt.delivery == "pull-request:1"
    assert apply(site, change, delivery="pull-request") == receipt
    assert len(github.pulls) == 1
    assert github.pulls[0]["title"].startswith("cancel-superseded: a newer push")
    assert f"offered as https://github.com/{SLUG}/pull/1" in team.said
    branch = github.pulls[0]["head"]["ref"]
    assert team.git(team.bare, "diff", "--name-only", "main", branch) == PATH
    collect(site, hub=Hub(SLUG))
    assert stage(site, change.id) is Stage.OFFERED

    team.wait(hours=1)
    assert site.repository is not None
    root = site.repository.root
    team.git(root, "merge", "-q", "--squash", branch)
    team.git(root, "commit", "-qm", "Cancel superseded runs (#1)")
    team.git(root, "push", "-q", "origin", "HEAD:main")
    github.merge_pull(1)
    collect(site, hub=Hub(SLUG))
    assert stage(site, change.id) is Stage.MEASURING

    team.wait(days=1)
    assert undo(site, change.id) is Stage.UNDOING
    assert github.pulls[1]["title"].startswith("Revert cancel-superseded")
    collect(site, hub=Hub(SLUG))
    assert stage(site, change.id) is Stage.UNDOING  # a human has to merge it
    revert = github.pulls[1]["head"]["ref"]
    team.git(root, "merge", "-q", "--squash", f"{revert}")
    team.git(root, "commit", "-qm", "Revert (#2)")
    team.git(root, "push", "-q", "origin", "HEAD:main")
    github.merge_pull(2)
    assert (root / PATH).read_text() == CI
    collect(site, hub=Hub(SLUG))
    assert stage(site, change.id) is Stage.UNDONE


def test_a_revert_that_is_closed_leaves_the_change_as_it_was(team: Team, github: FakeGitHub, site: Site) -> None:
    (change,) = planned(site, "cancel-superseded")
    apply(site, change, delivery="pull-request")
    assert site.repository is not None
    root = site.repository.root
    team.git(root, "merge", "-q", "--squash", github.pulls[0]["head"]["ref"])
    team.git(root, "commit", "-qm", "Cancel superseded runs (#1)")
    team.git(root, "push", "-q", "origin", "HEAD:main")
    github.merge_pull(1)
    team.wait(days=1)
    collect(site, hub=Hub(SLUG))
    assert undo(site, change.id) is Stage.UNDOING
    github.pulls[1]["state"] = "closed"
    team.wait(days=1)
    seen = collect(site, hub=Hub(SLUG))
    assert stage(site, change.id) is Stage.MEASURING
    assert any("stays: the pull request that takes it back was closed" in said for said in seen.says)
    collect(site, hub=Hub(SLUG))  # seen once is enough
    assert stage(site, change.id) is Stage.MEASURING

    hurt = Verdict(Decision.UNDO, "runner_minutes", 0.3, 0.2, 0.4, 60, 200, "hurt")
    assert settle(site, change.id, hurt) is Stage.MEASURING  # a verdict alone does not ask the team twice
    assert len(github.pulls) == 2

    assert undo(site, change.id) is Stage.UNDOING  # a person may insist
    assert len(github.pulls) == 3
    late = {"revert": "pull-request:2", "why": "the pull request that takes it back was closed"}
    site.journal.append("abandoned", change.id, late, at=site.now())  # from somebody who has not seen the third
    assert stage(site, change.id) is Stage.UNDOING


def test_closed_is_declined_and_merged_without_it_is_too(team: Team, github: FakeGitHub, site: Site) -> None:
    first, second = planned(site, "cancel-superseded", "cache-setup-action")
    apply(site, first, delivery="pull-request")
    apply(site, second, delivery="pull-request")
    github.pulls[0]["state"] = "closed"
    github.merge_pull(2)  # merged, but nothing of it arrived: somebody emptied it in review
    collect(site, hub=Hub(SLUG))
    changes = site.journal.state().changes
    assert (changes[first.id].stage, changes[first.id].why) == (Stage.DECLINED, "its pull request was closed")
    assert (changes[second.id].stage, changes[second.id].why) == (
        Stage.DECLINED,
        "its pull request was merged without it",
    )


def test_undo_before_the_merge_closes_the_pull_request(github: FakeGitHub, site: Site) -> None:
    (change,) = planned(site, "cancel-superseded")
    apply(site, change, delivery="pull-request")
    assert undo(site, change.id) is Stage.UNDONE
    assert github.pulls[0]["state"] == "closed"


def test_a_refused_push_or_pull_request_leaves_a_plan_that_can_be_applied_again(
    team: Team, github: FakeGitHub, site: Site
) -> None:
    (change,) = planned(site, "cancel-superseded")
    github.server_errors = 99
    hub_sleep = pytest.MonkeyPatch()
    hub_sleep.setattr("trimtab.world.github.RETRIES", (0.0,))
    with pytest.raises(RefusedError):
        apply(site, change, delivery="pull-request")
    hub_sleep.undo()
    assert stage(site, change.id) is Stage.PROPOSED
    github.server_errors = 0
    assert apply(site, change, delivery="pull-request").delivery == "pull-request:1"


@pytest.mark.parametrize("kind", KINDS)
def test_histories_by_pull_request(tmp_path: Path, github: FakeGitHub, kind: str) -> None:
    story = Story(kind, "cache-setup-action", reverted=kind == "rebase", later_edit=False, watched=False, seed=3)
    (tmp_path / "story").mkdir()
    assert mistakes(lived(tmp_path / "story", story, github), story) == []
