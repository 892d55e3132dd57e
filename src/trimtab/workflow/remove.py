"""
Splices that take away or move: a key with its value, an item of a list

Comments above a removed key stay, since only a person knows what they speak of; comments directly above a moved one move with
it. The last key of a mapping leaves `{}` (GitHub reads it as "nothing said"; an empty value is an error in places); the last
item of `needs` takes the key along; the last item of any other list is refused, because an empty list and no list differ.
"""

from __future__ import annotations

import re

from yaml.nodes import MappingNode, Node, SequenceNode

from trimtab.errors import EditRefused
from trimtab.model import MoveBlock, NodePath, RemovePair
from trimtab.workflow.locate import (
    blank_above,
    blank_below,
    chomping_before,
    colon_end,
    column,
    content_end,
    dash_of,
    indent_of,
    is_flow,
    lead_start,
    line_end,
    line_start,
    newline_at,
    opens_line,
    tail_end,
    without_newline,
)
from trimtab.workflow.safety import refuse_alias_items, refuse_inside, refuse_open_end, show
from trimtab.workflow.splices import Splice, replace
from trimtab.workflow.tree import Tree

_COMMENT = re.compile(r"(^|\s)#", re.MULTILINE)


def remove_pair(tree: Tree, op: RemovePair) -> list[Splice]:
    """The splices of a RemovePair."""
    node = tree.node(op.path)
    parent = tree.node(op.path[:-1]) if op.path else None
    if node is None or parent is None:
        raise EditRefused(f"{show(op.path)} is not there", "it cannot be removed", "look at the file again")
    refuse_inside(tree, node, show(op.path))
    refuse_alias_items(tree, parent)
    if isinstance(parent, SequenceNode):
        return _remove_item(tree, op.path, parent)
    if not isinstance(parent, MappingNode):
        raise EditRefused(f"{show(op.path)} is not there", "it cannot be removed", "look at the file again")
    index = next(i for i, (key, _) in enumerate(parent.value) if key.value == op.path[-1])
    if is_flow(parent):
        return [_remove_from_flow(tree, parent, [pair[0] for pair in parent.value], index, parent.value[index])]
    if len(parent.value) == 1:
        return _leave_empty(tree, op.path, parent)
    return [_remove_lines(tree, parent, index)]


def _remove_lines(tree: Tree, parent: MappingNode, index: int) -> Splice:
    key, value = parent.value[index]
    text, start = tree.text, key.start_mark.index
    end = line_end(text, content_end(tree, value, key.end_mark.index))
    if opens_line(text, start):
        return cut_lines(tree, line_start(text, start), end)
    if text[line_start(text, start) : start].strip(" -"):
        raise EditRefused("a key stands behind something else on its line", "the form cannot be kept", "one key a line")
    # The first key of a list item stands behind the dash: what follows it moves up to there.
    following = re.compile(r"\s*").match(text, end)
    return replace(text, start, following.end() if following is not None else end, "")


def _leave_empty(tree: Tree, path: NodePath, parent: MappingNode) -> list[Splice]:
    owner = tree.key_node(path[:-1])
    if owner is None:
        raise EditRefused(
            f"{show(path)} is the only key", "nothing would be left of its item", "remove the item itself"
        )
    colon = colon_end(tree.text, owner)
    return [_remove_lines(tree, parent, 0), replace(tree.text, colon, colon, " {}")]


def _remove_item(tree: Tree, path: NodePath, parent: SequenceNode) -> list[Splice]:
    index = path[-1]
    if not isinstance(index, int):
        raise EditRefused(f"{show(path)} is not there", "it cannot be removed", "look at the file again")
    if len(parent.value) == 1:
        if path[-2:-1] == ("needs",):
            return remove_pair(tree, RemovePair(path[:-1]))
        raise EditRefused(
            f"{show(path)} is the last item", "an empty list means something else", "remove the list's key"
        )
    if is_flow(parent):
        return [_remove_from_flow(tree, parent, parent.value, index, parent.value[index])]
    dash = dash_of(tree, parent, index)
    end = line_end(tree.text, content_end(tree, parent.value[index], dash + 1))
    if opens_line(tree.text, dash):
        return [cut_lines(tree, line_start(tree.text, dash), end)]
    raise EditRefused("the list opens behind another dash", "the form cannot be kept", "write one item a line")


def cut_lines(tree: Tree, start: int, end: int) -> Splice:
    """The splice that removes whole lines; a file without final newline stays without, unless a block or blank needs it."""
    text = tree.text
    above = chomping_before(tree, start)
    if above == "keep" and blank_below(text, end):
        raise EditRefused(
            "the text above keeps the blank lines below it",
            "taking away what stands between would lengthen it",
            "use `|`",
        )
    _refuse_swallowing(tree, start, end)
    if end == len(text) and not text.endswith("\n") and above in (None, "strip") and not blank_above(text, start):
        start = without_newline(text, start)
    return replace(text, start, end, "")


