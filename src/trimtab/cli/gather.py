"""
Collects from where a command line points: files, or GitHub through the user's own gh
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trimtab.errors import UsageError
from trimtab.loop import Site
from trimtab.loop.collect import Collected, collect
from trimtab.world.github import Hub, Meter


def gather(site: Site, files: Sequence[Path], *, requests: int = 500, share: bool = True) -> Collected:
    """One collection from `files`, or from GitHub when there are none. Raises UsageError when there is nothing to ask."""
    if files:
        missing = [str(file) for file in files if not file.exists()]
        if missing:
            raise UsageError(f"there is no file {missing[0]}", "nothing was read", "trimtab collect FILE...")
        return collect(site, files=files, shared=share)
    return collect(site, hub=_hub(site, requests), shared=share)


def look(site: Site) -> Collected:
    """Only what the clone tells: which changes reached the default branch, and which file each run executed."""
    return collect(site, shared=False)


def _hub(site: Site, requests: int) -> Hub:
    if site.slug is None:
        raise UsageError(
            "it is not known which repository on GitHub this is",
            f"the remote {site.config.remote!r} does not name one",
            "trimtab collect --repo owner/name, or trimtab collect FILE... for a history that was exported",
        )
    host = site.repository.remote_host(site.config.remote) if site.repository is not None else None
    return Hub(site.slug, host or "github.com", Meter(requests))
