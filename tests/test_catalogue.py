"""
What every entry of the catalogue promises, asked of all of them

The folder is walked, so a new rule is held to this by being there: it keeps its protocol, explains itself, stands on its own,
and shows itself in cases that fire and cases that must not.
"""

from __future__ import annotations

import ast
import inspect
import re
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest

import trimtab.catalogue as catalogue
from trimtab.errors import ConfigError
from trimtab.model import Design, Direction, Risk, Unknown
from trimtab.replay.price import price

SOURCE = Path(inspect.getfile(catalogue)).parent
CASES = Path(__file__).parent / "cases" / "rules"
RULES = catalogue.rules()
KPIS = catalogue.kpis()
PRICED = ("runner_minutes", "feedback_seconds")


def test_ids_are_the_file_names() -> None:
    files = {p.stem.replace("_", "-") for p in (SOURCE / "rules").glob("*.py") if p.stem != "__init__"}
    assert set(RULES) == files
    assert set(KPIS) == {p.stem.replace("_", "-") for p in (SOURCE / "kpis").glob("*.py") if p.stem != "__init__"}
    assert list(RULES) == sorted(RULES)


@pytest.mark.parametrize("id", RULES)
def test_a_rule_keeps_its_protocol(id: str) -> None:
    rule = RULES[id]
    assert rule.metric in PRICED or rule.design == "unverifiable"
    assert isinstance(rule.risk, Risk)
    assert rule.design in get_args(Design)
    assert all(isinstance(key, str) for key in rule.settings)
    ranges = getattr(rule, "ranges", {})
    numbers = {key: value for key, value in rule.settings.items() if isinstance(value, int | float)}
    assert set(ranges) == set(numbers)
    assert all(ranges[key][0] <= value <= ranges[key][1] for key, value in numbers.items())
    assert list(inspect.signature(rule.find).parameters) == ["evidence"]
    assert (rule.design == "counted") == hasattr(rule, "count")
    if rule.design == "counted":
        assert list(inspect.signature(rule.count).parameters) == ["before", "after"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("metric", PRICED)
def test_these_metrics_can_be_priced(metric: str) -> None:
    nothing = Unknown("nothing collected", "trimtab collect")
    assert price(nothing, lambda history: history, metric=metric) == nothing


@pytest.mark.parametrize("id", KPIS)
def test_a_kpi_keeps_its_protocol(id: str) -> None:
    kpi = KPIS[id]
    assert kpi.unit and isinstance(kpi.unit, str)
    assert kpi.better in get_args(Direction)
    assert kpi.target > 0
    assert list(inspect.signature(kpi.measure).parameters) == ["evidence", "workflows"]


@pytest.mark.parametrize("id", [*RULES, *KPIS])
def test_an_entry_explains_itself(id: str) -> None:
    entry = RULES.get(id) or KPIS[id]
    title, manual = catalogue.title(entry), catalogue.manual(entry)
    assert 10 < len(title) <= 110
    assert not title.endswith(".")
    assert len(manual.split()) > 20, "a manual page says why, when not, and what it costs"


@pytest.mark.parametrize("id", RULES)
def test_a_rule_has_cases_that_fire_and_cases_that_must_not(id: str) -> None:
    texts = {p.parent.name: p.read_text() for p in (CASES / id).glob("*/expect.json")}
    firing = {name for name, text in texts.items() if '"says"' in text}
    assert firing, f"tests/cases/rules/{id}/ shows nothing that fires"
    assert set(texts) - firing, f"tests/cases/rules/{id}/ shows no trap"
    edited = {name for name, text in texts.items() if name.startswith("trap") and '"ops"' in text}
    assert not edited, f"a trap must change nothing: {edited}"


@pytest.mark.parametrize("folder", ["rules", "kpis"])
def test_entries_do_not_know_each_other(folder: str) -> None:
    for path in (SOURCE / folder).glob("*.py"):
        imported = re.findall(rf"trimtab\.catalogue\.{folder}\b[\w.]*", _imports(path))
        assert not imported, f"{path.name} imports {imported}"


def _imports(path: Path) -> str:
    nodes = ast.walk(ast.parse(path.read_text()))
    return "\n".join(ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))


# -------------------------------------------------------------------- entries of other packages


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """Entry points that an installed package offers, as `importlib.metadata` would answer."""
    points: list[EntryPoint] = []
    monkeypatch.setattr(catalogue, "entry_points", lambda group: [p for p in points if p.group == group])
    catalogue.rules.cache_clear()
    yield points
    monkeypatch.undo()
    catalogue.rules.cache_clear()


def test_an_installed_package_may_add_a_rule(offered: list[EntryPoint]) -> None:
    offered.append(EntryPoint("acme-own", "trimtab.catalogue.rules.drop_duplicate_push", "trimtab.rules"))
    assert isinstance(catalogue.rules()["acme-own"], ModuleType)


def test_it_may_not_take_the_place_of_ours(offered: list[EntryPoint]) -> None:
    offered.append(EntryPoint("fail-early", "acme.rules.fail_early", "trimtab.rules"))
    with pytest.raises(ConfigError, match='"fail-early" is offered twice'):
        catalogue.rules()


def test_one_that_does_not_import_is_told(offered: list[EntryPoint]) -> None:
    offered.append(EntryPoint("acme-own", "acme_no_such_package.rules", "trimtab.rules"))
    with pytest.raises(ConfigError, match=r'"acme-own" \(acme_no_such_package.rules\) does not import'):
        catalogue.rules()
