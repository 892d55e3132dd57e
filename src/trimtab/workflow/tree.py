"""
The text of a workflow file with the exact place of every key and value

`parse` turns bytes into a `Tree`: the text as written (newlines kept, a byte order mark set aside), PyYAML's node graph,
whose marks count characters of that very text, and lookups by `NodePath`. Keys are compared by their *text*: YAML 1.1
would read `on` as a boolean, GitHub does not.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple, TypeAlias

import yaml
from yaml import CSafeLoader
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode
from yaml.resolver import Resolver

from trimtab.errors import HostileFileError, ParseError
from trimtab.model import NodePath, Span
from trimtab.workflow.guard import check_aliases, check_depth, decode, may_have_anchor

_TAG = "tag:yaml.org,2002:"
_NULL, _STR, _SEQ, _MAP = (_TAG + name for name in ("null", "str", "seq", "map"))
_RESOLVER = Resolver()
MAX_JOBS = 1000  # the largest of 1,684 real files, a generated one, has 410


class Scalar(NamedTuple):
    """One scalar of the typed form: YAML tag without its prefix ("str", "int", "bool"...) and its text, "" for null."""

    tag: str
    text: str


Plain: TypeAlias = "str | list[Plain] | dict[str, Plain] | None"
Typed: TypeAlias = "Scalar | Sequence[Typed] | Mapping[str, Typed]"


class Duplicate(NamedTuple):
    """A key that stands twice in one mapping: the path of the key and the line (from 1) of its second place."""

    path: NodePath
    line: int


@dataclass(frozen=True, eq=False)
class Tree:
    """
    A parsed file: `text` without BOM but with its newlines, `newline` the kind that most lines end with

    Offsets (`node.start_mark.index`) count characters of `text`. Trees are compared by identity.
    """

    text: str
    bom: bool
    newline: str
    root: Node

    @property
    def encoded(self) -> bytes:
        """The bytes that the tree was parsed from."""
        return (b"\xef\xbb\xbf" if self.bom else b"") + self.text.encode()

    # ---------------------------------------------------------------- lookup

    def node(self, path: NodePath) -> Node | None:
        """The value at `path`, or None; of a duplicate key the first."""
        node: Node | None = self.root
        for part in path:
            node = child(node, part)
        return node

    def key_node(self, path: NodePath) -> ScalarNode | None:
        """The key at the end of `path`, or None (also when the path ends in an index or is empty)."""
        if not path or not isinstance(path[-1], str):
            return None
        parent = self.node(path[:-1])
        if not isinstance(parent, MappingNode):
            return None
        return next((key for key, _ in pairs(parent) if key.value == path[-1]), None)

    def span(self, file: str, path: NodePath) -> Span:
        """Where the key (or item, or root) at `path` stands in `file`; the first line when it does not exist."""
        node = self.key_node(path) or self.node(path)
        if node is None:
            return self.span_at(file, 0, 0)
        start, end = node.start_mark.index, node.end_mark.index
        if not isinstance(node, ScalarNode):  # a collection's own end says little and overshoots: show where it opens
            newline = self.text.find("\n", start)
            end = min(end, len(self.text) if newline < 0 else newline)
        return self.span_at(file, start, max(start, end))

    def span_at(self, file: str, start: int, end: int) -> Span:
        """The span of two character offsets of `text`."""
        line, column = self.position(start)
        end_line, end_column = self.position(end)
        return Span(file, line, column, end_line, end_column, self.line(line))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a character offset."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of line `number` (from 1) without its newline; empty beyond the end."""
        if not 0 < number <= len(self.line_starts):
            return ""
        start = self.line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : len(self.text) if end < 0 else end].rstrip("\r")

    @cached_property
    def line_starts(self) -> list[int]:
        """Offset of the first character of every line; a final newline opens no further line."""
        starts = [0]
        at = self.text.find("\n") + 1
        while 0 < at < len(self.text):
            starts.append(at)
            at = self.text.find("\n", at) + 1
        return starts

    # ---------------------------------------------------------------- data

    @cached_property
    def data(self) -> Plain:
        """Plain dicts and lists with scalars as text (`null` is None); of a duplicate key the last."""
        return _plain(self.root, {})

    @cached_property
    def typed(self) -> Typed:
        """As `data`, but scalars as `Scalar(tag, text)`: what proofs compare, so that `5` is not `"5"`."""
        return _typed(self.root, {})

    # ---------------------------------------------------------------- what makes editing unsafe

    @cached_property
    def may_have_anchors(self) -> bool:
        """False when no anchor or alias can be in the text."""
        return may_have_anchor(self.text)

    def has_anchor_or_alias_around(self, path: NodePath) -> bool:
        """True if the node at `path`, or a node that holds it, carries an anchor or is reached through an alias."""
        if not self.may_have_anchors:
            return False
        node: Node | None = self.root
        behind = 0  # a value that starts before the text that led to it is an alias to an earlier node
        for part in (None, *path):
            if part is not None:
                behind = node.start_mark.index if node is not None else 0
                key = self._key_of(node, part)
                behind = key.end_mark.index if key is not None else behind
                node = child(node, part)
            if node is None:
                return False
            if node.start_mark.index < behind or self.is_anchored(node):
                return True
        return False

    def is_anchored(self, node: Node) -> bool:
        """True if the node itself is written with an anchor (a tag in front of the anchor is seen through)."""
        if not self.may_have_anchors:
            return False
        start = node.start_mark.index
        first, second, *_ = [*self.text[start : start + 200].split(maxsplit=2), "", ""]
        return first.startswith("&") or (first.startswith("!") and second.startswith("&"))

    @cached_property
    def duplicates(self) -> tuple[Duplicate, ...]:
        """Every key that stands a second time in its mapping, in the order of the file."""
        found = list(_duplicates(self.root, (), set()))
        return tuple(Duplicate(path, self.position(offset)[0]) for path, offset in found)

    def _key_of(self, node: Node | None, part: str | int) -> Node | None:
        if isinstance(node, MappingNode):
            return next((key for key, _ in pairs(node) if key.value == part), None)
        return None


