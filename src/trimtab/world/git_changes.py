"""
Which files a commit, or a pull request's head, touched: for many commits at once, in a handful of processes
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from trimtab.world.git import Repository

HOST_MAIL = "noreply@github.com"
_PAIR = re.compile(r"([0-9a-f]{40,64}) ([0-9a-f]{40,64})\n")


def files_changed(
    repository: Repository, shas: Sequence[str], default: str | None = None
) -> dict[str, tuple[str, ...]]:
    """
    Paths that each commit touched; commits that this clone does not have are left out

    A commit on the first-parent line of the branch `default` is compared with its first parent, so a merge gives what it
    brought. Any other one, such as a pull request's head, is compared with the point where its branch left that line (of a
    branch merged since: where it left before the merge): all that the branch changed up to there.
    """
    here = repository.existing(list(dict.fromkeys(shas)))
    tip = repository.resolve(default) if default else None
    line = line_of(repository, tip, here) if here and tip else None
    bases = {sha: f"{sha}^" if line is None or sha in line.first else line.base(sha) or f"{sha}^" for sha in here}
    trees = repository.check(f"{base}^{{tree}}" for base in bases.values())
    empty = repository.ask("hash-object", "-t", "tree", "--stdin", stdin=b"").decode().strip() if here else ""
    return _between(repository, {sha: (tree[0] if tree else empty) for sha, tree in zip(bases, trees, strict=True)})


class Line:
    """
    A branch in memory: its first-parent line, and where each commit beside it came in

    `first` holds the line's commits with their place on it, oldest first; `_came` the place at which any commit of the
    branch became part of it, which is its own place or that of the merge that brought it.
    """

    def __init__(self, repository: Repository, tip: str, parents: Mapping[str, Sequence[str]]) -> None:
        self.repository, self.tip, self.parents = repository, tip, parents
        down: list[str] = []
        at: str | None = tip
        while at is not None:
            down.append(at)
            at = next(iter(parents.get(at, ())), None)
        self.first = {sha: place for place, sha in enumerate(reversed(down))}
        self._came = dict(self.first)
        for merge, place in self.first.items():  # oldest first: a commit belongs to the merge that brought it
            waiting = list(parents.get(merge, ())[1:])
            while waiting:
                sha = waiting.pop()
                if sha not in self._came:
                    self._came[sha] = place
                    waiting.extend(parents.get(sha, ()))

    def base(self, sha: str) -> str | None:
        """
        The commit at which the branch of `sha` left this one: its merge base with the tip, or, when it was merged since,
        with the line as it stood before the merge; None when they have none

        Walked in memory, for thousands of commits; git is asked only where criss-cross merges leave several candidates.
        """
        until = self._came[sha] if sha in self._came else len(self.first)
        found: set[str] = set()
        seen = {sha}
        waiting = [sha]
        while waiting:
            at = waiting.pop()
            if self._came.get(at, until) < until:
                found.add(at)
                continue
            new = [parent for parent in self.parents.get(at, ()) if parent not in seen]
            seen.update(new)
            waiting += new
        return found.pop() if len(found) == 1 else self._best(sha, until) if found else None

    def _best(self, sha: str, until: int) -> str | None:
        before = self.tip if until == len(self.first) else next(c for c, n in self.first.items() if n == until - 1)
        done = self.repository.git("merge-base", before, sha)
        return done.text.strip() if done.code == 0 else None


def line_of(repository: Repository, tip: str, heads: Sequence[str] = ()) -> Line:
    """The branch that ends at the commit id `tip`, with the commits from which `heads` (ids that exist here) come."""
    asked = "".join(f"{sha}\n" for sha in (tip, *heads)).encode()
    rows = (
        line.split(" ")
        for line in repository.ask("rev-list", "--parents", "--stdin", stdin=asked).decode().splitlines()
    )
    return Line(repository, tip, {row[0]: row[1:] for row in rows})


def _between(repository: Repository, bases: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Paths that differ between each base tree and its commit's tree, from one `diff-tree --stdin`."""
    if not bases:
        return {}
    trees = repository.check(f"{sha}^{{tree}}" for sha in bases)
    tips = {sha: tree[0] for sha, tree in zip(bases, trees, strict=True) if tree}
    paths: dict[tuple[str, str], list[str]] = {(bases[sha], tree): [] for sha, tree in tips.items()}
    options = ("--stdin", "-r", "-z", "--name-only", "--no-renames", "--no-ext-diff")
    asked = "".join(f"{base} {tree}\n" for base, tree in paths)
    out = repository.ask("diff-tree", *options, stdin=asked.encode()).decode("utf-8", "surrogateescape")
    now: list[str] = []
    for part in out.split("\0"):
        while header := _PAIR.match(part):  # "BASE TREE\n" stands before a pair's first path, or before the next pair's
            now, part = paths[header[1], header[2]], part[header.end() :]
        if part:
            now.append(part)
    return {sha: tuple(paths[bases[sha], tree]) for sha, tree in tips.items()}


@dataclass(frozen=True, slots=True)
class Version:
    """Some files as a branch held them from one time on: blob ids by path, without those that did not exist."""

    at: datetime
    blobs: Mapping[str, str]
    by_host: bool = False  # committed by GitHub itself (a merge button), so that `at` is when it reached the branch


def versions(repository: Repository, tip: str, paths: Sequence[str], since: datetime) -> list[Version]:
    """
    How `paths` stood on the first-parent line of `tip` after each commit since then that touched them, oldest first

    The last one is how they stand now, also when no commit touched them since. At most the last 500 are looked at.
    """
    commits = _touching(repository, tip, paths)
    recent = [commit for commit in commits if commit[1] >= since]
    return _versions(repository, recent[::-1] or commits[:1] or [(tip, since, False)], paths)


def versions_between(repository: Repository, base: str, tip: str, path: str) -> list[Version]:
    """The versions of one file that the first-parent line brought after `base`, oldest first."""
    return _versions(repository, _touching(repository, f"{base}..{tip}", [path])[::-1], [path])


def versions_on(repository: Repository, tip: str, path: str) -> list[tuple[str, Version]]:
    """The versions of one file on the first-parent line of `tip`, oldest first, with the commit that brought each."""
    commits = _touching(repository, tip, [path])[::-1]
    return list(zip((sha for sha, _, _ in commits), _versions(repository, commits, [path]), strict=True))


def _touching(repository: Repository, revs: str, paths: Sequence[str]) -> list[tuple[str, datetime, bool]]:
    """(commit, committed at, by the host) of the commits that touched `paths`, newest first."""
    options = ("--first-parent", "-m", "--max-count=500", "--format=%H %ct %ce")
    out = repository.ask("log", *options, revs, "--", *paths).decode("utf-8", "replace")
    rows = [line.split(" ", 2) for line in out.splitlines() if line]
    return [(sha, datetime.fromtimestamp(int(at), UTC), mail == HOST_MAIL) for sha, at, mail in rows]


def _versions(
    repository: Repository, commits: Sequence[tuple[str, datetime, bool]], paths: Sequence[str]
) -> list[Version]:
    found = repository.blobs_at([(sha, path) for sha, _, _ in commits for path in paths])
    return [
        Version(at, {path: blob for path in paths if (blob := found[sha, path]) is not None}, by_host)
        for sha, at, by_host in commits
    ]
