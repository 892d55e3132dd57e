"""
Applying and taking back, as a team meets it: dirty trees, later edits, conflicts, brakes, a full disk, a second Trimtab
"""

from __future__ import annotations

import gc
import os
import resource
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from crashing import FILES, MODES, STORY, WORKFLOWS, Project, conflicting, elsewhere, ours, plan, stage_of
from trimtab.config import Config
from trimtab.errors import ConflictError, LockedError, RefusedError, StaleError, UsageError
from trimtab.loop import Site
from trimtab.loop.apply import apply
from trimtab.loop.ground.recover import recover
from trimtab.loop.settle import disable, enable, pause, resume, settle, undo, undo_since
from trimtab.model import Decision, Intervention, Risk, Stage, Verdict
from trimtab.world.git import Repository
from trimtab.world.lock import locked

A, B, C = (f"{WORKFLOWS}/{name}.yml" for name in "abc")
AFTER = {path: ours(data) for path, data in FILES.items()}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.make(tmp_path / "repo")


@pytest.fixture
def site(project: Project) -> Site:
    return project.site()


def verdict(decision: Decision) -> Verdict:
    return Verdict(decision, "runner_minutes", -0.2, -0.3, -0.1, 40, 60, "because")


def kinds(site: Site) -> list[str]:
    return [entry.kind for entry in site.journal.entries()]


# ------------------------------------------------------------------------------------ there and back


def test_there_and_back_byte_for_byte(project: Project, site: Site) -> None:
    before = project.everything()
    made = plan(site, project)
    receipt = apply(site, made)
    assert project.files() == AFTER
    assert (receipt.backup, receipt.undo) == (f"{WORKFLOWS}/backup/{made.id}", f"trimtab undo {made.id}")
    assert {p: (project.root / receipt.backup / f"{p[-5:]}.bak").read_bytes() for p in FILES} == FILES
    assert undo(site, made.id) is Stage.UNDONE
    assert (project.everything(), project.modes()) == (before, MODES)
    assert kinds(site) == ["planned", "intent", "receipt", "undo_intent", "undone"]


def test_doing_it_twice_does_it_once(project: Project, site: Site) -> None:
    made = plan(site, project)
    assert apply(site, made) == apply(site, made)
    assert [undo(site, made.id), undo(site, made.id)] == [Stage.UNDONE, Stage.UNDONE]
    assert kinds(site) == ["planned", "intent", "receipt", "undo_intent", "undone"]
    with pytest.raises(RefusedError, match="is undone, so it cannot be applied"):
        apply(site, made)


def test_same_change_again_gets_an_id_of_its_own(project: Project, site: Site) -> None:
    first = plan(site, project)
    assert plan(site, project).id == first.id
    apply(site, first)
    undo(site, first.id)
    second = plan(site, project)
    assert second.id != first.id
    apply(site, second)
    assert project.files() == AFTER


def test_dry_run_writes_nothing(project: Project, site: Site) -> None:
    made = plan(site, project)
    before, entries = project.everything(), site.journal.entries()
    assert apply(site, made, dry_run=True).after == {p: f.after for p, f in zip(FILES, made.files, strict=True)}
    assert (project.everything(), site.journal.entries()) == (before, entries)
    apply(site, made)
    before, entries = project.everything(), site.journal.entries()
    assert undo(site, made.id, dry_run=True) is Stage.APPLIED
    assert (project.everything(), site.journal.entries()) == (before, entries)


def test_file_that_already_holds_the_change(project: Project, site: Site) -> None:
    made = plan(site, project)
    (project.root / A).write_bytes(AFTER[A])
    apply(site, made)
    assert project.files() == AFTER
    undo(site, made.id)
    assert project.files() == FILES


# ------------------------------------------------------------------------------------ what others wrote


@pytest.mark.parametrize("change", [elsewhere, conflicting, lambda _: b""])
def test_file_edited_since_the_plan_is_stale(project: Project, site: Site, change: Callable[[bytes], bytes]) -> None:
    made = plan(site, project)
    project.edit(C, change)
    before = project.everything()
    with pytest.raises(StaleError, match=r"c\.yml changed since change"):
        apply(site, made)
    assert project.everything() == before
    assert stage_of(site, made.id) is Stage.STALE
    (project.root / C).write_bytes(FILES[C])
    apply(site, made)
    assert project.files() == AFTER


def test_later_edits_elsewhere_survive_the_undo(project: Project, site: Site) -> None:
    made = plan(site, project)
    apply(site, made)
    for path in FILES:
        project.edit(path, elsewhere)
    (project.root / B).chmod(0o640)
    assert undo(site, made.id) is Stage.UNDONE
    assert project.files() == {path: elsewhere(data) for path, data in FILES.items()}
    assert project.modes() == MODES | {B: 0o640}


