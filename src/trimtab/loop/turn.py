"""
Turn: look at every change that is live, and settle those whose runs have given an answer

Puts the two last steps of the loop together. `verdict` gathers what `measure` judges by: the runs of the changed workflows, and
which contents of the files count as with and without the change. A conflict on one change does not hold up the others.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from trimtab import catalogue
from trimtab.errors import TrimtabError
from trimtab.ledger.state import Progress
from trimtab.loop import Site
from trimtab.loop.measure import measure
from trimtab.loop.settle import settle
from trimtab.model import History, Run, Stage, Verdict

WATCHED = frozenset({Stage.APPLIED, Stage.MEASURING})


@dataclass(frozen=True, slots=True)
class Settled:
    """One change after a look: its verdict, the stage it is in now, and what went wrong, if anything did."""

    id: str
    verdict: Verdict
    stage: Stage
    trouble: TrimtabError | None = None


def turn(site: Site, ids: Collection[str] | None = None) -> tuple[Settled, ...]:
    """
    Measure and settle the changes `ids` (all that are live when None), in the order they were applied

    Nothing is touched while Trimtab, or the change, is paused. What settling one of them raises is in its `trouble`.
    """
    state = site.journal.state()
    if state.paused:
        return ()
    looked = [c for c in state.live() if c.shown in WATCHED and (ids is None or c.plan.id in ids)]
    return tuple(_settled(site, change) for change in looked)


def verdict(site: Site, change: Progress, *, effective_at: datetime | None = None) -> Verdict:
    """What the runs collected so far say of `change`; `effective_at` dates it for a history without commit ids."""
    files = change.plan.files
    return measure(
        change.plan,
        runs_of(site, change),
        now=site.now(),
        live_from=change.live_from,
        treated_blobs=frozenset({file.after_blob for file in files} | {blob for _, blob, _ in change.adopted_blobs}),
        control_blobs=frozenset(file.before_blob for file in files),
        rule=catalogue.rules().get(change.plan.rule),
        effective_at=effective_at,
    )


def runs_of(site: Site, change: Progress) -> tuple[Run, ...]:
    """Every collected run of the workflows that the change touches, without regard to when."""
    histories = [site.ledger.history(file.path) for file in change.plan.files]
    return tuple(run for history in histories if isinstance(history, History) for run in history.runs)


def _settled(site: Site, change: Progress) -> Settled:
    said = verdict(site, change)
    try:
        return Settled(change.plan.id, said, settle(site, change.plan.id, said))
    except TrimtabError as trouble:
        return Settled(change.plan.id, said, site.journal.state().changes[change.plan.id].stage, trouble)
