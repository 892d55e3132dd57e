"""
Foreign judges for `bench/corpus.py`: what other linters say of a tree, and how long they take over the same files
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

# ------------------------------------------------------------------------------------ foreign judges


def lint(root: Path) -> Counter[str]:
    """What actionlint and jactionlint say of the tree: "checker kind path text", without line numbers."""
    said: Counter[str] = Counter()
    if shutil.which("actionlint"):
        args = ["actionlint", "-shellcheck=", "-pyflakes=", "-format", "{{json .}}"]
        for one in _json_of(args, root) or []:
            said[f"actionlint {one['kind']} {one['filepath']} {_without_places(one['message'])}"] += 1
    if shutil.which("jactionlint"):
        for one in _json_of(["jactionlint", "-p", "pedantic", "-f", "json", "--no-color"], root) or []:
            said[f"jactionlint {one['kind']} {one['filepath']} {_without_places(one['message'])}"] += 1
    return said


def _json_of(args: list[str], root: Path) -> list[dict[str, str]] | None:
    done = subprocess.run(args, cwd=root, capture_output=True, text=True, timeout=300, check=False)
    return json.loads(done.stdout) if done.stdout.strip() else None


def _without_places(message: str) -> str:
    return "".join(c for c in message if not c.isdigit())[:120]


def peer_counts(said: Counter[str]) -> Counter[str]:
    return Counter(
        {kind: n for line, n in said.items() if line.startswith("jactionlint ") for kind in [line.split(" ")[1]]}
    )


# ------------------------------------------------------------------------------------ speed


def speed(repositories: list[Path]) -> dict[str, float]:
    """User CPU seconds of `diagnose` without prices over all files, of zizmor over the same, and of 20 files cold."""
    with tempfile.TemporaryDirectory(prefix="trimtab-speed-") as scratch:
        flat = Path(scratch) / "all"
        files = [f for r in repositories for f in sorted((r / ".github/workflows").glob("*.y*ml")) if f.is_file()]
        twenty = Path(scratch) / "twenty"
        _copy(files, flat)
        _copy(files[:: max(len(files) // 20, 1)][:20], twenty)
        ours = [_cpu(_trimtab(flat), scratch) for _ in range(3)]
        cold = [_cpu(_trimtab(twenty), scratch) for _ in range(5)]
        theirs = _zizmor(flat, scratch)
    speed = {"trimtab": min(ours), "cold": sorted(cold)[2], "files": float(len(files))}
    return speed | ({"zizmor": theirs} if theirs else {})


def _trimtab(root: Path) -> list[str]:
    return [sys.executable, "-m", "trimtab.cli.main", "-C", str(root), "diagnose", "--no-price", "--format", "json"]


def _copy(files: list[Path], root: Path) -> None:
    target = root / ".github" / "workflows"
    target.mkdir(parents=True)
    for number, file in enumerate(files):
        shutil.copyfile(file, target / f"{number:04}-{file.name}")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    subprocess.run(["git", "-C", str(root), "add", "-A", "-f"], check=True)


def _zizmor(root: Path, scratch: str) -> float | None:
    """zizmor stops at a file that it cannot load: such files are taken out of its share, which only favours it."""
    if not shutil.which("zizmor"):
        return None
    args = ["zizmor", "--offline", "-q", "--no-progress", "--format", "json", str(root)]
    for _ in range(20):
        done = subprocess.run(args, capture_output=True, text=True, check=False)
        at = done.stderr.find("failed to load file://")
        if at < 0:
            break
        Path(done.stderr[at:].split("file://", 1)[1].split(" as ")[0]).unlink()
    return min(_cpu(args, scratch) for _ in range(3))


def _cpu(args: list[str], home: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    with open(os.devnull, "wb") as nowhere:
        env = os.environ | {"TRIMTAB_HOME": str(Path(home) / "state")}
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed Trimtab has its bytecode
        done = subprocess.run(args, stdout=nowhere, stderr=subprocess.PIPE, env=env, check=False)
    if done.returncode not in (0, 10, 11, 12, 13, 14):  # zizmor tells its findings by 11 to 14
        raise SystemExit(f"{args[:3]} ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
