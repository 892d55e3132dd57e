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
    walk,
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


def test_long_rows_stay_shallow() -> None:
    expression = parse(" || ".join(["a"] * 20_000))
    assert sum(1 for _ in walk(expression)) == 20_001


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
