"""
A percentile of job lengths when some jobs were stopped by their time limit

A job that was killed at 30 minutes did not take 30 minutes: it would have taken longer. Dropping it, or taking the limit
for its length, makes every percentile too small, and a timeout set from it kills more jobs. The Kaplan-Meier estimator
(Kaplan and Meier 1958, product limit) uses such lengths for what they are: lower bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from trimtab.model import Unknown


def quantile(durations: Sequence[float], censored: Sequence[bool], q: float) -> float | Unknown:
    """
    The Kaplan-Meier estimate of the `q` quantile (0 < q < 1) of durations, in their unit

    `censored[i]` says that duration i is only a lower bound. Without censoring this is the smallest observed value that
    at least a share q of all lie at or below. Unknown when so much is censored that the curve never gets there: then
    the data only says that the quantile is larger than the largest observation.

    Raises ValueError when q is outside (0, 1) or the two sequences differ in length.
    """
    if not 0 < q < 1 or len(durations) != len(censored):
        raise ValueError(
            f"quantile needs 0 < q < 1 and as many flags as durations, got {q}, {len(durations)}, {len(censored)}"
        )
    if not durations:
        return Unknown("no durations")
    # At equal lengths a finished one comes before a censored one, which outlives it.
    observations = sorted(zip(durations, censored, strict=True))
    at_risk, surviving = len(observations), 1.0
    for length, ended in _ends(observations):
        surviving *= 1.0 - ended.finished / (at_risk - ended.before)
        if surviving <= 1.0 - q + 1e-12:
            return float(length)
    stopped = sum(censored)
    why = f"{stopped} of {at_risk} were stopped by a limit, so the {q:.0%} point lies beyond what was seen"
    return Unknown(why)


class _Ended(NamedTuple):
    """At one length: how many observations are shorter, and how many finished there."""

    before: int
    finished: int


def _ends(observations: Sequence[tuple[float, bool]]) -> Iterator[tuple[float, _Ended]]:
    """Each length at which something finished, shortest first; `observations` are sorted."""
    before = 0
    for length, group in groupby(observations, key=itemgetter(0)):
        flags = [stopped for _, stopped in group]
        finished = len(flags) - sum(flags)
        if finished:
            yield length, _Ended(before, finished)
        before += len(flags)
