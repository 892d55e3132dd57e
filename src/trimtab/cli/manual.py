"""
Manual pages made from the catalogue's own docstrings: shown by `explain`, written to docs/reference by `cli.docs`
"""

from __future__ import annotations

from trimtab import catalogue
from trimtab.catalogue.protocols import KpiEntry, Rule
from trimtab.cli.overview import kind_of
from trimtab.config import nearest
from trimtab.errors import UsageError
from trimtab.report import figures
from trimtab.report.text import flowed, page, wrapped

RISKS = {
    "safe": "safe: `apply --safe-only` takes it",
    "review": "proposed: a person should review it before it is applied",
    "none": "only tells; there is nothing to apply",
}
DESIGNS = {
    "counted": "counted: its effect is arithmetic and is added up run by run",
    "before_after": "before/after: compared with placebo dates of the same series",
    "unverifiable": "cannot be measured by Trimtab; it says so and never claims a gain",
}


def titles() -> dict[str, str]:
    """Every rule and KPI with its title."""
    entries: dict[str, object] = {**catalogue.rules(), **catalogue.kpis()}
    return {id: catalogue.title(entry) for id, entry in entries.items()}


def facts(id: str) -> dict[str, object]:
    """What is known about one entry, as plain values. Raises UsageError for an id that does not exist."""
    if id in catalogue.rules():
        return rule_facts(id, catalogue.rules()[id])
    if id in catalogue.kpis():
        return kpi_facts(id, catalogue.kpis()[id])
    raise UsageError(f'there is no rule or KPI "{id}"', nearest(id, titles()), "trimtab explain")


def rule_facts(id: str, rule: Rule) -> dict[str, object]:
    return {
        "id": id,
        "title": catalogue.title(rule),
        "manual": catalogue.manual(rule),
        "kind": kind_of(rule.metric, rule.design),
        "metric": rule.metric,
        "risk": str(rule.risk),
        "design": str(rule.design),
        "settings": {key.replace("_", "-"): value for key, value in rule.settings.items()},
    }


def kpi_facts(id: str, kpi: KpiEntry) -> dict[str, object]:
    return {
        "id": id,
        "title": catalogue.title(kpi),
        "manual": catalogue.manual(kpi),
        "kind": "kpi",
        "unit": kpi.unit,
        "better": str(kpi.better),
        "target": kpi.target,
    }


def about(facts: dict[str, object]) -> list[tuple[str, str]]:
    """The facts of an entry as pairs of a name and what it says."""
    if facts["kind"] == "kpi":
        sign = ">" if facts["better"] == "higher" else "<"
        target = facts["target"]
        assert isinstance(target, int | float)
        return [("target", f"{sign} {figures.in_unit(target, str(facts['unit']))}")]
    settings = facts["settings"]
    assert isinstance(settings, dict)
    rows = [
        ("judged on", figures.metric_words(str(facts["metric"]))),
        ("risk", RISKS[str(facts["risk"])]),
        ("measured", DESIGNS[str(facts["design"])]),
    ]
    return rows + [("setting", f"{key} = {toml(value)}") for key, value in settings.items()]


def toml(value: object) -> str:
    """A setting's default as trimtab.toml would write it; None has no such form."""
    match value:
        case None:
            return "(not set)"
        case bool():
            return str(value).lower()
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case list() | tuple():
            return "[" + ", ".join(toml(item) for item in value) + "]"
    return str(value)


def text(facts: dict[str, object]) -> str:
    """One manual page for a terminal."""
    id = str(facts["id"])
    lines = [*wrapped(f"{id}: {facts['title']}", "", "  "), "", *flowed(str(facts["manual"])), ""]
    for name, said in about(facts):
        lines += wrapped(said, f"  {name:<10} ")
    if facts["kind"] != "kpi":
        lines += ["", *wrapped(f"switch it off: trimtab disable {id}, or in a file: # trimtab: ignore[{id}]", "", "  ")]
        lines += [f"next: trimtab diagnose --rule {id}"]
    else:
        lines += ["", "next: trimtab"]
    return page(lines)


def listing() -> str:
    """All entries with their titles."""
    width = max(map(len, titles()), default=0)
    rows = [f"  {id:<{width}}  {title}" for id, title in titles().items()]
    return page(["rules and KPIs:", *rows, "", "next: trimtab explain RULE"])
