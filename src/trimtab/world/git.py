"""
The git repository: what is tracked, what a commit holds and touched, and commits made without touching the user's tree

Only plumbing, with an index of our own: never reset, checkout, stash or clean in a user's tree. Reads run with hooks, file
system monitors and external diff programs switched off, so that a repository under examination cannot start anything.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trimtab.errors import NotARepositoryError, RefusedError
from trimtab.model import Unknown
from trimtab.world.process import Done, environment, run

QUIET = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false"),
    *("-c", "core.pager=cat", "-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "advice.detachedHead=false"),
)
ENV = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_LITERAL_PATHSPECS": "1", "LC_ALL": "C"}
WORKFLOWS = ".github/workflows"


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One file in a commit: mode as git writes it ("100644", "120000" = symbolic link), blob id, size in bytes."""

    mode: str
    blob: str
    size: int


@dataclass(frozen=True, slots=True)
class Repository:
    """One clone with a working tree at `root`; `common_dir` is the git folder that its worktrees share."""

    root: Path
    git_dir: Path
    common_dir: Path

    @classmethod
    def find(cls, path: Path) -> Repository:
        """The repository that holds `path`. Raises NotARepositoryError, or RefusedError when git distrusts its owner."""
        ask = ("rev-parse", "--path-format=absolute", "--show-toplevel", "--absolute-git-dir", "--git-common-dir")
        done = run(("git", *QUIET, *ask), cwd=path, env=environment(ENV))
        if done.code == 0:
            root, git_dir, common_dir = done.text.splitlines()[:3]
            return cls(Path(root), Path(git_dir), Path(common_dir))
        if "dubious ownership" in done.complaint:
            raise RefusedError(
                f"git does not trust {path}: it belongs to another user",
                "reading it could run what its configuration names",
                f"git config --global --add safe.directory {path}",
            )
        raise NotARepositoryError(
            f"no git repository with a working tree at {path}",
            "Trimtab changes workflow files that git tracks",
            "trimtab -C DIR, or trimtab collect --repo owner/name without a clone",
        )

    def git(
        self, *args: str, stdin: bytes | None = None, timeout: float = 120, env: Mapping[str, str] | None = None
    ) -> Done:
        """Run one git command quietly at the root; the exit code is the caller's to judge."""
        whole = environment(ENV | dict(env or {}))
        return run(("git", *QUIET, *args), cwd=self.root, stdin=stdin, timeout=timeout, env=whole)

    def ask(self, *args: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> bytes:
        """What a git command writes. Raises RefusedError quoting git when it fails."""
        done = self.git(*args, stdin=stdin, env=env)
        if done.code != 0:
            raise RefusedError(
                f"git {args[0]} failed in {self.root}", done.complaint, f"git -C {self.root} {' '.join(args[:3])}"
            )
        return done.out

    # ------------------------------------------------------------------------------------ branches and revisions

    def resolve(self, rev: str) -> str | None:
        """The commit id of `rev`, None when there is none."""
        done = self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
        return done.text.strip() if done.code == 0 else None

    def head(self) -> str | None:
        """The commit checked out; None before the first commit."""
        return self.resolve("HEAD")

    def branch(self) -> str | None:
        """The branch checked out; None on a detached head."""
        done = self.git("symbolic-ref", "--quiet", "--short", "HEAD")
        return done.text.strip() if done.code == 0 else None

    def remotes(self) -> tuple[str, ...]:
        return tuple(self.ask("remote").decode().split())

    def default_branch(self, remote: str = "origin") -> str | Unknown:
        """The branch that pull requests go to: what the remote's HEAD says, else its or our only main or master."""
        done = self.git("symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD")
        if done.code == 0:
            return done.text.strip().removeprefix(f"refs/remotes/{remote}/")
        known = set(
            self.ask("for-each-ref", "--format=%(refname)", f"refs/remotes/{remote}", "refs/heads").decode().split()
        )
        for prefix in (f"refs/remotes/{remote}/", "refs/heads/"):
            found = [name for name in ("main", "master", "trunk") if prefix + name in known]
            if len(found) == 1:
                return found[0]
        here = self.branch()
        if here and not self.remotes():
            return here
        return Unknown("no branch is marked as the remote's default", f"git remote set-head {remote} --auto")

    def default_rev(self, remote: str = "origin") -> str | None:
        """The commit that the team's default branch stands at, as far as this clone knows: the remote's before our own."""
        name = self.default_branch(remote)
        if isinstance(name, Unknown):
            return None
        return self.resolve(f"refs/remotes/{remote}/{name}") or self.resolve(f"refs/heads/{name}")

    def remote_url(self, remote: str = "origin") -> str | None:
        done = self.git("remote", "get-url", remote)
        return done.text.strip() if done.code == 0 else None

    def remote_slug(self, remote: str = "origin") -> str | None:
        """`owner/name` of a remote on a GitHub-like host; None for no remote, a path or a file URL."""
        place = remote_place(self.remote_url(remote) or "")
        return place[1] if place else None

    def remote_host(self, remote: str = "origin") -> str | None:
        """The host of that remote ("github.com"), None as above."""
        place = remote_place(self.remote_url(remote) or "")
        return place[0] if place else None

    def fetch(self, remote: str, *refspecs: str) -> Unknown | None:
        """Fetch without tags and without FETCH_HEAD; None when it worked, else Unknown quoting git."""
        args = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", remote, *refspecs)
        ssh = {"GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")}
        done = self.git(*args, timeout=600, env=ssh)
        return None if done.code == 0 else Unknown(f"git fetch {remote}: {done.complaint}", f"git fetch {remote}")

    def fetch_commits(self, remote: str, shas: Sequence[str]) -> frozenset[str]:
        """
        Fetch commits by id, with what they need; no ref moves. Returns those that the remote says it does not have

        Git refuses a whole list for one id that is gone, and names it; any other refusal (offline) ends the attempt.
        """
        gone: set[str] = set()
        for start in range(0, len(shas), 50):
            wanted, tries = list(shas[start : start + 50]), 8
            while wanted and tries:
                refused, tries = self.fetch(remote, *wanted), tries - 1
                if refused is None:
                    break
                named = set(re.findall(r"not our ref ([0-9a-f]{40,64})", refused.why))
                if not named:
                    return frozenset(gone)
                gone |= named
                wanted = [sha for sha in wanted if sha not in named]
        return frozenset(gone)

    def push(self, remote: str, refspec: str, *, expect: str | None) -> Unknown | None:
        """Push one ref if it still stands at `expect` (None = must not exist yet); Unknown quoting git otherwise."""
        target = refspec.partition(":")[2]
        lease = f"--force-with-lease={target}:{expect or ''}"
        ssh = {"GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")}
        done = self.git("push", "--quiet", "--no-verify", lease, remote, refspec, timeout=600, env=ssh)
        return (
            None if done.code == 0 else Unknown(f"git push {remote}: {done.complaint}", f"git push {remote} {refspec}")
        )

    # ------------------------------------------------------------------------------------ files and blobs

    def tracked(self) -> tuple[str, ...]:
        """Paths in the index, sorted, with forward slashes."""
        return tuple(sorted(filter(None, _text(self.ask("ls-files", "-z", "--cached")).split("\0"))))

    def tree(self, rev: str, under: str = "") -> dict[str, TreeFile]:
        """Files of a commit by path, below the folder `under`; empty when the revision or folder does not exist."""
        done = self.git("ls-tree", "-r", "-l", "-z", "--full-tree", rev, *(("--", f"{under}/") if under else ()))
        files = {}
        for line in filter(None, _text(done.out).split("\0")) if done.code == 0 else ():
            about, path = line.split("\t", 1)
            mode, kind, blob, size = about.split()
            if kind == "blob":
                files[path] = TreeFile(mode, blob, int(size))
        return files

    def blobs_at(self, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str | None]:
        """Blob ids of (revision, path) pairs in one process; None where there is no such file or revision."""
        wanted = [place for place in dict.fromkeys(places) if "\n" not in place[0] + place[1]]
        answers = self.check(f"{rev}:{path}" for rev, path in wanted)
        found = {
            place: (answer[0] if answer and answer[1] == "blob" else None)
            for place, answer in zip(wanted, answers, strict=True)
        }
        return {place: found.get(place) for place in places}

    def blob_at(self, rev: str, path: str) -> str | None:
        return self.blobs_at([(rev, path)])[rev, path]

    def contents(self, blobs: Iterable[str], limit: int = 64 << 20) -> dict[str, bytes]:
        """Bytes of blobs by id, in two processes; those that do not exist or exceed `limit` bytes are left out."""
        names = list(dict.fromkeys(blobs))
        fit = [a[0] for a in self.check(names) if a is not None and a[1] == "blob" and a[2] <= limit]
        if not fit:
            return {}
        out = self.ask("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in fit).encode())
        found, at = {}, 0
        for blob in fit:
            end = out.index(b"\n", at)
            size = int(out[at:end].rsplit(b" ", 1)[1])
            found[blob] = out[end + 1 : end + 1 + size]
            at = end + size + 2
        return found

    def content(self, blob: str) -> bytes | None:
        return self.contents([blob]).get(blob)

    def existing(self, revs: Sequence[str]) -> list[str]:
        """Those of `revs` that are commits in this clone, in order."""
        return [rev for rev, answer in zip(revs, self.check(revs), strict=True) if answer and answer[1] == "commit"]

    def check(self, names: Iterable[str]) -> list[tuple[str, str, int] | None]:
        """(id, kind, size) per name from one `cat-file --batch-check`; None where missing."""
        lines = list(names)
        if not lines:
            return []
        out = self.ask(
            "cat-file", "--batch-check", stdin="".join(f"{name}\n" for name in lines).encode("utf-8", "surrogateescape")
        )
        answers: list[tuple[str, str, int] | None] = []
        for line in _text(out).splitlines():
            words = line.rsplit(" ", 2)
            good = len(words) == 3 and words[2].isdigit() and words[1] in {"blob", "commit", "tree", "tag"}
            answers.append((words[0], words[1], int(words[2])) if good else None)
        return answers


def merge_file(current: bytes, base: bytes, other: bytes) -> bytes | None:
    """
    Three-way merge of contents: `current` with what leads from `base` to `other`; None when they conflict

    `git merge-file` works on three plain files in a folder of ours, so no index, checkout or repository is involved.
    Binary contents conflict unless one side is unchanged. Raises RefusedError when git itself fails.
    """
    if current in (base, other) or base == other:
        return other if current == base else current
    with tempfile.TemporaryDirectory(prefix="trimtab-merge-") as folder:
        names = []
        for name, data in (("current", current), ("base", base), ("other", other)):
            names.append(name)
            Path(folder, name).write_bytes(data)
        done = run(("git", *QUIET, "merge-file", "-p", *names), cwd=folder, env=environment(ENV))
    if done.code == 0:
        return done.out
    if 0 < done.code < 128 or b"binary" in done.err.lower():
        return None
    raise RefusedError("git merge-file failed", done.complaint, "git --version")


def blob_id(data: bytes) -> str:
    """The id that git gives these bytes as a blob in a SHA-1 repository (gitformat: "blob SIZE\\0" before the bytes)."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def remote_place(url: str) -> tuple[str, str] | None:
    """
    (host, "owner/name") of a GitHub-like remote URL in its https, ssh or scp-like form; None for anything else

    A host without a dot is an alias from somebody's ssh configuration, and stands for github.com.
    """
    found = re.fullmatch(
        r"(?:(?:https?|ssh|git)://(?:[^@/]+@)?([\w.-]+)(?::\d+)?/|(?:[\w.-]+@)([\w.-]+):)([\w.-]+/[\w.-]+?)(?:\.git)?/?",
        url,
    )
    if not found:
        return None
    host = found[1] or found[2]
    return (host if "." in host or host == "localhost" else "github.com", found[3])


def _text(data: bytes) -> str:
    """Paths are bytes to git; those that are not UTF-8 survive the way there and back."""
    return data.decode("utf-8", "surrogateescape")
