"""
Chooses the renderer that `--format` names
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trimtab.cli.terminal import Terminal
from trimtab.errors import EXIT_FAILED_ON, EXIT_FINE

if TYPE_CHECKING:
    from trimtab.report.values import ChangeLine, FindingsPage, Overview


def findings(options: argparse.Namespace, terminal: Terminal, page: FindingsPage, *, limit: int | None = 7) -> None:
    """Show findings; the text screen stops at `limit`, programs get all."""
    from trimtab.report import github, json, markdown, sarif, text

    match options.format:
        case "json":
            shown = json.findings(page)
        case "markdown":
            shown = markdown.findings(page)
        case "github":
            shown = github.findings(page)
        case "sarif":
            shown = sarif.findings(page)
        case _:
            shown = text.findings(page, paint=terminal.paint, limit=limit)
    terminal.show(shown)


def status(options: argparse.Namespace, terminal: Terminal, overview: Overview) -> None:
    from trimtab.report import github, json, markdown, text

    match options.format:
        case "json":
            shown = json.status(overview)
        case "markdown":
            shown = markdown.status(overview)
        case "github":
            shown = github.status(overview)
        case _:
            shown = text.status(overview, paint=terminal.paint)
    terminal.show(shown)


def changes(options: argparse.Namespace, terminal: Terminal, lines: Sequence[ChangeLine]) -> None:
    from trimtab.report import github, json, markdown, text

    match options.format:
        case "json":
            shown = json.changes(lines)
        case "markdown":
            shown = markdown.changes(lines)
        case "github":
            shown = github.changes(lines)
        case _:
            shown = text.changes(lines, paint=terminal.paint)
    terminal.show(shown)


def told(options: argparse.Namespace, terminal: Terminal, sentences: Sequence[str], **facts: object) -> None:
    """A short answer: sentences for a person (none: nothing is written), `facts` for a program."""
    from trimtab.report import json, text

    if options.format == "json":
        terminal.show(json.dumps({**facts, "says": list(sentences)}))
    elif sentences:
        terminal.show(text.page([line for sentence in sentences for line in text.wrapped(sentence)]))


def failed_on(options: argparse.Namespace, *, found: bool, missed: bool) -> int:
    """1 when `--fail-on` asked for what came true, else 0."""
    asked = {"finding": found, "target": missed}.get(options.fail_on or "", False)
    return EXIT_FAILED_ON if asked else EXIT_FINE
