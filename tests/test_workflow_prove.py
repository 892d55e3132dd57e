"""Each proof fails when, and only when, the edit did something else than it said: here edits are falsified by hand."""

from __future__ import annotations

import pytest

from trimtab.errors import ProofFailed
from trimtab.model import EditFile, InsertKey, MoveBlock, Op, RemovePair, ReplaceScalar, ReplaceText, RewriteOn
from trimtab.workflow.edits import edit
from trimtab.workflow.intend import intend
from trimtab.workflow.prove import prove
from trimtab.workflow.splices import Edited, Splice, apply, invert
from trimtab.workflow.tree import parse

BEFORE = """\
name: CI
# about on
on: push
jobs:
  a:
    runs-on: x # fast
    # about steps
    steps:
      - run: y
      - run: z
"""
TIMEOUT = InsertKey(("jobs", "a"), "timeout-minutes", 5, after="runs-on")


def fails(proof: str, after: str, *ops: Op, before: str = BEFORE) -> None:
    """An edit whose splice is honest about its text, but whose text is not what the operations mean."""
    data = before.encode()
    forged = Edited(data, after.encode(), (Splice(0, len(before), before, after),))
    with pytest.raises(ProofFailed) as raised:
        prove(EditFile("ci.yml", ops), forged)
    assert raised.value.what.startswith(f"proof failed ({proof})")


def test_an_honest_edit_is_proved() -> None:
    change = EditFile("ci.yml", (TIMEOUT,))
    prove(change, edit(BEFORE.encode(), change))


def test_inverse_fails_when_a_byte_is_not_accounted_for() -> None:
    change = EditFile("ci.yml", (TIMEOUT,))
    good = edit(BEFORE.encode(), change)
    for forged in (
        Edited(good.before, good.after + b"\n", good.splices),
        Edited(good.before + b"\n", good.after, good.splices),
        Edited(good.before, good.after, ()),
        Edited(b"\xef\xbb\xbf" + good.before, good.after, good.splices),
        Edited(good.before, good.after.replace(b"timeout-minutes: 5", b"timeout-minutes: 6"), good.splices),
    ):
        with pytest.raises(ProofFailed, match="inverse splice"):
            prove(change, forged)


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        BEFORE.replace("# fast\n", "# fast\n    timeout-minutes: '5'\n"),
        BEFORE.replace("# fast\n", "# fast\n    timeout-minutes: 6\n"),
        BEFORE.replace("# fast\n", "# fast\n    timeout-minutes: 5\n    if: z\n"),
        BEFORE.replace("    runs-on", "    timeout-minutes: 5\n    runs-on"),
        BEFORE.replace("- run: y", "- run: yy").replace("# fast\n", "# fast\n    timeout-minutes: 5\n"),
        BEFORE.replace("# fast\n", "# fast\n   timeout-minutes: 5\n"),
        BEFORE + "    timeout-minutes: 5\n",
    ],
)
def test_intent_fails_when_the_tree_is_another(after: str) -> None:
    fails("intended tree", after, TIMEOUT)


def test_second_parser_fails_when_it_reads_something_else() -> None:
    """0o14 is a text to YAML 1.1 and twelve to YAML 1.2."""
    fails("second parser", BEFORE + "k: 0o14\n", InsertKey((), "k", "0o14"))
    fails("second parser", "a: [\n1\n]\nb: 2\n", ReplaceScalar(("b",), 2), before="a: [\n1\n]\nb: 3\n")


def test_lines_fail_when_a_comment_is_lost_or_moved() -> None:
    good = edit(BEFORE.encode(), EditFile("ci.yml", (TIMEOUT,))).after.decode()
    fails("untouched lines", good.replace("    # about steps\n", ""), TIMEOUT)
    fails("untouched lines", good.replace(" # fast", ""), TIMEOUT)
    fails(
        "untouched lines",
        good.replace("# about on\n", "")
        .replace("name: CI\n", "name: CI\n")
        .replace("on: push\n", "on: push\n# about on\n"),
        TIMEOUT,
    )
    removed = RemovePair(("jobs", "a", "steps", 0))
    fails("untouched lines", BEFORE.replace("    # about steps\n", "").replace("      - run: y\n", ""), removed)


def test_repair_is_proved_by_both_parsers_and_the_other_lines() -> None:
    broken, mended = "on: push\njobs:\n\ta: {}\n", "on: push\njobs:\n  a: {}\n"
    change = EditFile("ci.yml", repair=(ReplaceText(3, 3, "  a: {}"),))

    def forged(before: str, after: str) -> Edited:
        return Edited(before.encode(), after.encode(), (Splice(0, len(before), before, after),))

    prove(change, forged(broken, mended))
    for before, after, says in (
        (mended, mended, "parsed before"),
        (broken, broken, "does not parse"),
        (broken, "on: pull\njobs:\n  a: {}\n", "untouched lines"),
        (broken, mended + "a: 1\na: 2\n", "second parser"),
    ):
        with pytest.raises(ProofFailed, match=says):
            prove(change, forged(before, after))


def test_intend_works_on_plain_data_alone() -> None:
    data = {"on": "push", "jobs": {"a": {"needs": ["b", "c"], "steps": [{"run": "x"}, {"run": "y"}]}}}
    ops = (
        RemovePair(("jobs", "a", "needs", 0)),
        RemovePair(("jobs", "a", "needs", 1)),
        MoveBlock(("jobs", "a", "steps", 1), 0),
        InsertKey(("jobs", "a", "steps", 1), "if", "z", before="run"),
        RewriteOn({"push": None}),
    )
    done = intend(data, ops, leaf=lambda value: value)
    assert done == {"on": {"push": None}, "jobs": {"a": {"steps": [{"if": "z", "run": "y"}, {"run": "x"}]}}}
    assert list(done["jobs"]["a"]["steps"][0]) == ["if", "run"]
    assert data["on"] == "push"


@pytest.mark.parametrize(
    "op",
    [
        InsertKey(("gone",), "k", 1),
        InsertKey((), "on", 1),
        RemovePair(("on", "push")),
        MoveBlock(("on",), "gone"),
        ReplaceScalar(("jobs", "a", "steps", 7), 1),
    ],
)
def test_intend_knows_when_there_is_no_place(op: Op) -> None:
    with pytest.raises(ProofFailed):
        intend(parse(BEFORE.encode()).typed, (op,))


def test_splices_undo_each_other() -> None:
    splices = (Splice(0, 1, "a", "xy"), Splice(2, 2, "", "z"), Splice(3, 4, "b", ""))
    assert apply("ab", splices) == "xyz"
    assert invert("xyz", splices) == "ab"
    with pytest.raises(ValueError):
        apply("bb", splices)
