"""
Which runs had the change and which had not: decided by what each run executed, never by a date if that can be known

A run executes the workflow file at its head commit. A pull request opened before the change was merged goes on without it for
days, and the pull request that brings the change runs with it before anybody else does: dates would put both on the wrong side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from trimtab.model import Run, Unknown


@dataclass(frozen=True, slots=True)
class Sides:
    """
    Ended runs of the changed workflows, oldest first

    `start` is when the change became live, None before its first run. `treated` ran with it, `control` with exactly what
    stood there before it. `past` is everything from before the start without the change, whatever version it ran.
    """

    start: datetime | None
    treated: tuple[Run, ...]
    control: tuple[Run, ...]
    past: tuple[Run, ...]


def sides(
    runs: Sequence[Run],
    treated_blobs: frozenset[str],
    control_blobs: frozenset[str],
    *,
    live_from: datetime | None,
    effective_at: datetime | None,
) -> Sides | Unknown:
    """
    Part the runs into with and without the change

    By workflow blob; runs of an unknown blob by `effective_at` if it is given, else they are left out. Unknown when no
    run tells its blob and there is no such time.
    """
    dark = [run for run in runs if run.blob is None]
    if runs and len(dark) == len(runs) and effective_at is None:
        return Unknown("no run tells which version of the workflow it executed (no commit id in this history)")
    with_change = [run for run in runs if run.blob in treated_blobs]
    if effective_at is not None:
        with_change += [run for run in dark if run.created >= effective_at]
    start = live_from or effective_at or min((run.created for run in with_change), default=None)
    if start is not None:
        with_change = [run for run in with_change if run.created >= start]
    without = [run for run in runs if run.blob in control_blobs]
    if effective_at is not None:
        without += [run for run in dark if run.created < effective_at]
    past = [run for run in runs if run.blob not in treated_blobs and (start is None or run.created < start)]
    return Sides(start, _ordered(with_change), _ordered(without), _ordered(past))


def distinct(runs: Iterable[Run], now: datetime) -> tuple[Run, ...]:
    """
    Ended runs created until `now`, each attempt once, oldest first

    Of two records of the same attempt the fuller and later one counts, whichever came first.
    """
    best: dict[tuple[int, int], Run] = {}
    for run in runs:
        if run.conclusion is None or run.created > now:
            continue
        if run.key not in best or _fullness(run) > _fullness(best[run.key]):
            best[run.key] = run
    return _ordered(best.values())


def _fullness(run: Run) -> tuple[bool, bool, str, str]:
    return run.jobs is not None, run.blob is not None, run.ended.isoformat() if run.ended else "", repr(run)


def _ordered(runs: Iterable[Run]) -> tuple[Run, ...]:
    return tuple(sorted(runs, key=lambda run: (run.created, run.id, run.attempt)))
