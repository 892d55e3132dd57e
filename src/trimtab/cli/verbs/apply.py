"""
Makes changes: shows the diff, asks, then does all of it or none

What it will do is written down before it is done. An ID is that of a finding (`trimtab diagnose`) or of a plan
(`trimtab plan`); its first four digits do if nothing else starts so. The change arrives in the working tree, on a
branch or as a pull request (--delivery, or trimtab.toml). Every change can be taken back byte for byte with `trimtab
undo`; copies lie in .github/workflows/backup.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from trimtab.cli import render
from trimtab.cli.terminal import Terminal
from trimtab.errors import EXIT_REFUSED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trimtab.cli.drafts import Chain
    from trimtab.loop import Site
    from trimtab.model import Intervention, Receipt
    from trimtab.report.text import Paint


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="findings or plans to apply")
    parser.add_argument("--safe-only", action="store_true", help="everything that a safe rule found")
    parser.add_argument("--rule", action="append", metavar="RULE", help="only this rule; may be repeated")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N changes, dearest first")
    parser.add_argument("--dry-run", action="store_true", help="print the diff and change nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    delivery(parser)


def delivery(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--delivery",
        choices=("working-tree", "branch", "pull-request"),
        help="how changes arrive (default: trimtab.toml, else working-tree)",
    )


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from trimtab.cli import drafts, wanted
    from trimtab.cli.site import open_site
    from trimtab.loop.collect import evidence
    from trimtab.loop.ground import repository_of
    from trimtab.loop.ground.recover import recover
    from trimtab.report import text

    site = open_site(options, terminal)
    repository_of(site)
    if not options.dry_run:
        recover(site)
    seen = evidence(site)
    plans, findings = wanted.asked(site, seen, options)
    made = drafts.chain(site, seen, wanted.limited(findings, options.limit), journal=False)
    for sentence in drafts.refused(made.refusals):
        terminal.say(sentence)
    if options.dry_run and options.format == "json":
        return wanted.show_drafts(options, terminal, made)
    shown = text.page(
        [*_planned_diffs(site, [p.plan for p in plans], terminal.paint), *drafts.diffs(made.drafts, terminal.paint)]
    )
    count = len(plans) + len(made.drafts)
    if options.dry_run and count:
        terminal.show(shown)
        terminal.say(f"nothing was changed; next: trimtab apply {' '.join(options.ids) or '--safe-only'}")
        return 0
    if not count:
        render.told(options, terminal, ["there is nothing to apply; next: trimtab diagnose"], applied=[])
        return EXIT_REFUSED if made.refusals and options.ids else 0
    if not options.yes:
        terminal.err.write(shown)
    if not terminal.confirm(f"apply {count} {'change' if count == 1 else 'changes'}?", options.yes):
        terminal.say("nothing was changed")
        return 0
    made = drafts.chain(site, seen, wanted.limited(findings, options.limit), journal=True)
    return _apply(options, terminal, site, [*(p.plan for p in plans), *(d.intervention for d in made.drafts)], made)


def _planned_diffs(site: Site, plans: Sequence[Intervention], paint: Paint) -> list[str]:
    """The diffs of plans that were made before, from the contents that the journal keeps."""
    from trimtab.report.text import diff

    lines: list[str] = []
    for plan in plans:
        lines.append(paint("bold", f"change {plan.id} {plan.rule}"))
        for file in plan.files:
            before, after = site.journal.content(file.before), site.journal.content(file.after)
            lines += diff(file.path, before or b"", after or b"", paint)
        lines.append("")
    return lines


def _apply(
    options: argparse.Namespace, terminal: Terminal, site: Site, plans: Sequence[Intervention], made: Chain
) -> int:
    """Apply one after the other; what was applied before an error stays, is listed, and can be undone."""
    from trimtab.loop.apply import apply

    done: list[tuple[Intervention, Receipt]] = []
    try:
        for plan in plans:
            terminal.say(f"applying {plan.id} {plan.rule}")
            done.append((plan, apply(site, plan, delivery=options.delivery)))
    finally:
        _report(options, terminal, done, site.config.remote)
    return EXIT_REFUSED if made.refusals and options.ids else 0


def _report(
    options: argparse.Namespace, terminal: Terminal, done: Sequence[tuple[Intervention, Receipt]], remote: str
) -> None:
    sentences = [_sentence(plan, receipt) for plan, receipt in done]
    rows = [
        {"id": p.id, "rule": p.rule, "files": list(r.after), "backup": r.backup, "delivery": r.delivery, "undo": r.undo}
        for p, r in done
    ]
    after = [_next([receipt.delivery for _, receipt in done], remote)] if done else []
    render.told(options, terminal, [*sentences, *after], applied=rows)


def _next(deliveries: Sequence[str], remote: str) -> str:
    """What a person does with changes that arrived in these ways."""
    branches = [kind.removeprefix("branch:") for kind in deliveries if kind.startswith("branch:")]
    if "working-tree" in deliveries:
        return "next: commit and push, then: trimtab loop (it measures, and keeps or undoes)"
    if branches:
        return f"next: git push {remote} {' '.join(branches)}, merge, then: trimtab loop (it measures, and keeps or undoes)"
    return "next: trimtab loop (it sees when the change is merged, measures it, and keeps or undoes)"


def _sentence(plan: Intervention, receipt: Receipt) -> str:
    files = ", ".join(receipt.after)
    where = "" if receipt.delivery == "working-tree" else f" by {receipt.delivery}"
    undo = f"undo: {receipt.undo}" if receipt.undo else "it cannot be undone"
    return f"applied {plan.id} {plan.rule} to {files}{where}; {undo}"
