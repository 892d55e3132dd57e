"""
Share the journal: take in what others wrote, hand over what we did, through `refs/trimtab/journal`

Merging is union, so the order in which engineers, fresh checkouts and scheduled workflows come by does not matter, and doing
it twice changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.loop import Site
from trimtab.model import Unknown
from trimtab.world import journal_ref

ATTEMPTS = 8  # how often somebody else may be faster


@dataclass(frozen=True, slots=True)
class Synced:
    """Entries taken in and files handed over; `why` when the journal could not be shared (offline, no permission)."""

    absorbed: int
    pushed: int
    why: Unknown | None = None


def sync(site: Site) -> Synced:
    """
    Merge this clone's journal with the remote's, both ways

    Without a clone or a remote there is nothing to share: (0, 0). Raises RefusedError when the remote's journal was tampered
    with; an unreachable remote is a value.
    """
    repository, remote = site.repository, site.config.remote
    if repository is None or remote not in repository.remotes():
        return Synced(0, 0)
    absorbed, refused = 0, None
    for _ in range(ATTEMPTS):
        tip = journal_ref.fetched(repository, remote)
        if isinstance(tip, Unknown):
            return Synced(absorbed, 0, tip)
        theirs = journal_ref.names(repository, tip)
        ours = site.journal.export()
        absorbed += site.journal.absorb(
            journal_ref.files(repository, {name: blob for name, blob in theirs.items() if name not in ours})
        )
        new = {name: data for name, data in ours.items() if name not in theirs}
        if not new:
            return Synced(absorbed, 0)
        refused = journal_ref.push(repository, remote, journal_ref.add(repository, tip, new), tip)
        if refused is None:
            return Synced(absorbed, len(new))
    return Synced(absorbed, 0, refused)
