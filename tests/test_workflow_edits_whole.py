"""Edits of `on`, moves, refusals, repairs, and what the fuzzer found."""

from __future__ import annotations

import pytest

from editing import CONCURRENCY, PATH, becomes, edited, refused
from trimtab.errors import EditRefused, HostileFileError, ParseError
from trimtab.model import (
    AppendItem,
    EditFile,
    InsertKey,
    MoveBlock,
    Op,
    RemovePair,
    ReplaceScalar,
    ReplaceText,
    RewriteOn,
)
from trimtab.workflow.edits import edit
from trimtab.workflow.intend import holds
from trimtab.workflow.prove import prove
from trimtab.workflow.tree import parse

# -------------------------------------------------------------------- on


NEW_ON = RewriteOn({"push": {"branches": ["main"]}, "pull_request": None})


@pytest.mark.parametrize(
    ("old", "beside", "above"),
    [
        ("on: push\n", "", ""),
        ("on: push # c\n", " # c", ""),
        ("on: [push, pull_request]   # c\n", "   # c", ""),
        ("on: {push: {branches: [a]}, pull_request: }\n", "", ""),
        ("on:\n  - push # c\n  # d\n  - pull_request\n", "", "  # c\n  # d\n"),
        ("on: # a\n  push:\n    # b\n    branches: ['#no']\n  pull_request:\n", " # a", "  # b\n"),
        ("on: [\n  push, # c\n  pull_request\n]\n", "", "  # c\n"),
        ("on:\n", "", ""),
        ("on:\n  workflow_dispatch:\n    inputs:\n      x:\n        description: |\n          # no comment\n", "", ""),
    ],
)
def test_rewrite_every_form_of_on(old: str, beside: str, above: str) -> None:
    new = f"on:{beside}\n{above}  push:\n    branches:\n      - main\n  pull_request:\n"
    becomes(f"name: x\n{old}\n# jobs\njobs: {{}}\n", f"name: x\n{new}\n# jobs\njobs: {{}}\n", NEW_ON)


def test_a_file_indented_as_a_whole() -> None:
    becomes(
        "---\n  on: push # c\n  jobs: {}\n",
        "---\n  on: # c\n    push:\n  env:\n    A: b\n  jobs: {}\n",
        RewriteOn({"push": None}),
        InsertKey((), "env", {"A": "b"}, before="jobs"),
    )


def test_insert_behind_an_alias() -> None:
    text = "a: &x 1\nb:\n  - 2\n  # c\n  - *x # d\n"
    assert edited(text, InsertKey((), "k", 3)) == text.encode() + b"k: 3\n"
    assert edited(text + "c: *x\n", InsertKey((), "k", 3)) == text.encode() + b"c: *x\nk: 3\n"


def test_a_quoted_on_stays_quoted() -> None:
    becomes("'on': push\njobs: {}\n", "'on':\n  push:\njobs: {}\n", RewriteOn({"push": None}))


# -------------------------------------------------------------------- move


def test_move_a_step_with_its_comments() -> None:
    becomes(
        """
        steps:
          - run: a

          # bee
          - run: |
              b

          # sea
          # sees
          - run: c
            # deep
        """,
        """
        steps:
          # sea
          # sees
          - run: c
            # deep

          - run: a

          # bee
          - run: |
              b
        """,
        MoveBlock(("steps", 2), 0),
        open_end=False,  # the script that is last afterwards ends with a newline: the file must, too
    )


def test_move_a_job_and_edit_it() -> None:
    becomes(
        "jobs:\n  a:\n    x: 1\n  b:\n    x: 2\n",
        "jobs:\n  b:\n    x: 3\n  a:\n    x: 1\n    y: 4\n",
        MoveBlock(("jobs", "b"), "a"),
        ReplaceScalar(("jobs", "b", "x"), 3),
        InsertKey(("jobs", "a"), "y", 4),
    )
    becomes("a: [1]\nb: 2\n", "a: [1]\nb: 2\n", MoveBlock(("a",), "b"))


def test_indices_follow_moves_and_removals() -> None:
    becomes(
        "s:\n- a: 0\n- a: 1\n- a: 2\n- a: 3\n",
        "s:\n- a: 3\n  b: 30\n- a: 0\n  b: 0\n- a: 2\n  b: 20\n",
        MoveBlock(("s", 3), 0),
        RemovePair(("s", 1)),
        InsertKey(("s", 2), "b", 20),
        InsertKey(("s", 0), "b", 0),
        InsertKey(("s", 3), "b", 30),
    )


# -------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &x\n  b: 1\nc: *x\n", "anchored"),
        ("x: &x {b: 1}\na: *x\n", "anchored"),
        ("a: !!map\n  b: 1\n", "tag"),
        ("x: &x {c: 1}\na:\n  <<: *x\n  b: 1\n", "merge key"),
        ("a:\n  b: 1\n  b: 2\n", "stands twice"),
        ("a:\n  b: 1\n{{ x }}: 2\n", "itself a mapping"),
        ("a: text\n", "no mapping"),
        ("a: [1]\n", "no mapping"),
        ("b: 1\n", "no mapping"),
        ("a:\n  k: 1\n", "already there"),
        ("? a\n: b: 1\n", "behind something else"),
        ("a: {b: 1}\rc: 1\r", "by other characters"),
        ("a: {b: 1} # \u2028\n", "by other characters"),
    ],
)
def test_unsafe_forms_are_refused_with_the_reason(text: str, says: str) -> None:
    refused(text, says, InsertKey(("a",), "k", 1))


