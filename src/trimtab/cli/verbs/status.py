"""
Where this repository stands: four KPIs against their targets, and what is under way

What was not measured is "unknown" and says which command would measure it; it is never counted as good or bad.
Without a verb, trimtab does this.
"""

from __future__ import annotations

import argparse

from trimtab.cli import render
from trimtab.cli.options import fail_on, formats
from trimtab.cli.terminal import Terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    formats(parser, "markdown", "github")
    fail_on(parser)


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from trimtab.cli import overview
    from trimtab.cli.site import open_site
    from trimtab.loop.collect import evidence
    from trimtab.loop.diagnose import diagnose

    site = open_site(options, terminal)
    seen = evidence(site)
    shown = overview.overview(site, seen, recent=options.format == "text")
    render.status(options, terminal, shown)
    found = False
    if options.fail_on == "finding":
        disabled = site.journal.state().disabled | site.config.disabled
        found = bool(diagnose(seen, disabled=disabled, price=False).findings)
    return render.failed_on(options, found=found, missed=overview.missed(shown.kpis))
