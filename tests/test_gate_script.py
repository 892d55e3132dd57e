"""The script that the gate job runs, run: by the bash that is here, with a `gh` that answers as the case says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from trimtab.workflow.read import read

CASES = Path(__file__).parent / "cases" / "rules" / "gate-unaffected-jobs"


@pytest.fixture
def script() -> str:
    """As it stands in the file that the case `folders` leaves behind."""
    path = CASES / "folders" / "after" / ".github" / "workflows" / "ci.yml"
    text = read("ci.yml", path.read_bytes()).jobs["changes"].steps[0].run
    assert text is not None
    return text


def outputs(script: str, folder: Path, gh: str, pull_request: str = "7") -> dict[str, str]:
    """Run as GitHub runs `shell: bash`, with -e and pipefail."""
    (folder / "gh").write_text(f"#!/bin/bash\n{gh}\n")
    (folder / "gh").chmod(0o755)
    (folder / "script.sh").write_text(script)
    (folder / "out").write_text("")
    env = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "PULL_REQUEST": pull_request,
        "GITHUB_REPOSITORY": "acme/widgets",
        "GITHUB_OUTPUT": str(folder / "out"),
    }
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(folder / "script.sh")]
    subprocess.run(command, env=env, check=True, timeout=30)
    return dict(line.split("=", 1) for line in (folder / "out").read_text().splitlines())


def answer(*files: str) -> str:
    return "cat <<'EOF'\n" + "\n".join(files) + "\nEOF"


ALL, NONE = (
    {"code": "true", "in_web": "true", "in_server": "true"},
    dict.fromkeys(("code", "in_web", "in_server"), "false"),
)


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (["README.md", "docs/a b/ümlaut.rst"], NONE),
        (["web/app.ts"], {**ALL, "in_server": "false"}),
        (["README.md", "server/main.go"], {**ALL, "in_web": "false"}),
        (["other/file"], {**ALL, "in_web": "false", "in_server": "false"}),
        (["go.work"], ALL),
        ([".github/workflows/ci.yml"], ALL),
        (["src/notes.md"], {**ALL, "in_web": "false", "in_server": "false"}),
        (["web/-n", "$(touch pwned)", "`x`; exit 3"], ALL),
    ],
)
def test_files_open_the_gates_they_concern(
    script: str, tmp_path: Path, files: list[str], wanted: dict[str, str]
) -> None:
    assert outputs(script, tmp_path, answer(*files)) == wanted


@pytest.mark.parametrize("gh", ["exit 1", "echo README.md; exit 1", "exit 0", "no-such-command"])
def test_a_list_that_cannot_be_read_opens_every_gate(script: str, tmp_path: Path, gh: str) -> None:
    assert outputs(script, tmp_path, gh) == ALL


def test_every_other_event_opens_every_gate(script: str, tmp_path: Path) -> None:
    assert outputs(script, tmp_path, "echo README.md", pull_request="") == ALL


def test_a_list_that_github_cut_short_opens_every_gate(script: str, tmp_path: Path) -> None:
    assert outputs(script, tmp_path, "seq -f 'docs/%g.md' 3000") == ALL
    assert outputs(script, tmp_path, "seq -f 'docs/%g.md' 2999") == NONE