# -------------------------------------------------------------------- parsing


def parse(data: bytes) -> Tree:
    """
    The tree of one workflow file

    Raises HostileFileError for what must not be parsed (over 1 MiB, nesting over 100, binary, not UTF-8, an alias bomb
    or a recursive alias) and ParseError, with line and column from 1, for text that is not exactly one YAML document.
    """
    text, bom = decode(data)
    check_depth(text)
    root = _compose(text)
    _check_jobs(root)
    tree = Tree(text, bom, _majority_newline(text), root)
    if tree.may_have_anchors:
        check_aliases(root)
    return tree


def _check_jobs(root: Node) -> None:
    """HostileFileError for more jobs than MAX_JOBS: rules compare jobs with each other, so their work grows faster than files."""
    jobs = child(root, "jobs")
    if isinstance(jobs, MappingNode) and len(jobs.value) > MAX_JOBS:
        raise HostileFileError(
            f"the file has {len(jobs.value):,} jobs; Trimtab reads workflows of up to {MAX_JOBS:,}",
            "comparing all of them with each other would take too long",
            "split the workflow, or use a matrix",
        )


def reparse(tree: Tree, text: str) -> Tree:
    """The tree of `text`, which an edit made of a tree that was already found harmless."""
    return Tree(text, tree.bom, tree.newline, _compose(text))


class _Loader(CSafeLoader):
    """
    PyYAML's C loader with its resolver, written in Python and called for every node, made short

    No path resolvers are in use, so following the path is idle; and workflow files say the same words over and over. A third
    of the time of compose went there.
    """

    def descend_resolver(self, current_node: Node | None, current_index: object) -> None:
        """Nothing to follow."""

    def ascend_resolver(self) -> None:
        """Nothing to follow."""

    def resolve(self, kind: type[Node], value: str, implicit: tuple[bool, bool]) -> str:
        """The tag of a node that is written without one."""
        if kind is ScalarNode:
            return _plain_tag(value) if implicit[0] else _STR
        return _SEQ if kind is SequenceNode else _MAP


