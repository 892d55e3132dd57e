"""
Does the before/after verdict cry wolf, and does it see a wolf? Asked of a real series of runs

    python bench/placebo.py HISTORY.csv[.gz] --workflow on-merge --steps 2025-02-17,2025-04-04

At every date at least 14 days away from the series' own steps it pretends that a change went live: first one that does
nothing, then ones that make every later run faster or slower. Each verdict is `loop.measure.measure` itself, with what was
known on that date and a fortnight later: nothing from the future calibrates it. The same dates are given to the yardstick,
Welch's t test on logarithms, which is what a dashboard's "significant at 5 %" amounts to. Deterministic.

Exit code 1 when one of the bars given on the command line is missed.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trimtab.loop.measure import measure, points
from trimtab.model import Decision, EditFile, Intervention, PlannedFile, Risk, Run, Unknown, Verdict
from trimtab.stats.placebo import WINDOW_DAYS
from trimtab.stats.student import t_quantile
from trimtab.world import history_files

METRIC = "build_seconds"
HORIZON_DAYS = 28
FACTORS = {"nothing": 1.0, "-30 %": 0.7, "-20 %": 0.8, "+40 %": 1.4, "+20 %": 1.2}


@dataclass(frozen=True, slots=True)
class Tally:
    """What was decided at a list of dates under one injected effect."""

    name: str
    decisions: tuple[Decision, ...]

    def share(self, decision: Decision) -> float:
        return self.decisions.count(decision) / max(len(self.decisions), 1)


def main(argv: Sequence[str]) -> int:
    args = _arguments(argv)
    runs = [run for run in history_files.read([args.history]).runs if args.workflow in run.workflow]
    if not runs:
        print(f"no run of {args.workflow} in {args.history}", file=sys.stderr)
        return 2
    steps = [date.fromisoformat(text) for text in args.steps.split(",") if text]
    dates = quiet_dates(runs, steps, WINDOW_DAYS)
    print(
        f"{len(runs)} runs of {args.workflow}, {len(points(runs, METRIC))} successful first attempts, {len(dates)} dates"
    )
    tallies = {name: tally(runs, dates, name, factor, WINDOW_DAYS) for name, factor in FACTORS.items()}
    _print_table("first look, 14 days after the change", tallies)
    able = [day for day in dates if tallies["nothing"].decisions[dates.index(day)] is not Decision.UNVERIFIABLE]
    print(f"the other {len(dates) - len(able)} dates have too little history before them: cannot be measured\n")
    if able != dates:
        shown = {name: tally(runs, able, name, factor, WINDOW_DAYS) for name, factor in FACTORS.items()}
        _print_table("the same, where a verdict was possible", shown)
    late = quiet_dates(runs, steps, HORIZON_DAYS)
    shown = {name: tally(runs, late, name, factor, HORIZON_DAYS) for name, factor in FACTORS.items()}
    _print_table(f"both looks, at the horizon of {HORIZON_DAYS} days (no step within that either)", shown)
    _print_steps(runs, steps)
    wrong = sum(welch(runs, day) for day in dates) / max(len(dates), 1)
    false = 1 - sum(tallies["nothing"].share(d) for d in (Decision.WAIT, Decision.NO_EFFECT, Decision.UNVERIFIABLE))
    print(
        f"yardstick: Welch's test on logarithms calls {wrong:.1%} of these dates significant at 5 %; Trimtab {false:.1%}"
    )
    return _judge(args, tallies, false)


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    parser.add_argument("history", type=Path, help="CSV, JSON or gz that `trimtab collect` can read")
    parser.add_argument("--workflow", required=True, help="part of the workflow's name")
    parser.add_argument("--steps", default="", help="dates at which the series itself changed, with commas between")
    parser.add_argument("--max-false", type=float, default=0.05)
    parser.add_argument("--min-power", type=float, default=0.70, help="for -30 % and +40 %".replace("%", "%%"))
    return parser.parse_args(argv)


def quiet_dates(runs: Sequence[Run], steps: Sequence[date], after_days: int) -> list[date]:
    """Dates with 14 days of data before and `after_days` after, no step in either nor 14 days around."""
    first, last = min(r.created for r in runs).date(), max(r.created for r in runs).date()
    days = [first + timedelta(days=n) for n in range(WINDOW_DAYS, (last - first).days - after_days + 2)]

    def quiet(day: date) -> bool:
        return not any(-WINDOW_DAYS < (step - day).days < max(after_days, WINDOW_DAYS) for step in steps)

    return [day for day in days if quiet(day)]


def tally(runs: Sequence[Run], dates: Sequence[date], name: str, factor: float, looked_after: int) -> Tally:
    return Tally(name, tuple(verdict(runs, day, factor, looked_after).decision for day in dates))


def verdict(runs: Sequence[Run], day: date, factor: float, looked_after: int) -> Verdict:
    """What measure says `looked_after` days after a change at midnight of `day` that multiplies durations by `factor`."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    changed = [run if run.created < at else _scaled(run, factor) for run in runs]
    return measure(
        _plan(runs[0].workflow, at),
        changed,
        now=at + timedelta(days=looked_after),
        live_from=None,
        treated_blobs=frozenset(),
        control_blobs=frozenset(),
        rule=None,
        effective_at=at,
    )


