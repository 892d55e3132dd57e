"""No workflow file, however strange, makes a rule raise: each is asked about random shapes under the keys it looks for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence import FolderEvidence
from trimtab.catalogue import rules
from trimtab.catalogue.reading.conditions import PULL_REQUEST, group_varies, never_runs, push_to, takes
from trimtab.catalogue.reading.purpose import action_version, delivers, step_delivers
from trimtab.catalogue.rules.gate_unaffected_jobs import _tests_its_docs
from trimtab.errors import EditRefused
from trimtab.workflow.edits import edit
from trimtab.workflow.ignores import ignored
from trimtab.workflow.model import Event, Step
from trimtab.workflow.prove import prove
from trimtab.workflow.read import read

PATH = ".github/workflows/ci.yml"
KEY_WORDS = """
on push pull_request schedule workflow_call branches tags paths types jobs build test lint changes needs if runs-on runs_on
steps uses run with key restore-keys cache path retention-days timeout-minutes strategy matrix include os fail-fast
concurrency group cancel-in-progress env name outputs environment permissions container defaults working-directory cron wiht
"""
VALUE_WORDS = """
main ubuntu-latest ubuntu-slim self-hosted push pull_request actions/checkout@v4 actions/setup-node@v4 actions/cache@v4
actions/upload-artifact@v4 ${{github.sha}} ${{matrix.os}} ${{needs.build.outputs.x}} always() build test make ${{ ./x
docker://y @ ** 0 -1 1e999
"""
KEYS = st.sampled_from(KEY_WORDS.split())
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5000),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
    st.sampled_from(VALUE_WORDS.split()),
    st.text(max_size=8),
)
SHAPES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25
)
JOB = st.dictionaries(KEYS, SHAPES, max_size=6)
WORKFLOW = st.fixed_dictionaries({"on": SHAPES, "jobs": st.dictionaries(KEYS, JOB | SHAPES, max_size=4)}) | SHAPES


@pytest.mark.parametrize("id", rules())
@given(data=WORKFLOW)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_rule_answers_or_is_silent(id: str, data: object) -> None:
    ask(id, json.dumps(data).encode())


@pytest.mark.parametrize("id", rules())
@pytest.mark.parametrize(
    "text",
    [
        "on: [push, pull_request]\njobs:\n  a: {runs-on: x, timeout_minutes: 1}\n  a: {runs-on: y}\n",
        "on: {push: &p {branch: main}, pull_request: *p}\njobs: {a: &a {runs_on: x, needs: b}, b: *a}\n",
        "on: push\njobs:\n  ? {a: b}\n  : {runs-on: x}\n  <<: {needs: a}\n",
        "on: push\njobs: {a: {needs: [a, b]}, b: {needs: [a, b, c]}, c: {needs: b, if: always()}}\n",
        "{on: {push: }, jobs: {a: {steps: [{uses: actions/cache@v4, with: {key: '${{'}}]}}}",
        "on:\n  push:\n  pull_request:\njobs:\n",
    ],
)
def test_shapes_that_bite(id: str, text: str) -> None:
    ask(id, text.encode())


def ask(id: str, data: bytes) -> None:
    """Ask one rule; what it wants to change is changed and proved, or refused for a reason."""
    options = {f"{id}.{name}": value for name, value in rules()[id].settings.items()}
    evidence = FolderEvidence(Path("nowhere"), {PATH: data}, options)
    for finding in rules()[id].find(evidence):
        assert finding.rule == id
        if finding.change is None:
            continue
        try:
            edited = edit(data, finding.change)
        except EditRefused:  # a reason to leave the file alone is an answer too
            continue
        prove(finding.change, edited)


def test_what_only_trimtab_refuses_is_not_put_down_to_github(tmp_path: Path) -> None:
    big = tmp_path / "repo" / PATH
    big.parent.mkdir(parents=True)
    big.write_bytes(b"on: push\n" + b"#" * (1 << 20))
    (found,) = rules()["repair-syntax"].find(FolderEvidence(tmp_path))
    assert found.says.startswith("Trimtab does not read this file: ")
    assert found.change is None


# What follows takes hours, or all the memory, where work grows faster than a file: that it ends is what is asked.


@pytest.mark.parametrize(
    ("group", "varies"),
    [
        ("${{ " + "(" * 45 + "matrix.a" + " || matrix.b)" * 45 + " }}", "never"),
        ("${{ " + "(" * 45 + "env.a" + " && github.sha)" * 45 + " }}", None),
        ("${{ " + "format('{0}{0}', " * 45 + "'aaaa'" + ")" * 45 + " }}", "never"),
        ("${{ format('" + "x" * 300_000 + "'" + ",1" * 100_000 + ") }}", "never"),
        ("${{ format('" + "{0}" * 50_000 + "', '" + "x" * 50_000 + "') }}", "never"),
        ("${{ format('{0}-{1}', 'a', github.sha) }}", "run"),
    ],
    ids=["or", "and", "format", "many values", "many places", "ordinary"],
)
def test_groups_that_double_their_work_have_an_answer(group: str, varies: str | None) -> None:
    assert group_varies(group, PULL_REQUEST) == varies


@pytest.mark.parametrize(
    ("pattern", "text", "same"),
    [("{0}-{1}{2}-{00}", "a-b{2}-{00}", True), ("{0}{0}", "ab", False), ("{1}", "b", True), ("{0}", "{1}", False)],
)
def test_a_known_format_is_filled_in(pattern: str, text: str, same: bool) -> None:
    assert never_runs(f"format('{pattern}', 'a', 'b') == '{text}'", PULL_REQUEST) is not same


@pytest.mark.parametrize(
    "pattern",
    ["[" * 500_000, "*a" * 250_000, "*+?" * 150_000, "[" * 9_999, "*a" * 4_999 + "*"],
    ids=["brackets", "stars", "repeats", "9,999 brackets", "9,999 stars"],
)
def test_filters_too_long_to_read_take_nothing(pattern: str) -> None:
    assert not takes(Event("push", ("on",), branches=(pattern,)), "master")
    ignoring = Event("push", ("on",), branches_ignore=(pattern,))
    assert takes(ignoring, "master") is (len(pattern) < 10_000)


def test_numbers_too_large_for_a_float_are_not_known() -> None:
    assert not never_runs("0x" + "f" * 300 + " == 1", push_to("main"))


@pytest.mark.parametrize("words", ["npm ", "mvn gradle rsync ", "git - ", "docker ", " ", "npm publisher "])
def test_long_scripts_that_only_begin_to_deliver_are_read(words: str) -> None:
    lines = f"git\n{(words * (1980 // len(words)) + '.' + chr(10)) * 480}"
    assert step_delivers(Step(0, (), run=lines)) is None
    assert step_delivers(Step(0, (), run=lines + "npm run publish")) is not None


@pytest.mark.parametrize(
    ("script", "runs"),
    [
        ("npm -w a publish", "npm -w a"),
        ("npm ci; publish", None),
        ("npm\npublish", "npm publish"),
        ("npm ci\npublish", "npm ci publish"),
        ("npm ci\n publish", None),
        ("yarn\ngit -C x push", "git -C x"),
        ("git -C x\npull && push", None),
        ("./gradlew build publishAll", "./gradlew build publishAll"),
        ("mvn -B \\\n  deploy", "mvn -B deploy"),
        ("mvn -B; deploy", "mvn -B; deploy"),
        ("rsync a b\nx@y", None),
        ("a b\ndocker buildx build --push .; aws s3 ls", "docker buildx build"),
        ("npm ci\nnpm publish", "npm publish"),
    ],
)
def test_a_delivery_is_found_behind_other_words(script: str, runs: str | None) -> None:
    assert step_delivers(Step(0, (), run=script)) == (runs and f"runs {runs}")


@pytest.mark.parametrize(
    ("comment", "version"), [("#" * 900_000, ()), ("#" * 900_000 + " v4.1", (4, 1)), ("# 4.1.0", (4, 1, 0))]
)
def test_the_version_behind_a_commit_id_is_found_among_marks(comment: str, version: tuple[int, ...]) -> None:
    text = f"on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: actions/cache@{'a' * 40} {comment}\n"
    workflow = read(PATH, text.encode())
    assert action_version(workflow, workflow.jobs["a"].steps[0]) == version
    assert delivers(workflow.jobs["a"]) is None


@pytest.mark.parametrize("id", rules())
@pytest.mark.parametrize("words", ["pulls/", "#trimtab:ignore[", "${{", "1"])
def test_a_comment_of_one_word_delays_no_rule(id: str, words: str) -> None:
    text = f"on: [push, pull_request]\njobs: {{a: {{runs-on: x}}}}\n# {words * (900_000 // len(words))}\n"
    ask(id, text.encode())
    assert ignored(text, 3) == frozenset()


@pytest.mark.parametrize(
    ("text", "tested"),
    [
        ("testpaths=" * 90_000, False),
        ("README.md'" * 90_000, False),
        ("testpaths=" * 90_000 + "docs", True),
        ("testpaths = tests\ntestpaths=['a', 'docs']", True),
        ("testpaths = tests\ndocs", False),
        ('README.rst" | pytest', True),
        ('README.rst"\npytest', False),
        ("--doctest-modules", True),
    ],
    ids=["paths", "readme", "docs last", "second line", "next line", "pipe", "no pipe", "doctest"],
)
def test_a_test_configuration_that_names_documentation(text: str, tested: bool) -> None:
    assert _tests_its_docs(FolderEvidence(Path("nowhere"), {"pyproject.toml": text.encode()}, {})) is tested


ON = "on: pull_request\njobs:\n"
BODY = "    runs-on: ubuntu-latest\n    steps: [{uses: actions/checkout@v4}, {run: make}"


@pytest.mark.parametrize(
    "text",
    [
        ON + "".join(f"  b{n}:\n    needs: [{', '.join(f'b{k}' for k in range(n))}]\n{BODY}]\n" for n in range(400)),
        ON
        + "".join(f"  b{n}:\n    needs: [{f'b{n - 1}' if n else ''}]\n    if: a.b{n}\n{BODY}]\n" for n in range(1000)),
        f"{ON}  a:\n{BODY}]\n  b:\n    needs: [{'a, ' * 1999}a]\n{BODY}, {{run: '{'needs.c ' * 50_000}'}}]\n",
        f"{ON}  a:\n    name: '{'${{' * 300_000}'\n{BODY}]\n  b:\n    needs: a\n{BODY}]\n",
        f"{ON}  a:\n{BODY}, {{run: 'push{' ' * 900_000}'}}]\n  b:\n    needs: a\n{BODY}]\n",
    ],
    ids=["everything needs everything", "a long chain", "the same entry", "a name", "blanks"],
)
def test_many_needs_have_an_answer(text: str) -> None:
    ask("parallelise-jobs", text.encode())
