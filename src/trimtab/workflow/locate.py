"""
Where things really begin and end in the text of a workflow file

A parser's marks are exact for keys and one-line values, but the end of a block scalar or block collection runs on over blank
lines and comments. The functions here give the ends that a person sees, and say which comments belong to which key: those
directly above it at its own column lead it, those below it and deeper trail it.
"""

from __future__ import annotations

import re

from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from trimtab.errors import EditRefused
from trimtab.workflow.guard import children
from trimtab.workflow.tree import Tree

_HEADER = re.compile(r"[|>]([+-]?)([1-9]?)([+-]?)")
_ALIAS = re.compile(r"(?:[\s:-]|#[^\n]*\n)*\*[^\s,\]}]+")
_COLON = re.compile(r"[ \t]*:")
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))(#[^\n]*)", re.MULTILINE)
_PREFIX = re.compile(r" *((?:- +)*)")


def line_start(text: str, at: int) -> int:
    """Offset of the first character of the line that holds `at`."""
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    """Offset behind the newline of the line that holds `at`, or the end of the text."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def indent_of(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def column(text: str, at: int) -> int:
    """Column of an offset, from 0."""
    return at - line_start(text, at)


def is_flow(node: Node | None) -> bool:
    """True for a collection written with brackets or braces."""
    return isinstance(node, CollectionNode) and bool(node.flow_style)


def opens_line(text: str, at: int) -> bool:
    """True if only spaces stand before `at` on its line."""
    return not text[line_start(text, at) : at].strip(" ")


# -------------------------------------------------------------------- ends


def content_end(tree: Tree, node: Node, floor: int) -> int:
    """
    Offset behind the last character of a value, without the blank lines and comments below it

    `floor` is where the value can begin at the earliest (the end of its key): a node before it is reached by an alias.
    """
    text = tree.text
    if node.start_mark.index < floor:
        return _alias_end(text, floor)
    if isinstance(node, ScalarNode):
        is_block = node.style in ("|", ">")
        return _block_scalar_end(tree, node) if is_block else int(node.end_mark.index)
    if is_flow(node) or not node.value:
        return int(node.end_mark.index)
    if isinstance(node, MappingNode):
        key, value = node.value[-1]
        return max(content_end(tree, value, key.end_mark.index), int(key.end_mark.index))
    items = node.value if tree.may_have_anchors else node.value[-1:]
    end = int(node.start_mark.index)
    for each in items:
        end = content_end(tree, each, end)
    return end


def _alias_end(text: str, floor: int) -> int:
    match = _ALIAS.match(text, floor)
    if match is None:
        raise EditRefused("an alias stands where it cannot be followed", "its end is unclear", "write the value out")
    return match.end()


def _block_scalar_end(tree: Tree, node: ScalarNode) -> int:
    """The end of the last line of content; with "+" (keep) that includes blank lines."""
    text = tree.text
    header_at = _header_at(text, node)
    match = _HEADER.match(text, header_at)
    keeps = match is not None and "+" in match.groups()
    explicit = match.group(2) if match is not None else ""
    at = end = line_end(text, header_at)
    least = _parent_column(text, header_at) + int(explicit or 1)
    content = least if explicit else max(least, _content_indent(text, at, node.end_mark.index))
    while at < min(len(text), node.end_mark.index):
        after = line_end(text, at)
        line = text[at:after].rstrip("\r\n")
        if line.strip(" ") and indent_of(line) < content:
            break
        if line.strip(" ") or keeps:
            end = after
        at = after
    return without_newline(text, end)


def _header_at(text: str, node: ScalarNode) -> int:
    """Offset of the "|" or ">"; an anchor or a tag may stand in front of it."""
    match = re.compile(r"(?:[&!]\S*\s+)*").match(text, node.start_mark.index)
    return match.end() if match is not None else node.start_mark.index


def _content_indent(text: str, at: int, end: int) -> int:
    """Indentation of the first line that is not blank."""
    while at < end:
        after = line_end(text, at)
        if text[at:after].strip():
            return indent_of(text[at:after])
        at = after
    return 0


def _parent_column(text: str, header_at: int) -> int:
    """Column of the key, or of the "-", whose value a block scalar is: its content stands deeper."""
    start = line_start(text, header_at)
    match = _PREFIX.match(text, start)
    if match is None or not match.group(1):
        return indent_of(text[start:header_at])
    behind = match.end() - start
    return behind if match.end() < header_at else text.rindex("-", start, header_at) - start


def without_newline(text: str, end: int) -> int:
    """`end` moved in front of the newline that ends there, if one does."""
    if text.endswith("\r\n", 0, end):
        return end - 2
    return end - 1 if text.endswith("\n", 0, end) else end


# -------------------------------------------------------------------- comments and blank lines


def lead_start(tree: Tree, at: int) -> int:
    """Start of the line that holds `at`, or of the comment lines directly above it at the same column."""
    text = tree.text
    start = line_start(text, at)
    depth = column(text, at)
    while start > 0:
        above = line_start(text, start - 1)
        line = text[above:start]
        if not line.lstrip(" ").startswith("#") or indent_of(line) != depth:
            break
        start = above
    return start


def tail_end(tree: Tree, end: int, depth: int) -> int:
    """Where the next line can be inserted behind a value that ends at `end`: behind comments deeper than `depth`."""
    text = tree.text
    found = at = line_end(text, end)
    while at < len(text):
        after = line_end(text, at)
        line = text[at:after]
        if line.lstrip(" ").startswith("#") and indent_of(line) > depth:
            found = after
        elif line.strip():
            break
        at = after
    return found


def blank_above(text: str, at: int) -> bool:
    """True if the line above the line that begins at `at` is blank."""
    return at > 0 and not text[line_start(text, at - 1) : at].strip()


def blank_below(text: str, at: int) -> bool:
    """True if the line that begins at `at` is blank and is not the end of the file."""
    return at < len(text) and not text[at : line_end(text, at)].strip()


def chomping_before(tree: Tree, at: int) -> str | None:
    """
    How the block scalar whose last line stands directly before offset `at` ends: "clip", "strip" or "keep"

    None when that line is no part of a block scalar. A newline or a blank line put there, or taken, can change its value.
    """
    end = without_newline(tree.text, at)
    for leaf in _leaves_around(tree.root, at):
        if leaf.style in ("|", ">") and content_end(tree, leaf, leaf.start_mark.index) == end:
            match = _HEADER.match(tree.text, _header_at(tree.text, leaf))
            marks = "" if match is None else match.group(1) + match.group(3)
            return {"-": "strip", "+": "keep"}.get(marks, "clip")
    return None


def _leaves_around(node: Node, at: int) -> list[ScalarNode]:
    """The scalars that begin before an offset and whose marks reach it, or nearly."""
    if not node.start_mark.index < at <= node.end_mark.index + 1:
        return []
    if isinstance(node, ScalarNode):
        return [node]
    return (
        [leaf for part in children(node) for leaf in _leaves_around(part, at)]
        if isinstance(node, CollectionNode)
        else []
    )


def newline_at(tree: Tree, at: int) -> str:
    """The newline that the line in front of offset `at` ends with, else the file's usual one."""
    if tree.text.endswith("\r\n", 0, at):
        return "\r\n"
    return "\n" if tree.text.endswith("\n", 0, at) else tree.newline


def colon_end(text: str, key: ScalarNode) -> int:
    """Offset behind the ":" of a block mapping's key."""
    match = _COLON.match(text, key.end_mark.index)
    if match is None:
        raise EditRefused(
            f"the colon of {key.value!r} stands on another line", "the form cannot be kept", "write `key: value`"
        )
    return match.end()


def dash_of(tree: Tree, sequence: SequenceNode, index: int) -> int:
    """Offset of the "-" of one item of a block sequence."""
    text, first = tree.text, sequence.start_mark.index
    if index == 0:
        return first
    depth = column(text, first)
    start = line_start(text, sequence.value[index].start_mark.index)
    while start > first:
        if text.startswith(" " * depth + "-", start):
            return start + depth
        start = line_start(text, start - 1)
    raise EditRefused("the start of a list item cannot be found", "the form cannot be kept", "write one item a line")


def comments_in(tree: Tree, node: Node, start: int, end: int) -> list[tuple[int, str]]:
    """Offset and text of every comment between two offsets that hold the value `node` and nothing else."""
    masked = list(tree.text[start:end])
    for leaf in _leaves(node):
        stop = content_end(tree, leaf, leaf.start_mark.index)
        for at in range(max(leaf.start_mark.index, start) - start, min(stop, end) - start):
            masked[at] = "x" if masked[at] != "\n" else "\n"
    return [(start + m.start(1), m.group(1).rstrip("\r")) for m in _COMMENT.finditer("".join(masked))]


def _leaves(node: Node) -> list[ScalarNode]:
    if isinstance(node, ScalarNode):
        return [node]
    return [leaf for part in children(node) for leaf in _leaves(part)] if isinstance(node, CollectionNode) else []
