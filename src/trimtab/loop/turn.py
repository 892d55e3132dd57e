"""
Turn: look at every change that is live, and settle those whose runs have given an answer

Puts the two last steps of the loop together. `verdict` gathers what `measure` judges by: all runs, and
which contents of the files count as with and without the change. A conflict on one change does not hold up the others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trimtab import catalogue
from trimtab.config import Delivery
from trimtab.errors import TrimtabError
from trimtab.ledger.state import Progress, State
from trimtab.loop import Site
from trimtab.loop.measure import Other, measure
from trimtab.loop.settle import settle
from trimtab.model import History, Risk, Run, Stage, Verdict

WATCHED = frozenset({Stage.APPLIED, Stage.MEASURING})


@dataclass(frozen=True, slots=True)
class Settled:
    """One change after a look: its verdict, the stage it is in now, and what went wrong, if anything did."""

    id: str
    verdict: Verdict
    stage: Stage
    trouble: TrimtabError | None = None


def turn(site: Site, ids: Collection[str] | None = None, *, delivery: Delivery | None = None) -> tuple[Settled, ...]:
    """
    Measure and settle the changes `ids` (all that are live when None), in the order they were applied

    `delivery` is how an undo arrives for a change that came by the working tree (None: in the working tree again).

    Nothing is touched while Trimtab, or the change, is paused. What settling one of them raises is in its `trouble`.
    """
    state = site.journal.state()
    if state.paused:
        return ()
    looked = [c for c in state.live() if c.shown in WATCHED and (ids is None or c.plan.id in ids)]
    runs = all_runs(site) if looked else ()
    return tuple(_settled(site, change, runs, delivery) for change in looked)


def verdict(
    site: Site, change: Progress, *, effective_at: datetime | None = None, runs: Sequence[Run] | None = None
) -> Verdict:
    """
    What the runs collected so far say of `change`; `effective_at` dates it for a history without commit ids

    A change judged before/after cannot be told apart from another that came to its workflow, or went, within the days
    compared, and that moves durations too: then it is called neither helped nor hurt. What is counted run by run needs
    no such care.
    """
    runs = all_runs(site) if runs is None else runs
    files = change.plan.files
    now = site.now()
    return measure(
        change.plan,
        runs,
        now=now,
        live_from=change.live_from,
        treated_blobs=frozenset({file.after_blob for file in files} | {blob for _, blob, _ in change.adopted_blobs}),
        control_blobs=frozenset(file.before_blob for file in files),
        rule=catalogue.rules().get(change.plan.rule),
        effective_at=effective_at,
        looked_until=_looked_until(site, change, now),
        others=_others(site.journal.state(), change),
        contents={file.path: data for file in files if (data := site.journal.content(file.before)) is not None},
    )


def _looked_until(site: Site, change: Progress, now: datetime) -> datetime:
    """Until when the ledger knows the runs of the changed workflows, or until the change was undone; now without any run."""
    known = [site.ledger.history(path) for path in sorted({file.path for file in change.plan.files})]
    ends = [history.end for history in known if isinstance(history, History)]
    return min([now, *ends, *([change.since] if change.stage is Stage.UNDONE else [])])


def _others(state: State, change: Progress) -> tuple[Other, ...]:
    """
    When other changes that can move durations came to the same workflows, or were taken back, oldest first

    Those are the ones judged before/after, and those that a person has to agree to, since they change which jobs run and when
    (a gate is counted for its own verdict, but it shortens runs for everybody else's). Safe counted ones cut only what hangs
    or is superseded: they leave the runs that succeed as they are.
    """
    paths = {file.path for file in change.plan.files}
    found = []
    for other in state.changes.values():
        moves = other.plan.design == "before_after" or other.plan.risk is not Risk.SAFE
        if other.plan.id != change.plan.id and moves and not paths.isdisjoint(file.path for file in other.plan.files):
            name = f"{other.plan.id} ({other.plan.rule})"
            came, went = _lived(other)
            found += [Other(came, f"{name} came to the same workflow")] if came else []
            found += [Other(went, f"{name} was taken out of the same workflow")] if went else []
    return tuple(sorted(found, key=lambda one: (one.at, one.what)))


def _lived(change: Progress) -> tuple[datetime | None, datetime | None]:
    """
    When a change became live and when it was taken back; None for what did not happen

    One that was never seen on the default branch counts from when it was applied to the working tree, for a history whose
    commits tell nothing; not if it was taken back within a day, for then it hardly ran.
    """
    came = (
        min((at for _, _, at in change.adopted_blobs), default=None) if change.live_from is None else change.live_from
    )
    went = change.since if change.stage is Stage.UNDONE else None
    if came is None and change.applied is not None and change.delivery == "working-tree":
        hardly = went is not None and went - change.applied < timedelta(days=1)
        came = None if hardly else change.applied
    return came, None if came is None else went


def all_runs(site: Site) -> tuple[Run, ...]:
    """Every collected run; those of other workflows tell the guard whether trouble is everybody's."""
    history = site.ledger.history()
    return history.runs if isinstance(history, History) else ()


def _settled(site: Site, change: Progress, runs: Sequence[Run], delivery: Delivery | None) -> Settled:
    said = verdict(site, change, runs=runs)
    try:
        return Settled(change.plan.id, said, settle(site, change.plan.id, said, delivery=delivery))
    except TrimtabError as trouble:
        return Settled(change.plan.id, said, site.journal.state().changes[change.plan.id].stage, trouble)
