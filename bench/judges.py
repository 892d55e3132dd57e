"""
Foreign judges for `bench/corpus.py`: what other linters say of a tree, and how long they take over the same files
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

# The longest timeout that nobody questions is each team's own choice: the linter has no default. We count what it says of more
# than 60 minutes, its documentation's example, and call it harm above GitHub's limit for a job of its own runners.
LONGEST, DEFAULT = 60, 360
_CONFIG = f"rules:\n  timeout-too-long:\n    max: {LONGEST}\n"
_FAMILIES = re.compile(r"concurrency|timeout|workflow-call|syntax")


def present() -> str:
    """The linters that are here, with their versions, in one line."""
    versions = (
        _version("actionlint", "-version"),
        _version("jactionlint", "--version"),
        _version("zizmor", "--version"),
    )
    return ", ".join(v for v in versions if v) or "no linter"


def _version(program: str, option: str) -> str:
    if not shutil.which(program):
        return ""
    said = subprocess.run([program, option], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    return f"{program} {said.split(' ')[-1]}"


# ------------------------------------------------------------------------------------ what they say


def lint(root: Path) -> Counter[str]:
    """What both linters say of the tree: "checker rule path text", without line numbers and other digits."""
    said: Counter[str] = Counter()
    if shutil.which("actionlint"):
        args = ["actionlint", "-shellcheck=", "-pyflakes=", "-format", "{{json .}}"]
        for one in _told(args, root):
            said[f"actionlint {one['kind']} {one['filepath']} {_message(one, root)}"] += 1
    if shutil.which("jactionlint"):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
            config.write(_CONFIG)
            config.flush()
            off = ["--shellcheck=", "--pyflakes=", "--no-ignores", "--no-color", "--no-online", "--no-baseline"]
            for one in _told(["jactionlint", "-p", "pedantic", "-c", config.name, "-f", "json", *off], root):
                said[f"jactionlint {_rule(one, root)} {one['filepath']} {_message(one, root)}"] += 1
    return said


def _rule(one: Mapping[str, str], root: Path) -> str:
    """The rule's id; a timeout that only our choice of a maximum makes too long has one of its own."""
    minutes = re.search(r'"timeout-minutes" is ([\d.]+)', one["message"]) if one["id"] == "timeout-too-long" else None
    fine = minutes is not None and (
        float(minutes[1]) <= DEFAULT or _self_hosted(root / one["filepath"], int(one["line"]))
    )
    return f"above-{LONGEST}-minutes" if fine else one["id"]


def _self_hosted(path: Path, line: int) -> bool:
    """Whether the job that the line belongs to runs on the team's own machines, which may take five days."""
    lines = path.read_text(errors="replace").splitlines()
    depth = len(lines[line - 1]) - len(lines[line - 1].lstrip())
    inside = [not text.strip() or text.startswith(" " * depth) for text in lines]
    first, last = line - 1, line - 1
    while first > 0 and inside[first - 1]:
        first -= 1
    while last + 1 < len(lines) and inside[last + 1]:
        last += 1
    return any("self-hosted" in text for text in lines[first : last + 1])


