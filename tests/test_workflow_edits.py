"""
Symbolic edits, files in and files out: what stands on the left becomes what stands on the right, byte for byte

Every edit here is proved too, so a case that passes shows the text that a user would see in a diff and that the proofs hold.
"""

from __future__ import annotations

import pytest

from editing import CONCURRENCY, becomes, edited, refused
from trimtab.errors import EditRefused
from trimtab.model import (
    InsertKey,
    RemovePair,
    ReplaceScalar,
)

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
