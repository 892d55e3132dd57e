"""
The ways back without a verdict: to the last green version, from a backup, and by a shell script without Trimtab
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from crashing import FILES, STORY, WORKFLOWS, Project, ours, plan
from trimtab.errors import UsageError
from trimtab.loop import Site
from trimtab.loop.apply import apply
from trimtab.loop.settle import undo
from trimtab.loop.settle.restore import backups, recipe, restore, undo_to_last_green
from trimtab.model import Intervention, Run, Stage, Unknown
from trimtab.world.backups import FOLDER, Backup, restores
from trimtab.world.files import sha256
from trimtab.world.git import Repository

A, B, C = (f"{WORKFLOWS}/{name}.yml" for name in "abc")


def git(root: Path, *words: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    return subprocess.run(["git", "-C", root, *who, *words], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.make(tmp_path / "repo")
    git(made.root, "init", "-q", "-b", "main")
    return made


@pytest.fixture
def site(project: Project) -> Site:
    return replace(project.site(), repository=Repository.find(project.root))


def commit(project: Project, data: bytes) -> str:
    (project.root / A).write_bytes(data)
    git(project.root, "add", A)
    git(project.root, "commit", "-qm", "x")
    return git(project.root, "rev-parse", "HEAD")


def run(n: int, sha: str, conclusion: str = "success", **about: object) -> Run:
    at = STORY + timedelta(hours=n)
    return replace(Run(n, 1, A, conclusion, at, at, at, "push", "main", sha), **about)


# ------------------------------------------------------------------------------------ the last green version


def test_back_to_the_last_green_version(project: Project, site: Site) -> None:
    green, red = commit(project, b"on: push\n# green\n"), commit(project, b"on: push\n# red\n")
    other = commit(project, b"on: push\n# on a branch\n")
    commit(project, b"on: push\n# now\n")
    site.ledger.add_runs(
        [
            run(1, green),
            run(2, red, "failure"),
            run(3, other, branch="topic"),
            run(4, other, event="pull_request"),  # a fork may call its branch main
            run(5, other, fork=True),
            run(6, "f" * 40),  # a commit that this clone does not have
        ]
    )
    (project.root / A).write_bytes(b"on: push\n# now, and not committed\n")
    drafted = undo_to_last_green(site, "a.yml", dry_run=True)
    assert site.journal.entries() == ()
    made = undo_to_last_green(site, "a.yml")
    assert isinstance(made, Intervention)
    assert isinstance(drafted, Intervention)
    assert made.id == drafted.id
    assert (project.root / A).read_bytes() == b"on: push\n# green\n"
    assert made.says == f"put {A} back to what ran green in run 1 of 2026-03-01"
    again = undo_to_last_green(site, A)
    assert isinstance(again, Unknown)
    assert "nothing to take back" in again.why
    assert undo(site, made.id) is Stage.UNDONE
    assert (project.root / A).read_bytes() == b"on: push\n# now, and not committed\n"


def test_blob_that_the_run_executed_counts_when_it_is_known(project: Project, site: Site) -> None:
    old = commit(project, b"on: push\n# old\n")
    blob = git(project.root, "rev-parse", f"{old}:{A}")
    commit(project, b"on: push\n# new\n")
    site.ledger.add_runs([run(1, "f" * 40, blob=blob)])
    assert isinstance(undo_to_last_green(site, A), Intervention)
    assert (project.root / A).read_bytes() == b"on: push\n# old\n"


def test_no_green_run_is_unknown(project: Project, site: Site) -> None:
    sha = commit(project, b"on: push\n")
    assert undo_to_last_green(site, A) == Unknown(f"no runs of {A} were collected yet", "trimtab collect")
    site.ledger.add_runs([run(1, sha, "failure")])
    assert undo_to_last_green(site, A) == Unknown(f"0 runs of {A} were green on main", "trimtab collect")


# ------------------------------------------------------------------------------------ backups


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("ci.yml.bak", "ci.yml"),
        ("ci.yaml", "ci.yaml"),
        ("ci.yml.backup", "ci.yml"),
        ("ci.yml.bak.20240131", "ci.yml"),
        ("ci.yml.2024-01-31T10:00:00Z", "ci.yml"),
        ("ci.yml~", "ci.yml"),
        ("notes.txt", None),
        ("ci.yml.exe", None),
    ],
)
def test_names_of_other_peoples_copies(name: str, target: str | None) -> None:
    assert restores(f"{FOLDER}/2024/{name}") == (target and f"{WORKFLOWS}/{target}")


def foreign(project: Project, name: str, data: bytes) -> str:
    place = project.root / FOLDER / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return f"{FOLDER}/{name}"


def test_every_copy_is_listed_and_other_peoples_stay(project: Project, site: Site) -> None:
    theirs = foreign(project, "ci.yml.bak", b"theirs")
    odd = foreign(project, "old/readme", b"?")
    made = plan(site, project)
    apply(site, made)
    own = [Backup(f"{FOLDER}/{made.id}/{p[-5:]}.bak", p, sha256(data), made.id) for p, data in FILES.items()]
    others = [Backup(theirs, f"{WORKFLOWS}/ci.yml", sha256(b"theirs"), None), Backup(odd, None, sha256(b"?"), None)]
    assert backups(site) == tuple(sorted(own + others, key=lambda backup: backup.path))
    undo(site, made.id)
    assert backups(site) == tuple(others)


def test_copy_or_manifest_that_was_changed_is_nobodys(project: Project, site: Site) -> None:
    made = plan(site, project)
    apply(site, made)
    (project.root / FOLDER / made.id / "a.yml.bak").write_bytes(b"changed")
    assert [backup.intervention for backup in backups(site)] == [None, made.id, made.id]
    (project.root / FOLDER / made.id / "manifest.json").write_bytes(b'{"files": [{"backup": 1}]}')
    assert [backup.intervention for backup in backups(site)] == [None, None, None]
    undo(site, made.id)
    assert project.files() == FILES
    assert (project.root / FOLDER / made.id / "a.yml.bak").read_bytes() == b"changed"


def test_restoring_a_copy_is_a_change_that_can_be_undone(project: Project, site: Site) -> None:
    copy = foreign(project, "a.yml.bak", b"on: push\n# from long ago\n")
    made = restore(site, copy)
    assert (project.root / A).read_bytes() == b"on: push\n# from long ago\n"
    undo(site, made.id)
    assert (project.root / A).read_bytes() == FILES[A]
    for wrong in (f"{FOLDER}/nothing.yml.bak", A, foreign(project, "readme", b"?")):
        with pytest.raises(UsageError):
            restore(site, wrong)


# ------------------------------------------------------------------------------------ without Trimtab


def follow(project: Project, script: str) -> str:
    """Run the recipe as a person would, with sh and a PATH that holds git and coreutils only."""
    env = {"PATH": os.defpath + ":/usr/local/bin", "HOME": str(project.root)}
    done = subprocess.run(
        ["sh"], input=script, cwd=project.root / ".github", env=env, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_recipe_brings_every_file_back(project: Project, site: Site) -> None:
    theirs = foreign(project, "it's old/d.yml.bak", b"theirs")
    foreign(project, "a.yml.bak", b"older than our own copy")
    for days, minutes in enumerate((5, 6, 7)):
        day = replace(site, now=lambda days=days: STORY + timedelta(days=days))
        apply(day, plan(day, project, minutes))
    (project.root / A).write_bytes(b"edited since")
    modes = project.modes()
    said = follow(project, recipe(site))
    assert project.files() == FILES
    assert project.modes() == modes
    assert (project.root / WORKFLOWS / "d.yml").read_bytes() == (project.root / theirs).read_bytes()
    kept = project.root / said.strip().rpartition("lies in ")[2]
    assert (kept / A).read_bytes() == b"edited since"
    assert (kept / B).read_bytes() == ours(ours(ours(FILES[B], 5), 6), 7)


def test_recipe_takes_from_git_what_is_missing(project: Project, site: Site) -> None:
    git(project.root, "add", ".")
    git(project.root, "commit", "-qm", "start")
    made = plan(site, project)
    apply(site, made)
    script = recipe(site)
    shutil.rmtree(project.root / FOLDER)
    follow(project, script)
    assert project.files() == FILES


def test_recipe_without_backups_does_nothing(project: Project, site: Site) -> None:
    before = project.files()
    follow(project, recipe(site))
    assert project.files() == before
