"""
What an expression comes to on a given event, as far as that can be known without a run

Two questions of the rules: can this job run on a pull request at all, and do two runs share this concurrency group? Both
are answered by evaluating the expression with what an event fixes (its name, the shape of `github.ref`, what is empty)
and with "not known" for the rest. A wrong yes would be an unsafe edit, so "not known" spreads.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal as OneOf
from typing import TypeAlias

from trimtab.errors import ParseError
from trimtab.workflow.expressions import Access, Call, Expression, Literal, Name, Operation, embedded, parse
from trimtab.workflow.model import Event

Varies: TypeAlias = OneOf["never", "pull", "run"]  # one for all runs, one per pull request, one per run
_ORDER: tuple[Varies, ...] = ("never", "pull", "run")
_MAX_FILTERS = 10_000  # characters of all branch filters of an event; more than that nobody wrote by hand
_MAX_FORMATTED = 100_000  # characters of what `format` gives: each `format` of a `format` may double them
_PLACE = re.compile(r"\{(0|[1-9]\d{0,3})\}")


@dataclass(frozen=True, slots=True)
class Known:
    """A value that is known."""

    value: str | float | bool | None


@dataclass(frozen=True, slots=True)
class Text:
    """Some text that is not empty and begins with `prefix`; `varies` says which runs share it."""

    varies: Varies
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Open:
    """Anything; `stable` if at least it is the same in every run of this kind (a matrix value, a variable)."""

    stable: bool = False


Value: TypeAlias = Known | Text | Open
Situation: TypeAlias = Mapping[tuple[str, ...], Value]

_EVERY_RUN: Situation = {
    ("github", "run_id"): Text("run"),
    ("github", "run_number"): Text("run"),
    ("github", "run_attempt"): Text("never"),
    ("github", "sha"): Text("run"),
    ("github", "workflow"): Text("never"),
    ("github", "workflow_ref"): Text("run"),
    ("github", "repository"): Text("never"),
    ("github", "repository_owner"): Text("never"),
    ("github", "repository_id"): Text("never"),
    ("github", "job"): Text("never"),
    ("github", "ref_type"): Known("branch"),
    ("inputs",): Known(None),
    ("github", "event", "inputs"): Known(None),
    ("github", "event", "schedule"): Known(None),
    ("github", "event", "issue"): Known(None),
    ("github", "event", "release"): Known(None),
    ("github", "event", "merge_group"): Known(None),
    ("github", "event", "workflow_run"): Known(None),
}

# Payloads: docs.github.com, "Events that trigger workflows" and the `github` context.
PULL_REQUEST: Situation = {
    **_EVERY_RUN,
    ("github", "event_name"): Known("pull_request"),
    ("github", "ref"): Text("pull", "refs/pull/"),
    ("github", "ref_name"): Text("pull"),
    ("github", "head_ref"): Text("pull"),
    ("github", "base_ref"): Text("never"),
    ("github", "event", "number"): Text("pull"),
    ("github", "event", "pull_request", "number"): Text("pull"),
    ("github", "event", "pull_request", "id"): Text("pull"),
    ("github", "event", "pull_request", "html_url"): Text("pull"),
    ("github", "event", "pull_request", "head", "ref"): Text("pull"),
    ("github", "event", "pull_request", "head", "sha"): Text("run"),
    ("github", "event", "ref"): Known(None),
    ("github", "event", "after"): Open(),  # only on synchronize
    ("github", "event", "head_commit"): Known(None),
}


def push_to(branch: str) -> Situation:
    """A push to one branch."""
    return {
        **_EVERY_RUN,
        ("github", "event_name"): Known("push"),
        ("github", "ref"): Known(f"refs/heads/{branch}"),
        ("github", "ref_name"): Known(branch),
        ("github", "head_ref"): Known(""),
        ("github", "base_ref"): Known(""),
        ("github", "event", "number"): Known(None),
        ("github", "event", "pull_request"): Known(None),
        ("github", "event", "action"): Known(None),
        ("github", "event", "ref"): Known(f"refs/heads/{branch}"),
        ("github", "event", "after"): Text("run"),
        ("github", "event", "head_commit", "id"): Text("run"),
        ("github", "event", "repository", "default_branch"): Known(branch),
    }


# ------------------------------------------------------------------------------------ the two questions


def never_runs(condition: str | None, situation: Situation) -> bool:
    """Whether an `if` is certainly false in this situation; no condition, and one that cannot be read, may run."""
    expression = None if condition is None else _condition(condition)
    return expression is not None and _holds(expression, situation) is False


def group_varies(group: str, situation: Situation) -> Varies | None:
    """Which runs share a concurrency group in this situation; None when that cannot be told."""
    parts = [_part(source, situation) for source in embedded(group)]
    known = [part for part in parts if part is not None]
    most: Varies = max(known, key=_ORDER.index) if known else "never"
    return most if most == "run" or len(known) == len(parts) else None


def _part(source: str, situation: Situation) -> Varies | None:
    expression = _parsed(source)
    value = Open() if expression is None else _value(expression, situation)
    if isinstance(value, Text):
        return value.varies
    return "never" if _stable(value) else None


def _condition(text: str) -> Expression | None:
    inside = embedded(text)
    if not inside:
        return _parsed(text)
    bare = text.strip()
    return _parsed(inside[0]) if len(inside) == 1 and bare == "${{" + inside[0] + "}}" else None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Expression | None:
    try:
        return parse(text)
    except ParseError:
        return None


# ------------------------------------------------------------------------------------ branch filters


def likely_default(push: Event) -> str | None:
    """The default branch as a workflow's own filter suggests it, when nothing else is known."""
    return next((name for name in push.branches or () if name in ("main", "master")), None)


