"""
One Trimtab at a time in a repository: a lock that names its owner and cannot outlive it

The system's own lock on the file (flock) ends with the process that holds it, however that ends. Its text names the owner by
pid, start time and host, for whoever finds it taken, and for network file systems, where flock may not reach other hosts.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from trimtab.errors import LockedError, RefusedError


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a lock. `started` is the kernel's own figure, so that a pid used again is told from its predecessor."""

    pid: int
    started: str
    host: str
    doing: str

    @property
    def alive(self) -> bool:
        """Whether that very process still runs. Asked of another host it is taken to be so: we cannot look there."""
        return self.host != socket.gethostname() or started(self.pid) == self.started


def me(doing: str) -> Owner:
    """The owner that this process would be."""
    pid = os.getpid()
    return Owner(pid, started(pid) or "", socket.gethostname(), doing)


@contextmanager
def locked(folder: Path, doing: str) -> Iterator[None]:
    """Hold the lock in `folder` for the block; LockedError naming the owner when it is taken."""
    path = folder / "lock"
    handle = _take(path)
    try:
        own = me(doing)
        _refuse_living(path, _owner(handle), own)
        _name(path, handle, json.dumps(asdict(own)))
        try:
            yield
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _take(path: Path) -> int:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        why = "Trimtab must be alone while it changes files"
        raise RefusedError(f"cannot lock {path}: {error.strerror}", why, f"ls -ld {path.parent}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = _owner(handle)
        os.close(handle)
        raise _taken(path, owner) from error
    return handle


def _refuse_living(path: Path, owner: Owner | None, own: Owner) -> None:
    """The flock is ours; a text that names another living owner means that flock does not reach it."""
    if owner is not None and owner.alive and (owner.pid, owner.host) != (own.pid, own.host):
        raise _taken(path, owner)


def _owner(handle: int) -> Owner | None:
    """Who the text names; None when it is empty or was cut short by a crash."""
    text = os.pread(handle, 4096, 0)
    try:
        data = json.loads(text)
        return Owner(int(data["pid"]), str(data["started"]), str(data["host"]), str(data["doing"]))
    except (ValueError, KeyError, TypeError):
        return None


def _name(path: Path, handle: int, text: str) -> None:
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, text.encode(), 0)
    except OSError as error:
        raise RefusedError(f"cannot write {path}: {error.strerror}", "nothing was changed", "df -h .") from error


def _taken(path: Path, owner: Owner | None) -> LockedError:
    who = f"process {owner.pid} on {owner.host} ({owner.doing})" if owner else "another process"
    fix = "wait for it to end, then run the command again"
    if owner and owner.host != socket.gethostname():
        fix = f"wait for it to end; if Trimtab no longer runs on {owner.host}: rm {path}"
    return LockedError(f"{who} is changing this repository", "two at once could undo each other's work", fix)


def started(pid: int) -> str | None:
    """When a process started: boot id and clock ticks since boot (proc(5), stat field 22); None when it does not run."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return _started_elsewhere(pid)
    fields = text.rpartition(")")[2].split()  # the name in brackets may hold blanks
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def _started_elsewhere(pid: int) -> str | None:
    """The same where there is no /proc (macOS): as `ps` tells it."""
    if os.path.isdir("/proc/self"):
        return None
    from trimtab.world.process import run

    done = run(("ps", "-o", "lstart=", "-p", str(pid)))
    return done.text.strip() or None
