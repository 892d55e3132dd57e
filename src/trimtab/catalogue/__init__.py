"""
All knowledge of Trimtab, one file an entry; this module finds them

There is no registry. An entry is a module in `rules/` or `kpis/`, its id is its file name with hyphens, its manual page
its docstring. Installed packages may add entries of the same shape through the entry point groups "trimtab.rules" and
"trimtab.kpis"; the name of the entry point is the id. Entries do no I/O: they ask `Evidence` and answer with values.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from inspect import cleandoc
from types import ModuleType
from typing import cast

# importing a folder binds its name here; done now, before the functions of the same names below take their place
from trimtab.catalogue import kpis as _kpis
from trimtab.catalogue import rules as _rules
from trimtab.catalogue.protocols import KpiEntry, Rule
from trimtab.errors import ConfigError


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by id, in alphabetical order: Trimtab's own and those of installed packages. Raises ConfigError."""
    return cast(Mapping[str, Rule], _entries(_rules))


@cache
def kpis() -> Mapping[str, KpiEntry]:
    """Every KPI by id, in alphabetical order. Raises ConfigError."""
    return cast(Mapping[str, KpiEntry], _entries(_kpis))


def title(entry: object) -> str:
    """The first line of an entry's docstring; "" when it explains nothing (a contract test forbids that)."""
    return cleandoc(entry.__doc__ or "").partition("\n")[0].strip()


def manual(entry: object) -> str:
    """The rest of an entry's docstring: its manual page, as plain text."""
    return cleandoc(entry.__doc__ or "").partition("\n")[2].strip()


def _entries(package: ModuleType) -> dict[str, ModuleType]:
    """The modules of one folder and one entry point group, by id."""
    kind = package.__name__.rpartition(".")[2]
    found = {
        info.name.replace("_", "-"): import_module(f"{package.__name__}.{info.name}")
        for info in pkgutil.iter_modules(package.__path__)
        if not info.name.startswith("_")
    }
    for point in entry_points(group=f"trimtab.{kind}"):
        if point.name in found:
            raise ConfigError(
                f'"{point.name}" is offered twice, the second time by {point.value}',
                "an id stands for one entry in the journal and in ignore comments",
                "uninstall that package, or rename its entry point",
            )
        found[point.name] = _load(point.name, point.value)
    return dict(sorted(found.items()))


def _load(name: str, value: str) -> ModuleType:
    """Import the module behind an entry point; its own import errors are told, never swallowed."""
    try:
        return import_module(value)
    except ImportError as error:
        raise ConfigError(
            f'the installed entry "{name}" ({value}) does not import: {error}',
            "a rule that cannot be loaded would be silently missing from every report",
            "repair or uninstall the package that offers it",
        ) from error
