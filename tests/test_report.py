"""Every renderer says the same things, and none lets hostile text out."""

from __future__ import annotations

import re

import pytest

from screens import NOW, changes, finding, overview, page, plan, prediction
from trimtab.model import Decision, Stage, Unknown, Verdict
from trimtab.report import figures, markdown, text
from trimtab.report.steps import next_command
from trimtab.report.values import ChangeLine

# ------------------------------------------------------------------------------------ screens


def test_a_finding_as_a_person_reads_it() -> None:
    assert text.page(text.finding_lines(finding())) == (
        "cost[cancel-superseded] 7177f864: a newer push does not stop the run before it (41 of 212 runs)\n"
        " --> .github/workflows/ci.yml:2:1\n"
        "2 | on: [push, pull_request]\n"
        "  | ^^\n"
        "  = no concurrency group\n"
        "  = predicts: runner minutes -512 ... -640 min per 30 days (-18 ... -24 %, 80 % interval, 212 runs,\n"
        "              28 days)\n"
        "  = and: feedback time -8.5 ... -10.7 min per 30 days (-18 ... -24 %)\n"
        "  = basis: replayed run by run\n"
        "  = sure: safe, and proved on the bytes; undo: exact, byte for byte\n"
        "  = next: trimtab apply 7177f864        more: trimtab explain cancel-superseded\n"
    )


def test_a_change_as_a_person_reads_it() -> None:
    assert text.changes(changes()[:1]) == (
        "change 3f2a91bc cancel-superseded, ci.yml: helped, kept\n"
        "  runner minutes 24.1 -> 19.6   -19 % (95 %: -11 ... -26 %); 96 runs without, 41 with\n"
        "  38 superseded runs were cut\n"
        "  predicted -18 ... -24 %, observed -19 %\n"
        "  next: trimtab undo 3f2a91bc        (kept, and still one command away from gone)\n"
    )


def test_the_status_shows_four_kpis_and_how_to_measure_the_unknown_ones() -> None:
    shown = text.status(overview())
    assert "  success of the build                   93.1 %   target > 95 %        missed\n" in shown
    assert "  build time, mean                     18.4 min   target < 30 min      met\n" in shown
    assert "  storage on the worst host             unknown   target < 50 GB       not measured\n" in shown
    assert "      to measure it: trimtab storage\n" in shown
    assert shown.endswith("next: trimtab loop\n")


def test_the_first_screen_holds_seven_findings() -> None:
    many = tuple(finding(path=f".github/workflows/{n}.yml") for n in range(9))
    shown = text.findings(text.FindingsPage(many, 9))
    assert shown.count(" --> ") == 7
    assert "2 more: trimtab diagnose --all\n" in shown


@pytest.mark.parametrize(
    ("decision", "stage", "words"),
    [
        (Decision.KEEP, Stage.KEPT, "helped, kept"),
        (Decision.KEEP, Stage.MEASURING, "helped"),
        (Decision.UNDO, Stage.UNDONE, "hurt (undone)"),
        (Decision.UNDO, Stage.UNDOING, "hurt, undoing"),
        (Decision.UNDO, Stage.CONFLICT, "hurt, conflict"),
        (Decision.NO_EFFECT, Stage.UNDONE, "no real difference, undone"),
        (Decision.NO_EFFECT, Stage.KEPT, "no real difference, kept"),
        (Decision.WAIT, Stage.MEASURING, "too early (about 9 days, 60 runs)"),
        (Decision.WAIT, Stage.UNDONE, "undone before its effect could be told"),
        (Decision.UNVERIFIABLE, Stage.MEASURING, "cannot be measured"),
        (Decision.UNVERIFIABLE, Stage.UNDONE, "cannot be measured, undone"),
    ],
)
def test_a_decision_is_said_in_the_words_of_the_design(decision: Decision, stage: Stage, words: str) -> None:
    verdict = Verdict(decision, "runner_minutes", None, None, None, 0, 0, "", wait_days=9.2, wait_runs=60)
    assert figures.decision_words(verdict, stage) == words


def test_a_verdict_without_an_estimate_still_says_what_was_predicted() -> None:
    wait = Verdict(Decision.WAIT, "runner_minutes", None, None, None, 0, 96, "no run has ended with the change yet")
    assert text.verdict_lines(wait, prediction()) == [
        "  96 runs without, 0 with",
        "  no run has ended with the change yet",
        "  predicted runner minutes -512 ... -640 min per 30 days (-18 ... -24 %, 80 % interval, 212 runs, 28",
        "            days)",
    ]


def test_a_change_without_a_price_says_so() -> None:
    line = ChangeLine(
        plan("3f2a91bc", "set-timeout", "x", predicts=Unknown("no run was collected")), Stage.PROPOSED, NOW
    )
    assert text.change_lines(line)[1:] == ["  unpriced: no run was collected", "  next: trimtab apply 3f2a91bc"]


def look(decision: Decision, why: str = "") -> Verdict:
    return Verdict(decision, "runner_minutes", None, None, None, 0, 0, why)


