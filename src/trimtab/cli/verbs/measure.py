"""
What changes did: helped, hurt, no real difference, too early, cannot be measured

Looks and tells; keeping and undoing is `trimtab loop`. A run counts as with or without a change by the workflow file
that it executed, found through its commit. A history without commit ids needs --effective-at, the time at which the
change went live.
"""

from __future__ import annotations

import argparse

from trimtab.cli import render
from trimtab.cli.options import formats
from trimtab.cli.terminal import Terminal
from trimtab.errors import UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="changes to look at (default: all that are live)")
    parser.add_argument(
        "--effective-at", metavar="TIME", help="when the one change named went live; ISO 8601, UTC without zone"
    )
    formats(parser, "markdown", "github")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from dataclasses import replace

    from trimtab.cli import overview
    from trimtab.cli.choose import chosen
    from trimtab.cli.gather import look
    from trimtab.cli.moments import moment
    from trimtab.cli.site import open_site
    from trimtab.loop.turn import verdict

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
        said = verdict(site, change, effective_at=effective)
        lines.append(replace(overview.change_line(change), verdict=said))
    render.changes(options, terminal, lines)
    return 0
