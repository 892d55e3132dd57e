"""
What all tests share: where they work, the flag that rewrites the cases' expected files, what happens without a real part

A test that needs a program says so with `@pytest.mark.real("gh")`. Without that program it is skipped, and the skip names it and
how to get it. `make real` installs them all and sets TRIMTAB_NO_SKIP=1: there a skip, for whatever reason, is a failure.
"""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator

import pytest

from commands import clone, run  # noqa: F401  fixtures
from scratch import scratch

PARTS = ("git", "gh", "act", "actionlint", "jactionlint", "zizmor", "playwright", "chromium")
HOW = "`make real` installs it into .real/bin and runs these tests"
LONGEST = {"test_corpus.py", "test_crash.py", "test_state_machine.py", "test_gh.py", "test_loop.py", "test_demo.py"}
os.environ["TMPDIR"] = scratch()  # for pytest's own folders, and for the programs that tests run


@pytest.fixture(autouse=True, scope="module")
def tidy() -> Iterator[None]:
    """A command lets its garbage lie, because it ends; a worker that runs hundreds of them must clear it away."""
    yield
    gc.enable()
    gc.unfreeze()
    gc.collect()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-cases",
        action="store_true",
        help="rewrite expect.json and after/ of every case with what the rules say now",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that no worker is left alone with one of them at the end (`make test` has one a core)."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or under TRIMTAB_NO_SKIP fail, a test whose real part is not on PATH."""
    for name in _wanted(item):
        if name not in PARTS:
            pytest.fail(f"unknown real part {name!r}; known are {', '.join(PARTS)}", pytrace=False)
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not on PATH: {HOW}")


def _wanted(item: pytest.Item) -> Iterator[str]:
    """The programs that a test's marks name; a bare mark means those in its file's name (test_gh_collect.py: gh)."""
    words = item.path.stem.split("_")
    for mark in item.iter_markers("real"):
        yield from mark.args or [part for part in PARTS if part in words]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Under TRIMTAB_NO_SKIP=1 a skipped test has failed: what was to be tried was not."""
    report = yield
    if os.environ.get("TRIMTAB_NO_SKIP") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome, report.longrepr = "failed", f"no skip is allowed here (TRIMTAB_NO_SKIP=1): {why}"
    return report
