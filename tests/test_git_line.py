"""
Where branches left the default branch, found in memory for thousands of commits: the same answers as git's own
"""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from trimtab.world.git import Repository
from trimtab.world.git_changes import line_of


class Grower:
    """Writes a random history of branches, merges both ways and squashes, as a stream for `git fast-import`."""

    def __init__(self, seed: int) -> None:
        self.rng, self.stream, self.count = random.Random(seed), "", 0
        self.main = self.commit("main")
        self.branches: dict[str, int] = {}

    def commit(self, ref: str, *parents: int) -> int:
        self.count += 1
        head = f"commit refs/heads/{ref}\nmark :{self.count}\ncommitter a <a@b> {1_700_000_000 + self.count} +0000\ndata 1\nx\n"
        froms = "".join(f"{word} :{parent}\n" for word, parent in zip(["from", "merge"], parents, strict=False))
        self.stream += f"{head}{froms}M 100644 inline f{self.count}\ndata 1\nx\n\n"
        return self.count

    def grow(self, n: int) -> str:
        for i in range(n):
            name = self.rng.choice(list(self.branches)) if self.branches else None
            step = self.rng.choice(["main", "open", "push", "push", "update", "merge", "criss-cross"])
            if step == "main" or name is None:
                self.main = self.commit("main", self.main)
                self.branches[f"b{i}"] = self.commit(f"b{i}", self.main)
            elif step == "open":
                self.branches[f"b{i}"] = self.commit(f"b{i}", self.main)
            elif step == "push":
                self.branches[name] = self.commit(name, self.branches[name])
            elif step == "update":
                self.branches[name] = self.commit(name, self.branches[name], self.main)
            elif step == "merge":
                self.main = self.commit("main", self.main, self.branches.pop(name))
            else:
                ours, theirs = self.main, self.branches[name]
                self.main, self.branches[name] = self.commit("main", ours, theirs), self.commit(name, theirs, ours)
        return self.stream


@pytest.mark.parametrize("seed", range(6))
def test_the_point_where_a_branch_left_is_one_of_gits_merge_bases(tmp_path: Path, seed: int) -> None:
    def git(*args: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *args], input=stdin, capture_output=True, text=True, check=True
        )
        return done.stdout

    git("init", "-q", "-b", "main")
    git("fast-import", "--quiet", f"--export-marks={tmp_path / 'marks'}", stdin=Grower(seed).grow(40))
    commits = [row.split()[1] for row in (tmp_path / "marks").read_text().splitlines()]
    repository = Repository.find(tmp_path)
    tip = repository.resolve("refs/heads/main")
    assert tip is not None
    line = line_of(repository, tip, commits)
    unmerged = set(git("rev-list", "--all", "^main").split())
    assert unmerged
    for sha in commits:
        if sha in unmerged:
            assert line.base(sha) in git("merge-base", "--all", tip, sha).split()


def test_a_merged_branch_left_before_its_merge(tmp_path: Path) -> None:
    grower = Grower(0)
    left = grower.main
    branch = grower.commit("work", left)
    beside = grower.commit("main", left)
    grower.commit("main", beside, branch)
    subprocess.run(["git", "-C", str(tmp_path), "init", "-q", "-b", "main"], check=True)
    marks = tmp_path / "marks"
    argv = ["git", "-C", str(tmp_path), "fast-import", "--quiet", f"--export-marks={marks}"]
    subprocess.run(argv, input=grower.stream, text=True, check=True)
    ids = dict(row.split() for row in marks.read_text().splitlines())
    repository = Repository.find(tmp_path)
    line = line_of(repository, repository.resolve("refs/heads/main") or "", list(ids.values()))
    assert line.base(ids[f":{branch}"]) == ids[f":{left}"]
