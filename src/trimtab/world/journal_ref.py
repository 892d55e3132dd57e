"""
The journal as a git ref, so that every clone of a team sees one truth: `refs/trimtab/journal`

A ref outside `refs/heads` starts no workflow and shows up in no branch list. Its commits hold the journal as files, whose
names are hashes of their contents: two journals merge by union, without conflicts. A push is compare-and-swap; who loses
fetches, merges and pushes again. Whoever may push to the repository may write to it: entries are checked by the reader.
"""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.model import Unknown
from trimtab.world.git import Repository
from trimtab.world.git_write import commit_files

REF = "refs/trimtab/journal"

AUTHOR = ("trimtab", "trimtab@localhost")


def fetched(repository: Repository, remote: str) -> str | Unknown | None:
    """The commit that the remote's journal stands at, fetched; None when it has none; Unknown when it cannot be asked."""
    listed = repository.git("ls-remote", "--quiet", remote, REF, timeout=120)
    if listed.code != 0:
        return Unknown(f"git ls-remote {remote}: {listed.complaint}", f"git ls-remote {remote}")
    if not listed.out.strip():
        return None
    refused = repository.fetch(remote, f"+{REF}:{REF}")
    return refused if refused is not None else repository.resolve(REF)


def names(repository: Repository, commit: str | None) -> Mapping[str, str]:
    """Blob ids of the journal's files at a commit, by name; empty for None."""
    return {name: file.blob for name, file in repository.tree(commit).items()} if commit else {}


def files(repository: Repository, blobs: Mapping[str, str]) -> dict[str, bytes]:
    """The bytes of journal files from `names`."""
    contents = repository.contents(blobs.values())
    return {name: contents[blob] for name, blob in blobs.items() if blob in contents}


def add(repository: Repository, base: str | None, new: Mapping[str, bytes]) -> str:
    """A commit on top of `base` that adds files; no ref moves."""
    return commit_files(repository, base, new, f"trimtab: {len(new)} journal files\n", identity=AUTHOR)


def push(repository: Repository, remote: str, commit: str, expect: str | None) -> Unknown | None:
    """Make `commit` the remote's journal if that still stands at `expect`; None when it worked."""
    return repository.push(remote, f"{commit}:{REF}", expect=expect)
