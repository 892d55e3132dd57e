"""The language between `${{` and `}}`."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.errors import ParseError
from trimtab.workflow.expressions import (
    Access,
    Call,
    Literal,
    Name,
    Operation,
    embedded,
    parse,
    references,
    without_expressions,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", Literal(True)),
        ("NULL", Literal(None)),
        ("-9.5e1", Literal(-95.0)),
        ("0xff", Literal(255.0)),
        ("'it''s'", Literal("it's")),
        ("github", Name("github")),
        ("a.b-c", Access(Name("a"), Literal("b-c"))),
        ("a['b']", Access(Name("a"), Literal("b"))),
        ("a.*.b", Access(Access(Name("a"), None), Literal("b"))),
        ("a[*]", Access(Name("a"), None)),
        ("always()", Call("always", ())),
        ("f(a, 1)", Call("f", (Name("a"), Literal(1.0)))),
        ("f(a).b", Access(Call("f", (Name("a"),)), Literal("b"))),
        ("!a", Operation("!", (Name("a"),))),
        ("a && b && c", Operation("&&", (Name("a"), Name("b"), Name("c")))),
        ("a || b && c", Operation("||", (Name("a"), Operation("&&", (Name("b"), Name("c")))))),
        ("(a || b) && c", Operation("&&", (Operation("||", (Name("a"), Name("b"))), Name("c")))),
        ("a == b != c", Operation("!=", (Operation("==", (Name("a"), Name("b"))), Name("c")))),
        ("a < 1 == b", Operation("==", (Operation("<", (Name("a"), Literal(1.0))), Name("b")))),
        ("  a\n  && b ", Operation("&&", (Name("a"), Name("b")))),
    ],
)
def test_parse(text: str, expected: object) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1),
        ("a b", 3),
        ("a &&", 5),
        ("(a", 3),
        ("f(a,)", 5),
        ('"a"', 1),
        ("a.1", 2),
        ("'a", 1),
        ("a = b", 3),
        ("a[", 3),
        ("+", 1),
    ],
)
def test_what_is_no_expression_is_told_with_its_column(text: str, column: int) -> None:
    with pytest.raises(ParseError) as raised:
        parse(text)
    assert raised.value.column == column


@pytest.mark.parametrize(
    "text", ["(" * 5_000, "!" * 5_000, "a" + ".a" * 5_000, "a[" * 5_000, "a" + "==a" * 5_000, "f(" * 5_000]
)
def test_deep_expressions_are_refused_without_recursing(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)


def nested(levels: int, accesses: int) -> str:
    """Calls in calls, each followed by accesses: f(f(a).a.a).a.a"""
    return "f(" * levels + "a" + (")" + ".a" * accesses) * levels


@pytest.mark.parametrize(
    "text",
    [nested(45, 45), nested(2, 25), "(" * 40 + "a" + ("==a" * 45 + ")") * 40, "f(" * 30 + "!" * 30 + "a" + ")" * 30],
    ids=["accesses of calls", "just too deep", "comparisons", "calls and negations"],
)
def test_all_kinds_of_levels_count_together(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)
    assert references("${{ " + text + " == github.ref }}") >= {("github", "ref")}


def test_what_is_just_not_too_deep_is_read_in_full() -> None:
    assert parse(nested(1, 2)) == Access(Access(Call("f", (Name("a"),)), Literal("a")), Literal("a"))
    assert references("${{ " + nested(2, 23).replace("(a)", "(github.ref)") + " }}") == {("github", "ref")}


@pytest.mark.parametrize(
    "number",
    [
        "0x" + "f" * 300,
        "-0x" + "f" * 300,
        "0o" + "7" * 400,
        "9" * 300,
        "1" * 500_000 + "a",
        "1." * 250_000,
        "1" * 500_000,
    ],
    ids=["hex", "negative", "octal", "decimal", "no number", "dots", "very long"],
)
def test_numbers_beyond_reason_are_refused(number: str) -> None:
    with pytest.raises(ParseError) as raised:
        parse(f"a == {number}")
    assert raised.value.column == 6


def test_large_numbers_are_numbers() -> None:
    assert parse("0x" + "f" * 248) == Literal(float(16**248 - 1))
    assert parse("1e999") == Literal(float("inf"))


def test_long_rows_stay_shallow() -> None:
    expression = parse(" || ".join(["a"] * 20_000))
    assert expression == Operation("||", (Name("a"),) * 20_000)


def test_expressions_in_a_text_end_where_they_should() -> None:
    assert embedded("a ${{ x }}-${{ '}}' }} ${{ y") == (" x ", " '}}' ")
    assert embedded("${{" * 300_000) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a ${{ x }}-${{ '}}' }} b", "a *-* b"),
        ("${{ x }}", "*"),
        ("${{ x }} ${{ y", "* ${{ y"),
        ("none }}", "none }}"),
        ("${{" * 300_000, "${{" * 300_000),
        ("${{x}}" * 100_000, "*" * 100_000),
    ],
    ids=["two", "whole", "one open", "none", "all open", "many"],
)
def test_a_text_without_its_expressions(text: str, expected: str) -> None:
    assert without_expressions(text, "*") == expected


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("${{ needs.build.outputs.x }}", {("needs", "build", "outputs", "x")}),
        ("${{ Needs.Build.result }}", {("needs", "Build", "result")}),
        ("${{ GitHub.Event_Name }}", {("github", "event_name")}),
        ("k-${{ github['ref'] }}-${{ matrix.os }}", {("github", "ref"), ("matrix", "os")}),
        ("${{ hashFiles('x') }}", set()),
        ("${{ fromJSON(needs.a.outputs.m).x[matrix.i] }}", {("needs", "a", "outputs", "m"), ("matrix", "i")}),
        ("${{ needs[matrix.i].result }}", {("needs", "*", "result"), ("matrix", "i")}),
        ("${{ needs.*.result }}", {("needs", "*", "result")}),
        ("${{ steps.a.outputs.b[0] }}", {("steps", "a", "outputs", "b", "0")}),
        ("github.ref == 'needs.x'", {("github", "ref")}),
        ("always() && needs.a.result == 'success'", {("needs", "a", "result")}),
        ("echo needs.a.result", set()),
        ("${{ needs.a.result + broken }}", {("needs", "a", "result")}),
        ("no expression", set()),
    ],
)
def test_references(text: str, paths: set[tuple[str, ...]]) -> None:
    assert references(text) == paths


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab.*[]()!&|=<>'\"0x-,${} \n"), max_size=50))
def test_any_text_has_an_answer(text: str) -> None:
    assert all(path for path in references(text))
    assert len(embedded(text)) <= text.count("${{")
