"""
Findings silenced in the file itself: `# trimtab: ignore[rule-id, rule-id]`

A comment silences the rules it names on its own line; alone on a line, on the next line too; in the comment block that opens
the file, everywhere in it.
"""

from __future__ import annotations

import re

_MARK = re.compile(r"#\s*trimtab:\s*ignore\[([^\]\[#]*)\]")


def ignored(text: str, line: int) -> frozenset[str]:
    """Ids of the rules silenced for a finding on `line` (from 1) of `text`."""
    if "trimtab:" not in text:
        return frozenset()
    lines = text.splitlines()
    rules = set(_opening_rules(lines))
    if 0 < line <= len(lines):
        rules |= _rules(lines[line - 1])
    if 1 < line <= len(lines) + 1 and _is_comment(lines[line - 2]):
        rules |= _rules(lines[line - 2])
    return frozenset(rules)


def _opening_rules(lines: list[str]) -> set[str]:
    """Rules named in the file's first comment block, which blank lines and a `---` may precede."""
    rules: set[str] = set()
    begun = False
    for line in lines:
        if _is_comment(line):
            begun = True
            rules |= _rules(line)
        elif begun or line.strip() not in ("", "---"):
            break
    return rules


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _rules(line: str) -> set[str]:
    return {name.strip() for found in _MARK.findall(line) for name in found.split(",") if name.strip()}
