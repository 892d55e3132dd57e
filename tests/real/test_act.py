"""
Real runs by the real act: a workflow is executed here, its log is collected, and the durations are those of the work
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from trimtab.model import Job, Run
from trimtab.world import history_files

pytestmark = pytest.mark.real("act")

WORKFLOW = """\
name: Tiny
on: push
jobs:
  quick:
    runs-on: self-hosted
    steps:
      - uses: sample/greet@v1
      - run: sleep 1
  slow:
    needs: quick
    runs-on: self-hosted
    strategy:
      matrix:
        round: [1, 2]
    steps:
      - run: sleep 3
  broken:
    runs-on: self-hosted
    steps:
      - name: fails on purpose
        run: exit 3
  after:
    needs: broken
    runs-on: self-hosted
    steps:
      - run: sleep 1
"""
ACTION = """\
name: greet
description: says hello
runs:
  using: composite
  steps:
    - run: echo hello
      shell: bash
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """What act printed, and how many seconds it took; on the host itself, with no container and no network."""
    home = tmp_path_factory.mktemp("act")
    files = {home / "repo/.github/workflows/tiny.yml": WORKFLOW, home / "greet/action.yml": ACTION}
    for path, text in files.items():
        path.parent.mkdir(parents=True)
        path.write_text(text)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "Start"]):
        subprocess.run([*git, *words], cwd=home / "repo", check=True)
    argv = ["act", "push", "--json", "-P", "self-hosted=-self-hosted", "--pull=false"]
    argv += [
        "--action-offline-mode",
        "--use-new-action-cache",
        "--local-repository",
        f"sample/greet@v1={home / 'greet'}",
    ]
    env = {
        **os.environ,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
    }
    begun = time.monotonic()
    done = subprocess.run(argv, cwd=home / "repo", env=env, capture_output=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr  # one job fails on purpose
    (home / "log.json").write_bytes(done.stdout)
    return home / "log.json", time.monotonic() - begun


@pytest.fixture(scope="module")
def run(log: tuple[Path, float]) -> Run:
    imported = history_files.read([log[0]])
    assert imported.problems == ()
    (only,) = imported.runs
    return only


def jobs(run: Run) -> dict[str, Job]:
    return {job.name: job for job in run.jobs or ()}


def test_jobs_come_with_their_names_legs_and_ends(run: Run) -> None:
    ends = {name: job.conclusion for name, job in jobs(run).items()}
    assert run.workflow == "Tiny"
    assert run.conclusion == "failure"
    assert ends == {"quick": "success", "slow (1)": "success", "slow (2)": "success", "broken": "failure"}


def test_durations_are_those_of_the_work(run: Run, log: tuple[Path, float]) -> None:
    took = {step.name: step.seconds or 0.0 for job in (run.jobs or ()) for step in job.steps}
    assert 1.0 <= took["sleep 1"] < 2.5
    assert 3.0 <= took["sleep 3"] < 4.5
    slow = jobs(run)["slow (1)"].seconds
    assert slow is not None and 2.0 <= slow < 6.0  # act writes whole seconds
    assert run.seconds is not None and 3.0 <= run.seconds <= log[1] + 1


def test_what_waits_for_another_job_starts_after_it(run: Run) -> None:
    quick, slow = jobs(run)["quick"], jobs(run)["slow (1)"]
    assert quick.ended is not None and slow.started is not None and slow.started >= quick.ended


def test_the_step_that_failed_is_the_one_that_says_so(run: Run) -> None:
    failed = [step.name for step in jobs(run)["broken"].steps if step.conclusion == "failure"]
    assert failed == ["fails on purpose"]


def test_reading_the_log_twice_adds_nothing(log: tuple[Path, float]) -> None:
    twice = history_files.read([log[0], log[0]])
    assert (len(twice.runs), twice.duplicates) == (1, 1)
