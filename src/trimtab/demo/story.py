"""
The demo's story: sixteen weeks of history, one look, a change at a time over six more weeks, and what came of each

Every step is the loop's own: collect, diagnose, plan, apply, measure, settle, on a real git repository, with a clock that
the story turns. Only the project and its runs are simulated, and the screen says so.
"""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trimtab.catalogue.evidence import Evidence
from trimtab.config import Config
from trimtab.demo.simulation import SLUG, Simulation
from trimtab.demo.truth import Truth
from trimtab.errors import EXIT_FINE, UsageError
from trimtab.ledger.database import Database
from trimtab.ledger.journal import Journal, sha256
from trimtab.ledger.store import Ledger
from trimtab.loop import Site
from trimtab.loop.apply import apply
from trimtab.loop.collect import collect, evidence
from trimtab.loop.diagnose import Diagnosis, diagnose
from trimtab.loop.plan import Draft, plan
from trimtab.loop.turn import Settled, turn
from trimtab.model import Finding, Risk, Stage, Unknown
from trimtab.report import escape, figures, html, text
from trimtab.report.values import Overview
from trimtab.world.git import Repository

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday; fixed, so that one seed tells one story
WEEKS_BEFORE, WEEKS_AFTER = 16, 6
MORNING = timedelta(hours=6)
LOOKS = (1, 4)  # after the first change the loop turns on Tuesdays and Fridays

Compose = Callable[[Site, Evidence, Diagnosis, Sequence[str]], Overview]  # the command line's own screen of one site


@dataclass(slots=True)
class Story:
    """One run of the demo: where it happens, how it speaks, and what was tried so far."""

    site: Site
    simulation: Simulation
    show: Callable[[str], None]  # one screen or paragraph, for stdout
    compose: Compose
    before: int = WEEKS_BEFORE  # weeks of history
    after: int = WEEKS_AFTER
    paint: text.Paint = text.PLAIN
    tried: set[str] = field(default_factory=set)  # findings (by id) that were acted on
    told: dict[str, str] = field(default_factory=dict)  # change -> what was last said of it

    @property
    def day_zero(self) -> datetime:
        """The Monday morning of the first change."""
        return START + timedelta(weeks=self.before) + MORNING

    # ------------------------------------------------------------------------------------ the turns

    def tell(self) -> None:
        """The whole story, from the first collection to the last look."""
        self.first_look()
        for day in range(1, self.after * 7 + 1):
            morning = self.day_zero + timedelta(days=day)
            if morning.weekday() in LOOKS or day == self.after * 7:
                self.next_look(morning)
        self.ending()

    def first_look(self) -> None:
        """Collect the history, diagnose, and make the first change."""
        self.chapter(f"Collect: {self.before} weeks of runs")
        runs = self.simulation.advance(self.day_zero)
        for said in collect(self.site, files=[runs], shared=False).says:
            self.show(text.page(text.wrapped(said, "  ")))
        self.chapter("Diagnose: what could be better, dearest first")
        diagnosis, seen = self.diagnosed()
        page = self.compose(self.site, seen, diagnosis, ()).page
        if page is not None:
            self.show(text.findings(page, paint=self.paint))
        self.chapter("Plan and apply: this team makes one safe change at a time, the dearest first")
        self.change(diagnosis, seen)
        self.chapter(f"{self.after} weeks pass; on Tuesdays and Fridays: collect, measure, settle")

    def next_look(self, at: datetime) -> None:
        """Days go by, the loop turns, the team merges what it did, and makes its next change when none is under way."""
        runs = self.simulation.advance(at)
        collect(self.site, files=[runs], shared=False)
        for settled in turn(self.site):
            self.say_settled(settled)
        if self.simulation.repository.dirty():
            self.simulation.repository.merge_change("Take back what did not help", at)
        if not self.under_way():
            diagnosis, seen = self.diagnosed()
            self.change(diagnosis, seen)

    def under_way(self) -> bool:
        changes = self.site.journal.state().changes.values()
        return any(change.stage in (Stage.APPLIED, Stage.MEASURING) for change in changes)

    def diagnosed(self) -> tuple[Diagnosis, Evidence]:
        seen = evidence(self.site)
        return diagnose(seen, disabled=self.site.journal.state().disabled), seen

    def change(self, diagnosis: Diagnosis, seen: Evidence) -> None:
        """Plan, apply and commit the dearest safe change that was not tried yet; nothing when there is none left."""
        wanted = next((f for f in diagnosis.findings if self.is_next(f)), None)
        if wanted is None:
            return
        self.tried.add(wanted.id)
        made = plan(self.site, seen, [wanted])
        for refusal in made.refusals:
            self.show(text.page(text.wrapped(f"not made: {refusal.why}", "  ")))
        for draft in made.drafts:
            apply(self.site, draft.intervention)
            at = self.site.now()
            self.simulation.repository.merge_change(f"{draft.intervention.rule}: {draft.intervention.says[:60]}", at)
            self.show(text.page(self.applied_lines(draft, wanted)))

    def is_next(self, finding: Finding) -> bool:
        return finding.change is not None and finding.risk is Risk.SAFE and finding.id not in self.tried

    # ------------------------------------------------------------------------------------ the words

    def chapter(self, title: str) -> None:
        self.show("\n" + self.paint("bold", title) + "\n\n")

    def applied_lines(self, draft: Draft, finding: Finding) -> list[str]:
        """What was changed, the lines themselves, and what is expected of it."""
        made = draft.intervention
        lines = [f"  {self.date()}  change {made.id} {made.rule}: applied, and merged by the team"]
        for path, before in draft.before.items():
            lines += [f"      {line}" for line in _diff(path, before, draft.after[path])]
        predicts = finding.predicts
        told = predicts.why if isinstance(predicts, Unknown) else figures.predicted(predicts)
        return [*lines, *text.wrapped(f"predicted: {told}", "      ", "        "), ""]

    def date(self) -> str:
        now = self.site.now()
        return f"{now:%a %d %b}, day {(now - self.day_zero).days:2}"

    def say_settled(self, settled: Settled) -> None:
        """What a look found, when it is not what the look before found."""
        change = self.site.journal.state().changes[settled.id]
        words = figures.decision_words(settled.verdict, settled.stage).partition("(")[0].strip()
        if self.told.get(settled.id) == words:
            return
        self.told[settled.id] = words
        head = f"  {self.date()}  change {settled.id} {change.plan.rule}: "
        lines = text.wrapped(figures.decision_words(settled.verdict, settled.stage), head, "    ")
        lines += [f"    {line}" for line in text.verdict_lines(settled.verdict, change.plan.predicts)]
        if settled.trouble is not None:
            lines += text.wrapped(settled.trouble.what, "      ")
        if settled.stage in (Stage.UNDONE, Stage.UNDOING):
            lines += [f"      {line}" for line in self.restored(settled.id)]
        self.show(text.page([*lines, ""]))

    def restored(self, id: str) -> Iterator[str]:
        """Proof that an undo undid: the bytes on the disk against those before the change."""
        for file in self.site.journal.state().changes[id].plan.files:
            now = sha256((self.simulation.repository.root / file.path).read_bytes())
            same = "again what it was, byte for byte" if now == file.before else "merged with later edits"
            yield f"{file.path} is {same} (sha256 {now[:12]})"

    def ending(self) -> None:
        """The changes as they stand, the truth behind them, and where the report lies."""
        self.chapter(f"After {self.after} weeks")
        diagnosis, seen = self.diagnosed()
        notes = (f"Simulated by `trimtab demo`, seed {self.simulation.runner.truth.seed}: no real project ran these.",)
        shown = self.compose(self.site, seen, diagnosis, notes)
        report = self.simulation.folder.parent / "report.html"
        report.write_text(html.page(shown), encoding="utf-8")
        self.show(text.changes(shown.changes, paint=self.paint))
        self.chapter("What the simulation knew, and the loop had to find out")
        lines = [line for said in _truths(self.simulation.runner.truth) for line in text.wrapped(said, "  ")]
        lines += ["", f"report: {report}", f"the sample project: {self.simulation.repository.root}"]
        lines += [f"next: trimtab -C {escape.shell(str(self.simulation.repository.root))}"]
        self.show(text.page(lines))


