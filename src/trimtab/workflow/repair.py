"""
The smallest change of whole lines that makes a broken workflow file parse

Written by trial, as a person would do it: look at the line that the parser complains of and at its neighbours, try the usual
corrections (a tab, an indentation, a quote or bracket that was not closed, a value that needs quotes, a missing colon or space),
and keep what gets the parser furthest. A result counts only if it is a workflow for both parsers; of several, the one with the
fewest unknown keys and the fewest changed characters wins. Anything else is `Unknown`, and a person has to look.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice
from typing import NamedTuple

import yaml
import yaml_rs
from yaml.nodes import MappingNode

from trimtab.errors import HostileFileError, ParseError
from trimtab.model import ReplaceText, Unknown
from trimtab.workflow.guard import check_depth
from trimtab.workflow.read import from_tree
from trimtab.workflow.tree import child, parse
from trimtab.workflow.validity import JOB_KEYS, STEP_KEYS, TOP_KEYS, duplicate_keys, strange_keys, unknown_events

MAX_CHARACTERS = 64 * 1024  # each trial parses the file once: larger ones are left to a person
_MAX_LINE = 400  # longer lines are left alone: the corrections are made for lines that people write
_ROUNDS = 12
_WORK = 8 << 20  # characters parsed in all trials together: a few seconds
_LOOK_BACK = 30
_KEYS = TOP_KEYS | JOB_KEYS | STEP_KEYS
_CONFLICT = re.compile(r"(<{7}|>{7}|={7})(\s|$)")
_PAIR = re.compile(r"(?P<lead>\s*(?:- +)*)(?P<key>[\w.-]+): +(?P<value>\S.*?)(?P<rest>\s*(?:\s#.*)?)$")
_ITEM = re.compile(r"(?P<lead>\s*(?:- +)+)(?P<key>)(?P<value>\S.*?)(?P<rest>\s*(?:\s#.*)?)$")


class Error(NamedTuple):
    """Where the parser gave up, lines from 0; `since` is where the construct began that it was in."""

    line: int
    column: int
    since: int


@dataclass(frozen=True, slots=True)
class Trial:
    """Lines after one correction; `error` None = they parse; `cost` = changed characters."""

    lines: tuple[str, ...]
    error: Error | None
    cost: int


def repair(text: str) -> tuple[ReplaceText, ...] | Unknown:
    """
    Whole-line replacements, in order, that make `text` (without BOM) a workflow; Unknown when none is found

    The replaced text carries no newline. Bounded: 64 KiB, 12 rounds of a few dozen trials, 8 MiB parsed.
    """
    if len(text) > MAX_CHARACTERS:
        return Unknown(f"longer than {MAX_CHARACTERS // 1024} KiB, too long to repair by trial")
    lines = tuple(text.split("\n"))
    if any(_CONFLICT.match(line) for line in lines):
        return Unknown("it holds the marks of a merge conflict: choose a side first")
    error = _error(lines)
    if error is None:
        return Unknown("it parses")
    at, left = Trial(lines, error, 0), _WORK // (len(text) + 1)
    for _ in range(_ROUNDS):
        trials = _trials(at, left)
        left -= len(trials)
        whole = [(score, trial) for trial in trials if trial.error is None and (score := _score(trial)) is not None]
        if whole:
            return _replacements(lines, min(whole, key=lambda item: item[0])[1].lines)
        further = [trial for trial in trials if trial.error is not None and trial.error.line > _line(at)]
        if not further:
            break
        at = min(further, key=lambda trial: (-_line(trial), trial.cost))
    return Unknown("no small correction makes it a workflow")


def _line(trial: Trial) -> int:
    return -1 if trial.error is None else trial.error.line


def _trials(at: Trial, limit: int) -> list[Trial]:
    """Every correction of one text once, at most `limit` of them."""
    seen: set[tuple[str, ...]] = {at.lines}
    found: list[Trial] = []
    for lines in _corrections(at):
        if len(found) >= limit:
            break
        if lines not in seen:
            seen.add(lines)
            found.append(Trial(lines, _error(lines), at.cost + _cost(at.lines, lines)))
    return found


def _cost(before: Sequence[str], after: Sequence[str]) -> int:
    """Changed characters over all changed lines."""
    return sum(_distance(old, new) for old, new in zip(before, after, strict=True) if old != new)


def _distance(old: str, new: str) -> int:
    if len(old) > _MAX_LINE:
        return abs(len(old) - len(new)) + 1
    while old and new and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    same = sum(block.size for block in blocks)
    return len(old) + len(new) - 2 * same


def _error(lines: Sequence[str]) -> Error | None:
    """Where PyYAML gives up; a text too deep to try counts as broken at its first line."""
    text = "\n".join(lines)
    try:
        check_depth(text)
        yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        since = error.context_mark or mark
        return Error(mark.line, mark.column, since.line) if mark and since else Error(0, 0, 0)
    except (yaml.YAMLError, HostileFileError):
        return Error(0, 0, 0)
    return None


# -------------------------------------------------------------------- judging a result


def _score(trial: Trial) -> tuple[int, int, int] | None:
    """(what GitHub would still refuse, stray quotes, changed characters); None when the text is no workflow for both parsers."""
    text = "\n".join(trial.lines)
    try:
        tree = parse(text.encode())
        yaml_rs.loads(text)
    except (ParseError, HostileFileError, yaml_rs.YAMLDecodeError):
        return None
    jobs = child(tree.root, "jobs")
    workflow = from_tree("", tree)
    if not isinstance(jobs, MappingNode) or not workflow.events or not workflow.jobs:
        return None
    if unknown_events(workflow):  # filters of an event that stand beside it now
        return None
    if any(not (job.uses or (job.steps and (job.runs_on or job.group))) for job in workflow.jobs.values()):
        return None
    if any(not (step.uses or step.run) for job in workflow.jobs.values() for step in job.steps):
        return None
    problems = (*strange_keys(workflow), *duplicate_keys(workflow))
    return len(problems), sum(map(_has_stray_quote, trial.lines)), trial.cost


def _has_stray_quote(line: str) -> bool:
    """A plain value that ends in a quote: it parses, but nobody means it."""
    found = None if len(line) > _MAX_LINE else _PAIR.match(line) or _ITEM.match(line)
    return bool(found) and found["value"][-1] in "'\"" and found["value"][0] not in "'\""  # type: ignore[index]


def _replacements(before: Sequence[str], after: Sequence[str]) -> tuple[ReplaceText, ...]:
    changed = [n for n, (old, new) in enumerate(zip(before, after, strict=True), 1) if old != new]
    return tuple(ReplaceText(n, n, after[n - 1].removesuffix("\r")) for n in changed)


# -------------------------------------------------------------------- what a person would try


def _corrections(at: Trial) -> Iterator[tuple[str, ...]]:
    """Each a whole text, the likeliest first."""
    assert at.error is not None
    lines, error = at.lines, at.error
    last = min(error.line, len(lines) - 1)
    near = list(dict.fromkeys(n for n in (last, *_before(lines, last, 2), error.since) if n < len(lines)))
    yield from _untabbed(lines)
    for n in (n for n in near if len(lines[n]) <= _MAX_LINE):
        for line in (*_closed(lines[n]), *_quoted(lines[n]), *_separated(lines[n]), *_indented(lines, n)):
            yield _with(lines, n, line)
    for n in _odd_quotes(lines, last):
        for line in _closed(lines[n]):
            yield _with(lines, n, line)


def _with(lines: tuple[str, ...], n: int, line: str) -> tuple[str, ...]:
    return (*lines[:n], line, *lines[n + 1 :])


def _before(lines: Sequence[str], n: int, count: int) -> list[int]:
    """The nearest lines above `n` that hold something, nearest first."""
    found = [k for k in range(n - 1, max(-1, n - _LOOK_BACK), -1) if lines[k].strip() and not _is_comment(lines[k])]
    return found[:count]


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _untabbed(lines: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Every tab in an indentation as 2, 4 or 8 spaces; only where a tab leads a line."""
    if any("\t" in _indent(line) for line in lines):
        for width in (2, 4, 8):
            yield tuple(_indent(line).replace("\t", " " * width) + line.lstrip(" \t") for line in lines)


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _closed(line: str) -> Iterator[str]:
    """The line with a quote or bracket closed at its end (before a comment), or with the odd quote gone."""
    body, rest = _body(line)
    for quote in "'\"":
        if body.count(quote) % 2:
            yield body + quote + rest
            at = body.rindex(quote)
            yield body[:at] + body[at + 1 :] + rest
            yield body[: body.index(quote)] + body[body.index(quote) + 1 :] + rest
    for opening, closing in ("[]", "{}"):
        missing = body.count(opening) - body.count(closing)
        if missing > 0:
            yield body + closing * missing + rest
        elif missing < 0 and body.endswith(closing):
            yield body[:-1] + rest


