"""
What a team may say in trimtab.toml, as one frozen value

Pure: `world` reads the text, `parse` understands it. An unknown key is an error that says "did you mean". The repository's
file is untrusted: no key names an executable, a URL, a credential or a path outside the repository, and a value that looks
like one is refused wherever it stands.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal, TypeAlias, TypeGuard, get_args

from trimtab.errors import ConfigError

Ranges: TypeAlias = Mapping[str, tuple[float, float]]  # by setting of a rule: least and largest
Delivery = Literal["working-tree", "branch", "pull-request"]
RUNNER_CLASSES = ("hosted", "slim", "self-hosted")
LARGEST = 256 * 1024  # characters; a configuration longer than that is a mistake or an attack
_FIX = "see `trimtab init --print` for every key with its default"


@dataclass(frozen=True, slots=True)
class Config:
    """`build` are the workflow paths that the KPIs call "the build"; empty means all of them."""

    build: tuple[str, ...] = ()
    targets: Mapping[str, float] = field(default_factory=dict)  # by KPI id
    disabled: frozenset[str] = frozenset()  # rule ids
    rules: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # rule id -> its settings
    runners: Mapping[str, str] = field(default_factory=dict)  # label -> hosted | slim | self-hosted
    delivery: Delivery = "working-tree"
    backup_in_diff: bool = False
    horizon_days: int = 28
    remote: str = "origin"


def parse(
    text: str,
    *,
    rules: Mapping[str, Mapping[str, object]] | None = None,
    kpis: Collection[str] | None = None,
    ranges: Mapping[str, Ranges] | None = None,
) -> Config:
    """
    The configuration that a trimtab.toml says

    `rules` maps each rule id to its settings with defaults, `kpis` are the KPI ids; names outside them are refused. Without
    them (None) ids are taken as they stand. `ranges` are by rule id the least and largest value of its numbers. Raises
    ConfigError, which names the key and the nearest one that exists.
    """
    table = _toml(text)
    _refuse_unknown(table, _KEYS, "trimtab.toml")
    for place, value in _strings(table):
        _refuse_hostile(place, value)
    return Config(
        build=tuple(_workflow_path("build", item) for item in _texts(table, "build")),
        targets=_targets(_mapping(table, "targets"), kpis),
        disabled=frozenset(_known("disabled", item, rules) for item in _texts(table, "disabled")),
        rules={
            id: _settings(id, value, rules, (ranges or {}).get(id, {}))
            for id, value in _mapping(table, "rules").items()
        },
        runners=_runners(_mapping(table, "runners")),
        delivery=_delivery(table.get("delivery", "working-tree")),
        backup_in_diff=_truth(table, "backup-in-diff", False),
        horizon_days=_days(table.get("horizon-days", 28)),
        remote=_remote(table.get("remote", "origin")),
    )


_KEYS = (
    *("build", "targets", "disabled", "rules", "runners"),
    *("delivery", "backup-in-diff", "horizon-days", "remote"),
)


def _toml(text: str) -> dict[str, object]:
    if len(text) > LARGEST:
        raise ConfigError(f"trimtab.toml has {len(text):,} characters", f"more than {LARGEST:,} are not read", _FIX)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits is a bare ValueError
        told = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ConfigError(f"trimtab.toml is no TOML: {told}", "none of it was used", "mend that line") from error


def nearest(word: str, known: Collection[str]) -> str:
    """ "did you mean ...?" with the nearest known word, or the known words when none is near."""
    close = get_close_matches(word.replace("_", "-").lower(), sorted(known), n=1, cutoff=0.5)
    return f'did you mean "{close[0]}"?' if close else "known are: " + ", ".join(sorted(known))


def _refuse_unknown(table: Mapping[str, object], known: Collection[str], place: str) -> None:
    for key in table:
        if key not in known:
            why = "an unknown key would silently do nothing"
            raise ConfigError(f'{place} has no key "{key}"', why, nearest(key, known))


def _known(place: str, id: str, known: Collection[str] | None) -> str:
    if known is not None and id not in known:
        raise ConfigError(f'{place} names "{id}", which does not exist', "it would do nothing", nearest(id, known))
    return id


# ------------------------------------------------------------------------------------ hostile values

_CREDENTIAL = re.compile(
    r"\b(gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|AKIA[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}|eyJ[\w-]{20,}\.)|-----BEGIN"
)
_URL = re.compile(
    r"^\s*[a-zA-Z][a-zA-Z0-9+.\-]*://|^\s*[\w.\-]+@[\w.\-]+:|^\s*(mailto|data|file|javascript|ext)::?", re.I
)
_OUTSIDE = re.compile(r"^\s*([/\\~]|[a-zA-Z]:[/\\])|(^|[/\\])\.\.([/\\]|\s*$)")


def _strings(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Each string value with the dotted name of its place."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _strings(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, place)


def _refuse_hostile(place: str, value: str) -> None:
    """Raise ConfigError for a value that no team needs and an attacker might."""
    checks = ((_CREDENTIAL, "a credential"), (_URL, "a URL"), (_OUTSIDE, "a path outside the repository"))
    for pattern, name in checks:
        if pattern.search(value):
            raise ConfigError(
                f"{place} looks like {name}",
                "trimtab.toml comes with the repository, whose authors are not trusted that far",
                "take it out; tokens stay with gh, remotes are named in git, programs are found on PATH",
            )
    if any((ord(char) < 32 and char not in "\t\n") or ord(char) == 127 for char in value):
        raise ConfigError(f"{place} holds a control character", "it would reach a terminal", "take it out")


def _workflow_path(place: str, path: str) -> str:
    if re.fullmatch(r"\.github/workflows/[^/\\]+\.ya?ml", path):
        return path
    if re.fullmatch(r"[^/\\]+\.ya?ml", path):
        return f".github/workflows/{path}"
    why = "the KPIs are measured over workflows, whose identity is their path"
    raise ConfigError(f'{place} names "{path}", which is no workflow file', why, 'write ".github/workflows/ci.yml"')


def _remote(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value):
        return value
    raise ConfigError(f"remote is {value!r}", "only the name of a remote of this clone is allowed", 'remote = "origin"')


# ------------------------------------------------------------------------------------ typed values


def _texts(table: Mapping[str, object], key: str) -> list[str]:
    value = table.get(key, [])
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    raise ConfigError(f"{key} is {value!r}", "a list of texts is wanted", f'{key} = ["..."]')


def _mapping(table: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = table.get(key, {})
    if isinstance(value, Mapping):
        return value
    raise ConfigError(f"{key} is {value!r}", "a table is wanted", f"[{key}]")


def _is_number(value: object) -> TypeGuard[int | float]:
    """A finite number that is no truth value (in Python `True` is an int)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18


