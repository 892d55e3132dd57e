"""
Trimtab against real workflow files: every edit proved, applied, judged by two foreign linters, and undone

    python bench/corpus.py DIR [--repos N] [--seed N] [--write docs/benchmarks.md]

DIR holds one folder a repository with its `.github/workflows/`; the files are real, the run histories attached to them are
simulated (bench/histories.py). Four parts, each with its bar:
  1. every change and every pair of changes within a file passes its proofs in memory (failed 0, refused <= 1 %);
  2. all changes applied through the loop in a git repository of their own, then undone: every tree byte for byte as before;
  3. actionlint and jactionlint, where they are on PATH: nothing new in the families where an edit could do harm;
  4. `diagnose` of all files in one process against `zizmor --offline`, user CPU; 20 files cold.
Exit code 1 when a bar is missed. Nothing is written inside DIR.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from histories import END, simulate
from judges import lint, peer_counts, speed
from trimtab.config import Config
from trimtab.errors import EditRefused, ProofFailed, TrimtabError
from trimtab.ledger.journal import Journal
from trimtab.ledger.store import Ledger
from trimtab.loop import Site
from trimtab.loop.apply import apply
from trimtab.loop.diagnose import diagnose
from trimtab.loop.plan import plan, proved_edit
from trimtab.loop.settle import undo
from trimtab.loop.snapshot import Snapshot
from trimtab.model import EditFile, Finding, Risk
from trimtab.workflow.edits import edit
from trimtab.workflow.prove import prove
from trimtab.world.git import Repository

ROUNDS = 14  # at most one change a file and round, so that each is planned on the text as it then is
HARMFUL = (
    "concurrency",
    "timeout",
    "workflow-call",
    "syntax",
    "slim",
    "needs",
    "expression",
    "duplicate-key",
    "events",
)


@dataclass
class Tally:
    """Counts over the corpus; `reasons` keeps the texts of refusals, `bad` whatever must not happen."""

    files: int = 0
    repos: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    edits: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    pairs: int = 0
    pairs_refused: int = 0
    applied: int = 0
    undone: int = 0
    lint: Counter[str] = field(default_factory=Counter)
    peer: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path)
    parser.add_argument("--repos", type=int, default=None, help="only the first N repositories")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="put the table into this file")
    parser.add_argument("--small", action="store_true", help="a small corpus: leave out the bars on counts and speed")
    options = parser.parse_args()
    tally = Tally()
    repositories = [d for d in sorted(options.dir.iterdir()) if (d / ".github" / "workflows").is_dir()][: options.repos]
    for number, source in enumerate(repositories, 1):
        print(f"\r{number}/{len(repositories)} {source.name:50.50}", end="", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="trimtab-corpus-") as scratch:
            _one(source, Path(scratch), options.seed, tally)
    print(file=sys.stderr)
    seconds = speed(repositories)
    table = _table(tally, seconds)
    print(table)
    if options.write:
        _write(options.write, table)
    return _judge(tally, seconds, options.small)


# ------------------------------------------------------------------------------------ one repository


def _one(source: Path, scratch: Path, seed: int, tally: Tally) -> None:
    root = scratch / "tree"
    shutil.copytree(source, root, ignore=shutil.ignore_patterns(".git", "TRACKED", "backup"), symlinks=True)
    site = _site(root, scratch)
    _attach(site, seed)
    before = dict(_contents(root))
    lint_before = lint(root)
    evidence = Snapshot(site)
    tally.repos += 1
    tally.files += len(evidence.workflows())
    found = diagnose(evidence).findings
    tally.findings.update(f.rule for f in found)
    good = _prove_each(evidence, found, tally)
    _prove_pairs(evidence, good, tally)
    applied = _apply_all(site, tally)
    new = lint(root) - lint_before
    tally.lint.update(new)
    tally.peer.update(peer_counts(lint_before))
    for id in reversed(applied):
        undo(site, id)
        tally.undone += 1
    after = dict(_contents(root))
    tally.bad += [
        f"{source.name}: {path} is not as before after undo" for path in before if before[path] != after.get(path)
    ]
    tally.bad += [f"{source.name}: {path} was left behind" for path in after if path not in before]


def _prove_each(evidence: Snapshot, found: tuple[Finding, ...], tally: Tally) -> list[Finding]:
    good = []
    for finding in found:
        if finding.change is None:
            continue
        try:
            proved_edit(evidence, finding)
        except EditRefused as error:
            tally.refused[finding.rule] += 1
            tally.reasons[f"{finding.rule}: {error.what[:90]}"] += 1
        except ProofFailed as error:
            tally.bad.append(f"{finding.rule} {finding.change.path}: {error.what}")
        else:
            tally.edits[finding.rule] += 1
            good.append(finding)
    return good


def _prove_pairs(evidence: Snapshot, good: list[Finding], tally: Tally) -> None:
    """Two changes to one file as one edit, in both orders; rules that contradict each other may be refused."""
    contents = evidence.bytes
    for first, second in itertools.permutations(good, 2):
        one, two = first.change, second.change
        if one is None or two is None or one.path != two.path or one.repair or two.repair:
            continue
        both = EditFile(one.path, one.ops + two.ops)
        data = contents[one.path]
        assert isinstance(data, bytes)
        tally.pairs += 1
        try:
            prove(both, edit(data, both))
        except EditRefused:
            tally.pairs_refused += 1
        except ProofFailed as error:
            tally.bad.append(f"pair {first.rule} + {second.rule} in {one.path}: {error.what}")


def _apply_all(site: Site, tally: Tally) -> list[str]:
    """Apply everything that has a change, one change a file and round; returns the ids in order."""
    done: list[str] = []
    refused: set[str] = set()
    for _ in range(ROUNDS):
        evidence = Snapshot(site)
        chosen: dict[str, Finding] = {}
        for finding in diagnose(evidence, price=False).findings:
            if finding.change and finding.id not in refused:
                chosen.setdefault(finding.change.path, finding)
        if not chosen:
            break
        made = plan(site, evidence, list(chosen.values()))
        refused |= {refusal.finding.id for refusal in made.refusals}
        for intervention in made.interventions:
            apply(site, intervention)
            done.append(intervention.id)
            tally.applied += 1
    return done


def _site(root: Path, scratch: Path) -> Site:
    git = [
        "git",
        "-C",
        str(root),
        "-c",
        "user.name=bench",
        "-c",
        "user.email=bench@example.org",
        "-c",
        "core.autocrlf=false",
    ]
    for command in (["init", "-q", "-b", "main"], ["add", "-A", "-f"], ["commit", "-q", "--no-verify", "-m", "corpus"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    state = scratch / "state.sqlite3"
    ledger, journal = Ledger.open(state), Journal.open(state)
    repository = Repository.find(root)
    return Site(repository, ledger, journal, Config(), lambda: END, lambda text: None)


def _attach(site: Site, seed: int) -> None:
    for workflow in Snapshot(site).workflows():
        made = simulate(workflow, seed)
        site.ledger.add_runs(made.runs)
        site.ledger.set_files_changed(made.files)


def _contents(root: Path) -> Iterator[tuple[str, tuple[bytes, int]]]:
    """Every file outside .git with its bytes and mode; Trimtab's own backups are the point of another test."""
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.startswith((".git/", ".github/workflows/backup/")):
            yield name, (path.read_bytes(), path.stat().st_mode & 0o777)


