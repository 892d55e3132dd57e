"""
Copies of workflow files as they were: list, put back, or how to without Trimtab

Copies that somebody else laid into .github/workflows/backup are listed too and never touched. `restore` is a change
like any other: journalled, and undone with `trimtab undo`. `recipe` prints a shell script that needs only git and cp.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from trimtab.cli import render
from trimtab.cli.terminal import Terminal
from trimtab.errors import UsageError

if TYPE_CHECKING:
    from trimtab.loop import Site


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("list", "restore", "recipe"), default="list")
    parser.add_argument("copy", nargs="?", metavar="COPY", help="for restore: the path of a copy, as the list shows it")
    parser.add_argument("--dry-run", action="store_true", help="print the diff and change nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from trimtab.cli.site import open_site
    from trimtab.loop.settle.restore import recipe

    if (options.action == "restore") != (options.copy is not None):
        raise UsageError(
            "a copy is named for restore, and only for it", "nothing was done", "trimtab backups restore COPY"
        )
    site = open_site(options, terminal)
    if options.action == "list":
        return _list(options, terminal, site)
    if options.action == "recipe":
        script = recipe(site)
        render.told(options, terminal, [], recipe=script) if options.format == "json" else terminal.show(script)
        return 0
    return _restore(options, terminal, site)


def _list(options: argparse.Namespace, terminal: Terminal, site: Site) -> int:
    from trimtab.loop.settle.restore import backups

    found = backups(site)
    rows = [
        f"{copy.path} restores {copy.restores or 'an unknown file'}"
        + (f" (change {copy.intervention})" if copy.intervention else " (not made by Trimtab)")
        for copy in found
    ]
    after = "next: trimtab backups restore COPY, or: trimtab backups recipe" if found else "there are no backups"
    render.told(options, terminal, [*rows, after], backups=found)
    return 0


def _restore(options: argparse.Namespace, terminal: Terminal, site: Site) -> int:
    from trimtab.cli.select import path
    from trimtab.loop.settle.restore import restore
    from trimtab.report.text import diff, page

    copy = path(site, options.copy)
    (changed,) = restore(site, copy, dry_run=True).files
    before, after = site.journal.content(changed.before), site.journal.content(changed.after)
    shown = page(diff(changed.path, before or b"", after or b"", terminal.paint))
    if options.dry_run:
        terminal.show(shown)
        return 0
    if not options.yes:
        terminal.err.write(shown)
    if not terminal.confirm(f"put back {copy}?", options.yes):
        terminal.say("nothing was changed")
        return 0
    plan = restore(site, copy)
    files = ", ".join(file.path for file in plan.files)
    render.told(options, terminal, [f"{files} is as in {copy}; undo: trimtab undo {plan.id}"], restored=plan.id)
    return 0
