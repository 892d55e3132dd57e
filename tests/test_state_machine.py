"""
Any story of planning, applying, undoing, editing and being killed keeps the invariants of the design

A hypothesis state machine acts as Trimtab, as a user with an editor, and as whatever pulls the plug. After every recovery: no
line that the user wrote is gone, every change stands in all of its files or in none, nothing is left lying about.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from crashing import FILES, Project, killed, line_of, plan
from scratch import scratch
from trimtab.errors import ConflictError, RefusedError, StaleError, UsageError
from trimtab.loop import Site
from trimtab.loop.apply import apply
from trimtab.loop.ground.recover import recover
from trimtab.loop.settle import undo
from trimtab.model import Stage

RUNS = int(os.environ.get("TRIMTAB_STATE_MACHINE_RUNS", "200"))
PATHS = st.sampled_from(sorted(FILES))
POINTS = st.none() | st.none() | st.integers(1, 60)  # where to be killed, one time in three


class Loop(RuleBasedStateMachine):
    """`mine` are the user's lines by path; `touched` the (change, path) pairs whose own line the user took away or changed."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=scratch(), prefix="trimtab-machine-"))
        self.mine: dict[str, list[bytes]] = {path: [] for path in FILES}
        self.touched: set[tuple[str, str]] = set()
        self.minutes: dict[str, int] = {}
        self.dirty = False

    @initialize(point=POINTS)
    def start(self, point: int | None) -> None:
        self.project = Project.make(self.folder / "project")
        self.apply_new(point)

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    # ------------------------------------------------------------------------------------ what Trimtab does

    @precondition(lambda self: len(self.minutes) < 5)
    @rule(point=POINTS)
    def apply_new(self, point: int | None) -> None:
        self.recovered()
        minutes = len(self.minutes) + 5
        made = plan(self.project.site(), self.project, minutes)
        self.minutes[made.id] = minutes
        self.act("apply", made.id, point)

    @rule(which=st.integers(0, 4), point=POINTS)
    def apply_old(self, which: int, point: int | None) -> None:
        self.act("apply", list(self.minutes)[which % len(self.minutes)], point)

    @rule(which=st.integers(0, 4), point=POINTS)
    def undo_one(self, which: int, point: int | None) -> None:
        self.act("undo", list(self.minutes)[which % len(self.minutes)], point)

    def recovered(self) -> None:
        recover(self.project.site())
        self.dirty = False

    def act(self, what: str, id: str, point: int | None) -> None:
        """Do it here to its end, or in a child that is killed at its step `point`."""

        def action(site: Site) -> object:
            return apply(site, site.journal.state().changes[id].plan) if what == "apply" else undo(site, id)

        if point is not None:
            died = killed(self.project, action, point)
            event(f"{what}: {'killed' if died else 'ended before it was killed'}")
            self.dirty = died or self.dirty
            return
        self.recovered()
        before, refused = self.project.files(), None
        try:
            action(self.project.site())
        except (RefusedError, UsageError) as refusal:
            refused = refusal
        event(f"{what}: {type(refused).__name__ if refused else self.project.site().journal.state().changes[id].stage}")
        if refused is not None:
            expected = isinstance(refused, StaleError | ConflictError)
            assert expected or "cannot be applied" in refused.what or "nothing to undo" in refused.what
            assert self.project.files() == before

    @rule(point=POINTS)
    def start_again(self, point: int | None) -> None:
        if point is not None:
            self.dirty = killed(self.project, recover, point) or self.dirty
            return
        self.recovered()
        before = (self.project.everything(), self.project.site().journal.entries())
        assert recover(self.project.site()) == ()
        assert before == (self.project.everything(), self.project.site().journal.entries())

    # ------------------------------------------------------------------------------------ what the user does

    @rule(path=PATHS)
    def edit_elsewhere(self, path: str) -> None:
        line = b"# mine %d" % sum(map(len, self.mine.values()))
        if (self.project.root / path).exists():
            end = b"\r\n" if path.endswith("b.yml") else b"\n"
            self.project.edit(path, lambda data: data.replace(b"on: push", line + end + b"on: push", 1))
            self.mine[path].append(line)

    @rule(path=PATHS)
    def edit_where_ours_is(self, path: str) -> None:
        """Rewrites the line above ours and every line of ours."""
        if (self.project.root / path).exists():
            mark = b"mine%d" % sum(map(len, self.mine.values()))
            self.project.edit(path, lambda data: data.replace(b"runs-on: x", b"runs-on: x-" + mark, 1))
            self.mine[path].append(mark)
            self.touched |= {(id, path) for id in self.minutes}

    @rule(path=PATHS)
    def delete(self, path: str) -> None:
        if len(self.project.files()) == 3 and path.endswith("c.yml"):
            (self.project.root / path).unlink()
            self.mine[path] = []
            self.touched |= {(id, path) for id in self.minutes}

    # ------------------------------------------------------------------------------------ what must hold

    @invariant()
    def no_line_of_the_user_is_lost(self) -> None:
        if hasattr(self, "project"):
            for path, data in self.project.files().items():
                assert all(line in data for line in self.mine[path]), (path, data)

    @invariant()
    def all_or_none(self) -> None:
        if not hasattr(self, "project") or self.dirty:
            return
        site = self.project.site()
        files = self.project.files()
        for id, change in site.journal.state().changes.items():
            own = line_of(self.minutes[id])
            holds = {path: own in data for path, data in files.items() if (id, path) not in self.touched}
            if change.stage in (Stage.PROPOSED, Stage.STALE, Stage.UNDONE):
                assert not any(holds.values()), (id, change.stage, holds)
            elif change.stage is Stage.APPLIED:
                assert all(holds.values()), (id, holds)
            else:
                event("conflict")
                assert change.stage is Stage.CONFLICT
                assert any(self.mine.values()) or self.touched or len(self.minutes) > 1

    @invariant()
    def nothing_lies_about(self) -> None:
        if hasattr(self, "project") and not self.dirty:
            assert not [name for name in self.project.everything() if ".trimtab-" in name]


Loop.TestCase.settings = settings(
    max_examples=RUNS, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
test_any_story = Loop.TestCase
