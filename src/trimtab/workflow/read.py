"""
From nodes to the typed view: what a workflow file says, in the shapes of `workflow.model`

Never raises on malformed shapes: a job without a mapping, `on: 5`, steps that are strings give absent fields, because
telling the user about them is the work of the validity rules, not of whoever only wanted to read.
"""

from __future__ import annotations

from collections.abc import Mapping

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from trimtab.model import NodePath
from trimtab.workflow.model import Concurrency, Event, Job, Matrix, Step, Workflow
from trimtab.workflow.tree import Tree, is_null, parse

_Fields = dict[str, Node]


def read(path: str, data: bytes) -> Workflow:
    """The workflow in `data`; `path` is its identity. Raises only what `tree.parse` raises (hostile or no YAML)."""
    return from_tree(path, parse(data))


def from_tree(path: str, tree: Tree) -> Workflow:
    """The workflow of an already parsed tree."""
    top = _fields(tree.root)
    jobs = _fields(top.get("jobs"))
    return Workflow(
        path=path,
        tree=tree,
        name=_text(top.get("name")),
        events=_events(top.get("on")),
        jobs={id: _job(id, node) for id, node in jobs.items()},
        concurrency=_concurrency(top.get("concurrency"), ("concurrency",)),
        env=_texts(top.get("env")),
    )


# -------------------------------------------------------------------- shapes


def _fields(node: Node | None) -> _Fields:
    """The pairs of a mapping by key text (the first of duplicates); empty for anything else."""
    if not isinstance(node, MappingNode):
        return {}
    fields: _Fields = {}
    for key, value in node.value:
        if isinstance(key, ScalarNode):
            fields.setdefault(key.value, value)
    return fields


def _text(node: Node | None) -> str | None:
    """A scalar's text; None for null, absent and collections."""
    if not isinstance(node, ScalarNode) or is_null(node):
        return None
    return str(node.value)


def _texts(node: Node | None) -> Mapping[str, str]:
    """A mapping's scalar values as text, null as ""; nested values are left out."""
    return {
        key: "" if is_null(value) else str(value.value)
        for key, value in _fields(node).items()
        if isinstance(value, ScalarNode)
    }


def _list(node: Node | None) -> tuple[str, ...]:
    """A sequence's scalar items, or one scalar as a list of one."""
    if isinstance(node, SequenceNode):
        return tuple(str(item.value) for item in node.value if isinstance(item, ScalarNode))
    text = _text(node)
    return () if text is None else (text,)


def _filter(node: Node | None) -> tuple[str, ...] | None:
    """A filter of an event: None when absent, () when empty or null."""
    return None if node is None else _list(node)


# -------------------------------------------------------------------- on


def _events(node: Node | None) -> Mapping[str, Event]:
    match node:
        case ScalarNode() if not is_null(node):
            return {node.value: Event(node.value, ("on",))}
        case SequenceNode():
            names = [(i, item.value) for i, item in enumerate(node.value) if isinstance(item, ScalarNode)]
            return {name: Event(name, ("on", index)) for index, name in reversed(names)}
        case MappingNode():
            return {name: _event(name, value) for name, value in _fields(node).items()}
    return {}


def _event(name: str, node: Node) -> Event:
    path = ("on", name)
    if name == "schedule":
        return Event(name, path, crons=_crons(node))
    fields = _fields(node)
    if not fields:
        return Event(name, path)
    return Event(
        name,
        path,
        types=_filter(fields.get("types")),
        branches=_filter(fields.get("branches")),
        branches_ignore=_filter(fields.get("branches-ignore")),
        tags=_filter(fields.get("tags")),
        tags_ignore=_filter(fields.get("tags-ignore")),
        paths=_filter(fields.get("paths")),
        paths_ignore=_filter(fields.get("paths-ignore")),
    )


def _crons(node: Node) -> tuple[str, ...]:
    items = node.value if isinstance(node, SequenceNode) else []
    texts = (_text(_fields(item).get("cron")) for item in items)
    return tuple(text for text in texts if text is not None)


# -------------------------------------------------------------------- jobs


def _concurrency(node: Node | None, path: NodePath) -> Concurrency | None:
    """Both forms: a group as a scalar, or a mapping; None when there is no group."""
    group = _text(node)
    if group is not None:
        return Concurrency(group, None, path)
    fields = _fields(node)
    group = _text(fields.get("group"))
    if group is None:
        return None
    cancel = _text(fields.get("cancel-in-progress"))
    flag = {"true": True, "false": False}.get(cancel.lower()) if cancel is not None else None
    return Concurrency(group, cancel if flag is None else flag, path)


