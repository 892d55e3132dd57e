"""
Files are replaced whole or not at all, inside the repository only, and only over the bytes that were expected
"""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from trimtab.errors import HostileFileError, RefusedError, StaleError, UsageError
from trimtab.world.files import WorkTree, sha256

CI = ".github/workflows/ci.yml"
OLD, NEW = b"on: push\r\n# no newline at the end", b"on: pull_request\n"


@pytest.fixture
def tree(tmp_path: Path) -> WorkTree:
    root = tmp_path / "repo"
    (root / ".github/workflows").mkdir(parents=True)
    (root / CI).write_bytes(OLD)
    return WorkTree(root)


def names(tree: WorkTree) -> list[str]:
    return sorted(os.listdir(tree.root / ".github/workflows"))


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755, 0o664])
def test_mode_is_kept_and_nothing_is_left_over(tree: WorkTree, mode: int) -> None:
    (tree.root / CI).chmod(mode)
    tree.write(CI, NEW, sha256(OLD))
    assert tree.read(CI) == NEW
    assert stat.S_IMODE((tree.root / CI).stat().st_mode) == mode
    assert names(tree) == ["ci.yml"]


@pytest.mark.parametrize("expect", [sha256(b"something else"), None])
def test_other_bytes_than_expected_are_left_alone(tree: WorkTree, expect: str | None) -> None:
    with pytest.raises(StaleError):
        tree.write(CI, NEW, expect)
    assert (tree.read(CI), names(tree)) == (OLD, ["ci.yml"])


def test_file_that_is_gone_is_not_brought_back(tree: WorkTree) -> None:
    (tree.root / CI).unlink()
    with pytest.raises(StaleError):
        tree.write(CI, NEW, sha256(OLD))
    assert names(tree) == []
    assert tree.look(CI) is None
    with pytest.raises(RefusedError, match="is not there"):
        tree.read(CI)


def test_new_file_in_new_folders(tree: WorkTree) -> None:
    tree.write(".github/workflows/backup/c0ffee00/ci.yml.bak", OLD, None)
    assert tree.read(".github/workflows/backup/c0ffee00/ci.yml.bak") == OLD
    assert tree.remove(".github/workflows/backup/c0ffee00/ci.yml.bak", sha256(NEW)) is False
    assert tree.remove_folder(".github/workflows/backup/c0ffee00") is False
    assert tree.remove(".github/workflows/backup/c0ffee00/ci.yml.bak", sha256(OLD)) is True
    assert tree.remove_folder(".github/workflows/backup/c0ffee00") is True


@pytest.mark.parametrize(
    "path",
    [
        "../x.yml",
        "/etc/passwd",
        ".github/../../x",
        "",
        "a//b",
        "./a",
        ".git/config",
        ".GIT/hooks/x",
        "a/.git/x",
        "a\0b",
    ],
)
def test_paths_outside_are_refused(tree: WorkTree, path: str) -> None:
    for act in (lambda: tree.look(path), lambda: tree.write(path, NEW, None)):
        with pytest.raises(UsageError, match="no path inside"):
            act()


def _link_file(root: Path) -> None:
    (root / "target.yml").write_bytes(OLD)
    (root / CI).unlink()
    (root / CI).symlink_to("../../target.yml")


def _link_folder(root: Path) -> None:
    (root / ".github/workflows").rename(root / "elsewhere")
    (root / ".github/workflows").symlink_to("../elsewhere")


def _link_top(root: Path) -> None:
    (root / ".github").rename(root.parent / "outside")
    (root / ".github").symlink_to(root.parent / "outside")


def _pipe(root: Path) -> None:
    (root / CI).unlink()
    os.mkfifo(root / CI)


def _folder(root: Path) -> None:
    (root / CI).unlink()
    (root / CI).mkdir()


@pytest.mark.parametrize("trap", [_link_file, _link_folder, _link_top, _pipe, _folder])
def test_links_and_what_is_no_file_are_refused(tree: WorkTree, trap: Callable[[Path], None]) -> None:
    trap(tree.root)
    for act in (lambda: tree.look(CI), lambda: tree.write(CI, NEW, sha256(OLD))):
        with pytest.raises(RefusedError, match="symbolic link"):
            act()
    assert NEW not in [p.read_bytes() for p in tree.root.parent.rglob("*") if p.is_file()]


def test_huge_file_is_not_read(tree: WorkTree) -> None:
    with open(tree.root / CI, "wb") as file:
        file.truncate(50 << 20)
    with pytest.raises(HostileFileError, match="larger than 1 MiB"):
        tree.look(CI)


def test_leftovers_are_swept_and_nothing_else(tree: WorkTree) -> None:
    tree.stage(CI, NEW, "c0ffee001234")
    (tree.root / ".github/workflows/.mine.swp").write_bytes(b"mine")
    assert tree.leftovers(".github/workflows") == (".github/workflows/.ci.yml.trimtab-c0ffee001234",)
    tree.sweep(".github/workflows")
    assert names(tree) == [".mine.swp", "ci.yml"]


def in_child(act: Callable[[], None]) -> str:
    """Run `act` in a process of its own and return what it was refused with, as "what | why | fix"."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        text = "not refused"
        try:
            act()
        except RefusedError as refusal:
            text = f"{refusal.what} | {refusal.why} | {refusal.fix}"
        except BaseException as error:  # noqa: BLE001 - a child must not run the rest of the tests
            text = repr(error)
        os.write(write, text.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(child, 0)
    return text


def test_disk_that_takes_no_more(tree: WorkTree) -> None:
    """The kernel's own limit on file size stands in for a full disk; tests/real has a full one."""

    def act() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        tree.write(CI, b"x" * 1000, sha256(OLD))

    assert "nothing of yours was changed or lost" in in_child(act)
    assert (tree.read(CI), names(tree)) == (OLD, ["ci.yml"])


def test_tree_that_may_not_be_written(tree: WorkTree) -> None:
    folder = tree.root / ".github/workflows"
    folder.chmod(0o555)
    for place in (tree.root, *tree.root.parents):
        if place.owner() == folder.owner() and place != Path("/"):
            place.chmod(place.stat().st_mode | 0o055)

    def act() -> None:
        if os.geteuid() == 0:
            os.setuid(65534)  # root may write everywhere
        tree.write(CI, NEW, sha256(OLD))

    assert "you may not write there" in in_child(act)
    folder.chmod(0o755)
    assert (tree.read(CI), names(tree)) == (OLD, ["ci.yml"])
