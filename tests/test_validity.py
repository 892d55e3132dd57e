"""What GitHub would refuse in a file that is good YAML."""

from __future__ import annotations

import pytest

from trimtab.workflow.read import read
from trimtab.workflow.validity import (
    duplicate_keys,
    nearest,
    strange_keys,
    unknown_events,
    unknown_keys,
    unknown_needs,
)

FILE = """
on:
  push: {branch: main}
  pul_request:
jobs:
  build:
    runs-on: x
    timeout_minutes: 3
    timeout_minutes: 4
    steps:
      - run: make
        wroking-directory: src
        totally-new: 1
  test: {needs: [biuld, test, "${{ x }}", BUILD]}
"""


def test_everything_wrong_is_named_with_what_was_meant() -> None:
    workflow = read("ci.yml", FILE.encode())
    assert [(p.path, p.nearest) for p in unknown_events(workflow)] == [(("on", "pul_request"), "pull_request")]
    assert [(p.path, p.nearest) for p in unknown_needs(workflow)] == [
        (("jobs", "test", "needs", 0), None),  # `build` stands there already, in capitals
        (("jobs", "test", "needs", 1), None),
    ]
    assert [(p.path[-1], p.nearest) for p in unknown_keys(workflow)] == [
        ("branch", "branches"),
        ("timeout_minutes", "timeout-minutes"),
        ("timeout_minutes", "timeout-minutes"),
        ("wroking-directory", "working-directory"),
    ]
    assert [p.path[-1] for p in strange_keys(workflow)][-1] == "totally-new"
    assert [p.path for p in duplicate_keys(workflow)] == [("jobs", "build", "timeout_minutes")]


@pytest.mark.parametrize(
    "text",
    [
        "5",
        "on: 5",
        "jobs: [a, b]",
        "on: {push: [main]}\njobs: {a: b, c: [d]}",
        "jobs: {a: {steps: [x, [y], {}], needs: {b: c}, strategy: 7}}",
        "? {a: b}\n: c",
        "jobs: {a: {? [k] : v}}",
    ],
)
def test_strange_shapes_raise_nothing(text: str) -> None:
    workflow = read("ci.yml", text.encode())
    for look in (unknown_needs, unknown_events, unknown_keys, strange_keys, duplicate_keys):
        assert isinstance(look(workflow), tuple)


def test_nearest() -> None:
    known = ["runs-on", "needs", "name"]
    assert nearest("runs_on", known) == "runs-on"
    assert nearest("Need", known) == "needs"
    assert nearest("concurrency", known) is None


@pytest.mark.parametrize(
    "text",
    [
        "on:\n" + "".join(f"  pull_requesu{n}:\n" for n in range(20_000)),
        "on: push\njobs:\n  a:\n" + "".join(f"    timeout-minu{n}: 1\n" for n in range(20_000)),
        "jobs:\n  build: {}\n  a:\n    needs:\n" + "".join(f"    - buil{n}\n" for n in range(20_000)),
        "jobs:\n"
        + "".join(f"  build{n}: {{needs: [{', '.join(f'b{n}-{k}' for k in range(20))}]}}\n" for n in range(900)),
        "on:\n" + "  push:\n" * 20_000,
    ],
    ids=["events", "keys", "needs of one job", "needs of many jobs", "twice"],
)
def test_of_thousands_of_problems_the_first_are_told(text: str) -> None:
    workflow = read("ci.yml", text.encode())
    told = [unknown_events(workflow), strange_keys(workflow), unknown_needs(workflow), duplicate_keys(workflow)]
    assert sorted(map(len, told)) == [0, 0, 0, 200]
    (problems,) = filter(None, told)
    assert all(problem.nearest is None for problem in problems[20:])
    assert all(workflow.span(problem.path).line > 1 for problem in problems)
