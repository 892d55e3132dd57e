"""
When not to edit: forms whose meaning a local edit could change, each refused with the reason

An anchored value is used elsewhere too; an aliased one stands elsewhere; GitHub knows no merge keys, and a complex or doubled
key makes the file invalid before anything is edited.
"""

from __future__ import annotations

import re

from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from trimtab.errors import EditRefused
from trimtab.model import NodePath
from trimtab.workflow.guard import children
from trimtab.workflow.locate import chomping_before, content_end
from trimtab.workflow.tree import Tree, child

_OTHER_BREAKS = re.compile("\r(?!\n)|[\x85\u2028\u2029]")
_FIX = "edit the file by hand, or rewrite this part in plain block style"


def refuse_file(tree: Tree) -> None:
    """Raise EditRefused if nothing in this file can be edited safely."""
    if _OTHER_BREAKS.search(tree.text):
        raise EditRefused("the file breaks lines by other characters than newlines", "positions would be off", _FIX)
    for duplicate in tree.duplicates:
        raise EditRefused(
            f"the key {show(duplicate.path)} stands twice (line {duplicate.line})",
            "GitHub rejects the file",
            "remove one",
        )
    complex_key = _complex_key(tree.root, set())
    if complex_key is not None:
        line = tree.position(complex_key.start_mark.index)[0]
        raise EditRefused(
            f"a key on line {line} is itself a mapping or a list", "GitHub rejects the file", "quote the key"
        )


def refuse_path(tree: Tree, path: NodePath) -> None:
    """Raise EditRefused if the value at `path`, or one around it, carries an anchor, alias, tag or merge key."""
    if tree.has_anchor_or_alias_around(path):
        raise EditRefused(f"{show(path)} is anchored or an alias", "the edit would reach other places too", _FIX)
    node: Node | None = tree.root
    for part in (None, *path):
        node = node if part is None else child(node, part)
        if node is None:
            return
        if tree.text.startswith("!", node.start_mark.index):
            raise EditRefused(f"{show(path)} carries a tag", "GitHub's reader knows no tags", _FIX)
        if isinstance(node, MappingNode) and _merges(node):
            raise EditRefused(f"{show(path)} holds a merge key `<<`", "GitHub's reader knows no merge keys", _FIX)


def refuse_inside(tree: Tree, node: Node, what: str) -> None:
    """Raise EditRefused if an anchor or alias stands anywhere inside a value that is to go or to move."""
    if tree.may_have_anchors and _has_anchor(tree, node, set()):
        raise EditRefused(f"{what} holds an anchor or an alias", "another place may depend on it", _FIX)


def refuse_alias_items(tree: Tree, holder: Node) -> None:
    """Raise EditRefused if an element of a list or mapping stands elsewhere: the places of its neighbours are unsure."""
    if not tree.may_have_anchors or not isinstance(holder, CollectionNode):
        return
    end = holder.start_mark.index
    for part in children(holder):
        if part.start_mark.index < end:
            raise EditRefused("an alias is one of the elements", "the places of its neighbours are unsure", _FIX)
        end = content_end(tree, part, end)


def refuse_open_end(tree: Tree) -> None:
    """Raise EditRefused if a newline behind the file's last line would become part of a block scalar's value."""
    if not tree.text.endswith("\n") and chomping_before(tree, len(tree.text)) in ("clip", "keep"):
        raise EditRefused(
            "the file ends inside a block of text, without a newline",
            "what comes behind it would change that text",
            "end the file with a newline",
        )


def show(path: NodePath) -> str:
    """`jobs.build.steps[2].with`"""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return f"`{text.removeprefix('.')}`" if path else "the file's top level"


def _merges(node: MappingNode) -> bool:
    return any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value)


def _complex_key(node: Node, seen: set[int]) -> Node | None:
    if not isinstance(node, CollectionNode) or id(node) in seen:
        return None
    seen.add(id(node))
    if isinstance(node, MappingNode):
        for key, _ in node.value:
            if not isinstance(key, ScalarNode):
                return key if isinstance(key, Node) else None
    return next((found for part in children(node) if (found := _complex_key(part, seen)) is not None), None)


def _has_anchor(tree: Tree, node: Node, seen: set[int]) -> bool:
    """Anchors show in the text; an alias shows as a node that is shared with a place in front of this one."""
    if tree.is_anchored(node) or id(node) in seen:
        return True
    seen.add(id(node))
    if not isinstance(node, CollectionNode):
        return False
    return any(
        part.start_mark.index < node.start_mark.index or _has_anchor(tree, part, seen) for part in children(node)
    )
