"""
Apply: carry out one planned change, all of it or none, after writing down that it will be done

Order of events, each durable before the next: the contents before and after (the plan put them there), the intent in the
journal, new contents laid ready, backups, a mark that all lies ready, the renames, the receipt. `recover` tells from these
alone what a crash left.
"""

from __future__ import annotations

from trimtab.changes import edit_file
from trimtab.changes.edit_file import Write
from trimtab.config import Delivery
from trimtab.errors import RefusedError, StaleError
from trimtab.loop import Site
from trimtab.loop.ground import alone, announce, content_of, copies_of, repository_of, token_of, tree_of
from trimtab.loop.ground.offer import offer_change
from trimtab.loop.ground.recover import finish_apply, receipt_of, recover_alone, reverse_apply
from trimtab.loop.ground.trust import prove_foreign
from trimtab.model import Intervention, Receipt, Stage
from trimtab.world import backups
from trimtab.world.files import WorkTree, sha256

_FRESH = frozenset({Stage.PROPOSED, Stage.STALE, Stage.APPLYING})


def apply(
    site: Site, intervention: Intervention, *, delivery: Delivery | None = None, dry_run: bool = False
) -> Receipt:
    """
    Carry out `intervention` and return its receipt; a second call returns the same receipt and does nothing

    `delivery` defaults to the configured one. `dry_run` makes every check and writes nothing. Raises StaleError when a file
    is not what the plan saw, RefusedError when Trimtab is paused, the rule is switched off or the disk refuses,
    LockedError when another Trimtab is at work. Whatever it raises, every file is as it was, or the journal says
    that `recover` has to put it back first.
    """
    how = delivery or site.config.delivery
    if dry_run:
        return _rehearse(site, intervention)
    with alone(site, f"trimtab apply {intervention.id}"):
        recover_alone(site)
        done = _already(site, intervention)
        if done is not None:
            return done
        _braked(site, intervention)
        prove_foreign(site, intervention)
        site.journal.plan(intervention, at=site.now())
        if how != "working-tree":
            return offer_change(site, intervention, how)
        return _to_working_tree(site, intervention)


def _already(site: Site, plan: Intervention) -> Receipt | None:
    """The receipt of a change that was applied before; RefusedError when its life is over."""
    change = site.journal.state().changes.get(plan.id)
    if change is None or change.stage in _FRESH:
        return None
    if change.receipt is not None and change.live and change.stage not in (Stage.CONFLICT, Stage.UNDOING):
        return change.receipt
    raise RefusedError(
        f"change {plan.id} is {change.stage}, so it cannot be applied",
        change.why or "an id stands for one life of a change, from its plan to its end",
        "trimtab plan (it makes a new one)",
    )


def _braked(site: Site, plan: Intervention) -> None:
    state = site.journal.state()
    if state.paused:
        why = state.paused_why or "somebody pulled the brake: nothing is applied until it is let go"
        raise RefusedError("Trimtab is paused in this repository", why, "trimtab resume")
    if plan.rule in state.disabled:
        raise RefusedError(f"rule {plan.rule} is switched off", "somebody here did so", f"trimtab enable {plan.rule}")


def _rehearse(site: Site, plan: Intervention) -> Receipt:
    """Everything that apply checks, nothing that it writes."""
    if (done := _already(site, plan)) is not None:
        return done
    _braked(site, plan)
    prove_foreign(site, plan)
    _missing_writes(tree_of(site), plan)
    return receipt_of(plan)


def _missing_writes(tree: WorkTree, plan: Intervention) -> tuple[Write, ...]:
    """The writes that are still to be made; StaleError when a file holds neither the bytes before nor those after."""
    writes = []
    for file in plan.files:
        found = tree.look(file.path)
        now = None if found is None else sha256(found)
        if now not in (file.before, file.after):
            what = f"{file.path} is gone" if now is None else f"{file.path} changed since change {plan.id} was planned"
            raise StaleError(what, "the edit was proved on other bytes; nothing was written", "trimtab plan")
        if now == file.before:
            writes.append(Write(file.path, file.before, file.after))
    return tuple(writes)


def _to_working_tree(site: Site, plan: Intervention) -> Receipt:
    tree, content, copies = tree_of(site), content_of(site), copies_of(site, plan)
    try:
        writes = _missing_writes(tree, plan)
    except StaleError as stale:
        site.journal.append("stale", plan.id, {"of": None, "why": stale.what}, at=site.now())
        raise
    for file in plan.files:
        content(file.after)  # RefusedError before the intent, when the journal lacks it
    intent = announce(site, plan, "intent", writes)
    try:
        edit_file.stage(tree, writes, content, token_of(intent))
        _back_up(site, tree, copies)
        site.journal.mark(intent.id)
        edit_file.swap(tree, writes, token_of(intent))
    except (RefusedError, KeyboardInterrupt) as failure:
        what = failure.what if isinstance(failure, RefusedError) else "interrupted"
        site.say(reverse_apply(site, plan, intent, what))
        raise
    return finish_apply(site, plan, intent)


def _back_up(site: Site, tree: WorkTree, copies: dict[str, bytes]) -> None:
    if not site.config.backup_in_diff:
        backups.exclude(repository_of(site).common_dir)
    backups.write(tree, copies)