def test_a_missing_neighbour_is_refused() -> None:
    refused("a: {b: 1}\n", "`a.z` is not there", InsertKey(("a",), "k", 1, after="z"))
    refused("a: {b: 1}\n", "no single value", ReplaceScalar(("a",), 1))
    refused("a: {b: 1}\n", "not there", RemovePair(("a", "z")))
    refused("a:\n- &x 1\n- 2\nb: *x\n", "anchor", RemovePair(("a", 0)))


def test_files_that_are_no_yaml_are_told_so() -> None:
    for data, error in ((b"a: b: c", ParseError), (b"a: 1\n---\nb: 1\n", ParseError), (b"\0", HostileFileError)):
        with pytest.raises(error):
            edit(data, EditFile(PATH, (InsertKey((), "k", 1),)))


# -------------------------------------------------------------------- repair


def test_repair_replaces_whole_lines() -> None:
    change = EditFile(PATH, repair=(ReplaceText(2, 2, "  push:"), ReplaceText(4, 4, "    runs-on: x")))
    for newline in ("\n", "\r\n"):
        broken = "on:\n\tpush:\njobs:\n\truns-on: x\n# end".replace("\n", newline)
        result = edit(broken.encode(), change)
        assert result.after.decode() == "on:\n  push:\njobs:\n    runs-on: x\n# end".replace("\n", newline)
        prove(change, result)


def test_repair_and_edit_do_not_mix() -> None:
    with pytest.raises(EditRefused):
        edit(b"a: 1\n", EditFile(PATH, (InsertKey((), "k", 1),), (ReplaceText(1, 1, "a: 2"),)))
    with pytest.raises(EditRefused):
        edit(b"a: 1\n", EditFile(PATH, repair=(ReplaceText(9, 9, "x"),)))
    with pytest.raises(EditRefused):
        edit(b"a\nb\nc\n", EditFile(PATH, repair=(ReplaceText(1, 2, "x"), ReplaceText(2, 3, "y"))))


# -------------------------------------------------------------------- holds


@pytest.mark.parametrize(
    ("op", "text"),
    [
        (CONCURRENCY, "concurrency: {cancel-in-progress: true, group: 'g-${{ github.run_id }}'}\n"),
        (InsertKey(("a",), "t", 5), "a: {t: '5'}\n"),
        (InsertKey(("a",), "t", None), "a: {t: }\n"),
        (ReplaceScalar(("a",), True), "a: true\n"),
        (AppendItem(("a",), "x"), "a: [y, x]\n"),
        (RemovePair(("a", "x")), "a: {y: 1}\n"),
        (RewriteOn({"push": None}), "on: {push: }\n"),
        (MoveBlock(("a", "x"), "y"), "a: {x: 1, y: 1}\n"),
    ],
)
def test_holds_sees_the_outcome_whoever_wrote_it(op: Op, text: str) -> None:
    assert holds(parse(text.encode()), op)
    assert not holds(parse(b"a: {x: 0, z: 2}\non: [push]\n"), op)


# -------------------------------------------------------------------- found by the fuzzer


def test_a_comment_never_slips_into_a_text_above() -> None:
    text = "a:\n  x: |\n    t\n\n  y: 1\n    # deep\n  z: 2\n"
    refused(text, "become part of the text above", RemovePair(("a", "y")))
    assert edited(text.replace("    # deep\n", "  # level\n"), RemovePair(("a", "y")))


def test_a_text_that_keeps_blank_lines_gets_no_more_of_them() -> None:
    text = "a:\n- |+\n  t\n- 1\n\n- 2\n"
    refused(text, "keeps the blank lines", RemovePair(("a", 1)))
    assert edited(text, AppendItem(("a",), 3)).endswith(b"- 1\n\n- 2\n\n- 3\n")
    assert edited("a: 1\n\nb: |+\n  t\n\n", InsertKey((), "c", 1)) == b"a: 1\n\nb: |+\n  t\n\nc: 1\n"


def test_a_replaced_value_is_not_edited_again_where_it_was() -> None:
    assert (
        edited("e:\nj: 1\n", InsertKey(("e",), "k", 1), ReplaceScalar(("j",), 2), RemovePair(("e", "k")))
        == b"e: {}\nj: 2\n"
    )
    refused(
        "e:\nj: 1\n", "no single value", InsertKey(("e",), "k", 1), ReplaceScalar(("j",), 2), ReplaceScalar(("e",), 3)
    )


def test_many_jobs_are_edited_quickly() -> None:
    """Each operation on a fresh parse would take minutes here."""
    text = "jobs:\n" + "".join(
        f"  j{n}:\n    runs-on: x\n    steps:\n      - run: y\n      - run: z\n" for n in range(300)
    )
    ops: list[Op] = [InsertKey(("jobs", f"j{n}"), "timeout-minutes", n, after="runs-on") for n in range(300)]
    ops += [RemovePair(("jobs", f"j{n}", "steps", 0)) for n in range(300)]
    after = edited(text, *ops)
    assert after.count(b"timeout-minutes") == 300
    assert b"run: y" not in after
