"""
Four proofs that an edit did what it said and nothing else; the fifth (the rule no longer fires) is `loop.plan`'s

1. *Inverse*: undoing the splices gives back the very bytes. 2. *Intent*: the edited text, parsed, equals the data that
`intend` transformed without looking at text. 3. *Second parser*: yaml-rs, another implementation and YAML 1.2, reads the file,
and reads the intended data too. 4. *Lines*: every line that no operation may touch is still there, in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date
from typing import Any

import yaml_rs
from yaml.nodes import MappingNode, SequenceNode

from trimtab.errors import HostileFileError, ParseError, ProofFailed
from trimtab.model import AppendItem, EditFile, InsertKey, MoveBlock, NodePath, Op, RemovePair, ReplaceScalar, RewriteOn
from trimtab.workflow.guard import decode
from trimtab.workflow.intend import intend
from trimtab.workflow.locate import (
    blank_above,
    column,
    content_end,
    dash_of,
    is_flow,
    lead_start,
    line_start,
    opens_line,
    tail_end,
)
from trimtab.workflow.splices import Edited, invert
from trimtab.workflow.tree import Scalar, Tree, parse

_WHY = "nothing was written"
_FIX = "report this with the file: it is a fault of Trimtab"


def prove(change: EditFile, edited: Edited) -> None:
    """Raise ProofFailed, naming the proof, unless all of them hold."""
    _prove_inverse(edited)
    if change.repair:
        _prove_repaired(change, edited)
        return
    before = parse(edited.before)
    try:
        after = parse(edited.after)
    except (ParseError, HostileFileError) as error:
        raise _failed("intended tree", f"the edited file does not parse: {error.what}") from None
    _prove_intent(before, after, change.ops)
    _prove_second_parser(before, after, change.ops)
    _prove_lines(before, after, change.ops)


def _failed(proof: str, what: str) -> ProofFailed:
    return ProofFailed(f"proof failed ({proof}): {what}", _WHY, _FIX)


# -------------------------------------------------------------------- 1 to 3


def _prove_inverse(edited: Edited) -> None:
    text, bom = decode(edited.after)
    try:
        back = invert(text, edited.splices)
    except ValueError as error:
        raise _failed("inverse splice", str(error)) from None
    if (b"\xef\xbb\xbf" if bom else b"") + back.encode() != edited.before:
        raise _failed("inverse splice", "undoing the edit does not give back the file")


def _prove_intent(before: Tree, after: Tree, ops: Sequence[Op]) -> None:
    difference = _difference(intend(before.typed, ops), after.typed, ())
    if difference is not None:
        raise _failed("intended tree", difference)


def _prove_second_parser(before: Tree, after: Tree, ops: Sequence[Op]) -> None:
    try:
        was, now = yaml_rs.loads(before.text), yaml_rs.loads(after.text)
    except yaml_rs.YAMLDecodeError as error:
        raise _failed("second parser", str(error).splitlines()[0]) from None
    difference = _difference(intend(was, ops, leaf=lambda value: value), now, ())
    if difference is not None:
        raise _failed("second parser", difference)


def _difference(wanted: Any, found: Any, path: NodePath) -> str | None:
    """Where two data differ, in words; None when they are equal, order of keys included."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        if list(wanted) != list(found):
            return f"{path or 'the file'} has the keys {list(found)}, not {list(wanted)}"
        parts = ((_difference(wanted[key], found[key], (*path, key))) for key in wanted)
        return next((part for part in parts if part is not None), None)
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        parts = (_difference(a, b, (*path, at)) for at, (a, b) in enumerate(zip(wanted, found, strict=True)))
        return next((part for part in parts if part is not None), None)
    if type(wanted) is type(found) and (wanted == found or repr(wanted) == repr(found)):
        return None
    if isinstance(wanted, str) and isinstance(found, date):  # yaml-rs 0.1.6 reads a quoted date as a date, too
        return None if wanted[:10] == found.isoformat()[:10] else f"{path} is {found}, not {wanted}"
    if isinstance(wanted, Scalar) and isinstance(found, Scalar) and wanted.tag == found.tag == "float":
        return None if float(wanted.text) == float(found.text) else f"{path} is {found.text}, not {wanted.text}"
    return f"{path or 'the file'} is {found!r:.80}, not {wanted!r:.80}"


# -------------------------------------------------------------------- 4


def _prove_lines(before: Tree, after: Tree, ops: Sequence[Op]) -> None:
    touched: set[int] = set()
    gone = {op.path for op in ops if isinstance(op, RemovePair)}
    for op in ops:
        for start, end in _reach(before, op, gone):
            first, last = before.position(start)[0], before.position(end)[0]
            touched.update(range(first, last + 1))
    kept = [line for number, line in enumerate(_lines(before.text), 1) if number not in touched]
    if any(isinstance(op, MoveBlock) for op in ops):  # blank lines travel with what they part
        kept = [line for line in kept if line.strip()]
    _prove_kept(kept, _lines(after.text))


def _prove_kept(kept: Sequence[str], lines: Sequence[str]) -> None:
    remaining = iter(lines)
    for line in kept:
        if not any(_same_line(line, other) for other in remaining):  # consumes them: a test for a subsequence
            raise _failed("untouched lines", f"the line {line!r:.80} is gone or out of order")


