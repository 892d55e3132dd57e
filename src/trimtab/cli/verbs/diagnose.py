"""
What could be better in the workflow files, ranked by what it costs in your own runs

Reads the files here (or, with --repo, those on GitHub) and the collected history; changes nothing. One finding per
rule and workflow. Findings do not change the exit code unless --fail-on asks. A finding is silenced by a comment `#
trimtab: ignore[rule]` on its line, above it or at the head of the file, or by trimtab.toml.
"""

from __future__ import annotations

import argparse

from trimtab.cli import render
from trimtab.cli.options import fail_on, formats
from trimtab.cli.terminal import Terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rev", metavar="REV", help="look at the files of this commit instead of the working tree")
    parser.add_argument("--files", nargs="+", metavar="FILE", help="only these workflow files")
    parser.add_argument("--rule", action="append", metavar="RULE", help="only this rule; may be repeated")
    parser.add_argument("--all", action="store_true", help="all findings, not only the first seven")
    parser.add_argument("--no-price", action="store_true", help="do not replay the history; faster")
    formats(parser, "markdown", "github", "sarif")
    fail_on(parser)


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from trimtab.cli import overview, select
    from trimtab.cli.site import open_site
    from trimtab.loop.collect import evidence
    from trimtab.loop.diagnose import diagnose

    site = open_site(options, terminal)
    seen = evidence(site, rev=options.rev)
    disabled = site.journal.state().disabled | site.config.disabled
    diagnosis = diagnose(
        seen,
        disabled=disabled,
        rules=select.rules(options.rule),
        price=not options.no_price,
        only_paths=select.paths(site, options.files),
    )
    says = select.left_out(options.rule, disabled) if diagnosis.files else (select.nothing_to_read(site),)
    page = overview.findings_page(diagnosis, site.journal.state(), says)
    render.findings(options, terminal, page, limit=None if options.all else 7)
    target = options.fail_on == "target" and overview.missed(
        overview.kpi_lines(site, seen, overview.build_paths(site, seen))
    )
    return render.failed_on(options, found=bool(diagnosis.findings), missed=target)
