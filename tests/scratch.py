"""Where scratch repositories are made: in memory where Linux has room for them and runs programs there, else where it says."""

from __future__ import annotations

import os
import tempfile

MEMORY = "/dev/shm"
ROOM = 1 << 30  # bytes; containers often have no more than 64 MiB there


def scratch() -> str:
    """A folder for what is synced and thrown away by the hundred; TMPDIR, when somebody set it, is obeyed."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return tempfile.gettempdir()
    found = os.statvfs(MEMORY)
    fits = not found.f_flag & os.ST_NOEXEC and found.f_bavail * found.f_frsize > ROOM
    return MEMORY if fits else tempfile.gettempdir()
