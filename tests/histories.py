"""
Random lives of an offered change on a real repository, each with the truth about it

A `Story` says what a team does with the branch that Trimtab offered: squash, rebase or merge it, edit it in review, take half of
it, close it, or take it back by hand later. `lived` carries it out with real git, makes runs of every commit on the
way, and says what Trimtab has to find: the stage, and for each run whether it executed the change.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fake_github import FakeGitHub
from loops import CI, Team, planned
from trimtab.loop import Site
from trimtab.loop.apply import apply
from trimtab.loop.collect import collect
from trimtab.loop.collect.expose import expose
from trimtab.loop.collect.watch import watch
from trimtab.loop.turn import verdict
from trimtab.model import History, Intervention, Job, Run, Stage
from trimtab.world.github import Hub

PATHS = (".github/workflows/ci.yml", ".github/workflows/checks.yml")
RULES = ("cancel-superseded", "cache-setup-action")
KINDS = ("squash", "rebase", "merge", "forward", "edited", "half", "closed")


@dataclass(frozen=True)
class Story:
    """What happens; `watched` says whether Trimtab looks in between, or only at the very end."""

    kind: str
    rule: str
    reverted: bool
    later_edit: bool
    watched: bool
    seed: int

    @classmethod
    def random(cls, seed: int) -> Story:
        dice = random.Random(seed)
        kind = dice.choice(KINDS)
        rule = RULES[1] if kind == "half" else dice.choice(RULES)
        reverted = kind != "closed" and dice.random() < 0.4
        return cls(kind, rule, reverted, dice.random() < 0.5, dice.random() < 0.5, seed)

    def stage(self, by_pull_request: bool) -> Stage:
        """What Trimtab has to find in the end; a branch alone cannot be declined."""
        if self.kind == "closed":
            return Stage.DECLINED if by_pull_request else Stage.OFFERED
        return Stage.UNDONE if self.reverted else Stage.MEASURING


@dataclass
class Life:
    """A story under way: the team, its clone, and the runs so far with the truth about each."""

    team: Team
    site: Site
    clone: Path
    change: Intervention
    github: FakeGitHub | None = None
    runs: list[Run] = field(default_factory=list)
    truth: dict[int, str] = field(default_factory=dict)  # run id -> "with", "without" or "either" (cannot be told)

    def run(self, sha: str, side: str, *, event: str = "push", path: str = PATHS[0]) -> None:
        """A finished run of a commit; `side` is the truth about it."""
        self.team.wait(minutes=7)
        id = len(self.runs) + 1
        start, self.team.now = self.team.now, self.team.now
        job = Job(id * 10, id, 1, "build", "success", start, start, start)
        run = Run(id, 1, path, "success", start, start, start, event, "x", sha, id, jobs=(job,))
        self.runs.append(run)
        self.truth[id] = side
        self.site.ledger.add_runs([run])

    def look(self) -> None:
        """Trimtab looks: at the pull request too, where there is one."""
        if self.github is None:
            collect(self.site)
        else:
            watch(self.site, Hub(self.github.slug))
            expose(self.site)


def begin(folder: Path, story: Story, github: FakeGitHub | None = None) -> Life:
    """A team whose repository has two workflows, and a change of both, offered as a branch."""
    team = Team(folder)
    clone = team.clone("ada")
    team.wait(hours=1)
    team.commit(clone, {PATHS[1]: CI.replace("name: CI", "name: Checks")})
    site = team.site(clone)
    if github is not None:
        github.bare, site = team.bare, replace(site, slug=github.slug)
    (change,) = planned(site, story.rule)
    assert {file.path for file in change.files} == set(PATHS)
    return Life(team, site, clone, change, github)


def lived(folder: Path, story: Story, github: FakeGitHub | None = None) -> Life:
    """
    The whole story, with runs before, between and after; Trimtab watches in between when the story says so

    With a (served) `github` the change is offered as a pull request, else as a branch.
    """
    life = begin(folder, story, github)
    team, clone = life.team, life.clone
    old_topic = _topic(life, "old-topic")  # a pull request from before, open all the time
    for _ in range(2):
        life.run(team.git(clone, "rev-parse", "origin/main"), "without")
    life.run(old_topic, "without", event="pull_request")
    apply(life.site, life.change, delivery="pull-request" if github else "branch")
    branch = f"trimtab/{story.rule}-{life.change.id}"
    team.wait(hours=2)
    life.run(
        team.git(clone, "rev-parse", branch), "early", event="pull_request"
    )  # the pull request of the change itself
    held = _accept(life, story, branch)
    if story.watched:
        life.look()
    if story.later_edit:
        sha = _edit(life, "hello again")
        for path in PATHS:
            life.run(sha, _side(held, path), path=path)
    if story.kind != "closed":
        life.run(
            old_topic, "either", event="pull_request"
        )  # GitHub merges it with main: it executed the change, or not
        new_topic = _topic(life, "new-topic")
        life.run(new_topic, _side(held, PATHS[0]), event="pull_request")
    if story.reverted:
        _revert(life, held)
        if story.watched:
            life.look()
    team.wait(hours=1)
    life.look()
    return life


def mistakes(life: Life, story: Story) -> list[str]:
    """What Trimtab got wrong: the stage, parts, or the side of a run."""
    change = life.site.journal.state().changes[life.change.id]
    right = story.stage(life.github is not None)
    wrong = [] if change.stage is right else [f"stage {change.stage}, not {right} ({change.why})"]
    if story.kind == "half" and not story.reverted and not change.parts_held:
        wrong.append("half of it was accepted, but no parts are noted")
    if story.kind not in ("half", "closed") and change.parts_held:
        wrong.append(f"all of it was accepted, but noted are {change.parts_held}")
    treated = {file.after_blob for file in life.change.files} | {blob for _, blob, _ in change.adopted_blobs}
    control = {file.before_blob for file in life.change.files}
    for run in _stored(life):
        side = "with" if run.blob in treated else "without" if run.blob in control else "neither"
        truth = life.truth[run.id]
        if truth == "early":
            live = change.live_from is not None and run.created >= change.live_from and story.kind != "forward"
            wrong += (
                [f"run {run.id} of its own branch: {side}"] if side == "without" or (side == "with" and live) else []
            )
        elif truth in ("with", "without") and side not in (truth, "neither"):
            wrong.append(f"run {run.id} is {truth} the change, but was counted as {side}")
        elif truth in ("with", "without") and side == "neither" and run.event == "push" and not _was_edited(life, run):
            wrong.append(f"run {run.id} is {truth} the change, but was left out")
        elif truth == "either" and side != "neither":
            wrong.append(f"run {run.id} cannot be told, but was counted as {side}")
    verdict(life.site, change)  # judging never fails on such a history
    return wrong


def _stored(life: Life) -> Sequence[Run]:
    found = [life.site.ledger.history(path) for path in PATHS]
    return [run for history in found if isinstance(history, History) for run in history.runs]


def _was_edited(life: Life, run: Run) -> bool:
    """Whether the run executed a file that somebody else edited: neither before nor after, and rightly left out."""
    contents = life.site.repository.contents([run.blob or ""]) if life.site.repository else {}
    return b"hello" in b"".join(contents.values())


# ------------------------------------------------------------------------------------ what people do


def _accept(life: Life, story: Story, branch: str) -> dict[str, str]:
    """Bring the branch to main as the story says, with runs of what came of it; the text held by path."""
    team, clone = life.team, life.clone
    team.wait(hours=1)
    if story.kind != "forward":  # main moves on meanwhile
        team.commit(clone, {"README.md": f"work {story.seed}\n"}, "unrelated work")
    if life.github is not None:
        life.github.pulls[-1].update(state="closed", merged=story.kind != "closed")
    if story.kind == "closed":
        sha = team.git(clone, "rev-parse", "origin/main")
        life.run(sha, "without")
        return {}
    if story.kind == "merge":
        team.git(clone, "merge", "-q", "--no-ff", "-m", "Merge the change", branch)
    elif story.kind == "forward":
        team.git(clone, "merge", "-q", "--ff-only", branch)
    elif story.kind == "rebase":
        team.git(clone, "cherry-pick", branch)
    else:
        team.git(clone, "merge", "-q", "--squash", branch)
        if story.kind == "edited":
            path = clone / PATHS[story.seed % 2]
            path.write_text(path.read_text().replace("npm ci", "npm ci --no-audit"))
        if story.kind == "half":
            team.git(clone, "checkout", "-q", "HEAD", "--", PATHS[1])
        team.git(clone, "add", "-u")
        team.git(clone, "commit", "-qm", "Take the change")
    team.git(clone, "push", "-q", "origin", "HEAD:main")
    sha = team.git(clone, "rev-parse", "HEAD")
    held = {path: (clone / path).read_text() for path in PATHS if not (story.kind == "half" and path == PATHS[1])}
    for path in PATHS:
        life.run(sha, _side(held, path), path=path)
    return held


def _side(held: dict[str, str], path: str) -> str:
    return "with" if path in held else "without"


def _edit(life: Life, text: str) -> str:
    """Somebody edits another line of the first workflow."""
    now = (life.clone / PATHS[0]).read_text()
    life.team.wait(hours=3)
    return life.team.commit(life.clone, {PATHS[0]: now.replace("name: CI", f"name: CI {text}")}, "rename")


def _revert(life: Life, held: dict[str, str]) -> None:
    """Somebody takes it back by hand; a later edit elsewhere stays."""
    life.team.wait(days=2)
    originals = {PATHS[0]: CI, PATHS[1]: CI.replace("name: CI", "name: Checks")}
    renamed = "hello again" in (life.clone / PATHS[0]).read_text()
    texts = {path: originals[path] for path in held}
    if renamed and PATHS[0] in texts:
        texts[PATHS[0]] = texts[PATHS[0]].replace("name: CI", "name: CI hello again")
    sha = life.team.commit(life.clone, texts, "take it back")
    for path in PATHS:
        life.run(sha, "without", path=path)


def _topic(life: Life, name: str) -> str:
    """A pull request's head that starts from main as it is now and touches no workflow."""
    team, clone = life.team, life.clone
    team.git(clone, "checkout", "-q", "-b", name, "origin/main")
    team.write(clone, {f"{name}.txt": "x\n"})
    team.git(clone, "add", f"{name}.txt")
    team.git(clone, "commit", "-qm", name)
    sha = team.git(clone, "rev-parse", "HEAD")
    team.git(clone, "checkout", "-q", "main")
    return sha
