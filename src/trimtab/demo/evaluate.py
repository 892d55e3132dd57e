"""
Evaluate `${{ }}` expressions as GitHub does, over a small world of names

So that the simulated project obeys what is really written in its workflow files: a concurrency group that Trimtab put there
groups runs by its own text. Rules from GitHub's "Evaluate expressions" reference: `&&` and `||` give an operand, comparing
ignores the case of strings, an absent name is null, null and the empty string and 0 are false.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from trimtab.errors import UsageError
from trimtab.workflow.expressions import Access, Call, Expression, Literal, Name, Operation, embedded, parse

Value: TypeAlias = "str | float | bool | Mapping[str, Value] | None"


def filled(text: str, names: Mapping[str, Value]) -> str:
    """The text with every `${{ }}` replaced by its value."""
    for source in embedded(text):
        text = text.replace("${{" + source + "}}", shown(evaluate(parse(source), names)), 1)
    return text


def true(text: str, names: Mapping[str, Value]) -> bool:
    """Whether a condition holds, written with or without `${{ }}`."""
    inner = embedded(text)
    return truth(evaluate(parse(inner[0] if inner else text), names))


def evaluate(expression: Expression, names: Mapping[str, Value]) -> Value:
    """
    The value of an expression; `names` are the contexts, in lower case

    Raises UsageError for a function that the simulation does not know: it must not guess what a workflow does.
    """
    match expression:
        case Literal(value):
            return value
        case Name(name):
            return names.get(name.lower())
        case Access(of, index):
            return _member(evaluate(of, names), evaluate(index, names) if index is not None else None)
        case Operation("&&", operands):
            return _first(operands, names, stop=False)
        case Operation("||", operands):
            return _first(operands, names, stop=True)
        case Operation("!", (operand,)):
            return not truth(evaluate(operand, names))
        case Operation(operator, (left, right)):
            return _compare(operator, evaluate(left, names), evaluate(right, names))
        case Call(function, arguments):
            return _call(function.lower(), [evaluate(part, names) for part in arguments], names)
    raise UsageError(f"the simulation cannot evaluate {expression!r}")


def truth(value: Value) -> bool:
    return bool(value)


def shown(value: Value) -> str:
    """A value as text, as GitHub prints it into a string."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _member(of: Value, index: Value) -> Value:
    return of.get(shown(index).lower()) if isinstance(of, Mapping) else None


def _first(operands: tuple[Expression, ...], names: Mapping[str, Value], *, stop: bool) -> Value:
    """The first operand whose truth is `stop`, else the last one."""
    value: Value = None
    for operand in operands:
        value = evaluate(operand, names)
        if truth(value) is stop:
            break
    return value


def _compare(operator: str, left: Value, right: Value) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        left, right = left.lower(), right.lower()
    if operator in ("==", "!="):
        return (left == right) is (operator == "==")
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return False
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]


def _call(function: str, arguments: list[Value], names: Mapping[str, Value]) -> Value:
    texts = [shown(argument) for argument in arguments]
    match function:
        case "contains":
            return texts[1].lower() in texts[0].lower()
        case "startswith":
            return texts[0].lower().startswith(texts[1].lower())
        case "endswith":
            return texts[0].lower().endswith(texts[1].lower())
        case "format":
            return texts[0].format(*texts[1:])
        case "always":
            return True
        case "success" | "failure" | "cancelled":
            return names.get("status", "success") == function
        case "hashfiles":
            return "0" * 64
    raise UsageError(f"the simulation does not know the function {function}()")
