"""
The whole loop on a sample project with simulated runs, or its first turn on your clone

Needs no network, no token and no Docker. The runs come from a seeded generator and say so; the loop that turns on
them is the real one. It ends with one change kept, one taken back and one still undecided, and writes an HTML report.
With --repo-dir it looks at your clone instead: it collects what is there, diagnoses and plans, and changes nothing.
"""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from trimtab.cli import render
from trimtab.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trimtab.catalogue.evidence import Evidence
    from trimtab.loop import Site
    from trimtab.loop.diagnose import Diagnosis
    from trimtab.report.values import Overview


WEEKS = 4  # enough to price its findings, little enough to be written at once


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("into", nargs="?", metavar="DIR", help="where the sample project goes (default: a new folder)")
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="another seed tells another story (default: 1)"
    )
    parser.add_argument(
        "--only-project", action="store_true", help="only write the sample project and four weeks of runs"
    )
    parser.add_argument("--repo-dir", metavar="DIR", help="take a first look at the clone in DIR instead")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    if options.repo_dir:
        return _first_look(options, terminal)
    from pathlib import Path

    from trimtab.demo.story import run as tell

    into = Path(options.into) if options.into else None
    if options.only_project:
        return _project(options, terminal, into)
    return tell(into, options.seed, show=terminal.show, say=terminal.say, compose=screen, paint=terminal.paint)


def _project(options: argparse.Namespace, terminal: Terminal, into: Path | None) -> int:
    """A clone and a file with its runs, for trying the commands one by one. Raises UsageError when DIR is in use."""
    from datetime import timedelta

    from trimtab.demo.simulation import Simulation
    from trimtab.demo.story import START
    from trimtab.errors import UsageError

    if into is None or into.exists():
        raise UsageError(
            "the sample project needs a new folder", "it is yours to keep", "trimtab demo --only-project DIR"
        )
    home = into.resolve()
    simulation = Simulation.create(home / "harbour", home, options.seed, START, WEEKS)
    simulation.advance(START + timedelta(weeks=WEEKS)).replace(home / "runs.json")
    render.told(
        options,
        terminal,
        [f"a SIMULATED project is in {into}/harbour, {WEEKS} weeks of its runs are in {into}/runs.json"],
        project=str(home / "harbour"),
        runs=str(home / "runs.json"),
    )
    return 0


def screen(site: Site, seen: Evidence, diagnosis: Diagnosis, notes: Sequence[str]) -> Overview:
    """The sample's screen is put together exactly as everybody's."""
    from trimtab.cli import overview

    return overview.overview(site, seen, overview.findings_page(diagnosis, site.journal.state()), notes)


def _first_look(options: argparse.Namespace, terminal: Terminal) -> int:
    """Collect what is there, diagnose, plan as a dry run; each step as the command that one would type."""
    import os
    import tempfile

    # Also the git folder stays byte for byte what it was: what this look learns is forgotten with it.
    known = os.environ.get("TRIMTAB_HOME")
    with tempfile.TemporaryDirectory(prefix="trimtab-first-look-") as home:
        os.environ["TRIMTAB_HOME"] = home
        try:
            _look(options.repo_dir, terminal)
        finally:
            os.environ.pop("TRIMTAB_HOME")
            os.environ.update({"TRIMTAB_HOME": known} if known is not None else {})
    terminal.show(f"nothing was changed; next: trimtab -C {shlex.quote(options.repo_dir)} collect\n")
    return 0


def _look(directory: str, terminal: Terminal) -> None:
    from trimtab.cli.options import load, parser_for
    from trimtab.errors import RefusedError, UsageError
    from trimtab.report.text import page, wrapped

    for verb, words in (("collect", ["--no-share"]), ("diagnose", []), ("plan", ["--safe-only", "--dry-run"])):
        terminal.show(f"$ trimtab {' '.join([verb, *words])}\n")
        module = load(verb)
        try:
            module.run(parser_for(module).parse_args(["-C", directory, *words]), terminal)
        except (RefusedError, UsageError) as error:
            if verb != "collect":
                raise
            terminal.show(
                page([*wrapped(error.what, "no run history yet: ", "  "), *wrapped(error.fix, "  to get it: ")])
            )
        terminal.show("\n")