def _job(id: str, node: Node) -> Job:
    fields = _fields(node)
    path: NodePath = ("jobs", id)
    if not fields:
        return Job(id, path)
    strategy = _fields(fields.get("strategy"))
    labels, group = _runner(fields.get("runs-on"))
    return Job(
        id=id,
        path=path,
        name=_text(fields.get("name")),
        runs_on=labels,
        group=group,
        needs=_list(fields.get("needs")),
        condition=_text(fields.get("if")),
        timeout=_text(fields.get("timeout-minutes")),
        uses=_text(fields.get("uses")),
        matrix=_matrix(strategy.get("matrix"), (*path, "strategy", "matrix")),
        fail_fast=_text(strategy.get("fail-fast")),
        max_parallel=_text(strategy.get("max-parallel")),
        outputs=_texts(fields.get("outputs")),
        steps=_steps(fields.get("steps"), path),
        concurrency=_concurrency(fields.get("concurrency"), (*path, "concurrency")),
        environment=_named(fields.get("environment"), "name"),
        container=_named(fields.get("container"), "image"),
        env=_texts(fields.get("env")),
        continue_on_error=_text(fields.get("continue-on-error")),
    )


def _runner(node: Node | None) -> tuple[tuple[str, ...], str | None]:
    """Labels and group of `runs-on` in its three forms: one label, a list, `{group, labels}`."""
    fields = _fields(node)
    if fields:
        return _list(fields.get("labels")), _text(fields.get("group"))
    return _list(node), None


def _named(node: Node | None, key: str) -> str | None:
    """A scalar, or the scalar under `key` of a mapping: `environment: prod` and `environment: {name: prod}`."""
    text = _text(node)
    return _text(_fields(node).get(key)) if text is None else text


def _steps(node: Node | None, job: NodePath) -> tuple[Step, ...]:
    items = node.value if isinstance(node, SequenceNode) else []
    return tuple(_step(index, item, (*job, "steps", index)) for index, item in enumerate(items))


def _step(index: int, node: Node, path: NodePath) -> Step:
    fields = _fields(node)
    return Step(
        index=index,
        path=path,
        id=_text(fields.get("id")),
        name=_text(fields.get("name")),
        uses=_text(fields.get("uses")),
        run=_text(fields.get("run")),
        condition=_text(fields.get("if")),
        inputs=_texts(fields.get("with")),
        env=_texts(fields.get("env")),
        timeout=_text(fields.get("timeout-minutes")),
        continue_on_error=_text(fields.get("continue-on-error")),
        shell=_text(fields.get("shell")),
        working_directory=_text(fields.get("working-directory")),
    )


# -------------------------------------------------------------------- matrix


def _matrix(node: Node | None, path: NodePath) -> Matrix | None:
    if _text(node) is not None:
        return Matrix({}, (), (), True, path)
    fields = _fields(node)
    if not fields:
        return None
    axes = {name: _axis(value) for name, value in fields.items() if name not in ("include", "exclude")}
    rows = {name: _rows(fields.get(name)) for name in ("include", "exclude")}
    return Matrix(axes, rows["include"], rows["exclude"], _has_expression(node), path)


def _axis(node: Node) -> tuple[str, ...]:
    """The values of one axis as text; a value that is itself a collection as its scalars joined, as GitHub names legs."""
    if isinstance(node, SequenceNode):
        return tuple(_joined(item) for item in node.value)
    return _list(node)


def _rows(node: Node | None) -> tuple[Mapping[str, str], ...]:
    items = node.value if isinstance(node, SequenceNode) else []
    return tuple({key: _joined(value) for key, value in _fields(item).items()} for item in items)


def _joined(node: Node) -> str:
    if isinstance(node, ScalarNode):
        return "" if is_null(node) else str(node.value)
    if isinstance(node, SequenceNode):
        return ", ".join(_joined(item) for item in node.value)
    return ", ".join(_joined(value) for _, value in node.value)


def _has_expression(node: Node | None) -> bool:
    if isinstance(node, ScalarNode):
        return "${{" in node.value
    if isinstance(node, SequenceNode):
        return any(_has_expression(item) for item in node.value)
    return isinstance(node, MappingNode) and any(_has_expression(value) for _, value in node.value)