def test_edit_where_our_line_is_conflicts_and_nothing_is_touched(project: Project, site: Site) -> None:
    made = plan(site, project)
    apply(site, made)
    project.edit(B, conflicting)
    before = project.everything()
    for _ in range(2):
        with pytest.raises(ConflictError, match=r"taken out of .github/workflows/b.yml"):
            undo(site, made.id)
        assert project.everything() == before
        assert stage_of(site, made.id) is Stage.CONFLICT
    (project.root / B).write_bytes(AFTER[B])
    assert undo(site, made.id) is Stage.UNDONE
    assert project.files() == FILES


def test_conflict_mended_by_hand_is_undone(project: Project, site: Site) -> None:
    made = plan(site, project)
    apply(site, made)
    project.edit(B, conflicting)
    with pytest.raises(ConflictError):
        undo(site, made.id)
    mended = project.edit(B, lambda data: data.replace(b"    timeout-minutes: 5\r\n", b""))
    assert undo(site, made.id) is Stage.UNDONE
    assert project.files() == FILES | {B: mended}


def test_deleted_file_is_not_brought_back(project: Project, site: Site) -> None:
    made = plan(site, project)
    apply(site, made)
    (project.root / B).unlink()
    assert undo(site, made.id) is Stage.UNDONE
    assert project.files() == {A: FILES[A], C: FILES[C]}
    assert site.journal.state().changes[made.id].why == f"asked for ({B} had been deleted)"


def test_link_put_in_place_of_a_file_is_refused(project: Project, site: Site) -> None:
    made = plan(site, project)
    (project.root / B).rename(project.root / "real.yml")
    (project.root / B).symlink_to("../../real.yml")
    with pytest.raises(RefusedError, match="symbolic link"):
        apply(site, made)
    assert (project.root / "real.yml").read_bytes() == FILES[B]
    assert (project.root / A).read_bytes() == FILES[A]


def test_two_changes_come_off_in_any_order(project: Project, site: Site) -> None:
    first = plan(site, project, minutes=5)
    apply(site, first)
    second = plan(site, project, minutes=6)
    apply(site, second)
    undo(site, first.id)
    assert project.files() == {path: ours(data, 6) for path, data in FILES.items()}
    undo(site, second.id)
    assert project.files() == FILES


