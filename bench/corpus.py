"""
Trimtab against real workflow files: every edit proved, applied, judged by two foreign linters, and undone

    python bench/corpus.py DIR [--repos N] [--seed N] [--jobs N] [--small] [--write docs/benchmarks.md]

DIR holds one folder a repository with its `.github/workflows/`; the files are real, the run histories attached to them are
simulated (bench/histories.py). Five parts, each with its bar:
  1. every change and every pair of changes within a file passes its proofs in memory (failed 0, refused <= 1 %);
  2. all changes applied through the loop in a git repository of their own, then undone in another order: every tree byte
     for byte as before;
  3. the same with one known fault put into copies of real files (bench/faults.py), for the rules that mend what cannot run;
  4. actionlint and jactionlint, where they are on PATH: nothing new in the families where an edit could do harm;
  5. `diagnose` of all files in one process against `zizmor --offline`, user CPU; 20 files cold.
Exit code 1 when a bar is missed. Nothing is written inside DIR. `--small` leaves out the bars on counts and speed.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from pathlib import Path

from faults import RULES as MENDING
from faults import spoil_some
from judges import DEFAULT, LONGEST, harmful, present, speed
from trimtab import catalogue
from trimtab.model import Risk
from turns import Tally, Task, turn

EDITS, FILES, REPOSITORIES, FIRES = 2000, 800, 60, 10
SHARE = 0.01  # of applicable findings that may be refused
COLD = 0.5  # seconds of CPU for 20 files
SPOILT, SPOILT_SMALL = 24, 3  # copies a kind of fault

# What jactionlint calls the same thing, where it has a rule for it; it counts places, we count workflows.
PEER = {
    "cancel-superseded": "concurrency-limits",
    "drop-duplicate-push": "duplicate-triggers",
    "fix-unknown-keys": "workflow-syntax",
    "fix-unknown-needs": "undefined-job-needs",
    "parallelise-jobs": "unused-needs",
    "repair-syntax": "yaml-syntax",
    "set-timeout": "missing-timeout",
    "tighten-timeout": "timeout-too-long",
}


def main() -> int:
    began, options = time.monotonic(), _options()
    repositories = [d for d in sorted(options.dir.iterdir()) if (d / ".github" / "workflows").is_dir()][: options.repos]
    files = [f for d in repositories for f in sorted((d / ".github/workflows").glob("*.y*ml")) if f.is_file()]
    real = _tally([Task(d.name, options.seed, source=d) for d in repositories], options.jobs)
    spoilt = _tally(_spoilt(files, SPOILT_SMALL if options.small else SPOILT, options.seed), options.jobs)
    seconds = {} if options.small else speed(files)
    page = _page(real, spoilt, seconds, options, began)
    print(page)
    if options.write:
        _write(options.write, page)
    missed = [*_always(real, spoilt), *([] if options.small else _in_full(real, spoilt, seconds))]
    for line in missed:
        print(f"MISSED: {line}")
    return 1 if missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path)
    parser.add_argument("--repos", type=int, default=None, help="only the first N repositories")
    parser.add_argument("--seed", type=int, default=1, help="of the simulated histories and of the faults")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="trees worked on at the same time")
    parser.add_argument("--write", type=Path, help="put the page into this file")
    parser.add_argument("--small", action="store_true", help="a small corpus: leave out the bars on counts and speed")
    return parser.parse_args()


def _spoilt(files: Sequence[Path], each: int, seed: int) -> list[Task]:
    return [
        Task(
            f"spoilt, {kind}",
            seed,
            texts={path: bad for path, (_, bad) in made.items()},
            good={path: good for path, (good, _) in made.items()},
        )
        for kind, made in spoil_some(files, each, seed).items()
        if made
    ]


def _tally(tasks: Sequence[Task], jobs: int) -> Tally:
    """All trees, the largest first so that no process is left with it at the end; an exception in one is a crash."""
    tally = Tally()
    order = sorted(tasks, key=lambda t: (-_size(t), t.name))
    with ProcessPoolExecutor(jobs) as pool:
        for number, (task, future) in enumerate([(task, pool.submit(turn, task)) for task in order], 1):
            error = future.exception()
            if error is None:
                tally.add(future.result())
            else:
                tally.bad.append(f"{task.name}: crashed: {error!r}"[:600])
            print(f"\r{number}/{len(tasks)} {task.name:50.50}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return tally


def _size(task: Task) -> int:
    return len(list((task.source / ".github/workflows").iterdir())) if task.source else len(task.texts)


# ------------------------------------------------------------------------------------ the bars


def _always(real: Tally, spoilt: Tally) -> list[str]:
    """What must hold of any corpus."""
    wrong = []
    for name, tally in (("real files", real), ("spoilt copies", spoilt)):
        edits, refused = tally.edits.total(), tally.refused.total()
        wrong += [f"{name}: {len(tally.bad)} failed proofs, lost bytes or crashes"] if tally.bad else []
        wrong += [f"{name}: {refused} refused of {edits + refused}"] if refused > SHARE * (edits + refused) else []
        later, applied = tally.later.total(), tally.applied.total()
        wrong += [f"{name}: {later} refused after others"] if later > SHARE * (later + applied) else []
        wrong += [f"{name}: {tally.pairs_refused} pairs refused"] if tally.pairs_refused > SHARE * tally.pairs else []
        wrong += [f"{name}: {tally.undone} undone of {tally.applied.total()}"] if tally.undone != applied else []
        harm = sum(n for line, n in tally.lint.items() if harmful(line))
        wrong += [f"{name}: the linters have {harm} new findings in harmful families"] if harm else []
    return wrong


def _in_full(real: Tally, spoilt: Tally, seconds: dict[str, float]) -> list[str]:
    """What is asked of the full corpus."""
    edits = real.edits.total()
    wrong = [] if real.files >= FILES else [f"{real.files} files, needs {FILES}"]
    wrong += [] if real.repos >= REPOSITORIES else [f"{real.repos} repositories, needs {REPOSITORIES}"]
    wrong += [] if edits >= EDITS else [f"{edits} edits, needs {EDITS}"]
    for id, rule in catalogue.rules().items():
        fired = (spoilt if id in MENDING else real).edits[id]
        if rule.risk is not Risk.NONE and fired < FIRES:
            wrong.append(f"{id} fired {fired} times, needs {FIRES}")
    wrong += [] if seconds.get("zizmor", 0) >= seconds["trimtab"] else ["slower than zizmor, or zizmor is not here"]
    wrong += [] if seconds["cold"] < COLD else [f"20 files cold took {seconds['cold']:.2f} s of CPU"]
    return wrong


# ------------------------------------------------------------------------------------ the page


def _page(real: Tally, spoilt: Tally, seconds: dict[str, float], options: argparse.Namespace, began: float) -> str:
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    command = f"python bench/corpus.py DIR{' --small' if options.small else ''} --seed {options.seed}"
    return "\n".join(
        [
            f"## Corpus, {datetime.now().astimezone():%Y-%m-%d}, {machine}",
            "",
            f"`{command}`: {real.files} real workflow files of {real.repos} public repositories; their run histories are "
            f"simulated (20 to 200 runs a workflow). Besides, {spoilt.files} copies with one known fault each.",
            f"Judges: {present()}.",
            "",
            *_rows(real, spoilt),
            "",
            f"jactionlint with profile pedantic and timeout-too-long at {LONGEST} minutes (a team's choice; called harm above "
            f"{DEFAULT} on GitHub's runners); it counts places and, in brackets, files. Trimtab has one finding a rule and "
            "workflow, and asks the run history before it speaks.",
            "",
            *_lines("real files", real),
            *_lines("spoilt copies", spoilt),
            *_speed_lines(seconds),
            _took(began),
            "",
        ]
    )


def _took(began: float) -> str:
    spent = os.times()
    cpu = spent.user + spent.system + spent.children_user + spent.children_system
    return f"- this run, with everything above: {time.monotonic() - began:.0f} s, {cpu:.0f} s of CPU"


def _rows(real: Tally, spoilt: Tally) -> list[str]:
    rows = [
        "| rule | findings | edits proved | refused | applied | on spoilt copies: findings, proved | jactionlint says |",
        "|---|---|---|---|---|---|---|",
    ]
    for id in sorted({*catalogue.rules(), *real.findings, *spoilt.findings}):
        peer, source = PEER.get(id), spoilt if id in MENDING else real
        said = f"{peer} {source.peer[peer]} ({source.peer[f'{peer} in files']})" if peer else "-"
        counts = (real.findings[id], real.edits[id], real.refused[id], real.applied[id])
        rows.append(f"| {id} | {' | '.join(map(str, counts))} | {spoilt.findings[id]}, {spoilt.edits[id]} | {said} |")
    return rows


def _lines(name: str, tally: Tally) -> list[str]:
    harm = {line: n for line, n in tally.lint.items() if harmful(line)}
    others: Counter[str] = Counter()
    for line, n in tally.lint.items():
        others[" ".join(line.split(" ")[:2])] += n if line not in harm else 0
    return [
        f"- {name}: {tally.edits.total()} edits proved, {tally.refused.total()} refused; {tally.pairs} ordered pairs within a "
        f"file proved ({tally.pairs_apart} of them as two edits, one after the other), {tally.pairs_refused} refused",
        f"- {name}: {tally.applied.total()} applied through the loop, {tally.later.total()} refused after other changes; "
        f"{tally.undone} undone in another order ({tally.waited} times a later change had to go first)",
        f"- {name}: failed proofs, bytes not restored, crashes: {len(tally.bad)}",
        f"- {name}: new findings of the linters: {tally.lint.total()}, in harmful families: {sum(harm.values())}; the others: "
        + (", ".join(f"{rule} {n}" for rule, n in others.most_common() if n) or "none"),
        *[f"- {name}, refused: {reason} ({n})" for reason, n in tally.reasons.most_common(12)],
        *[f"- {name}, new: {line} ({n})" for line, n in sorted(harm.items())[:20]],
        *[f"- {name}, BAD: {line}" for line in tally.bad[:20]],
    ]


def _speed_lines(seconds: dict[str, float]) -> list[str]:
    if not seconds:
        return []
    ours, theirs = seconds["trimtab"], seconds.get("zizmor")
    beside = (
        f"{theirs:.2f} s for zizmor --offline, {ours / theirs:.2f} x ({seconds['removed']:.0f} files that it cannot load "
        "taken out of its share)"
        if theirs
        else "zizmor is not here"
    )
    return [
        f"- user CPU, diagnose without prices, {seconds['files']:.0f} files in one process: {ours:.2f} s; {beside}",
        f"- CPU, 20 files cold: {seconds['cold']:.2f} s",
    ]


def _write(path: Path, page: str) -> None:
    """Replace the corpus section of the page, or add it."""
    text = path.read_text() if path.exists() else "# Benchmarks\n\n"
    sections = [s for s in text.split("\n## ") if not s.startswith("Corpus,")]
    path.write_text("\n## ".join(sections).rstrip("\n") + "\n\n" + page)


if __name__ == "__main__":
    sys.exit(main())