# ------------------------------------------------------------------------------------ the table and the bars

# What jactionlint calls the same thing, where it has a rule for it.
PEER = {
    "cancel-superseded": "concurrency-limits",
    "set-timeout": "missing-timeout",
    "drop-duplicate-push": "duplicate-triggers",
    "tighten-timeout": "timeout-too-long",
    "parallelise-jobs": "unused-needs",
}


def _table(tally: Tally, speed: dict[str, float]) -> str:
    rows = ["| rule | findings | edits proved | refused | jactionlint says |", "|---|---|---|---|---|"]
    for rule in sorted(tally.findings):
        peer = f"{PEER[rule]} {tally.peer[PEER[rule]]}" if rule in PEER else "-"
        rows.append(f"| {rule} | {tally.findings[rule]} | {tally.edits[rule]} | {tally.refused[rule]} | {peer} |")
    harm = {line: n for line, n in tally.lint.items() if any(word in line.split(" ")[1] for word in HARMFUL)}
    zizmor = speed.get("zizmor")
    ratio = (
        f"{speed['trimtab']:.2f} s against {zizmor:.2f} s, {speed['trimtab'] / zizmor:.2f} x"
        if zizmor
        else "not measured"
    )
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return "\n".join(
        [
            f"## Corpus, {datetime.now().astimezone():%Y-%m-%d}, {machine}",
            "",
            f"{tally.files} real workflow files of {tally.repos} repositories; run histories simulated.",
            "",
            *rows,
            "",
            f"- edits proved: {sum(tally.edits.values())}; refused: {sum(tally.refused.values())}; pairs within a file: "
            f"{tally.pairs}, of which refused {tally.pairs_refused}",
            f"- applied through the loop: {tally.applied}; undone: {tally.undone}",
            f"- failed proofs, bytes not restored: {len(tally.bad)}",
            f"- new findings of the two linters: {sum(tally.lint.values())}, in harmful families: {sum(harm.values())}",
            f"- user CPU, diagnose without prices, all files in one process, against zizmor --offline: {ratio}",
            f"- user CPU, 20 files cold: {speed['cold']:.2f} s",
            *[f"- refused: {reason} ({n})" for reason, n in tally.reasons.most_common(12)],
            *[f"- new: {line} ({n})" for line, n in sorted(harm.items())[:20]],
            *[f"- BAD: {line}" for line in tally.bad[:20]],
            "",
        ]
    )


