"""
What an operation is meant to do, said on plain data

The other half of the second proof: `edits` works on text, this works on dicts and lists and shares no code with it. If the
edited text, parsed again, equals the data transformed here, the edit did exactly what was asked and nothing else. Keys keep
their order, so that a key put in a wrong place is seen too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal, TypeAlias

from trimtab.errors import ProofFailed
from trimtab.model import AppendItem, Data, InsertKey, MoveBlock, NodePath, Op, RemovePair, ReplaceScalar, RewriteOn
from trimtab.workflow.tree import Plain, Scalar, Tree

Leaf: TypeAlias = Callable[["str | int | float | bool | None"], Any]


def typed_leaf(value: str | int | float | bool | None) -> Scalar:
    """A plain value in the form of `Tree.typed`."""
    match value:
        case None:
            return Scalar("null", "")
        case bool():
            return Scalar("bool", "true" if value else "false")
        case int():
            return Scalar("int", str(value))
        case float():
            return Scalar("float", repr(value))
    return Scalar("str", value)


def intend(data: Any, ops: Sequence[Op], leaf: Leaf = typed_leaf) -> Any:
    """
    The data after all operations; the input is not changed

    `data` is made of dicts, lists and leaves: `Tree.typed` with the default `leaf`, or another parser's native data with
    `leaf=lambda value: value`. Indices in paths count in `data` as given. ProofFailed when an operation has no place.
    """
    root = _box(data)
    for op, place, beside in [(op, _find(root, _target(op)), _find(root, _beside(op))) for op in ops]:
        if place is None or not _is_attached(root, place):  # written by an earlier operation: found now
            place, beside = _find(root, _target(op)), _find(root, _beside(op))
        _carry_out(op, place, beside, leaf)
    return root.plain()


def holds(tree: Tree, op: Op) -> bool:
    """
    Is what the operation wants already so in this file, whoever wrote it?

    Scalars are compared by text, order of keys not at all. Removing or moving a list's item by index leaves no trace to look
    for: False.
    """
    match op:
        case InsertKey():
            return (
                _same(_plain_at(tree, (*op.path, op.key)), op.value) and tree.key_node((*op.path, op.key)) is not None
            )
        case ReplaceScalar():
            return tree.node(op.path) is not None and _same(_plain_at(tree, op.path), op.value)
        case AppendItem():
            found = _plain_at(tree, op.path)
            return isinstance(found, list) and any(_same(each, op.value) for each in found)
        case RewriteOn():
            return _same(_plain_at(tree, ("on",)), op.value)
        case RemovePair():
            owner = _plain_at(tree, op.path[:-1])
            return isinstance(owner, dict) and isinstance(op.path[-1], str) and op.path[-1] not in owner
        case MoveBlock():
            owner = _plain_at(tree, op.path[:-1])
            names = list(owner) if isinstance(owner, dict) else []
            return (op.path[-1], op.before) in list(pairwise(names))


# -------------------------------------------------------------------- boxes: data that can change in place


class _Box:
    """One value: a mapping as pairs, a list, or a leaf. Operations find boxes first and keep them by identity."""

    def __init__(self, kind: Literal["map", "list", "leaf"], value: Any) -> None:
        self.holder: _Box | None = None
        self.kind, self.value = kind, value
        self._hold()

    def become(self, other: _Box) -> None:
        self.kind, self.value = other.kind, other.value
        self._hold()

    def _hold(self) -> None:
        for part in self.parts():
            part.holder = self

    def put(self, at: int, box: _Box, key: str | None = None) -> None:
        """Insert a value into a list, or with its key into a mapping."""
        self.value.insert(at, box if key is None else (key, box))
        box.holder = self

    def parts(self) -> list[_Box]:
        if self.kind == "map":
            return [box for _, box in self.value]
        return self.value if self.kind == "list" else []

    def names(self) -> list[str]:
        return [_name(key) for key, _ in self.value] if self.kind == "map" else []

    def plain(self) -> Any:
        if self.kind == "map":
            return {key: box.plain() for key, box in self.value}
        return [box.plain() for box in self.value] if self.kind == "list" else self.value


def _box(data: Any) -> _Box:
    if isinstance(data, Mapping):
        return _Box("map", [(key, _box(value)) for key, value in data.items()])
    if isinstance(data, list):
        return _Box("list", [_box(value) for value in data])
    return _Box("leaf", data)


def _made(value: Data, leaf: Leaf) -> _Box:
    if isinstance(value, Mapping):
        return _Box("map", [(key, _made(each, leaf)) for key, each in value.items()])
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _Box("list", [_made(each, leaf) for each in value])
    return _Box("leaf", leaf(value))


def _name(key: Any) -> str:
    """A key as the file would write it; parsers of YAML 1.2 give some keys as numbers, booleans or null."""
    if key is None:
        return "null"
    return str(key).lower() if isinstance(key, bool) else str(key)


def _is_null(box: _Box) -> bool:
    value = box.value
    return box.kind == "leaf" and (value is None or (isinstance(value, Scalar) and value.tag == "null"))


def _find(root: _Box, path: NodePath | None) -> _Box | None:
    box: _Box | None = root if path is not None else None
    for part in path or ():
        if box is not None and box.kind == "map":
            box = next((value for key, value in box.value if key == part or _name(key) == part), None)
        elif box is not None and box.kind == "list" and isinstance(part, int) and 0 <= part < len(box.value):
            box = box.value[part]
        else:
            return None
    return box


# -------------------------------------------------------------------- operations


def _target(op: Op) -> NodePath:
    return ("on",) if isinstance(op, RewriteOn) else op.path


def _beside(op: Op) -> NodePath | None:
    return (*op.path[:-1], op.before) if isinstance(op, MoveBlock) else None


def _carry_out(op: Op, place: _Box | None, beside: _Box | None, leaf: Leaf) -> None:
    if place is None:
        raise ProofFailed(f"there is no place {_target(op)}", "the operation cannot be understood", "plan it again")
    match op:
        case InsertKey():
            _insert(place, op, leaf)
        case AppendItem():
            _append(place, _made(op.value, leaf))
        case ReplaceScalar() | RewriteOn():
            place.become(_made(op.value, leaf))
        case RemovePair():
            _remove(place)
        case MoveBlock():
            _move(place, beside)


def _insert(place: _Box, op: InsertKey, leaf: Leaf) -> None:
    if _is_null(place):
        place.become(_Box("map", []))
    names = place.names()
    at = len(names)
    if names and op.after is not None:
        at = names.index(op.after) + 1
    elif names and op.before is not None:
        at = names.index(op.before)
    if place.kind != "map" or op.key in names:
        raise ProofFailed(f"no {op.key!r} can be inserted at {op.path}", "the file has changed", "plan it again")
    place.put(at, _made(op.value, leaf), op.key)


def _append(place: _Box, item: _Box) -> None:
    if place.kind == "list":
        place.put(len(place.value), item)
    elif _is_null(place):
        place.become(_Box("list", [item]))
    else:
        place.become(_Box("list", [_Box(place.kind, place.value), item]))


def _remove(place: _Box) -> None:
    holder, at = _holder(place)
    last_of_list = holder.kind == "list" and len(holder.value) == 1
    if last_of_list:  # a job that waits for nobody has no `needs`
        holder, at = _holder(holder)
    if last_of_list and holder.names()[at : at + 1] != ["needs"]:
        raise ProofFailed(
            "the last item of a list cannot be removed", "an empty list means another thing", "remove its key"
        )
    del holder.value[at]


def _move(place: _Box, beside: _Box | None) -> None:
    if beside is None:
        raise ProofFailed("there is nothing to move before", "the file has changed", "plan it again")
    if place is beside:
        return
    holder, at = _holder(place)
    entry = holder.value.pop(at)
    _, target = _holder(beside)
    holder.value.insert(target, entry)


def _holder(wanted: _Box) -> tuple[_Box, int]:
    """The box that holds `wanted`, and at which place."""
    holder = wanted.holder
    at = -1 if holder is None else _place_in(holder, wanted)
    if holder is None or at < 0:
        raise ProofFailed(
            "an operation works on what is no longer there", "the change contradicts itself", "plan it again"
        )
    return holder, at


def _place_in(holder: _Box, wanted: _Box) -> int:
    parts = holder.parts()
    return next((at for at, part in enumerate(parts) if part is wanted), -1)


def _is_attached(root: _Box, box: _Box) -> bool:
    while box is not root:
        if box.holder is None or _place_in(box.holder, box) < 0:
            return False
        box = box.holder
    return True


# -------------------------------------------------------------------- comparing by text


def _plain_at(tree: Tree, path: NodePath) -> Plain:
    data = tree.data
    for part in path:
        if isinstance(data, dict) and isinstance(part, str):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data):
            data = data[part]
        else:
            return None
    return data


def _same(found: Plain, wanted: Data) -> bool:
    if isinstance(wanted, Mapping):
        return (
            isinstance(found, dict)
            and found.keys() == wanted.keys()
            and all(_same(found[k], wanted[k]) for k in wanted)
        )
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_same, found, wanted))
    return found == (None if wanted is None else typed_leaf(wanted).text)
