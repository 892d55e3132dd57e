"""Parsing: exact positions in any text that git may hold, and a polite no to what must not reach the parser."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.errors import HostileFileError, ParseError
from trimtab.workflow.guard import check_depth, may_have_anchor
from trimtab.workflow.tree import Duplicate, Scalar, Tree, parse

CI = """\
# unicode before the keys: ünï — 🚀
name: CI 🚀
on: [push, pull_request]
jobs:
  build:
    runs-on: ubuntu-latest # comment
    steps:
      - uses: actions/checkout@v4
      - run: |
          echo "ä"

  # about test
  test:
    needs: build
"""


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_slices_are_the_scalars(bom: bytes, newline: str) -> None:
    tree = parse(bom + CI.replace("\n", newline).encode())
    assert tree.bom == bool(bom)
    assert tree.newline == newline
    for path, text in {
        ("name",): "CI 🚀",
        ("on", 1): "pull_request",
        ("jobs", "build", "runs-on"): "ubuntu-latest",
        ("jobs", "build", "steps", 0, "uses"): "actions/checkout@v4",
    }.items():
        node = tree.node(path)
        assert node is not None
        assert tree.text[node.start_mark.index : node.end_mark.index] == text


def test_span_points_at_the_key_and_quotes_its_line() -> None:
    tree = parse(CI.replace("\n", "\r\n").encode())
    span = tree.span("ci.yml", ("jobs", "build", "runs-on"))
    assert (span.line, span.column, span.end_line, span.end_column) == (6, 5, 6, 12)
    assert span.text == "    runs-on: ubuntu-latest # comment"
    item = tree.span("ci.yml", ("jobs", "build", "steps", 1))
    assert (item.line, item.column, item.text) == (9, 9, "      - run: |")
    assert tree.span("ci.yml", ("jobs", "gone")).line == 1


def test_keys_are_found_by_text_and_not_by_yaml_type() -> None:
    tree = parse(b"on: push\ntrue: 1\n'5': x\n~: y\n")
    assert tree.data == {"on": "push", "true": "1", "5": "x", "~": "y"}
    assert tree.key_node(("on",)) is not None
    assert tree.node(("on", "push")) is None
    assert tree.node(("on", 0)) is None


def test_typed_data_tells_a_number_from_its_text() -> None:
    assert parse(b"a: 5\nb: '5'\nc:\nd: yes\n").typed == {
        "a": Scalar("int", "5"),
        "b": Scalar("str", "5"),
        "c": Scalar("null", ""),
        "d": Scalar("bool", "yes"),
    }


def test_duplicates_are_told_with_their_line() -> None:
    tree = parse(b"on: push\njobs:\n  a: {x: 1, x: 2}\non: pull_request\n")
    assert tree.duplicates == (Duplicate(("jobs", "a", "x"), 3), Duplicate(("on",), 4))
    node = tree.node(("on",))
    assert node is not None
    assert node.value == "push"


@pytest.mark.parametrize(
    ("text", "path", "around"),
    [
        ("a: &x\n  b: 1\nc: *x\n", ("a", "b"), True),
        ("a: &x\n  b: 1\nc: *x\n", ("c",), True),
        ("a: &x\n  b: 1\nc: *x\n", ("c", "b"), True),
        ("a: &x\n  b: 1\nc: *x\nd: {e: 1}\n", ("d", "e"), False),
        ("a: !!map &x\n  b: 1\nd: 1\n", ("a", "b"), True),
        ("a: b && c &d\n", ("a",), False),
        ("- &x 1\n- [*x, 2]\n", (1, 0), True),
    ],
)
def test_anchors_and_aliases_are_seen_around_a_path(text: str, path: tuple[str | int, ...], around: bool) -> None:
    assert parse(text.encode()).has_anchor_or_alias_around(path) is around


@pytest.mark.parametrize("text", ["a && b", "2>&1", "x &", "a&b", "& b"])
def test_ampersands_in_scripts_are_no_anchors(text: str) -> None:
    assert not may_have_anchor(text)


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        (b"a: b: c\n", 1, 5),
        (b"a: 1\n\tb: 2\n", 2, 1),
        (b"a: 'x\nb: 2\n", 3, 1),
        (b"ok: 1\n---\nmore: 1\n", 2, 1),
        ("ü: 1\nb: \x07\n".encode(), 2, 4),
        (b"a: &x 1\nb: &x 2\n", 2, 4),
        (b"", 1, 1),
        (b"# only a comment\n", 1, 1),
    ],
)
def test_what_is_no_yaml_is_told_with_its_place(data: bytes, line: int, column: int) -> None:
    with pytest.raises(ParseError) as raised:
        parse(data)
    assert (raised.value.line, raised.value.column) == (line, column)


def _bomb() -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a: " + b"x" * (1 << 20), "1,048,579 bytes"),
        (b"a: \0b", "binary"),
        ("a: ü".encode("latin-1"), "not UTF-8"),
        ("on: push".encode("utf-16"), "not UTF-8"),
        (b"a: " + b"[" * 50_000, "deeper than 100"),
        (b"[\n" * 50_000, "deeper than 100"),
        (("[\u2028\ufeff" * 30_000).encode(), "deeper than 100"),
        (b"- " * 50_000, "deeper than 100"),
        ("\n".join(" " * n + "a:" for n in range(1_000)).encode(), "deeper than 100"),
        ("\u2028".join(" " * n + "a:" for n in range(1_000)).encode(), "deeper than 100"),
        ("\n".join("- " * n + "a" for n in range(1, 150)).encode(), "deeper than 100"),
        (b"a: &a [*a]\n", "contains itself"),
        (b"a: &a\n  b: *a\n", "contains itself"),
        (_bomb(), "100,000 nodes"),
        (b"a: [" + b"x," * 150_000 + b"]", "100,000 nodes"),
    ],
)
def test_hostile_files_are_refused_before_they_can_harm(data: bytes, says: str) -> None:
    with pytest.raises(HostileFileError) as raised:
        parse(data)
    assert says in raised.value.what


def test_a_hundred_levels_are_read() -> None:
    assert parse(b"a: " + b"[" * 99 + b"]" * 99).data is not None
    with pytest.raises(HostileFileError):
        parse(b"a: " + b"[" * 100 + b"]" * 100)


_PIECES = st.lists(
    st.sampled_from(
        ["- ", "? ", "a: ", "[", "{", "]", "}", "\n", "\n ", "\n  ", "x", ", ", "'", '"', "#", "|", "\u2028", "\ufeff"]
    )
    | st.integers(1, 60).map(lambda n: "\n" + " " * n),
    max_size=400,
)


@settings(max_examples=150, deadline=None)
@given(_PIECES, st.integers(1, 6))
def test_the_cheap_bound_never_lets_deep_text_pass(pieces: list[str], times: int) -> None:
    """Either the guard refuses, or an honest count of the events finds at most 100 levels."""
    text = "".join(pieces * times)
    try:
        check_depth(text)
    except HostileFileError:
        return
    depth = deepest = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                deepest = max(deepest, depth)
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError:
        assert deepest <= 100
    assert deepest <= 100


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab:-?&*!|>'\"%@`{}[],# \n\r\t~0\u2028ü🚀"), max_size=60) | st.binary(max_size=40))
def test_any_text_is_read_or_refused_and_never_crashes(source: str | bytes) -> None:
    data = source if isinstance(source, bytes) else source.encode()
    try:
        tree = parse(data)
    except (HostileFileError, ParseError) as error:
        refusal = error
    else:
        _assert_whole(tree, data)
        return
    assert refusal.what
    assert refusal.fix


def _assert_whole(tree: Tree, data: bytes) -> None:
    assert (b"\xef\xbb\xbf" if tree.bom else b"") + tree.text.encode() == data
    assert tree.span("f", ()).line >= 1
    assert isinstance(tree.duplicates, tuple)