def takes(push: Event, branch: str) -> bool:
    """
    Whether a push to the branch starts the workflow, by its branch filters; tag filters alone mean that it does not

    GitHub's patterns: `*` stays within a path part, `**` crosses them, `!` takes back what an earlier pattern matched.
    Filters too long to be read take nothing: no rule does anything about a workflow that does not start.
    """
    if sum(map(len, (*(push.branches or ()), *(push.branches_ignore or ())))) > _MAX_FILTERS:
        return False
    if push.branches is None and push.branches_ignore is None:
        return push.tags is None and push.tags_ignore is None
    if push.branches_ignore is not None:
        return not any(_matches(pattern, branch) for pattern in push.branches_ignore)
    taken = False
    for pattern in push.branches or ():
        if _matches(pattern.removeprefix("!"), branch):
            taken = not pattern.startswith("!")
    return taken


def _matches(pattern: str, branch: str) -> bool:
    """
    Whether a filter pattern takes a branch; `?` and `+` repeat what stands before them

    Every place that could be reached is kept at once, so the work grows with the two lengths and not faster: a pattern of
    a thousand stars, given to a backtracking matcher, would keep it busy for years.
    """
    places = {0}
    for takes, at_least, at_most in _parts(pattern):
        reached = places if at_least == 0 else set()
        front = places
        while front:
            front = {at + 1 for at in front if at < len(branch) and takes(branch[at])}
            front = front - reached if at_most is None else front
            reached = reached | front
            if at_most is not None:
                break
        places = reached
    return len(branch) in places


_Part: TypeAlias = tuple[Callable[[str], bool], int, int | None]  # which character, how often at least and at most


def _parts(pattern: str) -> list[_Part]:
    parts: list[_Part] = []
    closed = (
        pattern.rfind("]") + 1
    )  # behind the last of them no class can end, and looking for one at each `[` takes long
    tokens = re.findall(r"\\.|\*\*|[*?+]|\[[^\]]+\]|.", pattern[:closed], re.DOTALL)
    for token in tokens + re.findall(r"\\.|\*\*|.", pattern[closed:], re.DOTALL):
        if token in ("*", "**"):
            parts.append(((lambda character: True) if token == "**" else "/".__ne__, 0, None))
        elif token in ("?", "+") and parts:
            takes, least, most = parts.pop()
            parts.append((takes, 0, most) if token == "?" else (takes, least, None))
        else:
            parts.append((_class(token) if len(token) > 2 else token[-1].__eq__, 1, 1))
    return parts


def _class(token: str) -> Callable[[str], bool]:
    """The characters of `[a-z0-9]`."""
    ranges = re.findall(r"(.)-(.)|(.)", token[1:-1], re.DOTALL)
    return lambda character: any(low <= character <= high if low else character == one for low, high, one in ranges)


# ------------------------------------------------------------------------------------ three-valued logic


def _holds(expression: Expression, situation: Situation) -> bool | None:
    match expression:
        case Operation("&&", parts):
            truths = [_holds(part, situation) for part in parts]
            return False if False in truths else None if None in truths else True
        case Operation("||", parts):
            truths = [_holds(part, situation) for part in parts]
            return True if True in truths else None if None in truths else False
        case Operation("!", (part,)):
            truth = _holds(part, situation)
            return None if truth is None else not truth
    return _truth(_value(expression, situation))


def _truth(value: Value) -> bool | None:
    match value:
        case Known(value=known):
            return bool(known) and known == known  # NaN is false
        case Text():
            return True
    return None


