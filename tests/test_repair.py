"""Repairing files that do not parse: bounded, honest, and never worse than before."""

from __future__ import annotations

import time

import pytest
import yaml_rs
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.errors import ParseError
from trimtab.model import EditFile, Unknown
from trimtab.workflow.edits import edit
from trimtab.workflow.prove import prove
from trimtab.workflow.repair import MAX_CHARACTERS, repair
from trimtab.workflow.tree import parse

GOOD = """\
name: CI
on:
  push:
    branches: [main, "release/**"]
  pull_request:
env:
  WORDS: 'a b'
jobs:
  lint:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: Lint
        run: |
          # a comment in a script
          make lint
  test:
    needs: [lint]
    runs-on: ${{ matrix.os }}
    strategy:
      matrix:
        os: [ubuntu-latest, windows-latest]
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0
      - run: make test
"""


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_repair_is_a_workflow_for_both_parsers_and_keeps_all_other_lines(data: st.DataObject) -> None:
    broken = _break(data)
    found = repair(broken)
    if isinstance(found, Unknown):
        return
    change = EditFile("ci.yml", repair=found)
    edited = edit(broken.encode(), change)
    prove(change, edited)
    tree = parse(edited.after)
    yaml_rs.loads(tree.text)
    assert isinstance(tree.data, dict) and {"on", "jobs"} <= set(tree.data)
    changed = {part.first for part in found}
    pairs = zip(broken.split("\n"), edited.after.decode().split("\n"), strict=True)
    assert all(old == new for number, (old, new) in enumerate(pairs, 1) if number not in changed)


def _break(data: st.DataObject) -> str:
    """One or two lines made wrong in ways that people make them wrong."""
    lines = GOOD.split("\n")
    for _ in range(data.draw(st.integers(1, 2))):
        n = data.draw(st.integers(0, len(lines) - 2))
        change = data.draw(st.sampled_from(CHANGES))
        lines[n] = change(lines[n])
    return "\n".join(lines)


CHANGES = [
    lambda line: line.replace("  ", "\t", 1),
    lambda line: " " + line,
    lambda line: line[1:] if line.startswith(" ") else line,
    lambda line: line.replace("'", "", 1),
    lambda line: line.replace('"', "", 1),
    lambda line: line.replace("]", "", 1),
    lambda line: line.replace(": ", ":", 1),
    lambda line: line.replace("- ", "-", 1),
    lambda line: line.removesuffix(":"),
    lambda line: line + ": more",
    lambda line: line + "'",
]


def test_most_single_slips_are_mended_back_to_what_was_meant() -> None:
    broken = mended = 0
    for number, line in enumerate(GOOD.split("\n")):
        for change in CHANGES[:9]:
            lines = GOOD.split("\n")
            lines[number] = change(line)
            text = "\n".join(lines)
            if not _parses(text):
                broken += 1
                mended += _same_as_good(text)
    assert broken > 60
    assert mended / broken > 0.9


def _parses(text: str) -> bool:
    try:
        parse(text.encode())
    except ParseError:
        return False
    return True


def _same_as_good(text: str) -> bool:
    found = repair(text)
    if isinstance(found, Unknown):
        return False
    after = edit(text.encode(), EditFile("ci.yml", repair=found)).after
    return parse(after).data == parse(GOOD.encode()).data


@given(st.text(alphabet=" \t\n-:[]{}'\"|>&*#abon,", max_size=300))
@settings(max_examples=200, deadline=None)
def test_hostile_text_raises_nothing(text: str) -> None:
    assert isinstance(repair(text), Unknown | tuple)


@pytest.mark.parametrize("text", ["[" * 5000, "- " * 5000 + "'", "a: 'b\n" * 3000, "\t\n" * 5000, "{" + "a: [" * 90])
def test_hostile_text_takes_bounded_time(text: str) -> None:
    began = time.process_time()
    assert isinstance(repair(text), Unknown)
    assert time.process_time() - began < 20


def test_what_is_not_tried_says_why() -> None:
    assert repair(GOOD) == Unknown("it parses")
    assert "merge conflict" in repair("<<<<<<< HEAD\n" + GOOD + "a: 'b").why  # type: ignore[union-attr]
    assert "64 KiB" in repair("a: '" + "x" * MAX_CHARACTERS).why  # type: ignore[union-attr]
