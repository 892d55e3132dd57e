"""
Draws the charts of the HTML report as inline SVG: no script, no foreign request, colours from the page's own style sheet

Each function takes values and returns markup whose only text is escaped here. Numbers are rounded to a tenth of a pixel, so
that the same values give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from html import escape as html_escape
from itertools import pairwise
from math import floor, log10

from markupsafe import Markup

from trimtab.model import Prediction, Unknown, Verdict
from trimtab.report import escape, figures
from trimtab.report.values import Outcomes, Trend, TrendPoint

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720.0, 250.0, 48.0, 12.0, 42.0, 30.0


def said(text: str) -> str:
    """Hostile text for a text node or an attribute."""
    return html_escape(escape.plain(text), quote=True)


def steps(largest: float, wanted: int = 4) -> list[float]:
    """Round tick values from 0 to just past `largest`: 1, 2 or 5 times a power of ten apart."""
    if largest <= 0:
        return [0.0, 1.0]
    rough = largest / wanted
    power = 10.0 ** floor(log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    return [round(step * i, 10) for i in range(int(largest / step) + 2)]


def trend(shown: Trend) -> Markup:
    """Minutes over time: a dot a day (its area grows with n), the running mean of seven points, changes as marked lines."""
    if len(shown.points) < 2:
        return Markup("")
    ticks = steps(max(p.minutes for p in shown.points))
    first, last = shown.points[0].at, shown.points[-1].at

    def x(at: datetime) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * ((at - first) / (last - first) if last > first else 0.5)

    def y(minutes: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - minutes / ticks[-1])

    parts = [_y_axis(ticks, y), _x_axis(first, last, x)]
    most = max(p.n for p in shown.points)
    for p in shown.points:
        title = f"{p.at:%Y-%m-%d}: {figures.number(round(p.minutes, 1))} min, {figures.count(p.n, 'run')}"
        radius = 1.6 + 2.4 * (p.n / most) ** 0.5
        parts.append(_dot(x(p.at), y(p.minutes), radius, title))
    for stretch in _stretches(shown):
        means = _running([p.minutes for p in stretch])
        parts.append(_line([(x(p.at), y(m)) for p, m in zip(stretch, means, strict=True)]))
    marks = [(at, name) for at, name in shown.marks if first <= at <= last]
    parts += [_mark(x(at), name, row % 2) for row, (at, name) in enumerate(marks)]
    label = f"Build time of {shown.workflow}, minutes a day, {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    return _svg(parts, WIDTH, HEIGHT, label)


def _stretches(shown: Trend) -> Iterator[Sequence[TrendPoint]]:
    """The points between one change and the next: a mean over both sides of a change would hide its step."""
    days = sorted(at.replace(hour=0, minute=0, second=0, microsecond=0) for at, _ in shown.marks)
    ends = [shown.points[0].at, *days, shown.points[-1].at + timedelta(days=1)]
    for start, end in pairwise(ends):
        if stretch := [p for p in shown.points if start <= p.at < end]:
            yield stretch


def _running(values: Sequence[float], width: int = 7) -> list[float]:
    half = width // 2
    windows = (values[max(i - half, 0) : i + half + 1] for i in range(len(values)))
    return [sum(window) / len(window) for window in windows]


def _y_axis(ticks: Sequence[float], y: Callable[[float], float]) -> str:
    rows = [
        f'<line class="grid" x1="{LEFT:.0f}" x2="{WIDTH - RIGHT:.0f}" y1="{y(t):.1f}" y2="{y(t):.1f}"/>'
        f'<text class="axis" x="{LEFT - 6:.0f}" y="{y(t) + 4:.1f}" text-anchor="end">{figures.number(t)}</text>'
        for t in ticks
    ]
    return "".join(rows) + f'<text class="axis" x="{LEFT - 6:.0f}" y="{TOP - 24:.0f}" text-anchor="end">min</text>'


def _x_axis(first: datetime, last: datetime, x: Callable[[datetime], float]) -> str:
    parts, last_said = [], ""
    for share, anchor in ((0.0, "start"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"), (1.0, "end")):
        at = first + (last - first) * share
        day = f"{at:%b} {at.day}"
        if day != last_said:
            parts.append(f'<text class="axis" x="{x(at):.1f}" y="{HEIGHT - 6:.0f}" text-anchor="{anchor}">{day}</text>')
        last_said = day
    return "".join(parts)


def _dot(x: float, y: float, radius: float, title: str) -> str:
    return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"><title>{said(title)}</title></circle>'


def _line(points: Sequence[tuple[float, float]]) -> str:
    return '<polyline class="line" points="' + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + '"/>'


def _mark(x: float, name: str, row: int) -> str:
    """A change as a line with its name; names next to each other stand in two rows."""
    top = TOP - 24 + 14 * row
    anchor, shift = ("end", -4) if x > WIDTH * 0.5 else ("start", 4)
    return (
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{top + 4:.0f}" y2="{HEIGHT - BOTTOM:.0f}"/>'
        f'<text class="mark-name" x="{x + shift:.1f}" y="{top:.0f}" text-anchor="{anchor}">{said(name)}</text>'
    )


def effect(verdict: Verdict, predicts: Prediction | Unknown) -> Markup:
    """Two rows on one axis of per cent: the predicted interval, and what was observed with its interval."""
    rows = [r for r in (_predicted_row(verdict, predicts), _observed_row(verdict)) if r is not None]
    if verdict.unit != "share" or verdict.effect is None or not rows:
        return Markup("")
    reach = max(0.05, max(abs(v) for _, ends, _ in rows for v in ends)) * 1.15
    width, left, right = 420.0, 74.0, 14.0

    def x(share: float) -> float:
        return left + (width - left - right) * (share + reach) / (2 * reach)

    parts = [f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="4" y2="52"/>']
    for i, (name, (low, high), middle) in enumerate(rows):
        parts.append(_bar(name, x(low), x(high), x(middle), 16 + 22 * i))
    for share in (-reach / 1.15, 0.0, reach / 1.15):
        parts.append(f'<text class="axis" x="{x(share):.1f}" y="66" text-anchor="middle">{figures.share(share)}</text>')
    return _svg(parts, width, 70, f"effect on {figures.metric_words(verdict.metric)}: predicted and observed, per cent")


_Row = tuple[str, tuple[float, float], float]


def _predicted_row(verdict: Verdict, predicts: Prediction | Unknown) -> _Row | None:
    if isinstance(predicts, Unknown):
        return None
    same = next((p for p in (predicts, *predicts.also) if p.metric == verdict.metric), None)
    if same is None or same.low_share is None or same.high_share is None:
        return None
    return "predicted", (same.low_share, same.high_share), (same.low_share + same.high_share) / 2


def _observed_row(verdict: Verdict) -> _Row | None:
    if verdict.effect is None or verdict.low is None or verdict.high is None:
        return None
    return "observed", (max(verdict.low, -1.0), min(verdict.high, 3.0)), verdict.effect


def _bar(name: str, low: float, high: float, middle: float, y: float) -> str:
    return (
        f'<text class="axis" x="0" y="{y + 4:.0f}">{name}</text>'
        f'<line class="{name}" x1="{low:.1f}" x2="{high:.1f}" y1="{y:.0f}" y2="{y:.0f}"/>'
        f'<circle class="{name}-dot" cx="{middle:.1f}" cy="{y:.0f}" r="4.5"/>'
    )


def outcomes(shown: Outcomes) -> Markup:
    """One bar of all attempts, split by how they ended."""
    total = sum(shown.counts.values())
    if not total:
        return Markup("")
    parts, x = [], 0.0
    for word, name in figures.ENDINGS.items():
        n = shown.counts.get(word, 0)
        width = WIDTH * n / total
        if n:
            title = f"{name}: {n:,} of {total:,}, {figures.share(n / total, signed=False)}"
            parts.append(
                f'<rect class="{word}" x="{x:.1f}" y="0" width="{max(width - 1.5, 0.5):.1f}" height="18">'
                f"<title>{said(title)}</title></rect>"
            )
        x += width
    return _svg(parts, WIDTH, 18, "how the attempts ended", stretch=True)


def _svg(parts: Sequence[str], width: float, height: float, label: str, *, stretch: bool = False) -> Markup:
    keep = ' preserveAspectRatio="none"' if stretch else ""
    return Markup(  # every text in `parts` went through `said`
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{said(label)}"{keep}>{"".join(parts)}</svg>'
    )