def _truth(table: Mapping[str, object], key: str, default: bool) -> bool:
    value = table.get(key, default)
    if isinstance(value, bool):
        return value
    raise ConfigError(f"{key} is {value!r}", "true or false is wanted", f"{key} = {str(default).lower()}")


def _days(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 7 <= value <= 365:
        return value
    raise ConfigError(f"horizon-days is {value!r}", "a whole number from 7 to 365 is wanted", "horizon-days = 28")


def _delivery(value: object) -> Delivery:
    for known in get_args(Delivery):
        if value == known:
            return known  # type: ignore[no-any-return]
    raise ConfigError(f"delivery is {value!r}", "a change must arrive somehow", nearest(str(value), get_args(Delivery)))


def _targets(table: Mapping[str, object], kpis: Collection[str] | None) -> dict[str, float]:
    targets: dict[str, float] = {}
    for id, value in table.items():
        _known("targets", id, kpis)
        if not _is_number(value):
            raise ConfigError(f"targets.{id} is {value!r}", "a number is wanted", f"{id} = 0.95")
        targets[id] = float(value)
    return targets


def _runners(table: Mapping[str, object]) -> dict[str, str]:
    runners: dict[str, str] = {}
    for label, value in table.items():
        if value not in RUNNER_CLASSES:
            why = "limits and prices differ by the kind of runner"
            raise ConfigError(f"runners.{label} is {value!r}", why, nearest(str(value), RUNNER_CLASSES))
        runners[label] = str(value)
    return runners


def _settings(
    id: str, value: object, rules: Mapping[str, Mapping[str, object]] | None, ranges: Ranges
) -> dict[str, object]:
    """The settings of one rule, under the names that its module gives them (a hyphen in TOML is an underscore there)."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"rules.{id} is {value!r}", "a table is wanted", f"[rules.{id}]")
    named = {str(key).replace("-", "_"): item for key, item in value.items()}
    _known("rules", id, rules)
    if rules is None:
        return named
    defaults = rules[id]
    _refuse_unknown(
        {k.replace("_", "-"): v for k, v in named.items()}, [k.replace("_", "-") for k in defaults], f"rules.{id}"
    )
    for key, item in named.items():
        place = f"rules.{id}.{key.replace('_', '-')}"
        _refuse_type(place, item, defaults[key])
        least, most = ranges.get(key, (-math.inf, math.inf))
        if isinstance(item, int | float) and not least <= item <= most:
            why = f"the rule works with {least:g} to {most:g}; outside it would say nothing, or nonsense"
            raise ConfigError(f"{place} is {item!r}", why, f"{key.replace('_', '-')} = {defaults[key]}")
        named[key] = _as_default(place, item, defaults[key])
    return named


def _as_default(place: str, value: object, default: object) -> object:
    """A number in the form of its default: 1 for a share is 1.0, 14.0 days are 14; ConfigError for 14.5 days."""
    if isinstance(default, bool) or not isinstance(value, int | float) or isinstance(value, bool):
        return value
    if isinstance(default, float):
        return float(value)
    if isinstance(default, int) and isinstance(value, float):
        if value != int(value):
            raise ConfigError(
                f"{place} is {value!r}", "a whole number is wanted", f"{place.rpartition('.')[2]} = {default}"
            )
        return int(value)
    return value


def _refuse_type(place: str, value: object, default: object) -> None:
    """A setting is of its default's type; where the default is None, any number, text, truth value or list of texts."""
    if default is None:
        fits = _is_number(value) or isinstance(value, str | bool | list)
    elif _is_number(default):
        fits = _is_number(value)
    elif isinstance(default, tuple | list):
        fits = isinstance(value, list)
    else:
        fits = isinstance(value, type(default))
    if not fits:
        why = f"its default is {default!r}, and a value of the same kind is wanted"
        raise ConfigError(f"{place} is {value!r}", why, _FIX)