@lru_cache(maxsize=16384)
def _plain_tag(value: str) -> str:
    return str(_RESOLVER.resolve(ScalarNode, value, (True, False)))  # type: ignore[no-untyped-call]


def _compose(text: str) -> Node:
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise _parse_error(text, error) from None
    except yaml.YAMLError as error:  # a reader error: a control character, no mark
        at = getattr(error, "position", 0)
        at = at if isinstance(at, int) else 0
        before = text.encode()[:at].decode(errors="ignore")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise ParseError("the file holds a control character", "YAML forbids it", "remove it", line, column) from None
    finally:
        loader.dispose()
    if root is None:
        raise ParseError("the file is empty", "a workflow needs `on` and `jobs`", "write a workflow or remove the file")
    return root


def _parse_error(text: str, error: yaml.MarkedYAMLError) -> ParseError:
    mark = error.problem_mark or error.context_mark
    at = min(mark.index, len(text)) if mark else 0
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    what = error.problem or "not YAML"
    if "single document" in (error.context or ""):
        what = "the file holds more than one YAML document"
    return ParseError(what, error.context or "GitHub cannot read the file either", "correct the line", line, column)


def _majority_newline(text: str) -> str:
    crlf = text.count("\r\n")
    return "\r\n" if crlf * 2 > text.count("\n") else "\n"


# -------------------------------------------------------------------- walking nodes


def pairs(node: MappingNode) -> list[tuple[ScalarNode, Node]]:
    """Key and value nodes of a mapping whose keys are scalars; pairs with complex keys are left out."""
    return [pair for pair in node.value if isinstance(pair[0], ScalarNode)]


def child(node: Node | None, part: str | int) -> Node | None:
    """The value under a key (by its text) or at an index; None when there is none."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == part and isinstance(key, ScalarNode):
                found: Node = value
                return found
    elif isinstance(node, SequenceNode) and isinstance(part, int) and 0 <= part < len(node.value):
        item: Node = node.value[part]
        return item
    return None


def is_null(node: Node | None) -> bool:
    """True for an absent node and for a plain null (`key:`, `key: ~`, `key: null`)."""
    return node is None or node.tag == _NULL


def _plain(node: Node, seen: dict[int, Plain]) -> Plain:
    if isinstance(node, ScalarNode):
        return None if node.tag == _NULL else str(node.value)
    if id(node) not in seen:
        if isinstance(node, MappingNode):
            seen[id(node)] = {_key_text(key): _plain(value, seen) for key, value in node.value}
        else:
            seen[id(node)] = [_plain(item, seen) for item in node.value]
    return seen[id(node)]


def _typed(node: Node, seen: dict[int, Typed]) -> Typed:
    if node.tag == _NULL:
        return Scalar("null", "")
    if isinstance(node, ScalarNode):
        return Scalar(node.tag.removeprefix(_TAG), str(node.value))
    if id(node) not in seen:
        if isinstance(node, MappingNode):
            seen[id(node)] = {_key_text(key): _typed(value, seen) for key, value in node.value}
        else:
            seen[id(node)] = [_typed(item, seen) for item in node.value]
    return seen[id(node)]


def _key_text(key: Node) -> str:
    """A scalar key's text; a complex key (invalid for GitHub) is named by its offset, so that two never collide."""
    return str(key.value) if isinstance(key, ScalarNode) else f"\0complex@{key.start_mark.index}"


def _duplicates(node: Node, path: NodePath, seen: set[int]) -> Iterator[tuple[NodePath, int]]:
    if not isinstance(node, CollectionNode) or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield from _duplicates(item, (*path, index), seen)
        return
    names: set[str] = set()
    for key, value in node.value:
        name = _key_text(key)
        here = (*path, name)
        if name in names:
            yield here, key.start_mark.index
        names.add(name)
        yield from _duplicates(value, here, seen)
