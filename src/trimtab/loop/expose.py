"""
Expose: find out which version of its workflow file each run executed

A run belongs to a side of a comparison by the git blob that it executed, never by its date. For most events that is the file
at the run's head SHA. A `pull_request` run executes the merge of its head with the base branch as it stood then, so its head
alone tells only when the base had not touched the file since they parted; what cannot be told is left out, on neither side.
(docs.github.com: "Events that trigger workflows", GITHUB_SHA of pull_request and pull_request_target.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from trimtab.loop import Site
from trimtab.model import Run, Stage, Unknown
from trimtab.world.git import Repository
from trimtab.world.git_changes import Version, versions_between

MARGIN = timedelta(minutes=2)  # between GitHub's clock and that of a merge made by its button
REACH = timedelta(days=182)  # runs older than that are no longer fetched for
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
        told = _executed(_Line(repository, path, repository.default_rev(site.config.remote)), blind)
        site.ledger.add_runs(told)
        found += len(told)
    return found


def _can_tell(run: Run) -> bool:
    return run.sha is not None and run.event not in OTHER_FILE


def _fetch_missing(site: Site, repository: Repository, runs: Sequence[Run]) -> None:
    shas = list(dict.fromkeys(run.sha for run in runs if run.sha))
    missing = sorted(set(shas) - set(repository.existing(shas)))
    if missing and site.config.remote in repository.remotes():
        got = repository.fetch_commits(site.config.remote, missing)
        site.say(f"fetched {got} of {len(missing)} commits that runs were made of")


def _executed(line: _Line, runs: Sequence[Run]) -> list[Run]:
    """The runs for which it can be told what they executed, with their blob."""
    heads = line.repository.blobs_at([(run.sha, line.path) for run in runs if run.sha])
    told = []
    for run in runs:
        head = heads[run.sha or "", line.path]
        blob = line.merged(run.sha or "", head, run.created) if run.event == "pull_request" else head
        if blob is not None:
            told.append(replace(run, blob=blob))
    return told


@dataclass(slots=True)
class _Line:
    """One file along the default branch, as a merge with it would have found it; answers are remembered by merge base."""

    repository: Repository
    path: str
    tip: str | None
    _since: dict[str, tuple[str | None, list[Version]]] = field(default_factory=dict)

    def merged(self, sha: str, head: str | None, created: datetime) -> str | None:
        """The blob in the merge of `sha` (which holds `head`) with the branch at `created`; None when it cannot be told."""
        if self.tip is None or head is None:
            return head if self.tip is None else None
        done = self.repository.git("merge-base", self.tip, sha)
        if done.code != 0:
            return None
        parted, later = self._after(done.text.strip())
        before = [version for version in later if version.at <= created + MARGIN]
        if not before:
            return head
        pushed_then = all(version.by_host and version.at <= created - MARGIN for version in before)
        if head != parted or not pushed_then:
            return None  # both sides changed it, or a commit's date need not be when it reached the branch
        return before[-1].blobs.get(self.path)

    def _after(self, base: str) -> tuple[str | None, list[Version]]:
        """The file at a merge base, and its versions on the branch since then, oldest first."""
        if base not in self._since:
            assert self.tip is not None
            later = versions_between(self.repository, base, self.tip, self.path)
            self._since[base] = (self.repository.blob_at(base, self.path), later)
        return self._since[base]
