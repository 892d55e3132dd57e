"""The verbs, one by one, on a real git repository: exact screens and exit codes."""

from __future__ import annotations

import argparse
import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from commands import Run, git, shell
from trimtab.cli import overview
from trimtab.cli.site import open_site
from trimtab.cli.terminal import Terminal
from trimtab.loop.collect import evidence


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
    told = re.search(r"(?m)^change [0-9a-f]{8} cancel-superseded, for finding ([0-9a-f]{8})$", run.out)
    assert told
    assert run("apply", told[1], "--dry-run") == 0
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


def test_a_short_screen_leaves_out_what_was_settled_long_ago(clone: Path, run: Run) -> None:
    assert run("apply", "--safe-only", "--limit", "1", "--yes") == 0
    assert run("undo", "--all", "--yes") == 0
    assert run() == 0
    assert ": undone\n" in run.out
    site = open_site(argparse.Namespace(directory=".", repo=None), Terminal.standard())
    later = replace(site, now=lambda: site.now() + timedelta(days=40))
    assert len(overview.overview(later, evidence(later)).changes) == 1
    shown = overview.overview(later, evidence(later), recent=True)
    assert (shown.changes, shown.notes) == ((), ("1 older change kept or undone: trimtab report",))


def test_a_plan_is_applied_as_it_was_planned(clone: Path, run: Run) -> None:
    assert run("plan", "--rule", "cancel-superseded", "--format", "json") == 0
    (planned,) = json.loads(run.out)["changes"]
    assert planned["stage"] == "proposed"
    assert run("apply", planned["id"], "--dry-run") == 0
    assert "+concurrency:" in run.out
    assert run("apply", planned["id"], "--yes") == 0
    assert planned["id"] in run.out


def test_plans_are_shown_in_the_order_in_which_they_can_be_applied(clone: Path, run: Run) -> None:
    (clone / "trimtab.toml").write_text("[rules.set-timeout]\ndefault-minutes = 30\n")
    assert run("plan", "--safe-only", "--format", "json") == 0
    ids = [change["id"] for change in json.loads(run.out)["changes"]]
    assert len(ids) == 2, "both in ci.yml"
    assert [run("apply", id, "--yes") for id in ids] == [0, 0]


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
