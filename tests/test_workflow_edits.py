"""
Symbolic edits, files in and files out: what stands on the left becomes what stands on the right, byte for byte

Every edit here is proved too, so a case that passes shows the text that a user would see in a diff and that the proofs hold.
"""

from __future__ import annotations

from textwrap import dedent

import pytest

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

PATH = ".github/workflows/ci.yml"
CONCURRENCY = InsertKey(
    (), "concurrency", {"group": "g-${{ github.run_id }}", "cancel-in-progress": True}, before="jobs"
)


def edited(before: str | bytes, *ops: Op) -> bytes:
    data = before.encode() if isinstance(before, str) else before
    change = EditFile(PATH, ops)
    result = edit(data, change)
    prove(change, result)
    return result.after


def becomes(before: str, after: str, *ops: Op, open_end: bool = True) -> None:
    """Also with CRLF, with a byte order mark, and without a final newline."""
    before, after = dedent(before).lstrip("\n"), dedent(after).lstrip("\n")
    assert edited(before, *ops).decode() == after
    for newline, bom in (("\r\n", ""), ("\n", "\ufeff"), ("\r\n", "\ufeff")):
        old, new = (bom + text.replace("\n", newline) for text in (before, after))
        assert edited(old, *ops).decode() == new
    if not open_end:
        return
    assert edited(before.removesuffix("\n"), *ops).decode() == after.removesuffix("\n")


def refused(before: str, says: str, *ops: Op) -> None:
    with pytest.raises(EditRefused) as raised:
        edit(dedent(before).lstrip("\n").encode(), EditFile(PATH, ops))
    assert says in raised.value.what
    assert raised.value.why
    assert raised.value.fix


# -------------------------------------------------------------------- insert a key


def test_insert_before_a_key_keeps_its_comments_with_it() -> None:
    becomes(
        """
        name: CI # ünï 🚀

        on: push

        # what we run
        # on every push
        jobs:
          a:
            runs-on: x
        """,
        """
        name: CI # ünï 🚀

        on: push

        concurrency:
          group: g-${{ github.run_id }}
          cancel-in-progress: true

        # what we run
        # on every push
        jobs:
          a:
            runs-on: x
        """,
        CONCURRENCY,
    )


def test_insert_after_a_key_keeps_a_comment_behind_it_and_one_above_the_next() -> None:
    becomes(
        """
        jobs:
          a:
            runs-on: x # fast
            # the steps
            steps: []
        """,
        """
        jobs:
          a:
            runs-on: x # fast
            timeout-minutes: 15
            # the steps
            steps: []
        """,
        InsertKey(("jobs", "a"), "timeout-minutes", 15, after="runs-on"),
    )


def test_insert_after_a_block_ends_where_a_person_sees_its_end() -> None:
    becomes(
        """
        on:
          push:
            branches: [main]
          # pull_request:

        # about jobs
        jobs:
          a:
            steps:
              - run: |
                  one

                  # still the script

                # no more the script
              - run: two
        """,
        """
        on:
          push:
            branches: [main]
          # pull_request:

        permissions: {}

        # about jobs
        jobs:
          a:
            steps:
              - run: |
                  one

                  # still the script
                if: always()

                # no more the script
              - run: two
        """,
        InsertKey((), "permissions", {}, after="on"),
        InsertKey(("jobs", "a", "steps", 0), "if", "always()", after="run"),
    )


def test_insert_a_literal_block_does_not_swallow_a_comment_below() -> None:
    becomes(
        """
        - with:
            key: k
              # deeper

        - x: 1
        """,
        """
        - with:
            key: k
              # deeper
            restore-keys: |
              a-
              b-

        - x: 1
        """,
        InsertKey((0, "with"), "restore-keys", "a-\nb-\n", after="key"),
    )


def test_insert_below_a_key_without_value() -> None:
    becomes(
        """
        on:
            push: # all of them
            pull_request: ~ # and these
        """,
        """
        on:
            push: # all of them
                branches:
                  - main
            pull_request: # and these
                types:
                  - opened
        """,
        InsertKey(("on", "push"), "branches", ["main"]),
        InsertKey(("on", "pull_request"), "types", ["opened"]),
    )


