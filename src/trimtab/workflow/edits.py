"""
Symbolic edits of a workflow file, resolved to splices of its text

`edit` takes an `EditFile` and gives the bytes after it. Operations run one after the other, each located on the text that the
one before it left (so that two insertions at one place nest rightly, whatever their order), but an index in a path always
counts in the list as the user wrote it. Nothing is guessed: what cannot be edited safely is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import yaml_rs

from trimtab.errors import EditRefused, ParseError, ProofFailed
from trimtab.model import (
    AppendItem,
    EditFile,
    InsertKey,
    MoveBlock,
    NodePath,
    Op,
    RemovePair,
    ReplaceScalar,
    ReplaceText,
    RewriteOn,
)
from trimtab.workflow.guard import decode
from trimtab.workflow.insert import append_item, insert_key
from trimtab.workflow.remove import move_block, remove_pair
from trimtab.workflow.replace import replace_scalar, rewrite_on
from trimtab.workflow.safety import refuse_file, refuse_path, show
from trimtab.workflow.splices import Edited, Splice, apply
from trimtab.workflow.tree import Tree, parse, reparse

__all__ = ["Edited", "Splice", "edit"]

_BOM = b"\xef\xbb\xbf"


def edit(data: bytes, change: EditFile) -> Edited:
    """
    The file after all operations (or repairs) of a change

    Raises EditRefused with the reason where an operation is unsafe or has no place, and what `tree.parse` raises.
    """
    if change.repair:
        return _repair(data, change)
    work = _Work(parse(data))
    refuse_file(work.tree)
    _refuse_unless_read_twice(work.tree)
    done: list[Op] = []
    for op in change.ops:
        here = _rebased(op, done)
        work.add(here)
        done.append(here)
    work.settle()
    return Edited(data, _encode(work.text, work.tree.bom), tuple(work.splices))


class _Work:
    """
    A text being edited: operations at places that cannot touch each other share one parse, others wait for the next

    Four hundred jobs get their timeout in one go that way, and still every operation is located on a text that is up to
    date for it.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree, self.text = tree, tree.text
        self.splices: list[Splice] = []
        self._waiting: list[Splice] = []
        self._ops: list[Op] = []

    def add(self, op: Op) -> None:
        if any(_depends(op, earlier) for earlier in self._ops):
            self.settle()
        found = _resolve(self._fresh(), op)
        if any(_meet(self.tree.text, a, b) for a in found for b in self._waiting):
            self.settle()
            found = _resolve(self._fresh(), op)
        self._waiting += found
        self._ops.append(op)

    def settle(self) -> None:
        """Carry out what waits, from the end of the text to its start, so that none shifts another."""
        ordered = sorted(self._waiting, key=lambda splice: (splice.start, splice.end), reverse=True)
        self.text = apply(self.text, ordered)
        self.splices += ordered
        self._waiting, self._ops = [], []

    def _fresh(self) -> Tree:
        if not self._waiting and self.text != self.tree.text:
            try:
                self.tree = reparse(self.tree, self.text)
            except ParseError as error:
                raise ProofFailed(
                    f"proof failed (intended tree): the edited file does not parse: {error.what}",
                    "nothing was written",
                    "report this with the file: it is a fault of Trimtab",
                ) from None
        return self.tree


def _depends(op: Op, earlier: Op) -> bool:
    """Could `op` be understood otherwise once `earlier` is carried out? (Places that meet in the text are seen there.)"""
    path, before = _path(op), _path(earlier)
    if not isinstance(op, InsertKey) and _within(before, path):
        return True
    match earlier:
        case InsertKey(path=holder, key=key):
            beside = isinstance(op, InsertKey) and path == holder and key in (op.key, op.after, op.before)
            takes = isinstance(op, RemovePair | MoveBlock) and path[:-1] == holder
            return beside or takes or _within(path, (*holder, key))
        case ReplaceScalar(path=place) | AppendItem(path=place):
            return _within(path, place)
        case RemovePair(path=place) | MoveBlock(path=place):
            return _within(path, place[: -2 if isinstance(place[-1], int) else -1])
        case RewriteOn():
            return _within(path, ("on",))


def _path(op: Op) -> NodePath:
    return ("on",) if isinstance(op, RewriteOn) else op.path


def _within(inner: NodePath, outer: NodePath) -> bool:
    return inner[: len(outer)] == outer


def _meet(text: str, a: Splice, b: Splice) -> bool:
    """True if two splices overlap, touch, or have nothing but blanks and newlines between them."""
    first, second = (a, b) if a.start <= b.start else (b, a)
    return first.end >= second.start or not text[first.end : second.start].strip()


