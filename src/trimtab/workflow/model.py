"""
The typed view of one workflow file

Frozen values made by `workflow.read.read`; every part knows its node path, and `Workflow.span(path)` tells where that stands in
the text. Scalars that may be an expression keep their text. What is absent is None or empty; unknown keys stay in `data`.
Shape follows GitHub's workflow syntax reference; actionlint's ast.go was the map for what exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trimtab.model import NodePath, Span
from trimtab.workflow.tree import Tree


@dataclass(frozen=True, slots=True)
class Event:
    """One event under `on`; filters are tuples of patterns, None = key absent (an empty list is ())."""

    name: str
    path: NodePath
    types: tuple[str, ...] | None = None
    branches: tuple[str, ...] | None = None
    branches_ignore: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    tags_ignore: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    paths_ignore: tuple[str, ...] | None = None
    crons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Concurrency:
    """`cancel` is True, False, the text of an expression, or None when the user did not say."""

    group: str
    cancel: bool | str | None
    path: NodePath


@dataclass(frozen=True, slots=True)
class Matrix:
    """
    `axes` name -> values as text; `include` and `exclude` rows as text; `dynamic` when any part is an expression.

    `fail_fast` and `max_parallel` are None when not said, else the text of the scalar.
    """

    axes: Mapping[str, tuple[str, ...]]
    include: tuple[Mapping[str, str], ...]
    exclude: tuple[Mapping[str, str], ...]
    dynamic: bool
    path: NodePath


@dataclass(frozen=True, slots=True)
class Step:
    index: int
    path: NodePath
    id: str | None = None
    name: str | None = None
    uses: str | None = None  # "actions/setup-node@v4" as written
    run: str | None = None
    condition: str | None = None  # `if`
    inputs: Mapping[str, str] = field(default_factory=dict)  # `with`, scalars as text
    env: Mapping[str, str] = field(default_factory=dict)
    timeout: str | None = None
    continue_on_error: str | None = None
    shell: str | None = None
    working_directory: str | None = None

    @property
    def action(self) -> str | None:
        """ "actions/setup-node" without its ref, in lower case; None for `run` steps, local actions and docker images."""
        if self.uses is None or self.uses.startswith((".", "docker:")):
            return None
        return self.uses.partition("@")[0].lower()

    @property
    def ref(self) -> str | None:
        return self.uses.partition("@")[2] or None if self.uses else None


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    path: NodePath
    name: str | None = None
    runs_on: tuple[str, ...] = ()  # labels as written, or one expression
    group: str | None = None  # runs-on: {group: ...}
    needs: tuple[str, ...] = ()
    condition: str | None = None
    timeout: str | None = None  # text of timeout-minutes: a number or an expression
    uses: str | None = None  # a called workflow
    matrix: Matrix | None = None
    fail_fast: str | None = None
    max_parallel: str | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    concurrency: Concurrency | None = None
    environment: str | None = None
    container: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    continue_on_error: str | None = None


@dataclass(frozen=True, slots=True)
class Workflow:
    path: str
    tree: Tree  # positions, source text, plain data
    name: str | None
    events: Mapping[str, Event]
    jobs: Mapping[str, Job]
    concurrency: Concurrency | None
    env: Mapping[str, str]

    @property
    def is_callable(self) -> bool:
        """Other workflows may call it: a concurrency group of its own can then deadlock with the caller's."""
        return "workflow_call" in self.events

    def runs_on(self, event: str) -> bool:
        return event in self.events

    def span(self, path: NodePath) -> Span:
        """Where the key (or item) at `path` stands; the file's first line when the path does not exist."""
        return self.tree.span(self.path, path)