def _body(line: str) -> tuple[str, str]:
    """A line without its trailing comment and blanks, and those."""
    found = re.search(r"\s+#.*$|\s+$", line)
    return (line[: found.start()], line[found.start() :]) if found else (line, "")


def _quoted(line: str) -> Iterator[str]:
    """The line with its value (or item) in quotes, so that `: `, `*`, `@`, `%`, `{{` or a stray quote in it are text."""
    for pattern in (_PAIR, _ITEM):
        found = pattern.match(line)
        if found:
            key = f"{found['key']}: " if found["key"] else ""
            yield f"{found['lead']}{key}{_in_quotes(found['value'])}{found['rest']}"


def _in_quotes(value: str) -> str:
    """In single quotes; a value that already begins and ends with one kind of quote keeps what is inside."""
    inner = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
    if "'" in inner and '"' not in inner and "\\" not in inner:
        return f'"{inner}"'
    return "'" + inner.replace("'", "''") + "'"


def _separated(line: str) -> Iterator[str]:
    """The line with a space behind its dash or colon, or with the colon of a known key."""
    dash = re.match(r"(\s*)-(?=[A-Za-z])(.*)$", line)
    if dash:
        yield f"{dash[1]}- {dash[2]}"
    colon = re.match(r"(\s*(?:- +)?[\w-]+):(?=[^\s:/])(.*)$", line)
    if colon:
        yield f"{colon[1]}: {colon[2]}"
    bare = re.match(r"(\s*(?:- +)?)([\w-]+)(\s*)$", line)
    if bare:
        yield f"{bare[1]}{bare[2]}:{bare[3]}"
    spoken = re.match(r"(\s*(?:- +)?)([\w-]+) +(\S.*)$", line)
    if spoken and spoken[2] in _KEYS:
        yield f"{spoken[1]}{spoken[2]}: {spoken[3]}"


