"""
One Trimtab at a time: a living owner is named, a dead one is no obstacle
"""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from trimtab.errors import LockedError
from trimtab.world.lock import locked, me, started


def hold(folder: Path) -> tuple[int, int]:
    """A process that holds the lock until it is killed; returns its pid and a pipe that says when it does."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        with locked(folder, "trimtab apply c0ffee00"):
            os.write(write, b"!")
            signal.pause()
        os._exit(0)
    os.close(write)
    assert os.read(read, 1) == b"!"
    return child, read


def test_living_owner_is_named(tmp_path: Path) -> None:
    child, _ = hold(tmp_path)
    with pytest.raises(LockedError) as refused, locked(tmp_path, "trimtab undo"):
        raise AssertionError("two at once")
    assert refused.value.what == (
        f"process {child} on {socket.gethostname()} (trimtab apply c0ffee00) is changing this repository"
    )
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    child, _ = hold(tmp_path)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert json.loads((tmp_path / "lock").read_text())["pid"] == child
    with locked(tmp_path, "trimtab undo"):
        assert json.loads((tmp_path / "lock").read_text())["pid"] == os.getpid()
    assert (tmp_path / "lock").read_text() == ""


@pytest.mark.parametrize(
    "text", ["", "{", '{"pid": "x"}', "\0\0\0", '{"pid": 1, "started": "long ago", "host": "HOST", "doing": ""}']
)
def test_cut_short_or_used_again_pid_is_no_owner(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock").write_text(text.replace("HOST", socket.gethostname()))
    with locked(tmp_path, "trimtab undo"):
        assert (tmp_path / "lock").read_text() != text


def test_owner_that_flock_does_not_reach(tmp_path: Path) -> None:
    """On a shared disk without working locks the text alone has to do: pid 1 of this very boot is alive."""
    text = {"pid": 1, "started": started(1), "host": socket.gethostname(), "doing": "x"}
    for owner in (text, {**text, "host": "build-17"}):
        (tmp_path / "lock").write_text(json.dumps(owner))
        with pytest.raises(LockedError) as refused, locked(tmp_path, "trimtab undo"):
            raise AssertionError("two at once")
        assert ("rm " in refused.value.fix) == (owner["host"] == "build-17")
        assert json.loads((tmp_path / "lock").read_text()) == owner


def test_start_time_tells_processes_apart() -> None:
    assert me("x").alive
    assert started(os.getpid()) == started(os.getpid()) != started(1)
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert started(child) is None
