"""Changes as branches: on top of the default branch, beside a dirty tree, through the repository's own hooks."""

from __future__ import annotations

from pathlib import Path

import pytest

from loops import CI, Team, planned
from trimtab.changes import delivery
from trimtab.changes.delivery import splices_between
from trimtab.errors import ConflictError, HookFailed, RefusedError, StaleError
from trimtab.loop import Site
from trimtab.loop.apply import apply
from trimtab.loop.settle import undo
from trimtab.model import Stage
from trimtab.workflow import splices

PATH = ".github/workflows/ci.yml"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.fixture
def site(team: Team) -> Site:
    return team.site(team.clone("ada"))


def root(site: Site) -> Path:
    assert site.repository is not None
    return site.repository.root


def hook(site: Site, script: str) -> None:
    path = root(site) / ".git/hooks/pre-commit"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_branch_holds_one_commit_and_the_tree_stays_as_it_is(team: Team, site: Site) -> None:
    (change,) = planned(site, "cancel-superseded")
    (root(site) / "README.md").write_text("being written\n")
    team.git(root(site), "checkout", "-qb", "mine")
    before = team.git(root(site), "status", "--porcelain")
    receipt = apply(site, change, delivery="branch")
    name = f"trimtab/cancel-superseded-{change.id}"
    assert receipt.delivery == f"branch:{name}"
    assert team.git(root(site), "status", "--porcelain") == before
    assert team.git(root(site), "branch", "--show-current") == "mine"
    assert team.git(root(site), "diff", "--name-only", f"main...{name}") == PATH
    assert site.repository is not None
    assert site.repository.blob_at(name, PATH) == change.files[0].after_blob
    message = team.git(root(site), "log", "-1", "--format=%B", name)
    assert message.startswith("cancel-superseded: a newer push")
    assert f"Trimtab-Change: {change.id}" in message
    assert "No price" in message
    assert site.journal.state().changes[change.id].stage is Stage.OFFERED


def test_the_same_offer_twice_is_one_commit_and_a_newer_base_moves_it(team: Team, site: Site) -> None:
    (change,) = planned(site, "cancel-superseded")
    contents = {PATH: (CI.encode(), site.journal.content(change.files[0].after) or b"")}
    assert site.repository is not None
    first = delivery.offer(site.repository, change, contents)
    team.wait(hours=1)
    assert delivery.offer(site.repository, change, contents) == first
    team.commit(root(site), {"README.md": "more\n"})
    third = delivery.offer(site.repository, change, contents)
    assert third.branch == first.branch
    assert third.base == team.git(root(site), "rev-parse", "origin/main")
    assert site.repository.resolve(first.branch) == third.commit != first.commit


def test_a_branch_with_somebodys_work_is_left_alone(team: Team, site: Site) -> None:
    (change,) = planned(site, "cancel-superseded")
    receipt = apply(site, change, delivery="branch")
    name = receipt.delivery.removeprefix("branch:")
    team.git(root(site), "checkout", "-q", name)
    team.write(root(site), {"README.md": "theirs\n"})
    team.git(root(site), "commit", "-qam", "their work")
    theirs = team.git(root(site), "rev-parse", "HEAD")
    contents = {PATH: (CI.encode(), site.journal.content(change.files[0].after) or b"")}
    assert site.repository is not None
    with pytest.raises(StaleError, match="commits that Trimtab did not make"):
        delivery.offer(site.repository, change, contents)
    assert site.repository.resolve(name) == theirs


def test_an_offer_on_other_bytes_than_planned_is_stale(team: Team, site: Site) -> None:
    (change,) = planned(site, "cancel-superseded")
    team.commit(root(site), {PATH: CI.replace("npm ci", "npm ci --quiet")})
    with pytest.raises(StaleError, match="is not on the default branch as change"):
        apply(site, change, delivery="branch")
    assert site.journal.state().changes[change.id].stage is Stage.STALE


def test_a_failing_hook_refuses_the_change_and_is_quoted(site: Site) -> None:
    hook(site, "echo 'workflows need a ticket number'; exit 1")
    (change,) = planned(site, "cancel-superseded")
    with pytest.raises(HookFailed) as told:
        apply(site, change, delivery="branch")
    assert "workflows need a ticket number" in told.value.why
    assert site.repository is not None
    assert site.repository.resolve(f"trimtab/cancel-superseded-{change.id}") is None
    assert site.journal.state().changes[change.id].stage is Stage.PROPOSED


