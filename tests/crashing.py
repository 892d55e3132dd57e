"""
A small project that can be killed at any point of an apply, an undo or a recovery

A forked child does the work with every durable step of Python (write, fsync, rename, unlink, mkdir, rmdir, SQLite commit)
counted; at a chosen step it sends itself SIGKILL, half way through it when that step is a write. The parent then edits
files as a user might, recovers, and looks at what is left. A kill is no power cut: the order of fsyncs is not tested here.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from trimtab.config import Config
from trimtab.ledger.database import Database
from trimtab.ledger.journal import Journal
from trimtab.ledger.state import content_hash
from trimtab.ledger.store import Ledger
from trimtab.loop import Site
from trimtab.model import EditFile, Intervention, PlannedFile, Risk, Stage, Unknown
from trimtab.world.files import sha256
from trimtab.world.git import Repository, blob_id

WORKFLOWS = ".github/workflows"
COUNTED = ("write", "fsync", "rename", "replace", "unlink", "mkdir", "rmdir", "ftruncate", "pwrite")
STORY = datetime(2026, 3, 1, tzinfo=UTC)
# Three files that are easy to get wrong: comments, CRLF line ends, and one with a BOM, no final newline and mode 0755.
FILES = {
    f"{WORKFLOWS}/a.yml": b"# one\non: push\njobs:\n  a:\n    # why here\n    runs-on: x\n    steps:\n      - run: a\n# end\n",
    f"{WORKFLOWS}/b.yml": b"# two\r\non: push\r\njobs:\r\n  b:\r\n    runs-on: x\r\n    steps:\r\n      - run: b\r\n# end\r\n",
    f"{WORKFLOWS}/c.yml": b"\xef\xbb\xbf# dr\xc3\xa4i\non: push\njobs:\n  c:\n    runs-on: x\n    steps:\n      - run: c\n# end",
}
MODES = {f"{WORKFLOWS}/a.yml": 0o644, f"{WORKFLOWS}/b.yml": 0o600, f"{WORKFLOWS}/c.yml": 0o755}
Action = Callable[[Site], object]
tempfile.gettempdir()  # tries the folder out, by an unlink that would be counted, once in a process


def ours(data: bytes, minutes: int = 5) -> bytes:
    """What a change makes of a file: one line more, behind `runs-on` or, for even numbers, behind `on`."""
    place = rb"(    runs-on: [^\r\n]*)(\r?\n)" if minutes % 2 else rb"(on: push)(\r?\n)"
    return re.sub(place, rb"\1\2" + line_of(minutes) + rb"\2", data, count=1)


def line_of(minutes: int) -> bytes:
    return b"    timeout-minutes: %d" % minutes if minutes % 2 else b"env: {N: %d}" % minutes


def elsewhere(data: bytes) -> bytes:
    """A user's edit away from ours: another comment at the very top."""
    return data.replace(b"on: push", b"# mine\non: push", 1)


def conflicting(data: bytes) -> bytes:
    """A user's edit where ours is or would be."""
    return data.replace(b"    runs-on: x", b"    runs-on: mine", 1)


@dataclass(frozen=True)
class Project:
    """A repository at `root` (only as much of `.git` as is needed) with three workflow files."""

    root: Path

    @classmethod
    def make(cls, root: Path, files: dict[str, bytes] = FILES) -> Project:
        (root / ".git/info").mkdir(parents=True)
        for path, data in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
            (root / path).chmod(MODES.get(path, 0o644))
        return cls(root)

    def copy(self, root: Path) -> Project:
        shutil.copytree(self.root, root, symlinks=True)
        return Project(root)

    def site(self, config: Config | None = None, say: Callable[[str], None] = lambda _: None) -> Site:
        database = Database.open(self.root / ".git/trimtab/state.db")
        repository = Repository(self.root, self.root / ".git", self.root / ".git")
        return Site(repository, Ledger(database), Journal(database, "tester"), config or Config(), lambda: STORY, say)

    def files(self) -> dict[str, bytes]:
        return {path: (self.root / path).read_bytes() for path in FILES if (self.root / path).exists()}

    def modes(self) -> dict[str, int]:
        return {path: (self.root / path).stat().st_mode & 0o777 for path in self.files()}

    def everything(self) -> dict[str, bytes]:
        """Every file outside `.git`, with the empty folders."""
        found = (p for p in self.root.rglob("*") if ".git" not in p.relative_to(self.root).parts[:1])
        return {str(p.relative_to(self.root)): p.read_bytes() if p.is_file() else b"/" for p in found}

    def edit(self, path: str, change: Callable[[bytes], bytes]) -> bytes:
        """A user's edit in place, as most editors do it; returns what the file then holds."""
        data = change((self.root / path).read_bytes())
        (self.root / path).write_bytes(data)
        return data


