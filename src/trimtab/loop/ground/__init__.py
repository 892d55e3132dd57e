"""
The ground that apply, recover and settle stand on: the working tree, its place in the journal, contents by hash

Several machines share one journal, so an entry that speaks of files in a working tree says in which one: nobody but that tree
may finish or reverse what it began there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from trimtab.changes.edit_file import Content, Write
from trimtab.errors import RefusedError, UsageError
from trimtab.ledger.entry import Entry
from trimtab.ledger.state import Progress, files_of
from trimtab.loop import Site
from trimtab.model import Intervention
from trimtab.world import backups
from trimtab.world.files import WorkTree
from trimtab.world.git import Repository
from trimtab.world.lock import locked


def repository_of(site: Site) -> Repository:
    """The clone, which whoever changes files needs. UsageError when the loop turns without one."""
    if site.repository is None:
        raise UsageError(
            "this needs a clone of the repository",
            "changes are made to workflow files in a working tree, on a branch or in a pull request",
            f"git clone https://github.com/{site.slug or 'OWNER/NAME'}",
        )
    return site.repository


def tree_of(site: Site) -> WorkTree:
    return WorkTree(repository_of(site).root)


def place_of(site: Site) -> str:
    """Names this working tree in the journal: its state file's random name, and which worktree; no path of the machine."""
    repository = repository_of(site)
    linked = repository.git_dir != repository.common_dir
    return f"{site.journal.home}:{repository.git_dir.name if linked else ''}"


@contextmanager
def alone(site: Site, doing: str) -> Iterator[None]:
    """Hold this repository's lock for the block; LockedError names whoever has it."""
    with locked(site.journal.folder, doing):
        yield


def content_of(site: Site) -> Content:
    """Contents by sha256 from the journal; RefusedError when one is not there."""

    def content(name: str) -> bytes:
        data = site.journal.content(name)
        if data is None:
            raise RefusedError(
                f"the content {name[:12]} is not in this machine's journal",
                "without it the change can be neither made nor taken back",
                "trimtab collect (it syncs the journal), or trimtab plan",
            )
        return data

    return content


def writes_of(intent: Entry) -> tuple[Write, ...]:
    """The writes that an intent announced."""
    return tuple(Write(path, before, after) for path, before, after in files_of(intent))


def announce(
    site: Site,
    plan: Intervention,
    kind: str,
    writes: Sequence[Write] = (),
    delivery: str = "working-tree",
    why: str = "",
) -> Entry:
    """Write down what is about to be done: `kind` is intent or undo_intent."""
    files = [{"path": write.path, "before": write.before, "after": write.after} for write in writes]
    about = {"digest": plan.digest, "place": place_of(site), "delivery": delivery, "files": files, "why": why}
    return site.journal.append(kind, plan.id, about, at=site.now())


def token_of(intent: Entry) -> str:
    """What the files laid ready for this intent are named by."""
    return intent.id[:12]


def copies_of(site: Site, plan: Intervention) -> dict[str, bytes]:
    """The backup of a plan's files, as paths and bytes."""
    content = content_of(site)
    return backups.copies(plan.id, plan.says, {file.path: content(file.before) for file in plan.files})


def change_of(site: Site, id: str) -> Progress:
    """Where the change `id` (or the only one that starts so) stands; UsageError when there is none."""
    changes = site.journal.state().changes
    found = [name for name in changes if name == id] or [name for name in changes if name.startswith(id)]
    if len(found) != 1:
        what = f"{id!r} is the start of {len(found)} changes" if found else f"there is no change {id!r}"
        raise UsageError(what, "ids are the eight hex digits that plan and status show", "trimtab")
    return changes[found[0]]
