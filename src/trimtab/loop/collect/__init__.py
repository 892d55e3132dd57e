"""
Collect: read what happened, from GitHub, from files and from git, into the ledger

First thing of every turn. Everything is stored once by its identity, so that collecting again only adds. After the runs come
the facts that give them meaning: which workflow blob each run executed, whether offered changes reached the default branch,
and what others wrote into the shared journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.catalogue.evidence import Evidence
from trimtab.errors import RefusedError
from trimtab.loop import Site
from trimtab.loop.collect.snapshot import Snapshot

if (
    TYPE_CHECKING
):  # `evidence` is on the path of every command, the rest of this module is not: imported where it is used
    from trimtab.world.github import Hub


@dataclass(frozen=True, slots=True)
class Collected:
    """
    What one collection brought: run attempts new, told more of, told again; requests made; runs whose jobs are still missing

    `says` are sentences for the screen, most important first.
    """

    stored: int
    updated: int
    duplicates: int
    requests: int
    remaining: int
    says: tuple[str, ...]


def collect(site: Site, *, files: Sequence[Path] = (), hub: Hub | None = None, shared: bool = True) -> Collected:
    """
    One collection from `files` and, when given, from GitHub; then adoption, exposure and (if `shared`) the journal

    Raises RefusedError when a file cannot be read, or GitHub cannot be asked at all; what came before is kept.
    """
    found = _Tally()
    if shared:
        found.says += _shared(site)
    if files:
        _import(site, files, found)
    if hub is not None:
        _ask(site, hub, found)
    found.says += _meaning(site, hub)
    if shared:
        found.says += _shared(site)
    requests = hub.meter.used if hub else 0
    says = tuple(dict.fromkeys(found.says))
    return Collected(found.stored, found.updated, found.duplicates, requests, found.remaining, says)


def evidence(site: Site, *, rev: str | None = None) -> Evidence:
    """
    A snapshot to ask questions of; `rev` looks at a revision instead of the working tree

    Raises RefusedError when there is no such revision.
    """
    if rev is not None and (site.repository is None or site.repository.resolve(rev) is None):
        raise RefusedError(
            f"there is no revision {rev} here", "its files cannot be read", "git fetch, or another revision"
        )
    return Snapshot(site, rev)


@dataclass(slots=True)
class _Tally:
    """Collected, while it is being counted."""

    stored: int = 0
    updated: int = 0
    duplicates: int = 0
    remaining: int = 0
    says: list[str] = field(default_factory=list)


def _import(site: Site, files: Sequence[Path], found: _Tally) -> None:
    """Read history files; a record told twice, in the files or by the ledger, is a duplicate."""
    from trimtab.loop.collect.locate import located
    from trimtab.world import history_files
    from trimtab.world.credible import credible

    imported = history_files.read(files)
    runs, doubts = credible(imported.runs, site.now())
    if not runs:
        raise RefusedError(
            f"no run in {', '.join(map(str, files))} can be believed",
            "; ".join(doubts),
            "export the history again; date -u shows the time that this machine has",
        )
    placed, homeless = located(site, runs)
    added = site.ledger.add_runs(placed)
    found.stored, found.updated = found.stored + added.stored, found.updated + added.updated
    found.duplicates += added.duplicates + imported.duplicates
    of = "1 file" if len(files) == 1 else f"{len(files)} files"
    told = f"{len(imported.runs):,} run attempts with {imported.jobs:,} jobs in {of}"
    found.says += [told, *homeless, *imported.problems, *(f"{n} x {what}" for what, n in doubts.items())]


def _ask(site: Site, hub: Hub, found: _Tally) -> None:
    """Read from GitHub what the hub's requests pay for."""
    from trimtab.loop.collect.github import gather
    from trimtab.loop.collect.locate import located

    gathered = gather(site, hub)
    located(site, ())  # GitHub tells paths: what an export told by name before is found under them now
    found.stored, found.updated = found.stored + gathered.stored, found.updated + gathered.updated
    found.duplicates, found.remaining = found.duplicates + gathered.duplicates, gathered.remaining
    found.says += gathered.says


def _meaning(site: Site, hub: Hub | None) -> list[str]:
    """See what became of changes, and which workflow file each run executed."""
    from trimtab.loop.collect.expose import expose
    from trimtab.loop.collect.watch import watch

    says = [seen.says for seen in watch(site, hub)]
    exposed = expose(site)
    return [*says, f"{exposed} runs matched to the workflow file that they executed"] if exposed else says


def _shared(site: Site) -> list[str]:
    from trimtab.loop.collect.sync import sync

    synced = sync(site)
    if synced.why is not None:
        return [f"the journal was not shared: {synced.why.why}"]
    says = [f"{synced.absorbed} journal entries from others"] if synced.absorbed else []
    to = f"refs/trimtab/journal of {site.config.remote}"
    return [*says, f"the journal went to {to}, for your team (not with --no-share)"] if synced.pushed else says