def run(
    directory: Path | None,
    seed: int,
    *,
    show: Callable[[str], None],
    say: Callable[[str], None],
    compose: Compose,
    paint: text.Paint = text.PLAIN,
    before: int = WEEKS_BEFORE,
    after: int = WEEKS_AFTER,
) -> int:
    """
    Tell the story of a seed in `directory` (a new temporary one by default), of so many weeks; returns the exit code

    `show` takes screens, `say` progress, `compose` puts together what the command line's own status and report show.
    Opens no socket. Raises UsageError when the directory is in use.
    """
    home = _home(directory)
    show(_opening(seed, home, paint))
    say(f"writing {before} weeks of commits and runs ...")
    simulation = Simulation.create(home / "harbour", home / "history", seed, START, before + after + 1)
    Story(_site(simulation, say), simulation, show, compose, before, after, paint).tell()
    return EXIT_FINE


def _site(simulation: Simulation, say: Callable[[str], None]) -> Site:
    """The sample project's site: its state lies in its git folder, its clock is the story's."""
    repository = Repository.find(simulation.repository.root)
    database = Database.open(repository.common_dir / "trimtab" / "state.db")
    journal = Journal(database, actor="ada")
    return Site(repository, Ledger(database), journal, Config(), lambda: simulation.now, say, SLUG)


def _home(directory: Path | None) -> Path:
    if directory is None:
        return Path(tempfile.mkdtemp(prefix="trimtab-demo-"))
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(
            f"{directory} is not empty", "the demo writes a sample repository there", "name a new or empty folder"
        )
    return directory.resolve()


def _opening(seed: int, home: Path, paint: text.Paint) -> str:
    lines = [paint("bold", f"Trimtab on a SIMULATED project, seed {seed}")]
    lines += text.wrapped(
        "Harbour, a web shop that does not exist: its git repository is real, its pull requests and workflow runs are drawn"
        " from the seed. The loop is the real one; it sees the runs and not the generator. No network, no token, no Docker."
    )
    return text.page([*lines, "", f"in {home}"])


def _truths(truth: Truth) -> Iterator[str]:
    """The hidden facts behind the changes, for comparing."""
    npm = truth.installs["npm"]
    saved = npm.cold - npm.warm - npm.restore
    verdict = f"saves {saved:.0f} s" if saved > 0 else f"costs {-saved:.0f} s"
    yield (
        f"npm: an install takes {npm.cold:.0f} s, with the cache {npm.warm:.0f} s after {npm.restore:.0f} s of restoring:"
        f" the cache {verdict} a run."
    )
    end_to_end = truth.of("nightly", "end-to-end")
    yield (
        f"end-to-end: half of its nights take more than {end_to_end.seconds / 60:.0f} min of work, with a spread of"
        f" {end_to_end.spread:.0%}; what a limit of 25 min stops was honest work."
    )


def _diff(path: str, before: bytes, after: bytes) -> list[str]:
    """The change as a short unified diff, made plain for a terminal."""
    old, new = (data.decode("utf-8", "replace").splitlines() for data in (before, after))
    lines = list(difflib.unified_diff(old, new, path, path, lineterm="", n=1))[2:]
    return [path, *(escape.cut(escape.plain(line), 90) for line in lines)]