def _judge(tally: Tally, speed: dict[str, float], small: bool) -> int:
    wrong = []
    edits, refused = sum(tally.edits.values()), sum(tally.refused.values())
    if tally.bad:
        wrong.append(f"{len(tally.bad)} failed proofs or lost bytes")
    if refused > 0.01 * (edits + refused):
        wrong.append(f"{refused} refusals of {edits + refused} are more than 1 %")
    if any(any(word in line.split(" ")[1] for word in HARMFUL) for line in tally.lint):
        wrong.append("the linters found something new in a harmful family")
    if not small:
        wrong += [] if edits >= 2000 else [f"{edits} edits, needs 2,000"]
        wrong += [f"{r} fired {tally.edits[r]} times, needs 10" for r in _editing_rules(tally) if tally.edits[r] < 10]
        wrong += [] if speed.get("zizmor", 0) >= speed["trimtab"] else ["slower than zizmor, or zizmor is not here"]
        wrong += [] if speed["cold"] < 0.5 else ["20 files cold took 0.5 s or more"]
    for line in wrong:
        print(f"MISSED: {line}")
    return 1 if wrong else 0


def _editing_rules(tally: Tally) -> list[str]:
    from trimtab import catalogue

    return [id for id, rule in catalogue.rules().items() if rule.risk is not Risk.NONE]


def _write(path: Path, table: str) -> None:
    """Replace the corpus section of the page, or add it."""
    text = path.read_text() if path.exists() else "# Benchmarks\n\n"
    sections = [s for s in text.split("\n## ") if not s.startswith("Corpus,")]
    path.write_text("\n## ".join(sections).rstrip("\n") + "\n\n" + table)


if __name__ == "__main__":
    try:
        began = time.monotonic()
        code = main()
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
        sys.exit(code)
    except TrimtabError as error:
        sys.exit(f"{error.what}\n{error.why}\n{error.fix}")
