"""
Takes changes back: byte for byte, or by a three-way merge after later edits

Possible from every stage. When a later edit stands where our lines are, nothing is touched and the change is in
`conflict`. On a protected branch the way back is a pull request that reverts it, and a person has to merge that.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from trimtab.cli import render
from trimtab.cli.terminal import Terminal
from trimtab.errors import EXIT_REFUSED, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from trimtab.ledger.state import Progress
    from trimtab.loop import Site


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="changes to take back")
    parser.add_argument("--all", action="store_true", help="every live change, the newest first")
    parser.add_argument(
        "--since", metavar="TIME", help="with --all: only those applied since, as 2026-01-31 or with a time"
    )
    parser.add_argument(
        "--to-last-green", metavar="FILE", help="put FILE back to the last version that ran green on the default branch"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the diff and change nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from trimtab.cli.moments import moment
    from trimtab.cli.site import open_site
    from trimtab.loop.ground.recover import recover

    ways = [bool(options.ids), options.all, options.to_last_green is not None]
    if ways.count(True) != 1 or (options.since and not options.all):
        raise UsageError(
            "undo wants to know what",
            "it changes files",
            "trimtab undo ID..., --all [--since TIME] or --to-last-green FILE",
        )
    since = moment("--since", options.since) if options.since else None
    site = open_site(options, terminal)
    if not options.dry_run:
        recover(site)
    if options.to_last_green is not None:
        return _to_last_green(options, terminal, site)
    changes = _chosen(site, options.ids, since)
    if not changes:
        render.told(options, terminal, ["there is nothing to undo"], undone=[])
        return 0
    if options.dry_run:
        return _show(terminal, site, changes)
    names = ", ".join(f"{c.plan.id} {c.plan.rule}" for c in changes)
    if not terminal.confirm(f"undo {names}?", options.yes):
        terminal.say("nothing was changed")
        return 0
    return _undo(options, terminal, site, changes)


def _chosen(site: Site, ids: Sequence[str], since: datetime | None) -> list[Progress]:
    """The changes asked for, the newest first: a later change may stand on an earlier one."""
    from trimtab.cli.choose import chosen

    state = site.journal.state()
    live = list(reversed(state.live()))
    if not ids:
        return [c for c in live if since is None or (c.applied or c.since) >= since]
    names = {chosen(told, state.changes, "change", "trimtab") for told in ids}
    rest = [state.changes[name] for name in sorted(names) if not state.changes[name].live]
    return [c for c in live if c.plan.id in names] + rest


def _undo(options: argparse.Namespace, terminal: Terminal, site: Site, changes: Sequence[Progress]) -> int:
    """Take each back; a conflict in one does not hold up the others."""
    from trimtab.errors import ConflictError
    from trimtab.loop.settle import undo

    sentences, rows, refused = [], [], False
    for change in changes:
        try:
            stage = str(undo(site, change.plan.id))
            waits = _waits(site.journal.state().changes[change.plan.id])
            sentences.append(f"{change.plan.id} {change.plan.rule}: {stage}{waits}")
        except ConflictError as conflict:
            stage, refused = "conflict", True
            sentences.append(f"{conflict.what}: {conflict.why}; {conflict.fix}")
        rows.append({"id": change.plan.id, "rule": change.plan.rule, "stage": stage})
    render.told(options, terminal, [*sentences, "next: trimtab"], undone=rows)
    return EXIT_REFUSED if refused else 0


def _waits(change: Progress) -> str:
    """What is left to a person: an undo that is not on the default branch yet has not happened for anybody else."""
    if change.stage != "undoing":
        return ""
    if change.revert == "working-tree":
        return " in your files; commit and push them: the default branch still has the change"
    return ", a pull request that reverts it waits for a person to merge it"


def _show(terminal: Terminal, site: Site, changes: Sequence[Progress]) -> int:
    """What an undo would write, file by file; each is shown against the files as they are now."""
    from trimtab.changes.edit_file import takeback
    from trimtab.loop.ground import content_of, tree_of
    from trimtab.report.text import diff, page

    lines: list[str] = []
    for change in changes:
        lines.append(terminal.paint("bold", f"undo {change.plan.id} {change.plan.rule}"))
        back = takeback(tree_of(site), change.plan.files, content_of(site))
        for write, found, wanted in zip(back.writes, back.contents[::2], back.contents[1::2], strict=True):
            lines += diff(write.path, found, wanted, terminal.paint)
        lines += [f"conflict: a later edit stands in the way in {path}" for path in back.conflicts]
        lines.append("")
    terminal.show(page(lines))
    return 0


def _to_last_green(options: argparse.Namespace, terminal: Terminal, site: Site) -> int:
    from trimtab.cli.select import path
    from trimtab.loop.settle.restore import undo_to_last_green
    from trimtab.model import Unknown
    from trimtab.report.text import diff, page

    file = path(site, options.to_last_green) if "/" in options.to_last_green else options.to_last_green
    plan = undo_to_last_green(site, file, dry_run=True)
    if isinstance(plan, Unknown):
        how = [f"to find out: {plan.command}"] if plan.command else []
        render.told(options, terminal, [plan.why, *how], undone=[], unknown=plan.why)
        return EXIT_REFUSED if plan.command else 0
    (changed,) = plan.files
    before, after = site.journal.content(changed.before), site.journal.content(changed.after)
    shown = page(diff(changed.path, before or b"", after or b"", terminal.paint))
    if options.dry_run:
        terminal.show(shown)
        return 0
    if not options.yes:
        terminal.err.write(shown)
    if not terminal.confirm(f"{plan.says}?", options.yes):
        terminal.say("nothing was changed")
        return 0
    done = undo_to_last_green(site, file)
    id = plan.id if isinstance(done, Unknown) else done.id
    render.told(options, terminal, [f"{plan.says}; undo: trimtab undo {id}"], undone=[{"id": id, "file": changed.path}])
    return 0
