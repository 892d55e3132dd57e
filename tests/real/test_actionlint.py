"""actionlint itself, asked as Trimtab asks it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from trimtab.catalogue.scanners import actionlint

pytestmark = pytest.mark.real("actionlint")


def test_the_real_one_answers_in_the_shape_that_is_read(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "ci.yml").write_text(
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: x\n        runz: y\n"
    )
    done = subprocess.run(
        actionlint.command([".github/workflows/ci.yml"]), cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == actionlint.found_something
    told = actionlint.complaints(done.stdout, "actionlint")
    assert isinstance(told, tuple)
    assert any(c.path == ".github/workflows/ci.yml" and c.line == 7 and "runz" in c.says for c in told)


def test_a_good_file_has_nothing_to_say(tmp_path: Path) -> None:
    (tmp_path / "ci.yml").write_text("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: x\n")
    done = subprocess.run(actionlint.command(["ci.yml"]), cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, actionlint.complaints(done.stdout)) == (actionlint.found_nothing, ())


def test_its_version_is_told() -> None:
    done = subprocess.run(actionlint.version_command, capture_output=True, text=True, check=True)
    assert actionlint.version(done.stdout).startswith("actionlint 1.")
