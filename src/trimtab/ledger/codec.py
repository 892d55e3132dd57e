"""
Values of `model` to JSON and back, by their type hints

`encode` tags a dataclass with its class name under "_"; `decode(hint, data)` needs no tag unless the hint is a union.
Fields that this version does not know are dropped, missing ones take their default, so old and new entries both read.
"""

from __future__ import annotations

import json
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, cast

T = TypeVar("T")
TAG = "_"
PAIRS = "pairs"  # the tag of a mapping whose keys are not in the order that canonical JSON has them in
PLAIN = (str, int, float, bool, type(None))


class CodecError(ValueError):
    """The data does not have the shape of the type asked for."""


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no blanks: one value, one text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def encode(value: object) -> object:
    """A JSON value that `decode` turns back; datetimes become ISO text in UTC. Functions are left out (None)."""
    return _encode(value, ordered=False)


def _encode(value: object, *, ordered: bool) -> object:
    """`ordered`: inside a dataclass, where the order of keys (a job to be written into a file) has to survive `canonical`."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if is_dataclass(value):
        parts = {f.name: _encode(getattr(value, f.name), ordered=True) for f in fields(value)}
        return {TAG: type(value).__name__, **parts}
    if isinstance(value, Mapping):
        parts = {str(key): _encode(item, ordered=ordered) for key, item in value.items()}
        if ordered and (TAG in parts or list(parts) != sorted(parts)):
            return {TAG: PAIRS, PAIRS: [[name, item] for name, item in parts.items()]}
        return parts
    if isinstance(value, (list, tuple)):
        return [_encode(item, ordered=ordered) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_encode(item, ordered=ordered) for item in value), key=canonical)
    return None


def decode(hint: type[T], data: object) -> T:
    """A value of type `hint` (a dataclass of `model`) from what `encode` made; CodecError when the shape is wrong."""
    try:
        return cast(T, _decode(hint, data))
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise CodecError(f"no {getattr(hint, '__name__', hint)}: {error}") from error


def _decode(hint: Any, data: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(data)
    if is_dataclass(hint):
        return _decode_dataclass(cast(type, hint), data)
    if hint is datetime:
        return _utc(data)
    if hint is float:
        return _number(data)
    if hint in PLAIN:
        return _plain(hint, data)
    return _decode_generic(hint, data)


def _decode_generic(hint: Any, data: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        if data not in arguments:
            raise CodecError(f"{data!r} is none of {arguments}")
        return data
    if origin in (typing.Union, types.UnionType):
        return _decode_union(arguments, data)
    if origin is tuple:
        items = _list(data)
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_decode(arguments[0], item) for item in items)
        return tuple(_decode(part, item) for part, item in zip(arguments, items, strict=True))
    if isinstance(origin, type) and issubclass(Mapping, origin):
        return {str(key): _decode(arguments[1], item) for key, item in _in_order(data).items()}
    return _untagged(data)  # `Data`: plain JSON as it stands


def _in_order(data: Any) -> Any:
    """The mapping that `encode` wrote as pairs."""
    return dict(data[PAIRS]) if isinstance(data, Mapping) and data.get(TAG) == PAIRS else data


def _untagged(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {str(key): _untagged(item) for key, item in _in_order(data).items()}
    return [_untagged(item) for item in data] if isinstance(data, list) else data


def _decode_union(arguments: tuple[Any, ...], data: Any) -> Any:
    if data is None and type(None) in arguments:
        return None
    classes: dict[str, type] = {
        part.__name__: part for part in arguments if isinstance(part, type) and is_dataclass(part)
    }
    if isinstance(data, Mapping) and data.get(TAG) in classes:
        return _decode_dataclass(classes[data[TAG]], data)
    if len(classes) == 1 and isinstance(data, Mapping):
        return _decode_dataclass(next(iter(classes.values())), data)
    plain = [part for part in arguments if not is_dataclass(part) and part is not type(None)]
    exact = [part for part in plain if type(data) is part]
    if exact or len(plain) == 1:
        return _decode((exact or plain)[0], data)
    if plain and not isinstance(data, Mapping):
        return data
    raise CodecError(f"{type(data).__name__} is none of {[getattr(part, '__name__', part) for part in arguments]}")


def _decode_dataclass(hint: type, data: Any) -> Any:
    if not isinstance(data, Mapping):
        raise CodecError(f"{hint.__name__} wants an object, not {type(data).__name__}")
    values = {}
    for name, part, required in _shape(hint):
        if name in data:
            values[name] = _decode(part, data[name])
        elif required:
            raise CodecError(f"{hint.__name__} lacks {name}")
    return hint(**values)


@lru_cache(maxsize=64)
def _shape(hint: type) -> tuple[tuple[str, Any, bool], ...]:
    """(field, type, required) of a dataclass; `Data` stands for any JSON."""
    hints = typing.get_type_hints(hint, globalns={**vars(sys.modules[hint.__module__]), "Data": object})
    required = {f.name: f.default is MISSING and f.default_factory is MISSING for f in fields(hint)}
    return tuple((f.name, hints[f.name], required[f.name]) for f in fields(hint))


def _utc(data: Any) -> datetime:
    moment = datetime.fromisoformat(data)
    if moment.tzinfo is None:
        raise CodecError(f"{data!r} has no time zone")
    return moment.astimezone(UTC)


def _number(data: Any) -> float:
    if isinstance(data, bool) or not isinstance(data, (int, float)):
        raise CodecError(f"{data!r} is no number")
    return float(data)


def _plain(hint: Any, data: Any) -> Any:
    if type(data) is not hint:
        raise CodecError(f"{data!r} is no {hint.__name__}")
    return data


def _list(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise CodecError(f"{type(data).__name__} is no list")
    return data
