"""What the reading of installs and downloads costs on hostile files, and which versions of the setup actions it trusts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from evidence import FolderEvidence
from trimtab.catalogue.reading.downloads import works
from trimtab.catalogue.reading.installs import commands, found, joined
from trimtab.catalogue.rules import cache_setup_action
from trimtab.workflow.model import Workflow
from trimtab.workflow.read import read

ON = "on:\n  push:\n    branches: [main]\n"
HEAD = ON + "jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n"
PYTHON = '      - uses: actions/setup-python@v5\n        with:\n          python-version: "3.12"\n'
PINS = "".join(f"p{i}==1\n" for i in range(9))


def asked(folder: Path, files: Mapping[str, str]) -> list[str]:
    """What the rule says of a job that installs from 0.txt, given requirements files by name."""
    text = HEAD + PYTHON + "      - run: pip install -r 0.txt\n"
    told = {".github/workflows/ci.yml": text.encode(), **{name: text.encode() for name, text in files.items()}}
    settings = {"cache-setup-action.saving": 0.3}
    return [finding.says for finding in cache_setup_action.find(FolderEvidence(folder, told, settings))]


def script(*lines: str) -> Workflow:
    body = "".join(f"          {line}\n" for line in lines)
    return read(".github/workflows/ci.yml", f"{HEAD}      - run: |\n{body}".encode())


def test_requirements_that_include_one_another_without_end(tmp_path: Path) -> None:
    assert asked(tmp_path, {"0.txt": PINS + "-r 1.txt\n", "1.txt": "-r 0.txt\n"}), "a circle is two files"
    deep = {f"{i}.txt": f"-r {i + 1}.txt\n" for i in range(1100)} | {"1100.txt": PINS}
    assert asked(tmp_path, deep) == []
    twice = {f"{i}.txt": f"-r {i + 1}.txt\n" * 2 for i in range(40)} | {"40.txt": PINS}
    assert len(asked(tmp_path, twice)) == 1
    wide = {"0.txt": PINS + "".join(f"-r {i}.txt\n" for i in range(1, 51))} | {f"{i}.txt": "" for i in range(1, 51)}
    assert asked(tmp_path, wide) == []


@pytest.mark.parametrize(
    "hostile",
    [
        "#" * 200_000,
        " #" * 100_000,
        "cache: " * 30_000,
        "cd a;" * 40_000,
        "cd a && " * 25_000,
        "npm ci " + "--a " * 50_000,
        "yarn" + " " * 200_000 + "x",
        "pip " * 50_000,
        "pip -pip " * 25_000,
        "'\" \\" * 50_000,
        "A=" * 100_000,
        "A=b " * 50_000 + "npm ci",
        "config set " * 20_000,
        "pnpm_" * 40_000,
    ],
    ids=lambda text: text[:12],
)
def test_a_hostile_line_is_read_in_no_time(hostile: str) -> None:
    file = script("echo", hostile)
    steps = read("a.yml", f"{HEAD}{PYTHON}      - run: |\n          echo\n          {hostile}\n".encode())
    begun = time.process_time()
    found(file, file.jobs["a"])
    cache_setup_action._is_guarded(file.tree.text)
    cache_setup_action._has_cache(steps, steps.jobs["a"])
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "hostile", ["pip " * 50_000, "-r 0.txt\n" * 50_000, "#" * 200_000, " " * 200_000 + "x", "a[[" * 9000]
)
def test_hostile_requirements_are_read_in_no_time(tmp_path: Path, hostile: str) -> None:
    begun = time.process_time()
    asked(tmp_path, {"0.txt": hostile})
    assert time.process_time() - begun < 2


def test_a_pyproject_that_is_too_deep_tells_nothing(tmp_path: Path) -> None:
    text = HEAD + PYTHON + "      - run: pip install -r 0.txt -e .\n"
    told = {".github/workflows/ci.yml": text, "0.txt": PINS, "pyproject.toml": "[project]\na = " + "[" * 5000}
    files = {name: text.encode() for name, text in told.items()}
    assert list(cache_setup_action.find(FolderEvidence(tmp_path, files, {"cache-setup-action.saving": 0.3}))) == []


def test_what_a_script_surely_runs() -> None:
    def sure(text: str) -> list[str]:
        return [command for command, certain in commands(text) if certain]

    assert sure("a # b\nc && d; e\\\n f") == ["a", "c", "e f"]
    assert sure("echo 'a; b' && npm ci") == ["echo 'a; b'", "npm ci"]
    assert sure("a || b\nc") == ["c"]
    assert sure("a ||\nb") == []
    assert sure("cd x &&\nnpm ci") == ["cd x", "npm ci"]
    assert sure("a\necho 'open\nb'\nc") == ["a"]
    assert sure('a\nb=" \n"') == ["a"]
    assert sure("a\nif b; then c; fi\nd") == ["a"]
    assert sure("a\ncat <<EOF\nnpm ci\nEOF") == ["a"]


def test_paths_that_are_not_certain() -> None:
    assert joined("web", "../app/./x.txt") == "app/x.txt"
    for part in (
        "../../a",
        "/a",
        "~/a",
        "$A",
        "${{ a }}",
        "a*",
        "a?",
        "a[b]",
        "a\\b",
        "https://a/b",
        "-",
        "",
        "a" * 600,
        "!a",
        "#a",
    ):
        assert joined("web", part) is None


@pytest.mark.parametrize(
    ("action", "good", "bad"),
    [
        (
            "setup-node",
            ["3", "4", "3.9", "3.9.1", "4.2.0", "4.4", "5", "6.0.0"],
            ["1", "2", "2.5.2", "3.8.2", "4.1", "4.1.0"],
        ),
        ("setup-python", ["4", "5", "4.9.0", "5.4", "6", "6.1.0"], ["2", "3", "3.1.4", "4.8.0", "5.3.0"]),
        ("setup-java", ["3", "4", "3.14.0", "4.7.1", "5.0.0"], ["1", "2", "3.13.0", "4.6.0", "4.2"]),
    ],
)
def test_versions_whose_cache_works(action: str, good: list[str], bad: list[str]) -> None:
    def tried(text: str, *, is_commit: bool) -> bool:
        return works(f"actions/{action}", tuple(map(int, text.split("."))), is_commit=is_commit)

    assert all(tried(one, is_commit=False) for one in good)
    assert not any(tried(one, is_commit=False) for one in bad)
    assert [tried(one, is_commit=True) for one in good] == ["." in one for one in good], (
        "a commit's major tells too little"
    )
    assert not works(f"actions/{action}", (), is_commit=True)


def test_one_step_with_thousands_of_installs_is_read_in_no_time(tmp_path: Path) -> None:
    text = HEAD + PYTHON + "      - run: |\n" + "          pip install -r 0.txt\n" * 5000
    files = {".github/workflows/ci.yml": text.encode(), "0.txt": PINS.encode()}
    begun = time.process_time()
    assert list(cache_setup_action.find(FolderEvidence(tmp_path, files, {"cache-setup-action.saving": 0.3})))
    assert time.process_time() - begun < 4
