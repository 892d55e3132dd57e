"""
Replace several files at once, or none, and survive being killed at any point

All new contents are laid ready beside their targets first; then that is written down (`ready`); then they are renamed one by
one, each only over the bytes that were expected. So for every file one can tell afterwards, without guessing, whether the
rename took place: the content says so, and if somebody has edited the file since, the absence of what was laid ready does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from trimtab.errors import RefusedError, StaleError
from trimtab.model import PlannedFile
from trimtab.world.files import WorkTree, sha256
from trimtab.world.git import merge_file


@dataclass(frozen=True, slots=True)
class Write:
    """One file to be replaced: sha256 of the bytes expected in it and of the bytes to write."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Takeback:
    """What would take a change out of the files: the writes, new contents by sha256, and the files where it cannot be."""

    writes: tuple[Write, ...]
    contents: tuple[bytes, ...]
    conflicts: tuple[str, ...]
    gone: tuple[str, ...]


Content = Callable[[str], bytes]  # the bytes with this sha256; it raises RefusedError when they are not known


def stage(tree: WorkTree, writes: Sequence[Write], content: Content, token: str) -> None:
    """Lay all new contents ready. When that fails nothing is left behind and no target was touched."""
    try:
        for write in writes:
            tree.stage(write.path, content(write.after), token)
    except BaseException:
        unstage(tree, writes, token)
        raise


def swap(tree: WorkTree, writes: Sequence[Write], token: str) -> None:
    """Rename what lies ready over its targets, in order. StaleError at the first one that holds other bytes."""
    for write in writes:
        tree.swap(write.path, token, write.before)


def unstage(tree: WorkTree, writes: Sequence[Write], token: str) -> None:
    for write in writes:
        tree.unstage(write.path, token)


def all_renamed(tree: WorkTree, writes: Sequence[Write], token: str, ready: bool) -> bool:
    """Whether every file was replaced, even if it was edited since. `ready`: all contents had been laid ready."""
    return all(_renamed(tree, write, token, ready) for write in writes)


def put_back(tree: WorkTree, writes: Sequence[Write], content: Content, token: str, ready: bool) -> tuple[str, ...]:
    """
    Take back those writes that took place; returns the files where an edit since then stands in the way

    A file that somebody edited after our rename keeps the edit and loses our part; one that we never reached is left.
    """
    conflicts = []
    for write in reversed(writes):
        found = _look(tree, write.path)
        if isinstance(found, bytes) and not _renamed(tree, write, token, ready, sha256(found)):
            continue
        if not _lead(tree, write.path, found, content(write.after), content(write.before)):
            conflicts.append(write.path)
    return tuple(conflicts)


def stage_rest(tree: WorkTree, writes: Sequence[Write], content: Content, token: str) -> None:
    """Lay ready what an interrupted `stage` did not get to; a file that is gone, or no plain file any more, needs none."""
    stage(tree, [write for write in writes if isinstance(_look(tree, write.path), bytes)], content, token)


def carry_on(tree: WorkTree, writes: Sequence[Write], content: Content, token: str) -> tuple[str, ...]:
    """
    Finish writes whose contents all lie ready or were renamed; returns the files where an edit since stands in the way

    A file that somebody edited before our rename gets our part merged in, one edited after it is left.
    """
    conflicts = []
    for write in writes:
        found = _look(tree, write.path)
        if _holds(found, write.before) and tree.staged(write.path, token):
            try:
                tree.swap(write.path, token, write.before)
                continue
            except StaleError:
                found = _look(tree, write.path)  # somebody wrote to it just now
        if isinstance(found, bytes) and _renamed(tree, write, token, True, sha256(found)):
            continue
        if not _lead(tree, write.path, found, content(write.before), content(write.after)):
            conflicts.append(write.path)
    return tuple(conflicts)


def takeback(
    tree: WorkTree, files: Sequence[PlannedFile], content: Content, conflicted: Mapping[str, str] = MappingProxyType({})
) -> Takeback:
    """
    How to take a change out of the files as they are now: exactly, or by a three-way merge with later edits

    `conflicted` are the sha256 of files in which that failed before: one that was edited since, and in which no line of ours
    is left, was mended by hand.
    """
    writes: list[Write] = []
    contents: list[bytes] = []
    conflicts: list[str] = []
    gone: list[str] = []
    for file in files:
        found, before, after = _look(tree, file.path), content(file.before), content(file.after)
        if found is None:
            gone.append(file.path)
            continue
        wanted = None if isinstance(found, RefusedError) else _merged(found, after, before)
        if wanted is None and isinstance(found, bytes) and conflicted.get(file.path, sha256(found)) != sha256(found):
            wanted = found if _without(found, before, after) else None
        if wanted is None or isinstance(found, RefusedError):
            conflicts.append(file.path)
        elif wanted != found:
            writes.append(Write(file.path, sha256(found), sha256(wanted)))
            contents += [found, wanted]
    return Takeback(tuple(writes), tuple(contents), tuple(conflicts), tuple(gone))


def hashes(tree: WorkTree, paths: Sequence[str]) -> dict[str, str]:
    """sha256 of those files that are there and can be read."""
    found = {path: _look(tree, path) for path in paths}
    return {path: sha256(data) for path, data in found.items() if isinstance(data, bytes)}


def _without(found: bytes, before: bytes, after: bytes) -> bool:
    """Whether no line that the change brought is left, and every line that it took is there again."""
    now, old, new = (Counter(data.splitlines()) for data in (found, before, after))
    brought, taken = new - old, old - new
    return all(now[line] <= old[line] for line in brought) and all(now[line] > new[line] for line in taken)


def _holds(found: bytes | RefusedError | None, digest: str) -> bool:
    return isinstance(found, bytes) and sha256(found) == digest


def _renamed(tree: WorkTree, write: Write, token: str, ready: bool, found: str | None = None) -> bool:
    """Whether our rename of this file took place."""
    if found is None:
        data = _look(tree, write.path)
        found = sha256(data) if isinstance(data, bytes) else ""
    if found in (write.before, write.after):
        return found == write.after
    return ready and not tree.staged(write.path, token)


def _lead(tree: WorkTree, path: str, found: bytes | RefusedError | None, source: bytes, target: bytes) -> bool:
    """Bring the file from `source` to `target`, keeping what somebody else did to it; False when that cannot be."""
    if found is None:
        return True  # deleted by its owner: nothing of ours is in it, and it is not ours to bring back
    if isinstance(found, RefusedError):
        return False
    wanted = _merged(found, source, target)
    if wanted is None:
        return False
    if wanted != found:
        tree.write(path, wanted, sha256(found))
    return True


def _merged(found: bytes, source: bytes, target: bytes) -> bytes | None:
    if found == source:
        return target
    return found if found == target else merge_file(found, source, target)


def _look(tree: WorkTree, path: str) -> bytes | RefusedError | None:
    """The bytes there, None when the file is gone, the refusal when it is no plain file any more."""
    try:
        return tree.look(path)
    except RefusedError as refusal:
        return refusal