def _told(args: Sequence[str], root: Path) -> list[dict[str, str]]:
    """The findings that a linter prints as JSON; it ends with 1 when there are any."""
    done = subprocess.run(args, cwd=root, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{args[0]} ended with {done.returncode} in {root}: {done.stderr[-500:]}")
    found: list[dict[str, str]] | None = json.loads(done.stdout) if done.stdout.strip() else None
    return found or []


def _message(one: Mapping[str, str], root: Path) -> str:
    """The text without places; none for a rule that speaks once a file, in words that depend on the file's triggers."""
    if one.get("id") == "concurrency-limits":
        return "-"
    return "".join(c for c in one["message"].replace(str(root), "") if not c.isdigit())[:160]


def harmful(line: str) -> bool:
    """
    Whether a new finding is of the families in which an edit could do harm

    Everything that actionlint says (it looks for errors only), what jactionlint counts as correctness, and its rules on
    concurrency, timeouts, calls of workflows and syntax in whatever group they are. Not what both say of runner labels that
    they do not know: a new job takes them over from its neighbour.
    """
    checker, rule, _ = line.split(" ", 2)
    return (
        (checker == "actionlint" and rule != "runner-label")
        or (rule in _correctness() and rule != "unknown-runner-label")
        or bool(_FAMILIES.search(rule))
    )


@cache
def _correctness() -> frozenset[str]:
    done = subprocess.run(["jactionlint", "--list-rules", "--format", "json"], capture_output=True, check=True)
    return frozenset(rule["id"] for rule in json.loads(done.stdout) if rule["group"] == "correctness")


def peer_counts(said: Counter[str]) -> Counter[str]:
    """jactionlint's findings by rule, and under "rule in files" the number of files that it has the rule for."""
    counts: Counter[str] = Counter()
    files: set[tuple[str, str]] = set()
    for line, times in said.items():
        checker, rule, path, _ = line.split(" ", 3)
        if checker == "jactionlint":
            rule = "timeout-too-long" if rule == f"above-{LONGEST}-minutes" else rule
            counts[rule] += times
            files.add((rule, path))
    counts.update(f"{rule} in files" for rule, _ in files)
    return counts


# ------------------------------------------------------------------------------------ speed


def speed(files: Sequence[Path]) -> dict[str, float]:
    """
    User CPU seconds of `diagnose` without prices over all files, of zizmor over the same, and all CPU of 20 files cold

    Trimtab gets a PATH with nothing but git on it: one process without the linters that it would otherwise ask as well.
    """
    with tempfile.TemporaryDirectory(prefix="trimtab-speed-") as scratch:
        flat, twenty, only_git = Path(scratch) / "all", Path(scratch) / "twenty", Path(scratch) / "bin"
        only_git.mkdir()
        (only_git / "git").symlink_to(shutil.which("git") or "git")
        _copy(files, flat)
        _copy(files[:: max(len(files) // 20, 1)][:20], twenty)
        env = {**os.environ, "TRIMTAB_HOME": str(Path(scratch) / "state"), "PATH": str(only_git)}
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed Trimtab has its bytecode
        _cpu(_trimtab(twenty), env, scratch)  # compiles it
        ours = min(_cpu(_trimtab(flat), env, scratch)[0] for _ in range(3))
        cold = sorted(sum(_cpu(_trimtab(twenty), env, scratch)) for _ in range(5))[2]
        theirs = _zizmor(flat, scratch)
    return {"trimtab": ours, "cold": cold, "files": float(len(files))} | theirs


def _trimtab(root: Path) -> list[str]:
    return [sys.executable, "-m", "trimtab.cli.main", "-C", str(root), "diagnose", "--no-price", "--format", "json"]


def _copy(files: Sequence[Path], root: Path) -> None:
    target = root / ".github" / "workflows"
    target.mkdir(parents=True)
    for number, file in enumerate(files):
        shutil.copyfile(file, target / f"{number:04}-{file.name}")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    subprocess.run(["git", "-C", str(root), "add", "-A", "-f"], check=True)


def _zizmor(root: Path, scratch: str) -> dict[str, float]:
    """zizmor stops at a file that it cannot load: such files are taken out of its share, which only favours it."""
    if not shutil.which("zizmor"):
        return {}
    args = ["zizmor", "--offline", "-q", "--no-progress", "--format", "json", str(root)]
    removed = 0
    for _ in range(20):
        said = Path(scratch) / "said"
        with said.open("wb") as stderr:
            subprocess.run(args, stdout=subprocess.DEVNULL, stderr=stderr, check=False)
        unread = re.search(r"failed to load file://(\S+)", said.read_text(errors="replace"))
        if unread is None:
            break
        Path(unread[1]).unlink()
        removed += 1
    best = min(_cpu(args, os.environ, scratch)[0] for _ in range(3))
    return {"zizmor": best, "removed": float(removed)}


def _cpu(args: Sequence[str], env: Mapping[str, str], scratch: str) -> tuple[float, float]:
    """User and system CPU seconds of a command with all its children; what it prints goes to a file."""
    before, said = resource.getrusage(resource.RUSAGE_CHILDREN), Path(scratch) / "said"
    with said.open("wb") as stderr:
        done = subprocess.run(args, stdout=subprocess.DEVNULL, stderr=stderr, env=env, check=False)
    if done.returncode not in (0, 10, 11, 12, 13, 14):  # zizmor tells its findings by 11 to 14
        raise SystemExit(f"{args[:3]} ended with {done.returncode}: {said.read_text(errors='replace')[-1000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
