"""A team in temporary folders, for tests that turn the loop: a bare origin on "GitHub", and clones of it with their sites."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trimtab.config import Config
from trimtab.ledger.journal import Journal
from trimtab.ledger.store import Ledger
from trimtab.loop import Site
from trimtab.loop.collect import evidence
from trimtab.loop.diagnose import diagnose
from trimtab.loop.plan import plan
from trimtab.model import Intervention
from trimtab.world.git import Repository

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
CI = """\
name: CI
on:
  push:
    branches: [main]
  pull_request:
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with:
          node-version: 20
      - run: npm ci
  lint:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with:
          node-version: 20
      - run: npm ci
"""


@dataclass
class Team:
    """A bare repository, its clones, and one clock for everybody: commits and journals take their time from it."""

    folder: Path
    now: datetime = START
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        seed = self.folder / "seed"
        self.write(seed, {".github/workflows/ci.yml": CI, "package-lock.json": "{}\n", "README.md": "hello\n"})
        self.git(seed, "init", "-q", "-b", "main")
        self.git(seed, "add", ".")
        self.git(seed, "commit", "-qm", "first")
        self.git(self.folder, "clone", "-q", "--bare", "seed", "app.git")

    @property
    def bare(self) -> Path:
        return self.folder / "app.git"

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)

    def git(self, folder: Path, *args: str) -> str:
        stamp = f"@{int(self.now.timestamp())} +0000"
        identity = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org"}
        identity |= {"GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org"}
        env = {**os.environ, **identity, "GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
        done = subprocess.run(("git", *args), cwd=folder, capture_output=True, text=True, env=env)
        assert done.returncode == 0, (args, done.stderr)
        return done.stdout.strip()

    def write(self, folder: Path, files: dict[str, str]) -> None:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(text.encode())

    def clone(self, name: str) -> Path:
        self.git(self.folder, "clone", "-q", str(self.bare), name)
        return self.folder / name

    def site(self, clone: Path, actor: str = "ada") -> Site:
        repository = Repository.find(clone)
        state = repository.common_dir / "trimtab/state.db"
        journal = Journal.open(state, actor)
        return Site(repository, Ledger.open(state), journal, Config(), lambda: self.now, self.said.append)

    def commit(self, clone: Path, files: dict[str, str], message: str = "edit", *, push: bool = True) -> str:
        """Commit files on main of a clone, after taking in what others pushed."""
        self.git(clone, "pull", "-q", "--rebase", "--autostash", "origin", "main")
        self.write(clone, files)
        self.git(clone, "add", *files)
        self.git(clone, "commit", "-qm", message)
        if push:
            self.git(clone, "push", "-q", "origin", "HEAD:main")
        return self.git(clone, "rev-parse", "HEAD")


def planned(site: Site, *rules: str, together: bool = True) -> Iterator[Intervention]:
    """Plans of these rules' findings in this site, in the order of `rules`."""
    seen = evidence(site)
    findings = [f for f in diagnose(seen).findings if f.change is not None and f.rule in rules]
    made = plan(site, seen, findings, together=together).interventions
    for rule in rules:
        yield next(one for one in made if one.rule == rule)
