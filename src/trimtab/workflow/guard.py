"""
What a workflow file must not be before a parser may see it: too large, too deep, binary, or an alias bomb

libyaml's compose recurses on the C stack and overflows it at a depth of about 40,000, so depth is bounded *before*
compose: cheaply, by counting what could nest at all, and by a scan of parser events (which does not recurse) only when
that count is in doubt. Aliases are bounded after compose, on the shared nodes, before anything walks them.
"""

from __future__ import annotations

import re

import yaml
from yaml import CSafeLoader
from yaml.nodes import CollectionNode, Node

from trimtab.errors import HostileFileError

MAX_BYTES = 1 << 20
MAX_DEPTH = 100
MAX_EXPANDED = 4 << 20  # characters of all scalars, counting an aliased one each time
MAX_NODES = 100_000  # nodes, counting an aliased one each time; the largest of 1,007 real files has 15,158

_WHY = "reading it could exhaust memory or the stack, and GitHub would not run it"
# What can precede a token: a blank, any line break of YAML 1.1, a byte order mark (libyaml skips it), a flow indicator.
_BEFORE_TOKEN = " \t\n\r\x85\u2028\u2029\ufeff[{,:?-"
# A block collection opens at a deeper column than its parent's (or the same, for an indentless sequence), and before it
# on its line stand only blanks and "- ? :". Less than 30 of those on every line bound block nesting by 2 * 30.
_DEEP_PREFIX = 30
_DEEP_LINE = re.compile(f"\n[ \t\ufeff?:-]{{{_DEEP_PREFIX}}}")
_OTHER_BREAKS = ("\x85", "\u2028", "\u2029")
_MANY_BRACKETS = 39
_OPENING = re.compile(f"(?<=[{re.escape(_BEFORE_TOKEN)}])[\\[{{]")
_NAMED = re.compile("&[A-Za-z0-9_-]")


def decode(data: bytes) -> tuple[str, bool]:
    """The text without a byte order mark and whether it had one; HostileFileError if large, binary or not UTF-8."""
    if len(data) > MAX_BYTES:
        raise HostileFileError(
            f"the file has {len(data):,} bytes; Trimtab reads workflow files of up to {MAX_BYTES:,}",
            _WHY,
            "split the workflow, or move large scripts into files of the repository",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HostileFileError(
            f"the file is not UTF-8 text (byte {error.start})",
            "GitHub reads workflow files as UTF-8",
            "save it as UTF-8",
        ) from None
    if "\0" in text:
        raise HostileFileError(
            f"the file is binary (NUL at character {text.index(chr(0))})", _WHY, "remove it from .github/workflows"
        )
    return text, data.startswith(b"\xef\xbb\xbf")


def may_have_anchor(text: str) -> bool:
    """False only if no anchor can be in the text; `&&` and `2>&1` in scripts are none, `&name` in a comment may be."""
    if "&" not in text:
        return False
    return any(match.start() == 0 or text[match.start() - 1] in _BEFORE_TOKEN for match in _NAMED.finditer(text))


def check_depth(text: str) -> None:
    """
    Raise HostileFileError when collections nest deeper than MAX_DEPTH or there are more than MAX_NODES nodes

    A YAML error here is left to the parser.
    """
    if len(text) <= 2 * MAX_NODES and not _could_be_deep(text):  # a node takes two characters at least
        return
    nodes, deepest = _scan(text)
    if deepest > MAX_DEPTH:
        raise HostileFileError(f"the file nests deeper than {MAX_DEPTH} levels", _WHY, "remove the nesting")
    if nodes > MAX_NODES:
        raise HostileFileError(f"the file holds more than {MAX_NODES:,} nodes", _WHY, "split the workflow")


def _could_be_deep(text: str) -> bool:
    """False only if no more than MAX_DEPTH collections can nest: 60 of block and 40 of flow style."""
    brackets = text.count("[") + text.count("{") - text.count("${") - text.count("${{")
    if brackets > _MANY_BRACKETS and len(_OPENING.findall(text)) > _MANY_BRACKETS:
        return True
    if "\r" in text and text.count("\r") != text.count("\r\n"):
        return True
    first = _DEEP_LINE.match("\n" + text[:_DEEP_PREFIX])
    return first is not None or _DEEP_LINE.search(text) is not None or any(other in text for other in _OTHER_BREAKS)


def _scan(text: str) -> tuple[int, int]:
    """How many nodes there are and how deep they nest, counted until one of the limits is passed."""
    nodes = depth = deepest = 0
    try:
        for event in yaml.parse(text, Loader=CSafeLoader):
            nodes += isinstance(event, yaml.NodeEvent)
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                deepest = max(deepest, depth)
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if deepest > MAX_DEPTH or nodes > MAX_NODES:
                break
    except yaml.YAMLError:
        return nodes, deepest  # not swallowed: compose meets the same error next and tells it with its position
    return nodes, deepest


def check_aliases(root: Node) -> None:
    """Raise HostileFileError when an alias contains itself, or when expanding all aliases would explode."""
    nodes, characters = _expanded(root, {}, set())
    if nodes > MAX_NODES or characters > MAX_EXPANDED:
        most = f"{MAX_NODES:,} nodes" if nodes > MAX_NODES else f"{MAX_EXPANDED:,} characters"
        raise HostileFileError(f"the file's aliases expand to more than {most}", _WHY, "write the values out")


def _expanded(node: Node, sizes: dict[int, tuple[int, int]], open_nodes: set[int]) -> tuple[int, int]:
    """How many nodes, and how many characters in them, there are once every alias is written out."""
    if not isinstance(node, CollectionNode):
        return 1, len(node.value)
    key = id(node)
    if key in open_nodes:
        raise HostileFileError("an alias in the file contains itself", _WHY, "remove the alias")
    if key not in sizes:
        open_nodes.add(key)
        inner = [_expanded(child, sizes, open_nodes) for child in children(node)]
        sizes[key] = 1 + sum(nodes for nodes, _ in inner), sum(characters for _, characters in inner)
        open_nodes.discard(key)
    return sizes[key]


def children(node: CollectionNode) -> list[Node]:
    """Child nodes in order; of a mapping its keys and values alternately."""
    if node.value and isinstance(node.value[0], tuple):
        return [part for pair in node.value for part in pair]
    return list(node.value)
