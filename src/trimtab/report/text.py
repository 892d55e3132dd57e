"""
Renders screens for a terminal: at most 100 columns, colour only when asked, the next command at the end of each

Every screen is a list of lines. Hostile text is made plain before it is put into a line, our own colour comes after, and
`page` breaks what a runner would obey, so that the same output is harmless in a log of GitHub Actions.
"""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from trimtab.model import Finding, HostRef, Prediction, Risk, RunRef, Span, Unknown, Verdict
from trimtab.report import escape, figures
from trimtab.report.steps import next_command
from trimtab.report.values import ChangeLine, FindingsPage, KpiLine, Overview

WIDTH, NARROWEST = 100, 40
FIRST_SCREEN = 7
_SURE = {
    Risk.SAFE: "safe, and proved on the bytes",
    Risk.REVIEW: "a person should review it; the edit is proved on the bytes",
    Risk.NONE: "only tells; there is nothing to apply",
}
_STATE_COLOUR = {"met": "green", "missed": "red", "unknown": "yellow"}
_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36}


@dataclass(frozen=True, slots=True)
class Paint:
    """Colour, or none of it."""

    on: bool = False

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.on and style and text else text


PLAIN = Paint()


def page(lines: Iterable[str]) -> str:
    """The finished screen: one string with a final newline, nothing in it that a runner would obey."""
    return escape.no_commands("\n".join(lines) + "\n")


def fit(columns: int) -> None:
    """From now on this process wraps for a terminal of so many columns, if it is narrower than 100; files and pipes get 100."""
    global _columns
    _columns = min(max(columns, NARROWEST), WIDTH)


_columns = WIDTH


def wrapped(text: str, first: str = "", rest: str | None = None) -> list[str]:
    """Lines that fit; `first` opens the first one, `rest` the others (blanks of the same width)."""
    rest = " " * len(first) if rest is None else rest
    return textwrap.wrap(
        escape.plain(text), _columns, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    ) or [first.rstrip()]


def flowed(text: str) -> list[str]:
    """Paragraphs and the items of lists wrapped anew to fit; what is indented further, or a table, stays as it is."""
    blocks: list[list[str]] = []
    for line in text.splitlines():
        listed = bool(blocks) and blocks[-1][0].startswith("- ")
        goes_on = re.match(r"  \S" if listed else r"[^\s|-]", line)
        if goes_on and blocks and re.match(r"- |[^\s|-]", blocks[-1][0]):
            blocks[-1].append(line.strip())
        else:
            blocks.append([line])
    lines: list[str] = []
    for block in blocks:
        loose = re.match(r"- |[^\s|-]", block[0])
        lines += wrapped(" ".join(block), "", "  " if block[0].startswith("- ") else "") if loose else block
    return lines


# ------------------------------------------------------------------------------------ findings


def findings(shown: FindingsPage, *, paint: Paint = PLAIN, limit: int | None = FIRST_SCREEN) -> str:
    """The ranked findings, at most `limit` of them, then what was looked at and the next command."""
    lines: list[str] = []
    for finding in shown.findings[:limit]:
        lines += [*finding_lines(finding, shown.kinds.get(finding.rule, "cost"), paint), ""]
    lines += summary(shown, limit)
    return page(lines)


def finding_lines(finding: Finding, kind: str = "cost", paint: Paint = PLAIN) -> list[str]:
    """One finding: what, where with source and caret, evidence, cost, how sure, undo, next."""
    head = f"{kind}[{finding.rule}] {finding.id}: "
    lines = wrapped(finding.says, head, "    ")
    lines[0] = paint("bold", head.rstrip()) + lines[0][len(head.rstrip()) :]
    lines += place_lines(finding.where, paint)
    for text in finding.evidence:
        lines += wrapped(text, "  = ")
    for spot in finding.spots[:3]:
        lines.append(f"  = also at {_where(spot)}: {escape.cut(spot.text.strip(), 60)}")
    if len(finding.spots) > 3:
        lines.append(f"  = and at {figures.count(len(finding.spots) - 3, 'more place')}")
    lines += price_lines(finding)
    undo = "; undo: exact, byte for byte" if finding.change else ""
    lines += wrapped(_SURE[finding.risk] + undo, "  = sure: ")
    return lines + next_lines(finding, paint)


