"""
Opens the site that a command works on: the clone, its state file, its trimtab.toml, the clock

State lies in the clone's git folder under `trimtab/`, so that worktrees share it and `git clean` spares it; in TRIMTAB_HOME when
that is set; for a repository without a clone in the user's state folder (XDG base directories, ~/.local/state).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
from pathlib import Path

from trimtab.cli.terminal import Terminal
from trimtab.config import LARGEST, Config, parse
from trimtab.errors import ConfigError, NotARepositoryError, RefusedError, UsageError
from trimtab.ledger.database import Database
from trimtab.ledger.journal import Journal
from trimtab.ledger.store import Ledger
from trimtab.loop import Site
from trimtab.world.clock import now
from trimtab.world.files import WorkTree
from trimtab.world.git import Repository

CONFIG = "trimtab.toml"
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")


def open_site(options: argparse.Namespace, terminal: Terminal) -> Site:
    """
    The site that `-C DIR` and `--repo OWNER/NAME` name

    Raises NotARepositoryError when there is neither a clone nor `--repo`, UsageError for a malformed name, ConfigError for
    a bad trimtab.toml, RefusedError when the state file cannot be written.
    """
    slug = slug_of(options.repo)
    repository = _clone(Path(options.directory), slug)
    config = read_config(repository.root) if repository else Config()
    known = slug or (repository.remote_slug(config.remote) if repository else None)
    database = Database.open(state_file(repository, known))
    return Site(repository, Ledger(database), Journal(database), config, now, terminal.say, known)


def slug_of(told: str | None) -> str | None:
    """`owner/name` as typed after `--repo`; UsageError when it is no such name."""
    if told is None or (_SLUG.fullmatch(told) and not told.endswith(("/.", "/.."))):
        return told
    raise UsageError(
        f"{told!r} is no repository", "a repository on GitHub is named by owner and name", "--repo owner/name"
    )


def _clone(directory: Path, slug: str | None) -> Repository | None:
    """The clone at `directory`; with `--repo` only if it is a clone of that repository, and none is fine."""
    if not directory.is_dir():
        raise UsageError(f"there is no folder {directory}", "-C names the folder to work in", "-C DIR")
    if slug is None:
        return Repository.find(directory)
    try:
        found = Repository.find(directory)
    except NotARepositoryError:
        return None
    remotes = {(found.remote_slug(name) or "").lower() for name in found.remotes()}
    return found if slug.lower() in remotes else None


def read_config(root: Path) -> Config:
    """What trimtab.toml at the root says; the default when there is none. Raises ConfigError."""
    data = WorkTree(root).look(CONFIG, LARGEST * 4)
    if data is None:
        return Config()
    from trimtab import catalogue

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{CONFIG} is not UTF-8 (byte {error.start})", "none of it was used", "save it as UTF-8"
        ) from error
    rules = catalogue.rules()
    return parse(
        text,
        rules={id: rule.settings for id, rule in rules.items()},
        kpis=catalogue.kpis(),
        ranges={id: getattr(rule, "ranges", {}) for id, rule in rules.items()},
    )


def state_file(repository: Repository | None, slug: str | None) -> Path:
    """Where the one SQLite file of this repository lies."""
    home = os.environ.get("TRIMTAB_HOME")
    if home:
        return Path(home).expanduser() / _folder(repository, slug) / "state.db"
    if repository is not None:
        return repository.common_dir / "trimtab" / "state.db"
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    try:
        return Path(base).expanduser() / "trimtab" / _folder(None, slug) / "state.db"
    except RuntimeError as error:
        raise RefusedError("there is no home folder to keep state in", str(error), "set TRIMTAB_HOME") from error


def _folder(repository: Repository | None, slug: str | None) -> str:
    """A name for one repository below a shared folder."""
    if slug is not None:
        return slug.lower().replace("/", "__")
    assert repository is not None
    return hashlib.sha256(str(repository.common_dir).encode()).hexdigest()[:16]
