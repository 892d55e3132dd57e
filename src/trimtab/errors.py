"""
Every error of Trimtab, each with its exit code beside it

An error says three things: what is so, why it matters, and the exact thing to type next. Expected absence is not an
error: it is a `model.Unknown`.

| exit | meaning |
|---|---|
| 0 | fine |
| 1 | what `--fail-on finding|target` asked to fail on |
| 2 | wrong usage or configuration |
| 3 | the world refused, or a look that had to be complete was not |
| 4 | a change did harm and was undone |
| 70 | a bug in Trimtab |
| 130 | interrupted |

When several apply in one invocation the order is 70, 130, 2, 3, 4, 1.
"""

from __future__ import annotations

EXIT_FINE, EXIT_FAILED_ON, EXIT_USAGE, EXIT_REFUSED, EXIT_HARM, EXIT_BUG, EXIT_INTERRUPTED = 0, 1, 2, 3, 4, 70, 130
PRECEDENCE = (EXIT_BUG, EXIT_INTERRUPTED, EXIT_USAGE, EXIT_REFUSED, EXIT_HARM, EXIT_FAILED_ON, EXIT_FINE)


class TrimtabError(Exception):
    """Base of all: `what` is so, `why` it matters, `fix` is the exact thing to type or do."""

    exit_code = EXIT_BUG

    def __init__(self, what: str, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix


class UsageError(TrimtabError):
    """Wrong usage: an unknown id, contradictory flags."""

    exit_code = EXIT_USAGE


class ConfigError(UsageError):
    """trimtab.toml says something that Trimtab does not understand or must not obey."""


class RefusedError(TrimtabError):
    """The world refused: read-only tree, full disk, no network, gh not signed in."""

    exit_code = EXIT_REFUSED


class NotARepositoryError(RefusedError):
    """No git repository here."""


class HostileFileError(RefusedError):
    """A file too large, too deep, binary or otherwise unsafe to read; `diagnose` turns it into a finding."""


class ParseError(RefusedError):
    """Text that is no YAML; `line` and `column` count from 1."""

    def __init__(self, what: str, why: str = "", fix: str = "", line: int = 1, column: int = 1) -> None:
        super().__init__(what, why, fix)
        self.line, self.column = line, column


class EditRefused(RefusedError):
    """An edit that cannot be made safely (anchor, alias, complex or duplicate key, flow form); the reason is `what`."""


class ProofFailed(RefusedError):
    """An edit did not pass one of its five proofs; nothing was written."""


class StaleError(RefusedError):
    """A file is not what the plan saw: somebody changed it since."""


class ConflictError(RefusedError):
    """An undo cannot be merged with later edits; nothing was touched."""


class LockedError(RefusedError):
    """Another Trimtab is at work in this repository."""


class HookFailed(RefusedError):
    """A pre-commit hook of the repository refused the change; its output is quoted in `why`."""


class RateLimited(RefusedError):
    """GitHub's request limit is used up; `reset` is the epoch second when it is filled again, None when not told."""

    def __init__(self, what: str, why: str = "", fix: str = "", reset: int | None = None) -> None:
        super().__init__(what, why, fix)
        self.reset = reset


class HarmDone(TrimtabError):
    """A change did harm and was undone."""

    exit_code = EXIT_HARM


def worst(codes: list[int]) -> int:
    """The one exit code for several, by the order of precedence."""
    return next((code for code in PRECEDENCE if code in codes), EXIT_FINE)
