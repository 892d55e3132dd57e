"""
Which changes a command line asks for: ids of findings or of plans, or everything that is safe
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence

from trimtab.catalogue.evidence import Evidence
from trimtab.cli import render, select
from trimtab.cli.choose import SHORTEST, chosen
from trimtab.cli.drafts import Chain, diffs
from trimtab.cli.overview import tried
from trimtab.cli.terminal import Terminal
from trimtab.errors import UsageError
from trimtab.ledger.state import Progress
from trimtab.loop import Site
from trimtab.loop.diagnose import diagnose
from trimtab.model import Finding, Risk, Stage
from trimtab.report.text import PLAIN

PLANNED = frozenset({Stage.PROPOSED, Stage.STALE, Stage.APPLYING})


def findings(site: Site, evidence: Evidence, options: argparse.Namespace) -> list[Finding]:
    """
    The findings with a change that `ids`, `--safe-only` and `--rule` choose, dearest first

    What was tried before and taken back, or declined, is not tried again unless somebody names it.
    """
    disabled = site.journal.state().disabled | site.config.disabled
    found = diagnose(evidence, disabled=disabled, rules=select.rules(options.rule)).findings
    with_change = [f for f in found if f.change is not None]
    if options.safe_only:
        before = tried(site.journal.state())
        with_change = [f for f in with_change if f.risk is Risk.SAFE and f.id not in before]
    if not options.ids:
        return with_change
    by_id = {f.id: f for f in found}
    return [_with_change(by_id[chosen(told, by_id, "finding", "trimtab diagnose --all")]) for told in options.ids]


def _with_change(finding: Finding) -> Finding:
    if finding.change is None:
        raise UsageError(
            f"finding {finding.id} ({finding.rule}) only tells",
            "Trimtab knows no safe edit that would mend it",
            f"trimtab explain {finding.rule}",
        )
    return finding


def asked(site: Site, evidence: Evidence, options: argparse.Namespace) -> tuple[list[Progress], list[Finding]]:
    """What `apply` was asked for: plans made before, and findings that are still to be planned."""
    if bool(options.ids) == options.safe_only:
        raise UsageError(
            "apply wants to know what",
            "it changes files, so nothing is chosen for you",
            "trimtab apply ID..., or --safe-only",
        )
    if options.safe_only:
        return [], findings(site, evidence, options)
    plans = {id: c for id, c in site.journal.state().changes.items() if c.stage in PLANNED}
    disabled = site.journal.state().disabled | site.config.disabled
    found = {f.id: f for f in diagnose(evidence, disabled=disabled, rules=select.rules(options.rule)).findings}
    for told in options.ids:
        _not_made_before(site, told, {*plans, *found})
    names = [chosen(told, {*plans, *found}, "finding or plan", "trimtab diagnose --all") for told in options.ids]
    return [plans[n] for n in names if n in plans], [_with_change(found[n]) for n in names if n not in plans]


def _not_made_before(site: Site, told: str, known: Collection[str]) -> None:
    """UsageError when `told` names nothing that is `known`, but a change that was made, or the finding that it answers."""
    if any(id.startswith(told.lower()) for id in known):
        return
    for id, change in site.journal.state().changes.items():
        if len(told) >= SHORTEST and any(one.startswith(told.lower()) for one in (id, *change.plan.findings)):
            raise UsageError(
                f"{told} is change {id} {change.plan.rule}, which is {change.stage}",
                "it is not made a second time",
                f"trimtab measure {id}, or trimtab undo {id}" if change.live else "trimtab diagnose --all",
            )


def show_drafts(options: argparse.Namespace, terminal: Terminal, made: Chain) -> int:
    """A dry run for a program."""
    rows = [
        {
            "id": item.intervention.id,
            "rule": item.intervention.rule,
            "files": list(item.after),
            "diff": "\n".join(diffs([item], PLAIN)[1:]),
        }
        for item in made.drafts
    ]
    refusals = [{"finding": r.finding.id, "rule": r.finding.rule, "why": r.why} for r in made.refusals]
    render.told(options, terminal, ["dry run: nothing was written"], drafts=rows, refused=refusals)
    return 0


def limited(found: Sequence[Finding], limit: int | None) -> list[Finding]:
    """The first `limit` of them."""
    return list(found) if limit is None else list(found[:limit])
