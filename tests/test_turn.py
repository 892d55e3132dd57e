"""What a look at a change reckons with: other changes of its workflow, and how far its runs were collected."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from loops import Team
from trimtab.ledger.state import Progress, State
from trimtab.loop.turn import _looked_until, _others
from trimtab.model import Design, EditFile, Intervention, PlannedFile, Risk, Run, Stage, Unknown

DAY = datetime(2026, 3, 1, tzinfo=UTC)
CI, NIGHTLY = ".github/workflows/ci.yml", ".github/workflows/nightly.yml"


def change(
    id: str,
    design: Design = "before_after",
    *,
    days: float | None = 0,
    path: str = CI,
    risk: Risk = Risk.SAFE,
    stage: Stage = Stage.MEASURING,
) -> Progress:
    """A change that went live `days` after the first; None: it is not live."""
    files = (PlannedFile(path, "a", "b", "c", "d", EditFile(path)),)
    nothing = Unknown("no history")
    plan = Intervention(id, "a-rule", "says", ("f",), files, "runner_minutes", design, 28, nothing, risk, DAY, id)
    return Progress(plan, stage, DAY, live_from=None if days is None else DAY + timedelta(days=days))


def found(one: Progress, other: Progress) -> list[tuple[float, str]]:
    """The days at which `other` came or went, as `one` has to reckon with them."""
    state = State({each.plan.id: each for each in (one, other)})
    return [((moment.at - DAY) / timedelta(days=1), moment.what) for moment in _others(state, one)]


CAME, WENT = "2 (a-rule) came to the same workflow", "2 (a-rule) was taken out of the same workflow"


@pytest.mark.parametrize("days", [0, 3, -3, 15, -20])
def test_other_changes_of_the_workflow_are_told_with_their_day(days: float) -> None:
    assert found(change("1"), change("2", days=days)) == [(days, CAME)]
    assert found(change("1", days=None), change("2", days=days)) == [(days, CAME)]


@pytest.mark.parametrize(
    "other",
    [change("2", path=NIGHTLY), change("2", days=None), change("2", "counted")],
    ids=["elsewhere", "never live", "counted and safe"],
)
def test_others_do_not_matter(other: Progress) -> None:
    assert found(change("1"), other) == []


@pytest.mark.parametrize("design", ["counted", "unverifiable"])
def test_a_change_of_what_runs_matters_however_it_is_judged_itself(design: Design) -> None:
    """A gate is counted, and it makes runs shorter: a cache that came on the same day must not take the credit."""
    assert found(change("1"), change("2", design, risk=Risk.REVIEW)) == [(0, CAME)]


def test_one_that_was_taken_back_moves_durations_twice() -> None:
    undone = replace(change("2", days=-50, stage=Stage.UNDONE), since=DAY + timedelta(days=3))
    assert found(change("1"), undone) == [(-50, CAME), (3, WENT)]


def test_without_commit_ids_it_counts_from_when_it_was_applied() -> None:
    applied = replace(change("2", days=None, stage=Stage.APPLIED), applied=DAY + timedelta(days=2))
    assert found(change("1"), applied) == [(2, CAME)]
    assert found(change("1"), replace(applied, delivery="pull-request:7")) == []
    seen = replace(applied, delivery="pull-request:7", adopted_blobs=((CI, "d", DAY + timedelta(days=4)),))
    assert found(change("1"), seen) == [(4, CAME)]
    tried = replace(applied, stage=Stage.UNDONE, since=DAY + timedelta(days=2, hours=1))
    assert found(change("1"), tried) == []


def test_a_look_reaches_as_far_as_the_runs_of_the_workflow_were_collected(tmp_path: Path) -> None:
    team = Team(tmp_path)
    site, now, last = team.site(team.clone("ada")), DAY + timedelta(days=40), DAY + timedelta(days=6)
    assert _looked_until(site, change("1"), now) == now  # no run: nothing is measured anyway
    other = Run(2, 1, NIGHTLY, "success", now - timedelta(hours=1), ended=now)
    site.ledger.add_runs([Run(1, 1, CI, "success", last, ended=last), other])
    assert last <= _looked_until(site, change("1"), now) < last + timedelta(days=1)  # the day of the last run
    assert _looked_until(site, change("1"), DAY) == DAY
    site.ledger.looked_at(CI, DAY, now - timedelta(days=1))
    assert _looked_until(site, change("1"), now) == now - timedelta(days=1)
    undone = replace(change("1", stage=Stage.UNDONE), since=DAY + timedelta(days=3))
    assert _looked_until(site, undone, now) == undone.since
