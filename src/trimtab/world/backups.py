"""
Backups a person can find and use without Trimtab: plain copies under .github/workflows/backup/<id>/

Beside the copies lies a manifest.json that says what each restores. The journal holds the same bytes; these are for the day
when nobody has Trimtab at hand. Copies of this form that somebody else made are listed too and never touched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from trimtab.errors import RefusedError
from trimtab.world.files import WorkTree, sha256

WORKFLOWS = ".github/workflows"
FOLDER = f"{WORKFLOWS}/backup"
# What `git status` need not show: our own copies (folders of eight hex digits) and files laid ready for a rename.
EXCLUDED = (f"/{FOLDER}/{'[0-9a-f]' * 8}/", ".*.trimtab-*")
_COPY = re.compile(r"(?P<name>[^/]+\.ya?ml)(\.(bak|backup|orig|old|save))?([.~_-]?[0-9TZ:_-]*)~?")
LIMIT = 64 << 20


@dataclass(frozen=True, slots=True)
class Backup:
    """
    One copy on the disk: where it lies and which file it restores (None: its name does not tell)

    `intervention` is None when somebody else made it.
    """

    path: str
    restores: str | None
    sha256: str
    intervention: str | None


def copies(id: str, says: str, contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of one intervention's backup, path -> bytes, the manifest last. `contents` are the files before it."""
    folder, rows = f"{FOLDER}/{id}", []
    files: dict[str, bytes] = {}
    for path, data in contents.items():
        name = path.removeprefix(f"{WORKFLOWS}/").replace("/", "__")
        copy = f"{folder}/{name}.bak"
        if copy in files:
            copy = f"{folder}/{len(files)}__{name}.bak"
        files[copy] = data
        rows.append({"restores": path, "backup": copy, "sha256": sha256(data)})
    manifest = {"made_by": "trimtab", "change": id, "says": says, "files": rows}
    return {**files, f"{folder}/manifest.json": json.dumps(manifest, indent=1, ensure_ascii=False).encode() + b"\n"}


def write(tree: WorkTree, files: Mapping[str, bytes]) -> None:
    """Lay the copies down; those that are there already stay. StaleError when somebody else's file is in the way."""
    for path, data in files.items():
        if tree.look(path, LIMIT) != data:
            tree.write(path, data, None)


def remove(tree: WorkTree, files: Mapping[str, bytes]) -> None:
    """Take the copies away again, and their folders when nothing else is in them. What was changed since stays."""
    for path, data in reversed(list(files.items())):
        tree.remove(path, sha256(data))
    folder = str(PurePosixPath(next(iter(files))).parent)
    tree.sweep(folder)
    tree.remove_folder(folder)
    tree.remove_folder(FOLDER)


def found(tree: WorkTree) -> tuple[Backup, ...]:
    """Every copy below .github/workflows/backup, whoever made it, ordered by path."""
    paths = tree.files_under(FOLDER)
    ours = {row.path: row for path in paths if path.endswith("/manifest.json") for row in _manifest(tree, path)}
    listed = []
    for path in paths:
        data = tree.look(path, LIMIT)
        if path.endswith("/manifest.json") or data is None:
            continue
        own = ours.get(path)
        if own is not None and own.sha256 == sha256(data):
            listed.append(own)
        else:
            listed.append(Backup(path, restores(path), sha256(data), None))
    return tuple(listed)


def restores(path: str) -> str | None:
    """Which workflow a copy's name speaks of: ci.yml.bak, ci.yml.bak.2024-01-31, ci.yaml~, or a plain ci.yml."""
    match = _COPY.fullmatch(path.rpartition("/")[2])
    return f"{WORKFLOWS}/{match['name']}" if match else None


def exclude(common_dir: Path) -> None:
    """Keep backups out of `git status` and `git add` by .git/info/exclude, which is never committed."""
    tree = WorkTree(common_dir)
    there = tree.look("info/exclude")
    old = there or b""
    missing = [line for line in EXCLUDED if line.encode() not in old.splitlines()]
    if missing:
        glue = b"" if not old or old.endswith(b"\n") else b"\n"
        lines = "".join(f"{line}\n" for line in missing).encode()
        tree.write("info/exclude", old + glue + lines, None if there is None else sha256(old))


def _manifest(tree: WorkTree, path: str) -> tuple[Backup, ...]:
    """What a manifest of ours says; one that was edited into nonsense says nothing, its copies then count as foreign."""
    try:
        data = json.loads(tree.read(path, LIMIT))
        rows = [(row["backup"], row["restores"], row["sha256"]) for row in data["files"]]
        change = data["change"]
    except (ValueError, KeyError, TypeError, RefusedError):
        return ()
    if not all(isinstance(part, str) for row in rows for part in row) or not isinstance(change, str):
        return ()
    return tuple(Backup(copy, target, digest, change) for copy, target, digest in rows)
