"""What became of an offered change is read from the default branch's content, and a run's side from what it executed."""

from __future__ import annotations

from pathlib import Path

import pytest

from histories import KINDS, Story, lived, mistakes


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_of_taking_a_change(tmp_path: Path, kind: str) -> None:
    story = Story(kind, "cache-setup-action", reverted=False, later_edit=True, watched=True, seed=1)
    assert mistakes(lived(tmp_path, story), story) == []


@pytest.mark.parametrize("watched", [True, False])
def test_taken_back_by_hand_whether_or_not_trimtab_looked_in_between(tmp_path: Path, watched: bool) -> None:
    story = Story("squash", "cancel-superseded", reverted=True, later_edit=True, watched=watched, seed=2)
    assert mistakes(lived(tmp_path, story), story) == []


@pytest.mark.parametrize("seed", range(3))
def test_random_histories(tmp_path: Path, seed: int) -> None:
    story = Story.random(seed)
    assert mistakes(lived(tmp_path, story), story) == []
