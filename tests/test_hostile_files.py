"""Workflow files made to keep us busy: each is answered in bounded time, and none is believed to be harmless because of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trimtab.catalogue.reading.conditions import _matches
from trimtab.catalogue.reading.purpose import delivers
from trimtab.errors import HostileFileError
from trimtab.workflow.read import read
from trimtab.workflow.repair import repair
from trimtab.workflow.tree import MAX_JOBS, parse
from trimtab.world.workflow_files import in_tree

PATH = ".github/workflows/ci.yml"
JOB = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """CPU seconds of this process, generous: what it guards against takes minutes to years."""
    start = time.process_time()
    yield
    assert time.process_time() - start < seconds


@pytest.mark.parametrize(
    ("pattern", "branch", "takes"),
    [
        ("main", "main", True),
        ("main", "maintenance", False),
        ("*", "main", True),
        ("*", "a/b", False),
        ("**", "a/b", True),
        ("releases/**", "releases/1/2", True),
        ("rel*/v[0-9]+.x", "release/v12.x", True),
        ("rel*/v[0-9]+.x", "release/v.x", False),
        ("mains?", "main", True),
        ("a.c", "abc", False),
        ("v[12].[0-9]+", "v3.1", False),
        ("", "main", False),
        ("[main", "[main", True),
    ],
)
def test_a_branch_filter_takes_what_github_says(pattern: str, branch: str, takes: bool) -> None:
    assert _matches(pattern, branch) is takes


def test_a_branch_filter_of_many_stars_is_answered() -> None:
    with within(2):
        assert not _matches("*" * 4001 + "b", "main")
        assert not _matches("*a" * 100 + "b", "a" * 250)
        assert _matches("**" * 2000, "main/" * 50)


@pytest.mark.parametrize(
    "script", ["git " + "; " * 60_000 + "x", "git\n" + "\n" * 60_000, "git " + "a --pus " * 40_000]
)
def test_a_long_script_is_answered_and_its_long_lines_count_as_a_delivery(script: str) -> None:
    lines = "".join(f"          {line}\n" for line in script.split("\n"))
    workflow = read(PATH, f"{JOB}      - run: |\n{lines}".encode())
    with within(3):
        found = delivers(workflow.jobs["a"])
    assert bool(found) is (max(map(len, script.split("\n"))) > 2000)


def test_more_jobs_than_anybody_writes_are_refused() -> None:
    text = "on: push\njobs:\n" + "".join(f"  j{n}: {{runs-on: x}}\n" for n in range(MAX_JOBS + 1))
    with within(5), pytest.raises(HostileFileError, match="jobs"):
        parse(text.encode())


@pytest.mark.parametrize("line", [" " * 380 + "- 'a: b: [", "\tab: 'x", "  a: 'x"])
def test_a_repair_gives_up_in_time(line: str) -> None:
    text = "on: push\njobs:\n" + f"{line}\n" * (60_000 // (len(line) + 1))
    with within(15):
        repair(text)


@pytest.mark.parametrize("link", [".github", ".github/workflows"])
def test_workflows_behind_a_link_are_not_looked_at_and_that_is_told(tmp_path: Path, link: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "workflows").mkdir(parents=True)
    (elsewhere / "workflows" / "ci.yml").write_text(JOB)
    place = tmp_path / "repo" / link
    place.parent.mkdir(parents=True)
    place.symlink_to(elsewhere if link == ".github" else elsewhere / "workflows")
    assert "symbolic link" in str(in_tree(tmp_path / "repo")[".github/workflows"])


def test_a_long_script_behind_many_aliases_is_refused() -> None:
    text = f"{JOB}      - run: &s {'x' * 500_000}\n" + "      - run: *s\n" * 20_000
    with pytest.raises(HostileFileError, match="4,194,304 characters"):
        parse(text.encode())
    assert parse(f"{JOB}      - run: &s {'x' * 500_000}\n      - run: *s\n".encode())