def _indented(lines: Sequence[str], n: int) -> Iterator[str]:
    """The line at every indentation that the lines around it use, and one step deeper than the line above."""
    words = lines[n].lstrip(" \t")
    if not words.strip():
        return
    depths: dict[int, None] = {}
    for k in (*_before(lines, n, _LOOK_BACK), *_after(lines, n)):
        depth = len(lines[k]) - len(lines[k].lstrip(" "))
        dashes = re.match(r"(?:- +)+", lines[k].lstrip(" "))
        depths |= {depth: None, depth + 2: None}
        if dashes:
            depths[depth + len(dashes[0])] = None
    own = len(_indent(lines[n]))
    for depth in sorted(depths, key=lambda d: abs(d - own)):
        yield " " * depth + words


def _after(lines: Sequence[str], n: int) -> list[int]:
    return [k for k in range(n + 1, min(len(lines), n + 3)) if lines[k].strip() and not _is_comment(lines[k])]


def _odd_quotes(lines: Sequence[str], last: int) -> list[int]:
    """Lines above with a quote too few or too many, nearest first: an open quote may be noticed far below."""
    short = (n for n in range(last, -1, -1) if len(lines[n]) <= _MAX_LINE)
    return list(islice((n for n in short if any(_body(lines[n])[0].count(q) % 2 for q in "'\"")), _LOOK_BACK))