def test_dirty_tree_is_left_as_it_is(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    project = Project.make(root)
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-qm", "start")
    (root / "staged.txt").write_text("staged")
    git(root, "add", "staged.txt")
    (root / A).write_bytes(elsewhere(FILES[A]))
    (root / "untracked.txt").write_text("new")
    status = git(root, "status", "--porcelain")
    site = replace(project.site(), repository=Repository.find(root))
    made = plan(site, project)
    apply(site, made)
    listed = git(root, "status", "--porcelain", "--untracked-files=all").splitlines()
    assert sorted(listed) == sorted(["A  staged.txt", f" M {A}", f" M {B}", f" M {C}", "?? untracked.txt"])
    undo(site, made.id)
    assert git(root, "status", "--porcelain") == status


def git(root: Path, *words: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.fileMode=true")
    return subprocess.run(["git", "-C", root, *who, *words], check=True, capture_output=True, text=True).stdout


# ------------------------------------------------------------------------------------ verdicts and brakes


@pytest.mark.parametrize(
    ("decision", "risk", "stage"),
    [
        (Decision.KEEP, Risk.SAFE, Stage.KEPT),
        (Decision.UNDO, Risk.SAFE, Stage.UNDONE),
        (Decision.NO_EFFECT, Risk.SAFE, Stage.KEPT),
        (Decision.NO_EFFECT, Risk.REVIEW, Stage.UNDONE),
        (Decision.WAIT, Risk.SAFE, Stage.APPLIED),
        (Decision.UNVERIFIABLE, Risk.REVIEW, Stage.APPLIED),
    ],
)
def test_verdicts_settle(project: Project, site: Site, decision: Decision, risk: Risk, stage: Stage) -> None:
    made = with_risk(site, plan(site, project), risk)
    apply(site, made)
    assert settle(site, made.id, verdict(decision)) is stage
    assert settle(site, made.id, verdict(decision)) is stage
    assert project.files() == (FILES if stage is Stage.UNDONE else AFTER)
    assert site.journal.state().changes[made.id].verdicts == (verdict(decision),)


def with_risk(site: Site, made: Intervention, risk: Risk) -> Intervention:
    other = replace(made, id=f"{'5afe' if risk is Risk.SAFE else 'badd'}0000", risk=risk)
    site.journal.plan(other, at=STORY)
    return other


def test_kept_change_can_still_be_undone(project: Project, site: Site) -> None:
    made = plan(site, project)
    apply(site, made)
    settle(site, made.id, verdict(Decision.KEEP))
    assert undo(site, made.id) is Stage.UNDONE
    assert project.files() == FILES


def test_paused_applies_nothing_and_still_undoes(project: Project, site: Site) -> None:
    first = plan(site, project, minutes=5)
    apply(site, first)
    second = plan(site, project, minutes=6)
    pause(site, "release week")
    with pytest.raises(RefusedError, match="paused") as refused:
        apply(site, second)
    assert (refused.value.why, refused.value.fix) == ("release week", "trimtab resume")
    assert undo(site, first.id) is Stage.UNDONE
    resume(site)
    third = plan(site, project, minutes=6)
    apply(site, third)


def test_disabled_rule_is_not_applied(project: Project, site: Site) -> None:
    made = plan(site, project)
    disable(site, "set-timeout")
    with pytest.raises(RefusedError, match="switched off"):
        apply(site, made)
    enable(site, "set-timeout")
    apply(site, made)


def test_undo_of_everything_since(project: Project, site: Site) -> None:
    made = {}
    for minutes in (5, 6, 7):
        day = replace(site, now=lambda minutes=minutes: STORY + timedelta(days=minutes))
        made[minutes] = plan(day, project, minutes)
        apply(day, made[minutes])
    middle = project.files()
    project.edit(C, lambda data: data.replace(b"timeout-minutes: 7", b"timeout-minutes: 70"))
    stages = undo_since(site, STORY + timedelta(days=6))
    assert list(stages.items()) == [(made[7].id, Stage.CONFLICT), (made[6].id, Stage.UNDONE)]
    project.edit(C, lambda data: data.replace(b"timeout-minutes: 70", b"timeout-minutes: 7"))
    assert middle != project.files()
    assert set(undo_since(site).values()) == {Stage.UNDONE}
    assert project.files() == FILES


def test_nothing_to_undo(project: Project, site: Site) -> None:
    made = plan(site, project)
    with pytest.raises(UsageError, match="nothing to undo"):
        undo(site, made.id)
    for id in ("", "ffffffff"):
        with pytest.raises(UsageError):
            undo(site, f"{id}x")


# ------------------------------------------------------------------------------------ a world that refuses


def test_second_trimtab_at_work(project: Project, site: Site) -> None:
    made = plan(site, project)
    child = os.fork()
    if child == 0:
        code = 1
        with locked(site.journal.folder, "trimtab undo"):
            try:
                apply(project.site(), made)
            except LockedError as refused:
                code = 0 if f"process {os.getpid()}" in refused.what else 2
        os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert project.files() == FILES


def limited(size: int, act: Callable[[], object]) -> int:
    """Run `act` in a process whose files may not grow beyond `size` bytes; 3 when it was refused."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            act()
            code = 0
        except RefusedError:
            code = 3
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_disk_that_fills_up_loses_nothing(tmp_path: Path) -> None:
    """Limits from where nothing can be written to where all can: each ends refused with everything as it was, or done."""
    codes = set()
    big = {path: data.replace(b"# end", b"# " + b"x" * 50_000) for path, data in FILES.items()}
    for size in (0, 100, 4_096, 49_000, 50_200, 80_000, 200_000, 400_000, 4_000_000):
        project = Project.make(tmp_path / str(size), big)
        site = project.site()
        made = plan(site, project)
        site.journal.database.close()
        code = limited(size, lambda project=project, made=made: apply(project.site(), made))
        codes.add(code)
        recover(project.site())
        after = {path: ours(data) for path, data in big.items()}
        assert project.files() == (after if code == 0 else big), size
        if code == 0:
            code = limited(size, lambda project=project, made=made: undo(project.site(), made.id))
            recover(project.site())
            assert project.files() == (big if stage_of(project.site(), made.id) is Stage.UNDONE else after), size
    assert codes == {0, 3}


def test_tree_that_may_not_be_written_is_refused_whole(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "repo")
    made = plan(project.site(), project)
    for place in (project.root, *project.root.parents):
        if place.owner() == project.root.owner() and place != Path("/"):
            place.chmod(place.stat().st_mode | 0o055)
    gc.collect()  # a state file that nobody holds any more takes its -wal away: now, not while the paths are listed
    for path in project.root.rglob("*"):
        path.chmod(0o777 if ".git" in path.relative_to(project.root).parts[:1] else 0o555 if path.is_dir() else 0o444)
    child = os.fork()
    if child == 0:
        code = 70
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            apply(project.site(), made)
            code = 0
        except RefusedError as refused:
            code = 3 if "you may not write there" in refused.why else 4
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    for path in project.root.rglob("*"):
        path.chmod(0o755)
    assert project.files() == FILES
    assert stage_of(project.site(), made.id) is Stage.PROPOSED


def test_backups_in_the_diff_if_the_team_wants_them(project: Project) -> None:
    site = project.site(Config(backup_in_diff=True))
    made = plan(site, project)
    apply(site, made)
    assert not (project.root / ".git/info/exclude").exists()
    undo(site, made.id)
    site = project.site()
    (project.root / ".git/info/exclude").write_bytes(b"mine")
    apply(site, plan(site, project))
    lines = (project.root / ".git/info/exclude").read_text().splitlines()
    assert lines[0] == "mine"
    assert len(lines) == 3
