"""
The command `trimtab`: finds the verb, runs it, and turns whatever happens into one exit code

The codes stand in `errors`. Results go to stdout, everything else to stderr. An exception that is no TrimtabError is a bug and
says so; the state of a repository survives it, because every effect was journalled before it was begun.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Sequence

from trimtab import __version__
from trimtab.errors import EXIT_BUG, EXIT_FINE, EXIT_INTERRUPTED, EXIT_REFUSED, TrimtabError

_REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in ("--version", "-V"):
        print(f"trimtab {__version__}")
        return EXIT_FINE
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        return _pipe_closed()
    except KeyboardInterrupt:
        print("\ntrimtab: interrupted; what was begun is finished or taken back by the next command", file=sys.stderr)
        return EXIT_INTERRUPTED
    except TrimtabError as error:
        _complain(error.what, error.why, error.fix)
        return error.exit_code
    except OSError as error:
        if error.errno not in _REFUSALS:
            return _bug(error)
        _complain(str(error), "the system refused; nothing was left half done", "free space or mend the permissions")
        return EXIT_REFUSED
    except Exception as error:  # noqa: BLE001  the last line of defence: whatever is left is a bug, and says so
        return _bug(error)


def _run(words: list[str]) -> int:
    from trimtab.cli.options import find_verb, overview, parser_for
    from trimtab.cli.terminal import Terminal

    gc.disable()  # a command reads, prints and ends: looking for cycles in the trees takes two thirds of the time to parse them
    terminal = Terminal.standard()
    if words and words[0] in ("--help", "-h", "help"):
        if words[0] == "help" and len(words) > 1:
            return _run([words[1], "--help"])
        terminal.show(overview())
        return EXIT_FINE
    verb, rest = find_verb(words)
    options = parser_for(verb).parse_args(rest)
    code: int = verb.run(options, terminal)
    return code


def _complain(what: str, why: str = "", fix: str = "") -> None:
    """An error on stderr: what is so, why it matters, what to type."""
    from trimtab.report.text import page, wrapped

    lines = wrapped(what, "trimtab: ", "  ")
    lines += wrapped(why, "  why: ") if why else []
    lines += wrapped(fix, "  fix: ") if fix else []
    print(page(lines), end="", file=sys.stderr)


def _bug(error: Exception) -> int:
    """Say that this is our fault, with what a maintainer needs; 70."""
    import platform
    import traceback

    from trimtab.report import escape

    told = "".join(traceback.format_exception(error))
    where = f"trimtab {__version__}, Python {platform.python_version()}, {platform.platform()}"
    print(escape.no_commands(escape.block(told)).rstrip("\n"), file=sys.stderr)
    _complain(
        f"this is a bug in Trimtab: {type(error).__name__}",
        "nothing was lost: what was begun is finished or taken back by the next command",
        f"report it with the lines above and this one: {where}",
    )
    return EXIT_BUG


def _pipe_closed() -> int:
    """The reader went away (`trimtab diagnose | head`): no error, and no second one from the interpreter's own flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_FINE


if __name__ == "__main__":
    sys.exit(main())
