"""
Offer a change as a branch or a pull request, and withdraw one the same way

The journal frames it as it frames a write to files: the intent first, then what came of it. A crash in between leaves nothing
half done, since a branch moves in one step and the same offer made again finds the first one.
"""

from __future__ import annotations

from trimtab.changes import delivery
from trimtab.changes.delivery import Contents, Offer
from trimtab.config import Delivery
from trimtab.errors import StaleError, TrimtabError
from trimtab.ledger.state import Progress
from trimtab.loop import Site
from trimtab.loop.ground import announce, change_of, content_of, repository_of
from trimtab.model import Intervention, Receipt, Stage
from trimtab.world.files import sha256
from trimtab.world.github import Hub


def offer_change(site: Site, plan: Intervention, how: Delivery) -> Receipt:
    """
    Offer a planned change; returns its receipt. The working tree is not touched

    Raises what `changes.delivery.offer` does (StaleError, HookFailed, RefusedError), after noting that nothing came of it.
    """
    repository, hub = repository_of(site), _hub(site, how)
    intent = announce(site, plan, "intent", delivery=how)
    try:
        made = delivery.offer(repository, plan, _contents(site, plan, None), remote=site.config.remote, hub=hub)
    except (TrimtabError, KeyboardInterrupt) as failure:
        _given_up(site, plan, intent.id, failure)
        raise
    after = {path: sha256(data) for path, data in made.contents.items()}
    site.journal.store(*made.contents.values())
    before = {file.path: file.before for file in plan.files}
    receipt = Receipt(None, before, after, f"trimtab undo {plan.id}", made.delivery)
    site.journal.receipt(plan.id, intent.id, receipt, at=site.now())
    _tell(site, made)
    return receipt


def withdraw_change(site: Site, change: Progress, how: Delivery, why: str) -> Stage:
    """
    Take an offered or adopted change back: UNDONE when the default branch does not hold it, else UNDOING until a human has
    merged the revert that is offered

    Raises what `changes.delivery.withdraw` does, after noting that nothing came of it.
    """
    plan = change.plan
    repository, hub = repository_of(site), _hub(site, how)
    intent = announce(site, plan, "undo_intent", delivery=how, why=why)
    contents = _contents(site, plan, change.receipt)
    try:
        made = delivery.withdraw(repository, plan, contents, remote=site.config.remote, hub=hub)
    except (TrimtabError, KeyboardInterrupt) as failure:
        _given_up(site, plan, intent.id, failure)
        raise
    if made is None:
        site.journal.append("undone", plan.id, {"of": intent.id, "why": why}, at=site.now())
    else:
        waits = f"{why}; {made.url or made.delivery} waits for somebody to merge it"
        about = {"of": intent.id, "delivery": made.delivery, "why": waits}
        site.journal.append("offered", plan.id, about, at=site.now())
        _tell(site, made)
    return change_of(site, plan.id).stage


def _hub(site: Site, how: Delivery) -> Hub | None:
    return delivery.hub_of(repository_of(site), site.config.remote, site.slug) if how == "pull-request" else None


def _contents(site: Site, plan: Intervention, receipt: Receipt | None) -> Contents:
    """The files before and after by path; after is what was really delivered, which a hook may have reformatted."""
    content, made = content_of(site), receipt.after if receipt else {}
    return {file.path: (content(file.before), content(made.get(file.path, file.after))) for file in plan.files}


def _given_up(site: Site, plan: Intervention, intent: str, failure: BaseException) -> None:
    kind = "stale" if isinstance(failure, StaleError) else "abandoned"
    why = failure.what if isinstance(failure, TrimtabError) else "interrupted"
    site.journal.append(kind, plan.id, {"of": intent, "why": why}, at=site.now())


def _tell(site: Site, made: Offer) -> None:
    for sentence in (*made.says, f"offered as {made.url or made.delivery}"):
        site.say(sentence)