def test_insert_in_front_of_the_key_behind_a_dash() -> None:
    becomes(
        """
        steps:
        - uses: a@v1
          with: {x: 1}
        -
          run: b
        """,
        """
        steps:
        # first
        - if: always()
          uses: a@v1
          with: {x: 1}
        -
          # second
          if: failure()
          run: b
        """,
        InsertKey(("steps", 0), "if", "always()", before="uses", comment="first"),
        InsertKey(("steps", 1), "if", "failure()", before="run", comment="second"),
    )


def test_insert_into_braces_stays_on_the_line() -> None:
    becomes(
        """
        on: {push: {branches: [main]}, pull_request: } # both
        a: {}
        b: { x: 1 }
        c: {
          x: 1, # one
          y: [2] # two
        }
        """,
        """
        on: {push: {branches: [main], paths-ignore: ['**.md', 'a: b']}, pull_request: , merge_group: null} # both
        a: {k: true}
        b: { w: 0, x: 1 }
        c: {
          x: 1, # one
          y: [2], z: "1\\n2" # two
        }
        """,
        InsertKey(("on", "push"), "paths-ignore", ["**.md", "a: b"]),
        InsertKey(("on",), "merge_group", None),
        InsertKey(("a",), "k", True),
        InsertKey(("b",), "w", 0, before="x"),
        InsertKey(("c",), "z", "1\n2", after="y"),
    )


def test_new_lines_follow_the_manner_of_the_file() -> None:
    becomes(
        """
        jobs:
            a:
                needs:
                - b
                steps:
                - run: x
            b:
                runs-on: y
        """,
        """
        jobs:
            a:
                needs:
                - b
                steps:
                - run: x
            b:
                runs-on: y
            c:
                runs-on: z
                steps:
                - uses: a/b@v1
                  with:
                      k: v
        """,
        InsertKey(("jobs",), "c", {"runs-on": "z", "steps": [{"uses": "a/b@v1", "with": {"k": "v"}}]}),
    )


def test_jobs_parted_by_blank_lines_stay_parted() -> None:
    becomes(
        """
        jobs:
          a:
            runs-on: x

          # bee
          b:
            runs-on: y
        """,
        """
        jobs:
          z:
            runs-on: x
          a:
            runs-on: x

          m:
            runs-on: x

          # bee
          b:
            runs-on: y

          c:
            runs-on: x
        """,
        InsertKey(("jobs",), "c", {"runs-on": "x"}),
        InsertKey(("jobs",), "m", {"runs-on": "x"}, before="b"),
        InsertKey(("jobs",), "z", {"runs-on": "x"}, before="a"),
    )


@pytest.mark.parametrize("order", [1, -1])
def test_two_insertions_at_one_place_nest_whatever_their_order(order: int) -> None:
    """The end of `on:` and the place before `jobs:` are the same offset: what is deeper comes first."""
    ops = [CONCURRENCY, InsertKey(("on", "push"), "paths-ignore", ["docs/**"])][::order]
    becomes(
        """
        on:
          push:
            branches: [main]
        jobs: {}
        """,
        """
        on:
          push:
            branches: [main]
            paths-ignore:
              - docs/**
        concurrency:
          group: g-${{ github.run_id }}
          cancel-in-progress: true
        jobs: {}
        """,
        *ops,
    )


def test_a_file_that_ends_inside_a_script_keeps_that_script() -> None:
    script = "a:\n  run: |\n    x"
    assert edited(script, InsertKey(("a",), "if", "y", before="run")) == b"a:\n  if: 'y'\n  run: |\n    x"
    refused(script, "ends inside a block", InsertKey(("a",), "if", "y"))
    assert edited("a: 1", InsertKey((), "run", "x\ny\n")) == b"a: 1\nrun: |\n  x\n  y\n"
    assert edited(script + "\nb: 1", RemovePair(("b",))) == script.encode() + b"\n"
    assert edited(script, ReplaceScalar(("a", "run"), "y\nz\n")) == b"a:\n  run: |\n    y\n    z\n"
    assert edited(script, ReplaceScalar(("a", "run"), "y\nz")) == b"a:\n  run: |-\n    y\n    z"


def test_document_markers_stay_around() -> None:
    becomes("---\non: push\n...\n", "---\non: push\njobs: {}\n...\n", InsertKey((), "jobs", {}))


def test_header_comments_stay_above_the_first_key() -> None:
    becomes("# licence\nname: x\n", "# licence\nrun-name: z\nname: x\n", InsertKey((), "run-name", "z", before="name"))