@pytest.mark.parametrize(
    ("stage", "verdict", "brought", "command"),
    [
        (Stage.UNDOING, None, "", "trimtab undo 3f2a91bc"),
        (Stage.UNDOING, None, "working-tree", "commit and push, then: trimtab loop"),
        (Stage.UNDOING, None, "pull-request:7", "merge pull request 7, then: trimtab loop"),
        (Stage.UNDOING, None, "branch:trimtab/back", "push and merge the branch trimtab/back, then: trimtab loop"),
        (Stage.OFFERED, None, "pull-request:7", "merge pull request 7, then: trimtab loop"),
        (Stage.APPLIED, None, "working-tree", "commit and push, then: trimtab loop"),
        (Stage.APPLIED, look(Decision.WAIT), "working-tree", "commit and push, then: trimtab loop"),
        (Stage.MEASURING, look(Decision.WAIT), "", "trimtab measure 3f2a91bc"),
        (Stage.MEASURING, look(Decision.KEEP), "", "trimtab loop"),
        (Stage.MEASURING, look(Decision.UNDO), "", "trimtab loop"),
        (
            Stage.MEASURING,
            look(Decision.UNVERIFIABLE, "say when: trimtab measure 3f2a91bc --effective-at TIME"),
            "",
            "trimtab measure 3f2a91bc --effective-at TIME",
        ),
        (Stage.MEASURING, look(Decision.UNVERIFIABLE, "too little; trimtab collect may help"), "", "trimtab collect"),
        (Stage.MEASURING, look(Decision.UNVERIFIABLE, "no way"), "", "trimtab undo 3f2a91bc        (or leave it)"),
    ],
)
def test_the_next_step_leads_on(stage: Stage, verdict: Verdict | None, brought: str, command: str) -> None:
    line = ChangeLine(
        plan("3f2a91bc", "set-timeout", "x"), stage, NOW, verdict, delivery=brought or "working-tree", revert=brought
    )
    assert next_command(line) == command
    assert text.change_lines(line)[-1] == f"  next: {command}"


@pytest.mark.parametrize(
    ("decision", "command"),
    [
        (Decision.WAIT, "trimtab measure 3f2a91bc --effective-at 2026-03-02T08:30+0000"),
        (Decision.UNDO, "trimtab undo 3f2a91bc"),
        (Decision.NO_EFFECT, "trimtab undo 3f2a91bc        (or leave it)"),
        (Decision.KEEP, ""),
    ],
)
def test_a_date_that_a_person_gave_is_not_lost(decision: Decision, command: str) -> None:
    told = ChangeLine(plan("3f2a91bc", "set-timeout", "x"), Stage.APPLIED, NOW, look(decision), effective_at=NOW)
    assert next_command(told) == command


def test_markdown_shows_as_code_only_what_can_be_typed() -> None:
    line = ChangeLine(plan("3f2a91bc", "set-timeout", "x"), Stage.UNDOING, NOW, revert="pull-request:7")
    assert "| merge pull request 7, then\\: `trimtab loop` |" in markdown.changes((line,))


def test_markdown_says_how_runs_ended() -> None:
    assert "- success 756 \\(84 %\\), failed\\: code 41 \\(4\\.6 %\\)" in markdown.status(overview())


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (figures.number(0), "0"),
        (figures.number(-0.001, signed=True), "0"),
        (figures.number(0.123), "0.12"),
        (figures.number(24.07), "24.1"),
        (figures.number(1234.5), "1,234"),
        (figures.number(-4.5, signed=True), "-4.5"),
        (figures.share(-0.19), "-19 %"),
        (figures.share(0.042), "+4.2 %"),
        (figures.share_interval(-0.24, -0.18), "-18 ... -24 %"),
        (figures.share_interval(-0.05, 0.1), "-5.0 ... +10 %"),
        (figures.interval(2, 9, "min"), "+2 ... +9 min"),
        (figures.duration(41.6), "42 s"),
        (figures.duration(744), "12.4 min"),
        (figures.duration(12600), "3.5 h"),
        (figures.duration(9 * 86400), "9 days"),
        (figures.size(49_300_000_000), "49.3 GB"),
        (figures.size(5e15), "5,000 TB"),
        (figures.count(1, "run"), "1 run"),
        (figures.count(1204, "run"), "1,204 runs"),
        (figures.in_unit(0.9312, "share"), "93.1 %"),
        (figures.in_unit(1104, "seconds"), "18.4 min"),
        (figures.in_unit(7, "runs"), "7 runs"),
        (figures.range_in_unit(2442, 2754, "seconds"), "40.7 ... 45.9 min"),
        (figures.range_in_unit(60, 2754, "seconds"), "60 s ... 45.9 min"),
        (figures.interval(-2.4, -2.4, once=True), "-2.4"),
    ],
)
def test_numbers_are_said_with_unit_sign_and_no_more_digits_than_they_have(said: str, wanted: str) -> None:
    assert said == wanted


def test_no_line_is_wider_than_a_hundred_columns() -> None:
    for shown in (text.findings(page()), text.status(overview()), text.changes(changes())):
        assert max(map(len, shown.splitlines())) <= 100


def test_the_caret_stands_under_what_is_meant_even_in_a_very_long_line() -> None:
    found = finding(text="x" * 500 + "MEANT" + "y" * 500)
    where = found.where.__class__(".github/workflows/ci.yml", 7, 501, 7, 506, "x" * 500 + "MEANT" + "y" * 500)
    _, source, caret = text.place_lines(where)
    start = caret.index("^")
    assert source[start : start + 5] == "MEANT"
    assert caret.count("^") == 5
    assert len(source) <= 100


def test_colour_is_only_ever_added() -> None:
    painted = text.findings(page(), paint=text.Paint(True))
    assert "\x1b[" in painted
    assert re.sub(r"\x1b\[\d+m", "", painted) == text.findings(page())