def test_the_hook_sees_only_the_staged_change_in_a_scratch_tree(team: Team, site: Site) -> None:
    hook(site, f"git diff --cached --name-only > {team.folder}/seen; pwd >> {team.folder}/seen")
    (change,) = planned(site, "cancel-superseded")
    apply(site, change, delivery="branch")
    names, where = (team.folder / "seen").read_text().splitlines()
    assert names == PATH
    assert not where.startswith(str(root(site)))
    assert not Path(where).exists()


def test_reformatting_that_keeps_the_proofs_is_taken(team: Team, site: Site) -> None:
    hook(site, f"grep -q formatted {PATH} || {{ sed -i '1i # formatted' {PATH}; exit 1; }}")
    (change,) = planned(site, "cancel-superseded")
    apply(site, change, delivery="branch")
    assert site.repository is not None
    name = f"trimtab/cancel-superseded-{change.id}"
    blob = site.repository.blob_at(name, PATH)
    assert blob is not None
    assert (site.repository.content(blob) or b"").startswith(b"# formatted\nname: CI\n")
    assert any("reformatted .github/workflows/ci.yml; the proofs still hold" in text for text in team.said)


def test_reformatting_that_breaks_the_proofs_refuses_the_change(site: Site) -> None:
    hook(site, f"sed -i 's/ubuntu-latest/self-hosted/' {PATH}")
    (change,) = planned(site, "cancel-superseded")
    with pytest.raises(HookFailed, match="proofs no longer hold"):
        apply(site, change, delivery="branch")


def test_undo_of_an_offer_that_nobody_merged_removes_the_branch(team: Team, site: Site) -> None:
    (change,) = planned(site, "cancel-superseded")
    receipt = apply(site, change, delivery="branch")
    assert undo(site, change.id) is Stage.UNDONE
    assert site.repository is not None
    assert site.repository.resolve(receipt.delivery.removeprefix("branch:")) is None


def test_undo_on_the_default_branch_waits_for_a_human_and_keeps_later_edits(team: Team, site: Site) -> None:
    (change,) = planned(site, "cancel-superseded")
    apply(site, change, delivery="branch")
    team.git(root(site), "merge", "-q", f"trimtab/cancel-superseded-{change.id}")
    text = (root(site) / PATH).read_text()
    team.commit(root(site), {PATH: text.replace("node-version: 20", "node-version: 22")})
    assert undo(site, change.id) is Stage.UNDOING
    assert site.repository is not None
    blob = site.repository.blob_at(f"trimtab/revert-cancel-superseded-{change.id}", PATH)
    assert site.repository.content(blob or "") == CI.replace("node-version: 20", "node-version: 22").encode()


def test_undo_with_an_edit_in_the_way_touches_nothing(team: Team, site: Site) -> None:
    (change,) = planned(site, "cancel-superseded")
    apply(site, change, delivery="branch")
    team.git(root(site), "merge", "-q", f"trimtab/cancel-superseded-{change.id}")
    text = (root(site) / PATH).read_text()
    head = team.commit(root(site), {PATH: text.replace("cancel-in-progress: true", "cancel-in-progress: false")})
    with pytest.raises(ConflictError, match="cannot be taken out of"):
        undo(site, change.id)
    assert team.git(team.bare, "rev-parse", "main") == head


def test_no_default_branch_no_offer(team: Team, site: Site) -> None:
    (change,) = planned(site, "cancel-superseded")
    team.git(root(site), "branch", "-m", "main", "odd")
    team.git(root(site), "remote", "set-head", "origin", "--delete")
    team.git(root(site), "update-ref", "-d", "refs/remotes/origin/main")
    with pytest.raises(RefusedError, match="default branch is not known"):
        apply(site, change, delivery="branch")


def test_a_pull_request_needs_github(site: Site) -> None:
    (change,) = planned(site, "cancel-superseded")
    with pytest.raises(RefusedError, match="is no repository on GitHub"):
        apply(site, change, delivery="pull-request")


@pytest.mark.parametrize(("old", "new"), [("a\nb\nc\n", "a\nB\nc\nd"), ("", "x"), ("x\r\ny", "y"), ("same", "same")])
def test_line_differences_as_splices(old: str, new: str) -> None:
    made = splices_between(old.encode(), new.encode())
    assert splices.apply(old, made) == new
    assert splices.invert(new, made) == old
