"""
The manual page of a rule or a KPI

What it looks for, why it matters, what it never touches, and its settings with their defaults.
"""

from __future__ import annotations

import argparse

from trimtab.cli.terminal import Terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "id", nargs="?", metavar="RULE", help="a rule or KPI; without it, all of them with their titles"
    )


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from trimtab.cli import manual

    if options.id is None:
        terminal.show(manual.listing() if options.format == "text" else _json({"entries": manual.titles()}))
        return 0
    facts = manual.facts(options.id)
    if options.format == "json":
        terminal.show(_json(facts))
        return 0
    terminal.show(manual.text(facts))
    return 0


def _json(facts: dict[str, object]) -> str:
    from trimtab.report.json import dumps

    return dumps(facts)
