"""
The demo: an honest simulation, the three outcomes of the default seed, no socket, and nothing changed in the reader's repository
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from trimtab.cli.verbs.demo import screen
from trimtab.demo import story, traffic, truth
from trimtab.demo.actions import Runner, Trigger, starts
from trimtab.demo.evaluate import filled, true
from trimtab.demo.simulation import Simulation
from trimtab.errors import UsageError
from trimtab.model import Run
from trimtab.workflow.read import read

AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
# Runs the command line in a process where a socket, or a program other than git, ends everything with 99.
WATCHED = """
import os, sys
def watch(event, args):
    opens = event.startswith("socket.") and event != "socket.gethostname"
    if opens or (event == "subprocess.Popen" and os.path.basename(str(args[0])) != "git"):
        os.write(2, f"the demo did {event} {args!r}".encode())
        os._exit(99)
sys.addaudithook(watch)
from trimtab.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def alone(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """One watched command of the real command line: git and no other program, no settings, no token, no state of the user."""
    git = shutil.which("git")
    assert git is not None
    (home / "git-alone").mkdir(exist_ok=True)
    with suppress(FileExistsError):
        (home / "git-alone/git").symlink_to(git)
    env = {"PATH": str(home / "git-alone"), "HOME": str(home), "LC_ALL": "C.UTF-8"}
    argv = [sys.executable, "-c", WATCHED, *words]
    return subprocess.run(argv, capture_output=True, text=True, env=env, timeout=600, check=False)


# ------------------------------------------------------------------------------------ the whole demo


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the default demo prints, and where it worked."""
    home = tmp_path_factory.mktemp("demo")
    done = alone("demo", str(home / "here"), home=home)
    assert (done.returncode, "the demo did" in done.stderr) == (0, False), done.stderr
    return done.stdout, home / "here"


def test_the_default_seed_ends_with_one_change_kept_one_undone_one_undecided(told: tuple[str, Path]) -> None:
    ending = told[0].partition("After 6 weeks")[2]
    endings = re.findall(r"^change \w+ [\w-]+, (\w+\.yml): (helped, kept|hurt \(undone\)|too early)", ending, re.M)
    assert sorted(endings) == [
        ("ci.yml", "helped, kept"),
        ("nightly.yml", "too early"),
        ("web.yml", "hurt (undone)"),
    ]


def test_the_demo_says_that_it_is_simulated_first(told: tuple[str, Path]) -> None:
    assert told[0].startswith("Trimtab on a SIMULATED project, seed 1\n")


def test_what_was_undone_is_undone_and_what_was_kept_is_there(told: tuple[str, Path]) -> None:
    text, here = told
    workflows = here / "harbour" / ".github" / "workflows"
    sample = Path(str(story.__file__)).parent / "sample" / "workflows"
    assert "web.yml is again what it was, byte for byte" in text
    assert (workflows / "web.yml").read_bytes() == (sample / "web.yml").read_bytes()
    assert "cancel-in-progress: true" in (workflows / "ci.yml").read_text()


def test_every_verdict_comes_with_interval_both_n_and_the_prediction(told: tuple[str, Path]) -> None:
    ending = told[0].partition("After 6 weeks")[2]
    assert re.search(r"-?\d[\d.]* -> [\d.]+ +[+-][\d.]+ % \(95 %: [^)]+\); \d+ runs without, \d+ with", ending)
    assert re.search(r"predicted [^,]+%, observed \+\d+ %", ending)


def test_the_report_is_one_page_that_asks_nobody(told: tuple[str, Path]) -> None:
    text, here = told
    path = re.search(r"^report: (.+)$", text, re.M)
    assert path is not None and Path(path[1]) == here / "report.html"
    page = Path(path[1]).read_text(encoding="utf-8")
    assert "Simulated by" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert "prefers-color-scheme" in page


def shortly(tmp_path: Path, name: str, seed: int) -> str:
    """A story of three weeks and one more, without the paths in it."""
    said: list[str] = []
    code = story.run(
        tmp_path / name,
        seed,
        show=said.append,
        say=said.append,
        compose=screen,
        before=3,
        after=1,
    )
    assert code == 0
    return "".join(said).replace(str(tmp_path / name), "HERE")


def test_one_seed_tells_one_story(tmp_path: Path) -> None:
    assert shortly(tmp_path, "one", seed=3) == shortly(tmp_path, "two", seed=3)


def test_another_seed_draws_another_project(tmp_path: Path) -> None:
    heads, runs = [], []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        project = Simulation.create(tmp_path / name, tmp_path / f"{name}-runs", seed, story.START, 1)
        runs.append(project.advance(story.START + timedelta(weeks=1)).read_text())
        heads.append(project.repository.head())
    assert heads[0] == heads[1] != heads[2]
    assert runs[0] == runs[1] != runs[2]


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    with pytest.raises(UsageError) as refused:
        shortly(tmp_path.parent, tmp_path.name, 1)
    assert refused.value.fix == "name a new or empty folder"
    assert (tmp_path / "mine").read_text() == "keep"


# ------------------------------------------------------------------------------------ the reader's own repository


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_first_look_at_the_readers_repository_changes_no_byte_of_it(tmp_path: Path) -> None:
    repository = tmp_path / "theirs"
    workflow = repository / ".github" / "workflows" / "ci.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(
        "on: [push, pull_request]\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n    - run: make\n"
    )
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Start"]):
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words]
        subprocess.run(git, cwd=repository, check=True)
    (repository / "unfinished.txt").write_text("work in progress")
    before = contents(repository)
    done = alone("demo", "--repo-dir", str(repository), home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert contents(repository) == before
    assert "no run history yet" in done.stdout
    assert "cancel-superseded" in done.stdout
    assert "nothing was changed" in done.stdout


# ------------------------------------------------------------------------------------ the simulation is honest

CI = """\
name: CI
on:
  push:
    branches: [main]
  pull_request:
jobs:
  test:
    runs-on: ubuntu-latest
    timeout-minutes: {limit}
    steps:
      - uses: actions/checkout@v4
      - run: pytest
"""
GROUP = """\
concurrency:
  group: ${{ github.workflow }}-${{ github.event.pull_request.number || github.run_id }}
  cancel-in-progress: true
"""


def two_pushes(text: str, event: str = "pull_request") -> tuple[Run, Run]:
    """Two runs two minutes apart, as the workflow file says."""
    workflow = read(".github/workflows/ci.yml", text.encode())
    runner = Runner(truth.draw(1, 10))
    branch = "main" if event == "push" else "ada-7"
    triggers = [
        Trigger(n, AT + timedelta(minutes=2 * n), 0, event, branch, f"{n}" * 40, "ada", 7 if event != "push" else None)
        for n in (1, 2)
    ]
    runs = [runner.start(workflow, trigger) for trigger in triggers]
    return runner.runs[runs[0].key], runner.runs[runs[1].key]


def test_a_concurrency_group_cancels_because_the_file_says_so() -> None:
    plain, _ = two_pushes(CI.format(limit=40))
    first, second = two_pushes(CI.format(limit=40) + GROUP)
    assert plain.conclusion == "success"
    assert (first.conclusion, second.conclusion) == ("cancelled", "success")
    assert first.ended is not None and first.ended <= second.created + timedelta(seconds=5)


def test_the_group_spares_main() -> None:
    first, second = two_pushes(CI.format(limit=40) + GROUP, event="push")
    assert (first.conclusion, second.conclusion) == ("success", "success")


def test_a_group_without_cancelling_waits() -> None:
    queue = 'concurrency:\n  group: "all"\n'
    first, second = two_pushes(CI.format(limit=40) + queue)
    assert first.conclusion == "success"
    assert second.started is not None and first.ended is not None and second.started >= first.ended


def test_a_limit_kills_and_a_higher_one_lets_live_the_same_work() -> None:
    killed, _ = two_pushes(CI.format(limit=5))
    alive, _ = two_pushes(CI.format(limit=40))
    assert killed.conclusion == "cancelled"
    assert killed.jobs is not None and "maximum execution time of 5m" in killed.jobs[0].notes[0]
    assert alive.conclusion == "success"


def test_the_same_commit_meets_the_same_luck_with_and_without_a_change() -> None:
    plain, _ = two_pushes(CI.format(limit=40), event="push")
    changed, _ = two_pushes(CI.format(limit=41) + GROUP, event="push")
    assert plain.seconds == changed.seconds


@pytest.mark.parametrize(
    ("event", "branch", "tag", "expected"),
    [
        ("pull_request", "ada-7", None, True),
        ("push", "main", None, True),
        ("push", "other", None, False),
        ("push", "v1", "v1", False),
        ("schedule", "main", None, False),
    ],
)
def test_triggers_start_what_the_file_says(event: str, branch: str, tag: str | None, expected: bool) -> None:
    workflow = read(".github/workflows/ci.yml", CI.format(limit=5).encode())
    assert starts(workflow, Trigger(1, AT, 0, event, branch, "0" * 40, "ada", tag=tag)) is expected


def test_arrivals_are_drawn_once_and_in_order() -> None:
    pushes = traffic.pushes(1, AT.replace(hour=0), 4)
    assert pushes == traffic.pushes(1, AT.replace(hour=0), 4) != traffic.pushes(2, AT.replace(hour=0), 4)
    assert [push.at for push in pushes] == sorted(push.at for push in pushes)
    weekend = sum(push.at.weekday() >= 5 for push in pushes if push.opens)
    assert weekend < len([push for push in pushes if push.opens]) / 5


def test_some_worlds_have_a_cache_that_helps_and_some_one_that_hurts() -> None:
    npm = [truth.draw(seed, 10).installs["npm"] for seed in range(1, 21)]
    helps = [one.warm + one.restore < one.cold for one in npm]
    assert 4 <= sum(helps) <= 16


NAMES = {
    "github": {
        "workflow": "CI",
        "run_id": "77",
        "event_name": "push",
        "ref": "refs/heads/main",
        "event": {"pull_request": None},
    }
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${{ github.workflow }}-${{ github.event.pull_request.number || github.run_id }}", "CI-77"),
        ("${{ github.event_name == 'PUSH' && 'a' || 'b' }}", "a"),
        ("${{ startsWith(github.ref, 'refs/tags/') }}", "false"),
        ("${{ format('{0}/{1}', 1, true) }}", "1/true"),
        ("${{ !github.head_ref }}", "true"),
        ("plain", "plain"),
    ],
)
def test_expressions_are_evaluated_as_github_does(text: str, expected: str) -> None:
    assert filled(text, NAMES) == expected


def test_a_condition_may_stand_without_braces() -> None:
    assert true("github.event_name != 'pull_request'", NAMES)
    assert not true("${{ github.ref == 'refs/heads/other' }}", NAMES)


def test_an_unknown_function_is_refused_instead_of_guessed() -> None:
    with pytest.raises(UsageError, match="frobnicate"):
        filled("${{ frobnicate(1) }}", NAMES)
