"""
Reads what happened into the ledger: runs, jobs, steps, every attempt

From GitHub through your own `gh` (newest first, a sample of at most 500 requests gives the first report, later calls
go on from there), or from files: REST JSON, `gh run list --json`, CSV with named columns, act's --json log, each also
as .gz. Runs that are known already are counted as duplicates and change nothing.
"""

from __future__ import annotations

import argparse

from trimtab.cli import render
from trimtab.cli.terminal import Terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="history files; without any, ask GitHub")
    parser.add_argument(
        "--requests", type=int, default=500, metavar="N", help="at most N requests to GitHub (default: 500)"
    )
    parser.add_argument("--no-share", action="store_true", help="do not sync the journal with the remote")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from pathlib import Path

    from trimtab.cli.gather import gather
    from trimtab.cli.site import open_site
    from trimtab.report import figures

    site = open_site(options, terminal)
    files = [Path(options.directory, file) for file in options.files]
    found = gather(site, files, requests=options.requests, share=not options.no_share)
    counted = f"{figures.count(found.stored, 'run attempt')} stored, {found.updated:,} updated, {found.duplicates:,} duplicates"
    asked = [f"{figures.count(found.requests, 'request')} to GitHub"] if found.requests else []
    more = (
        [f"{figures.count(found.remaining, 'run')} without jobs yet; next: trimtab collect"] if found.remaining else []
    )
    render.told(
        options,
        terminal,
        [counted, *asked, *found.says, *(more or ["next: trimtab diagnose"])],
        stored=found.stored,
        updated=found.updated,
        duplicates=found.duplicates,
        requests=found.requests,
        remaining=found.remaining,
    )
    return 0
