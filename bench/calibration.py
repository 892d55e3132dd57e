"""
Is a verdict as sure as it says? Asked of simulated series in which nothing happens

    python bench/calibration.py [--seeds 200] [--days 112]

Eight kinds of unpleasantness (tests/series.py: correlated days, weekends, drift, a random walk, other people's steps, bimodal
caches, one run a day). For each it prints how often `loop.measure.measure` claims something at either of its two looks
although nothing happened, how often the 95 % interval of the first look holds zero, how often an injected effect is
found, and what a dashboard does that runs Welch's test every day of the four weeks. Deterministic.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from placebo import METRIC, significant, verdict
from series import KINDS, START, series
from trimtab.loop.measure import points
from trimtab.model import Decision, Run
from trimtab.stats.placebo import WINDOW_DAYS, Point

HORIZON_DAYS = 28
COLUMNS = ("helped", "hurt", "holds 0", "no verdict", "-30 %", "-20 %", "+40 %", "peeking")


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--days", type=int, default=112, help="history before the change")
    args = parser.parse_args(argv)
    print(f"{args.seeds} series a kind, {args.days} days before, both looks; nothing happens in the first four columns")
    print(f"{'':9}" + "".join(f"{name:>11}" for name in COLUMNS))
    for kind in KINDS:
        rows = [row(kind, args.days, seed) for seed in range(args.seeds)]
        print(f"{kind:9}" + "".join(f"{share:11.1%}" for share in np.nanmean(rows, axis=0)), flush=True)
    return 0


def row(kind: str, days: int, seed: int) -> list[float]:
    """One series: 1 or 0 for each column, NaN where the question does not arise."""
    runs = [_run(n, point) for n, point in enumerate(series(kind, days + HORIZON_DAYS, 10_000 + seed))]
    day = (START + timedelta(days=days)).date()
    nothing = verdict(runs, day, 1.0, HORIZON_DAYS)
    first = verdict(runs, day, 1.0, WINDOW_DAYS)
    known = first.low is not None and first.high is not None
    holds = float(first.low <= 0 <= first.high) if first.low is not None and first.high is not None else math.nan
    found = [verdict(runs, day, factor, HORIZON_DAYS).decision for factor in (0.7, 0.8, 1.4)]
    return [
        nothing.decision is Decision.KEEP,
        nothing.decision is Decision.UNDO,
        holds,
        not known,
        found[0] is Decision.KEEP,
        found[1] is Decision.KEEP,
        found[2] is Decision.UNDO,
        peeking(runs, days),
    ]


def peeking(runs: Sequence[Run], days: int) -> bool:
    """Whether Welch's test on logs, looked at on each of the 28 days after, is "significant at 5 %" on any of them."""
    told = points(runs, METRIC)
    at = START + timedelta(days=days)
    before = np.log([p.value for p in told if at - timedelta(days=WINDOW_DAYS) <= p.at < at])
    return any(
        significant(before, np.log([p.value for p in told if at <= p.at < at + timedelta(days=n)]))
        for n in range(1, HORIZON_DAYS + 1)
    )


def _run(number: int, point: Point) -> Run:
    return Run(number, 1, "ci.yml", "success", point.at, point.at, point.at + timedelta(seconds=point.value))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
