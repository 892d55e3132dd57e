"""The pages that are generated are up to date, the page that is written by hand is true, and what it shows runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from trimtab.cli import docs, options

ROOT = Path(__file__).parent.parent


def test_the_reference_is_what_the_code_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert docs.main(["--check"]) == 0, capsys.readouterr().err


def test_the_check_names_what_is_missing_changed_or_left_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert docs.main(["--check"]) == 1
    assert docs.main([]) == 0
    assert docs.main(["--check"]) == 0
    folder = tmp_path / docs.FOLDER
    (folder / "rules.md").write_text("by hand")
    (folder / "old.md").write_text("left over")
    capsys.readouterr()
    assert docs.main(["--check"]) == 1
    told = capsys.readouterr().err
    assert told.splitlines() == [
        f"{docs.FOLDER / n} is out of date; run: python -m trimtab.cli.docs" for n in ("rules.md", "old.md")
    ]
    assert docs.main([]) == 0
    assert sorted(os.listdir(folder)) == sorted(docs.pages())


# ------------------------------------------------------------------------------------ README and CONTRIBUTING


def transcript(page: str) -> list[tuple[str, str]]:
    """(command, output) of every `$ ` line in the console blocks of a page."""
    pairs: list[tuple[str, str]] = []
    for block in re.findall(r"(?ms)^```console\n(.*?)^```", page):
        for line in block.splitlines(keepends=True):
            if line.startswith("$ "):
                pairs.append((line[2:].rstrip("\n"), ""))
            else:
                pairs[-1] = (pairs[-1][0], pairs[-1][1] + line)
    return pairs


def replayed(pairs: list[tuple[str, str]], where: Path) -> list[tuple[str, str]]:
    """The same commands run in one shell, each with what it wrote to stdout."""
    mark = "--- next command ---"
    script = "set -e\n" + "".join(f"{command} 2>>{where}/progress </dev/null\necho '{mark}'\n" for command, _ in pairs)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": path, "HOME": str(where), "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["bash", "-c", script], cwd=where, env=env, capture_output=True, text=True)
    progress = (where / "progress").read_text()
    assert done.returncode == 0, done.stderr + progress
    return [(command, out) for (command, _), out in zip(pairs, done.stdout.split(f"{mark}\n"), strict=False)]


def test_the_readme_shows_what_really_happens(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """With --update-cases the page is given what happens now."""
    page = ROOT / "README.md"
    pairs = transcript(page.read_text())
    assert len(pairs) >= 6
    happened = replayed(pairs, tmp_path)
    if request.config.getoption("--update-cases"):
        shown = "".join(f"$ {command}\n{output}" for command, output in happened)
        page.write_text(re.sub(r"(?ms)^```console\n.*?^```", lambda _: f"```console\n{shown}```", page.read_text()))
    assert happened == transcript(page.read_text())


def test_the_first_forty_lines_say_make_demo() -> None:
    head = "".join((ROOT / "README.md").read_text().splitlines(keepends=True)[:40])
    assert "\nmake demo " in head
    assert "kept" in head


def test_the_rule_in_contributing_is_a_real_one() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    assert f"```python\n{(ROOT / 'src/trimtab/catalogue/rules/fix_unknown_needs.py').read_text()}```" in page
    case = ROOT / "tests/cases/rules/fix-unknown-needs/misspelt"
    for file in (".github/workflows/ci.yml", "expect.json"):
        text = (case / ("repo" if file.startswith(".") else "") / file).read_text()
        assert text in page.replace("\n   ", "\n")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere_and_commands_exist(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / target).exists(), target
    for verb in re.findall(r"(?m)(?:`|^\$? ?|&& )trimtab ([a-z]+)\b", text):
        assert verb in options.names(), verb


def test_the_offered_hook_finds_what_it_looks_for(tmp_path: Path) -> None:
    """The entry of .pre-commit-hooks.yaml, run as pre-commit would: with the changed files behind it."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    file = tmp_path / ".github/workflows/ci.yml"
    file.parent.mkdir(parents=True)
    file.write_text("on: push\njobs:\n  a:\n    needs: b\n    runs-on: ubuntu-latest\n    steps: [{run: make}]\n")
    assert re.search(hook["files"], ".github/workflows/ci.yml")
    assert not re.search(hook["files"], ".github/workflows/backup/3f2a91bc/ci.yml.bak")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    program, *words = shlex.split(hook["entry"])
    assert program == "trimtab"
    argv = [sys.executable, "-m", "trimtab", *words, ".github/workflows/ci.yml"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "fix-unknown-needs" in done.stdout
