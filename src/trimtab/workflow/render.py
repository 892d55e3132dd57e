"""
Plain data written as YAML lines in the file's own manner

Block style, one key a line, quotes only where a YAML 1.1 or 1.2 reader would take a text for something else; texts of several
lines as literal blocks. Flow style only inside flow collections that the user wrote. Lines come without indentation and
newline: whoever places them knows both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

from trimtab.errors import EditRefused
from trimtab.model import Data


@dataclass(frozen=True, slots=True)
class Manner:
    """How the file indents: `step` for mappings below a key, `dash` for a sequence's "-" below its key (0 is usual too)."""

    step: int = 2
    dash: int = 2


_RESOLVER = Resolver()
_STR = "tag:yaml.org,2002:str"
# YAML 1.2 readers take more for numbers (1e3, 0o14, 1_000) than PyYAML's 1.1 resolver: quote whatever begins like one.
_LIKE_NUMBER = re.compile(r"[-+]?\.?\d[\w.:+-]*$|[-+]?\.(inf|nan)$|~$", re.IGNORECASE)
_LIKE_WORD = re.compile(r"(true|false|null|yes|no|on|off|y|n)$", re.IGNORECASE)
_SAFE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_KEY_WORD = re.compile(r"(true|false|null)\Z", re.IGNORECASE)
# "-", "?" and ":" may open a plain scalar when something follows; not worth the risk.
_OPENERS = frozenset("-?:,[]{}#&*!|>'\"%@` \t")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\r")
_SURROGATE = re.compile("[\ud800-\udfff]")


def pair(key: str, value: Data, manner: Manner) -> list[str]:
    """The lines of `key: value` in block style."""
    name = _key(key)
    match value:
        case Mapping() if value:
            inner = [line for k, v in value.items() for line in pair(k, v, manner)]
            return [f"{name}:", *_indented(inner, manner.step)]
        case str() if _wants_literal(value):
            header, lines = _literal(value)
            return [f"{name}: {header}", *_indented(lines, manner.step)]
        case str() | Mapping():
            return [f"{name}: {flow(value) if isinstance(value, Mapping) else scalar(value)}"]
        case Sequence() if value:
            inner = [line for each in value for line in item(each, manner)]
            return [f"{name}:", *_indented(inner, manner.dash)]
        case Sequence():
            return [f"{name}: []"]
        case None:
            return [f"{name}:"]
    return [f"{name}: {scalar(value)}"]


def item(value: Data, manner: Manner) -> list[str]:
    """The lines of `- value` in block style."""
    match value:
        case Mapping() if value:
            inner = [line for k, v in value.items() for line in pair(k, v, manner)]
        case str() if _wants_literal(value):
            header, lines = _literal(value)
            return [f"- {header}", *_indented(lines, 2)]
        case str() | Mapping():
            inner = [flow(value) if isinstance(value, Mapping) else scalar(value)]
        case Sequence() if value:
            inner = [line for each in value for line in item(each, manner)]
        case _:
            inner = [flow(value)]
    return [f"- {inner[0]}", *_indented(inner[1:], 2)]


def flow(value: Data) -> str:
    """The value on one line, fit to stand inside a flow collection."""
    match value:
        case str():
            return scalar(value, inside_flow=True)
        case Mapping():
            return "{" + ", ".join(flow_pair(k, v) for k, v in value.items()) + "}"
        case Sequence():
            return "[" + ", ".join(flow(each) for each in value) + "]"
        case None:
            return "null"
    return scalar(value)


def flow_pair(key: str, value: Data) -> str:
    """`key: value` on one line, fit to stand inside a flow mapping."""
    return f"{_key(key)}: {flow(value)}"


def scalar(value: str | int | float | bool, *, inside_flow: bool = False, quote: str = "") -> str:
    """
    One scalar on one line; `quote` ("'" or '"') is kept for a text that was quoted so before

    Raises EditRefused for what YAML cannot carry (infinite numbers, lone surrogates).
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _decimal(value)
    if _SURROGATE.search(value):
        raise EditRefused("the new text holds a lone surrogate", "UTF-8 cannot carry it", "correct the text")
    if "\n" in value or "\t" in value or _UNPRINTABLE.search(value) or quote == '"':
        return _double_quoted(value)
    if quote or not is_plain(value, inside_flow=inside_flow):
        return "'" + value.replace("'", "''") + "'"
    return value


def is_plain(text: str, *, inside_flow: bool) -> bool:
    """True if every YAML reader takes the bare text for this very string."""
    if not text or text[0] in _OPENERS or text[-1] in " :" or _LIKE_NUMBER.match(text) or _LIKE_WORD.match(text):
        return False
    if ": " in text or " #" in text or text.startswith(("---", "...", "=", "<<")):
        return False
    if inside_flow and any(character in text for character in ",[]{}:?"):
        return False
    if _UNPRINTABLE.search(text) or "\n" in text or "\t" in text:
        return False
    return bool(_RESOLVER.resolve(ScalarNode, text, (True, False)) == _STR)  # type: ignore[no-untyped-call]


def comment(text: str) -> list[str]:
    """Comment lines; control characters in the text become blanks."""
    return [f"# {_UNPRINTABLE.sub(' ', line)}".rstrip() for line in text.splitlines()]


def literal(value: str, keep_block: bool) -> tuple[str, list[str]] | None:
    """Header and lines of a literal block, or None when the text does not fit into one or needs none."""
    if not (_wants_literal(value) or (keep_block and _fits_literal(value))):
        return None
    return _literal(value)


def _wants_literal(value: str) -> bool:
    return "\n" in value.rstrip("\n") and _fits_literal(value)


def _fits_literal(value: str) -> bool:
    """Not when the first line opens with a blank, a line is all blanks, or more than one newline ends the text."""
    lines = value.split("\n")
    if not value.strip() or value.endswith("\n\n") or lines[0].startswith((" ", "\t")) or not lines[0]:
        return False
    return not _UNPRINTABLE.search(value) and not any(line and not line.strip() for line in lines)


def _literal(value: str) -> tuple[str, list[str]]:
    ends = value.endswith("\n")
    return ("|" if ends else "|-"), (value[:-1] if ends else value).split("\n")


def _indented(lines: list[str], by: int) -> Iterator[str]:
    return (" " * by + line if line else "" for line in lines)


def _key(key: str) -> str:
    """A key: `on` stays bare, since keys are read by their text; what could be a number or null is quoted."""
    if _SAFE_KEY.match(key) and not _KEY_WORD.match(key):
        return key
    return scalar(key, inside_flow=True)


def _decimal(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        raise EditRefused("the new value is no finite number", "GitHub could not read it", "give a finite number")
    text = format(Decimal(repr(value)), "f")  # exact, and without the exponent that YAML 1.1 and 1.2 read differently
    return text if "." in text else f"{text}.0"


def _double_quoted(text: str) -> str:
    escaped = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match.group()):04x}", escaped)
