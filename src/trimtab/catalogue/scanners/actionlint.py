"""
actionlint: static checks of workflow files

Read when it is on PATH. Its own integrations with shellcheck and pyflakes are switched off: they are about the scripts in
a workflow, and take a hundred times longer. Output is the JSON of its documented `-format '{{json .}}'`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from trimtab.catalogue.evidence import Complaint
from trimtab.model import Unknown

program = "actionlint"
found_nothing, found_something = 0, 1  # its exit codes; 2 is wrong usage, 3 a fatal error
version_command: tuple[str, ...] = (program, "-version")


def command(paths: Sequence[str]) -> tuple[str, ...]:
    """The command that checks these files, to be run in the repository's root; `paths` are relative to it."""
    return (program, "-no-color", "-shellcheck=", "-pyflakes=", "-format", "{{json .}}", "--", *paths)


def version(output: str) -> str:
    """ "actionlint 1.7.7" from what `actionlint -version` prints; just the name when no version stands in its first line."""
    found = re.search(r"\d+(\.\d+)+", output.strip().partition("\n")[0])
    return f"{program} {found[0]}" if found else program


def complaints(output: str, checker: str = program) -> tuple[Complaint, ...] | Unknown:
    """What the command's standard output says, ordered by place; Unknown when it is not the JSON that was asked for."""
    try:
        items = json.loads(output or "null") or []
        found = [
            Complaint(
                checker=checker,
                path=str(item["filepath"]).replace("\\", "/"),
                line=max(int(item["line"]), 1),
                column=max(int(item["column"]), 1),
                kind=str(item["kind"]),
                says=str(item["message"]),
            )
            for item in items
        ]
    except (ValueError, KeyError, TypeError) as error:
        return Unknown(f"{checker} answered something else than its JSON ({error})", " ".join(version_command))
    return tuple(sorted(found, key=lambda c: (c.path, c.line, c.column, c.kind)))
