"""
Run another program and wait for it: no shell, a time limit, and an error that says what to install

Everything that Trimtab asks of git, gh, actionlint or a hook goes through `run`. The child gets its own session, so that a
time limit ends its children as well.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trimtab.errors import RefusedError

# Variables that git sets for its hooks and that would point our own git calls at another repository or index
# (`git rev-parse --local-env-vars`). Trimtab itself may be running from a pre-commit hook.
GIT_LOCAL = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_PARAMETERS",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)


INSTEAD = {  # what to do without a program, where there is a way around it
    "gh": "install gh (https://cli.github.com); a history that was exported needs none: trimtab collect FILE",
}


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended: exit code (negative = killed by that signal) and what it wrote."""

    argv: tuple[str, ...]
    code: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        return self.out.decode("utf-8", "replace")

    @property
    def complaint(self) -> str:
        """The last 2,000 characters of what it said on stderr, or else on stdout."""
        return (self.err or self.out).decode("utf-8", "replace").strip()[-2000:]


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The user's environment without git's hook variables, with `changes` on top."""
    kept = {name: value for name, value in os.environ.items() if name not in GIT_LOCAL}
    return kept | dict(changes or {})


def on_path(program: str) -> bool:
    return shutil.which(program) is not None


def run(
    argv: Sequence[str],
    cwd: Path | str | None = None,
    stdin: bytes | None = None,
    timeout: float = 120.0,
    env: Mapping[str, str] | None = None,
) -> Done:
    """
    Run `argv` to its end and return what it wrote; a non-zero exit is a value, not an error

    `timeout` is in seconds; `env` is the whole environment (default: `environment()`); without `stdin` the child reads
    nothing. Raises RefusedError when the program is missing, not executable, or did not end in time.
    """
    try:
        child = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(env) if env is not None else environment(),
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise RefusedError(
            f"{argv[0]} is not on PATH" if cwd is None or os.path.isdir(cwd) else f"no such folder: {cwd}",
            f"Trimtab needs it to run `{' '.join(argv[:3])}`",
            INSTEAD.get(argv[0], f"install {os.path.basename(argv[0])}, then try again"),
        ) from error
    except OSError as error:
        raise RefusedError(
            f"cannot run {argv[0]}: {error.strerror}", "the system refused", f"check {argv[0]}"
        ) from error
    try:
        out, err = child.communicate(stdin, timeout)
    except subprocess.TimeoutExpired as error:
        _end(child)
        raise RefusedError(
            f"`{' '.join(argv[:4])}` did not end within {timeout:.0f} s",
            "it was stopped",
            "run it by hand to see why it waits",
        ) from error
    except BaseException:
        _end(child)  # an interrupt leaves no orphan behind
        raise
    return Done(tuple(argv), child.returncode, out, err)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Stop the child with everything that it started."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        child.kill()
    child.communicate()
