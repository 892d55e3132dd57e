"""
Workflows restyled at random, edited by random operations, singly and several at once: no proof may ever fail

The generator writes the same kind of data in every manner that people use: block and flow, lists indented and not, any step,
comments behind, between and below keys, blank lines, quotes, folded texts, block scalars with every chomping, anchors
and aliases, tabs, unicode, CRLF and mixed newlines, byte order marks, open ends. An edit is either proved or refused with
a reason; nothing else may happen.
"""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import Phase, event, given, reject, settings
from hypothesis import strategies as st

from trimtab.errors import EditRefused, ParseError
from trimtab.model import AppendItem, EditFile, InsertKey, MoveBlock, Op, RemovePair, ReplaceScalar, RewriteOn
from trimtab.workflow.edits import edit
from trimtab.workflow.intend import holds
from trimtab.workflow.prove import prove
from trimtab.workflow.tree import parse

_WORDS = ["push", "main", "a b", "ünï 🚀", "3.10", "true", "${{ a.b }}", "x-y", "v1", "0"]
_SCRIPTS = ["echo a", "echo a\necho b", "if x; then\n  y\nfi", "a\n\n# no comment\nb", "ä\n    deep"]
_KEYS = ["name", "env", "with", "run", "if", "needs", "branches", "key", "id", "steps"]


