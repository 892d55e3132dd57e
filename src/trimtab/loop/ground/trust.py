"""
Trust: what may be done on the word of a journal that others write to as well

A plan that was made in this state file went through the proofs here. One that came through refs/trimtab/journal is proved
again, on the contents that it names, before its bytes are written or taken back; and only a person, never a verdict,
takes back in this working tree what was applied in another.
"""

from __future__ import annotations

from trimtab.changes.delivery import splices_between
from trimtab.errors import EditRefused, HostileFileError, ParseError, ProofFailed, RefusedError
from trimtab.ledger.codec import decode
from trimtab.ledger.state import content_hash
from trimtab.loop import Site
from trimtab.loop.ground import content_of, place_of
from trimtab.model import Intervention
from trimtab.workflow.prove import prove
from trimtab.workflow.splices import Edited


def planned_here(site: Site, plan: Intervention) -> bool:
    """Whether a plan of these very contents was made in this state file, or is just being made and not journalled yet."""
    entries = [entry for entry in site.journal.entries(plan.id) if entry.kind == "planned"]
    made = [(decode(Intervention, entry.payload["plan"]), site.journal.own(entry)) for entry in entries]
    same = [ours for one, ours in made if content_hash(one) == content_hash(plan)]
    return not same or any(same)


def applied_here(site: Site, plan: Intervention) -> bool:
    """Whether it was this working tree that the change was applied to."""
    here, entries = place_of(site), site.journal.entries(plan.id)
    return any(e.kind == "intent" and e.payload.get("place") == here and site.journal.own(e) for e in entries)


def prove_foreign(site: Site, plan: Intervention) -> None:
    """
    Prove a plan that others made again; one that was made here passes

    Raises RefusedError when its operations do not lead from its bytes before to those after, or when these are not known.
    """
    if planned_here(site, plan):
        return
    content = content_of(site)
    for file in plan.files:
        before, after = content(file.before), content(file.after)
        try:
            prove(file.change, Edited(before, after, splices_between(before, after)))
        except (ProofFailed, EditRefused, ParseError, HostileFileError, UnicodeDecodeError) as error:
            raise RefusedError(
                f"change {plan.id} ({plan.rule}) came through the shared journal and cannot be proved here: {error}",
                "its bytes may be anybody's; nothing was written",
                "trimtab plan (it makes one here)",
            ) from error
