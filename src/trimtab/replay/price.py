"""
What a change would have saved: replay the recorded runs with and without it

The price of a finding is its `what_if` applied to the history at hand, compared run by run with what really happened, and
scaled to 30 days. The interval resamples whole UTC days, because runs of one day resemble each other (a broken main branch,
a busy runner pool). Runs whose jobs were not collected are represented by those of the same workflow and conclusion that were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from trimtab.model import History, Prediction, Run, Unknown, WhatIf
from trimtab.replay.runs import ended, runner_seconds

PRICE_DAYS = 30.0
MIN_DAYS, MIN_RUNS = 7.0, 20
LEVEL = 0.80
_REPEATS = 2000
_SLICE = 4_000_000  # numbers drawn at a time: 32 MB
_SEED = 20250401
COMMAND = "trimtab collect"
_COMMIT_EVENTS = frozenset({None, "push", "pull_request", "pull_request_target", "merge_group"})

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Days:
    """Per UTC day with runs: what the metric was, and by how much the change would have moved it."""

    base: Floats
    delta: Floats
    count: int  # days of the window, also those without runs
    units: int  # runs or commits behind the numbers


def price(history: History | Unknown, what_if: WhatIf, *, metric: str = "runner_minutes") -> Prediction | Unknown:
    """
    The expected change of `metric` ("runner_minutes" or "feedback_seconds") per 30 days, minus meaning less

    The other metric stands in `also`. Shares are relative to what the window held. Unknown, with the command that
    would get the history, below 7 days or 20 ended runs, or when no job was collected. Deterministic: the bootstrap is
    seeded. Raises ValueError for another metric.
    """
    if metric not in ("runner_minutes", "feedback_seconds"):
        raise ValueError(f"no price for metric {metric!r}")
    if isinstance(history, Unknown):
        return history
    missing = _too_little(history)
    if missing is not None:
        return missing
    after = what_if(history)
    known = sum(_seconds(run) is not None for run in history.runs)
    runs = f"{len(history.runs)} runs" + ("" if known == len(history.runs) else f", jobs known of {known}")
    minutes = _prediction("runner_minutes", _minutes_by_day(history, after), history, runs)
    days = _feedback_by_day(history, after)
    seconds = _prediction("feedback_seconds", days, history, f"{days.units} commits")
    if metric == "runner_minutes":
        return replace(minutes, also=(seconds,)) if days.units else minutes
    if not days.units:
        return Unknown("no commit whose runs all ended, so there is no feedback time", COMMAND)
    return replace(seconds, also=(minutes,))


def _too_little(history: History) -> Unknown | None:
    done = [run for run in history.runs if run.conclusion is not None]
    days = _window(history)
    if days < MIN_DAYS or len(done) < MIN_RUNS:
        has = f"{len(done)} runs in {days:.0f} days"
        return Unknown(f"{has}, needs {MIN_RUNS} runs in {MIN_DAYS:.0f} days", COMMAND)
    if not any(run.jobs for run in done):
        return Unknown("the jobs of these runs were not collected", COMMAND)
    return None


# ------------------------------------------------------------------------------------ the two metrics


def _minutes_by_day(history: History, after: History) -> _Days:
    """Runner minutes of each ended run whose jobs are known, weighted up to all runs of its workflow and conclusion."""
    later = {run.key: run for run in after.runs}
    done = [run for run in history.runs if run.conclusion is not None]
    everyone = Counter((run.workflow, run.conclusion) for run in done)
    sampled = Counter((run.workflow, run.conclusion) for run in done if _seconds(run) is not None)
    days = _Sums(history)
    for run in done:
        seconds = _seconds(run)
        if seconds is None:
            continue
        weight = everyone[run.workflow, run.conclusion] / sampled[run.workflow, run.conclusion] / 60.0
        then = later.get(run.key)
        would = seconds if then is run else 0.0 if then is None else runner_seconds(then) or 0.0
        days.add(run.created, seconds * weight, (would - seconds) * weight)
    return days.done()


def _seconds(run: Run) -> float | None:
    """What a run cost; a success without jobs cost something that is no longer known."""
    return None if run.conclusion == "success" and not run.jobs else runner_seconds(run)


def _feedback_by_day(history: History, after: History) -> _Days:
    """
    Seconds from the creation of a commit's first run to the end of its last, for commits that got an answer in both worlds

    First attempts only: a re-run days later is not feedback on the push. Commits with a cancelled or unfinished run in
    either world are left out, because a cancelled run is quick but tells nothing. Without SHAs each run is a commit.
    """
    later = _answers(after.runs)
    days = _Sums(history)
    for commit, (created, end) in _answers(history.runs).items():
        then = later.get(commit)
        if then is not None:
            days.add(created, (end - created).total_seconds(), (then[1] - end).total_seconds())
    return days.done()


def _answers(runs: Iterable[Run]) -> dict[str, tuple[datetime, datetime]]:
    """By commit: when its first run was created and when its last one ended."""
    spans: dict[str, tuple[datetime, datetime]] = {}
    unanswered: set[str] = set()
    for run in runs:
        if run.attempt != 1 or run.event not in _COMMIT_EVENTS:
            continue
        commit, end = run.sha or f"run {run.id}", ended(run)
        if end is None or run.conclusion in (None, "cancelled"):
            unanswered.add(commit)
            continue
        first, last = spans.get(commit, (run.created, end))
        spans[commit] = (min(first, run.created), max(last, end))
    return {commit: span for commit, span in spans.items() if commit not in unanswered}


class _Sums:
    """Adds up (level, change) per UTC day; what it takes grows with the days that had runs, not with the window."""

    def __init__(self, history: History) -> None:
        last = max(history.end - timedelta(microseconds=1), history.start)  # midnight belongs to the day before
        self._window = last.toordinal() - history.start.toordinal() + 1
        self._days: dict[date, tuple[float, float]] = {}
        self._units = 0

    def add(self, at: datetime, base: float, delta: float) -> None:
        known = self._days.get(at.date(), (0.0, 0.0))
        self._days[at.date()] = (known[0] + base, known[1] + delta)
        self._units += 1

    def done(self) -> _Days:
        sums = np.array([self._days[day] for day in sorted(self._days)]).reshape(-1, 2)
        return _Days(sums[:, 0], sums[:, 1], max(self._window, len(self._days), 1), self._units)


# ------------------------------------------------------------------------------------ the interval


def _prediction(metric: str, days: _Days, history: History, rests_on: str) -> Prediction:
    """Sums per 30 days with the day-block bootstrap interval (percentiles of resampled days, seeded)."""
    window = _window(history)
    per_month = PRICE_DAYS / max(window, 1.0)
    deltas, bases = _resampled(days)
    tails = [50 * (1 - LEVEL), 100 - 50 * (1 - LEVEL)]
    low, high = np.percentile(deltas, tails) * per_month
    mid = float(days.delta.sum() * per_month)
    shares: tuple[float | None, float | None] = (None, None)
    if days.base.sum() > 0:
        ratios = np.percentile(deltas[bases > 0] / bases[bases > 0], tails)
        shares = (float(ratios[0]), float(ratios[1]))
    return Prediction(
        metric=metric,
        low=min(float(low), mid),
        mid=mid,
        high=max(float(high), mid),
        low_share=shares[0],
        high_share=shares[1],
        runs=days.units if metric == "feedback_seconds" else len(history.runs),
        days=window,
        basis=f"replay of {rests_on} in {window:.0f} days, unlimited runners",
        level=LEVEL,
    )


def _resampled(days: _Days) -> tuple[Floats, Floats]:
    """
    Sums of (change, level) over as many days as the window has, drawn with replacement, `_REPEATS` times

    The days without runs are one more outcome that adds nothing, however many they are; drawn in slices of bounded size.
    """
    active = days.base.size
    chances = np.append(np.full(active, 1.0 / days.count), max(1.0 - active / days.count, 0.0))
    draw, slice_ = np.random.default_rng(_SEED), max(1, min(_REPEATS, _SLICE // (active + 1)))
    deltas, bases = [], []
    for start in range(0, _REPEATS, slice_):
        weights = draw.multinomial(days.count, chances, size=min(slice_, _REPEATS - start))[:, :active]
        deltas.append(weights @ days.delta)
        bases.append(weights @ days.base)
    return np.concatenate(deltas), np.concatenate(bases)


def _window(history: History) -> float:
    """Days of the window; the last microsecond of a whole day is not missing from it."""
    return round(history.days, 4)