def welch(runs: Sequence[Run], day: date) -> bool:
    """Whether Welch's two-sided t test on logs of the same two fortnights says "significant at 5 %"."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    width = timedelta(days=WINDOW_DAYS)
    sides = [
        np.log([p.value for p in points(runs, METRIC) if start <= p.at < start + width]) for start in (at - width, at)
    ]
    return significant(sides[0], sides[1])


def significant(one: NDArray[np.float64], two: NDArray[np.float64]) -> bool:
    """Whether Welch's test calls the difference of two means significant at 5 %."""
    if min(one.size, two.size) < 3:
        return False
    errors = [float(side.var(ddof=1) / side.size) for side in (one, two)]
    df = sum(errors) ** 2 / sum(e**2 / (side.size - 1) for e, side in zip(errors, (one, two), strict=True))
    return abs(float(two.mean() - one.mean())) / math.sqrt(sum(errors)) > t_quantile(0.975, max(int(df), 1))


def _scaled(run: Run, factor: float) -> Run:
    if run.ended is None:
        return run
    start = run.started or run.created
    return replace(run, ended=start + (run.ended - start) * factor)


def _plan(workflow: str, at: datetime) -> Intervention:
    file = PlannedFile(workflow, "", "", "", "", EditFile(workflow))
    return Intervention(
        id="placebo0",
        rule="placebo",
        says="",
        findings=(),
        files=(file,),
        metric=METRIC,
        design="before_after",
        horizon_days=HORIZON_DAYS,
        predicts=Unknown("a placebo promises nothing"),
        risk=Risk.REVIEW,
        planned=at,
        digest="",
    )


def _print_table(title: str, tallies: dict[str, Tally]) -> None:
    n = len(next(iter(tallies.values())).decisions)
    print(f"{title}: {n} dates")
    for item in tallies.values():
        counts = Counter(item.decisions)
        helped, hurt = item.share(Decision.KEEP), item.share(Decision.UNDO)
        rest = ", ".join(f"{d.value} {counts[d]}" for d in Decision if counts[d])
        print(f"  {item.name:>8}  helped {helped:6.1%}   hurt {hurt:6.1%}   ({rest})")
    print()


def _print_steps(runs: Sequence[Run], steps: Sequence[date]) -> None:
    print("for comparison, the series' own steps, as if a change had gone live on the day")
    for step in steps:
        found = verdict(runs, step, 1.0, WINDOW_DAYS)
        shown = "no estimate"
        if found.effect is not None and found.low is not None and found.high is not None:
            shown = f"{found.effect:+.1%} ({found.low:+.1%} ... {found.high:+.1%})"
        print(f"  {step}  {found.decision.value:>12}  {shown}")
    print()


def _judge(args: argparse.Namespace, tallies: dict[str, Tally], false: float) -> int:
    bars = (
        ("false verdicts", false, false <= args.max_false),
        ("-30 % found", tallies["-30 %"].share(Decision.KEEP), tallies["-30 %"].share(Decision.KEEP) >= args.min_power),
        ("+40 % found", tallies["+40 %"].share(Decision.UNDO), tallies["+40 %"].share(Decision.UNDO) >= args.min_power),
    )
    for name, value, met in bars:
        print(f"{'met   ' if met else 'MISSED'} {name}: {value:.1%}")
    return 0 if all(met for _, _, met in bars) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
