"""
Freezes findings into plans: the exact edit, and what it will be judged by

A plan says the metric, the horizon and the predicted effect, and cannot be changed after. Every edit is made in
memory and proved five ways; nothing is written but the journal. Planning first is useful to look at everything at
once; `apply` plans by itself what was not planned before.
"""

from __future__ import annotations

import argparse

from trimtab.cli import render
from trimtab.cli.options import formats
from trimtab.cli.terminal import Terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="findings to plan (default: every finding with a change)")
    parser.add_argument("--safe-only", action="store_true", help="only findings of rules that are safe to apply")
    parser.add_argument("--rule", action="append", metavar="RULE", help="only this rule; may be repeated")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the diffs and write nothing, not even the journal"
    )
    formats(parser, "markdown")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from trimtab.cli import drafts, overview, wanted
    from trimtab.cli.site import open_site
    from trimtab.loop.collect import evidence
    from trimtab.report import text

    site = open_site(options, terminal)
    seen = evidence(site)
    found = wanted.findings(site, seen, options)
    made = drafts.chain(site, seen, found, journal=not options.dry_run)
    for sentence in drafts.refused(made.refusals):
        terminal.say(sentence)
    if options.dry_run and options.format == "text":
        if not made.drafts:
            render.told(options, terminal, ["there is nothing to plan; next: trimtab diagnose"])
            return 0
        terminal.show(text.page(drafts.diffs(made.drafts, terminal.paint)))
        terminal.say("nothing was written; next: trimtab apply ID..., or --safe-only")
        return 0
    if options.dry_run:
        return wanted.show_drafts(options, terminal, made)
    changes = site.journal.state().changes
    # In the order in which they were made, and can be applied: the second in a file stands on the first.
    render.changes(options, terminal, [overview.change_line(changes[item.intervention.id]) for item in made.drafts])
    return 0
