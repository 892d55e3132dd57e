"""
One turn: collect, measure every live change, keep or undo, and say what to do next

This is what a weekly workflow runs. Without --apply it proposes nothing new; `--apply N` also applies the N dearest
safe findings, by the delivery that was chosen. Exit code 4 says that a change did harm and was undone.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from trimtab.cli import render
from trimtab.cli.options import fail_on, formats
from trimtab.cli.terminal import Terminal
from trimtab.cli.verbs.apply import delivery
from trimtab.errors import EXIT_HARM, EXIT_REFUSED, RefusedError, worst

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trimtab.loop import Site
    from trimtab.loop.turn import Settled


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-collect", action="store_true", help="do not ask GitHub; use what was collected")
    parser.add_argument("--apply", type=int, default=0, metavar="N", help="also apply the N dearest safe findings")
    parser.add_argument("--dry-run", action="store_true", help="measure and tell; keep, undo and apply nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask before an undo or an apply")
    delivery(parser)
    formats(parser, "markdown", "github")
    fail_on(parser)


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from trimtab.cli import overview
    from trimtab.cli.site import open_site
    from trimtab.loop.collect import evidence
    from trimtab.loop.diagnose import diagnose
    from trimtab.loop.ground.recover import recover

    site = open_site(options, terminal)
    codes: list[int] = []
    if not options.dry_run:
        recover(site)
    codes.append(_collect(site, terminal, ask=not options.no_collect))
    notes: list[str] = []
    settled = () if options.dry_run else _settle(site, options, terminal)
    for one in settled:
        if one.trouble is not None:
            notes.append(f"{one.id}: {one.trouble.what}: {one.trouble.why}")
            codes.append(one.trouble.exit_code)
    if any(str(one.verdict.decision) == "undo" and one.trouble is None for one in settled):
        codes.append(EXIT_HARM)
    if options.apply > 0 and not site.journal.state().paused:
        codes.append(_apply(options, terminal))
    seen = evidence(site)
    disabled = site.journal.state().disabled | site.config.disabled
    diagnosis = diagnose(seen, disabled=disabled)
    page = overview.findings_page(diagnosis, site.journal.state())
    shown = overview.overview(site, seen, page, notes, recent=options.format != "json")
    render.status(options, terminal, shown)
    codes.append(render.failed_on(options, found=bool(page.findings), missed=overview.missed(shown.kpis)))
    return worst(codes)


def _collect(site: Site, terminal: Terminal, *, ask: bool) -> int:
    """Collect; a network that refuses does not stop the turn, which then says so and uses what is there."""
    from trimtab.cli.gather import gather, look

    try:
        found = gather(site, ()) if ask and site.slug is not None else look(site)
    except RefusedError as refusal:
        terminal.say(f"not collected: {refusal.what}; {refusal.why}; {refusal.fix}")
        look(site)
        return EXIT_REFUSED
    for sentence in found.says:
        terminal.say(sentence)
    return 0


def _settle(site: Site, options: argparse.Namespace, terminal: Terminal) -> Sequence[Settled]:
    """Measure and settle what is live; a person is asked before something is taken back."""
    from trimtab.loop.settle import takes_back
    from trimtab.loop.turn import WATCHED, turn, verdict

    if options.yes:
        return turn(site, delivery=options.delivery)
    state = site.journal.state()
    live = [c for c in state.live() if c.shown in WATCHED and not state.paused]
    back = [c.plan for c in live if takes_back(c.plan, verdict(site, c))]
    spared = set()
    if back and not terminal.confirm(f"take back {', '.join(f'{p.id} {p.rule}' for p in back)}?", options.yes):
        spared = {plan.id for plan in back}
        terminal.say(f"left as it is; trimtab measure {back[0].id} says why it should go")
    return turn(site, [c.plan.id for c in live if c.plan.id not in spared], delivery=options.delivery)


def _apply(options: argparse.Namespace, terminal: Terminal) -> int:
    """What `trimtab apply --safe-only --limit N` does; its answer goes to stderr, ours is the status."""
    from dataclasses import replace

    from trimtab.cli.verbs import apply

    asked = argparse.Namespace(**vars(options) | {"ids": [], "safe_only": True, "rule": None, "limit": options.apply})
    asked.format = "text"
    return apply.run(asked, replace(terminal, out=terminal.err))
