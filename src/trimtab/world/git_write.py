"""
Commits made beside the user's tree: an index of our own, plumbing only, and compare-and-swap on the branch

The user's index, working tree and checked-out branch are never touched; a commit exists as soon as its objects do, and a ref
moves only from where we saw it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from trimtab.errors import RefusedError, StaleError
from trimtab.world.git import Repository

FALLBACK = ("trimtab", "trimtab@localhost")  # where the user set no identity, as on a fresh runner
ZERO = "0" * 40


def commit_files(
    repository: Repository,
    base: str | None,
    files: Mapping[str, bytes | None],
    message: str,
    *,
    whole: bool = False,
    identity: tuple[str, str] | None = None,
    when: datetime | None = None,
) -> str:
    """
    Commit `files` (path -> bytes, None = remove) on top of `base` and return the new commit's id; no ref moves

    Modes are kept, new files get 100644. `whole`: the tree holds nothing but `files`. `base` None makes a root commit.
    `identity` (name, e-mail) replaces the user's own; with `when` the same commit made twice has the same id. Raises
    RefusedError when git refuses.
    """
    with tempfile.TemporaryDirectory(prefix="trimtab-index-") as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder, "index")), **_identity(repository, identity)}
        if when is not None:
            env |= dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"@{int(when.timestamp())} +0000")
        old = repository.tree(base) if base else {}
        if base and not whole:
            repository.ask("read-tree", base, env=env)
        lines = []
        for path, data in files.items():
            if data is None:
                lines.append(f"0 {ZERO}\t{path}")
                continue
            blob = repository.ask("hash-object", "-w", "--stdin", stdin=data).decode().strip()
            mode = old[path].mode if path in old else "100644"
            if mode == "120000":
                raise RefusedError(
                    f"{path} is a symbolic link", "Trimtab writes regular files only", f"git ls-tree {base}"
                )
            lines.append(f"{mode} {blob}\t{path}")
        info = "".join(f"{line}\0" for line in lines).encode("utf-8", "surrogateescape")
        repository.ask("update-index", "-z", "--index-info", stdin=info, env=env)
        tree = repository.ask("write-tree", env=env).decode().strip()
        parents = ("-p", base) if base else ()
        return (
            repository.ask("commit-tree", tree, *parents, "-F", "-", stdin=message.encode(), env=env).decode().strip()
        )


def update_ref(repository: Repository, ref: str, new: str, old: str | None) -> None:
    """Move a full ref name to `new` if it stands at `old` (None = does not exist). Raises StaleError when it moved."""
    done = repository.git("update-ref", "-m", "trimtab", ref, new, old or ZERO)
    if done.code != 0:
        raise StaleError(f"{ref} moved while Trimtab was at work", done.complaint, "run the same command again")


def delete_ref(repository: Repository, ref: str, old: str) -> None:
    """Remove a ref if it still stands at `old`. Raises StaleError otherwise."""
    done = repository.git("update-ref", "-d", ref, old)
    if done.code != 0:
        raise StaleError(f"{ref} moved while Trimtab was at work", done.complaint, "run the same command again")


@contextmanager
def scratch_worktree(repository: Repository, commit: str) -> Iterator[Path]:
    """A worktree of `commit` in a folder of ours, gone at the end; no hook runs while it is made."""
    folder = Path(tempfile.mkdtemp(prefix="trimtab-tree-"))
    tree = folder / repository.root.name
    try:
        repository.ask("worktree", "add", "--quiet", "--detach", str(tree), commit)
        yield tree
    finally:
        repository.git("worktree", "remove", "--force", str(tree))
        shutil.rmtree(folder, ignore_errors=True)
        repository.git("worktree", "prune")


def _identity(repository: Repository, identity: tuple[str, str] | None) -> dict[str, str]:
    """Author and committer for commit-tree: the one given, the user's (nothing to set), or the fallback."""
    if identity is None:
        known = (
            repository.git("var", "GIT_AUTHOR_IDENT").code == 0
            and repository.git("var", "GIT_COMMITTER_IDENT").code == 0
        )
        if known or "GIT_AUTHOR_EMAIL" in os.environ:
            return {}
    name, email = identity or FALLBACK
    return {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", name), ("EMAIL", email))
    }
