"""
Lets go of the brake that `trimtab pause` set
"""

from __future__ import annotations

import argparse

from trimtab.cli import render
from trimtab.cli.terminal import Terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing but what every verb understands."""


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from trimtab.cli.site import open_site
    from trimtab.loop.settle import resume

    resume(open_site(options, terminal))
    render.told(options, terminal, ["no longer paused; next: trimtab"], paused=False)
    return 0
