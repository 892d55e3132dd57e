"""
The bytes of the workflow files, from the working tree or from a commit

GitHub reads `.yml` and `.yaml` files that lie directly in `.github/workflows`. Symbolic links, devices and files over
1 MiB are not opened beyond what it takes to say so: workflow files are hostile input.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from trimtab.world.git import WORKFLOWS, Repository

MAX_BYTES = 1 << 20


def in_tree(root: Path) -> Mapping[str, bytes | str]:
    """Workflow files of a working tree by path, in order: bytes (at most 1 MiB and one), or why it was not read."""
    folder = root / WORKFLOWS
    if any(part.is_symlink() for part in (folder, folder.parent)):
        return {WORKFLOWS: "it is behind a symbolic link, which Trimtab does not follow"}
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as found:
        names = sorted(entry.name for entry in found if entry.name.endswith((".yml", ".yaml")))
    return {f"{WORKFLOWS}/{name}": read_regular(folder / name) for name in names}


def at_commit(repository: Repository, rev: str) -> Mapping[str, bytes | str]:
    """The same at a commit."""
    tree = repository.tree(rev, WORKFLOWS)
    files = {p: f for p, f in sorted(tree.items()) if p.endswith((".yml", ".yaml")) and p.count("/") == 2}
    wanted = [f.blob for f in files.values() if f.mode != "120000" and f.size <= MAX_BYTES]
    contents = repository.contents(wanted)
    told: dict[str, bytes | str] = {}
    for path, file in files.items():
        if file.mode == "120000":
            told[path] = "it is a symbolic link, which Trimtab does not follow"
        else:
            told[path] = contents.get(file.blob, f"it has {file.size:,} bytes; more than {MAX_BYTES:,} are not read")
    return told


def read_regular(path: Path, limit: int = MAX_BYTES) -> bytes | str:
    """At most `limit` + 1 bytes of a regular file, else why it was not read; never follows a link, never waits for a pipe."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        link = path.is_symlink()
        return (
            "it is a symbolic link, which Trimtab does not follow" if link else f"it cannot be read: {error.strerror}"
        )
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return "it is no regular file"
    with os.fdopen(handle, "rb") as file:
        return file.read(limit + 1)
