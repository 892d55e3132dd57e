"""
The language between `${{` and `}}`: a lexer, a parser, and the two questions that rules ask of it

Grammar as in GitHub's "Evaluate expressions" reference: literals (null, booleans, numbers, 'strings' with '' for a quote),
the operators `! < <= > >= == != && ||`, grouping, calls, and access by `.name`, `[index]`, `.*`. Names are case-insensitive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from trimtab.errors import ParseError

CONTEXTS = frozenset(
    ("github", "env", "vars", "job", "jobs", "steps", "runner", "secrets", "strategy", "matrix", "needs", "inputs")
)
_OURS = frozenset({"github", "runner", "job", "strategy"})  # contexts whose members GitHub names, in lower case
_MAX_DEPTH = 50  # GitHub's own limit for nesting
_MAX_NUMBER = 250  # characters; so many hexadecimal digits still fit into a float


@dataclass(frozen=True, slots=True)
class Literal:
    """null, a boolean, a number or a string."""

    value: str | float | bool | None


@dataclass(frozen=True, slots=True)
class Name:
    """A context such as `github`."""

    name: str


@dataclass(frozen=True, slots=True)
class Access:
    """`of.name`, `of['name']`, `of[expression]`; `.*` and `[*]` are an index of None."""

    of: Expression
    index: Expression | None


@dataclass(frozen=True, slots=True)
class Call:
    """A function call; the name as written."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """`!a` has one operand, comparisons two, `&&` and `||` two or more."""

    operator: str
    operands: tuple[Expression, ...]


Expression: TypeAlias = Literal | Name | Access | Call | Operation

# -------------------------------------------------------------------- questions


def embedded(text: str) -> tuple[str, ...]:
    """The insides of every `${{ }}` in a text; one that is never closed ends the search."""
    found = []
    at = text.find("${{")
    while at >= 0:
        end = _closing(text, at + 3)
        if end < 0:
            break
        found.append(text[at + 3 : end])
        at = text.find("${{", end + 2)
    return tuple(found)


def without_expressions(text: str, filler: str = "") -> str:
    """The text with `filler` in place of every `${{ }}`; from one that is never closed on, it stays as it is."""
    parts, at = [], 0
    while (start := text.find("${{", at)) >= 0 and (end := _closing(text, start + 3)) >= 0:
        parts += [text[at:start], filler]
        at = end + 2
    return "".join(parts) + text[at:]


@lru_cache(maxsize=8192)
def references(text: str) -> frozenset[tuple[str, ...]]:
    """
    The context paths that a text reads: `${{ needs.build.outputs.x }}` gives ("needs", "build", "outputs", "x")

    A text without `${{` counts as a bare `if` when it parses as one. The context's name is in lower case, and all of a path
    that GitHub names (`github`, `runner`...); names that the user chose are as written. A computed index and `.*` give "*".
    What does not parse is read word by word, so that no reference is missed.
    """
    paths: set[tuple[str, ...]] = set()
    for expression, source in _expressions(text):
        paths |= set(_lexical_paths(source)) if expression is None else set(_paths(expression))
    return frozenset(path for path in paths if path[0] in CONTEXTS)


def _expressions(text: str) -> Iterator[tuple[Expression | None, str]]:
    """Every expression of a text with its source, parsed or None; a text without any is tried as a bare `if`."""
    if "${{" not in text:
        expression = _try_parse(text)
        if expression is not None:
            yield expression, text
        return
    for source in embedded(text):
        yield _try_parse(source), source


def _try_parse(text: str) -> Expression | None:
    try:
        return parse(text)
    except ParseError:
        return None


def _closing(text: str, start: int) -> int:
    """Offset of the `}}` that ends the expression begun at `start`, quoted strings skipped; -1 if it is missing."""
    for match in _STRING_OR_END.finditer(text, start):
        if match.group() == "}}":
            return match.start()
    return -1


def _paths(expression: Expression) -> Iterator[tuple[str, ...]]:
    path = _path(expression)
    if path is not None:
        yield path
    for part in _parts(expression) if path is None else _indexes(expression):
        yield from _paths(part)


def _indexes(expression: Expression) -> Iterator[Expression]:
    """The computed indexes along a chain of accesses."""
    while isinstance(expression, Access):
        if expression.index is not None and not isinstance(expression.index, Literal):
            yield expression.index
        expression = expression.of


def _path(expression: Expression) -> tuple[str, ...] | None:
    """The path of a chain of accesses that begins at a context; None for anything else."""
    parts: list[str] = []
    while isinstance(expression, Access):
        index = expression.index
        parts.append(_index_text(index))
        expression = expression.of
    if not isinstance(expression, Name):
        return None
    return _normal((expression.name, *reversed(parts)))


def _index_text(index: Expression | None) -> str:
    if not isinstance(index, Literal):
        return "*"
    value = index.value
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _parts(expression: Expression) -> tuple[Expression, ...]:
    match expression:
        case Access(of, index):
            return (of,) if index is None else (of, index)
        case Call(_, parts) | Operation(_, parts):
            return parts
    return ()


def _height(expression: Expression) -> int:
    """How many levels an expression has, counted without recursing: calls, accesses and comparisons alike."""
    levels, row = 0, [expression]
    while row:
        levels, row = levels + 1, [part for one in row for part in _parts(one)]
    return levels


def _normal(path: tuple[str, ...]) -> tuple[str, ...]:
    context = path[0].lower()
    return (context, *(part.lower() if context in _OURS else part for part in path[1:]))


def _lexical_paths(source: str) -> Iterator[tuple[str, ...]]:
    for word in re.findall(r"[A-Za-z_][\w-]*(?:\.(?:[A-Za-z_][\w-]*|\*))*", source):
        yield _normal(tuple(word.split(".")))


# -------------------------------------------------------------------- parsing

_STRING_OR_END = re.compile(r"'[^']*'|\}\}")
_TOKEN = re.compile(
    r"""
    (?P<blank>\s+)
  | (?P<number>[+-]?(?:0[xX][0-9a-fA-F]++|0[oO][0-7]++|(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?+|Infinity)(?![\w.]))
  | (?P<name>[A-Za-z_][A-Za-z0-9_-]*)
  | (?P<string>'(?:[^']|'')*')
  | (?P<operator><=|>=|==|!=|&&|\|\||[<>!()\[\],.*])
    """,
    re.VERBOSE,
)
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="))  # loosest first
_FLAT = 2  # the first two are associative
_WORDS: dict[str, str | float | bool | None] = {
    "null": None, "true": True, "false": False, "nan": float("nan"), "infinity": float("inf"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse(text: str) -> Expression:
    """The expression in `text` (without `${{` and `}}`); ParseError with the column, from 1, where it stops to be one."""
    return _Parser(text).whole()


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0
        self.tokens = _tokens(text)

    def whole(self) -> Expression:
        expression = self.operation(0)
        if self.peek().kind != "end":
            raise self.error("unexpected")
        if len(self.tokens) > _MAX_DEPTH and _height(expression) > _MAX_DEPTH:  # a level takes a token at least
            raise _error(f"more than {_MAX_DEPTH} levels in the expression", 0)
        return expression

    def peek(self) -> _Token:
        return self.tokens[self.at]

    def take(self, *texts: str) -> str | None:
        """Consume the next operator if it is one of `texts`."""
        token = self.peek()
        if token.kind != "operator" or token.text not in texts:
            return None
        self.at += 1
        return token.text

    def need(self, text: str) -> None:
        if self.take(text) is None:
            raise self.error(f"expected {text!r} instead of")

    def error(self, what: str) -> ParseError:
        token = self.peek()
        seen = repr(token.text) if token.kind != "end" else "the end"
        return _error(f"{what} {seen} in the expression", token.at)

    def operation(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self.unary()
        operands, operators = [self.operation(level + 1)], []
        while operator := self.take(*_LEVELS[level]):
            operators.append(operator)
            operands.append(self.operation(level + 1))
        if level < _FLAT and operators:  # one operator only: a flat row, so that a long one stays shallow
            return Operation(operators[0], tuple(operands))
        if len(operators) > _MAX_DEPTH:
            raise self.error(f"more than {_MAX_DEPTH} comparisons at")
        left = operands[0]
        for operator, right in zip(operators, operands[1:], strict=True):
            left = Operation(operator, (left, right))
        return left

    def unary(self) -> Expression:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.error(f"more than {_MAX_DEPTH} levels at")
        found = Operation("!", (self.unary(),)) if self.take("!") else self.accesses(self.primary())
        self.depth -= 1
        return found

    def accesses(self, of: Expression) -> Expression:
        for _ in range(_MAX_DEPTH):
            if self.take("."):
                of = Access(of, None if self.take("*") else Literal(self.name()))
            elif self.take("["):
                of = Access(of, None if self.take("*") else self.operation(0))
                self.need("]")
            else:
                return of
        raise self.error(f"more than {_MAX_DEPTH} levels at")

    def name(self) -> str:
        token = self.peek()
        if token.kind != "name":
            raise self.error("expected a name instead of")
        self.at += 1
        return token.text

    def primary(self) -> Expression:
        token = self.peek()
        match token.kind:
            case "number":
                if len(token.text) > _MAX_NUMBER:
                    raise _error(f"a number of more than {_MAX_NUMBER} characters in the expression", token.at)
                self.at += 1
                return Literal(_number(token.text))
            case "string":
                self.at += 1
                return Literal(token.text[1:-1].replace("''", "'"))
            case "name":
                return self.named()
        if self.take("("):
            inner = self.operation(0)
            self.need(")")
            return inner
        raise self.error("expected a value instead of")

    def named(self) -> Expression:
        name = self.name()
        if self.take("("):
            return Call(name, self.arguments())
        return Literal(_WORDS[name.lower()]) if name.lower() in _WORDS else Name(name)

    def arguments(self) -> tuple[Expression, ...]:
        if self.take(")"):
            return ()
        found = [self.operation(0)]
        while self.take(","):
            found.append(self.operation(0))
        self.need(")")
        return tuple(found)


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _error(f"unexpected {text[at]!r} in the expression", at)
        if match.lastgroup != "blank":
            tokens.append(_Token(str(match.lastgroup), match.group(), at))
        at = match.end()
    return [*tokens, _Token("end", "", len(text))]


def _number(text: str) -> float:
    bare = text.lstrip("+-").lower()
    sign = -1.0 if text.startswith("-") else 1.0
    if bare.startswith(("0x", "0o")):
        return sign * int(bare, 0)
    return sign * float(bare)


def _error(what: str, at: int) -> ParseError:
    return ParseError(what, "GitHub would reject it too", "correct the expression", 1, at + 1)
