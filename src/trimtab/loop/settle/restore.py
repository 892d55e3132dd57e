"""
Restore: put a file back to its last green version or to a backup, or print how to do so without Trimtab

Either way back is itself a change, planned, journalled and undoable like any other, so that nothing is lost by trying it.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import replace

from trimtab.errors import RefusedError, UsageError
from trimtab.ledger.state import content_hash
from trimtab.loop import Site
from trimtab.loop.apply import apply
from trimtab.loop.ground import repository_of, tree_of
from trimtab.model import EditFile, History, Intervention, PlannedFile, Risk, Run, Unknown
from trimtab.world import backups as copies
from trimtab.world.backups import LIMIT, Backup
from trimtab.world.files import sha256
from trimtab.world.git import blob_id

_REVIEWED = frozenset({"pull_request", "pull_request_target", "pull_request_review", "merge_group"})


def backups(site: Site) -> tuple[Backup, ...]:
    """Every copy below .github/workflows/backup, ours and other people's, ordered by path."""
    return copies.found(tree_of(site))


def restore(site: Site, copy: str, *, dry_run: bool = False) -> Intervention:
    """
    Put the backup at path `copy` back in its place, as a change of its own; UsageError when it is none

    With `dry_run` the change is drafted and neither journalled nor made.
    """
    found = next((backup for backup in backups(site) if backup.path == copy), None)
    if found is None or found.restores is None:
        what = f"{copy} is no backup" if found is None else f"the name of {copy} does not tell which file it restores"
        raise UsageError(what, "backups lie below .github/workflows/backup", "trimtab backups")
    data = tree_of(site).read(copy, LIMIT)
    plan = _draft(site, "restore-backup", f"put back {copy}", found.restores, data)
    if not dry_run:
        site.journal.plan(plan, at=plan.planned)
        apply(site, plan, delivery="working-tree")
    return plan


def undo_to_last_green(site: Site, path: str, *, dry_run: bool = False) -> Intervention | Unknown:
    """
    Put a workflow file back to the last version that ran green on the default branch, as a change of its own

    Green is decided by run history, the version by the git blob that the run executed. Unknown when there is no such run,
    or when the file is that version already. With `dry_run` the change is drafted and neither journalled nor made.
    """
    path = path if "/" in path else f"{copies.WORKFLOWS}/{path}"
    green = _last_green(site, path)
    if isinstance(green, Unknown):
        return green
    run, blob = green
    data = repository_of(site).content(blob)
    if data is None:
        return Unknown(f"this clone lacks {path} as of run {run.id}", "git fetch --unshallow")
    if tree_of(site).read(path) == data:
        return Unknown(
            f"{path} is what ran green in run {run.id} ({run.created:%Y-%m-%d}); there is nothing to take back"
        )
    says = f"put {path} back to what ran green in run {run.id} of {run.created:%Y-%m-%d}"
    plan = _draft(site, "last-green", says, path, data)
    if not dry_run:
        site.journal.plan(plan, at=plan.planned)
        apply(site, plan, delivery="working-tree")
    return plan


def recipe(site: Site) -> str:
    """A shell script that puts back every backup with cp and git alone; what it replaces it keeps a copy of."""
    blobs = {p.plan.id: {f.path: f.before_blob for f in p.plan.files} for p in site.journal.state().changes.values()}
    return recipe_for(_oldest_last(site, backups(site)), blobs)


def recipe_for(listed: tuple[Backup, ...], blobs: dict[str, dict[str, str]]) -> str:
    """The script for these backups, the last for a file winning. `blobs`: git blob ids by change and path, as a spare."""
    covered = {backup.restores for backup in listed if backup.intervention}
    lines = [_RECIPE]
    for backup in listed:
        blob = blobs.get(backup.intervention or "", {}).get(backup.restores or "", "")
        words = (backup.path, backup.restores or "?", blob)
        line = "back " + " ".join(map(shlex.quote, words))
        if backup.restores is None:
            lines.append(f"# its name does not tell what it restores: {shlex.quote(backup.path)}")
        elif backup.intervention is None and backup.restores in covered:
            lines.append(f"# somebody else's copy; a newer one is put back below:\n# {line}")
        else:
            lines.append(line)
    return "\n".join([*lines, 'echo "what was replaced lies in $keep"', ""])


