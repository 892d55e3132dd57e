"""The command line as a person uses it: a real git repository, the real commands, exact screens and exit codes."""

from __future__ import annotations

import ast
import fcntl
import json
import os
import pty
import re
import resource
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from trimtab import __version__, catalogue, errors
from trimtab.cli import main as cli
from trimtab.cli import options
from trimtab.cli.choose import chosen
from trimtab.cli.moments import moment
from trimtab.cli.site import state_file
from trimtab.errors import TrimtabError, UsageError

CI = """\
name: ci
on: [push, pull_request]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: make test
"""


def git(where: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=where, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one workflow, and no settings of the machine that could change the answers."""
    for name in ("TRIMTAB_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "app"
    workflow = root / ".github/workflows/ci.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(CI)
    git(tmp_path, "init", "-q", "-b", "main", "app")
    git(root, "add", ".")
    git(root, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "start")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


class Run:
    """Runs a command in this process; remembers what it wrote."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys, self.out, self.err = capsys, "", ""

    def __call__(self, *words: str) -> int:
        code = cli.main(words)
        self.out, self.err = self.capsys.readouterr()
        return code


def shell(*words: str, where: Path | None = None, **env: str) -> subprocess.CompletedProcess[bytes]:
    """The same in a process of its own."""
    argv = [sys.executable, "-m", "trimtab", *words]
    return subprocess.run(argv, cwd=where, capture_output=True, env={**os.environ, **env}, stdin=subprocess.DEVNULL)


# ------------------------------------------------------------------------------------ starting


def test_the_version_is_quick_and_loads_nothing_heavy() -> None:
    """The limit is 150 ms CPU; the best of five, because the machine may be busy."""
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = shell("--version")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.stdout.decode() == f"trimtab {__version__}\n"
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) <= 0.150


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["apply", "--help"], ["nonsense"]])
def test_help_and_version_import_neither_yaml_nor_numpy_nor_http(words: list[str]) -> None:
    code = (
        "import sys; from trimtab.cli.main import main\n"
        f"try: main({words!r})\nexcept SystemExit: pass\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'yaml', 'yaml_rs', 'numpy', 'http', 'jinja2', 'sqlite3'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_names_every_verb_on_one_line_each(run: Run) -> None:
    assert run("--help") == 0
    for name in options.names():
        assert len(re.findall(rf"(?m)^  {name} +\S", run.out)) == 1
    assert max(map(len, run.out.splitlines())) <= 100


@pytest.mark.parametrize("verb", options.names())
def test_every_verb_explains_itself(verb: str, run: Run) -> None:
    with pytest.raises(SystemExit) as caught:
        run(verb, "--help")
    assert caught.value.code == 0
    assert options.title(options.load(verb))


def test_help_of_a_verb_is_found_both_ways(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("help", "apply")
    assert "trimtab apply" in capsys.readouterr().out


# ------------------------------------------------------------------------------------ errors and exit codes


def test_an_unknown_verb_names_the_nearest(run: Run) -> None:
    assert run("diagnos") == 2
    assert run.err == 'trimtab: there is no "diagnos"\n  why: did you mean "diagnose"?\n  fix: trimtab --help\n'


def test_an_unknown_option_is_a_usage_error(clone: Path, run: Run) -> None:
    assert run("diagnose", "--frobnicate") == 2
    assert "unrecognized arguments: --frobnicate" in run.err
    assert run("diagnose", "--form", "json") == 2, "options are not abbreviated"


def test_no_repository_is_a_clear_refusal(tmp_path: Path, run: Run) -> None:
    assert run("-C", str(tmp_path), "diagnose") == 3
    assert "fix: " in run.err
    assert run("-C", str(tmp_path / "nowhere")) == 2
    assert "there is no folder" in run.err


@pytest.mark.parametrize("name", ["app", "a/b/c", "-x/y", "o/..", "https://github.com/a/b", "a/b c"])
def test_a_repository_is_owner_and_name(name: str, run: Run) -> None:
    assert run("diagnose", f"--repo={name}") == 2


def test_a_bad_configuration_is_told_with_the_nearest_key(clone: Path, run: Run) -> None:
    (clone / "trimtab.toml").write_text("horizon-dys = 3\n")
    assert run("diagnose") == 2
    assert 'did you mean "horizon-days"?' in run.err


def test_a_configuration_that_is_a_link_out_of_the_repository_is_refused(clone: Path, run: Run) -> None:
    (clone / "trimtab.toml").symlink_to("/etc/passwd")
    assert run("diagnose") == 3
    assert "root:" not in run.err


def test_a_bug_says_that_it_is_one(clone: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(options_: object, terminal: object) -> int:
        raise ZeroDivisionError("::set-env name=x::y\x1b[2J")

    monkeypatch.setattr(options.load("status"), "run", broken)
    assert run() == 70
    assert "this is a bug in Trimtab: ZeroDivisionError" in run.err
    assert "\x1b" not in run.err
    assert not any(line.strip().startswith("::") for line in run.err.splitlines())


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (KeyboardInterrupt(), 130),
        (OSError(28, "No space left on device"), 3),
        (OSError(30, "Read-only file system"), 3),
        (OSError(9, "Bad file descriptor"), 70),
        (RecursionError(), 70),
        (errors.HarmDone("a change did harm"), 4),
        (errors.LockedError("another Trimtab is at work"), 3),
    ],
)
def test_whatever_happens_has_its_exit_code(
    raised: BaseException, code: int, clone: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(options_: object, terminal: object) -> int:
        raise raised

    monkeypatch.setattr(options.load("status"), "run", failing)
    assert run("status") == code
    assert run.err


def test_a_reader_that_goes_away_is_no_error(clone: Path) -> None:
    command = f"{sys.executable} -m trimtab explain --format json | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True)
    assert done.returncode == 0
    assert done.stderr == b""


def test_a_state_folder_that_cannot_be_written_is_refused(
    clone: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clone / "file").write_text("")
    monkeypatch.setenv("TRIMTAB_HOME", str(clone / "file"))
    assert run("diagnose") == 3
    assert "TRIMTAB_HOME" in run.err


# ------------------------------------------------------------------------------------ the verbs


def test_status_without_history_says_unknown_and_how_to_measure(clone: Path, run: Run) -> None:
    assert run() == 0
    assert run.out.startswith("app: no runs collected yet\n")
    assert run.out.count("not measured") == 4
    assert run.out.endswith("next: trimtab collect\n")
    assert run("status", "--fail-on", "target") == 0, "unknown is never a miss"


def test_diagnose_shows_place_caret_and_next_command(clone: Path, run: Run) -> None:
    assert run("diagnose", "--rule", "cancel-superseded") == 0
    head, *rest = run.out.splitlines()
    id = re.fullmatch(r"cost\[cancel-superseded\] ([0-9a-f]{8}): .+", head)
    assert id
    assert rest[:3] == [
        " --> .github/workflows/ci.yml:2:12",
        "2 | on: [push, pull_request]",
        "  |            ^^^^^^^^^^^^",
    ]
    assert f"  = next: trimtab apply {id[1]}        more: trimtab explain cancel-superseded" in rest
    assert rest[-1] == "next: trimtab apply --safe-only --dry-run"
    assert git(clone, "status", "--short") == ""


def test_findings_fail_only_on_demand(clone: Path, run: Run) -> None:
    assert run("diagnose") == 0
    assert run("diagnose", "--fail-on", "finding") == 1
    assert run("diagnose", "--fail-on", "finding", "--files", ".github/workflows/other.yml") == 0
    assert run("diagnose", "--fail-on", "finding", "--files", ".github/workflows/ci.yml") == 1
    assert run("diagnose", "--fail-on", "finding", "--rule", "repair-syntax") == 0


def test_files_are_found_from_a_folder_below(clone: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone / ".github")
    assert run("diagnose", "--fail-on", "finding", "--files", "workflows/ci.yml") == 1
    assert run("diagnose", "--files", "../../elsewhere.yml") == 2


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_programs_get_documents(form: str, clone: Path, run: Run) -> None:
    assert run("diagnose", "--format", form) == 0
    assert json.loads(run.out)


def test_hostile_workflow_text_is_harmless_on_the_real_path(clone: Path, run: Run) -> None:
    jobs = 'jobs:\n  "a\\e[2J::error::": {runs-on: x, steps: [{run: make test}]}\n#\x1b]0;x\x07\n'
    evil = f"name: ci\non: [push, pull_request]\n{jobs}"
    (clone / ".github/workflows/evil.yml").write_text(evil)
    (clone / ".github/workflows/broken.yml").write_text("on: push\n\t::error::x\x1b[2J\n")
    for words in (["diagnose", "--all"], ["diagnose", "--format", "markdown"], ["diagnose", "--format", "github"], []):
        assert run(*words) == 0
        assert "\x1b" not in run.out + run.err
        ours = re.compile(r"::(warning|error|notice) ")
        assert not [line for line in run.out.splitlines() if line.strip().startswith("::") and not ours.match(line)]


def test_apply_asks_and_without_a_person_refuses(clone: Path) -> None:
    done = shell("apply", "--safe-only", where=clone)
    assert done.returncode == 2
    assert b"add --yes" in done.stderr
    assert git(clone, "status", "--short") == ""


def test_a_person_says_no_and_then_yes(clone: Path) -> None:
    for answer, changed in ((b"n\n", False), (b"y\n", True)):
        keyboard, screen = pty.openpty()
        argv = [sys.executable, "-m", "trimtab", "apply", "--safe-only"]
        with subprocess.Popen(argv, cwd=clone, stdin=screen, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            os.write(keyboard, answer)
            _, err = process.communicate(timeout=60)
        os.close(screen)
        os.close(keyboard)
        assert process.returncode == 0, err
        assert b"[y/N]" in err
        assert bool(git(clone, "diff", "--stat")) is changed


def test_a_dry_run_prints_the_diff_and_changes_nothing(clone: Path, run: Run) -> None:
    assert run("apply", "--safe-only", "--dry-run") == 0
    assert "+concurrency:\n" in run.out
    assert "--- a/.github/workflows/ci.yml\n" in run.out
    assert run.err.endswith("nothing was changed; next: trimtab apply --safe-only\n")
    assert run("plan", "--dry-run") == 0
    assert run.err.endswith("nothing was written; next: trimtab apply ID..., or --safe-only\n")
    assert run("plan", "--dry-run", "--rule", "repair-syntax") == 0
    assert run.out == "there is nothing to plan; next: trimtab diagnose\n"
    assert git(clone, "status", "--short") == ""
    assert run("status") == 0
    assert "change " not in run.out


def test_apply_status_undo_by_the_start_of_an_id(clone: Path, run: Run) -> None:
    before = (clone / ".github/workflows/ci.yml").read_bytes()
    assert run("diagnose", "--rule", "cancel-superseded", "--format", "json") == 0
    finding = json.loads(run.out)["findings"][0]["id"]
    assert run("apply", finding[:5], "--yes", "--format", "json") == 0
    (row,) = json.loads(run.out)["applied"]
    assert row["rule"] == "cancel-superseded"
    assert (clone / row["backup"] / "ci.yml.bak").read_bytes() == before
    assert git(clone, "status", "--short") == " M .github/workflows/ci.yml\n", "backups stay out of the diff"
    for again in (finding, row["id"]):
        assert run("apply", again, "--yes") == 2
        assert f"is change {row['id']} cancel-superseded, which is applied" in run.err
    assert run() == 0
    assert f"change {row['id']} cancel-superseded, ci.yml: applied" in run.out
    assert run("measure", row["id"][:4]) == 0
    assert "too early" in run.out
    assert run("undo", row["id"][:4], "--dry-run") == 0
    assert "-concurrency:" in run.out
    assert run("undo", row["id"][:4], "--yes") == 0
    assert (run.out, run.err) == (f"{row['id']} cancel-superseded: undone\nnext: trimtab\n", ""), "said once"
    assert (clone / ".github/workflows/ci.yml").read_bytes() == before
    assert run("undo", "--all", "--yes") == 0
    assert "nothing to undo" in run.out


def test_a_branch_says_how_it_gets_to_the_others(clone: Path, run: Run) -> None:
    assert run("apply", "--safe-only", "--limit", "1", "--delivery", "branch", "--yes") == 0
    (branch,) = git(clone, "branch", "--format", "%(refname:short)", "--list", "trimtab/*").split()
    assert f"next: git push origin {branch}, merge, then: trimtab loop" in " ".join(run.out.split())
    assert git(clone, "status", "--short") == ""


def test_what_was_taken_back_is_not_tried_again_unless_somebody_names_it(clone: Path, run: Run) -> None:
    assert run("apply", "--safe-only", "--yes", "--format", "json") == 0
    (row,) = json.loads(run.out)["applied"]
    assert run("undo", row["id"], "--yes") == 0
    assert run("loop", "--no-collect", "--yes", "--apply", "1") == 0
    assert git(clone, "diff", "--stat") == ""
    assert run("diagnose", "--rule", row["rule"]) == 0
    assert f"= tried before, as change {row['id']}: undone; `apply --safe-only` leaves it alone" in run.out
    assert run("diagnose", "--rule", row["rule"], "--format", "json") == 0
    assert run("apply", json.loads(run.out)["findings"][0]["id"], "--yes", "--format", "json") == 0
    (again,) = json.loads(run.out)["applied"]
    assert again["id"] != row["id"]
    assert git(clone, "diff", "--stat")


def test_a_plan_is_applied_as_it_was_planned(clone: Path, run: Run) -> None:
    assert run("plan", "--rule", "cancel-superseded", "--format", "json") == 0
    (planned,) = json.loads(run.out)["changes"]
    assert planned["stage"] == "proposed"
    assert run("apply", planned["id"], "--dry-run") == 0
    assert "+concurrency:" in run.out
    assert run("apply", planned["id"], "--yes") == 0
    assert planned["id"] in run.out


@pytest.mark.parametrize(
    "words",
    [
        ["apply"],
        ["apply", "abcd1234", "--safe-only"],
        ["apply", "zzzz"],
        ["apply", "abc"],
        ["apply", "0000000f", "--yes"],
        ["undo"],
        ["undo", "abcd", "--all"],
        ["undo", "abcd", "--since", "2026-01-01"],
        ["undo", "--all", "--since", "soon"],
        ["measure", "--effective-at", "2026-01-01"],
        ["measure", "beef"],
        ["disable", "no-such-rule"],
        ["explain", "no-such-rule"],
        ["diagnose", "--rule", "no-such-rule"],
        ["backups", "restore"],
        ["collect", "missing.json"],
        ["collect"],
        ["status", "--format", "sarif"],
    ],
)
def test_wrong_usage_is_two_and_says_what_to_type(words: list[str], clone: Path, run: Run) -> None:
    assert run(*words) == 2
    assert run.err.startswith("trimtab: ")
    assert "\n  fix: " in run.err


def test_the_brakes(clone: Path, run: Run) -> None:
    assert run("pause", "--why", "release week") == 0
    assert run() == 0
    assert "paused: " in run.out
    assert run("apply", "--safe-only", "--yes") == 3
    assert "release week" in run.err
    assert run.out == "", "nothing was applied, and no empty line stands for it"
    assert run("resume") == 0
    assert run("pause") == 0
    assert run("apply", "--safe-only", "--yes") == 3
    assert "why: somebody pulled the brake" in run.err
    assert run("resume") == 0
    assert run("disable", "cancel-superseded") == 0
    assert run("diagnose", "--rule", "cancel-superseded", "--fail-on", "finding") == 0
    assert "not asked, because switched off: cancel-superseded; " in run.out
    assert run("diagnose", "--rule", "set-timeout") == 0
    assert "switched off" not in run.out
    assert run("enable", "cancel-superseded") == 0
    assert run("diagnose", "--rule", "cancel-superseded", "--fail-on", "finding") == 1


def test_explain_is_the_docstring(run: Run) -> None:
    for id, entry in {**catalogue.rules(), **catalogue.kpis()}.items():
        assert run("explain", id) == 0
        assert " ".join(run.out.split()).startswith(f"{id}: {catalogue.title(entry)} ")
        assert run("explain", id, "--format", "json") == 0
        assert json.loads(run.out)["id"] == id
    assert run("explain") == 0
    assert len(run.out.splitlines()) == len(catalogue.rules()) + len(catalogue.kpis()) + 3


@pytest.mark.parametrize("words", [["diagnose"], ["explain", "set-timeout"], ["loop", "--help"], ["explain", "nope"]])
def test_a_narrow_terminal_gets_narrow_screens(words: list[str], clone: Path) -> None:
    keyboard, screen = pty.openpty()
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    argv = [sys.executable, "-m", "trimtab", *words]
    with subprocess.Popen(argv, cwd=clone, stdin=screen, stdout=screen, stderr=screen, env=env):
        os.close(screen)
        shown = b""
        while data := _read(keyboard):
            shown += data
    os.close(keyboard)
    lines = re.sub(r"\x1b\[\d+m", "", shown.decode()).splitlines()
    assert len(lines) > 5
    assert max(map(len, lines)) <= 80


def _read(terminal: int) -> bytes:
    """What was written next; nothing when the other side is closed (Linux then says EIO)."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def test_a_manual_page_fits_a_hundred_columns_and_keeps_its_examples(run: Run) -> None:
    assert run("explain", "set-timeout") == 0
    assert max(map(len, run.out.splitlines())) <= 100
    assert "\n    [rules.set-timeout]\n    default_minutes = 60\n" in run.out


def test_init_writes_a_file_that_it_can_read_and_never_replaces_one(clone: Path, run: Run) -> None:
    assert run("init") == 0
    text = (clone / "trimtab.toml").read_text()
    assert run("diagnose") == 0
    switched_on = re.sub(r"(?m)^# (?=[\w-]+ = |\[)", "", text)
    assert switched_on != text
    (clone / "trimtab.toml").write_text(switched_on)
    assert run("diagnose") == 0, run.err
    assert run("init") == 2
    assert (clone / "trimtab.toml").read_text() == switched_on


def test_init_workflow_asks_for_no_more_than_it_needs(clone: Path, run: Run) -> None:
    git(clone, "remote", "add", "origin", "https://github.com/octo/app.git")
    assert run("init", "--workflow") == 0
    text = (clone / ".github/workflows/trimtab.yml").read_text()
    assert "permissions: {}\n" in text
    assert "github.repository == 'octo/app'" in text
    assert "pull_request" not in text.replace("pull-request", "").split("jobs:")[0]
    assert re.findall(r"uses: (\S+)", text) == [
        u for u in re.findall(r"uses: (\S+)", text) if re.search(r"@[0-9a-f]{40}$", u)
    ]
    assert run("diagnose", "--files", ".github/workflows/trimtab.yml", "--fail-on", "finding") == 0, run.out


def test_collect_counts_and_report_shows(clone: Path, run: Run) -> None:
    rows = [
        {
            "id": n,
            "run_attempt": 1,
            "name": "ci",
            "path": ".github/workflows/ci.yml",
            "conclusion": "failure" if n % 10 == 0 else "success",
            "status": "completed",
            "created_at": f"2026-01-{1 + n % 28:02}T10:00:00Z",
            "run_started_at": f"2026-01-{1 + n % 28:02}T10:00:00Z",
            "updated_at": f"2026-01-{1 + n % 28:02}T10:{10 + n % 5}:00Z",
            "event": "push",
            "head_branch": "main",
            "head_sha": f"{n:040x}",
        }
        for n in range(1, 101)
    ]
    (clone / "runs.json").write_text(json.dumps({"workflow_runs": rows}))
    assert run("collect", "runs.json") == 0
    assert run.out.startswith("100 run attempts stored, 0 updated, 0 duplicates\n")
    assert run("collect", "runs.json", "--format", "json") == 0
    assert json.loads(run.out)["duplicates"] == 100
    assert run("status") == 0
    assert "Success rate                             90 %   target > 95 %        missed" in run.out
    assert run("status", "--fail-on", "target") == 1
    assert run("report", "--html", "out/report.html") == 0
    page = (clone / "out/report.html").read_text()
    assert "90 %" in page
    assert "<script" not in page
    assert run("report", "--html", "runs.json/report.html") == 3


def test_backups_are_listed_restored_and_have_a_recipe(clone: Path, run: Run) -> None:
    before = (clone / ".github/workflows/ci.yml").read_bytes()
    assert run("backups") == 0
    assert "there are no backups" in run.out
    assert run("apply", "--safe-only", "--yes") == 0
    after = (clone / ".github/workflows/ci.yml").read_bytes()
    assert run("backups", "--format", "json") == 0
    (copy, *_) = json.loads(run.out)["backups"]
    assert copy["restores"] == ".github/workflows/ci.yml"
    assert run("backups", "recipe") == 0
    (clone / ".github/workflows/ci.yml").write_bytes(b"lost\n")
    subprocess.run(["sh", "-s"], input=run.out, text=True, check=True, cwd=clone, capture_output=True)
    assert (clone / ".github/workflows/ci.yml").read_bytes() == before
    (clone / ".github/workflows/ci.yml").write_bytes(after)
    assert run("backups", "restore", ".github/workflows/backup/none.bak") == 2, "no question about what is not there"
    assert "is no backup" in run.err
    assert run("backups", "restore", copy["path"], "--dry-run") == 0
    assert "-concurrency:\n" in run.out
    assert (clone / ".github/workflows/ci.yml").read_bytes() == after
    assert run("backups", "restore", copy["path"], "--yes") == 0
    assert (clone / ".github/workflows/ci.yml").read_bytes() == before


def test_loop_turns_without_a_network(clone: Path, run: Run) -> None:
    assert run("loop", "--no-collect", "--yes", "--apply", "1") == 0
    assert git(clone, "diff", "--stat")
    assert "applied" in run.out
    assert run("loop", "--no-collect", "--yes", "--format", "markdown") == 0
    assert "### Changes" in run.out
    assert run("loop", "--no-collect") == 0, "nobody is asked while there is nothing to take back"
    assert "too early" in run.out


def test_without_a_clone_nothing_read_is_no_clean_bill_of_health(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIMTAB_HOME", str(tmp_path / "state"))
    assert run("diagnose", "--repo", "octo/app", "--fail-on", "finding") == 3
    assert "fix: trimtab collect --repo octo/app" in run.err
    assert run("--repo", "octo/app") == 0
    assert run.out.startswith("octo/app: no runs collected yet\n")
    assert run("apply", "--safe-only", "--repo", "octo/app", "--yes") == 2, "changes need a clone"
    assert (tmp_path / "state/octo__app/state.db").exists()


def test_a_first_look_at_a_clone_changes_nothing(clone: Path, run: Run) -> None:
    assert run("demo", "--repo-dir", str(clone)) == 0
    assert "no run history yet: " in run.out
    assert "+concurrency:\n" in run.out
    assert "nothing was changed; next: trimtab " in run.out
    assert git(clone, "status", "--short") == ""


def test_the_sample_project_wants_a_new_folder(clone: Path, run: Run) -> None:
    assert run("demo", "--only-project", str(clone)) == 2
    assert run("demo", str(clone)) == 2


def test_undo_to_last_green_says_what_it_would_need(clone: Path, run: Run) -> None:
    assert run("undo", "--to-last-green", "ci.yml", "--yes") == 3
    assert "to find out: trimtab collect" in run.out


# ------------------------------------------------------------------------------------ parts


@pytest.mark.parametrize(("told", "want"), [("abcd1234", "abcd1234"), ("ABCD1", "abcd1234"), ("ffff", "ffff0000")])
def test_an_id_may_be_cut_short_while_it_is_unique(told: str, want: str) -> None:
    assert chosen(told, {"abcd1234", "abcd2345", "ffff0000"}, "change", "trimtab") == want


@pytest.mark.parametrize("told", ["abc", "abcd", "zzzz", "beef", "", "abcd12345", "../x"])
def test_an_id_that_fits_none_or_several_is_refused(told: str) -> None:
    with pytest.raises(UsageError):
        chosen(told, {"abcd1234", "abcd2345"}, "change", "trimtab")


def test_a_time_without_a_zone_is_utc() -> None:
    assert moment("--since", "2026-01-31").isoformat() == "2026-01-31T00:00:00+00:00"
    assert moment("--since", "2026-01-31T09:30+01:00").isoformat() == "2026-01-31T08:30:00+00:00"


def test_state_lies_where_it_was_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("TRIMTAB_HOME", raising=False)
    assert state_file(None, "Octo/App") == tmp_path / "trimtab/octo__app/state.db"
    monkeypatch.setenv("TRIMTAB_HOME", str(tmp_path / "home"))
    assert state_file(None, "Octo/App") == tmp_path / "home/octo__app/state.db"


SOURCE = Path(__file__).parent.parent / "src/trimtab"
WORD = re.compile(r"(?<![\w./-])trimtab ([a-z]+)\b([^;,:`&\n(]*)")


def commands_told() -> set[tuple[str, str, str]]:
    """(file, verb, rest) of each command that stands in a string of the source; a variable part is cut off."""
    found = set()
    for file in sorted(SOURCE.rglob("*.py")):
        strings = [n.value for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Constant)]
        for text in (value for value in strings if isinstance(value, str)):
            found |= {(file.name, verb, rest) for verb, rest in WORD.findall(text) if verb in options.names()}
    return found


def test_every_option_that_a_screen_tells_to_type_exists() -> None:
    wrong, seen = [], 0
    for file, verb, rest in sorted(commands_told()):
        parser = options.parser_for(options.load(verb))
        known = {text for action in parser._actions for text in action.option_strings}
        for option in re.findall(r"(?<!\S)--[a-z][a-z-]*", rest):
            seen += 1
            wrong += [f"{file}: trimtab {verb} {option}"] if option not in known else []
    assert wrong == []
    assert seen > 10


def test_every_error_has_its_exit_code_and_three_parts() -> None:
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, TrimtabError)]
    assert {kind.exit_code for kind in kinds} <= set(errors.PRECEDENCE)
    assert errors.worst([0, 4, 3, 1]) == 3
    assert errors.worst([]) == 0
