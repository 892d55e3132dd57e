"""
One turn of the loop, as a story: three changes go in, one is kept, one is taken back, one must wait

Harbour is the demo's sample project: a real git repository, and simulated runs that obey its workflow files. Everything else
in this file is what a program would write that uses Trimtab's loop without its command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from trimtab.config import Config
from trimtab.demo.simulation import Simulation
from trimtab.demo.story import START
from trimtab.ledger.database import Database
from trimtab.ledger.journal import Journal
from trimtab.ledger.store import Ledger
from trimtab.loop import Site
from trimtab.loop.apply import apply
from trimtab.loop.collect import collect, evidence
from trimtab.loop.diagnose import diagnose
from trimtab.loop.plan import plan
from trimtab.loop.settle import undo
from trimtab.loop.turn import Settled, turn
from trimtab.model import Decision, Finding, Intervention, Prediction, Risk, Stage
from trimtab.world.git import Repository

MONDAY = START + timedelta(weeks=16, hours=6)
CI, WEB, NIGHTLY = (f".github/workflows/{name}.yml" for name in ("ci", "web", "nightly"))


@dataclass
class Turned:
    """What the story below left behind."""

    project: Simulation
    site: Site
    found: dict[str, Finding]
    planned: dict[str, Intervention]
    before: dict[str, bytes]
    settled: dict[str, Settled]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Turned:
    home = tmp_path_factory.mktemp("harbour")
    project = Simulation.create(home / "harbour", home / "history", seed=1, start=START, weeks=20)

    # A site is where the loop turns: a clone, its ledger and journal, its settings, a clock.
    repository = Repository.find(home / "harbour")
    state = Database.open(home / "state.db")
    site = Site(repository, Ledger(state), Journal(state, "ada"), Config(), lambda: project.now, say=lambda _: None)

    # Collect. Sixteen weeks of runs have happened; what is known already is only counted.
    history = project.advance(MONDAY)
    collected = collect(site, files=[history], shared=False)
    again = collect(site, files=[history], shared=False)
    assert collected.stored > 2000
    assert (again.stored, again.updated, again.duplicates) == (0, 0, collected.stored)

    # Diagnose. The dearest first, and each says where it stands and what it would save.
    seen = evidence(site)
    diagnosis = diagnose(seen)
    found = {finding.rule: finding for finding in diagnosis.findings if finding.risk is Risk.SAFE}
    assert diagnosis.findings[0].rule == "cancel-superseded"
    assert (diagnosis.files, diagnosis.broken) == (4, 0)

    # Plan. Each edit is made in memory and proved, frozen with its prediction, and nothing is written yet.
    chosen = [found[rule] for rule in ("cancel-superseded", "cache-setup-action", "raise-timeout")]
    made = plan(site, seen, chosen)
    assert made.refusals == ()
    assert not project.repository.dirty()

    # Apply. Three files change, and the team merges them as it merges everything.
    before = dict(project.repository.workflow_files())
    for intervention in made.interventions:
        receipt = apply(site, intervention)
        assert apply(site, intervention) == receipt, "doing it twice is doing it once"
    project.repository.merge_change("Try three changes", MONDAY)

    # Fifteen days pass.
    collect(site, files=[project.advance(MONDAY + timedelta(days=15))], shared=False)

    # Measure and settle.
    settled = {one.id: one for one in turn(site)}
    planned = {intervention.rule: intervention for intervention in made.interventions}
    return Turned(project, site, found, planned, before, {rule: settled[p.id] for rule, p in planned.items()})


def file_now(story: Turned, path: str) -> bytes:
    return (story.project.repository.root / path).read_bytes()


def test_a_change_that_helped_is_kept(story: Turned) -> None:
    settled = story.settled["cancel-superseded"]
    assert (settled.verdict.decision, settled.stage) == (Decision.KEEP, Stage.KEPT)
    assert "superseded runs were cancelled in 15 days" in settled.verdict.why
    assert settled.verdict.high is not None and settled.verdict.high < 0
    assert b"cancel-in-progress: true" in file_now(story, CI)


def test_a_change_that_hurt_is_taken_back_byte_for_byte(story: Turned) -> None:
    settled = story.settled["cache-setup-action"]
    assert (settled.verdict.decision, settled.stage) == (Decision.UNDO, Stage.UNDOING)  # until the team has merged that
    assert settled.verdict.low is not None and settled.verdict.low > 0.05
    assert file_now(story, WEB) == story.before[WEB]


def test_a_change_that_nobody_can_judge_yet_waits_and_says_for_how_long(story: Turned) -> None:
    settled = story.settled["raise-timeout"]
    assert (settled.verdict.decision, settled.stage) == (Decision.WAIT, Stage.MEASURING)
    assert settled.verdict.wait_days is not None and settled.verdict.wait_days >= 1
    assert settled.verdict.wait_runs is not None and settled.verdict.wait_runs >= 20 - settled.verdict.n
    assert file_now(story, NIGHTLY) != story.before[NIGHTLY]


def test_what_was_predicted_before_stands_beside_what_was_observed(story: Turned) -> None:
    predicted = story.planned["cancel-superseded"].predicts
    verdict = story.settled["cancel-superseded"].verdict
    assert isinstance(predicted, Prediction) and predicted.low_share is not None and predicted.high_share is not None
    assert verdict.effect is not None
    assert predicted.low_share - 0.05 <= verdict.effect <= predicted.high_share + 0.05
    assert predicted == story.found["cancel-superseded"].predicts


def test_the_verdict_is_the_truth_of_the_simulation(story: Turned) -> None:
    npm = story.project.runner.truth.installs["npm"]
    assert npm.warm + npm.restore > npm.cold, "in the world of seed 1 the npm cache costs more than it saves"


def test_turning_again_on_the_same_runs_changes_nothing(story: Turned) -> None:
    entries = story.site.journal.entries()
    (waiting,) = turn(story.site)
    assert waiting == story.settled["raise-timeout"]
    assert story.site.journal.entries() == entries


def test_the_journal_tells_the_whole_story(story: Turned) -> None:
    def kinds(rule: str) -> list[str]:
        return [entry.kind for entry in story.site.journal.entries(story.planned[rule].id)]

    begin = ["planned", "intent", "receipt", "adopted", "verdict"]
    assert kinds("cancel-superseded") == [*begin, "kept"]
    assert kinds("cache-setup-action") == [*begin, "undo_intent", "offered"]
    assert kinds("raise-timeout") == begin


def test_what_was_kept_is_still_one_command_away_from_gone(story: Turned) -> None:
    assert undo(story.site, story.planned["cancel-superseded"].id, why="the team says so") is Stage.UNDOING
    assert file_now(story, CI) == story.before[CI]
    assert undo(story.site, story.planned["raise-timeout"].id) is Stage.UNDOING
    assert dict(story.project.repository.workflow_files()) == story.before

    # The team merges what stands in the files; the next look at its default branch sees it.
    story.project.repository.merge_change("Take everything back", story.project.now)
    collect(story.site)
    changes = story.site.journal.state().changes.values()
    assert {change.stage for change in changes} == {Stage.UNDONE}
