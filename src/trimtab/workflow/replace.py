"""
Splices that put one value in place of another: a scalar, or all of `on`
"""

from __future__ import annotations

import re

from yaml.nodes import MappingNode, Node, ScalarNode

from trimtab.errors import EditRefused
from trimtab.model import ReplaceScalar, RewriteOn
from trimtab.workflow import render
from trimtab.workflow.locate import (
    colon_end,
    column,
    comments_in,
    content_end,
    indent_of,
    is_flow,
    line_end,
    newline_at,
    tail_end,
    without_newline,
)
from trimtab.workflow.manner import manner
from trimtab.workflow.safety import refuse_inside, show
from trimtab.workflow.splices import Splice, replace
from trimtab.workflow.tree import Tree, is_null

_HEADER = re.compile(r"[|>][^\s#]*")


def replace_scalar(tree: Tree, op: ReplaceScalar) -> list[Splice]:
    """The splices of a ReplaceScalar; quotes and block style of the old text are kept where the new one allows."""
    node = tree.node(op.path)
    if not isinstance(node, ScalarNode):
        raise EditRefused(
            f"{show(op.path)} is no single value", "only a scalar can be replaced", "look at the file again"
        )
    if node.style in ("|", ">"):
        return [_replace_block(tree, op, node)]
    start, end = node.start_mark.index, node.end_mark.index
    inside_flow = _inside_flow(tree, op)
    if isinstance(op.value, str) and not inside_flow and (block := render.literal(op.value, keep_block=False)):
        splice = _as_block(tree, node, block)
        if splice is not None:
            return [splice]
    quote = node.style if isinstance(op.value, str) and node.style in ("'", '"') else ""
    new = render.scalar(op.value, inside_flow=inside_flow, quote=quote)
    if start > 0 and tree.text[start - 1] in ":-" and not tree.text[start:end]:
        new = f" {new}"
    return [replace(tree.text, start, end, new)]


def _inside_flow(tree: Tree, op: ReplaceScalar) -> bool:
    nodes = (tree.node(op.path[:length]) for length in range(len(op.path)))
    return any(is_flow(node) for node in nodes if node is not None)


def _replace_block(tree: Tree, op: ReplaceScalar, node: ScalarNode) -> Splice:
    text, start = tree.text, node.start_mark.index
    end = content_end(tree, node, start)
    last = len(text[:end].rstrip())  # blank lines that "|+" keeps stay as blank lines
    end = min(end, without_newline(text, line_end(text, last)))
    header = _HEADER.match(text, start)
    header_end = header.end() if header is not None else start
    behind = text[header_end : without_newline(text, line_end(text, header_end))]
    block = render.literal(op.value, keep_block=True) if isinstance(op.value, str) else None
    if block is None:
        return replace(text, start, end, render.scalar(op.value) + behind.rstrip())
    marker, lines = block
    depth = _content_depth(text, header_end, end)
    newline = newline_at(tree, line_end(text, start))
    body = newline.join(" " * depth + line if line else "" for line in lines)
    return replace(text, start, end, f"{marker}{behind}{newline}{body}{_close(text, end, marker, newline)}")


def _as_block(tree: Tree, node: ScalarNode, block: tuple[str, list[str]]) -> Splice | None:
    """
    A literal block in place of a text on one line: what stood behind it (a comment) goes behind the block's header

    None when a comment below is indented so deep that the block would swallow it.
    """
    text, start = tree.text, node.start_mark.index
    header, lines = block
    after = line_end(text, node.end_mark.index)
    line = text[text.rfind("\n", 0, start) + 1 : start]
    depth = len(line) - len(line.lstrip(" -")) + 2
    if tail_end(tree, node.end_mark.index, depth - 1) > after:
        return None
    end = without_newline(text, after)
    behind = text[node.end_mark.index : end].rstrip()
    newline = newline_at(tree, line_end(text, start))
    space = " " if start > 0 and text[start - 1] in ":-" else ""
    body = newline.join(" " * depth + each if each else "" for each in lines)
    return replace(text, start, end, f"{space}{header}{behind}{newline}{body}{_close(text, end, header, newline)}")


def _close(text: str, end: int, header: str, newline: str) -> str:
    """The newline that a block's value ends with, where the file itself ended without one."""
    return newline if end == len(text) and header == "|" else ""


def _content_depth(text: str, header_end: int, end: int) -> int:
    for line in text[line_end(text, header_end) : end].splitlines():
        if line.strip():
            return indent_of(line)
    raise EditRefused("the block to replace is empty", "its indentation is unclear", "write the value by hand")


# -------------------------------------------------------------------- on


def rewrite_on(tree: Tree, op: RewriteOn) -> list[Splice]:
    """The splices of a RewriteOn: a block mapping below the key; comments inside the old value stay, above the new one."""
    key, root = tree.key_node(("on",)), tree.root
    node = tree.node(("on",))
    if key is None or node is None or not isinstance(root, MappingNode) or is_flow(root):
        raise EditRefused(
            "`on` is not a key of its own line", "it cannot be rewritten", "write the file in block style"
        )
    if not op.value:
        raise EditRefused("the new `on` is empty", "the workflow would never run", "name an event")
    refuse_inside(tree, node, "`on`")
    text, start = tree.text, colon_end(tree.text, key)
    end = without_newline(text, line_end(text, content_end(tree, node, key.end_mark.index)))
    beside, above = _comments(tree, node, start, end)
    style = manner(tree, node)
    lines = [line for name, value in op.value.items() for line in render.pair(name, value, style)]
    newline = newline_at(tree, line_end(text, start))
    depth = column(text, key.start_mark.index) + style.step
    body = newline.join(" " * depth + line if line else "" for line in [*above, *lines])
    return [replace(text, start, end, f"{beside}{newline}{body}")]


def _comments(tree: Tree, node: Node, start: int, end: int) -> tuple[str, list[str]]:
    """The comment to stay on the line of `on:`, with the blanks before it, and those to stand below it."""
    found = comments_in(tree, node, start, end)
    first_line = line_end(tree.text, start)
    if found and (found[0][0] < first_line or (is_null(node) or "\n" not in tree.text[start : found[0][0]])):
        at, text = found[0]
        blanks = len(tree.text[:at]) - len(tree.text[:at].rstrip(" \t"))
        return " " * max(blanks, 1) + text, [text for _, text in found[1:]]
    return "", [text for _, text in found]