# -------------------------------------------------------------------- what is written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        ("${{ a && b }}", "${{ a && b }}"),
        ("true", "'true'"),
        ("on", "'on'"),
        ("3.10", "'3.10'"),
        ("1e3", "'1e3'"),
        ("12:30", "'12:30'"),
        ("0o14", "'0o14'"),
        ("2020-01-01", "'2020-01-01'"),
        ("", "''"),
        ("~", "'~'"),
        ("null", "'null'"),
        ("a: b", "'a: b'"),
        ("a #b", "'a #b'"),
        ("it's", "it's"),
        ("'x' y", "'''x'' y'"),
        ("*.md", "'*.md'"),
        ("- a", "'- a'"),
        ("a\tb", '"a\\tb"'),
        ("ü 🚀", "ü 🚀"),
        ("a\u2028b", '"a\\u2028b"'),
        (" a", "' a'"),
        (True, "true"),
        (5, "5"),
        (1.5, "1.5"),
        (1e20, "100000000000000000000.0"),
        ([], "[]"),
        ({}, "{}"),
        ("a\nb", "|-\n  a\n  b"),
        ("a\n\nb\n", "|\n  a\n\n  b"),
        (" a\nb\n", '" a\\nb\\n"'),
        ("a\nb\n\n", '"a\\nb\\n\\n"'),
    ],
)
def test_a_value_is_written_so_that_every_reader_takes_it_for_what_it_is(value: object, written: str) -> None:
    after = edited("on: push\n", InsertKey((), "k", value))  # type: ignore[arg-type]
    assert after.decode() == f"on: push\nk: {written}\n"


def test_keys_are_quoted_only_when_they_must_be() -> None:
    after = edited("a: 1\n", InsertKey((), "x", {"on": 1, "true": 2, "5": 3, "a b": 4, "a-b.c_d": 5}))
    assert after.decode() == "a: 1\nx:\n  on: 1\n  'true': 2\n  '5': 3\n  a b: 4\n  a-b.c_d: 5\n"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_yaml_cannot_carry_is_refused(value: float | str) -> None:
    with pytest.raises(EditRefused):
        edited("a: 1\n", InsertKey((), "b", value))


# -------------------------------------------------------------------- replace a scalar


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("a: 5 # why\n", 10, "a: 10 # why\n"),
        ("a: '5'   # why\n", "6", "a: '6'   # why\n"),
        ('a: "x"\n', 'say "hi"\\', 'a: "say \\"hi\\"\\\\"\n'),
        ("a: 'x'\n", 6, "a: 6\n"),
        ("a: x\n", "5", "a: '5'\n"),
        ("a: true\n", "${{ github.event_name == 'pull_request' }}", "a: ${{ github.event_name == 'pull_request' }}\n"),
        ("a: [x, {b: y}]\n", "c", "a: [x, {b: c}]\n"),
        ("a: one\n  two\n  three # c\nb: 1\n", "x", "a: x # c\nb: 1\n"),
        ("a: # c\n", 5, "a: 5 # c\n"),
        ("a:\nb: 1\n", 5, "a: 5\nb: 1\n"),
        ("a: x # c\nb: 1\n", "p\nq\n", "a: | # c\n  p\n  q\nb: 1\n"),
        ("a: 'x'\nb: 1\n", "p\nq", "a: |-\n  p\n  q\nb: 1\n"),
        ("a: | # c\n    x\n\n    y\n\n# d\nb: 1\n", "p\nq\n", "a: | # c\n    p\n    q\n\n# d\nb: 1\n"),
        ("a: >-\n  x\n  y\nb: 1\n", "p", "a: |-\n  p\nb: 1\n"),
        ("a: |+\n  x\n\n\nb: 1\n", "p\n", "a: |\n  p\n\n\nb: 1\n"),
        ("a: |2\n    x\n   y\nb: 1\n", "p\n", "a: |\n    p\nb: 1\n"),
        ("a: |\n  x\nb: 1\n", 5, "a: 5\nb: 1\n"),
    ],
)
def test_replace_scalar_keeps_what_stands_around(before: str, value: str | int, after: str) -> None:
    path = ("a", 1, "b") if "{b" in before else ("a",)
    assert edited(before, ReplaceScalar(path, value)).decode() == after
    crlf = edited(before.replace("\n", "\r\n"), ReplaceScalar(path, value)).decode()
    assert crlf == after.replace("\n", "\r\n")