_RECIPE = """\
#!/bin/sh
# Puts workflow files back from the backups beside them, with cp and git alone. Run it anywhere in the repository.
set -eu
cd "$(git rev-parse --show-toplevel)"
mkdir -p .github/workflows/backup
keep=$(mktemp -d .github/workflows/backup/replaced.XXXXXX)
back() { # COPY FILE BLOB: from the copy, or from git when the copy is gone
    mkdir -p "$(dirname "$2")" "$keep/$(dirname "$2")"
    if [ -f "$2" ] && [ ! -f "$keep/$2" ]; then cp -p "$2" "$keep/$2"; fi
    if [ -f "$1" ]; then cp "$1" "$2"; else git cat-file blob "$3" > "$keep/blob" && cp "$keep/blob" "$2"; fi
    echo "put back $2"
}"""


def _oldest_last(site: Site, listed: tuple[Backup, ...]) -> tuple[Backup, ...]:
    """Other people's copies first, then ours from the newest change to the oldest, whose copy is how it all began."""
    changes = site.journal.state().changes

    def when(backup: Backup) -> float:
        change = changes.get(backup.intervention or "")
        return -(change.applied or change.since).timestamp() if change else 0.0

    foreign = tuple(backup for backup in listed if backup.intervention is None)
    return foreign + tuple(sorted((b for b in listed if b.intervention is not None), key=when))


def _last_green(site: Site, path: str) -> tuple[Run, str] | Unknown:
    """The newest successful run of the default branch whose version of the file is known, with that blob's id."""
    repository = repository_of(site)
    history, branch = site.ledger.history(path), repository.default_branch(site.config.remote)
    if isinstance(history, Unknown):
        return history
    if isinstance(branch, Unknown):
        return branch
    green = _green(history, branch)
    places = [(run.sha, path) for run in green if run.blob is None and run.sha is not None]
    found = repository.blobs_at(places)
    for run in green:
        blob = run.blob or (found.get((run.sha, path)) if run.sha else None)
        if blob is not None:
            return run, blob
    why = f"{len(green)} runs of {path} were green on {branch}" + (", none of a commit in this clone" if green else "")
    return Unknown(why, "trimtab collect && git fetch --unshallow" if green else "trimtab collect")


def _green(history: History, branch: str) -> list[Run]:
    """Successful runs of the branch itself, newest first; a pull request from a fork may call its branch main too."""
    own = (run for run in history.runs if run.branch == branch and run.event not in _REVIEWED and not run.fork)
    return [run for run in reversed([*own]) if run.conclusion == "success"]


def _draft(site: Site, rule: str, says: str, path: str, data: bytes) -> Intervention:
    """A plan that makes one file hold `data`, its contents stored; RefusedError when it already does or is gone."""
    before = tree_of(site).read(path)
    if before == data:
        raise RefusedError(f"{path} already holds these bytes", "there is nothing to put back", "git diff")
    file = PlannedFile(path, sha256(before), sha256(data), blob_id(before), blob_id(data), EditFile(path))
    frozen = [rule, path, file.before, file.after]
    draft = Intervention(
        "", rule, says, (rule,), (file,), "build_seconds", "unverifiable", site.config.horizon_days,
        Unknown("a way back is not measured"), Risk.REVIEW, site.now(), _hash(frozen),
    )  # fmt: skip
    used = site.journal.state().times_planned(content_hash(draft))
    plan = replace(draft, id=_hash([*frozen, used])[:8])
    site.journal.store(before, data)
    return plan


def _hash(parts: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