class _Writer:
    """Writes data as YAML lines in a manner drawn at random."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.step = random.choice([2, 2, 4, 3])
        self.dash = random.choice([0, 2, self.step])
        self.anchors = 0

    def chance(self, one_in: int) -> bool:
        return self.random.randrange(one_in) == 0

    def block(self, data: Any, depth: int) -> list[str]:
        """Lines of a collection in block style."""
        lines: list[str] = []
        for part in data.items() if isinstance(data, dict) else data:
            lines += self.between(depth)
            lines += self.pair(*part, depth) if isinstance(data, dict) else self.item(part, depth)
        return lines

    def between(self, depth: int) -> list[str]:
        if self.chance(8):
            return [""]
        if self.chance(8):
            return [" " * (depth + self.random.choice([0, 0, 2, 5])) + "# between, it's: [a] {comment"]
        return []

    def behind(self) -> str:
        return self.random.choice(["  # behind: 'it", "  # behind: 'it", "\t# tab"]) if self.chance(6) else ""

    def pair(self, key: str, value: Any, depth: int) -> list[str]:
        return self.led(f"{' ' * depth}{self.key(key)}:", value, depth, self.step)

    def key(self, key: str) -> str:
        return self.random.choice([f'"{key}"', f"{key} "]) if self.chance(12) else key

    def item(self, value: Any, depth: int) -> list[str]:
        pad = " " * depth
        if isinstance(value, dict) and value and not self.chance(4):
            if self.chance(6):
                return [f"{pad}-{self.behind()}", *self.block(value, depth + 2)]
            lines = self.pair(*next(iter(value.items())), depth + 2)
            rest = dict(list(value.items())[1:])
            return [f"{pad}- {lines[0].lstrip()}", *lines[1:], *self.block(rest, depth + 2)]
        return self.led(f"{pad}-", value, depth, 2)

    def led(self, lead: str, value: Any, depth: int, step: int) -> list[str]:
        """`lead` is "key:" or "-"."""
        if isinstance(value, (dict, list)) and value and not self.chance(4):
            deeper = depth + (self.dash if isinstance(value, list) and lead.endswith(":") else step)
            return [f"{lead}{self.behind()}", *self.block(value, deeper)]
        if self.anchors and self.chance(5) and not isinstance(value, dict | list):
            return [f"{lead} *a{self.random.randint(1, self.anchors)}{self.behind()}"]
        if value is None:
            return [f"{lead}{self.random.choice(['', '', ' ~', ' null'])}{self.behind()}"]
        if isinstance(value, str) and "\n" in value:
            return self.script(lead, value, depth)
        if isinstance(value, (dict, list)) and value and self.chance(3) and lead.endswith(":"):
            return self.long_flow(lead, value, depth)
        if isinstance(value, str) and self.chance(6):
            return self.folded(lead, value, depth)
        return [f"{lead} {self.anchor(value)}{self.flow(value)}{self.behind()}"]

    def anchor(self, value: Any) -> str:
        """Now and then an anchor, which a later value of this kind is an alias of."""
        if not self.chance(60):
            return ""
        self.anchors += 1
        return f"&a{self.anchors} "

    def folded(self, lead: str, text: str, depth: int) -> list[str]:
        """One text over several lines, plain or quoted."""
        pad = " " * (depth + self.random.choice([1, 2, 6]))
        word = text.replace("{", "").replace("}", "")
        quote = self.random.choice(["", "'", '"'])
        blank = [""] if self.chance(3) else []
        return [
            f"{lead} {quote}{word}",
            *blank,
            f"{pad}# {word}" if quote else f"{pad}more",
            f"{pad}end{quote}{self.behind()}",
        ]

    def script(self, lead: str, text: str, depth: int) -> list[str]:
        chomp = self.random.choice(["", "", "-", "+"])
        pad = " " * (depth + self.random.choice([2, 2, 4]))
        body = [pad + line if line else "" for line in text.split("\n")]
        below = [""] * self.random.randrange(3)
        return [f"{lead} {self.random.choice('||>')}{chomp}{self.behind()}", *body, *below]

    def long_flow(self, lead: str, value: Any, depth: int) -> list[str]:
        pad = " " * (depth + self.step)
        parts = (
            [f"{k}: {self.flow(v)}" for k, v in value.items()]
            if isinstance(value, dict)
            else list(map(self.flow, value))
        )
        opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
        lines = [f"{pad}{part},{self.behind()}" for part in parts]
        return [f"{lead} {opening}{self.behind()}", *lines, f"{pad}{closing}{self.behind()}"]

    def flow(self, value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key}: {self.flow(each)}" for key, each in value.items()) + "}"
        if isinstance(value, list):
            comma = self.random.choice(["", ","]) if value else ""
            return "[" + ", ".join(self.flow(each) for each in value) + comma + "]"
        if value is None:
            return "null"
        if isinstance(value, str):
            text = value.replace("\n", " ")
            bare = [] if any(character in text for character in "{};#") else [text]
            return self.random.choice([f"'{text}'", f'"{text}"', *bare])
        return str(value).lower() if isinstance(value, bool) else str(value)


def _data(random: Random, depth: int = 0) -> Any:
    kind = random.randrange(8 if depth < 4 else 4)
    if kind < 2:
        return random.choice(_WORDS)
    if kind < 4:
        return random.choice([random.choice(_SCRIPTS), None, random.randrange(99), True])
    if kind < 6:
        return [_data(random, depth + 1) for _ in range(random.randrange(4))]
    return {key: _data(random, depth + 1) for key in random.sample(_KEYS, random.randrange(5))}


def _workflow(random: Random) -> bytes:
    """The bytes of a workflow-like file."""
    on = random.choice(["push", ["push", "pull_request"], {"push": None}, {"push": {"branches": ["main"]}}])
    data = {"name": "CI", "on": on, "env": _data(random), "jobs": {"a": _data(random), "b": _data(random)}}
    lines = _Writer(random).block(data, random.choice([0, 0, 0, 2]))
    if random.randrange(6) == 0:
        lines = ["# head", "---", *lines]
    if random.randrange(8) == 0:
        lines += ["# tail"]
    text = "\n".join(lines) + random.choice(["\n", "\n", "", "\n\n", "\n...\n"])
    newlines = random.choice([["\n"], ["\n"], ["\r\n"], ["\n", "\r\n"]])
    text = "".join(character if character != "\n" else random.choice(newlines) for character in text)
    return random.choice([b"", b"", b"\xef\xbb\xbf"]) + text.encode()


def _places(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    """Every path of plain data with its value."""
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [(path, data), *(each for part, value in parts for each in _places(value, (*path, part)))]


_NEW = [
    *(5, True, 2.5, "text", "3.10", "a: b", "x\ny\n", "x\ny", None, ["m", "n"], [], {}, {"k": 1}),
    {"k": {"l": ["m", {"n": "o", "q": None}], "s": "p\nq\n"}},
]


def _operation(random: Random, data: Any) -> Op:
    path, value = random.choice(_places(data))
    new = random.choice(_NEW)
    ops: list[Op] = [RewriteOn({"push": {"branches": ["main"]}, "pull_request": None})]
    if isinstance(value, dict):
        side = {random.choice(["after", "before"]): random.choice([None, *value])}
        comment = random.choice([None, None, "why\nnot"])
        ops += [InsertKey(path, random.choice(["new", "newer", "on"]), new, comment=comment, **side)] * 4
        ops += [MoveBlock((*path, random.choice([*value])), random.choice([*value]))] if len(value) > 1 else []
    elif isinstance(value, list):
        ops += [AppendItem(path, new)] * 2
        ops += [MoveBlock((*path, random.randrange(len(value))), random.randrange(len(value)))] * 2 if value else []
    else:
        ops += [ReplaceScalar(path, random.choice([7, False, "w", "x: y", "p\nq\n", "p\nq"]))] * 3
        ops += [AppendItem(path, "item"), *([InsertKey(path, "new", new)] * 3 if value is None else [])]
    return random.choice([*ops, *([RemovePair(path)] * 2 if path else [])])


@settings(max_examples=400, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.integers(0, 2**32 - 1))
def test_no_edit_of_a_restyled_file_fails_a_proof(seed: int) -> None:
    random = Random(seed)
    source = _workflow(random)
    try:
        tree = parse(source)
    except ParseError:
        reject()  # a tab where libyaml takes none
    ops = tuple(_operation(random, tree.data) for _ in range(random.choice([1, 1, 2, 3])))
    change = EditFile("ci.yml", ops)
    try:
        edited = edit(source, change)
    except EditRefused as refusal:
        event(f"refused: {refusal.what[-30:]}")
        assert refusal.fix, "a refusal says what to do"  # noqa: PT017
        return
    prove(change, edited)
    if len(ops) == 1 and isinstance(ops[0], InsertKey | ReplaceScalar | RewriteOn):
        assert holds(parse(edited.after), ops[0])
        event("proved and held")
