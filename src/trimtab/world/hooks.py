"""
The repository's own pre-commit hooks, run on files in a scratch worktree

Found the way git finds it (`core.hooksPath`, else the hooks folder), and only when it is executable; without one, the
pre-commit framework if the repository configures it and it is on PATH. They run as the user's own commit would run them: with
the user's environment, the changed files staged, at the worktree's root.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from trimtab.world.process import Done, environment, run

LONGEST = 900.0  # seconds; a first run of the pre-commit framework builds its environments


def pre_commit(tree: Path, paths: Sequence[str]) -> Done | None:
    """Run the pre-commit hook on the staged `paths` of a worktree; None when the repository has none."""
    found = run(("git", "rev-parse", "--git-path", "hooks/pre-commit"), cwd=tree)
    hook = tree / found.text.strip()
    if found.code == 0 and hook.is_file() and os.access(hook, os.X_OK):
        return run((str(hook),), cwd=tree, timeout=LONGEST, env=environment({"GIT_EDITOR": ":"}))
    if (tree / ".pre-commit-config.yaml").is_file() and shutil.which("pre-commit"):
        return run(("pre-commit", "run", "--files", *paths), cwd=tree, timeout=LONGEST)
    return None


def stage(tree: Path, paths: Sequence[str]) -> Done:
    """Put files of a worktree into its index."""
    return run(("git", "-c", "core.hooksPath=/dev/null", "add", "--", *paths), cwd=tree)