def _resolve(tree: Tree, op: Op) -> list[Splice]:
    """The splices of one operation, all with offsets in `tree.text`."""
    match op:
        case InsertKey():
            refuse_path(tree, op.path)
            return insert_key(tree, op)
        case AppendItem():
            refuse_path(tree, op.path)
            return append_item(tree, op)
        case ReplaceScalar():
            refuse_path(tree, op.path)
            return replace_scalar(tree, op)
        case RemovePair():
            refuse_path(tree, op.path)
            return remove_pair(tree, op)
        case RewriteOn():
            refuse_path(tree, ("on",))
            return rewrite_on(tree, op)
        case MoveBlock():
            refuse_path(tree, op.path)
            return move_block(tree, op)


def _encode(text: str, bom: bool) -> bytes:
    return (_BOM if bom else b"") + text.encode()


def _refuse_unless_read_twice(tree: Tree) -> None:
    try:
        yaml_rs.loads(tree.text)
    except yaml_rs.YAMLDecodeError as error:
        reason = str(error).splitlines()[0]
        raise EditRefused(
            f"a second YAML parser does not read the file as it is: {reason}",
            "an edit could not be proved",
            "bring the file into plain block style",
        ) from None


# -------------------------------------------------------------------- indices


def _rebased(op: Op, done: Sequence[Op]) -> Op:
    """The operation with its indices as they are now, after earlier operations removed or moved items."""
    match op:
        case InsertKey():
            return InsertKey(_now(op.path, done), op.key, op.value, op.after, op.before, op.comment)
        case AppendItem():
            return AppendItem(_now(op.path, done), op.value)
        case ReplaceScalar():
            return ReplaceScalar(_now(op.path, done), op.value)
        case RemovePair():
            return RemovePair(_now(op.path, done))
        case MoveBlock(before=int(before)):
            return MoveBlock(_now(op.path, done), int(_now((*op.path[:-1], before), done)[-1]))
        case MoveBlock():
            return MoveBlock(_now(op.path, done), op.before)
        case RewriteOn():
            return op


def _now(path: NodePath, done: Sequence[Op]) -> NodePath:
    for op in done:
        if isinstance(op, RemovePair | MoveBlock) and isinstance(op.path[-1], int):
            path = _shifted(path, op)
    return path


def _shifted(path: NodePath, op: RemovePair | MoveBlock) -> NodePath:
    parent, place = op.path[:-1], len(op.path) - 1
    if len(path) <= place or path[:place] != parent:
        return path
    index, gone = path[place], op.path[-1]
    if not isinstance(index, int) or not isinstance(gone, int):
        return path
    if isinstance(op, RemovePair):
        if index == gone:
            raise EditRefused(
                f"{show(path)} is removed by an earlier operation", "the change contradicts itself", "split it"
            )
        new = index - 1 if index > gone else index
    else:
        new = _moved(index, gone, int(op.before))
    return (*parent, new, *path[place + 1 :])


def _moved(index: int, source: int, target: int) -> int:
    """Where item `index` is after item `source` went in front of item `target`."""
    landing = target - 1 if source < target else target
    if index == source:
        return landing
    without = index - 1 if index > source else index
    return without + 1 if without >= landing else without


# -------------------------------------------------------------------- repair


def _repair(data: bytes, change: EditFile) -> Edited:
    """Whole-line replacements, numbered in the file as it is; for text that no parser reads yet."""
    if change.ops:
        raise EditRefused("a change both repairs and edits", "an edit needs a file that parses", "repair first")
    text, bom = decode(data)
    splices = [_lines_replaced(text, part) for part in sorted(change.repair, key=lambda part: -part.first)]
    for later, earlier in pairwise(splices):
        if earlier.end > later.start:
            raise EditRefused("two repairs overlap", "their order would decide", "merge them into one")
    return Edited(data, _encode(apply(text, splices), bom), tuple(splices))


def _lines_replaced(text: str, part: ReplaceText) -> Splice:
    """The newline that ends the last of the lines stays; those inside the new text become the file's own kind."""
    lines = text.split("\n")
    if not 1 <= part.first <= part.last <= len(lines):
        raise EditRefused(f"the file has no lines {part.first} to {part.last}", "nothing to repair", "look again")
    start = sum(len(line) + 1 for line in lines[: part.first - 1])
    end = start + len("\n".join(lines[part.first - 1 : part.last]).removesuffix("\r"))
    newline = "\r\n" if lines[part.last - 1].endswith("\r") else "\n"
    new = part.text.removesuffix("\n").removesuffix("\r").replace("\r\n", "\n").replace("\n", newline)
    return Splice(start, end, text[start:end], new)
