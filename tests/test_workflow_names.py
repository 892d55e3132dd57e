"""Which YAML job an API job name belongs to, and what `# trimtab: ignore[...]` silences."""

from __future__ import annotations

import pytest

from trimtab.model import Unknown
from trimtab.workflow.ignores import ignored
from trimtab.workflow.names import job_for
from trimtab.workflow.read import read

JOBS = """
jobs:
  plain: {runs-on: x}
  named: {name: Lint / ruff, runs-on: x}
  legs:
    strategy: {matrix: {os: [ubuntu, macos], py: [3.10, "3.11"], include: [{os: windows, extra: y}]}}
  told:
    name: test ${{ matrix.os }} on ${{ matrix.py }}
    strategy: {matrix: {os: [ubuntu, macos], py: [3.10, "3.11"]}}
  loose:
    name: release ${{ inputs.version }} now
  dynamic:
    name: dyn ${{ matrix.x }}
    strategy: {matrix: "${{ fromJSON(needs.a.outputs.m) }}"}
  caller: {uses: ./.github/workflows/x.yml}
  callers:
    uses: ./.github/workflows/x.yml
    strategy: {matrix: {a: [1, 2]}}
"""
WORKFLOW = read("ci.yml", JOBS.encode())


@pytest.mark.parametrize(
    ("api_name", "job"),
    [
        ("plain", "plain"),
        ("Lint / ruff", "named"),
        ("legs (ubuntu, 3.1)", "legs"),
        ("legs (windows, y)", "legs"),
        ("legs", "legs"),
        ("test ubuntu on 3.1", "told"),
        ("test macos on 3.11", "told"),
        ("test macos on 3.11 (x)", "told"),
        ("test ${{ matrix.os }} on ${{ matrix.py }}", "told"),
        ("release 1.2.3 now", "loose"),
        ("dyn anything", "dynamic"),
        ("dyn a (b, c)", "dynamic"),
        ("caller / build", "caller"),
        ("caller / build / deep (x)", "caller"),
        ("caller", "caller"),
        ("callers (2) / build", "callers"),
    ],
)
def test_a_name_belongs_to_the_only_job_that_can_have_it(api_name: str, job: str) -> None:
    assert job_for(WORKFLOW, api_name) == job


@pytest.mark.parametrize(
    "api_name", ["other", "plain (1)", "plain / x", "named", "test solaris on 3.11", "release now", ""]
)
def test_no_job_is_unknown(api_name: str) -> None:
    answer = job_for(WORKFLOW, api_name)
    assert isinstance(answer, Unknown)
    assert "no job" in answer.why


def test_several_jobs_are_unknown() -> None:
    workflow = read("ci.yml", b"jobs:\n  a: {name: '${{ inputs.x }}'}\n  b: {name: build}\n")
    answer = job_for(workflow, "build")
    assert isinstance(answer, Unknown)
    assert "a, b" in answer.why
    assert job_for(workflow, "other") == "a"


def test_hostile_names_cost_little() -> None:
    name = "a".join(["${{ x }}"] * 5_000)
    workflow = read("ci.yml", f"jobs:\n  a:\n    name: {name}b\n".encode())
    assert isinstance(job_for(workflow, "a" * 5_000), Unknown)
    axes = "".join(f"        m{n}: [{', '.join('abcdefgh')}]\n" for n in range(9))
    template = "-".join(f"${{{{ matrix.m{n} }}}}" for n in range(9))
    many = read("ci.yml", f"jobs:\n  a:\n    name: {template}\n    strategy:\n      matrix:\n{axes}".encode())
    assert job_for(many, "a-b-c-d-e-f-g-h-a") == "a"


TEXT = """\
---
# Copyright
# trimtab: ignore[everywhere]

on: push # trimtab: ignore[here, and-here]
jobs: # trimtab:ignore[ spaced ]
  # trimtab: ignore[below]
  a:
    runs-on: x
"""


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        (1, set()),
        (5, {"here", "and-here"}),
        (6, {"spaced"}),
        (7, {"below"}),
        (8, {"below"}),
        (9, set()),
        (99, set()),
    ],
)
def test_ignore_comments(line: int, rules: set[str]) -> None:
    assert ignored(TEXT, line) == rules | {"everywhere"}


def test_no_comment_ignores_nothing() -> None:
    assert ignored("on: push\n", 1) == frozenset()
    assert ignored("# other\n\non: push\n# trimtab: ignore[late]\n", 1) == frozenset()


def test_a_name_of_thousands_of_expressions_is_compared_as_it_stands() -> None:
    name = "${{a}}" * 100_000
    workflow = read("ci.yml", f"jobs: {{a: {{name: '{name}'}}, b: {{name: 'x${{{{a}}}}'}}}}".encode())
    assert job_for(workflow, name) == "a"
    assert job_for(workflow, "xy") == "b"
