"""
What changes did: helped, hurt, no real difference, too early, cannot be measured

Looks and tells; keeping and undoing is `trimtab loop`. A run counts as with or without a change by the workflow file
that it executed, found through its commit. A history without commit ids needs --effective-at, the time at which the
change went live: not in the future, not before Trimtab planned it (unless the default branch is known to have had it by
then), not after it was undone. A change that was never applied is not measured: no run can have had it.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from trimtab.cli import render
from trimtab.cli.options import formats
from trimtab.cli.terminal import Terminal
from trimtab.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from trimtab.ledger.state import Progress
    from trimtab.loop import Site
    from trimtab.model import Run
    from trimtab.report.values import ChangeLine

# Stages in which no run can have had the change.
_AHEAD = frozenset({"proposed", "stale", "applying"})
_NEVER = frozenset({"declined", "superseded", "expired"})


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="changes to look at (default: all that are live)")
    parser.add_argument(
        "--effective-at", metavar="TIME", help="when the one change named went live; ISO 8601, UTC without zone"
    )
    formats(parser, "markdown", "github")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from trimtab.cli.choose import chosen
    from trimtab.cli.gather import look
    from trimtab.cli.moments import moment
    from trimtab.cli.site import open_site

    if options.effective_at and len(options.ids) != 1:
        raise UsageError(
            "--effective-at speaks of one change",
            "each went live at its own time",
            "trimtab measure ID --effective-at TIME",
        )
    effective = moment("--effective-at", options.effective_at) if options.effective_at else None
    site = open_site(options, terminal)
    look(site)
    state = site.journal.state()
    names = [chosen(told, state.changes, "change", "trimtab") for told in options.ids]
    changes = [state.changes[name] for name in names] or list(state.live())
    lines = []
    for change in changes:
        terminal.say(f"measuring {change.plan.id} {change.plan.rule}")
        lines.append(_line(site, change, effective))
    render.changes(options, terminal, lines)
    return 0


def _line(site: Site, change: Progress, effective: datetime | None) -> ChangeLine:
    """The change with what the runs say of it; without a verdict when it was never applied."""
    from dataclasses import replace

    from trimtab.cli import overview
    from trimtab.loop.turn import verdict

    if effective is not None:
        _believe(change, effective, site.now())
    line, ahead = overview.change_line(change), _not_applied(change)
    if ahead:
        return replace(line, verdict=None, why=f"{ahead}: no run can have had it")
    said = verdict(site, change, effective_at=effective, runs=_runs(site, change, effective))
    return replace(line, verdict=said, effective_at=effective)


def _not_applied(change: Progress) -> str:
    """ "not applied yet" or "was never applied", "" for a change that somebody may have."""
    return "not applied yet" if change.stage in _AHEAD else "was never applied" if change.stage in _NEVER else ""


def _believe(change: Progress, effective: datetime, now: datetime) -> None:
    """UsageError when the change cannot have become live at that time. A day of grace is for dates and other zones."""
    from datetime import timedelta

    plan = change.plan
    known = [time for time in (plan.planned, change.applied, change.live_from) if time is not None]
    live = change.live_from or change.applied or plan.planned
    why, then = "", f"trimtab measure {plan.id} --effective-at {_told(live)}"
    if ahead := _not_applied(change):
        why, then = f"it is {change.stage}, {ahead}: no run can have had it", f"trimtab apply {plan.id}"
    elif effective > now:
        why = f"that is in the future; it is {_told(now)} now"
    elif effective < min(known) - timedelta(days=1):
        why = f"Trimtab planned it on {_told(plan.planned)}, and found it nowhere before {_told(min(known))}"
    elif change.stage == "undone" and effective >= change.since:
        why = f"it was undone on {_told(change.since)}"
    if why:
        raise UsageError(f"change {plan.id} did not become live at {_told(effective)}", why, then)


def _told(at: datetime) -> str:
    from datetime import UTC

    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def _runs(site: Site, change: Progress, effective: datetime | None) -> Sequence[Run] | None:
    """With a time in place of commit ids: only the runs until the change was undone, later ones are without it again."""
    from trimtab.loop.turn import all_runs

    if effective is None or change.stage != "undone":
        return None
    return [run for run in all_runs(site) if run.created < change.since]
