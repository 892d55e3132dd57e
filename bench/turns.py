"""
One turn of the loop on one tree of real workflow files: prove every change, apply all of them, take all of them back

What `bench/corpus.py` does with each repository, in a scratch git repository of its own, and what it counts. Only counts and
texts leave this module, so that trees can be worked on by several processes.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import cast

import numpy as np

from histories import END, simulate
from judges import lint, peer_counts
from trimtab import catalogue
from trimtab.catalogue.evidence import Evidence
from trimtab.config import Config
from trimtab.errors import ConflictError, EditRefused, HostileFileError, ParseError, ProofFailed
from trimtab.ledger.journal import Journal
from trimtab.ledger.store import Ledger
from trimtab.loop import Site
from trimtab.loop.apply import apply
from trimtab.loop.collect.snapshot import Snapshot
from trimtab.loop.diagnose import diagnose
from trimtab.loop.plan import Amended, plan, proved_edit
from trimtab.loop.settle import undo
from trimtab.model import EditFile, Finding, Risk, Stage
from trimtab.workflow.edits import Edited, edit
from trimtab.workflow.prove import prove
from trimtab.workflow.read import read
from trimtab.world.git import Repository

ROUNDS = 20  # at most one change a file and round, so that each is planned on the text as it then is
BIG = 200_000  # bytes; a lock file above this is laid down empty, since only its presence is asked for
MEMORY = Path("/dev/shm")  # for Trimtab's own state only: the trees stay on disk, and every fsync is made
_MANIFEST = re.compile(
    r"package(-lock)?\.json|(yarn|poetry|uv|Cargo|Pipfile|composer|Gemfile)\.lock|pnpm-lock\.yaml|npm-shrinkwrap\.json|go\.(mod|sum)"
    r"|pyproject\.toml|setup\.(py|cfg)|Cargo\.toml|pom\.xml|build\.gradle(\.kts)?|gradle\.lockfile|gradle-wrapper\.properties"
    r"|packages\.lock\.json|\.tool-versions|\.nvmrc|\.python-version|\.pre-commit-config\.yaml|Dockerfile|requirements.*\.txt"
    r"|.*\.csproj|README\.(md|rst)|action\.ya?ml"
)


@dataclass(frozen=True)
class Task:
    """
    One tree to work on: a folder with `.github/workflows`, or else `texts` (path -> bytes) alone

    `good` holds what spoilt `texts` were before, so that the linters are not told of what was there before the fault.
    """

    name: str
    seed: int
    source: Path | None = None
    texts: Mapping[str, bytes] = field(default_factory=dict)
    good: Mapping[str, bytes] = field(default_factory=dict)


@dataclass
class Tally:
    """Counts over trees, by rule where a Counter; `reasons` are refusals in words, `bad` whatever must not happen."""

    repos: int = 0
    files: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    edits: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    later: Counter[str] = field(default_factory=Counter)  # refused on a text that other changes had changed
    applied: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    pairs: int = 0
    pairs_apart: int = 0  # not possible as one edit, proved as two, one after the other
    pairs_refused: int = 0
    undone: int = 0
    waited: int = 0  # undos that a later change stood in the way of, until that was undone
    lint: Counter[str] = field(default_factory=Counter)
    peer: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


def turn(task: Task) -> Tally:
    """Everything that is tried on one tree; raises only for a bug, which is a crash for the tally."""
    tally = Tally(repos=1)
    with tempfile.TemporaryDirectory(prefix="trimtab-corpus-") as scratch:
        root = Path(scratch) / "tree"
        known = _known_before(task, Path(scratch))
        _lay(task, root)
        with tempfile.TemporaryDirectory(prefix="trimtab-state-", dir=_state_folder()) as state:
            site = _site(root, Path(state) / "state.sqlite3")
            _attach(site, task)
            _work(task, site, known, tally)
    return tally


def _work(task: Task, site: Site, known: Counter[str], tally: Tally) -> None:
    assert site.repository is not None
    root = site.repository.root
    before, said = dict(_contents(root)), lint(root)
    evidence = Snapshot(site)
    tally.files = len(evidence.workflows()) + len(evidence.broken())
    tally.peer.update(peer_counts(said))
    found = diagnose(evidence).findings
    tally.findings.update(f.rule for f in found)
    _prove_pairs(evidence, _prove_each(evidence, found, tally), tally)
    applied = _apply_all(site, tally)
    tally.lint.update(lint(root) - (said | known))
    _undo_all(site, applied, np.random.default_rng(task.seed), tally)
    after = dict(_contents(root))
    tally.bad += [f"{task.name}: {p} is not as before after undo" for p in before if before[p] != after.get(p)]
    tally.bad += [f"{task.name}: {path} was left behind" for path in after if path not in before]


# ------------------------------------------------------------------------------------ in memory


def _prove_each(evidence: Snapshot, found: Sequence[Finding], tally: Tally) -> list[tuple[Finding, Edited]]:
    good = []
    for finding in found:
        if finding.change is None:
            continue
        try:
            good.append((finding, proved_edit(cast(Evidence, evidence), finding)))
            tally.edits[finding.rule] += 1
        except EditRefused as error:
            tally.refused[finding.rule] += 1
            tally.reasons[f"{finding.rule}: {error.what[:90]}"] += 1
        except ProofFailed as error:
            tally.bad.append(f"{finding.rule} {finding.change.path}: {error.what}")
    return good


def _prove_pairs(evidence: Snapshot, good: Sequence[tuple[Finding, Edited]], tally: Tally) -> None:
    """Two changes to one file as one edit, in both orders; where one edit cannot hold both, one after the other."""
    by_file: dict[str, list[tuple[Finding, Edited]]] = {}
    for finding, edited in good:
        assert finding.change is not None
        if not finding.change.repair:
            by_file.setdefault(finding.change.path, []).append((finding, edited))
    for path, changes in by_file.items():
        for (first, edited), (second, _) in itertools.permutations(changes, 2):
            tally.pairs += 1
            try:
                if not _as_one(edited.before, first, second):
                    tally.pairs_apart += 1
                    _one_after_the_other(evidence, edited.after, second)
            except EditRefused as error:
                tally.pairs_refused += 1
                tally.reasons[f"pair {first.rule} + {second.rule}: {error.what[:90]}"] += 1
            except ProofFailed as error:
                tally.bad.append(f"pair {first.rule} + {second.rule} in {path}: {error.what}")


def _as_one(before: bytes, first: Finding, second: Finding) -> bool:
    """Whether both changes can be one edit. Raises ProofFailed when that edit is not what was meant."""
    assert first.change is not None and second.change is not None
    both = EditFile(first.change.path, first.change.ops + second.change.ops)
    try:
        edited = edit(before, both)
    except EditRefused:
        return False
    prove(both, edited)
    return True


def _one_after_the_other(evidence: Snapshot, after: bytes, second: Finding) -> None:
    """The second rule asked again on the file that the first change leaves; it may have nothing left to say."""
    assert second.change is not None
    amended = Amended(cast(Evidence, evidence), read(second.change.path, after))
    for finding in catalogue.rules()[second.rule].find(cast(Evidence, amended)):
        if finding.id == second.id and finding.change is not None:
            proved_edit(cast(Evidence, amended), finding)


# ------------------------------------------------------------------------------------ through the loop


def _apply_all(site: Site, tally: Tally) -> list[str]:
    """Apply everything that has a change, one change a file and round; returns the ids in order."""
    done: list[str] = []
    refused: set[str] = set()
    editing = {id: rule for id, rule in catalogue.rules().items() if rule.risk is not Risk.NONE}
    for _ in range(ROUNDS):
        evidence = Snapshot(site)
        chosen: dict[str, Finding] = {}
        for finding in diagnose(cast(Evidence, evidence), rules=editing, price=False).findings:
            if finding.change and finding.id not in refused:
                chosen.setdefault(finding.change.path, finding)
        if not chosen:
            return done
        made = plan(site, cast(Evidence, evidence), list(chosen.values()))
        for refusal in made.refusals:
            refused.add(refusal.finding.id)
            _judge_refusal(evidence, refusal.finding, tally)
        for intervention in made.interventions:
            apply(site, intervention)
            done.append(intervention.id)
            tally.applied[intervention.rule] += 1
    tally.bad.append(f"{len(chosen)} files still have something to apply after {ROUNDS} rounds: {sorted(chosen)[:3]}")
    return done


def _judge_refusal(evidence: Snapshot, finding: Finding, tally: Tally) -> None:
    try:
        proved_edit(cast(Evidence, evidence), finding)
    except EditRefused as error:
        tally.later[finding.rule] += 1
        tally.reasons[f"{finding.rule}, after other changes: {error.what[:90]}"] += 1
    except (ProofFailed, ParseError, HostileFileError) as error:
        tally.bad.append(f"{finding.rule} {finding.id} after other changes: {error.what}")


def _undo_all(site: Site, applied: Sequence[str], rng: np.random.Generator, tally: Tally) -> None:
    """Take everything back in no particular order; what a neighbour's later change stands in the way of, after that one."""
    left = [applied[i] for i in rng.permutation(len(applied))]
    while left:
        waiting = [id for id in left if not _undone(site, id)]
        tally.undone += len(left) - len(waiting)
        tally.waited += len(waiting)
        if len(waiting) == len(left):
            tally.bad.append(f"{site.repository and site.repository.root}: {len(left)} changes cannot be undone")
            return
        left = sorted(waiting, key=applied.index, reverse=True)