def _refuse_swallowing(tree: Tree, start: int, end: int) -> None:
    """A comment that trails what goes, deeper than it, must not become a line of a block scalar above."""
    depth = indent_of(tree.text[start:end].lstrip("\r\n"))
    last = len(tree.text[:start].rstrip())
    in_text = chomping_before(tree, start) or chomping_before(tree, line_end(tree.text, last))
    if in_text is not None and tail_end(tree, end - 1, depth) > end:
        raise EditRefused(
            "a comment below would become part of the text above", "its meaning would change", "move the comment"
        )


def _remove_from_flow(
    tree: Tree, parent: Node, starts: list[Node], index: int, what: Node | tuple[Node, Node]
) -> Splice:
    """Remove one element with the comma behind it, or, of the last, the comma before it."""
    last = what[1] if isinstance(what, tuple) else what
    first = what[0] if isinstance(what, tuple) else what
    if len(starts) == 1:
        start, end = parent.start_mark.index + 1, parent.end_mark.index - 1
    elif index < len(starts) - 1:
        start, end = first.start_mark.index, starts[index + 1].start_mark.index
    else:
        before = parent.value[index - 1]
        start = before[1].end_mark.index if isinstance(before, tuple) else before.end_mark.index
        end = max(last.end_mark.index, first.end_mark.index)
    if _COMMENT.search(tree.text[start:end]) or start > end:
        raise EditRefused("a comment stands between the brackets", "it would be lost", "edit the file by hand")
    return replace(tree.text, start, end, "")


# -------------------------------------------------------------------- moving


def move_block(tree: Tree, op: MoveBlock) -> list[Splice]:
    """The splices of a MoveBlock: whole lines with the comments that lead them, put in front of the sibling's."""
    parent = tree.node(op.path[:-1]) if op.path else None
    if not isinstance(parent, MappingNode | SequenceNode) or tree.node(op.path) is None or is_flow(parent):
        raise EditRefused(f"{show(op.path)} is no block that can be moved", "only whole lines move", "edit by hand")
    source, target = _index(parent, op.path[-1]), _index(parent, op.before)
    if source is None or target is None:
        raise EditRefused(f"{show((*op.path[:-1], op.before))} is not there", "nothing to move before", "name another")
    if target in (source, source + 1):
        return []
    refuse_inside(tree, _value(parent, source), show(op.path))
    refuse_alias_items(tree, parent)
    at, _ = _lines_of(tree, parent, target)
    start, end = _lines_of(tree, parent, source)
    text, newline = tree.text, newline_at(tree, end)
    block = text[start:end]
    if not text.endswith("\n", 0, end):
        refuse_open_end(tree)
        block += newline
    gap = _gap(tree, parent, source, (start, end))
    if gap != (start, end):
        block += newline
    cut = cut_lines(tree, *gap)
    put = replace(text, at, at, block)
    return [cut, put] if at < start else [put, cut]


def _gap(tree: Tree, parent: MappingNode | SequenceNode, source: int, lines: tuple[int, int]) -> tuple[int, int]:
    """The lines of a block with one blank line that parts it from its neighbour, which moves along."""
    text, (start, end) = tree.text, lines
    if not text[line_start(text, end - 1) : end].strip():  # it ends with blank lines that a "|+" keeps
        return lines
    if source == 0:
        return (start, line_end(text, end)) if blank_below(text, end) else lines
    if blank_above(text, start):
        blank = line_start(text, start - 1)
        return (blank, end) if blank >= _end_of(tree, parent, source - 1) else lines
    return lines


def _index(parent: MappingNode | SequenceNode, part: str | int) -> int | None:
    if isinstance(parent, SequenceNode):
        return part if isinstance(part, int) and 0 <= part < len(parent.value) else None
    return next((index for index, (key, _) in enumerate(parent.value) if key.value == part), None)


def _value(parent: MappingNode | SequenceNode, index: int) -> Node:
    value: Node = parent.value[index][1] if isinstance(parent, MappingNode) else parent.value[index]
    return value


def _opening(tree: Tree, parent: MappingNode | SequenceNode, index: int) -> int:
    """Offset of the key, or of the dash."""
    if isinstance(parent, SequenceNode):
        return dash_of(tree, parent, index)
    return int(parent.value[index][0].start_mark.index)


def _end_of(tree: Tree, parent: MappingNode | SequenceNode, index: int) -> int:
    """Offset of the line behind a value and the deeper comments that trail it."""
    opening = _opening(tree, parent, index)
    floor = parent.value[index][0].end_mark.index if isinstance(parent, MappingNode) else opening + 1
    return tail_end(tree, content_end(tree, _value(parent, index), floor), column(tree.text, opening))


def _lines_of(tree: Tree, parent: MappingNode | SequenceNode, index: int) -> tuple[int, int]:
    opening = _opening(tree, parent, index)
    if not opens_line(tree.text, opening):
        raise EditRefused("the block stands behind a dash", "only whole lines move", "move the list item instead")
    lead = lead_start(tree, opening)
    if index > 0:
        lead = max(lead, _end_of(tree, parent, index - 1))
    return lead, _end_of(tree, parent, index)
