"""
Which job of the file is meant by a job name in the API

The API knows jobs by display name only. A job shows its `name` with expressions filled in, or its id; a matrix leg whose name
says nothing of the matrix gets " (value, value)" behind it; a job of a called workflow is "caller / callee". Observed on
github.com; a skipped matrix job keeps its template unexpanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

from trimtab.errors import ParseError
from trimtab.model import Unknown
from trimtab.workflow.expressions import Access, Literal, Name, embedded, parse
from trimtab.workflow.model import Job, Workflow

_MAX_NAME = 1000  # characters; a longer template is compared as it stands
_MAX_LEGS = 256  # beyond that, a matrix expression in a name stands for any text
_Pattern = tuple[str, ...]  # literal parts with any text between each two


def job_for(workflow: Workflow, api_name: str) -> str | Unknown:
    """The id of the only job that can have this display name; Unknown when none or several can."""
    matching = [job.id for job in workflow.jobs.values() if _can_be(job, api_name)]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        return Unknown(f"no job of {workflow.path} can be called {api_name!r}")
    return Unknown(f"{api_name!r} can be any of the jobs {', '.join(matching)} of {workflow.path}")


def _can_be(job: Job, api_name: str) -> bool:
    bases = list(_bases(job, api_name))
    return any(_matches(pattern, base) for pattern in _patterns(job) for base in bases)


def _bases(job: Job, api_name: str) -> Iterator[str]:
    """What the job's own name may be: all of the API's, without " / callee", without " (leg)"."""
    callers = [api_name]
    if job.uses is not None:
        callers += [api_name[: match.start()] for match in re.finditer(" / ", api_name)]
    for caller in callers:
        yield caller
        if job.matrix is not None and caller.endswith(")"):
            yield from (caller[: match.start()] for match in re.finditer(r" \(", caller))


def _patterns(job: Job) -> Iterator[_Pattern]:
    template = job.name if job.name is not None else job.id
    yield (template,)
    sources = embedded(template) if len(template) <= _MAX_NAME else ()
    if not sources:
        return
    literals, rest = [], template
    for source in sources:
        before, _, rest = rest.partition("${{" + source + "}}")
        literals.append(before)
    choices = [_choices(job, source) for source in sources]
    legs = 1
    for choice in choices:
        legs *= len(choice)
    if legs > _MAX_LEGS:
        choices = [(None,) for _ in choices]
    for values in product(*choices):
        yield _pattern([*literals, rest], values)


def _pattern(literals: list[str], values: tuple[str | None, ...]) -> _Pattern:
    parts = [literals[0]]
    for value, literal in zip(values, literals[1:], strict=True):
        if value is None:
            parts.append(literal)
        else:
            parts[-1] += value + literal
    return tuple(parts)


def _choices(job: Job, source: str) -> tuple[str | None, ...]:
    """The texts that an expression can show; (None,) for any text."""
    axis = _axis(source)
    matrix = job.matrix
    if axis is None or matrix is None or matrix.dynamic:
        return (None,)
    values = [*matrix.axes.get(axis, ()), *(row[axis] for row in matrix.include if axis in row)]
    shown = {form for value in values for form in (value, _as_number(value))}
    return tuple(sorted(shown)) or (None,)


def _axis(source: str) -> str | None:
    """ "os" for `matrix.os`, None for any other expression."""
    try:
        expression = parse(source)
    except ParseError:
        return None
    match expression:
        case Access(Name(context), Literal(str(axis))) if context.lower() == "matrix":
            return axis
    return None


def _as_number(value: str) -> str:
    """How GitHub shows a number that was written as `value`: `3.10` becomes 3.1; other texts stay."""
    if not re.fullmatch(r"[+-]?\d+\.\d+", value):
        return value
    return value.rstrip("0").rstrip(".")


def _matches(pattern: _Pattern, name: str) -> bool:
    """Literal parts in order, any text between: leftmost is enough, and linear in hostile templates too."""
    if len(pattern) == 1:
        return pattern[0] == name
    first, *middle, last = pattern
    if not (name.startswith(first) and name.endswith(last) and len(name) >= len(first) + len(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
