"""
Correct events and keys that GitHub does not know

One unknown key, or a key that stands twice, and GitHub refuses the whole file; an unknown event never starts it. The nearest
known name is proposed where the value is short enough to be written anew without losing a comment; otherwise the finding
says what was probably meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from trimtab.catalogue.evidence import Evidence
from trimtab.model import Data, Design, EditFile, Finding, InsertKey, Op, RemovePair, ReplaceScalar, Risk, Unknown
from trimtab.workflow.model import Workflow
from trimtab.workflow.tree import Scalar
from trimtab.workflow.validity import Problem, duplicate_keys, unknown_events, unknown_keys

metric, risk = "runner_minutes", Risk.REVIEW
design: Design = "unverifiable"
settings: Mapping[str, object] = {}

_MOST_LINES = 8


def find(evidence: Evidence) -> Iterator[Finding]:
    for workflow in evidence.workflows():
        problems = (*unknown_events(workflow), *unknown_keys(workflow), *duplicate_keys(workflow))
        if problems:
            yield _finding(workflow, problems)


def _finding(workflow: Workflow, problems: Sequence[Problem]) -> Finding:
    ops = tuple(op for problem in problems for op in _ops(workflow, problem))
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Finding(
        rule="fix-unknown-keys",
        says=problems[0].says + more,
        where=workflow.span(problems[0].path),
        node=problems[0].path,
        evidence=tuple(p.says + (f"; did you mean {p.nearest!r}?" if p.nearest else "") for p in problems),
        predicts=Unknown("GitHub refuses the file or never starts it, so there are no minutes to compare"),
        change=EditFile(workflow.path, ops) if ops else None,
        risk=risk if ops else Risk.NONE,
        spots=tuple(workflow.span(p.path) for p in problems[1:]),
    )


def _ops(workflow: Workflow, problem: Problem) -> tuple[Op, ...]:
    """What writes the nearest name in place of the wrong one; nothing when none is near or text would be lost."""
    if problem.nearest is None or workflow.tree.duplicates:
        return ()
    if not problem.is_key:
        return (ReplaceScalar(problem.path, problem.nearest),)
    value = _short_value(workflow, problem)
    if isinstance(value, Unknown):
        return ()
    *parent, wrong = problem.path
    return (InsertKey(tuple(parent), problem.nearest, value, before=str(wrong)), RemovePair(problem.path))


def _mapping(workflow: Workflow, problem: Problem) -> Mapping[str, object]:
    data: object = workflow.tree.typed
    for part in problem.path[:-1]:
        data = data[part]  # type: ignore[index]
    assert isinstance(data, Mapping)
    return data


def _short_value(workflow: Workflow, problem: Problem) -> Data | Unknown:
    """The value as plain data if it is short and holds no comment and no multi-line text."""
    key, node = workflow.tree.key_node(problem.path), workflow.tree.node(problem.path)
    if key is None or node is None:
        return Unknown("no such place")
    start, text = key.start_mark.index, workflow.tree.text
    source = text[start : node.end_mark.index].rstrip()
    behind = text[start + len(source) :].partition("\n")[0]
    comment = re.search(r"(^|\s)#", source + behind)
    if comment or workflow.tree.may_have_anchors or _is_block(node) or source.count("\n") > _MOST_LINES:
        return Unknown("its formatting would be lost")
    return _data(_mapping(workflow, problem)[str(problem.path[-1])])


def _is_block(node: Node) -> bool:
    """Whether a text in block style (`|`, `>`) is in it."""
    if isinstance(node, MappingNode):
        return any(_is_block(value) for _, value in node.value)
    if isinstance(node, SequenceNode):
        return any(map(_is_block, node.value))
    return isinstance(node, ScalarNode) and node.style in ("|", ">")


def _data(value: object) -> Data | Unknown:
    """Typed scalars as Python values that are written back as they stood; Unknown for a number in a rare notation."""
    if isinstance(value, Scalar):
        return _scalar(value)
    if isinstance(value, Mapping):
        pairs = {str(key): _data(item) for key, item in value.items()}
        return next((v for v in pairs.values() if isinstance(v, Unknown)), pairs)  # type: ignore[return-value]
    assert isinstance(value, Sequence)
    items = [_data(item) for item in value]
    return next((v for v in items if isinstance(v, Unknown)), items)  # type: ignore[return-value]


def _scalar(value: Scalar) -> Data | Unknown:
    if value.tag == "str":
        return value.text
    if value.tag == "null":
        return None
    if value.tag == "bool" and value.text in ("true", "false"):
        return value.text == "true"
    if value.tag == "int" and value.text.isdecimal() and str(int(value.text)) == value.text:
        return int(value.text)
    return Unknown("a number in a rare notation")
