"""Which changes get in each other's way when they are judged: those that came to one workflow at about the same time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trimtab.ledger.state import Progress, State
from trimtab.loop.turn import _entangled
from trimtab.model import Design, EditFile, Intervention, PlannedFile, Risk, Stage, Unknown
from trimtab.stats.placebo import WINDOW_DAYS

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


def found(one: Progress, other: Progress) -> str | None:
    state = State({each.plan.id: each for each in (one, other)})
    tangled = _entangled(state, one)
    return tangled.plan.id if tangled else None


@pytest.mark.parametrize("days", [0, 3, -3, WINDOW_DAYS - 0.01, -WINDOW_DAYS + 0.01])
def test_two_before_after_changes_of_one_workflow_cannot_be_told_apart(days: float) -> None:
    one, other = change("1"), change("2", days=days)
    assert found(one, other) == "2"
    assert found(other, one) == "1"


@pytest.mark.parametrize(
    "other",
    [
        change("2", days=WINDOW_DAYS),
        change("2", days=-WINDOW_DAYS),
        change("2", path=NIGHTLY),
        change("2", days=None),
        change("2", "counted"),
    ],
    ids=["long after", "long before", "elsewhere", "never live", "counted and safe"],
)
def test_others_do_not_matter(other: Progress) -> None:
    assert found(change("1"), other) is None


@pytest.mark.parametrize("design", ["counted", "unverifiable"])
def test_a_change_of_what_runs_matters_however_it_is_judged_itself(design: Design) -> None:
    """A gate is counted, and it makes runs shorter: a cache that came on the same day must not take the credit."""
    gate = change("2", design, risk=Risk.REVIEW)
    assert found(change("1"), gate) == "2"
    assert found(gate, change("1")) is None


def test_one_that_was_taken_back_still_left_its_days_behind() -> None:
    assert found(change("1"), change("2", days=-5, stage=Stage.UNDONE)) == "2"
