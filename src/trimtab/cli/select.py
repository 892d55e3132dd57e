"""
Which rules, files and findings a command line speaks of
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from trimtab import catalogue
from trimtab.catalogue.protocols import Rule
from trimtab.config import nearest
from trimtab.errors import RefusedError, UsageError
from trimtab.loop import Site


def rules(told: Sequence[str] | None) -> Mapping[str, Rule] | None:
    """The rules that `--rule` names; None for all. Raises UsageError for one that does not exist."""
    if not told:
        return None
    return {id: catalogue.rules()[known(id)] for id in told}


def left_out(told: Sequence[str] | None, disabled: frozenset[str]) -> tuple[str, ...]:
    """A sentence on rules that would have been asked, were they not switched off; none when all were asked."""
    off = sorted(disabled & set(told or catalogue.rules()))
    return (f"not asked, because switched off: {', '.join(off)}; trimtab enable RULE, or trimtab.toml",) if off else ()


def known(id: str) -> str:
    """`id`, when there is such a rule; else UsageError with the nearest."""
    if id not in catalogue.rules():
        raise UsageError(f'there is no rule "{id}"', nearest(id, catalogue.rules()), "trimtab explain")
    return id


def paths(site: Site, files: Sequence[str] | None) -> Collection[str] | None:
    """Files as typed (from the folder one stands in, or from the root) as paths of the repository; None for all."""
    if not files:
        return None
    return frozenset(path(site, file) for file in files)


def path(site: Site, file: str) -> str:
    """One file as a path of the repository, with forward slashes."""
    if site.repository is None:
        return file
    root = site.repository.root.resolve()
    here = Path(os.path.normpath(Path.cwd() / file))
    if not here.exists() or not here.parent.resolve().is_relative_to(root):
        here = Path(os.path.normpath(root / file))
    parent = here.parent.resolve()
    if not parent.is_relative_to(root):
        raise UsageError(f"{file} is outside the repository", "only its own workflow files are looked at", f"cd {root}")
    return (parent / here.name).relative_to(root).as_posix()


def nothing_to_read(site: Site) -> str:
    """Why there are no workflow files. Raises RefusedError when they were never read: that is no clean bill of health."""
    if site.repository is not None:
        return "there are no files in .github/workflows"
    raise RefusedError(
        f"no workflow files of {site.slug} have been read yet",
        "without a clone they come from GitHub, and nothing was looked at",
        f"trimtab collect --repo {site.slug}",
    )