def test_replace_scalar_in_a_list() -> None:
    becomes(
        "a:\n  - x # 1\n  -\n  - y\n",
        "a:\n  - z # 1\n  - 5\n  - y\n",
        ReplaceScalar(("a", 0), "z"),
        ReplaceScalar(("a", 1), 5),
    )


# -------------------------------------------------------------------- remove


def test_remove_a_pair_takes_its_lines_only() -> None:
    becomes(
        """
        jobs:
          a:
            # order only
            needs: [b, c] # why
            env:
              X: |
                one

              # inside
              Y: 2

            # about steps
            steps: []
        """,
        """
        jobs:
          a:
            # order only

            # about steps
            steps: []
        """,
        RemovePair(("jobs", "a", "needs")),
        RemovePair(("jobs", "a", "env")),
    )


def test_remove_the_key_behind_a_dash() -> None:
    becomes(
        """
        - name: x

          id: i
          run: z
        """,
        """
        - run: z
        """,
        RemovePair((0, "name")),
        RemovePair((0, "id")),
    )


def test_remove_the_last_key_leaves_an_empty_mapping() -> None:
    becomes(
        "a:\n  with: # c\n    x: 1\n  b: {y: 1}\n",
        "a:\n  with: {} # c\n  b: {}\n",
        RemovePair(("a", "with", "x")),
        RemovePair(("a", "b", "y")),
    )
    refused("- x: 1\n- y\n", "the only key", RemovePair((0, "x")))
    refused("x: 1\n", "the only key", RemovePair(("x",)))


def test_remove_items_counts_in_the_list_as_it_was() -> None:
    becomes(
        "a:\n- w # 0\n# one\n- x\n-   y:\n- z\n",
        "a:\n# one\n-   y:\n",
        RemovePair(("a", 0)),
        RemovePair(("a", 1)),
        RemovePair(("a", 3)),
    )
    becomes("a: [w, x, y, z] # c\n", "a: [x] # c\n", RemovePair(("a", 0)), RemovePair(("a", 2)), RemovePair(("a", 3)))
    becomes("a: [\n  w,\n  x,\n]\n", "a: [\n  x,\n]\n", RemovePair(("a", 0)))
    refused("a: [\n  w, # why\n  x\n]\n", "a comment stands between", RemovePair(("a", 0)))
    refused("a: [x, y]\n", "removed by an earlier operation", RemovePair(("a", 0)), RemovePair(("a", 0)))


def test_remove_the_last_need_takes_the_key_along() -> None:
    becomes("a:\n  needs: [b]\n  c: 1\n", "a:\n  c: 1\n", RemovePair(("a", "needs", 0)))
    becomes(
        "a:\n  needs:\n  - b\n  - d\n  c: 1\n",
        "a:\n  c: 1\n",
        RemovePair(("a", "needs", 1)),
        RemovePair(("a", "needs", 0)),
    )
    refused("a:\n  branches: [b]\n  c: 1\n", "the last item", RemovePair(("a", "branches", 0)))


# -------------------------------------------------------------------- append


def test_append_to_lists_of_every_form() -> None:
    becomes(
        """
        a: [x, 'y'] # c
        b: []
        c:
        - x # c
        # d
        d:
            - x:
                y

            - z: |
                t
              # deep
        e: single # c
        f: "quoted: it"
        g:
        h: [
          x,
          y,
        ]
        """,
        """
        a: [x, 'y', z] # c
        b: [z]
        c:
        - x # c
        - z
        # d
        d:
            - x:
                y

            - z: |
                t
              # deep

            - uses: z
              with:
                k: v
        e: [single, z] # c
        f: ["quoted: it", z]
        g:
        - z
        h: [
          x,
          y,
          z,
        ]
        """,
        AppendItem(("a",), "z"),
        AppendItem(("b",), "z"),
        AppendItem(("c",), "z"),
        AppendItem(("d",), {"uses": "z", "with": {"k": "v"}}),
        AppendItem(("e",), "z"),
        AppendItem(("f",), "z"),
        AppendItem(("g",), "z"),
        AppendItem(("h",), "z"),
    )
    refused("a: {x: 1}\n", "is no list", AppendItem(("a",), "z"))
    refused("a: |\n  x\n", "several lines", AppendItem(("a",), "z"))


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
