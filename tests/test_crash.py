"""
Killed anywhere, nothing is lost: every durable step of a three-file apply and undo, times what a user did meanwhile

After each kill a user edits one file, or none, then Trimtab starts again. What must hold: the files are all before or all
after; the user's bytes are there; starting again once more changes nothing; the whole can still be taken back exactly.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crashing import (
    FILES,
    MODES,
    Project,
    conflicting,
    disturbed,
    elsewhere,
    killed,
    ours,
    plan,
    stage_of,
    steps,
)
from scratch import scratch
from trimtab.loop import Site
from trimtab.loop.apply import apply
from trimtab.loop.ground.recover import recover
from trimtab.loop.settle import undo
from trimtab.model import Stage

EDITS: dict[str, Callable[[bytes], bytes]] = {"elsewhere": elsewhere, "conflicting": conflicting}
AFTER = {path: ours(data) for path, data in FILES.items()}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=scratch(), prefix="trimtab-crash-") as name:
        yield Path(name)


class Case:
    """One project template, the operation to be killed in it, and how many steps that takes."""

    def __init__(self, folder: Path, operation: str) -> None:
        self.folder, self.operation, self.made = folder / operation, operation, 0
        self.template = Project.make(self.folder / "template")
        site = self.template.site()
        self.id = plan(site, self.template).id
        if operation == "undo":
            apply(site, site.journal.state().changes[self.id].plan)
        site.journal.database.close()
        self.steps = steps(self.project(), self.act)

    def act(self, site: Site) -> object:
        change = site.journal.state().changes[self.id]
        return apply(site, change.plan) if self.operation == "apply" else undo(site, self.id)

    def project(self) -> Project:
        return self.copy_of(self.template)

    def copy_of(self, project: Project) -> Project:
        self.made += 1
        return project.copy(self.folder / str(self.made))

    def drop(self, project: Project) -> None:
        shutil.rmtree(project.root)


@pytest.fixture(scope="module", params=["apply", "undo"])
def case(request: pytest.FixtureRequest, folder: Path) -> Case:
    return Case(folder, request.param)


def test_clean_run_takes_steps_of_every_kind(case: Case) -> None:
    assert case.steps > 20


def test_no_edit_in_the_gap(case: Case) -> None:
    for at in range(1, case.steps + 2):
        project = case.project()
        assert killed(project, case.act, at) == (at <= case.steps)
        site = project.site()
        recover(site)
        stage = stage_of(site, case.id)
        assert project.files() == (AFTER if stage is Stage.APPLIED else FILES), at
        assert stage in (Stage.APPLIED, Stage.PROPOSED if case.operation == "apply" else Stage.UNDONE), at
        assert project.modes() == MODES
        _quiet(project, site)
        _finish(case, project, site)


@pytest.mark.parametrize("kind", EDITS)
@pytest.mark.parametrize("path", FILES)
def test_a_user_edits_in_the_gap(case: Case, kind: str, path: str) -> None:
    for at in range(1, case.steps + 1):
        project = case.project()
        killed(project, case.act, at)
        mine = project.edit(path, EDITS[kind])
        site = project.site()
        recover(site)
        _edit_is_kept(case, project, site, path, kind, mine)
        _quiet(project, site)


@pytest.mark.parametrize("kind", EDITS)
def test_a_user_edits_while_it_runs(case: Case, kind: str) -> None:
    """No kill: an editor saves between two steps. The change goes through, or is taken back; the edit stays."""
    for at in range(1, case.steps + 1):
        path = list(FILES)[at % 3]
        project = case.project()
        if disturbed(project, case.act, at, lambda project=project, path=path: keep_edit(project, path, kind)):
            site = project.site()
            assert not [intent for change in site.journal.state().changes.values() for intent in change.opened]
            check_after(case, project, path, kind, (project.root / ".git/mine").read_bytes())


def keep_edit(project: Project, path: str, kind: str) -> None:
    """Edit as a user does, and note for the parent what was written."""
    (project.root / ".git/mine").write_bytes(project.edit(path, EDITS[kind]))


def test_recovery_is_killed_too(case: Case) -> None:
    for at in range(1, case.steps + 1, 4):
        for kind in ("none", *EDITS):
            project = case.project()
            killed(project, case.act, at)
            path = list(FILES)[at % 3]
            mine = project.edit(path, EDITS[kind]) if kind in EDITS else b""
            for again in range(1, steps(case.copy_of(project), recover) + 1, 3):
                second = case.copy_of(project)
                killed(second, recover, again)
                check_after(case, second, path, kind, mine)


def check_after(case: Case, project: Project, path: str, kind: str, mine: bytes) -> None:
    """Start again after a kill, and check all that must hold; `mine` is what the user left in `path`, if anything."""
    site = project.site()
    recover(site)
    if kind == "none":
        assert project.files() in (FILES, AFTER)
        assert project.modes() == MODES
    else:
        _edit_is_kept(case, project, site, path, kind, mine)
    _quiet(project, site)
    site.journal.database.close()


def _edit_is_kept(case: Case, project: Project, site: Site, path: str, kind: str, mine: bytes) -> None:
    """The user's file keeps the edit; the other two stand where the stage says."""
    stage, now = stage_of(site, case.id), project.files()
    edit = EDITS[kind]
    others = {p: data for p, data in now.items() if p != path}
    if stage is Stage.APPLIED:
        assert now[path] == mine == edit(AFTER[path])
        assert others == {p: AFTER[p] for p in others}
        return
    untouched = stage is Stage.CONFLICT and case.operation == "undo" and others == {p: AFTER[p] for p in others}
    assert untouched or others == {p: FILES[p] for p in others}
    if stage is Stage.CONFLICT:
        assert kind == "conflicting"
        assert b"timeout-minutes: 5" in mine  # where nothing of ours was left there is no conflict
        assert now[path] == mine
    else:
        assert stage in (Stage.PROPOSED, Stage.STALE, Stage.UNDONE)
        assert now[path] == edit(FILES[path])


def _quiet(project: Project, site: Site) -> None:
    """Nothing is left open or lying about, and recovering again changes nothing."""
    entries, files = site.journal.entries(), project.everything()
    assert not [name for name in files if ".trimtab-" in name]
    assert not [intent for change in site.journal.state().changes.values() for intent in change.opened]
    assert recover(site) == ()
    assert (site.journal.entries(), project.everything()) == (entries, files)


def _finish(case: Case, project: Project, site: Site) -> None:
    """Whatever the kill left, the change can be applied and taken back exactly."""
    change = site.journal.state().changes[case.id]
    if change.stage is Stage.PROPOSED:
        apply(site, change.plan)
        assert project.files() == AFTER
    assert undo(site, case.id) is Stage.UNDONE
    names = {"/".join(path.split("/")[:n]) for path in FILES for n in (1, 2)}
    assert project.everything() == FILES | dict.fromkeys(names, b"/")
    assert project.modes() == MODES
