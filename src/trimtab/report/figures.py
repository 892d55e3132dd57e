"""
How numbers are said: with unit, sign, interval and what they rest on

One convention everywhere: an interval runs from the end nearer to zero to the other ("-18 ... -24 %"), a change carries its
sign, and no number shows more digits than it has.
"""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.model import Decision, Prediction, Stage, Verdict

METRICS = {
    "runner_minutes": "runner minutes",
    "feedback_seconds": "feedback time",
    "build_seconds": "build time",
    "storage_bytes": "storage",
}
ENDINGS = {  # how a run ended, in the order in which it is told
    "success": "success",
    "code": "failed: code",
    "infra": "failed: infrastructure",
    "cancelled": "cancelled",
    "skipped": "skipped",
    "running": "running",
}
_LIVE_WORDS = {
    Decision.KEEP: "helped",
    Decision.UNDO: "hurt",
    Decision.NO_EFFECT: "no real difference",
    Decision.WAIT: "too early",
    Decision.UNVERIFIABLE: "cannot be measured",
}
_ENDED = frozenset({Stage.UNDONE, Stage.KEPT, Stage.UNDOING, Stage.CONFLICT})


def metric_words(metric: str) -> str:
    """A metric's name as it is spoken."""
    return METRICS.get(metric, metric.replace("_", " "))


def number(value: float, *, signed: bool = False) -> str:
    """Three significant digits or all before the point, thousands apart: 0.123, 4.5, 24.1, 1,235."""
    size = abs(value)
    digits = 0 if size >= 100 or value == round(value) else 1 if size >= 1 else 2
    text = f"{value:+,.{digits}f}" if signed else f"{value:,.{digits}f}"
    return "0" if text in ("-0", "+0", "-0.0", "+0.0", "-0.00", "+0.00") else text


def share(value: float, *, signed: bool = True) -> str:
    """A share as per cent: -0.19 is "-19 %"; one digit more below 10 %."""
    digits = 0 if abs(value) >= 0.0995 or value == 0 else 1
    text = f"{value * 100:+.{digits}f}" if signed else f"{value * 100:.{digits}f}"
    return ("0" if text.strip("+-0.") == "" else text) + " %"


def span(low: float, high: float) -> tuple[float, float]:
    """The two ends in the order they are said: nearer to zero first when both have one sign, else low first."""
    return (high, low) if high <= 0 else (low, high)


def interval(low: float, high: float, unit: str = "", *, signed: bool = True, once: bool = False) -> str:
    """ "-18 ... -24 min" from (-24, -18); with `once` a single number when both ends read the same."""
    first, last = (number(end, signed=signed) for end in span(low, high))
    return (first if once and first == last else f"{first} ... {last}") + (f" {unit}" if unit else "")


def share_interval(low: float, high: float, *, signed: bool = True, once: bool = False) -> str:
    """ "-18 ... -24 %" from (-0.24, -0.18); with `once` a single number when both ends read the same."""
    first, last = (share(end, signed=signed) for end in span(low, high))
    return last if once and first == last else f"{first.removesuffix(' %')} ... {last}"


def count(n: int, noun: str) -> str:
    """ "1 run", "2 runs", "1,204 runs"."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def sides(verdict: Verdict) -> str:
    """ "96 runs without, 41 with"."""
    return f"{count(verdict.control, 'run')} without, {verdict.n:,} with"


def duration(seconds: float) -> str:
    """Seconds as a person says them: 42 s, 12.4 min, 3.5 h, 9 days."""
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (2 * 86400, 3600, "h")):
        if abs(seconds) < limit:
            return f"{number(round(seconds / size, 0 if size == 1 else 1))} {unit}"
    return f"{seconds / 86400:.0f} days"


def size(bytes_: float) -> str:
    """Bytes in decimal units, as disks and GitHub count them."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(bytes_) < 1000:
            return f"{number(round(bytes_, 1))} {unit}"
        bytes_ /= 1000
    return f"{number(round(bytes_, 1))} TB"


def in_unit(value: float, unit: str) -> str:
    """A KPI's value in words; shares, seconds, minutes and bytes are scaled to what a person reads."""
    match unit:
        case "share":
            return f"{number(round(value * 100, 1))} %"
        case "seconds" | "s":
            return duration(value)
        case "minutes" | "min":
            return f"{number(round(value, 1))} min"
        case "bytes" | "B":
            return size(value)
        case "%":
            return f"{number(round(value, 1))} %"
        case _:
            return f"{number(value)} {unit}".rstrip()


def predicted(prediction: Prediction, *, rests: bool = True) -> str:
    """A prediction on one line: amounts per 30 days, share and, if `rests`, level, runs and days it rests on."""
    scale, unit = (60.0, "min") if prediction.metric.endswith("_seconds") else (1.0, "")
    if prediction.metric.endswith("_minutes"):
        unit = "min"
    amount = interval(prediction.low / scale, prediction.high / scale, unit, once=True)
    rest = [f"{prediction.level * 100:.0f} % interval", count(prediction.runs, "run")]
    rest = [*rest, count(round(prediction.days), "day")] if rests else []
    if prediction.low_share is not None and prediction.high_share is not None:
        rest.insert(0, share_interval(prediction.low_share, prediction.high_share, once=True))
    return f"{metric_words(prediction.metric)} {amount} per 30 days" + (f" ({', '.join(rest)})" if rest else "")


def range_in_unit(low: float, high: float, unit: str) -> str:
    """ "40.7 ... 45.9 min": an interval of a KPI, the unit said once when both ends have the same."""
    first, last = in_unit(low, unit), in_unit(high, unit)
    same = first.rpartition(" ")[2] == last.rpartition(" ")[2]
    return f"{first.rpartition(' ')[0] if same and ' ' in first else first} ... {last}"


def told(prediction: Prediction) -> tuple[Prediction, ...]:
    """A prediction with those beside it that predict anything at all."""
    return (prediction, *(other for other in prediction.also if other.low or other.high))


def endings(counts: Mapping[str, int]) -> str:
    """ "success 2,466 (84 %), failed: code 313 (11 %)": how runs ended, what never happened left out."""
    total = sum(counts.values())
    told = [(name, counts[word]) for word, name in ENDINGS.items() if counts.get(word)]
    return ", ".join(f"{name} {n:,} ({share(n / total, signed=False)})" for name, n in told)


def decision_words(verdict: Verdict, stage: Stage | None = None) -> str:
    """The decision as screens say it; `stage` adds what became of the change."""
    words = _LIVE_WORDS[verdict.decision]
    if stage is Stage.UNDONE and verdict.decision is Decision.WAIT:
        return "undone before its effect could be told"
    if verdict.decision is Decision.WAIT:
        words += _missing(verdict)
    if stage is Stage.UNDONE and verdict.decision is Decision.UNDO:
        return f"{words} (undone)"
    return f"{words}, {stage}" if stage in _ENDED else words


def _missing(verdict: Verdict) -> str:
    """ " (about 9 days, 60 runs)": what a verdict still waits for."""
    days, runs = verdict.wait_days, verdict.wait_runs
    parts = [f"about {count(max(round(days), 1), 'day')}"] if days is not None else []
    parts += [count(runs, "run")] if runs is not None else []
    return f" ({', '.join(parts)})" if parts else ""
