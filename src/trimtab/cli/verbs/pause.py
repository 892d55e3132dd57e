"""
The brake: nothing is applied or settled in this repository until `trimtab resume`

Undoing stays possible. The pause is in the journal, so it holds for everybody who shares it.
"""

from __future__ import annotations

import argparse

from trimtab.cli import render
from trimtab.cli.terminal import Terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--why", default="", help="a reason for the others to read")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from trimtab.cli.site import open_site
    from trimtab.loop.settle import pause

    pause(open_site(options, terminal), options.why)
    render.told(options, terminal, ["paused; undo still works; next: trimtab resume"], paused=True)
    return 0
