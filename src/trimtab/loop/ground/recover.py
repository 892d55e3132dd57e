"""
Recover: finish or reverse what a crash left half done, before anything else is done

An intent in the journal without an entry that closes it is all there is to go by. An apply whose files were all replaced is
complete; one that got part of the way is reversed. An undo is carried on, since somebody asked for it. Edits that a
user made in between are kept in every case. Running it again changes nothing.
"""

from __future__ import annotations

from trimtab.changes import edit_file
from trimtab.ledger.entry import Entry
from trimtab.loop import Site
from trimtab.loop.ground import (
    alone,
    change_of,
    content_of,
    copies_of,
    place_of,
    repository_of,
    token_of,
    tree_of,
    writes_of,
)
from trimtab.model import Intervention, Receipt
from trimtab.world import backups
from trimtab.world.files import WorkTree


def recover(site: Site) -> tuple[str, ...]:
    """
    Close what was left open in this working tree; returns one sentence for each change that was

    Raises LockedError when another Trimtab is at work (then nothing is left over, it is being done), RefusedError when the
    disk refuses: what is left stays open for the next start.
    """
    if site.repository is None or not (_left(site) or any(map(tree_of(site).leftovers, _folders(site)))):
        return ()
    with alone(site, "trimtab recover"):
        return recover_alone(site)


def recover_alone(site: Site) -> tuple[str, ...]:
    """The same for a caller that holds the lock already."""
    says = tuple(_close(site, plan, intent) for plan, intent in _left(site))
    for folder in _folders(site):
        tree_of(site).sweep(folder)
    WorkTree(repository_of(site).common_dir).sweep("info")
    for sentence in says:
        site.say(sentence)
    return says


def _left(site: Site) -> list[tuple[Intervention, Entry]]:
    """What this working tree began and did not close. An entry taken in from elsewhere may only claim to be from here."""
    here, journal = place_of(site), site.journal
    opened = [(change.plan, intent) for change in journal.state().changes.values() for intent in change.opened]
    return [(plan, intent) for plan, intent in opened if intent.payload["place"] == here and journal.own(intent)]


def _folders(site: Site) -> set[str]:
    plans = (change.plan for change in site.journal.state().changes.values())
    return {file.path.rpartition("/")[0] for plan in plans for file in plan.files} - {""}


def _close(site: Site, plan: Intervention, intent: Entry) -> str:
    if intent.payload.get("delivery", "working-tree") != "working-tree":
        return _close_offer(site, plan, intent)
    if intent.kind == "undo_intent":
        return finish_undo(site, plan, intent)
    ready = site.journal.marked(intent.id)
    if edit_file.all_renamed(tree_of(site), writes_of(intent), token_of(intent), ready):
        finish_apply(site, plan, intent)
        return f"{plan.id} {plan.rule}: the apply that was interrupted had written all its files; it is applied"
    return reverse_apply(site, plan, intent, "it was interrupted")


def finish_apply(site: Site, plan: Intervention, intent: Entry) -> Receipt:
    """Close an apply whose files are all written."""
    receipt = receipt_of(plan)
    site.journal.receipt(plan.id, intent.id, receipt, at=site.now())
    return receipt


def receipt_of(plan: Intervention) -> Receipt:
    """What an apply to the working tree leaves behind."""
    before = {file.path: file.before for file in plan.files}
    after = {file.path: file.after for file in plan.files}
    return Receipt(f"{backups.FOLDER}/{plan.id}", before, after, f"trimtab undo {plan.id}")


def reverse_apply(site: Site, plan: Intervention, intent: Entry, why: str) -> str:
    """Put back what an apply has written so far and close it; returns what came of it in words."""
    tree, writes, token = tree_of(site), writes_of(intent), token_of(intent)
    ready = site.journal.marked(intent.id)
    conflicts = edit_file.put_back(tree, writes, content_of(site), token, ready)
    if conflicts:
        paths = ", ".join(conflicts)
        why = f"{why}; edits made since stand where its lines are in {paths}; everything else was put back"
        _append(site, "conflict", plan, intent, why, conflicts)
    else:
        backups.remove(tree, copies_of(site, plan))
        why = f"{why}; every file is as it was"
        _append(site, "abandoned", plan, intent, why, ())
    edit_file.unstage(tree, writes, token)
    return f"{plan.id} {plan.rule}: {why}"


def finish_undo(site: Site, plan: Intervention, intent: Entry) -> str:
    """Carry on an undo to its end and close it; returns what came of it in words."""
    tree, writes, token, content = tree_of(site), writes_of(intent), token_of(intent), content_of(site)
    if not site.journal.marked(intent.id):
        edit_file.stage_rest(tree, writes, content, token)
        site.journal.mark(intent.id)
    conflicts = edit_file.carry_on(tree, writes, content, token)
    if conflicts:
        why = f"edits made during the undo stand where its lines are in {', '.join(conflicts)}; the other files were undone"
        _append(site, "conflict", plan, intent, why, conflicts)
    else:
        why = str(intent.payload.get("why") or "asked for")
        backups.remove(tree, copies_of(site, plan))
        _close_undo(site, plan, intent, why)
    edit_file.unstage(tree, writes, token)
    return f"{plan.id} {plan.rule}: {'conflict' if conflicts else 'undone'}: {why}"


def _close_undo(site: Site, plan: Intervention, intent: Entry, why: str) -> None:
    """What the default branch was seen to hold is undone when it no longer does; until then the undo waits for a push."""
    if change_of(site, plan.id).adopted_blobs:
        waits = f"{why}; out of the files here, and waits for somebody to commit and push them"
        about = {"of": intent.id, "delivery": "working-tree", "why": waits}
        site.journal.append("offered", plan.id, about, at=site.now())
    else:
        _append(site, "undone", plan, intent, why, ())


def _close_offer(site: Site, plan: Intervention, intent: Entry) -> str:
    """A branch or pull request that was being made: refs move in one step, so what is not recorded can be made again."""
    why = "it was interrupted before the branch or pull request was recorded; no file was changed"
    _append(site, "abandoned", plan, intent, why, ())
    return f"{plan.id} {plan.rule}: {why}"


def _append(site: Site, kind: str, plan: Intervention, intent: Entry, why: str, paths: tuple[str, ...]) -> None:
    about = {"of": intent.id, "why": why, "paths": edit_file.hashes(tree_of(site), paths)}
    site.journal.append(kind, plan.id, about, at=site.now())