def _same_line(a: str, b: str) -> bool:
    """Equal with their newlines; an open end of a file equals the line with any newline."""
    return a == b or (not (a.endswith("\n") and b.endswith("\n")) and a.rstrip("\r\n") == b.rstrip("\r\n"))


def _lines(text: str) -> list[str]:
    """Lines with their newlines, broken at newlines only."""
    lines = text.split("\n")
    return [*(f"{line}\n" for line in lines[:-1]), *lines[-1:]] if lines[-1] else [f"{line}\n" for line in lines[:-1]]


def _reach(tree: Tree, op: Op, gone: Set[NodePath]) -> Iterator[tuple[int, int]]:
    """
    The stretches of the old text, as offsets, whose lines an operation may change; inserted lines change none

    `gone` are all paths that the change removes.
    """
    match op:
        case RewriteOn():
            for start, end in _pair_reach(tree, ("on",)):  # its deeper comments are indented anew
                yield start, tail_end(tree, end, column(tree.text, start)) - 1
        case ReplaceScalar(path=path):
            yield from _value_reach(tree, path)
        case RemovePair(path=path):
            yield from _removal_reach(tree, path, gone)
        case MoveBlock(path=path):
            yield from _move_reach(tree, path)
        case InsertKey(path=path) | AppendItem(path=path):
            node = tree.node(path)
            if is_flow(node) or not isinstance(node, MappingNode | SequenceNode):
                yield from _pair_reach(tree, path)
            elif isinstance(op, InsertKey) and op.before is not None and op.after is None:
                key = tree.key_node((*path, op.before))
                if key is not None and not opens_line(tree.text, key.start_mark.index):
                    yield key.start_mark.index, key.end_mark.index


def _pair_reach(tree: Tree, path: NodePath) -> Iterator[tuple[int, int]]:
    """A key and its value, or an item."""
    node = tree.node(path)
    if node is None:
        return
    key = tree.key_node(path)
    parent = tree.node(path[:-1])
    start = key.start_mark.index if key is not None else node.start_mark.index
    if isinstance(parent, SequenceNode) and not is_flow(parent) and isinstance(path[-1], int):
        start = dash_of(tree, parent, path[-1])
    floor = key.end_mark.index if key is not None else start
    yield start, max(content_end(tree, node, floor), floor)


def _value_reach(tree: Tree, path: NodePath) -> Iterator[tuple[int, int]]:
    node = tree.node(path)
    if node is not None:
        yield node.start_mark.index, content_end(tree, node, node.start_mark.index)


def _removal_reach(tree: Tree, path: NodePath, gone: Set[NodePath]) -> Iterator[tuple[int, int]]:
    """What goes; in brackets, everything between them; the last of a collection takes its owner's line along."""
    yield from _pair_reach(tree, path)
    parent = tree.node(path[:-1])
    if is_flow(parent):
        yield from _value_reach(tree, path[:-1])
    elif isinstance(parent, MappingNode):
        staying = [key for key, _ in parent.value if (*path[:-1], key.value) not in gone]
        if not staying:
            yield from _pair_reach(tree, path[:-1])
        elif parent.value[0][0] is not staying[0]:  # the first that stays moves up, maybe to a dash
            yield parent.start_mark.index, staying[0].start_mark.index
    if isinstance(parent, SequenceNode) and all((*path[:-1], at) in gone for at in range(len(parent.value))):
        yield from _removal_reach(tree, path[:-1], gone | {path[:-1]})


def _move_reach(tree: Tree, path: NodePath) -> Iterator[tuple[int, int]]:
    """What moves: with the comments and blank lines above it, and deeper comments below."""
    for start, end in _pair_reach(tree, path):
        lead = lead_start(tree, start)
        while blank_above(tree.text, lead):
            lead = line_start(tree.text, lead - 1)
        yield lead, tail_end(tree, end, column(tree.text, start) - 1)


# -------------------------------------------------------------------- repair


def _prove_repaired(change: EditFile, edited: Edited) -> None:
    """The file did not parse before, does in both parsers after, and only the named lines changed."""
    if _parses(edited.before):
        raise _failed("repair", "the file parsed before: there is nothing to repair")
    try:
        after = parse(edited.after)
        yaml_rs.loads(after.text)
    except (ParseError, HostileFileError) as error:
        raise _failed("intended tree", f"the repaired file does not parse: {error.what}") from None
    except yaml_rs.YAMLDecodeError as error:
        raise _failed("second parser", str(error).splitlines()[0]) from None
    touched = {number for part in change.repair for number in range(part.first, part.last + 1)}
    lines = enumerate(_lines(decode(edited.before)[0]), 1)
    _prove_kept([line for number, line in lines if number not in touched], _lines(after.text))


def _parses(data: bytes) -> bool:
    """A duplicate key is an error to GitHub and to the second parser, though not to the first."""
    try:
        tree = parse(data)
        yaml_rs.loads(tree.text)
    except (ParseError, HostileFileError, yaml_rs.YAMLDecodeError):
        return False
    return True
