"""
Switches a rule on again that `trimtab disable` switched off
"""

from __future__ import annotations

import argparse

from trimtab.cli import render
from trimtab.cli.terminal import Terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rule", metavar="RULE")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from trimtab.cli.select import known
    from trimtab.cli.site import open_site
    from trimtab.loop.settle import enable

    site, rule = open_site(options, terminal), known(options.rule)
    enable(site, rule)
    still = ["trimtab.toml still names it in `disabled`"] if rule in site.config.disabled else []
    render.told(options, terminal, [f"{rule} is on", *still, f"next: trimtab diagnose --rule {rule}"], enabled=rule)
    return 0