def _undone(site: Site, id: str) -> bool:
    try:
        return undo(site, id) is Stage.UNDONE
    except ConflictError:
        return False


# ------------------------------------------------------------------------------------ the scratch repository


def _known_before(task: Task, scratch: Path) -> Counter[str]:
    """What the linters say of the files as they were before they were spoilt."""
    if not task.good:
        return Counter()
    root = scratch / "good"
    _write(root, task.good)
    (root / ".git").mkdir()  # the linters look for it to tell where the project begins
    return lint(root)


def _lay(task: Task, root: Path) -> None:
    _write(root, task.texts)
    if task.source is None:
        return
    for path in sorted(_wanted(task.source)):
        target = root / path.relative_to(task.source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.stat().st_size <= BIG or ".github" in path.parts:
            shutil.copy(path, target)
        else:
            target.write_bytes(b"")


def _write(root: Path, texts: Mapping[str, bytes]) -> None:
    for name, data in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def _wanted(source: Path) -> Iterator[Path]:
    """All of `.github`, and manifests at most four folders down: what the rules ask a repository for."""
    for folder, names, files in os.walk(source):
        here = Path(folder).relative_to(source)
        names[:] = [name for name in names if name != ".git" and len(here.parts) < 4]
        for name in files:
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink() and (".github" in here.parts or _MANIFEST.fullmatch(name)):
                yield path


def _site(root: Path, state: Path) -> Site:
    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "core.autocrlf=false")
    for command in (["init", "-q", "-b", "main"], ["add", "-A", "-f"], ["commit", "-q", "--no-verify", "-m", "corpus"]):
        subprocess.run(["git", "-C", str(root), *who, *command], check=True, capture_output=True)
    ledger, journal = Ledger.open(state), Journal.open(state)
    return Site(Repository.find(root), ledger, journal, Config(), lambda: END, lambda text: None)


def _state_folder() -> Path | None:
    return MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None


def _attach(site: Site, task: Task) -> None:
    for workflow in Snapshot(site).workflows():
        made = simulate(workflow, task.name, task.seed)
        site.ledger.add_runs(made.runs)
        site.ledger.set_files_changed(made.files)


def _contents(root: Path) -> Iterator[tuple[str, tuple[bytes, int]]]:
    """Every file outside .git with its bytes and mode; Trimtab's own backups are the point of another test."""
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.startswith((".git/", ".github/workflows/backup/")):
            yield name, (path.read_bytes(), path.stat().st_mode & 0o777)
