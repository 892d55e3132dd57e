"""Hostile text in every format, and the HTML page that runs nothing and loads nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from screens import HOSTILE, NOW, changes, hostile_overview, hostile_page, kpis, overview, prediction
from trimtab.model import Stage, Unknown
from trimtab.report import escape, github, html, markdown, sarif, svg, text
from trimtab.report import json as as_json
from trimtab.report.values import Trend, TrendPoint

Rendered = Callable[[], str]
EVERY_FORMAT: dict[str, Rendered] = {
    "text findings": lambda: text.findings(hostile_page()),
    "text status": lambda: text.status(hostile_overview()),
    "text changes": lambda: text.changes(hostile_overview().changes),
    "json findings": lambda: as_json.findings(hostile_page()),
    "json status": lambda: as_json.status(hostile_overview()),
    "json changes": lambda: as_json.changes(hostile_overview().changes),
    "markdown findings": lambda: markdown.findings(hostile_page()),
    "markdown status": lambda: markdown.status(hostile_overview()),
    "github findings": lambda: github.findings(hostile_page()),
    "github status": lambda: github.status(hostile_overview()),
    "sarif": lambda: sarif.findings(hostile_page()),
    "html": lambda: html.page(hostile_overview()),
}


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_no_format_lets_a_terminal_or_a_runner_obey(name: str) -> None:
    shown = EVERY_FORMAT[name]()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]", shown)
    for line in shown.splitlines():
        if name.startswith("github") and re.match(r"::(warning|error|notice) ", line):
            continue
        assert not line.strip().startswith("::"), line
        assert "##[" not in line or name == "html", line


@pytest.mark.parametrize("name", ["github findings", "github status"])
def test_an_annotation_stays_one_command(name: str) -> None:
    for line in EVERY_FORMAT[name]().splitlines():
        if line.startswith("::"):
            _, properties, message = line.split("::", 2)
            assert "\n" not in message
            assert all(p.count("=") >= 1 for p in properties.partition(" ")[2].split(","))


@pytest.mark.parametrize("name", ["markdown findings", "markdown status"])
def test_markdown_shows_hostile_text_as_itself(name: str) -> None:
    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(EVERY_FORMAT[name]())
    assert "<a " not in rendered
    assert "<img" not in rendered
    assert "<script" not in rendered
    outside_code = re.sub(r"<code.*?</code>", "", rendered, flags=re.S)
    assert "@octocat" not in outside_code
    assert "#12" not in outside_code


@pytest.mark.parametrize("way", ["branch", "pull-request"])
def test_a_name_in_the_next_step_is_harmless(way: str) -> None:
    """The journal comes from whoever may push its ref, and with it the name of the branch that takes a change back."""
    (line,) = hostile_overview().changes
    line = replace(line, stage=Stage.UNDOING, revert=f"{way}:{HOSTILE}")
    for shown in (text.changes([line]), github.changes([line]), markdown.changes([line])):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]", shown)
        assert sum(row.strip().startswith("::") for row in shown.splitlines()) <= shown.startswith("::notice ")
    assert "<a " not in MarkdownIt("gfm-like", {"linkify": False}).render(markdown.changes([line]))


def test_a_markdown_table_keeps_its_columns() -> None:
    rows = [line for line in markdown.status(hostile_overview()).splitlines() if line.startswith("|")]
    columns = {len(re.findall(r"(?<!\\)\|", row)) for row in rows if "`3f2a91bc`" in row}
    assert columns == {7}


class Page(HTMLParser):
    """Collects what a browser would load, run or follow."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.mark.parametrize("shown", [overview(), hostile_overview()])
def test_the_page_runs_nothing_and_loads_nothing(shown: html.Overview) -> None:
    parsed = Page()
    parsed.feed(html.page(shown))
    assert not {"script", "img", "link", "iframe", "object", "embed", "form", "a", "base", "audio"} & set(parsed.tags)
    assert not [
        n
        for n, _ in parsed.attributes
        if n in ("src", "href", "xlink:href", "srcset", "action", "style") or n[:2] == "on"
    ]
    assert "url(" not in html.page(overview())
    assert "@import" not in html.page(overview())


def test_the_page_shows_kpis_changes_findings_outcomes_and_the_trend() -> None:
    shown = html.page(overview())
    for wanted in (
        "93.1 %",
        "helped, kept",
        "hurt (undone)",
        "too early (about 9 days, 60 runs)",
        "infrastructure",
        "Simulated",
    ):
        assert wanted in shown
    assert shown.count("<svg") == 1 + 3 + 1
    assert "prefers-color-scheme: dark" in shown


def test_the_trend_breaks_its_line_at_a_change() -> None:
    assert svg.trend(overview().trends[0]).count("<polyline") == 2
    assert svg.trend(Trend("ci.yml", (TrendPoint(NOW, 3.0, 1),))) == ""


def test_the_same_values_give_the_same_page() -> None:
    assert html.page(overview()) == html.page(overview())


# ------------------------------------------------------------------------------------ the sanitiser itself

ANYTHING = st.text(st.characters() | st.sampled_from("\x1b\r\n\t:#[]`@|<>&\u202e\u2066\x9b"), max_size=60)


@given(ANYTHING)
def test_plain_is_one_harmless_line_and_safe_to_do_twice(hostile: str) -> None:
    shown = escape.plain(hostile)
    assert len(shown.splitlines()) <= 1
    assert not escape._UNSAFE.search(shown)
    assert escape.plain(shown) == shown
    shown.encode()


@given(ANYTHING)
def test_no_line_of_a_screen_is_a_command(hostile: str) -> None:
    for line in escape.no_commands(escape.block(hostile)).split("\n"):
        assert not line.strip().startswith("::")
        assert "##[" not in line


@given(ANYTHING)
def test_json_text_keeps_its_meaning(hostile: str) -> None:
    shown = as_json.dumps({"a": hostile})
    assert shown.isascii()
    assert "##[" not in shown
    assert json.loads(shown)["a"] == hostile


@given(ANYTHING)
def test_a_code_span_holds_what_it_holds(hostile: str) -> None:
    rendered = MarkdownIt("commonmark").renderInline(f"a {escape.markdown_code(hostile)} b")
    assert re.fullmatch(r"a <code>[^<]*</code> b", rendered, re.S)


@given(ANYTHING)
def test_escaped_markdown_is_only_text(hostile: str) -> None:
    rendered = MarkdownIt("gfm-like", {"linkify": False}).renderInline(f"x{escape.markdown(hostile)}")
    assert "<" not in rendered


@given(ANYTHING)
def test_a_fenced_block_ends_where_we_end_it(hostile: str) -> None:
    tokens = MarkdownIt("commonmark").parse(escape.markdown_block(hostile) + "\n\nafter\n")
    assert [t.type for t in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]


def test_a_hostile_word_of_a_command_is_quoted() -> None:
    assert escape.shell("a b$(x)") == "'a b$(x)'"
    assert HOSTILE not in escape.shell(HOSTILE)


def test_a_kpi_is_met_only_on_the_good_side_of_its_target() -> None:
    assert [k.state for k in kpis()] == ["missed", "met", "unknown", "unknown"]


def test_an_unpriced_prediction_is_not_compared() -> None:
    verdict = changes()[0].verdict
    assert verdict is not None
    assert text.predicted_observed(verdict, Unknown("no history")) == ""
    assert text.predicted_observed(verdict, prediction("build_seconds")) == ""
    assert NOW - changes()[0].since == timedelta(days=3)
