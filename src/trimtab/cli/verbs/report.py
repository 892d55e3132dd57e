"""
Everything about one repository on one page

The KPIs against their targets, changes with what was predicted and observed, findings by price, how runs ended.
--html FILE writes a self-contained page (light and dark, no script, loads nothing) that can be mailed or archived.
"""

from __future__ import annotations

import argparse

from trimtab.cli import render
from trimtab.cli.options import fail_on, formats
from trimtab.cli.terminal import Terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--html", metavar="FILE", help="write the page to FILE")
    formats(parser, "markdown", "github")
    fail_on(parser)


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from trimtab.cli import overview
    from trimtab.cli.site import open_site
    from trimtab.loop.collect import evidence
    from trimtab.loop.diagnose import diagnose

    site = open_site(options, terminal)
    seen = evidence(site)
    state = site.journal.state()
    page = overview.findings_page(diagnose(seen, disabled=state.disabled | site.config.disabled), state)
    shown = overview.overview(site, seen, page)
    if options.html:
        from trimtab.report import html

        path = write(options.html, html.page(shown))
        render.told(options, terminal, [f"wrote {path}"], html=path)
    else:
        render.status(options, terminal, shown)
        if options.format in ("text", "github"):
            terminal.show("\n" if options.format == "text" else "")
            render.findings(options, terminal, page, limit=None)
    return render.failed_on(options, found=bool(page.findings), missed=overview.missed(shown.kpis))


def write(file: str, text: str) -> str:
    """Write a report where the user said; returns the absolute path. Raises RefusedError."""
    from pathlib import Path

    from trimtab.errors import RefusedError

    path = Path(file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RefusedError(
            f"cannot write {file}: {error.strerror}", "the report was not written", "--html FILE"
        ) from error
    return str(path.resolve())
