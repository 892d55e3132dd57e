"""The command line as a person uses it: a real git repository, the real commands, exact screens and exit codes."""

from __future__ import annotations

import ast
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from commands import Run, shell
from trimtab import __version__, errors
from trimtab.cli import options
from trimtab.cli.choose import chosen
from trimtab.cli.moments import moment
from trimtab.cli.site import state_file
from trimtab.errors import TrimtabError, UsageError

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
