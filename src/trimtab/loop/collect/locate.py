"""
Which workflow file the runs of an export belong to, when it tells a workflow by its name

A run's identity is (workflow path, id, attempt). Exports tell a name ("CI"), which the files here may bear today, no longer, or
twice. So a name is put to the one file that it can mean; else to where the same attempt (id, attempt, creation) is already
known; and rows that were stored under a bare name move to their file as soon as that is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath

from trimtab.loop import Site
from trimtab.loop.collect.snapshot import Snapshot
from trimtab.model import Run
from trimtab.world.git import WORKFLOWS

Attempt = tuple[int, int, datetime]  # run id, number of the attempt, creation
SHOWN = 3  # names without a file that are told one by one


def located(site: Site, runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """
    The runs at the paths of their workflows where these can be known, and sentences about those where they cannot

    Moves what the ledger holds under a name of these files, or of an attempt that `runs` tell by path.
    """
    bearers = _bearers(site)
    known = {name: next(iter(paths)) for name, paths in bearers.items() if len(paths) == 1}
    told = [replace(run, workflow=known.get(run.workflow, run.workflow)) for run in runs]
    names = {run.workflow for run in told if not _is_path(run.workflow)}
    if not names and all(map(_is_path, site.ledger.workflows())):
        return told, []
    places = site.ledger.places()
    for run in told:
        if _is_path(run.workflow):
            places.setdefault((run.id, run.attempt, run.created), set()).add(run.workflow)
    site.ledger.relocate(_moves(places, known))
    found = [run if _is_path(run.workflow) else _where_known(run, places) for run in told]
    return found, _homeless(found, bearers)


def _bearers(site: Site) -> dict[str, set[str]]:
    """The paths of workflow files by all that they may be called: name, file name with and without ending, path."""
    bearers: dict[str, set[str]] = {}
    for workflow in Snapshot(site).workflows():
        file = PurePosixPath(workflow.path)
        for name in {workflow.name, file.name, file.stem, workflow.path}:
            if name:
                bearers.setdefault(name, set()).add(workflow.path)
    return bearers


def _is_path(workflow: str) -> bool:
    """Whether it names a file, or a workflow of GitHub's own ("dynamic/..."), which has none."""
    return workflow.startswith((f"{WORKFLOWS}/", "dynamic/"))


def _moves(places: Mapping[Attempt, set[str]], known: Mapping[str, str]) -> dict[tuple[str, int, int], str]:
    """(name, id, attempt) of rows under a bare name, with the path that they belong to."""
    moves = {}
    for (run_id, attempt, _), workflows in places.items():
        paths = {workflow for workflow in workflows if _is_path(workflow)}
        for name in workflows - paths:
            path = known.get(name) or (next(iter(paths)) if len(paths) == 1 else None)
            if path is not None:
                moves[name, run_id, attempt] = path
    return moves


def _where_known(run: Run, places: Mapping[Attempt, set[str]]) -> Run:
    paths = [workflow for workflow in places.get((run.id, run.attempt, run.created), ()) if _is_path(workflow)]
    return replace(run, workflow=paths[0]) if len(paths) == 1 else run


def _homeless(runs: Sequence[Run], bearers: Mapping[str, set[str]]) -> list[str]:
    counts = Counter(run.workflow for run in runs if not _is_path(run.workflow))
    says = []
    for name, count in counts.most_common(SHOWN):
        paths = sorted(bearers.get(name, ()))
        why = f"{' and '.join(paths)} are all called so" if paths else "none here is called so"
        attempts = "1 run attempt" if count == 1 else f"{count:,} run attempts"
        says.append(f"{attempts} of {name!r} belong to no workflow file: {why}; no finding rests on that")
    rest = len(counts) - SHOWN
    return [*says, f"and those of {rest} more workflows"] if rest > 0 else says
