"""
Writes a commented trimtab.toml, or a weekly workflow that turns the loop

The configuration is optional: without it everything has its default. The workflow (--workflow) runs once a week with
the permissions that it needs and no others, never on pull requests, and offers its changes as pull requests. A file
that is there already stays.
"""

from __future__ import annotations

import argparse

from trimtab.cli import render
from trimtab.cli.terminal import Terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workflow", action="store_true", help="write .github/workflows/trimtab.yml instead")
    parser.add_argument("--print", action="store_true", dest="only_print", help="print it and write nothing")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    from pathlib import Path

    from trimtab.cli import templates
    from trimtab.cli.site import read_config, slug_of
    from trimtab.errors import UsageError
    from trimtab.world.files import WorkTree
    from trimtab.world.git import Repository

    path = templates.WORKFLOW_PATH if options.workflow else templates.CONFIG_PATH
    if options.only_print and options.repo:
        terminal.show(templates.workflow(slug_of(options.repo)) if options.workflow else templates.config())
        return 0
    repository = Repository.find(Path(options.directory))
    slug = slug_of(options.repo) or repository.remote_slug(read_config(repository.root).remote)
    text = templates.workflow(slug) if options.workflow else templates.config()
    if options.only_print:
        terminal.show(text)
        return 0
    tree = WorkTree(repository.root)
    found = tree.look(path)
    if found is not None and found != text.encode():
        raise UsageError(
            f"{path} is there already",
            "it is yours, so it stays as it is",
            f"trimtab init{' --workflow' if options.workflow else ''} --print",
        )
    if found is None:
        tree.write(path, text.encode(), None)
    after = "commit it; it then runs every week" if options.workflow else "trimtab collect"
    render.told(options, terminal, [f"{'wrote' if found is None else 'kept'} {path}; next: {after}"], wrote=path)
    return 0
