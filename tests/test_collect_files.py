"""What collect makes of history files: which workflow a run belongs to, and files of which nothing can be believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from loops import CI, Team
from trimtab.errors import EXIT_REFUSED, RefusedError
from trimtab.loop import Site
from trimtab.loop.collect import Collected, collect
from trimtab.loop.collect.locate import located
from trimtab.model import History, Run

HEADER = "id,workflow,conclusion,created_at,updated_at\n"
ROWS = "".join(f"{n},CI,success,2026-02-0{n}T08:00:00Z,2026-02-0{n}T08:10:00Z\n" for n in (1, 2, 3))
FILE = ".github/workflows/ci.yml"
OTHER = ".github/workflows/other.yml"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.fixture
def clone(team: Team) -> Path:
    return team.clone("ada")


def imported(site: Site, clone: Path, text: str = HEADER + ROWS) -> Collected:
    (clone / "runs.csv").write_text(text)
    return collect(site, files=[clone / "runs.csv"], shared=False)


def workflows(site: Site) -> list[tuple[int, str]]:
    history = site.ledger.history()
    assert isinstance(history, History)
    return [(run.id, run.workflow) for run in history.runs]


def test_runs_move_to_their_file_once_it_bears_their_name(team: Team, clone: Path) -> None:
    site = team.site(clone)
    team.write(clone, {FILE: CI.replace("name: CI", "name: Old")})
    first = imported(site, clone)
    assert first.stored == 3
    assert (
        "3 run attempts of 'CI' belong to no workflow file: none here is called so; no finding rests on that"
        in first.says
    )
    site.ledger.looked_at("CI", team.now, team.now)
    team.write(clone, {FILE: CI})
    again = imported(site, clone)
    assert (again.stored, again.updated, again.duplicates) == (0, 0, 3)
    assert workflows(site) == [(1, FILE), (2, FILE), (3, FILE)]
    assert not any("belong" in text for text in again.says)


def test_known_runs_stay_where_they_are_when_the_name_is_lost_or_borne_twice(team: Team, clone: Path) -> None:
    site = team.site(clone)
    imported(site, clone)
    team.write(clone, {OTHER: CI})
    more = imported(site, clone, HEADER + ROWS + "9,CI,success,2026-02-09T08:00:00Z,2026-02-09T08:10:00Z\n")
    assert (more.stored, more.duplicates) == (1, 3)
    assert workflows(site) == [(1, FILE), (2, FILE), (3, FILE), (9, "CI")]
    twice = f"1 run attempt of 'CI' belong to no workflow file: {FILE} and {OTHER} are all called so"
    assert any(text.startswith(twice) for text in more.says)
    team.write(clone, {FILE: CI.replace("name: CI", "name: New"), OTHER: CI.replace("name: CI", "name: X")})
    assert imported(site, clone).duplicates == 3


def test_what_is_told_by_path_later_is_no_second_run(team: Team, clone: Path) -> None:
    site = team.site(clone)
    team.write(clone, {FILE: CI.replace("name: CI", "name: Old")})
    imported(site, clone)
    by_path = (HEADER + ROWS).replace(",CI,", f",{FILE},")
    again = imported(site, clone, by_path)
    assert (again.stored, again.duplicates) == (0, 3)
    assert workflows(site) == [(1, FILE), (2, FILE), (3, FILE)]


def test_rows_stored_twice_become_one(team: Team, clone: Path) -> None:
    site = team.site(clone)
    told = [Run(1, 1, name, "success", team.now, actor=actor) for name, actor in (("CI", "ada"), (FILE, None))]
    site.ledger.add_runs([*told, Run(1, 1, "nightly of another system", "success", team.now.replace(hour=1))])
    site.ledger.relocate({("gone", 5, 1): FILE})
    located(site, ())
    history = site.ledger.history(FILE)
    assert isinstance(history, History)
    assert [(run.id, run.actor) for run in history.runs] == [(1, "ada")]
    assert site.ledger.workflows() == (FILE, "nightly of another system")


def test_files_of_which_nothing_can_be_believed_are_refused(team: Team, clone: Path) -> None:
    site = team.site(clone)
    with pytest.raises(RefusedError, match="can be believed") as told:
        imported(site, clone, HEADER + "1,CI,success,1970-02-01T08:00:00Z,\n")
    assert told.value.exit_code == EXIT_REFUSED
    assert "before GitHub Actions was" in told.value.why
    kept = imported(site, clone, HEADER + ROWS + "7,CI,success,2040-01-01T08:00:00Z,\n")
    assert kept.stored == 3
    assert any(text.startswith("1 x run left out: created before") for text in kept.says)
