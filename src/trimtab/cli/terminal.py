"""
Where a verb writes: results to stdout, progress to stderr, a question to the person at the keyboard
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TextIO

from trimtab.errors import UsageError
from trimtab.report import escape
from trimtab.report.text import WIDTH, Paint, fit


@dataclass(frozen=True, slots=True)
class Terminal:
    """`paint` colours only on a terminal, and never when NO_COLOR is set."""

    out: TextIO
    err: TextIO
    source: TextIO
    paint: Paint

    @classmethod
    def standard(cls) -> Terminal:
        """The process's own streams; characters that their encoding does not have are shown as escapes, never an error."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        if sys.stdout.isatty():
            fit(shutil.get_terminal_size((WIDTH, 24)).columns)
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return cls(sys.stdout, sys.stderr, sys.stdin, Paint(colour))

    def show(self, text: str) -> None:
        """Part of the result; a renderer has made it harmless."""
        self.out.write(text)

    def say(self, text: str) -> None:
        """One line of progress."""
        self.err.write(escape.no_commands(escape.plain(text)) + "\n")
        self.err.flush()

    def confirm(self, question: str, yes: bool) -> bool:
        """Ask once; `yes` answers beforehand. Raises UsageError when nobody is there to be asked."""
        if yes:
            return True
        if not self.source.isatty():
            raise UsageError(
                "nobody is at the terminal to say yes",
                "Trimtab asks before it changes anything",
                "add --yes, or look first with --dry-run",
            )
        self.err.write(f"{escape.plain(question)} [y/N] ")
        self.err.flush()
        return self.source.readline().strip().lower() in ("y", "yes")