def price_lines(finding: Finding) -> list[str]:
    """The prediction with interval, n and window, or why there is none and the command that would get one."""
    predicts = finding.predicts
    if isinstance(predicts, Unknown):
        lines = wrapped(predicts.why, "  = unpriced: ") if finding.change else []
        return lines + (
            [f"  = to price it: {escape.plain(predicts.command)}"] if finding.change and predicts.command else []
        )
    lines = wrapped(figures.predicted(predicts), "  = predicts: ")
    for other in figures.told(predicts)[1:]:
        lines += wrapped(figures.predicted(other, rests=False), "  = and: ")
    return lines + (wrapped(predicts.basis, "  = basis: ") if predicts.basis else [])


def next_lines(finding: Finding, paint: Paint = PLAIN) -> list[str]:
    """The command that applies it, and the one that explains it."""
    explain = f"trimtab explain {finding.rule}"
    command = finding.predicts.command if isinstance(finding.predicts, Unknown) else ""
    if finding.change is not None:
        command = f"trimtab apply {finding.id}"
    if not command:
        return [f"  = next: {paint('cyan', explain)}"]
    command = escape.plain(command)
    line, more = f"  = next: {paint('cyan', command)}", f"more: {explain}"
    room = _columns - len(f"  = next: {command}        ")
    return [f"{line}        {more}"] if len(more) <= room else [line, f"  = {more}"]


def place_lines(where: Span | HostRef | RunRef, paint: Paint = PLAIN) -> list[str]:
    """`--> file:line:column`, the source line and a caret under what is meant."""
    lines = [paint("blue", " --> ") + _where(where)]
    if not isinstance(where, Span) or not where.text.strip():
        return lines
    gutter = str(where.line)
    blank = " " * len(gutter)
    shown, caret = _window(where, _columns - len(gutter) - 3)
    lines.append(f"{paint('blue', gutter + ' |')} {shown}")
    lines.append(f"{paint('blue', blank + ' |')} {paint('yellow', caret)}")
    return lines


