"""The typed view: all forms that GitHub allows, and absent fields instead of exceptions for those that it does not."""

from __future__ import annotations

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from trimtab.errors import HostileFileError, ParseError
from trimtab.workflow.model import Concurrency, Event
from trimtab.workflow.read import read

FULL = """\
name: CI
on:
  push:
    branches: [main, 'rel/**']
    paths-ignore: docs/**
  pull_request:
    types: []
  schedule:
    - cron: '0 3 * * *'
    - cron: 5 4 * * 1
  workflow_call:
env: {A: 1, B: , C: [x]}
concurrency:
  group: g
  cancel-in-progress: ${{ x }}
jobs:
  build:
    name: Build it
    runs-on: [self-hosted, "linux"]
    needs: lint
    if: always()
    timeout-minutes: 30
    continue-on-error: true
    environment: {name: prod, url: u}
    container: {image: "py:3"}
    concurrency: jobs
    outputs: {o: "${{ steps.s.outputs.o }}"}
    strategy:
      fail-fast: false
      max-parallel: 1
      matrix:
        py: [3.10, "3.11"]
        os: [{n: a, v: 1}, [b, c]]
        include: [{py: 3.12, extra: true}]
        exclude: [{py: 3.10}]
    env: {X: y}
    steps:
      - uses: Actions/Setup-Python@v5
        with: {python-version: 3.10, cache: pip}
      - id: s
        name: Run
        run: |
          make
        if: success()
        shell: bash
        working-directory: d
        timeout-minutes: 5
        continue-on-error: true
        env: {E: f}
      - uses: ./local
      - uses: docker://alpine
  called:
    uses: org/repo/.github/workflows/x.yml@v1
    runs-on: {group: big, labels: [a, b]}
    strategy: {matrix: "${{ fromJSON(x) }}"}
"""


def test_everything_that_a_workflow_says() -> None:
    workflow = read("ci.yml", FULL.encode())
    assert workflow.name == "CI"
    assert workflow.env == {"A": "1", "B": ""}
    assert workflow.concurrency == Concurrency("g", "${{ x }}", ("concurrency",))
    assert workflow.is_callable
    assert workflow.runs_on("push")
    push = workflow.events["push"]
    assert (push.branches, push.paths_ignore, push.tags) == (("main", "rel/**"), ("docs/**",), None)
    assert workflow.events["pull_request"].types == ()
    assert workflow.events["schedule"].crons == ("0 3 * * *", "5 4 * * 1")
    build = workflow.jobs["build"]
    assert (build.name, build.runs_on, build.needs, build.condition) == (
        "Build it",
        ("self-hosted", "linux"),
        ("lint",),
        "always()",
    )
    assert (build.timeout, build.environment, build.container, build.continue_on_error) == (
        "30",
        "prod",
        "py:3",
        "true",
    )
    assert build.concurrency == Concurrency("jobs", None, ("jobs", "build", "concurrency"))
    assert (build.fail_fast, build.max_parallel, build.env) == ("false", "1", {"X": "y"})
    assert build.matrix is not None
    assert build.matrix.axes == {"py": ("3.10", "3.11"), "os": ("a, 1", "b, c")}
    assert build.matrix.include == ({"py": "3.12", "extra": "true"},)
    assert build.matrix.exclude == ({"py": "3.10"},)
    assert not build.matrix.dynamic
    setup, run, local, docker = build.steps
    assert (setup.action, setup.ref, setup.inputs) == (
        "actions/setup-python",
        "v5",
        {"python-version": "3.10", "cache": "pip"},
    )
    assert (run.id, run.name, run.run, run.condition, run.shell) == ("s", "Run", "make\n", "success()", "bash")
    assert (run.working_directory, run.timeout, run.continue_on_error, run.env) == ("d", "5", "true", {"E": "f"})
    assert (local.action, docker.action, run.ref) == (None, None, None)
    called = workflow.jobs["called"]
    assert (called.uses, called.runs_on, called.group) == ("org/repo/.github/workflows/x.yml@v1", ("a", "b"), "big")
    assert called.matrix is not None
    assert called.matrix.dynamic
    assert workflow.span(setup.path).line == 38


@pytest.mark.parametrize(
    ("on", "events"),
    [
        ("on: push", {"push": Event("push", ("on",))}),
        (
            "'on': [push, pull_request]",
            {"push": Event("push", ("on", 0)), "pull_request": Event("pull_request", ("on", 1))},
        ),
        ("on: {push: }", {"push": Event("push", ("on", "push"))}),
        ("on:", {}),
        ("on: {push: {branches: }}", {"push": Event("push", ("on", "push"), branches=())}),
        ("name: x", {}),
    ],
)
def test_the_forms_of_on(on: str, events: dict[str, Event]) -> None:
    assert dict(read("x.yml", on.encode()).events) == events


@pytest.mark.parametrize(
    ("text", "cancel"),
    [
        ("{group: g, cancel-in-progress: true}", True),
        ("{group: g, cancel-in-progress: False}", False),
        ("g", None),
        ("{group: g}", None),
    ],
)
def test_concurrency_tells_what_the_user_said(text: str, cancel: bool | None) -> None:
    concurrency = read("x.yml", f"concurrency: {text}".encode()).concurrency
    assert concurrency is not None
    assert concurrency.cancel is cancel


_VALUES = st.recursive(
    st.sampled_from(["", "push", "5", "true", "'x'", "${{ x }}", "~"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")
        | st.dictionaries(
            st.sampled_from(
                [
                    "on",
                    "jobs",
                    "a",
                    "steps",
                    "with",
                    "matrix",
                    "strategy",
                    "include",
                    "needs",
                    "schedule",
                    "cron",
                    "runs-on",
                    "env",
                    "push",
                ]
            ),
            inner,
            max_size=4,
        ).map(lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs.items()) + "}")
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(on=_VALUES, jobs=_VALUES, job=_VALUES, steps=_VALUES, strategy=_VALUES)
def test_malformed_shapes_give_absent_fields(on: str, jobs: str, job: str, steps: str, strategy: str) -> None:
    text = f"on: {on}\njobs:\n  a: {job}\n  b:\n    steps: {steps}\n    strategy: {strategy}\n    needs: {jobs}\nenv: {jobs}\n"
    try:
        workflow = read("x.yml", text.encode())
    except (ParseError, HostileFileError):
        reject()  # a flow text that is no YAML at all
    assert "b" in workflow.jobs
    assert all(isinstance(name, str) for name in workflow.events)
