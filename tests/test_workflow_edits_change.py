"""Edits that replace, remove or append, byte for byte."""

from __future__ import annotations

import pytest

from editing import becomes, edited, refused
from trimtab.model import (
    AppendItem,
    RemovePair,
    ReplaceScalar,
)

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
