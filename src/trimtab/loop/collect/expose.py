"""
Expose: find out which version of its workflow file each run executed

A run belongs to a side of a comparison by the git blob that it executed, never by its date. For most events that is the file
at the run's head SHA. A `pull_request` run executes the merge of its head with the base branch as it stood then, so its head
alone tells only when the base had not touched the file since they parted; what cannot be told is left out, on neither side.
(docs.github.com: "Events that trigger workflows", GITHUB_SHA of pull_request and pull_request_target.)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trimtab.loop import Site
from trimtab.model import Run, Stage, Unknown
from trimtab.world.git import Repository
from trimtab.world.git_changes import Line, Version, line_of, versions_between, versions_on

MARGIN = timedelta(minutes=2)  # between GitHub's clock and that of a merge made by its button
REACH = timedelta(days=182)  # runs older than that are no longer fetched for
GONE = "git:gone-commits"
AT_ONCE = 1000  # commits fetched in one collection; the next one takes the rest
OTHER_FILE = {"pull_request_target"}  # its head SHA names the pull request, its file comes from the base


def expose(site: Site) -> int:
    """
    Fill in `blob` of runs whose workflow some change touches; returns how many were found

    Commits that this clone lacks (heads of pull requests that were squashed) are fetched by id where the remote allows.
    """
    changes = site.journal.state().changes.values()
    paths = {file.path for change in changes if change.stage is not Stage.PROPOSED for file in change.plan.files}
    repository, found = site.repository, 0
    if repository is None:
        return 0
    for path in sorted(paths):
        history = site.ledger.history(path)
        blind = [] if isinstance(history, Unknown) else [r for r in history.runs if r.blob is None and _can_tell(r)]
        _fetch_missing(site, repository, [run for run in blind if run.created > site.now() - REACH])
        told = _executed(repository, path, blind, repository.default_rev(site.config.remote)) if blind else []
        site.ledger.add_runs(told)
        found += len(told)
    return found


def _can_tell(run: Run) -> bool:
    return run.sha is not None and run.event not in OTHER_FILE


def _fetch_missing(site: Site, repository: Repository, runs: Sequence[Run]) -> None:
    """Fetch commits that runs were made of; those that the remote no longer has are not asked for again."""
    shas = list(dict.fromkeys(run.sha for run in reversed(runs) if run.sha))
    gone = set(json.loads(site.ledger.cursor(GONE) or "[]"))
    known = gone.union(repository.existing(shas))
    missing = [sha for sha in shas if sha not in known][:AT_ONCE]
    if missing and site.config.remote in repository.remotes():
        site.say(f"fetching {len(missing)} commits that runs were made of")
        lost = repository.fetch_commits(site.config.remote, missing)
        if lost:
            site.ledger.set_cursor(GONE, json.dumps(sorted(gone | lost)))


def _executed(repository: Repository, path: str, runs: Sequence[Run], tip: str | None) -> list[Run]:
    """The runs for which it can be told what they executed, with their blob."""
    heads = repository.blobs_at([(run.sha, path) for run in runs if run.sha])
    pulls = [run.sha for run in runs if run.event == "pull_request" and run.sha and heads[run.sha, path] is not None]
    merges = (
        _Merges.of(repository, path, tip, repository.existing(list(dict.fromkeys(pulls)))) if tip and pulls else None
    )
    told = []
    for run in runs:
        blob = heads[run.sha or "", path]
        if run.event == "pull_request" and blob is not None and merges is not None:
            blob = merges.blob(run.sha or "", blob, run.created)
        if blob is not None:
            told.append(replace(run, blob=blob))
    return told


@dataclass(frozen=True, slots=True)
class _Merges:
    """
    One file in the merges of pull requests with the default branch

    `line` is the branch, `bases` where each head left it, `parted` the file's blob there, `versions` those that the branch
    has held, with the commits that brought them.
    """

    repository: Repository
    path: str
    line: Line
    bases: Mapping[str, str | None]
    parted: Mapping[tuple[str, str], str | None]
    versions: Sequence[tuple[str, Version]]

    @classmethod
    def of(cls, repository: Repository, path: str, tip: str, heads: Sequence[str]) -> _Merges:
        """Everything that is needed for these heads, in a handful of processes."""
        line = line_of(repository, tip, heads)
        bases = {sha: sha if sha in line.first else line.base(sha) for sha in heads}
        parted = repository.blobs_at([(base, path) for base in set(bases.values()) if base])
        return cls(repository, path, line, bases, parted, versions_on(repository, tip, path))

    def blob(self, sha: str, head: str, created: datetime) -> str | None:
        """The blob in the merge of `sha` (which holds `head`) with the branch at `created`; None when it cannot be told."""
        base = self.bases.get(sha)
        if base is None:
            return None
        before = [version for version in self._since(base) if version.at <= created + MARGIN]
        if not before:
            return head
        pushed_then = all(version.by_host and version.at <= created - MARGIN for version in before)
        if head != self.parted[base, self.path] or not pushed_then:
            return None  # both sides changed it, or a commit's date need not be when it reached the branch
        return before[-1].blobs.get(self.path)

    def _since(self, base: str) -> Sequence[Version]:
        """The versions that the branch brought after `base`, oldest first."""
        place = self.line.first.get(base)
        if place is None:  # a commit that a merge brought: what lies behind it is git's to say
            return versions_between(self.repository, base, self.line.tip, self.path)
        return [version for sha, version in self.versions if self.line.first[sha] > place]
