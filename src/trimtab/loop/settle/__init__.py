"""
Settle: act on a verdict, or on somebody's wish to take a change back

A verdict is written down whatever it says. `keep` ends the change's story with the change in place; `undo` takes it out: exactly
when its files are as we left them, by a three-way merge when they were edited since, and not at all (a conflict, with
nothing touched) when an edit stands where our lines are. `wait` and `unverifiable` leave everything as it is.

The brakes are here too: pause and resume, switch a rule off and on, take back everything since a date. The way back to the last
green version of a file and to backups is in `restore`, what a crash left in `recover`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import get_args

from trimtab.changes import edit_file
from trimtab.config import Delivery
from trimtab.errors import ConflictError, RefusedError, UsageError
from trimtab.ledger.entry import Entry
from trimtab.ledger.state import Progress
from trimtab.loop import Site
from trimtab.loop.ground import alone, announce, change_of, content_of, token_of, tree_of
from trimtab.loop.ground.offer import withdraw_change
from trimtab.loop.ground.recover import finish_undo, recover, recover_alone
from trimtab.loop.ground.trust import applied_here, prove_foreign
from trimtab.loop.settle.restore import undo_to_last_green
from trimtab.model import Decision, Intervention, Risk, Stage, Verdict

__all__ = [
    *("disable", "enable", "pause", "recover", "resume", "settle", "takes_back", "undo", "undo_since"),
    "undo_to_last_green",
]

_KINDS: Mapping[str, Delivery] = {name: name for name in get_args(Delivery)}


def settle(site: Site, id: str, verdict: Verdict, *, delivery: Delivery | None = None) -> Stage:
    """
    Write a verdict down and act on it; returns the stage that the change is in afterwards

    `no_effect` keeps a safe change (it does no harm) and takes back one that somebody had to agree to. `delivery` is how an undo
    arrives when the change itself came by the working tree. Raises what `undo` raises when the verdict asks for an undo, and
    RefusedError when that would touch files here for a change that was applied elsewhere; UsageError for an unknown id.
    """
    change = change_of(site, id)
    plan = change.plan
    if not change.verdicts or change.verdicts[-1] != verdict:
        site.journal.verdict(plan.id, plan.digest, verdict, at=site.now())
    if takes_back(plan, verdict):
        return _undo_unasked(site, change, delivery, verdict.why)
    decided = verdict.decision in (Decision.KEEP, Decision.NO_EFFECT)
    if decided and change.stage in (Stage.APPLIED, Stage.MEASURING):
        site.journal.append("kept", plan.id, {"why": verdict.why}, at=site.now())
    return change_of(site, plan.id).stage


def takes_back(plan: Intervention, verdict: Verdict) -> bool:
    """Whether `settle` would undo this change for this verdict."""
    useless = verdict.decision is Decision.NO_EFFECT and plan.risk is not Risk.SAFE
    return useless or verdict.decision is Decision.UNDO


def _undo_unasked(site: Site, change: Progress, delivery: Delivery | None, why: str) -> Stage:
    """
    Take back what a verdict says did harm, with nobody there who asked for it

    What was applied in another working tree is not taken out of this one: to its user that would be an edit out of nowhere,
    and in a checkout that is thrown away afterwards "undone" would not be true. Nor is a team asked a second time that has
    closed the pull request which would have taken it back.
    """
    if change.defended:
        site.say(f"change {change.plan.id} stays, the team closed its revert; to insist: trimtab undo {change.plan.id}")
        return change.stage
    own = _KINDS.get(change.delivery.partition(":")[0], "working-tree")
    how = own if own != "working-tree" else delivery or own
    if how == "working-tree" and change.stage is not Stage.UNDONE and not applied_here(site, change.plan):
        raise RefusedError(
            f"change {change.plan.id} should be taken back ({why}), but it was applied in another working tree",
            "a verdict alone does not change files here",
            f"trimtab loop --delivery pull-request, or in an up-to-date clone: trimtab undo {change.plan.id}",
        )
    return undo(site, change.plan.id, delivery=how, why=why)


def undo(
    site: Site, id: str, *, delivery: Delivery | None = None, why: str = "asked for", dry_run: bool = False
) -> Stage:
    """
    Take a change back; possible from every stage in which something of it may be in the files, and safe to repeat

    It goes back the way it came (or by `delivery`). It is UNDONE at once when nobody else has it; what the default branch
    holds is UNDOING until somebody has pushed the files, or merged the revert that is offered.

    Raises ConflictError when a later edit stands in the way (no file was touched), UsageError when it was never applied,
    RefusedError when the disk refuses (every file is as it was), LockedError when another Trimtab is at work. `dry_run`
    checks all this and writes nothing.
    """
    if dry_run:
        change = change_of(site, id)
        _check(change, takeback_of(site, change.plan).conflicts)
        return change.stage
    plan = change_of(site, id).plan
    with alone(site, f"trimtab undo {plan.id}"):
        recover_alone(site)
        change = change_of(site, plan.id)
        if change.stage is Stage.UNDONE:
            return Stage.UNDONE
        _check(change, ())
        prove_foreign(site, plan)
        how = delivery or _KINDS.get(change.delivery.partition(":")[0], "working-tree")
        if how != "working-tree":
            return withdraw_change(site, change, how, why)
        return _from_working_tree(site, plan, why)


def undo_since(site: Site, since: datetime | None = None) -> dict[str, Stage]:
    """
    Take back every live change applied at or after `since` (None: all), the newest first; returns their stages by id

    One that cannot be taken back does not stop the others: it ends in CONFLICT, untouched.
    """
    recover(site)
    stages = {}
    for change in reversed(site.journal.state().live()):
        if since is None or (change.applied or change.since) >= since:
            try:
                stages[change.plan.id] = undo(site, change.plan.id, why="everything was taken back")
            except ConflictError as conflict:
                site.say(f"{conflict.what}: {conflict.why}")
                stages[change.plan.id] = Stage.CONFLICT
    return stages


def pause(site: Site, why: str = "") -> None:
    """Stop applying in this repository until `resume`; undo stays possible."""
    if not site.journal.state().paused:
        site.journal.append("paused", None, {"why": why}, at=site.now())


def resume(site: Site) -> None:
    if site.journal.state().paused:
        site.journal.append("resumed", None, at=site.now())


def disable(site: Site, rule: str, why: str = "") -> None:
    """Switch a rule off in this repository: its findings are not shown and its changes not applied."""
    if rule not in site.journal.state().disabled:
        site.journal.append("disabled", None, {"rule": rule, "why": why}, at=site.now())


def enable(site: Site, rule: str) -> None:
    if rule in site.journal.state().disabled:
        site.journal.append("enabled", None, {"rule": rule}, at=site.now())


def takeback_of(site: Site, plan: Intervention) -> edit_file.Takeback:
    """What an undo in the working tree would write now."""
    entries = site.journal.entries(plan.id)
    paths = next((entry.payload.get("paths") for entry in reversed(entries) if entry.kind == "conflict"), None)
    conflicted = {path: str(digest) for path, digest in paths.items()} if isinstance(paths, dict) else {}
    return edit_file.takeback(tree_of(site), plan.files, content_of(site), conflicted)


def _check(change: Progress, conflicts: tuple[str, ...]) -> None:
    plan = change.plan
    if not change.live and change.stage is not Stage.UNDONE:
        raise UsageError(
            f"change {plan.id} is {change.stage}: there is nothing to undo", "it was not applied", "trimtab"
        )
    if conflicts:
        raise ConflictError(
            f"change {plan.id} cannot be taken out of {', '.join(conflicts)}",
            "later edits stand where its lines are; no file was touched",
            f"take its lines out by hand (the files before it: .github/workflows/backup/{plan.id}), "
            f"then run: trimtab undo {plan.id}",
        )


def _from_working_tree(site: Site, plan: Intervention, why: str) -> Stage:
    """Announce the undo, write it, close it."""
    tree, takeback = tree_of(site), takeback_of(site, plan)
    if takeback.conflicts:
        said = f"later edits stand where its lines are in {', '.join(takeback.conflicts)}; no file was touched"
        about = {"of": None, "why": said, "paths": edit_file.hashes(tree, takeback.conflicts)}
        site.journal.append("conflict", plan.id, about, at=site.now())
        _check(change_of(site, plan.id), takeback.conflicts)
    site.journal.store(*takeback.contents)
    if takeback.gone:
        why = f"{why} ({', '.join(takeback.gone)} had been deleted)"
    intent = announce(site, plan, "undo_intent", takeback.writes, why=why)
    _write(site, plan, intent, takeback.writes)
    return change_of(site, plan.id).stage


def _write(site: Site, plan: Intervention, intent: Entry, writes: tuple[edit_file.Write, ...]) -> None:
    """Replace the files; what fails before the first rename gives the undo up, what fails later is carried on."""
    tree, content, token = tree_of(site), content_of(site), token_of(intent)
    try:
        edit_file.stage(tree, writes, content, token)
        site.journal.mark(intent.id)
    except RefusedError as refusal:
        about = {"of": intent.id, "why": f"undo given up: {refusal.what}; every file is as it was"}
        site.journal.append("abandoned", plan.id, about, at=site.now())
        raise
    finish_undo(site, plan, intent)
