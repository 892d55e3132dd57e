"""
Kill Trimtab everywhere: every durable step of apply, undo and of the recovery after it, times what a user did in the gap

    python bench/chaos.py [--runs 2000] [--full-disk]

Prints how many kills were survived, by operation and by the user's behaviour, then tells `--runs` random stories to the state
machine of the tests. Ends with exit code 1 at the first invariant that breaks. `--full-disk` repeats apply and undo on a
small tmpfs that fills up (Linux; needs root or user namespaces). Takes about half an hour on two cores; `make test` runs a
sample of the same.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000, help="stories for the state machine (default: 2000)")
    parser.add_argument(
        "--stride", type=int, default=1, help="kill the recovery at every N-th of its steps (default: 1)"
    )
    parser.add_argument("--full-disk", action="store_true", help="also fill up a small tmpfs")
    parser.add_argument("--on-tmpfs", metavar="DIR", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.on_tmpfs:
        return fill_up(Path(options.on_tmpfs))
    kill_everywhere(options.stride)
    if options.full_disk:
        full_disk()
    return stories(options.runs)


def kill_everywhere(stride: int) -> None:
    """Every kill point once for each behaviour of the user, and each recovery killed in turn."""
    from crashing import FILES, killed, steps
    from scratch import scratch
    from test_crash import EDITS, Case, check_after
    from trimtab.loop.ground.recover import recover

    print(f"{'operation':10} {'user':12} {'kills':>6} {'kills in recovery':>18} {'seconds':>8}")
    with tempfile.TemporaryDirectory(dir=scratch(), prefix="trimtab-chaos-") as name:
        for operation in ("apply", "undo"):
            case = Case(Path(name), operation)
            for kind in ("none", *EDITS):
                start, kills, again = time.monotonic(), 0, 0
                for at in range(1, case.steps + 1):
                    path = list(FILES)[at % 3]
                    project = case.project()
                    assert killed(project, case.act, at)
                    mine = project.edit(path, EDITS[kind]) if kind in EDITS else b""
                    for second in range(1, steps(case.copy_of(project), recover) + 1, stride):
                        other = case.copy_of(project)
                        assert killed(other, recover, second)
                        check_after(case, other, path, kind, mine)
                        case.drop(other)
                        again += 1
                    check_after(case, project, path, kind, mine)
                    case.drop(project)
                    kills += 1
                print(f"{operation:10} {kind:12} {kills:6} {again:18} {time.monotonic() - start:8.0f}", flush=True)


def full_disk() -> None:
    """Run `fill_up` on a tmpfs of its own, which ends with the process that mounted it."""
    with tempfile.TemporaryDirectory() as folder:
        inner = 'mount -t tmpfs -o size=16m tmpfs "$0" && exec "$1" "$2" --on-tmpfs "$0"'
        space = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
        subprocess.run([*space, "sh", "-c", inner, folder, sys.executable, __file__], check=True)


def fill_up(folder: Path) -> int:
    """Leave less and less room; each apply, and undo, is done or refused with every file as it was."""
    from crashing import FILES, Project, ours, plan
    from trimtab.errors import RefusedError
    from trimtab.loop.apply import apply
    from trimtab.loop.ground.recover import recover
    from trimtab.loop.settle import undo
    from trimtab.model import Stage

    after = {path: ours(data) for path, data in FILES.items()}
    project = Project.make(folder / "repo")
    site = project.site()
    outcomes = {"done": 0, "refused": 0}
    for left in range(0, 160_000, 4096):
        made = plan(site, project)
        ballast = folder / "ballast"
        for act, kept, wanted in ((apply, FILES, after), (undo, after, FILES)):
            free = os.statvfs(folder)
            ballast.write_bytes(b"x" * max(free.f_bavail * free.f_frsize - left, 0))
            try:
                apply(site, made) if act is apply else undo(site, made.id)
                outcomes["done"] += 1
                files = wanted
            except RefusedError:
                outcomes["refused"] += 1
                files = kept
            ballast.unlink()
            recover(site)
            stage = site.journal.state().changes[made.id].stage
            assert project.files() == files or stage in (Stage.APPLIED, Stage.UNDONE), left
            assert project.files() in (FILES, after), left
            if act is apply and stage is not Stage.APPLIED:
                break
        if site.journal.state().changes[made.id].stage is Stage.APPLIED:
            undo(site, made.id)
        assert project.files() == FILES
    print(f"full disk: {outcomes['done']} done, {outcomes['refused']} refused, every file as it was or as it should be")
    return 0 if all(outcomes.values()) else 1


def stories(runs: int) -> int:
    """The state machine of tests/test_state_machine.py, with more runs."""
    env = {**os.environ, "TRIMTAB_STATE_MACHINE_RUNS": str(runs)}
    test = str(ROOT / "tests/test_state_machine.py")
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test], env=env, cwd=ROOT)
    print(f"state machine: {runs} runs, {'all invariants held' if done.returncode == 0 else 'BROKEN'}", end="")
    print(f" ({time.monotonic() - start:.0f} s)")
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
