"""
How often adoption is read wrongly: random lives of an offered change on real repositories

    python bench/adoption.py [HISTORIES] [--seed N]

Each history is a real repository whose team squashes, rebases, merges, edits in review, half accepts, closes, or later takes back
by hand what Trimtab offered, with runs all along. With `gh` on PATH the offer is a pull request on a small stateful GitHub
behind a unix socket (tests/fake_github.py), else a branch. Prints the counts by kind; exits 1 when a stage is wrong or a run
was put on the wrong side.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from fake_github import FakeGitHub, serving
from histories import Life, Story, lived, mistakes
from trimtab.model import History


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    parser.add_argument("histories", nargs="?", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the first history; the others count up")
    options = parser.parse_args()
    by_pull_request = shutil.which("gh") is not None
    kinds: Counter[str] = Counter()
    runs = stages = sides = 0
    for seed in range(options.seed, options.seed + options.histories):
        story = Story.random(seed)
        wrong, seen = _told(story, by_pull_request)
        kinds[story.kind + (", then reverted" if story.reverted else "")] += 1
        runs += seen
        stages += sum(text.startswith("stage") for text in wrong)
        sides += sum(text.startswith("run") for text in wrong)
        if seed % 20 == 19:
            print(f"{seed + 1 - options.seed} of {options.histories}", file=sys.stderr)
        for text in wrong:
            print(f"seed {seed} ({story}): {text}")
    how = "pull requests through gh" if by_pull_request else "branches (no gh on PATH)"
    print(f"{options.histories} histories, {runs} runs, offered as {how}")
    for kind, count in sorted(kinds.items()):
        print(f"  {count:4d}  {kind}")
    print(f"wrong stages: {stages}   runs on the wrong side: {sides}")
    return 1 if stages or sides else 0


def _told(story: Story, by_pull_request: bool) -> tuple[list[str], int]:
    """What was wrong in one history, and how many runs it had."""
    with tempfile.TemporaryDirectory(prefix="trimtab-adoption-") as name:
        folder = Path(name)
        if not by_pull_request:
            life = lived(folder, story)
            return mistakes(life, story), _runs(life)
        github = FakeGitHub("octo/app")
        with serving(github, folder) as environment:
            os.environ.update(environment)
            life = lived(folder, story, github)
            return mistakes(life, story), _runs(life)


def _runs(life: Life) -> int:
    history = life.site.ledger.history()
    return len(history.runs) if isinstance(history, History) else 0


if __name__ == "__main__":
    sys.exit(main())
