"""The log of the real act, as history."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from trimtab.world.history_files import read

pytestmark = pytest.mark.real
WORKFLOW = """\
name: CI
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        v: [1, 2]
    steps:
      - run: sleep 1
      - name: Named
        run: echo two
  bad:
    runs-on: ubuntu-latest
    steps:
      - run: exit 1
"""


def test_jobs_legs_steps_and_ends(tmp_path: Path) -> None:
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / ".github/workflows/ci.yml").write_text(WORKFLOW)
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    for args in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "first")):
        subprocess.run(("git", *args), cwd=tmp_path, check=True)
    # The host itself as runner: no Docker, nothing downloaded.
    command = ("act", "push", "--json", "-P", "ubuntu-latest=-self-hosted")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120)
    (tmp_path / "act.json").write_bytes(done.stdout)
    imported = read([tmp_path / "act.json"])
    (run,) = imported.runs
    assert imported.problems == ()
    assert (run.workflow, run.conclusion) == ("CI", "failure")
    jobs = {job.name: job for job in run.jobs or ()}
    assert {name: job.conclusion for name, job in jobs.items()} == {
        "build (1)": "success",
        "build (2)": "success",
        "bad": "failure",
    }
    slept = next(step for step in jobs["build (1)"].steps if step.name == "sleep 1")
    assert 1 <= (slept.seconds or 0) < 30
    assert {step.name for step in jobs["build (2)"].steps} >= {"sleep 1", "Named"}