def _value(expression: Expression, situation: Situation) -> Value:
    match expression:
        case Literal(value):
            return Known(value)
        case Name() | Access():
            return _looked_up(expression, situation)
        case Operation("||" | "&&" as operator, parts):
            return _chosen(operator, parts, situation)
        case Operation("==" | "!=" as operator, (left, right)):
            same = _same(_value(left, situation), _value(right, situation))
            return Open() if same is None else Known(same is (operator == "=="))
        case Operation("!", _):
            truth = _holds(expression, situation)
            return Open() if truth is None else Known(truth)
        case Call(function, arguments):
            return _called(function.lower(), [_value(part, situation) for part in arguments])
    return Open()


def _chosen(operator: str, parts: tuple[Expression, ...], situation: Situation) -> Value:
    """`a || b` is the first true one, `a && b` the first false one, else the last."""
    values: list[Value] = []
    for part in parts:
        values.append(_value(part, situation))
        truth = _truth(values[-1])
        if truth is None:  # each part once: twice at every level would double the work with each pair of parentheses
            values += [_value(other, situation) for other in parts[len(values) :]]
            return Open(all(_stable(value) for value in values))
        if truth is (operator == "||"):
            break
    return values[-1]


def _stable(value: Value) -> bool:
    match value:
        case Text(varies=varies):
            return varies == "never"
        case Open(stable=stable):
            return stable
    return True


def _looked_up(expression: Expression, situation: Situation) -> Value:
    path = tuple(reversed(list(_path(expression))))
    if not path or "*" in path:
        return Open()
    path = tuple(part.lower() for part in path)
    for length in range(len(path), 0, -1):
        found = situation.get(path[:length])
        if found is not None:
            deeper = length < len(path)
            return found if not deeper or found == Known(None) else Open()
    return Open(stable=path[0] in ("matrix", "vars", "strategy"))


def _path(expression: Expression) -> Iterator[str]:
    """The parts of `github.event.number`, last first; "*" for what is computed."""
    while isinstance(expression, Access):
        yield str(expression.index.value) if isinstance(expression.index, Literal) else "*"
        expression = expression.of
    yield expression.name if isinstance(expression, Name) else "*"


def _same(left: Value, right: Value) -> bool | None:
    match left, right:
        case Known(value=a), Known(value=b):
            if isinstance(a, str) and isinstance(b, str):
                return a.lower() == b.lower()
            return _number(a) == _number(b)
        case (Text(prefix=prefix), Known(value=known)) | (Known(value=known), Text(prefix=prefix)):
            fits = isinstance(known, str) and known != "" and known.lower().startswith(prefix.lower())
            return None if fits or isinstance(known, float) else False
    return None


def _number(value: str | float | bool | None) -> float:
    """GitHub's coercion for loose equality: null and "" are 0, other text that is no number is NaN."""
    if isinstance(value, str):
        try:
            return float(value) if value.strip() else 0.0
        except ValueError:
            return math.nan
    return float(value or 0)


def _called(function: str, arguments: list[Value]) -> Value:
    match function, arguments:
        case "always", []:
            return Known(True)
        case "startswith", [Known(value=str(text)), Known(value=str(start))]:
            return Known(text.lower().startswith(start.lower()))
        case "startswith", [Text(prefix=prefix), Known(value=str(start))]:
            if prefix.lower().startswith(start.lower()):
                return Known(True)
            return Open() if start.lower().startswith(prefix.lower()) else Known(False)
        case "contains", [Known(value=str(text)), Known(value=str(part))]:
            return Known(part.lower() in text.lower())
        case "format", [Known(value=str(pattern)), *values]:
            return _formatted(pattern, values)
    return Open()


def _formatted(pattern: str, values: list[Value]) -> Value:
    if not all(_stable(value) or isinstance(value, Text) for value in values):
        return Open()
    known = [value.value for value in values if isinstance(value, Known)]
    if len(known) == len(values) and "{{" not in pattern:
        parts = _PLACE.split(pattern)  # literal text and numbers of values by turns
        parts[1::2] = [_shown(known, int(place)) for place in parts[1::2]]
        return Known("".join(parts)) if sum(map(len, parts)) <= _MAX_FORMATTED else Open(stable=True)
    return Text(max((value.varies for value in values if isinstance(value, Text)), key=_ORDER.index, default="never"))


def _shown(values: list[str | float | bool | None], place: int) -> str:
    """How `format` shows a value; a place for which there is none stays as it is."""
    if place >= len(values):
        return f"{{{place}}}"
    value = values[place]
    return "" if value is None else str(value)