def plan(site: Site, project: Project, minutes: int = 5) -> Intervention:
    """A journalled change of all three files, from what they hold now."""
    before = project.files()
    after = {path: ours(data, minutes) for path, data in before.items()}
    site.journal.store(*before.values(), *after.values())
    files = tuple(
        PlannedFile(p, sha256(b), sha256(after[p]), blob_id(b), blob_id(after[p]), EditFile(p))
        for p, b in before.items()
    )
    draft = Intervention(
        "", "set-timeout", "a job may hang for six hours", ("f",), files, "runner_minutes", "counted", 28,
        Unknown("not priced"), Risk.SAFE, STORY, "digest",
    )  # fmt: skip
    used = site.journal.state().times_planned(content_hash(draft))
    made = replace(draft, id=sha256(f"{content_hash(draft)} {used}".encode())[:8])
    site.journal.plan(made, at=STORY)
    return made


def stage_of(site: Site, id: str) -> Stage:
    return site.journal.state().changes[id].stage


def steps(project: Project, action: Action) -> int:
    """How many durable steps `action` takes when nothing goes wrong."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            counter = _instrument(0)
            action(project.site())
            os.pwrite = os.write = None  # type: ignore[assignment]
            with os.fdopen(write, "wb") as pipe:
                pipe.write(str(counter.seen).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return int(text)


def killed(project: Project, action: Action, at: int) -> bool:
    """Run `action` and kill it at its step number `at` (from 1); False when it ended before, or raised."""
    child = os.fork()
    if child == 0:
        try:
            _instrument(at)
            action(project.site())
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def disturbed(project: Project, action: Action, at: int, disturb: Callable[[], object]) -> bool:
    """
    Run `action` in a child in which `disturb` happens just before step number `at`; whether it did

    Not before a rename: between the last look at a file and its rename is the one race that plain files leave open.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            counter = _instrument(0)
            counter.disturb_at, counter.disturb = at, disturb
            action(project.site())
        finally:
            code = 0 if counter.disturbed else code
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


@dataclass
class Counter:
    fatal: int
    seen: int = 0
    disturb_at: int = 0
    disturb: Callable[[], object] = lambda: None
    disturbed: bool = False

    def step(self, name: str) -> bool:
        """Count one step; whether it is the fatal one."""
        self.seen += 1
        if self.seen == self.disturb_at and name != "rename":
            self.disturbed = True
            self.disturb()
        return self.seen == self.fatal


def _instrument(fatal: int) -> Counter:
    """Wrap every durable step of this process; it dies at the fatal one, a write after half of its bytes."""
    counter = Counter(fatal)
    for name in COUNTED:
        setattr(os, name, _wrapped(name, getattr(os, name), counter))
    commit = Database._commit

    def counted(self: Database) -> None:
        if counter.step("commit"):
            _die()
        commit(self)

    Database._commit = counted  # type: ignore[method-assign]
    return counter


def _wrapped(name: str, real: Callable[..., object], counter: Counter) -> Callable[..., object]:
    def step(*args: object, **named: object) -> object:
        if counter.step(name):
            if name in ("write", "pwrite"):
                handle, data, *rest = args
                real(handle, bytes(data)[: len(bytes(data)) // 2], *rest)  # type: ignore[arg-type]
            _die()
        return real(*args, **named)

    return step


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