def _window(where: Span, room: int) -> tuple[str, str]:
    """The part of the source line around the span that fits, made plain, and the carets under it."""
    start = max(where.column - 1, 0)
    end = where.end_column - 1 if where.end_line in (0, where.line) and where.end_column > where.column else start + 1
    text = where.text.rstrip("\r\n")
    lead = escape.plain(text[:start])
    marked = escape.plain(text[start : max(end, start + 1)])
    if len(lead) > room // 2:
        lead = "..." + lead[len(lead) - room // 2 + 3 :]
    shown = escape.cut(lead + marked + escape.plain(text[max(end, start + 1) :]), room)
    return shown, (" " * len(lead) + "^" * max(len(marked), 1))[:room]


def _where(where: Span | HostRef | RunRef) -> str:
    match where:
        case Span():
            return f"{escape.plain(where.path)}:{where.line}:{where.column}"
        case HostRef():
            return f"host {escape.plain(where.host)}"
        case RunRef():
            return f"run {where.run_id}, attempt {where.attempt}"
        case _:
            assert_never(where)


def summary(shown: FindingsPage, limit: int | None = None) -> list[str]:
    """How much was looked at, what was left out, and what to type next."""
    total = len(shown.findings)
    parts = [figures.count(total, "finding"), f"in {figures.count(shown.files, 'workflow file')}"]
    lines = [" ".join(parts) + (f"; {shown.broken} could not be read" if shown.broken else "")]
    if shown.silenced:
        lines.append(f"{shown.silenced} silenced by an ignore comment or by trimtab.toml")
    if shown.unpriced:
        them = "it" if shown.unpriced == 1 else "they"
        lines.append(f"{shown.unpriced} without a price: {them} may be planned and applied all the same")
    for text in shown.says:
        lines += wrapped(text)
    if limit is not None and total > limit:
        lines.append(f"{total - limit} more: trimtab diagnose --all")
    lines.append(f"next: {_next(shown.findings)}")
    return lines


def _next(found: Sequence[Finding]) -> str:
    if any(f.risk is Risk.SAFE and f.change for f in found):
        return "trimtab apply --safe-only --dry-run"
    first = next((f for f in found if f.change), None)
    if first:
        return f"trimtab apply {first.id} --dry-run"
    commands = [f.predicts.command for f in found if isinstance(f.predicts, Unknown) and f.predicts.command]
    return escape.plain(commands[0]) if commands else "trimtab"


# ------------------------------------------------------------------------------------ changes


def changes(shown: Sequence[ChangeLine], *, paint: Paint = PLAIN) -> str:
    """Each change with its verdict, newest first as given."""
    lines: list[str] = []
    for change in shown:
        lines += [*change_lines(change, paint), ""]
    return page(lines[:-1] if lines else ["no change is live; next: trimtab diagnose"])


def change_lines(change: ChangeLine, paint: Paint = PLAIN) -> list[str]:
    """One change: stage or verdict in words, the numbers behind it, predicted against observed, the next command."""
    plan = change.plan
    files = ", ".join(file.path.rpartition("/")[2] for file in plan.files)
    words = figures.decision_words(change.verdict, change.stage) if change.verdict else str(change.stage)
    head = f"change {plan.id} {plan.rule}, {escape.plain(files)}: "
    lines = wrapped(words, head, "    ")
    lines[0] = paint("bold", head.rstrip()) + lines[0][len(head.rstrip()) :]
    if change.delivery and change.delivery != "working-tree":
        lines += wrapped(change.delivery, "  by ")
    if change.verdict:
        lines += verdict_lines(change.verdict, plan.predicts)
    elif isinstance(plan.predicts, Unknown):
        lines += wrapped(plan.predicts.why, "  unpriced: ")
    else:
        lines += wrapped(figures.predicted(plan.predicts), "  predicted ")
    if change.why and not (change.verdict and change.why in change.verdict.why):
        lines += wrapped(change.why, "  ")
    command = next_command(change)
    return [*lines, f"  next: {paint('cyan', command)}"] if command else lines


def verdict_lines(verdict: Verdict, predicts: Prediction | Unknown) -> list[str]:
    """Level without and with, effect with interval and both n, the reason, predicted against observed."""
    rows = figures.sides(verdict)
    lines: list[str] = []
    if verdict.effect is not None:
        lines += wrapped(
            f"{figures.metric_words(verdict.metric)} {_levels(verdict)}{effect_words(verdict)}; {rows}", "  ", "    "
        )
    elif verdict.n or verdict.control:
        lines.append(f"  {rows}")
    if verdict.why:
        lines += wrapped(verdict.why, "  ", "  ")
    told = predicted_observed(verdict, predicts)
    if told:
        return [*lines, f"  {told}"]
    return lines if isinstance(predicts, Unknown) else lines + wrapped(figures.predicted(predicts), "  predicted ")


def facts(change: ChangeLine) -> list[str]:
    """What `verdict_lines` tells, as phrases for where there are no lines: estimate, both n, predicted, the reason."""
    verdict, predicts = change.verdict, change.plan.predicts
    expected = (
        f"unpriced: {predicts.why}" if isinstance(predicts, Unknown) else f"predicted {figures.predicted(predicts)}"
    )
    if verdict is None:
        return [part for part in (expected, change.why) if part]
    parts = [figures.sides(verdict), predicted_observed(verdict, predicts) or expected, verdict.why]
    if verdict.effect is not None:
        parts.insert(0, f"{figures.metric_words(verdict.metric)} {_levels(verdict)}{effect_words(verdict)}")
    return [part for part in parts if part]


def effect_words(verdict: Verdict) -> str:
    """ "-19 % (95 %: -11 ... -26 %)", or the same in the verdict's own unit."""
    if verdict.effect is None:
        return "no estimate"
    if verdict.unit == "share":
        body, ends = figures.share(verdict.effect), figures.share_interval
    else:
        body, ends = f"{figures.number(verdict.effect, signed=True)} {verdict.unit}", figures.interval
    if verdict.low is None or verdict.high is None:
        return body
    return f"{body} ({verdict.level * 100:.0f} %: {ends(verdict.low, verdict.high)})"


def _levels(verdict: Verdict) -> str:
    if verdict.before is None or verdict.after is None:
        return ""
    return f"{figures.number(verdict.before)} -> {figures.number(verdict.after)}   "


def predicted_observed(verdict: Verdict, predicts: Prediction | Unknown) -> str:
    """Predicted against observed, when both are shares of the same metric."""
    if isinstance(predicts, Unknown) or verdict.effect is None or verdict.unit != "share":
        return ""
    same = next((p for p in (predicts, *predicts.also) if p.metric == verdict.metric), None)
    if same is None or same.low_share is None or same.high_share is None:
        return ""
    expected = figures.share_interval(same.low_share, same.high_share, once=True)
    return f"predicted {expected}, observed {figures.share(verdict.effect)}"


# ------------------------------------------------------------------------------------ diffs


def diff(path: str, before: bytes, after: bytes, paint: Paint = PLAIN) -> list[str]:
    """The change of one file as a unified diff for the eye; bytes that are no UTF-8 are shown as escapes."""
    old, new = (data.decode("utf-8", "backslashreplace").splitlines() for data in (before, after))
    colours = {"+": "green", "-": "red", "@": "blue"}
    rows = difflib.unified_diff(old, new, f"a/{path}", f"b/{path}", lineterm="")
    return [paint(colours.get(row[:1], ""), escape.plain(row)) for row in rows]


# ------------------------------------------------------------------------------------ status


def status(shown: Overview, *, paint: Paint = PLAIN) -> str:
    """The four KPIs against their targets, the changes under way, the brakes that are on, the next command."""
    lines = wrapped(f"{shown.name}: {shown.window}" if shown.window else shown.name)
    lines[0] = paint("bold", lines[0])
    for kpi in shown.kpis:
        lines += kpi_lines(kpi, paint)
    if shown.paused:
        lines += ["", paint("yellow", "paused: nothing is applied or settled; go on with: trimtab resume")]
    if shown.disabled:
        names = " ".join(shown.disabled)
        lines += ["", *wrapped(f"disabled rules: {names}; one comes back with: trimtab enable RULE")]
    for change in shown.changes:
        lines += ["", *change_lines(change, paint)]
    for note in shown.notes:
        lines += ["", *wrapped(note)]
    return page([*lines, "", f"next: {paint('cyan', status_next(shown))}"])


def kpi_lines(kpi: KpiLine, paint: Paint = PLAIN) -> list[str]:
    """Name, value, target and state on one line; interval, n and details under it; or how to measure it."""
    sign = ">" if kpi.better == "higher" else "<"
    target = f"target {sign} {figures.in_unit(kpi.target, kpi.unit)}"
    number = kpi.value.value
    shown = "unknown" if isinstance(number, Unknown) else figures.in_unit(number, kpi.unit)
    row = f"  {escape.cut(kpi.title, 32):<32} {shown:>12}   {target:<20} "
    lines = [row + paint(_STATE_COLOUR[kpi.state], kpi.state if kpi.state != "unknown" else "not measured")]
    if isinstance(number, Unknown):
        lines += wrapped(number.why, "      ", "      ")
        return lines + (
            [f"      to measure it: {paint('cyan', escape.plain(number.command))}"] if number.command else []
        )
    if kpi.value.low is not None and kpi.value.high is not None:
        ends = figures.range_in_unit(kpi.value.low, kpi.value.high, kpi.unit)
        lines.append(f"      interval {ends}, n = {kpi.value.n:,}")
    for text in kpi.value.says:
        lines += wrapped(text, "      ", "      ")
    return lines


def status_next(shown: Overview) -> str:
    """The one command that moves this repository on."""
    if any(str(c.stage) in ("applied", "measuring", "offered") for c in shown.changes):
        return "trimtab loop"
    for kpi in shown.kpis:
        if isinstance(kpi.value.value, Unknown) and kpi.value.value.command.startswith("trimtab "):
            return escape.plain(kpi.value.value.command)
    return "trimtab diagnose"
