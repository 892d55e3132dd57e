"""
Switches a rule off in this repository, until `trimtab enable RULE`

It then finds nothing and applies nothing. What it applied before stays and can be undone. It is in the journal, so it
holds for everybody who shares it; for a decision of the team, `disabled` in trimtab.toml says the same.
"""

from __future__ import annotations

import argparse

from trimtab.cli import render
from trimtab.cli.terminal import Terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rule", metavar="RULE")
    parser.add_argument("--why", default="", help="a reason for the others to read")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from trimtab.cli.select import known
    from trimtab.cli.site import open_site
    from trimtab.loop.settle import disable

    rule = known(options.rule)
    disable(open_site(options, terminal), rule, options.why)
    render.told(options, terminal, [f"{rule} is off; next: trimtab enable {rule}"], disabled=rule)
    return 0
