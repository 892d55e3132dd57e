"""
How a file indents: below a key, and a list's dashes below theirs

Seen in the mapping that is being edited first, then in the whole file; two and two where the file shows nothing.
"""

from __future__ import annotations

from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from trimtab.workflow.guard import children
from trimtab.workflow.locate import column, is_flow
from trimtab.workflow.render import Manner
from trimtab.workflow.tree import Tree


def manner(tree: Tree, near: Node) -> Manner:
    """The indentation to write new lines with in or below the node `near`."""
    steps: list[int] = []
    dashes: list[int] = []
    for node in (near, tree.root):
        _collect(tree.text, node, steps, dashes, set())
    return Manner(steps[0] if steps else 2, dashes[0] if dashes else 2)


def _collect(text: str, node: Node, steps: list[int], dashes: list[int], seen: set[int]) -> None:
    if not isinstance(node, CollectionNode) or id(node) in seen or (steps and dashes):
        return
    seen.add(id(node))
    if isinstance(node, MappingNode) and not is_flow(node):
        for key, value in node.value:
            _collect_pair(text, key, value, steps, dashes)
    for part in children(node):
        _collect(text, part, steps, dashes, seen)


def _collect_pair(text: str, key: Node, value: Node, steps: list[int], dashes: list[int]) -> None:
    if isinstance(value, ScalarNode) or is_flow(value) or value.start_mark.index < key.end_mark.index:
        return
    deeper = column(text, value.start_mark.index) - column(text, key.start_mark.index)
    if isinstance(value, MappingNode) and deeper > 0:
        steps.append(deeper)
    elif isinstance(value, SequenceNode) and deeper >= 0:
        dashes.append(deeper)
