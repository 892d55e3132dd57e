"""
Build time: how long a successful run takes, from its start to its end

The mean comes first because a team pays for and waits through every minute; the median (p50) and the slowest twentieth (p95)
stand beside it. Only successful first attempts count: a failed run ends where it fails, and a re-run repeats only a part.
Waiting for the first runner is not in it. The window is the last 28 days of the collected history; the interval resamples
whole days. The trend looks at up to 180 active days of the same history.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, quantiles

from trimtab.catalogue.evidence import Evidence
from trimtab.catalogue.reading.builds import COMMAND, recent
from trimtab.model import Direction, KpiValue, Run, Unknown
from trimtab.replay.outcomes import Outcome, first_attempts, outcome
from trimtab.replay.runs import ended

unit = "minutes"
better: Direction = "lower"
target = 30.0

LEVEL = 0.95


def measure(evidence: Evidence, workflows: tuple[str, ...]) -> KpiValue:
    """Mean minutes of successful first attempts; Unknown without one."""
    from trimtab.stats.bootstrap import mean_interval  # numpy: not for commands that only name the KPIs

    found = recent(evidence, workflows)
    if isinstance(found, Unknown):
        return KpiValue(found)
    timed = _timed(found.runs)
    if not timed:
        return KpiValue(Unknown("no first attempt succeeded", COMMAND))
    minutes = [value for _, value in timed]
    cuts = quantiles(minutes, n=20, method="inclusive") if len(minutes) > 1 else minutes * 19
    p50, p95 = cuts[9], cuts[18]
    blocks = mean_interval([(run.created, value) for run, value in timed], LEVEL)
    low, high = (None, None) if isinstance(blocks, Unknown) else blocks
    says = (
        f"p50 {p50:.1f} min, p95 {p95:.1f} min, {len(timed):,} successful first attempt{'s' * (len(timed) != 1)}",
        _trend_words(evidence, workflows),
        found.window(),
    )
    return KpiValue(mean(minutes), low, high, len(timed), says)


def _timed(runs: Sequence[Run]) -> list[tuple[Run, float]]:
    """Successful first attempts with their minutes."""
    timed = []
    for run in first_attempts(runs):
        end = ended(run)
        if outcome(run) is Outcome.SUCCESS and end is not None and end > (run.started or run.created):
            timed.append((run, (end - (run.started or run.created)).total_seconds() / 60))
    return timed


def _trend_words(evidence: Evidence, workflows: tuple[str, ...]) -> str:
    """The trend of the busiest workflow in words; several together would show a change of their mix."""
    from trimtab.stats.trend import trend

    paths = workflows or tuple(workflow.path for workflow in evidence.workflows())
    histories = [known for path in paths if not isinstance(known := evidence.history(path), Unknown)]
    busiest = max(histories, key=lambda history: len(history.runs))
    timed = _timed(busiest.runs)
    slope = trend([(run.created, value) for run, value in timed])
    if isinstance(slope, Unknown):
        return f"trend: unknown ({slope.why})"
    of = f" of {timed[0][0].workflow}" if len(histories) > 1 else ""
    ends = f"{slope.low * 100:+.1f} ... {slope.high * 100:+.1f} %"
    return f"trend{of}: {slope.per_month * 100:+.1f} % a month ({slope.level * 100:.0f} %: {ends}; {slope.runs:,} runs)"
