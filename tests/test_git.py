"""What Trimtab asks of git, on real repositories in temporary folders."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from trimtab.errors import NotARepositoryError, RefusedError, StaleError
from trimtab.model import Unknown
from trimtab.world.git import Repository, blob_id, merge_file, remote_place
from trimtab.world.git_changes import files_changed
from trimtab.world.git_write import commit_files, scratch_worktree, update_ref
from trimtab.world.process import run


def git(folder: Path, *args: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    return subprocess.run(
        ("git", *identity, *args), cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q")
    (root / "a b.txt").write_text("one\n")
    (root / ".github/workflows").mkdir(parents=True)
    (root / ".github/workflows/ci.yml").write_bytes(b"on: push\r\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    return Repository.find(root)


def test_find_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(NotARepositoryError, match="no git repository"):
        Repository.find(tmp_path)


def test_find_from_a_folder_inside_and_from_a_worktree(repository: Repository, tmp_path: Path) -> None:
    assert Repository.find(repository.root / ".github") == repository
    git(repository.root, "worktree", "add", "-q", str(tmp_path / "second"))
    second = Repository.find(tmp_path / "second")
    assert (second.root, second.common_dir) == (tmp_path / "second", repository.common_dir)


def test_files_and_blobs_of_a_commit(repository: Repository) -> None:
    path = ".github/workflows/ci.yml"
    assert repository.tracked() == (path, "a b.txt")
    assert set(repository.tree("HEAD", ".github/workflows")) == {path}
    assert repository.tree("HEAD")["a b.txt"].size == 4
    assert repository.tree("nowhere") == {}
    blob = repository.blob_at("HEAD", path)
    assert blob == blob_id(b"on: push\r\n")
    assert repository.content(blob) == b"on: push\r\n"
    assert repository.blob_at("HEAD", "none") is None
    assert repository.blob_at("HEAD", ".github") is None
    assert repository.blobs_at([("HEAD", "a b.txt"), ("f" * 40, path)]) == {
        ("HEAD", "a b.txt"): blob_id(b"one\n"),
        ("f" * 40, path): None,
    }
    assert repository.contents([blob, "f" * 40], limit=4) == {}


def test_files_changed_of_root_push_merge_and_branch(repository: Repository) -> None:
    root = repository.root
    first = repository.head()
    git(root, "checkout", "-qb", "topic")
    (root / "docs.md").write_text("x")
    git(root, "add", ".")
    git(root, "commit", "-qm", "docs")
    (root / "code.py").write_text("x")
    git(root, "add", ".")
    git(root, "commit", "-qm", "code")
    topic = repository.head()
    git(root, "checkout", "-q", "main")
    (root / "a b.txt").write_text("two\n")
    git(root, "commit", "-qam", "second")
    second = repository.head()
    empty = commit_files(repository, second, {}, "nothing")
    assert first and topic and second
    asked = [first, empty, topic, second, "f" * 40]
    assert files_changed(repository, asked, "main") == {
        first: (".github/workflows/ci.yml", "a b.txt"),
        empty: (),
        topic: ("code.py", "docs.md"),  # the whole branch since its merge base
        second: ("a b.txt",),
    }
    git(root, "merge", "-q", "--no-ff", "-m", "merge", "topic")
    merge = repository.head()
    assert merge
    answer = files_changed(repository, [merge, topic], "main")  # of a branch merged since, still all that it changed
    assert answer == {merge: ("code.py", "docs.md"), topic: ("code.py", "docs.md")}


def test_default_branch_from_remote_head_from_names_and_unknown(repository: Repository, tmp_path: Path) -> None:
    assert repository.default_branch() == "main"
    git(tmp_path, "clone", "-q", str(repository.root), "copy")
    copy = Repository.find(tmp_path / "copy")
    assert copy.default_branch() == "main"
    assert copy.default_rev() == repository.head()
    git(copy.root, "remote", "set-head", "origin", "--delete")
    assert copy.default_branch() == "main"
    git(copy.root, "branch", "-q", "-m", "main", "work")
    git(copy.root, "update-ref", "-d", "refs/remotes/origin/main")
    answer = copy.default_branch()
    assert isinstance(answer, Unknown)
    assert answer.command == "git remote set-head origin --auto"


def test_a_commit_beside_a_dirty_tree_leaves_the_tree_alone(repository: Repository) -> None:
    root = repository.root
    (root / "a b.txt").write_text("dirty\n")
    (root / "new.txt").write_text("staged\n")
    git(root, "add", "new.txt")
    os.chmod(root / ".github/workflows/ci.yml", 0o755)
    git(root, "add", ".github/workflows/ci.yml")
    git(root, "commit", "-qm", "mode", ".github/workflows/ci.yml")
    before = git(root, "status", "--porcelain")
    base = repository.head()
    new = commit_files(
        repository, base, {".github/workflows/ci.yml": b"on: pull_request\r\n", "a b.txt": None}, "Change\n\nbody"
    )
    assert git(root, "status", "--porcelain") == before
    assert repository.head() == base
    tree = repository.tree(new)
    assert set(tree) == {".github/workflows/ci.yml"}
    assert tree[".github/workflows/ci.yml"].mode == "100755"
    assert repository.content(tree[".github/workflows/ci.yml"].blob) == b"on: pull_request\r\n"
    assert git(root, "log", "-1", "--format=%B", new) == "Change\n\nbody"


def test_update_ref_is_compare_and_swap(repository: Repository) -> None:
    head = repository.head()
    assert head
    update_ref(repository, "refs/heads/trimtab/1", head, None)
    with pytest.raises(StaleError, match="moved while Trimtab was at work"):
        update_ref(repository, "refs/heads/trimtab/1", head, None)
    other = commit_files(repository, head, {"x": b"1"}, "x")
    update_ref(repository, "refs/heads/trimtab/1", other, head)
    assert repository.resolve("trimtab/1") == other


def test_scratch_worktree_is_gone_afterwards_and_no_hook_ran(repository: Repository) -> None:
    hook = repository.common_dir / "hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {repository.root}/hook-ran\n")
    hook.chmod(0o755)
    head = repository.head()
    assert head
    with scratch_worktree(repository, head) as tree:
        assert (tree / "a b.txt").read_text() == "one\n"
    assert not tree.exists()
    assert not (repository.root / "hook-ran").exists()
    assert len(git(repository.root, "worktree", "list").splitlines()) == 1


def test_git_variables_of_a_running_hook_do_not_reach_our_git(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nonexistent/index")
    assert Repository.find(repository.root).tracked() == (".github/workflows/ci.yml", "a b.txt")


@pytest.mark.parametrize(
    ("current", "base", "other", "merged"),
    [
        (b"a\nb\nc\nd\ne\n", b"a\nb\nc\nd\nE\n", b"A\nb\nc\nd\nE\n", b"A\nb\nc\nd\ne\n"),
        (b"a\nx\n", b"a\nb\n", b"a\nc\n", None),
        (b"a\r\nb\r\nc", b"a\r\nb\r\nc", b"z\r\nb\r\nc", b"z\r\nb\r\nc"),
        (b"user\n", b"same\n", b"same\n", b"user\n"),
        (b"\0bin\1", b"\0bin\2", b"\0bin\3", None),
    ],
)
def test_merge_file(current: bytes, base: bytes, other: bytes, merged: bytes | None) -> None:
    assert merge_file(current, base, other) == merged


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://github.com/o/n.git", ("github.com", "o/n")),
        ("https://token@github.com/o/n", ("github.com", "o/n")),
        ("git@github.com:o/n.git", ("github.com", "o/n")),
        ("ssh://git@ghe.example.org:2222/o/n.x.git", ("ghe.example.org", "o/n.x")),
        ("git@github-work:o/n.git", ("github.com", "o/n")),
        ("/srv/git/o/n.git", None),
        ("file:///srv/o/n.git", None),
        ("https://example.org/a/b/c", None),
        ("", None),
    ],
)
def test_remote_place(url: str, place: tuple[str, str] | None) -> None:
    assert remote_place(url) == place


def test_run_says_what_is_missing_and_ends_what_hangs(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="no-such-program is not on PATH"):
        run(("no-such-program",))
    with pytest.raises(RefusedError, match="did not end within"):
        run(("sh", "-c", "sleep 60 & wait"), timeout=0.2)
    assert run(("cat",), stdin=b"x").out == b"x"
    assert run(("sh", "-c", "echo no >&2; exit 3")).complaint == "no"
