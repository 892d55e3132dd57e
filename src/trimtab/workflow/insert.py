"""
Splices that add: a key to a mapping, an item to a list

Whole lines are added between existing ones wherever the file is in block style, so that no line of the user's changes; inside
brackets the addition goes behind or before an element on its line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from trimtab.errors import EditRefused
from trimtab.model import AppendItem, Data, InsertKey, NodePath
from trimtab.workflow import render
from trimtab.workflow.locate import (
    blank_above,
    blank_below,
    chomping_before,
    colon_end,
    column,
    content_end,
    dash_of,
    is_flow,
    lead_start,
    line_end,
    line_start,
    newline_at,
    opens_line,
    tail_end,
)
from trimtab.workflow.manner import manner
from trimtab.workflow.render import Manner
from trimtab.workflow.safety import refuse_alias_items, refuse_open_end, show
from trimtab.workflow.splices import Splice, replace
from trimtab.workflow.tree import Tree, is_null, pairs


def insert_key(tree: Tree, op: InsertKey) -> list[Splice]:
    """The splices of an InsertKey."""
    node = tree.node(op.path)
    if isinstance(node, ScalarNode) and is_null(node):
        return _below_key(tree, op.path, node, lambda manner: _lines(op, manner), "step")
    if not isinstance(node, MappingNode):
        raise EditRefused(f"{show(op.path)} is no mapping", "a key cannot be inserted there", "rewrite it as a mapping")
    if any(key.value == op.key for key, _ in pairs(node)):
        raise EditRefused(f"{show((*op.path, op.key))} is already there", "it is the user's word", "replace its value")
    if is_flow(node):
        return _into_flow(tree, op, node)
    index = _sibling(op, node)
    if op.after is None and op.before is not None:
        return _before(tree, op, node, index)
    return _after(tree, op, node, index)


def _lines(op: InsertKey, manner: Manner) -> list[str]:
    return [*render.comment(op.comment or ""), *render.pair(op.key, op.value, manner)]


def _sibling(op: InsertKey, node: MappingNode) -> int:
    """Index of the pair to stand next to; the last one when the operation names none."""
    name = op.after if op.after is not None else op.before
    if name is None:
        return len(node.value) - 1
    for index, (key, _) in enumerate(node.value):
        if key.value == name:
            return index
    raise EditRefused(
        f"{show((*op.path, name))} is not there", "the new key has no place beside it", "name another key"
    )


# -------------------------------------------------------------------- block mappings


def _after(tree: Tree, op: InsertKey, node: MappingNode, index: int) -> list[Splice]:
    key, value = node.value[index]
    depth = _depth(tree, key.start_mark.index)
    lines = _lines(op, manner(tree, node))
    end = content_end(tree, value, key.end_mark.index)
    at = tail_end(tree, end, depth)
    spaced = depth == 0 or len(lines) > 1
    is_last = index == len(node.value) - 1
    parted = index > 0 and blank_above(tree.text, lead_start(tree, key.start_mark.index))
    if spaced and (parted if is_last else blank_below(tree.text, at)) and chomping_before(tree, at) != "keep":
        lines.insert(0, "")
    return [whole_lines(tree, at, depth, lines)]


def _before(tree: Tree, op: InsertKey, node: MappingNode, index: int) -> list[Splice]:
    key = node.value[index][0]
    start = key.start_mark.index
    depth = _depth(tree, start)
    if not opens_line(tree.text, start):
        return _behind_dash(tree, op, node, start, depth)
    lines = _lines(op, manner(tree, node))
    # Comments above the first key of the file speak of the file, not of that key.
    at = line_start(tree.text, start) if index == 0 and not op.path else lead_start(tree, start)
    if blank_above(tree.text, at) and (index > 0 or len(lines) > 1):
        lines.append("")
    return [whole_lines(tree, at, depth, lines)]


def _behind_dash(tree: Tree, op: InsertKey, node: MappingNode, start: int, depth: int) -> list[Splice]:
    """In front of the first key of a list item: the new key takes the place behind the dash."""
    text, line = tree.text, line_start(tree.text, start)
    newline = newline_at(tree, line_end(text, start))
    lines = render.pair(op.key, op.value, manner(tree, node))
    new = "".join(f"{each}{newline}{' ' * depth}" for each in lines)
    splices = [replace(text, start, start, new)]
    if op.comment:
        dash = len(text[line:start]) - len(text[line:start].lstrip(" "))
        splices.insert(0, whole_lines(tree, line, dash, render.comment(op.comment)))
    return splices


def whole_lines(tree: Tree, at: int, depth: int, lines: Sequence[str]) -> Splice:
    """The splice that puts new lines, indented by `depth`, at the start of a line or at the end of the file."""
    newline = newline_at(tree, at)
    body = newline.join(" " * depth + line if line else "" for line in lines)
    if at == len(tree.text) and not tree.text.endswith("\n"):  # the last line has no newline: keep it so
        refuse_open_end(tree)
        return replace(tree.text, at, at, newline + body + (newline if _ends_in_block(lines) else ""))
    return replace(tree.text, at, at, body + newline)


def _ends_in_block(lines: Sequence[str]) -> bool:
    """True if a literal block may be the last of the lines: its value would lose its newline with the file's."""
    return any(line.endswith((": |", "- |")) for line in lines)


def _depth(tree: Tree, start: int) -> int:
    """Column of a key that may stand behind dashes only."""
    text = tree.text
    before = text[line_start(text, start) : start]
    if before.strip(" -"):
        raise EditRefused("a key stands behind something else on its line", "the form cannot be kept", "one key a line")
    return column(text, start)


# -------------------------------------------------------------------- below a key without value


def _below_key(
    tree: Tree, path: NodePath, node: ScalarNode, lines: Callable[[Manner], list[str]], level: Literal["step", "dash"]
) -> list[Splice]:
    """Lines put below a key without a value; a `~` or `null` there goes, a comment stays."""
    key = tree.key_node(path)
    parent = tree.node(path[:-1])
    if key is None or parent is None or is_flow(parent):
        raise EditRefused(
            f"{show(path)} is empty inside brackets or a list", "the form cannot be kept", "write it in block style"
        )
    text = tree.text
    depth = _depth(tree, key.start_mark.index)
    style = manner(tree, parent)
    start = colon_end(text, key)
    end = max(node.end_mark.index, start)
    at = tail_end(tree, end, depth)
    below = whole_lines(tree, at, depth + (style.step if level == "step" else style.dash), lines(style))
    explicit = text[start:end].strip()
    return [below] if not explicit else [below, replace(text, start, end, "")]


# -------------------------------------------------------------------- flow collections


def _into_flow(tree: Tree, op: InsertKey, node: MappingNode) -> list[Splice]:
    new = render.flow_pair(op.key, op.value)
    if not node.value:
        splices = [fill_empty(tree, node, new)]
    else:
        index = _sibling(op, node)
        key, value = node.value[index]
        if op.after is None and op.before is not None:
            splices = [replace(tree.text, key.start_mark.index, key.start_mark.index, f"{new}, ")]
        else:
            end = max(content_end(tree, value, key.end_mark.index), key.end_mark.index)
            splices = [replace(tree.text, end, end, f", {new}")]
    if op.comment:
        at = line_start(tree.text, node.start_mark.index)
        depth = len(tree.line(tree.position(at)[0])) - len(tree.line(tree.position(at)[0]).lstrip(" "))
        splices.append(whole_lines(tree, at, depth, render.comment(op.comment)))
    return splices


def fill_empty(tree: Tree, node: Node, new: str) -> Splice:
    """The splice that puts the first element into `{}` or `[]`."""
    start, end = node.start_mark.index + 1, node.end_mark.index - 1
    inner = tree.text[start:end]
    if inner.strip(" "):
        raise EditRefused(
            "empty brackets hold a comment or a line break", "the form cannot be kept", "write `[]` or `{}`"
        )
    return replace(tree.text, start, end, f" {new} " if inner else new)


# -------------------------------------------------------------------- lists


def append_item(tree: Tree, op: AppendItem) -> list[Splice]:
    """The splices of an AppendItem; a single value becomes a list of two, as `needs: a` may."""
    node = tree.node(op.path)
    if isinstance(node, SequenceNode):
        if is_flow(node):
            return [_append_flow(tree, node, op.value)]
        refuse_alias_items(tree, node)
        return [_append_block(tree, node, op.value)]
    if not isinstance(node, ScalarNode):
        raise EditRefused(f"{show(op.path)} is no list", "an item cannot be appended there", "rewrite it as a list")
    if is_null(node):
        return _below_key(tree, op.path, node, lambda manner: render.item(op.value, manner), "dash")
    return [_append_to_scalar(tree, node, op)]


def _append_block(tree: Tree, node: SequenceNode, value: Data) -> Splice:
    index = len(node.value) - 1
    dash = dash_of(tree, node, index)
    depth = column(tree.text, dash)
    at = tail_end(tree, content_end(tree, node.value[index], dash + 1), depth)
    lines = render.item(value, manner(tree, node))
    if index > 0 and blank_above(tree.text, lead_start(tree, dash)) and chomping_before(tree, at) != "keep":
        lines.insert(0, "")
    return whole_lines(tree, at, depth, lines)


def _append_flow(tree: Tree, node: SequenceNode, value: Data) -> Splice:
    new = render.flow(value)
    if not node.value:
        return fill_empty(tree, node, new)
    last = node.value[-1]
    floor = node.value[-2].end_mark.index if len(node.value) > 1 else node.start_mark.index
    end = content_end(tree, last, floor)
    text = tree.text
    rest = text[end : line_end(text, end)].strip()
    own_line = opens_line(text, last.start_mark.index) and last.start_mark.index >= floor
    if own_line and rest in ("", ","):  # one item a line: keep it so
        indent = " " * column(text, last.start_mark.index)
        return replace(text, end, end, f",{newline_at(tree, line_end(text, end))}{indent}{new}")
    return replace(text, end, end, f", {new}")


def _append_to_scalar(tree: Tree, node: ScalarNode, op: AppendItem) -> Splice:
    start, end = node.start_mark.index, node.end_mark.index
    source = tree.text[start:end]
    if node.style in ("|", ">") or "\n" in source:
        raise EditRefused(f"{show(op.path)} is a text of several lines", "a list of it cannot be kept", "write a list")
    if node.style is None and any(character in source for character in ",[]{}:?#&*"):
        source = render.scalar(str(node.value), inside_flow=True, quote="'")
    return replace(tree.text, start, end, f"[{source}, {render.flow(op.value)}]")
